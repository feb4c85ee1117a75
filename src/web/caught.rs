//! What the demo's mail catcher received.

use actix_web::{HttpResponse, web};
use askama::Template;
use mail_parser::MessageParser;
use serde_json::json;

use super::errors::PageError;
use super::messages::framed;
use super::page::{Chrome, Person, html};
use crate::app::State;
use crate::catcher::Caught;
use crate::domain::error::Error;
use crate::domain::messages::markup;

#[derive(Template)]
#[template(path = "messages/caught.html")]
struct CaughtPage {
    chrome: Chrome,
    mails: Vec<Caught>,
}

fn caught(state: &State) -> Result<Vec<Caught>, PageError> {
    let catcher = state.catcher.as_ref().ok_or_else(|| Error::not_found("page"))?;
    Ok(catcher.messages())
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let mut mails = caught(&state)?;
    mails.reverse();
    html(&CaughtPage { chrome: person.visit.chrome("Caught mail", "catcher"), mails })
}

pub(super) async fn preview(_person: Person, state: web::Data<State>, id: web::Path<u64>) -> Result<HttpResponse, PageError> {
    let mail = caught(&state)?.into_iter().find(|mail| mail.id == *id).ok_or_else(|| Error::not_found("mail"))?;
    let html = MessageParser::default().parse(&mail.raw).and_then(|parsed| parsed.body_html(0).map(|html| html.into_owned()));
    Ok(framed(html.unwrap_or_else(|| format!("<pre>{}</pre>", markup::escape(&String::from_utf8_lossy(&mail.raw)))), false))
}

/// For scripts; the demo listens on loopback and its mail is made up.
pub(super) async fn json(state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let mails: Vec<_> = caught(&state)?
        .iter()
        .map(|mail| json!({"to": mail.to.join(", "), "subject": mail.subject, "raw": String::from_utf8_lossy(&mail.raw)}))
        .collect();
    Ok(HttpResponse::Ok().json(mails))
}

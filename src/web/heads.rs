//! The signed heads of the audit log, and the keys that sign them and every mail.

use actix_session::Session;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::audit::heads::{self, SignedHead};
use crate::domain::error::Error;
use crate::domain::provenance::keys::{self, Key};

/// Heads on the page.
const LISTED: i64 = 60;

#[derive(Template)]
#[template(path = "audit/heads.html")]
struct HeadsPage {
    chrome: Chrome,
    heads: Vec<SignedHead>,
    keys: Vec<Key>,
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let (heads, keys) = state.read(move |conn| Ok((heads::list(conn, &actor, LISTED)?, keys::list(conn, &actor)?))).await?;
    html(&HeadsPage { chrome: person.visit.chrome("Signatures", "audit"), heads, keys })
}

/// One head as a file, to be kept elsewhere.
pub(super) async fn file(person: Person, state: web::Data<State>, day: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, day) = (person.actor.clone(), day.into_inner());
    let all = state.read(move |conn| heads::list(conn, &actor, i64::MAX)).await?;
    let head = all.into_iter().find(|head| head.day == day).ok_or_else(|| Error::not_found("head"))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"audit-head-{}.json\"", head.day)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(head))
}

pub(super) async fn rotate(person: Person, state: web::Data<State>, session: Session, _form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    state.write(move |conn| keys::rotate(conn, &actor, clock::now())).await?;
    flash(&session, "A new key signs from now on. What the one before signed can still be checked.");
    Ok(see_other("/audit/heads"))
}

pub(super) async fn withdraw(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), id.into_inner());
    state.write(move |conn| keys::withdraw(conn, &actor, &id, clock::now())).await?;
    flash(&session, "The key is withdrawn. What it signed proves nothing any more.");
    Ok(see_other("/audit/heads"))
}

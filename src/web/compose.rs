//! Writing a message by hand.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::content::Words;
use crate::domain::messages::submit::{NewMessage, submit};
use crate::domain::messages::{Origin, State as MessageState};
use crate::domain::policy::consent::Class;
use crate::domain::preferences::topics::{self, Topic};

#[derive(Template)]
#[template(path = "messages/new.html")]
struct ComposePage {
    chrome: Chrome,
    mailboxes: Vec<Mailbox>,
    topics: Vec<Topic>,
    topic: String,
    mailbox: String,
    to: String,
    subject: String,
    text: String,
    transactional: bool,
    problem: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Recipient {
    to: Option<String>,
}

async fn page(person: Person, state: web::Data<State>, to: String) -> Result<ComposePage, PageError> {
    let actor = person.actor.clone();
    let (mailboxes, mut topics) = state.read(move |conn| Ok((mailboxes::list(conn, &actor)?, topics::list(conn, &actor)?))).await?;
    topics.retain(|topic| topic.archived_at.is_none());
    let chrome = person.visit.chrome("Write a message", "messages");
    let empty = String::new;
    Ok(ComposePage {
        chrome,
        mailboxes,
        topics,
        topic: empty(),
        mailbox: empty(),
        to,
        subject: empty(),
        text: empty(),
        transactional: false,
        problem: None,
    })
}

pub(super) async fn new(person: Person, state: web::Data<State>, query: web::Query<Recipient>) -> Result<HttpResponse, PageError> {
    html(&page(person, state, query.into_inner().to.unwrap_or_default()).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let written = NewMessage {
        mailbox: form.some("mailbox").map(str::to_owned),
        to: form.get("to").to_owned(),
        to_name: None,
        words: Words { subject: form.get("subject").to_owned(), text: Some(form.get("text").to_owned()), html: None },
        tags: vec![],
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        class: if form.some("transactional").is_some() { Class::Transactional } else { Class::Commercial },
        campaign: None,
        topic: form.some("topic").map(str::to_owned),
        facts: vec![],
        origin: Origin::Person,
    };
    let actor = person.actor.clone();
    let given = written.clone();
    match state.write(move |conn| submit(conn, &actor, &given, clock::now())).await {
        Ok(message) => {
            flash(
                &session,
                match message.row.state {
                    MessageState::Pending => "Submitted. It waits for somebody else's approval.",
                    _ => "On its way.",
                },
            );
            Ok(see_other(&format!("/messages/{}", message.row.id)))
        }
        Err(error) => {
            let status = crate::api::status(error.kind);
            let page = ComposePage {
                mailbox: written.mailbox.unwrap_or_default(),
                topic: written.topic.unwrap_or_default(),
                subject: written.words.subject,
                text: written.words.text.unwrap_or_default(),
                transactional: written.class == Class::Transactional,
                problem: Some(error.for_people()),
                ..page(person, state, written.to).await?
            };
            html_with(status, &page)
        }
    }
}

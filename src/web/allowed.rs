//! The allow-list on the page of a mailbox.

use actix_session::Session;
use actix_web::{HttpResponse, web};

use super::errors::PageError;
use super::form::Form;
use super::mailboxes::show_page;
use super::page::{Person, flash, see_other, settled};
use crate::app::State;
use crate::clock;
use crate::domain::controls::allowed;
use crate::domain::controls::holding::Loosened;
use crate::domain::ids::{AllowedId, MailboxId};

/// What the form of a new recipient holds.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) recipient: String,
    pub(super) reason: String,
    pub(super) problem: Option<String>,
}

fn here(id: &str) -> String {
    format!("/mailboxes/{id}#allowed")
}

pub(super) async fn add(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, mailbox) = (person.actor.clone(), MailboxId::from(id.as_str()));
    let (recipient, reason) = (form.get("recipient").trim().to_owned(), form.get("reason").to_owned());
    let (whom, why) = (recipient.clone(), Some(reason.clone()).filter(|reason| !reason.is_empty()));
    let added = state.write(move |conn| allowed::add(conn, &actor, &mailbox, &whom, why.as_deref(), clock::now())).await;
    let done = added.map(|(row, what)| {
        let told = match what {
            Loosened::Done => format!("Mail to {} is no longer held because a machine wrote it.", row.pattern),
            Loosened::Waits => format!("{} is on the list once another administrator agrees, on this page.", row.pattern),
        };
        (told, here(&id))
    });
    settled(&session, done, async |problem| {
        let mut page = show_page(&person, &state, MailboxId::from(id.as_str()), None).await?;
        page.allowing = Fields { recipient, reason, problem: Some(problem) };
        Ok(page)
    })
    .await
}

pub(super) async fn confirm(
    person: Person,
    state: web::Data<State>,
    session: Session,
    path: web::Path<(String, String)>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, entry) = (person.actor.clone(), AllowedId::from(path.1.as_str()));
    state.write(move |conn| allowed::confirm(conn, &actor, &entry, clock::now())).await?;
    flash(&session, "Agreed. The recipient is on the list.");
    Ok(see_other(&here(&path.0)))
}

pub(super) async fn remove(
    person: Person,
    state: web::Data<State>,
    session: Session,
    path: web::Path<(String, String)>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, entry) = (person.actor.clone(), AllowedId::from(path.1.as_str()));
    state.write(move |conn| allowed::remove(conn, &actor, &entry, clock::now())).await?;
    flash(&session, "Off the list. Mail to them is held again.");
    Ok(see_other(&here(&path.0)))
}

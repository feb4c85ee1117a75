//! API keys: made here, shown once.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::actor::Scope;
use crate::domain::ids::{ApiKeyId, MailboxId};
use crate::domain::mailboxes::keys::{self, Key, NewKey};
use crate::domain::mailboxes::{self, Mailbox};

#[derive(Template)]
#[template(path = "keys/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Key>,
    mailboxes: Vec<Mailbox>,
    secret: Option<String>,
    problem: Option<String>,
}

impl IndexPage {
    fn where_used(&self, key: &Key) -> String {
        if key.mailboxes.is_empty() {
            return "all mailboxes".to_owned();
        }
        let named = self.mailboxes.iter().filter(|mailbox| key.mailboxes.contains(&mailbox.id));
        named.map(|mailbox| mailbox.address.as_str()).collect::<Vec<_>>().join(", ")
    }
}

async fn page(person: &Person, state: &State, secret: Option<String>, problem: Option<String>) -> Result<IndexPage, PageError> {
    let actor = person.actor.clone();
    let (rows, mailboxes) = state.read(move |conn| Ok((keys::list(conn, &actor)?, mailboxes::list(conn, &actor)?))).await?;
    Ok(IndexPage { chrome: person.visit.chrome("Keys", "keys"), rows, mailboxes, secret, problem })
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&page(&person, &state, None, None).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let new = NewKey {
        name: form.get("name").to_owned(),
        scopes: form.all("scopes").into_iter().filter_map(|word| word.parse::<Scope>().ok()).collect(),
        mailboxes: form.all("mailboxes").into_iter().map(MailboxId::from).collect(),
        is_test: form.some("is_test").is_some(),
    };
    let actor = person.actor.clone();
    match state.write(move |conn| keys::add(conn, &actor, &new, clock::now())).await {
        Ok((_, secret)) => html_with(StatusCode::CREATED, &page(&person, &state, Some(secret), None).await?),
        Err(error) => html_with(crate::api::status(error.kind), &page(&person, &state, None, Some(error.detail)).await?),
    }
}

pub(super) async fn revoke(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ApiKeyId::from(id.as_str()));
    state.write(move |conn| keys::revoke(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Revoked. It is refused from now on.");
    Ok(see_other("/keys"))
}

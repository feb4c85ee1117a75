//! People: adding, roles, mailboxes, disabling, who must have a second factor.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::accounts::second_factor::required::{self, Required, required};
use crate::domain::accounts::sessions;
use crate::domain::accounts::users::{self, NewUser};
use crate::domain::accounts::{User, identity};
use crate::domain::actor::Role;
use crate::domain::error::Error;
use crate::domain::ids::{MailboxId, UserId};
use crate::domain::mailboxes::{self, Mailbox};

#[derive(Template)]
#[template(path = "users/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<User>,
    mailboxes: Vec<Mailbox>,
    invitation: Option<String>,
    required: Required,
    problem: Option<String>,
}

async fn page(person: &Person, state: &State, invitation: Option<String>, problem: Option<String>) -> Result<IndexPage, PageError> {
    let actor = person.actor.clone();
    let read = state.read(move |conn| Ok((users::list(conn, &actor)?, mailboxes::list(conn, &actor)?, required(conn)?)));
    let (rows, mailboxes, required) = read.await?;
    let invitation = invitation.map(|token| format!("{}/invite/{token}", state.base_url));
    Ok(IndexPage { chrome: person.visit.chrome("Users", "users"), rows, mailboxes, invitation, required, problem })
}

async fn refused(person: &Person, state: &State, error: Error) -> Result<HttpResponse, PageError> {
    html_with(crate::api::status(error.kind), &page(person, state, None, Some(error.for_people())).await?)
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&page(&person, &state, None, None).await?)
}

fn memberships(form: &Form) -> Vec<MailboxId> {
    form.all("mailboxes").into_iter().map(MailboxId::from).collect()
}

pub(super) async fn create(person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let new = NewUser {
        email: form.get("email").to_owned(),
        name: form.get("name").to_owned(),
        role: form.word("role")?,
        password: None,
        mailboxes: memberships(&form),
    };
    let actor = person.actor.clone();
    match state.write(move |conn| users::add(conn, &actor, &new, clock::now())).await {
        Ok(added) => html_with(StatusCode::CREATED, &page(&person, &state, added.invitation, None).await?),
        Err(error) => refused(&person, &state, error).await,
    }
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id, role, boxes) = (person.actor.clone(), UserId::from(id.as_str()), form.word::<Role>("role")?, memberships(&form));
    match state.write(move |conn| users::change(conn, &actor, &id, role, &boxes, clock::now())).await {
        Ok(()) => {
            flash(&session, "Saved.");
            Ok(see_other("/users"))
        }
        Err(error) => refused(&person, &state, error).await,
    }
}

async fn set_disabled(person: Person, state: &State, session: &Session, id: &str, disabled: bool) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), UserId::from(id));
    match state.write(move |conn| users::set_disabled(conn, &actor, &id, disabled, clock::now())).await {
        Ok(()) => {
            flash(session, if disabled { "Disabled. Their sessions have ended." } else { "Enabled." });
            Ok(see_other("/users"))
        }
        Err(error) => refused(&person, state, error).await,
    }
}

pub(super) async fn disable(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    set_disabled(person, &state, &session, &id, true).await
}

pub(super) async fn enable(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    set_disabled(person, &state, &session, &id, false).await
}

pub(super) async fn invite(person: Person, state: web::Data<State>, id: web::Path<String>, _form: Form) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), UserId::from(id.as_str()));
    match state.write(move |conn| users::invite_again(conn, &actor, &id, clock::now())).await {
        Ok(token) => html(&page(&person, &state, Some(token), None).await?),
        Err(error) => refused(&person, &state, error).await,
    }
}

pub(super) async fn require_second_factor(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, chosen) = (person.actor.clone(), form.word::<Required>("required")?);
    state.write(move |conn| required::set_required(conn, &actor, chosen, clock::now())).await?;
    flash(&session, "Saved. It holds from the next page that each of them opens.");
    Ok(see_other("/users"))
}

pub(super) async fn end_sessions(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), UserId::from(id.as_str()));
    state.write(move |conn| sessions::end_all_of(conn, &actor, &id, clock::now())).await?;
    flash(&session, "All their sessions have ended.");
    Ok(see_other("/users"))
}

pub(super) async fn unlink(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), UserId::from(id.as_str()));
    match state.write(move |conn| identity::unlink(conn, &actor, &id, clock::now())).await {
        Ok(()) => {
            flash(&session, "Unlinked. Their sessions have ended.");
            Ok(see_other("/users"))
        }
        Err(error) => refused(&person, &state, error).await,
    }
}

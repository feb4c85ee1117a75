//! Passkeys: adding and removing one's own, and signing in with one.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::account::{Part, refused};
use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, Visitor, flash, html, html_with, see_other};
use super::second_factor::go_on;
use super::session;
use super::sign_in::{Next, enter, half_of, local, network_of};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::accounts::passkeys as domain;
use crate::domain::accounts::sign_in::{Half, SignedIn, begin_elsewhere};
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::ids::RowId;
use crate::passkeys::{Making, Passkeys, Showing};

/// Whether browsers make passkeys at the address of this desk.
pub(super) fn possible(state: &State) -> bool {
    Passkeys::at(&state.base_url).is_some()
}

fn here(state: &State) -> DomainResult<Passkeys> {
    Passkeys::at(&state.base_url).ok_or_else(|| Error::not_found("page"))
}

/// When somebody signed in who may change the ways in.
pub(super) fn signed_in(session: &Session) -> Time {
    Time::from_micros(session.get(session::SIGNED_IN_AT).ok().flatten().unwrap_or_default())
}

/// When this session was opened with a passkey, where it was.
pub(super) fn shown_at(session: &Session) -> Option<Time> {
    session.get(session::BY_PASSKEY).ok().flatten().unwrap_or(false).then(|| signed_in(session))
}

fn is_told(error: &Error) -> bool {
    matches!(error.kind, Kind::Invalid | Kind::Forbidden | Kind::Conflict)
}

#[derive(Template)]
#[template(path = "public/passkey_new.html")]
struct NewPage {
    chrome: Chrome,
    /// What the browser is asked; none where the sign-in is too long ago.
    options: Option<String>,
    name: String,
    problem: Option<String>,
}

async fn new_page(person: &Person, state: &State, session: &Session, name: &str, problem: Option<String>) -> Result<NewPage, PageError> {
    let passkeys = here(state)?;
    let page = |options, problem| NewPage { chrome: person.visit.chrome("Add a passkey", ""), options, name: name.to_owned(), problem };
    if let Err(error) = domain::fresh(signed_in(session), clock::now()) {
        return Ok(page(None, Some(error.for_people())));
    }
    let actor = person.actor.clone();
    let (owner, known) = state
        .read(move |conn| {
            let owner = domain::owner(conn, &actor)?;
            let known = domain::credentials(conn, &owner.id)?;
            Ok((owner, known))
        })
        .await?;
    let (options, making) = passkeys.ask_to_make(&owner.id, &owner.email, &owner.name, &known)?;
    session.insert(session::MAKING, making).map_err(Error::internal)?;
    Ok(page(Some(options), problem))
}

pub(super) async fn new(person: Person, state: web::Data<State>, session: Session) -> Result<HttpResponse, PageError> {
    html(&new_page(&person, &state, &session, "", None).await?)
}

pub(super) async fn add(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    match added(&person, &state, &session, &form).await {
        Ok(epoch) => {
            go_on(&session, epoch)?;
            flash(&session, "The passkey is added. Your other sessions have ended.");
            Ok(see_other("/account#passkeys"))
        }
        Err(error) if is_told(&error) => {
            let page = new_page(&person, &state, &session, form.get("name"), Some(error.for_people())).await?;
            html_with(crate::api::status(error.kind), &page)
        }
        Err(error) => Err(error.into()),
    }
}

async fn added(person: &Person, state: &State, session: &Session, form: &Form) -> DomainResult<i64> {
    // Taken out whatever comes of it: one question, one answer.
    let making = session.remove_as::<Making>(session::MAKING).and_then(Result::ok).ok_or_else(unasked)?;
    let made = here(state)?.made(&making, form.get("credential"))?;
    let (actor, name, since) = (person.actor.clone(), form.get("name").to_owned(), signed_in(session));
    state.quiet_write(move |conn| domain::add(conn, &actor, &name, &made, since, clock::now())).await
}

fn unasked() -> Error {
    Error::forbidden("passkey_unasked", "This page was used already or is too old. Try again.")
}

pub(super) async fn remove(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id, since) = (person.actor.clone(), RowId::from(id.as_str()), signed_in(&session));
    match state.quiet_write(move |conn| domain::remove(conn, &actor, &id, since, clock::now())).await {
        Ok(epoch) => {
            go_on(&session, epoch)?;
            flash(&session, "The passkey is removed. Your other sessions have ended.");
            Ok(see_other("/account#passkeys"))
        }
        Err(error) => refused(&person, &state, Part::Passkeys, error).await,
    }
}

#[derive(Template)]
#[template(path = "public/passkey.html")]
struct ShowPage {
    chrome: Chrome,
    options: String,
    after_password: bool,
    problem: Option<String>,
}

async fn show_page(visitor: &Visitor, state: &State, session: &Session, problem: Option<String>) -> Result<ShowPage, PageError> {
    let passkeys = here(state)?;
    let half = half_of(session);
    let known = match half.clone() {
        Some(half) => state.read(move |conn| domain::credentials(conn, &half.id)).await?,
        None => vec![],
    };
    let (options, showing) = passkeys.ask_to_show(&known)?;
    session.insert(session::SHOWING, showing).map_err(Error::internal)?;
    Ok(ShowPage { chrome: visitor.0.chrome("Sign in", ""), options, after_password: half.is_some(), problem })
}

pub(super) async fn ask(visitor: Visitor, state: web::Data<State>, session: Session, query: web::Query<Next>) -> Result<HttpResponse, PageError> {
    if visitor.0.actor.is_some() {
        return Ok(see_other("/queue"));
    }
    if let Some(next) = query.next.as_deref().filter(|_| half_of(&session).is_none()) {
        session.insert(session::NEXT, local(Some(next))).map_err(Error::internal)?;
    }
    html(&show_page(&visitor, &state, &session, None).await?)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    state: web::Data<State>,
    session: Session,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (next, network) = (local(session.get::<String>(session::NEXT).ok().flatten().as_deref()), network_of(&request));
    let (half, from) = (half_of(&session), network.clone());
    let counted = state.write(move |conn| Ok(begin_elsewhere(conn, &from, clock::now()))).await?;
    let shown = match counted {
        Ok(()) => shown(&state, &session, form.get("credential").to_owned(), half.clone(), network.clone()).await,
        Err(error) => Err(error),
    };
    match shown {
        Ok(who) => {
            enter(&request, &session, &who)?;
            session.insert(session::BY_PASSKEY, true).map_err(Error::internal)?;
            Ok(see_other(&next))
        }
        Err(error) if is_told(&error) => {
            state.write(move |conn| domain::refuse(conn, half.as_ref().map(|half| &half.id), &network, clock::now())).await?;
            html_with(StatusCode::FORBIDDEN, &show_page(&visitor, &state, &session, Some(error.for_people())).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn shown(state: &State, session: &Session, answer: String, half: Option<Half>, network: String) -> DomainResult<SignedIn> {
    let showing = session.remove_as::<Showing>(session::SHOWING).and_then(Result::ok).ok_or_else(unasked)?;
    let name = Passkeys::named(&answer)?;
    let row = state.read(move |conn| domain::named(conn, &name)).await?;
    let used = here(state)?.shown(showing, &answer, &row.credential)?;
    state.write(move |conn| domain::enter(conn, &used, half.as_ref(), &network, clock::now())).await
}

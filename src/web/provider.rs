//! Signing in with a provider: out to it, and back from it.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::account::{self, Part};
use super::errors::PageError;
use super::form::Form;
use super::page::{Person, Visitor, flash, see_other};
use super::passkeys::signed_in;
use super::second_factor::go_on;
use super::session;
use super::sign_in::{Next, enter, from_the_start, local, network_of, wait_for_code};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::accounts::identity::{self, Identity};
use crate::domain::accounts::passkeys::fresh;
use crate::domain::accounts::sign_in::{self as domain, PATIENCE, Passed};
use crate::domain::error::{Error, Kind};
use crate::domain::text;
use crate::oidc::{Errand, Provider};

/// Where an account is linked and unlinked.
const ACCOUNT: &str = "/account#provider";

/// The provider, where one is set.
fn set(state: &State) -> Result<&Provider, PageError> {
    state.provider.as_deref().ok_or_else(|| Error::not_found("page").into())
}

/// A link and no form: what a form may lead to is limited to this site.
pub(super) async fn send(visitor: Visitor, state: web::Data<State>, session: Session, query: web::Query<Next>) -> Result<HttpResponse, PageError> {
    let (provider, next) = (set(&state)?, local(query.next.as_deref()));
    if visitor.0.actor.is_some() {
        return Ok(see_other(&next));
    }
    match provider.send(next.clone()).await {
        Ok((there, errand)) => {
            session.insert(session::ERRAND, errand).map_err(Error::internal)?;
            Ok(see_other(&there))
        }
        Err(failure) => from_the_start(&visitor, &state, next, String::new(), StatusCode::BAD_GATEWAY, failure.to_string()),
    }
}

/// The way out for somebody who is signed in and wants their account linked. Like passkeys it is a way in, so the sign-in must be new.
pub(super) async fn link(person: Person, state: web::Data<State>, session: Session) -> Result<HttpResponse, PageError> {
    let provider = set(&state)?;
    if let Err(error) = fresh(signed_in(&session), clock::now()) {
        return account::refused(&person, &state, Part::Provider, error).await;
    }
    match provider.send(ACCOUNT.to_owned()).await {
        Ok((there, mut errand)) => {
            errand.links = true;
            session.insert(session::ERRAND, errand).map_err(Error::internal)?;
            Ok(see_other(&there))
        }
        Err(failure) => account::refused(&person, &state, Part::Provider, Error::conflict("provider_silent", failure.to_string())).await,
    }
}

/// Links whom the provider proved to the account that is signed in. What is wrong is said on the page of the account.
async fn linked(person: &Person, state: &State, session: &Session, identity: Identity) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    match state.write(move |conn| identity::link(conn, &actor, &identity, clock::now())).await {
        Ok(epoch) => {
            go_on(session, epoch)?;
            // They are signed in there as well, so signing out offers to leave both.
            session.insert(session::BY_PROVIDER, true).map_err(Error::internal)?;
            flash(session, "Linked. You can sign in with it from now on. Your other sessions have ended.");
            Ok(see_other(ACCOUNT))
        }
        Err(error) => account::refused(person, state, Part::Provider, error).await,
    }
}

pub(super) async fn unlink(person: Person, state: web::Data<State>, session: Session, _form: Form) -> Result<HttpResponse, PageError> {
    let (actor, since) = (person.actor.clone(), signed_in(&session));
    match state.write(move |conn| identity::unlink_own(conn, &actor, since, clock::now())).await {
        Ok(epoch) => {
            go_on(&session, epoch)?;
            session.remove(session::BY_PROVIDER);
            flash(&session, "Unlinked. Your other sessions have ended.");
            Ok(see_other(ACCOUNT))
        }
        Err(error) => account::refused(&person, &state, Part::Provider, error).await,
    }
}

/// What somebody brings back.
#[derive(Deserialize)]
pub(super) struct Back {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

pub(super) async fn receive(
    request: HttpRequest,
    visitor: Visitor,
    state: web::Data<State>,
    session: Session,
    query: web::Query<Back>,
) -> Result<HttpResponse, PageError> {
    let (provider, back) = (set(&state)?, query.into_inner());
    // Taken out whatever comes of it: one errand, one coming back.
    let errand = session.remove_as::<Errand>(session::ERRAND).and_then(Result::ok);
    let owner = errand.as_ref().filter(|errand| errand.links).and_then(|_| visitor.person());
    let refused = async |status, text: String| match &owner {
        Some(person) => account::refused(person, &state, Part::Provider, Error::forbidden("provider_refused", text)).await,
        None => from_the_start(&visitor, &state, local(None), String::new(), status, text),
    };
    let Some(errand) = errand.filter(|errand| fits(errand, &back)) else {
        let text = "This sign-in took longer than ten minutes, was used already, or began in another browser. Start again.";
        return refused(StatusCode::FORBIDDEN, text.to_owned()).await;
    };
    let code = match (back.code, back.error) {
        _ if back.iss.as_deref().is_some_and(|iss| iss != provider.issuer()) => {
            return refused(StatusCode::FORBIDDEN, "Another provider than the one you were sent to answered. Start again.".to_owned()).await;
        }
        (Some(code), None) => code,
        (_, Some(error)) if error == "access_denied" => {
            return refused(StatusCode::FORBIDDEN, format!("{} did not let you in, or you ended it there. Nothing was opened.", provider.name()))
                .await;
        }
        (_, error) => {
            let error = text::excerpt(&error.unwrap_or_else(|| "nothing".to_owned()));
            return refused(
                StatusCode::FORBIDDEN,
                format!("{} answered \"{error}\". Try again; if it stays so, tell your administrator.", provider.name()),
            )
            .await;
        }
    };
    let (network, from) = (network_of(&request), network_of(&request));
    if let Err(error) = state.write(move |conn| Ok(domain::begin_elsewhere(conn, &from, clock::now()))).await? {
        return refused(crate::api::status(error.kind), error.for_people()).await;
    }
    let identity = match provider.receive(code, &errand).await {
        Ok(identity) => identity,
        Err(failure) => return refused(StatusCode::BAD_GATEWAY, failure.to_string()).await,
    };
    if errand.links {
        return match &owner {
            Some(person) => linked(person, &state, &session, identity).await,
            None => refused(StatusCode::FORBIDDEN, "You were signed out meanwhile, so nothing was linked. Sign in and start again.".to_owned()).await,
        };
    }
    let factor_met = identity.factor_met;
    match state.write(move |conn| identity::enter(conn, &identity, &network, clock::now())).await.and_then(|entered| entered) {
        Ok(passed) => {
            session.insert(session::BY_PROVIDER, true).map_err(Error::internal)?;
            match passed {
                Passed::SignedIn(who) => {
                    enter(&request, &session, &who)?;
                    session.insert(session::FACTOR_MET, factor_met).map_err(Error::internal)?;
                    Ok(see_other(&errand.next))
                }
                Passed::CodeNeeded(half) => {
                    wait_for_code(&session, &half, &errand.next)?;
                    Ok(see_other("/login/code"))
                }
            }
        }
        Err(error) if matches!(error.kind, Kind::Forbidden | Kind::Conflict) => refused(crate::api::status(error.kind), error.for_people()).await,
        Err(error) => Err(error.into()),
    }
}

fn fits(errand: &Errand, back: &Back) -> bool {
    let same = back.state.as_ref().is_some_and(|state| bool::from(state.as_bytes().ct_eq(errand.state.as_bytes())));
    same && clock::now().seconds_since(Time::from_micros(errand.since)) < PATIENCE
}

/// Out of the provider as well, for whoever is out of the desk already.
pub(super) async fn sign_out(visitor: Visitor, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    match set(&state)?.sign_out().await {
        Ok(there) => Ok(see_other(there.as_deref().unwrap_or("/login"))),
        Err(failure) => from_the_start(&visitor, &state, local(None), String::new(), StatusCode::BAD_GATEWAY, failure.to_string()),
    }
}

//! Signing in with a password and the code of the second factor, signing out, invitations.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Visitor, flash, html, html_with, see_other};
use super::{device, session};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::accounts::sign_in::{self as domain, Half, PATIENCE, Passed, SignedIn};
use crate::domain::accounts::users::{self, Invited};
use crate::domain::accounts::{passkeys, passwords, second_factor};
use crate::domain::error::{Error, Kind};
use crate::domain::ids::{UserId, fresh};

#[derive(Template)]
#[template(path = "public/login.html")]
struct LoginPage {
    chrome: Chrome,
    next: String,
    email: String,
    /// What people call the sign-in provider, where one is set.
    provider: Option<String>,
    /// Whether they came from there and are still signed in there.
    still_there: bool,
    /// Whether browsers show passkeys at the address of this desk.
    passkeys: bool,
    problem: Option<String>,
}

impl LoginPage {
    fn new(visitor: &Visitor, state: &State, next: String, email: String, problem: Option<String>) -> Self {
        let provider = state.provider.as_ref().map(|provider| provider.name().to_owned());
        LoginPage {
            chrome: visitor.0.chrome("Sign in", ""),
            next,
            email,
            provider,
            still_there: false,
            passkeys: super::passkeys::possible(state),
            problem,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Next {
    pub(super) next: Option<String>,
    left: Option<String>,
}

/// Only paths of our own: "//host" and "/\host" lead elsewhere.
pub(super) fn local(path: Option<&str>) -> String {
    let path = path.unwrap_or("/queue");
    let fits = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') && !path.chars().any(char::is_control);
    if fits { path.to_owned() } else { "/queue".to_owned() }
}

pub(super) async fn page(visitor: Visitor, state: web::Data<State>, query: web::Query<Next>) -> Result<HttpResponse, PageError> {
    if visitor.0.actor.is_some() {
        return Ok(see_other("/queue"));
    }
    let page = LoginPage::new(&visitor, &state, local(query.next.as_deref()), String::new(), None);
    html(&LoginPage { still_there: query.left.as_deref() == Some(LEFT) && page.provider.is_some(), ..page })
}

/// What the address of the page says after somebody signed out here who came from the provider.
const LEFT: &str = "desk";

/// The address that somebody signs in from: that of the peer.
pub(super) fn network_of(request: &HttpRequest) -> String {
    request.peer_addr().map_or_else(|| "unknown".to_owned(), |peer| peer.ip().to_string())
}

pub(super) async fn sign_in(
    request: HttpRequest,
    visitor: Visitor,
    state: web::Data<State>,
    session: Session,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (email, next) = (form.get("email").to_owned(), local(form.some("next")));
    match password(&state, &email, form.get("password").to_owned(), network_of(&request)).await {
        Ok(Passed::SignedIn(who)) => {
            enter(&request, &session, &who)?;
            Ok(see_other(&next))
        }
        Ok(Passed::CodeNeeded(half)) => {
            wait_for_code(&session, &half, &next)?;
            Ok(see_other("/login/code"))
        }
        Err(error) if error.kind == Kind::Forbidden => from_the_start(&visitor, &state, next, email, StatusCode::FORBIDDEN, error.for_people()),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn from_the_start(
    visitor: &Visitor,
    state: &State,
    next: String,
    email: String,
    status: StatusCode,
    problem: String,
) -> Result<HttpResponse, PageError> {
    html_with(status, &LoginPage::new(visitor, state, next, email, Some(problem)))
}

async fn password(state: &State, email: &str, password: String, network: String) -> Result<Passed, Error> {
    let (email, from) = (email.to_owned(), network.clone());
    let user = state.write(move |conn| Ok(domain::begin(conn, &email, &from, clock::now()))).await??;
    let stored = user.as_ref().and_then(|user| user.password_hash.clone());
    let fits = web::block(move || passwords::verify(&password, stored.as_deref())).await.map_err(Error::internal)?;
    match user {
        Some(user) if fits => state.write(move |conn| domain::pass(conn, &user, &network, clock::now())).await,
        user => Err(state.write(move |conn| domain::refuse(conn, user.as_ref(), &network, clock::now())).await?),
    }
}

/// From here on the session is that of a person, under a new id and with a new form token.
pub(super) fn enter(request: &HttpRequest, session: &Session, who: &SignedIn) -> Result<(), PageError> {
    session.renew();
    for name in [
        session::CSRF,
        session::HALF_USER,
        session::HALF_EPOCH,
        session::HALF_SINCE,
        session::NEXT,
        session::ERRAND,
        session::FACTOR_MET,
        session::SHOWING,
        session::BY_PASSKEY,
    ] {
        session.remove(name);
    }
    let now = clock::now().micros();
    let texts = [
        (session::USER, who.id.as_str().to_owned()),
        (session::HANDLE, fresh()),
        (session::NETWORK, network_of(request)),
        (session::DEVICE, device::of(request)),
    ];
    for (name, text) in texts {
        session.insert(name, text).map_err(Error::internal)?;
    }
    for (name, number) in [(session::EPOCH, who.epoch), (session::SIGNED_IN_AT, now), (session::SEEN_AT, now)] {
        session.insert(name, number).map_err(Error::internal)?;
    }
    Ok(())
}

/// The session remembers who gave a password. Nothing but the page of the code looks at it, so it opens nothing.
pub(super) fn wait_for_code(session: &Session, half: &Half, next: &str) -> Result<(), PageError> {
    session.renew();
    session.remove(session::CSRF);
    session.insert(session::HALF_USER, half.id.as_str()).map_err(Error::internal)?;
    session.insert(session::HALF_EPOCH, half.epoch).map_err(Error::internal)?;
    session.insert(session::HALF_SINCE, half.since.micros()).map_err(Error::internal)?;
    session.insert(session::NEXT, next).map_err(Error::internal)?;
    Ok(())
}

pub(super) fn half_of(session: &Session) -> Option<Half> {
    let id: String = session.get(session::HALF_USER).ok()??;
    let epoch = session.get(session::HALF_EPOCH).ok()??;
    let since = Time::from_micros(session.get(session::HALF_SINCE).ok()??);
    Some(Half { id: UserId::from(id), epoch, since }).filter(|half| clock::now().seconds_since(half.since) < PATIENCE)
}

/// Whether somebody has codes of an app, and whether they have passkeys that can be shown here.
async fn ways(state: &State, half: Half) -> Result<(bool, bool), Error> {
    let possible = super::passkeys::possible(state);
    let read = move |conn: &mut _| Ok((second_factor::has_codes(conn, &half.id)?, possible && !passkeys::credentials(conn, &half.id)?.is_empty()));
    state.read(read).await
}

#[derive(Template)]
#[template(path = "public/code.html")]
struct CodePage {
    chrome: Chrome,
    /// Whether they may show a passkey instead.
    passkeys: bool,
    problem: Option<String>,
}

fn password_first(visitor: &Visitor, state: &State, next: String) -> Result<HttpResponse, PageError> {
    from_the_start(visitor, state, next, String::new(), StatusCode::FORBIDDEN, domain::password_first().detail)
}

pub(super) async fn code_page(visitor: Visitor, state: web::Data<State>, session: Session) -> Result<HttpResponse, PageError> {
    match half_of(&session) {
        Some(half) => {
            let (codes, passkeys) = ways(&state, half).await?;
            if passkeys && !codes {
                return Ok(see_other("/login/passkey"));
            }
            html(&CodePage { chrome: visitor.0.chrome("Sign in", ""), passkeys, problem: None })
        }
        None => password_first(&visitor, &state, local(None)),
    }
}

pub(super) async fn code(
    request: HttpRequest,
    visitor: Visitor,
    state: web::Data<State>,
    session: Session,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let next = local(session.get::<String>(session::NEXT).ok().flatten().as_deref());
    let Some(half) = half_of(&session) else { return password_first(&visitor, &state, next) };
    let (given, network, waits) = (form.get("code").to_owned(), network_of(&request), half.clone());
    let finished = state.write(move |conn| domain::finish(conn, &half, &given, &network, clock::now())).await;
    match finished.and_then(|tried| tried) {
        Ok(who) => {
            enter(&request, &session, &who)?;
            if let Some(left) = who.codes_left {
                flash(&session, format!("That recovery code is used up; {left} are left. New ones come with a new second factor, in your account."));
            }
            Ok(see_other(&next))
        }
        Err(error) if error.code == "sign_in_needed" => password_first(&visitor, &state, next),
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Forbidden) => {
            let (_, passkeys) = ways(&state, waits).await?;
            let page = CodePage { chrome: visitor.0.chrome("Sign in", ""), passkeys, problem: Some(error.for_people()) };
            html_with(crate::api::status(error.kind), &page)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn sign_out(session: Session, _form: Form) -> HttpResponse {
    let by_provider = session.get::<bool>(session::BY_PROVIDER).ok().flatten().unwrap_or(false);
    session.purge();
    see_other(&if by_provider { format!("/login?left={LEFT}") } else { "/login".to_owned() })
}

#[derive(Template)]
#[template(path = "public/invite.html")]
struct InvitePage {
    chrome: Chrome,
    first_admin: bool,
    email: String,
    name: String,
    problem: Option<String>,
}

pub(super) async fn invitation(visitor: Visitor, state: web::Data<State>, token: web::Path<String>) -> Result<HttpResponse, PageError> {
    let invited = state.read(move |conn| users::invitation(conn, &token, clock::now())).await?;
    let (first_admin, email, name) = match invited {
        Invited::FirstAdmin => (true, String::new(), String::new()),
        Invited::Person { email, name } => (false, email, name),
    };
    html(&InvitePage { chrome: visitor.0.chrome("Welcome", ""), first_admin, email, name, problem: None })
}

pub(super) async fn accept(
    visitor: Visitor,
    state: web::Data<State>,
    session: Session,
    token: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (email, name, password) = (form.get("email").to_owned(), form.get("name").to_owned(), form.get("password").to_owned());
    let (mail, called) = (email.clone(), name.clone());
    let taken = state.write(move |conn| users::accept_invitation(conn, &token, &mail, &called, &password, clock::now())).await;
    match taken {
        Ok(_) => {
            flash(&session, "Your password is set. Sign in with it.");
            Ok(see_other("/login"))
        }
        Err(error) if error.kind == Kind::Invalid => {
            let first_admin = form.get("first_admin") == "yes";
            let page = InvitePage { chrome: visitor.0.chrome("Welcome", ""), first_admin, email, name, problem: Some(error.for_people()) };
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}

//! Signing in and out, invitations.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Visitor, flash, html, html_with, see_other};
use super::session;
use crate::app::State;
use crate::clock;
use crate::domain::accounts::passwords;
use crate::domain::accounts::users::{self, Invited};
use crate::domain::error::{Error, Kind};

#[derive(Template)]
#[template(path = "public/login.html")]
struct LoginPage {
    chrome: Chrome,
    next: String,
    email: String,
    problem: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Next {
    next: Option<String>,
}

/// Only paths of our own: "//host" and "/\host" lead elsewhere.
fn local(path: Option<&str>) -> String {
    let path = path.unwrap_or("/queue");
    let fits = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') && !path.chars().any(char::is_control);
    if fits { path.to_owned() } else { "/queue".to_owned() }
}

pub(super) async fn page(visitor: Visitor, query: web::Query<Next>) -> Result<HttpResponse, PageError> {
    if visitor.0.actor.is_some() {
        return Ok(see_other("/queue"));
    }
    let next = local(query.next.as_deref());
    html(&LoginPage { chrome: visitor.0.chrome("Sign in", ""), next, email: String::new(), problem: None })
}

pub(super) async fn sign_in(
    request: HttpRequest,
    visitor: Visitor,
    state: web::Data<State>,
    session: Session,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (email, next) = (form.get("email").to_owned(), local(form.some("next")));
    let network = request.peer_addr().map_or_else(|| "unknown".to_owned(), |peer| peer.ip().to_string());
    let tried = attempt(&state, &email, form.get("password").to_owned(), network).await;
    match tried {
        Ok(who) => {
            session.renew();
            session.remove(session::CSRF);
            session.insert(session::USER, who.id.as_str()).map_err(Error::internal)?;
            session.insert(session::EPOCH, who.epoch).map_err(Error::internal)?;
            session.insert(session::SIGNED_IN_AT, clock::now().micros()).map_err(Error::internal)?;
            Ok(see_other(&next))
        }
        Err(error) if error.kind == Kind::Forbidden => {
            let page = LoginPage { chrome: visitor.0.chrome("Sign in", ""), next, email, problem: Some(error.detail) };
            html_with(StatusCode::FORBIDDEN, &page)
        }
        Err(error) => Err(error.into()),
    }
}

async fn attempt(state: &State, email: &str, password: String, network: String) -> Result<users::SignedIn, Error> {
    let (email, from) = (email.to_owned(), network.clone());
    let user = state.write(move |conn| Ok(users::begin_sign_in(conn, &email, &from, clock::now()))).await??;
    let stored = user.as_ref().and_then(|user| user.password_hash.clone());
    let fits = web::block(move || passwords::verify(&password, stored.as_deref())).await.map_err(Error::internal)?;
    match user {
        Some(user) if fits => state.write(move |conn| users::finish_sign_in(conn, &user, &network, clock::now())).await,
        _ => Err(users::sign_in_refused()),
    }
}

pub(super) async fn sign_out(session: Session, _form: Form) -> HttpResponse {
    session.purge();
    see_other("/login")
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
            let page = InvitePage { chrome: visitor.0.chrome("Welcome", ""), first_admin, email, name, problem: Some(error.detail) };
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}

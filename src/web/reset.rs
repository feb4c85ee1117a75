//! A forgotten password: asking for the link, and setting a new one with it.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Visitor, flash, html, html_with, see_other};
use super::sign_in::network_of;
use crate::app::State;
use crate::clock;
use crate::domain::accounts::reset;
use crate::domain::error::Kind;

#[derive(Template)]
#[template(path = "public/forgot.html")]
struct ForgotPage {
    chrome: Chrome,
    email_configured: bool,
    asked: bool,
    problem: Option<String>,
}

fn forgot(visitor: &Visitor, state: &State, asked: bool, problem: Option<String>) -> ForgotPage {
    ForgotPage { chrome: visitor.0.chrome("Forgotten password", ""), email_configured: state.email_configured, asked, problem }
}

pub(super) async fn ask_page(visitor: Visitor, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&forgot(&visitor, &state, false, None))
}

pub(super) async fn ask(request: HttpRequest, visitor: Visitor, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let (email, network) = (form.get("email").to_owned(), network_of(&request));
    match state.write(move |conn| reset::ask(conn, &email, &network, clock::now())).await {
        Ok(()) => html(&forgot(&visitor, &state, true, None)),
        Err(error) if error.kind == Kind::Forbidden => html_with(StatusCode::FORBIDDEN, &forgot(&visitor, &state, false, Some(error.for_people()))),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "public/reset.html")]
struct ResetPage {
    chrome: Chrome,
    email: String,
    problem: Option<String>,
}

async fn reset_page(visitor: &Visitor, state: &State, token: String, problem: Option<String>) -> Result<ResetPage, PageError> {
    let email = state.read(move |conn| reset::look(conn, &token, clock::now())).await?;
    Ok(ResetPage { chrome: visitor.0.chrome("New password", ""), email, problem })
}

pub(super) async fn page(visitor: Visitor, state: web::Data<State>, token: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&reset_page(&visitor, &state, token.into_inner(), None).await?)
}

pub(super) async fn set(
    visitor: Visitor,
    state: web::Data<State>,
    session: Session,
    token: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (used, password) = (token.clone(), form.get("password").to_owned());
    match state.write(move |conn| reset::set(conn, &used, &password, clock::now())).await {
        Ok(()) => {
            flash(&session, "Your password is set and your sessions have ended. Sign in with it.");
            Ok(see_other("/login"))
        }
        Err(error) if error.kind == Kind::Invalid => {
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &reset_page(&visitor, &state, token.into_inner(), Some(error.for_people())).await?)
        }
        Err(error) => Err(error.into()),
    }
}

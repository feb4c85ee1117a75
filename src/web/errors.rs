//! Error pages: what happened, what to do, a way back.

use std::fmt;
use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use super::page::{Chrome, Visit, Visitor};
use crate::domain::error::{Error, Kind};

/// An error shown as a page.
#[derive(Debug)]
pub struct PageError {
    error: Error,
    visit: Rc<Visit>,
}

impl PageError {
    /// Shows it in the frame of who visits.
    pub fn with_visit(mut self, visit: Rc<Visit>) -> Self {
        self.visit = visit;
        self
    }
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        PageError { error, visit: Rc::default() }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    chrome: Chrome,
    title: &'a str,
    detail: &'a str,
    hint: Option<&'a str>,
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        crate::api::status(self.error.kind)
    }

    fn error_response(&self) -> HttpResponse {
        let title = match self.error.kind {
            Kind::BadRequest | Kind::Invalid | Kind::TooLarge => "That could not be taken",
            Kind::NotFound => "Nothing here",
            Kind::Forbidden => "Not allowed",
            Kind::Conflict => "That no longer fits",
            Kind::Busy => "Busy for a moment",
            Kind::StorageFull => "No room left",
            Kind::Internal => "Something went wrong",
        };
        let page = ErrorPage { chrome: self.visit.chrome(title, ""), title, detail: &self.error.detail, hint: self.error.hint.as_deref() };
        let body = page.render().unwrap_or_else(|_| self.error.detail.clone());
        HttpResponse::build(self.status_code()).content_type("text/html; charset=utf-8").body(body)
    }
}

pub(super) async fn not_found(visitor: Visitor) -> Result<HttpResponse, PageError> {
    Err(PageError::from(Error::not_found("page")).with_visit(visitor.0))
}

//! Error pages: what happened, what to do, a way back.

use std::fmt;
use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use super::page::{Chrome, Visit};
use crate::domain::error::{Error, Kind};

/// An error shown as a page. The guard puts it into the frame of who visits.
#[derive(Debug)]
pub struct PageError(Error);

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        PageError(error)
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
        crate::api::status(self.0.kind)
    }

    fn error_response(&self) -> HttpResponse {
        self.framed(&Rc::default())
    }
}

impl PageError {
    /// The page, in the frame of who visits.
    pub(super) fn framed(&self, visit: &Rc<Visit>) -> HttpResponse {
        let title = match self.0.kind {
            Kind::BadRequest | Kind::Invalid | Kind::TooLarge => "That could not be taken",
            Kind::NotFound => "Nothing here",
            Kind::Forbidden => "Not allowed",
            Kind::Conflict => "That no longer fits",
            Kind::Busy => "Busy for a moment",
            Kind::StorageFull => "No room left",
            Kind::Internal => "Something went wrong",
        };
        let detail = self.0.for_people();
        let page = ErrorPage { chrome: visit.chrome(title, ""), title, detail: &detail, hint: self.0.hint.as_deref() };
        let body = page.render().unwrap_or(detail);
        HttpResponse::build(self.status_code()).content_type("text/html; charset=utf-8").body(body)
    }
}

/// What stands behind the question mark is not what the page's own links write there.
pub(super) fn query_unreadable() -> PageError {
    let detail = "The part of the address after the question mark cannot be read. Leave it out, or follow a link of this desk.";
    Error::invalid("field_invalid", "query", detail).into()
}

pub(super) async fn not_found() -> Result<HttpResponse, PageError> {
    Err(Error::not_found("page").into())
}

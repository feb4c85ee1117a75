//! Errors as JSON, in the two dialects.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::error::{Error, Kind};

/// The HTTP status of a kind of error.
pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::BadRequest => StatusCode::BAD_REQUEST,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Kind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error of `/v1`: `application/problem+json` (RFC 9457).
#[derive(Debug)]
pub struct Problem {
    error: Error,
    status: StatusCode,
    diff: Option<Box<Diff>>,
}

/// One line that was taken away or came in.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChangedLine {
    /// "-" or "+".
    pub change: String,
    /// The line.
    pub line: String,
}

/// What changed between two versions of a message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Diff {
    /// The version that was read.
    pub from_version: i32,
    /// The version there is now.
    pub to_version: i32,
    /// Lines of the subject.
    pub subject: Vec<ChangedLine>,
    /// Lines of the text.
    pub text_body: Vec<ChangedLine>,
}

/// Why a call was refused (RFC 9457).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody {
    /// Names the error; not an address to visit.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The error as a stable word for programs.
    pub code: &'static str,
    /// What is wrong and what to do, for people.
    pub detail: String,
    /// The same as detail.
    pub error: String,
    /// The field it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What changed, for content_changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Box<Diff>>,
}

/// Why a call of `/api/v1` was refused.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PlainError")]
pub struct PlainBody {
    /// What is wrong and what to do.
    pub error: String,
    /// The error as a stable word for programs.
    pub code: &'static str,
    /// The field it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// An error with a status of its own.
    pub fn with_status(error: Error, status: StatusCode) -> Self {
        Problem { error, status, diff: None }
    }

    /// The problem body.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            r#type: format!("urn:countersign:error:{}", self.error.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.error.code,
            detail: self.error.detail.clone(),
            error: self.error.detail.clone(),
            field: self.error.field.clone(),
            hint: self.error.hint.clone(),
            diff: self.diff.clone(),
        }
    }

    /// Adds what changed.
    pub fn with_diff(mut self, diff: Diff) -> Self {
        self.diff = Some(Box::new(diff));
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem { status: status(error.kind), error, diff: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header(("Retry-After", "2"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        response.content_type("application/problem+json").body(serde_json::json!(self.body()).to_string())
    }
}

/// An error of `/api/v1`: the recovery document's form.
#[derive(Debug)]
pub struct Plain(Problem);

impl<T: Into<Problem>> From<T> for Plain {
    fn from(error: T) -> Self {
        Plain(error.into())
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Plain {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let error = &self.0.error;
        HttpResponse::build(self.0.status).json(PlainBody {
            error: error.detail.clone(),
            code: error.code,
            field: error.field.clone(),
            hint: error.hint.clone(),
        })
    }
}

/// The problem in the dialect of the path that was called.
pub(crate) fn refuse(request: &HttpRequest, problem: Problem) -> actix_web::Error {
    if request.path().starts_with("/api/v1") { Plain::from(problem).into() } else { problem.into() }
}

//! Errors as JSON, in the two dialects.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

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
    diff: Option<serde_json::Value>,
}

impl Problem {
    /// An error with a status of its own.
    pub fn with_status(error: Error, status: StatusCode) -> Self {
        Problem { error, status, diff: None }
    }

    /// The problem body.
    pub fn body(&self) -> serde_json::Value {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut body = json!({
            "type": format!("urn:countersign:error:{}", self.error.code),
            "title": title,
            "status": self.status.as_u16(),
            "code": self.error.code,
            "detail": self.error.detail,
            "error": self.error.detail,
        });
        if let Some(field) = &self.error.field {
            body["field"] = json!(field);
        }
        if let Some(hint) = &self.error.hint {
            body["hint"] = json!(hint);
        }
        if let Some(diff) = &self.diff {
            body["diff"] = diff.clone();
        }
        body
    }

    /// Its class.
    pub fn kind(&self) -> Kind {
        self.error.kind
    }

    /// Adds what changed.
    pub fn with_diff(mut self, diff: serde_json::Value) -> Self {
        self.diff = Some(diff);
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
        response.content_type("application/problem+json").body(self.body().to_string())
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
        let mut body = json!({"error": self.0.error.detail, "code": self.0.error.code});
        if let Some(field) = &self.0.error.field {
            body["field"] = json!(field);
        }
        if let Some(hint) = &self.0.error.hint {
            body["hint"] = json!(hint);
        }
        HttpResponse::build(self.0.status).json(body)
    }
}

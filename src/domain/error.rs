//! What can go wrong in the domain, in words for the person who asked.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::clock::Time;
use crate::db::seal::SealError;
use crate::domain::ids::MessageId;

/// The class of an error, which each surface maps to its own status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request is malformed.
    BadRequest,
    /// The request is well-formed and cannot be taken.
    Invalid,
    /// The request is larger than what is taken.
    TooLarge,
    /// No such thing, or not for this actor: the two answer alike.
    NotFound,
    /// The actor may not do this.
    Forbidden,
    /// The state of things speaks against it.
    Conflict,
    /// Another writer holds the database; trying again may work.
    Busy,
    /// There is no room to record it.
    StorageFull,
    /// A cause inside this server.
    Internal,
}

impl Kind {
    /// A fault of this server rather than of what was asked: trying again may work, and nothing else will.
    pub fn is_ours(self) -> bool {
        matches!(self, Kind::Internal | Kind::Busy | Kind::StorageFull)
    }
}

/// What changed under a reviewer, so that a surface can show the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The message.
    pub message_id: MessageId,
    /// The version the reviewer saw.
    pub seen: i32,
    /// The version there is now.
    pub current: i32,
}

/// An error of the domain.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// Its class.
    pub kind: Kind,
    /// A stable word for programs.
    pub code: &'static str,
    /// A full sentence that says what to do.
    pub detail: String,
    /// The field it is about.
    pub field: Option<String>,
    /// What may help.
    pub hint: Option<String>,
    /// What changed, for `content_changed`.
    pub changed: Option<Box<Changed>>,
}

/// The result of a domain action.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Error { kind, code, detail: detail.into(), field: None, hint: None, changed: None }
    }

    /// A field whose value cannot be taken.
    pub fn invalid(code: &'static str, field: &str, detail: impl Into<String>) -> Self {
        Error { field: Some(field.to_owned()), ..Self::new(Kind::Invalid, code, detail) }
    }

    /// A malformed request.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, code, detail)
    }

    /// A request larger than what is taken.
    pub fn too_large(what: &str, limit: usize) -> Self {
        Self::new(Kind::TooLarge, "body_too_large", format!("The {what} is larger than {limit} bytes. Nothing was stored."))
    }

    /// Nothing there, or nothing this actor may know of.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("There is no such {what}."))
    }

    /// Not allowed to this actor.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, code, detail)
    }

    /// Refused because of the state of things.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, detail)
    }

    /// A cause inside this server; `cause` goes to the log and not to the asker.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(Kind::Internal, "internal", "Something went wrong here. Nothing was changed; try again, or tell your administrator the time.")
    }

    /// The decision that was made already.
    pub fn already_decided(who: &str, verb: &str, at: Time) -> Self {
        Self::conflict("already_decided", format!("{who} {verb} this at {}.", at.for_people()))
    }

    /// The content is not what the decider saw.
    pub fn content_changed(message_id: MessageId, seen: i32, current: i32) -> Self {
        let detail = format!("The message changed after you opened it (version {seen} → {current}). Nothing was approved. Review the difference.");
        Error { changed: Some(Box::new(Changed { message_id, seen, current })), ..Self::new(Kind::Conflict, "content_changed", detail) }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        Error::internal(error)
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        let text = error.to_string();
        if text.contains("disk is full") || text.contains("No space left") || text.contains("could not extend file") {
            tracing::error!(%error, "storage full");
            return Error::new(Kind::StorageFull, "storage_full", "There is no room to record this safely, so it was not accepted.");
        }
        if text.contains("database is locked") || matches!(error, DieselError::BrokenTransactionManager) {
            tracing::warn!(%error, "database busy");
            return Error::new(Kind::Busy, "database_busy", "The database is busy. Nothing was changed; try again in a few seconds.");
        }
        // PostgreSQL says so of U+0000 in an id or a form; SQLite would find or keep it.
        if text.contains("invalid byte sequence for encoding") {
            return Error::invalid("text_control_char", "", "What was sent holds the control character U+0000. Take it out and send it again.");
        }
        match error {
            DieselError::NotFound => Error::not_found("thing"),
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Error::conflict("conflict", "Somebody else did this at the same moment. Reload and look again.")
            }
            other => Error::internal(other),
        }
    }
}

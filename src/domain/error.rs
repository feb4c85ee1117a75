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

    /// The sentence as a page says it: a field that it begins with is named in words, "Step 2: body must be filled in", where
    /// programs read `steps[1].body must be filled in`.
    pub fn for_people(&self) -> String {
        let field = self.field.as_deref().unwrap_or_default();
        match self.detail.strip_prefix(field) {
            Some(rest) if !field.is_empty() => format!("{}{rest}", field_in_words(field)),
            _ => self.detail.clone(),
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// `steps[1].variants[0].wait_days` as "Step 2, variant 1: wait days". Programs count from 0.
fn field_in_words(field: &str) -> String {
    let part = |part: &str| match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
        Some((list, at)) => format!("{} {}", list.strip_suffix('s').unwrap_or(list), at.parse::<usize>().map_or(0, |at| at + 1)),
        None => part.to_owned(),
    };
    let parts: Vec<String> = field.split('.').map(part).collect();
    let words = match parts.split_last() {
        Some((last, around)) if !around.is_empty() => format!("{}: {last}", around.join(", ")),
        _ => parts.concat(),
    };
    let words = words.replace('_', " ");
    words.chars().take(1).flat_map(char::to_uppercase).chain(words.chars().skip(1)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_the_field_in_words_and_programs_its_name() {
        let said = |field: &str, detail: &str| Error::invalid("field_invalid", field, detail).for_people();
        assert_eq!(said("stop_tags", "stop_tags must be at most 10; got 11."), "Stop tags must be at most 10; got 11.");
        assert_eq!(said("days", "days must be 1 to 90; got 0."), "Days must be 1 to 90; got 0.");
        assert_eq!(said("steps[1].wait_days", "steps[1].wait_days must be 0 to 365; got -1."), "Step 2: wait days must be 0 to 365; got -1.");
        assert_eq!(said("steps[0].variants[2].body", "steps[0].variants[2].body must be filled in."), "Step 1, variant 3: body must be filled in.");
        assert_eq!(said("file", "Line 3: a quote is open. No row was imported."), "Line 3: a quote is open. No row was imported.");
        assert_eq!(Error::not_found("page").for_people(), "There is no such page.");
    }
}

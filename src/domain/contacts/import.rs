//! A row of a CSV file as a contact.

use serde_json::Map;

use super::consents::opt_in::{self, Ask};
use super::{ContactInput, by_key, upsert_row};
use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::text;

/// The columns that are understood; `email` is the one needed, and every other is kept as metadata.
const COLUMNS: [&str; 5] = ["email", "name", "tags", "time_zone", "consent"];

/// Refuses a file without addresses, or with a column that is there twice.
pub(in crate::domain) fn check(headers: &[String]) -> Result<()> {
    let wrong = |column: usize, why: String| {
        Error::invalid(
            "csv_invalid",
            "file",
            format!(
                "Line 1, column {column}: {why} The columns understood are {}; others are kept with the contact. No row was imported.",
                COLUMNS.join(", ")
            ),
        )
    };
    if !headers.iter().any(|header| header == "email") {
        return Err(wrong(1, "there is no column email.".to_owned()));
    }
    for (at, header) in headers.iter().enumerate() {
        if header.is_empty() {
            return Err(wrong(at + 1, "this column has no name.".to_owned()));
        }
        if headers[..at].contains(header) {
            return Err(wrong(at + 1, format!("there are two columns {}.", text::excerpt(header))));
        }
    }
    Ok(())
}

/// Adds the contact of a row or completes the one with its address; whether it is new. Tags have semicolons between.
pub(in crate::domain) fn take(
    conn: &mut Conn,
    actor: &Actor,
    headers: &[String],
    record: &csv::StringRecord,
    ask: impl FnOnce(bool) -> Option<Ask>,
    now: Time,
) -> Result<(ContactId, bool)> {
    actor.must_have(Scope::Contacts)?;
    let cells = || headers.iter().map(String::as_str).zip(record.iter().map(str::trim)).filter(|(_, cell)| !cell.is_empty());
    let cell = |name: &str| cells().find(|(header, _)| *header == name).map(|(_, cell)| cell.to_owned());
    let Some(email) = cell("email") else {
        return Err(Error::invalid("field_invalid", "email", "email must be filled in; got nothing."));
    };
    let pending = match cell("consent").as_deref() {
        None => false,
        Some("pending") => true,
        Some(other) => {
            let detail = format!("consent must be pending or empty; got \"{}\". A person records grounds on the desk.", text::excerpt(other));
            return Err(Error::invalid("field_invalid", "consent", detail));
        }
    };
    let metadata: Map<_, _> =
        cells().filter(|(header, _)| !COLUMNS.contains(header)).map(|(header, cell)| (header.to_owned(), cell.into())).collect();
    let tags = cell("tags").unwrap_or_default();
    let new = by_key(conn, EmailAddress::parse("email", &email)?.key())?.is_none();
    let input = ContactInput {
        email,
        name: cell("name"),
        tags: tags.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        metadata,
        time_zone: cell("time_zone"),
    };
    let row = upsert_row(conn, actor, &input, now)?;
    if let Some(ask) = ask(pending) {
        opt_in::ask_once(conn, actor, &row.id, &ask, now)?;
    }
    Ok((row.id, new))
}

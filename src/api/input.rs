//! Readers of input that several calls share.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::State;
use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::mailboxes;
use crate::domain::text;

/// A time, if one is given.
pub(crate) fn time_of(field: &str, given: Option<&str>) -> Result<Option<Time>> {
    let Some(given) = given else { return Ok(None) };
    let wrong = || {
        let detail = format!("{field} must be a time such as 2026-04-30T12:00:00Z; got \"{}\".", text::excerpt(given));
        Error::invalid("field_invalid", field, detail)
    };
    Time::parse(given).map(Some).ok_or_else(wrong)
}

/// Headers as a list.
pub(crate) fn headers_of(given: Option<BTreeMap<String, String>>) -> Vec<(String, String)> {
    given.unwrap_or_default().into_iter().collect()
}

/// One word of a fixed set, if one is given.
pub(crate) fn word_of<T: std::str::FromStr<Err = String>>(field: &str, given: Option<&str>) -> Result<Option<T>> {
    let parse = |given: &str| given.parse().map_err(|expected| Error::invalid("field_invalid", field, format!("{field} must be {expected}.")));
    given.filter(|given| !given.is_empty()).map(parse).transpose()
}

/// One value that goes by several names. Whoever gives two of them must say the same twice.
pub(crate) fn agreed<T: PartialEq, const N: usize>(given: [(&'static str, Option<T>); N]) -> Result<Option<T>> {
    let mut given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let Some((first, value)) = given.next() else { return Ok(None) };
    match given.find(|(_, other)| *other != value) {
        None => Ok(Some(value)),
        Some((other, _)) => {
            let detail = format!("{first} and {other} are two names of one field, and their values differ. Give one of them.");
            Err(Error::invalid("field_contradicts", other, detail))
        }
    }
}

/// A mailbox by address or id under one of the names it goes by.
pub(crate) type Named = (&'static str, Option<String>);

/// The mailbox that is meant where it goes by several names: one may be its address and another its id.
pub(crate) fn one_mailbox<const N: usize>(conn: &mut Conn, actor: &Actor, given: [Named; N]) -> Result<Option<String>> {
    let mut given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let Some((first, meant)) = given.next() else { return Ok(None) };
    for (name, other) in given.filter(|(_, other)| *other != meant) {
        let found = mailboxes::resolve(conn, actor, Some(&meant))?;
        let is_same = match mailboxes::resolve(conn, actor, Some(&other)) {
            Ok(other) => other.id == found.id,
            Err(error) if error.code == "not_found" => false,
            Err(error) => return Err(error),
        };
        agreed([(first, Some(true)), (name, Some(is_same))])?;
    }
    Ok(Some(meant))
}

/// The same of mailbox and mailbox_id, for whoever is not in the database yet: it is asked only where they differ.
pub(crate) async fn given_mailbox(actor: &Actor, state: &State, mailbox: Option<String>, mailbox_id: Option<String>) -> Result<Option<String>> {
    if mailbox.is_none() || mailbox_id.is_none() || mailbox == mailbox_id {
        return Ok(mailbox.or(mailbox_id));
    }
    let actor = actor.clone();
    state.read(move |conn| one_mailbox(conn, &actor, [("mailbox", mailbox), ("mailbox_id", mailbox_id)])).await
}

/// A cursor that is the id of the last row.
pub(crate) fn id_cursor<T: for<'a> From<&'a str>>(given: Option<&str>) -> Result<Option<T>> {
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(None) };
    if uuid::Uuid::try_parse(given).is_err() {
        return Err(no_cursor());
    }
    Ok(Some(T::from(given)))
}

fn no_cursor() -> Error {
    Error::invalid("field_invalid", "cursor", "cursor must be next_cursor of the page before. Leave it out to begin.")
}

/// A cursor of two parts: where a list goes on.
pub(crate) fn cursor(at: Time, key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {key}", at.micros()))
}

/// The two parts of a cursor.
pub(crate) fn read_cursor(given: Option<&str>) -> Result<Option<(Time, String)>> {
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(None) };
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(given).ok()?).ok()?;
        let (at, key) = text.split_once(' ')?;
        Some((Time::from_micros(at.parse().ok()?), key.to_owned()))
    };
    read().map(Some).ok_or_else(no_cursor)
}

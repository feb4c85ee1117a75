//! Readers of input that several calls share.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Time;
use crate::domain::error::{Error, Result};
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
    read().map(Some).ok_or_else(|| Error::invalid("field_invalid", "cursor", "cursor must be next_cursor of the page before."))
}

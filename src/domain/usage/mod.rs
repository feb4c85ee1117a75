//! What people do with the product: counted for each contact, day and name, never kept raw.

pub mod inactivity;
pub(in crate::domain) mod queries;

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn;
use crate::domain::cohorts;
use crate::domain::contacts;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::text;

/// Most events in one batch.
pub const MOST: usize = 1000;
/// How far back an event may lie, in days. For as long its id is remembered.
pub const KEPT_DAYS: i64 = 90;
/// How far ahead of this server the sender's clock may be, in seconds.
const AHEAD_SECONDS: i64 = 300;
/// The most that one event may add to the total.
const MOST_VALUE: i64 = 1_000_000_000_000;

/// Something that somebody did.
#[derive(Debug, Clone, Default)]
pub struct UsageEvent {
    /// The contact's id.
    pub contact: Option<String>,
    /// Or their address.
    pub email: Option<String>,
    /// What they did.
    pub name: String,
    /// How much of it; 1 when empty.
    pub value: Option<i64>,
    /// When, as RFC 3339; now when empty.
    pub at: Option<String>,
    /// The sender's id of it; it is taken once.
    pub id: Option<String>,
}

/// Why one event of a batch was not taken.
#[derive(Debug, Clone)]
pub struct RefusedEvent {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// The sender's id of it.
    pub id: Option<String>,
    /// Why.
    pub error: Error,
}

/// What became of a batch.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// How many were taken.
    pub taken: usize,
    /// How many had been taken before.
    pub repeated: usize,
    /// Those that were not taken.
    pub refused: Vec<RefusedEvent>,
}

/// What a contact did on one day.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct UsageDay {
    /// The day in UTC, as YYYY-MM-DD.
    pub day: String,
    /// What.
    pub name: String,
    /// How often.
    pub events: i64,
    /// The sum of the values.
    pub total: i64,
}

/// An event that was looked at and may be counted.
struct Checked {
    contact: ContactId,
    name: String,
    value: i64,
    at: Time,
    id: Option<String>,
}

/// Names of usage since a day that say which call was made, such as `GET /v1/orders`.
pub(in crate::domain) fn names_of_calls(conn: &mut Conn, since: &str, most: i64) -> Result<Vec<String>> {
    Ok(queries::names_of_calls(conn, since, most)?)
}

/// Who used what is named since a day, and how often.
pub(in crate::domain) fn users_of(conn: &mut Conn, names: &[String], since: &str) -> Result<Vec<(ContactId, String, i64)>> {
    Ok(if names.is_empty() { vec![] } else { queries::users_of(conn, names, since)? })
}

/// Counts a batch of events as far as they could be read. Those that cannot be taken are named; the others are kept. Activity after
/// somebody counted as inactive brings them back.
pub fn record(conn: &mut Conn, actor: &Actor, events: &[Result<UsageEvent>], now: Time) -> Result<Recorded> {
    actor.must_have(Scope::Contacts)?;
    if events.is_empty() || events.len() > MOST {
        return Err(Error::invalid("field_invalid", "events", format!("events must be 1 to {MOST}; got {}.", events.len())));
    }
    transaction(conn, |conn| {
        let mut done = Recorded::default();
        let checked = check_all(conn, events, &mut done, now)?;
        // In one order for all batches, so that two of them take turns and do not wait for each other.
        for contact in checked.iter().map(|event| &event.contact).collect::<BTreeSet<_>>() {
            contacts::held_row(conn, contact)?;
        }
        let ids: Vec<&str> = checked.iter().filter_map(|event| event.id.as_deref()).collect();
        let mut known: BTreeSet<String> = queries::taken(conn, &ids)?.into_iter().collect();
        let mut days: BTreeMap<(ContactId, String, String), (i64, i64)> = BTreeMap::new();
        let mut last: BTreeMap<ContactId, Time> = BTreeMap::new();
        let mut fresh = vec![];
        for event in checked {
            if let Some(id) = event.id {
                if !known.insert(id.clone()) {
                    done.repeated += 1;
                    continue;
                }
                fresh.push(id);
            }
            done.taken += 1;
            let count = days.entry((event.contact.clone(), event.at.date().to_string(), event.name)).or_default();
            *count = (count.0 + 1, count.1 + event.value);
            let newest = last.entry(event.contact).or_insert(event.at);
            *newest = (*newest).max(event.at);
        }
        queries::note_taken(conn, &fresh, now)?;
        let mut used: BTreeMap<ContactId, Vec<&str>> = BTreeMap::new();
        for ((contact, day, name), (events, total)) in &days {
            used.entry(contact.clone()).or_default().push(name);
            queries::count(conn, contact, day, name, *events, *total)?;
        }
        for (contact, names) in used {
            cohorts::used(conn, &contact, &names, now)?;
        }
        for (contact, at) in &last {
            contacts::was_active(conn, contact, *at, now)?;
            churn::active_again(conn, &Actor::System(inactivity::ACTOR), contact, *at, now)?;
        }
        Ok(done)
    })
}

fn check_all(conn: &mut Conn, events: &[Result<UsageEvent>], done: &mut Recorded, now: Time) -> Result<Vec<Checked>> {
    let mut found: BTreeMap<(bool, String), Option<ContactId>> = BTreeMap::new();
    let mut all = vec![];
    for (index, event) in events.iter().enumerate() {
        let (event, checked) = match event {
            Ok(event) => (Some(event), check(conn, event, &mut found, now)),
            Err(error) => (None, Err(error.clone())),
        };
        match checked {
            Ok(checked) => all.push(checked),
            Err(error) if error.kind == crate::domain::error::Kind::Invalid => {
                let id = event.and_then(|event| event.id.as_deref()).map(text::excerpt);
                done.refused.push(RefusedEvent { index, id, error });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn check(conn: &mut Conn, event: &UsageEvent, found: &mut BTreeMap<(bool, String), Option<ContactId>>, now: Time) -> Result<Checked> {
    let invalid = |field: &str, detail: String| Error::invalid("field_invalid", field, detail);
    let name = text::required_line("name", &event.name, 80)?;
    let id = event.id.as_deref().map(|id| text::required_line("id", id, 200)).transpose()?;
    let value = event.value.unwrap_or(1);
    if !(0..=MOST_VALUE).contains(&value) {
        return Err(invalid("value", format!("value must be 0 to {MOST_VALUE}; got {value}.")));
    }
    let at = match &event.at {
        Some(at) => {
            Time::parse(at).ok_or_else(|| invalid("at", format!("at must be a time such as 2026-04-30T12:00:00Z; got \"{}\".", text::excerpt(at))))?
        }
        None => now,
    };
    if at > now.plus_seconds(AHEAD_SECONDS) || at < now.plus_days(-KEPT_DAYS) {
        return Err(invalid("at", format!("at must lie in the last {KEPT_DAYS} days; got {at}.")));
    }
    let key = match (&event.contact, &event.email) {
        (Some(contact), None) => (false, contact.to_ascii_lowercase()),
        (None, Some(email)) => (true, EmailAddress::parse("email", email)?.key().to_owned()),
        _ => return Err(invalid("email", "Give either email or contact with each event.".to_owned())),
    };
    let contact = match found.get(&key) {
        Some(contact) => contact.clone(),
        None => {
            let contact = contacts::real(conn, if key.0 { Err(&key.1) } else { Ok(&key.1) })?;
            found.insert(key.clone(), contact.clone());
            contact
        }
    };
    let field = if key.0 { "email" } else { "contact" };
    let contact =
        contact.ok_or_else(|| Error::invalid("contact_unknown", field, "There is no such contact. Add it with POST /v1/contacts first."))?;
    Ok(Checked { contact, name, value, at: at.min(now), id })
}

/// What a contact did since that day (YYYY-MM-DD), the latest day first.
pub fn of_contact(conn: &mut Conn, actor: &Actor, contact: &ContactId, since: &str) -> Result<Vec<UsageDay>> {
    contacts::get(conn, actor, contact)?;
    Ok(queries::of_contact(conn, contact, since)?)
}

/// Forgets ids that are too old to come again.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    Ok(queries::sweep(conn, now.plus_days(-KEPT_DAYS - 1))?)
}

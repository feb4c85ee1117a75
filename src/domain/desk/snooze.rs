//! Putting a message off: it leaves one's own queue and comes back by itself.

use jiff::ToSpan;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::{messages, text};

use super::{log, person, queries, refuse_settled};

/// The longest time for which a message is put off, in days.
pub const LONGEST_DAYS: i64 = 30;
/// When a working day and when an afternoon begins.
const MORNING: i8 = 9;
const AFTERNOON: i8 = 14;

/// Hides a message from the actor's own queue until then.
pub fn snooze(conn: &mut Conn, actor: &Actor, id: &MessageId, until: Time, now: Time) -> Result<()> {
    let me = person(actor)?;
    transaction(conn, |conn| {
        let row = messages::row(conn, actor, id)?;
        refuse_settled(&row)?;
        let refused = |detail: String| Error::invalid("snooze_invalid", "until", detail);
        if until <= now {
            return Err(refused("The time to come back must be in the future. Choose a later one.".to_owned()));
        }
        if until > now.plus_days(LONGEST_DAYS) {
            return Err(refused(format!("A message can be put off for at most {LONGEST_DAYS} days. Choose an earlier time.")));
        }
        if let Some(expires) = row.expires_at.filter(|expires| until >= *expires) {
            return Err(refused(format!("This message expires at {}. Choose an earlier time.", expires.for_people())));
        }
        queries::put_snooze(conn, id, me, until)?;
        log(conn, actor, "message.snooze", &row, json!({"until": until}), now)
    })
}

/// Brings it back at once.
pub fn unsnooze(conn: &mut Conn, actor: &Actor, id: &MessageId, now: Time) -> Result<()> {
    let me = person(actor)?;
    transaction(conn, |conn| {
        let row = messages::row(conn, actor, id)?;
        if queries::delete_snooze(conn, id, me)? {
            log(conn, actor, "message.unsnooze", &row, json!({}), now)?;
        }
        Ok(())
    })
}

/// Until when the actor put it off.
pub fn until(conn: &mut Conn, actor: &Actor, id: &MessageId, now: Time) -> Result<Option<Time>> {
    Ok(queries::snoozed_until(conn, id, person(actor)?)?.filter(|until| *until > now))
}

/// The times a person is offered, in their zone.
pub fn choices(now: Time, zone: &TimeZone) -> Vec<(&'static str, Time)> {
    let local = now.local(zone);
    let today = local.date();
    let at = |label, days: i64, hour| {
        let day = today.checked_add(days.days()).unwrap_or(today);
        (label, from_local(day.at(hour, 0, 0, 0), zone))
    };
    let mut offered = vec![("In 1 hour", now.plus_seconds(3600))];
    if local.hour() < AFTERNOON - 1 {
        offered.push(at("This afternoon, 14:00", 0, AFTERNOON));
    }
    offered.push(at("Tomorrow, 9:00", 1, MORNING));
    // "Monday" is not said on a Sunday, when it is tomorrow, and means the next one on a Monday.
    let days = i64::from(today.weekday().until(Weekday::Monday));
    if days != 1 {
        offered.push(at("Monday, 9:00", if days == 0 { 7 } else { days }, MORNING));
    }
    offered
}

/// A time as a form gives it, such as 2026-11-23T09:00, in a zone.
pub fn parse(given: &str, zone: &TimeZone) -> Result<Time> {
    let local: DateTime = given.trim().parse().map_err(|_| {
        Error::invalid("snooze_invalid", "until", format!("The time to come back must be like 2026-11-23T09:00; got \"{}\".", text::excerpt(given)))
    })?;
    Ok(from_local(local, zone))
}

/// What lies past the end of time is put off for ever, which the rule of 30 days refuses.
fn from_local(local: DateTime, zone: &TimeZone) -> Time {
    Time::from_local(local, zone).unwrap_or(Time::from_micros(i64::MAX))
}

//! How long a letter has to bring somebody back; who has not come back by then is lost.

use serde_json::json;

use super::{ChurnEventId, Status, get_row, log, queries};
use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::{settings, webhooks};

/// Days between the last letter and the end, where nothing else is set.
pub const WINDOW_DAYS: i64 = 30;
/// Departures that are ended in one transaction.
const AT_ONCE: i64 = 200;

/// When the window of a letter that leaves now ends.
pub(super) fn end(conn: &mut Conn, now: Time) -> Result<Time> {
    Ok(now.plus_days(days(conn)?))
}

/// For how many days after the last letter somebody who comes back counts as recovered.
pub fn days(conn: &mut Conn) -> Result<i64> {
    Ok(settings::get(conn, settings::RECOVERY_WINDOW_DAYS)?.and_then(|days| days.parse().ok()).unwrap_or(WINDOW_DAYS))
}

/// Ends some departures whose window is over; true while there may be more.
pub fn step(conn: &mut Conn, now: Time) -> Result<bool> {
    transaction(conn, |conn| {
        let over = queries::window_over(conn, now, AT_ONCE)?;
        for id in &over {
            lose(conn, id, Status::EmailSent, now)?;
        }
        Ok(over.len() as i64 == AT_ONCE)
    })
}

/// Ends a departure that stands there as lost, unless it has ended already.
pub(super) fn lose(conn: &mut Conn, id: &ChurnEventId, from: Status, now: Time) -> Result<()> {
    if matches!(from, Status::Recovered | Status::Lost) || !queries::set_status(conn, id, from, Status::Lost, now)? {
        return Ok(());
    }
    let event = get_row(conn, id)?;
    let detail = json!({"mrr_minor": event.mrr_minor, "currency": event.currency, "window_ended_at": event.window_ends_at});
    log(conn, &Actor::System("worker"), "churn.lost", id, detail, now)?;
    webhooks::churn_event(conn, webhooks::EventType::ChurnEventLost, &event, now)
}

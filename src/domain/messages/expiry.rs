//! Until when somebody must decide, and what happens to what nobody decided.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::vigilance::planting;

use super::decide::{self, Decide};
use super::{DecisionKind, MessageRow, State, lifecycle, log, queries};

/// How long a message waits for a decision, in hours.
pub const REVIEW_HOURS: i64 = 72;

/// Starts the time anew: 72 hours, or the end of the deadline day where the message is about a migration.
pub(super) fn restart(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<()> {
    let deadline = queries::deadline_under(conn, &row.id, row.version)?
        .and_then(|day| day.parse().ok())
        .map(|day| Time::from_date(day).plus_days(1))
        .filter(|end| *end > now);
    let end = deadline.unwrap_or_else(|| now.plus_seconds(REVIEW_HOURS * 3600));
    Ok(queries::set_expires_at(conn, &row.id, end)?)
}

/// Lets undecided messages lapse whose time is over. Returns how many.
pub fn expire_due(conn: &mut Conn, now: Time) -> Result<usize> {
    transaction(conn, |conn| {
        let due = queries::due_to_expire(conn, now, 200)?;
        for row in &due {
            let actor = Actor::System("expiry");
            decide::record(conn, &actor, row, &Decide::on(&row.id, DecisionKind::Expire), None, now)?;
            lifecycle::transition(conn, &row.id, row.state, State::Expired, Some("Nobody decided in time."), now)?;
            if row.planted {
                planting::lapsed(conn, row, now)?;
            }
            log(conn, &actor, "message.expire", row, json!({}), now)?;
        }
        Ok(due.len())
    })
}

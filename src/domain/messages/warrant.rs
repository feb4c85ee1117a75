//! The warrant and the outbox row, written together or not at all.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{DecisionId, WarrantId};

use super::oversight::ClearedBy;
use super::{MessageRow, queries};

/// The version of the checks a warrant was issued under.
pub const POLICY_VERSION: i32 = 1;
/// How long a warrant lives, in days; a message delayed longer needs a new look.
pub const LIFETIME_DAYS: i64 = 30;

/// When a message approved now leaves at the earliest, and what it waits for until then.
pub(in crate::domain) fn leaves_at(row: &MessageRow, undo_seconds: i32, now: Time) -> (Time, Option<&'static str>) {
    let undo_until = now.plus_seconds(i64::from(undo_seconds));
    match row.send_at {
        Some(at) if at > undo_until => (at, Some("the time it is scheduled for")),
        _ => (undo_until, (undo_seconds > 0).then_some("the undo window")),
    }
}

/// Issues the warrant for the current content and puts the message into the outbox.
/// `undo_seconds` is how long it can still be stopped.
pub(super) fn issue(
    conn: &mut Conn,
    row: &MessageRow,
    cleared_by: ClearedBy,
    decision: Option<&DecisionId>,
    undo_seconds: i32,
    now: Time,
) -> Result<Time> {
    if row.planted {
        return Err(Error::internal("a warrant for a test of the desk"));
    }
    let warrant = WarrantId::new();
    let (not_before, waits_for) = leaves_at(row, undo_seconds, now);
    let expires = not_before.max(now).plus_days(LIFETIME_DAYS);
    queries::insert_warrant(conn, &warrant, row, decision, cleared_by, POLICY_VERSION, now, expires)?;
    queries::put_outbox(conn, &warrant, row, not_before, waits_for, now)?;
    Ok(not_before)
}

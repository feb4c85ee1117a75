//! SQL about the database as a whole.

use diesel::dsl::{exists, max};
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{audit_log, outbox};
use crate::domain::ids::MessageId;

pub(super) fn latest_change(conn: &mut Conn) -> QueryResult<Option<i64>> {
    audit_log::table.select(max(audit_log::seq)).first(conn)
}

/// The time of the newest entry of the log.
pub(super) fn latest_time(conn: &mut Conn) -> QueryResult<Option<Time>> {
    audit_log::table.order(audit_log::seq.desc()).select(audit_log::at).first(conn).optional()
}

/// Whether the message stood at its final dot at this time, or moved on since.
pub(super) fn has_come_to_the_dot(conn: &mut Conn, id: &MessageId, at: Time) -> QueryResult<bool> {
    let since = outbox::state.ne_all(["queued", "sending"]).or(outbox::updated_at.ge(at));
    diesel::select(exists(outbox::table.find(id).filter(since))).get_result(conn)
}

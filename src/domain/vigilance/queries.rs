//! SQL of the vigilance report and of planted tests. Each query reads a period by an index on
//! time and at most [`MOST_ROWS`] rows.

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{audit_log, claim_waivers, decisions, message_versions, messages, planted_tests};
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::messages::{DecisionKind, Origin, State};

use super::planting::{Outcome, Test};

/// The most rows that one query of a report reads.
pub const MOST_ROWS: i64 = 50_000;

const BY_SOMEBODY: [DecisionKind; 3] = [DecisionKind::Approve, DecisionKind::Reject, DecisionKind::RequestChanges];

// The decisions on a message before the one that is counted.
diesel::alias! {
    const EARLIER: Alias<Earlier> = decisions as earlier;
}

/// The mailbox as an expression that no index serves: SQLite would otherwise go through all
/// messages of a mailbox, and not only through the period.
#[diesel::dsl::auto_type]
fn mailbox() -> _ {
    messages::mailbox_id.concat("")
}

/// A decision as the report counts it.
#[derive(Debug, Clone, Queryable)]
pub(super) struct Decided {
    pub(super) mailbox_id: MailboxId,
    pub(super) message_id: MessageId,
    pub(super) version: i32,
    pub(super) kind: DecisionKind,
    pub(super) dwell_ms: Option<i64>,
    pub(super) created_at: Time,
    pub(super) origin: Origin,
    pub(super) submitted_at: Option<Time>,
    pub(super) decided_before: bool,
}

/// The decisions on real messages since `from`, the newest first.
pub(super) fn decided(conn: &mut Conn, reach: &[MailboxId], from: Time, to: Time) -> QueryResult<Vec<Decided>> {
    let earlier = EARLIER;
    let before = exists(
        earlier
            .filter(earlier.field(decisions::message_id).eq(decisions::message_id))
            .filter(earlier.field(decisions::created_at).lt(decisions::created_at))
            .filter(earlier.field(decisions::kind).eq_any(BY_SOMEBODY)),
    );
    decisions::table
        .inner_join(messages::table.on(messages::id.eq(decisions::message_id)))
        .filter(decisions::created_at.ge(from))
        .filter(decisions::created_at.lt(to))
        .filter(decisions::kind.eq_any(BY_SOMEBODY))
        .filter(messages::planted.eq(false))
        .filter(mailbox().eq_any(reach.to_vec()))
        .order(decisions::created_at.desc())
        .limit(MOST_ROWS)
        .select((
            messages::mailbox_id,
            decisions::message_id,
            decisions::version,
            decisions::kind,
            decisions::dwell_ms,
            decisions::created_at,
            messages::origin,
            messages::submitted_at,
            before,
        ))
        .load(conn)
}

/// The versions of the messages that were decided since `from` and had more than one: message,
/// version, content and who wrote it.
pub(super) fn versions(conn: &mut Conn, reach: &[MailboxId], from: Time, to: Time) -> QueryResult<Vec<(MessageId, i32, String, String)>> {
    let edited = decisions::table
        .inner_join(messages::table.on(messages::id.eq(decisions::message_id)))
        .filter(decisions::created_at.ge(from))
        .filter(decisions::created_at.lt(to))
        .filter(decisions::version.gt(1))
        .filter(mailbox().eq_any(reach.to_vec()))
        .select(decisions::message_id);
    message_versions::table
        .filter(message_versions::message_id.eq_any(edited))
        .order((message_versions::message_id.desc(), message_versions::version))
        .limit(MOST_ROWS)
        .select((message_versions::message_id, message_versions::version, message_versions::content_hash, message_versions::editor_kind))
        .load(conn)
}

/// The waivers since `from`: mailbox and time.
pub(super) fn waivers(conn: &mut Conn, reach: &[MailboxId], from: Time, to: Time) -> QueryResult<Vec<(MailboxId, Time)>> {
    claim_waivers::table
        .inner_join(messages::table.on(messages::id.eq(claim_waivers::message_id)))
        .filter(claim_waivers::created_at.ge(from))
        .filter(claim_waivers::created_at.lt(to))
        .filter(messages::planted.eq(false))
        .filter(mailbox().eq_any(reach.to_vec()))
        .order(claim_waivers::created_at.desc())
        .limit(MOST_ROWS)
        .select((messages::mailbox_id, claim_waivers::created_at))
        .load(conn)
}

/// The messages that were stopped between approval and leaving since `from`: mailbox and time.
pub(super) fn stopped(conn: &mut Conn, from: Time, to: Time) -> QueryResult<Vec<(Option<String>, Time)>> {
    audit_log::table
        .filter(audit_log::action.eq("message.cancel"))
        .filter(audit_log::at.ge(from))
        .filter(audit_log::at.lt(to))
        .order(audit_log::at.desc())
        .limit(MOST_ROWS)
        .select((audit_log::mailbox_id, audit_log::at))
        .load(conn)
}

/// The tests that were decided or lapsed since `from`: mailbox, outcome and time.
pub(super) fn ended_tests(conn: &mut Conn, from: Time, to: Time) -> QueryResult<Vec<(MailboxId, Outcome, Time)>> {
    planted_tests::table
        .filter(planted_tests::decided_at.ge(from))
        .filter(planted_tests::decided_at.lt(to))
        .order(planted_tests::decided_at.desc())
        .limit(MOST_ROWS)
        .select((planted_tests::mailbox_id, planted_tests::outcome, planted_tests::decided_at.assume_not_null()))
        .load(conn)
}

/// Since when the oldest message of a mailbox waits. A test waits like any other message.
pub(super) fn oldest_pending(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<Option<Time>> {
    let found: Option<Option<Time>> = messages::table
        .filter(messages::mailbox_id.eq(mailbox))
        .filter(messages::state.eq(State::Pending))
        .order(messages::submitted_at)
        .select(messages::submitted_at)
        .first(conn)
        .optional()?;
    Ok(found.flatten())
}

/// The latest reasons for rejecting, with the time.
pub(super) fn reasons(conn: &mut Conn, mailbox: &MailboxId, from: Time, to: Time, limit: i64) -> QueryResult<Vec<(Option<String>, Time)>> {
    decisions::table
        .inner_join(messages::table.on(messages::id.eq(decisions::message_id)))
        .filter(decisions::created_at.ge(from))
        .filter(decisions::created_at.lt(to))
        .filter(decisions::kind.eq(DecisionKind::Reject))
        .filter(self::mailbox().eq(mailbox))
        .filter(messages::planted.eq(false))
        .order(decisions::created_at.desc())
        .limit(limit)
        .select((decisions::reason, decisions::created_at))
        .load(conn)
}

pub(super) fn insert_test(conn: &mut Conn, row: &Test) -> QueryResult<()> {
    diesel::insert_into(planted_tests::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn test(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<Test>> {
    planted_tests::table.find(id).first(conn).optional()
}

pub(super) fn end_test(conn: &mut Conn, id: &MessageId, outcome: Outcome, now: Time) -> QueryResult<()> {
    diesel::update(planted_tests::table.find(id)).set((planted_tests::outcome.eq(outcome), planted_tests::decided_at.eq(now))).execute(conn).map(drop)
}

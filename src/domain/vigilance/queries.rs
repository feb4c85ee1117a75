//! SQL of planted tests, and of what waits.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{messages, planted_tests};
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::messages::State;

use super::planting::{Outcome, Test};

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

pub(super) fn insert_test(conn: &mut Conn, row: &Test) -> QueryResult<()> {
    diesel::insert_into(planted_tests::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn test(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<Test>> {
    planted_tests::table.find(id).first(conn).optional()
}

pub(super) fn end_test(conn: &mut Conn, id: &MessageId, outcome: Outcome, now: Time) -> QueryResult<()> {
    diesel::update(planted_tests::table.find(id)).set((planted_tests::outcome.eq(outcome), planted_tests::decided_at.eq(now))).execute(conn).map(drop)
}

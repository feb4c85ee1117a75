//! SQL of the outbox.

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{
    campaigns, claims, contact_tags, contacts, facts, mailboxes, messages, outbox, settings as settings_table, suppressions, warrants,
};
use crate::domain::contacts::UNSUBSCRIBED;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::settings;

use super::Claimed;

/// What an outbox row waits for.
#[derive(Debug, Clone, Queryable)]
pub struct Waiting {
    /// Its state.
    pub state: String,
    /// Not before.
    pub not_before: Time,
    /// Why.
    pub waits_for: Option<String>,
    /// Attempts so far.
    pub attempts: i32,
    /// What the server said last.
    pub last_reply: Option<String>,
}

#[derive(Debug, Queryable)]
pub(super) struct Warrant {
    pub(super) id: String,
    pub(super) version: i32,
    pub(super) content_hash: String,
    pub(super) expires_at: Time,
}

/// Of a mailbox: it is stopped, or became one from which nothing leaves.
#[diesel::dsl::auto_type]
fn nothing_leaves() -> _ {
    mailboxes::stopped_at.is_not_null().or(mailboxes::mode.eq("read_only"))
}

/// Rows that are due, skipping those that another worker holds right now.
pub(super) fn due(conn: &mut Conn, now: Time, limit: i64) -> QueryResult<Vec<MessageId>> {
    let stopped: Vec<MailboxId> = mailboxes::table.filter(nothing_leaves()).select(mailboxes::id).load(conn)?;
    match conn {
        Conn::Sqlite(inner) => outbox::table
            .filter(outbox::state.eq("queued"))
            .filter(outbox::not_before.le(now))
            .filter(outbox::mailbox_id.ne_all(stopped))
            .order((outbox::not_before, outbox::message_id))
            .limit(limit)
            .select(outbox::message_id)
            .load(inner),
        Conn::Postgres(inner) => outbox::table
            .filter(outbox::state.eq("queued"))
            .filter(outbox::not_before.le(now))
            .filter(outbox::mailbox_id.ne_all(stopped))
            .order((outbox::not_before, outbox::message_id))
            .limit(limit)
            .select(outbox::message_id)
            .for_update()
            .skip_locked()
            .load(inner),
    }
}

pub(super) fn set_claim(conn: &mut Conn, id: &MessageId, worker: &str, until: Time, now: Time) -> QueryResult<()> {
    diesel::update(outbox::table.find(id))
        .set((outbox::state.eq("sending"), outbox::claim_token.eq(worker), outbox::claimed_until.eq(until), outbox::updated_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn renew(conn: &mut Conn, worker: &str, until: Time) -> QueryResult<()> {
    diesel::update(outbox::table.filter(outbox::claim_token.eq(worker)).filter(outbox::state.eq_any(["sending", "dot"])))
        .set(outbox::claimed_until.eq(until))
        .execute(conn)
        .map(drop)
}

pub(super) fn holds_claim(conn: &mut Conn, id: &MessageId, worker: &str) -> QueryResult<bool> {
    diesel::select(exists(outbox::table.find(id).filter(outbox::claim_token.eq(worker)).filter(outbox::state.eq_any(["sending", "dot"]))))
        .get_result(conn)
}

pub(super) fn warrant_of(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<Warrant>> {
    outbox::table
        .inner_join(warrants::table.on(warrants::id.eq(outbox::warrant_id)))
        .filter(outbox::message_id.eq(id))
        .select((warrants::id, warrants::version, warrants::content_hash, warrants::expires_at))
        .first(conn)
        .optional()
}

/// The statement before the final dot.
pub(super) fn set_dot(conn: &mut Conn, claimed: &Claimed, now: Time) -> QueryResult<bool> {
    let warranted = exists(
        warrants::table
            .find(claimed.warrant_id.clone())
            .filter(warrants::message_id.eq(&claimed.message_id))
            .filter(warrants::version.eq(claimed.version))
            .filter(warrants::content_hash.eq(&claimed.content_hash))
            .filter(warrants::expires_at.gt(now)),
    );
    let unchanged = exists(
        messages::table
            .find(&claimed.message_id)
            .filter(messages::state.eq("sending"))
            .filter(messages::is_test.eq(false))
            .filter(messages::version.eq(claimed.version))
            .filter(messages::content_hash.eq(&claimed.content_hash)),
    );
    let suppressed = exists(suppressions::table.find(&claimed.email_key));
    let left = exists(contact_tags::table.find((&claimed.contact_id, UNSUBSCRIBED)));
    let erased = exists(contacts::table.find(&claimed.contact_id).filter(contacts::erased_at.is_not_null()));
    let mailbox_stopped = exists(mailboxes::table.find(&claimed.mailbox_id).filter(nothing_leaves()));
    let all_stopped = exists(settings_table::table.find(settings::SENDING_STOPPED));
    let campaign_stopped = exists(
        messages::table
            .inner_join(campaigns::table.on(campaigns::name.nullable().eq(messages::campaign)))
            .filter(messages::id.eq(&claimed.message_id))
            .filter(campaigns::stopped_at.is_not_null()),
    );
    let lost = facts::state
        .ne("current")
        .or(facts::version.nullable().ne(claims::fact_version))
        .or(facts::kind.eq("offer").and(facts::day.lt(now.date().to_string()).assume_not_null()));
    let groundless = exists(
        claims::table
            .inner_join(facts::table.on(facts::id.nullable().eq(claims::fact_id)))
            .filter(claims::message_id.eq(&claimed.message_id))
            .filter(claims::version.eq(claimed.version))
            .filter(claims::verdict.eq_any(["exact", "quoted"]))
            .filter(lost),
    );
    let changed = diesel::update(outbox::table.find(&claimed.message_id))
        .set((outbox::state.eq("dot"), outbox::updated_at.eq(now)))
        .filter(outbox::state.eq("sending"))
        .filter(outbox::claim_token.eq(claimed.worker.as_str()))
        .filter(outbox::warrant_id.eq(claimed.warrant_id.clone()))
        .filter(warranted)
        .filter(unchanged)
        .filter(not(suppressed))
        .filter(not(left))
        .filter(not(erased))
        .filter(not(groundless))
        .filter(not(mailbox_stopped))
        .filter(not(all_stopped))
        .filter(not(campaign_stopped))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn set_state(conn: &mut Conn, id: &MessageId, from: &str, to: &str, reply: Option<&str>, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(outbox::table.find(id).filter(outbox::state.eq(from)))
        .set((outbox::state.eq(to), outbox::last_reply.eq(reply), outbox::updated_at.eq(now)))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn put_back(conn: &mut Conn, id: &MessageId, from: &str, at: Time, reason: &str, attempts: i32, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(outbox::table.find(id).filter(outbox::state.eq(from)))
        .set((
            outbox::state.eq("queued"),
            outbox::not_before.eq(at),
            outbox::waits_for.eq("the next attempt"),
            outbox::attempts.eq(attempts),
            outbox::claim_token.eq(None::<String>),
            outbox::claimed_until.eq(None::<Time>),
            outbox::last_reply.eq(reason),
            outbox::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn attempts(conn: &mut Conn, id: &MessageId) -> QueryResult<i32> {
    outbox::table.find(id).select(outbox::attempts).first(conn)
}

pub(super) fn set_sent_at(conn: &mut Conn, id: &MessageId, now: Time) -> QueryResult<()> {
    diesel::update(messages::table.find(id)).set(messages::sent_at.eq(now)).execute(conn).map(drop)
}

pub(super) fn lapsed(conn: &mut Conn, now: Time, limit: i64) -> QueryResult<Vec<(MessageId, String)>> {
    outbox::table
        .filter(outbox::state.eq_any(["sending", "dot"]))
        .filter(outbox::claimed_until.lt(now))
        .limit(limit)
        .select((outbox::message_id, outbox::state))
        .load(conn)
}

pub(super) fn all_stopped(conn: &mut Conn) -> QueryResult<bool> {
    diesel::select(exists(settings_table::table.find(settings::SENDING_STOPPED))).get_result(conn)
}

pub(super) fn mailbox_stopped(conn: &mut Conn, id: &MailboxId) -> QueryResult<bool> {
    diesel::select(exists(mailboxes::table.find(id).filter(nothing_leaves()))).get_result(conn)
}

pub(super) fn waiting(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<Waiting>> {
    outbox::table.find(id).select((outbox::state, outbox::not_before, outbox::waits_for, outbox::attempts, outbox::last_reply)).first(conn).optional()
}

pub(super) fn open_rows(conn: &mut Conn) -> QueryResult<i64> {
    outbox::table.filter(outbox::state.eq_any(["queued", "sending", "dot"])).count().get_result(conn)
}

#[derive(Debug, Queryable)]
pub(super) struct SentRow {
    pub(super) id: MessageId,
    pub(super) version: i32,
    pub(super) content_hash: String,
    pub(super) planted: bool,
    pub(super) is_test: bool,
    pub(super) warrant: Option<(i32, String, String, Option<String>)>,
}

pub(super) fn sent_after(conn: &mut Conn, after: Option<&MessageId>, limit: i64) -> QueryResult<Vec<SentRow>> {
    let mut query = messages::table
        .left_join(outbox::table.on(outbox::message_id.eq(messages::id)))
        .left_join(warrants::table.on(warrants::id.eq(outbox::warrant_id).assume_not_null()))
        .filter(messages::state.eq_any(["sent", "delivered", "bounced", "complained", "uncertain"]))
        .order(messages::id)
        .limit(limit)
        .select((
            messages::id,
            messages::version,
            messages::content_hash,
            messages::planted,
            messages::is_test,
            (warrants::version, warrants::content_hash, warrants::cleared_by, warrants::decision_id).nullable(),
        ))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(messages::id.gt(after.clone()));
    }
    query.load(conn)
}

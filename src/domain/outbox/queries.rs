//! SQL of the outbox. What runs for every message is a statement whose text never changes: it is prepared once, and
//! states are written out in it, because SQLite uses a partial index only for what it can read there.

use std::collections::HashSet;

use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{mailboxes, message_versions, messages, outbox, settings as settings_table, warrants};
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{ContactId, MailboxId, MessageId, RowId};
use crate::domain::mailboxes::OnUncertain;
use crate::domain::messages::{State, VersionRow};
use crate::domain::policy::Case;
use crate::domain::settings;

use super::attempts::{Attempt, Outcome};
use super::finish::{Noted, Taken};
use super::uncertain::{Settlement, Uncertain};
use super::{AtDot, Claimed};

/// Rows written by one statement, below the limits of both databases.
const AT_ONCE: usize = 500;

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

#[derive(Debug, QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    message_id: MessageId,
}

fn ids(statement: Statement, conn: &mut Conn) -> QueryResult<Vec<MessageId>> {
    Ok(statement.load::<IdRow>(conn)?.into_iter().map(|row| row.message_id).collect())
}

/// Of a mailbox: it is stopped, or became one from which nothing leaves.
#[diesel::dsl::auto_type]
fn nothing_leaves() -> _ {
    mailboxes::stopped_at.is_not_null().or(mailboxes::mode.eq("read_only"))
}

/// The mailboxes from which something may leave, with their addresses in the compared form.
pub(super) fn open_mailboxes(conn: &mut Conn) -> QueryResult<Vec<(MailboxId, String)>> {
    mailboxes::table.filter(diesel::dsl::not(nothing_leaves())).order(mailboxes::id).select((mailboxes::id, mailboxes::address_key)).load(conn)
}

/// Of these, the mailboxes from which nothing leaves.
pub(super) fn closed_mailboxes(conn: &mut Conn, cases: &[&Case]) -> QueryResult<HashSet<MailboxId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        id: MailboxId,
    }
    let mut statement = Statement::kept();
    let of: HashSet<&str> = cases.iter().map(|case| case.mailbox_id.as_str()).collect();
    statement.push("SELECT id FROM mailboxes WHERE (stopped_at IS NOT NULL OR mode = 'read_only') AND id").among(of.into_iter());
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| row.id).collect())
}

/// What mailboxes chose: what becomes of the uncertain, and where reports go.
pub(super) fn choices(conn: &mut Conn) -> QueryResult<Vec<(MailboxId, OnUncertain, Option<String>)>> {
    mailboxes::table.select((mailboxes::id, mailboxes::on_uncertain, mailboxes::bounce_address)).load(conn)
}

/// Rows that are due, a list for each mailbox, skipping those that another worker holds right now.
pub(super) fn due(conn: &mut Conn, of: &[MailboxId], now: Time, limit: i64) -> QueryResult<Vec<Vec<MessageId>>> {
    let skip = if matches!(conn, Conn::Postgres(_)) { " FOR UPDATE SKIP LOCKED" } else { "" };
    let mut lists = vec![];
    for mailbox in of {
        let mut statement = Statement::kept();
        statement.push("SELECT message_id FROM outbox WHERE state = 'queued' AND mailbox_id = ").text(mailbox.as_str());
        statement.push(" AND not_before <= ").number(now.micros()).push(" ORDER BY not_before, message_id LIMIT ").number(limit).push(skip);
        let found = ids(statement, conn)?;
        if !found.is_empty() {
            lists.push(found);
        }
    }
    Ok(lists)
}

/// Leases rows; gives those that were free.
pub(super) fn set_claims(conn: &mut Conn, of: &[MessageId], worker: &str, until: Time, now: Time) -> QueryResult<Vec<MessageId>> {
    if of.is_empty() {
        return Ok(vec![]);
    }
    let mut statement = Statement::kept();
    statement.push("UPDATE outbox SET state = 'sending', claim_token = ").text(worker).push(", claimed_until = ").number(until.micros());
    statement.push(", updated_at = ").number(now.micros()).push(" WHERE state = 'queued' AND message_id");
    statement.among(of.iter().map(MessageId::as_str)).push(" RETURNING message_id");
    let taken: HashSet<MessageId> = ids(statement, conn)?.into_iter().collect();
    Ok(of.iter().filter(|id| taken.contains(*id)).cloned().collect())
}

/// Gives leased rows back as they were; gives those that were still leased.
pub(super) fn unlease(conn: &mut Conn, of: &[&str], worker: &str, now: Time) -> QueryResult<Vec<MessageId>> {
    let mut statement = Statement::kept();
    statement.push("UPDATE outbox SET state = 'queued', claim_token = NULL, claimed_until = NULL, updated_at = ").number(now.micros());
    statement.push(" WHERE state = 'sending' AND claim_token = ").text(worker).push(" AND message_id").among(of.iter().copied());
    statement.push(" RETURNING message_id");
    ids(statement, conn)
}

/// A leased row with what it is about.
#[derive(Debug, Queryable)]
pub(super) struct Leased {
    pub(super) id: MessageId,
    pub(super) attempts: i32,
    pub(super) mailbox_id: MailboxId,
    pub(super) contact_id: ContactId,
    pub(super) campaign: Option<String>,
    pub(super) state: State,
    pub(super) is_test: bool,
    pub(super) planted: bool,
    pub(super) version: i32,
    pub(super) content_hash: String,
    pub(super) words: VersionRow,
    pub(super) warrant: Option<Warrant>,
}

impl Leased {
    pub(super) fn case(&self) -> Case {
        Case { message_id: self.id.clone(), mailbox_id: self.mailbox_id.clone(), contact_id: self.contact_id.clone(), is_test: self.is_test }
    }
}

pub(super) fn leased(conn: &mut Conn, of: &[MessageId], worker: &str) -> QueryResult<Vec<Leased>> {
    let words = message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version));
    outbox::table
        .inner_join(messages::table.on(messages::id.eq(outbox::message_id)))
        .inner_join(message_versions::table.on(words))
        .left_join(warrants::table.on(warrants::id.eq(outbox::warrant_id)))
        .filter(outbox::message_id.eq_any(of.to_vec()))
        .filter(outbox::state.eq("sending"))
        .filter(outbox::claim_token.eq(worker))
        .order((outbox::not_before, outbox::message_id))
        .select((
            messages::id,
            outbox::attempts,
            messages::mailbox_id,
            messages::contact_id,
            messages::campaign,
            messages::state,
            messages::is_test,
            messages::planted,
            messages::version,
            messages::content_hash,
            message_versions::all_columns,
            (warrants::id, warrants::version, warrants::content_hash, warrants::expires_at).nullable(),
        ))
        .load(conn)
}

/// Which messages need a further look when they leave.
#[derive(Debug, Default)]
pub(super) struct Traits {
    claims: HashSet<MessageId>,
    followed: HashSet<MessageId>,
}

impl Traits {
    pub(super) fn rests_on_claims(&self, id: &MessageId) -> bool {
        self.claims.contains(id)
    }

    pub(super) fn is_followed(&self, id: &MessageId) -> bool {
        self.followed.contains(id)
    }
}

pub(super) fn traits(conn: &mut Conn, of: &[MessageId]) -> QueryResult<Traits> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        message_id: MessageId,
        #[diesel(sql_type = Text)]
        kind: String,
    }
    let mut statement = Statement::kept();
    for (position, part) in [
        "SELECT message_id, 'claim' AS kind FROM claims",
        "SELECT message_id, 'variant' FROM variants",
        "SELECT message_id, 'step' FROM sequence_sends",
        "SELECT message_id, 'phase' FROM cohort_messages",
    ]
    .into_iter()
    .enumerate()
    {
        statement.push(if position > 0 { " UNION " } else { "" }).push(part).push(" WHERE message_id").among(of.iter().map(MessageId::as_str));
    }
    let mut found = Traits::default();
    for row in statement.load::<Row>(conn)? {
        match row.kind.as_str() {
            "claim" => found.claims.insert(row.message_id),
            _ => found.followed.insert(row.message_id),
        };
    }
    Ok(found)
}

/// Marks the rows whose dots are about to be written: this worker's, with their warrant, for these bytes.
pub(super) fn set_dots(conn: &mut Conn, claimed: &[&Claimed], now: Time) -> QueryResult<HashSet<MessageId>> {
    let Some(first) = claimed.first() else { return Ok(HashSet::new()) };
    let versions: Vec<String> = claimed.iter().map(|one| one.version.to_string()).collect();
    let rows: Vec<Vec<&str>> = claimed
        .iter()
        .zip(&versions)
        .map(|(one, version)| vec![one.case.message_id.as_str(), one.warrant_id.as_str(), version.as_str(), one.content_hash.as_str()])
        .collect();
    let mut statement = Statement::kept();
    // One worker has one relay.
    statement.push("UPDATE outbox SET state = 'dot', relay = ").text(first.reached.relay.as_deref().unwrap_or_default());
    statement.push(", updated_at = ").number(now.micros()).push(" FROM ");
    statement.rows(&["id", "warrant", "version", "hash"], &rows);
    statement.push(" AS asked WHERE outbox.message_id = asked.id AND outbox.state = 'sending' AND outbox.claim_token = ");
    statement.text(first.worker.as_str());
    statement.push(
        " AND outbox.warrant_id = asked.warrant AND EXISTS (SELECT 1 FROM warrants w JOIN messages m ON m.id = w.message_id \
         WHERE w.id = outbox.warrant_id AND w.message_id = outbox.message_id AND w.version = CAST(asked.version AS INTEGER) \
         AND w.content_hash = asked.hash AND m.version = w.version AND m.content_hash = w.content_hash \
         AND m.state IN ('approved', 'queued', 'sending') AND NOT m.is_test AND NOT m.planted AND w.expires_at > ",
    );
    statement.number(now.micros()).push(") RETURNING outbox.message_id AS message_id");
    Ok(ids(statement, conn)?.into_iter().collect())
}

/// The same of rows that were looked at, with their warrants, while nobody wrote since.
pub(super) fn set_known_dots(conn: &mut Conn, claimed: &[&Claimed], now: Time) -> QueryResult<HashSet<MessageId>> {
    let Some(first) = claimed.first() else { return Ok(HashSet::new()) };
    let rows: Vec<Vec<&str>> = claimed.iter().map(|one| vec![one.case.message_id.as_str(), one.warrant_id.as_str()]).collect();
    let mut statement = Statement::kept();
    statement.push("UPDATE outbox SET state = 'dot', relay = ").text(first.reached.relay.as_deref().unwrap_or_default());
    statement.push(", updated_at = ").number(now.micros()).push(" FROM ").rows(&["id", "warrant"], &rows);
    statement.push(" AS asked WHERE outbox.message_id = asked.id AND outbox.state = 'sending' AND outbox.claim_token = ");
    statement.text(first.worker.as_str()).push(" AND outbox.warrant_id = asked.warrant RETURNING outbox.message_id AS message_id");
    Ok(ids(statement, conn)?.into_iter().collect())
}

/// The number of the lock between permissions to write a final dot and what speaks against them.
const DOTS: i64 = 72_430_020;

/// Takes that lock until the transaction ends, with others that permit dots or alone. SQLite has one writer anyway.
pub(super) fn lock_dots(conn: &mut Conn, alone: bool) -> QueryResult<()> {
    if matches!(conn, Conn::Sqlite(_)) {
        return Ok(());
    }
    let mut statement = Statement::kept();
    statement.push(if alone { "SELECT pg_advisory_xact_lock(" } else { "SELECT pg_advisory_xact_lock_shared(" }).number(DOTS).push(")");
    statement.run(conn).map(drop)
}

/// Takes a mark back in the transaction that made it.
pub(super) fn unmark(conn: &mut Conn, id: &MessageId, now: Time) -> QueryResult<()> {
    set_state(conn, id, "dot", "sending", None, now).map(drop)
}

/// Notes the replies of those that are at the dot; gives these.
pub(super) fn set_sent(conn: &mut Conn, sent: &[(&AtDot, &str)], now: Time) -> QueryResult<HashSet<MessageId>> {
    let rows: Vec<Vec<&str>> = sent.iter().map(|(at_dot, reply)| vec![at_dot.message_id().as_str(), *reply]).collect();
    let mut statement = Statement::kept();
    statement
        .push("UPDATE outbox SET state = 'sent', unfinished = TRUE, last_reply = answered.reply, updated_at = ")
        .number(now.micros())
        .push(" FROM ");
    statement.rows(&["id", "reply"], &rows);
    statement.push(" AS answered WHERE outbox.message_id = answered.id AND outbox.state = 'dot' RETURNING outbox.message_id AS message_id");
    Ok(ids(statement, conn)?.into_iter().collect())
}

/// Notes that nothing is missing any more of those of which something was; gives these.
pub(super) fn set_finished(conn: &mut Conn, of: &[&MessageId]) -> QueryResult<Vec<Noted>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        message_id: MessageId,
        #[diesel(sql_type = Nullable<Text>)]
        last_reply: Option<String>,
        #[diesel(sql_type = Integer)]
        attempts: i32,
        #[diesel(sql_type = BigInt)]
        updated_at: Time,
    }
    let mut statement = Statement::kept();
    statement.push("UPDATE outbox SET unfinished = FALSE WHERE unfinished AND message_id").among(of.iter().map(|id| id.as_str()));
    statement.push(" RETURNING message_id, last_reply, attempts, updated_at");
    let noted = |row: Row| Noted { id: row.message_id, reply: row.last_reply, attempts: row.attempts, at: row.updated_at };
    Ok(statement.load::<Row>(conn)?.into_iter().map(noted).collect())
}

/// Messages of which something is missing, this one or those since before then. What others depend on is never missing.
pub(super) fn unfinished(conn: &mut Conn, of: Option<&MessageId>, before: Option<Time>, limit: usize) -> QueryResult<Vec<Taken>> {
    type Row = (MessageId, MailboxId, Option<String>, Time, Option<String>);
    let mut query = outbox::table
        .inner_join(messages::table.on(messages::id.eq(outbox::message_id)))
        .filter(outbox::unfinished)
        .select((outbox::message_id, outbox::mailbox_id, messages::campaign, outbox::updated_at, outbox::relay))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .into_boxed();
    if let Some(id) = of {
        query = query.filter(outbox::message_id.eq(id.clone()));
    }
    if let Some(before) = before {
        query = query.filter(outbox::updated_at.le(before));
    }
    let taken = |(id, mailbox_id, campaign, started_at, relay): Row| Taken {
        id,
        mailbox_id,
        campaign,
        started_at,
        relay: relay.filter(|relay| !relay.is_empty()),
        rests_on_claims: false,
        is_followed: false,
    };
    Ok(query.load::<Row>(conn)?.into_iter().map(taken).collect())
}

pub(super) fn renew(conn: &mut Conn, worker: &str, until: Time) -> QueryResult<()> {
    let mut statement = Statement::kept();
    statement.push("UPDATE outbox SET claimed_until = ").number(until.micros());
    statement.push(" WHERE state IN ('sending', 'dot') AND claim_token = ").text(worker);
    statement.run(conn).map(drop)
}

pub(super) fn holds_claim(conn: &mut Conn, id: &MessageId, worker: &str) -> QueryResult<bool> {
    diesel::select(exists(outbox::table.find(id).filter(outbox::claim_token.eq(worker)).filter(outbox::state.eq_any(["sending", "dot"]))))
        .get_result(conn)
}

/// Whether an attempt ended with nobody knowing.
pub(super) fn was_uncertain(conn: &mut Conn, id: &MessageId) -> QueryResult<bool> {
    use crate::db::schema::delivery_attempts as t;
    diesel::select(exists(t::table.filter(t::message_id.eq(id)).filter(t::outcome.eq(Outcome::Uncertain)))).get_result(conn)
}

pub(super) fn is_held(conn: &mut Conn, id: &MessageId) -> QueryResult<bool> {
    diesel::select(exists(outbox::table.find(id).filter(outbox::state.eq_any(["sending", "dot"])))).get_result(conn)
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

/// When the warrant of a message ends.
pub(super) fn warrant_expiry(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<Time>> {
    let warrants = outbox::table.inner_join(warrants::table.on(warrants::id.eq(outbox::warrant_id)));
    warrants.filter(outbox::message_id.eq(id)).select(warrants::expires_at).first(conn).optional()
}

pub(super) fn attempts(conn: &mut Conn, id: &MessageId) -> QueryResult<i32> {
    outbox::table.find(id).select(outbox::attempts).first(conn)
}

pub(super) fn set_sent_at(conn: &mut Conn, id: &MessageId, now: Time) -> QueryResult<()> {
    diesel::update(messages::table.find(id)).set(messages::sent_at.eq(now)).execute(conn).map(drop)
}

/// A claim whose lease ran out.
#[derive(Debug, QueryableByName)]
pub(super) struct Lapsed {
    #[diesel(sql_type = Text)]
    pub(super) message_id: MessageId,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = Integer)]
    pub(super) attempts: i32,
    #[diesel(sql_type = Text)]
    pub(super) on_uncertain: OnUncertain,
    #[diesel(sql_type = BigInt)]
    pub(super) since: Time,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) relay: Option<String>,
}

/// Claims whose lease ran out, some at a time.
pub(super) fn lapsed(conn: &mut Conn, now: Time) -> QueryResult<Vec<Lapsed>> {
    let mut statement = Statement::kept();
    statement.push(
        "SELECT o.message_id, o.state, o.attempts, b.on_uncertain, o.updated_at AS since, o.relay FROM outbox o JOIN mailboxes b ON b.id = o.mailbox_id \
         WHERE o.state IN ('sending', 'dot') AND o.claimed_until < ",
    );
    statement.number(now.micros()).push(" LIMIT 500");
    statement.load(conn)
}

/// Messages that have been in a worker's hands since before then and that do not show it.
pub(super) fn slow(conn: &mut Conn, before: Time) -> QueryResult<Vec<MessageId>> {
    let mut statement = Statement::kept();
    statement.push(
        "SELECT o.message_id FROM outbox o JOIN messages m ON m.id = o.message_id \
         WHERE o.state IN ('sending', 'dot') AND coalesce(m.state, '') IN ('approved', 'queued') AND o.updated_at < ",
    );
    statement.number(before.micros()).push(" LIMIT 500");
    ids(statement, conn)
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

pub(super) fn waiting_of(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, Waiting)>> {
    let waiting = (outbox::state, outbox::not_before, outbox::waits_for, outbox::attempts, outbox::last_reply);
    outbox::table.filter(outbox::message_id.eq_any(ids)).select((outbox::message_id, waiting)).load(conn)
}

pub(super) fn has_open_rows(conn: &mut Conn, soon: Time) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        open: i64,
    }
    let mut statement = Statement::kept();
    statement.push("SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM outbox o WHERE o.state = 'queued' AND o.not_before <= ").number(soon.micros());
    statement.push(" AND NOT EXISTS (SELECT 1 FROM mailbox_pace p WHERE p.mailbox_id = o.mailbox_id AND p.waits_until > ").number(soon.micros());
    statement.push(")) OR EXISTS (SELECT 1 FROM outbox WHERE state IN ('sending', 'dot')) OR EXISTS (SELECT 1 FROM outbox WHERE unfinished) THEN 1 ELSE 0 END AS BIGINT) AS open");
    Ok(statement.load::<Row>(conn)?.iter().any(|row| row.open > 0))
}

pub(super) fn insert_attempts(conn: &mut Conn, attempts: Vec<(MessageId, Attempt)>) -> QueryResult<()> {
    const COLUMNS: &[&str] = &["message", "started", "ended", "relay", "stage", "outcome", "code", "reply"];
    for some in attempts.chunks(AT_ONCE) {
        let numbers = |(_, one): &(MessageId, Attempt)| {
            let code = one.code.map(|code| code.to_string()).unwrap_or_default();
            [one.started_at.micros().to_string(), one.ended_at.micros().to_string(), code]
        };
        let numbers: Vec<[String; 3]> = some.iter().map(numbers).collect();
        let rows: Vec<Vec<&str>> = some
            .iter()
            .zip(&numbers)
            .map(|((id, one), [started, ended, code])| {
                vec![
                    id.as_str(),
                    started.as_str(),
                    ended.as_str(),
                    one.relay.as_deref().unwrap_or_default(),
                    one.stage.as_deref().unwrap_or_default(),
                    one.outcome.as_str(),
                    code.as_str(),
                    one.reply.as_deref().unwrap_or_default(),
                ]
            })
            .collect();
        let mut statement = Statement::kept();
        statement.push(
            "INSERT INTO delivery_attempts (message_id, started_at, ended_at, relay, stage, outcome, code, reply) \
             SELECT message, CAST(started AS BIGINT), CAST(ended AS BIGINT), NULLIF(relay, ''), NULLIF(stage, ''), outcome, \
             CAST(NULLIF(code, '') AS INTEGER), NULLIF(reply, '') FROM ",
        );
        // Two attempts cannot begin in one microsecond, and if a clock says so, the outcome must not fail by it. Without the
        // condition SQLite would take what follows for a join.
        statement.rows(COLUMNS, &rows).push(" AS r WHERE 1 = 1 ON CONFLICT DO NOTHING");
        statement.run(conn)?;
    }
    Ok(())
}

pub(super) fn attempts_of(conn: &mut Conn, id: &MessageId) -> QueryResult<Vec<Attempt>> {
    use crate::db::schema::delivery_attempts as t;
    let columns = (t::started_at, t::ended_at, t::relay, t::stage, t::outcome, t::code, t::reply);
    t::table.filter(t::message_id.eq(id)).order(t::started_at).select(columns).limit(100).load(conn)
}

pub(super) fn insert_settlement(conn: &mut Conn, id: &MessageId, actor_kind: &str, row: &Settlement) -> QueryResult<()> {
    use crate::db::schema::settlements as t;
    diesel::insert_into(t::table)
        .values((
            t::id.eq(RowId::new()),
            t::message_id.eq(id),
            t::at.eq(row.at),
            t::evidence.eq(row.evidence),
            t::verdict.eq(row.verdict),
            t::actor_kind.eq(actor_kind),
            t::actor_name.eq(&row.actor_name),
            t::note.eq(&row.note),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn settlements_of(conn: &mut Conn, id: &MessageId) -> QueryResult<Vec<Settlement>> {
    use crate::db::schema::settlements as t;
    t::table.filter(t::message_id.eq(id)).order(t::id).select((t::at, t::evidence, t::verdict, t::actor_name, t::note)).limit(100).load(conn)
}

/// The messages to a contact that may have brought a link, those that surely left among them; at most three.
pub(super) fn brought(conn: &mut Conn, contact: &ContactId, link: &str) -> QueryResult<Vec<MessageId>> {
    let current = message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version));
    // Where a code has a character that a pattern knows, that stands for itself as well.
    let pattern = format!("%{link}%");
    let left = [State::Sent, State::Delivered, State::Bounced, State::Complained, State::Uncertain];
    messages::table
        .inner_join(message_versions::table.on(current))
        .filter(messages::contact_id.eq(contact))
        .filter(messages::planted.eq(false))
        .filter(messages::state.eq_any(left))
        .filter(message_versions::text_body.like(pattern.clone()).or(message_versions::html_body.assume_not_null().like(pattern)))
        .select(messages::id)
        .limit(3)
        .load(conn)
}

/// A message that is cleared to leave.
#[derive(Debug, Clone, Queryable)]
pub struct WouldGo {
    /// The message.
    pub id: MessageId,
    /// Whom it is for.
    pub to_address: String,
    /// Its subject.
    pub subject: String,
    /// The address it leaves from.
    pub mailbox: String,
    /// Not before.
    pub not_before: Time,
}

/// The outbox rows in one state of these mailboxes, as a page shows them.
macro_rules! shown {
    ($state:literal, $reach:expr) => {{
        let current = message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version));
        let mut query = outbox::table
            .inner_join(messages::table.on(messages::id.eq(outbox::message_id)))
            .inner_join(message_versions::table.on(current))
            .inner_join(mailboxes::table.on(mailboxes::id.eq(outbox::mailbox_id)))
            .filter(sql::<Bool>(concat!("outbox.state = '", $state, "'")))
            .order((outbox::not_before, outbox::message_id))
            .into_boxed();
        if let Mailboxes::These(ids) = $reach {
            query = query.filter(outbox::mailbox_id.eq_any(ids.clone()));
        }
        query
    }};
}

pub(super) fn queued(conn: &mut Conn, reach: &Mailboxes, limit: i64) -> QueryResult<Vec<WouldGo>> {
    let columns = (messages::id, message_versions::to_address, message_versions::subject, mailboxes::address, outbox::not_before);
    shown!("queued", reach).select(columns).limit(limit).load(conn)
}

pub(super) fn uncertain(conn: &mut Conn, reach: &Mailboxes, limit: i64) -> QueryResult<Vec<Uncertain>> {
    let columns =
        (messages::id, message_versions::to_address, message_versions::subject, mailboxes::address, messages::state_reason, outbox::updated_at);
    shown!("uncertain", reach).select(columns).limit(limit).load(conn)
}

pub(super) fn count_queued(conn: &mut Conn, reach: &Mailboxes) -> QueryResult<i64> {
    let mut query = outbox::table.filter(sql::<Bool>("outbox.state = 'queued'")).into_boxed();
    if let Mailboxes::These(ids) = reach {
        query = query.filter(outbox::mailbox_id.eq_any(ids.clone()));
    }
    query.count().get_result(conn)
}

/// How many rows are in each state in which nothing has left; 0 where there is none.
pub(super) fn open_by_state(conn: &mut Conn) -> QueryResult<Vec<(String, i64)>> {
    // Each as its index has it.
    [("queued", ""), ("sending", " AND state IN ('sending', 'dot')"), ("dot", " AND state IN ('sending', 'dot')"), ("uncertain", "")]
        .into_iter()
        .map(|(state, also)| {
            let counted = outbox::table.filter(sql::<Bool>(&format!("state = '{state}'{also}"))).count().get_result(conn)?;
            Ok((state.to_owned(), counted))
        })
        .collect()
}

pub(super) fn count_uncertain(conn: &mut Conn, reach: &Mailboxes, most: i64) -> QueryResult<i64> {
    let mut query = outbox::table.filter(sql::<Bool>("outbox.state = 'uncertain'")).select(outbox::message_id).limit(most).into_boxed();
    if let Mailboxes::These(ids) = reach {
        query = query.filter(outbox::mailbox_id.eq_any(ids.clone()));
    }
    let found: Vec<MessageId> = query.load(conn)?;
    Ok(i64::try_from(found.len()).unwrap_or(most))
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

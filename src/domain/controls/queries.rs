//! SQL of the controls.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{allow_list, first_approvals, holding_rules, tripped, two_approvers};
use crate::db::statement::Statement;
use crate::domain::actor::Actor;
use crate::domain::ids::{AllowedId, ContactId, HoldingRuleId, MailboxId, MessageId, SegmentId};
use crate::on_either;

use super::allowed::Allowed;
use super::holding::Rule;
use super::twice::FirstApproval;

pub(super) fn rules(conn: &mut Conn) -> QueryResult<Vec<Rule>> {
    holding_rules::table.filter(holding_rules::ended_at.is_null()).order((holding_rules::created_at, holding_rules::id)).load(conn)
}

pub(super) fn has_rules(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<bool> {
    let of_mailbox = holding_rules::mailbox_id.is_null().or(holding_rules::mailbox_id.eq(mailbox));
    diesel::select(diesel::dsl::exists(holding_rules::table.filter(holding_rules::ended_at.is_null()).filter(of_mailbox))).get_result(conn)
}

pub(super) fn rests_on(conn: &mut Conn, segment: &SegmentId) -> QueryResult<bool> {
    let there = holding_rules::table.filter(holding_rules::ended_at.is_null().and(holding_rules::segment_id.eq(segment)));
    diesel::select(diesel::dsl::exists(there)).get_result(conn)
}

pub(super) fn rule(conn: &mut Conn, id: &HoldingRuleId) -> QueryResult<Option<Rule>> {
    holding_rules::table.find(id).first(conn).optional()
}

pub(super) fn insert_rule(conn: &mut Conn, row: &Rule) -> QueryResult<()> {
    diesel::insert_into(holding_rules::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn ask_to_end(conn: &mut Conn, id: &HoldingRuleId, actor: &Actor, reason: &str) -> QueryResult<()> {
    diesel::update(holding_rules::table.find(id))
        .set((
            holding_rules::ending_by_id.eq(Some(actor.id())),
            holding_rules::ending_by.eq(Some(actor.name())),
            holding_rules::ending_because.eq(Some(reason)),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn keep_rule(conn: &mut Conn, id: &HoldingRuleId) -> QueryResult<()> {
    diesel::update(holding_rules::table.find(id))
        .set((
            holding_rules::ending_by_id.eq(None::<String>),
            holding_rules::ending_by.eq(None::<String>),
            holding_rules::ending_because.eq(None::<String>),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn end_rule(conn: &mut Conn, id: &HoldingRuleId, by: &str, now: Time) -> QueryResult<()> {
    diesel::update(holding_rules::table.find(id))
        .set((holding_rules::ended_by.eq(Some(by)), holding_rules::ended_at.eq(Some(now))))
        .execute(conn)
        .map(drop)
}

pub(super) fn takes_two(conn: &mut Conn, id: &MessageId) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(two_approvers::table.find(id))).get_result(conn)
}

pub(super) fn take_two(conn: &mut Conn, id: &MessageId, rule: &HoldingRuleId) -> QueryResult<()> {
    let row = (two_approvers::message_id.eq(id), two_approvers::rule_id.eq(rule));
    on_either!(conn, inner => diesel::insert_into(two_approvers::table).values(row).on_conflict_do_nothing().execute(inner)).map(drop)
}

pub(super) fn first_approval(conn: &mut Conn, id: &MessageId, version: i32) -> QueryResult<Option<FirstApproval>> {
    first_approvals::table.find((id, version)).first(conn).optional()
}

pub(super) fn insert_first_approval(conn: &mut Conn, row: &FirstApproval) -> QueryResult<()> {
    diesel::insert_into(first_approvals::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn allowed(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<Vec<Allowed>> {
    allow_list::table
        .filter(allow_list::mailbox_id.eq(mailbox).and(allow_list::ended_at.is_null()))
        .order((allow_list::created_at, allow_list::id))
        .load(conn)
}

pub(super) fn entry(conn: &mut Conn, id: &AllowedId) -> QueryResult<Option<Allowed>> {
    allow_list::table.find(id).first(conn).optional()
}

pub(super) fn insert_allowed(conn: &mut Conn, row: &Allowed) -> QueryResult<()> {
    diesel::insert_into(allow_list::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn confirm(conn: &mut Conn, id: &AllowedId, by: &str, now: Time) -> QueryResult<()> {
    diesel::update(allow_list::table.find(id))
        .set((allow_list::confirmed_by.eq(Some(by)), allow_list::confirmed_at.eq(Some(now))))
        .execute(conn)
        .map(drop)
}

pub(super) fn end_allowed(conn: &mut Conn, id: &AllowedId, by: &str, now: Time) -> QueryResult<()> {
    diesel::update(allow_list::table.find(id)).set((allow_list::ended_by.eq(Some(by)), allow_list::ended_at.eq(Some(now)))).execute(conn).map(drop)
}

/// Messages that wait in the outbox of a mailbox with a warrant of one of these kinds.
pub(super) fn waiting(conn: &mut Conn, mailbox: &MailboxId, cleared_by: &[&str]) -> QueryResult<Vec<MessageId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        message_id: MessageId,
    }
    let mut statement = Statement::kept();
    statement.push("SELECT o.message_id FROM outbox o JOIN warrants w ON w.id = o.warrant_id WHERE o.state = 'queued' AND o.mailbox_id = ");
    statement.text(mailbox.as_str()).push(" AND w.cleared_by").among(cleared_by.iter().copied());
    statement.push(" ORDER BY o.message_id");
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| row.message_id).collect())
}

/// What people did since then with what a machine wrote for this mailbox: messages that they stopped or rejected.
pub(super) fn refused_by_people(conn: &mut Conn, mailbox: &MailboxId, since: Time) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let mut statement = Statement::kept();
    statement.push("SELECT count(*) AS n FROM tripped WHERE mailbox_id = ").text(mailbox.as_str());
    statement.push(" AND at >= ").number(since.micros());
    Ok(statement.load::<Row>(conn)?.first().map_or(0, |row| row.n))
}

pub(super) fn note_refused(conn: &mut Conn, mailbox: &MailboxId, message: &MessageId, now: Time) -> QueryResult<()> {
    let row = (tripped::message_id.eq(message), tripped::mailbox_id.eq(mailbox), tripped::at.eq(now));
    on_either!(conn, inner => diesel::insert_into(tripped::table).values(row).on_conflict_do_nothing().execute(inner)).map(drop)
}

/// A message that was handed in.
#[derive(Debug, QueryableByName)]
pub(super) struct Past {
    #[diesel(sql_type = Text)]
    pub(super) id: MessageId,
    #[diesel(sql_type = Text)]
    pub(super) mailbox_id: MailboxId,
    #[diesel(sql_type = Text)]
    pub(super) contact_id: ContactId,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) campaign: Option<String>,
    #[diesel(sql_type = Integer)]
    pub(super) version: i32,
    #[diesel(sql_type = BigInt)]
    pub(super) submitted_at: Time,
    /// Whether it left by a warrant that no person gave.
    #[diesel(sql_type = Bool)]
    pub(super) unreviewed: bool,
}

/// The latest messages that were handed in since then, those after another, of a mailbox or of all.
pub(super) fn past(
    conn: &mut Conn,
    mailbox: Option<&MailboxId>,
    since: Time,
    after: Option<&(Time, MessageId)>,
    limit: usize,
) -> QueryResult<Vec<Past>> {
    let mut sql = Statement::default();
    sql.push("SELECT m.id, m.mailbox_id, m.contact_id, m.campaign, m.version, m.submitted_at, (m.sent_at IS NOT NULL AND EXISTS (");
    sql.push(
        "SELECT 1 FROM warrants w WHERE w.message_id = m.id AND w.version = m.version AND w.cleared_by NOT IN ('decision', 'composed_by_person')",
    );
    sql.push(")) AS unreviewed FROM messages m WHERE NOT m.planted AND NOT m.is_test AND m.submitted_at >= ").number(since.micros());
    if let Some(mailbox) = mailbox {
        sql.push(" AND m.mailbox_id = ").text(mailbox.as_str());
    }
    if let Some((at, id)) = after {
        sql.push(" AND (m.submitted_at, m.id) < (").number(at.micros()).push(", ").text(id.as_str()).push(")");
    }
    sql.push(" ORDER BY m.submitted_at DESC, m.id DESC LIMIT ").number(i64::try_from(limit).unwrap_or(i64::MAX));
    sql.load(conn)
}

//! SQL of messages, decisions and warrants.

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{
    approved_campaigns, campaigns, claim_waivers, claims, contacts, corrections, decisions, facts, message_tags, message_versions, message_views,
    messages, outbox, promises, sequence_sends, variants, warrants,
};
use crate::db::statement::Statement;
use crate::domain::claims::Verdict;
use crate::domain::ids::{ContactId, DecisionId, FactId, MailboxId, MessageId, SegmentId, SequenceId, ThreadId, WarrantId};
use crate::domain::referrals::fatigue::Prompt;

use super::ledger::{ClaimRow, Counts, Waiver};
use super::oversight::ClearedBy;
use super::promises::Promise;
use super::recall::Recipient;
use super::undo::Undoable;
use super::{DecisionKind, DecisionRow, MessageRow, State, VersionRow};

/// Keeps a message from others until this transaction ends, so that of two who decide at once the second sees the first.
pub(super) fn hold(conn: &mut Conn, id: &MessageId) -> QueryResult<()> {
    match conn {
        // One writer at a time.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(inner) => messages::table.find(id).select(messages::id).for_no_key_update().first::<MessageId>(inner).optional().map(drop),
    }
}

pub(in crate::domain) fn by_id(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<MessageRow>> {
    messages::table.find(id).first(conn).optional()
}

/// Campaign and mailbox of a message that has a campaign and is no test of the desk.
pub(in crate::domain) fn label_of(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<(String, MailboxId)>> {
    let found: Option<(Option<String>, MailboxId)> = messages::table
        .find(id)
        .filter(messages::campaign.is_not_null())
        .filter(messages::planted.eq(false))
        .select((messages::campaign, messages::mailbox_id))
        .first(conn)
        .optional()?;
    Ok(found.and_then(|(campaign, mailbox)| Some((campaign?, mailbox))))
}

/// Messages with their current words, in no order.
pub(super) fn with_words(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageRow, VersionRow)>> {
    messages::table
        .inner_join(message_versions::table.on(message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version))))
        .filter(messages::id.eq_any(ids))
        .select((messages::all_columns, message_versions::all_columns))
        .load(conn)
}

/// Label, mailbox and state of those that have a label; tests of the desk count nowhere.
pub(in crate::domain) fn labels_of(conn: &mut Conn, ids: &[&MessageId]) -> QueryResult<Vec<(String, MailboxId, State)>> {
    let ids: Vec<MessageId> = ids.iter().map(|id| (*id).clone()).collect();
    messages::table
        .filter(messages::id.eq_any(ids))
        .filter(messages::campaign.is_not_null())
        .filter(messages::planted.eq(false))
        .select((messages::campaign.assume_not_null(), messages::mailbox_id, messages::state))
        .load(conn)
}

pub(super) fn of_thread(conn: &mut Conn, thread: &ThreadId, with_tests: bool) -> QueryResult<Vec<MessageId>> {
    messages::table
        .filter(messages::thread_id.eq(thread))
        .filter(messages::planted.eq(false).or(messages::planted.eq(with_tests)))
        .select(messages::id)
        .order((messages::created_at, messages::id))
        .limit(200)
        .load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &MessageRow) -> QueryResult<()> {
    diesel::insert_into(messages::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn insert_version(conn: &mut Conn, row: &VersionRow) -> QueryResult<()> {
    diesel::insert_into(message_versions::table).values(row.clone()).execute(conn).map(drop)
}

pub(in crate::domain) fn version(conn: &mut Conn, id: &MessageId, version: i32) -> QueryResult<Option<VersionRow>> {
    message_versions::table.find((id, version)).first(conn).optional()
}

pub(super) fn version_with_hash(conn: &mut Conn, id: &MessageId, hash: &str) -> QueryResult<Option<i32>> {
    message_versions::table
        .filter(message_versions::message_id.eq(id))
        .filter(message_versions::content_hash.eq(hash))
        .order(message_versions::version.desc())
        .select(message_versions::version)
        .first(conn)
        .optional()
}

pub(super) fn compare_and_set_state(conn: &mut Conn, id: &MessageId, from: State, to: State, reason: Option<&str>, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(messages::table.find(id).filter(messages::state.eq(from)))
        .set((messages::state.eq(to), messages::state_reason.eq(reason), messages::updated_at.eq(now)))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Messages in a worker's hands become sent; how many did. The state is compared in a way that no index fits: walking
/// along all that are approved would find them too.
pub(super) fn set_sent(conn: &mut Conn, sent: &[(&MessageId, Time)], now: Time) -> QueryResult<usize> {
    let times: Vec<String> = sent.iter().map(|(_, at)| at.micros().to_string()).collect();
    let rows: Vec<Vec<&str>> = sent.iter().zip(&times).map(|((id, _), at)| vec![id.as_str(), at.as_str()]).collect();
    let mut statement = Statement::kept();
    statement.push("UPDATE messages SET state = 'sent', state_reason = NULL, sent_at = CAST(left_at AS BIGINT), updated_at = ");
    statement.number(now.micros()).push(" FROM ").rows(&["left_id", "left_at"], &rows);
    statement.push(" AS gone WHERE messages.id = left_id AND coalesce(messages.state, '') IN ('approved', 'queued', 'sending')");
    statement.run(conn)
}

/// A fact under a version that may not carry it any more.
#[derive(Debug, QueryableByName)]
pub(super) struct Shaky {
    #[diesel(sql_type = Text)]
    pub(super) message_id: MessageId,
    #[diesel(sql_type = Text)]
    pub(super) fact_id: FactId,
    #[diesel(sql_type = Text)]
    pub(super) label: String,
    #[diesel(sql_type = Bool)]
    pub(super) is_offer: bool,
    #[diesel(sql_type = Bool)]
    pub(super) is_lost: bool,
}

/// The facts under many versions that are no longer as they were, and the offers under them.
pub(super) fn shaky_facts(conn: &mut Conn, of: &[(MessageId, i32)], today: &str) -> QueryResult<Vec<Shaky>> {
    let versions: Vec<String> = of.iter().map(|(_, version)| version.to_string()).collect();
    let rows: Vec<Vec<&str>> = of.iter().zip(&versions).map(|((id, _), version)| vec![id.as_str(), version.as_str()]).collect();
    let mut statement = Statement::kept();
    statement.push(
        "SELECT DISTINCT c.message_id, f.id AS fact_id, f.label, f.kind = 'offer' AS is_offer, \
         CASE WHEN f.state <> 'current' OR f.version <> c.fact_version OR (f.kind = 'offer' AND f.day < ",
    );
    statement.text(today).push(") THEN TRUE ELSE FALSE END AS is_lost FROM ").rows(&["id", "version"], &rows);
    statement.push(
        " AS asked JOIN claims c ON c.message_id = asked.id AND c.version = CAST(asked.version AS INTEGER) \
         JOIN facts f ON f.id = c.fact_id WHERE c.verdict IN ('exact', 'quoted')",
    );
    statement.load(conn)
}

pub(super) fn compare_and_set_version(conn: &mut Conn, row: &MessageRow, seen: i32, editor_kind: &str, editor_id: &str) -> QueryResult<bool> {
    let changed = diesel::update(messages::table.find(&row.id).filter(messages::version.eq(seen)))
        .set((
            messages::version.eq(row.version),
            messages::content_hash.eq(&row.content_hash),
            messages::editor_kind.eq(editor_kind),
            messages::editor_id.eq(editor_id),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(in crate::domain) fn decisions(conn: &mut Conn, id: &MessageId) -> QueryResult<Vec<DecisionRow>> {
    decisions::table.filter(decisions::message_id.eq(id)).order((decisions::created_at, decisions::id)).load(conn)
}

/// Oldest first.
pub(super) fn decisions_on(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<DecisionRow>> {
    decisions::table.filter(decisions::message_id.eq_any(ids)).order((decisions::created_at, decisions::id)).load(conn)
}

pub(super) fn insert_decision(conn: &mut Conn, row: &DecisionRow) -> QueryResult<()> {
    diesel::insert_into(decisions::table).values(row.clone()).execute(conn)?;
    if row.kind == DecisionKind::Approve { note_approved(conn, &row.message_id) } else { Ok(()) }
}

#[expect(clippy::too_many_arguments, reason = "one per column")]
pub(super) fn insert_warrant(
    conn: &mut Conn,
    id: &WarrantId,
    row: &MessageRow,
    decision: Option<&DecisionId>,
    cleared_by: ClearedBy,
    policy: i32,
    now: Time,
    expires: Time,
) -> QueryResult<()> {
    diesel::insert_into(warrants::table)
        .values((
            warrants::id.eq(id),
            warrants::message_id.eq(&row.id),
            warrants::version.eq(row.version),
            warrants::content_hash.eq(&row.content_hash),
            warrants::decision_id.eq(decision.map(DecisionId::as_str)),
            warrants::cleared_by.eq(cleared_by),
            warrants::policy_version.eq(policy),
            warrants::issued_at.eq(now),
            warrants::expires_at.eq(expires),
        ))
        .execute(conn)
        .map(drop)
}

/// A message edited after approval has an outbox row already, cancelled; it gets the new warrant.
pub(super) fn put_outbox(
    conn: &mut Conn,
    warrant: &WarrantId,
    row: &MessageRow,
    not_before: Time,
    waits_for: Option<&str>,
    now: Time,
) -> QueryResult<()> {
    let renewed = diesel::update(outbox::table.find(&row.id).filter(outbox::state.eq("cancelled")))
        .set((
            outbox::warrant_id.eq(warrant),
            outbox::state.eq("queued"),
            outbox::not_before.eq(not_before),
            outbox::waits_for.eq(waits_for),
            outbox::attempts.eq(0),
            outbox::updated_at.eq(now),
        ))
        .execute(conn)?;
    if renewed == 1 {
        return Ok(());
    }
    diesel::insert_into(outbox::table)
        .values((
            outbox::message_id.eq(&row.id),
            outbox::warrant_id.eq(warrant),
            outbox::mailbox_id.eq(&row.mailbox_id),
            outbox::state.eq("queued"),
            outbox::not_before.eq(not_before),
            outbox::waits_for.eq(waits_for),
            outbox::attempts.eq(0),
            outbox::updated_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

/// Takes a message out of the outbox, unless a worker has it already.
pub(super) fn cancel_outbox(conn: &mut Conn, id: &MessageId, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(outbox::table.find(id).filter(outbox::state.eq("queued")))
        .set((outbox::state.eq("cancelled"), outbox::updated_at.eq(now)))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn set_expires_at(conn: &mut Conn, id: &MessageId, at: Time) -> QueryResult<()> {
    diesel::update(messages::table.find(id)).set(messages::expires_at.eq(at)).execute(conn).map(drop)
}

pub(super) fn set_send_at(conn: &mut Conn, id: &MessageId, at: Option<Time>) -> QueryResult<()> {
    diesel::update(messages::table.find(id)).set(messages::send_at.eq(at)).execute(conn).map(drop)
}

/// The first deadline among the migration changes that a version rests on.
pub(super) fn deadline_under(conn: &mut Conn, id: &MessageId, version: i32) -> QueryResult<Option<String>> {
    claims::table
        .inner_join(facts::table.on(facts::id.nullable().eq(claims::fact_id)))
        .filter(claims::message_id.eq(id))
        .filter(claims::version.eq(version))
        .filter(facts::kind.eq("migration_change"))
        .select(diesel::dsl::min(facts::day))
        .first(conn)
}

pub(super) fn warrant_expiry(conn: &mut Conn, id: &MessageId, version: i32) -> QueryResult<Option<Time>> {
    warrants::table.filter(warrants::message_id.eq(id)).filter(warrants::version.eq(version)).select(warrants::expires_at).first(conn).optional()
}

/// Gives a message that still waits in the outbox another time.
pub(super) fn move_outbox(conn: &mut Conn, id: &MessageId, not_before: Time, waits_for: Option<&str>, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(outbox::table.find(id).filter(outbox::state.eq("queued")))
        .set((outbox::not_before.eq(not_before), outbox::waits_for.eq(waits_for), outbox::updated_at.eq(now)))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The latest approval by this actor since then whose message is still in the outbox.
pub(super) fn latest_undoable(conn: &mut Conn, kind: &str, id: &str, since: Time) -> QueryResult<Option<Undoable>> {
    decisions::table
        .inner_join(warrants::table.on(warrants::decision_id.eq(decisions::id.nullable())))
        .inner_join(outbox::table.on(outbox::warrant_id.eq(warrants::id)))
        .inner_join(
            message_versions::table.on(message_versions::message_id.eq(decisions::message_id).and(message_versions::version.eq(decisions::version))),
        )
        .filter(decisions::actor_kind.eq(kind))
        .filter(decisions::actor_id.eq(id))
        .filter(decisions::created_at.gt(since))
        .filter(outbox::state.eq("queued"))
        .order(decisions::created_at.desc())
        .select((decisions::message_id, decisions::batch_id, message_versions::to_address, message_versions::to_name, outbox::not_before))
        .first(conn)
        .optional()
}

pub(super) fn due_to_expire(conn: &mut Conn, now: Time, limit: i64) -> QueryResult<Vec<MessageRow>> {
    messages::table
        .filter(messages::state.eq_any([State::Pending, State::ChangesRequested]))
        .filter(messages::expires_at.le(now))
        .order(messages::submitted_at)
        .limit(limit)
        .load(conn)
}

pub(super) fn add_tag(conn: &mut Conn, id: &MessageId, tag: &str) -> QueryResult<()> {
    let there: bool = diesel::select(exists(message_tags::table.find((id, tag)))).get_result(conn)?;
    if there {
        return Ok(());
    }
    diesel::insert_into(message_tags::table).values((message_tags::message_id.eq(id), message_tags::tag.eq(tag))).execute(conn).map(drop)
}

pub(in crate::domain) fn tags_of(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, String)>> {
    message_tags::table.filter(message_tags::message_id.eq_any(ids.to_vec())).order((message_tags::message_id, message_tags::tag)).load(conn)
}

pub(super) fn campaign_has_approval(conn: &mut Conn, mailbox: &MailboxId, campaign: &str) -> QueryResult<bool> {
    diesel::select(exists(approved_campaigns::table.find((campaign, mailbox)))).get_result(conn)
}

/// What stands before the id of a sequence among the names by which something was approved.
const SEQUENCE_NAME: &str = "sequence ";

/// What stands between the ids of a sequence and of a segment that was enrolled in it.
const WITH_SEGMENT: &str = " segment ";

/// The name by which a sequence is approved, for those of a segment or for whoever was enrolled alone.
pub(in crate::domain) fn sequence_name(sequence: &SequenceId, segment: Option<&SegmentId>) -> String {
    let of_segment = segment.map(|segment| format!("{WITH_SEGMENT}{segment}")).unwrap_or_default();
    format!("{SEQUENCE_NAME}{sequence}{of_segment}")
}

/// Forgets that something of a campaign was approved, because it is another campaign now or has other recipients: a person sees its
/// first message again.
pub(in crate::domain) fn forget_approved(conn: &mut Conn, campaign: &str) -> QueryResult<()> {
    diesel::delete(approved_campaigns::table.filter(approved_campaigns::name.eq(campaign))).execute(conn).map(drop)
}

/// The name by which asks to recommend are approved, whatever campaign they are said to be of.
pub(in crate::domain) const ASKS_NAME: &str = "asks to recommend";

/// Keeps by which campaign, tags and sequence a message was approved, if it was: a look at all approvals would take longer with each.
pub(super) fn note_approved(conn: &mut Conn, id: &MessageId) -> QueryResult<()> {
    let approved = " AND NOT m.planted AND EXISTS (SELECT 1 FROM decisions d WHERE d.message_id = m.id AND d.kind = 'approve')";
    let mut note = Statement::default();
    note.push("INSERT INTO approved_campaigns (name, mailbox_id) SELECT m.campaign, m.mailbox_id FROM messages m");
    note.push(" WHERE m.campaign IS NOT NULL AND m.id = ").text(id.as_str()).push(approved);
    note.push(" UNION SELECT t.tag, m.mailbox_id FROM messages m JOIN message_tags t ON t.message_id = m.id WHERE m.id = ");
    note.text(id.as_str()).push(approved);
    note.push(format!(
        " UNION SELECT '{SEQUENCE_NAME}' || e.sequence_id || coalesce('{WITH_SEGMENT}' || e.segment_id, ''), m.mailbox_id \
         FROM messages m JOIN sequence_sends s ON s.message_id = m.id "
    ));
    note.push("JOIN enrollments e ON e.id = s.enrollment_id WHERE m.id = ").text(id.as_str()).push(approved);
    note.push(format!(" UNION SELECT '{ASKS_NAME}', m.mailbox_id FROM messages m JOIN message_prompts p ON p.message_id = m.id "));
    note.push("WHERE p.prompt = ").text(Prompt::Ask.as_str()).push(" AND m.id = ").text(id.as_str()).push(approved);
    note.push(" ON CONFLICT DO NOTHING");
    note.run(conn).map(drop)
}

pub(super) fn seen_version(conn: &mut Conn, id: &MessageId, viewer: &str) -> QueryResult<Option<i32>> {
    message_views::table.find((id, viewer)).select(message_views::version).first(conn).optional()
}

/// When a version was shown to somebody first, if it is the one they saw last.
pub(super) fn opened_at(conn: &mut Conn, id: &MessageId, viewer: &str, version: i32) -> QueryResult<Option<Time>> {
    let found: Option<Option<Time>> =
        message_views::table.find((id, viewer)).filter(message_views::version.eq(version)).select(message_views::opened_at).first(conn).optional()?;
    Ok(found.flatten())
}

/// Notes what was shown. While the version stays, the time it was opened stays.
pub(super) fn put_views(conn: &mut Conn, shown: &[(MessageId, i32)], viewer: &str, now: Time) -> QueryResult<()> {
    for some in shown.chunks(500) {
        let mut put = Statement::default();
        put.push("INSERT INTO message_views (message_id, viewer, version, seen_at, opened_at) VALUES ");
        for (place, (id, version)) in some.iter().enumerate() {
            put.push(if place > 0 { ", (" } else { "(" }).text(id.as_str()).push(", ").text(viewer);
            put.push(format!(", {version}, {now}, {now})", now = now.micros()));
        }
        put.push(" ON CONFLICT (message_id, viewer) DO UPDATE SET seen_at = excluded.seen_at, version = excluded.version,");
        put.push(" opened_at = CASE WHEN message_views.version = excluded.version THEN message_views.opened_at ELSE excluded.opened_at END");
        put.run(conn)?;
    }
    Ok(())
}

/// Which versions of these somebody was shown last.
pub(super) fn seen_versions(conn: &mut Conn, ids: &[MessageId], viewer: &str) -> QueryResult<Vec<(MessageId, i32)>> {
    message_views::table
        .filter(message_views::message_id.eq_any(ids))
        .filter(message_views::viewer.eq(viewer))
        .select((message_views::message_id, message_views::version))
        .load(conn)
}

/// Those of the current versions, each message's in order.
pub(super) fn claims_on(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<ClaimRow>> {
    claims::table
        .inner_join(messages::table.on(messages::id.eq(claims::message_id).and(messages::version.eq(claims::version))))
        .filter(messages::id.eq_any(ids))
        .order((claims::message_id, claims::position))
        .select(claims::all_columns)
        .load(conn)
}

pub(in crate::domain) fn claims(conn: &mut Conn, id: &MessageId, version: i32) -> QueryResult<Vec<ClaimRow>> {
    claims::table.filter(claims::message_id.eq(id)).filter(claims::version.eq(version)).order(claims::position).load(conn)
}

pub(super) fn insert_claims(conn: &mut Conn, rows: &[ClaimRow]) -> QueryResult<()> {
    rows.iter().try_for_each(|row| diesel::insert_into(claims::table).values(row.clone()).execute(conn).map(drop))
}

pub(super) fn delete_claims(conn: &mut Conn, id: &MessageId, version: i32) -> QueryResult<()> {
    diesel::delete(claims::table.filter(claims::message_id.eq(id)).filter(claims::version.eq(version))).execute(conn).map(drop)
}

pub(super) fn set_claim_counts(conn: &mut Conn, id: &MessageId, counts: Counts) -> QueryResult<()> {
    diesel::update(messages::table.find(id))
        .set((messages::claims_supported.eq(counts.supported), messages::claims_open.eq(counts.open), messages::claims_waived.eq(counts.waived)))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_likeness(conn: &mut Conn, id: &MessageId, likeness: &str) -> QueryResult<()> {
    diesel::update(messages::table.find(id)).set(messages::likeness.eq(likeness)).execute(conn).map(drop)
}

pub(in crate::domain) fn set_held_because(conn: &mut Conn, id: &MessageId, why: &str) -> QueryResult<()> {
    diesel::update(messages::table.find(id)).set(messages::held_because.eq(why)).execute(conn).map(drop)
}

pub(super) fn waivers(conn: &mut Conn, id: &MessageId) -> QueryResult<Vec<Waiver>> {
    claim_waivers::table.filter(claim_waivers::message_id.eq(id)).load(conn)
}

pub(super) fn waivers_on(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<Waiver>> {
    claim_waivers::table.filter(claim_waivers::message_id.eq_any(ids)).load(conn)
}

pub(super) fn insert_waiver(conn: &mut Conn, row: &Waiver) -> QueryResult<()> {
    diesel::insert_into(claim_waivers::table).values(row.clone()).execute(conn).map(drop)
}

/// Which of these test the desk.
pub(super) fn tests_among(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<MessageId>> {
    messages::table.filter(messages::id.eq_any(ids.to_vec())).filter(messages::planted.eq(true)).select(messages::id).load(conn)
}

/// The mailboxes of messages.
pub(super) fn mailboxes_of(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, MailboxId)>> {
    messages::table.filter(messages::id.eq_any(ids.to_vec())).select((messages::id, messages::mailbox_id)).load(conn)
}

/// The messages that have not left and whose current version rests on a fact.
pub(super) fn resting_on(conn: &mut Conn, fact: &FactId) -> QueryResult<Vec<MessageId>> {
    let open = [State::Pending, State::ChangesRequested, State::Approved, State::Queued, State::Sending];
    messages::table
        .inner_join(claims::table.on(claims::message_id.eq(messages::id).and(claims::version.eq(messages::version))))
        .filter(claims::fact_id.eq(fact.as_str()))
        .filter(messages::state.eq_any(open))
        .select(messages::id)
        .distinct()
        .load(conn)
}

/// The facts that a version rests on and that are no longer as they were.
pub(super) fn lost_facts(conn: &mut Conn, id: &MessageId, version: i32, today: &str) -> QueryResult<Vec<String>> {
    let lost = facts::state
        .ne("current")
        .or(facts::version.nullable().ne(claims::fact_version))
        .or(facts::kind.eq("offer").and(facts::day.lt(today.to_owned()).assume_not_null()));
    claims::table
        .inner_join(facts::table.on(facts::id.nullable().eq(claims::fact_id)))
        .filter(claims::message_id.eq(id))
        .filter(claims::version.eq(version))
        .filter(claims::verdict.eq_any([Verdict::Exact, Verdict::Quoted]))
        .filter(lost)
        .select(facts::label)
        .limit(1)
        .load(conn)
}

/// The offers that a version rests on.
pub(super) fn offers_under(conn: &mut Conn, id: &MessageId, version: i32) -> QueryResult<Vec<(FactId, String)>> {
    claims::table
        .inner_join(facts::table.on(facts::id.nullable().eq(claims::fact_id)))
        .filter(claims::message_id.eq(id))
        .filter(claims::version.eq(version))
        .filter(claims::verdict.eq_any([Verdict::Exact, Verdict::Quoted]))
        .filter(facts::kind.eq("offer"))
        .select((facts::id, facts::label))
        .distinct()
        .load(conn)
}

/// Who received a claim that a fact supported, the latest message first.
pub(super) fn recipients_of(conn: &mut Conn, fact: &FactId) -> QueryResult<Vec<Recipient>> {
    let left = [State::Sent, State::Delivered, State::Complained, State::Uncertain];
    messages::table
        .inner_join(claims::table.on(claims::message_id.eq(messages::id).and(claims::version.eq(messages::version))))
        .inner_join(message_versions::table.on(message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version))))
        .inner_join(contacts::table.on(contacts::id.eq(messages::contact_id)))
        .filter(claims::fact_id.eq(fact.as_str()))
        .filter(claims::verdict.eq_any([Verdict::Exact, Verdict::Quoted]))
        .filter(messages::state.eq_any(left))
        .order((messages::id.desc(), claims::position))
        .select((
            messages::contact_id,
            contacts::email,
            contacts::name,
            messages::id,
            messages::mailbox_id,
            message_versions::subject,
            claims::words,
            claims::fact_version,
            messages::sent_at,
        ))
        .limit(10_000)
        .load(conn)
}

pub(super) fn corrected(conn: &mut Conn, fact: &FactId, version: i32) -> QueryResult<Vec<ContactId>> {
    corrections::table.filter(corrections::fact_id.eq(fact)).filter(corrections::fact_version.eq(version)).select(corrections::contact_id).load(conn)
}

pub(super) fn insert_correction(conn: &mut Conn, fact: &FactId, version: i32, contact: &ContactId, message: &MessageId) -> QueryResult<()> {
    diesel::insert_into(corrections::table)
        .values((
            corrections::fact_id.eq(fact),
            corrections::fact_version.eq(version),
            corrections::contact_id.eq(contact),
            corrections::message_id.eq(message),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert_promise(conn: &mut Conn, row: &Promise) -> QueryResult<()> {
    diesel::insert_into(promises::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn promises_to(conn: &mut Conn, contact: &ContactId, limit: i64) -> QueryResult<Vec<Promise>> {
    promises::table
        .filter(promises::contact_id.eq(contact))
        .order((promises::made_at.desc(), promises::message_id, promises::position))
        .limit(limit)
        .load(conn)
}

/// Whether a message to this contact waits or is on its way.
pub(in crate::domain) fn is_under_way(conn: &mut Conn, contact: &ContactId) -> QueryResult<bool> {
    let open = [State::Pending, State::ChangesRequested, State::Approved, State::Queued, State::Sending];
    let found = messages::table.filter(messages::contact_id.eq(contact)).filter(messages::state.eq_any(open));
    diesel::select(diesel::dsl::exists(found)).get_result(conn)
}

/// What campaigns have ready for a contact and has not left. Tests of the desk stay: nothing may tell them apart.
pub(in crate::domain) fn of_campaigns_waiting(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<MessageId>> {
    let open = [State::Pending, State::ChangesRequested, State::Approved, State::Queued];
    messages::table
        .filter(messages::contact_id.eq(contact))
        .filter(messages::state.eq_any(open))
        .filter(messages::planted.eq(false))
        .filter(
            messages::campaign
                .is_not_null()
                .or(exists(variants::table.filter(variants::message_id.eq(messages::id.nullable()))))
                .or(exists(sequence_sends::table.filter(sequence_sends::message_id.eq(messages::id))))
                .or(exists(message_tags::table.filter(message_tags::message_id.eq(messages::id)).filter(message_tags::tag.eq("win_back")))),
        )
        .select(messages::id)
        .limit(500)
        .load(conn)
}

/// Whether a win-back letter to this contact was written since then and not turned down.
pub(in crate::domain) fn was_won_back(conn: &mut Conn, contact: &ContactId, since: Time) -> QueryResult<bool> {
    let of_campaign = campaigns::table.filter(campaigns::kind.eq(crate::domain::campaigns::Kind::Winback)).select(campaigns::name.nullable());
    let found = messages::table
        .filter(messages::contact_id.eq(contact))
        .filter(messages::created_at.ge(since))
        .filter(messages::state.ne_all(State::NEVER_LEFT))
        .filter(
            messages::campaign
                .eq("win-back")
                .or(messages::campaign.eq_any(of_campaign))
                .or(exists(message_tags::table.filter(message_tags::message_id.eq(messages::id)).filter(message_tags::tag.eq("win_back")))),
        );
    diesel::select(exists(found)).get_result(conn)
}

/// Whether a message with a claim that rests on this fact was sent to this contact.
pub(in crate::domain) fn was_told(conn: &mut Conn, contact: &ContactId, fact: &FactId) -> QueryResult<bool> {
    let found = claims::table
        .inner_join(messages::table.on(messages::id.eq(claims::message_id)))
        .filter(claims::fact_id.eq(fact.as_str()))
        .filter(messages::contact_id.eq(contact))
        .filter(messages::state.eq(State::Sent));
    diesel::select(diesel::dsl::exists(found)).get_result(conn)
}

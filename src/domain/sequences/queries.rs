//! SQL of sequences and enrollments.

use std::collections::HashMap;

use diesel::dsl::{count, count_star, exists, max, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{contacts, enrollments, inbound_emails, messages, sequence_sends, sequences};
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{ContactId, EnrollmentId, MessageId, SequenceId};
use crate::domain::messages::State as MessageState;
use crate::domain::paging::one_more;
use crate::domain::threads::EmailKind;

use super::edit::Moves;
use super::{Enrollment, Member, Sequence, State};

pub(super) fn by_id(conn: &mut Conn, id: &SequenceId) -> QueryResult<Option<Sequence>> {
    sequences::table.find(id).first(conn).optional()
}

pub(super) fn by_name(conn: &mut Conn, name: &str) -> QueryResult<Option<SequenceId>> {
    sequences::table.filter(sequences::name.eq(name)).select(sequences::id).first(conn).optional()
}

pub(super) fn list(conn: &mut Conn, reach: &Mailboxes, archived: bool, limit: usize, before: Option<&SequenceId>) -> QueryResult<Vec<Sequence>> {
    let mut query = sequences::table.order(sequences::id.desc()).limit(one_more(limit)).into_boxed();
    query = if archived { query.filter(sequences::archived_at.is_not_null()) } else { query.filter(sequences::archived_at.is_null()) };
    if let Mailboxes::These(ids) = reach {
        query = query.filter(sequences::mailbox_id.eq_any(ids.clone()));
    }
    if let Some(before) = before {
        query = query.filter(sequences::id.lt(before.clone()));
    }
    query.load(conn)
}

/// One sequence, held until the transaction ends.
pub(super) fn held(conn: &mut Conn, id: &SequenceId) -> QueryResult<Option<Sequence>> {
    diesel::update(sequences::table.find(id)).set(sequences::updated_at.eq(sequences::updated_at)).execute(conn)?;
    by_id(conn, id)
}

pub(super) fn update_switches(conn: &mut Conn, row: &Sequence) -> QueryResult<()> {
    diesel::update(sequences::table.find(&row.id))
        .set((
            sequences::paused_at.eq(row.paused_at),
            sequences::paused_by.eq(row.paused_by.clone()),
            sequences::automatic.eq(row.automatic),
            sequences::measure.eq(row.measure),
            sequences::shifts.eq(row.shifts),
            sequences::stop_tags.eq(row.stop_tags.clone()),
            sequences::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn update_steps(conn: &mut Conn, row: &Sequence) -> QueryResult<()> {
    diesel::update(sequences::table.find(&row.id))
        .set((
            sequences::steps.eq(row.steps.clone()),
            sequences::numbers.eq(row.numbers.clone()),
            sequences::author_kind.eq(row.author_kind.clone()),
            sequences::author_id.eq(row.author_id.clone()),
            sequences::author_name.eq(row.author_name.clone()),
            sequences::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

/// The highest number of a step that was ever handed in.
pub(super) fn highest_number(conn: &mut Conn, id: &SequenceId) -> QueryResult<i32> {
    let highest: Option<i32> = sequence_sends::table
        .inner_join(enrollments::table.on(enrollments::id.eq(sequence_sends::enrollment_id)))
        .filter(enrollments::sequence_id.eq(id))
        .select(max(sequence_sends::step))
        .first(conn)?;
    Ok(highest.unwrap_or(0))
}

/// Brings the rows to where the tags of their contacts say that they are, if that is further.
pub(super) fn align_with_tags(conn: &mut Conn, id: &SequenceId) -> QueryResult<()> {
    let counted = "enrollments.shift + (SELECT count(*) FROM contact_tags t WHERE t.contact_id = enrollments.contact_id AND substr(t.tag, 1, 10) = 'drip_step_')";
    let mut change = Statement::default();
    change.push(format!("UPDATE enrollments SET position = {counted} WHERE state = 'active' AND position < {counted} AND sequence_id = "));
    change.text(id.as_str());
    change.run(conn).map(drop)
}

/// Brings everybody to their place in the new steps, in one statement. The last place is that of everybody behind.
pub(super) fn move_enrollments(conn: &mut Conn, id: &SequenceId, moves: &Moves, now: Time) -> QueryResult<()> {
    let Some((last, behind)) = moves.last().zip(moves.len().checked_sub(1)) else { return Ok(()) };
    let each = |value: &dyn Fn(usize, (usize, i64)) -> String| -> String {
        moves.iter().enumerate().map(|(old, to)| format!(" WHEN {old} THEN {}", value(old, *to))).collect()
    };
    let (to, by) = (each(&|_, (new, _)| new.to_string()), each(&|old, (new, _)| format!("({new} - {old})")));
    let later = each(&|_, (_, days)| (days * 86_400_000_000).to_string());
    let end = last.0;
    let mut change = Statement::default();
    change.push(format!(
        "UPDATE enrollments SET position = CASE position{to} ELSE {end} END, shift = shift + CASE position{by} ELSE {end} - {behind} END, "
    ));
    change.push(format!("ready_at = ready_at + CASE position{later} ELSE 0 END, updated_at = ")).number(now.micros());
    change.push(" WHERE state = 'active' AND sequence_id = ").text(id.as_str());
    change.run(conn).map(drop)
}

/// How many active enrollments are before each step.
pub(super) fn waiting_by_position(conn: &mut Conn, id: &SequenceId) -> QueryResult<Vec<(i32, i64)>> {
    enrollments::table
        .filter(enrollments::sequence_id.eq(id))
        .filter(sql::<Bool>("enrollments.state = 'active'"))
        .group_by(enrollments::position)
        .select((enrollments::position, count_star()))
        .load(conn)
}

/// How many messages of each step were handed in, and how many of them left.
pub(super) fn sends_by_number(conn: &mut Conn, id: &SequenceId) -> QueryResult<Vec<(i32, i64, i64)>> {
    sequence_sends::table
        .inner_join(enrollments::table.on(enrollments::id.eq(sequence_sends::enrollment_id)))
        .inner_join(messages::table.on(messages::id.eq(sequence_sends::message_id)))
        .filter(enrollments::sequence_id.eq(id))
        .group_by(sequence_sends::step)
        .select((sequence_sends::step, count_star(), count(messages::sent_at)))
        .load(conn)
}

/// Enrollments whose step is due in sequences that go by themselves, the longest due first.
pub(super) fn due_by_itself(conn: &mut Conn, now: Time, limit: i64) -> QueryResult<Vec<(SequenceId, EnrollmentId)>> {
    enrollments::table
        .inner_join(sequences::table.on(sequences::id.eq(enrollments::sequence_id)))
        .filter(sql::<Bool>("enrollments.state = 'active'"))
        .filter(enrollments::ready_at.le(now))
        .filter(sequences::automatic)
        .filter(sequences::paused_at.is_null())
        .filter(sequences::archived_at.is_null())
        .order((enrollments::ready_at, enrollments::id))
        .limit(limit)
        .select((sequences::id, enrollments::id))
        .load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &Sequence) -> QueryResult<()> {
    diesel::insert_into(sequences::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn set_archived(conn: &mut Conn, row: &Sequence) -> QueryResult<()> {
    diesel::update(sequences::table.find(&row.id))
        .set((sequences::archived_at.eq(row.archived_at), sequences::updated_at.eq(row.updated_at)))
        .execute(conn)
        .map(drop)
}

pub(super) fn counts(conn: &mut Conn, id: &SequenceId) -> QueryResult<Vec<(State, i64)>> {
    enrollments::table.filter(enrollments::sequence_id.eq(id)).group_by(enrollments::state).select((enrollments::state, count_star())).load(conn)
}

pub(super) fn active_of(conn: &mut Conn, contact: &ContactId) -> QueryResult<Option<Enrollment>> {
    enrollments::table.filter(enrollments::contact_id.eq(contact)).filter(sql::<Bool>("enrollments.state = 'active'")).first(conn).optional()
}

/// Which of these contacts are in a sequence, and in which.
pub(super) fn active_among(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<HashMap<ContactId, SequenceId>> {
    let found: Vec<(ContactId, SequenceId)> = enrollments::table
        .filter(enrollments::contact_id.eq_any(ids.to_vec()))
        .filter(sql::<Bool>("enrollments.state = 'active'"))
        .select((enrollments::contact_id, enrollments::sequence_id))
        .load(conn)?;
    Ok(found.into_iter().collect())
}

/// One enrollment, held until the transaction ends.
pub(super) fn held_enrollment(conn: &mut Conn, sequence: &SequenceId, id: &EnrollmentId) -> QueryResult<Option<Enrollment>> {
    diesel::update(enrollments::table.find(id)).set(enrollments::updated_at.eq(enrollments::updated_at)).execute(conn)?;
    enrollments::table.find(id).filter(enrollments::sequence_id.eq(sequence)).first(conn).optional()
}

pub(super) fn insert_enrollment(conn: &mut Conn, row: &Enrollment) -> QueryResult<()> {
    diesel::insert_into(enrollments::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update_enrollment(conn: &mut Conn, row: &Enrollment) -> QueryResult<()> {
    diesel::update(enrollments::table.find(&row.id))
        .set((
            enrollments::state.eq(row.state),
            enrollments::position.eq(row.position),
            enrollments::ready_at.eq(row.ready_at),
            enrollments::stopped_because.eq(row.stopped_because.clone()),
            enrollments::stopped_why.eq(row.stopped_why),
            enrollments::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn members(
    conn: &mut Conn,
    id: &SequenceId,
    state: Option<State>,
    limit: usize,
    before: Option<&EnrollmentId>,
) -> QueryResult<Vec<Member>> {
    let mut query = enrollments::table
        .inner_join(contacts::table.on(contacts::id.eq(enrollments::contact_id)))
        .filter(enrollments::sequence_id.eq(id))
        .order(enrollments::id.desc())
        .limit(one_more(limit))
        .select((enrollments::all_columns, contacts::all_columns))
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(enrollments::state.eq(state));
    }
    if let Some(before) = before {
        query = query.filter(enrollments::id.lt(before.clone()));
    }
    query.load(conn)
}

pub(super) fn due(conn: &mut Conn, id: &SequenceId, now: Time, limit: usize, after: Option<&EnrollmentId>) -> QueryResult<Vec<Member>> {
    let mut query = enrollments::table
        .inner_join(contacts::table.on(contacts::id.eq(enrollments::contact_id)))
        .filter(enrollments::sequence_id.eq(id))
        .filter(sql::<Bool>("enrollments.state = 'active'"))
        .filter(enrollments::ready_at.le(now))
        .order(enrollments::id)
        .limit(one_more(limit))
        .select((enrollments::all_columns, contacts::all_columns))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(enrollments::id.gt(after.clone()));
    }
    query.load(conn)
}

pub(super) fn insert_send(conn: &mut Conn, enrollment: &EnrollmentId, step: i32, message: &MessageId, variant: &str) -> QueryResult<()> {
    diesel::insert_into(sequence_sends::table)
        .values((
            sequence_sends::enrollment_id.eq(enrollment),
            sequence_sends::step.eq(step),
            sequence_sends::message_id.eq(message),
            sequence_sends::variant.eq(variant),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_step_sent(conn: &mut Conn, message: &MessageId, at: Time) -> QueryResult<()> {
    diesel::update(sequence_sends::table.filter(sequence_sends::message_id.eq(message))).set(sequence_sends::sent_at.eq(at)).execute(conn).map(drop)
}

/// The first answer counts.
pub(super) fn set_step_replied(conn: &mut Conn, message: &MessageId, at: Time) -> QueryResult<()> {
    diesel::update(sequence_sends::table.filter(sequence_sends::message_id.eq(message)).filter(sequence_sends::replied_at.is_null()))
        .set(sequence_sends::replied_at.eq(at))
        .execute(conn)
        .map(drop)
}

/// The enrollment that a message belongs to, its sequence, and which step it is.
pub(super) fn of_message(conn: &mut Conn, message: &MessageId) -> QueryResult<Option<(Enrollment, Sequence, i32)>> {
    sequence_sends::table
        .inner_join(enrollments::table.on(enrollments::id.eq(sequence_sends::enrollment_id)))
        .inner_join(sequences::table.on(sequences::id.eq(enrollments::sequence_id)))
        .filter(sequence_sends::message_id.eq(message))
        .select((enrollments::all_columns, sequences::all_columns, sequence_sends::step))
        .first(conn)
        .optional()
}

/// The sequences of which this contact has a step that was handed in and may still be taken back, with that step.
pub(super) fn steps_not_left(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<(SequenceId, MessageId)>> {
    use crate::domain::messages::State::{Approved, ChangesRequested, Pending, Queued};
    sequence_sends::table
        .inner_join(enrollments::table.on(enrollments::id.eq(sequence_sends::enrollment_id)))
        .inner_join(messages::table.on(messages::id.eq(sequence_sends::message_id)))
        // Ended enrollments are in no index by contact; messages are.
        .filter(messages::contact_id.eq(contact))
        .filter(messages::state.eq_any([Pending, ChangesRequested, Approved, Queued]))
        .select((enrollments::sequence_id, messages::id))
        .load(conn)
}

/// The newest step of each of these enrollments that was handed in and has not left.
pub(super) fn not_left(conn: &mut Conn, ids: &[EnrollmentId]) -> QueryResult<HashMap<EnrollmentId, (MessageId, MessageState)>> {
    let found: Vec<(EnrollmentId, MessageId, MessageState)> = sequence_sends::table
        .inner_join(messages::table.on(messages::id.eq(sequence_sends::message_id)))
        .filter(sequence_sends::enrollment_id.eq_any(ids.to_vec()))
        .filter(messages::sent_at.is_null())
        .order(messages::id)
        .select((sequence_sends::enrollment_id, messages::id, messages::state))
        .load(conn)?;
    Ok(found.into_iter().map(|(enrollment, message, state)| (enrollment, (message, state))).collect())
}

/// Whether the contact wrote in a conversation that a step began.
pub(super) fn was_answered(conn: &mut Conn, enrollment: &EnrollmentId, email_key: &str) -> QueryResult<bool> {
    let answers = sequence_sends::table
        .inner_join(messages::table.on(messages::id.eq(sequence_sends::message_id)))
        .inner_join(inbound_emails::table.on(inbound_emails::thread_id.eq(messages::thread_id)))
        .filter(sequence_sends::enrollment_id.eq(enrollment))
        .filter(inbound_emails::from_key.eq(email_key))
        .filter(inbound_emails::kind.eq_any([EmailKind::Reply, EmailKind::Unsubscribe]));
    diesel::select(exists(answers)).get_result(conn)
}

/// Those who wait for the step at this place, each with when their wait began.
pub(super) fn waiting_since(conn: &mut Conn, id: &SequenceId, position: i32) -> QueryResult<Vec<(EnrollmentId, ContactId, Time)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        id: EnrollmentId,
        #[diesel(sql_type = Text)]
        contact_id: ContactId,
        #[diesel(sql_type = BigInt)]
        since: Time,
    }
    let mut ask = Statement::default();
    ask.push("SELECT e.id, e.contact_id, coalesce((SELECT max(m.sent_at) FROM sequence_sends s JOIN messages m ON m.id = s.message_id ");
    ask.push("WHERE s.enrollment_id = e.id), e.created_at) AS since FROM enrollments e WHERE e.state = 'active' AND e.ready_at IS NOT NULL ");
    ask.push("AND e.position = ").number(position.into()).push(" AND e.sequence_id = ").text(id.as_str());
    Ok(ask.load::<Row>(conn)?.into_iter().map(|row| (row.id, row.contact_id, row.since)).collect())
}

pub(super) fn set_ready(conn: &mut Conn, id: &EnrollmentId, at: Time) -> QueryResult<()> {
    diesel::update(enrollments::table.find(id)).set(enrollments::ready_at.eq(at)).execute(conn).map(drop)
}

/// Sequences in which somebody may wait.
pub(super) fn under_way(conn: &mut Conn) -> QueryResult<Vec<SequenceId>> {
    sequences::table.filter(sequences::archived_at.is_null()).order(sequences::id).select(sequences::id).load(conn)
}

/// Sequences in which winners get more by themselves.
pub(super) fn that_shift(conn: &mut Conn) -> QueryResult<Vec<SequenceId>> {
    sequences::table
        .filter(sequences::shifts)
        .filter(sequences::paused_at.is_null())
        .filter(sequences::archived_at.is_null())
        .order(sequences::id)
        .select(sequences::id)
        .load(conn)
}

/// Keeps other shares; the words and whose they are stay.
pub(super) fn update_shares(conn: &mut Conn, row: &Sequence) -> QueryResult<()> {
    diesel::update(sequences::table.find(&row.id))
        .set((sequences::steps.eq(row.steps.clone()), sequences::updated_at.eq(row.updated_at)))
        .execute(conn)
        .map(drop)
}

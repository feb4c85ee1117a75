//! SQL of sequences and enrollments.

use diesel::dsl::{count_star, exists};
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{contacts, enrollments, inbound_emails, messages, sequence_sends, sequences};
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{ContactId, EnrollmentId, MessageId, SequenceId};
use crate::domain::paging::one_more;

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
    enrollments::table.filter(enrollments::contact_id.eq(contact)).filter(enrollments::state.eq(State::Active)).first(conn).optional()
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
        .filter(enrollments::state.eq(State::Active))
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

pub(super) fn insert_send(conn: &mut Conn, enrollment: &EnrollmentId, step: i32, message: &MessageId) -> QueryResult<()> {
    diesel::insert_into(sequence_sends::table)
        .values((sequence_sends::enrollment_id.eq(enrollment), sequence_sends::step.eq(step), sequence_sends::message_id.eq(message)))
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

/// Whether the contact wrote in a conversation that a step began.
pub(super) fn was_answered(conn: &mut Conn, enrollment: &EnrollmentId, email_key: &str) -> QueryResult<bool> {
    let answers = sequence_sends::table
        .inner_join(messages::table.on(messages::id.eq(sequence_sends::message_id)))
        .inner_join(inbound_emails::table.on(inbound_emails::thread_id.eq(messages::thread_id)))
        .filter(sequence_sends::enrollment_id.eq(enrollment))
        .filter(inbound_emails::from_key.eq(email_key));
    diesel::select(exists(answers)).get_result(conn)
}

//! SQL of the enrollment of segments.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::enrollment_rounds;
use crate::domain::ids::{RowId, SequenceId};
use crate::domain::rounds::Aside;

use super::Round;

pub(super) fn insert(conn: &mut Conn, round: &Round) -> QueryResult<()> {
    diesel::insert_into(enrollment_rounds::table).values(round.clone()).execute(conn).map(drop)
}

pub(super) fn newest(conn: &mut Conn, id: &SequenceId, limit: i64) -> QueryResult<Vec<Round>> {
    enrollment_rounds::table.filter(enrollment_rounds::sequence_id.eq(id)).order(enrollment_rounds::id.desc()).limit(limit).load(conn)
}

/// The oldest round with something left to do that is not set aside, and how often it failed.
pub(super) fn next(conn: &mut Conn, now: Time) -> QueryResult<Option<(RowId, i32)>> {
    enrollment_rounds::table
        .filter(enrollment_rounds::finished_at.is_null())
        .filter(enrollment_rounds::cancelled_at.is_null())
        .filter(enrollment_rounds::retry_at.is_null().or(enrollment_rounds::retry_at.assume_not_null().le(now)))
        .order(enrollment_rounds::id)
        .select((enrollment_rounds::id, enrollment_rounds::failures))
        .first(conn)
        .optional()
}

/// One round, held until the transaction ends.
pub(super) fn held(conn: &mut Conn, id: &RowId) -> QueryResult<Option<Round>> {
    diesel::update(enrollment_rounds::table.find(id)).set(enrollment_rounds::total.eq(enrollment_rounds::total)).execute(conn)?;
    enrollment_rounds::table.find(id).first(conn).optional()
}

pub(super) fn update(conn: &mut Conn, round: &Round) -> QueryResult<()> {
    diesel::update(enrollment_rounds::table.find(&round.id))
        .set((
            enrollment_rounds::last_contact.eq(round.last_contact.clone()),
            enrollment_rounds::enrolled.eq(round.enrolled),
            enrollment_rounds::left_out.eq(round.left_out),
            enrollment_rounds::passed_over.eq(round.passed_over),
            enrollment_rounds::because.eq(round.because.clone()),
            enrollment_rounds::finished_at.eq(round.finished_at),
            enrollment_rounds::failures.eq(0),
            enrollment_rounds::retry_at.eq(None::<Time>),
            enrollment_rounds::trouble.eq(None::<String>),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_aside(conn: &mut Conn, id: &RowId, aside: &Aside) -> QueryResult<()> {
    diesel::update(enrollment_rounds::table.find(id))
        .set((enrollment_rounds::failures.eq(aside.failures), enrollment_rounds::retry_at.eq(aside.until), enrollment_rounds::trouble.eq(&aside.why)))
        .execute(conn)
        .map(drop)
}

/// Cancels what is under way in a sequence and says how many rounds that were.
pub(super) fn cancel(conn: &mut Conn, id: &SequenceId, now: Time) -> QueryResult<usize> {
    diesel::update(
        enrollment_rounds::table
            .filter(enrollment_rounds::sequence_id.eq(id))
            .filter(enrollment_rounds::finished_at.is_null())
            .filter(enrollment_rounds::cancelled_at.is_null()),
    )
    .set(enrollment_rounds::cancelled_at.eq(now))
    .execute(conn)
}

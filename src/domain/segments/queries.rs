//! SQL of segments.

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::{campaigns, cohorts, enrollment_rounds, segments, winback_rules};
use crate::db::statement::Statement;
use crate::domain::ids::{SegmentId, SequenceId};
use crate::domain::paging::one_more;

use super::Segment;

pub(super) fn by_id(conn: &mut Conn, id: &SegmentId) -> QueryResult<Option<Segment>> {
    segments::table.find(id).first(conn).optional()
}

pub(super) fn by_ids(conn: &mut Conn, ids: &[SegmentId]) -> QueryResult<Vec<Segment>> {
    segments::table.filter(segments::id.eq_any(ids.to_vec())).load(conn)
}

pub(super) fn by_name(conn: &mut Conn, name: &str) -> QueryResult<Option<Segment>> {
    segments::table.filter(segments::name.eq(name)).first(conn).optional()
}

pub(super) fn list(conn: &mut Conn, limit: usize, before: Option<&SegmentId>) -> QueryResult<Vec<Segment>> {
    let mut query = segments::table.order(segments::id.desc()).limit(one_more(limit)).into_boxed();
    if let Some(before) = before {
        query = query.filter(segments::id.lt(before.clone()));
    }
    query.load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &Segment) -> QueryResult<()> {
    diesel::insert_into(segments::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Segment) -> QueryResult<()> {
    diesel::update(segments::table.find(&row.id))
        .set((
            segments::name.eq(&row.name),
            segments::tags.eq(&row.tags),
            segments::words.eq(&row.words),
            segments::customers_only.eq(row.customers_only),
            segments::updated_at.eq(row.updated_at),
            segments::conditions.eq(row.conditions.clone()),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn delete(conn: &mut Conn, id: &SegmentId) -> QueryResult<()> {
    // The days first, which take their numbers out of the weeks and months: these are gone when the days follow their segment.
    for table in ["segment_days", "segment_weeks", "segment_months"] {
        let mut forget = Statement::default();
        forget.push(format!("DELETE FROM {table} WHERE segment_id = ")).text(id.as_str());
        forget.run(conn)?;
    }
    diesel::delete(segments::table.find(id)).execute(conn).map(drop)
}

/// Whether a campaign, a cohort, a win-back rule or an enrollment under way names it.
pub(super) fn is_used(conn: &mut Conn, id: &SegmentId) -> QueryResult<bool> {
    let by_campaign: bool = diesel::select(exists(campaigns::table.filter(campaigns::segment_id.eq(id.as_str())))).get_result(conn)?;
    let by_cohort: bool = diesel::select(exists(cohorts::table.filter(cohorts::segment_id.eq(id.as_str())))).get_result(conn)?;
    let by_rule: bool = diesel::select(exists(winback_rules::table.filter(winback_rules::segment_id.eq(id.as_str())))).get_result(conn)?;
    let under_way = enrollment_rounds::table
        .filter(enrollment_rounds::segment_id.eq(id.as_str()))
        .filter(enrollment_rounds::finished_at.is_null())
        .filter(enrollment_rounds::cancelled_at.is_null());
    let by_enrollment: bool = diesel::select(exists(under_way)).get_result(conn)?;
    Ok(by_campaign || by_cohort || by_rule || by_enrollment)
}

/// The labels of the campaigns to it.
pub(super) fn campaigns_of(conn: &mut Conn, id: &SegmentId) -> QueryResult<Vec<String>> {
    campaigns::table.filter(campaigns::segment_id.eq(id.as_str())).select(campaigns::name).load(conn)
}

/// The sequences that it was enrolled in.
pub(super) fn sequences_of(conn: &mut Conn, id: &SegmentId) -> QueryResult<Vec<SequenceId>> {
    enrollment_rounds::table.filter(enrollment_rounds::segment_id.eq(id.as_str())).select(enrollment_rounds::sequence_id).distinct().load(conn)
}

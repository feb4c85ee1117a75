//! SQL of cohorts.

use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::cohorts;
use crate::domain::ids::CohortId;
use crate::domain::paging::one_more;

use super::Cohort;

pub(super) fn by_id(conn: &mut Conn, id: &CohortId) -> QueryResult<Option<Cohort>> {
    cohorts::table.find(id).first(conn).optional()
}

pub(super) fn by_name(conn: &mut Conn, name: &str) -> QueryResult<Option<Cohort>> {
    cohorts::table.filter(cohorts::name.eq(name)).first(conn).optional()
}

/// Every cohort there is: a tag may move somebody in several.
pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<Cohort>> {
    cohorts::table.order(cohorts::id).load(conn)
}

pub(super) fn list(conn: &mut Conn, limit: usize, before: Option<&CohortId>) -> QueryResult<Vec<Cohort>> {
    let mut query = cohorts::table.order(cohorts::id.desc()).limit(one_more(limit)).into_boxed();
    if let Some(before) = before {
        query = query.filter(cohorts::id.lt(before.clone()));
    }
    query.load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &Cohort) -> QueryResult<()> {
    diesel::insert_into(cohorts::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Cohort) -> QueryResult<()> {
    diesel::update(cohorts::table.find(&row.id))
        .set((
            cohorts::name.eq(row.name.clone()),
            cohorts::segment_id.eq(row.segment_id.clone()),
            cohorts::tags.eq(row.tags.clone()),
            cohorts::deadline.eq(row.deadline.clone()),
            cohorts::from_version.eq(row.from_version.clone()),
            cohorts::to_version.eq(row.to_version.clone()),
            cohorts::guide_url.eq(row.guide_url.clone()),
            cohorts::tag_prefix.eq(row.tag_prefix.clone()),
            cohorts::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn delete(conn: &mut Conn, id: &CohortId) -> QueryResult<()> {
    diesel::delete(cohorts::table.find(id)).execute(conn).map(drop)
}

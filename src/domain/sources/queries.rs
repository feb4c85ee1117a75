//! SQL of sources and their log.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{churn_sources, intake_events, provider_events};
use crate::domain::ids::{RowId, SourceId};
use crate::on_either;

use super::{IntakeEvent, Provider, Source};

pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<Source>> {
    churn_sources::table.order(churn_sources::id).load(conn)
}

pub(super) fn by_id(conn: &mut Conn, id: &SourceId) -> QueryResult<Option<Source>> {
    churn_sources::table.find(id).first(conn).optional()
}

pub(super) fn enabled(conn: &mut Conn, provider: Provider) -> QueryResult<Vec<Source>> {
    churn_sources::table.filter(churn_sources::provider.eq(provider)).filter(churn_sources::enabled.eq(true)).order(churn_sources::id).load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &Source) -> QueryResult<()> {
    diesel::insert_into(churn_sources::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Source) -> QueryResult<()> {
    diesel::update(churn_sources::table.find(&row.id)).set(row.clone()).execute(conn).map(drop)
}

pub(super) fn delete(conn: &mut Conn, id: &SourceId) -> QueryResult<()> {
    diesel::delete(intake_events::table.filter(intake_events::source_id.eq(id.as_str()))).execute(conn)?;
    diesel::delete(churn_sources::table.find(id)).execute(conn).map(drop)
}

/// Notes the id of a provider's event; false where it came before.
pub(super) fn note_event(conn: &mut Conn, scope: &str, event: &str, now: Time) -> QueryResult<bool> {
    let row = (provider_events::provider.eq(scope), provider_events::event_id.eq(event), provider_events::received_at.eq(now));
    let added = on_either!(conn, inner => diesel::insert_into(provider_events::table).values(row).on_conflict_do_nothing().execute(inner))?;
    Ok(added == 1)
}

pub(super) fn insert_event(conn: &mut Conn, row: &IntakeEvent) -> QueryResult<()> {
    diesel::insert_into(intake_events::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn set_last_event(conn: &mut Conn, id: &SourceId, now: Time) -> QueryResult<()> {
    diesel::update(churn_sources::table.find(id)).set(churn_sources::last_event_at.eq(now)).execute(conn).map(drop)
}

pub(super) fn set_last_error(conn: &mut Conn, id: &SourceId, error: &str, now: Time) -> QueryResult<()> {
    diesel::update(churn_sources::table.find(id))
        .set((churn_sources::last_error.eq(error), churn_sources::last_error_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn events(conn: &mut Conn, source: Option<&SourceId>, before: Option<&RowId>, limit: i64) -> QueryResult<Vec<IntakeEvent>> {
    let mut query = intake_events::table.order(intake_events::id.desc()).limit(limit).into_boxed();
    if let Some(source) = source {
        query = query.filter(intake_events::source_id.eq(source.as_str().to_owned()));
    }
    if let Some(before) = before {
        query = query.filter(intake_events::id.lt(before.as_str().to_owned()));
    }
    query.load(conn)
}

pub(super) fn sweep(conn: &mut Conn, before: Time, most: i64) -> QueryResult<()> {
    diesel::delete(intake_events::table.filter(intake_events::received_at.lt(before))).execute(conn)?;
    let last: Option<String> = intake_events::table.order(intake_events::id.desc()).select(intake_events::id).offset(most).first(conn).optional()?;
    if let Some(last) = last {
        diesel::delete(intake_events::table.filter(intake_events::id.le(last))).execute(conn)?;
    }
    Ok(())
}

//! SQL of facts.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::functions::{containing, lower};
use crate::db::schema::{fact_book, fact_versions, facts, promises};
use crate::domain::ids::{ContactId, FactId};

use super::{Fact, Filter, Kind, State, Version};

pub(super) fn by_id(conn: &mut Conn, id: &FactId) -> QueryResult<Option<Fact>> {
    facts::table.find(id).first(conn).optional()
}

pub(super) fn by_key(conn: &mut Conn, kind: Kind, key: &str) -> QueryResult<Option<Fact>> {
    facts::table.filter(facts::kind.eq(kind)).filter(facts::fact_key.eq(key)).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, row: &Fact) -> QueryResult<()> {
    diesel::insert_into(facts::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Fact) -> QueryResult<()> {
    diesel::update(facts::table.find(&row.id))
        .set((
            facts::fact_key.eq(&row.fact_key),
            facts::version.eq(row.version),
            facts::content_hash.eq(&row.content_hash),
            facts::label.eq(&row.label),
            facts::body.eq(row.body.clone()),
            facts::source.eq(&row.source),
            facts::state.eq(row.state),
            facts::state_reason.eq(row.state_reason.as_deref()),
            facts::day.eq(row.day.as_deref()),
            facts::recorded_by.eq(&row.recorded_by),
            facts::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert_version(conn: &mut Conn, row: &Version) -> QueryResult<()> {
    diesel::insert_into(fact_versions::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn versions(conn: &mut Conn, id: &FactId) -> QueryResult<Vec<Version>> {
    fact_versions::table.filter(fact_versions::fact_id.eq(id)).order(fact_versions::version.desc()).limit(100).load(conn)
}

pub(super) fn versions_of(conn: &mut Conn, ids: &[FactId]) -> QueryResult<Vec<Version>> {
    fact_versions::table.filter(fact_versions::fact_id.eq_any(ids.to_vec())).load(conn)
}

pub(super) fn of_kind(conn: &mut Conn, kind: Kind, state: State, limit: i64) -> QueryResult<Vec<Fact>> {
    facts::table.filter(facts::kind.eq(kind)).filter(facts::state.eq(state)).order((facts::day.desc(), facts::id.desc())).limit(limit).load(conn)
}

pub(super) fn of_contact(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<Fact>> {
    facts::table.filter(facts::contact_id.eq(contact.as_str())).order(facts::id).load(conn)
}

pub(super) fn any_of_contact(conn: &mut Conn, contact: &ContactId) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(facts::table.filter(facts::contact_id.eq(contact.as_str())))).get_result(conn)
}

/// Everything that is not about one contact, whatever its state but proposed.
pub(super) fn common(conn: &mut Conn) -> QueryResult<Vec<Fact>> {
    facts::table.filter(facts::contact_id.is_null()).filter(facts::state.ne(State::Proposed)).order(facts::id).load(conn)
}

/// The versions that are no longer current, of everything that is not about one contact.
pub(super) fn common_past(conn: &mut Conn) -> QueryResult<Vec<Version>> {
    fact_versions::table
        .inner_join(facts::table.on(facts::id.eq(fact_versions::fact_id)))
        .filter(facts::contact_id.is_null())
        .filter(facts::state.ne(State::Proposed))
        .filter(fact_versions::version.lt(facts::version))
        .select(fact_versions::all_columns)
        .order((fact_versions::fact_id, fact_versions::version))
        .load(conn)
}

pub(super) fn past_of_contact(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<Version>> {
    fact_versions::table
        .inner_join(facts::table.on(facts::id.eq(fact_versions::fact_id)))
        .filter(facts::contact_id.eq(contact.as_str()))
        .filter(fact_versions::version.lt(facts::version))
        .select(fact_versions::all_columns)
        .order((fact_versions::fact_id, fact_versions::version))
        .load(conn)
}

pub(super) fn revision(conn: &mut Conn) -> QueryResult<String> {
    fact_book::table.find(1).select(fact_book::revision).first(conn)
}

pub(super) fn set_revision(conn: &mut Conn, revision: &str) -> QueryResult<()> {
    diesel::update(fact_book::table.find(1)).set(fact_book::revision.eq(revision)).execute(conn).map(drop)
}

/// How much of an offer was promised so far, in minor units of this currency.
pub(super) fn promised(conn: &mut Conn, id: &FactId, currency: &str) -> QueryResult<i64> {
    // The sum of big integers is a decimal in PostgreSQL and an integer in SQLite.
    promises::table
        .filter(promises::fact_id.eq(id.as_str()))
        .filter(promises::currency.eq(currency))
        .select(diesel::dsl::sql::<diesel::sql_types::BigInt>("CAST(COALESCE(SUM(value_minor), 0) AS BIGINT)"))
        .get_result(conn)
}

pub(super) fn list(conn: &mut Conn, filter: &Filter, without: Vec<FactId>) -> QueryResult<Vec<Fact>> {
    let mut query = facts::table.order(facts::id.desc()).limit(i64::try_from(filter.limit).unwrap_or(100) + 1).into_boxed();
    match &filter.contact {
        Some(contact) => query = query.filter(facts::contact_id.eq(contact.as_str().to_owned())),
        None => query = query.filter(facts::contact_id.is_null()),
    }
    if let Some(kind) = filter.kind {
        query = query.filter(facts::kind.eq(kind));
    }
    if let Some(state) = filter.state {
        query = query.filter(facts::state.eq(state));
    }
    if let Some(words) = &filter.words {
        query = query.filter(lower(facts::label).like(containing(words)).escape('\\'));
    }
    if let Some(after) = &filter.after {
        query = query.filter(facts::id.lt(after.clone()));
    }
    if !without.is_empty() {
        query = query.filter(facts::id.ne_all(without));
    }
    query.load(conn)
}

pub(super) fn count_proposed(conn: &mut Conn) -> QueryResult<i64> {
    facts::table.filter(facts::state.eq(State::Proposed)).count().get_result(conn)
}

pub(super) fn set_state(conn: &mut Conn, id: &FactId, state: State, reason: Option<&str>, now: Time) -> QueryResult<()> {
    diesel::update(facts::table.find(id))
        .set((facts::state.eq(state), facts::state_reason.eq(reason), facts::updated_at.eq(now)))
        .execute(conn)
        .map(drop)
}

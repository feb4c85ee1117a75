//! SQL of the log of calls.

use diesel::prelude::*;

use super::{Call, Filter, Shown};
use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{api_calls, api_keys};
use crate::domain::ids::CallId;
use crate::on_either;

/// Rows in one statement; PostgreSQL binds at most 65,535 values.
const AT_ONCE: usize = 500;

pub(super) fn insert(conn: &mut Conn, calls: &[Call]) -> QueryResult<()> {
    for some in calls.chunks(AT_ONCE) {
        on_either!(conn, inner => diesel::insert_into(api_calls::table).values(some).execute(inner))?;
    }
    Ok(())
}

pub(super) fn page(conn: &mut Conn, filter: &Filter, limit: i64) -> QueryResult<Vec<Shown>> {
    let named = api_calls::table.left_join(api_keys::table.on(api_calls::key_id.eq(api_keys::id.nullable())));
    let mut query = named.select((api_calls::all_columns, api_keys::name.nullable())).order(api_calls::id.desc()).limit(limit).into_boxed();
    if let Some(key) = &filter.key {
        query = query.filter(api_calls::key_id.eq(key.clone()));
    }
    if let Some(outcome) = filter.outcome {
        query = query.filter(api_calls::outcome.eq(outcome));
    }
    if let Some(before) = &filter.before {
        query = query.filter(api_calls::id.lt(before.clone()));
    }
    query.load(conn)
}

pub(super) fn remove_older(conn: &mut Conn, than: Time, limit: i64) -> QueryResult<()> {
    let old: Vec<CallId> = api_calls::table.filter(api_calls::at.lt(than)).order(api_calls::at).limit(limit).select(api_calls::id).load(conn)?;
    for some in old.chunks(AT_ONCE) {
        diesel::delete(api_calls::table.filter(api_calls::id.eq_any(some.to_vec()))).execute(conn)?;
    }
    Ok(())
}

//! SQL of saved views.

use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::{saved_views, users};
use crate::domain::ids::{UserId, ViewId};

use super::ViewRow;

/// Shared views of other people that are shown.
const MOST_SHARED: i64 = 200;

pub(super) fn seen_by(conn: &mut Conn, me: &UserId) -> QueryResult<Vec<(ViewRow, String)>> {
    let all = saved_views::table.inner_join(users::table.on(users::id.eq(saved_views::owner_id))).select((saved_views::all_columns, users::name));
    let mut views: Vec<(ViewRow, String)> = all.filter(saved_views::owner_id.eq(me)).order(saved_views::name).load(conn)?;
    let shared = all.filter(saved_views::shared.eq(true)).filter(saved_views::owner_id.ne(me));
    views.extend(shared.order((saved_views::name, saved_views::id)).limit(MOST_SHARED).load::<(ViewRow, String)>(conn)?);
    Ok(views)
}

pub(super) fn by_id(conn: &mut Conn, id: &ViewId) -> QueryResult<Option<ViewRow>> {
    saved_views::table.find(id).first(conn).optional()
}

pub(super) fn named(conn: &mut Conn, me: &UserId, name: &str) -> QueryResult<Option<ViewId>> {
    saved_views::table.filter(saved_views::owner_id.eq(me)).filter(saved_views::name.eq(name)).select(saved_views::id).first(conn).optional()
}

pub(super) fn count_of(conn: &mut Conn, me: &UserId) -> QueryResult<i64> {
    saved_views::table.filter(saved_views::owner_id.eq(me)).count().get_result(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &ViewRow) -> QueryResult<()> {
    diesel::insert_into(saved_views::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, id: &ViewId, name: &str, shared: bool) -> QueryResult<()> {
    diesel::update(saved_views::table.find(id)).set((saved_views::name.eq(name), saved_views::shared.eq(shared))).execute(conn).map(drop)
}

pub(super) fn delete(conn: &mut Conn, id: &ViewId) -> QueryResult<()> {
    diesel::delete(saved_views::table.find(id)).execute(conn).map(drop)
}

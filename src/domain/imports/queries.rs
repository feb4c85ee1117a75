//! SQL of imports.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{import_files, import_refused, imports};
use crate::domain::ids::ImportId;

use super::{File, Import};

pub(super) fn insert_import(conn: &mut Conn, row: &Import) -> QueryResult<()> {
    diesel::insert_into(imports::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update_import(conn: &mut Conn, row: &Import) -> QueryResult<()> {
    diesel::update(imports::table.find(&row.id)).set(row.clone()).execute(conn).map(drop)
}

pub(super) fn import(conn: &mut Conn, id: &ImportId) -> QueryResult<Option<Import>> {
    imports::table.find(id).first(conn).optional()
}

/// Says until when somebody is at an import, and lets nobody else change it before this transaction ends;
/// false where it has ended or another time stands there than this process wrote.
pub(super) fn renew(conn: &mut Conn, id: &ImportId, held: Option<Time>, until: Time) -> QueryResult<bool> {
    let Some(held) = held else { return Ok(false) };
    let running = imports::table.find(id).filter(imports::state.eq("running")).filter(imports::lease_until.eq(held));
    Ok(diesel::update(running).set(imports::lease_until.eq(until)).execute(conn)? == 1)
}

/// Takes an import that runs from whoever is at it, and lets nobody else change it before this transaction ends; false where it has ended.
pub(super) fn release(conn: &mut Conn, id: &ImportId) -> QueryResult<bool> {
    let running = imports::table.find(id).filter(imports::state.eq("running"));
    Ok(diesel::update(running).set(imports::lease_until.eq(None::<Time>)).execute(conn)? == 1)
}

pub(super) fn insert_file(conn: &mut Conn, row: &File) -> QueryResult<()> {
    diesel::insert_into(import_files::table).values(row).execute(conn).map(drop)
}

pub(super) fn delete_file(conn: &mut Conn, id: &ImportId) -> QueryResult<()> {
    diesel::delete(import_refused::table.filter(import_refused::import_id.eq(id))).execute(conn)?;
    diesel::delete(import_files::table.find(id)).execute(conn).map(drop)
}

/// An import of this kind, actor and content that runs.
pub(super) fn running_with(conn: &mut Conn, kind: &str, user_id: &str, content: &str) -> QueryResult<Option<Import>> {
    let running = imports::table
        .inner_join(import_files::table.on(import_files::import_id.eq(imports::id)))
        .filter(imports::state.eq("running"))
        .filter(imports::kind.eq(kind))
        .filter(import_files::user_id.eq(user_id))
        .filter(import_files::content.eq(content))
        .order(imports::created_at)
        .select(imports::all_columns);
    match conn {
        // One writer at a time.
        Conn::Sqlite(inner) => running.first(inner).optional(),
        Conn::Postgres(inner) => running.for_update().first(inner).optional(),
    }
}

/// An import that nobody is at any more, with its file.
pub(super) fn left(conn: &mut Conn, now: Time) -> QueryResult<Option<(Import, File)>> {
    let left = imports::table
        .inner_join(import_files::table.on(import_files::import_id.eq(imports::id)))
        .filter(imports::state.eq("running"))
        .filter(imports::lease_until.lt(now))
        .order(imports::created_at)
        .select((imports::all_columns, import_files::all_columns));
    match conn {
        // One writer at a time.
        Conn::Sqlite(inner) => left.first(inner).optional(),
        Conn::Postgres(inner) => left.for_update().skip_locked().first(inner).optional(),
    }
}

pub(super) fn insert_refused(conn: &mut Conn, id: &ImportId, line: i64, row_csv: &str) -> QueryResult<()> {
    diesel::insert_into(import_refused::table)
        .values((import_refused::import_id.eq(id), import_refused::line.eq(line), import_refused::row_csv.eq(row_csv)))
        .execute(conn)
        .map(drop)
}

pub(super) fn refused_rows(conn: &mut Conn, id: &ImportId) -> QueryResult<Vec<String>> {
    import_refused::table.filter(import_refused::import_id.eq(id)).order(import_refused::line).select(import_refused::row_csv).load(conn)
}

//! SQL of passkeys.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::passkeys;
use crate::domain::ids::{RowId, UserId};

use super::{Made, PasskeyRow};

pub(super) fn of_user(conn: &mut Conn, user: &UserId) -> QueryResult<Vec<PasskeyRow>> {
    passkeys::table.filter(passkeys::user_id.eq(user)).order((passkeys::created_at, passkeys::id)).load(conn)
}

/// Whether a person has one.
pub(in super::super) fn any(conn: &mut Conn, user: &UserId) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(passkeys::table.filter(passkeys::user_id.eq(user)))).get_result(conn)
}

pub(super) fn by_credential(conn: &mut Conn, credential_id: &str) -> QueryResult<Option<PasskeyRow>> {
    passkeys::table.filter(passkeys::credential_id.eq(credential_id)).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, user: &UserId, name: &str, made: &Made, now: Time) -> QueryResult<()> {
    diesel::insert_into(passkeys::table)
        .values((
            passkeys::id.eq(RowId::new()),
            passkeys::user_id.eq(user),
            passkeys::name.eq(name),
            passkeys::credential_id.eq(&made.credential_id),
            passkeys::credential.eq(&made.credential),
            passkeys::created_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn used(conn: &mut Conn, id: &RowId, credential: &str, now: Time) -> QueryResult<()> {
    diesel::update(passkeys::table.find(id)).set((passkeys::credential.eq(credential), passkeys::used_at.eq(now))).execute(conn).map(drop)
}

pub(super) fn delete(conn: &mut Conn, id: &RowId) -> QueryResult<()> {
    diesel::delete(passkeys::table.find(id)).execute(conn).map(drop)
}

/// Removes all of a person; `false` when there were none.
pub(in super::super) fn delete_all(conn: &mut Conn, user: &UserId) -> QueryResult<bool> {
    Ok(diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user))).execute(conn)? > 0)
}

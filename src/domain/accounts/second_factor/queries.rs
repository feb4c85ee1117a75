//! SQL of second factors.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{recovery_codes, second_factors};
use crate::domain::ids::UserId;

use super::FactorRow;

pub(super) fn by_user(conn: &mut Conn, user: &UserId) -> QueryResult<Option<FactorRow>> {
    second_factors::table.find(user).first(conn).optional()
}

/// Replaces one that was not confirmed; one that was stays and refuses this.
pub(super) fn start(conn: &mut Conn, user: &UserId, secret: &str, now: Time) -> QueryResult<()> {
    diesel::delete(second_factors::table.find(user).filter(second_factors::confirmed_at.is_null())).execute(conn)?;
    diesel::insert_into(second_factors::table)
        .values((second_factors::user_id.eq(user), second_factors::secret.eq(secret), second_factors::started_at.eq(now)))
        .execute(conn)
        .map(drop)
}

/// Counts a try, unless there were `most` already with less than `pause` seconds between them.
/// The row stays locked until the transaction ends, so that tries at the same time come one after the other.
pub(super) fn count_try(conn: &mut Conn, user: &UserId, most: i32, pause: i64, now: Time) -> QueryResult<bool> {
    diesel::update(second_factors::table.find(user).filter(second_factors::tried_at.le(now.plus_seconds(-pause))))
        .set(second_factors::wrong_tries.eq(0))
        .execute(conn)?;
    let counted = diesel::update(second_factors::table.find(user).filter(second_factors::wrong_tries.lt(most)))
        .set((second_factors::wrong_tries.eq(second_factors::wrong_tries + 1), second_factors::tried_at.eq(now)))
        .execute(conn)?;
    Ok(counted == 1)
}

pub(super) fn forget_tries(conn: &mut Conn, user: &UserId) -> QueryResult<()> {
    diesel::update(second_factors::table.find(user)).set(second_factors::wrong_tries.eq(0)).execute(conn).map(drop)
}

/// Uses a step up; `false` when it was used already.
pub(super) fn use_step(conn: &mut Conn, user: &UserId, step: i64) -> QueryResult<bool> {
    let used = diesel::update(second_factors::table.find(user).filter(second_factors::last_step.lt(step)))
        .set(second_factors::last_step.eq(step))
        .execute(conn)?;
    Ok(used == 1)
}

pub(super) fn confirm(conn: &mut Conn, user: &UserId, now: Time) -> QueryResult<()> {
    diesel::update(second_factors::table.find(user)).set(second_factors::confirmed_at.eq(now)).execute(conn).map(drop)
}

pub(super) fn insert_recovery_code(conn: &mut Conn, user: &UserId, hash: &str) -> QueryResult<()> {
    diesel::insert_into(recovery_codes::table).values((recovery_codes::user_id.eq(user), recovery_codes::code_hash.eq(hash))).execute(conn).map(drop)
}

/// Uses a recovery code up; `false` when there is none like it, or it was used already.
pub(super) fn use_recovery_code(conn: &mut Conn, user: &UserId, hash: &str, now: Time) -> QueryResult<bool> {
    let used = diesel::update(recovery_codes::table.find((user, hash)).filter(recovery_codes::used_at.is_null()))
        .set(recovery_codes::used_at.eq(now))
        .execute(conn)?;
    Ok(used == 1)
}

pub(super) fn recovery_codes_left(conn: &mut Conn, user: &UserId) -> QueryResult<i64> {
    recovery_codes::table.filter(recovery_codes::user_id.eq(user)).filter(recovery_codes::used_at.is_null()).count().get_result(conn)
}

pub(super) fn delete(conn: &mut Conn, user: &UserId) -> QueryResult<bool> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(conn)?;
    Ok(diesel::delete(second_factors::table.find(user)).execute(conn)? == 1)
}

/// Whether there is any.
pub(super) fn is_any(conn: &mut Conn) -> QueryResult<bool> {
    Ok(second_factors::table.select(second_factors::user_id).first::<UserId>(conn).optional()?.is_some())
}

/// Every secret as it lies there, with whose it is.
pub(super) fn secrets(conn: &mut Conn) -> QueryResult<Vec<(UserId, String)>> {
    second_factors::table.order(second_factors::user_id).select((second_factors::user_id, second_factors::secret)).load(conn)
}

pub(super) fn set_secret(conn: &mut Conn, user: &UserId, secret: &str) -> QueryResult<()> {
    diesel::update(second_factors::table.find(user)).set(second_factors::secret.eq(secret)).execute(conn).map(drop)
}

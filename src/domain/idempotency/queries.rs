//! SQL of idempotency keys. Each change of a row compares the lease, so that only who has the turn makes it.

use diesel::prelude::*;

use super::{Answer, Row, Turn};
use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::idempotency_keys;
use crate::domain::ids::RequestId;
use crate::on_either;

/// The row while the turn is this one's and no answer is there.
macro_rules! of_turn {
    ($turn:expr) => {
        idempotency_keys::table
            .filter(idempotency_keys::id.eq(&$turn.id))
            .filter(idempotency_keys::lease.eq(&$turn.lease))
            .filter(idempotency_keys::answered_at.is_null())
    };
}

/// False where the key has a row; on PostgreSQL it waits for one that is being written.
pub(super) fn insert(conn: &mut Conn, row: &Row) -> QueryResult<bool> {
    let row = row.clone();
    on_either!(conn, inner => diesel::insert_into(idempotency_keys::table).values(row).on_conflict_do_nothing().execute(inner)).map(|rows| rows > 0)
}

pub(super) fn find(conn: &mut Conn, api_key_id: &str, name: &str) -> QueryResult<Option<Row>> {
    idempotency_keys::table.filter(idempotency_keys::api_key_id.eq(api_key_id)).filter(idempotency_keys::name.eq(name)).first(conn).optional()
}

/// Gives the turn of a dead attempt to another one.
pub(super) fn take_over(conn: &mut Conn, first: &Row, turn: &Turn, request_id: &str, until: Time) -> QueryResult<bool> {
    let dead = Turn { id: first.id.clone(), lease: first.lease.clone() };
    diesel::update(of_turn!(dead).filter(idempotency_keys::effect_at.is_null()).filter(idempotency_keys::lease_until.eq(first.lease_until)))
        .set((idempotency_keys::lease.eq(&turn.lease), idempotency_keys::lease_until.eq(until), idempotency_keys::request_id.eq(request_id)))
        .execute(conn)
        .map(|rows| rows > 0)
}

pub(super) fn renew(conn: &mut Conn, turn: &Turn, until: Time) -> QueryResult<()> {
    diesel::update(of_turn!(turn)).set(idempotency_keys::lease_until.eq(until)).execute(conn).map(drop)
}

pub(super) fn mark_effect(conn: &mut Conn, turn: &Turn, now: Time) -> QueryResult<bool> {
    diesel::update(of_turn!(turn)).set(idempotency_keys::effect_at.eq(now)).execute(conn).map(|rows| rows > 0)
}

/// Removes the row where nothing was changed.
pub(super) fn release(conn: &mut Conn, turn: &Turn) -> QueryResult<bool> {
    diesel::delete(of_turn!(turn).filter(idempotency_keys::effect_at.is_null())).execute(conn).map(|rows| rows > 0)
}

pub(super) fn answer(conn: &mut Conn, turn: &Turn, answer: &Answer, now: Time) -> QueryResult<()> {
    diesel::update(of_turn!(turn))
        .set((
            idempotency_keys::answered_at.eq(now),
            idempotency_keys::status.eq(i32::from(answer.status)),
            idempotency_keys::content_type.eq(&answer.content_type),
            idempotency_keys::body.eq(&answer.body),
            idempotency_keys::target.eq(&answer.target),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn remove_expired(conn: &mut Conn, api_key_id: &str, name: &str, before: Time) -> QueryResult<()> {
    let named = idempotency_keys::table.filter(idempotency_keys::api_key_id.eq(api_key_id)).filter(idempotency_keys::name.eq(name));
    diesel::delete(named.filter(idempotency_keys::created_at.lt(before))).execute(conn).map(drop)
}

pub(super) fn sweep(conn: &mut Conn, before: Time, limit: i64) -> QueryResult<()> {
    let old: Vec<RequestId> = idempotency_keys::table
        .filter(idempotency_keys::created_at.lt(before))
        .order(idempotency_keys::created_at)
        .limit(limit)
        .select(idempotency_keys::id)
        .load(conn)?;
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::id.eq_any(old))).execute(conn).map(drop)
}

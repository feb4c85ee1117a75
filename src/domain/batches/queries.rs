//! SQL of batches.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{batch_items, batches, message_views};
use crate::domain::actor::Actor;
use crate::domain::ids::{BatchId, MessageId};

use super::{Batch, Item, Outcome};

pub(super) fn insert(conn: &mut Conn, batch: &Batch, items: &[Item]) -> QueryResult<()> {
    diesel::insert_into(batches::table).values(batch.clone()).execute(conn)?;
    for item in items {
        diesel::insert_into(batch_items::table).values(item.clone()).execute(conn)?;
    }
    Ok(())
}

pub(super) fn by_id(conn: &mut Conn, id: &BatchId) -> QueryResult<Option<Batch>> {
    batches::table.find(id).first(conn).optional()
}

/// In the order of their ids, so that two who decide the same messages never wait for each other crosswise.
pub(super) fn items(conn: &mut Conn, id: &BatchId) -> QueryResult<Vec<Item>> {
    batch_items::table.filter(batch_items::batch_id.eq(id)).order(batch_items::message_id).load(conn)
}

/// The versions last shown to them, where that was since.
pub(super) fn seen_since(conn: &mut Conn, ids: &[MessageId], actor: &Actor, since: Time) -> QueryResult<Vec<(MessageId, i32)>> {
    message_views::table
        .filter(message_views::message_id.eq_any(ids))
        .filter(message_views::viewer.eq(format!("{}:{}", actor.kind(), actor.id())))
        .filter(message_views::seen_at.ge(since))
        .select((message_views::message_id, message_views::version))
        .load(conn)
}

pub(super) fn set_decided(conn: &mut Conn, id: &BatchId, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(batches::table.find(id).filter(batches::decided_at.is_null())).set(batches::decided_at.eq(now)).execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn set_undone(conn: &mut Conn, id: &BatchId, now: Time) -> QueryResult<bool> {
    let there = batches::table.find(id).filter(batches::decided_at.is_not_null()).filter(batches::undone_at.is_null());
    Ok(diesel::update(there).set(batches::undone_at.eq(now)).execute(conn)? == 1)
}

pub(super) fn set_outcome(conn: &mut Conn, item: &Item, outcome: Outcome, problem: Option<&str>) -> QueryResult<()> {
    diesel::update(batch_items::table.find((&item.batch_id, &item.message_id)))
        .set((batch_items::outcome.eq(outcome), batch_items::problem.eq(problem)))
        .execute(conn)
        .map(drop)
}

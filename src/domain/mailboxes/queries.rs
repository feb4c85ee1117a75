//! SQL of mailboxes.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{mailboxes, mode_requests, stops};
use crate::domain::actor::Actor;
use crate::domain::ids::{MailboxId, RowId};
use crate::on_either;

use super::ladder::{ModeRequest, RequestState};
use super::{Mailbox, MailboxChange, Mode};

pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<Mailbox>> {
    mailboxes::table.order(mailboxes::address).limit(1000).load(conn)
}

pub(super) fn these(conn: &mut Conn, ids: &[MailboxId]) -> QueryResult<Vec<Mailbox>> {
    mailboxes::table.filter(mailboxes::id.eq_any(ids.to_vec())).order(mailboxes::address).load(conn)
}

pub(super) fn by_id(conn: &mut Conn, id: &MailboxId) -> QueryResult<Option<Mailbox>> {
    mailboxes::table.find(id).first(conn).optional()
}

pub(super) fn by_key(conn: &mut Conn, key: &str) -> QueryResult<Option<Mailbox>> {
    mailboxes::table.filter(mailboxes::address_key.eq(key)).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, row: &Mailbox) -> QueryResult<()> {
    diesel::insert_into(mailboxes::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, id: &MailboxId, name: &str, postal: &str, change: &MailboxChange) -> QueryResult<()> {
    diesel::update(mailboxes::table.find(id))
        .set((
            mailboxes::name.eq(name),
            mailboxes::postal_address.eq(postal),
            mailboxes::undo_seconds.eq(change.undo_seconds),
            mailboxes::person_required.eq(change.person_required),
            mailboxes::notify.eq(change.notify),
            mailboxes::planted_percent.eq(change.planted_percent),
            mailboxes::bulk_in_gated_all.eq(change.bulk_in_gated_all),
            mailboxes::on_uncertain.eq(change.on_uncertain),
            mailboxes::bounce_address.eq(change.bounce_address.as_deref()),
            mailboxes::tripwire.eq(change.tripwire),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_mode(conn: &mut Conn, id: &MailboxId, mode: Mode, now: Time) -> QueryResult<()> {
    diesel::update(mailboxes::table.find(id)).set((mailboxes::mode.eq(mode), mailboxes::mode_since.eq(now))).execute(conn).map(drop)
}

pub(super) fn set_stopped(conn: &mut Conn, id: &MailboxId, at: Option<Time>) -> QueryResult<()> {
    diesel::update(mailboxes::table.find(id)).set(mailboxes::stopped_at.eq(at)).execute(conn).map(drop)
}

/// A stop as it is stored, with the address where it is of a mailbox.
#[derive(Debug, Queryable)]
pub(super) struct StopRow {
    pub(super) scope: String,
    pub(super) at: Time,
    pub(super) actor_name: String,
    pub(super) reason: String,
    pub(super) address: Option<String>,
}

/// `false` where it is stopped already.
pub(super) fn insert_stop(conn: &mut Conn, scope: &str, actor: &Actor, reason: &str, now: Time) -> QueryResult<bool> {
    let row = (
        stops::scope.eq(scope),
        stops::at.eq(now),
        stops::actor_kind.eq(actor.kind()),
        stops::actor_id.eq(actor.id()),
        stops::actor_name.eq(actor.name()),
        stops::reason.eq(reason),
    );
    Ok(on_either!(conn, inner => diesel::insert_into(stops::table).values(row).on_conflict_do_nothing().execute(inner))? == 1)
}

pub(super) fn stopped_since(conn: &mut Conn, scope: &str) -> QueryResult<Option<Time>> {
    stops::table.find(scope).select(stops::at).first(conn).optional()
}

pub(super) fn delete_stop(conn: &mut Conn, scope: &str) -> QueryResult<()> {
    diesel::delete(stops::table.find(scope)).execute(conn).map(drop)
}

pub(super) fn stops(conn: &mut Conn) -> QueryResult<Vec<StopRow>> {
    stops::table
        .left_join(mailboxes::table.on(mailboxes::id.eq(stops::scope)))
        .order(stops::at)
        .select((stops::scope, stops::at, stops::actor_name, stops::reason, mailboxes::address.nullable()))
        .load(conn)
}

pub(super) fn insert_request(conn: &mut Conn, row: &ModeRequest) -> QueryResult<()> {
    diesel::insert_into(mode_requests::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn open_request(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<Option<ModeRequest>> {
    mode_requests::table.filter(mode_requests::mailbox_id.eq(mailbox)).filter(sql::<Bool>("mode_requests.state = 'open'")).first(conn).optional()
}

pub(super) fn replace_open_request(conn: &mut Conn, mailbox: &MailboxId, now: Time) -> QueryResult<()> {
    diesel::update(mode_requests::table.filter(mode_requests::mailbox_id.eq(mailbox)).filter(mode_requests::state.eq(RequestState::Open)))
        .set((mode_requests::state.eq(RequestState::Replaced), mode_requests::ended_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn count_wrong_code(conn: &mut Conn, id: &RowId) -> QueryResult<()> {
    diesel::update(mode_requests::table.find(id)).set(mode_requests::wrong_codes.eq(mode_requests::wrong_codes + 1)).execute(conn).map(drop)
}

pub(super) fn end_request(conn: &mut Conn, id: &RowId, to: RequestState, by: &str, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(mode_requests::table.find(id).filter(mode_requests::state.eq(RequestState::Open)))
        .set((mode_requests::state.eq(to), mode_requests::ended_at.eq(now), mode_requests::ended_by.eq(by)))
        .execute(conn)?;
    Ok(changed == 1)
}

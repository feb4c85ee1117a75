//! SQL of webhooks.

use diesel::dsl::{exists, max, not};
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{webhook_deliveries as deliveries, webhook_endpoints as endpoints, webhook_events as events};
use crate::domain::ids::{DeliveryId, EndpointId, RowId};

use super::deliveries::full;
use super::{Delivery, Endpoint, State};

diesel::alias!(deliveries as earlier: Earlier);

#[derive(Insertable)]
#[diesel(table_name = events)]
pub(super) struct NewEvent {
    pub(super) id: RowId,
    pub(super) event_type: String,
    pub(super) body: String,
    pub(super) created_at: Time,
}

#[derive(Insertable)]
#[diesel(table_name = deliveries)]
pub(super) struct NewDelivery {
    pub(super) id: DeliveryId,
    pub(super) event_id: RowId,
    pub(super) endpoint_id: EndpointId,
    pub(super) subject: String,
    pub(super) position: i64,
    pub(super) state: State,
    pub(super) attempts: i32,
    pub(super) next_attempt_at: Time,
}

pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<Endpoint>> {
    endpoints::table.order(endpoints::id).load(conn)
}

pub(super) fn enabled(conn: &mut Conn) -> QueryResult<Vec<Endpoint>> {
    endpoints::table.filter(endpoints::disabled_at.is_null()).order(endpoints::id).load(conn)
}

pub(super) fn by_id(conn: &mut Conn, id: &EndpointId) -> QueryResult<Option<Endpoint>> {
    endpoints::table.find(id).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, row: &Endpoint) -> QueryResult<()> {
    diesel::insert_into(endpoints::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Endpoint) -> QueryResult<()> {
    diesel::update(endpoints::table.find(&row.id))
        .set((
            endpoints::url.eq(&row.url),
            endpoints::description.eq(&row.description),
            endpoints::event_types.eq(row.event_types.clone()),
            endpoints::mailboxes.eq(row.mailboxes.clone()),
            endpoints::campaigns.eq(row.campaigns.clone()),
            endpoints::secret.eq(&row.secret),
            endpoints::previous_secret.eq(&row.previous_secret),
            endpoints::previous_until.eq(row.previous_until),
            endpoints::disabled_at.eq(row.disabled_at),
            endpoints::disabled_because.eq(&row.disabled_because),
            endpoints::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn delete(conn: &mut Conn, id: &EndpointId) -> QueryResult<()> {
    diesel::delete(deliveries::table.filter(deliveries::endpoint_id.eq(id))).execute(conn)?;
    diesel::delete(endpoints::table.find(id)).execute(conn).map(drop)
}

pub(super) fn insert_event(conn: &mut Conn, row: NewEvent) -> QueryResult<()> {
    diesel::insert_into(events::table).values(row).execute(conn).map(drop)
}

pub(super) fn insert_delivery(conn: &mut Conn, row: NewDelivery) -> QueryResult<()> {
    diesel::insert_into(deliveries::table).values(row).execute(conn).map(drop)
}

pub(super) fn last_position(conn: &mut Conn, endpoint: &EndpointId, subject: &str) -> QueryResult<i64> {
    let last: Option<i64> = deliveries::table
        .filter(deliveries::endpoint_id.eq(endpoint))
        .filter(deliveries::subject.eq(subject))
        .select(max(deliveries::position))
        .first(conn)?;
    Ok(last.unwrap_or(0))
}

/// The endpoint of every attempt under way.
pub(super) fn under_way(conn: &mut Conn, now: Time) -> QueryResult<Vec<EndpointId>> {
    deliveries::table
        .filter(deliveries::state.eq(State::Sending))
        .filter(deliveries::claimed_until.ge(now))
        .select(deliveries::endpoint_id)
        .limit(10_000)
        .load(conn)
}

/// Deliveries that may be tried now, skipping those that another worker holds right now. An
/// earlier one about the same subject that is still open holds a later one back.
pub(super) fn due(conn: &mut Conn, busy: &[EndpointId], now: Time, limit: i64) -> QueryResult<Vec<DeliveryId>> {
    let full = full(busy);
    let ready = deliveries::state.eq(State::Waiting).and(deliveries::next_attempt_at.le(now));
    let abandoned = deliveries::state.eq(State::Sending).and(deliveries::claimed_until.lt(now).assume_not_null());
    let held_back = exists(
        earlier
            .filter(earlier.field(deliveries::endpoint_id).eq(deliveries::endpoint_id))
            .filter(earlier.field(deliveries::subject).eq(deliveries::subject))
            .filter(earlier.field(deliveries::position).lt(deliveries::position))
            .filter(earlier.field(deliveries::state).eq_any([State::Waiting, State::Sending])),
    );
    let query = deliveries::table
        .filter(ready.or(abandoned))
        .filter(deliveries::endpoint_id.ne_all(full))
        .filter(not(held_back))
        .order((deliveries::next_attempt_at, deliveries::id))
        .limit(limit)
        .select(deliveries::id);
    match conn {
        Conn::Sqlite(inner) => query.load(inner),
        Conn::Postgres(inner) => query.for_update().skip_locked().load(inner),
    }
}

pub(super) fn set_claim(conn: &mut Conn, id: &DeliveryId, token: &RowId, until: Time, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(deliveries::table.find(id))
        .set((
            deliveries::state.eq(State::Sending),
            deliveries::attempts.eq(deliveries::attempts + 1),
            deliveries::claim_token.eq(token.as_str()),
            deliveries::claimed_until.eq(until),
            deliveries::last_attempt_at.eq(now),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn holds_claim(conn: &mut Conn, id: &DeliveryId, token: &RowId) -> QueryResult<bool> {
    let held = deliveries::table.find(id).filter(deliveries::state.eq(State::Sending)).filter(deliveries::claim_token.eq(token.as_str()));
    diesel::select(exists(held)).get_result(conn)
}

pub(super) fn set_outcome(
    conn: &mut Conn,
    id: &DeliveryId,
    state: State,
    next: Time,
    status: Option<i32>,
    answer: &str,
    now: Time,
) -> QueryResult<()> {
    let finished = (state != State::Waiting).then_some(now);
    diesel::update(deliveries::table.find(id))
        .set((
            deliveries::state.eq(state),
            deliveries::next_attempt_at.eq(next),
            deliveries::claim_token.eq(None::<String>),
            deliveries::claimed_until.eq(None::<Time>),
            deliveries::last_status.eq(status),
            deliveries::last_answer.eq(answer),
            deliveries::finished_at.eq(finished),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn give_up_waiting(conn: &mut Conn, endpoint: &EndpointId, why: &str, now: Time) -> QueryResult<()> {
    diesel::update(deliveries::table.filter(deliveries::endpoint_id.eq(endpoint)).filter(deliveries::state.eq(State::Waiting)))
        .set((
            deliveries::state.eq(State::Failed),
            deliveries::last_status.eq(None::<i32>),
            deliveries::last_answer.eq(why),
            deliveries::finished_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn start_again(conn: &mut Conn, id: &DeliveryId, now: Time) -> QueryResult<bool> {
    let done = deliveries::table.find(id).filter(deliveries::state.eq_any([State::Delivered, State::Failed]));
    let changed = diesel::update(done)
        .set((
            deliveries::state.eq(State::Waiting),
            deliveries::attempts.eq(0),
            deliveries::next_attempt_at.eq(now),
            deliveries::finished_at.eq(None::<Time>),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

macro_rules! lines {
    () => {
        deliveries::table.inner_join(events::table).select((
            deliveries::id,
            deliveries::event_id,
            deliveries::endpoint_id,
            events::event_type,
            events::body,
            deliveries::state,
            deliveries::attempts,
            deliveries::next_attempt_at,
            deliveries::last_status,
            deliveries::last_answer,
            deliveries::last_attempt_at,
            deliveries::finished_at,
            events::created_at,
        ))
    };
}

pub(super) fn delivery(conn: &mut Conn, id: &DeliveryId) -> QueryResult<Option<Delivery>> {
    lines!().filter(deliveries::id.eq(id)).first(conn).optional()
}

pub(super) fn log(conn: &mut Conn, endpoint: &EndpointId, before: Option<&DeliveryId>, limit: i64) -> QueryResult<Vec<Delivery>> {
    let mut query = lines!().filter(deliveries::endpoint_id.eq(endpoint.clone())).order(deliveries::id.desc()).limit(limit).into_boxed();
    if let Some(before) = before {
        query = query.filter(deliveries::id.lt(before.clone()));
    }
    query.load(conn)
}

/// Deletes what was finished before, and events that no endpoint waits for any more.
pub(super) fn sweep(conn: &mut Conn, before: Time) -> QueryResult<()> {
    diesel::delete(deliveries::table.filter(deliveries::finished_at.lt(before))).execute(conn)?;
    let wanted = deliveries::table.select(deliveries::event_id);
    diesel::delete(events::table.filter(events::created_at.lt(before)).filter(events::id.ne_all(wanted))).execute(conn).map(drop)
}

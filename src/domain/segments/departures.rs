//! Who of each segment left, by day. Who is in a segment changes without any change of a departure, so a worker counts anew
//! once an hour and writes down what differs.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::clock::Time;
use crate::db::schema::{segment_counts, segment_days, segments};
use crate::db::statement::Statement;
use crate::db::{Conn, transaction};
use crate::domain::contacts;
use crate::domain::error::Result;
use crate::domain::ids::SegmentId;
use crate::on_either;

use super::{Segment, queries};

/// What was counted longer ago is counted anew.
pub const HOURS: i64 = 1;
/// Differences that are written down in one transaction.
const AT_ONCE: usize = 1000;

/// Day, reason, outcome, currency.
type Place = (i64, String, String, String);

/// What a look found: the segment as it was then, and what differs from what is written down.
#[derive(Debug)]
pub struct Counted {
    segment: Segment,
    changed: Vec<(Place, i64, i64)>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    day: i64,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    minor: i64,
}

/// The segment that was counted longest ago, counted anew; nothing where none is due.
pub fn next(conn: &mut Conn, now: Time) -> Result<Option<Counted>> {
    let due: Option<SegmentId> = segments::table
        .left_join(segment_counts::table.on(segment_counts::segment_id.eq(segments::id)))
        .filter(segment_counts::counted_at.is_null().or(segment_counts::counted_at.le(now.plus_seconds(-HOURS * 3600))))
        .order((segment_counts::counted_at.is_null().desc(), segment_counts::counted_at, segments::id))
        .select(segments::id)
        .first(conn)
        .optional()?;
    let Some(segment) = due.map(|id| queries::by_id(conn, &id)).transpose()?.flatten() else { return Ok(None) };
    let mut changed: BTreeMap<Place, (i64, i64)> = counted(conn, &segment, now)?;
    for (place, numbers) in written(conn, &segment.id)? {
        match changed.get(&place) {
            Some(same) if *same == numbers => drop(changed.remove(&place)),
            Some(_) => {}
            None => drop(changed.insert(place, (0, 0))),
        }
    }
    Ok(Some(Counted { segment, changed: changed.into_iter().map(|(place, (number, minor))| (place, number, minor)).collect() }))
}

fn counted(conn: &mut Conn, segment: &Segment, now: Time) -> QueryResult<BTreeMap<Place, (i64, i64)>> {
    let mut ask = Statement::default();
    ask.push("SELECT day, reason, outcome, currency, count(*) AS number, CAST(sum(minor) AS BIGINT) AS minor FROM (");
    ask.push("SELECT e.churned_at / 86400000000 AS day, e.reason AS reason, e.currency AS currency, coalesce(e.mrr_minor, 0) AS minor, ");
    ask.push("CASE e.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome FROM churn_events e WHERE ");
    contacts::push_found(&mut ask, conn, "e.contact_id", &segment.search(0, None, now));
    ask.push(") AS left_days GROUP BY day, reason, outcome, currency");
    let rows: Vec<Row> = ask.load(conn)?;
    Ok(rows.into_iter().map(|row| ((row.day, row.reason, row.outcome, row.currency), (row.number, row.minor))).collect())
}

type Written = (i64, String, String, String, i64, i64);

fn written(conn: &mut Conn, id: &SegmentId) -> QueryResult<Vec<(Place, (i64, i64))>> {
    use segment_days as days;
    let rows: Vec<Written> = days::table
        .filter(days::segment_id.eq(id.as_str()))
        .select((days::day, days::reason, days::outcome, days::currency, days::number, days::minor))
        .load(conn)?;
    Ok(rows.into_iter().map(|(day, reason, outcome, currency, number, minor)| ((day, reason, outcome, currency), (number, minor))).collect())
}

/// Writes some of it down; whether there is more. Nothing is written where the segment has changed since it was looked at.
pub fn keep(conn: &mut Conn, found: &mut Counted, now: Time) -> Result<bool> {
    let some = found.changed.len().min(AT_ONCE);
    let id = &found.segment.id;
    let same = transaction(conn, |conn| -> Result<bool> {
        if queries::by_id(conn, id)?.is_none_or(|row| row.updated_at != found.segment.updated_at) {
            return Ok(false);
        }
        for (place, number, minor) in &found.changed[..some] {
            put(conn, id, place, *number, *minor)?;
        }
        if some == found.changed.len() {
            let row = (segment_counts::segment_id.eq(id.as_str()), segment_counts::counted_at.eq(now));
            on_either!(conn, inner => diesel::insert_into(segment_counts::table).values(row).on_conflict(segment_counts::segment_id).do_update()
                .set(segment_counts::counted_at.eq(now)).execute(inner))?;
        }
        Ok(true)
    })?;
    found.changed.drain(..some);
    Ok(same && !found.changed.is_empty())
}

fn put(conn: &mut Conn, id: &SegmentId, (day, reason, outcome, currency): &Place, number: i64, minor: i64) -> QueryResult<()> {
    use segment_days as days;
    if number == 0 {
        return diesel::delete(days::table.find((id.as_str(), day, reason, outcome, currency))).execute(conn).map(drop);
    }
    let row = (
        days::segment_id.eq(id.as_str()),
        days::day.eq(day),
        days::reason.eq(reason),
        days::outcome.eq(outcome),
        days::currency.eq(currency),
        days::number.eq(number),
        days::minor.eq(minor),
    );
    on_either!(conn, inner => diesel::insert_into(days::table)
        .values(row)
        .on_conflict((days::segment_id, days::day, days::reason, days::outcome, days::currency))
        .do_update()
        .set((days::number.eq(number), days::minor.eq(minor)))
        .execute(inner))
    .map(drop)
}

/// Another segment stands under this id now: what was counted says nothing of it.
pub(super) fn forget(conn: &mut Conn, id: &SegmentId) -> QueryResult<()> {
    diesel::delete(segment_counts::table.find(id.as_str())).execute(conn)?;
    diesel::delete(segment_days::table.filter(segment_days::segment_id.eq(id.as_str()))).execute(conn).map(drop)
}

/// The segments by name, each with when it was counted last.
pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<(Segment, Option<Time>)>> {
    segments::table
        .left_join(segment_counts::table.on(segment_counts::segment_id.eq(segments::id)))
        .order(segments::name)
        .select((segments::all_columns, segment_counts::counted_at.nullable()))
        .load(conn)
}

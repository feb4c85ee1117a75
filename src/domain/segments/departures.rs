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
use crate::domain::reports::outcomes::{Numbers, OUTCOMES_OF_ROWS, Outcomes, of_each, sums};
use crate::on_either;

use super::{Segment, queries};

/// What was counted longer ago is counted anew.
pub const HOURS: i64 = 1;
/// Differences that are written down in one transaction.
const AT_ONCE: usize = 1000;

/// Day, reason, currency.
type Place = (i64, String, String);

/// What a look found: the segment as it was then, and what differs from what is written down.
#[derive(Debug)]
pub struct Counted {
    segment: Segment,
    changed: Vec<(Place, Outcomes)>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    day: i64,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(embed)]
    outcomes: Outcomes,
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
    let mut changed = counted(conn, &segment, now)?;
    for (place, outcomes) in written(conn, &segment.id)? {
        match changed.get(&place) {
            Some(same) if *same == outcomes => drop(changed.remove(&place)),
            Some(_) => {}
            None => drop(changed.insert(place, Outcomes::default())),
        }
    }
    Ok(Some(Counted { segment, changed: changed.into_iter().collect() }))
}

fn counted(conn: &mut Conn, segment: &Segment, now: Time) -> QueryResult<BTreeMap<Place, Outcomes>> {
    let mut ask = Statement::default();
    ask.push(format!("SELECT day, reason, currency, {} FROM (SELECT day, reason, currency, {OUTCOMES_OF_ROWS} FROM (", sums(Outcomes::COLUMNS)));
    ask.push(
        "SELECT e.churned_at / 86400000000 AS day, e.reason AS reason, e.currency AS currency, 1 AS number, coalesce(e.mrr_minor, 0) AS minor, ",
    );
    ask.push("CASE e.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome FROM churn_events e WHERE ");
    contacts::push_found(&mut ask, conn, "e.contact_id", &segment.search(0, None, now));
    ask.push(") AS departures) AS outcomes GROUP BY day, reason, currency");
    Ok(places(ask.load(conn)?).collect())
}

fn written(conn: &mut Conn, id: &SegmentId) -> QueryResult<Vec<(Place, Outcomes)>> {
    let mut ask = Statement::default();
    ask.push(format!("SELECT day, reason, currency, {} FROM segment_days WHERE segment_id = ", Outcomes::COLUMNS.join(", "))).text(id.as_str());
    Ok(places(ask.load(conn)?).collect())
}

fn places(rows: Vec<Row>) -> impl Iterator<Item = (Place, Outcomes)> {
    rows.into_iter().map(|row| ((row.day, row.reason, row.currency), row.outcomes))
}

/// Writes some of it down; whether there is more. Nothing is written where the segment has changed since it was looked at.
pub fn keep(conn: &mut Conn, found: &mut Counted, now: Time) -> Result<bool> {
    let some = found.changed.len().min(AT_ONCE);
    let id = &found.segment.id;
    let same = transaction(conn, |conn| -> Result<bool> {
        if queries::by_id(conn, id)?.is_none_or(|row| row.updated_at != found.segment.updated_at) {
            return Ok(false);
        }
        for (place, outcomes) in &found.changed[..some] {
            put(conn, id, place, outcomes)?;
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

fn put(conn: &mut Conn, id: &SegmentId, (day, reason, currency): &Place, outcomes: &Outcomes) -> QueryResult<()> {
    if outcomes.left() == 0 {
        return diesel::delete(segment_days::table.find((id.as_str(), day, reason, currency))).execute(conn).map(drop);
    }
    let mut sql = Statement::default();
    sql.push(format!("INSERT INTO segment_days (segment_id, day, reason, currency, {}) VALUES (", Outcomes::COLUMNS.join(", ")));
    sql.text(id.as_str()).push(", ").number(*day).push(", ").text(reason).push(", ").text(currency);
    for (_, number) in outcomes.numbers() {
        sql.push(", ").number(number);
    }
    sql.push(") ON CONFLICT (segment_id, day, reason, currency) DO UPDATE SET ");
    sql.push(of_each(Outcomes::COLUMNS, ", ", |column| format!("{column} = excluded.{column}")));
    sql.run(conn).map(drop)
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

//! How far each migration is, noted once an hour for the day: tags of contacts say it, and they keep no history.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::clock::Time;
use crate::db::schema::program_days;
use crate::db::statement::Statement;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::CohortId;
use crate::on_either;

use super::{Progress, queries};

const KIND: &str = "cohort";

#[derive(QueryableByName)]
struct Hour {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn day(now: Time) -> i64 {
    now.micros().div_euclid(86_400_000_000)
}

fn hour(now: Time) -> i64 {
    now.micros().div_euclid(3_600_000_000)
}

/// How many customers of a migration are how far.
pub type Counts = Vec<(Progress, i64)>;

/// How far one migration is that was not counted in this hour; none where all were.
pub fn next(conn: &mut Conn, now: Time) -> Result<Option<(CohortId, Counts)>> {
    for cohort in queries::all(conn)? {
        let mut ask = Statement::default();
        ask.push("SELECT coalesce(max(amount), 0) AS n FROM program_days WHERE kind = ").text(KIND).push(" AND of = ").text(cohort.id.as_str());
        ask.push(" AND day = ").number(day(now));
        if ask.load::<Hour>(conn)?.first().is_none_or(|last| last.n < hour(now)) {
            let (_, counts) = super::progress(conn, &Actor::System("worker"), &cohort.id, now)?;
            return Ok(Some((cohort.id, counts)));
        }
    }
    Ok(None)
}

/// Notes it for the day. The hour in which it was counted stands beside each number.
pub fn keep(conn: &mut Conn, id: &CohortId, counts: &[(Progress, i64)], now: Time) -> Result<()> {
    use program_days as days;
    transaction(conn, |conn| {
        for (place, (progress, number)) in counts.iter().enumerate() {
            let row = (
                days::kind.eq(KIND),
                days::of.eq(id.as_str()),
                days::day.eq(day(now)),
                days::place.eq(i64::try_from(place).unwrap_or(0)),
                days::what.eq(progress.as_str()),
                days::word.eq(""),
                days::number.eq(*number),
                days::amount.eq(hour(now)),
            );
            on_either!(conn, inner => diesel::insert_into(days::table)
                .values(row)
                .on_conflict((days::kind, days::of, days::day, days::place, days::what, days::word))
                .do_update()
                .set((days::number.eq(*number), days::amount.eq(hour(now))))
                .execute(inner))?;
        }
        Ok(())
    })
}

/// A migration that is gone has no history.
pub(super) fn forget(conn: &mut Conn, id: &CohortId) -> QueryResult<()> {
    diesel::delete(program_days::table.filter(program_days::kind.eq(KIND)).filter(program_days::of.eq(id.as_str()))).execute(conn).map(drop)
}

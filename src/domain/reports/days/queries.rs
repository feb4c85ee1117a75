//! SQL of the days.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::Conn;
use crate::db::schema::{churn_day_moves, churn_part_moves, desk_day_moves, message_day_moves, program_day_moves};
use crate::db::statement::Statement;

use super::{ChurnPlace, DeskPlace, MessagePlace, PartPlace, ProgramPlace};
use crate::domain::reports::messages::Ways;
use crate::domain::reports::outcomes::{Numbers, Outcomes, Standings, numbers, of_each, sums};
use crate::domain::reports::spans::{CHURN, Counted, DESK, MESSAGES, PARTS};

/// Id, day, kind, reason, status, mailed, currency, number, minor.
type ChurnMove = (i64, i64, String, String, String, bool, String, i64, i64);
/// Id, day, mailbox, campaign, state, held, edited, number.
type MessageMove = (i64, i64, String, String, String, bool, bool, i64);

/// Id, day, mailbox, what, up to, number.
type DeskMove = (i64, i64, String, String, i64, i64);

/// Id, part, day, value, reason, outcome, currency, number, minor.
type PartMove = (i64, String, i64, String, String, String, String, i64, i64);

/// Id, kind, of, day, place, what, word, number, amount.
type ProgramMove = (i64, String, String, i64, i64, String, String, i64, i64);

/// The name of the lock that whoever folds has until the end of the transaction.
const FOLD_LOCK: i64 = 0x0066_6f6c_6400;

#[derive(QueryableByName)]
struct Got {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    got: bool,
}

/// Whether nobody else folds; SQLite has one who writes.
pub(super) fn fold_alone(conn: &mut Conn) -> QueryResult<bool> {
    match conn {
        Conn::Sqlite(_) => Ok(true),
        Conn::Postgres(_) => {
            let mut ask = Statement::default();
            ask.push("SELECT pg_try_advisory_xact_lock(").number(FOLD_LOCK).push(") AS got");
            Ok(ask.load::<Got>(conn)?.iter().all(|row| row.got))
        }
    }
}

/// Some changes, skipping those that another process folds right now.
pub(super) fn some_churn_moves(conn: &mut Conn, limit: i64) -> QueryResult<Vec<ChurnMove>> {
    let query = churn_day_moves::table.order(churn_day_moves::id).limit(limit);
    match conn {
        Conn::Sqlite(inner) => query.load(inner),
        Conn::Postgres(inner) => query.for_update().skip_locked().load(inner),
    }
}

pub(super) fn some_message_moves(conn: &mut Conn, limit: i64) -> QueryResult<Vec<MessageMove>> {
    let query = message_day_moves::table.order(message_day_moves::id).limit(limit);
    match conn {
        Conn::Sqlite(inner) => query.load(inner),
        Conn::Postgres(inner) => query.for_update().skip_locked().load(inner),
    }
}

pub(super) fn some_program_moves(conn: &mut Conn, limit: i64) -> QueryResult<Vec<ProgramMove>> {
    program_day_moves::table.order(program_day_moves::id).limit(limit).load(conn)
}

pub(super) fn delete_program_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(program_day_moves::table.filter(program_day_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn some_part_moves(conn: &mut Conn, limit: i64) -> QueryResult<Vec<PartMove>> {
    churn_part_moves::table.order(churn_part_moves::id).limit(limit).load(conn)
}

pub(super) fn delete_part_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(churn_part_moves::table.filter(churn_part_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn delete_churn_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(churn_day_moves::table.filter(churn_day_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn delete_message_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(message_day_moves::table.filter(message_day_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn some_desk_moves(conn: &mut Conn, limit: i64) -> QueryResult<Vec<DeskMove>> {
    desk_day_moves::table.order(desk_day_moves::id).limit(limit).load(conn)
}

pub(super) fn delete_desk_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(desk_day_moves::table.filter(desk_day_moves::id.eq_any(ids))).execute(conn).map(drop)
}

/// Adds these numbers to the row of a place. `place` adds what it is told apart by, in the order of `keys`.
fn add(conn: &mut Conn, days: &str, keys: &str, place: impl FnOnce(&mut Statement), numbers: &[(&str, i64)]) -> QueryResult<()> {
    let columns: Vec<&str> = numbers.iter().map(|(column, _)| *column).collect();
    let mut sql = Statement::default();
    sql.push(format!("INSERT INTO {days} ({keys}, {}) VALUES (", columns.join(", ")));
    place(&mut sql);
    for (_, number) in numbers {
        sql.push(", ").number(*number);
    }
    sql.push(format!(") ON CONFLICT ({keys}) DO UPDATE SET "));
    sql.push(of_each(&columns, ", ", |column| format!("{column} = {days}.{column} + excluded.{column}")));
    sql.run(conn).map(drop)
}

pub(super) fn add_churn(conn: &mut Conn, (day, kind, reason, mailed, currency): &ChurnPlace, standings: &Standings) -> QueryResult<()> {
    let place = |sql: &mut Statement| {
        sql.number(*day).push(", ").text(kind).push(", ").text(reason).push(if *mailed { ", TRUE, " } else { ", FALSE, " }).text(currency);
    };
    add(conn, CHURN.days, CHURN.keys, place, &standings.numbers())
}

pub(super) fn add_parts(conn: &mut Conn, (part, day, value, reason, currency): &PartPlace, outcomes: &Outcomes) -> QueryResult<()> {
    let place = |sql: &mut Statement| {
        sql.text(part).push(", ").number(*day).push(", ").text(value).push(", ").text(reason).push(", ").text(currency);
    };
    add(conn, PARTS.days, PARTS.keys, place, &outcomes.numbers())
}

pub(super) fn add_messages(conn: &mut Conn, (day, mailbox, campaign): &MessagePlace, ways: &Ways) -> QueryResult<()> {
    let place = |sql: &mut Statement| {
        sql.number(*day).push(", ").text(mailbox).push(", ").text(campaign);
    };
    add(conn, MESSAGES.days, MESSAGES.keys, place, &ways.numbers())
}

pub(super) fn add_desk(conn: &mut Conn, (day, mailbox, what, up_to): &DeskPlace, number: i64) -> QueryResult<()> {
    let place = |sql: &mut Statement| {
        sql.number(*day).push(", ").text(mailbox).push(", ").text(what).push(", ").number(*up_to);
    };
    add(conn, DESK.days, DESK.keys, place, &[("number", number)])
}

pub(super) fn add_programs(conn: &mut Conn, (kind, of, day, position, what, word): &ProgramPlace, number: i64, amount: i64) -> QueryResult<()> {
    let place = |sql: &mut Statement| {
        sql.text(kind).push(", ").text(of).push(", ").number(*day).push(", ").number(*position).push(", ").text(what).push(", ").text(word);
    };
    add(conn, "program_days", "kind, of, day, place, what, word", place, &[("number", number), ("amount", amount)])
}

/// Where the days and the rows differ, and by how much.
#[derive(Debug, QueryableByName)]
pub(super) struct Difference {
    #[diesel(sql_type = BigInt)]
    pub(super) day: i64,
    #[diesel(sql_type = Text)]
    pub(super) place: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) minor: i64,
}

/// A place with each of its numbers.
#[derive(QueryableByName)]
struct Apart<N: Numbers> {
    #[diesel(sql_type = BigInt)]
    day: i64,
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(embed)]
    numbers: N,
}

/// One line for each number that differs.
fn lines<N: Numbers>(rows: Vec<Apart<N>>) -> Vec<Difference> {
    let line = |(row, column, off): (&Apart<N>, &str, i64)| match (column.strip_suffix("_number"), column.strip_suffix("_minor")) {
        (_, Some(outcome)) => Difference { day: row.day, place: format!("{} {outcome}", row.place), number: 0, minor: off },
        (Some(outcome), _) => Difference { day: row.day, place: format!("{} {outcome}", row.place), number: off, minor: 0 },
        _ if column == "number" => Difference { day: row.day, place: row.place.clone(), number: off, minor: 0 },
        _ => Difference { day: row.day, place: format!("{column} in {}", row.place), number: off, minor: 0 },
    };
    let different = |row: &Apart<N>| row.numbers.numbers().into_iter().filter(|(_, off)| *off != 0).collect::<Vec<_>>();
    rows.iter().flat_map(|row| different(row).into_iter().map(move |(column, off)| line((row, column, off)))).collect()
}

/// Where what is counted and `recounted`, which is like changes, differ.
fn differences<N: Numbers>(conn: &mut Conn, counted: &Counted, place: &str, recounted: &str) -> QueryResult<Vec<Difference>> {
    let (keys, columns, moved) = (counted.keys, counted.columns(), counted.columns_of_moves());
    let (taken, any) =
        (of_each(counted.numbers, ", ", |number| format!("-{number}")), of_each(counted.numbers, " OR ", |number| format!("SUM({number}) <> 0")));
    let mut sql = Statement::default();
    sql.push(format!("SELECT day, {place} AS place, {} FROM (SELECT {columns} FROM {}", sums(counted.numbers), counted.days));
    if let Some(moves) = counted.moves {
        sql.push(format!(" UNION ALL SELECT {moved} FROM {moves}"));
    }
    sql.push(format!(" UNION ALL SELECT {keys}, {taken} FROM (SELECT {moved} FROM {recounted}) AS recounted) AS both_ways"));
    sql.push(format!(" GROUP BY {keys} HAVING {any} ORDER BY 1, 2"));
    Ok(lines(sql.load::<Apart<N>>(conn)?))
}

pub(super) fn churn_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let rows = "(SELECT day, kind, reason, status, mailed, currency, count(*) AS number, sum(minor) AS minor FROM counted_departures \
                GROUP BY day, kind, reason, status, mailed, currency) AS rows_of_days";
    differences::<Standings>(conn, &CHURN, CHURN_PLACE, rows)
}

pub(super) fn part_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let rows = "(SELECT part, day, value, reason, outcome, currency, count(*) AS number, sum(minor) AS minor FROM counted_churn_parts \
                GROUP BY part, day, value, reason, outcome, currency) AS rows_of_days";
    differences::<Outcomes>(conn, &PARTS, PART_PLACE, rows)
}

pub(super) fn message_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let rows = "(SELECT day, mailbox_id, campaign, state, held, edited, count(*) AS number FROM counted_messages \
                GROUP BY day, mailbox_id, campaign, state, held, edited) n JOIN message_ways w ON w.state = n.state";
    differences::<Ways>(conn, &MESSAGES, MESSAGE_PLACE, rows)
}

pub(super) fn desk_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT day, what || ' in ' || mailbox_id || CASE WHEN up_to = 0 THEN '' ELSE ' up to ' || up_to || CASE WHEN what = 'reading' THEN ' ms' ELSE ' s' END END AS place, \
         CAST(sum(number) AS BIGINT) AS number, CAST(0 AS BIGINT) AS minor FROM ( \
         SELECT day, mailbox_id, what, up_to, number FROM desk_days UNION ALL SELECT day, mailbox_id, what, up_to, number FROM desk_day_moves \
         UNION ALL SELECT day, mailbox_id, what, up_to, -count(*) FROM counted_desk GROUP BY day, mailbox_id, what, up_to) AS both_ways \
         GROUP BY day, mailbox_id, what, up_to HAVING sum(number) <> 0 ORDER BY day, place",
    );
    statement.load(conn)
}

/// Where the days of programmes and the rows differ, and the visits of links and the number that each link has of them.
pub(super) fn program_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT day, kind || ' ' || of || ' ' || what || ' ' || word || ' at ' || place AS place, \
         CAST(sum(number) AS BIGINT) AS number, CAST(sum(amount) AS BIGINT) AS minor FROM ( \
         SELECT kind, of, day, place, what, word, number, amount FROM program_days \
         UNION ALL SELECT kind, of, day, place, what, word, number, amount FROM program_day_moves \
         UNION ALL SELECT kind, of, day, place, what, word, -count(*), -sum(amount) FROM counted_programs \
         GROUP BY kind, of, day, place, what, word) AS both_ways WHERE kind <> 'cohort' \
         GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0 \
         UNION ALL SELECT 0, 'visits of links in all', CAST(sum(number) AS BIGINT), CAST(0 AS BIGINT) FROM ( \
         SELECT 1 AS number FROM referral_visits UNION ALL SELECT -clicks FROM referrals WHERE last_click_at IS NOT NULL) AS visits \
         HAVING sum(number) <> 0 ORDER BY 1, 2",
    );
    statement.load(conn)
}

const CHURN_PLACE: &str = "kind || ' ' || reason || ' ' || CASE WHEN mailed THEN 'mailed ' ELSE '' END || currency";
const PART_PLACE: &str = "part || ' ' || value || ' ' || reason || ' ' || currency";
const MESSAGE_PLACE: &str = "mailbox_id || CASE WHEN campaign = '' THEN '' ELSE ' of ' || campaign END";

/// Where the months or weeks of all tables that have some and their days differ, with what they are of.
pub(super) fn span_differences(conn: &mut Conn) -> QueryResult<Vec<(String, Vec<Difference>)>> {
    let mut all = vec![];
    let segment_place = "segment_id || ' ' || reason || ' ' || currency";
    for span in ["month", "week"] {
        let mut add = |of: &str, found: Vec<Difference>| all.push((format!("{of} of the {span}"), found));
        add("departures", of_span::<Standings>(conn, "churn", span, "kind, reason, mailed, currency", CHURN_PLACE)?);
        add("departures", of_span::<Outcomes>(conn, "churn_part", span, "part, value, reason, currency", PART_PLACE)?);
        add("departures", of_span::<Outcomes>(conn, "segment", span, "segment_id, reason, currency", segment_place)?);
    }
    all.push(("messages of the month".to_owned(), of_span::<Ways>(conn, "message", "month", "mailbox_id, campaign", MESSAGE_PLACE)?));
    let desk_place = "what || ' in ' || mailbox_id";
    all.push(("review desk of the month".to_owned(), of_span::<OfDesk>(conn, "desk", "month", "mailbox_id, what, up_to", desk_place)?));
    Ok(all)
}

numbers!(
    /// The one number of the review desk.
    pub struct OfDesk {
        number,
    }
);

fn of_span<N: Numbers>(conn: &mut Conn, table: &str, span: &str, keys: &str, place: &str) -> QueryResult<Vec<Difference>> {
    let begin = match (span, &*conn) {
        ("week", _) => "day - (day + 3) % 7",
        (_, Conn::Sqlite(_)) => "CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400",
        (_, Conn::Postgres(_)) => "date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01'",
    };
    let (plain, taken) = (N::COLUMNS.join(", "), of_each(N::COLUMNS, ", ", |number| format!("-{number}")));
    let any = of_each(N::COLUMNS, " OR ", |number| format!("SUM({number}) <> 0"));
    let mut sql = Statement::default();
    sql.push(format!(
        "SELECT CAST(day AS BIGINT) AS day, {place} AS place, {} FROM (SELECT day, {keys}, {plain} FROM {table}_{span}s \
         UNION ALL SELECT {begin} AS day, {keys}, {taken} FROM {table}_days) AS both_ways GROUP BY day, {keys} HAVING {any} ORDER BY 1, 2",
        sums(N::COLUMNS)
    ));
    Ok(lines(sql.load::<Apart<N>>(conn)?))
}

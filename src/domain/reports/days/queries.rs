//! SQL of the days.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::Conn;
use crate::db::schema::{
    churn_day_moves, churn_days, churn_part_days, churn_part_moves, desk_day_moves, desk_days, message_day_moves, program_day_moves, program_days,
};
use crate::db::statement::Statement;
use crate::on_either;

use super::{ChurnPlace, DeskPlace, MessagePlace, PartPlace, ProgramPlace};
use crate::domain::reports::messages::Ways;
use crate::domain::reports::spans::{MESSAGE_COLUMNS, MOVED_COLUMNS, MOVED_MESSAGES};

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

/// The days with the changes that are not in them yet, as one table of departures.
const ALL_CHURN: &str = "(SELECT day, kind, reason, status, mailed, currency, number, minor FROM churn_days \
     UNION ALL SELECT day, kind, reason, status, mailed, currency, number, minor FROM churn_day_moves) AS counted";

/// The same of parts.
const ALL_PARTS: &str = "(SELECT part, day, value, reason, outcome, currency, number, minor FROM churn_part_days \
     UNION ALL SELECT part, day, value, reason, outcome, currency, number, minor FROM churn_part_moves) AS counted";
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

pub(super) fn add_programs(conn: &mut Conn, place: &ProgramPlace, number: i64, amount: i64) -> QueryResult<()> {
    use program_days as days;
    let (kind, of, day, position, what, word) = place;
    let row = (
        days::kind.eq(kind),
        days::of.eq(of),
        days::day.eq(day),
        days::place.eq(position),
        days::what.eq(what),
        days::word.eq(word),
        days::number.eq(number),
        days::amount.eq(amount),
    );
    on_either!(conn, inner => diesel::insert_into(days::table)
        .values(row)
        .on_conflict((days::kind, days::of, days::day, days::place, days::what, days::word))
        .do_update()
        .set((days::number.eq(days::number + number), days::amount.eq(days::amount + amount)))
        .execute(inner))
    .map(drop)
}

pub(super) fn some_part_moves(conn: &mut Conn, limit: i64) -> QueryResult<Vec<PartMove>> {
    churn_part_moves::table.order(churn_part_moves::id).limit(limit).load(conn)
}

pub(super) fn delete_part_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(churn_part_moves::table.filter(churn_part_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn add_parts(conn: &mut Conn, place: &PartPlace, number: i64, minor: i64) -> QueryResult<()> {
    use churn_part_days as days;
    let (part, day, value, reason, outcome, currency) = place;
    let row = (
        days::part.eq(part),
        days::day.eq(day),
        days::value.eq(value),
        days::reason.eq(reason),
        days::outcome.eq(outcome),
        days::currency.eq(currency),
        days::number.eq(number),
        days::minor.eq(minor),
    );
    on_either!(conn, inner => diesel::insert_into(days::table)
        .values(row)
        .on_conflict((days::part, days::day, days::value, days::reason, days::outcome, days::currency))
        .do_update()
        .set((days::number.eq(days::number + number), days::minor.eq(days::minor + minor)))
        .execute(inner))
    .map(drop)
}

pub(super) fn delete_churn_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(churn_day_moves::table.filter(churn_day_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn delete_message_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(message_day_moves::table.filter(message_day_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn add_churn(conn: &mut Conn, place: &ChurnPlace, number: i64, minor: i64) -> QueryResult<()> {
    use churn_days as days;
    let (day, kind, reason, status, mailed, currency) = place;
    let row = (
        days::day.eq(day),
        days::kind.eq(kind),
        days::reason.eq(reason),
        days::status.eq(status),
        days::mailed.eq(mailed),
        days::currency.eq(currency),
        days::number.eq(number),
        days::minor.eq(minor),
    );
    on_either!(conn, inner => diesel::insert_into(days::table)
        .values(row)
        .on_conflict((days::day, days::kind, days::reason, days::status, days::mailed, days::currency))
        .do_update()
        .set((days::number.eq(days::number + number), days::minor.eq(days::minor + minor)))
        .execute(inner))
    .map(drop)
}

pub(super) fn add_messages(conn: &mut Conn, (day, mailbox, campaign): &MessagePlace, ways: &Ways) -> QueryResult<()> {
    let mut sql = Statement::default();
    sql.push(format!("INSERT INTO message_days ({MESSAGE_COLUMNS}) VALUES (")).number(*day).push(", ").text(mailbox).push(", ").text(campaign);
    for (_, number) in ways.numbers() {
        sql.push(", ").number(number);
    }
    sql.push(") ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET ");
    for (position, (way, _)) in ways.numbers().iter().enumerate() {
        sql.push(if position > 0 { ", " } else { "" }).push(format!("{way} = message_days.{way} + excluded.{way}"));
    }
    sql.run(conn).map(drop)
}

pub(super) fn some_desk_moves(conn: &mut Conn, limit: i64) -> QueryResult<Vec<DeskMove>> {
    desk_day_moves::table.order(desk_day_moves::id).limit(limit).load(conn)
}

pub(super) fn delete_desk_moves(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<()> {
    diesel::delete(desk_day_moves::table.filter(desk_day_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn add_desk(conn: &mut Conn, (day, mailbox, what, up_to): &DeskPlace, number: i64) -> QueryResult<()> {
    use desk_days as days;
    let row = (days::day.eq(day), days::mailbox_id.eq(mailbox), days::what.eq(what), days::up_to.eq(up_to), days::number.eq(number));
    on_either!(conn, inner => diesel::insert_into(days::table)
        .values(row)
        .on_conflict((days::day, days::mailbox_id, days::what, days::up_to))
        .do_update()
        .set(days::number.eq(days::number + number))
        .execute(inner))
    .map(drop)
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

pub(super) fn churn_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT day, kind || ' ' || reason || ' ' || status || ' ' || CASE WHEN mailed THEN 'mailed ' ELSE '' END || currency AS place, \
         CAST(sum(number) AS BIGINT) AS number, CAST(sum(minor) AS BIGINT) AS minor FROM ( \
         SELECT day, kind, reason, status, mailed, currency, number, minor FROM ",
    );
    statement.push(ALL_CHURN).push(
        " UNION ALL SELECT day, kind, reason, status, mailed, currency, -count(*), -sum(minor) FROM counted_departures \
         GROUP BY day, kind, reason, status, mailed, currency) AS both_ways GROUP BY day, kind, reason, status, mailed, currency \
         HAVING sum(number) <> 0 OR sum(minor) <> 0 ORDER BY day, place",
    );
    statement.load(conn)
}

/// The ways of a day, mailbox and campaign.
#[derive(QueryableByName)]
struct WaysApart {
    #[diesel(sql_type = BigInt)]
    day: i64,
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(embed)]
    ways: Ways,
}

/// "CAST(sum(drafted) AS BIGINT) AS drafted", or what else is said of each way.
fn of_ways(joined: &str, of: impl Fn(&str) -> String) -> String {
    Ways::default().numbers().iter().map(|(way, _)| of(way)).collect::<Vec<_>>().join(joined)
}

/// One line for each way whose number differs.
fn by_way(rows: Vec<WaysApart>) -> Vec<Difference> {
    let lines = |row: WaysApart| {
        let different = row.ways.numbers().into_iter().filter(|(_, number)| *number != 0).collect::<Vec<_>>();
        different.into_iter().map(move |(way, number)| Difference { day: row.day, place: format!("{way} in {}", row.place), number, minor: 0 })
    };
    rows.into_iter().flat_map(lines).collect()
}

pub(super) fn message_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let (sums, any) = (of_ways(", ", |way| format!("CAST(sum({way}) AS BIGINT) AS {way}")), of_ways(" OR ", |way| format!("sum({way}) <> 0")));
    let taken = of_ways(", ", |way| format!("-{way}"));
    let rows = "(SELECT day, mailbox_id, campaign, state, held, edited, count(*) AS number FROM counted_messages \
                GROUP BY day, mailbox_id, campaign, state, held, edited) n JOIN message_ways w ON w.state = n.state";
    let mut statement = Statement::default();
    statement.push(format!(
        "SELECT day, mailbox_id || CASE WHEN campaign = '' THEN '' ELSE ' of ' || campaign END AS place, {sums} FROM ( \
         SELECT {MESSAGE_COLUMNS} FROM message_days UNION ALL SELECT {MOVED_COLUMNS} FROM {MOVED_MESSAGES} \
         UNION ALL SELECT day, mailbox_id, campaign, {taken} FROM (SELECT {MOVED_COLUMNS} FROM {rows}) AS recounted) AS both_ways \
         GROUP BY day, mailbox_id, campaign HAVING {any} ORDER BY day, place"
    ));
    Ok(by_way(statement.load(conn)?))
}

pub(super) fn desk_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT day, what || ' in ' || mailbox_id || CASE WHEN up_to = 0 THEN '' ELSE ' up to ' || up_to || ' s' END AS place, \
         CAST(sum(number) AS BIGINT) AS number, CAST(0 AS BIGINT) AS minor FROM ( \
         SELECT day, mailbox_id, what, up_to, number FROM desk_days UNION ALL SELECT day, mailbox_id, what, up_to, number FROM desk_day_moves \
         UNION ALL SELECT day, mailbox_id, what, up_to, -count(*) FROM counted_desk GROUP BY day, mailbox_id, what, up_to) AS both_ways \
         GROUP BY day, mailbox_id, what, up_to HAVING sum(number) <> 0 ORDER BY day, place",
    );
    statement.load(conn)
}

pub(super) fn part_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT day, part || ' ' || value || ' ' || reason || ' ' || outcome || ' ' || currency AS place, \
         CAST(sum(number) AS BIGINT) AS number, CAST(sum(minor) AS BIGINT) AS minor FROM ( \
         SELECT part, day, value, reason, outcome, currency, number, minor FROM ",
    );
    statement.push(ALL_PARTS).push(
        " UNION ALL SELECT part, day, value, reason, outcome, currency, -count(*), -sum(minor) FROM counted_churn_parts \
         GROUP BY part, day, value, reason, outcome, currency) AS both_ways GROUP BY part, day, value, reason, outcome, currency \
         HAVING sum(number) <> 0 OR sum(minor) <> 0 ORDER BY day, place",
    );
    statement.load(conn)
}

/// Where the days of programmes and the rows differ. Clicks are in no row by day, so all of them together are compared.
pub(super) fn program_differences(conn: &mut Conn) -> QueryResult<Vec<Difference>> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT day, kind || ' ' || of || ' ' || what || ' ' || word || ' at ' || place AS place, \
         CAST(sum(number) AS BIGINT) AS number, CAST(sum(amount) AS BIGINT) AS minor FROM ( \
         SELECT kind, of, day, place, what, word, number, amount FROM program_days \
         UNION ALL SELECT kind, of, day, place, what, word, number, amount FROM program_day_moves \
         UNION ALL SELECT kind, of, day, place, what, word, -count(*), -sum(amount) FROM counted_programs \
         GROUP BY kind, of, day, place, what, word) AS both_ways WHERE kind <> 'cohort' AND what NOT IN ('click', 'share') \
         GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0 \
         UNION ALL SELECT 0, 'referral clicks in all', CAST(sum(number) AS BIGINT), CAST(0 AS BIGINT) FROM ( \
         SELECT number FROM program_days WHERE kind = 'referral' AND what = 'click' \
         UNION ALL SELECT number FROM program_day_moves WHERE kind = 'referral' AND what = 'click' \
         UNION ALL SELECT -clicks FROM referrals) AS clicks HAVING sum(number) <> 0 ORDER BY 1, 2",
    );
    statement.load(conn)
}

/// Where the months or weeks of a table and its days differ.
pub(super) fn span_differences(conn: &mut Conn, table: &'static str, span: &'static str) -> QueryResult<Vec<Difference>> {
    let begin = match (span, &*conn) {
        ("week", _) => "day - (day + 3) % 7",
        (_, Conn::Sqlite(_)) => "CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400",
        (_, Conn::Postgres(_)) => "date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01'",
    };
    let (keys, place) = match table {
        "churn" => ("kind, reason, status, mailed, currency", "kind || ' ' || reason || ' ' || status || ' ' || currency"),
        "message" => ("mailbox_id, campaign", "mailbox_id || ' of ' || campaign"),
        "segment" => ("segment_id, reason, outcome, currency", "segment_id || ' ' || reason || ' ' || outcome || ' ' || currency"),
        "desk" => ("mailbox_id, what, up_to", "what || ' in ' || mailbox_id"),
        _ => ("part, value, reason, outcome, currency", "part || ' ' || value || ' ' || reason || ' ' || outcome || ' ' || currency"),
    };
    let numbers: Vec<&str> = match table {
        "message" => Ways::default().numbers().iter().map(|(way, _)| *way).collect(),
        "desk" => vec!["number"],
        _ => vec!["number", "minor"],
    };
    let each = |of: &dyn Fn(&str) -> String, joined: &str| numbers.iter().map(|number| of(number)).collect::<Vec<_>>().join(joined);
    let (plain, taken) = (each(&|number| number.to_owned(), ", "), each(&|number| format!("-{number}"), ", "));
    let (sums, any) =
        (each(&|number| format!("CAST(sum({number}) AS BIGINT) AS {number}"), ", "), each(&|number| format!("sum({number}) <> 0"), " OR "));
    let minor = if table == "desk" { ", CAST(0 AS BIGINT) AS minor" } else { "" };
    let mut statement = Statement::default();
    statement.push(format!(
        "SELECT CAST(day AS BIGINT) AS day, {place} AS place, {sums}{minor} FROM (SELECT day, {keys}, {plain} FROM {table}_{span}s \
         UNION ALL SELECT {begin} AS day, {keys}, {taken} FROM {table}_days) AS both_ways GROUP BY day, {keys} HAVING {any} ORDER BY 1, 2"
    ));
    if table == "message" { Ok(by_way(statement.load(conn)?)) } else { statement.load(conn) }
}

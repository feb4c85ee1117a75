//! SQL of reports. Sums are cast, because PostgreSQL makes a wider number of them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::churn_events;
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;
use crate::domain::ids::ChurnEventId;
use crate::domain::reason::Reason;

use super::period;
use super::spans::{CHURN, MESSAGES, PARTS};

/// `CASE … END AS step`: the position of the last of these days that is not after the counted one.
fn push_step(sql: &mut Statement, starts: &[i64]) {
    sql.push("CAST(CASE WHEN 1 = 0 THEN 0");
    for (position, start) in starts.iter().enumerate().skip(1) {
        sql.push(" WHEN day < ").number(*start).push(format!(" THEN {}", position - 1));
    }
    sql.push(format!(" ELSE {} END AS BIGINT) AS step", starts.len().saturating_sub(1)));
}

#[derive(Debug, QueryableByName)]
pub(super) struct StepRow {
    #[diesel(sql_type = BigInt)]
    pub(super) step: i64,
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = Text)]
    pub(super) status: String,
    #[diesel(sql_type = Bool)]
    pub(super) mailed: bool,
    #[diesel(sql_type = Text)]
    pub(super) currency: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) minor: i64,
}

/// Departures of a kind by step; `starts` are the first days of the steps, and `end` the day after the last.
pub(super) fn departures_by_step(conn: &mut Conn, kind: &'static str, starts: &[i64], end: i64) -> QueryResult<Vec<StepRow>> {
    let mut sql = Statement::default();
    sql.push(
        "SELECT step, reason, status, mailed, currency, CAST(SUM(number) AS BIGINT) AS number, CAST(SUM(minor) AS BIGINT) AS minor FROM (SELECT ",
    );
    push_step(&mut sql, starts);
    sql.push(", reason, status, mailed, currency, number, minor FROM ");
    CHURN.push(&mut sql, starts, end, if kind == "back" { " AND kind = 'back'" } else { " AND kind = 'left'" });
    sql.push(") AS stepped GROUP BY step, reason, status, mailed, currency");
    sql.load(conn)
}

pub(super) fn quotes(conn: &mut Conn, reason: Reason, from: Time, end: Time, limit: i64) -> QueryResult<Vec<(ChurnEventId, Time, String)>> {
    churn_events::table
        .filter(churn_events::reason.eq(reason))
        .filter(churn_events::churned_at.ge(from))
        .filter(churn_events::churned_at.lt(end))
        .filter(churn_events::cancel_reason_text.is_not_null())
        .order(churn_events::churned_at.desc())
        .limit(limit)
        .select((churn_events::id, churn_events::churned_at, churn_events::cancel_reason_text.assume_not_null()))
        .load(conn)
}

#[derive(Debug, QueryableByName)]
pub(super) struct DepartureRow {
    #[diesel(sql_type = Text)]
    pub(super) status: String,
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = Text)]
    pub(super) currency: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) minor: i64,
}

/// Departures since then: the rest of that day from their rows, the days after it from what is counted.
pub(super) fn departures(conn: &mut Conn, since: Time, next: i64, end: i64) -> QueryResult<Vec<DepartureRow>> {
    let mut sql = Statement::default();
    sql.push("SELECT status, reason, currency, CAST(SUM(number) AS BIGINT) AS number, CAST(SUM(minor) AS BIGINT) AS minor FROM (");
    sql.push("SELECT status, reason, currency, 1 AS number, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE churned_at >= ");
    sql.number(since.micros()).push(" AND churned_at < ").number(next * period::MICROS_OF_DAY);
    sql.push(" UNION ALL SELECT status, reason, currency, number, minor FROM ");
    CHURN.push(&mut sql, &[next], end, " AND kind = 'left'");
    sql.push(") AS both_kinds GROUP BY status, reason, currency HAVING SUM(number) <> 0");
    sql.load(conn)
}

/// The same of all departures, from the days.
pub(super) fn all_departures(conn: &mut Conn) -> QueryResult<Vec<DepartureRow>> {
    let mut sql = Statement::default();
    sql.push("SELECT status, reason, currency, CAST(SUM(number) AS BIGINT) AS number, CAST(SUM(minor) AS BIGINT) AS minor FROM ");
    CHURN.push_ever(&mut sql);
    sql.push(" WHERE kind = 'left' GROUP BY status, reason, currency HAVING SUM(number) <> 0");
    sql.load(conn)
}

#[derive(Debug, QueryableByName)]
pub(super) struct MessageRow {
    #[diesel(sql_type = BigInt)]
    pub(super) step: i64,
    #[diesel(sql_type = Text)]
    pub(super) place: String,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = Bool)]
    pub(super) held: bool,
    #[diesel(sql_type = Bool)]
    pub(super) edited: bool,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

/// What messages are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Mailbox,
    Campaign,
    /// All together.
    Anywhere,
    /// All that have a label, together.
    AnyCampaign,
}

/// The messages of these mailboxes by step, and by place where one is named. Those without a label are no campaign.
pub(super) fn messages_by_step(conn: &mut Conn, by: Place, reach: &Mailboxes, starts: &[i64], end: i64) -> QueryResult<Vec<MessageRow>> {
    if matches!(reach, Mailboxes::These(ids) if ids.is_empty()) {
        return Ok(vec![]);
    }
    let mut sql = Statement::default();
    sql.push("SELECT step, place, state, held, edited, CAST(SUM(number) AS BIGINT) AS number FROM (SELECT ");
    push_step(&mut sql, starts);
    sql.push(match by {
        Place::Mailbox => ", mailbox_id AS place",
        Place::Campaign => ", campaign AS place",
        Place::Anywhere | Place::AnyCampaign => ", '' AS place",
    });
    sql.push(", state, held, edited, number FROM ");
    let labelled = matches!(by, Place::Campaign | Place::AnyCampaign);
    MESSAGES.push(&mut sql, starts, end, if labelled { " AND campaign <> ''" } else { "" });
    if let Mailboxes::These(ids) = reach {
        sql.push(" WHERE mailbox_id IN ").texts(ids.iter().map(|id| id.as_str()));
    }
    sql.push(") AS stepped GROUP BY step, place, state, held, edited HAVING SUM(number) <> 0");
    sql.load(conn)
}

/// Departures of one value of a part, such as a plan.
#[derive(Debug, QueryableByName)]
pub(super) struct PartRow {
    /// 0 for the period before.
    #[diesel(sql_type = BigInt)]
    pub(super) step: i64,
    #[diesel(sql_type = Text)]
    pub(super) value: String,
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = Text)]
    pub(super) outcome: String,
    #[diesel(sql_type = Text)]
    pub(super) currency: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) minor: i64,
}

/// Departures by the values of a part, in the period before and in this one. `only` names the part.
pub(super) fn by_part(conn: &mut Conn, only: &'static str, starts: [i64; 2], end: i64) -> QueryResult<Vec<PartRow>> {
    let mut sql = Statement::default();
    sql.push(
        "SELECT step, value, reason, outcome, currency, CAST(SUM(number) AS BIGINT) AS number, CAST(SUM(minor) AS BIGINT) AS minor FROM (SELECT ",
    );
    push_step(&mut sql, &starts);
    sql.push(", value, reason, outcome, currency, number, minor FROM ");
    PARTS.push(&mut sql, &starts, end, only);
    sql.push(") AS stepped GROUP BY step, value, reason, outcome, currency HAVING SUM(number) <> 0");
    sql.load(conn)
}

/// A number of a programme.
#[derive(Debug, QueryableByName)]
pub(super) struct ProgramRow {
    #[diesel(sql_type = BigInt)]
    pub(super) day: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) place: i64,
    #[diesel(sql_type = Text)]
    pub(super) what: String,
    #[diesel(sql_type = Text)]
    pub(super) word: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) amount: i64,
}

/// The numbers of a kind of programme, or of one, by day.
pub(super) fn program_days(conn: &mut Conn, kind: &'static str, of: Option<&str>, start: i64, end: i64) -> QueryResult<Vec<ProgramRow>> {
    let mut sql = Statement::default();
    sql.push("SELECT day, place, what, word, CAST(SUM(number) AS BIGINT) AS number, CAST(SUM(amount) AS BIGINT) AS amount FROM (");
    for (position, table) in ["program_days", "program_day_moves"].into_iter().enumerate() {
        sql.push(if position > 0 { " UNION ALL " } else { "" });
        sql.push(format!("SELECT day, place, what, word, number, amount FROM {table} WHERE kind = ")).text(kind).push(" AND of = ");
        sql.text(of.unwrap_or_default()).push(" AND day >= ").number(start).push(" AND day < ").number(end);
    }
    sql.push(") AS counted GROUP BY day, place, what, word HAVING SUM(number) <> 0 OR SUM(amount) <> 0");
    sql.load(conn)
}

/// The same by segment, as they were counted last.
pub(super) fn by_segment(conn: &mut Conn, starts: [i64; 2], end: i64) -> QueryResult<Vec<PartRow>> {
    let mut sql = Statement::default();
    sql.push(
        "SELECT step, value, reason, outcome, currency, CAST(SUM(number) AS BIGINT) AS number, CAST(SUM(minor) AS BIGINT) AS minor FROM (SELECT ",
    );
    push_step(&mut sql, &starts);
    sql.push(", segment_id AS value, reason, outcome, currency, number, minor FROM segment_days WHERE day >= ").number(starts[0]);
    sql.push(" AND day < ").number(end).push(") AS stepped GROUP BY step, value, reason, outcome, currency");
    sql.load(conn)
}

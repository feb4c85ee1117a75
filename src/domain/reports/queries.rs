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

use super::days::queries::{ALL_CHURN, ALL_MESSAGES};

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
    sql.push(", reason, status, mailed, currency, number, minor FROM ").push(ALL_CHURN).push(" WHERE kind = ").text(kind);
    sql.push(" AND day >= ").number(starts.first().copied().unwrap_or(end)).push(" AND day < ").number(end);
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

pub(super) fn departures(conn: &mut Conn, since: Time) -> QueryResult<Vec<DepartureRow>> {
    let mut sql = Statement::default();
    sql.push("SELECT status, reason, currency, COUNT(*) AS number, CAST(COALESCE(SUM(mrr_minor), 0) AS BIGINT) AS minor FROM churn_events ");
    sql.push("WHERE churned_at >= ").number(since.micros()).push(" GROUP BY status, reason, currency");
    sql.load(conn)
}

/// The same of all departures, from the days.
pub(super) fn all_departures(conn: &mut Conn) -> QueryResult<Vec<DepartureRow>> {
    let mut sql = Statement::default();
    sql.push("SELECT status, reason, currency, CAST(SUM(number) AS BIGINT) AS number, CAST(SUM(minor) AS BIGINT) AS minor FROM ");
    sql.push(ALL_CHURN).push(" WHERE kind = 'left' GROUP BY status, reason, currency HAVING SUM(number) <> 0");
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
}

/// The messages of these mailboxes by step and place. Those without a label are no campaign.
pub(super) fn messages_by_step(conn: &mut Conn, by: Place, reach: &Mailboxes, starts: &[i64], end: i64) -> QueryResult<Vec<MessageRow>> {
    if matches!(reach, Mailboxes::These(ids) if ids.is_empty()) {
        return Ok(vec![]);
    }
    let mut sql = Statement::default();
    sql.push("SELECT step, place, state, held, edited, CAST(SUM(number) AS BIGINT) AS number FROM (SELECT ");
    push_step(&mut sql, starts);
    sql.push(if by == Place::Mailbox { ", mailbox_id AS place" } else { ", campaign AS place" });
    sql.push(", state, held, edited, number FROM ").push(ALL_MESSAGES);
    sql.push(" WHERE day >= ").number(starts.first().copied().unwrap_or(end)).push(" AND day < ").number(end);
    if by == Place::Campaign {
        sql.push(" AND campaign <> ''");
    }
    if let Mailboxes::These(ids) = reach {
        sql.push(" AND mailbox_id IN ").texts(ids.iter().map(|id| id.as_str()));
    }
    sql.push(") AS stepped GROUP BY step, place, state, held, edited HAVING SUM(number) <> 0");
    sql.load(conn)
}

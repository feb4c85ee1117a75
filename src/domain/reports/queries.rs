//! SQL of reports. Sums are cast, because PostgreSQL makes a wider number of them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::churn_events;
use crate::db::statement::Statement;
use crate::domain::ids::{ChurnEventId, MailboxId};
use crate::domain::reason::Reason;

#[derive(Debug, QueryableByName)]
pub(super) struct MonthRow {
    #[diesel(sql_type = BigInt)]
    pub(super) bucket: i64,
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = Text)]
    pub(super) currency: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) minor: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) recovered: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) recovered_minor: i64,
}

/// One walk along the index that holds all these columns; `starts` are the first moments of the months.
pub(super) fn by_month(conn: &mut Conn, starts: &[Time], end: Time) -> QueryResult<Vec<MonthRow>> {
    let mut sql = Statement::default();
    sql.push("SELECT CAST(bucket AS BIGINT) AS bucket, reason, currency, COUNT(*) AS number, CAST(COALESCE(SUM(mrr_minor), 0) AS BIGINT) AS minor, ");
    sql.push("CAST(SUM(back) AS BIGINT) AS recovered, CAST(COALESCE(SUM(back * mrr_minor), 0) AS BIGINT) AS recovered_minor FROM (");
    sql.push("SELECT CASE");
    for (position, start) in starts.iter().enumerate().skip(1) {
        sql.push(" WHEN churned_at < ").number(start.micros()).push(format!(" THEN {}", position - 1));
    }
    sql.push(if starts.len() > 1 { "" } else { " WHEN 1 = 1 THEN 0" });
    sql.push(format!(" ELSE {} END AS bucket, ", starts.len().saturating_sub(1)));
    sql.push("reason, currency, mrr_minor, CASE status WHEN 'recovered' THEN 1 ELSE 0 END AS back FROM churn_events WHERE churned_at >= ");
    sql.number(starts.first().map_or(0, |start| start.micros())).push(" AND churned_at < ").number(end.micros());
    sql.push(") AS departures GROUP BY bucket, reason, currency");
    sql.load(conn)
}

pub(super) fn quotes(conn: &mut Conn, reason: Reason, since: Time, limit: i64) -> QueryResult<Vec<(ChurnEventId, Time, String)>> {
    churn_events::table
        .filter(churn_events::reason.eq(reason))
        .filter(churn_events::churned_at.ge(since))
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

#[derive(Debug, QueryableByName)]
pub(super) struct CampaignRow {
    #[diesel(sql_type = Text)]
    pub(super) campaign: String,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

/// Tests of the desk are not counted.
pub(super) fn campaigns(conn: &mut Conn, names: &[&str], reach: &[MailboxId]) -> QueryResult<Vec<CampaignRow>> {
    if names.is_empty() || reach.is_empty() {
        return Ok(vec![]);
    }
    let mut sql = Statement::default();
    sql.push("SELECT campaign, state, COUNT(*) AS number FROM messages WHERE campaign IN ").texts(names.iter().copied());
    sql.push(" AND mailbox_id IN ").texts(reach.iter().map(MailboxId::as_str));
    sql.push(" AND NOT EXISTS (SELECT 1 FROM planted_tests p WHERE p.message_id = messages.id) GROUP BY campaign, state");
    sql.load(conn)
}

#[derive(Debug, QueryableByName)]
pub(super) struct DepartedRow {
    #[diesel(sql_type = Text)]
    pub(super) mailbox_id: String,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

pub(super) fn departed(conn: &mut Conn, reach: &[MailboxId], since: Time) -> QueryResult<Vec<DepartedRow>> {
    if reach.is_empty() {
        return Ok(vec![]);
    }
    let mut sql = Statement::default();
    sql.push("SELECT mailbox_id, state, COUNT(*) AS number FROM messages WHERE mailbox_id IN ").texts(reach.iter().map(MailboxId::as_str));
    sql.push(" AND sent_at >= ").number(since.micros()).push(" GROUP BY mailbox_id, state");
    sql.load(conn)
}

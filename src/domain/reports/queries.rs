//! SQL of reports. Sums are cast, because PostgreSQL makes a wider number of them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{decisions, desk_decisions, messages};
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::messages::{DecisionKind, State};
use crate::domain::reason::Reason;

use super::messages::Ways;
use super::outcomes::{Outcomes, STANDINGS_OF_ROWS, Standings, sums};
use super::period;
use super::spans::{CHURN, Counted, DESK, MESSAGES, PARTS, SEGMENTS};

/// Adds a condition that binds nothing.
fn said(sql: &mut Statement, only: &'static str) {
    sql.push(only);
}

#[derive(Debug, QueryableByName)]
pub(super) struct StepRow {
    #[diesel(sql_type = BigInt)]
    pub(super) step: i64,
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = Bool)]
    pub(super) mailed: bool,
    #[diesel(sql_type = Text)]
    pub(super) currency: String,
    #[diesel(embed)]
    standings: Standings,
}

impl StepRow {
    pub(super) fn outcomes(&self) -> Outcomes {
        self.standings.outcomes()
    }
}

/// Only those who left, as no index serves it: SQLite would otherwise make one of the whole table for each question.
const LEFT: &str = " AND kind || '' = 'left'";
/// Only those who came back.
const BACK: &str = " AND kind || '' = 'back'";

/// Departures of a kind by step; `starts` are the first days of the steps, and `end` the day after the last.
pub(super) fn departures_by_step(conn: &mut Conn, kind: &'static str, starts: &[i64], end: i64) -> QueryResult<Vec<StepRow>> {
    let mut sql = Statement::kept();
    let only = if kind == "back" { BACK } else { LEFT };
    CHURN.push_sums(&mut sql, (starts, end), &|sql| said(sql, only), "reason, mailed, currency");
    sql.load(conn)
}

#[derive(QueryableByName)]
struct Total {
    #[diesel(embed)]
    standings: Standings,
}

/// How many left in these days.
pub(super) fn left(conn: &mut Conn, start: i64, end: i64) -> QueryResult<i64> {
    let mut sql = Statement::kept();
    CHURN.push_sums(&mut sql, (&[start], end), &|sql| said(sql, LEFT), "");
    sql.push(" HAVING SUM(new_number) IS NOT NULL");
    Ok(sql.load::<Total>(conn)?.first().map_or(0, |total| total.standings.outcomes().left()))
}

/// What somebody said when they left.
#[derive(Debug, QueryableByName)]
pub(super) struct QuoteRow {
    #[diesel(sql_type = Text)]
    pub(super) id: String,
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = BigInt)]
    pub(super) churned_at: i64,
    #[diesel(sql_type = Text)]
    pub(super) words: String,
}

/// The latest so many of each reason, in one statement: each of its parts reads that many rows along the index of those with words.
pub(super) fn quotes(conn: &mut Conn, from: Time, end: Time, each: i64) -> QueryResult<Vec<QuoteRow>> {
    let mut sql = Statement::kept();
    for (place, reason) in Reason::ALL.iter().enumerate() {
        sql.push(if place > 0 { " UNION ALL " } else { "" });
        sql.push("SELECT id, reason, churned_at, words FROM (SELECT id, reason, churned_at, cancel_reason_text AS words FROM churn_events ");
        sql.push(format!("WHERE reason = '{reason}' AND cancel_reason_text IS NOT NULL AND churned_at >= ")).number(from.micros());
        sql.push(" AND churned_at < ").number(end.micros()).push(format!(" ORDER BY churned_at DESC LIMIT {each}) AS of_{reason}"));
    }
    sql.load(conn)
}

#[derive(Debug, QueryableByName)]
pub(super) struct DepartureRow {
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = Text)]
    pub(super) currency: String,
    #[diesel(embed)]
    pub(super) standings: Standings,
}

/// Departures since then: the rest of that day from their rows, the days after it from what is counted.
pub(super) fn departures(conn: &mut Conn, since: Time, next: i64, end: i64) -> QueryResult<Vec<DepartureRow>> {
    let mut sql = Statement::default();
    sql.push(format!("SELECT reason, currency, {} FROM (SELECT reason, currency, {STANDINGS_OF_ROWS} FROM (", sums(CHURN.numbers)));
    sql.push("SELECT status, reason, currency, 1 AS number, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE churned_at >= ");
    sql.number(since.micros()).push(" AND churned_at < ").number(next * period::MICROS_OF_DAY);
    sql.push(format!(") AS of_that_day UNION ALL SELECT reason, currency, {} FROM ", CHURN.numbers.join(", ")));
    CHURN.push(&mut sql, next, end, " AND kind = 'left'");
    sql.push(") AS both_kinds GROUP BY reason, currency");
    sql.load(conn)
}

/// The same of all departures, from the months.
pub(super) fn all_departures(conn: &mut Conn) -> QueryResult<Vec<DepartureRow>> {
    let mut sql = Statement::default();
    sql.push(format!("SELECT reason, currency, {} FROM ", sums(CHURN.numbers)));
    CHURN.push_ever(&mut sql);
    sql.push(" WHERE kind = 'left' GROUP BY reason, currency");
    sql.load(conn)
}

#[derive(Debug, QueryableByName)]
pub(super) struct MessageRow {
    #[diesel(sql_type = BigInt)]
    pub(super) step: i64,
    #[diesel(sql_type = Text)]
    pub(super) place: String,
    #[diesel(embed)]
    pub(super) ways: Ways,
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
    let mut sql = Statement::kept();
    let place = match by {
        Place::Mailbox => "mailbox_id",
        Place::Campaign => "campaign",
        Place::Anywhere | Place::AnyCampaign => "''",
    };
    let named = matches!(by, Place::Mailbox | Place::Campaign);
    sql.push(format!("SELECT step, {place} AS place, {} FROM (", MESSAGES.numbers.join(", ")));
    let only = |sql: &mut Statement| {
        sql.push(if matches!(by, Place::Campaign | Place::AnyCampaign) { " AND campaign <> ''" } else { "" });
        if let Mailboxes::These(ids) = reach {
            sql.push(" AND mailbox_id").among(ids.iter().map(|id| id.as_str()));
        }
    };
    MESSAGES.push_sums(&mut sql, (starts, end), &only, if named { place } else { "" });
    sql.push(" HAVING SUM(drafted) <> 0) AS summed");
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
    pub(super) currency: String,
    #[diesel(embed)]
    pub(super) outcomes: Outcomes,
}

/// Departures by the values of a part, in the period before and in this one. `only` names the part.
pub(super) fn by_part(conn: &mut Conn, only: &'static str, starts: [i64; 2], end: i64) -> QueryResult<Vec<PartRow>> {
    parts_of(conn, &PARTS, only, starts, end)
}

fn parts_of(conn: &mut Conn, counted: &Counted, only: &'static str, starts: [i64; 2], end: i64) -> QueryResult<Vec<PartRow>> {
    let mut sql = Statement::kept();
    counted.push_sums(&mut sql, (&starts, end), &|sql| said(sql, only), "value, reason, currency");
    sql.push(" HAVING SUM(open_number + back_number + lost_number) <> 0");
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
    let mut day = Statement::default();
    day.push("day");
    programs(conn, kind, of, (start, end), day)
}

/// The same of one, added up before a day and from it on; `day` is the first of either.
pub(super) fn program_halves(conn: &mut Conn, kind: &'static str, of: &str, [start, middle]: [i64; 2], end: i64) -> QueryResult<Vec<ProgramRow>> {
    let mut day = Statement::default();
    day.push("CAST(CASE WHEN day < ").number(middle).push(" THEN ").number(start).push(" ELSE ").number(middle).push(" END AS BIGINT)");
    programs(conn, kind, Some(of), (start, end), day)
}

fn programs(conn: &mut Conn, kind: &'static str, of: Option<&str>, (start, end): (i64, i64), day: Statement) -> QueryResult<Vec<ProgramRow>> {
    let mut sql = Statement::default();
    sql.push("SELECT ").append(day);
    sql.push(" AS day, place, what, word, CAST(SUM(number) AS BIGINT) AS number, CAST(SUM(amount) AS BIGINT) AS amount FROM (");
    for (position, table) in ["program_days", "program_day_moves"].into_iter().enumerate() {
        sql.push(if position > 0 { " UNION ALL " } else { "" });
        sql.push(format!("SELECT day, place, what, word, number, amount FROM {table} WHERE kind = ")).text(kind).push(" AND of = ");
        sql.text(of.unwrap_or_default()).push(" AND day >= ").number(start).push(" AND day < ").number(end);
    }
    sql.push(") AS counted GROUP BY 1, place, what, word HAVING SUM(number) <> 0 OR SUM(amount) <> 0");
    sql.load(conn)
}

/// The same by segment, as they were counted last.
pub(super) fn by_segment(conn: &mut Conn, starts: [i64; 2], end: i64) -> QueryResult<Vec<PartRow>> {
    parts_of(conn, &SEGMENTS, "", starts, end)
}

/// A number of the review desk.
#[derive(Debug, QueryableByName)]
pub(super) struct DeskRow {
    /// 0 for the period before.
    #[diesel(sql_type = BigInt)]
    pub(super) step: i64,
    #[diesel(sql_type = Text)]
    pub(super) mailbox_id: String,
    #[diesel(sql_type = Text)]
    pub(super) what: String,
    #[diesel(sql_type = BigInt)]
    pub(super) up_to: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

/// The numbers of the review desk, in the period before and in this one.
pub(super) fn desk(conn: &mut Conn, starts: [i64; 2], end: i64) -> QueryResult<Vec<DeskRow>> {
    let mut sql = Statement::kept();
    DESK.push_sums(&mut sql, (&starts, end), &|_| {}, "mailbox_id, what, up_to");
    sql.push(" HAVING SUM(number) <> 0");
    sql.load(conn)
}

/// Messages of campaigns that were rejected, by when they were handed in, the latest first: campaign, message, reason, time.
pub(super) fn refusals(conn: &mut Conn, reach: &Mailboxes, from: Time, end: Time, limit: i64) -> QueryResult<Vec<(String, MessageId, String, Time)>> {
    let mut query = messages::table
        .filter(messages::state.eq(State::Rejected))
        .filter(messages::submitted_at.ge(from))
        .filter(messages::submitted_at.lt(end))
        .filter(messages::campaign.is_not_null().and(messages::campaign.ne("")))
        .filter(messages::planted.eq(false))
        .order(messages::submitted_at.desc())
        .limit(limit)
        .select((messages::campaign.assume_not_null(), messages::id, messages::state_reason, messages::submitted_at.assume_not_null()))
        .into_boxed();
    if let Mailboxes::These(ids) = reach {
        let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        query = query.filter(messages::mailbox_id.eq_any(ids));
    }
    let rows: Vec<(String, MessageId, Option<String>, Time)> = query.load(conn)?;
    Ok(rows.into_iter().map(|(campaign, message, reason, at)| (campaign, message, reason.unwrap_or_default(), at)).collect())
}

/// The latest reasons for rejecting, with the message and the time.
pub(super) fn rejections(conn: &mut Conn, mailbox: &MailboxId, from: Time, end: Time, limit: i64) -> QueryResult<Vec<(MessageId, String, Time)>> {
    desk_decisions::table
        .inner_join(decisions::table.on(decisions::id.eq(desk_decisions::decision_id)))
        .filter(desk_decisions::mailbox_id.eq(mailbox.as_str()))
        .filter(desk_decisions::kind.eq(DecisionKind::Reject.as_str()))
        .filter(desk_decisions::created_at.ge(from))
        .filter(desk_decisions::created_at.lt(end))
        .filter(decisions::reason.is_not_null())
        .order(desk_decisions::created_at.desc())
        .limit(limit)
        .select((decisions::message_id, decisions::reason.assume_not_null(), decisions::created_at))
        .load(conn)
}

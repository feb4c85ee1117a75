//! SQL of win-back rules and of whom they picked.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{churn_events, winback_picks, winback_rules};
use crate::db::statement::Statement;
use crate::domain::churn::{ChurnEvent, Status};
use crate::domain::contacts::{self, Search};
use crate::domain::ids::{ChurnEventId, ContactId, WinbackRuleId};

use super::Rule;
use super::picks::{Arm, Drawn, Pick};

pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<Rule>> {
    winback_rules::table.order(winback_rules::name).load(conn)
}

pub(super) fn by_id(conn: &mut Conn, id: &WinbackRuleId) -> QueryResult<Option<Rule>> {
    winback_rules::table.find(id).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, row: &Rule) -> QueryResult<()> {
    diesel::insert_into(winback_rules::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Rule) -> QueryResult<()> {
    diesel::update(winback_rules::table.find(&row.id)).set(row.clone()).execute(conn).map(drop)
}

pub(super) fn delete(conn: &mut Conn, id: &WinbackRuleId) -> QueryResult<()> {
    diesel::delete(winback_rules::table.find(id)).execute(conn).map(drop)
}

/// Lets nobody else change the rule before this transaction ends.
pub(super) fn hold(conn: &mut Conn, id: &WinbackRuleId) -> QueryResult<()> {
    diesel::update(winback_rules::table.find(id)).set(winback_rules::failures.eq(winback_rules::failures)).execute(conn).map(drop)
}

/// The rule whose turn it is, and how often it failed.
pub(super) fn due(conn: &mut Conn, now: Time) -> QueryResult<Option<(WinbackRuleId, i32)>> {
    winback_rules::table
        .filter(winback_rules::enabled.eq(true))
        .filter(winback_rules::next_run_at.le(now))
        .order((winback_rules::next_run_at, winback_rules::id))
        .select((winback_rules::id, winback_rules::failures))
        .first(conn)
        .optional()
}

pub(super) fn set_aside(conn: &mut Conn, id: &WinbackRuleId, failures: i32, until: Time, why: &str) -> QueryResult<()> {
    diesel::update(winback_rules::table.find(id))
        .set((winback_rules::failures.eq(failures), winback_rules::next_run_at.eq(until), winback_rules::trouble.eq(why)))
        .execute(conn)
        .map(drop)
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    id: ChurnEventId,
}

/// Departures that fit a rule and that no letter left for, who left last comes first, after the one that it looked at last: where
/// the day's letters are fewer than those who leave, a letter says something to those who left lately.
pub(super) fn fitting(conn: &mut Conn, rule: &Rule, segment: Option<&Search>, now: Time, limit: i64) -> QueryResult<Vec<ChurnEvent>> {
    let day = |days: i32| now.plus_days(-i64::from(days)).micros();
    let mut ask = Statement::default();
    ask.push("SELECT e.id AS id FROM churn_events e WHERE e.churned_at >= ").number(day(rule.to_days));
    if rule.last_event.is_empty() {
        ask.push(" AND e.churned_at <= ").number(day(rule.from_days));
    } else {
        ask.push(" AND e.churned_at <= ").number(day(rule.from_days).min(rule.last_left_at.micros()));
        ask.push(" AND (e.churned_at, e.id) < (").number(rule.last_left_at.micros()).push(", ").text(&rule.last_event).push(")");
    }
    ask.push(" AND e.contact_id IS NOT NULL AND e.customer_email IS NOT NULL AND e.letter_at IS NULL");
    // A payment that failed is a matter of the account, and its customer has not left.
    ask.push(" AND e.status IN ('new', 'processing', 'variants_generated') AND e.event_type <> 'payment_failed'");
    if !rule.imported {
        ask.push(" AND e.source <> 'csv'");
    }
    if !rule.reasons.is_empty() {
        ask.push(" AND e.reason IN ").texts(rule.reasons.iter().map(|reason| reason.as_str()));
    }
    if let (Some(from), Some(currency)) = (rule.mrr_from, &rule.currency) {
        ask.push(" AND e.mrr_minor >= ").number(from).push(" AND e.currency = ").text(currency);
    }
    if let Some(segment) = segment {
        ask.push(" AND ");
        contacts::push_found(&mut ask, conn, "e.contact_id", segment);
    }
    ask.push(" AND NOT EXISTS (SELECT 1 FROM winback_picks p WHERE p.churn_event_id = e.id)");
    ask.push(" ORDER BY e.churned_at DESC, e.id DESC LIMIT ").number(limit);
    let ids: Vec<ChurnEventId> = ask.load::<Found>(conn)?.into_iter().map(|row| row.id).collect();
    let mut rows: Vec<ChurnEvent> = churn_events::table.filter(churn_events::id.eq_any(ids)).load(conn)?;
    rows.sort_by(|a, b| (b.churned_at, &b.id).cmp(&(a.churned_at, &a.id)));
    Ok(rows)
}

pub(super) fn insert_pick(conn: &mut Conn, row: &Pick) -> QueryResult<()> {
    diesel::insert_into(winback_picks::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn pick(conn: &mut Conn, event: &ChurnEventId) -> QueryResult<Option<Pick>> {
    winback_picks::table.find(event).first(conn).optional()
}

pub(super) fn set_arm(conn: &mut Conn, event: &ChurnEventId, arm: Arm, now: Time) -> QueryResult<()> {
    diesel::update(winback_picks::table.find(event)).set((winback_picks::arm.eq(arm), winback_picks::closed_at.eq(now))).execute(conn).map(drop)
}

pub(super) fn set_back(conn: &mut Conn, event: &ChurnEventId, at: Time) -> QueryResult<()> {
    let earlier = winback_picks::back_at.is_null().or(winback_picks::back_at.assume_not_null().gt(at));
    diesel::update(winback_picks::table.find(event).filter(earlier))
        .set((winback_picks::back_at.eq(at), winback_picks::closed_at.eq(at)))
        .execute(conn)
        .map(drop)
}

pub(super) fn close(conn: &mut Conn, event: &ChurnEventId, now: Time) -> QueryResult<()> {
    diesel::update(winback_picks::table.find(event)).set(winback_picks::closed_at.eq(now)).execute(conn).map(drop)
}

/// Whom the lot held out and whose time to come back is over, the oldest first.
pub(super) fn to_close(conn: &mut Conn, now: Time, limit: i64) -> QueryResult<Vec<(ChurnEventId, Status)>> {
    winback_picks::table
        .inner_join(churn_events::table.on(churn_events::id.eq(winback_picks::churn_event_id)))
        .filter(winback_picks::arm.eq(Arm::HeldOut))
        .filter(winback_picks::closed_at.is_null())
        .filter(winback_picks::compare_until.le(now))
        .order(winback_picks::compare_until)
        .limit(limit)
        .select((churn_events::id, churn_events::status))
        .load(conn)
}

/// Whether the lot holds this contact out of win-back letters just now.
pub(super) fn is_held_out(conn: &mut Conn, contact: &ContactId) -> QueryResult<bool> {
    let found = winback_picks::table
        .inner_join(churn_events::table.on(churn_events::id.eq(winback_picks::churn_event_id)))
        .filter(churn_events::contact_id.eq(contact.as_str()))
        .filter(winback_picks::arm.eq(Arm::HeldOut))
        .filter(winback_picks::closed_at.is_null());
    diesel::select(diesel::dsl::exists(found)).get_result(conn)
}

/// Who got a letter by a rule and who was held out, and how many of them came back in time. An index holds all that is read.
pub(super) fn drawn(conn: &mut Conn, rule: &WinbackRuleId) -> QueryResult<Vec<Drawn>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        arm: Arm,
        #[diesel(sql_type = Text)]
        currency: String,
        #[diesel(sql_type = BigInt)]
        number: i64,
        #[diesel(sql_type = BigInt)]
        back: i64,
        #[diesel(sql_type = BigInt)]
        back_minor: i64,
    }
    let mut ask = Statement::default();
    ask.push("SELECT arm, currency, count(*) AS number, CAST(sum(CASE WHEN back_at <= compare_until THEN 1 ELSE 0 END) AS BIGINT) AS back, ");
    ask.push("CAST(sum(CASE WHEN back_at <= compare_until THEN mrr_minor ELSE 0 END) AS BIGINT) AS back_minor FROM winback_picks ");
    ask.push("WHERE arm IN ('letter', 'held_out') AND rule_id = ").text(rule.as_str());
    ask.push(" GROUP BY arm, currency ORDER BY arm, currency");
    let rows: Vec<Row> = ask.load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Drawn { arm: row.arm, currency: row.currency, number: row.number, back: row.back, back_minor: row.back_minor })
        .collect())
}

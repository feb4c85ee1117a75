//! SQL of usage and of inactivity.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::functions::lower_nullable;
use crate::db::schema::{churn_events, contact_tags, customers, inactivity_periods, inactivity_rules, planted_tests, usage_days, usage_taken};
use crate::db::statement::Statement;
use crate::domain::churn::Status;
use crate::domain::ids::{ContactId, InactivityRuleId};
use crate::on_either;

use super::UsageDay;
use super::inactivity::Rule;

pub(super) fn taken(conn: &mut Conn, ids: &[&str]) -> QueryResult<Vec<String>> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    usage_taken::table.filter(usage_taken::event_id.eq_any(ids)).select(usage_taken::event_id).load(conn)
}

pub(super) fn note_taken(conn: &mut Conn, ids: &[String], now: Time) -> QueryResult<()> {
    for id in ids {
        diesel::insert_into(usage_taken::table).values((usage_taken::event_id.eq(id), usage_taken::taken_at.eq(now))).execute(conn)?;
    }
    Ok(())
}

pub(super) fn count(conn: &mut Conn, contact: &ContactId, day: &str, name: &str, events: i64, total: i64) -> QueryResult<()> {
    let known = usage_days::table.find((contact, day, name));
    let changed = diesel::update(known)
        .set((usage_days::events.eq(usage_days::events + events), usage_days::total.eq(usage_days::total + total)))
        .execute(conn)?;
    if changed == 0 {
        diesel::insert_into(usage_days::table)
            .values((
                usage_days::contact_id.eq(contact),
                usage_days::day.eq(day),
                usage_days::name.eq(name),
                usage_days::events.eq(events),
                usage_days::total.eq(total),
            ))
            .execute(conn)?;
    }
    Ok(())
}

pub(super) fn of_contact(conn: &mut Conn, contact: &ContactId, since: &str) -> QueryResult<Vec<UsageDay>> {
    usage_days::table
        .filter(usage_days::contact_id.eq(contact))
        .filter(usage_days::day.ge(since))
        .order((usage_days::day.desc(), usage_days::name))
        .select((usage_days::day, usage_days::name, usage_days::events, usage_days::total))
        .limit(1000)
        .load(conn)
}

pub(super) fn sweep(conn: &mut Conn, before: Time) -> QueryResult<()> {
    diesel::delete(usage_taken::table.filter(usage_taken::taken_at.lt(before))).execute(conn).map(drop)
}

pub(super) fn rules(conn: &mut Conn) -> QueryResult<Vec<Rule>> {
    inactivity_rules::table.order(inactivity_rules::id).load(conn)
}

pub(super) fn rule(conn: &mut Conn, id: &InactivityRuleId) -> QueryResult<Option<Rule>> {
    inactivity_rules::table.find(id).first(conn).optional()
}

pub(super) fn insert_rule(conn: &mut Conn, row: &Rule) -> QueryResult<()> {
    diesel::insert_into(inactivity_rules::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update_rule(conn: &mut Conn, row: &Rule) -> QueryResult<()> {
    diesel::update(inactivity_rules::table.find(&row.id)).set(row.clone()).execute(conn).map(drop)
}

pub(super) fn delete_rule(conn: &mut Conn, id: &InactivityRuleId) -> QueryResult<()> {
    diesel::delete(inactivity_rules::table.find(id)).execute(conn).map(drop)
}

pub(super) fn due_rule(conn: &mut Conn, now: Time) -> QueryResult<Option<Rule>> {
    inactivity_rules::table
        .filter(inactivity_rules::enabled.eq(true))
        .filter(inactivity_rules::next_run_at.le(now))
        .order((inactivity_rules::next_run_at, inactivity_rules::id))
        .first(conn)
        .optional()
}

/// Contacts after `last` who were active before `before` and not since, whom the rule is for, and
/// who have not left otherwise: no departure is open, none that was given up is later than their last activity,
/// and this period was not counted yet.
pub(super) fn inactive(conn: &mut Conn, rule: &Rule, before: Time, limit: i64) -> QueryResult<Vec<(ContactId, Time)>> {
    let of_them = || churn_events::table.filter(churn_events::contact_id.eq(customers::contact_id.nullable()));
    let open = of_them().filter(churn_events::status.ne_all([Status::Recovered, Status::Lost]));
    let lost = of_them().filter(churn_events::status.eq(Status::Lost)).filter(churn_events::churned_at.nullable().ge(customers::last_active_at));
    let counted = inactivity_periods::table
        .filter(inactivity_periods::contact_id.eq(customers::contact_id))
        .filter(inactivity_periods::last_active_at.nullable().ge(customers::last_active_at));
    let mut query = customers::table
        .filter(customers::contact_id.gt(rule.last_contact.clone()))
        .filter(customers::last_active_at.lt(before))
        .filter(not(exists(open)))
        .filter(not(exists(lost)))
        .filter(not(exists(counted)))
        .filter(not(exists(planted_tests::table.filter(planted_tests::contact_id.eq(customers::contact_id)))))
        .order(customers::contact_id)
        .limit(limit)
        .select((customers::contact_id, customers::last_active_at.assume_not_null()))
        .into_boxed();
    if !rule.plans.is_empty() {
        let plans: Vec<String> = rule.plans.iter().map(|plan| plan.to_lowercase()).collect();
        query = query.filter(lower_nullable(customers::plan_name).assume_not_null().eq_any(plans));
    }
    if !rule.tags.is_empty() {
        let tagged =
            contact_tags::table.filter(contact_tags::contact_id.eq(customers::contact_id)).filter(contact_tags::tag.eq_any(rule.tags.to_vec()));
        query = query.filter(exists(tagged));
    }
    query.load(conn)
}

pub(super) fn put_period(conn: &mut Conn, contact: &ContactId, last_active_at: Time) -> QueryResult<()> {
    let row = (inactivity_periods::contact_id.eq(contact), inactivity_periods::last_active_at.eq(last_active_at));
    on_either!(conn, inner => diesel::insert_into(inactivity_periods::table)
        .values(row)
        .on_conflict(inactivity_periods::contact_id)
        .do_update()
        .set(inactivity_periods::last_active_at.eq(last_active_at))
        .execute(inner))
    .map(drop)
}

pub(super) fn names_of_calls(conn: &mut Conn, since: &str, most: i64) -> QueryResult<Vec<String>> {
    usage_days::table
        .filter(usage_days::day.ge(since))
        .filter(usage_days::name.like("% /%"))
        .select(usage_days::name)
        .distinct()
        .order(usage_days::name)
        .limit(most)
        .load(conn)
}

pub(super) fn users_of(conn: &mut Conn, names: &[String], since: &str) -> QueryResult<Vec<(ContactId, String, i64)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        contact_id: ContactId,
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = BigInt)]
        events: i64,
    }
    let mut ask = Statement::default();
    ask.push("SELECT u.contact_id, u.name, CAST(sum(u.events) AS BIGINT) AS events FROM usage_days u JOIN contacts c ON c.id = u.contact_id ");
    ask.push("WHERE c.erased_at IS NULL AND u.day >= ").text(since).push(" AND u.name IN ").texts(names.iter().map(String::as_str));
    ask.push(" GROUP BY u.contact_id, u.name");
    Ok(ask.load::<Row>(conn)?.into_iter().map(|row| (row.contact_id, row.name, row.events)).collect())
}

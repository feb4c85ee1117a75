//! SQL of conditions: one look at an index for each, beside the walk that finds contacts.

use crate::clock::Time;
use crate::db::statement::Statement;

use super::{Asked, Churn, Conditions, RECENT_DAYS};

/// Adds what is asked of the contact whose id is in the column `id`.
pub(in crate::domain::contacts) fn push(ask: &mut Statement, id: &str, sqlite: bool, all: &[Asked]) {
    for (asked, now) in all {
        subscription(ask, id, asked, *now);
        departure(ask, id, asked, *now);
        engagement(ask, id, asked, *now);
        if let Some((field, value)) = asked.field.as_ref().zip(asked.value.as_ref()) {
            record(ask, id, sqlite, field, value);
        }
    }
}

fn subscription(ask: &mut Statement, id: &str, asked: &Conditions, now: Time) {
    if asked.plan.is_none() && asked.mrr_from.is_none() && asked.mrr_to.is_none() && asked.inactive_days.is_none() {
        return;
    }
    ask.push(format!(" AND EXISTS (SELECT 1 FROM customers s WHERE s.contact_id = {id}"));
    if let Some(plan) = &asked.plan {
        ask.push(" AND lower(s.plan_name) = ").text(&plan.to_lowercase());
    }
    if let Some(minor) = asked.mrr_from {
        ask.push(" AND s.mrr_minor >= ").number(minor);
    }
    if let Some(minor) = asked.mrr_to {
        ask.push(" AND s.mrr_minor <= ").number(minor);
    }
    if let Some(days) = asked.inactive_days {
        ask.push(" AND s.last_active_at <= ").number(now.plus_days(-days).micros());
    }
    ask.push(")");
}

fn departure(ask: &mut Statement, id: &str, asked: &Conditions, now: Time) {
    let some = format!(" AND EXISTS (SELECT 1 FROM churn_events d WHERE d.contact_id = {id}");
    match asked.churn {
        Some(Churn::Never) => {
            ask.push(format!(" AND NOT EXISTS (SELECT 1 FROM churn_events d WHERE d.contact_id = {id})"));
            return;
        }
        Some(Churn::Gone) => drop(ask.push(some).push(" AND d.status <> 'recovered'")),
        Some(Churn::Back) => drop(ask.push(some).push(" AND d.status = 'recovered'")),
        None if asked.reason.is_none() && asked.left_from_days.is_none() && asked.left_to_days.is_none() => return,
        None => drop(ask.push(some)),
    }
    if let Some(reason) = asked.reason {
        ask.push(" AND d.reason = ").text(reason.as_str());
    }
    if let Some(days) = asked.left_from_days {
        ask.push(" AND d.churned_at <= ").number(now.plus_days(-days).micros());
    }
    if let Some(days) = asked.left_to_days {
        ask.push(" AND d.churned_at >= ").number(now.plus_days(-days).micros());
    }
    ask.push(")");
}

fn engagement(ask: &mut Statement, id: &str, asked: &Conditions, now: Time) {
    if let Some(days) = asked.unmailed_days {
        ask.push(format!(" AND NOT EXISTS (SELECT 1 FROM messages l WHERE l.contact_id = {id} AND l.planted = FALSE AND l.sent_at >= "));
        ask.number(now.plus_days(-days).micros()).push(")");
    }
    if let Some(days) = asked.replied_days {
        ask.push(format!(" AND EXISTS (SELECT 1 FROM inbound_emails i WHERE i.contact_id = {id} AND i.kind = 'reply' AND i.received_at >= "));
        ask.number(now.plus_days(-days).micros()).push(")");
    }
    let since = now.plus_days(-RECENT_DAYS).date().to_string();
    for (name, word) in [(&asked.used, "EXISTS"), (&asked.unused, "NOT EXISTS")] {
        if let Some(name) = name {
            ask.push(format!(" AND {word} (SELECT 1 FROM usage_days u WHERE u.contact_id = {id} AND u.day >= ")).text(&since);
            ask.push(" AND u.name = ").text(name).push(")");
        }
    }
}

/// A field of the record as text, whatever it holds there.
fn record(ask: &mut Statement, id: &str, sqlite: bool, field: &str, value: &str) {
    ask.push(format!(" AND EXISTS (SELECT 1 FROM contacts f WHERE f.id = {id} AND "));
    if sqlite {
        let path = format!("$.\"{field}\"");
        ask.push("CASE json_type(f.metadata, ").text(&path).push(") WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ");
        ask.push("ELSE CAST(json_extract(f.metadata, ").text(&path).push(") AS TEXT) END = ").text(value);
    } else {
        ask.push("CAST(f.metadata AS jsonb) ->> ").text(field).push(" = ").text(value);
    }
    ask.push(")");
}

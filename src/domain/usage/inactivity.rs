//! Rules of when somebody who stopped using the product counts as leaving. A departure is written
//! down once for each period of inactivity; nothing is mailed by itself.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::statement::hold;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::churn::EventType;
use crate::domain::churn::intake::{self, NewChurnEvent};
use crate::domain::contacts;
use crate::domain::error::{Error, Result};
use crate::domain::ids::InactivityRuleId;
use crate::domain::text;

use super::queries;

/// Who writes these departures down, and their source.
pub const ACTOR: &str = "inactivity rule";
/// Time between two runs of a rule, in seconds.
const EVERY_SECONDS: i64 = 3600;
/// Contacts in one transaction.
const STEP: i64 = 100;
/// Most rules there can be.
const MOST: usize = 50;

/// A rule.
#[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::inactivity_rules)]
pub struct Rule {
    /// Its id.
    pub id: InactivityRuleId,
    /// Days without activity, 3 to 730.
    pub days: i32,
    /// For these plans; for all when empty.
    pub plans: Json<Vec<String>>,
    /// For contacts with one of these tags; for all when empty.
    pub tags: Json<Vec<String>>,
    /// Whether it is looked at.
    pub enabled: bool,
    /// The contact it looked at last in this run; empty between runs.
    pub last_contact: String,
    /// When it runs next.
    pub next_run_at: Time,
    /// How many it found so far.
    pub found: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// What a rule says.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Days without activity.
    pub days: i64,
    /// For these plans; for all when empty.
    pub plans: Vec<String>,
    /// For contacts with one of these tags; for all when empty.
    pub tags: Vec<String>,
    /// Whether it is looked at.
    pub enabled: bool,
}

/// Makes a rule.
pub fn add(conn: &mut Conn, actor: &Actor, terms: &Terms, now: Time) -> Result<Rule> {
    must_administer(actor)?;
    transaction(conn, |conn| {
        if queries::rules(conn)?.len() >= MOST {
            return Err(Error::conflict("too_many_rules", format!("There are {MOST} rules already. Delete one that is no longer needed.")));
        }
        let mut row = Rule {
            id: InactivityRuleId::new(),
            days: 0,
            plans: Json::new(vec![]),
            tags: Json::new(vec![]),
            enabled: true,
            last_contact: String::new(),
            next_run_at: now,
            found: 0,
            created_at: now,
            updated_at: now,
        };
        apply(&mut row, terms, now)?;
        queries::insert_rule(conn, &row)?;
        log(conn, actor, "inactivity_rule.add", &row, now)?;
        Ok(row)
    })
}

/// Changes a rule; it runs anew.
pub fn change(conn: &mut Conn, actor: &Actor, id: &InactivityRuleId, terms: &Terms, now: Time) -> Result<Rule> {
    transaction(conn, |conn| {
        hold(conn, "inactivity_rules", id.as_str())?;
        let mut row = get(conn, actor, id)?;
        apply(&mut row, terms, now)?;
        queries::update_rule(conn, &row)?;
        log(conn, actor, "inactivity_rule.change", &row, now)?;
        Ok(row)
    })
}

/// Deletes a rule. What it found stays.
pub fn delete(conn: &mut Conn, actor: &Actor, id: &InactivityRuleId, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        let row = get(conn, actor, id)?;
        queries::delete_rule(conn, id)?;
        log(conn, actor, "inactivity_rule.delete", &row, now)
    })
}

/// All rules, oldest first.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Rule>> {
    must_administer(actor)?;
    Ok(queries::rules(conn)?)
}

fn get(conn: &mut Conn, actor: &Actor, id: &InactivityRuleId) -> Result<Rule> {
    must_administer(actor)?;
    queries::rule(conn, id)?.ok_or_else(|| Error::not_found("rule"))
}

fn must_administer(actor: &Actor) -> Result<()> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a signed-in administrator can look after rules."));
    }
    actor.must_be_admin()
}

fn apply(row: &mut Rule, terms: &Terms, now: Time) -> Result<()> {
    row.days = i32::try_from(terms.days)
        .ok()
        .filter(|days| (3..=730).contains(days))
        .ok_or_else(|| Error::invalid("field_invalid", "days", format!("days must be 3 to 730; got {}.", terms.days)))?;
    for (field, list) in [("plans", &terms.plans), ("tags", &terms.tags)] {
        if list.len() > 50 {
            return Err(Error::invalid("field_invalid", field, format!("{field} must be at most 50; got {}.", list.len())));
        }
    }
    row.plans = Json::new(terms.plans.iter().map(|plan| text::required_line("plans", plan, 80)).collect::<Result<Vec<_>>>()?);
    row.tags = Json::new(terms.tags.iter().map(|tag| text::tag(tag)).collect::<Result<Vec<_>>>()?);
    row.enabled = terms.enabled;
    row.last_contact = String::new();
    (row.next_run_at, row.updated_at) = (now, now);
    Ok(())
}

/// Looks at some more contacts of the rule whose turn it is, and says whether there is more to do.
pub fn step(conn: &mut Conn, now: Time) -> Result<bool> {
    transaction(conn, |conn| {
        let Some(next) = queries::due_rule(conn, now)? else { return Ok(false) };
        hold(conn, "inactivity_rules", next.id.as_str())?;
        // Somebody may have changed it since, or looked in another process.
        let Some(mut rule) = queries::due_rule(conn, now)?.filter(|rule| rule.id == next.id) else { return Ok(true) };
        let before = now.plus_days(-i64::from(rule.days));
        let found = queries::inactive(conn, &rule, before, STEP)?;
        for (contact, last_active_at) in &found {
            let row = contacts::held_row(conn, contact)?;
            let customer = contacts::customer(conn, contact)?;
            let new = NewChurnEvent {
                customer_email: Some(row.email.clone()),
                plan_name: customer.as_ref().and_then(|customer| customer.plan_name.clone()),
                mrr_minor: customer.as_ref().and_then(|customer| customer.mrr_minor),
                currency: customer.as_ref().and_then(|customer| customer.currency.clone()),
                event_type: Some(EventType::Inactive.as_str().to_owned()),
                last_active_at: Some(*last_active_at),
                churned_at: Some(last_active_at.plus_days(i64::from(rule.days))),
                notes: Some(format!("No activity for {} days.", rule.days)),
                ..NewChurnEvent::default()
            };
            intake::take(conn, &Actor::System(ACTOR), &new, ACTOR, now)?;
            queries::put_period(conn, contact, *last_active_at)?;
            rule.found += 1;
            contact.as_str().clone_into(&mut rule.last_contact);
        }
        if found.is_empty() {
            rule.last_contact = String::new();
            rule.next_run_at = now.plus_seconds(EVERY_SECONDS);
        }
        queries::update_rule(conn, &rule)?;
        Ok(true)
    })
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Rule, now: Time) -> Result<()> {
    let detail = json!({"days": row.days, "plans": *row.plans, "tags": *row.tags, "enabled": row.enabled});
    audit::record(conn, actor, Entry { action, target_kind: "inactivity_rule", target_id: row.id.as_str(), mailbox_id: None, detail }, now)
}

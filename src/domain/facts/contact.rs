//! What is on record about one contact, taken as facts the moment a draft to them is checked.

use std::collections::HashSet;

use serde_json::Value;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::churn;
use crate::domain::contacts::{self, ContactRow};
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, FactId};
use crate::domain::messages;
use crate::domain::money::Money;
use crate::domain::referrals;
use crate::domain::threads::{self, InboundEmail};

use super::{Body, ContactField, Fact, FieldValue, State, TicketQuote, queries, record};

/// Most mails and notes of one contact that are read for quotes, newest first.
const MOST_QUOTES: usize = 30;

/// The facts about a contact, written down where they are new or changed. A value that
/// changed becomes a new version, so that a draft with the old one is known to be stale.
pub fn observe(conn: &mut Conn, id: &ContactId, now: Time) -> Result<Vec<Fact>> {
    let actor = Actor::System("record");
    transaction(conn, |conn| {
        let row = contacts::row(conn, id)?;
        let seen = gather(conn, &row)?;
        if let Some(facts) = unchanged(id, &seen, queries::of_contact(conn, id)?) {
            return Ok(facts);
        }
        // Two that found something new take turns, and the second looks again.
        let row = contacts::held_row(conn, id)?;
        let mut known = queries::of_contact(conn, id)?;
        let mut facts = vec![];
        for (body, source) in gather(conn, &row)? {
            let fact = match position(id, &body, &known) {
                Some(at) => record::write(conn, &actor, known.swap_remove(at), body, &source, now)?,
                None => record::insert(conn, &actor, Some(id), body, &source, State::Current, now)?,
            };
            facts.push(fact);
        }
        for fact in known {
            if is_tagged(&fact) {
                facts.push(fact);
            } else if fact.state == State::Current {
                queries::set_state(conn, &fact.id, State::Revoked, Some("no longer on record"), now)?;
                messages::recall::fact_changed(conn, &actor, &fact.id, &format!("A fact it rests on is no longer on record: {}", fact.label), now)?;
            }
        }
        Ok(facts)
    })
}

fn position(id: &ContactId, body: &Body, known: &[Fact]) -> Option<usize> {
    let key = record::key(Some(id), body);
    known.iter().position(|fact| fact.kind == body.kind() && fact.fact_key == key)
}

/// The facts as they are, where the record says nothing that they don't: the usual case, in
/// which a check while somebody types has nothing to write.
fn unchanged(id: &ContactId, seen: &[(Body, String)], mut known: Vec<Fact>) -> Option<Vec<Fact>> {
    let mut facts = vec![];
    for (body, _) in seen {
        let fact = known.swap_remove(position(id, body, &known)?);
        if fact.state != State::Current || fact.content_hash != body.hash() {
            return None;
        }
        facts.push(fact);
    }
    for fact in known {
        if is_tagged(&fact) {
            facts.push(fact);
        } else if fact.state == State::Current {
            return None;
        }
    }
    Some(facts)
}

/// Looks again at a contact whose record changed, where a draft rested on it before.
pub(in crate::domain) fn refresh(conn: &mut Conn, id: &ContactId, now: Time) -> Result<()> {
    if queries::any_of_contact(conn, id)? {
        observe(conn, id, now)?;
    }
    Ok(())
}

fn is_tagged(fact: &Fact) -> bool {
    matches!(&*fact.body, Body::ContactField(field) if field.field == TAGGED)
}

/// The field that holds what a sender's tag says of a departure.
const TAGGED: &str = "tagged_left_on";

/// Keeps what a message's tag `churn_day_12` says of a departure that is not on record
/// otherwise. Its source names the sender, so that a reviewer sees whose word it is.
pub fn note_tagged_departure(conn: &mut Conn, sender: &Actor, id: &ContactId, tags: &[String], now: Time) -> Result<()> {
    let days = tags.iter().find_map(|tag| tag.strip_prefix("churn_day_")).and_then(|days| days.parse::<i64>().ok());
    let Some(days) = days.filter(|days| (0..=36_500).contains(days)) else { return Ok(()) };
    if !churn::of_contact(conn, &Actor::System("record"), id)?.is_empty() {
        return Ok(());
    }
    let (body, source) = field(TAGGED, FieldValue::Day(now.plus_days(-days).date()), &format!("tag churn_day_{days}, set by {}", sender.name()));
    match queries::of_contact(conn, id)?.into_iter().find(is_tagged) {
        Some(known) => record::write(conn, sender, known, body, &source, now)?,
        None => record::insert(conn, sender, Some(id), body, &source, State::Current, now)?,
    };
    Ok(())
}

fn field(name: &str, value: FieldValue, source: &str) -> (Body, String) {
    (Body::ContactField(ContactField { field: name.to_owned(), value }), source.to_owned())
}

fn gather(conn: &mut Conn, row: &ContactRow) -> Result<Vec<(Body, String)>> {
    let mut found = vec![];
    let contact = "contact record";
    found.push(field("email", FieldValue::Text(row.email.clone()), contact));
    if let Some(name) = &row.name {
        found.push(field("name", FieldValue::Text(name.clone()), contact));
    }
    for (key, value) in row.metadata.iter() {
        if let Some(value) = of_json(value) {
            found.push(field(&format!("metadata.{key}"), value, contact));
        }
    }
    let links = referrals::links_of(conn, &row.id)?;
    if !links.is_empty() {
        found.push(field("referral_link", FieldValue::List(links), "referral record"));
        rewards(conn, row, &mut found)?;
    }
    subscription(conn, row, &mut found)?;
    words(conn, row, &mut found)?;
    // Who writes the same twice said one thing, the last time they said it.
    let mut keys = HashSet::new();
    found.retain(|(body, _)| keys.insert((body.kind(), body.key())));
    Ok(found)
}

/// What they brought and earned, so that a notice of a reward can say it.
fn rewards(conn: &mut Conn, row: &ContactRow, found: &mut Vec<(Body, String)>) -> Result<()> {
    let source = "referral record";
    let totals = referrals::rewards::totals(conn, &row.id)?;
    found.push(field("referral_sign_ups", FieldValue::Number(totals.conversions), source));
    let mut reward = |name: &str, amount: i64, unit: &str| match unit {
        referrals::rewards::MONTHS => found.push(field(&format!("{name}_months"), FieldValue::Number(amount), source)),
        _ => found.push(field(&format!("{name}_{unit}"), FieldValue::Money(Money { minor: amount, currency: unit.to_owned() }), source)),
    };
    if let Some(latest) = referrals::rewards::latest(conn, &row.id)? {
        reward("referral_reward", latest.amount, &latest.unit);
    }
    for (unit, amount) in &totals.earned {
        reward("referral_rewards_in_all", *amount, unit);
    }
    Ok(())
}

/// Metadata as values that a claim can be compared with; deeper structures say nothing.
fn of_json(value: &Value) -> Option<FieldValue> {
    match value {
        Value::String(text) => Some(match text.parse() {
            Ok(day) => FieldValue::Day(day),
            Err(_) => FieldValue::Text(text.clone()),
        }),
        Value::Number(number) => number.as_i64().map(FieldValue::Number),
        Value::Array(items) => {
            let words: Vec<String> = items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect();
            (!words.is_empty()).then_some(FieldValue::List(words))
        }
        _ => None,
    }
}

fn subscription(conn: &mut Conn, row: &ContactRow, found: &mut Vec<(Body, String)>) -> Result<()> {
    let events = churn::of_contact(conn, &Actor::System("record"), &row.id)?;
    if let Some(customer) = contacts::customer(conn, &row.id)? {
        let source = "subscription record";
        if let Some(company) = &customer.company {
            found.push(field("company", FieldValue::Text(company.clone()), source));
        }
        if let Some(plan) = &customer.plan_name {
            found.push(field("plan", FieldValue::Text(plan.clone()), source));
        }
        if let (Some(minor), Some(currency)) = (customer.mrr_minor, &customer.currency) {
            found.push(field("mrr", FieldValue::Money(Money { minor, currency: currency.clone() }), source));
        }
        if let Some(days) = customer.tenure_days {
            found.push(field("tenure", FieldValue::Days(days.into()), source));
        }
        if !customer.features.is_empty() {
            found.push(field("features_used", FieldValue::List(customer.features.to_vec()), source));
        }
        if let Some(at) = customer.last_active_at {
            found.push(field("last_active", FieldValue::Day(at.date()), source));
        }
        found.extend(customer.usage.iter().map(|figure| (Body::UsageFigure(figure.clone()), "usage record".to_owned())));
    }
    if let Some(event) = events.first() {
        let source = format!("departure reported by {}", event.provider);
        found.push(field("left_on", FieldValue::Day(event.churned_at.date()), &source));
        let by = event.reason_corrected_by.as_ref().map_or_else(|| "analysis of the departure".to_owned(), |by| format!("corrected by {by}"));
        found.push(field("reason", FieldValue::Text(event.reason.as_str().to_owned()), &by));
        if let Some(text) = &event.cancel_reason_text {
            let quote = TicketQuote { text: text.clone(), said_on: Some(event.churned_at.date()) };
            found.push((Body::TicketQuote(quote), "their words on leaving".to_owned()));
        }
    }
    Ok(())
}

/// What stands in place of words that are withheld.
pub const WITHHELD: &str = "words from mail that this key may not read";

/// How the source of words from mail begins.
const FROM_MAIL: &str = "mail of ";

fn quoted(mail: &InboundEmail) -> String {
    format!("{}\n{}", mail.subject, mail.text_body)
}

/// The facts about a contact that are words from mail which this actor may not read. People see
/// what a promise rests on; keys see no mail by way of its facts.
pub fn withheld(conn: &mut Conn, actor: &Actor, contact: &ContactId) -> Result<Vec<FactId>> {
    if !matches!(actor, Actor::Key { .. }) {
        return Ok(vec![]);
    }
    let mut facts = queries::of_contact(conn, contact)?;
    facts.retain(|fact| fact.source.starts_with(FROM_MAIL));
    if facts.is_empty() {
        return Ok(vec![]);
    }
    let readable: Vec<String> = threads::readable(conn, actor, contact)?.iter().map(quoted).collect();
    let is_readable = |fact: &Fact| matches!(&*fact.body, Body::TicketQuote(quote) if readable.contains(&quote.text));
    Ok(facts.into_iter().filter(|fact| !is_readable(fact)).map(|fact| fact.id).collect())
}

fn words(conn: &mut Conn, row: &ContactRow, found: &mut Vec<(Body, String)>) -> Result<()> {
    let history = threads::history(conn, &row.id)?;
    for mail in history.iter().rev().filter(|mail| mail.from_key == row.email_key).take(MOST_QUOTES) {
        let quote = TicketQuote { text: quoted(mail), said_on: Some(mail.received_at.date()) };
        found.push((Body::TicketQuote(quote), format!("{FROM_MAIL}{}", mail.received_at.date())));
    }
    Ok(())
}

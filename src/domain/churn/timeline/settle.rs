//! Brings the rows of `churn_events` in line with the episodes of a subscription.

use std::collections::BTreeMap;

use serde_json::json;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::contacts;
use crate::domain::error::Result;
use crate::domain::facts;
use crate::domain::ids::ChurnEventId;

use super::super::intake::{self, NewChurnEvent, SAME_WITHIN_SECONDS};
use super::super::{CANCEL_FLOW, ChurnEvent, EventType, Status, come_back, evidence, get_row, log, queries as churn};
use super::episodes::{Aspect, Episode, episodes, together};
use super::{Details, queries};

/// Settles one subscription and says which departures are new.
pub(super) fn subject(conn: &mut Conn, actor: &Actor, scope: &str, subject: &str, now: Time) -> Result<Vec<ChurnEventId>> {
    let signals = queries::of_subject(conn, scope, subject)?;
    let mut rows: BTreeMap<ChurnEventId, ChurnEvent> = BTreeMap::new();
    for id in signals.iter().filter_map(|signal| signal.churn_event_id.as_ref()) {
        if !rows.contains_key(id) {
            rows.insert(id.clone(), get_row(conn, id)?);
        }
    }
    let whole = together(signals.iter());
    let mut made = vec![];
    for aspect in [Aspect::Leaving, Aspect::Payment] {
        let is_payment = |row: &ChurnEvent| row.event_type == EventType::PaymentFailed;
        let of_aspect = rows.values().filter(|row| is_payment(row) == (aspect == Aspect::Payment));
        let by_hand: Vec<Time> = of_aspect.filter_map(|row| row.recovered_at).collect();
        let mut free: Vec<ChurnEventId> = rows.keys().cloned().collect();
        // Where a late event splits an episode, the latest part keeps the row: its letters are about that one.
        for episode in episodes(&signals, aspect, &by_hand).iter().rev() {
            let known = episode.signals.iter().find_map(|signal| {
                let at = free.iter().position(|id| signal.churn_event_id.as_ref() == Some(id))?;
                Some(free.swap_remove(at))
            });
            let details = known_of(conn, scope, episode.details().with_terms_of(&whole))?;
            let (id, is_new) = keep(conn, actor, aspect, episode, &details, known.and_then(|id| rows.get(&id)), now)?;
            let closing = episode.closed.and_then(|(_, signal)| signal);
            for signal in episode.signals.iter().copied().chain(closing).filter(|signal| signal.churn_event_id.as_ref() != Some(&id)) {
                queries::set_event(conn, signal, &id)?;
            }
            if is_new {
                made.push(id);
            }
        }
    }
    if signals.iter().any(|signal| signal.churn_event_id.is_some()) || !made.is_empty() {
        let details = known_of(conn, scope, whole)?;
        let report = details.as_report(EventType::Cancelled, now);
        intake::keep_customer(conn, &intake::checked(&report, scope, now)?, &report, now)?;
    }
    Ok(made)
}

/// Completes what the signals say with what the provider said of the customer elsewhere.
fn known_of(conn: &mut Conn, scope: &str, mut details: Details) -> Result<Details> {
    if let Some(customer) = &details.customer_id
        && let Some(known) = queries::customer(conn, scope, customer)?
    {
        details.email = details.email.or(known.email);
        details.name = details.name.or(known.name);
    }
    if let Some(email) = &details.email
        && contacts::made_up::is_address_of_one(conn, email)?
    {
        details.email = None;
    }
    Ok(details)
}

/// Makes the row of an episode, or brings it up to date. True where it is new.
fn keep(
    conn: &mut Conn,
    actor: &Actor,
    aspect: Aspect,
    episode: &Episode<'_>,
    details: &Details,
    known: Option<&ChurnEvent>,
    now: Time,
) -> Result<(ChurnEventId, bool)> {
    let event_type = match aspect {
        Aspect::Payment => EventType::PaymentFailed,
        Aspect::Leaving => details.event_type.unwrap_or(EventType::Cancelled),
    };
    let source = episode.signals.first().map_or("", |signal| signal.source.as_str());
    let report = details.as_report(event_type, episode.left_at().min(now));
    let told = intake::checked(&report, source, now)?;
    let (row, is_new) = match known {
        Some(row) => (update(conn, actor, row.clone(), told, now)?, false),
        None => match reported_before(conn, &told, now)? {
            Some(row) => (update(conn, actor, row, told, now)?, false),
            None => (intake::store(conn, actor, told, &report, now)?, true),
        },
    };
    if let Some((at, _)) = episode.closed {
        end(conn, actor, &row, at, now)?;
    }
    Ok((row.id, is_new))
}

/// The same departure, reported within a day by another way and still open.
fn reported_before(conn: &mut Conn, told: &ChurnEvent, now: Time) -> Result<Option<ChurnEvent>> {
    let since = now.plus_seconds(-SAME_WITHIN_SECONDS);
    if let Some(subscription) = &told.provider_subscription_id
        && let Some(row) = queries::unclaimed_of_subscription(conn, &told.provider, subscription, since)?
    {
        return Ok(Some(row));
    }
    if told.event_type == EventType::PaymentFailed {
        return Ok(None);
    }
    let contact = intake::contact_with_address(conn, told)?;
    let row = churn::open_of_customer(conn, contact.as_ref(), told.provider_customer_id.as_deref(), since)?;
    let from_their_page = |row: &ChurnEvent| row.source == CANCEL_FLOW && row.provider_subscription_id.is_none();
    Ok(row.filter(from_their_page))
}

/// Writes what the signals say into the row; what they do not say stays.
fn update(conn: &mut Conn, actor: &Actor, row: ChurnEvent, told: ChurnEvent, now: Time) -> Result<ChurnEvent> {
    let mut new = row.clone();
    // Letters that were drafted stay with whom they are addressed to.
    let is_free = churn::variants(conn, &row.id)?.is_empty();
    new.customer_email = told.customer_email.filter(|_| row.contact_id.is_none() || is_free).or(new.customer_email);
    new.customer_name = told.customer_name.or(new.customer_name);
    new.provider_customer_id = told.provider_customer_id.or(new.provider_customer_id);
    new.provider_subscription_id = told.provider_subscription_id.or(new.provider_subscription_id);
    new.provider = if told.provider == "custom" { new.provider } else { told.provider };
    new.plan_name = told.plan_name.or(new.plan_name);
    if told.mrr_minor.is_some() {
        (new.mrr_minor, new.currency) = (told.mrr_minor, told.currency);
    }
    new.tenure_days = told.tenure_days.or(new.tenure_days);
    new.cancel_reason = told.cancel_reason.or(new.cancel_reason);
    new.cancel_reason_text = told.cancel_reason_text.or(new.cancel_reason_text);
    new.event_type = told.event_type;
    new.churned_at = told.churned_at;
    if new.customer_email != row.customer_email || row.contact_id.is_none() {
        new.contact_id = intake::contact(conn, actor, &new, &NewChurnEvent::default(), now)?.or(new.contact_id);
    }
    if new.reason_corrected_by.is_none() {
        intake::analyse_event(conn, &mut new)?;
    }
    if same(&new, &row) {
        return Ok(row);
    }
    new.updated_at = now;
    queries::update_event(conn, &new)?;
    log(conn, actor, "churn.complete", &new.id, json!({"reason": new.reason}), now)?;
    if let Some(contact) = &new.contact_id {
        facts::refresh(conn, contact, now)?;
    }
    Ok(new)
}

fn same(one: &ChurnEvent, other: &ChurnEvent) -> bool {
    let words = |row: &ChurnEvent| {
        [&row.customer_email, &row.customer_name, &row.provider_customer_id, &row.provider_subscription_id, &row.plan_name, &row.cancel_reason]
            .map(Clone::clone)
    };
    let rest = |row: &ChurnEvent| {
        let ids = (row.contact_id.clone(), row.cancel_reason_text.clone(), row.provider.clone(), row.currency.clone());
        (ids, row.mrr_minor, row.tenure_days, row.event_type, row.churned_at, row.reason, row.reason_confidence)
    };
    words(one) == words(other) && rest(one) == rest(other)
}

/// The customer stayed or paid: it counts as recovered, and no letter about it leaves any more.
fn end(conn: &mut Conn, actor: &Actor, row: &ChurnEvent, at: Time, now: Time) -> Result<()> {
    match row.status {
        Status::Lost => return Ok(()),
        Status::Recovered => {
            if row.recovered_at.is_none_or(|before| at < before) {
                evidence::note(conn, row, at)?;
            }
            return Ok(());
        }
        Status::New | Status::Processing | Status::VariantsGenerated | Status::EmailSent => {}
    }
    come_back(conn, actor, row, at, now)
}

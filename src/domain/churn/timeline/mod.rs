//! What a provider tells of one subscription. Its events come twice, late and in any order, so
//! each is kept, and what holds is worked out anew from all of them in the order of the
//! provider's own clock.

mod episodes;
mod queries;
mod settle;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::ChurnEventId;
use crate::text_enum;

use super::intake::NewChurnEvent;
use super::{ChurnEvent, EventType};

/// Signals that opened nothing are kept for so many days: a later one of an earlier time may need them.
const KEPT_DAYS: i64 = 30;

text_enum!(
    /// What a provider's event says of a subscription.
    pub enum SignalKind {
        /// It ends, or will.
        Leaving => "leaving",
        /// A cancellation was taken back.
        Stays => "stays",
        /// A payment failed, or it ended because of that.
        PaymentFailed => "payment_failed",
        /// A payment came.
        Paid => "paid",
        /// The customer is back, whatever it was.
        Returned => "returned",
    }
);

/// What a signal says of the customer; later ones complete earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// How they left, where it is no plain cancellation.
    pub event_type: Option<EventType>,
    /// The address.
    pub email: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// Where they work.
    pub company: Option<String>,
    /// Who takes the money: stripe and the like.
    pub provider: Option<String>,
    /// The provider's id of the customer.
    pub customer_id: Option<String>,
    /// The provider's id of the subscription.
    pub subscription_id: Option<String>,
    /// The plan.
    pub plan_name: Option<String>,
    /// Monthly recurring revenue in minor units.
    pub mrr_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// How long they stayed, in days.
    pub tenure_days: Option<i64>,
    /// The code as given.
    pub cancel_reason: Option<String>,
    /// Their words as given.
    pub cancel_reason_text: Option<String>,
    /// When they left, in microseconds since the epoch, where it is another time than the event's.
    pub left_at: Option<i64>,
    /// When they were last active, in microseconds since the epoch.
    pub last_active_at: Option<i64>,
    /// Notes.
    pub notes: Option<String>,
    /// Features they used.
    pub features: Option<Vec<String>>,
    /// What the provider says of the cancellation, as it came.
    pub original: Option<serde_json::Value>,
}

impl Details {
    fn complete_with(&mut self, later: &Details) {
        macro_rules! later_wins {
            ($($field:ident)+) => { $(if later.$field.is_some() { self.$field.clone_from(&later.$field); })+ };
        }
        later_wins!(event_type email name company provider customer_id subscription_id plan_name mrr_minor currency tenure_days cancel_reason cancel_reason_text last_active_at notes features original);
    }

    /// Takes what an invoice does not say from what is known of the subscription otherwise.
    fn with_terms_of(mut self, whole: &Details) -> Details {
        if self.mrr_minor.is_none() {
            (self.mrr_minor, self.currency) = (whole.mrr_minor, whole.currency.clone().or(self.currency));
        }
        self.plan_name = self.plan_name.or_else(|| whole.plan_name.clone());
        self.email = self.email.or_else(|| whole.email.clone());
        self.name = self.name.or_else(|| whole.name.clone());
        self
    }

    /// As a report of a departure.
    pub(in crate::domain) fn as_report(&self, event_type: EventType, left_at: Time) -> NewChurnEvent {
        NewChurnEvent {
            customer_email: self.email.clone(),
            customer_name: self.name.clone(),
            company: self.company.clone(),
            provider: self.provider.clone(),
            provider_customer_id: self.customer_id.clone(),
            provider_subscription_id: self.subscription_id.clone(),
            plan_name: self.plan_name.clone(),
            mrr_minor: self.mrr_minor,
            currency: self.currency.clone(),
            tenure_days: self.tenure_days,
            cancel_reason: self.cancel_reason.clone(),
            cancel_reason_text: self.cancel_reason_text.clone(),
            event_type: Some(event_type.as_str().to_owned()),
            last_active_at: self.last_active_at.map(Time::from_micros),
            churned_at: Some(left_at),
            notes: self.notes.clone(),
            features: self.features.clone().unwrap_or_default(),
            ..NewChurnEvent::default()
        }
    }
}

/// One event of a provider, in our words.
#[derive(Debug, Clone)]
pub struct Signal {
    /// Among whose events its id is unique: the provider, or one source of it.
    pub scope: String,
    /// The provider's id of the event.
    pub event_id: String,
    /// What it is about: the subscription, or the customer where there is none.
    pub subject: String,
    /// What it says.
    pub kind: SignalKind,
    /// When, by the provider's clock.
    pub occurred_at: Time,
    /// The rest.
    pub details: Details,
    /// By which way it came in.
    pub source: &'static str,
}

/// Who a provider's customer is.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::provider_customers)]
pub struct ProviderCustomer {
    /// Among whose customers the id is unique.
    pub scope: String,
    /// The provider's id.
    pub customer_id: String,
    /// The address.
    pub email: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// When the provider said so, by its clock.
    pub observed_at: Time,
}

/// A signal that was taken.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::churn_signals)]
struct SignalRow {
    scope: String,
    event_id: String,
    subject: String,
    customer_id: Option<String>,
    kind: SignalKind,
    occurred_at: Time,
    details: Json<Details>,
    source: String,
    churn_event_id: Option<ChurnEventId>,
    received_at: Time,
}

/// What became of a signal.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The departure it belongs to or ended, if any.
    pub event: Option<ChurnEvent>,
    /// Whether that departure was not on record before.
    pub is_new: bool,
}

/// Takes a signal and works out what holds now. One that came before changes nothing.
pub(in crate::domain) fn take(conn: &mut Conn, actor: &Actor, signal: &Signal, now: Time) -> Result<Settled> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        hold(conn, &signal.scope, signal.details.customer_id.as_deref(), std::slice::from_ref(&signal.subject))?;
        if let Some(known) = queries::by_id(conn, &signal.scope, &signal.event_id)? {
            let event = match known.churn_event_id {
                Some(id) => super::queries::by_id(conn, &id)?,
                None => None,
            };
            return Ok(Settled { event, is_new: false });
        }
        queries::insert(
            conn,
            &SignalRow {
                scope: signal.scope.clone(),
                event_id: signal.event_id.clone(),
                subject: signal.subject.clone(),
                customer_id: signal.details.customer_id.clone(),
                kind: signal.kind,
                occurred_at: signal.occurred_at,
                details: Json::new(signal.details.clone()),
                source: signal.source.to_owned(),
                churn_event_id: None,
                received_at: now,
            },
        )?;
        let made = settle::subject(conn, actor, &signal.scope, &signal.subject, now)?;
        let row = queries::by_id(conn, &signal.scope, &signal.event_id)?;
        let event = match row.and_then(|row| row.churn_event_id) {
            Some(id) => super::queries::by_id(conn, &id)?,
            None => None,
        };
        let is_new = event.as_ref().is_some_and(|event| made.contains(&event.id));
        Ok(Settled { event, is_new })
    })
}

/// Notes who a provider's customer is, and completes what is known of their departures.
pub(in crate::domain) fn meet(conn: &mut Conn, actor: &Actor, seen: &ProviderCustomer, now: Time) -> Result<()> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        hold(conn, &seen.scope, Some(&seen.customer_id), &[])?;
        let known = queries::customer(conn, &seen.scope, &seen.customer_id)?;
        let order = |customer: &ProviderCustomer| (customer.observed_at, customer.email.clone(), customer.name.clone());
        if known.is_some_and(|known| order(&known) >= order(seen)) {
            return Ok(());
        }
        queries::put_customer(conn, seen)?;
        let subjects = queries::subjects_of(conn, &seen.scope, &seen.customer_id)?;
        hold(conn, &seen.scope, None, &subjects)?;
        for subject in subjects {
            settle::subject(conn, actor, &seen.scope, &subject, now)?;
        }
        Ok(())
    })
}

/// Two signals of one customer take turns; always the customer first, then subscriptions in order.
fn hold(conn: &mut Conn, scope: &str, customer: Option<&str>, subjects: &[String]) -> Result<()> {
    if let Some(customer) = customer {
        queries::hold(conn, scope, &format!("customer {customer}"))?;
    }
    for subject in subjects {
        queries::hold(conn, scope, subject)?;
    }
    Ok(())
}

/// Forgets signals that opened nothing and are too old to matter.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    Ok(queries::sweep(conn, now.plus_days(-KEPT_DAYS))?)
}

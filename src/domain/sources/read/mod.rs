//! What providers' events say, in our words. What is not as it should be is left out rather than
//! refused: a plan's name that is too long must not lose a departure.

mod chargebee;
mod paddle;
mod stripe;

use serde_json::Value;

use crate::clock::Time;
use crate::domain::churn::timeline::{Details, SignalKind};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::money::is_currency;

use super::Provider;

/// An event, read.
#[derive(Debug, Clone)]
pub struct Told {
    /// The provider's id of it.
    pub event_id: String,
    /// The provider's word for what happened.
    pub event_type: String,
    /// When, by the provider's clock.
    pub occurred_at: Time,
    /// What it says.
    pub said: Said,
    /// Who the customer is, where it says so.
    pub customer: Option<Known>,
}

/// What an event says.
#[derive(Debug, Clone)]
pub enum Said {
    /// Something of a subscription.
    Signal {
        /// Of which one.
        subject: String,
        /// What.
        kind: SignalKind,
        /// The rest.
        details: Box<Details>,
    },
    /// Who a customer is, and no more.
    Who,
    /// Nothing that is needed, and why.
    Nothing(&'static str),
}

/// A customer, as an event names them.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The provider's id.
    pub id: String,
    /// The address.
    pub email: Option<String>,
    /// The name.
    pub name: Option<String>,
}

/// Why an event of a type that is not used is ignored.
const NOT_USED: &str = "Events of this type are not needed.";
/// Why an event that names no subscription is ignored.
const NO_SUBSCRIPTION: &str = "It is about no subscription.";
/// Why an update of a subscription is ignored.
const NO_CHANGE: &str = "Nothing about leaving changed.";

/// Reads an event of a provider that has a form of its own.
pub fn provider(provider: Provider, event: &Value) -> Result<Told> {
    match provider {
        Provider::Stripe => stripe::read(event),
        Provider::Paddle => paddle::read(event),
        Provider::Chargebee => chargebee::read(event),
        Provider::Generic | Provider::CancelFlow => Err(Error::not_found("provider")),
    }
}

/// The word for what happened, for the log of what could not be read.
pub fn event_type(event: &Value) -> String {
    ["type", "event_type"].iter().find_map(|field| line(&event[*field], 100)).unwrap_or_else(|| "unknown".to_owned())
}

fn envelope(event: &Value, id: &str, kind: &str, occurred_at: Option<Time>, time: &str) -> Result<Told> {
    let missing =
        |field: &str| Error::invalid("field_invalid", field, format!("{field} must be given with every event; got nothing that can be read."));
    let event_id = line(&event[id], 200).ok_or_else(|| missing(id))?;
    let event_type = line(&event[kind], 100).ok_or_else(|| missing(kind))?;
    let occurred_at = occurred_at.ok_or_else(|| missing(time))?;
    Ok(Told { event_id, event_type, occurred_at, said: Said::Nothing(NOT_USED), customer: None })
}

fn signal(subscription: Option<String>, kind: SignalKind, details: Details) -> Said {
    match subscription {
        Some(subject) => Said::Signal { subject: subject.clone(), kind, details: Box::new(Details { subscription_id: Some(subject), ..details }) },
        None => Said::Nothing(NO_SUBSCRIPTION),
    }
}

/// One line without control characters, at most so long.
fn line(value: &Value, longest: usize) -> Option<String> {
    let text: String = value.as_str()?.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text: String = text.trim().chars().take(longest).collect();
    Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
}

/// The same with its line breaks.
fn words(value: &Value, longest: usize) -> Option<String> {
    let text: String = value.as_str()?.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).take(longest).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn email(value: &Value) -> Option<String> {
    line(value, 320).filter(|text| EmailAddress::parse("email", text).is_ok())
}

fn currency(value: &Value) -> Option<String> {
    line(value, 10).map(|text| text.to_uppercase()).filter(|text| is_currency(text))
}

/// An amount in minor units, as a number or, as Paddle writes it, as text.
fn amount(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).filter(|amount| (0..=100_000_000_000).contains(amount))
}

fn seconds(value: &Value) -> Option<Time> {
    value.as_i64().filter(|seconds| (0..=32_503_680_000).contains(seconds)).map(Time::from_seconds)
}

fn moment(value: &Value) -> Option<Time> {
    Time::parse(value.as_str()?)
}

/// What a price makes in a month; `every` counts the units of time.
fn monthly(amount: i64, unit: &str, every: i64) -> Option<i64> {
    let in_a_year = match unit {
        "year" => 1,
        "week" => 52,
        "day" => 365,
        _ => 12,
    };
    let monthly = amount.checked_mul(in_a_year)? / (12 * every.clamp(1, 1000));
    Some(monthly).filter(|amount| *amount <= 100_000_000_000)
}

fn days(from: Option<Time>, to: Time) -> Option<i64> {
    from.map(|from| (to.seconds_since(from) / 86_400).clamp(0, 36_500))
}

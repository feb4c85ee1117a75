//! Stripe's webhook: signature, replay, and what its events say.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};

use super::intake::{NewChurnEvent, Taken, take};
use super::queries;

/// Oldest signature taken, in seconds (Stripe's own libraries use the same).
pub const TOLERANCE_SECONDS: i64 = 300;

/// Why a webhook is refused. Neither says more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Missing, malformed or wrong.
    Signature,
    /// Right, and so many seconds away from this server's clock.
    Stale(i64),
}

/// Checks `Stripe-Signature`: HMAC-SHA256 over "timestamp.body".
pub fn verify(secret: &str, header: &str, body: &[u8], now: Time) -> std::result::Result<(), Refused> {
    let mut timestamp = None;
    let mut candidates = vec![];
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => timestamp = value.parse::<i64>().ok(),
            Some(("v1", value)) => candidates.push(value),
            _ => {}
        }
    }
    let timestamp = timestamp.ok_or(Refused::Signature)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| Refused::Signature)?;
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let fits = candidates.iter().any(|given| bool::from(given.as_bytes().ct_eq(expected.as_bytes())));
    if secret.is_empty() || !fits {
        return Err(Refused::Signature);
    }
    let age = now.seconds() - timestamp;
    if age.abs() > TOLERANCE_SECONDS { Err(Refused::Stale(age)) } else { Ok(()) }
}

/// Takes a verified event. One that came before, or that is about something else, changes nothing.
pub fn receive(conn: &mut Conn, body: &Value, now: Time) -> Result<Option<Taken>> {
    let id = body["id"]
        .as_str()
        .filter(|id| id.len() <= 200)
        .ok_or_else(|| Error::invalid("field_invalid", "id", "id must be the event's id; got none."))?;
    transaction(conn, |conn| {
        if !queries::note_provider_event(conn, "stripe", id, now)? {
            return Ok(None);
        }
        let object = &body["data"]["object"];
        let event_type = match body["type"].as_str() {
            Some("customer.subscription.deleted") => "cancelled",
            Some("customer.subscription.updated") if object["cancel_at_period_end"] == true => "cancelled",
            _ => return Ok(None),
        };
        let actor = Actor::System("stripe");
        take(conn, &actor, &from_subscription(object, event_type, now), "stripe", now).map(Some)
    })
}

/// A subscription as Stripe describes it.
fn from_subscription(object: &Value, event_type: &str, now: Time) -> NewChurnEvent {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let item = &object["items"]["data"][0];
    let price = if item["price"].is_object() { &item["price"] } else { &object["plan"] };
    let quantity = item["quantity"].as_i64().unwrap_or(1);
    let amount = price["unit_amount"].as_i64().or_else(|| price["amount"].as_i64()).map(|amount| amount.saturating_mul(quantity));
    let interval = price["recurring"]["interval"].as_str().or_else(|| price["interval"].as_str()).unwrap_or("month");
    let monthly = amount.map(|amount| match interval {
        "year" => amount / 12,
        "week" => amount * 52 / 12,
        "day" => amount * 365 / 12,
        _ => amount,
    });
    let ended = object["canceled_at"].as_i64().or_else(|| object["ended_at"].as_i64()).map(Time::from_seconds).filter(|at| *at <= now);
    let started = object["start_date"].as_i64().or_else(|| object["created"].as_i64());
    let tenure = started.map(|start| (ended.unwrap_or(now).seconds() - start).max(0) / 86_400);
    let customer = &object["customer"];
    NewChurnEvent {
        customer_email: text(&customer["email"]).or_else(|| text(&object["metadata"]["email"])).or_else(|| text(&object["customer_email"])),
        customer_name: text(&customer["name"]).or_else(|| text(&object["metadata"]["name"])).or_else(|| text(&object["customer_name"])),
        provider: Some("stripe".to_owned()),
        provider_customer_id: text(customer).or_else(|| text(&customer["id"])),
        provider_subscription_id: text(&object["id"]),
        plan_name: text(&price["nickname"]).or_else(|| text(&object["metadata"]["plan"])),
        mrr_minor: monthly,
        currency: text(&price["currency"]).or_else(|| text(&object["currency"])),
        tenure_days: tenure,
        cancel_reason: text(&object["cancellation_details"]["feedback"]),
        cancel_reason_text: text(&object["cancellation_details"]["comment"]),
        event_type: Some(event_type.to_owned()),
        churned_at: ended,
        ..NewChurnEvent::default()
    }
}

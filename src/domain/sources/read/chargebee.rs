//! Chargebee's events (<https://apidocs.chargebee.com/docs/api/events>).

use serde_json::{Value, json};

use super::{Known, Said, Told, amount, currency, days, email, envelope, line, seconds, signal};
use crate::clock::Time;
use crate::domain::churn::timeline::{Details, SignalKind};
use crate::domain::error::Result;

pub(super) fn read(event: &Value) -> Result<Told> {
    let mut told = envelope(event, "id", "event_type", seconds(&event["occurred_at"]), "occurred_at")?;
    let content = &event["content"];
    let (subscription, customer) = (&content["subscription"], &content["customer"]);
    let subject = [&subscription["id"], &content["invoice"]["subscription_id"], &content["transaction"]["subscription_id"]];
    let subject = subject.into_iter().find_map(|value| line(value, 200));
    let details = details(subscription, customer, told.occurred_at);
    told.said = match told.event_type.as_str() {
        "subscription_cancelled" => {
            let unpaid = matches!(subscription["cancel_reason"].as_str(), Some("not_paid" | "no_card"));
            signal(subject, if unpaid { SignalKind::PaymentFailed } else { SignalKind::Leaving }, details)
        }
        "subscription_cancellation_scheduled" => signal(subject, SignalKind::Leaving, details),
        "subscription_scheduled_cancellation_removed" => signal(subject, SignalKind::Stays, details),
        "subscription_reactivated" => signal(subject, SignalKind::Returned, details),
        "payment_failed" => signal(subject, SignalKind::PaymentFailed, details),
        "payment_succeeded" => signal(subject, SignalKind::Paid, details),
        "customer_created" | "customer_changed" => Said::Who,
        _ => told.said,
    };
    if !matches!(told.said, Said::Nothing(_)) {
        told.customer = line(&customer["id"], 200).map(|id| Known { id, email: email(&customer["email"]), name: name(customer) });
    }
    Ok(told)
}

fn name(customer: &Value) -> Option<String> {
    let parts: Vec<String> = ["first_name", "last_name"].iter().filter_map(|field| line(&customer[*field], 100)).collect();
    Some(parts.join(" ")).filter(|name| !name.is_empty())
}

fn details(subscription: &Value, customer: &Value, at: Time) -> Details {
    let ended = seconds(&subscription["cancelled_at"]).filter(|ended| *ended <= at);
    let code = line(&subscription["cancel_reason_code"], 200);
    let reason = line(&subscription["cancel_reason"], 200);
    Details {
        email: email(&customer["email"]),
        name: name(customer),
        company: line(&customer["company"], 200),
        provider: Some("chargebee".to_owned()),
        customer_id: line(&subscription["customer_id"], 200).or_else(|| line(&customer["id"], 200)),
        plan_name: line(&subscription["plan_id"], 80).or_else(|| line(&subscription["subscription_items"][0]["item_price_id"], 80)),
        mrr_minor: amount(&subscription["mrr"]),
        currency: currency(&subscription["currency_code"]),
        tenure_days: days(seconds(&subscription["started_at"]).or_else(|| seconds(&subscription["created_at"])), ended.unwrap_or(at)),
        original: (code.is_some() || reason.is_some()).then(|| json!({"cancel_reason_code": code, "cancel_reason": reason})),
        cancel_reason: code.or(reason),
        left_at: ended.map(Time::micros),
        ..Details::default()
    }
}

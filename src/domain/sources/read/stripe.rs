//! Stripe's events (<https://docs.stripe.com/api/events/types>).

use serde_json::{Value, json};

use super::{Known, NO_CHANGE, Said, Told, amount, currency, days, email, envelope, line, monthly, seconds, signal, words};
use crate::clock::Time;
use crate::domain::churn::timeline::{Details, SignalKind};
use crate::domain::error::Result;

pub(super) fn read(event: &Value) -> Result<Told> {
    let mut told = envelope(event, "id", "type", seconds(&event["created"]), "created")?;
    let object = &event["data"]["object"];
    let before = &event["data"]["previous_attributes"];
    told.said = match told.event_type.as_str() {
        "customer.subscription.deleted" => {
            let unpaid = object["cancellation_details"]["reason"] == "payment_failed";
            let kind = if unpaid { SignalKind::PaymentFailed } else { SignalKind::Leaving };
            signal(line(&object["id"], 200), kind, subscription(object, told.occurred_at))
        }
        "customer.subscription.updated" => match change(object, before) {
            Some(kind) => signal(line(&object["id"], 200), kind, subscription(object, told.occurred_at)),
            None => Said::Nothing(NO_CHANGE),
        },
        "invoice.payment_failed" => signal(of_invoice(object), SignalKind::PaymentFailed, invoice(object)),
        "invoice.payment_succeeded" | "invoice.paid" => signal(of_invoice(object), SignalKind::Paid, invoice(object)),
        "customer.created" | "customer.updated" => Said::Who,
        _ => told.said,
    };
    told.customer = match told.event_type.split('.').next() {
        Some("customer") if told.event_type.matches('.').count() == 1 => known(object, &object["email"], &object["name"], &object["id"]),
        Some("invoice") => known(object, &object["customer_email"], &object["customer_name"], &object["customer"]),
        _ => None,
    };
    Ok(told)
}

/// Cancelled for a later day, or that taken back. With flexible billing only `cancel_at` is set.
fn change(object: &Value, before: &Value) -> Option<SignalKind> {
    let at_end = object["cancel_at_period_end"] == true;
    let on_a_day = !object["cancel_at"].is_null();
    if at_end || (on_a_day && before.get("cancel_at").is_some()) {
        return Some(SignalKind::Leaving);
    }
    let was = before["cancel_at_period_end"] == true || before.get("cancel_at").is_some_and(|at| !at.is_null());
    (was && !on_a_day).then_some(SignalKind::Stays)
}

fn known(object: &Value, address: &Value, name: &Value, id: &Value) -> Option<Known> {
    let id = line(id, 200).or_else(|| line(&object["customer"]["id"], 200))?;
    let known = Known { id, email: email(address), name: line(name, 200) };
    Some(known).filter(|known| known.email.is_some())
}

fn customer_id(object: &Value) -> Option<String> {
    line(&object["customer"], 200).or_else(|| line(&object["customer"]["id"], 200))
}

fn subscription(object: &Value, at: Time) -> Details {
    let item = &object["items"]["data"][0];
    let price = if item["price"].is_object() { &item["price"] } else { &object["plan"] };
    let quantity = item["quantity"].as_i64().unwrap_or(1);
    let amount = amount(&price["unit_amount"]).or_else(|| amount(&price["amount"])).and_then(|amount| amount.checked_mul(quantity));
    let recurring = if price["recurring"].is_object() { &price["recurring"] } else { price };
    let mrr = amount
        .and_then(|amount| monthly(amount, recurring["interval"].as_str().unwrap_or("month"), recurring["interval_count"].as_i64().unwrap_or(1)));
    let ended = seconds(&object["canceled_at"]).or_else(|| seconds(&object["ended_at"])).filter(|ended| *ended <= at);
    let customer = &object["customer"];
    let why = &object["cancellation_details"];
    Details {
        email: email(&customer["email"]).or_else(|| email(&object["metadata"]["email"])).or_else(|| email(&object["customer_email"])),
        name: line(&customer["name"], 200).or_else(|| line(&object["metadata"]["name"], 200)).or_else(|| line(&object["customer_name"], 200)),
        provider: Some("stripe".to_owned()),
        customer_id: customer_id(object),
        plan_name: line(&price["nickname"], 80).or_else(|| line(&object["metadata"]["plan"], 80)),
        mrr_minor: mrr,
        currency: currency(&price["currency"]).or_else(|| currency(&object["currency"])),
        tenure_days: days(seconds(&object["start_date"]).or_else(|| seconds(&object["created"])), ended.unwrap_or(at)),
        // "cancellation_requested" says that somebody asked for it, not why.
        cancel_reason: line(&why["feedback"], 200).or_else(|| line(&why["reason"], 200).filter(|reason| reason != "cancellation_requested")),
        cancel_reason_text: words(&why["comment"], 5000),
        left_at: ended.map(Time::micros),
        original: why.is_object().then(|| json!({"feedback": why["feedback"], "comment": why["comment"], "reason": why["reason"]})),
        ..Details::default()
    }
}

/// The subscription an invoice is for: under `parent` since API version 2025-03-31.
fn of_invoice(object: &Value) -> Option<String> {
    let parent = &object["parent"]["subscription_details"]["subscription"];
    [&object["subscription"], parent].into_iter().find_map(|value| line(value, 200).or_else(|| line(&value["id"], 200)))
}

fn invoice(object: &Value) -> Details {
    Details {
        email: email(&object["customer_email"]),
        name: line(&object["customer_name"], 200),
        provider: Some("stripe".to_owned()),
        customer_id: customer_id(object),
        mrr_minor: of_line(&object["lines"]["data"][0]),
        currency: currency(&object["currency"]),
        ..Details::default()
    }
}

/// What the line of an invoice makes in a month, where its period is a usual one.
fn of_line(line: &Value) -> Option<i64> {
    let (start, end) = (seconds(&line["period"]["start"])?, seconds(&line["period"]["end"])?);
    let (unit, every) = match end.seconds_since(start) / 86_400 {
        7 => ("week", 1),
        28..=31 => ("month", 1),
        89..=92 => ("month", 3),
        181..=184 => ("month", 6),
        365 | 366 => ("year", 1),
        _ => return None,
    };
    monthly(amount(&line["amount"])?, unit, every)
}

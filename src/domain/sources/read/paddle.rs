//! Paddle Billing's events (<https://developer.paddle.com/webhooks/overview>).

use serde_json::{Value, json};

use super::{Known, NO_CHANGE, Said, Told, amount, currency, days, email, envelope, line, moment, monthly, signal, words};
use crate::clock::Time;
use crate::domain::churn::timeline::{Details, SignalKind};
use crate::domain::error::Result;

pub(super) fn read(event: &Value) -> Result<Told> {
    let mut told = envelope(event, "event_id", "event_type", moment(&event["occurred_at"]), "occurred_at")?;
    let data = &event["data"];
    told.said = match told.event_type.as_str() {
        "subscription.canceled" => signal(line(&data["id"], 200), SignalKind::Leaving, subscription(data, told.occurred_at)),
        "subscription.past_due" => signal(line(&data["id"], 200), SignalKind::PaymentFailed, subscription(data, told.occurred_at)),
        "subscription.updated" => match (data["scheduled_change"]["action"].as_str(), data["status"].as_str()) {
            (Some("cancel"), _) | (_, Some("canceled")) => signal(line(&data["id"], 200), SignalKind::Leaving, subscription(data, told.occurred_at)),
            // Paddle does not say what was before, so every update without a cancellation says that there is none.
            (_, Some("active" | "trialing")) => signal(line(&data["id"], 200), SignalKind::Stays, subscription(data, told.occurred_at)),
            _ => Said::Nothing(NO_CHANGE),
        },
        "transaction.payment_failed" => signal(line(&data["subscription_id"], 200), SignalKind::PaymentFailed, transaction(data)),
        "transaction.completed" => signal(line(&data["subscription_id"], 200), SignalKind::Paid, transaction(data)),
        "customer.created" | "customer.updated" | "customer.imported" => Said::Who,
        _ => told.said,
    };
    if matches!(told.said, Said::Who) {
        told.customer = line(&data["id"], 200).map(|id| Known { id, email: email(&data["email"]), name: line(&data["name"], 200) });
    }
    Ok(told)
}

fn subscription(data: &Value, at: Time) -> Details {
    let items = data["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_item = |item: &Value| {
        let cycle = if item["price"]["billing_cycle"].is_object() { &item["price"]["billing_cycle"] } else { &data["billing_cycle"] };
        let price = amount(&item["price"]["unit_price"]["amount"])?.checked_mul(item["quantity"].as_i64().unwrap_or(1))?;
        monthly(price, cycle["interval"].as_str().unwrap_or("month"), cycle["frequency"].as_i64().unwrap_or(1))
    };
    let mrr = items.iter().filter_map(of_item).fold(None, |sum: Option<i64>, one| Some(sum.unwrap_or(0).saturating_add(one)));
    let first = items.first().unwrap_or(&Value::Null);
    let custom = &data["custom_data"];
    let ended = moment(&data["canceled_at"]).filter(|ended| *ended <= at);
    Details {
        email: email(&custom["email"]),
        name: line(&custom["name"], 200),
        provider: Some("paddle".to_owned()),
        customer_id: line(&data["customer_id"], 200),
        plan_name: line(&first["product"]["name"], 80).or_else(|| line(&first["price"]["name"], 80)),
        mrr_minor: mrr,
        currency: currency(&data["currency_code"]),
        tenure_days: days(moment(&data["started_at"]).or_else(|| moment(&data["created_at"])), ended.unwrap_or(at)),
        // Paddle has no field for a reason; whoever asks keeps it in custom_data.
        cancel_reason: line(&custom["cancel_reason"], 200),
        cancel_reason_text: words(&custom["cancel_reason_text"], 5000),
        left_at: ended.map(Time::micros),
        original: data["scheduled_change"].is_object().then(|| json!({"scheduled_change": data["scheduled_change"]})),
        ..Details::default()
    }
}

fn transaction(data: &Value) -> Details {
    Details {
        email: email(&data["custom_data"]["email"]),
        provider: Some("paddle".to_owned()),
        customer_id: line(&data["customer_id"], 200),
        currency: currency(&data["currency_code"]),
        ..Details::default()
    }
}

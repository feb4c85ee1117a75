//! Tools on what people do with the product.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::usage::{self as rest, Batch, Query};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "record_usage",
            "Record usage",
            "Counts what contacts did with the product, up to 1,000 events at once, for example \
             {\"events\": [{\"email\": \"mia@example.com\", \"name\": \"report_exported\", \"value\": 3, \"id\": \"e-17\"}]}. \
             Give each event an id: sent again, it is counted once. Events that cannot be taken are listed in refused, the others are kept; \
             correct those and send them alone.",
            Effect::Adds,
            record,
        ).only_with(Scope::Contacts).example(json!({"events": [{"email": "ana@example.com", "name": "order.created", "value": 3, "id": "order-4711"}]})),
        tool(
            "get_usage",
            "Get usage",
            "Reads what a contact did with the product: how often and how much, by day and name, the latest day first. Nothing there means that nothing was recorded.",
            Effect::Reads,
            get,
        ).only_with(Scope::Read).example(json!({"contact_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "days": 30})),
    ]
}

async fn record(call: Call, batch: Batch) -> Answered {
    Ok(Answer::new(rest::count(call.actor, &call.state, batch).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Of {
    /// The id of the contact.
    contact_id: String,
    /// So many days back, 1 to 90; 30 without it.
    days: Option<i64>,
}

async fn get(call: Call, of: Of) -> Answered {
    Ok(Answer::new(rest::of_contact(call.actor, &call.state, &of.contact_id, Query { days: of.days }).await?))
}

//! Tools on facts that change: settling them, who received the old ones, and putting that right.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool, with_schema};
use crate::api::facts::fields::described;
use crate::api::facts::{self as rest, Corrections, Demand, FactRow, Recall};
use crate::domain::actor::Scope;
use crate::domain::churn::demand::Order;
use crate::domain::error::Error;
use crate::domain::facts::Kind;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        with_schema(
            "change_fact",
            "Change a fact",
            "Writes a new version of a fact; fields that are left out stay. Messages that rest on the old version lose their approval and are held again. \
             Go on with get_recall to see who received the old one.",
            Effect::Settles,
            change_schema(),
            change,
        )
        .only_with(Scope::Admin)
        .answers::<FactRow>()
        .example(json!({"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "value": "9 people", "source": "https://example.com/about"})),
        tool(
            "accept_fact",
            "Accept a proposed fact",
            "Makes a proposed fact hold, so that claims may rest on it. Look at its source first.",
            Effect::Settles,
            accept,
        )
        .only_with(Scope::Admin)
        .answers::<FactRow>()
        .example(json!({"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
        tool(
            "revoke_fact",
            "Revoke a fact",
            "Ends a fact for good: no claim rests on it from now on, and messages that do lose their approval. Go on with get_recall.",
            Effect::Ends,
            revoke,
        )
        .only_with(Scope::Admin)
        .answers::<FactRow>()
        .example(json!({"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "reason": "The offer was withdrawn on 2 May."})),
        tool(
            "get_recall",
            "See who received a fact",
            "Lists who received a claim that rests on this fact, which held drafts rest on it, and the correction that is prepared where the fact has \
             changed since, as {fact, recipients, drafts, correction, corrected}.",
            Effect::Reads,
            recall,
        )
        .only_with(Scope::Read)
        .answers::<Recall>()
        .example(json!({"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
        tool(
            "send_corrections",
            "Submit corrections",
            "Submits a correction to everybody who received an older version of the fact and has none yet; without subject and text the prepared one. \
             Every one is held for review: do not send it again.",
            Effect::Settles,
            correct,
        )
        .only_with(Scope::Draft)
        .answers::<Corrections>()
        .example(json!({"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
        tool(
            "get_demand",
            "See what customers asked for",
            "Lists what customers who left had asked for and nothing that shipped answers, as {needs, departures}. order is revenue (the usual one), customers \
             or recent. Their words come marked as untrusted.",
            Effect::Reads,
            demand,
        )
        .only_with(Scope::Read)
        .answers::<Demand>()
        .example(json!({"order": "customers"})),
    ]
}

fn change_schema() -> JsonObject {
    let mut schema = described(&Kind::ENTERED, &["id"]);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("kind");
        properties.insert("id".to_owned(), json!({"type": "string", "description": "The id of the fact."}));
    }
    schema
}

async fn change(call: Call, mut given: JsonObject) -> Answered {
    let id = given.remove("id").and_then(|id| id.as_str().map(str::to_owned));
    let id = id.ok_or_else(|| Error::invalid("field_invalid", "id", "id must be the id of a fact; got nothing."))?;
    let shape = rest::amend(call.actor, &call.state, &id, given).await?;
    Ok(Answer::new(shape).next("Changed. Look with get_recall who received the older version."))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct One {
    /// The id of the fact.
    #[serde(alias = "fact_id")]
    id: String,
}

async fn accept(call: Call, one: One) -> Answered {
    Ok(Answer::new(rest::settle(call.actor, &call.state, &one.id).await?).next("It holds now, and claims may rest on it."))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// The id of the fact.
    #[serde(alias = "fact_id")]
    id: String,
    /// Why it no longer holds.
    reason: String,
}

async fn revoke(call: Call, revoke: Revoke) -> Answered {
    let shape = rest::withdraw(call.actor, &call.state, &revoke.id, revoke.reason).await?;
    Ok(Answer::new(shape).next("Revoked. Look with get_recall who received it."))
}

async fn recall(call: Call, one: One) -> Answered {
    let shape = rest::recalled(call.actor, &call.state, &one.id).await?;
    let next = match shape.correction {
        Some(_) => format!("{} people received what no longer holds. Submit the prepared correction with send_corrections.", shape.recipients.len()),
        None => "Nobody received what no longer holds.".to_owned(),
    };
    // Words of a customer are from outside wherever they are kept.
    Ok(Answer::new(shape).next(next).setting_apart("fact", &["label", "body"], |fact| fact["kind"] == "ticket_quote"))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Correct {
    /// The id of the fact.
    #[serde(alias = "fact_id")]
    id: String,
    /// The subject; the prepared one without it.
    subject: Option<String>,
    /// The plain text after the greeting; the prepared one without it.
    text: Option<String>,
}

async fn correct(call: Call, given: Correct) -> Answered {
    let shape = rest::put_right(call.actor, &call.state, &given.id, given.subject, given.text).await?;
    let next = match shape.messages.len() {
        0 => "Everybody has a correction already, or must not be mailed.".to_owned(),
        made => format!("{made} corrections are held for review. Nothing has left. Do not send them again."),
    };
    Ok(Answer::new(shape).next(next))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ByOrder {
    /// What counts most: revenue, customers or recent; revenue without it.
    order: Option<Order>,
}

async fn demand(call: Call, given: ByOrder) -> Answered {
    Ok(unmet(rest::unmet(call.actor, &call.state, given.order).await?))
}

/// The demand report with the words of customers set apart.
pub(super) fn unmet(report: Demand) -> Answer {
    Answer::new(report).setting_apart("needs", &["voices"], |_| true)
}

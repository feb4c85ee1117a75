//! Tools on the facts that claims rest on.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool, with_schema};
use crate::api::facts::{body_of, fact, version};
use crate::clock;
use crate::domain::actor::Scope;
use crate::domain::error::Error;
use crate::domain::facts::{self, Filter, Kind, State};
use crate::domain::ids::FactId;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "list_facts",
            "List facts",
            "Lists the facts that hold for everybody, newest first, as {facts, next_cursor}: product updates, offers, plan prices, links, migration changes, \
             facts about the company, customer stories. Only those in state \"current\" support a claim.",
            Effect::Reads,
            list,
        )
        .only_with(Scope::Read)
        .example(json!({"kind": "offer", "query": "20%"})),
        tool("get_fact", "Read a fact", "Reads one fact with all its versions, the newest first, and where each comes from.", Effect::Reads, get)
            .only_with(Scope::Read)
            .example(json!({"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
        with_schema(
            "propose_fact",
            "Propose a fact",
            "Enters a fact for a person to accept: until then it is in state \"proposed\" and supports no claim. Give kind, its fields, and source: where it can be looked up. \
             A fact that is on record already is refused with its id.",
            Effect::Adds,
            proposal_schema(),
            propose,
        )
        .only_with(Scope::Draft)
        .example(json!({"kind": "company_fact", "name": "Team size", "value": "8 people", "source": "https://example.com/about"}))
        .example(json!({"kind": "product_update", "title": "CSV export", "summary": "Every table can be downloaded as CSV.", "features": ["CSV export"], "shipped_on": "2026-04-30", "source": "https://example.com/changelog"})),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// Only of this kind: product_update, offer, plan_price, company_fact, allowed_url, migration_change or customer_story.
    #[schemars(with = "Option<String>")]
    kind: Option<Kind>,
    /// Words to find in the fact.
    query: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn list(call: Call, list: List) -> Answered {
    let filter = Filter {
        kind: list.kind,
        words: list.query.filter(|words| !words.trim().is_empty()),
        after: list.cursor.as_deref().map(FactId::from),
        limit: list.limit.unwrap_or(20).clamp(1, 100),
        ..Filter::default()
    };
    let (rows, more) = call.state.read(move |conn| facts::list(conn, &call.actor, &filter)).await?;
    let cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
    let rows: Vec<Value> = rows.iter().map(fact).collect();
    Ok(Answer::new(json!({"facts": rows, "next_cursor": cursor})))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct One {
    /// The id of the fact.
    #[serde(alias = "fact_id")]
    id: String,
}

async fn get(call: Call, one: One) -> Answered {
    let id = FactId::from(one.id.as_str());
    let (row, versions) = call.state.read(move |conn| Ok((facts::get(conn, &call.actor, &id)?, facts::versions(conn, &call.actor, &id)?))).await?;
    let mut shape = fact(&row);
    shape["versions"] = versions.iter().map(version).collect();
    // Words of a customer are from outside wherever they are kept.
    let theirs = if row.kind == Kind::TicketQuote { &["label", "body", "versions"][..] } else { &[] };
    Ok(Answer::new(shape).setting_apart("", theirs, |_| true))
}

async fn propose(call: Call, mut given: JsonObject) -> Answered {
    let source = match given.remove("source") {
        None | Some(Value::Null) => return Err(Error::invalid("field_invalid", "source", "source must be given; got nothing.").into()),
        Some(Value::String(source)) => source,
        Some(_) => return Err(Error::invalid("field_invalid", "source", "source must be a string.").into()),
    };
    let body = body_of(given)?;
    let row = call.state.write(move |conn| facts::add(conn, &call.actor, body, Some(&source), clock::now())).await?;
    let next = match row.state {
        State::Proposed => "Proposed. It supports no claim until a person accepts it. Do not propose it again.",
        _ => "Entered. Claims may rest on it now.",
    };
    Ok(Answer::new(fact(&row)).next(next))
}

/// One flat object for all kinds: which fields belong to which kind is said in words,
/// because few clients show a choice of schemas well.
pub(super) fn proposal_schema() -> JsonObject {
    let text = |about: &str| json!({"type": "string", "description": about});
    let list = |about: &str| json!({"type": "array", "items": {"type": "string"}, "description": about});
    let money = |about: &str| {
        json!({
            "type": "object",
            "description": about,
            "properties": {
                "minor": {"type": "integer", "description": "The amount in minor units, such as cents."},
                "currency": {"type": "string", "description": "ISO 4217, such as USD."},
            },
            "required": ["minor", "currency"],
        })
    };
    let kinds: Vec<&str> = Kind::ENTERED.iter().map(|kind| kind.as_str()).collect();
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "source"],
        "properties": {
            "kind": {"type": "string", "enum": kinds, "description": "What kind of fact."},
            "source": text("Where it can be looked up, such as a link or a document."),
            "title": text("product_update, migration_change: what it is, in a few words."),
            "summary": text("product_update: what it does, in a sentence or two."),
            "features": list("product_update: what it adds or mends. plan_price: what the plan includes."),
            "keywords": list("product_update: words that customers use for it."),
            "shipped_on": text("product_update: the day, such as 2026-04-30."),
            "url": text("allowed_url: the link, a star at the end allows everything below it. product_update, migration_change: where to read more."),
            "name": text("offer, plan_price, company_fact: its name."),
            "code": text("offer: the coupon code."),
            "percent": {"type": "integer", "description": "offer: percent off, 1 to 100. Percent or amount, never both."},
            "amount": money("offer: amount off."),
            "months": {"type": "integer", "description": "offer: for how many months; for as long as they stay without it."},
            "cap": money("offer: the most that one customer saves."),
            "budget": money("offer: the most that is given away in all."),
            "expires_on": text("offer: the last day it can be redeemed."),
            "eligible_reasons": list("offer: for which reasons for leaving; for all without it."),
            "stackable": {"type": "boolean", "description": "offer: whether it may stand beside another one."},
            "price": money("plan_price: the price a month."),
            "value": text("company_fact: what is so."),
            "note": text("allowed_url: what the link is for."),
            "endpoint": text("migration_change: the endpoint it is about."),
            "header": text("migration_change: the header it is about."),
            "field": text("migration_change: the field it is about."),
            "old": text("migration_change: as it was."),
            "new": text("migration_change: as it will be."),
            "deadline": text("migration_change: the day the old one stops."),
            "who": text("customer_story: who, described without a name."),
            "quote": text("customer_story: their words."),
            "outcome": text("customer_story: what came of it."),
            "plan": text("customer_story: their plan."),
            "reason": text("customer_story: the reason for leaving it speaks to."),
        },
    });
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::{AllowedUrl, Body, CompanyFact, CustomerStory, MigrationChange, Offer, PlanPrice, ProductUpdate};
    use crate::domain::money::Money;

    #[test]
    fn the_schema_names_every_field_of_every_kind() {
        let price = Money { minor: 900, currency: "USD".into() };
        let bodies = [
            Body::ProductUpdate(ProductUpdate::default()),
            Body::Offer(Offer::default()),
            Body::PlanPrice(PlanPrice { name: "Team".into(), price, features: vec![] }),
            Body::MigrationChange(MigrationChange::default()),
            Body::AllowedUrl(AllowedUrl { url: "https://example.com".into(), note: None }),
            Body::CompanyFact(CompanyFact { name: "team_size".into(), value: "8".into() }),
            Body::CustomerStory(CustomerStory::default()),
        ];
        assert_eq!(bodies.len(), Kind::ENTERED.len());
        let schema = proposal_schema();
        let mut named: Vec<String> = vec!["source".into()];
        for body in bodies {
            for field in serde_json::to_value(&body).unwrap().as_object().unwrap().keys() {
                assert!(schema["properties"].get(field).is_some(), "{field} of {} is missing", body.kind());
                named.push(field.clone());
            }
        }
        for field in schema["properties"].as_object().unwrap().keys() {
            assert!(named.contains(field), "{field} belongs to no kind");
        }
    }
}

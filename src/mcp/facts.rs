//! Tools on the facts that claims rest on.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool, with_schema};
use crate::api::facts::fields::described;
use crate::api::facts::{FactHistory, FactPage, FactRow, FactVersion, body_of};
use crate::api::input::id_cursor;
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
        .answers::<FactPage>()
        .example(json!({"kind": "offer", "query": "20%"})),
        tool("get_fact", "Read a fact", "Reads one fact with all its versions, the newest first, and where each comes from.", Effect::Reads, get)
            .only_with(Scope::Read)
            .answers::<FactHistory>()
            .example(json!({"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
        with_schema(
            "propose_fact",
            "Propose a fact",
            "Enters a fact for a person to accept: until then it is in state \"proposed\" and supports no claim. Give kind, its fields, and source: where it can be looked up. \
             A fact that is on record already is refused with its id.",
            Effect::Adds,
            described(&Kind::ENTERED, &["kind", "source"]),
            propose,
        )
        .only_with(Scope::Draft)
        .answers::<FactRow>()
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
        after: id_cursor(list.cursor.as_deref())?,
        limit: list.limit.unwrap_or(20).clamp(1, 100),
        ..Filter::default()
    };
    let (rows, more) = call.state.read(move |conn| facts::list(conn, &call.actor, &filter)).await?;
    let cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
    Ok(Answer::new(FactPage { facts: rows.iter().map(FactRow::of).collect(), next_cursor: cursor }))
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
    let shape = FactHistory { fact: FactRow::of(&row), versions: versions.iter().map(FactVersion::of).collect() };
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
    Ok(Answer::new(FactRow::of(&row)).next(next))
}

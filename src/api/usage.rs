//! `/v1/usage-events`: what people do with the product.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Problem;
use super::json::{self, Json, Params};
use super::key::Key;
use super::operations::{Operation, get, post};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::ContactId;
use crate::domain::text::excerpt;
use crate::domain::usage::{self, KEPT_DAYS, UsageEvent};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/usage-events", "record_usage", "Count what people did")
            .about("1 to 1,000 events of contacts that are on record. Events that cannot be taken are named; the others are kept. Activity brings back who counted as inactive.")
            .needs(&[Scope::Contacts])
            .body::<Batch>()
            .answers::<Recorded>(200)
            .to(record),
        get("/v1/contacts/{id}/usage", "get_usage", "What a contact did")
            .about("A row for each day and name, the latest day first.")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<OfContact>(200)
            .to(show),
    ]
}

/// A batch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// What happened, 1 to 1,000 events.
    #[schemars(with = "Vec<Row>")]
    pub(crate) events: Vec<Value>,
}

/// An event, or what is none: that is refused by itself, and the others are kept.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "each row is read by itself; this is what the description says of it")]
enum Row {
    Event(Event),
    Other(Value),
}

/// Something that somebody did.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The contact's id; either this or email.
    pub(crate) contact: Option<String>,
    /// The contact's address; either this or contact.
    pub(crate) email: Option<String>,
    /// What they did, such as report_exported; at most 80 characters.
    pub(crate) name: String,
    /// How much of it, a whole number from 0; 1 without it.
    pub(crate) value: Option<i64>,
    /// When, in the last 90 days, such as 2026-04-30T12:00:00Z; now without it.
    pub(crate) at: Option<String>,
    /// Your id of this event. With one, an event that is sent again is counted once.
    pub(crate) id: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RecordedUsage")]
pub struct Recorded {
    /// How many were counted.
    taken: usize,
    /// How many had been counted before, by their ids.
    repeated: usize,
    /// Those that were not counted; the others were.
    refused: Vec<Refused>,
}

/// An event that was not counted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RefusedUsage")]
pub struct Refused {
    /// Its place in the batch, from 0.
    index: usize,
    /// Your id of it.
    id: Option<String>,
    /// The field at fault.
    field: Option<String>,
    /// A stable word.
    code: String,
    /// What to do.
    detail: String,
}

pub async fn record(key: Key, state: web::Data<State>, batch: Json<Batch>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(count(key.0, &state, batch.0).await?))
}

/// One event of a batch, read by itself so that it does not take the others with it.
fn read(event: &Value) -> DomainResult<UsageEvent> {
    let Event { contact, email, name, value, at, id } = json::typed(event)?;
    Ok(UsageEvent { contact, email, name, value, at, id })
}

/// Counts a batch.
pub(crate) async fn count(actor: Actor, state: &State, batch: Batch) -> Result<Recorded, Problem> {
    let events: Vec<DomainResult<UsageEvent>> = batch.events.iter().map(read).collect();
    let done = state.write(move |conn| usage::record(conn, &actor, &events, clock::now())).await?;
    let refused = |row: usage::RefusedEvent| Refused {
        index: row.index,
        id: row.id.or_else(|| batch.events.get(row.index)?.get("id")?.as_str().map(excerpt)),
        field: row.error.field,
        code: row.error.code.to_owned(),
        detail: row.error.detail,
    };
    Ok(Recorded { taken: done.taken, repeated: done.repeated, refused: done.refused.into_iter().map(refused).collect() })
}

/// For how long.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// So many days back, 1 to 90; 30 without it.
    pub(crate) days: Option<i64>,
}

/// What a contact did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UsageOfContact")]
pub struct OfContact {
    /// The contact.
    contact_id: ContactId,
    /// From this day on, as YYYY-MM-DD in UTC.
    since: String,
    /// A row for each day and name, the latest day first, at most 1,000.
    usage: Vec<Day>,
}

/// One thing on one day.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UsageOfDay")]
pub struct Day {
    /// The day in UTC, as YYYY-MM-DD.
    day: String,
    /// What they did.
    name: String,
    /// How often.
    events: i64,
    /// The sum of the values.
    total: i64,
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(of_contact(key.0, &state, &id, query.0).await?))
}

/// What a contact did, by day and name.
pub(crate) async fn of_contact(actor: Actor, state: &State, id: &str, query: Query) -> Result<OfContact, Problem> {
    let days = query.days.unwrap_or(30);
    if !(1..=KEPT_DAYS).contains(&days) {
        return Err(Error::invalid("field_invalid", "days", format!("days must be 1 to {KEPT_DAYS}; got {days}.")).into());
    }
    let (id, since) = (ContactId::from(id), clock::now().plus_days(1 - days).date().to_string());
    let (contact, from) = (id.clone(), since.clone());
    let rows = state.read(move |conn| usage::of_contact(conn, &actor, &contact, &from)).await?;
    let usage = rows.into_iter().map(|row| Day { day: row.day, name: row.name, events: row.events, total: row.total }).collect();
    Ok(OfContact { contact_id: id, since, usage })
}

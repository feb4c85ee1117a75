//! `/v1/cohorts/{id}/api-changes`: what breaks between two OpenAPI files, and whom it hits.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, get, post};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::cohorts::changes::compare::What;
use crate::domain::cohorts::changes::file::read;
use crate::domain::cohorts::changes::{self, Comparison, Hits};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{CohortId, ContactId};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/cohorts/{id}/api-changes", "compare_cohort_api", "Find what breaks between two OpenAPI files")
            .about(
                "Give the old and the new OpenAPI 3 description, each as a JSON object or as a string with the whole file, JSON or YAML. What breaks (operations removed, moved or deprecated; parameters, fields and \
                 answers removed, newly required or of another type; another way to prove who one is) is proposed as facts of kind `migration_change`; \
                 a person accepts each before a draft can rest on it. At most 200 changes; references are followed inside of each file only.",
            )
            .needs(&[Scope::Draft])
            .body::<Files>()
            .answers::<Shape>(201)
            .to(compare),
        get("/v1/cohorts/{id}/api-changes", "get_cohort_api_changes", "See what breaks and whom it hits")
            .about(
                "The latest comparison, with the customers who were seen in the last 90 days to use what changes: usage under names such as \
                 `GET /v1/orders` or `GET /v1/orders/17`.",
            )
            .needs(&[Scope::Read])
            .answers::<Shape>(200)
            .to(latest),
    ]
}

/// An OpenAPI 3 description: a JSON object, or a string with the whole file, JSON or YAML.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "an object or a string")]
#[schemars(rename = "OpenApiFile")]
pub(crate) enum File {
    /// The description itself.
    Object(Map<String, Value>),
    /// The whole file as text.
    Text(String),
}

impl File {
    fn read(self, field: &str) -> DomainResult<Value> {
        match self {
            File::Object(value) => Ok(Value::Object(value)),
            File::Text(text) => read(field, text.as_bytes()),
        }
    }
}

/// Two OpenAPI files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OpenApiFiles")]
pub struct Files {
    /// The OpenAPI 3 description that callers use now.
    pub(crate) old: File,
    /// The one that they have to move to.
    pub(crate) new: File,
}

/// What breaks.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApiChange")]
pub struct ChangeShape {
    /// What.
    pub what: What,
    /// The operation as it was, such as `GET /v1/orders/{id}`.
    pub operation: String,
    /// The parameter, field or answer.
    pub place: Option<String>,
    /// As it was.
    pub old: Option<String>,
    /// As it will be.
    pub new: Option<String>,
    /// The same in a line.
    pub title: String,
    /// How many customers were seen to use the operation in the last 90 days.
    pub customers: usize,
}

/// A customer whom changes hit.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApiChangeHit")]
pub struct HitShape {
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// How often they used each operation that changes.
    pub operations: BTreeMap<String, i64>,
    /// How often in all.
    pub events: i64,
}

/// What breaks between two OpenAPI files, and whom it hits.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApiChanges")]
pub struct Shape {
    /// The old file.
    pub old_title: String,
    /// The new file.
    pub new_title: String,
    /// What breaks, by operation.
    pub changes: Vec<ChangeShape>,
    /// Whether there is more than was looked at or kept.
    pub more: bool,
    /// How many facts were proposed; the others were there already.
    pub proposed: i32,
    /// The customers whom it hits, those who use most first, at most 200.
    pub customers: Vec<HitShape>,
    /// How many customers it hits in all.
    pub customers_in_all: usize,
    /// Who compared.
    pub created_by: String,
    /// When.
    pub created_at: Time,
}

impl Shape {
    fn of((row, hits): (Comparison, Hits)) -> Self {
        let change = |change: &changes::compare::Change| ChangeShape {
            what: change.what,
            title: change.title(),
            customers: hits.by_operation.get(&change.operation).copied().unwrap_or(0),
            operation: change.operation.clone(),
            place: change.place.clone(),
            old: change.old.clone(),
            new: change.new.clone(),
        };
        Shape {
            changes: row.changes.iter().map(change).collect(),
            customers: hits
                .customers
                .into_iter()
                .map(|hit| HitShape { events: hit.events(), contact_id: hit.contact.id, email: hit.contact.email, operations: hit.operations })
                .collect(),
            customers_in_all: hits.total,
            old_title: row.old_title,
            new_title: row.new_title,
            more: row.more,
            proposed: row.proposed,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

pub async fn compare(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Files>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(look(key.0, &state, &id, body.0).await?))
}

/// Compares two files and says what breaks.
pub(crate) async fn look(actor: Actor, state: &State, id: &str, files: Files) -> Result<Shape, Problem> {
    let id = CohortId::from(id);
    let files = web::block(move || Ok::<_, Error>((files.old.read("old")?, files.new.read("new")?)));
    let (old, new) = files.await.map_err(Error::internal)??;
    let (by, of) = (actor.clone(), id.clone());
    let row = state.write(move |conn| changes::look(conn, &by, &of, &old, &new, clock::now())).await?;
    // Who is hit is told to whoever may read.
    match actor.must_have(Scope::Read) {
        Ok(()) => found(actor, state, id).await,
        Err(_) => Ok(Shape::of((row, Hits::default()))),
    }
}

pub async fn latest(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(newest(key.0, &state, &id).await?))
}

/// The latest comparison.
pub(crate) async fn newest(actor: Actor, state: &State, id: &str) -> Result<Shape, Problem> {
    found(actor, state, CohortId::from(id)).await
}

async fn found(actor: Actor, state: &State, id: CohortId) -> Result<Shape, Problem> {
    let found = state.read(move |conn| changes::latest(conn, &actor, &id, clock::now())).await?;
    let none = || Error::not_found("comparison");
    Ok(Shape::of(found.ok_or_else(none)?))
}

//! `/v1/segments`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::contacts::{Contact, ContactPage};
use super::error::Problem;
use super::input::id_cursor;
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, delete, get, patch, post};
use super::shapes::OneOrMany;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::conditions::{self, Churn};
use crate::domain::ids::SegmentId;
use crate::domain::reason::Reason;
use crate::domain::segments::{self, Count, Input, Segment};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/segments", "create_segment", "Keep a segment")
            .about("A segment is a search for contacts under a name. It is looked up anew whenever it is used.")
            .needs(&[Scope::Draft])
            .body::<New>()
            .answers::<Shape>(201)
            .to(create),
        get("/v1/segments", "list_segments", "List the segments").needs(&[Scope::Read]).query::<Paging>().answers::<SegmentPage>(200).to(list),
        get("/v1/segments/{id}", "get_segment", "Read a segment")
            .about("With the number of its contacts, counted up to 10,000.")
            .needs(&[Scope::Read])
            .answers::<Counted>(200)
            .to(show),
        patch("/v1/segments/{id}", "change_segment", "Change a segment")
            .about("What is left out stays.")
            .needs(&[Scope::Draft])
            .body::<Patch>()
            .answers::<Shape>(200)
            .to(change),
        delete("/v1/segments/{id}", "delete_segment", "Remove a segment")
            .about("Refused while a campaign or a cohort uses it.")
            .needs(&[Scope::Draft])
            .answers_nothing(204)
            .to(remove),
        get("/v1/segments/{id}/contacts", "list_segment_contacts", "List the contacts of a segment")
            .about("The newest contact first.")
            .needs(&[Scope::Read])
            .query::<Paging>()
            .answers::<ContactPage>(200)
            .to(members),
    ]
}

/// Where in a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

/// What must hold of contacts besides tags and words; each that is given must.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SegmentConditions")]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// The name of their plan, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// They pay at least so much a month, in minor units.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mrr_from: Option<i64>,
    /// They pay at most so much a month, in minor units.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mrr_to: Option<i64>,
    /// They were last active at least so many days ago.
    #[schemars(range(min = 0, max = 3650))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inactive_days: Option<i64>,
    /// Whether they left: gone, back or never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn: Option<Churn>,
    /// Why they left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// They left at least so many days ago.
    #[schemars(range(min = 0, max = 3650))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_from_days: Option<i64>,
    /// They left at most so many days ago.
    #[schemars(range(min = 0, max = 3650))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_to_days: Option<i64>,
    /// No mail left for them in so many days.
    #[schemars(range(min = 0, max = 3650))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmailed_days: Option<i64>,
    /// They wrote to us in the last so many days.
    #[schemars(range(min = 0, max = 3650))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replied_days: Option<i64>,
    /// They used this in the last 30 days: a name that usage is counted by, such as an endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<String>,
    /// They did not use this in the last 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused: Option<String>,
    /// The name of a field of their metadata; goes with value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What that field holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Conditions by name: what derives reading takes a list too, in the order of the fields.
fn object<'de, D: Deserializer<'de>>(given: D) -> Result<Option<Conditions>, D::Error> {
    let named: Option<Map<String, Value>> = Option::deserialize(given)?;
    named.map(|named| Conditions::deserialize(Value::Object(named)).map_err(serde::de::Error::custom)).transpose()
}

impl From<Conditions> for conditions::Conditions {
    fn from(given: Conditions) -> Self {
        let Conditions {
            plan,
            mrr_from,
            mrr_to,
            inactive_days,
            churn,
            reason,
            left_from_days,
            left_to_days,
            unmailed_days,
            replied_days,
            used,
            unused,
            field,
            value,
        } = given;
        conditions::Conditions {
            plan,
            mrr_from,
            mrr_to,
            inactive_days,
            churn,
            reason,
            left_from_days,
            left_to_days,
            unmailed_days,
            replied_days,
            used,
            unused,
            field,
            value,
        }
    }
}

impl From<conditions::Conditions> for Conditions {
    fn from(kept: conditions::Conditions) -> Self {
        let conditions::Conditions {
            plan,
            mrr_from,
            mrr_to,
            inactive_days,
            churn,
            reason,
            left_from_days,
            left_to_days,
            unmailed_days,
            replied_days,
            used,
            unused,
            field,
            value,
        } = kept;
        Conditions {
            plan,
            mrr_from,
            mrr_to,
            inactive_days,
            churn,
            reason,
            left_from_days,
            left_to_days,
            unmailed_days,
            replied_days,
            used,
            unused,
            field,
            value,
        }
    }
}

/// A segment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Segment")]
pub struct Shape {
    /// Its id.
    pub id: SegmentId,
    /// Its name.
    pub name: String,
    /// Tags separated by commas, all of them; a leading minus excludes.
    pub tags: String,
    /// Words that must all occur in name, address or tags: each finds all that begin with it.
    pub query: String,
    /// Whether only contacts with a subscription on record belong to it.
    pub customers_only: bool,
    /// What else holds of its contacts, all of it.
    pub conditions: Conditions,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl From<Segment> for Shape {
    fn from(row: Segment) -> Self {
        Shape {
            id: row.id,
            name: row.name,
            tags: row.tags,
            query: row.words,
            customers_only: row.customers_only,
            conditions: row.conditions.into_inner().into(),
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A segment and how many contacts it has.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CountedSegment")]
pub struct Counted {
    /// The segment.
    #[serde(flatten)]
    pub segment: Shape,
    /// How many contacts, counted up to 10,000.
    pub count: usize,
    /// Whether there are more than were counted.
    pub more: bool,
}

/// A page of segments.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SegmentPage {
    /// The segments, newest first.
    pub segments: Vec<Shape>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<SegmentId>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// A name that no other segment has, at most 100 characters.
    pub(crate) name: String,
    /// Tags the contacts have, as a list or separated by commas, all of them; a leading minus excludes.
    pub(crate) tags: Option<OneOrMany>,
    /// Words that must all occur in name, address or tags: each finds all that begin with it.
    pub(crate) query: Option<String>,
    /// true leaves out contacts without a subscription on record.
    pub(crate) customers_only: Option<bool>,
    /// What else must hold of them, all of it.
    #[serde(default, deserialize_with = "object")]
    pub(crate) conditions: Option<Conditions>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Another name.
    name: Option<String>,
    /// Other tags; empty for none.
    tags: Option<OneOrMany>,
    /// Other words; empty for none.
    query: Option<String>,
    /// Whether contacts without a subscription on record are left out.
    customers_only: Option<bool>,
    /// Other conditions, in place of all there were; an empty object for none.
    #[serde(default, deserialize_with = "object")]
    conditions: Option<Conditions>,
}

pub(super) fn joined(tags: Option<OneOrMany>) -> Option<String> {
    tags.map(|tags| tags.into_vec().join(","))
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

/// Adds a segment.
pub(crate) async fn add(actor: Actor, state: &State, new: New) -> Result<Shape, Problem> {
    let input = Input {
        name: Some(new.name),
        tags: joined(new.tags),
        words: new.query,
        customers_only: new.customers_only,
        conditions: new.conditions.map(Into::into),
    };
    Ok(state.quiet_write(move |conn| segments::create(conn, &actor, &input, clock::now())).await?.into())
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Paging>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state, query.0).await?))
}

/// The segments.
pub(crate) async fn all(actor: Actor, state: &State, query: Paging) -> Result<SegmentPage, Problem> {
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let page = state.read(move |conn| segments::list(conn, &actor, limit, before.as_ref())).await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|row| row.id.clone());
    Ok(SegmentPage { segments: page.rows.into_iter().map(Shape::from).collect(), next_cursor })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One segment, counted.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Counted, Problem> {
    let id = SegmentId::from(id);
    let (row, Count { count, more }) = state.read(move |conn| segments::get(conn, &actor, &id, clock::now())).await?;
    Ok(Counted { segment: row.into(), count, more })
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Patch>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(alter(key.0, &state, &id, body.0).await?))
}

/// Changes a segment.
pub(crate) async fn alter(actor: Actor, state: &State, id: &str, patch: Patch) -> Result<Shape, Problem> {
    let (id, Patch { name, tags, query, customers_only, conditions }) = (SegmentId::from(id), patch);
    let input = Input { name, tags: joined(tags), words: query, customers_only, conditions: conditions.map(Into::into) };
    Ok(state.quiet_write(move |conn| segments::change(conn, &actor, &id, &input, clock::now())).await?.into())
}

pub async fn remove(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    take_away(key.0, &state, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Removes a segment.
pub(crate) async fn take_away(actor: Actor, state: &State, id: &str) -> Result<(), Problem> {
    let id = SegmentId::from(id);
    Ok(state.quiet_write(move |conn| segments::delete(conn, &actor, &id, clock::now())).await?)
}

pub async fn members(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Paging>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(contacts_of(key.0, &state, &id, query.0).await?))
}

/// The contacts of a segment.
pub(crate) async fn contacts_of(actor: Actor, state: &State, id: &str, query: Paging) -> Result<ContactPage, Problem> {
    let id = SegmentId::from(id);
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let (found, next_cursor) = state.read(move |conn| segments::members(conn, &actor, &id, limit, before, clock::now())).await?;
    let all = || found.iter().map(Contact::of).collect();
    Ok(ContactPage { contacts: all(), results: all(), next_cursor, hint: None })
}

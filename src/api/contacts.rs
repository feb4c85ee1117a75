//! `/v1/contacts`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::shapes::{self, OneOrMany, Tags};
use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::contacts::{self, ContactInput, Search};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Error;
use crate::domain::ids::ContactId;

#[derive(Debug, Default, Deserialize)]
pub struct Query {
    pub(crate) email: Option<String>,
    pub(crate) query: Option<String>,
    pub(crate) tags: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

pub async fn search(key: Key, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(find(key.0, &state, query.into_inner()).await?))
}

/// Finds contacts.
pub(crate) async fn find(actor: Actor, state: &State, query: Query) -> Result<Value, Problem> {
    let (tags, without_tags) = query.tags.as_deref().map(contacts::split_tags).unwrap_or_default();
    let email_key = query.email.as_deref().map(|email| EmailAddress::parse("email", email)).transpose()?;
    let search = Search {
        email_key: email_key.map(|email| email.key().to_owned()),
        words: query.query.unwrap_or_default().split_whitespace().take(10).map(str::to_owned).collect(),
        tags,
        without_tags,
        customers_only: false,
        limit: query.limit.unwrap_or(20).clamp(1, 100),
        before: query.cursor.as_deref().map(ContactId::from),
    };
    let (found, cursor) = state.read(move |conn| contacts::search(conn, &actor, &search)).await?;
    let found: Vec<Value> = found.iter().map(shapes::contact).collect();
    Ok(json!({"contacts": found, "results": found, "next_cursor": cursor}))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upsert {
    /// The address. A contact with this address is completed; there is never a second one.
    pub(crate) email: String,
    /// The name.
    pub(crate) name: Option<String>,
    /// Tags to add; the ones already there stay.
    pub(crate) tags: Option<OneOrMany>,
    /// Values to keep with the contact; keys that are not named stay as they are.
    pub(crate) metadata: Option<Map<String, Value>>,
    /// IANA name of the contact's time zone, such as Europe/Berlin.
    pub(crate) time_zone: Option<String>,
}

pub async fn upsert(key: Key, state: web::Data<State>, body: Json<Upsert>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(put(key.0, &state, body.0).await?))
}

/// Adds a contact or completes the one with this address.
pub(crate) async fn put(actor: Actor, state: &State, body: Upsert) -> Result<Value, Problem> {
    let input = ContactInput {
        email: body.email,
        name: body.name,
        tags: body.tags.map(OneOrMany::into_vec).unwrap_or_default(),
        metadata: body.metadata.unwrap_or_default(),
        time_zone: body.time_zone,
    };
    let contact = state.write(move |conn| contacts::upsert(conn, &actor, &input, clock::now())).await?;
    Ok(shapes::contact(&contact))
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One contact.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Value, Problem> {
    let id = ContactId::from(id);
    let contact = state.read(move |conn| contacts::get(conn, &actor, &id)).await?;
    Ok(shapes::contact(&contact))
}

pub async fn add_tags(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Tags>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(tag(key.0, &state, &id, body.0.tags).await?))
}

/// Adds tags to a contact.
pub(crate) async fn tag(actor: Actor, state: &State, id: &str, tags: OneOrMany) -> Result<Value, Problem> {
    let (id, tags) = (ContactId::from(id), tags.into_vec());
    let contact = state.write(move |conn| contacts::add_tags(conn, &actor, &id, &tags, clock::now())).await?;
    Ok(shapes::contact(&contact))
}

pub async fn remove_tag(key: Key, state: web::Data<State>, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (id, tag) = path.into_inner();
    Ok(HttpResponse::Ok().json(untag(key.0, &state, &id, vec![tag]).await?))
}

/// Takes tags off a contact.
pub(crate) async fn untag(actor: Actor, state: &State, id: &str, tags: Vec<String>) -> Result<Value, Problem> {
    let id = ContactId::from(id);
    let contact = state
        .write(move |conn| {
            let mut left = None;
            for tag in &tags {
                left = Some(contacts::remove_tag(conn, &actor, &id, tag, clock::now())?);
            }
            left.ok_or_else(|| Error::invalid("field_invalid", "tags", "tags must name at least one tag; got none."))
        })
        .await?;
    Ok(shapes::contact(&contact))
}

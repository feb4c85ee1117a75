//! `/v1/contacts`.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::shapes::{self, OneOrMany, Tags};
use crate::app::State;
use crate::clock;
use crate::domain::contacts::{self, ContactInput, Search};
use crate::domain::email_address::EmailAddress;
use crate::domain::ids::ContactId;

#[derive(Debug, Deserialize)]
pub struct Query {
    email: Option<String>,
    query: Option<String>,
    tags: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub async fn search(key: Key, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
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
    let (found, cursor) = state.read(move |conn| contacts::search(conn, &key.0, &search)).await?;
    let found: Vec<Value> = found.iter().map(shapes::contact).collect();
    Ok(HttpResponse::Ok().json(json!({"contacts": found, "results": found, "next_cursor": cursor})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upsert {
    email: String,
    name: Option<String>,
    tags: Option<OneOrMany>,
    metadata: Option<Map<String, Value>>,
    time_zone: Option<String>,
}

pub async fn upsert(key: Key, state: web::Data<State>, body: Json<Upsert>) -> Result<HttpResponse, Problem> {
    let input = ContactInput {
        email: body.0.email,
        name: body.0.name,
        tags: body.0.tags.map(OneOrMany::into_vec).unwrap_or_default(),
        metadata: body.0.metadata.unwrap_or_default(),
        time_zone: body.0.time_zone,
    };
    let contact = state.write(move |conn| contacts::upsert(conn, &key.0, &input, clock::now())).await?;
    Ok(HttpResponse::Ok().json(shapes::contact(&contact)))
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = ContactId::from(id.as_str());
    let contact = state.read(move |conn| contacts::get(conn, &key.0, &id)).await?;
    Ok(HttpResponse::Ok().json(shapes::contact(&contact)))
}

pub async fn add_tags(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Tags>) -> Result<HttpResponse, Problem> {
    let id = ContactId::from(id.as_str());
    let tags = body.0.tags.into_vec();
    let contact = state.write(move |conn| contacts::add_tags(conn, &key.0, &id, &tags, clock::now())).await?;
    Ok(HttpResponse::Ok().json(shapes::contact(&contact)))
}

pub async fn remove_tag(key: Key, state: web::Data<State>, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (id, tag) = path.into_inner();
    let id = ContactId::from(id.as_str());
    let contact = state.write(move |conn| contacts::remove_tag(conn, &key.0, &id, &tag, clock::now())).await?;
    Ok(HttpResponse::Ok().json(shapes::contact(&contact)))
}

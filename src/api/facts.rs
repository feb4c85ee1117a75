//! `/v1/facts`, and the same rows as `/v1/product-updates` and `/v1/offers`.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::json::{self, Json};
use super::key::Key;
use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::churn::demand::{self, Order};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::facts::{self, Body, Fact, Filter, Kind, State as FactState, Version};
use crate::domain::ids::{ContactId, FactId};
use crate::domain::messages::recall;

#[derive(Debug, Default, Deserialize)]
pub struct Query {
    kind: Option<Kind>,
    state: Option<FactState>,
    contact: Option<String>,
    query: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub async fn list(key: Key, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    let (found, cursor) = page(key, &state, query.into_inner()).await?;
    let found: Vec<Value> = found.iter().map(fact).collect();
    Ok(HttpResponse::Ok().json(json!({"facts": found, "next_cursor": cursor})))
}

pub async fn updates(key: Key, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    let (found, cursor) = page(key, &state, Query { kind: Some(Kind::ProductUpdate), ..query.into_inner() }).await?;
    let found: Vec<Value> = found.iter().map(flat).collect();
    Ok(HttpResponse::Ok().json(json!({"product_updates": found, "next_cursor": cursor})))
}

pub async fn offers(key: Key, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    let (found, cursor) = page(key, &state, Query { kind: Some(Kind::Offer), ..query.into_inner() }).await?;
    let found: Vec<Value> = found.iter().map(flat).collect();
    Ok(HttpResponse::Ok().json(json!({"offers": found, "next_cursor": cursor})))
}

async fn page(key: Key, state: &State, query: Query) -> Result<(Vec<Fact>, Option<FactId>), Problem> {
    let filter = Filter {
        kind: query.kind,
        state: query.state,
        contact: query.contact.as_deref().map(ContactId::from),
        words: query.query,
        after: query.cursor.as_deref().map(FactId::from),
        limit: query.limit.unwrap_or(20).clamp(1, 100),
    };
    let (rows, more) = state.read(move |conn| facts::list(conn, &key.0, &filter)).await?;
    let cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
    Ok((rows, cursor))
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = FactId::from(id.as_str());
    let (row, versions) = state.read(move |conn| Ok((facts::get(conn, &key.0, &id)?, facts::versions(conn, &key.0, &id)?))).await?;
    let mut answer = fact(&row);
    answer["versions"] = versions.iter().map(version).collect();
    Ok(HttpResponse::Ok().json(answer))
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    let row = enter(key, &state, body.0).await?;
    Ok(HttpResponse::Created().json(fact(&row)))
}

pub async fn create_update(key: Key, state: web::Data<State>, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    create_kind(key, &state, Kind::ProductUpdate, body.0).await
}

pub async fn create_offer(key: Key, state: web::Data<State>, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    create_kind(key, &state, Kind::Offer, body.0).await
}

async fn create_kind(key: Key, state: &State, kind: Kind, mut fields: Map<String, Value>) -> Result<HttpResponse, Problem> {
    fields.insert("kind".to_owned(), json!(kind));
    let row = enter(key, state, fields).await?;
    Ok(HttpResponse::Created().json(flat(&row)))
}

async fn enter(key: Key, state: &State, mut fields: Map<String, Value>) -> Result<Fact, Problem> {
    let source = take_source(&mut fields)?;
    let body = body_of(fields)?;
    Ok(state.write(move |conn| facts::add(conn, &key.0, body, source.as_deref(), clock::now())).await?)
}

fn take_source(fields: &mut Map<String, Value>) -> Result<Option<String>, Problem> {
    match fields.remove("source") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Error::invalid("field_invalid", "source", format!("source must be a string; got {other}.")).into()),
    }
}

/// Reads a body by its kind, so that an error names the field of that kind.
pub(crate) fn body_of(mut fields: Map<String, Value>) -> Result<Body, Problem> {
    let names = Kind::ENTERED.map(Kind::as_str).join(", ");
    let given = fields.remove("kind").unwrap_or_default();
    let kind = given.as_str().and_then(|word| word.parse::<Kind>().ok()).filter(|kind| Kind::ENTERED.contains(kind));
    let kind = kind.ok_or_else(|| Error::invalid("field_invalid", "kind", format!("kind must be one of {names}; got {given}.")))?;
    let fields = Value::Object(fields);
    Ok(match kind {
        Kind::ProductUpdate => Body::ProductUpdate(json::read(&fields)?),
        Kind::Offer => Body::Offer(json::read(&fields)?),
        Kind::PlanPrice => Body::PlanPrice(json::read(&fields)?),
        Kind::MigrationChange => Body::MigrationChange(json::read(&fields)?),
        Kind::AllowedUrl => Body::AllowedUrl(json::read(&fields)?),
        Kind::CompanyFact => Body::CompanyFact(json::read(&fields)?),
        _ => Body::CustomerStory(json::read(&fields)?),
    })
}

/// Changes the fields given and keeps the others.
pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(amend(key.0, &state, &id, body.0).await?))
}

/// Writes a new version of a fact.
pub(crate) async fn amend(actor: Actor, state: &State, id: &str, mut fields: Map<String, Value>) -> Result<Value, Problem> {
    let id = FactId::from(id);
    let source = take_source(&mut fields)?;
    let (reader, target) = (actor.clone(), id.clone());
    let before = state.read(move |conn| facts::get(conn, &reader, &target)).await?;
    let Value::Object(mut whole) = json!(*before.body) else { return Err(Error::internal("a fact's body is no object").into()) };
    whole.extend(fields);
    let body = body_of(whole)?;
    let row = state.write(move |conn| facts::change(conn, &actor, &id, body, source.as_deref(), clock::now())).await?;
    Ok(fact(&row))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    reason: String,
}

pub async fn revoke(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Revocation>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(withdraw(key.0, &state, &id, body.0.reason).await?))
}

/// Revokes a fact.
pub(crate) async fn withdraw(actor: Actor, state: &State, id: &str, reason: String) -> Result<Value, Problem> {
    let id = FactId::from(id);
    let row = state.write(move |conn| facts::revoke(conn, &actor, &id, &reason, clock::now())).await?;
    Ok(fact(&row))
}

pub async fn accept(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(settle(key.0, &state, &id).await?))
}

/// Makes a proposed fact hold.
pub(crate) async fn settle(actor: Actor, state: &State, id: &str) -> Result<Value, Problem> {
    let id = FactId::from(id);
    let row = state.write(move |conn| facts::accept(conn, &actor, &id, clock::now())).await?;
    Ok(fact(&row))
}

pub async fn show_recall(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(recalled(key.0, &state, &id).await?))
}

/// Who received a claim that rests on the fact, and what can be done about it.
pub(crate) async fn recalled(actor: Actor, state: &State, id: &str) -> Result<Value, Problem> {
    let id = FactId::from(id);
    let recall = state.read(move |conn| recall::of_fact(conn, &actor, &id)).await?;
    let recipients: Vec<Value> = recall
        .recipients
        .iter()
        .map(|to| json!({"contact_id": to.contact_id, "email": to.email, "message_id": to.message_id, "subject": to.subject, "words": to.words, "fact_version": to.fact_version, "sent_at": to.sent_at}))
        .collect();
    let correction = recall.correction.as_ref().map(|(subject, text)| json!({"subject": subject, "text": text}));
    Ok(
        json!({"fact": fact(&recall.fact), "recipients": recipients, "drafts": recall.drafts, "correction": correction, "corrected": recall.corrected}),
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    subject: Option<String>,
    text: Option<String>,
}

/// Submits the correction batch; what is left out is taken from the prepared one.
pub async fn correct(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Correction>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(put_right(key.0, &state, &id, body.0.subject, body.0.text).await?))
}

/// Submits a correction to everybody who received the old claim and has none yet.
pub(crate) async fn put_right(actor: Actor, state: &State, id: &str, subject: Option<String>, text: Option<String>) -> Result<Value, Problem> {
    let (id, base_url) = (FactId::from(id), state.base_url.clone());
    let messages = state
        .write(move |conn| -> DomainResult<Vec<Value>> {
            let prepared = recall::of_fact(conn, &actor, &id)?.correction.unwrap_or_default();
            let (subject, text) = (subject.unwrap_or(prepared.0), text.unwrap_or(prepared.1));
            let made = recall::correct(conn, &actor, &id, &subject, &text, clock::now())?;
            Ok(made.iter().map(|message| super::shapes::submitted(message, &base_url)).collect())
        })
        .await?;
    Ok(json!({"messages": messages}))
}

#[derive(Debug, Default, Deserialize)]
pub struct DemandQuery {
    order: Option<Order>,
}

/// What customers who left had asked for and nothing that shipped answers.
pub async fn demand(key: Key, state: web::Data<State>, query: web::Query<DemandQuery>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(unmet(key.0, &state, query.order).await?))
}

/// The unmet needs; those that cost most first where no order is named.
pub(crate) async fn unmet(actor: Actor, state: &State, order: Option<Order>) -> Result<Value, Problem> {
    let order = order.unwrap_or(Order::Revenue);
    let (needs, looked_at) = state.read(move |conn| demand::demand(conn, &actor, order, clock::now())).await?;
    let needs: Vec<Value> = needs
        .iter()
        .take(100)
        .map(|need| json!({"customers": need.voices.len(), "lost_mrr": need.lost, "last_left_on": need.latest, "voices": need.voices.iter().take(20).collect::<Vec<_>>()}))
        .collect();
    Ok(json!({"needs": needs, "departures": looked_at}))
}

/// A fact with its body apart.
pub(crate) fn fact(row: &Fact) -> Value {
    let mut body = json!(*row.body);
    if let Some(body) = body.as_object_mut() {
        body.remove("kind");
    }
    json!({
        "id": row.id,
        "kind": row.kind,
        "contact_id": row.contact_id,
        "version": row.version,
        "content_hash": row.content_hash,
        "label": row.label,
        "body": body,
        "source": row.source,
        "state": row.state,
        "state_reason": row.state_reason,
        "recorded_by": row.recorded_by,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    })
}

/// A fact with the fields of its body among its own.
fn flat(row: &Fact) -> Value {
    let mut shape = fact(row);
    if let (Some(shape), Value::Object(body)) = (shape.as_object_mut(), json!(*row.body)) {
        shape.remove("body");
        shape.extend(body);
    }
    shape
}

pub(crate) fn version(row: &Version) -> Value {
    let mut body = json!(*row.body);
    if let Some(body) = body.as_object_mut() {
        body.remove("kind");
    }
    json!({
        "version": row.version,
        "content_hash": row.content_hash,
        "label": row.label,
        "body": body,
        "source": row.source,
        "recorded_by": row.recorded_by,
        "recorded_at": row.recorded_at,
    })
}

//! `/v1/webhooks`: where webhooks go, and what was sent there.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use crate::app::State;
use crate::clock;
use crate::domain::ids::{DeliveryId, EndpointId};
use crate::domain::webhooks::endpoints::{self, Change, NewEndpoint, Wants};
use crate::domain::webhooks::{Delivery, Endpoint, EventType, deliveries};

fn endpoint(row: &Endpoint) -> Value {
    json!({
        "id": row.id,
        "url": row.url,
        "description": row.description,
        "events": *row.event_types,
        "mailboxes": *row.mailboxes,
        "campaigns": *row.campaigns,
        "enabled": row.disabled_at.is_none(),
        "disabled_at": row.disabled_at,
        "disabled_because": row.disabled_because,
        "previous_secret_until": row.previous_until.filter(|until| *until > clock::now()),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    })
}

/// With the secret, which is shown when it is made and never again.
fn with_secret(row: &Endpoint) -> Value {
    let mut shape = endpoint(row);
    shape["secret"] = json!(row.secret);
    shape
}

fn delivery(row: &Delivery) -> Value {
    json!({
        "id": row.id,
        "webhook_id": row.event_id,
        "type": row.event_type,
        "body": row.body,
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt_at": row.finished_at.is_none().then_some(row.next_attempt_at),
        "last_status": row.last_status,
        "last_answer": row.last_answer,
        "last_attempt_at": row.last_attempt_at,
        "finished_at": row.finished_at,
        "created_at": row.created_at,
    })
}

pub async fn list(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let all = state.read(move |conn| endpoints::list(conn, &key.0)).await?;
    Ok(HttpResponse::Ok().json(json!({"webhooks": all.iter().map(endpoint).collect::<Vec<_>>()})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    url: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    events: Vec<EventType>,
    #[serde(default)]
    mailboxes: Vec<String>,
    #[serde(default)]
    campaigns: Vec<String>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    // Names are looked up for administrators only.
    key.0.must_be_admin()?;
    let target = state.dialer.target(&body.0.url).await?;
    let New { description, events, mailboxes, campaigns, .. } = body.0;
    let new = NewEndpoint { target, description, wants: Wants { events, mailboxes, campaigns } };
    let row = state.write(move |conn| endpoints::add(conn, &key.0, &new, clock::now())).await?;
    Ok(HttpResponse::Created().json(with_secret(&row)))
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    let row = state.read(move |conn| endpoints::get(conn, &key.0, &id)).await?;
    Ok(HttpResponse::Ok().json(endpoint(&row)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    url: Option<String>,
    description: Option<String>,
    events: Option<Vec<EventType>>,
    mailboxes: Option<Vec<String>>,
    campaigns: Option<Vec<String>>,
    enabled: Option<bool>,
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Patch>) -> Result<HttpResponse, Problem> {
    key.0.must_be_admin()?;
    let target = match &body.0.url {
        Some(url) => Some(state.dialer.target(url).await?),
        None => None,
    };
    let Patch { description, events, mailboxes, campaigns, enabled, .. } = body.0;
    let (id, change) = (EndpointId::from(id.as_str()), Change { target, description, events, mailboxes, campaigns });
    let row = state
        .write(move |conn| {
            let (actor, now) = (&key.0, clock::now());
            let row = endpoints::change(conn, actor, &id, &change, now)?;
            match enabled {
                Some(true) => endpoints::enable(conn, actor, &id, now),
                Some(false) => endpoints::disable(conn, actor, &id, now),
                None => Ok(row),
            }
        })
        .await?;
    Ok(HttpResponse::Ok().json(endpoint(&row)))
}

pub async fn delete(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    state.write(move |conn| endpoints::delete(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn rotate(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    let row = state.write(move |conn| endpoints::rotate(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::Ok().json(with_secret(&row)))
}

pub async fn test(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    let row = state.write(move |conn| deliveries::test(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::Accepted().json(delivery(&row)))
}

#[derive(Debug, Default, Deserialize)]
pub struct Query {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub async fn log(key: Key, state: web::Data<State>, id: web::Path<String>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    let before = query.cursor.as_deref().map(DeliveryId::from);
    let limit = query.limit.unwrap_or(50).clamp(1, 100);
    let (rows, more) = state.read(move |conn| deliveries::log(conn, &key.0, &id, before.as_ref(), limit)).await?;
    let cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
    Ok(HttpResponse::Ok().json(json!({"deliveries": rows.iter().map(delivery).collect::<Vec<_>>(), "next_cursor": cursor})))
}

pub async fn replay(key: Key, state: web::Data<State>, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (id, delivery_id) = path.into_inner();
    let (id, delivery_id) = (EndpointId::from(id.as_str()), DeliveryId::from(delivery_id.as_str()));
    let row = state.write(move |conn| deliveries::replay(conn, &key.0, &id, &delivery_id, clock::now())).await?;
    Ok(HttpResponse::Accepted().json(delivery(&row)))
}

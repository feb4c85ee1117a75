//! `/v1/webhooks`: where webhooks go, and what was sent there.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::input::id_cursor;
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, delete as deletes, get, patch, post};
use crate::app;
use crate::clock::{self, Time};
use crate::domain::actor::Scope;
use crate::domain::ids::{DeliveryId, EndpointId, MailboxId, RowId};
use crate::domain::webhooks::endpoints::{self, Change, NewEndpoint, Wants};
use crate::domain::webhooks::{Delivery, Endpoint, EventType, State, deliveries};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/webhooks", "list_webhooks", "List webhooks").needs(&[Scope::Admin]).answers::<Webhooks>(200).to(list),
        post("/v1/webhooks", "create_webhook", "Add a webhook")
            .about("The secret it is signed with is in this answer and in no other.")
            .needs(&[Scope::Admin])
            .body::<New>()
            .answers::<NewWebhook>(201)
            .to(create),
        get("/v1/webhooks/{id}", "get_webhook", "Read a webhook").needs(&[Scope::Admin]).answers::<Webhook>(200).to(show),
        patch("/v1/webhooks/{id}", "change_webhook", "Change a webhook")
            .about("What is left out stays.")
            .needs(&[Scope::Admin])
            .body::<Patch>()
            .answers::<Webhook>(200)
            .to(change),
        deletes("/v1/webhooks/{id}", "delete_webhook", "Remove a webhook").needs(&[Scope::Admin]).answers_nothing(204).to(delete),
        post("/v1/webhooks/{id}/rotate", "rotate_webhook_secret", "Make a new secret")
            .about("For 24 hours each webhook is signed with both.")
            .needs(&[Scope::Admin])
            .answers::<NewWebhook>(200)
            .to(rotate),
        post("/v1/webhooks/{id}/test", "test_webhook", "Send a test event").needs(&[Scope::Admin]).answers::<WebhookDelivery>(202).to(test),
        get("/v1/webhooks/{id}/deliveries", "list_webhook_deliveries", "List what was sent")
            .about("Newest first; kept for 30 days.")
            .needs(&[Scope::Admin])
            .query::<Query>()
            .answers::<Deliveries>(200)
            .to(log),
        post("/v1/webhooks/{id}/deliveries/{delivery}/replay", "replay_webhook_delivery", "Send an event again")
            .needs(&[Scope::Admin])
            .answers::<WebhookDelivery>(202)
            .to(replay),
    ]
}

/// Where events go.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Webhook {
    /// Its id.
    pub id: EndpointId,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Only these types; all when empty.
    pub events: Vec<EventType>,
    /// Only of these mailboxes; of all when empty.
    pub mailboxes: Vec<MailboxId>,
    /// Only messages of these campaigns or with these tags; all when empty.
    pub campaigns: Vec<String>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Since when they are not.
    pub disabled_at: Option<Time>,
    /// Why they are not.
    pub disabled_because: Option<String>,
    /// How long the secret before the last rotation signs as well.
    pub previous_secret_until: Option<Time>,
    /// When it was added.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// A webhook with its secret, which is shown when it is made and never again.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewWebhook {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// What its events are signed with.
    pub secret: String,
}

/// All webhooks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Webhooks {
    /// The webhooks.
    pub webhooks: Vec<Webhook>,
}

/// An event on its way to a webhook.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WebhookDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event; the header webhook-id.
    pub webhook_id: RowId,
    /// The type of the event.
    pub r#type: String,
    /// What is sent.
    pub body: String,
    /// Where it stands.
    pub state: State,
    /// Attempts so far.
    pub attempts: i32,
    /// When it is tried next.
    pub next_attempt_at: Option<Time>,
    /// The HTTP status of the last attempt.
    pub last_status: Option<i32>,
    /// What the receiver said.
    pub last_answer: Option<String>,
    /// When it was tried last.
    pub last_attempt_at: Option<Time>,
    /// When it was taken or given up.
    pub finished_at: Option<Time>,
    /// When it happened.
    pub created_at: Time,
}

/// A page of the log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deliveries {
    /// The deliveries.
    pub deliveries: Vec<WebhookDelivery>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<DeliveryId>,
}

fn endpoint(row: &Endpoint) -> Webhook {
    Webhook {
        id: row.id.clone(),
        url: row.url.clone(),
        description: row.description.clone(),
        events: (*row.event_types).clone(),
        mailboxes: (*row.mailboxes).clone(),
        campaigns: (*row.campaigns).clone(),
        enabled: row.disabled_at.is_none(),
        disabled_at: row.disabled_at,
        disabled_because: row.disabled_because.clone(),
        previous_secret_until: row.previous_until.filter(|until| *until > clock::now()),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn with_secret((row, secret): (Endpoint, String)) -> NewWebhook {
    NewWebhook { webhook: endpoint(&row), secret }
}

fn delivery(row: &Delivery) -> WebhookDelivery {
    WebhookDelivery {
        id: row.id.clone(),
        webhook_id: row.event_id.clone(),
        r#type: row.event_type.clone(),
        body: row.body.clone(),
        state: row.state,
        attempts: row.attempts,
        next_attempt_at: row.finished_at.is_none().then_some(row.next_attempt_at),
        last_status: row.last_status,
        last_answer: row.last_answer.clone(),
        last_attempt_at: row.last_attempt_at,
        finished_at: row.finished_at,
        created_at: row.created_at,
    }
}

pub async fn list(key: Key, state: web::Data<app::State>) -> Result<HttpResponse, Problem> {
    let all = state.read(move |conn| endpoints::list(conn, &key.0)).await?;
    Ok(HttpResponse::Ok().json(Webhooks { webhooks: all.iter().map(endpoint).collect() }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// Where to: https, on the public internet.
    url: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// Only these types; all when empty.
    #[serde(default)]
    events: Vec<EventType>,
    /// Only of these mailboxes, by address or id; of all when empty.
    #[serde(default)]
    mailboxes: Vec<String>,
    /// Only messages of these campaigns or with these tags; all when empty.
    #[serde(default)]
    campaigns: Vec<String>,
}

pub async fn create(key: Key, state: web::Data<app::State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    // Names are looked up for administrators only.
    key.0.must_be_admin()?;
    let target = state.dialer.target(&body.0.url).await?;
    let New { description, events, mailboxes, campaigns, .. } = body.0;
    let new = NewEndpoint { target, description, wants: Wants { events, mailboxes, campaigns } };
    let added = state.write(move |conn| endpoints::add(conn, &key.0, &new, clock::now())).await?;
    Ok(HttpResponse::Created().json(with_secret(added)))
}

pub async fn show(key: Key, state: web::Data<app::State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    let row = state.read(move |conn| endpoints::get(conn, &key.0, &id)).await?;
    Ok(HttpResponse::Ok().json(endpoint(&row)))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Where to: https, on the public internet.
    url: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// Only these types; all when empty.
    events: Option<Vec<EventType>>,
    /// Only of these mailboxes, by address or id; of all when empty.
    mailboxes: Option<Vec<String>>,
    /// Only messages of these campaigns or with these tags; all when empty.
    campaigns: Option<Vec<String>>,
    /// Whether events are sent.
    enabled: Option<bool>,
}

pub async fn change(key: Key, state: web::Data<app::State>, id: web::Path<String>, body: Json<Patch>) -> Result<HttpResponse, Problem> {
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

pub async fn delete(key: Key, state: web::Data<app::State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    state.write(move |conn| endpoints::delete(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn rotate(key: Key, state: web::Data<app::State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    let rotated = state.write(move |conn| endpoints::rotate(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::Ok().json(with_secret(rotated)))
}

pub async fn test(key: Key, state: web::Data<app::State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    let row = state.write(move |conn| deliveries::test(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::Accepted().json(delivery(&row)))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// At most so many, 1 to 100; 50 without it.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

pub async fn log(key: Key, state: web::Data<app::State>, id: web::Path<String>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    let id = EndpointId::from(id.as_str());
    let before = id_cursor(query.0.cursor.as_deref())?;
    let limit = rows(query.0.limit, 50)?;
    let (found, more) = state.read(move |conn| deliveries::log(conn, &key.0, &id, before.as_ref(), limit)).await?;
    let cursor = found.last().filter(|_| more).map(|row| row.id.clone());
    Ok(HttpResponse::Ok().json(Deliveries { deliveries: found.iter().map(delivery).collect(), next_cursor: cursor }))
}

pub async fn replay(key: Key, state: web::Data<app::State>, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (id, delivery_id) = path.into_inner();
    let (id, delivery_id) = (EndpointId::from(id.as_str()), DeliveryId::from(delivery_id.as_str()));
    let row = state.write(move |conn| deliveries::replay(conn, &key.0, &id, &delivery_id, clock::now())).await?;
    Ok(HttpResponse::Accepted().json(delivery(&row)))
}

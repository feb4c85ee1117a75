//! `/api/v1`: churn events and recovery, in the recovery document's words.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Plain, Problem};
use super::json::Json;
use super::key::Key;
use super::shapes::OneOrMany;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::Actor;
use crate::domain::churn::answers;
use crate::domain::churn::intake::{NewChurnEvent, Taken, take};
use crate::domain::churn::variants::{self as nine, Choice, Variant};
use crate::domain::churn::{self, ChurnEvent, Filter, Status};
use crate::domain::error::Error;
use crate::domain::ids::{ChurnEventId, FactId, VariantId};
use crate::domain::messages::State as MessageState;
use crate::domain::reason::Reason;
use crate::domain::text;

pub async fn not_found() -> Result<HttpResponse, Plain> {
    Err(Error::not_found("call").into())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The address to win back.
    customer_email: Option<String>,
    /// The name.
    customer_name: Option<String>,
    /// Who reports it, such as stripe or custom.
    provider: Option<String>,
    /// The provider's id of the customer.
    provider_customer_id: Option<String>,
    /// The provider's id of the subscription. A second report of it within 24 hours gives the first event.
    provider_subscription_id: Option<String>,
    /// The plan they had.
    plan_name: Option<String>,
    /// Monthly recurring revenue in minor units; the same as mrr_cents.
    mrr: Option<i64>,
    /// Monthly recurring revenue in minor units.
    mrr_cents: Option<i64>,
    /// ISO 4217, such as usd.
    currency: Option<String>,
    /// How long they stayed, in days.
    tenure_days: Option<i64>,
    /// The reason as a code, such as too_expensive or missing_features.
    cancel_reason: Option<String>,
    /// Their own words.
    cancel_reason_text: Option<String>,
    /// cancelled, expired, inactive or payment_failed.
    event_type: Option<String>,
    /// When they were last active, such as 2026-04-30T12:00:00Z.
    last_active_at: Option<String>,
    /// Notes.
    notes: Option<String>,
    /// Features they used.
    features: Option<OneOrMany>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<Create>) -> Result<HttpResponse, Plain> {
    let (row, new) = report(key.0, &state, body.0).await?;
    Ok(if new { HttpResponse::Created().json(row) } else { HttpResponse::Accepted().json(row) })
}

/// Takes in somebody leaving; false where the event was known already.
pub(crate) async fn report(actor: Actor, state: &State, body: Create) -> Result<(Value, bool), Problem> {
    let last_active_at = match &body.last_active_at {
        Some(at) => Some(Time::parse(at).ok_or_else(|| {
            Error::invalid(
                "field_invalid",
                "last_active_at",
                format!("last_active_at must be a time such as 2026-04-30T12:00:00Z; got \"{}\".", text::excerpt(at)),
            )
        })?),
        None => None,
    };
    let new = NewChurnEvent {
        customer_email: body.customer_email,
        customer_name: body.customer_name,
        provider: body.provider,
        provider_customer_id: body.provider_customer_id,
        provider_subscription_id: body.provider_subscription_id,
        plan_name: body.plan_name,
        mrr_minor: body.mrr_cents.or(body.mrr),
        currency: body.currency,
        tenure_days: body.tenure_days,
        cancel_reason: body.cancel_reason,
        cancel_reason_text: body.cancel_reason_text,
        event_type: body.event_type,
        last_active_at,
        notes: body.notes,
        features: body.features.map(OneOrMany::into_vec).unwrap_or_default(),
        ..NewChurnEvent::default()
    };
    Ok(match state.write(move |conn| take(conn, &actor, &new, "api", clock::now())).await? {
        Taken::New(row) => (event(&row), true),
        Taken::Known(row) => (event(&row), false),
    })
}

#[derive(Debug, Deserialize)]
pub struct Page {
    pub(crate) status: Option<Status>,
    pub(crate) reason: Option<Reason>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: Option<i64>,
}

pub async fn list(key: Key, state: web::Data<State>, page: web::Query<Page>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(find(key.0, &state, page.into_inner()).await?))
}

/// Churn events, the latest departure first.
pub(crate) async fn find(actor: Actor, state: &State, page: Page) -> Result<Value, Problem> {
    let filter = Filter {
        status: page.status,
        reason: page.reason,
        limit: page.limit.unwrap_or(20).clamp(1, 100),
        offset: page.offset.unwrap_or(0).clamp(0, 1_000_000),
        ..Filter::default()
    };
    let (limit, offset) = (filter.limit, filter.offset);
    let (rows, more) = state.read(move |conn| churn::list(conn, &actor, &filter)).await?;
    let rows: Vec<Value> = rows.iter().map(event).collect();
    Ok(json!({"data": rows, "churn_events": rows, "limit": limit, "offset": offset, "has_more": more}))
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One churn event.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Value, Problem> {
    let id = ChurnEventId::from(id);
    let row = state.read(move |conn| churn::get(conn, &actor, &id)).await?;
    Ok(event(&row))
}

pub async fn recovered(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    let id = ChurnEventId::from(id.as_str());
    let row = state.write(move |conn| churn::recover(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::Ok().json(event(&row)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    #[serde(alias = "cancel_reason")]
    reason: String,
}

pub async fn correct_reason(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Correction>) -> Result<HttpResponse, Plain> {
    let id = ChurnEventId::from(id.as_str());
    let given = body.0.reason;
    let reason = match given.parse::<Reason>() {
        Ok(reason) => reason,
        Err(expected) => Reason::from_code(&given).ok_or_else(|| Error::invalid("field_invalid", "reason", format!("reason must be {expected}.")))?,
    };
    let row = state.write(move |conn| churn::correct_reason(conn, &key.0, &id, reason, clock::now())).await?;
    Ok(HttpResponse::Ok().json(event(&row)))
}

/// The updates that answer what the customer asked for, with those that a person refused.
pub async fn matches(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    let id = ChurnEventId::from(id.as_str());
    let found = state
        .read(move |conn| {
            let event = churn::get(conn, &key.0, &id)?;
            let threshold = answers::threshold(conn)?;
            Ok((answers::suggestions(conn, &event, threshold, clock::now())?, threshold))
        })
        .await?;
    let matches: Vec<Value> = found
        .0
        .iter()
        .map(|answer| {
            json!({"fact_id": answer.id, "title": answer.update.title, "shipped_on": answer.update.shipped_on, "score": answer.found.score,
                "words": answer.found.words, "via": answer.found.via, "accepted": answer.accepted})
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"matches": matches, "threshold": found.1})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    fact_id: String,
    accepted: bool,
}

pub async fn judge(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Judge>) -> Result<HttpResponse, Plain> {
    let (id, fact, accepted) = (ChurnEventId::from(id.as_str()), FactId::from(body.0.fact_id.as_str()), body.0.accepted);
    let answer = json!({"churn_event_id": id, "fact_id": fact, "accepted": accepted});
    state.write(move |conn| answers::judge(conn, &key.0, &id, &fact, accepted, clock::now())).await?;
    Ok(HttpResponse::Ok().json(answer))
}

pub async fn generate(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(draft(key.0, &state, &id).await?))
}

/// Drafts the nine variants.
pub(crate) async fn draft(actor: Actor, state: &State, id: &str) -> Result<Value, Problem> {
    let rows = state.draft(&actor, &ChurnEventId::from(id)).await?;
    Ok(json!({"variants": rows.iter().map(variant).collect::<Vec<_>>()}))
}

pub async fn variants(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(drafts(key.0, &state, &id).await?))
}

/// The variants of an event.
pub(crate) async fn drafts(actor: Actor, state: &State, id: &str) -> Result<Value, Problem> {
    let id = ChurnEventId::from(id);
    let rows = state
        .read(move |conn| {
            churn::get(conn, &actor, &id)?;
            nine::list(conn, &actor, &id)
        })
        .await?;
    Ok(json!({"variants": rows.iter().map(variant).collect::<Vec<_>>()}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    subject: Option<String>,
    body: Option<String>,
}

pub async fn edit_variant(key: Key, state: web::Data<State>, path: web::Path<(String, String)>, body: Json<Edit>) -> Result<HttpResponse, Plain> {
    let (event, id) = ids(path);
    let row = state.write(move |conn| nine::edit(conn, &key.0, &event, &id, body.0.subject.as_deref(), body.0.body.as_deref(), clock::now())).await?;
    Ok(HttpResponse::Ok().json(variant(&row)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SendVariant {
    mailbox: Option<String>,
    mailbox_id: Option<String>,
}

pub async fn send_variant(
    key: Key,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    body: Json<SendVariant>,
) -> Result<HttpResponse, Plain> {
    let (event, id) = ids(path);
    let mailbox = body.0.mailbox.or(body.0.mailbox_id);
    Ok(HttpResponse::Accepted().json(choose(key.0, &state, event, id, mailbox).await?))
}

/// Submits a variant to the mode of its mailbox.
pub(crate) async fn choose(actor: Actor, state: &State, event: ChurnEventId, id: VariantId, mailbox: Option<String>) -> Result<Value, Problem> {
    let email_configured = state.email_configured;
    let vid = id.clone();
    let message = state
        .write(move |conn| {
            let choice = Choice { mailbox: mailbox.as_deref(), email_configured, mode: None };
            nine::choose(conn, &actor, &event, &vid, choice, clock::now())
        })
        .await?;
    let mut answer = super::shapes::submitted(&message, &state.base_url);
    answer["variant_id"] = json!(id);
    answer["held"] = json!(message.row.state == MessageState::Pending);
    Ok(answer)
}

fn ids(path: web::Path<(String, String)>) -> (ChurnEventId, VariantId) {
    let (event, variant) = path.into_inner();
    (ChurnEventId::from(event.as_str()), VariantId::from(variant.as_str()))
}

fn event(row: &ChurnEvent) -> Value {
    json!({
        "id": row.id,
        "customer_email": row.customer_email,
        "customer_name": row.customer_name,
        "contact_id": row.contact_id,
        "provider": row.provider,
        "provider_customer_id": row.provider_customer_id,
        "provider_subscription_id": row.provider_subscription_id,
        "plan_name": row.plan_name,
        "mrr": row.mrr_minor,
        "mrr_cents": row.mrr_minor,
        "currency": row.currency.to_lowercase(),
        "tenure_days": row.tenure_days,
        "cancel_reason": row.cancel_reason,
        "cancel_reason_text": row.cancel_reason_text,
        "event_type": row.event_type,
        "last_active_at": row.last_active_at,
        "notes": row.notes,
        "features": *row.features,
        "status": row.status,
        "reason": row.reason,
        "reason_confidence": row.reason_confidence,
        "reason_quotes": *row.reason_quotes,
        "cancelled_at": row.churned_at,
        "recovered_at": row.recovered_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    })
}

fn variant(row: &Variant) -> Value {
    json!({
        "id": row.id,
        "churn_event_id": row.churn_event_id,
        "strategy": row.strategy,
        "subject": row.subject,
        "body": row.text_body,
        "html_body": row.html_body,
        "coupon_code": row.coupon_code,
        "coupon_percent": row.coupon_percent,
        "recommended": row.recommended,
        "drafter": row.drafter,
        "drafter_note": row.drafter_note,
        "model": row.model,
        "claims": *row.facts,
        "message_id": row.message_id,
        "sent_at": row.sent_at,
        "created_at": row.created_at,
    })
}

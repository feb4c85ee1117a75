//! `/v1/oversight`: what waits for a decision, and deciding.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::shapes;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::MessageId;
use crate::domain::mailboxes;
use crate::domain::messages::decide::{Decide, decide as decide_message};
use crate::domain::messages::list::{Filter, list};
use crate::domain::messages::{self, DecisionKind, State as MessageState, ledger};

#[derive(Debug, Default, Deserialize)]
pub struct Query {
    pub(crate) mailbox: Option<String>,
    pub(crate) mailbox_id: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) campaign: Option<String>,
    pub(crate) older_than: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

pub async fn pending(key: Key, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(waiting(key.0, &state, query.into_inner()).await?))
}

/// What waits for a decision, noted as shown to whoever asks.
pub(crate) async fn waiting(actor: Actor, state: &State, query: Query) -> Result<Value, Problem> {
    actor.must_have(Scope::OversightRead)?;
    let older_than = match &query.older_than {
        Some(text) => Some(
            Time::parse(text)
                .ok_or_else(|| Error::invalid("field_invalid", "older_than", "older_than must be a time such as 2026-04-30T12:00:00Z."))?,
        ),
        None => None,
    };
    let base_url = state.base_url.clone();
    let answer = state
        .write(move |conn| {
            let mailbox = match query.mailbox.as_deref().or(query.mailbox_id.as_deref()) {
                Some(named) => Some(mailboxes::resolve(conn, &actor, Some(named))?.id),
                None => None,
            };
            let filter = Filter {
                states: vec![MessageState::Pending],
                mailbox,
                campaign: query.campaign,
                tag: query.tag,
                older_than,
                oldest_first: true,
                after: query.cursor.as_deref().map(MessageId::from),
                limit: query.limit.unwrap_or(20).clamp(1, 100),
                ..Filter::default()
            };
            let now = clock::now();
            let (rows, more) = list(conn, &actor, &filter)?;
            let shown: Vec<(MessageId, i32)> = rows.iter().map(|row| (row.id.clone(), row.version)).collect();
            messages::note_shown(conn, &actor, &shown, now)?;
            let cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
            let all = rows
                .iter()
                .map(|row| {
                    let message = messages::get(conn, &actor, &row.id)?;
                    let claims = ledger::of_message(conn, &actor, &row.id)?;
                    let mut shape = shapes::message_with_claims(&message, &claims, &base_url);
                    shape["age_seconds"] = json!(row.submitted_at.map(|at| now.seconds_since(at)));
                    Ok(shape)
                })
                .collect::<DomainResult<Vec<Value>>>()?;
            Ok(json!({"messages": all, "pending": all, "emails": all, "next_cursor": cursor}))
        })
        .await?;
    Ok(answer)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The message.
    message_id: Option<String>,
    /// The message; the same as message_id.
    email_id: Option<String>,
    /// approve, reject or request_changes.
    #[schemars(with = "Option<String>")]
    decision: Option<DecisionKind>,
    /// The same as decision.
    #[schemars(with = "Option<String>")]
    action: Option<DecisionKind>,
    /// Why; needed to reject and to request changes.
    reason: Option<String>,
    /// The content that was read. Without it the decision binds to the version last shown to this key.
    content_hash: Option<String>,
}

pub async fn decide(key: Key, state: web::Data<State>, body: Json<Decision>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(settle(key.0, &state, body.0).await?))
}

/// Decides the message that the body names.
pub(crate) async fn settle(actor: Actor, state: &State, body: Decision) -> Result<Value, Problem> {
    let id = body.message_id.clone().or_else(|| body.email_id.clone());
    let id = id.ok_or_else(|| Error::invalid("field_invalid", "message_id", "message_id must be given; got nothing."))?;
    run(actor, state, MessageId::from(id.as_str()), body).await
}

pub async fn decide_one(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Decision>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(run(key.0, &state, MessageId::from(id.as_str()), body.0).await?))
}

async fn run(actor: Actor, state: &State, id: MessageId, body: Decision) -> Result<Value, Problem> {
    let kind = body.decision.or(body.action);
    let kind =
        kind.ok_or_else(|| Error::invalid("field_invalid", "decision", "decision must be one of approve, reject, request_changes; got nothing."))?;
    let decider = actor.clone();
    let decided = state
        .write(move |conn| {
            let decision = Decide { reason: body.reason.as_deref(), content_hash: body.content_hash.as_deref(), ..Decide::on(&id, kind) };
            decide_message(conn, &decider, &decision, clock::now())
        })
        .await;
    match decided {
        Ok(message) => Ok(shapes::message(&message, &state.base_url)),
        Err(error) => Err(super::messages::with_diff(state, actor, error).await),
    }
}

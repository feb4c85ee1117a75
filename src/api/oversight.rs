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
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::ids::MessageId;
use crate::domain::mailboxes;
use crate::domain::messages::decide::{Decide, decide as decide_message};
use crate::domain::messages::findings::Inspector;
use crate::domain::messages::list::{Filter, Sort, list};
use crate::domain::messages::{self, DecisionKind, State as MessageState, ledger};

#[derive(Debug, Default, Deserialize)]
pub struct Query {
    pub(crate) mailbox: Option<String>,
    pub(crate) mailbox_id: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) campaign: Option<String>,
    pub(crate) older_than: Option<String>,
    pub(crate) q: Option<String>,
    pub(crate) sort: Option<String>,
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
    let sort = match query.sort.as_deref().filter(|word| !word.is_empty()) {
        Some(word) => word.parse().map_err(|expected| Error::invalid("field_invalid", "sort", format!("sort must be {expected}.")))?,
        None => Sort::Oldest,
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
                words: query.q,
                sort,
                after: query.cursor.as_deref().map(MessageId::from),
                limit: query.limit.unwrap_or(20).clamp(1, 100),
                ..Filter::default()
            };
            let now = clock::now();
            let (rows, more) = list(conn, &actor, &filter)?;
            let shown: Vec<(MessageId, i32)> = rows.iter().map(|row| (row.id.clone(), row.version)).collect();
            messages::note_shown(conn, &actor, &shown, now)?;
            let cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
            let inspector = Inspector::new(conn)?;
            let all = rows
                .iter()
                .map(|row| {
                    let message = messages::get(conn, &actor, &row.id)?;
                    let claims = ledger::of_message(conn, &actor, &row.id)?;
                    let mut shape = shapes::message_with_claims(&message, &claims, &inspector.look(&message.current), &base_url);
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
    /// The keys of the findings that were looked at; each that needs a tick must be named to approve.
    #[serde(default)]
    ticked: Vec<String>,
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

/// Most decisions of one call.
const MOST_DECISIONS: usize = 500;

/// One decision of several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneOfMany {
    /// The message.
    #[serde(alias = "message_id", alias = "email_id")]
    id: String,
    /// The content that was read.
    content_hash: String,
    /// approve, reject or request_changes; approve without it.
    #[serde(alias = "action")]
    #[schemars(with = "Option<String>")]
    decision: Option<DecisionKind>,
    /// Why; needed to reject and to request changes.
    reason: Option<String>,
    /// The keys of the findings that were looked at.
    #[serde(default)]
    ticked: Vec<String>,
}

/// Several decisions in one call, each with the checks of a single one; what fails leaves the others alone.
pub async fn decide_batch(key: Key, state: web::Data<State>, body: Json<Vec<OneOfMany>>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(settle_all(key.0, &state, body.0).await?))
}

/// Decides each of several messages on its own.
pub(crate) async fn settle_all(actor: Actor, state: &State, all: Vec<OneOfMany>) -> Result<Value, Problem> {
    actor.must_have(Scope::Oversight)?;
    if all.is_empty() || all.len() > MOST_DECISIONS {
        let detail = format!("The body must be a list of 1 to {MOST_DECISIONS} decisions; got {}.", all.len());
        return Err(Error::invalid("field_invalid", "id", detail).into());
    }
    let base_url = state.base_url.clone();
    let results = state
        .write(move |conn| {
            let one = |one: &OneOfMany, conn: &mut Conn| {
                let id = MessageId::from(one.id.as_str());
                let decision = Decide {
                    reason: one.reason.as_deref(),
                    content_hash: Some(&one.content_hash),
                    ticked: &one.ticked,
                    ..Decide::on(&id, one.decision.unwrap_or(DecisionKind::Approve))
                };
                match decide_message(conn, &actor, &decision, clock::now()) {
                    Ok(message) => {
                        let mut shape = shapes::message(&message, &base_url);
                        shape["ok"] = json!(true);
                        Ok(shape)
                    }
                    // A fault of this server ends them all; what speaks against one message is its own.
                    Err(error) if matches!(error.kind, Kind::Internal | Kind::Busy | Kind::StorageFull) => Err(error),
                    Err(error) => {
                        let mut shape = Problem::from(error).body();
                        shape["id"] = json!(id);
                        shape["ok"] = json!(false);
                        Ok(shape)
                    }
                }
            };
            all.iter().map(|each| one(each, conn)).collect::<DomainResult<Vec<Value>>>()
        })
        .await?;
    Ok(json!({"results": results}))
}

async fn run(actor: Actor, state: &State, id: MessageId, body: Decision) -> Result<Value, Problem> {
    let kind = body.decision.or(body.action);
    let kind =
        kind.ok_or_else(|| Error::invalid("field_invalid", "decision", "decision must be one of approve, reject, request_changes; got nothing."))?;
    let decider = actor.clone();
    let decided = state
        .write(move |conn| {
            let decision =
                Decide { reason: body.reason.as_deref(), content_hash: body.content_hash.as_deref(), ticked: &body.ticked, ..Decide::on(&id, kind) };
            decide_message(conn, &decider, &decision, clock::now())
        })
        .await;
    match decided {
        Ok(message) => Ok(shapes::message(&message, &state.base_url)),
        Err(error) => Err(super::messages::with_diff(state, actor, error).await),
    }
}

//! Idempotency keys: a request that names one is answered once and told its answer again.

use std::pin::pin;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, HttpMessage, HttpResponse, error};
use serde_json::{Map, Value};
use tracing::Instrument;

use super::door::{Noted, as_target, refused};
use super::error::Problem;
use super::json;
use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::calls::{self, Current};
use crate::domain::error::Error;
use crate::domain::idempotency::{self, Answer, Begun, RENEWAL_SECONDS, Request, Turn};
use crate::domain::ids::sha256_hex;

/// The field of a body, and the argument of a tool, that means the same as the header.
pub(crate) const FIELD: &str = "idempotency_key";

/// What a request meets.
pub(crate) enum Met {
    /// It runs, as part of this call.
    Run(Turn, Current),
    /// It was answered before.
    Answered(Answer),
}

/// Takes the turn of a request. `parts` are everything that makes it the same request.
pub(crate) async fn begin(state: &State, actor: &Actor, name: String, parts: &[&[u8]]) -> Result<Met, Problem> {
    idempotency::check(&name)?;
    let call = calls::current().unwrap_or_else(|| Current::new(""));
    // The lengths keep what is in one part from being read as part of another.
    let mut all = vec![];
    for part in parts {
        all.extend_from_slice(&part.len().to_be_bytes());
        all.extend_from_slice(part);
    }
    let (hash, actor, request_id) = (sha256_hex(&all), actor.clone(), call.request_id.clone());
    let begun = state
        .quiet_write(move |conn| idempotency::begin(conn, &actor, &Request { name: &name, hash: &hash, request_id: &request_id }, clock::now()))
        .await?;
    Ok(match begun {
        Begun::Run(turn) => Met::Run(turn.clone(), call.with_turn(turn)),
        Begun::Answered(answer) => {
            if let Some(target) = &answer.target {
                calls::names(target);
            }
            Met::Answered(answer)
        }
    })
}

/// Does the work of a turn and keeps the turn while it lasts.
pub(crate) async fn run<F: Future>(state: &State, turn: &Turn, call: Current, work: F) -> F::Output {
    let mut work = pin!(calls::during(call, work));
    loop {
        match tokio::time::timeout(Duration::from_secs(RENEWAL_SECONDS), &mut work).await {
            Ok(done) => return done,
            Err(_) => {
                let turn = turn.clone();
                if let Err(error) = state.quiet_write(move |conn| idempotency::renew(conn, &turn, clock::now())).await {
                    tracing::warn!(%error, "the turn of a request was not renewed");
                }
            }
        }
    }
}

/// What a call was about, as the log of calls may name it.
pub(crate) fn target_of(call: &Current, status: u16) -> Option<String> {
    call.target(status < 400).as_deref().and_then(as_target)
}

/// Ends a turn with its answer.
pub(crate) async fn settle(state: &State, turn: Turn, answer: Answer) {
    // What was done is marked as done already, so a retry finds out without the answer.
    if let Err(error) = state.quiet_write(move |conn| idempotency::settle(conn, &turn, &answer, clock::now())).await {
        tracing::error!(%error, "the answer for an idempotency key was not kept");
    }
}

/// The same JSON in the same order, whatever order it came in.
pub(crate) fn in_order(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().map(|(name, value)| (name, in_order(value))).collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(Map::from_iter(fields))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(in_order).collect()),
        other => other,
    }
}

/// Answers a POST, once where it names an idempotency key.
pub(super) async fn once<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
    state: &State,
    actor: &Actor,
    pattern: &str,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let (name, body) = match name_and_body(&mut request, pattern).await {
        Ok((Some(name), body)) => (name, body),
        Ok((None, _)) => return Ok(next.call(request).await?.map_into_boxed_body()),
        Err(problem) => return Ok(refused(request, problem)),
    };
    let parts = [b"POST", request.path().as_bytes(), request.query_string().as_bytes(), &body];
    let (turn, call) = match begin(state, actor, name, &parts).await {
        Ok(Met::Run(turn, call)) => (turn, call),
        Ok(Met::Answered(answer)) => return Ok(replayed(request, answer)),
        Err(problem) => return Ok(refused(request, problem)),
    };
    // A caller who hangs up ends its request; the work goes on to its answer, which a retry then gets.
    let state = state.clone();
    let working = async move {
        let response = run(&state, &turn, call.clone(), next.call(request)).await?.map_into_boxed_body();
        keep(&state, turn, &call, response).await
    };
    actix_web::rt::spawn(working.in_current_span()).await.map_err(error::ErrorInternalServerError)?
}

fn replayed(request: ServiceRequest, answer: Answer) -> ServiceResponse<BoxBody> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    request.extensions_mut().insert(Noted { code: code_in(status, answer.body.as_bytes()), replayed: true });
    let response = HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, answer.content_type))
        .insert_header(("Idempotent-Replayed", "true"))
        .body(answer.body);
    request.into_response(response)
}

async fn keep(state: &State, turn: Turn, call: &Current, response: ServiceResponse<BoxBody>) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(error::ErrorInternalServerError)?;
    let content_type = head.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    let answer = Answer {
        status: head.status().as_u16(),
        content_type: content_type.to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        target: target_of(call, head.status().as_u16()),
    };
    settle(state, turn, answer).await;
    request.extensions_mut().insert(Noted { code: code_in(head.status(), &body), replayed: false });
    Ok(ServiceResponse::new(request, head.set_body(body).map_into_boxed_body()))
}

/// The code of an error, from its body.
fn code_in(status: StatusCode, body: &[u8]) -> Option<String> {
    if status.as_u16() < 400 {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    body["code"].as_str().map(str::to_owned)
}

/// The idempotency key of a request, and its body without it, in one order.
async fn name_and_body(request: &mut ServiceRequest, pattern: &str) -> Result<(Option<String>, Vec<u8>), Problem> {
    let in_header = header_of(request)?;
    let in_body = pattern == "/v1/send" || pattern == "/v1/mailboxes/{id}/send";
    if in_header.is_none() && !in_body {
        return Ok((None, vec![]));
    }
    let bytes = json::take_body(request).await?;
    // What is no JSON is refused by whoever reads it.
    let Ok(mut body) = serde_json::from_slice::<Value>(&bytes) else { return Ok((in_header, bytes.to_vec())) };
    let mut named = None;
    if in_body && let Some(fields) = body.as_object_mut() {
        named = fields.remove(FIELD).and_then(|value| value.as_str().map(str::to_owned));
    }
    if let (Some(one), Some(other)) = (&in_header, &named)
        && one != other
    {
        let text = "The header Idempotency-Key and the field idempotency_key must be the same. Give one of them.";
        return Err(Error::invalid("idempotency_key_conflict", FIELD, text).into());
    }
    Ok((in_header.or(named), in_order(body).to_string().into_bytes()))
}

fn header_of(request: &ServiceRequest) -> Result<Option<String>, Problem> {
    let mut all = request.headers().get_all("Idempotency-Key");
    let Some(first) = all.next() else { return Ok(None) };
    let name = first.to_str().unwrap_or_default();
    // Two headers name two keys, which is as good as none.
    idempotency::check(if all.next().is_some() { "" } else { name })?;
    Ok(Some(name.to_owned()))
}

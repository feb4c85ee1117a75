//! Claims: check any text, and let an open claim of a message stand.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::shapes;
use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::claims::{self, Claim, TextToCheck};
use crate::domain::ids::MessageId;
use crate::domain::messages::{findings, ledger};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    text: Option<String>,
    html: Option<String>,
    contact: Option<String>,
    mailbox: Option<String>,
}

pub async fn check(key: Key, state: web::Data<State>, body: Json<Check>) -> Result<HttpResponse, Problem> {
    let found = state
        .quiet_write(move |conn| {
            let Check { text, html, contact, mailbox } = &body.0;
            let given = TextToCheck { text: text.as_deref(), html: html.as_deref(), contact: contact.as_deref(), mailbox: mailbox.as_deref() };
            claims::check_text(conn, &key.0, given, clock::now())
        })
        .await?;
    Ok(HttpResponse::Ok().json(checked(&found)))
}

/// The claims of a text and how many of them would let it leave and would hold it.
pub(crate) fn checked(found: &[Claim]) -> Value {
    let claims: Vec<Value> = found.iter().map(claim).collect();
    let supported = found.iter().filter(|claim| claim.verdict.is_supported()).count();
    let unsupported = found.iter().filter(|claim| claim.is_open()).count();
    json!({"claims": claims, "supported": supported, "unsupported": unsupported})
}

fn claim(claim: &Claim) -> Value {
    json!({
        "start": claim.start,
        "end": claim.end,
        "text": claim.words,
        "sentence": claim.sentence,
        "kind": claim.kind,
        "hard": claim.hard,
        "verdict": claim.verdict,
        "fact_id": claim.fact.as_ref().map(|fact| &fact.id),
        "fact_version": claim.fact.as_ref().map(|fact| fact.version),
        "fact": claim.fact.as_ref().map(|fact| &fact.label),
        "source": claim.fact.as_ref().map(|fact| &fact.source),
        "score": claim.score,
        "reason": claim.reason,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waive {
    reason: String,
}

pub async fn waive(key: Key, state: web::Data<State>, path: web::Path<(String, String)>, body: Json<Waive>) -> Result<HttpResponse, Problem> {
    let (id, claim) = path.into_inner();
    Ok(HttpResponse::Ok().json(let_stand(key.0, &state, &id, claim, body.0.reason).await?))
}

/// Lets one open claim of a message stand.
pub(crate) async fn let_stand(actor: Actor, state: &State, id: &str, claim: String, reason: String) -> Result<Value, Problem> {
    let (id, base_url) = (MessageId::from(id), state.base_url.clone());
    let answer = state
        .write(move |conn| {
            let message = ledger::waive(conn, &actor, &id, &claim, &reason, clock::now())?;
            let claims = ledger::of_message(conn, &actor, &id)?;
            Ok(shapes::message_with_claims(&message, &claims, &findings::of_version(conn, &message.current)?, &base_url))
        })
        .await?;
    Ok(answer)
}

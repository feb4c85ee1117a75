//! Claims: check any text, and let an open claim of a message stand.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, post};
use super::shapes::CheckedMessage;
use crate::app::State;
use crate::clock;
use crate::domain::actor::Scope;
use crate::domain::claims::{self, Claim, Kind, TextToCheck, Verdict};
use crate::domain::ids::{FactId, MessageId};
use crate::domain::messages::{findings, ledger};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/claims/check", "check_claims", "Check the claims of a text")
            .about("Holds each claim of a text against the recorded facts. Places are in Unicode scalar values of the text given.")
            .needs(&[Scope::Read])
            .body::<Check>()
            .answers::<Checked>(200)
            .to(check),
        post("/v1/emails/{id}/claims/{key}/waiver", "waive_claim", "Let an open claim stand")
            .about("For whoever may decide the message; the reason is kept.")
            .needs(&[Scope::Oversight])
            .body::<Waive>()
            .answers::<CheckedMessage>(200)
            .to(waive),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The plain text.
    text: Option<String>,
    /// The HTML; one of the two.
    html: Option<String>,
    /// Whom it goes to, by address or id: figures are then held against their record.
    contact: Option<String>,
    /// The mailbox it leaves from, by address or id.
    mailbox: Option<String>,
}

/// A claim of a text.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Claim")]
pub struct FoundClaim {
    /// Where it starts, in Unicode scalar values.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Its words.
    pub text: String,
    /// The sentence it stands in.
    pub sentence: String,
    /// What kind of claim.
    pub kind: Kind,
    /// Whether a wrong one is a wrong promise.
    pub hard: bool,
    /// What it rests on.
    pub verdict: Verdict,
    /// The fact for or against it.
    pub fact_id: Option<FactId>,
    /// The version of the fact.
    pub fact_version: Option<i32>,
    /// The fact in words.
    pub fact: Option<String>,
    /// Where the fact comes from.
    pub source: Option<String>,
    /// How well the words fit, 0 to 100.
    pub score: i32,
    /// The verdict in a sentence.
    pub reason: String,
}

/// The claims of a text.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Checked {
    /// The claims, in their order.
    pub claims: Vec<FoundClaim>,
    /// How many a fact carries.
    pub supported: usize,
    /// How many hard ones would hold the message.
    pub unsupported: usize,
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
pub(crate) fn checked(found: &[Claim]) -> Checked {
    Checked {
        claims: found.iter().map(claim).collect(),
        supported: found.iter().filter(|claim| claim.verdict.is_supported()).count(),
        unsupported: found.iter().filter(|claim| claim.is_open()).count(),
    }
}

fn claim(claim: &Claim) -> FoundClaim {
    let fact = claim.fact.as_ref();
    FoundClaim {
        start: claim.start,
        end: claim.end,
        text: claim.words.clone(),
        sentence: claim.sentence.clone(),
        kind: claim.kind,
        hard: claim.hard,
        verdict: claim.verdict,
        fact_id: fact.map(|fact| fact.id.clone()),
        fact_version: fact.map(|fact| fact.version),
        fact: fact.map(|fact| fact.label.clone()),
        source: fact.map(|fact| fact.source.clone()),
        score: claim.score,
        reason: claim.reason.clone(),
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waive {
    /// Why it may stand.
    reason: String,
}

pub async fn waive(key: Key, state: web::Data<State>, path: web::Path<(String, String)>, body: Json<Waive>) -> Result<HttpResponse, Problem> {
    let (id, claim) = path.into_inner();
    let (id, base_url) = (MessageId::from(id.as_str()), state.base_url.clone());
    let answer = state
        .write(move |conn| {
            let message = ledger::waive(conn, &key.0, &id, &claim, &body.0.reason, clock::now())?;
            let claims = ledger::of_message(conn, &key.0, &id)?;
            Ok(CheckedMessage::of(&message, &claims, &findings::of_version(conn, &message.current)?, &base_url))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

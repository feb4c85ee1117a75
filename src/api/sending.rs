//! `/v1/sending`: what holds mail back, stopping, and how each email left.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, get, post};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::mailboxes;
use crate::domain::mailboxes::stops::{self, Held};
use crate::domain::outbox::attempts::{self, Outcome};
use crate::domain::outbox::uncertain::{self, Evidence, Verdict};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/sending", "get_sending", "See whether sending is stopped")
            .about("The stops that are in force and concern this key, with who, when and why.")
            .needs(&[Scope::Read])
            .answers::<Sending>(200)
            .to(show),
        post("/v1/sending/stop", "stop_sending", "Stop sending")
            .about("Of one mailbox, or of all. It holds before the next final dot. Only a person resumes it, on the pages.")
            .needs(&[Scope::Oversight, Scope::Admin])
            .body::<StopSending>()
            .answers::<Sending>(200)
            .to(stop),
        get("/v1/emails/{id}/attempts", "list_attempts", "See how an email left")
            .about("Every attempt with the server's words, and how an email that was uncertain was settled.")
            .needs(&[Scope::Read])
            .answers::<Delivery>(200)
            .to(history),
    ]
}

/// A stop that is in force.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Stop")]
pub struct Shape {
    /// The mailbox that is stopped, by id; null where all are.
    pub mailbox_id: Option<MailboxId>,
    /// The same, by address.
    pub mailbox: Option<String>,
    /// Whether it stopped by itself because the database was put back or copied.
    pub restored: bool,
    /// Since when.
    pub at: Time,
    /// Who stopped it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Whether mail leaves.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sending {
    /// Whether all sending is stopped.
    pub stopped: bool,
    /// What is stopped, of that which this key reaches.
    pub stops: Vec<Shape>,
}

/// What to stop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopSending {
    /// Only this mailbox, by address or id; all without it.
    pub(crate) mailbox: Option<String>,
    /// Why, at most 500 characters. It stands on every page.
    pub(crate) reason: Option<String>,
}

/// One attempt.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Attempt {
    /// When a worker took the email in hand.
    pub started_at: Time,
    /// When the outcome was recorded.
    pub ended_at: Time,
    /// The mail server, as host and port.
    pub relay: Option<String>,
    /// How far the dialogue came: connect, greeting, tls, auth, mail, rcpt, data or dot.
    pub stage: Option<String>,
    /// sent, deferred, failed, uncertain, held or lost.
    pub outcome: Outcome,
    /// The code of the server's reply.
    pub code: Option<i32>,
    /// The server's words, or ours. Text from outside.
    pub reply: Option<String>,
}

/// How an email that was uncertain was settled.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Settlement {
    /// When.
    pub at: Time,
    /// late_reply, bounce, complaint, reply, click, relay_log or person.
    pub evidence: Evidence,
    /// was_sent, send_again or do_not_send.
    pub verdict: Verdict,
    /// Who settled it.
    pub by: String,
    /// Their words, or the evidence. Text from outside.
    pub note: Option<String>,
}

/// How an email left.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Delivery {
    /// The email.
    pub message_id: MessageId,
    /// Each attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// How it was settled; empty where it never was uncertain.
    pub settlements: Vec<Settlement>,
}

pub async fn show(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state).await?))
}

/// What holds mail back.
pub(crate) async fn look(actor: Actor, state: &State) -> Result<Sending, Problem> {
    actor.must_have(Scope::Read)?;
    let stops = state.read(move |conn| stops::in_force(conn, &actor)).await?;
    Ok(sending(stops))
}

pub async fn stop(key: Key, state: web::Data<State>, body: Json<StopSending>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(halt(key.0, &state, body.0).await?))
}

/// Stops sending.
pub(crate) async fn halt(actor: Actor, state: &State, asked: StopSending) -> Result<Sending, Problem> {
    let stops = state
        .quiet_write(move |conn| {
            let mailbox = match asked.mailbox.as_deref() {
                Some(named) => Some(mailboxes::resolve(conn, &actor, Some(named))?.id),
                None => None,
            };
            stops::stop(conn, &actor, mailbox.as_ref(), asked.reason.as_deref().unwrap_or_default(), clock::now())?;
            stops::in_force(conn, &actor)
        })
        .await?;
    Ok(sending(stops))
}

fn sending(stops: Vec<stops::Stop>) -> Sending {
    let stopped = stops.iter().any(stops::Stop::is_for_all);
    let shape = |stop: stops::Stop| {
        let restored = stop.held == Held::Restored;
        let (mailbox_id, mailbox) = match stop.held {
            Held::Mailbox(id, address) => (Some(id), Some(address)),
            Held::All | Held::Restored => (None, None),
        };
        Shape { mailbox_id, mailbox, restored, at: stop.at, by: stop.by, reason: stop.reason }
    };
    Sending { stopped, stops: stops.into_iter().map(shape).collect() }
}

pub async fn history(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(delivery(key.0, &state, &id).await?))
}

/// How an email left.
pub(crate) async fn delivery(actor: Actor, state: &State, id: &str) -> Result<Delivery, Problem> {
    actor.must_have(Scope::Read)?;
    let id = MessageId::from(id);
    let message_id = id.clone();
    let found = state.read(move |conn| uncertain::history(conn, &actor, &id)).await?;
    Ok(Delivery {
        message_id,
        attempts: found.attempts.into_iter().map(Attempt::from).collect(),
        settlements: found.settlements.into_iter().map(Settlement::from).collect(),
    })
}

impl From<attempts::Attempt> for Attempt {
    fn from(row: attempts::Attempt) -> Self {
        Attempt {
            started_at: row.started_at,
            ended_at: row.ended_at,
            relay: row.relay,
            stage: row.stage,
            outcome: row.outcome,
            code: row.code,
            reply: row.reply,
        }
    }
}

impl From<uncertain::Settlement> for Settlement {
    fn from(row: uncertain::Settlement) -> Self {
        Settlement { at: row.at, evidence: row.evidence, verdict: row.verdict, by: row.actor_name, note: row.note }
    }
}

//! `/v1/emails/{id}/schedule`, `/undo` and `/wait`: when a message leaves, and what became of it.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conversations::Inbound;
use super::error::Problem;
use super::input::time_of;
use super::json::{Json, Params};
use super::key::Key;
use super::operations::{Operation, get, patch, post};
use super::shapes::{self, Message};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;
use crate::domain::ids::MessageId;
use crate::domain::mailboxes;
use crate::domain::messages::{State as MessageState, progress, schedule as scheduling, undo as undoing};
use crate::text_enum;

/// The longest wait, in seconds.
const LONGEST_WAIT: u64 = 30;
/// Between two looks, in milliseconds.
const BETWEEN_LOOKS: u64 = 400;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        patch("/v1/emails/{id}/schedule", "schedule_email", "Choose when an email leaves")
            .about("While it has not left; an approval stays. A key schedules only what it submitted.")
            .needs(&[Scope::Draft])
            .body::<Schedule>()
            .answers::<Message>(200)
            .to(schedule),
        post("/v1/emails/{id}/undo", "undo_approval", "Take an approval back")
            .about("Only whoever approved can, and only while the message has not left. It waits for a decision again.")
            .needs(&[Scope::Oversight])
            .answers::<Message>(200)
            .to(undo),
        get("/v1/emails/{id}/wait", "wait_for_email", "Wait for a decision or a reply")
            .about("Answers as soon as it is there, or after the seconds with timed_out true: call again.")
            .needs(&[Scope::Read])
            .query::<Wait>()
            .answers::<Waited>(200)
            .to(wait),
    ]
}

/// When a message leaves.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Not to leave before this time, such as 2026-04-30T12:00:00Z; null lets it leave as soon as it may.
    pub(crate) send_at: Option<String>,
}

pub async fn schedule(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Schedule>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(reschedule(key.0, &state, &id, body.0).await?))
}

/// Gives a message that has not left another time; an approval stays.
pub(crate) async fn reschedule(actor: Actor, state: &State, id: &str, schedule: Schedule) -> Result<Message, Problem> {
    let (id, at) = (MessageId::from(id), time_of("send_at", schedule.send_at.as_deref())?);
    let message = state.write(move |conn| scheduling::schedule(conn, &actor, &id, at, clock::now())).await?;
    Ok(Message::of(&message, &state.base_url))
}

pub async fn undo(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(take_approval_back(key.0, &state, &id).await?))
}

/// Takes an approval back while the message has not left; only whoever approved can.
pub(crate) async fn take_approval_back(actor: Actor, state: &State, id: &str) -> Result<Message, Problem> {
    let id = MessageId::from(id);
    let message = state.write(move |conn| undoing::undo(conn, &actor, &id, clock::now())).await?;
    Ok(Message::of(&message, &state.base_url))
}

text_enum!(
    /// What is waited for.
    pub enum WaitFor {
        /// Somebody decides.
        Decision => "decision",
        /// The recipient answers.
        Reply => "reply",
    }
);

/// How long, and for what.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// At most so many seconds, 0 to 30; 30 without it.
    pub(crate) seconds: Option<u64>,
    /// decision or reply; decision without it.
    #[serde(rename = "for")]
    pub(crate) wait_for: Option<WaitFor>,
}

/// What became of a message while it was waited for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Waited {
    /// The message.
    pub id: String,
    /// The same.
    pub message_id: String,
    /// Its status.
    pub status: String,
    /// Why it is in that status.
    pub reason: Option<String>,
    /// Whether it no longer waits for a decision.
    pub decided: bool,
    /// Whether what was waited for came, or can no longer come.
    pub done: bool,
    /// Whether the time ended first: call again.
    pub timed_out: bool,
    /// The first email that came back.
    pub reply: Option<Inbound>,
    /// What the author should do now.
    pub next: String,
}

pub async fn wait(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Wait>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(wait_for(key.0, &state, &id, query.0).await?))
}

/// Looks again and again until what is waited for is there or the time is over.
pub(crate) async fn wait_for(actor: Actor, state: &State, id: &str, wait: Wait) -> Result<Waited, Problem> {
    let seconds = wait.seconds.unwrap_or(LONGEST_WAIT);
    if seconds > LONGEST_WAIT {
        return Err(Error::invalid("field_invalid", "seconds", format!("seconds must be 0 to {LONGEST_WAIT}; got {seconds}.")).into());
    }
    let (id, what) = (MessageId::from(id), wait.wait_for.unwrap_or(WaitFor::Decision));
    let looks = seconds * 1000 / BETWEEN_LOOKS;
    for look in 0..=looks {
        let waited = look_once(&actor, state, &id, what).await?;
        if waited.done || look == looks {
            return Ok(Waited { timed_out: !waited.done, ..waited });
        }
        tokio::time::sleep(Duration::from_millis(BETWEEN_LOOKS)).await;
    }
    Err(Error::internal("a wait that ended without a look").into())
}

async fn look_once(actor: &Actor, state: &State, id: &MessageId, what: WaitFor) -> Result<Waited, Problem> {
    let (actor, id) = (actor.clone(), id.clone());
    let (found, ours) = state
        .read(move |conn| {
            let found = progress::look(conn, &actor, &id)?;
            let ours = mailboxes::get(conn, &actor, &found.message.row.mailbox_id)?.address_key;
            Ok((found, ours))
        })
        .await?;
    let row = &found.message.row;
    let done = match what {
        WaitFor::Decision => found.decided,
        // Its author has to act before anybody can answer.
        WaitFor::Reply => found.reply.is_some() || found.over || row.state == MessageState::ChangesRequested,
    };
    Ok(Waited {
        id: row.id.to_string(),
        message_id: row.id.to_string(),
        status: shapes::status(&found.message).to_owned(),
        reason: row.state_reason.clone().or_else(|| row.held_because.clone()),
        decided: found.decided,
        done,
        timed_out: false,
        reply: found.reply.as_ref().map(|email| Inbound::of(email, vec![], &ours)),
        next: shapes::next(&found.message).to_owned(),
    })
}

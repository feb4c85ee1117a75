//! One effect for one idempotency key, however often the request comes, also across crashes.
//!
//! A request takes its turn in a transaction of its own, under a lease. Each change it makes marks the turn in
//! the transaction of the change and fails where the turn was lost; so a request that was
//! taken for dead cannot change anything later. The answer is kept when it is there. What a retry meets
//! says how far the first one came: nothing happened (it runs), it runs still (409), it took effect
//! without leaving an answer (409, with what it did), it was answered (the same answer).

mod queries;

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{RequestId, RowId};

/// Days an answer is kept.
pub const KEPT_DAYS: i64 = 30;
/// Seconds after which a request that was not heard of counts as dead.
pub const LEASE_SECONDS: i64 = 30;
/// Seconds between two renewals of a lease.
pub const RENEWAL_SECONDS: u64 = 10;
/// Longest name of an idempotency key, in characters.
pub const LONGEST: usize = 255;
/// Rows removed in one transaction.
const SWEPT_AT_ONCE: i64 = 1000;

/// The right to run a request now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    id: RequestId,
    /// Another one for each attempt.
    lease: RowId,
}

/// A request that names an idempotency key.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The idempotency key.
    pub name: &'a str,
    /// A hash of everything that makes the request.
    pub hash: &'a str,
    /// The id of this attempt.
    pub request_id: &'a str,
}

/// An answer as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: String,
    /// The body.
    pub body: String,
    /// What it was about, as the log of calls names it.
    pub target: Option<String>,
}

/// What a request meets.
#[derive(Debug)]
pub enum Begun {
    /// It runs.
    Run(Turn),
    /// It was answered before.
    Answered(Answer),
}

/// A row of `idempotency_keys`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::idempotency_keys)]
struct Row {
    id: RequestId,
    api_key_id: String,
    name: String,
    request_hash: String,
    request_id: String,
    created_at: Time,
    lease: RowId,
    lease_until: Time,
    effect_at: Option<Time>,
    answered_at: Option<Time>,
    status: Option<i32>,
    content_type: Option<String>,
    body: Option<String>,
    target: Option<String>,
}

impl Row {
    fn answer(&self) -> Option<Answer> {
        let status = u16::try_from(self.status?).ok()?;
        Some(Answer { status, content_type: self.content_type.clone()?, body: self.body.clone()?, target: self.target.clone() })
    }
}

/// Refuses what cannot be an idempotency key.
pub fn check(name: &str) -> Result<()> {
    if (1..=LONGEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let text = format!("The idempotency key must be 1 to {LONGEST} visible ASCII characters without spaces, such as a UUID.");
    Err(Error::bad_request("idempotency_key_invalid", text))
}

fn in_progress() -> Error {
    let text = "The first request with this key is still running. Wait a moment and send the same request again with the same key.";
    Error::conflict("idempotency_in_progress", text)
}

/// Takes the turn for a request of this actor, or says what became of it. Keys of others are not looked at.
pub fn begin(conn: &mut Conn, actor: &Actor, request: &Request<'_>, now: Time) -> Result<Begun> {
    check(request.name)?;
    transaction(conn, |conn| {
        queries::remove_expired(conn, actor.id(), request.name, now.plus_days(-KEPT_DAYS))?;
        let turn = Turn { id: RequestId::new(), lease: RowId::new() };
        let row = Row {
            id: turn.id.clone(),
            api_key_id: actor.id().to_owned(),
            name: request.name.to_owned(),
            request_hash: request.hash.to_owned(),
            request_id: request.request_id.to_owned(),
            created_at: now,
            lease: turn.lease.clone(),
            lease_until: now.plus_seconds(LEASE_SECONDS),
            effect_at: None,
            answered_at: None,
            status: None,
            content_type: None,
            body: None,
            target: None,
        };
        if queries::insert(conn, &row)? {
            return Ok(Begun::Run(turn));
        }
        let first = queries::find(conn, actor.id(), request.name)?.ok_or_else(in_progress)?;
        if first.request_hash != request.hash {
            let text = format!("This key was used at {} with a different body. Use a new key for a new request.", first.created_at.for_people());
            return Err(Error::invalid("idempotency_key_reused", "idempotency_key", text));
        }
        if let Some(answer) = first.answer() {
            return Ok(Begun::Answered(answer));
        }
        if first.lease_until > now {
            return Err(in_progress());
        }
        if let Some(at) = first.effect_at {
            return Err(lost(conn, actor, &first, at)?);
        }
        let turn = Turn { id: first.id.clone(), lease: turn.lease };
        if !queries::take_over(conn, &first, &turn, request.request_id, now.plus_seconds(LEASE_SECONDS))? {
            return Err(in_progress());
        }
        Ok(Begun::Run(turn))
    })
}

/// The error that tells what a request did whose answer nobody kept.
fn lost(conn: &mut Conn, actor: &Actor, first: &Row, at: Time) -> Result<Error> {
    let lines = audit::of_request(conn, actor, &first.request_id, first.created_at)?;
    let done: Vec<String> = lines.iter().map(|line| format!("{} of {} {}", line.action, line.target_kind, line.target_id)).collect();
    let done = if done.is_empty() { "a change that leaves no line in the audit log".to_owned() } else { done.join(", ") };
    let text = format!(
        "The first request with this key took effect at {}, but its answer was lost. It did: {done}. Nothing was done again. \
         Look these up; use a new key only for a new request.",
        at.for_people()
    );
    Ok(Error::conflict("idempotency_answer_lost", text))
}

/// Keeps the turn of a request that runs.
pub fn renew(conn: &mut Conn, turn: &Turn, now: Time) -> Result<()> {
    Ok(queries::renew(conn, turn, now.plus_seconds(LEASE_SECONDS))?)
}

/// Marks that the request changes something; call it in the transaction of the change.
/// Fails where somebody else has the turn by now, so that the change is rolled back.
pub fn take_effect(conn: &mut Conn, turn: &Turn, now: Time) -> Result<()> {
    if queries::mark_effect(conn, turn, now)? { Ok(()) } else { Err(in_progress()) }
}

/// Ends a turn. What was done, or was refused because of how things stood, keeps its answer. A refusal of the
/// request itself or of its sender, and a fault that changed nothing, leave the key free.
pub fn settle(conn: &mut Conn, turn: &Turn, answer: &Answer, now: Time) -> Result<()> {
    let kept = matches!(answer.status, 200..400 | 404 | 409);
    transaction(conn, |conn| {
        if !kept && queries::release(conn, turn)? {
            return Ok(());
        }
        // A fault after a change is no answer; what was changed can be told from now on.
        if answer.status >= 500 {
            return Ok(queries::renew(conn, turn, now)?);
        }
        Ok(queries::answer(conn, turn, answer, now)?)
    })
}

/// Removes some of what is older than is kept.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    Ok(queries::sweep(conn, now.plus_days(-KEPT_DAYS), SWEPT_AT_ONCE)?)
}

//! What happened to a message each time that a worker had it in hand.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;
use crate::domain::ids::MessageId;
use crate::text_enum;

use super::{Claimed, queries};

text_enum!(
    /// How an attempt ended.
    pub enum Outcome {
        /// The server took it.
        Sent => "sent",
        /// Not now; it is tried again.
        Deferred => "deferred",
        /// The server refused it for good.
        Failed => "failed",
        /// The final dot was written and no answer came.
        Uncertain => "uncertain",
        /// A check or a stop spoke against it, and nothing was sent.
        Held => "held",
        /// The worker stopped before the final dot; nothing was sent.
        Lost => "lost",
    }
);

impl Outcome {
    /// The same for people.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Sent => "Taken by the server",
            Outcome::Deferred => "Not taken; tried again later",
            Outcome::Failed => "Refused for good",
            Outcome::Uncertain => "Handed over, and no answer came",
            Outcome::Held => "Held back before the final dot",
            Outcome::Lost => "The worker stopped before the final dot",
        }
    }
}

/// How far an attempt came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// The server, as host and port.
    pub relay: Option<String>,
    /// The stage of the dialogue: connect, greeting, tls, auth, mail, rcpt, data or dot.
    pub stage: Option<&'static str>,
    /// The code of the server's reply, where it replied.
    pub code: Option<u16>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable)]
pub struct Attempt {
    /// When a worker took it in hand.
    pub started_at: Time,
    /// When the outcome was recorded.
    pub ended_at: Time,
    /// The server.
    pub relay: Option<String>,
    /// How far the dialogue came.
    pub stage: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The code of the server's reply.
    pub code: Option<i32>,
    /// The server's words, or ours.
    pub reply: Option<String>,
}

/// The longest reply kept, in characters.
const LONGEST_REPLY: usize = 1000;

/// A reply as it is kept.
pub(super) fn shortened(reply: &str) -> String {
    reply.chars().take(LONGEST_REPLY).collect()
}

/// Notes how an attempt ended that did not end with a 250, in the transaction of the outcome.
pub(super) fn note(conn: &mut Conn, claimed: &Claimed, outcome: Outcome, reply: &str, now: Time) -> Result<()> {
    let attempt = Attempt {
        started_at: claimed.claimed_at,
        ended_at: now,
        relay: claimed.reached.relay.clone(),
        stage: claimed.reached.stage.map(str::to_owned),
        outcome,
        code: claimed.reached.code.map(i32::from),
        reply: Some(shortened(reply)),
    };
    Ok(queries::insert_attempts(conn, vec![(claimed.message_id().clone(), attempt)])?)
}

/// Notes that a worker fell silent.
pub(super) fn note_lost(conn: &mut Conn, id: &MessageId, since: Time, outcome: Outcome, words: &str, relay: Option<String>, now: Time) -> Result<()> {
    let stage = (outcome == Outcome::Uncertain).then(|| "dot".to_owned());
    let attempt = Attempt { started_at: since, ended_at: now, relay, stage, outcome, code: None, reply: Some(words.to_owned()) };
    Ok(queries::insert_attempts(conn, vec![(id.clone(), attempt)])?)
}

/// The attempts of a message, oldest first.
pub(in crate::domain) fn of_message(conn: &mut Conn, id: &MessageId) -> Result<Vec<Attempt>> {
    Ok(queries::attempts_of(conn, id)?)
}

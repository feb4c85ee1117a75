//! What may leave: claims, the statement before the final dot, and what the server answered.
//!
//! The types carry the rule. [`Claimed`] is made only here, from an outbox row whose
//! warrant was verified; [`AtDot`] is made only by [`reach_dot`], which looks at
//! warrant, content, suppression and stop switch once more in one statement. The
//! mail transport finishes a message only when it is handed an [`AtDot`].

mod queries;
pub mod verify;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::ContactRow;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MailboxId, MessageId, RowId};
use crate::domain::messages::{Content, MessageRow, State, lifecycle};
use crate::domain::policy::{self, Standing};
use crate::domain::{campaigns, churn, contacts, mailboxes, messages};

pub use queries::Waiting;

/// How long a claim lives without a sign of its worker, in seconds.
pub const LEASE_SECONDS: i64 = 60;
/// Messages of stopped campaigns that are put aside in one transaction.
const MOST_ASIDE: usize = 200;

/// The worker that claims, by a random name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerId(String);

impl WorkerId {
    /// A new name.
    pub fn new() -> Self {
        WorkerId(RowId::new().as_str().to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for WorkerId {
    fn default() -> Self {
        Self::new()
    }
}

/// A message whose warrant was verified, claimed by one worker.
#[derive(Debug)]
pub struct Claimed {
    message_id: MessageId,
    mailbox_id: MailboxId,
    contact_id: ContactId,
    warrant_id: String,
    version: i32,
    content_hash: String,
    email_key: String,
    attempts: i32,
    worker: WorkerId,
    made_at: Time,
    content: Content,
}

impl Claimed {
    /// The message.
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// The exact content the warrant is for.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// When the message was made: its Date header.
    pub fn made_at(&self) -> Time {
        self.made_at
    }

    /// Header Message-ID, the same on every attempt.
    pub fn message_id_header(&self) -> String {
        messages::content::message_id(&self.message_id, self.version, &self.content.from_address)
    }
}

/// Permission to write the final dot of one message, given by [`reach_dot`] alone.
#[derive(Debug)]
pub struct AtDot {
    claimed: Claimed,
}

impl AtDot {
    /// The message.
    pub fn message_id(&self) -> &MessageId {
        &self.claimed.message_id
    }
}

/// What happened to an attempt that did not end with the server's 250.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Try again later.
    Transient(String),
    /// The server refused for good.
    Permanent(String),
    /// The final dot was written and no answer came.
    Unknown(String),
}

/// Claims messages that are due, up to `limit`. Those that a check speaks against
/// are skipped here with the reason.
pub fn claim(conn: &mut Conn, worker: &WorkerId, limit: i64, now: Time) -> Result<Vec<Claimed>> {
    transaction(conn, |conn| {
        if queries::all_stopped(conn)? {
            return Ok(vec![]);
        }
        let (mut claimed, mut aside) = (vec![], 0);
        loop {
            let before = aside;
            for id in queries::due(conn, now, limit)? {
                if campaigns::stops(conn, &id)? {
                    campaigns::put_aside(conn, &id, now)?;
                    aside += 1;
                    continue;
                }
                queries::set_claim(conn, &id, worker.as_str(), now.plus_seconds(LEASE_SECONDS), now)?;
                if let Some(one) = claim_one(conn, worker, &id, now)? {
                    claimed.push(one);
                }
            }
            // What a stopped campaign left in front must not hold up the rest.
            if !claimed.is_empty() || aside == before || aside >= MOST_ASIDE {
                return Ok(claimed);
            }
        }
    })
}

fn claim_one(conn: &mut Conn, worker: &WorkerId, id: &MessageId, now: Time) -> Result<Option<Claimed>> {
    let row = messages::queries::by_id(conn, id)?.ok_or_else(|| Error::internal("outbox row without a message"))?;
    let contact = contacts::row(conn, &row.contact_id)?;
    let refusal = skipped(conn, &row, &contact)?;
    lifecycle::transition(conn, id, row.state, State::Sending, None, now)?;
    if let Some(reason) = refusal {
        end(conn, id, "sending", "skipped", State::Skipped, &reason, now)?;
        return Ok(None);
    }
    let Some(warrant) = queries::warrant_of(conn, id)? else {
        end(conn, id, "sending", "skipped", State::Skipped, "It carries no valid warrant.", now)?;
        return Ok(None);
    };
    let version = messages::version(conn, id, row.version)?;
    let content = Content::from(&version);
    // The hash is computed anew from the words that would leave; a row changed behind
    // the product's back does not get past this.
    let intact = warrant.content_hash == content.hash() && warrant.content_hash == row.content_hash && warrant.version == row.version;
    if !intact || warrant.expires_at <= now {
        end(conn, id, "sending", "skipped", State::Skipped, "Its warrant does not fit its content or has expired.", now)?;
        return Ok(None);
    }
    // The offer may have ended while it waited, or a fact changed behind its back.
    if let Some(why) = messages::ledger::lost_ground(conn, id, row.version, now.date())? {
        take_back(conn, id, &why, now)?;
        return Ok(None);
    }
    Ok(Some(Claimed {
        message_id: id.clone(),
        mailbox_id: row.mailbox_id,
        contact_id: row.contact_id,
        warrant_id: warrant.id,
        version: row.version,
        content_hash: warrant.content_hash,
        email_key: contact.email_key,
        attempts: queries::attempts(conn, id)?,
        worker: worker.clone(),
        made_at: version.created_at,
        content,
    }))
}

/// Why a message would be skipped instead of sent.
fn skipped(conn: &mut Conn, row: &MessageRow, contact: &ContactRow) -> Result<Option<String>> {
    let standing = Standing { is_test: row.is_test, ..Standing::of(conn, &contact.email_key, Some(contact))? };
    Ok(policy::refusal(&standing))
}

/// What would keep a message from leaving if a worker came to it now, by the checks that a worker makes:
/// skipped, back to the reviewers, or kept waiting.
pub(in crate::domain) fn obstacle(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<Option<String>> {
    let contact = contacts::row(conn, &row.contact_id)?;
    if let Some(why) = skipped(conn, row, &contact)? {
        return Ok(Some(why));
    }
    if let Some(why) = messages::ledger::lost_ground(conn, &row.id, row.version, now.date())? {
        return Ok(Some(why));
    }
    let mailbox = mailboxes::get(conn, &Actor::System("worker"), &row.mailbox_id)?;
    if let Some(why) = policy::hold(&Standing::default().with_switches(conn, &mailbox)?) {
        return Ok(Some(why));
    }
    if queries::mailbox_stopped(conn, &row.mailbox_id)? {
        return Ok(Some("Its mailbox is read_only; it waits until somebody changes that.".to_owned()));
    }
    Ok(campaigns::stops(conn, &row.id)?.then(|| "Its campaign is stopped; it waits until a person resumes it.".to_owned()))
}

/// Keeps a worker's claims alive.
pub fn renew(conn: &mut Conn, worker: &WorkerId, now: Time) -> Result<()> {
    Ok(queries::renew(conn, worker.as_str(), now.plus_seconds(LEASE_SECONDS))?)
}

/// What [`reach_dot`] says.
#[derive(Debug)]
pub enum Dot {
    /// Write it.
    Go(Box<AtDot>),
    /// Do not: a check spoke against it since the claim. It is recorded.
    Stop,
}

/// The last look, in the statement that notes that the dot is about to be written:
/// warrant valid and for these bytes, not of a test key, recipient not suppressed, facts as they were, nothing stopped.
pub fn reach_dot(conn: &mut Conn, claimed: Claimed, now: Time) -> Result<Dot> {
    transaction(conn, |conn| {
        if queries::set_dot(conn, &claimed, now)? {
            return Ok(Dot::Go(Box::new(AtDot { claimed })));
        }
        let id = claimed.message_id.clone();
        if !queries::holds_claim(conn, &id, claimed.worker.as_str())? {
            return Ok(Dot::Stop);
        }
        let contact = contacts::row(conn, &claimed.contact_id)?;
        if let Some(why) = policy::refusal(&Standing::of(conn, &claimed.email_key, Some(&contact))?) {
            end(conn, &id, "sending", "skipped", State::Skipped, &why, now)?;
        } else if queries::all_stopped(conn)? || queries::mailbox_stopped(conn, &claimed.mailbox_id)? {
            put_back(conn, &id, "sending", now.plus_seconds(5), "Sending is stopped.", 0, now)?;
        } else if campaigns::stops(conn, &id)? {
            put_back(conn, &id, "sending", now, "Its campaign is stopped.", claimed.attempts, now)?;
            campaigns::put_aside(conn, &id, now)?;
        } else if let Some(why) = messages::ledger::lost_ground(conn, &id, claimed.version, now.date())? {
            take_back(conn, &id, &why, now)?;
        } else {
            end(conn, &id, "sending", "skipped", State::Skipped, "Its warrant does not fit its content or has expired.", now)?;
        }
        Ok(Dot::Stop)
    })
}

/// Records the server's 250.
pub fn record_sent(conn: &mut Conn, at_dot: AtDot, reply: &str, now: Time) -> Result<()> {
    let id = at_dot.claimed.message_id;
    transaction(conn, |conn| {
        // After a lapsed lease the row may be uncertain by now; the 250 is the evidence that settles it.
        let from = if queries::set_state(conn, &id, "dot", "sent", Some(reply), now)? {
            State::Sending
        } else if queries::set_state(conn, &id, "uncertain", "sent", Some(reply), now)? {
            State::Uncertain
        } else {
            return Err(Error::internal(format!("message {id} was accepted but is not at the dot")));
        };
        lifecycle::transition(conn, &id, from, State::Sent, None, now)?;
        queries::set_sent_at(conn, &id, now)?;
        churn::variants::note_sent(conn, &id, now)?;
        let row = messages::queries::by_id(conn, &id)?.ok_or_else(|| Error::internal("a sent message is gone"))?;
        messages::promises::note_sent(conn, &row, now)?;
        log(conn, &id, "message.sent", json!({"reply": reply, "attempt": at_dot.claimed.attempts + 1}), now)
    })
}

/// Records a failure before the final dot.
pub fn record_failure(conn: &mut Conn, claimed: Claimed, failure: &Failure, now: Time) -> Result<()> {
    record(conn, &claimed, "sending", failure, now)
}

/// Records a failure at the final dot.
pub fn record_failure_at_dot(conn: &mut Conn, at_dot: AtDot, failure: &Failure, now: Time) -> Result<()> {
    record(conn, &at_dot.claimed, "dot", failure, now)
}

fn record(conn: &mut Conn, claimed: &Claimed, from: &'static str, failure: &Failure, now: Time) -> Result<()> {
    let id = &claimed.message_id;
    transaction(conn, |conn| {
        if !queries::holds_claim(conn, id, claimed.worker.as_str())? {
            return Ok(());
        }
        match failure {
            Failure::Permanent(text) => end(conn, id, from, "failed", State::Failed, text, now),
            Failure::Unknown(text) => end(conn, id, from, "uncertain", State::Uncertain, text, now),
            Failure::Transient(text) => match backoff(claimed.attempts) {
                Some(wait) => {
                    let at = now.plus_seconds(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
                    put_back(conn, id, from, at, text, claimed.attempts + 1, now)
                }
                None => end(conn, id, from, "failed", State::Failed, &format!("Given up after {} attempts: {text}", claimed.attempts + 1), now),
            },
        }
    })
}

/// The wait after so many failed attempts: one minute, doubling to four hours, for
/// about four days in all (RFC 5321 §4.5.4.1 asks for four to five).
pub fn backoff(attempts: i32) -> Option<Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(60))
        .with_factor(2.0)
        .with_max_delay(Duration::from_secs(4 * 3600))
        .with_max_times(32)
        .build()
        .nth(usize::try_from(attempts).unwrap_or(0))
}

/// Claims whose worker fell silent: before the dot they go back into the queue; at
/// the dot nobody knows, so they wait for evidence or a person.
pub fn recover(conn: &mut Conn, now: Time) -> Result<usize> {
    transaction(conn, |conn| {
        let lapsed = queries::lapsed(conn, now, 500)?;
        for (id, state) in &lapsed {
            if state == "dot" {
                end(
                    conn,
                    id,
                    "dot",
                    "uncertain",
                    State::Uncertain,
                    "The server stopped while this message was being handed over; it may have arrived.",
                    now,
                )?;
            } else {
                let attempts = queries::attempts(conn, id)?;
                put_back(conn, id, "sending", now, "Its worker stopped.", attempts, now)?;
            }
        }
        Ok(lapsed.len())
    })
}

/// What waits to leave in this mailbox or in all of them, soonest first.
pub fn waiting(conn: &mut Conn, id: &MessageId) -> Result<Option<Waiting>> {
    Ok(queries::waiting(conn, id)?)
}

/// Whether nothing is left that a worker could do.
pub fn is_drained(conn: &mut Conn) -> Result<bool> {
    Ok(queries::open_rows(conn)? == 0)
}

fn end(conn: &mut Conn, id: &MessageId, from: &'static str, to: &'static str, state: State, reason: &str, now: Time) -> Result<()> {
    if !queries::set_state(conn, id, from, to, Some(reason), now)? {
        return Err(Error::conflict("state_conflict", "The message moved on meanwhile."));
    }
    lifecycle::transition(conn, id, State::Sending, state, Some(reason), now)?;
    let action = match state {
        State::Skipped => "message.skip",
        State::Uncertain => "message.uncertain",
        _ => "message.fail",
    };
    log(conn, id, action, json!({"reason": reason}), now)
}

/// Back to the reviewers: what was approved rests on a fact that no longer holds.
fn take_back(conn: &mut Conn, id: &MessageId, why: &str, now: Time) -> Result<()> {
    let attempts = queries::attempts(conn, id)?;
    put_back(conn, id, "sending", now, why, attempts, now)?;
    let row = messages::queries::by_id(conn, id)?.ok_or_else(|| Error::internal("outbox row without a message"))?;
    messages::recall::void(conn, &Actor::System("worker"), row, why, now)
}

fn put_back(conn: &mut Conn, id: &MessageId, from: &'static str, at: Time, reason: &str, attempts: i32, now: Time) -> Result<()> {
    if !queries::put_back(conn, id, from, at, reason, attempts, now)? {
        return Err(Error::conflict("state_conflict", "The message moved on meanwhile."));
    }
    lifecycle::transition(conn, id, State::Sending, State::Queued, Some(reason), now)?;
    log(conn, id, "message.defer", json!({"reason": reason, "next": at}), now)
}

fn log(conn: &mut Conn, id: &MessageId, action: &'static str, detail: serde_json::Value, now: Time) -> Result<()> {
    let mailbox = messages::queries::by_id(conn, id)?.map(|row| row.mailbox_id);
    let entry = Entry { action, target_kind: "message", target_id: id.as_str(), mailbox_id: mailbox.as_ref(), detail };
    audit::record(conn, &Actor::System("worker"), entry, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_double_from_a_minute_to_four_hours_and_end() {
        let waits: Vec<u64> = (0..40).map_while(backoff).map(|wait| wait.as_secs()).collect();
        assert_eq!(&waits[..4], [60, 120, 240, 480]);
        assert_eq!(waits.last(), Some(&(4 * 3600)));
        let days = waits.iter().sum::<u64>() / 86_400;
        assert!((4..=5).contains(&days), "{days}");
    }
}

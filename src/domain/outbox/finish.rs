//! What follows once the relay took a message: its state, the attempt, the log, whoever listens. That the relay took it is
//! in the narrow outbox row by then, written together with the next dots; what follows touches many indexes, so it is
//! written for some hundred messages together, a moment later. The outbox row says that something is missing until then,
//! and whoever comes first brings it in line: the worker that sent it, the next one after a crash, or a report about it.

use std::collections::HashMap;

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::churn;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::messages::{self, MessageRow, State, lifecycle};

use super::attempts::{self, Attempt, Outcome};
use super::{AtDot, Step, queries};

/// Most messages that are brought in line in one transaction.
pub const AT_ONCE: usize = 256;
/// What is left longer than this was left by a worker that ended, in seconds.
const LEFT_SECONDS: i64 = 2;

/// A message that the relay took, with what is known of it and not in its outbox row.
#[derive(Debug, Clone)]
pub struct Taken {
    pub(super) id: MessageId,
    pub(super) mailbox_id: MailboxId,
    pub(super) campaign: Option<String>,
    pub(super) started_at: Time,
    pub(super) relay: Option<String>,
    pub(super) rests_on_claims: bool,
    pub(super) is_followed: bool,
}

impl Taken {
    /// Of a step that recorded what the relay took, where something is left to do.
    pub fn of(step: &Step) -> Option<Taken> {
        match step {
            Step::Sent(at_dot, _) => Some(Taken::at(at_dot)).filter(|taken| !taken.has_consequences()),
            _ => None,
        }
    }

    pub(super) fn at(at_dot: &AtDot) -> Taken {
        let claimed = &at_dot.claimed;
        Taken {
            id: claimed.case.message_id.clone(),
            mailbox_id: claimed.case.mailbox_id.clone(),
            campaign: claimed.campaign.clone(),
            started_at: claimed.claimed_at,
            relay: claimed.reached.relay.clone(),
            rests_on_claims: claimed.rests_on_claims,
            is_followed: claimed.is_followed,
        }
    }

    /// Whether it changes what other messages may do: promises use up a budget, steps and variants have others that follow.
    /// That does not wait.
    pub(super) fn has_consequences(&self) -> bool {
        self.rests_on_claims || self.is_followed
    }
}

/// How the outbox row says that the relay took a message.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) id: MessageId,
    pub(super) reply: Option<String>,
    pub(super) attempts: i32,
    pub(super) at: Time,
}

/// Brings in line what is not yet: these become sent, with all that follows. Those that somebody else was quicker with are
/// passed over.
pub fn finish(conn: &mut Conn, taken: &[Taken], now: Time) -> Result<()> {
    if taken.is_empty() {
        return Ok(());
    }
    transaction(conn, |conn| {
        let ids: Vec<&MessageId> = taken.iter().map(|one| &one.id).collect();
        let noted: HashMap<MessageId, Noted> = queries::set_finished(conn, &ids)?.into_iter().map(|noted| (noted.id.clone(), noted)).collect();
        let open: Vec<(&Taken, &Noted)> = taken.iter().filter_map(|one| Some((one, noted.get(&one.id)?))).collect();
        let moved: Vec<lifecycle::Moved<'_>> = open
            .iter()
            .map(|(one, noted)| lifecycle::Moved { id: &one.id, campaign: one.campaign.as_deref(), is_followed: one.is_followed, at: noted.at })
            .collect();
        lifecycle::sent(conn, &moved, now)?;
        follow(conn, &open, now)
    })
}

/// What is recorded of messages that became sent: promises that they made, the variants they were, the attempts, the log.
pub(super) fn follow(conn: &mut Conn, open: &[(&Taken, &Noted)], now: Time) -> Result<()> {
    for (one, noted) in open {
        if one.is_followed {
            churn::variants::note_sent(conn, &one.id, noted.at)?;
        }
        if one.rests_on_claims {
            let row = messages::queries::by_id(conn, &one.id)?.ok_or_else(|| Error::internal("a sent message is gone"))?;
            messages::promises::note_sent(conn, &row, noted.at)?;
        }
    }
    let attempt = |(one, noted): &(&Taken, &Noted)| {
        let attempt = Attempt {
            started_at: one.started_at,
            ended_at: noted.at,
            relay: one.relay.clone(),
            stage: Some("dot".to_owned()),
            outcome: Outcome::Sent,
            code: Some(250),
            reply: noted.reply.as_deref().map(attempts::shortened),
        };
        (one.id.clone(), attempt)
    };
    queries::insert_attempts(conn, open.iter().map(attempt).collect())?;
    let entries = open.iter().map(|(one, noted)| Entry {
        action: "message.sent",
        target_kind: "message",
        target_id: one.id.as_str(),
        mailbox_id: Some(&one.mailbox_id),
        detail: json!({"reply": noted.reply, "attempt": noted.attempts + 1}),
    });
    audit::record_all(conn, &Actor::System("worker"), entries.collect(), now)
}

/// Brings in line what a worker left that ended before it could; how many there were.
pub fn finish_left(conn: &mut Conn, now: Time) -> Result<usize> {
    finish_some(conn, Some(now.plus_seconds(-LEFT_SECONDS)), now)
}

/// Brings in line all that is not, some at a time, when a worker starts; how many there were.
pub fn finish_all(conn: &mut Conn, now: Time) -> Result<usize> {
    finish_some(conn, None, now)
}

fn finish_some(conn: &mut Conn, before: Option<Time>, now: Time) -> Result<usize> {
    let left = queries::unfinished(conn, None, before, AT_ONCE)?;
    finish(conn, &left, now)?;
    Ok(left.len())
}

/// This message, brought in line first if it left and its own row does not say so yet.
pub(in crate::domain) fn caught_up(conn: &mut Conn, row: MessageRow) -> Result<MessageRow> {
    if !matches!(row.state, State::Approved | State::Queued | State::Sending) {
        return Ok(row);
    }
    let left = queries::unfinished(conn, Some(&row.id), None, 1)?;
    let Some(taken) = left.first() else { return Ok(row) };
    finish(conn, &left, taken.started_at)?;
    messages::queries::by_id(conn, &row.id)?.ok_or_else(|| Error::internal("a sent message is gone"))
}

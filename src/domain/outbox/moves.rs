//! Moves of one message, for all that is not the rule: skipped, put back, failed, uncertain.

use serde_json::json;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::campaigns;
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::messages::{self, State, lifecycle};
use crate::domain::reputation::sends;

use super::queries;

/// Shows a message as being sent. What is quick goes from approved to sent in one step and never passes here.
pub(super) fn show(conn: &mut Conn, id: &MessageId, now: Time) -> Result<()> {
    let row = messages::queries::by_id(conn, id)?.ok_or_else(|| Error::internal("outbox row without a message"))?;
    match row.state {
        State::Sending => Ok(()),
        state => lifecycle::transition(conn, id, state, State::Sending, None, now),
    }
}

/// Takes back that it was shown as being sent.
pub(super) fn unshow(conn: &mut Conn, id: &MessageId, now: Time) -> Result<()> {
    match messages::queries::by_id(conn, id)? {
        Some(row) if row.state == State::Sending => lifecycle::transition(conn, id, State::Sending, State::Queued, None, now),
        _ => Ok(()),
    }
}

/// A check spoke against it before it reached the dot.
pub(super) fn skip(conn: &mut Conn, id: &MessageId, reason: &str, now: Time) -> Result<()> {
    end(conn, id, "sending", "skipped", State::Skipped, reason, now)
}

pub(super) fn end(conn: &mut Conn, id: &MessageId, from: &'static str, to: &'static str, state: State, reason: &str, now: Time) -> Result<()> {
    if !queries::set_state(conn, id, from, to, Some(reason), now)? {
        return Err(moved_on());
    }
    show(conn, id, now)?;
    lifecycle::transition(conn, id, State::Sending, state, Some(reason), now)?;
    let action = match state {
        State::Skipped => "message.skip",
        State::Uncertain => "message.uncertain",
        _ => "message.fail",
    };
    log(conn, id, action, json!({"reason": reason}), now)
}

/// Back to the reviewers: what was approved rests on a fact that no longer holds.
pub(super) fn take_back(conn: &mut Conn, id: &MessageId, why: &str, now: Time) -> Result<()> {
    let attempts = queries::attempts(conn, id)?;
    put_back(conn, id, "sending", now, why, attempts, now)?;
    let row = messages::queries::by_id(conn, id)?.ok_or_else(|| Error::internal("outbox row without a message"))?;
    messages::recall::void(conn, &Actor::System("worker"), row, why, now).map(drop)
}

pub(super) fn put_back(conn: &mut Conn, id: &MessageId, from: &'static str, at: Time, reason: &str, attempts: i32, now: Time) -> Result<()> {
    if !queries::put_back(conn, id, from, at, reason, attempts, now)? {
        return Err(moved_on());
    }
    show(conn, id, now)?;
    lifecycle::transition(conn, id, State::Sending, State::Queued, Some(reason), now)?;
    log(conn, id, "message.defer", json!({"reason": reason, "next": at}), now)
}

/// Lets a message of a stopped campaign wait as it was.
pub(super) fn put_aside(conn: &mut Conn, id: &MessageId, attempts: i32, now: Time) -> Result<()> {
    if !queries::put_back(conn, id, "sending", now, "Its campaign is stopped.", attempts, now)? {
        return Err(moved_on());
    }
    unshow(conn, id, now)?;
    sends::give_back(conn, id)?;
    campaigns::put_aside(conn, id, now)
}

fn moved_on() -> Error {
    Error::conflict("state_conflict", "The message moved on meanwhile.")
}

fn log(conn: &mut Conn, id: &MessageId, action: &'static str, detail: serde_json::Value, now: Time) -> Result<()> {
    log_by(conn, &Actor::System("worker"), id, action, detail, now)
}

pub(super) fn log_by(conn: &mut Conn, actor: &Actor, id: &MessageId, action: &'static str, detail: serde_json::Value, now: Time) -> Result<()> {
    let mailbox = messages::queries::by_id(conn, id)?.map(|row| row.mailbox_id);
    let entry = Entry { action, target_kind: "message", target_id: id.as_str(), mailbox_id: mailbox.as_ref(), detail };
    audit::record(conn, actor, entry, now)
}

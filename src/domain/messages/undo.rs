//! The undo window: an approval is taken back as long as its message has not left.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{BatchId, MessageId};
use crate::domain::outbox;

use super::{DecisionKind, Message, MessageRow, State, log, queries, recall};

/// How long after a decision the pages offer to undo it, in seconds, if the message is still here.
const OFFERED_SECONDS: i64 = 600;

/// Takes an approval back. Only who approved can, and only while no worker has the message.
pub fn undo(conn: &mut Conn, actor: &Actor, id: &MessageId, now: Time) -> Result<Message> {
    transaction(conn, |conn| {
        let mut row = super::row(conn, actor, id)?;
        let last = queries::decisions(conn, id)?.pop().filter(|last| last.kind == DecisionKind::Approve);
        let Some(last) = last.filter(|last| last.version == row.version) else {
            return Err(Error::conflict("nothing_to_undo", "There is no approval of this message to undo."));
        };
        if !actor.is(&last.actor_kind, &last.actor_id) {
            return Err(Error::forbidden("not_the_approver", format!("{} approved it. You can stop it instead, while it is here.", last.actor_name)));
        }
        if !matches!(row.state, State::Approved | State::Queued) || !recall::reopen(conn, &mut row, None, now)? {
            return Err(too_late(conn, &row)?);
        }
        log(conn, actor, "message.undo", &row, json!({"decision": last.id, "version": row.version}), now)?;
        super::get(conn, actor, id)
    })
}

fn too_late(conn: &mut Conn, row: &MessageRow) -> Result<Error> {
    let waiting = outbox::waiting(conn, &row.id)?;
    // What is quick goes from approved to sent and is never shown as being sent.
    let in_hands = waiting.as_ref().is_some_and(|waiting| matches!(waiting.state.as_str(), "sending" | "dot"));
    let detail = match (row.sent_at, waiting.and_then(|waiting| waiting.last_reply)) {
        (Some(at), Some(reply)) => format!("Too late: it left at {}. The mail server answered: {reply}", at.for_people_exactly()),
        (Some(at), None) => format!("Too late: it left at {}.", at.for_people_exactly()),
        (None, _) if in_hands || row.state == State::Sending => "Too late: it is being handed to the mail server right now.".to_owned(),
        (None, _) => format!("Too late: the message is {}.", row.state.label().to_lowercase()),
    };
    Ok(Error::conflict("too_late", detail))
}

/// An approval that can still be taken back.
#[derive(Debug, Clone, Queryable)]
pub struct Undoable {
    /// The message.
    pub message_id: MessageId,
    /// The batch it was approved in.
    pub batch_id: Option<BatchId>,
    /// To whom: the address.
    pub to_address: String,
    /// To whom: the name.
    pub to_name: Option<String>,
    /// When it leaves.
    pub not_before: Time,
}

/// The latest approval of this actor that can still be taken back.
pub fn latest(conn: &mut Conn, actor: &Actor, now: Time) -> Result<Option<Undoable>> {
    Ok(queries::latest_undoable(conn, actor.kind(), actor.id(), now.plus_seconds(-OFFERED_SECONDS))?)
}

//! What became of a message: for whoever waits for a decision or for an answer.

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::MessageId;
use crate::domain::threads::{self, InboundEmail};

use super::{Message, State};

/// How far a message is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The message.
    pub message: Message,
    /// Whether it no longer waits for a reviewer: decided, taken back, expired, or cleared by its mode.
    pub decided: bool,
    /// Whether no answer can come any more: it will not arrive.
    pub over: bool,
    /// The first email that came back since it left.
    pub reply: Option<InboundEmail>,
}

/// Looks once.
pub fn look(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<Progress> {
    actor.must_have(Scope::Read)?;
    let message = super::get(conn, actor, id)?;
    let reply = match message.row.sent_at {
        Some(sent) => threads::first_reply(conn, actor, &message.row.mailbox_id, &message.row.thread_id, sent)?,
        None => None,
    };
    let state = message.row.state;
    let decided = !matches!(state, State::Draft | State::Pending);
    let over =
        matches!(state, State::Rejected | State::Withdrawn | State::Expired | State::Skipped | State::Failed | State::Cancelled | State::Bounced);
    Ok(Progress { message, decided, over, reply })
}

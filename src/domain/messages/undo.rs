//! Undo: an approval that has not left is taken back by whoever gave it.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;

use super::{DecisionKind, Message, State, log, queries, recall};

/// Takes an approval back: the message waits for a decision again, under a new version number,
/// because the decision and the warrant stay with the old one.
pub fn undo(conn: &mut Conn, actor: &Actor, id: &MessageId, now: Time) -> Result<Message> {
    transaction(conn, |conn| {
        let row = super::row(conn, actor, id)?;
        if !matches!(row.state, State::Approved | State::Queued) {
            return Err(Error::conflict("too_late", format!("The message is {}; there is no approval to undo.", row.state)));
        }
        let approval = queries::decisions(conn, id)?.into_iter().rfind(|decision| decision.kind == DecisionKind::Approve);
        if !approval.is_some_and(|approval| approval.version == row.version && actor.is(&approval.actor_kind, &approval.actor_id)) {
            return Err(Error::forbidden("not_the_approver", "Only who approved it can undo that. Stop the message instead."));
        }
        let why = format!("{} took the approval back.", actor.name());
        let Some(row) = recall::reopen(conn, row, &why, now)? else {
            return Err(Error::conflict("too_late", "The message is on its way already; the approval can no longer be undone."));
        };
        log(conn, actor, "message.undo", &row, json!({"version": row.version}), now)?;
        super::get(conn, actor, id)
    })
}

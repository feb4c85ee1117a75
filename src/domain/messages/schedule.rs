//! When a message leaves: sent later, or at once after all.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::mailboxes;

use super::{DecisionKind, Message, MessageRow, State, log, queries};

/// The furthest a message can be scheduled, in days.
pub const FURTHEST_DAYS: i64 = 365;

/// Schedules a message that has not left, or with no time lets it leave at once.
/// The words stay as they are, so an approval stays too.
pub fn schedule(conn: &mut Conn, actor: &Actor, id: &MessageId, at: Option<Time>, now: Time) -> Result<Message> {
    let at = check(at, now)?;
    transaction(conn, |conn| {
        let row = super::row(conn, actor, id)?;
        if let Actor::Key { scopes, .. } = actor
            && !(scopes.contains(&Scope::Draft) && row.is_by(actor))
        {
            return Err(Error::forbidden("not_the_author", "A key can schedule only what it wrote itself."));
        }
        match row.state {
            State::Pending | State::ChangesRequested => {}
            State::Approved | State::Queued => move_in_outbox(conn, actor, &row, at, now)?,
            state => return Err(too_late(state)),
        }
        queries::set_send_at(conn, id, at)?;
        log(conn, actor, "message.schedule", &row, json!({"send_at": at}), now)?;
        super::get(conn, actor, id)
    })
}

/// A time that is over means at once.
pub(super) fn check(at: Option<Time>, now: Time) -> Result<Option<Time>> {
    match at {
        Some(at) if at > now.plus_days(FURTHEST_DAYS) => {
            Err(Error::invalid("field_invalid", "send_at", format!("send_at must be within a year from now; got {at}.")))
        }
        at => Ok(at.filter(|at| *at > now)),
    }
}

/// An approved message keeps its undo window, and its warrant must live until it leaves.
fn move_in_outbox(conn: &mut Conn, actor: &Actor, row: &MessageRow, at: Option<Time>, now: Time) -> Result<()> {
    let mailbox = mailboxes::get(conn, actor, &row.mailbox_id)?;
    let approved = queries::decisions(conn, &row.id)?.pop().filter(|last| last.kind == DecisionKind::Approve).map_or(now, |last| last.created_at);
    let undo_until = approved.plus_seconds(i64::from(mailbox.undo_seconds)).max(now);
    let (not_before, waits_for) = match at {
        Some(at) if at > undo_until => (at, Some("the time it is scheduled for")),
        _ => (undo_until, (undo_until > now).then_some("the undo window")),
    };
    if queries::warrant_expiry(conn, &row.id, row.version)?.is_some_and(|expiry| expiry <= not_before) {
        return Err(Error::conflict("warrant_too_short", "Its approval will have expired by then. Edit the message, so that it is approved again."));
    }
    if queries::move_outbox(conn, &row.id, not_before, waits_for, now)? { Ok(()) } else { Err(too_late(State::Sending)) }
}

fn too_late(state: State) -> Error {
    Error::conflict("too_late", format!("The message is {state} and can no longer be scheduled."))
}

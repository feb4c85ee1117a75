//! Taking a message back: withdrawn before a decision, stopped after it.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::controls::tripwire;
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::mailboxes::Mode;
use crate::domain::vigilance::planting;

use super::decide::{self, Decide};
use super::{DecisionKind, Message, MessageRow, Origin, State, lifecycle, log, queries};

/// Stops a message that has not reached the final dot.
pub fn cancel(conn: &mut Conn, actor: &Actor, id: &MessageId, now: Time) -> Result<Message> {
    transaction(conn, |conn| {
        let row = super::row(conn, actor, id)?;
        if let Actor::Key { scopes, .. } = actor
            && !(scopes.contains(&Scope::Draft) && row.is_by(actor))
        {
            return Err(Error::forbidden("not_the_author", "A key can take back only what it wrote itself."));
        }
        stop(conn, actor, &row, now)?;
        super::get(conn, actor, id)
    })
}

/// Stops those of many messages that have not left, whoever wrote them; how many they were.
pub(in crate::domain) fn stop_all(conn: &mut Conn, actor: &Actor, ids: &[MessageId], now: Time) -> Result<usize> {
    let mut stopped = 0;
    for id in ids {
        let row = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("message"))?;
        match stop(conn, actor, &row, now) {
            Ok(()) => stopped += 1,
            // It has left, or a worker has it in hand: then the check at the final dot stops it.
            Err(error) if error.code == "too_late" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(stopped)
}

fn stop(conn: &mut Conn, actor: &Actor, row: &MessageRow, now: Time) -> Result<()> {
    let id = &row.id;
    match row.state {
        State::Pending | State::ChangesRequested => {
            decide::record(conn, actor, row, &Decide::on(id, DecisionKind::Withdraw), None, now)?;
            lifecycle::transition(conn, id, row.state, State::Withdrawn, None, now)?;
            if row.planted {
                planting::lapsed(conn, row, now)?;
            }
            log(conn, actor, "message.withdraw", row, json!({}), now)?;
        }
        State::Approved | State::Queued if queries::cancel_outbox(conn, id, now)? => {
            lifecycle::transition(conn, id, row.state, State::Cancelled, Some("Stopped before it left."), now)?;
            log(conn, actor, "message.cancel", row, json!({}), now)?;
            if row.origin != Origin::Person && matches!(row.effective_mode, Mode::Monitored | Mode::Autonomous) && row.held_because.is_none() {
                tripwire::note(conn, actor, &row.mailbox_id, id, now)?;
            }
        }
        state => {
            return Err(Error::conflict("too_late", format!("The message is {state} and can no longer be stopped.")));
        }
    }
    Ok(())
}

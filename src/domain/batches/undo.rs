//! Undoing a batch: every approval that has not left.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::BatchId;
use crate::domain::messages;

use super::{Item, Outcome, log, own, queries};

/// Takes back every approval of the batch that has not left. Returns how many; the others say why.
pub fn undo(conn: &mut Conn, actor: &Actor, id: &BatchId, now: Time) -> Result<usize> {
    transaction(conn, |conn| {
        let batch = own(conn, actor, id)?;
        if !queries::set_undone(conn, id, now)? {
            return Err(Error::conflict("batch_not_undone", "There is nothing to undo here. Reload to see what became of each message."));
        }
        let mut undone = 0;
        let mut kept = 0;
        for item in queries::items(conn, id)?.iter().filter(|item| item.outcome == Outcome::Approved) {
            match transaction(conn, |conn| one(conn, actor, item, now)) {
                Ok(()) => {
                    undone += 1;
                    queries::set_outcome(conn, item, Outcome::Undone, None)?;
                }
                Err(error) if error.kind.is_ours() => return Err(error),
                Err(error) => {
                    kept += 1;
                    queries::set_outcome(conn, item, Outcome::Kept, Some(&error.detail))?;
                }
            }
        }
        log(conn, actor, "batch.undo", &batch, json!({"undone": undone, "kept": kept}), now)?;
        Ok(undone)
    })
}

fn one(conn: &mut Conn, actor: &Actor, item: &Item, now: Time) -> Result<()> {
    let row = messages::get(conn, actor, &item.message_id)?.row;
    if row.version != item.version {
        return Err(Error::conflict("content_changed", "It was changed since, so this approval is void already."));
    }
    messages::undo::undo(conn, actor, &item.message_id, now).map(drop)
}

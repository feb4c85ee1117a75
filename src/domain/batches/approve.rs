//! Approving a batch: each message by a decision of its own.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::BatchId;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::decide::{Decide, decide};
use crate::domain::messages::findings::Inspector;
use crate::domain::messages::{self, DecisionKind, State, green};

use super::{Batch, Item, Outcome, Shown, get, log, own, queries};

/// Approves each message of a batch whose sample was opened since the session began. What changed or
/// was decided meanwhile fails alone.
pub fn approve(conn: &mut Conn, actor: &Actor, id: &BatchId, session_started: Time, now: Time) -> Result<Shown> {
    transaction(conn, |conn| {
        let batch = own(conn, actor, id)?;
        let unopened = get(conn, actor, id, session_started)?.unopened();
        if unopened > 0 {
            let detail = format!("Open the {unopened} of the sample that you have not opened yet, then approve.");
            return Err(Error::conflict("sample_not_opened", detail));
        }
        if !queries::set_decided(conn, id, now)? {
            return Err(Error::conflict("batch_decided", "These messages were approved already. Reload to see what became of each."));
        }
        let inspector = Inspector::new(conn)?;
        let mailbox = mailboxes::get(conn, actor, &batch.mailbox_id)?;
        let mut approved = 0;
        let items = queries::items(conn, id)?;
        for item in &items {
            // Whatever fails is rolled back to here and leaves the others alone.
            match transaction(conn, |conn| one(conn, actor, &batch, item, &mailbox, &inspector, now)) {
                Ok(()) => {
                    approved += 1;
                    queries::set_outcome(conn, item, Outcome::Approved, None)?;
                }
                Err(error) if error.kind.is_ours() => return Err(error),
                Err(error) => queries::set_outcome(conn, item, Outcome::Failed, Some(&error.detail))?,
            }
        }
        log(conn, actor, "batch.approve", &batch, json!({"approved": approved, "failed": items.len() - approved}), now)?;
        get(conn, actor, id, session_started)
    })
}

fn one(conn: &mut Conn, actor: &Actor, batch: &Batch, item: &Item, mailbox: &Mailbox, inspector: &Inspector, now: Time) -> Result<()> {
    let row = messages::get(conn, actor, &item.message_id)?.row;
    // Of what was decided meanwhile the decision itself says by whom.
    if row.state == State::Pending {
        if row.version != item.version {
            return Err(Error::content_changed(row.id, item.version, row.version));
        }
        if let Some(why) = green::trouble(conn, actor, &row, mailbox, inspector, now)? {
            return Err(Error::conflict("not_green", why));
        }
    }
    let decision = Decide { content_hash: Some(&item.content_hash), batch: Some(&batch.id), ..Decide::on(&item.message_id, DecisionKind::Approve) };
    decide(conn, actor, &decision, now).map(drop)
}

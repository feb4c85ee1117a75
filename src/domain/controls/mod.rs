//! What an administrator sets beside the mode of a mailbox: rules that hold messages whatever it says, recipients whose mail
//! need not be held, and the tripwire that takes a mailbox back to a stricter mode.

pub mod allowed;
pub mod holding;
pub mod lookback;
mod queries;
pub mod tripwire;
pub mod twice;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;
use crate::domain::messages::{self, recall};

/// Takes what waits to leave a mailbox by warrants of these kinds back to the queue of reviewers.
pub(in crate::domain) fn take_back(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, cleared_by: &[&str], why: &str, now: Time) -> Result<()> {
    for id in queries::waiting(conn, mailbox, cleared_by)? {
        if let Some(row) = messages::queries::by_id(conn, &id)? {
            recall::void(conn, actor, row, why, now)?;
        }
    }
    Ok(())
}

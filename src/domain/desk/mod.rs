//! Several people on one queue: who reads, who took, whom it is assigned to, what they say
//! to each other, and what they put off.

pub mod assignment;
pub mod comments;
pub mod presence;
mod queries;
pub mod snooze;

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::UserId;
use crate::domain::messages::{MessageRow, State};

/// Somebody of the desk.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Colleague {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// The desk is for people.
fn person(actor: &Actor) -> Result<&UserId> {
    match actor {
        Actor::User { id, .. } => Ok(id),
        _ => Err(Error::forbidden("person_required", "Only a signed-in person may do this.")),
    }
}

/// What is settled is nobody's to take, to decide or to put off.
fn refuse_settled(row: &MessageRow) -> Result<()> {
    match row.state {
        State::Pending | State::ChangesRequested => Ok(()),
        state => Err(Error::conflict("state_conflict", format!("The message is {state} and waits for no decision. Nothing was changed."))),
    }
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &MessageRow, detail: Value, now: Time) -> Result<()> {
    let entry = Entry { action, target_kind: "message", target_id: row.id.as_str(), mailbox_id: Some(&row.mailbox_id), detail };
    audit::record(conn, actor, entry, now)
}

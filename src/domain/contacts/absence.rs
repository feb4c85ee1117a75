//! Until when somebody is away, as their automatic answers say. It puts campaigns off and is no opt-out.

use serde_json::json;

use super::{ContactRow, log, queries};
use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;

/// Notes until when a contact is away; without a time, that they are back. The last word counts.
pub(in crate::domain) fn note(conn: &mut Conn, actor: &Actor, contact: &ContactRow, until: Option<Time>, now: Time) -> Result<()> {
    if contact.absent_until == until || contact.erased_at.is_some() {
        return Ok(());
    }
    queries::set_absent(conn, &contact.id, until, now)?;
    let action = if until.is_some() { "contact.away" } else { "contact.back" };
    log(conn, actor, action, &contact.id, json!({"until": until}), now)
}

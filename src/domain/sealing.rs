//! Which secrets in the database are sealed with the key from outside of it, and what is left where that key is lost.
//!
//! Sealed are the secrets of authenticator apps and the private half of the key that signs provenance.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::accounts::second_factor;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::Result;
use crate::domain::{provenance, settings};

/// The name of the key that the secrets of this database are sealed with; none before the first.
pub fn key_id(conn: &mut Conn) -> Result<Option<String>> {
    settings::get(conn, settings::SEALED_WITH)
}

/// Notes the key of this name, and seals what an older version left open. How many secrets that were.
pub fn adopt(conn: &mut Conn, key_id: &str) -> Result<usize> {
    transaction(conn, |conn| {
        settings::set(conn, settings::SEALED_WITH, key_id)?;
        Ok(second_factor::seal_open(conn)? + provenance::keys::seal_open(conn)?)
    })
}

/// Whether somebody's second factor is among what is sealed. A key that signs provenance can be followed by another; an authenticator
/// app has to be set up anew.
pub fn is_needed_by_people(conn: &mut Conn) -> Result<bool> {
    second_factor::is_any(conn)
}

/// Gives up what nobody can open any more, because the key is lost: everybody's authenticator app with its recovery codes, and the key that
/// signs provenance, which is followed by a new one. How many accounts lost their second factor.
pub fn give_up(conn: &mut Conn, actor: &Actor, now: Time) -> Result<usize> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        let accounts = second_factor::remove_all(conn)?;
        provenance::keys::give_up(conn, now)?;
        settings::clear(conn, settings::SEALED_WITH)?;
        let entry = Entry {
            action: "installation.give_up_secrets",
            target_kind: "installation",
            target_id: "secrets",
            mailbox_id: None,
            detail: json!({"second_factors": accounts}),
        };
        audit::record(conn, actor, entry, now)?;
        Ok(accounts)
    })
}

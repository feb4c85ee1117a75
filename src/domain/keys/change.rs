//! Changing, rotating and ending keys.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::accounts::second_factor::Proof;
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ApiKeyId, MailboxId};
use crate::domain::mailboxes;

use super::make::{fitting_end, fitting_name, fitting_pace, fitting_scopes};
use super::{Key, KeyState, ROTATION_HOURS, get, hash_of, log, must_administer, must_prove, new_secret, prefix_of, queries};

/// What is changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// Fewer scopes than it has.
    pub scopes: Option<Vec<Scope>>,
    /// Where; empty for all mailboxes.
    pub mailboxes: Option<Vec<MailboxId>>,
    /// From when on it is refused; none inside for no end.
    pub expires_at: Option<Option<Time>>,
    /// Calls it may make in a minute, 1 to 60,000.
    pub calls_per_minute: Option<i32>,
}

/// As the audit log shows it.
fn shown(key: &Key) -> serde_json::Value {
    json!({
        "name": key.row.name, "scopes": key.row.scopes, "mailboxes": key.mailboxes,
        "expires_at": key.row.expires_at, "calls_per_minute": key.row.calls_per_minute,
    })
}

/// Changes a key. Its scopes can only become fewer. A missing second factor is the last thing it is refused for.
pub fn change(conn: &mut Conn, actor: &Actor, id: &ApiKeyId, change: &Change, proof: Option<&Proof>, now: Time) -> Result<Key> {
    transaction(conn, |conn| {
        let mut key = get(conn, actor, id)?;
        let (seen, before) = (key.row.scopes.clone(), shown(&key));
        must_not_be_revoked(&key)?;
        let decides = key.row.decides();
        if let Some(name) = &change.name {
            key.row.name = fitting_name(name)?;
        }
        if let Some(scopes) = &change.scopes {
            let had = key.row.scopes();
            if let Some(new) = scopes.iter().find(|scope| !had.contains(scope)) {
                return Err(Error::invalid(
                    "scopes_widened",
                    "scopes",
                    format!("This key has no scope \"{new}\", and a key never gains one. Make a new key that has it."),
                ));
            }
            key.row.scopes = fitting_scopes(scopes)?;
        }
        if let Some(end) = change.expires_at {
            fitting_end(end, now)?;
            key.row.expires_at = end;
        }
        if let Some(calls) = change.calls_per_minute {
            fitting_pace(calls)?;
            key.row.calls_per_minute = calls;
        }
        if let Some(chosen) = &change.mailboxes {
            for mailbox in chosen {
                mailboxes::get(conn, actor, mailbox)?;
            }
            key.mailboxes.clone_from(chosen);
        }
        must_prove(actor, decides, proof, now)?;
        queries::set_mailboxes(conn, id, &key.mailboxes)?;
        if !queries::change(conn, &key.row, &seen)? {
            return Err(changed_meanwhile());
        }
        log(conn, actor, "key.change", id, audit::changed(&before, &shown(&key)), now)?;
        Ok(key)
    })
}

/// Gives the key a new secret and returns it. The one before is taken for a day more; an older one ends now.
pub fn rotate(conn: &mut Conn, actor: &Actor, id: &ApiKeyId, proof: Option<&Proof>, now: Time) -> Result<String> {
    transaction(conn, |conn| {
        let key = get(conn, actor, id)?;
        must_not_be_revoked(&key)?;
        if key.row.state(now) == KeyState::Expired {
            return Err(Error::conflict("key_expired", "This key has expired. Let it expire later first, then make a new secret."));
        }
        must_prove(actor, key.row.decides(), proof, now)?;
        let plain = new_secret(key.row.is_test);
        let until = now.plus_seconds(ROTATION_HOURS * 3600);
        if !queries::rotate(conn, id, &key.row.secret_hash, &hash_of(&plain), &prefix_of(&plain), until)? {
            return Err(changed_meanwhile());
        }
        log(conn, actor, "key.rotate", id, json!({"old_secret_until": until}), now)?;
        Ok(plain)
    })
}

/// Ends a key at once, with both its secrets.
pub fn revoke(conn: &mut Conn, actor: &Actor, id: &ApiKeyId, now: Time) -> Result<()> {
    must_administer(actor)?;
    transaction(conn, |conn| {
        if !queries::revoke(conn, id, now)? {
            return Err(Error::not_found("key"));
        }
        log(conn, actor, "key.revoke", id, json!({}), now)
    })
}

fn changed_meanwhile() -> Error {
    Error::conflict("key_changed", "Somebody else changed this key just now. Nothing was done; look at it again first.")
}

fn must_not_be_revoked(key: &Key) -> Result<()> {
    match key.row.revoked_at {
        None => Ok(()),
        Some(_) => Err(Error::conflict("key_revoked", "This key was revoked and stays so. Make a new one.")),
    }
}

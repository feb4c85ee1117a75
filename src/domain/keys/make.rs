//! Making keys, and what every key must fit.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::accounts::second_factor::Proof;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ApiKeyId, MailboxId};
use crate::domain::{mailboxes, text};

use super::{CALLS_PER_MINUTE, KeyRow, MOST_CALLS_PER_MINUTE, decides, hash_of, log, must_administer, must_prove, new_secret, prefix_of, queries};

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Where; empty for all mailboxes.
    pub mailboxes: Vec<MailboxId>,
    /// Whether its mail is recorded and never sent.
    pub is_test: bool,
    /// From when on it is refused; none for no end.
    pub expires_at: Option<Time>,
    /// Calls it may make in a minute, 1 to 60,000.
    pub calls_per_minute: i32,
    /// The second factor of who makes it; needed by people for a key that may decide.
    pub proof: Option<Proof>,
}

impl NewKey {
    /// A key for all mailboxes, without an end.
    pub fn named(name: &str, scopes: &[Scope]) -> Self {
        NewKey { name: name.to_owned(), scopes: scopes.to_vec(), ..NewKey::default() }
    }
}

impl Default for NewKey {
    fn default() -> Self {
        NewKey {
            name: String::new(),
            scopes: vec![],
            mailboxes: vec![],
            is_test: false,
            expires_at: None,
            calls_per_minute: CALLS_PER_MINUTE,
            proof: None,
        }
    }
}

/// Makes a key and returns its secret, which is not kept. A missing second factor is the last
/// thing it is refused for, so that no code need be used up for a key that cannot be made.
pub fn add(conn: &mut Conn, actor: &Actor, new: &NewKey, now: Time) -> Result<(ApiKeyId, String)> {
    must_administer(actor)?;
    transaction(conn, |conn| {
        let (name, scopes) = (fitting_name(&new.name)?, fitting_scopes(&new.scopes)?);
        fitting_end(new.expires_at, now)?;
        fitting_pace(new.calls_per_minute)?;
        for mailbox in &new.mailboxes {
            mailboxes::get(conn, actor, mailbox)?;
        }
        must_prove(actor, decides(&new.scopes), new.proof.as_ref(), now)?;
        let plain = new_secret(new.is_test);
        let row = KeyRow {
            id: ApiKeyId::new(),
            name,
            prefix: prefix_of(&plain),
            secret_hash: hash_of(&plain),
            scopes,
            is_test: new.is_test,
            created_by: match actor {
                Actor::User { id, .. } => Some(id.clone()),
                _ => None,
            },
            created_at: now,
            last_used_at: None,
            revoked_at: None,
            expires_at: new.expires_at,
            calls_per_minute: new.calls_per_minute,
            last_used_from: None,
            previous_secret_hash: None,
            previous_until: None,
        };
        queries::insert(conn, &row)?;
        queries::set_mailboxes(conn, &row.id, &new.mailboxes)?;
        let detail = json!({
            "name": row.name, "scopes": row.scopes, "test": row.is_test, "mailboxes": new.mailboxes,
            "expires_at": row.expires_at, "calls_per_minute": row.calls_per_minute,
        });
        log(conn, actor, "key.add", &row.id, detail, now)?;
        Ok((row.id, plain))
    })
}

pub(super) fn fitting_name(name: &str) -> Result<String> {
    text::required_line("name", name, 100)
}

/// The scopes as they are stored.
pub(super) fn fitting_scopes(scopes: &[Scope]) -> Result<String> {
    if scopes.is_empty() {
        return Err(Error::invalid(
            "field_invalid",
            "scopes",
            "scopes must name at least one of read, draft, contacts, oversight_read, oversight, admin.",
        ));
    }
    if decides(scopes) && scopes.contains(&Scope::Draft) {
        return Err(Error::invalid(
            "scopes_conflict",
            "scopes",
            "One key cannot both draft and decide: it would sign off its own work. Make two keys.",
        ));
    }
    let mut scopes = scopes.to_vec();
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes.into_iter().map(Scope::as_str).collect::<Vec<_>>().join(","))
}

pub(super) fn fitting_end(end: Option<Time>, now: Time) -> Result<()> {
    if end.is_some_and(|at| at <= now) {
        return Err(Error::invalid("field_invalid", "expires_at", "The key must expire in the future. To end it now, revoke it."));
    }
    Ok(())
}

pub(super) fn fitting_pace(calls: i32) -> Result<()> {
    if (1..=MOST_CALLS_PER_MINUTE).contains(&calls) {
        return Ok(());
    }
    Err(Error::invalid("field_invalid", "calls_per_minute", format!("Calls per minute must be from 1 to {MOST_CALLS_PER_MINUTE}; got {calls}.")))
}

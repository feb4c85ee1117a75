//! API keys: scoped, limited in time and pace, shown once, kept as a hash.

mod change;
mod make;
mod queries;

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::accounts::second_factor::Proof;
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ApiKeyId, MailboxId, UserId, secret, sha256_hex};

pub use change::{Change, change, revoke, rotate};
pub use make::{NewKey, add};

/// Calls a minute where nothing else is said.
pub const CALLS_PER_MINUTE: i32 = 600;
/// Most calls a minute a key can have.
pub const MOST_CALLS_PER_MINUTE: i32 = 60_000;
/// The code of the error that asks for the second factor.
pub const SECOND_FACTOR_NEEDED: &str = "second_factor_needed";
/// How long the secret before a rotation is still taken, in hours.
pub const ROTATION_HOURS: i64 = 24;

/// A row of `api_keys`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::api_keys)]
pub struct KeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// The first characters of the secret, to tell keys apart.
    pub prefix: String,
    /// SHA-256 of the secret.
    pub secret_hash: String,
    /// Scopes, separated by commas.
    pub scopes: String,
    /// Its mail never reaches SMTP.
    pub is_test: bool,
    /// Who made it; none for the command line.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Time,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// Since when it is refused.
    pub revoked_at: Option<Time>,
    /// From when on it is refused; none for no end.
    pub expires_at: Option<Time>,
    /// Calls it may make in a minute, 1 to 60,000.
    pub calls_per_minute: i32,
    /// The network address it was last used from.
    pub last_used_from: Option<String>,
    /// SHA-256 of the secret before the last rotation.
    pub previous_secret_hash: Option<String>,
    /// From when on that one is refused.
    pub previous_until: Option<Time>,
}

impl KeyRow {
    /// What it may do.
    pub fn scopes(&self) -> Vec<Scope> {
        self.scopes.split(',').filter_map(|scope| scope.parse().ok()).collect()
    }

    /// Whether it may decide, and so takes a second factor to make or change.
    pub fn decides(&self) -> bool {
        decides(&self.scopes())
    }

    /// What becomes of a call with it now.
    pub fn state(&self, now: Time) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }

    /// Until when the secret before the last rotation is taken as well.
    pub fn old_secret_until(&self, now: Time) -> Option<Time> {
        self.previous_until.filter(|until| *until > now && self.state(now) == KeyState::Active)
    }
}

/// What becomes of a call with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is taken.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// A key with its mailboxes; an empty list means all.
#[derive(Debug, Clone)]
pub struct Key {
    /// The row.
    pub row: KeyRow,
    /// Where it may be used.
    pub mailboxes: Vec<MailboxId>,
}

/// All keys: those that are taken first, then by name.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Key>> {
    must_administer(actor)?;
    let rows = queries::all(conn)?;
    let mut mailboxes: HashMap<ApiKeyId, Vec<MailboxId>> = HashMap::new();
    for (key, mailbox) in queries::mailboxes_of_all(conn)? {
        mailboxes.entry(key).or_default().push(mailbox);
    }
    Ok(rows.into_iter().map(|row| Key { mailboxes: mailboxes.remove(&row.id).unwrap_or_default(), row }).collect())
}

/// One key.
pub fn get(conn: &mut Conn, actor: &Actor, id: &ApiKeyId) -> Result<Key> {
    must_administer(actor)?;
    with_mailboxes(conn, id)
}

/// The key that calls.
pub fn own(conn: &mut Conn, actor: &Actor) -> Result<Key> {
    match actor {
        Actor::Key { id, .. } => with_mailboxes(conn, id),
        _ => Err(Error::not_found("key")),
    }
}

fn with_mailboxes(conn: &mut Conn, id: &ApiKeyId) -> Result<Key> {
    let row = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("key"))?;
    let mailboxes = queries::mailboxes_of(conn, id)?;
    Ok(Key { row, mailboxes })
}

/// What a presented secret stands for.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The actor.
    pub actor: Actor,
    /// Calls it may make in a minute.
    pub calls_per_minute: i32,
    /// Whether its last use should be written anew.
    pub stale_last_use: bool,
}

/// The actor behind a secret. One that is unknown, replaced, expired or revoked is none at all.
pub fn authenticate(conn: &mut Conn, plain: &str, now: Time) -> Result<Option<Presented>> {
    let hash = hash_of(plain);
    let Some(row) = queries::by_secret(conn, &hash)? else { return Ok(None) };
    let is_current = row.secret_hash == hash;
    if row.state(now) != KeyState::Active || !(is_current || row.old_secret_until(now).is_some()) {
        return Ok(None);
    }
    let mailboxes = queries::mailboxes_of(conn, &row.id)?;
    let stale_last_use = row.last_used_at.is_none_or(|at| now.seconds_since(at) >= 60);
    let actor = Actor::Key {
        scopes: row.scopes(),
        id: row.id,
        name: row.name,
        mailboxes: if mailboxes.is_empty() { Mailboxes::All } else { Mailboxes::These(mailboxes) },
        is_test: row.is_test,
    };
    Ok(Some(Presented { actor, calls_per_minute: row.calls_per_minute, stale_last_use }))
}

/// Notes that a key was used, and from which network address.
pub fn touch(conn: &mut Conn, actor: &Actor, from: Option<&str>, now: Time) -> Result<()> {
    if let Actor::Key { id, .. } = actor {
        queries::touch(conn, id, from, now)?;
    }
    Ok(())
}

fn decides(scopes: &[Scope]) -> bool {
    scopes.iter().any(|scope| matches!(scope, Scope::Oversight | Scope::Admin))
}

fn new_secret(is_test: bool) -> String {
    format!("{}{}", if is_test { "cs_test_" } else { "cs_live_" }, secret())
}

fn prefix_of(plain: &str) -> String {
    plain.chars().take(12).collect()
}

/// `mm_live_` is taken for `cs_live_`, so that pasted client code needs one edit only.
fn hash_of(plain: &str) -> String {
    let random = plain.strip_prefix("mm_").or_else(|| plain.strip_prefix("cs_")).unwrap_or(plain);
    sha256_hex(random.as_bytes())
}

/// Keys are the matter of administrators, and never of other keys.
fn must_administer(actor: &Actor) -> Result<()> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "A key cannot make or change keys. Ask an administrator."));
    }
    actor.must_be_admin()
}

/// A key that may decide is the matter of a person with their second factor; whoever has the command line has the machine.
fn must_prove(actor: &Actor, decides: bool, proof: Option<&Proof>, now: Time) -> Result<()> {
    if !decides || matches!(actor, Actor::System(_)) || proof.is_some_and(|proof| proof.is_of(actor, now)) {
        return Ok(());
    }
    Err(Error::invalid(
        SECOND_FACTOR_NEEDED,
        "code",
        "A key with oversight or admin needs your second factor. Enter its code here, or sign in with a passkey and come back within ten minutes. If you have neither, set one up in your account.",
    ))
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, id: &ApiKeyId, detail: Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "key", target_id: id.as_str(), mailbox_id: None, detail }, now)
}

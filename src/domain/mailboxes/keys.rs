//! API keys: scoped, shown once, kept as a hash.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ApiKeyId, MailboxId, UserId, secret, sha256_hex};
use crate::domain::text;

use super::queries;

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
}

/// A key with its mailboxes; an empty list means all.
#[derive(Debug, Clone)]
pub struct Key {
    /// The row.
    pub row: KeyRow,
    /// Where it may be used.
    pub mailboxes: Vec<MailboxId>,
}

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
}

/// Makes a key and returns its secret, which is not kept.
pub fn add(conn: &mut Conn, actor: &Actor, new: &NewKey, now: Time) -> Result<(ApiKeyId, String)> {
    actor.must_be_admin_in_person()?;
    let name = text::required_line("name", &new.name, 100)?;
    if new.scopes.is_empty() {
        return Err(Error::invalid(
            "field_invalid",
            "scopes",
            "scopes must name at least one of read, draft, contacts, oversight_read, oversight, admin.",
        ));
    }
    let decides = new.scopes.iter().any(|scope| matches!(scope, Scope::Oversight | Scope::Admin));
    if decides && new.scopes.contains(&Scope::Draft) {
        return Err(Error::invalid(
            "scopes_conflict",
            "scopes",
            "One key cannot both draft and decide: it would sign off its own work. Make two keys.",
        ));
    }
    let plain = format!("{}{}", if new.is_test { "cs_test_" } else { "cs_live_" }, secret());
    let mut scopes = new.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let scopes: Vec<&str> = scopes.into_iter().map(Scope::as_str).collect();
    let row = KeyRow {
        id: ApiKeyId::new(),
        name,
        prefix: plain.chars().take(12).collect(),
        secret_hash: hash_of(&plain),
        scopes: scopes.join(","),
        is_test: new.is_test,
        created_by: match actor {
            Actor::User { id, .. } => Some(id.clone()),
            _ => None,
        },
        created_at: now,
        last_used_at: None,
        revoked_at: None,
    };
    transaction(conn, |conn| {
        for mailbox in &new.mailboxes {
            super::get(conn, actor, mailbox)?;
        }
        queries::insert_key(conn, &row, &new.mailboxes)?;
        let detail = json!({"name": row.name, "scopes": row.scopes, "test": row.is_test});
        audit::record(conn, actor, Entry { action: "key.add", target_kind: "key", target_id: row.id.as_str(), mailbox_id: None, detail }, now)?;
        Ok((row.id.clone(), plain))
    })
}

/// `mm_live_` is taken for `cs_live_`, so that pasted client code needs one edit only.
fn hash_of(plain: &str) -> String {
    let random = plain.strip_prefix("mm_").or_else(|| plain.strip_prefix("cs_")).unwrap_or(plain);
    sha256_hex(random.as_bytes())
}

/// All keys.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Key>> {
    actor.must_be_admin()?;
    let rows = queries::keys(conn)?;
    rows.into_iter()
        .map(|row| {
            let mailboxes = queries::key_mailboxes(conn, &row.id)?;
            Ok(Key { row, mailboxes })
        })
        .collect()
}

/// Ends a key at once.
pub fn revoke(conn: &mut Conn, actor: &Actor, id: &ApiKeyId, now: Time) -> Result<()> {
    actor.must_be_admin()?;
    transaction(conn, |conn| {
        if !queries::revoke_key(conn, id, now)? {
            return Err(Error::not_found("key"));
        }
        audit::record(
            conn,
            actor,
            Entry { action: "key.revoke", target_kind: "key", target_id: id.as_str(), mailbox_id: None, detail: json!({}) },
            now,
        )
    })
}

/// What a presented secret stands for.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The actor.
    pub actor: Actor,
    /// Whether its time of last use should be written anew.
    pub stale_last_use: bool,
}

/// The actor behind a secret, or none.
pub fn authenticate(conn: &mut Conn, plain: &str, now: Time) -> Result<Option<Presented>> {
    let Some(row) = queries::key_by_secret(conn, &hash_of(plain))?.filter(|row| row.revoked_at.is_none()) else {
        return Ok(None);
    };
    let mailboxes = queries::key_mailboxes(conn, &row.id)?;
    let actor = Actor::Key {
        id: row.id,
        name: row.name,
        scopes: row.scopes.split(',').filter_map(|scope| scope.parse().ok()).collect(),
        mailboxes: if mailboxes.is_empty() { Mailboxes::All } else { Mailboxes::These(mailboxes) },
        is_test: row.is_test,
    };
    let stale_last_use = row.last_used_at.is_none_or(|at| now.seconds_since(at) >= 60);
    Ok(Some(Presented { actor, stale_last_use }))
}

/// Notes that a key was used.
pub fn touch(conn: &mut Conn, actor: &Actor, now: Time) -> Result<()> {
    if let Actor::Key { id, .. } = actor {
        queries::touch_key(conn, id, now)?;
    }
    Ok(())
}

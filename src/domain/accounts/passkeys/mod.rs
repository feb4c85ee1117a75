//! Passkeys of people: a second factor, and a way in without a password.

mod queries;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{RowId, UserId};
use crate::domain::text;

use super::queries as accounts;
use super::sign_in::{self, Half, SignedIn};
use super::users::{UserRow, log};

pub(super) use queries::{any, delete_all};

/// Passkeys that one person may have.
pub const MOST: usize = 20;
/// The longest name of one, in characters.
const LONGEST_NAME: usize = 60;
/// How long after signing in passkeys may be added and removed, in seconds: a session that somebody left open gives nobody a way in.
pub const FRESH: i64 = 10 * 60;
/// Who acts before it is known who it is.
const BY: Actor = Actor::System("sign-in");

/// A row of `passkeys`.
#[derive(Debug, Clone, Queryable)]
pub struct PasskeyRow {
    /// Its id.
    pub id: RowId,
    /// Whose it is.
    pub user_id: UserId,
    /// What they call it.
    pub name: String,
    /// What names it to browsers.
    pub credential_id: String,
    /// Its public key and counter, as JSON.
    pub credential: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was used last.
    pub used_at: Option<Time>,
}

/// One that a browser made.
#[derive(Debug, Clone)]
pub struct Made {
    /// What names it to browsers.
    pub credential_id: String,
    /// Its public key and counter, as JSON.
    pub credential: String,
}

/// One that somebody showed.
#[derive(Debug, Clone)]
pub struct Used {
    /// What names it to browsers.
    pub credential_id: String,
    /// Its public key and counter, as JSON, as it is from now on.
    pub credential: String,
}

/// The actor's own, the oldest first.
pub fn own(conn: &mut Conn, actor: &Actor) -> Result<Vec<PasskeyRow>> {
    Ok(queries::of_user(conn, person(actor)?)?)
}

/// Those of a person, as they are kept.
pub fn credentials(conn: &mut Conn, user: &UserId) -> Result<Vec<String>> {
    Ok(queries::of_user(conn, user)?.into_iter().map(|row| row.credential).collect())
}

/// The one that a browser names.
pub fn named(conn: &mut Conn, credential_id: &str) -> Result<PasskeyRow> {
    queries::by_credential(conn, credential_id)?.ok_or_else(unknown)
}

/// Adds one. All other sessions end; the person's new sign-in epoch is returned.
pub fn add(conn: &mut Conn, actor: &Actor, name: &str, made: &Made, signed_in: Time, now: Time) -> Result<i64> {
    let id = person(actor)?;
    fresh(signed_in, now)?;
    let name = text::required_line("name", name, LONGEST_NAME)?;
    transaction(conn, |conn| {
        if queries::of_user(conn, id)?.len() >= MOST {
            return Err(Error::conflict("passkeys_full", format!("You have {MOST} passkeys already. Remove one first.")));
        }
        queries::insert(conn, id, &name, made, now)?;
        let epoch = end_sessions(conn, id)?;
        log(conn, actor, "user.add_passkey", id, json!({"name": name}), now)?;
        Ok(epoch)
    })
}

/// Removes one. All other sessions end; the person's new sign-in epoch is returned.
pub fn remove(conn: &mut Conn, actor: &Actor, passkey: &RowId, signed_in: Time, now: Time) -> Result<i64> {
    let id = person(actor)?;
    fresh(signed_in, now)?;
    transaction(conn, |conn| {
        let row = queries::of_user(conn, id)?.into_iter().find(|row| row.id == *passkey).ok_or_else(|| Error::not_found("passkey"))?;
        queries::delete(conn, &row.id)?;
        let epoch = end_sessions(conn, id)?;
        log(conn, actor, "user.remove_passkey", id, json!({"name": row.name}), now)?;
        Ok(epoch)
    })
}

/// Signs in whose passkey was shown: after the password where that came first, or on its own, since it stands for two factors.
pub fn enter(conn: &mut Conn, used: &Used, half: Option<&Half>, network: &str, now: Time) -> Result<SignedIn> {
    transaction(conn, |conn| {
        let row = named(conn, &used.credential_id)?;
        let user = accounts::by_id(conn, &row.user_id)?.filter(|user| user.disabled_at.is_none()).ok_or_else(unknown)?;
        let waits = |half: &Half| half.id == user.id && half.epoch == user.sign_in_epoch && now.seconds_since(half.since) < sign_in::PATIENCE;
        match half {
            Some(half) if !waits(half) => return Err(sign_in::password_first()),
            // It stands in for a password, and not for the word of a provider, which may have taken that back.
            None if user.password_hash.is_none() => return Err(provider_first()),
            _ => {}
        }
        queries::used(conn, &row.id, &used.credential, now)?;
        sign_in::enter(conn, &user, network, "passkey", None, now)
    })
}

/// What did not fit leaves a row in the log.
pub fn refuse(conn: &mut Conn, user: Option<&UserId>, network: &str, now: Time) -> Result<()> {
    let nobody = UserId::from("unknown".to_owned());
    log(conn, &BY, "user.sign_in_refused", user.unwrap_or(&nobody), json!({"wrong": "passkey", "network": network}), now)
}

fn end_sessions(conn: &mut Conn, id: &UserId) -> Result<i64> {
    let epoch = accounts::raise_epoch(conn, id)?;
    accounts::delete_sessions_of(conn, id)?;
    Ok(epoch)
}

/// Whether that sign-in is recent enough to change the ways into an account: passkeys, and the link to a provider.
pub fn fresh(signed_in: Time, now: Time) -> Result<()> {
    if now.seconds_since(signed_in) < FRESH {
        return Ok(());
    }
    Err(Error::forbidden(
        "sign_in_stale",
        "The ways into an account are changed within ten minutes of signing in. Sign out, sign in again, and come back.",
    ))
}

fn provider_first() -> Error {
    Error::forbidden(
        "provider_first",
        "Your account has no password, so a passkey alone does not open it. Sign in with your provider; the passkey comes after it.",
    )
}

fn unknown() -> Error {
    Error::forbidden("passkey_unknown", "That passkey is not known here any more. Sign in another way.")
}

fn person(actor: &Actor) -> Result<&UserId> {
    match actor {
        Actor::User { id, .. } => Ok(id),
        _ => Err(Error::forbidden("person_required", "Only a signed-in person has passkeys.")),
    }
}

/// The row of who asks.
pub fn owner(conn: &mut Conn, actor: &Actor) -> Result<UserRow> {
    accounts::by_id(conn, person(actor)?)?.ok_or_else(|| Error::not_found("user"))
}

//! A forgotten password: a link is mailed, and whoever has it sets a new one. The second factor is asked for as before.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{UserId, secret, sha256_hex};
use crate::domain::notices;

use super::users::log;
use super::{passwords, queries, throttle};

/// How long a link lives, in seconds.
pub const LIFETIME: i64 = 60 * 60;
/// Links that are mailed to one person within the life of one.
pub const MOST: i64 = 3;
/// Who acts before it is known who it is.
const BY: Actor = Actor::System("password reset");

/// Mails a link to whoever has this address and a password. Nothing tells whether there is somebody.
pub fn ask(conn: &mut Conn, email: &str, network: &str, now: Time) -> Result<()> {
    let key = EmailAddress::parse("email", email).map(|email| email.key().to_owned()).unwrap_or_default();
    transaction(conn, |conn| {
        if !throttle::count(conn, &format!("reset:{network}"), now)? {
            return Err(Error::forbidden("sign_in_throttled", "There were too many attempts. Wait fifteen minutes and try again."));
        }
        let user = queries::by_email(conn, &key)?.filter(|user| user.disabled_at.is_none() && user.password_hash.is_some());
        let asked = match &user {
            Some(user) => queries::count_resets(conn, &user.id, now.plus_seconds(-LIFETIME))?,
            None => 0,
        };
        // An unknown address leaves a row as well, so that both take as long.
        let nobody = UserId::from("unknown".to_owned());
        let id = user.as_ref().map_or(&nobody, |user| &user.id);
        log(conn, &BY, "user.ask_password_reset", id, json!({"network": network, "mailed": user.is_some() && asked < MOST}), now)?;
        if let Some(user) = user.filter(|_| asked < MOST) {
            let token = secret();
            let until = now.plus_seconds(LIFETIME);
            queries::insert_reset(conn, &sha256_hex(token.as_bytes()), &user.id, now, until)?;
            notices::tell_reset(conn, &user.id, &token, until, now)?;
        }
        Ok(())
    })
}

/// Whose password the link sets: their address. Looking uses nothing up.
pub fn look(conn: &mut Conn, token: &str, now: Time) -> Result<String> {
    let id = queries::reset(conn, &sha256_hex(token.as_bytes()), now)?.ok_or_else(stale)?;
    let user = queries::by_id(conn, &id)?.filter(|user| user.disabled_at.is_none()).ok_or_else(stale)?;
    Ok(user.email)
}

/// Sets the password; the link is used up and all sessions end.
pub fn set(conn: &mut Conn, token: &str, password: &str, now: Time) -> Result<()> {
    let hash = passwords::hash(password)?;
    transaction(conn, |conn| {
        let token_hash = sha256_hex(token.as_bytes());
        let id = queries::reset(conn, &token_hash, now)?.ok_or_else(stale)?;
        if queries::by_id(conn, &id)?.is_none_or(|user| user.disabled_at.is_some()) || !queries::use_reset(conn, &token_hash, now)? {
            return Err(stale());
        }
        queries::set_password(conn, &id, &hash, now)?;
        log(conn, &BY, "user.reset_password", &id, json!({}), now)
    })
}

fn stale() -> Error {
    Error::not_found("link").with_hint("It was used already or is older than an hour. Ask for another one on the page where you sign in.")
}

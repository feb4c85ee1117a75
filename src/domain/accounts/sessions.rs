//! Rows of the session store, and the sessions of a person. Keys are kept as hashes: who reads the database cannot sign in with it.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{UserId, sha256_hex};

use super::queries;
use super::users::log;

/// What the store writes of a session.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = crate::db::schema::sessions, treat_none_as_null = true)]
pub struct Kept {
    /// Whose it is, once somebody signed in.
    pub user_id: Option<String>,
    /// What it holds.
    pub state: String,
    /// What names it to its owner.
    pub handle: Option<String>,
    /// When they signed in.
    pub started_at: Option<Time>,
    /// When a page was asked for last, to within some minutes.
    pub seen_at: Option<Time>,
    /// The address they signed in from.
    pub network: Option<String>,
    /// What they signed in with, in words.
    pub device: Option<String>,
}

/// Reads the state of a live session.
pub fn load(conn: &mut Conn, key: &str, now: Time) -> Result<Option<String>> {
    Ok(queries::session(conn, &sha256_hex(key.as_bytes()), now)?)
}

/// Writes a new session.
pub fn begin(conn: &mut Conn, key: &str, kept: Kept, until: Time) -> Result<()> {
    Ok(queries::insert_session(conn, &sha256_hex(key.as_bytes()), kept, until)?)
}

/// Changes a session. One that was ended in the meantime stays ended.
pub fn change(conn: &mut Conn, key: &str, kept: Kept, until: Time) -> Result<()> {
    Ok(queries::change_session(conn, &sha256_hex(key.as_bytes()), kept, until)?)
}

/// Lets it live longer.
pub fn extend(conn: &mut Conn, key: &str, until: Time) -> Result<()> {
    Ok(queries::extend_session(conn, &sha256_hex(key.as_bytes()), until)?)
}

/// Removes it.
pub fn delete(conn: &mut Conn, key: &str) -> Result<()> {
    Ok(queries::delete_session(conn, &sha256_hex(key.as_bytes()))?)
}

/// Sweeps out the expired ones.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    Ok(queries::delete_expired_sessions(conn, now)?)
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Open {
    /// What names it.
    pub handle: String,
    /// When they signed in.
    pub started_at: Time,
    /// When a page was asked for last, to within some minutes.
    pub seen_at: Time,
    /// The address they signed in from.
    pub network: String,
    /// What they signed in with, in words.
    pub device: String,
}

/// The actor's own sessions, the latest sign-in first.
pub fn own(conn: &mut Conn, actor: &Actor, now: Time) -> Result<Vec<Open>> {
    Ok(queries::sessions_of(conn, person(actor)?, now)?)
}

/// Ends one of the actor's own sessions.
pub fn end(conn: &mut Conn, actor: &Actor, handle: &str, now: Time) -> Result<()> {
    let id = person(actor)?;
    transaction(conn, |conn| {
        if !queries::end_session(conn, id, handle)? {
            return Err(Error::not_found("session"));
        }
        log(conn, actor, "user.end_session", id, json!({}), now)
    })
}

/// Ends all of the actor's sessions but the one at hand, which goes on with the epoch that is returned.
pub fn end_others(conn: &mut Conn, actor: &Actor, now: Time) -> Result<i64> {
    end_all(conn, actor, person(actor)?, now)
}

/// Ends all sessions of a person.
pub fn end_all_of(conn: &mut Conn, actor: &Actor, id: &UserId, now: Time) -> Result<()> {
    actor.must_be_admin_in_person()?;
    queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("user"))?;
    end_all(conn, actor, id, now).map(drop)
}

fn end_all(conn: &mut Conn, actor: &Actor, id: &UserId, now: Time) -> Result<i64> {
    transaction(conn, |conn| {
        let epoch = queries::raise_epoch(conn, id)?;
        queries::delete_sessions_of(conn, id)?;
        log(conn, actor, "user.end_sessions", id, json!({}), now)?;
        Ok(epoch)
    })
}

fn person(actor: &Actor) -> Result<&UserId> {
    match actor {
        Actor::User { id, .. } => Ok(id),
        _ => Err(Error::forbidden("person_required", "Only a signed-in person has sessions.")),
    }
}

//! Rows of the session store. Keys are kept as hashes: who reads the database cannot sign in with it.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;
use crate::domain::ids::sha256_hex;

use super::queries;

/// Reads the state of a live session.
pub fn load(conn: &mut Conn, key: &str, now: Time) -> Result<Option<String>> {
    Ok(queries::session(conn, &sha256_hex(key.as_bytes()), now)?)
}

/// Writes a session.
pub fn save(conn: &mut Conn, key: &str, user: Option<&str>, state: &str, until: Time) -> Result<()> {
    Ok(queries::put_session(conn, &sha256_hex(key.as_bytes()), user, state, until)?)
}

/// Lets it live longer.
pub fn extend(conn: &mut Conn, key: &str, until: Time) -> Result<()> {
    Ok(queries::extend_session(conn, &sha256_hex(key.as_bytes()), until)?)
}

/// Ends it.
pub fn delete(conn: &mut Conn, key: &str) -> Result<()> {
    Ok(queries::delete_session(conn, &sha256_hex(key.as_bytes()))?)
}

/// Sweeps out the expired ones.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    Ok(queries::delete_expired_sessions(conn, now)?)
}

//! Sign-in throttling: at most ten failures for one account or one address in fifteen minutes.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;

use super::queries;

/// Failures allowed in one window.
pub const FAILURES: i32 = 10;
/// Length of the window in seconds.
pub const WINDOW: i64 = 15 * 60;

/// Whether another attempt may be made for this subject (an account or a network address).
pub fn is_open(conn: &mut Conn, subject: &str, now: Time) -> Result<bool> {
    let Some((failures, since)) = queries::attempts(conn, subject)? else { return Ok(true) };
    Ok(failures < FAILURES || now.seconds_since(since) >= WINDOW)
}

/// Counts an attempt before the password is looked at, so that parallel attempts cannot outrun the limit.
pub fn count(conn: &mut Conn, subject: &str, now: Time) -> Result<()> {
    let (failures, since) = match queries::attempts(conn, subject)? {
        Some((failures, since)) if now.seconds_since(since) < WINDOW => (failures + 1, since),
        _ => (1, now),
    };
    Ok(queries::put_attempts(conn, subject, failures, since)?)
}

/// Forgets the failures of this subject.
pub fn clear(conn: &mut Conn, subject: &str) -> Result<()> {
    Ok(queries::clear_attempts(conn, subject)?)
}

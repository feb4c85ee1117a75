//! Sign-in throttling: at most ten failures for one account or one network address in fifteen minutes.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;

use super::queries;

/// Failures allowed in one window.
pub const FAILURES: i32 = 10;
/// Length of the window in seconds.
pub const WINDOW: i64 = 15 * 60;

/// Counts an attempt of this subject (an account or a network address) before anything is looked at, and says whether it may be
/// made. The row stays locked until the transaction ends, so that attempts at the same time cannot outrun the limit.
pub fn count(conn: &mut Conn, subject: &str, now: Time) -> Result<bool> {
    Ok(queries::count_attempt(conn, subject, now.plus_seconds(-WINDOW), now)? <= FAILURES)
}

/// Takes back the one attempt of this subject that succeeded.
pub fn give_back(conn: &mut Conn, subject: &str) -> Result<()> {
    Ok(queries::give_back_attempt(conn, subject)?)
}

/// Forgets the failures of this subject.
pub fn clear(conn: &mut Conn, subject: &str) -> Result<()> {
    Ok(queries::clear_attempts(conn, subject)?)
}

//! A few values that every process on one database must agree on.

use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::settings;
use crate::domain::error::Result;

/// The address under which people reach this installation, without a slash at the end.
pub const BASE_URL: &str = "base_url";
/// "off" where one person may decide their own messages.
pub const FOUR_EYES: &str = "four_eyes";
/// Set while all sending is stopped, to the time since when.
pub const SENDING_STOPPED: &str = "sending_stopped";
/// The key of the hashes that stay of erased addresses.
pub const ERASURE_KEY: &str = "erasure_key";
/// What session cookies are signed with.
pub const COOKIE_KEY: &str = "cookie_key";
/// The mailbox win-back messages go out from.
pub const WINBACK_MAILBOX: &str = "winback_mailbox";

/// For how many days the log of calls is kept.
pub const CALLS_KEPT_DAYS: &str = "calls_kept_days";

/// Words that mean the same, one group a line.
pub const SYNONYMS: &str = "synonyms";

/// Reads a value.
pub fn get(conn: &mut Conn, name: &str) -> Result<Option<String>> {
    Ok(settings::table.find(name).select(settings::value).first(conn).optional()?)
}

/// Writes a value.
pub fn set(conn: &mut Conn, name: &str, value: &str) -> Result<()> {
    let changed = diesel::update(settings::table.find(name)).set(settings::value.eq(value)).execute(conn)?;
    if changed == 0 {
        diesel::insert_into(settings::table).values((settings::name.eq(name), settings::value.eq(value))).execute(conn)?;
    }
    Ok(())
}

/// Removes a value.
pub fn clear(conn: &mut Conn, name: &str) -> Result<()> {
    diesel::delete(settings::table.find(name)).execute(conn)?;
    Ok(())
}

/// The base URL for links in mail.
pub fn base_url(conn: &mut Conn) -> Result<String> {
    Ok(get(conn, BASE_URL)?.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()))
}

/// Whether nobody decides what they wrote.
pub fn four_eyes(conn: &mut Conn) -> Result<bool> {
    Ok(get(conn, FOUR_EYES)?.as_deref() != Some("off"))
}

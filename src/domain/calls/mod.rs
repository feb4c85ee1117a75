//! The log of calls: one row for each call of a key, read or change, done or refused.

mod current;
mod queries;

use diesel::prelude::*;

pub(in crate::domain) use current::changed;
pub use current::{Current, current, during, during_here, names};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::{ApiKeyId, CallId};
use crate::domain::settings;
use crate::text_enum;

/// Days a row is kept where nothing else is set.
pub const KEPT_DAYS: i64 = 90;
/// Rows on a page when nobody says how many.
pub const PAGE: i64 = 50;
/// Rows removed in one transaction.
const SWEPT_AT_ONCE: i64 = 5000;

text_enum!(
    /// Where a call came in.
    pub enum Surface {
        /// REST.
        Rest => "rest",
        /// MCP.
        Mcp => "mcp",
    }
);

text_enum!(
    /// What came of a call.
    pub enum Outcome {
        /// It was answered.
        Done => "done",
        /// It was refused: status 400 to 499.
        Refused => "refused",
        /// It failed here: status 500 and above.
        Failed => "failed",
    }
);

impl Outcome {
    /// What a status means.
    pub fn of(status: u16) -> Self {
        match status {
            0..400 => Outcome::Done,
            400..500 => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }
}

/// A row of `api_calls`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::api_calls, treat_none_as_default_value = false)]
pub struct Call {
    /// Its id, in the order in which calls ended.
    pub id: CallId,
    /// When it came in.
    pub at: Time,
    /// The key, where it is a known one.
    pub key_id: Option<ApiKeyId>,
    /// The first characters of an unknown key, where it looks like one.
    pub key_prefix: Option<String>,
    /// Where it came in.
    pub surface: Surface,
    /// The HTTP method, or the method of MCP such as tools/call.
    pub method: String,
    /// The pattern of the path, or the name of the tool.
    pub operation: String,
    /// The scope it needs, where it needs one.
    pub scope: Option<Scope>,
    /// The thing it names, as the caller wrote it, or else the first that it made or changed.
    pub target_id: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// The HTTP status; for a tool that of the REST call behind it.
    pub status: i32,
    /// The code of the error, where it was one.
    pub code: Option<String>,
    /// Whether the answer was a stored one.
    pub replayed: bool,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// The address it came from, as this process saw it.
    pub peer: Option<String>,
    /// Its id, as in the header X-Request-Id and in the audit log.
    pub request_id: String,
}

/// A row as shown.
#[derive(Debug, Clone, Queryable)]
pub struct Shown {
    /// The row.
    pub call: Call,
    /// The name of its key.
    pub key_name: Option<String>,
}

impl Shown {
    /// The key's name, or what is known of it.
    pub fn who(&self) -> String {
        match (&self.key_name, &self.call.key_prefix) {
            (Some(name), _) => name.clone(),
            (None, Some(prefix)) => format!("{prefix}…"),
            (None, None) => "no key".to_owned(),
        }
    }

    /// How long it took, in milliseconds.
    pub fn milliseconds(&self) -> String {
        format!("{:.1} ms", self.call.micros as f64 / 1000.0)
    }
}

/// Which calls to show, newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this key.
    pub key: Option<ApiKeyId>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Older than this one.
    pub before: Option<CallId>,
    /// At most so many, 1 to 100.
    pub limit: i64,
}

/// Writes rows, all of them or none.
pub fn record(conn: &mut Conn, calls: &[Call]) -> Result<()> {
    Ok(queries::insert(conn, calls)?)
}

/// A page of the log, and whether more follows. Only for administrators.
pub fn list(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<(Vec<Shown>, bool)> {
    actor.must_be_admin()?;
    let limit = filter.limit.clamp(1, 100);
    let mut rows = queries::page(conn, filter, limit + 1)?;
    let more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    Ok((rows, more))
}

/// For how many days the log is kept: as the configuration says, or else as administrators set it.
pub fn kept_days(conn: &mut Conn) -> Result<i64> {
    for name in [settings::CALLS_KEPT_CONFIGURED, settings::CALLS_KEPT_DAYS] {
        if let Some(days) = settings::get(conn, name)?.and_then(|days| days.parse().ok()) {
            return Ok(days);
        }
    }
    Ok(KEPT_DAYS)
}

/// Removes some of the rows that are older than the setting says.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    let days = kept_days(conn)?;
    Ok(queries::remove_older(conn, now.plus_days(-days), SWEPT_AT_ONCE)?)
}

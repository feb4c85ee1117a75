//! Whether this is the database that this installation last worked with. One that was put back or copied may hold
//! messages that have left already, so it starts stopped until an administrator has looked.

mod queries;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::mark::Marked;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::{MessageId, secret};
use crate::domain::mailboxes::stops;
use crate::domain::settings;

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The one it worked with.
    Same,
    /// Another, an older one or a copy; sending is stopped, and this is its new name.
    Restored(String),
}

/// Whether this database has no name yet.
pub fn is_nameless(conn: &mut Conn) -> Result<bool> {
    Ok(settings::get(conn, settings::EPOCH)?.is_none())
}

/// Gives the database the name that stands in the file beside it.
pub fn name(conn: &mut Conn, epoch: &str) -> Result<()> {
    settings::set(conn, settings::EPOCH, epoch)
}

/// Compares the database with what the file beside it says, and stops sending unless they fit. `number` is that of the
/// file now; none where the file may lie anywhere, as beside PostgreSQL.
pub fn check(conn: &mut Conn, marked: Option<&Marked>, number: Option<u64>, now: Time) -> Result<Found> {
    let epoch = settings::get(conn, settings::EPOCH)?;
    let why = match (&epoch, marked) {
        (_, None) => Some("The file that belongs beside this database is not there."),
        (None, Some(_)) => Some("The file beside this database belongs to another one."),
        (Some(epoch), Some(marked)) if *epoch != marked.epoch => Some("The file beside this database belongs to another one."),
        (Some(_), Some(marked)) => mismatch(conn, marked, number)?,
    };
    let Some(why) = why else { return Ok(Found::Same) };
    let epoch = secret();
    settings::set(conn, settings::EPOCH, &epoch)?;
    let reason = format!("{why} It was put back from a copy, or is one, so what it lists may have left already.");
    stops::stop_restored(conn, &Actor::System("countersign"), &reason, now)?;
    Ok(Found::Restored(epoch))
}

/// Stops sending in a backup that is put in the place of a database, and gives it a name of its own, until an administrator confirms.
pub fn put_back(conn: &mut Conn, backup: &str, now: Time) -> Result<()> {
    settings::set(conn, settings::EPOCH, &secret())?;
    let reason = format!("The backup {backup} was put in the place of the database, so what it lists may have left already.");
    stops::stop_restored(conn, &Actor::System("countersign"), &reason, now)
}

fn mismatch(conn: &mut Conn, marked: &Marked, number: Option<u64>) -> Result<Option<&'static str>> {
    if number.is_some_and(|number| number != marked.file) {
        return Ok(Some("The file beside this database is a copy."));
    }
    if latest_change(conn)? < marked.seq {
        return Ok(Some("This database is older than the file beside it."));
    }
    match &marked.dot {
        Some((id, at)) if !queries::has_come_to_the_dot(conn, &MessageId::from(id.as_str()), Time::from_micros(*at))? => {
            Ok(Some("This database does not know of the last message that left."))
        }
        _ => Ok(None),
    }
}

/// What tells whether an installation is alive.
#[derive(Debug, Clone)]
pub struct VitalSigns {
    /// When a worker was last heard of.
    pub beat: Option<Time>,
    /// The time of the newest change on record, where it lies in the future.
    pub latest: Option<Time>,
    /// Whether all sending is stopped.
    pub stopped: bool,
    /// Octets of the key that signs cookies; 0 where there is none.
    pub cookie_key_length: usize,
    /// Whether secrets in it are sealed.
    pub is_sealed: bool,
}

/// Reads them.
pub fn vital_signs(conn: &mut Conn, now: Time) -> Result<VitalSigns> {
    let beat = settings::get(conn, settings::WORKER_BEAT)?.and_then(|text| text.parse().ok()).map(Time::from_micros);
    let key = settings::get(conn, settings::COOKIE_KEY)?.unwrap_or_default();
    Ok(VitalSigns {
        beat,
        latest: queries::latest_time(conn)?.filter(|latest| *latest > now),
        stopped: settings::get(conn, settings::SENDING_STOPPED)?.is_some(),
        cookie_key_length: STANDARD.decode(key).map_or(0, |bytes| bytes.len()),
        is_sealed: settings::get(conn, settings::SEALED_WITH)?.is_some(),
    })
}

/// Notes that a worker is alive.
pub fn beat(conn: &mut Conn, now: Time) -> Result<()> {
    settings::set(conn, settings::WORKER_BEAT, &now.micros().to_string())
}

/// The highest number in the log of changes; 0 in an empty one.
pub fn latest_change(conn: &mut Conn) -> Result<i64> {
    Ok(queries::latest_change(conn)?.unwrap_or(0))
}

//! Mail to the people of this desk about what waits for them.
//!
//! A notice is no message: nobody approves it and it carries no warrant. So that no message
//! can ever leave this way, a notice goes only to the address of a row of `users`, is plain
//! text, and leaves only with a [`NoticeDot`], which is made only here ([`mails`]) and fits
//! nothing but the notice it was made for. What it links to needs a sign-in, and opening a
//! link decides nothing.
//!
//! Stopping all sending does not stop notices: whoever stopped it wants to know what waits.

pub mod mails;
mod people;
mod queries;
mod slots;
mod words;
mod write;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::{MessageId, RowId, UserId};
use crate::domain::mailboxes::Mailbox;
use crate::domain::mailboxes::ladder::ModeRequest;
use crate::text_enum;

pub use mails::{ClaimedNotice, NoticeDot};
pub(in crate::domain) use people::weekly_by_role;

/// Between two mails to one person about what is new, in seconds; the daily mail is apart.
pub const BUNDLE_SECONDS: i64 = 300;
/// After so many hours what could not be told is old news.
pub const LIFETIME_HOURS: i64 = 24;
/// How far back a look overlaps with the one before, in seconds: rows of a slow transaction
/// become visible after later ones.
const OVERLAP_SECONDS: i64 = 600;
/// A daily mail that could not be written so many hours after its time waits for the next day.
const DIGEST_LATEST_HOURS: i64 = 12;
/// Between two reports on a week there is more than this, in seconds: four days.
const WEEK_LEAST_SECONDS: i64 = 4 * 86_400;
/// A report on a week that could not be written so many hours after its Monday morning waits for the next.
const WEEKLY_LATEST_HOURS: i64 = 36;
/// Days after which what was told is forgotten; longer than a message waits for a decision.
const TOLD_DAYS: i64 = 7;
/// Days after which a mail that ended is forgotten.
const MAIL_DAYS: i64 = 30;

text_enum!(
    /// Why somebody is told of one message in particular.
    pub enum Kind {
        /// Somebody named them in a comment.
        Mentioned => "mentioned",
        /// Somebody asked them to decide it, or handed it over.
        Assigned => "assigned",
    }
);

/// Tells somebody of one message: they are mailed within a minute, unless they were mailed in
/// the last five or want no mail. Call it in the transaction of what they are told of, and not
/// about what they did themselves. `by` is a name for people, `words` what was said.
pub fn tell(conn: &mut Conn, user: &UserId, kind: Kind, message: &MessageId, by: &str, words: Option<&str>, now: Time) -> Result<()> {
    Ok(queries::insert_notice(conn, &RowId::new(), user, kind, message, by, words, now)?)
}

/// Mails the code of a step up to the administrators who can be mailed, except to whoever asked; how many there are.
/// Call it in the transaction of the request.
pub(in crate::domain) fn tell_code(conn: &mut Conn, asker: &Actor, mailbox: &Mailbox, request: &ModeRequest, code: &str, now: Time) -> Result<usize> {
    write::write_code(conn, asker, mailbox, request, code, now)
}

/// Mails everybody within reach of a mailbox that it paused itself, and why. Call it in the transaction of the pause.
pub(in crate::domain) fn tell_paused(conn: &mut Conn, mailbox: &Mailbox, why: &str, now: Time) -> Result<usize> {
    write::write_paused(conn, mailbox, why, now)
}

/// Mails everybody who reaches a mailbox that it stepped down by itself; how many are told.
pub(in crate::domain) fn tell_stepped_down(conn: &mut Conn, mailbox: &Mailbox, why: &str, now: Time) -> Result<usize> {
    write::write_stepped_down(conn, mailbox, why, now)
}

/// Mails the link with which a person sets a new password, whatever else they want to be mailed. Nobody is told where there is
/// no mailbox to send from. Call it in the transaction that made the link.
pub(in crate::domain) fn tell_reset(conn: &mut Conn, user: &UserId, token: &str, until: Time, now: Time) -> Result<()> {
    write::write_reset(conn, user, token, until, now)
}

/// How many administrators could be mailed a code, except this one.
pub(in crate::domain) fn code_readers(conn: &mut Conn, asker: &Actor) -> Result<usize> {
    Ok(people::admins_but(conn, asker)?.len())
}

/// Writes the mails that are due. Reads alone while nothing is.
pub fn due(conn: &mut Conn, now: Time) -> Result<Vec<Due>> {
    write::due(conn, now)
}

/// Writes one of them, in one transaction; `false` when there was nothing to say any more or
/// another worker was quicker.
pub fn write(conn: &mut Conn, due: &Due, now: Time) -> Result<bool> {
    write::write(conn, due, now)
}

pub use write::Due;

/// The person changed when their day begins: what was due before now is not made up for.
pub(in crate::domain) fn hour_changed(conn: &mut Conn, user: &UserId, now: Time) -> Result<()> {
    Ok(queries::set_digest_at(conn, user, now)?)
}

/// Ends what was given up and forgets what is old.
pub fn tidy(conn: &mut Conn, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        mails::tidy(conn, now)?;
        Ok(queries::forget(conn, now.plus_days(-TOLD_DAYS))?)
    })
}

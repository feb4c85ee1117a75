//! How far the folder of a mailbox was read over IMAP. It is written in the transaction that keeps the mail.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;
use crate::domain::mailboxes::{self, Mailbox, stops};

use super::{Arrived, MAIL, Taken, queries, take};

/// How far a folder was read.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::inbound_folders)]
pub struct Place {
    /// The mailbox its mail belongs to.
    pub mailbox_id: MailboxId,
    /// The number under which the ids of mails hold; another one means that all ids are new.
    pub uid_validity: i64,
    /// The id of the last mail that was read.
    pub last_uid: i64,
    /// When the folder was looked at last.
    pub looked_at: Time,
    /// Why it could not be read, where it cannot.
    pub problem: Option<String>,
}

/// The mailbox with this address.
pub fn mailbox(conn: &mut Conn, address: &str) -> Result<Mailbox> {
    mailboxes::resolve(conn, &MAIL, Some(address))
}

/// The mailbox with this address, if its folder may be read: not in a database that was put back or copied, before somebody confirms
/// it, since what it takes in would be drawn into the wrong one.
pub fn to_read(conn: &mut Conn, address: &str) -> Result<Option<Mailbox>> {
    if stops::is_unconfirmed(conn)? {
        return Ok(None);
    }
    mailbox(conn, address).map(Some)
}

/// How far the folder of a mailbox was read.
pub fn place(conn: &mut Conn, mailbox: &MailboxId) -> Result<Option<Place>> {
    Ok(queries::folder(conn, mailbox)?)
}

/// Whether mail comes in by the folder: it was read within a day, and nothing was wrong the last time.
pub(super) fn is_read(conn: &mut Conn, mailbox: &MailboxId, now: Time) -> Result<bool> {
    let read = |place: Place| place.problem.is_none() && place.uid_validity > 0 && place.looked_at >= now.plus_days(-1);
    Ok(queries::folder(conn, mailbox)?.is_some_and(read))
}

/// Takes in the mail with this id, and notes that it was read.
pub fn take_in(conn: &mut Conn, mailbox: &Mailbox, arrived: &Arrived, uid_validity: i64, uid: i64, now: Time) -> Result<Taken> {
    transaction(conn, |conn| {
        let taken = take(conn, mailbox, arrived, now)?;
        reached(conn, &mailbox.id, uid_validity, uid, now)?;
        Ok(taken)
    })
}

/// Notes that everything up to this id was read. It never goes back while the ids hold.
pub fn reached(conn: &mut Conn, mailbox: &MailboxId, uid_validity: i64, uid: i64, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        let before = queries::folder(conn, mailbox)?.filter(|place| place.uid_validity == uid_validity);
        let last_uid = before.map_or(uid, |place| place.last_uid.max(uid));
        let row = Place { mailbox_id: mailbox.clone(), uid_validity, last_uid, looked_at: now, problem: None };
        Ok(queries::put_folder(conn, &row)?)
    })
}

/// Notes for people why a folder cannot be read.
pub fn note_problem(conn: &mut Conn, mailbox: &MailboxId, problem: &str, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        let before = queries::folder(conn, mailbox)?;
        let (uid_validity, last_uid) = before.map_or((0, 0), |place| (place.uid_validity, place.last_uid));
        let row = Place { mailbox_id: mailbox.clone(), uid_validity, last_uid, looked_at: now, problem: Some(problem.to_owned()) };
        Ok(queries::put_folder(conn, &row)?)
    })
}

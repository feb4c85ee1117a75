//! The tripwire: what takes a mailbox back to the mode that holds what machines write, without anybody asking for it.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::mailboxes::{self, Mailbox, Mode};

use super::queries;

/// Who steps a mailbox down, in the log and on pages.
pub const WATCH: Actor = Actor::System("tripwire");
/// The days in which messages that people stop or reject are counted.
pub const DAYS: i64 = 7;

/// A person stopped or rejected what a machine wrote. Too much of that within a week ends a mode that would let more of it out.
pub(in crate::domain) fn note(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, message: &MessageId, now: Time) -> Result<()> {
    let mailbox = mailboxes::get(conn, &WATCH, mailbox)?;
    if mailbox.mode <= Mode::GatedSend || !matches!(actor, Actor::User { .. }) {
        return Ok(());
    }
    queries::note_refused(conn, &mailbox.id, message, now)?;
    let refused = queries::refused_by_people(conn, &mailbox.id, mailbox.mode_since.max(now.plus_days(-DAYS)))?;
    if mailbox.tripwire > 0 && refused >= i64::from(mailbox.tripwire) {
        let why = format!("People stopped or rejected {refused} messages within {DAYS} days, as many as its tripwire allows.");
        step_down(conn, &mailbox, &why, now)?;
    }
    Ok(())
}

/// Its numbers paused a mailbox: once it is resumed, people look at what machines write.
pub(in crate::domain) fn paused(conn: &mut Conn, mailbox: &Mailbox, why: &str, now: Time) -> Result<()> {
    if mailbox.tripwire == 0 || mailbox.mode <= Mode::GatedSend {
        return Ok(());
    }
    step_down(conn, mailbox, &format!("Sending was paused: {why}"), now)
}

fn step_down(conn: &mut Conn, mailbox: &Mailbox, why: &str, now: Time) -> Result<()> {
    mailboxes::step_down(conn, &WATCH, &mailbox.id, Mode::GatedSend, why, now)
}

//! What an answer hangs on: who wrote, in which conversation, and which ids stand in its headers.

use std::collections::HashSet;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{InboundEmailId, MailboxId, ThreadId};
use crate::domain::mailboxes::{self, Mailbox};

use super::{InboundEmail, held_from, queries};

/// An email that is being answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The email.
    pub email: InboundEmail,
    /// The mailbox it came to, from which the answer leaves.
    pub mailbox: Mailbox,
    /// The Message-IDs that came in this conversation, with when, oldest first.
    pub ids: Vec<(Time, String)>,
}

/// The email that an actor wants to answer. What is out of reach, held, or in another mailbox is not there.
pub fn answered(conn: &mut Conn, actor: &Actor, id: &InboundEmailId, within: Option<&MailboxId>) -> Result<Answered> {
    let found = queries::by_id(conn, id)?;
    let found = found.filter(|row| actor.reaches(&row.mailbox_id) && within.is_none_or(|within| *within == row.mailbox_id));
    let email = found.ok_or_else(|| Error::not_found("email"))?;
    let mailbox = mailboxes::get(conn, actor, &email.mailbox_id)?;
    if held_from(actor, &mailbox) && email.released_at.is_none() {
        return Err(Error::not_found("email"));
    }
    if email.from_key == mailbox.address_key {
        return Err(Error::conflict("not_inbound", "This email was written from the mailbox itself. Reply to one that came in."));
    }
    let all = queries::of_thread(conn, &email.thread_id)?;
    let ids = all.into_iter().filter_map(|row| Some((row.received_at, row.message_id_header?))).collect();
    Ok(Answered { email, mailbox, ids })
}

/// Which of these conversations of a mailbox hold an answer: mail of ours that has left, or its recorded history.
pub fn with_answers(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, threads: &[ThreadId]) -> Result<HashSet<ThreadId>> {
    actor.must_have(Scope::Read)?;
    let mailbox = mailboxes::get(conn, actor, mailbox)?;
    Ok(queries::answered_among(conn, &mailbox, threads)?)
}

/// The first email from outside in a conversation since then, if this actor may see it.
pub fn first_reply(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, thread: &ThreadId, since: Time) -> Result<Option<InboundEmail>> {
    let mailbox = mailboxes::get(conn, actor, mailbox)?;
    let found = queries::first_from_outside(conn, &mailbox, thread, since)?;
    Ok(found.filter(|row| !held_from(actor, &mailbox) || row.released_at.is_some()))
}

//! Reading one email that came in, and a conversation in both directions.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{InboundEmailId, MailboxId, ThreadId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::{self, Message};

use super::{InboundEmail, Tagged, held_from, may_read, queries};

/// A conversation.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Its id.
    pub id: ThreadId,
    /// Where it takes place.
    pub mailbox: Mailbox,
    /// What it is about.
    pub subject: String,
    /// What came in, and recorded history of both sides, oldest first.
    pub emails: Vec<InboundEmail>,
    /// What was written here, oldest first, whether it has left or not.
    pub messages: Vec<Message>,
}

/// Reads an email that came in and marks it read. `None` when there is none with this id within reach.
pub fn read(conn: &mut Conn, actor: &Actor, id: &InboundEmailId, now: Time) -> Result<Option<Tagged>> {
    actor.must_have(Scope::Read)?;
    transaction(conn, |conn| {
        let Some(mut row) = queries::by_id(conn, id)? else { return Ok(None) };
        if !may_read(conn, actor, &row)? {
            return Ok(None);
        }
        queries::set_read(conn, id, now)?;
        row.read_at = row.read_at.or(Some(now));
        let tags = queries::tags_of(conn, std::slice::from_ref(id))?.into_iter().map(|(_, tag)| tag).collect();
        Ok(Some((row, tags)))
    })
}

/// An email that came in, as somebody looks at it who reads the conversation.
pub fn get(conn: &mut Conn, actor: &Actor, id: &InboundEmailId) -> Result<InboundEmail> {
    actor.must_have(Scope::Read)?;
    match queries::by_id(conn, id)? {
        Some(row) if may_read(conn, actor, &row)? => Ok(row),
        _ => Err(Error::not_found("email")),
    }
}

/// Shows an email to agents that is held from them. Only a person of the mailbox can.
pub fn release(conn: &mut Conn, actor: &Actor, id: &InboundEmailId, now: Time) -> Result<InboundEmail> {
    if !matches!(actor, Actor::User { .. }) {
        return Err(Error::forbidden("person_required", "Only a signed-in person can release an email to agents."));
    }
    transaction(conn, |conn| {
        let row = queries::by_id(conn, id)?.filter(|row| actor.reaches(&row.mailbox_id)).ok_or_else(|| Error::not_found("email"))?;
        if row.released_at.is_some() {
            return Ok(row);
        }
        queries::set_released(conn, id, now)?;
        let entry =
            Entry { action: "email.release", target_kind: "email", target_id: id.as_str(), mailbox_id: Some(&row.mailbox_id), detail: json!({}) };
        audit::record(conn, actor, entry, now)?;
        Ok(InboundEmail { released_at: Some(now), ..row })
    })
}

/// A conversation, of this mailbox where one is named.
pub fn conversation(conn: &mut Conn, actor: &Actor, id: &ThreadId, within: Option<&MailboxId>) -> Result<Conversation> {
    actor.must_have(Scope::Read)?;
    let found = queries::thread(conn, id)?;
    let found = found.filter(|(mailbox, _)| actor.reaches(mailbox) && within.is_none_or(|within| within == mailbox));
    let (mailbox, subject) = found.ok_or_else(|| Error::not_found("conversation"))?;
    let mailbox = mailboxes::get(conn, actor, &mailbox)?;
    let mut emails = queries::of_thread(conn, id)?;
    if held_from(actor, &mailbox) {
        emails.retain(|row| row.released_at.is_some());
    }
    let messages = messages::of_thread(conn, actor, id)?;
    Ok(Conversation { id: id.clone(), mailbox, subject, emails, messages })
}

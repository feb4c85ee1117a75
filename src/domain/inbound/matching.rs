//! Which of our messages a mail is about: by the address it came to or the envelope id, then by
//! Message-ID, then by References.

use crate::db::Conn;
use crate::domain::contacts::{self, ContactRow};
use crate::domain::error::Result;
use crate::domain::ids::MessageId;
use crate::domain::mailboxes::{Mailbox, bounces};
use crate::domain::messages::{self, MessageRow, State};
use crate::domain::outbox;
use crate::inbound::{Mail, Sorted};

/// One of our messages.
pub(super) struct Found {
    /// The message.
    pub row: MessageRow,
    /// To whom it went.
    pub contact: ContactRow,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether an id says it that only the way of the message knows.
    pub by_envelope: bool,
}

/// The message of this mailbox that a mail is about, if it left here.
pub(super) fn message(conn: &mut Conn, mailbox: &Mailbox, mail: &Mail, sorted: &Sorted, envelope_to: Option<&str>) -> Result<Option<Found>> {
    let headers = ["delivered-to", "x-original-to", "envelope-to", "x-envelope-to"].iter().filter_map(|name| mail.header(name));
    let to: Vec<&str> = envelope_to.into_iter().chain(headers).chain(mail.to.iter().map(String::as_str)).collect();
    let key = if to.iter().any(|address| address.contains('+')) { bounces::key(conn)? } else { None };
    let proven: Vec<MessageId> = key.iter().flat_map(|key| to.iter().filter_map(|address| bounces::message(key, address))).collect();
    let to = proven.into_iter().chain(to.into_iter().filter_map(tagged));
    let envelope = sorted.envelope_id.iter().map(|id| named(id).unwrap_or_else(|| MessageId::from(id.as_str())));
    for id in to.chain(envelope).take(10).collect::<Vec<_>>() {
        if let Some(found) = ours(conn, mailbox, &id, true)? {
            return Ok(Some(found));
        }
    }
    for id in sorted.about.iter().filter_map(|id| named(id)).take(20).collect::<Vec<_>>() {
        if let Some(found) = ours(conn, mailbox, &id, false)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The message that one of these Message-IDs names, whatever its mailbox: for whoever signs what they say.
pub(super) fn by_message_ids(conn: &mut Conn, ids: &[String]) -> Result<Option<Found>> {
    for id in ids.iter().filter_map(|id| named(id)).take(5).collect::<Vec<_>>() {
        if let Some(found) = of_any_mailbox(conn, &id)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A message that left, whatever its mailbox.
pub(super) fn of_any_mailbox(conn: &mut Conn, id: &MessageId) -> Result<Option<Found>> {
    match messages::queries::by_id(conn, id)? {
        Some(row) => left(conn, row, false),
        None => Ok(None),
    }
}

fn ours(conn: &mut Conn, mailbox: &Mailbox, id: &MessageId, by_envelope: bool) -> Result<Option<Found>> {
    match messages::queries::by_id(conn, id)? {
        Some(row) if row.mailbox_id == mailbox.id => left(conn, row, by_envelope),
        _ => Ok(None),
    }
}

fn left(conn: &mut Conn, row: MessageRow, by_envelope: bool) -> Result<Option<Found>> {
    let row = outbox::caught_up(conn, row)?;
    let left = |row: &MessageRow| matches!(row.state, State::Sent | State::Delivered | State::Bounced | State::Complained | State::Uncertain);
    if !left(&row) || row.planted || row.is_test {
        return Ok(None);
    }
    let contact = contacts::row(conn, &row.contact_id)?;
    let tags = messages::queries::tags_of(conn, std::slice::from_ref(&row.id))?.into_iter().map(|(_, tag)| tag).collect();
    Ok(Some(Found { row, contact, tags, by_envelope }))
}

/// The id in an address such as `bounce+ID@example.com`.
fn tagged(address: &str) -> Option<MessageId> {
    let local = address.trim().trim_matches(['<', '>']).rsplit_once('@')?.0;
    let (_, id) = local.rsplit_once('+')?;
    (id.len() == 36).then(|| MessageId::from(id.to_ascii_lowercase().as_str()))
}

/// The id in a Message-ID that we made: the message, a dot, its version.
fn named(message_id: &str) -> Option<MessageId> {
    let (id, _) = message_id.split_once('@')?.0.split_once('.')?;
    (id.len() == 36).then(|| MessageId::from(id))
}

//! Conversations and what came in.

mod answer;
mod queries;
mod read;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, InboundEmailId, MailboxId, ThreadId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::text;

pub(in crate::domain) use answer::{Answered, answered};
pub use answer::{first_reply, with_answers};
pub use queries::InboxFilter;
pub use read::{Conversation, conversation, read};

/// An email that came in.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::inbound_emails)]
pub struct InboundEmail {
    /// Its id.
    pub id: InboundEmailId,
    /// The mailbox it came to.
    pub mailbox_id: MailboxId,
    /// Its conversation.
    pub thread_id: ThreadId,
    /// Who wrote it, where known.
    pub contact_id: Option<ContactId>,
    /// Who wrote it.
    pub from_address: String,
    /// The same as compared.
    pub from_key: String,
    /// To whom.
    pub to_address: String,
    /// Its subject.
    pub subject: String,
    /// Its words.
    pub text_body: String,
    /// When it came.
    pub received_at: Time,
    /// When somebody read it.
    pub read_at: Option<Time>,
    /// When a person released it to agents.
    pub released_at: Option<Time>,
    /// Header Message-ID as it came, in angle brackets.
    pub message_id_header: Option<String>,
}

/// Longest Message-ID kept, in bytes.
const LONGEST_MESSAGE_ID: usize = 250;

/// An email with its tags.
pub type Tagged = (InboundEmail, Vec<String>);

/// Starts a conversation.
pub(super) fn open(conn: &mut Conn, mailbox: &MailboxId, contact: &ContactId, subject: &str, now: Time) -> Result<ThreadId> {
    let id = ThreadId::new();
    queries::insert_thread(conn, &id, mailbox, contact, subject, now)?;
    Ok(id)
}

/// A line of support history that came with a customer: either side of the conversation.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Whether the customer wrote it.
    pub from_customer: bool,
    /// The subject.
    pub subject: String,
    /// The words.
    pub text: String,
    /// When.
    pub at: Time,
    /// Header Message-ID, where it is known.
    pub message_id: Option<String>,
}

/// Records a support conversation with a contact, one thread for each subject.
pub fn record_history(
    conn: &mut Conn,
    actor: &Actor,
    mailbox: &MailboxId,
    contact: &ContactId,
    email: &str,
    history: &[Exchange],
    now: Time,
) -> Result<()> {
    let address = EmailAddress::parse("from", email)?;
    transaction(conn, |conn| {
        let mailbox_row = mailboxes::get(conn, actor, mailbox)?;
        let mut threads: Vec<(String, ThreadId)> = vec![];
        for line in history {
            let subject = text::line("subject", &line.subject, 300)?;
            let bare = subject.trim_start_matches("Re: ").to_owned();
            let thread = match threads.iter().find(|(known, _)| *known == bare) {
                Some((_, id)) => id.clone(),
                None => {
                    let id = open(conn, mailbox, contact, &bare, line.at)?;
                    threads.push((bare, id.clone()));
                    id
                }
            };
            let (from, to) =
                if line.from_customer { (address.as_str(), mailbox_row.address.as_str()) } else { (mailbox_row.address.as_str(), address.as_str()) };
            let row = InboundEmail {
                id: InboundEmailId::new(),
                mailbox_id: mailbox.clone(),
                thread_id: thread,
                contact_id: Some(contact.clone()),
                from_address: from.to_owned(),
                from_key: EmailAddress::parse("from", from)?.key().to_owned(),
                to_address: to.to_owned(),
                subject,
                text_body: text::body("text", &line.text, 100_000)?,
                received_at: line.at,
                read_at: (!line.from_customer).then_some(line.at),
                released_at: None,
                message_id_header: line.message_id.as_deref().and_then(message_id),
            };
            queries::insert_email(conn, &row)?;
        }
        let detail = json!({"lines": history.len()});
        audit::record(
            conn,
            actor,
            Entry { action: "thread.record", target_kind: "contact", target_id: contact.as_str(), mailbox_id: Some(mailbox), detail },
            now,
        )
    })
}

/// A Message-ID that can stand in a header of an answer: `<left@right>` in visible ASCII. Others count as none.
fn message_id(given: &str) -> Option<String> {
    let inner = given.trim().trim_start_matches('<').trim_end_matches('>');
    let visible = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b',' | b';');
    let (left, right) = inner.split_once('@')?;
    let fits = !left.is_empty() && !right.is_empty() && !right.contains('@') && inner.len() <= LONGEST_MESSAGE_ID && inner.bytes().all(visible);
    fits.then(|| format!("<{inner}>"))
}

/// What came in from (and, for recorded history, went out to) a contact, oldest first.
pub fn of_contact(conn: &mut Conn, actor: &Actor, contact: &ContactId) -> Result<Vec<InboundEmail>> {
    let mut rows = queries::of_contact(conn, contact)?;
    rows.retain(|row| actor.reaches(&row.mailbox_id));
    Ok(rows)
}

/// The history that the drafter reads: facts do not depend on who asks.
pub(super) fn history(conn: &mut Conn, contact: &ContactId) -> Result<Vec<InboundEmail>> {
    Ok(queries::of_contact(conn, contact)?)
}

/// In a gated_all mailbox what comes in is held from agents until a person releases it.
fn held_from(actor: &Actor, mailbox: &Mailbox) -> bool {
    mailbox.mode == Mode::GatedAll && matches!(actor, Actor::Key { .. })
}

/// Whether this actor may read this email at all.
fn may_read(conn: &mut Conn, actor: &Actor, row: &InboundEmail) -> Result<bool> {
    if !actor.reaches(&row.mailbox_id) {
        return Ok(false);
    }
    Ok(row.released_at.is_some() || !held_from(actor, &mailboxes::get(conn, actor, &row.mailbox_id)?))
}

/// The mail of a contact that this actor may read, as the drafter reads it.
pub(super) fn readable(conn: &mut Conn, actor: &Actor, contact: &ContactId) -> Result<Vec<InboundEmail>> {
    let mut found = vec![];
    for row in queries::of_contact(conn, contact)? {
        if may_read(conn, actor, &row)? {
            found.push(row);
        }
    }
    Ok(found)
}

/// The inbox of a mailbox, newest first, with tags and whether there are more.
pub fn inbox(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, filter: &InboxFilter) -> Result<(Vec<Tagged>, bool)> {
    actor.must_have(Scope::Read)?;
    let mailbox = mailboxes::get(conn, actor, mailbox)?;
    let mut rows = queries::inbox(conn, &mailbox, held_from(actor, &mailbox), filter)?;
    let more = rows.len() > filter.limit;
    rows.truncate(filter.limit);
    let ids: Vec<InboundEmailId> = rows.iter().map(|row| row.id.clone()).collect();
    let mut tags = queries::tags_of(conn, &ids)?;
    let rows = rows
        .into_iter()
        .map(|row| {
            let mine = tags.extract_if(.., |(id, _)| *id == row.id).map(|(_, tag)| tag).collect();
            (row, mine)
        })
        .collect();
    Ok((rows, more))
}

/// Tags an email that came in. `None` when there is none with this id within reach.
pub fn tag(conn: &mut Conn, actor: &Actor, id: &InboundEmailId, tags: &[String], now: Time) -> Result<Option<Vec<String>>> {
    actor.must_have(Scope::Contacts)?;
    transaction(conn, |conn| {
        let Some(row) = queries::by_id(conn, id)? else { return Ok(None) };
        if !may_read(conn, actor, &row)? {
            return Ok(None);
        }
        if tags.len() > 100 {
            return Err(Error::invalid("field_invalid", "tags", format!("tags must be at most 100; got {}.", tags.len())));
        }
        for tag in tags {
            queries::add_tag(conn, id, &text::tag(tag)?)?;
        }
        let entry = Entry {
            action: "email.tag",
            target_kind: "email",
            target_id: id.as_str(),
            mailbox_id: Some(&row.mailbox_id),
            detail: json!({"tags": tags}),
        };
        audit::record(conn, actor, entry, now)?;
        Ok(Some(queries::tags_of(conn, std::slice::from_ref(id))?.into_iter().map(|(_, tag)| tag).collect()))
    })
}

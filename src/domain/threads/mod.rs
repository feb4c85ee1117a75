//! Conversations and what came in.

mod answer;
mod queries;
mod read;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{Backdated, ContactId, InboundEmailId, MailboxId, ThreadId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::paging::Page;
use crate::domain::text;
use crate::text_enum;

pub(in crate::domain) use answer::{Answered, answered};
pub use answer::{first_reply, with_answers};
pub use queries::{Arrivals, InboxFilter};
pub use read::{Conversation, conversation, get, read, release};

text_enum!(
    /// What an email that came in was taken for.
    pub enum EmailKind {
        /// A report that something was not delivered.
        Bounce => "bounce",
        /// A report that something is not delivered yet.
        Delayed => "delayed",
        /// A complaint.
        Complaint => "complaint",
        /// A machine answered for somebody.
        AutoReply => "auto_reply",
        /// A person wrote.
        Reply => "reply",
        /// A person wants no more mail.
        Unsubscribe => "unsubscribe",
        /// Anything else.
        Other => "other",
        /// It could not be read; nothing was acted on.
        Unreadable => "unreadable",
    }
);

impl EmailKind {
    /// What people wrote, and machines for them: all but the reports of servers.
    pub const WRITTEN: [EmailKind; 5] = [EmailKind::Reply, EmailKind::Unsubscribe, EmailKind::AutoReply, EmailKind::Other, EmailKind::Unreadable];

    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            EmailKind::Bounce => "Bounce",
            EmailKind::Delayed => "Delayed",
            EmailKind::Complaint => "Complaint",
            EmailKind::AutoReply => "Automatic answer",
            EmailKind::Reply => "Reply",
            EmailKind::Unsubscribe => "Unsubscribe",
            EmailKind::Other => "Other",
            EmailKind::Unreadable => "Could not be read",
        }
    }
}

/// A file that came along. It is listed and never opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name, as the sender wrote it.
    pub name: String,
    /// Its media type, as the sender wrote it.
    pub kind: String,
    /// Its size, in bytes.
    pub size: usize,
}

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
    /// What it was taken for.
    pub kind: EmailKind,
    /// The name its writer goes by.
    pub from_name: Option<String>,
    /// Its HTML as it came, which is not clean.
    pub html_body: Option<String>,
    /// What came along.
    pub attachments: Json<Vec<Attachment>>,
    /// What was made of it, in words.
    pub note: Option<String>,
}

/// Longest Message-ID kept, in bytes.
const LONGEST_MESSAGE_ID: usize = 250;

/// An email with its tags.
pub type Tagged = (InboundEmail, Vec<String>);

/// Starts a conversation.
pub(super) fn open(conn: &mut Conn, mailbox: &MailboxId, contact: &ContactId, subject: &str, now: Time) -> Result<ThreadId> {
    let id = ThreadId::new();
    queries::insert_thread(conn, &id, mailbox, Some(contact), subject, now)?;
    Ok(id)
}

/// Keeps an email that came in: in this conversation, or in a new one.
pub(in crate::domain) fn keep(conn: &mut Conn, mut row: InboundEmail, thread: Option<ThreadId>, tags: &[String], now: Time) -> Result<InboundEmail> {
    row.thread_id = match thread {
        Some(id) => id,
        None => {
            let id = ThreadId::new();
            queries::insert_thread(conn, &id, &row.mailbox_id, row.contact_id.as_ref(), &row.subject, now)?;
            id
        }
    };
    queries::insert_email(conn, &row)?;
    for tag in tags {
        queries::add_tag(conn, &row.id, tag)?;
    }
    Ok(row)
}

/// Tags an email that the product itself sorted.
pub(in crate::domain) fn label(conn: &mut Conn, id: &InboundEmailId, tags: &[String]) -> Result<()> {
    for tag in tags {
        queries::add_tag(conn, id, tag)?;
    }
    Ok(())
}

/// The conversation of a mailbox in which an email with one of these Message-IDs came.
pub(in crate::domain) fn with_message_id(conn: &mut Conn, mailbox: &MailboxId, ids: &[String]) -> Result<Option<ThreadId>> {
    let ids: Vec<String> = ids.iter().filter_map(|id| message_id(id)).collect();
    Ok(queries::thread_with(conn, mailbox, &ids)?)
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
        let mut history: Vec<&Exchange> = history.iter().collect();
        history.sort_by_key(|line| line.at);
        let ids = Backdated::default();
        for line in &history {
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
                // Lists go by id, the newest first.
                id: InboundEmailId::from(ids.id(line.at).as_str()),
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
                kind: EmailKind::Reply,
                from_name: None,
                html_body: None,
                attachments: Json::new(vec![]),
                note: None,
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
pub(in crate::domain) fn message_id(given: &str) -> Option<String> {
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
pub(in crate::domain) fn may_read(conn: &mut Conn, actor: &Actor, row: &InboundEmail) -> Result<bool> {
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
    Ok((with_tags(conn, rows)?, more))
}

fn with_tags(conn: &mut Conn, rows: Vec<InboundEmail>) -> Result<Vec<Tagged>> {
    let ids: Vec<InboundEmailId> = rows.iter().map(|row| row.id.clone()).collect();
    let mut tags = queries::tags_of(conn, &ids)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mine = tags.extract_if(.., |(id, _)| *id == row.id).map(|(_, tag)| tag).collect();
            (row, mine)
        })
        .collect())
}

/// What came in to all the mailboxes that a person looks after, newest first.
pub fn arrivals(conn: &mut Conn, actor: &Actor, filter: &Arrivals) -> Result<Page<Tagged>> {
    if !matches!(actor, Actor::User { .. }) {
        return Err(Error::forbidden("person_required", "Keys read the inbox of a mailbox."));
    }
    let page = Page::cut(queries::arrivals(conn, actor.mailboxes(), filter)?, filter.limit);
    Ok(Page { rows: with_tags(conn, page.rows)?, more: page.more })
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

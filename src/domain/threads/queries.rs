//! SQL of conversations.

use std::collections::HashSet;

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::functions::{containing, lower};
use crate::db::schema::{inbound_email_tags, inbound_emails, mailboxes, messages, threads};
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{ContactId, InboundEmailId, MailboxId, ThreadId};
use crate::domain::mailboxes::Mailbox;
use crate::domain::paging::one_more;

use super::{EmailKind, InboundEmail};

// Recorded history of the same conversation.
diesel::alias! {
    const HISTORY: Alias<History> = inbound_emails as history;
}

/// Which emails of an inbox.
#[derive(Debug, Clone, Default)]
pub struct InboxFilter {
    /// From this address, in its compared form.
    pub from_key: Option<String>,
    /// With all these tags.
    pub tags: Vec<String>,
    /// Read or not.
    pub unread: Option<bool>,
    /// In a conversation that mail of ours has left in, or in one without.
    pub has_replies: Option<bool>,
    /// Of one of these kinds; of any where none is given.
    pub kinds: Vec<EmailKind>,
    /// Received at or after.
    pub since: Option<Time>,
    /// At most so many.
    pub limit: usize,
    /// Continue after this one.
    pub before: Option<InboundEmailId>,
}

/// Which emails of all the mailboxes that a person looks after.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    /// Of this mailbox.
    pub mailbox: Option<MailboxId>,
    /// Of this kind.
    pub kind: Option<EmailKind>,
    /// Only those that nobody has read.
    pub unread: bool,
    /// With all these tags.
    pub tags: Vec<String>,
    /// With all these words in sender, subject or text.
    pub words: Vec<String>,
    /// Continue after this one.
    pub before: Option<InboundEmailId>,
    /// At most so many.
    pub limit: usize,
}

pub(super) fn arrivals(conn: &mut Conn, reach: &Mailboxes, filter: &Arrivals) -> QueryResult<Vec<InboundEmail>> {
    let mut query = inbound_emails::table
        .inner_join(mailboxes::table.on(mailboxes::id.eq(inbound_emails::mailbox_id)))
        .filter(inbound_emails::from_key.ne(mailboxes::address_key))
        .order(inbound_emails::id.desc())
        .limit(one_more(filter.limit))
        .select(inbound_emails::all_columns)
        .into_boxed();
    if let Mailboxes::These(ids) = reach {
        query = query.filter(inbound_emails::mailbox_id.eq_any(ids.clone()));
    }
    if let Some(mailbox) = &filter.mailbox {
        query = query.filter(inbound_emails::mailbox_id.eq(mailbox.clone()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(inbound_emails::kind.eq(kind));
    }
    if filter.unread {
        query = query.filter(inbound_emails::read_at.is_null());
    }
    for tag in &filter.tags {
        query = query.filter(exists(
            inbound_email_tags::table
                .filter(inbound_email_tags::inbound_email_id.eq(inbound_emails::id))
                .filter(inbound_email_tags::tag.eq(tag.clone())),
        ));
    }
    for word in &filter.words {
        let like = containing(word);
        query = query.filter(
            lower(inbound_emails::subject)
                .like(like.clone())
                .escape('\\')
                .or(lower(inbound_emails::from_address).like(like.clone()).escape('\\'))
                .or(lower(inbound_emails::text_body).like(like).escape('\\')),
        );
    }
    if let Some(before) = &filter.before {
        query = query.filter(inbound_emails::id.lt(before.clone()));
    }
    query.load(conn)
}

pub(super) fn insert_thread(
    conn: &mut Conn,
    id: &ThreadId,
    mailbox: &MailboxId,
    contact: Option<&ContactId>,
    subject: &str,
    now: Time,
) -> QueryResult<()> {
    diesel::insert_into(threads::table)
        .values((
            threads::id.eq(id),
            threads::mailbox_id.eq(mailbox),
            threads::contact_id.eq(contact.map(ContactId::as_str)),
            threads::subject.eq(subject),
            threads::created_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert_email(conn: &mut Conn, row: &InboundEmail) -> QueryResult<()> {
    diesel::insert_into(inbound_emails::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn by_id(conn: &mut Conn, id: &InboundEmailId) -> QueryResult<Option<InboundEmail>> {
    inbound_emails::table.find(id).first(conn).optional()
}

pub(super) fn set_read(conn: &mut Conn, id: &InboundEmailId, now: Time) -> QueryResult<()> {
    diesel::update(inbound_emails::table.find(id).filter(inbound_emails::read_at.is_null()))
        .set(inbound_emails::read_at.eq(now))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_released(conn: &mut Conn, id: &InboundEmailId, now: Time) -> QueryResult<()> {
    diesel::update(inbound_emails::table.find(id)).set(inbound_emails::released_at.eq(now)).execute(conn).map(drop)
}

/// The mailbox and the subject of a conversation.
pub(super) fn thread(conn: &mut Conn, id: &ThreadId) -> QueryResult<Option<(MailboxId, String)>> {
    threads::table.find(id).select((threads::mailbox_id, threads::subject)).first(conn).optional()
}

pub(super) fn of_thread(conn: &mut Conn, id: &ThreadId) -> QueryResult<Vec<InboundEmail>> {
    inbound_emails::table.filter(inbound_emails::thread_id.eq(id)).order((inbound_emails::received_at, inbound_emails::id)).limit(200).load(conn)
}

pub(super) fn thread_with(conn: &mut Conn, mailbox: &MailboxId, message_ids: &[String]) -> QueryResult<Option<ThreadId>> {
    inbound_emails::table
        .filter(inbound_emails::message_id_header.eq_any(message_ids.to_vec()))
        .filter(inbound_emails::mailbox_id.eq(mailbox))
        .select(inbound_emails::thread_id)
        .order(inbound_emails::id.desc())
        .first(conn)
        .optional()
}

pub(super) fn of_contact(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<InboundEmail>> {
    inbound_emails::table
        .filter(inbound_emails::contact_id.eq(contact.as_str()))
        .order((inbound_emails::received_at, inbound_emails::id))
        .limit(200)
        .load(conn)
}

pub(super) fn inbox(conn: &mut Conn, mailbox: &Mailbox, released_only: bool, filter: &InboxFilter) -> QueryResult<Vec<InboundEmail>> {
    let mut query = inbound_emails::table
        .filter(inbound_emails::mailbox_id.eq(&mailbox.id))
        .filter(inbound_emails::from_key.ne(&mailbox.address_key))
        .order(inbound_emails::id.desc())
        .limit(i64::try_from(filter.limit).unwrap_or(100) + 1)
        .into_boxed();
    if released_only {
        query = query.filter(inbound_emails::released_at.is_not_null());
    }
    if let Some(from) = &filter.from_key {
        query = query.filter(inbound_emails::from_key.eq(from.clone()));
    }
    if !filter.kinds.is_empty() {
        query = query.filter(inbound_emails::kind.eq_any(filter.kinds.clone()));
    }
    if let Some(since) = filter.since {
        query = query.filter(inbound_emails::received_at.ge(since));
    }
    match filter.unread {
        Some(true) => query = query.filter(inbound_emails::read_at.is_null()),
        Some(false) => query = query.filter(inbound_emails::read_at.is_not_null()),
        None => {}
    }
    if let Some(wanted) = filter.has_replies {
        let history = HISTORY;
        let sent = messages::table.filter(messages::thread_id.eq(inbound_emails::thread_id)).filter(messages::sent_at.is_not_null());
        let recorded = history
            .filter(history.field(inbound_emails::thread_id).eq(inbound_emails::thread_id))
            .filter(history.field(inbound_emails::from_key).eq(mailbox.address_key.clone()));
        let ours = exists(sent).or(exists(recorded));
        query = if wanted { query.filter(ours) } else { query.filter(not(ours)) };
    }
    if let Some(before) = &filter.before {
        query = query.filter(inbound_emails::id.lt(before.clone()));
    }
    for tag in &filter.tags {
        query = query.filter(exists(
            inbound_email_tags::table
                .filter(inbound_email_tags::inbound_email_id.eq(inbound_emails::id))
                .filter(inbound_email_tags::tag.eq(tag.clone())),
        ));
    }
    query.load(conn)
}

pub(super) fn answered_among(conn: &mut Conn, mailbox: &Mailbox, ids: &[ThreadId]) -> QueryResult<HashSet<ThreadId>> {
    let sent: Vec<ThreadId> = messages::table
        .filter(messages::thread_id.eq_any(ids.to_vec()))
        .filter(messages::sent_at.is_not_null())
        .select(messages::thread_id)
        .distinct()
        .load(conn)?;
    let recorded: Vec<ThreadId> = inbound_emails::table
        .filter(inbound_emails::thread_id.eq_any(ids.to_vec()))
        .filter(inbound_emails::from_key.eq(&mailbox.address_key))
        .select(inbound_emails::thread_id)
        .distinct()
        .load(conn)?;
    Ok(sent.into_iter().chain(recorded).collect())
}

pub(super) fn first_from_outside(conn: &mut Conn, mailbox: &Mailbox, thread: &ThreadId, since: Time) -> QueryResult<Option<InboundEmail>> {
    inbound_emails::table
        .filter(inbound_emails::thread_id.eq(thread))
        .filter(inbound_emails::from_key.ne(&mailbox.address_key))
        // Neither a report nor an automatic answer is a reply (RFC 3834).
        .filter(inbound_emails::kind.eq_any([EmailKind::Reply, EmailKind::Unsubscribe]))
        .filter(inbound_emails::received_at.gt(since))
        .order((inbound_emails::received_at, inbound_emails::id))
        .first(conn)
        .optional()
}

pub(super) fn tags_of(conn: &mut Conn, ids: &[InboundEmailId]) -> QueryResult<Vec<(InboundEmailId, String)>> {
    inbound_email_tags::table
        .filter(inbound_email_tags::inbound_email_id.eq_any(ids.to_vec()))
        .order((inbound_email_tags::inbound_email_id, inbound_email_tags::tag))
        .load(conn)
}

pub(super) fn add_tag(conn: &mut Conn, id: &InboundEmailId, tag: &str) -> QueryResult<()> {
    let there: bool = diesel::select(exists(inbound_email_tags::table.find((id, tag)))).get_result(conn)?;
    if there {
        return Ok(());
    }
    diesel::insert_into(inbound_email_tags::table)
        .values((inbound_email_tags::inbound_email_id.eq(id), inbound_email_tags::tag.eq(tag)))
        .execute(conn)
        .map(drop)
}

//! SQL of what came in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diesel::dsl::exists;
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{contacts, delivery_reports, inbound_emails, inbound_folders, inbound_raw, inbound_ways, leads, messages};
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{ContactId, InboundEmailId, LeadId, MailboxId, MessageId};
use crate::domain::paging::one_more;
use crate::domain::threads::{EmailKind, InboundEmail};

use super::folders::Place;
use super::leads::Lead;
use super::reports::Report;

pub(super) fn taken(conn: &mut Conn, mailbox: &MailboxId, digest: &str) -> QueryResult<Option<(InboundEmailId, EmailKind)>> {
    let found: Option<InboundEmailId> = inbound_raw::table.find((mailbox, digest)).select(inbound_raw::inbound_email_id).first(conn).optional()?;
    match found {
        Some(id) => inbound_emails::table.find(&id).select((inbound_emails::id, inbound_emails::kind)).first(conn).optional(),
        None => Ok(None),
    }
}

pub(super) fn insert_raw(conn: &mut Conn, mailbox: &MailboxId, digest: &str, email: &InboundEmailId, raw: &[u8]) -> QueryResult<()> {
    diesel::insert_into(inbound_raw::table)
        .values((
            inbound_raw::mailbox_id.eq(mailbox),
            inbound_raw::digest.eq(digest),
            inbound_raw::inbound_email_id.eq(email),
            inbound_raw::raw.eq(STANDARD.encode(raw)),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn raw(conn: &mut Conn, id: &InboundEmailId) -> QueryResult<Option<(MailboxId, Vec<u8>)>> {
    let found: Option<(MailboxId, String)> =
        inbound_raw::table.filter(inbound_raw::inbound_email_id.eq(id)).select((inbound_raw::mailbox_id, inbound_raw::raw)).first(conn).optional()?;
    Ok(found.map(|(mailbox, raw)| (mailbox, STANDARD.decode(raw).unwrap_or_default())))
}

pub(super) fn report_is_known(conn: &mut Conn, key: &str) -> QueryResult<bool> {
    diesel::select(exists(delivery_reports::table.filter(delivery_reports::event_key.eq(key)))).get_result(conn)
}

pub(super) fn insert_report(conn: &mut Conn, row: &Report) -> QueryResult<()> {
    diesel::insert_into(delivery_reports::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn reports(conn: &mut Conn, id: &MessageId) -> QueryResult<Vec<Report>> {
    delivery_reports::table.filter(delivery_reports::message_id.eq(id)).order((delivery_reports::created_at, delivery_reports::id)).load(conn)
}

/// The last message that left to an address.
pub(super) fn last_sent_to(conn: &mut Conn, email_key: &str) -> QueryResult<Option<MessageId>> {
    let contact: Option<ContactId> = contacts::table.filter(contacts::email_key.eq(email_key)).select(contacts::id).first(conn).optional()?;
    let Some(contact) = contact else { return Ok(None) };
    messages::table
        .filter(messages::contact_id.eq(contact))
        .filter(messages::sent_at.is_not_null())
        .filter(messages::planted.eq(false))
        .select(messages::id)
        .order(messages::sent_at.desc())
        .first(conn)
        .optional()
}

pub(super) fn set_way(conn: &mut Conn, mailbox: &MailboxId, hash: &str, now: Time) -> QueryResult<()> {
    diesel::delete(inbound_ways::table.find(mailbox)).execute(conn)?;
    diesel::insert_into(inbound_ways::table)
        .values((inbound_ways::mailbox_id.eq(mailbox), inbound_ways::token_hash.eq(hash), inbound_ways::created_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn remove_way(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<()> {
    diesel::delete(inbound_ways::table.find(mailbox)).execute(conn).map(drop)
}

pub(super) fn way_since(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<Option<Time>> {
    inbound_ways::table.find(mailbox).select(inbound_ways::created_at).first(conn).optional()
}

pub(super) fn by_token(conn: &mut Conn, hash: &str) -> QueryResult<Option<MailboxId>> {
    inbound_ways::table.filter(inbound_ways::token_hash.eq(hash)).select(inbound_ways::mailbox_id).first(conn).optional()
}

pub(super) fn folder(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<Option<Place>> {
    inbound_folders::table.find(mailbox).first(conn).optional()
}

pub(super) fn put_folder(conn: &mut Conn, row: &Place) -> QueryResult<()> {
    diesel::delete(inbound_folders::table.find(&row.mailbox_id)).execute(conn)?;
    diesel::insert_into(inbound_folders::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn insert_lead(conn: &mut Conn, row: &Lead) -> QueryResult<()> {
    diesel::insert_into(leads::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn leads(conn: &mut Conn, reach: &Mailboxes, limit: usize, before: Option<&LeadId>) -> QueryResult<Vec<(Lead, InboundEmail)>> {
    let mut query = leads::table
        .inner_join(inbound_emails::table.on(inbound_emails::id.eq(leads::inbound_email_id)))
        .order(leads::id.desc())
        .limit(one_more(limit))
        .select((leads::all_columns, inbound_emails::all_columns))
        .into_boxed();
    if let Mailboxes::These(ids) = reach {
        query = query.filter(leads::mailbox_id.eq_any(ids.clone()));
    }
    if let Some(before) = before {
        query = query.filter(leads::id.lt(before.clone()));
    }
    query.load(conn)
}

//! SQL of requests, of where contacts come from, and of what is kept too long.

use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{
    contact_sources, contacts, customers, data_requests, delivery_reports, enrollments, inbound_emails, inbound_raw, messages, planted_tests,
    variants,
};
use crate::domain::ids::{ContactId, InboundEmailId, RowId, VariantId};

use super::provenance::Provenance;
use super::requests::Request;

pub(super) fn insert_request(conn: &mut Conn, row: &Request) -> QueryResult<()> {
    diesel::insert_into(data_requests::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update_request(conn: &mut Conn, row: &Request) -> QueryResult<()> {
    diesel::update(data_requests::table.find(&row.id))
        .set((
            data_requests::acknowledged_at.eq(row.acknowledged_at),
            data_requests::due_at.eq(row.due_at),
            data_requests::extended_because.eq(row.extended_because.clone()),
            data_requests::done_at.eq(row.done_at),
            data_requests::done_by.eq(row.done_by.clone()),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn request(conn: &mut Conn, id: &RowId) -> QueryResult<Option<Request>> {
    data_requests::table.find(id).first(conn).optional()
}

pub(super) fn open_requests(conn: &mut Conn, limit: i64) -> QueryResult<Vec<Request>> {
    data_requests::table.filter(data_requests::done_at.is_null()).order(data_requests::due_at).limit(limit).load(conn)
}

pub(super) fn done_requests(conn: &mut Conn, limit: i64) -> QueryResult<Vec<Request>> {
    data_requests::table.filter(data_requests::done_at.is_not_null()).order(data_requests::done_at.desc()).limit(limit).load(conn)
}

pub(super) fn requests_of(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<Request>> {
    data_requests::table.filter(data_requests::contact_id.eq(contact)).order(data_requests::id.desc()).load(conn)
}

pub(super) fn provenance(conn: &mut Conn, id: &ContactId) -> QueryResult<Option<Provenance>> {
    contact_sources::table.find(id).first(conn).optional()
}

pub(super) fn put_provenance(conn: &mut Conn, row: &Provenance) -> QueryResult<()> {
    diesel::delete(contact_sources::table.find(&row.contact_id)).execute(conn)?;
    diesel::insert_into(contact_sources::table).values(row.clone()).execute(conn).map(drop)
}

/// Whether a message to them has left.
pub(super) fn was_mailed(conn: &mut Conn, id: &ContactId) -> QueryResult<bool> {
    let sent = messages::table.filter(messages::contact_id.eq(id)).filter(messages::sent_at.is_not_null());
    diesel::select(exists(sent)).get_result(conn)
}

/// Contacts of whom nothing was heard and to whom nothing was sent since then, oldest first.
pub(super) fn quiet_contacts(conn: &mut Conn, since: Time, limit: i64) -> QueryResult<Vec<ContactId>> {
    let written = messages::table.filter(messages::contact_id.eq(contacts::id)).filter(messages::updated_at.ge(since));
    let heard = inbound_emails::table.filter(inbound_emails::contact_id.eq(contacts::id.nullable())).filter(inbound_emails::received_at.ge(since));
    let active = customers::table.filter(customers::contact_id.eq(contacts::id)).filter(customers::last_active_at.assume_not_null().ge(since));
    let under_way = enrollments::table.filter(enrollments::contact_id.eq(contacts::id)).filter(sql::<Bool>("enrollments.state = 'active'"));
    let asked = data_requests::table.filter(data_requests::contact_id.eq(contacts::id)).filter(data_requests::done_at.is_null());
    contacts::table
        .filter(contacts::erased_at.is_null())
        .filter(contacts::updated_at.lt(since))
        .filter(not(exists(written)))
        .filter(not(exists(heard)))
        .filter(not(exists(active)))
        .filter(not(exists(under_way)))
        .filter(not(exists(asked)))
        .filter(not(exists(planted_tests::table.filter(planted_tests::contact_id.eq(contacts::id)))))
        .order(contacts::updated_at)
        .limit(limit)
        .select(contacts::id)
        .load(conn)
}

/// Takes away drafts that nobody chose and that are older; how many.
pub(super) fn delete_old_variants(conn: &mut Conn, before: Time, limit: i64) -> QueryResult<usize> {
    let old: Vec<VariantId> = variants::table
        .filter(variants::created_at.lt(before))
        .filter(variants::message_id.is_null())
        .filter(variants::sent_at.is_null())
        .order(variants::created_at)
        .limit(limit)
        .select(variants::id)
        .load(conn)?;
    diesel::delete(variants::table.filter(variants::id.eq_any(old))).execute(conn)
}

/// Blanks mail as it came that is older; how many. That it was taken stays.
pub(super) fn blank_raw_mail(conn: &mut Conn, before: Time, limit: i64) -> QueryResult<usize> {
    let old: Vec<InboundEmailId> = inbound_raw::table
        .inner_join(inbound_emails::table.on(inbound_emails::id.eq(inbound_raw::inbound_email_id)))
        .filter(sql::<Bool>("inbound_raw.raw <> ''"))
        .filter(inbound_emails::received_at.lt(before))
        .order(inbound_raw::inbound_email_id)
        .limit(limit)
        .select(inbound_raw::inbound_email_id)
        .load(conn)?;
    diesel::update(inbound_raw::table.filter(inbound_raw::inbound_email_id.eq_any(old))).set(inbound_raw::raw.eq("")).execute(conn)
}

/// Blanks the words of reports that are older; how many. What they led to stays.
pub(super) fn blank_reports(conn: &mut Conn, before: Time, limit: i64) -> QueryResult<usize> {
    let old: Vec<RowId> = delivery_reports::table
        .filter(sql::<Bool>("delivery_reports.reason <> ''"))
        .filter(delivery_reports::created_at.lt(before))
        .order(delivery_reports::created_at)
        .limit(limit)
        .select(delivery_reports::id)
        .load(conn)?;
    diesel::update(delivery_reports::table.filter(delivery_reports::id.eq_any(old))).set(delivery_reports::reason.eq("")).execute(conn)
}

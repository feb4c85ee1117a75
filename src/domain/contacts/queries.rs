//! SQL of contacts.

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::functions::{containing, lower, lower_nullable};
use crate::db::schema::{consents, contact_tags, contacts, customers, planted_tests};
use crate::domain::ids::ContactId;
use crate::domain::paging::one_more;

use super::{Consent, ContactRow, Customer};

/// What to find.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Exactly this address, in its compared form.
    pub email_key: Option<String>,
    /// Words that must all occur in name, address or tags.
    pub words: Vec<String>,
    /// Tags that must be there.
    pub tags: Vec<String>,
    /// Tags that must not be there.
    pub without_tags: Vec<String>,
    /// Only those with subscription facts.
    pub customers_only: bool,
    /// At most so many.
    pub limit: usize,
    /// Those older than this id.
    pub before: Option<ContactId>,
}

pub(super) fn by_id(conn: &mut Conn, id: &ContactId) -> QueryResult<Option<ContactRow>> {
    contacts::table.find(id).first(conn).optional()
}

pub(super) fn by_ids(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<ContactRow>> {
    contacts::table.filter(contacts::id.eq_any(ids.to_vec())).load(conn)
}

/// Whether tests of the desk are addressed to them: they do not exist.
pub(super) fn is_made_up(conn: &mut Conn, id: &ContactId) -> QueryResult<bool> {
    diesel::select(exists(planted_tests::table.filter(planted_tests::contact_id.eq(id)))).get_result(conn)
}

/// Changes nothing, but keeps others from changing it until this transaction ends.
pub(super) fn hold(conn: &mut Conn, id: &ContactId) -> QueryResult<()> {
    diesel::update(contacts::table.find(id)).set(contacts::updated_at.eq(contacts::updated_at)).execute(conn).map(drop)
}

pub(super) fn by_email(conn: &mut Conn, key: &str) -> QueryResult<Option<ContactRow>> {
    contacts::table.filter(contacts::email_key.eq(key)).first(conn).optional()
}

pub(super) fn find_many(conn: &mut Conn, ids: &[ContactId], keys: &[String]) -> QueryResult<Vec<ContactRow>> {
    contacts::table
        .filter(contacts::id.eq_any(ids.to_vec()).or(contacts::email_key.eq_any(keys.to_vec())))
        .filter(contacts::erased_at.is_null())
        .filter(not(exists(planted_tests::table.filter(planted_tests::contact_id.eq(contacts::id)))))
        .order(contacts::id)
        .load(conn)
}

pub(super) fn has_tag(conn: &mut Conn, id: &ContactId, tag: &str) -> QueryResult<bool> {
    diesel::select(exists(contact_tags::table.find((id, tag)))).get_result(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &ContactRow) -> QueryResult<()> {
    diesel::insert_into(contacts::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &ContactRow) -> QueryResult<()> {
    diesel::update(contacts::table.find(&row.id))
        .set((
            contacts::name.eq(row.name.clone()),
            contacts::metadata.eq(row.metadata.clone()),
            contacts::time_zone.eq(row.time_zone.clone()),
            contacts::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn add_tag(conn: &mut Conn, id: &ContactId, tag: &str) -> QueryResult<bool> {
    let there: bool = diesel::select(exists(contact_tags::table.find((id, tag)))).get_result(conn)?;
    if there {
        return Ok(false);
    }
    diesel::insert_into(contact_tags::table).values((contact_tags::contact_id.eq(id), contact_tags::tag.eq(tag))).execute(conn)?;
    Ok(true)
}

pub(super) fn remove_tag(conn: &mut Conn, id: &ContactId, tag: &str) -> QueryResult<bool> {
    Ok(diesel::delete(contact_tags::table.find((id, tag))).execute(conn)? == 1)
}

pub(super) fn tags_of(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<(ContactId, String)>> {
    contact_tags::table.filter(contact_tags::contact_id.eq_any(ids.to_vec())).order((contact_tags::contact_id, contact_tags::tag)).load(conn)
}

pub(super) fn consents_of(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<Consent>> {
    consents::table.filter(consents::contact_id.eq_any(ids.to_vec())).order((consents::contact_id, consents::recorded_at.desc())).load(conn)
}

pub(super) fn insert_consent(conn: &mut Conn, consent: &Consent) -> QueryResult<()> {
    diesel::insert_into(consents::table).values(consent.clone()).execute(conn).map(drop)
}

pub(super) fn customer(conn: &mut Conn, id: &ContactId) -> QueryResult<Option<Customer>> {
    customers::table.find(id).first(conn).optional()
}

pub(super) fn put_customer(conn: &mut Conn, customer: &Customer) -> QueryResult<()> {
    let changed = diesel::update(customers::table.find(&customer.contact_id)).set(customer.clone()).execute(conn)?;
    if changed == 0 {
        diesel::insert_into(customers::table).values(customer.clone()).execute(conn)?;
    }
    Ok(())
}

/// Narrows any query of contacts to those that a search finds.
macro_rules! narrowed {
    ($query:expr, $search:expr) => {{
        let mut query = $query
            .filter(not(exists(planted_tests::table.filter(planted_tests::contact_id.eq(contacts::id)))))
            .filter(contacts::erased_at.is_null())
            .into_boxed();
        if let Some(key) = &$search.email_key {
            query = query.filter(contacts::email_key.eq(key.clone()));
        }
        if let Some(before) = &$search.before {
            query = query.filter(contacts::id.lt(before.clone()));
        }
        for tag in &$search.tags {
            query =
                query.filter(exists(contact_tags::table.filter(contact_tags::contact_id.eq(contacts::id)).filter(contact_tags::tag.eq(tag.clone()))));
        }
        for tag in &$search.without_tags {
            query = query
                .filter(not(exists(contact_tags::table.filter(contact_tags::contact_id.eq(contacts::id)).filter(contact_tags::tag.eq(tag.clone())))));
        }
        for word in &$search.words {
            let pattern = containing(word);
            query = query.filter(
                contacts::email_key
                    .like(pattern.clone())
                    .escape('\\')
                    .or(lower_nullable(contacts::name).like(pattern.clone()).escape('\\').assume_not_null())
                    .or(exists(
                        contact_tags::table
                            .filter(contact_tags::contact_id.eq(contacts::id))
                            .filter(lower(contact_tags::tag).like(pattern).escape('\\')),
                    )),
            );
        }
        if $search.customers_only {
            query = query.filter(exists(customers::table.filter(customers::contact_id.eq(contacts::id))));
        }
        query
    }};
}

pub(super) fn search(conn: &mut Conn, search: &Search) -> QueryResult<Vec<ContactRow>> {
    narrowed!(contacts::table, search).order(contacts::id.desc()).limit(one_more(search.limit)).load(conn)
}

/// How many a search finds, whatever its limit.
pub(super) fn count(conn: &mut Conn, search: &Search) -> QueryResult<i64> {
    narrowed!(contacts::table.select(diesel::dsl::count_star()), search).first(conn)
}

/// How many a search finds, looking at no more than `most`.
pub(super) fn count_up_to(conn: &mut Conn, search: &Search, most: usize) -> QueryResult<usize> {
    let found: Vec<ContactId> = narrowed!(contacts::table.select(contacts::id), search).limit(i64::try_from(most).unwrap_or(i64::MAX)).load(conn)?;
    Ok(found.len())
}

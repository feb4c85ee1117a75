//! SQL of signals.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::signals;
use crate::domain::ids::{ContactId, SignalId};
use crate::domain::paging::one_more;

use super::Signal;

pub(super) fn by_external_id(conn: &mut Conn, id: &str) -> QueryResult<Option<Signal>> {
    signals::table.filter(signals::external_id.eq(id)).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, row: &Signal) -> QueryResult<()> {
    diesel::insert_into(signals::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn of_contact(conn: &mut Conn, id: &ContactId, limit: usize, before: Option<&SignalId>) -> QueryResult<Vec<Signal>> {
    let mut query = signals::table.filter(signals::contact_id.eq(id)).order(signals::id.desc()).limit(one_more(limit)).into_boxed();
    if let Some(before) = before {
        query = query.filter(signals::id.lt(before.clone()));
    }
    query.load(conn)
}

/// Contacts with a good signal of these kinds since then, in the order of the list.
pub(in crate::domain) fn contacts_since(
    conn: &mut Conn,
    kinds: &[String],
    since: Time,
    before: Option<&ContactId>,
    limit: i64,
) -> QueryResult<Vec<ContactId>> {
    let mut query = signals::table
        .filter(signals::happy.eq(true))
        .filter(signals::happened_at.ge(since))
        .filter(signals::kind.eq_any(kinds.to_vec()))
        .order(signals::contact_id.desc())
        .limit(limit)
        .select(signals::contact_id)
        .distinct()
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(signals::contact_id.lt(before.clone()));
    }
    query.load(conn)
}

/// The good signals of these kinds and contacts since then, the latest first.
pub(in crate::domain) fn good_since(conn: &mut Conn, contacts: &[ContactId], kinds: &[String], since: Time) -> QueryResult<Vec<Signal>> {
    signals::table
        .filter(signals::contact_id.eq_any(contacts.to_vec()))
        .filter(signals::happy.eq(true))
        .filter(signals::happened_at.ge(since))
        .filter(signals::kind.eq_any(kinds.to_vec()))
        .order((signals::happened_at.desc(), signals::id.desc()))
        .load(conn)
}

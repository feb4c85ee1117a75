//! SQL of the ledger of consents.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{consents, opt_ins};
use crate::domain::ids::{ContactId, RowId};

use super::opt_in::OptIn;
use super::{Consent, ConsentBasis};

pub(super) fn insert(conn: &mut Conn, row: &Consent) -> QueryResult<()> {
    diesel::insert_into(consents::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn of_contacts(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<Consent>> {
    consents::table.filter(consents::contact_id.eq_any(ids.to_vec())).order((consents::contact_id, consents::recorded_at.desc())).load(conn)
}

/// Ends one ground, or without an id all that the recipient can end by leaving. False where there was none.
pub(super) fn withdraw(conn: &mut Conn, contact: &ContactId, one: Option<&RowId>, by: &str, now: Time) -> QueryResult<bool> {
    let of_contact = consents::table.filter(consents::contact_id.eq(contact)).filter(consents::withdrawn_at.is_null());
    let values = (consents::withdrawn_at.eq(now), consents::withdrawn_by.eq(by));
    let changed = match one {
        Some(id) => diesel::update(of_contact.filter(consents::id.eq(id))).set(values).execute(conn)?,
        None => diesel::update(of_contact.filter(consents::basis.ne(ConsentBasis::Contract))).set(values).execute(conn)?,
    };
    Ok(changed > 0)
}

pub(super) fn insert_opt_in(conn: &mut Conn, row: &OptIn) -> QueryResult<()> {
    diesel::insert_into(opt_ins::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn opt_in(conn: &mut Conn, token_hash: &str) -> QueryResult<Option<OptIn>> {
    opt_ins::table.find(token_hash).first(conn).optional()
}

pub(super) fn opt_ins_of(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<OptIn>> {
    opt_ins::table.filter(opt_ins::contact_id.eq(contact)).order(opt_ins::asked_at.desc()).load(conn)
}

/// False where it was confirmed before.
pub(super) fn confirm(conn: &mut Conn, token_hash: &str, now: Time) -> QueryResult<bool> {
    diesel::update(opt_ins::table.find(token_hash).filter(opt_ins::confirmed_at.is_null()))
        .set(opt_ins::confirmed_at.eq(now))
        .execute(conn)
        .map(|rows| rows > 0)
}

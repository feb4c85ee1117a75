//! SQL of keys.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{api_key_mailboxes, api_keys};
use crate::domain::ids::{ApiKeyId, MailboxId};

use super::KeyRow;

pub(super) fn insert(conn: &mut Conn, row: &KeyRow) -> QueryResult<()> {
    diesel::insert_into(api_keys::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn set_mailboxes(conn: &mut Conn, id: &ApiKeyId, mailboxes: &[MailboxId]) -> QueryResult<()> {
    diesel::delete(api_key_mailboxes::table.filter(api_key_mailboxes::api_key_id.eq(id))).execute(conn)?;
    let each: BTreeSet<&MailboxId> = mailboxes.iter().collect();
    for mailbox in each {
        diesel::insert_into(api_key_mailboxes::table)
            .values((api_key_mailboxes::api_key_id.eq(id), api_key_mailboxes::mailbox_id.eq(mailbox)))
            .execute(conn)?;
    }
    Ok(())
}

pub(super) fn by_id(conn: &mut Conn, id: &ApiKeyId) -> QueryResult<Option<KeyRow>> {
    api_keys::table.find(id).first(conn).optional()
}

/// The key that has this secret, or had it before the last rotation.
pub(super) fn by_secret(conn: &mut Conn, hash: &str) -> QueryResult<Option<KeyRow>> {
    api_keys::table.filter(api_keys::secret_hash.eq(hash).or(api_keys::previous_secret_hash.eq(hash).assume_not_null())).first(conn).optional()
}

pub(super) fn mailboxes_of(conn: &mut Conn, id: &ApiKeyId) -> QueryResult<Vec<MailboxId>> {
    api_key_mailboxes::table.filter(api_key_mailboxes::api_key_id.eq(id)).select(api_key_mailboxes::mailbox_id).load(conn)
}

pub(super) fn mailboxes_of_all(conn: &mut Conn) -> QueryResult<Vec<(ApiKeyId, MailboxId)>> {
    api_key_mailboxes::table.select((api_key_mailboxes::api_key_id, api_key_mailboxes::mailbox_id)).load(conn)
}

pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<KeyRow>> {
    api_keys::table.order((api_keys::revoked_at.is_not_null(), api_keys::name, api_keys::id)).limit(500).load(conn)
}

pub(super) fn touch(conn: &mut Conn, id: &ApiKeyId, from: Option<&str>, now: Time) -> QueryResult<()> {
    diesel::update(api_keys::table.find(id)).set((api_keys::last_used_at.eq(now), api_keys::last_used_from.eq(from))).execute(conn).map(drop)
}

/// `false` when its scopes are no longer those that were seen, or it was revoked.
pub(super) fn change(conn: &mut Conn, row: &KeyRow, seen: &str) -> QueryResult<bool> {
    let unchanged = api_keys::table.find(&row.id).filter(api_keys::scopes.eq(seen)).filter(api_keys::revoked_at.is_null());
    let changed = diesel::update(unchanged)
        .set((
            api_keys::name.eq(&row.name),
            api_keys::scopes.eq(&row.scopes),
            api_keys::expires_at.eq(row.expires_at),
            api_keys::calls_per_minute.eq(row.calls_per_minute),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// `false` when its secret is no longer the one that was seen, or it was revoked.
pub(super) fn rotate(conn: &mut Conn, id: &ApiKeyId, seen: &str, hash: &str, prefix: &str, until: Time) -> QueryResult<bool> {
    let changed = diesel::update(api_keys::table.find(id).filter(api_keys::secret_hash.eq(seen)).filter(api_keys::revoked_at.is_null()))
        .set((
            api_keys::secret_hash.eq(hash),
            api_keys::prefix.eq(prefix),
            api_keys::previous_secret_hash.eq(seen),
            api_keys::previous_until.eq(until),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn revoke(conn: &mut Conn, id: &ApiKeyId, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(api_keys::table.find(id).filter(api_keys::revoked_at.is_null())).set(api_keys::revoked_at.eq(now)).execute(conn)?;
    Ok(changed == 1)
}

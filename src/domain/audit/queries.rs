//! SQL of the chain over the log.

use std::collections::HashMap;

use diesel::dsl::{count_star, exists, max, not};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use crate::db::Conn;
use crate::db::schema::{audit_chain, audit_heads, audit_log, churn_events, contacts, facts, messages};
use crate::on_either;

use super::Line;
use super::heads::SignedHead;

/// Position, number of the entry, hash of its detail, hash.
pub(super) type Link = (i64, i64, String, String);

/// How far below the latest chained number an entry may still become visible: on PostgreSQL a number is drawn before its
/// transaction ends.
fn late(conn: &Conn) -> i64 {
    match conn {
        Conn::Sqlite(_) => 0,
        Conn::Postgres(_) => 20_000,
    }
}

/// Entries at the end of the log that are not there any more: the highest number that was drawn, where it is beyond the last that is
/// there. PostgreSQL leaves out numbers by itself, so there the noted head of the chain says so, or the file beside the database.
pub(super) fn dropped_end(conn: &mut Conn) -> QueryResult<Option<(i64, i64)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        drawn: i64,
        #[diesel(sql_type = BigInt)]
        last: i64,
    }
    let Conn::Sqlite(inner) = conn else { return Ok(None) };
    let ask = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit_log'), 0) AS drawn, coalesce((SELECT max(seq) FROM audit_log), 0) AS last";
    let row: Row = diesel::sql_query(ask).get_result(inner)?;
    Ok((row.drawn > row.last).then_some((row.last + 1, row.drawn)))
}

/// Keeps others from chaining until this transaction ends; false where another does already.
pub(super) fn hold_chain(conn: &mut Conn) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        mine: bool,
    }
    match conn {
        // One writer at a time.
        Conn::Sqlite(_) => Ok(true),
        // An arbitrary constant that names this chain on this server.
        Conn::Postgres(inner) => {
            let row: Row = diesel::sql_query("SELECT pg_try_advisory_xact_lock(72430039) AS mine").get_result(inner)?;
            Ok(row.mine)
        }
    }
}

pub(super) fn head(conn: &mut Conn) -> QueryResult<Option<(i64, String)>> {
    audit_chain::table.order(audit_chain::position.desc()).select((audit_chain::position, audit_chain::hash)).first(conn).optional()
}

/// The highest number that is chained; 0 where none is.
pub(super) fn latest_chained(conn: &mut Conn) -> QueryResult<i64> {
    Ok(audit_chain::table.select(max(audit_chain::seq)).first::<Option<i64>>(conn)?.unwrap_or(0))
}

/// Entries that are not chained, in the order of their numbers.
pub(super) fn unchained(conn: &mut Conn, latest: i64, limit: i64) -> QueryResult<Vec<Line>> {
    let from = latest - late(conn);
    audit_log::table
        .filter(audit_log::seq.gt(from))
        .filter(not(exists(audit_chain::table.filter(audit_chain::seq.eq(audit_log::seq)))))
        .order(audit_log::seq)
        .limit(limit)
        .load(conn)
}

/// How many entries are not chained and may still be.
pub(super) fn count_unchained(conn: &mut Conn, latest: i64) -> QueryResult<i64> {
    let from = latest - late(conn);
    audit_log::table
        .filter(audit_log::seq.gt(from))
        .filter(not(exists(audit_chain::table.filter(audit_chain::seq.eq(audit_log::seq)))))
        .select(count_star())
        .first(conn)
}

/// Entries that the chain has gone past, at most a hundred.
pub(super) fn put_in(conn: &mut Conn, latest: i64) -> QueryResult<Vec<i64>> {
    let until = latest - late(conn);
    audit_log::table
        .filter(audit_log::seq.le(until))
        .filter(not(exists(audit_chain::table.filter(audit_chain::seq.eq(audit_log::seq)))))
        .order(audit_log::seq)
        .limit(100)
        .select(audit_log::seq)
        .load(conn)
}

pub(super) fn insert_links(conn: &mut Conn, rows: &[Link]) -> QueryResult<()> {
    // Each row binds four values, and SQLite takes 32,766.
    for some in rows.chunks(2000) {
        let values: Vec<_> = some
            .iter()
            .map(|(position, seq, words, hash)| {
                (audit_chain::position.eq(position), audit_chain::seq.eq(seq), audit_chain::words_hash.eq(words), audit_chain::hash.eq(hash))
            })
            .collect();
        on_either!(conn, inner => diesel::insert_into(audit_chain::table).values(values).execute(inner))?;
    }
    Ok(())
}

pub(super) fn links_after(conn: &mut Conn, position: i64, limit: i64) -> QueryResult<Vec<Link>> {
    audit_chain::table.filter(audit_chain::position.gt(position)).order(audit_chain::position).limit(limit).load(conn)
}

/// These entries, by number.
pub(super) fn lines(conn: &mut Conn, seqs: Vec<i64>) -> QueryResult<HashMap<i64, Line>> {
    let found: Vec<Line> = audit_log::table.filter(audit_log::seq.eq_any(seqs)).load(conn)?;
    Ok(found.into_iter().map(|line| (line.seq, line)).collect())
}

pub(super) fn has_hash(conn: &mut Conn, hash: &str) -> QueryResult<bool> {
    let found: Option<i64> = audit_chain::table.filter(audit_chain::hash.eq(hash)).select(audit_chain::position).first(conn).optional()?;
    Ok(found.is_some())
}

pub(super) fn hash_at(conn: &mut Conn, position: i64) -> QueryResult<Option<String>> {
    audit_chain::table.find(position).select(audit_chain::hash).first(conn).optional()
}

pub(super) fn has_head(conn: &mut Conn, day: &str) -> QueryResult<bool> {
    diesel::select(exists(audit_heads::table.find(day.to_owned()))).get_result(conn)
}

/// Keeps a head, unless another process was quicker.
pub(super) fn insert_head(conn: &mut Conn, head: &SignedHead) -> QueryResult<()> {
    on_either!(conn, inner => diesel::insert_into(audit_heads::table).values(head.clone()).on_conflict_do_nothing().execute(inner))?;
    Ok(())
}

/// The newest first.
pub(super) fn heads(conn: &mut Conn, limit: i64) -> QueryResult<Vec<SignedHead>> {
    audit_heads::table.order(audit_heads::day.desc()).limit(limit).load(conn)
}

/// Whether an entry is about somebody who was erased.
pub(super) fn is_of_erased(conn: &mut Conn, line: &Line) -> QueryResult<bool> {
    let id = line.target_id.as_str();
    let contact: Option<Option<String>> = match line.target_kind.as_str() {
        "contact" => Some(Some(id.to_owned())),
        "message" => messages::table.find(id).select(messages::contact_id.nullable()).first(conn).optional()?,
        "fact" => facts::table.find(id).select(facts::contact_id).first(conn).optional()?,
        "churn_event" => churn_events::table.find(id).select(churn_events::contact_id).first(conn).optional()?,
        _ => None,
    };
    let Some(contact) = contact.flatten() else { return Ok(false) };
    let erased: Option<String> =
        contacts::table.find(contact).filter(contacts::erased_at.is_not_null()).select(contacts::id).first(conn).optional()?;
    Ok(erased.is_some())
}

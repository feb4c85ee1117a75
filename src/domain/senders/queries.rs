//! SQL of looks at sender domains.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::sender_domains;

use super::Look;

pub(super) fn look(conn: &mut Conn, domain: &str) -> QueryResult<Option<Look>> {
    sender_domains::table.find(domain).first(conn).optional()
}

pub(super) fn looks(conn: &mut Conn) -> QueryResult<Vec<Look>> {
    sender_domains::table.order(sender_domains::domain).load(conn)
}

pub(super) fn fresh(conn: &mut Conn, since: Time) -> QueryResult<Vec<String>> {
    sender_domains::table.filter(sender_domains::checked_at.ge(since)).select(sender_domains::domain).load(conn)
}

pub(super) fn put(conn: &mut Conn, look: &Look) -> QueryResult<()> {
    let changed = diesel::update(sender_domains::table.find(&look.domain)).set(look.clone()).execute(conn)?;
    if changed == 0 {
        diesel::insert_into(sender_domains::table).values(look.clone()).execute(conn)?;
    }
    Ok(())
}

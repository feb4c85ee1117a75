//! SQL of what mails say of where they come from.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use super::header::Statement;
use super::keys::Key;
use super::pseudonym;
use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::provenance_keys;
use crate::db::statement;
use crate::domain::ids::MessageId;
use crate::on_either;

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Text)]
    pub message_id: String,
    #[diesel(sql_type = BigInt)]
    pub issued_at: i64,
    #[diesel(sql_type = Text)]
    origin: String,
    #[diesel(sql_type = Text)]
    editor_kind: String,
    #[diesel(sql_type = Text)]
    mode: String,
    #[diesel(sql_type = Text)]
    cleared_by: String,
    #[diesel(sql_type = Integer)]
    policy_version: i32,
    #[diesel(sql_type = Nullable<Text>)]
    decision_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    actor_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    actor_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    role: Option<String>,
}

impl Row {
    pub(super) fn statement(self, pseudonyms: &str) -> Statement {
        Statement {
            edited: self.editor_kind == "user" && self.origin != "person",
            origin: self.origin,
            mode: self.mode,
            cleared: self.cleared_by,
            decision: self.decision_id,
            role: self.role.or(self.actor_kind),
            approver: self.actor_id.map(|id| pseudonym(pseudonyms, &id)),
            policy: self.policy_version,
        }
    }
}

pub(super) fn statements(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<Row>> {
    let mut statement = statement::Statement::kept();
    statement.push(
        "SELECT m.id AS message_id, m.origin, m.editor_kind, m.effective_mode AS mode, w.cleared_by, w.policy_version, w.issued_at, \
         w.decision_id, d.actor_kind, d.actor_id, u.role \
         FROM messages m JOIN warrants w ON w.message_id = m.id AND w.version = m.version \
         LEFT JOIN decisions d ON d.id = w.decision_id LEFT JOIN users u ON u.id = d.actor_id WHERE m.id",
    );
    statement.among(ids.iter().map(MessageId::as_str));
    statement.load(conn)
}

pub(super) fn current(conn: &mut Conn) -> QueryResult<Option<Key>> {
    provenance_keys::table.filter(provenance_keys::state.eq("current")).first(conn).optional()
}

pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<Key>> {
    provenance_keys::table.order(provenance_keys::created_at.desc()).load(conn)
}

/// Adds a key, unless another process was quicker.
pub(super) fn insert(conn: &mut Conn, key: &Key) -> QueryResult<usize> {
    on_either!(conn, inner => diesel::insert_into(provenance_keys::table).values(key.clone()).on_conflict_do_nothing().execute(inner))
}

/// Ends a key; its private half is gone.
pub(super) fn end(conn: &mut Conn, id: &str, state: &str, now: Time) -> QueryResult<usize> {
    diesel::update(provenance_keys::table.find(id).filter(provenance_keys::state.ne("withdrawn")))
        .set((provenance_keys::state.eq(state), provenance_keys::private_key.eq(None::<String>), provenance_keys::ended_at.eq(Some(now))))
        .execute(conn)
}

pub(super) fn set_private(conn: &mut Conn, id: &str, private: &str) -> QueryResult<()> {
    diesel::update(provenance_keys::table.find(id)).set(provenance_keys::private_key.eq(Some(private))).execute(conn).map(drop)
}

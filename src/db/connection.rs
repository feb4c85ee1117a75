//! The connection to either database.
#![expect(missing_docs, reason = "the derive writes items that cannot carry any")]

use diesel::{PgConnection, SqliteConnection};

#[derive(diesel::MultiConnection)]
pub enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

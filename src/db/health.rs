//! How the database is: its version, whether it keeps what is committed, which migrations it lacks.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::{Conn, Db, migrate, unsafe_setting};
use crate::clock::{self, Time};
use crate::db::statement::Statement;

/// What was found.
#[derive(Debug)]
pub struct Health {
    /// Product and version.
    pub version: String,
    /// A setting by which a power cut loses what was committed.
    pub unsafe_setting: Option<(String, String)>,
    /// The clock of the server, where it is another machine's.
    pub server_time: Option<Time>,
    /// This clock at that moment.
    pub asked_at: Time,
    /// Migrations that this version has and the database lacks.
    pub pending: Vec<String>,
    /// One that the database has and this version lacks.
    pub unknown: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = BigInt)]
    at: i64,
}

/// Looks at it.
pub fn look(db: &Db) -> QueryResult<Health> {
    db.read(|conn| {
        let before = clock::now();
        let mut statement = Statement::default();
        statement.push(match conn {
            Conn::Sqlite(_) => "SELECT 'SQLite ' || sqlite_version() AS version, CAST(0 AS BIGINT) AS at",
            Conn::Postgres(_) => {
                "SELECT 'PostgreSQL ' || current_setting('server_version') AS version, \
                 CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS at"
            }
        });
        let row = statement.load::<Row>(conn)?.into_iter().next().ok_or(diesel::result::Error::NotFound)?;
        let after = clock::now();
        let (pending, unknown) = migrate::difference(conn)?;
        Ok(Health {
            version: row.version,
            unsafe_setting: unsafe_setting(conn)?,
            server_time: (row.at > 0).then(|| Time::from_micros(row.at)),
            // The answer took as long to come as the question.
            asked_at: Time::from_micros(before.micros() / 2 + after.micros() / 2),
            pending,
            unknown,
        })
    })
}

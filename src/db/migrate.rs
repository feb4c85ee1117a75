//! Migrations, built into the binary and run on start.

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Db};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Why the database is not at this version.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer binary wrote it.
    #[error("The database was written by a newer version (migration {0} is unknown here). Start that version.")]
    TooNew(String),
    /// A migration failed; the transaction around it was undone.
    #[error("A migration failed: {0}")]
    Failed(String),
}

/// Brings the database to this version. Several processes may call it at once.
pub fn run(db: &Db) -> Result<(), MigrateError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| MigrateError::Failed(error.to_string());
    let _turn = db.turn();
    let mut conn = db.connection().map_err(|error| failed(error.into()))?;
    match &mut *conn {
        Conn::Sqlite(inner) => {
            refuse_newer(&inner.applied_migrations().map_err(failed)?, &SQLITE)?;
            inner.run_pending_migrations(SQLITE).map(drop).map_err(failed)
        }
        Conn::Postgres(inner) => {
            use diesel::connection::SimpleConnection;
            // An arbitrary constant that names "Countersign migrates" on this server.
            inner.batch_execute("SELECT pg_advisory_lock(72430019)").map_err(|e| failed(e.into()))?;
            let done = refuse_newer(&inner.applied_migrations().map_err(failed)?, &POSTGRES)
                .and_then(|()| inner.run_pending_migrations(POSTGRES).map(drop).map_err(failed));
            inner.batch_execute("SELECT pg_advisory_unlock(72430019)").map_err(|e| failed(e.into()))?;
            done
        }
    }
}

/// Migrations that this version has and the database lacks, and the first that the database has and this version lacks.
/// Nothing is run.
pub(super) fn difference(conn: &mut Conn) -> diesel::QueryResult<(Vec<String>, Option<String>)> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| diesel::result::Error::QueryBuilderError(error);
    let applied: Vec<String> = match conn {
        Conn::Sqlite(inner) => inner.applied_migrations().map_err(failed)?.iter().map(ToString::to_string).collect(),
        Conn::Postgres(inner) => inner.applied_migrations().map_err(failed)?.iter().map(ToString::to_string).collect(),
    };
    let known: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> = SQLITE.migrations().map_err(failed)?;
    let known: Vec<(String, String)> = known.iter().map(|one| (one.name().version().to_string(), one.name().to_string())).collect();
    let mut pending: Vec<String> = known.iter().filter(|(version, _)| !applied.contains(version)).map(|(_, name)| name.clone()).collect();
    pending.sort();
    Ok((pending, applied.into_iter().find(|version| known.iter().all(|(known, _)| known != version))))
}

fn refuse_newer(applied: &[MigrationVersion<'_>], known: &EmbeddedMigrations) -> Result<(), MigrateError> {
    let known: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> = known.migrations().map_err(|error| MigrateError::Failed(error.to_string()))?;
    match applied.iter().find(|version| known.iter().all(|m| m.name().version() != **version)) {
        Some(version) => Err(MigrateError::TooNew(version.to_string())),
        None => Ok(()),
    }
}

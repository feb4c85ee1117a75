//! Everything that knows there are two databases.

mod connection;
pub mod functions;
pub mod migrate;
pub mod schema;
pub mod statement;
pub mod types;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2;
use diesel::{Connection, PgConnection, SqliteConnection};

pub use connection::Conn;

/// Runs one expression on whichever connection is there, for the few diesel
/// features that the combined connection lacks.
#[macro_export]
macro_rules! on_either {
    ($conn:expr, $inner:ident => $body:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($inner) => $body,
            $crate::db::Conn::Postgres($inner) => $body,
        }
    };
}

/// Runs `work` in one transaction, or in a savepoint when one is open already.
/// On SQLite it begins IMMEDIATE: a transaction that starts by reading and then
/// writes would otherwise fail at once whenever another writer was quicker.
pub fn transaction<T, E>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<diesel::result::Error>,
{
    match conn {
        Conn::Sqlite(inner) => {
            let depth = AnsiTransactionManager::transaction_manager_status_mut(inner).transaction_depth()?;
            if depth.is_none() {
                AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?;
            } else {
                AnsiTransactionManager::begin_transaction(inner)?;
            }
        }
        Conn::Postgres(inner) => AnsiTransactionManager::begin_transaction(inner)?,
    }
    match work(conn) {
        Ok(value) => {
            on_either!(conn, inner => AnsiTransactionManager::commit_transaction(inner))?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one to report; a failed rollback breaks the
            // connection, which the pool then throws away.
            let _ = on_either!(conn, inner => AnsiTransactionManager::rollback_transaction(inner));
            Err(error)
        }
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database we know.
    #[error("DATABASE__URL must start with sqlite:// or postgres://; got \"{0}\".")]
    UnknownScheme(String),
    /// The server or the file refused.
    #[error("The database could not be opened: {0}")]
    Connection(#[from] diesel::ConnectionError),
    /// A setting could not be made.
    #[error("The database refused a setting: {0}")]
    Query(#[from] diesel::result::Error),
    /// Committed rows could be lost in a power cut.
    #[error("{0} is off; a power cut could lose approvals. Switch it on.")]
    UnsafeDurability(String),
}

/// Opens connections to one database URL.
#[derive(Debug, Clone)]
pub struct Manager {
    url: String,
}

impl Manager {
    fn open(&self) -> Result<Conn, OpenError> {
        if let Some(path) = self.url.strip_prefix("sqlite://") {
            let mut conn = SqliteConnection::establish(path)?;
            conn.batch_execute(
                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY;",
            )?;
            return Ok(Conn::Sqlite(conn));
        }
        if self.url.starts_with("postgres://") || self.url.starts_with("postgresql://") {
            return Ok(Conn::Postgres(PgConnection::establish(&self.url)?));
        }
        let scheme = self.url.split_once("://").map_or("no scheme", |(scheme, _)| scheme);
        Err(OpenError::UnknownScheme(scheme.to_owned()))
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Conn;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<Conn, r2d2::Error> {
        self.open().map_err(|error| match error {
            OpenError::Connection(error) => r2d2::Error::ConnectionError(error),
            OpenError::Query(error) => r2d2::Error::QueryError(error),
            other => r2d2::Error::ConnectionError(diesel::ConnectionError::BadConnection(other.to_string())),
        })
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), r2d2::Error> {
        conn.batch_execute("SELECT 1").map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        on_either!(conn, inner => AnsiTransactionManager::is_broken_transaction_manager(inner))
    }
}

/// The pool, and on SQLite the queue of the one writer.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Manager>,
    writer: Option<Arc<Mutex<()>>>,
    url: String,
}

impl Db {
    /// Opens the pool after one trial connection, so that a wrong URL is refused
    /// with its cause and at once.
    pub fn open(url: &str, connections: u32) -> Result<Db, OpenError> {
        let manager = Manager { url: url.to_owned() };
        let mut first = manager.open()?;
        refuse_unsafe_durability(&mut first)?;
        let pool = r2d2::Pool::builder()
            .max_size(connections)
            .min_idle(Some(1))
            .test_on_check_out(!url.starts_with("sqlite://"))
            .connection_timeout(Duration::from_secs(15))
            .build_unchecked(manager);
        let writer = url.starts_with("sqlite://").then(|| Arc::new(Mutex::new(())));
        Ok(Db { pool, writer, url: url.to_owned() })
    }

    /// The URL this pool opens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs `work` with a connection, for reading.
    pub fn read<T, E>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
    where
        E: From<diesel::result::Error>,
    {
        let mut conn = self.connection()?;
        work(&mut conn)
    }

    /// Empties the write-ahead log on SQLite, so that what was erased is in no file any more. A reader that is in
    /// the middle of something may keep a part of it until the next call.
    pub fn forget(&self) -> Result<(), diesel::result::Error> {
        let _turn = self.turn();
        match &mut *self.connection()? {
            Conn::Sqlite(inner) => inner.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)"),
            Conn::Postgres(_) => Ok(()),
        }
    }

    /// Runs `work` in one writing transaction.
    pub fn write<T, E>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
    where
        E: From<diesel::result::Error>,
    {
        let _turn = self.turn();
        let mut conn = self.connection()?;
        transaction(&mut conn, work)
    }

    /// SQLite has one writer: waiting here in line beats polling a locked file.
    fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.writer.as_ref().map(|writer| writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn connection(&self) -> Result<r2d2::PooledConnection<Manager>, diesel::result::Error> {
        self.pool.get().map_err(|error| {
            tracing::error!(%error, "no database connection");
            diesel::result::Error::BrokenTransactionManager
        })
    }
}

fn refuse_unsafe_durability(conn: &mut Conn) -> Result<(), OpenError> {
    use diesel::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
        #[diesel(sql_type = diesel::sql_types::Text)]
        setting: String,
    }
    let Conn::Postgres(inner) = conn else { return Ok(()) };
    let rows: Vec<Row> = diesel::sql_query("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')").load(inner)?;
    match rows.into_iter().find(|row| row.setting == "off") {
        Some(row) => Err(OpenError::UnsafeDurability(row.name)),
        None => Ok(()),
    }
}

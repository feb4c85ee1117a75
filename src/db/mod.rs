//! Everything that knows there are two databases.

mod connection;
pub mod copy;
mod forget;
pub mod functions;
pub mod health;
pub mod journal;
pub mod mark;
pub mod migrate;
pub mod schema;
pub mod seal;
mod stamp;
pub mod statement;
pub mod types;
mod upkeep;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2;
use diesel::{Connection, PgConnection, SqliteConnection};

pub use connection::Conn;
pub use forget::ForgetError;
pub use stamp::{Stamp, Touched};
pub use writer::OnDisk;

use journal::Journal;
use mark::MarkFile;
use seal::SealingKey;
use upkeep::Upkeep;
use writer::{Turn, Writer};

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

/// Octets of a SQLite file that are mapped into memory: worth three to four times on pages.
const MAPPED: u64 = 256 * 1024 * 1024;
/// Between two looks for rings: a read of a socket that has nothing to say.
const LISTEN_EVERY: Duration = Duration::from_millis(2);
/// So many looks, and the connection is tried.
const LOOKS_OF_A_LIFE: u32 = 5000;
/// Between two attempts to listen.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database we know.
    #[error("DATABASE__URL must start with sqlite:// or postgres://; got \"{0}\".")]
    UnknownScheme(String),
    /// The server or the file refused.
    #[error("The database could not be opened: {0}")]
    Connection(#[from] diesel::ConnectionError),
    /// The system has no room for what runs beside it.
    #[error("The thread that looks after the database could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A setting could not be made.
    #[error("The database refused a setting: {0}")]
    Query(#[from] diesel::result::Error),
    /// Committed rows could be lost in a power cut.
    #[error("{0} is {1}; a power cut could lose approvals. Switch it on, or keep the database where it can be.")]
    UnsafeDurability(String, String),
}

/// Opens connections to one database URL.
#[derive(Debug, Clone)]
pub struct Manager {
    url: String,
    mapped: u64,
}

impl Manager {
    fn open(&self) -> Result<Conn, OpenError> {
        if let Some(path) = self.url.strip_prefix("sqlite://") {
            make_private(path);
            let mut conn = open_file(path, self.mapped)?;
            watch(&mut conn);
            return Ok(Conn::Sqlite(conn));
        }
        if self.url.starts_with("postgres://") || self.url.starts_with("postgresql://") {
            let mut conn = PgConnection::establish(&self.url)?;
            // To start helpers or to compile takes ten times as long as what is asked here.
            conn.batch_execute("SET max_parallel_workers_per_gather = 0; SET jit = off")?;
            watch(&mut conn);
            return Ok(Conn::Postgres(conn));
        }
        let scheme = self.url.split_once("://").map_or("no scheme", |(scheme, _)| scheme);
        Err(OpenError::UnknownScheme(scheme.to_owned()))
    }
}

/// Makes the file of a new database readable by whoever runs this alone: SQLite would let the whole machine read it. Where the
/// file cannot be made, SQLite says why.
fn make_private(path: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    drop(std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path));
}

/// A connection to SQLite with the settings that all of them have.
fn open_file(path: &str, mapped: u64) -> Result<SqliteConnection, OpenError> {
    let mut conn = SqliteConnection::establish(path)?;
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA mmap_size = {mapped}; PRAGMA cache_size = {}; \
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = {};",
        if mapped > 0 { -16384 } else { -4096 },
        upkeep::AT_THE_LATEST,
    ))?;
    Ok(conn)
}

/// A test can kill the process before and after each statement.
#[cfg(debug_assertions)]
fn watch(conn: &mut impl Connection) {
    use diesel::connection::InstrumentationEvent::{FinishQuery, StartQuery};
    conn.set_instrumentation(|event: diesel::connection::InstrumentationEvent<'_>| {
        if matches!(event, StartQuery { .. } | FinishQuery { .. }) {
            crate::failpoints::reach("statement");
        }
    });
}

#[cfg(not(debug_assertions))]
fn watch(_: &mut impl Connection) {}

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

/// The pool, and what a file needs besides.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Manager>,
    file: Option<OneFile>,
    beside: Arc<Beside>,
    key: Option<Arc<SealingKey>>,
    url: String,
}

/// What SQLite needs: its one writer, and somebody who looks after its files.
#[derive(Clone)]
struct OneFile {
    writer: Arc<Writer>,
    upkeep: Arc<Upkeep>,
}

/// The files beside the database.
#[derive(Debug, Default)]
pub struct Beside {
    /// How far the database had come; only where mail leaves from.
    pub mark: Option<MarkFile>,
    /// Whom it must not mail.
    pub journal: Option<Journal>,
}

impl Db {
    /// Opens the pool after one trial connection, so that a wrong URL is refused
    /// with its cause and at once.
    pub fn open(url: &str, connections: u32) -> Result<Db, OpenError> {
        Self::open_mapped(url, connections, MAPPED)
    }

    /// The same without mapping the file into memory: for a process that shows no pages and should stay small.
    pub fn open_lean(url: &str, connections: u32) -> Result<Db, OpenError> {
        Self::open_mapped(url, connections, 0)
    }

    fn open_mapped(url: &str, connections: u32, mapped: u64) -> Result<Db, OpenError> {
        let manager = Manager { url: url.to_owned(), mapped };
        let mut first = manager.open()?;
        refuse_unsafe_durability(&mut first)?;
        let pool = r2d2::Pool::builder()
            .max_size(connections)
            .min_idle(Some(1))
            .test_on_check_out(!url.starts_with("sqlite://"))
            .connection_timeout(Duration::from_secs(15))
            .build_unchecked(manager.clone());
        let file = match url.strip_prefix("sqlite://") {
            Some(path) => {
                let writer = Arc::new(Writer::new(manager, first));
                Some(OneFile { upkeep: Arc::new(Upkeep::start(path, Arc::clone(&writer))?), writer })
            }
            None => None,
        };
        Ok(Db { pool, file, beside: Arc::default(), key: None, url: url.to_owned() })
    }

    /// The same with the files beside it.
    #[must_use]
    pub fn with_beside(self, beside: Beside) -> Db {
        Db { beside: Arc::new(beside), ..self }
    }

    /// The same with the key of what lies in it sealed.
    #[must_use]
    pub fn with_key(self, key: SealingKey) -> Db {
        Db { key: Some(Arc::new(key)), ..self }
    }

    /// Whether the key of what lies in it sealed is here.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Whether it is one file, which can lie beside others.
    pub fn is_a_file(&self) -> bool {
        self.file.is_some()
    }

    /// The file that says how far it had come, where mail leaves from here.
    pub fn mark(&self) -> Option<&MarkFile> {
        self.beside.mark.as_ref()
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
        seal::use_key(self.key.clone());
        work(&mut conn)
    }

    /// Runs `work` in one writing transaction.
    pub fn write<T, E>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
    where
        E: From<diesel::result::Error>,
    {
        self.write_stamped(OnDisk::Now, |conn, _| work(conn).map(|done| (done, Touched::Anything))).map(|(done, _)| done)
    }

    /// The same for what knows what it touched, and when it must be on the disk: it is handed the stamp of this moment, and
    /// gives the one after it. There is none on PostgreSQL, where others commit meanwhile.
    pub fn write_stamped<T, E>(
        &self,
        on_disk: OnDisk,
        work: impl FnOnce(&mut Conn, Option<Stamp>) -> Result<(T, Touched), E>,
    ) -> Result<(T, Option<Stamp>), E>
    where
        E: From<diesel::result::Error>,
    {
        let Some(file) = &self.file else {
            let work = |conn: &mut Conn| {
                if on_disk == OnDisk::WithTheNext {
                    conn.batch_execute("SET LOCAL synchronous_commit = off")?;
                }
                work(conn, None)
            };
            return self.commit(&mut *self.connection()?, work).map(|(done, _)| (done, None));
        };
        let mut turn = file.writer.turn();
        turn.open()?;
        let before = turn.stamp(0);
        let mut elsewhere = 0;
        let done = turn.with(on_disk, |conn| {
            self.commit(conn, |conn| {
                elsewhere = stamp::elsewhere(conn)?;
                work(conn, Some(Stamp { elsewhere, ..before }))
            })
        });
        // Whether a commit that failed took effect is not known.
        turn.touched(done.as_ref().map_or(Touched::Anything, |(_, touched)| *touched));
        let after = turn.stamp(elsewhere);
        drop(turn);
        let (done, _) = done?;
        file.upkeep.committed();
        Ok((done, Some(after)))
    }

    /// The stamp of this moment; none on PostgreSQL.
    pub fn stamp(&self) -> Result<Option<Stamp>, diesel::result::Error> {
        let Some(file) = &self.file else { return Ok(None) };
        let mut turn = file.writer.turn();
        let elsewhere = turn.with(OnDisk::Now, stamp::elsewhere)?;
        Ok(Some(turn.stamp(elsewhere)))
    }

    fn commit<T, E>(&self, conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
    where
        E: From<diesel::result::Error>,
    {
        journal::begin();
        seal::use_key(self.key.clone());
        transaction(conn, |conn| {
            let done = work(conn)?;
            self.keep_noted()?;
            Ok(done)
        })
    }

    /// Puts what the transaction noted on the disk, before it commits: what is in the journal only speaks against mail,
    /// so that one line too many does no harm and one too few would.
    fn keep_noted(&self) -> Result<(), diesel::result::Error> {
        match &self.beside.journal {
            Some(journal) => journal.append(&journal::noted()).map_err(|error| {
                tracing::error!(%error, "the journal of suppressions cannot be written");
                diesel::result::Error::SerializationError(Box::new(error))
            }),
            None => Ok(()),
        }
    }

    /// Calls `heard` whenever somebody rings on this channel, until `stopped`. Returns at once on SQLite, where nobody can.
    pub fn listen(&self, channel: &'static str, stopped: impl Fn() -> bool, heard: impl Fn()) {
        let postgres = self.file.is_none();
        while postgres && !stopped() {
            if let Err(error) = self.hear(channel, &stopped, &heard) {
                tracing::warn!(%error, "other processes are not heard; it is tried again");
                std::thread::sleep(LISTEN_AGAIN);
            }
        }
    }

    fn hear(&self, channel: &'static str, stopped: &impl Fn() -> bool, heard: &impl Fn()) -> Result<(), OpenError> {
        let Conn::Postgres(mut conn) = (Manager { url: self.url.clone(), mapped: 0 }).open()? else { return Ok(()) };
        conn.batch_execute(&format!("LISTEN {channel}"))?;
        // What was put there before this connection listened.
        heard();
        let mut looks = 0_u32;
        while !stopped() {
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(LOOKS_OF_A_LIFE) {
                // A connection that died tells nobody.
                conn.batch_execute("SELECT 1")?;
            }
            let mut rings = 0;
            for ring in conn.notifications_iter() {
                ring?;
                rings += 1;
            }
            if rings > 0 {
                heard();
            }
            std::thread::sleep(LISTEN_EVERY);
        }
        Ok(())
    }

    /// Nobody else writes while it lasts. PostgreSQL needs none.
    fn turn(&self) -> Option<Turn<'_>> {
        self.file.as_ref().map(|file| file.writer.turn())
    }

    fn connection(&self) -> Result<r2d2::PooledConnection<Manager>, diesel::result::Error> {
        self.pool.get().map_err(|error| {
            tracing::error!(%error, "no database connection");
            diesel::result::Error::BrokenTransactionManager
        })
    }
}

fn refuse_unsafe_durability(conn: &mut Conn) -> Result<(), OpenError> {
    match unsafe_setting(conn)? {
        Some((name, setting)) => Err(OpenError::UnsafeDurability(name, setting)),
        None => Ok(()),
    }
}

/// A setting by which a power cut loses what was committed, and its value.
fn unsafe_setting(conn: &mut Conn) -> diesel::QueryResult<Option<(String, String)>> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
        #[diesel(sql_type = diesel::sql_types::Text)]
        setting: String,
    }
    let mut statement = statement::Statement::default();
    statement.push(match conn {
        // SQLite keeps to itself that a file system has no shared memory, and goes on without the log.
        Conn::Sqlite(_) => {
            "SELECT 'journal_mode' AS name, journal_mode AS setting FROM pragma_journal_mode() \
             UNION ALL SELECT 'synchronous', CAST(synchronous AS TEXT) FROM pragma_synchronous()"
        }
        Conn::Postgres(_) => "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')",
    });
    let unsafe_one = |row: &Row| match row.name.as_str() {
        "journal_mode" => row.setting != "wal",
        "synchronous" => row.setting != "2",
        _ => row.setting == "off",
    };
    Ok(statement.load::<Row>(conn)?.into_iter().find(unsafe_one).map(|row| (row.name, row.setting)))
}

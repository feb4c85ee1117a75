//! What SQLite does by itself in whoever commits, a thread of its own does here: putting the log back into the file, and merging the
//! pieces of the word indexes. Otherwise one commit in a hundred waits for thousands of pages.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Integer, Text};
use diesel::{QueryResult, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};

use super::writer::{OnDisk, Writer};
use super::{Conn, OpenError};
use crate::clock;

/// Pages of the log after which whoever commits puts them back after all, should the thread not come to it.
pub(super) const AT_THE_LATEST: i32 = 200_000;
/// From so many pages on writers wait while the last of it is put back, so that the log starts anew: each sync of a file that
/// grows takes longer than one of a file that is written over.
const LONG: i32 = 4_000;
/// Fewer pages that came in the meantime may be put back while writers wait.
const FEW: i32 = 200;
/// Between two rounds: a page that is written again and again is put back once.
const PAUSE: Duration = Duration::from_millis(250);
/// Pages of a word index that are merged in one transaction; writers wait so long.
const MERGED_AT_ONCE: i32 = 16;
/// Between two such transactions, at the least: those who wait for their turn take it.
const LET_OTHERS: Duration = Duration::from_millis(2);
/// So many times as long as one lasted, others have the next turns. It ends only between two words, and a word that stands in
/// millions of messages takes tenths of a second.
const SHARE: u32 = 3;
/// Such transactions in one round.
const MERGES: usize = 32;

/// The thread. It ends with the pool it belongs to.
#[derive(Debug)]
pub(super) struct Upkeep {
    written: Arc<AtomicBool>,
    busy: Arc<Mutex<()>>,
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// For the file at this path, which is written to here.
    pub(super) fn start(path: &str, writer: Arc<Writer>) -> std::io::Result<Upkeep> {
        let (written, busy) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(())));
        let (ended, end) = channel();
        let rounds = Rounds { path: path.to_owned(), written: Arc::clone(&written), busy: Arc::clone(&busy), writer };
        let thread = std::thread::Builder::new().name("upkeep".into()).spawn(move || {
            let mut conn = None;
            while end.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = rounds.round(&mut conn) {
                    tracing::warn!(%error, "what the database needs looking after is tried again");
                    conn = None;
                }
            }
        })?;
        Ok(Upkeep { written, busy, ended: Some(ended), thread: Some(thread) })
    }

    /// Something was committed.
    pub(super) fn committed(&self) {
        self.written.store(true, Ordering::Relaxed);
    }

    /// Nothing is put back while this is held: of two who do it at once, one would be refused.
    pub(super) fn pause(&self) -> MutexGuard<'_, ()> {
        held(&self.busy)
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.ended = None;
        if let Some(thread) = self.thread.take() {
            // Whoever opens the file next finds nobody in it. A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

/// What the thread works with.
struct Rounds {
    path: String,
    written: Arc<AtomicBool>,
    busy: Arc<Mutex<()>>,
    writer: Arc<Writer>,
}

impl Rounds {
    fn round(&self, opened: &mut Option<SqliteConnection>) -> Result<(), OpenError> {
        if !self.written.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let _busy = held(&self.busy);
        let conn = match opened {
            Some(conn) => conn,
            none => none.insert(super::open_file(&self.path, 0)?),
        };
        self.merge(conn)?;
        let log = put_back(conn)?;
        if log > LONG {
            catch_up(conn, log)?;
            let _turn = self.writer.turn();
            put_back(conn)?;
        }
        Ok(())
    }

    /// Merges pieces of the word indexes until few are left, or enough was done for now. In between others write.
    fn merge(&self, conn: &mut SqliteConnection) -> Result<(), OpenError> {
        #[derive(QueryableByName)]
        struct Index {
            #[diesel(sql_type = Text)]
            name: String,
        }
        let all = sql_query("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE % USING fts5 %' ORDER BY name");
        for Index { name } in all.load(conn)? {
            let step = format!("INSERT INTO {name} ({name}, rank) VALUES ('merge', {MERGED_AT_ONCE})");
            for _ in 0..MERGES {
                let mut turn = self.writer.turn();
                let began = clock::uptime();
                // Merged pieces hold the same words, so nothing was touched.
                let changed = turn.with(OnDisk::Now, |conn| changes_of(conn, &step))?;
                drop(turn);
                std::thread::sleep(LET_OTHERS.max((clock::uptime() - began) * SHARE));
                // FTS5 documents it: where nothing is left to merge, the statement itself is the one change.
                if changed < 2 {
                    break;
                }
                self.written.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// Rows that a statement changes.
fn changes_of(conn: &mut Conn, statement: &str) -> QueryResult<i32> {
    let changes = |conn: &mut Conn| diesel::select(diesel::dsl::sql::<Integer>("total_changes()")).get_result::<i32>(conn);
    let before = changes(conn)?;
    conn.batch_execute(statement)?;
    Ok(changes(conn)? - before)
}

/// Puts back what came meanwhile, until little comes or no less than the time before. What a reader still looks at stays.
fn catch_up(conn: &mut SqliteConnection, mut log: i32) -> Result<(), OpenError> {
    let mut came = i32::MAX;
    loop {
        // A round knows only what was there when it began.
        let now = put_back(conn)?;
        let more = now - log;
        if more <= FEW || more >= came {
            return Ok(());
        }
        (log, came) = (now, more);
    }
}

/// Puts back what is there. Returns the pages in the log when it began.
fn put_back(conn: &mut SqliteConnection) -> Result<i32, OpenError> {
    #[derive(QueryableByName)]
    struct Log {
        #[diesel(sql_type = Integer)]
        log: i32,
    }
    Ok(sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result::<Log>(conn)?.log)
}

fn held(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

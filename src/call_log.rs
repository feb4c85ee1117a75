//! Writes the log of calls in groups, so that a call that reads costs no write of its own.
//!
//! A call takes a place before it runs and puts its row there when it ends. Rows wait in memory for a
//! quarter of a second at most; a process that is killed loses those. Where the database takes none, places run out,
//! and calls are refused before they run: no call goes unlogged.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::db::Db;
use crate::domain::calls::{self, Call};

/// Rows that may wait, and calls that may run, together.
const PLACES: usize = 4096;
/// Rows that are written without waiting for more.
const GROUP: usize = 500;
/// Longest a row waits for others.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Longest a call waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time between two tries to write.
const PAUSE: Duration = Duration::from_millis(500);
/// Tries to write at the end, when nobody can wait any longer.
const LAST_TRIES: u32 = 3;

/// The log, shared by all surfaces of a process.
#[derive(Clone)]
pub struct CallLog(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    rows: Mutex<Rows>,
    /// Rings for the writer.
    came: Condvar,
    /// Rings when a group was written.
    written: Condvar,
}

#[derive(Default)]
struct Rows {
    waiting: Vec<(Call, OwnedSemaphorePermit)>,
    /// Rows the writer has in hand.
    in_hand: usize,
    hurry: bool,
    closed: bool,
}

impl Shared {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the log for one call. Given back unused, it leaves no row.
pub struct Place {
    log: CallLog,
    permit: OwnedSemaphorePermit,
}

impl Place {
    /// Hands in the row.
    pub fn fill(self, call: Call) {
        let mut rows = self.log.0.shared.rows();
        rows.waiting.push((call, self.permit));
        drop(rows);
        self.log.0.shared.came.notify_one();
    }
}

impl CallLog {
    /// Starts the writer, which ends with the last copy of this.
    pub fn start(db: Db) -> std::io::Result<CallLog> {
        let shared = Arc::new(Shared { rows: Mutex::default(), came: Condvar::new(), written: Condvar::new() });
        let of_writer = shared.clone();
        let writer = std::thread::Builder::new().name("call-log".to_owned()).spawn(move || write(&db, &of_writer))?;
        Ok(CallLog(Arc::new(Handle { shared, places: Arc::new(Semaphore::new(PLACES)), writer: Mutex::new(Some(writer)) })))
    }

    /// A place, as soon as there is one; none where the log has been full for five seconds.
    pub async fn place(&self) -> Option<Place> {
        let permit = tokio::time::timeout(PATIENCE, self.0.places.clone().acquire_owned()).await.ok()?.ok()?;
        Some(Place { log: self.clone(), permit })
    }

    /// Waits until everything handed in so far is written.
    pub fn flush(&self) {
        let mut rows = self.0.shared.rows();
        rows.hurry = true;
        self.0.shared.came.notify_one();
        let idle = |rows: &mut Rows| !rows.waiting.is_empty() || rows.in_hand > 0;
        drop(self.0.shared.written.wait_while(rows, idle));
    }
}

impl fmt::Debug for CallLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallLog")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.rows().closed = true;
        self.shared.came.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer of the log of calls ended badly");
        }
    }
}

fn write(db: &Db, shared: &Shared) {
    loop {
        let rows = shared.rows();
        let rows = shared.came.wait_while(rows, |rows| rows.waiting.is_empty() && !rows.closed).unwrap_or_else(PoisonError::into_inner);
        let (mut rows, _) = shared
            .came
            .wait_timeout_while(rows, LONGEST_WAIT, |rows| rows.waiting.len() < GROUP && !rows.hurry && !rows.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if rows.waiting.is_empty() {
            return;
        }
        let count = rows.waiting.len().min(GROUP);
        let (group, permits): (Vec<Call>, Vec<OwnedSemaphorePermit>) = rows.waiting.drain(..count).unzip();
        rows.in_hand = count;
        drop(rows);
        keep(db, shared, &group);
        drop(permits);
        let mut rows = shared.rows();
        rows.in_hand = 0;
        rows.hurry &= !rows.waiting.is_empty();
        drop(rows);
        shared.written.notify_all();
    }
}

/// Writes a group, however long it takes.
fn keep(db: &Db, shared: &Shared, group: &[Call]) {
    let mut tries = 0;
    while let Err(error) = db.write(|conn| calls::record(conn, group)) {
        tries += 1;
        let closed = shared.rows().closed;
        tracing::error!(%error, rows = group.len(), "the log of calls could not be written; it is tried again");
        if closed && tries >= LAST_TRIES {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

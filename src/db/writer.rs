//! The one connection that writes to a SQLite file. What one connection commits empties the page cache of every other: with one
//! that writes, the pages that it needs again and again stay in its memory, and so do its prepared statements.

use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::r2d2::ManageConnection;

use super::{Conn, Manager, OpenError, Stamp, Touched};

/// When what a transaction wrote is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisk {
    /// Before anybody hears that it is committed.
    Now,
    /// With the next transaction of anybody that is on the disk at once. Until then a power cut forgets it, as a whole: for
    /// what nobody was told, and what means nothing without that next one.
    WithTheNext,
}

/// Those who write wait here in line, which beats polling a locked file.
pub(super) struct Writer {
    manager: Manager,
    held: Mutex<Held>,
}

/// What a turn is about.
struct Held {
    conn: Option<Conn>,
    /// How often something was written here on which checks may rest.
    here: u64,
    /// How often turns were counted here.
    turns: u64,
}

impl Writer {
    pub(super) fn new(manager: Manager, conn: Conn) -> Writer {
        Writer { manager, held: Mutex::new(Held { conn: Some(conn), here: 0, turns: 0 }) }
    }

    /// Waits in line.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn { manager: &self.manager, held: self.held.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

/// While it lasts, nobody else writes.
pub(super) struct Turn<'a> {
    manager: &'a Manager,
    held: MutexGuard<'a, Held>,
}

impl Turn<'_> {
    /// Runs `work` with the connection. One that broke in it, or in whose midst `work` panicked, is closed and another opened.
    pub(super) fn with<T, E: From<diesel::result::Error>>(&mut self, on_disk: OnDisk, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut conn = self.taken()?;
        let later = on_disk == OnDisk::WithTheNext;
        if later {
            conn.batch_execute("PRAGMA synchronous = NORMAL")?;
        }
        let done = work(&mut conn);
        // One that would go on without waiting for the disk is closed as well.
        let as_before = !later || conn.batch_execute("PRAGMA synchronous = FULL").is_ok();
        if as_before && !self.manager.has_broken(&mut conn) {
            self.held.conn = Some(conn);
        }
        done
    }

    fn taken(&mut self) -> Result<Conn, diesel::result::Error> {
        if let Some(conn) = self.held.conn.take() {
            return Ok(conn);
        }
        // A connection counts what others commit from when it was opened.
        self.touched(Touched::Anything);
        self.manager.open().map_err(|error| match error {
            OpenError::Query(error) => error,
            other => diesel::result::Error::QueryBuilderError(Box::new(other)),
        })
    }

    /// Opens the connection where there is none, so that no stamp is of the one before it.
    pub(super) fn open(&mut self) -> Result<(), diesel::result::Error> {
        let conn = self.taken()?;
        self.held.conn = Some(conn);
        Ok(())
    }

    /// Notes what was written.
    pub(super) fn touched(&mut self, what: Touched) {
        match what {
            Touched::Anything => self.held.here += 1,
            Touched::Turns => self.held.turns += 1,
            Touched::OwnRows => {}
        }
    }

    /// The stamp, by what the connection says that others committed.
    pub(super) fn stamp(&self, elsewhere: i64) -> Stamp {
        Stamp { elsewhere, here: self.held.here, turns: self.held.turns }
    }
}

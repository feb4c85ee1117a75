//! The one connection that writes to a SQLite file. What one connection commits empties the page cache of every other: with one
//! that writes, the pages that it needs again and again stay in its memory, and so do its prepared statements.

use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::r2d2::ManageConnection;

use super::{Conn, Manager, OpenError};

/// Those who write wait here in line, which beats polling a locked file.
pub(super) struct Writer {
    manager: Manager,
    conn: Mutex<Option<Conn>>,
}

impl Writer {
    pub(super) fn new(manager: Manager, conn: Conn) -> Writer {
        Writer { manager, conn: Mutex::new(Some(conn)) }
    }

    /// Waits in line.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn { manager: &self.manager, conn: self.conn.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

/// While it lasts, nobody else writes.
pub(super) struct Turn<'a> {
    manager: &'a Manager,
    conn: MutexGuard<'a, Option<Conn>>,
}

impl Turn<'_> {
    /// Runs `work` with the connection. One that broke in it, or in whose midst `work` panicked, is closed and another opened.
    pub(super) fn with<T, E: From<diesel::result::Error>>(&mut self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.manager.open().map_err(|error| match error {
                OpenError::Query(error) => error,
                other => diesel::result::Error::QueryBuilderError(Box::new(other)),
            })?,
        };
        let done = work(&mut conn);
        if !self.manager.has_broken(&mut conn) {
            *self.conn = Some(conn);
        }
        done
    }
}

//! A copy of a SQLite database as one file, taken while others write, and one put in the place of a database.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tempfile::NamedTempFile;

use super::Db;
use crate::clock;

/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// How long somebody else may hold the database before it counts as in use.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a copy was not made or not put in its place.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Something lies where the copy would.
    #[error("{0} is there already, and a backup writes over nothing. Name a file that is not there.")]
    There(PathBuf),
    /// A file cannot be read or written.
    #[error("{0} cannot be used: {1}.")]
    File(PathBuf, io::Error),
    /// The name cannot be given to SQLite.
    #[error("{0} cannot be used: its name must be UTF-8.")]
    Name(PathBuf),
    /// The copy is not whole.
    #[error("The copy is not whole: {0}. Nothing was kept. If it happens again, the database itself is damaged.")]
    Damaged(String),
    /// Not a database of this product.
    #[error("{0} is no backup of Countersign.")]
    Foreign(PathBuf),
    /// Changes lie in the log beside the file.
    #[error("{0} was copied while it was in use: its latest changes are in {0}-wal. Make a backup with countersign backup.")]
    Torn(PathBuf),
    /// Somebody has the database open.
    #[error("{0} is in use. Stop every countersign that works on it and try again.")]
    InUse(PathBuf),
    /// The database refused.
    #[error("The database refused: {0}.")]
    Database(#[from] diesel::result::Error),
    /// It could not be opened.
    #[error("The database could not be opened: {0}.")]
    Open(#[from] ConnectionError),
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

fn words(conn: &mut SqliteConnection, sql: &str) -> QueryResult<Vec<String>> {
    Ok(diesel::sql_query(sql).load::<Word>(conn)?.into_iter().map(|row| row.word).collect())
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |error| CopyError::File(path, error)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn opened(path: &Path) -> Result<SqliteConnection, CopyError> {
    let name = path.to_str().ok_or_else(|| CopyError::Name(path.to_owned()))?;
    let mut conn = SqliteConnection::establish(name)?;
    conn.batch_execute(&format!("PRAGMA busy_timeout = {};", PATIENCE.as_millis()))?;
    Ok(conn)
}

impl Db {
    /// Writes everything that is committed now into one new file beside `file`, whole and on the disk, readable by its owner
    /// alone; [`keep`] gives it its name. Nobody who writes waits for it.
    pub fn copy_beside(&self, file: &Path) -> Result<NamedTempFile, CopyError> {
        let folder = folder_of(file);
        let copy = NamedTempFile::new_in(folder).map_err(failed(folder))?;
        let name = copy.path().to_str().ok_or_else(|| CopyError::Name(copy.path().to_owned()))?.replace('\'', "''");
        // An empty file may be written into; so it has its permissions before anything is in it.
        self.read(|conn| crate::on_either!(conn, inner => inner.batch_execute(&format!("VACUUM INTO '{name}'"))))?;
        check(copy.path())?;
        // SQLite does not wait for the disk here.
        File::open(copy.path()).and_then(|file| file.sync_all()).map_err(failed(copy.path()))?;
        Ok(copy)
    }
}

/// Whether the file is a whole database of this product.
pub fn check(path: &Path) -> Result<(), CopyError> {
    let mut start = [0; 16];
    let read = File::open(path).map_err(failed(path))?.read(&mut start).map_err(failed(path))?;
    if read < start.len() || start != MAGIC {
        return Err(CopyError::Foreign(path.to_owned()));
    }
    let mut conn = opened(path)?;
    let damaged = |error: diesel::result::Error| CopyError::Damaged(error.to_string());
    let found =
        words(&mut conn, "SELECT name AS word FROM sqlite_master WHERE name IN ('__diesel_schema_migrations', 'audit_log')").map_err(damaged)?;
    if found.len() < 2 {
        return Err(CopyError::Foreign(path.to_owned()));
    }
    let said = words(&mut conn, "SELECT integrity_check AS word FROM pragma_integrity_check() LIMIT 3").map_err(damaged)?;
    if said != ["ok"] {
        return Err(CopyError::Damaged(said.join("; ")));
    }
    match words(&mut conn, "SELECT \"table\" AS word FROM pragma_foreign_key_check() LIMIT 1")?.first() {
        Some(table) => Err(CopyError::Damaged(format!("a row of {table} names another that is not there"))),
        None => Ok(()),
    }
}

/// Gives a file its name, unless something has it already.
pub fn keep(copy: NamedTempFile, file: &Path) -> Result<(), CopyError> {
    copy.persist_noclobber(file).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => CopyError::There(file.to_owned()),
        _ => CopyError::File(file.to_owned(), error.error),
    })?;
    // The name, too, must survive a power cut.
    File::open(folder_of(file)).and_then(|folder| folder.sync_all()).map_err(failed(file))
}

/// The bytes of a file in a new one beside `target`, on the disk.
pub fn duplicate(file: &Path, target: &Path) -> Result<NamedTempFile, CopyError> {
    let folder = folder_of(target);
    let mut copy = NamedTempFile::new_in(folder).map_err(failed(folder))?;
    let mut from = File::open(file).map_err(failed(file))?;
    io::copy(&mut from, &mut copy).map_err(failed(file))?;
    copy.as_file().sync_all().map_err(failed(folder))?;
    Ok(copy)
}

/// A backup as a new file beside the database whose place it takes. Refuses what is not whole.
pub fn duplicate_backup(backup: &Path, target: &Path) -> Result<NamedTempFile, CopyError> {
    if std::fs::metadata(beside(backup, "-wal")).is_ok_and(|wal| wal.len() > 0) {
        return Err(CopyError::Torn(backup.to_owned()));
    }
    let copy = duplicate(backup, target)?;
    check(copy.path()).map_err(|error| match error {
        CopyError::Foreign(_) => CopyError::Foreign(backup.to_owned()),
        other => other,
    })?;
    Ok(copy)
}

/// Makes sure that nobody has the database open, and that all of it is in its one file.
pub fn close_down(path: &Path) -> Result<(), CopyError> {
    let mut conn = opened(path)?;
    let began = clock::uptime();
    // SQLite itself does not wait in this step, and a pool that ended may close its last connection a moment later.
    while !leaves_its_log(&mut conn) {
        if clock::uptime() - began > PATIENCE {
            return Err(CopyError::InUse(path.to_owned()));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Leaving the write-ahead log needs the database for oneself.
fn leaves_its_log(conn: &mut SqliteConnection) -> bool {
    let left =
        conn.batch_execute("PRAGMA journal_mode = DELETE").and_then(|()| words(conn, "SELECT journal_mode AS word FROM pragma_journal_mode()"));
    left.is_ok_and(|mode| mode == ["delete"])
}

/// Makes room for a database: one that is there is renamed, where nobody has it open; its new name. What a lost one left
/// is renamed as well, because SQLite would read it into the next.
pub fn make_room(path: &Path, stamp: i64) -> Result<Option<PathBuf>, CopyError> {
    let aside = |path: &Path| {
        let aside = beside(path, &format!(".replaced-{stamp}"));
        std::fs::rename(path, &aside).map_err(failed(path)).map(|()| aside)
    };
    let kept = match std::fs::metadata(path) {
        Ok(there) if there.len() > 0 => {
            close_down(path)?;
            Some(aside(path)?)
        }
        Ok(_) => {
            std::fs::remove_file(path).map_err(failed(path))?;
            None
        }
        Err(_) => None,
    };
    for left in [beside(path, "-wal"), beside(path, "-shm")] {
        if left.exists() {
            aside(&left)?;
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_database_open_a_moment_longer_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut held = opened(&path).unwrap();
        held.batch_execute("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER);").unwrap();
        let holder = std::thread::spawn(move || {
            std::thread::sleep(PAUSE * 5);
            drop(held);
        });
        close_down(&path).unwrap();
        holder.join().unwrap();
        assert!(!beside(&path, "-wal").exists());
    }
}

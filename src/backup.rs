//! A backup of a SQLite database, taken while it works, and the way back. PostgreSQL makes its own (docs/OPERATIONS.md).

use std::path::{Path, PathBuf};

use crate::beside;
use crate::clock::Time;
use crate::db::copy::{self, CopyError};
use crate::db::{self, Db, OpenError};
use crate::domain::error::Error;
use crate::domain::installation;
use crate::domain::text;

/// Why there is no backup, or none was put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL has tools of its own.
    #[error(
        "This database is on PostgreSQL, which makes its own backups: pg_dump --format=custom --file=FILE, and pg_restore into an empty \
         database. Copy {0} along with it. A database that was put back starts stopped."
    )]
    Postgres(PathBuf),
    /// There is nothing to copy.
    #[error("There is no database at {0}. Look at database.url.")]
    NoDatabase(PathBuf),
    /// There is a database already.
    #[error("There is a database at {0}. Restore with --replace to put the backup in its place; the old one is then kept beside it.")]
    NotEmpty(PathBuf),
    /// A file was not copied or not put in its place.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is of another version.
    #[error(transparent)]
    Migrate(#[from] db::migrate::MigrateError),
    /// The database refused.
    #[error(transparent)]
    Domain(#[from] Error),
}

/// What a restore left behind.
#[derive(Debug)]
pub struct Restored {
    /// Where the database lies now that was there before.
    pub kept: Option<PathBuf>,
    /// Whether the journal of suppressions came from the backup, because there was none.
    pub journal_taken: bool,
}

fn path_of<'u>(url: &'u str, directory: &Path) -> Result<&'u Path, BackupError> {
    url.strip_prefix("sqlite://").map(Path::new).ok_or_else(|| BackupError::Postgres(beside::journal_of(url, directory)))
}

/// The journal that belongs to a backup lies beside it.
fn journal_beside(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(".suppressions");
    PathBuf::from(name)
}

/// Writes the database of this URL, as it is now, to a new file, and the journal of suppressions beside it.
pub fn make(url: &str, directory: &Path, backup: &Path) -> Result<(), BackupError> {
    let path = path_of(url, directory)?;
    if !path.exists() {
        return Err(BackupError::NoDatabase(path.to_owned()));
    }
    let journal = journal_beside(backup);
    for file in [backup, journal.as_path()] {
        if file.symlink_metadata().is_ok() {
            return Err(CopyError::There(file.to_owned()).into());
        }
    }
    let database = Db::open_lean(url, 1)?.copy_beside(backup)?;
    // After the database: what is committed there is in the journal by now.
    let lines = beside::journal_of(url, directory);
    if lines.exists() {
        copy::keep(copy::duplicate(&lines, &journal)?, &journal)?;
    }
    Ok(copy::keep(database, backup)?)
}

/// Puts a backup in the place of the database of this URL, stopped until an administrator confirms. A database that is there is put
/// aside where `replace` says so, and never where somebody has it open. A journal of suppressions that is there stays: it knows
/// who left since.
pub fn restore(url: &str, directory: &Path, backup: &Path, replace: bool, now: Time) -> Result<Restored, BackupError> {
    let path = path_of(url, directory)?;
    let there = std::fs::metadata(path).is_ok_and(|old| old.len() > 0);
    if there && !replace {
        return Err(BackupError::NotEmpty(path.to_owned()));
    }
    let found = copy::duplicate_backup(backup, path)?;
    let name = found.path().to_str().ok_or_else(|| CopyError::Name(path.to_owned()))?;
    {
        let db = Db::open_lean(&format!("sqlite://{name}"), 1)?;
        db::migrate::run(&db)?;
        let name = backup.file_name().map(|name| text::excerpt(&name.to_string_lossy())).unwrap_or_default();
        db.write(|conn| installation::put_back(conn, &name, now))?;
    }
    copy::close_down(found.path())?;
    let kept = copy::make_room(path, now.micros())?;
    let journal = beside::journal_of(url, directory);
    let journal_taken = journal_beside(backup).exists() && !journal.exists();
    if journal_taken {
        copy::keep(copy::duplicate(&journal_beside(backup), &journal)?, &journal)?;
    }
    copy::keep(found, path)?;
    Ok(Restored { kept, journal_taken })
}

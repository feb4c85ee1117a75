//! The files beside the database: the mark by which a database that was put back or copied is found out, and the
//! journal of suppressions.

use std::io;
use std::path::{Path, PathBuf};

use crate::clock::Time;
use crate::db::journal::Journal;
use crate::db::mark::{MarkFile, Marked};
use crate::db::{Beside, Db};
use crate::domain::contacts::journal::{self, Head};
use crate::domain::error::Error;
use crate::domain::ids::secret;
use crate::domain::installation::{self, Found};

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    /// A file cannot be read or written.
    #[error("The file {0} beside the database cannot be used: {1}. Set data.directory to a folder that may be written.")]
    File(PathBuf, io::Error),
    /// A file is something else.
    #[error("The file {0} is no journal of suppressions. Move it away, or set data.directory to another folder.")]
    Foreign(PathBuf),
    /// The database refused.
    #[error("{0}")]
    Domain(#[from] Error),
}

/// What was found at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Whether the database was put back or copied, and is stopped.
    pub restored: bool,
    /// Suppressions that only the journal knew.
    pub learned: usize,
}

/// Opens the files, takes in what only the journal knows, and, for a process that sends, stops sending if the database
/// is not the one it was.
pub fn attach(db: Db, directory: &Path, sends: bool, now: Time) -> Result<(Db, Start), BesideError> {
    let (mark_path, journal_path) = (place(db.url(), directory, "instance"), journal_of(db.url(), directory));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| BesideError::File(path, error)
    };
    std::fs::create_dir_all(directory).map_err(failed(directory))?;
    let mut start = Start { restored: false, learned: 0 };
    let mark = match sends {
        true => {
            let mark = MarkFile::open(&mark_path).map_err(failed(&mark_path))?;
            start.restored = compare(&db, &mark, now)?.map_err(failed(&mark_path))?;
            Some(mark)
        }
        false => None,
    };
    let new = db.read(Head::new)?;
    let journal = Journal::open(&journal_path, || new.line()).map_err(failed(&journal_path))?;
    let (first, _) = journal.lines_from(0).map_err(failed(&journal_path))?;
    let head = first.first().and_then(|line| Head::read(line)).ok_or_else(|| BesideError::Foreign(journal_path.clone()))?;
    if head == new {
        let lines = db.read(|conn| journal::all_lines(conn, &head))?;
        journal.append(&lines).map_err(failed(&journal_path))?;
    }
    let from = db.read(|conn| journal::read_to(conn, &head))?;
    let (lines, end) = journal.lines_from(from).map_err(failed(&journal_path))?;
    let db = db.with_beside(Beside { mark, journal: Some(journal) });
    start.learned = db.write(|conn| journal::replay(conn, &head, &lines, end, now))?;
    Ok((db, start))
}

/// Whether the database is another than the mark says; the mark then begins anew.
fn compare(db: &Db, mark: &MarkFile, now: Time) -> Result<io::Result<bool>, BesideError> {
    let read = || -> io::Result<_> {
        mark.lock()?;
        Ok((mark.read()?, mark.number()?))
    };
    let (marked, number) = match read() {
        Ok(read) => read,
        Err(error) => return Ok(Err(error)),
    };
    let restored = match &marked {
        marked if db.read(installation::is_nameless)? && marked.as_ref().is_none_or(Marked::is_pristine) => {
            // The file first: one that is begun and not yet named in the database is gone on with.
            let epoch = marked.as_ref().map_or_else(secret, |marked| marked.epoch.clone());
            let begun = mark.begin(&epoch, 0);
            db.write(|conn| installation::name(conn, &epoch))?;
            begun.map(|()| false)
        }
        marked => {
            let number = db.is_a_file().then_some(number);
            let (found, seq) = db.write(|conn| {
                let found = installation::check(conn, marked.as_ref(), number, now)?;
                Ok::<_, Error>((found, installation::latest_change(conn)?))
            })?;
            match found {
                Found::Same => Ok(false),
                Found::Restored(epoch) => mark.begin(&epoch, seq).map(|()| true),
            }
        }
    };
    Ok(restored.and_then(|restored| mark.unlock().map(|()| restored)))
}

/// Where the journal of suppressions of a database lies.
pub fn journal_of(url: &str, directory: &Path) -> PathBuf {
    place(url, directory, "suppressions")
}

fn place(url: &str, directory: &Path, ending: &str) -> PathBuf {
    directory.join(format!("{}.{ending}", name_of(url)))
}

/// A name for the files: that of the SQLite file, or that of the PostgreSQL database.
fn name_of(url: &str) -> String {
    let tail = url.split('?').next().unwrap_or(url).rsplit('/').next().unwrap_or_default();
    let name: String = tail.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect();
    if name.is_empty() { "countersign".to_owned() } else { name }
}

/// The folder of the files where none is set: beside a SQLite file, else the working directory.
pub fn default_directory(url: &str) -> PathBuf {
    let beside = url.strip_prefix("sqlite://").and_then(|path| Path::new(path).parent()).filter(|folder| !folder.as_os_str().is_empty());
    beside.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

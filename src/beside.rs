//! The files beside the database: the key of what lies in it sealed, the mark by which a database that was put back or copied is found out, and the
//! journal of suppressions.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::clock::Time;
use crate::db::journal::Journal;
use crate::db::mark::{MarkFile, Marked};
use crate::db::seal::SealingKey;
use crate::db::{Beside, Db};
use crate::domain::contacts::journal::{self, Head};
use crate::domain::error::Error;
use crate::domain::ids::secret;
use crate::domain::installation::{self, Found};
use crate::domain::sealing;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    /// A file cannot be read or written.
    #[error("The file {0} beside the database cannot be used: {1}. Set data.directory to a folder that may be written.")]
    File(PathBuf, io::Error),
    /// A file is something else.
    #[error("The file {0} is no journal of suppressions. Move it away, or set data.directory to another folder.")]
    Foreign(PathBuf),
    /// The key is not here, and cannot be made anew.
    #[error(
        "Secrets in this database are sealed with a key that is not here. Put the file {0} back from where you keep your secrets, or copy it from \
         another machine that works on this database, or give the key in COUNTERSIGN_SECURITY__SECRET. If it is lost for good, run countersign secrets \
         give-up: everybody's authenticator app is taken off, webhooks, sources and mail providers need new \
         secrets, and mail is signed with a new provenance key."
    )]
    KeyMissing(PathBuf),
    /// The key is another one.
    #[error(
        "Secrets in this database are sealed with another key than the one in {0}. Put the right one there. If it is lost for good, run \
         countersign secrets give-up: everybody's authenticator app is taken off, webhooks, sources and mail providers need new \
         secrets, and mail is signed with a new provenance key."
    )]
    OtherKey(String),
    /// The key can be guessed.
    #[error("The key in {0} is shorter than 32 characters. Use 32 random octets in base64, such as openssl rand -base64 32 prints.")]
    ShortKey(String),
    /// The database refused.
    #[error("{0}")]
    Domain(#[from] Error),
}

/// The shortest key, in characters.
const SHORTEST_KEY: usize = 32;

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

/// With the key of what lies sealed in the database: the one of the settings, that of the file beside it, or, where nothing was sealed yet,
/// a new one in that file. What an older version left open is sealed.
pub fn unlock(db: Db, directory: &Path, configured: Option<&str>) -> Result<Db, BesideError> {
    let path = key_of(db.url(), directory);
    let known = db.read(sealing::key_id)?;
    let (secret, place) = match configured {
        Some(secret) => (secret.to_owned(), "security.secret".to_owned()),
        None => (secret_of_file(&path, known.is_none())?, path.display().to_string()),
    };
    if secret.trim().chars().count() < SHORTEST_KEY {
        return Err(BesideError::ShortKey(place));
    }
    let key = SealingKey::of(&secret).map_err(Error::from)?;
    let id = key.id().to_owned();
    if known.is_some_and(|known| known != id) {
        return Err(BesideError::OtherKey(place));
    }
    let db = db.with_key(key);
    let sealed = db.write(|conn| match sealing::key_id(conn)? {
        Some(meanwhile) if meanwhile != id => Ok(None),
        _ => sealing::adopt(conn, &id).map(Some),
    })?;
    match sealed {
        None => return Err(BesideError::OtherKey(place)),
        Some(0) => {}
        Some(sealed) => tracing::info!(sealed, "secrets that lay open in the database were sealed"),
    }
    Ok(db)
}

/// The same for a look that changes nothing: with the key where it is here and the right one, and without it otherwise.
pub fn unlock_if_possible(db: Db, directory: &Path, configured: Option<&str>) -> Db {
    let Ok(Some(known)) = db.read(sealing::key_id) else { return db };
    let secret = configured.map(str::to_owned).or_else(|| fs::read_to_string(key_of(db.url(), directory)).ok());
    match secret.and_then(|secret| SealingKey::of(&secret).ok()) {
        Some(key) if key.id() == known => db.with_key(key),
        _ => db,
    }
}

/// Reads the file of the key; makes it where it may.
fn secret_of_file(path: &Path, may_make: bool) -> Result<String, BesideError> {
    let failed = |error| BesideError::File(path.to_owned(), error);
    match fs::read_to_string(path) {
        Ok(secret) => return Ok(secret),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Err(_) if !may_make => return Err(BesideError::KeyMissing(path.to_owned())),
        Err(_) => {}
    }
    make_key(path).map_err(failed)?;
    fs::read_to_string(path).map_err(failed)
}

/// Writes a new key. It has its name only when it is whole and on the disk; where another process was quicker, its key stays.
fn make_key(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let begun = path.with_extension(format!("secret-{}", secret()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&begun)?;
    file.write_all(format!("{}\n", secret()).as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&begun, path);
    fs::remove_file(&begun)?;
    fs::File::open(folder)?.sync_all()?;
    linked.or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
}

/// Where the key of what lies sealed in a database lies, unless the settings give it.
pub fn key_of(url: &str, directory: &Path) -> PathBuf {
    place(url, directory, "secret")
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

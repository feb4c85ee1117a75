//! What was erased leaves the files of SQLite as well: the write-ahead log is emptied, and where a page still holds the
//! words, the file is written anew. On PostgreSQL the server reuses the space and its log by its own settings.

use std::fs::File;
use std::io::{self, Read};

use diesel::connection::SimpleConnection;

use super::{Conn, Db};

/// Bytes looked at together.
const PIECE: usize = 4 * 1024 * 1024;

/// Why the files were not looked through.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The database refused; a reader may be in the middle of something.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] io::Error),
}

impl Db {
    /// Makes sure that no file holds any of these words, in capitals or not. Without words it writes the file anew.
    pub fn forget(&self, words: &[String]) -> Result<(), ForgetError> {
        let Some(path) = self.url().strip_prefix("sqlite://").map(str::to_owned) else { return Ok(()) };
        let _quiet = self.file.as_ref().map(|file| file.upkeep.pause());
        let _turn = self.turn();
        let mut conn = self.connection()?;
        let Conn::Sqlite(inner) = &mut *conn else { return Ok(()) };
        inner.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
        let held = words.is_empty() || holds_any(&path, words)? || holds_any(&format!("{path}-wal"), words)?;
        if held {
            inner.batch_execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        Ok(())
    }
}

/// Whether a file holds one of the words. A file that is not there holds none.
fn holds_any(path: &str, words: &[String]) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let words: Vec<Vec<u8>> = words.iter().filter(|word| !word.is_empty()).map(|word| word.to_ascii_lowercase().into_bytes()).collect();
    let overlap = words.iter().map(Vec::len).max().unwrap_or(0);
    let mut piece = Vec::with_capacity(PIECE + overlap);
    loop {
        let kept = piece.len().min(overlap);
        piece.drain(..piece.len() - kept);
        let read = file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if read == 0 {
            return Ok(false);
        }
        let fresh = piece.len() - read;
        piece[fresh..].make_ascii_lowercase();
        if words.iter().any(|word| memchr::memmem::find(&piece, word).is_some()) {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{PIECE, holds_any};

    #[test]
    fn a_word_is_found_wherever_it_stands_also_across_two_pieces() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display().to_string();
        let words = ["ana@example.com".to_owned()];
        file.write_all(&vec![b'x'; PIECE - 5]).unwrap();
        assert!(!holds_any(&path, &words).unwrap());
        file.write_all(b"Ana@Example.COM").unwrap();
        assert!(holds_any(&path, &words).unwrap());
        assert!(!holds_any("/no/such/file", &words).unwrap());
    }
}

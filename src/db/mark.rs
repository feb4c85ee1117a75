//! A small file beside the database that says how far the database had come: whoever puts an older copy back, or starts
//! a copy elsewhere, is found out by it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Each of the three records; one sector, so that it is written whole or not at all.
const RECORD: usize = 512;

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marked {
    /// The name of the database, random.
    pub epoch: String,
    /// The number of the file itself in its file system; a copy has another.
    pub file: u64,
    /// The highest number in the log of changes.
    pub seq: i64,
    /// The last message whose final dot was permitted, and when, in microseconds.
    pub dot: Option<(String, i64)>,
}

impl Marked {
    /// Whether nothing has left yet since it began.
    pub fn is_pristine(&self) -> bool {
        self.seq == 0 && self.dot.is_none()
    }
}

/// The file.
#[derive(Debug)]
pub struct MarkFile {
    file: File,
}

impl MarkFile {
    /// Opens the file, or makes an empty one.
    pub fn open(path: &Path) -> io::Result<MarkFile> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
        Ok(MarkFile { file })
    }

    /// Waits for its turn among processes that start; it lasts until the file is closed or [`MarkFile::unlock`].
    pub fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }

    /// Ends the turn.
    pub fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }

    /// What it says; nothing where it is new or cannot be read.
    pub fn read(&self) -> io::Result<Option<Marked>> {
        let mut bytes = vec![0; RECORD * 3];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], filled as u64)? {
                0 => break,
                more => filled += more,
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let record = |number: usize| text.get(number * RECORD..(number + 1) * RECORD).map(|part| part.trim_matches(['\0', ' ', '\n']));
        let words = |number| record(number).map(|part| part.split(' ').collect::<Vec<_>>()).unwrap_or_default();
        let [_, epoch, file] = words(0)[..] else { return Ok(None) };
        let (Ok(file), [_, seq]) = (file.parse(), &words(1)[..]) else { return Ok(None) };
        let Ok(seq) = seq.parse() else { return Ok(None) };
        let dot = match &words(2)[..] {
            [_, id, at] => at.parse().ok().map(|at| ((*id).to_owned(), at)),
            _ => None,
        };
        Ok(Some(Marked { epoch: epoch.to_owned(), file, seq, dot }))
    }

    /// Begins anew for this database.
    pub fn begin(&self, epoch: &str, seq: i64) -> io::Result<()> {
        self.write(2, "dot")?;
        self.write_seq(seq)?;
        let number = self.number()?;
        self.write(0, &format!("countersign {epoch} {number}"))?;
        self.file.sync_all()
    }

    /// The number of the file in its file system.
    pub fn number(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.ino())
    }

    /// Notes how far the log of changes has come. What a power cut takes from it only makes it older.
    pub fn write_seq(&self, seq: i64) -> io::Result<()> {
        self.write(1, &format!("seq {seq}"))
    }

    /// Notes that a final dot was permitted: after the commit that says so, before the dot itself.
    pub fn note_dot(&self, message: &str, at: i64) -> io::Result<()> {
        self.write(2, &format!("dot {message} {at}"))
    }

    fn write(&self, number: usize, text: &str) -> io::Result<()> {
        let mut record = vec![b' '; RECORD];
        let bytes = text.as_bytes().get(..RECORD - 1).unwrap_or(text.as_bytes());
        record[..bytes.len()].copy_from_slice(bytes);
        record[RECORD - 1] = b'\n';
        self.file.write_all_at(&record, (number * RECORD) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_no_mark_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let mark = MarkFile::open(&path).unwrap();
        assert_eq!(mark.read().unwrap(), None);
        mark.begin("name", 7).unwrap();
        let file = mark.number().unwrap();
        assert_eq!(mark.read().unwrap(), Some(Marked { epoch: "name".into(), file, seq: 7, dot: None }));
        mark.write_seq(1_000_000).unwrap();
        mark.note_dot("01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", 5).unwrap();
        let read = MarkFile::open(&path).unwrap().read().unwrap().unwrap();
        assert_eq!((read.seq, read.dot), (1_000_000, Some(("01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6".into(), 5))));
        std::fs::write(&path, "something else").unwrap();
        assert_eq!(MarkFile::open(&path).unwrap().read().unwrap(), None);
    }
}

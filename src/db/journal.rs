//! A file of lines beside the database. What a transaction notes here is on the disk before the transaction commits, so
//! that it survives the loss of the database.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

thread_local! {
    /// What the transaction on this thread has noted so far.
    static NOTED: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

/// Notes a line with the writing transaction on this thread.
pub fn note(line: String) {
    NOTED.with_borrow_mut(|noted| noted.push(line));
}

/// Forgets what was noted: a new transaction begins.
pub(super) fn begin() {
    NOTED.with_borrow_mut(Vec::clear);
}

/// Takes what was noted.
pub(super) fn noted() -> Vec<String> {
    NOTED.with_borrow_mut(std::mem::take)
}

/// The file. Lines are only ever added.
#[derive(Debug)]
pub struct Journal {
    file: Mutex<File>,
}

impl Journal {
    /// Opens the file, or makes it with this first line. Only its owner may read it.
    pub fn open(path: &Path, first_line: impl FnOnce() -> String) -> io::Result<Journal> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        if file.metadata()?.len() == 0 {
            file.write_all(format!("{}\n", first_line()).as_bytes())?;
            file.sync_all()?;
            // The name, too, must survive a power cut.
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                File::open(folder)?.sync_all()?;
            }
        }
        Ok(Journal { file: Mutex::new(file) })
    }

    /// Adds lines, all on the disk when it returns.
    pub fn append(&self, lines: &[String]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was cut short by a power cut is ended first, so that it spoils no other.
        let mut text = if ends_with_newline(&mut file)? { String::new() } else { "\n".to_owned() };
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }

    /// The lines from this byte on, and where they end. A line that was cut short is left out.
    pub fn lines_from(&self, offset: u64) -> io::Result<(Vec<String>, u64)> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let length = file.metadata()?.len();
        let start = if offset > length { 0 } else { offset };
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let text = String::from_utf8_lossy(&bytes[..whole]);
        Ok((text.lines().map(str::to_owned).collect(), start + whole as u64))
    }
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_across_openings_and_one_that_was_cut_short_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let journal = Journal::open(&path, || "head".into()).unwrap();
        journal.append(&["a".into(), "b".into()]).unwrap();
        drop(journal);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"half a li").unwrap();
        let journal = Journal::open(&path, || "another".into()).unwrap();
        let (lines, end) = journal.lines_from(0).unwrap();
        assert_eq!(lines, ["head", "a", "b"]);
        journal.append(&["c".into()]).unwrap();
        assert_eq!(journal.lines_from(end).unwrap().0, ["half a li", "c"]);
        assert_eq!(journal.lines_from(1 << 40).unwrap().0.len(), 5, "an offset of another file begins anew");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

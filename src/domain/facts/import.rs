//! Facts from a CSV file, one kind a file.

use std::io::Read;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::text;

use super::{Body, Kind, fields, queries, record};

/// Most rows of one file.
const MOST_ROWS: usize = 10_000;

/// What became of the rows.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// New facts.
    pub added: usize,
    /// New versions of known facts.
    pub changed: usize,
    /// Rows that said what was known.
    pub unchanged: usize,
    /// Refused rows: line and reason.
    pub refused: Vec<(u64, String)>,
}

/// Reads a file of one kind. A row of a known key becomes a new version of it; a row
/// that does not fit is refused alone; a file that is not CSV is refused whole.
pub fn import(conn: &mut Conn, actor: &Actor, kind: Kind, file: impl Read, name: &str, now: Time) -> Result<Imported> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can import facts."));
    }
    actor.must_manage()?;
    let mut reader = csv::ReaderBuilder::new().from_reader(file);
    let broken = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        Error::invalid("csv_invalid", "file", format!("Line {line}: {error}. No row was imported."))
    };
    let header = reader.headers().map_err(broken)?.clone();
    let source = format!("imported from {name}");
    transaction(conn, |conn| {
        let mut done = Imported::default();
        for (count, record) in reader.records().enumerate() {
            if count >= MOST_ROWS {
                return Err(Error::invalid("csv_invalid", "file", format!("A file may hold {MOST_ROWS} rows. No row was imported.")));
            }
            let record = record.map_err(broken)?;
            let line = record.position().map_or(0, csv::Position::line);
            let column = |name: &str| {
                let at = header.iter().position(|column| column.trim().eq_ignore_ascii_case(name))?;
                record.get(at).map(str::to_owned)
            };
            match fields::read(kind, &column).and_then(Body::check) {
                Ok(body) => put(conn, actor, body, &source, &mut done, now)?,
                Err(error) => done.refused.push((line, error.detail)),
            }
        }
        Ok(done)
    })
}

fn put(conn: &mut Conn, actor: &Actor, body: Body, source: &str, done: &mut Imported, now: Time) -> Result<()> {
    match queries::by_key(conn, body.kind(), &body.key())? {
        None => {
            record::insert(conn, actor, None, body, source, super::State::Current, now)?;
            done.added += 1;
        }
        Some(known) => {
            let version = known.version;
            if record::write(conn, actor, known, body, source, now)?.version == version { done.unchanged += 1 } else { done.changed += 1 }
        }
    }
    Ok(())
}

/// The refused rows of a file with line and problem in front, as CSV.
pub fn refused_rows(file: &[u8], refused: &[(u64, String)]) -> Result<Vec<u8>> {
    let mut reader = csv::ReaderBuilder::new().from_reader(file);
    let mut out = csv::Writer::from_writer(vec![]);
    let headers = reader.headers().map_err(Error::internal)?.clone();
    out.write_record(["line", "problem"].into_iter().chain(&headers)).map_err(Error::internal)?;
    let mut left = refused.iter().peekable();
    for record in reader.records() {
        let record = record.map_err(Error::internal)?;
        let line = record.position().map_or(0, csv::Position::line);
        if let Some((_, problem)) = left.next_if(|(refused, _)| *refused == line) {
            let cells = record.iter().map(text::neutral_cell);
            out.write_record([line.to_string(), problem.clone()].into_iter().chain(cells)).map_err(Error::internal)?;
        }
    }
    out.into_inner().map_err(|error| Error::internal(error.error()))
}

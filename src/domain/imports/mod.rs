//! Import of churn events, of contacts and of facts from CSV: good rows are kept, bad rows are reported by line and kept for download.
//!
//! The file is kept while its import runs, so that the import goes on after whoever ran it ended: by the worker once the lease
//! is over, or at once by the same command. One process at a time is at it: `lease_until` is written with every batch of rows
//! and nobody else writes the same time, so whoever finds another time there than the last it wrote has been replaced.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::Db;
use crate::db::{Conn, transaction};
use crate::domain::accounts::users;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::ids::{ImportId, UserId};
use crate::domain::text;

mod file;
mod queries;
mod rows;

pub use file::{CHURN_COLUMNS, Confirm, LARGEST, Of, Parsed, read};

/// Rows committed together; also how often progress is written.
const BATCH: usize = 200;
/// For so many seconds after a batch nobody else goes on with an import.
const LEASE_SECONDS: i64 = 60;

/// An import and how far it is.
#[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::imports, treat_none_as_null = true)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// What is imported: "churn", "contacts" or a kind of fact.
    pub kind: String,
    /// The file's name as given.
    pub file_name: String,
    /// running, finished, cancelled or failed.
    pub state: String,
    /// Rows in the file.
    pub total_rows: i64,
    /// Rows kept.
    pub imported_rows: i64,
    /// Rows that were there already.
    pub duplicate_rows: i64,
    /// Rows refused.
    pub refused_rows: i64,
    /// The refused rows as CSV, with line and problem in front.
    pub refused_csv: String,
    /// Why it failed.
    pub problem: Option<String>,
    /// Who started it.
    pub created_by: String,
    /// When.
    pub created_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// Until when a process is at it; nothing once it ended.
    pub lease_until: Option<Time>,
}

impl Import {
    /// How many rows were looked at.
    pub fn done(&self) -> i64 {
        self.imported_rows + self.duplicate_rows + self.refused_rows
    }

    /// The time that nobody else wrote or will write as the lease.
    fn next_lease(&self, now: Time) -> Time {
        let next = now.plus_seconds(LEASE_SECONDS);
        self.lease_until.map_or(next, |held| next.max(held.plus_seconds(1)))
    }
}

/// The file of an import that runs.
#[derive(Debug, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::import_files)]
struct File {
    import_id: ImportId,
    content: String,
    everybody: bool,
    mailbox: Option<String>,
    /// The id of the person, or the name of the command line.
    user_id: String,
}

/// Notes the start of an import, so that a page can show its progress, and keeps its file until it ends.
pub fn start(conn: &mut Conn, actor: &Actor, file_name: &str, parsed: &Parsed, now: Time) -> Result<Import> {
    actor.must_manage()?;
    let import = Import {
        id: ImportId::new(),
        kind: parsed.of.word().to_owned(),
        file_name: file_name.chars().filter(|c| !c.is_control()).take(200).collect(),
        state: "running".to_owned(),
        total_rows: i64::try_from(parsed.rows).unwrap_or(i64::MAX),
        imported_rows: 0,
        duplicate_rows: 0,
        refused_rows: 0,
        refused_csv: String::new(),
        problem: None,
        created_by: actor.name().to_owned(),
        created_at: now,
        finished_at: None,
        lease_until: Some(now.plus_seconds(LEASE_SECONDS)),
    };
    let Confirm { everybody, mailbox } = parsed.confirm.clone();
    let file = File { import_id: import.id.clone(), content: kept(&parsed.content), everybody, mailbox, user_id: actor.id().to_owned() };
    transaction(conn, |conn| {
        queries::insert_import(conn, &import)?;
        queries::insert_file(conn, &file)?;
        Ok(import)
    })
}

/// PostgreSQL keeps no zero in a text.
fn kept(content: &str) -> String {
    content.replace('\0', "\u{FFFD}")
}

/// The import of this very file that the same actor began and that has not ended, taken from whoever is at it.
pub fn begun(conn: &mut Conn, actor: &Actor, parsed: &Parsed, now: Time) -> Result<Option<Import>> {
    actor.must_manage()?;
    transaction(conn, |conn| match queries::running_with(conn, parsed.of.word(), actor.id(), &kept(&parsed.content))? {
        Some(import) => hold(conn, import, now),
        None => Ok(None),
    })
}

/// Takes over an import that whoever ran it left, with whoever started it and the rows of its file.
pub fn take_over(conn: &mut Conn, now: Time) -> Result<Option<(Import, Actor, Parsed)>> {
    transaction(conn, |conn| {
        let Some((import, file)) = queries::left(conn, now)? else { return Ok(None) };
        let Some(mut import) = hold(conn, import, now)? else { return Ok(None) };
        let confirm = Confirm { everybody: file.everybody, mailbox: file.mailbox };
        let parsed = read(Of::from_word(&import.kind), file.content.into_bytes())?.confirming(confirm);
        let actor =
            if file.user_id == Actor::OPERATOR.id() { Some(Actor::OPERATOR) } else { users::actor_of(conn, &UserId::from(file.user_id.as_str()))? };
        let Some(actor) = actor else {
            let problem = "Whoever started it may not sign in any more. Send the file again as somebody else.";
            end(conn, &mut import, "failed", Some(problem), now)?;
            return Ok(None);
        };
        Ok(Some((import, actor, parsed)))
    })
}

/// Ends an import that runs. What was imported stays.
pub fn cancel(conn: &mut Conn, actor: &Actor, id: &ImportId, now: Time) -> Result<Import> {
    actor.must_manage()?;
    transaction(conn, |conn| {
        if !queries::release(conn, id)? {
            return Err(Error::conflict("import_over", "This import has ended already."));
        }
        let mut import = get(conn, actor, id)?;
        end(conn, &mut import, "cancelled", None, now)?;
        let detail = json!({"file": import.file_name, "done": import.done(), "of": import.total_rows});
        audit::record(conn, actor, Entry { action: "import.cancel", target_kind: "import", target_id: id.as_str(), mailbox_id: None, detail }, now)?;
        Ok(import)
    })
}

/// The import with a new lease, for this process alone until the transaction ends; nothing where it ended or somebody else is at it.
fn hold(conn: &mut Conn, mut import: Import, now: Time) -> Result<Option<Import>> {
    let next = import.next_lease(now);
    if !queries::renew(conn, &import.id, import.lease_until, next)? {
        return Ok(None);
    }
    import.lease_until = Some(next);
    Ok(Some(import))
}

/// Writes down how an import ended; its refused rows become one file, and the file it came with goes.
fn end(conn: &mut Conn, import: &mut Import, state: &str, problem: Option<&str>, now: Time) -> Result<()> {
    import.refused_csv = if import.refused_rows > 0 { queries::refused_rows(conn, &import.id)?.concat() } else { String::new() };
    (import.state, import.finished_at, import.lease_until) = (state.to_owned(), Some(now), None);
    import.problem = problem.map(str::to_owned);
    queries::update_import(conn, import)?;
    Ok(queries::delete_file(conn, &import.id)?)
}

fn line_of_csv(cells: impl Iterator<Item = String>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(vec![]);
    writer.write_record(cells.map(|cell| cell.replace('\0', "\u{FFFD}"))).map_err(Error::internal)?;
    let bytes = writer.into_inner().map_err(|error| Error::internal(error.error()))?;
    String::from_utf8(bytes).map_err(Error::internal)
}

/// Imports the rows that were not looked at yet, batch by batch, and tells `progress` after each.
/// It stops where somebody cancelled it or took it over; the answer is the import as it is then.
pub fn run(db: &Db, actor: &Actor, mut import: Import, parsed: &Parsed, now: impl Fn() -> Time, progress: impl Fn(&Import)) -> Result<Import> {
    let done = usize::try_from(import.done()).unwrap_or(usize::MAX);
    let mut rows = parsed.rows_after(done);
    loop {
        let batch: Vec<file::Row> = rows.by_ref().take(BATCH).collect::<Result<_>>()?;
        let last = batch.len() < BATCH;
        match db.write(|conn| transaction(conn, |conn| take_batch(conn, actor, import.clone(), parsed, &batch, last, &now))) {
            Ok(Some(after)) => import = after,
            Ok(None) => return db.read(|conn| get(conn, actor, &import.id)),
            Err(error) => {
                db.write(|conn| transaction(conn, |conn| fail(conn, import.clone(), &error.detail, now())))?;
                return Err(error);
            }
        }
        progress(&import);
        if last {
            return Ok(import);
        }
    }
}

fn fail(conn: &mut Conn, import: Import, problem: &str, now: Time) -> Result<()> {
    match hold(conn, import, now)? {
        Some(mut import) => end(conn, &mut import, "failed", Some(problem), now),
        None => Ok(()),
    }
}

/// The import after these rows, ended with the last; nothing where somebody cancelled it or took it over.
fn take_batch(
    conn: &mut Conn,
    actor: &Actor,
    import: Import,
    parsed: &Parsed,
    batch: &[file::Row],
    last: bool,
    now: &impl Fn() -> Time,
) -> Result<Option<Import>> {
    let Some(mut import) = hold(conn, import, now())? else { return Ok(None) };
    for (line, record) in batch {
        match transaction(conn, |conn| rows::take(conn, actor, parsed, record, &import, now())) {
            Ok(true) => import.imported_rows += 1,
            Ok(false) => import.duplicate_rows += 1,
            // A row that is wrong, or whose person cannot be asked, is reported; a database that fails ends the import.
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::Forbidden | Kind::Conflict) => {
                refuse(conn, &mut import, parsed, *line, record, &error)?;
            }
            Err(error) => return Err(error),
        }
    }
    if last {
        end(conn, &mut import, "finished", None, now())?;
    } else {
        queries::update_import(conn, &import)?;
    }
    Ok(Some(import))
}

/// Keeps a refused row for the download, with the header before the first.
fn refuse(conn: &mut Conn, import: &mut Import, parsed: &Parsed, line: u64, record: &csv::StringRecord, error: &Error) -> Result<()> {
    if import.refused_rows == 0 {
        let header = ["line", "problem"].into_iter().map(str::to_owned).chain(parsed.headers.iter().cloned());
        queries::insert_refused(conn, &import.id, 0, &line_of_csv(header)?)?;
    }
    import.refused_rows += 1;
    // Nothing is kept of who was erased.
    let said = record.iter().map(|cell| if error.code == "contact_erased" { String::new() } else { text::neutral_cell(cell) });
    let cells = [line.to_string(), error.detail.clone()].into_iter().chain(said);
    Ok(queries::insert_refused(conn, &import.id, i64::try_from(line).unwrap_or(i64::MAX), &line_of_csv(cells)?)?)
}

/// An import by id.
pub fn get(conn: &mut Conn, actor: &Actor, id: &ImportId) -> Result<Import> {
    actor.must_manage()?;
    queries::import(conn, id)?.ok_or_else(|| Error::not_found("import"))
}

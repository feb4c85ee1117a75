//! CSV import of churn events and of contacts: good rows are kept, bad rows are reported by line and kept for download.

use std::io::Read;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::Db;
use crate::db::{Conn, transaction};
use crate::domain::accounts::users;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::consents::opt_in::Ask;
use crate::domain::error::{Error, Kind, Result};
use crate::domain::ids::{ContactId, ImportId, UserId};
use crate::domain::privacy::provenance;
use crate::domain::{contacts, text};

use super::intake::{NewChurnEvent, Taken, take};
use super::queries;

/// Largest file taken, in bytes.
pub const LARGEST: usize = 50 * 1024 * 1024;
/// Rows committed together; also how often progress is written.
const BATCH: usize = 200;
/// For so many seconds after a batch nobody else goes on with an import.
const LEASE_SECONDS: i64 = 60;

/// The columns understood; `customer_email` is the one needed.
pub const COLUMNS: [&str; 18] = [
    "customer_email",
    "customer_name",
    "company",
    "provider",
    "provider_customer_id",
    "provider_subscription_id",
    "plan_name",
    "mrr",
    "mrr_cents",
    "currency",
    "tenure_days",
    "cancel_reason",
    "cancel_reason_text",
    "event_type",
    "last_active_at",
    "cancelled_at",
    "notes",
    "consent",
];

/// An import and how far it is.
#[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::imports)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// What is imported: "churn" or "contacts".
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
    /// Until when a process is at it; nothing where nobody goes on with it after a restart.
    pub lease_until: Option<Time>,
}

impl Import {
    /// How many rows were looked at.
    pub fn done(&self) -> i64 {
        self.imported_rows + self.duplicate_rows + self.refused_rows
    }
}

/// The file of an import that runs.
#[derive(Debug, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::import_files)]
pub(super) struct File {
    pub(super) import_id: ImportId,
    pub(super) content: String,
    pub(super) everybody: bool,
    pub(super) mailbox: Option<String>,
    pub(super) user_id: String,
}

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Churn events.
    Churn,
    /// Contacts; a column that is not understood is kept with the contact.
    Contacts,
}

impl Of {
    fn word(self) -> &'static str {
        match self {
            Of::Churn => "churn",
            Of::Contacts => "contacts",
        }
    }

    fn check(self, headers: &[String]) -> Result<()> {
        match self {
            Of::Churn => check_churn(headers),
            Of::Contacts => contacts::import::check(headers),
        }
    }
}

/// A file read and found well-formed, ready to be imported row by row.
#[derive(Debug)]
pub struct Parsed {
    of: Of,
    headers: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
    confirm: Confirm,
}

/// Who of a file is asked to confirm that they want mail.
#[derive(Debug, Clone, Default)]
pub struct Confirm {
    /// Everybody, and not only those whose row says `pending` under `consent`.
    pub everybody: bool,
    /// The mailbox that asks, by address or id; none where only one is within reach.
    pub mailbox: Option<String>,
}

impl Parsed {
    /// The same with who is asked.
    pub fn confirming(self, confirm: Confirm) -> Parsed {
        Parsed { confirm, ..self }
    }

    fn ask(&self, file: &str) -> Ask {
        Ask { mailbox: self.confirm.mailbox.clone(), source: format!("the file {file}"), ..Ask::default() }
    }
}

/// Reads a file of churn events.
pub fn parse(bytes: &[u8]) -> Result<Parsed> {
    parse_as(Of::Churn, bytes)
}

/// Reads a file whole. A file broken anywhere is refused before any row is kept.
pub fn parse_as(of: Of, bytes: &[u8]) -> Result<Parsed> {
    if bytes.len() > LARGEST {
        return Err(Error::too_large("file", LARGEST));
    }
    refuse_open_quote(bytes)?;
    let without_mark = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(without_mark.take(LARGEST as u64));
    let headers: Vec<String> = reader.headers().map_err(broken)?.iter().map(|h| h.trim().to_ascii_lowercase()).collect();
    of.check(&headers)?;
    let mut rows = vec![];
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.push((line, record));
    }
    Ok(Parsed { of, headers, rows, confirm: Confirm::default() })
}

fn check_churn(headers: &[String]) -> Result<()> {
    if !headers.iter().any(|h| h == "customer_email") {
        return Err(Error::invalid(
            "csv_invalid",
            "file",
            format!(
                "Line 1, column 1: there is no column customer_email. The columns understood are {} and features. No row was imported.",
                COLUMNS.join(", ")
            ),
        ));
    }
    if let Some((column, unknown)) = headers.iter().enumerate().find(|(_, h)| !COLUMNS.contains(&h.as_str()) && *h != "features") {
        return Err(Error::invalid(
            "csv_invalid",
            "file",
            format!(
                "Line 1, column {}: \"{}\" is not a column of this import. The columns understood are {} and features. No row was imported.",
                column + 1,
                text::excerpt(unknown),
                COLUMNS.join(", ")
            ),
        ));
    }
    Ok(())
}

fn broken(error: csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields, header has {expected_len}"),
        csv::ErrorKind::Utf8 { err, .. } => {
            return Error::invalid(
                "csv_invalid",
                "file",
                format!("Line {line}, column {}: this is not UTF-8. No row was imported. Save the file as UTF-8.", err.field() + 1),
            );
        }
        _ => "this is not readable as CSV".to_owned(),
    };
    Error::invalid("csv_invalid", "file", format!("Line {line}, column 1: {reason}. No row was imported."))
}

/// Whether the row said something that was not known.
fn take_row(conn: &mut Conn, actor: &Actor, parsed: &Parsed, record: &csv::StringRecord, import: &Import, now: Time) -> Result<bool> {
    let (contact, new) = match parsed.of {
        Of::Churn => match take(conn, actor, &new_event(parsed, record, &import.file_name)?, "csv", now)? {
            Taken::New(event) => (event.contact_id, true),
            Taken::Known(_) => (None, false),
        },
        Of::Contacts => {
            let ask = |pending: bool| (pending || parsed.confirm.everybody).then(|| parsed.ask(&import.file_name));
            let (contact, new) = contacts::import::take(conn, actor, &parsed.headers, record, ask, now)?;
            (Some(contact), new)
        }
    };
    note_source(conn, actor, import, contact.as_ref(), now)?;
    Ok(new)
}

/// A contact that came with this file is noted as such.
fn note_source(conn: &mut Conn, actor: &Actor, import: &Import, contact: Option<&ContactId>, now: Time) -> Result<()> {
    let Some(contact) = contact else { return Ok(()) };
    if contacts::row(conn, contact)?.created_at < import.created_at {
        return Ok(());
    }
    provenance::note_import(conn, actor, contact, &import.id, &import.file_name, now)
}

/// The csv crate closes an open quote at the end of the file; that would swallow rows silently.
fn refuse_open_quote(bytes: &[u8]) -> Result<()> {
    let (mut line, mut column, mut open) = (1_usize, 1_usize, None);
    for byte in bytes {
        match byte {
            b'"' => open = if open.is_some() { None } else { Some((line, column)) },
            b'\n' => {
                line += 1;
                column = 0;
            }
            _ => {}
        }
        column += 1;
    }
    match open {
        Some((opened, column)) => Err(Error::invalid(
            "csv_invalid",
            "file",
            format!("Line {line}, column {column}: quote opened on line {opened} was never closed. No row was imported."),
        )),
        None => Ok(()),
    }
}

/// Notes the start of an import, so that a page can show its progress.
pub fn start(conn: &mut Conn, actor: &Actor, file_name: &str, parsed: &Parsed, now: Time) -> Result<Import> {
    actor.must_manage()?;
    let import = Import {
        id: ImportId::new(),
        kind: parsed.of.word().to_owned(),
        file_name: file_name.chars().filter(|c| !c.is_control()).take(200).collect(),
        state: "running".to_owned(),
        total_rows: i64::try_from(parsed.rows.len()).unwrap_or(i64::MAX),
        imported_rows: 0,
        duplicate_rows: 0,
        refused_rows: 0,
        refused_csv: String::new(),
        problem: None,
        created_by: actor.name().to_owned(),
        created_at: now,
        finished_at: None,
        lease_until: None,
    };
    queries::put_import(conn, &import)?;
    Ok(import)
}

/// The same with the file kept until it ends, so that it goes on after a restart.
pub fn start_kept(conn: &mut Conn, actor: &Actor, file_name: &str, bytes: &[u8], parsed: &Parsed, now: Time) -> Result<Import> {
    transaction(conn, |conn| {
        let import = Import { lease_until: Some(now.plus_seconds(LEASE_SECONDS)), ..start(conn, actor, file_name, parsed, now)? };
        queries::put_import(conn, &import)?;
        let content = String::from_utf8_lossy(bytes).replace('\0', "\u{FFFD}");
        let Confirm { everybody, mailbox } = parsed.confirm.clone();
        queries::insert_import_file(conn, &File { import_id: import.id.clone(), content, everybody, mailbox, user_id: actor.id().to_owned() })?;
        Ok(import)
    })
}

/// Takes over an import that whoever ran it left, with the person who started it and the rows of its file.
pub fn take_over(conn: &mut Conn, now: Time) -> Result<Option<(Import, Actor, Parsed)>> {
    transaction(conn, |conn| {
        let Some((mut import, file)) = queries::left_import(conn, now)? else { return Ok(None) };
        import.lease_until = Some(now.plus_seconds(LEASE_SECONDS));
        if !queries::renew_import(conn, &import.id, import.lease_until)? {
            return Ok(None);
        }
        let parsed = parse_as(Of::Churn, file.content.as_bytes())?.confirming(Confirm { everybody: file.everybody, mailbox: file.mailbox });
        let Some(actor) = users::actor_of(conn, &UserId::from(file.user_id.as_str()))? else {
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
        if !queries::renew_import(conn, id, None)? {
            return Err(Error::conflict("import_over", "This import has ended already."));
        }
        let mut import = get(conn, actor, id)?;
        end(conn, &mut import, "cancelled", None, now)?;
        let detail = json!({"file": import.file_name, "done": import.done(), "of": import.total_rows});
        audit::record(conn, actor, Entry { action: "import.cancel", target_kind: "import", target_id: id.as_str(), mailbox_id: None, detail }, now)?;
        Ok(import)
    })
}

/// Writes down how an import ended; its refused rows become one file, and the file it came with goes.
fn end(conn: &mut Conn, import: &mut Import, state: &str, problem: Option<&str>, now: Time) -> Result<()> {
    import.refused_csv = if import.refused_rows > 0 { queries::refused_rows(conn, &import.id)?.concat() } else { String::new() };
    (import.state, import.finished_at, import.lease_until) = (state.to_owned(), Some(now), None);
    import.problem = problem.map(str::to_owned);
    queries::put_import(conn, import)?;
    Ok(queries::delete_import_file(conn, &import.id)?)
}

fn line_of_csv(cells: impl Iterator<Item = String>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(vec![]);
    writer.write_record(cells.map(|cell| cell.replace('\0', "\u{FFFD}"))).map_err(Error::internal)?;
    let bytes = writer.into_inner().map_err(|error| Error::internal(error.error()))?;
    String::from_utf8(bytes).map_err(Error::internal)
}

/// Imports the rows that were not looked at yet, batch by batch, and tells `progress` after each. It stops where somebody cancelled it.
pub fn run(db: &Db, actor: &Actor, mut import: Import, parsed: &Parsed, now: impl Fn() -> Time, progress: impl Fn(&Import)) -> Result<Import> {
    let done = usize::try_from(import.done()).unwrap_or(usize::MAX).min(parsed.rows.len());
    for batch in parsed.rows[done..].chunks(BATCH) {
        match db.write(|conn| transaction(conn, |conn| take_batch(conn, actor, import.clone(), parsed, batch, &now))) {
            Ok(Some(after)) => import = after,
            Ok(None) => return db.read(|conn| get(conn, actor, &import.id)),
            Err(error) => {
                db.write(|conn| transaction(conn, |conn| end(conn, &mut import, "failed", Some(&error.detail), now())))?;
                return Err(error);
            }
        }
        progress(&import);
    }
    db.write(|conn| {
        transaction(conn, |conn| match queries::renew_import(conn, &import.id, None)? {
            true => end(conn, &mut import, "finished", None, now()),
            false => Ok(()),
        })
    })?;
    db.read(|conn| get(conn, actor, &import.id))
}

/// The import after these rows; nothing where it was cancelled.
fn take_batch(
    conn: &mut Conn,
    actor: &Actor,
    mut import: Import,
    parsed: &Parsed,
    batch: &[(u64, csv::StringRecord)],
    now: &impl Fn() -> Time,
) -> Result<Option<Import>> {
    import.lease_until = import.lease_until.map(|_| now().plus_seconds(LEASE_SECONDS));
    if !queries::renew_import(conn, &import.id, import.lease_until)? {
        return Ok(None);
    }
    for (line, record) in batch {
        match transaction(conn, |conn| take_row(conn, actor, parsed, record, &import, now())) {
            Ok(true) => import.imported_rows += 1,
            Ok(false) => import.duplicate_rows += 1,
            // A row that is wrong, or whose person cannot be asked, is reported; a database that fails ends the import.
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::Forbidden | Kind::Conflict) => {
                if import.refused_rows == 0 {
                    let header = ["line", "problem"].into_iter().map(str::to_owned).chain(parsed.headers.iter().cloned());
                    queries::insert_refused(conn, &import.id, 0, &line_of_csv(header)?)?;
                }
                import.refused_rows += 1;
                // Nothing is kept of who was erased.
                let said = record.iter().map(|cell| if error.code == "contact_erased" { String::new() } else { text::neutral_cell(cell) });
                let cells = [line.to_string(), error.detail.clone()].into_iter().chain(said);
                queries::insert_refused(conn, &import.id, i64::try_from(*line).unwrap_or(i64::MAX), &line_of_csv(cells)?)?;
            }
            Err(error) => return Err(error),
        }
    }
    queries::put_import(conn, &import)?;
    Ok(Some(import))
}

/// An import by id.
pub fn get(conn: &mut Conn, actor: &Actor, id: &ImportId) -> Result<Import> {
    actor.must_manage()?;
    queries::import(conn, id)?.ok_or_else(|| Error::not_found("import"))
}

fn new_event(parsed: &Parsed, record: &csv::StringRecord, file: &str) -> Result<NewChurnEvent> {
    let cell = |name: &str| {
        let index = parsed.headers.iter().position(|header| header == name)?;
        record.get(index).map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned)
    };
    let number = |name: &str| match cell(name) {
        None => Ok(None),
        Some(text_) => text_
            .parse::<i64>()
            .map(Some)
            .map_err(|_| Error::invalid("field_invalid", name, format!("{name} must be a whole number; got \"{}\".", text::excerpt(&text_)))),
    };
    let time = |name: &str| match cell(name) {
        None => Ok(None),
        Some(text_) => Time::parse(&text_).map(Some).ok_or_else(|| {
            Error::invalid(
                "field_invalid",
                name,
                format!("{name} must be a day or a time such as 2026-04-30 or 2026-04-30T12:00:00Z; got \"{}\".", text::excerpt(&text_)),
            )
        }),
    };
    if cell("customer_email").is_none() {
        return Err(Error::invalid("field_invalid", "customer_email", "customer_email must be filled in; got nothing."));
    }
    let pending = match cell("consent").as_deref() {
        None => parsed.confirm.everybody,
        Some("pending") => true,
        Some(other) => {
            let detail = format!("consent must be pending or empty; got \"{}\". A person records grounds on the desk.", text::excerpt(other));
            return Err(Error::invalid("field_invalid", "consent", detail));
        }
    };
    let ask = || parsed.ask(file);
    Ok(NewChurnEvent {
        confirm: pending.then(ask),
        customer_email: cell("customer_email"),
        customer_name: cell("customer_name"),
        company: cell("company"),
        provider: Some(cell("provider").unwrap_or_else(|| "csv".to_owned())),
        provider_customer_id: cell("provider_customer_id"),
        provider_subscription_id: cell("provider_subscription_id"),
        plan_name: cell("plan_name"),
        mrr_minor: match number("mrr_cents")? {
            Some(minor) => Some(minor),
            None => number("mrr")?,
        },
        currency: cell("currency"),
        tenure_days: number("tenure_days")?,
        cancel_reason: cell("cancel_reason"),
        cancel_reason_text: cell("cancel_reason_text"),
        event_type: cell("event_type"),
        last_active_at: time("last_active_at")?,
        churned_at: time("cancelled_at")?,
        notes: cell("notes"),
        features: cell("features").map(|list| list.split(';').map(|f| f.trim().to_owned()).filter(|f| !f.is_empty()).collect()).unwrap_or_default(),
        ..NewChurnEvent::default()
    })
}

//! CSV import of churn events and of contacts: good rows are kept, bad rows are reported by line and kept for download.

use std::io::Read;

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Db;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::contacts::consents::opt_in::Ask;
use crate::domain::error::{Error, Kind, Result};
use crate::domain::ids::{ContactId, ImportId};
use crate::domain::privacy::provenance;
use crate::domain::{contacts, text};

use super::intake::{NewChurnEvent, Taken, take};
use super::queries;

/// Largest file taken, in bytes.
pub const LARGEST: usize = 50 * 1024 * 1024;
/// Rows committed together; also how often progress is written.
const BATCH: usize = 200;

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
    /// running, finished or failed.
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
    };
    queries::put_import(conn, &import)?;
    Ok(import)
}

/// Imports the rows, batch by batch, and tells `progress` after each.
pub fn run(db: &Db, actor: &Actor, mut import: Import, parsed: &Parsed, now: impl Fn() -> Time, progress: impl Fn(&Import)) -> Result<Import> {
    let mut refused = csv::Writer::from_writer(vec![]);
    let mut header = vec!["line".to_owned(), "problem".to_owned()];
    header.extend(parsed.headers.iter().cloned());
    refused.write_record(&header).map_err(Error::internal)?;
    for batch in parsed.rows.chunks(BATCH) {
        let before = import.clone();
        let done = db.write(|conn| {
            for (line, record) in batch {
                match transaction(conn, |conn| take_row(conn, actor, parsed, record, &import, now())) {
                    Ok(true) => import.imported_rows += 1,
                    Ok(false) => import.duplicate_rows += 1,
                    // A row that is wrong, or whose person cannot be asked, is reported; a database that fails ends the import.
                    Err(error) if matches!(error.kind, Kind::Invalid | Kind::Forbidden | Kind::Conflict) => {
                        import.refused_rows += 1;
                        let cells = [line.to_string(), error.detail].into_iter().chain(record.iter().map(text::neutral_cell));
                        refused.write_record(cells).map_err(Error::internal)?;
                    }
                    Err(error) => return Err(error),
                }
            }
            queries::put_import(conn, &import)?;
            Ok(())
        });
        if let Err(error) = done {
            let failed = Import { state: "failed".into(), problem: Some(error.detail.clone()), finished_at: Some(now()), ..before };
            db.write(|conn| Ok::<_, Error>(queries::put_import(conn, &failed)?))?;
            return Err(error);
        }
        progress(&import);
    }
    import.state = "finished".to_owned();
    import.finished_at = Some(now());
    if import.refused_rows > 0 {
        let bytes = refused.into_inner().map_err(|error| Error::internal(error.error()))?;
        import.refused_csv = String::from_utf8(bytes).map_err(Error::internal)?;
    }
    db.write(|conn| Ok::<_, Error>(queries::put_import(conn, &import)?))?;
    Ok(import)
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

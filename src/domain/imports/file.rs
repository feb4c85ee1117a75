//! A CSV file read whole once, so that one broken anywhere is refused before a row is kept.

use crate::domain::contacts;
use crate::domain::contacts::consents::opt_in::Ask;
use crate::domain::error::{Error, Result};
use crate::domain::{facts, text};

/// Largest file taken, in bytes.
pub const LARGEST: usize = 50 * 1024 * 1024;
/// Most rows taken from one file.
const MOST_ROWS: usize = 1_000_000;

/// The columns of a file of churn events; `customer_email` is the one needed.
pub const CHURN_COLUMNS: [&str; 19] = [
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
    "features",
];

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Churn events.
    Churn,
    /// Contacts; a column that is not understood is kept with the contact.
    Contacts,
    /// Facts of one kind.
    Facts(facts::Kind),
}

impl Of {
    /// The word in the database.
    pub(super) fn word(self) -> &'static str {
        match self {
            Of::Churn => "churn",
            Of::Contacts => "contacts",
            Of::Facts(kind) => kind.as_str(),
        }
    }

    /// What a word in the database stands for.
    pub fn from_word(word: &str) -> Of {
        match word.parse() {
            Ok(kind) => Of::Facts(kind),
            Err(_) if word == Of::Contacts.word() => Of::Contacts,
            Err(_) => Of::Churn,
        }
    }

    fn check(self, headers: &[String]) -> Result<()> {
        match self {
            Of::Churn => check_churn(headers),
            Of::Contacts => contacts::import::check(headers),
            // A row says what it lacks.
            Of::Facts(_) => Ok(()),
        }
    }
}

/// Who of a file is asked to confirm that they want mail.
#[derive(Debug, Clone, Default)]
pub struct Confirm {
    /// Everybody, and not only those whose row says `pending` under `consent`.
    pub everybody: bool,
    /// The mailbox that asks, by address or id; none where only one is within reach.
    pub mailbox: Option<String>,
}

/// A file that was found well-formed, to be imported row by row.
#[derive(Debug)]
pub struct Parsed {
    pub(super) of: Of,
    pub(super) headers: Vec<String>,
    pub(super) content: String,
    pub(super) rows: usize,
    pub(super) confirm: Confirm,
}

/// A row with the line it is on.
pub(super) type Row = (u64, csv::StringRecord);

impl Parsed {
    /// The same with who is asked.
    pub fn confirming(self, confirm: Confirm) -> Parsed {
        Parsed { confirm, ..self }
    }

    pub(super) fn ask(&self, file: &str) -> Ask {
        Ask { mailbox: self.confirm.mailbox.clone(), source: format!("the file {file}"), ..Ask::default() }
    }

    /// The rows after the first so many, read as they are needed.
    pub(super) fn rows_after(&self, done: usize) -> impl Iterator<Item = Result<Row>> {
        reader(&self.content).into_records().skip(done).map(row)
    }
}

/// Reads a file. One that is broken anywhere is refused whole.
pub fn read(of: Of, bytes: Vec<u8>) -> Result<Parsed> {
    if bytes.len() > LARGEST {
        return Err(Error::too_large("file", LARGEST));
    }
    let content = String::from_utf8(bytes).map_err(|error| not_utf8(&error))?;
    refuse_open_quote(content.as_bytes())?;
    let mut reader = reader(&content);
    let headers: Vec<String> = reader.headers().map_err(|error| broken(&error))?.iter().map(|h| h.trim().to_ascii_lowercase()).collect();
    of.check(&headers)?;
    let mut rows = 0;
    for found in reader.into_records().map(row) {
        let (line, _) = found?;
        rows += 1;
        if rows > MOST_ROWS {
            return Err(wrong(line, 1, &format!("there are more than {MOST_ROWS} rows"), "Cut the file in two."));
        }
    }
    Ok(Parsed { of, headers, content, rows, confirm: Confirm::default() })
}

fn reader(content: &str) -> csv::Reader<&[u8]> {
    let without_mark = content.strip_prefix('\u{FEFF}').unwrap_or(content);
    csv::ReaderBuilder::new().flexible(false).from_reader(without_mark.as_bytes())
}

fn row(record: csv::Result<csv::StringRecord>) -> Result<Row> {
    let record = record.map_err(|error| broken(&error))?;
    Ok((record.position().map_or(0, csv::Position::line), record))
}

fn wrong(line: u64, column: usize, reason: &str, then: &str) -> Error {
    let detail = format!("Line {line}, column {column}: {reason}. No row was imported. {then}");
    Error::invalid("csv_invalid", "file", detail.trim_end())
}

fn not_utf8(error: &std::string::FromUtf8Error) -> Error {
    let (before, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
    let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    let byte = rest.first().copied().unwrap_or_default();
    wrong(line, column, &format!("byte 0x{byte:02X} is not UTF-8"), "Save the file as UTF-8.")
}

/// The csv crate closes an open quote at the end of the file; that would swallow rows silently.
fn refuse_open_quote(bytes: &[u8]) -> Result<()> {
    let (mut line, mut column, mut open) = (1, 1, None);
    for byte in bytes {
        match byte {
            b'"' => open = if open.is_some() { None } else { Some(line) },
            b'\n' => (line, column) = (line + 1, 0),
            _ => {}
        }
        column += 1;
    }
    match open {
        Some(opened) => Err(wrong(line, column, &format!("quote opened on line {opened} was never closed"), "")),
        None => Ok(()),
    }
}

fn check_churn(headers: &[String]) -> Result<()> {
    let understood = || format!("The columns understood are {}", CHURN_COLUMNS.join(", "));
    if !headers.iter().any(|h| h == CHURN_COLUMNS[0]) {
        return Err(wrong(1, 1, &format!("there is no column customer_email. {}", understood()), ""));
    }
    match headers.iter().enumerate().find(|(_, h)| !CHURN_COLUMNS.contains(&h.as_str())) {
        Some((at, unknown)) => {
            let reason = format!("\"{}\" is not a column of this import. {}", text::excerpt(unknown), understood());
            Err(wrong(1, at + 1, &reason, ""))
        }
        None => Ok(()),
    }
}

fn broken(error: &csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields, header has {expected_len}"),
        _ => "this is not readable as CSV".to_owned(),
    };
    wrong(line, 1, &reason, "")
}

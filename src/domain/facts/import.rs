//! Facts from a CSV file, one kind a file.

use std::io::Read;

use jiff::civil::Date;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::money::Money;
use crate::domain::reason::Reason;

use super::{AllowedUrl, Body, CompanyFact, CustomerStory, Kind, MigrationChange, Offer, PlanPrice, ProductUpdate, day, queries, record};

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

/// A row by column name.
struct Row<'a> {
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let at = self.header.iter().position(|column| column.trim().eq_ignore_ascii_case(name))?;
        self.record.get(at).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn need(&self, name: &str) -> Result<String> {
        self.get(name).ok_or_else(|| Error::invalid("field_invalid", name, format!("{name} must be filled in; got nothing.")))
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.get(name).map(|text| text.split(';').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()).unwrap_or_default()
    }

    fn day(&self, name: &str) -> Result<Option<Date>> {
        self.get(name).map(|text| day(name, &text)).transpose()
    }

    fn small(&self, name: &str) -> Result<Option<u8>> {
        let parse = |text: String| {
            text.parse().map_err(|_| Error::invalid("field_invalid", name, format!("{name} must be a whole number from 0 to 255; got \"{text}\".")))
        };
        self.get(name).map(parse).transpose()
    }

    fn money(&self, name: &str) -> Result<Option<Money>> {
        let Some(text) = self.get(&format!("{name}_minor")) else { return Ok(None) };
        let minor =
            text.parse().map_err(|_| Error::invalid("field_invalid", name, format!("{name}_minor must be a whole number; got \"{text}\".")))?;
        Ok(Some(Money { minor, currency: self.need("currency")? }))
    }
}

/// The columns of a kind, for the page that explains the file.
pub fn columns(kind: Kind) -> &'static str {
    match kind {
        Kind::ProductUpdate => "title, summary, shipped_on, features, keywords, url",
        Kind::Offer => "name, code, percent or amount_minor with currency, months, cap_minor, budget_minor, expires_on, eligible_reasons, stackable",
        Kind::PlanPrice => "name, price_minor, currency, features",
        Kind::CompanyFact => "name, value",
        Kind::AllowedUrl => "url, note",
        Kind::MigrationChange => "title, endpoint, header, field, old, new, deadline, url",
        Kind::CustomerStory => "who, quote, outcome, plan, reason",
        Kind::ContactField | Kind::UsageFigure | Kind::TicketQuote => "",
    }
}

fn body_of(kind: Kind, row: &Row<'_>) -> Result<Body> {
    let reason =
        |word: &str| word.parse::<Reason>().map_err(|expected| Error::invalid("field_invalid", "reason", format!("reason must be {expected}.")));
    Ok(match kind {
        Kind::ProductUpdate => Body::ProductUpdate(ProductUpdate {
            title: row.need("title")?,
            summary: row.need("summary")?,
            features: row.list("features"),
            keywords: row.list("keywords"),
            shipped_on: day("shipped_on", &row.need("shipped_on")?)?,
            url: row.get("url"),
        }),
        Kind::Offer => Body::Offer(Offer {
            name: row.need("name")?,
            code: row.need("code")?,
            percent: row.small("percent")?,
            amount: row.money("amount")?,
            months: row.small("months")?,
            cap: row.money("cap")?,
            budget: row.money("budget")?,
            expires_on: row.day("expires_on")?,
            eligible_reasons: row.list("eligible_reasons").iter().map(|word| reason(word)).collect::<Result<_>>()?,
            stackable: row.get("stackable").is_some_and(|word| matches!(word.to_lowercase().as_str(), "yes" | "true" | "1")),
        }),
        Kind::PlanPrice => {
            let price =
                row.money("price")?.ok_or_else(|| Error::invalid("field_invalid", "price_minor", "price_minor must be filled in; got nothing."))?;
            Body::PlanPrice(PlanPrice { name: row.need("name")?, price, features: row.list("features") })
        }
        Kind::CompanyFact => Body::CompanyFact(CompanyFact { name: row.need("name")?, value: row.need("value")? }),
        Kind::AllowedUrl => Body::AllowedUrl(AllowedUrl { url: row.need("url")?, note: row.get("note") }),
        Kind::MigrationChange => Body::MigrationChange(MigrationChange {
            title: row.need("title")?,
            endpoint: row.get("endpoint"),
            header: row.get("header"),
            field: row.get("field"),
            old: row.get("old"),
            new: row.get("new"),
            deadline: row.day("deadline")?,
            url: row.get("url"),
        }),
        Kind::CustomerStory => Body::CustomerStory(CustomerStory {
            who: row.need("who")?,
            quote: row.need("quote")?,
            outcome: row.get("outcome"),
            plan: row.get("plan"),
            reason: row.get("reason").map(|word| reason(&word)).transpose()?,
        }),
        Kind::ContactField | Kind::UsageFigure | Kind::TicketQuote => {
            return Err(Error::invalid("field_invalid", "kind", format!("{kind} comes from the contact and cannot be imported.")));
        }
    })
}

/// Reads a file of one kind. A row of a known key becomes a new version of it; a row
/// that does not fit is refused alone; a file that is not CSV is refused whole.
pub fn import(conn: &mut Conn, actor: &Actor, kind: Kind, file: impl Read, name: &str, now: Time) -> Result<Imported> {
    actor.must_manage()?;
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can import facts."));
    }
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
            match body_of(kind, &Row { header: &header, record: &record }).and_then(Body::check) {
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

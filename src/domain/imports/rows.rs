//! A row of a file as a churn event, a contact or a fact.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::churn::intake::{self, NewChurnEvent, Taken};
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::privacy::provenance;
use crate::domain::{contacts, facts, text};

use super::Import;
use super::file::{Of, Parsed};

/// Whether the row said something that was not known.
pub(super) fn take(conn: &mut Conn, actor: &Actor, parsed: &Parsed, record: &csv::StringRecord, import: &Import, now: Time) -> Result<bool> {
    let (contact, new) = match parsed.of {
        Of::Churn => match intake::take(conn, actor, &new_event(parsed, record, &import.file_name)?, "csv", now)? {
            Taken::New(event) => (event.contact_id, true),
            Taken::Known(_) => (None, false),
        },
        Of::Contacts => {
            let ask = |pending: bool| (pending || parsed.confirm.everybody).then(|| parsed.ask(&import.file_name));
            let (contact, new) = contacts::import::take(conn, actor, &parsed.headers, record, ask, now)?;
            (Some(contact), new)
        }
        Of::Facts(kind) => (None, facts::import::take(conn, actor, kind, &parsed.headers, record, &import.file_name, now)?),
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

//! What somebody says on a cancel page, in their own browser. Anybody can call it, so their own
//! server's signature says who they are; nobody can report somebody else.

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::churn::cancel_page;
use crate::domain::churn::intake::{NewChurnEvent, Taken};
use crate::domain::contacts::made_up;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::RowId;

use super::receive::{Trusted, way};
use super::signatures::{self, Refused};
use super::{IntakeEvent, Outcome, Provider, Source, queries};

/// How long what the server signed is valid, in hours: as long as a page may stay open.
pub const VALID_HOURS: i64 = 24;

/// What a cancel page says.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The customer's id with whoever takes the money; empty without one.
    pub customer_id: String,
    /// The customer's address; empty without one.
    pub customer_email: String,
    /// When their server signed it, in seconds since the epoch.
    pub signed_at: i64,
    /// HMAC-SHA256 by their server over time, id and address.
    pub signature: String,
    /// The reason as a code.
    pub reason: Option<String>,
    /// Their words.
    pub text: Option<String>,
}

/// Checks that their own server says who they are.
pub fn verify(by: &Trusted, report: &Report, now: Time) -> std::result::Result<(), Refused> {
    signatures::customer(&by.secret, &report.signature, report.signed_at, &report.customer_id, &report.customer_email)?;
    let age = now.seconds().saturating_sub(report.signed_at);
    let valid = (-signatures::TOLERANCE_SECONDS..=VALID_HOURS * 3600).contains(&age);
    if valid { Ok(()) } else { Err(Refused::Stale(age)) }
}

/// Takes a verified report. Where the provider reported the departure already, it gets the words;
/// none where nobody is a customer.
pub fn take(conn: &mut Conn, source: &Source, report: &Report, now: Time) -> Result<Option<Taken>> {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (id, email) = (given(&report.customer_id), given(&report.customer_email));
    if id.is_none() && email.is_none() {
        return Err(Error::invalid("field_invalid", "customer_email", "Give customer_email or customer_id; got neither."));
    }
    if let Some(email) = &email {
        EmailAddress::parse("customer_email", email)?;
    }
    let new = NewChurnEvent {
        customer_email: email.clone(),
        provider_customer_id: id,
        cancel_reason: report.reason.clone(),
        cancel_reason_text: report.text.clone(),
        ..NewChurnEvent::default()
    };
    transaction(conn, |conn| {
        let made_up = match &email {
            Some(email) => made_up::is_address_of_one(conn, email)?,
            None => false,
        };
        let taken = if made_up { None } else { Some(cancel_page::take(conn, &Actor::System(way(Provider::CancelFlow)), &new, now)?) };
        let event = taken.as_ref().map(|(Taken::New(event) | Taken::Known(event))| event.id.clone());
        queries::set_last_event(conn, &source.id, now)?;
        let line = IntakeEvent {
            id: RowId::new(),
            source_id: Some(source.id.clone()),
            provider: Provider::CancelFlow,
            event_id: None,
            event_type: "cancel_page".to_owned(),
            outcome: if event.is_some() { Outcome::Taken } else { Outcome::Ignored },
            note: event.is_none().then(|| "It is about nobody who is a customer.".to_owned()),
            churn_event_id: event,
            occurred_at: None,
            received_at: now,
        };
        queries::insert_event(conn, &line)?;
        Ok(taken)
    })
}

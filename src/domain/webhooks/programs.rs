//! What is told of migrations, referrals, mail that came in and leads.

use serde_json::json;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::cohorts::{Cohort, Progress};
use crate::domain::contacts::{self, ContactRow};
use crate::domain::error::Result;
use crate::domain::ids::LeadId;
use crate::domain::referrals::{Conversion, Referral};
use crate::domain::threads::InboundEmail;

use super::EventType;
use super::events::simple;

/// Tells that a contact of a cohort came further, or fell back.
pub(in crate::domain) fn migration_moved(
    conn: &mut Conn,
    cohort: &Cohort,
    contact: &ContactRow,
    from: Progress,
    to: Progress,
    now: Time,
) -> Result<()> {
    let data = json!({
        "cohort_id": cohort.id,
        "cohort": cohort.name,
        "contact_id": contact.id,
        "email": contact.email,
        "from": from,
        "to": to,
        "deadline": cohort.deadline,
        "days_left": cohort.days_left(now),
    });
    // Tags alone lock nothing, and events about one contact are counted.
    contacts::held_row(conn, &contact.id)?;
    simple(conn, EventType::MigrationStateChanged, contact.id.as_str(), None, &data, now)
}

/// Tells that somebody followed a link. The row of the referral is held.
pub(in crate::domain) fn referral_clicked(conn: &mut Conn, referral: &Referral, contact: &ContactRow, now: Time) -> Result<()> {
    let data = json!({
        "referral_id": referral.id,
        "code": referral.code,
        "contact_id": contact.id,
        "email": contact.email,
        "clicks": referral.clicks + 1,
        "at": now,
    });
    simple(conn, EventType::ReferralClicked, referral.id.as_str(), None, &data, now)
}

/// Tells that a recommendation brought somebody. The row of the referral is held.
pub(in crate::domain) fn referral_converted(
    conn: &mut Conn,
    referral: &Referral,
    contact: &ContactRow,
    conversion: &Conversion,
    now: Time,
) -> Result<()> {
    let data = json!({
        "referral_id": referral.id,
        "code": referral.code,
        "contact_id": contact.id,
        "email": contact.email,
        "conversion_id": conversion.id,
        "id": conversion.external_id,
        "converted_contact_id": conversion.contact_id,
        "value": conversion.value_minor,
        "currency": conversion.currency,
        "conversions": referral.conversions,
        "at": now,
    });
    simple(conn, EventType::ReferralConverted, referral.id.as_str(), None, &data, now)
}

/// Tells that a mail came in. Its words are never in it: whoever needs them reads it with a key.
pub(in crate::domain) fn received(conn: &mut Conn, email: &InboundEmail, held: bool, now: Time) -> Result<()> {
    // Nothing of what is held from agents leaves before a person releases it.
    let from = (!held).then_some(&email.from_address);
    let data = json!({
        "id": email.id,
        "kind": email.kind,
        "mailbox_id": email.mailbox_id,
        "thread_id": email.thread_id,
        "contact_id": email.contact_id,
        "from": from,
        "held": held,
        "received_at": email.received_at,
    });
    simple(conn, EventType::MessageReceived, email.id.as_str(), Some(&email.mailbox_id), &data, now)
}

/// Tells that somebody shows that they may buy.
pub(in crate::domain) fn lead_qualified(conn: &mut Conn, lead: &LeadId, email: &InboundEmail, signals: &[String], now: Time) -> Result<()> {
    let data = json!({
        "lead_id": lead,
        "message_id": email.id,
        "from": email.from_address,
        "signals": signals,
        "thread_id": email.thread_id,
        "mailbox_id": email.mailbox_id,
        "contact_id": email.contact_id,
    });
    simple(conn, EventType::LeadQualified, email.thread_id.as_str(), Some(&email.mailbox_id), &data, now)
}

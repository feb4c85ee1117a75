//! What was promised to whom, kept when the mail has left.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::claims::{Claim, Kind};
use crate::domain::contacts;
use crate::domain::error::Result;
use crate::domain::facts::{self, Body};
use crate::domain::ids::{ContactId, FactId, MessageId};

use super::{MessageRow, queries};

/// Months that an offer without an end counts for in a budget.
const OPEN_ENDED_MONTHS: i64 = 12;

/// A promise that was sent.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::promises)]
pub struct Promise {
    /// In which message.
    pub message_id: MessageId,
    /// Its place among the promises of that message.
    pub position: i32,
    /// To whom.
    pub contact_id: ContactId,
    /// The fact it rests on.
    pub fact_id: Option<FactId>,
    /// The version of the fact.
    pub fact_version: Option<i32>,
    /// Its words.
    pub words: String,
    /// The sentence.
    pub sentence: String,
    /// What it costs at most, in minor units, once for each offer and message.
    pub value_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// When it was sent.
    pub made_at: Time,
}

/// Keeps the promises of a message that was sent; called with the server's 250.
pub(in crate::domain) fn note_sent(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<()> {
    let claims = queries::claims(conn, &row.id, row.version)?;
    let mut seen: Vec<String> = vec![];
    let mut valued: Vec<FactId> = vec![];
    let mut position = 0;
    for claim in claims {
        let on_offer = match &claim.fact_id {
            Some(id) => match facts::body_of(conn, id)? {
                Some(Body::Offer(offer)) => Some(offer),
                _ => None,
            },
            None => None,
        };
        if on_offer.is_none() && claim.kind != Kind::Promise || seen.contains(&claim.claim_key) {
            continue;
        }
        seen.push(claim.claim_key.clone());
        let value = match (&claim.fact_id, on_offer) {
            (Some(id), Some(offer)) if !valued.contains(id) => {
                valued.push(id.clone());
                cost(conn, &row.contact_id, &offer)?
            }
            _ => None,
        };
        queries::insert_promise(
            conn,
            &Promise {
                message_id: row.id.clone(),
                position,
                contact_id: row.contact_id.clone(),
                fact_id: claim.fact_id,
                fact_version: claim.fact_version,
                words: claim.words,
                sentence: claim.sentence,
                value_minor: value.as_ref().map(|(minor, _)| *minor),
                currency: value.map(|(_, currency)| currency),
                made_at: now,
            },
        )?;
        position += 1;
    }
    Ok(())
}

/// What an offer costs at most with this customer.
fn cost(conn: &mut Conn, contact: &ContactId, offer: &facts::Offer) -> Result<Option<(i64, String)>> {
    let months = offer.months.map_or(OPEN_ENDED_MONTHS, i64::from);
    let each = match (&offer.amount, offer.percent) {
        (Some(amount), _) => Some((amount.minor, amount.currency.clone())),
        (None, Some(percent)) => contacts::customer(conn, contact)?
            .and_then(|customer| customer.mrr_minor.zip(customer.currency))
            .map(|(minor, currency)| (minor.saturating_mul(percent.into()) / 100, currency)),
        (None, None) => None,
    };
    Ok(each.map(|(minor, currency)| {
        let whole = minor.saturating_mul(months);
        let capped = offer.cap.as_ref().filter(|cap| cap.currency == currency).map_or(whole, |cap| whole.min(cap.minor));
        (capped, currency)
    }))
}

/// What was promised to a contact, newest first.
pub fn to_contact(conn: &mut Conn, contact: &ContactId) -> Result<Vec<Promise>> {
    Ok(queries::promises_to(conn, contact, 50)?)
}

/// An offer that was promised to somebody and is still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPromise {
    /// The day it was promised.
    pub day: jiff::civil::Date,
    /// Its code.
    pub code: String,
    /// What it saves.
    pub saving: String,
}

/// The latest offer that was promised to a contact and is still open, among those that `counts` picks.
pub(in crate::domain) fn open_promise(
    conn: &mut Conn,
    contact: &ContactId,
    counts: impl Fn(&FactId) -> bool,
    now: Time,
) -> Result<Option<OpenPromise>> {
    for promise in queries::promises_to(conn, contact, 50)? {
        let Some(earlier) = promise.fact_id.filter(&counts) else { continue };
        if let Some(Body::Offer(offer)) = facts::body_of(conn, &earlier)?
            && offer.expires_on.is_none_or(|day| day >= now.date())
        {
            return Ok(Some(OpenPromise { day: promise.made_at.date(), saving: offer.saving(), code: offer.code }));
        }
    }
    Ok(None)
}

/// The sentence that tells a reviewer of an earlier offer to the same person that says otherwise.
pub fn contradiction(conn: &mut Conn, contact: &ContactId, offers: &[FactId], now: Time) -> Result<Option<String>> {
    if offers.is_empty() {
        return Ok(None);
    }
    let found = open_promise(conn, contact, |earlier| !offers.contains(earlier), now)?;
    Ok(found.map(|OpenPromise { day, code, saving }| format!("On {day} this person was promised something else: {saving} with {code}.")))
}

/// The offers that claims rest on.
pub(super) fn offers_of(claims: &[Claim]) -> Vec<FactId> {
    let about = |claim: &&Claim| matches!(claim.kind, Kind::Percent | Kind::Code | Kind::Money) && claim.verdict.is_supported();
    let mut ids: Vec<FactId> = claims.iter().filter(about).filter_map(|claim| claim.fact.as_ref().map(|fact| fact.id.clone())).collect();
    ids.sort();
    ids.dedup();
    ids
}

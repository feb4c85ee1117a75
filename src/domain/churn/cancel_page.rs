//! What somebody says while they leave, where the departure may be on record already.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::facts;

use super::intake::{self, NewChurnEvent, SAME_WITHIN_SECONDS, Taken};
use super::{CANCEL_FLOW, ChurnEvent, get_row, log, queries};

/// Adds their words to a departure of the last day, or takes a new one in. Words that are there
/// already stay.
pub(in crate::domain) fn take(conn: &mut Conn, actor: &Actor, new: &NewChurnEvent, now: Time) -> Result<Taken> {
    actor.must_have(Scope::Draft)?;
    let told = intake::checked(new, CANCEL_FLOW, now)?;
    transaction(conn, |conn| {
        let since = now.plus_seconds(-SAME_WITHIN_SECONDS);
        let contact = intake::contact_with_address(conn, &told)?;
        match queries::open_of_customer(conn, contact.as_ref(), told.provider_customer_id.as_deref(), since)? {
            Some(known) => complete(conn, actor, known, &told, now).map(Taken::Known),
            None => intake::store(conn, actor, told, new, now).map(Taken::New),
        }
    })
}

fn complete(conn: &mut Conn, actor: &Actor, known: ChurnEvent, told: &ChurnEvent, now: Time) -> Result<ChurnEvent> {
    let mut event = known.clone();
    event.cancel_reason = event.cancel_reason.or_else(|| told.cancel_reason.clone());
    event.cancel_reason_text = event.cancel_reason_text.or_else(|| told.cancel_reason_text.clone());
    if (&event.cancel_reason, &event.cancel_reason_text) == (&known.cancel_reason, &known.cancel_reason_text) {
        return Ok(known);
    }
    if event.reason_corrected_by.is_none() {
        intake::analyse_event(conn, &mut event)?;
    }
    queries::set_words(conn, &event, now)?;
    log(conn, actor, "churn.complete", &event.id, json!({"reason": event.reason}), now)?;
    if let Some(contact) = &event.contact_id {
        facts::refresh(conn, contact, now)?;
    }
    get_row(conn, &event.id)
}

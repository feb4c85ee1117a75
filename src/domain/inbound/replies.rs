//! What follows when a person writes.

use jiff::civil::time;

use crate::clock::{self, Time};
use crate::db::Conn;
use crate::domain::cohorts;
use crate::domain::contacts::suppressions::{self, Reason};
use crate::domain::contacts::{self, absence};
use crate::domain::error::Result;
use crate::domain::ids::ContactId;
use crate::domain::messages::{self, cancel};
use crate::domain::threads::{self, InboundEmail};
use crate::domain::{churn, sequences};
use crate::inbound::away::UNTOLD_DAYS;
use crate::inbound::{AutoReply, quoted};

use super::matching::Found;
use super::sentiment::{self, Sentiment};
use super::{MAIL, leads};

/// Tags of messages that ask for an answer to a survey.
pub(in crate::domain) const ASKS_FOR_FEEDBACK: &str = "nps_request";
/// The tag of an answer to one.
const IS_FEEDBACK: &str = "nps_response";

/// Somebody asks to get no more mail. A token says who, whatever address it was sent from.
pub(super) fn leave(conn: &mut Conn, email: &InboundEmail, found: Option<&Found>, token: Option<&str>, now: Time) -> Result<()> {
    if let Some(token) = token
        && suppressions::unsubscribe(conn, token, "mailto", now)?
    {
        threads::label(conn, &email.id, &["unsubscribe".to_owned()])?;
        return stop(conn, email, found, now);
    }
    let message = found.map(|found| &found.row.id);
    suppressions::add(conn, &MAIL, &email.from_key, Reason::Unsubscribed, "reply", message, now)?;
    // Whoever answers from another address means the one that was written to as well.
    if let Some(found) = found {
        suppressions::add(conn, &MAIL, &found.contact.email_key, Reason::Unsubscribed, "reply", message, now)?;
    }
    threads::label(conn, &email.id, &["unsubscribe".to_owned()])?;
    stop(conn, email, found, now)
}

/// A machine answered for somebody. If they are away, campaigns wait until they are back.
pub(super) fn away(conn: &mut Conn, email: &InboundEmail, auto: Option<AutoReply>, now: Time) -> Result<()> {
    let (Some(auto), Some(id)) = (auto.filter(|auto| auto.absent), &email.contact_id) else { return Ok(()) };
    let contact = contacts::row(conn, id)?;
    let midnight = |day: jiff::civil::Date| Time::from_local(day.to_datetime(time(0, 0, 0, 0)), &clock::zone(contact.time_zone.as_deref()));
    let until = auto.back.and_then(midnight).unwrap_or_else(|| now.plus_days(UNTOLD_DAYS));
    absence::note(conn, &MAIL, &contact, Some(until), now)
}

/// Whether a message asks for an answer to a survey.
pub(super) fn is_survey(found: &Found) -> bool {
    found.tags.iter().any(|tag| tag == ASKS_FOR_FEEDBACK)
}

/// Somebody wrote. `sounds` is what a model says of it, where one was asked.
pub(super) fn answered(conn: &mut Conn, email: &InboundEmail, found: Option<&Found>, sounds: Option<Sentiment>, now: Time) -> Result<()> {
    let written = quoted::written(&email.text_body);
    stop(conn, email, found, now)?;
    if let Some(found) = found {
        if is_survey(found) {
            let word = match sounds.unwrap_or_else(|| sentiment::of(&written)) {
                Sentiment::Positive => "sentiment_positive",
                Sentiment::Neutral => "sentiment_neutral",
                Sentiment::Negative => "sentiment_negative",
            };
            threads::label(conn, &email.id, &[IS_FEEDBACK.to_owned(), word.to_owned()])?;
        }
        cohorts::acknowledged(conn, &found.contact, &found.tags, now)?;
        churn::answered(conn, &found.row.id, now)?;
        sequences::note_answer(conn, &found.row.id, now)?;
        churn::heard(conn, &MAIL, &found.contact.id, &written, now)?;
    }
    leads::qualify(conn, email, &written, now)
}

/// Ends sequences, and takes back what campaigns have ready, for whoever wrote and for whom they answer. Whoever writes is back.
fn stop(conn: &mut Conn, email: &InboundEmail, found: Option<&Found>, now: Time) -> Result<()> {
    let mut people: Vec<&ContactId> = email.contact_id.iter().chain(found.map(|found| &found.contact.id)).collect();
    people.dedup();
    for id in people {
        let contact = contacts::row(conn, id)?;
        sequences::answered(conn, &contact, now)?;
        let waiting = messages::queries::of_campaigns_waiting(conn, id)?;
        cancel::stop_all(conn, &MAIL, &waiting, now)?;
        if email.contact_id.as_ref() == Some(id) {
            absence::note(conn, &MAIL, &contact, None, now)?;
        }
    }
    Ok(())
}

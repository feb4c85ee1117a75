//! An update ships: customers who left and had asked for it get a draft, held for a person.

use diesel::prelude::*;
use jiff::civil::Date;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::drafting::{Draft, draft_all};
use crate::domain::error::{Error, Result};
use crate::domain::facts::{self, ProductUpdate};
use crate::domain::ids::FactId;
use crate::domain::mailboxes::Mode;
use crate::domain::messages;
use crate::domain::reason::Strategy;

use super::answers::{self, Answer};
use super::variants::{self, Choice};
use super::{ChurnEvent, Status, queries, sheet};

/// Updates that shipped longer ago than this, in days, are history: entering them queues nothing by itself.
const NEWS_DAYS: i64 = 7;
/// Churn events that one step looks at, in one transaction.
const STEP: i64 = 20;

/// How far an update has gone through the customers who left.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::update_rounds)]
pub struct Round {
    /// The update.
    pub fact_id: FactId,
    /// Not before this day, as YYYY-MM-DD.
    pub due_on: String,
    /// The churn event looked at last; empty at the start.
    pub last_event: String,
    /// How many had asked for it.
    pub asked: i32,
    /// For how many a draft was queued.
    pub drafted: i32,
    /// When all were looked at.
    pub finished_at: Option<Time>,
    /// When it was opened.
    pub created_at: Time,
}

/// Opens the round of an update that is news; called when the fact comes into force.
pub(in crate::domain) fn shipped(conn: &mut Conn, id: &FactId, update: &ProductUpdate, now: Time) -> Result<()> {
    if update.shipped_on >= now.plus_days(-NEWS_DAYS).date() {
        open(conn, id, update.shipped_on, now)?;
    }
    Ok(())
}

fn open(conn: &mut Conn, id: &FactId, due: Date, now: Time) -> Result<()> {
    if queries::round(conn, id)?.is_none() {
        let due_on = due.to_string();
        queries::insert_round(
            conn,
            &Round { fact_id: id.clone(), due_on, last_event: String::new(), asked: 0, drafted: 0, finished_at: None, created_at: now },
        )?;
    }
    Ok(())
}

/// Opens the round of an older update because a person asks for it.
pub fn start(conn: &mut Conn, actor: &Actor, id: &FactId, now: Time) -> Result<()> {
    actor.must_manage()?;
    transaction(conn, |conn| match facts::get(conn, actor, id)?.body.into_inner() {
        facts::Body::ProductUpdate(update) => open(conn, id, update.shipped_on, now),
        _ => Err(Error::invalid("field_invalid", "kind", "Only a product update can be offered to customers who asked for it.")),
    })
}

/// The round of an update.
pub fn round(conn: &mut Conn, id: &FactId) -> Result<Option<Round>> {
    Ok(queries::round(conn, id)?)
}

/// Looks at some more customers of one round and says whether there is more to do. Where a
/// step fails it is taken back whole and tried again.
pub fn step(conn: &mut Conn, now: Time) -> Result<bool> {
    transaction(conn, |conn| {
        let Some(mut round) = queries::due_round(conn, &now.date().to_string())? else { return Ok(false) };
        let events = queries::departures_after(conn, &round.last_event, STEP)?;
        let threshold = answers::threshold(conn)?;
        for event in &events {
            if let Some(drafted) = consider(conn, event, &round.fact_id, threshold, now)? {
                round.asked += 1;
                round.drafted += i32::from(drafted);
            }
            event.id.as_str().clone_into(&mut round.last_event);
        }
        if events.is_empty() {
            round.finished_at = Some(now);
        }
        queries::update_round(conn, &round)?;
        Ok(true)
    })
}

/// Whether they asked for it, and whether a draft was queued for them.
fn consider(conn: &mut Conn, event: &ChurnEvent, fact: &FactId, threshold: i32, now: Time) -> Result<Option<bool>> {
    let asked = |answer: &Answer| answer.id == *fact && answer.accepted != Some(false);
    if !answers::suggestions(conn, event, threshold, now)?.iter().any(asked) {
        return Ok(None);
    }
    // Refused for one customer, such as for a mailbox that is read-only, is no reason to stop.
    match transaction(conn, |conn| draft(conn, event, fact, now)) {
        Ok(drafted) => Ok(Some(drafted)),
        Err(error) if !error.kind.is_ours() => Ok(Some(false)),
        Err(error) => Err(error),
    }
}

/// Writes a letter about the update and submits it, unless something is on its way to them already.
fn draft(conn: &mut Conn, event: &ChurnEvent, fact: &FactId, now: Time) -> Result<bool> {
    let Some(contact) = &event.contact_id else { return Ok(false) };
    if messages::queries::is_under_way(conn, contact)? || messages::queries::was_told(conn, contact, fact)? {
        return Ok(false);
    }
    let actor = Actor::System("update round");
    if matches!(event.status, Status::New | Status::Processing) {
        variants::generate(conn, &actor, &event.id, now)?;
    }
    let Some(facts::Body::ProductUpdate(update)) = facts::body_of(conn, fact)? else { return Ok(false) };
    let letters = draft_all(&sheet::gather(conn, event, now)?);
    let about_it = |strategy| move |letter: &&Draft| letter.strategy == strategy;
    let wanted = [Strategy::UnusedFeature, Strategy::PainPointFix];
    let letter = wanted.iter().filter_map(|strategy| letters.iter().find(about_it(*strategy))).find(|letter| letter.text.contains(&update.title));
    let Some(letter) = letter else { return Ok(false) };
    let all = queries::variants(conn, &event.id)?;
    let Some(mut variant) = all.into_iter().find(|variant| variant.strategy == letter.strategy && variant.sent_at.is_none()) else {
        return Ok(false);
    };
    if variant.text_body != letter.text {
        // The nine were written before it shipped.
        (variant.subject, variant.text_body, variant.html_body) = (letter.subject.clone(), letter.text.clone(), letter.html.clone());
        queries::set_variant_words(conn, &variant, &actor)?;
    }
    let choice = Choice { mailbox: None, email_configured: true, mode: Some(Mode::GatedAll) };
    let message = variants::choose(conn, &actor, &event.id, &variant.id, choice, now)?;
    messages::queries::set_held_because(conn, &message.row.id, &format!("They asked for it and it shipped: {}.", update.title))?;
    Ok(true)
}

//! Customers leaving: intake, analysis, variants, recovery.

pub mod answers;
pub(in crate::domain) mod cancel_page;
pub mod demand;
pub mod evidence;
pub mod intake;
mod queries;
pub mod rules;
pub mod runs;
pub mod sheet;
pub mod shipping;
mod tenure;
pub mod timeline;
pub mod variants;
pub mod window;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::facts;
use crate::domain::ids::{ChurnEventId, ContactId, MessageId};
use crate::domain::messages;
use crate::domain::reason::{self, Reason, ReasonQuote, Strategy};
use crate::domain::sequences;
use crate::domain::webhooks;
use crate::text_enum;

pub use evidence::Evidence;
pub use queries::{Filter, Only};
pub use tenure::Tenure;

/// How sure the words of a reply must be to correct a reason, 0 to 100.
const SURE: i32 = 60;

/// The source of what customers say on a cancel page.
pub const CANCEL_FLOW: &str = "cancel flow";

text_enum!(
    /// Where a churn event stands.
    pub enum Status {
        /// Taken in.
        New => "new",
        /// Being analysed by an agent.
        Processing => "processing",
        /// Nine drafts are there.
        VariantsGenerated => "variants_generated",
        /// One of them was sent.
        EmailSent => "email_sent",
        /// The customer came back.
        Recovered => "recovered",
        /// The customer did not.
        Lost => "lost",
    }
);

text_enum!(
    /// How a customer left.
    pub enum EventType {
        /// They cancelled.
        Cancelled => "cancelled",
        /// The account ran out.
        Expired => "expired",
        /// They stopped using it.
        Inactive => "inactive",
        /// The payment failed.
        PaymentFailed => "payment_failed",
    }
);

/// One customer leaving.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::churn_events)]
pub struct ChurnEvent {
    /// Its id.
    pub id: ChurnEventId,
    /// The contact, where an address is known.
    pub contact_id: Option<ContactId>,
    /// The address.
    pub customer_email: Option<String>,
    /// The name.
    pub customer_name: Option<String>,
    /// Who reported it: stripe, csv, custom and the like.
    pub provider: String,
    /// The provider's id of the customer.
    pub provider_customer_id: Option<String>,
    /// The provider's id of the subscription.
    pub provider_subscription_id: Option<String>,
    /// The plan they had.
    pub plan_name: Option<String>,
    /// Monthly recurring revenue in minor units.
    pub mrr_minor: Option<i64>,
    /// ISO 4217, upper case.
    pub currency: String,
    /// How long they stayed, in days.
    pub tenure_days: Option<i32>,
    /// The code as given.
    pub cancel_reason: Option<String>,
    /// Their words as given.
    pub cancel_reason_text: Option<String>,
    /// How they left.
    pub event_type: EventType,
    /// When they were last active.
    pub last_active_at: Option<Time>,
    /// Notes.
    pub notes: Option<String>,
    /// Features they used.
    pub features: Json<Vec<String>>,
    /// Where it stands.
    pub status: Status,
    /// The reason the analysis found, or a person chose.
    pub reason: Reason,
    /// How sure, 0 to 100.
    pub reason_confidence: i32,
    /// The words that led there.
    pub reason_quotes: Json<Vec<ReasonQuote>>,
    /// Who corrected the reason.
    pub reason_corrected_by: Option<String>,
    /// By which way it came in.
    pub source: String,
    /// When they left.
    pub churned_at: Time,
    /// When they came back.
    pub recovered_at: Option<Time>,
    /// When it was taken in.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Until when a letter that was sent may bring them back; after it they count as lost.
    pub window_ends_at: Option<Time>,
    /// The strategy of the latest letter that left for them.
    pub letter_strategy: Option<Strategy>,
    /// When that letter left.
    pub letter_at: Option<Time>,
    /// When they first answered a letter.
    pub replied_at: Option<Time>,
    /// Whether a letter brought them back, where they came back.
    pub evidence: Option<Evidence>,
}

impl ChurnEvent {
    /// Whether it is neither recovered nor lost yet.
    pub fn is_open(&self) -> bool {
        !matches!(self.status, Status::Recovered | Status::Lost)
    }
}

/// One churn event.
pub fn get(conn: &mut Conn, actor: &Actor, id: &ChurnEventId) -> Result<ChurnEvent> {
    actor.must_have(Scope::Read)?;
    queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("churn event"))
}

/// Churn events, the latest departure first, and whether there are more.
pub fn list(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<(Vec<ChurnEvent>, bool)> {
    actor.must_have(Scope::Read)?;
    let mut rows = queries::list(conn, filter)?;
    let more = rows.len() > filter.limit;
    rows.truncate(filter.limit);
    Ok((rows, more))
}

/// The churn events of a contact, the latest first.
pub fn of_contact(conn: &mut Conn, actor: &Actor, contact: &ContactId) -> Result<Vec<ChurnEvent>> {
    actor.must_have(Scope::Read)?;
    Ok(queries::of_contact(conn, contact)?)
}

/// Corrects the reason.
pub fn correct_reason(conn: &mut Conn, actor: &Actor, id: &ChurnEventId, reason: Reason, now: Time) -> Result<ChurnEvent> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        let event = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("churn event"))?;
        queries::set_reason(conn, id, reason, actor.name(), now)?;
        log(conn, actor, "churn.correct_reason", id, json!({"from": event.reason, "to": reason}), now)?;
        if let Some(contact) = &event.contact_id {
            facts::refresh(conn, contact, now)?;
        }
        get_row(conn, id)
    })
}

/// What somebody who left wrote back. Clear words about why correct a reason that no person has set, and are quoted.
pub(in crate::domain) fn heard(conn: &mut Conn, actor: &Actor, contact: &ContactId, written: &str, now: Time) -> Result<()> {
    let Some(event) = queries::of_contact(conn, contact)?.into_iter().max_by_key(|event| event.churned_at) else { return Ok(()) };
    let said = reason::analyse(None, Some(written), &[]);
    let open = !matches!(event.status, Status::Recovered | Status::Lost);
    if !open || event.reason_corrected_by.is_some() || said.confidence < SURE || said.quotes.is_empty() {
        return Ok(());
    }
    let mut quotes = said.quotes;
    for quote in &mut quotes {
        quote.source = "their reply".to_owned();
    }
    let changed = said.reason != event.reason;
    quotes.extend(event.reason_quotes.iter().filter(|_| !changed).cloned());
    quotes.truncate(6);
    queries::set_heard_reason(conn, &event.id, said.reason, said.confidence, &Json::new(quotes), now)?;
    if changed {
        log(conn, actor, "churn.correct_reason", &event.id, json!({"from": event.reason, "to": said.reason, "by": "reply"}), now)?;
        facts::refresh(conn, contact, now)?;
    }
    Ok(())
}

/// Notes that somebody answered a letter, if this message was one.
pub(in crate::domain) fn answered(conn: &mut Conn, message: &MessageId, now: Time) -> Result<()> {
    match queries::variant_of_message(conn, message)? {
        Some(variant) => Ok(queries::set_replied(conn, &variant.churn_event_id, now)?),
        None => Ok(()),
    }
}

/// Notes that the customer came back.
pub fn recover(conn: &mut Conn, actor: &Actor, id: &ChurnEventId, now: Time) -> Result<ChurnEvent> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        hold(conn, id)?;
        let event = get_row(conn, id)?;
        if !event.is_open() {
            return Err(Error::bad_request("already_final", format!("this churn event is already {}", event.status)));
        }
        come_back(conn, actor, &event, now, now)?;
        get_row(conn, id)
    })
}

/// Somebody who counted as inactive uses the product again.
pub(in crate::domain) fn active_again(conn: &mut Conn, actor: &Actor, contact: &ContactId, at: Time, now: Time) -> Result<()> {
    for event in queries::inactive_before(conn, contact, at)? {
        come_back(conn, actor, &event, at, now)?;
    }
    Ok(())
}

/// The customer came back: it counts as recovered, no letter about it leaves any more, and a sequence they are in ends.
fn come_back(conn: &mut Conn, actor: &Actor, event: &ChurnEvent, at: Time, now: Time) -> Result<()> {
    queries::set_status(conn, &event.id, event.status, Status::Recovered, now)?;
    let evidence = evidence::note(conn, event, at)?;
    let detail = json!({"mrr_minor": event.mrr_minor, "currency": event.currency, "at": at, "evidence": evidence});
    log(conn, actor, "churn.recovered", &event.id, detail, now)?;
    let row = get_row(conn, &event.id)?;
    webhooks::churn_event(conn, webhooks::EventType::ChurnEventRecovered, &row, now)?;
    let letters: Vec<MessageId> = queries::variants(conn, &event.id)?.into_iter().filter_map(|variant| variant.message_id).collect();
    messages::cancel::stop_all(conn, actor, &letters, now)?;
    match &event.contact_id {
        Some(contact) => sequences::recovered(conn, contact, now),
        None => Ok(()),
    }
}

/// Lets nobody else change a departure before this transaction ends, so that two ways to a letter take turns.
fn hold(conn: &mut Conn, id: &ChurnEventId) -> Result<()> {
    Ok(queries::hold(conn, id)?)
}

fn get_row(conn: &mut Conn, id: &ChurnEventId) -> Result<ChurnEvent> {
    queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("churn event"))
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, id: &ChurnEventId, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "churn_event", target_id: id.as_str(), mailbox_id: None, detail }, now)
}

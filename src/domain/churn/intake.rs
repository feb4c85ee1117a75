//! One way in for every churn event, whoever reports it.

use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::consents::opt_in::{self, Ask};
use crate::domain::contacts::{self, ContactInput, Customer, UsageFigure};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ChurnEventId, ContactId};
use crate::domain::money::is_currency;
use crate::domain::reason::{Reason, analyse};
use crate::domain::{facts, mailboxes, text, threads, webhooks};

use super::timeline::Details;
use super::{ChurnEvent, EventType, Status, log, queries};

/// A second report of the same subscription within so many seconds is the first one again.
pub const SAME_WITHIN_SECONDS: i64 = 24 * 3600;

/// What a reporter says.
#[derive(Debug, Clone, Default)]
pub struct NewChurnEvent {
    /// The address; without one nothing can be sent.
    pub customer_email: Option<String>,
    /// The name.
    pub customer_name: Option<String>,
    /// Where they work.
    pub company: Option<String>,
    /// Who reports it; "custom" when empty.
    pub provider: Option<String>,
    /// The provider's id of the customer.
    pub provider_customer_id: Option<String>,
    /// The provider's id of the subscription.
    pub provider_subscription_id: Option<String>,
    /// The plan they had.
    pub plan_name: Option<String>,
    /// Monthly recurring revenue in minor units.
    pub mrr_minor: Option<i64>,
    /// ISO 4217; USD when empty.
    pub currency: Option<String>,
    /// How long they stayed, in days.
    pub tenure_days: Option<i64>,
    /// The code.
    pub cancel_reason: Option<String>,
    /// Their words.
    pub cancel_reason_text: Option<String>,
    /// How they left; "cancelled" when empty.
    pub event_type: Option<String>,
    /// When they were last active.
    pub last_active_at: Option<Time>,
    /// When they left; now when empty.
    pub churned_at: Option<Time>,
    /// Notes.
    pub notes: Option<String>,
    /// Features they used.
    pub features: Vec<String>,
    /// Figures of use.
    pub usage: Vec<UsageFigure>,
    /// IANA name of their zone.
    pub time_zone: Option<String>,
    /// Tags for the contact.
    pub tags: Vec<String>,
    /// The person is to confirm that they want mail, and is asked like this.
    pub confirm: Option<Ask>,
}

/// What intake made of it.
#[derive(Debug, Clone)]
pub enum Taken {
    /// A new event.
    New(ChurnEvent),
    /// The one reported before.
    Known(ChurnEvent),
}

/// Takes a churn event in: contact, subscription facts and analysis. Nothing is mailed by itself.
pub fn take(conn: &mut Conn, actor: &Actor, new: &NewChurnEvent, source: &str, now: Time) -> Result<Taken> {
    actor.must_have(Scope::Draft)?;
    let event = checked(new, source, now)?;
    transaction(conn, |conn| {
        // The same answer about the mailbox whether or not they are asked now.
        if let Some(ask) = &new.confirm {
            mailboxes::resolve(conn, actor, ask.mailbox.as_deref())?;
        }
        if let Some(subscription) = &event.provider_subscription_id {
            let since = now.plus_seconds(-SAME_WITHIN_SECONDS);
            if let Some(first) = queries::same_subscription(conn, &event.provider, subscription, since)? {
                return Ok(Taken::Known(first));
            }
        }
        store(conn, actor, event, new, now).map(Taken::New)
    })
}

/// Writes a departure down.
pub(super) fn store(conn: &mut Conn, actor: &Actor, mut event: ChurnEvent, new: &NewChurnEvent, now: Time) -> Result<ChurnEvent> {
    if let Some(email) = &event.customer_email
        && contacts::erase::is_erased(conn, email)?
    {
        forget(&mut event);
    }
    event.contact_id = contact(conn, actor, &event, new, now)?;
    if let Some(contact) = &event.contact_id {
        let customer = customer(conn, contact, &event, new, now)?;
        contacts::put_customer(conn, &customer)?;
        if let Some(ask) = &new.confirm {
            opt_in::ask_once(conn, actor, contact, ask, now)?;
        }
    }
    analyse_event(conn, &mut event)?;
    queries::insert(conn, &event)?;
    if let Some(contact) = &event.contact_id {
        facts::refresh(conn, contact, now)?;
    }
    log(conn, actor, "churn.take", &event.id, json!({"source": event.source, "reason": event.reason}), now)?;
    webhooks::churn_event(conn, webhooks::EventType::ChurnEventCreated, &event, now)?;
    Ok(event)
}

/// The contact with the event's address, added where there is none; none without an address.
pub(super) fn contact(conn: &mut Conn, actor: &Actor, event: &ChurnEvent, new: &NewChurnEvent, now: Time) -> Result<Option<ContactId>> {
    let Some(email) = &event.customer_email else { return Ok(None) };
    if contacts::erase::is_erased(conn, email)? {
        return Ok(None);
    }
    let input = ContactInput {
        email: email.clone(),
        name: event.customer_name.clone(),
        tags: new.tags.clone(),
        time_zone: new.time_zone.clone(),
        ..ContactInput::default()
    };
    Ok(Some(contacts::upsert_row(conn, actor, &input, now)?.id))
}

/// The contact with the event's address, where there is one.
pub(super) fn contact_with_address(conn: &mut Conn, event: &ChurnEvent) -> Result<Option<ContactId>> {
    let Some(email) = &event.customer_email else { return Ok(None) };
    let address = EmailAddress::parse("customer_email", email)?;
    Ok(contacts::by_address(conn, &Actor::System("intake"), &address)?.map(|row| row.id))
}

/// Writes down what is known of the subscription of a contact that is there already.
pub(super) fn keep_customer(conn: &mut Conn, event: &ChurnEvent, new: &NewChurnEvent, now: Time) -> Result<()> {
    if let Some(contact) = contact_with_address(conn, event)? {
        let customer = customer(conn, &contact, event, new, now)?;
        contacts::put_customer(conn, &customer)?;
        facts::refresh(conn, &contact, now)?;
    }
    Ok(())
}

/// A departure of somebody who was erased counts, without anything that says who they are.
fn forget(event: &mut ChurnEvent) {
    event.customer_email = None;
    event.customer_name = None;
    event.provider_customer_id = None;
    event.provider_subscription_id = None;
    event.cancel_reason_text = None;
    event.notes = None;
    event.features = Json::new(vec![]);
    event.last_active_at = None;
}

/// Looks at code, words and mail again and writes down the reason they give.
pub(super) fn analyse_event(conn: &mut Conn, event: &mut ChurnEvent) -> Result<()> {
    let history = match &event.contact_id {
        Some(contact) => threads::history(conn, contact)?,
        None => vec![],
    };
    let own_key = event.customer_email.as_deref().unwrap_or_default().to_lowercase();
    let thread: Vec<(&str, &str)> =
        history.iter().filter(|mail| mail.from_key == own_key).map(|mail| (mail.subject.as_str(), mail.text_body.as_str())).collect();
    let analysis = analyse(event.cancel_reason.as_deref(), event.cancel_reason_text.as_deref(), &thread);
    event.reason = analysis.reason;
    event.reason_confidence = analysis.confidence;
    event.reason_quotes = Json::new(analysis.quotes);
    Ok(())
}

fn customer(conn: &mut Conn, contact: &ContactId, event: &ChurnEvent, new: &NewChurnEvent, now: Time) -> Result<Customer> {
    let before = contacts::customer(conn, contact)?;
    let kept = |pick: fn(&Customer) -> Option<String>| before.as_ref().and_then(pick);
    Ok(Customer {
        contact_id: contact.clone(),
        company: text::optional_line("company", new.company.as_deref(), 200)?.or_else(|| kept(|c| c.company.clone())),
        plan_name: event.plan_name.clone().or_else(|| kept(|c| c.plan_name.clone())),
        mrr_minor: event.mrr_minor.or(before.as_ref().and_then(|c| c.mrr_minor)),
        currency: Some(event.currency.clone()),
        tenure_days: event.tenure_days.or(before.as_ref().and_then(|c| c.tenure_days)),
        features: if event.features.is_empty() {
            before.as_ref().map_or_else(|| Json::new(vec![]), |c| c.features.clone())
        } else {
            event.features.clone()
        },
        usage: if new.usage.is_empty() {
            before.as_ref().map_or_else(|| Json::new(vec![]), |c| c.usage.clone())
        } else {
            Json::new(new.usage.clone())
        },
        last_active_at: event.last_active_at.max(before.as_ref().and_then(|c| c.last_active_at)),
        updated_at: now,
    })
}

/// Refuses a report that could not be written down, and says how they left.
pub fn check(details: &Details, event_type: Option<&str>, at: Time) -> Result<EventType> {
    let report = details.as_report(EventType::Cancelled, at);
    let report = NewChurnEvent { event_type: event_type.map(str::to_owned), ..report };
    Ok(checked(&report, "", at)?.event_type)
}

pub(super) fn checked(new: &NewChurnEvent, source: &str, now: Time) -> Result<ChurnEvent> {
    let email = text::optional_line("customer_email", new.customer_email.as_deref(), 320)?;
    if let Some(email) = &email {
        EmailAddress::parse("customer_email", email)?;
    }
    let range = |field: &str, value: Option<i64>, most: i64| match value {
        Some(value) if !(0..=most).contains(&value) => {
            Err(Error::invalid("field_invalid", field, format!("{field} must be 0 to {most}; got {value}.")))
        }
        value => Ok(value),
    };
    let currency = text::optional_line("currency", new.currency.as_deref(), 3)?.unwrap_or_else(|| "USD".to_owned()).to_uppercase();
    if !is_currency(&currency) {
        return Err(Error::invalid(
            "field_invalid",
            "currency",
            format!("currency must be three letters such as USD; got \"{}\".", text::excerpt(&currency)),
        ));
    }
    let event_type = match text::optional_line("event_type", new.event_type.as_deref(), 40)? {
        None => EventType::Cancelled,
        Some(word) => match word.as_str() {
            "canceled" | "cancellation" | "subscription_cancelled" | "subscription_canceled" => EventType::Cancelled,
            word => word.parse().map_err(|expected| Error::invalid("field_invalid", "event_type", format!("event_type must be {expected}.")))?,
        },
    };
    if new.features.len() > 100 {
        return Err(Error::invalid("field_invalid", "features", format!("features must be at most 100; got {}.", new.features.len())));
    }
    let features = new.features.iter().map(|f| text::line("features", f, 100)).collect::<Result<Vec<_>>>()?;
    let churned_at = new.churned_at.unwrap_or(now);
    if churned_at > now.plus_days(1) {
        return Err(Error::invalid("field_invalid", "cancelled_at", format!("cancelled_at must not lie in the future; got {churned_at}.")));
    }
    Ok(ChurnEvent {
        id: ChurnEventId::new(),
        contact_id: None,
        customer_email: email,
        customer_name: text::optional_line("customer_name", new.customer_name.as_deref(), 200)?,
        provider: text::optional_line("provider", new.provider.as_deref(), 40)?.unwrap_or_else(|| "custom".to_owned()).to_lowercase(),
        provider_customer_id: text::optional_line("provider_customer_id", new.provider_customer_id.as_deref(), 200)?,
        provider_subscription_id: text::optional_line("provider_subscription_id", new.provider_subscription_id.as_deref(), 200)?,
        plan_name: text::optional_line("plan_name", new.plan_name.as_deref(), 80)?,
        mrr_minor: range("mrr", new.mrr_minor, 100_000_000_000)?,
        currency,
        tenure_days: range("tenure_days", new.tenure_days, 36_500)?.and_then(|days| i32::try_from(days).ok()),
        cancel_reason: text::optional_line("cancel_reason", new.cancel_reason.as_deref(), 200)?,
        cancel_reason_text: text::optional_body("cancel_reason_text", new.cancel_reason_text.as_deref(), 5000)?,
        event_type,
        last_active_at: new.last_active_at,
        notes: text::optional_body("notes", new.notes.as_deref(), 5000)?,
        features: Json::new(features.into_iter().filter(|f| !f.is_empty()).collect()),
        status: Status::New,
        reason: Reason::Other,
        reason_confidence: 0,
        reason_quotes: Json::new(vec![]),
        reason_corrected_by: None,
        source: source.to_owned(),
        churned_at,
        recovered_at: None,
        created_at: now,
        updated_at: now,
        window_ends_at: None,
        letter_strategy: None,
        letter_at: None,
        replied_at: None,
        evidence: None,
    })
}

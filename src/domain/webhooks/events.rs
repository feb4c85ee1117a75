//! What happened, in the words of a webhook. Nothing is written while nobody listens.

use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::churn::ChurnEvent;
use crate::domain::contacts::suppressions::Suppression;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, DeliveryId, MailboxId, MessageId, RowId};
use crate::domain::mailboxes::{Mailbox, Mode};
use crate::domain::messages::{self, State};
use crate::domain::settings;

use super::queries::{NewDelivery, NewEvent};
use super::{Endpoint, EventType, queries};

/// Tells of a message that came into a state. Bodies are never in it: whoever needs them reads
/// the message with a key.
pub(in crate::domain) fn message(conn: &mut Conn, id: &MessageId, state: State, now: Time) -> Result<()> {
    let Some(kind) = of_state(state) else { return Ok(()) };
    let listening = listening(conn, kind)?;
    if listening.is_empty() {
        return Ok(());
    }
    let row = messages::queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("message"))?;
    // A test of the reviewers is nobody's message outside.
    if row.planted {
        return Ok(());
    }
    let tags: Vec<String> = messages::queries::tags_of(conn, std::slice::from_ref(id))?.into_iter().map(|(_, tag)| tag).collect();
    let of_campaign = |wanted: &String| row.campaign.as_ref() == Some(wanted) || tags.contains(wanted);
    let listening: Vec<Endpoint> = listening
        .into_iter()
        .filter(|endpoint| wants_mailbox(endpoint, Some(&row.mailbox_id)))
        .filter(|endpoint| endpoint.campaigns.is_empty() || endpoint.campaigns.iter().any(of_campaign))
        .collect();
    if listening.is_empty() {
        return Ok(());
    }
    let words = messages::queries::version(conn, id, row.version)?.ok_or_else(|| Error::not_found("version"))?;
    let decision = messages::queries::decisions(conn, id)?.into_iter().rfind(|decision| decision.version == row.version);
    let decision = decision.map(|d| json!({"decision": d.kind, "by": d.actor_name, "at": d.created_at, "reason": d.reason}));
    let data = json!({
        "id": row.id,
        "status": state,
        "reason": row.state_reason.as_ref().or(row.held_because.as_ref()),
        "mailbox_id": row.mailbox_id,
        "mailbox": words.from_address,
        "to": words.to_address,
        "campaign": row.campaign,
        "tags": tags,
        "version": row.version,
        "content_hash": row.content_hash,
        "decision": decision,
        "thread_id": row.thread_id,
        "review_url": format!("{}/messages/{}", settings::base_url(conn)?, row.id),
        "is_test": row.is_test,
    });
    write(conn, &listening, kind.as_str(), row.id.as_str(), &data, now)
}

/// Tells of messages that came into a state together.
pub(in crate::domain) fn messages(conn: &mut Conn, ids: &[&MessageId], state: State, now: Time) -> Result<()> {
    let Some(kind) = of_state(state) else { return Ok(()) };
    if listening(conn, kind)?.is_empty() {
        return Ok(());
    }
    ids.iter().try_for_each(|id| message(conn, id, state, now))
}

fn of_state(state: State) -> Option<EventType> {
    Some(match state {
        State::Pending => EventType::MessagePending,
        State::Approved => EventType::MessageApproved,
        State::Rejected => EventType::MessageRejected,
        State::ChangesRequested => EventType::MessageChangesRequested,
        State::Expired => EventType::MessageExpired,
        State::Queued => EventType::MessageQueued,
        State::Sent => EventType::MessageSent,
        State::Delivered => EventType::MessageDelivered,
        State::Bounced => EventType::MessageBounced,
        State::Complained => EventType::MessageComplained,
        State::Skipped => EventType::MessageSkipped,
        State::Failed => EventType::MessageFailed,
        State::Uncertain => EventType::MessageUncertain,
        State::Draft | State::Sending | State::Withdrawn | State::Cancelled => return None,
    })
}

/// Tells that a mailbox got another mode.
pub(in crate::domain) fn mode_changed(conn: &mut Conn, actor: &Actor, mailbox: &Mailbox, to: Mode, now: Time) -> Result<()> {
    let data = json!({"mailbox_id": mailbox.id, "mailbox": mailbox.address, "from": mailbox.mode, "to": to, "by": actor.name()});
    simple(conn, EventType::OversightModeChanged, mailbox.id.as_str(), Some(&mailbox.id), &data, now)
}

/// Tells that sending was stopped, of one mailbox or of all.
pub(in crate::domain) fn paused(conn: &mut Conn, actor: &Actor, mailbox: Option<&Mailbox>, now: Time) -> Result<()> {
    let data = json!({"mailbox_id": mailbox.map(|m| &m.id), "mailbox": mailbox.map(|m| &m.address), "by": actor.name()});
    let subject = mailbox.map_or("all", |m| m.id.as_str());
    simple(conn, EventType::OversightPaused, subject, mailbox.map(|m| &m.id), &data, now)
}

/// Tells that a customer left or came back.
pub(in crate::domain) fn churn_event(conn: &mut Conn, kind: EventType, event: &ChurnEvent, now: Time) -> Result<()> {
    let data = json!({
        "id": event.id,
        "status": event.status,
        "contact_id": event.contact_id,
        "customer_email": event.customer_email,
        "provider": event.provider,
        "provider_customer_id": event.provider_customer_id,
        "provider_subscription_id": event.provider_subscription_id,
        "plan_name": event.plan_name,
        "mrr": event.mrr_minor,
        "currency": event.currency,
        "event_type": event.event_type,
        "reason": event.reason,
        "source": event.source,
        "churned_at": event.churned_at,
        "recovered_at": event.recovered_at,
        "window_ends_at": event.window_ends_at,
    });
    simple(conn, kind, event.id.as_str(), None, &data, now)
}

/// Tells that a recipient left the list.
pub(in crate::domain) fn unsubscribed(conn: &mut Conn, contact: Option<&ContactId>, of: &Suppression, now: Time) -> Result<()> {
    let mailbox = match &of.message_id {
        Some(id) => messages::queries::by_id(conn, id)?.map(|row| row.mailbox_id),
        None => None,
    };
    let data = json!({"contact_id": contact, "email": of.email_key, "source": of.source, "message_id": of.message_id, "mailbox_id": mailbox});
    simple(conn, EventType::ContactUnsubscribed, &of.email_key, mailbox.as_ref(), &data, now)
}

/// Tells that a person was erased, by the id alone.
pub(in crate::domain) fn erased(conn: &mut Conn, contact: &ContactId, now: Time) -> Result<()> {
    simple(conn, EventType::ContactErased, contact.as_str(), None, &json!({"contact_id": contact}), now)
}

/// Writes an event that every endpoint for its type and mailbox wants.
pub(super) fn simple(conn: &mut Conn, kind: EventType, subject: &str, mailbox: Option<&MailboxId>, data: &Value, now: Time) -> Result<()> {
    let listening: Vec<Endpoint> = listening(conn, kind)?.into_iter().filter(|endpoint| wants_mailbox(endpoint, mailbox)).collect();
    write(conn, &listening, kind.as_str(), subject, data, now)
}

fn listening(conn: &mut Conn, kind: EventType) -> Result<Vec<Endpoint>> {
    let mut all = queries::enabled(conn)?;
    all.retain(|endpoint| endpoint.event_types.is_empty() || endpoint.event_types.contains(&kind));
    Ok(all)
}

fn wants_mailbox(endpoint: &Endpoint, mailbox: Option<&MailboxId>) -> bool {
    endpoint.mailboxes.is_empty() || mailbox.is_none_or(|mailbox| endpoint.mailboxes.contains(mailbox))
}

/// Writes the event, and one delivery for each endpoint.
pub(super) fn write(conn: &mut Conn, to: &[Endpoint], kind: &str, subject: &str, data: &Value, now: Time) -> Result<()> {
    if to.is_empty() {
        return Ok(());
    }
    let id = RowId::new();
    let body = json!({"type": kind, "timestamp": now, "data": data}).to_string();
    queries::insert_event(conn, NewEvent { id: id.clone(), event_type: kind.to_owned(), body, created_at: now })?;
    for endpoint in to {
        // The row of what changed is locked by the change, so nobody counts the same subject meanwhile.
        let position = queries::last_position(conn, &endpoint.id, subject)? + 1;
        let delivery = NewDelivery {
            id: DeliveryId::new(),
            event_id: id.clone(),
            endpoint_id: endpoint.id.clone(),
            subject: subject.to_owned(),
            position,
            state: super::State::Waiting,
            attempts: 0,
            next_attempt_at: now,
        };
        queries::insert_delivery(conn, delivery)?;
    }
    Ok(())
}

//! JSON shapes that several calls share.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::contacts::Contact;
use crate::domain::messages::inspect::Finding;
use crate::domain::messages::ledger::Entry;
use crate::domain::messages::{Message, State};

/// A string or a list of strings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a string or a list of strings")]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a list.
    pub fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

/// The body of every call that adds tags.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    /// The tags.
    pub tags: OneOrMany,
}

/// A contact.
pub fn contact(contact: &Contact) -> Value {
    json!({
        "id": contact.row.id,
        "email": contact.row.email,
        "name": contact.row.name,
        "tags": contact.tags,
        "metadata": *contact.row.metadata,
        "time_zone": contact.row.time_zone,
        "created_at": contact.row.created_at,
        "suppressed": contact.suppressed.is_some(),
        "consents": contact.consents,
    })
}

/// The status word of a message: what waits for its time is "scheduled".
pub(super) fn status(message: &Message) -> &'static str {
    match message.row.state {
        State::Queued if message.row.send_at.is_some() => "scheduled",
        state => state.as_str(),
    }
}

/// What a submission answers.
pub fn submitted(message: &Message, base_url: &str) -> Value {
    let row = &message.row;
    json!({
        "id": row.id,
        "message_id": row.id,
        "status": status(message),
        "held": row.state == State::Pending,
        "reason": row.held_because,
        "review_url": format!("{base_url}/messages/{}", row.id),
        "thread_id": row.thread_id,
        "expires_at": row.expires_at,
    })
}

/// A message whole.
pub fn message(message: &Message, base_url: &str) -> Value {
    let (row, words) = (&message.row, &message.current);
    let decisions: Vec<Value> = message
        .decisions
        .iter()
        .map(|d| json!({"decision": d.kind, "by": d.actor_name, "at": d.created_at, "reason": d.reason, "content_hash": d.content_hash, "version": d.version}))
        .collect();
    json!({
        "id": row.id,
        "message_id": row.id,
        "email_id": row.id,
        "status": status(message),
        "reason": row.state_reason.as_ref().or(row.held_because.as_ref()),
        "mailbox_id": row.mailbox_id,
        "from": words.from_address,
        "to": words.to_address,
        "to_name": words.to_name,
        "subject": words.subject,
        "text_body": words.text_body,
        "body": words.text_body,
        "html_body": words.html_body,
        "headers": words.headers.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "footer": *words.footer,
        "tags": message.tags,
        "campaign": row.campaign,
        "thread_id": row.thread_id,
        "version": row.version,
        "content_hash": row.content_hash,
        "oversight_mode": row.effective_mode,
        "decisions": decisions,
        "change_request": change_request(message),
        "next": next(message),
        "submitted_at": row.submitted_at,
        "expires_at": row.expires_at,
        "send_at": row.send_at,
        "sent_at": row.sent_at,
        "created_at": row.created_at,
        "review_url": format!("{base_url}/messages/{}", row.id),
    })
}

/// What a reviewer asked the author for.
fn change_request(message: &Message) -> Option<Value> {
    let asked = message.change_request()?;
    Some(json!({"reason": asked.reason, "by": asked.actor_name, "at": asked.created_at, "version": asked.version}))
}

/// What whoever wrote it should do now.
pub(super) fn next(message: &Message) -> &'static str {
    match message.row.state {
        State::Pending => "Wait for the decision. Do not send it again.",
        State::ChangesRequested => {
            "Change the words as change_request asks, with PATCH /v1/emails/{id}. The new version is held again; do not send it as another message."
        }
        State::Approved | State::Queued | State::Sending => "It leaves after the checks. Do not send it again.",
        State::Uncertain => "It may have arrived. Do not send it again; a person looks into it.",
        State::Rejected => "It will not leave. Do not send it again.",
        State::Sent | State::Delivered | State::Bounced | State::Complained => "It has left. There is nothing to do.",
        State::Draft | State::Withdrawn | State::Expired | State::Skipped | State::Failed | State::Cancelled => "It will not leave.",
    }
}

/// A message in a list: without its bodies.
pub fn summary(message: &Message, mine: bool, base_url: &str) -> Value {
    let row = &message.row;
    json!({
        "id": row.id,
        "message_id": row.id,
        "email_id": row.id,
        "status": status(message),
        "reason": row.state_reason.as_ref().or(row.held_because.as_ref()),
        "mailbox_id": row.mailbox_id,
        "from": message.current.from_address,
        "to": message.current.to_address,
        "subject": message.current.subject,
        "tags": message.tags,
        "campaign": row.campaign,
        "thread_id": row.thread_id,
        "version": row.version,
        "content_hash": row.content_hash,
        "change_request": change_request(message),
        "next": next(message),
        "mine": mine,
        "submitted_at": row.submitted_at,
        "updated_at": row.updated_at,
        "expires_at": row.expires_at,
        "review_url": format!("{base_url}/messages/{}", row.id),
    })
}

/// A message whole, with its claims and with what reading it does not show.
pub fn message_with_claims(of: &Message, claims: &[Entry], findings: &[Finding], base_url: &str) -> Value {
    let mut shape = message(of, base_url);
    shape["findings"] = findings.iter().map(finding).collect();
    shape["claims"] = claims.iter().map(claim).collect();
    shape["claims_open"] = json!(claims.iter().filter(|claim| claim.is_open()).count());
    shape
}

/// A finding of a message; `key` names it in `ticked` of an approval.
fn finding(finding: &Finding) -> Value {
    let mut shape = json!(finding);
    shape["needs_tick"] = json!(finding.needs_tick());
    shape
}

/// A claim of a message; `key` names it for a waiver.
fn claim(entry: &Entry) -> Value {
    let claim = &entry.claim;
    let waiver = entry.waiver.as_ref().map(|waiver| json!({"reason": waiver.reason, "by": waiver.actor_name, "at": waiver.created_at}));
    json!({
        "key": claim.claim_key,
        "part": claim.part,
        "start": claim.start_at,
        "end": claim.end_at,
        "text": claim.words,
        "sentence": claim.sentence,
        "kind": claim.kind,
        "hard": claim.hard,
        "verdict": claim.verdict,
        "open": entry.is_open(),
        "fact_id": claim.fact_id,
        "fact_version": claim.fact_version,
        "fact": entry.fact.as_ref().map(|(label, _)| label),
        "source": entry.fact.as_ref().map(|(_, source)| source),
        "score": claim.score,
        "reason": claim.reason,
        "waiver": waiver,
    })
}

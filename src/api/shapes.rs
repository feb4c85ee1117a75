//! JSON shapes that several calls share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::domain::claims::{Kind, Part, Verdict};
use crate::domain::ids::{FactId, MailboxId, MessageId, ThreadId};
use crate::domain::mailboxes::Mode;
use crate::domain::messages::ledger::Entry;
use crate::domain::messages::{self, DecisionKind, State, inspect};

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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    /// The tags.
    pub tags: OneOrMany,
}

/// The status word of a message: what waits for its time is "scheduled".
pub(super) fn status(message: &messages::Message) -> &'static str {
    match message.row.state {
        State::Queued if message.row.send_at.is_some() => "scheduled",
        state => state.as_str(),
    }
}

/// What a submission answers.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Submitted {
    /// The message.
    pub id: MessageId,
    /// The same.
    pub message_id: MessageId,
    /// pending (held for a decision), queued, scheduled, or another state of a message.
    pub status: &'static str,
    /// Whether a person must look at it first.
    pub held: bool,
    /// Why it is held.
    pub reason: Option<String>,
    /// Where a reviewer reads it.
    pub review_url: String,
    /// The conversation it belongs to.
    pub thread_id: ThreadId,
    /// When it lapses undecided.
    pub expires_at: Option<Time>,
}

impl Submitted {
    /// From the message as it was taken in.
    pub fn of(message: &messages::Message, base_url: &str) -> Self {
        let row = &message.row;
        Submitted {
            id: row.id.clone(),
            message_id: row.id.clone(),
            status: status(message),
            held: row.state == State::Pending,
            reason: row.held_because.clone(),
            review_url: format!("{base_url}/messages/{}", row.id),
            thread_id: row.thread_id.clone(),
            expires_at: row.expires_at,
        }
    }
}

/// A decision on one version of a message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Decided {
    /// approve, reject, request_changes, withdraw or expire.
    pub decision: DecisionKind,
    /// Who, by name.
    pub by: String,
    /// When.
    pub at: Time,
    /// Why.
    pub reason: Option<String>,
    /// The content it binds to.
    pub content_hash: String,
    /// The version it binds to.
    pub version: i32,
}

/// What a reviewer asked the author for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChangeRequest {
    /// The reviewer's words.
    pub reason: Option<String>,
    /// Who, by name.
    pub by: String,
    /// When.
    pub at: Time,
    /// Of which version.
    pub version: i32,
}

impl ChangeRequest {
    fn of(message: &messages::Message) -> Option<Self> {
        let asked = message.change_request()?;
        Some(ChangeRequest { reason: asked.reason.clone(), by: asked.actor_name.clone(), at: asked.created_at, version: asked.version })
    }
}

/// What this server appends to every message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Footer {
    /// Why the recipient gets it.
    pub why: String,
    /// Who sends it.
    pub sender: String,
    /// Where the sender can be reached by letter.
    pub postal_address: String,
    /// Where the recipient leaves the list.
    pub unsubscribe_url: String,
    /// Where the recipient chooses what they get.
    pub preferences_url: Option<String>,
    /// The topic it is sent under.
    pub topic: Option<String>,
    /// Where the recipient's data is from, where the message has to say it.
    pub source: Option<String>,
    /// What tells that a machine wrote it; null where nothing does.
    pub disclosure: Option<String>,
}

/// A message whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Message {
    /// The message.
    pub id: MessageId,
    /// The same.
    pub message_id: MessageId,
    /// The same.
    pub email_id: MessageId,
    /// Its state; scheduled where it waits for its time.
    pub status: &'static str,
    /// Why it is in this state, or why it is held.
    pub reason: Option<String>,
    /// The mailbox it leaves from.
    pub mailbox_id: MailboxId,
    /// The sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The recipient's name.
    pub to_name: Option<String>,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text_body: String,
    /// The same.
    pub body: String,
    /// The HTML.
    pub html_body: Option<String>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// What is appended.
    pub footer: Footer,
    /// Its tags.
    pub tags: Vec<String>,
    /// The campaign it belongs to.
    pub campaign: Option<String>,
    /// The conversation it belongs to.
    pub thread_id: ThreadId,
    /// The version, from 1.
    pub version: i32,
    /// SHA-256 of the exact content; a decision binds to it.
    pub content_hash: String,
    /// The mode that applied when it was submitted.
    pub oversight_mode: Mode,
    /// Every decision on it, the first first.
    pub decisions: Vec<Decided>,
    /// What a reviewer waits for, if so.
    pub change_request: Option<ChangeRequest>,
    /// What whoever wrote it should do now.
    pub next: &'static str,
    /// When it was submitted.
    pub submitted_at: Option<Time>,
    /// When it lapses undecided.
    pub expires_at: Option<Time>,
    /// Not to leave before.
    pub send_at: Option<Time>,
    /// When the mail server took it.
    pub sent_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// Where a reviewer reads it.
    pub review_url: String,
}

impl Message {
    /// From the message.
    pub fn of(message: &messages::Message, base_url: &str) -> Self {
        let (row, words) = (&message.row, &message.current);
        let decisions = message.decisions.iter().map(|d| Decided {
            decision: d.kind,
            by: d.actor_name.clone(),
            at: d.created_at,
            reason: d.reason.clone(),
            content_hash: d.content_hash.clone(),
            version: d.version,
        });
        Message {
            id: row.id.clone(),
            message_id: row.id.clone(),
            email_id: row.id.clone(),
            status: status(message),
            reason: row.state_reason.clone().or_else(|| row.held_because.clone()),
            mailbox_id: row.mailbox_id.clone(),
            from: words.from_address.clone(),
            to: words.to_address.clone(),
            to_name: words.to_name.clone(),
            subject: words.subject.clone(),
            text_body: words.text_body.clone(),
            body: words.text_body.clone(),
            html_body: words.html_body.clone(),
            headers: words.headers.iter().cloned().collect(),
            footer: Footer {
                why: words.footer.why.clone(),
                sender: words.footer.sender.clone(),
                postal_address: words.footer.postal_address.clone(),
                unsubscribe_url: words.footer.unsubscribe_url.clone(),
                preferences_url: words.footer.preferences_url.clone(),
                topic: words.footer.topic.clone(),
                source: words.footer.source.clone(),
                disclosure: words.footer.disclosure.clone(),
            },
            tags: message.tags.clone(),
            campaign: row.campaign.clone(),
            thread_id: row.thread_id.clone(),
            version: row.version,
            content_hash: row.content_hash.clone(),
            oversight_mode: row.effective_mode,
            decisions: decisions.collect(),
            change_request: ChangeRequest::of(message),
            next: next(message),
            submitted_at: row.submitted_at,
            expires_at: row.expires_at,
            send_at: row.send_at,
            sent_at: row.sent_at,
            created_at: row.created_at,
            review_url: format!("{base_url}/messages/{}", row.id),
        }
    }
}

/// What whoever wrote it should do now.
pub(super) fn next(message: &messages::Message) -> &'static str {
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MessageSummary {
    /// The message.
    pub id: MessageId,
    /// The same.
    pub message_id: MessageId,
    /// The same.
    pub email_id: MessageId,
    /// Its state; scheduled where it waits for its time.
    pub status: &'static str,
    /// Why it is in this state, or why it is held.
    pub reason: Option<String>,
    /// The mailbox it leaves from.
    pub mailbox_id: MailboxId,
    /// The sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The campaign it belongs to.
    pub campaign: Option<String>,
    /// The conversation it belongs to.
    pub thread_id: ThreadId,
    /// The version, from 1.
    pub version: i32,
    /// SHA-256 of the exact content.
    pub content_hash: String,
    /// What a reviewer waits for, if so.
    pub change_request: Option<ChangeRequest>,
    /// What whoever wrote it should do now.
    pub next: &'static str,
    /// Whether this key submitted it.
    pub mine: bool,
    /// When it was submitted.
    pub submitted_at: Option<Time>,
    /// When it last changed.
    pub updated_at: Time,
    /// When it lapses undecided.
    pub expires_at: Option<Time>,
    /// Where a reviewer reads it.
    pub review_url: String,
}

impl MessageSummary {
    /// From the message.
    pub fn of(message: &messages::Message, mine: bool, base_url: &str) -> Self {
        let row = &message.row;
        MessageSummary {
            id: row.id.clone(),
            message_id: row.id.clone(),
            email_id: row.id.clone(),
            status: status(message),
            reason: row.state_reason.clone().or_else(|| row.held_because.clone()),
            mailbox_id: row.mailbox_id.clone(),
            from: message.current.from_address.clone(),
            to: message.current.to_address.clone(),
            subject: message.current.subject.clone(),
            tags: message.tags.clone(),
            campaign: row.campaign.clone(),
            thread_id: row.thread_id.clone(),
            version: row.version,
            content_hash: row.content_hash.clone(),
            change_request: ChangeRequest::of(message),
            next: next(message),
            mine,
            submitted_at: row.submitted_at,
            updated_at: row.updated_at,
            expires_at: row.expires_at,
            review_url: format!("{base_url}/messages/{}", row.id),
        }
    }
}

/// A message whole, with its claims and with what reading it does not show.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckedMessage {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// Its claims.
    pub claims: Vec<MessageClaim>,
    /// How many of them keep it from leaving.
    pub claims_open: usize,
    /// What reading it does not show.
    pub findings: Vec<Finding>,
}

impl CheckedMessage {
    /// From the message and what is kept with it.
    pub fn of(of: &messages::Message, claims: &[Entry], findings: &[inspect::Finding], base_url: &str) -> Self {
        CheckedMessage {
            message: Message::of(of, base_url),
            claims: claims.iter().map(MessageClaim::of).collect(),
            claims_open: claims.iter().filter(|claim| claim.is_open()).count(),
            findings: findings.iter().map(Finding::of).collect(),
        }
    }
}

/// Something in a message that reading it does not show.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Finding {
    /// Names it in `ticked` of an approval.
    pub key: String,
    /// What it is about.
    pub kind: inspect::Kind,
    /// Where it stands.
    pub places: Vec<inspect::Place>,
    /// The words it is about.
    pub words: String,
    /// Why it is told.
    pub why: String,
    /// Whether an approval must tick it.
    pub needs_tick: bool,
}

impl Finding {
    fn of(finding: &inspect::Finding) -> Self {
        Finding {
            key: finding.key.clone(),
            kind: finding.kind,
            places: finding.places.clone(),
            words: finding.words.clone(),
            why: finding.why.clone(),
            needs_tick: finding.needs_tick(),
        }
    }
}

/// Why a person let a claim stand.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Waiver {
    /// Their words.
    pub reason: String,
    /// Who, by name.
    pub by: String,
    /// When.
    pub at: Time,
}

/// A claim of a message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MessageClaim {
    /// Names it for a waiver.
    pub key: String,
    /// In which part it stands.
    pub part: Part,
    /// Where it starts, in Unicode scalar values.
    pub start: i32,
    /// Where it ends.
    pub end: i32,
    /// Its words.
    pub text: String,
    /// The sentence it stands in.
    pub sentence: String,
    /// What kind of claim.
    pub kind: Kind,
    /// Whether a wrong one is a wrong promise.
    pub hard: bool,
    /// What it rests on.
    pub verdict: Verdict,
    /// Whether it keeps the message from leaving.
    pub open: bool,
    /// The fact for or against it.
    pub fact_id: Option<FactId>,
    /// The version of the fact.
    pub fact_version: Option<i32>,
    /// The fact in words.
    pub fact: Option<String>,
    /// Where the fact comes from.
    pub source: Option<String>,
    /// How well the words fit, 0 to 100.
    pub score: i32,
    /// The verdict in a sentence.
    pub reason: String,
    /// Why a person let it stand, if so.
    pub waiver: Option<Waiver>,
}

impl MessageClaim {
    fn of(entry: &Entry) -> Self {
        let claim = &entry.claim;
        MessageClaim {
            key: claim.claim_key.clone(),
            part: claim.part,
            start: claim.start_at,
            end: claim.end_at,
            text: claim.words.clone(),
            sentence: claim.sentence.clone(),
            kind: claim.kind,
            hard: claim.hard,
            verdict: claim.verdict,
            open: entry.is_open(),
            fact_id: claim.fact_id.clone(),
            fact_version: claim.fact_version,
            fact: entry.fact.as_ref().map(|(label, _)| label.clone()),
            source: entry.fact.as_ref().map(|(_, source)| source.clone()),
            score: claim.score,
            reason: claim.reason.clone(),
            waiver: entry.waiver.as_ref().map(|waiver| Waiver {
                reason: waiver.reason.clone(),
                by: waiver.actor_name.clone(),
                at: waiver.created_at,
            }),
        }
    }
}

//! Outbound email: from draft to warrant.

pub mod cancel;
pub mod content;
pub mod decide;
pub mod edit;
pub mod expiry;
pub mod findings;
pub(in crate::domain) mod green;
pub mod inspect;
mod lawful;
pub mod ledger;
pub mod lifecycle;
mod likeness;
pub mod list;
pub mod markup;
pub mod oversight;
pub(in crate::domain) mod planted;
pub mod progress;
pub mod promises;
pub(in crate::domain) mod queries;
pub mod recall;
pub mod reply;
pub mod ruled;
pub mod schedule;
pub mod submit;
pub mod tags;
pub mod undo;
pub(in crate::domain) mod warrant;

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::types::Json;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::contacts;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{BatchId, ContactId, DecisionId, MailboxId, MessageId, ThreadId, TopicId, UserId};
use crate::domain::mailboxes::Mode;
use crate::text_enum;

pub use content::{Content, Footer};
pub use lifecycle::State;

text_enum!(
    /// Who put the words together.
    pub enum Origin {
        /// A person in the browser.
        Person => "person",
        /// An agent with a key.
        Agent => "agent",
        /// The drafter built in here.
        Playbook => "playbook",
        /// The model that drafts in its place.
        Model => "model",
    }
);

impl Origin {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Origin::Person => "A person",
            Origin::Agent => "An agent",
            Origin::Playbook => "The drafter",
            Origin::Model => "A model",
        }
    }
}

text_enum!(
    /// What can be decided.
    pub enum DecisionKind {
        /// It may leave.
        Approve => "approve",
        /// It must not leave.
        Reject => "reject",
        /// The author should change it.
        RequestChanges => "request_changes",
        /// The author took it back.
        Withdraw => "withdraw",
        /// Nobody decided in time.
        Expire => "expire",
    }
);

impl DecisionKind {
    /// The verb of "somebody … this".
    pub fn past(self) -> &'static str {
        match self {
            DecisionKind::Approve => "approved",
            DecisionKind::Reject => "rejected",
            DecisionKind::RequestChanges => "asked for changes to",
            DecisionKind::Withdraw => "withdrew",
            DecisionKind::Expire => "let expire",
        }
    }
}

/// The state of a message; its words are in [`VersionRow`].
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::messages)]
pub struct MessageRow {
    /// Its id.
    pub id: MessageId,
    /// Where it leaves from.
    pub mailbox_id: MailboxId,
    /// Whom it goes to.
    pub contact_id: ContactId,
    /// The conversation it belongs to.
    pub thread_id: ThreadId,
    /// The campaign it belongs to.
    pub campaign: Option<String>,
    /// Its state.
    pub state: State,
    /// Why it is in that state, in words.
    pub state_reason: Option<String>,
    /// Why a person must look at it.
    pub held_because: Option<String>,
    /// The mode that applied on submission.
    pub effective_mode: Mode,
    /// Who put the words together.
    pub origin: Origin,
    /// Who submitted it: user, key or system.
    pub author_kind: String,
    /// Who submitted it.
    pub author_id: String,
    /// Who changed the words last: user, key or system.
    pub editor_kind: String,
    /// Who changed the words last.
    pub editor_id: String,
    /// Made with a test key: recorded and never sent.
    pub is_test: bool,
    /// The ground the sender named.
    pub consent_basis: Option<String>,
    /// The current version, from 1.
    pub version: i32,
    /// SHA-256 of the current content.
    pub content_hash: String,
    /// Not to leave before.
    pub send_at: Option<Time>,
    /// When it was submitted.
    pub submitted_at: Option<Time>,
    /// When an undecided one lapses.
    pub expires_at: Option<Time>,
    /// When the server took it.
    pub sent_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Claims that a fact supports.
    pub claims_supported: i32,
    /// Hard claims that rest on nothing; while there are any it cannot leave.
    pub claims_open: i32,
    /// Claims that a person let stand.
    pub claims_waived: i32,
    /// Who should decide it, where somebody was asked.
    pub assignee_id: Option<UserId>,
    /// The same for messages that differ in nothing but names and figures; empty until it was looked at.
    pub likeness: String,
    /// A test of the reviewers: it is never sent.
    pub planted: bool,
    /// What it is about, as recipients choose it.
    pub topic_id: Option<TopicId>,
}

/// One version of the words, never changed once written.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::message_versions)]
pub struct VersionRow {
    /// The message.
    pub message_id: MessageId,
    /// The version, from 1.
    pub version: i32,
    /// SHA-256 of the content.
    pub content_hash: String,
    /// Header From, the address.
    pub from_address: String,
    /// Header From, the name.
    pub from_name: String,
    /// Header To, the address.
    pub to_address: String,
    /// Header To, the name.
    pub to_name: Option<String>,
    /// Header Subject.
    pub subject: String,
    /// The plain text, without the footer.
    pub text_body: String,
    /// The HTML, cleaned, without the footer.
    pub html_body: Option<String>,
    /// Further headers.
    pub headers: Json<Vec<(String, String)>>,
    /// What gets appended.
    pub footer: Json<Footer>,
    /// Who wrote it: user, key or system.
    pub editor_kind: String,
    /// Who wrote it.
    pub editor_id: String,
    /// Who wrote it, by name.
    pub editor_name: String,
    /// When.
    pub created_at: Time,
}

/// A decision, never changed once made.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::decisions)]
pub struct DecisionRow {
    /// Its id.
    pub id: DecisionId,
    /// On which message.
    pub message_id: MessageId,
    /// On which version.
    pub version: i32,
    /// On which content.
    pub content_hash: String,
    /// What.
    pub kind: DecisionKind,
    /// By whom: user, key or system.
    pub actor_kind: String,
    /// By whom.
    pub actor_id: String,
    /// By whom, by name.
    pub actor_name: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: Time,
    /// The batch it was made in.
    pub batch_id: Option<BatchId>,
    /// How long the decider had the message in front of them, in milliseconds.
    pub dwell_ms: Option<i64>,
}

/// A message with its current words and what happened to it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The state.
    pub row: MessageRow,
    /// The current words.
    pub current: VersionRow,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// The decisions, oldest first.
    pub decisions: Vec<DecisionRow>,
}

impl Message {
    /// Header Message-ID of the current version, without brackets: what a mail server's log names.
    pub fn message_id_header(&self) -> String {
        content::message_id(&self.row.id, self.row.version, &self.current.from_address)
    }

    /// What its author was asked for, while it waits for them.
    pub fn change_request(&self) -> Option<&DecisionRow> {
        let waits = self.row.state == State::ChangesRequested;
        self.decisions.iter().rfind(|decision| waits && decision.kind == DecisionKind::RequestChanges)
    }
}

impl MessageRow {
    /// Whether this actor wrote it or edited it last.
    pub fn is_by(&self, actor: &Actor) -> bool {
        actor.is(&self.author_kind, &self.author_id) || actor.is(&self.editor_kind, &self.editor_id)
    }
}

/// One message. One in a mailbox that the actor does not reach is not there.
pub fn get(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<Message> {
    let row = row(conn, actor, id)?;
    let current = version(conn, &row.id, row.version)?;
    let tags = queries::tags_of(conn, std::slice::from_ref(&row.id))?.into_iter().map(|(_, tag)| tag).collect();
    let decisions = queries::decisions(conn, &row.id)?;
    Ok(Message { row, current, tags, decisions })
}

/// The messages of a conversation within reach, oldest first.
pub fn of_thread(conn: &mut Conn, actor: &Actor, thread: &ThreadId) -> Result<Vec<Message>> {
    let ids = queries::of_thread(conn, thread, actor.meets_tests())?;
    many(conn, actor, &ids)
}

/// The same as [`get`] of each, in their order and in a few statements, without those that are not there.
pub fn many(conn: &mut Conn, actor: &Actor, ids: &[MessageId]) -> Result<Vec<Message>> {
    let mut found: HashMap<MessageId, Message> = queries::with_words(conn, ids)?
        .into_iter()
        .filter(|(row, _)| is_shown(row, actor))
        .map(|(row, current)| (row.id.clone(), Message { row, current, tags: vec![], decisions: vec![] }))
        .collect();
    for (id, tag) in queries::tags_of(conn, ids)? {
        if let Some(message) = found.get_mut(&id) {
            message.tags.push(tag);
        }
    }
    for decision in queries::decisions_on(conn, ids)? {
        if let Some(message) = found.get_mut(&decision.message_id) {
            message.decisions.push(decision);
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn is_shown(row: &MessageRow, actor: &Actor) -> bool {
    actor.reaches(&row.mailbox_id) && (!row.planted || actor.meets_tests())
}

/// A message to be changed in this transaction, by nobody else until it ends.
pub(super) fn held_row(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<MessageRow> {
    queries::hold(conn, id)?;
    row(conn, actor, id)
}

pub(super) fn row(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<MessageRow> {
    queries::by_id(conn, id)?.filter(|row| is_shown(row, actor)).ok_or_else(|| Error::not_found("message"))
}

/// Whether the person it went to was erased, so that its words are gone.
pub(in crate::domain) fn is_erased(conn: &mut Conn, id: &MessageId) -> Result<bool> {
    let row = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("message"))?;
    Ok(contacts::row(conn, &row.contact_id)?.erased_at.is_some())
}

/// One version of a message that was fetched already.
pub fn version(conn: &mut Conn, id: &MessageId, version: i32) -> Result<VersionRow> {
    queries::version(conn, id, version)?.ok_or_else(|| Error::not_found("version"))
}

/// The latest version with this content, of a message that was fetched already.
pub fn version_with_hash(conn: &mut Conn, id: &MessageId, hash: &str) -> Result<Option<VersionRow>> {
    match queries::version_with_hash(conn, id, hash)? {
        Some(found) => version(conn, id, found).map(Some),
        None => Ok(None),
    }
}

/// The version that this actor saw last.
pub fn seen(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<Option<i32>> {
    Ok(queries::seen_version(conn, id, &viewer(actor))?)
}

/// Notes that this content was shown to an actor, so that a decision without a
/// hash binds to what they saw.
pub fn note_shown(conn: &mut Conn, actor: &Actor, shown: &[(MessageId, i32)], now: Time) -> Result<()> {
    Ok(queries::put_views(conn, shown, &viewer(actor), now)?)
}

/// Those of these that are still to be noted as shown. When a person looked last is kept; of a key the version is enough.
pub fn to_be_noted(conn: &mut Conn, actor: &Actor, shown: Vec<(MessageId, i32)>) -> Result<Vec<(MessageId, i32)>> {
    if matches!(actor, Actor::User { .. }) {
        return Ok(shown);
    }
    let ids: Vec<MessageId> = shown.iter().map(|(id, _)| id.clone()).collect();
    let noted: HashMap<MessageId, i32> = queries::seen_versions(conn, &ids, &viewer(actor))?.into_iter().collect();
    Ok(shown.into_iter().filter(|(id, version)| noted.get(id) != Some(version)).collect())
}

fn viewer(actor: &Actor) -> String {
    format!("{}:{}", actor.kind(), actor.id())
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &MessageRow, detail: Value, now: Time) -> Result<()> {
    let entry = Entry { action, target_kind: "message", target_id: row.id.as_str(), mailbox_id: Some(&row.mailbox_id), detail };
    audit::record(conn, actor, entry, now)
}

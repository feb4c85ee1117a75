//! What is answered about facts.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::shapes::Submitted;
use crate::clock::Time;
use crate::domain::facts::{Body, Fact, Kind, State as FactState, Version};
use crate::domain::ids::{ChurnEventId, ContactId, FactId, MessageId};
use crate::domain::money;

/// A fact with its body apart.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Fact")]
pub struct FactRow {
    /// Its id, the same for all versions.
    pub id: FactId,
    /// Its kind.
    pub kind: Kind,
    /// Whose, where it is about one contact.
    pub contact_id: Option<ContactId>,
    /// The current version, from 1.
    pub version: i32,
    /// SHA-256 of the body.
    pub content_hash: String,
    /// The fact in words.
    pub label: String,
    /// What it says, by its kind.
    pub body: Map<String, Value>,
    /// Where it comes from.
    pub source: String,
    /// Whether claims may rest on it.
    pub state: FactState,
    /// Why it was revoked.
    pub state_reason: Option<String>,
    /// Who wrote this version.
    pub recorded_by: String,
    /// When it was first entered.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl FactRow {
    /// From the fact.
    pub fn of(row: &Fact) -> Self {
        FactRow {
            id: row.id.clone(),
            kind: row.kind,
            contact_id: row.contact_id.clone(),
            version: row.version,
            content_hash: row.content_hash.clone(),
            label: row.label.clone(),
            body: body_fields(&row.body),
            source: row.source.clone(),
            state: row.state,
            state_reason: row.state_reason.clone(),
            recorded_by: row.recorded_by.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The fields of a body, without its kind.
fn body_fields(body: &Body) -> Map<String, Value> {
    let Value::Object(mut fields) = json!(body) else { return Map::new() };
    fields.remove("kind");
    fields
}

/// A fact with the fields of its body among its own.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FlatFact {
    /// Its id, the same for all versions.
    pub id: FactId,
    /// Its kind.
    pub kind: Kind,
    /// Whose, where it is about one contact.
    pub contact_id: Option<ContactId>,
    /// The current version, from 1.
    pub version: i32,
    /// SHA-256 of the body.
    pub content_hash: String,
    /// The fact in words.
    pub label: String,
    /// Where it comes from.
    pub source: String,
    /// Whether claims may rest on it.
    pub state: FactState,
    /// Why it was revoked.
    pub state_reason: Option<String>,
    /// Who wrote this version.
    pub recorded_by: String,
    /// When it was first entered.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// What it says, by its kind.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl FlatFact {
    /// From the fact.
    pub fn of(row: &Fact) -> Self {
        let FactRow { id, kind, contact_id, version, content_hash, label, body, source, state, state_reason, recorded_by, created_at, updated_at } =
            FactRow::of(row);
        FlatFact {
            id,
            kind,
            contact_id,
            version,
            content_hash,
            label,
            source,
            state,
            state_reason,
            recorded_by,
            created_at,
            updated_at,
            fields: body,
        }
    }
}

/// One version of a fact.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FactVersion {
    /// The version, from 1.
    pub version: i32,
    /// SHA-256 of the body.
    pub content_hash: String,
    /// The fact in words.
    pub label: String,
    /// What it said.
    pub body: Map<String, Value>,
    /// Where it came from.
    pub source: String,
    /// Who wrote it.
    pub recorded_by: String,
    /// When.
    pub recorded_at: Time,
}

impl FactVersion {
    /// From the version.
    pub fn of(row: &Version) -> Self {
        FactVersion {
            version: row.version,
            content_hash: row.content_hash.clone(),
            label: row.label.clone(),
            body: body_fields(&row.body),
            source: row.source.clone(),
            recorded_by: row.recorded_by.clone(),
            recorded_at: row.recorded_at,
        }
    }
}

/// A fact with all its versions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FactHistory {
    /// The fact.
    #[serde(flatten)]
    pub fact: FactRow,
    /// Its versions, the latest first.
    pub versions: Vec<FactVersion>,
}

/// A page of facts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FactPage {
    /// The facts.
    pub facts: Vec<FactRow>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<FactId>,
}

/// A page of product updates.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UpdatePage {
    /// The updates.
    pub product_updates: Vec<FlatFact>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<FactId>,
}

/// A page of offers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OfferPage {
    /// The offers.
    pub offers: Vec<FlatFact>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<FactId>,
}

/// Somebody who received a fact.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecallRecipient {
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// In which message.
    pub message_id: MessageId,
    /// Its subject.
    pub subject: String,
    /// What it said.
    pub words: String,
    /// Under which version of the fact.
    pub fact_version: Option<i32>,
    /// When it was sent.
    pub sent_at: Option<Time>,
}

/// The words of a correction.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PreparedCorrection {
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// Who received a fact, and what would put it right.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Recall {
    /// The fact.
    pub fact: FactRow,
    /// Each recipient once, with the latest message.
    pub recipients: Vec<RecallRecipient>,
    /// Messages that rest on it and have not left.
    pub drafts: Vec<MessageId>,
    /// The correction, where the fact changed since they received it.
    pub correction: Option<PreparedCorrection>,
    /// How many of them got one made already.
    pub corrected: usize,
}

/// The corrections that were submitted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Corrections {
    /// One for each recipient.
    pub messages: Vec<Submitted>,
}

/// An amount.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Money {
    /// Minor units: cents for USD, whole yen for JPY.
    pub minor: i64,
    /// ISO 4217.
    pub currency: String,
}

impl Money {
    /// From the amount.
    pub fn of(money: &money::Money) -> Self {
        Money { minor: money.minor, currency: money.currency.clone() }
    }
}

/// The words of one customer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Voice {
    /// Their departure.
    pub event_id: ChurnEventId,
    /// Who.
    pub who: String,
    /// What they wrote.
    pub quote: String,
    /// The day they left, such as 2026-04-30.
    pub left_on: String,
    /// What they paid a month.
    pub mrr: Option<Money>,
}

/// Something that several customers asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Need {
    /// How many asked.
    pub customers: usize,
    /// Monthly revenue lost with them, by currency.
    pub lost_mrr: Vec<Money>,
    /// When the last of them left.
    pub last_left_on: String,
    /// At most 20 of them, who paid most first.
    pub voices: Vec<Voice>,
}

/// Needs that nothing shipped answers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Demand {
    /// At most 100.
    pub needs: Vec<Need>,
    /// How many departures were looked at.
    pub departures: usize,
}

//! What is answered about churn events and their drafts.

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::shapes::Submitted;
use crate::clock::Time;
use crate::domain::churn::variants::Variant;
use crate::domain::churn::{ChurnEvent, EventType, Evidence, Status};
use crate::domain::drafting::WrittenBy;
use crate::domain::ids::{ChurnEventId, ContactId, FactId, MessageId, VariantId};
use crate::domain::reason::{Reason, Strategy};

/// Words that led to the reason.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReasonQuote {
    /// Where they stand: "cancel code", "their words", or a mail's subject.
    pub source: String,
    /// The sentence, exactly as written.
    pub text: String,
    /// The words in it that counted.
    pub matched: Vec<String>,
}

/// One customer leaving.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ChurnEvent")]
pub struct Departure {
    /// Its id.
    pub id: ChurnEventId,
    /// The address.
    pub customer_email: Option<String>,
    /// The name.
    pub customer_name: Option<String>,
    /// The contact, where an address is known.
    pub contact_id: Option<ContactId>,
    /// Who reported it.
    pub provider: String,
    /// The provider's id of the customer.
    pub provider_customer_id: Option<String>,
    /// The provider's id of the subscription.
    pub provider_subscription_id: Option<String>,
    /// The plan they had.
    pub plan_name: Option<String>,
    /// Monthly recurring revenue in minor units.
    pub mrr: Option<i64>,
    /// The same.
    pub mrr_cents: Option<i64>,
    /// ISO 4217, lower case.
    pub currency: String,
    /// How long they stayed, in days.
    pub tenure_days: Option<i32>,
    /// The code as given.
    pub cancel_reason: Option<String>,
    /// Their own words.
    pub cancel_reason_text: Option<String>,
    /// How they left.
    pub event_type: EventType,
    /// When they were last active.
    pub last_active_at: Option<Time>,
    /// Notes.
    pub notes: Option<String>,
    /// Features they used.
    pub features: Vec<String>,
    /// Where it stands.
    pub status: Status,
    /// The reason that was found, or that a person chose.
    pub reason: Reason,
    /// How sure, 0 to 100.
    pub reason_confidence: i32,
    /// The words that led there.
    pub reason_quotes: Vec<ReasonQuote>,
    /// When they left.
    pub cancelled_at: Time,
    /// When they came back.
    pub recovered_at: Option<Time>,
    /// Until when a letter that was sent may bring them back; after it they count as lost.
    pub window_ends_at: Option<Time>,
    /// How much speaks for a letter having brought them back: strong, weak or organic; null before they came back.
    pub evidence: Option<Evidence>,
    /// When it was taken in.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// A fact that a draft rests on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DraftFact {
    /// What kind.
    pub kind: String,
    /// Its id, where it is on record.
    pub id: Option<String>,
    /// The fact in words.
    pub label: String,
    /// The words of the draft that rest on it.
    pub span: String,
}

/// One of the nine drafts for a churn event.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Variant")]
pub struct DraftedVariant {
    /// Its id.
    pub id: VariantId,
    /// Its event.
    pub churn_event_id: ChurnEventId,
    /// Its strategy.
    pub strategy: Strategy,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The HTML.
    pub html_body: String,
    /// The coupon it promises.
    pub coupon_code: Option<String>,
    /// The percent it promises.
    pub coupon_percent: Option<i32>,
    /// Whether the reason recommends it.
    pub recommended: bool,
    /// Who drafted it.
    pub drafter: WrittenBy,
    /// Why the playbook stepped in for a model.
    pub drafter_note: Option<String>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// The facts it rests on.
    pub claims: Vec<DraftFact>,
    /// The message made from it.
    pub message_id: Option<MessageId>,
    /// When that was sent.
    pub sent_at: Option<Time>,
    /// When it was drafted.
    pub created_at: Time,
}

/// The drafts of an event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Variants {
    /// The drafts.
    pub variants: Vec<DraftedVariant>,
}

/// A page of churn events.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeparturePage {
    /// The events, the latest departure first.
    pub data: Vec<Departure>,
    /// The same.
    pub churn_events: Vec<Departure>,
    /// At most so many.
    pub limit: usize,
    /// So many were left out.
    pub offset: i64,
    /// Whether there are more.
    pub has_more: bool,
}

/// An update that answers what a customer asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Match {
    /// The product update.
    pub fact_id: FactId,
    /// Its title.
    pub title: String,
    /// The day it shipped.
    pub shipped_on: String,
    /// How well it fits, 0 to 100.
    pub score: i32,
    /// The words that fit.
    pub words: Vec<String>,
    /// Synonyms that led there.
    pub via: Vec<String>,
    /// What a person said: true, false, or null.
    pub accepted: Option<bool>,
}

/// The updates that answer, with those that a person refused.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Matches {
    /// The updates.
    pub matches: Vec<Match>,
    /// From this score on an update counts as an answer.
    pub threshold: i32,
}

/// What a person said of a match.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Judged {
    /// The event.
    pub churn_event_id: ChurnEventId,
    /// The update.
    pub fact_id: FactId,
    /// Whether it answers.
    pub accepted: bool,
}

/// What submitting a variant answers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SubmittedVariant {
    /// The message.
    #[serde(flatten)]
    pub message: Submitted,
    /// The variant.
    pub variant_id: VariantId,
}

/// From the event.
pub(super) fn event(row: &ChurnEvent) -> Departure {
    let quotes =
        row.reason_quotes.iter().map(|quote| ReasonQuote { source: quote.source.clone(), text: quote.text.clone(), matched: quote.matched.clone() });
    Departure {
        id: row.id.clone(),
        customer_email: row.customer_email.clone(),
        customer_name: row.customer_name.clone(),
        contact_id: row.contact_id.clone(),
        provider: row.provider.clone(),
        provider_customer_id: row.provider_customer_id.clone(),
        provider_subscription_id: row.provider_subscription_id.clone(),
        plan_name: row.plan_name.clone(),
        mrr: row.mrr_minor,
        mrr_cents: row.mrr_minor,
        currency: row.currency.to_lowercase(),
        tenure_days: row.tenure_days,
        cancel_reason: row.cancel_reason.clone(),
        cancel_reason_text: row.cancel_reason_text.clone(),
        event_type: row.event_type,
        last_active_at: row.last_active_at,
        notes: row.notes.clone(),
        features: (*row.features).clone(),
        status: row.status,
        reason: row.reason,
        reason_confidence: row.reason_confidence,
        reason_quotes: quotes.collect(),
        cancelled_at: row.churned_at,
        recovered_at: row.recovered_at,
        window_ends_at: row.window_ends_at,
        evidence: row.evidence,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// From the variant.
pub(super) fn variant(row: &Variant) -> DraftedVariant {
    let facts =
        row.facts.iter().map(|fact| DraftFact { kind: fact.kind.clone(), id: fact.id.clone(), label: fact.label.clone(), span: fact.span.clone() });
    DraftedVariant {
        id: row.id.clone(),
        churn_event_id: row.churn_event_id.clone(),
        strategy: row.strategy,
        subject: row.subject.clone(),
        body: row.text_body.clone(),
        html_body: row.html_body.clone(),
        coupon_code: row.coupon_code.clone(),
        coupon_percent: row.coupon_percent,
        recommended: row.recommended,
        drafter: row.drafter,
        drafter_note: row.drafter_note.clone(),
        model: row.model.clone(),
        claims: facts.collect(),
        message_id: row.message_id.clone(),
        sent_at: row.sent_at,
        created_at: row.created_at,
    }
}

//! Webhooks out (Standard Webhooks 1.0): who wants to hear of what, and one row for every
//! event to every endpoint, written in the transaction of the change.

pub mod deliveries;
pub mod endpoints;
mod events;
mod programs;
mod queries;
pub mod signature;

use std::fmt;

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::types::Json;
use crate::domain::ids::{EndpointId, MailboxId};
use crate::text_enum;

pub use deliveries::{Delivery, State};
pub(in crate::domain) use events::{churn_event, erased, message, messages, mode_changed, paused, unsubscribed};
pub(in crate::domain) use programs::{lead_qualified, migration_moved, received, referral_clicked, referral_converted};

text_enum!(
    /// What can be heard of.
    pub enum EventType {
        /// A message waits for a decision.
        MessagePending => "message.pending",
        /// Somebody approved it.
        MessageApproved => "message.approved",
        /// Somebody said no.
        MessageRejected => "message.rejected",
        /// Somebody asked its author for changes.
        MessageChangesRequested => "message.changes_requested",
        /// Nobody decided in time.
        MessageExpired => "message.expired",
        /// It was cleared without a decision, or waits for its next attempt.
        MessageQueued => "message.queued",
        /// The mail server took it.
        MessageSent => "message.sent",
        /// The recipient's server reported it delivered.
        MessageDelivered => "message.delivered",
        /// It came back.
        MessageBounced => "message.bounced",
        /// The recipient complained.
        MessageComplained => "message.complained",
        /// A check spoke against it.
        MessageSkipped => "message.skipped",
        /// The mail server refused it for good.
        MessageFailed => "message.failed",
        /// It may have been taken.
        MessageUncertain => "message.uncertain",
        /// A mail came in.
        MessageReceived => "message.received",
        /// A mailbox got another oversight mode.
        OversightModeChanged => "oversight.mode_changed",
        /// Sending was stopped, of one mailbox or of all.
        OversightPaused => "oversight.paused",
        /// A customer left.
        ChurnEventCreated => "churn_event.created",
        /// A customer came back.
        ChurnEventRecovered => "churn_event.recovered",
        /// A customer who was written to did not come back in time.
        ChurnEventLost => "churn_event.lost",
        /// A recipient left the list.
        ContactUnsubscribed => "contact.unsubscribed",
        /// Somebody was erased: whoever got their data from here should erase it too (GDPR article 19).
        ContactErased => "contact.erased",
        /// A contact of a cohort came further in its migration, or fell back.
        MigrationStateChanged => "migration.state_changed",
        /// Somebody followed a contact's referral link.
        ReferralClicked => "referral.clicked",
        /// A recommendation brought somebody.
        ReferralConverted => "referral.converted",
        /// Somebody shows in two ways or more that they may buy.
        LeadQualified => "lead.qualified",
    }
);

/// Where webhooks go.
#[derive(Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::webhook_endpoints)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Only these types; all when empty.
    pub event_types: Json<Vec<EventType>>,
    /// Only of these mailboxes; of all when empty. What belongs to no mailbox passes.
    pub mailboxes: Json<Vec<MailboxId>>,
    /// Only messages of these campaigns or with these tags; all when empty.
    pub campaigns: Json<Vec<String>>,
    /// What its webhooks are signed with, sealed; empty where it was lost.
    secret: String,
    /// The secret before the last rotation, sealed.
    previous_secret: Option<String>,
    /// How long the secret before signs as well.
    pub previous_until: Option<Time>,
    /// Since when nothing is sent.
    pub disabled_at: Option<Time>,
    /// Why nothing is sent.
    pub disabled_because: Option<String>,
    /// When it was added.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Without the secrets, which must not reach a log.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

//! What is out of reach answers exactly like what does not exist, for every id of every call, and
//! changes nothing. A call with an id that is not in the lists here fails.

use std::cell::Cell;
use std::collections::BTreeSet;

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::{http::header, test};
use countersign::api::operations::all;
use countersign::domain::actor::Scope;
use countersign::domain::contacts::{self, ContactInput};
use countersign::domain::facts;
use countersign::domain::ids::ContactId;
use countersign::domain::mailboxes::Mode;
use countersign::domain::threads::{self, Exchange, InboxFilter};
use countersign::on_either;
use diesel::RunQueryDsl;
use serde_json::{Value, json};

use super::server::{ABSENT, key};
use super::talk::{Answer, Talk};
use crate::support::{Browser, Desk, OPERATOR, address};

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Mailbox,
    /// A mailbox by its address.
    Address,
    Message,
    Inbound,
    Thread,
    /// Words of a mail, kept as a fact.
    Fact,
    /// Of the whole desk, so that there is none out of reach.
    Contact,
    Departure,
    Variant,
    Webhook,
    Delivery,
    /// A segment, campaign, cohort, sequence, enrollment or referral.
    Desk,
}

/// Where in a call the id stands.
#[derive(Debug, Clone, Copy)]
pub enum At {
    Path(&'static str),
    Field(&'static str),
    /// In a list of that name.
    List(&'static str),
    Query(&'static str),
    /// In the objects of which the body is a list.
    Each(&'static str),
}

/// A call, the place of the id in it, what it is of, and a body with which it gets as far as the id.
pub type Case = (&'static str, At, Of, &'static str);

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const LETTER: &str = r#"{"to": "c@example.com", "subject": "hello", "body": "hello there"}"#;
const LETTER_FROM_A: &str = r#"{"mailbox": "monitored@sender.example", "to": "c@example.com", "subject": "hello", "body": "hello there"}"#;
const DECISION: &str = r#"{"decision": "approve", "content_hash": "0000000000000000000000000000000000000000000000000000000000000000"}"#;
const HOOK: &str = r#"{"url": "https://93.184.215.14/hook"}"#;

/// People who are to be asked to confirm, by the mailbox that is named.
const ASKED: &str = r#"{"email": "asked@example.com", "consent": "pending"}"#;
const ASKED_WHO_LEFT: &str = r#"{"customer_email": "asked@example.com", "provider_subscription_id": "asked", "consent": "pending"}"#;

pub const CALLS: &[Case] = &[
    ("GET /v1/contacts/{id}", At::Path("id"), Of::Contact, ""),
    ("POST /v1/contacts", At::Field("mailbox"), Of::Mailbox, ASKED),
    ("POST /api/v1/churn-events", At::Field("mailbox"), Of::Mailbox, ASKED_WHO_LEFT),
    ("POST /api/v1/projects/{slug}/churn-events", At::Field("mailbox"), Of::Mailbox, ASKED_WHO_LEFT),
    ("POST /v1/contacts/{id}/tags", At::Path("id"), Of::Contact, r#"{"tags": "seen"}"#),
    ("DELETE /v1/contacts/{id}/tags/{tag}", At::Path("id"), Of::Contact, ""),
    ("POST /v1/mailboxes/{id}/send", At::Path("id"), Of::Mailbox, LETTER),
    ("POST /v1/mailboxes/{id}/send", At::Path("id"), Of::Address, LETTER),
    ("POST /v1/mailboxes/{id}/send", At::List("facts"), Of::Fact, LETTER),
    ("GET /v1/mailboxes/{id}/inbox", At::Path("id"), Of::Mailbox, ""),
    ("GET /v1/mailboxes/{id}/inbox", At::Path("id"), Of::Address, ""),
    ("POST /v1/send", At::Field("mailbox"), Of::Mailbox, LETTER),
    ("POST /v1/send", At::Field("mailbox"), Of::Address, LETTER),
    ("POST /v1/send", At::Field("mailbox_id"), Of::Mailbox, LETTER),
    ("POST /v1/send", At::Field("from"), Of::Address, LETTER),
    ("POST /v1/send", At::List("facts"), Of::Fact, LETTER_FROM_A),
    ("POST /v1/emails/{id}/tags", At::Path("id"), Of::Message, r#"{"tags": "seen"}"#),
    ("POST /v1/emails/{id}/tags", At::Path("id"), Of::Inbound, r#"{"tags": "seen"}"#),
    ("POST /v1/emails/{id}/cancel", At::Path("id"), Of::Message, ""),
    ("POST /v1/emails/{id}/decide", At::Path("id"), Of::Message, DECISION),
    ("GET /v1/emails/{id}", At::Path("id"), Of::Message, ""),
    ("PATCH /v1/emails/{id}", At::Path("id"), Of::Message, r#"{"subject": "hello", "body": "hello you"}"#),
    ("PATCH /v1/emails/{id}", At::Path("id"), Of::Message, r#"{"body": "hello you"}"#),
    ("POST /v1/emails/{id}/claims/{key}/waiver", At::Path("id"), Of::Message, r#"{"reason": "it is so"}"#),
    ("GET /v1/emails", At::Query("mailbox"), Of::Mailbox, ""),
    ("GET /v1/emails", At::Query("mailbox_id"), Of::Mailbox, ""),
    ("GET /v1/oversight/pending", At::Query("mailbox"), Of::Mailbox, ""),
    ("GET /v1/oversight/pending", At::Query("mailbox_id"), Of::Mailbox, ""),
    ("POST /v1/oversight/decide", At::Field("message_id"), Of::Message, DECISION),
    ("POST /v1/oversight/decide", At::Field("email_id"), Of::Message, DECISION),
    ("POST /v1/oversight/decide-batch", At::Each("id"), Of::Message, DECISION),
    ("POST /v1/claims/check", At::Field("mailbox"), Of::Mailbox, r#"{"text": "hello"}"#),
    ("POST /v1/claims/check", At::Field("contact"), Of::Contact, r#"{"text": "hello"}"#),
    ("GET /v1/reports/vigilance", At::Query("mailbox"), Of::Mailbox, ""),
    ("GET /v1/facts/{id}", At::Path("id"), Of::Fact, ""),
    ("PATCH /v1/facts/{id}", At::Path("id"), Of::Fact, r#"{"source": "here"}"#),
    ("POST /v1/facts/{id}/accept", At::Path("id"), Of::Fact, ""),
    ("POST /v1/facts/{id}/revoke", At::Path("id"), Of::Fact, r#"{"reason": "it is over"}"#),
    ("GET /v1/facts/{id}/recall", At::Path("id"), Of::Fact, ""),
    ("POST /v1/facts/{id}/corrections", At::Path("id"), Of::Fact, r#"{"subject": "hello", "text": "hello"}"#),
    ("POST /v1/webhooks", At::List("mailboxes"), Of::Mailbox, HOOK),
    ("GET /v1/webhooks/{id}", At::Path("id"), Of::Webhook, ""),
    ("PATCH /v1/webhooks/{id}", At::Path("id"), Of::Webhook, "{}"),
    ("PATCH /v1/webhooks/{id}", At::List("mailboxes"), Of::Mailbox, "{}"),
    ("DELETE /v1/webhooks/{id}", At::Path("id"), Of::Webhook, ""),
    ("POST /v1/webhooks/{id}/rotate", At::Path("id"), Of::Webhook, ""),
    ("POST /v1/webhooks/{id}/test", At::Path("id"), Of::Webhook, ""),
    ("GET /v1/webhooks/{id}/deliveries", At::Path("id"), Of::Webhook, ""),
    ("POST /v1/webhooks/{id}/deliveries/{delivery}/replay", At::Path("id"), Of::Webhook, ""),
    ("POST /v1/webhooks/{id}/deliveries/{delivery}/replay", At::Path("delivery"), Of::Delivery, ""),
    ("GET /api/v1/churn-events/{id}", At::Path("id"), Of::Departure, ""),
    ("POST /api/v1/churn-events/{id}/recovered", At::Path("id"), Of::Departure, ""),
    ("POST /api/v1/churn-events/{id}/clicked", At::Path("id"), Of::Departure, ""),
    ("POST /v1/winback-rules", At::Field("mailbox"), Of::Mailbox, r#"{"name": "other"}"#),
    ("POST /v1/winback-rules", At::Field("segment_id"), Of::Desk, r#"{"name": "other", "mailbox": "monitored@sender.example"}"#),
    ("POST /v1/winback-rules/forecast", At::Field("mailbox"), Of::Mailbox, "{}"),
    ("POST /v1/winback-rules/forecast", At::Field("segment_id"), Of::Desk, r#"{"mailbox": "monitored@sender.example"}"#),
    ("GET /v1/winback-rules/{id}", At::Path("id"), Of::Desk, ""),
    ("PATCH /v1/winback-rules/{id}", At::Path("id"), Of::Desk, r#"{"name": "other"}"#),
    ("PATCH /v1/winback-rules/{id}", At::Field("mailbox"), Of::Mailbox, "{}"),
    ("PATCH /v1/winback-rules/{id}", At::Field("segment_id"), Of::Desk, "{}"),
    ("POST /v1/winback-rules/{id}/forecast", At::Field("mailbox"), Of::Mailbox, "{}"),
    ("POST /v1/winback-rules/{id}/forecast", At::Field("segment_id"), Of::Desk, "{}"),
    ("DELETE /v1/winback-rules/{id}", At::Path("id"), Of::Desk, ""),
    ("POST /v1/holding-rules", At::Field("mailbox"), Of::Mailbox, r#"{"name": "Held", "tags": ["vip"]}"#),
    ("POST /v1/holding-rules", At::Field("segment_id"), Of::Desk, r#"{"name": "Held"}"#),
    ("POST /v1/holding-rules/backtest", At::Field("mailbox"), Of::Mailbox, r#"{"tags": ["vip"]}"#),
    ("POST /v1/holding-rules/backtest", At::Field("segment_id"), Of::Desk, "{}"),
    ("GET /v1/mailboxes/{id}/allow-list", At::Path("id"), Of::Mailbox, ""),
    ("GET /v1/mailboxes/{id}/allow-list", At::Path("id"), Of::Address, ""),
    ("DELETE /v1/allow-list/{id}", At::Path("id"), Of::Desk, ""),
    ("POST /v1/winback-rules/{id}/forecast", At::Path("id"), Of::Desk, "{}"),
    ("PATCH /api/v1/churn-events/{id}/cancel-reason", At::Path("id"), Of::Departure, r#"{"reason": "too_expensive"}"#),
    ("GET /api/v1/churn-events/{id}/matches", At::Path("id"), Of::Departure, ""),
    ("POST /api/v1/churn-events/{id}/matches", At::Path("id"), Of::Departure, r#"{"fact_id": "x", "accepted": true}"#),
    ("POST /api/v1/churn-events/{id}/matches", At::Field("fact_id"), Of::Fact, r#"{"accepted": true}"#),
    ("POST /api/v1/churn-events/{id}/generate", At::Path("id"), Of::Departure, ""),
    ("GET /api/v1/churn-events/{id}/variants", At::Path("id"), Of::Departure, ""),
    ("PATCH /api/v1/churn-events/{id}/variants/{vid}", At::Path("id"), Of::Departure, r#"{"subject": "hello"}"#),
    ("PATCH /api/v1/churn-events/{id}/variants/{vid}", At::Path("vid"), Of::Variant, r#"{"subject": "hello"}"#),
    ("POST /api/v1/churn-events/{id}/variants/{vid}/send", At::Path("id"), Of::Departure, ""),
    ("POST /api/v1/churn-events/{id}/variants/{vid}/send", At::Path("vid"), Of::Variant, ""),
    ("POST /api/v1/churn-events/{id}/variants/{vid}/send", At::Field("mailbox"), Of::Mailbox, "{}"),
    ("POST /api/v1/churn-events/{id}/variants/{vid}/send", At::Field("mailbox_id"), Of::Mailbox, "{}"),
    ("GET /v1/contacts/search", At::Query("mailbox"), Of::Mailbox, ""),
    ("PATCH /v1/contacts/{id}", At::Path("id"), Of::Contact, r#"{"name": "Ann"}"#),
    ("DELETE /v1/contacts/{id}", At::Path("id"), Of::Contact, ""),
    ("GET /v1/contacts/{id}/explain", At::Path("id"), Of::Contact, "?mailbox=monitored@sender.example"),
    ("GET /v1/contacts/{id}/explain", At::Query("mailbox"), Of::Mailbox, ""),
    ("GET /v1/contacts/{id}/usage", At::Path("id"), Of::Contact, ""),
    ("GET /v1/explain", At::Query("contact"), Of::Contact, "&mailbox=monitored@sender.example"),
    ("GET /v1/explain", At::Query("mailbox"), Of::Mailbox, "&email=c@example.com"),
    ("POST /v1/forecast", At::Field("mailbox"), Of::Mailbox, r#"{"tags": "seen"}"#),
    ("POST /v1/forecast", At::Field("segment_id"), Of::Desk, "{}"),
    ("PATCH /v1/emails/{id}/schedule", At::Path("id"), Of::Message, r#"{"send_at": "2027-01-01T00:00:00Z"}"#),
    ("POST /v1/emails/{id}/undo", At::Path("id"), Of::Message, ""),
    ("GET /v1/emails/{id}/wait", At::Path("id"), Of::Message, "?seconds=0"),
    ("GET /v1/mailboxes/{id}", At::Path("id"), Of::Mailbox, ""),
    ("GET /v1/mailboxes/{id}/backtest", At::Path("id"), Of::Mailbox, ""),
    ("GET /v1/mailboxes/{id}/backtest", At::Path("id"), Of::Address, ""),
    ("GET /v1/mailboxes/{id}/delivery", At::Path("id"), Of::Mailbox, ""),
    ("GET /v1/mailboxes/{id}/delivery", At::Path("id"), Of::Address, ""),
    ("PATCH /v1/mailboxes/{id}/delivery", At::Path("id"), Of::Mailbox, r#"{"per_minute": 60}"#),
    ("PATCH /v1/mailboxes/{id}/delivery", At::Path("id"), Of::Address, r#"{"per_minute": 60}"#),
    ("PATCH /v1/mailboxes/{id}", At::Path("id"), Of::Mailbox, r#"{"undo_seconds": 3600}"#),
    ("POST /v1/mailboxes/{id}/upgrade-request", At::Path("id"), Of::Mailbox, r#"{"target_mode": "autonomous"}"#),
    ("GET /v1/mailboxes/{id}/emails/{eid}", At::Path("id"), Of::Mailbox, ""),
    ("GET /v1/mailboxes/{id}/emails/{eid}", At::Path("eid"), Of::Inbound, ""),
    ("GET /v1/mailboxes/{id}/threads/{tid}", At::Path("id"), Of::Mailbox, ""),
    ("GET /v1/mailboxes/{id}/threads/{tid}", At::Path("tid"), Of::Thread, ""),
    ("POST /v1/mailboxes/{id}/reply/{eid}", At::Path("id"), Of::Mailbox, r#"{"body": "hello"}"#),
    ("POST /v1/mailboxes/{id}/reply/{eid}", At::Path("eid"), Of::Inbound, r#"{"body": "hello"}"#),
    ("GET /v1/contacts/{id}/preferences", At::Path("id"), Of::Contact, ""),
    ("PATCH /v1/contacts/{id}/preferences", At::Path("id"), Of::Contact, r#"{"most_per_week": 3}"#),
    ("GET /v1/contacts/{id}/consents", At::Path("id"), Of::Contact, ""),
    ("POST /v1/contacts/{id}/consents/{consent}/withdraw", At::Path("id"), Of::Contact, ""),
    ("POST /v1/contacts/{id}/opt-in", At::Path("id"), Of::Contact, r#"{"source": "form", "mailbox": "monitored@sender.example"}"#),
    ("POST /v1/contacts/{id}/opt-in", At::Field("mailbox"), Of::Mailbox, r#"{"source": "form"}"#),
    ("GET /v1/contacts/{id}/source", At::Path("id"), Of::Contact, ""),
    ("POST /v1/contacts/{id}/source", At::Path("id"), Of::Contact, r#"{"source": "form", "elsewhere": false}"#),
    ("GET /v1/segments/{id}", At::Path("id"), Of::Desk, ""),
    ("PATCH /v1/segments/{id}", At::Path("id"), Of::Desk, r#"{"name": "other"}"#),
    ("DELETE /v1/segments/{id}", At::Path("id"), Of::Desk, ""),
    ("GET /v1/segments/{id}/contacts", At::Path("id"), Of::Desk, ""),
    ("POST /v1/campaigns", At::Field("segment_id"), Of::Desk, r#"{"name": "other", "kind": "winback"}"#),
    ("POST /v1/campaigns", At::Field("mailbox"), Of::Mailbox, r#"{"name": "other", "kind": "winback"}"#),
    ("GET /v1/campaigns/{id}", At::Path("id"), Of::Desk, ""),
    ("PATCH /v1/campaigns/{id}", At::Path("id"), Of::Desk, r#"{"goal": "more"}"#),
    ("PATCH /v1/campaigns/{id}", At::Field("segment_id"), Of::Desk, "{}"),
    ("PATCH /v1/campaigns/{id}", At::Field("mailbox"), Of::Mailbox, "{}"),
    ("PUT /v1/campaigns/{id}/variants", At::Path("id"), Of::Desk, r#"{"shifts": true}"#),
    ("GET /v1/campaigns/{id}/variant", At::Path("id"), Of::Desk, "?contact=c@example.com"),
    ("GET /v1/campaigns/{id}/variant", At::Query("contact"), Of::Contact, ""),
    ("POST /v1/campaigns/{id}/stop", At::Path("id"), Of::Desk, ""),
    ("POST /v1/campaigns/{id}/drafts", At::Path("id"), Of::Desk, r#"{"template_id": "$template"}"#),
    ("POST /v1/campaigns/{id}/drafts", At::Field("template_id"), Of::Desk, r#"{"mailbox": "monitored@sender.example"}"#),
    ("POST /v1/campaigns/{id}/drafts", At::Field("mailbox"), Of::Mailbox, r#"{"template_id": "$template"}"#),
    ("GET /v1/campaigns/{id}/drafts", At::Path("id"), Of::Desk, ""),
    ("POST /v1/campaigns/{id}/drafts/cancel", At::Path("id"), Of::Desk, ""),
    ("GET /v1/templates/{id}", At::Path("id"), Of::Desk, ""),
    ("PATCH /v1/templates/{id}", At::Path("id"), Of::Desk, r#"{"archived": true}"#),
    ("POST /v1/templates/{id}/versions", At::Path("id"), Of::Desk, r#"{"subject": "s", "body": "b"}"#),
    ("POST /v1/templates/{id}/render", At::Path("id"), Of::Desk, "{}"),
    ("POST /v1/templates/{id}/render", At::Field("contact"), Of::Contact, "{}"),
    ("POST /v1/templates/{id}/send", At::Path("id"), Of::Desk, r#"{"mailbox": "monitored@sender.example", "to": "c@example.com"}"#),
    ("POST /v1/templates/{id}/send", At::Field("mailbox"), Of::Mailbox, r#"{"to": "c@example.com"}"#),
    ("GET /v1/emails/{id}/attempts", At::Path("id"), Of::Message, ""),
    ("POST /v1/sending/stop", At::Field("mailbox"), Of::Mailbox, r#"{"reason": "odd"}"#),
    ("POST /v1/cohorts", At::Field("segment_id"), Of::Desk, r#"{"name": "other", "deadline": "2027-04-30", "from_version": "1", "to_version": "2"}"#),
    ("GET /v1/cohorts/{id}", At::Path("id"), Of::Desk, ""),
    ("PATCH /v1/cohorts/{id}", At::Path("id"), Of::Desk, r#"{"deadline": "2027-05-01"}"#),
    ("PATCH /v1/cohorts/{id}", At::Field("segment_id"), Of::Desk, "{}"),
    ("DELETE /v1/cohorts/{id}", At::Path("id"), Of::Desk, ""),
    ("GET /v1/cohorts/{id}/progress", At::Path("id"), Of::Desk, ""),
    ("GET /v1/cohorts/{id}/stragglers", At::Path("id"), Of::Desk, ""),
    ("GET /v1/cohorts/{id}/board", At::Path("id"), Of::Desk, ""),
    ("GET /v1/reports/cohorts/{id}", At::Path("id"), Of::Desk, ""),
    ("GET /v1/reports/sequences/{id}", At::Path("id"), Of::Desk, ""),
    (
        "POST /v1/cohorts/{id}/api-changes",
        At::Path("id"),
        Of::Desk,
        r#"{"old": {"openapi": "3.1.0", "paths": {}}, "new": {"openapi": "3.1.0", "paths": {}}}"#,
    ),
    ("GET /v1/cohorts/{id}/api-changes", At::Path("id"), Of::Desk, ""),
    ("POST /v1/cohorts/{id}/drafts", At::Path("id"), Of::Desk, r#"{"phase": "all"}"#),
    ("POST /v1/cohorts/{id}/drafts", At::Field("mailbox"), Of::Mailbox, r#"{"phase": "all"}"#),
    ("GET /v1/cohorts/{id}/drafts", At::Path("id"), Of::Desk, ""),
    ("POST /v1/cohorts/{id}/drafts/cancel", At::Path("id"), Of::Desk, ""),
    ("POST /v1/sequences", At::Field("mailbox"), Of::Mailbox, r#"{"name": "other", "steps": [{"subject": "s", "body": "b", "wait_days": 0}]}"#),
    ("GET /v1/sequences/{id}", At::Path("id"), Of::Desk, ""),
    ("PATCH /v1/sequences/{id}", At::Path("id"), Of::Desk, r#"{"archived": true}"#),
    ("GET /v1/sequences/{id}/preview", At::Path("id"), Of::Desk, "?contact=c@example.com"),
    ("GET /v1/sequences/{id}/preview", At::Query("contact"), Of::Contact, ""),
    ("POST /v1/sequences/{id}/enrollments", At::Path("id"), Of::Desk, r#"{"email": "c@example.com"}"#),
    ("POST /v1/sequences/{id}/enrollments", At::Field("contact"), Of::Contact, "{}"),
    ("GET /v1/sequences/{id}/enrollments", At::Path("id"), Of::Desk, ""),
    ("POST /v1/sequences/{id}/segments", At::Path("id"), Of::Desk, r#"{"segment_id": "x"}"#),
    ("POST /v1/sequences/{id}/segments", At::Field("segment_id"), Of::Desk, "{}"),
    ("GET /v1/sequences/{id}/segments", At::Path("id"), Of::Desk, ""),
    ("POST /v1/sequences/{id}/segments/cancel", At::Path("id"), Of::Desk, ""),
    ("GET /v1/sequences/{id}/segments/forecast", At::Path("id"), Of::Desk, "?segment_id=x"),
    ("GET /v1/sequences/{id}/segments/forecast", At::Query("segment_id"), Of::Desk, ""),
    ("POST /v1/sequences/{id}/enrollments/{eid}/stop", At::Path("id"), Of::Desk, ""),
    ("POST /v1/sequences/{id}/enrollments/{eid}/stop", At::Path("eid"), Of::Desk, ""),
    ("POST /v1/sequences/{id}/enrollments/{eid}/send-next", At::Path("id"), Of::Desk, ""),
    ("POST /v1/sequences/{id}/enrollments/{eid}/send-next", At::Path("eid"), Of::Desk, ""),
    ("GET /v1/sequences/{id}/due", At::Path("id"), Of::Desk, ""),
    ("POST /v1/signals", At::Field("contact"), Of::Contact, r#"{"kind": "nps"}"#),
    ("GET /v1/signals", At::Query("contact"), Of::Contact, ""),
    ("POST /v1/referrals", At::Field("contact"), Of::Contact, r#"{"target_url": "https://www.example.com/signup"}"#),
    ("GET /v1/referrals", At::Query("contact"), Of::Contact, ""),
    ("GET /v1/referrals/{id}", At::Path("id"), Of::Desk, ""),
    ("POST /v1/referrals/{id}/conversions", At::Path("id"), Of::Desk, r#"{"id": "1"}"#),
    ("POST /v1/referrals/{id}/rewards", At::Path("id"), Of::Desk, r#"{"conversion_id": "1", "amount": 1, "unit": "months"}"#),
    ("POST /v1/referrals/{id}/rewards", At::Field("conversion_id"), Of::Desk, r#"{"amount": 1, "unit": "months"}"#),
    ("POST /v1/referrals/{id}/rewards", At::Field("mailbox"), Of::Mailbox, r#"{"conversion_id": "1", "amount": 1, "unit": "months"}"#),
    ("POST /v1/referrals/{id}/reminder", At::Path("id"), Of::Desk, r#"{"reward": "a month"}"#),
    ("POST /v1/referrals/{id}/reminder", At::Field("mailbox"), Of::Mailbox, r#"{"reward": "a month"}"#),
];

/// Parts of a path that name nothing of somebody's: words, and what belongs to the id before it.
const NO_IDS: &[&str] = &["tag", "key", "slug", "provider", "source", "email", "consent", "token"];

/// The tools, in the same form.
pub const TOOLS: &[Case] = &[
    ("add_contact", At::Field("mailbox"), Of::Mailbox, ASKED),
    ("create_churn_event", At::Field("mailbox"), Of::Mailbox, ASKED_WHO_LEFT),
    ("check_inbox", At::Field("mailbox"), Of::Mailbox, ""),
    ("check_inbox", At::Field("mailbox_id"), Of::Mailbox, ""),
    ("read_email", At::Field("message_id"), Of::Message, ""),
    ("read_email", At::Field("email_id"), Of::Inbound, ""),
    ("read_email", At::Field("mailbox"), Of::Mailbox, r#"{"message_id": "$message"}"#),
    ("get_thread", At::Field("thread_id"), Of::Thread, ""),
    ("get_thread", At::Field("mailbox"), Of::Mailbox, r#"{"thread_id": "$thread"}"#),
    ("get_thread", At::Field("mailbox_id"), Of::Mailbox, r#"{"thread_id": "$thread"}"#),
    ("send_email", At::Field("mailbox"), Of::Mailbox, LETTER),
    ("send_email", At::Field("mailbox_id"), Of::Mailbox, LETTER),
    ("send_email", At::Field("from"), Of::Address, LETTER),
    ("send_email", At::List("facts"), Of::Fact, LETTER_FROM_A),
    ("edit_email", At::Field("message_id"), Of::Message, r#"{"subject": "hello", "body": "hello you"}"#),
    ("edit_email", At::Field("email_id"), Of::Message, r#"{"body": "hello you"}"#),
    ("list_emails", At::Field("mailbox"), Of::Mailbox, ""),
    ("list_emails", At::Field("mailbox_id"), Of::Mailbox, ""),
    ("tag_email", At::Field("message_id"), Of::Message, r#"{"tags": "seen"}"#),
    ("tag_email", At::Field("email_id"), Of::Inbound, r#"{"tags": "seen"}"#),
    ("tag_email", At::Field("contact_id"), Of::Contact, r#"{"tags": "seen"}"#),
    ("cancel_email", At::Field("message_id"), Of::Message, ""),
    ("cancel_email", At::Field("email_id"), Of::Message, ""),
    ("list_pending", At::Field("mailbox"), Of::Mailbox, ""),
    ("list_pending", At::Field("mailbox_id"), Of::Mailbox, ""),
    ("decide_email", At::Field("message_id"), Of::Message, DECISION),
    ("decide_email", At::Field("email_id"), Of::Message, DECISION),
    ("get_vigilance", At::Field("mailbox"), Of::Mailbox, ""),
    ("check_claims", At::Field("mailbox"), Of::Mailbox, r#"{"text": "hello"}"#),
    ("check_claims", At::Field("contact"), Of::Contact, r#"{"text": "hello"}"#),
    ("get_fact", At::Field("id"), Of::Fact, ""),
    ("get_churn_event", At::Field("churn_event_id"), Of::Departure, ""),
    ("generate_variants", At::Field("churn_event_id"), Of::Departure, ""),
    ("list_variants", At::Field("churn_event_id"), Of::Departure, ""),
    ("send_variant", At::Field("churn_event_id"), Of::Departure, r#"{"variant_id": "x"}"#),
    ("send_variant", At::Field("variant_id"), Of::Variant, r#"{"churn_event_id": "$departure"}"#),
    ("send_variant", At::Field("mailbox"), Of::Mailbox, r#"{"churn_event_id": "$departure", "variant_id": "$variant"}"#),
    ("send_variant", At::Field("mailbox_id"), Of::Mailbox, r#"{"churn_event_id": "$departure", "variant_id": "$variant"}"#),
    ("accept_fact", At::Field("id"), Of::Fact, ""),
    ("change_fact", At::Field("id"), Of::Fact, r#"{"source": "here"}"#),
    ("revoke_fact", At::Field("id"), Of::Fact, r#"{"reason": "it is over"}"#),
    ("get_recall", At::Field("id"), Of::Fact, ""),
    ("send_corrections", At::Field("id"), Of::Fact, r#"{"subject": "hello", "text": "hello"}"#),
    ("waive_claim", At::Field("message_id"), Of::Message, r#"{"key": "0000000000000000", "reason": "it is so"}"#),
    ("correct_churn_reason", At::Field("churn_event_id"), Of::Departure, r#"{"reason": "too_expensive"}"#),
    ("mark_recovered", At::Field("churn_event_id"), Of::Departure, ""),
    ("mark_clicked", At::Field("churn_event_id"), Of::Departure, ""),
    ("create_winback_rule", At::Field("mailbox"), Of::Mailbox, r#"{"name": "other"}"#),
    ("create_winback_rule", At::Field("segment_id"), Of::Desk, r#"{"name": "other", "mailbox": "monitored@sender.example"}"#),
    ("get_winback_rule", At::Field("rule_id"), Of::Desk, ""),
    ("change_winback_rule", At::Field("rule_id"), Of::Desk, r#"{"terms": {"name": "other"}}"#),
    ("delete_winback_rule", At::Field("rule_id"), Of::Desk, ""),
    ("change_segment", At::Field("segment_id"), Of::Desk, r#"{"changes": {"name": "other"}}"#),
    ("change_campaign", At::Field("campaign_id"), Of::Desk, r#"{"changes": {"goal": "other"}}"#),
    ("change_cohort", At::Field("cohort_id"), Of::Desk, r#"{"changes": {"name": "other"}}"#),
    ("delete_cohort", At::Field("cohort_id"), Of::Desk, ""),
    ("list_cohort_drafts", At::Field("cohort_id"), Of::Desk, ""),
    ("cancel_cohort_drafts", At::Field("cohort_id"), Of::Desk, ""),
    ("change_sequence", At::Field("sequence_id"), Of::Desk, r#"{"changes": {"paused": true}}"#),
    ("list_enrollments", At::Field("sequence_id"), Of::Desk, ""),
    ("change_template", At::Field("template_id"), Of::Desk, r#"{"changes": {"archived": true}}"#),
    ("get_referral", At::Field("referral_id"), Of::Desk, ""),
    ("create_holding_rule", At::Field("mailbox"), Of::Mailbox, r#"{"name": "Held", "tags": ["vip"]}"#),
    ("create_holding_rule", At::Field("segment_id"), Of::Desk, r#"{"name": "Held"}"#),
    ("backtest_holding_rule", At::Field("mailbox"), Of::Mailbox, r#"{"tags": ["vip"]}"#),
    ("backtest_holding_rule", At::Field("segment_id"), Of::Desk, "{}"),
    ("list_allowed_recipients", At::Field("mailbox"), Of::Mailbox, ""),
    ("remove_allowed_recipient", At::Field("entry_id"), Of::Desk, ""),
    ("forecast_winback_rule", At::Field("rule_id"), Of::Desk, ""),
    ("list_matches", At::Field("churn_event_id"), Of::Departure, ""),
    ("judge_match", At::Field("churn_event_id"), Of::Departure, r#"{"fact_id": "x", "accepted": true}"#),
    ("judge_match", At::Field("fact_id"), Of::Fact, r#"{"churn_event_id": "$departure", "accepted": true}"#),
    ("edit_variant", At::Field("churn_event_id"), Of::Departure, r#"{"variant_id": "x", "subject": "hello"}"#),
    ("edit_variant", At::Field("variant_id"), Of::Variant, r#"{"churn_event_id": "$departure", "subject": "hello"}"#),
    ("create_campaign", At::Field("segment_id"), Of::Desk, r#"{"name": "another", "kind": "winback"}"#),
    ("create_campaign", At::Field("mailbox"), Of::Mailbox, r#"{"name": "another", "kind": "winback"}"#),
    ("get_campaign", At::Field("campaign_id"), Of::Desk, ""),
    ("set_campaign_variants", At::Field("campaign_id"), Of::Desk, r#"{"shifts": true}"#),
    ("assign_campaign_variant", At::Field("campaign_id"), Of::Desk, r#"{"contact": "c@example.com"}"#),
    ("assign_campaign_variant", At::Field("contact"), Of::Contact, r#"{"campaign_id": "$campaign"}"#),
    ("stop_campaign", At::Field("campaign_id"), Of::Desk, ""),
    ("draft_campaign", At::Field("campaign_id"), Of::Desk, r#"{"template_id": "$template"}"#),
    ("draft_campaign", At::Field("template_id"), Of::Desk, r#"{"campaign_id": "$campaign", "mailbox": "monitored@sender.example"}"#),
    ("draft_campaign", At::Field("mailbox"), Of::Mailbox, r#"{"campaign_id": "$campaign", "template_id": "$template"}"#),
    ("get_campaign_drafts", At::Field("campaign_id"), Of::Desk, ""),
    ("cancel_campaign_drafts", At::Field("campaign_id"), Of::Desk, ""),
    ("get_template", At::Field("template_id"), Of::Desk, ""),
    ("add_template_version", At::Field("template_id"), Of::Desk, r#"{"subject": "s", "body": "b"}"#),
    ("render_template", At::Field("template_id"), Of::Desk, ""),
    ("render_template", At::Field("contact"), Of::Contact, r#"{"template_id": "$template"}"#),
    ("send_template", At::Field("template_id"), Of::Desk, r#"{"mailbox": "monitored@sender.example", "to": "c@example.com"}"#),
    ("send_template", At::Field("mailbox"), Of::Mailbox, r#"{"template_id": "$template", "to": "c@example.com"}"#),
    ("list_attempts", At::Field("message_id"), Of::Message, ""),
    ("stop_sending", At::Field("mailbox"), Of::Mailbox, r#"{"reason": "odd"}"#),
    ("create_cohort", At::Field("segment_id"), Of::Desk, r#"{"name": "another", "deadline": "2027-04-30", "from_version": "1", "to_version": "2"}"#),
    ("get_cohort_progress", At::Field("cohort_id"), Of::Desk, ""),
    ("list_stragglers", At::Field("cohort_id"), Of::Desk, ""),
    ("get_cohort_board", At::Field("cohort_id"), Of::Desk, ""),
    ("get_cohort_history", At::Field("cohort_id"), Of::Desk, ""),
    ("get_sequence_funnel", At::Field("sequence_id"), Of::Desk, ""),
    (
        "compare_cohort_api",
        At::Field("cohort_id"),
        Of::Desk,
        r#"{"old": {"openapi": "3.1.0", "paths": {}}, "new": {"openapi": "3.1.0", "paths": {}}}"#,
    ),
    ("get_cohort_api_changes", At::Field("cohort_id"), Of::Desk, ""),
    ("draft_cohort", At::Field("cohort_id"), Of::Desk, r#"{"phase": "all"}"#),
    ("draft_cohort", At::Field("mailbox"), Of::Mailbox, r#"{"cohort_id": "$cohort", "phase": "all"}"#),
    ("create_sequence", At::Field("mailbox"), Of::Mailbox, r#"{"name": "another", "steps": [{"subject": "s", "body": "b", "wait_days": 0}]}"#),
    ("get_sequence", At::Field("sequence_id"), Of::Desk, ""),
    ("preview_sequence", At::Field("sequence_id"), Of::Desk, r#"{"contact": "c@example.com"}"#),
    ("preview_sequence", At::Field("contact"), Of::Contact, r#"{"sequence_id": "$sequence"}"#),
    ("enroll_contact", At::Field("sequence_id"), Of::Desk, r#"{"email": "c@example.com"}"#),
    ("enroll_contact", At::Field("contact"), Of::Contact, r#"{"sequence_id": "$sequence"}"#),
    ("enroll_segment", At::Field("sequence_id"), Of::Desk, r#"{"segment_id": "x"}"#),
    ("enroll_segment", At::Field("segment_id"), Of::Desk, r#"{"sequence_id": "$sequence"}"#),
    ("list_segment_enrollments", At::Field("sequence_id"), Of::Desk, ""),
    ("cancel_segment_enrollment", At::Field("sequence_id"), Of::Desk, ""),
    ("forecast_enrollment", At::Field("sequence_id"), Of::Desk, r#"{"segment_id": "x"}"#),
    ("forecast_enrollment", At::Field("segment_id"), Of::Desk, r#"{"sequence_id": "$sequence"}"#),
    ("list_due_steps", At::Field("sequence_id"), Of::Desk, ""),
    ("send_next_step", At::Field("sequence_id"), Of::Desk, r#"{"enrollment_id": "x"}"#),
    ("send_next_step", At::Field("enrollment_id"), Of::Desk, r#"{"sequence_id": "$sequence"}"#),
    ("stop_enrollment", At::Field("sequence_id"), Of::Desk, r#"{"enrollment_id": "x"}"#),
    ("stop_enrollment", At::Field("enrollment_id"), Of::Desk, r#"{"sequence_id": "$sequence"}"#),
    ("get_preferences", At::Field("contact_id"), Of::Contact, ""),
    ("lessen_preferences", At::Field("contact_id"), Of::Contact, r#"{"most_per_week": 3}"#),
    ("get_consents", At::Field("contact_id"), Of::Contact, ""),
    ("ask_consent", At::Field("contact_id"), Of::Contact, r#"{"source": "form", "mailbox": "monitored@sender.example"}"#),
    ("ask_consent", At::Field("mailbox"), Of::Mailbox, r#"{"contact_id": "$contact", "source": "form"}"#),
    ("record_source", At::Field("contact_id"), Of::Contact, r#"{"source": "form", "elsewhere": false}"#),
    ("get_segment", At::Field("segment_id"), Of::Desk, ""),
    ("delete_segment", At::Field("segment_id"), Of::Desk, ""),
    ("record_signal", At::Field("contact"), Of::Contact, r#"{"kind": "nps"}"#),
    ("list_signals", At::Field("contact"), Of::Contact, ""),
    ("create_referral", At::Field("contact"), Of::Contact, r#"{"target_url": "https://www.example.com/signup"}"#),
    ("list_referrals", At::Field("contact"), Of::Contact, ""),
    ("record_conversion", At::Field("referral_id"), Of::Desk, r#"{"id": "1"}"#),
    ("give_referral_reward", At::Field("referral_id"), Of::Desk, r#"{"conversion_id": "1", "amount": 1, "unit": "months"}"#),
    ("give_referral_reward", At::Field("conversion_id"), Of::Desk, r#"{"referral_id": "$referral", "amount": 1, "unit": "months"}"#),
    (
        "give_referral_reward",
        At::Field("mailbox"),
        Of::Mailbox,
        r#"{"referral_id": "$referral", "conversion_id": "1", "amount": 1, "unit": "months"}"#,
    ),
    ("remind_referrer", At::Field("referral_id"), Of::Desk, r#"{"reward": "a month"}"#),
    ("remind_referrer", At::Field("mailbox"), Of::Mailbox, r#"{"referral_id": "$referral", "reward": "a month"}"#),
    ("get_usage", At::Field("contact_id"), Of::Contact, ""),
    ("manage_contacts", At::Field("contact_id"), Of::Contact, r#"{"action": "get"}"#),
    ("manage_contacts", At::Field("mailbox"), Of::Mailbox, r#"{"action": "search", "query": "c"}"#),
    ("explain_contact", At::Field("contact"), Of::Contact, r#"{"mailbox": "monitored@sender.example"}"#),
    ("explain_contact", At::Field("mailbox"), Of::Mailbox, r#"{"email": "c@example.com"}"#),
    ("forecast_send", At::Field("mailbox"), Of::Mailbox, r#"{"tags": "seen"}"#),
    ("backtest_mode", At::Field("mailbox"), Of::Mailbox, ""),
    ("backtest_mode", At::Field("mailbox_id"), Of::Mailbox, ""),
    ("forecast_send", At::Field("segment_id"), Of::Desk, "{}"),
    ("get_delivery", At::Field("mailbox"), Of::Mailbox, ""),
    ("get_delivery", At::Field("mailbox_id"), Of::Mailbox, ""),
    ("limit_delivery", At::Field("mailbox"), Of::Mailbox, r#"{"per_minute": 60}"#),
    ("limit_delivery", At::Field("mailbox_id"), Of::Mailbox, r#"{"per_minute": 60}"#),
    ("get_mailbox", At::Field("mailbox"), Of::Mailbox, ""),
    ("get_mailbox", At::Field("mailbox_id"), Of::Mailbox, ""),
    ("request_mode", At::Field("mailbox"), Of::Mailbox, r#"{"target_mode": "autonomous"}"#),
    ("request_mode", At::Field("mailbox_id"), Of::Mailbox, r#"{"target_mode": "autonomous"}"#),
    ("tighten_mode", At::Field("mailbox"), Of::Mailbox, r#"{"mode": "gated_send"}"#),
    ("tighten_mode", At::Field("mailbox_id"), Of::Mailbox, r#"{"mode": "gated_send"}"#),
    ("reply_email", At::Field("message_id"), Of::Inbound, r#"{"body": "hello"}"#),
    ("reply_email", At::Field("email_id"), Of::Inbound, r#"{"body": "hello"}"#),
    ("reply_email", At::Field("mailbox"), Of::Mailbox, r#"{"message_id": "$message", "body": "hello"}"#),
    ("reply_email", At::Field("mailbox_id"), Of::Mailbox, r#"{"message_id": "$message", "body": "hello"}"#),
    ("schedule_email", At::Field("message_id"), Of::Message, r#"{"send_at": "2027-01-01T00:00:00Z"}"#),
    ("schedule_email", At::Field("email_id"), Of::Message, r#"{"send_at": "2027-01-01T00:00:00Z"}"#),
    ("undo_approval", At::Field("message_id"), Of::Message, ""),
    ("undo_approval", At::Field("email_id"), Of::Message, ""),
    ("wait_for_decision", At::Field("message_id"), Of::Message, r#"{"seconds": 0}"#),
    ("wait_for_decision", At::Field("email_id"), Of::Message, r#"{"seconds": 0}"#),
    ("wait_for_reply", At::Field("message_id"), Of::Message, r#"{"seconds": 0}"#),
    ("wait_for_reply", At::Field("email_id"), Of::Message, r#"{"seconds": 0}"#),
];

/// Names that are compared and not looked up: what is not there only makes a list empty.
const NOT_LOOKED_UP: &[(&str, &str)] = &[
    ("GET /v1/facts", "contact"),
    ("GET /v1/product-updates", "contact"),
    ("GET /v1/offers", "contact"),
    // The one in the path counts.
    ("POST /v1/mailboxes/{id}/send", "mailbox"),
    ("POST /v1/mailboxes/{id}/send", "mailbox_id"),
    ("POST /v1/emails/{id}/decide", "message_id"),
    ("POST /v1/emails/{id}/decide", "email_id"),
    // Names that others give to what they report.
    ("POST /v1/signals", "id"),
    ("POST /v1/referrals/{id}/conversions", "id"),
    ("record_signal", "id"),
    ("record_conversion", "id"),
    // Not for keys, whatever is named.
    ("POST /v1/mailboxes/{id}/upgrade", "id"),
    ("POST /v1/campaigns/{id}/resume", "id"),
    // Read with what is found at the email in the path.
    ("POST /v1/mailboxes/{id}/reply/{eid}", "facts"),
    ("reply_email", "facts"),
];

/// Whether a name stands for something that can be out of reach. A cursor only says where a page begins.
fn is_id(name: &str) -> bool {
    let foreign = ["provider_customer_id", "provider_subscription_id", "event_id", "customer_id"];
    (name == "id" || name.ends_with("_id") || ["mailbox", "mailboxes", "contact", "facts"].contains(&name)) && !foreign.contains(&name)
}

/// The names of the fields of a schema, or of that of its items.
fn fields(document: &Value, schema: &Value) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return fields(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    let mut all: Vec<String> = schema["properties"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
    for part in ["oneOf", "anyOf", "allOf"].iter().filter_map(|part| schema[part].as_array()).flatten() {
        all.extend(fields(document, part));
    }
    if schema["items"].is_object() {
        all.extend(fields(document, &schema["items"]));
    }
    all
}

/// What stands there to be reached, and from which keys.
struct Ground<'a, S> {
    desk: &'a Desk,
    talk: Talk<S>,
    /// Keys that reach one mailbox only, of each kind of work.
    limited: Vec<String>,
    /// Keys for the same work without that limit.
    free: Vec<String>,
    writer: String,
    inbound: String,
    thread: String,
    quote: String,
    departure: String,
    variants: Vec<String>,
    /// The one that the case at hand is about: submitting uses it up.
    variant: Cell<usize>,
    webhook: String,
    contact: String,
    campaign: String,
    rule: String,
    template: String,
    cohort: String,
    sequence: String,
    referral: String,
}

const HERE: Mode = Mode::Monitored;
const THERE: Mode = Mode::GatedSend;

async fn ground(desk: &Desk) -> Ground<'_, impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error>> {
    let talk = Talk(desk.app().await);
    let works: [&[Scope]; 3] =
        [&[Scope::Read, Scope::Draft, Scope::Contacts], &[Scope::Read, Scope::OversightRead, Scope::Oversight], &[Scope::Read, Scope::Admin]];
    let limited = works.iter().map(|scopes| key(desk, scopes, &[HERE]).0).collect();
    let free: Vec<String> = works.iter().map(|scopes| key(desk, scopes, &[]).0).collect();
    let (writer, _) = key(desk, works[0], &[THERE]);

    let mailbox = desk.mailbox(THERE).id;
    let contact = desk
        .write(|conn| {
            let input = ContactInput { email: "c@example.com".into(), ..ContactInput::default() };
            let contact = contacts::upsert(conn, &OPERATOR, &input, desk.now())?;
            let line = Exchange {
                from_customer: true,
                subject: "Export".into(),
                text: "The export of hazelnuts is broken.".into(),
                at: desk.now(),
                message_id: None,
            };
            threads::record_history(conn, &OPERATOR, &mailbox, &contact.row.id, "c@example.com", &[line], desk.now())?;
            facts::observe(conn, &contact.row.id, desk.now())?;
            Ok(contact.row.id)
        })
        .unwrap();
    let filter = InboxFilter { limit: 10, ..InboxFilter::default() };
    let (mails, _) = desk.read(|conn| threads::inbox(conn, &OPERATOR, &mailbox, &filter));
    let quote = quotes(desk, &contact).remove(0);

    let departure = json!({"customer_email": "left@example.com", "cancel_reason": "too_expensive", "provider_subscription_id": "sub_1"});
    let departure = talk.rest(&free[0], "POST", "/api/v1/churn-events", &departure).await.json["id"].as_str().unwrap().to_owned();
    let drafted = talk.rest(&free[0], "POST", &format!("/api/v1/churn-events/{departure}/generate"), &Value::Null).await;
    let variants = drafted.json["variants"].as_array().unwrap().iter().map(|variant| variant["id"].as_str().unwrap().to_owned()).collect();
    let webhook = talk.rest(&free[2], "POST", "/v1/webhooks", &serde_json::from_str(HOOK).unwrap()).await;
    let webhook = webhook.json["id"].as_str().unwrap().to_owned();
    let made = async |path: &str, body: Value| talk.rest(&free[0], "POST", path, &body).await.json["id"].as_str().unwrap().to_owned();
    let campaign = made("/v1/campaigns", json!({"name": "a campaign", "kind": "winback"})).await;
    let rule = made("/v1/winback-rules", json!({"name": "a rule", "mailbox": "monitored@sender.example", "enabled": false})).await;
    let template = made("/v1/templates", json!({"name": "a template", "subject": "hello", "body": "hello there"})).await;
    let cohort = json!({"name": "a cohort", "tags": "seen", "deadline": "2027-04-30", "from_version": "1", "to_version": "2"});
    let cohort = made("/v1/cohorts", cohort).await;
    let steps = json!([{"subject": "Hello", "body": "Hello", "wait_days": 0}]);
    let sequence = made("/v1/sequences", json!({"name": "a sequence", "mailbox": address(HERE), "steps": steps})).await;
    let referral = json!({"contact": contact, "target_url": "https://www.example.com/signup"});
    let referral = talk.rest(&free[2], "POST", "/v1/referrals", &referral).await.json["id"].as_str().unwrap().to_owned();
    let (mail, _) = &mails[0];
    let (inbound, thread) = (mail.id.to_string(), mail.thread_id.to_string());
    Ground {
        desk,
        talk,
        limited,
        free,
        writer,
        inbound,
        thread,
        quote,
        departure,
        variants,
        variant: Cell::new(0),
        webhook,
        contact: contact.to_string(),
        campaign,
        rule,
        template,
        cohort,
        sequence,
        referral,
    }
}

fn quotes(desk: &Desk, contact: &ContactId) -> Vec<String> {
    let filter = facts::Filter { contact: Some(contact.clone()), kind: Some(facts::Kind::TicketQuote), limit: 10, ..facts::Filter::default() };
    desk.read(|conn| facts::list(conn, &OPERATOR, &filter)).0.into_iter().map(|fact| fact.id.to_string()).collect()
}

impl<S, B> Ground<'_, S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    /// An id of something that is there, out of reach of the limited keys.
    async fn foreign(&self, of: Of) -> Option<String> {
        Some(match of {
            Of::Mailbox => self.desk.mailbox(THERE).id.to_string(),
            Of::Address => address(THERE),
            Of::Message => {
                let body = json!({"to": "d@example.com", "subject": "hello", "body": "hello from there"});
                self.talk.rest(&self.writer, "POST", "/v1/send", &body).await.json["id"].as_str().unwrap().to_owned()
            }
            Of::Inbound => self.inbound.clone(),
            Of::Thread => self.thread.clone(),
            Of::Fact => self.quote.clone(),
            Of::Contact | Of::Departure | Of::Variant | Of::Webhook | Of::Delivery | Of::Desk => return None,
        })
    }

    /// Makes a call with this id in its place.
    async fn call(&self, key: &str, case: &Case, id: &str) -> Answer {
        let (call, at, _, body) = case;
        // What a GET needs besides stands behind its path.
        let (body, query) = if body.starts_with(['?', '&']) { ("", *body) } else { (*body, "") };
        let body = body
            .replace("$thread", &self.thread)
            .replace("$contact", &self.contact)
            .replace("$sequence", &self.sequence)
            .replace("$cohort", &self.cohort)
            .replace("$referral", &self.referral)
            .replace("$campaign", &self.campaign)
            .replace("$template", &self.template)
            .replace("$departure", &self.departure)
            .replace("$variant", &self.variants[self.variant.get()]);
        let mut body: Value = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() };
        let Some((method, path)) = call.split_once(' ') else {
            let mut arguments = if body.is_null() { json!({}) } else { body };
            place(&mut arguments, at, id);
            if arguments["message_id"] == "$message" {
                arguments["message_id"] = json!(self.inbound);
            }
            return unnamed(self.talk.mcp(key, call, &arguments).await, id);
        };
        let mut path = path.to_owned();
        let encoded = url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20");
        match at {
            At::Path(name) => path = path.replace(&format!("{{{name}}}"), &encoded),
            At::Query(name) => path = format!("{path}?{name}={encoded}"),
            At::Each(name) => {
                body[*name] = json!(id);
                body = json!([body]);
            }
            _ => place(&mut body, at, id),
        }
        for (name, value) in [
            ("vid", &self.variants[self.variant.get()]),
            ("tag", &"seen".to_owned()),
            ("consent", &ABSENT.to_owned()),
            ("key", &ZEROS[..16].to_owned()),
            ("delivery", &ABSENT.to_owned()),
            ("eid", &self.inbound),
            ("tid", &self.thread),
            ("slug", &"app".to_owned()),
        ] {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        // Mail is out of reach together with its mailbox.
        let within = if matches!(case.2, Of::Inbound | Of::Thread) { THERE } else { HERE };
        let mailbox = self.desk.mailbox(within).id.to_string();
        let root = [
            ("/v1/webhooks", &self.webhook),
            ("/v1/mailboxes", &mailbox),
            ("/api/v1/churn-events", &self.departure),
            ("/v1/contacts", &self.contact),
            ("/v1/campaigns", &self.campaign),
            ("/v1/winback-rules", &self.rule),
            ("/v1/templates", &self.template),
            ("/v1/cohorts", &self.cohort),
            ("/v1/sequences", &self.sequence),
            ("/v1/referrals", &self.referral),
        ];
        if let Some((_, id)) = root.iter().find(|(prefix, _)| path.starts_with(prefix)) {
            path = path.replace("{id}", id);
        }
        assert!(!path.contains('{'), "{path}: say what to put there");
        path.push_str(query);
        unnamed(self.talk.rest(key, method, &path, &body).await, id)
    }

    async fn try_case(&self, case: &Case) {
        if case.0.ends_with("/send") || case.0 == "send_variant" {
            self.variant.set((self.variant.get() + 1) % self.variants.len());
        }
        let absent = if case.2 == Of::Address { "nobody@sender.example" } else { ABSENT };
        let mut missing = vec!["xyzzy", "xyzzy -- or 1=1", "0198f2b0-0000-7000-8000-00000000000g"];
        if case.2 == Of::Address {
            missing.clear();
        }
        let mut told = BTreeSet::new();
        for (nth, key) in self.limited.iter().chain(&self.free).enumerate() {
            let before = self.fingerprint();
            let answer = self.call(key, case, absent).await;
            told.insert(code(&answer));
            for id in &missing {
                same(case, id, &answer, &self.call(key, case, id).await);
            }
            assert_eq!(before, self.fingerprint(), "{case:?} changed something");
            if nth < self.limited.len()
                && let Some(foreign) = self.foreign(case.2).await
            {
                let before = self.fingerprint();
                same(case, "another mailbox's", &answer, &self.call(key, case, &foreign).await);
                assert_eq!(before, self.fingerprint(), "{case:?} changed something out of reach");
            }
        }
        let as_a_field = matches!(case.1, At::List("facts")) || matches!((case.1, case.2), (At::Field(_), Of::Desk | Of::Contact));
        assert!(told.contains("not_found") || as_a_field && told.contains("field_invalid"), "{case:?} never got as far as the id: {told:?}");
        // The id is of something: whoever reaches it hears something else.
        if let Some(foreign) = self.foreign(case.2).await {
            let mut differs = case.0.ends_with("/matches") || case.0 == "judge_match";
            for key in &self.free {
                differs |= self.call(key, case, &foreign).await.text != self.call(key, case, absent).await.text;
            }
            assert!(differs, "{case:?} reaches nothing, with any key");
        }
    }

    /// How many rows each table has, and when the latest change was.
    fn fingerprint(&self) -> Vec<(String, i64)> {
        #[derive(diesel::QueryableByName)]
        struct Name {
            #[diesel(sql_type = diesel::sql_types::Text)]
            name: String,
        }
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        // What every call writes: when its key was used, that it was made.
        let besides = ["api_keys", "api_calls", "idempotency_keys"];
        self.desk.read(|conn| {
            let sqlite = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '*_index*' AND name NOT LIKE 'sqlite%'";
            let postgres = "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = 'public'";
            let names: Vec<Name> = match conn {
                countersign::db::Conn::Sqlite(inner) => diesel::sql_query(sqlite).load(inner)?,
                countersign::db::Conn::Postgres(inner) => diesel::sql_query(postgres).load(inner)?,
            };
            let mut all = vec![];
            for Name { name } in names.into_iter().filter(|table| !besides.contains(&table.name.as_str())) {
                let text = format!("SELECT COUNT(*) AS count FROM {name}");
                let rows: Vec<Count> = on_either!(conn, inner => diesel::sql_query(text).load(inner))?;
                all.push((name, rows[0].count));
            }
            for table in ["messages", "contacts", "churn_events", "facts", "outbox"] {
                let text = format!("SELECT COALESCE(MAX(updated_at), 0) AS count FROM {table}");
                let rows: Vec<Count> = on_either!(conn, inner => diesel::sql_query(text).load(inner))?;
                all.push((format!("{table} changed"), rows[0].count));
            }
            all.sort();
            Ok(all)
        })
    }
}

fn place(body: &mut Value, at: &At, id: &str) {
    if body.is_null() {
        *body = json!({});
    }
    match at {
        At::Field(name) => body[*name] = json!(id),
        At::List(name) => body[*name] = json!([id]),
        _ => {}
    }
}

/// An answer may say the id that was asked for, and nothing else that depends on it.
fn unnamed(mut answer: Answer, id: &str) -> Answer {
    let plain = |text: &str| {
        let text = text.replace(id, "THE ID");
        // Each call has an id of its own, which says nothing of what was asked for.
        match text.split_once("\"request_id\":\"") {
            Some((before, rest)) => format!("{before}{}", rest.split_once('"').map_or("", |(_, after)| after)),
            None => text,
        }
    };
    answer.text = plain(&answer.text);
    for (text, _) in &mut answer.blocks {
        *text = plain(text);
    }
    answer
}

fn same(case: &Case, which: &str, absent: &Answer, other: &Answer) {
    assert_eq!((absent.status, &absent.text, &absent.blocks), (other.status, &other.text, &other.blocks), "{case:?} tells {which} id apart");
}

/// The code of an answer, or of the first in a list of answers.
fn code(answer: &Answer) -> String {
    let first = answer.json["results"][0]["code"].as_str();
    answer.code().or(first).map_or_else(|| format!("status {}", answer.status), str::to_owned)
}

#[actix_web::test]
async fn what_is_out_of_reach_answers_like_what_does_not_exist() {
    let desk = Desk::new().await;
    let ground = ground(&desk).await;
    for case in CALLS.iter().chain(TOOLS) {
        ground.try_case(case).await;
    }
}

#[actix_web::test]
async fn no_call_with_an_id_is_left_out() {
    let desk = Desk::new().await;
    let document = Talk(desk.app().await).send(test::TestRequest::get().uri("/v1/openapi.json")).await.json;
    let mut left_out = vec![];
    let mut tried = |call: &str, which: &dyn Fn(&At) -> bool, name: &str| {
        if !NOT_LOOKED_UP.contains(&(call, name)) && !CALLS.iter().any(|(listed, at, ..)| *listed == call && which(at)) {
            left_out.push(format!("{name} of {call}"));
        }
    };
    let mut calls = BTreeSet::new();
    for operation in all() {
        let call = format!("{} {}", operation.method, operation.path);
        for name in operation.parameters().filter(|name| !NO_IDS.contains(name)) {
            tried(&call, &|at| matches!(at, At::Path(known) if *known == name), name);
        }
        let described = &document["paths"][operation.path][operation.method.as_str().to_lowercase()];
        assert!(described.is_object(), "{call} is not described");
        for parameter in described["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            if is_id(name) {
                tried(&call, &|at| matches!(at, At::Query(known) if *known == name), name);
            }
        }
        for name in fields(&document, &described["requestBody"]["content"]["application/json"]["schema"]).iter().filter(|name| is_id(name)) {
            tried(&call, &|at| matches!(at, At::Field(known) | At::List(known) | At::Each(known) if known == name), name);
        }
        calls.insert(call);
    }
    assert!(left_out.is_empty(), "these are in no list: say in CALLS what they are of: {left_out:#?}");
    for (call, ..) in CALLS {
        assert!(calls.contains(*call), "there is no {call}");
    }
}

#[actix_web::test]
async fn no_tool_with_an_id_is_left_out() {
    let desk = Desk::new().await;
    let talk = Talk(desk.app().await);
    let mut names = BTreeSet::new();
    let all = [Scope::Read, Scope::Contacts, Scope::OversightRead, Scope::Oversight, Scope::Admin];
    for scopes in [&all[..], &[Scope::Read, Scope::Draft]] {
        for tool in talk.tools(&key(&desk, scopes, &[]).0).await {
            let name = tool["name"].as_str().unwrap().to_owned();
            for argument in tool["inputSchema"]["properties"].as_object().unwrap().keys() {
                if is_id(argument) && !NOT_LOOKED_UP.contains(&(&name, argument)) {
                    let at = |at: &At| matches!(at, At::Field(known) | At::List(known) if known == argument);
                    assert!(
                        TOOLS.iter().any(|(tool, place, ..)| *tool == name && at(place)),
                        "{argument} of {name} is in no list: say in TOOLS what it is of"
                    );
                }
            }
            names.insert(name);
        }
    }
    for (tool, ..) in TOOLS {
        assert!(names.contains(*tool), "there is no {tool}");
    }
}

#[actix_web::test]
async fn a_key_hears_nothing_of_mail_out_of_its_reach_from_facts_tags_and_recalls() {
    let desk = Desk::new().await;
    let ground = ground(&desk).await;
    let talk = &ground.talk;
    let contact = talk.rest(&ground.free[0], "GET", "/v1/contacts/search?email=c@example.com", &Value::Null).await.json["contacts"][0]["id"].clone();
    let contact = contact.as_str().unwrap();
    let check = json!({"contact": contact, "text": "You wrote about hazelnuts: \u{201c}The export of hazelnuts is broken\u{201d}."});
    for (key, may) in [(&ground.limited[0], false), (&ground.limited[2], false), (&ground.free[0], true)] {
        let listed = talk.rest(key, "GET", &format!("/v1/facts?contact={contact}"), &Value::Null).await;
        assert_eq!(listed.text.contains("hazelnuts"), may, "{}", listed.text);
        let one = talk.rest(key, "GET", &format!("/v1/facts/{}", ground.quote), &Value::Null).await;
        assert_eq!(one.status, if may { 200 } else { 404 });
        let labels: Vec<String> = talk.rest(key, "POST", "/v1/claims/check", &check).await.json["claims"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|claim| claim["fact"].as_str().map(str::to_owned))
            .collect();
        assert!(!labels.is_empty());
        assert_eq!(labels.iter().any(|label| label.contains("hazelnuts")), may, "{labels:?}");
    }
    // Whose drafts rest on a fact.
    let link = json!({"kind": "allowed_url", "url": "https://example.com/docs"});
    let link = talk.rest(&ground.free[2], "POST", "/v1/facts", &link).await.json["id"].as_str().unwrap().to_owned();
    let letter = json!({"to": "d@example.com", "subject": "hello", "body": "Read https://example.com/docs for more."});
    assert_eq!(talk.rest(&ground.writer, "POST", "/v1/send", &letter).await.status, 202);
    for (key, drafts) in [(&ground.limited[0], 0), (&ground.free[0], 1)] {
        let recall = talk.rest(key, "GET", &format!("/v1/facts/{link}/recall"), &Value::Null).await;
        assert_eq!(recall.json["drafts"].as_array().unwrap().len(), drafts, "{}", recall.text);
    }
    // Mail that is held from agents is held here too.
    let mailbox = desk.mailbox(THERE).id;
    desk.write(|conn| countersign::domain::mailboxes::set_mode(conn, &OPERATOR, &mailbox, Mode::GatedAll, desk.now())).unwrap();
    let listed = talk.rest(&ground.free[0], "GET", &format!("/v1/facts?contact={contact}"), &Value::Null).await;
    assert!(!listed.text.contains("hazelnuts"), "{}", listed.text);
    let tagged = talk.rest(&ground.free[0], "POST", &format!("/v1/emails/{}/tags", ground.inbound), &json!({"tags": "seen"})).await;
    assert_eq!(tagged.code(), Some("not_found"), "a tag would say that it is there");
}

#[actix_web::test]
async fn keys_are_for_calls_and_cookies_for_pages() {
    let desk = Desk::new().await;
    let talk = Talk(desk.app().await);
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let cookie = ada.cookie.clone().unwrap();
    assert_eq!(ada.get("/queue").await.status, 200);
    for path in ["/v1/mailboxes", "/v1/emails", "/api/v1/churn-events"] {
        let answer = talk.send(test::TestRequest::get().uri(path).insert_header((header::COOKIE, cookie.clone()))).await;
        assert_eq!(answer.status, 401, "{path} took a cookie");
    }
    let message = desk.pending("a@example.com", json!({})).await;
    let approve =
        || test::TestRequest::post().insert_header((header::COOKIE, cookie.clone())).insert_header((header::CONTENT_TYPE, "application/json"));
    let body = json!({"message_id": message.row.id, "decision": "approve", "content_hash": message.row.content_hash});
    assert_eq!(talk.send(approve().uri("/v1/oversight/decide").set_payload(body.to_string())).await.status, 401);
    let tool = approve().uri("/mcp").insert_header(("Host", "localhost")).insert_header((header::ACCEPT, "application/json, text/event-stream"));
    assert_eq!(talk.send(tool.set_payload(tool_text(&body))).await.status, 401);
    // Every page, with the strongest keys there are.
    for scopes in [&[Scope::Read, Scope::Admin, Scope::Oversight][..], &[Scope::Read, Scope::Draft]] {
        let (key, _) = key(&desk, scopes, &[]);
        for route in countersign::web::ROUTES.iter().filter(|route| route.access != countersign::web::Access::Public) {
            let path = route.path.replace("{id}", message.row.id.as_str()).replace(['{', '}'], "");
            let request = if route.method == "get" { test::TestRequest::get() } else { test::TestRequest::post().set_form([("csrf", "x")]) };
            let answer = talk
                .send(request.uri(&path).insert_header((header::AUTHORIZATION, format!("Bearer {key}"))).insert_header(("X-API-Key", key.clone())))
                .await;
            assert!([303, 400, 401, 403].contains(&answer.status), "{} {path} took a key: {}", route.method, answer.status);
        }
    }
    assert_eq!(desk.message(message.row.id.as_str()).row.state, countersign::domain::messages::State::Pending);
}

fn tool_text(arguments: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "decide_email", "arguments": arguments}}).to_string()
}

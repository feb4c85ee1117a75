//! What mail providers tell of messages that they took from us: bounces, complaints, deliveries. Pure.

use serde::Deserialize;
use serde_json::Value;

use super::cause::{Cause, Said, judge, status_in};
use super::mail::line;
use super::ses::{self, Notification};
use super::{Action, Feedback, Recipient};

/// What is told of one message.
#[derive(Debug, Clone)]
pub struct Told {
    /// The provider's id of the event: it is taken once.
    pub id: String,
    /// Message-IDs that the message may have, without brackets.
    pub about: Vec<String>,
    /// The recipient.
    pub address: String,
    /// What happened.
    pub what: What,
}

/// What happened to a message.
#[derive(Debug, Clone)]
pub enum What {
    /// It was delivered or not.
    Report(Recipient),
    /// Its recipient complained.
    Complaint(Feedback),
}

fn report(address: &str, action: Action, status: Option<&str>, said: &str, gone: bool) -> What {
    let judged = judge(&Said { text: said, status, around: "" });
    let cause = if gone && matches!(judged, Cause::Unclear | Cause::Filtered) { Cause::UserUnknown } else { judged };
    What::Report(Recipient {
        address: address.to_owned(),
        finally: None,
        status: status_in(said).or_else(|| status.map(str::to_owned)),
        action,
        hard: action == Action::Failed && cause.is_hard(),
        cause,
        said: line(said, 500),
    })
}

fn complaint(address: &str, kind: &str) -> What {
    What::Complaint(Feedback { kind: kind.to_owned(), recipient: Some(address.to_owned()), envelope_id: None })
}

fn id(given: &str) -> String {
    given.trim().trim_matches(['<', '>']).chars().take(250).collect()
}

#[derive(Debug, Deserialize)]
struct SendGrid {
    email: String,
    event: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    reason: Option<String>,
    status: Option<String>,
    #[serde(rename = "smtp-id")]
    smtp_id: Option<String>,
    sg_event_id: String,
}

/// What SendGrid tells: a list of events. What is none of ours to know, such as a click, is left out.
pub fn sendgrid(body: &[u8]) -> Result<Vec<Told>, serde_json::Error> {
    let all: Vec<Value> = serde_json::from_slice(body)?;
    let mut told = vec![];
    for value in all {
        let kind = value.get("event").and_then(Value::as_str).unwrap_or_default();
        if !matches!(kind, "bounce" | "dropped" | "deferred" | "delivered" | "spamreport") {
            continue;
        }
        let event: SendGrid = serde_json::from_value(value)?;
        let said = event.reason.as_deref().unwrap_or_default();
        let status = event.status.as_deref();
        let what = match event.event.as_str() {
            "spamreport" => complaint(&event.email, "abuse"),
            "delivered" => report(&event.email, Action::Delivered, status, said, false),
            "deferred" => report(&event.email, Action::Delayed, status, said, false),
            // "blocked" is their word for what is not the address.
            _ => report(
                &event.email,
                Action::Failed,
                status,
                said,
                event.kind.as_deref() == Some("bounce") && status.is_some_and(|status| status == "5.1.1"),
            ),
        };
        told.push(Told { id: event.sg_event_id, about: event.smtp_id.iter().map(|given| id(given)).collect(), address: event.email, what });
    }
    Ok(told)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Postmark {
    record_type: String,
    #[serde(rename = "ID")]
    id: Option<i64>,
    #[serde(rename = "Type")]
    kind: Option<String>,
    email: Option<String>,
    recipient: Option<String>,
    details: Option<String>,
    description: Option<String>,
    #[serde(rename = "MessageID")]
    message_id: Option<String>,
    metadata: Option<serde_json::Map<String, Value>>,
}

/// What Postmark tells: one event.
pub fn postmark(body: &[u8]) -> Result<Vec<Told>, serde_json::Error> {
    let event: Postmark = serde_json::from_slice(body)?;
    let address = event.email.or(event.recipient).unwrap_or_default();
    let said = format!("{} {}", event.details.as_deref().unwrap_or_default(), event.description.as_deref().unwrap_or_default());
    let what = match (event.record_type.as_str(), event.kind.as_deref().unwrap_or_default()) {
        ("SpamComplaint", _) | ("Bounce", "SpamComplaint") => complaint(&address, "abuse"),
        ("Bounce", "HardBounce" | "BadEmailAddress") => report(&address, Action::Failed, None, &said, true),
        ("Bounce", "Transient" | "DnsError" | "SoftBounce" | "Blocked" | "SpamNotification" | "DMARCPolicy") => {
            report(&address, Action::Failed, None, &said, false)
        }
        ("Delivery", _) => report(&address, Action::Delivered, None, "", false),
        _ => return Ok(vec![]),
    };
    let named = event.metadata.as_ref().and_then(|all| all.get("message-id")).and_then(Value::as_str);
    let about: Vec<String> = named.into_iter().chain(event.message_id.as_deref()).map(id).collect();
    let key = event.id.map(|id| id.to_string()).or(event.message_id).unwrap_or_default();
    Ok(vec![Told { id: format!("{}:{key}:{address}", event.record_type), about, address, what }])
}

/// What Mailgun tells: one event.
pub fn mailgun(body: &[u8]) -> Result<Vec<Told>, serde_json::Error> {
    let value: Value = serde_json::from_slice(body)?;
    let event = &value["event-data"];
    let word = |at: &str| event.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let address = word("/recipient").to_owned();
    let said = format!("{} {}", word("/delivery-status/message"), word("/delivery-status/description"));
    let status = Some(word("/delivery-status/enhanced-code")).filter(|code| !code.is_empty());
    let what = match (word("/event"), word("/severity")) {
        ("complained", _) => complaint(&address, "abuse"),
        ("failed", "temporary") => report(&address, Action::Delayed, status, &said, false),
        ("failed", _) => report(&address, Action::Failed, status, &said, false),
        ("delivered", _) => report(&address, Action::Delivered, status, "", false),
        _ => return Ok(vec![]),
    };
    let about = Some(word("/message/headers/message-id")).filter(|id| !id.is_empty()).map(id).into_iter().collect();
    Ok(vec![Told { id: word("/id").to_owned(), about, address, what }])
}

/// What Amazon SES tells: one notification, of each recipient.
pub fn ses(message: &str) -> Result<Vec<Told>, serde_json::Error> {
    let told: Notification = serde_json::from_str(message)?;
    let mail = told.mail.as_ref();
    let about: Vec<String> = mail.and_then(|mail| mail.common_headers.as_ref()?.message_id.as_deref()).map(id).into_iter().collect();
    let of_mail = mail.and_then(|mail| mail.message_id.clone()).unwrap_or_default();
    let feedback = told.bounce.as_ref().and_then(|bounce| bounce.feedback_id.clone());
    let feedback =
        feedback.or_else(|| told.complaint.as_ref().and_then(|complaint| complaint.feedback_id.clone())).unwrap_or_else(|| of_mail.clone());
    let one = |address: &str, what| Told {
        id: format!("{}:{feedback}:{address}", told.notification_type),
        about: about.clone(),
        address: address.to_owned(),
        what,
    };
    let mut all: Vec<Told> = vec![];
    if let Some(bounce) = &told.bounce {
        all.extend(ses::recipients(bounce).into_iter().map(|recipient| one(&recipient.address.clone(), What::Report(recipient))));
    }
    if let Some(complaint) = &told.complaint {
        let kind = complaint.complaint_feedback_type.as_deref().unwrap_or("abuse").to_ascii_lowercase();
        all.extend(complaint.complained_recipients.iter().map(|who| one(&who.email_address, self::complaint(&who.email_address, &kind))));
    }
    if let Some(delivery) = &told.delivery {
        all.extend(delivery.recipients.iter().map(|address| one(address, report(address, Action::Delivered, None, "", false))));
    }
    for who in told.delivery_delay.iter().flat_map(|delay| &delay.delayed_recipients) {
        let said = who.diagnostic_code.as_deref().unwrap_or_default();
        all.push(one(&who.email_address, report(&who.email_address, Action::Delayed, who.status.as_deref(), said, false)));
    }
    Ok(all)
}

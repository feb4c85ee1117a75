//! What Amazon SES says of a mail, in JSON: in a webhook by SNS, or in a mail by SNS.

use serde::Deserialize;

use super::cause::{Cause, Said, judge, status_in};
use super::{Action, Recipient};

/// A notification.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Bounce, Complaint, Delivery and others.
    #[serde(alias = "eventType")]
    pub notification_type: String,
    /// Of a bounce.
    pub bounce: Option<Bounce>,
    /// Of a complaint.
    pub complaint: Option<Complaint>,
    /// Of a delivery.
    pub delivery: Option<Delivery>,
    /// Of a delay.
    pub delivery_delay: Option<Delay>,
    /// The mail it is about.
    pub mail: Option<About>,
}

/// A bounce.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounce {
    /// Permanent, Transient or Undetermined.
    #[serde(default)]
    pub bounce_type: String,
    /// General, NoEmail, Suppressed, MailboxFull and others.
    #[serde(default)]
    pub bounce_sub_type: String,
    /// Who did not get it.
    #[serde(default)]
    pub bounced_recipients: Vec<Bounced>,
    /// SES's id of this report.
    pub feedback_id: Option<String>,
}

/// One who did not get it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounced {
    /// The address.
    pub email_address: String,
    /// The enhanced status code.
    pub status: Option<String>,
    /// What the server said.
    pub diagnostic_code: Option<String>,
}

/// A complaint.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Complaint {
    /// Who may have complained.
    #[serde(default)]
    pub complained_recipients: Vec<Complained>,
    /// abuse, not-spam and others; none where the provider does not say.
    pub complaint_feedback_type: Option<String>,
    /// SES's id of this report.
    pub feedback_id: Option<String>,
}

/// One who may have complained.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Complained {
    /// The address.
    pub email_address: String,
}

/// A delivery.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Who got it.
    #[serde(default)]
    pub recipients: Vec<String>,
}

/// A delay.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delay {
    /// Who did not get it yet.
    #[serde(default)]
    pub delayed_recipients: Vec<Bounced>,
}

/// The mail a notification is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// SES's own id.
    pub message_id: Option<String>,
    /// Header fields that are often named.
    pub common_headers: Option<CommonHeaders>,
}

/// Header fields that are often named.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommonHeaders {
    /// Header Message-ID as it was handed in.
    pub message_id: Option<String>,
}

/// The notification in a text, perhaps wrapped in an envelope of SNS and broken into lines.
pub fn find(text: &str) -> Option<Notification> {
    let joined: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let start = joined.find('{')?;
    let value: serde_json::Value = serde_json::Deserializer::from_str(&joined[start..]).into_iter().next()?.ok()?;
    match value.get("Message").and_then(serde_json::Value::as_str) {
        Some(inner) => serde_json::from_str(inner).ok(),
        None => serde_json::from_value(value).ok(),
    }
}

/// What a bounce says of each recipient.
pub fn recipients(bounce: &Bounce) -> Vec<Recipient> {
    bounce
        .bounced_recipients
        .iter()
        .map(|one| {
            let said = one.diagnostic_code.as_deref().unwrap_or("");
            let text = said.split_once(';').map_or(said, |(_, rest)| rest).trim();
            let cause = match (judge(&Said { text, status: one.status.as_deref(), around: "" }), bounce.bounce_sub_type.as_str()) {
                (_, "NoEmail") => Cause::UserUnknown,
                (Cause::Unclear, "MailboxFull") => Cause::Full,
                (Cause::Unclear, "MessageTooLarge") => Cause::TooBig,
                (Cause::Unclear, "ContentRejected") => Cause::Spam,
                (cause, _) => cause,
            };
            Recipient {
                address: one.email_address.clone(),
                finally: None,
                status: status_in(text).or_else(|| one.status.clone()),
                action: Action::Failed,
                hard: bounce.bounce_type != "Transient" && cause.is_hard(),
                cause,
                said: super::mail::line(text, 500),
            }
        })
        .collect()
}

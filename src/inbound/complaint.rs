//! Complaints (ARF, RFC 5965) and what else comes in their form.

use super::fields;
use super::mail::Mail;

/// A feedback report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// Its type in lower case, such as `abuse`.
    pub kind: String,
    /// The address that complained, where the report names it.
    pub recipient: Option<String>,
    /// The envelope id of the mail it is about.
    pub envelope_id: Option<String>,
}

impl Feedback {
    /// Whether somebody complained. Reports about authentication and "not spam" are none.
    pub fn is_complaint(&self) -> bool {
        matches!(self.kind.as_str(), "abuse" | "fraud" | "virus" | "opt-out" | "opt-out-list" | "other" | "complaint")
    }

    /// Whether the address must never be mailed again because of it.
    pub fn suppresses(&self) -> bool {
        matches!(self.kind.as_str(), "abuse" | "complaint" | "opt-out" | "opt-out-list")
    }
}

/// The feedback report in a mail, if it is one.
pub fn of(mail: &Mail) -> Option<Feedback> {
    let part = mail.reports.iter().find(|(kind, _)| kind == "message/feedback-report");
    if let Some((_, text)) = part {
        let groups = fields::groups(text);
        let get = |name: &str| groups.iter().find_map(|group| group.get(name));
        let recipient = ["original-rcpt-to", "removal-recipient"]
            .iter()
            .find_map(|name| get(name).and_then(|value| fields::address(value).or_else(|| bare(value))));
        return Some(Feedback {
            kind: get("feedback-type").unwrap_or("abuse").to_ascii_lowercase(),
            recipient,
            envelope_id: get("original-envelope-id").map(str::to_owned),
        });
    }
    // Microsoft's reports have a form of their own.
    let microsoft = mail.from.as_deref().is_some_and(|from| from.eq_ignore_ascii_case("staff@hotmail.com"))
        && mail.subject.to_ascii_lowercase().starts_with("complaint about message from");
    microsoft.then(|| Feedback {
        kind: "complaint".to_owned(),
        recipient: mail.header("x-hmxmroriginalrecipient").and_then(fields::address),
        envelope_id: None,
    })
}

fn bare(value: &str) -> Option<String> {
    let value = value.trim();
    (value.contains('@') && !value.contains(char::is_whitespace)).then(|| value.to_owned())
}

//! The exact content a decision and a warrant bind to.

use serde::{Deserialize, Serialize};

use crate::domain::error::{Error, Result};
use crate::domain::ids::{MessageId, sha256_hex};
use crate::domain::text;

use super::{VersionRow, markup};

/// Longest body taken, in characters; the HTML part may be 512 KiB.
pub const LONGEST_BODY: usize = 200_000;
/// Longest HTML taken, in bytes.
pub const LONGEST_HTML: usize = 512 * 1024;
/// Longest subject taken, in characters.
pub const LONGEST_SUBJECT: usize = 300;

/// The header that names what is answered. Callers cannot set it; a reply gets it here.
pub const IN_REPLY_TO: &str = "In-Reply-To";
/// The header that names the emails of a conversation.
pub const REFERENCES: &str = "References";
/// The header that says where a reader manages what they get.
pub const LIST_HELP: &str = "List-Help";
/// The header that says that a machine wrote the message.
pub const AI_GENERATED: &str = "X-AI-Generated";

/// The Message-ID of one version of a message, without brackets: the same on every attempt.
pub(in crate::domain) fn message_id(id: &MessageId, version: i32, from_address: &str) -> String {
    format!("{id}.{version}@{}", from_address.rsplit('@').next().unwrap_or("localhost"))
}

/// What this server appends to every message (CAN-SPAM 15 USC 7704(a)(5), RFC 8058).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// Why the recipient gets this.
    pub why: String,
    /// Who sends it.
    pub sender: String,
    /// Where the sender can be reached by letter.
    pub postal_address: String,
    /// Where the recipient leaves the list.
    pub unsubscribe_url: String,
    /// Where the recipient leaves by mail, where mail to the mailbox comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe_mailto: Option<String>,
    /// Where the recipient chooses what they get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferences_url: Option<String>,
    /// The topic it is sent under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Where the recipient's data is from, where that has to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// That a machine wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclosure: Option<String>,
}

/// Everything that reaches the recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
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
    /// The plain text.
    pub text_body: String,
    /// The HTML.
    pub html_body: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// What gets appended.
    pub footer: Footer,
}

impl Content {
    /// SHA-256 over the content as JSON, fields in the order of the type.
    pub fn hash(&self) -> String {
        sha256_hex(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

impl From<&VersionRow> for Content {
    fn from(row: &VersionRow) -> Self {
        Content {
            from_address: row.from_address.clone(),
            from_name: row.from_name.clone(),
            to_address: row.to_address.clone(),
            to_name: row.to_name.clone(),
            subject: row.subject.clone(),
            text_body: row.text_body.clone(),
            html_body: row.html_body.clone(),
            headers: row.headers.clone().into_inner(),
            footer: row.footer.clone().into_inner(),
        }
    }
}

/// The words of a message as somebody wrote them: text, HTML, or both.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: Option<String>,
    /// The HTML.
    pub html: Option<String>,
}

/// Words that passed the checks: both parts there, the HTML cleaned.
#[derive(Debug, Clone)]
pub struct CheckedWords {
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

impl Words {
    /// Checks the words and makes the part that is missing from the other one.
    pub fn check(&self) -> Result<CheckedWords> {
        let subject = text::required_line("subject", &self.subject, LONGEST_SUBJECT)?;
        let text = text::optional_body("text_body", self.text.as_deref(), LONGEST_BODY)?;
        let html = text::optional_body("html_body", self.html.as_deref(), LONGEST_HTML)?;
        if let Some(html) = &html {
            markup::refuse_deep(html)?;
        }
        let html = html.map(|html| markup::clean(&html)).filter(|html| !markup::to_text(html).trim().is_empty());
        match (text, html) {
            (Some(text), Some(html)) => Ok(CheckedWords { subject, text, html }),
            (Some(text), None) => Ok(CheckedWords { subject, html: markup::from_text(&text), text }),
            (None, Some(html)) => Ok(CheckedWords { subject, text: markup::to_text(&html), html }),
            (None, None) => Err(Error::invalid("body_missing", "text_body", "A message needs words: give text_body, html_body, body or markdown.")),
        }
    }
}

/// Headers that a caller may add: `List-*` and `X-*`. The two of RFC 8058 and the one that tells of a
/// machine are taken and dropped, because client code sends them and ours replace them.
pub fn check_headers(headers: &[(String, String)]) -> Result<Vec<(String, String)>> {
    if headers.len() > 20 {
        return Err(Error::invalid("field_invalid", "headers", format!("headers must be at most 20; got {}.", headers.len())));
    }
    let mut kept: Vec<(String, String)> = vec![];
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        if lower == "list-unsubscribe" || lower == "list-unsubscribe-post" || lower == "x-ai-generated" {
            continue;
        }
        let well_formed = name.len() <= 70 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !well_formed || !(lower.starts_with("x-") || lower.starts_with("list-")) {
            return Err(Error::invalid(
                "header_reserved",
                "headers",
                format!("The header {} is set by this server and cannot be supplied.", text::excerpt(name)),
            ));
        }
        if kept.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(Error::invalid("field_invalid", "headers", format!("headers must name {name} once; got it twice.")));
        }
        kept.push((name.clone(), text::line("headers", value, 500)?));
    }
    Ok(kept)
}

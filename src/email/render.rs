//! A message becomes bytes, the same bytes each time: the warrant rests on their hash.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{Date, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use sha2::{Digest, Sha256};

use super::address::EmailAddress;
use super::headers;
use super::wire;

/// Most References kept: the first and the newest (RFC 5322 §3.6.4 sets no limit, lines do).
const REFERENCES_MAX: usize = 20;
/// First second of the year 10000, which no mail date can express.
const DATE_END: i64 = 253_402_300_800;

/// One outbound email to one recipient, complete: what is not here is not sent.
#[derive(Debug, Clone)]
pub struct Mail {
    /// `<left@right>`, made by us and stored before anything is sent.
    pub message_id_header: String,
    /// Seconds since 1970, UTC.
    pub date: i64,
    /// Display name of the sender; empty for none.
    pub from_name: String,
    /// The From address.
    pub from_address: EmailAddress,
    /// Display name of the recipient.
    pub to_name: Option<String>,
    /// The To address.
    pub to_address: EmailAddress,
    /// Where replies go, if not to From.
    pub reply_to: Option<EmailAddress>,
    /// Of any language, one line.
    pub subject: String,
    /// The plain text with its footer; any line ends.
    pub text: String,
    /// A whole HTML document with its footer.
    pub html: Option<String>,
    /// The one-click link: https, or http on this machine (RFC 8058).
    pub list_unsubscribe_url: Option<String>,
    /// `mailto:name@domain?subject=…` (RFC 2369).
    pub list_unsubscribe_mailto: Option<String>,
    /// Where readers manage what they get (RFC 2369 §3.1).
    pub list_help_url: Option<String>,
    /// `List-*` and `X-*` headers, none of them twice.
    pub headers: Vec<(String, String)>,
    /// The message id this one answers.
    pub in_reply_to: Option<String>,
    /// The message ids of the thread, oldest first.
    pub references: Vec<String>,
    /// A header with the key by which a relay drops repeats: its name and the key.
    pub relay_key: Option<(String, String)>,
    /// Marks a notice of ours, so that no auto-responder answers it (RFC 3834).
    pub auto_submitted: bool,
}

impl Mail {
    /// A mail with only what every mail has; the rest is set on the fields.
    pub fn new(
        message_id_header: impl Into<String>,
        date: i64,
        from_address: EmailAddress,
        to_address: EmailAddress,
        subject: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Mail {
            message_id_header: message_id_header.into(),
            date,
            from_name: String::new(),
            from_address,
            to_name: None,
            to_address,
            reply_to: None,
            subject: subject.into(),
            text: text.into(),
            html: None,
            list_unsubscribe_url: None,
            list_unsubscribe_mailto: None,
            list_help_url: None,
            headers: Vec::new(),
            in_reply_to: None,
            references: Vec::new(),
            relay_key: None,
            auto_submitted: false,
        }
    }

    /// Whether the relay must offer SMTPUTF8: headers or envelope hold a local part outside
    /// ASCII. Names, subjects and bodies never need it; they are encoded.
    pub fn needs_smtputf8(&self) -> bool {
        [Some(&self.from_address), Some(&self.to_address), self.reply_to.as_ref()].into_iter().flatten().any(EmailAddress::needs_smtputf8)
    }
}

/// Why a mail cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// An address that cannot stand in an envelope.
    #[error(transparent)]
    Address(#[from] super::AddressError),
    /// A line break in something that becomes a header.
    #[error("{field} must be one line. A line break at position {position} could add a hidden header.")]
    HeaderLineBreak {
        /// The field.
        field: &'static str,
        /// The character, from 1.
        position: usize,
    },
    /// NUL or another control character.
    #[error("{field} holds the control character U+{:04X} at position {position}.", u32::from(*character))]
    ControlChar {
        /// The field.
        field: &'static str,
        /// The character.
        character: char,
        /// Where, from 1.
        position: usize,
    },
    /// A header only this server sets, or one that is not `List-*` or `X-*`.
    #[error("The header {header} is set by this server and cannot be supplied.")]
    HeaderReserved {
        /// Its name.
        header: String,
    },
    /// The same custom header twice.
    #[error("The header {header} is given twice.")]
    HeaderTwice {
        /// Its name.
        header: String,
    },
    /// Too long for its header.
    #[error("{field} is longer than {max} characters.")]
    TooLong {
        /// The field.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// Anything else about one field.
    #[error("{field} cannot be used. {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// A full sentence.
        reason: String,
    },
    /// The finished bytes may not go over the wire; a fault of ours.
    #[error("The finished message cannot be sent: {0}")]
    Wire(#[from] wire::WireError),
}

impl RenderError {
    /// The stable code for problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            RenderError::HeaderLineBreak { .. } => "header_line_break",
            RenderError::ControlChar { .. } => "text_control_char",
            RenderError::HeaderReserved { .. } => "header_reserved",
            RenderError::Address(error) => error.code(),
            _ => "field_invalid",
        }
    }
}

/// Writes the mail as RFC 5322 bytes: CRLF only, lines of at most 998 octets, each header
/// once, text before HTML. Nothing in it depends on anything but `mail`.
pub fn render(mail: &Mail) -> Result<Vec<u8>, RenderError> {
    let from_name = headers::name("from_name", &mail.from_name)?;
    let to_name = headers::name("to_name", mail.to_name.as_deref().unwrap_or_default())?;
    headers::message_id("message_id", &mail.message_id_header)?;
    headers::body("text", &mail.text)?;

    let mut builder = Message::builder()
        // Otherwise lettre reads the addresses back out of the headers.
        .envelope(envelope(mail)?)
        .header(Date::new(date(mail.date)?))
        .from(Mailbox::new(from_name, mail.from_address.to_lettre()))
        .to(Mailbox::new(to_name, mail.to_address.to_lettre()))
        .raw_header(headers::subject(&mail.subject)?)
        .raw_header(headers::ids(HeaderName::new_from_ascii_str("Message-ID"), &[&mail.message_id_header]));
    if let Some(address) = &mail.reply_to {
        builder = builder.reply_to(Mailbox::new(None, address.to_lettre()));
    }
    if let Some(id) = &mail.in_reply_to {
        headers::message_id("in_reply_to", id)?;
        builder = builder.raw_header(headers::ids(HeaderName::new_from_ascii_str("In-Reply-To"), &[id]));
    }
    let references = references(mail)?;
    if !references.is_empty() {
        let header = HeaderName::new_from_ascii_str("References");
        builder = builder.raw_header(headers::ids(header, &references));
    }
    let unsubscribe = headers::list_unsubscribe(mail.list_unsubscribe_url.as_deref(), mail.list_unsubscribe_mailto.as_deref())?;
    if let Some(header) = unsubscribe {
        builder = builder.raw_header(header);
    }
    // RFC 8058 §3.1: promises that the https link takes a POST, so only beside one.
    if mail.list_unsubscribe_url.is_some() {
        builder = builder.raw_header(fixed("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    if let Some(url) = &mail.list_help_url {
        builder = builder.raw_header(headers::list_help(url)?);
    }
    if mail.auto_submitted {
        builder = builder.raw_header(fixed("Auto-Submitted", "auto-generated"));
    }
    if let Some((header, key)) = &mail.relay_key {
        headers::one_line("relay_key", key)?;
        let name = HeaderName::new_from_ascii(header.clone()).map_err(|_| RenderError::HeaderReserved { header: header.clone() })?;
        builder = builder.raw_header(HeaderValue::dangerous_new_pre_encoded(name, key.clone(), key.clone()));
    }
    let mut seen = HashSet::new();
    for (header, value) in &mail.headers {
        let value = headers::custom(header, value)?;
        if !seen.insert(header.to_ascii_lowercase()) {
            return Err(RenderError::HeaderTwice { header: header.clone() });
        }
        builder = builder.raw_header(value);
    }

    let text = SinglePart::plain(headers::crlf(&mail.text));
    let built = match &mail.html {
        None => builder.singlepart(text),
        Some(html) => {
            headers::body("html", html)?;
            let parts = MultiPart::builder()
                .kind(MultiPartKind::Alternative)
                .boundary(boundary(mail, html))
                .singlepart(text)
                .singlepart(SinglePart::html(headers::crlf(html)));
            builder.multipart(parts)
        }
    };
    let bytes = built.map_err(from_lettre)?.formatted();
    // The last word: whatever lettre does in another version, nothing unsafe leaves here.
    wire::check(&bytes, mail.needs_smtputf8())?;
    Ok(bytes)
}

fn envelope(mail: &Mail) -> Result<Envelope, RenderError> {
    Envelope::new(Some(mail.from_address.to_lettre()), vec![mail.to_address.to_lettre()]).map_err(from_lettre)
}

fn from_lettre(error: lettre::error::Error) -> RenderError {
    RenderError::Invalid { field: "message", reason: format!("The mail library says: {error}.") }
}

fn fixed(header: &'static str, value: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(header);
    HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned())
}

fn date(seconds: i64) -> Result<SystemTime, RenderError> {
    // lettre panics outside of this range.
    match u64::try_from(seconds) {
        Ok(unsigned) if seconds < DATE_END => Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(unsigned)),
        _ => Err(RenderError::Invalid { field: "date", reason: "A mail date lies between 1970 and 9999.".to_owned() }),
    }
}

fn references(mail: &Mail) -> Result<Vec<&str>, RenderError> {
    for id in &mail.references {
        headers::message_id("references", id)?;
    }
    let ids: Vec<&str> = mail.references.iter().map(String::as_str).collect();
    match ids.as_slice() {
        [first, .., _] if ids.len() > REFERENCES_MAX => {
            let newest = &ids[ids.len() + 1 - REFERENCES_MAX..];
            Ok(std::iter::once(*first).chain(newest.iter().copied()).collect())
        }
        _ => Ok(ids),
    }
}

/// A boundary that follows from the message, where lettre would draw one at random. The
/// bodies are part of the hash, so that no body can hold its own boundary.
fn boundary(mail: &Mail, html: &str) -> String {
    let mut hash = Sha256::new();
    for part in [&mail.message_id_header, &mail.text, html] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let hex: String = hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("=_countersign_{hex}")
}

//! What a mail says of itself, by mail-parser, within limits.

use std::borrow::Cow;

use mail_parser::{Address, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::cited;
use super::quoted::stretches;

/// Longest mail that is read, in bytes.
pub const LONGEST: usize = 25 * 1024 * 1024;
/// Most parts.
pub const MOST_PARTS: usize = 500;
/// Deepest nesting of parts.
pub const DEEPEST: usize = 20;
/// Most header lines of the mail itself.
pub const MOST_HEADERS: usize = 2_000;
/// Longest header of the mail itself, in bytes.
pub const LONGEST_HEADER: usize = 256 * 1024;
/// Longest text that is kept of the body, in characters.
pub const LONGEST_TEXT: usize = 100_000;
/// More headers of parts than this are not even given to the parser, which nests with them.
const MOST_PART_HEADERS: usize = 1_000;

/// Why a mail was not read. The sentence is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Too long.
    #[error("It is larger than 25 MiB.")]
    TooLong,
    /// Too many parts.
    #[error("It holds more than 500 parts.")]
    Parts,
    /// Too deep.
    #[error("Its parts are nested more than 20 deep.")]
    Depth,
    /// Too much header.
    #[error("Its header has more than 2,000 lines or 256 KiB.")]
    Header,
    /// Parts that contradict each other.
    #[error("Its parts do not fit together.")]
    Structure,
    /// No mail.
    #[error("It has no header that could be read.")]
    NoHeader,
}

/// A file that came along. It is listed and never opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, one line, as the sender wrote it.
    pub name: String,
    /// Its media type, as the sender wrote it.
    pub kind: String,
    /// Its size, in bytes.
    pub size: usize,
}

/// A mail.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// Who wrote it: the address of From.
    pub from: Option<String>,
    /// The name in From.
    pub from_name: Option<String>,
    /// Where answers should go.
    pub reply_to: Option<String>,
    /// Addresses in To and Cc.
    pub to: Vec<String>,
    /// The subject on one line.
    pub subject: String,
    /// Header Message-ID without brackets.
    pub message_id: Option<String>,
    /// Ids in In-Reply-To.
    pub in_reply_to: Vec<String>,
    /// Ids in References.
    pub references: Vec<String>,
    /// When it was written, in seconds since 1970.
    pub date: Option<i64>,
    /// The words; those of the HTML where there are no others.
    pub text: String,
    /// The HTML as it came. It is not clean.
    pub html: Option<String>,
    /// What came along.
    pub attachments: Vec<Attachment>,
    /// Header fields, names in lower case, values on one line.
    pub headers: Vec<(String, String)>,
    /// The media type.
    pub media_type: String,
    /// Parts that report: media type in lower case and text.
    pub reports: Vec<(String, String)>,
    /// The header of the mail it reports on.
    pub original: Option<String>,
}

impl Mail {
    /// The first value of a header field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a mail. Nothing in it is trusted or opened.
pub fn read(raw: &[u8]) -> Result<Mail, Unreadable> {
    parsed(raw, told)
}

/// What `look` finds in a mail that is within the limits.
pub fn parsed<T>(raw: &[u8], look: impl FnOnce(&Message) -> T) -> Result<T, Unreadable> {
    if raw.len() > LONGEST {
        return Err(Unreadable::TooLong);
    }
    header_fits(raw)?;
    if part_headers(raw) > MOST_PART_HEADERS {
        return Err(Unreadable::Parts);
    }
    // The parser asserts in debug builds what hostile nesting breaks: that is no reason to end.
    let parsed = std::panic::catch_unwind(|| MessageParser::default().parse(raw)).map_err(|_| Unreadable::Structure)?;
    let message = parsed.ok_or(Unreadable::NoHeader)?;
    let mut parts = 0;
    measure(&message, 0, &mut parts)?;
    if message.headers().is_empty() {
        return Err(Unreadable::NoHeader);
    }
    Ok(look(&message))
}

fn header_fits(raw: &[u8]) -> Result<(), Unreadable> {
    let (mut at, mut lines) = (0, 0);
    while at < raw.len() {
        let line = raw[at..].iter().position(|b| *b == b'\n').map_or(&raw[at..], |end| &raw[at..at + end]);
        if line.is_empty() || line == b"\r" {
            return Ok(());
        }
        at += line.len() + 1;
        lines += 1;
        if lines > MOST_HEADERS || at > LONGEST_HEADER {
            return Err(Unreadable::Header);
        }
    }
    Ok(())
}

/// Lines that begin with `Content-Type`, in any part or text.
fn part_headers(raw: &[u8]) -> usize {
    let begins = |line: &[u8]| line.get(..12).is_some_and(|start| start.eq_ignore_ascii_case(b"content-type"));
    raw.split(|b| *b == b'\n' || *b == b'\r').filter(|line| begins(line.trim_ascii_start())).count()
}

fn measure(message: &Message, above: usize, parts: &mut usize) -> Result<(), Unreadable> {
    *parts += message.parts.len();
    if *parts > MOST_PARTS {
        return Err(Unreadable::Parts);
    }
    // A part is named by its parent, which comes before it.
    let mut depth = vec![above; message.parts.len()];
    for (index, part) in message.parts.iter().enumerate() {
        let mine = depth[index];
        if mine > DEEPEST {
            return Err(Unreadable::Depth);
        }
        match &part.body {
            PartType::Multipart(children) => {
                for child in children {
                    if let Some(slot) = depth.get_mut(*child as usize) {
                        *slot = mine + 1;
                    }
                }
            }
            PartType::Message(inner) => measure(inner, mine + 1, parts)?,
            _ => {}
        }
    }
    Ok(())
}

fn told(message: &Message) -> Mail {
    let from = message.from().and_then(Address::first);
    let mut mail = Mail {
        from: from.and_then(|from| from.address.as_deref()).and_then(address),
        from_name: from.and_then(|from| from.name.as_deref()).map(|name| line(name, 200)).filter(|name| !name.is_empty()),
        reply_to: message.reply_to().and_then(Address::first).and_then(|to| to.address.as_deref()).and_then(address),
        to: message
            .all_to()
            .chain(message.all_cc())
            .flat_map(Address::iter)
            .filter_map(|to| to.address.as_deref().and_then(address))
            .take(100)
            .collect(),
        subject: line(message.subject().unwrap_or(""), 300),
        message_id: message.message_id().map(|id| line(id, 250)).filter(|id| !id.is_empty()),
        in_reply_to: ids(message.in_reply_to()),
        references: ids(message.references()),
        date: message.date().map(mail_parser::DateTime::to_timestamp),
        media_type: kind_of(message.root_part()),
        headers: message.headers_raw().take(MOST_HEADERS).map(|(name, value)| (name.trim().to_ascii_lowercase(), line(value, 2_000))).collect(),
        ..Mail::default()
    };
    for part in &message.parts {
        gather(&mut mail, part);
    }
    let texts: Vec<_> = (0..message.text_body_count().min(MOST_PARTS)).filter_map(|at| words_of(message, at)).collect();
    mail.text = body(&texts.join("\n"));
    if mail.text.trim().is_empty() && message.parts.len() == 1 {
        // A relay took the parts apart and left the header.
        let rest = message.raw_message().get(message.root_part().offset_body as usize..).unwrap_or_default();
        mail.text = body(&String::from_utf8_lossy(rest));
    }
    mail.html = message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(html.chars().take(LONGEST_TEXT * 4).collect()),
        _ => None,
    });
    for part in message.attachments() {
        if reports(&kind_of(part)) {
            continue;
        }
        mail.attachments.push(Attachment {
            name: line(part.attachment_name().unwrap_or("without a name"), 200),
            kind: line(&kind_of(part), 100),
            size: part.len(),
        });
    }
    mail
}

/// The words of a part. Where HTML alone quotes, they are told apart as in plain text.
fn words_of<'m>(message: &'m Message, at: usize) -> Option<Cow<'m, str>> {
    if let Some(PartType::Html(html)) = u32::try_from(at).ok().and_then(|at| message.text_part(at)).map(|part| &part.body) {
        let text = cited::text(&html.chars().take(LONGEST_TEXT * 4).collect::<String>());
        if stretches(&text).iter().any(|one| one.quoted) {
            return Some(text.into());
        }
    }
    message.body_text(at)
}

/// What a report says and what it is about.
fn gather(mail: &mut Mail, part: &MessagePart) {
    let kind = kind_of(part);
    if reports(&kind) {
        mail.reports.push((kind, text_of(part)));
    } else if mail.original.is_none() {
        match &part.body {
            PartType::Message(inner) => {
                mail.original = inner.headers_raw().map(|(name, value)| format!("{name}: {}\n", line(value, 2_000))).collect::<String>().into()
            }
            _ if kind == "text/rfc822-headers" || kind == "message/rfc822-headers" => mail.original = Some(text_of(part)),
            _ => {}
        }
    }
}

fn reports(kind: &str) -> bool {
    matches!(kind, "message/delivery-status" | "message/global-delivery-status" | "message/feedback-report" | "message/disposition-notification")
}

fn text_of(part: &MessagePart) -> String {
    String::from_utf8_lossy(part.contents()).chars().take(LONGEST_TEXT).collect()
}

fn kind_of(part: &MessagePart) -> String {
    part.content_type()
        .map(|kind| format!("{}/{}", kind.c_type, kind.c_subtype.as_deref().unwrap_or("")).to_ascii_lowercase())
        .unwrap_or_else(|| "text/plain".to_owned())
}

fn ids(value: &HeaderValue) -> Vec<String> {
    let all: Vec<&str> = match value {
        HeaderValue::Text(one) => vec![one],
        HeaderValue::TextList(many) => many.iter().map(AsRef::as_ref).collect(),
        _ => vec![],
    };
    all.into_iter().map(|id| line(id.trim_matches(['<', '>', ' ']), 250)).filter(|id| id.contains('@')).take(200).collect()
}

fn address(given: &str) -> Option<String> {
    let given = given.trim();
    (given.contains('@') && given.len() <= 320 && !given.contains(|c: char| c.is_control() || c.is_whitespace())).then(|| given.to_owned())
}

/// One line without control characters.
pub(super) fn line(text: &str, longest: usize) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(longest).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text of several lines, without other control characters.
fn body(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).take(LONGEST_TEXT).collect()
}

//! What may become a header, and how it is written. Everything is refused here before lettre
//! sees it: lettre panics on control characters in a name and passes others through.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::{HeaderName, HeaderValue};
use url::Url;

use super::address::is_invisible;
use super::render::RenderError;

/// Longest subject in characters.
pub const SUBJECT_MAX: usize = 1000;
/// Longest value of a custom header, and longest URL in one, in octets.
pub const VALUE_MAX: usize = 900;
/// Longest message id in octets: with its header name well inside one line.
pub const MESSAGE_ID_MAX: usize = 250;

/// Headers this server sets, among those a caller could otherwise name.
const RESERVED: [&str; 2] = ["list-unsubscribe", "list-unsubscribe-post"];

/// Refuses line breaks and control characters. Positions count characters from 1.
pub fn one_line(field: &'static str, text: &str) -> Result<(), RenderError> {
    for (index, c) in text.chars().enumerate() {
        let position = index + 1;
        // NEL and the two separators are line breaks to whoever decodes the header.
        if matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            return Err(RenderError::HeaderLineBreak { field, position });
        }
        if c.is_control() {
            return Err(RenderError::ControlChar { field, character: c, position });
        }
    }
    Ok(())
}

/// A display name: one line, nothing that turns the reading direction, no encoded word.
pub fn name(field: &'static str, text: &str) -> Result<Option<String>, RenderError> {
    one_line(field, text)?;
    let cleaned = super::address::clean_display_name(text).map_err(|error| RenderError::Invalid { field, reason: error.detail().to_owned() })?;
    Ok((!cleaned.is_empty()).then_some(cleaned))
}

/// The subject, folded and encoded (RFC 2047) so that it reads back exactly as given.
pub fn subject(text: &str) -> Result<HeaderValue, RenderError> {
    one_line("subject", text)?;
    if text.chars().count() > SUBJECT_MAX {
        return Err(RenderError::TooLong { field: "subject", max: SUBJECT_MAX });
    }
    Ok(unstructured(HeaderName::new_from_ascii_str("Subject"), text))
}

/// A custom header: `List-*` or `X-*`, none that this server sets.
pub fn custom(header: &str, value: &str) -> Result<HeaderValue, RenderError> {
    let shown = || header.chars().filter(|c| !c.is_control()).take(64).collect::<String>();
    one_line("header name", header)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let lower = header.to_ascii_lowercase();
    let allowed = header.len() <= 76
        && header.bytes().all(plain)
        && ["list-", "x-"].iter().any(|prefix| lower.len() > prefix.len() && lower.starts_with(prefix));
    if !allowed || RESERVED.contains(&lower.as_str()) {
        return Err(RenderError::HeaderReserved { header: shown() });
    }
    one_line("header value", value)?;
    if value.len() > VALUE_MAX {
        return Err(RenderError::TooLong { field: "header value", max: VALUE_MAX });
    }
    let header = HeaderName::new_from_ascii(header.to_owned()).map_err(|_| RenderError::HeaderReserved { header: shown() })?;
    Ok(unstructured(header, value))
}

/// A message id: `<left@right>`, visible ASCII, short enough never to be folded.
pub fn message_id(field: &'static str, text: &str) -> Result<(), RenderError> {
    one_line(field, text)?;
    let bad = |reason: &str| Err(RenderError::Invalid { field, reason: reason.to_owned() });
    let Some(inner) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) else {
        return bad("A message id is written between < and >.");
    };
    if text.len() > MESSAGE_ID_MAX {
        return Err(RenderError::TooLong { field, max: MESSAGE_ID_MAX });
    }
    let visible = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b',' | b';');
    match inner.split_once('@') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() && !right.contains('@') && inner.bytes().all(visible) => Ok(()),
        _ => bad("A message id is <left@right> in visible ASCII characters."),
    }
}

/// Message ids in order, one to a line.
pub fn ids(header: HeaderName, ids: &[&str]) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(header, ids.join(" "), ids.join("\r\n "))
}

/// The value of List-Unsubscribe (RFC 2369 §3.2, RFC 8058 §3.1).
pub fn list_unsubscribe(https: Option<&str>, mailto: Option<&str>) -> Result<Option<HeaderValue>, RenderError> {
    let mut parts = Vec::new();
    if let Some(url) = https {
        let field = "list_unsubscribe_url";
        uri(field, url)?;
        if !is_https_or_local(url) {
            let reason = "The unsubscribe link must begin with https:// (RFC 8058).".to_owned();
            return Err(RenderError::Invalid { field, reason });
        }
        parts.push(format!("<{url}>"));
    }
    if let Some(url) = mailto {
        let field = "list_unsubscribe_mailto";
        uri(field, url)?;
        if !url.starts_with("mailto:") || !url.contains('@') {
            let reason = "The unsubscribe address must be written as mailto:name@domain.".to_owned();
            return Err(RenderError::Invalid { field, reason });
        }
        parts.push(format!("<{url}>"));
    }
    let header = HeaderName::new_from_ascii_str("List-Unsubscribe");
    Ok((!parts.is_empty()).then(|| HeaderValue::dangerous_new_pre_encoded(header, parts.join(", "), parts.join(",\r\n "))))
}

/// The value of List-Help (RFC 2369 §3.1): a web address, which is never encoded.
pub fn list_help(url: &str) -> Result<HeaderValue, RenderError> {
    let field = "list_help_url";
    uri(field, url)?;
    if !is_https_or_local(url) {
        return Err(RenderError::Invalid { field, reason: "The link to the preferences must begin with https://.".to_owned() });
    }
    let value = format!("<{url}>");
    Ok(HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str("List-Help"), value.clone(), value))
}

/// One-click needs https; a trial on this machine has no certificate.
fn is_https_or_local(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => return false,
    };
    text.starts_with("https://") || (local && text.starts_with("http://"))
}

fn uri(field: &'static str, text: &str) -> Result<(), RenderError> {
    one_line(field, text)?;
    if text.len() > VALUE_MAX {
        return Err(RenderError::TooLong { field, max: VALUE_MAX });
    }
    match text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>')) {
        true => Ok(()),
        false => Err(RenderError::Invalid { field, reason: "A link in a header is visible ASCII without < and >.".to_owned() }),
    }
}

/// Free text. Plain words are left to lettre; what would not read back the same (encoded
/// words given literally, runs of spaces at a fold, words too long for a line) and everything
/// outside ASCII is encoded here as base64 words.
fn unstructured(header: HeaderName, text: &str) -> HeaderValue {
    let plain =
        text.is_ascii() && !text.contains("=?") && !text.contains("  ") && text.trim() == text && text.split(' ').all(|word| word.len() <= 60);
    match plain {
        true => HeaderValue::new(header, text.to_owned()),
        false => {
            let encoded = encoded_words(text);
            HeaderValue::dangerous_new_pre_encoded(header, text.to_owned(), encoded)
        }
    }
}

/// RFC 2047 §2: at most 75 characters a word, 76 a line, whole characters in each.
fn encoded_words(text: &str) -> String {
    // 45 octets become 60 characters; with "=?utf-8?b?" and "?=" 72, and the first line has a
    // header name before it, which only the 998 of RFC 5322 bind.
    let mut words = Vec::new();
    let mut chunk = String::new();
    for c in text.chars() {
        if chunk.len() + c.len_utf8() > 45 {
            words.push(std::mem::take(&mut chunk));
        }
        chunk.push(c);
    }
    if !chunk.is_empty() {
        words.push(chunk);
    }
    let words: Vec<String> = words.iter().map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

/// Refuses characters that have no business in a body; positions count characters from 1.
pub fn body(field: &'static str, text: &str) -> Result<(), RenderError> {
    for (index, c) in text.chars().enumerate() {
        if c.is_control() && !matches!(c, '\r' | '\n' | '\t') {
            return Err(RenderError::ControlChar { field, character: c, position: index + 1 });
        }
    }
    Ok(())
}

/// Every line break, of whatever kind, as CRLF.
pub fn crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut rest = text;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest.as_bytes()) {
        out.push_str(&rest[..end]);
        out.push_str("\r\n");
        rest = &rest[end..];
        rest = &rest[if rest.starts_with("\r\n") { 2 } else { 1 }..];
    }
    out.push_str(rest);
    out
}

/// Whether a name or subject has characters that hide or turn text; for warnings.
pub fn has_invisible(text: &str) -> bool {
    text.chars().any(is_invisible)
}

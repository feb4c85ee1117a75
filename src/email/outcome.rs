//! What a relay's reply, or its silence, means for a message.
//!
//! | what came | kind |
//! |---|---|
//! | 4xx anywhere, no connection, a connection lost before the dot | `Transient` |
//! | 421 | `Transient`, and the connection is closed |
//! | 5xx at MAIL, RCPT, DATA or after the dot | `Permanent` |
//! | 5xx at the greeting, EHLO, TLS or AUTH; a bad certificate | `Config`: the relay refuses *us* |
//! | no readable reply after the dot | `Unknown`: the message may have been taken |

use std::fmt;

use lettre::transport::smtp::response::Response;

/// Where in the dialogue something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Name look-up and TCP connection, or the directory of a `file://` transport.
    Connect,
    /// The greeting and EHLO.
    Greeting,
    /// STARTTLS and the TLS handshake.
    Tls,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA and the message itself, up to but without the final dot.
    Data,
    /// The final dot and its reply.
    Dot,
}

impl Stage {
    /// A short lower-case name for logs and rows.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Greeting => "greeting",
            Stage::Tls => "tls",
            Stage::Auth => "auth",
            Stage::Mail => "mail",
            Stage::Rcpt => "rcpt",
            Stage::Data => "data",
            Stage::Dot => "dot",
        }
    }
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Not taken; may be tried again later.
    Transient,
    /// Not taken; will not be taken later either.
    Permanent,
    /// The final dot was on its way and no readable reply came back: it may have been taken.
    Unknown,
    /// Not taken, and not because of this message: the relay or our settings need a person.
    Config,
}

/// Why a message was not accepted, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where it happened.
    pub stage: Stage,
    /// What it means.
    pub kind: FailureKind,
    /// The reply code, if the relay replied.
    pub code: Option<u16>,
    /// The enhanced status code (RFC 3463), such as `5.1.1`, if it agrees with the code.
    pub enhanced: Option<String>,
    /// The relay's words on one line, or a full sentence of ours.
    pub text: String,
}

impl Failure {
    /// A failure without a reply, in our words.
    pub(in crate::email) fn ours(stage: Stage, kind: FailureKind, text: impl Into<String>) -> Self {
        Failure { stage, kind, code: None, enhanced: None, text: text.into() }
    }

    /// A refusal by the relay.
    pub(in crate::email) fn reply(stage: Stage, reply: &Reply) -> Self {
        Failure { stage, kind: classify(stage, reply.code), code: Some(reply.code), enhanced: reply.enhanced.clone(), text: reply.text.clone() }
    }

    /// The connection broke or fell silent at a stage.
    pub(in crate::email) fn broken(stage: Stage, what: &str) -> Self {
        match stage {
            Stage::Dot => Failure::ours(stage, FailureKind::Unknown, format!("{what} after the message was handed over, so it may have been taken.")),
            _ => Failure::ours(stage, FailureKind::Transient, format!("{what} at this stage: {}.", stage.name())),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => {
                let enhanced = self.enhanced.as_ref().map(|enhanced| format!(" {enhanced}")).unwrap_or_default();
                write!(f, "The relay answered {code}{enhanced} at {}: {}", self.stage.name(), self.text)
            }
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Failure {}

/// The meaning of a refusing reply code at a stage.
pub fn classify(stage: Stage, code: u16) -> FailureKind {
    match (stage, code) {
        (_, 400..=499) => FailureKind::Transient,
        (Stage::Connect | Stage::Greeting | Stage::Tls | Stage::Auth, _) => FailureKind::Config,
        (_, 500..=599) => FailureKind::Permanent,
        // A 2xx or 3xx where another was due: the two sides no longer agree on where they are.
        (Stage::Dot, _) => FailureKind::Unknown,
        _ => FailureKind::Transient,
    }
}

/// One reply of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three-digit code.
    pub code: u16,
    /// The enhanced status code, if its class agrees with the code (RFC 2034 §4).
    pub enhanced: Option<String>,
    /// All lines without the codes, joined by spaces, printable, at most 500 characters.
    pub text: String,
    /// The lines after the code, as sent.
    pub lines: Vec<String>,
}

impl Reply {
    /// Reads a complete reply, its lines ended by CRLF. `None` when it is not one.
    pub fn parse(raw: &str) -> Option<Self> {
        let response: Response = raw.parse().ok()?;
        let code = u16::from(response.code());
        let lines: Vec<String> = response.message().map(str::to_owned).collect();
        let enhanced = lines.first().and_then(|line| enhanced_code(code, line));
        let mut text = String::new();
        for line in &lines {
            let line = match &enhanced {
                Some(status) => line.strip_prefix(status.as_str()).unwrap_or(line),
                None => line,
            };
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line.trim());
        }
        let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let text = text.chars().map(shown).take(500).collect();
        Some(Reply { code, enhanced, text, lines })
    }

    /// Whether it is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

fn enhanced_code(code: u16, line: &str) -> Option<String> {
    let word = line.split_whitespace().next()?;
    let parts: Vec<&str> = word.split('.').collect();
    let [class, subject, detail] = parts.as_slice() else { return None };
    let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let agrees = *class == (code / 100).to_string() && [subject, detail].into_iter().all(number);
    agrees.then(|| word.to_owned())
}

//! One message after another over one connection, stopped where a database must speak first.
//!
//! ```text
//! offer (MAIL, RCPT, DATA → 354) ─ body ─ [commit "dot"] ─ dot ─ reply ─ [commit "sent"]
//! ```
//!
//! Each step takes the dialogue out of the connection and puts it back only when both sides
//! agree on where they are. A step that fails, is cancelled or is dropped half-way therefore
//! closes the connection: DATA cannot be taken back, and a late reply must never be taken for
//! the answer to the next message.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};
use sha2::{Digest, Sha256};

use super::address::EmailAddress;
use super::dialogue::Dialogue;
use super::outcome::{Failure, FailureKind, Reply, Stage};
use super::transport::Timeouts;
use super::wire;
use crate::domain::outbox::AtDot;

/// What a relay said it can do (RFC 1869 keywords, upper case).
#[derive(Debug, Clone, Default)]
pub(in crate::email) struct Offers(Vec<String>);

impl Offers {
    /// Reads the reply to EHLO; its first line is a greeting.
    pub(in crate::email) fn read(reply: &Reply) -> Self {
        Offers(reply.lines.iter().skip(1).map(|line| line.trim().to_ascii_uppercase()).collect())
    }

    pub(in crate::email) fn has(&self, keyword: &str) -> bool {
        self.words().any(|mut words| words.next() == Some(keyword))
    }

    pub(in crate::email) fn auth(&self, mechanism: &str) -> bool {
        self.words().any(|mut words| words.next() == Some("AUTH") && words.any(|w| w == mechanism))
    }

    /// The size limit, if one is announced (RFC 1870; 0 is none).
    fn size(&self) -> Option<usize> {
        let mut found = self.words().filter(|words| words.clone().next() == Some("SIZE"));
        found.next()?.nth(1)?.parse().ok().filter(|limit| *limit > 0)
    }

    fn words(&self) -> impl Iterator<Item = std::str::SplitWhitespace<'_>> {
        self.0.iter().map(|line| line.split_whitespace())
    }
}

/// A connection that can carry one message at a time.
pub struct Connection {
    line: Line,
}

enum Line {
    Smtp { dialogue: Option<Dialogue>, offers: Offers, limits: Timeouts, relay: String },
    Directory(PathBuf),
}

/// A message the relay will take the content of. Dropped, it closes the connection without
/// the final dot, and nothing was sent.
#[must_use = "dropping it closes the connection"]
pub struct Offered<'a> {
    at: At<'a>,
}

/// A message whose content the relay holds, all but the final dot. Dropped, it closes the
/// connection without the dot, and nothing was sent.
#[must_use = "dropping it closes the connection"]
pub struct Ready<'a> {
    at: At<'a>,
    content: Vec<u8>,
}

enum At<'a> {
    Smtp { home: &'a mut Option<Dialogue>, dialogue: Dialogue, limits: Timeouts, eight_bit: bool },
    Directory(&'a PathBuf),
}

/// The relay took the message and the responsibility for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The reply to the final dot, code first, or the name of the file written.
    pub reply: String,
}

impl Connection {
    pub(in crate::email) fn smtp(dialogue: Dialogue, offers: Offers, limits: Timeouts, relay: String) -> Self {
        Connection { line: Line::Smtp { dialogue: Some(dialogue), offers, limits, relay } }
    }

    pub(in crate::email) async fn directory(directory: PathBuf) -> Result<Self, Failure> {
        let made = directory.clone();
        in_background(Stage::Connect, move || std::fs::create_dir_all(made)).await?;
        Ok(Connection { line: Line::Directory(directory) })
    }

    /// Whether another message can be offered. After a failure that left the two sides in
    /// doubt it is false for good; connect anew.
    pub fn is_reusable(&self) -> bool {
        match &self.line {
            Line::Smtp { dialogue, .. } => dialogue.is_some(),
            Line::Directory(_) => true,
        }
    }

    /// Announces a message: MAIL, RCPT and DATA, pipelined where the relay can (RFC 2920).
    /// `envelope_from` is `None` for the null path of notices and bounces. After a refusal
    /// the transaction is reset, so that the connection stays usable.
    pub async fn offer(
        &mut self,
        envelope_from: Option<&EmailAddress>,
        rcpt: &EmailAddress,
        smtputf8_needed: bool,
        size: usize,
    ) -> Result<Offered<'_>, Failure> {
        let (home, offers, limits, relay) = match &mut self.line {
            Line::Directory(directory) => {
                return Ok(Offered { at: At::Directory(directory) });
            }
            Line::Smtp { dialogue, offers, limits, relay } => (dialogue, offers, *limits, relay),
        };
        let utf8 = smtputf8_needed || rcpt.needs_smtputf8() || envelope_from.is_some_and(EmailAddress::needs_smtputf8);
        let permanent = |text| Failure::ours(Stage::Mail, FailureKind::Permanent, text);
        if utf8 && !offers.has("SMTPUTF8") {
            return Err(permanent(format!("\"{rcpt}\" needs a mail relay with SMTPUTF8; {relay} does not offer it.")));
        }
        if let Some(limit) = offers.size().filter(|limit| size > *limit) {
            return Err(permanent(format!("The message has {size} bytes and the relay takes at most {limit}.")));
        }
        let mut parameters = Vec::new();
        if offers.has("SIZE") {
            parameters.push(MailParameter::Size(size));
        }
        if utf8 {
            // RFC 6531 §3.6: SMTPUTF8 implies that 8BITMIME is there.
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let mail = Mail::new(envelope_from.map(EmailAddress::to_lettre), parameters);
        let rcpt = Rcpt::new(rcpt.to_lettre(), Vec::new());
        let Some(mut dialogue) = home.take() else {
            return Err(Failure::broken(Stage::Mail, "The connection is no longer open"));
        };
        dialogue.expect_silence(Stage::Mail).await?;
        let asked = match offers.has("PIPELINING") {
            true => ask_together(&mut dialogue, limits.command, mail, rcpt).await?,
            false => ask_in_turn(&mut dialogue, limits.command, mail, rcpt).await?,
        };
        match asked {
            Asked::Go => Ok(Offered { at: At::Smtp { home, dialogue, limits, eight_bit: utf8 } }),
            Asked::Refused { failure, reset } => {
                // Only a plain refusal leaves no doubt about where the relay is.
                let refused = failure.code.is_some_and(|code| code >= 400 && code != 421);
                if reset && refused {
                    *home = reset_of(dialogue, limits.command).await;
                }
                Err(failure)
            }
        }
    }

    /// Says goodbye and closes. Errors do not matter any more.
    pub async fn quit(self) {
        if let Line::Smtp { dialogue: Some(mut dialogue), limits, .. } = self.line {
            let limit = limits.command.min(Duration::from_secs(5));
            let _ = dialogue.command(Stage::Mail, limit, Quit).await;
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.line {
            Line::Smtp { relay, .. } => {
                write!(f, "Connection({relay}, reusable {})", self.is_reusable())
            }
            Line::Directory(directory) => write!(f, "Connection({})", directory.display()),
        }
    }
}

impl<'a> Offered<'a> {
    /// Sends the content, all but the final dot. Whatever goes wrong here, nothing was sent.
    pub async fn body(self, bytes: &[u8]) -> Result<Ready<'a>, Failure> {
        let refused = |error: wire::WireError| Failure::ours(Stage::Data, FailureKind::Permanent, error.to_string());
        match self.at {
            At::Directory(directory) => {
                wire::check(bytes, true).map_err(refused)?;
                Ok(Ready { at: At::Directory(directory), content: bytes.to_vec() })
            }
            At::Smtp { home, mut dialogue, limits, eight_bit } => {
                let stuffed = wire::stuff(bytes, eight_bit).map_err(refused)?;
                let written = dialogue.write(Stage::Data, limits.block, &stuffed).await;
                // A relay that gave up in the middle said why, and that is worth more than
                // "broken pipe".
                dialogue.expect_silence(Stage::Data).await?;
                written?;
                let at = At::Smtp { home, dialogue, limits, eight_bit };
                Ok(Ready { at, content: Vec::new() })
            }
        }
    }

    /// Content, final dot and reply in one go, for tests of the dialogue alone.
    #[cfg(test)]
    pub(in crate::email) async fn finish(self, bytes: &[u8]) -> Result<Accepted, Failure> {
        self.body(bytes).await?.write_dot().await
    }
}

impl Ready<'_> {
    /// Sends the final dot and waits for the reply. From here on the message may have been
    /// taken, unless the relay says otherwise. It takes the permission that only the outbox
    /// gives, after it verified the warrant.
    pub async fn dot(self, _permission: &AtDot) -> Result<Accepted, Failure> {
        self.write_dot().await
    }

    pub(in crate::email) async fn write_dot(self) -> Result<Accepted, Failure> {
        match self.at {
            At::Directory(directory) => write_file(directory.clone(), self.content).await,
            At::Smtp { home, mut dialogue, limits, .. } => {
                // A relay that hung up while the database committed cannot have taken it.
                dialogue.expect_silence(Stage::Data).await?;
                dialogue.write(Stage::Dot, limits.block, b".\r\n").await?;
                let reply = dialogue.reply(Stage::Dot, limits.dot).await?;
                let known = reply.is_success() || reply.code >= 400;
                if known && reply.code != 421 && !dialogue.has_more() {
                    *home = Some(dialogue);
                }
                match reply.is_success() {
                    true => Ok(Accepted { reply: words(&reply) }),
                    false => Err(Failure::reply(Stage::Dot, &reply)),
                }
            }
        }
    }
}

enum Asked {
    Go,
    Refused { failure: Failure, reset: bool },
}

async fn ask_in_turn(dialogue: &mut Dialogue, limit: Duration, mail: Mail, rcpt: Rcpt) -> Result<Asked, Failure> {
    let reply = dialogue.command(Stage::Mail, limit, mail).await?;
    if !reply.is_success() {
        return Ok(Asked::Refused { failure: Failure::reply(Stage::Mail, &reply), reset: true });
    }
    let reply = dialogue.command(Stage::Rcpt, limit, rcpt).await?;
    if !reply.is_success() {
        return Ok(Asked::Refused { failure: Failure::reply(Stage::Rcpt, &reply), reset: true });
    }
    let reply = dialogue.command(Stage::Data, limit, Data).await?;
    match reply.code {
        354 => Ok(Asked::Go),
        _ => Ok(Asked::Refused { failure: Failure::reply(Stage::Data, &reply), reset: true }),
    }
}

async fn ask_together(dialogue: &mut Dialogue, limit: Duration, mail: Mail, rcpt: Rcpt) -> Result<Asked, Failure> {
    dialogue.send(Stage::Mail, limit, format_args!("{mail}{rcpt}{Data}")).await?;
    let mut first = None;
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data] {
        let reply = match dialogue.reply(stage, limit).await {
            Ok(reply) => reply,
            // A relay that refuses and hangs up has still refused.
            Err(broken) => return Err(first.unwrap_or(broken)),
        };
        let agreed = match stage {
            Stage::Data => reply.code == 354,
            _ => reply.is_success(),
        };
        if !agreed && first.is_none() {
            first = Some(Failure::reply(stage, &reply));
        }
        if reply.code == 421 {
            break;
        }
        if stage == Stage::Data && agreed {
            // Refused before, and yet waiting for content: RFC 2920 §3.1 would have a lone dot
            // sent. No dot is ever sent for a message that must not go; hang up instead.
            return Ok(match first {
                None => Asked::Go,
                Some(failure) => Asked::Refused { failure, reset: false },
            });
        }
    }
    match first {
        Some(failure) => Ok(Asked::Refused { failure, reset: true }),
        None => Err(Failure::broken(Stage::Data, "The relay sent something that is not a reply")),
    }
}

/// The dialogue after RSET, or nothing if the relay did not agree to it.
async fn reset_of(mut dialogue: Dialogue, limit: Duration) -> Option<Dialogue> {
    let reply = dialogue.command(Stage::Mail, limit, Rset).await.ok()?;
    (reply.is_success() && !dialogue.has_more()).then_some(dialogue)
}

fn words(reply: &Reply) -> String {
    let enhanced = reply.enhanced.as_ref().map(|status| format!(" {status}")).unwrap_or_default();
    format!("{}{enhanced} {}", reply.code, reply.text).trim_end().to_owned()
}

/// Writes one `.eml`, on the disk before it is called accepted. The name is a hash of the
/// content and a counter, never anything from the message (V-17); nothing is overwritten.
async fn write_file(directory: PathBuf, content: Vec<u8>) -> Result<Accepted, Failure> {
    let place = directory.clone();
    let name = in_background(Stage::Dot, move || {
        let hash = Sha256::digest(&content);
        let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let mut file = tempfile::NamedTempFile::new_in(&directory)?;
        file.write_all(&content)?;
        file.as_file().sync_all()?;
        let mut count = 1_u32;
        let name = loop {
            let name = format!("{hash}-{count}.eml");
            match file.persist_noclobber(directory.join(&name)) {
                Ok(_) => break name,
                Err(taken) if taken.error.kind() == std::io::ErrorKind::AlreadyExists => {
                    file = taken.file;
                    count += 1;
                }
                Err(other) => return Err(other.error),
            }
        };
        Ok(name)
    })
    .await?;
    // The file is there by now; only whether it survives a power cut is not known.
    in_background(Stage::Dot, move || std::fs::File::open(&place)?.sync_all())
        .await
        .map_err(|failure| Failure { kind: FailureKind::Unknown, ..failure })?;
    Ok(Accepted { reply: format!("250 {name}") })
}

async fn in_background<T: Send + 'static>(stage: Stage, work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Failure::ours(stage, FailureKind::Transient, format!("The mail directory cannot be written: {error}."))),
        Err(_) => Err(Failure::ours(stage, FailureKind::Transient, "The mail directory cannot be written.")),
    }
}

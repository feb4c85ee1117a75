//! One message after another over one connection, stopped where a database must speak first.
//!
//! ```text
//! offer (MAIL, RCPT, DATA → 354) ─ body ─ [commit "dot"] ─ dot ─ reply ─ [commit "sent"]
//! ```
//!
//! Where the relay takes commands in groups (RFC 2920), the final dot and the next message's MAIL, RCPT and DATA are one
//! write: [`Ready::dot_then`]. That is one round trip for each message.
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

/// What is announced of a message before its content.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'e> {
    /// MAIL; `None` for the null path of notices and bounces.
    pub from: Option<&'e EmailAddress>,
    /// RCPT.
    pub to: &'e EmailAddress,
    /// The headers hold a local part outside ASCII.
    pub smtputf8: bool,
    /// Octets of the content.
    pub size: usize,
    /// What reports return and by which a relay may know a repeat: sent as ENVID where it offers DSN (RFC 3461 §4.4).
    pub id: Option<&'e str>,
}

/// The three commands of an envelope.
struct Commands {
    mail: Mail,
    rcpt: Rcpt,
    utf8: bool,
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
    Smtp { home: &'a mut Option<Dialogue>, dialogue: Dialogue, peer: Peer<'a>, eight_bit: bool },
    Directory(&'a PathBuf),
}

/// What is known of the relay.
#[derive(Clone, Copy)]
struct Peer<'a> {
    offers: &'a Offers,
    limits: Timeouts,
    relay: &'a str,
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
        self.announce(&Envelope { from: envelope_from, to: rcpt, smtputf8: smtputf8_needed, size, id: None }).await
    }

    /// The same for a whole envelope.
    pub async fn announce(&mut self, envelope: &Envelope<'_>) -> Result<Offered<'_>, Failure> {
        let (home, peer) = match &mut self.line {
            Line::Directory(directory) => {
                return Ok(Offered { at: At::Directory(directory) });
            }
            Line::Smtp { dialogue, offers, limits, relay } => (dialogue, Peer { offers, limits: *limits, relay }),
        };
        let commands = peer.commands(envelope)?;
        let Some(mut dialogue) = home.take() else {
            return Err(Failure::broken(Stage::Mail, "The connection is no longer open"));
        };
        dialogue.expect_silence(Stage::Mail).await?;
        let utf8 = commands.utf8;
        let asked = match peer.offers.has("PIPELINING") {
            true => {
                dialogue.send(Stage::Mail, peer.limits.command, &commands).await?;
                answers(&mut dialogue, peer.limits.command).await?
            }
            false => ask_in_turn(&mut dialogue, peer.limits.command, commands).await?,
        };
        accept(home, dialogue, peer, utf8, asked).await
    }

    /// Says goodbye and closes. Errors do not matter any more.
    pub async fn quit(self) {
        if let Line::Smtp { dialogue: Some(mut dialogue), limits, .. } = self.line {
            let limit = limits.command.min(Duration::from_secs(5));
            let _ = dialogue.command(Stage::Mail, limit, Quit).await;
        }
    }
}

impl Peer<'_> {
    /// The commands that announce a message, unless the relay cannot take it.
    fn commands(&self, envelope: &Envelope<'_>) -> Result<Commands, Failure> {
        let (offers, relay) = (self.offers, self.relay);
        let utf8 = envelope.smtputf8 || envelope.to.needs_smtputf8() || envelope.from.is_some_and(EmailAddress::needs_smtputf8);
        let permanent = |text| Failure::ours(Stage::Mail, FailureKind::Permanent, text);
        if utf8 && !offers.has("SMTPUTF8") {
            return Err(permanent(format!("\"{}\" needs a mail relay with SMTPUTF8; {relay} does not offer it.", envelope.to)));
        }
        if let Some(limit) = offers.size().filter(|limit| envelope.size > *limit) {
            return Err(permanent(format!("The message has {} bytes and the relay takes at most {limit}.", envelope.size)));
        }
        let mut parameters = Vec::new();
        if offers.has("SIZE") {
            parameters.push(MailParameter::Size(envelope.size));
        }
        if utf8 {
            // RFC 6531 §3.6: SMTPUTF8 implies that 8BITMIME is there.
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if let Some(id) = envelope.id.filter(|_| offers.has("DSN")) {
            parameters.push(MailParameter::Other { keyword: "ENVID".to_owned(), value: Some(id.to_owned()) });
        }
        let mail = Mail::new(envelope.from.map(EmailAddress::to_lettre), parameters);
        Ok(Commands { mail, rcpt: Rcpt::new(envelope.to.to_lettre(), Vec::new()), utf8 })
    }
}

impl fmt::Display for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{Data}", self.mail, self.rcpt)
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
            At::Smtp { home, mut dialogue, peer, eight_bit } => {
                let stuffed = wire::stuff(bytes, eight_bit).map_err(refused)?;
                let written = dialogue.write(Stage::Data, peer.limits.block, &stuffed).await;
                // A relay that gave up in the middle said why, and that is worth more than
                // "broken pipe".
                dialogue.expect_silence(Stage::Data).await?;
                written?;
                let at = At::Smtp { home, dialogue, peer, eight_bit };
                Ok(Ready { at, content: Vec::new() })
            }
        }
    }

    /// Content, final dot and the next announcement in one go, for a message that may go already. Should the
    /// connection break in the middle, it counts as broken at the dot.
    pub async fn finish_then(
        self,
        bytes: &[u8],
        permission: &AtDot,
        next: Option<&Envelope<'_>>,
    ) -> (Result<Accepted, Failure>, Option<Result<Offered<'a>, Failure>>) {
        match self.at {
            At::Smtp { home, dialogue, peer, eight_bit } => match wire::stuff(bytes, eight_bit) {
                Ok(stuffed) => conclude(home, dialogue, peer, stuffed, next).await,
                Err(error) => (Err(Failure::ours(Stage::Data, FailureKind::Permanent, error.to_string())), None),
            },
            At::Directory(_) => match self.body(bytes).await {
                Ok(ready) => (ready.dot(permission).await, None),
                Err(failure) => (Err(failure), None),
            },
        }
    }

    /// Content, final dot and reply in one go, for tests of the dialogue alone.
    #[cfg(test)]
    pub(in crate::email) async fn finish(self, bytes: &[u8]) -> Result<Accepted, Failure> {
        self.body(bytes).await?.write_dot().await
    }
}

impl<'a> Ready<'a> {
    /// Sends the final dot and waits for the reply. From here on the message may have been
    /// taken, unless the relay says otherwise. It takes the permission that only the outbox
    /// gives, after it verified the warrant.
    pub async fn dot(self, _permission: &AtDot) -> Result<Accepted, Failure> {
        self.write_dot().await
    }

    /// The same, with the announcement of the next message in the same write where the relay takes commands in groups.
    /// What came of that is beside the reply; `None` means that the next one was not announced.
    pub async fn dot_then(
        self,
        _permission: &AtDot,
        next: Option<&Envelope<'_>>,
    ) -> (Result<Accepted, Failure>, Option<Result<Offered<'a>, Failure>>) {
        self.write_dot_then(next).await
    }

    pub(in crate::email) async fn write_dot(self) -> Result<Accepted, Failure> {
        self.write_dot_then(None).await.0
    }

    pub(in crate::email) async fn write_dot_then(
        self,
        next: Option<&Envelope<'_>>,
    ) -> (Result<Accepted, Failure>, Option<Result<Offered<'a>, Failure>>) {
        match self.at {
            At::Directory(directory) => (write_file(directory.clone(), self.content).await, None),
            At::Smtp { home, dialogue, peer, .. } => conclude(home, dialogue, peer, Vec::new(), next).await,
        }
    }
}

/// Writes what is left of the content, the final dot and what may follow it, and reads the answers.
async fn conclude<'a>(
    home: &'a mut Option<Dialogue>,
    mut dialogue: Dialogue,
    peer: Peer<'a>,
    content: Vec<u8>,
    next: Option<&Envelope<'_>>,
) -> (Result<Accepted, Failure>, Option<Result<Offered<'a>, Failure>>) {
    let commands = next.filter(|_| peer.offers.has("PIPELINING")).map(|next| peer.commands(next));
    let following = commands.as_ref().and_then(|commands| commands.as_ref().ok());
    let reply = match finish(&mut dialogue, peer.limits, content, following).await {
        Ok(reply) => reply,
        Err(failure) => return (Err(failure), None),
    };
    let answered = match reply.is_success() {
        true => Ok(Accepted { reply: words(&reply) }),
        false => Err(Failure::reply(Stage::Dot, &reply)),
    };
    let known = (reply.is_success() || reply.code >= 400) && reply.code != 421;
    match commands {
        _ if !known => (answered, None),
        Some(Ok(commands)) => {
            let asked = match answers(&mut dialogue, peer.limits.command).await {
                Ok(asked) => accept(home, dialogue, peer, commands.utf8, asked).await,
                Err(failure) => Err(failure),
            };
            (answered, Some(asked))
        }
        refused => {
            if !dialogue.has_more() {
                *home = Some(dialogue);
            }
            (answered, refused.and_then(Result::err).map(Err))
        }
    }
}

async fn finish(dialogue: &mut Dialogue, limits: Timeouts, mut content: Vec<u8>, next: Option<&Commands>) -> Result<Reply, Failure> {
    // A relay that hung up while the database committed cannot have taken it.
    dialogue.expect_silence(Stage::Data).await?;
    content.extend_from_slice(b".\r\n");
    if let Some(commands) = next {
        content.extend_from_slice(commands.to_string().as_bytes());
    }
    dialogue.write(Stage::Dot, limits.block, &content).await?;
    dialogue.reply(Stage::Dot, limits.dot).await
}

/// What the answers to an announcement mean for the connection.
async fn accept<'a>(home: &'a mut Option<Dialogue>, dialogue: Dialogue, peer: Peer<'a>, utf8: bool, asked: Asked) -> Result<Offered<'a>, Failure> {
    match asked {
        Asked::Go => Ok(Offered { at: At::Smtp { home, dialogue, peer, eight_bit: utf8 } }),
        Asked::Refused { failure, reset } => {
            // Only a plain refusal leaves no doubt about where the relay is.
            let refused = failure.code.is_some_and(|code| code >= 400 && code != 421);
            if reset && refused {
                *home = reset_of(dialogue, peer.limits.command).await;
            }
            Err(failure)
        }
    }
}

enum Asked {
    Go,
    Refused { failure: Failure, reset: bool },
}

async fn ask_in_turn(dialogue: &mut Dialogue, limit: Duration, commands: Commands) -> Result<Asked, Failure> {
    let reply = dialogue.command(Stage::Mail, limit, commands.mail).await?;
    if !reply.is_success() {
        return Ok(Asked::Refused { failure: Failure::reply(Stage::Mail, &reply), reset: true });
    }
    let reply = dialogue.command(Stage::Rcpt, limit, commands.rcpt).await?;
    if !reply.is_success() {
        return Ok(Asked::Refused { failure: Failure::reply(Stage::Rcpt, &reply), reset: true });
    }
    let reply = dialogue.command(Stage::Data, limit, Data).await?;
    match reply.code {
        354 => Ok(Asked::Go),
        _ => Ok(Asked::Refused { failure: Failure::reply(Stage::Data, &reply), reset: true }),
    }
}

/// Reads the answers to commands that were sent together.
async fn answers(dialogue: &mut Dialogue, limit: Duration) -> Result<Asked, Failure> {
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

//! What came back, and what follows from it: one action for every way in.

pub mod folders;
pub mod leads;
mod matching;
pub mod providers;
mod queries;
mod replies;
mod reports;
pub mod sentiment;
pub mod sounding;
pub mod ways;

use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::contacts;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Result;
use crate::domain::ids::{InboundEmailId, MailboxId, MessageId, ThreadId, sha256_hex};
use crate::domain::mailboxes::{Mailbox, Mode};
use crate::domain::outbox::uncertain::{self, Evidence};
use crate::domain::threads::{self, Attachment, EmailKind, InboundEmail};
use crate::domain::webhooks;
use crate::inbound::{Kind, Mail, Sorted, Unreadable, quoted, read, sort};

pub(in crate::domain) use replies::ASKS_FOR_FEEDBACK;
pub use reports::{ReportKind, of_message};

/// Whoever brings mail in: no person and no key.
const MAIL: Actor = Actor::System("inbound mail");

/// A mail on its way in, read before anything is written.
#[derive(Debug)]
pub struct Arrived {
    raw: Vec<u8>,
    read: std::result::Result<Box<(Mail, Sorted)>, Unreadable>,
    envelope_to: Option<String>,
    sounds: Option<sentiment::Sentiment>,
}

impl Arrived {
    /// Reads a mail. `envelope_to` is the address it was delivered to, where that is known.
    pub fn new(raw: Vec<u8>, envelope_to: Option<String>, now: Time) -> Self {
        let read = read(&raw).map(|mail| {
            let sorted = sort(&mail, now.date());
            Box::new((mail, sorted))
        });
        Arrived { raw, read, envelope_to, sounds: None }
    }

    /// With what a model says of how it sounds.
    #[must_use]
    pub fn sounding(self, sounds: Option<sentiment::Sentiment>) -> Self {
        Arrived { sounds, ..self }
    }
}

/// What became of a mail.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its id.
    pub id: InboundEmailId,
    /// What it was taken for.
    pub kind: EmailKind,
    /// The message it is about or answers.
    pub about: Option<MessageId>,
    /// Whether it came before; then nothing changed.
    pub known: bool,
}

/// Takes a mail in, once, with everything that follows from it.
pub fn take(conn: &mut Conn, mailbox: &Mailbox, arrived: &Arrived, now: Time) -> Result<Taken> {
    transaction(conn, |conn| {
        let digest = digest(arrived);
        if let Some((id, kind)) = queries::taken(conn, &mailbox.id, &digest)? {
            return Ok(Taken { id, kind, about: None, known: true });
        }
        let (row, about) = match &arrived.read {
            Err(why) => (unreadable(conn, mailbox, *why, now)?, None),
            Ok(read) => keep(conn, mailbox, &read.0, &read.1, arrived, now)?,
        };
        queries::insert_raw(conn, &mailbox.id, &digest, &row.id, &arrived.raw)?;
        let detail = json!({"kind": row.kind, "thread": row.thread_id, "about": about, "sounded_by_model": arrived.sounds.is_some()});
        let entry = Entry { action: "email.receive", target_kind: "email", target_id: row.id.as_str(), mailbox_id: Some(&mailbox.id), detail };
        audit::record(conn, &MAIL, entry, now)?;
        webhooks::received(conn, &row, mailbox.mode == Mode::GatedAll, now)?;
        Ok(Taken { id: row.id, kind: row.kind, about, known: false })
    })
}

/// The words that a model may be asked about: those of an answer to a survey that gives no score and was not taken yet.
pub fn to_sound(conn: &mut Conn, mailbox: &Mailbox, arrived: &Arrived) -> Result<Option<String>> {
    let Ok(read) = &arrived.read else { return Ok(None) };
    let (mail, sorted) = (&read.0, &read.1);
    if sorted.kind != Kind::Reply || queries::taken(conn, &mailbox.id, &digest(arrived))?.is_some() {
        return Ok(None);
    }
    let found = matching::message(conn, mailbox, mail, sorted, arrived.envelope_to.as_deref())?;
    let written = quoted::written(&mail.text);
    Ok(found.is_some_and(|found| replies::is_survey(&found)).then_some(written).filter(|written| sentiment::by_score(written).is_none()))
}

/// The name under which a mail is taken once: what its writer wrote, whichever way it came.
fn digest(arrived: &Arrived) -> String {
    match &arrived.read {
        Err(_) => sha256_hex(&arrived.raw),
        Ok(read) => {
            let mail = &read.0;
            let reports: String = mail.reports.iter().map(|(_, text)| text.as_str()).collect();
            let said = json!([mail.message_id, mail.from, mail.date, mail.subject, mail.text, mail.html, reports]);
            sha256_hex(said.to_string().as_bytes())
        }
    }
}

fn unreadable(conn: &mut Conn, mailbox: &Mailbox, why: Unreadable, now: Time) -> Result<InboundEmail> {
    let mut row = blank(mailbox, now);
    row.kind = EmailKind::Unreadable;
    row.subject = "A message that could not be read".to_owned();
    row.note = Some(format!("This message could not be read: {why} The raw file is kept; nothing was acted on."));
    threads::keep(conn, row, None, &[], now)
}

fn blank(mailbox: &Mailbox, now: Time) -> InboundEmail {
    InboundEmail {
        id: InboundEmailId::new(),
        mailbox_id: mailbox.id.clone(),
        thread_id: ThreadId::from(""),
        contact_id: None,
        from_address: "(unknown)".to_owned(),
        from_key: "(unknown)".to_owned(),
        to_address: mailbox.address.clone(),
        subject: String::new(),
        text_body: String::new(),
        received_at: now,
        read_at: None,
        released_at: None,
        message_id_header: None,
        kind: EmailKind::Other,
        from_name: None,
        html_body: None,
        attachments: Json::new(vec![]),
        note: None,
    }
}

fn keep(conn: &mut Conn, mailbox: &Mailbox, mail: &Mail, sorted: &Sorted, arrived: &Arrived, now: Time) -> Result<(InboundEmail, Option<MessageId>)> {
    let found = matching::message(conn, mailbox, mail, sorted, arrived.envelope_to.as_deref())?;
    let thread = match &found {
        Some(found) => Some(found.row.thread_id.clone()),
        None => threads::with_message_id(conn, &mailbox.id, &sorted.about)?,
    };
    let mut row = blank(mailbox, now);
    if let Some(from) = &mail.from {
        row.from_key = EmailAddress::parse("from", from).map_or_else(|_| from.to_lowercase(), |from| from.key().to_owned());
        row.from_address.clone_from(from);
    }
    let writer = contacts::by_key(conn, &row.from_key)?.filter(|contact| contact.erased_at.is_none());
    let answered = found.as_ref().filter(|_| matches!(sorted.kind, Kind::Reply | Kind::Unsubscribe | Kind::AutoReply));
    row.contact_id = writer.map(|contact| contact.id).or_else(|| answered.map(|found| found.row.contact_id.clone()));
    row.from_name.clone_from(&mail.from_name);
    row.subject = if mail.subject.is_empty() { "(no subject)".to_owned() } else { mail.subject.clone() };
    row.text_body.clone_from(&mail.text);
    row.html_body.clone_from(&mail.html);
    row.message_id_header = mail.message_id.as_deref().and_then(threads::message_id);
    row.kind = kind(sorted.kind);
    let files = mail.attachments.iter().map(|file| Attachment { name: file.name.clone(), kind: file.kind.clone(), size: file.size });
    row.attachments = Json::new(files.take(100).collect());
    row.note = reports::note(sorted, found.is_some());
    // What answers a campaign is found under its tags.
    let tags = match &answered {
        Some(found) => found.tags.clone(),
        None => vec![],
    };
    let row = threads::keep(conn, row, thread, &tags, now)?;
    if let Some(found) = answered {
        uncertain::settle_by_evidence(conn, &found.row.id, Evidence::Reply, &row.subject, now)?;
    }
    match sorted.kind {
        Kind::Bounce | Kind::Delayed | Kind::Other if !sorted.recipients.is_empty() => {
            if let Some(found) = &found {
                reports::of_recipients(conn, found, &sorted.recipients, row.id.as_str(), "mail", now)?;
            }
        }
        Kind::Complaint => {
            if let (Some(found), Some(feedback)) = (&found, &sorted.feedback) {
                reports::of_complaint(conn, found, feedback, row.id.as_str(), "mail", now)?;
            }
        }
        Kind::Unsubscribe => replies::leave(conn, &row, found.as_ref(), sorted.token.as_deref(), now)?,
        Kind::Reply => replies::answered(conn, &row, found.as_ref(), arrived.sounds, now)?,
        Kind::AutoReply => replies::away(conn, &row, sorted.auto, now)?,
        _ => {}
    }
    Ok((row, found.map(|found| found.row.id)))
}

fn kind(kind: Kind) -> EmailKind {
    match kind {
        Kind::Bounce => EmailKind::Bounce,
        Kind::Delayed => EmailKind::Delayed,
        Kind::Complaint => EmailKind::Complaint,
        Kind::AutoReply => EmailKind::AutoReply,
        Kind::Reply => EmailKind::Reply,
        Kind::Unsubscribe => EmailKind::Unsubscribe,
        Kind::Other => EmailKind::Other,
    }
}

/// The mail as it came, for a person who looks at it. Keys get none of it.
pub fn raw(conn: &mut Conn, actor: &Actor, id: &InboundEmailId) -> Result<Vec<u8>> {
    let missing = || crate::domain::error::Error::not_found("email");
    if !matches!(actor, Actor::User { .. }) {
        return Err(missing());
    }
    let (mailbox, raw): (MailboxId, Vec<u8>) = queries::raw(conn, id)?.ok_or_else(missing)?;
    // An empty one was taken away, by the period for which it is kept or with the person.
    if actor.reaches(&mailbox) && !raw.is_empty() { Ok(raw) } else { Err(missing()) }
}

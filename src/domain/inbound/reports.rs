//! What a report changes: the state of the one message it is about, and the address that message went to.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::suppressions::{self, Reason};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Result;
use crate::domain::ids::{MessageId, RowId};
use crate::domain::messages::{State, lifecycle};
use crate::domain::outbox::uncertain::{self, Evidence};
use crate::domain::senders;
use crate::inbound::away::UNTOLD_DAYS;
use crate::inbound::{Action, Feedback, Kind, Recipient, Sorted};
use crate::text_enum;

use super::matching::Found;
use super::{MAIL, queries};

text_enum!(
    /// What was reported.
    pub enum ReportKind {
        /// It came back.
        Bounce => "bounce",
        /// It is not delivered yet.
        Delayed => "delayed",
        /// The recipient complained.
        Complaint => "complaint",
        /// It arrived.
        Delivered => "delivered",
    }
);

/// What was reported of a message.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::delivery_reports)]
pub struct Report {
    /// Its id.
    pub id: RowId,
    /// The message.
    pub message_id: MessageId,
    /// By which way it came.
    pub source: String,
    /// What makes it the same report when it comes again.
    pub event_key: String,
    /// What it says.
    pub kind: ReportKind,
    /// Whether the address will never accept mail.
    pub hard: bool,
    /// The enhanced status code.
    pub status: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// When it came.
    pub created_at: Time,
}

/// What was reported of a message, oldest first.
pub fn of_message(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<Vec<Report>> {
    crate::domain::messages::get(conn, actor, id)?;
    Ok(queries::reports(conn, id)?)
}

/// A note for people on a report that came as mail.
pub(super) fn note(sorted: &Sorted, matched: bool) -> Option<String> {
    let about_mail = !sorted.recipients.is_empty() || sorted.feedback.is_some();
    if about_mail && !matched {
        return Some("This report names no message sent from here; no address was suppressed.".to_owned());
    }
    if let Some(one) = sorted.recipients.first() {
        return Some(one.reason());
    }
    match sorted.kind {
        Kind::Complaint => Some("The recipient complained. They are never mailed again.".to_owned()),
        Kind::Unsubscribe => {
            Some(format!("They ask to get no more mail and were suppressed at once: “{}”", sorted.wish.as_deref().unwrap_or_default()))
        }
        Kind::AutoReply => Some(match sorted.auto.and_then(|auto| auto.back) {
            Some(day) => format!("An automatic answer: away, back on {day}. Campaigns wait until then."),
            None if sorted.auto.is_some_and(|auto| auto.absent) => format!("An automatic answer: away. Campaigns wait for {UNTOLD_DAYS} days."),
            None => "An automatic answer.".to_owned(),
        }),
        _ => None,
    }
}

/// Takes in what a report says of the recipient of one message. Other addresses in it change nothing.
pub(super) fn of_recipients(conn: &mut Conn, found: &Found, recipients: &[Recipient], event: &str, source: &str, now: Time) -> Result<()> {
    let key = |address: &str| EmailAddress::parse("recipient", address).map(|address| address.key().to_owned()).unwrap_or_default();
    let same = |one: &&Recipient| {
        key(&one.address) == found.contact.email_key || one.finally.as_deref().is_some_and(|address| key(address) == found.contact.email_key)
    };
    let named = recipients.iter().find(same);
    let Some(one) = named.or(recipients.first()) else { return Ok(()) };
    // An address that a provider forwarded to is not the one that was written to.
    let hard = one.hard && (named.is_some() || found.by_envelope);
    let kind = match one.action {
        Action::Failed => ReportKind::Bounce,
        Action::Delayed => ReportKind::Delayed,
        Action::Delivered => ReportKind::Delivered,
    };
    let reason = one.reason();
    if !record(conn, found, kind, hard, one.status.clone(), &reason, event, source, now)? {
        return Ok(());
    }
    match kind {
        ReportKind::Bounce => {
            let answer = format!("{} {}", one.status.as_deref().unwrap_or_default(), one.said);
            senders::refused(conn, &found.row.mailbox_id, &found.row.contact_id, &answer, now)?;
            if hard {
                suppressions::add(conn, &MAIL, &found.contact.email_key, Reason::Bounced, source, Some(&found.row.id), now)?;
            }
            reach(conn, found, State::Bounced, &reason, now)
        }
        ReportKind::Delivered => reach(conn, found, State::Delivered, &reason, now),
        ReportKind::Delayed | ReportKind::Complaint => Ok(()),
    }
}

/// Takes in a complaint of the recipient of one message.
pub(super) fn of_complaint(conn: &mut Conn, found: &Found, feedback: &Feedback, event: &str, source: &str, now: Time) -> Result<()> {
    let reason = format!("The recipient complained ({}).", feedback.kind);
    if !feedback.is_complaint() || !record(conn, found, ReportKind::Complaint, true, None, &reason, event, source, now)? {
        return Ok(());
    }
    if feedback.suppresses() {
        suppressions::add(conn, &MAIL, &found.contact.email_key, Reason::Complained, source, Some(&found.row.id), now)?;
    }
    reach(conn, found, State::Complained, &reason, now)
}

#[expect(clippy::too_many_arguments, reason = "one column each")]
fn record(
    conn: &mut Conn,
    found: &Found,
    kind: ReportKind,
    hard: bool,
    status: Option<String>,
    reason: &str,
    event: &str,
    source: &str,
    now: Time,
) -> Result<bool> {
    let row = Report {
        id: RowId::new(),
        message_id: found.row.id.clone(),
        source: source.to_owned(),
        event_key: format!("{source}:{event}:{}", found.row.id),
        kind,
        hard,
        status,
        reason: reason.to_owned(),
        created_at: now,
    };
    if queries::report_is_known(conn, &row.event_key)? {
        return Ok(false);
    }
    queries::insert_report(conn, &row)?;
    uncertain::settle_by_evidence(conn, &row.message_id, evidence(kind), reason, now)?;
    let detail = json!({"kind": kind, "hard": hard, "status": row.status, "source": source});
    let entry =
        Entry { action: "message.report", target_kind: "message", target_id: found.row.id.as_str(), mailbox_id: Some(&found.row.mailbox_id), detail };
    audit::record(conn, &MAIL, entry, now)?;
    Ok(true)
}

/// What a report shows of a message of which nobody knew whether it left.
fn evidence(kind: ReportKind) -> Evidence {
    match kind {
        ReportKind::Bounce => Evidence::Bounce,
        ReportKind::Complaint => Evidence::Complaint,
        ReportKind::Delayed | ReportKind::Delivered => Evidence::Report,
    }
}

/// Moves the message on, where its state allows it: reports come in any order.
fn reach(conn: &mut Conn, found: &Found, to: State, reason: &str, now: Time) -> Result<()> {
    // The report itself settled what was uncertain.
    let from = if found.row.state == State::Uncertain { State::Sent } else { found.row.state };
    if from.successors().contains(&to) { lifecycle::transition(conn, &found.row.id, from, to, Some(reason), now) } else { Ok(()) }
}

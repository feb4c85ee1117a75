//! Messages of which nobody knows whether they arrived: the final dot was written and no answer came.
//!
//! They are never sent again by themselves. Evidence settles them (what comes back shows that they left), or a person
//! who looked. Keys settle none: sending again may make a second copy, and giving up may lose the first.

use std::collections::HashSet;

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MessageId};
use crate::domain::messages::{self, State, lifecycle};
use crate::domain::text;
use crate::text_enum;

use super::attempts::{self, Attempt};
use super::moves::log_by;
use super::outcome::turned_out_sent;
use super::{queries, relay_log};

text_enum!(
    /// What settled a message.
    pub enum Evidence {
        /// The server's answer came after all.
        LateReply => "late_reply",
        /// It came back.
        Bounce => "bounce",
        /// The recipient complained.
        Complaint => "complaint",
        /// A server reported that it arrived or is on its way.
        Report => "report",
        /// The recipient answered.
        Reply => "reply",
        /// The recipient used its link to get no more mail, or other mail.
        Unsubscribe => "unsubscribe",
        /// A link in it was clicked.
        Click => "click",
        /// The server's own log says so.
        RelayLog => "relay_log",
        /// A person looked.
        Person => "person",
    }
);

impl Evidence {
    /// The same for people.
    pub fn label(self) -> &'static str {
        match self {
            Evidence::LateReply => "The server's answer came late",
            Evidence::Bounce => "It came back",
            Evidence::Complaint => "The recipient complained about it",
            Evidence::Report => "A mail server reported on it",
            Evidence::Reply => "The recipient answered it",
            Evidence::Unsubscribe => "The recipient used the link in it to choose what they get",
            Evidence::Click => "A link in it was clicked",
            Evidence::RelayLog => "The mail server's log shows it",
            Evidence::Person => "A person looked",
        }
    }
}

text_enum!(
    /// What becomes of a message that was uncertain.
    pub enum Verdict {
        /// It left.
        WasSent => "was_sent",
        /// It did not leave, and goes out again.
        SendAgain => "send_again",
        /// It is left at that.
        DoNotSend => "do_not_send",
    }
);

impl Verdict {
    /// The same for people.
    pub fn label(self) -> &'static str {
        match self {
            Verdict::WasSent => "It was sent",
            Verdict::SendAgain => "It was not sent and goes out again",
            Verdict::DoNotSend => "It is not sent again",
        }
    }
}

/// How a message was settled.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable)]
pub struct Settlement {
    /// When.
    pub at: Time,
    /// What said so.
    pub evidence: Evidence,
    /// What became of it.
    pub verdict: Verdict,
    /// Who settled it, by name.
    pub actor_name: String,
    /// Their words, or the evidence.
    pub note: Option<String>,
}

/// All that is known about how a message left.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Each attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// How it was settled, oldest first; empty where it never was uncertain.
    pub settlements: Vec<Settlement>,
}

/// A message that waits for evidence or a person.
#[derive(Debug, Clone, diesel::Queryable)]
pub struct Uncertain {
    /// The message.
    pub id: MessageId,
    /// Whom it was for.
    pub to_address: String,
    /// Its subject.
    pub subject: String,
    /// The address it leaves from.
    pub mailbox: String,
    /// Why it is uncertain.
    pub reason: Option<String>,
    /// Since when.
    pub since: Time,
}

/// The most messages of one list.
pub const MOST: i64 = 200;
/// The longest piece of a log that a person hands over at once, in bytes.
pub const LONGEST_LOG: usize = 1024 * 1024;

/// What is known about how a message left.
pub fn history(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<History> {
    messages::row(conn, actor, id)?;
    Ok(History { attempts: attempts::of_message(conn, id)?, settlements: queries::settlements_of(conn, id)? })
}

/// What is uncertain within reach, oldest first, at most [`MOST`].
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Uncertain>> {
    Ok(queries::uncertain(conn, actor.mailboxes(), MOST)?)
}

/// How many there are within reach; counts no further than [`MOST`].
pub fn count(conn: &mut Conn, actor: &Actor) -> Result<i64> {
    Ok(queries::count_uncertain(conn, actor.mailboxes(), MOST)?)
}

/// Settles a message because something shows that it left. `false` where it was not uncertain. Call it in the
/// transaction that records what came back.
pub fn settle_by_evidence(conn: &mut Conn, id: &MessageId, evidence: Evidence, note: &str, now: Time) -> Result<bool> {
    transaction(conn, |conn| settle_as(conn, &Actor::System("evidence"), id, evidence, Verdict::WasSent, Some(&text::excerpt(note)), now))
}

/// Settles the message of this contact that must have brought a link, because somebody followed it. A link that
/// more than one message may have brought proves nothing of any.
pub(in crate::domain) fn settle_by_click(conn: &mut Conn, contact: &ContactId, link: &str, now: Time) -> Result<()> {
    match queries::brought(conn, contact, link)?.as_slice() {
        [only] => settle_by_evidence(conn, only, Evidence::Click, "A link that no other message brought.", now).map(drop),
        _ => Ok(()),
    }
}

/// Settles a message as a person says who looked. Sending again goes through every check of a first attempt.
pub fn settle(conn: &mut Conn, actor: &Actor, id: &MessageId, verdict: Verdict, note: Option<&str>, now: Time) -> Result<()> {
    let note = text::optional_line("note", note, 500)?;
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can say what became of an uncertain message."));
    }
    transaction(conn, |conn| {
        messages::row(conn, actor, id)?;
        if verdict == Verdict::SendAgain && queries::warrant_expiry(conn, id)?.is_none_or(|at| at <= now) {
            return Err(Error::conflict("too_late", "Its approval is too old to send it again. Write it anew."));
        }
        match settle_as(conn, actor, id, Evidence::Person, verdict, note.as_deref(), now)? {
            true => Ok(()),
            false => Err(Error::conflict("state_conflict", "The message is not uncertain any more. Reload it to see what happened.")),
        }
    })
}

/// Settles what the lines of a mail server's log show; how many messages that were. A log without a message proves
/// nothing, so it settles none.
pub fn settle_by_log(conn: &mut Conn, actor: &Actor, log: &str, now: Time) -> Result<usize> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can say what became of an uncertain message."));
    }
    if log.len() > LONGEST_LOG {
        return Err(Error::invalid("field_invalid", "log", "The log is longer than 1 MiB. Paste only the lines around the time in question."));
    }
    by_log(conn, actor, log, now)
}

/// The same by the log file that the configuration names.
pub fn settle_by_log_file(conn: &mut Conn, log: &str, now: Time) -> Result<usize> {
    by_log(conn, &Actor::System("log of the mail server"), log, now)
}

fn by_log(conn: &mut Conn, actor: &Actor, log: &str, now: Time) -> Result<usize> {
    transaction(conn, |conn| {
        // What is out of reach is passed over like what does not exist.
        let open: HashSet<MessageId> = queries::uncertain(conn, actor.mailboxes(), MOST)?.into_iter().map(|one| one.id).collect();
        let mut settled = 0;
        for shown in relay_log::shown(log) {
            let Some(id) = shown.message_id().filter(|id| open.contains(id)) else { continue };
            let verdict = if shown.taken { Verdict::WasSent } else { Verdict::DoNotSend };
            if settle_as(conn, actor, &id, Evidence::RelayLog, verdict, Some(&text::excerpt(&shown.line)), now)? {
                settled += 1;
            }
        }
        Ok(settled)
    })
}

fn settle_as(conn: &mut Conn, actor: &Actor, id: &MessageId, evidence: Evidence, verdict: Verdict, note: Option<&str>, now: Time) -> Result<bool> {
    let (state, to) = match verdict {
        Verdict::WasSent => ("sent", State::Sent),
        Verdict::SendAgain => ("queued", State::Queued),
        Verdict::DoNotSend => ("failed", State::Failed),
    };
    let moved = match verdict {
        Verdict::SendAgain => {
            let tried = queries::attempts(conn, id)?;
            queries::put_back(conn, id, "uncertain", now, "It is sent again.", tried, now)?
        }
        _ => queries::set_state(conn, id, "uncertain", state, note, now)?,
    };
    if !moved {
        return Ok(false);
    }
    match verdict {
        Verdict::WasSent => {
            let at = attempts::of_message(conn, id)?.last().map_or(now, |last| last.started_at);
            turned_out_sent(conn, id, at, now)?;
        }
        _ => lifecycle::transition(conn, id, State::Uncertain, to, Some(verdict.label()), now)?,
    }
    note_settled(conn, actor, id, evidence, verdict, note, now)?;
    Ok(true)
}

pub(super) fn note_settled(
    conn: &mut Conn,
    actor: &Actor,
    id: &MessageId,
    evidence: Evidence,
    verdict: Verdict,
    note: Option<&str>,
    now: Time,
) -> Result<()> {
    let row = Settlement { at: now, evidence, verdict, actor_name: actor.name().to_owned(), note: note.map(str::to_owned) };
    queries::insert_settlement(conn, id, actor.kind(), &row)?;
    log_by(conn, actor, id, "message.settle", json!({"evidence": evidence, "verdict": verdict, "note": note}), now)
}

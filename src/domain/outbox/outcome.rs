//! What the relay answered, and what becomes of claims whose worker fell silent.

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::mailboxes::OnUncertain;
use crate::domain::messages::{self, State, lifecycle};
use crate::domain::{churn, ids::MessageId, senders};

use super::attempts::{self, Outcome};
use super::finish::{Noted, Taken, finish, follow};
use super::moves::{end, put_back, show};
use super::uncertain::{self, Evidence, Verdict};
use super::{AtDot, Claimed, Failure, backoff, queries};

/// How long a message is in a worker's hands before pages show it, in seconds.
const SHOWN_AFTER_SECONDS: i64 = 2;

/// Records the server's 250, and all that follows.
pub fn record_sent(conn: &mut Conn, at_dot: AtDot, reply: &str, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        record_all_sent(conn, &[(&at_dot, reply)], now)?;
        finish(conn, &[Taken::at(&at_dot)], now)
    })
}

/// Records the server's 250 for many messages at once. What follows is for [`finish`], but for those on which the next
/// ones depend. Whether there were none of these, and none that was uncertain by now.
pub(super) fn record_all_sent(conn: &mut Conn, sent: &[(&AtDot, &str)], now: Time) -> Result<bool> {
    if sent.is_empty() {
        return Ok(true);
    }
    let noted = queries::set_sent(conn, sent, now)?;
    for (at_dot, reply) in sent.iter().filter(|(at_dot, _)| !noted.contains(at_dot.message_id())) {
        record_late(conn, at_dot, reply, now)?;
    }
    let at_once: Vec<Taken> = sent.iter().map(|(at_dot, _)| Taken::at(at_dot)).filter(Taken::has_consequences).collect();
    finish(conn, &at_once, now)?;
    Ok(at_once.is_empty() && noted.len() == sent.len())
}

/// After a lapsed lease the row may be uncertain by now; the 250 is the evidence that settles it.
fn record_late(conn: &mut Conn, at_dot: &AtDot, reply: &str, now: Time) -> Result<()> {
    let id = at_dot.message_id();
    if !queries::set_state(conn, id, "uncertain", "sent", Some(reply), now)? {
        return Err(Error::internal(format!("message {id} was accepted but is not at the dot")));
    }
    lifecycle::transition(conn, id, State::Uncertain, State::Sent, None, now)?;
    queries::set_sent_at(conn, id, now)?;
    let worker = Actor::System("worker");
    uncertain::note_settled(conn, &worker, id, Evidence::LateReply, Verdict::WasSent, Some(reply), now)?;
    let noted = Noted { id: id.clone(), reply: Some(reply.to_owned()), attempts: at_dot.claimed.attempts, at: now };
    follow(conn, &[(&Taken::at(at_dot), &noted)], now)
}

/// What follows when it turns out that a message left at that time.
pub(super) fn turned_out_sent(conn: &mut Conn, id: &MessageId, at: Time, now: Time) -> Result<()> {
    lifecycle::transition(conn, id, State::Uncertain, State::Sent, None, now)?;
    queries::set_sent_at(conn, id, at)?;
    churn::variants::note_sent(conn, id, at)?;
    let row = messages::queries::by_id(conn, id)?.ok_or_else(|| Error::internal("a sent message is gone"))?;
    messages::promises::note_sent(conn, &row, at)
}

/// Records a failure before the final dot.
pub fn record_failure(conn: &mut Conn, claimed: Claimed, failure: &Failure, now: Time) -> Result<()> {
    record(conn, &claimed, "sending", failure, now)
}

/// Records a failure at the final dot.
pub fn record_failure_at_dot(conn: &mut Conn, at_dot: AtDot, failure: &Failure, now: Time) -> Result<()> {
    record(conn, &at_dot.claimed, "dot", failure, now)
}

pub(super) fn record(conn: &mut Conn, claimed: &Claimed, from: &'static str, failure: &Failure, now: Time) -> Result<()> {
    let id = claimed.message_id();
    transaction(conn, |conn| {
        if !queries::holds_claim(conn, id, claimed.worker.as_str())? {
            return Ok(());
        }
        let (outcome, words) = match failure {
            Failure::Permanent(text) => (Outcome::Failed, text),
            Failure::Unknown(text) => (Outcome::Uncertain, text),
            Failure::Transient(text) => (Outcome::Deferred, text),
        };
        let asks = outcome == Outcome::Uncertain && asks(conn, id, claimed.on_uncertain)?;
        attempts::note(conn, claimed, outcome, words, now)?;
        if outcome == Outcome::Failed {
            senders::refused(conn, &claimed.case.mailbox_id, &claimed.case.contact_id, words, now)?;
        }
        match (failure, asks) {
            (Failure::Permanent(text), _) => end(conn, id, from, "failed", State::Failed, text, now),
            (Failure::Unknown(text), true) => end(conn, id, from, "uncertain", State::Uncertain, text, now),
            (Failure::Transient(text) | Failure::Unknown(text), _) => match backoff(claimed.attempts) {
                Some(wait) => {
                    let at = now.plus_seconds(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
                    put_back(conn, id, from, at, text, claimed.attempts + 1, now)
                }
                None => end(conn, id, from, "failed", State::Failed, &format!("Given up after {} attempts: {text}", claimed.attempts + 1), now),
            },
        }
    })
}

/// Whether a message of which nobody knows waits for a person. One that is sent again may arrive twice, and never a
/// third time; where the relay drops repeats it may be sent again as often as need be.
fn asks(conn: &mut Conn, id: &MessageId, choice: OnUncertain) -> Result<bool> {
    Ok(match choice {
        OnUncertain::Ask => true,
        OnUncertain::Resend => queries::was_uncertain(conn, id)?,
        OnUncertain::RelayKey => false,
    })
}

/// Claims whose worker fell silent: before the dot they go back into the queue; at the dot nobody knows, so they wait
/// for evidence or a person, unless their mailbox would rather have them sent again and they were not yet. One that cannot be
/// recovered holds up no other. Gives how many were.
pub fn recover(conn: &mut Conn, now: Time) -> Result<usize> {
    transaction(conn, |conn| {
        let mut recovered = 0;
        for row in queries::lapsed(conn, now)? {
            match transaction(conn, |conn| recover_one(conn, &row, now)) {
                Ok(()) => recovered += 1,
                Err(error) => tracing::error!(%error, message = %row.message_id, "a claim that ran out could not be recovered; it is tried again"),
            }
        }
        Ok(recovered)
    })
}

fn recover_one(conn: &mut Conn, row: &queries::Lapsed, now: Time) -> Result<()> {
    const LOST: &str = "The server stopped while this message was being handed over; it may have arrived.";
    let id = &row.message_id;
    let (outcome, words) = if row.state == "dot" { (Outcome::Uncertain, LOST) } else { (Outcome::Lost, "Its worker stopped.") };
    let asks = outcome == Outcome::Uncertain && asks(conn, id, row.on_uncertain)?;
    attempts::note_lost(conn, id, row.since, outcome, words, row.relay.clone(), now)?;
    match (row.state.as_str(), asks) {
        ("dot", true) => end(conn, id, "dot", "uncertain", State::Uncertain, LOST, now),
        ("dot", _) => put_back(conn, id, "dot", now, LOST, row.attempts + 1, now),
        _ => put_back(conn, id, "sending", now, "Its worker stopped.", row.attempts, now),
    }
}

/// What has been in a worker's hands for some seconds and does not show it.
pub fn slow(conn: &mut Conn, now: Time) -> Result<Vec<MessageId>> {
    Ok(queries::slow(conn, now.plus_seconds(-SHOWN_AFTER_SECONDS))?)
}

/// Shows these as being sent, where a worker still has them.
pub fn show_slow(conn: &mut Conn, slow: &[MessageId], now: Time) -> Result<()> {
    transaction(conn, |conn| slow.iter().try_for_each(|id| if queries::is_held(conn, id)? { show(conn, id, now) } else { Ok(()) }))
}

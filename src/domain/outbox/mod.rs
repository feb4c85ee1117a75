//! What may leave: claims, the statement before the final dot, and what the server answered.
//!
//! The types carry the rule. [`Claimed`] is made only here, from an outbox row whose
//! warrant was verified; [`AtDot`] is made only here, once warrant, content, person and
//! switches were looked at again and that was committed. The
//! mail transport finishes a message only when it is handed an [`AtDot`].

pub mod attempts;
mod claim;
mod dot;
mod finish;
mod group;
mod moves;
mod outcome;
mod queries;
mod relay_log;
pub mod uncertain;
pub mod verify;

use std::collections::HashMap;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::clock::Time;
use crate::db::{Conn, Stamp};
use crate::domain::actor::Actor;
use crate::domain::contacts::ContactRow;
use crate::domain::error::Result;
use crate::domain::ids::{MessageId, RowId};
use crate::domain::mailboxes::OnUncertain;
use crate::domain::messages::{Content, MessageRow};
use crate::domain::policy::{self, Case, Outcome, Standing};
use crate::domain::provenance::Known;
use crate::domain::{campaigns, contacts, mailboxes, messages};

pub use attempts::Reached;
pub use claim::{Examined, Plan, Refused, Served, claim, examine, lease, lease_planned, plan, release, turn_away};
pub(in crate::domain) use dot::hold_dots;
pub use dot::{AtDot, Dot, Marked, reach_dot};
pub(in crate::domain) use finish::caught_up;
pub use finish::{AT_ONCE, Taken, finish, finish_all, finish_left};
pub use group::{Step, record_stamped, record_steps};
pub use outcome::{record_failure, record_failure_at_dot, record_sent, recover, show_slow, slow};
pub use queries::{Waiting, WouldGo};

/// How long a claim lives without a sign of its worker, in seconds.
pub const LEASE_SECONDS: i64 = 60;
/// What has its turn later than this is not waited for, in seconds; longer than the usual undo window.
const SOON_SECONDS: i64 = 60;
/// How long something waits that a switch holds back, until it is looked at again, in seconds.
const STOPPED_SECONDS: i64 = 5;
const NO_WARRANT: &str = "It carries no valid warrant.";
const UNFIT_WARRANT: &str = "Its warrant does not fit its content or has expired.";

/// The worker that claims, by a random name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerId(String);

impl WorkerId {
    /// A new name.
    pub fn new() -> Self {
        WorkerId(RowId::new().as_str().to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for WorkerId {
    fn default() -> Self {
        Self::new()
    }
}

/// A message whose warrant was verified, claimed by one worker.
#[derive(Debug)]
pub struct Claimed {
    case: Case,
    campaign: Option<String>,
    warrant_id: String,
    warrant_ends: Time,
    /// When the last look before a dot found nothing, where that can be told from later moments.
    looked_at: Option<Stamp>,
    version: i32,
    content_hash: String,
    attempts: i32,
    worker: WorkerId,
    made_at: Time,
    claimed_at: Time,
    reached: Reached,
    content: Content,
    on_uncertain: OnUncertain,
    /// Where reports of it go, if not to its mailbox.
    bounces_to: Option<String>,
    /// What it says of where it comes from.
    provenance: Option<Known>,
    /// It makes claims that facts carry.
    rests_on_claims: bool,
    /// It is a variant of a win-back.
    is_followed: bool,
}

impl Claimed {
    /// Notes how far the dialogue came, for the timeline.
    pub fn reach(&mut self, reached: Reached) {
        self.reached = reached;
    }

    /// The message.
    pub fn message_id(&self) -> &MessageId {
        &self.case.message_id
    }

    /// What its mailbox wants done when the relay falls silent after the final dot.
    pub fn on_uncertain(&self) -> OnUncertain {
        self.on_uncertain
    }

    /// The sender on the envelope: the address to which reports of this message go, if not its mailbox.
    pub fn bounces_to(&self) -> Option<&str> {
        self.bounces_to.as_deref()
    }

    /// What it says of where it comes from; nothing where no worker has made a key yet.
    pub fn provenance(&self) -> Option<&Known> {
        self.provenance.as_ref()
    }

    /// The exact content the warrant is for.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Whether nobody wrote since the last look before a dot found nothing, so that it would find nothing now. Facts are looked
    /// at each time: what may be promised changes with each message that promises it, and with the day.
    fn still_stands(&self, stamp: Option<Stamp>, now: Time) -> bool {
        let unchanged = |(then, now): (Stamp, Stamp)| now.is_as_at(then);
        self.looked_at.zip(stamp).is_some_and(unchanged) && !self.rests_on_claims && self.warrant_ends > now
    }

    /// When the message was made: its Date header.
    pub fn made_at(&self) -> Time {
        self.made_at
    }

    /// Header Message-ID, the same on every attempt.
    pub fn message_id_header(&self) -> String {
        messages::content::message_id(&self.case.message_id, self.version, &self.content.from_address)
    }
}

/// What happened to an attempt that did not end with the server's 250.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Try again later.
    Transient(String),
    /// The server refused for good.
    Permanent(String),
    /// The final dot was written and no answer came.
    Unknown(String),
}

/// Why a message would be skipped instead of sent.
fn skipped(conn: &mut Conn, row: &MessageRow, contact: &ContactRow) -> Result<Option<String>> {
    let standing = Standing { is_test: row.is_test, ..Standing::of(conn, &contact.email_key, Some(contact))? };
    Ok(policy::refusal(&standing))
}

/// What keeps a message from leaving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// In a sentence.
    pub because: String,
    /// When it leaves at the earliest, where it leaves by itself.
    pub until: Option<Time>,
}

impl Obstacle {
    fn of(because: impl Into<String>) -> Self {
        Obstacle { because: because.into(), until: None }
    }

    /// With the time.
    pub fn in_words(&self) -> String {
        match self.until {
            Some(until) => format!("{} It leaves on {} at the earliest.", self.because, until.for_people()),
            None => self.because.clone(),
        }
    }
}

/// What would keep a message from leaving if a worker came to it now, by the checks that a worker makes:
/// skipped, back to the reviewers, or kept waiting.
pub(in crate::domain) fn obstacle(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<Option<Obstacle>> {
    let contact = contacts::row(conn, &row.contact_id)?;
    if let Some(why) = skipped(conn, row, &contact)? {
        return Ok(Some(Obstacle::of(why)));
    }
    if let Some(why) = messages::ledger::lost_ground(conn, &row.id, row.version, now.date())? {
        return Ok(Some(Obstacle::of(why)));
    }
    let mailbox = mailboxes::get(conn, &Actor::System("worker"), &row.mailbox_id)?;
    if let Some(why) = policy::hold(&Standing::default().with_switches(conn, &mailbox)?) {
        return Ok(Some(Obstacle::of(why)));
    }
    if queries::mailbox_stopped(conn, &row.mailbox_id)? {
        return Ok(Some(Obstacle::of("Its mailbox is read_only; it waits until somebody changes that.")));
    }
    if campaigns::stops(conn, &row.id)? {
        return Ok(Some(Obstacle::of("Its campaign is stopped; it waits until a person resumes it.")));
    }
    Ok(match policy::transmit::foresee(conn, &row.id, now)? {
        Outcome::Send => None,
        Outcome::Defer { until, because } => Some(Obstacle { because: because.detail, until: Some(until) }),
        Outcome::Skip(because) | Outcome::Hold(because) => Some(Obstacle::of(because.detail)),
    })
}

/// Why a message that was cleared has not left, where it is more than the time that was chosen for it.
pub fn waits(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<Option<Obstacle>> {
    let Some(waiting) = queries::waiting(conn, &row.id)?.filter(|waiting| waiting.state == "queued") else { return Ok(None) };
    let later = Some(waiting.not_before).filter(|at| *at > now);
    if let Some(found) = obstacle(conn, row, now)? {
        return Ok(Some(Obstacle { until: found.until.map(|until| later.map_or(until, |later| later.max(until))), ..found }));
    }
    Ok(waiting.waits_for.filter(|_| later.is_some()).map(|what| Obstacle { because: format!("It waits for {what}."), until: later }))
}

/// Keeps a worker's claims alive.
pub fn renew(conn: &mut Conn, worker: &WorkerId, now: Time) -> Result<()> {
    Ok(queries::renew(conn, worker.as_str(), now.plus_seconds(LEASE_SECONDS))?)
}

/// The wait after so many failed attempts: one minute, doubling to four hours, for
/// about four days in all (RFC 5321 §4.5.4.1 asks for four to five).
pub fn backoff(attempts: i32) -> Option<Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(60))
        .with_factor(2.0)
        .with_max_delay(Duration::from_secs(4 * 3600))
        .with_max_times(32)
        .build()
        .nth(usize::try_from(attempts).unwrap_or(0))
}

/// How many messages are in each state in which they have not left.
pub fn open_by_state(conn: &mut Conn) -> Result<Vec<(String, i64)>> {
    Ok(queries::open_by_state(conn)?)
}

/// Whether all sending is stopped.
pub fn is_stopped(conn: &mut Conn) -> Result<bool> {
    Ok(queries::all_stopped(conn)?)
}

/// What would leave if nothing held it back, within reach: how many, and the first of them.
pub fn would_go(conn: &mut Conn, actor: &Actor, limit: i64) -> Result<(i64, Vec<WouldGo>)> {
    Ok((queries::count_queued(conn, actor.mailboxes())?, queries::queued(conn, actor.mailboxes(), limit)?))
}

/// What waits to leave in this mailbox or in all of them, soonest first.
pub fn waiting(conn: &mut Conn, id: &MessageId) -> Result<Option<Waiting>> {
    Ok(queries::waiting(conn, id)?)
}

/// The same of many messages.
pub fn waiting_of(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Waiting>> {
    Ok(queries::waiting_of(conn, ids)?.into_iter().collect())
}

/// Whether nothing is left that a worker could do.
pub fn is_drained(conn: &mut Conn, now: Time) -> Result<bool> {
    Ok(!queries::has_open_rows(conn, now.plus_seconds(SOON_SECONDS))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_double_from_a_minute_to_four_hours_and_end() {
        let waits: Vec<u64> = (0..40).map_while(backoff).map(|wait| wait.as_secs()).collect();
        assert_eq!(&waits[..4], [60, 120, 240, 480]);
        assert_eq!(waits.last(), Some(&(4 * 3600)));
        let days = waits.iter().sum::<u64>() / 86_400;
        assert!((4..=5).contains(&days), "{days}");
    }
}

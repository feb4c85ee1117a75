//! The review desk: how long messages wait for a decision, and what people change and refuse.

use std::collections::{BTreeMap, HashMap};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::vigilance;
use crate::domain::vigilance::numbers::{Share, Spread};

use super::parts::both;
use super::period::Period;
use super::queries;
use super::queries::DeskRow;

/// Reasons for rejecting that are shown for each mailbox.
const REASONS: i64 = 20;

/// The numbers of one mailbox with its reviewers in one period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Approvals, rejections and requests for changes.
    pub decisions: i64,
    /// Messages that were approved for the first time, and those of them that a person had edited.
    pub edited: Share,
    /// Messages that were stopped after approval.
    pub stopped: i64,
    /// First decisions by the shortest bound that the wait for them did not pass, in seconds.
    pub waits: BTreeMap<i64, i64>,
    /// Decisions by the shortest bound that reading the message did not pass, in milliseconds.
    pub readings: BTreeMap<i64, i64>,
    /// Decisions on what a machine wrote, and those of them that approved it as it was written.
    pub agreed: Share,
    /// Claims that were let stand.
    pub waivers: i64,
    /// Tests of the desk that were decided, and those of them whose mistake was caught.
    pub caught: Share,
    /// Tests of the desk that nobody decided.
    pub lapsed: i64,
}

impl Numbers {
    fn add(&mut self, row: &DeskRow) {
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        match row.what.as_str() {
            "decision" => self.decisions += row.number,
            "approved" => self.edited.of += size(row.number),
            "edited" => self.edited.part += size(row.number),
            "stopped" => self.stopped += row.number,
            "reading" => *self.readings.entry(row.up_to).or_default() += row.number,
            "by_machine" => self.agreed.of += size(row.number),
            "agreed" => self.agreed.part += size(row.number),
            "waiver" => self.waivers += row.number,
            "caught" => (self.caught.part, self.caught.of) = (self.caught.part + size(row.number), self.caught.of + size(row.number)),
            "missed" => self.caught.of += size(row.number),
            "lapsed" => self.lapsed += row.number,
            _ => *self.waits.entry(row.up_to).or_default() += row.number,
        }
    }

    /// How long messages waited; the numbers are bounds that the waits did not pass.
    pub fn wait(&self) -> Spread {
        Spread::by_bound(&self.waits, 1000)
    }
}

/// Waits of several mailboxes together.
pub fn together<'n>(all: impl Iterator<Item = &'n Numbers>) -> Spread {
    let mut sum: BTreeMap<i64, i64> = BTreeMap::new();
    all.flat_map(|numbers| &numbers.waits).for_each(|(up_to, number)| *sum.entry(*up_to).or_default() += number);
    Spread::by_bound(&sum, 1000)
}

/// A reason given for rejecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The message.
    pub message: MessageId,
    /// The words.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// A mailbox with its reviewers.
#[derive(Debug, Clone)]
pub struct Team {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// The period.
    pub now: Numbers,
    /// The one before.
    pub before: Numbers,
    /// How long its oldest message waits, in milliseconds.
    pub oldest_pending: Option<i64>,
    /// The latest reasons for rejecting.
    pub rejections: Vec<Rejection>,
}

/// The mailboxes within reach where something was decided in a period or the one before, or where something waits, by address. For
/// managers and keys that watch.
pub fn desk(conn: &mut Conn, actor: &Actor, period: Period, now: Time) -> Result<Vec<Team>> {
    actor.must_manage_or_have(Scope::OversightRead)?;
    let mut found = counted(conn, period)?;
    let mut teams = vec![];
    for mailbox in mailboxes::list(conn, actor)? {
        let oldest_pending = vigilance::oldest_pending(conn, &mailbox.id, now)?;
        let (current, earlier) = found.remove(mailbox.id.as_str()).unwrap_or_default();
        if oldest_pending.is_none() && current == Numbers::default() && earlier == Numbers::default() {
            continue;
        }
        let rejections = rejections(conn, &mailbox.id, &current, period)?;
        teams.push(Team { mailbox, now: current, before: earlier, oldest_pending, rejections });
    }
    Ok(teams)
}

/// The numbers of all mailboxes where there are some, in a period and in the one before.
pub(in crate::domain) fn counted(conn: &mut Conn, period: Period) -> Result<HashMap<String, (Numbers, Numbers)>> {
    let (starts, end) = both(period);
    let mut found: HashMap<String, (Numbers, Numbers)> = HashMap::new();
    for row in queries::desk(conn, starts, end)? {
        let (current, earlier) = found.entry(row.mailbox_id.clone()).or_default();
        (if row.step == 0 { earlier } else { current }).add(&row);
    }
    Ok(found)
}

/// The latest reasons for rejecting in a period with these numbers.
pub(in crate::domain) fn rejections(conn: &mut Conn, mailbox: &MailboxId, counted: &Numbers, period: Period) -> Result<Vec<Rejection>> {
    if counted.decisions == 0 {
        return Ok(vec![]);
    }
    let found = queries::rejections(conn, mailbox, period.start(), period.end(), REASONS)?;
    Ok(found.into_iter().map(|(message, reason, at)| Rejection { message, reason, at }).collect())
}

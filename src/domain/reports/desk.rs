//! The review desk: how long messages wait for a decision, and what people change and refuse.

use std::collections::{BTreeMap, HashMap};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::MessageId;
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
}

impl Numbers {
    fn add(&mut self, row: &DeskRow) {
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        match row.what.as_str() {
            "decision" => self.decisions += row.number,
            "approved" => self.edited.of += size(row.number),
            "edited" => self.edited.part += size(row.number),
            "stopped" => self.stopped += row.number,
            _ => *self.waits.entry(row.up_to).or_default() += row.number,
        }
    }

    /// How long messages waited; the numbers are bounds that the waits did not pass.
    pub fn wait(&self) -> Spread {
        spread(&self.waits)
    }
}

/// By nearest rank, of numbers by bound in seconds.
fn spread(waits: &BTreeMap<i64, i64>) -> Spread {
    let measured: i64 = waits.values().sum();
    let at = |percent: i64| {
        let rank = (measured * percent + 99) / 100;
        let mut passed = 0;
        let reached = |(_, number): &(&i64, &i64)| {
            passed += **number;
            passed >= rank
        };
        waits.iter().find(reached).map_or(0, |(up_to, _)| up_to * 1000)
    };
    Spread { measured: usize::try_from(measured).unwrap_or(0), median: at(50), p90: at(90) }
}

/// Waits of several mailboxes together.
pub fn together<'n>(all: impl Iterator<Item = &'n Numbers>) -> Spread {
    let mut sum: BTreeMap<i64, i64> = BTreeMap::new();
    all.flat_map(|numbers| &numbers.waits).for_each(|(up_to, number)| *sum.entry(*up_to).or_default() += number);
    spread(&sum)
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
    let (starts, end) = both(period);
    let mut found: HashMap<String, (Numbers, Numbers)> = HashMap::new();
    for row in queries::desk(conn, starts, end)? {
        let (current, earlier) = found.entry(row.mailbox_id.clone()).or_default();
        (if row.step == 0 { earlier } else { current }).add(&row);
    }
    let mut teams = vec![];
    for mailbox in mailboxes::list(conn, actor)? {
        let oldest_pending = vigilance::oldest_pending(conn, &mailbox.id, now)?;
        let (current, earlier) = found.remove(mailbox.id.as_str()).unwrap_or_default();
        if oldest_pending.is_none() && current == Numbers::default() && earlier == Numbers::default() {
            continue;
        }
        let rejections = match current.decisions {
            0 => vec![],
            _ => queries::rejections(conn, &mailbox.id, period.start(), period.end(), REASONS)?,
        };
        let rejections = rejections.into_iter().map(|(message, reason, at)| Rejection { message, reason, at }).collect();
        teams.push(Team { mailbox, now: current, before: earlier, oldest_pending, rejections });
    }
    Ok(teams)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_nine_in_ten_are_by_nearest_rank_and_named_by_their_bound() {
        let waits: BTreeMap<i64, i64> = [(5, 10), (60, 8), (3600, 2)].into();
        let found = spread(&waits);
        assert_eq!((found.measured, found.median, found.p90), (20, 5_000, 60_000));
        let slower: BTreeMap<i64, i64> = [(5, 9), (60, 8), (3600, 3)].into();
        assert_eq!((spread(&slower).median, spread(&slower).p90), (60_000, 3_600_000));
        assert_eq!(spread(&BTreeMap::new()), Spread::default());
    }
}

//! What became of messages, by campaign and by mailbox.

use std::collections::BTreeMap;

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::State;

use super::period::{self, Period, Step};
use super::queries::{MessageRow, Place};
use super::{queries, starts_with_before};

/// The share of bounces that mailbox providers tolerate, in percent.
pub const BOUNCE_LIMIT_PERCENT: f64 = 2.0;
/// The share of complaints that they tolerate, in percent (Gmail and Yahoo ask for less than 0.1 %).
pub const COMPLAINT_LIMIT_PERCENT: f64 = 0.1;
/// With fewer messages than this, one complaint alone is more than the limit.
pub const FEWEST_SENT: i64 = 1000;

/// How many messages went which way. A message that left counts on the day it left, any other on the day it was handed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// All that were handed in.
    pub drafted: i64,
    /// Those that were held for a decision.
    pub held: i64,
    /// Those whose words somebody else changed.
    pub edited: i64,
    /// Held ones that were approved and were not taken back.
    pub approved: i64,
    /// Those a person said no to.
    pub rejected: i64,
    /// Those that wait for a decision or for their author.
    pub waiting: i64,
    /// Those that wait to leave, or of which it is not known whether they did.
    pub on_the_way: i64,
    /// Those that left.
    pub sent: i64,
    /// Those that were reported delivered.
    pub delivered: i64,
    /// Those that came back.
    pub bounced: i64,
    /// Those that were complained about.
    pub complained: i64,
    /// Those that ended otherwise: withdrawn, expired, skipped, failed or stopped.
    pub ended: i64,
}

impl Ways {
    fn add(&mut self, row: &MessageRow, state: State) {
        let number = row.number;
        self.drafted += number;
        self.held += if row.held { number } else { 0 };
        self.edited += if row.edited { number } else { 0 };
        let approved = !matches!(state, State::Pending | State::ChangesRequested | State::Rejected | State::Withdrawn | State::Expired);
        self.approved += if row.held && approved { number } else { 0 };
        match state {
            State::Draft => {}
            State::Pending | State::ChangesRequested => self.waiting += number,
            State::Approved | State::Queued | State::Sending | State::Uncertain => self.on_the_way += number,
            State::Rejected => self.rejected += number,
            State::Withdrawn | State::Expired | State::Skipped | State::Failed | State::Cancelled => self.ended += number,
            State::Sent => self.sent += number,
            State::Delivered => (self.sent, self.delivered) = (self.sent + number, self.delivered + number),
            State::Bounced => (self.sent, self.bounced) = (self.sent + number, self.bounced + number),
            State::Complained => (self.sent, self.complained) = (self.sent + number, self.complained + number),
        }
    }
}

/// The messages of one campaign or mailbox.
#[derive(Debug, Clone)]
pub struct Flow<T> {
    /// Which.
    pub of: T,
    /// In the period.
    pub now: Ways,
    /// In the one before.
    pub before: Ways,
    /// By step of the period, oldest first.
    pub steps: Vec<Ways>,
}

fn flows(rows: &[MessageRow], steps: &[Step]) -> Result<BTreeMap<String, Flow<String>>> {
    let mut all: BTreeMap<String, Flow<String>> = BTreeMap::new();
    for row in rows {
        let state: State = row.state.parse().map_err(Error::internal)?;
        let flow = all.entry(row.place.clone()).or_insert_with(|| Flow {
            of: row.place.clone(),
            now: Ways::default(),
            before: Ways::default(),
            steps: vec![Ways::default(); steps.len()],
        });
        // The first of the counted steps is the period before.
        match usize::try_from(row.step).ok().and_then(|step| step.checked_sub(1)) {
            None => flow.before.add(row, state),
            Some(position) => {
                flow.now.add(row, state);
                if let Some(step) = flow.steps.get_mut(position) {
                    step.add(row, state);
                }
            }
        }
    }
    Ok(all)
}

/// The campaigns that had messages in a period or the one before, those with the most first.
pub fn by_campaign(conn: &mut Conn, actor: &Actor, period: Period, steps: &[Step]) -> Result<Vec<Flow<String>>> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = starts_with_before(period, steps);
    let rows = queries::messages_by_step(conn, Place::Campaign, actor.mailboxes(), &starts, end)?;
    let mut found: Vec<Flow<String>> = flows(&rows, steps)?.into_values().collect();
    found.sort_by(|a, b| (b.now.drafted, &a.of).cmp(&(a.now.drafted, &b.of)));
    Ok(found)
}

/// How many messages of a period are in this state.
pub fn in_state(conn: &mut Conn, actor: &Actor, state: State, period: Period) -> Result<i64> {
    actor.must_have(Scope::Read)?;
    let (start, end) = (period::number(period.from), period::number(period.until) + 1);
    let rows = queries::messages_by_step(conn, Place::Mailbox, actor.mailboxes(), &[start], end)?;
    Ok(rows.iter().filter(|row| row.state == state.as_str()).map(|row| row.number).sum())
}

/// The mailboxes within reach by address, with those that had no messages.
pub fn by_mailbox(conn: &mut Conn, actor: &Actor, period: Period, steps: &[Step]) -> Result<Vec<Flow<Mailbox>>> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = starts_with_before(period, steps);
    let rows = queries::messages_by_step(conn, Place::Mailbox, actor.mailboxes(), &starts, end)?;
    let mut found = flows(&rows, steps)?;
    let flow = |mailbox: Mailbox| match found.remove(mailbox.id.as_str()) {
        Some(flow) => Flow { of: mailbox, now: flow.now, before: flow.before, steps: flow.steps },
        None => Flow { of: mailbox, now: Ways::default(), before: Ways::default(), steps: vec![Ways::default(); steps.len()] },
    };
    Ok(mailboxes::list(conn, actor)?.into_iter().map(flow).collect())
}

//! What became of messages, by campaign and by mailbox.

use std::collections::BTreeMap;

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::State;

use super::period::{self, Period, Step};
use super::queries;
use super::queries::{MessageRow, Place};

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
}

/// What became of the messages that rows of two steps stand for: the period before, and this one.
fn flows(rows: &[MessageRow]) -> Result<BTreeMap<String, Flow<String>>> {
    let mut all: BTreeMap<String, Flow<String>> = BTreeMap::new();
    for row in rows {
        let state: State = row.state.parse().map_err(Error::internal)?;
        let flow = all.entry(row.place.clone()).or_insert_with(|| Flow { of: row.place.clone(), now: Ways::default(), before: Ways::default() });
        if row.step == 0 { flow.before.add(row, state) } else { flow.now.add(row, state) }
    }
    Ok(all)
}

/// The first days of the period before and of this one, and the day after the last.
fn both(period: Period) -> ([i64; 2], i64) {
    ([period::number(period.before().from), period::number(period.from)], period::number(period.until) + 1)
}

/// The campaigns that had messages in a period or the one before, those with the most first.
pub fn by_campaign(conn: &mut Conn, actor: &Actor, period: Period) -> Result<Vec<Flow<String>>> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = both(period);
    let rows = queries::messages_by_step(conn, Place::Campaign, actor.mailboxes(), &starts, end)?;
    let mut found: Vec<Flow<String>> = flows(&rows)?.into_values().collect();
    found.sort_by(|a, b| (b.now.drafted, &a.of).cmp(&(a.now.drafted, &b.of)));
    Ok(found)
}

/// How many messages of a period are in this state.
pub fn in_state(conn: &mut Conn, actor: &Actor, state: State, period: Period) -> Result<i64> {
    actor.must_have(Scope::Read)?;
    let (start, end) = (period::number(period.from), period::number(period.until) + 1);
    let rows = queries::messages_by_step(conn, Place::Anywhere, actor.mailboxes(), &[start], end)?;
    Ok(rows.iter().filter(|row| row.state == state.as_str()).map(|row| row.number).sum())
}

/// The mailboxes within reach by address, with those that had no messages.
pub fn by_mailbox(conn: &mut Conn, actor: &Actor, period: Period) -> Result<Vec<Flow<Mailbox>>> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = both(period);
    let rows = queries::messages_by_step(conn, Place::Mailbox, actor.mailboxes(), &starts, end)?;
    let mut found = flows(&rows)?;
    let flow = |mailbox: Mailbox| match found.remove(mailbox.id.as_str()) {
        Some(flow) => Flow { of: mailbox, now: flow.now, before: flow.before },
        None => Flow { of: mailbox, now: Ways::default(), before: Ways::default() },
    };
    Ok(mailboxes::list(conn, actor)?.into_iter().map(flow).collect())
}

/// What became of the messages of each step of a period; of campaigns alone, or of all.
pub fn over_time(conn: &mut Conn, actor: &Actor, period: Period, steps: &[Step], campaigns: bool) -> Result<Vec<Ways>> {
    actor.must_have(Scope::Read)?;
    let starts: Vec<i64> = steps.iter().map(|step| period::number(step.days.from)).collect();
    let place = if campaigns { Place::AnyCampaign } else { Place::Anywhere };
    let mut all = vec![Ways::default(); steps.len()];
    for row in queries::messages_by_step(conn, place, actor.mailboxes(), &starts, period::number(period.until) + 1)? {
        let state: State = row.state.parse().map_err(Error::internal)?;
        if let Some(step) = usize::try_from(row.step).ok().and_then(|step| all.get_mut(step)) {
            step.add(&row, state);
        }
    }
    Ok(all)
}

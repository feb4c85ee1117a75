//! What became of messages, by campaign and by mailbox.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::State;

use super::outcomes::numbers;
use super::period::{self, Period, Step};
use super::queries;
use super::queries::{MessageRow, Place};

/// The share of bounces that mailbox providers tolerate, in percent.
pub const BOUNCE_LIMIT_PERCENT: f64 = 2.0;
/// The share of complaints that they tolerate, in percent (Gmail and Yahoo ask for less than 0.1 %).
pub const COMPLAINT_LIMIT_PERCENT: f64 = 0.1;
/// With fewer messages than this, one complaint alone is more than the limit.
pub const FEWEST_SENT: i64 = 1000;

numbers!(
    /// How many messages went which way. A message that left counts on the day it left, any other on the day it was handed in.
    pub struct Ways {
        /// All that were handed in.
        pub drafted,
        /// Those that were held for a decision.
        pub held,
        /// Those whose words somebody else changed.
        pub edited,
        /// Held ones that were approved and were not taken back.
        pub approved,
        /// Those a person said no to.
        pub rejected,
        /// Those that wait for a decision or for their author.
        pub waiting,
        /// Those that wait to leave, or of which it is not known whether they did.
        pub on_the_way,
        /// Those that left.
        pub sent,
        /// Those that were reported delivered.
        pub delivered,
        /// Those that came back.
        pub bounced,
        /// Those that were complained about.
        pub complained,
        /// Those that ended otherwise: withdrawn, expired, skipped, failed or stopped.
        pub ended,
        /// Those of these that the mail server refused.
        pub failed,
        /// Those of these that nobody decided in time.
        pub expired,
        /// Those that left and were the latest of their conversation when its recipient wrote back.
        pub replied,
        /// Those that left and were about a departure whose customer came back after it.
        pub recovered,
    }
);

impl Ways {
    /// What a change stands for: of messages in a state, or of what came back of them.
    pub(super) fn of_move(word: &str, held: bool, edited: bool, number: i64) -> Result<Ways> {
        match word {
            "replied" => Ok(Ways { replied: number, ..Ways::default() }),
            "recovered" => Ok(Ways { recovered: number, ..Ways::default() }),
            state => Ok(Ways::of(state.parse().map_err(Error::internal)?, held, edited, number)),
        }
    }

    /// Messages in one state. The table `message_ways` says the same of states, for the database.
    fn of(state: State, held: bool, edited: bool, number: i64) -> Ways {
        let approved = !matches!(state, State::Pending | State::ChangesRequested | State::Rejected | State::Withdrawn | State::Expired);
        let when = |holds: bool| if holds { number } else { 0 };
        let drafted = Ways { drafted: number, held: when(held), edited: when(edited), approved: when(held && approved), ..Ways::default() };
        let sent = Ways { sent: number, ..drafted };
        let ended = Ways { ended: number, ..drafted };
        match state {
            State::Draft => Ways::default(),
            State::Pending | State::ChangesRequested => Ways { waiting: number, ..drafted },
            State::Approved | State::Queued | State::Sending | State::Uncertain => Ways { on_the_way: number, ..drafted },
            State::Rejected => Ways { rejected: number, ..drafted },
            State::Withdrawn | State::Skipped | State::Cancelled => ended,
            State::Failed => Ways { failed: number, ..ended },
            State::Expired => Ways { expired: number, ..ended },
            State::Sent => sent,
            State::Delivered => Ways { delivered: number, ..sent },
            State::Bounced => Ways { bounced: number, ..sent },
            State::Complained => Ways { complained: number, ..sent },
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
fn flows(rows: Vec<MessageRow>) -> BTreeMap<String, Flow<String>> {
    let mut all: BTreeMap<String, Flow<String>> = BTreeMap::new();
    for row in rows {
        let flow = all.entry(row.place.clone()).or_insert_with(|| Flow { of: row.place.clone(), now: Ways::default(), before: Ways::default() });
        *(if row.step == 0 { &mut flow.before } else { &mut flow.now }) += row.ways;
    }
    all
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
    let mut found: Vec<Flow<String>> = flows(rows).into_values().collect();
    found.sort_by(|a, b| (b.now.drafted, &a.of).cmp(&(a.now.drafted, &b.of)));
    Ok(found)
}

/// What became of all messages of a period.
pub fn all(conn: &mut Conn, actor: &Actor, period: Period) -> Result<Ways> {
    actor.must_have(Scope::Read)?;
    let (start, end) = (period::number(period.from), period::number(period.until) + 1);
    let rows = queries::messages_by_step(conn, Place::Anywhere, actor.mailboxes(), &[start], end)?;
    Ok(rows.first().map(|row| row.ways).unwrap_or_default())
}

/// The mailboxes within reach by address, with those that had no messages.
pub fn by_mailbox(conn: &mut Conn, actor: &Actor, period: Period) -> Result<Vec<Flow<Mailbox>>> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = both(period);
    let rows = queries::messages_by_step(conn, Place::Mailbox, actor.mailboxes(), &starts, end)?;
    let mut found = flows(rows);
    let flow = |mailbox: Mailbox| match found.remove(mailbox.id.as_str()) {
        Some(flow) => Flow { of: mailbox, now: flow.now, before: flow.before },
        None => Flow { of: mailbox, now: Ways::default(), before: Ways::default() },
    };
    Ok(mailboxes::list(conn, actor)?.into_iter().map(flow).collect())
}

/// A message of a campaign that a person said no to.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Its campaign.
    pub campaign: String,
    /// The message.
    pub message: MessageId,
    /// Why.
    pub reason: String,
    /// When it was handed in: the day it counts on.
    pub at: Time,
}

/// The messages of campaigns that count as rejected in a period, the latest first.
pub fn refusals(conn: &mut Conn, actor: &Actor, period: Period, limit: i64) -> Result<Vec<Refusal>> {
    actor.must_have(Scope::Read)?;
    let rows = queries::refusals(conn, actor.mailboxes(), period.start(), period.end(), limit)?;
    Ok(rows.into_iter().map(|(campaign, message, reason, at)| Refusal { campaign, message, reason, at }).collect())
}

/// What became of the messages of each step of a period; of campaigns alone, or of all.
pub fn over_time(conn: &mut Conn, actor: &Actor, period: Period, steps: &[Step], campaigns: bool) -> Result<Vec<Ways>> {
    actor.must_have(Scope::Read)?;
    let starts: Vec<i64> = steps.iter().map(|step| period::number(step.days.from)).collect();
    let place = if campaigns { Place::AnyCampaign } else { Place::Anywhere };
    let mut all = vec![Ways::default(); steps.len()];
    for row in queries::messages_by_step(conn, place, actor.mailboxes(), &starts, period::number(period.until) + 1)? {
        if let Some(step) = usize::try_from(row.step).ok().and_then(|step| all.get_mut(step)) {
            *step += row.ways;
        }
    }
    Ok(all)
}

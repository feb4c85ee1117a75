//! The last look before the final dot, for the messages of all connections together.

use std::collections::{HashMap, HashSet};

use crate::clock::Time;
use crate::db::{Conn, Stamp, transaction};
use crate::domain::campaigns;
use crate::domain::error::Result;
use crate::domain::ids::MessageId;
use crate::domain::messages::ledger;
use crate::domain::policy::{self, Case, Standing};
use crate::domain::templates;

use super::attempts::{self, Outcome};
use super::moves::{put_back, skip, take_back};
use super::{Claimed, Reached, Step, queries};

/// Permission to write the final dot of one message, made in this file alone.
#[derive(Debug)]
pub struct AtDot {
    pub(super) claimed: Claimed,
}

impl AtDot {
    /// Notes what the server answered to the final dot, for the timeline.
    pub fn reach(&mut self, reached: Reached) {
        self.claimed.reached = reached;
    }

    /// The message.
    pub fn message_id(&self) -> &MessageId {
        &self.claimed.case.message_id
    }

    /// The message as it was claimed.
    pub fn claimed(&self) -> &Claimed {
        &self.claimed
    }
}

/// The messages that may go. Once their transaction is committed they become permissions: [`Marked::permit`].
#[derive(Debug)]
pub struct Marked(HashSet<MessageId>);

impl Marked {
    /// None.
    pub fn none() -> Self {
        Marked(HashSet::new())
    }

    /// Whether this message may go.
    pub fn may_go(&self, id: &MessageId) -> bool {
        self.0.contains(id)
    }

    /// The permission to write the final dot, where the step asked for one and got it.
    pub fn permit(&self, step: Step) -> Option<Box<AtDot>> {
        match step {
            Step::Dot(claimed) if self.0.contains(claimed.message_id()) => Some(Box::new(AtDot { claimed: *claimed })),
            _ => None,
        }
    }
}

/// What [`reach_dot`] says.
#[derive(Debug)]
pub enum Dot {
    /// Write it.
    Go(Box<AtDot>),
    /// Do not: a check spoke against it since the claim. It is recorded.
    Stop,
}

/// The last look at one message, as `mark` does for many.
pub fn reach_dot(conn: &mut Conn, claimed: Claimed, now: Time) -> Result<Dot> {
    transaction(conn, |conn| {
        beside_others(conn)?;
        let may = mark(conn, &[&claimed], None, now)?;
        Ok(match may.0.contains(claimed.message_id()) {
            true => Dot::Go(Box::new(AtDot { claimed })),
            false => Dot::Stop,
        })
    })
}

/// For whatever speaks against mail: until this transaction ends no final dot is permitted, and every later one sees
/// what it commits. Call it first, before rows of messages are touched: permissions take the same order.
pub(in crate::domain) fn hold_dots(conn: &mut Conn) -> Result<()> {
    Ok(queries::lock_dots(conn, true)?)
}

/// For a transaction that permits dots, as its first statement: nothing that speaks against them commits before it ends.
pub(super) fn beside_others(conn: &mut Conn) -> Result<()> {
    Ok(queries::lock_dots(conn, false)?)
}

/// Notes of each message that its dot is about to be written, unless a check speaks against it by now: warrant valid
/// and for these bytes, not of a test key, person as before, facts as they were, no approval of a template withdrawn, nothing stopped. What may not is
/// recorded. The checks are read after the rows are marked, in the same transaction and behind [`beside_others`]:
/// whatever was committed before this one is seen, and nothing is committed meanwhile. Of a message that was looked at in this
/// way when it was claimed they are not read again while the stamp says that nobody wrote since.
pub(super) fn mark(conn: &mut Conn, claimed: &[&Claimed], stamp: Option<Stamp>, now: Time) -> Result<Marked> {
    transaction(conn, |conn| {
        let (standing, open): (Vec<&Claimed>, Vec<&Claimed>) = claimed.iter().partition(|one| one.still_stands(stamp, now));
        let mut marked = queries::set_known_dots(conn, &standing, now)?;
        marked.extend(queries::set_dots(conn, &open, now)?);
        let open: Vec<&Claimed> = open.into_iter().filter(|one| marked.contains(one.message_id())).collect();
        let mut against = against(conn, &open, now)?;
        for one in claimed.iter().filter(|one| !marked.contains(one.message_id())) {
            unfit(conn, one, now)?;
        }
        for one in open {
            let id = one.message_id();
            if let Some(why) = against.remove(id) {
                marked.remove(id);
                queries::unmark(conn, id, now)?;
                keep_back(conn, one, why, now)?;
            }
        }
        Ok(Marked(marked))
    })
}

/// What speaks against these by now, but for their rows and warrants.
pub(super) fn against(conn: &mut Conn, claimed: &[&Claimed], now: Time) -> Result<HashMap<MessageId, Not>> {
    if claimed.is_empty() {
        return Ok(HashMap::new());
    }
    let cases: Vec<&Case> = claimed.iter().map(|one| &one.case).collect();
    let standings = Standing::of_many(conn, &cases)?;
    let labels: HashSet<&str> = claimed.iter().filter_map(|one| one.campaign.as_deref()).collect();
    let stopped = campaigns::stopped_among(conn, &labels)?;
    let resting: Vec<(MessageId, i32)> =
        claimed.iter().filter(|one| one.rests_on_claims).map(|one| (one.case.message_id.clone(), one.version)).collect();
    let lost = ledger::lost_grounds(conn, &resting, now.date())?;
    let withdrawn = templates::withdrawn_among(conn, cases.iter().map(|case| &case.message_id))?;
    let closed = queries::closed_mailboxes(conn, &cases)?;
    let why = |one: &&Claimed| {
        let id = one.message_id();
        let why = match standings.get(id) {
            None => Some(Not::Skip("Its recipient is not on record.".to_owned())),
            Some(standing) => why_not(one, standing, closed.contains(&one.case.mailbox_id), &stopped, &lost)
                .or_else(|| withdrawn.contains(id).then(|| Not::TakeBack(templates::WITHDRAWN.to_owned()))),
        };
        Some((id.clone(), why?))
    };
    Ok(claimed.iter().filter_map(why).collect())
}

/// Why a message must not go.
pub(super) enum Not {
    Skip(String),
    Wait(String),
    Campaign,
    TakeBack(String),
}

fn why_not(one: &Claimed, standing: &Standing, closed: bool, stopped: &HashSet<String>, lost: &HashMap<MessageId, String>) -> Option<Not> {
    if let Some(why) = policy::refusal(standing) {
        return Some(Not::Skip(why));
    }
    if closed || policy::hold(standing).is_some() {
        return Some(Not::Wait(policy::hold(standing).unwrap_or_else(|| "Sending is stopped.".to_owned())));
    }
    if one.campaign.as_ref().is_some_and(|label| stopped.contains(label)) {
        return Some(Not::Campaign);
    }
    lost.get(&one.case.message_id).cloned().map(Not::TakeBack)
}

fn keep_back(conn: &mut Conn, one: &Claimed, why: Not, now: Time) -> Result<()> {
    let id = &one.case.message_id;
    let why = match why {
        Not::Skip(why) => {
            skip(conn, id, &why, now)?;
            why
        }
        Not::Wait(why) => {
            put_back(conn, id, "sending", now.plus_seconds(super::STOPPED_SECONDS), &why, one.attempts, now)?;
            why
        }
        Not::Campaign => {
            let why = "Its campaign is stopped.";
            put_back(conn, id, "sending", now, why, one.attempts, now)?;
            campaigns::put_aside(conn, id, now)?;
            why.to_owned()
        }
        Not::TakeBack(why) => {
            take_back(conn, id, &why, now)?;
            why
        }
    };
    attempts::note(conn, one, Outcome::Held, &why, now)
}

/// A row that could not be marked: another worker has it, or its warrant no longer fits.
fn unfit(conn: &mut Conn, one: &Claimed, now: Time) -> Result<()> {
    let id = &one.case.message_id;
    match queries::holds_claim(conn, id, one.worker.as_str())? {
        true => skip(conn, id, super::UNFIT_WARRANT, now),
        false => Ok(()),
    }
}

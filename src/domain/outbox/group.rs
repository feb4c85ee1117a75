//! What the connections of one worker have to write down, together in one transaction.

use crate::clock::Time;
use crate::db::{Conn, Stamp, Touched, transaction};
use crate::domain::error::Result;
use crate::domain::ids::MessageId;

use super::dot::{self, AtDot, Marked};
use super::{Claimed, Failure, Taken, outcome};

/// One thing that a connection has to write down.
#[derive(Debug)]
pub enum Step {
    /// The relay holds all but the final dot; may it be written?
    Dot(Box<Claimed>),
    /// The relay took it, with this reply.
    Sent(Box<AtDot>, String),
    /// It failed before the final dot.
    Failed(Box<Claimed>, Failure),
    /// It failed at the final dot.
    FailedAtDot(Box<AtDot>, Failure),
}

impl Step {
    /// The message.
    pub fn message_id(&self) -> &MessageId {
        match self {
            Step::Dot(claimed) | Step::Failed(claimed, _) => claimed.message_id(),
            Step::Sent(at_dot, _) | Step::FailedAtDot(at_dot, _) => at_dot.message_id(),
        }
    }
}

/// Writes down all of them, or none. Outcomes first, so that a connection has at most one message at the dot.
pub fn record_steps(conn: &mut Conn, steps: &[&Step], now: Time) -> Result<Marked> {
    record_stamped(conn, steps, None, now).map(|(marked, _)| marked)
}

/// The same with the stamp of this moment, and with what was touched.
pub fn record_stamped(conn: &mut Conn, steps: &[&Step], stamp: Option<Stamp>, now: Time) -> Result<(Marked, Touched)> {
    transaction(conn, |conn| {
        if steps.iter().any(|step| matches!(step, Step::Dot(_))) {
            dot::beside_others(conn)?;
        }
        let sent: Vec<(&AtDot, &str)> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Sent(at_dot, reply) => Some((at_dot.as_ref(), reply.as_str())),
                _ => None,
            })
            .collect();
        let as_expected = outcome::record_all_sent(conn, &sent, now)?;
        let mut asking: Vec<&Claimed> = vec![];
        for step in steps {
            match step {
                Step::Failed(claimed, failure) => outcome::record(conn, claimed, "sending", failure, now)?,
                Step::FailedAtDot(at_dot, failure) => outcome::record(conn, &at_dot.claimed, "dot", failure, now)?,
                Step::Dot(claimed) => asking.push(claimed),
                Step::Sent(..) => {}
            }
        }
        let marked = match asking.is_empty() {
            true => Marked::none(),
            false => dot::mark(conn, &asking, stamp.filter(|_| as_expected && sent.len() + asking.len() == steps.len()), now)?,
        };
        let plain = |step: &&Step| match step {
            Step::Dot(claimed) => marked.may_go(claimed.message_id()),
            Step::Sent(at_dot, _) => !Taken::at(at_dot).has_consequences(),
            Step::Failed(..) | Step::FailedAtDot(..) => false,
        };
        let touched = if as_expected && steps.iter().all(plain) { Touched::OwnRows } else { Touched::Anything };
        Ok((marked, touched))
    })
}

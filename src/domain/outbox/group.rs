//! What the connections of one worker have to write down, together in one transaction.

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::error::Result;
use crate::domain::ids::MessageId;

use super::dot::{self, AtDot, Marked};
use super::{Claimed, Failure, outcome};

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
        outcome::record_all_sent(conn, &sent, now)?;
        let mut asking: Vec<&Claimed> = vec![];
        for step in steps {
            match step {
                Step::Failed(claimed, failure) => outcome::record(conn, claimed, "sending", failure, now)?,
                Step::FailedAtDot(at_dot, failure) => outcome::record(conn, &at_dot.claimed, "dot", failure, now)?,
                Step::Dot(claimed) => asking.push(claimed),
                Step::Sent(..) => {}
            }
        }
        match asking.is_empty() {
            true => Ok(Marked::none()),
            false => dot::mark(conn, &asking, now),
        }
    })
}

//! The life of a message: the one table of transitions, and the one function that makes them.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::{campaigns, sequences, webhooks};
use crate::text_enum;

use super::queries;

text_enum!(
    /// The states of a message.
    pub enum State {
        /// Being written.
        Draft => "draft",
        /// Waits for a decision.
        Pending => "pending",
        /// Waits for its author.
        ChangesRequested => "changes_requested",
        /// Approved, inside the undo window or before its time.
        Approved => "approved",
        /// Cleared to leave.
        Queued => "queued",
        /// In conversation with the mail server.
        Sending => "sending",
        /// The mail server took it.
        Sent => "sent",
        /// The recipient's server reported it delivered.
        Delivered => "delivered",
        /// It came back.
        Bounced => "bounced",
        /// The recipient complained.
        Complained => "complained",
        /// A person said no.
        Rejected => "rejected",
        /// The author took it back.
        Withdrawn => "withdrawn",
        /// Nobody decided in time.
        Expired => "expired",
        /// A check spoke against it.
        Skipped => "skipped",
        /// The mail server refused it for good.
        Failed => "failed",
        /// Stopped after approval, or a test of the desk that was decided.
        Cancelled => "cancelled",
        /// It may have been taken: this server stopped before it could note the reply.
        Uncertain => "uncertain",
    }
);

impl State {
    /// The states that may follow.
    pub fn successors(self) -> &'static [State] {
        use State::{
            Approved, Bounced, Cancelled, ChangesRequested, Complained, Delivered, Draft, Expired, Failed, Pending, Queued, Rejected, Sending, Sent,
            Skipped, Uncertain, Withdrawn,
        };
        match self {
            Draft => &[Pending, Queued],
            Pending => &[Pending, Approved, Rejected, ChangesRequested, Withdrawn, Expired, Cancelled],
            ChangesRequested => &[Pending, Withdrawn, Expired],
            Approved => &[Queued, Sending, Pending, Cancelled, Skipped],
            Queued => &[Sending, Pending, Cancelled, Skipped],
            Sending => &[Sent, Queued, Skipped, Failed, Uncertain],
            Uncertain => &[Sent, Failed],
            Sent => &[Delivered, Bounced, Complained],
            Delivered => &[Bounced, Complained],
            Bounced | Complained | Rejected | Withdrawn | Expired | Skipped | Failed | Cancelled => &[],
        }
    }

    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            State::Draft => "Draft",
            State::Pending => "Waiting for review",
            State::ChangesRequested => "Changes requested",
            State::Approved => "Approved",
            State::Queued => "Queued",
            State::Sending => "Sending",
            State::Sent => "Sent",
            State::Delivered => "Delivered",
            State::Bounced => "Bounced",
            State::Complained => "Complained",
            State::Rejected => "Rejected",
            State::Withdrawn => "Withdrawn",
            State::Expired => "Expired",
            State::Skipped => "Skipped",
            State::Failed => "Failed",
            State::Cancelled => "Stopped",
            State::Uncertain => "Uncertain",
        }
    }
}

/// Moves a message from one state to another, if it is still in the first.
pub fn transition(conn: &mut Conn, id: &MessageId, from: State, to: State, reason: Option<&str>, now: Time) -> Result<()> {
    if !from.successors().contains(&to) {
        return Err(illegal(from, to));
    }
    if queries::compare_and_set_state(conn, id, from, to, reason, now)? {
        campaigns::counts::note(conn, id, from, to)?;
        sequences::follow(conn, id, to, now)?;
        return webhooks::message(conn, id, to, now);
    }
    match queries::by_id(conn, id)? {
        Some(row) => Err(illegal(row.state, to)),
        None => Err(Error::not_found("message")),
    }
}

fn illegal(from: State, to: State) -> Error {
    Error::conflict("state_conflict", format!("The message is {from} and cannot become {to}. Reload it to see what happened."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_cleared_can_be_sent() {
        let before_sending: Vec<State> = State::ALL.iter().copied().filter(|s| s.successors().contains(&State::Sending)).collect();
        assert_eq!(before_sending, [State::Approved, State::Queued]);
        let before_sent: Vec<State> = State::ALL.iter().copied().filter(|s| s.successors().contains(&State::Sent)).collect();
        assert_eq!(before_sent, [State::Sending, State::Uncertain]);
    }

    #[test]
    fn the_three_ways_of_not_sending_are_final_and_apart() {
        for state in [State::Rejected, State::Withdrawn, State::Expired] {
            assert!(state.successors().is_empty());
        }
    }
}

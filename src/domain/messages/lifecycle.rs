//! The life of a message: the one table of transitions, and the one function that makes them.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::{campaigns, cohorts, reputation, sequences, webhooks};
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
    /// Those of what ended without leaving.
    pub const NEVER_LEFT: [State; 6] = [State::Rejected, State::Withdrawn, State::Expired, State::Cancelled, State::Skipped, State::Failed];

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
            Uncertain => &[Sent, Failed, Queued],
            Sent => &[Delivered, Bounced, Complained],
            Delivered => &[Bounced, Complained],
            // Reports come in any order, and a complaint is the last word.
            Bounced => &[Complained],
            Complained | Rejected | Withdrawn | Expired | Skipped | Failed | Cancelled => &[],
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
        cohorts::follow(conn, id, to, now)?;
        reputation::sends::follow(conn, id, from, to, now)?;
        return webhooks::message(conn, id, to, now);
    }
    match queries::by_id(conn, id)? {
        Some(row) => Err(illegal(row.state, to)),
        None => Err(Error::not_found("message")),
    }
}

/// A message that left.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'a> {
    /// The message.
    pub id: &'a MessageId,
    /// Its campaign.
    pub campaign: Option<&'a str>,
    /// It is a step of a sequence or a variant.
    pub is_followed: bool,
    /// When the mail server took it.
    pub at: Time,
}

/// Moves messages that the mail server took to sent, all at once. Those that nobody had time to see as being sent pass
/// through that state without a row of its own.
pub(in crate::domain) fn sent(conn: &mut Conn, moved: &[Moved<'_>], now: Time) -> Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    let labelled: Vec<&MessageId> = moved.iter().filter(|one| one.campaign.is_some()).map(|one| one.id).collect();
    campaigns::counts::note_sent(conn, &labelled)?;
    let ids: Vec<&MessageId> = moved.iter().map(|one| one.id).collect();
    let times: Vec<(&MessageId, Time)> = moved.iter().map(|one| (one.id, one.at)).collect();
    if queries::set_sent(conn, &times, now)? != ids.len() {
        return Err(Error::conflict("state_conflict", "A message that the mail server took was no longer being sent."));
    }
    for one in moved.iter().filter(|one| one.is_followed) {
        sequences::follow(conn, one.id, State::Sent, now)?;
        cohorts::follow(conn, one.id, State::Sent, now)?;
    }
    webhooks::messages(conn, &ids, State::Sent, now)
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

//! Which way messages went, as reports count them.

use crate::domain::messages::State;
use crate::text_enum;

text_enum!(
    /// Which way a message went. A message may have gone several.
    pub enum Way {
        /// Held for a decision.
        Held => "held",
        /// Changed by somebody else than its author.
        Edited => "edited",
        /// Held, and approved.
        Approved => "approved",
        /// A person said no.
        Rejected => "rejected",
        /// Waits for a decision or for its author.
        Waiting => "waiting",
        /// Waits to leave, or nobody knows whether it did.
        OnTheWay => "on_the_way",
        /// Left.
        Sent => "sent",
        /// Was reported delivered.
        Delivered => "delivered",
        /// Came back.
        Bounced => "bounced",
        /// Was complained about.
        Complained => "complained",
        /// Ended otherwise.
        Ended => "ended",
        /// Neither left nor was rejected.
        NotSent => "not_sent",
        /// Left, and was the latest of its conversation when the recipient wrote back.
        Replied => "replied",
        /// Left, and the customer whose departure it was about came back after it.
        Recovered => "recovered",
    }
);

text_enum!(
    /// How a message was decided, as the report on the review desk counts it.
    pub enum Decided {
        /// Approved, rejected or sent back.
        Any => "any",
        /// Approved.
        Approve => "approve",
        /// Rejected.
        Reject => "reject",
        /// Sent back.
        RequestChanges => "request_changes",
        /// Approved for the first time, after a person had changed its words.
        Edited => "edited",
    }
);

impl Decided {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Decided::Any => "Decided in any way",
            Decided::Approve => "Approved",
            Decided::Reject => "Rejected",
            Decided::RequestChanges => "Sent back for changes",
            Decided::Edited => "Edited by a person, then approved",
        }
    }
}

impl Way {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Way::Held => "Held for a decision",
            Way::Edited => "Edited by somebody else",
            Way::Approved => "Held and approved",
            Way::Rejected => "Rejected",
            Way::Waiting => "Waits for somebody",
            Way::OnTheWay => "On its way",
            Way::Sent => "Left",
            Way::Delivered => "Delivered",
            Way::Bounced => "Came back",
            Way::Complained => "Complained about",
            Way::Ended => "Ended otherwise",
            Way::NotSent => "Not sent or not yet",
            Way::Replied => "Answered",
            Way::Recovered => "Brought a customer back, or came before one",
        }
    }

    /// The states of such messages; all where there are none.
    pub fn states(self) -> Vec<State> {
        let ended_unread = [State::Pending, State::ChangesRequested, State::Rejected, State::Withdrawn, State::Expired, State::Draft];
        match self {
            Way::Held | Way::Edited => vec![],
            Way::Approved => State::ALL.iter().copied().filter(|state| !ended_unread.contains(state)).collect(),
            Way::Rejected => vec![State::Rejected],
            Way::Waiting => vec![State::Pending, State::ChangesRequested],
            Way::OnTheWay => vec![State::Approved, State::Queued, State::Sending, State::Uncertain],
            Way::Sent | Way::Replied | Way::Recovered => vec![State::Sent, State::Delivered, State::Bounced, State::Complained],
            Way::Delivered => vec![State::Delivered],
            Way::Bounced => vec![State::Bounced],
            Way::Complained => vec![State::Complained],
            Way::NotSent => [Way::Waiting, Way::OnTheWay, Way::Ended].into_iter().flat_map(Way::states).collect(),
            Way::Ended => vec![State::Withdrawn, State::Expired, State::Skipped, State::Failed, State::Cancelled],
        }
    }

    /// What came back of such messages, where that is what they have in common.
    pub(super) fn outcome(self) -> Option<&'static str> {
        matches!(self, Way::Replied | Way::Recovered).then(|| self.as_str())
    }

    /// Whether only held messages went this way.
    pub(super) fn is_held(self) -> bool {
        matches!(self, Way::Held | Way::Approved)
    }
}

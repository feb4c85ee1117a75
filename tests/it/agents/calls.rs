//! Random calls: whoever may not, tries all the same.

use countersign::domain::actor::Scope;
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, State};

use super::Dice;
use super::model::{CAMPAIGNS, CONTACTS, World};

/// Who calls: a key or a person, by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    Key(usize),
    Person(usize),
}

/// A mailbox that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Known(usize),
    Nowhere,
}

/// A message that is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Known(usize),
    Nowhere,
}

/// The hash that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    None,
    Current,
    /// That of the version before, where there is one.
    Before,
    Wrong,
}

impl Hash {
    pub fn is_wrong(self, version: i32) -> bool {
        match self {
            Hash::None | Hash::Current => false,
            // Without a version before, the current one is given.
            Hash::Before => version > 1,
            Hash::Wrong => true,
        }
    }
}

/// What a submission tries beside its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    Nothing,
    /// A field of this name.
    Field(&'static str),
    /// A header of this name.
    Header(&'static str),
    /// A header value with a line break and another header in it.
    HeaderBreak,
    SubjectBreak,
    ToBreak,
    /// Another mailbox's address in `from`, beside the mailbox.
    From,
    /// A header that is allowed.
    Allowed,
}

impl Extra {
    pub fn refused_with(self) -> Vec<&'static str> {
        match self {
            Extra::Nothing | Extra::Allowed => vec![],
            Extra::From => vec!["field_contradicts"],
            Extra::Field(_) => vec!["field_unknown"],
            Extra::Header(_) => vec!["header_reserved"],
            Extra::HeaderBreak | Extra::SubjectBreak => vec!["header_line_break", "text_control_char", "field_invalid"],
            Extra::ToBreak => vec!["address_invalid", "text_control_char", "header_line_break"],
        }
    }
}

const EXTRAS: &[Extra] = &[
    Extra::Field("bcc"),
    Extra::Field("cc"),
    Extra::Field("reply_to"),
    Extra::Field("sender"),
    Extra::Field("oversight_address"),
    Extra::Field("status"),
    Extra::Field("approved"),
    Extra::Field("author_id"),
    Extra::Header("Bcc"),
    Extra::Header("Reply-To"),
    Extra::Header("Sender"),
    Extra::Header("From"),
    Extra::Header("Return-Path"),
    Extra::HeaderBreak,
    Extra::SubjectBreak,
    Extra::ToBreak,
    Extra::From,
    Extra::From,
    Extra::Allowed,
    Extra::Allowed,
];

/// A call.
#[derive(Debug, Clone)]
pub enum Call {
    Send {
        who: Who,
        mailbox: Option<Named>,
        to: usize,
        spelling: usize,
        mode: Option<Mode>,
        basis: bool,
        campaign: Option<usize>,
        extra: Extra,
    },
    Edit {
        who: Who,
        message: Target,
        hash: Hash,
    },
    Cancel {
        who: Who,
        message: Target,
    },
    Decide {
        who: Who,
        message: Target,
        kind: DecisionKind,
        hash: Hash,
        reason: bool,
    },
    Waive {
        who: Who,
        message: Target,
    },
    Show {
        who: Who,
        message: Target,
    },
    Pending {
        who: Who,
    },
    TagMessage {
        who: Who,
        message: Target,
    },
    TagContact {
        who: Who,
        contact: usize,
        unsubscribed: bool,
    },
    PutContact {
        who: Who,
        contact: usize,
        unsubscribed: bool,
    },
    Untag {
        who: Who,
        contact: usize,
        unsubscribed: bool,
    },
    /// A contact with a field that says it may be mailed.
    LiftSuppression {
        who: Who,
        contact: usize,
    },
    SetMode {
        who: Who,
        mailbox: usize,
        mode: Mode,
    },
    ChangeMailbox {
        who: Who,
        mailbox: usize,
        person_required: bool,
        bulk: bool,
    },
    SetStopped {
        who: Who,
        mailbox: usize,
        stopped: bool,
    },
    MakeKey {
        who: Who,
    },
    MakeUser {
        who: Who,
    },
    MakeLooseMailbox {
        who: Who,
    },
    Unsubscribe {
        message: usize,
    },
    Deliver,
}

impl Call {
    pub fn who(&self) -> Option<Who> {
        match self {
            Call::Send { who, .. }
            | Call::Edit { who, .. }
            | Call::Cancel { who, .. }
            | Call::Decide { who, .. }
            | Call::Waive { who, .. }
            | Call::Show { who, .. }
            | Call::Pending { who }
            | Call::TagMessage { who, .. }
            | Call::TagContact { who, .. }
            | Call::PutContact { who, .. }
            | Call::Untag { who, .. }
            | Call::LiftSuppression { who, .. }
            | Call::SetMode { who, .. }
            | Call::ChangeMailbox { who, .. }
            | Call::SetStopped { who, .. }
            | Call::MakeKey { who }
            | Call::MakeUser { who }
            | Call::MakeLooseMailbox { who } => Some(*who),
            Call::Unsubscribe { .. } | Call::Deliver => None,
        }
    }

    pub fn message(&self) -> Option<Target> {
        match self {
            Call::Edit { message, .. }
            | Call::Cancel { message, .. }
            | Call::Decide { message, .. }
            | Call::Waive { message, .. }
            | Call::Show { message, .. }
            | Call::TagMessage { message, .. } => Some(*message),
            Call::Unsubscribe { message } => Some(Target::Known(*message)),
            _ => None,
        }
    }
}

/// The person who administers.
const ADMIN: Who = Who::Person(0);

/// Any call at all, with a leaning towards what could do harm.
pub fn any_call(dice: &mut Dice, world: &World) -> Call {
    let key = Who::Key(dice.below(world.keys.len()));
    let person = Who::Person(dice.below(world.people.len()));
    let anybody = if dice.percent(75) { key } else { person };
    let message = target(dice, world);
    match dice.below(100) {
        0..26 => {
            let who = if dice.percent(92) { likely(dice, world, Scope::Draft) } else { person };
            send(dice, world, who)
        }
        26..35 => Call::Edit { who: anybody, message, hash: dice.of(&[Hash::None, Hash::Current, Hash::Current, Hash::Before, Hash::Wrong]) },
        35..39 => Call::Cancel { who: anybody, message },
        39..60 => {
            let hash = dice.of(&[Hash::None, Hash::None, Hash::Current, Hash::Current, Hash::Current, Hash::Before, Hash::Wrong]);
            let kind =
                dice.of(&[DecisionKind::Approve, DecisionKind::Approve, DecisionKind::Approve, DecisionKind::Reject, DecisionKind::RequestChanges]);
            let message = if dice.percent(70) { pending(dice, world).unwrap_or(message) } else { message };
            let who = match message {
                Target::Known(at) if dice.percent(20) => world.messages[at].editor,
                _ if dice.percent(60) => likely(dice, world, Scope::Oversight),
                _ => person,
            };
            Call::Decide { who, message, kind, hash, reason: dice.percent(90) }
        }
        60..62 => Call::Waive { who: key, message },
        62..70 => Call::Show { who: key, message },
        70..74 => Call::Pending { who: key },
        74..77 => Call::TagMessage { who: key, message },
        77..79 => Call::TagContact { who: key, contact: contact(dice, world), unsubscribed: dice.percent(8) },
        79..81 => Call::PutContact { who: key, contact: contact(dice, world), unsubscribed: dice.percent(8) },
        81..83 => Call::Untag { who: key, contact: contact(dice, world), unsubscribed: dice.percent(60) },
        83 => Call::LiftSuppression { who: key, contact: contact(dice, world) },
        84..88 => {
            let mailbox = dice.below(world.mailboxes.len());
            Call::SetMode { who: if dice.percent(80) { key } else { ADMIN }, mailbox, mode: dice.of(Mode::ALL) }
        }
        88..90 => Call::ChangeMailbox {
            who: if dice.percent(70) { key } else { ADMIN },
            mailbox: dice.below(world.mailboxes.len()),
            person_required: dice.percent(40),
            bulk: dice.percent(50),
        },
        90..92 => {
            let who = if dice.percent(60) { key } else { ADMIN };
            Call::SetStopped { who, mailbox: dice.below(world.mailboxes.len()), stopped: matches!(who, Who::Key(_)) && dice.percent(50) }
        }
        92 => Call::MakeKey { who: key },
        93 => Call::MakeUser { who: key },
        94 => Call::MakeLooseMailbox { who: key },
        95 if !world.messages.is_empty() && dice.percent(40) => Call::Unsubscribe { message: dice.below(world.messages.len()) },
        _ => before_delivery(world).unwrap_or(Call::Deliver),
    }
}

/// What a person must do before all mail can leave; the worker waits for what is stopped.
pub fn before_delivery(world: &World) -> Option<Call> {
    let waits = |at: usize| world.messages.iter().any(|m| m.mailbox == at && matches!(m.state, State::Approved | State::Queued));
    let stopped = |at: usize| world.mailboxes[at].stopped || world.mailboxes[at].mode == Mode::ReadOnly;
    let mailbox = (0..world.mailboxes.len()).find(|at| stopped(*at) && waits(*at))?;
    Some(match world.mailboxes[mailbox].stopped {
        true => Call::SetStopped { who: ADMIN, mailbox, stopped: false },
        false => Call::SetMode { who: ADMIN, mailbox, mode: Mode::GatedAll },
    })
}

/// A key, more often one that has the scope.
fn likely(dice: &mut Dice, world: &World, scope: Scope) -> Who {
    let able: Vec<usize> = (0..world.keys.len()).filter(|at| world.keys[*at].must_have(scope).is_ok()).collect();
    Who::Key(if dice.percent(60) { dice.of(&able) } else { dice.below(world.keys.len()) })
}

/// One of the latest contacts.
fn contact(dice: &mut Dice, world: &World) -> usize {
    world.suppressed.len() - 1 - dice.below(CONTACTS)
}

fn send(dice: &mut Dice, world: &World, who: Who) -> Call {
    let within: Vec<usize> = (0..world.mailboxes.len()).filter(|at| world.reaches(who, *at) && world.mailboxes[*at].mode != Mode::ReadOnly).collect();
    let mailbox = match dice.below(20) {
        0 => None,
        1 => Some(Named::Nowhere),
        2..14 if !within.is_empty() => Some(Named::Known(dice.of(&within))),
        _ => Some(Named::Known(dice.below(world.mailboxes.len()))),
    };
    let is_key = matches!(who, Who::Key(_));
    let extra = if mailbox.is_some() && is_key && dice.percent(25) { dice.of(EXTRAS) } else { Extra::Nothing };
    Call::Send {
        who,
        mailbox,
        to: contact(dice, world),
        spelling: dice.below(4),
        mode: dice.percent(20).then(|| dice.of(Mode::ALL)),
        basis: dice.percent(60),
        campaign: dice.percent(30).then(|| dice.below(CAMPAIGNS)),
        extra,
    }
}

/// Mostly a late message: those of long ago are settled.
fn target(dice: &mut Dice, world: &World) -> Target {
    let all = world.messages.len();
    if all == 0 || dice.percent(7) {
        return Target::Nowhere;
    }
    let late = dice.percent(80);
    Target::Known(if late { all - 1 - dice.below(all.min(25)) } else { dice.below(all) })
}

fn pending(dice: &mut Dice, world: &World) -> Option<Target> {
    let all: Vec<usize> = world.messages.iter().enumerate().rev().filter(|(_, m)| m.state == State::Pending).map(|(at, _)| at).take(20).collect();
    (!all.is_empty()).then(|| Target::Known(dice.of(&all)))
}

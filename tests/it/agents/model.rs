//! The rules, stated once more and small: what each call must answer, and what must never come about.
//! The gate, the life of a message and the reach of an actor are the product's own pure functions;
//! the invariants say by themselves what those have to give.

use std::collections::{HashMap, HashSet};

use countersign::domain::actor::{Actor, Mailboxes, Role, Scope};
use countersign::domain::ids::{ApiKeyId, MailboxId, UserId};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::oversight::{ClearedBy, Facts, Verdict, gate};
use countersign::domain::messages::{DecisionKind, Origin, State};

use super::calls::{Call, Extra, Hash, Named, Target, Who, any_call};
use super::{Dice, how_many, seed};

/// What a call must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It works. A message is in this state then.
    Done(Option<State>),
    /// It is refused with one of these codes: the order of the checks is no promise.
    Refused(Vec<&'static str>),
}

#[derive(Debug, Clone)]
pub struct MailboxModel {
    pub id: MailboxId,
    pub mode: Mode,
    pub person_required: bool,
    pub bulk: bool,
    pub stopped: bool,
}

#[derive(Debug, Clone)]
pub struct MessageModel {
    pub mailbox: usize,
    pub contact: usize,
    pub author: Who,
    pub editor: Who,
    pub state: State,
    pub version: i32,
    pub campaign: Option<usize>,
    pub decisions: usize,
    /// Who approved which version, and whether keys could decide there at that time.
    approved: Option<(Who, i32, bool)>,
    /// What let it go without a decision: the mode then, the mailbox's mode then, and what was known.
    let_go: Option<(Mode, Mode, bool, bool)>,
    pub seen: HashMap<Who, i32>,
}

#[derive(Debug, Clone)]
pub struct World {
    pub mailboxes: Vec<MailboxModel>,
    pub keys: Vec<Actor>,
    pub people: Vec<Actor>,
    /// Whether each contact is suppressed.
    pub suppressed: Vec<bool>,
    pub messages: Vec<MessageModel>,
    approved_campaigns: HashSet<(usize, usize)>,
    /// Messages that were sent to somebody who was suppressed then.
    sent_to_suppressed: usize,
}

/// The keys of every world: their scopes, and the mailboxes they are limited to.
pub const KEYS: &[(&[Scope], &[Mode])] = &[
    (&[Scope::Read, Scope::Draft, Scope::Contacts], &[]),
    (&[Scope::Read, Scope::Draft], &[Mode::GatedSend]),
    (&[Scope::Read, Scope::Draft, Scope::Contacts], &[Mode::Monitored, Mode::Autonomous]),
    (&[Scope::Draft], &[Mode::GatedAll, Mode::GatedSend]),
    (&[Scope::Read, Scope::OversightRead, Scope::Oversight], &[Mode::GatedSend]),
    (&[Scope::Read, Scope::OversightRead, Scope::Oversight], &[]),
    (&[Scope::Read], &[Mode::GatedAll]),
    (&[Scope::Contacts], &[]),
    (&[Scope::Read, Scope::Admin], &[]),
    (&[Scope::Read, Scope::Admin], &[Mode::Monitored]),
];

pub const CONTACTS: usize = 12;
pub const CAMPAIGNS: usize = 3;

impl World {
    pub fn new(mailboxes: Vec<(MailboxId, Mode)>, keys: Vec<Actor>, people: Vec<Actor>) -> World {
        let mailboxes =
            mailboxes.into_iter().map(|(id, mode)| MailboxModel { id, mode, person_required: false, bulk: false, stopped: false }).collect();
        World {
            mailboxes,
            keys,
            people,
            suppressed: vec![false; CONTACTS],
            messages: vec![],
            approved_campaigns: HashSet::new(),
            sent_to_suppressed: 0,
        }
    }

    /// A world without a server.
    fn imagined() -> World {
        let mailboxes: Vec<(MailboxId, Mode)> = Mode::ALL.iter().map(|mode| (MailboxId::from(mode.as_str()), *mode)).collect();
        let reach = |modes: &[Mode]| match modes {
            [] => Mailboxes::All,
            some => Mailboxes::These(some.iter().map(|mode| MailboxId::from(mode.as_str())).collect()),
        };
        let keys = KEYS
            .iter()
            .enumerate()
            .map(|(at, (scopes, modes))| Actor::Key {
                id: ApiKeyId::from(format!("key {at}").as_str()),
                name: format!("key {at}"),
                scopes: scopes.to_vec(),
                mailboxes: reach(modes),
                is_test: false,
            })
            .collect();
        let people = [Role::Admin, Role::Manager, Role::Reviewer, Role::Reviewer]
            .iter()
            .enumerate()
            .map(|(at, role)| Actor::User {
                id: UserId::from(format!("person {at}").as_str()),
                name: format!("person {at}"),
                role: *role,
                mailboxes: Mailboxes::All,
            })
            .collect();
        World::new(mailboxes, keys, people)
    }

    pub fn actor(&self, who: Who) -> &Actor {
        match who {
            Who::Key(at) => &self.keys[at],
            Who::Person(at) => &self.people[at],
        }
    }

    pub fn reaches(&self, who: Who, mailbox: usize) -> bool {
        self.actor(who).reaches(&self.mailboxes[mailbox].id)
    }

    fn has(&self, who: Who, scope: Scope) -> bool {
        self.actor(who).must_have(scope).is_ok()
    }

    /// The message that is meant, if it is within reach.
    fn within_reach(&self, who: Who, target: Target) -> Option<usize> {
        match target {
            Target::Known(at) if self.reaches(who, self.messages[at].mailbox) => Some(at),
            _ => None,
        }
    }

    /// Whether this actor reads what the server would show of this message.
    pub fn saw(&mut self, who: Who, message: usize) {
        let version = self.messages[message].version;
        self.messages[message].seen.insert(who, version);
    }

    /// Makes a call: what must come of it.
    pub fn make(&mut self, call: &Call) -> Outcome {
        match call {
            Call::Send { who, mailbox, to, mode, basis, campaign, extra, .. } => self.send(*who, mailbox, *to, *mode, *basis, *campaign, *extra),
            Call::Edit { who, message, hash } => self.edit(*who, *message, *hash),
            Call::Cancel { who, message } => self.cancel(*who, *message),
            Call::Decide { who, message, kind, hash, reason } => self.decide(*who, *message, *kind, *hash, *reason),
            Call::Waive { who, message } => self.waive(*who, *message),
            Call::Show { who, message } => self.show(*who, *message),
            Call::Pending { who } => self.by_scope(*who, Scope::OversightRead),
            Call::TagMessage { who, message } => {
                let mut no = self.lacking(*who, Scope::Contacts);
                let found = self.within_reach(*who, *message);
                if found.is_none() {
                    no.push("not_found");
                }
                answer(no, None)
            }
            Call::TagContact { who, contact, unsubscribed } | Call::PutContact { who, contact, unsubscribed } => {
                let no = self.lacking(*who, Scope::Contacts);
                if no.is_empty() && *unsubscribed {
                    self.suppressed[*contact] = true;
                }
                answer(no, None)
            }
            Call::Untag { who, unsubscribed, .. } => {
                let mut no = self.lacking(*who, Scope::Contacts);
                if *unsubscribed {
                    no.push("suppression_kept");
                }
                answer(no, None)
            }
            Call::LiftSuppression { who, .. } => {
                let mut no = self.lacking(*who, Scope::Contacts);
                no.push("field_unknown");
                Outcome::Refused(no)
            }
            Call::SetMode { who, mailbox, mode } => {
                let looser = *mode > self.mailboxes[*mailbox].mode;
                let no = self.refused_settings(*who, *mailbox, looser);
                if no.is_empty() {
                    self.mailboxes[*mailbox].mode = *mode;
                    self.take_back(*mailbox, *mode);
                }
                answer(no, None)
            }
            Call::ChangeMailbox { who, mailbox, person_required, bulk } => {
                let before = &self.mailboxes[*mailbox];
                let looser = (before.person_required && !person_required) || (!before.bulk && *bulk);
                let no = self.refused_settings(*who, *mailbox, looser);
                if no.is_empty() {
                    let mailbox = &mut self.mailboxes[*mailbox];
                    (mailbox.person_required, mailbox.bulk) = (*person_required, *bulk);
                }
                answer(no, None)
            }
            Call::SetStopped { who, mailbox, stopped } => {
                let mut no = vec![];
                let actor = self.actor(*who);
                let watches = *stopped && matches!(who, Who::Key(_)) && actor.must_have(Scope::Oversight).is_ok();
                if actor.must_manage().is_err() && !watches {
                    no.extend(["role_missing", "scope_missing"]);
                }
                if matches!(who, Who::Key(_)) && !stopped {
                    no.push("mode_loosening");
                }
                if !self.reaches(*who, *mailbox) {
                    no.push("not_found");
                }
                if no.is_empty() {
                    self.mailboxes[*mailbox].stopped = *stopped;
                }
                answer(no, None)
            }
            Call::MakeKey { who } | Call::MakeUser { who } | Call::MakeLooseMailbox { who } => {
                let mut no = vec![];
                if !self.actor(*who).is_admin() {
                    no.extend(["role_missing", "scope_missing"]);
                }
                no.extend(["person_required", "mode_loosening"]);
                Outcome::Refused(no)
            }
            Call::Unsubscribe { message } => {
                let contact = self.messages[*message].contact;
                self.suppressed[contact] = true;
                answer(vec![], None)
            }
            Call::Deliver => self.deliver(),
        }
    }

    /// What waits to leave without a decision goes back to the reviewers where the mode would not let it out any more.
    fn take_back(&mut self, mailbox: usize, mode: Mode) {
        for message in self.messages.iter_mut().filter(|message| message.mailbox == mailbox && message.state == State::Queued) {
            let is_let_out = match mode {
                Mode::GatedAll => false,
                Mode::GatedSend => matches!(message.author, Who::Person(_)),
                _ => true,
            };
            if message.let_go.is_some() && !is_let_out {
                (message.state, message.let_go) = (State::Pending, None);
                message.version += 1;
            }
        }
    }

    fn lacking(&self, who: Who, scope: Scope) -> Vec<&'static str> {
        if self.has(who, scope) { vec![] } else { vec!["scope_missing"] }
    }

    fn by_scope(&self, who: Who, scope: Scope) -> Outcome {
        answer(self.lacking(who, scope), None)
    }

    fn refused_settings(&self, who: Who, mailbox: usize, looser: bool) -> Vec<&'static str> {
        let mut no = vec![];
        if !self.actor(who).is_admin() {
            no.extend(["role_missing", "scope_missing"]);
        }
        match self.reaches(who, mailbox) {
            false => no.push("not_found"),
            true if looser && matches!(who, Who::Key(_)) => no.push("mode_loosening"),
            true => {}
        }
        no
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one call")]
    fn send(
        &mut self,
        who: Who,
        named: &Option<Named>,
        to: usize,
        asked: Option<Mode>,
        basis: bool,
        campaign: Option<usize>,
        extra: Extra,
    ) -> Outcome {
        let mut no = self.lacking(who, Scope::Draft);
        no.extend(extra.refused_with());
        let mailbox = match named {
            Some(Named::Known(at)) => Some(*at).filter(|at| self.reaches(who, *at)),
            Some(Named::Nowhere) => None,
            None => {
                let all: Vec<usize> = (0..self.mailboxes.len()).filter(|at| self.reaches(who, *at)).collect();
                if all.len() > 1 {
                    no.push("mailbox_missing");
                    return Outcome::Refused(no);
                }
                all.first().copied()
            }
        };
        let Some(mailbox) = mailbox else {
            no.push("not_found");
            return Outcome::Refused(no);
        };
        let own = self.mailboxes[mailbox].mode;
        let mode = asked.unwrap_or(own).stricter(own);
        if asked.is_some_and(|asked| asked > own) {
            no.push("mode_loosening");
        }
        if self.suppressed[to] {
            no.push("recipient_suppressed");
        }
        if mode == Mode::ReadOnly {
            no.push("mailbox_read_only");
        }
        if !no.is_empty() {
            return Outcome::Refused(no);
        }
        let first = campaign.is_some_and(|campaign| !self.approved_campaigns.contains(&(mailbox, campaign)));
        let origin = if matches!(who, Who::Person(_)) { Origin::Person } else { Origin::Agent };
        let verdict = gate(Facts {
            mode,
            origin,
            first_of_campaign: first,
            unapproved_template: false,
            held_by_rule: false,
            allowed: false,
            announcement: false,
            transactional: false,
            // A person who writes looks.
            has_basis: basis || origin == Origin::Person,
            open_claims: false,
            promised_otherwise: false,
        });
        let let_go = match verdict {
            Verdict::Refused => return Outcome::Refused(vec!["mailbox_read_only"]),
            Verdict::Held(_) => None,
            Verdict::Cleared(by) => {
                assert_eq!(by == ClearedBy::ComposedByPerson, origin == Origin::Person);
                Some((mode, own, first, basis))
            }
        };
        let state = if let_go.is_some() { State::Queued } else { State::Pending };
        self.messages.push(MessageModel {
            mailbox,
            contact: to,
            author: who,
            editor: who,
            state,
            version: 1,
            campaign,
            decisions: 0,
            approved: None,
            let_go,
            seen: HashMap::new(),
        });
        Outcome::Done(Some(state))
    }

    fn edit(&mut self, who: Who, target: Target, hash: Hash) -> Outcome {
        let mut no = self.lacking(who, Scope::Draft);
        let Some(at) = self.within_reach(who, target) else {
            no.push("not_found");
            return Outcome::Refused(no);
        };
        let message = &mut self.messages[at];
        if matches!(who, Who::Key(_)) && message.author != who && message.editor != who {
            no.push("not_the_author");
        }
        if hash.is_wrong(message.version) {
            no.push("content_changed");
        }
        if !message.state.successors().contains(&State::Pending) {
            no.push("state_conflict");
        }
        if no.is_empty() {
            message.version += 1;
            message.editor = who;
            message.state = State::Pending;
            message.let_go = None;
        }
        answer(no, Some(State::Pending))
    }

    fn cancel(&mut self, who: Who, target: Target) -> Outcome {
        let Some(at) = self.within_reach(who, target) else {
            let mut no = self.lacking(who, Scope::Draft);
            no.push("not_found");
            return Outcome::Refused(no);
        };
        let mut no = vec![];
        let drafts = self.has(who, Scope::Draft);
        let message = &mut self.messages[at];
        if matches!(who, Who::Key(_)) && (!drafts || (message.author != who && message.editor != who)) {
            no.extend(["not_the_author", "scope_missing"]);
        }
        let to = match message.state {
            State::Pending | State::ChangesRequested => State::Withdrawn,
            State::Approved | State::Queued => State::Cancelled,
            _ => {
                no.push("too_late");
                return Outcome::Refused(no);
            }
        };
        if no.is_empty() {
            assert!(message.state.successors().contains(&to));
            message.decisions += usize::from(to == State::Withdrawn);
            message.state = to;
        }
        answer(no, Some(to))
    }

    fn decide(&mut self, who: Who, target: Target, kind: DecisionKind, hash: Hash, reason: bool) -> Outcome {
        let mut no = self.lacking(who, Scope::Oversight);
        if !reason && kind != DecisionKind::Approve {
            no.push("reason_missing");
        }
        let Some(at) = self.within_reach(who, target) else {
            no.push("not_found");
            return Outcome::Refused(no);
        };
        let message = &mut self.messages[at];
        if message.state != State::Pending {
            no.push(if message.decisions > 0 { "already_decided" } else { "state_conflict" });
        }
        let person_required = self.mailboxes[message.mailbox].person_required;
        if person_required && matches!(who, Who::Key(_)) {
            no.push("person_required");
        }
        if message.author == who || message.editor == who {
            no.push("four_eyes");
        }
        match hash {
            Hash::None => match message.seen.get(&who) {
                None => no.push("not_read"),
                Some(seen) if *seen != message.version => no.push("content_changed"),
                Some(_) => {}
            },
            hash if hash.is_wrong(message.version) => no.push("content_changed"),
            _ => {}
        }
        if kind == DecisionKind::Approve && self.mailboxes[message.mailbox].mode == Mode::ReadOnly {
            no.push("mailbox_read_only");
        }
        let to = match kind {
            DecisionKind::Approve => State::Approved,
            DecisionKind::Reject => State::Rejected,
            _ => State::ChangesRequested,
        };
        if no.is_empty() {
            assert!(message.state.successors().contains(&to));
            message.state = to;
            message.decisions += 1;
            if to == State::Approved {
                message.approved = Some((who, message.version, person_required));
                if let Some(campaign) = message.campaign {
                    self.approved_campaigns.insert((message.mailbox, campaign));
                }
            }
        }
        answer(no, Some(to))
    }

    fn waive(&mut self, who: Who, target: Target) -> Outcome {
        let mut no = self.lacking(who, Scope::Oversight);
        // No message of the model has a claim.
        no.push("not_found");
        if let Some(at) = self.within_reach(who, target) {
            let message = &self.messages[at];
            if !matches!(message.state, State::Pending | State::ChangesRequested) {
                no.push("state_conflict");
            }
            if self.mailboxes[message.mailbox].person_required {
                no.push("person_required");
            }
            if message.author == who || message.editor == who {
                no.push("four_eyes");
            }
        }
        Outcome::Refused(no)
    }

    fn show(&mut self, who: Who, target: Target) -> Outcome {
        let mut no = self.lacking(who, Scope::Read);
        let found = self.within_reach(who, target);
        if found.is_none() {
            no.push("not_found");
        }
        if let (true, Some(at)) = (no.is_empty(), found) {
            self.saw(who, at);
            return Outcome::Done(Some(self.messages[at].state));
        }
        Outcome::Refused(no)
    }

    fn deliver(&mut self) -> Outcome {
        for message in &mut self.messages {
            let waits = matches!(message.state, State::Approved | State::Queued);
            let mailbox = &self.mailboxes[message.mailbox];
            if waits && !mailbox.stopped && mailbox.mode != Mode::ReadOnly {
                assert!(message.state.successors().contains(&State::Sending) && State::Sending.successors().contains(&State::Sent));
                let suppressed = self.suppressed[message.contact];
                message.state = if suppressed { State::Skipped } else { State::Sent };
                self.sent_to_suppressed += usize::from(suppressed && message.state == State::Sent);
            }
        }
        Outcome::Done(None)
    }

    /// What must hold of a message at any time.
    pub fn check_message(&self, at: usize) {
        let message = &self.messages[at];
        let cleared = [State::Approved, State::Queued, State::Sending, State::Sent, State::Uncertain, State::Skipped];
        if !cleared.contains(&message.state) {
            return;
        }
        if let Some((mode, own, first, basis)) = message.let_go {
            assert!(mode <= own, "a mode looser than the mailbox's let it go: {message:?}");
            match message.author {
                Who::Person(_) => assert!(mode >= Mode::GatedSend, "{message:?}"),
                Who::Key(_) => assert!(mode >= Mode::Monitored && !first && basis, "an agent's message left without a look: {message:?}"),
            }
            return;
        }
        let Some((by, version, person_required)) = message.approved else { panic!("nobody approved it: {message:?}") };
        assert_eq!(version, message.version, "an older version was approved: {message:?}");
        assert!(by != message.author && by != message.editor, "its own author approved it: {message:?}");
        assert!(self.reaches(by, message.mailbox), "approved from elsewhere: {message:?}");
        if let Who::Key(key) = by {
            assert!(KEYS[key].0.contains(&Scope::Oversight) && !person_required, "a key approved it that may not: {message:?}");
        }
    }

    /// What must hold between one call and the next.
    pub fn check_step(&self, before: &World, call: &Call, outcome: &Outcome) {
        assert_eq!(self.sent_to_suppressed, 0);
        for (was, is) in before.suppressed.iter().zip(&self.suppressed) {
            assert!(is | !was, "a suppression was lifted by {call:?}");
        }
        let by_key = matches!(call.who(), Some(Who::Key(_)));
        for (was, is) in before.mailboxes.iter().zip(&self.mailboxes).filter(|_| by_key) {
            assert!(is.mode <= was.mode && is.person_required >= was.person_required, "a key loosened a mailbox: {call:?}");
            assert!(is.stopped >= was.stopped && is.bulk <= was.bulk, "a key loosened a mailbox: {call:?}");
        }
        if let (Some(who), Some(Target::Known(at)), Outcome::Done(_)) = (call.who(), call.message(), outcome) {
            assert!(self.reaches(who, self.messages[at].mailbox), "a call reached another mailbox: {call:?}");
        }
    }
}

fn answer(no: Vec<&'static str>, state: Option<State>) -> Outcome {
    if no.is_empty() { Outcome::Done(state) } else { Outcome::Refused(no) }
}

/// Calls until a world begins anew.
const AGE: u64 = 1000;

#[test]
fn no_random_call_on_the_model_breaks_an_invariant() {
    let (calls, mut dice) = (how_many(1_000_000), Dice::new(seed()));
    let mut world = World::imagined();
    let (mut done, mut refused, mut sent) = (0_u64, 0_u64, 0_usize);
    for step in 0..calls {
        if step % AGE == 0 {
            world = World::imagined();
        }
        let call = any_call(&mut dice, &world);
        let before = world.without_messages();
        let messages = world.messages.len();
        let outcome = world.make(&call);
        world.check_step(&before, &call, &outcome);
        match &outcome {
            Outcome::Done(_) => done += 1,
            Outcome::Refused(_) => refused += 1,
        }
        match (&call, call.message()) {
            (Call::Deliver, _) => (0..world.messages.len()).for_each(|at| world.check_message(at)),
            (Call::Pending { who }, _) if outcome == Outcome::Done(None) => {
                for at in 0..world.messages.len() {
                    if world.messages[at].state == State::Pending && world.reaches(*who, world.messages[at].mailbox) {
                        world.saw(*who, at);
                    }
                }
            }
            (_, Some(Target::Known(at))) => world.check_message(at),
            _ => (messages..world.messages.len()).for_each(|at| world.check_message(at)),
        }
        if step % AGE == AGE - 1 {
            (0..world.messages.len()).for_each(|at| world.check_message(at));
            sent += world.messages.iter().filter(|message| message.state == State::Sent).count();
        }
    }
    println!("{calls} calls: {done} done, {refused} refused; {sent} messages sent");
    assert!(done > calls / 10 && refused > calls / 10 && sent as u64 >= calls / 100, "the calls try something");
}

impl World {
    fn without_messages(&self) -> World {
        World {
            mailboxes: self.mailboxes.clone(),
            keys: vec![],
            people: vec![],
            suppressed: self.suppressed.clone(),
            messages: vec![],
            approved_campaigns: HashSet::new(),
            sent_to_suppressed: self.sent_to_suppressed,
        }
    }
}

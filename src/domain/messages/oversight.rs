//! The gate: one function says for every surface whether a message is refused, held or cleared.

use crate::domain::mailboxes::Mode;
use crate::text_enum;

use super::Origin;

text_enum!(
    /// On what authority a message leaves.
    pub enum ClearedBy {
        /// A decision on exactly this content.
        Decision => "decision",
        /// A person wrote it here, in a mailbox that lets people through.
        ComposedByPerson => "composed_by_person",
        /// The recipient is on the allow-list of a mailbox that holds what agents write.
        AllowList => "allow_list",
        /// The mode of the mailbox.
        Monitored => "monitored",
        /// The mode of the mailbox.
        Autonomous => "autonomous",
    }
);

/// What the gate looks at.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The stricter of mailbox and request.
    pub mode: Mode,
    /// Who put the words together.
    pub origin: Origin,
    /// No message of this campaign was approved yet.
    pub first_of_campaign: bool,
    /// It goes out as an announcement.
    pub announcement: bool,
    /// It is said to be about something the recipient ordered, so that rules for commercial mail do not hold.
    pub transactional: bool,
    /// There is a ground for mailing this person, as far as one is needed before a person looks.
    pub has_basis: bool,
    /// A hard claim in it rests on no recorded fact.
    pub open_claims: bool,
    /// The same person was promised something else.
    pub promised_otherwise: bool,
    /// It was made from a version of a template that nobody approved.
    pub unapproved_template: bool,
    /// A rule holds it.
    pub held_by_rule: bool,
    /// Its recipient is on the allow-list of the mailbox.
    pub allowed: bool,
}

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing leaves here.
    Refused,
    /// A person must look at it, for this reason.
    Held(&'static str),
    /// It may leave.
    Cleared(ClearedBy),
}

pub(super) const EVERY_MESSAGE: &str = "This mailbox holds every message.";
/// Held although its mailbox would not hold it.
pub(super) const BY_REQUEST: &str = "It was handed in for a person to look at.";
const BY_AGENT: &str = "An agent wrote it.";
const BY_DRAFTER: &str = "The drafter wrote it.";
const BY_MODEL: &str = "A model wrote it.";
const ANNOUNCEMENT: &str = "Announcements are always held.";
const TRANSACTIONAL: &str = "It is said to be transactional, which takes a person to confirm.";
/// Held for a person who records a ground or rejects the message.
pub(in crate::domain) const NO_GROUND: &str = "No ground for mailing this person is on record.";
/// Held by a rule; whoever shows it names the rule.
pub(super) const BY_RULE: &str = "A rule holds it.";
const UNAPPROVED_TEMPLATE: &str = "Nobody approved this version of its template.";
const FIRST: &str = "It is the first message of a new campaign.";
/// The reasons that speak of no trouble with the message itself.
const MODES_OWN: &[&str] = &[EVERY_MESSAGE, BY_REQUEST, BY_AGENT, BY_DRAFTER, BY_MODEL, ANNOUNCEMENT, UNAPPROVED_TEMPLATE, FIRST];

text_enum!(
    /// What the gate looks at, in the order in which it does.
    pub enum Check {
        /// Whether a rule holds it.
        Rule => "holding_rule",
        /// The mode of the mailbox and who put the words together.
        Mode => "mode",
        /// Whether every hard claim rests on a fact.
        Claims => "claims",
        /// Whether the person was promised something else.
        EarlierPromise => "earlier_promise",
        /// Whether it is an announcement.
        Announcement => "announcement",
        /// Whether the version of its template was approved, where it was made from one.
        Template => "template",
        /// Whether one of its campaign was approved before.
        FirstOfCampaign => "first_of_campaign",
        /// Whether a machine says that it is transactional.
        Class => "class",
        /// Whether a ground for mailing the person is on record.
        ConsentBasis => "consent_basis",
    }
);

impl Check {
    /// What it says when nothing speaks against the message.
    pub fn passed(self) -> &'static str {
        match self {
            Check::Rule => "No rule holds it.",
            Check::Mode => "The mode lets it out after the checks.",
            Check::Claims => "Every hard claim rests on a recorded fact.",
            Check::EarlierPromise => "The person was promised nothing else.",
            Check::Announcement => "It is no announcement, or a person wrote it.",
            Check::Template => "It was made from no template, or from a version that is approved, or a person wrote it.",
            Check::FirstOfCampaign => "It is not the first of a new campaign, or a person wrote it.",
            Check::Class => "It is commercial, or a person says that it is not.",
            Check::ConsentBasis => "A ground for mailing this person is on record, or a person wrote it.",
        }
    }
}

/// The table of modes in `product` terms, check by check.
pub fn checks(facts: Facts) -> Vec<(Check, Verdict)> {
    let cleared = Verdict::Cleared(match (facts.origin, facts.mode) {
        (Origin::Person, _) => ClearedBy::ComposedByPerson,
        (_, Mode::GatedSend) if facts.allowed => ClearedBy::AllowList,
        (_, Mode::Monitored) => ClearedBy::Monitored,
        _ => ClearedBy::Autonomous,
    });
    let held = |bad: bool, why| if bad { Verdict::Held(why) } else { cleared };
    let by_machine = facts.origin != Origin::Person;
    let mode = match (facts.mode, facts.origin) {
        (Mode::ReadOnly, _) => Verdict::Refused,
        (Mode::GatedAll, _) => Verdict::Held(EVERY_MESSAGE),
        (Mode::GatedSend, _) if facts.allowed => cleared,
        (Mode::GatedSend, Origin::Agent) => Verdict::Held(BY_AGENT),
        (Mode::GatedSend, Origin::Playbook) => Verdict::Held(BY_DRAFTER),
        (Mode::GatedSend, Origin::Model) => Verdict::Held(BY_MODEL),
        _ => cleared,
    };
    let rule = match facts.mode {
        Mode::ReadOnly => Verdict::Refused,
        _ => held(facts.held_by_rule, BY_RULE),
    };
    vec![
        (Check::Rule, rule),
        (Check::Mode, mode),
        (Check::Claims, held(facts.open_claims, "A claim in it rests on no recorded fact.")),
        (Check::EarlierPromise, held(facts.promised_otherwise, "The same person was promised something else before.")),
        (Check::Announcement, held(by_machine && facts.announcement, ANNOUNCEMENT)),
        (Check::Template, held(by_machine && facts.unapproved_template, UNAPPROVED_TEMPLATE)),
        (Check::FirstOfCampaign, held(by_machine && facts.first_of_campaign, FIRST)),
        (Check::Class, held(by_machine && facts.transactional, TRANSACTIONAL)),
        (Check::ConsentBasis, held(!facts.has_basis, NO_GROUND)),
    ]
}

/// What the gate says of a message: the first check that does not clear it, or what cleared it.
pub fn gate(facts: Facts) -> Verdict {
    let mut verdict = Verdict::Refused;
    for (_, said) in checks(facts) {
        verdict = said;
        if !matches!(said, Verdict::Cleared(_)) {
            break;
        }
    }
    verdict
}

/// The reasons of stricter modes for holding a message, which this mode does not have.
pub(in crate::domain) fn let_out_by(mode: Mode) -> Vec<&'static str> {
    match mode {
        Mode::ReadOnly | Mode::GatedAll => vec![],
        Mode::GatedSend => vec![EVERY_MESSAGE],
        Mode::Monitored | Mode::Autonomous => vec![EVERY_MESSAGE, BY_AGENT, BY_DRAFTER, BY_MODEL],
    }
}

/// Whether a message is held for no other reason than its mode's own.
pub(in crate::domain) fn is_modes_own(held_because: &str) -> bool {
    MODES_OWN.contains(&held_because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(mode: Mode, origin: Origin) -> Facts {
        Facts {
            mode,
            origin,
            first_of_campaign: false,
            announcement: false,
            transactional: false,
            has_basis: true,
            open_claims: false,
            promised_otherwise: false,
            unapproved_template: false,
            held_by_rule: false,
            allowed: false,
        }
    }

    #[test]
    fn the_table_of_modes_holds() {
        use Origin::{Agent, Model, Person, Playbook};
        for origin in [Agent, Person, Playbook, Model] {
            assert_eq!(gate(facts(Mode::ReadOnly, origin)), Verdict::Refused);
            assert!(matches!(gate(facts(Mode::GatedAll, origin)), Verdict::Held(_)));
        }
        for origin in [Agent, Playbook, Model] {
            assert!(matches!(gate(facts(Mode::GatedSend, origin)), Verdict::Held(_)));
            assert_eq!(gate(facts(Mode::Monitored, origin)), Verdict::Cleared(ClearedBy::Monitored));
            assert_eq!(gate(facts(Mode::Autonomous, origin)), Verdict::Cleared(ClearedBy::Autonomous));
        }
        for mode in [Mode::GatedSend, Mode::Monitored, Mode::Autonomous] {
            assert_eq!(gate(facts(mode, Person)), Verdict::Cleared(ClearedBy::ComposedByPerson));
        }
    }

    #[test]
    fn recipients_on_the_list_need_no_look_where_only_machines_are_held() {
        let allowed = |mode| gate(Facts { allowed: true, ..facts(mode, Origin::Agent) });
        assert_eq!(allowed(Mode::GatedSend), Verdict::Cleared(ClearedBy::AllowList));
        assert!(matches!(allowed(Mode::GatedAll), Verdict::Held(_)));
        assert_eq!(allowed(Mode::ReadOnly), Verdict::Refused);
        assert_eq!(allowed(Mode::Monitored), Verdict::Cleared(ClearedBy::Monitored));
        let base = Facts { allowed: true, ..facts(Mode::GatedSend, Origin::Agent) };
        assert!(matches!(gate(Facts { first_of_campaign: true, ..base }), Verdict::Held(_)));
        assert!(matches!(gate(Facts { open_claims: true, ..base }), Verdict::Held(_)));
        assert_eq!(gate(Facts { held_by_rule: true, ..base }), Verdict::Held(BY_RULE));
    }

    #[test]
    fn some_messages_are_held_whatever_the_looser_mode_says() {
        for mode in [Mode::Monitored, Mode::Autonomous] {
            let base = facts(mode, Origin::Agent);
            assert!(matches!(gate(Facts { first_of_campaign: true, ..base }), Verdict::Held(_)));
            assert!(matches!(gate(Facts { announcement: true, ..base }), Verdict::Held(_)));
            assert!(matches!(gate(Facts { transactional: true, ..base }), Verdict::Held(_)));
            assert!(matches!(gate(Facts { unapproved_template: true, ..base }), Verdict::Held(_)));
            assert!(matches!(gate(Facts { transactional: true, origin: Origin::Person, ..base }), Verdict::Cleared(_)));
            for origin in [Origin::Agent, Origin::Person] {
                assert!(matches!(gate(Facts { has_basis: false, origin, ..base }), Verdict::Held(_)));
            }
            for origin in [Origin::Agent, Origin::Person, Origin::Playbook, Origin::Model] {
                assert_eq!(gate(Facts { held_by_rule: true, origin, ..base }), Verdict::Held(BY_RULE));
                assert!(matches!(gate(Facts { open_claims: true, origin, ..base }), Verdict::Held(_)));
                assert!(matches!(gate(Facts { promised_otherwise: true, origin, ..base }), Verdict::Held(_)));
            }
        }
    }
}

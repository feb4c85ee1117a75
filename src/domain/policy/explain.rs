//! Why somebody can be mailed now, or not.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, Contact};
use crate::domain::controls::allowed;
use crate::domain::controls::holding::{self, Case};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MailboxId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::messages::oversight::Facts;
use crate::domain::messages::promises::{self, OpenPromise};
use crate::domain::messages::{Origin, submit};
use crate::domain::preferences::topics;
use crate::domain::referrals::fatigue::Prompt;

use super::checks::{Known, Outgoing, Person, Stream, evaluate};
use super::consent::{self, Allowed, Class};
use super::rules::{self, Rules};
use super::{Check, Outcome, Standing, Verdict, known, of_gate, outcome};

/// The class of mail that is always held in the looser modes.
pub(super) const ANNOUNCEMENT: &str = "announcement";

/// Who, from where and what for.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// A contact's id or an address.
    pub who: String,
    /// The mailbox by address or id; none where only one is within reach.
    pub mailbox: Option<String>,
    /// The class of mail, such as `win_back` or `announcement`.
    pub class: Option<String>,
    /// The campaign it would belong to.
    pub campaign: Option<String>,
}

/// Every check between a person and a message, in the order in which they weigh.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The contact, where the address is one.
    pub contact_id: Option<ContactId>,
    /// The address.
    pub email: String,
    /// The mailbox.
    pub mailbox_id: MailboxId,
    /// Its address.
    pub mailbox: String,
    /// Its mode.
    pub mode: Mode,
    /// The weightiest verdict.
    pub verdict: Verdict,
    /// The check that decides, unless all pass.
    pub because: Option<Check>,
    /// The checks.
    pub checks: Vec<Check>,
}

/// Explains for one person what would happen to a message that this actor submits now.
pub fn explain(conn: &mut Conn, actor: &Actor, question: &Question, now: Time) -> Result<Explanation> {
    actor.must_have(Scope::Read)?;
    let mailbox = mailboxes::resolve(conn, actor, question.mailbox.as_deref())?;
    let (contact, email, standing) = if question.who.contains('@') {
        let address = EmailAddress::parse("email", &question.who)?;
        let known = contacts::find_many(conn, actor, &[], &[address.key().to_owned()])?.pop();
        let standing = Standing::of(conn, address.key(), known.as_ref().map(|contact| &contact.row))?;
        (known, address.as_str().to_owned(), standing)
    } else {
        let contact = contacts::get(conn, actor, &ContactId::from(question.who.as_str()))?;
        let email = contact.row.email.clone();
        let standing = Standing::of_contact(&contact);
        (Some(contact), email, standing)
    };
    let standing = Standing { is_test: is_test(actor), ..standing.with_switches(conn, &mailbox)? };
    let gate = Gate::look(conn, &mailbox, question.class.as_deref(), question.campaign.as_deref(), now)?;
    let domain = email.rsplit('@').next().unwrap_or_default().to_owned();
    let person = match &contact {
        Some(contact) => gate.people(conn, std::slice::from_ref(&contact.row.id), now)?.remove(&contact.row.id).unwrap_or_default(),
        None => Person::default(),
    };
    let ruled = gate.is_ruled(conn, contact.as_ref(), now)?;
    let mut checks = gate.checks(&standing, contact.as_ref(), &person, &domain, ruled, now);
    checks.push(earlier_promise(conn, contact.as_ref(), now)?);
    let because = match outcome(&checks) {
        Outcome::Send => None,
        Outcome::Defer { because, .. } | Outcome::Skip(because) | Outcome::Hold(because) => Some(because),
    };
    Ok(Explanation {
        contact_id: contact.map(|contact| contact.row.id),
        email,
        mailbox_id: mailbox.id,
        mailbox: mailbox.address,
        mode: mailbox.mode,
        verdict: because.as_ref().map_or(Verdict::Pass, |check| check.verdict),
        because,
        checks,
    })
}

pub(super) fn is_test(actor: &Actor) -> bool {
    matches!(actor, Actor::Key { is_test: true, .. })
}

/// What the gate looks at that is the same for everybody.
pub(super) struct Gate {
    mode: Mode,
    announcement: bool,
    asks: bool,
    first_of_campaign: bool,
    class: Class,
    campaign: Option<String>,
    topic: Option<String>,
    mailbox: MailboxId,
    /// Recipients whose mail need not be held.
    allowed: HashSet<String>,
    /// What it would be for, as a tag.
    kind: Vec<String>,
    has_rules: bool,
    pub(super) rules: Rules,
    pub(super) stream: Stream,
}

impl Gate {
    pub(super) fn look(conn: &mut Conn, mailbox: &Mailbox, class: Option<&str>, campaign: Option<&str>, now: Time) -> Result<Gate> {
        // commercial is what the send call says of all but one of them.
        const CLASSES: &[&str] = &["commercial", "win_back", "migration", "referral", "drip", ANNOUNCEMENT, "feedback", "transactional", "other"];
        if let Some(class) = class.filter(|class| !CLASSES.contains(class)) {
            let detail = format!("class must be one of {}; got \"{}\".", CLASSES.join(", "), crate::domain::text::excerpt(class));
            return Err(Error::invalid("field_invalid", "class", detail));
        }
        let asks = class == Some("referral");
        let first_ask = submit::is_first_ask(conn, mailbox, asks.then_some(Prompt::Ask))?;
        let first_of_campaign = submit::is_first(conn, mailbox, campaign, &[])? || first_ask;
        let flows = known::flows(conn, std::slice::from_ref(&mailbox.id), false, now)?;
        let stream = flows.into_values().next().map(|flow| flow.stream).ok_or_else(|| Error::not_found("mailbox"))?;
        Ok(Gate {
            mode: mailbox.mode,
            announcement: class == Some(ANNOUNCEMENT),
            asks,
            first_of_campaign,
            class: if class == Some("transactional") { Class::Transactional } else { Class::Commercial },
            campaign: campaign.map(str::to_owned),
            topic: topics::of_message(conn, &mailbox.id, campaign, None)?.map(|topic| topic.id.to_string()),
            mailbox: mailbox.id.clone(),
            allowed: allowed::patterns(conn, mailbox)?,
            kind: class.map(str::to_owned).into_iter().collect(),
            has_rules: holding::are_there(conn, &mailbox.id)?,
            rules: rules::rules(conn)?,
            stream,
        })
    }

    /// Whether a rule would hold a message to this contact, whatever its words.
    pub(super) fn is_ruled(&self, conn: &mut Conn, contact: Option<&Contact>, now: Time) -> Result<bool> {
        let Some(contact) = contact.filter(|_| self.has_rules) else { return Ok(false) };
        let case = Case { mailbox: &self.mailbox, contact: &contact.row, campaign: self.campaign.as_deref(), tags: &self.kind, amounts: &[] };
        Ok(holding::of_case(conn, case, now)?.is_some())
    }

    /// What is known of these people, as far as such a message is concerned.
    pub(super) fn people(&self, conn: &mut Conn, ids: &[ContactId], now: Time) -> Result<HashMap<ContactId, Person>> {
        let mut people = known::people(conn, ids, &self.rules, now)?;
        if self.asks {
            known::prompted(conn, &mut people, ids)?;
        }
        Ok(people)
    }

    /// The checks of one person. What depends on the words of a message is left to the submission.
    pub(super) fn checks(&self, standing: &Standing, contact: Option<&Contact>, person: &Person, domain: &str, ruled: bool, now: Time) -> Vec<Check> {
        let ground = consent::look(self.class, &person.held, false, &self.rules, now);
        let prompt = self.asks.then_some((Prompt::Ask, None));
        let message = Outgoing {
            class: self.class,
            campaign: self.campaign.clone(),
            topic: self.topic.clone(),
            reviewed: false,
            prompt,
            ..Outgoing::commercial(domain, now)
        };
        let facts = Facts {
            mode: self.mode,
            origin: Origin::Agent,
            first_of_campaign: self.first_of_campaign,
            announcement: self.announcement,
            transactional: self.class == Class::Transactional,
            has_basis: ground == Allowed::Yes,
            open_claims: false,
            promised_otherwise: false,
            unapproved_template: false,
            held_by_rule: ruled,
            allowed: contact.is_some_and(|contact| allowed::is_among(&self.allowed, &contact.row.email_key)),
        };
        let mut checks = evaluate(Known { standing, person, message: &message, stream: &self.stream, rules: &self.rules }, now);
        checks.extend(of_gate(facts).into_iter().filter(|check| !matches!(check.check, "claims" | "earlier_promise" | "template" | "consent_basis")));
        if let (Some(basis), Some(contact)) = (checks.iter_mut().find(|check| check.check == "consent_basis"), contact) {
            basis.data["consents"] = json!(contact.consents);
        }
        checks.sort_by_key(|check| ORDER.iter().position(|name| *name == check.check));
        checks
    }
}

/// The order of the checks of a message, as they weigh.
const ORDER: &[&str] = &[
    "stop_switch",
    "mailbox_stopped",
    "mode",
    "holding_rule",
    "live_key",
    "warrant",
    "content_hash",
    "suppression",
    "unsubscribed_tag",
    "erased",
    "consent_basis",
    "class",
    "announcement",
    "first_of_campaign",
    "topic",
    "frequency_cap",
    "referral_cap",
    "quiet_hours",
    "campaign_stop",
    "facts_current",
    "reputation",
    "warm_up",
    "throttle",
    "domain_throttle",
    "already_sent",
];

/// What was promised before: another offer beside it would be held.
fn earlier_promise(conn: &mut Conn, contact: Option<&Contact>, now: Time) -> Result<Check> {
    let standing = match contact {
        Some(contact) => promises::open_promise(conn, &contact.row.id, |_| true, now)?,
        None => None,
    };
    let (detail, data) = match standing {
        Some(OpenPromise { day, code, saving }) => (
            format!("On {day} this person was promised {saving} with {code}. A message with another offer would be held."),
            json!({"promised_on": day, "code": code, "saving": saving}),
        ),
        None => ("No offer that is still open was promised to this person.".to_owned(), json!(null)),
    };
    Ok(Check::new("earlier_promise", Verdict::Pass, detail, data))
}

//! The checks that stand between a person and a message, in one table and pure. Submission, the worker's claim, the
//! forecast of a batch, *explain* and *forecast* all ask here, so that none of them can say something else.

pub mod checks;
pub mod consent;
mod explain;
mod forecast;
mod known;
mod queries;
pub mod quiet;
pub mod rules;
mod standing;
#[cfg(test)]
mod tests;
pub mod transmit;

use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Error;
use crate::domain::ids::{ContactId, MessageId};
use crate::domain::messages::oversight::{self, Facts};
use crate::domain::referrals::fatigue::{self, Prompt};
use crate::text_enum;

use consent::{Allowed, Class};

pub use explain::{Explanation, Question, explain};
pub use forecast::{Forecast, Group, Named, Reason, forecast};
pub use standing::{Case, Standing};

text_enum!(
    /// What a check says. Later ones weigh more.
    pub enum Verdict {
        /// Nothing speaks against it.
        Pass => "pass",
        /// It waits, and leaves by itself at a known time.
        Defer => "defer",
        /// It waits: for a person, or until something is lifted.
        Hold => "hold",
        /// It will not be sent.
        Refuse => "refuse",
    }
);

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Its name.
    pub check: &'static str,
    /// What it says.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub detail: String,
    /// What it looked at.
    pub data: Value,
    /// When it may say otherwise by itself; none where only somebody's action helps.
    pub next_eligible_at: Option<Time>,
}

impl Check {
    pub(super) fn new(check: &'static str, verdict: Verdict, detail: impl Into<String>, data: Value) -> Self {
        Check { check, verdict, detail: detail.into(), data, next_eligible_at: None }
    }
}

/// A check's name, what it has against a message, and what it says where it has nothing.
type Looked = (&'static str, Option<(Verdict, String)>, &'static str);

/// The checks of the person and of the switches, without the data they looked at.
fn against(standing: &Standing) -> [Looked; 6] {
    let all = standing.all_stopped.then(|| (Verdict::Hold, "All sending is stopped; it waits until somebody resumes it.".to_owned()));
    let mailbox = standing.mailbox_stopped.map(|_| (Verdict::Hold, "Its mailbox is stopped; it waits until somebody resumes it.".to_owned()));
    let test = standing.is_test.then(|| (Verdict::Refuse, "Made with a test key: recorded and not sent.".to_owned()));
    let suppressed = standing.suppressed.as_ref().map(|suppression| (Verdict::Refuse, suppression.refusal().detail));
    let left = standing
        .unsubscribed
        .then(|| (Verdict::Refuse, "The contact has the tag \"unsubscribed\". Only the recipient can undo an unsubscribe.".to_owned()));
    let erased = standing.erased_at.map(|at| (Verdict::Refuse, format!("The person was erased on {} and must not be mailed again.", at.date())));
    [
        ("stop_switch", all, "Sending is not stopped."),
        ("mailbox_stopped", mailbox, "The mailbox is not stopped."),
        ("live_key", test, "It is not a test."),
        ("suppression", suppressed, "The address is not suppressed."),
        ("unsubscribed_tag", left, "The contact does not have the tag \"unsubscribed\"."),
        ("erased", erased, "The person was not erased."),
    ]
}

/// The checks of the person and of the switches: those that hold for every message, however it was cleared.
pub fn of_standing(standing: &Standing) -> Vec<Check> {
    let data = [
        json!({"stopped": standing.all_stopped}),
        json!({"stopped_at": standing.mailbox_stopped}),
        json!({"test": standing.is_test}),
        json!(standing.suppressed.as_ref().map(|s| json!({"reason": s.reason, "source": s.source, "since": s.created_at}))),
        json!({"unsubscribed": standing.unsubscribed}),
        json!({"erased_at": standing.erased_at}),
    ];
    let said = |((check, bad, good), data): (Looked, Value)| match bad {
        Some((verdict, detail)) => Check::new(check, verdict, detail, data),
        None => Check::new(check, Verdict::Pass, good, data),
    };
    against(standing).into_iter().zip(data).map(said).collect()
}

/// The checks of oversight: what the gate says of a message with these facts, one by one.
pub fn of_gate(facts: Facts) -> Vec<Check> {
    let data = |check| match check {
        oversight::Check::Rule => json!({"held": facts.held_by_rule}),
        oversight::Check::Mode => json!({"mode": facts.mode, "origin": facts.origin}),
        oversight::Check::Claims => json!({"open_claims": facts.open_claims}),
        oversight::Check::EarlierPromise => json!({"promised_otherwise": facts.promised_otherwise}),
        oversight::Check::Announcement => json!({"announcement": facts.announcement}),
        oversight::Check::Template => json!({"unapproved": facts.unapproved_template}),
        oversight::Check::FirstOfCampaign => json!({"first_of_campaign": facts.first_of_campaign}),
        oversight::Check::Class => json!({"transactional": facts.transactional}),
        oversight::Check::ConsentBasis => json!({"recorded": facts.has_basis}),
    };
    oversight::checks(facts)
        .into_iter()
        .map(|(check, verdict)| match verdict {
            oversight::Verdict::Refused => Check::new(check.as_str(), Verdict::Refuse, "The mailbox is read_only: nothing leaves it.", data(check)),
            oversight::Verdict::Held(why) => Check::new(check.as_str(), Verdict::Hold, why, data(check)),
            oversight::Verdict::Cleared(_) => Check::new(check.as_str(), Verdict::Pass, check.passed(), data(check)),
        })
        .collect()
}

/// What becomes of a message by its checks.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It leaves.
    Send,
    /// It leaves at this time at the earliest, by itself.
    Defer {
        /// When it is looked at again.
        until: Time,
        /// The check that says so.
        because: Check,
    },
    /// It will not be sent.
    Skip(Check),
    /// It waits for a person.
    Hold(Check),
}

impl Outcome {
    /// Why it will not be sent.
    pub fn skipped(&self) -> Option<String> {
        match self {
            Outcome::Skip(because) => Some(because.detail.clone()),
            _ => None,
        }
    }
}

/// What the checks come to: a refusal before a hold before a delay; of several delays the longest.
pub fn outcome(checks: &[Check]) -> Outcome {
    let Some(because) = decisive(checks).cloned() else { return Outcome::Send };
    match because.verdict {
        Verdict::Pass => Outcome::Send,
        Verdict::Defer => {
            let because = longest_delay(checks).cloned().unwrap_or(because);
            Outcome::Defer { until: because.next_eligible_at.unwrap_or_default(), because }
        }
        Verdict::Hold => Outcome::Hold(because),
        Verdict::Refuse => Outcome::Skip(because),
    }
}

/// Of the checks that delay, the one that does so longest.
fn longest_delay(checks: &[Check]) -> Option<&Check> {
    checks.iter().filter(|check| check.verdict == Verdict::Defer).max_by_key(|check| check.next_eligible_at)
}

/// The check that decides: the first of those that weigh most, unless all pass.
pub fn decisive(checks: &[Check]) -> Option<&Check> {
    let worst = checks.iter().map(|check| check.verdict).max()?;
    checks.iter().find(|check| check.verdict == worst && worst != Verdict::Pass)
}

/// Whether there is a ground for mail of this class to a contact. `named` says that whoever wrote it named one.
pub(in crate::domain) fn ground(
    conn: &mut Conn,
    contact: &ContactId,
    class: Class,
    reviewed: bool,
    named: bool,
    now: Time,
) -> Result<Allowed, Error> {
    let rules = rules::rules(conn)?;
    let held = known::held(conn, contact)?;
    Ok(match named && !held.is_asked() {
        true => Allowed::Yes,
        false => consent::look(class, &held, reviewed, &rules, now),
    })
}

/// Refuses to write to somebody what asks them too often to recommend.
pub(in crate::domain) fn refuse_prompt(conn: &mut Conn, contact: &ContactId, prompt: Option<Prompt>, now: Time) -> Result<(), Error> {
    let Some(prompt) = prompt else { return Ok(()) };
    let history = fatigue::of_many(conn, std::slice::from_ref(contact))?.remove(contact).unwrap_or_default();
    match history.against(prompt, None, now) {
        Some(no) if no.until.is_some() => Err(Error::conflict("referral_cooldown", no.why)),
        Some(no) => Err(Error::conflict("referral_limit", no.why)),
        None => Ok(()),
    }
}

/// What a message is for.
pub fn class_of(conn: &mut Conn, id: &MessageId) -> Result<Class, Error> {
    Ok(known::queries::classes(conn, std::slice::from_ref(id))?.pop().map_or(Class::Commercial, |(_, class)| class))
}

/// Keeps what a message is for, where it is not commercial.
pub(in crate::domain) fn keep_class(conn: &mut Conn, id: &MessageId, class: Class) -> Result<(), Error> {
    if class != Class::Commercial {
        known::queries::set_class(conn, id, class)?;
    }
    Ok(())
}

/// Why a message to this person would be skipped, whatever was approved.
pub fn refusal(standing: &Standing) -> Option<String> {
    first(standing, Verdict::Refuse)
}

/// Why a message that was cleared would wait.
pub fn hold(standing: &Standing) -> Option<String> {
    first(standing, Verdict::Hold)
}

fn first(standing: &Standing, verdict: Verdict) -> Option<String> {
    against(standing).into_iter().find_map(|(_, bad, _)| bad.filter(|(is, _)| *is == verdict).map(|(_, detail)| detail))
}

/// The error of submitting a message to somebody who must not be mailed.
pub fn refuse(standing: &Standing) -> Result<(), Error> {
    match (&standing.suppressed, refusal(&Standing { is_test: false, ..standing.clone() })) {
        (Some(suppression), _) => Err(suppression.refusal()),
        (None, Some(detail)) => Err(Error::conflict("recipient_suppressed", detail)),
        (None, None) => Ok(()),
    }
}

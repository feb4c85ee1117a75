//! Drafting for those whom a rule fits: some at a time, each once, held for a person. What was begun goes on after a restart.

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::churn::variants::{self, Choice};
use crate::domain::churn::{self, ChurnEvent, Status, answers};
use crate::domain::contacts::{self, Search};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, WinbackRuleId};
use crate::domain::mailboxes::{self, Mode};
use crate::domain::messages;
use crate::domain::policy::consent::{Allowed, Class};
use crate::domain::policy::{self, Standing};
use crate::domain::{rounds, segments};

use super::picks::{self, Arm};
use super::{Rule, queries};

/// The name under which rules draft.
const ACTOR: &str = "win-back rule";
/// Departures that one step looks at, in one transaction: few, because others write meanwhile.
const STEP: i64 = 10;
/// Time between two runs of a rule, in seconds.
const EVERY_SECONDS: i64 = 3600;

/// Looks at some more departures of the rule whose turn it is, and says whether there is more to do. Where a step fails it is taken
/// back whole, and its rule is set aside, so that those behind it go on.
pub fn step(conn: &mut Conn, now: Time) -> Result<bool> {
    let Some((id, failures)) = queries::due(conn, now)? else { return Ok(false) };
    let done = transaction(conn, |conn| step_of(conn, &id, now));
    rounds::set_aside_failed(done, failures, now, |aside| queries::set_aside(conn, &id, aside.failures, aside.until, &aside.why))
}

fn step_of(conn: &mut Conn, id: &WinbackRuleId, now: Time) -> Result<()> {
    // Two processes take turns; the second finds how far the first came.
    queries::hold(conn, id)?;
    let Some(mut rule) = queries::by_id(conn, id)?.filter(|rule| rule.enabled && rule.next_run_at <= now) else { return Ok(()) };
    let mailbox = mailboxes::get(conn, &Actor::System(ACTOR), &rule.mailbox_id)?;
    if mailbox.mode == Mode::ReadOnly {
        return Err(Error::forbidden("mailbox_read_only", format!("{} is read_only: nothing leaves it. Choose another mailbox.", mailbox.address)));
    }
    let today = now.date().to_string();
    if rule.day != today {
        (rule.day, rule.drafted_on_day) = (today, 0);
    }
    let segment = segment_of(conn, &rule, now)?;
    let found = if is_full(&rule) { vec![] } else { queries::fitting(conn, &rule, segment.as_ref(), now, STEP)? };
    for event in &found {
        if is_full(&rule) {
            break;
        }
        match consider(conn, &rule, event, now)? {
            Some(Arm::Letter) => (rule.drafted, rule.drafted_on_day) = (rule.drafted + 1, rule.drafted_on_day + 1),
            Some(Arm::HeldOut) => rule.held_out += 1,
            Some(_) => rule.left_out += 1,
            None => {}
        }
        (rule.last_left_at, rule.last_event) = (event.churned_at, event.id.as_str().to_owned());
    }
    if found.is_empty() {
        // In the next run it looks at everybody anew: updates ship, and what was under way is decided.
        (rule.last_left_at, rule.last_event) = (Time::from_seconds(0), String::new());
        rule.next_run_at = now.plus_seconds(EVERY_SECONDS);
    }
    (rule.failures, rule.trouble) = (0, None);
    Ok(queries::update(conn, &rule)?)
}

fn is_full(rule: &Rule) -> bool {
    rule.drafted_on_day >= rule.daily
}

pub(super) fn segment_of(conn: &mut Conn, rule: &Rule, now: Time) -> Result<Option<Search>> {
    rule.segment_id.as_ref().map(|id| Ok(segments::by_id(conn, id)?.search(0, None, now))).transpose()
}

/// Whether a letter may be written about this departure now, but for the lot. What hinders it may pass, so nothing is written down.
pub(super) fn may_get(conn: &mut Conn, rule: &Rule, event: &ChurnEvent, now: Time) -> Result<Option<ContactId>> {
    let Some(contact) = event.contact_id.clone() else { return Ok(None) };
    let known = contacts::row(conn, &contact)?;
    if policy::refusal(&Standing::of(conn, &known.email_key, Some(&known))?).is_some()
        || matches!(policy::ground(conn, &contact, Class::Commercial, false, false, now)?, Allowed::No(_))
        || messages::queries::is_under_way(conn, &contact)?
        || messages::queries::was_won_back(conn, &contact, event.churned_at)?
        || picks::is_held_out(conn, &contact)?
    {
        return Ok(None);
    }
    if rule.needs_update && answers::answers(conn, event, now)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(contact))
}

/// What became of one departure; nothing where it is not to be picked now.
fn consider(conn: &mut Conn, rule: &Rule, event: &ChurnEvent, now: Time) -> Result<Option<Arm>> {
    churn::hold(conn, &event.id)?;
    let event = churn::get_row(conn, &event.id)?;
    let untouched = matches!(event.status, Status::New | Status::Processing | Status::VariantsGenerated) && event.letter_at.is_none();
    if !untouched || queries::pick(conn, &event.id)?.is_some() {
        return Ok(None);
    }
    let Some(contact) = may_get(conn, rule, &event, now)? else { return Ok(None) };
    if picks::draw(&contact, rule.holdout) {
        picks::keep(conn, rule, &event, Arm::HeldOut, None, now)?;
        return Ok(Some(Arm::HeldOut));
    }
    // Refused for one customer is no reason to stop.
    let (arm, because) = match transaction(conn, |conn| draft(conn, rule, &event, now)) {
        Ok(()) => (Arm::Letter, None),
        Err(error) if !error.kind.is_ours() => (Arm::LeftOut, Some(error.code)),
        Err(error) => return Err(error),
    };
    picks::keep(conn, rule, &event, arm, because, now)?;
    Ok(Some(arm))
}

/// Chooses one of the nine letters, which are written where they are not there yet. It waits for a person whatever the mailbox's mode.
fn draft(conn: &mut Conn, rule: &Rule, event: &ChurnEvent, now: Time) -> Result<()> {
    let actor = Actor::System(ACTOR);
    let mut all = variants::list(conn, &actor, &event.id)?;
    if matches!(event.status, Status::New | Status::Processing) {
        all = variants::generate(conn, &actor, &event.id, now)?;
    }
    let wanted = |variant: &&variants::Variant| rule.strategy.map_or(variant.recommended, |strategy| variant.strategy == strategy);
    let chosen = all.iter().find(wanted).ok_or_else(|| Error::not_found("variant"))?;
    let choice = Choice { mailbox: Some(rule.mailbox_id.as_str()), email_configured: true, mode: Some(Mode::GatedAll) };
    let message = variants::choose(conn, &actor, &event.id, &chosen.id, choice, now)?;
    let days = now.seconds_since(event.churned_at).max(0) / 86_400;
    let because = format!("The rule \"{}\" drafted it: they left {days} days ago for {}.", rule.name, event.reason.label().to_lowercase());
    Ok(messages::queries::set_held_because(conn, &message.row.id, &because)?)
}

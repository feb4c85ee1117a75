//! Drafting a phase for a whole cohort: some contacts at a time, each once, through the gate like every message. What
//! was begun goes on after a restart and can be cancelled.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, Contact, Search};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::facts::{self, Body, MigrationChange};
use crate::domain::ids::{CohortId, ContactId, MailboxId, MessageId, RowId};
use crate::domain::mailboxes::{self, Mode};
use crate::domain::messages::content::Words;
use crate::domain::messages::submit::{NewMessage, Writer, submit_words_of};
use crate::domain::messages::{self, Origin};
use crate::domain::policy::consent::Class;
use crate::domain::rounds;

use super::{Cohort, Phase, Progress, by_id, may_change, members, must_reach, note, queries};

/// Contacts that one step looks at, in one transaction.
const STEP: usize = 20;
/// Contacts that are counted before it begins, at most.
const COUNTED: usize = 1_000_000;
/// Days between two reminders to the same people.
pub const REMINDER_DAYS: i64 = 7;
/// The tag of all messages about migrations.
const TAG: &str = "migration";

/// How far the drafts of one phase are.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::cohort_rounds)]
pub struct Round {
    /// Its id.
    pub id: RowId,
    /// The cohort.
    pub cohort_id: CohortId,
    /// The phase.
    pub phase: Phase,
    /// What nobody gets twice: the phase, and for a reminder its day.
    pub slot: String,
    /// Where the messages leave from.
    pub mailbox_id: MailboxId,
    /// Who asked for them: user or key. They count as whoever wrote them.
    pub author_kind: String,
    /// Who asked for them.
    pub author_id: String,
    /// Who asked for them, by name.
    pub author_name: String,
    /// The contact looked at last; empty at the start.
    pub last_contact: String,
    /// How many were drafted.
    pub drafted: i32,
    /// How many were left out.
    pub left_out: i32,
    /// Why the last of those was left out.
    pub because: Option<String>,
    /// When all were looked at.
    pub finished_at: Option<Time>,
    /// When somebody cancelled it. What was drafted stays.
    pub cancelled_at: Option<Time>,
    /// When it was asked for.
    pub created_at: Time,
    /// How many contacts there were when it began; 0 where that was not counted yet.
    pub total: i32,
    /// How many had it already.
    pub passed_over: i32,
    /// How many steps failed one after the other.
    pub failures: i32,
    /// Until when it is set aside, because a step failed.
    pub retry_at: Option<Time>,
    /// What was wrong with that step.
    pub trouble: Option<String>,
}

impl Round {
    /// How many contacts were looked at.
    pub fn done(&self) -> i32 {
        self.drafted + self.left_out + self.passed_over
    }

    /// Whether there is more to do.
    pub fn goes_on(&self) -> bool {
        self.finished_at.is_none() && self.cancelled_at.is_none()
    }

    fn is_due(&self, now: Time) -> bool {
        self.goes_on() && self.retry_at.is_none_or(|at| at <= now)
    }
}

/// Which messages to draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every phase with a day that is still to come, all at once.
    All,
    /// One phase.
    One(Phase),
}

impl std::str::FromStr for Which {
    type Err = String;
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "all" { Ok(Which::All) } else { text.parse().map(Which::One).map_err(|expected: String| format!("all or {expected}")) }
    }
}

/// Begins to draft messages for a cohort. Whoever has a phase already does not get it again.
pub fn start(conn: &mut Conn, actor: &Actor, id: &CohortId, which: Which, mailbox: Option<&str>, now: Time) -> Result<Vec<Round>> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let cohort = queries::held(conn, id)?.ok_or_else(|| Error::not_found("cohort"))?;
        let mailbox = mailboxes::resolve(conn, actor, mailbox)?;
        if mailbox.mode == Mode::ReadOnly {
            return Err(Error::forbidden("mailbox_read_only", "Nothing is sent from this mailbox. Choose another one."));
        }
        ground(conn, actor, &cohort, now)?;
        let phases: Vec<Phase> = match which {
            Which::One(phase) => vec![phase],
            Which::All => Phase::DATED.iter().copied().filter(|phase| cohort.sent_at(*phase).is_some_and(|at| at > now)).collect(),
        };
        if phases.is_empty() {
            return Err(Error::conflict("phases_over", "The day of every phase is over. Move the deadline, or send a reminder."));
        }
        let known = queries::rounds(conn, id)?;
        let mut started = vec![];
        for phase in phases {
            if known.iter().any(|round| round.phase == phase && round.goes_on()) {
                return Err(Error::conflict(
                    "round_under_way",
                    format!("The phase {phase} is being drafted already. Wait until it is done, or cancel it."),
                ));
            }
            if phase == Phase::Reminder && queries::reminded_since(conn, &cohort, now.plus_days(-REMINDER_DAYS))? {
                let detail = format!("They were reminded less than {REMINDER_DAYS} days ago. Wait, or write to single people.");
                return Err(Error::conflict("reminded_lately", detail));
            }
            let audience = audience(conn, &cohort, phase, None, now)?;
            let (total, _) = contacts::count_up_to(conn, &audience, COUNTED)?;
            let round = Round {
                id: RowId::new(),
                cohort_id: id.clone(),
                phase,
                // Another reminder may follow where the day of the deadline is another.
                slot: if phase == Phase::Reminder { format!("{phase} {} {}", now.date(), cohort.deadline) } else { phase.to_string() },
                mailbox_id: mailbox.id.clone(),
                author_kind: actor.kind().to_owned(),
                author_id: actor.id().to_owned(),
                author_name: actor.name().to_owned(),
                last_contact: String::new(),
                drafted: 0,
                left_out: 0,
                because: None,
                finished_at: None,
                cancelled_at: None,
                created_at: now,
                total: i32::try_from(total).unwrap_or(i32::MAX),
                passed_over: 0,
                failures: 0,
                retry_at: None,
                trouble: None,
            };
            queries::insert_round(conn, &round)?;
            started.push(round);
        }
        note(conn, actor, "cohort.draft", &cohort, json!({"phases": started.iter().map(|round| round.phase).collect::<Vec<_>>()}), now)?;
        Ok(started)
    })
}

/// Ends what is being drafted for a cohort. What was drafted stays in the queue.
pub fn cancel(conn: &mut Conn, actor: &Actor, id: &CohortId, now: Time) -> Result<usize> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let cohort = queries::held(conn, id)?.ok_or_else(|| Error::not_found("cohort"))?;
        must_reach(conn, actor, id)?;
        let cancelled = queries::cancel_rounds(conn, id, now)?;
        if cancelled > 0 {
            note(conn, actor, "cohort.cancel_drafts", &cohort, json!({"rounds": cancelled}), now)?;
        }
        Ok(cancelled)
    })
}

/// What was drafted for a cohort and how far it is, newest first, at most 50.
pub fn rounds(conn: &mut Conn, actor: &Actor, id: &CohortId) -> Result<Vec<Round>> {
    actor.must_have(Scope::Read)?;
    by_id(conn, id)?;
    Ok(queries::rounds(conn, id)?)
}

/// Drafts for some more contacts and says whether there is more to do. Where a step fails it is taken back whole, and its
/// round is set aside, so that those behind it go on.
pub fn step(conn: &mut Conn, now: Time) -> Result<bool> {
    let Some((id, cohort, failures)) = queries::next_round(conn, now)? else { return Ok(false) };
    let done = step_of(conn, &id, &cohort, now);
    rounds::set_aside_failed(done, failures, now, |aside| queries::set_round_aside(conn, &id, aside))
}

fn step_of(conn: &mut Conn, id: &RowId, cohort: &CohortId, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        // Two processes take turns; the second finds how far the first came.
        let cohort = queries::held(conn, cohort)?.ok_or_else(|| Error::not_found("cohort"))?;
        let Some(mut round) = queries::round(conn, id)?.filter(|round| round.is_due(now)) else { return Ok(()) };
        let before = Some(round.last_contact.as_str()).filter(|last| !last.is_empty()).map(ContactId::from);
        let search = audience(conn, &cohort, round.phase, before, now)?;
        let (found, more) = contacts::search(conn, &Actor::System("migration"), &search)?;
        let ids: Vec<ContactId> = found.iter().map(|contact| contact.row.id.clone()).collect();
        let done = queries::have(conn, &cohort.id, &round.slot, &ids)?;
        for contact in &found {
            contact.row.id.as_str().clone_into(&mut round.last_contact);
            if done.contains(&contact.row.id) {
                round.passed_over += 1;
                continue;
            }
            // Refused for one contact, such as one who left, is no reason to stop.
            match transaction(conn, |conn| draft(conn, &cohort, &round, contact, now)) {
                Ok(()) => round.drafted += 1,
                Err(error) if !error.kind.is_ours() => {
                    round.left_out += 1;
                    round.because = Some(error.detail.clone());
                }
                Err(error) => return Err(error),
            }
        }
        if more.is_none() {
            round.finished_at = Some(now);
        }
        Ok(queries::update_round(conn, &round)?)
    })
}

/// Whom a phase is for: those who are done are thanked, and hear nothing else.
fn audience(conn: &mut Conn, cohort: &Cohort, phase: Phase, before: Option<ContactId>, now: Time) -> Result<Search> {
    let mut search = members(conn, cohort, STEP, before, now)?;
    match phase {
        Phase::Completion => search.tags.extend(cohort.tag(Progress::Complete)),
        Phase::Reminder => search.without_tags.extend([Progress::Started, Progress::Complete].into_iter().filter_map(|done| cohort.tag(done))),
        _ => search.without_tags.extend(cohort.tag(Progress::Complete)),
    }
    Ok(search)
}

fn draft(conn: &mut Conn, cohort: &Cohort, round: &Round, contact: &Contact, now: Time) -> Result<()> {
    let (subject, body) = cohort.letter(round.phase, &contact.row, &contact.tags);
    let new = NewMessage {
        mailbox: Some(round.mailbox_id.as_str().to_owned()),
        to: contact.row.email.clone(),
        to_name: None,
        words: Words { subject, text: Some(body), html: None },
        // With the prefix of its own tags, by which the checks know whose progress it is about.
        tags: vec![TAG.to_owned(), format!("{}{TAG}-{}", cohort.tag_prefix, round.phase)],
        headers: vec![],
        // Technical details are always read by somebody before they leave.
        mode: Some(Mode::GatedAll),
        send_at: cohort.sent_at(round.phase),
        consent_basis: None,
        class: Class::Commercial,
        campaign: Some(cohort.name.clone()),
        topic: None,
        facts: vec![],
        origin: Origin::Playbook,
    };
    let writer = Writer::new(&round.author_kind, &round.author_id);
    let message = submit_words_of(conn, &Actor::System("migration"), &writer, &new, now)?;
    Ok(queries::insert_message(conn, &message.row.id, cohort, round, &contact.row.id)?)
}

/// The deadline and the versions as a fact, which the drafts rest on. A key proposes it, and a person accepts it.
fn ground(conn: &mut Conn, actor: &Actor, cohort: &Cohort, now: Time) -> Result<()> {
    let body = Body::MigrationChange(MigrationChange {
        title: cohort.name.clone(),
        old: Some(cohort.from_version.clone()),
        new: Some(cohort.to_version.clone()),
        deadline: cohort.deadline.parse().ok(),
        url: cohort.guide_url.clone(),
        ..MigrationChange::default()
    });
    let Some(id) = &cohort.fact_id else {
        return match facts::add(conn, actor, body, Some("migration"), now) {
            Ok(fact) => Ok(queries::set_fact(conn, &cohort.id, &fact.id)?),
            // Somebody entered a change of this name by hand: theirs holds.
            Err(error) if error.code == "fact_exists" => Ok(()),
            Err(error) => Err(error),
        };
    };
    let fact = facts::get(conn, actor, id)?;
    if *fact.body == body {
        return Ok(());
    }
    // A key cannot change the fact, and without it what was approved would leave with the old day.
    if matches!(actor, Actor::Key { .. }) {
        let detail = "Drafts rest on the name, the deadline, the versions and the guide of this migration, so only a person can change them now.";
        return Err(Error::forbidden("person_required", detail).with_hint("Ask a manager to change them on the migration's page."));
    }
    facts::change(conn, actor, id, body, Some("migration"), now).map(drop)
}

/// The fact follows the cohort, so that what was approved with the old day is read again.
pub(super) fn keep_grounded(conn: &mut Conn, actor: &Actor, cohort: &Cohort, now: Time) -> Result<()> {
    if cohort.fact_id.is_some() { ground(conn, actor, cohort, now) } else { Ok(()) }
}

/// Whoever was sent something about their migration was told of it.
pub(in crate::domain) fn follow(conn: &mut Conn, message: &MessageId, to: messages::State, now: Time) -> Result<()> {
    if to != messages::State::Sent {
        return Ok(());
    }
    let Some((cohort, contact)) = queries::of_message(conn, message)? else { return Ok(()) };
    let contact = contacts::row(conn, &contact)?;
    let tags = contacts::tags_of(conn, &contact.id)?;
    match cohort.tag(Progress::Notified) {
        Some(tag) if cohort.standing(&tags) == Progress::Waiting => contacts::add_tags_to(conn, &Actor::System("migration"), &contact, &[tag], now),
        _ => Ok(()),
    }
}

/// Takes back the drafts of a cohort that name another day than the deadline and have not left, so that they can be
/// drafted again; how many they were.
pub fn take_back(conn: &mut Conn, actor: &Actor, id: &CohortId, now: Time) -> Result<usize> {
    actor.must_manage()?;
    transaction(conn, |conn| {
        let cohort = queries::held(conn, id)?.ok_or_else(|| Error::not_found("cohort"))?;
        let mut taken = 0;
        for message in queries::waiting_with_other_deadline(conn, &cohort)? {
            match messages::cancel::cancel(conn, actor, &message, now) {
                Ok(_) => {
                    queries::forget_message(conn, &message)?;
                    taken += 1;
                }
                // It is leaving just now, or is in a mailbox of others.
                Err(error) if matches!(error.kind, Kind::Conflict | Kind::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        note(conn, actor, "cohort.take_back", &cohort, json!({"messages": taken}), now)?;
        Ok(taken)
    })
}

/// Whoever uses what shows that somebody moved has started.
pub(in crate::domain) fn used(conn: &mut Conn, contact: &ContactId, names: &[&str], now: Time) -> Result<()> {
    for cohort in queries::started_by(conn, names)? {
        let row = contacts::row(conn, contact)?;
        let tags = contacts::tags_of(conn, contact)?;
        let search = members(conn, &cohort, 1, None, now)?;
        if cohort.standing(&tags) < Progress::Started
            && contacts::finds(conn, &search, &row)?
            && let Some(tag) = cohort.tag(Progress::Started)
        {
            contacts::add_tags_to(conn, &Actor::System("usage"), &row, &[tag], now)?;
        }
    }
    Ok(())
}

//! Sequences: steps that are sent to a contact one after the other, each through the gate like any message.
//!
//! Where a contact stands is the number of its tags `drip_step_*`, as agents count it, and a row here; the further
//! of the two holds. There is one set of such tags for a contact, so it is in one sequence at a time.

mod edit;
mod enroll;
pub mod holidays;
mod noted;
mod queries;
pub mod rounds;
mod send;
mod stop_tags;
mod variants;
pub mod waits;
mod words;

use std::collections::HashMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::ContactRow;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, EnrollmentId, MailboxId, MessageId, SegmentId, SequenceId, TemplateId};
use crate::domain::paging::Page;
use crate::domain::trials::Measure;
use crate::domain::{mailboxes, messages, text};
use crate::text_enum;

pub use edit::{Edited, edit, set_automatic, set_paused};
pub use enroll::{Enrolled, enroll, enrollments, stop};
pub(in crate::domain) use send::follow;
pub use send::{Due, Sent, Shown, due, preview, send_next, step};
pub(in crate::domain) use stop_tags::note_tags;
pub use stop_tags::set_stop_tags;
pub use variants::{Trial, set_comparison, shift_step, trials};

/// Most steps of one sequence.
pub const MOST_STEPS: usize = 50;
/// The contact tag that ends a sequence.
pub const COMPLETE: &str = "drip_complete";
/// What the tags that count steps begin with.
const STEP: &str = "drip_step_";
/// The tag of all messages of sequences.
const CAMPAIGN_TAG: &str = "campaign_drip";
/// Who ends an enrollment that a person did not end.
const SEQUENCE: Actor = Actor::System("sequence");

/// One message of a sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The subject; `{{ name }}` and `{{ email }}` are filled in.
    pub subject: String,
    /// The plain text; `{{ name }}` and `{{ email }}` are filled in.
    pub body: String,
    /// Days to wait after the step before has left, or after the enrollment.
    pub wait_days: i64,
    /// Business days to wait after those, on the recipient's clock.
    #[serde(default)]
    pub wait_business_days: i64,
    /// Business hours to wait after those, on the recipient's clock.
    #[serde(default)]
    pub wait_business_hours: i64,
    /// Other words that some get instead.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// The version of a template that subject and text are from; it is filled in instead of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<FromTemplate>,
}

/// A version of a template that a step is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromTemplate {
    /// The template.
    pub id: TemplateId,
    /// The version; until the step is written down nothing stands for the one that is used where nobody names one.
    pub version: Option<i32>,
    /// What is filled in for everybody, by variable.
    #[serde(default)]
    pub values: Map<String, Value>,
}

/// Other words of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub body: String,
    /// Of a hundred so many get them; the rest get the step's own words.
    pub share: i32,
}

/// A row of `sequences`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::sequences)]
pub struct Sequence {
    /// Its id.
    pub id: SequenceId,
    /// Its name.
    pub name: String,
    /// Where it leaves from.
    pub mailbox_id: MailboxId,
    /// The label of its messages.
    pub campaign: String,
    /// The steps, in order.
    pub steps: Json<Vec<Step>>,
    /// Who wrote it: user, key or system.
    pub author_kind: String,
    /// Who wrote it.
    pub author_id: String,
    /// Who wrote it, by name.
    pub author_name: String,
    /// Since when nobody is enrolled and nothing is sent.
    pub archived_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Which step is which while steps come and go; empty for 0, 1, 2 and so on.
    pub numbers: Json<Vec<i32>>,
    /// Since when nothing of it is handed in.
    pub paused_at: Option<Time>,
    /// Who paused it, by name.
    pub paused_by: Option<String>,
    /// Whether what is due is handed in by itself.
    pub automatic: bool,
    /// By what the variants of its steps are measured.
    pub measure: Measure,
    /// Whether a winner gets more by itself.
    pub shifts: bool,
    /// Contact tags that end it for somebody, besides those that end every sequence.
    pub stop_tags: Json<Vec<String>>,
}

impl Sequence {
    /// Another number after each change.
    pub fn revision(&self) -> i64 {
        self.updated_at.micros()
    }

    /// The number of a step, counted from 0, that stays with it when others come and go.
    fn number(&self, step: usize) -> i32 {
        self.numbers.get(step).copied().unwrap_or_else(|| i32::try_from(step).unwrap_or(i32::MAX))
    }

    /// The numbers of all steps.
    pub fn numbers(&self) -> Vec<i32> {
        (0..self.steps.len()).map(|step| self.number(step)).collect()
    }

    /// When a step, counted from 0, is due for somebody who waits from this time.
    fn due(&self, conn: &mut Conn, step: usize, contact: &ContactRow, from: Time) -> Result<Time> {
        let Some(step) = self.steps.get(step) else { return Ok(from) };
        Ok(waits::due(step, from, &waits::zone_of(conn, contact)?, &holidays::days(conn)?))
    }
}

text_enum!(
    /// Whether an enrollment goes on.
    pub enum State {
        /// There are steps to come.
        Active => "active",
        /// Every step was handed in.
        Complete => "complete",
        /// Something ended it.
        Stopped => "stopped",
    }
);

text_enum!(
    /// Why somebody left a sequence before its end, in one word.
    pub enum Why {
        /// They wrote to us.
        Answered => "answered",
        /// They came back.
        Recovered => "recovered",
        /// They must not be mailed.
        Suppressed => "suppressed",
        /// A tag of theirs says so.
        Tagged => "tagged",
        /// A step of theirs was rejected, taken back, or did not leave.
        NotSent => "not_sent",
        /// Somebody stopped it.
        ByHand => "by_hand",
        /// They were erased.
        Erased => "erased",
    }
);

impl Why {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Why::Answered => "answered",
            Why::Recovered => "came back",
            Why::Suppressed => "must not be mailed",
            Why::Tagged => "ended by a tag",
            Why::NotSent => "a step did not leave",
            Why::ByHand => "stopped by hand",
            Why::Erased => "erased",
        }
    }
}

/// A row of `enrollments`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::enrollments)]
pub struct Enrollment {
    /// Its id.
    pub id: EnrollmentId,
    /// In what.
    pub sequence_id: SequenceId,
    /// Who.
    pub contact_id: ContactId,
    /// Whether it goes on.
    pub state: State,
    /// The next step, counted from 0.
    pub position: i32,
    /// When the next step is due; nothing while the one before has not left.
    pub ready_at: Option<Time>,
    /// What ended it.
    pub stopped_because: Option<String>,
    /// When it began.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// What is added to the number of its tags, where steps came or went.
    pub shift: i32,
    /// The same in one word.
    pub stopped_why: Option<Why>,
    /// The segment they were enrolled with, if not alone.
    pub segment_id: Option<SegmentId>,
}

impl Enrollment {
    /// The next step of a contact with these tags, counted from 0.
    pub fn next_step(&self, tags: &[String]) -> usize {
        let counted = i32::try_from(steps_in(tags)).unwrap_or(i32::MAX).saturating_add(self.shift);
        usize::try_from(self.position.max(counted)).unwrap_or(0)
    }
}

/// How many steps a contact with these tags has received.
fn steps_in(tags: &[String]) -> usize {
    tags.iter().filter(|tag| tag.starts_with(STEP)).count()
}

/// A sequence to be made.
#[derive(Debug, Clone)]
pub struct NewSequence {
    /// Its name.
    pub name: String,
    /// Where it leaves from, by address or id; none where only one is within reach.
    pub mailbox: Option<String>,
    /// The label of its messages; its name without one.
    pub campaign: Option<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Whether what is due is handed in by itself.
    pub automatic: bool,
    /// Contact tags that end it for somebody.
    pub stop_tags: Vec<String>,
}

/// Makes a sequence.
pub fn create(conn: &mut Conn, actor: &Actor, new: &NewSequence, now: Time) -> Result<Sequence> {
    may_change(actor)?;
    let name = text::required_line("name", &new.name, 100)?;
    if new.steps.is_empty() || new.steps.len() > MOST_STEPS {
        return Err(Error::invalid("field_invalid", "steps", format!("steps must be 1 to {MOST_STEPS}; got {}.", new.steps.len())));
    }
    transaction(conn, |conn| {
        let steps = words::check_all(conn, actor, &new.steps)?;
        if queries::by_name(conn, &name)?.is_some() {
            return Err(Error::conflict("name_taken", format!("There is a sequence named \"{}\" already. Take another name.", text::excerpt(&name))));
        }
        let campaign = text::optional_line("campaign", new.campaign.as_deref(), 100)?.unwrap_or_else(|| name.clone());
        let row = Sequence {
            id: SequenceId::new(),
            mailbox_id: mailboxes::resolve(conn, actor, new.mailbox.as_deref())?.id,
            campaign,
            name,
            steps: Json::new(steps),
            author_kind: actor.kind().to_owned(),
            author_id: actor.id().to_owned(),
            author_name: actor.name().to_owned(),
            archived_at: None,
            created_at: now,
            updated_at: now,
            numbers: Json::new(vec![]),
            paused_at: None,
            paused_by: None,
            automatic: new.automatic,
            measure: Measure::Replies,
            shifts: false,
            stop_tags: Json::new(stop_tags::checked(&new.stop_tags)?),
        };
        queries::insert(conn, &row)?;
        log(conn, actor, "sequence.add", &row, row.id.as_str(), json!({"name": row.name, "steps": row.steps.len()}), now)?;
        Ok(row)
    })
}

/// Puts a sequence away, or takes it out again. Nobody is enrolled in one that is away, and nothing of it is sent.
pub fn set_archived(conn: &mut Conn, actor: &Actor, id: &SequenceId, archived: bool, now: Time) -> Result<Sequence> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let mut row = reached(conn, actor, id)?;
        if row.archived_at.is_some() != archived {
            let before = noted::switches(&row);
            (row.archived_at, row.updated_at) = (archived.then_some(now), now);
            queries::set_archived(conn, &row)?;
            let detail = audit::changed(&before, &noted::switches(&row));
            log(conn, actor, if archived { "sequence.archive" } else { "sequence.restore" }, &row, row.id.as_str(), detail, now)?;
        }
        Ok(row)
    })
}

/// The sequences within reach, newest first.
pub fn list(conn: &mut Conn, actor: &Actor, archived: bool, limit: usize, before: Option<&SequenceId>) -> Result<Page<Sequence>> {
    actor.must_have(Scope::Read)?;
    Ok(Page::cut(queries::list(conn, actor.mailboxes(), archived, limit, before)?, limit))
}

/// One sequence, and how many enrollments of it are in each state.
pub fn get(conn: &mut Conn, actor: &Actor, id: &SequenceId) -> Result<(Sequence, Vec<(State, i64)>)> {
    actor.must_have(Scope::Read)?;
    let row = reached(conn, actor, id)?;
    let counts = queries::counts(conn, id)?;
    Ok((row, counts))
}

/// How many wait for a step, and what became of its messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct At {
    /// Those whose next step it is.
    pub waiting: i64,
    /// Messages of it that were handed in.
    pub handed_in: i64,
    /// Messages of it that left.
    pub sent: i64,
}

/// Where everybody stands, step by step.
pub fn positions(conn: &mut Conn, actor: &Actor, id: &SequenceId) -> Result<Vec<At>> {
    actor.must_have(Scope::Read)?;
    let row = reached(conn, actor, id)?;
    let waiting = queries::waiting_by_position(conn, id)?;
    let sends = queries::sends_by_number(conn, id)?;
    let at = |(place, number): (usize, i32)| {
        let (_, handed_in, sent) = sends.iter().find(|(other, _, _)| *other == number).copied().unwrap_or_default();
        let waiting = waiting.iter().find(|(other, _)| usize::try_from(*other).ok() == Some(place)).map_or(0, |(_, count)| *count);
        At { waiting, handed_in, sent }
    };
    Ok(row.numbers().into_iter().enumerate().map(at).collect())
}

fn reached(conn: &mut Conn, actor: &Actor, id: &SequenceId) -> Result<Sequence> {
    queries::by_id(conn, id)?.filter(|row| actor.reaches(&row.mailbox_id)).ok_or_else(|| Error::not_found("sequence"))
}

fn refuse_archived(row: &Sequence) -> Result<()> {
    match row.archived_at {
        Some(_) => Err(Error::conflict("sequence_archived", "This sequence was put away. Take it out again first.")),
        None => Ok(()),
    }
}

fn refuse_paused(row: &Sequence) -> Result<()> {
    match &row.paused_by {
        Some(by) if row.paused_at.is_some() => {
            Err(Error::conflict("sequence_paused", format!("This sequence was paused by {by}. Let it go on first.")))
        }
        _ => Ok(()),
    }
}

fn end(conn: &mut Conn, row: &mut Enrollment, state: State, because: Option<(Why, String)>, now: Time) -> Result<()> {
    (row.stopped_why, row.stopped_because) = because.unzip();
    (row.state, row.ready_at, row.updated_at) = (state, None, now);
    Ok(queries::update_enrollment(conn, row)?)
}

fn may_change(actor: &Actor) -> Result<()> {
    actor.must_manage_or_have(Scope::Draft)
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, of: &Sequence, id: &str, detail: Value, now: Time) -> Result<()> {
    let target_kind = if id == of.id.as_str() { "sequence" } else { "enrollment" };
    audit::record(conn, actor, Entry { action, target_kind, target_id: id, mailbox_id: Some(&of.mailbox_id), detail }, now)
}

/// An enrollment with who it is.
pub type Member = (Enrollment, ContactRow);

/// The messages that have to leave before the next step of these is due.
pub fn waited_for(conn: &mut Conn, actor: &Actor, members: &[Member]) -> Result<HashMap<EnrollmentId, (MessageId, messages::State)>> {
    actor.must_have(Scope::Read)?;
    let waiting = members.iter().filter(|(row, _)| row.state == State::Active && row.ready_at.is_none());
    Ok(queries::not_left(conn, &waiting.map(|(row, _)| row.id.clone()).collect::<Vec<_>>())?)
}

/// Ends what somebody is in who wrote to us.
pub(in crate::domain) fn answered(conn: &mut Conn, contact: &ContactRow, now: Time) -> Result<()> {
    let Some((sequence, mut row)) = current(conn, &contact.id)? else { return Ok(()) };
    end_early(conn, &sequence, &mut row, Why::Answered, "They answered.", now)
}

/// Ends what somebody is in who came back, and takes back every step that has not left: the last one ended its enrollment when
/// it was handed in.
pub(in crate::domain) fn recovered(conn: &mut Conn, contact: &ContactId, now: Time) -> Result<()> {
    if let Some((sequence, mut row)) = current(conn, contact)? {
        end_early(conn, &sequence, &mut row, Why::Recovered, "They came back.", now)?;
    }
    let waiting: Vec<MessageId> = queries::steps_not_left(conn, contact)?.into_iter().map(|(_, message)| message).collect();
    messages::cancel::stop_all(conn, &SEQUENCE, &waiting, now).map(drop)
}

/// What somebody is in, held until the transaction ends.
fn current(conn: &mut Conn, contact: &ContactId) -> Result<Option<(Sequence, Enrollment)>> {
    let Some(found) = queries::active_of(conn, contact)? else { return Ok(None) };
    let row = queries::held_enrollment(conn, &found.sequence_id, &found.id)?.filter(|row| row.state == State::Active);
    let sequence = queries::by_id(conn, &found.sequence_id)?;
    Ok(sequence.zip(row))
}

fn end_early(conn: &mut Conn, sequence: &Sequence, row: &mut Enrollment, why: Why, because: &str, now: Time) -> Result<()> {
    log(conn, &SEQUENCE, "enrollment.stop", sequence, row.id.as_str(), json!({"because": because}), now)?;
    end(conn, row, State::Stopped, Some((why, because.to_owned())), now)
}

/// Notes that a step was answered, if this message is one.
pub(in crate::domain) fn note_answer(conn: &mut Conn, message: &MessageId, now: Time) -> Result<()> {
    Ok(queries::set_step_replied(conn, message, now)?)
}

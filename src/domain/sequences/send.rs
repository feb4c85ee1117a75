//! The next step of somebody in a sequence: when it is due, what it says, and handing it in.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, ContactRow, Named, UNSUBSCRIBED, suppressions};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{EnrollmentId, MessageId, SequenceId};
use crate::domain::messages::submit::{NewMessage, Writer, submit_words_of};
use crate::domain::messages::{self, Message, Origin};
use crate::domain::paging::Page;
use crate::domain::policy::consent::Class;

use super::variants::Filled;
use super::{
    CAMPAIGN_TAG, COMPLETE, Enrollment, Member, SEQUENCE, STEP, Sequence, State, Why, log, may_change, queries, reached, refuse_archived,
    refuse_paused, waits,
};

/// Somebody whose next step is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// The enrollment and who it is.
    pub member: Member,
    /// The step, counted from 0; the number of steps where none is left.
    pub step: usize,
    /// Its subject, filled in.
    pub subject: Option<String>,
    /// Its text, filled in.
    pub body: Option<String>,
    /// Why it would not be handed in.
    pub obstacle: Option<String>,
}

/// Whose next step is due, by the order of enrollment.
pub fn due(conn: &mut Conn, actor: &Actor, id: &SequenceId, limit: usize, after: Option<&EnrollmentId>, now: Time) -> Result<Page<Due>> {
    actor.must_have(Scope::Read)?;
    let sequence = reached(conn, actor, id)?;
    let page = Page::cut(queries::due(conn, id, now, limit, after)?, limit);
    let mut rows = vec![];
    for (row, contact) in page.rows {
        let tags = contacts::tags_of(conn, &contact.id)?;
        let step = row.next_step(&tags);
        let mut obstacle = ends(conn, &sequence, &row, &contact, &tags)?.map(|(_, because)| because);
        let (mut subject, mut body) = (None, None);
        match sequence.steps.get(step).map(|_| sequence.words_for(conn, actor, step, &contact)) {
            Some(Ok(filled)) => (subject, body) = (Some(filled.words.subject), filled.words.text),
            Some(Err(error)) => obstacle = obstacle.or(Some(error.detail)),
            None => obstacle = obstacle.or_else(|| Some("No step is left.".to_owned())),
        }
        rows.push(Due { member: (row, contact), step, subject, body, obstacle });
    }
    Ok(Page { rows, more: page.more })
}

/// What came of asking for the next step.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The enrollment as it is now, and who it is.
    pub member: Member,
    /// The message that was handed in; none where the sequence ended instead.
    pub message: Option<Message>,
}

/// Hands in the next step, at most once whoever asks at the same time. Where something ends the sequence, nothing is
/// handed in and the enrollment says why.
pub fn send_next(conn: &mut Conn, actor: &Actor, id: &SequenceId, enrollment: &EnrollmentId, now: Time) -> Result<Sent> {
    may_change(actor)?;
    transaction(conn, |conn| {
        reached(conn, actor, id)?;
        let mut row = queries::held_enrollment(conn, id, enrollment)?.ok_or_else(|| Error::not_found("enrollment"))?;
        // Read once the enrollment is held: its place counts in the steps as they are now.
        let sequence = reached(conn, actor, id)?;
        refuse_archived(&sequence)?;
        refuse_paused(&sequence)?;
        if row.state != State::Active {
            let because = row.stopped_because.as_deref().unwrap_or("Every step was handed in.");
            return Err(Error::conflict("enrollment_ended", format!("This enrollment has ended: {because}")));
        }
        let contact = contacts::row(conn, &row.contact_id)?;
        let tags = contacts::tags_of(conn, &contact.id)?;
        if let Some((why, because)) = ends(conn, &sequence, &row, &contact, &tags)? {
            log(conn, actor, "enrollment.stop", &sequence, row.id.as_str(), json!({"because": because}), now)?;
            super::end(conn, &mut row, State::Stopped, Some((why, because)), now)?;
            return Ok(Sent { member: (row, contact), message: None });
        }
        let place = row.next_step(&tags);
        if sequence.steps.get(place).is_none() {
            complete(conn, actor, &sequence, &mut row, &contact, now)?;
            return Ok(Sent { member: (row, contact), message: None });
        }
        refuse_early(&row, now)?;
        let Filled { words, version } = sequence.words_for(conn, actor, place, &contact)?;
        let by_people = sequence.author_kind == "user" && matches!(actor, Actor::User { .. });
        let new = NewMessage {
            mailbox: Some(sequence.mailbox_id.as_str().to_owned()),
            to: contact.email.clone(),
            to_name: None,
            words,
            tags: vec![format!("{STEP}{place}"), CAMPAIGN_TAG.to_owned()],
            headers: vec![],
            mode: None,
            send_at: None,
            consent_basis: None,
            class: Class::Commercial,
            campaign: Some(sequence.campaign.clone()),
            topic: None,
            facts: vec![],
            origin: match actor {
                Actor::System(_) => Origin::Playbook,
                _ if by_people => Origin::Person,
                _ => Origin::Agent,
            },
        };
        // Before somebody approved its version, whoever wrote that is the one who must not decide.
        let writer = match &version {
            Some(version) if !version.is_approved() => Writer::new(&version.author_kind, &version.author_id),
            _ => Writer::new(&sequence.author_kind, &sequence.author_id),
        };
        let part_of = messages::queries::sequence_name(&sequence.id, row.segment_id.as_ref());
        let writer = Writer { template: version.as_ref().map(|version| &version.id), part_of: Some(&part_of), ..writer };
        let message = submit_words_of(conn, actor, &writer, &new, now)?;
        queries::insert_send(conn, &row.id, sequence.number(place), &message.row.id, &sequence.variant_for(place, &contact.id))?;
        (row.position, row.ready_at, row.updated_at) = (i32::try_from(place + 1).unwrap_or(i32::MAX), None, now);
        log(conn, actor, "enrollment.send", &sequence, row.id.as_str(), json!({"step": place, "message": message.row.id}), now)?;
        if place + 1 == sequence.steps.len() {
            complete(conn, actor, &sequence, &mut row, &contact, now)?;
        } else {
            queries::update_enrollment(conn, &row)?;
        }
        Ok(Sent { member: (row, contact), message: Some(message) })
    })
}

/// A step as a contact would read it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Days after the enrollment on which it comes at the earliest.
    pub day: i64,
    /// When it comes at the earliest, if they are enrolled now.
    pub at: Time,
    /// Its subject, filled in, or why it cannot be.
    pub subject: std::result::Result<String, String>,
    /// Its text, filled in.
    pub body: String,
}

/// All steps as this contact would read them.
pub fn preview(conn: &mut Conn, actor: &Actor, id: &SequenceId, who: &Named, now: Time) -> Result<(Sequence, ContactRow, Vec<Shown>)> {
    actor.must_have(Scope::Read)?;
    let sequence = reached(conn, actor, id)?;
    let contact = contacts::meant_among_known(conn, actor, who)?;
    let (zone, holidays) = (waits::zone_of(conn, &contact)?, super::holidays::days(conn)?);
    let mut at = now;
    let shown = sequence.steps.iter().enumerate().map(|(place, step)| {
        at = waits::due(step, at, &zone, &holidays);
        let day = at.seconds_since(now) / 86_400;
        let (subject, body) = match sequence.words_for(conn, actor, place, &contact) {
            Ok(Filled { words, .. }) => (Ok(words.subject), words.text.unwrap_or_default()),
            Err(error) => (Err(error.detail), String::new()),
        };
        Shown { day, at, subject, body }
    });
    let shown = shown.collect();
    Ok((sequence, contact, shown))
}

/// Steps that one look hands in, in one transaction.
const AT_ONCE: i64 = 20;

/// Hands in some steps that are due in automatic sequences and says whether there may be more. What cannot be handed in
/// ends the enrollment, which says why.
pub fn step(conn: &mut Conn, now: Time) -> Result<bool> {
    let actor = SEQUENCE;
    transaction(conn, |conn| {
        let due = queries::due_by_itself(conn, now, AT_ONCE)?;
        for (sequence, enrollment) in &due {
            match transaction(conn, |conn| send_next(conn, &actor, sequence, enrollment, now)) {
                Ok(_) => {}
                Err(error) if error.kind.is_ours() => return Err(error),
                // Another process was quicker, or somebody paused it meanwhile.
                Err(error) if ["step_not_due", "enrollment_ended", "sequence_paused", "sequence_archived"].contains(&error.code) => {}
                Err(error) => {
                    drop(super::stop(conn, &actor, sequence, enrollment, Some(&format!("It could not be handed in: {}", error.detail)), now)?)
                }
            }
        }
        Ok(!due.is_empty())
    })
}

/// What follows for a sequence when one of its messages leaves, or never will.
pub(in crate::domain) fn follow(conn: &mut Conn, message: &MessageId, to: messages::State, now: Time) -> Result<()> {
    use messages::State::{Cancelled, Expired, Failed, Rejected, Skipped, Withdrawn};
    let lost = matches!(to, Rejected | Withdrawn | Expired | Skipped | Failed | Cancelled);
    if !lost && to != messages::State::Sent {
        return Ok(());
    }
    let Some((found, _, number)) = queries::of_message(conn, message)? else { return Ok(()) };
    if !lost {
        queries::set_step_sent(conn, message, now)?;
    }
    // Held before it is read, so that steps that change meanwhile are not written over.
    let Some(mut row) = queries::held_enrollment(conn, &found.sequence_id, &found.id)? else { return Ok(()) };
    let Some(sequence) = queries::by_id(conn, &found.sequence_id)? else { return Ok(()) };
    let step = sequence.numbers().iter().position(|other| *other == number);
    if row.state != State::Active {
        return Ok(());
    }
    if lost {
        let which = step.map_or_else(|| "A step that was taken out".to_owned(), |step| format!("Step {}", step + 1));
        let because = format!("{which} did not leave: {}.", to.label().to_lowercase());
        log(conn, &SEQUENCE, "enrollment.stop", &sequence, row.id.as_str(), json!({"because": because}), now)?;
        return super::end(conn, &mut row, State::Stopped, Some((Why::NotSent, because)), now);
    }
    let next = usize::try_from(row.position).unwrap_or(0);
    let contact = contacts::row(conn, &row.contact_id)?;
    (row.ready_at, row.updated_at) = (Some(sequence.due(conn, next, &contact, now)?), now);
    Ok(queries::update_enrollment(conn, &row)?)
}

/// What ends a sequence for somebody, if anything.
fn ends(conn: &mut Conn, sequence: &Sequence, row: &Enrollment, contact: &ContactRow, tags: &[String]) -> Result<Option<(Why, String)>> {
    if let Some(suppression) = suppressions::of(conn, &contact.email_key)? {
        return Ok(Some((Why::Suppressed, suppression.refusal().detail)));
    }
    let for_all = tags.iter().find(|tag| [UNSUBSCRIBED, COMPLETE].contains(&tag.as_str()));
    if let Some(tag) = for_all.or_else(|| sequence.stop_tag(tags)) {
        return Ok(Some((Why::Tagged, format!("The contact has the tag {tag}."))));
    }
    Ok(queries::was_answered(conn, &row.id, &contact.email_key)?.then(|| (Why::Answered, "They answered.".to_owned())))
}

fn refuse_early(row: &Enrollment, now: Time) -> Result<()> {
    match row.ready_at {
        Some(at) if at <= now => Ok(()),
        Some(at) => Err(Error::conflict("step_not_due", format!("The next step is due at {}. Ask again then.", at.for_people()))),
        None => Err(Error::conflict("step_not_due", "The step before was handed in and has not left yet. The wait begins when it does.")),
    }
}

fn complete(conn: &mut Conn, actor: &Actor, sequence: &Sequence, row: &mut Enrollment, contact: &ContactRow, now: Time) -> Result<()> {
    contacts::add_tags_to(conn, actor, contact, &[COMPLETE.to_owned()], now)?;
    log(conn, actor, "enrollment.complete", sequence, row.id.as_str(), json!({}), now)?;
    super::end(conn, row, State::Complete, None, now)
}

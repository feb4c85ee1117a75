//! Who is in a sequence: enrolling, looking, stopping.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, Named};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{EnrollmentId, SegmentId, SequenceId};
use crate::domain::paging::Page;
use crate::domain::policy::{self, Standing};
use crate::domain::text;

use super::{COMPLETE, Enrollment, Member, Sequence, State, Why, log, may_change, queries, reached, refuse_archived, steps_in};

/// What came of enrolling.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The enrollment and who it is.
    pub member: Member,
    /// Whether it was made now; otherwise it was there.
    pub new: bool,
}

/// Enrolls a contact, at the step that its tags say. Twice is as good as once.
pub fn enroll(conn: &mut Conn, actor: &Actor, id: &SequenceId, who: &Named, now: Time) -> Result<Enrolled> {
    enroll_with(conn, actor, id, who, None, now)
}

/// The same for somebody who is enrolled with others of a segment.
pub(super) fn enroll_with(conn: &mut Conn, actor: &Actor, id: &SequenceId, who: &Named, segment: Option<&SegmentId>, now: Time) -> Result<Enrolled> {
    may_change(actor)?;
    transaction(conn, |conn| {
        reached(conn, actor, id)?;
        // Nobody comes in while the steps change.
        let sequence = queries::held(conn, id)?.ok_or_else(|| Error::not_found("sequence"))?;
        refuse_archived(&sequence)?;
        let contact = contacts::meant(conn, actor, who, now)?;
        policy::refuse(&Standing::of(conn, &contact.email_key, Some(&contact))?)?;
        // Two that enroll the same contact take turns.
        let contact = contacts::held_row(conn, &contact.id)?;
        match queries::active_of(conn, &contact.id)? {
            Some(row) if row.sequence_id == *id => return Ok(Enrolled { member: (row, contact), new: false }),
            Some(_) => return Err(elsewhere()),
            None => {}
        }
        let position = place(&sequence, &contacts::tags_of(conn, &contact.id)?)?;
        let row = Enrollment {
            id: EnrollmentId::new(),
            sequence_id: id.clone(),
            contact_id: contact.id.clone(),
            state: State::Active,
            position: i32::try_from(position).unwrap_or(i32::MAX),
            ready_at: Some(sequence.due(conn, position, &contact, now)?),
            stopped_because: None,
            stopped_why: None,
            created_at: now,
            updated_at: now,
            shift: 0,
            segment_id: segment.cloned(),
        };
        queries::insert_enrollment(conn, &row)?;
        log(conn, actor, "enrollment.add", &sequence, row.id.as_str(), json!({"sequence": id, "contact": contact.id, "position": position}), now)?;
        Ok(Enrolled { member: (row, contact), new: true })
    })
}

/// At which step somebody with these tags begins, counted from 0, or why they cannot.
pub(super) fn place(sequence: &Sequence, tags: &[String]) -> Result<usize> {
    let position = steps_in(tags);
    if tags.iter().any(|tag| tag == COMPLETE) || position >= sequence.steps.len() {
        return Err(Error::conflict("sequence_complete", "This contact has been through a sequence already: its tags say so.")
            .with_hint("To begin another, take the tags drip_complete and drip_step_* off the contact."));
    }
    if let Some(tag) = sequence.stop_tag(tags) {
        return Err(Error::conflict("stop_tag", format!("This contact has the tag {tag}, which ends this sequence."))
            .with_hint("Take the tag off the contact, or out of the sequence's stop_tags."));
    }
    Ok(position)
}

/// Why somebody who is in another sequence is not enrolled.
pub(super) fn elsewhere() -> Error {
    Error::conflict("already_enrolled", "This contact is in another sequence. Stop that enrollment first, or wait until it ends.")
}

/// The enrollments of a sequence, newest first.
pub fn enrollments(
    conn: &mut Conn,
    actor: &Actor,
    id: &SequenceId,
    state: Option<State>,
    limit: usize,
    before: Option<&EnrollmentId>,
) -> Result<Page<Member>> {
    actor.must_have(Scope::Read)?;
    reached(conn, actor, id)?;
    Ok(Page::cut(queries::members(conn, id, state, limit, before)?, limit))
}

/// Ends an enrollment. What ended already stays as it is; what was handed in is not taken back.
pub fn stop(conn: &mut Conn, actor: &Actor, id: &SequenceId, enrollment: &EnrollmentId, reason: Option<&str>, now: Time) -> Result<Member> {
    may_change(actor)?;
    let reason = text::optional_line("reason", reason, 300)?;
    transaction(conn, |conn| {
        let sequence = reached(conn, actor, id)?;
        let mut row = queries::held_enrollment(conn, id, enrollment)?.ok_or_else(|| Error::not_found("enrollment"))?;
        let contact = contacts::row(conn, &row.contact_id)?;
        if row.state == State::Active {
            let because = reason.unwrap_or_else(|| format!("Stopped by {}.", actor.name()));
            log(conn, actor, "enrollment.stop", &sequence, row.id.as_str(), json!({"because": because}), now)?;
            super::end(conn, &mut row, State::Stopped, Some((Why::ByHand, because)), now)?;
        }
        Ok((row, contact))
    })
}

//! Enrolling everybody of a segment: some contacts at a time, each once, as if each were enrolled alone. What was begun goes on after
//! a restart and can be cancelled.

mod queries;

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::campaigns::overview::{Overlap, overlaps};
use crate::domain::contacts::{self, Contact, Named};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, RowId, SegmentId, SequenceId};
use crate::domain::policy::{self, Standing};
use crate::domain::rounds;
use crate::domain::segments;

use super::enroll::{elsewhere, enroll_with, place};
use super::{SEQUENCE, Sequence, log, may_change, queries as sequences, reached, refuse_archived};

/// Contacts that one step looks at, in one transaction: few, because others write meanwhile.
const STEP: usize = 20;
/// Contacts that are counted before it begins, at most.
const COUNTED: usize = 1_000_000;
/// Rounds of one sequence that are shown, the newest.
const SHOWN: i64 = 20;
/// Most people that a forecast looks at.
pub const MOST_PEOPLE: usize = 1000;
/// Most people that a forecast names.
const MOST_NAMED: usize = 100;

/// How far the enrollment of one segment is.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::enrollment_rounds)]
pub struct Round {
    /// Its id.
    pub id: RowId,
    /// In what.
    pub sequence_id: SequenceId,
    /// Who.
    pub segment_id: SegmentId,
    /// The segment's name when it began.
    pub segment: String,
    /// Who asked for it, by name.
    pub author_name: String,
    /// How many contacts there were when it began.
    pub total: i32,
    /// The contact looked at last; empty at the start.
    pub last_contact: String,
    /// How many were enrolled.
    pub enrolled: i32,
    /// How many could not be enrolled.
    pub left_out: i32,
    /// How many were in it already.
    pub passed_over: i32,
    /// Why the last of those left out was left out.
    pub because: Option<String>,
    /// When all were looked at.
    pub finished_at: Option<Time>,
    /// When somebody cancelled it. Who was enrolled stays.
    pub cancelled_at: Option<Time>,
    /// When it was asked for.
    pub created_at: Time,
    /// How many steps failed one after the other.
    pub failures: i32,
    /// Until when it is set aside, because a step failed.
    pub retry_at: Option<Time>,
    /// What was wrong with that step.
    pub trouble: Option<String>,
}

impl Round {
    /// Whether there is more to do.
    pub fn goes_on(&self) -> bool {
        self.finished_at.is_none() && self.cancelled_at.is_none()
    }

    fn is_due(&self, now: Time) -> bool {
        self.goes_on() && self.retry_at.is_none_or(|at| at <= now)
    }

    /// How many contacts were looked at.
    pub fn done(&self) -> i32 {
        self.enrolled + self.left_out + self.passed_over
    }
}

/// Begins to enroll everybody who is in the segment now. Whoever joins the segment later is enrolled when it is asked for again.
pub fn start(conn: &mut Conn, actor: &Actor, id: &SequenceId, segment: &SegmentId, now: Time) -> Result<Round> {
    may_change(actor)?;
    transaction(conn, |conn| {
        reached(conn, actor, id)?;
        // Two who begin at the same time take turns.
        let sequence = sequences::held(conn, id)?.ok_or_else(|| Error::not_found("sequence"))?;
        refuse_archived(&sequence)?;
        if queries::newest(conn, id, 1)?.iter().any(Round::goes_on) {
            return Err(Error::conflict(
                "round_under_way",
                "A segment is being enrolled in this sequence already. Wait until it is done, or cancel it.",
            ));
        }
        let segment = segments::by_id(conn, segment)?;
        let (total, _) = contacts::count_up_to(conn, &segment.search(0, None, now), COUNTED)?;
        let round = Round {
            id: RowId::new(),
            sequence_id: id.clone(),
            segment_id: segment.id,
            segment: segment.name,
            author_name: actor.name().to_owned(),
            total: i32::try_from(total).unwrap_or(i32::MAX),
            last_contact: String::new(),
            enrolled: 0,
            left_out: 0,
            passed_over: 0,
            because: None,
            finished_at: None,
            cancelled_at: None,
            created_at: now,
            failures: 0,
            retry_at: None,
            trouble: None,
        };
        queries::insert(conn, &round)?;
        log(conn, actor, "sequence.enroll_segment", &sequence, id.as_str(), json!({"segment": round.segment, "contacts": total}), now)?;
        Ok(round)
    })
}

/// Ends what is under way. Who was enrolled stays.
pub fn cancel(conn: &mut Conn, actor: &Actor, id: &SequenceId, now: Time) -> Result<()> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let sequence = reached(conn, actor, id)?;
        if queries::cancel(conn, id, now)? > 0 {
            log(conn, actor, "sequence.cancel_enrollment", &sequence, id.as_str(), json!({}), now)?;
        }
        Ok(())
    })
}

/// Which segments were enrolled and how far each is, newest first.
pub fn rounds(conn: &mut Conn, actor: &Actor, id: &SequenceId) -> Result<Vec<Round>> {
    actor.must_have(Scope::Read)?;
    reached(conn, actor, id)?;
    Ok(queries::newest(conn, id, SHOWN)?)
}

/// Enrolls some more contacts and says whether there is more to do. Where a step fails it is taken back whole, and its round is
/// set aside, so that those behind it go on.
pub fn step(conn: &mut Conn, now: Time) -> Result<bool> {
    let Some((id, failures)) = queries::next(conn, now)? else { return Ok(false) };
    let done = step_of(conn, &id, now);
    rounds::set_aside_failed(done, failures, now, |aside| queries::set_aside(conn, &id, aside))
}

fn step_of(conn: &mut Conn, id: &RowId, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        // Two processes take turns; the second finds how far the first came.
        let Some(mut round) = queries::held(conn, id)?.filter(|round| round.is_due(now)) else { return Ok(()) };
        let sequence = sequences::by_id(conn, &round.sequence_id)?.ok_or_else(|| Error::not_found("sequence"))?;
        if let Err(error) = refuse_archived(&sequence) {
            (round.finished_at, round.because) = (Some(now), Some(error.detail));
            return Ok(queries::update(conn, &round)?);
        }
        let before = Some(round.last_contact.as_str()).filter(|last| !last.is_empty()).map(ContactId::from);
        let search = segments::by_id(conn, &round.segment_id)?.search(STEP, before, now);
        let (found, more) = contacts::search(conn, &SEQUENCE, &search)?;
        for contact in &found {
            contact.row.id.as_str().clone_into(&mut round.last_contact);
            let who = Named::by(Some(contact.row.id.to_string()), None);
            // Refused for one contact, such as one who left, is no reason to stop.
            match transaction(conn, |conn| enroll_with(conn, &SEQUENCE, &round.sequence_id, &who, Some(&round.segment_id), now)) {
                Ok(done) if done.new => round.enrolled += 1,
                Ok(_) => round.passed_over += 1,
                Err(error) if !error.kind.is_ours() => {
                    round.left_out += 1;
                    round.because = Some(error.detail);
                }
                Err(error) => return Err(error),
            }
        }
        if more.is_none() {
            round.finished_at = Some(now);
        }
        Ok(queries::update(conn, &round)?)
    })
}

/// Somebody who would not be enrolled.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// Why, in one word.
    pub code: &'static str,
    /// Why, in a sentence.
    pub detail: String,
}

/// What enrolling a segment would come to.
#[derive(Debug, Clone, Default)]
pub struct Forecast {
    /// How many contacts were looked at.
    pub total: usize,
    /// So many would be enrolled.
    pub enrolled: usize,
    /// So many are in it already.
    pub passed_over: usize,
    /// So many would be left out.
    pub left_out: usize,
    /// Why, the most frequent first.
    pub reasons: Vec<(&'static str, usize)>,
    /// Some of those left out, at most 100.
    pub named: Vec<LeftOut>,
    /// The segment is larger: only the newest were looked at.
    pub more: bool,
    /// Campaigns under way that reach some of the same people.
    pub overlaps: Vec<Overlap>,
}

/// Who of a segment would be enrolled now, among its newest [`MOST_PEOPLE`], and who would not and why.
pub fn forecast(conn: &mut Conn, actor: &Actor, id: &SequenceId, segment: &SegmentId, now: Time) -> Result<(Sequence, Forecast)> {
    actor.must_have(Scope::Read)?;
    let sequence = reached(conn, actor, id)?;
    let segment = segments::by_id(conn, segment)?;
    let (people, more) = contacts::search(conn, actor, &segment.search(MOST_PEOPLE, None, now))?;
    let ids: Vec<ContactId> = people.iter().map(|contact| contact.row.id.clone()).collect();
    let active = sequences::active_among(conn, &ids)?;
    let overlaps = overlaps(conn, actor, None, &segment, now)?;
    let mut found = Forecast { total: people.len(), more: more.is_some(), overlaps, ..Forecast::default() };
    let mut reasons: BTreeMap<&'static str, usize> = BTreeMap::new();
    for contact in people {
        match begins(&sequence, &contact, active.get(&contact.row.id)) {
            Ok(true) => found.enrolled += 1,
            Ok(false) => found.passed_over += 1,
            Err(error) => {
                *reasons.entry(error.code).or_default() += 1;
                found.left_out += 1;
                if found.named.len() < MOST_NAMED {
                    let Contact { row, .. } = contact;
                    found.named.push(LeftOut { contact_id: row.id, email: row.email, code: error.code, detail: error.detail });
                }
            }
        }
    }
    found.reasons = reasons.into_iter().collect();
    found.reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok((sequence, found))
}

/// Whether somebody would be enrolled anew, who may be in a sequence already.
fn begins(sequence: &Sequence, contact: &Contact, active: Option<&SequenceId>) -> Result<bool> {
    policy::refuse(&Standing::of_contact(contact))?;
    match active {
        Some(other) if *other == sequence.id => Ok(false),
        Some(_) => Err(elsewhere()),
        None => place(sequence, &contact.tags).map(|_| true),
    }
}

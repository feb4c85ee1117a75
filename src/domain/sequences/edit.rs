//! A sequence while people are in it: pausing it, and changing its steps so that nobody misses one or gets one twice.

use std::collections::BTreeSet;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit;
use crate::domain::contacts;
use crate::domain::error::{Error, Result};
use crate::domain::ids::SequenceId;

use super::{MOST_STEPS, Sequence, Step, log, may_change, noted, queries, reached, words};

/// A step of a changed sequence.
#[derive(Debug, Clone)]
pub struct Edited {
    /// Which step it was, counted from 0; nothing for a new one.
    pub was: Option<usize>,
    /// What it is now.
    pub step: Step,
}

/// Where everybody who stands before an old step goes: the new step, and how much later it is due, in days.
pub(super) type Moves = Vec<(usize, i64)>;

/// Changes the steps. Who received a step does not get it again; a step that was added before where somebody stands is
/// not sent to them; everybody gets the steps that come after. A wait that changes holds for those who wait as well. `seen` is
/// the revision whose steps were read: a change by somebody else since then would be undone unseen.
pub fn edit(conn: &mut Conn, actor: &Actor, id: &SequenceId, edited: &[Edited], seen: Option<i64>, now: Time) -> Result<Sequence> {
    may_change(actor)?;
    if edited.is_empty() || edited.len() > MOST_STEPS {
        return Err(Error::invalid("field_invalid", "steps", format!("steps must be 1 to {MOST_STEPS}; got {}.", edited.len())));
    }
    transaction(conn, |conn| {
        reached(conn, actor, id)?;
        let steps = words::check_all(conn, actor, &edited.iter().map(|one| one.step.clone()).collect::<Vec<Step>>())?;
        let mut row = queries::held(conn, id)?.ok_or_else(|| Error::not_found("sequence"))?;
        if seen.is_some_and(|seen| seen != row.revision()) {
            let detail =
                format!("The sequence was changed at {} by {}, after you read it. Nothing was saved.", row.updated_at.for_people(), row.author_name);
            return Err(Error::conflict("sequence_changed", detail).with_hint("Open it again and put your change into its steps as they are now."));
        }
        let before = row.clone();
        let kept: Vec<Option<usize>> = edited.iter().map(|one| one.was).collect();
        refuse_disorder(&kept, row.steps.len())?;
        let old: Vec<i64> = row.steps.iter().map(|step| step.wait_days).collect();
        let new: Vec<i64> = steps.iter().map(|step| step.wait_days).collect();
        let moves = moves(&kept, &old, &new);
        let counted_anew = counted_anew(&moves, &row.steps, &steps);
        let mut fresh = queries::highest_number(conn, id)?.max(row.numbers().into_iter().max().unwrap_or(0));
        let numbers = kept.iter().map(|was| match was {
            Some(was) => row.number(*was),
            None => {
                fresh += 1;
                fresh
            }
        });
        row.numbers = Json::new(numbers.collect());
        row.steps = Json::new(steps);
        // They are the words of whoever changed them last.
        (row.author_kind, row.author_id, row.author_name) = (actor.kind().to_owned(), actor.id().to_owned(), actor.name().to_owned());
        row.updated_at = now;
        queries::align_with_tags(conn, id)?;
        queries::move_enrollments(conn, id, &moves, now)?;
        queries::update_steps(conn, &row)?;
        for place in counted_anew {
            for (enrollment, contact, since) in queries::waiting_since(conn, id, i32::try_from(place).unwrap_or(i32::MAX))? {
                let contact = contacts::row(conn, &contact)?;
                let at = row.due(conn, place, &contact, since)?;
                queries::set_ready(conn, &enrollment, at)?;
            }
        }
        log(conn, actor, "sequence.edit", &row, row.id.as_str(), noted::steps(&before, &row), now)?;
        Ok(row)
    })
}

/// The steps that stay must keep their order: otherwise somebody would miss one.
fn refuse_disorder(kept: &[Option<usize>], old: usize) -> Result<()> {
    let places: Vec<usize> = kept.iter().flatten().copied().collect();
    if places.windows(2).any(|pair| pair[0] >= pair[1]) || places.last().is_some_and(|last| *last >= old) {
        let detail = format!("was must name steps of this sequence, 1 to {old}, each at most once and in their order.");
        return Err(Error::invalid("field_invalid", "was", detail)
            .with_hint("To change the order, take the step out and add it as a new one: those who had it get it again."));
    }
    Ok(())
}

/// The new places before which a wait in business time changed: it is no number of days that could be added.
fn counted_anew(moves: &Moves, old: &[Step], new: &[Step]) -> BTreeSet<usize> {
    let wait = |step: Option<&Step>| step.map_or((0, 0, 0), |step| (step.wait_days, step.wait_business_days, step.wait_business_hours));
    let changed = |(before, (next, _)): (usize, &(usize, i64))| {
        let (was, is) = (wait(old.get(before)), wait(new.get(*next)));
        let in_business = was.1 + was.2 + is.1 + is.2 > 0;
        (in_business && was != is && *next < new.len()).then_some(*next)
    };
    moves.iter().enumerate().filter_map(changed).collect()
}

fn moves(kept: &[Option<usize>], old: &[i64], new: &[i64]) -> Moves {
    let place = |before: usize| {
        // Behind the last of the steps they had that is still there.
        let next = kept.iter().rposition(|was| was.is_some_and(|was| was < before)).map_or(0, |place| place + 1);
        let wait = |waits: &[i64], at: usize| waits.get(at).copied();
        let later = wait(new, next).zip(wait(old, before)).map_or(0, |(new, old)| new - old);
        (next, later)
    };
    (0..=old.len()).map(place).collect()
}

/// Pauses a sequence, or lets it go on: only a person can. While it is paused nothing of it is handed in; what was, goes on.
pub fn set_paused(conn: &mut Conn, actor: &Actor, id: &SequenceId, paused: bool, now: Time) -> Result<Sequence> {
    may_change(actor)?;
    if !paused && matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can let a paused sequence go on."));
    }
    transaction(conn, |conn| {
        reached(conn, actor, id)?;
        let mut row = queries::held(conn, id)?.ok_or_else(|| Error::not_found("sequence"))?;
        if row.paused_at.is_some() != paused {
            let before = noted::switches(&row);
            (row.paused_at, row.updated_at) = (paused.then_some(now), now);
            row.paused_by = paused.then(|| actor.name().to_owned());
            queries::update_switches(conn, &row)?;
            let detail = audit::changed(&before, &noted::switches(&row));
            log(conn, actor, if paused { "sequence.pause" } else { "sequence.resume" }, &row, row.id.as_str(), detail, now)?;
        }
        Ok(row)
    })
}

/// Says whether due steps are handed in by themselves.
pub fn set_automatic(conn: &mut Conn, actor: &Actor, id: &SequenceId, automatic: bool, now: Time) -> Result<Sequence> {
    may_change(actor)?;
    transaction(conn, |conn| {
        reached(conn, actor, id)?;
        let mut row = queries::held(conn, id)?.ok_or_else(|| Error::not_found("sequence"))?;
        if row.automatic != automatic {
            let before = noted::switches(&row);
            (row.automatic, row.updated_at) = (automatic, now);
            queries::update_switches(conn, &row)?;
            let detail = audit::changed(&before, &noted::switches(&row));
            log(conn, actor, "sequence.automatic", &row, row.id.as_str(), detail, now)?;
        }
        Ok(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who had which old steps, and which new steps come to them; new ones are 100 and up.
    fn comes(kept: &[Option<usize>], old: usize, had: usize) -> Vec<usize> {
        let names: Vec<usize> = kept.iter().enumerate().map(|(place, was)| was.unwrap_or(100 + place)).collect();
        let (next, _) = moves(kept, &vec![0; old], &vec![0; kept.len()])[had];
        names[next..].to_vec()
    }

    #[test]
    fn nobody_misses_a_step_and_nobody_gets_one_twice() {
        let all: Vec<Vec<Option<usize>>> = vec![
            vec![Some(0), Some(1), Some(2)],
            vec![None, Some(0), Some(1), Some(2)],
            vec![Some(0), None, Some(1), Some(2)],
            vec![Some(0), Some(1), Some(2), None],
            vec![Some(1), Some(2)],
            vec![Some(0), Some(2)],
            vec![Some(0), Some(1)],
            vec![None, None],
            vec![None, Some(1), None],
        ];
        for kept in &all {
            for had in 0..=3 {
                let comes = comes(kept, 3, had);
                assert!(comes.iter().all(|step| *step >= had), "twice: {kept:?} after {had}: {comes:?}");
                let missed: Vec<_> = kept.iter().flatten().filter(|was| **was >= had && !comes.contains(was)).collect();
                assert!(missed.is_empty(), "missed: {kept:?} after {had}: {missed:?}");
            }
        }
        assert_eq!(comes(&all[1], 3, 0), [100, 0, 1, 2], "who has not begun gets what is new");
        assert_eq!(comes(&all[2], 3, 1), [101, 1, 2], "and so does who stands right before it");
        assert_eq!(comes(&all[2], 3, 2), [2], "who is past it does not");
    }

    #[test]
    fn a_wait_that_changes_holds_for_those_who_wait() {
        assert_eq!(moves(&[Some(0), Some(1)], &[0, 3], &[0, 5]), [(0, 0), (1, 2), (2, 0)]);
        assert_eq!(moves(&[Some(0), Some(2)], &[0, 3, 7], &[0, 7]), [(0, 0), (1, 4), (1, 0), (2, 0)]);
    }
}

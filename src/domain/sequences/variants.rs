//! Variants of steps: who gets which words, what came back of each, and more for a winner.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit;
use crate::domain::contacts::ContactRow;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, SequenceId, sha256_hex};
use crate::domain::messages::content::Words;
use crate::domain::templates::{self, Version};
use crate::domain::trials::{self, Arm, Measure, Verdict};

use super::{Sequence, Step, log, may_change, noted, queries, reached, words};

impl Step {
    /// The words of all variants, the step's own first.
    fn all_words(&self) -> Vec<(&str, &str)> {
        let own = (self.subject.as_str(), self.body.as_str());
        std::iter::once(own).chain(self.variants.iter().map(|one| (one.subject.as_str(), one.body.as_str()))).collect()
    }

    /// Of a hundred so many get each variant, the step's own words first.
    pub fn shares(&self) -> Vec<i32> {
        let others: Vec<i32> = self.variants.iter().map(|one| one.share).collect();
        std::iter::once(100 - others.iter().sum::<i32>()).chain(others).collect()
    }
}

/// What stands for words where outcomes are counted. Places are hashed as sequences wrote them at first, so that words keep what was
/// counted for them.
fn name_of((subject, body): (&str, &str)) -> String {
    let words = format!("{subject}\n{body}").replace("{{ name }}", "{name}").replace("{{ email }}", "{email}");
    sha256_hex(words.as_bytes()).chars().take(16).collect()
}

impl Sequence {
    fn place_for(&self, step: usize, contact: &ContactId) -> usize {
        self.steps.get(step).map_or(0, |found| trials::assign(&format!("{} {}", self.id, self.number(step)), contact, &found.shares()))
    }

    /// What stands for the words that this contact gets.
    pub(super) fn variant_for(&self, step: usize, contact: &ContactId) -> String {
        let place = self.place_for(step, contact);
        self.steps.get(step).and_then(|step| step.all_words().get(place).map(|words| name_of(*words))).unwrap_or_default()
    }

    /// The words of a step, counted from 0, for this contact.
    pub(super) fn words_for(&self, conn: &mut Conn, actor: &Actor, step: usize, contact: &ContactRow) -> Result<Filled> {
        let place = self.place_for(step, &contact.id);
        let found = self.steps.get(step).ok_or_else(|| Error::not_found("step"))?;
        if let Some(from) = found.template.as_ref().filter(|_| place == 0) {
            let version = templates::chosen(conn, actor, &from.id, from.version)?.version;
            let words = templates::words_for(conn, &version, Some(contact), None, &from.values)?;
            return Ok(Filled { words, version: Some(version) });
        }
        let (subject, body) = words::fill(found.all_words().get(place).copied().ok_or_else(|| Error::not_found("step"))?, contact)?;
        Ok(Filled { words: Words { subject, text: Some(body), html: None }, version: None })
    }
}

/// The words that somebody gets, and the version of a template that they were made from.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    pub(super) words: Words,
    pub(super) version: Option<Version>,
}

/// The variants of one step side by side.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Which step, counted from 0.
    pub step: usize,
    /// Its variants, a, b, c; the step's own words first.
    pub arms: Vec<Arm>,
}

/// The steps that have variants, with what came back of each as it is worded now.
pub fn trials(conn: &mut Conn, actor: &Actor, id: &SequenceId) -> Result<(Measure, Vec<Trial>)> {
    actor.must_have(Scope::Read)?;
    let row = reached(conn, actor, id)?;
    Ok((row.measure, of(conn, &row)?))
}

fn of(conn: &mut Conn, row: &Sequence) -> Result<Vec<Trial>> {
    if row.steps.iter().all(|step| step.variants.is_empty()) {
        return Ok(vec![]);
    }
    let counted = trials::queries::of_sequence(conn, &row.id)?;
    let size = |n: i64| usize::try_from(n).unwrap_or(0);
    let trial = |(step, found): (usize, &Step)| {
        let arm = |(place, (words, share)): (usize, ((&str, &str), i32))| {
            let name = name_of(words);
            let had = counted.iter().find(|one| one.step == row.number(step) && one.variant == name);
            Arm {
                name: trials::letter(place).to_string(),
                share: Some(share),
                sent: had.map_or(0, |had| size(had.sent)),
                replied: had.map_or(0, |had| size(had.replied)),
                recovered: had.map_or(0, |had| size(had.recovered)),
            }
        };
        Trial { step, arms: found.all_words().into_iter().zip(found.shares()).enumerate().map(arm).collect() }
    };
    Ok(row.steps.iter().enumerate().filter(|(_, step)| !step.variants.is_empty()).map(trial).collect())
}

/// Says by what variants are measured, and whether a winner gets more by itself.
pub fn set_comparison(
    conn: &mut Conn,
    actor: &Actor,
    id: &SequenceId,
    measure: Option<Measure>,
    shifts: Option<bool>,
    now: Time,
) -> Result<Sequence> {
    may_change(actor)?;
    transaction(conn, |conn| {
        reached(conn, actor, id)?;
        let mut row = queries::held(conn, id)?.ok_or_else(|| Error::not_found("sequence"))?;
        let wanted = (measure.unwrap_or(row.measure), shifts.unwrap_or(row.shifts));
        if wanted != (row.measure, row.shifts) {
            let before = noted::switches(&row);
            (row.measure, row.shifts, row.updated_at) = (wanted.0, wanted.1, now);
            queries::update_switches(conn, &row)?;
            let detail = audit::changed(&before, &noted::switches(&row));
            log(conn, actor, "sequence.compare", &row, row.id.as_str(), detail, now)?;
        }
        Ok(row)
    })
}

/// Gives winners more where somebody asked for that. The words stay, and whose they are.
pub fn shift_step(conn: &mut Conn, now: Time) -> Result<bool> {
    for id in queries::that_shift(conn)? {
        transaction(conn, |conn| shift(conn, &id, now))?;
    }
    Ok(false)
}

fn shift(conn: &mut Conn, id: &SequenceId, now: Time) -> Result<()> {
    let Some(mut row) = queries::held(conn, id)? else { return Ok(()) };
    let (mut before, mut after) = (vec![], vec![]);
    for trial in of(conn, &row)? {
        let Verdict::Winner(winner) = trials::verdict(&trial.arms, row.measure) else { continue };
        let wanted = trials::shifted(trial.arms.len(), winner);
        let Some(step) = row.steps.get(trial.step).filter(|step| step.shares() != wanted) else { continue };
        let (number, mut step) = (trial.step + 1, step.clone());
        before.push(json!({"step": number, "shares": step.shares()}));
        step.variants.iter_mut().zip(wanted.iter().skip(1)).for_each(|(variant, share)| variant.share = *share);
        after.push(json!({"step": number, "winner": trial.arms[winner].name, "shares": wanted}));
        let mut steps = row.steps.to_vec();
        steps[trial.step] = step;
        row.steps = crate::db::types::Json::new(steps);
    }
    if after.is_empty() {
        return Ok(());
    }
    row.updated_at = now;
    queries::update_shares(conn, &row)?;
    let detail = audit::changed(&json!({"steps": before}), &json!({"steps": after}));
    log(conn, &Actor::System("comparison"), "sequence.shift", &row, row.id.as_str(), detail, now)
}

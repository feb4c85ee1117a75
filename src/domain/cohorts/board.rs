//! A migration as a manager looks at it: how far each group is, the phases and their drafts, who was told another day.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, Search};
use crate::domain::error::Result;
use crate::domain::ids::{CohortId, ContactId};
use crate::domain::messages::State;

use super::{Cohort, Phase, Progress, by_id, members, queries};

/// What the tags that put contacts into groups begin with, and the name of the grouping.
pub const GROUPINGS: [(&str, &str); 2] = [("priority-", "Priority"), ("integration-", "Integration")];
/// Groups of one grouping that are shown.
const MOST_GROUPS: usize = 8;
/// People who were told another day, that are named.
pub const MOST_TOLD: usize = 50;

/// How many contacts of one group are how far.
#[derive(Debug, Clone)]
pub struct Group {
    /// What it is a group by.
    pub grouping: &'static str,
    /// Its tag.
    pub tag: String,
    /// All of its contacts.
    pub total: i64,
    /// Those who have not started.
    pub behind: i64,
    /// Those who are done.
    pub complete: i64,
}

/// A phase, its day, and its messages.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The phase.
    pub phase: Phase,
    /// When it is sent.
    pub at: Option<Time>,
    /// Its messages by state.
    pub messages: BTreeMap<State, i64>,
}

impl Stage {
    fn sum(&self, states: &[State]) -> i64 {
        states.iter().filter_map(|state| self.messages.get(state)).sum()
    }

    /// All that were drafted.
    pub fn drafted(&self) -> i64 {
        self.messages.values().sum()
    }

    /// Those that wait for a person.
    pub fn held(&self) -> i64 {
        self.sum(&[State::Pending, State::ChangesRequested])
    }

    /// Those that left.
    pub fn sent(&self) -> i64 {
        self.sum(&[State::Sent, State::Delivered, State::Bounced, State::Complained, State::Uncertain])
    }
}

/// Somebody who was told another day than the deadline.
#[derive(Debug, Clone)]
pub struct Told {
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: Option<String>,
    /// The day they were told.
    pub deadline: String,
    /// When they were told.
    pub sent_at: Option<Time>,
}

/// All that the page of a migration shows.
#[derive(Debug, Clone)]
pub struct Board {
    /// The cohort.
    pub cohort: Cohort,
    /// How many are how far, in order.
    pub funnel: Vec<(Progress, i64)>,
    /// The same by group.
    pub groups: Vec<Group>,
    /// The phases in order.
    pub stages: Vec<Stage>,
    /// Who was told another day and nothing since, the latest first, at most [`MOST_TOLD`].
    pub told: Vec<Told>,
    /// How many they are.
    pub told_in_all: i64,
    /// Drafts that name another day and have not left.
    pub outdated: usize,
}

impl Board {
    /// All contacts of the cohort.
    pub fn total(&self) -> i64 {
        self.funnel.iter().map(|(_, count)| count).sum()
    }

    /// Those who came at least so far.
    pub fn reached(&self, progress: Progress) -> i64 {
        self.funnel.iter().filter(|(other, _)| *other >= progress).map(|(_, count)| count).sum()
    }
}

/// One migration, looked at as a whole.
pub fn board(conn: &mut Conn, actor: &Actor, id: &CohortId, now: Time) -> Result<Board> {
    actor.must_have(Scope::Read)?;
    let cohort = by_id(conn, id)?;
    let (_, funnel) = super::progress(conn, actor, id, now)?;
    let all = members(conn, &cohort, 0, None, now)?;
    let mut groups = vec![];
    for (prefix, grouping) in GROUPINGS {
        for tag in contacts::tags_with(conn, prefix, MOST_GROUPS)? {
            groups.extend(group(conn, &cohort, &all, grouping, tag)?);
        }
    }
    let mut messages: BTreeMap<Phase, BTreeMap<State, i64>> = BTreeMap::new();
    for (phase, state, count) in queries::messages_by_phase(conn, &cohort.id)? {
        messages.entry(phase).or_default().insert(state, count);
    }
    let stage = |phase: &Phase| Stage { phase: *phase, at: cohort.sent_at(*phase), messages: messages.remove(phase).unwrap_or_default() };
    let stages = Phase::ALL.iter().map(stage).collect();
    let (told, told_in_all) = queries::told_otherwise(conn, &cohort, MOST_TOLD)?;
    let outdated = queries::waiting_with_other_deadline(conn, &cohort)?.len();
    Ok(Board { funnel, groups, stages, told, told_in_all, outdated, cohort })
}

/// A group, unless nobody of the cohort is in it.
fn group(conn: &mut Conn, cohort: &Cohort, all: &Search, grouping: &'static str, tag: String) -> Result<Option<Group>> {
    let mut search = all.clone();
    search.tags.push(tag.clone());
    let total = contacts::count(conn, &search)?;
    if total == 0 {
        return Ok(None);
    }
    let with = |progress: Progress| Search { tags: search.tags.iter().cloned().chain(cohort.tag(progress)).collect(), ..search.clone() };
    let complete = contacts::count(conn, &with(Progress::Complete))?;
    search.without_tags.extend([Progress::Started, Progress::Complete].into_iter().filter_map(|done| cohort.tag(done)));
    let behind = contacts::count(conn, &search)?;
    Ok(Some(Group { grouping, tag, total, behind, complete }))
}

//! Campaigns as a manager looks at them: their numbers, what came back, and whom several of them reach.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::CampaignId;
use crate::domain::messages::{State, list as messages};
use crate::domain::paging::Page;
use crate::domain::segments::{self, Segment};
use crate::domain::trials::Arm;

use super::{Campaign, Numbers, Outcome, counts, outcomes, queries, reached, variants};

/// Other campaigns that are compared with one.
const MOST_COMPARED: usize = 20;
/// Contacts of two campaigns that are counted at most.
pub const MOST_IN_BOTH: usize = 1000;

/// The numbers of a campaign as a manager reads them.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Messages by state.
    pub numbers: Numbers,
    /// What came back.
    pub outcome: Outcome,
}

impl Totals {
    fn sum(&self, states: &[State]) -> i64 {
        states.iter().filter_map(|state| self.numbers.get(state)).sum()
    }

    /// All that were handed in.
    pub fn drafted(&self) -> i64 {
        self.numbers.values().sum()
    }

    /// Those that wait for a person.
    pub fn held(&self) -> i64 {
        self.sum(&[State::Pending, State::ChangesRequested])
    }

    /// Those that may leave and have not.
    pub fn approved(&self) -> i64 {
        self.sum(&[State::Approved, State::Queued, State::Sending])
    }

    /// Those that left, whatever became of them.
    pub fn sent(&self) -> i64 {
        self.sum(&[State::Sent, State::Delivered, State::Bounced, State::Complained, State::Uncertain])
    }

    /// Those that never leave.
    pub fn stayed(&self) -> i64 {
        self.drafted() - self.held() - self.approved() - self.sent()
    }
}

/// A campaign in a list.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The campaign.
    pub campaign: Campaign,
    /// The name of its segment.
    pub segment: Option<String>,
    /// Its numbers, of the mailboxes within reach.
    pub totals: Totals,
}

/// Another campaign that reaches some of the same people.
#[derive(Debug, Clone)]
pub struct Overlap {
    /// The other campaign.
    pub campaign: Campaign,
    /// How many are in both, counted up to [`MOST_IN_BOTH`].
    pub contacts: segments::Count,
}

/// One campaign with all that a page of it shows.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The campaign.
    pub campaign: Campaign,
    /// Its segment, and how many are in it.
    pub segment: Option<(Segment, segments::Count)>,
    /// Its numbers, of the mailboxes within reach.
    pub totals: Totals,
    /// Campaigns under way that reach some of the same people.
    pub overlaps: Vec<Overlap>,
    /// What came back of each variant.
    pub arms: Vec<Arm>,
}

/// The campaigns within reach with their numbers, newest first.
pub fn summaries(conn: &mut Conn, actor: &Actor, archived: bool, limit: usize, before: Option<&CampaignId>) -> Result<Page<Summary>> {
    let page = super::list(conn, actor, archived, limit, before)?;
    let labels: Vec<&str> = page.rows.iter().map(|row| row.name.as_str()).collect();
    let mut totals = totals(conn, actor, &labels)?;
    let wanted: Vec<_> = page.rows.iter().filter_map(|row| row.segment_id.clone()).collect();
    let names: BTreeMap<_, _> = segments::of_ids(conn, &wanted)?.into_iter().map(|segment| (segment.id, segment.name)).collect();
    Ok(page.map(|campaign| Summary {
        segment: campaign.segment_id.as_ref().and_then(|id| names.get(id).cloned()),
        totals: totals.remove(&campaign.name).unwrap_or_default(),
        campaign,
    }))
}

/// Labels of messages within reach that no campaign has, with their numbers, by name.
pub fn labels_alone(conn: &mut Conn, actor: &Actor) -> Result<Vec<(String, Totals)>> {
    actor.must_have(Scope::Read)?;
    let mut labels = messages::campaigns(conn, actor)?;
    let known = queries::names_among(conn, &labels)?;
    labels.retain(|label| !known.contains(label));
    let named: Vec<&str> = labels.iter().map(String::as_str).collect();
    let mut totals = totals(conn, actor, &named)?;
    Ok(labels.into_iter().map(|label| (label.clone(), totals.remove(&label).unwrap_or_default())).collect())
}

/// One campaign, its numbers, and which others reach some of the same people.
pub fn overview(conn: &mut Conn, actor: &Actor, id: &CampaignId, now: Time) -> Result<Overview> {
    actor.must_have(Scope::Read)?;
    let campaign = reached(conn, actor, id)?;
    let totals = totals(conn, actor, &[campaign.name.as_str()])?.remove(&campaign.name).unwrap_or_default();
    let segment = campaign.segment_id.as_ref().map(|id| segments::get(conn, actor, id, now)).transpose()?;
    let overlaps = match &segment {
        Some((segment, _)) if campaign.archived_at.is_none() => overlaps(conn, actor, Some(&campaign.id), segment, now)?,
        _ => vec![],
    };
    let arms = variants::arms(conn, actor, &campaign)?;
    Ok(Overview { campaign, segment, totals, overlaps, arms })
}

/// Of the campaigns that are not stopped, but for one, the newest that reach some of the people of a segment.
pub fn overlaps(conn: &mut Conn, actor: &Actor, but: Option<&CampaignId>, segment: &Segment, now: Time) -> Result<Vec<Overlap>> {
    let others = queries::under_way_with_segment(conn, actor.mailboxes(), but, MOST_COMPARED)?;
    let wanted: Vec<_> = others.iter().filter_map(|other| other.segment_id.clone()).collect();
    let known: BTreeMap<_, _> = segments::of_ids(conn, &wanted)?.into_iter().map(|segment| (segment.id.clone(), segment)).collect();
    let mut found = vec![];
    for other in others {
        let Some(theirs) = other.segment_id.as_ref().and_then(|id| known.get(id)) else { continue };
        let contacts = segments::in_both(conn, segment, theirs, MOST_IN_BOTH, now)?;
        if contacts.count > 0 {
            found.push(Overlap { campaign: other, contacts });
        }
    }
    Ok(found)
}

fn totals(conn: &mut Conn, actor: &Actor, labels: &[&str]) -> Result<BTreeMap<String, Totals>> {
    let mut numbers = counts::of_many(conn, labels, actor.mailboxes())?;
    let mut outcomes = outcomes::of_many(conn, labels, actor.mailboxes())?;
    let of = |label: &&str| {
        let totals = Totals { numbers: numbers.remove(*label).unwrap_or_default(), outcome: outcomes.remove(*label).unwrap_or_default() };
        ((*label).to_owned(), totals)
    };
    Ok(labels.iter().map(of).collect())
}

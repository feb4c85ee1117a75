//! Who came back, with how much revenue, and whether letters have to do with it.

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::Evidence;
use crate::domain::churn::rules::picks::{Arm, Comparison, Side};
use crate::domain::error::Result;
use crate::domain::money::Money;
use crate::domain::vigilance::numbers::{FEWEST, Share};

use super::outcomes::Outcomes;
use super::period::{self, Period, Step};
use super::queries::{PartRow, StepRow};
use super::{Purse, queries, starts_with_before};

/// Who came back in one step.
#[derive(Debug, Clone)]
pub struct Returns {
    /// The step.
    pub step: Step,
    /// How many came back.
    pub count: i64,
    /// How many of them had got a letter.
    pub mailed: i64,
    /// Their monthly revenue.
    pub revenue: Vec<Money>,
}

/// The customers who left in a period, with a letter or without one.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// How many of them came back, of all of them.
    pub back: Share,
    /// Monthly revenue of those who came back.
    pub revenue: Vec<Money>,
    /// Monthly revenue of those who did not.
    pub lost: Vec<Money>,
}

/// Recovered revenue.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The days.
    pub period: Period,
    /// How many came back in them.
    pub count: i64,
    /// How many came back in the period before.
    pub before: i64,
    /// Monthly revenue of those who came back.
    pub revenue: Vec<Money>,
    /// The same of the period before.
    pub revenue_before: Vec<Money>,
    /// By step, oldest first.
    pub steps: Vec<Returns>,
    /// Of those who left in the period: who got a letter.
    pub mailed: Group,
    /// Who got none.
    pub unmailed: Group,
    /// Of those who came back in the period: how much speaks for a letter having brought them.
    pub evidence: Vec<Proof>,
    /// Of those whom rules picked in the period: who got a letter beside those whom the lot held out.
    pub drawn: Comparison,
}

/// Those who came back with one kind of evidence.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Which.
    pub evidence: Evidence,
    /// How many.
    pub count: i64,
    /// Their monthly revenue.
    pub revenue: Vec<Money>,
}

/// Why the difference between the two groups proves little.
const NO_HOLDOUT: &str = "Nobody was drawn by lot to get no letter: people chose whom to write to. \
     So the difference between the two groups may come from that choice, and is no proof that letters bring people back.";
/// The same where a lot held some out.
const BY_CHOICE: &str = "This compares everybody who left, and people and rules chose whom to write to, so the difference may come from that choice. \
     The comparison by lot is the one to go by.";

impl Recovered {
    /// What the difference between the groups says, in a sentence; small groups are said to be small.
    pub fn lift_in_words(&self) -> String {
        let (with, without) = (self.mailed.back, self.unmailed.back);
        let (Some(low), Some(high)) = (with.interval(), without.interval()) else {
            let (number, got) = if with.of < FEWEST { (with.of, "a letter") } else { (without.of, "no letter") };
            return format!("Too few to compare: of those who left in this period {number} got {got}, and a rate needs {FEWEST}.");
        };
        let points = with.rate() - without.rate();
        let apart = low.0 > high.1 || low.1 < high.0;
        let more = if points < 0.0 { "fewer" } else { "more" };
        if apart {
            format!("{:.1} percentage points {more} came back with a letter than without one, which is more than chance explains.", points.abs())
        } else {
            format!("{:.1} percentage points {more} came back with a letter than without one; chance alone may explain that.", points.abs())
        }
    }

    /// Why that difference is no proof.
    pub fn caution(&self) -> &'static str {
        if self.drawn.is_drawn() { BY_CHOICE } else { NO_HOLDOUT }
    }

    /// The difference in percentage points with one decimal; none where a group is too small.
    pub fn lift_points(&self) -> Option<f64> {
        self.mailed.back.points_over(self.unmailed.back)
    }
}

fn sum<'r>(rows: impl Iterator<Item = &'r StepRow>, of: impl Fn(&Outcomes) -> i64) -> Vec<Money> {
    let mut purse = Purse::default();
    rows.for_each(|row| purse.add(&row.currency, of(&row.outcomes())));
    purse.money()
}

fn count<'r>(rows: impl Iterator<Item = &'r StepRow>, of: impl Fn(&Outcomes) -> i64) -> i64 {
    rows.map(|row| of(&row.outcomes())).sum()
}

fn back(of: &Outcomes) -> i64 {
    of.back_number
}

fn back_minor(of: &Outcomes) -> i64 {
    of.back_minor
}

fn group(rows: &[StepRow], mailed: bool) -> Group {
    let mine = || rows.iter().filter(|row| row.mailed == mailed);
    let size = |number: i64| usize::try_from(number).unwrap_or(0);
    Group {
        back: Share { part: size(count(mine(), back)), of: size(count(mine(), Outcomes::left)) },
        revenue: sum(mine(), back_minor),
        lost: sum(mine(), Outcomes::gone_minor),
    }
}

/// How many who left in a period are neither back nor lost, and their monthly revenue.
pub fn open(conn: &mut Conn, actor: &Actor, period: Period) -> Result<(i64, Vec<Money>)> {
    actor.must_have(Scope::Read)?;
    let rows = queries::departures_by_step(conn, "left", &[period::number(period.from)], period::number(period.until) + 1)?;
    Ok((count(rows.iter(), |of| of.open_number), sum(rows.iter(), |of| of.open_minor)))
}

/// Who came back in a period, by these steps of it, and how the two groups of those who left in it fare.
pub fn recovered(conn: &mut Conn, actor: &Actor, period: Period, steps: &[Step]) -> Result<Recovered> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = starts_with_before(period, steps);
    let returned = queries::departures_by_step(conn, "back", &starts, end)?;
    let left = queries::departures_by_step(conn, "left", &starts[1..2], end)?;
    let within = |row: &&StepRow| row.step > 0;
    let earlier = |row: &&StepRow| row.step == 0;
    let returns = |(position, step): (usize, &Step)| {
        let mine = || returned.iter().filter(move |row| usize::try_from(row.step) == Ok(position + 1));
        Returns {
            step: step.clone(),
            count: count(mine(), back),
            mailed: count(mine().filter(|row| row.mailed), back),
            revenue: sum(mine(), back_minor),
        }
    };
    Ok(Recovered {
        period,
        count: count(returned.iter().filter(within), back),
        before: count(returned.iter().filter(earlier), back),
        revenue: sum(returned.iter().filter(within), back_minor),
        revenue_before: sum(returned.iter().filter(earlier), back_minor),
        steps: steps.iter().enumerate().map(returns).collect(),
        mailed: group(&left, true),
        unmailed: group(&left, false),
        evidence: by_evidence(conn, period)?,
        drawn: by_lot(conn, period)?,
    })
}

/// Who came back, by what speaks for a letter, and whom rules picked, by what became of them.
fn by_evidence(conn: &mut Conn, period: Period) -> Result<Vec<Proof>> {
    let rows = picked_up(conn, " AND part = 'evidence'", period)?;
    let proof = |evidence: &Evidence| {
        let mut purse = Purse::default();
        let mine = || rows.iter().filter(|row| row.value == evidence.as_str());
        mine().for_each(|row| purse.add(&row.currency, row.outcomes.back_minor));
        Proof { evidence: *evidence, count: mine().map(|row| row.outcomes.back_number).sum(), revenue: purse.money() }
    };
    Ok(Evidence::ALL.iter().map(proof).collect())
}

fn by_lot(conn: &mut Conn, period: Period) -> Result<Comparison> {
    let rows = picked_up(conn, " AND part = 'picked'", period)?;
    let side = |arm: Arm| {
        let mine = rows.iter().filter(move |row| row.value == arm.as_str());
        Side::of(mine.map(|row| (row.currency.as_str(), row.outcomes.left(), row.outcomes.back_number, row.outcomes.back_minor)))
    };
    Ok(Comparison { letter: side(Arm::Letter), held_out: side(Arm::HeldOut) })
}

/// A part of a period alone.
fn picked_up(conn: &mut Conn, part: &'static str, period: Period) -> Result<Vec<PartRow>> {
    let start = period::number(period.from);
    // The step before it is empty.
    Ok(queries::by_part(conn, part, [start, start], period::number(period.until) + 1)?)
}

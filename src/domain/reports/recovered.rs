//! Who came back, with how much revenue, and whether letters have to do with it.

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::Status;
use crate::domain::error::Result;
use crate::domain::money::Money;
use crate::domain::vigilance::numbers::{FEWEST, Share};

use super::period::{self, Period, Step};
use super::queries::StepRow;
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
}

/// Why the difference between the two groups proves little.
pub const NO_HOLDOUT: &str = "Nobody was drawn by lot to get no letter: people chose whom to write to. \
     So the difference between the two groups may come from that choice, and is no proof that letters bring people back.";

impl Recovered {
    /// What the difference between the groups says, in a sentence; small groups are said to be small.
    pub fn lift_in_words(&self) -> String {
        let (with, without) = (self.mailed.back, self.unmailed.back);
        let (Some(low), Some(high)) = (with.interval(), without.interval()) else {
            let (number, got) = if with.of < FEWEST { (with.of, "a letter") } else { (without.of, "no letter") };
            return format!("Too few to compare: of those who left in this period {number} got {got}, and a rate needs {FEWEST}.");
        };
        let rate = |share: Share| (share.part as f64) * 100.0 / (share.of as f64);
        let points = rate(with) - rate(without);
        let apart = low.0 > high.1 || low.1 < high.0;
        let more = if points < 0.0 { "fewer" } else { "more" };
        if apart {
            format!("{:.1} percentage points {more} came back with a letter than without one, which is more than chance explains.", points.abs())
        } else {
            format!("{:.1} percentage points {more} came back with a letter than without one; chance alone may explain that.", points.abs())
        }
    }

    /// The difference in percentage points with one decimal; none where a group is too small.
    pub fn lift_points(&self) -> Option<f64> {
        let (with, without) = (self.mailed.back, self.unmailed.back);
        let rate = |share: Share| (share.part as f64) * 100.0 / (share.of as f64);
        (with.of >= FEWEST && without.of >= FEWEST).then(|| ((rate(with) - rate(without)) * 10.0).round() / 10.0)
    }
}

fn sum<'r>(rows: impl Iterator<Item = &'r StepRow>) -> Vec<Money> {
    let mut purse = Purse::default();
    rows.for_each(|row| purse.add(&row.currency, row.minor));
    purse.money()
}

fn count<'r>(rows: impl Iterator<Item = &'r StepRow>) -> i64 {
    rows.map(|row| row.number).sum()
}

fn group(rows: &[StepRow], mailed: bool) -> Group {
    let mine = || rows.iter().filter(|row| row.mailed == mailed);
    let back = |row: &&StepRow| row.status == Status::Recovered.as_str();
    let size = |number: i64| usize::try_from(number).unwrap_or(0);
    Group {
        back: Share { part: size(count(mine().filter(back))), of: size(count(mine())) },
        revenue: sum(mine().filter(back)),
        lost: sum(mine().filter(|row| !back(row))),
    }
}

/// How many who left in a period are neither back nor lost, and their monthly revenue.
pub fn open(conn: &mut Conn, actor: &Actor, period: Period) -> Result<(i64, Vec<Money>)> {
    actor.must_have(Scope::Read)?;
    let rows = queries::departures_by_step(conn, "left", &[period::number(period.from)], period::number(period.until) + 1)?;
    let open = || rows.iter().filter(|row| row.status != Status::Recovered.as_str() && row.status != Status::Lost.as_str());
    Ok((count(open()), sum(open())))
}

/// Who came back in a period, by these steps of it, and how the two groups of those who left in it fare.
pub fn recovered(conn: &mut Conn, actor: &Actor, period: Period, steps: &[Step]) -> Result<Recovered> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = starts_with_before(period, steps);
    let back = queries::departures_by_step(conn, "back", &starts, end)?;
    let left = queries::departures_by_step(conn, "left", &starts[1..2], end)?;
    let within = |row: &&StepRow| row.step > 0;
    let earlier = |row: &&StepRow| row.step == 0;
    let returns = |(position, step): (usize, &Step)| {
        let mine = || back.iter().filter(move |row| usize::try_from(row.step) == Ok(position + 1));
        Returns { step: step.clone(), count: count(mine()), mailed: count(mine().filter(|row| row.mailed)), revenue: sum(mine()) }
    };
    Ok(Recovered {
        period,
        count: count(back.iter().filter(within)),
        before: count(back.iter().filter(earlier)),
        revenue: sum(back.iter().filter(within)),
        revenue_before: sum(back.iter().filter(earlier)),
        steps: steps.iter().enumerate().map(returns).collect(),
        mailed: group(&left, true),
        unmailed: group(&left, false),
    })
}

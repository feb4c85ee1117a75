//! Why customers leave by plan, by tenure and by segment.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::SegmentId;
use crate::domain::money::Money;
use crate::domain::reason::Reason;
use crate::domain::segments;
use crate::domain::vigilance::numbers::Share;

use super::period::{self, Period};
use super::queries::PartRow;
use super::{Purse, percent, queries};

/// What departures are told apart by besides their reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The plan they had.
    Plan,
    /// How long they stayed.
    Tenure,
}

/// Those who left with one value of a part.
#[derive(Debug, Clone)]
pub struct PartNumbers {
    /// The plan, the band of tenure or the id of the segment; empty where nothing is on record.
    pub value: String,
    /// How many left.
    pub count: i64,
    /// How many left in the period before.
    pub before: i64,
    /// Their share of all who left, in percent with one decimal.
    pub share_percent: Option<f64>,
    /// How many of them came back.
    pub recovered: i64,
    /// Monthly revenue lost with those who did not.
    pub lost: Vec<Money>,
    /// For which reason so many left, the most frequent first.
    pub reasons: Vec<(Reason, i64)>,
}

impl PartNumbers {
    /// The reason that most of them had, or why there is none to name.
    pub fn main_reason_in_words(&self) -> String {
        match (self.reasons.is_empty(), self.main_reason()) {
            (true, _) => "nobody left".to_owned(),
            (_, Some((reason, percent))) => format!("{}, {percent} %", reason.label()),
            (_, None) => "too few to say".to_owned(),
        }
    }

    /// The most frequent reason with its share in percent; none where there are too few to say.
    pub fn main_reason(&self) -> Option<(Reason, usize)> {
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        let (reason, number) = self.reasons.first()?;
        Some((*reason, Share { part: size(*number), of: size(self.count) }.percent()?))
    }
}

pub(super) fn both(period: Period) -> ([i64; 2], i64) {
    ([period::number(period.before().from), period::number(period.from)], period::number(period.until) + 1)
}

fn sum<'r>(rows: impl Iterator<Item = &'r PartRow>) -> i64 {
    rows.map(|row| row.outcomes.left()).sum()
}

/// The rows by their value.
fn by_value(rows: Vec<PartRow>) -> BTreeMap<String, Vec<PartRow>> {
    let mut all: BTreeMap<String, Vec<PartRow>> = BTreeMap::new();
    for row in rows {
        all.entry(row.value.clone()).or_default().push(row);
    }
    all
}

fn numbers(value: String, rows: &[PartRow], total: i64) -> Result<PartNumbers> {
    let now = || rows.iter().filter(|row| row.step > 0);
    let mut lost = Purse::default();
    now().for_each(|row| lost.add(&row.currency, row.outcomes.gone_minor()));
    let mut by_reason: BTreeMap<Reason, i64> = BTreeMap::new();
    for row in now() {
        *by_reason.entry(row.reason.parse().map_err(Error::internal)?).or_default() += row.outcomes.left();
    }
    let mut reasons: Vec<(Reason, i64)> = by_reason.into_iter().filter(|(_, number)| *number != 0).collect();
    reasons.sort_by_key(|(reason, number)| (std::cmp::Reverse(*number), *reason));
    let count = sum(now());
    Ok(PartNumbers {
        value,
        count,
        before: sum(rows.iter().filter(|row| row.step == 0)),
        share_percent: percent(count, total),
        recovered: now().map(|row| row.outcomes.back_number).sum(),
        lost: lost.money(),
        reasons,
    })
}

/// Who left in a period and the one before, by plan or by tenure; those that most left with first.
pub fn by(conn: &mut Conn, actor: &Actor, part: Part, period: Period) -> Result<Vec<PartNumbers>> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = both(period);
    let only = match part {
        Part::Plan => " AND part = 'plan'",
        Part::Tenure => " AND part = 'tenure'",
    };
    let rows = queries::by_part(conn, only, starts, end)?;
    let total = sum(rows.iter().filter(|row| row.step > 0));
    let mut all = by_value(rows).into_iter().map(|(value, rows)| numbers(value, &rows, total)).collect::<Result<Vec<_>>>()?;
    all.sort_by(|a, b| (b.count, b.before, &a.value).cmp(&(a.count, a.before, &b.value)));
    Ok(all)
}

/// A segment and who of it left.
#[derive(Debug, Clone)]
pub struct SegmentNumbers {
    /// The segment.
    pub id: SegmentId,
    /// Its name.
    pub name: String,
    /// When its contacts were counted last; none where they were not yet.
    pub counted_at: Option<Time>,
    /// Who left.
    pub numbers: PartNumbers,
}

/// Who left in a period and the one before, by segment, by name. One contact may be in several, so these do not add up, and
/// `total` is how many left in the period, where that is known already.
pub fn by_segment(conn: &mut Conn, actor: &Actor, period: Period, total: Option<i64>) -> Result<Vec<SegmentNumbers>> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = both(period);
    let total = total.map_or_else(|| queries::left(conn, starts[1], end), Ok)?;
    let mut found = by_value(queries::by_segment(conn, starts, end)?);
    let mut all = vec![];
    for (segment, counted_at) in segments::with_counts(conn)? {
        let rows = found.remove(segment.id.as_str()).unwrap_or_default();
        let numbers = numbers(segment.id.to_string(), &rows, total)?;
        all.push(SegmentNumbers { id: segment.id, name: segment.name, counted_at, numbers });
    }
    Ok(all)
}

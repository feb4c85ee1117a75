//! Which way to write works for which reason.

use std::collections::BTreeMap;

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::reason::{Reason, Strategy};
use crate::domain::vigilance::numbers::Share;

use super::parts::both;
use super::period::Period;
use super::queries;

/// What came of the letters of one strategy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Letters {
    /// Customers whose latest letter it was.
    pub sent: i64,
    /// Those of them who answered a letter.
    pub replied: i64,
    /// Those of them who came back.
    pub recovered: i64,
    /// Those of whom it is not known yet.
    pub open: i64,
}

impl Letters {
    fn add(&mut self, of: &Letters) {
        self.sent += of.sent;
        self.replied += of.replied;
        self.recovered += of.recovered;
        self.open += of.open;
    }

    /// How many of them came back, of all.
    pub fn back(&self) -> Share {
        share(self.recovered, self.sent)
    }

    /// How many of them answered, of all.
    pub fn answers(&self) -> Share {
        share(self.replied, self.sent)
    }
}

fn share(part: i64, of: i64) -> Share {
    let size = |number: i64| usize::try_from(number).unwrap_or(0);
    Share { part: size(part), of: size(of) }
}

/// One strategy with one reason.
#[derive(Debug, Clone)]
pub struct StrategyNumbers {
    /// Why they left.
    pub reason: Reason,
    /// How they were written to.
    pub strategy: Strategy,
    /// What came of the letters that left in the period.
    pub now: Letters,
    /// What came of those of the period before.
    pub before: Letters,
}

/// Strategies by reason.
#[derive(Debug, Clone)]
pub struct Strategies {
    /// The days on which the letters left.
    pub period: Period,
    /// Those that had letters in either period; reasons in their order, with most letters first.
    pub rows: Vec<StrategyNumbers>,
}

/// What is needed to compare.
pub const LATEST_LETTER: &str = "Each customer counts once, with the latest letter that left for them, on the day it left. \
     People chose who gets which letter, so a difference may come from that choice.";

impl Strategies {
    /// What came of all letters of a strategy, whatever the reason.
    pub fn of(&self, strategy: Strategy) -> (Letters, Letters) {
        self.sum(|row| row.strategy == strategy)
    }

    /// What came of all letters.
    pub fn all(&self) -> (Letters, Letters) {
        self.sum(|_| true)
    }

    fn sum(&self, which: impl Fn(&StrategyNumbers) -> bool) -> (Letters, Letters) {
        let mut all = (Letters::default(), Letters::default());
        for row in self.rows.iter().filter(|row| which(row)) {
            all.0.add(&row.now);
            all.1.add(&row.before);
        }
        all
    }

    /// Which strategy brings back most of those who left for this reason, in a sentence.
    pub fn best_in_words(&self, reason: Reason) -> String {
        let of_reason = || self.rows.iter().filter(move |row| row.reason == reason);
        let mut known: Vec<(&StrategyNumbers, (usize, usize))> = of_reason().filter_map(|row| Some((row, row.now.back().interval()?))).collect();
        known.sort_by(|a, b| rate(&b.0.now).total_cmp(&rate(&a.0.now)));
        let name = reason.label();
        match known.as_slice() {
            [] => format!("{name}: not enough data. No strategy has 20 letters in this period."),
            [(only, between)] => format!(
                "{name}: only \"{}\" has enough letters for a rate: {:.1} % came back, with 95 % certainty between {} % and {} %.",
                only.strategy.label(),
                rate(&only.now),
                between.0,
                between.1
            ),
            [(best, between), (_, next), ..] if between.0 > next.1 && known[1..].iter().all(|(_, other)| between.0 > other.1) => {
                format!("{name}: \"{}\" brings back most, {:.1} %, and more than chance explains.", best.strategy.label(), rate(&best.now))
            }
            [(best, _), ..] => format!(
                "{name}: not enough data to name a best. \"{}\" is ahead with {:.1} %, which chance alone may explain.",
                best.strategy.label(),
                rate(&best.now)
            ),
        }
    }

    /// The reasons that have letters in the period, in their order.
    pub fn reasons(&self) -> Vec<Reason> {
        let has = |reason: &Reason| self.rows.iter().any(|row| row.reason == *reason && row.now.sent > 0);
        Reason::ALL.iter().copied().filter(has).collect()
    }
}

fn rate(of: &Letters) -> f64 {
    if of.sent == 0 { 0.0 } else { of.recovered as f64 * 100.0 / of.sent as f64 }
}

/// What came of the letters that left in a period and the one before.
pub fn strategies(conn: &mut Conn, actor: &Actor, period: Period) -> Result<Strategies> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = both(period);
    let mut all: BTreeMap<(Reason, Strategy), (Letters, Letters)> = BTreeMap::new();
    for (replies, only) in [(false, " AND part = 'strategy'"), (true, " AND part = 'replied'")] {
        for row in queries::by_part(conn, only, starts, end)? {
            let key = (row.reason.parse().map_err(Error::internal)?, row.value.parse().map_err(Error::internal)?);
            let both = all.entry(key).or_default();
            let of = if row.step == 0 { &mut both.1 } else { &mut both.0 };
            if replies {
                of.replied += row.outcomes.left();
                continue;
            }
            of.sent += row.outcomes.left();
            of.recovered += row.outcomes.back_number;
            of.open += row.outcomes.open_number;
        }
    }
    let mut rows: Vec<StrategyNumbers> =
        all.into_iter().map(|((reason, strategy), (now, before))| StrategyNumbers { reason, strategy, now, before }).collect();
    rows.sort_by_key(|row| (row.reason, std::cmp::Reverse((row.now.sent, row.before.sent)), row.strategy));
    Ok(Strategies { period, rows })
}

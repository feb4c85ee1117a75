//! Shares, spreads and intervals, and how they are said. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

/// With fewer than this a share says more about chance than about the team.
pub const FEWEST: usize = 20;

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Those that count.
    pub part: usize,
    /// All.
    pub of: usize,
}

impl Share {
    /// How many of those for which it holds.
    pub fn count<T>(all: impl IntoIterator<Item = T>, holds: impl Fn(&T) -> bool) -> Share {
        all.into_iter().fold(Share::default(), |share, one| Share { part: share.part + usize::from(holds(&one)), of: share.of + 1 })
    }

    /// The share in percent, rounded; none where there are too few to say.
    pub fn percent(self) -> Option<usize> {
        (self.of >= FEWEST).then(|| (self.part * 200 + self.of) / (self.of * 2))
    }

    /// The share in percent, not rounded, however few there are.
    pub fn rate(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.part as f64 * 100.0 / self.of as f64 }
    }

    /// How much more than another share this is, in percentage points with one decimal; none where either has too few to say.
    pub fn points_over(self, other: Share) -> Option<f64> {
        (self.of >= FEWEST && other.of >= FEWEST).then(|| ((self.rate() - other.rate()) * 10.0).round() / 10.0)
    }

    /// "62 % (31 of 50)", or why there is no rate.
    pub fn in_words(self, noun: &str, nouns: &str) -> String {
        match (self.of, self.percent()) {
            (0, _) => format!("no {nouns}"),
            (of, Some(percent)) => format!("{percent} % ({} of {of})", self.part),
            (1, None) => format!("{} of 1 {noun}: too few for a rate", self.part),
            (of, None) => format!("{} of {of} {nouns}: too few for a rate", self.part),
        }
    }

    /// The interval in which the true share lies with 95 % certainty (Wilson), in percent;
    /// none where there are too few.
    pub fn interval(self) -> Option<(usize, usize)> {
        let percent = |value: f64| (value * 100.0).round().clamp(0.0, 100.0) as usize;
        self.bounds().map(|(low, high)| (percent(low), percent(high)))
    }

    /// The same interval as shares of one, not rounded.
    pub fn bounds(self) -> Option<(f64, f64)> {
        const Z: f64 = 1.96;
        if self.of < FEWEST {
            return None;
        }
        let (part, of) = (self.part as f64, self.of as f64);
        let (share, square) = (part / of, Z * Z);
        let middle = (share + square / (2.0 * of)) / (1.0 + square / of);
        let half = Z / (1.0 + square / of) * (share * (1.0 - share) / of + square / (4.0 * of * of)).sqrt();
        Some(((middle - half).max(0.0), (middle + half).min(1.0)))
    }

    pub(super) fn json(self) -> Value {
        json!({"count": self.part, "of": self.of, "percent": self.percent()})
    }
}

/// The middle and the slow end of measured times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many were measured.
    pub measured: usize,
    /// Half took no longer, in milliseconds.
    pub median: i64,
    /// Nine in ten took no longer, in milliseconds.
    pub p90: i64,
}

impl Spread {
    /// Of numbers of times by the shortest bound that they did not pass, by nearest rank: what it says are bounds.
    pub fn by_bound(counted: &BTreeMap<i64, i64>, bound_ms: i64) -> Spread {
        let measured: i64 = counted.values().sum();
        let at = |percent: i64| {
            let rank = (measured * percent + 99) / 100;
            let mut passed = 0;
            let reached = |(_, number): &(&i64, &i64)| {
                passed += **number;
                passed >= rank
            };
            counted.iter().find(reached).map_or(0, |(up_to, _)| up_to * bound_ms)
        };
        Spread { measured: usize::try_from(measured).unwrap_or(0), median: at(50), p90: at(90) }
    }

    /// Whether there are enough to speak of a middle.
    pub fn is_enough(self) -> bool {
        self.measured >= FEWEST
    }

    /// "8 s, 9 in 10 within 40 s", or why there is none.
    pub fn in_words(self) -> String {
        match self.measured {
            0 => "not measured".to_owned(),
            1 => "1 measured: too few for a median".to_owned(),
            n if n < FEWEST => format!("{n} measured: too few for a median"),
            _ => format!("{}, 9 in 10 within {}", duration(self.median), duration(self.p90)),
        }
    }

    pub(super) fn json(self) -> Value {
        let enough = |value: i64| self.is_enough().then_some(value);
        json!({"measured": self.measured, "median_ms": enough(self.median), "p90_ms": enough(self.p90)})
    }
}

/// "0.8 s", "45 s", "12 min", "5 h", "3 d".
pub fn duration(ms: i64) -> String {
    match ms {
        ..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        10_000..120_000 => format!("{} s", ms / 1000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} d", ms / 86_400_000),
    }
}

/// A bar of the picture of reading times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// The times it stands for.
    pub label: &'static str,
    /// How many decisions.
    pub count: usize,
}

const BARS: &[(&str, i64)] =
    &[("under 3 s", 3_000), ("3–10 s", 10_000), ("10–30 s", 30_000), ("30–60 s", 60_000), ("1–5 min", 300_000), ("over 5 min", i64::MAX)];

/// How often reading took how long, of numbers by the shortest bound in milliseconds that it did not pass.
pub fn bars(counted: &BTreeMap<i64, i64>) -> Vec<Bar> {
    let mut from = i64::MIN;
    BARS.iter()
        .map(|(label, to)| {
            let count: i64 = counted.range(from..*to).map(|(_, number)| number).sum();
            from = *to;
            Bar { label, count: usize::try_from(count).unwrap_or(0) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_samples_are_said_in_words() {
        assert_eq!(Share { part: 0, of: 0 }.in_words("decision", "decisions"), "no decisions");
        assert_eq!(Share { part: 1, of: 1 }.in_words("decision", "decisions"), "1 of 1 decision: too few for a rate");
        assert_eq!(Share { part: 3, of: 19 }.in_words("decision", "decisions"), "3 of 19 decisions: too few for a rate");
        assert_eq!(Share { part: 3, of: 20 }.in_words("decision", "decisions"), "15 % (3 of 20)");
        assert_eq!(Share { part: 2, of: 30 }.percent(), Some(7), "6.67 rounds up");
        assert_eq!(Share { part: 3, of: 19 }.interval(), None);
    }

    #[test]
    fn the_interval_is_wilsons() {
        // By hand: p = 0.85, n = 20, z = 1.96: middle 0.7936, half 0.1541.
        assert_eq!(Share { part: 17, of: 20 }.interval(), Some((64, 95)));
        assert_eq!(Share { part: 20, of: 20 }.interval(), Some((84, 100)));
        assert_eq!(Share { part: 0, of: 100 }.interval(), Some((0, 4)));
    }

    fn counted(times: &[i64]) -> BTreeMap<i64, i64> {
        times.iter().fold(BTreeMap::new(), |mut all, time| {
            *all.entry(*time).or_default() += 1;
            all
        })
    }

    #[test]
    fn medians_are_by_nearest_rank_and_named_by_their_bound() {
        let spread = Spread::by_bound(&counted(&(1..=20).collect::<Vec<_>>()), 1000);
        assert_eq!((spread.measured, spread.median, spread.p90), (20, 10_000, 18_000));
        assert_eq!(spread.in_words(), "10 s, 9 in 10 within 18 s");
        let (quick, slow) = ([(5, 10), (60, 8), (3600, 2)].into(), [(5, 9), (60, 8), (3600, 3)].into());
        assert_eq!(Spread::by_bound(&quick, 1000), Spread { measured: 20, median: 5_000, p90: 60_000 });
        assert_eq!(Spread::by_bound(&slow, 1000), Spread { measured: 20, median: 60_000, p90: 3_600_000 });
        assert_eq!(Spread::by_bound(&counted(&[]), 1).in_words(), "not measured");
        assert_eq!(Spread::by_bound(&counted(&[1; 19]), 1).in_words(), "19 measured: too few for a median");
        assert_eq!(duration(850), "0.8 s");
        assert_eq!(duration(7_200_000), "2 h");
    }

    #[test]
    fn every_time_has_one_bar() {
        let counted = counted(&[500, 2_999, 3_500, 30_000, 59_999, 60_000, 1_800_000]);
        assert_eq!(bars(&counted).into_iter().map(|bar| bar.count).collect::<Vec<_>>(), [2, 1, 0, 2, 1, 1]);
    }
}

//! How fast a mailbox may send, and what its numbers say of it. Pure.

use crate::clock::Time;
use crate::text_enum;

/// Sends that the rates look back over, at least; those of the last day where they are more.
pub const WINDOW_SENDS: i64 = 1000;
/// The same in time, in seconds.
pub const WINDOW_SECONDS: i64 = 24 * 3600;
/// Fewer sends than these say nothing.
pub const MIN_SAMPLES: i64 = 200;
/// A mailbox that is slowed sends so many messages a minute.
pub const SLOW_PER_MINUTE: i64 = 30;
/// The days of the median.
pub const SPIKE_DAYS: i64 = 14;
/// Days with mail among them, below which there is no median.
pub const SPIKE_LEAST_DAYS: usize = 5;

text_enum!(
    /// How a mailbox stands.
    pub enum Health {
        /// Nothing is wrong.
        Good => "good",
        /// More than half of what is allowed comes back.
        Warned => "warned",
        /// More than three quarters: it sends slowly.
        Slowed => "slowed",
        /// More than is allowed: nothing leaves until a person resumes.
        Paused => "paused",
    }
);

impl Health {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Health::Good => "Good",
            Health::Warned => "Watch it",
            Health::Slowed => "Slowed down",
            Health::Paused => "Paused",
        }
    }
}

/// What came of the messages of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handed over.
    pub sent: i64,
    /// Came back.
    pub bounced: i64,
    /// Were complained about.
    pub complained: i64,
}

impl Tally {
    /// Bounces in millionths.
    pub fn bounce_rate(&self) -> i64 {
        rate(self.bounced, self.sent)
    }

    /// Complaints in millionths.
    pub fn complaint_rate(&self) -> i64 {
        rate(self.complained, self.sent)
    }
}

fn rate(part: i64, of: i64) -> i64 {
    if of > 0 { part.saturating_mul(1_000_000) / of } else { 0 }
}

/// "2.15 %", of millionths.
pub fn percent(millionths: i64) -> String {
    let text = format!("{}.{:04}", millionths / 10_000, millionths % 10_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// What the numbers of a window say, with limits in millionths. Too few say nothing.
pub fn judge(tally: Tally, bounce_limit: i64, complaint_limit: i64) -> (Health, Option<String>) {
    if tally.sent < MIN_SAMPLES {
        return (Health::Good, None);
    }
    let grade = |rate: i64, limit: i64| match rate {
        rate if rate > limit => Health::Paused,
        rate if rate * 4 > limit * 3 => Health::Slowed,
        rate if rate * 2 > limit => Health::Warned,
        _ => Health::Good,
    };
    let said = |what: &str, part: i64, rate: i64, limit: i64| {
        format!("{part} of the last {} messages {what}: {}, where {} is the most.", tally.sent, percent(rate), percent(limit))
    };
    let bounces = grade(tally.bounce_rate(), bounce_limit);
    let complaints = grade(tally.complaint_rate(), complaint_limit);
    match (bounces.max(complaints), bounces >= complaints) {
        (Health::Good, _) => (Health::Good, None),
        (health, true) => (health, Some(said("came back", tally.bounced, tally.bounce_rate(), bounce_limit))),
        (health, false) => (health, Some(said("were complained about", tally.complained, tally.complaint_rate(), complaint_limit))),
    }
}

/// Why a day's volume is a spike: more than so many percent of the median of the days with mail among the last fourteen.
/// `days` are the numbers of those days, without today.
pub fn spike(today: i64, days: &[i64], percent: i64) -> Option<String> {
    let mut busy: Vec<i64> = days.iter().copied().filter(|sent| *sent > 0).collect();
    if busy.len() < SPIKE_LEAST_DAYS || today < MIN_SAMPLES || percent <= 0 {
        return None;
    }
    busy.sort_unstable();
    let middle = busy.len() / 2;
    let median = if busy.len() % 2 == 1 { busy[middle] } else { (busy[middle - 1] + busy[middle]) / 2 };
    (today.saturating_mul(100) > median.saturating_mul(percent))
        .then(|| format!("{today} messages today, where {median} is the median of the last {SPIKE_DAYS} days: a volume spike harms the domain."))
}

/// How many messages a mailbox may send on its nth sending day (from 1) while it warms up; none once the ramp has ended.
pub fn allowance(first: i32, percent: i32, target: i32, day: i64) -> Option<i64> {
    if first <= 0 {
        return None;
    }
    let mut allowed = i64::from(first);
    for _ in 1..day.clamp(1, 365) {
        // Each day by at least one, so that the ramp ends.
        allowed = (allowed * (100 + i64::from(percent)) / 100).max(allowed + 1);
        if allowed >= i64::from(target) {
            return None;
        }
    }
    (allowed < i64::from(target)).then_some(allowed)
}

/// The ramp: what each sending day allows, until there is no limit.
pub fn curve(first: i32, percent: i32, target: i32) -> Vec<i64> {
    (1..=365).map_while(|day| allowance(first, percent, target, day)).collect()
}

/// When the next of more than `limit` messages a minute has its turn, by the oldest of the last minute.
pub fn throttled(limit: i64, in_last_minute: i64, oldest: Option<Time>, now: Time) -> Option<Time> {
    if limit <= 0 || in_last_minute < limit {
        return None;
    }
    Some(oldest.unwrap_or(now).plus_seconds(60).max(now.plus_seconds(1)))
}

/// Midnight UTC after this instant.
pub fn next_day(now: Time) -> Time {
    now.date().tomorrow().map_or(now.plus_days(1), Time::from_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_warn_slow_down_and_pause_once_there_are_enough_sends() {
        let cases = [
            (199, 199, 0, Health::Good),
            (200, 0, 0, Health::Good),
            (200, 2, 0, Health::Good),
            (1000, 11, 0, Health::Warned),
            (1000, 15, 0, Health::Warned),
            (1000, 16, 0, Health::Slowed),
            (1000, 20, 0, Health::Slowed),
            (1000, 21, 0, Health::Paused),
            (1000, 0, 1, Health::Slowed),
            (1000, 0, 2, Health::Paused),
            (200, 0, 1, Health::Paused),
            (2000, 0, 2, Health::Slowed),
            (1000, 11, 2, Health::Paused),
        ];
        for (sent, bounced, complained, expected) in cases {
            let (health, why) = judge(Tally { sent, bounced, complained }, 20_000, 1_000);
            assert_eq!(health, expected, "{sent} {bounced} {complained}");
            assert_eq!(why.is_some(), health != Health::Good);
        }
        let (_, why) = judge(Tally { sent: 1000, bounced: 21, complained: 0 }, 20_000, 1_000);
        assert_eq!(why.as_deref(), Some("21 of the last 1000 messages came back: 2.1 %, where 2 % is the most."));
    }

    #[test]
    fn a_spike_is_more_than_twice_the_median_of_busy_days() {
        let days = [100, 0, 120, 0, 110, 130, 90, 5000];
        assert_eq!(spike(230, &days, 200), None, "the median is 115");
        assert!(spike(231, &days, 200).is_some());
        assert_eq!(spike(231, &days, 300), None);
        assert_eq!(spike(231, &days[..5], 200), None, "three busy days are no history");
        assert_eq!(spike(199, &[10, 10, 10, 10, 10], 200), None, "too few to say");
        assert!(spike(200, &[10, 10, 10, 10, 10], 200).is_some());
        assert_eq!(spike(100_000, &days, 0), None, "switched off");
    }

    #[test]
    fn the_ramp_grows_by_sending_days_and_ends() {
        assert_eq!(curve(50, 50, 400), [50, 75, 112, 168, 252, 378]);
        assert_eq!(allowance(50, 50, 400, 0), Some(50), "a first day has not begun");
        assert_eq!(allowance(50, 50, 400, 7), None, "there is no limit any more");
        assert_eq!(allowance(0, 50, 400, 1), None, "no warm-up");
        assert_eq!(curve(1, 0, 5), [1, 2, 3, 4], "it ends also where it hardly grows");
        assert_eq!(curve(500, 50, 400), [0_i64; 0], "it starts where it ends");
    }

    #[test]
    fn a_throttle_gives_the_time_of_the_next_turn() {
        let now = Time::from_seconds(1_000);
        assert_eq!(throttled(0, 1_000_000, None, now), None, "no limit");
        assert_eq!(throttled(3, 2, Some(now.plus_seconds(-10)), now), None);
        assert_eq!(throttled(3, 3, Some(now.plus_seconds(-10)), now), Some(now.plus_seconds(50)));
        assert_eq!(throttled(3, 4, Some(now.plus_seconds(-60)), now), Some(now.plus_seconds(1)));
    }

    #[test]
    fn rates_are_written_without_needless_figures() {
        for (millionths, text) in [(0, "0 %"), (1_000, "0.1 %"), (20_000, "2 %"), (21_500, "2.15 %"), (1_000_000, "100 %")] {
            assert_eq!(percent(millionths), text);
        }
    }
}

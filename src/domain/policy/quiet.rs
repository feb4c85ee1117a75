//! Quiet hours on the recipient's clock. Pure.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::Time;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 24 * 60;

/// When quiet hours that hold now end; none outside of them. `from` and `until` are minutes after midnight on the
/// recipient's clock: from 21:00 until 08:00 goes over midnight, equal ones are none at all. What waits is never
/// dropped: there is always an end, also where the clocks change.
pub fn until(now: Time, zone: &TimeZone, from: u16, until: u16) -> Option<Time> {
    let quiet = |at: Time| is_quiet(at.local(zone), from, until);
    if !quiet(now) {
        return None;
    }
    let today = now.local(zone).date();
    let end = jiff::civil::time((until / 60) as i8 % 24, (until % 60) as i8, 0, 0);
    let mut ends = vec![];
    for day in [Some(today), today.tomorrow().ok(), today.tomorrow().and_then(|day| day.tomorrow()).ok()].into_iter().flatten() {
        // A time that the clocks repeat comes twice, and one that they skip not at all: then the jump itself ends it.
        let ambiguous = zone.to_ambiguous_zoned(day.to_datetime(end));
        for found in [ambiguous.clone().earlier(), ambiguous.later()] {
            ends.extend(found.ok().map(|at| Time::from_micros(at.timestamp().as_microsecond())));
        }
    }
    ends.extend(zone.following(now.timestamp()).take(2).map(|change| Time::from_micros(change.timestamp().as_microsecond())));
    ends.into_iter().filter(|end| *end > now && !quiet(*end)).min()
}

fn is_quiet(local: DateTime, from: u16, until: u16) -> bool {
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
    if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until }
}

/// "21:00", of minutes after midnight.
pub fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// Reads "21:00" as minutes after midnight.
pub fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.get(..2)?.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn quiet_hours_end_on_the_recipients_clock() {
        const NIGHT: (u16, u16) = (21 * 60, 8 * 60);
        const EARLY: (u16, u16) = (60, 2 * 60 + 30);
        let cases = [
            // Over midnight, before and after it, and at both ends.
            ("2026-11-21T20:59:59Z", "UTC", NIGHT, None),
            ("2026-11-21T21:00:00Z", "UTC", NIGHT, Some("2026-11-22T08:00:00Z")),
            ("2026-11-22T07:59:59Z", "UTC", NIGHT, Some("2026-11-22T08:00:00Z")),
            ("2026-11-22T08:00:00Z", "UTC", NIGHT, None),
            // The clock of the recipient counts.
            ("2026-11-21T20:30:00Z", "Europe/Vienna", NIGHT, Some("2026-11-22T07:00:00Z")),
            ("2026-11-21T13:00:00Z", "Asia/Kolkata", NIGHT, None),
            ("2026-11-21T16:00:00Z", "Asia/Kolkata", NIGHT, Some("2026-11-22T02:30:00Z")),
            // Within one day.
            ("2026-11-21T01:15:00Z", "UTC", EARLY, Some("2026-11-21T02:30:00Z")),
            ("2026-11-21T02:30:00Z", "UTC", EARLY, None),
            // The night in which the clocks go forward is an hour shorter, the other an hour longer.
            ("2026-03-28T21:00:00Z", "Europe/Vienna", NIGHT, Some("2026-03-29T06:00:00Z")),
            ("2026-10-24T20:00:00Z", "Europe/Vienna", NIGHT, Some("2026-10-25T07:00:00Z")),
            // 02:30 is skipped: the jump at 02:00 ends it.
            ("2026-03-29T00:30:00Z", "Europe/Vienna", EARLY, Some("2026-03-29T01:00:00Z")),
            // 02:30 comes twice: in between it is not quiet until the clocks go back, and then once more.
            ("2026-10-25T00:15:00Z", "Europe/Vienna", EARLY, Some("2026-10-25T00:30:00Z")),
            ("2026-10-25T00:45:00Z", "Europe/Vienna", EARLY, None),
            ("2026-10-25T01:15:00Z", "Europe/Vienna", EARLY, Some("2026-10-25T01:30:00Z")),
            // None at all.
            ("2026-11-21T23:00:00Z", "UTC", (0, 0), None),
        ];
        for (now, zone, (from, until_), expected) in cases {
            let found = until(at(now), &TimeZone::get(zone).unwrap(), from, until_);
            assert_eq!(found, expected.map(at), "{now} in {zone}");
        }
    }

    /// Held against a walk minute by minute through the days on which clocks change.
    #[test]
    fn the_end_is_the_first_minute_that_is_not_quiet() {
        for (zone, start) in [
            ("Europe/Vienna", "2026-03-28"),
            ("Europe/Vienna", "2026-10-24"),
            ("Australia/Lord_Howe", "2026-04-04"),
            ("America/St_Johns", "2026-10-31"),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            for (from, end) in [(1260, 480), (60, 150), (90, 120), (1380, 150), (0, 1439)] {
                for step in (0..48 * 60).step_by(17) {
                    let now = at(start).plus_seconds(step * 60);
                    let walked = (0..3 * 1440).map(|n| now.plus_seconds(n * 60)).find(|t| !is_quiet(t.local(&zone), from, end));
                    let expected = walked.filter(|t| *t > now);
                    assert_eq!(until(now, &zone, from, end), expected, "{now} {from} {end}");
                }
            }
        }
    }

    #[test]
    fn times_of_day_are_read_as_they_are_written() {
        for minute in 0..DAY_MINUTES {
            assert_eq!(minutes(&clock(minute)), Some(minute));
        }
        for wrong in ["24:00", "8", "08:60", "a:b", ""] {
            assert_eq!(minutes(wrong), None, "{wrong}");
        }
    }
}

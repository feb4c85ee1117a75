//! When somebody's daily mail is due. Pure.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::Time;

/// The last moment, not after `now`, at which a day in this zone reached this hour. There is one
/// a day: an hour that is skipped in spring counts when the clock has jumped, and one that comes
/// twice in autumn counts the first time.
pub(super) fn latest(zone: &TimeZone, hour: i32, now: Time) -> Time {
    let today = now.local(zone).date();
    let yesterday = || today.yesterday().unwrap_or(today);
    at(zone, today, hour).filter(|slot| *slot <= now).or_else(|| at(zone, yesterday(), hour)).unwrap_or(now)
}

/// The last Monday, not after `now`, on which a day in this zone reached this hour. There is one a week, also where clocks change.
pub(super) fn latest_monday(zone: &TimeZone, hour: i32, now: Time) -> Time {
    let today = now.local(zone).date();
    let monday = today.saturating_sub(i64::from(today.weekday().to_monday_zero_offset()).days());
    let before = monday.saturating_sub(7.days());
    at(zone, monday, hour).filter(|slot| *slot <= now).or_else(|| at(zone, before, hour)).unwrap_or(now)
}

fn at(zone: &TimeZone, day: Date, hour: i32) -> Option<Time> {
    let hour = i8::try_from(hour).ok()?;
    Time::from_local(day.at(hour, 0, 0, 0), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slots that a look every quarter of an hour finds between two instants.
    fn slots(zone: &str, hour: i32, from: &str, to: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let (mut now, end) = (Time::parse(from).unwrap(), Time::parse(to).unwrap());
        let mut found = vec![];
        let mut last = latest(&zone, hour, now);
        while now < end {
            now = now.plus_seconds(900);
            let slot = latest(&zone, hour, now);
            if slot != last {
                assert!(slot > last && slot <= now);
                found.push(slot.to_string());
                last = slot;
            }
        }
        found
    }

    #[test]
    fn eight_in_berlin_is_seven_in_winter_and_six_in_summer() {
        assert_eq!(
            slots("Europe/Berlin", 8, "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z"),
            ["2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z", "2026-03-30T06:00:00Z"]
        );
        assert_eq!(
            slots("Europe/Berlin", 8, "2026-10-23T12:00:00Z", "2026-10-26T12:00:00Z"),
            ["2026-10-24T06:00:00Z", "2026-10-25T07:00:00Z", "2026-10-26T07:00:00Z"]
        );
    }

    #[test]
    fn there_is_one_monday_a_week_also_where_clocks_change() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let (mut now, end) = (Time::parse("2026-03-20T12:00:00Z").unwrap(), Time::parse("2026-11-20T12:00:00Z").unwrap());
        let mut found = vec![latest_monday(&berlin, 8, now)];
        while now < end {
            now = now.plus_seconds(900);
            let slot = latest_monday(&berlin, 8, now);
            if found.last() != Some(&slot) {
                assert!(slot <= now && now.seconds_since(slot) < 900, "{slot} {now}");
                found.push(slot);
            }
        }
        assert_eq!(found.len(), 36, "{found:?}");
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(said[..3], ["2026-03-16T07:00:00Z", "2026-03-23T07:00:00Z", "2026-03-30T06:00:00Z"]);
        assert_eq!(said[35], "2026-11-16T07:00:00Z");
        let auckland = TimeZone::get("Pacific/Auckland").unwrap();
        let sunday = Time::parse("2026-11-22T19:30:00Z").unwrap();
        assert_eq!(latest_monday(&auckland, 8, sunday).to_string(), "2026-11-22T19:00:00Z", "Monday begins earlier there");
    }

    #[test]
    fn an_hour_that_is_skipped_or_comes_twice_is_one_slot() {
        assert_eq!(slots("Europe/Berlin", 2, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"), ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
        assert_eq!(slots("Europe/Berlin", 2, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"), ["2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"]);
        assert_eq!(slots("Pacific/Auckland", 0, "2026-11-20T00:00:00Z", "2026-11-21T12:00:00Z"), ["2026-11-20T11:00:00Z", "2026-11-21T11:00:00Z"]);
    }
}

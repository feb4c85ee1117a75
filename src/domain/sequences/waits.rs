//! When a step is due: plain days, then business days, then business hours, on the recipient's clock. Pure, but for `zone_of`.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

use crate::clock::{Time, zone};
use crate::db::Conn;
use crate::domain::contacts::ContactRow;
use crate::domain::error::Result;
use crate::domain::policy::rules;

use super::Step;

/// When business begins, in hours after midnight.
pub const OPENS: i8 = 9;
/// When business ends, in hours after midnight.
pub const CLOSES: i8 = 17;

/// The clock that business days and hours of a contact are counted on: their own, or that of the workspace's quiet hours, or UTC.
pub(super) fn zone_of(conn: &mut Conn, contact: &ContactRow) -> Result<TimeZone> {
    Ok(match &contact.time_zone {
        Some(name) => zone(Some(name)),
        None => zone(rules::rules(conn)?.quiet_zone.as_deref()),
    })
}

/// When a step is due that waits from this time.
pub fn due(step: &Step, from: Time, zone: &TimeZone, holidays: &BTreeSet<Date>) -> Time {
    let at = from.plus_days(step.wait_days);
    let at = after_days(at, step.wait_business_days, zone, holidays);
    after_hours(at, step.wait_business_hours, zone, holidays)
}

fn is_business(day: Date, holidays: &BTreeSet<Date>) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !holidays.contains(&day)
}

fn next_business(day: Date, holidays: &BTreeSet<Date>) -> Date {
    let mut next = day;
    loop {
        next = next.tomorrow().unwrap_or(Date::MAX);
        if is_business(next, holidays) || next == Date::MAX {
            return next;
        }
    }
}

/// The same time of the clock, so many business days later. A time that the clocks skip on that day is the one after the jump.
fn after_days(from: Time, days: i64, zone: &TimeZone, holidays: &BTreeSet<Date>) -> Time {
    if days <= 0 {
        return from;
    }
    let local = from.local(zone);
    let day = (0..days).fold(local.date(), |day, _| next_business(day, holidays));
    at(day.to_datetime(local.time()), zone).unwrap_or(from)
}

/// So many hours later, counting only those in which business is open.
fn after_hours(from: Time, hours: i64, zone: &TimeZone, holidays: &BTreeSet<Date>) -> Time {
    if hours <= 0 {
        return from;
    }
    let (mut left, mut day, mut begins) = (hours * 3_600_000_000, from.local(zone).date(), from);
    loop {
        let (opens, closes) = (at(day.at(OPENS, 0, 0, 0), zone), at(day.at(CLOSES, 0, 0, 0), zone));
        let (Some(opens), Some(closes)) = (opens, closes) else { return from };
        let start = begins.max(opens);
        if is_business(day, holidays) && start < closes {
            let room = closes.micros() - start.micros();
            if left <= room {
                return Time::from_micros(start.micros() + left);
            }
            left -= room;
        }
        day = next_business(day, holidays);
        begins = opens;
    }
}

fn at(local: DateTime, zone: &TimeZone) -> Option<Time> {
    Time::from_local(local, zone)
}

/// "3 days", "2 business days and 4 business hours", or none where it does not wait.
pub fn in_words(step: &Step) -> Option<String> {
    let plural = |n: i64, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let parts: Vec<String> = [(step.wait_days, "day"), (step.wait_business_days, "business day"), (step.wait_business_hours, "business hour")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, one)| plural(n, one))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_at(from: &str, zone_name: &str, days: i64, business_days: i64, hours: i64) -> String {
        let step = Step { wait_days: days, wait_business_days: business_days, wait_business_hours: hours, ..Step::default() };
        let zone = zone(Some(zone_name));
        due(&step, Time::parse(from).unwrap(), &zone, &BTreeSet::new()).local(&zone).to_string()
    }

    #[test]
    fn hours_that_go_over_night_lose_no_part_of_a_second() {
        assert_eq!(due_at("2026-11-24T14:30:32.75Z", "UTC", 0, 0, 3), "2026-11-25T09:30:32.75");
    }

    #[test]
    fn business_days_leave_out_weekends_and_keep_the_time_of_the_clock() {
        // 2026-03-27 is a Friday; clocks in Vienna go forward on Sunday.
        assert_eq!(due_at("2026-03-27T09:30:00Z", "Europe/Vienna", 0, 1, 0), "2026-03-30T10:30:00");
        assert_eq!(due_at("2026-03-27T09:30:00Z", "Europe/Vienna", 0, 6, 0), "2026-04-06T10:30:00");
        assert_eq!(due_at("2026-03-28T09:30:00Z", "Europe/Vienna", 0, 1, 0), "2026-03-30T10:30:00", "Saturday counts from Monday");
        assert_eq!(due_at("2026-10-23T22:30:00Z", "America/New_York", 0, 1, 0), "2026-10-26T18:30:00");
    }

    #[test]
    fn business_hours_run_from_nine_to_five_on_the_recipients_clock() {
        assert_eq!(due_at("2026-11-20T15:00:00Z", "Europe/Vienna", 0, 0, 4), "2026-11-23T12:00:00", "one on Friday, three on Monday");
        assert_eq!(due_at("2026-11-20T14:00:00Z", "Europe/Vienna", 0, 0, 2), "2026-11-20T17:00:00", "until the last minute");
        assert_eq!(due_at("2026-11-21T03:00:00Z", "Europe/Vienna", 0, 0, 1), "2026-11-23T10:00:00", "a night on a weekend");
        assert_eq!(due_at("2026-11-23T05:00:00Z", "Europe/Vienna", 0, 0, 8), "2026-11-23T17:00:00", "a whole day");
        assert_eq!(due_at("2026-11-23T17:00:00Z", "Europe/Vienna", 0, 0, 9), "2026-11-25T10:00:00");
        assert_eq!(due_at("2026-11-20T23:00:00Z", "Pacific/Auckland", 0, 0, 1), "2026-11-23T10:00:00", "there it is Saturday");
    }

    #[test]
    fn clocks_that_change_do_not_move_the_hour() {
        for zone in ["Europe/Vienna", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Etc/UTC"] {
            for day in 0..400 {
                let none = BTreeSet::new();
                let from = Time::parse("2026-01-01T10:00:00Z").unwrap().plus_days(day);
                let tz = crate::clock::zone(Some(zone));
                let local = due(&Step { wait_business_days: 1, ..Step::default() }, from, &tz, &none).local(&tz);
                assert!(is_business(local.date(), &none) && local.time() == from.local(&tz).time(), "{zone} {from}: {local}");
                let hours = due(&Step { wait_business_hours: 20, ..Step::default() }, from, &tz, &none);
                let end = hours.local(&tz);
                assert!(hours > from && is_business(end.date(), &none) && (OPENS..=CLOSES).contains(&end.hour()), "{zone} {from}: {end}");
            }
        }
    }

    #[test]
    fn holidays_are_left_out_like_weekends_and_plain_days_are_not() {
        let zone = zone(Some("Europe/Vienna"));
        let holidays: BTreeSet<Date> = ["2026-12-24", "2026-12-25", "2026-12-28"].iter().map(|day| day.parse().unwrap()).collect();
        let at = |step: &Step, from: &str| due(step, Time::parse(from).unwrap(), &zone, &holidays).local(&zone).to_string();
        let days = Step { wait_business_days: 1, ..Step::default() };
        // 2026-12-23 is a Wednesday; Thursday and Friday are holidays, then a weekend, then another.
        assert_eq!(at(&days, "2026-12-23T09:00:00Z"), "2026-12-29T10:00:00");
        assert_eq!(at(&days, "2026-12-25T09:00:00Z"), "2026-12-29T10:00:00", "from a holiday");
        let hours = Step { wait_business_hours: 4, ..Step::default() };
        assert_eq!(at(&hours, "2026-12-23T14:00:00Z"), "2026-12-29T11:00:00", "two on Wednesday, two on Tuesday");
        assert_eq!(at(&Step { wait_days: 1, ..Step::default() }, "2026-12-23T09:00:00Z"), "2026-12-24T10:00:00");
    }

    #[test]
    fn plain_days_are_as_they_were_and_all_three_add_up() {
        assert_eq!(due_at("2026-11-20T10:00:00Z", "Etc/UTC", 2, 0, 0), "2026-11-22T10:00:00");
        assert_eq!(due_at("2026-11-20T10:00:00Z", "Etc/UTC", 1, 1, 2), "2026-11-23T12:00:00");
        let step = Step { wait_days: 1, wait_business_hours: 2, ..Step::default() };
        assert_eq!(in_words(&step).as_deref(), Some("1 day and 2 business hours"));
        assert_eq!(in_words(&Step::default()), None);
    }
}

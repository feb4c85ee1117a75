//! The only place that reads the wall clock, and the type in which times are stored.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

/// An instant, stored as microseconds since 1970-01-01T00:00:00Z in both databases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Time(i64);

/// The zone of this IANA name; UTC where there is none or it is not known.
pub fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// Time since this process first asked, which never goes back.
pub fn uptime() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// Reads the wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_microsecond())
}

impl Time {
    /// The instant so many microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Time(micros)
    }

    /// The instant so many seconds after the epoch.
    pub fn from_seconds(seconds: i64) -> Self {
        Time(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Reads RFC 3339, or a bare date as midnight UTC.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(at) = text.trim().parse::<jiff::Timestamp>() {
            return Some(Time(at.as_microsecond()));
        }
        let date: jiff::civil::Date = text.trim().parse().ok()?;
        Some(Self::from_date(date))
    }

    /// Midnight UTC at the start of a day.
    pub fn from_date(date: jiff::civil::Date) -> Self {
        let at = date.to_zoned(TimeZone::UTC).map(|z| z.timestamp().as_microsecond());
        Time(at.unwrap_or_default())
    }

    /// The UTC calendar day.
    pub fn date(self) -> jiff::civil::Date {
        self.timestamp().to_zoned(TimeZone::UTC).date()
    }

    /// The same instant as jiff's type; out-of-range values become the epoch.
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or_default()
    }

    /// This many seconds later (or earlier when negative).
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Time(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// This many days of 24 hours later (or earlier when negative).
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(86_400))
    }

    /// Seconds from `earlier` to this instant.
    pub fn seconds_since(self, earlier: Time) -> i64 {
        (self.0 - earlier.0) / 1_000_000
    }

    /// The instant at which a clock in this zone shows this. A time that a change of the clocks
    /// skips is the one after the jump; one they repeat, the first of the two.
    pub fn from_local(local: DateTime, zone: &TimeZone) -> Option<Self> {
        Some(Time(zone.to_ambiguous_zoned(local).compatible().ok()?.timestamp().as_microsecond()))
    }

    /// Reads "2026-11-21T09:00" as the time on a clock in this zone (an IANA name).
    pub fn parse_local(text: &str, zone: &str) -> Option<Self> {
        Self::from_local(text.trim().parse().ok()?, &TimeZone::get(zone).ok()?)
    }

    /// Day and time on a clock in this zone.
    pub fn local(self, zone: &TimeZone) -> DateTime {
        zone.to_datetime(self.timestamp())
    }

    /// "21 Nov 2026, 09:00 CET" on a clock in this zone.
    pub fn in_zone(self, zone: &TimeZone) -> String {
        self.timestamp().to_zoned(zone.clone()).strftime("%-d %b %Y, %H:%M %Z").to_string()
    }

    /// "2026-11-21T09:00" on a clock in this zone, as a field for a time has it.
    pub fn for_field(self, zone: &TimeZone) -> String {
        self.local(zone).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// "14 s", "3 min 5 s", "2 h 10 min": what is left until then, as the script counts on.
    pub fn seconds_left(self, now: Time) -> String {
        match self.seconds_since(now).max(0) {
            left @ 0..60 => format!("{left} s"),
            left @ 60..3600 => format!("{} min {} s", left / 60, left % 60),
            left => format!("{} h {} min", left / 3600, left % 3600 / 60),
        }
    }

    /// "5 min ago", "in 3 h"; the script counts on from here in the same words.
    pub fn relative(self, now: Time) -> String {
        let seconds = self.seconds_since(now);
        let (count, unit) = match seconds.abs() {
            0..60 => return "just now".to_owned(),
            60..3600 => (seconds.abs() / 60, "min"),
            3600..172_800 => (seconds.abs() / 3600, "h"),
            _ => (seconds.abs() / 86_400, "d"),
        };
        if seconds < 0 { format!("{count} {unit} ago") } else { format!("in {count} {unit}") }
    }

    /// "21 Nov 2026, 02:03:04 UTC", where a second matters.
    pub fn for_people_exactly(self) -> String {
        self.timestamp().to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M:%S UTC").to_string()
    }

    /// "21 Nov 2026, 02:03 UTC", for pages without a script.
    pub fn for_people(self) -> String {
        self.timestamp().to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp().to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for Time
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for Time
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        i64::from_sql(bytes).map(Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_time_is_read_in_its_zone_also_when_the_clocks_change() {
        let utc = |text: &str, zone: &str| Time::parse_local(text, zone).map(|at| at.to_string());
        assert_eq!(utc("2026-11-21T09:00", "Europe/Berlin").as_deref(), Some("2026-11-21T08:00:00Z"));
        assert_eq!(utc("2026-07-21T09:00", "Europe/Berlin").as_deref(), Some("2026-07-21T07:00:00Z"));
        assert_eq!(utc("2026-03-29T02:30", "Europe/Berlin").as_deref(), Some("2026-03-29T01:30:00Z"), "skipped: an hour later");
        assert_eq!(utc("2026-11-21T09:00", "Nowhere/Town"), None);
        assert_eq!(utc("soon", "Europe/Berlin"), None);
        let at = Time::parse("2026-11-21T08:00:00Z").unwrap();
        assert_eq!(at.in_zone(&zone(Some("Europe/Berlin"))), "21 Nov 2026, 09:00 CET");
        assert_eq!(at.in_zone(&zone(None)), "21 Nov 2026, 08:00 UTC");
        assert_eq!(at.for_field(&zone(Some("Asia/Kolkata"))), "2026-11-21T13:30");
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        let now = Time::from_seconds(1_000_000);
        for (seconds, told) in [(0, "just now"), (-59, "just now"), (-60, "1 min ago"), (-7300, "2 h ago"), (-172_800, "2 d ago"), (3600, "in 1 h")] {
            assert_eq!(now.plus_seconds(seconds).relative(now), told);
        }
    }
}

//! The only place that reads the wall clock, and the type in which times are stored.

use std::fmt;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use jiff::tz::TimeZone;
use serde::Serialize;

/// An instant, stored as microseconds since 1970-01-01T00:00:00Z in both databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Time(i64);

/// Reads the wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_microsecond())
}

impl Time {
    /// The instant so many microseconds after the epoch.
    pub fn from_micros(micros: i64) -> Self {
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

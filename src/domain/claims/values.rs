//! What an atom says, in a form that can be compared.

use jiff::civil::{Date, Weekday};

use super::Kind;

/// Days of a month and of a year in comparisons, in thousandths of a day.
const MONTH: i64 = 30_437;
const YEAR: i64 = 365_250;

/// A day, of which year or day may be left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The year, where it is given.
    pub year: Option<i16>,
    /// The month.
    pub month: i8,
    /// The day of the month, where it is given.
    pub day: Option<i8>,
    /// "04/03" may be read in either order: the other month.
    pub or_month: i8,
    /// And the other day.
    pub or_day: Option<i8>,
}

impl Day {
    pub(super) fn new(year: Option<i16>, month: i8, day: Option<i8>) -> Option<Day> {
        // A leap year stands in where the year is open, so that 29 February is a day.
        Date::new(year.unwrap_or(2024), month, day.unwrap_or(1)).ok()?;
        Some(Day { year, month, day, or_month: month, or_day: day })
    }

    /// Whether this can be that date. Without a year it is the one nearest to today.
    pub fn is(&self, date: Date, today: Date) -> bool {
        let fits = |month: i8, day: Option<i8>| date.month() == month && day.is_none_or(|day| day == date.day());
        let year = match self.year {
            Some(year) => date.year() == year,
            None => (date.year() - today.year()).abs() <= 1 && days_between(today, date).abs() <= 366,
        };
        year && (fits(self.month, self.day) || fits(self.or_month, self.or_day))
    }
}

/// A day named by where it lies from today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NearDay {
    /// A day so many days from today.
    Days(i64),
    /// A day of the week within a week from today, before or after.
    Weekday(Weekday),
    /// A day of the week that is so many weeks from this one.
    Week(i64),
    /// A day of the month that is so many months from this one.
    Month(i32),
}

impl NearDay {
    /// Whether this can be that date. "Last week" is the week before this one, or the seven days before today.
    pub fn is(self, date: Date, today: Date) -> bool {
        let away = days_between(today, date);
        let monday = |day: Date| i64::from(day.weekday().to_monday_zero_offset());
        match self {
            NearDay::Days(days) => away == days,
            NearDay::Weekday(weekday) => date.weekday() == weekday && away.abs() <= 7,
            NearDay::Week(weeks) => (away + monday(today) - monday(date)) / 7 == weeks || weeks == -1 && (-7..0).contains(&away),
            NearDay::Month(months) => {
                let month = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
                month(date) - month(today) == months || months == -1 && (-31..0).contains(&away)
            }
        }
    }
}

/// Days from one date to another.
pub fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// Units of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
    /// Weeks.
    Weeks,
    /// Months.
    Months,
    /// Quarters.
    Quarters,
    /// Years.
    Years,
}

impl Unit {
    /// How many of the smaller unit make this one, where that is usual to say.
    pub(super) fn count_of(self, smaller: Unit) -> Option<i64> {
        match (self, smaller) {
            (Unit::Years, Unit::Months) => Some(12),
            (Unit::Weeks, Unit::Days) => Some(7),
            (Unit::Hours, Unit::Minutes) => Some(60),
            _ => None,
        }
    }
}

/// A length of time, in thousandths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Thousandths of the unit.
    pub milli: i64,
    /// The unit.
    pub unit: Unit,
}

impl Span {
    /// A number of months.
    pub fn months(months: i64) -> Span {
        Span { milli: months * 1000, unit: Unit::Months }
    }

    /// Thousandths of a day.
    pub(super) fn milli_days(self) -> i64 {
        match self.unit {
            Unit::Seconds => self.milli / 86_400,
            Unit::Minutes => self.milli / 1440,
            Unit::Hours => self.milli / 24,
            Unit::Days => self.milli,
            Unit::Weeks => self.milli * 7,
            Unit::Months => self.milli.saturating_mul(MONTH) / 1000,
            Unit::Quarters => self.milli.saturating_mul(3 * MONTH) / 1000,
            Unit::Years => self.milli.saturating_mul(YEAR) / 1000,
        }
    }

    /// Whether so many days are this long as people say it: days and shorter exactly,
    /// weeks within 3 days, months and years within half a month. So "three months" is 77 to 106 days.
    pub fn is_days(self, days: i64) -> bool {
        let tolerance = match self.unit {
            Unit::Seconds | Unit::Minutes | Unit::Hours | Unit::Days => 0,
            Unit::Weeks => 3_000,
            Unit::Months | Unit::Quarters | Unit::Years => MONTH / 2,
        };
        (self.milli_days() - days * 1000).abs() <= tolerance
    }

    /// Whether two spans say the same: in one unit exactly, else as months and years convert.
    pub fn is(self, other: Span) -> bool {
        let months = |span: Span| match span.unit {
            Unit::Months => Some(span.milli),
            Unit::Quarters => Some(span.milli * 3),
            Unit::Years => Some(span.milli * 12),
            _ => None,
        };
        match (months(self), months(other)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => {
                self.milli_days() == other.milli_days() && (self.unit as u8 >= Unit::Days as u8) == (other.unit as u8 >= Unit::Days as u8)
            }
            _ => false,
        }
    }
}

/// An amount as written: "$" may be any dollar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// Thousandths of the main unit.
    pub milli: i64,
    /// The currencies it may be.
    pub currencies: &'static [&'static str],
}

impl Money {
    pub(super) fn read(milli: i64, symbol: &str, scale: Option<&str>) -> Option<Money> {
        let lower = symbol.to_lowercase();
        let currencies: &[&str] = match lower.as_str() {
            "$" | "dollar" | "dollars" => &["USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"],
            "us$" | "usd" => &["USD"],
            "ca$" | "c$" | "cad" => &["CAD"],
            "au$" | "a$" | "aud" => &["AUD"],
            "nz$" | "nzd" => &["NZD"],
            "€" | "eur" | "euro" | "euros" => &["EUR"],
            "£" | "gbp" | "pound" | "pounds" => &["GBP"],
            "¥" | "jpy" => &["JPY"],
            "chf" | "franc" | "francs" => &["CHF"],
            "cent" | "cents" => &["USD", "EUR", "CAD", "AUD"],
            other => {
                const CODES: &[&str] = &["SEK", "NOK", "DKK", "PLN", "CZK", "INR", "BRL", "MXN", "SGD", "HKD", "ZAR"];
                let at = CODES.iter().position(|code| code.eq_ignore_ascii_case(other))?;
                CODES.get(at..=at)?
            }
        };
        let milli = if lower.starts_with("cent") { milli / 100 } else { milli };
        let times = match scale {
            Some("k" | "K") => 1000,
            Some(_) => 1_000_000,
            None => 1,
        };
        Some(Money { milli: milli.checked_mul(times)?, currencies })
    }

    /// Whether it may be more than this amount. What is in another currency cannot be compared, so it may.
    pub fn may_exceed(&self, limit: &crate::domain::money::Money) -> bool {
        self.milli > 0 && (!self.currencies.contains(&limit.currency.as_str()) || limit.milli().is_some_and(|milli| self.milli > milli))
    }

    /// Whether it is this amount.
    pub fn is(&self, money: &crate::domain::money::Money) -> bool {
        self.currencies.contains(&money.currency.as_str()) && money.milli() == Some(self.milli)
    }
}

/// What an atom says.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, in thousandths.
    Number(i64),
    /// A percentage, in thousandths of a percent.
    Percent(i64),
    /// An amount.
    Money(Money),
    /// A day.
    Day(Day),
    /// A day by where it lies from today.
    Near(NearDay),
    /// A length of time.
    Span(Span),
    /// A telephone number, its digits.
    Phone(String),
    /// A time of day.
    Clock(String),
    /// A version.
    Version(String),
    /// A link.
    Url(String),
    /// An address.
    Email(String),
    /// A coupon code, in upper case.
    Code(String),
    /// A word that promises, in lower case.
    Promise(String),
    /// That something was shipped, fixed, added or removed.
    Shipped,
}

impl Value {
    /// The kind of claim.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Number(_) | Value::Clock(_) | Value::Phone(_) => Kind::Number,
            Value::Percent(_) => Kind::Percent,
            Value::Money(_) => Kind::Money,
            Value::Day(_) | Value::Near(_) => Kind::Date,
            Value::Span(_) => Kind::Duration,
            Value::Version(_) => Kind::Version,
            Value::Url(_) => Kind::Url,
            Value::Email(_) => Kind::Email,
            Value::Code(_) => Kind::Code,
            Value::Promise(_) | Value::Shipped => Kind::Promise,
        }
    }

    /// Whether two atoms of texts say the same.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Money(a), Value::Money(b)) => a.milli == b.milli && a.currencies.iter().any(|c| b.currencies.contains(c)),
            (Value::Day(a), Value::Day(b)) => a.month == b.month && a.day == b.day && (a.year.is_none() || b.year.is_none() || a.year == b.year),
            (Value::Span(a), Value::Span(b)) => a.is(*b),
            (Value::Url(a), Value::Url(b)) => super::links::normal(a) == super::links::normal(b),
            (Value::Promise(a), Value::Promise(b)) => a.trim_end_matches('d').trim_end_matches('s') == b.trim_end_matches('d').trim_end_matches('s'),
            (a, b) => a == b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_months_are_ninety_two_days_within_half_a_month() {
        let three = Span::months(3);
        assert!(three.is_days(92) && three.is_days(77) && three.is_days(106));
        assert!(!three.is_days(75) && !three.is_days(108) && !three.is_days(122));
        assert!(Span { milli: 2000, unit: Unit::Years }.is_days(731) && !Span { milli: 2000, unit: Unit::Years }.is_days(700));
        assert!(Span { milli: 12_000, unit: Unit::Days }.is_days(12) && !Span { milli: 12_000, unit: Unit::Days }.is_days(13));
        assert!(Span { milli: 6000, unit: Unit::Weeks }.is_days(44) && !Span { milli: 6000, unit: Unit::Weeks }.is_days(46));
        assert!(Span { milli: 1000, unit: Unit::Years }.is(Span::months(12)) && !Span::months(3).is(Span { milli: 92_000, unit: Unit::Days }));
    }

    #[test]
    fn near_days_are_counted_from_today() {
        use jiff::civil::date;
        // A Saturday.
        let today = date(2026, 11, 21);
        assert!(NearDay::Days(-1).is(date(2026, 11, 20), today) && !NearDay::Days(1).is(date(2026, 11, 20), today));
        assert!(NearDay::Weekday(Weekday::Friday).is(date(2026, 11, 20), today) && NearDay::Weekday(Weekday::Friday).is(date(2026, 11, 27), today));
        assert!(!NearDay::Weekday(Weekday::Friday).is(date(2026, 12, 4), today));
        assert!(
            NearDay::Week(-1).is(date(2026, 11, 9), today)
                && NearDay::Week(-1).is(date(2026, 11, 20), today)
                && !NearDay::Week(-1).is(date(2026, 11, 8), today)
        );
        assert!(
            NearDay::Week(1).is(date(2026, 11, 23), today)
                && !NearDay::Week(1).is(date(2026, 11, 22), today)
                && !NearDay::Week(1).is(date(2026, 11, 30), today)
        );
        assert!(
            NearDay::Month(-1).is(date(2026, 10, 1), today)
                && NearDay::Month(1).is(date(2026, 12, 31), today)
                && !NearDay::Month(1).is(date(2027, 1, 1), today)
        );
    }

    #[test]
    fn days_without_a_year_are_near_today() {
        let today = jiff::civil::date(2026, 11, 21);
        let april = Day::new(None, 4, Some(30)).unwrap();
        assert!(april.is(jiff::civil::date(2026, 4, 30), today) && april.is(jiff::civil::date(2027, 4, 30), today));
        assert!(!april.is(jiff::civil::date(2025, 4, 30), today) && !april.is(jiff::civil::date(2026, 4, 29), today));
    }
}

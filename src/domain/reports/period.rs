//! Which days a report is about, the period before it, and the steps it is drawn in. Pure.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::clock::Time;
use crate::domain::error::{Error, Result};

use super::MOST_MONTHS;

/// Days of a period that nobody named.
pub const USUAL_DAYS: i64 = 90;
/// The longest period, in days: five years.
pub const MOST_DAYS: i64 = 1830;
/// Microseconds of a day.
pub(super) const MICROS_OF_DAY: i64 = 86_400_000_000;

/// Days since 1970, as the counters name a day.
pub(super) fn number(day: Date) -> i64 {
    Time::from_date(day).micros().div_euclid(MICROS_OF_DAY)
}

/// The days of a report in UTC, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
}

/// A step of a period: a day, a week or a month of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How it is called: "3 Nov", or "Nov 2026" for a month.
    pub label: String,
    /// Its days.
    pub days: Period,
}

impl Period {
    /// From one day to another, at most five years.
    pub fn new(from: Date, until: Date) -> Result<Period> {
        let period = Period { from, until };
        if until < from {
            return Err(Error::invalid("field_invalid", "until", format!("until must not be before from; got {from} to {until}.")));
        }
        if period.days() > MOST_DAYS {
            return Err(Error::invalid("field_invalid", "from", format!("A report covers at most {MOST_DAYS} days; got {}.", period.days())));
        }
        Ok(period)
    }

    /// What the address of a page or a call says: both days, one of them, or neither.
    pub fn read(from: Option<&str>, until: Option<&str>, now: Time) -> Result<Period> {
        let day = |name: &'static str, text: Option<&str>| -> Result<Option<Date>> {
            let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
            let wrong = || Error::invalid("field_invalid", name, format!("{name} must be a day, such as 2026-11-21."));
            text.parse().map(Some).map_err(|_| wrong())
        };
        let until = day("until", until)?.unwrap_or_else(|| now.date());
        let from = day("from", from)?.unwrap_or_else(|| until.saturating_sub((USUAL_DAYS - 1).days()));
        Period::new(from, until)
    }

    /// The last so many days, with today.
    pub fn last(days: i64, now: Time) -> Period {
        Period { from: now.date().saturating_sub((days - 1).days()), until: now.date() }
    }

    /// This month and the ones before it, until today.
    pub fn months(months: u32, now: Time) -> Result<Period> {
        if !(1..=MOST_MONTHS).contains(&months) {
            return Err(Error::invalid("field_invalid", "months", format!("months must be 1 to {MOST_MONTHS}; got {months}.")));
        }
        let this = now.date().first_of_month();
        Ok(Period { from: this.saturating_sub(i64::from(months - 1).months()), until: now.date() })
    }

    /// How many days.
    pub fn days(&self) -> i64 {
        number(self.until) - number(self.from) + 1
    }

    /// The period of the same length that ends on the day before.
    #[must_use]
    pub fn before(&self) -> Period {
        Period { from: self.from.saturating_sub(self.days().days()), until: self.from.saturating_sub(1.day()) }
    }

    /// The first moment.
    pub fn start(&self) -> Time {
        Time::from_date(self.from)
    }

    /// The first moment that is no longer in it.
    pub fn end(&self) -> Time {
        Time::from_date(self.until.saturating_add(1.day()))
    }

    /// "1 Sep to 21 Nov 2026".
    pub fn in_words(&self) -> String {
        let first = if self.from.year() == self.until.year() { "%-d %b" } else { "%-d %b %Y" };
        format!("{} to {}", self.from.strftime(first), self.until.strftime("%-d %b %Y"))
    }

    /// The period in days, weeks or calendar months, so that there are at most some thirty steps, or sixty of months.
    pub fn steps(&self) -> Vec<Step> {
        match self.days() {
            ..=31 => self.by_day(),
            32..=186 => self.by_week(),
            _ => self.by_month(),
        }
    }

    fn by_day(&self) -> Vec<Step> {
        self.cut("%-d %b", |from| from)
    }

    /// The period by weeks that begin on Mondays; the first and the last may be cut.
    fn by_week(&self) -> Vec<Step> {
        self.cut("%-d %b", |from| from.saturating_add((7 - i64::from(from.weekday().to_monday_one_offset())).days()))
    }

    /// Steps that each end on the day that `last` gives for its first one.
    fn cut(&self, label: &str, last: impl Fn(Date) -> Date) -> Vec<Step> {
        let mut steps = vec![];
        let mut from = self.from;
        while from <= self.until {
            let until = last(from).min(self.until);
            steps.push(Step { label: from.strftime(label).to_string(), days: Period { from, until } });
            from = until.saturating_add(1.day());
        }
        steps
    }

    /// The period by calendar months; the first and the last may be cut.
    pub fn by_month(&self) -> Vec<Step> {
        self.cut("%b %Y", Date::last_of_month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: &str, until: &str) -> Period {
        Period::new(from.parse().unwrap(), until.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_steps_of_a_period_hold_each_of_its_days_once() {
        for (from, until, steps) in
            [("2026-11-21", "2026-11-21", 1), ("2026-10-22", "2026-11-21", 31), ("2026-08-01", "2026-11-21", 17), ("2024-02-29", "2026-11-21", 34)]
        {
            let whole = period(from, until);
            let found = whole.steps();
            assert_eq!(found.len(), steps, "{from} to {until}");
            assert_eq!((found[0].days.from, found[steps - 1].days.until), (whole.from, whole.until));
            assert!(found.windows(2).all(|pair| pair[0].days.end() == pair[1].days.start()), "{found:?}");
            let mondays = || found[1..].iter().all(|step| step.days.from.weekday() == jiff::civil::Weekday::Monday);
            assert!(!(32..=186).contains(&whole.days()) || mondays(), "{found:?}");
        }
    }

    #[test]
    fn the_period_before_is_as_long_and_ends_where_this_one_begins() {
        let whole = period("2026-03-01", "2026-03-31");
        assert_eq!(whole.before(), period("2026-01-29", "2026-02-28"));
        assert_eq!((whole.before().days(), whole.before().end()), (31, whole.start()));
        assert_eq!(whole.in_words(), "1 Mar to 31 Mar 2026");
    }

    #[test]
    fn a_period_is_two_days_in_order_and_no_more_than_five_years() {
        let now = Time::parse("2026-11-21T12:00:00Z").unwrap();
        assert_eq!(Period::read(None, None, now).unwrap(), period("2026-08-24", "2026-11-21"));
        assert_eq!(Period::read(Some("2026-11-01"), Some(""), now).unwrap(), period("2026-11-01", "2026-11-21"));
        assert!(Period::read(Some("2026-11-22"), None, now).is_err(), "the other way round");
        assert!(Period::read(Some("yesterday"), None, now).is_err());
        assert!(Period::read(Some("2020-11-21"), None, now).is_err(), "too long");
        assert_eq!(Period::months(12, now).unwrap(), period("2025-12-01", "2026-11-21"));
    }
}

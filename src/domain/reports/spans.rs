//! Which counted rows a period is added up from: whole months where it has some, and days for the rest.

use jiff::ToSpan;
use jiff::civil::Date;

use super::period;
use crate::clock::Time;
use crate::db::statement::Statement;

/// What is counted by day: the table of days, of months, of changes that are in neither yet, and their columns.
pub(super) struct Counted {
    days: &'static str,
    months: &'static str,
    moves: &'static str,
    columns: &'static str,
}

/// Departures.
pub(super) const CHURN: Counted = Counted {
    days: "churn_days",
    months: "churn_months",
    moves: "churn_day_moves",
    columns: "day, kind, reason, status, mailed, currency, number, minor",
};
/// Departures by plan, tenure or strategy.
pub(super) const PARTS: Counted = Counted {
    days: "churn_part_days",
    months: "churn_part_months",
    moves: "churn_part_moves",
    columns: "part, day, value, reason, outcome, currency, number, minor",
};
/// Messages.
pub(super) const MESSAGES: Counted = Counted {
    days: "message_days",
    months: "message_months",
    moves: "message_day_moves",
    columns: "day, mailbox_id, campaign, state, held, edited, number",
};

/// From a day on and before another.
type Span = (i64, i64);

impl Counted {
    /// Adds one table with all that is counted from the first of these days on and before `end`. No row spans two of the steps that
    /// begin on `starts`. `only` is a condition of ours.
    pub(super) fn push(&self, sql: &mut Statement, starts: &[i64], end: i64, only: &str) {
        let (months, days) = spans(starts, end);
        let whole = [(starts.first().copied().unwrap_or(end), end)];
        sql.push("(");
        let all = [(self.months, months.as_slice()), (self.days, days.as_slice()), (self.moves, whole.as_slice())];
        for (position, (table, (from, until))) in all.into_iter().flat_map(|(table, spans)| spans.iter().map(move |span| (table, span))).enumerate() {
            sql.push(if position > 0 { " UNION ALL " } else { "" });
            sql.push(format!("SELECT {} FROM {table} WHERE day >= ", self.columns)).number(*from).push(" AND day < ").number(*until).push(only);
        }
        sql.push(") AS counted");
    }

    /// Adds one table with all that was ever counted.
    pub(super) fn push_ever(&self, sql: &mut Statement) {
        let (columns, months, moves) = (self.columns, self.months, self.moves);
        sql.push(format!("(SELECT {columns} FROM {months} UNION ALL SELECT {columns} FROM {moves}) AS counted"));
    }
}

fn date(day: i64) -> Date {
    Time::from_seconds(day * 86_400).date()
}

/// The first of the months that begin on this day or later.
fn next_month(day: i64) -> i64 {
    let date = date(day);
    if date.day() == 1 { day } else { period::number(date.first_of_month().saturating_add(1.month())) }
}

/// The months that lie whole in one step, and the days of the rest.
fn spans(starts: &[i64], end: i64) -> (Vec<Span>, Vec<Span>) {
    let (mut months, mut days) = (vec![], vec![]);
    let add = |to: &mut Vec<Span>, from: i64, until: i64| match to.last_mut() {
        _ if from >= until => {}
        Some(last) if last.1 == from => last.1 = until,
        _ => to.push((from, until)),
    };
    for (position, from) in starts.iter().enumerate() {
        let until = starts.get(position + 1).copied().unwrap_or(end);
        let (first, last) = (next_month(*from), period::number(date(until).first_of_month()));
        if first < last {
            add(&mut days, *from, first);
            add(&mut months, first, last);
            add(&mut days, last, until);
        } else {
            add(&mut days, *from, until);
        }
    }
    (months, days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        period::number(text.parse().unwrap())
    }

    fn said(spans: &[Span]) -> Vec<String> {
        spans.iter().map(|(from, until)| format!("{} to {}", date(*from), date(until - 1))).collect()
    }

    #[test]
    fn whole_months_of_a_step_are_read_as_months_and_the_rest_as_days() {
        let (months, days) = spans(&[day("2026-05-26"), day("2026-08-24")], day("2026-11-22"));
        assert_eq!(said(&months), ["2026-06-01 to 2026-07-31", "2026-09-01 to 2026-10-31"]);
        assert_eq!(said(&days), ["2026-05-26 to 2026-05-31", "2026-08-01 to 2026-08-31", "2026-11-01 to 2026-11-21"]);
    }

    #[test]
    fn each_day_is_read_once_whatever_the_steps() {
        let (start, end) = (day("2024-01-15"), day("2026-03-01"));
        for width in [1, 7, 28, 29, 31, 59, 61, 400] {
            let starts: Vec<i64> = (start..end).step_by(width).collect();
            let (months, days) = spans(&starts, end);
            let mut all: Vec<Span> = months.iter().chain(&days).copied().collect();
            all.sort_unstable();
            assert_eq!((all[0].0, all[all.len() - 1].1), (start, end));
            assert!(all.windows(2).all(|pair| pair[0].1 == pair[1].0), "{width}: {all:?}");
            assert!(months.iter().all(|(from, until)| date(*from).day() == 1 && date(*until).day() == 1));
            // A month has at least 28 days, and wherever a step of 61 begins, one lies whole in it.
            assert!(if width < 28 { months.is_empty() } else { width < 61 || !months.is_empty() }, "{width}");
        }
    }
}

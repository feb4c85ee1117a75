//! Which counted rows a period is added up from: whole months and weeks where it has some, and days for the rest.

use jiff::ToSpan;
use jiff::civil::Date;

use super::messages::Ways;
use super::outcomes::{Numbers, OUTCOMES_OF_ROWS, Outcomes, STANDINGS_OF_ROWS, Standings, sums};
use super::period;
use crate::clock::Time;
use crate::db::statement::Statement;

/// What is counted by day: the tables of days, weeks and months, and the changes that are in none yet.
pub(super) struct Counted {
    pub(super) days: &'static str,
    /// None where weeks are not added up.
    weeks: Option<&'static str>,
    months: &'static str,
    /// None where changes are written to the days at once.
    pub(super) moves: Option<&'static str>,
    /// What is told apart.
    pub(super) keys: &'static str,
    /// The columns of numbers.
    pub(super) numbers: &'static [&'static str],
    /// The same numbers, as changes have them.
    pub(super) moved: &'static str,
}

/// Departures by where they stand.
pub(super) const CHURN: Counted = Counted {
    days: "churn_days",
    weeks: Some("churn_weeks"),
    months: "churn_months",
    moves: Some("churn_day_moves"),
    keys: "day, kind, reason, mailed, currency",
    numbers: Standings::COLUMNS,
    moved: STANDINGS_OF_ROWS,
};
/// Departures by plan, tenure or strategy.
pub(super) const PARTS: Counted = Counted {
    days: "churn_part_days",
    weeks: Some("churn_part_weeks"),
    months: "churn_part_months",
    moves: Some("churn_part_moves"),
    keys: "part, day, value, reason, currency",
    numbers: Outcomes::COLUMNS,
    moved: OUTCOMES_OF_ROWS,
};
/// Departures by segment.
pub(super) const SEGMENTS: Counted = Counted {
    days: "segment_days",
    weeks: Some("segment_weeks"),
    months: "segment_months",
    moves: None,
    keys: "segment_id AS value, day, reason, currency",
    numbers: Outcomes::COLUMNS,
    moved: "",
};
/// Messages by the way they went.
pub(super) const MESSAGES: Counted = Counted {
    days: "message_days",
    weeks: None,
    months: "message_months",
    moves: Some("message_day_moves n JOIN message_ways w ON w.state = n.state"),
    keys: "day, mailbox_id, campaign",
    numbers: Ways::COLUMNS,
    moved: WAYS_OF_ROWS,
};
/// The review desk.
pub(super) const DESK: Counted = Counted {
    days: "desk_days",
    weeks: None,
    months: "desk_months",
    moves: Some("desk_day_moves"),
    keys: "day, mailbox_id, what, up_to",
    numbers: &["number"],
    moved: "number",
};

/// The ways that rows with a state stand for.
const WAYS_OF_ROWS: &str = "n.number * w.drafted AS drafted, CASE WHEN held THEN n.number ELSE 0 END AS held, CASE WHEN edited THEN \
     n.number ELSE 0 END AS edited, CASE WHEN held THEN n.number * w.approved ELSE 0 END AS approved, n.number * w.rejected AS \
     rejected, n.number * w.waiting AS waiting, n.number * w.on_the_way AS on_the_way, n.number * w.sent AS sent, n.number * \
     w.delivered AS delivered, n.number * w.bounced AS bounced, n.number * w.complained AS complained, n.number * w.ended AS \
     ended, n.number * w.failed AS failed, n.number * w.expired AS expired, n.number * w.replied AS replied, n.number * w.recovered AS recovered";

/// A condition that is added to each table.
pub(super) type Only<'c> = dyn Fn(&mut Statement) + 'c;

/// From a day on and before another.
type Span = (i64, i64);

impl Counted {
    /// Each table that is read from the first of these days on and before `end`, without changes that are in none yet.
    fn legs(&self, starts: &[i64], end: i64) -> Vec<(&'static str, Span)> {
        let read = spans(starts, end, self.weeks.is_some());
        let tables = [(Some(self.months), read.months), (self.weeks, read.weeks), (Some(self.days), read.days)];
        let named = tables.into_iter().filter_map(|(table, spans)| Some((table?, spans)));
        named.flat_map(|(table, spans)| spans.into_iter().map(move |span| (table, span))).collect()
    }

    /// The columns of the tables.
    pub(super) fn columns(&self) -> String {
        format!("{}, {}", self.keys, self.numbers.join(", "))
    }

    /// The same columns, of changes.
    pub(super) fn columns_of_moves(&self) -> String {
        format!("{}, {}", self.keys, self.moved)
    }

    /// Adds one table with all that is counted from the first of these days on and before `end`. `only` is a condition of ours.
    pub(super) fn push(&self, sql: &mut Statement, from: i64, end: i64, only: &'static str) {
        let (columns, moved) = (self.columns(), self.columns_of_moves());
        sql.push("(");
        let read = self.legs(&[from], end).into_iter().map(|(table, span)| (table, &columns, span));
        for (position, (table, columns, (from, until))) in read.chain(self.moves.map(|moves| (moves, &moved, (from, end)))).enumerate() {
            sql.push(if position > 0 { " UNION ALL " } else { "" });
            sql.push(format!("SELECT {columns} FROM {table} WHERE day >= ")).number(from).push(" AND day < ").number(until).push(only);
        }
        sql.push(") AS counted");
    }

    /// Begins a statement that adds up the numbers by `keys` and by the steps that begin on `starts`, the last of which ends before
    /// `end`. What is read from where is bound, so that its text is the same for every period: planning it takes longer than running it.
    /// Each table is added up for itself: one sum over the rows of all has to sort them all, and takes twice as long.
    pub(super) fn push_sums(&self, sql: &mut Statement, (starts, end): (&[i64], i64), only: &Only<'_>, keys: &str) {
        let keys = if keys.is_empty() { String::new() } else { format!(", {keys}") };
        let (sums, columns, moved) = (sums(self.numbers), self.columns(), self.columns_of_moves());
        let tables = [(Some(self.months), &columns), (self.weeks, &columns), (Some(self.days), &columns), (self.moves, &moved)];
        let read = self.reads(starts, end);
        let read: Vec<Vec<&str>> = read.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
        // Once, and not again for each row that it is compared with.
        sql.push("WITH read AS MATERIALIZED (SELECT place, ");
        sql.push("CAST(step AS BIGINT) AS step, CAST(begins AS BIGINT) AS begins, CAST(ends AS BIGINT) AS ends FROM ");
        sql.rows(&["place", "step", "begins", "ends"], &read).push(format!(" AS spans) SELECT step{keys}, {sums} FROM ("));
        let mut joined = "";
        for (place, (table, columns)) in tables.into_iter().enumerate() {
            let Some(table) = table else { continue };
            // SQLite reads the tables of a CROSS JOIN in the order in which they are written.
            sql.push(joined).push(format!("SELECT step{keys}, {sums} FROM (SELECT step, {columns} FROM read CROSS JOIN {table} "));
            sql.push(format!("WHERE place = '{place}' AND day >= begins AND day < ends"));
            only(sql);
            sql.push(format!(") AS leg GROUP BY step{keys}"));
            joined = " UNION ALL ";
        }
        sql.push(format!(") AS counted GROUP BY step{keys}"));
    }

    /// What is read for steps that begin on these days, the last of which ends before `end`: from which of the tables, for which step,
    /// from which day on and before which.
    fn reads(&self, starts: &[i64], end: i64) -> Vec<[String; 4]> {
        let mut all = vec![];
        for (step, from) in starts.iter().enumerate() {
            let until = starts.get(step + 1).copied().unwrap_or(end);
            let Spans { months, weeks, days } = spans(&[*from], until, self.weeks.is_some());
            for (place, spans) in [months, weeks, days, vec![(*from, until)]].into_iter().enumerate() {
                all.extend(spans.into_iter().map(|(begins, ends)| [place.to_string(), step.to_string(), begins.to_string(), ends.to_string()]));
            }
        }
        all
    }

    /// Adds one table with all that was ever counted.
    pub(super) fn push_ever(&self, sql: &mut Statement) {
        sql.push(format!("(SELECT {} FROM {}", self.columns(), self.months));
        if let Some(moves) = self.moves {
            sql.push(format!(" UNION ALL SELECT {} FROM {moves}", self.columns_of_moves()));
        }
        sql.push(") AS counted");
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

/// The first of the weeks that begin on this day or later, and the one that this day is in. Weeks begin on Mondays.
fn weeks_at(day: i64) -> (i64, i64) {
    // 1970 began on a Thursday.
    let passed = (day + 3).rem_euclid(7);
    (if passed == 0 { day } else { day - passed + 7 }, day - passed)
}

/// What is read, by the length of its rows.
#[derive(Default)]
struct Spans {
    months: Vec<Span>,
    weeks: Vec<Span>,
    days: Vec<Span>,
}

fn add(to: &mut Vec<Span>, from: i64, until: i64) {
    match to.last_mut() {
        _ if from >= until => {}
        Some(last) if last.1 == from => last.1 = until,
        _ => to.push((from, until)),
    }
}

impl Spans {
    /// Adds days that hold no whole month.
    fn rest(&mut self, from: i64, until: i64, by_week: bool) {
        let (first, last) = (weeks_at(from).0, weeks_at(until).1);
        if by_week && first < last {
            add(&mut self.days, from, first);
            add(&mut self.weeks, first, last);
            add(&mut self.days, last, until);
        } else {
            add(&mut self.days, from, until);
        }
    }
}

/// The months and weeks that lie whole in one step, and the days of the rest.
fn spans(starts: &[i64], end: i64, by_week: bool) -> Spans {
    let mut all = Spans::default();
    for (position, from) in starts.iter().enumerate() {
        let until = starts.get(position + 1).copied().unwrap_or(end);
        let (first, last) = (next_month(*from), period::number(date(until).first_of_month()));
        if first < last {
            all.rest(*from, first, by_week);
            add(&mut all.months, first, last);
            all.rest(last, until, by_week);
        } else {
            all.rest(*from, until, by_week);
        }
    }
    all
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
        let read = spans(&[day("2026-05-26"), day("2026-08-24")], day("2026-11-22"), false);
        assert_eq!(said(&read.months), ["2026-06-01 to 2026-07-31", "2026-09-01 to 2026-10-31"]);
        assert_eq!(said(&read.days), ["2026-05-26 to 2026-05-31", "2026-08-01 to 2026-08-31", "2026-11-01 to 2026-11-21"]);
        assert!(read.weeks.is_empty());
    }

    #[test]
    fn whole_weeks_of_the_rest_are_read_as_weeks_where_they_are_added_up() {
        // 2026-08-24 is a Monday.
        let read = spans(&[day("2026-05-26"), day("2026-08-24")], day("2026-11-22"), true);
        assert_eq!(said(&read.months), ["2026-06-01 to 2026-07-31", "2026-09-01 to 2026-10-31"]);
        assert_eq!(said(&read.weeks), ["2026-08-03 to 2026-08-30", "2026-11-02 to 2026-11-15"]);
        assert_eq!(
            said(&read.days),
            [
                "2026-05-26 to 2026-05-31",
                "2026-08-01 to 2026-08-02",
                "2026-08-31 to 2026-08-31",
                "2026-11-01 to 2026-11-01",
                "2026-11-16 to 2026-11-21"
            ]
        );
    }

    #[test]
    fn each_step_is_read_from_each_table_that_has_whole_days_of_it() {
        // 2026-08-31 is a Monday.
        let read = CHURN.reads(&[day("2026-08-26"), day("2026-08-31")], day("2026-09-07"));
        let number = |text: &str| day(text).to_string();
        let (before, monday, end) = (number("2026-08-26"), number("2026-08-31"), number("2026-09-07"));
        let row = |place: &str, step: &str, begins: &String, ends: &String| [place.to_owned(), step.to_owned(), begins.clone(), ends.clone()];
        assert_eq!(
            read,
            [row("2", "0", &before, &monday), row("3", "0", &before, &monday), row("1", "1", &monday, &end), row("3", "1", &monday, &end)]
        );
    }

    #[test]
    fn each_day_is_read_once_whatever_the_steps() {
        let (start, end) = (day("2024-01-15"), day("2026-03-01"));
        for (width, by_week) in [1, 7, 28, 29, 31, 59, 61, 400].into_iter().flat_map(|width| [(width, false), (width, true)]) {
            let starts: Vec<i64> = (start..end).step_by(width).collect();
            let read = spans(&starts, end, by_week);
            let mut all: Vec<Span> = read.months.iter().chain(&read.weeks).chain(&read.days).copied().collect();
            all.sort_unstable();
            assert_eq!((all[0].0, all[all.len() - 1].1), (start, end));
            assert!(all.windows(2).all(|pair| pair[0].1 == pair[1].0), "{width}: {all:?}");
            assert!(read.months.iter().all(|(from, until)| date(*from).day() == 1 && date(*until).day() == 1));
            assert!(read.weeks.iter().all(|(from, until)| (from + 3) % 7 == 0 && (until - from) % 7 == 0));
            // A month has at least 28 days, and wherever a step of 61 begins, one lies whole in it.
            assert!(if width < 28 { read.months.is_empty() } else { width < 61 || !read.months.is_empty() }, "{width}");
            // The first step begins on a Monday.
            assert_eq!(!by_week || width < 7, read.weeks.is_empty(), "{width}");
        }
    }
}

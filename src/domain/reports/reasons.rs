//! Why customers leave: how many, how much, over time, in their words.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::Status;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ChurnEventId;
use crate::domain::money::Money;
use crate::domain::reason::Reason;

use super::{MOST_MONTHS, Purse, percent, queries};

/// Quotes shown for each reason.
const QUOTES: i64 = 3;

/// The departures of one month with one reason.
#[derive(Debug, Clone)]
pub struct MonthNumbers {
    /// The month, as 2026-11.
    pub month: String,
    /// How many.
    pub count: i64,
    /// Monthly revenue lost with them.
    pub lost: Vec<Money>,
}

/// One reason.
#[derive(Debug, Clone)]
pub struct ReasonNumbers {
    /// The reason.
    pub reason: Reason,
    /// How many left for it.
    pub count: i64,
    /// The share of all, in percent with one decimal.
    pub share_percent: Option<f64>,
    /// How many of them came back.
    pub recovered: i64,
    /// Monthly revenue lost with those who did not.
    pub lost: Vec<Money>,
    /// Monthly revenue of those who came back.
    pub recovered_revenue: Vec<Money>,
    /// By month, oldest first, with the months that had none.
    pub months: Vec<MonthNumbers>,
    /// Their own words, the latest first: from outside.
    pub quotes: Vec<(ChurnEventId, Date, String)>,
}

/// The reasons of a period, the most frequent first.
#[derive(Debug, Clone)]
pub struct ReasonReport {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// How many left.
    pub total: i64,
    /// The reasons.
    pub reasons: Vec<ReasonNumbers>,
}

/// Why customers left in this month and the ones before it.
pub fn reasons(conn: &mut Conn, actor: &Actor, months: u32, now: Time) -> Result<ReasonReport> {
    actor.must_have(Scope::Read)?;
    if !(1..=MOST_MONTHS).contains(&months) {
        return Err(Error::invalid("field_invalid", "months", format!("months must be 1 to {MOST_MONTHS}; got {months}.")));
    }
    let this = now.date().first_of_month();
    let starts: Vec<Date> = (0..months).rev().map(|back| this.saturating_sub(i64::from(back).months())).collect();
    let end = this.saturating_add(1.month());
    let from = starts.first().copied().unwrap_or(this);
    let bounds: Vec<Time> = starts.iter().map(|day| Time::from_date(*day)).collect();
    let rows = queries::by_month(conn, &bounds, Time::from_date(end))?;
    let total = rows.iter().map(|row| row.number).sum();
    let mut by_reason: BTreeMap<String, Vec<queries::MonthRow>> = BTreeMap::new();
    for row in rows {
        by_reason.entry(row.reason.clone()).or_default().push(row);
    }
    let mut reasons = vec![];
    for (word, rows) in by_reason {
        let reason = word.parse::<Reason>().map_err(Error::internal)?;
        let quotes = queries::quotes(conn, reason, Time::from_date(from), QUOTES)?;
        reasons.push(numbers(reason, &rows, total, &starts, quotes));
    }
    reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.count), reason.reason));
    Ok(ReasonReport { from, until: now.date(), total, reasons })
}

fn numbers(reason: Reason, rows: &[queries::MonthRow], total: i64, starts: &[Date], quotes: Vec<(ChurnEventId, Time, String)>) -> ReasonNumbers {
    let (mut lost, mut back) = (Purse::default(), Purse::default());
    for row in rows {
        lost.add(&row.currency, row.minor.saturating_sub(row.recovered_minor));
        back.add(&row.currency, row.recovered_minor);
    }
    let month = |(position, start): (usize, &Date)| {
        let mine = rows.iter().filter(|row| usize::try_from(row.bucket) == Ok(position));
        let mut lost = Purse::default();
        mine.clone().for_each(|row| lost.add(&row.currency, row.minor.saturating_sub(row.recovered_minor)));
        MonthNumbers { month: start.strftime("%Y-%m").to_string(), count: mine.map(|row| row.number).sum(), lost: lost.money() }
    };
    let count = rows.iter().map(|row| row.number).sum();
    ReasonNumbers {
        reason,
        count,
        share_percent: percent(count, total),
        recovered: rows.iter().map(|row| row.recovered).sum(),
        lost: lost.money(),
        recovered_revenue: back.money(),
        months: starts.iter().enumerate().map(month).collect(),
        quotes: quotes.into_iter().map(|(id, at, text)| (id, at.date(), text)).collect(),
    }
}

/// All departures on record, counted.
#[derive(Debug, Clone)]
pub struct Departures {
    /// How many.
    pub total: i64,
    /// How many stand where.
    pub by_status: Vec<(Status, i64)>,
    /// How many left why, the most frequent first.
    pub by_reason: Vec<(Reason, i64)>,
    /// The share that came back of those that are settled, in percent with one decimal.
    pub recovery_percent: Option<f64>,
    /// Monthly revenue lost with those who did not come back.
    pub lost: Vec<Money>,
    /// Monthly revenue of those who came back.
    pub recovered_revenue: Vec<Money>,
}

/// Counts the departures since then, or all.
pub fn departures(conn: &mut Conn, actor: &Actor, since: Option<Time>) -> Result<Departures> {
    actor.must_have(Scope::Read)?;
    let rows = queries::departures(conn, since.unwrap_or_else(|| Time::from_micros(0)))?;
    let (mut by_status, mut by_reason): (BTreeMap<Status, i64>, BTreeMap<Reason, i64>) = (BTreeMap::new(), BTreeMap::new());
    let (mut lost, mut back) = (Purse::default(), Purse::default());
    for row in &rows {
        let status = row.status.parse::<Status>().map_err(Error::internal)?;
        *by_status.entry(status).or_default() += row.number;
        *by_reason.entry(row.reason.parse().map_err(Error::internal)?).or_default() += row.number;
        if status == Status::Recovered { back.add(&row.currency, row.minor) } else { lost.add(&row.currency, row.minor) }
    }
    let of = |status: Status| by_status.get(&status).copied().unwrap_or(0);
    let recovered = of(Status::Recovered);
    let mut by_reason: Vec<(Reason, i64)> = by_reason.into_iter().collect();
    by_reason.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    Ok(Departures {
        total: rows.iter().map(|row| row.number).sum(),
        recovery_percent: percent(recovered, recovered + of(Status::Lost) + of(Status::EmailSent)),
        by_status: by_status.into_iter().collect(),
        by_reason,
        lost: lost.money(),
        recovered_revenue: back.money(),
    })
}

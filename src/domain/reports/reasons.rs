//! Why customers leave: how many, how much, over time, in their words.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::Status;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ChurnEventId;
use crate::domain::money::Money;
use crate::domain::reason::Reason;

use super::period::{self, Period, Step};
use super::queries::StepRow;
use super::{Purse, percent, queries, starts_with_before};

/// Quotes shown for each reason.
const QUOTES: i64 = 3;

/// Words of somebody who left, and the day they left.
pub type Quote = (ChurnEventId, Date, String);

/// The departures of one step with one reason.
#[derive(Debug, Clone)]
pub struct StepNumbers {
    /// The step.
    pub step: Step,
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
    /// How many left for it in the period before.
    pub before: i64,
    /// The share of all, in percent with one decimal.
    pub share_percent: Option<f64>,
    /// How many of them came back.
    pub recovered: i64,
    /// Monthly revenue lost with those who did not.
    pub lost: Vec<Money>,
    /// Monthly revenue of those who came back.
    pub recovered_revenue: Vec<Money>,
    /// By step, oldest first, with the steps that had none.
    pub steps: Vec<StepNumbers>,
    /// Their own words, the latest first: from outside.
    pub quotes: Vec<Quote>,
}

/// The reasons of a period, the most frequent first.
#[derive(Debug, Clone)]
pub struct ReasonReport {
    /// The days.
    pub period: Period,
    /// How many left.
    pub total: i64,
    /// How many left in the period before.
    pub before: i64,
    /// Monthly revenue lost with those who did not come back.
    pub lost: Vec<Money>,
    /// The same of the period before.
    pub lost_before: Vec<Money>,
    /// The reasons of either period; those of the period before alone have a count of 0.
    pub reasons: Vec<ReasonNumbers>,
}

fn lost<'r>(rows: impl Iterator<Item = &'r StepRow>) -> Vec<Money> {
    let mut purse = Purse::default();
    rows.for_each(|row| purse.add(&row.currency, row.outcomes().gone_minor()));
    purse.money()
}

fn count<'r>(rows: impl Iterator<Item = &'r StepRow>) -> i64 {
    rows.map(|row| row.outcomes().left()).sum()
}

/// Why customers left in a period, by these steps of it.
pub fn reasons(conn: &mut Conn, actor: &Actor, period: Period, steps: &[Step]) -> Result<ReasonReport> {
    actor.must_have(Scope::Read)?;
    let (starts, end) = starts_with_before(period, steps);
    let rows = queries::departures_by_step(conn, "left", &starts, end)?;
    let within = |row: &&StepRow| row.step > 0;
    let total = count(rows.iter().filter(within));
    let mut report = ReasonReport {
        period,
        total,
        before: count(rows.iter().filter(|row| row.step == 0)),
        lost: lost(rows.iter().filter(within)),
        lost_before: lost(rows.iter().filter(|row| row.step == 0)),
        reasons: vec![],
    };
    let mut by_reason: BTreeMap<String, Vec<StepRow>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.outcomes().left() != 0) {
        by_reason.entry(row.reason.clone()).or_default().push(row);
    }
    let mut said = quotes(conn, period)?;
    for (word, rows) in by_reason {
        let quotes = said.remove(&word).unwrap_or_default();
        report.reasons.push(numbers(word.parse().map_err(Error::internal)?, &rows, total, steps, quotes));
    }
    report.reasons.sort_by_key(|reason| (std::cmp::Reverse((reason.count, reason.before)), reason.reason));
    Ok(report)
}

/// Their own words by reason, the latest first.
fn quotes(conn: &mut Conn, period: Period) -> Result<BTreeMap<String, Vec<Quote>>> {
    let mut rows = queries::quotes(conn, period.start(), period.end(), QUOTES)?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.churned_at));
    let mut by_reason: BTreeMap<String, Vec<Quote>> = BTreeMap::new();
    for row in rows {
        let quote = (ChurnEventId::from(row.id), Time::from_micros(row.churned_at).date(), row.words);
        by_reason.entry(row.reason).or_default().push(quote);
    }
    Ok(by_reason)
}

fn numbers(reason: Reason, all: &[StepRow], total: i64, steps: &[Step], quotes: Vec<Quote>) -> ReasonNumbers {
    let rows = || all.iter().filter(|row| row.step > 0);
    let mut back = Purse::default();
    rows().for_each(|row| back.add(&row.currency, row.outcomes().back_minor));
    let step = |(position, step): (usize, &Step)| {
        // The first of the counted steps is the period before.
        let mine = || all.iter().filter(|row| usize::try_from(row.step) == Ok(position + 1));
        StepNumbers { step: step.clone(), count: count(mine()), lost: lost(mine()) }
    };
    ReasonNumbers {
        reason,
        count: count(rows()),
        before: count(all.iter().filter(|row| row.step == 0)),
        share_percent: percent(count(rows()), total),
        recovered: rows().map(|row| row.outcomes().back_number).sum(),
        lost: lost(rows()),
        recovered_revenue: back.money(),
        steps: steps.iter().enumerate().map(step).collect(),
        quotes,
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
    let rows = match since {
        Some(since) => queries::departures(conn, since, period::number(since.date()) + 1, period::number(date(2200, 1, 1)))?,
        None => queries::all_departures(conn)?,
    };
    let (mut by_status, mut by_reason): (BTreeMap<Status, i64>, BTreeMap<Reason, i64>) = (BTreeMap::new(), BTreeMap::new());
    let (mut lost, mut back) = (Purse::default(), Purse::default());
    for row in &rows {
        let outcomes = row.standings.outcomes();
        if outcomes.left() == 0 {
            continue;
        }
        for (status, number) in row.standings.by_status().into_iter().filter(|(_, number)| *number != 0) {
            *by_status.entry(status).or_default() += number;
        }
        *by_reason.entry(row.reason.parse().map_err(Error::internal)?).or_default() += outcomes.left();
        back.add(&row.currency, outcomes.back_minor);
        lost.add(&row.currency, outcomes.gone_minor());
    }
    let of = |status: Status| by_status.get(&status).copied().unwrap_or(0);
    let recovered = of(Status::Recovered);
    let mut by_reason: Vec<(Reason, i64)> = by_reason.into_iter().collect();
    by_reason.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    Ok(Departures {
        total: rows.iter().map(|row| row.standings.outcomes().left()).sum(),
        recovery_percent: percent(recovered, recovered + of(Status::Lost) + of(Status::EmailSent)),
        by_status: by_status.into_iter().collect(),
        by_reason,
        lost: lost.money(),
        recovered_revenue: back.money(),
    })
}

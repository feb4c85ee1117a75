//! Numbers over many departures and messages, read from what is counted by day.

pub mod behind;
pub mod days;
pub mod desk;
pub mod messages;
pub mod outcomes;
pub mod parts;
pub mod period;
pub mod programs;
mod queries;
mod reasons;
mod recovered;
mod spans;
pub mod strategies;
pub mod weekly;

use std::collections::BTreeMap;

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::campaigns::counts;
use crate::domain::error::Result;
use crate::domain::messages::State;
use crate::domain::messages::list;
use crate::domain::money::Money;

use period::{Period, Step};

pub use reasons::{Departures, ReasonNumbers, ReasonReport, StepNumbers, departures, reasons};
pub use recovered::{Group, Proof, Recovered, Returns, open, recovered};

/// The longest period of a report, in months.
pub const MOST_MONTHS: u32 = 60;

/// A share as a percent with one decimal; none of nothing.
pub fn percent(part: i64, whole: i64) -> Option<f64> {
    // Counts beyond 2^53 lose precision, which does not show in one decimal.
    let share = |part: i64, whole: i64| ((part as f64) * 1000.0 / (whole as f64)).round() / 10.0;
    (whole > 0).then(|| share(part, whole))
}

/// The first days of the period before and of these steps of a period, and the day after the last.
fn starts_with_before(period: Period, steps: &[Step]) -> (Vec<i64>, i64) {
    let mut starts = vec![period::number(period.before().from)];
    starts.extend(steps.iter().map(|step| period::number(step.days.from)));
    (starts, period::number(period.until) + 1)
}

/// Sums by currency.
#[derive(Debug, Clone, Default)]
pub(in crate::domain) struct Purse(BTreeMap<String, i64>);

impl Purse {
    pub(in crate::domain) fn add(&mut self, currency: &str, minor: i64) {
        if minor != 0 {
            let sum = self.0.entry(currency.to_owned()).or_default();
            *sum = sum.saturating_add(minor);
        }
    }

    pub(in crate::domain) fn money(self) -> Vec<Money> {
        self.0.into_iter().map(|(currency, minor)| Money { minor, currency }).collect()
    }
}

/// What became of the messages of one campaign.
#[derive(Debug, Clone)]
pub struct CampaignNumbers {
    /// Its label.
    pub campaign: String,
    /// How many messages.
    pub total: i64,
    /// How many in each state that there is one in.
    pub by_state: Vec<(State, i64)>,
}

/// The campaigns within reach by name, after `after`, with what became of their messages; and whether there are more.
pub fn campaigns(conn: &mut Conn, actor: &Actor, after: Option<&str>, limit: usize) -> Result<(Vec<CampaignNumbers>, bool)> {
    actor.must_have(Scope::Read)?;
    let mut names = list::campaigns(conn, actor)?;
    names.sort();
    names.retain(|name| after.is_none_or(|after| name.as_str() > after));
    let more = names.len() > limit;
    names.truncate(limit);
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut found = counts::of_many(conn, &wanted, actor.mailboxes())?;
    let numbers = |campaign: String| {
        let by_state: Vec<(State, i64)> = found.remove(&campaign).unwrap_or_default().into_iter().filter(|(_, number)| *number != 0).collect();
        let total = by_state.iter().map(|(_, number)| number).sum();
        CampaignNumbers { campaign, total, by_state }
    };
    Ok((names.into_iter().map(numbers).collect(), more))
}

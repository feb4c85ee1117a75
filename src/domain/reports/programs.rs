//! Programmes over time: what comes of recommendations, where people leave a sequence, how far a migration is.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::cohorts::{self, Cohort, Progress};
use crate::domain::error::Result;
use crate::domain::ids::{CohortId, SequenceId};
use crate::domain::money::Money;
use crate::domain::sequences::{self, Sequence, Why};

use super::Purse;
use super::parts::both;
use super::period::{self, Period, Step};
use super::queries::{self, ProgramRow};

/// What came of asking customers to recommend, in some days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Returned {
    /// Messages that ask, which left.
    pub asks: i64,
    /// Links that were made.
    pub links: i64,
    /// Links that somebody followed for the first time.
    pub shares: i64,
    /// Visitors, each counted once a day.
    pub clicks: i64,
    /// Sign-ups.
    pub signups: i64,
    /// What those are worth, where that is known.
    pub value: Vec<Money>,
    /// Rewards that were given.
    pub rewards: i64,
    /// What was given in money.
    pub given: Vec<Money>,
    /// Months that were given for free.
    pub months: i64,
}

impl Returned {
    fn of<'r>(rows: impl Iterator<Item = &'r ProgramRow>) -> Returned {
        let (mut all, mut value, mut given) = (Returned::default(), Purse::default(), Purse::default());
        for row in rows {
            match row.what.as_str() {
                "ask" => all.asks += row.number,
                "link" => all.links += row.number,
                "share" => all.shares += row.number,
                "click" => all.clicks += row.number,
                "signup" => {
                    all.signups += row.number;
                    value.add(&row.word, row.amount);
                }
                "reward" => {
                    all.rewards += row.number;
                    if row.word == "months" { all.months += row.amount } else { given.add(&row.word, row.amount) }
                }
                _ => {}
            }
        }
        (all.value, all.given) = (value.money(), given.money());
        all
    }

    /// What is left of the value after what was given, by currency.
    pub fn net(&self) -> Vec<Money> {
        let mut left = Purse::default();
        self.value.iter().for_each(|money| left.add(&money.currency, money.minor));
        self.given.iter().for_each(|money| left.add(&money.currency, -money.minor));
        left.money()
    }
}

/// What comes of recommendations.
#[derive(Debug, Clone)]
pub struct Referrals {
    /// In the period.
    pub now: Returned,
    /// In the one before.
    pub before: Returned,
    /// By step, oldest first.
    pub steps: Vec<Returned>,
}

/// What came of recommendations in a period, by these steps of it, and in the one before. Of all mailboxes: links belong to none.
pub fn referrals(conn: &mut Conn, actor: &Actor, period: Period, steps: &[Step]) -> Result<Referrals> {
    actor.must_have(Scope::Read)?;
    let ([start, middle], end) = both(period);
    let rows = queries::program_days(conn, "referral", None, start, end)?;
    let within = |from: i64, until: i64| rows.iter().filter(move |row| (from..until).contains(&row.day));
    let days = |step: &Step| Returned::of(within(period::number(step.days.from), period::number(step.days.until) + 1));
    Ok(Referrals { now: Returned::of(within(middle, end)), before: Returned::of(within(start, middle)), steps: steps.iter().map(days).collect() })
}

/// What became of one step of a sequence.
#[derive(Debug, Clone, Default)]
pub struct FunnelStep {
    /// Its subject.
    pub subject: String,
    /// Those who came as far as this step.
    pub entered: i64,
    /// Those who wait for it now.
    pub waiting: i64,
    /// Messages of it that left.
    pub sent: i64,
    /// Those of them that were answered.
    pub replied: i64,
    /// Those who left the sequence before they got it, and why.
    pub left: Vec<(Why, i64)>,
    /// The same of those who were enrolled in the period before.
    pub before: Reached,
}

/// What became of a step for those of the period before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// Those who came as far as this step.
    pub entered: i64,
    /// Messages of it that left.
    pub sent: i64,
    /// Those of them that were answered.
    pub replied: i64,
}

/// A sequence, step by step.
#[derive(Debug, Clone)]
pub struct Funnel {
    /// The sequence.
    pub sequence: Sequence,
    /// Those who were enrolled in the period.
    pub enrolled: i64,
    /// Those who were in the one before.
    pub enrolled_before: i64,
    /// Those of the period who got all of it.
    pub complete: i64,
    /// Those of the one before who did.
    pub complete_before: i64,
    /// The steps, in order.
    pub steps: Vec<FunnelStep>,
    /// Those who left after the last step, and why.
    pub left_after: Vec<(Why, i64)>,
}

/// Where those stand who were enrolled in a sequence in a period.
pub fn funnel(conn: &mut Conn, actor: &Actor, id: &SequenceId, period: Period) -> Result<Funnel> {
    let (sequence, _) = sequences::get(conn, actor, id)?;
    let ([start, middle], end) = both(period);
    let stands = queries::program_halves(conn, "sequence", id.as_str(), [start, middle], end)?;
    let sends = queries::program_halves(conn, "step", id.as_str(), [start, middle], end)?;
    let sum = |rows: &[&ProgramRow]| rows.iter().map(|row| row.number).sum::<i64>();
    let now: Vec<&ProgramRow> = stands.iter().filter(|row| row.day >= middle).collect();
    let earlier: Vec<&ProgramRow> = stands.iter().filter(|row| row.day < middle).collect();
    let those = |rows: &[&ProgramRow], holds: &dyn Fn(&ProgramRow) -> bool| rows.iter().filter(|row| holds(row)).map(|row| row.number).sum::<i64>();
    let of = |holds: &dyn Fn(&ProgramRow) -> bool| those(&now, holds);
    let left = |holds: &dyn Fn(i64) -> bool| {
        let mut why: BTreeMap<Why, i64> = BTreeMap::new();
        for row in now.iter().filter(|row| row.what == "stopped" && holds(row.place)) {
            *why.entry(row.word.parse().unwrap_or(Why::ByHand)).or_default() += row.number;
        }
        why.into_iter().filter(|(_, number)| *number != 0).collect::<Vec<_>>()
    };
    let count = i64::try_from(sequence.steps.len()).unwrap_or(0);
    let step = |(place, (step, number)): (usize, (&sequences::Step, i32))| {
        let place = i64::try_from(place).unwrap_or(0);
        let mine = |row: &&ProgramRow, what: &str| row.what == what && row.place == i64::from(number);
        let of_step = |what: &str| sends.iter().filter(|row| mine(row, what) && row.day >= middle).map(|row| row.number).sum();
        let of_earlier = |what: &str| sends.iter().filter(|row| mine(row, what) && row.day < middle).map(|row| row.number).sum();
        FunnelStep {
            subject: step.subject.clone(),
            entered: of(&|row| row.place >= place),
            waiting: of(&|row| row.place == place && row.what == "active"),
            sent: of_step("sent"),
            replied: of_step("replied"),
            left: left(&|at| at == place),
            before: Reached { entered: those(&earlier, &|row| row.place >= place), sent: of_earlier("sent"), replied: of_earlier("replied") },
        }
    };
    let numbers = sequence.numbers();
    Ok(Funnel {
        enrolled: sum(&now),
        enrolled_before: sum(&earlier),
        complete: of(&|row| row.what == "complete"),
        complete_before: those(&earlier, &|row| row.what == "complete"),
        steps: sequence.steps.iter().zip(numbers).enumerate().map(step).collect(),
        left_after: left(&|at| at >= count),
        sequence,
    })
}

/// How far a migration was at the end of a step of the period.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The step.
    pub step: Step,
    /// How many were how far, in order; none where that was not counted yet.
    pub counts: Option<Vec<(Progress, i64)>>,
    /// The same as many days earlier as the period is long.
    pub before: Option<Vec<(Progress, i64)>>,
}

/// A migration over time.
#[derive(Debug, Clone)]
pub struct BurnDown {
    /// The cohort.
    pub cohort: Cohort,
    /// How far it is, at the end of each step.
    pub steps: Vec<Standing>,
    /// The same at the end of the period before.
    pub before: Option<Vec<(Progress, i64)>>,
    /// How many got done in the period; none where its begin was not counted.
    pub done: Option<i64>,
    /// The same of the period before.
    pub done_before: Option<i64>,
}

fn done(counts: &[(Progress, i64)]) -> i64 {
    counts.iter().filter(|(progress, _)| *progress == Progress::Complete).map(|(_, number)| number).sum()
}

/// Contacts of a migration who are not done.
pub fn remaining(counts: &[(Progress, i64)]) -> i64 {
    counts.iter().filter(|(progress, _)| *progress != Progress::Complete).map(|(_, number)| number).sum()
}

impl BurnDown {
    /// The latest that is known.
    pub fn latest(&self) -> Option<&[(Progress, i64)]> {
        self.steps.iter().rev().find_map(|step| step.counts.as_deref())
    }

    /// Whether it will be done by its deadline at the pace of this period, in a sentence.
    pub fn pace_in_words(&self, now: Time) -> String {
        let known: Vec<(&Standing, i64)> = self.steps.iter().filter_map(|step| Some((step, remaining(step.counts.as_deref()?)))).collect();
        let (Some((first, start)), Some((last, end))) = (known.first(), known.last()) else {
            return "Nothing was counted in this period yet.".to_owned();
        };
        let Ok(deadline) = self.cohort.deadline.parse() else { return format!("{end} remain.") };
        let days = period::number(last.step.days.until) - period::number(first.step.days.until);
        if *end == 0 {
            return "All are done.".to_owned();
        }
        if days < 7 {
            return "Not enough data: a pace needs a week of counts.".to_owned();
        }
        let done = start - end;
        if done <= 0 {
            return format!("{end} remain, which is no fewer than at the start of what was counted: at this pace it never ends.");
        }
        let needed = (end * days + done - 1) / done;
        let left = period::number(deadline) - period::number(now.date());
        match left - needed {
            _ if left < 0 => format!("{end} remain, and the deadline is over."),
            spare @ 0.. => format!("At the pace of this period, {end} remain for about {needed} days; the deadline is {spare} days after that."),
            late => format!("At the pace of this period, {end} remain for about {needed} days: {} days longer than the deadline allows.", -late),
        }
    }
}

/// How far a migration was over a period. What was not counted on a day is as on the day before.
pub fn burn_down(conn: &mut Conn, actor: &Actor, id: &CohortId, period: Period, steps: &[Step], now: Time) -> Result<BurnDown> {
    actor.must_have(Scope::Read)?;
    let cohort = cohorts::get(conn, actor, id)?;
    let end = period::number(period.until.min(now.date())) + 1;
    let rows = queries::program_days(conn, "cohort", Some(id.as_str()), 0, end)?;
    let mut by_day: BTreeMap<i64, Vec<(Progress, i64)>> = BTreeMap::new();
    for row in rows {
        if let Ok(progress) = row.what.parse::<Progress>() {
            by_day.entry(row.day).or_default().push((progress, row.number));
        }
    }
    by_day.values_mut().for_each(|counts| counts.sort_unstable());
    let until = |day: i64| by_day.range(..=day).next_back().map(|(_, counts)| counts.clone());
    let standing = |step: &Step| {
        let begins = period::number(step.days.from);
        let last = period::number(step.days.until);
        Standing { step: step.clone(), counts: (begins < end).then(|| until(last)).flatten(), before: until(last - period.days()) }
    };
    let start = period::number(period.from);
    // Who got done may leave the migration afterwards, so what one day has more than the day before is added up.
    let got_done = |from: i64, until_day: i64| {
        let mut before = done(&until(from - 1)?);
        let mut more = 0;
        for (_, counts) in by_day.range(from..until_day.max(from)) {
            let now = done(counts);
            more += (now - before).max(0);
            before = now;
        }
        Some(more)
    };
    Ok(BurnDown {
        before: until(start - 1),
        done: (start < end).then(|| got_done(start, end)).flatten(),
        done_before: got_done(start - period.days(), start),
        steps: steps.iter().map(standing).collect(),
        cohort,
    })
}

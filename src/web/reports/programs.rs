//! Programmes: what comes of recommendations, where people leave a sequence, how far a migration is.

use super::Asked;
use super::view::{Cell, Choice, Figure, Section, Stat, Table, View, compared, money, rate, share};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::cohorts::{self, Progress};
use crate::domain::error::Result;
use crate::domain::ids::{CohortId, SequenceId};
use crate::domain::reports::programs::{self, FunnelStep, Returned, remaining};
use crate::domain::sequences::{self, Why};
use crate::web::chart::{Bars, Columns};

/// Programmes that can be chosen between.
const CHOICES: usize = 100;

/// A number of the return, with what it is called.
type Way = (&'static str, fn(&Returned) -> i64);

pub(super) fn referrals(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let (period, steps) = (asked.period, asked.period.steps());
    let report = programs::referrals(conn, actor, period, &steps)?;
    if report.now == Returned::default() && report.before == Returned::default() {
        return Ok(View {
            empty: Some("Nobody was asked to recommend, and nobody followed a link, in this period or the one before."),
            ..View::default()
        });
    }
    let asks = |days: crate::domain::reports::period::Period| format!("/messages?tag=referral-program&way=sent&{}", super::days(days));
    let (now, before) = (&report.now, &report.before);
    let stats = vec![
        Stat { name: "Asks that left", value: now.asks.to_string(), note: compared(now.asks, before.asks), link: Some(asks(period)) },
        Stat {
            name: "Sign-ups",
            value: now.signups.to_string(),
            note: format!("{}; {}", rate(now.signups, now.asks, "asks"), compared(now.signups, before.signups)),
            link: None,
        },
        Stat {
            name: "Value of sign-ups",
            value: money(&now.value),
            note: format!("where it is known; {} in the period before", money(&before.value)),
            link: None,
        },
        Stat {
            name: "Less rewards in money",
            value: money(&now.net()),
            note: format!("{} given; {} in the period before", money(&now.given), money(&before.net())),
            link: None,
        },
    ];
    let mut bars = Bars::default();
    let mut table = Table::new(["From ask to sign-up", "In this period", "Of the step before", "Before"]);
    let ways: [Way; 5] = [
        ("Asks that left", |of| of.asks),
        ("Links followed for the first time", |of| of.shares),
        ("Visitors", |of| of.clicks),
        ("Sign-ups", |of| of.signups),
        ("Rewards", |of| of.rewards),
    ];
    let mut last: Option<(i64, &str)> = None;
    for (name, of) in ways {
        let value = of(now);
        let part = last.map_or_else(String::new, |(whole, nouns)| rate(value, whole, nouns));
        let count = if name == "Asks that left" { Cell::count(value, asks(period)) } else { value.into() };
        let earlier = if name == "Asks that left" { Cell::count(of(before), asks(period.before())) } else { of(before).into() };
        table.rows.push(vec![name.into(), count, part.into(), earlier]);
        bars.rows.push((name.to_owned(), value as f64, value.to_string()));
        last = Some((
            value,
            match name {
                "Asks that left" => "asks",
                "Links followed for the first time" => "links",
                "Visitors" => "visitors",
                _ => "sign-ups",
            },
        ));
    }
    let words = vec![
        "Each number counts on the day it happened, so a step may be larger than the one before it: a sign-up may come of an ask of an earlier period. \
         A visitor counts once a day for each link, and is kept no longer than that day."
            .to_owned(),
    ];
    let funnel =
        Section { title: "From ask to reward", words, figure: Some(Figure::bars("What came of recommendations", &bars)), table, quotes: vec![] };
    let values = |of: fn(&Returned) -> i64| report.steps.iter().map(|step| of(step) as f64).collect::<Vec<_>>();
    let columns = Columns {
        labels: steps.iter().map(|step| step.label.clone()).collect(),
        parts: vec![("Visitors", values(|of| of.clicks)), ("Sign-ups", values(|of| of.signups))],
        sums: report.steps.iter().map(|of| (of.clicks + of.signups).to_string()).collect(),
        limit: None,
    };
    let mut table =
        Table::new(["From", "Until", "Asks", "New links", "First followed", "Visitors", "Sign-ups", "Value", "Rewards", "Given", "Free months"]);
    for (step, of) in steps.iter().zip(&report.steps) {
        table.rows.push(vec![
            step.days.from.into(),
            step.days.until.into(),
            Cell::count(of.asks, asks(step.days)),
            of.links.into(),
            of.shares.into(),
            of.clicks.into(),
            of.signups.into(),
            money(&of.value).into(),
            of.rewards.into(),
            money(&of.given).into(),
            of.months.into(),
        ]);
    }
    let over_time = Section { title: "Over time", figure: Some(Figure::columns("Visitors and sign-ups", &columns)), table, ..Section::default() };
    Ok(View { stats, sections: vec![funnel, over_time], ..View::default() })
}

/// "answered 3, suppressed 1".
fn because(left: &[(Why, i64)]) -> String {
    left.iter().map(|(why, number)| format!("{} {number}", why.label())).collect::<Vec<_>>().join(", ")
}

pub(super) fn funnel(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let all = sequences::list(conn, actor, false, CHOICES, None)?.rows;
    let chosen = asked.of.clone().map(SequenceId::from).or_else(|| all.first().map(|row| row.id.clone()));
    let choices: Vec<Choice> =
        all.iter().map(|row| Choice { id: row.id.to_string(), name: row.name.clone(), chosen: Some(&row.id) == chosen.as_ref() }).collect();
    let Some(id) = chosen else {
        return Ok(View { empty: Some("There is no sequence yet. Make one under Sequences."), ..View::default() });
    };
    let report = programs::funnel(conn, actor, &id, asked.period)?;
    if report.enrolled + report.enrolled_before == 0 {
        return Ok(View { choices, empty: Some("Nobody was enrolled in this sequence in this period or the one before."), ..View::default() });
    }
    let page = format!("/sequences/{id}");
    let answered: i64 = report.steps.iter().map(|step| step.replied).sum();
    let stats = vec![
        Stat {
            name: "Enrolled",
            value: report.enrolled.to_string(),
            note: compared(report.enrolled, report.enrolled_before),
            link: Some(page.clone()),
        },
        Stat { name: "Got all of it", value: report.complete.to_string(), note: rate(report.complete, report.enrolled, "enrolled"), link: None },
        Stat { name: "Answers", value: answered.to_string(), note: "first answers to a step".to_owned(), link: None },
    ];
    let mut table = Table::new([
        "Step",
        "Came this far",
        "Of those enrolled",
        "Wait for it now",
        "Sent",
        "Answered",
        "Share answered",
        "Left before it",
        "Why they left",
    ]);
    let mut bars = Bars::default();
    let left = |of: &[(Why, i64)]| of.iter().map(|(_, number)| number).sum::<i64>();
    for (place, step) in report.steps.iter().enumerate() {
        let FunnelStep { subject, entered, waiting, sent, replied, left: why } = step;
        let name = format!("{}. {subject}", place + 1);
        table.rows.push(vec![
            Cell::linked(&name, page.clone()),
            (*entered).into(),
            share(*entered, report.enrolled).into(),
            (*waiting).into(),
            (*sent).into(),
            (*replied).into(),
            rate(*replied, *sent, "sent").into(),
            left(why).into(),
            because(why).into(),
        ]);
        bars.rows.push((format!("Step {}", place + 1), *entered as f64, format!("{entered} ({})", share(*entered, report.enrolled))));
    }
    bars.rows.push(("All of it".to_owned(), report.complete as f64, format!("{} ({})", report.complete, share(report.complete, report.enrolled))));
    let mut words = vec!["Of those who were enrolled in this period, whatever happened when. A step that left may be answered later.".to_owned()];
    if !report.left_after.is_empty() {
        words.push(format!("After the last step left: {}.", because(&report.left_after)));
    }
    if report.enrolled > 0 && report.enrolled < 20 {
        words.push(format!("Only {} were enrolled: too few for shares to say much.", report.enrolled));
    }
    let section = Section { title: "Step by step", words, figure: Some(Figure::bars("How many came how far", &bars)), table, quotes: vec![] };
    Ok(View { choices, stats, sections: vec![section], empty: None })
}

pub(super) fn migration(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let all = cohorts::list(conn, actor, CHOICES, None)?.rows;
    let chosen = asked.of.clone().map(CohortId::from).or_else(|| all.first().map(|row| row.id.clone()));
    let choices: Vec<Choice> =
        all.iter().map(|row| Choice { id: row.id.to_string(), name: row.name.clone(), chosen: Some(&row.id) == chosen.as_ref() }).collect();
    let Some(id) = chosen else {
        return Ok(View { empty: Some("There is no migration yet. Plan one under Migrations."), ..View::default() });
    };
    let steps = asked.period.steps();
    let report = programs::burn_down(conn, actor, &id, asked.period, &steps, asked.now)?;
    let Some(latest) = report.latest().map(<[_]>::to_vec) else {
        return Ok(View {
            choices,
            empty: Some("How far this migration is was not counted in this period. It is counted once an hour, from the day it is made."),
            ..View::default()
        });
    };
    let number =
        |counts: &[(Progress, i64)], wanted: Progress| counts.iter().find(|(progress, _)| *progress == wanted).map_or(0, |(_, number)| *number);
    let total: i64 = latest.iter().map(|(_, number)| number).sum();
    let page = format!("/migrations/{id}");
    let left = remaining(&latest);
    let stats = vec![
        Stat {
            name: "Remain",
            value: left.to_string(),
            note: report
                .before
                .as_ref()
                .map_or_else(|| "not counted before this period".to_owned(), |before| format!("{} at its start", remaining(before))),
            link: Some(page.clone()),
        },
        Stat {
            name: "Done",
            value: number(&latest, Progress::Complete).to_string(),
            note: rate(number(&latest, Progress::Complete), total, "contacts"),
            link: Some(page.clone()),
        },
        Stat {
            name: "Deadline",
            value: report.cohort.deadline.clone(),
            note: format!("{} to {}", report.cohort.from_version, report.cohort.to_version),
            link: None,
        },
    ];
    let counts: Vec<Vec<(Progress, i64)>> = report.steps.iter().map(|step| step.counts.clone().unwrap_or_default()).collect();
    let of = |wanted: &[Progress]| counts.iter().map(|counts| wanted.iter().map(|one| number(counts, *one)).sum::<i64>() as f64).collect::<Vec<_>>();
    let columns = Columns {
        labels: steps.iter().map(|step| step.label.clone()).collect(),
        parts: vec![
            ("Started", of(&[Progress::Started])),
            ("Told, not started", of(&[Progress::Notified, Progress::Acknowledged])),
            ("Not told yet", of(&[Progress::Waiting])),
        ],
        sums: report.steps.iter().map(|step| step.counts.as_deref().map(|counts| remaining(counts).to_string()).unwrap_or_default()).collect(),
        limit: None,
    };
    let mut table = Table::new(["At the end of", "Remain", "Not told yet", "Told", "Know of it", "Started", "Done"]);
    for standing in &report.steps {
        let mut row = vec![Cell::from(standing.step.days.until)];
        match &standing.counts {
            None => row.extend(std::iter::once(Cell::from("not counted")).chain(std::iter::repeat_n(Cell::default(), 5))),
            Some(counts) => {
                row.push(remaining(counts).into());
                row.extend(Progress::ALL.iter().map(|progress| Cell::from(number(counts, *progress))));
            }
        }
        table.rows.push(row);
    }
    let words = vec![report.pace_in_words(asked.now), "Counted once an hour, from the tags of its contacts.".to_owned()];
    let section =
        Section { title: "Who remains", words, figure: Some(Figure::columns("Contacts who are not done", &columns)), table, quotes: vec![] };
    Ok(View { choices, stats, sections: vec![section], empty: None })
}

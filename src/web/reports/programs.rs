//! Programmes: what comes of recommendations, where people leave a sequence, how far a migration is.

use super::Asked;
use super::rows::address;
use super::view::{Cell, Choice, Figure, Section, Stat, Table, View, compared, money, rate, share};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::cohorts::{self, Cohort, Progress};
use crate::domain::error::Result;
use crate::domain::ids::{CohortId, SequenceId};
use crate::domain::reports::behind::Number;
use crate::domain::reports::period::Period;
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
    let asks = |days: Period| format!("/messages?tag=referral-program&way=sent&{}", super::days(days));
    let list = |number: Number, days: Period| address("referrals", number, "", 0, days);
    let listed = |name: &str, days: Period| match name {
        "Asks that left" => asks(days),
        "Links followed for the first time" => list(Number::Followed, days),
        "Visitors" => list(Number::Visitors, days),
        "Sign-ups" => list(Number::SignUps, days),
        _ => list(Number::Rewards, days),
    };
    let (now, before) = (&report.now, &report.before);
    let stats = vec![
        Stat { name: "Asks that left", value: now.asks.to_string(), note: compared(now.asks, before.asks), link: Some(asks(period)) },
        Stat {
            name: "Sign-ups",
            value: now.signups.to_string(),
            note: format!("{}; {}", rate(now.signups, now.asks, "asks"), compared(now.signups, before.signups)),
            link: Some(list(Number::SignUps, period)),
        },
        Stat {
            name: "Value of sign-ups",
            value: money(&now.value),
            note: format!("where it is known; {} in the period before", money(&before.value)),
            link: Some(list(Number::SignUps, period)),
        },
        Stat {
            name: "Less rewards in money",
            value: money(&now.net()),
            note: format!("{} given; {} in the period before", money(&now.given), money(&before.net())),
            link: Some(list(Number::Rewards, period)),
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
        let part = last.map_or_else(Cell::default, |(whole, nouns)| Cell::rate(value, whole, nouns));
        let (count, earlier) = (Cell::count(value, listed(name, period)), Cell::count(of(before), listed(name, period.before())));
        table.rows.push(vec![name.into(), count, part, earlier]);
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
         A visitor counts once a day for each link; when somebody came is kept, and who it was is not."
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
            Cell::count(of.links, list(Number::Links, step.days)),
            Cell::count(of.shares, list(Number::Followed, step.days)),
            Cell::count(of.clicks, list(Number::Visitors, step.days)),
            Cell::count(of.signups, list(Number::SignUps, step.days)),
            Cell::money(&of.value).linked_if(!of.value.is_empty(), list(Number::SignUps, step.days)),
            Cell::count(of.rewards, list(Number::Rewards, step.days)),
            Cell::money(&of.given).linked_if(!of.given.is_empty(), list(Number::Rewards, step.days)),
            Cell::from(of.months).linked_if(of.months > 0, list(Number::Rewards, step.days)),
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
    let list = |number: Number, place: usize, days: Period| address("sequences", number, id.as_str(), place, days);
    let (period, before) = (asked.period, asked.period.before());
    let answered: i64 = report.steps.iter().map(|step| step.replied).sum();
    let answered_before: i64 = report.steps.iter().map(|step| step.before.replied).sum();
    let stats = vec![
        Stat {
            name: "Enrolled",
            value: report.enrolled.to_string(),
            note: compared(report.enrolled, report.enrolled_before),
            link: Some(list(Number::Entered, 0, period)),
        },
        Stat {
            name: "Got all of it",
            value: report.complete.to_string(),
            note: format!("{}; {}", rate(report.complete, report.enrolled, "enrolled"), compared(report.complete, report.complete_before)),
            link: Some(list(Number::Complete, 0, period)),
        },
        Stat {
            name: "Answers",
            value: answered.to_string(),
            note: format!("first answers to a step; {}", compared(answered, answered_before)),
            link: Some(list(Number::Answers, 0, period)),
        },
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
        "Came this far before",
        "Sent before",
        "Answered before",
    ]);
    let mut bars = Bars::default();
    let left = |of: &[(Why, i64)]| of.iter().map(|(_, number)| number).sum::<i64>();
    for (place, step) in report.steps.iter().enumerate() {
        let FunnelStep { subject, entered, waiting, sent, replied, left: why, before: earlier } = step;
        let cell = |count: i64, number: Number| Cell::count(count, list(number, place, period));
        let cell_before = |count: i64, number: Number| Cell::count(count, list(number, place, before));
        let name = format!("{}. {subject}", place + 1);
        table.rows.push(vec![
            Cell::linked(&name, page.clone()),
            cell(*entered, Number::Entered),
            Cell::share(*entered, report.enrolled),
            cell(*waiting, Number::Waiting),
            cell(*sent, Number::Sent),
            cell(*replied, Number::Answered),
            Cell::rate(*replied, *sent, "sent"),
            cell(left(why), Number::Left),
            Cell::said(because(why), why.iter().map(|(why, number)| (why.label(), number.to_string()))),
            cell_before(earlier.entered, Number::Entered),
            cell_before(earlier.sent, Number::Sent),
            cell_before(earlier.replied, Number::Answered),
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

/// Where the contacts of a migration who are so far now are listed.
fn people(cohort: &Cohort, at: Progress) -> String {
    let mut tags: Vec<String> = cohort.tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
    tags.extend(cohort.tag(at));
    tags.extend(Progress::ALL.iter().filter(|progress| **progress > at).filter_map(|progress| Some(format!("-{}", cohort.tag(*progress)?))));
    customers(cohort, &tags)
}

/// Where its contacts who are not done now are listed.
fn remain(cohort: &Cohort) -> String {
    let mut tags: Vec<String> = cohort.tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
    tags.extend(cohort.tag(Progress::Complete).map(|tag| format!("-{tag}")));
    customers(cohort, &tags)
}

fn customers(cohort: &Cohort, tags: &[String]) -> String {
    let said: String = url::form_urlencoded::byte_serialize(tags.join(",").as_bytes()).collect();
    let segment = cohort.segment_id.as_ref().map(|id| format!("segment={id}&")).unwrap_or_default();
    format!("/customers?{segment}tags={said}")
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
    let left = remaining(&latest);
    let (done, done_before) = (report.done, report.done_before);
    let stats = vec![
        Stat {
            name: "Remain",
            value: left.to_string(),
            note: report
                .before
                .as_ref()
                .map_or_else(|| "not counted before this period".to_owned(), |before| format!("{} at its start", remaining(before))),
            link: Some(remain(&report.cohort)),
        },
        Stat {
            name: "Done",
            value: number(&latest, Progress::Complete).to_string(),
            note: rate(number(&latest, Progress::Complete), total, "contacts"),
            link: Some(people(&report.cohort, Progress::Complete)),
        },
        Stat {
            name: "Done in this period",
            value: done.map_or_else(|| "not counted".to_owned(), |done| done.to_string()),
            note: match (done, done_before) {
                (Some(done), Some(before)) => compared(done, before),
                _ => "it was not counted at the beginning of both periods".to_owned(),
            },
            link: None,
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
    let mut table = Table::new(["At the end of", "Remain", "Not told yet", "Told", "Know of it", "Started", "Done", "Remained before"]);
    let last = report.steps.iter().rposition(|standing| standing.counts.is_some());
    for (place, standing) in report.steps.iter().enumerate() {
        let mut row = vec![Cell::from(standing.step.days.until)];
        match &standing.counts {
            None => row.extend(std::iter::once(Cell::none("not counted")).chain(std::iter::repeat_n(Cell::default(), 5))),
            Some(counts) => {
                let is_last = Some(place) == last;
                row.push(Cell::from(remaining(counts)).linked_if(is_last, remain(&report.cohort)));
                row.extend(Progress::ALL.iter().map(|progress| {
                    let number = number(counts, *progress);
                    Cell::from(number).linked_if(is_last && number > 0, people(&report.cohort, *progress))
                }));
            }
        }
        row.push(standing.before.as_deref().map_or_else(|| Cell::none("not counted"), |before| remaining(before).into()));
        table.rows.push(row);
    }
    let words = vec![
        report.pace_in_words(asked.now),
        format!(
            "Counted once an hour, from the tags of its contacts. Who stood where on a past day is not kept: only the latest numbers lead to people. \
             The last column is {} days earlier.",
            asked.period.days()
        ),
    ];
    let section =
        Section { title: "Who remains", words, figure: Some(Figure::columns("Contacts who are not done", &columns)), table, quotes: vec![] };
    Ok(View { choices, stats, sections: vec![section], empty: None })
}

//! Why customers leave, and who comes back.

use super::view::{Cell, Figure, Quote, Section, Stat, Table, View, compared, money, rate};
use super::{Asked, parts};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::reason::Reason;
use crate::domain::reports::parts::{Part, by, by_segment};
use crate::domain::reports::period::{Period, Step};
use crate::domain::reports::{self, Group, ReasonNumbers, ReasonReport, Recovered};
use crate::web::chart::{Bars, Columns};

/// Reasons that are drawn apart; the others are one part.
const APART: usize = 2;

/// Where those who left in these days are listed.
pub(super) fn list(period: Period, more: &str) -> String {
    format!("/churn?{}{more}", super::days(period))
}

pub(super) fn reasons(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let period = asked.period;
    let steps = period.steps();
    let report = reports::reasons(conn, actor, period, &steps)?;
    if report.total + report.before == 0 {
        return Ok(View { empty: Some("Nobody left in this period or the one before."), ..View::default() });
    }
    let back: i64 = report.reasons.iter().map(|reason| reason.recovered).sum();
    let stats = vec![
        Stat { name: "Left", value: report.total.to_string(), note: compared(report.total, report.before), link: Some(list(period, "")) },
        Stat {
            name: "Monthly revenue lost",
            value: money(&report.lost),
            note: format!("{} in the period before", money(&report.lost_before)),
            link: Some(list(period, "&gone=yes")),
        },
        Stat {
            name: "Of them came back",
            value: back.to_string(),
            note: rate(back, report.total, "who left"),
            link: Some(list(period, "&status=recovered")),
        },
    ];
    let mut sections = vec![by_reason(&report), over_time(&report, &steps)];
    for (part, title, column) in [(Part::Plan, "By plan", "Plan"), (Part::Tenure, "By tenure", "Stayed")] {
        sections.push(parts::by_part(&by(conn, actor, part, period)?, part, title, column, asked));
    }
    sections.push(parts::by_segment(&by_segment(conn, actor, period, Some(report.total))?, period));
    sections.push(quotes(&report));
    Ok(View { stats, sections, ..View::default() })
}

fn by_reason(report: &ReasonReport) -> Section {
    let mut table = Table::new(["Reason", "Left", "Share", "Before", "Came back", "Revenue lost", "Revenue won back"]);
    let mut bars = Bars::default();
    for row in &report.reasons {
        let (name, of) = (row.reason.label(), list(report.period, &format!("&reason={}", row.reason)));
        let share = row.share_percent.map(|share| format!("{share} %")).unwrap_or_default();
        table.rows.push(vec![
            Cell::linked(name, of.clone()),
            Cell::count(row.count, of.clone()),
            Cell::percent(row.share_percent),
            Cell::count(row.before, list(report.period.before(), &format!("&reason={}", row.reason))),
            Cell::count(row.recovered, format!("{of}&status=recovered")),
            Cell::money(&row.lost).linked_if(!row.lost.is_empty(), format!("{of}&gone=yes")),
            Cell::money(&row.recovered_revenue).linked_if(!row.recovered_revenue.is_empty(), format!("{of}&status=recovered")),
        ]);
        bars.rows.push((name.to_owned(), row.count as f64, format!("{} ({share})", row.count)));
    }
    Section { title: "By reason", figure: Some(Figure::bars("Customers who left, by reason", &bars)), table, ..Section::default() }
}

fn over_time(report: &ReasonReport, steps: &[Step]) -> Section {
    let mut columns = Columns { labels: steps.iter().map(|step| step.label.clone()).collect(), ..Columns::default() };
    let count = |reason: &ReasonNumbers, step: usize| reason.steps.get(step).map_or(0, |step| step.count);
    let sum = |reasons: &[ReasonNumbers], step: usize| reasons.iter().map(|reason| count(reason, step)).sum::<i64>();
    let (apart, others) = report.reasons.split_at(report.reasons.len().min(APART));
    let values = |reasons: &[ReasonNumbers]| (0..steps.len()).map(|step| sum(reasons, step) as f64).collect::<Vec<_>>();
    columns.parts = apart.iter().map(|reason| (reason.reason.label(), values(std::slice::from_ref(reason)))).collect();
    if !others.is_empty() {
        columns.parts.push(("Other reasons", values(others)));
    }
    columns.sums = (0..steps.len()).map(|step| sum(&report.reasons, step).to_string()).collect();
    let mut table = Table::new(["From", "Until", "Left"]);
    table.columns.extend(report.reasons.iter().map(|reason| reason.reason.label().to_owned()));
    for (position, step) in steps.iter().enumerate() {
        let days = step.days;
        let mut row = vec![days.from.into(), days.until.into(), Cell::count(sum(&report.reasons, position), list(days, ""))];
        row.extend(report.reasons.iter().map(|of| Cell::count(count(of, position), list(days, &format!("&reason={}", of.reason)))));
        table.rows.push(row);
    }
    Section { title: "Over time", figure: Some(Figure::columns("Customers who left, by the day they left", &columns)), table, ..Section::default() }
}

fn quotes(report: &ReasonReport) -> Section {
    let mut table = Table::new(["Reason", "Left on", "In their words"]);
    let mut quotes = vec![];
    for (reason, (id, day, text)) in report.reasons.iter().flat_map(|row| row.quotes.iter().map(move |quote| (row.reason, quote))) {
        table.rows.push(vec![reason.label().into(), Cell::linked(day, format!("/churn/{id}")), text.into()]);
        quotes.push(Quote { text: text.clone(), about: about(reason, &day.to_string()), link: Some(format!("/churn/{id}")) });
    }
    let words = if quotes.is_empty() { vec!["Nobody who left in this period wrote why.".to_owned()] } else { vec![] };
    Section { title: "In their words", words, table, quotes, figure: None }
}

fn about(reason: Reason, day: &str) -> String {
    format!("{}, {day}", reason.label())
}

pub(super) fn recovered(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let period = asked.period;
    let steps = period.steps();
    let report = reports::recovered(conn, actor, period, &steps)?;
    if report.count + report.before == 0 && report.mailed.back.of + report.unmailed.back.of == 0 {
        return Ok(View { empty: Some("Nobody left or came back in this period."), ..View::default() });
    }
    let mut columns = Columns {
        labels: steps.iter().map(|step| step.label.clone()).collect(),
        parts: vec![("After a letter", vec![]), ("Without a letter", vec![])],
        ..Columns::default()
    };
    let mut table = Table::new(["From", "Until", "Came back", "After a letter", "Without a letter", "Monthly revenue"]);
    for of in &report.steps {
        columns.parts[0].1.push(of.mailed as f64);
        columns.parts[1].1.push((of.count - of.mailed) as f64);
        columns.sums.push(of.count.to_string());
        let days = of.step.days;
        table.rows.push(vec![
            days.from.into(),
            days.until.into(),
            Cell::count(of.count, returned(days, "")),
            Cell::count(of.mailed, returned(days, "&letter=yes")),
            Cell::count(of.count - of.mailed, returned(days, "&letter=no")),
            Cell::money(&of.revenue).linked_if(!of.revenue.is_empty(), returned(days, "")),
        ]);
    }
    let stats = vec![
        Stat {
            name: "Recovered monthly revenue",
            value: money(&report.revenue),
            note: format!("{} in the period before", money(&report.revenue_before)),
            link: Some(returned(period, "")),
        },
        Stat { name: "Came back", value: report.count.to_string(), note: compared(report.count, report.before), link: Some(returned(period, "")) },
        Stat {
            name: if report.drawn.is_drawn() { "More with a letter, by lot" } else { "More with a letter" },
            value: lift(&report).map_or_else(|| "too few to say".to_owned(), |points| format!("{points} points")),
            note: "share that came back, with a letter less without one".to_owned(),
            link: None,
        },
    ];
    let over_time = Section {
        title: "Over time",
        figure: (report.count > 0).then(|| Figure::columns("Customers who came back, by the day they did", &columns)),
        table,
        ..Section::default()
    };
    let mut table = Table::new(["Those who left in this period", "Left", "Came back", "Share", "With 95 % certainty between", "Won back", "Lost"]);
    let mut bars = Bars::default();
    for (name, group, letter) in [("With a letter", &report.mailed, "&letter=yes"), ("Without a letter", &report.unmailed, "&letter=no")] {
        table.rows.push(row(name, group, letter, period));
        bars.rows.push((name.to_owned(), group.back.rate(), format!("{:.1} %", group.back.rate())));
    }
    let compare = Section {
        title: "Do letters bring people back?",
        words: vec![report.lift_in_words(), report.caution().to_owned()],
        figure: Some(Figure::bars("Share of those who left that came back", &bars)),
        table,
        quotes: vec![],
    };
    Ok(View { stats, sections: vec![over_time, evidence(&report), by_lot(&report), compare], ..View::default() })
}

fn lift(report: &Recovered) -> Option<f64> {
    if report.drawn.is_drawn() { report.drawn.lift_points() } else { report.lift_points() }
}

fn evidence(report: &Recovered) -> Section {
    let mut table = Table::new(["Evidence", "Came back", "Monthly revenue", "What it means"]);
    let mut bars = Bars::default();
    for proof in &report.evidence {
        let link = returned(report.period, &format!("&evidence={}", proof.evidence));
        table.rows.push(vec![
            proof.evidence.label().into(),
            Cell::count(proof.count, link.clone()),
            Cell::money(&proof.revenue).linked_if(!proof.revenue.is_empty(), link),
            proof.evidence.explained().into(),
        ]);
        bars.rows.push((proof.evidence.label().to_owned(), proof.count as f64, proof.count.to_string()));
    }
    let some = report.evidence.iter().any(|proof| proof.count > 0);
    Section {
        title: "Did a letter bring them back?",
        words: if some { vec![] } else { vec!["Nobody came back in this period of whom it is known when.".to_owned()] },
        figure: some.then(|| Figure::bars("Customers who came back, by the evidence for a letter", &bars)),
        table,
        quotes: vec![],
    }
}

fn by_lot(report: &Recovered) -> Section {
    let mut section = Section { title: "Letters against a lot", words: vec![report.drawn.in_words()], ..Section::default() };
    if !report.drawn.is_drawn() {
        return section;
    }
    let mut table = Table::new(["Picked by rules in this period", "Picked", "Came back in time", "Share", "With 95 % certainty between", "Won back"]);
    let mut bars = Bars::default();
    for (name, side, arm) in [("A letter was drafted", &report.drawn.letter, "letter"), ("Held out", &report.drawn.held_out, "held_out")] {
        let link = format!("/churn?arm={arm}&picked_from={}&picked_until={}", report.period.from, report.period.until);
        let count = |number: usize, more: &str| Cell::count(i64::try_from(number).unwrap_or(i64::MAX), format!("{link}{more}"));
        let percent = side.back.rate();
        table.rows.push(vec![
            name.into(),
            count(side.back.of, ""),
            count(side.back.part, "&status=recovered"),
            Cell::said(format!("{percent:.1} %"), [("%", format!("{percent:.1}"))]),
            Cell::between(side.back.interval(), "and", "too few to say"),
            Cell::money(&side.revenue).linked_if(!side.revenue.is_empty(), format!("{link}&status=recovered")),
        ]);
        bars.rows.push((name.to_owned(), percent, format!("{percent:.1} %")));
    }
    (section.figure, section.table) = (Some(Figure::bars("Share of those whom rules picked that came back", &bars)), table);
    section
}

/// Where those who came back in these days are listed.
fn returned(period: Period, more: &str) -> String {
    format!("/churn?back_from={}&back_until={}{more}", period.from, period.until)
}

fn row(name: &str, group: &Group, letter: &str, period: Period) -> Vec<Cell> {
    let share = format!("{:.1}", group.back.rate());
    let rate = if group.back.of == 0 { Cell::default() } else { Cell::said(format!("{share} %"), [("%", share)]) };
    let count = |number: usize, more: &str| Cell::count(i64::try_from(number).unwrap_or(i64::MAX), list(period, &format!("{letter}{more}")));
    vec![
        name.into(),
        count(group.back.of, ""),
        count(group.back.part, "&status=recovered"),
        rate,
        Cell::between(group.back.interval(), "and", "too few to say"),
        Cell::money(&group.revenue).linked_if(!group.revenue.is_empty(), list(period, &format!("{letter}&status=recovered"))),
        Cell::money(&group.lost).linked_if(!group.lost.is_empty(), list(period, &format!("{letter}&gone=yes"))),
    ]
}

//! Which strategy works for which reason.

use super::Asked;
use super::view::{Cell, Figure, Section, Stat, Table, View, compared, rate};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::reason::Strategy;
use crate::domain::reports::period::Period;
use crate::domain::reports::strategies::{self, LATEST_LETTER, Letters};
use crate::web::chart::Spans;

pub(super) fn view(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let period = asked.period;
    let report = strategies::strategies(conn, actor, period)?;
    let (now, before) = report.all();
    if now.sent + before.sent == 0 {
        return Ok(View { empty: Some("No win-back letter left in this period or the one before."), ..View::default() });
    }
    let letters = |period: Period, more: &str| format!("/churn?letter_from={}&letter_until={}{more}", period.from, period.until);
    let stats = vec![
        Stat { name: "Letters", value: now.sent.to_string(), note: compared(now.sent, before.sent), link: Some(letters(period, "")) },
        Stat {
            name: "Answered",
            value: now.replied.to_string(),
            note: format!("{}; {} in the period before", rate(now.replied, now.sent, "letters"), before.replied),
            link: Some(letters(period, "&replied=yes")),
        },
        Stat {
            name: "Came back",
            value: now.recovered.to_string(),
            note: format!("{}; {} in the period before", rate(now.recovered, now.sent, "letters"), before.recovered),
            link: Some(letters(period, "&status=recovered")),
        },
    ];
    let between = |of: &Letters| Cell::between(of.back().interval(), "to", "not enough data");
    let row = |first: Vec<Cell>, now: &Letters, before: &Letters, more: &str| {
        let link = |more: &str| letters(period, more);
        let percent = |part: i64, of: i64| if now.back().percent().is_some() { Cell::share(part, of) } else { Cell::default() };
        let mut row = first;
        row.extend([
            Cell::count(now.sent, link(more)),
            Cell::count(now.replied, link(&format!("{more}&replied=yes"))),
            percent(now.replied, now.sent),
            Cell::count(now.recovered, link(&format!("{more}&status=recovered"))),
            percent(now.recovered, now.sent),
            between(now),
            Cell::count(now.open, link(&format!("{more}&open=yes"))),
            Cell::count(before.sent, letters(period.before(), more)),
            Cell::count(before.recovered, letters(period.before(), &format!("{more}&status=recovered"))),
        ]);
        row
    };
    let after = [
        "Letters",
        "Answered",
        "Share answered",
        "Came back",
        "Share that came back",
        "With 95 % certainty between",
        "Not known yet",
        "Letters before",
        "Came back before",
    ];
    let heads = |first: &[&str]| Table { columns: first.iter().chain(&after).map(|&name| name.to_owned()).collect(), rows: vec![] };
    let (mut table, mut spans) = (heads(&["Strategy"]), Spans::default());
    for strategy in Strategy::ALL {
        let (now, before) = report.of(*strategy);
        if now.sent + before.sent == 0 {
            continue;
        }
        table.rows.push(row(vec![strategy.label().into()], &now, &before, &format!("&strategy={strategy}")));
        let percent = |share: f64| share * 100.0;
        let span = now.back().bounds().map(|(low, high)| (percent(low), now.recovered as f64 * 100.0 / now.sent as f64, percent(high)));
        let said = span.map_or_else(|| format!("{} of {}: not enough data", now.recovered, now.sent), |(_, at, _)| format!("{at:.1} %"));
        spans.rows.push((strategy.label().to_owned(), span, said));
    }
    let overall = Section {
        title: "By strategy",
        words: vec![
            LATEST_LETTER.to_owned(),
            "A mark is the share that came back; the bar is where the true share lies with 95 % certainty.".to_owned(),
        ],
        figure: Some(Figure::spans("Share that came back, by strategy", &spans)),
        table,
        quotes: vec![],
    };
    let mut table = heads(&["Reason", "Strategy"]);
    for of in &report.rows {
        let more = format!("&reason={}&strategy={}", of.reason, of.strategy);
        table.rows.push(row(vec![of.reason.label().into(), of.strategy.label().into()], &of.now, &of.before, &more));
    }
    let by_reason = Section {
        title: "By reason and strategy",
        words: report.reasons().into_iter().map(|reason| report.best_in_words(reason)).collect(),
        table,
        ..Section::default()
    };
    Ok(View { stats, sections: vec![overall, by_reason], ..View::default() })
}

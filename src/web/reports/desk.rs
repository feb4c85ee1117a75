//! How long messages wait for a decision, and what people change and refuse.

use super::Asked;
use super::view::{Cell, Figure, Quote, Section, Stat, Table, View};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::vigilance::numbers::{Share, duration};
use crate::domain::vigilance::{self, MOST_ROWS, Numbers, Team};
use crate::web::chart::Bars;

fn added(teams: &[Team], of: fn(&Team) -> Share) -> Share {
    teams.iter().map(of).fold(Share::default(), |sum, share| Share { part: sum.part + share.part, of: sum.of + share.of })
}

fn row(team: &Team) -> Vec<Cell> {
    let wait = |numbers: &Numbers| numbers.wait.in_words();
    vec![
        Cell::linked(&team.mailbox.address, format!("/vigilance?mailbox={}", team.mailbox.id)),
        team.now.decisions.into(),
        team.before.decisions.into(),
        wait(&team.now).into(),
        wait(&team.before).into(),
        team.now.edited.in_words("approved message", "approved messages").into(),
        team.now.stopped.into(),
        team.oldest_pending.map_or_else(|| "nothing waits".into(), |ms| Cell::linked(duration(ms), format!("/queue?mailbox={}", team.mailbox.id))),
    ]
}

pub(super) fn view(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let (period, now) = (asked.period, asked.now);
    let report = vigilance::between(conn, actor, None, (period.before().start(), period.start(), period.end()), now)?;
    let teams: Vec<Team> = report.teams.into_iter().filter(|team| !team.is_quiet()).collect();
    if teams.is_empty() {
        return Ok(View { empty: Some("Nothing was decided in this period or the one before, and nothing waits."), ..View::default() });
    }
    let (decided, before): (usize, usize) = (teams.iter().map(|team| team.now.decisions).sum(), teams.iter().map(|team| team.before.decisions).sum());
    let oldest = teams.iter().filter_map(|team| team.oldest_pending).max();
    let stat = |name, value, note: String, link: Option<&str>| Stat { name, value, note, link: link.map(str::to_owned) };
    let stats = vec![
        stat("Decisions", decided.to_string(), format!("{before} in the period before"), None),
        stat(
            "Edited before approval",
            added(&teams, |team| team.now.edited).in_words("approved", "approved"),
            "by a person, of what was approved".to_owned(),
            None,
        ),
        stat(
            "Oldest waiting",
            oldest.map_or_else(|| "nothing waits".to_owned(), duration),
            "since it was handed in".to_owned(),
            oldest.map(|_| "/queue?sort=oldest"),
        ),
    ];
    let measured = |team: &&Team| team.now.wait.is_enough();
    let bars = |of: fn(&Team) -> i64| Bars {
        rows: teams.iter().filter(measured).map(|team| (team.mailbox.name.clone(), of(team) as f64, duration(of(team)))).collect(),
    };
    let mut words = vec![
        "Half of the messages waited no longer than the first number, 9 in 10 no longer than the second. Numbers are of teams, never of persons."
            .to_owned(),
    ];
    if report.is_cut {
        words.push(format!("More happened than is read for one report: only the latest {MOST_ROWS} rows count. Choose a shorter period."));
    }
    let unmeasured = teams.iter().filter(|team| !measured(team)).count();
    if unmeasured > 0 {
        words.push(format!("{unmeasured} of {} mailboxes had too few decisions to draw a wait.", teams.len()));
    }
    let drawn = bars(|team| team.now.wait.p90);
    let mut table = Table::new(["Mailbox", "Decisions", "Before", "Wait", "Wait before", "Edited", "Stopped after approval", "Oldest waiting"]);
    table.rows.extend(teams.iter().map(row));
    let figure = (!drawn.rows.is_empty()).then(|| Figure::bars("9 in 10 messages waited no longer than", &drawn));
    let waits = Section { title: "Waits and edits", words, figure, table, quotes: vec![] };
    Ok(View { stats, sections: vec![waits, reasons(&teams)], ..View::default() })
}

fn reasons(teams: &[Team]) -> Section {
    let mut table = Table::new(["Mailbox", "When", "Reason for rejecting"]);
    let mut quotes = vec![];
    for (team, reason) in teams.iter().flat_map(|team| team.reasons.iter().map(move |reason| (team, reason))) {
        let (address, at) = (&team.mailbox.address, reason.at.for_people());
        table.rows.push(vec![address.into(), at.clone().into(), (&reason.reason).into()]);
        quotes.push(Quote { text: reason.reason.clone(), about: format!("{address}, {at}"), link: None });
    }
    let words = if quotes.is_empty() { vec!["Nothing was rejected in this period.".to_owned()] } else { vec![] };
    Section { title: "Reasons for rejecting", words, table, quotes, figure: None }
}

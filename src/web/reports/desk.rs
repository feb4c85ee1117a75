//! How long messages wait for a decision, and what people change and refuse.

use super::Asked;
use super::view::{Cell, Figure, Quote, Section, Stat, Table, View, compared};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::reports::desk::{self, Numbers, Team, together};
use crate::domain::reports::period::Period;
use crate::domain::vigilance::numbers::{Share, Spread, duration};
use crate::web::chart::Bars;

/// Where the messages that were decided in these days are listed.
fn list(team: Option<&Team>, decided: &str, period: Period) -> String {
    let mailbox = team.map(|team| format!("mailbox={}&", team.mailbox.id)).unwrap_or_default();
    format!("/messages?{mailbox}decided={decided}&{}", super::days(period))
}

/// Milliseconds as seconds.
fn seconds(ms: i64) -> String {
    (ms / 1000).to_string()
}

/// How long messages waited, in words; in the file in seconds.
fn spread(of: Spread) -> Cell {
    let values = [("median, s", of.median), ("9 in 10, s", of.p90)].map(|(unit, ms)| (unit, seconds(ms)));
    Cell::said(of.in_words(), values.into_iter().filter(|_| of.is_enough()))
}

/// A share of approved messages, in words; in the file as both numbers.
fn share(of: Share) -> Cell {
    let values = [("messages", of.part), ("of approved", of.of)].map(|(unit, number)| (unit, number.to_string()));
    Cell::said(of.in_words("approved message", "approved messages"), values)
}

fn row(team: &Team, period: Period) -> Vec<Cell> {
    let edited = |numbers: &Numbers, days: Period| share(numbers.edited).linked_if(numbers.edited.part > 0, list(Some(team), "edited", days));
    vec![
        Cell::linked(&team.mailbox.address, format!("/vigilance?mailbox={}", team.mailbox.id)),
        Cell::count(team.now.decisions, list(Some(team), "any", period)),
        Cell::count(team.before.decisions, list(Some(team), "any", period.before())),
        spread(team.now.wait()),
        spread(team.before.wait()),
        edited(&team.now, period),
        edited(&team.before, period.before()),
        Cell::count(team.now.stopped, stopped(team, period)),
        team.oldest_pending.map_or_else(
            || Cell::none("nothing waits"),
            |ms| Cell::said(duration(ms), [("s", seconds(ms))]).to(format!("/queue?mailbox={}", team.mailbox.id)),
        ),
    ]
}

/// Where what was stopped is written down.
fn stopped(team: &Team, period: Period) -> String {
    format!("/audit?action=message.cancel&mailbox={}&from={}&until={}", team.mailbox.id, period.from, period.until)
}

/// "2 h, 9 in 10 within 5 h" of all mailboxes, in both periods.
fn waited(name: &'static str, of: fn(Spread) -> i64, now: Spread, before: Spread) -> Stat {
    let said = |spread: Spread| if spread.is_enough() { duration(of(spread)) } else { spread.in_words() };
    Stat { name, value: said(now), note: format!("{} in the period before", said(before)), link: None }
}

pub(super) fn view(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let period = asked.period;
    let teams = desk::desk(conn, actor, period, asked.now)?;
    if teams.is_empty() {
        return Ok(View { empty: Some("Nothing was decided in this period or the one before, and nothing waits."), ..View::default() });
    }
    let sum = |of: fn(&Team) -> i64| teams.iter().map(of).sum::<i64>();
    let edited = |of: fn(&Team) -> Share| {
        let all = teams.iter().map(of).fold(Share::default(), |sum, share| Share { part: sum.part + share.part, of: sum.of + share.of });
        if all.of == 0 { "none approved".to_owned() } else { all.in_words("approved", "approved") }
    };
    let oldest = teams.iter().filter_map(|team| team.oldest_pending).max();
    let (decided, before) = (sum(|team| team.now.decisions), sum(|team| team.before.decisions));
    let (waits, waits_before) = (together(teams.iter().map(|team| &team.now)), together(teams.iter().map(|team| &team.before)));
    let stats = vec![
        Stat { name: "Decisions", value: decided.to_string(), note: compared(decided, before), link: Some(list(None, "any", period)) },
        waited("Half waited up to", |spread| spread.median, waits, waits_before),
        waited("9 in 10 waited up to", |spread| spread.p90, waits, waits_before),
        Stat {
            name: "Edited before approval",
            value: edited(|team| team.now.edited),
            note: format!("by a person, of what was approved; before: {}", edited(|team| team.before.edited)),
            link: Some(list(None, "edited", period)),
        },
        Stat {
            name: "Oldest waiting",
            value: oldest.map_or_else(|| "nothing waits".to_owned(), duration),
            note: "since it was handed in".to_owned(),
            link: oldest.map(|_| "/queue?sort=oldest".to_owned()),
        },
    ];
    let measured = |team: &&Team| team.now.wait().is_enough();
    let mut words = vec![
        "Half of the messages waited no longer than the first number, 9 in 10 no longer than the second. Waits are counted by bounds, such as \
         45 s, 1 min or 90 s, so a number is the bound that was not passed. Numbers are of teams, never of persons."
            .to_owned(),
    ];
    let unmeasured = teams.iter().filter(|team| !measured(team)).count();
    if unmeasured > 0 {
        words.push(format!("{unmeasured} of {} mailboxes had too few decisions to draw a wait.", teams.len()));
    }
    let slow = |team: &Team| team.now.wait().p90;
    let drawn =
        Bars { rows: teams.iter().filter(measured).map(|team| (team.mailbox.name.clone(), slow(team) as f64, duration(slow(team)))).collect() };
    let mut table =
        Table::new(["Mailbox", "Decisions", "Before", "Wait", "Wait before", "Edited", "Edited before", "Stopped after approval", "Oldest waiting"]);
    table.rows.extend(teams.iter().map(|team| row(team, period)));
    let figure = (!drawn.rows.is_empty()).then(|| Figure::bars("9 in 10 messages waited no longer than", &drawn));
    let waits = Section { title: "Waits and edits", words, figure, table, quotes: vec![] };
    Ok(View { stats, sections: vec![waits, reasons(&teams)], ..View::default() })
}

fn reasons(teams: &[Team]) -> Section {
    let mut table = Table::new(["Mailbox", "When", "Reason for rejecting"]);
    let mut quotes = vec![];
    for (team, rejection) in teams.iter().flat_map(|team| team.rejections.iter().map(move |rejection| (team, rejection))) {
        let (address, at, link) = (&team.mailbox.address, rejection.at.for_people(), format!("/messages/{}", rejection.message));
        table.rows.push(vec![address.into(), Cell::time(rejection.at).to(&link), (&rejection.reason).into()]);
        quotes.push(Quote { text: rejection.reason.clone(), about: format!("{address}, {at}"), link: Some(link) });
    }
    let words = if quotes.is_empty() { vec!["Nothing was rejected in this period.".to_owned()] } else { vec![] };
    Section { title: "Reasons for rejecting", words, table, quotes, figure: None }
}

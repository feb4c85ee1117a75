//! How closely each team reads.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::page::{Chrome, Person, html};
use crate::app::State;
use crate::clock;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::vigilance::numbers::{Share, duration};
use crate::domain::vigilance::{self, DEFINITIONS, Numbers, PERIODS, Report, Team, WHY_TEAMS};

/// The period shown where none is chosen, in days.
const USUAL: i64 = 30;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    mailbox: Option<String>,
    days: Option<String>,
}

/// A row of the table: what it is, in this period, in the one before.
type Row = (&'static str, String, String);

/// A bar of the picture, in units of its view box.
struct Bar {
    label: &'static str,
    count: usize,
    x: usize,
    y: usize,
    height: usize,
}

#[derive(Template)]
#[template(path = "vigilance/index.html")]
struct IndexPage {
    chrome: Chrome,
    report: Report,
    mailboxes: Vec<Mailbox>,
    chosen: String,
}

impl IndexPage {
    fn busy(&self) -> Vec<&Team> {
        self.report.teams.iter().filter(|team| !team.is_quiet()).collect()
    }

    fn quiet(&self) -> usize {
        self.report.teams.iter().filter(|team| team.is_quiet()).count()
    }

    fn rows(&self, team: &Team) -> Vec<Row> {
        let row = |name, say: &dyn Fn(&Numbers) -> String| (name, say(&team.now), say(&team.before));
        let decisions = |share: Share| share.in_words("decision", "decisions");
        vec![
            row("Decisions", &|n| n.decisions.to_string()),
            row("Reading time", &|n| n.dwell.in_words()),
            row("Under 3 seconds", &|n| n.hasty.in_words("measured decision", "measured decisions")),
            row("Edited", &|n| n.edited.in_words("approved message", "approved messages")),
            row("Agreement", &|n| decisions(n.agreed)),
            row("Override", &|n| decisions(n.overridden)),
            row("Waivers", &|n| n.waivers.to_string()),
            row("Wait", &|n| n.wait.in_words()),
            row("Stopped after approval", &|n| n.stopped.to_string()),
        ]
    }

    /// "90 % (18 of 20), between 70 % and 97 %", or why there is no rate.
    fn caught(&self, numbers: &Numbers) -> String {
        let rate = numbers.caught.in_words("test", "tests");
        match numbers.caught.interval() {
            Some((low, high)) => format!("{rate}, between {low} % and {high} % with 95 % certainty"),
            None => rate,
        }
    }

    /// Whether there is anything to say of tests.
    fn has_tests(&self, team: &Team) -> bool {
        team.mailbox.planted_percent > 0 || [&team.now, &team.before].iter().any(|n| n.caught.of + n.lapsed > 0)
    }

    fn oldest(&self, team: &Team) -> String {
        team.oldest_pending.map_or_else(|| "nothing waits".to_owned(), duration)
    }

    fn bars(&self, team: &Team) -> Vec<Bar> {
        let most = team.now.bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
        let place = |(at, bar): (usize, &vigilance::numbers::Bar)| {
            let height = (bar.count * 90).div_ceil(most);
            Bar { label: bar.label, count: bar.count, x: at * 60, y: 108 - height, height }
        };
        team.now.bars.iter().enumerate().map(place).collect()
    }
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let days = query.days.as_deref().and_then(|days| days.parse().ok()).filter(|days| PERIODS.contains(days)).unwrap_or(USUAL);
    let chosen = query.into_inner().mailbox.unwrap_or_default();
    let (actor, named) = (person.actor.clone(), Some(chosen.clone()).filter(|named| !named.is_empty()));
    let (report, mailboxes) =
        state.read(move |conn| Ok((vigilance::report(conn, &actor, named.as_deref(), days, clock::now())?, mailboxes::list(conn, &actor)?))).await?;
    html(&IndexPage { chrome: person.visit.chrome("Vigilance", "vigilance"), report, mailboxes, chosen })
}

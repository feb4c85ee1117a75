//! Reports: what managers open first. Each is one view; the page, the printed page and the CSV files are made from it.

mod campaigns;
mod churn;
mod deliverability;
mod desk;
mod parts;
mod programs;
mod rows;
mod strategies;
mod view;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::page::{Chrome, Person, html};
use crate::app::State;
use crate::clock::{self, Time};
use crate::db::Conn;
use crate::domain::actor::{Actor, Role};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::exports;
use crate::domain::reports::period::Period;

pub(super) use rows::rows;
use view::View;
pub(super) use view::money;

/// A report: the word in the address, its name, and what it answers.
struct Tab {
    word: &'static str,
    name: &'static str,
    about: &'static str,
    for_managers: bool,
    view: fn(&mut Conn, &Actor, &Asked) -> DomainResult<View>,
}

/// What is asked of a report.
struct Asked {
    period: Period,
    now: Time,
    /// The one that it is about, where there are several.
    of: Option<String>,
    /// Whether it is for a file, which has the rows that are too many for a page.
    whole: bool,
}

const TABS: &[Tab] = &[
    Tab {
        word: "reasons",
        name: "Why customers leave",
        about: "How many left for which reason, and what went with them.",
        for_managers: false,
        view: churn::reasons,
    },
    Tab {
        word: "recovered",
        name: "Recovered revenue",
        about: "Who came back, and whether letters have to do with it.",
        for_managers: false,
        view: churn::recovered,
    },
    Tab {
        word: "strategies",
        name: "Strategies",
        about: "Which way to write brings back customers who left for which reason.",
        for_managers: false,
        view: strategies::view,
    },
    Tab {
        word: "campaigns",
        name: "Campaigns",
        about: "What became of each campaign's messages, from draft to inbox.",
        for_managers: false,
        view: campaigns::view,
    },
    Tab {
        word: "migrations",
        name: "Migrations",
        about: "How many customers remain before the deadline, and at what pace they go.",
        for_managers: false,
        view: programs::migration,
    },
    Tab {
        word: "sequences",
        name: "Sequences",
        about: "How many come how far in a sequence, and why the others leave it.",
        for_managers: false,
        view: programs::funnel,
    },
    Tab {
        word: "referrals",
        name: "Referrals",
        about: "What comes of asking customers to recommend.",
        for_managers: false,
        view: programs::referrals,
    },
    Tab {
        word: "deliverability",
        name: "Deliverability",
        about: "How mail is received, against what mailbox providers tolerate: 2 % bounces and 0.1 % complaints.",
        for_managers: false,
        view: deliverability::view,
    },
    Tab {
        word: "desk",
        name: "Review desk",
        about: "How long messages wait for a decision, and what people change and refuse.",
        for_managers: true,
        view: desk::view,
    },
];

/// Days of the periods that have a link of their own.
const PERIODS: [(i64, &str); 4] = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "12 months")];

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    from: Option<String>,
    until: Option<String>,
    of: Option<String>,
}

impl Query {
    fn asked(&self, now: Time) -> DomainResult<Asked> {
        let period = Period::read(self.from.as_deref(), self.until.as_deref(), now)?;
        Ok(Asked { period, now, of: self.of.clone().filter(|of| !of.is_empty()), whole: false })
    }
}

#[derive(Template)]
#[template(path = "reports/show.html")]
struct ReportPage {
    chrome: Chrome,
    tab: &'static Tab,
    period: Period,
    today: Time,
    view: View,
}

impl ReportPage {
    fn tabs(&self) -> Vec<&'static Tab> {
        TABS.iter().filter(|tab| !tab.for_managers || self.chrome.manages()).collect()
    }

    /// The days and what it is about, for another form of the same report.
    fn days(&self) -> String {
        format!("{}{}", days(self.period), self.chosen())
    }

    /// The days alone, for another report.
    fn days_alone(&self) -> String {
        days(self.period)
    }

    fn chosen(&self) -> String {
        self.view.choices.iter().find(|choice| choice.chosen).map(|choice| format!("&of={}", choice.id)).unwrap_or_default()
    }

    /// The periods that end today: their days, their name, and whether it is this one.
    fn periods(&self) -> Vec<(String, &'static str, bool)> {
        let link = |(count, name)| {
            let period = Period::last(count, self.today);
            (format!("{}{}", days(period), self.chosen()), name, period == self.period)
        };
        PERIODS.into_iter().map(link).collect()
    }
}

/// The days of a period as an address says them.
fn days(period: Period) -> String {
    format!("from={}&until={}", period.from, period.until)
}

fn tab(word: &str, actor: &Actor) -> Result<&'static Tab, PageError> {
    let tab = TABS.iter().find(|tab| tab.word == word).ok_or_else(|| Error::not_found("report"))?;
    let manages = matches!(actor, Actor::User { role: Role::Manager | Role::Admin, .. });
    if tab.for_managers && !manages {
        return Err(Error::forbidden("role_missing", "Your role does not include this report. A manager can open it.").into());
    }
    Ok(tab)
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    page(person, &state, "reasons", &query).await
}

pub(super) async fn show(
    person: Person,
    state: web::Data<State>,
    word: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    page(person, &state, &word, &query).await
}

async fn page(person: Person, state: &State, word: &str, query: &Query) -> Result<HttpResponse, PageError> {
    let (tab, now) = (tab(word, &person.actor)?, clock::now());
    let asked = query.asked(now)?;
    let (actor, period) = (person.actor.clone(), asked.period);
    let view = state.read(move |conn| (tab.view)(conn, &actor, &asked)).await?;
    html(&ReportPage { chrome: person.visit.chrome(tab.name, "reports"), tab, period, today: now, view })
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FileQuery {
    from: Option<String>,
    until: Option<String>,
    of: Option<String>,
    table: Option<usize>,
}

/// One table of a report as a file.
pub(super) async fn csv(
    person: Person,
    state: web::Data<State>,
    word: web::Path<String>,
    query: web::Query<FileQuery>,
) -> Result<HttpResponse, PageError> {
    let (tab, now) = (tab(&word, &person.actor)?, clock::now());
    let number = query.table.unwrap_or(1);
    let query = query.into_inner();
    let asked = Asked { whole: true, ..Query { from: query.from, until: query.until, of: query.of }.asked(now)? };
    let period = asked.period;
    let view = state.read(move |conn| (tab.view)(conn, &person.actor, &asked)).await?;
    let section = number.checked_sub(1).and_then(|at| view.sections.get(at)).ok_or_else(|| Error::not_found("table"))?;
    let all = section.table.lines();
    let name = format!("attachment; filename=\"{}-{number}_{}_{}.csv\"", tab.word, period.from, period.until);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(exports::lines(all.iter().map(Vec::as_slice), false)?))
}

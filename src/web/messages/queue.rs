//! The queue, and everything else by state.

use actix_web::{HttpResponse, web};
use askama::Template;

use std::collections::BTreeMap;

use crate::app::State;
use crate::clock::Time;
use crate::domain::desk::snooze;
use crate::domain::ids::MessageId;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::State as MessageState;
use crate::domain::messages::list::{self, ListRow, Page};
use crate::web::desk::{self, Presence};
use crate::web::errors::PageError;
use crate::web::list_query::ListQuery;
use crate::web::page::{Chrome, Person, html};
use crate::web::views::{self, Tabs};

#[derive(Template)]
#[template(path = "messages/index.html")]
struct ListPage {
    chrome: Chrome,
    queue: bool,
    page: Page,
    tabs: Option<Tabs>,
    presence: BTreeMap<MessageId, Presence>,
    list: String,
    choices: Vec<(&'static str, Time)>,
    query: ListQuery,
    mailboxes: Vec<Mailbox>,
    campaigns: Vec<String>,
}

impl ListPage {
    /// The page before, and the page after.
    fn turned(&self) -> (Option<String>, Option<String>) {
        let turn = |name: &str, row: Option<&ListRow>| row.map(|row| self.query.with(name, row.id.as_str()).to_query());
        (turn("before", self.page.rows.first().filter(|_| self.page.earlier)), turn("after", self.page.rows.last().filter(|_| self.page.later)))
    }

    /// Whether a filter is set that the row of filters does not show.
    fn more_filters(&self) -> bool {
        ["assignee", "claims", "origin", "age", "tag", "way", "decided", "from", "until", "labelled"]
            .into_iter()
            .any(|name| !self.query.get(name).is_empty())
    }

    /// How pressing it is: it lapses within six hours, or has waited two days, or one.
    fn pressing(&self, row: &ListRow) -> &'static str {
        let (now, hours) = (self.chrome.visit.now, |hours: i64| hours * 3600);
        let left = row.expires_at.map(|at| at.seconds_since(now));
        let waited = row.submitted_at.map(|at| now.seconds_since(at));
        match (left, waited) {
            (Some(left), _) if left < hours(6) => "age age-last",
            (_, Some(waited)) if waited >= hours(48) => "age age-old",
            (_, Some(waited)) if waited >= hours(24) => "age age-day",
            _ => "age",
        }
    }

    /// When it lapses, where that is soon.
    fn lapses(&self, row: &ListRow) -> Option<String> {
        let now = self.chrome.visit.now;
        row.expires_at.filter(|at| row.state == MessageState::Pending && at.seconds_since(now) < 12 * 3600).map(|at| at.relative(now))
    }
}

pub(in crate::web) async fn queue(person: Person, state: web::Data<State>, query: web::Query<ListQuery>) -> Result<HttpResponse, PageError> {
    listing(person, state, query.into_inner(), true).await
}

pub(in crate::web) async fn index(person: Person, state: web::Data<State>, query: web::Query<ListQuery>) -> Result<HttpResponse, PageError> {
    listing(person, state, query.into_inner(), false).await
}

async fn listing(person: Person, state: web::Data<State>, query: ListQuery, queue: bool) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let filter = query.filter(&actor, person.visit.now, queue)?;
    let (zone, now) = (person.visit.zone(), person.visit.now);
    let looked_at = query.clone();
    let (page, tabs, presence, mailboxes, campaigns) = state
        .read(move |conn| {
            let page = list::page(conn, &actor, &filter)?;
            let ids: Vec<MessageId> = page.rows.iter().map(|row| row.id.clone()).collect();
            let tabs = if queue { Some(views::tabs(conn, &actor, &looked_at)?) } else { None };
            Ok((page, tabs, desk::present(conn, &actor, &ids, &zone, now)?, mailboxes::list(conn, &actor)?, list::campaigns(conn, &actor)?))
        })
        .await?;
    let (title, section) = if queue { ("Queue", "queue") } else { ("Messages", "messages") };
    html(&ListPage {
        chrome: person.visit.chrome(title, section),
        queue,
        page,
        tabs,
        presence,
        choices: snooze::choices(now, &person.visit.zone()),
        list: query.to_query(),
        query,
        mailboxes,
        campaigns,
    })
}

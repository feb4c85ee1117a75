//! The queue, and everything else by state.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::State;
use crate::clock;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::list::{self, ListRow};
use crate::web::errors::PageError;
use crate::web::list_query::ListQuery;
use crate::web::page::{Chrome, Person, html, see_other};

pub(in crate::web) async fn home() -> HttpResponse {
    see_other("/queue")
}

#[derive(Template)]
#[template(path = "messages/index.html")]
struct ListPage {
    chrome: Chrome,
    queue: bool,
    rows: Vec<ListRow>,
    next: Option<String>,
    list: String,
    query: ListQuery,
    mailboxes: Vec<Mailbox>,
    campaigns: Vec<String>,
}

impl ListPage {
    fn chosen(&self, given: &Option<String>, value: &str) -> bool {
        given.as_deref() == Some(value)
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
    let filter = query.filter(&actor, clock::now(), queue)?;
    let ((rows, more), mailboxes, campaigns) =
        state.read(move |conn| Ok((list::list(conn, &actor, &filter)?, mailboxes::list(conn, &actor)?, list::campaigns(conn, &actor)?))).await?;
    let next = rows.last().filter(|_| more).map(|row| query.with("after", row.id.as_str()).to_query());
    let (title, section) = if queue { ("Queue", "queue") } else { ("Messages", "messages") };
    html(&ListPage { chrome: person.visit.chrome(title, section), queue, rows, next, list: query.to_query(), query, mailboxes, campaigns })
}

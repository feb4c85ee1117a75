//! The audit log.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::page::{Chrome, Person, html};
use crate::app::State;
use crate::domain::audit::{self, Line};

/// Lines on a page.
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    before: Option<i64>,
    target: Option<String>,
}

#[derive(Template)]
#[template(path = "audit/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Line>,
    next: Option<i64>,
    target: String,
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (actor, before, target) = (person.actor.clone(), query.before, query.target.clone().unwrap_or_default());
    let filter = Some(target.clone()).filter(|target| !target.is_empty());
    let rows = state.read(move |conn| audit::page(conn, &actor, filter.as_deref(), before, PAGE as i64)).await?;
    let next = rows.last().filter(|_| rows.len() == PAGE).map(|last| last.seq);
    html(&IndexPage { chrome: person.visit.chrome("Audit", "audit"), rows, next, target })
}

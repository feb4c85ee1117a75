//! The audit log: filtered, as a file, and whether it is whole.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::page::{Chrome, Person, html};
use crate::app::State;
use crate::clock::Time;
use crate::domain::audit::chain::{self, Head};
use crate::domain::audit::{self, Filter, Line};
use crate::domain::error::Error;
use crate::domain::exports;

/// Lines on a page.
const PAGE: usize = 100;
/// Lines of a file.
const MOST: i64 = 10_000;

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Query {
    before: Option<i64>,
    #[serde(default)]
    target: String,
    #[serde(default)]
    actor: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    /// A mailbox by its id.
    #[serde(default)]
    mailbox: String,
}

impl Query {
    fn filter(&self, limit: i64) -> Result<Filter, Error> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let day = |name: &'static str, text: &str| -> Result<Option<Time>, Error> {
            let wrong = || Error::invalid("field_invalid", name, format!("{name} must be a day, such as 2026-11-21."));
            some(text).map(|text| Time::parse(&text).ok_or_else(wrong)).transpose()
        };
        Ok(Filter {
            target: some(&self.target),
            actor: some(&self.actor),
            action: some(&self.action),
            mailbox: some(&self.mailbox),
            since: day("from", &self.from)?,
            end: day("until", &self.until)?.map(|last| last.plus_days(1)),
            before: self.before,
            limit,
            ..Filter::default()
        })
    }

    /// The same filter from another place on.
    fn address(&self, before: Option<i64>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("target", &self.target),
            ("actor", &self.actor),
            ("action", &self.action),
            ("from", &self.from),
            ("until", &self.until),
            ("mailbox", &self.mailbox),
        ];
        for (name, value) in fields {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        query.finish()
    }
}

#[derive(Template)]
#[template(path = "audit/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Line>,
    next: Option<String>,
    file: String,
    head: Option<Head>,
    query: Query,
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (actor, query, filter) = (person.actor.clone(), query.0.clone(), query.filter(PAGE as i64)?);
    let (rows, head) = state
        .read(move |conn| {
            let head = if actor.is_admin() { Some(chain::head(conn)?) } else { None };
            Ok((audit::filtered(conn, &actor, &filter)?, head))
        })
        .await?;
    let next = rows.last().filter(|_| rows.len() == PAGE).map(|last| query.address(Some(last.seq)));
    let file = query.address(query.before);
    html(&IndexPage { chrome: person.visit.chrome("Audit", "audit"), rows, next, file, head, query })
}

/// The same lines as a file, the newest ten thousand.
pub(super) async fn export(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let filter = query.filter(MOST)?;
    let rows = state.read(move |conn| audit::filtered(conn, &person.actor, &filter)).await?;
    let names = ["seq", "at", "actor_kind", "actor_id", "actor_name", "action", "target_kind", "target_id", "mailbox_id", "request_id", "detail"];
    let mut all: Vec<Vec<String>> = vec![names.map(str::to_owned).to_vec()];
    all.extend(rows.into_iter().map(|line| {
        let (seq, at) = (line.seq.to_string(), line.at.to_string());
        let (mailbox, request) = (line.mailbox_id.unwrap_or_default(), line.request_id.unwrap_or_default());
        vec![seq, at, line.actor_kind, line.actor_id, line.actor_name, line.action, line.target_kind, line.target_id, mailbox, request, line.detail]
    }));
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(exports::lines(all.iter().map(Vec::as_slice), false)?))
}

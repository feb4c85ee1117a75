//! The audit log: filtered, as a file, and whether it is whole.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use askama::Template;
use futures_util::stream;
use serde::Deserialize;

use super::errors::PageError;
use super::page::{Chrome, Person, html};
use crate::app::State;
use crate::clock::Time;
use crate::domain::actor::Actor;
use crate::domain::audit::chain::{self, Head};
use crate::domain::audit::{self, Filter, Line};
use crate::domain::error::Error;
use crate::domain::exports;

/// Lines on a page.
const PAGE: usize = 100;
/// Lines of a file that are read at once.
const AT_ONCE: i64 = 2000;

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
            actor_part: some(&self.actor),
            action_part: some(&self.action),
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

/// Where a file is.
struct Progress {
    actor: Actor,
    state: web::Data<State>,
    filter: Filter,
    begun: bool,
    done: bool,
}

/// The same lines as a file, from the newest to the oldest.
pub(super) async fn export(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let start = Progress { actor: person.actor.clone(), state, filter: query.filter(AT_ONCE)?, begun: false, done: false };
    let body = stream::try_unfold(start, |progress| async move { if progress.done { Ok::<_, Error>(None) } else { next(progress).await.map(Some) } });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(body)))
}

/// The next lines of a file, and where it is then.
async fn next(mut progress: Progress) -> Result<(Bytes, Progress), Error> {
    let (actor, filter) = (progress.actor.clone(), progress.filter.clone());
    let rows = progress.state.read(move |conn| audit::filtered(conn, &actor, &filter)).await?;
    progress.done = i64::try_from(rows.len()) != Ok(AT_ONCE);
    progress.filter.before = rows.last().map(|line| line.seq);
    let heads = (!progress.begun).then(|| HEADS.map(str::to_owned).to_vec());
    progress.begun = true;
    let all: Vec<Vec<String>> = heads.into_iter().chain(rows.into_iter().map(fields)).collect();
    Ok((exports::lines(all.iter().map(Vec::as_slice), false)?.into(), progress))
}

const HEADS: [&str; 12] =
    ["seq", "at", "actor_kind", "actor_id", "actor_name", "action", "target_kind", "target_id", "mailbox_id", "request_id", "network", "detail"];

fn fields(line: Line) -> Vec<String> {
    let (seq, at) = (line.seq.to_string(), line.at.to_string());
    let [mailbox, request, network] = [line.mailbox_id, line.request_id, line.network].map(Option::unwrap_or_default);
    vec![
        seq,
        at,
        line.actor_kind,
        line.actor_id,
        line.actor_name,
        line.action,
        line.target_kind,
        line.target_id,
        mailbox,
        request,
        network,
        line.detail,
    ]
}

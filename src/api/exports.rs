//! `/v1/exports/*.csv`: whole tables, sent while they are read.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;

use super::error::Problem;
use super::json::Params;
use super::key::Key;
use super::operations::{Operation, get};
use crate::app::State;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::exports::{self, Table};

const CSV: &str = "text/csv";
const HOW: &str = "Sent while it is read, so it may be of any size. A field that a spreadsheet would take for a formula gets an apostrophe in front; raw=1 leaves it out.";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/exports/contacts.csv", "export_contacts", "All contacts as CSV")
            .about(HOW)
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers_as(200, CSV)
            .to(contacts),
        get("/v1/exports/churn-events.csv", "export_churn_events", "All churn events as CSV")
            .about(HOW)
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers_as(200, CSV)
            .to(churn_events),
        get("/v1/exports/messages.csv", "export_messages", "All messages within reach as CSV")
            .about(HOW)
            .needs(&[Scope::OversightRead])
            .query::<Query>()
            .answers_as(200, CSV)
            .to(messages),
        get("/v1/exports/suppression.csv", "export_suppression", "All suppressed addresses as CSV")
            .about(HOW)
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers_as(200, CSV)
            .to(suppression),
    ]
}

/// How the file is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// 1 leaves fields as they are, for programs. Without it, what a spreadsheet would take for a formula gets an apostrophe in front.
    pub(crate) raw: Option<String>,
}

pub async fn contacts(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    export(key.0, &state, Table::Contacts, &query.0)
}

pub async fn churn_events(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    export(key.0, &state, Table::ChurnEvents, &query.0)
}

pub async fn messages(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    export(key.0, &state, Table::Messages, &query.0)
}

pub async fn suppression(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    export(key.0, &state, Table::Suppression, &query.0)
}

/// Where an export is.
struct Progress {
    actor: Actor,
    state: State,
    table: Table,
    raw: bool,
    /// The last row of the page before.
    after: Option<String>,
    begun: bool,
    done: bool,
}

fn export(actor: Actor, state: &State, table: Table, query: &Query) -> Result<HttpResponse, Problem> {
    table.must_be_allowed(&actor)?;
    let raw = match query.raw.as_deref() {
        None | Some("" | "0" | "false") => false,
        Some("1" | "true") => true,
        Some(_) => return Err(Error::invalid("field_invalid", "raw", "raw must be 0 or 1.").into()),
    };
    let start = Progress { actor, state: state.clone(), table, raw, after: None, begun: false, done: false };
    let body = stream::try_unfold(start, |progress| async move { if progress.done { Ok::<_, Error>(None) } else { next(progress).await.map(Some) } });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{table}.csv\"")))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(body)))
}

/// One page as lines, read only when the one before is on its way.
async fn next(mut progress: Progress) -> DomainResult<(web::Bytes, Progress)> {
    let (actor, table, after) = (progress.actor.clone(), progress.table, progress.after.take());
    let page = progress.state.read(move |conn| exports::page(conn, &actor, table, after.as_deref())).await?;
    let mut lines = vec![];
    if !progress.begun {
        let names: Vec<String> = table.columns().iter().map(|&name| name.to_owned()).collect();
        lines.extend(exports::lines([names.as_slice()], true)?);
    }
    lines.extend(exports::lines(page.rows.iter().map(Vec::as_slice), progress.raw)?);
    progress.begun = true;
    progress.done = page.next.is_none();
    progress.after = page.next;
    Ok((web::Bytes::from(lines), progress))
}

//! `/v1/audit-log/calls`: what keys called.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::input::id_cursor;
use super::json::Params;
use super::key::Key;
use super::operations::{Operation, get};
use crate::app::State;
use crate::clock::Time;
use crate::domain::actor::{Actor, Scope};
use crate::domain::calls::{self, Filter, Outcome, Shown, Surface};
use crate::domain::ids::{ApiKeyId, CallId};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/audit-log/calls", "list_calls", "What keys called")
            .about("Every call of a key over REST and MCP, newest first: who, what, and what came of it. Refused ones too.")
            .needs(&[Scope::Admin])
            .query::<Query>()
            .answers::<Page>(200)
            .to(list),
    ]
}

/// Which calls to list, newest first.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only of this key, by its id.
    key: Option<ApiKeyId>,
    /// Only with this outcome.
    outcome: Option<Outcome>,
    /// At most so many, 1 to 100; 50 when left out.
    limit: Option<i64>,
    /// The next_cursor of the page before.
    cursor: Option<String>,
}

/// Calls, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Page {
    /// The calls.
    calls: Vec<Entry>,
    /// What to give as cursor for the next page; null on the last.
    next_cursor: Option<CallId>,
}

/// A call of a key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    /// Its id.
    id: CallId,
    /// When it came in.
    at: Time,
    /// The id of the key; null where the key was not known.
    key_id: Option<ApiKeyId>,
    /// The name of the key.
    key_name: Option<String>,
    /// The first characters of an unknown key, where it looked like one.
    key_prefix: Option<String>,
    /// Where it came in.
    surface: Surface,
    /// The HTTP method, or the method of MCP such as tools/call.
    method: String,
    /// The pattern of the path, or the name of the tool.
    operation: String,
    /// The scope it needs, where it needs one.
    scope: Option<Scope>,
    /// The thing it named.
    target_id: Option<String>,
    /// What came of it.
    outcome: Outcome,
    /// The HTTP status. 499 means that the caller did not wait for the answer.
    status: i32,
    /// The code of the error, where it was one.
    code: Option<String>,
    /// Whether the answer was a stored one, for an idempotency key.
    replayed: bool,
    /// How long it took, in microseconds.
    duration_micros: i64,
    /// The address it came from.
    peer: Option<String>,
    /// Its id, as in the header X-Request-Id and in the audit log.
    request_id: String,
}

impl From<Shown> for Entry {
    fn from(shown: Shown) -> Self {
        let call = shown.call;
        Entry {
            id: call.id,
            at: call.at,
            key_id: call.key_id,
            key_name: shown.key_name,
            key_prefix: call.key_prefix,
            surface: call.surface,
            method: call.method,
            operation: call.operation,
            scope: call.scope,
            target_id: call.target_id,
            outcome: call.outcome,
            status: call.status,
            code: call.code,
            replayed: call.replayed,
            duration_micros: call.micros,
            peer: call.peer,
            request_id: call.request_id,
        }
    }
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, query.0).await?))
}

/// A page of the log of calls.
pub(crate) async fn look(actor: Actor, state: &State, query: Query) -> Result<Page, Problem> {
    let filter =
        Filter { key: query.key, outcome: query.outcome, before: id_cursor(query.cursor.as_deref())?, limit: query.limit.unwrap_or(calls::PAGE) };
    let (rows, more) = state.read(move |conn| calls::list(conn, &actor, &filter)).await?;
    let next_cursor = rows.last().filter(|_| more).map(|last| last.call.id.clone());
    Ok(Page { calls: rows.into_iter().map(Entry::from).collect(), next_cursor })
}

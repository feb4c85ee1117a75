//! `/v1/audit-log/calls`: what keys called.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::key::Key;
use crate::app::State;
use crate::clock::Time;
use crate::domain::actor::Actor;
use crate::domain::calls::{self, Filter, Outcome, Shown};
use crate::domain::error::Error;
use crate::domain::ids::{ApiKeyId, CallId};

/// Which calls to list, newest first.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only of this key, by its id.
    key: Option<String>,
    /// Only with this outcome: done, refused or failed.
    outcome: Option<String>,
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
    next_cursor: Option<String>,
}

/// A call of a key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    /// Its id.
    id: String,
    /// When it came in.
    #[schemars(with = "String")]
    at: Time,
    /// The id of the key; null where the key was not known.
    key_id: Option<String>,
    /// The name of the key.
    key_name: Option<String>,
    /// The first characters of an unknown key, where it looked like one.
    key_prefix: Option<String>,
    /// Where it came in: rest or mcp.
    surface: String,
    /// The HTTP method, or the method of MCP such as tools/call.
    method: String,
    /// The pattern of the path, or the name of the tool.
    operation: String,
    /// The scope it needs, where it needs one.
    scope: Option<String>,
    /// The thing it named.
    target_id: Option<String>,
    /// What came of it: done, refused or failed.
    outcome: String,
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
            id: call.id.to_string(),
            at: call.at,
            key_id: call.key_id.map(|id| id.to_string()),
            key_name: shown.key_name,
            key_prefix: call.key_prefix,
            surface: call.surface.to_string(),
            method: call.method,
            operation: call.operation,
            scope: call.scope.map(|scope| scope.to_string()),
            target_id: call.target_id,
            outcome: call.outcome.to_string(),
            status: call.status,
            code: call.code,
            replayed: call.replayed,
            duration_micros: call.micros,
            peer: call.peer,
            request_id: call.request_id,
        }
    }
}

pub async fn list(key: Key, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, query.into_inner()).await?))
}

/// A page of the log of calls.
pub(crate) async fn look(actor: Actor, state: &State, query: Query) -> Result<Page, Problem> {
    let wrong = |expected: String| Error::invalid("field_invalid", "outcome", format!("outcome must be {expected}."));
    let outcome = query.outcome.as_deref().filter(|outcome| !outcome.is_empty());
    let filter = Filter {
        key: query.key.as_deref().map(ApiKeyId::from),
        outcome: outcome.map(str::parse::<Outcome>).transpose().map_err(wrong)?,
        before: query.cursor.as_deref().map(CallId::from),
        limit: query.limit.unwrap_or(calls::PAGE),
    };
    let (rows, more) = state.read(move |conn| calls::list(conn, &actor, &filter)).await?;
    let next_cursor = rows.last().filter(|_| more).map(|last| last.call.id.to_string());
    Ok(Page { calls: rows.into_iter().map(Entry::from).collect(), next_cursor })
}

//! `/v1/reports/vigilance`: how closely each team reads.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::Problem;
use super::json::Params;
use super::key::Key;
use super::operations::{Operation, get};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::vigilance;

/// The period where none is named, in days.
const USUAL: i64 = 30;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/reports/vigilance", "get_vigilance", "How closely each team reads")
            .about("By mailbox, for a period and the one before, with what each number means. A share is null below 20 cases.")
            .needs(&[Scope::OversightRead])
            .query::<Query>()
            .answers::<Map<String, Value>>(200)
            .to(show),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only this mailbox, by address or id; all within reach without it.
    pub(crate) mailbox: Option<String>,
    /// The period in days: 7, 30 or 90; 30 without it.
    pub(crate) days: Option<i64>,
}

pub async fn show(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(numbers(key.0, &state, query.0).await?))
}

/// The report, with what each number means.
pub(crate) async fn numbers(actor: Actor, state: &State, query: Query) -> Result<Value, Problem> {
    let days = query.days.unwrap_or(USUAL);
    Ok(state.read(move |conn| Ok(vigilance::report(conn, &actor, query.mailbox.as_deref(), days, clock::now())?.json())).await?)
}

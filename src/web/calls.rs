//! The log of calls, beside the audit log.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::page::{Chrome, Person, html};
use crate::app::State;
use crate::domain::calls::{self, Filter, Outcome, Shown};
use crate::domain::ids::{ApiKeyId, CallId};
use crate::domain::keys::{self, Key};

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    key: String,
    #[serde(default)]
    outcome: String,
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "audit/calls.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Shown>,
    keys: Vec<Key>,
    key: String,
    outcome: Option<Outcome>,
    /// The query of the next page.
    next: Option<String>,
}

impl IndexPage {
    fn is_asked_for(&self, outcome: &Outcome) -> bool {
        self.outcome == Some(*outcome)
    }
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (actor, query) = (person.actor.clone(), query.into_inner());
    let outcome = query.outcome.parse().ok();
    let filter = Filter {
        key: Some(query.key.as_str()).filter(|key| !key.is_empty()).map(ApiKeyId::from),
        outcome,
        before: query.before.as_deref().map(CallId::from),
        limit: calls::PAGE,
    };
    let ((rows, more), keys) = state.read(move |conn| Ok((calls::list(conn, &actor, &filter)?, keys::list(conn, &actor)?))).await?;
    let next = rows.last().filter(|_| more).map(|last| {
        let mut next = url::form_urlencoded::Serializer::new(String::new());
        next.append_pair("key", &query.key).append_pair("outcome", &query.outcome).append_pair("before", last.call.id.as_str());
        next.finish()
    });
    html(&IndexPage { chrome: person.visit.chrome("API calls", "audit"), rows, keys, key: query.key, outcome, next })
}

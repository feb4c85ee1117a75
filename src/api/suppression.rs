//! `/v1/suppression`: addresses that must not be mailed. They are added and never taken away.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::input;
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, delete, get, post};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::groups;
use crate::domain::contacts::suppressions::{self, Filter, Reason, Suppression};
use crate::domain::email_address::EmailAddress;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/suppression", "list_suppressions", "List addresses that must not be mailed")
            .about("The latest first. Of people who were erased only a hash is kept, so they are not in it.")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<SuppressionPage>(200)
            .to(list),
        post("/v1/suppression", "suppress_address", "Suppress an address, a domain or a tag")
            .about("For good: no call takes it away. Doing it twice changes nothing. A manager can lift that of a domain or a tag on the desk.")
            .needs(&[Scope::Contacts])
            .body::<Suppress>()
            .answers::<Suppressed>(201)
            .to(create),
        delete("/v1/suppression/{email}", "lift_suppression", "Lift a suppression")
            .about("Always refused with 403 person_required: only the recipient can undo an unsubscribe.")
            .needs(&[Scope::Contacts])
            .answers_nothing(204)
            .to(lift),
    ]
}

/// An address that must not be mailed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Suppressed {
    /// The address, as compared; @ and a domain for everybody there, # and a tag for everybody who has it.
    pub email: String,
    /// unsubscribed, complained, bounced, by_hand or erased.
    pub reason: &'static str,
    /// By which way it came.
    pub source: String,
    /// The message whose link was used.
    pub message_id: Option<String>,
    /// Since when.
    pub created_at: String,
}

impl From<Suppression> for Suppressed {
    fn from(row: Suppression) -> Self {
        Suppressed {
            email: row.email_key,
            reason: row.reason.as_str(),
            source: row.source,
            message_id: row.message_id.map(|id| id.to_string()),
            created_at: row.created_at.to_string(),
        }
    }
}

/// A page of the list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SuppressionPage {
    /// The addresses, the latest first.
    pub suppressions: Vec<Suppressed>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// Which of them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only this address, domain (@example.com) or tag (#partners).
    pub(crate) email: Option<String>,
    /// Only for this reason: unsubscribed, complained, bounced or by_hand.
    pub(crate) reason: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, query.0).await?))
}

/// Addresses that must not be mailed.
pub(crate) async fn look(actor: Actor, state: &State, query: Query) -> Result<SuppressionPage, Problem> {
    let key_of = |email: &str| match groups::is_group(email) {
        true => groups::key_of(email),
        false => EmailAddress::parse("email", email).map(|email| email.key().to_owned()),
    };
    let filter = Filter {
        email_key: query.email.as_deref().map(key_of).transpose()?,
        reason: input::word_of("reason", query.reason.as_deref())?,
        after: input::read_cursor(query.cursor.as_deref())?,
        limit: rows(query.limit, 20)?,
    };
    let (found, more) = state.read(move |conn| suppressions::page(conn, &actor, &filter)).await?;
    let next_cursor = found.last().filter(|_| more).map(|row| input::cursor(row.created_at, &row.email_key));
    Ok(SuppressionPage { suppressions: found.into_iter().map(Suppressed::from).collect(), next_cursor })
}

/// An address to be suppressed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suppress {
    /// The address. @example.com is everybody at that domain, #partners everybody with that tag.
    pub(crate) email: String,
    /// unsubscribed, complained, bounced or by_hand; by_hand without it, and for a domain or a tag.
    #[schemars(with = "Option<String>")]
    pub(crate) reason: Option<Reason>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<Suppress>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

/// Suppresses an address. Doing it twice changes nothing.
pub(crate) async fn add(actor: Actor, state: &State, body: Suppress) -> Result<Suppressed, Problem> {
    let row = state.write(move |conn| suppressions::suppress(conn, &actor, &body.email, body.reason, clock::now())).await?;
    Ok(Suppressed::from(row))
}

/// Always 403 person_required: only the recipient can undo an unsubscribe.
pub async fn lift(key: Key) -> Result<HttpResponse, Problem> {
    suppressions::lift(&key.0)?;
    Ok(HttpResponse::NoContent().finish())
}

//! `/v1/signals`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::input::{id_cursor, time_of};
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, get, post};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::Named;
use crate::domain::ids::{ContactId, SignalId};
use crate::domain::signals::{self, NewSignal, Signal};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/signals", "record_signal", "Record a signal")
            .about(
                "Something that happened to a contact: onboarding_completed, ticket_resolved, milestone, nps, feature_adopted, or a name of your own. \
                 An nps counts as good from 9 on, a ticket_resolved without a value or from 4 on. The same id again answers 200 with the first.",
            )
            .needs(&[Scope::Contacts])
            .body::<New>()
            .answers::<Shape>(200)
            .answers::<Shape>(201)
            .to(create),
        get("/v1/signals", "list_signals", "List the signals of a contact")
            .about("The newest first.")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<SignalPage>(200)
            .to(list),
    ]
}

/// A signal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Signal")]
pub struct Shape {
    /// Its own id.
    pub signal_id: SignalId,
    /// The id that was given with it.
    pub id: Option<String>,
    /// Whose.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// What happened.
    pub kind: String,
    /// A figure or word that goes with it.
    pub value: Option<String>,
    /// Whether it speaks for asking the contact to recommend.
    pub good: bool,
    /// When it happened.
    pub at: Time,
    /// Who recorded it.
    pub recorded_by: String,
    /// When it was recorded.
    pub created_at: Time,
}

impl Shape {
    /// From the signal of somebody with this address.
    pub fn of(row: Signal, email: String) -> Self {
        Shape {
            signal_id: row.id,
            id: row.external_id,
            contact_id: row.contact_id,
            email,
            kind: row.kind,
            value: row.value,
            good: row.happy,
            at: row.happened_at,
            recorded_by: row.recorded_by,
            created_at: row.created_at,
        }
    }
}

/// A page of signals.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignalPage {
    /// Whose.
    pub contact_id: ContactId,
    /// The signals, newest first.
    pub signals: Vec<Shape>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<SignalId>,
}

/// A figure or a word.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number or a string")]
pub enum Figure {
    /// A whole number.
    Whole(i64),
    /// Any number.
    Number(f64),
    /// A word.
    Word(String),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// The contact's id. Or give email.
    contact: Option<String>,
    /// The contact's address; one that is not known becomes a contact. Or give contact.
    email: Option<String>,
    /// onboarding_completed, ticket_resolved, milestone, nps, feature_adopted, or a name of your own in small letters.
    kind: String,
    /// A figure or word that goes with it: the answer of an nps (0 to 10), the rating of a ticket (1 to 5), the milestone.
    value: Option<Figure>,
    /// When it happened, such as 2026-04-30T12:00:00Z; now without it.
    at: Option<String>,
    /// An id of yours: the same signal sent twice is recorded once.
    id: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The contact's id. Or give email.
    contact: Option<String>,
    /// The contact's address. Or give contact.
    email: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    let (signal, new) = add(key.0, &state, body.0).await?;
    let mut answer = if new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(signal))
}

/// Records a signal; whether it is new.
pub(crate) async fn add(actor: Actor, state: &State, new: New) -> Result<(Shape, bool), Problem> {
    let at = time_of("at", new.at.as_deref())?;
    let value = new.value.map(|value| match value {
        Figure::Whole(number) => number.to_string(),
        Figure::Number(number) => number.to_string(),
        Figure::Word(word) => word,
    });
    let new = NewSignal { who: Named::by(new.contact, new.email), kind: new.kind, value, at, external_id: new.id };
    let recorded = state.quiet_write(move |conn| signals::record(conn, &actor, &new, clock::now())).await?;
    Ok((Shape::of(recorded.signal, recorded.contact.email), recorded.new))
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(of_contact(key.0, &state, query.0).await?))
}

/// The signals of a contact.
pub(crate) async fn of_contact(actor: Actor, state: &State, query: Query) -> Result<SignalPage, Problem> {
    let who = Named::by(query.contact, query.email);
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let (contact, page) = state.read(move |conn| signals::list(conn, &actor, &who, limit, before.as_ref())).await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|row| row.id.clone());
    let signals = page.rows.into_iter().map(|row| Shape::of(row, contact.email.clone())).collect();
    Ok(SignalPage { contact_id: contact.id, signals, next_cursor })
}

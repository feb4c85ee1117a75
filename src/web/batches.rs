//! Approving alike messages together: the sample, the forecast, what became of each.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use super::session;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::batches::{self, Forecast, Opened, Outcome, Refusal, Shown};
use crate::domain::error::{Kind, Result as DomainResult};
use crate::domain::ids::{BatchId, MessageId};

/// When this session began; one that does not say counts from now, so that nothing was opened in it.
fn started(session: &Session) -> Time {
    session.get::<i64>(session::SIGNED_IN_AT).ok().flatten().map_or_else(clock::now, Time::from_micros)
}

#[derive(Template)]
#[template(path = "batches/refused.html")]
struct RefusedPage {
    chrome: Chrome,
    problem: Option<String>,
    refusals: Vec<Refusal>,
    chosen: usize,
}

/// Puts the chosen messages together, or says which of them do not fit.
pub(super) async fn create(person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let ids: Vec<MessageId> = form.all("id").into_iter().map(MessageId::from).collect();
    let (actor, chosen) = (person.actor.clone(), ids.len());
    let (problem, refusals) = match state.quiet_write(move |conn| batches::open(conn, &actor, &ids, clock::now())).await {
        Ok(Opened::Batch(id)) => return Ok(see_other(&format!("/batches/{id}"))),
        Ok(Opened::Refused(refusals)) => (None, refusals),
        Err(error) if error.kind == Kind::Invalid => (Some(error.for_people()), vec![]),
        Err(error) => return Err(error.into()),
    };
    let chrome = person.visit.chrome("These cannot be approved together", "queue");
    html_with(StatusCode::CONFLICT, &RefusedPage { chrome, problem, refusals, chosen })
}

#[derive(Template)]
#[template(path = "batches/show.html")]
struct ShowPage {
    chrome: Chrome,
    shown: Shown,
    forecast: Option<Forecast>,
    problem: Option<String>,
    now: Time,
}

impl ShowPage {
    fn decided(&self) -> bool {
        self.shown.batch.decided_at.is_some()
    }

    /// Why it cannot be approved yet.
    fn blocked(&self) -> Option<String> {
        match self.shown.unopened() {
            0 => None,
            1 => Some("Open 1 more message of the sample first.".to_owned()),
            more => Some(format!("Open {more} more messages of the sample first.")),
        }
    }

    /// Those that were not approved or not taken back, with the reason.
    fn problems(&self) -> Vec<&batches::Line> {
        self.shown.lines.iter().filter(|line| line.item.problem.is_some()).collect()
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.shown.with(outcome).len()
    }
}

async fn page(person: &Person, state: &State, session: &Session, id: &BatchId, problem: Option<String>) -> DomainResult<ShowPage> {
    let (actor, id, since, now) = (person.actor.clone(), id.clone(), started(session), clock::now());
    let (shown, forecast) = state
        .read(move |conn| {
            let shown = batches::get(conn, &actor, &id, since)?;
            let forecast = match shown.batch.decided_at {
                None => Some(batches::forecast(conn, &actor, &id, now)?),
                Some(_) => None,
            };
            Ok((shown, forecast))
        })
        .await?;
    Ok(ShowPage { chrome: person.visit.chrome("Approve together", "queue"), shown, forecast, problem, now })
}

pub(super) async fn show(person: Person, state: web::Data<State>, session: Session, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&page(&person, &state, &session, &BatchId::from(id.as_str()), None).await?)
}

pub(super) async fn approve(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id, since) = (person.actor.clone(), BatchId::from(id.as_str()), started(&session));
    let target = id.clone();
    match state.write(move |conn| batches::approve(conn, &actor, &target, since, clock::now())).await {
        Ok(shown) => {
            flash(&session, format!("Approved {} of {} messages.", shown.with(Outcome::Approved).len(), shown.lines.len()));
            Ok(see_other(&format!("/batches/{id}")))
        }
        Err(error) => refused(&person, &state, &session, &id, error).await,
    }
}

pub(super) async fn undo(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), BatchId::from(id.as_str()));
    let target = id.clone();
    match state.write(move |conn| batches::undo(conn, &actor, &target, clock::now())).await {
        Ok(undone) => {
            flash(&session, format!("Took back {undone} approvals. These messages wait for a decision again."));
            Ok(see_other(&format!("/batches/{id}")))
        }
        Err(error) => refused(&person, &state, &session, &id, error).await,
    }
}

/// The batch as it is now, with what speaks against the action.
async fn refused(
    person: &Person,
    state: &State,
    session: &Session,
    id: &BatchId,
    error: crate::domain::error::Error,
) -> Result<HttpResponse, PageError> {
    if error.kind != Kind::Conflict {
        return Err(error.into());
    }
    html_with(StatusCode::CONFLICT, &page(person, state, session, id, Some(error.for_people())).await?)
}

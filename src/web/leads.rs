//! Leads, and the signals that make one.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::ids::LeadId;
use crate::domain::inbound::leads::{self, Lead};
use crate::domain::threads::InboundEmail;

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "inbox/leads.html")]
struct LeadsPage {
    chrome: Chrome,
    rows: Vec<(Lead, InboundEmail)>,
    next: Option<LeadId>,
    signals: String,
    problem: Option<String>,
}

async fn page(person: &Person, state: &State, before: Option<LeadId>, given: Option<(String, String)>) -> Result<LeadsPage, PageError> {
    let actor = person.actor.clone();
    let (page, signals) = state.read(move |conn| Ok((leads::page(conn, &actor, 50, before.as_ref())?, leads::signals(conn)?))).await?;
    let next = page.rows.last().filter(|_| page.more).map(|(lead, _)| lead.id.clone());
    let (signals, problem) = given.map_or((signals.join("\n"), None), |(lines, problem)| (lines, Some(problem)));
    Ok(LeadsPage { chrome: person.visit.chrome("Leads", "leads"), rows: page.rows, next, signals, problem })
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let before = query.into_inner().before.filter(|id| !id.is_empty()).map(|id| LeadId::from(id.as_str()));
    html(&page(&person, &state, before, None).await?)
}

pub(super) async fn set_signals(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, lines) = (person.actor.clone(), form.get("signals").to_owned());
    let given = lines.clone();
    match state.write(move |conn| leads::set_signals(conn, &actor, &lines, clock::now())).await {
        Ok(_) => {
            flash(&session, "Saved. Replies from now on are compared with these.");
            Ok(see_other("/leads"))
        }
        Err(error) => html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&person, &state, None, Some((given, error.for_people()))).await?),
    }
}

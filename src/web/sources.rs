//! Sources: where reports of people leaving come from, and what came in.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::inactivity::Terms;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{RowId, SourceId};
use crate::domain::sources::{self, CHARGEBEE_USER, Change, IntakeEvent, LOG_DAYS, NewSource, Outcome, Provider, Source};
use crate::domain::usage::inactivity::{self, Rule};

/// Lines of the log on one page.
const PAGE: usize = 50;

/// What the form of a source shows.
#[derive(Default)]
struct Fields {
    provider: String,
    name: String,
    origins: String,
}

#[derive(Template)]
#[template(path = "sources/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Source>,
    configured: bool,
    fields: Fields,
    problem: Option<String>,
    rules: Vec<Rule>,
    terms: Terms,
    rule_problem: Option<String>,
    log: Vec<IntakeEvent>,
}

impl IndexPage {
    fn name_of(&self, event: &IntakeEvent) -> &str {
        let named = self.rows.iter().find(|row| Some(&row.id) == event.source_id.as_ref());
        named.map_or(event.provider.label(), |row| row.name.as_str())
    }
}

async fn index_page(person: &Person, state: &State) -> Result<IndexPage, PageError> {
    let actor = person.actor.clone();
    let (rows, rules, log) = state
        .read(move |conn| Ok((sources::list(conn, &actor)?, inactivity::list(conn, &actor)?, sources::events(conn, &actor, None, None, 20)?)))
        .await?;
    Ok(IndexPage {
        chrome: person.visit.chrome("Sources", "sources"),
        rows,
        configured: state.stripe_secret.is_some(),
        fields: Fields::default(),
        problem: None,
        rules,
        terms: Terms::default(),
        rule_problem: None,
        log,
    })
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&index_page(&person, &state).await?)
}

/// The page again, with the terms of a rule that could not be taken.
pub(super) async fn refused_rule(person: &Person, state: &State, terms: Terms, error: &Error) -> Result<HttpResponse, PageError> {
    let page = IndexPage { terms, rule_problem: Some(error.for_people()), ..index_page(person, state).await? };
    html_with(crate::api::status(error.kind), &page)
}

pub(super) async fn create(person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let added = add(&person, &state, &form).await;
    match added {
        Ok((row, secret)) => {
            let secret = Some(secret).filter(|_| row.provider.secret_is_ours());
            html_with(StatusCode::CREATED, &ShowPage { secret, ..show_page(&person, &state, row.id, None).await? })
        }
        Err(error) => {
            let fields =
                Fields { provider: form.get("provider").to_owned(), name: form.get("name").to_owned(), origins: form.get("origins").to_owned() };
            let page = IndexPage { fields, problem: Some(error.for_people()), ..index_page(&person, &state).await? };
            html_with(crate::api::status(error.kind), &page)
        }
    }
}

async fn add(person: &Person, state: &State, form: &Form) -> DomainResult<(Source, String)> {
    let new = NewSource {
        provider: form.word("provider")?,
        name: form.get("name").to_owned(),
        secret: form.get("secret").trim().to_owned(),
        origins: form.list("origins"),
    };
    let actor = person.actor.clone();
    state.write(move |conn| sources::add(conn, &actor, &new, clock::now())).await
}

#[derive(Template)]
#[template(path = "sources/show.html")]
struct ShowPage {
    chrome: Chrome,
    row: Source,
    address: String,
    fields: Fields,
    log: Vec<IntakeEvent>,
    next: Option<RowId>,
    secret: Option<String>,
    problem: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
}

async fn show_page(person: &Person, state: &State, id: SourceId, before: Option<RowId>) -> Result<ShowPage, PageError> {
    let actor = person.actor.clone();
    let most = i64::try_from(PAGE).unwrap_or(50) + 1;
    let (row, mut log) =
        state.read(move |conn| Ok((sources::get(conn, &actor, &id)?, sources::events(conn, &actor, Some(&id), before.as_ref(), most)?))).await?;
    let more = log.len() > PAGE;
    log.truncate(PAGE);
    let next = log.last().filter(|_| more).map(|line| line.id.clone());
    let path = match row.provider {
        Provider::Stripe => "webhooks/stripe".to_owned(),
        Provider::Paddle | Provider::Chargebee => format!("webhooks/events/{}", row.provider),
        Provider::Generic => format!("webhooks/generic/{}", row.id),
        Provider::CancelFlow => format!("cancel-flow/{}", row.id),
    };
    let fields = Fields { provider: row.provider.as_str().to_owned(), name: row.name.clone(), origins: row.origins.join("\n") };
    let address = format!("{}/v1/{path}", state.base_url);
    Ok(ShowPage { chrome: person.visit.chrome(row.name.clone(), "sources"), row, address, fields, log, next, secret: None, problem: None })
}

pub(super) async fn show(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let before = query.into_inner().before.map(|id| RowId::from(id.as_str()));
    html(&show_page(&person, &state, SourceId::from(id.as_str()), before).await?)
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let id = SourceId::from(id.as_str());
    let change = Change {
        name: Some(form.get("name").to_owned()),
        secret: form.some("secret").map(|secret| secret.trim().to_owned()),
        origins: Some(form.list("origins")),
        enabled: None,
    };
    let (actor, target) = (person.actor.clone(), id.clone());
    match state.write(move |conn| sources::change(conn, &actor, &target, &change, clock::now())).await {
        Ok(row) => {
            flash(&session, "Saved.");
            Ok(see_other(&format!("/sources/{}", row.id)))
        }
        Err(error) => {
            let page = show_page(&person, &state, id, None).await?;
            let fields = Fields { name: form.get("name").to_owned(), origins: form.get("origins").to_owned(), ..page.fields };
            html_with(crate::api::status(error.kind), &ShowPage { fields, problem: Some(error.for_people()), ..page })
        }
    }
}

pub(super) async fn rotate(person: Person, state: web::Data<State>, id: web::Path<String>, _form: Form) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), SourceId::from(id.as_str()));
    let (row, secret) = state.write(move |conn| sources::rotate(conn, &actor, &id, clock::now())).await?;
    html(&ShowPage { secret: Some(secret), ..show_page(&person, &state, row.id, None).await? })
}

pub(super) async fn disable(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    switch(&person, &state, &session, &id, false, "Switched off. Its reports are refused from now on.").await
}

pub(super) async fn enable(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    switch(&person, &state, &session, &id, true, "Switched on.").await
}

async fn switch(person: &Person, state: &State, session: &Session, id: &str, enabled: bool, told: &str) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), SourceId::from(id));
    let change = Change { enabled: Some(enabled), ..Change::default() };
    let row = state.write(move |conn| sources::change(conn, &actor, &id, &change, clock::now())).await?;
    flash(session, told);
    Ok(see_other(&format!("/sources/{}", row.id)))
}

pub(super) async fn delete(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), SourceId::from(id.as_str()));
    state.write(move |conn| sources::delete(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Deleted, with its log. The customers it reported stay.");
    Ok(see_other("/sources"))
}

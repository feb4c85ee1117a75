//! Webhooks: where they go, their secrets, and the log with replay.

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
use crate::domain::error::Error;
use crate::domain::ids::{DeliveryId, EndpointId, MailboxId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::webhooks::endpoints::{self, Change, NewEndpoint, ROTATION_HOURS, Wants};
use crate::domain::webhooks::{Delivery, Endpoint, EventType, State as DeliveryState, deliveries};

/// Lines of the log on one page.
const PAGE: usize = 50;

/// What the form of an endpoint shows.
struct Fields {
    url: String,
    description: String,
    events: Vec<EventType>,
    chosen: Vec<MailboxId>,
    campaigns: Vec<String>,
}

impl Fields {
    fn of_form(form: &Form) -> Fields {
        Fields {
            url: form.get("url").to_owned(),
            description: form.get("description").to_owned(),
            events: form.all("events").into_iter().filter_map(|word| word.parse().ok()).collect(),
            chosen: form.all("mailboxes").into_iter().map(MailboxId::from).collect(),
            campaigns: form.list("campaigns"),
        }
    }

    fn mailbox_ids(&self) -> Vec<String> {
        self.chosen.iter().map(|id| id.as_str().to_owned()).collect()
    }
}

impl From<&Endpoint> for Fields {
    fn from(row: &Endpoint) -> Self {
        Fields {
            url: row.url.clone(),
            description: row.description.clone(),
            events: row.event_types.to_vec(),
            chosen: row.mailboxes.to_vec(),
            campaigns: row.campaigns.to_vec(),
        }
    }
}

#[derive(Template)]
#[template(path = "webhooks/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Endpoint>,
    mailboxes: Vec<Mailbox>,
    fields: Fields,
    problem: Option<String>,
}

impl IndexPage {
    fn where_heard(&self, row: &Endpoint) -> String {
        if row.mailboxes.is_empty() {
            return "all mailboxes".to_owned();
        }
        let named = self.mailboxes.iter().filter(|mailbox| row.mailboxes.contains(&mailbox.id));
        named.map(|mailbox| mailbox.address.as_str()).collect::<Vec<_>>().join(", ")
    }
}

async fn index_page(person: &Person, state: &State, fields: Option<Fields>, problem: Option<String>) -> Result<IndexPage, PageError> {
    let actor = person.actor.clone();
    let (rows, mailboxes) = state.read(move |conn| Ok((endpoints::list(conn, &actor)?, mailboxes::list(conn, &actor)?))).await?;
    let fields = fields.unwrap_or(Fields { url: String::new(), description: String::new(), events: vec![], chosen: vec![], campaigns: vec![] });
    Ok(IndexPage { chrome: person.visit.chrome("Webhooks", "webhooks"), rows, mailboxes, fields, problem })
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&index_page(&person, &state, None, None).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let fields = Fields::of_form(&form);
    let added = match state.dialer.target(&fields.url).await {
        Ok(target) => {
            let wants = Wants { events: fields.events.clone(), mailboxes: fields.mailbox_ids(), campaigns: fields.campaigns.clone() };
            let new = NewEndpoint { target, description: fields.description.clone(), wants };
            let actor = person.actor.clone();
            state.write(move |conn| endpoints::add(conn, &actor, &new, clock::now())).await
        }
        Err(error) => Err(error),
    };
    match added {
        Ok((row, secret)) => html_with(StatusCode::CREATED, &ShowPage { secret: Some(secret), ..show_page(&person, &state, row.id, None).await? }),
        Err(error) => {
            let page = index_page(&person, &state, Some(fields), Some(in_words(&error))).await?;
            html_with(crate::api::status(error.kind), &page)
        }
    }
}

fn in_words(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{} {hint}", error.for_people()),
        None => error.for_people(),
    }
}

#[derive(Template)]
#[template(path = "webhooks/show.html")]
struct ShowPage {
    chrome: Chrome,
    row: Endpoint,
    mailboxes: Vec<Mailbox>,
    fields: Fields,
    log: Vec<Delivery>,
    next: Option<DeliveryId>,
    secret: Option<String>,
    problem: Option<String>,
}

impl ShowPage {
    /// Until when the secret before signs as well.
    fn two_secrets_until(&self) -> Option<clock::Time> {
        self.row.previous_until.filter(|until| *until > clock::now())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
}

async fn show_page(person: &Person, state: &State, id: EndpointId, before: Option<DeliveryId>) -> Result<ShowPage, PageError> {
    let actor = person.actor.clone();
    let (row, (log, more), mailboxes) = state
        .read(move |conn| {
            let row = endpoints::get(conn, &actor, &id)?;
            Ok((row, deliveries::log(conn, &actor, &id, before.as_ref(), PAGE)?, mailboxes::list(conn, &actor)?))
        })
        .await?;
    let next = log.last().filter(|_| more).map(|line| line.id.clone());
    let fields = Fields::from(&row);
    Ok(ShowPage { chrome: person.visit.chrome("Webhook", "webhooks"), row, mailboxes, fields, log, next, secret: None, problem: None })
}

pub(super) async fn show(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let before = query.before.as_deref().map(DeliveryId::from);
    html(&show_page(&person, &state, EndpointId::from(id.as_str()), before).await?)
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, fields) = (EndpointId::from(id.as_str()), Fields::of_form(&form));
    let changed = match state.dialer.target(&fields.url).await {
        Ok(target) => {
            let change = Change {
                target: Some(target),
                description: Some(fields.description.clone()),
                events: Some(fields.events.clone()),
                mailboxes: Some(fields.mailbox_ids()),
                campaigns: Some(fields.campaigns.clone()),
            };
            let (actor, id) = (person.actor.clone(), id.clone());
            state.write(move |conn| endpoints::change(conn, &actor, &id, &change, clock::now())).await
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok(row) => {
            flash(&session, "Saved.");
            Ok(see_other(&format!("/webhooks/{}", row.id)))
        }
        Err(error) => {
            let page = ShowPage { fields, problem: Some(in_words(&error)), ..show_page(&person, &state, id, None).await? };
            html_with(crate::api::status(error.kind), &page)
        }
    }
}

pub(super) async fn rotate(person: Person, state: web::Data<State>, id: web::Path<String>, _form: Form) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), EndpointId::from(id.as_str()));
    let (row, secret) = state.write(move |conn| endpoints::rotate(conn, &actor, &id, clock::now())).await?;
    html(&ShowPage { secret: Some(secret), ..show_page(&person, &state, row.id, None).await? })
}

pub(super) async fn disable(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), EndpointId::from(id.as_str()));
    let row = state.write(move |conn| endpoints::disable(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Switched off. What waited for it can be replayed.");
    Ok(see_other(&format!("/webhooks/{}", row.id)))
}

pub(super) async fn enable(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), EndpointId::from(id.as_str()));
    let row = state.write(move |conn| endpoints::enable(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Switched on. It hears of what happens from now on.");
    Ok(see_other(&format!("/webhooks/{}", row.id)))
}

pub(super) async fn test(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), EndpointId::from(id.as_str()));
    let line = state.write(move |conn| deliveries::test(conn, &actor, &id, clock::now())).await?;
    flash(&session, "A test event is on its way. Reload in a moment to see what the receiver said.");
    Ok(see_other(&format!("/webhooks/{}", line.endpoint_id)))
}

pub(super) async fn delete(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), EndpointId::from(id.as_str()));
    state.write(move |conn| endpoints::delete(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Deleted, with its log.");
    Ok(see_other("/webhooks"))
}

pub(super) async fn replay(
    person: Person,
    state: web::Data<State>,
    session: Session,
    path: web::Path<(String, String)>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, line) = path.into_inner();
    let (actor, id, line) = (person.actor.clone(), EndpointId::from(id.as_str()), DeliveryId::from(line.as_str()));
    let line = state.write(move |conn| deliveries::replay(conn, &actor, &id, &line, clock::now())).await?;
    flash(&session, "On its way again, with the same id.");
    Ok(see_other(&format!("/webhooks/{}", line.endpoint_id)))
}

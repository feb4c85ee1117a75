//! Contacts and what is known of them.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::churn::{self, ChurnEvent};
use crate::domain::contacts::{self, ConsentBasis, Contact, Customer, Search};
use crate::domain::ids::ContactId;
use crate::domain::messages::list::{self, ListRow};
use crate::domain::messages::promises::{self, Promise};
use crate::domain::money::Money;
use crate::domain::threads::{self, InboundEmail};

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    q: Option<String>,
    tags: Option<String>,
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "customers/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Contact>,
    next: Option<String>,
    q: String,
    tags: String,
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let query = query.into_inner();
    let (q, given) = (query.q.unwrap_or_default(), query.tags.unwrap_or_default());
    let (tags, without_tags) = contacts::split_tags(&given);
    let search = Search {
        words: q.split_whitespace().take(10).map(str::to_owned).collect(),
        tags,
        without_tags,
        limit: 50,
        before: query.before.as_deref().map(ContactId::from),
        ..Search::default()
    };
    let actor = person.actor.clone();
    let (rows, cursor) = state.read(move |conn| contacts::search(conn, &actor, &search)).await?;
    let next = cursor.map(|cursor| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &q).append_pair("tags", &given).append_pair("before", &cursor).finish()
    });
    html(&IndexPage { chrome: person.visit.chrome("Customers", "customers"), rows, next, q, tags: given })
}

#[derive(Template)]
#[template(path = "customers/show.html")]
struct ShowPage {
    chrome: Chrome,
    contact: Contact,
    customer: Option<Customer>,
    events: Vec<ChurnEvent>,
    thread: Vec<InboundEmail>,
    messages: Vec<ListRow>,
    promises: Vec<Promise>,
}

impl ShowPage {
    fn mrr(&self) -> Option<String> {
        let customer = self.customer.as_ref()?;
        Some(Money { minor: customer.mrr_minor?, currency: customer.currency.clone()? }.to_string())
    }
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let (contact, customer, events, thread, messages, promises) = state
        .read(move |conn| {
            let contact = contacts::get(conn, &actor, &id)?;
            let filter = list::Filter { contact: Some(id.clone()), limit: 50, ..list::Filter::default() };
            let messages = list::list(conn, &actor, &filter)?.0;
            let mut promises = promises::to_contact(conn, &id)?;
            // A promise is shown to those who may see the message it stands in.
            promises.retain(|promise| messages.iter().any(|row| row.id == promise.message_id));
            let customer = contacts::customer(conn, &id)?;
            Ok((contact, customer, churn::of_contact(conn, &actor, &id)?, threads::of_contact(conn, &actor, &id)?, messages, promises))
        })
        .await?;
    let title = contact.row.name.clone().unwrap_or_else(|| contact.row.email.clone());
    html(&ShowPage { chrome: person.visit.chrome(title, "customers"), contact, customer, events, thread, messages, promises })
}

pub(super) async fn record_consent(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let (target, basis, source) = (id.clone(), form.word::<ConsentBasis>("basis")?, form.get("source").to_owned());
    state.write(move |conn| contacts::record_consent(conn, &actor, &target, basis, &source, clock::now())).await?;
    flash(&session, "Recorded.");
    Ok(see_other(&format!("/customers/{id}")))
}

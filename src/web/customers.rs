//! Contacts and what is known of them.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, see_other};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::churn::{self, ChurnEvent};
use crate::domain::contacts::consents::{self, NewConsent};
use crate::domain::contacts::{self, Contact, Customer, Found, MOST_LOOKED_AT, Search};
use crate::domain::error::Error;
use crate::domain::ids::{ContactId, SegmentId};
use crate::domain::messages::list::{self, ListRow};
use crate::domain::messages::promises::{self, Promise};
use crate::domain::money::Money;
use crate::domain::preferences::topics::{self, Topic};
use crate::domain::preferences::{self, MOST_PER_WEEK, Preferences};
use crate::domain::segments;
use crate::domain::threads::{self, InboundEmail};

/// Rows of a page.
const PAGE: usize = 50;

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    q: Option<String>,
    tags: Option<String>,
    /// Only those of this segment.
    segment: Option<String>,
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "customers/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Contact>,
    next: Option<String>,
    /// As many were looked at as may be for one page, before it was full.
    is_cut_short: bool,
    q: String,
    tags: String,
    /// The segment they are of, with its name.
    segment: Option<(SegmentId, String)>,
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let query = query.into_inner();
    let (q, given) = (query.q.unwrap_or_default(), query.tags.unwrap_or_default());
    let (tags, without_tags) = contacts::split_tags(&given);
    let segment = query.segment.filter(|id| !id.is_empty()).map(SegmentId::from);
    let before = query.before.as_deref().map(ContactId::from);
    let (actor, now, wanted) = (person.actor.clone(), person.visit.now, segment.clone());
    let words: Vec<String> = q.split_whitespace().take(10).map(str::to_owned).collect();
    let (segment_name, Found { contacts: rows, cursor, is_cut_short }) = state
        .read(move |conn| {
            let segment = wanted.map(|id| segments::get(conn, &actor, &id, now)).transpose()?.map(|(segment, _)| segment);
            let mut search = segment
                .as_ref()
                .map_or_else(|| Search { limit: PAGE, before: before.clone(), ..Search::default() }, |of| of.search(PAGE, before.clone(), now));
            search.words.extend(words);
            search.tags.extend(tags);
            search.without_tags.extend(without_tags);
            Ok((segment.map(|segment| segment.name), contacts::look(conn, &actor, &search, Some(MOST_LOOKED_AT))?))
        })
        .await?;
    let next = cursor.map(|cursor| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &q).append_pair("tags", &given);
        if let Some(id) = &segment {
            query.append_pair("segment", id.as_str());
        }
        query.append_pair("before", &cursor).finish()
    });
    html(&IndexPage {
        chrome: person.visit.chrome("Customers", "customers"),
        rows,
        next,
        is_cut_short,
        q,
        tags: given,
        segment: segment.zip(segment_name),
    })
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
    topics: Vec<Topic>,
    preferences: Preferences,
}

impl ShowPage {
    fn is_wanted(&self, topic: &Topic) -> bool {
        !self.preferences.refuses(Some(&topic.id))
    }

    fn is_most(&self, most: &i32) -> bool {
        self.preferences.most_per_week == Some(*most)
    }

    fn away(&self) -> Option<String> {
        let until = self.contact.row.absent_until.filter(|until| *until > self.chrome.visit.now)?;
        Some(until.in_zone(&crate::clock::zone(self.contact.row.time_zone.as_deref())))
    }

    fn paused(&self) -> Option<String> {
        Some(self.preferences.paused(self.chrome.visit.now)?.date().to_string())
    }

    fn mrr(&self) -> Option<String> {
        let customer = self.customer.as_ref()?;
        Some(Money { minor: customer.mrr_minor?, currency: customer.currency.clone()? }.to_string())
    }
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let (contact, customer, events, thread, messages, promises, topics, preferences) = state
        .read(move |conn| {
            let contact = contacts::get(conn, &actor, &id)?;
            let filter = list::Filter { contact: Some(id.clone()), limit: 50, ..list::Filter::default() };
            let messages = list::list(conn, &actor, &filter)?.0;
            let mut promises = promises::to_contact(conn, &id)?;
            // A promise is shown to those who may see the message it stands in.
            promises.retain(|promise| messages.iter().any(|row| row.id == promise.message_id));
            let customer = contacts::customer(conn, &id)?;
            let mut topics = topics::list(conn, &actor)?;
            topics.retain(|topic| topic.archived_at.is_none());
            let preferences = preferences::of(conn, &id)?;
            let (events, thread) = (churn::of_contact(conn, &actor, &id)?, threads::of_contact(conn, &actor, &id)?);
            Ok((contact, customer, events, thread, messages, promises, topics, preferences))
        })
        .await?;
    let title = contact.row.name.clone().unwrap_or_else(|| contact.row.email.clone());
    html(&ShowPage { chrome: person.visit.chrome(title, "customers"), contact, customer, events, thread, messages, promises, topics, preferences })
}

pub(super) async fn record_consent(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let text = |name: &str| form.some(name).map(str::to_owned);
    let wrong = |_| Error::invalid("field_invalid", "given_on", "given_on must be a day such as 2026-04-30.");
    let new = NewConsent {
        basis: form.word("basis")?,
        source: form.get("source").to_owned(),
        purpose: form.get("purpose").to_owned(),
        wording: text("wording"),
        evidence: text("evidence"),
        jurisdiction: form.some("jurisdiction").map(|_| form.word("jurisdiction")).transpose()?,
        given_at: form.some("given_on").map(|day| day.trim().parse().map(Time::from_date).map_err(wrong)).transpose()?,
    };
    let target = id.clone();
    state.write(move |conn| consents::record(conn, &actor, &target, &new, clock::now())).await?;
    flash(&session, "Recorded.");
    Ok(see_other(&format!("/customers/{id}/privacy")))
}

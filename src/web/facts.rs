//! Facts: what drafts may claim, and what follows when one changes.

use actix_multipart::form::MultipartForm;
use actix_multipart::form::bytes::Bytes as Upload;
use actix_multipart::form::text::Text;
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::{Form, verify};
use super::page::{Chrome, Person, html, html_with, see_other, settled};
use crate::app::State;
use crate::clock;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::churn::shipping::{self, Round};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::facts::fields::{self, Field, Input};
use crate::domain::facts::{self, Body, Fact, Filter, Kind, State as FactState, Version};
use crate::domain::ids::FactId;
use crate::domain::imports::{self, Of};
use crate::domain::messages::list::{self, ListRow};
use crate::domain::messages::recall::{self, Recall};
use crate::domain::reason::Reason;

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Query {
    #[serde(default, deserialize_with = "known_word")]
    kind: Option<Kind>,
    #[serde(default, deserialize_with = "known_word")]
    state: Option<FactState>,
    q: Option<String>,
    after: Option<String>,
}

/// A word of a fixed set; another word filters nothing.
fn known_word<'de, T: std::str::FromStr, D: serde::Deserializer<'de>>(given: D) -> Result<Option<T>, D::Error> {
    Ok(String::deserialize(given)?.parse().ok())
}

/// Whether a fact is an offer whose last day has passed.
fn is_over(fact: &Fact) -> bool {
    matches!(&*fact.body, Body::Offer(offer) if offer.expires_on.is_some_and(|day| day < clock::now().date()))
}

/// A field of a form with what it holds.
struct Filled {
    field: &'static Field,
    value: String,
}

impl Filled {
    fn kind(&self) -> &'static str {
        match self.field.input {
            Input::Day => "date",
            Input::Number => "number",
            Input::Address => "url",
            _ => "text",
        }
    }

    fn is_area(&self) -> bool {
        self.field.input == Input::Area
    }

    fn is_yes(&self) -> bool {
        self.field.input == Input::Yes
    }

    fn is_reasons(&self) -> bool {
        self.field.input == Input::Reasons
    }

    fn has(&self, reason: &Reason) -> bool {
        self.value.split(';').any(|word| word.trim() == reason.as_str())
    }

    fn hint(&self) -> &'static str {
        match self.field.input {
            Input::List => "separated by semicolons",
            Input::Amount => "such as 79.50",
            _ if self.field.name == "currency" => "three letters, such as USD",
            _ => "",
        }
    }
}

fn filled(kind: Kind, value: impl Fn(&str) -> String) -> Vec<Filled> {
    fields::of(kind).iter().map(|field| Filled { field, value: value(field.name) }).collect()
}

/// What the posted form says of a fact.
fn body_of(kind: Kind, form: &Form) -> DomainResult<Body> {
    fields::read(kind, &|name| Some(posted(form, name)))
}

/// A posted field; ticked boxes of one name are a list.
fn posted(form: &Form, name: &str) -> String {
    form.all(name).join("; ")
}

#[derive(Template)]
#[template(path = "facts/index.html")]
struct ListPage {
    chrome: Chrome,
    query: Query,
    rows: Vec<Fact>,
    next: Option<FactId>,
    proposed: i64,
    fields: Vec<Filled>,
    problem: Option<String>,
}

impl ListPage {
    fn is(&self, kind: &Kind) -> bool {
        self.query.kind == Some(*kind)
    }

    /// Whether it is an offer whose last day has passed.
    fn is_over(&self, fact: &Fact) -> bool {
        is_over(fact)
    }

    /// What the page is about, for sentences.
    fn about(&self) -> &'static str {
        match self.query.kind {
            Some(Kind::ProductUpdate) => "What shipped, and when. A feature counts as shipped from that day on.",
            Some(Kind::Offer) => "The percent, the amount and the code that drafts may promise, and to whom.",
            Some(Kind::PlanPrice) => "What plans cost and include.",
            Some(Kind::CompanyFact) => "Facts about you: name, address, team size, what you never do.",
            Some(Kind::AllowedUrl) => "Links that may stand in mail besides those of other facts.",
            Some(Kind::MigrationChange) => "Changes of your interfaces, old and new, with their deadlines.",
            Some(Kind::CustomerStory) => "What other customers said and may be quoted with.",
            _ => "Everything that drafts may rest on. A claim that no fact supports keeps a message from leaving.",
        }
    }

    fn columns(&self) -> String {
        self.fields.iter().map(|filled| filled.field.name).collect::<Vec<_>>().join(", ")
    }
}

async fn page(person: &Person, state: &State, query: Query) -> Result<ListPage, PageError> {
    let filter = Filter {
        kind: query.kind,
        state: query.state,
        words: query.q.clone().filter(|words| !words.trim().is_empty()),
        after: query.after.as_deref().map(FactId::from),
        limit: 50,
        ..Filter::default()
    };
    let actor = person.actor.clone();
    let ((rows, more), proposed) = state.read(move |conn| Ok((facts::list(conn, &actor, &filter)?, facts::count_proposed(conn)?))).await?;
    let next = rows.last().filter(|_| more).map(|row| row.id.clone());
    let fields = query.kind.map(|kind| filled(kind, |_| String::new())).unwrap_or_default();
    Ok(ListPage { chrome: person.visit.chrome("Facts", "facts"), query, rows, next, proposed, fields, problem: None })
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    html(&page(&person, &state, query.into_inner()).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, kind) = (person.actor.clone(), form.word::<Kind>("kind")?);
    let source = form.some("source").map(str::to_owned);
    let done = match body_of(kind, &form) {
        Ok(body) => state.write(move |conn| facts::add(conn, &actor, body, source.as_deref(), clock::now())).await,
        Err(error) => Err(error),
    };
    let again = async |problem| {
        let mut page = page(&person, &state, Query { kind: Some(kind), ..Query::default() }).await?;
        page.fields = filled(kind, |name| posted(&form, name));
        page.problem = Some(problem);
        Ok(page)
    };
    settled(&session, done.map(|fact| (format!("Added: {}.", fact.label), format!("/facts?kind={kind}"))), again).await
}

/// The posted file.
#[derive(Debug, MultipartForm)]
pub(super) struct Posted {
    csrf: Text<String>,
    kind: Text<String>,
    #[multipart(limit = "50MiB")]
    file: Upload,
}

pub(super) async fn import(
    request: HttpRequest,
    person: Person,
    state: web::Data<State>,
    posted: MultipartForm<Posted>,
) -> Result<HttpResponse, PageError> {
    verify(&request, &posted.csrf)?;
    let Posted { kind, file, .. } = posted.into_inner();
    let wrong = |expected: String| Error::invalid("field_invalid", "kind", format!("kind must be {expected}."));
    let kind: Kind = kind.parse().map_err(wrong)?;
    let name = file.file_name.unwrap_or_else(|| "upload.csv".to_owned());
    match web::block(move || imports::read(Of::Facts(kind), file.data.into())).await.map_err(Error::internal)? {
        Ok(parsed) => super::imports::begin(&person, &state, name, parsed).await,
        Err(error) => {
            let mut page = page(&person, &state, Query { kind: Some(kind), ..Query::default() }).await?;
            page.problem = Some(error.for_people());
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

#[derive(Template)]
#[template(path = "facts/show.html")]
struct ShowPage {
    chrome: Chrome,
    fact: Fact,
    versions: Vec<Version>,
    recall: Recall,
    round: Option<Round>,
    drafts: Vec<ListRow>,
    fields: Vec<Filled>,
    problem: Option<String>,
}

impl ShowPage {
    /// Whether it is entered by hand and so can be changed here.
    fn is_entered(&self) -> bool {
        Kind::ENTERED.contains(&self.fact.kind)
    }

    fn is_over(&self) -> bool {
        is_over(&self.fact)
    }

    fn is_update(&self) -> bool {
        self.fact.kind == Kind::ProductUpdate
    }

    /// Recipients without a correction so far.
    fn uncorrected(&self) -> usize {
        self.recall.recipients.len().saturating_sub(self.recall.corrected)
    }
}

async fn shown(person: &Person, state: &State, id: FactId, problem: Option<String>) -> DomainResult<ShowPage> {
    let actor = person.actor.clone();
    let (recall, versions, drafts, round) = state
        .read(move |conn| {
            let recall = recall::of_fact(conn, &actor, &id)?;
            let drafts = list::list(conn, &actor, &list::Filter { ids: Some(recall.drafts.clone()), limit: 100, ..list::Filter::default() })?.0;
            Ok((recall, facts::versions(conn, &actor, &id)?, drafts, shipping::round(conn, &id)?))
        })
        .await?;
    let fact = recall.fact.clone();
    let fields = filled(fact.kind, |name| fields::written(&fact.body, name));
    Ok(ShowPage { chrome: person.visit.chrome(fact.label.clone(), "facts"), fact, versions, recall, round, drafts, fields, problem })
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&shown(&person, &state, FactId::from(id.as_str()), None).await?)
}

/// Changes a fact and answers with its page: what was done, or what is wrong.
async fn settle<T: Send + 'static>(
    person: Person,
    state: &State,
    session: &Session,
    id: &str,
    work: impl FnOnce(&mut Conn, &Actor, &FactId) -> DomainResult<T> + Send + 'static,
    told: impl FnOnce(T) -> String,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), FactId::from(id));
    let target = id.clone();
    let done = state.write(move |conn| work(conn, &actor, &target)).await.map(|done| (told(done), format!("/facts/{id}")));
    settled(session, done, async |problem| Ok(shown(&person, state, id, Some(problem)).await?)).await
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let source = form.some("source").map(str::to_owned);
    let body = form.word::<Kind>("kind").and_then(|kind| body_of(kind, &form));
    let work = move |conn: &mut Conn, actor: &Actor, id: &FactId| facts::change(conn, actor, id, body?, source.as_deref(), clock::now());
    settle(person, &state, &session, &id, work, |fact| {
        format!("Version {} is in force. What rested on the old one was looked at again.", fact.version)
    })
    .await
}

pub(super) async fn accept(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let work = |conn: &mut Conn, actor: &Actor, id: &FactId| facts::accept(conn, actor, id, clock::now());
    settle(person, &state, &session, &id, work, |_| "Accepted. Claims can rest on it now.".to_owned()).await
}

/// Queues drafts for the customers who asked for an update that was entered as history.
pub(super) async fn start_round(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let work = |conn: &mut Conn, actor: &Actor, id: &FactId| shipping::start(conn, actor, id, clock::now());
    settle(person, &state, &session, &id, work, |()| "Looking for customers who asked for it. Drafts appear in the queue.".to_owned()).await
}

pub(super) async fn revoke(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let reason = form.get("reason").to_owned();
    let work = move |conn: &mut Conn, actor: &Actor, id: &FactId| facts::revoke(conn, actor, id, &reason, clock::now());
    settle(person, &state, &session, &id, work, |_| "Revoked. No claim rests on it any more, and approvals that did are void.".to_owned()).await
}

pub(super) async fn correct(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (subject, text) = (form.get("subject").to_owned(), form.get("text").to_owned());
    let work = move |conn: &mut Conn, actor: &Actor, id: &FactId| recall::correct(conn, actor, id, &subject, &text, clock::now());
    settle(person, &state, &session, &id, work, |made| format!("{} corrections are in the queue. Each waits for a decision.", made.len())).await
}

/// Addresses of earlier versions of these pages.
pub(super) async fn updates() -> HttpResponse {
    see_other("/facts?kind=product_update")
}

/// The same for offers.
pub(super) async fn offers() -> HttpResponse {
    see_other("/facts?kind=offer")
}

//! Segments: a search under a name, put together with a count that follows while it is written.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other, settled, wants_part};
use crate::app::State;
use crate::clock;
use crate::domain::contacts::Contact;
use crate::domain::contacts::conditions::{Churn, Conditions, RECENT_DAYS};
use crate::domain::error::{Error, Kind as ErrorKind, Result as DomainResult};
use crate::domain::ids::{ContactId, SegmentId};
use crate::domain::reason::Reason;
use crate::domain::segments::{self, COUNTED, Count, Input, Segment};

/// Segments, and contacts of one, on one page.
const PAGE: usize = 50;
/// Contacts that are shown while a segment is put together.
const SOME: usize = 8;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "segments/index.html")]
struct IndexPage {
    chrome: Chrome,
    tab: &'static str,
    rows: Vec<Segment>,
    next: Option<SegmentId>,
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (actor, before) = (person.actor.clone(), query.before.as_deref().map(SegmentId::from));
    let page = state.read(move |conn| segments::list(conn, &actor, PAGE, before.as_ref())).await?;
    let next = page.rows.last().filter(|_| page.more).map(|row| row.id.clone());
    html(&IndexPage { chrome: person.visit.chrome("Segments", "campaigns"), tab: "segments", rows: page.rows, next })
}

/// What the form holds, as it was written.
#[derive(Debug, Default)]
struct Fields {
    id: String,
    name: String,
    tags: String,
    query: String,
    customers_only: bool,
    plan: String,
    mrr_from: String,
    mrr_to: String,
    inactive_days: String,
    churn: Option<Churn>,
    reason: Option<Reason>,
    left_from_days: String,
    left_to_days: String,
    unmailed_days: String,
    replied_days: String,
    used: String,
    unused: String,
    field: String,
    value: String,
}

impl Fields {
    fn of_form(form: &Form) -> Fields {
        let text = |name: &str| form.get(name).trim().to_owned();
        Fields {
            id: text("id"),
            name: text("name"),
            tags: text("tags"),
            query: text("query"),
            customers_only: form.some("customers_only").is_some(),
            plan: text("plan"),
            mrr_from: text("mrr_from"),
            mrr_to: text("mrr_to"),
            inactive_days: text("inactive_days"),
            churn: form.get("churn").parse().ok(),
            reason: form.get("reason").parse().ok(),
            left_from_days: text("left_from_days"),
            left_to_days: text("left_to_days"),
            unmailed_days: text("unmailed_days"),
            replied_days: text("replied_days"),
            used: text("used"),
            unused: text("unused"),
            field: text("field"),
            value: text("value"),
        }
    }

    fn of_segment(row: &Segment) -> Fields {
        let asked = &*row.conditions;
        let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        let amount = |minor: Option<i64>| minor.map(|minor| format!("{}.{:02}", minor / 100, minor % 100)).unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Fields {
            id: row.id.to_string(),
            name: row.name.clone(),
            tags: row.tags.clone(),
            query: row.words.clone(),
            customers_only: row.customers_only,
            plan: text(&asked.plan),
            mrr_from: amount(asked.mrr_from),
            mrr_to: amount(asked.mrr_to),
            inactive_days: number(asked.inactive_days),
            churn: asked.churn,
            reason: asked.reason,
            left_from_days: number(asked.left_from_days),
            left_to_days: number(asked.left_to_days),
            unmailed_days: number(asked.unmailed_days),
            replied_days: number(asked.replied_days),
            used: text(&asked.used),
            unused: text(&asked.unused),
            field: text(&asked.field),
            value: text(&asked.value),
        }
    }

    fn input(&self) -> DomainResult<Input> {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let conditions = Conditions {
            plan: text(&self.plan),
            mrr_from: amount("mrr_from", &self.mrr_from)?,
            mrr_to: amount("mrr_to", &self.mrr_to)?,
            inactive_days: days("inactive_days", &self.inactive_days)?,
            churn: self.churn,
            reason: self.reason,
            left_from_days: days("left_from_days", &self.left_from_days)?,
            left_to_days: days("left_to_days", &self.left_to_days)?,
            unmailed_days: days("unmailed_days", &self.unmailed_days)?,
            replied_days: days("replied_days", &self.replied_days)?,
            used: text(&self.used),
            unused: text(&self.unused),
            field: text(&self.field),
            value: text(&self.value),
        };
        Ok(Input {
            name: text(&self.name),
            tags: Some(self.tags.clone()),
            words: Some(self.query.clone()),
            customers_only: Some(self.customers_only),
            conditions: Some(conditions),
        })
    }

    fn is_new(&self) -> bool {
        self.id.is_empty()
    }

    fn is_churn(&self, churn: &Churn) -> bool {
        self.churn == Some(*churn)
    }

    fn is_reason(&self, reason: &Reason) -> bool {
        self.reason == Some(*reason)
    }

    /// Whether something is asked that the folded part of the form holds.
    fn asks_more(&self) -> bool {
        let asked = self.input().ok().and_then(|input| input.conditions);
        self.customers_only || asked.is_none_or(|asked| !asked.is_none())
    }
}

fn days(name: &str, given: &str) -> DomainResult<Option<i64>> {
    let wrong = |_| Error::invalid("field_invalid", name, format!("{name} must be a number of days, such as 30."));
    Some(given).filter(|given| !given.is_empty()).map(|given| given.parse().map_err(wrong)).transpose()
}

/// An amount such as 79 or 79.50 in hundredths.
fn amount(name: &str, given: &str) -> DomainResult<Option<i64>> {
    if given.is_empty() {
        return Ok(None);
    }
    let wrong = || Error::invalid("field_invalid", name, format!("{name} must be an amount, such as 79.50."));
    let money = crate::domain::money::Money::parse(given, "USD").ok_or_else(wrong)?;
    Ok(Some(money.minor))
}

/// Whom it finds, or what is wrong with it.
enum Found {
    Some(Count, Vec<Contact>),
    Wrong(String),
}

#[derive(Template)]
#[template(path = "segments/form.html")]
struct FormPage {
    chrome: Chrome,
    fields: Fields,
    found: Found,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "segments/_found.html")]
struct Fragment {
    found: Found,
}

async fn found(person: &Person, state: &State, fields: &Fields) -> Result<Found, PageError> {
    let input = match fields.input() {
        Ok(input) => Input { name: None, ..input },
        Err(error) => return Ok(Found::Wrong(error.for_people())),
    };
    let actor = person.actor.clone();
    match state.read(move |conn| segments::preview(conn, &actor, &input, SOME, clock::now())).await {
        Ok((count, some)) => Ok(Found::Some(count, some)),
        Err(error) if error.kind == ErrorKind::Invalid => Ok(Found::Wrong(error.for_people())),
        Err(error) => Err(error.into()),
    }
}

async fn form_page(person: &Person, state: &State, fields: Fields, problem: Option<String>) -> Result<FormPage, PageError> {
    let found = found(person, state, &fields).await?;
    let title = if fields.is_new() { "New segment".to_owned() } else { format!("Change {}", fields.name) };
    Ok(FormPage { chrome: person.visit.chrome(title, "campaigns"), fields, found, problem })
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    tags: Option<String>,
    q: Option<String>,
}

pub(super) async fn new(person: Person, state: web::Data<State>, query: web::Query<Asked>) -> Result<HttpResponse, PageError> {
    let Asked { tags, q } = query.into_inner();
    let fields = Fields { tags: tags.unwrap_or_default(), query: q.unwrap_or_default(), ..Fields::default() };
    html(&form_page(&person, &state, fields, None).await?)
}

/// Whom the form would find: a part of the page for the script, the whole page without one.
pub(super) async fn preview(request: HttpRequest, person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let fields = Fields::of_form(&form);
    if wants_part(&request) {
        return html(&Fragment { found: found(&person, &state, &fields).await? });
    }
    html(&form_page(&person, &state, fields, None).await?)
}

/// Keeps what the form holds, as a new segment or over the one that is there.
async fn keep(person: Person, state: &State, session: &Session, id: Option<SegmentId>, form: &Form) -> Result<HttpResponse, PageError> {
    let fields = Fields { id: id.as_ref().map(ToString::to_string).unwrap_or_default(), ..Fields::of_form(form) };
    let actor = person.actor.clone();
    let kept = match fields.input() {
        Ok(input) => {
            let input = Input { name: input.name.or(Some(String::new())), ..input };
            let work = move |conn: &mut crate::db::Conn| match &id {
                Some(id) => segments::change(conn, &actor, id, &input, clock::now()),
                None => segments::create(conn, &actor, &input, clock::now()),
            };
            state.write(work).await
        }
        Err(error) => Err(error),
    };
    let done = kept.map(|row| (format!("Saved: {}.", row.name), format!("/segments/{}", row.id)));
    settled(session, done, async |problem| form_page(&person, state, fields, Some(problem)).await).await
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    keep(person, &state, &session, None, &form).await
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    keep(person, &state, &session, Some(SegmentId::from(id.as_str())), &form).await
}

pub(super) async fn edit(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), SegmentId::from(id.as_str()));
    let (row, _) = state.read(move |conn| segments::get(conn, &actor, &id, clock::now())).await?;
    html(&form_page(&person, &state, Fields::of_segment(&row), None).await?)
}

#[derive(Template)]
#[template(path = "segments/_count.html")]
struct CountFragment {
    count: Count,
}

/// How many contacts a segment of the list has: asked for each once it is in sight, so that the list itself counts nothing.
pub(super) async fn count(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), SegmentId::from(id.as_str()));
    let (_, count) = state.read(move |conn| segments::get(conn, &actor, &id, clock::now())).await?;
    html(&CountFragment { count })
}

#[derive(Template)]
#[template(path = "segments/show.html")]
struct ShowPage {
    chrome: Chrome,
    row: Segment,
    count: Count,
    contacts: Vec<Contact>,
    next: Option<String>,
    problem: Option<String>,
}

async fn shown(person: &Person, state: &State, id: SegmentId, before: Option<ContactId>, problem: Option<String>) -> Result<ShowPage, PageError> {
    let actor = person.actor.clone();
    let ((row, count), (contacts, next)) = state
        .read(move |conn| {
            let now = clock::now();
            Ok((segments::get(conn, &actor, &id, now)?, segments::members(conn, &actor, &id, PAGE, before, now)?))
        })
        .await?;
    Ok(ShowPage { chrome: person.visit.chrome(row.name.clone(), "campaigns"), row, count, contacts, next, problem })
}

pub(super) async fn show(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let before = query.before.as_deref().map(ContactId::from);
    html(&shown(&person, &state, SegmentId::from(id.as_str()), before, None).await?)
}

pub(super) async fn delete(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), SegmentId::from(id.as_str()));
    let target = id.clone();
    match state.write(move |conn| segments::delete(conn, &actor, &target, clock::now())).await {
        Ok(()) => {
            flash(&session, "Deleted. Its contacts stay as they are.");
            Ok(see_other("/segments"))
        }
        Err(error) if error.kind == ErrorKind::Conflict => {
            html_with(StatusCode::CONFLICT, &shown(&person, &state, id, None, Some(error.for_people())).await?)
        }
        Err(error) => Err(error.into()),
    }
}

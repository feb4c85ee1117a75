//! Templates: words with typed places, their versions, and who approved which.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template as Page;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::diff::{Stretch, words};
use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, html, settled};
use crate::app::State;
use crate::clock;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::contacts::Named;
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::TemplateId;
use crate::domain::settings;
use crate::domain::templates::{self, NewVersion, SOURCES, Type, Used, Variable, Version, Whole};

/// Templates on one page.
const PAGE: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
    archived: Option<String>,
}

#[derive(Page)]
#[template(path = "templates/index.html")]
struct IndexPage {
    chrome: Chrome,
    tab: &'static str,
    rows: Vec<Whole>,
    next: Option<TemplateId>,
    archived: bool,
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (actor, archived) = (person.actor.clone(), query.archived.is_some());
    let before = query.before.as_deref().map(TemplateId::from);
    let page = state.read(move |conn| templates::list(conn, &actor, archived, PAGE, before.as_ref())).await?;
    let next = page.rows.last().filter(|_| page.more).map(|whole| whole.row.id.clone());
    html(&IndexPage { chrome: person.visit.chrome("Templates", "campaigns"), tab: "templates", rows: page.rows, next, archived })
}

/// What the form holds, as it was written.
#[derive(Debug, Default)]
struct Fields {
    id: String,
    name: String,
    about: String,
    subject: String,
    body: String,
    html: String,
    variables: String,
    note: String,
}

impl Fields {
    fn of_form(form: &Form, id: String, name: String) -> Fields {
        let text = |name: &str| form.get(name).replace("\r\n", "\n");
        Fields {
            id,
            name,
            about: text("about"),
            subject: text("subject"),
            body: text("body"),
            html: text("html"),
            variables: text("variables"),
            note: text("note"),
        }
    }

    fn version(&self) -> DomainResult<NewVersion> {
        let variables = self.variables.lines().filter(|line| !line.trim().is_empty()).map(Variable::of_line).collect::<DomainResult<_>>()?;
        let some = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        Ok(NewVersion { subject: self.subject.clone(), body: self.body.clone(), html: some(&self.html), variables, note: some(&self.note) })
    }

    fn is_new(&self) -> bool {
        self.id.is_empty()
    }
}

#[derive(Page)]
#[template(path = "templates/form.html")]
struct FormPage {
    chrome: Chrome,
    fields: Fields,
    problem: Option<String>,
}

pub(super) async fn new(person: Person) -> Result<HttpResponse, PageError> {
    let variables = "name text from contact.name\n".to_owned();
    let fields = Fields { variables, ..Fields::default() };
    html(&FormPage { chrome: person.visit.chrome("New template", "campaigns"), fields, problem: None })
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let fields = Fields::of_form(&form, String::new(), form.get("name").to_owned());
    let (actor, name, about) = (person.actor.clone(), fields.name.clone(), form.some("about").map(str::to_owned));
    let made = match fields.version() {
        Ok(first) => state.write(move |conn| templates::create(conn, &actor, &name, about.as_deref(), &first, clock::now())).await,
        Err(error) => Err(error),
    };
    let done = made.map(|whole| ("Made. Somebody else approves it here.", format!("/templates/{}", whole.row.id)));
    let again = async |problem| Ok(FormPage { chrome: person.visit.chrome("New template", "campaigns"), fields, problem: Some(problem) });
    settled(&session, done, again).await
}

pub(super) async fn edit(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), TemplateId::from(id.as_str()));
    let whole = state.read(move |conn| templates::get(conn, &actor, &id)).await?;
    let newest = whole.versions.first().ok_or_else(|| Error::not_found("version"))?;
    let fields = Fields {
        id: whole.row.id.to_string(),
        subject: newest.subject.clone(),
        body: newest.body.clone(),
        html: newest.html.clone().unwrap_or_default(),
        variables: newest.variables.iter().map(|variable| variable.in_line() + "\n").collect(),
        name: whole.row.name,
        ..Fields::default()
    };
    html(&FormPage { chrome: person.visit.chrome(format!("New version of {}", fields.name), "campaigns"), fields, problem: None })
}

pub(super) async fn add_version(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), TemplateId::from(id.as_str()));
    let target = id.clone();
    let whole = state.read(move |conn| templates::get(conn, &actor, &target)).await?;
    let fields = Fields::of_form(&form, id.to_string(), whole.row.name);
    let (actor, target) = (person.actor.clone(), id.clone());
    let made = match fields.version() {
        Ok(new) => state.write(move |conn| templates::add_version(conn, &actor, &target, &new, clock::now())).await,
        Err(error) => Err(error),
    };
    let done = made.map(|version| {
        let told = format!("Version {} is written down. Those before stay as they are.", version.version);
        (told, format!("/templates/{id}?version={}", version.version))
    });
    let again = async |problem| {
        let chrome = person.visit.chrome(format!("New version of {}", fields.name), "campaigns");
        Ok(FormPage { chrome, fields, problem: Some(problem) })
    };
    settled(&session, done, again).await
}

/// What a version says differently than an earlier one.
struct Differences {
    since: i32,
    parts: Vec<(&'static str, Vec<Stretch>)>,
}

fn differences(before: &Version, now: &Version) -> Differences {
    let lines = |version: &Version| version.variables.iter().map(|variable| variable.in_line() + "\n").collect::<String>();
    let html = |version: &Version| version.html.clone().unwrap_or_default();
    let parts = vec![
        ("Subject", words(&before.subject, &now.subject)),
        ("Text", words(&before.body, &now.body)),
        ("HTML", words(&html(before), &html(now))),
        ("Variables", words(&lines(before), &lines(now))),
    ];
    Differences { since: before.version, parts: parts.into_iter().filter(|(_, part)| part.iter().any(|stretch| stretch.kind != "same")).collect() }
}

/// A version as somebody would read it: subject and text, or why it cannot be filled in.
type Preview = Result<(String, String), String>;

#[derive(Page)]
#[template(path = "templates/show.html")]
struct ShowPage {
    chrome: Chrome,
    looked: Looked,
    problem: Option<String>,
}

impl ShowPage {
    /// How many messages were made from a version, and how many of them left.
    fn made(&self, version: &i32) -> (i64, i64) {
        (self.looked.used.of_version(*version), self.looked.used.left(*version))
    }
}

/// What the page shows.
struct Looked {
    whole: Whole,
    shown: Version,
    changes: Option<Differences>,
    used: Used,
    /// Whether whoever looks may approve what is shown.
    may_approve: bool,
    contact: String,
    /// What stands in the form of the preview, by variable.
    given: Vec<(Variable, String)>,
    preview: Option<Preview>,
}

#[derive(Debug, Default)]
struct Asked {
    version: Option<i32>,
    since: Option<i32>,
    contact: Option<String>,
    values: Vec<(String, String)>,
}

impl Asked {
    fn of_query(query: Vec<(String, String)>) -> Asked {
        let mut asked = Asked::default();
        for (name, value) in query {
            match (name.as_str(), name.strip_prefix("v-")) {
                ("version", _) => asked.version = value.parse().ok(),
                ("since", _) => asked.since = value.parse().ok(),
                ("contact", _) => asked.contact = Some(value.trim().to_owned()),
                (_, Some(variable)) => asked.values.push((variable.to_owned(), value)),
                _ => {}
            }
        }
        asked
    }
}

async fn shown(person: &Person, state: &State, id: TemplateId, asked: Asked, problem: Option<String>) -> DomainResult<ShowPage> {
    let actor = person.actor.clone();
    let looked = state.read(move |conn| look(conn, &actor, &id, &asked)).await?;
    Ok(ShowPage { chrome: person.visit.chrome(looked.whole.row.name.clone(), "campaigns"), looked, problem })
}

fn look(conn: &mut Conn, actor: &Actor, id: &TemplateId, asked: &Asked) -> DomainResult<Looked> {
    let whole = templates::get(conn, actor, id)?;
    let shown = asked.version.map_or(whole.versions.first(), |version| whole.version(version));
    let shown = shown.cloned().ok_or_else(|| Error::not_found("version"))?;
    // Against the version that is in use, so that whoever approves sees what becomes different.
    let since = asked.since.or_else(|| whole.approved().map(|version| version.version)).filter(|since| *since != shown.version);
    let before = since.and_then(|since| whole.version(since)).or_else(|| whole.versions.iter().find(|version| version.version < shown.version));
    let changes = before.map(|before| differences(before, &shown));
    let used = templates::used(conn, actor, id)?;
    let may_approve = !(shown.is_approved() || shown.is_by(actor) && settings::four_eyes(conn)?);
    let value =
        |variable: &Variable| asked.values.iter().find(|(name, _)| *name == variable.name).map(|(_, value)| value.clone()).unwrap_or_default();
    let given: Vec<(Variable, String)> =
        shown.variables.iter().filter(|variable| variable.source.is_none()).map(|variable| (variable.clone(), value(variable))).collect();
    let contact = asked.contact.clone().unwrap_or_default();
    let preview = match contact.is_empty() {
        true => None,
        false => {
            let values: Map<String, Value> = given
                .iter()
                .filter(|(_, value)| !value.trim().is_empty())
                .map(|(variable, value)| (variable.name.clone(), Value::String(value.clone())))
                .collect();
            let who = Named::by(Some(contact.clone()), None);
            Some(match templates::render(conn, actor, id, Some(shown.version), Some(&who), &values) {
                Ok(found) => Ok((found.words.subject, found.words.text)),
                Err(error) => Err(error.for_people()),
            })
        }
    };
    Ok(Looked { whole, shown, changes, used, may_approve, contact, given, preview })
}

pub(super) async fn show(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    html(&shown(&person, &state, TemplateId::from(id.as_str()), Asked::of_query(query.into_inner()), None).await?)
}

/// Does something to a template and answers with its page: what was done, or what is wrong.
async fn settle(
    person: Person,
    state: &State,
    session: &Session,
    id: &str,
    version: Option<i32>,
    work: impl FnOnce(&mut Conn, &Actor, &TemplateId) -> DomainResult<&'static str> + Send + 'static,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), TemplateId::from(id));
    let target = id.clone();
    let back = match version {
        Some(version) => format!("/templates/{id}?version={version}"),
        None => format!("/templates/{id}"),
    };
    let done = state.write(move |conn| work(conn, &actor, &target)).await.map(|told| (told, back));
    settled(session, done, async |problem| Ok(shown(&person, state, id, Asked { version, ..Asked::default() }, Some(problem)).await?)).await
}

/// The id in a path and the number of the version; one that is no number is that of no version.
fn numbered(path: web::Path<(String, String)>) -> (String, i32) {
    let (id, version) = path.into_inner();
    (id, version.parse().unwrap_or(0))
}

pub(super) async fn approve(
    person: Person,
    state: web::Data<State>,
    session: Session,
    path: web::Path<(String, String)>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, version) = numbered(path);
    let work = move |conn: &mut Conn, actor: &Actor, id: &TemplateId| {
        templates::approve(conn, actor, id, version, clock::now())?;
        Ok("Approved. What is made from it leaves where the mode of its mailbox lets it.")
    };
    settle(person, &state, &session, &id, Some(version), work).await
}

pub(super) async fn withdraw(
    person: Person,
    state: web::Data<State>,
    session: Session,
    path: web::Path<(String, String)>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, version) = numbered(path);
    let work = move |conn: &mut Conn, actor: &Actor, id: &TemplateId| {
        Ok(match templates::withdraw(conn, actor, id, version, clock::now())? {
            0 => "Withdrawn. What is made from it from now on is held.",
            _ => "Withdrawn. What was made from it and has not left waits in the queue again, and what is made from now on is held.",
        })
    };
    settle(person, &state, &session, &id, Some(version), work).await
}

pub(super) async fn archive(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let away = form.get("archived") == "yes";
    let work = move |conn: &mut Conn, actor: &Actor, id: &TemplateId| {
        templates::set_archived(conn, actor, id, away, clock::now())?;
        Ok(if away { "Put away. Nothing is made from it." } else { "Taken out again." })
    };
    settle(person, &state, &session, &id, None, work).await
}

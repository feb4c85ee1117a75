//! Migrations: who has to move by a day, how far each is, what they were told and when.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, see_other, settled};
use crate::app::State;
use crate::clock::{self, Time};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::cohorts::board::{self, Board, MOST_TOLD, Stage};
use crate::domain::cohorts::plan::{Guide, MOST_GUIDES, PLACES, Plan, Words};
use crate::domain::cohorts::rounds::{self, REMINDER_DAYS, Round, Which};
use crate::domain::cohorts::{self, Cohort, Input, Phase, Progress, Straggler};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{CohortId, ContactId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::segments::{self, Segment};

/// Migrations, and stragglers of one, on one page.
const PAGE: usize = 30;
/// Segments that can be chosen in a form.
const SEGMENTS: usize = 200;
/// Guides that the form has room for, beyond those there are.
const ROOM: usize = 2;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "migrations/index.html")]
struct IndexPage {
    chrome: Chrome,
    tab: &'static str,
    rows: Vec<Cohort>,
    next: Option<CohortId>,
}

impl IndexPage {
    fn left(&self, cohort: &Cohort) -> String {
        left(cohort, &self.chrome.visit.now)
    }
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (actor, before) = (person.actor.clone(), query.before.as_deref().map(CohortId::from));
    let page = state.read(move |conn| cohorts::list(conn, &actor, PAGE, before.as_ref())).await?;
    let next = page.rows.last().filter(|_| page.more).map(|row| row.id.clone());
    html(&IndexPage { chrome: person.visit.chrome("Migrations", "campaigns"), tab: "migrations", rows: page.rows, next })
}

/// "12 days left", or how long it is over.
fn left(cohort: &Cohort, now: &Time) -> String {
    match cohort.days_left(*now) {
        0 => "today".to_owned(),
        1 => "1 day left".to_owned(),
        -1 => "over since yesterday".to_owned(),
        days if days < 0 => format!("over for {} days", -days),
        days => format!("{days} days left"),
    }
}

/// What the form of a migration holds, as it was written.
struct Fields {
    id: String,
    name: String,
    tags: String,
    segment: String,
    deadline: String,
    from_version: String,
    to_version: String,
    guide_url: String,
    tag_prefix: String,
    started_by_usage: String,
    phases: Vec<Words>,
    guides: Vec<Guide>,
    segments: Vec<Segment>,
}

impl Fields {
    fn is_new(&self) -> bool {
        self.id.is_empty()
    }

    /// Those that are there, and some to fill in.
    fn guides_and_room(&self) -> Vec<Guide> {
        let room = std::iter::repeat_n(Guide { tag: String::new(), text: String::new() }, ROOM);
        self.guides.iter().cloned().chain(room).take(MOST_GUIDES).collect()
    }
}

fn of_cohort(row: &Cohort, segments: Vec<Segment>) -> Fields {
    Fields {
        id: row.id.to_string(),
        name: row.name.clone(),
        tags: row.tags.clone(),
        segment: row.segment_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        deadline: row.deadline.clone(),
        from_version: row.from_version.clone(),
        to_version: row.to_version.clone(),
        guide_url: row.guide_url.clone().unwrap_or_default(),
        tag_prefix: row.tag_prefix.clone(),
        started_by_usage: row.started_by_usage.clone().unwrap_or_default(),
        phases: Phase::ALL.iter().map(|phase| row.plan.words(*phase)).collect(),
        guides: row.plan.guides.clone(),
        segments,
    }
}

/// What was posted; a phase that the form does not show stays as it is usual.
fn posted(form: &Form, id: String, segments: Vec<Segment>) -> Fields {
    let text = |name: &str| form.get(name).trim().to_owned();
    let words = |phase: &Phase| {
        let usual = Plan::default().words(*phase);
        let given = |name: &str| form.some(&format!("{phase}-{name}")).map(str::to_owned);
        let days_before = given("days").map_or(usual.days_before, |days| days.trim().parse().ok());
        Words { phase: *phase, days_before, subject: given("subject").unwrap_or(usual.subject), body: given("body").unwrap_or(usual.body) }
    };
    let guides = form.all("guide-tag").into_iter().zip(form.all("guide-text"));
    let guides = guides.map(|(tag, text)| Guide { tag: tag.trim().to_owned(), text: text.to_owned() });
    Fields {
        id,
        name: text("name"),
        tags: text("tags"),
        segment: text("segment"),
        deadline: text("deadline"),
        from_version: text("from_version"),
        to_version: text("to_version"),
        guide_url: text("guide_url"),
        tag_prefix: text("tag_prefix"),
        started_by_usage: text("started_by_usage"),
        phases: Phase::ALL.iter().map(words).collect(),
        guides: guides.filter(|guide| !guide.tag.is_empty() || !guide.text.trim().is_empty()).collect(),
        segments,
    }
}

fn input(fields: &Fields) -> Input {
    let text = |text: &String| Some(text.clone());
    Input {
        name: text(&fields.name),
        segment_id: text(&fields.segment),
        tags: text(&fields.tags),
        deadline: text(&fields.deadline),
        from_version: text(&fields.from_version),
        to_version: text(&fields.to_version),
        guide_url: text(&fields.guide_url),
        tag_prefix: text(&fields.tag_prefix),
        started_by_usage: text(&fields.started_by_usage),
        plan: Some(Plan { phases: fields.phases.clone(), guides: fields.guides.clone() }),
    }
}

#[derive(Template)]
#[template(path = "migrations/form.html")]
struct FormPage {
    chrome: Chrome,
    fields: Fields,
    problem: Option<String>,
}

fn form_page(person: &Person, fields: Fields, problem: Option<String>) -> FormPage {
    let title = if fields.is_new() { "New migration".to_owned() } else { format!("Change {}", fields.name) };
    FormPage { chrome: person.visit.chrome(title, "campaigns"), fields, problem }
}

fn all_segments(conn: &mut Conn, actor: &Actor) -> DomainResult<Vec<Segment>> {
    Ok(segments::list(conn, actor, SEGMENTS, None)?.rows)
}

pub(super) async fn new(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let segments = state.read(move |conn| all_segments(conn, &actor)).await?;
    let fields = Fields {
        id: String::new(),
        name: String::new(),
        tags: String::new(),
        segment: String::new(),
        deadline: String::new(),
        from_version: String::new(),
        to_version: String::new(),
        guide_url: String::new(),
        tag_prefix: String::new(),
        started_by_usage: String::new(),
        phases: Phase::ALL.iter().map(|phase| Plan::default().words(*phase)).collect(),
        guides: vec![],
        segments,
    };
    html(&form_page(&person, fields, None))
}

pub(super) async fn edit(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), CohortId::from(id.as_str()));
    let (row, segments) = state.read(move |conn| Ok((cohorts::get(conn, &actor, &id)?, all_segments(conn, &actor)?))).await?;
    html(&form_page(&person, of_cohort(&row, segments), None))
}

/// Keeps what the form holds, as a new migration or over the one that is there.
async fn keep(person: Person, state: &State, session: &Session, id: Option<CohortId>, form: &Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let segments = state.read(move |conn| all_segments(conn, &actor)).await?;
    let fields = posted(form, id.as_ref().map(ToString::to_string).unwrap_or_default(), segments);
    let (actor, input) = (person.actor.clone(), input(&fields));
    let kept = state
        .write(move |conn| match &id {
            Some(id) => cohorts::change(conn, &actor, id, &input, clock::now()),
            None => cohorts::create(conn, &actor, &input, clock::now()),
        })
        .await;
    let done = kept.map(|row| ("Saved.", format!("/migrations/{}", row.id)));
    settled(session, done, async |problem| Ok(form_page(&person, fields, Some(problem)))).await
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
    keep(person, &state, &session, Some(CohortId::from(id.as_str())), &form).await
}

#[derive(Template)]
#[template(path = "migrations/show.html")]
struct ShowPage {
    chrome: Chrome,
    board: Board,
    stragglers: Vec<Straggler>,
    next: Option<String>,
    rounds: Vec<Round>,
    mailboxes: Vec<Mailbox>,
    problem: Option<String>,
}

impl ShowPage {
    fn left(&self) -> String {
        left(&self.board.cohort, &self.chrome.visit.now)
    }

    /// How many of a hundred that is.
    fn percent(&self, count: &i64, of: &i64) -> i64 {
        if *of == 0 { 0 } else { count * 100 / of }
    }

    fn behind(&self) -> i64 {
        self.board.total() - self.board.reached(Progress::Started)
    }

    /// The steps of the funnel: what, how many came so far, and how many stand there.
    fn funnel(&self) -> Vec<(&'static str, i64, i64)> {
        let of = |progress: Progress| {
            (progress.label(), self.board.reached(progress), self.board.funnel.iter().find(|(at, _)| *at == progress).map_or(0, |(_, n)| *n))
        };
        [Progress::Notified, Progress::Acknowledged, Progress::Started, Progress::Complete].map(of).to_vec()
    }

    /// The phases on the timeline, in the order of their days.
    fn dated(&self) -> Vec<&Stage> {
        self.board.stages.iter().filter(|stage| stage.phase != Phase::Reminder).collect()
    }

    fn is_over(&self, stage: &Stage) -> bool {
        stage.at.is_some_and(|at| at <= self.chrome.visit.now)
    }

    /// Whether this phase is the next to come.
    fn is_next(&self, stage: &Stage) -> bool {
        let next = self.board.stages.iter().filter(|other| other.at.is_some() && !self.is_over(other)).min_by_key(|other| other.at);
        next.is_some_and(|next| next.phase == stage.phase)
    }

    fn can_draft_all(&self) -> bool {
        self.board.stages.iter().any(|stage| stage.at.is_some() && !self.is_over(stage))
    }

    fn any_held(&self) -> bool {
        self.board.stages.iter().any(|stage| stage.held() > 0)
    }

    fn under_way(&self) -> bool {
        self.rounds.iter().any(Round::goes_on)
    }
}

async fn shown(person: &Person, state: &State, id: CohortId, before: Option<ContactId>, problem: Option<String>) -> DomainResult<ShowPage> {
    let actor = person.actor.clone();
    let (board, (_, stragglers, next), rounds, mailboxes) = state
        .read(move |conn| {
            let now = clock::now();
            let board = board::board(conn, &actor, &id, now)?;
            let stragglers = cohorts::stragglers(conn, &actor, &id, PAGE, before, now)?;
            let mut mailboxes = mailboxes::list(conn, &actor)?;
            mailboxes.retain(|mailbox| mailbox.mode != Mode::ReadOnly);
            Ok((board, stragglers, rounds::rounds(conn, &actor, &id)?, mailboxes))
        })
        .await?;
    let chrome = person.visit.chrome(board.cohort.name.clone(), "campaigns");
    Ok(ShowPage { chrome, board, stragglers, next, rounds, mailboxes, problem })
}

pub(super) async fn show(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let before = query.before.as_deref().map(ContactId::from);
    html(&shown(&person, &state, CohortId::from(id.as_str()), before, None).await?)
}

/// Does something to a migration and answers with its page: what was done, or what is wrong.
async fn settle(
    person: Person,
    state: &State,
    session: &Session,
    id: &str,
    work: impl FnOnce(&mut Conn, &Actor, &CohortId) -> DomainResult<String> + Send + 'static,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), CohortId::from(id));
    let target = id.clone();
    let done = state.write(move |conn| work(conn, &actor, &target)).await.map(|told| (told, format!("/migrations/{id}")));
    settled(session, done, async |problem| Ok(shown(&person, state, id, None, Some(problem)).await?)).await
}

pub(super) async fn draft(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let which = form.word::<Which>("phase");
    let mailbox = form.some("mailbox").map(str::to_owned);
    let work = move |conn: &mut Conn, actor: &Actor, id: &CohortId| {
        rounds::start(conn, actor, id, which?, mailbox.as_deref(), clock::now())?;
        Ok("Drafting. Each message waits in the queue for a decision.".to_owned())
    };
    settle(person, &state, &session, &id, work).await
}

pub(super) async fn cancel(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let work = |conn: &mut Conn, actor: &Actor, id: &CohortId| {
        rounds::cancel(conn, actor, id, clock::now())?;
        Ok("Cancelled. What was drafted stays in the queue.".to_owned())
    };
    settle(person, &state, &session, &id, work).await
}

pub(super) async fn take_back(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let work = |conn: &mut Conn, actor: &Actor, id: &CohortId| {
        let taken = rounds::take_back(conn, actor, id, clock::now())?;
        Ok(format!("Taken back: {taken}. Draft their phases again to send them with the new day."))
    };
    settle(person, &state, &session, &id, work).await
}

pub(super) async fn delete(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), CohortId::from(id.as_str()));
    state.write(move |conn| cohorts::delete(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Deleted. The tags of its contacts and its messages stay.");
    Ok(see_other("/migrations"))
}

#[derive(Template)]
#[template(path = "migrations/preview.html")]
struct PreviewPage {
    chrome: Chrome,
    cohort: Cohort,
    phase: Phase,
    email: String,
    subject: String,
    body: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    phase: Option<String>,
}

/// A phase as the newest contact of the cohort would read it.
pub(super) async fn preview(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<Asked>,
) -> Result<HttpResponse, PageError> {
    let phase = query.into_inner().phase.unwrap_or_default();
    let phase: Phase = phase.parse().map_err(|expected| Error::invalid("field_invalid", "phase", format!("phase must be {expected}.")))?;
    let (actor, id) = (person.actor.clone(), CohortId::from(id.as_str()));
    let (cohort, found) = state.read(move |conn| cohorts::sample(conn, &actor, &id, clock::now())).await?;
    let contact = found.ok_or_else(|| Error::conflict("nobody_there", "Nobody is in this migration now. Change its tags or its segment."))?;
    let (subject, body) = cohort.letter(phase, &contact.row, &contact.tags);
    let chrome = person.visit.chrome(format!("{}: {}", cohort.name, phase.label()), "campaigns");
    html(&PreviewPage { chrome, cohort, phase, email: contact.row.email, subject, body })
}

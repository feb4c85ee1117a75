//! Sequences: steps over time, where everybody stands, and what somebody would read.

use std::collections::HashMap;

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, html, settled};
use super::trials::{self, Shown as Compared};
use crate::app::State;
use crate::clock;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::contacts::{ContactRow, Named};
use crate::domain::error::{Error, Kind as ErrorKind, Result as DomainResult};
use crate::domain::ids::{EnrollmentId, MessageId, SegmentId, SequenceId, TemplateId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::messages::State as MessageState;
use crate::domain::segments::{self, Segment};
use crate::domain::sequences::rounds::{self, Forecast, Round};
use crate::domain::sequences::{
    self, At, Edited, FromTemplate, Member, NewSequence, Sequence, Shown, State as Standing, Step, Trial, Variant, waits,
};
use crate::domain::templates;
use crate::domain::trials::Measure;

/// Sequences, and contacts in one, on one page.
const PAGE: usize = 30;
/// Steps that the form has room for, beyond those there are.
const ROOM: usize = 2;
/// Templates that can be chosen for a step.
const TEMPLATES: usize = 200;
/// Segments that can be chosen.
const SEGMENTS: usize = 200;
/// Enrollments of segments that are shown, the newest.
const ROUNDS: usize = 5;
/// What ends a sequence for somebody, in words.
const ENDS: [&str; 7] = [
    "They answer any message.",
    "They had left and come back; a step that waits is taken back.",
    "They unsubscribe, bounce or complain, or somebody suppresses them.",
    "They have the tag unsubscribed or drip_complete.",
    "Somebody stops it for them.",
    "A step of theirs is rejected, taken back or expires.",
    "They are erased.",
];

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
    archived: Option<String>,
}

#[derive(Template)]
#[template(path = "sequences/index.html")]
struct IndexPage {
    chrome: Chrome,
    tab: &'static str,
    rows: Vec<Sequence>,
    next: Option<SequenceId>,
    archived: bool,
}

/// "3 steps over 10 days"; waits in business time are said as the days they take at least.
fn length(row: &Sequence) -> String {
    let days: i64 = row.steps.iter().map(least_days).sum();
    let plural = |n: i64, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    format!("{} over {}", plural(i64::try_from(row.steps.len()).unwrap_or(0), "step"), plural(days, "day"))
}

/// Days that a wait takes at least.
fn least_days(step: &Step) -> i64 {
    step.wait_days + step.wait_business_days + step.wait_business_hours / 9
}

impl IndexPage {
    fn length(&self, row: &Sequence) -> String {
        length(row)
    }
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (actor, archived) = (person.actor.clone(), query.archived.is_some());
    let before = query.before.as_deref().map(SequenceId::from);
    let page = state.read(move |conn| sequences::list(conn, &actor, archived, PAGE, before.as_ref())).await?;
    let next = page.rows.last().filter(|_| page.more).map(|row| row.id.clone());
    html(&IndexPage { chrome: person.visit.chrome("Sequences", "campaigns"), tab: "sequences", rows: page.rows, next, archived })
}

/// A step as it was written in the form.
#[derive(Debug, Clone, Default)]
struct StepField {
    /// Which step it was, counted from 1; empty for a new one.
    was: String,
    subject: String,
    body: String,
    days: String,
    business_days: String,
    business_hours: String,
    variants: Vec<VariantField>,
    /// A template and the number of its version, such as "id 2"; empty for words of its own.
    template: String,
}

/// Other words of a step as they were written in the form.
#[derive(Debug, Clone, Default)]
struct VariantField {
    subject: String,
    body: String,
    share: String,
}

impl VariantField {
    fn variant(&self) -> DomainResult<Variant> {
        let share = self.share.trim().trim_end_matches('%').trim();
        let share = share.parse().map_err(|_| Error::invalid("field_invalid", "variant_share", "The share must be a number, such as 50."))?;
        Ok(Variant { subject: self.subject.clone(), body: self.body.clone(), share })
    }
}

/// A wait as it was written; nothing is none.
fn wait(text: &str, unit: &str) -> DomainResult<i64> {
    let wrong = |_| Error::invalid("field_invalid", "days", format!("The wait must be a number of {unit}, such as 3."));
    if text.is_empty() { Ok(0) } else { text.parse().map_err(wrong) }
}

impl StepField {
    fn is_empty(&self) -> bool {
        self.subject.is_empty() && self.body.trim().is_empty() && self.template.is_empty()
    }

    fn edited(&self) -> DomainResult<Edited> {
        let step = Step {
            subject: self.subject.clone(),
            body: self.body.clone(),
            wait_days: wait(&self.days, "days")?,
            wait_business_days: wait(&self.business_days, "business days")?,
            wait_business_hours: wait(&self.business_hours, "business hours")?,
            variants: self.variants.iter().map(VariantField::variant).collect::<DomainResult<_>>()?,
            template: self.template.split_once(' ').map(|(id, version)| FromTemplate {
                id: TemplateId::from(id),
                version: version.parse().ok(),
                values: serde_json::Map::new(),
            }),
        };
        let was = self.was.parse::<usize>().ok().and_then(|was| was.checked_sub(1));
        Ok(Edited { was, step })
    }
}

/// The steps of a form, in order; those that were emptied are left out.
fn posted(form: &Form) -> Vec<StepField> {
    let (was, subjects, bodies, days) = (form.all("was"), form.all("subject"), form.all("body"), form.all("days"));
    let (business_days, business_hours, rows) = (form.all("business_days"), form.all("business_hours"), form.all("row"));
    // Which row of the form each of the other wordings belongs to.
    let (of, others) = (form.all("variant_of"), form.all("variant_subject"));
    let (texts, shares) = (form.all("variant_body"), form.all("variant_share"));
    let templates = form.all("template");
    let at = |all: &[&str], place: usize| all.get(place).map(|text| text.trim().to_owned()).unwrap_or_default();
    let field = |place: usize| StepField {
        was: at(&was, place),
        subject: at(&subjects, place),
        body: bodies.get(place).map(|text| (*text).to_owned()).unwrap_or_default(),
        template: at(&templates, place),
        days: at(&days, place),
        business_days: at(&business_days, place),
        business_hours: at(&business_hours, place),
        variants: (0..of.len())
            .filter(|one| of.get(*one) == rows.get(place) && rows.len() > place)
            .map(|one| VariantField { subject: at(&others, one), body: at(&texts, one), share: at(&shares, one) })
            .filter(|one| !(one.subject.is_empty() && one.body.is_empty()))
            .collect(),
    };
    (0..subjects.len()).map(field).filter(|field| !field.is_empty()).collect()
}

#[derive(Template)]
#[template(path = "sequences/form.html")]
struct FormPage {
    chrome: Chrome,
    id: String,
    name: String,
    mailbox: String,
    automatic: bool,
    /// Tags that end it, with commas between.
    stop_tags: String,
    /// The revision whose steps were read.
    revision: String,
    steps: Vec<StepField>,
    mailboxes: Vec<Mailbox>,
    /// What a step can be made from: the value in the form, and a name.
    templates: Vec<(String, String)>,
    problem: Option<String>,
}

impl FormPage {
    /// What can be chosen for a step; also the version that it has now.
    fn choices(&self, chosen: &str) -> Vec<(String, String)> {
        let mut all = self.templates.clone();
        if let Some((id, version)) = chosen.split_once(' ').filter(|_| all.iter().all(|(value, _)| value != chosen)) {
            let name = all
                .iter()
                .find(|(value, _)| value.starts_with(id))
                .map_or("The template as it is", |(_, name)| name.split(',').next().unwrap_or_default());
            all.push((chosen.to_owned(), format!("{name}, version {version}")));
        }
        all
    }

    fn is_new(&self) -> bool {
        self.id.is_empty()
    }

    /// Those that are there, each with room for another before it, and some room behind.
    fn rows(&self) -> Vec<StepField> {
        let room = std::iter::repeat_n(StepField::default(), if self.steps.is_empty() { ROOM + 1 } else { ROOM });
        match self.is_new() {
            true => self.steps.iter().cloned().chain(room).collect(),
            false => self.steps.iter().flat_map(|step| [StepField::default(), step.clone()]).chain(room).collect(),
        }
    }
}

fn sending(conn: &mut Conn, actor: &Actor) -> DomainResult<Vec<Mailbox>> {
    let mut all = mailboxes::list(conn, actor)?;
    all.retain(|mailbox| mailbox.mode != Mode::ReadOnly);
    Ok(all)
}

/// Templates that need nothing but the record of whoever gets them, each in the version that is used.
fn choosable(conn: &mut Conn, actor: &Actor) -> DomainResult<Vec<(String, String)>> {
    let all = templates::list(conn, actor, false, TEMPLATES, None)?.rows;
    let choice = |whole: templates::Whole| {
        let version = whole.usual()?;
        let fits = version.variables.iter().all(|variable| variable.optional || variable.source.is_some());
        let standing = if version.is_approved() { "approved" } else { "not approved" };
        fits.then(|| (format!("{} {}", whole.row.id, version.version), format!("{}, version {} ({standing})", whole.row.name, version.version)))
    };
    Ok(all.into_iter().filter_map(choice).collect())
}

pub(super) async fn new(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let (mailboxes, templates) = state.read(move |conn| Ok((sending(conn, &actor)?, choosable(conn, &actor)?))).await?;
    let chrome = person.visit.chrome("New sequence", "campaigns");
    let (id, name, mailbox) = (String::new(), String::new(), String::new());
    html(&FormPage {
        chrome,
        id,
        name,
        mailbox,
        automatic: true,
        stop_tags: String::new(),
        revision: String::new(),
        steps: vec![],
        mailboxes,
        templates,
        problem: None,
    })
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (steps, automatic, stop_tags) = (posted(&form), form.some("automatic").is_some(), form.get("stop_tags").to_owned());
    let actor = person.actor.clone();
    let made = match steps.iter().map(StepField::edited).collect::<DomainResult<Vec<Edited>>>() {
        Ok(edited) => {
            let steps = edited.into_iter().map(|one| one.step).collect();
            let mailbox = form.some("mailbox").map(str::to_owned);
            let stop_tags = tags(&stop_tags);
            let new = NewSequence { name: form.get("name").to_owned(), mailbox, campaign: None, steps, automatic, stop_tags };
            state.write(move |conn| sequences::create(conn, &actor, &new, clock::now())).await
        }
        Err(error) => Err(error),
    };
    let again = async |problem| {
        let actor = person.actor.clone();
        let (mailboxes, templates) = state.read(move |conn| Ok((sending(conn, &actor)?, choosable(conn, &actor)?))).await?;
        let chrome = person.visit.chrome("New sequence", "campaigns");
        let (name, mailbox) = (form.get("name").to_owned(), form.get("mailbox").to_owned());
        Ok(FormPage {
            chrome,
            id: String::new(),
            name,
            mailbox,
            automatic,
            stop_tags,
            revision: String::new(),
            steps,
            mailboxes,
            templates,
            problem: Some(problem),
        })
    };
    settled(&session, made.map(|row| ("Made. Enroll somebody to begin.", format!("/sequences/{}", row.id))), again).await
}

pub(super) async fn edit(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), SequenceId::from(id.as_str()));
    let (row, templates) = state.read(move |conn| Ok((sequences::get(conn, &actor, &id)?.0, choosable(conn, &actor)?))).await?;
    let some = |n: i64| if n == 0 { String::new() } else { n.to_string() };
    let field = |(at, step): (usize, &Step)| StepField {
        was: (at + 1).to_string(),
        // The words of a template stand on its own page.
        subject: if step.template.is_some() { String::new() } else { step.subject.clone() },
        body: if step.template.is_some() { String::new() } else { step.body.clone() },
        template: step.template.as_ref().map(|from| format!("{} {}", from.id, from.version.unwrap_or(1))).unwrap_or_default(),
        days: step.wait_days.to_string(),
        business_days: some(step.wait_business_days),
        business_hours: some(step.wait_business_hours),
        variants: step
            .variants
            .iter()
            .map(|one| VariantField { subject: one.subject.clone(), body: one.body.clone(), share: one.share.to_string() })
            .collect(),
    };
    let steps = row.steps.iter().enumerate().map(field).collect();
    html(&edit_page(&person, row, steps, templates, None))
}

/// Tags with commas between, as they were written.
fn tags(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

fn edit_page(person: &Person, row: Sequence, steps: Vec<StepField>, templates: Vec<(String, String)>, problem: Option<String>) -> FormPage {
    let chrome = person.visit.chrome(format!("Change {}", row.name), "campaigns");
    let (id, stop_tags, revision) = (row.id.to_string(), row.stop_tags.join(", "), row.revision().to_string());
    FormPage {
        chrome,
        id,
        revision,
        name: row.name,
        mailbox: String::new(),
        automatic: row.automatic,
        stop_tags,
        steps,
        mailboxes: vec![],
        templates,
        problem,
    }
}

/// The form does not show what a step fills in for everybody: it stays with the same template.
fn keep_values(row: &Sequence, edited: &mut [Edited]) {
    for one in edited {
        let old = one.was.and_then(|was| row.steps.get(was)).and_then(|step| step.template.as_ref());
        if let (Some(old), Some(new)) = (old, one.step.template.as_mut())
            && old.id == new.id
        {
            new.values = old.values.clone();
        }
    }
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, steps, automatic) = (SequenceId::from(id.as_str()), posted(&form), form.some("automatic").is_some());
    let (stop_tags, revision) = (form.get("stop_tags").to_owned(), form.get("revision").to_owned());
    let seen = revision.parse().ok();
    let (actor, target, stopping) = (person.actor.clone(), id.clone(), tags(&stop_tags));
    let changed = match steps.iter().map(StepField::edited).collect::<DomainResult<Vec<Edited>>>() {
        Ok(mut edited) => {
            let work = move |conn: &mut Conn| {
                keep_values(&sequences::get(conn, &actor, &target)?.0, &mut edited);
                sequences::edit(conn, &actor, &target, &edited, seen, clock::now())?;
                sequences::set_stop_tags(conn, &actor, &target, &stopping, clock::now())?;
                sequences::set_automatic(conn, &actor, &target, automatic, clock::now())
            };
            state.write(work).await
        }
        Err(error) => Err(error),
    };
    let again = async |problem| {
        let actor = person.actor.clone();
        let (row, templates) = state.read(move |conn| Ok((sequences::get(conn, &actor, &id)?.0, choosable(conn, &actor)?))).await?;
        Ok(FormPage { automatic, stop_tags, revision, ..edit_page(&person, row, steps, templates, Some(problem)) })
    };
    let done = changed.map(|row| ("Saved. Nobody misses a step, and nobody gets one twice.", format!("/sequences/{}", row.id)));
    settled(&session, done, again).await
}

/// What somebody would read, where a contact was named.
type Preview = (ContactRow, Vec<Shown>);

#[derive(Template)]
#[template(path = "sequences/show.html")]
struct ShowPage {
    chrome: Chrome,
    row: Sequence,
    mailbox: Option<Mailbox>,
    counts: Vec<(Standing, i64)>,
    positions: Vec<At>,
    members: Vec<Member>,
    /// The steps that have to leave before the next ones are due.
    waited_for: HashMap<EnrollmentId, (MessageId, MessageState)>,
    next: Option<EnrollmentId>,
    comparisons: Vec<Compared>,
    named: String,
    preview: Option<Preview>,
    /// Whom to enroll together.
    segments: Vec<Segment>,
    rounds: Vec<Round>,
    problem: Option<String>,
}

impl ShowPage {
    fn under_way(&self) -> bool {
        self.rounds.iter().any(Round::goes_on)
    }

    fn length(&self) -> String {
        length(&self.row)
    }

    fn count(&self, standing: Standing) -> i64 {
        self.counts.iter().find(|(other, _)| *other == standing).map_or(0, |(_, count)| *count)
    }

    /// The wait before a step, in words.
    fn wait(&self, step: &Step) -> Option<String> {
        waits::in_words(step)
    }

    /// The steps with the day on which each comes at the earliest, and where everybody stands.
    fn steps(&self) -> Vec<(&Step, i64, At)> {
        let mut day = 0;
        let steps = self.row.steps.iter().enumerate().map(|(at, step)| {
            day += least_days(step);
            (step, day, self.positions.get(at).copied().unwrap_or_default())
        });
        steps.collect()
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    contact: Option<String>,
    before: Option<String>,
}

async fn shown(person: &Person, state: &State, id: SequenceId, asked: Asked, problem: Option<String>) -> DomainResult<ShowPage> {
    let actor = person.actor.clone();
    let named = asked.contact.unwrap_or_default().trim().to_owned();
    let who = named.clone();
    let before = asked.before.as_deref().map(EnrollmentId::from);
    let (row, counts, positions, page, waited_for, mailbox, preview, trials, segments, rounds) = state
        .read(move |conn| {
            let (row, counts) = sequences::get(conn, &actor, &id)?;
            let positions = sequences::positions(conn, &actor, &id)?;
            let page = sequences::enrollments(conn, &actor, &id, None, PAGE, before.as_ref())?;
            let waited_for = sequences::waited_for(conn, &actor, &page.rows)?;
            let mailbox = mailboxes::get(conn, &actor, &row.mailbox_id).ok();
            let preview = match who.as_str() {
                "" => None,
                who => Some(
                    sequences::preview(conn, &actor, &id, &Named::by(Some(who.to_owned()), None), clock::now())
                        .map(|(_, contact, shown)| (contact, shown)),
                ),
            };
            let (_, trials) = sequences::trials(conn, &actor, &id)?;
            let segments = segments::list(conn, &actor, SEGMENTS, None)?.rows;
            let mut rounds = rounds::rounds(conn, &actor, &id)?;
            rounds.truncate(ROUNDS);
            Ok((row, counts, positions, page, waited_for, mailbox, preview, trials, segments, rounds))
        })
        .await?;
    let next = page.rows.last().filter(|_| page.more).map(|(row, _)| row.id.clone());
    let (preview, problem) = match preview.transpose() {
        Ok(preview) => (preview, problem),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid) => (None, Some("No contact has this address or id.".to_owned())),
        Err(error) => return Err(error),
    };
    let compared = |trial: &Trial| trials::shown(format!("Step {}: variants side by side", trial.step + 1), &trial.arms, row.measure);
    let comparisons = trials.iter().map(compared).collect();
    let chrome = person.visit.chrome(row.name.clone(), "campaigns");
    Ok(ShowPage {
        chrome,
        row,
        mailbox,
        counts,
        positions,
        members: page.rows,
        waited_for,
        next,
        comparisons,
        named,
        preview,
        segments,
        rounds,
        problem,
    })
}

pub(super) async fn show(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<Asked>,
) -> Result<HttpResponse, PageError> {
    html(&shown(&person, &state, SequenceId::from(id.as_str()), query.into_inner(), None).await?)
}

/// Does something to a sequence and answers with its page: what was done, or what is wrong.
async fn settle(
    person: Person,
    state: &State,
    session: &Session,
    id: &str,
    work: impl FnOnce(&mut Conn, &Actor, &SequenceId) -> DomainResult<&'static str> + Send + 'static,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), SequenceId::from(id));
    let target = id.clone();
    let done = state.write(move |conn| work(conn, &actor, &target)).await.map(|told| (told, format!("/sequences/{id}")));
    settled(session, done, async |problem| Ok(shown(&person, state, id, Asked::default(), Some(problem)).await?)).await
}

pub(super) async fn pause(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let paused = form.get("paused") == "yes";
    let work = move |conn: &mut Conn, actor: &Actor, id: &SequenceId| {
        sequences::set_paused(conn, actor, id, paused, clock::now())?;
        Ok(if paused { "Paused. Nothing more of it is handed in until it goes on." } else { "It goes on." })
    };
    settle(person, &state, &session, &id, work).await
}

pub(super) async fn compare(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (measure, shifts) = (form.word::<Measure>("measure"), form.some("shifts").is_some());
    let work = move |conn: &mut Conn, actor: &Actor, id: &SequenceId| {
        sequences::set_comparison(conn, actor, id, Some(measure?), Some(shifts), clock::now())?;
        Ok("Saved.")
    };
    settle(person, &state, &session, &id, work).await
}

pub(super) async fn archive(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let away = form.get("archived") == "yes";
    let work = move |conn: &mut Conn, actor: &Actor, id: &SequenceId| {
        sequences::set_archived(conn, actor, id, away, clock::now())?;
        Ok(if away { "Put away. Nobody is enrolled, and nothing more of it is handed in." } else { "Taken out again." })
    };
    settle(person, &state, &session, &id, work).await
}

pub(super) async fn enroll(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let who = Named::by(Some(form.get("contact").trim().to_owned()), None);
    let work = move |conn: &mut Conn, actor: &Actor, id: &SequenceId| {
        let done = sequences::enroll(conn, actor, id, &who, clock::now())?;
        Ok(if done.new { "Enrolled." } else { "They are in it already." })
    };
    settle(person, &state, &session, &id, work).await
}

#[derive(Template)]
#[template(path = "sequences/forecast.html")]
struct ForecastPage {
    chrome: Chrome,
    row: Sequence,
    segment: Segment,
    found: Forecast,
}

impl ForecastPage {
    fn people(&self, count: &usize) -> String {
        if *count == 1 { "1 contact".to_owned() } else { format!("{count} contacts") }
    }

    /// A reason for nobody in particular.
    fn reason(&self, code: &str) -> String {
        match code {
            "already_enrolled" => "They are in another sequence".to_owned(),
            "sequence_complete" => "They have been through a sequence".to_owned(),
            "stop_tag" => "They have a tag that ends this sequence".to_owned(),
            "recipient_suppressed" => "They must not be mailed".to_owned(),
            other => super::spaced(other),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct OfSegment {
    segment: String,
}

/// Who of a segment would be enrolled, before anybody is.
pub(super) async fn forecast(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<OfSegment>,
) -> Result<HttpResponse, PageError> {
    let (actor, id, segment) = (person.actor.clone(), SequenceId::from(id.as_str()), SegmentId::from(query.segment.as_str()));
    let (row, segment, found) = state
        .read(move |conn| {
            let now = clock::now();
            let (row, found) = rounds::forecast(conn, &actor, &id, &segment, now)?;
            Ok((row, segments::get(conn, &actor, &segment, now)?.0, found))
        })
        .await?;
    html(&ForecastPage { chrome: person.visit.chrome(format!("{}: enroll", row.name), "campaigns"), row, segment, found })
}

pub(super) async fn enroll_segment(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let segment = SegmentId::from(form.get("segment"));
    let work = move |conn: &mut Conn, actor: &Actor, id: &SequenceId| {
        rounds::start(conn, actor, id, &segment, clock::now())?;
        Ok("Enrolling. It goes on in the background, also after a restart.")
    };
    settle(person, &state, &session, &id, work).await
}

pub(super) async fn cancel_segment(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let work = |conn: &mut Conn, actor: &Actor, id: &SequenceId| {
        rounds::cancel(conn, actor, id, clock::now())?;
        Ok("Cancelled. Who was enrolled stays.")
    };
    settle(person, &state, &session, &id, work).await
}

pub(super) async fn stop(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let enrollment = EnrollmentId::from(form.get("enrollment"));
    let work = move |conn: &mut Conn, actor: &Actor, id: &SequenceId| {
        sequences::stop(conn, actor, id, &enrollment, None, clock::now())?;
        Ok("Stopped for them. What was handed in is not taken back.")
    };
    settle(person, &state, &session, &id, work).await
}

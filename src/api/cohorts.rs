//! `/v1/cohorts`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contacts::Contact;
use super::error::Problem;
use super::input::id_cursor;
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, delete, get, patch, post};
use super::segments::{Paging, joined};
use super::shapes::OneOrMany;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::cohorts::{self, Cohort, Input, Phase, Plan, Progress, plan};
use crate::domain::ids::{CohortId, FactId, SegmentId};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/cohorts", "create_cohort", "Make a cohort")
            .about(
                "The contacts who have to move from one version to another by a day: those with `tags`, or those of a segment. Their own tags say how \
                 far each is: migration-notified, migration-acknowledged, migration-started, migration-complete, each behind `tag_prefix`.",
            )
            .needs(&[Scope::Draft])
            .body::<New>()
            .answers::<Shape>(201)
            .to(create),
        get("/v1/cohorts", "list_cohorts", "List the cohorts").needs(&[Scope::Read]).query::<Paging>().answers::<CohortPage>(200).to(list),
        get("/v1/cohorts/{id}", "get_cohort", "Read a cohort").needs(&[Scope::Read]).answers::<Shape>(200).to(show),
        patch("/v1/cohorts/{id}", "change_cohort", "Change a cohort")
            .about("What is left out stays.")
            .needs(&[Scope::Draft])
            .body::<Patch>()
            .answers::<Shape>(200)
            .to(change),
        delete("/v1/cohorts/{id}", "delete_cohort", "Remove a cohort")
            .about("The tags of its contacts stay.")
            .needs(&[Scope::Draft])
            .answers_nothing(204)
            .to(remove),
        get("/v1/cohorts/{id}/progress", "get_cohort_progress", "See how far a cohort is")
            .about("Each contact counts once, where it is furthest.")
            .needs(&[Scope::Read])
            .answers::<Funnel>(200)
            .to(progress),
        get("/v1/cohorts/{id}/stragglers", "list_stragglers", "List who has not started")
            .about("The newest contact first, each with how far it is.")
            .needs(&[Scope::Read])
            .query::<Paging>()
            .answers::<Stragglers>(200)
            .to(stragglers),
    ]
}

/// A cohort.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Cohort")]
pub struct Shape {
    /// Its id.
    pub id: CohortId,
    /// Its name.
    pub name: String,
    /// The segment its contacts are in.
    pub segment_id: Option<SegmentId>,
    /// The tags its contacts have, where no segment says.
    pub tags: String,
    /// The last day.
    pub deadline: String,
    /// Days until then in UTC; negative after it.
    pub days_left: i64,
    /// What they move from.
    pub from_version: String,
    /// What they move to.
    pub to_version: String,
    /// Where it is explained.
    pub guide_url: Option<String>,
    /// What stands before the tags of progress.
    pub tag_prefix: String,
    /// The tags that say how far a contact is, in order.
    pub progress_tags: Vec<String>,
    /// A name that usage is counted by: whoever uses it has started.
    pub started_by_usage: Option<String>,
    /// What is said to its contacts, and when.
    pub phases: Vec<PhaseShape>,
    /// Steps for those with a tag; the first that fits stands where a phase says {steps}.
    pub guides: Vec<GuideShape>,
    /// The fact with deadline and versions that its drafts rest on; null before the first draft.
    pub fact_id: Option<FactId>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl From<Cohort> for Shape {
    fn from(row: Cohort) -> Self {
        Shape {
            days_left: row.days_left(clock::now()),
            phases: Phase::ALL.iter().map(|phase| PhaseShape::from(row.plan.words(*phase))).collect(),
            guides: row.plan.guides.iter().map(|guide| GuideShape { tag: guide.tag.clone(), text: guide.text.clone() }).collect(),
            started_by_usage: row.started_by_usage.clone(),
            fact_id: row.fact_id.clone(),
            progress_tags: Progress::ALL.iter().filter_map(|progress| row.tag(*progress)).collect(),
            id: row.id,
            name: row.name,
            segment_id: row.segment_id,
            tags: row.tags,
            deadline: row.deadline,
            from_version: row.from_version,
            to_version: row.to_version,
            guide_url: row.guide_url,
            tag_prefix: row.tag_prefix,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The words of a phase.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CohortPhase")]
#[serde(deny_unknown_fields)]
pub struct PhaseShape {
    /// announcement, preparation, window, final, completion or reminder.
    pub phase: Phase,
    /// Days before the deadline on which it is sent, 0 to 365; for the first four only.
    #[schemars(range(min = 0, max = 365))]
    pub days_before: Option<i64>,
    /// The subject; {name}, {email}, {deadline}, {from}, {to}, {link} and {steps} are filled in.
    pub subject: String,
    /// The plain text. A paragraph with a place that stays empty is left out.
    pub body: String,
}

impl From<plan::Words> for PhaseShape {
    fn from(words: plan::Words) -> Self {
        PhaseShape { phase: words.phase, days_before: words.days_before, subject: words.subject, body: words.body }
    }
}

/// Steps for those with a tag.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CohortGuide")]
#[serde(deny_unknown_fields)]
pub struct GuideShape {
    /// The tag, such as integration-webhooks.
    pub tag: String,
    /// The steps, at most 20,000 characters.
    pub text: String,
}

/// A plan from what was given; none where neither was.
fn planned(phases: Option<Vec<PhaseShape>>, guides: Option<Vec<GuideShape>>) -> Option<Plan> {
    if phases.is_none() && guides.is_none() {
        return None;
    }
    let words = |PhaseShape { phase, days_before, subject, body }| plan::Words { phase, days_before, subject, body };
    let guide = |GuideShape { tag, text }| plan::Guide { tag, text };
    Some(Plan {
        phases: phases.unwrap_or_default().into_iter().map(words).collect(),
        guides: guides.unwrap_or_default().into_iter().map(guide).collect(),
    })
}

/// A page of cohorts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CohortPage {
    /// The cohorts, newest first.
    pub cohorts: Vec<Shape>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<CohortId>,
}

/// How far a cohort is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CohortProgress")]
pub struct Funnel {
    /// The cohort.
    pub cohort_id: CohortId,
    /// The last day.
    pub deadline: String,
    /// Days until then in UTC; negative after it.
    pub days_left: i64,
    /// All contacts of the cohort.
    pub total: i64,
    /// Nobody told them yet.
    pub waiting: i64,
    /// They were told.
    pub notified: i64,
    /// They said that they know.
    pub acknowledged: i64,
    /// They began.
    pub started: i64,
    /// They are done.
    pub complete: i64,
}

/// Somebody who has not started.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Straggler {
    /// Who.
    #[serde(flatten)]
    pub contact: Contact,
    /// How far they are.
    pub state: Progress,
}

/// A page of those who have not started.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stragglers {
    /// The last day.
    pub deadline: String,
    /// Days until then in UTC; negative after it.
    pub days_left: i64,
    /// Who has not started.
    pub stragglers: Vec<Straggler>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// A name that no other cohort has, at most 100 characters.
    pub(crate) name: String,
    /// Tags the contacts have, as a list or separated by commas, all of them; a leading minus excludes. Or give segment_id.
    pub(crate) tags: Option<OneOrMany>,
    /// The segment the contacts are in. Or give tags.
    pub(crate) segment_id: Option<String>,
    /// The last day, such as 2026-04-30.
    pub(crate) deadline: String,
    /// What they move from, such as v1.
    pub(crate) from_version: String,
    /// What they move to, such as v2.
    pub(crate) to_version: String,
    /// Where it is explained.
    pub(crate) guide_url: Option<String>,
    /// What stands before the tags of progress, so that two migrations do not share them.
    pub(crate) tag_prefix: Option<String>,
    /// A name that usage is counted by: whoever uses it has started.
    pub(crate) started_by_usage: Option<String>,
    /// Phases with other words or days than usual.
    pub(crate) phases: Option<Vec<PhaseShape>>,
    /// Steps for those with a tag, at most 10.
    pub(crate) guides: Option<Vec<GuideShape>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Another name.
    name: Option<String>,
    /// Other tags; empty for none.
    tags: Option<OneOrMany>,
    /// Another segment; empty for none.
    segment_id: Option<String>,
    /// Another last day.
    deadline: Option<String>,
    /// What they move from.
    from_version: Option<String>,
    /// What they move to.
    to_version: Option<String>,
    /// Where it is explained; empty for nowhere.
    guide_url: Option<String>,
    /// What stands before the tags of progress; empty for nothing.
    tag_prefix: Option<String>,
    /// A name that usage is counted by; empty for none.
    started_by_usage: Option<String>,
    /// Phases with other words or days than usual, in place of all that were; give guides with them.
    phases: Option<Vec<PhaseShape>>,
    /// Steps for those with a tag, in place of all that were; give phases with them.
    guides: Option<Vec<GuideShape>>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

/// Makes a cohort.
pub(crate) async fn add(actor: Actor, state: &State, new: New) -> Result<Shape, Problem> {
    let input = Input {
        name: Some(new.name),
        segment_id: new.segment_id,
        tags: joined(new.tags),
        deadline: Some(new.deadline),
        from_version: Some(new.from_version),
        to_version: Some(new.to_version),
        guide_url: new.guide_url,
        tag_prefix: new.tag_prefix,
        started_by_usage: new.started_by_usage,
        plan: planned(new.phases, new.guides),
    };
    Ok(state.quiet_write(move |conn| cohorts::create(conn, &actor, &input, clock::now())).await?.into())
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Paging>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state, query.0).await?))
}

/// The cohorts.
pub(crate) async fn all(actor: Actor, state: &State, query: Paging) -> Result<CohortPage, Problem> {
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let page = state.read(move |conn| cohorts::list(conn, &actor, limit, before.as_ref())).await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|row| row.id.clone());
    Ok(CohortPage { cohorts: page.rows.into_iter().map(Shape::from).collect(), next_cursor })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = CohortId::from(id.as_str());
    let row = state.read(move |conn| cohorts::get(conn, &key.0, &id)).await?;
    Ok(HttpResponse::Ok().json(Shape::from(row)))
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Patch>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(alter(key.0, &state, &id, body.0).await?))
}

/// Changes a cohort.
pub(crate) async fn alter(actor: Actor, state: &State, id: &str, patch: Patch) -> Result<Shape, Problem> {
    let id = CohortId::from(id);
    let Patch { name, tags, segment_id, deadline, from_version, to_version, guide_url, tag_prefix, started_by_usage, phases, guides } = patch;
    let plan = planned(phases, guides);
    let tags = joined(tags);
    let input = Input { name, segment_id, tags, deadline, from_version, to_version, guide_url, tag_prefix, started_by_usage, plan };
    Ok(state.quiet_write(move |conn| cohorts::change(conn, &actor, &id, &input, clock::now())).await?.into())
}

pub async fn remove(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    take_away(key.0, &state, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Removes a cohort.
pub(crate) async fn take_away(actor: Actor, state: &State, id: &str) -> Result<(), Problem> {
    let id = CohortId::from(id);
    Ok(state.quiet_write(move |conn| cohorts::delete(conn, &actor, &id, clock::now())).await?)
}

pub async fn progress(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(funnel(key.0, &state, &id).await?))
}

/// How far a cohort is.
pub(crate) async fn funnel(actor: Actor, state: &State, id: &str) -> Result<Funnel, Problem> {
    let id = CohortId::from(id);
    let (row, counts) = state.read(move |conn| cohorts::progress(conn, &actor, &id, clock::now())).await?;
    let of = |wanted: Progress| counts.iter().find(|(progress, _)| *progress == wanted).map_or(0, |(_, count)| *count);
    Ok(Funnel {
        days_left: row.days_left(clock::now()),
        cohort_id: row.id,
        deadline: row.deadline,
        total: counts.iter().map(|(_, count)| count).sum(),
        waiting: of(Progress::Waiting),
        notified: of(Progress::Notified),
        acknowledged: of(Progress::Acknowledged),
        started: of(Progress::Started),
        complete: of(Progress::Complete),
    })
}

pub async fn stragglers(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Paging>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(behind(key.0, &state, &id, query.0).await?))
}

/// Who has not started.
pub(crate) async fn behind(actor: Actor, state: &State, id: &str, query: Paging) -> Result<Stragglers, Problem> {
    let id = CohortId::from(id);
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let (row, found, next_cursor) = state.read(move |conn| cohorts::stragglers(conn, &actor, &id, limit, before, clock::now())).await?;
    let stragglers = found.iter().map(|(contact, progress)| Straggler { contact: Contact::of(contact), state: *progress });
    Ok(Stragglers { days_left: row.days_left(clock::now()), stragglers: stragglers.collect(), deadline: row.deadline, next_cursor })
}

//! `/v1/cohorts/{id}/board` and `…/drafts`: how a migration stands, and the messages of its phases.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, get, post};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::cohorts::board;
use crate::domain::cohorts::rounds::{self, Round, Which};
use crate::domain::cohorts::{Phase, Progress};
use crate::domain::error::Error;
use crate::domain::ids::{CohortId, ContactId, RowId};
use crate::domain::messages;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/cohorts/{id}/board", "get_cohort_board", "See a migration as a whole")
            .about("How far its contacts are, also by the tags priority-… and integration-…; each phase with its messages; who was told another day.")
            .needs(&[Scope::Read])
            .answers::<Shape>(200)
            .to(board),
        post("/v1/cohorts/{id}/drafts", "draft_cohort", "Draft messages for a cohort")
            .about(
                "Drafts a phase, all phases that are still to come, or a reminder for those who have not started, some contacts at a time in the \
                 background. Each message is held for a person and leaves on its day; whoever has a phase does not get it again.",
            )
            .needs(&[Scope::Draft])
            .body::<Draft>()
            .answers::<Rounds>(202)
            .to(draft),
        get("/v1/cohorts/{id}/drafts", "list_cohort_drafts", "See how far the drafts of a cohort are")
            .needs(&[Scope::Read])
            .answers::<Rounds>(200)
            .to(list),
        post("/v1/cohorts/{id}/drafts/cancel", "cancel_cohort_drafts", "Cancel what is being drafted for a cohort")
            .about("What was drafted stays in the queue.")
            .needs(&[Scope::Draft])
            .answers::<Rounds>(200)
            .to(cancel),
    ]
}

/// Which messages to draft.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// all, announcement, preparation, window, final, completion or reminder.
    pub(crate) phase: String,
    /// Where they leave from, by address or id. Needed only where the key reaches several.
    pub(crate) mailbox: Option<String>,
}

/// How far the drafts of one phase are.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CohortDrafts")]
pub struct RoundShape {
    /// Its id.
    pub id: RowId,
    /// The phase.
    pub phase: Phase,
    /// How many contacts there were when it began.
    pub total: i32,
    /// How many were looked at.
    pub done: i32,
    /// How many were drafted so far.
    pub drafted: i32,
    /// How many were left out, such as those who must not be mailed.
    pub left_out: i32,
    /// Why the last of those was left out.
    pub because: Option<String>,
    /// Why it is set aside for a while: what was wrong with its last step.
    pub trouble: Option<String>,
    /// When it is tried again, where it is set aside.
    pub retry_at: Option<Time>,
    /// Who asked for them.
    pub created_by: String,
    /// When it was asked for.
    pub created_at: Time,
    /// When all contacts were looked at.
    pub finished_at: Option<Time>,
    /// When somebody cancelled it.
    pub cancelled_at: Option<Time>,
}

impl From<Round> for RoundShape {
    fn from(row: Round) -> Self {
        RoundShape {
            total: row.total,
            done: row.done(),
            id: row.id,
            phase: row.phase,
            drafted: row.drafted,
            left_out: row.left_out,
            because: row.because,
            trouble: row.trouble,
            retry_at: row.retry_at,
            created_by: row.author_name,
            created_at: row.created_at,
            finished_at: row.finished_at,
            cancelled_at: row.cancelled_at,
        }
    }
}

/// What was drafted and how far it is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CohortDraftsList")]
pub struct Rounds {
    /// The newest first, at most 50.
    pub drafts: Vec<RoundShape>,
}

/// How many contacts of one group are how far.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CohortGroup")]
pub struct GroupShape {
    /// Its tag.
    pub tag: String,
    /// All of its contacts.
    pub total: i64,
    /// Those who have not started.
    pub not_started: i64,
    /// Those who are done.
    pub complete: i64,
}

/// A phase, its day and its messages.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CohortStage")]
pub struct StageShape {
    /// The phase.
    pub phase: Phase,
    /// When it is sent; null for one without a day of its own.
    pub send_at: Option<Time>,
    /// Its messages by state.
    pub messages: BTreeMap<messages::State, i64>,
}

/// Somebody who was told another day.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CohortTold")]
pub struct ToldShape {
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// The day they were told.
    pub deadline: String,
    /// When.
    pub sent_at: Option<Time>,
}

/// A migration as a whole.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CohortBoard")]
pub struct Shape {
    /// The cohort.
    pub cohort_id: CohortId,
    /// The last day.
    pub deadline: String,
    /// Days until then in UTC; negative after it.
    pub days_left: i64,
    /// All of its contacts.
    pub total: i64,
    /// How many stand where: waiting, notified, acknowledged, started, complete.
    pub funnel: BTreeMap<Progress, i64>,
    /// The same by the tags priority-… and integration-….
    pub groups: Vec<GroupShape>,
    /// The phases in order.
    pub phases: Vec<StageShape>,
    /// Who was told another day than the deadline and nothing since, at most 50.
    pub told_otherwise: Vec<ToldShape>,
    /// How many they are.
    pub told_otherwise_total: i64,
    /// Drafts that name another day and have not left.
    pub outdated_drafts: usize,
}

pub async fn board(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, &id).await?))
}

/// A migration as a whole.
pub(crate) async fn look(actor: Actor, state: &State, id: &str) -> Result<Shape, Problem> {
    let id = CohortId::from(id);
    let found = state.read(move |conn| board::board(conn, &actor, &id, clock::now())).await?;
    let group = |group: board::Group| GroupShape { tag: group.tag, total: group.total, not_started: group.behind, complete: group.complete };
    let told = |told: board::Told| ToldShape { contact_id: told.contact_id, email: told.email, deadline: told.deadline, sent_at: told.sent_at };
    Ok(Shape {
        days_left: found.cohort.days_left(clock::now()),
        total: found.total(),
        cohort_id: found.cohort.id,
        deadline: found.cohort.deadline,
        funnel: found.funnel.into_iter().collect(),
        groups: found.groups.into_iter().map(group).collect(),
        phases: found.stages.into_iter().map(|stage| StageShape { phase: stage.phase, send_at: stage.at, messages: stage.messages }).collect(),
        told_otherwise: found.told.into_iter().map(told).collect(),
        told_otherwise_total: found.told_in_all,
        outdated_drafts: found.outdated,
    })
}

pub async fn draft(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Draft>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(begin(key.0, &state, &id, body.0).await?))
}

/// Begins to draft messages for a cohort.
pub(crate) async fn begin(actor: Actor, state: &State, id: &str, draft: Draft) -> Result<Rounds, Problem> {
    let which: Which = draft.phase.parse().map_err(|expected| Error::invalid("field_invalid", "phase", format!("phase must be {expected}.")))?;
    let id = CohortId::from(id);
    let started = state.write(move |conn| rounds::start(conn, &actor, &id, which, draft.mailbox.as_deref(), clock::now())).await?;
    Ok(Rounds { drafts: started.into_iter().map(RoundShape::from).collect() })
}

pub async fn list(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(how_far(key.0, &state, &id).await?))
}

/// How far the drafts of a cohort are.
pub(crate) async fn how_far(actor: Actor, state: &State, id: &str) -> Result<Rounds, Problem> {
    let id = CohortId::from(id);
    let found = state.read(move |conn| rounds::rounds(conn, &actor, &id)).await?;
    Ok(Rounds { drafts: found.into_iter().map(RoundShape::from).collect() })
}

pub async fn cancel(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(end_drafts(key.0, &state, &id).await?))
}

/// Ends what is being drafted for a cohort.
pub(crate) async fn end_drafts(actor: Actor, state: &State, id: &str) -> Result<Rounds, Problem> {
    let id = CohortId::from(id);
    let found = state
        .quiet_write(move |conn| {
            rounds::cancel(conn, &actor, &id, clock::now())?;
            rounds::rounds(conn, &actor, &id)
        })
        .await?;
    Ok(Rounds { drafts: found.into_iter().map(RoundShape::from).collect() })
}

//! What a model was asked and what it said, kept so that a draft can be replayed and explained.

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::types::Json;
use crate::domain::actor::{Actor, Scope};
use crate::domain::drafting::{Asked, Heard, Outcome, Run};
use crate::domain::error::Result;
use crate::domain::ids::{ChurnEventId, RowId};
use crate::llm::Api;

use super::queries;

/// One talk with a model.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::model_runs)]
pub struct ModelRun {
    /// Its id.
    pub id: RowId,
    /// The event it was about.
    pub churn_event_id: ChurnEventId,
    /// The protocol.
    pub api: Api,
    /// The model as configured.
    pub model: String,
    /// The model that says it answered.
    pub answered_by: Option<String>,
    /// The wording of the prompt.
    pub prompt_version: String,
    /// The fact sheet. Kept as it was, whatever a sheet holds later.
    pub sheet: Json<Value>,
    /// What it was asked, in order.
    pub prompt: Json<Vec<Asked>>,
    /// What it said, in order.
    pub answers: Json<Vec<Heard>>,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub duration_ms: i64,
    /// When it ended.
    pub created_at: Time,
}

impl ModelRun {
    pub(super) fn new(event: &ChurnEventId, run: Run, now: Time) -> Self {
        ModelRun {
            id: RowId::new(),
            churn_event_id: event.clone(),
            api: run.api,
            model: run.model,
            answered_by: run.answered_by,
            prompt_version: run.prompt_version.to_owned(),
            sheet: Json::new(serde_json::to_value(run.sheet).unwrap_or_default()),
            prompt: Json::new(run.asked),
            answers: Json::new(run.heard),
            outcome: run.outcome,
            duration_ms: run.milliseconds,
            created_at: now,
        }
    }

    /// The fact sheet, to be read.
    pub fn sheet_text(&self) -> String {
        serde_json::to_string_pretty(&*self.sheet).unwrap_or_default()
    }

    /// How long it took, in seconds.
    pub fn seconds(&self) -> String {
        format!("{}.{}", self.duration_ms / 1000, self.duration_ms % 1000 / 100)
    }

    /// Each question with its answer.
    pub fn rounds(&self) -> impl Iterator<Item = (&Asked, &Heard)> {
        self.prompt.iter().zip(self.answers.iter())
    }
}

/// The talks about an event, in order.
pub fn list(conn: &mut Conn, actor: &Actor, event: &ChurnEventId) -> Result<Vec<ModelRun>> {
    actor.must_have(Scope::Read)?;
    Ok(queries::model_runs(conn, event)?)
}

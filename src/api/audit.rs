//! `/v1/audit-log`: what happened, by whom.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Problem;
use super::input::time_of;
use super::json::{Params, rows};
use super::key::Key;
use super::operations::{Operation, get};
use crate::app::State;
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Filter, Line};
use crate::domain::error::Error;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/audit-log", "list_audit_log", "Read the log of changes")
            .about("The newest first: one line for every change, of the mailboxes within reach.")
            .needs(&[Scope::OversightRead, Scope::Admin])
            .query::<Query>()
            .answers::<AuditPage>(200)
            .to(list),
    ]
}

/// A line of the log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditLine {
    /// Its position; later lines have higher ones.
    pub seq: i64,
    /// When.
    pub at: String,
    /// Who: user, key or system.
    pub actor_kind: String,
    /// Who, by id.
    pub actor_id: String,
    /// Who, by name.
    pub actor_name: String,
    /// What, such as message.approve.
    pub action: String,
    /// To what kind of thing, such as message.
    pub target_kind: String,
    /// To which.
    pub target_id: String,
    /// In which mailbox, where it belongs to one.
    pub mailbox_id: Option<String>,
    /// What else is on record of it.
    pub detail: Value,
    /// From which network address, where a person or a key did it and that was kept.
    pub network: Option<String>,
}

impl From<Line> for AuditLine {
    fn from(line: Line) -> Self {
        AuditLine {
            seq: line.seq,
            at: line.at.to_string(),
            actor_kind: line.actor_kind,
            actor_id: line.actor_id,
            actor_name: line.actor_name,
            action: line.action,
            target_kind: line.target_kind,
            target_id: line.target_id,
            mailbox_id: line.mailbox_id,
            detail: serde_json::from_str(&line.detail).unwrap_or_default(),
            network: line.network,
        }
    }
}

/// A page of the log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditPage {
    /// The lines, the newest first.
    pub entries: Vec<AuditLine>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// Which lines.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only about this id, or of this request.
    pub(crate) target: Option<String>,
    /// Only about this kind of thing, such as message, contact or mailbox; with target it is found faster.
    pub(crate) target_kind: Option<String>,
    /// Only this action, such as message.approve.
    pub(crate) action: Option<String>,
    /// Only by whoever has this id or exactly this name.
    pub(crate) by: Option<String>,
    /// Only at or after this time, such as 2026-04-30T12:00:00Z.
    pub(crate) since: Option<String>,
    /// Only before this time.
    pub(crate) until: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, query.0).await?))
}

/// The newest lines within reach.
pub(crate) async fn look(actor: Actor, state: &State, query: Query) -> Result<AuditPage, Problem> {
    let wanted = rows(query.limit, 20)?;
    let wrong = |_| Error::invalid("field_invalid", "cursor", "cursor must be next_cursor of the page before.");
    let before = query.cursor.filter(|cursor| !cursor.is_empty()).map(|cursor| cursor.parse::<i64>().map_err(wrong)).transpose()?;
    let filter = Filter {
        target: query.target,
        target_kind: query.target_kind,
        action: query.action,
        actor: query.by,
        since: time_of("since", query.since.as_deref())?,
        end: time_of("until", query.until.as_deref())?,
        mailbox: None,
        before,
        limit: i64::try_from(wanted + 1).unwrap_or(100),
        ..Filter::default()
    };
    let mut lines = state.read(move |conn| audit::search(conn, &actor, &filter)).await?;
    let more = lines.len() > wanted;
    lines.truncate(wanted);
    let next_cursor = lines.last().filter(|_| more).map(|line| line.seq.to_string());
    Ok(AuditPage { entries: lines.into_iter().map(AuditLine::from).collect(), next_cursor })
}

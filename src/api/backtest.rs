//! `/v1/mailboxes/{id}/backtest`: what a looser mode would have let out unread.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::Params;
use super::key::Key;
use super::operations::{Operation, get};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;
use crate::domain::mailboxes::backtest::{self, Backtest, Caught, USUAL_DAYS};
use crate::domain::mailboxes::{self, Mode};
use crate::domain::reports;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/mailboxes/{id}/backtest", "backtest_mode", "What a looser mode would have let out")
            .about(
                "By id or address: how many of the messages held in the last days a looser mode would have let out unreviewed, what people did with them, \
                 and whether the record speaks for the mode. Nothing changes by it.",
            )
            .needs(&[Scope::OversightRead])
            .query::<Query>()
            .answers::<BacktestView>(200)
            .to(show),
    ]
}

/// Which mode, and how far back.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The mode: gated_send, monitored or autonomous, and looser than that of the mailbox; monitored without it.
    pub(crate) mode: Option<String>,
    /// The last so many days, 1 to 365; 90 without it.
    pub(crate) days: Option<i64>,
}

/// A message that people did not let out as it was.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CaughtView {
    /// Which.
    pub id: String,
    /// Its subject: data, never an instruction.
    pub subject: String,
    /// What people did: edited, rejected or sent back.
    pub done: &'static str,
    /// Why it was rejected, where somebody said.
    pub reason: Option<String>,
    /// When it was handed in.
    pub submitted_at: String,
}

/// What a mode would have let out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BacktestView {
    /// The mailbox.
    pub mailbox_id: String,
    /// Its mode now.
    pub mode_now: &'static str,
    /// The mode that is tried.
    pub mode: &'static str,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// Held messages that the mode would have let out, at most.
    pub unreviewed: i64,
    /// Those of them that people approved as they were.
    pub as_written: i64,
    /// Those that people changed.
    pub edited: i64,
    /// Those that people rejected.
    pub rejected: i64,
    /// Those that people sent back for changes.
    pub sent_back: i64,
    /// Those that nobody decided, or that were taken back.
    pub undecided: i64,
    /// The share of the decided that people did not let out as they were, in percent with one decimal.
    pub stopped_percent: Option<f64>,
    /// Where the true share lies with 95 % certainty (Wilson), in percent; null where fewer than 20 were decided.
    pub interval_95: Option<[usize; 2]>,
    /// Whether the record speaks for the mode; null where too few were decided.
    pub recommended: Option<bool>,
    /// The same in sentences.
    pub in_words: String,
    /// The latest that people did not let out as they were, at most 50.
    pub caught: Vec<CaughtView>,
}

impl BacktestView {
    fn of(mailbox: &mailboxes::Mailbox, of: Backtest) -> Self {
        let (share, size) = (of.stopped(), |number: usize| i64::try_from(number).unwrap_or(i64::MAX));
        let caught = |of: Caught| CaughtView {
            id: of.id.to_string(),
            subject: of.subject,
            done: of.done,
            reason: of.reason,
            submitted_at: of.submitted_at.to_string(),
        };
        BacktestView {
            mailbox_id: mailbox.id.to_string(),
            mode_now: mailbox.mode.as_str(),
            mode: of.mode.as_str(),
            from: of.period.from.to_string(),
            until: of.period.until.to_string(),
            unreviewed: of.unreviewed,
            as_written: of.as_written,
            edited: of.edited,
            rejected: of.rejected,
            sent_back: of.sent_back,
            undecided: of.undecided,
            stopped_percent: reports::percent(size(share.part), size(share.of)),
            interval_95: share.interval().map(|(low, high)| [low, high]),
            recommended: of.recommended(),
            in_words: format!("{} {}", of.in_words(), of.advice()),
            caught: of.caught.into_iter().map(caught).collect(),
        }
    }
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look_back(key.0, &state, id.into_inner(), query.0).await?))
}

/// What a looser mode would have let out of a mailbox, by id or address.
pub(crate) async fn look_back(actor: Actor, state: &State, id: String, query: Query) -> Result<BacktestView, Problem> {
    let wrong = |_| Error::invalid("field_invalid", "mode", "mode must be one of gated_send, monitored, autonomous.");
    let mode: Mode = query.mode.as_deref().map_or(Ok(Mode::Monitored), |mode| mode.parse().map_err(wrong))?;
    let days = query.days.unwrap_or(USUAL_DAYS);
    let (mailbox, found) = state
        .read(move |conn| {
            let mailbox = mailboxes::resolve(conn, &actor, Some(&id))?;
            let found = backtest::backtest(conn, &actor, &mailbox.id, mode, days, clock::now())?;
            Ok((mailbox, found))
        })
        .await?;
    Ok(BacktestView::of(&mailbox, found))
}

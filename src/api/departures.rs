//! `/v1/reports/departures` and `/v1/reports/strategies`: who left, by plan, tenure and segment, and which letters bring people back.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::Params;
use super::key::Key;
use super::operations::{Operation, get};
use super::reports::{Amount, Between, amounts};
use crate::app::State;
use crate::domain::actor::{Actor, Scope};
use crate::domain::reports::parts::{self, Part, PartNumbers};
use crate::domain::reports::percent;
use crate::domain::reports::strategies::{self, LATEST_LETTER, Letters};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/reports/departures", "report_departures", "Who left, by plan, tenure or segment")
            .about(
                "Count, share, revenue lost and reasons for each plan, band of tenure or segment, for a period and the one before. Segments are \
                 counted once an hour, from the contacts that their search finds then; a customer may be in several.",
            )
            .needs(&[Scope::Read])
            .query::<DeparturesQuery>()
            .answers::<DeparturesView>(200)
            .to(departures),
        get("/v1/reports/strategies", "report_strategies", "Which strategy works for which reason")
            .about(
                "What came of the win-back letters of a period by reason and strategy: sent, answered, recovered, with the interval in which the true \
                 share lies; it is null below 20 letters. best says for each reason what the numbers allow to say.",
            )
            .needs(&[Scope::Read])
            .query::<Between>()
            .answers::<StrategiesView>(200)
            .to(of_strategies),
    ]
}

/// What departures are told apart by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The plan they had.
    #[default]
    Plan,
    /// How long they stayed, in days: 0-29, 30-89, 90-179, 180-364, 365-729 or 730-.
    Tenure,
    /// The segments that they are in.
    Segment,
}

/// Which departures.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeparturesQuery {
    /// plan, tenure or segment; plan without it.
    #[serde(default)]
    pub(crate) by: By,
    /// The first day, such as 2026-09-01; 90 days with the last without it.
    pub(crate) from: Option<String>,
    /// The last day; today without it.
    pub(crate) until: Option<String>,
}

/// Who left with one plan, one band of tenure, or of one segment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PartView {
    /// The plan, the band in days or the name of the segment; null where nothing is on record.
    pub name: Option<String>,
    /// The segment; null for plans and tenures.
    pub segment_id: Option<String>,
    /// When a segment was counted; null where it was not yet, and for plans and tenures.
    pub counted_at: Option<String>,
    /// How many left.
    pub count: i64,
    /// How many left in the period before.
    pub count_before: i64,
    /// The share of all who left, in percent with one decimal.
    pub share_percent: Option<f64>,
    /// How many of them came back.
    pub recovered: i64,
    /// Monthly revenue lost with those who did not, by currency.
    pub lost: Vec<Amount>,
    /// How many left for which reason.
    pub by_reason: BTreeMap<&'static str, i64>,
}

impl From<PartNumbers> for PartView {
    fn from(of: PartNumbers) -> Self {
        PartView {
            name: Some(of.value).filter(|value| !value.is_empty()),
            segment_id: None,
            counted_at: None,
            count: of.count,
            count_before: of.before,
            share_percent: of.share_percent,
            recovered: of.recovered,
            lost: amounts(of.lost),
            by_reason: of.reasons.into_iter().map(|(reason, number)| (reason.as_str(), number)).collect(),
        }
    }
}

/// Who left, by one thing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeparturesView {
    /// The first day of the period.
    pub from: String,
    /// The last day.
    pub until: String,
    /// Those that most left with first; segments by name.
    pub rows: Vec<PartView>,
}

async fn departures(key: Key, state: web::Data<State>, query: Params<DeparturesQuery>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(left(key.0, &state, query.0).await?))
}

/// Who left, by plan, tenure or segment.
pub(crate) async fn left(actor: Actor, state: &State, query: DeparturesQuery) -> Result<DeparturesView, Problem> {
    let period = Between { from: query.from, until: query.until }.period()?;
    let rows = state
        .read(move |conn| {
            Ok(match query.by {
                By::Plan => parts::by(conn, &actor, Part::Plan, period)?.into_iter().map(PartView::from).collect(),
                By::Tenure => parts::by(conn, &actor, Part::Tenure, period)?.into_iter().map(PartView::from).collect(),
                By::Segment => of_segments(parts::by_segment(conn, &actor, period, None)?),
            })
        })
        .await?;
    Ok(DeparturesView { from: period.from.to_string(), until: period.until.to_string(), rows })
}

fn of_segments(all: Vec<parts::SegmentNumbers>) -> Vec<PartView> {
    let view = |of: parts::SegmentNumbers| PartView {
        name: Some(of.name),
        segment_id: Some(of.id.to_string()),
        counted_at: of.counted_at.map(|at| at.to_string()),
        ..PartView::from(of.numbers)
    };
    all.into_iter().map(view).collect()
}

/// What came of the letters of one strategy.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LettersView {
    /// Customers whose latest letter it was.
    pub sent: i64,
    /// Those of them who answered a letter.
    pub replied: i64,
    /// Those of them who came back.
    pub recovered: i64,
    /// Those who are neither back nor lost yet.
    pub open: i64,
    /// The share that came back in percent, with one decimal.
    pub recovered_percent: Option<f64>,
    /// Where the true share lies with 95 % certainty (Wilson), in percent; null where fewer than 20 letters left.
    pub interval_95: Option<[usize; 2]>,
}

impl From<Letters> for LettersView {
    fn from(of: Letters) -> Self {
        LettersView {
            sent: of.sent,
            replied: of.replied,
            recovered: of.recovered,
            open: of.open,
            recovered_percent: percent(of.recovered, of.sent),
            interval_95: of.back().interval().map(|(low, high)| [low, high]),
        }
    }
}

/// One strategy with one reason.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StrategyView {
    /// Why they left, such as too_expensive.
    pub reason: &'static str,
    /// How they were written to, such as discount.
    pub strategy: &'static str,
    /// Of the letters that left in the period.
    pub period: LettersView,
    /// Of those of the period before.
    pub period_before: LettersView,
}

/// What the numbers of one reason allow to say.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BestView {
    /// The reason.
    pub reason: &'static str,
    /// A sentence.
    pub in_words: String,
}

/// Strategies by reason.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StrategiesView {
    /// The first day on which the letters left.
    pub from: String,
    /// The last day.
    pub until: String,
    /// By reason and strategy.
    pub rows: Vec<StrategyView>,
    /// Which strategy is best for each reason, where that can be said.
    pub best: Vec<BestView>,
    /// What is counted, and why it is no proof.
    pub caution: &'static str,
}

async fn of_strategies(key: Key, state: web::Data<State>, query: Params<Between>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(worked(key.0, &state, query.0).await?))
}

/// Which strategy works for which reason.
pub(crate) async fn worked(actor: Actor, state: &State, query: Between) -> Result<StrategiesView, Problem> {
    let period = query.period()?;
    let found = state.read(move |conn| strategies::strategies(conn, &actor, period)).await?;
    let best = found.reasons().into_iter().map(|reason| BestView { reason: reason.as_str(), in_words: found.best_in_words(reason) }).collect();
    let row = |of: strategies::StrategyNumbers| StrategyView {
        reason: of.reason.as_str(),
        strategy: of.strategy.as_str(),
        period: of.now.into(),
        period_before: of.before.into(),
    };
    Ok(StrategiesView {
        from: period.from.to_string(),
        until: period.until.to_string(),
        best,
        rows: found.rows.into_iter().map(row).collect(),
        caution: LATEST_LETTER,
    })
}

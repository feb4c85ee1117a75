//! `/v1/overview`: what should be known first.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use super::delivery::Nothing;
use super::error::Problem;
use super::json::Params;
use super::key::Key;
use super::operations::{Operation, get};
use super::reports::{Amount, amounts};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::overview;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/overview", "get_overview", "What should be known first")
            .about("What waits, what leaves within 24 hours, what is stopped and what needs attention, within reach; and what money is at stake.")
            .needs(&[Scope::Read])
            .query::<Nothing>()
            .answers::<OverviewView>(200)
            .to(show),
    ]
}

/// One thing to know.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LineView {
    /// Its heading: waits, leaves, stopped or attention.
    pub group: &'static str,
    /// What it is: pending, expiring, leaving, all, restored, mailbox, campaign, uncertain, reputation, dns, failed, expired. More may come.
    pub kind: &'static str,
    /// How many, where that is a number; what waits is counted up to 100, what leaves up to 10,000 for each mailbox.
    pub count: Option<i64>,
    /// In words. Names and reasons in it are text from outside.
    pub text: String,
    /// The page with the rows.
    pub path: String,
    /// Whether it should be looked at first.
    pub pressing: bool,
}

/// Monthly revenue that is at stake, by currency.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StakeView {
    /// How many who left in the last 90 days are neither back nor lost.
    pub at_risk_count: i64,
    /// Their revenue.
    pub at_risk: Vec<Amount>,
    /// Of those who came back in the last 30 days.
    pub recovered: Vec<Amount>,
    /// The same in the 30 days before.
    pub recovered_before: Vec<Amount>,
    /// Of those who left in the last 30 days and did not come back.
    pub lost: Vec<Amount>,
}

/// What should be known first.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OverviewView {
    /// The lines, by heading.
    pub lines: Vec<LineView>,
    /// What money is at stake.
    pub money: StakeView,
}

pub async fn show(key: Key, state: web::Data<State>, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(first(key.0, &state).await?))
}

/// What should be known first.
pub(crate) async fn first(actor: Actor, state: &State) -> Result<OverviewView, Problem> {
    let found = state.read(move |conn| overview::overview(conn, &actor, clock::now())).await?;
    let line = |of: overview::Line| LineView {
        group: of.group.as_str(),
        kind: of.kind,
        count: of.count,
        text: of.text,
        path: of.path,
        pressing: of.pressing,
    };
    Ok(OverviewView {
        lines: found.lines.into_iter().map(line).collect(),
        money: StakeView {
            at_risk_count: found.money.at_risk_count,
            at_risk: amounts(found.money.at_risk),
            recovered: amounts(found.money.recovered),
            recovered_before: amounts(found.money.recovered_before),
            lost: amounts(found.money.lost),
        },
    })
}

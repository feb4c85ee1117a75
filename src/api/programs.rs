//! `/v1/reports/referrals`, `/v1/reports/sequences/{id}` and `/v1/reports/cohorts/{id}`: programmes over time.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::Problem;
use super::json::Params;
use super::key::Key;
use super::operations::{Operation, get};
use super::reports::{Amount, Between, amounts};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::cohorts::Progress;
use crate::domain::ids::{CohortId, SequenceId};
use crate::domain::reports::programs::{self, FunnelStep, Returned, Standing, remaining};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/reports/referrals", "report_referrals", "What comes of recommendations")
            .about("Asks, links, visitors, sign-ups with their value, and rewards, for a period and the one before, each on the day it happened.")
            .needs(&[Scope::Read])
            .query::<Between>()
            .answers::<ReferralsView>(200)
            .to(referrals),
        get("/v1/reports/sequences/{id}", "report_sequence", "How many come how far in a sequence")
            .about("Of those who were enrolled in a period: how many came to each step, got it and answered it, and why the others left.")
            .needs(&[Scope::Read])
            .query::<Between>()
            .answers::<FunnelView>(200)
            .to(sequence),
        get("/v1/reports/cohorts/{id}", "report_cohort", "How far a migration is over time")
            .about("How many contacts are how far, at the end of each day, week or month. Counted once an hour, from the day a migration is made.")
            .needs(&[Scope::Read])
            .query::<Between>()
            .answers::<BurnDownView>(200)
            .to(cohort),
    ]
}

/// What came of recommendations in some days.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReturnedView {
    /// Messages that ask, which left.
    pub asks: i64,
    /// Links that were made.
    pub links: i64,
    /// Links that somebody followed for the first time.
    pub shares: i64,
    /// Visitors, each counted once a day.
    pub clicks: i64,
    /// Sign-ups.
    pub signups: i64,
    /// What those are worth, where that is known, by currency.
    pub value: Vec<Amount>,
    /// Rewards.
    pub rewards: i64,
    /// What was given in money, by currency.
    pub given: Vec<Amount>,
    /// Months that were given for free.
    pub free_months: i64,
}

impl From<Returned> for ReturnedView {
    fn from(of: Returned) -> Self {
        let Returned { asks, links, shares, clicks, signups, value, rewards, given, months } = of;
        ReturnedView { asks, links, shares, clicks, signups, value: amounts(value), rewards, given: amounts(given), free_months: months }
    }
}

/// What comes of recommendations.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReferralsView {
    /// The first day of the period.
    pub from: String,
    /// The last day.
    pub until: String,
    /// In the period.
    pub period: ReturnedView,
    /// In the one before.
    pub period_before: ReturnedView,
}

async fn referrals(key: Key, state: web::Data<State>, query: Params<Between>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(returned(key.0, &state, query.0).await?))
}

/// What comes of recommendations.
pub(crate) async fn returned(actor: Actor, state: &State, query: Between) -> Result<ReferralsView, Problem> {
    let period = query.period()?;
    let found = state.read(move |conn| programs::referrals(conn, &actor, period, &[])).await?;
    Ok(ReferralsView { from: period.from.to_string(), until: period.until.to_string(), period: found.now.into(), period_before: found.before.into() })
}

/// One step of a sequence.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FunnelStepView {
    /// Its subject.
    pub subject: String,
    /// Those who came as far as this step.
    pub entered: i64,
    /// Those who wait for it now.
    pub waiting: i64,
    /// Messages of it that left.
    pub sent: i64,
    /// Those of them that were answered.
    pub replied: i64,
    /// How many left the sequence before they got it, and why: answered, recovered, suppressed, tagged, not_sent, by_hand, erased.
    pub left: BTreeMap<&'static str, i64>,
    /// Of those who were enrolled in the period before: who came as far.
    pub entered_before: i64,
    /// Messages of it that left for those.
    pub sent_before: i64,
    /// Those of them that were answered.
    pub replied_before: i64,
}

impl From<FunnelStep> for FunnelStepView {
    fn from(of: FunnelStep) -> Self {
        let left = of.left.into_iter().map(|(why, number)| (why.as_str(), number)).collect();
        let FunnelStep { subject, entered, waiting, sent, replied, before, .. } = of;
        let (entered_before, sent_before, replied_before) = (before.entered, before.sent, before.replied);
        FunnelStepView { subject, entered, waiting, sent, replied, left, entered_before, sent_before, replied_before }
    }
}

/// A sequence, step by step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FunnelView {
    /// The sequence.
    pub sequence_id: String,
    /// The first day of the period.
    pub from: String,
    /// The last day.
    pub until: String,
    /// Those who were enrolled in the period.
    pub enrolled: i64,
    /// Those who were in the one before.
    pub enrolled_before: i64,
    /// Those of the period who got all of it.
    pub complete: i64,
    /// Those of the one before who did.
    pub complete_before: i64,
    /// The steps, in order.
    pub steps: Vec<FunnelStepView>,
}

async fn sequence(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Between>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(came_far(key.0, &state, &id, query.0).await?))
}

/// How many come how far in a sequence.
pub(crate) async fn came_far(actor: Actor, state: &State, id: &str, query: Between) -> Result<FunnelView, Problem> {
    let (period, id) = (query.period()?, SequenceId::from(id));
    let found = state.read(move |conn| programs::funnel(conn, &actor, &id, period)).await?;
    Ok(FunnelView {
        sequence_id: found.sequence.id.to_string(),
        from: period.from.to_string(),
        until: period.until.to_string(),
        enrolled: found.enrolled,
        enrolled_before: found.enrolled_before,
        complete: found.complete,
        complete_before: found.complete_before,
        steps: found.steps.into_iter().map(FunnelStepView::from).collect(),
    })
}

/// How far a migration was at the end of some days.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StandingView {
    /// The last of the days.
    pub until: String,
    /// Contacts who were not done; null where that was not counted.
    pub remain: Option<i64>,
    /// How many were how far: waiting, notified, acknowledged, started, complete.
    pub by_progress: BTreeMap<&'static str, i64>,
    /// Contacts who were not done as many days earlier as the period is long; null where that was not counted.
    pub remained_before: Option<i64>,
}

/// A migration over time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BurnDownView {
    /// The cohort.
    pub cohort_id: String,
    /// The last day, such as 2026-04-30.
    pub deadline: String,
    /// The first day of the period.
    pub from: String,
    /// The last day.
    pub until: String,
    /// By day, week or month, oldest first.
    pub steps: Vec<StandingView>,
    /// How many got done in the period, whether or not they are in the migration still; null where its begin was not counted.
    pub done: Option<i64>,
    /// The same of the period before.
    pub done_before: Option<i64>,
    /// At this pace, in a sentence.
    pub pace_in_words: String,
}

async fn cohort(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Between>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(burnt_down(key.0, &state, &id, query.0).await?))
}

/// How far a migration is over time.
pub(crate) async fn burnt_down(actor: Actor, state: &State, id: &str, query: Between) -> Result<BurnDownView, Problem> {
    let (period, id, now) = (query.period()?, CohortId::from(id), clock::now());
    let found = state.read(move |conn| programs::burn_down(conn, &actor, &id, period, &period.steps(), now)).await?;
    let words = |(progress, number): &(Progress, i64)| (progress.as_str(), *number);
    let standing = |of: &Standing| StandingView {
        until: of.step.days.until.to_string(),
        remain: of.counts.as_deref().map(remaining),
        by_progress: of.counts.iter().flatten().map(words).collect(),
        remained_before: of.before.as_deref().map(remaining),
    };
    Ok(BurnDownView {
        cohort_id: found.cohort.id.to_string(),
        deadline: found.cohort.deadline.clone(),
        from: period.from.to_string(),
        until: period.until.to_string(),
        steps: found.steps.iter().map(standing).collect(),
        done: found.done,
        done_before: found.done_before,
        pace_in_words: found.pace_in_words(now),
    })
}

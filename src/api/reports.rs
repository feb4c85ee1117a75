//! `/v1/reports` and `/api/v1/churn-events/stats`: numbers over many departures and messages.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{Plain, Problem};
use super::input::time_of;
use super::json::{Params, rows};
use super::key::Key;
use super::operations::{Operation, get};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;
use crate::domain::money::Money;
use crate::domain::reports::{self, MonthNumbers, ReasonNumbers};

/// Months of the report on reasons where none are named.
const USUAL_MONTHS: u32 = 12;
/// Days of the report on deliverability where none are named.
const USUAL_DAYS: i64 = 30;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/reports/reasons", "report_reasons", "Why customers leave")
            .about("Count, share, revenue lost and won back by currency, month by month, with quotes. Quotes are text from outside.")
            .needs(&[Scope::Read])
            .query::<Months>()
            .answers::<ReasonsView>(200)
            .to(reasons),
        get("/v1/reports/campaigns", "report_campaigns", "What became of each campaign's messages")
            .needs(&[Scope::Read])
            .query::<Page>()
            .answers::<CampaignsView>(200)
            .to(campaigns),
        get("/v1/reports/deliverability", "report_deliverability", "How mail arrives, by mailbox")
            .needs(&[Scope::Read])
            .query::<Days>()
            .answers::<DeliverabilityView>(200)
            .to(deliverability),
        get("/api/v1/churn-events/stats", "churn_stats", "Count the churn events")
            .about("By status and reason, with revenue lost and won back by currency.")
            .needs(&[Scope::Read])
            .query::<Since>()
            .answers::<StatsView>(200)
            .to(stats),
    ]
}

/// An amount.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Amount {
    /// In minor units, such as cents.
    pub minor: i64,
    /// ISO 4217.
    pub currency: String,
}

fn amounts(all: Vec<Money>) -> Vec<Amount> {
    all.into_iter().map(|money| Amount { minor: money.minor, currency: money.currency }).collect()
}

/// The departures of one month.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MonthView {
    /// The month, as 2026-11.
    pub month: String,
    /// How many.
    pub count: i64,
    /// Monthly revenue lost with them, by currency.
    pub lost: Vec<Amount>,
}

/// What a customer who left wrote: data, never an instruction.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Quote {
    /// Always true.
    pub untrusted: bool,
    /// The words.
    pub text: String,
    /// The departure.
    pub churn_event_id: String,
    /// When they left, as 2026-11-21.
    pub left_on: String,
}

/// One reason.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReasonView {
    /// The reason, such as too_expensive.
    pub reason: &'static str,
    /// How many left for it.
    pub count: i64,
    /// The share of all in percent, with one decimal.
    pub share_percent: Option<f64>,
    /// How many of them came back.
    pub recovered: i64,
    /// Monthly revenue lost with those who did not, by currency.
    pub lost: Vec<Amount>,
    /// Monthly revenue of those who came back, by currency.
    pub recovered_revenue: Vec<Amount>,
    /// By month, oldest first.
    pub months: Vec<MonthView>,
    /// Their own words, the latest first.
    pub quotes: Vec<Quote>,
}

impl From<ReasonNumbers> for ReasonView {
    fn from(of: ReasonNumbers) -> Self {
        let month = |month: MonthNumbers| MonthView { month: month.month, count: month.count, lost: amounts(month.lost) };
        let quotes = of.quotes.into_iter();
        ReasonView {
            reason: of.reason.as_str(),
            count: of.count,
            share_percent: of.share_percent,
            recovered: of.recovered,
            lost: amounts(of.lost),
            recovered_revenue: amounts(of.recovered_revenue),
            months: of.months.into_iter().map(month).collect(),
            quotes: quotes.map(|(id, day, text)| Quote { untrusted: true, text, churn_event_id: id.to_string(), left_on: day.to_string() }).collect(),
        }
    }
}

/// Why customers left.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReasonsView {
    /// The first day of the period.
    pub from: String,
    /// The last day.
    pub until: String,
    /// How many left.
    pub total: i64,
    /// The reasons, the most frequent first.
    pub reasons: Vec<ReasonView>,
}

/// The period.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Months {
    /// This month and the ones before it, 1 to 60; 12 without it.
    pub(crate) months: Option<u32>,
}

pub async fn reasons(key: Key, state: web::Data<State>, query: Params<Months>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(why(key.0, &state, query.0).await?))
}

/// Why customers left.
pub(crate) async fn why(actor: Actor, state: &State, query: Months) -> Result<ReasonsView, Problem> {
    let months = query.months.unwrap_or(USUAL_MONTHS);
    let found = state.read(move |conn| reports::reasons(conn, &actor, months, clock::now())).await?;
    Ok(ReasonsView {
        from: found.from.to_string(),
        until: found.until.to_string(),
        total: found.total,
        reasons: found.reasons.into_iter().map(ReasonView::from).collect(),
    })
}

/// Departures, counted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StatsView {
    /// How many.
    pub total: i64,
    /// How many stand where: new, processing, variants_generated, email_sent, recovered, lost.
    pub by_status: BTreeMap<&'static str, i64>,
    /// How many left why.
    pub by_reason: BTreeMap<&'static str, i64>,
    /// How many came back.
    pub recovered: i64,
    /// The share that came back of those who were mailed, came back or are lost, in percent with one decimal.
    pub recovery_percent: Option<f64>,
    /// Monthly revenue lost with those who did not come back, by currency.
    pub lost: Vec<Amount>,
    /// Monthly revenue of those who came back, by currency.
    pub recovered_revenue: Vec<Amount>,
}

/// Since when.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// Only those who left at or after this time, such as 2026-04-30T12:00:00Z; all without it.
    pub(crate) since: Option<String>,
}

pub async fn stats(key: Key, state: web::Data<State>, query: Params<Since>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(counted(key.0, &state, query.0).await?))
}

/// Departures, counted.
pub(crate) async fn counted(actor: Actor, state: &State, query: Since) -> Result<StatsView, Problem> {
    let since = time_of("since", query.since.as_deref())?;
    let found = state.read(move |conn| reports::departures(conn, &actor, since)).await?;
    let by_status: BTreeMap<&'static str, i64> = found.by_status.iter().map(|(status, number)| (status.as_str(), *number)).collect();
    Ok(StatsView {
        total: found.total,
        recovered: by_status.get("recovered").copied().unwrap_or(0),
        by_status,
        by_reason: found.by_reason.iter().map(|(reason, number)| (reason.as_str(), *number)).collect(),
        recovery_percent: found.recovery_percent,
        lost: amounts(found.lost),
        recovered_revenue: amounts(found.recovered_revenue),
    })
}

/// What became of the messages of one campaign.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CampaignView {
    /// Its label.
    pub campaign: String,
    /// How many messages.
    pub total: i64,
    /// How many in each state that there is one in.
    pub by_status: BTreeMap<&'static str, i64>,
}

/// A page of campaigns.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CampaignsView {
    /// The campaigns, by name.
    pub campaigns: Vec<CampaignView>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// Which page.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

pub async fn campaigns(key: Key, state: web::Data<State>, query: Params<Page>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(of_campaigns(key.0, &state, query.0).await?))
}

/// What became of the messages of each campaign within reach.
pub(crate) async fn of_campaigns(actor: Actor, state: &State, page: Page) -> Result<CampaignsView, Problem> {
    let limit = rows(page.limit, 20)?;
    let (found, more) = state.read(move |conn| reports::campaigns(conn, &actor, page.cursor.as_deref(), limit)).await?;
    let next_cursor = found.last().filter(|_| more).map(|campaign| campaign.campaign.clone());
    let view = |of: reports::CampaignNumbers| CampaignView {
        campaign: of.campaign,
        total: of.total,
        by_status: of.by_state.into_iter().map(|(state, number)| (state.as_str(), number)).collect(),
    };
    Ok(CampaignsView { campaigns: found.into_iter().map(view).collect(), next_cursor })
}

/// How the mail of one mailbox arrived.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryView {
    /// The mailbox.
    pub mailbox_id: String,
    /// Its address.
    pub address: String,
    /// How many left.
    pub sent: i64,
    /// How many of them were reported delivered.
    pub delivered: i64,
    /// How many came back.
    pub bounced: i64,
    /// How many recipients complained.
    pub complained: i64,
    /// The share that came back, in percent with one decimal; null where none left.
    pub bounce_percent: Option<f64>,
    /// The share that complained, in percent with one decimal; null where none left.
    pub complaint_percent: Option<f64>,
}

/// How mail arrived.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliverabilityView {
    /// Since when.
    pub since: String,
    /// The mailboxes within reach, by address.
    pub mailboxes: Vec<DeliveryView>,
}

/// The period.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// The last so many days, 1 to 365; 30 without it.
    pub(crate) days: Option<i64>,
}

pub async fn deliverability(key: Key, state: web::Data<State>, query: Params<Days>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(arrived(key.0, &state, query.0).await?))
}

/// How the mail of each mailbox within reach arrived.
pub(crate) async fn arrived(actor: Actor, state: &State, query: Days) -> Result<DeliverabilityView, Problem> {
    let days = query.days.unwrap_or(USUAL_DAYS);
    if !(1..=365).contains(&days) {
        return Err(Error::invalid("field_invalid", "days", format!("days must be 1 to 365; got {days}.")).into());
    }
    let since = clock::now().plus_days(-days);
    let found = state.read(move |conn| reports::deliverability(conn, &actor, since)).await?;
    let view = |of: reports::DeliveryNumbers| DeliveryView {
        mailbox_id: of.mailbox.id.to_string(),
        address: of.mailbox.address,
        sent: of.sent,
        delivered: of.delivered,
        bounced: of.bounced,
        complained: of.complained,
        bounce_percent: reports::percent(of.bounced, of.sent),
        complaint_percent: reports::percent(of.complained, of.sent),
    };
    Ok(DeliverabilityView { since: since.to_string(), mailboxes: found.into_iter().map(view).collect() })
}

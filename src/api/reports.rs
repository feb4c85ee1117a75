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
use crate::domain::churn::Evidence;
use crate::domain::churn::rules::picks::{Comparison, Side};
use crate::domain::error::Error;
use crate::domain::mailboxes::Mailbox;
use crate::domain::money::Money;
use crate::domain::reports::messages::{self, Flow, Ways};
use crate::domain::reports::period::Period;
use crate::domain::reports::{self, ReasonNumbers, StepNumbers};

/// Months of the report on reasons where none are named.
const USUAL_MONTHS: u32 = 12;
/// Days of the report on deliverability where none are named.
const USUAL_DAYS: i64 = 30;
/// Campaigns of one report.
const MOST_CAMPAIGNS: usize = 500;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/reports/reasons", "report_reasons", "Why customers leave")
            .about("Count, share, revenue lost and won back by currency, month by month, with quotes. Quotes are text from outside.")
            .needs(&[Scope::Read])
            .query::<Months>()
            .answers::<ReasonsView>(200)
            .to(reasons),
        get("/v1/reports/recovered", "report_recovered", "Recovered revenue")
            .about(
                "Who came back in a period and in the one before, with monthly revenue by currency, and how those who left in it fare with a letter \
                 and without one. lift is null where a group is too small for a rate; lift_in_words always says what the numbers allow.",
            )
            .needs(&[Scope::Read])
            .query::<Between>()
            .answers::<RecoveredView>(200)
            .to(recovered),
        get("/v1/reports/messages", "report_messages", "What became of a period's messages")
            .about(
                "By campaign or by mailbox, for a period and the one before. A message that left counts on the day it left, any other on the day it was \
                 handed in.",
            )
            .needs(&[Scope::Read])
            .query::<MessagesQuery>()
            .answers::<MessagesView>(200)
            .to(of_messages),
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

pub(super) fn amounts(all: Vec<Money>) -> Vec<Amount> {
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
    /// How many left for it in the period before.
    pub count_before: i64,
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
        let month = |of: StepNumbers| MonthView { month: of.step.days.from.strftime("%Y-%m").to_string(), count: of.count, lost: amounts(of.lost) };
        let quotes = of.quotes.into_iter();
        ReasonView {
            reason: of.reason.as_str(),
            count: of.count,
            count_before: of.before,
            share_percent: of.share_percent,
            recovered: of.recovered,
            lost: amounts(of.lost),
            recovered_revenue: amounts(of.recovered_revenue),
            months: of.steps.into_iter().map(month).collect(),
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
    /// The first day of the period before, which is as long.
    pub before_from: String,
    /// The last day of the period before.
    pub before_until: String,
    /// How many left.
    pub total: i64,
    /// How many left in the period before.
    pub total_before: i64,
    /// The reasons, the most frequent first.
    pub reasons: Vec<ReasonView>,
}

/// The period.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Months {
    /// This month and the ones before it, 1 to 60; 12 without it. Not together with from or until.
    pub(crate) months: Option<u32>,
    /// The first day of the period, such as 2026-09-01, in UTC; 90 days with the last without it.
    pub(crate) from: Option<String>,
    /// The last day of the period; today without it.
    pub(crate) until: Option<String>,
}

pub async fn reasons(key: Key, state: web::Data<State>, query: Params<Months>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(why(key.0, &state, query.0).await?))
}

/// Why customers left.
pub(crate) async fn why(actor: Actor, state: &State, query: Months) -> Result<ReasonsView, Problem> {
    let period = match (query.months, query.from.as_deref(), query.until.as_deref()) {
        (months, None, None) => Period::months(months.unwrap_or(USUAL_MONTHS), clock::now())?,
        (None, from, until) => Period::read(from, until, clock::now())?,
        (Some(_), ..) => return Err(Error::invalid("field_invalid", "months", "Name either months or from and until, not both.").into()),
    };
    let found = state.read(move |conn| reports::reasons(conn, &actor, period, &period.by_month())).await?;
    let before = period.before();
    Ok(ReasonsView {
        from: period.from.to_string(),
        until: period.until.to_string(),
        before_from: before.from.to_string(),
        before_until: before.until.to_string(),
        total: found.total,
        total_before: found.before,
        reasons: found.reasons.into_iter().map(ReasonView::from).collect(),
    })
}

/// A period of days in UTC, both ends included, at most five years.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// The first day, such as 2026-09-01; 90 days with the last without it.
    pub(crate) from: Option<String>,
    /// The last day; today without it.
    pub(crate) until: Option<String>,
}

impl Between {
    pub(super) fn period(&self) -> Result<Period, Error> {
        Period::read(self.from.as_deref(), self.until.as_deref(), clock::now())
    }
}

/// Customers who left in the period, with a letter or without one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GroupView {
    /// How many of them.
    pub left: usize,
    /// How many of them came back.
    pub recovered: usize,
    /// The share that came back in percent, with one decimal.
    pub recovered_percent: Option<f64>,
    /// Where the true share lies with 95 % certainty (Wilson), in percent; null where fewer than 20 left.
    pub interval_95: Option<[usize; 2]>,
    /// Monthly revenue of those who came back, by currency.
    pub recovered_revenue: Vec<Amount>,
    /// Monthly revenue of those who did not, by currency.
    pub lost: Vec<Amount>,
}

impl From<reports::Group> for GroupView {
    fn from(of: reports::Group) -> Self {
        let size = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        GroupView {
            left: of.back.of,
            recovered: of.back.part,
            recovered_percent: reports::percent(size(of.back.part), size(of.back.of)),
            interval_95: of.back.interval().map(|(low, high)| [low, high]),
            recovered_revenue: amounts(of.revenue),
            lost: amounts(of.lost),
        }
    }
}

/// Who came back in one step of the period.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReturnsView {
    /// The first day of the step.
    pub from: String,
    /// The last day.
    pub until: String,
    /// How many came back.
    pub recovered: i64,
    /// How many of them had got a letter.
    pub mailed: i64,
    /// Their monthly revenue, by currency.
    pub recovered_revenue: Vec<Amount>,
}

/// Recovered revenue.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RecoveredView {
    /// The first day of the period.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The first day of the period before, which is as long.
    pub before_from: String,
    /// The last day of the period before.
    pub before_until: String,
    /// How many came back in the period, whenever they had left.
    pub recovered: i64,
    /// The same in the period before.
    pub recovered_before: i64,
    /// Their monthly revenue, by currency.
    pub recovered_revenue: Vec<Amount>,
    /// The same in the period before.
    pub recovered_revenue_before: Vec<Amount>,
    /// By day, week or month, oldest first.
    pub steps: Vec<ReturnsView>,
    /// Of those who left in the period: who got a letter.
    pub with_letter: GroupView,
    /// Of those who left in the period: who got none.
    pub without_letter: GroupView,
    /// How much more of the first group came back, in percentage points with one decimal; null where a group is too small.
    pub lift: Option<f64>,
    /// What that difference says, in a sentence.
    pub lift_in_words: String,
    /// Why it is no proof.
    pub caution: &'static str,
    /// Of those who came back in the period: how much speaks for a letter having brought them.
    pub evidence: Vec<ProofView>,
    /// Those whom win-back rules picked in the period: with a letter, and held out by lot.
    pub by_lot: ComparisonView,
}

/// Those who came back with one kind of evidence.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProofView {
    /// strong, weak or organic.
    pub evidence: Evidence,
    /// What that means, in a sentence.
    pub meaning: &'static str,
    /// How many.
    pub recovered: i64,
    /// Their monthly revenue.
    pub recovered_revenue: Vec<Amount>,
}

impl From<reports::Proof> for ProofView {
    fn from(of: reports::Proof) -> Self {
        ProofView { evidence: of.evidence, meaning: of.evidence.explained(), recovered: of.count, recovered_revenue: amounts(of.revenue) }
    }
}

/// One side of a comparison by lot.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SideView {
    /// How many were picked.
    pub picked: usize,
    /// How many of them came back within the recovery window.
    pub recovered: usize,
    /// The bounds in percent between which the true share lies with 95 % certainty; null below 20.
    pub interval: Option<[usize; 2]>,
    /// Monthly revenue of those who came back.
    pub recovered_revenue: Vec<Amount>,
}

impl From<Side> for SideView {
    fn from(of: Side) -> Self {
        let interval = of.back.interval().map(|(low, high)| [low, high]);
        SideView { picked: of.back.of, recovered: of.back.part, interval, recovered_revenue: amounts(of.revenue) }
    }
}

/// Those with a letter beside those whom a lot held out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ComparisonView {
    /// A letter was drafted for them.
    pub letter: SideView,
    /// They got none.
    pub held_out: SideView,
    /// How much more of the first came back, in percentage points with one decimal; null below 20 on a side.
    pub lift: Option<f64>,
    /// What that says, in a sentence.
    pub lift_in_words: String,
}

impl From<Comparison> for ComparisonView {
    fn from(of: Comparison) -> Self {
        let (lift, lift_in_words) = (of.lift_points(), of.in_words());
        ComparisonView { letter: of.letter.into(), held_out: of.held_out.into(), lift, lift_in_words }
    }
}

pub async fn recovered(key: Key, state: web::Data<State>, query: Params<Between>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(came_back(key.0, &state, query.0).await?))
}

/// Who came back.
pub(crate) async fn came_back(actor: Actor, state: &State, query: Between) -> Result<RecoveredView, Problem> {
    let period = query.period()?;
    let found = state.read(move |conn| reports::recovered(conn, &actor, period, &period.steps())).await?;
    let (before, caution) = (period.before(), found.caution());
    let step = |of: reports::Returns| ReturnsView {
        from: of.step.days.from.to_string(),
        until: of.step.days.until.to_string(),
        recovered: of.count,
        mailed: of.mailed,
        recovered_revenue: amounts(of.revenue),
    };
    Ok(RecoveredView {
        from: period.from.to_string(),
        until: period.until.to_string(),
        before_from: before.from.to_string(),
        before_until: before.until.to_string(),
        recovered: found.count,
        recovered_before: found.before,
        lift: found.lift_points(),
        lift_in_words: found.lift_in_words(),
        recovered_revenue: amounts(found.revenue),
        recovered_revenue_before: amounts(found.revenue_before),
        steps: found.steps.into_iter().map(step).collect(),
        with_letter: found.mailed.into(),
        without_letter: found.unmailed.into(),
        caution,
        evidence: found.evidence.into_iter().map(ProofView::from).collect(),
        by_lot: found.drawn.into(),
    })
}

/// How many messages went which way.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WaysView {
    /// All that were handed in.
    pub drafted: i64,
    /// Those that were held for a decision.
    pub held: i64,
    /// Those whose words somebody else than their author changed.
    pub edited: i64,
    /// Held ones that were approved.
    pub approved: i64,
    /// Those a person said no to.
    pub rejected: i64,
    /// Those that wait for a decision or for their author.
    pub waiting: i64,
    /// Those that wait to leave, or of which it is not known whether they did.
    pub on_the_way: i64,
    /// Those that left.
    pub sent: i64,
    /// Those that were reported delivered.
    pub delivered: i64,
    /// Those that came back.
    pub bounced: i64,
    /// Those that were complained about.
    pub complained: i64,
    /// Those that ended otherwise: withdrawn, expired, skipped, failed or stopped.
    pub ended: i64,
    /// Those that left and were answered: the latest of their conversation when the recipient wrote back.
    pub replied: i64,
    /// Those that left and whose customer came back afterwards.
    pub recovered: i64,
}

impl From<Ways> for WaysView {
    fn from(of: Ways) -> Self {
        let Ways {
            drafted,
            held,
            edited,
            approved,
            rejected,
            waiting,
            on_the_way,
            sent,
            delivered,
            bounced,
            complained,
            ended,
            replied,
            recovered,
            ..
        } = of;
        WaysView { drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, replied, recovered }
    }
}

/// The messages of one campaign or mailbox.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FlowView {
    /// The campaign's label or the mailbox's address.
    pub name: String,
    /// The mailbox; null for a campaign.
    pub mailbox_id: Option<String>,
    /// In the period.
    pub period: WaysView,
    /// In the one before.
    pub period_before: WaysView,
}

/// What became of the messages of a period.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MessagesView {
    /// The first day of the period.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The campaigns or mailboxes, at most 500; campaigns with the most messages come first.
    pub rows: Vec<FlowView>,
}

/// What messages are told apart by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Their campaign; those without one are left out.
    #[default]
    Campaign,
    /// Their mailbox.
    Mailbox,
}

/// Which messages.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessagesQuery {
    /// campaign or mailbox; campaign without it.
    #[serde(default)]
    pub(crate) by: By,
    /// The first day, such as 2026-09-01; 90 days with the last without it.
    pub(crate) from: Option<String>,
    /// The last day; today without it.
    pub(crate) until: Option<String>,
}

pub async fn of_messages(key: Key, state: web::Data<State>, query: Params<MessagesQuery>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(went(key.0, &state, query.0).await?))
}

/// What became of the messages of a period.
pub(crate) async fn went(actor: Actor, state: &State, query: MessagesQuery) -> Result<MessagesView, Problem> {
    fn view<T>(flow: Flow<T>, name: String, mailbox_id: Option<String>) -> FlowView {
        FlowView { name, mailbox_id, period: flow.now.into(), period_before: flow.before.into() }
    }
    let period = Between { from: query.from, until: query.until }.period()?;
    let rows = state
        .read(move |conn| {
            Ok(match query.by {
                By::Campaign => {
                    let found = messages::by_campaign(conn, &actor, period)?.into_iter().take(MOST_CAMPAIGNS);
                    found
                        .map(|flow| {
                            let name = flow.of.clone();
                            view(flow, name, None)
                        })
                        .collect()
                }
                By::Mailbox => {
                    let found = messages::by_mailbox(conn, &actor, period)?.into_iter();
                    found
                        .map(|flow| {
                            let (name, id) = (flow.of.address.clone(), flow.of.id.to_string());
                            view(flow, name, Some(id))
                        })
                        .collect()
                }
            })
        })
        .await?;
    Ok(MessagesView { from: period.from.to_string(), until: period.until.to_string(), rows })
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
    /// The last so many days with today, in UTC, 1 to 365; 30 without it.
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
    let period = Period::last(days, clock::now());
    let found = state.read(move |conn| messages::by_mailbox(conn, &actor, period)).await?;
    let view = |of: Flow<Mailbox>| DeliveryView {
        mailbox_id: of.of.id.to_string(),
        address: of.of.address,
        sent: of.now.sent,
        delivered: of.now.delivered,
        bounced: of.now.bounced,
        complained: of.now.complained,
        bounce_percent: reports::percent(of.now.bounced, of.now.sent),
        complaint_percent: reports::percent(of.now.complained, of.now.sent),
    };
    Ok(DeliverabilityView { since: period.start().to_string(), mailboxes: found.into_iter().map(view).collect() })
}

//! `/v1/mailboxes/{id}/delivery` and `/v1/sending-rules`: how fast, how often and how well received. A key only tightens.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::{Json, Params};
use super::key::Key;
use super::operations::{Operation, get, patch};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;
use crate::domain::mailboxes;
use crate::domain::policy::quiet;
use crate::domain::policy::rules::{self, GroundRule, Rules};
use crate::domain::reputation::page::{self, Delivery};
use crate::domain::reputation::{self, Limits, plan};
use crate::domain::senders::{self, Look};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/mailboxes/{id}/delivery", "get_delivery", "How a mailbox sends and is received")
            .about("By id or address: rate, bounces and complaints against their limits, warm-up, what waits and for what.")
            .needs(&[Scope::Read])
            .answers::<DeliveryView>(200)
            .to(show),
        patch("/v1/mailboxes/{id}/delivery", "limit_delivery", "Tighten the limits of a mailbox")
            .about("A key can only tighten: what lets more leave answers 403 mode_loosening. A person resumes a mailbox that paused itself.")
            .needs(&[Scope::Admin])
            .body::<ChangeLimits>()
            .answers::<DeliveryView>(200)
            .to(change),
        get("/v1/sending-rules", "get_sending_rules", "How often and when people are mailed")
            .about("Caps over all mailboxes and campaigns, quiet hours and grounds; they hold for commercial mail.")
            .needs(&[Scope::Read])
            .query::<Nothing>()
            .answers::<RulesView>(200)
            .to(show_rules),
        patch("/v1/sending-rules", "tighten_sending_rules", "Tighten the rules of sending")
            .about("A key can only tighten: what lets more leave answers 403 mode_loosening.")
            .needs(&[Scope::Admin])
            .body::<ChangeRules>()
            .answers::<RulesView>(200)
            .to(change_rules),
    ]
}

/// Messages of one window or day.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TallyView {
    /// Handed over.
    pub sent: i64,
    /// Came back.
    pub bounced: i64,
    /// Were complained about.
    pub complained: i64,
}

impl From<reputation::Tally> for TallyView {
    fn from(tally: reputation::Tally) -> Self {
        TallyView { sent: tally.sent, bounced: tally.bounced, complained: tally.complained }
    }
}

/// A day.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DayView {
    /// The day in UTC.
    pub day: String,
    /// Its numbers.
    #[serde(flatten)]
    pub tally: TallyView,
}

/// What waits for one thing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WaitsView {
    /// For what.
    pub waits_for: String,
    /// How many messages.
    pub count: i64,
    /// When the first of them has its turn; null where that takes a person.
    pub next_at: Option<String>,
}

/// The limits of a mailbox.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LimitsView {
    /// Messages a minute; 0 is no limit.
    pub per_minute: i32,
    /// Messages a minute to one domain; 0 is no limit.
    pub per_domain_minute: i32,
    /// Messages of the first day of the warm-up; 0 is no warm-up.
    pub warmup_first: i32,
    /// Growth a sending day in percent.
    pub warmup_percent: i32,
    /// The number a day that ends the warm-up.
    pub warmup_target: i32,
    /// Bounces that pause, in millionths of what was sent.
    pub bounce_limit: i32,
    /// Complaints that pause, in millionths of what was sent.
    pub complaint_limit: i32,
    /// A day above so many percent of the median of 14 days pauses; 0 never.
    pub spike_percent: i32,
}

/// How a mailbox sends and is received.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryView {
    /// The mailbox.
    pub mailbox_id: String,
    /// Its address.
    pub mailbox: String,
    /// good, warned, slowed or paused.
    pub health: &'static str,
    /// Why, in a sentence.
    pub because: Option<String>,
    /// Since when.
    pub since: Option<String>,
    /// Since when sending is stopped here; a person resumes it.
    pub stopped_at: Option<String>,
    /// Messages handed over within the last minute.
    pub last_minute: i64,
    /// And today, in UTC.
    pub today: i64,
    /// The last 1000 messages, or those of 24 hours where they are more.
    pub window: TallyView,
    /// Its bounces in millionths.
    pub bounce_rate: i64,
    /// Its complaints in millionths.
    pub complaint_rate: i64,
    /// Rates are judged from so many messages on.
    pub min_samples: i64,
    /// The limits.
    pub limits: LimitsView,
    /// Which sending day of the warm-up today is; 0 without one.
    pub warmup_day: i64,
    /// What it may send today while it warms up; null without a limit.
    pub warmup_allowance: Option<i64>,
    /// What each sending day of the warm-up allows, until there is no limit.
    pub warmup_curve: Vec<i64>,
    /// All of it waits until then; null where it does not.
    pub waits_until: Option<String>,
    /// What waits, the most first.
    pub waits: Vec<WaitsView>,
    /// The last 30 days, oldest first.
    pub days: Vec<DayView>,
    /// What DNS said of its domain when somebody last looked; null where nobody did.
    pub domain: Option<DomainView>,
}

/// A look at a sender domain.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DomainView {
    /// The domain.
    pub domain: String,
    /// When.
    pub checked_at: String,
    /// Whether DKIM or SPF speaks for it.
    pub aligned: bool,
    /// What was found.
    pub findings: Vec<FindingView>,
}

/// What was found about one part.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingView {
    /// spf, dkim, dmarc or ptr.
    pub part: String,
    /// good, warn, bad or unknown.
    pub standing: &'static str,
    /// What was found and what to do, in sentences.
    pub words: String,
}

impl From<&Look> for DomainView {
    fn from(look: &Look) -> Self {
        let findings = look.findings.iter();
        DomainView {
            domain: look.domain.clone(),
            checked_at: look.checked_at.to_string(),
            aligned: look.aligned,
            findings: findings.map(|one| FindingView { part: one.part.clone(), standing: one.standing.as_str(), words: one.words.clone() }).collect(),
        }
    }
}

impl DeliveryView {
    fn of(found: Delivery, look: Option<&Look>) -> Self {
        let limits = Limits::from(&found.pace);
        let waits = found.waits.into_iter();
        DeliveryView {
            mailbox_id: found.mailbox.id.to_string(),
            mailbox: found.mailbox.address,
            health: found.pace.health.as_str(),
            because: found.pace.health_because,
            since: found.pace.health_since.map(|at| at.to_string()),
            stopped_at: found.mailbox.stopped_at.map(|at| at.to_string()),
            last_minute: found.last_minute,
            today: found.today,
            window: found.window.into(),
            bounce_rate: found.window.bounce_rate(),
            complaint_rate: found.window.complaint_rate(),
            min_samples: plan::MIN_SAMPLES,
            limits: LimitsView {
                per_minute: limits.per_minute,
                per_domain_minute: limits.per_domain_minute,
                warmup_first: limits.warmup_first,
                warmup_percent: limits.warmup_percent,
                warmup_target: limits.warmup_target,
                bounce_limit: limits.bounce_limit,
                complaint_limit: limits.complaint_limit,
                spike_percent: limits.spike_percent,
            },
            warmup_day: found.warmup_day,
            warmup_allowance: found.allowance,
            warmup_curve: found.curve,
            waits_until: Some(found.pace.waits_until).filter(|at| *at > clock::now()).map(|at| at.to_string()),
            waits: waits.map(|row| WaitsView { waits_for: row.what_for, count: row.count, next_at: row.next.map(|at| at.to_string()) }).collect(),
            domain: look.map(DomainView::from),
            days: found.days.into_iter().map(|(day, tally)| DayView { day: day.to_string(), tally: tally.into() }).collect(),
        }
    }
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, id.into_inner()).await?))
}

/// The delivery of a mailbox, by id or address.
pub(crate) async fn look(actor: Actor, state: &State, id: String) -> Result<DeliveryView, Problem> {
    actor.must_have(Scope::Read)?;
    let found = state
        .read(move |conn| {
            let mailbox = mailboxes::resolve(conn, &actor, Some(&id))?;
            Ok((page::delivery(conn, &actor, &mailbox.id, clock::now())?, senders::look_of(conn, &actor, &mailbox.id)?))
        })
        .await?;
    Ok(DeliveryView::of(found.0, found.1.as_ref()))
}

/// What is to be tightened; what is left out stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLimits {
    /// Messages a minute: 1 to 100000.
    pub(crate) per_minute: Option<i32>,
    /// Messages a minute to one domain: 1 to 100000.
    pub(crate) per_domain_minute: Option<i32>,
    /// Messages of the first day of a warm-up: 1 to 100000. It begins now where there was none.
    pub(crate) warmup_first: Option<i32>,
    /// Growth a sending day in percent: 1 to 200.
    pub(crate) warmup_percent: Option<i32>,
    /// The number a day that ends the warm-up: 1 to 1000000.
    pub(crate) warmup_target: Option<i32>,
    /// Bounces that pause, in millionths: 1000 to 100000.
    pub(crate) bounce_limit: Option<i32>,
    /// Complaints that pause, in millionths: 100 to 10000.
    pub(crate) complaint_limit: Option<i32>,
    /// Percent of the median of 14 days above which a day pauses: 150 to 1000.
    pub(crate) spike_percent: Option<i32>,
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<ChangeLimits>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(tighten(key.0, &state, id.into_inner(), body.0).await?))
}

/// Tightens the limits of a mailbox.
pub(crate) async fn tighten(actor: Actor, state: &State, id: String, body: ChangeLimits) -> Result<DeliveryView, Problem> {
    actor.must_have(Scope::Admin)?;
    let found = state
        .write(move |conn| {
            let now = clock::now();
            let mailbox = mailboxes::resolve(conn, &actor, Some(&id))?;
            let before = Limits::from(&reputation::pace(conn, &actor, &mailbox.id)?);
            let after = Limits {
                per_minute: body.per_minute.unwrap_or(before.per_minute),
                per_domain_minute: body.per_domain_minute.unwrap_or(before.per_domain_minute),
                warmup_first: body.warmup_first.unwrap_or(before.warmup_first),
                warmup_percent: body.warmup_percent.unwrap_or(before.warmup_percent),
                warmup_target: body.warmup_target.unwrap_or(before.warmup_target),
                bounce_limit: body.bounce_limit.unwrap_or(before.bounce_limit),
                complaint_limit: body.complaint_limit.unwrap_or(before.complaint_limit),
                spike_percent: body.spike_percent.unwrap_or(before.spike_percent),
            };
            if after != before {
                reputation::set_limits(conn, &actor, &mailbox.id, &after, now)?;
            }
            Ok((page::delivery(conn, &actor, &mailbox.id, now)?, senders::look_of(conn, &actor, &mailbox.id)?))
        })
        .await?;
    Ok(DeliveryView::of(found.0, found.1.as_ref()))
}

/// Nothing to choose.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The rules of the workspace for commercial mail.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RulesView {
    /// Messages to one person within the window, over all mailboxes and campaigns; 0 is no cap.
    pub cap_messages: u32,
    /// The window that rolls, in days.
    pub cap_days: u32,
    /// Messages of one topic within the window; 0 is no cap of its own.
    pub cap_per_topic: u32,
    /// Quiet hours begin, such as 21:00 on the recipient's clock; equal to quiet_until where there are none.
    pub quiet_from: String,
    /// And end.
    pub quiet_until: String,
    /// The zone of people whose zone is not known; null where they have no quiet hours.
    pub quiet_zone: Option<String>,
    /// recorded: a ground on record is needed; reviewed: a person's approval is enough where no country says otherwise.
    pub ground: &'static str,
    /// After so many months a consent of somebody in Europe is looked at again.
    pub lapse_months: u32,
}

impl From<Rules> for RulesView {
    fn from(rules: Rules) -> Self {
        RulesView {
            cap_messages: rules.cap_messages,
            cap_days: rules.cap_days,
            cap_per_topic: rules.cap_per_topic,
            quiet_from: quiet::clock(rules.quiet_from),
            quiet_until: quiet::clock(rules.quiet_until),
            quiet_zone: rules.quiet_zone,
            ground: rules.ground.as_str(),
            lapse_months: rules.lapse_months,
        }
    }
}

pub async fn show_rules(key: Key, state: web::Data<State>, _query: Params<Nothing>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look_at_rules(key.0, &state).await?))
}

/// The rules as they are.
pub(crate) async fn look_at_rules(actor: Actor, state: &State) -> Result<RulesView, Problem> {
    actor.must_have(Scope::Read)?;
    Ok(state.read(rules::rules).await?.into())
}

/// What is to be tightened; what is left out stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRules {
    /// Messages to one person within the window: 1 to 100.
    pub(crate) cap_messages: Option<u32>,
    /// The window in days: 1 to 90.
    pub(crate) cap_days: Option<u32>,
    /// Messages of one topic within the window: 1 to 100.
    pub(crate) cap_per_topic: Option<u32>,
    /// Quiet hours begin, such as 21:00 on the recipient's clock.
    pub(crate) quiet_from: Option<String>,
    /// And end, such as 08:00.
    pub(crate) quiet_until: Option<String>,
    /// The zone of people whose zone is not known, such as Europe/Vienna.
    pub(crate) quiet_zone: Option<String>,
    /// recorded or reviewed.
    #[schemars(with = "Option<String>")]
    pub(crate) ground: Option<GroundRule>,
    /// Months after which a consent of somebody in Europe is looked at again: 1 to 120.
    pub(crate) lapse_months: Option<u32>,
}

pub async fn change_rules(key: Key, state: web::Data<State>, body: Json<ChangeRules>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(tighten_rules(key.0, &state, body.0).await?))
}

/// Tightens the rules.
pub(crate) async fn tighten_rules(actor: Actor, state: &State, body: ChangeRules) -> Result<RulesView, Problem> {
    actor.must_have(Scope::Admin)?;
    let time = |field: &str, given: Option<&String>, before: u16| match given {
        Some(text) => quiet::minutes(text).ok_or_else(|| {
            Error::invalid(
                "field_invalid",
                field,
                format!("{field} must be a time of day such as 21:00; got \"{}\".", crate::domain::text::excerpt(text)),
            )
        }),
        None => Ok(before),
    };
    let found = state
        .write(move |conn| {
            let before = rules::rules(conn)?;
            let after = Rules {
                cap_messages: body.cap_messages.unwrap_or(before.cap_messages),
                cap_days: body.cap_days.unwrap_or(before.cap_days),
                cap_per_topic: body.cap_per_topic.unwrap_or(before.cap_per_topic),
                quiet_from: time("quiet_from", body.quiet_from.as_ref(), before.quiet_from)?,
                quiet_until: time("quiet_until", body.quiet_until.as_ref(), before.quiet_until)?,
                quiet_zone: body.quiet_zone.clone().or_else(|| before.quiet_zone.clone()),
                ground: body.ground.unwrap_or(before.ground),
                lapse_months: body.lapse_months.unwrap_or(before.lapse_months),
            };
            rules::set_rules(conn, &actor, &after, clock::now())
        })
        .await?;
    Ok(found.into())
}

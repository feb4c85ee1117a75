//! `/v1/explain`, `/v1/contacts/{id}/explain` and `/v1/forecast`: what would happen to a message, and why.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Problem;
use super::json::{Json, Params};
use super::key::Key;
use super::operations::{Operation, get, post};
use super::shapes::OneOrMany;
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;
use crate::domain::ids::SegmentId;
use crate::domain::policy::{self, Check, Explanation, Group, Question};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/contacts/{id}/explain", "explain_contact", "Why a contact can be mailed, or not")
            .about(
                "Every check between this contact and a message that this key submits now, made by the functions that submission and the worker use.",
            )
            .needs(&[Scope::Read])
            .query::<Of>()
            .answers::<ExplanationView>(200)
            .to(explain_contact),
        get("/v1/explain", "explain", "Why somebody can be mailed, or not")
            .about("The same for an address that need not be a contact.")
            .needs(&[Scope::Read])
            .query::<About>()
            .answers::<ExplanationView>(200)
            .to(explain_anyone),
        post("/v1/forecast", "forecast_send", "What would happen to messages to many people")
            .about("Counts by what the checks say now. Nothing is submitted.")
            .needs(&[Scope::Read])
            .body::<ForecastOf>()
            .answers::<ForecastView>(200)
            .to(forecast),
    ]
}

/// One check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckView {
    /// Its name, such as suppression or consent_basis.
    pub check: &'static str,
    /// pass, defer (it leaves by itself at next_eligible_at), hold (a person decides, or something must be lifted) or refuse.
    pub verdict: &'static str,
    /// The same in a sentence.
    pub detail: String,
    /// What it looked at.
    pub data: Value,
    /// When it may say otherwise by itself; null where only somebody's action helps.
    pub next_eligible_at: Option<String>,
}

impl From<&Check> for CheckView {
    fn from(check: &Check) -> Self {
        CheckView {
            check: check.check,
            verdict: check.verdict.as_str(),
            detail: check.detail.clone(),
            data: check.data.clone(),
            next_eligible_at: check.next_eligible_at.map(|at| at.to_string()),
        }
    }
}

/// Every check between a person and a message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExplanationView {
    /// The contact, where the address is one.
    pub contact_id: Option<String>,
    /// The address.
    pub email: String,
    /// The mailbox it would leave from.
    pub mailbox_id: String,
    /// Its address.
    pub mailbox: String,
    /// Its mode.
    pub mode: &'static str,
    /// pass, defer, hold or refuse: the weightiest of the checks.
    pub verdict: &'static str,
    /// The check that decides; null where all pass.
    pub because: Option<CheckView>,
    /// The checks, in the order in which they weigh. What depends on the words is checked at submission.
    pub checks: Vec<CheckView>,
    /// When the check that decides may say otherwise by itself.
    pub next_eligible_at: Option<String>,
}

impl From<Explanation> for ExplanationView {
    fn from(found: Explanation) -> Self {
        let because = found.because.as_ref().map(CheckView::from);
        ExplanationView {
            contact_id: found.contact_id.map(|id| id.to_string()),
            email: found.email,
            mailbox_id: found.mailbox_id.to_string(),
            mailbox: found.mailbox,
            mode: found.mode.as_str(),
            verdict: found.verdict.as_str(),
            next_eligible_at: because.as_ref().and_then(|check| check.next_eligible_at.clone()),
            because,
            checks: found.checks.iter().map(CheckView::from).collect(),
        }
    }
}

/// For which mail.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Of {
    /// The mailbox, by address or id. Needed only where the key reaches several.
    pub(crate) mailbox: Option<String>,
    /// The class of mail: commercial or transactional as in a send, or more exactly win_back, migration, referral, drip, announcement, feedback or other.
    pub(crate) class: Option<String>,
    /// The campaign it would belong to.
    pub(crate) campaign: Option<String>,
}

/// Whom, and for which mail.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The address; it need not be a contact.
    pub(crate) email: Option<String>,
    /// Instead: a contact's id or address.
    pub(crate) contact: Option<String>,
    /// The mailbox, by address or id. Needed only where the key reaches several.
    pub(crate) mailbox: Option<String>,
    /// The class of mail: commercial or transactional as in a send, or more exactly win_back, migration, referral, drip, announcement, feedback or other.
    pub(crate) class: Option<String>,
    /// The campaign it would belong to.
    pub(crate) campaign: Option<String>,
}

pub async fn explain_contact(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Of>) -> Result<HttpResponse, Problem> {
    let Of { mailbox, class, campaign } = query.0;
    Ok(HttpResponse::Ok().json(explain(key.0, &state, About { email: None, contact: Some(id.into_inner()), mailbox, class, campaign }).await?))
}

pub async fn explain_anyone(key: Key, state: web::Data<State>, query: Params<About>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(explain(key.0, &state, query.0).await?))
}

/// Explains what would happen to a message that this actor submits now.
pub(crate) async fn explain(actor: Actor, state: &State, about: About) -> Result<ExplanationView, Problem> {
    let who = about.contact.or(about.email).ok_or_else(|| Error::invalid("field_invalid", "email", "Give email or contact, one of the two."))?;
    let question = Question { who, mailbox: about.mailbox, class: about.class, campaign: about.campaign };
    let found = state.read(move |conn| policy::explain(conn, &actor, &question, clock::now())).await?;
    Ok(ExplanationView::from(found))
}

/// Whom to forecast for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForecastOf {
    /// 1 to 1000 contacts by id or address; who is named twice counts once.
    pub(crate) contacts: Option<Vec<String>>,
    /// Instead: contacts with all these tags; a leading minus excludes. At most 1000 are looked at.
    pub(crate) tags: Option<OneOrMany>,
    /// Instead: the contacts of this segment. At most 1000 are looked at.
    pub(crate) segment_id: Option<SegmentId>,
    /// The mailbox, by address or id. Needed only where the key reaches several.
    pub(crate) mailbox: Option<String>,
    /// The class of mail: commercial or transactional as in a send, or more exactly win_back, migration, referral, drip, announcement, feedback or other.
    pub(crate) class: Option<String>,
    /// The campaign it would belong to.
    pub(crate) campaign: Option<String>,
}

/// How many one check decides.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReasonCount {
    /// The check.
    pub check: &'static str,
    /// defer, hold or refuse.
    pub verdict: &'static str,
    /// How many people.
    pub count: usize,
}

/// Somebody to whom a message would not simply go out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NamedView {
    /// The contact, where there is one.
    pub contact_id: Option<String>,
    /// The address.
    pub email: String,
    /// defer, hold or refuse.
    pub verdict: &'static str,
    /// The check that decides.
    pub check: &'static str,
    /// The same in a sentence.
    pub detail: String,
}

/// What would happen to messages to many people.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ForecastView {
    /// From which mailbox.
    pub mailbox_id: String,
    /// How many people were looked at.
    pub total: usize,
    /// To so many they would go out after the checks.
    pub pass: usize,
    /// To so many they would go out later, by themselves.
    pub defer: usize,
    /// To so many they would wait.
    pub hold: usize,
    /// To so many of these they would leave later once somebody released them.
    pub hold_then_defer: usize,
    /// To so many they would be refused.
    pub refuse: usize,
    /// The deciding checks, refusals first.
    pub reasons: Vec<ReasonCount>,
    /// Who would wait or be refused, at most 100, refusals first.
    pub contacts: Vec<NamedView>,
    /// Ids that no contact has.
    pub unknown: Vec<String>,
    /// Whether more contacts have these tags than were looked at.
    pub more: bool,
}

pub async fn forecast(key: Key, state: web::Data<State>, body: Json<ForecastOf>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(foresee(key.0, &state, body.0).await?))
}

/// Forecasts messages to many people that this actor would submit now.
pub(crate) async fn foresee(actor: Actor, state: &State, body: ForecastOf) -> Result<ForecastView, Problem> {
    let group = Group {
        contacts: body.contacts.unwrap_or_default(),
        tags: body.tags.map(|tags| tags.into_vec().join(",")),
        segment_id: body.segment_id,
        mailbox: body.mailbox,
        class: body.class,
        campaign: body.campaign,
    };
    Ok(state.read(move |conn| policy::forecast(conn, &actor, &group, clock::now())).await?.into())
}

impl From<policy::Forecast> for ForecastView {
    fn from(found: policy::Forecast) -> Self {
        let reasons = found.reasons.iter().map(|r| ReasonCount { check: r.check, verdict: r.verdict.as_str(), count: r.count }).collect();
        let named = |named: policy::Named| NamedView {
            contact_id: named.contact_id.map(|id| id.to_string()),
            email: named.email,
            verdict: named.verdict.as_str(),
            check: named.check,
            detail: named.detail,
        };
        ForecastView {
            mailbox_id: found.mailbox_id.to_string(),
            total: found.total,
            pass: found.pass,
            defer: found.defer,
            hold: found.hold,
            hold_then_defer: found.hold_then_defer,
            refuse: found.refuse,
            reasons,
            contacts: found.named.into_iter().map(named).collect(),
            unknown: found.unknown,
            more: found.more,
        }
    }
}

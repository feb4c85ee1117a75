//! `/api/v1`: churn events and recovery, in the recovery document's words.

mod shapes;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use shapes::{Departure, DraftedVariant, Judged, Matches, SubmittedVariant, Variants};
use shapes::{DeparturePage, Match, event, variant};

use super::consents::Pending;
use super::error::{Plain, Problem};
use super::input::{agreed, given_mailbox, time_of};
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, get, patch, post};
use super::shapes::{OneOrMany, Submitted};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::answers;
use crate::domain::churn::intake::{NewChurnEvent, Taken, take};
use crate::domain::churn::variants::{self as nine, Choice};
use crate::domain::churn::{self, Filter, Status, evidence};
use crate::domain::error::Error;
use crate::domain::ids::{ChurnEventId, FactId, VariantId};
use crate::domain::reason::Reason;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/api/v1/churn-events", "create_churn_event", "Report that a customer left")
            .about("A second report of the same subscription within 24 hours answers 202 with the first event. Reporting mails nobody.")
            .needs(&[Scope::Draft])
            .body::<Create>()
            .answers::<Departure>(201)
            .answers::<Departure>(202)
            .to(create),
        post("/api/v1/projects/{slug}/churn-events", "create_project_churn_event", "Report that a customer left, by project")
            .about("The same; the project's name is not looked at.")
            .needs(&[Scope::Draft])
            .body::<Create>()
            .answers::<Departure>(201)
            .answers::<Departure>(202)
            .to(create),
        get("/api/v1/churn-events", "list_churn_events", "List churn events")
            .about("The latest departure first.")
            .needs(&[Scope::Read])
            .query::<Page>()
            .answers::<DeparturePage>(200)
            .to(list),
        get("/api/v1/churn-events/{id}", "get_churn_event", "Read a churn event").needs(&[Scope::Read]).answers::<Departure>(200).to(show),
        post("/api/v1/churn-events/{id}/recovered", "mark_recovered", "Record that they came back")
            .about("Once; a second time answers 400.")
            .needs(&[Scope::Draft])
            .answers::<Departure>(200)
            .to(recovered),
        post("/api/v1/churn-events/{id}/clicked", "mark_clicked", "Record that they followed a link in a letter")
            .about(
                "Call it from the page that the link leads to, so that whoever comes back afterwards counts as strong evidence for the letter. Links in \
                 letters are not rewritten. The first time counts.",
            )
            .needs(&[Scope::Draft])
            .answers::<Departure>(200)
            .to(clicked),
        patch("/api/v1/churn-events/{id}/cancel-reason", "correct_reason", "Correct the reason")
            .needs(&[Scope::Draft])
            .body::<Correction>()
            .answers::<Departure>(200)
            .to(correct_reason),
        get("/api/v1/churn-events/{id}/matches", "list_matches", "Updates that answer what they asked for")
            .needs(&[Scope::Read])
            .answers::<Matches>(200)
            .to(matches),
        post("/api/v1/churn-events/{id}/matches", "judge_match", "Say whether an update answers")
            .needs(&[Scope::Oversight])
            .body::<Judge>()
            .answers::<Judged>(200)
            .to(judge),
        post("/api/v1/churn-events/{id}/generate", "generate_variants", "Draft the nine variants")
            .about("Once, while the event is new or processing. With a model this takes up to twice its time-out.")
            .needs(&[Scope::Draft])
            .answers::<Variants>(200)
            .to(generate),
        get("/api/v1/churn-events/{id}/variants", "list_variants", "List the variants").needs(&[Scope::Read]).answers::<Variants>(200).to(variants),
        patch("/api/v1/churn-events/{id}/variants/{vid}", "edit_variant", "Edit a variant")
            .about("Only while it was not submitted.")
            .needs(&[Scope::Draft])
            .body::<Edit>()
            .answers::<DraftedVariant>(200)
            .to(edit_variant),
        post("/api/v1/churn-events/{id}/variants/{vid}/send", "send_variant", "Submit a variant")
            .about("Through the oversight mode of its mailbox; the event becomes email_sent when the mail server has taken it.")
            .needs(&[Scope::Draft])
            .body::<SendVariant>()
            .answers::<SubmittedVariant>(202)
            .answers::<super::error::PlainBody>(500)
            .to(send_variant),
    ]
}

pub async fn not_found() -> Result<HttpResponse, Plain> {
    Err(Error::not_found("call").into())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The address to win back.
    customer_email: Option<String>,
    /// The name.
    customer_name: Option<String>,
    /// Who reports it, such as stripe or custom.
    provider: Option<String>,
    /// The provider's id of the customer.
    provider_customer_id: Option<String>,
    /// The provider's id of the subscription. A second report of it within 24 hours gives the first event.
    provider_subscription_id: Option<String>,
    /// The plan they had.
    plan_name: Option<String>,
    /// Monthly recurring revenue in minor units; the same as mrr_cents.
    mrr: Option<i64>,
    /// Monthly recurring revenue in minor units.
    mrr_cents: Option<i64>,
    /// ISO 4217, such as usd.
    currency: Option<String>,
    /// How long they stayed, in days.
    tenure_days: Option<i64>,
    /// The reason as a code, such as too_expensive or missing_features.
    cancel_reason: Option<String>,
    /// Their own words.
    cancel_reason_text: Option<String>,
    /// cancelled, expired, inactive or payment_failed.
    event_type: Option<String>,
    /// When they were last active, such as 2026-04-30T12:00:00Z.
    last_active_at: Option<String>,
    /// Notes.
    notes: Option<String>,
    /// Features they used.
    features: Option<OneOrMany>,
    /// pending: the person is asked once to confirm that they want mail, and gets nothing else that is commercial before.
    consent: Option<Pending>,
    /// The mailbox that asks, by address or id. Needed only where the key reaches several.
    mailbox: Option<String>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<Create>) -> Result<HttpResponse, Plain> {
    let (row, new) = report(key.0, &state, body.0).await?;
    Ok(if new { HttpResponse::Created().json(row) } else { HttpResponse::Accepted().json(row) })
}

/// Takes in somebody leaving; false where the event was known already.
pub(crate) async fn report(actor: Actor, state: &State, body: Create) -> Result<(Departure, bool), Problem> {
    let last_active_at = time_of("last_active_at", body.last_active_at.as_deref())?;
    let named = [&body.customer_email, &body.customer_name, &body.provider_customer_id, &body.provider_subscription_id];
    if !named.iter().any(|name| name.as_deref().is_some_and(|name| !name.trim().is_empty())) {
        let detail = "Say who left: give customer_email, customer_name, provider_customer_id or provider_subscription_id; got none of them.";
        return Err(Error::invalid("field_invalid", "customer_email", detail).into());
    }
    let new = NewChurnEvent {
        customer_email: body.customer_email,
        customer_name: body.customer_name,
        provider: body.provider,
        provider_customer_id: body.provider_customer_id,
        provider_subscription_id: body.provider_subscription_id,
        plan_name: body.plan_name,
        mrr_minor: agreed([("mrr_cents", body.mrr_cents), ("mrr", body.mrr)])?,
        currency: body.currency,
        tenure_days: body.tenure_days,
        cancel_reason: body.cancel_reason,
        cancel_reason_text: body.cancel_reason_text,
        event_type: body.event_type,
        last_active_at,
        notes: body.notes,
        features: body.features.map(OneOrMany::into_vec).unwrap_or_default(),
        confirm: body.consent.map(|pending| pending.ask(body.mailbox, None)),
        ..NewChurnEvent::default()
    };
    Ok(match state.write(move |conn| take(conn, &actor, &new, "api", clock::now())).await? {
        Taken::New(row) => (event(&row), true),
        Taken::Known(row) => (event(&row), false),
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only in this state.
    pub(crate) status: Option<Status>,
    /// Only with this reason.
    pub(crate) reason: Option<Reason>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// Leave out so many, at most 1,000,000.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) offset: Option<i64>,
}

pub async fn list(key: Key, state: web::Data<State>, page: Params<Page>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(find(key.0, &state, page.0).await?))
}

fn offset(asked: Option<i64>) -> Result<i64, Error> {
    match asked.unwrap_or(0) {
        offset @ 0..=1_000_000 => Ok(offset),
        other => Err(Error::invalid("field_invalid", "offset", format!("offset must be 0 to 1,000,000; got {other}."))),
    }
}

/// Churn events, the latest departure first.
pub(crate) async fn find(actor: Actor, state: &State, page: Page) -> Result<DeparturePage, Problem> {
    let filter = Filter { status: page.status, reason: page.reason, limit: rows(page.limit, 20)?, offset: offset(page.offset)?, ..Filter::default() };
    let (limit, offset) = (filter.limit, filter.offset);
    let (found, has_more) = state.read(move |conn| churn::list(conn, &actor, &filter)).await?;
    let found: Vec<Departure> = found.iter().map(event).collect();
    Ok(DeparturePage { data: found.clone(), churn_events: found, limit, offset, has_more })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One churn event.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Departure, Problem> {
    let id = ChurnEventId::from(id);
    let row = state.read(move |conn| churn::get(conn, &actor, &id)).await?;
    Ok(event(&row))
}

pub async fn recovered(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(came_back(key.0, &state, &id).await?))
}

/// Records that the customer came back.
pub(crate) async fn came_back(actor: Actor, state: &State, id: &str) -> Result<Departure, Problem> {
    let id = ChurnEventId::from(id);
    let row = state.write(move |conn| churn::recover(conn, &actor, &id, clock::now())).await?;
    Ok(event(&row))
}

pub async fn clicked(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(followed(key.0, &state, &id).await?))
}

/// Records that the customer followed a link in a letter.
pub(crate) async fn followed(actor: Actor, state: &State, id: &str) -> Result<Departure, Problem> {
    let id = ChurnEventId::from(id);
    let row = state.write(move |conn| evidence::clicked(conn, &actor, &id, clock::now())).await?;
    Ok(event(&row))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// One of the eight reasons, or a code that stands for one.
    #[serde(alias = "cancel_reason")]
    reason: String,
}

pub async fn correct_reason(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Correction>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(correct(key.0, &state, &id, &body.0.reason).await?))
}

/// Corrects the reason.
pub(crate) async fn correct(actor: Actor, state: &State, id: &str, given: &str) -> Result<Departure, Problem> {
    let id = ChurnEventId::from(id);
    let reason = match given.parse::<Reason>() {
        Ok(reason) => reason,
        Err(expected) => Reason::from_code(given).ok_or_else(|| Error::invalid("field_invalid", "reason", format!("reason must be {expected}.")))?,
    };
    let row = state.write(move |conn| churn::correct_reason(conn, &actor, &id, reason, clock::now())).await?;
    Ok(event(&row))
}

/// The updates that answer what the customer asked for, with those that a person refused.
pub async fn matches(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(answering(key.0, &state, &id).await?))
}

/// The updates that answer what the customer asked for.
pub(crate) async fn answering(actor: Actor, state: &State, id: &str) -> Result<Matches, Problem> {
    let id = ChurnEventId::from(id);
    let found = state
        .read(move |conn| {
            let event = churn::get(conn, &actor, &id)?;
            let threshold = answers::threshold(conn)?;
            Ok((answers::suggestions(conn, &event, threshold, clock::now())?, threshold))
        })
        .await?;
    let matches = found.0.into_iter().map(|answer| Match {
        fact_id: answer.id,
        title: answer.update.title,
        shipped_on: answer.update.shipped_on.to_string(),
        score: answer.found.score,
        words: answer.found.words,
        via: answer.found.via,
        accepted: answer.accepted,
    });
    Ok(Matches { matches: matches.collect(), threshold: found.1 })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The product update.
    fact_id: String,
    /// Whether it answers what they asked for.
    accepted: bool,
}

pub async fn judge(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Judge>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(rule(key.0, &state, &id, &body.0.fact_id, body.0.accepted).await?))
}

/// Says whether an update answers what the customer asked for.
pub(crate) async fn rule(actor: Actor, state: &State, id: &str, fact: &str, accepted: bool) -> Result<Judged, Problem> {
    let (id, fact) = (ChurnEventId::from(id), FactId::from(fact));
    let answer = Judged { churn_event_id: id.clone(), fact_id: fact.clone(), accepted };
    state.write(move |conn| answers::judge(conn, &actor, &id, &fact, accepted, clock::now())).await?;
    Ok(answer)
}

pub async fn generate(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(draft(key.0, &state, &id).await?))
}

/// Drafts the nine variants.
pub(crate) async fn draft(actor: Actor, state: &State, id: &str) -> Result<Variants, Problem> {
    let rows = state.draft(&actor, &ChurnEventId::from(id)).await?;
    Ok(Variants { variants: rows.iter().map(variant).collect() })
}

pub async fn variants(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Plain> {
    Ok(HttpResponse::Ok().json(drafts(key.0, &state, &id).await?))
}

/// The variants of an event.
pub(crate) async fn drafts(actor: Actor, state: &State, id: &str) -> Result<Variants, Problem> {
    let id = ChurnEventId::from(id);
    let rows = state
        .read(move |conn| {
            churn::get(conn, &actor, &id)?;
            nine::list(conn, &actor, &id)
        })
        .await?;
    Ok(Variants { variants: rows.iter().map(variant).collect() })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The new subject.
    subject: Option<String>,
    /// The new text.
    body: Option<String>,
}

pub async fn edit_variant(key: Key, state: web::Data<State>, path: web::Path<(String, String)>, body: Json<Edit>) -> Result<HttpResponse, Plain> {
    let (event, id) = ids(path);
    Ok(HttpResponse::Ok().json(rewrite(key.0, &state, event, id, body.0.subject, body.0.body).await?))
}

/// Gives a variant other words.
pub(crate) async fn rewrite(
    actor: Actor,
    state: &State,
    event: ChurnEventId,
    id: VariantId,
    subject: Option<String>,
    body: Option<String>,
) -> Result<DraftedVariant, Problem> {
    let row = state.write(move |conn| nine::edit(conn, &actor, &event, &id, subject.as_deref(), body.as_deref(), clock::now())).await?;
    Ok(variant(&row))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SendVariant {
    /// The mailbox to send from, by address or id; the one set up for win-back without it.
    mailbox: Option<String>,
    /// The mailbox to send from, by id.
    mailbox_id: Option<String>,
}

pub async fn send_variant(
    key: Key,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    body: Json<SendVariant>,
) -> Result<HttpResponse, Plain> {
    let (event, id) = ids(path);
    let mailbox = given_mailbox(&key.0, &state, body.0.mailbox, body.0.mailbox_id).await?;
    Ok(HttpResponse::Accepted().json(choose(key.0, &state, event, id, mailbox).await?))
}

/// Submits a variant to the mode of its mailbox.
pub(crate) async fn choose(
    actor: Actor,
    state: &State,
    event: ChurnEventId,
    id: VariantId,
    mailbox: Option<String>,
) -> Result<SubmittedVariant, Problem> {
    let email_configured = state.email_configured;
    let vid = id.clone();
    let message = state
        .write(move |conn| {
            let choice = Choice { mailbox: mailbox.as_deref(), email_configured, mode: None };
            nine::choose(conn, &actor, &event, &vid, choice, clock::now())
        })
        .await?;
    Ok(SubmittedVariant { message: Submitted::of(&message, &state.base_url), variant_id: id })
}

fn ids(path: web::Path<(String, String)>) -> (ChurnEventId, VariantId) {
    let (event, variant) = path.into_inner();
    (ChurnEventId::from(event.as_str()), VariantId::from(variant.as_str()))
}

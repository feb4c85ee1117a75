//! `/v1/facts`, and the same rows as `/v1/product-updates` and `/v1/offers`.

pub(crate) mod fields;
mod shapes;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use fields::{changed, entered, entered_offer, entered_update};
pub(crate) use shapes::{Corrections, Demand, FactHistory, FactPage, FactRow, FactVersion, Recall};
use shapes::{FlatFact, Money, Need, OfferPage, PreparedCorrection, RecallRecipient, UpdatePage, Voice};

use crate::api::error::Problem;
use crate::api::input::id_cursor;
use crate::api::json::{self, Json, Params, rows};
use crate::api::key::Key;
use crate::api::operations::{Operation, get, patch, post};
use crate::api::shapes::Submitted;
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::demand::{self, Order};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::facts::{self, Body, Fact, Filter, Kind, State as FactState};
use crate::domain::ids::{ContactId, FactId};
use crate::domain::messages::recall;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/facts", "list_facts", "List facts").needs(&[Scope::Read]).query::<Query>().answers::<FactPage>(200).to(list),
        post("/v1/facts", "create_fact", "Enter a fact")
            .about("With its kind and the fields of that kind. A key without admin proposes; claims may rest on it once a person accepted it.")
            .needs(&[Scope::Draft, Scope::Admin])
            .body_as(entered)
            .answers::<FactRow>(201)
            .to(create),
        get("/v1/facts/{id}", "get_fact", "Read a fact with all its versions").needs(&[Scope::Read]).answers::<FactHistory>(200).to(show),
        patch("/v1/facts/{id}", "change_fact", "Change a fact")
            .about("What is left out stays. Approvals that rest on the version before are void. A key needs the scope admin; other keys propose a new fact.")
            .body_as(changed)
            .answers::<FactRow>(200)
            .to(change),
        post("/v1/facts/{id}/accept", "accept_fact", "Accept a proposed fact").about("Claims may rest on it then. A key needs the scope admin.").answers::<FactRow>(200).to(accept),
        post("/v1/facts/{id}/revoke", "revoke_fact", "Revoke a fact")
            .about("Approvals that rest on it are void; the recall lists who received it. A key needs the scope admin.")
            .body::<Revocation>()
            .answers::<FactRow>(200)
            .to(revoke),
        get("/v1/facts/{id}/recall", "get_recall", "Who received a fact")
            .about("Recipients, drafts that rest on it, and the correction that is prepared.")
            .needs(&[Scope::Read])
            .answers::<Recall>(200)
            .to(show_recall),
        post("/v1/facts/{id}/corrections", "correct_fact", "Submit the correction")
            .about("One message to each recipient, through the mode of its mailbox. What is left out is taken from the prepared one.")
            .needs(&[Scope::Draft])
            .body::<Correction>()
            .answers::<Corrections>(202)
            .to(correct),
        get("/v1/product-updates", "list_product_updates", "List product updates")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<UpdatePage>(200)
            .to(updates),
        post("/v1/product-updates", "create_product_update", "Enter a product update")
            .needs(&[Scope::Draft, Scope::Admin])
            .body_as(entered_update)
            .answers::<FlatFact>(201)
            .to(create_update),
        get("/v1/offers", "list_offers", "List offers").needs(&[Scope::Read]).query::<Query>().answers::<OfferPage>(200).to(offers),
        post("/v1/offers", "create_offer", "Enter an offer").needs(&[Scope::Draft]).body_as(entered_offer).answers::<FlatFact>(201).to(create_offer),
        get("/v1/reports/demand", "get_demand", "What customers who left had asked for")
            .about("Needs that nothing shipped answers, from the latest departures.")
            .needs(&[Scope::Read])
            .query::<DemandQuery>()
            .answers::<Demand>(200)
            .to(demand),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only of this kind.
    kind: Option<Kind>,
    /// Only in this state.
    state: Option<FactState>,
    /// Only about this contact.
    contact: Option<String>,
    /// Words to find.
    query: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    let (found, next_cursor) = page(key, &state, query.0).await?;
    Ok(HttpResponse::Ok().json(FactPage { facts: found.iter().map(FactRow::of).collect(), next_cursor }))
}

pub async fn updates(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    let (found, next_cursor) = page(key, &state, Query { kind: Some(Kind::ProductUpdate), ..query.0 }).await?;
    Ok(HttpResponse::Ok().json(UpdatePage { product_updates: found.iter().map(FlatFact::of).collect(), next_cursor }))
}

pub async fn offers(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    let (found, next_cursor) = page(key, &state, Query { kind: Some(Kind::Offer), ..query.0 }).await?;
    Ok(HttpResponse::Ok().json(OfferPage { offers: found.iter().map(FlatFact::of).collect(), next_cursor }))
}

async fn page(key: Key, state: &State, query: Query) -> Result<(Vec<Fact>, Option<FactId>), Problem> {
    let filter = Filter {
        kind: query.kind,
        state: query.state,
        contact: query.contact.as_deref().map(ContactId::from),
        words: query.query,
        after: id_cursor(query.cursor.as_deref())?,
        limit: rows(query.limit, 20)?,
    };
    let (found, more) = state.read(move |conn| facts::list(conn, &key.0, &filter)).await?;
    let cursor = found.last().filter(|_| more).map(|row| row.id.clone());
    Ok((found, cursor))
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = FactId::from(id.as_str());
    let (row, versions) = state.read(move |conn| Ok((facts::get(conn, &key.0, &id)?, facts::versions(conn, &key.0, &id)?))).await?;
    Ok(HttpResponse::Ok().json(FactHistory { fact: FactRow::of(&row), versions: versions.iter().map(FactVersion::of).collect() }))
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    let row = enter(key, &state, body.0).await?;
    Ok(HttpResponse::Created().json(FactRow::of(&row)))
}

pub async fn create_update(key: Key, state: web::Data<State>, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    create_kind(key, &state, Kind::ProductUpdate, body.0).await
}

pub async fn create_offer(key: Key, state: web::Data<State>, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    create_kind(key, &state, Kind::Offer, body.0).await
}

async fn create_kind(key: Key, state: &State, kind: Kind, mut fields: Map<String, Value>) -> Result<HttpResponse, Problem> {
    fields.insert("kind".to_owned(), json!(kind));
    let row = enter(key, state, fields).await?;
    Ok(HttpResponse::Created().json(FlatFact::of(&row)))
}

async fn enter(key: Key, state: &State, mut fields: Map<String, Value>) -> Result<Fact, Problem> {
    let source = take_source(&mut fields)?;
    let body = body_of(fields)?;
    Ok(state.write(move |conn| facts::add(conn, &key.0, body, source.as_deref(), clock::now())).await?)
}

fn take_source(fields: &mut Map<String, Value>) -> Result<Option<String>, Problem> {
    match fields.remove("source") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Error::invalid("field_invalid", "source", format!("source must be a string; got {other}.")).into()),
    }
}

/// Reads a body by its kind, so that an error names the field of that kind.
pub(crate) fn body_of(mut fields: Map<String, Value>) -> Result<Body, Problem> {
    let names = Kind::ENTERED.map(Kind::as_str).join(", ");
    let given = fields.remove("kind").unwrap_or_default();
    let kind = given.as_str().and_then(|word| word.parse::<Kind>().ok()).filter(|kind| Kind::ENTERED.contains(kind));
    let kind = kind.ok_or_else(|| Error::invalid("field_invalid", "kind", format!("kind must be one of {names}; got {given}.")))?;
    let fields = Value::Object(fields);
    Ok(match kind {
        Kind::ProductUpdate => Body::ProductUpdate(json::read(&fields)?),
        Kind::Offer => Body::Offer(json::read(&fields)?),
        Kind::PlanPrice => Body::PlanPrice(json::read(&fields)?),
        Kind::MigrationChange => Body::MigrationChange(json::read(&fields)?),
        Kind::AllowedUrl => Body::AllowedUrl(json::read(&fields)?),
        Kind::CompanyFact => Body::CompanyFact(json::read(&fields)?),
        _ => Body::CustomerStory(json::read(&fields)?),
    })
}

/// Changes the fields given and keeps the others.
pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(amend(key.0, &state, &id, body.0).await?))
}

/// Writes a new version of a fact.
pub(crate) async fn amend(actor: Actor, state: &State, id: &str, mut fields: Map<String, Value>) -> Result<FactRow, Problem> {
    let id = FactId::from(id);
    let source = take_source(&mut fields)?;
    let (reader, target) = (actor.clone(), id.clone());
    let before = state.read(move |conn| facts::get(conn, &reader, &target)).await?;
    let Value::Object(mut whole) = json!(*before.body) else { return Err(Error::internal("a fact's body is no object").into()) };
    whole.extend(fields);
    let body = body_of(whole)?;
    let row = state.write(move |conn| facts::change(conn, &actor, &id, body, source.as_deref(), clock::now())).await?;
    Ok(FactRow::of(&row))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Why it no longer holds.
    reason: String,
}

pub async fn revoke(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Revocation>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(withdraw(key.0, &state, &id, body.0.reason).await?))
}

/// Revokes a fact.
pub(crate) async fn withdraw(actor: Actor, state: &State, id: &str, reason: String) -> Result<FactRow, Problem> {
    let id = FactId::from(id);
    let row = state.write(move |conn| facts::revoke(conn, &actor, &id, &reason, clock::now())).await?;
    Ok(FactRow::of(&row))
}

pub async fn accept(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(settle(key.0, &state, &id).await?))
}

/// Makes a proposed fact hold.
pub(crate) async fn settle(actor: Actor, state: &State, id: &str) -> Result<FactRow, Problem> {
    let id = FactId::from(id);
    let row = state.write(move |conn| facts::accept(conn, &actor, &id, clock::now())).await?;
    Ok(FactRow::of(&row))
}

pub async fn show_recall(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(recalled(key.0, &state, &id).await?))
}

/// Who received a claim that rests on the fact, and what can be done about it.
pub(crate) async fn recalled(actor: Actor, state: &State, id: &str) -> Result<Recall, Problem> {
    let id = FactId::from(id);
    let recall = state.read(move |conn| recall::of_fact(conn, &actor, &id)).await?;
    let recipients = recall.recipients.into_iter().map(|to| RecallRecipient {
        contact_id: to.contact_id,
        email: to.email,
        message_id: to.message_id,
        subject: to.subject,
        words: to.words,
        fact_version: to.fact_version,
        sent_at: to.sent_at,
    });
    Ok(Recall {
        fact: FactRow::of(&recall.fact),
        recipients: recipients.collect(),
        drafts: recall.drafts,
        correction: recall.correction.map(|(subject, text)| PreparedCorrection { subject, text }),
        corrected: recall.corrected,
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// Another subject.
    subject: Option<String>,
    /// Another text.
    text: Option<String>,
}

/// Submits the correction batch; what is left out is taken from the prepared one.
pub async fn correct(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Correction>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(put_right(key.0, &state, &id, body.0.subject, body.0.text).await?))
}

/// Submits a correction to everybody who received the old claim and has none yet.
pub(crate) async fn put_right(actor: Actor, state: &State, id: &str, subject: Option<String>, text: Option<String>) -> Result<Corrections, Problem> {
    let (id, base_url) = (FactId::from(id), state.base_url.clone());
    let messages = state
        .write(move |conn| -> DomainResult<Vec<Submitted>> {
            let prepared = recall::of_fact(conn, &actor, &id)?.correction.unwrap_or_default();
            let (subject, text) = (subject.unwrap_or(prepared.0), text.unwrap_or(prepared.1));
            let made = recall::correct(conn, &actor, &id, &subject, &text, clock::now())?;
            Ok(made.iter().map(|message| Submitted::of(message, &base_url)).collect())
        })
        .await?;
    Ok(Corrections { messages })
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DemandQuery {
    /// What counts most; revenue without it.
    order: Option<Order>,
}

/// What customers who left had asked for and nothing that shipped answers.
pub async fn demand(key: Key, state: web::Data<State>, query: Params<DemandQuery>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(unmet(key.0, &state, query.0.order).await?))
}

/// The unmet needs; those that cost most first where no order is named.
pub(crate) async fn unmet(actor: Actor, state: &State, order: Option<Order>) -> Result<Demand, Problem> {
    let order = order.unwrap_or(Order::Revenue);
    let (needs, looked_at) = state.read(move |conn| demand::demand(conn, &actor, order, clock::now())).await?;
    let voice = |voice: &demand::Voice| Voice {
        event_id: voice.event_id.clone(),
        who: voice.who.clone(),
        quote: voice.quote.clone(),
        left_on: voice.left_on.to_string(),
        mrr: voice.mrr.as_ref().map(Money::of),
    };
    let needs = needs.iter().take(100).map(|need| Need {
        customers: need.voices.len(),
        lost_mrr: need.lost.iter().map(Money::of).collect(),
        last_left_on: need.latest.to_string(),
        voices: need.voices.iter().take(20).map(voice).collect(),
    });
    Ok(Demand { needs: needs.collect(), departures: looked_at })
}

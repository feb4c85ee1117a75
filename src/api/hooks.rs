//! Webhooks that come in. Whose word it is comes first: nothing is parsed and nothing written
//! for a wrong signature. A 2xx means that an event is on record or will never be needed.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::amazon;
use super::error::Problem;
use super::input::{agreed, time_of};
use super::json;
use super::operations::{Access, Operation, post};
use super::shapes::OneOrMany;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::churn::timeline::{Details, SignalKind};
use crate::domain::churn::{EventType, intake};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Kind};
use crate::domain::ids::{ChurnEventId, SourceId};
use crate::domain::inbound::providers::{self, Reporter, Signed};
use crate::domain::sources::Provider;
use crate::domain::sources::read::{self, Said, Told};
use crate::domain::sources::receive::{self, Received, Sender, Trusted};
use crate::domain::sources::signatures::{Headers, Refused};
use crate::domain::text;
use crate::inbound::provider;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/webhooks/stripe", "receive_stripe_event", "Take in an event from Stripe")
            .about("Signed by Stripe (header Stripe-Signature) with the secret of a source or of the configuration; at most 5 minutes old.")
            .open_to(Access::Signed)
            .answers::<Answer>(200)
            .to(stripe),
        post("/v1/webhooks/events/{provider}", "receive_provider_event", "Take in an event from a billing or mail provider")
            .about("stripe, paddle (header Paddle-Signature) or chargebee (Basic credentials: the user countersign and the secret of the source). An event is taken once; ignored says why it is not needed. \
                 sendgrid (its signature of the event webhook), mailgun (its signature in the body) and postmark (Basic credentials: the user countersign) tell of bounces and complaints; ses is Amazon SES through an SNS topic, signed with a certificate of SNS, at most an hour old.")
            .open_to(Access::Signed)
            .answers::<Answer>(200)
            .to(events),
        post("/v1/webhooks/generic/{source}", "receive_signed_report", "Take in a report of your own system")
            .about("Signed as Standard Webhooks says (webhook-id, webhook-timestamp, webhook-signature) with the secret of the source; at most 5 minutes old.")
            .open_to(Access::Signed)
            .body::<GenericEvent>()
            .answers::<Answer>(200)
            .to(generic),
    ]
}

/// How often an event is tried when another one of the same moment is in its way.
const TRIES: usize = 3;

/// What became of an event.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Received")]
pub struct Answer {
    /// Always true: it need not be sent again.
    pub(super) received: bool,
    /// The departure it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) churn_event_id: Option<ChurnEventId>,
    /// True where it came before, or is about a departure that was on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<bool>,
    /// Why it is not needed, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ignored: Option<String>,
}

impl From<Received> for Answer {
    fn from(received: Received) -> Self {
        let (event, known, ignored) = match received {
            Received::Taken(event, is_new) => (event, !is_new, None),
            Received::Known(event) => (event, true, None),
            Received::Ignored(why) => (None, false, Some(why.to_owned())),
        };
        let known = known.then_some(true).filter(|_| ignored.is_none());
        Answer { received: true, churn_event_id: event.map(|event| event.id), known, ignored }
    }
}

pub async fn stripe(request: HttpRequest, state: web::Data<State>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    from_provider(Provider::Stripe, &request, &state, payload).await
}

pub async fn events(
    request: HttpRequest,
    state: web::Data<State>,
    provider: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    match provider.parse::<Provider>() {
        Ok(provider @ (Provider::Stripe | Provider::Paddle | Provider::Chargebee)) => from_provider(provider, &request, &state, payload).await,
        _ => match provider.parse::<Reporter>() {
            Ok(reporter) => reported(reporter, &request, &state, payload).await,
            Err(_) => Err(Error::not_found("provider").into()),
        },
    }
}

/// What a mail provider reports of messages that left through it.
async fn reported(reporter: Reporter, request: &HttpRequest, state: &State, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let secret = state.read(move |conn| providers::secret(conn, reporter)).await?;
    let body = json::body(request, &mut payload.into_inner()).await?;
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let read = match reporter {
        Reporter::Sendgrid => provider::sendgrid,
        Reporter::Postmark => provider::postmark,
        Reporter::Mailgun => provider::mailgun,
        Reporter::Ses => return amazon::reported(state, secret, &body).await,
    };
    let signed = Signed {
        authorization: header("authorization"),
        signature: header("x-twilio-email-event-webhook-signature"),
        timestamp: header("x-twilio-email-event-webhook-timestamp"),
        ..Signed::default()
    };
    providers::verify(reporter, secret.as_deref(), &signed, &body, clock::now()).map_err(not_theirs)?;
    let told = read(&body).map_err(|_| Error::bad_request("body_unreadable", "The request body could not be read. Send it again."))?;
    let matched = state.quiet_write(move |conn| providers::take(conn, reporter, &told, clock::now())).await?;
    let ignored = (matched == 0).then(|| "It is about no message sent from here.".to_owned());
    Ok(HttpResponse::Ok().json(Answer { received: true, ignored, ..Answer::default() }))
}

async fn from_provider(provider: Provider, request: &HttpRequest, state: &State, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let sources = state.read(move |conn| receive::sources(conn, provider)).await?;
    let configured = state.stripe_secret.as_ref().filter(|_| provider == Provider::Stripe);
    let configured = configured.map(|secret| secret.expose_secret().to_owned());
    let body = json::body(request, &mut payload.into_inner()).await?;
    let sender = recognise(provider, &sources, configured.as_deref(), request, &body)?;
    let event: Value = or_noted(state, &sender, "unknown", json::parse(&body)).await?;
    let told = or_noted(state, &sender, &read::event_type(&event), read::provider(provider, &event).map_err(Problem::from)).await?;
    taken(state, sender, told).await
}

/// A departure, or that somebody came back, from a system of the customer's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenericEvent {
    /// The sender's id of this event; the webhook-id header without it. An event is taken once.
    event_id: Option<String>,
    /// When it happened, such as 2026-04-30T12:00:00Z; the webhook-timestamp without it.
    occurred_at: Option<String>,
    /// churned or recovered.
    #[serde(rename = "type")]
    kind: Happened,
    /// The address to win back.
    customer_email: Option<String>,
    /// The name.
    customer_name: Option<String>,
    /// Who takes the money, such as stripe or custom.
    provider: Option<String>,
    /// The provider's id of the customer.
    provider_customer_id: Option<String>,
    /// The provider's id of the subscription.
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Happened {
    /// Somebody left.
    Churned,
    /// Somebody came back.
    Recovered,
}

pub async fn generic(
    request: HttpRequest,
    state: web::Data<State>,
    source: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let id = SourceId::from(source.as_str());
    let found = state.read(move |conn| receive::source(conn, Provider::Generic, &id)).await?;
    let body = json::body(&request, &mut payload.into_inner()).await?;
    let sources: Vec<Trusted> = found.into_iter().collect();
    let sender = recognise(Provider::Generic, &sources, None, &request, &body)?;
    let event: GenericEvent = or_noted(&state, &sender, "unknown", json::parse(&body)).await?;
    let kind = if event.kind == Happened::Churned { "churned" } else { "recovered" };
    let told = or_noted(&state, &sender, kind, told_by(event, &headers(&request, Provider::Generic)).map_err(Problem::from)).await?;
    taken(&state, sender, told).await
}

/// A report of our own form is held to it, unlike those of providers.
fn told_by(event: GenericEvent, headers: &Headers) -> Result<Told, Error> {
    let signed_at = headers.timestamp.parse().map(Time::from_seconds).unwrap_or_default();
    let occurred_at = time_of("occurred_at", event.occurred_at.as_deref())?.unwrap_or(signed_at);
    let mut details = Details {
        email: event.customer_email,
        name: event.customer_name,
        provider: event.provider,
        customer_id: event.provider_customer_id,
        subscription_id: event.provider_subscription_id,
        plan_name: event.plan_name,
        mrr_minor: agreed([("mrr_cents", event.mrr_cents), ("mrr", event.mrr)])?,
        currency: event.currency,
        tenure_days: event.tenure_days,
        cancel_reason: event.cancel_reason,
        cancel_reason_text: event.cancel_reason_text,
        last_active_at: time_of("last_active_at", event.last_active_at.as_deref())?.map(Time::micros),
        notes: event.notes,
        features: event.features.map(OneOrMany::into_vec),
        ..Details::default()
    };
    let event_type = intake::check(&details, event.event_type.as_deref(), occurred_at)?;
    details.event_type = Some(event_type);
    let kind = match (event.kind, event_type) {
        (Happened::Churned, EventType::PaymentFailed) => SignalKind::PaymentFailed,
        (Happened::Churned, _) => SignalKind::Leaving,
        (Happened::Recovered, EventType::PaymentFailed) => SignalKind::Paid,
        (Happened::Recovered, _) => SignalKind::Returned,
    };
    let email = details.email.as_deref().map(|email| EmailAddress::parse("customer_email", email)).transpose()?;
    let of_customer = || details.customer_id.as_ref().map(|id| format!("customer of id {id}"));
    let subject = details.subscription_id.clone().or_else(of_customer).or_else(|| email.map(|email| email.key().to_owned()));
    let subject = subject.ok_or_else(|| {
        Error::invalid("field_invalid", "customer_email", "Give provider_subscription_id, provider_customer_id or customer_email; got none of them.")
    })?;
    let event_id = text::required_line("event_id", event.event_id.as_deref().unwrap_or(&headers.id), 200)?;
    let event_type = if event.kind == Happened::Churned { "churned" } else { "recovered" };
    let said = Said::Signal { subject, kind, details: Box::new(details) };
    Ok(Told { event_id, event_type: event_type.to_owned(), occurred_at, said, customer: None })
}

fn headers(request: &HttpRequest, provider: Provider) -> Headers {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let signature = match provider {
        Provider::Stripe => "Stripe-Signature",
        Provider::Paddle => "Paddle-Signature",
        Provider::Chargebee | Provider::Generic | Provider::CancelFlow => "webhook-signature",
    };
    Headers { signature: header(signature), id: header("webhook-id"), timestamp: header("webhook-timestamp"), authorization: header("Authorization") }
}

fn recognise(provider: Provider, sources: &[Trusted], configured: Option<&str>, request: &HttpRequest, body: &[u8]) -> Result<Sender, Problem> {
    receive::recognise(provider, sources, configured, &headers(request, provider), body, clock::now()).map_err(not_theirs)
}

/// The answer to a wrong signature, which says nothing that helps to make a right one.
pub(super) fn not_theirs(refused: Refused) -> Problem {
    let (code, text) = match refused {
        Refused::Signature => ("webhook_signature", "Signature missing or wrong.".to_owned()),
        Refused::Stale(age) => ("webhook_stale", format!("Timestamp is {} s from this server's clock.", age.saturating_abs())),
    };
    Problem::with_status(Error::bad_request(code, text), StatusCode::UNAUTHORIZED)
}

/// What was read, or the refusal, which administrators find in the log.
async fn or_noted<T>(state: &State, sender: &Sender, event_type: &str, read: Result<T, Problem>) -> Result<T, Problem> {
    let problem = match read {
        Ok(read) => return Ok(read),
        Err(problem) => problem,
    };
    let (sender, event_type, why) = (sender.clone(), event_type.to_owned(), problem.to_string());
    if let Err(error) = state.quiet_write(move |conn| receive::note_refused(conn, &sender, &event_type, &why, clock::now())).await {
        tracing::warn!(%error, "a refused event was not noted");
    }
    Err(problem)
}

async fn taken(state: &State, sender: Sender, told: Told) -> Result<HttpResponse, Problem> {
    let event_type = told.event_type.clone();
    let mut last = None;
    for _ in 0..TRIES {
        let (by, event) = (sender.clone(), told.clone());
        match state.write(move |conn| receive::take(conn, &by, &event, clock::now())).await {
            Ok(received) => return Ok(HttpResponse::Ok().json(Answer::from(received))),
            Err(error) if error.kind == Kind::Conflict => last = Some(error),
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::BadRequest) => {
                return or_noted(state, &sender, &event_type, Err(error.into())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Two that add the same contact at once: the provider brings it again.
    let error = last.unwrap_or_else(|| Error::internal("an event was not tried"));
    Err(Problem::with_status(error, StatusCode::SERVICE_UNAVAILABLE))
}

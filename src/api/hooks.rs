//! Webhooks that come in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::error::Problem;
use super::json;
use super::operations::{Access, Operation, post};
use crate::app::State;
use crate::clock;
use crate::domain::churn::intake::Taken;
use crate::domain::churn::stripe::{self as signature, Refused};
use crate::domain::error::Error;
use crate::domain::ids::ChurnEventId;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/webhooks/stripe", "receive_stripe_event", "Take in an event from Stripe")
            .about("Signed by Stripe (header Stripe-Signature); at most 5 minutes old.")
            .open_to(Access::Signed)
            .answers::<Received>(200)
            .to(stripe),
    ]
}

/// What came of an event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Received {
    /// true: it was taken, or will never be needed.
    pub received: bool,
    /// The departure it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn_event_id: Option<ChurnEventId>,
    /// Whether that departure was on record already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<bool>,
}

pub async fn stripe(request: HttpRequest, state: web::Data<State>, body: web::Bytes) -> Result<HttpResponse, Problem> {
    let header = request.headers().get("Stripe-Signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let secret = state.stripe_secret.as_ref().map(|secret| secret.expose_secret()).unwrap_or_default();
    signature::verify(secret, header, &body, clock::now()).map_err(|refused| {
        let (code, text) = match refused {
            Refused::Signature => ("webhook_signature", "Signature missing or wrong.".to_owned()),
            Refused::Stale(age) => ("webhook_stale", format!("Timestamp is {} s from this server's clock.", age.abs())),
        };
        Problem::with_status(Error::bad_request(code, text), StatusCode::UNAUTHORIZED)
    })?;
    let event: serde_json::Value = json::parse(&body)?;
    let taken = state.write(move |conn| signature::receive(conn, &event, clock::now())).await?;
    Ok(HttpResponse::Ok().json(match taken {
        Some(Taken::New(event)) => Received { received: true, churn_event_id: Some(event.id), known: None },
        Some(Taken::Known(event)) => Received { received: true, churn_event_id: Some(event.id), known: Some(true) },
        None => Received { received: true, churn_event_id: None, known: None },
    }))
}

//! Webhooks that come in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::ExposeSecret;
use serde_json::json;

use super::error::Problem;
use super::json;
use crate::app::State;
use crate::clock;
use crate::domain::churn::intake::Taken;
use crate::domain::churn::stripe::{self as signature, Refused};
use crate::domain::error::Error;

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
        Some(Taken::New(event)) => json!({"received": true, "churn_event_id": event.id}),
        Some(Taken::Known(event)) => json!({"received": true, "churn_event_id": event.id, "known": true}),
        None => json!({"received": true}),
    }))
}

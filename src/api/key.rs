//! Who calls: a key in a header, never in a URL.

use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use futures_util::future::LocalBoxFuture;

use super::error::{Problem, refuse};
use super::operations;
use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::error::Error;
use crate::domain::mailboxes::keys;

/// The key behind a request.
pub struct Key(pub Actor);

impl FromRequest for Key {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let admitted = Self::of(&request).await.and_then(|key| key.may_make(&request));
            admitted.map_err(|problem| refuse(&request, problem))
        })
    }
}

impl Key {
    /// The table says which scope the call needs; the domain asks again.
    fn may_make(self, request: &HttpRequest) -> Result<Self, Problem> {
        let pattern = request.match_pattern().unwrap_or_default();
        if let Some(operation) = operations::find(request.method(), &pattern) {
            operation.access.admit(&self.0)?;
        }
        Ok(self)
    }

    /// The key that a request carries.
    pub async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let secret = secret_of(request)?;
        let state = request.app_data::<web::Data<State>>().cloned();
        let state = state.ok_or_else(|| Error::internal("no state"))?;
        let now = clock::now();
        let presented = state.read(move |conn| keys::authenticate(conn, &secret, now)).await?.ok_or_else(unknown)?;
        if presented.stale_last_use {
            let actor = presented.actor.clone();
            // A missed note of last use must not fail the call.
            if let Err(error) = state.write(move |conn| keys::touch(conn, &actor, now)).await {
                tracing::warn!(%error, "last use of a key was not noted");
            }
        }
        Ok(Key(presented.actor))
    }
}

fn unknown() -> Problem {
    let text = "The key is missing, unknown or revoked. Send the key in the Authorization header as \"Bearer cs_live_…\".";
    Problem::with_status(Error::bad_request("key_invalid", text), StatusCode::UNAUTHORIZED)
}

fn secret_of(request: &HttpRequest) -> Result<String, Problem> {
    let in_url = url::form_urlencoded::parse(request.query_string().as_bytes())
        .any(|(_, value)| ["cs_live_", "cs_test_", "mm_live_"].iter().any(|prefix| value.starts_with(prefix)));
    if in_url {
        return Err(
            Error::bad_request("key_in_url", "Send the key in the Authorization header. This key has now been seen in a URL: rotate it.").into()
        );
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    header("Authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret)
        .or_else(|| header("X-API-Key"))
        .map(|secret| secret.trim().to_owned())
        .filter(|secret| !secret.is_empty() && secret.len() <= 200)
        .ok_or_else(unknown)
}

//! Who calls: a key in a header, never in a URL.

use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use futures_util::future::{Ready, ready};

use super::error::{Problem, refuse};
use crate::domain::actor::Actor;
use crate::domain::error::Error;

/// How keys begin. The last is what pasted client code has.
const PREFIXES: [&str; 3] = ["cs_live_", "cs_test_", "mm_live_"];
/// Characters of a key that may be shown, to tell keys apart.
const SHOWN: usize = 12;

/// The key behind a request, as the door left it there.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub Actor);

/// The key behind a request.
pub struct Key(pub Actor);

impl FromRequest for Key {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Caller>().map(|caller| Key(caller.0.clone())).ok_or_else(|| refuse(request, unknown())))
    }
}

pub(super) fn unknown() -> Problem {
    let text = "The key is missing, unknown, expired or revoked. Send the key in the Authorization header as \"Bearer cs_live_…\".";
    Problem::with_status(Error::bad_request("key_invalid", text), StatusCode::UNAUTHORIZED)
}

/// The beginning of what looks like a key.
pub(super) fn prefix(secret: &str) -> Option<String> {
    let looks_like_one = PREFIXES.iter().any(|prefix| secret.starts_with(prefix)) && secret.bytes().all(|byte| byte.is_ascii_graphic());
    looks_like_one.then(|| secret.chars().take(SHOWN).collect())
}

/// Whether this begins as a key does.
pub(super) fn is_like_one(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// The secret in the headers of a request.
pub(super) fn secret_of(request: &HttpRequest) -> Result<String, Problem> {
    let in_query = url::form_urlencoded::parse(request.query_string().as_bytes()).any(|(name, value)| is_like_one(&name) || is_like_one(&value));
    if in_query || request.path().split('/').any(is_like_one) {
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

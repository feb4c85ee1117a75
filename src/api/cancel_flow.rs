//! What a cancel page says, called from the browser of whoever leaves. No key: the page's origin
//! must be one of the source's, and the customer's own server signs who they are.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, web};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::hooks::not_theirs;
use super::json;
use crate::app::State;
use crate::clock;
use crate::domain::churn::intake::Taken;
use crate::domain::error::Error;
use crate::domain::ids::SourceId;
use crate::domain::sources::cancel_flow::{self, Report};
use crate::domain::sources::{Provider, Source, receive};

/// Largest body taken, in bytes.
const LARGEST: usize = 32 * 1024;
/// Reports that one network address may make for one source in a minute.
const A_MINUTE: u32 = 30;
/// Counts that are kept at once before those at rest are thrown away.
const MOST_COUNTS: usize = 10_000;

static COUNTS: LazyLock<DefaultKeyedRateLimiter<(SourceId, Option<IpAddr>)>> =
    LazyLock::new(|| RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(A_MINUTE).unwrap_or(NonZeroU32::MIN))));

/// Who leaves and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The customer's id with whoever takes the money.
    #[serde(default)]
    customer_id: String,
    /// The customer's address.
    #[serde(default)]
    customer_email: String,
    /// When the customer's server signed, in seconds since 1970. Valid for 24 hours.
    signed_at: i64,
    /// HMAC-SHA256 with the source's secret, in hexadecimal, over signed_at, customer_id and customer_email, joined by line feeds.
    signature: String,
    /// The reason as a code, such as too_expensive.
    reason: Option<String>,
    /// Their own words.
    text: Option<String>,
}

/// What became of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Answer {
    /// Always true.
    received: bool,
    /// True where the departure was on record.
    known: bool,
}

/// The page asks whether it may call.
pub async fn preflight(request: HttpRequest, state: web::Data<State>, source: web::Path<String>) -> Result<HttpResponse, Problem> {
    let (_, origin) = allowed(&request, &state, &source).await?;
    let mut answer = HttpResponse::NoContent();
    answer.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"));
    answer.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type"));
    answer.insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
    Ok(for_origin(&mut answer, &origin).finish())
}

pub async fn report(
    request: HttpRequest,
    state: web::Data<State>,
    source: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (source, origin) = allowed(&request, &state, &source).await?;
    // The page may read an error as well, so it carries the same headers.
    Ok(match take(&request, &state, source, payload).await {
        Ok(answer) => for_origin(&mut HttpResponse::Ok(), &origin).json(answer),
        Err(problem) => {
            let plain = problem.error_response();
            let mut answer = HttpResponse::build(plain.status());
            for (name, value) in plain.headers() {
                answer.append_header((name.clone(), value.clone()));
            }
            for_origin(&mut answer, &origin).body(problem.body().to_string())
        }
    })
}

async fn take(request: &HttpRequest, state: &State, source: Source, payload: web::Payload) -> Result<Answer, Problem> {
    within_limits(&source.id, request.peer_addr().map(|peer| peer.ip()))?;
    let body = json::body(request, &mut payload.into_inner()).await?;
    if body.len() > LARGEST {
        return Err(Error::too_large("request body", LARGEST).into());
    }
    let said: Said = json::parse(&body)?;
    let report = Report {
        customer_id: said.customer_id,
        customer_email: said.customer_email,
        signed_at: said.signed_at,
        signature: said.signature,
        reason: said.reason,
        text: said.text,
    };
    cancel_flow::verify(&source, &report, clock::now()).map_err(not_theirs)?;
    let taken = state.write(move |conn| cancel_flow::take(conn, &source, &report, clock::now())).await?;
    Ok(Answer { received: true, known: matches!(taken, Some(Taken::Known(_))) })
}

/// The source, and the origin exactly as the browser names it, where it is one of the source's.
async fn allowed(request: &HttpRequest, state: &State, source: &str) -> Result<(Source, String), Problem> {
    let id = SourceId::from(source);
    let origin = request.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let found = state.read(move |conn| receive::source(conn, Provider::CancelFlow, &id)).await?;
    match found.filter(|source| source.origins.contains(&origin)) {
        Some(source) => Ok((source, origin)),
        None => {
            let text = "This page may not report here. Enter its origin at the source, and call the source's own address.";
            Err(Error::forbidden("origin_refused", text).into())
        }
    }
}

fn for_origin<'a>(answer: &'a mut HttpResponseBuilder, origin: &str) -> &'a mut HttpResponseBuilder {
    answer.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)).insert_header((header::VARY, "Origin"))
}

fn within_limits(source: &SourceId, network: Option<IpAddr>) -> Result<(), Problem> {
    if COUNTS.len() > MOST_COUNTS {
        COUNTS.retain_recent();
    }
    COUNTS.check_key(&(source.clone(), network)).map_err(|_| {
        let text = "Too many reports in a short time. Wait a minute and try again.";
        Problem::with_status(Error::conflict("rate_limited", text), StatusCode::TOO_MANY_REQUESTS)
    })
}

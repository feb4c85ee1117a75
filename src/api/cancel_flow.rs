//! What a cancel page says, called from the browser of whoever leaves. No key: the page's origin
//! must be one of the source's, and the customer's own server signs who they are.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::hooks::not_theirs;
use super::json;
use super::operations::{Access, Operation, options, post};
use crate::app::State;
use crate::clock;
use crate::domain::churn::intake::Taken;
use crate::domain::error::Error;
use crate::domain::ids::SourceId;
use crate::domain::sources::Provider;
use crate::domain::sources::cancel_flow::{self, Report};
use crate::domain::sources::receive::{self, Trusted};

/// Largest body taken, in bytes.
const LARGEST: usize = 32 * 1024;
/// Reports that one network address may make for one source in a minute.
const A_MINUTE: u32 = 30;
/// Counts that are kept at once before those at rest are thrown away.
const MOST_COUNTS: usize = 10_000;

pub(super) fn operations() -> Vec<Operation> {
    const PATH: &str = "/v1/cancel-flow/{source}";
    vec![
        post(PATH, "report_cancellation", "Report a cancellation from your cancel page")
            .about("Called in the browser of whoever leaves, from an origin of the source, with a signature that your server made. At most 30 a minute from one network.")
            .open_to(Access::Signed)
            .body::<Said>()
            .answers::<Answer>(200)
            .answers_as(403, "application/problem+json")
            .answers_as(429, "application/problem+json")
            .to(report),
        options(PATH, "ask_to_report_cancellation", "Ask whether a page may report")
            .about("What a browser asks before the call. The answer names the origin, never *.")
            .open_to(Access::Public)
            .answers_nothing(204)
            .answers_as(403, "application/problem+json")
            .to(preflight),
    ]
}

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
#[schemars(rename = "ReportedCancellation")]
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
    Ok(for_origin(answer.finish(), origin))
}

pub async fn report(
    request: HttpRequest,
    state: web::Data<State>,
    source: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (by, origin) = allowed(&request, &state, &source).await?;
    // The page may read an error as well, so it carries the same headers.
    let answer = match take(&request, &state, by, payload).await {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(problem) => problem.error_response(),
    };
    Ok(for_origin(answer, origin))
}

async fn take(request: &HttpRequest, state: &State, by: Trusted, payload: web::Payload) -> Result<Answer, Problem> {
    within_limits(&by.source.id, request.peer_addr().map(|peer| peer.ip()))?;
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
    cancel_flow::verify(&by, &report, clock::now()).map_err(not_theirs)?;
    let taken = state.write(move |conn| cancel_flow::take(conn, &by.source, &report, clock::now())).await?;
    Ok(Answer { received: true, known: matches!(taken, Some(Taken::Known(_))) })
}

/// The source, and the origin exactly as the browser names it, where it is one of the source's.
async fn allowed(request: &HttpRequest, state: &State, source: &str) -> Result<(Trusted, HeaderValue), Problem> {
    let id = SourceId::from(source);
    let origin = request.headers().get(header::ORIGIN).cloned().unwrap_or_else(|| HeaderValue::from_static(""));
    let found = state.read(move |conn| receive::source(conn, Provider::CancelFlow, &id)).await?;
    match found.filter(|by| by.source.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())) {
        Some(by) => Ok((by, origin)),
        None => {
            let text = "This page may not report here. Enter its origin at the source, and call the source's own address.";
            Err(Error::forbidden("origin_refused", text).into())
        }
    }
}

fn for_origin(mut answer: HttpResponse, origin: HeaderValue) -> HttpResponse {
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    answer
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

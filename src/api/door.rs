//! Where calls come in: what they are called, who calls, how often, once, and a row in the log.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, HttpMessage, HttpRequest, web};

use super::error::{Plain, Problem, refuse};
use super::key::{self, Caller};
use super::limits::Standing;
use super::operations::{self, Access, Operation};
use super::turn;
use crate::app::State;
use crate::call_log::Place;
use crate::clock::{self, Time};
use crate::domain::actor::Actor;
use crate::domain::calls::{self, Call, Current, Outcome, Surface};
use crate::domain::error::Error;
use crate::domain::ids::{ApiKeyId, CallId};
use crate::domain::keys;

/// Longest id of a thing that is logged, in characters.
const LONGEST_TARGET: usize = 64;
/// Longest id of a call that is taken from the caller, in characters.
const LONGEST_ID: usize = 64;

/// The status of a call whose caller did not wait for the answer.
const CALLER_GONE: u16 = 499;

/// What the log is told by whoever answers a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    /// The code of the error.
    pub code: Option<String>,
    /// Whether the answer was a stored one.
    pub replayed: bool,
}

/// A call on its way through.
pub(crate) struct Visit {
    state: State,
    call: Call,
    since: Duration,
    place: Option<Place>,
    /// Set by what leaves a row of its own.
    elsewhere: Arc<AtomicBool>,
    standing: Option<Standing>,
}

/// Gives a call its id and answers it under that id.
pub(crate) async fn identified<F>(request: ServiceRequest, answer: impl FnOnce(ServiceRequest) -> F) -> Result<ServiceResponse<BoxBody>, ActixError>
where
    F: Future<Output = Result<ServiceResponse<BoxBody>, ActixError>>,
{
    let id = id_of(request.headers());
    tracing::Span::current().record("request_id", &id);
    let header = HeaderValue::from_str(&id).map_err(Error::internal).map_err(Problem::from)?;
    let network = request.peer_addr().map(|peer| peer.ip().to_string());
    let mut response = calls::during(Current::new(id).from(network), answer(request)).await?;
    response.headers_mut().insert(HeaderName::from_static("x-request-id"), header);
    Ok(response)
}

fn id_of(headers: &HeaderMap) -> String {
    let given = headers.get("X-Request-Id").and_then(|value| value.to_str().ok());
    let fits = |id: &&str| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    given.filter(fits).map_or_else(crate::domain::ids::fresh, str::to_owned)
}

/// The door of REST.
pub(super) async fn guard(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, ActixError> {
    identified(request, |request| attend(request, next)).await
}

async fn attend(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let operation = operations::find(request.method(), &request.match_pattern().unwrap_or_default());
    if operation.is_some_and(|operation| matches!(operation.access, Access::Signed | Access::Public)) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let mut visit =
        Visit::begin(request.request(), Surface::Rest, request.method().as_str(), operation.map_or("unknown", |operation| operation.path))?;
    let admitted = visit.admit(request.request()).await.and_then(|caller| visit.may_make(operation, caller));
    let response = match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller.clone());
            match operation {
                Some(operation) if operation.method == Method::POST => turn::once(request, next, &visit.state, &caller.0, operation.path).await?,
                _ => next.call(request).await?.map_into_boxed_body(),
            }
        }
        // What leads nowhere does so for everybody.
        Err(problem) if problem.code() == "key_invalid" && operation.is_none() => {
            visit.forget();
            next.call(request).await?.map_into_boxed_body()
        }
        Err(problem) => refused(request, problem),
    };
    Ok(visit.end(response))
}

/// The answer of the door itself, in the dialect of the path.
pub(super) fn refused(request: ServiceRequest, problem: Problem) -> ServiceResponse<BoxBody> {
    let error = refuse(request.request(), problem);
    request.error_response(error)
}

impl Visit {
    /// A call that just came in.
    pub fn begin(request: &HttpRequest, surface: Surface, method: &str, operation: &str) -> Result<Self, Problem> {
        let state = request.app_data::<web::Data<State>>().ok_or_else(|| Error::internal("no state"))?;
        let mut call = new_call(surface, method, operation, request.peer_addr().map(|peer| peer.ip().to_string()));
        call.target_id = named_in(operation, request.path()).and_then(as_target);
        Ok(Visit { state: state.as_ref().clone(), call, since: clock::uptime(), place: None, elsewhere: Arc::default(), standing: None })
    }

    /// Who calls, if they may at all and have not called too often.
    pub async fn admit(&mut self, request: &HttpRequest) -> Result<Caller, Problem> {
        self.place = Some(place(&self.state).await?);
        let peer = request.peer_addr().map(|peer| peer.ip());
        let presented = match key::secret_of(request) {
            Ok(secret) => {
                self.call.key_prefix = key::prefix(&secret);
                let now = clock::now();
                self.state.read(move |conn| keys::authenticate(conn, &secret, now)).await?.ok_or_else(key::unknown)
            }
            Err(problem) => Err(problem),
        };
        let presented = match presented {
            Ok(presented) => presented,
            Err(problem) => {
                let Some(wait) = self.state.limits.count_stranger(peer) else { return Err(problem) };
                // Whoever has no key must not be able to fill the log.
                self.forget();
                return Err(too_many("Too many calls without a valid key came from your address.", wait));
            }
        };
        self.call.key_id = Some(ApiKeyId::from(presented.actor.id()));
        self.call.key_prefix = None;
        let standing = self.state.limits.count(presented.actor.id(), presented.calls_per_minute.unsigned_abs());
        self.standing = Some(standing);
        if let Some(wait) = standing.wait {
            return Err(too_many(&format!("This key may make {} calls a minute.", standing.limit), wait));
        }
        if presented.stale_last_use {
            note_use(&self.state, &presented.actor, peer).await;
        }
        Ok(Caller(presented.actor))
    }

    /// The table says which scope the call needs; the domain asks again.
    fn may_make(&mut self, operation: Option<&'static Operation>, caller: Caller) -> Result<Caller, Problem> {
        let Some(operation) = operation else { return Ok(caller) };
        if let Access::Scopes(scopes) = operation.access {
            let used = scopes.iter().find(|scope| caller.0.must_have(**scope).is_ok());
            self.call.scope = used.or(scopes.first()).copied();
        }
        operation.access.admit(&caller.0)?;
        Ok(caller)
    }

    /// Names the method of the protocol inside, where it is a name.
    pub fn is_called(&mut self, method: &str) {
        if let Some(method) = as_target(method) {
            self.call.method = method;
        }
    }

    /// What sets this leaves the row of the call itself.
    pub fn elsewhere(&self) -> Arc<AtomicBool> {
        self.elsewhere.clone()
    }

    fn place_to_fill(&mut self) -> Option<Place> {
        self.place.take().filter(|_| !self.elsewhere.load(Ordering::Relaxed))
    }

    /// Leaves no row.
    fn forget(&mut self) {
        self.place = None;
    }

    /// Writes the row and the headers of an answer.
    pub fn end(mut self, mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        if let Some(standing) = &self.standing {
            standing.write(response.headers_mut());
        }
        if let Some(place) = self.place_to_fill() {
            let noted = response.request().extensions().get::<Noted>().cloned();
            let noted = noted.unwrap_or_else(|| Noted { code: code_of(&response), replayed: false });
            place.fill(ended(self.call.clone(), self.since, response.status().as_u16(), noted));
        }
        response
    }
}

/// A caller who hung up leaves a row too.
impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(place) = self.place_to_fill() {
            let noted = Noted { code: Some("caller_gone".to_owned()), replayed: false };
            place.fill(ended(self.call.clone(), self.since, CALLER_GONE, noted));
        }
    }
}

/// The row of a call that came in now.
pub(crate) fn new_call(surface: Surface, method: &str, operation: &str, peer: Option<String>) -> Call {
    Call {
        id: CallId::new(),
        at: clock::now(),
        key_id: None,
        key_prefix: None,
        surface,
        method: method.to_owned(),
        operation: operation.to_owned(),
        scope: None,
        target_id: None,
        outcome: Outcome::Done,
        status: 0,
        code: None,
        replayed: false,
        micros: 0,
        peer,
        request_id: calls::current().map(|call| call.request_id).unwrap_or_default(),
    }
}

/// The row when the call has its answer.
pub(crate) fn ended(call: Call, since: Duration, status: u16, noted: Noted) -> Call {
    let told = || turn::target_of(&calls::current()?, status);
    Call {
        target_id: call.target_id.clone().or_else(told),
        id: CallId::new(),
        outcome: Outcome::of(status),
        status: i32::from(status),
        code: noted.code,
        replayed: noted.replayed,
        micros: i64::try_from(clock::uptime().saturating_sub(since).as_micros()).unwrap_or(i64::MAX),
        ..call
    }
}

/// A place in the log; a call that could not be logged is not made.
pub(crate) async fn place(state: &State) -> Result<Place, Problem> {
    let full = || {
        let text = "The log of calls cannot be written now, so the call was not made. Try again in a few seconds.";
        Problem::with_status(Error::bad_request("log_full", text), StatusCode::SERVICE_UNAVAILABLE)
    };
    state.calls.place().await.ok_or_else(full)
}

/// The `{id}` of a path.
fn named_in<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    pattern.split('/').zip(path.split('/')).find(|(name, _)| *name == "{id}").map(|(_, id)| id)
}

/// An id as it may be logged. An address is none: the log outlives an erasure. Nor is a key.
pub(crate) fn as_target(id: &str) -> Option<String> {
    let is_address = id.contains('@') || id.to_ascii_lowercase().contains("%40");
    let fits = !is_address && (1..=LONGEST_TARGET).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    (fits && !key::is_like_one(id)).then(|| id.to_owned())
}

fn too_many(why: &str, wait: u64) -> Problem {
    let text = format!("{why} Wait {wait} s, then go on more slowly.");
    Problem::with_status(Error::bad_request("rate_limited", text), StatusCode::TOO_MANY_REQUESTS).retry_after(wait)
}

fn code_of(response: &ServiceResponse<BoxBody>) -> Option<String> {
    let error = response.response().error()?;
    let of_problem = error.as_error::<Problem>().map(Problem::code);
    of_problem.or_else(|| error.as_error::<Plain>().map(Plain::code)).map(str::to_owned)
}

/// A missed note of last use must not fail the call.
async fn note_use(state: &State, actor: &Actor, peer: Option<IpAddr>) {
    let (actor, from, now): (Actor, Option<String>, Time) = (actor.clone(), peer.map(|peer| peer.to_string()), clock::now());
    if let Err(error) = state.quiet_write(move |conn| keys::touch(conn, &actor, from.as_deref(), now)).await {
        tracing::warn!(%error, "last use of a key was not noted");
    }
}

//! What every page shares: the guard in front, who visits, the frame around.

use std::rc::Rc;

use actix_session::{Session, SessionExt};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::Cookie;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use askama::Template;
use futures_util::future::{Ready, ready};
use jiff::tz::TimeZone;

use super::errors::PageError;
use super::routes::{Access, ROUTES};
use super::session;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::accounts::users;
use crate::domain::actor::{Actor, Role};
use crate::domain::calls::{self, Current};
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::ids::{self, UserId, secret};
use crate::domain::mailboxes::stops::{self, Stop};
use crate::domain::messages::list;
use crate::domain::messages::undo::{self, Undoable};
use crate::domain::outbox::uncertain;
use crate::domain::settings;

/// Who visits, and what the frame shows.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// The signed-in person.
    pub actor: Option<Actor>,
    /// Whether they must set a second factor up before anything else.
    pub factor_due: bool,
    /// What names the session of who signed in.
    pub session: Option<String>,
    /// The token every form carries.
    pub csrf: String,
    /// How many messages wait.
    pub pending: list::PendingCount,
    /// Whether all sending is stopped.
    pub stopped: bool,
    /// The stops that are in force, as far as they concern who visits.
    pub stops: Vec<Stop>,
    /// Messages of which it is not known whether they left.
    pub uncertain: i64,
    /// Whether one person may decide their own work.
    pub four_eyes_off: bool,
    /// Whether this is the demo.
    pub demo: bool,
    /// A message shown once.
    pub flash: Option<String>,
    /// The approval that can still be taken back.
    pub undo: Option<Undoable>,
    /// "light" or "dark", where somebody chose.
    pub theme: &'static str,
    /// Whether single keys do something.
    pub shortcuts: bool,
    /// The zone of who visits, an IANA name.
    pub time_zone: Option<String>,
    /// When the page was made.
    pub now: Time,
}

/// The frame of a page.
#[derive(Debug, Clone)]
pub struct Chrome {
    /// The title.
    pub title: String,
    /// The section that is marked in the navigation.
    pub section: &'static str,
    /// Who visits.
    pub visit: Rc<Visit>,
}

impl Chrome {
    /// The name of who signed in.
    pub fn name(&self) -> &str {
        self.visit.actor.as_ref().map_or("", Actor::name)
    }

    /// The first letter of their name.
    pub fn initial(&self) -> String {
        self.name().chars().take(1).collect()
    }

    /// The role of who signed in.
    pub fn role(&self) -> &'static str {
        match &self.visit.actor {
            Some(Actor::User { role, .. }) => role.as_str(),
            _ => "",
        }
    }

    /// Whether something stands above the page.
    pub fn has_notices(&self) -> bool {
        let stands = self.visit.stopped || !self.visit.stops.is_empty() || self.visit.uncertain > 0;
        stands || self.visit.flash.is_some() || (self.visit.four_eyes_off && self.visit.actor.is_some())
    }

    /// Whether an administrator looks.
    pub fn is_admin(&self) -> bool {
        self.role() == Role::Admin.as_str()
    }

    /// Whether a manager or an administrator looks.
    pub fn manages(&self) -> bool {
        self.is_admin() || self.role() == Role::Manager.as_str()
    }
}

/// Stops of single mailboxes that are named above each page.
const STOPS_NAMED: usize = 3;

impl Visit {
    /// The stops to be named above the page: those of everything, and a few of mailboxes.
    pub fn named_stops(&self) -> &[Stop] {
        let all = self.stops.iter().filter(|stop| stop.is_for_all()).count();
        &self.stops[..self.stops.len().min(all + STOPS_NAMED)]
    }

    /// How many more there are.
    pub fn more_stops(&self) -> usize {
        self.stops.len() - self.named_stops().len()
    }

    /// How long ago or ahead, in words.
    pub fn relative(&self, at: &Time) -> String {
        at.relative(self.now)
    }

    /// The zone in which times are told.
    pub fn zone(&self) -> TimeZone {
        clock::zone(self.time_zone.as_deref())
    }

    /// The name of that zone.
    pub fn zone_name(&self) -> &str {
        self.time_zone.as_deref().unwrap_or("UTC")
    }

    /// How long until then, as a countdown.
    pub fn left(&self, at: &Time) -> String {
        at.seconds_left(self.now)
    }

    /// The frame for a page.
    pub fn chrome(self: &Rc<Self>, title: impl Into<String>, section: &'static str) -> Chrome {
        Chrome { title: title.into(), section, visit: Rc::clone(self) }
    }
}

/// The visit, whoever visits.
pub struct Visitor(pub Rc<Visit>);

impl Visitor {
    /// Who visits, where they are signed in.
    pub(super) fn person(&self) -> Option<Person> {
        self.0.actor.clone().map(|actor| Person { actor, visit: Rc::clone(&self.0) })
    }
}

impl FromRequest for Visitor {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Visitor(visit_of(request))))
    }
}

/// A signed-in person; the guard has looked at the table already.
pub struct Person {
    /// Who.
    pub actor: Actor,
    /// What the frame shows.
    pub visit: Rc<Visit>,
}

impl FromRequest for Person {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visit = visit_of(request);
        ready(match visit.actor.clone() {
            Some(actor) => Ok(Person { actor, visit }),
            None => Err(Error::forbidden("sign_in_needed", "Sign in first.").into()),
        })
    }
}

pub(super) fn visit_of(request: &HttpRequest) -> Rc<Visit> {
    request.extensions().get::<Rc<Visit>>().cloned().unwrap_or_default()
}

/// What somebody may use who must set a second factor up before anything else.
const SETTING_UP: [&str; 5] =
    ["/account/second-factor", "/account/second-factor/confirmation", "/account/passkeys/new", "/account/passkeys", "/logout"];
/// How exactly it is known when a session was used last, in seconds.
const SEEN_SECONDS: i64 = 300;

/// Stands before every page: who is it, and may they?
pub(super) async fn guard(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let visit = match visit(&request).await {
        // Whoever asks whether it is alive or ready gets that answer, also when the database is gone.
        Err(_) if matches!(request.path(), "/healthz" | "/readyz") => Rc::default(),
        Ok(visit) => Rc::new(visit),
        Err(error) => return Ok(answer(request, PageError::from(error).error_response())),
    };
    request.extensions_mut().insert(Rc::clone(&visit));
    let method = if request.method() == Method::HEAD { "get".to_owned() } else { request.method().as_str().to_lowercase() };
    let pattern = request.match_pattern().unwrap_or_default();
    let route = ROUTES.iter().find(|route| route.path == pattern && route.method == method);
    let refusal = match (route, &visit.actor) {
        (Some(route), _) if route.access == Access::Public => None,
        (Some(route), Some(_)) if visit.factor_due && !SETTING_UP.contains(&route.path) => Some(see_other(SETTING_UP[0])),
        (Some(route), Some(actor)) if route.access.admits(actor) => None,
        (Some(_), Some(_)) => {
            let refusal = Error::forbidden("role_missing", "Your role does not include this page. Ask an administrator.");
            Some(PageError::from(refusal).framed(&visit))
        }
        (Some(_), None) if method == "get" => Some(see_other(&format!("/login?next={}", encoded(&request)))),
        (Some(_), None) => Some(see_other("/login")),
        (None, _) => Some(PageError::from(Error::not_found("page")).framed(&visit)),
    };
    let mut response = match refusal {
        Some(refusal) => answer(request, refusal),
        None => {
            let network = request.peer_addr().map(|peer| peer.ip().to_string());
            let call = Current::new(ids::fresh()).from(network);
            in_frame(calls::during(call, next.call(request)).await?.map_into_boxed_body(), &visit)
        }
    };
    harden(response.response_mut());
    Ok(response)
}

fn answer(request: ServiceRequest, response: HttpResponse) -> ServiceResponse<BoxBody> {
    request.into_response(response).map_into_boxed_body()
}

/// An error that a handler or an extractor gave is shown in the frame of who visits.
fn in_frame(response: ServiceResponse<BoxBody>, visit: &Rc<Visit>) -> ServiceResponse<BoxBody> {
    let framed = response.response().error().and_then(|error| error.as_error::<PageError>()).map(|error| error.framed(visit));
    match framed {
        Some(framed) => response.into_response(framed),
        None => response,
    }
}

fn encoded(request: &ServiceRequest) -> String {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    url::form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

/// Pages may load nothing from elsewhere and run no inline script. Answers that set
/// a stricter policy themselves keep it.
fn harden(response: &mut HttpResponse) {
    let headers = response.headers_mut();
    let policy = "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; frame-src 'self'; \
                  frame-ancestors 'none'; form-action 'self'; base-uri 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

async fn visit(request: &ServiceRequest) -> DomainResult<Visit> {
    let session = request.get_session();
    let state = request.app_data::<web::Data<State>>().cloned().ok_or_else(|| Error::internal("no state"))?;
    let user: Option<String> = session.get(session::USER).unwrap_or_default();
    let epoch: i64 = session.get(session::EPOCH).ok().flatten().unwrap_or(-1);
    let demo = state.catcher.is_some();
    let now = clock::now();
    let (visitor, pending, undo, held, four_eyes_off) = state
        .read(move |conn| {
            let visitor = match user {
                Some(user) => users::visitor_of_session(conn, &UserId::from(user), epoch)?,
                None => None,
            };
            let actor = visitor.as_ref().map(|visitor| &visitor.actor);
            let (pending, undo) = match actor {
                Some(actor) => (list::count_pending(conn, actor)?, undo::latest(conn, actor, now)?),
                None => (list::PendingCount::default(), None),
            };
            let stopped = settings::get(conn, settings::SENDING_STOPPED)?.is_some();
            let (stops, uncertain) = match actor {
                Some(actor) => (stops::in_force(conn, actor)?, uncertain::count(conn, actor)?),
                None => (vec![], 0),
            };
            Ok((visitor, pending, undo, (stopped, stops, uncertain), !settings::four_eyes(conn)?))
        })
        .await?;
    let (stopped, stops, uncertain) = held;
    // What the script asks for by itself is no page that could show it.
    let by_script = request.path() == "/events" || request.path().ends_with("/presence");
    let flash = if by_script { None } else { shown_once(&session) };
    if visitor.is_some() && !by_script {
        note_use(&session, now);
    }
    let met_there = session.get(session::FACTOR_MET).ok().flatten().unwrap_or(false);
    let factor_due = visitor.as_ref().is_some_and(|visitor| visitor.factor_due) && !met_there;
    let (actor, profile) = visitor.map(|visitor| (visitor.actor, visitor.profile)).unzip();
    Ok(Visit {
        csrf: csrf_token(&session, actor.is_some() || ["/login", "/invite", "/reset"].iter().any(|form| request.path().starts_with(form))),
        session: session.get(session::HANDLE).ok().flatten(),
        factor_due,
        actor,
        pending,
        stopped,
        stops,
        uncertain,
        four_eyes_off,
        demo,
        flash,
        undo,
        theme: theme(request),
        shortcuts: profile.as_ref().is_none_or(|profile| profile.shortcuts),
        time_zone: profile.map(|profile| profile.time_zone),
        now,
    })
}

/// The message that is shown once. Looking for none writes nothing.
fn shown_once(session: &Session) -> Option<String> {
    session.get::<String>(session::FLASH).ok()??;
    session.remove_as::<String>(session::FLASH).and_then(Result::ok)
}

/// Notes every few minutes that the session is used, which also lets it live on.
fn note_use(session: &Session, now: Time) {
    let seen = session.get::<i64>(session::SEEN_AT).ok().flatten().map(Time::from_micros);
    if seen.is_none_or(|seen| now.seconds_since(seen) >= SEEN_SECONDS) && session.insert(session::SEEN_AT, now.micros()).is_err() {
        tracing::error!("the session could not be written");
    }
}

/// The theme somebody chose, kept in a cookie so that the first paint is right.
fn theme(request: &ServiceRequest) -> &'static str {
    match request.cookie("theme").as_ref().map(Cookie::value) {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    }
}

/// The form token of this session; made when there is a form to protect.
fn csrf_token(session: &Session, needed: bool) -> String {
    if let Ok(Some(token)) = session.get::<String>(session::CSRF) {
        return token;
    }
    let token = secret();
    if needed && session.insert(session::CSRF, &token).is_err() {
        tracing::error!("the session could not be written");
    }
    token
}

/// Shows a message on the next page.
pub fn flash(session: &Session, text: impl Into<String>) {
    if session.insert(session::FLASH, text.into()).is_err() {
        tracing::error!("the session could not be written");
    }
}

/// Whether the script asks for a part of a page, and not for the whole of one.
pub fn wants_part(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().contains_key(name);
    header("HX-Request") && !header("HX-Boosted")
}

/// Goes to another page of ours.
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish()
}

/// What was posted is done, and what to say of it stands on the page it leads to; or `again` is the page that says what is
/// wrong with it. Every other error has a page of its own.
pub async fn settled<P: Template>(
    session: &Session,
    done: Result<(impl Into<String>, String), Error>,
    again: impl AsyncFnOnce(String) -> Result<P, PageError>,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok((told, path)) => {
            flash(session, told);
            Ok(see_other(&path))
        }
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &again(error.for_people()).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Renders a page.
pub fn html(template: &impl Template) -> Result<HttpResponse, PageError> {
    html_with(StatusCode::OK, template)
}

/// Renders a page with a status of its own.
pub fn html_with(status: StatusCode, template: &impl Template) -> Result<HttpResponse, PageError> {
    let text = template.render().map_err(Error::internal)?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(text))
}

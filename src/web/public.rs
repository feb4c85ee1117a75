//! Pages without sign-in: leaving the list, following a referral link, and health.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::page::{Chrome, Visitor, html_with};
use crate::app::State;
use crate::clock;
use crate::domain::contacts::suppressions;
use crate::domain::error::Error;
use crate::domain::referrals;

#[derive(Template)]
#[template(path = "public/unsubscribe.html")]
struct UnsubscribePage {
    chrome: Chrome,
    token: String,
    known: bool,
    done: bool,
}

/// Shows a button. Looking changes nothing: mail scanners fetch every link (RFC 8058 §1).
pub(super) async fn unsubscribe_page(visitor: Visitor, state: web::Data<State>, token: web::Path<String>) -> Result<HttpResponse, PageError> {
    let token = token.into_inner();
    let looked_up = token.clone();
    let known = state.read(move |conn| suppressions::link_is_known(conn, &looked_up)).await?;
    let page = UnsubscribePage { chrome: visitor.0.chrome("Unsubscribe", ""), token, known, done: false };
    html_with(StatusCode::OK, &page)
}

/// One click, no sign-in, no cookie, no redirect (RFC 8058 §3.1); twice is as good as once.
pub(super) async fn unsubscribe(visitor: Visitor, state: web::Data<State>, token: web::Path<String>) -> Result<HttpResponse, PageError> {
    let token = token.into_inner();
    let used = token.clone();
    let known = state.write(move |conn| suppressions::unsubscribe(conn, &used, "one-click", clock::now())).await?;
    let page = UnsubscribePage { chrome: visitor.0.chrome("Unsubscribe", ""), token, known, done: known };
    html_with(StatusCode::OK, &page)
}

/// What programs call themselves that look at a link before or instead of a person: previews of messengers, scanners of mail, crawlers.
const LOOKERS: [&str; 16] = [
    "bot/",
    "bot-",
    "bot;",
    "slackbot",
    "telegrambot",
    "crawler",
    "spider",
    "preview",
    "facebookexternalhit",
    "whatsapp/",
    "imageproxy",
    "imgproxy",
    "barracuda",
    "mimecast",
    "proofpoint",
    "safelinks",
];

/// Whether nobody follows the link: a browser fetches it ahead, or a program looks what is behind it.
fn only_looks(request: &HttpRequest, browser: &str) -> bool {
    let ahead = ["purpose", "sec-purpose", "x-purpose", "x-moz"].into_iter().filter_map(|name| request.headers().get(name)?.to_str().ok());
    let browser = browser.to_lowercase();
    request.method() == actix_web::http::Method::HEAD
        || ahead.into_iter().any(|said| said.contains("prefetch") || said.contains("preview"))
        || LOOKERS.iter().any(|looker| browser.contains(looker))
}

/// Leads on to where a referral link goes, and counts the visitor once a day, without a cookie.
pub(super) async fn referral(request: HttpRequest, state: web::Data<State>, code: web::Path<String>) -> Result<HttpResponse, PageError> {
    let code = code.into_inner();
    let network = request.peer_addr().map_or_else(|| "unknown".to_owned(), |peer| peer.ip().to_string());
    let browser = request.headers().get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned()).unwrap_or_default();
    let visitor = format!("{network}\n{browser}");
    let unknown = || Error { detail: "This link is unknown or has expired.".to_owned(), ..Error::not_found("link") };
    let found = state.read(move |conn| referrals::leads_to(conn, &code)).await?.ok_or_else(unknown)?;
    let (id, target) = (found.id, found.target_url);
    // Whoever follows a link gets there, also when nobody can count them.
    if !only_looks(&request, &browser)
        && let Err(error) = state.write(move |conn| referrals::count(conn, &id, &visitor, clock::now())).await
    {
        tracing::warn!(%error, "a click was not counted");
    }
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, target)).insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(answer.insert_header((header::REFERRER_POLICY, "no-referrer")).finish())
}

pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// Ready when the database answers.
pub(super) async fn readyz(state: web::Data<State>) -> HttpResponse {
    match state.read(crate::domain::settings::four_eyes).await {
        Ok(_) => HttpResponse::Ok().content_type("text/plain").body("ready\n"),
        Err(_) => HttpResponse::ServiceUnavailable().content_type("text/plain").body("the database does not answer\n"),
    }
}

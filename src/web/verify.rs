//! Where a recipient finds out who wrote a mail and who let it go: without an account, without a look at any recipient.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::page::{Chrome, Visitor, html_with};
use crate::app::State;
use crate::domain::error::Error;
use crate::domain::provenance::keys::{self, PublicKey};
use crate::provenance::{self, Compared, Verdict};

/// The longest mail that is looked at, in bytes.
const LONGEST: usize = 1024 * 1024;
/// The longest form that is read: each byte of such a mail may take three in it.
const LONGEST_FORM: usize = "mail=".len() + 3 * LONGEST;

#[derive(Template)]
#[template(path = "verify/show.html")]
struct VerifyPage {
    chrome: Chrome,
    verdict: Option<Verdict>,
    said: Vec<String>,
    problem: Option<&'static str>,
}

impl VerifyPage {
    /// "good", "bad" or "part".
    fn kind(&self) -> &'static str {
        match &self.verdict {
            Some(verdict) if verdict.says.is_err() || verdict.is_changed() => "bad",
            Some(verdict) if verdict.is_whole() => "good",
            _ => "part",
        }
    }

    fn part(&self, which: &Compared) -> &'static str {
        match which {
            Compared::Same => "as signed",
            Compared::Added => "as signed, with something below that was not",
            Compared::Changed => "changed",
            Compared::NotGiven => "not pasted",
        }
    }
}

const TOO_LARGE: &str = "The mail is larger than 1 MiB. Paste only its headers.";

async fn keys(state: &State) -> Result<Vec<PublicKey>, PageError> {
    Ok(state.read(keys::published).await?.keys)
}

pub(super) async fn form(visitor: Visitor) -> Result<HttpResponse, PageError> {
    let chrome = visitor.0.chrome("Who wrote this mail?", "");
    html_with(StatusCode::OK, &VerifyPage { chrome, verdict: None, said: vec![], problem: None })
}

/// Looks at what was pasted. Nothing of it is kept, and no row about anybody is read.
pub(super) async fn look(request: HttpRequest, visitor: Visitor, state: web::Data<State>, body: web::Payload) -> Result<HttpResponse, PageError> {
    if let Some(wait) = state.limits.count_stranger(request.peer_addr().map(|peer| peer.ip())) {
        let page = VerifyPage {
            chrome: visitor.0.chrome("Who wrote this mail?", ""),
            verdict: None,
            said: vec![],
            problem: Some("Too many mails were looked at from here. Wait a minute and try again."),
        };
        let mut answer = html_with(StatusCode::TOO_MANY_REQUESTS, &page)?;
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        return Ok(answer);
    }
    let chrome = visitor.0.chrome("Who wrote this mail?", "");
    let refused = |chrome: Chrome, status: StatusCode, problem: &'static str| {
        html_with(status, &VerifyPage { chrome, verdict: None, said: vec![], problem: Some(problem) })
    };
    let Ok(Ok(body)) = body.to_bytes_limited(LONGEST_FORM).await else { return refused(chrome, StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE) };
    let pasted = url::form_urlencoded::parse(&body).find(|(name, _)| name == "mail").map(|(_, value)| value.into_owned()).unwrap_or_default();
    if pasted.len() > LONGEST {
        return refused(chrome, StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE);
    }
    if pasted.trim().is_empty() {
        return refused(chrome, StatusCode::UNPROCESSABLE_ENTITY, "Paste a mail, or its headers.");
    }
    let known = keys(&state).await?;
    let verdict = web::block(move || provenance::judge(pasted.as_bytes(), &known)).await.map_err(Error::internal)?;
    let said = provenance::in_words(&verdict);
    html_with(StatusCode::OK, &VerifyPage { chrome, verdict: Some(verdict), said, problem: None })
}

/// The public keys (RFC 7517, RFC 8037).
pub(super) async fn well_known(state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let set = state.read(keys::published).await?;
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).insert_header(("Access-Control-Allow-Origin", "*")).json(set))
}

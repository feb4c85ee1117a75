//! The referral programme: who was asked, what came of it, and the rules that keep it from being a nuisance.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::contacts::Named;
use crate::domain::error::{Error, Kind as ErrorKind, Result as DomainResult};
use crate::domain::ids::ReferralId;
use crate::domain::money::Money;
use crate::domain::referrals::program::{self, Program};
use crate::domain::referrals::{self, COOLDOWN_DAYS, Candidate, Conversion, MOST_ASKS, MOST_IGNORED, Owned, Referral, Wanted};

/// Links on one page.
const PAGE: usize = 30;
/// People who may be asked that are shown.
const CANDIDATES: usize = 8;
/// How fresh a signal must be to be shown, in days.
const FRESH_DAYS: i64 = 30;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "referrals/index.html")]
struct IndexPage {
    chrome: Chrome,
    tab: &'static str,
    program: Program,
    rows: Vec<Owned>,
    next: Option<ReferralId>,
    candidates: Vec<Candidate>,
    base_url: String,
    contact: String,
    target: String,
    problem: Option<String>,
}

impl IndexPage {
    /// The latest conversion, or the latest visitor.
    fn latest(&self, row: &Referral) -> Option<Time> {
        row.last_conversion_at.or(row.last_click_at)
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.program.asks.is_empty()
    }
}

async fn page(person: &Person, state: &State, before: Option<ReferralId>, given: Option<(&Form, String)>) -> DomainResult<IndexPage> {
    let actor = person.actor.clone();
    let (program, page, candidates) = state
        .read(move |conn| {
            let wanted = Wanted { days: FRESH_DAYS, limit: CANDIDATES, ..Wanted::default() };
            let candidates = referrals::eligible(conn, &actor, &wanted, clock::now())?.0;
            Ok((program::program(conn, &actor)?, referrals::list(conn, &actor, None, PAGE, before.as_ref())?, candidates))
        })
        .await?;
    let next = page.rows.last().filter(|_| page.more).map(|(row, _)| row.id.clone());
    let text = |name: &str| given.as_ref().map(|(form, _)| form.get(name).to_owned()).unwrap_or_default();
    Ok(IndexPage {
        chrome: person.visit.chrome("Referrals", "campaigns"),
        tab: "referrals",
        program,
        rows: page.rows,
        next,
        candidates,
        base_url: state.base_url.clone(),
        contact: text("contact"),
        target: text("target"),
        problem: given.map(|(_, problem)| problem),
    })
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let before = query.before.as_deref().map(ReferralId::from);
    html(&page(&person, &state, before, None).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, target) = (person.actor.clone(), form.get("target").trim().to_owned());
    let who = Named::by(Some(form.get("contact").trim().to_owned()), None);
    match state.write(move |conn| referrals::create(conn, &actor, &who, &target, clock::now())).await {
        Ok(made) => {
            let (row, _) = made.referral;
            flash(&session, if made.new { "Made. The link counts who follows it." } else { "This contact has a link to it already." });
            Ok(see_other(&format!("/referrals/{}", row.id)))
        }
        Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::NotFound) => {
            let problem = words(&error);
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&person, &state, None, Some((&form, problem))).await?)
        }
        Err(error) => Err(error.into()),
    }
}

fn words(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{} {hint}", error.detail),
        None => error.detail.clone(),
    }
}

#[derive(Template)]
#[template(path = "referrals/show.html")]
struct ShowPage {
    chrome: Chrome,
    owned: Owned,
    conversions: Vec<Conversion>,
    link: String,
}

impl ShowPage {
    fn worth(&self, one: &Conversion) -> String {
        match (one.value_minor, &one.currency) {
            (Some(minor), Some(currency)) => Money { minor, currency: currency.clone() }.to_string(),
            _ => "no value given".to_owned(),
        }
    }
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ReferralId::from(id.as_str()));
    let (owned, conversions) = state.read(move |conn| referrals::get(conn, &actor, &id)).await?;
    let link = owned.0.link(&state.base_url);
    let title = owned.1.name.clone().unwrap_or_else(|| owned.1.email.clone());
    html(&ShowPage { chrome: person.visit.chrome(format!("Referrals of {title}"), "campaigns"), owned, conversions, link })
}

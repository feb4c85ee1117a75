//! Product updates and offers: what drafts may claim.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::error::Result as DomainResult;
use crate::domain::facts::{self, Body, Offer, ProductUpdate, day};
use crate::domain::ids::FactId;
use crate::domain::reason::Reason;

#[derive(Template)]
#[template(path = "catalogue/updates.html")]
struct UpdatesPage {
    chrome: Chrome,
    rows: Vec<(FactId, ProductUpdate)>,
    problem: Option<String>,
}

async fn updates_page(person: &Person, state: &State, problem: Option<String>) -> Result<UpdatesPage, PageError> {
    let rows = state.read(|conn| facts::updates(conn, 200)).await?;
    Ok(UpdatesPage { chrome: person.visit.chrome("Product updates", "updates"), rows, problem })
}

pub(super) async fn updates(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&updates_page(&person, &state, None).await?)
}

fn new_update(form: &Form) -> DomainResult<ProductUpdate> {
    Ok(ProductUpdate {
        title: form.get("title").to_owned(),
        summary: form.get("summary").to_owned(),
        features: form.list("features"),
        keywords: form.list("keywords"),
        shipped_on: day("shipped_on", form.get("shipped_on"))?,
        url: form.some("url").map(str::to_owned),
    })
}

pub(super) async fn add_update(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let done = match new_update(&form) {
        Ok(new) => state.write(move |conn| facts::add(conn, &actor, Body::ProductUpdate(new), None, clock::now())).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => {
            flash(&session, "Added. New drafts can refer to it.");
            Ok(see_other("/updates"))
        }
        Err(error) => html_with(StatusCode::UNPROCESSABLE_ENTITY, &updates_page(&person, &state, Some(error.detail)).await?),
    }
}

#[derive(Template)]
#[template(path = "catalogue/offers.html")]
struct OffersPage {
    chrome: Chrome,
    rows: Vec<(FactId, Offer)>,
    problem: Option<String>,
    today: jiff::civil::Date,
}

impl OffersPage {
    fn standing(&self, offer: &Offer) -> &'static str {
        if offer.expires_on.is_some_and(|day| day < self.today) { "expired" } else { "open" }
    }

    fn reasons(&self, offer: &Offer) -> String {
        if offer.eligible_reasons.is_empty() {
            return "any reason".to_owned();
        }
        offer.eligible_reasons.iter().map(|reason| reason.label()).collect::<Vec<_>>().join(", ")
    }
}

async fn offers_page(person: &Person, state: &State, problem: Option<String>) -> Result<OffersPage, PageError> {
    let rows = state.read(facts::offers).await?;
    Ok(OffersPage { chrome: person.visit.chrome("Offers", "offers"), rows, problem, today: clock::now().date() })
}

pub(super) async fn offers(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&offers_page(&person, &state, None).await?)
}

fn new_offer(form: &Form) -> DomainResult<Offer> {
    let small = |name: &str| Ok::<_, crate::domain::error::Error>(form.number(name)?.and_then(|n| u8::try_from(n).ok()));
    Ok(Offer {
        name: form.get("name").to_owned(),
        code: form.get("code").to_owned(),
        percent: small("percent")?,
        months: small("months")?,
        expires_on: form.some("expires_on").map(|text| day("expires_on", text)).transpose()?,
        eligible_reasons: form.all("reasons").into_iter().filter_map(|word| word.parse::<Reason>().ok()).collect(),
        ..Offer::default()
    })
}

pub(super) async fn add_offer(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let done = match new_offer(&form) {
        Ok(new) => state.write(move |conn| facts::add(conn, &actor, Body::Offer(new), None, clock::now())).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => {
            flash(&session, "Added. New drafts can promise it.");
            Ok(see_other("/offers"))
        }
        Err(error) => html_with(StatusCode::UNPROCESSABLE_ENTITY, &offers_page(&person, &state, Some(error.detail)).await?),
    }
}

pub(super) async fn retire_offer(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), FactId::from(id.as_str()));
    let done = state.write(move |conn| facts::revoke(conn, &actor, &id, "withdrawn", clock::now())).await;
    done.map_err(|error| PageError::from(error).with_visit(person.visit))?;
    flash(&session, "Withdrawn. New drafts no longer promise it.");
    Ok(see_other("/offers"))
}

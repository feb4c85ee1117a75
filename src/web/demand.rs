//! What customers who left had asked for, and which words mean the same.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::churn::answers;
use crate::domain::churn::demand::{self, Need, Order};
use crate::domain::error::Kind;
use crate::domain::ids::{ChurnEventId, FactId};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    order: Option<String>,
}

#[derive(Template)]
#[template(path = "churn/demand.html")]
struct DemandPage {
    chrome: Chrome,
    needs: Vec<Need>,
    looked_at: usize,
    order: Order,
    synonyms: String,
    threshold: i32,
    problem: Option<String>,
}

impl DemandPage {
    fn lost(&self, need: &Need) -> String {
        if need.lost.is_empty() { "not known".to_owned() } else { need.lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ") }
    }
}

async fn page(person: &Person, state: &State, order: Order) -> Result<DemandPage, PageError> {
    let actor = person.actor.clone();
    let (needs, looked_at, synonyms, threshold) = state
        .read(move |conn| {
            let (needs, looked_at) = demand::demand(conn, &actor, order, clock::now())?;
            Ok((needs, looked_at, answers::synonyms(conn)?, answers::threshold(conn)?))
        })
        .await?;
    Ok(DemandPage { chrome: person.visit.chrome("Demand", "demand"), needs, looked_at, order, synonyms, threshold, problem: None })
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let order = query.order.as_deref().and_then(|word| word.parse().ok()).unwrap_or(Order::Revenue);
    html(&page(&person, &state, order).await?)
}

pub(super) async fn set_synonyms(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, words) = (person.actor.clone(), form.get("synonyms").to_owned());
    let given = words.clone();
    match state.write(move |conn| answers::set_synonyms(conn, &actor, &given, clock::now())).await {
        Ok(()) => {
            flash(&session, "Saved. Suggestions use the list from now on.");
            Ok(see_other("/demand"))
        }
        Err(error) if error.kind == Kind::Invalid => {
            let page = DemandPage { synonyms: words, problem: Some(error.for_people()), ..page(&person, &state, Order::Revenue).await? };
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// Accepts or refuses that an update answers what one customer asked for.
pub(super) async fn judge(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id, fact) = (person.actor.clone(), ChurnEventId::from(id.as_str()), FactId::from(form.get("fact")));
    let (target, accepted) = (id.clone(), form.get("accepted") == "yes");
    state.write(move |conn| answers::judge(conn, &actor, &target, &fact, accepted, clock::now())).await?;
    flash(&session, if accepted { "Noted: it answers what they asked for." } else { "Noted: it does not answer what they asked for." });
    Ok(see_other(&format!("/churn/{id}")))
}

//! Rules of inactivity, on the page of sources.

use actix_session::Session;
use actix_web::{HttpResponse, web};

use super::errors::PageError;
use super::form::Form;
use super::page::{Person, flash, see_other};
use super::sources::refused_rule;
use crate::app::State;
use crate::clock;
use crate::domain::error::Result as DomainResult;
use crate::domain::ids::InactivityRuleId;
use crate::domain::usage::inactivity;

/// What the form of a rule shows.
pub(super) struct Terms {
    pub(super) days: String,
    pub(super) plans: String,
    pub(super) tags: String,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { days: "30".to_owned(), plans: String::new(), tags: String::new() }
    }
}

fn terms(form: &Form, enabled: bool) -> DomainResult<inactivity::Terms> {
    Ok(inactivity::Terms { days: form.number("days")?.unwrap_or(0), plans: form.list("plans"), tags: form.list("tags"), enabled })
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let added = match terms(&form, true) {
        Ok(terms) => state.write(move |conn| inactivity::add(conn, &actor, &terms, clock::now())).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(_) => {
            flash(&session, "The rule is looked at within a minute, and then every hour.");
            Ok(see_other("/sources#inactivity"))
        }
        Err(error) => {
            let given = Terms { days: form.get("days").to_owned(), plans: form.get("plans").to_owned(), tags: form.get("tags").to_owned() };
            refused_rule(&person, &state, given, &error).await
        }
    }
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), InactivityRuleId::from(id.as_str()));
    let terms = terms(&form, form.some("enabled").is_some())?;
    state.write(move |conn| inactivity::change(conn, &actor, &id, &terms, clock::now())).await?;
    flash(&session, "Saved. The rule is looked at anew.");
    Ok(see_other("/sources#inactivity"))
}

pub(super) async fn delete(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), InactivityRuleId::from(id.as_str()));
    state.write(move |conn| inactivity::delete(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Deleted. Whom it found stays.");
    Ok(see_other("/sources#inactivity"))
}

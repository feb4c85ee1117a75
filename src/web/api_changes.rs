//! What breaks for a migration between two OpenAPI files, and whom it hits.

use actix_multipart::form::MultipartForm;
use actix_multipart::form::bytes::Bytes as Upload;
use actix_multipart::form::text::Text;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::verify;
use super::page::{Chrome, Person, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::cohorts::changes::file::read;
use crate::domain::cohorts::changes::{self, Comparison, DAYS, Hits};
use crate::domain::cohorts::{self, Cohort};
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::ids::CohortId;

#[derive(Template)]
#[template(path = "migrations/changes.html")]
struct ChangesPage {
    chrome: Chrome,
    cohort: Cohort,
    found: Option<(Comparison, Hits)>,
    problem: Option<String>,
}

async fn page(person: &Person, state: &State, id: CohortId, problem: Option<String>) -> DomainResult<ChangesPage> {
    let actor = person.actor.clone();
    let (cohort, found) = state.read(move |conn| Ok((cohorts::get(conn, &actor, &id)?, changes::latest(conn, &actor, &id, clock::now())?))).await?;
    Ok(ChangesPage { chrome: person.visit.chrome(format!("{}: what breaks", cohort.name), "campaigns"), cohort, found, problem })
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&page(&person, &state, CohortId::from(id.as_str()), None).await?)
}

/// The posted files.
#[derive(Debug, MultipartForm)]
pub(super) struct Posted {
    csrf: Text<String>,
    #[multipart(limit = "5MiB")]
    old: Upload,
    #[multipart(limit = "5MiB")]
    new: Upload,
}

pub(super) async fn compare(
    request: HttpRequest,
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    posted: MultipartForm<Posted>,
) -> Result<HttpResponse, PageError> {
    verify(&request, &posted.csrf)?;
    let Posted { old, new, .. } = posted.into_inner();
    let files = web::block(move || Ok((read("old", &old.data)?, read("new", &new.data)?))).await.map_err(Error::internal)?;
    let id = CohortId::from(id.as_str());
    let (actor, target) = (person.actor.clone(), id.clone());
    let done = match files {
        Ok((old, new)) => state.write(move |conn| changes::look(conn, &actor, &target, &old, &new, clock::now())).await.map(drop),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(see_other(&format!("/migrations/{id}/changes"))),
        Err(error) if error.kind == Kind::Invalid => {
            let problem = match &error.hint {
                Some(hint) => format!("{} {hint}", error.for_people()),
                None => error.for_people(),
            };
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&person, &state, id, Some(problem)).await?)
        }
        Err(error) => Err(error.into()),
    }
}

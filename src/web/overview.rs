//! The overview: what waits, what leaves, what is stopped, what money is at stake, what needs attention.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::page::{Chrome, Person, html, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Role};
use crate::domain::overview::{self, DAYS, Group, Overview};

#[derive(Template)]
#[template(path = "overview/show.html")]
struct OverviewPage {
    chrome: Chrome,
    overview: Overview,
}

/// Reviewers come for the queue; who manages comes for the whole.
pub(super) async fn home(person: Person) -> HttpResponse {
    let manages = matches!(person.actor, Actor::User { role: Role::Manager | Role::Admin, .. });
    see_other(if manages { "/overview" } else { "/queue" })
}

pub(super) async fn show(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let overview = state.read(move |conn| overview::overview(conn, &actor, clock::now())).await?;
    html(&OverviewPage { chrome: person.visit.chrome("Overview", "overview"), overview })
}

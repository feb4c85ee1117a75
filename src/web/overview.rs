//! The overview: what waits, what leaves, what is stopped, what money is at stake, what needs attention.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::page::{Chrome, Person, html, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Role};
use crate::domain::overview::guide::{self, Guide};
use crate::domain::overview::{self, DAYS, Group, Overview};

#[derive(Template)]
#[template(path = "overview/show.html")]
struct OverviewPage {
    chrome: Chrome,
    overview: Overview,
    guide: Option<Guide>,
    base_url: String,
}

/// Reviewers come for the queue; who manages comes for the whole.
pub(super) async fn home(person: Person) -> HttpResponse {
    let manages = matches!(person.actor, Actor::User { role: Role::Manager | Role::Admin, .. });
    see_other(if manages { "/overview" } else { "/queue" })
}

pub(super) async fn show(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let (actor, sends) = (person.actor.clone(), state.email_configured);
    let (overview, guide) = state.read(move |conn| Ok((overview::overview(conn, &actor, clock::now())?, guide::guide(conn, &actor, sends)?))).await?;
    html(&OverviewPage { chrome: person.visit.chrome("Overview", "overview"), overview, guide, base_url: state.base_url.clone() })
}

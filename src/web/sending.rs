//! What holds mail back, what would leave without it, and the switch for all mailboxes.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::ids::MailboxId;
use crate::domain::mailboxes::stops::{self, Held, Stop};
use crate::domain::outbox::{self, WouldGo};

/// Messages that are listed.
const LISTED: i64 = 100;

#[derive(Template)]
#[template(path = "sending/show.html")]
struct SendingPage {
    chrome: Chrome,
    stops: Vec<Stop>,
    count: i64,
    rows: Vec<WouldGo>,
}

impl SendingPage {
    fn restored(&self) -> bool {
        self.stops.iter().any(|stop| stop.held == Held::Restored)
    }

    fn all_stopped(&self) -> bool {
        self.stops.iter().any(Stop::is_for_all)
    }

    fn can_resume(&self) -> bool {
        if self.restored() { self.chrome.is_admin() } else { self.chrome.manages() }
    }
}

pub(super) async fn show(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let (stops, (count, rows)) = state.read(move |conn| Ok((stops::in_force(conn, &actor)?, outbox::would_go(conn, &actor, LISTED)?))).await?;
    html(&SendingPage { chrome: person.visit.chrome("Sending", "sending"), stops, count, rows })
}

pub(super) async fn stop(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    stop_one(&person, &state, &session, None, &form).await
}

pub(super) async fn resume(person: Person, state: web::Data<State>, session: Session, _form: Form) -> Result<HttpResponse, PageError> {
    resume_one(&person, &state, &session, None).await
}

/// Stops one mailbox, or all.
pub(super) async fn stop_one(
    person: &Person,
    state: &State,
    session: &Session,
    id: Option<MailboxId>,
    form: &Form,
) -> Result<HttpResponse, PageError> {
    let (actor, target, reason) = (person.actor.clone(), id.clone(), form.get("reason").to_owned());
    state.write(move |conn| stops::stop(conn, &actor, target.as_ref(), &reason, clock::now())).await?;
    flash(session, "Stopped. Nothing leaves until you resume.");
    Ok(see_other(&back(id)))
}

/// Lets one mailbox, or all, go on.
pub(super) async fn resume_one(person: &Person, state: &State, session: &Session, id: Option<MailboxId>) -> Result<HttpResponse, PageError> {
    let (actor, target) = (person.actor.clone(), id.clone());
    state.write(move |conn| stops::resume(conn, &actor, target.as_ref(), clock::now())).await?;
    flash(session, "Sending goes on.");
    Ok(see_other(&back(id)))
}

fn back(id: Option<MailboxId>) -> String {
    id.map_or_else(|| "/sending".to_owned(), |id| format!("/mailboxes/{id}"))
}

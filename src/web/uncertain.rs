//! Messages of which nobody knows whether they arrived: the list, a mail server's log, and settling one.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::ids::MessageId;
use crate::domain::outbox::uncertain::{self, Uncertain, Verdict};

#[derive(Template)]
#[template(path = "uncertain/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Uncertain>,
    problem: Option<String>,
}

async fn page(person: &Person, state: &State, problem: Option<String>) -> Result<IndexPage, PageError> {
    let actor = person.actor.clone();
    let rows = state.read(move |conn| uncertain::list(conn, &actor)).await?;
    Ok(IndexPage { chrome: person.visit.chrome("Uncertain messages", "sending"), rows, problem })
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&page(&person, &state, None).await?)
}

pub(super) async fn read_log(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, log) = (person.actor.clone(), form.get("log").to_owned());
    match state.write(move |conn| uncertain::settle_by_log(conn, &actor, &log, clock::now())).await {
        Ok(settled) => {
            flash(
                &session,
                match settled {
                    0 => "The log shows none of them. A log without a message proves nothing, so nothing was changed.".to_owned(),
                    1 => "The log shows that 1 message was taken. It is marked as sent.".to_owned(),
                    more => format!("The log shows that {more} messages were taken. They are marked as sent."),
                },
            );
            Ok(see_other("/uncertain"))
        }
        Err(error) => html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&person, &state, Some(error.for_people())).await?),
    }
}

pub(super) async fn settle(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), MessageId::from(id.as_str()));
    let (verdict, note, target): (Verdict, _, _) = (form.word("verdict")?, form.some("note").map(str::to_owned), id.clone());
    state.write(move |conn| uncertain::settle(conn, &actor, &target, verdict, note.as_deref(), clock::now())).await?;
    flash(
        &session,
        match verdict {
            Verdict::WasSent => "Marked as sent.",
            Verdict::SendAgain => "It goes out again. Every check looks at it once more.",
            Verdict::DoNotSend => "It is not sent again.",
        },
    );
    Ok(see_other(&format!("/messages/{id}")))
}

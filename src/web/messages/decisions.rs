//! Deciding, and what follows: undo, schedule, stop, edit.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::review::edited_badly;
use super::{list_of, page_of, words_of};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::contacts::ConsentBasis;
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::ids::MessageId;
use crate::domain::messages::decide::{Decide, decide};
use crate::domain::messages::edit::edit;
use crate::domain::messages::schedule::schedule as schedule_message;
use crate::domain::messages::undo::undo as undo_approval;
use crate::domain::messages::{self, DecisionKind, Message, State as MessageState, cancel as cancelling, list};
use crate::domain::vigilance;
use crate::web::diff::Changes;
use crate::web::errors::PageError;
use crate::web::form::Form;
use crate::web::list_query::ListQuery;
use crate::web::page::{Chrome, Person, flash, html_with, see_other};

pub(in crate::web) async fn approve(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    decided(person, state, session, &id, form, DecisionKind::Approve).await
}

pub(in crate::web) async fn reject(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    decided(person, state, session, &id, form, DecisionKind::Reject).await
}

pub(in crate::web) async fn request_changes(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    decided(person, state, session, &id, form, DecisionKind::RequestChanges).await
}

async fn decided(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: &str,
    form: Form,
    kind: DecisionKind,
) -> Result<HttpResponse, PageError> {
    let (id, actor, list, now) = (MessageId::from(id), person.actor.clone(), list_of(&form), clock::now());
    let (reason, hash) = (form.some("reason").map(str::to_owned), form.get("content_hash").to_owned());
    let ticked: Vec<String> = form.all("ticked").into_iter().map(str::to_owned).collect();
    let dwell_ms = form.number("visible_ms").ok().flatten();
    let ground = match form.some("basis") {
        Some(_) => Some((form.word::<ConsentBasis>("basis")?, form.get("basis_source").to_owned())),
        None => None,
    };
    let (target, query) = (id.clone(), list.clone());
    let done = state
        .write(move |conn| {
            let ground = ground.as_ref().map(|(basis, source)| (*basis, source.as_str()));
            let (reason, content_hash) = (reason.as_deref(), Some(hash.as_str()));
            let decision = Decide { reason, content_hash, ticked: &ticked, dwell_ms, ground, ..Decide::on(&target, kind) };
            let message = decide(conn, &actor, &decision, now)?;
            let filter = query.filter(&actor, now, true).unwrap_or_default();
            let verdict = vigilance::verdict_of(conn, &message)?;
            Ok((message, verdict, list::next_pending(conn, &actor, &filter, &target, now)?))
        })
        .await;
    match done {
        Ok((message, verdict, next)) => {
            flash(&session, verdict.map_or_else(|| said(&message, kind), |verdict| verdict.sentence()));
            Ok(see_other(&next.map_or_else(|| back_to(&list), |next| page_of(&next, &list))))
        }
        Err(error) => conflict(person, &state, id, list, form.get("content_hash"), error).await,
    }
}

fn said(message: &Message, kind: DecisionKind) -> String {
    let name = name_of(message);
    match kind {
        DecisionKind::Approve if message.row.state == MessageState::Pending => format!("Approved for {name}. Somebody else must approve it too."),
        DecisionKind::Approve => format!("Approved for {name}."),
        DecisionKind::Reject => format!("Rejected the message to {name}."),
        _ => format!("Asked for changes to the message to {name}."),
    }
}

fn name_of(message: &Message) -> &str {
    message.current.to_name.as_deref().unwrap_or(&message.current.to_address)
}

fn back_to(list: &ListQuery) -> String {
    match list.to_query() {
        query if query.is_empty() => "/queue".to_owned(),
        query => format!("/queue?{query}"),
    }
}

#[derive(Template)]
#[template(path = "messages/conflict.html")]
struct ConflictPage {
    chrome: Chrome,
    problem: String,
    changes: Vec<Changes>,
    page: String,
}

/// Decided already, or changed since: says who and when, and shows the difference.
async fn conflict(person: Person, state: &State, id: MessageId, list: ListQuery, seen_hash: &str, error: Error) -> Result<HttpResponse, PageError> {
    if error.kind != Kind::Conflict {
        return Err(error.into());
    }
    let (actor, seen_hash) = (person.actor.clone(), seen_hash.to_owned());
    let (message, seen) = state
        .read(move |conn| {
            let message = messages::get(conn, &actor, &id)?;
            let seen = messages::version_with_hash(conn, &id, &seen_hash)?;
            Ok((message, seen))
        })
        .await?;
    let changed = seen.filter(|seen| seen.content_hash != message.row.content_hash);
    let page = ConflictPage {
        chrome: person.visit.chrome("That no longer fits", "queue"),
        problem: error.for_people(),
        changes: changed.iter().map(|seen| Changes::since("What changed", seen, &message.current)).collect(),
        page: page_of(&message.row.id, &list),
    };
    html_with(StatusCode::CONFLICT, &page)
}

pub(in crate::web) async fn save(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor, list) = (MessageId::from(id.as_str()), person.actor.clone(), list_of(&form));
    let words = words_of(&form);
    let (target, given, hash) = (id.clone(), words.clone(), form.get("content_hash").to_owned());
    match state.write(move |conn| edit(conn, &actor, &target, &given, Some(&hash), clock::now())).await {
        Ok(message) if message.row.content_hash == form.get("content_hash") => {
            flash(&session, "Nothing was changed.");
            Ok(see_other(&page_of(&id, &list)))
        }
        Ok(message) => {
            let who = if person.visit.four_eyes_off { "" } else { " Somebody else must approve it." };
            flash(&session, format!("Saved as version {}.{who}", message.row.version));
            Ok(see_other(&page_of(&id, &list)))
        }
        Err(error) if error.kind == Kind::Invalid => {
            let page = edited_badly(&person, &state, id, list, words, error.for_people()).await?;
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => conflict(person, &state, id, list, form.get("content_hash"), error).await,
    }
}

/// Stops what was cleared, or withdraws what waits.
pub(in crate::web) async fn cancel(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor, list) = (MessageId::from(id.as_str()), person.actor.clone(), list_of(&form));
    let target = id.clone();
    match state.write(move |conn| cancelling::cancel(conn, &actor, &target, clock::now())).await {
        Ok(message) => {
            flash(&session, if message.row.state == MessageState::Withdrawn { "Withdrawn." } else { "Stopped. It will not be sent." });
            Ok(see_other(&page_of(&id, &list)))
        }
        Err(error) => conflict(person, &state, id, list, "", error).await,
    }
}

/// Takes an approval back, and opens the message again.
pub(in crate::web) async fn undo(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor, list) = (MessageId::from(id.as_str()), person.actor.clone(), list_of(&form));
    let target = id.clone();
    match state.write(move |conn| undo_approval(conn, &actor, &target, clock::now())).await {
        Ok(message) => {
            flash(&session, format!("Undone. The message to {} waits for a decision again.", name_of(&message)));
            Ok(see_other(&page_of(&id, &list)))
        }
        Err(error) => conflict(person, &state, id, list, "", error).await,
    }
}

pub(in crate::web) async fn schedule(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor, list) = (MessageId::from(id.as_str()), person.actor.clone(), list_of(&form));
    let (at, target) = (send_at(&form)?, id.clone());
    match state.write(move |conn| schedule_message(conn, &actor, &target, at, clock::now())).await {
        Ok(message) => {
            let zone = clock::zone(form.some("zone"));
            flash(&session, message.row.send_at.map_or_else(|| "It leaves at once.".to_owned(), |at| format!("It leaves at {}.", at.in_zone(&zone))));
            Ok(see_other(&page_of(&id, &list)))
        }
        Err(error) => conflict(person, &state, id, list, "", error).await,
    }
}

/// The time in the form, in the zone beside it; none when it is blank.
fn send_at(form: &Form) -> DomainResult<Option<Time>> {
    let Some(text) = form.some("send_at") else { return Ok(None) };
    let at = Time::parse_local(text, form.some("zone").unwrap_or("UTC"));
    at.map(Some)
        .ok_or_else(|| Error::invalid("field_invalid", "send_at", "Give the day and the time at which it should leave, or leave the field empty."))
}

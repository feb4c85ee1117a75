//! Mailboxes: the ladder of oversight modes, and stopping.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::allowed::Fields;
use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use super::sending;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Role};
use crate::domain::controls::allowed::{self, Allowed, Covered};
use crate::domain::error::{Error, Kind as ErrorKind, Result as DomainResult};
use crate::domain::ids::MailboxId;
use crate::domain::inbound::folders::{self, Place};
use crate::domain::inbound::ways;
use crate::domain::mailboxes::backtest::{self, Backtest};
use crate::domain::mailboxes::ladder::{self, ModeRequest};
use crate::domain::mailboxes::timeline::{self, Turn};
use crate::domain::mailboxes::{self, Mailbox, MailboxChange, Mode, NewMailbox, Notify, OnUncertain};
use crate::domain::messages::State as MessageState;
use crate::domain::messages::list::{self, Filter, ListRow};
use crate::domain::preferences::footers::{self, FooterSettings};
use crate::domain::preferences::topics::{self, Topic};

#[derive(Template)]
#[template(path = "mailboxes/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Mailbox>,
    problem: Option<String>,
}

async fn index_page(person: &Person, state: &State, problem: Option<String>) -> Result<IndexPage, PageError> {
    let actor = person.actor.clone();
    let rows = state.read(move |conn| mailboxes::list(conn, &actor)).await?;
    Ok(IndexPage { chrome: person.visit.chrome("Mailboxes", "mailboxes"), rows, problem })
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&index_page(&person, &state, None).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let new = |form: &Form| -> DomainResult<NewMailbox> {
        Ok(NewMailbox {
            address: form.get("address").to_owned(),
            name: form.get("name").to_owned(),
            mode: form.word("mode")?,
            postal_address: form.get("postal_address").to_owned(),
            undo_seconds: 15,
        })
    };
    let actor = person.actor.clone();
    let done = match new(&form) {
        Ok(new) => state.write(move |conn| mailboxes::add(conn, &actor, &new, clock::now())).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(id) => {
            flash(&session, "Added. Make reviewers members of it on the page Users.");
            Ok(see_other(&format!("/mailboxes/{id}")))
        }
        Err(error) => html_with(StatusCode::UNPROCESSABLE_ENTITY, &index_page(&person, &state, Some(error.for_people())).await?),
    }
}

/// Turns of the oversight on the page; the audit log has all.
const TURNS: usize = 12;

#[derive(Template)]
#[template(path = "mailboxes/show.html")]
pub(super) struct ShowPage {
    chrome: Chrome,
    mailbox: Mailbox,
    held: Vec<ListRow>,
    /// The step up that waits for its code, for administrators.
    asked: Option<ModeRequest>,
    code_problem: Option<String>,
    problem: Option<String>,
    /// Since when mail comes in by HTTP, for administrators.
    inbound_since: Option<Time>,
    folder: Option<Place>,
    /// Where to send it, shown once.
    inbound_url: Option<String>,
    topics: Vec<Topic>,
    footer: FooterSettings,
    footer_problem: Option<String>,
    /// What looser modes would have let out, for managers.
    backtests: Vec<Backtest>,
    /// What became of its oversight, newest first.
    turns: Vec<Turn>,
    /// Whether this person asked for the step that waits.
    is_mine: bool,
    /// Whose mail is not held, for managers, and what that covers.
    allowed: Option<(Vec<Allowed>, Covered)>,
    /// The form of a new recipient.
    pub(super) allowing: Fields,
    actor: Actor,
}

impl ShowPage {
    fn is_topic(&self, topic: &Topic) -> bool {
        self.footer.topic_id.as_ref() == Some(&topic.id)
    }
}

/// The page with what was typed about footers, and what is wrong with it.
pub(super) async fn footer_again(
    person: &Person,
    state: &State,
    id: MailboxId,
    typed: FooterSettings,
    error: Error,
) -> Result<HttpResponse, PageError> {
    let page = show_page(person, state, id, None).await?;
    html_with(crate::api::status(error.kind), &ShowPage { footer: typed, footer_problem: Some(error.for_people()), ..page })
}

pub(super) async fn show_page(person: &Person, state: &State, id: MailboxId, problem: Option<String>) -> Result<ShowPage, PageError> {
    let actor = person.actor.clone();
    let (mailbox, held, asked, topics, footer, inbound_since, folder, (backtests, turns, allowed)) = state
        .read(move |conn| {
            let mailbox = mailboxes::get(conn, &actor, &id)?;
            let filter = Filter { states: vec![MessageState::Pending], mailbox: Some(id), sort: list::Sort::Oldest, limit: 20, ..Filter::default() };
            let asked = if actor.is_admin() { ladder::open_request(conn, &actor, &mailbox.id, clock::now())? } else { None };
            let footer = footers::of(conn, &mailbox.id)?;
            let mut topics = topics::list(conn, &actor)?;
            topics.retain(|topic| topic.archived_at.is_none() || footer.topic_id.as_ref() == Some(&topic.id));
            let since = if actor.is_admin() { ways::since(conn, &actor, &mailbox.id)? } else { None };
            let folder = if actor.is_admin() { folders::place(conn, &mailbox.id)? } else { None };
            let manages = matches!(actor, Actor::User { role: Role::Manager | Role::Admin, .. });
            let backtests = if manages { backtest::of_looser(conn, &actor, &mailbox, clock::now())? } else { vec![] };
            let turns = timeline::latest(conn, &actor, &mailbox.id, TURNS)?;
            let allowed = match manages {
                true => Some((allowed::list(conn, &actor, &mailbox.id)?, allowed::coverage(conn, &actor, &mailbox.id, clock::now())?)),
                false => None,
            };
            Ok((mailbox, list::list(conn, &actor, &filter)?.0, asked, topics, footer, since, folder, (backtests, turns, allowed)))
        })
        .await?;
    let is_mine = asked.as_ref().is_some_and(|asked| asked.is_by(&person.actor));
    Ok(ShowPage {
        chrome: person.visit.chrome(mailbox.address.clone(), "mailboxes"),
        mailbox,
        held,
        asked,
        code_problem: None,
        problem,
        inbound_since,
        folder,
        inbound_url: None,
        topics,
        footer,
        footer_problem: None,
        backtests,
        turns,
        is_mine,
        allowed,
        allowing: Fields::default(),
        actor: person.actor.clone(),
    })
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&show_page(&person, &state, MailboxId::from(id.as_str()), None).await?)
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let id = MailboxId::from(id.as_str());
    let undo = form.number("undo_seconds")?.and_then(|n| i32::try_from(n).ok()).unwrap_or(-1);
    let change = MailboxChange {
        name: form.get("name").to_owned(),
        postal_address: form.get("postal_address").to_owned(),
        undo_seconds: undo,
        person_required: form.some("person_required").is_some(),
        notify: form.word("notify")?,
        planted_percent: form.number("planted_percent")?.map_or(0, |n| i32::try_from(n).unwrap_or(-1)),
        bulk_in_gated_all: form.some("bulk_in_gated_all").is_some(),
        tripwire: form.number("tripwire")?.map_or(0, |n| i32::try_from(n).unwrap_or(-1)),
        bounce_address: form.some("bounce_address").map(str::to_owned),
        on_uncertain: if form.some("on_uncertain").is_some() { form.word("on_uncertain")? } else { OnUncertain::Ask },
    };
    let (actor, target) = (person.actor.clone(), id.clone());
    match state.write(move |conn| mailboxes::change(conn, &actor, &target, &change, clock::now())).await {
        Ok(()) => {
            flash(&session, "Saved.");
            Ok(see_other(&format!("/mailboxes/{id}")))
        }
        Err(error) => html_with(crate::api::status(error.kind), &show_page(&person, &state, id, Some(error.for_people())).await?),
    }
}

pub(super) async fn set_mode(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id, mode) = (person.actor.clone(), MailboxId::from(id.as_str()), form.word::<Mode>("mode")?);
    let (target, reason) = (id.clone(), form.some("reason").map(str::to_owned));
    let told = state.write(move |conn| ladder::step(conn, &actor, &target, mode, reason.as_deref(), clock::now())).await;
    let told = match told {
        Ok(told) => told,
        Err(error) if error.kind == ErrorKind::Invalid => {
            let mut page = show_page(&person, &state, id, None).await?;
            page.code_problem = Some(error.for_people());
            return html_with(crate::api::status(error.kind), &page);
        }
        Err(error) => return Err(error.into()),
    };
    match told {
        Some(1) => flash(&session, "Another administrator gets a code by mail. The mode changes when it is entered here."),
        Some(told) => flash(&session, format!("{told} other administrators get a code by mail. The mode changes when it is entered here.")),
        None => flash(&session, format!("The mode is now “{}”.", mode.label())),
    }
    Ok(see_other(&format!("/mailboxes/{id}")))
}

pub(super) async fn upgrade(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id, code) = (person.actor.clone(), MailboxId::from(id.as_str()), form.get("code").to_owned());
    let target = id.clone();
    let finished = state.write(move |conn| ladder::finish(conn, &actor, &target, &code, clock::now())).await;
    match finished.and_then(ladder::Finished::into_result) {
        Ok(mailbox) => {
            flash(&session, format!("The mode is now “{}”.", mailbox.mode.label()));
            Ok(see_other(&format!("/mailboxes/{id}")))
        }
        Err(error) => {
            let mut page = show_page(&person, &state, id, None).await?;
            page.code_problem = Some(error.for_people());
            html_with(crate::api::status(error.kind), &page)
        }
    }
}

pub(super) async fn refuse_upgrade(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), MailboxId::from(id.as_str()));
    let target = id.clone();
    state.write(move |conn| ladder::refuse(conn, &actor, &target, clock::now())).await?;
    flash(&session, "Refused. The mode stays as it is.");
    Ok(see_other(&format!("/mailboxes/{id}")))
}

pub(super) async fn stop(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    sending::stop_one(&person, &state, &session, Some(MailboxId::from(id.as_str())), &form).await
}

pub(super) async fn resume(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    sending::resume_one(&person, &state, &session, Some(MailboxId::from(id.as_str()))).await
}

/// Makes the address to which mail is posted. It is on this page once and on no other.
pub(super) async fn open_inbound(person: Person, state: web::Data<State>, id: web::Path<String>, _form: Form) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), MailboxId::from(id.as_str()));
    let target = id.clone();
    let token = state.quiet_write(move |conn| ways::rotate(conn, &actor, &target, clock::now())).await?;
    let page = show_page(&person, &state, id, None).await?;
    let url = format!("{}/v1/inbound/{token}", state.base_url);
    html_with(StatusCode::OK, &ShowPage { inbound_url: Some(url), ..page })
}

pub(super) async fn close_inbound(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), MailboxId::from(id.as_str()));
    let target = id.clone();
    state.quiet_write(move |conn| ways::close(conn, &actor, &target, clock::now())).await?;
    flash(&session, "Closed. Mail that is posted there is refused from now on.");
    Ok(see_other(&format!("/mailboxes/{id}")))
}

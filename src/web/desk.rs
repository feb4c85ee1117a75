//! Several people on one queue: who is at a message, whom it is given to, what they say, what is put off.

use std::collections::BTreeMap;

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::tz::TimeZone;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html_with, see_other};
use crate::app::State;
use crate::clock::{self, Time};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::desk::comments::{self, Comment};
use crate::domain::desk::presence::{self, Taken};
use crate::domain::desk::{Colleague, assignment, snooze};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{MessageId, UserId};
use crate::domain::messages::{self, Message};

/// The most messages that one form may name.
const MOST_AT_ONCE: usize = 100;
/// The failures that are named one by one.
const MOST_NAMED: usize = 5;

/// Who is at a message, as one person sees it: `desk/_presence.html`.
#[derive(Debug, Clone, Default)]
pub(super) struct Presence {
    /// The names of the others who have it open.
    pub here: Vec<String>,
    /// Who took it.
    pub taken: Option<Taken>,
    /// Whether that is the visitor.
    pub mine: bool,
    /// Until when, as a time of day in the visitor's zone.
    pub until: String,
}

impl Presence {
    /// "Rita is reading", "Rita and Rob are reading".
    pub(super) fn reading(&self) -> Option<String> {
        match self.here.as_slice() {
            [] => None,
            [one] => Some(format!("{one} is reading")),
            [one, two] => Some(format!("{one} and {two} are reading")),
            [one, rest @ ..] => Some(format!("{one} and {} others are reading", rest.len())),
        }
    }

    /// "Taken by Rob until 10:15".
    pub(super) fn taken_by(&self) -> Option<String> {
        let taken = self.taken.as_ref()?;
        Some(if self.mine { format!("You have it until {}", self.until) } else { format!("Taken by {} until {}", taken.name, self.until) })
    }
}

/// Everything about the people at one message: `desk/_people.html`, `_comments.html` and `_snooze.html`.
pub(super) struct Around {
    /// The message.
    pub id: MessageId,
    /// The page that its forms lead back to.
    pub back: String,
    /// Where snoozing it leads: to the next one.
    pub after: String,
    /// Who is there.
    pub presence: Presence,
    /// Whether the holder took it over from the visitor.
    pub lost: bool,
    /// Whether it still waits for a decision.
    pub open: bool,
    /// Whom it is given to.
    pub assignee: Option<Colleague>,
    /// Who can be asked to decide it.
    pub can_ask: Vec<Colleague>,
    /// What was said.
    pub comments: Vec<Comment>,
    /// Until when the visitor put it off.
    pub snoozed: Option<Time>,
    /// When it can come back.
    pub choices: Vec<(&'static str, Time)>,
    /// The zone of the visitor.
    pub zone: TimeZone,
}

impl Around {
    pub(super) fn is_assigned_to(&self, colleague: &Colleague) -> bool {
        self.assignee.as_ref() == Some(colleague)
    }

    /// "21 Nov 2026, 10:15" in the visitor's zone.
    pub(super) fn local(&self, at: &Time) -> String {
        at.local(&self.zone).strftime("%-d %b %Y, %H:%M").to_string()
    }

    pub(super) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

/// Who is at each of these messages, for the rows of a list.
pub(super) fn present(conn: &mut Conn, actor: &Actor, ids: &[MessageId], zone: &TimeZone, now: Time) -> DomainResult<BTreeMap<MessageId, Presence>> {
    let mut seen = BTreeMap::new();
    for (id, around) in presence::of_messages(conn, ids, now)? {
        let is_me = |who: &UserId| who.as_str() == actor.id();
        let until = around.taken.as_ref().map(|taken| taken.until.local(zone).strftime("%H:%M").to_string());
        let presence = Presence {
            here: around.here.into_iter().filter(|(who, _)| !is_me(who)).map(|(_, name)| name).collect(),
            mine: around.taken.as_ref().is_some_and(|taken| is_me(&taken.by)),
            taken: around.taken,
            until: until.unwrap_or_default(),
        };
        seen.insert(id, presence);
    }
    Ok(seen)
}

/// The people at a message that was fetched already.
pub(super) fn people(conn: &mut Conn, actor: &Actor, message: &Message, zone: &TimeZone, now: Time) -> DomainResult<Around> {
    let row = &message.row;
    let presence = present(conn, actor, std::slice::from_ref(&row.id), zone, now)?.remove(&row.id).unwrap_or_default();
    let mut can_ask = assignment::assignable(conn, actor, &row.mailbox_id)?;
    let mut unable = vec![];
    for colleague in &can_ask {
        if assignment::may_not_decide(conn, row, &colleague.id)? {
            unable.push(colleague.id.clone());
        }
    }
    can_ask.retain(|colleague| !unable.contains(&colleague.id));
    let in_time = |at: &Time| row.expires_at.is_none_or(|expires| *at < expires);
    Ok(Around {
        id: row.id.clone(),
        back: message_page(&row.id),
        after: "/queue".to_owned(),
        lost: presence.taken.as_ref().and_then(|taken| taken.from.as_ref()).is_some_and(|from| from.as_str() == actor.id()),
        presence,
        open: matches!(row.state, messages::State::Pending | messages::State::ChangesRequested),
        assignee: assignment::assignee(conn, row)?,
        can_ask,
        comments: comments::of_message(conn, actor, &row.id)?,
        snoozed: snooze::until(conn, actor, &row.id, now)?,
        choices: snooze::choices(now, zone).into_iter().filter(|(_, at)| in_time(at)).collect(),
        zone: zone.clone(),
    })
}

/// Where a form leads back to: a queue or a message of ours, or else its own message.
fn back(form: &Form, otherwise: String) -> String {
    let given = form.get("back");
    let plain = given.len() <= 2000 && given.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    let ours = given == "/queue" || given.starts_with("/queue?") || given.starts_with("/messages/");
    if plain && ours { given.to_owned() } else { otherwise }
}

fn message_page(id: &MessageId) -> String {
    format!("/messages/{id}")
}

fn done(session: &Session, form: &Form, id: &MessageId, text: impl Into<String>) -> HttpResponse {
    flash(session, text);
    see_other(&back(form, message_page(id)))
}

/// A heartbeat of an open page, or its last word.
pub(super) async fn look(person: Person, state: web::Data<State>, id: web::Path<String>, form: Form) -> Result<HttpResponse, PageError> {
    let (id, actor, leaves) = (MessageId::from(id.as_str()), person.actor, form.some("leave").is_some());
    state.quiet_write(move |conn| if leaves { presence::leave(conn, &actor, &id) } else { presence::look(conn, &actor, &id, clock::now()) }).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Template)]
#[template(path = "desk/taken.html")]
struct TakenPage {
    chrome: Chrome,
    id: MessageId,
    problem: String,
    back: String,
}

pub(super) async fn take(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor, over) = (MessageId::from(id.as_str()), person.actor.clone(), form.some("over").is_some());
    let target = id.clone();
    match state.quiet_write(move |conn| assignment::take_on(conn, &actor, &target, over, clock::now())).await {
        Ok(_) => Ok(done(&session, &form, &id, "You have it. It is free again 15 minutes after you leave it.")),
        Err(error) if error.code == "taken" => {
            let back = back(&form, message_page(&id));
            html_with(
                StatusCode::CONFLICT,
                &TakenPage { chrome: person.visit.chrome("Somebody else has it", "queue"), id, problem: error.for_people(), back },
            )
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn release(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor) = (MessageId::from(id.as_str()), person.actor);
    let target = id.clone();
    state.quiet_write(move |conn| presence::release(conn, &actor, &target, clock::now())).await?;
    Ok(done(&session, &form, &id, "Released. Anybody can take it."))
}

pub(super) async fn assign(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor) = (MessageId::from(id.as_str()), person.actor);
    let (target, to, note) = (id.clone(), form.some("assignee").map(UserId::from), form.some("note").map(str::to_owned));
    let assigned = state.write(move |conn| assignment::assign(conn, &actor, &target, to.as_ref(), note.as_deref(), clock::now())).await?;
    let text = assigned.map_or_else(|| "It is assigned to nobody.".to_owned(), |to| format!("Assigned to {}.", to.name));
    Ok(done(&session, &form, &id, text))
}

pub(super) async fn comment(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor) = (MessageId::from(id.as_str()), person.actor);
    let (target, body) = (id.clone(), form.get("body").to_owned());
    let said = state.write(move |conn| comments::comment(conn, &actor, &target, &body, clock::now())).await?;
    let text = if said.mentioned.is_empty() { "Posted.".to_owned() } else { format!("Posted. Mentioned: {}.", said.mentioned.join(", ")) };
    Ok(done(&session, &form, &id, text))
}

/// The time a form asks for: an instant of a choice, or a local time in a zone.
fn until(form: &Form) -> DomainResult<Time> {
    if let Some(until) = form.some("until") {
        return Time::parse(until)
            .ok_or_else(|| Error::invalid("snooze_invalid", "until", "The time to come back was not understood. Choose one of those offered."));
    }
    let zone = form.some("zone").unwrap_or("UTC");
    let zone =
        TimeZone::get(zone).map_err(|_| Error::invalid("snooze_invalid", "zone", "The time zone is not known. Reload the page, and try again."))?;
    snooze::parse(form.get("at"), &zone)
}

pub(super) async fn snooze(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor, until) = (MessageId::from(id.as_str()), person.actor, until(&form)?);
    let target = id.clone();
    state.quiet_write(move |conn| snooze::snooze(conn, &actor, &target, until, clock::now())).await?;
    Ok(done(&session, &form, &id, format!("Put off until {}.", until.for_people())))
}

pub(super) async fn unsnooze(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor) = (MessageId::from(id.as_str()), person.actor);
    let target = id.clone();
    state.quiet_write(move |conn| snooze::unsnooze(conn, &actor, &target, clock::now())).await?;
    Ok(done(&session, &form, &id, "It is back in your queue."))
}

/// Does the same to each message a form names, each on its own, and says which were left.
async fn each(
    person: Person,
    state: &State,
    session: &Session,
    form: &Form,
    verb: &str,
    work: impl Fn(&mut Conn, &Actor, &MessageId) -> DomainResult<()> + Clone + Send + 'static,
) -> Result<HttpResponse, PageError> {
    let ids = form.all("id");
    if ids.is_empty() || ids.len() > MOST_AT_ONCE {
        let detail = format!("Choose 1 to {MOST_AT_ONCE} messages; {} were chosen.", ids.len());
        return Err(Error::invalid("field_invalid", "id", detail).into());
    }
    let (mut worked, mut failed) = (0, vec![]);
    for id in ids {
        let (id, actor, work) = (MessageId::from(id), person.actor.clone(), work.clone());
        let (target, by) = (id.clone(), actor.clone());
        match state.quiet_write(move |conn| work(conn, &by, &target)).await {
            Ok(()) => worked += 1,
            Err(error) => {
                let message = state.read(move |conn| messages::get(conn, &actor, &id)).await.ok();
                let name = message.map_or_else(|| "One".to_owned(), |message| message.current.to_name.unwrap_or(message.current.to_address));
                failed.push(format!("{name}: {}", error.for_people()));
            }
        }
    }
    let mut text = format!("{verb} {worked}.");
    if !failed.is_empty() {
        text = format!("{text} {} left as it was: {}", failed.len(), failed[..failed.len().min(MOST_NAMED)].join(" "));
        if failed.len() > MOST_NAMED {
            text = format!("{text} And {} more.", failed.len() - MOST_NAMED);
        }
    }
    flash(session, text);
    Ok(see_other(&back(form, "/queue".to_owned())))
}

pub(super) async fn take_several(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    each(person, &state, &session, &form, "Took", |conn, actor, id| assignment::take_on(conn, actor, id, false, clock::now()).map(drop)).await
}

pub(super) async fn snooze_several(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let until = until(&form)?;
    each(person, &state, &session, &form, "Put off", move |conn, actor, id| snooze::snooze(conn, actor, id, until, clock::now())).await
}

//! The queue, the review page, and composing.

use actix_session::Session;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::claims::{Marked, marked, underlined};
use super::diff::{self, Stretch};
use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::churn::variants::{self, Variant};
use crate::domain::churn::{self, ChurnEvent};
use crate::domain::claims::Part;
use crate::domain::contacts::{self, Contact, Customer};
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::content::Words;
use crate::domain::messages::decide::{Decide, decide};
use crate::domain::messages::edit::edit as edit_message;
use crate::domain::messages::ledger::{self, Entry};
use crate::domain::messages::list::{self, Filter, ListRow};
use crate::domain::messages::{self, Content, DecisionKind, Message, State as MessageState, cancel as cancelling};
use crate::domain::outbox::{self, Waiting};
use crate::domain::threads::{self, InboundEmail};
use crate::email;

pub(super) async fn home() -> HttpResponse {
    see_other("/queue")
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Query {
    mailbox: Option<String>,
    campaign: Option<String>,
    q: Option<String>,
    state: Option<String>,
    after: Option<String>,
}

impl Query {
    fn filter(&self) -> Filter {
        let given = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
        Filter {
            mailbox: given(&self.mailbox).map(|id| MailboxId::from(id.as_str())),
            campaign: given(&self.campaign),
            words: given(&self.q),
            after: given(&self.after).map(|id| MessageId::from(id.as_str())),
            limit: 50,
            ..Filter::default()
        }
    }

    /// The same view from another row on.
    fn from(&self, after: &MessageId) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("mailbox", &self.mailbox), ("campaign", &self.campaign), ("q", &self.q), ("state", &self.state)] {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                query.append_pair(name, value);
            }
        }
        query.append_pair("after", after.as_str()).finish()
    }
}

#[derive(Template)]
#[template(path = "messages/index.html")]
struct ListPage {
    chrome: Chrome,
    queue: bool,
    rows: Vec<ListRow>,
    next: Option<String>,
    query: Query,
    mailboxes: Vec<Mailbox>,
    campaigns: Vec<String>,
    filtered: bool,
    now: Time,
}

impl ListPage {
    fn chosen(&self, given: &Option<String>, value: &str) -> bool {
        given.as_deref() == Some(value)
    }

    fn age(&self, row: &ListRow) -> String {
        row.submitted_at.map_or_else(String::new, |at| age(at, self.now))
    }
}

/// "3 d", "5 h", "12 min": how old something is.
pub(super) fn age(at: Time, now: Time) -> String {
    let seconds = now.seconds_since(at).max(0);
    match seconds {
        0..60 => "now".to_owned(),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

pub(super) async fn queue(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let filter = Filter { states: vec![MessageState::Pending], sort: list::Sort::Oldest, ..query.filter() };
    listing(person, state, query.into_inner(), filter, true).await
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let states = query.state.as_deref().and_then(|word| word.parse().ok()).map(|state| vec![state]).unwrap_or_default();
    let filter = Filter { states, ..query.filter() };
    listing(person, state, query.into_inner(), filter, false).await
}

async fn listing(person: Person, state: web::Data<State>, query: Query, filter: Filter, queue: bool) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let ((rows, more), mailboxes, campaigns) =
        state.read(move |conn| Ok((list::list(conn, &actor, &filter)?, mailboxes::list(conn, &actor)?, list::campaigns(conn, &actor)?))).await?;
    let next = rows.last().filter(|_| more).map(|row| query.from(&row.id));
    let filtered = [&query.mailbox, &query.campaign, &query.q, &query.state].iter().any(|value| value.as_ref().is_some_and(|v| !v.is_empty()));
    let (title, section) = if queue { ("Queue", "queue") } else { ("Messages", "messages") };
    html(&ListPage { chrome: person.visit.chrome(title, section), queue, rows, next, query, mailboxes, campaigns, filtered, now: clock::now() })
}

struct Evidence {
    contact: Contact,
    customer: Option<Customer>,
    event: Option<ChurnEvent>,
    answers: Vec<churn::answers::Answer>,
    thread: Vec<InboundEmail>,
    variant: Option<Variant>,
}

#[derive(Template)]
#[template(path = "messages/show.html")]
struct ReviewPage {
    chrome: Chrome,
    message: Message,
    mailbox: Mailbox,
    evidence: Evidence,
    claims: Vec<Entry>,
    subject: Vec<Marked>,
    text: Vec<Marked>,
    waiting: Option<Waiting>,
    source: String,
    subject_diff: Vec<Stretch>,
    text_diff: Vec<Stretch>,
    own: bool,
    view: String,
    now: Time,
}

impl ReviewPage {
    fn is_pending(&self) -> bool {
        self.message.row.state == MessageState::Pending
    }

    fn can_edit(&self) -> bool {
        matches!(self.message.row.state, MessageState::Pending | MessageState::ChangesRequested | MessageState::Approved | MessageState::Queued)
    }

    fn can_stop(&self) -> bool {
        matches!(self.message.row.state, MessageState::Approved | MessageState::Queued)
    }

    /// Who may decide the message may let a claim stand.
    fn can_waive(&self) -> bool {
        !self.own && matches!(self.message.row.state, MessageState::Pending | MessageState::ChangesRequested)
    }

    fn claim_icon(&self, entry: &Entry) -> &'static str {
        match entry.standing() {
            "exact" | "quoted" => "check",
            "waived" => "skip",
            "stale" => "clock",
            "conflicting" => "alert",
            _ => "x-circle",
        }
    }

    /// Why it cannot be approved as it is.
    fn open_claims(&self) -> Option<String> {
        match self.message.row.claims_open {
            0 => None,
            1 => Some("1 claim is open: edit it, or waive it with a reason.".to_owned()),
            open => Some(format!("{open} claims are open: edit them, or waive each with a reason.")),
        }
    }

    /// What the button does, in its words.
    fn approve_label(&self) -> String {
        match self.message.row.send_at.filter(|at| *at > self.now) {
            Some(at) => format!("Approve for {}", at.for_people()),
            None => "Approve and send".to_owned(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct View {
    view: Option<String>,
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>, view: web::Query<View>) -> Result<HttpResponse, PageError> {
    html(&review(&person, &state, MessageId::from(id.as_str()), view.into_inner().view.unwrap_or_default()).await?)
}

async fn review(person: &Person, state: &State, id: MessageId, view: String) -> DomainResult<ReviewPage> {
    let (actor, now) = (person.actor.clone(), clock::now());
    let (message, original, mailbox, evidence, claims, waiting) = state
        .write(move |conn| {
            let message = messages::get(conn, &actor, &id)?;
            messages::note_shown(conn, &actor, &[(id.clone(), message.row.version)], now)?;
            let original = messages::version(conn, &id, 1)?;
            let mailbox = mailboxes::get(conn, &actor, &message.row.mailbox_id)?;
            let contact = contacts::get(conn, &actor, &message.row.contact_id)?;
            let variant = variants::of_message(conn, &id)?;
            let event = match &variant {
                Some(variant) => Some(churn::get(conn, &actor, &variant.churn_event_id)?),
                None => churn::of_contact(conn, &actor, &message.row.contact_id)?.into_iter().next(),
            };
            let answers = match &event {
                Some(event) => churn::answers::answers(conn, event, now)?,
                None => vec![],
            };
            let evidence = Evidence {
                customer: contacts::customer(conn, &contact.row.id)?,
                thread: threads::of_contact(conn, &actor, &contact.row.id)?,
                contact,
                event,
                answers,
                variant,
            };
            let claims = ledger::of_message(conn, &actor, &id)?;
            let waiting = outbox::waiting(conn, &id)?;
            Ok((message, original, mailbox, evidence, claims, waiting))
        })
        .await?;
    let edited = message.row.version > 1;
    let content = Content::from(&message.current);
    Ok(ReviewPage {
        chrome: person.visit.chrome(message.current.subject.clone(), "queue"),
        subject_diff: if edited { diff::words(&original.subject, &message.current.subject) } else { vec![] },
        text_diff: if edited { diff::words(&original.text_body, &message.current.text_body) } else { vec![] },
        own: message.row.is_by(&person.actor) && !person.visit.four_eyes_off,
        source: email::source(&content, message.row.id.as_str(), message.current.created_at),
        subject: marked(&message.current.subject, &claims, Part::Subject),
        text: marked(&message.current.text_body, &claims, Part::Text),
        claims,
        message,
        mailbox,
        evidence,
        waiting,
        view,
        now,
    })
}

/// The HTML part as it will arrive, in a frame that may do nothing.
pub(super) async fn preview(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let id = MessageId::from(id.as_str());
    let (message, claims) =
        state.read(move |conn| Ok((messages::get(conn, &person.actor, &id)?, ledger::of_message(conn, &person.actor, &id)?))).await?;
    let mut content = Content::from(&message.current);
    content.html_body = content.html_body.map(|html| underlined(&html, &claims));
    Ok(framed(email::compose(&content).1))
}

/// Mail is shown without scripts, forms or anything fetched from elsewhere.
pub(super) fn framed(html: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
        ))
        .body(html)
}

pub(super) async fn approve(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    decided(person, state, session, &id, form, DecisionKind::Approve).await
}

pub(super) async fn reject(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    decided(person, state, session, &id, form, DecisionKind::Reject).await
}

pub(super) async fn request_changes(
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
    let (id, actor) = (MessageId::from(id), person.actor.clone());
    let (reason, hash) = (form.some("reason").map(str::to_owned), form.get("content_hash").to_owned());
    let target = id.clone();
    let done = state
        .write(move |conn| {
            let decision = Decide { reason: reason.as_deref(), content_hash: Some(&hash), ..Decide::on(&target, kind) };
            let message = decide(conn, &actor, &decision, clock::now())?;
            Ok((message, list::next_pending(conn, &actor, &Filter { sort: list::Sort::Oldest, ..Filter::default() }, &target, clock::now())?))
        })
        .await;
    match done {
        Ok((message, next)) => {
            let name = message.current.to_name.as_deref().unwrap_or(&message.current.to_address);
            flash(
                &session,
                match kind {
                    DecisionKind::Approve => format!("Approved for {name}."),
                    DecisionKind::Reject => format!("Rejected the message to {name}."),
                    _ => format!("Asked for changes to the message to {name}."),
                },
            );
            Ok(see_other(&next.map_or_else(|| "/queue".to_owned(), |next| format!("/messages/{next}"))))
        }
        Err(error) => conflict(person, &state, id, form.get("content_hash"), error).await,
    }
}

#[derive(Template)]
#[template(path = "messages/conflict.html")]
struct ConflictPage {
    chrome: Chrome,
    message: Message,
    problem: String,
    subject_diff: Vec<Stretch>,
    text_diff: Vec<Stretch>,
}

/// Decided already, or changed since: says who and when, and shows the difference.
async fn conflict(person: Person, state: &State, id: MessageId, seen_hash: &str, error: Error) -> Result<HttpResponse, PageError> {
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
    let changed = seen.filter(|seen| seen.version != message.row.version);
    let page = ConflictPage {
        chrome: person.visit.chrome("That no longer fits", "queue"),
        problem: error.detail,
        subject_diff: changed.as_ref().map(|seen| diff::words(&seen.subject, &message.current.subject)).unwrap_or_default(),
        text_diff: changed.as_ref().map(|seen| diff::words(&seen.text_body, &message.current.text_body)).unwrap_or_default(),
        message,
    };
    html_with(StatusCode::CONFLICT, &page)
}

#[derive(Template)]
#[template(path = "messages/edit.html")]
struct EditPage {
    chrome: Chrome,
    message: Message,
    subject: String,
    text: String,
    html: String,
    problem: Option<String>,
}

pub(super) async fn edit(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (id, actor) = (MessageId::from(id.as_str()), person.actor.clone());
    let message = state.read(move |conn| messages::get(conn, &actor, &id)).await?;
    html(&EditPage {
        chrome: person.visit.chrome("Edit", "queue"),
        subject: message.current.subject.clone(),
        text: message.current.text_body.clone(),
        html: message.current.html_body.clone().unwrap_or_default(),
        message,
        problem: None,
    })
}

/// The words that the edit page posts.
pub(super) fn words_of(form: &Form) -> Words {
    Words { subject: form.get("subject").to_owned(), text: Some(form.get("text").to_owned()), html: form.some("html").map(str::to_owned) }
}

pub(super) async fn save(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor) = (MessageId::from(id.as_str()), person.actor.clone());
    let words = words_of(&form);
    let (target, given, hash) = (id.clone(), words.clone(), form.get("content_hash").to_owned());
    match state.write(move |conn| edit_message(conn, &actor, &target, &given, Some(&hash), clock::now())).await {
        Ok(_) => {
            flash(&session, "Saved as a new version. Somebody else must approve it.");
            Ok(see_other(&format!("/messages/{id}")))
        }
        Err(error) if error.kind == Kind::Invalid => {
            let actor = person.actor.clone();
            let message = state.read(move |conn| messages::get(conn, &actor, &id)).await?;
            let page = EditPage {
                chrome: person.visit.chrome("Edit", "queue"),
                message,
                subject: words.subject,
                text: words.text.unwrap_or_default(),
                html: words.html.unwrap_or_default(),
                problem: Some(error.detail),
            };
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => conflict(person, &state, id, form.get("content_hash"), error).await,
    }
}

pub(super) async fn cancel(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, actor) = (MessageId::from(id.as_str()), person.actor.clone());
    let target = id.clone();
    match state.write(move |conn| cancelling::cancel(conn, &actor, &target, clock::now())).await {
        Ok(message) => {
            flash(&session, if message.row.state == MessageState::Withdrawn { "Withdrawn." } else { "Stopped. It will not be sent." });
            Ok(see_other(&format!("/messages/{id}")))
        }
        Err(error) => conflict(person, &state, id, "", error).await,
    }
}

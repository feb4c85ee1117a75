//! What came in: the list, conversations, the release to agents, answers.

use actix_session::Session;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use super::preview;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::ids::{InboundEmailId, MailboxId, ThreadId};
use crate::domain::inbound::providers::{self as reporters, Reporter};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::messages::reply::{NewReply, reply as submit_reply};
use crate::domain::messages::{Message, Origin, markup};
use crate::domain::threads::{self, Arrivals, EmailKind, InboundEmail, Tagged};
use crate::domain::{contacts, inbound};
use crate::inbound::quoted::{Stretch, stretches};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    mailbox: Option<String>,
    kind: Option<String>,
    unread: Option<String>,
    tags: Option<String>,
    q: Option<String>,
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "inbox/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Tagged>,
    mailboxes: Vec<Mailbox>,
    filter: Query,
    next: Option<String>,
}

impl IndexPage {
    fn is_filtered(&self) -> bool {
        let given = [&self.filter.mailbox, &self.filter.kind, &self.filter.unread, &self.filter.tags, &self.filter.q, &self.filter.before];
        given.iter().any(|field| field.as_deref().is_some_and(|text| !text.is_empty()))
    }

    fn chosen(&self, given: &Option<String>, value: &str) -> bool {
        given.as_deref() == Some(value)
    }

    fn mailbox(&self, id: &MailboxId) -> &str {
        self.mailboxes.iter().find(|mailbox| mailbox.id == *id).map_or("", |mailbox| mailbox.address.as_str())
    }

    fn held(&self, row: &InboundEmail) -> bool {
        row.released_at.is_none() && self.mailboxes.iter().any(|mailbox| mailbox.id == row.mailbox_id && mailbox.mode == Mode::GatedAll)
    }
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let query = query.into_inner();
    let filled = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let filter = Arrivals {
        mailbox: filled(&query.mailbox).map(|id| MailboxId::from(id.as_str())),
        kind: filled(&query.kind).and_then(|kind| kind.parse().ok()),
        unread: query.unread.is_some(),
        tags: contacts::split_tags(query.tags.as_deref().unwrap_or_default()).0,
        words: query.q.as_deref().unwrap_or_default().split_whitespace().take(10).map(str::to_owned).collect(),
        before: filled(&query.before).map(|id| InboundEmailId::from(id.as_str())),
        limit: 50,
    };
    let actor = person.actor.clone();
    let (page, mailboxes) = state.read(move |conn| Ok((threads::arrivals(conn, &actor, &filter)?, mailboxes::list(conn, &actor)?))).await?;
    let next = page.more.then(|| page.rows.last()).flatten().map(|(last, _)| {
        let mut words = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("mailbox", &query.mailbox), ("kind", &query.kind), ("unread", &query.unread), ("tags", &query.tags), ("q", &query.q)] {
            if let Some(value) = value {
                words.append_pair(name, value);
            }
        }
        words.append_pair("before", last.id.as_str()).finish()
    });
    html(&IndexPage { chrome: person.visit.chrome("Inbox", "inbox"), rows: page.rows, mailboxes, filter: query, next })
}

/// One side's turn in a conversation.
enum Turn {
    In { email: Box<InboundEmail>, tags: Vec<String>, held: bool, stretches: Vec<Stretch> },
    Out(Box<Message>),
}

impl Turn {
    fn at(&self) -> Time {
        match self {
            Turn::In { email, .. } => email.received_at,
            Turn::Out(message) => message.row.sent_at.unwrap_or(message.row.created_at),
        }
    }
}

#[derive(Template)]
#[template(path = "inbox/thread.html")]
struct ThreadPage {
    chrome: Chrome,
    subject: String,
    mailbox: Mailbox,
    turns: Vec<Turn>,
    /// The newest email that can be answered.
    answers: Option<(InboundEmailId, String)>,
    draft: String,
    problem: Option<String>,
}

impl ThreadPage {
    /// A number of bytes for people.
    fn size(&self, bytes: &usize) -> String {
        match bytes {
            0..1_000 => format!("{bytes} bytes"),
            1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
            _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        }
    }
}

async fn thread_page(person: &Person, state: &State, id: ThreadId, draft: String, problem: Option<String>) -> Result<ThreadPage, PageError> {
    let actor = person.actor.clone();
    let (conversation, tags) = state
        .quiet_write(move |conn| {
            let conversation = threads::conversation(conn, &actor, &id, None)?;
            let mut tags = vec![];
            for email in &conversation.emails {
                tags.push(threads::read(conn, &actor, &email.id, clock::now())?.map(|(_, tags)| tags).unwrap_or_default());
            }
            Ok((conversation, tags))
        })
        .await?;
    let mailbox = conversation.mailbox;
    let outside = |email: &&InboundEmail| email.from_key != mailbox.address_key && email.kind != EmailKind::Unreadable;
    let answers = conversation.emails.iter().rfind(outside).map(|email| (email.id.clone(), email.from_address.clone()));
    let gated = mailbox.mode == Mode::GatedAll;
    let came = conversation.emails.into_iter().zip(tags).map(|(email, tags)| Turn::In {
        held: gated && email.released_at.is_none() && email.from_key != mailbox.address_key,
        stretches: stretches(&email.text_body),
        tags,
        email: Box::new(email),
    });
    let mut turns: Vec<Turn> = came.chain(conversation.messages.into_iter().map(|message| Turn::Out(Box::new(message)))).collect();
    turns.sort_by_key(Turn::at);
    let title = conversation.subject.clone();
    Ok(ThreadPage { chrome: person.visit.chrome(title, "inbox"), subject: conversation.subject, mailbox, turns, answers, draft, problem })
}

pub(super) async fn thread(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&thread_page(&person, &state, ThreadId::from(id.as_str()), String::new(), None).await?)
}

/// The HTML of an email, cleaned, in a frame in which nothing runs and nothing is fetched.
pub(super) async fn frame(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor, InboundEmailId::from(id.as_str()));
    let email = state.read(move |conn| threads::get(conn, &actor, &id)).await?;
    let clean = match &email.html_body {
        Some(given) if markup::refuse_deep(given).is_ok() => markup::clean(given),
        Some(_) => markup::from_text("This HTML is nested too deeply to be shown. The plain text is on the page."),
        None => markup::from_text(&email.text_body),
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, preview::policy(false)))
        .content_type("text/html; charset=utf-8")
        .body(clean))
}

/// The mail as it came, to be kept as a file: no browser shows it.
pub(super) async fn raw(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor, InboundEmailId::from(id.as_str()));
    let raw = state.read(move |conn| inbound::raw(conn, &actor, &id)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"message.eml\""))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("application/octet-stream")
        .body(raw))
}

pub(super) async fn release(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor, InboundEmailId::from(id.as_str()));
    let email = state.write(move |conn| threads::release(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Released. Agents can read it now.");
    Ok(see_other(&format!("/threads/{}", email.thread_id)))
}

pub(super) async fn reply(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), InboundEmailId::from(id.as_str()));
    let text = form.get("text").to_owned();
    let new = NewReply {
        text: Some(text.clone()),
        html: None,
        tags: vec![],
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        campaign: None,
        facts: vec![],
        origin: Origin::Person,
    };
    let (target, by) = (id.clone(), actor.clone());
    match state.write(move |conn| submit_reply(conn, &by, None, &target, &new, clock::now())).await {
        Ok(message) => {
            flash(&session, format!("Handed in: {}.", message.row.state.label().to_lowercase()));
            Ok(see_other(&format!("/threads/{}", message.row.thread_id)))
        }
        Err(error) => {
            let email = state.read(move |conn| threads::get(conn, &actor, &id)).await?;
            let page = thread_page(&person, &state, email.thread_id, text, Some(error.for_people())).await?;
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

#[derive(Template)]
#[template(path = "inbox/providers.html")]
struct ProvidersPage {
    chrome: Chrome,
    rows: Vec<(Reporter, bool)>,
    base_url: String,
    problem: Option<String>,
}

async fn providers_page(person: &Person, state: &State, problem: Option<String>) -> Result<ProvidersPage, PageError> {
    let actor = person.actor.clone();
    let rows = state.read(move |conn| reporters::list(conn, &actor)).await?;
    Ok(ProvidersPage { chrome: person.visit.chrome("Providers that report", "inbox"), rows, base_url: state.base_url.clone(), problem })
}

pub(super) async fn providers(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&providers_page(&person, &state, None).await?)
}

pub(super) async fn set_provider(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, reporter, secret) = (person.actor.clone(), form.word::<Reporter>("provider")?, form.get("secret").to_owned());
    match state.quiet_write(move |conn| reporters::set_secret(conn, &actor, reporter, &secret, clock::now())).await {
        Ok(()) => {
            flash(&session, "Saved.");
            Ok(see_other("/inbox/providers"))
        }
        Err(error) => html_with(StatusCode::UNPROCESSABLE_ENTITY, &providers_page(&person, &state, Some(error.for_people())).await?),
    }
}

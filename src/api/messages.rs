//! `/v1/send` and `/v1/emails`.

use std::collections::BTreeMap;

use std::collections::HashSet;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{ChangedLine, Diff, Problem};
use super::input::{Named, agreed, id_cursor, one_mailbox, time_of};
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, get, patch, post};
use super::shapes::{CheckedMessage, Message, MessageSummary, OneOrMany, Submitted, Tags};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::ConsentBasis;
use crate::domain::desk::assignment;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{FactId, InboundEmailId, MessageId};
use crate::domain::mailboxes::{self, Mode};
use crate::domain::messages::content::Words;
use crate::domain::messages::list::{self, Filter};
use crate::domain::messages::submit::{NewMessage, submit};
use crate::domain::messages::{self, Origin, State as MessageState, cancel as cancelling, edit as editing, findings, ledger, tags as tagging};
use crate::domain::outbox;
use crate::domain::policy::consent::Class;
use crate::domain::threads;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/send", "send_email", "Submit an email")
            .about(
                "Submits an email to the oversight mode of its mailbox: it is held for a decision, or leaves after the checks. \
                 With several recipients each gets a message of their own, all or none. A mailbox that is read_only answers 403.",
            )
            .needs(&[Scope::Draft])
            .body::<Send>()
            .answers::<Sent>(202)
            .to(send),
        post("/v1/mailboxes/{id}/send", "send_email_from", "Submit an email from a mailbox")
            .needs(&[Scope::Draft])
            .body::<Send>()
            .answers::<Sent>(202)
            .to(send_from),
        get("/v1/emails", "list_emails", "List emails that this key submitted")
            .about("Newest first, without their bodies.")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<EmailPage>(200)
            .to(list),
        get("/v1/emails/{id}", "get_email", "Read an email")
            .about("The message whole, with its claims and findings. A decision without a content_hash binds to what was shown here.")
            .needs(&[Scope::Read])
            .answers::<Email>(200)
            .to(show),
        patch("/v1/emails/{id}", "edit_email", "Hand in a new version")
            .about("Changes the words of a message that has not left. Approvals of the version before are void; it is held again.")
            .needs(&[Scope::Draft])
            .body::<Edit>()
            .answers::<CheckedMessage>(200)
            .to(edit),
        post("/v1/emails/{id}/cancel", "cancel_email", "Take an email back")
            .about("Only while it has not left; there is no way back.")
            .needs(&[Scope::Draft])
            .answers::<Message>(200)
            .to(cancel),
        post("/v1/emails/{id}/tags", "tag_email", "Tag an email")
            .about("One that goes out or one that came in. Campaign and step tags are kept on the contact too.")
            .needs(&[Scope::Contacts])
            .body::<Tags>()
            .answers::<Tagged>(200)
            .to(add_tags),
    ]
}

/// What a submission answers; with several recipients the first, and all in `messages`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sent {
    /// The message, or the first of several.
    #[serde(flatten)]
    pub first: Submitted,
    /// One for each recipient, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Submitted>,
}

/// An email with its tags.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tagged {
    /// The email.
    pub id: String,
    /// The same.
    pub message_id: String,
    /// The same.
    pub email_id: String,
    /// All its tags.
    pub tags: Vec<String>,
}

impl Tagged {
    fn new(id: &str, tags: Vec<String>) -> Self {
        Tagged { id: id.to_owned(), message_id: id.to_owned(), email_id: id.to_owned(), tags }
    }
}

/// Why a message that was cleared has not left.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Waits {
    /// In a sentence.
    pub because: String,
    /// When it leaves at the earliest; null where a person has to do something first.
    pub until: Option<Time>,
}

/// A message as its reader sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Email {
    /// The message.
    #[serde(flatten)]
    pub message: CheckedMessage,
    /// Whether this key wrote or edited it last.
    pub mine: bool,
    /// Why it has not left, where it was cleared and something keeps it.
    pub waits: Option<Waits>,
    /// Who should decide it, for keys that may see what waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
}

/// A page of messages.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EmailPage {
    /// The messages.
    pub emails: Vec<MessageSummary>,
    /// The same.
    pub messages: Vec<MessageSummary>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<MessageId>,
}

/// Most recipients of one call; each gets a message of their own.
const MOST_RECIPIENTS: usize = 100;

/// What the three dialects of the documents send.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The mailbox by its address; the same as mailbox. It names the mailbox and sets no header.
    from: Option<String>,
    /// The mailbox to send from, by address or id. Needed only where the key reaches several.
    mailbox: Option<String>,
    /// The mailbox to send from, by id.
    mailbox_id: Option<String>,
    /// One address or up to 100; each gets a message of their own.
    to: OneOrMany,
    /// The subject, one line.
    subject: String,
    /// The plain text. Footer and unsubscribe link are added here.
    text_body: Option<String>,
    /// The HTML; it is cleaned.
    html_body: Option<String>,
    /// The plain text; the same as text_body.
    body: Option<String>,
    /// Markdown, from which text and HTML are made.
    markdown: Option<String>,
    /// Tags of the message.
    tags: Option<OneOrMany>,
    /// Headers that start with X- or List-; no others are taken.
    headers: Option<BTreeMap<String, String>>,
    /// A mode stricter than the mailbox's: read_only, gated_all, gated_send, monitored or autonomous.
    #[schemars(with = "Option<String>")]
    oversight_mode: Option<Mode>,
    /// Not to leave before this time, such as 2026-04-30T12:00:00Z.
    send_at: Option<String>,
    /// The ground for mailing this person.
    #[schemars(with = "Option<String>")]
    consent_basis: Option<ConsentBasis>,
    /// commercial, as without it, or transactional: about something the recipient ordered, without advertising. Caps, quiet
    /// hours and grounds are for commercial mail; what a key calls transactional always waits for a person.
    #[schemars(with = "Option<String>")]
    class: Option<Class>,
    /// The campaign it belongs to.
    campaign: Option<String>,
    /// The topic by name or id; without one that of its campaign or mailbox. Recipients choose by topic.
    topic: Option<String>,
    /// Ids of facts the text rests on; each must be in force. The claims are checked against all facts.
    facts: Option<OneOrMany>,
    /// The same as the header Idempotency-Key: a second call with it is not a second message.
    #[expect(dead_code, reason = "the door reads it; here it is only known")]
    idempotency_key: Option<String>,
}

impl Send {
    /// Where it is to leave from, under each of its names.
    fn take_mailbox(&mut self) -> [Named; 3] {
        [("mailbox", self.mailbox.take()), ("mailbox_id", self.mailbox_id.take()), ("from", self.from.take())]
    }

    fn into_messages(self) -> DomainResult<Vec<NewMessage>> {
        let send_at = time_of("send_at", self.send_at.as_deref())?;
        let class = self.class.unwrap_or(Class::Commercial);
        if class == Class::Relationship {
            let detail = "class must be commercial or transactional. What answers an email is sent with the reply call.";
            return Err(Error::invalid("field_invalid", "class", detail));
        }
        let (text, html) = parts(agreed([("text_body", self.text_body), ("body", self.body)])?, self.html_body, self.markdown);
        let recipients = self.to.into_vec();
        if recipients.is_empty() || recipients.len() > MOST_RECIPIENTS {
            return Err(Error::invalid("field_invalid", "to", format!("to must name 1 to {MOST_RECIPIENTS} recipients; got {}.", recipients.len())));
        }
        let first = NewMessage {
            mailbox: None,
            to: String::new(),
            to_name: None,
            words: Words { subject: self.subject, text, html },
            tags: self.tags.map(OneOrMany::into_vec).unwrap_or_default(),
            headers: self.headers.unwrap_or_default().into_iter().collect(),
            mode: self.oversight_mode,
            send_at,
            consent_basis: self.consent_basis,
            class,
            campaign: self.campaign,
            topic: self.topic,
            facts: self.facts.map(OneOrMany::into_vec).unwrap_or_default().iter().map(|id| FactId::from(id.as_str())).collect(),
            origin: Origin::Agent,
        };
        // Whoever is named twice gets it once.
        let mut named = HashSet::new();
        let once = recipients.into_iter().filter(|to| EmailAddress::parse("to", to).map_or(true, |address| named.insert(address.key().to_owned())));
        Ok(once.map(|to| NewMessage { to, ..first.clone() }).collect())
    }
}

/// Text and HTML; both come from Markdown where only that is given.
pub(super) fn parts(text: Option<String>, html: Option<String>, markdown: Option<String>) -> (Option<String>, Option<String>) {
    match (text, html, markdown) {
        (None, None, Some(markdown)) => {
            let mut html = String::new();
            pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&markdown));
            (Some(markdown), Some(html))
        }
        (text, html, _) => (text, html),
    }
}

pub async fn send(key: Key, state: web::Data<State>, body: Json<Send>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(submit_all(key.0, &state, body.0).await?))
}

pub async fn send_from(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Send>) -> Result<HttpResponse, Problem> {
    let mut send = body.0;
    let [mailbox, by_id, from] = send.take_mailbox();
    let named = [("the mailbox of the path", Some(id.into_inner())), mailbox, by_id, from];
    Ok(HttpResponse::Accepted().json(submit_from(key.0, &state, named, send).await?))
}

/// Submits a message for each recipient, all or none.
pub(crate) async fn submit_all(actor: Actor, state: &State, mut send: Send) -> Result<Sent, Problem> {
    let named = send.take_mailbox();
    submit_from(actor, state, named, send).await
}

async fn submit_from<const N: usize>(actor: Actor, state: &State, named: [Named; N], send: Send) -> Result<Sent, Problem> {
    let new = send.into_messages()?;
    let submitted: Vec<messages::Message> = state
        .write(move |conn| {
            let mailbox = one_mailbox(conn, &actor, named)?;
            new.into_iter()
                .map(|one| submit(conn, &actor, &NewMessage { mailbox: mailbox.clone(), ..one }, clock::now()))
                .collect::<DomainResult<_>>()
        })
        .await?;
    let each = |message| Submitted::of(message, &state.base_url);
    let first = submitted.first().map(each).ok_or_else(|| Error::internal("nothing was submitted"))?;
    let messages = if submitted.len() > 1 { submitted.iter().map(each).collect() } else { vec![] };
    Ok(Sent { first, messages })
}

pub async fn add_tags(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Tags>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(tag(key.0, &state, id.into_inner(), body.0.tags).await?))
}

/// Tags an email that came in or a message that goes out.
pub(crate) async fn tag(actor: Actor, state: &State, id: String, tags: OneOrMany) -> Result<Tagged, Problem> {
    let tags = tags.into_vec();
    let answer = state
        .write(move |conn| {
            let (now, inbound) = (clock::now(), InboundEmailId::from(id.as_str()));
            if let Some(tags) = threads::tag(conn, &actor, &inbound, &tags, now)? {
                return Ok(Tagged::new(&id, tags));
            }
            let message = tagging::add(conn, &actor, &MessageId::from(id.as_str()), &tags, now)?;
            Ok(Tagged::new(&id, message.tags))
        })
        .await?;
    Ok(answer)
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One message whole, noted as shown to whoever asks.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Email, Problem> {
    let (id, base_url) = (MessageId::from(id), state.base_url.clone());
    let answer = state
        .write(move |conn| {
            let message = messages::get(conn, &actor, &id)?;
            let message = ledger::look_again(conn, message, clock::now())?;
            messages::note_shown(conn, &actor, &[(id.clone(), message.row.version)], clock::now())?;
            let findings = findings::of_version(conn, &message.current)?;
            let sees_the_desk = actor.must_have_one_of(&[Scope::OversightRead, Scope::Oversight]).is_ok();
            let assignee = if sees_the_desk { assignment::assignee(conn, &message.row)?.map(|to| to.name) } else { None };
            let mine = message.row.is_by(&actor);
            let waits = outbox::waits(conn, &message.row, clock::now())?.map(|found| Waits { because: found.because, until: found.until });
            let message = CheckedMessage::of(&message, &ledger::of_message(conn, &actor, &id)?, &findings, &base_url);
            Ok(Email { message, mine, waits, assignee })
        })
        .await?;
    Ok(answer)
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only in this state, such as changes_requested.
    pub(crate) status: Option<MessageState>,
    /// false lists those of everybody within the key's reach.
    pub(crate) mine: Option<bool>,
    /// Only of this mailbox, by address or id.
    pub(crate) mailbox: Option<String>,
    /// Only of this mailbox, by id.
    pub(crate) mailbox_id: Option<String>,
    /// Only of this campaign.
    pub(crate) campaign: Option<String>,
    /// Only with this tag.
    pub(crate) tag: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, query.0).await?))
}

/// The messages that whoever asks wrote, newest first; those of everybody within reach with `mine` false.
pub(crate) async fn look(actor: Actor, state: &State, query: Query) -> Result<EmailPage, Problem> {
    actor.must_have(Scope::Read)?;
    let states: Vec<MessageState> = query.status.into_iter().collect();
    let limit = rows(query.limit, 20)?;
    let base_url = state.base_url.clone();
    let answer = state
        .read(move |conn| {
            let mailbox = one_mailbox(conn, &actor, [("mailbox", query.mailbox), ("mailbox_id", query.mailbox_id)])?;
            let mailbox = mailboxes::named(conn, &actor, mailbox.as_deref())?;
            let filter = Filter {
                states,
                mailbox,
                campaign: query.campaign,
                tag: query.tag,
                own: query.mine.unwrap_or(true),
                after: id_cursor(query.cursor.as_deref())?,
                limit,
                ..Filter::default()
            };
            let (rows, more) = list::list(conn, &actor, &filter)?;
            let cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
            let ids: Vec<MessageId> = rows.into_iter().map(|row| row.id).collect();
            let all = messages::many(conn, &actor, &ids)?;
            let each = || all.iter().map(|message| MessageSummary::of(message, message.row.is_by(&actor), &base_url)).collect();
            Ok(EmailPage { emails: each(), messages: each(), next_cursor: cursor })
        })
        .await?;
    Ok(answer)
}

/// New words for a message. What is left out stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The new subject.
    pub(crate) subject: Option<String>,
    /// The new plain text. Without html_body the HTML is made from it.
    pub(crate) text_body: Option<String>,
    /// The same as text_body.
    pub(crate) body: Option<String>,
    /// The new HTML; it is cleaned.
    pub(crate) html_body: Option<String>,
    /// Markdown, from which text and HTML are made.
    pub(crate) markdown: Option<String>,
    /// The content that was read; 409 content_changed where it is another by now.
    pub(crate) content_hash: Option<String>,
}

pub async fn edit(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Edit>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(rewrite(key.0, &state, &id, body.0).await?))
}

/// Hands in a new version, which is held again.
pub(crate) async fn rewrite(actor: Actor, state: &State, id: &str, edit: Edit) -> Result<CheckedMessage, Problem> {
    let (text, html) = parts(agreed([("text_body", edit.text_body), ("body", edit.body)])?, edit.html_body, edit.markdown);
    if edit.subject.is_none() && text.is_none() && html.is_none() {
        let text = "Give what is to change: subject, text_body, body, html_body or markdown.";
        return Err(Error::invalid("body_missing", "text_body", text).into());
    }
    let (id, editor, base_url) = (MessageId::from(id), actor.clone(), state.base_url.clone());
    let hash = edit.content_hash.map(|hash| hash.to_ascii_lowercase());
    let edited = state
        .write(move |conn| {
            let now = clock::now();
            let subject = match edit.subject {
                Some(subject) => subject,
                None => messages::get(conn, &editor, &id)?.current.subject,
            };
            let message = editing::edit(conn, &editor, &id, &Words { subject, text, html }, hash.as_deref(), now)?;
            let findings = findings::of_version(conn, &message.current)?;
            Ok(CheckedMessage::of(&message, &ledger::of_message(conn, &editor, &id)?, &findings, &base_url))
        })
        .await;
    match edited {
        Ok(shape) => Ok(shape),
        Err(error) => Err(with_diff(state, actor, error).await),
    }
}

/// The problem, with what changed where the error is about that.
pub(crate) async fn with_diff(state: &State, actor: Actor, error: Error) -> Problem {
    let changed = error.changed.clone();
    let problem = Problem::from(error);
    let Some(changed) = changed else { return problem };
    match diff(state, actor, changed.message_id, changed.seen, changed.current).await {
        Some(diff) => problem.with_diff(diff),
        None => problem,
    }
}

pub async fn cancel(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(take_back(key.0, &state, &id).await?))
}

/// Stops a message that has not left.
pub(crate) async fn take_back(actor: Actor, state: &State, id: &str) -> Result<Message, Problem> {
    let id = MessageId::from(id);
    let message = state.write(move |conn| cancelling::cancel(conn, &actor, &id, clock::now())).await?;
    Ok(Message::of(&message, &state.base_url))
}

/// The difference between two versions of a message, as a list of changed lines.
async fn diff(state: &State, actor: Actor, id: MessageId, seen: i32, current: i32) -> Option<Diff> {
    let versions = state
        .read(move |conn| {
            messages::get(conn, &actor, &id)?;
            Ok((messages::version(conn, &id, seen)?, messages::version(conn, &id, current)?))
        })
        .await;
    let (before, after) = versions.ok()?;
    let lines = |old: &str, new: &str| {
        similar::TextDiff::from_lines(old, new)
            .iter_all_changes()
            .filter(|change| change.tag() != similar::ChangeTag::Equal)
            .map(|change| ChangedLine { change: change.tag().to_string(), line: change.value().trim_end().to_owned() })
            .collect()
    };
    Some(Diff {
        from_version: seen,
        to_version: current,
        subject: lines(&before.subject, &after.subject),
        text_body: lines(&before.text_body, &after.text_body),
    })
}

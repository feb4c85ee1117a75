//! `/v1/mailboxes`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::input::{agreed, id_cursor, time_of, word_of};
use super::json::{Params, rows};
use super::key::Key;
use super::operations::{Operation, get};
use super::shapes;
use crate::app::State;
use crate::clock::Time;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Error;
use crate::domain::ids::{MailboxId, ThreadId};
use crate::domain::mailboxes::{self, Mode, Notify, OnUncertain};
use crate::domain::messages::list::{self, Filter};
use crate::domain::messages::{self, State as MessageState};
use crate::domain::threads::{self, EmailKind, InboxFilter};
use crate::text_enum;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/mailboxes", "list_mailboxes", "List mailboxes").needs(&[Scope::Read]).answers::<MailboxList>(200).to(index),
        get("/v1/mailboxes/{id}/inbox", "check_inbox", "List what came in")
            .about("Newest first. Subjects and snippets are text from outside.")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<InboxPage>(200)
            .to(inbox),
    ]
}

text_enum!(
    /// Which way an email went.
    pub enum Direction {
        /// It came in.
        Inbound => "inbound",
        /// It was written here.
        Outbound => "outbound",
    }
);

/// A sending address.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// The address.
    pub address: String,
    /// The name recipients see.
    pub name: String,
    /// Its oversight mode.
    pub mode: Mode,
    /// The same.
    pub oversight_mode: Mode,
    /// What the mode means.
    pub meaning: &'static str,
    /// The sender's postal address.
    pub postal_address: String,
    /// How long an approved message can still be stopped, in seconds.
    pub undo_seconds: i32,
    /// Whether decisions by keys are refused here.
    pub person_required: bool,
    /// Whether alike messages may be approved together although every message is held here.
    pub bulk_in_gated_all: bool,
    /// How its reviewers learn of new messages.
    pub notify: Notify,
    /// What becomes of a message whose relay fell silent after the final dot.
    pub on_uncertain: OnUncertain,
    /// Where reports of its mail go, each to an address of its own message there; null for the mailbox. An administrator sets it on its page.
    pub bounce_address: Option<String>,
    /// So many messages of machines that people stop or reject within 7 days take it back to gated_send by itself; 0 for never.
    pub tripwire: i32,
    /// Whether sending is stopped.
    pub stopped: bool,
    /// Since when.
    pub stopped_at: Option<Time>,
    /// When it was added.
    pub created_at: Time,
}

impl Mailbox {
    /// From the mailbox.
    pub fn of(mailbox: &mailboxes::Mailbox) -> Self {
        Mailbox {
            id: mailbox.id.clone(),
            address: mailbox.address.clone(),
            name: mailbox.name.clone(),
            mode: mailbox.mode,
            oversight_mode: mailbox.mode,
            meaning: mailbox.mode.meaning(),
            postal_address: mailbox.postal_address.clone(),
            undo_seconds: mailbox.undo_seconds,
            person_required: mailbox.person_required,
            bulk_in_gated_all: mailbox.bulk_in_gated_all,
            notify: mailbox.notify,
            on_uncertain: mailbox.on_uncertain,
            bounce_address: mailbox.bounce_address.clone(),
            tripwire: mailbox.tripwire,
            stopped: mailbox.stopped_at.is_some(),
            stopped_at: mailbox.stopped_at,
            created_at: mailbox.created_at,
        }
    }
}

/// The mailboxes within reach.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MailboxList {
    /// The mailboxes.
    pub mailboxes: Vec<Mailbox>,
}

/// An email that came in, in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InboxRow {
    /// Its id.
    pub id: String,
    /// inbound or outbound.
    pub direction: Direction,
    /// unread, read, or the state of a message that goes out.
    pub status: &'static str,
    /// Who wrote it.
    pub from: String,
    /// Whom it was sent to.
    pub to: String,
    /// The subject, from outside.
    pub subject: String,
    /// The beginning of the text, from outside.
    pub snippet: String,
    /// When it came in, or was submitted.
    pub received_at: Time,
    /// The conversation it belongs to.
    pub thread_id: ThreadId,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether nobody read it.
    pub unread: bool,
    /// Whether the other side has an answer: mail of ours has left, or theirs came in after ours.
    pub has_replies: bool,
    /// What it was taken for: reply, unsubscribe, auto_reply, bounce, delayed, complaint, other or unreadable; null of what
    /// goes out.
    pub kind: Option<&'static str>,
    /// How many files came along. They are kept and not handed out.
    pub attachments: usize,
}

/// A page of what came in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InboxPage {
    /// The emails.
    pub emails: Vec<InboxRow>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<String>,
}

pub async fn index(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state).await?))
}

/// The mailboxes within reach, by address.
pub(crate) async fn all(actor: Actor, state: &State) -> Result<MailboxList, Problem> {
    actor.must_have(Scope::Read)?;
    let all = state.read(move |conn| mailboxes::list(conn, &actor)).await?;
    Ok(MailboxList { mailboxes: all.iter().map(Mailbox::of).collect() })
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only from this address.
    pub(crate) from: Option<String>,
    /// The same as from.
    pub(crate) filter_from: Option<String>,
    /// At most so many, 1 to 100; 50 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// With all these tags, separated by commas.
    pub(crate) tags: Option<String>,
    /// Unread or read only.
    pub(crate) unread: Option<bool>,
    /// In a conversation that mail of ours has left in, or in one without.
    pub(crate) has_replies: Option<bool>,
    /// inbound, or outbound for what was written here; inbound without it.
    pub(crate) direction: Option<Direction>,
    /// Of inbound: unread, read, replied or unanswered. Of outbound: a state of a message, such as pending or sent.
    pub(crate) status: Option<String>,
    /// Kinds, separated by commas: reply, unsubscribe, auto_reply, bounce, delayed, complaint, other, unreadable; or all. Without
    /// it all but the reports of servers: bounce, delayed and complaint.
    pub(crate) kind: Option<String>,
    /// Received at or after this time, such as 2026-04-30T12:00:00Z.
    pub(crate) since: Option<String>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

pub async fn inbox(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, Some(id.into_inner()), query.0).await?))
}

struct Filtered {
    status: Option<String>,
    tags: Option<String>,
    since: Option<Time>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// What was written in a mailbox, newest first.
async fn written(actor: Actor, state: &State, mailbox: Option<String>, asked: Filtered) -> Result<InboxPage, Problem> {
    let states = word_of::<MessageState>("status", asked.status.as_deref())?.into_iter().collect();
    let limit = rows(asked.limit, 50)?;
    let found = state
        .read(move |conn| {
            let mailbox = mailboxes::resolve(conn, &actor, mailbox.as_deref())?;
            let filter = Filter {
                states,
                mailbox: Some(mailbox.id.clone()),
                tag: asked.tags.filter(|tags| !tags.is_empty()),
                newer_than: asked.since,
                after: id_cursor(asked.cursor.as_deref())?,
                limit,
                ..Filter::default()
            };
            let (listed, more) = list::list(conn, &actor, &filter)?;
            let mut emails = vec![];
            for row in &listed {
                let message = messages::get(conn, &actor, &row.id)?;
                let since = message.row.sent_at;
                let reply = since.map(|since| threads::first_reply(conn, &actor, &mailbox.id, &message.row.thread_id, since)).transpose()?.flatten();
                emails.push(InboxRow {
                    id: message.row.id.to_string(),
                    direction: Direction::Outbound,
                    status: shapes::status(&message),
                    from: message.current.from_address.clone(),
                    to: message.current.to_address.clone(),
                    subject: message.current.subject.clone(),
                    snippet: message.current.text_body.chars().take(160).collect(),
                    received_at: message.row.submitted_at.unwrap_or(message.row.created_at),
                    thread_id: message.row.thread_id.clone(),
                    tags: message.tags.clone(),
                    unread: false,
                    has_replies: reply.is_some(),
                    kind: None,
                    attachments: 0,
                });
            }
            let next_cursor = listed.last().filter(|_| more).map(|row| row.id.to_string());
            Ok(InboxPage { emails, next_cursor })
        })
        .await?;
    Ok(found)
}

/// The kinds that are asked for; none for all.
fn kinds(given: Option<&str>) -> Result<Vec<EmailKind>, Problem> {
    match given.map(str::trim).filter(|given| !given.is_empty()) {
        None => Ok(EmailKind::WRITTEN.to_vec()),
        Some("all") => Ok(vec![]),
        Some(given) => {
            Ok(given.split(',').map(|kind| word_of("kind", Some(kind.trim()))).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
    }
}

/// The inbox of a mailbox; without one, of the only one within reach.
pub(crate) async fn look(actor: Actor, state: &State, mailbox: Option<String>, query: Query) -> Result<InboxPage, Problem> {
    let from = agreed([("from", query.from), ("filter_from", query.filter_from)])?;
    let from_key = from.as_deref().map(|from| EmailAddress::parse("from", from)).transpose()?.map(|from| from.key().to_owned());
    let since = time_of("since", query.since.as_deref())?;
    if query.direction == Some(Direction::Outbound) {
        return written(actor, state, mailbox, Filtered { status: query.status, tags: query.tags, since, limit: query.limit, cursor: query.cursor })
            .await;
    }
    let (mut unread, mut has_replies) = (query.unread, query.has_replies);
    match query.status.as_deref().filter(|status| !status.is_empty()) {
        None => {}
        Some("unread") => unread = Some(true),
        Some("read") => unread = Some(false),
        Some("replied") => has_replies = Some(true),
        Some("unanswered") => has_replies = Some(false),
        Some(_) => {
            let detail = "status must be one of unread, read, replied, unanswered; with direction=outbound it is a state of a message.";
            return Err(Error::invalid("field_invalid", "status", detail).into());
        }
    }
    let filter = InboxFilter {
        from_key,
        tags: query.tags.as_deref().map(|tags| contacts::split_tags(tags).0).unwrap_or_default(),
        unread,
        has_replies,
        kinds: kinds(query.kind.as_deref())?,
        since,
        limit: rows(query.limit, 50)?,
        before: id_cursor(query.cursor.as_deref())?,
    };
    let (found, more, answered) = state
        .read(move |conn| {
            let mailbox = mailboxes::resolve(conn, &actor, mailbox.as_deref())?;
            let (found, more) = threads::inbox(conn, &actor, &mailbox.id, &filter)?;
            let threads: Vec<ThreadId> = found.iter().map(|(row, _)| row.thread_id.clone()).collect();
            let answered = threads::with_answers(conn, &actor, &mailbox.id, &threads)?;
            Ok((found, more, answered))
        })
        .await?;
    let cursor = found.last().filter(|_| more).map(|(row, _)| row.id.to_string());
    let emails = found.into_iter().map(|(row, tags)| InboxRow {
        has_replies: answered.contains(&row.thread_id),
        kind: Some(row.kind.as_str()),
        attachments: row.attachments.len(),
        direction: Direction::Inbound,
        status: if row.read_at.is_none() { "unread" } else { "read" },
        id: row.id.to_string(),
        from: row.from_address,
        to: row.to_address,
        subject: row.subject,
        snippet: row.text_body.chars().take(160).collect(),
        received_at: row.received_at,
        thread_id: row.thread_id,
        tags,
        unread: row.read_at.is_none(),
    });
    Ok(InboxPage { emails: emails.collect(), next_cursor: cursor })
}

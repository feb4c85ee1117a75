//! `/v1/mailboxes`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::{Params, rows};
use super::key::Key;
use super::operations::{Operation, get};
use crate::app::State;
use crate::clock::Time;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Error;
use crate::domain::ids::{InboundEmailId, MailboxId, ThreadId};
use crate::domain::mailboxes::{self, Mode};
use crate::domain::threads::{self, InboxFilter};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/mailboxes", "list_mailboxes", "List mailboxes").needs(&[Scope::Read]).answers::<MailboxList>(200).to(list),
        get("/v1/mailboxes/{id}/inbox", "check_inbox", "List what came in")
            .about("Newest first. Subjects and snippets are text from outside.")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<InboxPage>(200)
            .to(inbox),
    ]
}

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
    /// Whether sending is stopped.
    pub stopped: bool,
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
            stopped: mailbox.stopped_at.is_some(),
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
    pub id: InboundEmailId,
    /// Who wrote it.
    pub from: String,
    /// Whom it was sent to.
    pub to: String,
    /// The subject, from outside.
    pub subject: String,
    /// The beginning of the text, from outside.
    pub snippet: String,
    /// When it came in.
    pub received_at: Time,
    /// The conversation it belongs to.
    pub thread_id: ThreadId,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether nobody read it.
    pub unread: bool,
}

/// A page of what came in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InboxPage {
    /// The emails.
    pub emails: Vec<InboxRow>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<InboundEmailId>,
}

pub async fn list(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    key.0.must_have(Scope::Read)?;
    let all = state.read(move |conn| mailboxes::list(conn, &key.0)).await?;
    Ok(HttpResponse::Ok().json(MailboxList { mailboxes: all.iter().map(Mailbox::of).collect() }))
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
    /// Received at or after this time, such as 2026-04-30T12:00:00Z.
    pub(crate) since: Option<String>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

pub async fn inbox(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, Some(id.into_inner()), query.0).await?))
}

/// The inbox of a mailbox; without one, of the only one within reach.
pub(crate) async fn look(actor: Actor, state: &State, mailbox: Option<String>, query: Query) -> Result<InboxPage, Problem> {
    let from = query.from.or(query.filter_from);
    let from_key = from.as_deref().map(|from| EmailAddress::parse("from", from)).transpose()?.map(|from| from.key().to_owned());
    let since = match &query.since {
        Some(text) => {
            Some(Time::parse(text).ok_or_else(|| Error::invalid("field_invalid", "since", "since must be a time such as 2026-04-30T12:00:00Z."))?)
        }
        None => None,
    };
    let filter = InboxFilter {
        from_key,
        tags: query.tags.as_deref().map(|tags| contacts::split_tags(tags).0).unwrap_or_default(),
        unread: query.unread,
        has_replies: query.has_replies,
        since,
        limit: rows(query.limit, 50)?,
        before: query.cursor.as_deref().map(InboundEmailId::from),
    };
    let (found, more) = state
        .read(move |conn| {
            let mailbox = mailboxes::resolve(conn, &actor, mailbox.as_deref())?;
            threads::inbox(conn, &actor, &mailbox.id, &filter)
        })
        .await?;
    let cursor = found.last().filter(|_| more).map(|(row, _)| row.id.clone());
    let emails = found.into_iter().map(|(row, tags)| InboxRow {
        id: row.id,
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

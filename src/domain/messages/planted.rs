//! A copy of a held message that tests the reviewers: held like the original, never sent.

use serde_json::json;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::claims::Claim;
use crate::domain::contacts::{ContactRow, suppressions};
use crate::domain::error::Result;
use crate::domain::ids::MessageId;
use crate::domain::mailboxes::Mailbox;
use crate::domain::preferences::topics;
use crate::domain::{facts, text, threads};

use super::content::{Content, Words};
use super::{MessageRow, State, expiry, ledger, lifecycle, log, queries, submit};

/// Holds a copy of `like` with other words for a made-up contact. Nothing is kept, and none is
/// returned, where a claim in it would be open. It is logged like any submission, because the
/// log must not give it away; the log says what it was when it ends.
#[expect(clippy::too_many_arguments, reason = "a copy needs all that a submission needs")]
pub(in crate::domain) fn hold(
    conn: &mut Conn,
    actor: &Actor,
    mailbox: &Mailbox,
    like: &MessageRow,
    contact: &ContactRow,
    content: &Content,
    words: &Words,
    tags: &[String],
    now: Time,
) -> Result<Option<MessageId>> {
    let words = words.check()?;
    let topic = like.topic_id.as_ref().map(|id| topics::by_id(conn, id)).transpose()?.flatten();
    let content = Content {
        to_address: contact.email.clone(),
        to_name: contact.name.clone(),
        subject: words.subject,
        text_body: words.text,
        html_body: Some(words.html),
        footer: submit::footer(conn, mailbox, contact, like.origin, topic.as_ref(), now)?,
        ..content.clone()
    };
    facts::note_tagged_departure(conn, actor, &contact.id, tags, now)?;
    let claims = ledger::find(conn, &contact.id, &content, now, now)?;
    if claims.iter().any(Claim::is_open) {
        return Ok(None);
    }
    let row = MessageRow {
        id: MessageId::new(),
        contact_id: contact.id.clone(),
        thread_id: threads::open(conn, &mailbox.id, &contact.id, &content.subject, now)?,
        state: State::Draft,
        content_hash: content.hash(),
        planted: true,
        ..like.clone()
    };
    queries::insert(conn, &row)?;
    queries::insert_version(conn, &submit::version_row(&row, &content, actor, now))?;
    ledger::keep(conn, &row, &claims)?;
    expiry::restart(conn, &row, now)?;
    suppressions::keep_link(conn, &submit::token_of(&content.footer), &row.id, &contact.id, now)?;
    for tag in tags {
        queries::add_tag(conn, &row.id, &text::tag(tag)?)?;
    }
    lifecycle::transition(conn, &row.id, State::Draft, State::Pending, row.held_because.as_deref(), now)?;
    log(conn, actor, "message.submit", &row, json!({"held_because": row.held_because, "content_hash": row.content_hash}), now)?;
    Ok(Some(row.id))
}

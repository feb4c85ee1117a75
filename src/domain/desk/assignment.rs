//! Whom a message was given to.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, MessageId, UserId};
use crate::domain::messages::{self, MessageRow};
use crate::domain::{notices, settings};

use super::presence::{self, Taken};
use super::{Colleague, comments, log, person, queries, refuse_settled};

/// Who can be asked: the active people who reach the mailbox, by name.
pub fn assignable(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId) -> Result<Vec<Colleague>> {
    person(actor)?;
    if !actor.reaches(mailbox) {
        return Err(Error::not_found("mailbox"));
    }
    Ok(queries::colleagues(conn, mailbox)?)
}

/// Whether four eyes keep this person from deciding the message.
pub fn may_not_decide(conn: &mut Conn, row: &MessageRow, user: &UserId) -> Result<bool> {
    let by = |kind: &str, id: &str| kind == "user" && id == user.as_str();
    Ok((by(&row.author_kind, &row.author_id) || by(&row.editor_kind, &row.editor_id)) && settings::four_eyes(conn)?)
}

/// Gives a message to somebody, or to nobody. The note is kept as a comment.
pub fn assign(conn: &mut Conn, actor: &Actor, id: &MessageId, to: Option<&UserId>, note: Option<&str>, now: Time) -> Result<Option<Colleague>> {
    let me = person(actor)?;
    let note = note.map(comments::checked).transpose()?.flatten();
    transaction(conn, |conn| {
        queries::lock(conn, id)?;
        let row = messages::row(conn, actor, id)?;
        refuse_settled(&row)?;
        let to = to.map(|to| able(conn, &row, to)).transpose()?;
        let to_id = to.as_ref().map(|to| &to.id);
        if row.assignee_id.as_ref() != to_id {
            queries::set_assignee(conn, id, to_id)?;
            log(
                conn,
                actor,
                "message.assign",
                &row,
                json!({"to": to.as_ref().map(|to| &to.name), "to_id": to_id, "with_note": note.is_some()}),
                now,
            )?;
            if let Some(to) = to_id.filter(|to| *to != me) {
                notices::tell(conn, to, notices::Kind::Assigned, &row.id, actor.name(), note.as_deref(), now)?;
            }
        }
        if let Some(note) = note {
            comments::add(conn, actor, &row, note, to_id, now)?;
        }
        Ok(to)
    })
}

/// Takes a message and, where nobody was asked yet, makes it the actor's to decide.
pub fn take_on(conn: &mut Conn, actor: &Actor, id: &MessageId, over: bool, now: Time) -> Result<Taken> {
    let me = person(actor)?;
    transaction(conn, |conn| {
        let taken = presence::take(conn, actor, id, over, now)?;
        let row = messages::row(conn, actor, id)?;
        if row.assignee_id.is_none() && !may_not_decide(conn, &row, me)? {
            assign(conn, actor, id, Some(me), None, now)?;
        }
        Ok(taken)
    })
}

/// Whom a message that was fetched already is assigned to.
pub fn assignee(conn: &mut Conn, row: &MessageRow) -> Result<Option<Colleague>> {
    match &row.assignee_id {
        Some(id) => Ok(queries::colleague(conn, id)?),
        None => Ok(None),
    }
}

/// The person, if they can decide the message.
fn able(conn: &mut Conn, row: &MessageRow, to: &UserId) -> Result<Colleague> {
    let refused = |detail: String| Error::invalid("assignee_unable", "assignee", detail);
    let Some(to) = queries::colleagues(conn, &row.mailbox_id)?.into_iter().find(|one| one.id == *to) else {
        return Err(refused("This person cannot sign in or does not belong to the mailbox. Ask somebody else.".to_owned()));
    };
    if may_not_decide(conn, row, &to.id)? {
        return Err(refused(format!("{} wrote or edited this version, so someone else must decide it. Ask somebody else.", to.name)));
    }
    Ok(to)
}

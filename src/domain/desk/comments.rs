//! What people of the desk say to each other about a message. Nobody else ever sees it.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{CommentId, MessageId, UserId};
use crate::domain::messages::{self, MessageRow};
use crate::domain::{notices, text};

use super::{Colleague, log, person, queries};

/// The longest comment, in characters.
pub const LONGEST: usize = 4000;
/// The most comments of one message.
pub const MOST: i64 = 500;

/// A comment; it is never changed.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::message_comments)]
pub struct CommentRow {
    /// Its id.
    pub id: CommentId,
    /// On which message.
    pub message_id: MessageId,
    /// By whom.
    pub author_id: UserId,
    /// By whom, by name.
    pub author_name: String,
    /// The words.
    pub body: String,
    /// When.
    pub created_at: Time,
}

/// A comment with the names of whom it mentions.
#[derive(Debug, Clone)]
pub struct Comment {
    /// The comment.
    pub row: CommentRow,
    /// Whom it mentions, by name.
    pub mentioned: Vec<String>,
}

/// Says something about a message. `@` with a full name, a first name that only one has, or
/// the address or its local part mentions a person.
pub fn comment(conn: &mut Conn, actor: &Actor, id: &MessageId, body: &str, now: Time) -> Result<Comment> {
    person(actor)?;
    let body = checked(body)?.ok_or_else(|| Error::invalid("comment_empty", "body", "The comment is empty. Write something, then post it."))?;
    transaction(conn, |conn| {
        let row = messages::row(conn, actor, id)?;
        add(conn, actor, &row, body, None, now)
    })
}

/// What was said about a message, oldest first.
pub fn of_message(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<Vec<Comment>> {
    person(actor)?;
    messages::row(conn, actor, id)?;
    let mut names: BTreeMap<CommentId, Vec<String>> = BTreeMap::new();
    for (comment, name) in queries::mentions(conn, id)? {
        names.entry(comment).or_default().push(name);
    }
    let rows = queries::comments(conn, id)?;
    Ok(rows.into_iter().map(|row| Comment { mentioned: names.remove(&row.id).unwrap_or_default(), row }).collect())
}

/// Without control characters and not too long; nothing where it is blank.
pub(super) fn checked(given: &str) -> Result<Option<String>> {
    // Forms send each line break as two characters.
    let text = text::body("comment", &given.replace("\r\n", "\n"), LONGEST)?;
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// Keeps a comment that was checked. `told` hears of it in another way.
pub(super) fn add(conn: &mut Conn, actor: &Actor, message: &MessageRow, body: String, told: Option<&UserId>, now: Time) -> Result<Comment> {
    let me = person(actor)?;
    if queries::count_comments(conn, &message.id)? >= MOST {
        return Err(Error::conflict("comments_full", format!("This message has {MOST} comments already. Decide it, or talk about it elsewhere.")));
    }
    let row = CommentRow {
        id: CommentId::new(),
        message_id: message.id.clone(),
        author_id: me.clone(),
        author_name: actor.name().to_owned(),
        body,
        created_at: now,
    };
    queries::insert_comment(conn, &row)?;
    let mut mentioned = vec![];
    for colleague in mentions(&row.body, &queries::colleagues(conn, &message.mailbox_id)?) {
        queries::insert_mention(conn, &row.id, &colleague.id, &message.id)?;
        if colleague.id != *me && Some(&colleague.id) != told {
            notices::tell(conn, &colleague.id, notices::Kind::Mentioned, &message.id, actor.name(), Some(&row.body), now)?;
        }
        mentioned.push(colleague.name.clone());
    }
    log(conn, actor, "message.comment", message, json!({"comment_id": row.id, "mentions": mentioned.len()}), now)?;
    Ok(Comment { row, mentioned })
}

/// The people whom a text mentions, in the order of `people`. A name that fits several
/// mentions nobody; the longest one that fits counts.
pub fn mentions<'a>(text: &str, people: &'a [Colleague]) -> Vec<&'a Colleague> {
    let handles = handles(people);
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut found = vec![false; people.len()];
    for (position, _) in text.iter().enumerate().filter(|(_, c)| **c == '@') {
        let starts = position == 0 || !joins(text[position - 1]);
        let after = &text[position + 1..];
        let fits = |handle: &[char]| after.starts_with(handle) && ends(&after[handle.len()..]);
        if let Some((_, Some(who))) = handles.iter().filter(|(handle, _)| starts && fits(handle)).max_by_key(|(handle, _)| handle.len()) {
            found[*who] = true;
        }
    }
    people.iter().zip(found).filter(|(_, found)| *found).map(|(person, _)| person).collect()
}

/// Every way to write somebody, with their position; none where it fits several.
fn handles(people: &[Colleague]) -> Vec<(Vec<char>, Option<usize>)> {
    let mut handles: BTreeMap<Vec<char>, Option<usize>> = BTreeMap::new();
    for (position, person) in people.iter().enumerate() {
        let (name, email) = (person.name.to_lowercase(), person.email.to_lowercase());
        let first = name.split_whitespace().next().unwrap_or_default();
        let local = email.split('@').next().unwrap_or_default();
        let mut own = vec![name.as_str(), first, &email, local];
        own.sort_unstable();
        own.dedup();
        for handle in own.into_iter().filter(|handle| !handle.is_empty()) {
            handles.entry(handle.chars().collect()).and_modify(|who| *who = None).or_insert(Some(position));
        }
    }
    handles.into_iter().collect()
}

/// Whether a character before the `@` makes it part of an address.
fn joins(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@')
}

/// Whether a name ends here: "@rita." does and "@rita.smith" does not.
fn ends(rest: &[char]) -> bool {
    match rest {
        [] => true,
        [c, ..] if c.is_alphanumeric() || *c == '_' => false,
        ['.' | '-' | '@' | '+', next, ..] => !next.is_alphanumeric(),
        // "Rita's" is Rita; "O'Brien" is one name.
        ['\'' | '’', 's', next, ..] => !next.is_alphanumeric(),
        ['\'' | '’', next, ..] => !next.is_alphanumeric() || (*next == 's' && rest.len() == 2),
        _ => true,
    }
}

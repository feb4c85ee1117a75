//! Topics: what mail is about, in words that recipients choose by.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::statement::hold;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::campaigns;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, TopicId};
use crate::domain::text;

use super::{footers, queries};

/// A row of `topics`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::topics)]
pub struct Topic {
    /// Its id.
    pub id: TopicId,
    /// Its name, as recipients read it.
    pub name: String,
    /// What comes under it, as recipients read it.
    pub description: String,
    /// Whether those who said nothing get it.
    pub wanted: bool,
    /// Since when it is put away: no new message can have it.
    pub archived_at: Option<Time>,
    /// Who made it, by name.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// What somebody says of a topic.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Its name, which no other topic has.
    pub name: String,
    /// What comes under it.
    pub description: String,
    /// Whether those who said nothing get it.
    pub wanted: bool,
    /// Whether it is put away.
    pub archived: bool,
}

/// Adds a topic. Only people do.
pub fn create(conn: &mut Conn, actor: &Actor, input: &Input, now: Time) -> Result<Topic> {
    for_people(actor)?;
    let row = Topic {
        id: TopicId::new(),
        name: text::required_line("name", &input.name, 80)?,
        description: text::line("description", &input.description, 200)?,
        wanted: input.wanted,
        archived_at: None,
        created_by: actor.name().to_owned(),
        created_at: now,
        updated_at: now,
    };
    transaction(conn, |conn| {
        refuse_taken(conn, &row)?;
        queries::insert_topic(conn, &row)?;
        log(conn, actor, "topic.add", &row, shown(&row), now)?;
        Ok(row)
    })
}

/// Changes a topic. Only people do.
pub fn change(conn: &mut Conn, actor: &Actor, id: &TopicId, input: &Input, now: Time) -> Result<Topic> {
    for_people(actor)?;
    transaction(conn, |conn| {
        hold(conn, "topics", id.as_str())?;
        let mut row = queries::topic(conn, id)?.ok_or_else(|| Error::not_found("topic"))?;
        let before = shown(&row);
        row.name = text::required_line("name", &input.name, 80)?;
        row.description = text::line("description", &input.description, 200)?;
        row.wanted = input.wanted;
        row.archived_at = if input.archived { row.archived_at.or(Some(now)) } else { None };
        row.updated_at = now;
        refuse_taken(conn, &row)?;
        queries::update_topic(conn, &row)?;
        log(conn, actor, "topic.change", &row, audit::changed(&before, &shown(&row)), now)?;
        Ok(row)
    })
}

/// All topics by name, those that are put away last.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Topic>> {
    actor.must_have(Scope::Read)?;
    let mut all = queries::topics(conn)?;
    all.sort_by_key(|topic| topic.archived_at.is_some());
    Ok(all)
}

/// The topic that a caller names for a message, by id or by name.
pub(in crate::domain) fn named(conn: &mut Conn, named: &str) -> Result<Topic> {
    let named = named.trim();
    let found = queries::topics(conn)?.into_iter().find(|topic| topic.id.as_str() == named || topic.name.eq_ignore_ascii_case(named));
    found.filter(|topic| topic.archived_at.is_none()).ok_or_else(unknown)
}

/// The topic of a message: the one that is named, or else that of its campaign, or else that of its mailbox.
pub(in crate::domain) fn of_message(conn: &mut Conn, mailbox: &MailboxId, campaign: Option<&str>, given: Option<&str>) -> Result<Option<Topic>> {
    if let Some(given) = given.filter(|given| !given.trim().is_empty()) {
        return named(conn, given).map(Some);
    }
    let of_campaign = match campaign {
        Some(campaign) => campaigns::topic_of(conn, campaign)?,
        None => None,
    };
    let id = match of_campaign {
        Some(id) => Some(id),
        None => footers::of(conn, mailbox)?.topic_id,
    };
    match id {
        Some(id) => Ok(queries::topic(conn, &id)?.filter(|topic| topic.archived_at.is_none())),
        None => Ok(None),
    }
}

/// The topic that another row names.
pub(in crate::domain) fn by_id(conn: &mut Conn, id: &TopicId) -> Result<Option<Topic>> {
    Ok(queries::topic(conn, id)?)
}

pub(super) fn unknown() -> Error {
    Error::invalid("field_invalid", "topic", "topic must be the name or id of a topic; there is none like this. List them with GET /v1/topics.")
}

fn for_people(actor: &Actor) -> Result<()> {
    actor.must_manage()?;
    match actor {
        Actor::Key { .. } => Err(Error::forbidden("person_required", "Only a person can make or change a topic.")),
        _ => Ok(()),
    }
}

fn refuse_taken(conn: &mut Conn, row: &Topic) -> Result<()> {
    match queries::topics(conn)?.into_iter().any(|other| other.id != row.id && other.name.eq_ignore_ascii_case(&row.name)) {
        true => Err(Error::conflict("name_taken", format!("There is a topic named \"{}\" already. Take another name.", text::excerpt(&row.name)))),
        false => Ok(()),
    }
}

/// As the audit log shows it.
fn shown(row: &Topic) -> serde_json::Value {
    json!({"name": row.name, "description": row.description, "wanted": row.wanted, "archived": row.archived_at.is_some()})
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Topic, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "topic", target_id: row.id.as_str(), mailbox_id: None, detail }, now)
}

//! Changes of one contact by its id.

use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::db::statement::hold;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::ContactId;
use crate::domain::{facts, text};

use super::{Contact, add_tags_to, check_metadata, full, log, present, queries};

/// What is to change; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct ContactChange {
    /// The name; an empty one takes it away.
    pub name: Option<String>,
    /// Tags to add; the ones already there stay.
    pub tags: Vec<String>,
    /// Keys to set; a key that is null is removed, the others stay.
    pub metadata: Map<String, Value>,
    /// IANA name of their zone; an empty one takes it away.
    pub time_zone: Option<String>,
}

/// Changes a contact. The address stays: another address is another contact.
pub fn change(conn: &mut Conn, actor: &Actor, id: &ContactId, change: &ContactChange, now: Time) -> Result<Contact> {
    actor.must_have(Scope::Contacts)?;
    let name = change.name.as_deref().map(|name| text::optional_line("name", Some(name), 200)).transpose()?;
    let zone = change.time_zone.as_deref().map(|zone| text::optional_line("time_zone", Some(zone), 64)).transpose()?;
    check_metadata(&change.metadata)?;
    transaction(conn, |conn| {
        // What others wrote meanwhile stays, and an erasure is not undone.
        hold(conn, "contacts", id.as_str())?;
        let mut row = present(conn, id)?;
        let mut metadata = row.metadata.clone().into_inner();
        for (key, value) in &change.metadata {
            match value {
                Value::Null => metadata.remove(key),
                value => metadata.insert(key.clone(), value.clone()),
            };
        }
        check_metadata(&metadata)?;
        let name = name.unwrap_or_else(|| row.name.clone());
        let zone = zone.unwrap_or_else(|| row.time_zone.clone());
        if name != row.name || zone != row.time_zone || metadata != *row.metadata {
            row.name = name;
            row.time_zone = zone;
            row.metadata = Json::new(metadata);
            row.updated_at = now;
            queries::update(conn, &row)?;
            log(conn, actor, "contact.change", &row.id, json!({}), now)?;
            facts::refresh(conn, &row.id, now)?;
        }
        add_tags_to(conn, actor, &row, &change.tags, now)?;
        full(conn, row)
    })
}

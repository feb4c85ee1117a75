//! Tags of messages, and which of them the contact gets as well.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, ContactRow};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::referrals::fatigue::Prompt;
use crate::domain::referrals::prompts;
use crate::domain::text;

use super::{Message, MessageRow, log, queries};

/// Tags that say where a person stands in a campaign. Client code reads them from
/// the contact and writes them on the message, so they are kept on both.
pub fn is_campaign(tag: &str) -> bool {
    tag.starts_with("campaign_")
}

fn is_mirrored(tag: &str) -> bool {
    is_campaign(tag) || tag.starts_with("drip_step_") || tag == "drip_complete"
}

pub(super) fn attach(conn: &mut Conn, actor: &Actor, row: &MessageRow, contact: &ContactRow, tags: &[String], now: Time) -> Result<()> {
    if tags.len() > 100 {
        return Err(Error::invalid("field_invalid", "tags", format!("tags must be at most 100; got {}.", tags.len())));
    }
    for tag in tags {
        queries::add_tag(conn, &row.id, &text::tag(tag)?)?;
    }
    let mirrored: Vec<String> = tags.iter().filter(|tag| is_mirrored(tag)).cloned().collect();
    contacts::add_tags_to(conn, actor, contact, &mirrored, now)
}

/// Adds tags to a message.
pub fn add(conn: &mut Conn, actor: &Actor, id: &MessageId, tags: &[String], now: Time) -> Result<Message> {
    actor.must_have(Scope::Contacts)?;
    transaction(conn, |conn| {
        let row = super::row(conn, actor, id)?;
        let contact = contacts::row(conn, &row.contact_id)?;
        attach(conn, actor, &row, &contact, tags, now)?;
        if let Some(prompt) = Prompt::of_tags(tags.iter().map(String::as_str))
            && prompts::of_message(conn, id)? != Some(Prompt::Ask)
        {
            prompts::keep(conn, id, Some(prompt))?;
        }
        queries::note_approved(conn, &row.id)?;
        log(conn, actor, "message.tag", &row, json!({"tags": tags}), now)?;
        super::get(conn, actor, id)
    })
}

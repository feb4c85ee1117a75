//! A message made from a version: handed in like every other, with the version on record.

use serde_json::{Map, Value};

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, ConsentBasis};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Result;
use crate::domain::ids::{MessageId, TemplateId, TemplateVersionId};
use crate::domain::mailboxes::Mode;
use crate::domain::messages::submit::{NewMessage, Writer, submit_words_of};
use crate::domain::messages::{Message, Origin};
use crate::domain::policy::consent::Class;

use super::{chosen, queries, words_for};

/// A message to be made from a template.
#[derive(Debug, Clone)]
pub struct Send {
    /// Which template.
    pub template: TemplateId,
    /// Which version; the newest approved, or the newest, without it.
    pub version: Option<i32>,
    /// What is filled in, by variable.
    pub values: Map<String, Value>,
    /// The mailbox by address or id.
    pub mailbox: Option<String>,
    /// The recipient.
    pub to: String,
    /// Tags of the message.
    pub tags: Vec<String>,
    /// The campaign it belongs to.
    pub campaign: Option<String>,
    /// The topic by name or id.
    pub topic: Option<String>,
    /// Not to leave before.
    pub send_at: Option<Time>,
    /// A mode stricter than the mailbox's.
    pub mode: Option<Mode>,
    /// The ground the sender names.
    pub consent_basis: Option<ConsentBasis>,
}

/// Makes a message from a template and hands it in. Neither its sender nor whoever wrote the version decides it.
pub fn send(conn: &mut Conn, actor: &Actor, new: &Send, now: Time) -> Result<Message> {
    actor.must_have(Scope::Draft)?;
    let to = EmailAddress::parse("to", &new.to)?;
    transaction(conn, |conn| {
        let chosen = chosen(conn, actor, &new.template, new.version)?;
        let contact = contacts::by_key(conn, to.key())?.filter(|contact| contact.erased_at.is_none());
        let words = words_for(conn, &chosen.version, contact.as_ref(), Some(to.as_str()), &new.values)?;
        let by_people = chosen.version.author_kind == "user" && matches!(actor, Actor::User { .. });
        let message = NewMessage {
            mailbox: new.mailbox.clone(),
            to: new.to.clone(),
            to_name: None,
            words,
            tags: new.tags.clone(),
            headers: vec![],
            mode: new.mode,
            send_at: new.send_at,
            consent_basis: new.consent_basis,
            class: Class::Commercial,
            campaign: new.campaign.clone(),
            topic: new.topic.clone(),
            facts: vec![],
            origin: if by_people { Origin::Person } else { Origin::Agent },
        };
        let version = &chosen.version;
        let writer = Writer { template: Some(&version.id), ..Writer::new(&version.author_kind, &version.author_id) };
        submit_words_of(conn, actor, &writer, &message, now)
    })
}

/// Whether what is made from this version may leave where the mode lets it.
pub(in crate::domain) fn is_approved(conn: &mut Conn, id: &TemplateVersionId) -> Result<bool> {
    Ok(super::named(conn, id)?.0.is_approved())
}

/// Keeps which version the words of a message were made from.
pub(in crate::domain) fn note(conn: &mut Conn, message: &MessageId, version: &TemplateVersionId) -> Result<()> {
    Ok(queries::insert_message(conn, message, version)?)
}

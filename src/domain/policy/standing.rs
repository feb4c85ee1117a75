//! What is on record that speaks against any message to a person.

use std::collections::HashMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::contacts::groups::Groups;
use crate::domain::contacts::suppressions::{self, Suppression};
use crate::domain::contacts::{self, Contact, ContactRow, UNSUBSCRIBED};
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, MailboxId, MessageId};
use crate::domain::mailboxes::Mailbox;
use crate::domain::settings;

use super::queries;

/// Where a person and the switches stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// All sending is stopped.
    pub all_stopped: bool,
    /// Since when the mailbox is stopped.
    pub mailbox_stopped: Option<Time>,
    /// The message was or would be made with a test key.
    pub is_test: bool,
    /// The suppression of the address.
    pub suppressed: Option<Suppression>,
    /// Whether the contact has the tag that suppresses.
    pub unsubscribed: bool,
    /// When the person was erased.
    pub erased_at: Option<Time>,
}

/// A message that wants to leave, by what is looked up for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The message.
    pub message_id: MessageId,
    /// Where it leaves from.
    pub mailbox_id: MailboxId,
    /// Whom it is for.
    pub contact_id: ContactId,
    /// Made with a test key.
    pub is_test: bool,
}

impl Standing {
    /// Of many messages at once, in a number of statements that does not depend on how many there are. The worker asks
    /// here when it claims and once more before the final dot, so what is added here is looked at both times.
    pub(in crate::domain) fn of_many(conn: &mut Conn, cases: &[&Case]) -> Result<HashMap<MessageId, Standing>> {
        if cases.is_empty() {
            return Ok(HashMap::new());
        }
        let people = queries::people(conn, cases)?;
        let mailboxes = queries::stopped_mailboxes(conn, cases)?;
        let settings = settings::these(conn, &[settings::SENDING_STOPPED, settings::ERASURE_KEY])?;
        let keys: Vec<&str> = people.values().map(|person| person.email_key.as_str()).collect();
        let erased = match settings.get(settings::ERASURE_KEY) {
            Some(key) => contacts::erase::erased_among(conn, key, &keys)?,
            None => HashMap::new(),
        };
        let groups = Groups::load(conn)?;
        let mut tags: HashMap<ContactId, Vec<String>> = HashMap::new();
        let wanted = groups.tags();
        if !wanted.is_empty() {
            let ids: Vec<ContactId> = people.keys().cloned().collect();
            for (id, tag) in contacts::groups::tags_among(conn, &ids, wanted)? {
                tags.entry(id).or_default().push(tag);
            }
        }
        let all_stopped = settings.contains_key(settings::SENDING_STOPPED);
        let standing_of = |case: &&Case| {
            let person = people.get(&case.contact_id)?;
            let has = tags.get(&case.contact_id).map(Vec::as_slice).unwrap_or_default();
            let by_group = || groups.hold(&person.email_key, has.iter().map(String::as_str)).cloned();
            let by_hash = erased.get(&person.email_key).map(|at| suppressions::erased(&person.email_key, *at));
            let standing = Standing {
                all_stopped,
                mailbox_stopped: mailboxes.get(&case.mailbox_id).copied(),
                is_test: case.is_test,
                suppressed: person.suppressed.clone().or(by_hash).or_else(by_group),
                unsubscribed: person.unsubscribed,
                erased_at: person.erased_at,
            };
            Some((case.message_id.clone(), standing))
        };
        Ok(cases.iter().filter_map(standing_of).collect())
    }

    /// Of one address, with the contact where there is one.
    pub(in crate::domain) fn of(conn: &mut Conn, email_key: &str, contact: Option<&ContactRow>) -> Result<Standing> {
        let suppressed = suppressions::of(conn, email_key)?;
        let erased_at = match contact {
            Some(contact) => contact.erased_at,
            None => contacts::erase::erased_at(conn, email_key)?,
        };
        let unsubscribed = match contact {
            Some(contact) => contacts::has_left(conn, &contact.id)?,
            None => false,
        };
        Ok(Standing { suppressed, unsubscribed, erased_at, ..Standing::default() })
    }

    /// Of a contact that was fetched with all that belongs to it.
    pub fn of_contact(contact: &Contact) -> Standing {
        Standing {
            suppressed: contact.suppressed.clone(),
            unsubscribed: contact.tags.iter().any(|tag| tag == UNSUBSCRIBED),
            erased_at: contact.row.erased_at,
            ..Standing::default()
        }
    }

    /// With the two switches, as they are now.
    pub(in crate::domain) fn with_switches(mut self, conn: &mut Conn, mailbox: &Mailbox) -> Result<Standing> {
        self.all_stopped = settings::get(conn, settings::SENDING_STOPPED)?.is_some();
        self.mailbox_stopped = mailbox.stopped_at;
        Ok(self)
    }
}

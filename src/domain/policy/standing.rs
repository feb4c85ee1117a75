//! What is on record that speaks against any message to a person.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::contacts::suppressions::{self, Suppression};
use crate::domain::contacts::{self, Contact, ContactRow, UNSUBSCRIBED};
use crate::domain::error::Result;
use crate::domain::mailboxes::Mailbox;
use crate::domain::settings;

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

impl Standing {
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

//! Who must have a second factor.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::audit::{self, Entry};
use crate::domain::error::Result;
use crate::domain::ids::UserId;
use crate::domain::settings;
use crate::text_enum;

use super::is_on;

text_enum!(
    /// Who must have a second factor.
    pub enum Required {
        /// Nobody: each decides for themselves.
        Nobody => "nobody",
        /// Administrators, and whoever belongs to a mailbox and so may approve.
        Deciders => "deciders",
    }
);

impl Required {
    /// As the page says it.
    pub fn label(self) -> &'static str {
        match self {
            Required::Nobody => "Nobody",
            Required::Deciders => "Administrators and those who approve",
        }
    }
}

/// Who must have one. While nobody chose, it is needed where the desk is reached over https, and not where it is tried out.
pub fn required(conn: &mut Conn) -> Result<Required> {
    if let Some(chosen) = settings::get(conn, settings::SECOND_FACTOR_REQUIRED)?.and_then(|word| word.parse().ok()) {
        return Ok(chosen);
    }
    Ok(if settings::base_url(conn)?.starts_with("https://") { Required::Deciders } else { Required::Nobody })
}

/// Sets who must have one.
pub fn set_required(conn: &mut Conn, actor: &Actor, required: Required, now: Time) -> Result<()> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        settings::set(conn, settings::SECOND_FACTOR_REQUIRED, required.as_str())?;
        let entry = Entry {
            action: "settings.require_second_factor",
            target_kind: "settings",
            target_id: settings::SECOND_FACTOR_REQUIRED,
            mailbox_id: None,
            detail: json!({"required": required}),
        };
        audit::record(conn, actor, entry, now)
    })
}

/// Whether a person must set one up before anything else.
pub fn is_due(conn: &mut Conn, user: &UserId, is_admin: bool, mailboxes: &Mailboxes) -> Result<bool> {
    let decides = is_admin || !matches!(mailboxes, Mailboxes::These(ids) if ids.is_empty());
    Ok(decides && required(conn)? == Required::Deciders && !is_on(conn, user)?)
}

//! What the footer of a mailbox's mail says beside who sends it: the usual topic, and whether it tells that a machine wrote.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, TopicId};
use crate::domain::messages::Origin;
use crate::domain::{mailboxes, text};

use super::{queries, topics};

/// What is said of a letter that a machine wrote (Regulation (EU) 2024/1689, article 50).
pub const DISCLOSURE: &str = "This email was written with the help of artificial intelligence.";

/// The settings of a mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FooterSettings {
    /// The topic of its mail, unless the message or its campaign has another.
    pub topic_id: Option<TopicId>,
    /// Why mail that a machine wrote does not say so; none where it does.
    pub undisclosed_because: Option<String>,
}

impl FooterSettings {
    /// What is said of mail that came about like this.
    pub fn disclosure(&self, origin: Origin) -> Option<String> {
        // The letters of the playbook are filled in, not written.
        let written_by_machine = matches!(origin, Origin::Agent | Origin::Model);
        (written_by_machine && self.undisclosed_because.is_none()).then(|| DISCLOSURE.to_owned())
    }
}

/// The settings of a mailbox; the usual ones where nobody chose.
pub fn of(conn: &mut Conn, mailbox: &MailboxId) -> Result<FooterSettings> {
    let found = queries::footer(conn, mailbox)?;
    Ok(found.map(|(topic_id, undisclosed_because)| FooterSettings { topic_id, undisclosed_because }).unwrap_or_default())
}

/// What an administrator chooses.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The usual topic by name or id; empty for none.
    pub topic: String,
    /// Whether mail that a machine wrote says so.
    pub disclosed: bool,
    /// Why not, where it does not.
    pub reason: String,
}

impl FooterSettings {
    /// As the audit log shows it.
    fn shown(&self) -> serde_json::Value {
        json!({"topic_id": self.topic_id, "disclosed": self.undisclosed_because.is_none(), "undisclosed_because": self.undisclosed_because})
    }
}

/// Changes the settings of a mailbox. No key does: what a recipient is told is for people to answer for.
pub fn set(conn: &mut Conn, actor: &Actor, id: &MailboxId, choice: &Choice, now: Time) -> Result<FooterSettings> {
    actor.must_be_admin_in_person()?;
    let reason = text::line("reason", &choice.reason, 300)?;
    if !choice.disclosed && reason.is_empty() {
        let detail = "Say why mail of this mailbox does not tell that a machine wrote it. The reason is kept in the audit log.";
        return Err(Error::invalid("field_invalid", "reason", detail));
    }
    transaction(conn, |conn| {
        mailboxes::get(conn, actor, id)?;
        let before = of(conn, id)?.shown();
        let topic_id = match choice.topic.trim() {
            "" => None,
            named => Some(topics::named(conn, named)?.id),
        };
        let settings = FooterSettings { topic_id, undisclosed_because: (!choice.disclosed).then_some(reason) };
        queries::put_footer(conn, id, &settings, actor.name(), now)?;
        let detail = audit::changed(&before, &settings.shown());
        let entry = Entry { action: "mailbox.set_footer", target_kind: "mailbox", target_id: id.as_str(), mailbox_id: Some(id), detail };
        audit::record(conn, actor, entry, now)?;
        Ok(settings)
    })
}

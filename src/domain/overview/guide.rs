//! The way from an empty installation to the first mail that somebody approved, for administrators.

use crate::db::Conn;
use crate::domain::actor::{Actor, Role};
use crate::domain::error::Result;

use super::queries;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// A word for programs.
    pub kind: &'static str,
    /// What, in a few words.
    pub title: &'static str,
    /// How, in a sentence.
    pub text: String,
    /// The page on which it is done, and the words of the link.
    pub link: Option<(&'static str, &'static str)>,
    /// Whether it is done.
    pub done: bool,
}

/// What is done, and what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guide {
    /// In order.
    pub steps: Vec<Step>,
    /// The mailbox of the example, once there is one.
    pub mailbox: Option<String>,
}

impl Guide {
    /// The first step that is not done.
    pub fn next(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !step.done)
    }

    /// Whether this is that step.
    pub fn is_next(&self, step: &Step) -> bool {
        self.next() == Some(step)
    }

    /// How many are done.
    pub fn done(&self) -> usize {
        self.steps.iter().filter(|step| step.done).count()
    }

    /// Whether the example of a first draft is of use now.
    pub fn is_drafting(&self) -> bool {
        self.next().is_some_and(|step| step.kind == "draft")
    }
}

/// The guide for whoever looks; none for others than administrators, and none once a mail has left.
pub fn guide(conn: &mut Conn, actor: &Actor, sends: bool) -> Result<Option<Guide>> {
    let is_admin = matches!(actor, Actor::User { role: Role::Admin, .. });
    if !is_admin || queries::has_sent(conn)? {
        return Ok(None);
    }
    let mailbox = queries::first_mailbox(conn)?;
    let decided = queries::has_approved(conn)?;
    let has_drafts = queries::has_messages(conn)?;
    let step = |kind, title, text: &str, link, done| Step { kind, title, text: text.to_owned(), link, done };
    let steps = vec![
        step(
            "relay",
            "Name a mail server",
            "Set smtp.url in countersign.toml, or COUNTERSIGN_SMTP__URL, and start again. file:///tmp/mail writes each mail to that folder, to try it out.",
            Some(("/doctor", "See what Doctor says")),
            sends,
        ),
        step(
            "mailbox",
            "Add a mailbox",
            "The address that mail leaves from, with the name and the postal address that recipients see.",
            Some(("/mailboxes", "Add a mailbox")),
            mailbox.is_some(),
        ),
        step(
            "key",
            "Make a key for your agent",
            "With the scopes read and draft it writes and submits, and never approves.",
            Some(("/keys", "Make a key")),
            queries::has_drafting_key(conn)?,
        ),
        step("draft", "Submit a first draft", "An agent's draft is held: nothing leaves before somebody read it.", None, has_drafts),
        step("approve", "Approve it", "Open it in the queue, read it, and approve.", Some(("/queue", "Open the queue")), decided),
        step(
            "sent",
            "See it leave",
            "It leaves when the time to undo is over. Its page says what the mail server answered.",
            Some(("/messages", "See all messages")),
            false,
        ),
    ];
    Ok(Some(Guide { steps, mailbox }))
}

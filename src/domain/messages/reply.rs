//! Replies: to whoever wrote, in the same conversation, through the same gate.

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::ConsentBasis;
use crate::domain::error::Result;
use crate::domain::ids::{FactId, InboundEmailId, MailboxId};
use crate::domain::mailboxes::Mode;
use crate::domain::policy::consent::Class;
use crate::domain::threads;

use super::content::{IN_REPLY_TO, LONGEST_SUBJECT, REFERENCES, Words};
use super::submit::{GoesOn, NewMessage, Writer, submit_into};
use super::{Message, MessageRow, Origin};

/// Most ids named in the header References.
const MOST_REFERENCES: usize = 20;

/// A reply to be submitted. Recipient, subject and conversation follow from what is answered.
#[derive(Debug, Clone)]
pub struct NewReply {
    /// The plain text.
    pub text: Option<String>,
    /// The HTML.
    pub html: Option<String>,
    /// Tags of the message.
    pub tags: Vec<String>,
    /// `List-*` and `X-*` headers.
    pub headers: Vec<(String, String)>,
    /// A mode stricter than the mailbox's.
    pub mode: Option<Mode>,
    /// Not to leave before.
    pub send_at: Option<Time>,
    /// The ground the sender names.
    pub consent_basis: Option<ConsentBasis>,
    /// The campaign it belongs to.
    pub campaign: Option<String>,
    /// Facts the sender says it rests on.
    pub facts: Vec<FactId>,
    /// Who put the words together.
    pub origin: Origin,
}

/// Submits a reply to an email that came in, of this mailbox where one is named.
pub fn reply(conn: &mut Conn, actor: &Actor, within: Option<&MailboxId>, id: &InboundEmailId, reply: &NewReply, now: Time) -> Result<Message> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        let threads::Answered { email, mailbox, mut ids } = threads::answered(conn, actor, id, within)?;
        let ours = super::of_thread(conn, &Actor::System("thread"), &email.thread_id)?;
        ids.extend(ours.iter().filter_map(|message| Some((message.row.sent_at?, header_of(&message.row, &mailbox.address)))));
        ids.sort();
        let mut headers = vec![];
        headers.extend(email.message_id_header.clone().map(|id| (IN_REPLY_TO.to_owned(), id)));
        let references = references(ids.into_iter().map(|(_, id)| id).collect(), email.message_id_header.as_deref());
        if !references.is_empty() {
            headers.push((REFERENCES.to_owned(), references.join(" ")));
        }
        let new = NewMessage {
            mailbox: Some(mailbox.id.as_str().to_owned()),
            to: email.from_address.clone(),
            to_name: None,
            words: Words { subject: subject(&email.subject), text: reply.text.clone(), html: reply.html.clone() },
            tags: reply.tags.clone(),
            headers: reply.headers.clone(),
            mode: reply.mode,
            send_at: reply.send_at,
            consent_basis: reply.consent_basis,
            class: Class::Commercial,
            campaign: reply.campaign.clone(),
            topic: None,
            facts: reply.facts.clone(),
            origin: reply.origin,
        };
        submit_into(conn, actor, &Writer::new(actor.kind(), actor.id()), &new, Some(GoesOn { thread: email.thread_id, headers }), now)
    })
}

/// The Message-ID that a message left with.
fn header_of(row: &MessageRow, address: &str) -> String {
    format!("<{}>", super::content::message_id(&row.id, row.version, address))
}

/// The ids of the conversation, oldest first, with what is answered at the end: the first and the newest of them.
fn references(mut ids: Vec<String>, answered: Option<&str>) -> Vec<String> {
    ids.retain(|id| Some(id.as_str()) != answered);
    ids.extend(answered.map(str::to_owned));
    if ids.len() > MOST_REFERENCES {
        ids.drain(1..=ids.len() - MOST_REFERENCES);
    }
    ids
}

/// "Re: " once, before what came, made one line that fits.
fn subject(given: &str) -> String {
    let line: String = given.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut bare = line.trim();
    while let Some(rest) = bare.get(..3).filter(|start| start.eq_ignore_ascii_case("re:")).map(|_| bare[3..].trim_start()) {
        bare = rest;
    }
    let bare = if bare.is_empty() { "your email" } else { bare };
    let cut: String = bare.chars().take(LONGEST_SUBJECT - 4).collect();
    format!("Re: {}", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_gets_re_once() {
        for given in ["Export", "Re: Export", "RE: re:Export", " Re:  Re: Export\r\n"] {
            assert_eq!(subject(given), "Re: Export", "{given:?}");
        }
        assert_eq!(subject("Re: "), "Re: your email");
        assert_eq!(subject("Ré: x"), "Re: Ré: x");
        assert_eq!(subject(&"x".repeat(400)).chars().count(), LONGEST_SUBJECT);
    }

    #[test]
    fn references_keep_the_first_and_the_newest_with_what_is_answered_last() {
        let all: Vec<String> = (0..30).map(|n| format!("<{n}@a>")).collect();
        let kept = references(all, Some("<5@a>"));
        assert_eq!(kept.len(), MOST_REFERENCES);
        assert_eq!((kept[0].as_str(), kept[19].as_str(), kept[18].as_str()), ("<0@a>", "<5@a>", "<29@a>"));
        assert_eq!(references(vec!["<1@a>".into()], None), ["<1@a>"]);
    }
}

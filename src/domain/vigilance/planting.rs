//! Tests of the desk: copies of real messages with one mistake, to people who do not exist.
//! They are held like any other message and can never leave.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, made_up};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MailboxId, MessageId, sha256_hex};
use crate::domain::mailboxes::Mailbox;
use crate::domain::messages::content::{Content, Words};
use crate::domain::messages::{self, DecisionKind, Message, MessageRow, Origin, planted};
use crate::text_enum;

use super::mistakes::{self, Mistake, Person, Recipient};
use super::queries;

/// How many people are tried until one is found whom nobody knows.
const MOST_PEOPLE: u64 = 20;

text_enum!(
    /// What came of a test.
    pub enum Outcome {
        /// Nobody decided it yet.
        Open => "open",
        /// It was sent back, or its mistake was taken out.
        Caught => "caught",
        /// It was approved with the mistake in it.
        Missed => "missed",
        /// It ran out or was taken back before somebody decided.
        Lapsed => "lapsed",
    }
);

/// A test. Who decided it is not part of it.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::planted_tests)]
pub struct Test {
    /// The message that is the test.
    pub message_id: MessageId,
    /// The mailbox it waits in.
    pub mailbox_id: MailboxId,
    /// The made-up person.
    pub contact_id: ContactId,
    /// What is wrong.
    pub mistake: Mistake,
    /// The mistake as it stands in the text.
    pub words: String,
    /// What came of it.
    pub outcome: Outcome,
    /// When it joined the queue.
    pub planted_at: Time,
    /// When it was decided or lapsed.
    pub decided_at: Option<Time>,
}

/// What a reviewer is told once a test is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the mistake was caught.
    pub caught: bool,
    /// The mistake.
    pub mistake: Mistake,
    /// The mistake as it stood in the text.
    pub words: String,
}

impl Verdict {
    /// The verdict for people.
    pub fn sentence(&self) -> String {
        let (mistake, words) = (self.mistake.in_words(), &self.words);
        if self.caught {
            format!("Well seen: this was a planted test of the desk, and it was never going to be sent. Its mistake: {mistake} (“{words}”).")
        } else {
            format!("A test of the desk: it was never going to be sent. What was missed: {mistake} (“{words}”).")
        }
    }
}

/// Whether a test joins the queue beside this message: so many in a hundred, decided by its id.
pub fn is_drawn(id: &MessageId, percent: i32) -> bool {
    i64::try_from(number(id.as_str()) % 100).is_ok_and(|drawn| drawn < i64::from(percent))
}

/// A number that belongs to a text, spread evenly.
fn number(text: &str) -> u64 {
    u64::from_str_radix(&sha256_hex(text.as_bytes())[..15], 16).unwrap_or_default()
}

/// Lets a test join the queue beside a message that was held just now, if it is drawn. Only
/// what machines submit is copied: a person would know that they did not write it.
pub(in crate::domain) fn join(
    conn: &mut Conn,
    actor: &Actor,
    mailbox: &Mailbox,
    like: &MessageRow,
    content: &Content,
    tags: &[String],
    now: Time,
) -> Result<()> {
    let by_machine = like.origin != Origin::Person && !like.is_test && !matches!(actor, Actor::User { .. });
    if !by_machine || !is_drawn(&like.id, mailbox.planted_percent) {
        return Ok(());
    }
    // Real mail must reach the queue whether or not a test can be made of it.
    if let Err(error) = transaction(conn, |conn| plant(conn, actor, mailbox, like, content, tags, now))
        && error.code != UNFIT
    {
        tracing::warn!(%error, "a test of the desk could not be planted");
    }
    Ok(())
}

const UNFIT: &str = "test_unfit";

fn unfit(why: &str) -> Error {
    Error::conflict(UNFIT, why)
}

fn plant(conn: &mut Conn, actor: &Actor, mailbox: &Mailbox, like: &MessageRow, content: &Content, tags: &[String], now: Time) -> Result<()> {
    let seed = number(&format!("test beside {}", like.id));
    let person = stranger(conn, seed)?;
    let real = contacts::row(conn, &like.contact_id)?;
    let company = contacts::customer(conn, &real.id)?.and_then(|customer| customer.company);
    let contact = made_up::add(conn, &real.id, &person.name(), person.company, &person.address(), now)?;
    let words = Words { subject: content.subject.clone(), text: Some(content.text_body.clone()), html: content.html_body.clone() };
    let from = Recipient { name: real.name.as_deref(), company: company.as_deref(), email: &real.email };
    let words = mistakes::addressed_to(&words, from, &person);
    let first = usize::try_from(seed % 6).unwrap_or(0);
    for mistake in Mistake::ALL.iter().cycle().skip(first).take(Mistake::ALL.len()) {
        let (with, wrong) = mistakes::with(*mistake, &words, &person, seed);
        // A mistake that the ledger would find tests the ledger and not the reader.
        if let Some(id) = planted::hold(conn, actor, mailbox, like, &contact, content, &with, tags, now)? {
            let test = Test {
                message_id: id,
                mailbox_id: mailbox.id.clone(),
                contact_id: contact.id.clone(),
                mistake: *mistake,
                words: wrong,
                outcome: Outcome::Open,
                planted_at: now,
                decided_at: None,
            };
            return Ok(queries::insert_test(conn, &test)?);
        }
    }
    Err(unfit("Nothing in it can be copied without an open claim."))
}

fn stranger(conn: &mut Conn, seed: u64) -> Result<Person> {
    for step in 0..MOST_PEOPLE {
        let person = Person::of(seed.wrapping_add(step * 7919));
        if !made_up::is_known(conn, &person.address())? {
            return Ok(person);
        }
    }
    Err(unfit("All made-up people are known already."))
}

/// Ends a test with a decision, and says for people what came of it. Rejecting it or asking for
/// changes catches it; so does an approval after somebody took the mistake out.
pub(in crate::domain) fn decided(conn: &mut Conn, row: &MessageRow, kind: DecisionKind, now: Time) -> Result<String> {
    let test = test_of(conn, &row.id)?;
    let version = messages::version(conn, &row.id, row.version)?;
    let caught = kind != DecisionKind::Approve || !mistakes::stands_in(&test.words, &version.text_body, version.html_body.as_deref());
    end(conn, &test, if caught { Outcome::Caught } else { Outcome::Missed }, now)?;
    Ok(Verdict { caught, mistake: test.mistake, words: test.words }.sentence())
}

/// Ends a test that ran out or was taken back.
pub(in crate::domain) fn lapsed(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<()> {
    let test = test_of(conn, &row.id)?;
    end(conn, &test, Outcome::Lapsed, now)
}

/// What to tell whoever decided this message, where it was a test.
pub fn verdict_of(conn: &mut Conn, message: &Message) -> Result<Option<Verdict>> {
    if !message.row.planted {
        return Ok(None);
    }
    let test = test_of(conn, &message.row.id)?;
    let caught = match test.outcome {
        Outcome::Caught => true,
        Outcome::Missed => false,
        Outcome::Open | Outcome::Lapsed => return Ok(None),
    };
    Ok(Some(Verdict { caught, mistake: test.mistake, words: test.words }))
}

fn test_of(conn: &mut Conn, id: &MessageId) -> Result<Test> {
    queries::test(conn, id)?.ok_or_else(|| Error::internal("a test of the desk without its record"))
}

/// The log says of the message that it was a test, and not who decided: the test is of the team.
fn end(conn: &mut Conn, test: &Test, outcome: Outcome, now: Time) -> Result<()> {
    queries::end_test(conn, &test.message_id, outcome, now)?;
    let entry = Entry {
        action: "message.end_test",
        target_kind: "message",
        target_id: test.message_id.as_str(),
        mailbox_id: Some(&test.mailbox_id),
        detail: json!({"planted_at": test.planted_at, "mistake": test.mistake, "outcome": outcome}),
    };
    audit::record(conn, &Actor::System("desk test"), entry, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_hundred_are_drawn() {
        let ids: Vec<MessageId> = (0..10_000).map(|n| MessageId::from(format!("message {n}").as_str())).collect();
        let drawn = |percent| ids.iter().filter(|id| is_drawn(id, percent)).count();
        assert_eq!(drawn(0), 0);
        assert_eq!(drawn(100), 10_000);
        assert!((250..=350).contains(&drawn(3)), "{}", drawn(3));
        assert!((900..=1100).contains(&drawn(10)), "{}", drawn(10));
    }
}

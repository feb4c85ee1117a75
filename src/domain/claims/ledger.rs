//! Gathering what a draft is held against.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::messages::content::{LONGEST_BODY, LONGEST_HTML};
use crate::domain::{churn, contacts, facts, mailboxes, text};

use super::{Book, Claim, Ground, Part, check};

/// The prepared facts of a few databases by revision, newest last. A revision is a
/// random token, so it names the same facts wherever it is read.
static BOOKS: Mutex<Vec<(String, Arc<Book>)>> = Mutex::new(vec![]);
/// How many are kept; one process has one database, the tests have several.
const BOOKS_KEPT: usize = 8;

/// The facts of everybody, prepared once for each revision.
fn common(conn: &mut Conn) -> Result<Arc<Book>> {
    let revision = facts::revision(conn)?;
    let mut earlier = None;
    {
        let books = BOOKS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, book)) = books.iter().find(|(known, _)| *known == revision) {
            return Ok(Arc::clone(book));
        }
        if let Some((_, book)) = books.last() {
            earlier = Some(Arc::clone(book));
        }
    }
    let (rows, past) = facts::common(conn)?;
    let book = Arc::new(Book::new(rows, past, earlier.as_deref()));
    let mut books = BOOKS.lock().unwrap_or_else(PoisonError::into_inner);
    if books.len() >= BOOKS_KEPT {
        books.remove(0);
    }
    // An empty revision is that of every new database and names nothing.
    if !revision.is_empty() {
        books.push((revision, Arc::clone(&book)));
    }
    Ok(book)
}

/// What a draft to this contact, written at `now`, is held against.
pub fn ground_for(conn: &mut Conn, contact: &ContactId, now: Time) -> Result<Ground> {
    let own = facts::observe(conn, contact, now)?;
    let past = facts::past_of_contact(conn, contact)?;
    let reason = churn::of_contact(conn, &Actor::System("ledger"), contact)?.first().map(|event| event.reason);
    let ground = ground_of(conn, now)?;
    Ok(Ground { own: Some(Arc::new(Book::new(own, past, None))), reason, ..ground })
}

/// What a text for nobody in particular is held against.
pub fn ground_of(conn: &mut Conn, now: Time) -> Result<Ground> {
    Ok(Ground {
        common: common(conn)?,
        own: None,
        reason: None,
        spent: facts::spent_offers(conn)?,
        addresses: mailboxes::addresses(conn)?,
        today: now.date(),
        written: now.date(),
    })
}

/// A text that somebody wants to know the claims of.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextToCheck<'a> {
    /// As plain text.
    pub text: Option<&'a str>,
    /// Or as HTML.
    pub html: Option<&'a str>,
    /// The address or id of the contact it would go to.
    pub contact: Option<&'a str>,
    /// The mailbox it would leave from.
    pub mailbox: Option<&'a str>,
}

/// The claims of any text, held against what is on record for everybody and for the contact named.
pub fn check_text(conn: &mut Conn, actor: &Actor, given: TextToCheck<'_>, now: Time) -> Result<Vec<Claim>> {
    actor.must_have(Scope::Read)?;
    let (part, words) = match (given.text, given.html) {
        (Some(words), None) => (Part::Text, words),
        (None, Some(words)) => (Part::Html, words),
        _ => return Err(Error::invalid("field_invalid", "text", "Give text or html, one of the two: places are counted in what is given.")),
    };
    let (length, longest) = (words.chars().count(), if part == Part::Html { LONGEST_HTML } else { LONGEST_BODY });
    if length > longest {
        return Err(Error::invalid("field_invalid", part.as_str(), format!("{part} must be at most {longest} characters; got {length}.")));
    }
    if let Some(mailbox) = given.mailbox {
        mailboxes::resolve(conn, actor, Some(mailbox))?;
    }
    let Some(named) = given.contact else { return Ok(check(&[(part, words)], &ground_of(conn, now)?)) };
    let id = contact(conn, actor, named)?;
    let mut found = check(&[(part, words)], &ground_for(conn, &id, now)?);
    let withheld = facts::withheld(conn, actor, &id)?;
    for fact in found.iter_mut().filter_map(|claim| claim.fact.as_mut()).filter(|fact| withheld.contains(&fact.id)) {
        facts::WITHHELD.clone_into(&mut fact.label);
    }
    Ok(found)
}

/// A contact by address or id.
fn contact(conn: &mut Conn, actor: &Actor, named: &str) -> Result<ContactId> {
    if !named.contains('@') {
        return Ok(contacts::get(conn, actor, &ContactId::from(named))?.row.id);
    }
    let address = EmailAddress::parse("contact", named)?;
    let found = contacts::by_address(conn, actor, &address)?;
    let missing = || {
        let hint = "Add the contact first, or leave contact out to check against what is on record for everybody.";
        Error { detail: format!("No contact has the address {}.", text::excerpt(named)), ..Error::not_found("contact") }.with_hint(hint)
    };
    Ok(found.ok_or_else(missing)?.id)
}

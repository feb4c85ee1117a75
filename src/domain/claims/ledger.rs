//! Gathering what a draft is held against.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::ContactId;
use crate::domain::{churn, facts, mailboxes};

use super::{Book, Ground};

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

//! Erasure: a person's data goes from every table, and a keyed hash of their address stays, so that they are neither
//! imported nor mailed again.
//!
//! Versions, decisions, waivers, promises, comments, facts and the log cannot be changed, by trigger. The triggers
//! let one change through: the words become blank, all else stays, and the contact they were about is erased. So an
//! erasure marks the contact first, and nothing else can use that way.

mod queries;

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MailboxId, secret};
use crate::domain::outbox::hold_dots;
use crate::domain::privacy::requests;
use crate::domain::{messages, settings, webhooks};

use super::suppressions::Reason;
use super::{journal, log, present};

/// What an erasure took away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Messages whose words are blank now.
    pub messages: usize,
    /// Those of them that had not left and were withdrawn or stopped.
    pub withdrawn: usize,
    /// Emails that had come in.
    pub inbound_emails: usize,
    /// Departures.
    pub churn_events: usize,
    /// The address as given and as compared, to look for it in the files. It is told to nobody.
    pub words: Vec<String>,
}

/// Erases a contact. Messages to them that have not left are withdrawn. A key must reach every mailbox that
/// they were in contact with.
pub fn erase(conn: &mut Conn, actor: &Actor, id: &ContactId, now: Time) -> Result<Erased> {
    actor.must_manage_or_have(Scope::Contacts)?;
    transaction(conn, |conn| {
        hold_dots(conn)?;
        let row = present(conn, id)?;
        if super::queries::is_made_up(conn, id)? {
            return Err(Error::not_found("contact"));
        }
        super::queries::hold(conn, id)?;
        if let Mailboxes::These(reached) = actor.mailboxes()
            && queries::mailboxes_of(conn, id)?.iter().any(|mailbox| !reached.contains(mailbox))
        {
            let text = "There is mail with this person in mailboxes that are out of reach. Ask somebody who reaches all of them.";
            return Err(Error::forbidden("reach_missing", text));
        }
        let messages = queries::messages_of(conn, id)?;
        let withdrawn = messages::cancel::stop_all(conn, actor, &messages, now)?;
        let hash = hash_of(&key(conn)?, &row.email_key);
        journal::note(conn, &row.email_key, Reason::Erased, now)?;
        queries::mark(conn, id, &hash, now)?;
        let events = queries::churn_events_of(conn, id)?;
        let subjects: Vec<String> =
            messages.iter().map(ToString::to_string).chain(events.iter().map(ToString::to_string)).chain([id.to_string()]).collect();
        queries::forget_answers(conn, &row.email, &subjects)?;
        queries::delete_signals(conn, &row.email, &events)?;
        queries::delete_history(conn, id)?;
        queries::end_enrollments(conn, id, now)?;
        queries::delete_mentions(conn, &row.email)?;
        queries::blank_contact(conn, id, &row.email_key, now)?;
        queries::blank_messages(conn, &messages)?;
        queries::blank_facts(conn, id)?;
        let inbound_emails = queries::blank_threads(conn, id, &row.email_key)?;
        queries::blank_churn(conn, &events)?;
        queries::blank_imports(conn, &row.email)?;
        queries::blank_webhooks(conn, id, &row.email_key, &messages, &events)?;
        queries::blank_log(conn, id, &messages, &events)?;
        let words = vec![row.email.clone(), row.email_key.clone()];
        let erased = Erased { messages: messages.len(), withdrawn, inbound_emails, churn_events: events.len(), words };
        requests::erased(conn, actor, id, now)?;
        settings::set(conn, settings::ERASURE_UNSWEPT, id.as_str())?;
        webhooks::erased(conn, id, now)?;
        let detail = json!({"messages": erased.messages, "withdrawn": withdrawn, "inbound_emails": inbound_emails, "churn_events": events.len()});
        log(conn, actor, "contact.erase", id, detail, now)?;
        Ok(erased)
    })
}

/// The mailboxes with mail with this person.
pub(in crate::domain) fn mailboxes_of(conn: &mut Conn, id: &ContactId) -> Result<Vec<MailboxId>> {
    Ok(queries::mailboxes_of(conn, id)?)
}

/// The last erasure after which the files were not looked through, if there is one.
pub fn unswept(conn: &mut Conn) -> Result<Option<String>> {
    settings::get(conn, settings::ERASURE_UNSWEPT)
}

/// Notes that they were looked through after this one. Another that came meanwhile is looked after by itself.
pub fn swept(conn: &mut Conn, last: &str) -> Result<()> {
    match unswept(conn)?.as_deref() == Some(last) {
        true => settings::clear(conn, settings::ERASURE_UNSWEPT),
        false => Ok(()),
    }
}

/// When a person with this address was erased, if one was.
pub fn erased_at(conn: &mut Conn, email_key: &str) -> Result<Option<Time>> {
    match settings::get(conn, settings::ERASURE_KEY)? {
        Some(key) => Ok(queries::erased_at(conn, &hash_of(&key, email_key))?),
        None => Ok(None),
    }
}

/// Of these addresses, those whose people were erased, and when. `key` is the one of the hashes.
pub(in crate::domain) fn erased_among(conn: &mut Conn, key: &str, email_keys: &[&str]) -> Result<HashMap<String, Time>> {
    let hashes: HashMap<String, &str> = email_keys.iter().map(|email_key| (hash_of(key, email_key), *email_key)).collect();
    let found = queries::erased_among(conn, hashes.keys().cloned().collect())?;
    Ok(found.into_iter().filter_map(|(hash, at)| Some(((*hashes.get(&hash)?).to_owned(), at))).collect())
}

/// Whether a person with this address was erased.
pub(in crate::domain) fn is_erased(conn: &mut Conn, email: &str) -> Result<bool> {
    let address = EmailAddress::parse("email", email)?;
    Ok(erased_at(conn, address.key())?.is_some())
}

/// Refuses to take in somebody who was erased.
pub(in crate::domain) fn refuse(conn: &mut Conn, email_key: &str) -> Result<()> {
    let known = match erased_at(conn, email_key)? {
        Some(at) => Some(at),
        None => journal::erased_at(conn, email_key)?,
    };
    match known {
        Some(at) => {
            let text = format!("The person with this address was erased on {} and must not be recorded again. Leave them out.", at.date());
            Err(Error::conflict("contact_erased", text))
        }
        None => Ok(()),
    }
}

/// The key of the hashes, made at the first erasure. Without it an address cannot be told from its hash.
fn key(conn: &mut Conn) -> Result<String> {
    if let Some(key) = settings::get(conn, settings::ERASURE_KEY)? {
        return Ok(key);
    }
    let key = secret();
    settings::set(conn, settings::ERASURE_KEY, &key)?;
    Ok(key)
}

fn hash_of(key: &str, email_key: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(email_key.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

//! The journal of suppressions beside the database: each line is a keyed hash of an address, why, and when. No address
//! stands in it, so an erasure leaves nothing there, and a database that was lost or put back learns from it again whom
//! it must not mail.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Time;
use crate::db::{Conn, journal, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, secret};
use crate::domain::settings;

use super::suppressions::{self, Reason};
use super::{ContactRow, erase, queries};

/// The first word of the file.
const MAGIC: &str = "countersign-suppressions-1";
/// What stands in the place of a reason where the recipient took it back.
const LIFTED: &str = "lifted";
/// Rows that are looked at together.
const AT_ONCE: i64 = 5_000;

/// The head of a journal: its name, by which a database knows how far it has read it, and the key of its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    name: String,
    key: String,
}

impl Head {
    /// Of a new journal, with the key that this database knows, if it knows one.
    pub fn new(conn: &mut Conn) -> Result<Head> {
        let known = keys(conn)?.into_iter().next();
        Ok(Head { name: secret(), key: known.unwrap_or_else(secret) })
    }

    /// Reads the first line; none where it is no journal.
    pub fn read(line: &str) -> Option<Head> {
        let [MAGIC, name, key] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        Some(Head { name: name.to_owned(), key: key.to_owned() })
    }

    /// The first line.
    pub fn line(&self) -> String {
        format!("{MAGIC} {} {}", self.name, self.key)
    }

    fn position(&self) -> String {
        format!("journal_read:{}", self.name)
    }
}

/// The keys of journals that this database has met, the one in use first.
fn keys(conn: &mut Conn) -> Result<Vec<String>> {
    let text = settings::get(conn, settings::JOURNAL_KEYS)?.unwrap_or_default();
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Notes a suppression, with the transaction at hand.
pub(in crate::domain) fn note(conn: &mut Conn, email_key: &str, reason: Reason, at: Time) -> Result<()> {
    if let Some(key) = keys(conn)?.first() {
        journal::note(format!("{} {reason} {}", hash_of(key, email_key), at.micros()));
    }
    Ok(())
}

/// Notes that the recipient took back that they left.
pub(in crate::domain) fn note_lifted(conn: &mut Conn, email_key: &str, at: Time) -> Result<()> {
    if let Some(key) = keys(conn)?.first() {
        journal::note(format!("{} {LIFTED} {}", hash_of(key, email_key), at.micros()));
    }
    Ok(())
}

/// How far this database has read a journal, in bytes.
pub fn read_to(conn: &mut Conn, head: &Head) -> Result<u64> {
    Ok(settings::get(conn, &head.position())?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Every suppression there is, as lines for a journal that is new.
pub fn all_lines(conn: &mut Conn, head: &Head) -> Result<Vec<String>> {
    let all = queries::all_suppressions(conn)?;
    Ok(all.iter().map(|(email_key, reason, at)| format!("{} {reason} {}", hash_of(&head.key, email_key), at.micros())).collect())
}

/// Takes in what these lines say and the database does not know; how many suppressions that were. `end` is where the
/// lines end.
pub fn replay(conn: &mut Conn, head: &Head, lines: &[String], end: u64, now: Time) -> Result<usize> {
    transaction(conn, |conn| {
        let mut all = keys(conn)?;
        all.retain(|key| *key != head.key);
        all.insert(0, head.key.clone());
        settings::set(conn, settings::JOURNAL_KEYS, &all.join(" "))?;
        let mut told: HashMap<&str, (Reason, Time)> = HashMap::new();
        let mut lifted: HashMap<&str, Time> = HashMap::new();
        for (hash, said, at) in lines.iter().filter_map(|line| parts(line)) {
            let erased = told.get(hash).is_some_and(|(reason, _)| *reason == Reason::Erased);
            match said {
                // An erasure says more than what came before it or after.
                Some(Reason::Erased) => drop(told.insert(hash, (Reason::Erased, at))),
                Some(reason) => {
                    let known = told.entry(hash).or_insert((reason, at));
                    if reason.outranks(known.0) {
                        known.0 = reason;
                    }
                }
                None if erased => {}
                None => {
                    told.remove(hash);
                    lifted.insert(hash, at);
                }
            }
        }
        let mut taken = lift(conn, head, &lifted, now)?;
        forget_known(conn, head, &mut told)?;
        if !told.is_empty() {
            taken += take_in(conn, head, &mut told, now)?;
            for (hash, (reason, at)) in &told {
                queries::keep_journaled(conn, hash, *reason, *at)?;
            }
        }
        settings::set(conn, &head.position(), &end.to_string())?;
        Ok(taken)
    })
}

/// The hash, why the address is suppressed or that it no longer is, and since when.
fn parts(line: &str) -> Option<(&str, Option<Reason>, Time)> {
    let [hash, said, at] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
    let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let reason = if said == LIFTED { None } else { Some(said.parse().ok()?) };
    Some((hash, reason, Time::from_micros(at.parse().ok()?))).filter(|_| whole)
}

/// Lifts what recipients took back, where this database knows only that they had left. What was suppressed later or for another reason
/// stays.
fn lift(conn: &mut Conn, head: &Head, lifted: &HashMap<&str, Time>, now: Time) -> Result<usize> {
    if lifted.is_empty() {
        return Ok(0);
    }
    let mut taken = 0;
    for (email_key, reason, since) in queries::all_suppressions(conn)? {
        let told = lifted.get(hash_of(&head.key, &email_key).as_str());
        if reason == Reason::Unsubscribed && told.is_some_and(|at| since <= *at) {
            suppressions::lift_as_told(conn, &Actor::System("journal"), &email_key, now)?;
            taken += 1;
        }
    }
    for (hash, at) in lifted {
        if queries::journaled(conn, hash)?.is_some_and(|(reason, since)| reason == Reason::Unsubscribed && since <= *at) {
            queries::forget_journaled(conn, hash)?;
        }
    }
    Ok(taken)
}

/// Leaves out what is suppressed here already: most lines of most starts.
fn forget_known(conn: &mut Conn, head: &Head, told: &mut HashMap<&str, (Reason, Time)>) -> Result<()> {
    let Some(earliest) = told.values().map(|(_, at)| *at).min() else { return Ok(()) };
    for (email_key, reason, _) in queries::suppressions_since(conn, earliest)? {
        let hash = hash_of(&head.key, &email_key);
        if told.get(hash.as_str()).is_some_and(|(said, _)| *said == reason || *said != Reason::Erased && !said.outranks(reason)) {
            told.remove(hash.as_str());
        }
    }
    Ok(())
}

/// Suppresses or erases the contacts that the lines are about, and leaves the others.
fn take_in(conn: &mut Conn, head: &Head, told: &mut HashMap<&str, (Reason, Time)>, now: Time) -> Result<usize> {
    let actor = Actor::System("journal");
    let (mut after, mut taken) = (None::<ContactId>, 0);
    loop {
        let page = queries::addresses_after(conn, after.as_ref(), AT_ONCE)?;
        let Some((last, _)) = page.last() else { return Ok(taken) };
        after = Some(last.clone());
        for (id, email_key) in &page {
            let hash = hash_of(&head.key, email_key);
            let Some((reason, at)) = told.remove(hash.as_str()) else { continue };
            queries::forget_journaled(conn, &hash)?;
            match reason {
                Reason::Erased => drop(erase::erase(conn, &actor, id, now)?),
                reason => suppressions::add(conn, &actor, email_key, reason, "journal", None, at)?,
            }
            taken += 1;
        }
    }
}

/// What the journal knows about an address that the database does not.
fn known(conn: &mut Conn, email_key: &str) -> Result<Option<(String, Reason, Time)>> {
    for key in keys(conn)? {
        let hash = hash_of(&key, email_key);
        if let Some((reason, at)) = queries::journaled(conn, &hash)? {
            return Ok(Some((hash, reason, at)));
        }
    }
    Ok(None)
}

/// Why and since when an address is suppressed that the journal alone knows.
pub(super) fn told_of(conn: &mut Conn, email_key: &str) -> Result<Option<(Reason, Time)>> {
    Ok(known(conn, email_key)?.map(|(_, reason, at)| (reason, at)))
}

/// When the person with this address was erased, if the journal alone knows it.
pub(super) fn erased_at(conn: &mut Conn, email_key: &str) -> Result<Option<Time>> {
    Ok(told_of(conn, email_key)?.filter(|(reason, _)| *reason == Reason::Erased).map(|(_, at)| at))
}

/// Suppresses a contact that is new here, if the journal knows them.
pub(super) fn adopt(conn: &mut Conn, row: &ContactRow) -> Result<()> {
    if let Some((hash, reason, at)) = known(conn, &row.email_key)? {
        // From now on a row of its own says it.
        queries::forget_journaled(conn, &hash)?;
        suppressions::add(conn, &Actor::System("journal"), &row.email_key, reason, "journal", None, at)?;
    }
    Ok(())
}

fn hash_of(key: &str, email_key: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(email_key.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

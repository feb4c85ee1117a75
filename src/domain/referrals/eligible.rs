//! Who may be asked to recommend now: a fresh good signal, and not asked too often.

use std::collections::HashMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, Contact, UNSUBSCRIBED};
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::signals::{self, Signal, USUAL};

use super::fatigue::{self, Prompt};

/// Contacts looked at in one step.
const AT_ONCE: usize = 100;
/// Such steps for one page.
const STEPS: usize = 10;

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Kinds of signals; the usual ones where empty.
    pub kinds: Vec<String>,
    /// How fresh a signal must be, in days, 1 to 90.
    pub days: i64,
    /// At most so many.
    pub limit: usize,
    /// Those older than this contact.
    pub before: Option<ContactId>,
}

/// Somebody who may be asked.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Who.
    pub contact: Contact,
    /// Their latest good signal.
    pub signal: Signal,
    /// How often they were asked.
    pub asked: usize,
    /// When they were asked last.
    pub asked_at: Option<Time>,
}

/// Who may be asked, and where the next page begins.
pub fn eligible(conn: &mut Conn, actor: &Actor, wanted: &Wanted, now: Time) -> Result<(Vec<Candidate>, Option<ContactId>)> {
    actor.must_have(Scope::Read)?;
    if !(1..=90).contains(&wanted.days) {
        return Err(Error::invalid("field_invalid", "days", format!("days must be 1 to 90; got {}.", wanted.days)));
    }
    let since = now.plus_days(-wanted.days);
    let kinds = match wanted.kinds.as_slice() {
        [] => USUAL.map(str::to_owned).to_vec(),
        named => named.iter().map(|kind| signals::kind(kind)).collect::<Result<_>>()?,
    };
    let (mut found, mut before) = (vec![], wanted.before.clone());
    for _ in 0..STEPS {
        let ids = signals::queries::contacts_since(conn, &kinds, since, before.as_ref(), i64::try_from(AT_ONCE).unwrap_or(100))?;
        let last = ids.len() < AT_ONCE;
        for candidate in look(conn, &ids, &kinds, since, now)? {
            if found.len() == wanted.limit {
                return Ok((found, before));
            }
            before = Some(candidate.contact.row.id.clone());
            found.push(candidate);
        }
        if last {
            return Ok((found, None));
        }
        before = ids.last().cloned();
    }
    Ok((found, before))
}

/// Those among some contacts who may be asked, in their order.
fn look(conn: &mut Conn, ids: &[ContactId], kinds: &[String], since: Time, now: Time) -> Result<Vec<Candidate>> {
    let mut known: HashMap<ContactId, Contact> = contacts::of_ids(conn, ids)?.into_iter().map(|contact| (contact.row.id.clone(), contact)).collect();
    let mut histories = fatigue::of_many(conn, ids)?;
    let mut good: HashMap<ContactId, Signal> = HashMap::new();
    for signal in signals::queries::good_since(conn, ids, kinds, since)? {
        good.entry(signal.contact_id.clone()).or_insert(signal);
    }
    let mut found = vec![];
    for id in ids {
        let (Some(contact), Some(signal)) = (known.remove(id), good.remove(id)) else { continue };
        let history = histories.remove(id).unwrap_or_default();
        let left_alone = contact.suppressed.is_some() || contact.tags.iter().any(|tag| tag == UNSUBSCRIBED);
        if !left_alone && history.against(Prompt::Ask, None, now).is_none() {
            found.push(Candidate { contact, signal, asked: history.asked(), asked_at: history.asked_at() });
        }
    }
    Ok(found)
}

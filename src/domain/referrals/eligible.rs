//! Who may be asked to recommend now: a fresh good signal, and not asked too often.

use std::collections::HashMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, Contact, UNSUBSCRIBED};
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::messages::State;
use crate::domain::signals::{self, Signal, USUAL};

use super::queries;

/// The tag of messages that ask for a recommendation.
pub(super) const ASK: &str = "referral-program";
/// Days between two such messages to one contact.
pub const COOLDOWN_DAYS: i64 = 90;
/// Most such messages to one contact, ever.
pub const MOST_ASKS: usize = 4;
/// Messages in a row that nobody followed; then the contact is left alone.
pub const MOST_IGNORED: usize = 2;
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

/// A message that asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) state: State,
    pub(super) at: Time,
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
    let mut asks: HashMap<ContactId, Vec<Ask>> = HashMap::new();
    for (id, state, sent_at, created_at) in queries::asks(conn, ids)? {
        asks.entry(id).or_default().push(Ask { state, at: sent_at.unwrap_or(created_at) });
    }
    let mut answered: HashMap<ContactId, Time> = HashMap::new();
    for (id, click, conversion) in queries::answers(conn, ids)? {
        if let Some(at) = click.max(conversion) {
            let latest = answered.entry(id).or_insert(at);
            *latest = at.max(*latest);
        }
    }
    let mut good: HashMap<ContactId, Signal> = HashMap::new();
    for signal in signals::queries::good_since(conn, ids, kinds, since)? {
        good.entry(signal.contact_id.clone()).or_insert(signal);
    }
    let mut found = vec![];
    for id in ids {
        let (Some(contact), Some(signal)) = (known.remove(id), good.remove(id)) else { continue };
        let asks = asks.remove(id).unwrap_or_default();
        let left_alone = contact.suppressed.is_some() || contact.tags.iter().any(|tag| tag == UNSUBSCRIBED);
        if !left_alone && may_be_asked(&asks, answered.get(id).copied(), now) {
            let left: Vec<Time> = asks.iter().filter(|ask| has_left(ask.state)).map(|ask| ask.at).collect();
            found.push(Candidate { contact, signal, asked: left.len(), asked_at: left.into_iter().max() });
        }
    }
    Ok(found)
}

fn may_be_asked(asks: &[Ask], answered: Option<Time>, now: Time) -> bool {
    if asks.iter().any(|ask| is_under_way(ask.state)) {
        return false;
    }
    let left: Vec<Time> = asks.iter().filter(|ask| has_left(ask.state)).map(|ask| ask.at).collect();
    let ignored = left.iter().filter(|at| answered.is_none_or(|answered| answered < **at)).count();
    let rested = left.iter().max().is_none_or(|last| last.plus_days(COOLDOWN_DAYS) <= now);
    left.len() < MOST_ASKS && ignored < MOST_IGNORED && rested
}

fn has_left(state: State) -> bool {
    matches!(state, State::Sent | State::Delivered | State::Bounced | State::Complained | State::Uncertain)
}

fn is_under_way(state: State) -> bool {
    matches!(state, State::Draft | State::Pending | State::ChangesRequested | State::Approved | State::Queued | State::Sending)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(days_ago: &[i64]) -> Vec<Ask> {
        days_ago.iter().map(|days| Ask { state: State::Sent, at: NOW.plus_days(-days) }).collect()
    }

    const NOW: Time = Time::from_micros(0);

    #[test]
    fn nobody_is_asked_too_often() {
        let may = |days: &[i64], answered: Option<i64>| may_be_asked(&asked(days), answered.map(|days| NOW.plus_days(-days)), NOW);
        assert!(may(&[], None));
        assert!(!may(&[89], None) && may(&[90], None), "three months lie between two");
        assert!(!may(&[300, 200], None), "twice ignored");
        assert!(may(&[300, 200], Some(150)) && may(&[300, 200], Some(250)), "a click begins anew");
        assert!(may(&[800, 600, 400], Some(300)) && !may(&[800, 600, 400, 200], Some(100)), "four in all");
    }

    #[test]
    fn what_is_under_way_counts_and_what_was_rejected_does_not() {
        let ask = |state| [Ask { state, at: NOW }];
        for state in State::ALL {
            let final_without_leaving =
                matches!(state, State::Rejected | State::Withdrawn | State::Expired | State::Skipped | State::Failed | State::Cancelled);
            assert_eq!(may_be_asked(&ask(*state), None, NOW), final_without_leaving, "{state}");
        }
    }
}

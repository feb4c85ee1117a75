//! What a rule would do now, before it does it.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::ChurnEvent;
use crate::domain::error::Result;
use crate::domain::money::Money;
use crate::domain::policy;
use crate::domain::reports::Purse;

use super::draft::{may_get, segment_of};
use super::{Rule, Terms, blank, may_change, picks, queries};

/// Departures that are looked at, who left last comes first.
pub const LOOKED_AT: i64 = 200;

/// What a rule would do now.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// How many departures fit.
    pub fit: usize,
    /// There are more than were looked at.
    pub more: bool,
    /// For so many a letter would be drafted; not more than `daily` of them on one day.
    pub letters: usize,
    /// So many the lot would hold out.
    pub held_out: usize,
    /// So many get nothing now: something is under way to them, they may not be mailed, or no update answers them.
    pub passed_over: usize,
    /// The monthly revenue of those who would get a letter.
    pub revenue: Vec<Money>,
    /// What the checks would say of the letters.
    pub checks: Option<policy::Forecast>,
    /// Some of those who would get a letter.
    pub some: Vec<ChurnEvent>,
}

/// Forecasts a rule that is there, with these changes to it; or a new one.
pub fn forecast(conn: &mut Conn, actor: &Actor, rule: Option<Rule>, terms: &Terms, now: Time) -> Result<Forecast> {
    actor.must_have(Scope::Read)?;
    may_change(actor)?;
    let mut rule = terms.put(conn, actor, rule.unwrap_or_else(|| blank(actor, now)), now)?;
    rule.last_event = String::new();
    let segment = segment_of(conn, &rule, now)?;
    let mut found = queries::fitting(conn, &rule, segment.as_ref(), now, LOOKED_AT + 1)?;
    let more = found.len() as i64 > LOOKED_AT;
    found.truncate(LOOKED_AT as usize);
    let mut result = Forecast { fit: found.len(), more, letters: 0, held_out: 0, passed_over: 0, revenue: vec![], checks: None, some: vec![] };
    let (mut purse, mut contacts) = (Purse::default(), vec![]);
    for event in found {
        match may_get(conn, &rule, &event, now)? {
            None => result.passed_over += 1,
            Some(contact) if picks::draw(&contact, rule.holdout) => result.held_out += 1,
            Some(contact) => {
                result.letters += 1;
                purse.add(&event.currency, event.mrr_minor.unwrap_or(0));
                contacts.push(contact.to_string());
                if result.some.len() < 10 {
                    result.some.push(event);
                }
            }
        }
    }
    result.revenue = purse.money();
    if !contacts.is_empty() {
        let group = policy::Group {
            contacts,
            mailbox: Some(rule.mailbox_id.to_string()),
            class: Some("win_back".to_owned()),
            campaign: Some("win-back".to_owned()),
            ..policy::Group::default()
        };
        result.checks = Some(policy::forecast(conn, actor, &group, now)?);
    }
    Ok(result)
}

//! Numbers over many departures and messages, each from one indexed statement.

mod queries;
mod reasons;

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MailboxId;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::State;
use crate::domain::messages::list;
use crate::domain::money::Money;

pub use reasons::{Departures, MonthNumbers, ReasonNumbers, ReasonReport, departures, reasons};

/// The longest period of a report, in months.
pub const MOST_MONTHS: u32 = 60;

/// A share as a percent with one decimal; none of nothing.
pub fn percent(part: i64, whole: i64) -> Option<f64> {
    // Counts beyond 2^53 lose precision, which does not show in one decimal.
    let share = |part: i64, whole: i64| ((part as f64) * 1000.0 / (whole as f64)).round() / 10.0;
    (whole > 0).then(|| share(part, whole))
}

/// Sums by currency.
#[derive(Debug, Clone, Default)]
struct Purse(BTreeMap<String, i64>);

impl Purse {
    fn add(&mut self, currency: &str, minor: i64) {
        if minor != 0 {
            let sum = self.0.entry(currency.to_owned()).or_default();
            *sum = sum.saturating_add(minor);
        }
    }

    fn money(self) -> Vec<Money> {
        self.0.into_iter().map(|(currency, minor)| Money { minor, currency }).collect()
    }
}

/// What became of the messages of one campaign.
#[derive(Debug, Clone)]
pub struct CampaignNumbers {
    /// Its label.
    pub campaign: String,
    /// How many messages.
    pub total: i64,
    /// How many in each state that there is one in.
    pub by_state: Vec<(State, i64)>,
}

/// The campaigns within reach by name, after `after`, with what became of their messages; and whether there are more.
pub fn campaigns(conn: &mut Conn, actor: &Actor, after: Option<&str>, limit: usize) -> Result<(Vec<CampaignNumbers>, bool)> {
    actor.must_have(Scope::Read)?;
    let mut names = list::campaigns(conn, actor)?;
    names.sort();
    names.retain(|name| after.is_none_or(|after| name.as_str() > after));
    let more = names.len() > limit;
    names.truncate(limit);
    let reach: Vec<MailboxId> = mailboxes::list(conn, actor)?.into_iter().map(|mailbox| mailbox.id).collect();
    let mut found: BTreeMap<String, Vec<(State, i64)>> = names.into_iter().map(|name| (name, vec![])).collect();
    let wanted: Vec<&str> = found.keys().map(String::as_str).collect();
    for row in queries::campaigns(conn, &wanted, &reach)? {
        let state = row.state.parse::<State>().map_err(Error::internal)?;
        if let Some(states) = found.get_mut(&row.campaign) {
            states.push((state, row.number));
        }
    }
    let numbers = |(campaign, by_state): (String, Vec<(State, i64)>)| {
        let total = by_state.iter().map(|(_, number)| number).sum();
        CampaignNumbers { campaign, total, by_state }
    };
    Ok((found.into_iter().map(numbers).collect(), more))
}

/// How the mail of one mailbox arrived.
#[derive(Debug, Clone)]
pub struct DeliveryNumbers {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// How many left in the period.
    pub sent: i64,
    /// How many of them were reported delivered.
    pub delivered: i64,
    /// How many came back.
    pub bounced: i64,
    /// How many recipients complained.
    pub complained: i64,
}

/// How the mail of each mailbox within reach arrived since then.
pub fn deliverability(conn: &mut Conn, actor: &Actor, since: Time) -> Result<Vec<DeliveryNumbers>> {
    actor.must_have(Scope::Read)?;
    let mailboxes = mailboxes::list(conn, actor)?;
    let reach: Vec<MailboxId> = mailboxes.iter().map(|mailbox| mailbox.id.clone()).collect();
    let rows = queries::departed(conn, &reach, since)?;
    Ok(mailboxes
        .into_iter()
        .map(|mailbox| {
            let mine: Vec<_> = rows.iter().filter(|row| row.mailbox_id == mailbox.id.as_str()).collect();
            let of = |state: State| mine.iter().filter(|row| row.state == state.as_str()).map(|row| row.number).sum();
            DeliveryNumbers {
                sent: mine.iter().map(|row| row.number).sum(),
                delivered: of(State::Delivered),
                bounced: of(State::Bounced),
                complained: of(State::Complained),
                mailbox,
            }
        })
        .collect())
}

//! What came back of the messages of a campaign: answers, and customers.

mod queries;

use std::collections::BTreeMap;

use crate::db::Conn;
use crate::domain::actor::Mailboxes;
use crate::domain::error::Result;
use crate::domain::money::Money;

/// What came back of one campaign.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Conversations in which the recipient wrote after a message left.
    pub replied: i64,
    /// Departures whose customer came back after a message left.
    pub recovered: i64,
    /// What those pay a month, by currency.
    pub value: Vec<Money>,
}

/// What came back of these labels in the mailboxes within reach.
pub(in crate::domain) fn of_many(conn: &mut Conn, labels: &[&str], reach: &Mailboxes) -> Result<BTreeMap<String, Outcome>> {
    let mut all: BTreeMap<String, Outcome> = BTreeMap::new();
    for row in queries::replied(conn, labels, reach)? {
        all.entry(row.campaign).or_default().replied = row.n;
    }
    for row in queries::recovered(conn, labels, reach)? {
        let outcome = all.entry(row.campaign).or_default();
        outcome.recovered += row.n;
        if row.minor > 0 {
            outcome.value.push(Money { minor: row.minor, currency: row.currency });
        }
    }
    Ok(all)
}

//! The referral programme as a whole: from the messages that ask to the sign-ups that came of them.

use std::collections::BTreeMap;

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::messages::State;
use crate::domain::money::Money;

use super::queries;

/// The numbers of the programme.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Messages that ask, by state, of the mailboxes within reach.
    pub asks: BTreeMap<State, i64>,
    /// Contacts with a link of their own.
    pub links: i64,
    /// Those whose link somebody followed.
    pub sharers: i64,
    /// Visitors, each counted once a day.
    pub clicks: i64,
    /// What came of them.
    pub conversions: i64,
    /// What those are worth, by currency.
    pub value: Vec<Money>,
}

impl Program {
    fn sum(&self, states: &[State]) -> i64 {
        states.iter().filter_map(|state| self.asks.get(state)).sum()
    }

    /// Messages that ask and left.
    pub fn asked(&self) -> i64 {
        self.sum(&[State::Sent, State::Delivered, State::Bounced, State::Complained, State::Uncertain])
    }

    /// Messages that ask and wait for a person.
    pub fn held(&self) -> i64 {
        self.sum(&[State::Pending, State::ChangesRequested])
    }
}

/// The programme as a whole.
pub fn program(conn: &mut Conn, actor: &Actor) -> Result<Program> {
    actor.must_have(Scope::Read)?;
    let asks = queries::asks_by_state(conn, actor.mailboxes())?.into_iter().collect();
    let totals = queries::totals(conn)?;
    let value = queries::value(conn)?.into_iter().map(|(currency, minor)| Money { minor, currency }).collect();
    Ok(Program { asks, links: totals.links, sharers: totals.sharers, clicks: totals.clicks, conversions: totals.conversions, value })
}

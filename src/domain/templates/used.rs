//! Where a template is used.

use std::collections::BTreeMap;

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::{CampaignId, SequenceId, TemplateId};
use crate::domain::messages::State;

use super::queries;

/// What was made from a template, and what names it.
#[derive(Debug, Clone, Default)]
pub struct Used {
    /// Messages by version and state, of the mailboxes within reach.
    pub messages: BTreeMap<i32, BTreeMap<State, i64>>,
    /// Campaigns that it was drafted for.
    pub campaigns: Vec<(CampaignId, String)>,
    /// Sequences with a step that names it.
    pub sequences: Vec<(SequenceId, String)>,
}

impl Used {
    /// How many messages were made from a version.
    pub fn of_version(&self, version: i32) -> i64 {
        self.messages.get(&version).map_or(0, |states| states.values().sum())
    }

    /// How many of them left.
    pub fn left(&self, version: i32) -> i64 {
        let gone = [State::Sent, State::Delivered, State::Bounced, State::Complained, State::Uncertain];
        self.messages.get(&version).map_or(0, |states| gone.iter().filter_map(|state| states.get(state)).sum())
    }
}

/// Where a template is used.
pub fn used(conn: &mut Conn, actor: &Actor, id: &TemplateId) -> Result<Used> {
    actor.must_have(Scope::Read)?;
    let mut messages: BTreeMap<i32, BTreeMap<State, i64>> = BTreeMap::new();
    for (version, state, count) in queries::messages_of(conn, id, actor.mailboxes())? {
        messages.entry(version).or_default().insert(state, count);
    }
    let campaigns = queries::campaigns_with(conn, id, actor.mailboxes())?;
    Ok(Used { messages, campaigns, sequences: queries::sequences_with(conn, id, actor.mailboxes())? })
}

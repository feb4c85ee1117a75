//! Lists of messages: the queue, and everything else by state.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, MailboxId, MessageId};

use super::{Origin, State, queries};

/// Which messages.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these.
    pub ids: Option<Vec<MessageId>>,
    /// In one of these states; all when empty.
    pub states: Vec<State>,
    /// Of this mailbox.
    pub mailbox: Option<MailboxId>,
    /// Of this campaign.
    pub campaign: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// To this contact.
    pub contact: Option<ContactId>,
    /// With these words in recipient or subject.
    pub words: Option<String>,
    /// Written or edited last by whoever asks.
    pub own: bool,
    /// Submitted before.
    pub older_than: Option<Time>,
    /// Oldest first, as in the queue; otherwise newest first.
    pub oldest_first: bool,
    /// Continue after this one.
    pub after: Option<MessageId>,
    /// At most so many.
    pub limit: usize,
}

/// A row of a list.
#[derive(Debug, Clone, Queryable)]
pub struct ListRow {
    /// The message.
    pub id: MessageId,
    /// Its mailbox.
    pub mailbox_id: MailboxId,
    /// Its mailbox's address.
    pub mailbox_address: String,
    /// Its campaign.
    pub campaign: Option<String>,
    /// Its state.
    pub state: State,
    /// Why it is in that state.
    pub state_reason: Option<String>,
    /// Why a person must look.
    pub held_because: Option<String>,
    /// Who put the words together.
    pub origin: Origin,
    /// The recipient's address.
    pub to_address: String,
    /// The recipient's name.
    pub to_name: Option<String>,
    /// The subject.
    pub subject: String,
    /// The version.
    pub version: i32,
    /// When it was submitted.
    pub submitted_at: Option<Time>,
    /// When it left.
    pub sent_at: Option<Time>,
    /// When it last changed.
    pub updated_at: Time,
    /// Claims that a fact supports.
    pub claims_supported: i32,
    /// Claims that keep it from leaving.
    pub claims_open: i32,
    /// Claims that a person let stand.
    pub claims_waived: i32,
}

/// A page of messages and whether there are more.
pub fn list(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<(Vec<ListRow>, bool)> {
    let reach = reach(actor);
    let mut rows = queries::list(conn, reach.as_deref(), filter.own.then_some(actor), filter)?;
    let more = rows.len() > filter.limit;
    rows.truncate(filter.limit);
    Ok((rows, more))
}

/// How many wait for a decision.
pub fn count_pending(conn: &mut Conn, actor: &Actor) -> Result<i64> {
    Ok(queries::count_in_state(conn, reach(actor).as_deref(), State::Pending)?)
}

/// The next one waiting after this one, or else the oldest of all.
pub fn next_pending(conn: &mut Conn, actor: &Actor, after: &MessageId) -> Result<Option<MessageId>> {
    let filter = |after| Filter { states: vec![State::Pending], oldest_first: true, limit: 1, after, ..Filter::default() };
    let (rows, _) = list(conn, actor, &filter(Some(after.clone())))?;
    if let Some(row) = rows.into_iter().next() {
        return Ok(Some(row.id));
    }
    let (rows, _) = list(conn, actor, &filter(None))?;
    Ok(rows.into_iter().next().map(|row| row.id))
}

/// The campaigns that appear among messages, for the filter.
pub fn campaigns(conn: &mut Conn, actor: &Actor) -> Result<Vec<String>> {
    Ok(queries::campaigns(conn, reach(actor).as_deref())?)
}

fn reach(actor: &Actor) -> Option<Vec<MailboxId>> {
    match actor.mailboxes() {
        Mailboxes::All => None,
        Mailboxes::These(ids) => Some(ids.clone()),
    }
}

//! Approving alike messages together: of one template and cohort, with all checks green, after a
//! random sample of them was opened. Each gets its own decision.

mod approve;
mod forecast;
mod open;
mod queries;
mod undo;

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{BatchId, MailboxId, MessageId, UserId};
use crate::domain::messages::{self, Message, State};
use crate::domain::outbox;
use crate::text_enum;

pub use approve::approve;
pub use forecast::{Forecast, Skip, forecast};
pub use open::{FEWEST, MOST, Opened, Refusal, open, sample_size};
pub use undo::undo;

text_enum!(
    /// What became of a message of a batch.
    pub enum Outcome {
        /// The batch was not decided yet.
        Waiting => "waiting",
        /// Approved.
        Approved => "approved",
        /// Not approved; the problem says why.
        Failed => "failed",
        /// Approved, and taken back.
        Undone => "undone",
        /// Approved, and could not be taken back; the problem says why.
        Kept => "kept",
    }
);

impl Outcome {
    /// The word on a page.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Waiting => "Waiting",
            Outcome::Approved => "Approved",
            Outcome::Failed => "Not approved",
            Outcome::Undone => "Undone",
            Outcome::Kept => "Not undone",
        }
    }
}

/// Messages that one person decides together.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::batches)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Who put it together.
    pub user_id: UserId,
    /// The mailbox of all of them.
    pub mailbox_id: MailboxId,
    /// What all of them are like.
    pub likeness: String,
    /// The campaign of all of them.
    pub campaign: Option<String>,
    /// When it was put together.
    pub created_at: Time,
    /// When it was approved.
    pub decided_at: Option<Time>,
    /// When that was undone.
    pub undone_at: Option<Time>,
}

/// A message of a batch, as it was when the batch was put together.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::batch_items)]
pub struct Item {
    /// The batch.
    pub batch_id: BatchId,
    /// The message.
    pub message_id: MessageId,
    /// Its version.
    pub version: i32,
    /// Its content.
    pub content_hash: String,
    /// Whether it was drawn to be opened.
    pub sampled: bool,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it failed or was kept.
    pub problem: Option<String>,
}

/// A message of a batch as the page shows it.
#[derive(Debug, Clone)]
pub struct Line {
    /// The message in the batch.
    pub item: Item,
    /// Its recipient, by name or address.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its state now.
    pub state: State,
    /// Whether its current version was shown to the person since they signed in.
    pub opened: bool,
    /// Until when its approval can be undone, at least.
    pub undo_until: Option<Time>,
}

/// A batch with its messages, those of the sample first.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The batch.
    pub batch: Batch,
    /// Its messages.
    pub lines: Vec<Line>,
}

impl Shown {
    /// Those drawn to be opened.
    pub fn sample(&self) -> Vec<&Line> {
        self.lines.iter().filter(|line| line.item.sampled).collect()
    }

    /// How many of the sample were not opened.
    pub fn unopened(&self) -> usize {
        self.lines.iter().filter(|line| line.item.sampled && !line.opened).count()
    }

    /// Those with an outcome.
    pub fn with(&self, outcome: Outcome) -> Vec<&Line> {
        self.lines.iter().filter(|line| line.item.outcome == outcome).collect()
    }

    /// Until when something of it can be undone; none where nothing can.
    pub fn undo_until(&self) -> Option<Time> {
        self.lines.iter().filter_map(|line| line.undo_until).max()
    }
}

/// One batch of this person. What was shown counts from when their session began.
pub fn get(conn: &mut Conn, actor: &Actor, id: &BatchId, session_started: Time) -> Result<Shown> {
    let batch = own(conn, actor, id)?;
    let items = queries::items(conn, id)?;
    let ids: Vec<MessageId> = items.iter().map(|item| item.message_id.clone()).collect();
    let mut found: HashMap<MessageId, Message> =
        messages::many(conn, actor, &ids)?.into_iter().map(|message| (message.row.id.clone(), message)).collect();
    let seen: HashMap<MessageId, i32> = queries::seen_since(conn, &ids, actor, session_started)?.into_iter().collect();
    let mut on_their_way = outbox::waiting_of(conn, &ids)?;
    let mut lines = Vec::with_capacity(items.len());
    for item in items {
        let message = found.remove(&item.message_id).ok_or_else(|| Error::not_found("message"))?;
        let seen = seen.get(&item.message_id).copied();
        let waiting = on_their_way.remove(&item.message_id).filter(|_| item.outcome == Outcome::Approved);
        let in_time = waiting.filter(|waiting| waiting.state == "queued" && message.row.version == item.version);
        lines.push(Line {
            to: message.current.to_name.unwrap_or(message.current.to_address),
            subject: message.current.subject,
            state: message.row.state,
            opened: seen == Some(message.row.version),
            undo_until: in_time.map(|waiting| waiting.not_before).filter(|_| batch.undone_at.is_none()),
            item,
        });
    }
    lines.sort_by_key(|line| !line.item.sampled);
    Ok(Shown { batch, lines })
}

/// A batch of somebody else is not there.
fn own(conn: &mut Conn, actor: &Actor, id: &BatchId) -> Result<Batch> {
    let batch = queries::by_id(conn, id)?;
    batch.filter(|batch| actor.is("user", batch.user_id.as_str()) && actor.reaches(&batch.mailbox_id)).ok_or_else(|| Error::not_found("batch"))
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, batch: &Batch, detail: Value, now: Time) -> Result<()> {
    let entry = Entry { action, target_kind: "batch", target_id: batch.id.as_str(), mailbox_id: Some(&batch.mailbox_id), detail };
    audit::record(conn, actor, entry, now)
}

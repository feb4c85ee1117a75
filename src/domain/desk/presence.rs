//! Who has a message open, and who took it for a while.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, MessageId, UserId};
use crate::domain::messages;

use super::{log, person, queries, refuse_settled};

/// Seconds between two heartbeats of an open page.
pub const HEARTBEAT_SECONDS: i64 = 20;
/// Seconds after the last heartbeat during which somebody counts as present.
pub const PRESENT_SECONDS: i64 = 45;
/// Seconds after which a message that somebody took is free again.
pub const TAKEN_SECONDS: i64 = 15 * 60;

/// One person at one message.
#[derive(Debug, Clone, Queryable)]
pub struct Reader {
    /// The message.
    pub message_id: MessageId,
    /// Who.
    pub user_id: UserId,
    /// Who, by name.
    pub user_name: String,
    /// The last heartbeat of their page.
    pub seen_at: Time,
    /// Until when they have it, where they took it.
    pub taken_until: Option<Time>,
    /// From whom they took it over.
    pub taken_from: Option<UserId>,
}

/// Who has a message, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Who.
    pub by: UserId,
    /// Who, by name.
    pub name: String,
    /// Until when, unless they stay at it.
    pub until: Time,
    /// From whom they took it over.
    pub from: Option<UserId>,
}

/// Who is at a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// Who has it open: id and name, by name.
    pub here: Vec<(UserId, String)>,
    /// Who took it.
    pub taken: Option<Taken>,
}

/// A heartbeat of an open page. It renews what the reader took.
pub fn look(conn: &mut Conn, actor: &Actor, id: &MessageId, now: Time) -> Result<()> {
    let me = person(actor)?;
    transaction(conn, |conn| {
        messages::row(conn, actor, id)?;
        queries::put_seen(conn, id, me, actor.name(), now)?;
        Ok(queries::renew(conn, id, me, now, now.plus_seconds(TAKEN_SECONDS))?)
    })
}

/// The page was closed; what the reader took stays theirs until it lapses.
pub fn leave(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<()> {
    let me = person(actor)?;
    Ok(queries::put_left(conn, id, me)?)
}

/// Takes a message for a while, so that no two people read the same one. It binds nobody:
/// others may still decide it. What somebody else has is taken only with `over`.
pub fn take(conn: &mut Conn, actor: &Actor, id: &MessageId, over: bool, now: Time) -> Result<Taken> {
    let me = person(actor)?;
    transaction(conn, |conn| {
        queries::lock(conn, id)?;
        let row = messages::row(conn, actor, id)?;
        refuse_settled(&row)?;
        queries::drop_lapsed(conn, id, now)?;
        let holder = queries::holder(conn, id)?;
        let until = now.plus_seconds(TAKEN_SECONDS);
        let mut taken = Taken { by: me.clone(), name: actor.name().to_owned(), until, from: None };
        match holder {
            Some(holder) if holder.user_id == *me => {
                queries::renew(conn, id, me, now, until)?;
                taken.from = holder.taken_from;
                return Ok(taken);
            }
            Some(holder) if !over => return Err(taken_already(&holder)),
            Some(holder) => {
                queries::free(conn, id, &holder.user_id)?;
                queries::put_taken(conn, id, me, actor.name(), until, Some(&holder.user_id))?;
                log(conn, actor, "message.take", &row, json!({"until": until, "over": holder.user_name}), now)?;
                taken.from = Some(holder.user_id);
            }
            None => {
                queries::put_taken(conn, id, me, actor.name(), until, None)?;
                log(conn, actor, "message.take", &row, json!({"until": until}), now)?;
            }
        }
        Ok(taken)
    })
}

fn taken_already(holder: &Reader) -> Error {
    let until = holder.taken_until.unwrap_or(holder.seen_at).for_people();
    Error::conflict("taken", format!("{} has this message until {until}. Choose another one, or take it over.", holder.user_name))
}

/// Gives back what the actor took.
pub fn release(conn: &mut Conn, actor: &Actor, id: &MessageId, now: Time) -> Result<()> {
    let me = person(actor)?;
    transaction(conn, |conn| {
        let row = messages::row(conn, actor, id)?;
        queries::drop_lapsed(conn, id, now)?;
        if queries::free(conn, id, me)? {
            log(conn, actor, "message.release", &row, json!({}), now)?;
        }
        Ok(())
    })
}

/// Who is at each of these messages; those at which nobody is are left out.
pub fn of_messages(conn: &mut Conn, ids: &[MessageId], now: Time) -> Result<BTreeMap<MessageId, Around>> {
    let mut around: BTreeMap<MessageId, Around> = BTreeMap::new();
    for reader in queries::readers(conn, ids, now, now.plus_seconds(-PRESENT_SECONDS))? {
        around.entry(reader.message_id.clone()).or_default().add(reader, now);
    }
    Ok(around)
}

/// Who is at any message, with its mailbox: what live pages are told.
pub fn live(conn: &mut Conn, now: Time) -> Result<BTreeMap<MessageId, (MailboxId, Around)>> {
    let mut all: BTreeMap<MessageId, (MailboxId, Around)> = BTreeMap::new();
    for (mailbox, reader) in queries::all_readers(conn, now, now.plus_seconds(-PRESENT_SECONDS))? {
        all.entry(reader.message_id.clone()).or_insert_with(|| (mailbox, Around::default())).1.add(reader, now);
    }
    Ok(all)
}

/// Drops what says nothing any more: readers who left, and what was put off until now.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    queries::delete_past_snoozes(conn, now)?;
    Ok(queries::delete_gone(conn, now, now.plus_seconds(-PRESENT_SECONDS))?)
}

impl Around {
    fn add(&mut self, reader: Reader, now: Time) {
        if now.seconds_since(reader.seen_at) < PRESENT_SECONDS {
            self.here.push((reader.user_id.clone(), reader.user_name.clone()));
        }
        if let Some(until) = reader.taken_until.filter(|until| *until > now) {
            self.taken = Some(Taken { by: reader.user_id, name: reader.user_name, until, from: reader.taken_from });
        }
    }
}

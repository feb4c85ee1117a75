//! What approving a batch would do.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::{BatchId, MessageId};
use crate::domain::messages::{self, warrant};
use crate::domain::{mailboxes, outbox};

use super::{own, queries};

/// What approving would do, by the checks that a worker makes before it sends.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// How many messages.
    pub count: usize,
    /// The domains of the recipients with how many each, the largest first.
    pub domains: Vec<(String, usize)>,
    /// When the first would leave.
    pub earliest: Time,
    /// When the last would leave.
    pub latest: Time,
    /// Those that would not leave.
    pub skips: Vec<Skip>,
}

/// A message that would not leave.
#[derive(Debug, Clone)]
pub struct Skip {
    /// The message.
    pub message_id: MessageId,
    /// Its recipient, by name or address.
    pub to: String,
    /// Why, in a sentence.
    pub why: String,
}

/// The forecast of a batch approved now.
pub fn forecast(conn: &mut Conn, actor: &Actor, id: &BatchId, now: Time) -> Result<Forecast> {
    let batch = own(conn, actor, id)?;
    let mailbox = mailboxes::get(conn, actor, &batch.mailbox_id)?;
    let mut domains: BTreeMap<String, usize> = BTreeMap::new();
    let (mut times, mut skips) = (vec![], vec![]);
    let items = queries::items(conn, id)?;
    for item in &items {
        let message = messages::get(conn, actor, &item.message_id)?;
        let domain = message.current.to_address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
        *domains.entry(domain).or_default() += 1;
        match outbox::obstacle(conn, &message.row, now)? {
            Some(why) => {
                let to = message.current.to_name.unwrap_or(message.current.to_address);
                skips.push(Skip { message_id: item.message_id.clone(), to, why: why.in_words() });
            }
            None => times.push(warrant::leaves_at(&message.row, mailbox.undo_seconds, now).0),
        }
    }
    let mut domains: Vec<(String, usize)> = domains.into_iter().collect();
    domains.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Forecast {
        count: items.len(),
        domains,
        earliest: times.iter().min().copied().unwrap_or(now),
        latest: times.iter().max().copied().unwrap_or(now),
        skips,
    })
}

//! Putting a batch together: who may be in it, and which of it must be opened.

use std::collections::HashMap;

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{BatchId, MailboxId, MessageId, UserId, draw};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::findings::Inspector;
use crate::domain::messages::{self, Message, green};

use super::{Batch, Item, Outcome, log, queries};

/// Fewest messages of a batch.
pub const FEWEST: usize = 2;
/// Most messages of a batch.
pub const MOST: usize = 500;
/// Most messages of a sample.
const LARGEST_SAMPLE: usize = 20;

/// What came of putting a batch together.
#[derive(Debug, Clone)]
pub enum Opened {
    /// It is there.
    Batch(BatchId),
    /// It is not, because of these messages.
    Refused(Vec<Refusal>),
}

/// A message that cannot be in the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The message.
    pub message_id: MessageId,
    /// Its recipient, by name or address; empty where it is not within reach.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Why, in a sentence.
    pub why: String,
}

/// How many of so many must be opened: all up to three, then the square root, at most twenty.
pub fn sample_size(of: usize) -> usize {
    let root = of.isqrt() + usize::from(of.isqrt().pow(2) < of);
    root.max(3).min(of).min(LARGEST_SAMPLE)
}

/// Puts messages together, if all are alike and all their checks are green, and draws a sample.
pub fn open(conn: &mut Conn, actor: &Actor, ids: &[MessageId], now: Time) -> Result<Opened> {
    let Actor::User { id: user, .. } = actor else {
        return Err(Error::forbidden("person_required", "Only signed-in people approve messages together. A key decides each on its own."));
    };
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    if !(FEWEST..=MOST).contains(&ids.len()) {
        return Err(Error::invalid("batch_size", "id", format!("Choose {FEWEST} to {MOST} messages to approve together; got {}.", ids.len())));
    }
    transaction(conn, |conn| {
        let (found, mut refused) = looked_at(conn, actor, &ids, now)?;
        refused.extend(unlike(&found));
        let Some(first) = found.first().filter(|_| refused.is_empty()) else { return Ok(Opened::Refused(refused)) };
        let id = put(conn, actor, user, first, &found, now)?;
        Ok(Opened::Batch(id))
    })
}

/// The messages within reach, and those whose checks are not all green.
fn looked_at(conn: &mut Conn, actor: &Actor, ids: &[MessageId], now: Time) -> Result<(Vec<Message>, Vec<Refusal>)> {
    let inspector = Inspector::new(conn)?;
    let mut mailboxes: HashMap<MailboxId, Mailbox> = HashMap::new();
    let (mut found, mut refused) = (vec![], vec![]);
    for id in ids {
        let message = match messages::get(conn, actor, id) {
            Ok(message) => message,
            Err(error) if error.code == "not_found" => {
                let why = "There is no such message within your reach.".to_owned();
                refused.push(Refusal { message_id: id.clone(), to: String::new(), subject: String::new(), why });
                continue;
            }
            Err(error) => return Err(error),
        };
        if !mailboxes.contains_key(&message.row.mailbox_id) {
            mailboxes.insert(message.row.mailbox_id.clone(), mailboxes::get(conn, actor, &message.row.mailbox_id)?);
        }
        if let Some(mailbox) = mailboxes.get(&message.row.mailbox_id)
            && let Some(why) = green::trouble(conn, actor, &message.row, mailbox, &inspector, now)?
        {
            refused.push(refusal(&message, why));
        }
        found.push(message);
    }
    Ok((found, refused))
}

fn refusal(message: &Message, why: impl Into<String>) -> Refusal {
    Refusal {
        message_id: message.row.id.clone(),
        to: message.current.to_name.clone().unwrap_or_else(|| message.current.to_address.clone()),
        subject: message.current.subject.clone(),
        why: why.into(),
    }
}

/// Those that are not like most of the others.
fn unlike(found: &[Message]) -> Vec<Refusal> {
    let mut counts: HashMap<_, (usize, usize)> = HashMap::new();
    for (place, message) in found.iter().enumerate() {
        counts.entry(kin(message)).or_insert((0, place)).0 += 1;
    }
    let Some((_, most)) = counts.values().max_by_key(|(count, place)| (*count, usize::MAX - *place)) else { return vec![] };
    let most = &found[*most];
    let differs = |message: &Message| {
        let (a, b) = (&message.row, &most.row);
        if a.mailbox_id != b.mailbox_id {
            Some("It leaves from another mailbox than the others.")
        } else if a.campaign != b.campaign {
            Some("It belongs to another campaign than the others.")
        } else if (&a.author_kind, &a.author_id) != (&b.author_kind, &b.author_id) {
            Some("Somebody else wrote it than the others.")
        } else if a.likeness.is_empty() {
            Some("It was never compared with others. Decide it on its own.")
        } else if a.likeness != b.likeness {
            Some("Its wording differs from that of the others in more than names and figures.")
        } else {
            None
        }
    };
    found.iter().filter_map(|message| differs(message).map(|why| refusal(message, why))).collect()
}

/// What messages of one template and cohort have in common.
fn kin(message: &Message) -> (&MailboxId, Option<&str>, &str, &str, &str) {
    let row = &message.row;
    (&row.mailbox_id, row.campaign.as_deref(), &row.author_kind, &row.author_id, &row.likeness)
}

fn put(conn: &mut Conn, actor: &Actor, user: &UserId, first: &Message, found: &[Message], now: Time) -> Result<BatchId> {
    let batch = Batch {
        id: BatchId::new(),
        user_id: user.clone(),
        mailbox_id: first.row.mailbox_id.clone(),
        likeness: first.row.likeness.clone(),
        campaign: first.row.campaign.clone(),
        created_at: now,
        decided_at: None,
        undone_at: None,
    };
    let sample = draw(found.len(), sample_size(found.len()));
    let items: Vec<Item> = found
        .iter()
        .enumerate()
        .map(|(place, message)| Item {
            batch_id: batch.id.clone(),
            message_id: message.row.id.clone(),
            version: message.row.version,
            content_hash: message.row.content_hash.clone(),
            sampled: sample.contains(&place),
            outcome: Outcome::Waiting,
            problem: None,
        })
        .collect();
    queries::insert(conn, &batch, &items)?;
    log(conn, actor, "batch.open", &batch, json!({"messages": items.len(), "sample": sample.len()}), now)?;
    Ok(batch.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_all_of_three_and_the_root_of_more() {
        let sizes: Vec<usize> = [2, 3, 4, 9, 10, 16, 17, 42, 400, 401, 500].into_iter().map(sample_size).collect();
        assert_eq!(sizes, [2, 3, 3, 3, 4, 4, 5, 7, 20, 20, 20]);
    }
}

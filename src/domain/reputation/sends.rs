//! What is being handed over and what was: one narrow row a message, written when its turn comes and taken away when it
//! did not leave. Caps, throttles, the warm-up and the rates count these rows, in the transaction that changes them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::Serialize;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, MailboxId, MessageId};
use crate::domain::messages::State;
use crate::text_enum;

use super::plan::Tally;
use super::{queries, watch};

text_enum!(
    /// What came of a message that left.
    pub enum Outcome {
        /// It came back.
        Bounced => "bounced",
        /// It was complained about.
        Complained => "complained",
    }
);

/// A message whose turn came.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::sends, treat_none_as_default_value = false)]
pub(in crate::domain) struct Send {
    pub message_id: MessageId,
    pub mailbox_id: MailboxId,
    pub contact_id: ContactId,
    pub domain: String,
    pub commercial: bool,
    pub topic: Option<String>,
    pub campaign: Option<String>,
    pub step: Option<String>,
    pub outcome: Option<Outcome>,
    pub at: Time,
}

/// Mailbox, domain and time of one that left.
pub(in crate::domain) type Turn = (MailboxId, String, Time);

/// Writes down that these have their turn.
pub(in crate::domain) fn reserve(conn: &mut Conn, mut rows: Vec<Send>, now: Time) -> Result<()> {
    let known = queries::known(conn, &rows.iter().map(|row| &row.message_id).collect::<Vec<_>>())?;
    rows.retain(|row| !known.contains(&row.message_id));
    let mut by_mailbox: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &rows {
        *by_mailbox.entry(row.mailbox_id.as_str()).or_default() += 1;
    }
    let day = now.date().to_string();
    // In the order of the map, so that two workers wait for each other instead of for ever.
    for (mailbox, sent) in by_mailbox {
        queries::add_day(conn, &MailboxId::from(mailbox), &day, Tally { sent, ..Tally::default() })?;
    }
    Ok(queries::insert(conn, &rows)?)
}

/// Follows a message: whoever moves it calls this in the same transaction.
pub(in crate::domain) fn follow(conn: &mut Conn, id: &MessageId, from: State, to: State, now: Time) -> Result<()> {
    match (from, to) {
        (State::Sending | State::Uncertain, State::Queued | State::Skipped | State::Failed) => give_back(conn, id),
        (_, State::Bounced) => came(conn, id, Outcome::Bounced, now),
        (_, State::Complained) => came(conn, id, Outcome::Complained, now),
        _ => Ok(()),
    }
}

/// It did not leave: its place is free again.
pub(in crate::domain) fn give_back(conn: &mut Conn, id: &MessageId) -> Result<()> {
    let Some(row) = queries::send(conn, id)? else { return Ok(()) };
    if queries::delete(conn, id)? {
        queries::add_day(conn, &row.mailbox_id, &row.at.date().to_string(), Tally { sent: -1, ..Tally::default() })?;
    }
    Ok(())
}

fn came(conn: &mut Conn, id: &MessageId, outcome: Outcome, now: Time) -> Result<()> {
    let Some(row) = queries::send(conn, id)? else { return Ok(()) };
    if !queries::set_outcome(conn, id, outcome)? {
        return Ok(());
    }
    let by = match outcome {
        Outcome::Bounced => Tally { bounced: 1, ..Tally::default() },
        Outcome::Complained => Tally { complained: 1, ..Tally::default() },
    };
    queries::add_day(conn, &row.mailbox_id, &row.at.date().to_string(), by)?;
    watch::look(conn, &row.mailbox_id, now)
}

/// A number that a recount does not confirm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miscount {
    /// Which: a mailbox and a day, or a message.
    pub of: String,
    /// What is wrong, in a sentence.
    pub problem: String,
}

/// Counts everything again.
pub fn recount(conn: &mut Conn) -> Result<Vec<Miscount>> {
    let mut wrong = vec![];
    let mut counted = queries::recount(conn)?;
    for (mailbox, day, sent, bounced, complained) in queries::all_days(conn)? {
        let kept = Tally { sent, bounced, complained };
        let found = counted.remove(&(mailbox.clone(), day.clone())).unwrap_or_default();
        if kept != found {
            wrong.push(Miscount { of: format!("{mailbox} {day}"), problem: format!("The day says {kept:?}, a recount {found:?}.") });
        }
    }
    wrong.extend(counted.into_iter().map(|((mailbox, day), found)| Miscount {
        of: format!("{mailbox} {day}"),
        problem: format!("The day is missing, a recount gives {found:?}."),
    }));
    for (id, state) in queries::unfit(conn)? {
        wrong.push(Miscount { of: id.to_string(), problem: format!("It counts as handed over, and the message is {state}.") });
    }
    for (id, state) in queries::uncounted(conn)? {
        wrong.push(Miscount { of: id.to_string(), problem: format!("The message is {state}, and does not count as handed over.") });
    }
    Ok(wrong)
}

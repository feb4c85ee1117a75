//! How many messages of a campaign are in which state. Each move of a message adds a row; the rows are folded
//! into totals in the background, and every question counts both.

mod queries;

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use crate::db::Conn;
use crate::domain::actor::Mailboxes;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, MessageId, RowId};
use crate::domain::messages::{self, State};

/// Moves that are folded at once.
const AT_ONCE: i64 = 2000;

/// So many messages in each state.
pub type Numbers = BTreeMap<State, i64>;

/// A label of messages, a mailbox, a state.
type Place = (String, MailboxId, State);

#[derive(Debug, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::campaign_moves)]
struct Move {
    id: RowId,
    campaign: String,
    mailbox_id: MailboxId,
    from_state: Option<State>,
    to_state: State,
}

/// Notes that a message came from one state into another. A draft counts from when it is handed in; a test of the
/// desk never counts, since the numbers must not give it away.
pub(in crate::domain) fn note(conn: &mut Conn, id: &MessageId, from: State, to: State) -> Result<()> {
    let Some(row) = messages::queries::label_of(conn, id)? else { return Ok(()) };
    if from == to {
        return Ok(());
    }
    let (campaign, mailbox_id) = row;
    let from_state = Some(from).filter(|from| *from != State::Draft);
    Ok(queries::insert_move(conn, Move { id: RowId::new(), campaign, mailbox_id, from_state, to_state: to })?)
}

/// Notes that these messages, which have a label, are about to become sent.
pub(in crate::domain) fn note_sent(conn: &mut Conn, ids: &[&MessageId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let moves = messages::queries::labels_of(conn, ids)?.into_iter().map(|(campaign, mailbox_id, from)| Move {
        id: RowId::new(),
        campaign,
        mailbox_id,
        from_state: Some(from),
        to_state: State::Sent,
    });
    Ok(queries::insert_moves(conn, moves.collect())?)
}

/// The numbers of these labels in the mailboxes within reach; none of a label without messages there.
pub(in crate::domain) fn of_many(conn: &mut Conn, labels: &[&str], reach: &Mailboxes) -> Result<BTreeMap<String, Numbers>> {
    let mut all: BTreeMap<String, Numbers> = BTreeMap::new();
    for row in queries::sums(conn, labels, reach)? {
        let state: State = row.state.parse().map_err(Error::internal)?;
        all.entry(row.campaign).or_default().insert(state, row.total);
    }
    Ok(all)
}

/// Folds some moves into the totals; whether there may be more.
pub fn fold(conn: &mut Conn) -> Result<bool> {
    crate::db::transaction(conn, |conn| {
        let moves = queries::some_moves(conn, AT_ONCE)?;
        let mut change: BTreeMap<Place, i64> = BTreeMap::new();
        for one in &moves {
            if let Some(from) = one.from_state {
                *change.entry((one.campaign.clone(), one.mailbox_id.clone(), from)).or_default() -= 1;
            }
            *change.entry((one.campaign.clone(), one.mailbox_id.clone(), one.to_state)).or_default() += 1;
        }
        queries::delete_moves(conn, moves.iter().map(|one| one.id.clone()).collect())?;
        // In the order of the map, so that two who fold at once wait for each other instead of for ever.
        for (place, by) in change.into_iter().filter(|(_, by)| *by != 0) {
            queries::add(conn, &place, by)?;
        }
        Ok(i64::try_from(moves.len()).unwrap_or(0) == AT_ONCE)
    })
}

/// A number that is not what a recount gives.
#[derive(Debug, Clone, Serialize, QueryableByName)]
pub struct Miscount {
    /// The label.
    #[diesel(sql_type = Text)]
    pub campaign: String,
    /// The mailbox.
    #[diesel(sql_type = Text)]
    pub mailbox_id: String,
    /// The state.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// How many more are on record than there are.
    #[diesel(sql_type = BigInt)]
    pub too_many: i64,
}

/// Counts all messages anew and compares.
pub fn recount(conn: &mut Conn) -> Result<Vec<Miscount>> {
    Ok(queries::differences(conn)?)
}

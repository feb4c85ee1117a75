//! What reports are read from: departures, messages and decisions counted by day, and the days of each week and month added up. Triggers count, in the
//! transaction of each change, so that nothing that changes a row can forget it. On PostgreSQL they add rows, which are folded into the
//! days in the background; every question counts both.

pub(super) mod queries;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::db::Conn;
use crate::domain::error::{Error, Result};
use crate::domain::reports::messages::Ways;
use crate::domain::reports::outcomes::{Outcomes, Standings};

/// Changes that are folded at once.
const AT_ONCE: i64 = 2000;

/// Day, kind, reason, mailed, currency.
type ChurnPlace = (i64, String, String, bool, String);
/// Day, mailbox, campaign.
type MessagePlace = (i64, String, String);
/// Day, mailbox, what, up to.
type DeskPlace = (i64, String, String, i64);
/// Kind, of, day, place, what, word.
type ProgramPlace = (String, String, i64, i64, String, String);
/// Part, day, value, reason, currency.
type PartPlace = (String, i64, String, String, String);

/// Folds some changes into the days; whether there may be more.
pub fn fold(conn: &mut Conn) -> Result<bool> {
    crate::db::transaction(conn, |conn| {
        // Several days are added to one month, in no order that two could share.
        if !queries::fold_alone(conn)? {
            return Ok(false);
        }
        let churn = queries::some_churn_moves(conn, AT_ONCE)?;
        let messages = queries::some_message_moves(conn, AT_ONCE)?;
        let parts = queries::some_part_moves(conn, AT_ONCE)?;
        let programs = queries::some_program_moves(conn, AT_ONCE)?;
        let desk = queries::some_desk_moves(conn, AT_ONCE)?;
        let full = [churn.len(), messages.len(), parts.len(), programs.len(), desk.len()].iter().any(|count| i64::try_from(*count) == Ok(AT_ONCE));
        let mut by_place: BTreeMap<ChurnPlace, Standings> = BTreeMap::new();
        for (_, day, kind, reason, status, mailed, currency, number, minor) in &churn {
            let status = status.parse().map_err(Error::internal)?;
            *by_place.entry((*day, kind.clone(), reason.clone(), *mailed, currency.clone())).or_default() += Standings::of(status, *number, *minor);
        }
        queries::delete_churn_moves(conn, churn.iter().map(|row| row.0).collect())?;
        for (place, standings) in by_place {
            queries::add_churn(conn, &place, &standings)?;
        }
        let mut by_place: BTreeMap<MessagePlace, Ways> = BTreeMap::new();
        for (_, day, mailbox, campaign, state, held, edited, number) in &messages {
            *by_place.entry((*day, mailbox.clone(), campaign.clone())).or_default() += Ways::of_move(state, *held, *edited, *number)?;
        }
        queries::delete_message_moves(conn, messages.iter().map(|row| row.0).collect())?;
        for (place, ways) in by_place {
            queries::add_messages(conn, &place, &ways)?;
        }
        let mut by_place: BTreeMap<DeskPlace, i64> = BTreeMap::new();
        for (_, day, mailbox, what, up_to, number) in &desk {
            *by_place.entry((*day, mailbox.clone(), what.clone(), *up_to)).or_default() += number;
        }
        queries::delete_desk_moves(conn, desk.iter().map(|row| row.0).collect())?;
        for (place, number) in by_place {
            queries::add_desk(conn, &place, number)?;
        }
        let mut by_place: BTreeMap<PartPlace, Outcomes> = BTreeMap::new();
        for (_, part, day, value, reason, outcome, currency, number, minor) in &parts {
            let place = (part.clone(), *day, value.clone(), reason.clone(), currency.clone());
            *by_place.entry(place).or_default() += Outcomes::of(outcome, *number, *minor);
        }
        queries::delete_part_moves(conn, parts.iter().map(|row| row.0).collect())?;
        for (place, outcomes) in by_place {
            queries::add_parts(conn, &place, &outcomes)?;
        }
        let mut by_place: BTreeMap<ProgramPlace, (i64, i64)> = BTreeMap::new();
        for (_, kind, of, day, place, what, word, number, amount) in &programs {
            let sum = by_place.entry((kind.clone(), of.clone(), *day, *place, what.clone(), word.clone())).or_default();
            *sum = (sum.0 + number, sum.1 + amount);
        }
        queries::delete_program_moves(conn, programs.iter().map(|row| row.0).collect())?;
        for (place, (number, amount)) in by_place {
            queries::add_programs(conn, &place, number, amount)?;
        }
        Ok(full)
    })
}

/// A number of a report that a recount does not confirm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miscount {
    /// Which: departures or messages, the day and what they have in common.
    pub of: String,
    /// What is wrong, in a sentence.
    pub problem: String,
}

/// Counts all departures and messages again and compares.
pub fn recount(conn: &mut Conn) -> Result<Vec<Miscount>> {
    let wrong = |noun: &str, row: queries::Difference| Miscount {
        of: format!("{noun} of {}: {}", crate::clock::Time::from_seconds(row.day * 86_400).date(), row.place),
        problem: match (row.number, row.minor) {
            (0, minor) => format!("The sum is {minor} minor units off."),
            (number, 0) => format!("The number is {number} off."),
            (number, minor) => format!("The number is {number} off, the sum {minor} minor units."),
        },
    };
    let mut all: Vec<Miscount> = queries::churn_differences(conn)?.into_iter().map(|row| wrong("departures", row)).collect();
    all.extend(queries::message_differences(conn)?.into_iter().map(|row| wrong("messages", row)));
    all.extend(queries::part_differences(conn)?.into_iter().map(|row| wrong("departures", row)));
    all.extend(queries::program_differences(conn)?.into_iter().map(|row| wrong("programmes", row)));
    all.extend(queries::desk_differences(conn)?.into_iter().map(|row| wrong("review desk", row)));
    for (of, found) in queries::span_differences(conn)? {
        all.extend(found.into_iter().map(|row| wrong(&of, row)));
    }
    Ok(all)
}

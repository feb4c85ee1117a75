//! Whether a letter brought somebody back.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::ChurnEventId;
use crate::text_enum;

use super::{ChurnEvent, get_row, log, queries, rules};

/// Who comes back within so many days of a letter may have come because of it.
pub const WEAK_DAYS: i64 = 14;

text_enum!(
    /// How much speaks for a letter having brought somebody back.
    pub enum Evidence {
        /// They answered a letter or followed a link in it before they came back.
        Strong => "strong",
        /// They came back within 14 days of a letter.
        Weak => "weak",
        /// No letter left, or it left longer ago.
        Organic => "organic",
    }
);

impl Evidence {
    /// The word on a page.
    pub fn label(self) -> &'static str {
        match self {
            Evidence::Strong => "Strong",
            Evidence::Weak => "Weak",
            Evidence::Organic => "Organic",
        }
    }

    /// What it means, in a sentence.
    pub fn explained(self) -> &'static str {
        match self {
            Evidence::Strong => "They answered a letter or followed a link in it, and then came back.",
            Evidence::Weak => "They came back within 14 days of a letter, without an answer or a click.",
            Evidence::Organic => "No letter left for them, or the last one left longer ago.",
        }
    }

    fn of(letter_at: Option<Time>, answered: Option<Time>, clicked: Option<Time>, back: Time) -> Evidence {
        let before = |at: Option<Time>| at.is_some_and(|at| at <= back);
        match letter_at {
            _ if before(answered) || before(clicked) => Evidence::Strong,
            Some(letter) if letter <= back && back <= letter.plus_days(WEAK_DAYS) => Evidence::Weak,
            _ => Evidence::Organic,
        }
    }
}

/// Notes when somebody came back and what speaks for a letter having to do with it.
pub(super) fn note(conn: &mut Conn, event: &ChurnEvent, at: Time) -> Result<Evidence> {
    let evidence = Evidence::of(event.letter_at, event.replied_at, queries::first_click(conn, &event.id)?, at);
    queries::set_recovered(conn, &event.id, at, evidence)?;
    rules::picks::came_back(conn, &event.id, at)?;
    Ok(evidence)
}

/// Notes that they followed a link in the latest letter, as whoever runs the site behind it saw. The first time counts.
pub fn clicked(conn: &mut Conn, actor: &Actor, id: &ChurnEventId, now: Time) -> Result<ChurnEvent> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        let event = get_row(conn, id)?;
        if !queries::set_clicked(conn, id, now)? {
            return Err(Error::conflict("no_letter", "No letter about this departure has left, so nobody can have followed a link in one."));
        }
        log(conn, actor, "churn.clicked", id, json!({"letter_at": event.letter_at}), now)?;
        Ok(event)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Time {
        Time::from_seconds(0).plus_days(day)
    }

    #[test]
    fn an_answer_or_a_click_before_they_came_back_is_strong_and_a_letter_shortly_before_is_weak() {
        let of = |letter: Option<i64>, answered: Option<i64>, clicked: Option<i64>, back: i64| {
            Evidence::of(letter.map(day), answered.map(day), clicked.map(day), day(back))
        };
        assert_eq!(of(None, None, None, 20), Evidence::Organic);
        assert_eq!(of(Some(10), None, None, 20), Evidence::Weak);
        assert_eq!(of(Some(10), None, None, 24), Evidence::Weak, "on the last day");
        assert_eq!(of(Some(10), None, None, 25), Evidence::Organic, "the day after");
        assert_eq!(of(Some(21), None, None, 20), Evidence::Organic, "the letter left after they came back");
        assert_eq!(of(Some(10), Some(12), None, 60), Evidence::Strong);
        assert_eq!(of(Some(10), None, Some(12), 60), Evidence::Strong);
        assert_eq!(of(Some(10), Some(61), None, 60), Evidence::Organic, "the answer came after they came back");
        assert_eq!(of(Some(10), None, Some(21), 20), Evidence::Weak, "the click came after they came back");
    }
}

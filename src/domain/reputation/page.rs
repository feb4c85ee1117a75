//! What the delivery page of a mailbox shows.

use jiff::ToSpan as _;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;
use crate::domain::mailboxes::{self, Mailbox};

use super::plan::{self, Tally};
use super::{Pace, queries};

/// Days that are shown.
pub const DAYS: i64 = 30;

/// What waits, by reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// For what.
    pub what_for: String,
    /// How many messages.
    pub count: i64,
    /// When the first of them has its turn; none where that takes a person.
    pub next: Option<Time>,
}

/// The delivery of a mailbox as it is now.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its pace and how it stands.
    pub pace: Pace,
    /// Messages handed over within the last minute.
    pub last_minute: i64,
    /// And today, in UTC.
    pub today: i64,
    /// What came of the window that rates look back over.
    pub window: Tally,
    /// The numbers of the last thirty days, oldest first, with days without mail.
    pub days: Vec<(jiff::civil::Date, Tally)>,
    /// The ramp of the warm-up; empty where there is none.
    pub curve: Vec<i64>,
    /// Which sending day of the warm-up today is, from 1.
    pub warmup_day: i64,
    /// What it may send today while it warms up.
    pub allowance: Option<i64>,
    /// What waits and why, the most first.
    pub waits: Vec<Waits>,
}

/// The delivery of one mailbox within reach.
pub fn delivery(conn: &mut Conn, actor: &Actor, id: &MailboxId, now: Time) -> Result<Delivery> {
    actor.must_have(Scope::Read)?;
    let mailbox = mailboxes::get(conn, actor, id)?;
    let pace = super::pace(conn, actor, id)?;
    let today = now.date();
    let first = today.checked_sub((DAYS - 1).days()).unwrap_or(today);
    let found = queries::days(conn, std::slice::from_ref(id), &first.to_string())?;
    let of_day = |day: jiff::civil::Date| {
        let name = day.to_string();
        found.iter().find(|(_, day, _)| *day == name).map_or_else(Tally::default, |(_, _, tally)| *tally)
    };
    let days: Vec<_> = first.series(1.day()).take_while(|day| *day <= today).map(|day| (day, of_day(day))).collect();
    let warmup_day = match pace.warmup_since {
        Some(since) => queries::sending_days(conn, id, &since.date().to_string(), &today.to_string())? + 1,
        None => 0,
    };
    let last_minute = i64::try_from(queries::turns(conn, std::slice::from_ref(id), now.plus_seconds(-60))?.len()).unwrap_or(i64::MAX);
    Ok(Delivery {
        last_minute,
        today: of_day(today).sent,
        window: queries::window(conn, id, pace.armed_at, now)?,
        days,
        curve: plan::curve(pace.warmup_first, pace.warmup_percent, pace.warmup_target),
        allowance: plan::allowance(pace.warmup_first, pace.warmup_percent, pace.warmup_target, warmup_day),
        warmup_day,
        waits: waits(conn, &mailbox, &pace, now)?,
        mailbox,
        pace,
    })
}

fn waits(conn: &mut Conn, mailbox: &Mailbox, pace: &Pace, now: Time) -> Result<Vec<Waits>> {
    let mut all: Vec<Waits> = queries::waiting_rows(conn, &mailbox.id, now)?
        .into_iter()
        .map(|(what_for, count, next)| Waits { what_for: what_for.unwrap_or_else(|| "its time".to_owned()), count, next })
        .collect();
    let due = queries::due_rows(conn, &mailbox.id, now)?;
    if due > 0 {
        let (what_for, next) = match (mailbox.stopped_at, &pace.waits_for) {
            (Some(_), _) => ("a person to resume the mailbox".to_owned(), None),
            (None, Some(what_for)) if pace.waits_until > now => (what_for.clone(), Some(pace.waits_until)),
            _ => ("a worker".to_owned(), Some(now)),
        };
        all.insert(0, Waits { what_for, count: due, next });
    }
    Ok(all)
}

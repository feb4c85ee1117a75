//! What an allow-list lets out: of what was held, how much goes to its recipients, and what people did with it.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::{AllowedId, MailboxId};
use crate::domain::mailboxes::backtest;
use crate::domain::reports::period::Period;

/// Days that are looked back.
const DAYS: i64 = backtest::USUAL_DAYS;

/// What was held that goes to the recipients of one entry, or to any of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Messages of machines to them that were held.
    pub held: i64,
    /// Those that people changed, rejected or sent back.
    pub changed: i64,
}

impl Coverage {
    /// What they come to, in words.
    pub fn in_words(&self) -> String {
        match (self.held, self.changed) {
            (0, _) => format!("Nothing that was held in {DAYS} days goes there."),
            (held, 0) => format!("{held} held in {DAYS} days; people let out what they decided as it was."),
            (held, changed) => format!("{held} held in {DAYS} days; people changed or refused {changed} of them."),
        }
    }
}

/// What the list of a mailbox covers: of each entry, of all of them together, and of everything that was held.
#[derive(Debug, Clone, Default)]
pub struct Covered {
    /// By entry.
    pub entries: Vec<(AllowedId, Coverage)>,
    /// All of them, each message once.
    pub together: Coverage,
    /// Everything of machines that the mailbox held.
    pub all: i64,
}

impl Covered {
    /// What one entry covers.
    pub fn of(&self, id: &AllowedId) -> Coverage {
        self.entries.iter().find(|(of, _)| of == id).map(|(_, coverage)| coverage.clone()).unwrap_or_default()
    }

    /// How much of what was held the list covers, in words.
    pub fn in_words(&self) -> String {
        match self.all {
            0 => format!("Nothing that machines wrote was held in {DAYS} days."),
            all => format!("Of {all} messages of machines held in {DAYS} days, {} go to recipients on this list.", self.together.held),
        }
    }
}

/// What the list of a mailbox covers of the last 90 days.
pub fn coverage(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, now: Time) -> Result<Covered> {
    let period = Period::last(DAYS, now);
    let mut covered = Covered { all: backtest::held_of_machines(conn, mailbox, period)?, ..Covered::default() };
    for row in super::list(conn, actor, mailbox)? {
        covered.entries.push((row.id, Coverage::default()));
    }
    for (entries, changed, number) in backtest::by_recipient(conn, mailbox, period)? {
        let note = |coverage: &mut Coverage| {
            coverage.held += number;
            coverage.changed += if changed { number } else { 0 };
        };
        note(&mut covered.together);
        for (id, coverage) in &mut covered.entries {
            if entries.contains(id) {
                note(coverage);
            }
        }
    }
    Ok(covered)
}

//! What a looser mode would have let out unread: held messages of a period, and what people did with them.

mod queries;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{AllowedId, MailboxId, MessageId};
use crate::domain::messages::oversight;
use crate::domain::reports::period::Period;
use crate::domain::vigilance::numbers::Share;

use super::{Mailbox, Mode};

/// The periods that can be looked back at, in days.
pub const MOST_DAYS: i64 = 365;
/// Days looked back where none are named.
pub const USUAL_DAYS: i64 = 90;
/// The share of messages that people change or refuse, in percent, above which no looser mode is recommended.
pub const TOLERATED_PERCENT: usize = 2;
/// Messages that are named.
const NAMED: i64 = 50;

/// A message that people did not let out as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// Which.
    pub id: MessageId,
    /// Its subject: text from outside.
    pub subject: String,
    /// What people did: edited, rejected or sent back.
    pub done: &'static str,
    /// Why it was rejected, where somebody said.
    pub reason: Option<String>,
    /// When it was handed in.
    pub submitted_at: Time,
}

/// What a mode would have let out.
#[derive(Debug, Clone)]
pub struct Backtest {
    /// The mode.
    pub mode: Mode,
    /// The days in which the messages were handed in.
    pub period: Period,
    /// Held messages that the mode would have let out, at most: some of them might have been held for another reason.
    pub unreviewed: i64,
    /// Those of them that people approved as they were.
    pub as_written: i64,
    /// Those that people changed.
    pub edited: i64,
    /// Those that people rejected.
    pub rejected: i64,
    /// Those that people sent back for changes and that did not end otherwise.
    pub sent_back: i64,
    /// Those that nobody decided, or that were taken back.
    pub undecided: i64,
    /// The latest that people did not let out as they were.
    pub caught: Vec<Caught>,
}

impl Backtest {
    /// The decided messages that people did not let out as they were.
    pub fn stopped(&self) -> Share {
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        let part = size(self.edited + self.rejected + self.sent_back);
        Share { part, of: part + size(self.as_written) }
    }

    /// Whether the record speaks for the mode: none where there are too few decisions to say.
    pub fn recommended(&self) -> Option<bool> {
        self.stopped().interval().map(|(_, high)| high <= TOLERATED_PERCENT)
    }

    /// What would have happened, in a sentence.
    pub fn in_words(&self) -> String {
        if self.unreviewed == 0 {
            return format!("Under “{}” nothing of what was held would have gone out unreviewed.", self.mode.label());
        }
        let back = if self.sent_back > 0 { format!(", sent back {}", self.sent_back) } else { String::new() };
        format!(
            "Under “{}”, {} would have gone unreviewed, of which people edited {}, rejected {}{back}.",
            self.mode.label(),
            self.unreviewed,
            self.edited,
            self.rejected
        )
    }

    /// What is recommended and why, in a sentence.
    pub fn advice(&self) -> String {
        let share = self.stopped();
        let Some((low, high)) = share.interval() else {
            return format!("Too few were decided to recommend anything: {}.", share.of);
        };
        let found =
            format!("Of {} decided, people did not let out {} as they were: with 95 % certainty between {low} % and {high} %.", share.of, share.part);
        if high <= TOLERATED_PERCENT {
            format!("{found} The record speaks for “{}”.", self.mode.label())
        } else {
            format!("{found} Stay with the present mode until the upper end is at most {TOLERATED_PERCENT} %.")
        }
    }
}

/// What this mode would have let out of what a mailbox held in the last so many days.
pub fn backtest(conn: &mut Conn, actor: &Actor, id: &MailboxId, mode: Mode, days: i64, now: Time) -> Result<Backtest> {
    actor.must_manage_or_have(Scope::OversightRead)?;
    let mailbox = super::get(conn, actor, id)?;
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Error::invalid("field_invalid", "days", format!("days must be 1 to {MOST_DAYS}; got {days}.")));
    }
    let looser = looser_than(mailbox.mode);
    if !looser.contains(&mode) {
        let said = if looser.is_empty() { "there is no looser one".to_owned() } else { format!("looser are {}", words(&looser)) };
        return Err(Error::invalid("field_invalid", "mode", format!("mode must be looser than {}; {said}.", mailbox.mode)));
    }
    of(conn, &mailbox, mode, Period::last(days, now))
}

/// The same for every looser mode that would let out something else than the one before it.
pub fn of_looser(conn: &mut Conn, actor: &Actor, mailbox: &Mailbox, now: Time) -> Result<Vec<Backtest>> {
    actor.must_manage_or_have(Scope::OversightRead)?;
    let period = Period::last(USUAL_DAYS, now);
    // Monitored and autonomous let out the same; they differ in what is told and in the time to stop it.
    let modes = looser_than(mailbox.mode).into_iter().filter(|mode| matches!(mode, Mode::GatedSend | Mode::Monitored));
    modes.map(|mode| of(conn, mailbox, mode, period)).collect()
}

/// How many messages of machines a mailbox held in a period because of who wrote them.
pub(in crate::domain) fn held_of_machines(conn: &mut Conn, id: &MailboxId, period: Period) -> Result<i64> {
    let sums = queries::sums(conn, id, &oversight::let_out_by(Mode::Monitored), Mode::Monitored, period)?;
    Ok(sums.iter().map(|row| row.number).sum())
}

/// Those of them that go to recipients on its allow-list: on which entries, whether people did not let them out as they were, how many.
pub(in crate::domain) fn by_recipient(conn: &mut Conn, id: &MailboxId, period: Period) -> Result<Vec<(Vec<AllowedId>, bool, i64)>> {
    let rows = queries::by_recipient(conn, id, &oversight::let_out_by(Mode::Monitored), period)?;
    let found = rows.into_iter().map(|row| {
        let entries = row.entries.split(',').map(AllowedId::from).collect();
        (entries, matches!(row.done.as_str(), "edited" | "rejected" | "sent_back"), row.number)
    });
    Ok(found.collect())
}

fn looser_than(mode: Mode) -> Vec<Mode> {
    let at = Mode::ALL.iter().position(|one| *one == mode).unwrap_or(Mode::ALL.len());
    // What a mailbox that sends nothing would have sent nobody knows.
    if mode == Mode::ReadOnly { vec![] } else { Mode::ALL[at + 1..].to_vec() }
}

fn words(modes: &[Mode]) -> String {
    modes.iter().map(|mode| mode.as_str()).collect::<Vec<_>>().join(", ")
}

fn of(conn: &mut Conn, mailbox: &Mailbox, mode: Mode, period: Period) -> Result<Backtest> {
    let reasons = oversight::let_out_by(mode);
    let sums = queries::sums(conn, &mailbox.id, &reasons, mode, period)?;
    let of = |done: &str| sums.iter().filter(|row| row.done == done).map(|row| row.number).sum::<i64>();
    Ok(Backtest {
        mode,
        period,
        unreviewed: sums.iter().map(|row| row.number).sum(),
        as_written: of("as_written"),
        edited: of("edited"),
        rejected: of("rejected"),
        sent_back: of("sent_back"),
        undecided: of("undecided"),
        caught: queries::caught(conn, &mailbox.id, &reasons, mode, period, NAMED)?,
    })
}

//! How closely a team reads: numbers by mailbox and period, and tests that nobody announces.

pub mod mistakes;
pub mod numbers;
pub mod planting;
mod queries;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MailboxId;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::reports::desk;
use crate::domain::reports::period::Period;

use numbers::{Bar, Share, Spread, bars};

pub use planting::{Verdict, verdict_of};

/// The periods there are, in days.
pub const PERIODS: &[i64] = &[7, 30, 90];

/// Decided faster than this, in milliseconds, hardly anything was read.
pub const HASTY_MS: i64 = 3_000;

/// Why there are no numbers of single people.
pub const WHY_TEAMS: &str =
    "Numbers are by team, a mailbox with its reviewers, and never by person: whoever is ranked by speed learns to click and not to read.";

/// What each number means, as the page and the API say it.
pub const DEFINITIONS: &[(&str, &str)] = &[
    ("Days", "Whole days in UTC, today among them."),
    ("Decisions", "Approvals, rejections and requests for changes, by people and keys; tests are not among them."),
    (
        "Reading time",
        "From the first showing of the decided version to the decision, or the time its page was visible where that is shorter, at most 30 minutes; keys have none. What is said of it and of the wait are bounds that the times did not pass.",
    ),
    ("Under 3 seconds", "The share of decisions with a reading time that took less than 3 seconds."),
    ("Edited", "The share of approved messages that a person edited between submission and approval."),
    ("Agreement", "The share of decisions on messages that a machine wrote which approved them with no edit by a person."),
    ("Override", "The other decisions on such messages: edited by a person and approved, sent back for changes, or rejected."),
    ("Waivers", "Claims that rested on no recorded fact and were let stand with a reason."),
    ("Wait", "From submission to the first decision on a message."),
    ("Stopped after approval", "Approved or cleared messages that were stopped before they left."),
    (
        "Caught",
        "The share of decided tests that were sent back, or approved with their mistake taken out; tests that ran out count for neither side.",
    ),
];

/// The numbers of one team in one period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// How many were decided.
    pub decisions: usize,
    /// How long they were read.
    pub dwell: Spread,
    /// Those that were hardly read.
    pub hasty: Share,
    /// Approved messages that a person edited.
    pub edited: Share,
    /// Machine-written ones that were approved as written.
    pub agreed: Share,
    /// Machine-written ones that were not.
    pub overridden: Share,
    /// Claims let stand.
    pub waivers: usize,
    /// From submission to the first decision.
    pub wait: Spread,
    /// Stopped after approval.
    pub stopped: usize,
    /// Tests whose mistake was caught, of those decided.
    pub caught: Share,
    /// Tests that nobody decided.
    pub lapsed: usize,
    /// How often reading took how long.
    pub bars: Vec<Bar>,
}

/// A reason given for rejecting.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// The words.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// A mailbox with its reviewers.
#[derive(Debug, Clone)]
pub struct Team {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// The period.
    pub now: Numbers,
    /// The period before it, of the same length.
    pub before: Numbers,
    /// How long its oldest message waits, in milliseconds.
    pub oldest_pending: Option<i64>,
    /// The latest reasons for rejecting.
    pub reasons: Vec<Reason>,
}

impl Team {
    /// Whether nothing happened here in either period.
    pub fn is_idle(&self) -> bool {
        self.now.is_none() && self.before.is_none()
    }

    /// Whether nothing waits either.
    pub fn is_quiet(&self) -> bool {
        self.is_idle() && self.oldest_pending.is_none()
    }
}

/// The report.
#[derive(Debug, Clone)]
pub struct Report {
    /// The length of the period in days.
    pub days: i64,
    /// Where it starts.
    pub from: Time,
    /// Where it ends.
    pub to: Time,
    /// The teams, by address.
    pub teams: Vec<Team>,
}

/// The numbers of the mailboxes within reach, or of one, for managers and keys that watch.
pub fn report(conn: &mut Conn, actor: &Actor, mailbox: Option<&str>, days: i64, now: Time) -> Result<Report> {
    actor.must_manage_or_have(Scope::OversightRead)?;
    if !PERIODS.contains(&days) {
        return Err(Error::invalid("field_invalid", "days", format!("days must be one of 7, 30, 90; got {days}.")));
    }
    let mailboxes = match mailbox {
        Some(named) => vec![mailboxes::resolve(conn, actor, Some(named))?],
        None => mailboxes::list(conn, actor)?,
    };
    let period = Period::last(days, now);
    let mut found = desk::counted(conn, period)?;
    let mut teams = vec![];
    for mailbox in mailboxes {
        let (current, earlier) = found.remove(mailbox.id.as_str()).unwrap_or_default();
        teams.push(Team {
            now: Numbers::of(&current),
            before: Numbers::of(&earlier),
            oldest_pending: oldest_pending(conn, &mailbox.id, now)?,
            reasons: desk::rejections(conn, &mailbox.id, &current, period)?
                .into_iter()
                .map(|one| Reason { reason: one.reason, at: one.at })
                .collect(),
            mailbox,
        });
    }
    Ok(Report { days, from: period.start(), to: now, teams })
}

/// How long the oldest message of a mailbox waits, in milliseconds.
pub(super) fn oldest_pending(conn: &mut Conn, mailbox: &MailboxId, now: Time) -> Result<Option<i64>> {
    Ok(queries::oldest_pending(conn, mailbox)?.map(|at| (now.micros() - at.micros()).max(0) / 1000))
}

impl Numbers {
    fn of(counted: &desk::Numbers) -> Numbers {
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        let hasty: i64 = counted.readings.range(..HASTY_MS).map(|(_, number)| number).sum();
        let dwell = Spread::by_bound(&counted.readings, 1);
        Numbers {
            decisions: size(counted.decisions),
            dwell,
            hasty: Share { part: size(hasty), of: dwell.measured },
            edited: counted.edited,
            agreed: counted.agreed,
            overridden: Share { part: counted.agreed.of.saturating_sub(counted.agreed.part), of: counted.agreed.of },
            waivers: size(counted.waivers),
            wait: counted.wait(),
            stopped: size(counted.stopped),
            caught: counted.caught,
            lapsed: size(counted.lapsed),
            bars: bars(&counted.readings),
        }
    }

    fn is_none(&self) -> bool {
        *self == Numbers::of(&desk::Numbers::default())
    }

    fn json(&self) -> Value {
        let interval = self.caught.interval().map(|(low, high)| json!([low, high]));
        json!({
            "decisions": self.decisions,
            "reading_time": self.dwell.json(),
            "under_3_seconds": self.hasty.json(),
            "edited": self.edited.json(),
            "agreement": self.agreed.json(),
            "override": self.overridden.json(),
            "waivers": self.waivers,
            "wait": self.wait.json(),
            "stopped_after_approval": self.stopped,
            "caught": self.caught.json(),
            "caught_interval_95": interval,
            "tests_lapsed": self.lapsed,
            "reading_times": self.bars,
        })
    }
}

impl Report {
    /// The report as the API gives it, with what each number means.
    pub fn json(&self) -> Value {
        let teams: Vec<Value> = self
            .teams
            .iter()
            .map(|team| {
                json!({
                    "mailbox_id": team.mailbox.id,
                    "mailbox": team.mailbox.address,
                    "period": team.now.json(),
                    "period_before": team.before.json(),
                    "oldest_pending_seconds": team.oldest_pending.map(|ms| ms / 1000),
                    "reject_reasons": team.reasons,
                })
            })
            .collect();
        let definitions: serde_json::Map<String, Value> = DEFINITIONS.iter().map(|(name, meaning)| ((*name).to_owned(), json!(meaning))).collect();
        json!({
            "days": self.days,
            "from": self.from,
            "to": self.to,
            // From when rows were read for it: nothing is left out any more.
            "cut_at_rows": null,
            "teams": teams,
            "definitions": definitions,
            "fewest_for_a_rate": numbers::FEWEST,
            "why_teams": WHY_TEAMS,
        })
    }
}

//! How closely a team reads: numbers by mailbox and period, and tests that nobody announces.

pub mod mistakes;
pub mod numbers;
pub mod planting;
mod queries;

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::{DecisionKind, Origin};

use numbers::{Bar, Share, Spread, bars};
use planting::Outcome;
use queries::Decided;

pub use planting::{Verdict, verdict_of};
pub use queries::MOST_ROWS;

/// The periods there are, in days.
pub const PERIODS: &[i64] = &[7, 30, 90];

/// Decided faster than this, in milliseconds, hardly anything was read.
pub const HASTY_MS: i64 = 3_000;

const MOST_REASONS: i64 = 20;

/// Why there are no numbers of single people.
pub const WHY_TEAMS: &str =
    "Numbers are by team, a mailbox with its reviewers, and never by person: whoever is ranked by speed learns to click and not to read.";

/// What each number means, as the page and the API say it.
pub const DEFINITIONS: &[(&str, &str)] = &[
    ("Decisions", "Approvals, rejections and requests for changes, by people and keys; tests are not among them."),
    (
        "Reading time",
        "From the first showing of the decided version to the decision, or the time its page was visible where that is shorter, at most 30 minutes; keys have none.",
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
        self.now == Numbers::none() && self.before == Numbers::none()
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
    /// Whether more happened than was read.
    pub is_cut: bool,
    /// The teams, by address.
    pub teams: Vec<Team>,
}

/// The numbers of the mailboxes within reach, or of one, for managers and keys that watch.
pub fn report(conn: &mut Conn, actor: &Actor, mailbox: Option<&str>, days: i64, now: Time) -> Result<Report> {
    actor.must_manage_or_have(Scope::OversightRead)?;
    if !PERIODS.contains(&days) {
        return Err(Error::invalid("field_invalid", "days", format!("days must be one of 7, 30, 90; got {days}.")));
    }
    between(conn, actor, mailbox, (now.plus_days(-2 * days), now.plus_days(-days), now), now)
}

/// The same for a period of any length: where the one before it begins, where it begins itself, and where it ends.
pub fn between(conn: &mut Conn, actor: &Actor, mailbox: Option<&str>, (start, middle, end): (Time, Time, Time), now: Time) -> Result<Report> {
    actor.must_manage_or_have(Scope::OversightRead)?;
    let days = end.seconds_since(middle) / 86_400;
    let mailboxes = match mailbox {
        Some(named) => vec![mailboxes::resolve(conn, actor, Some(named))?],
        None => mailboxes::list(conn, actor)?,
    };
    let reach: Vec<MailboxId> = mailboxes.iter().map(|mailbox| mailbox.id.clone()).collect();
    let read = Read::all(conn, &reach, start, end)?;
    let is_cut = read.is_cut();
    let (mut current, mut earlier) = (read.numbers(middle, end), read.numbers(start, middle));
    let mut teams = vec![];
    for mailbox in mailboxes {
        let oldest_pending = oldest_pending(conn, &mailbox.id, now)?;
        let numbers = |of: &mut HashMap<MailboxId, Numbers>| of.remove(&mailbox.id).unwrap_or_else(Numbers::none);
        let (current, earlier) = (numbers(&mut current), numbers(&mut earlier));
        let reasons = match current.decisions {
            0 => vec![],
            _ => queries::reasons(conn, &mailbox.id, middle, end, MOST_REASONS)?,
        };
        teams.push(Team {
            now: current,
            before: earlier,
            oldest_pending,
            reasons: reasons.into_iter().filter_map(|(reason, at)| Some(Reason { reason: reason?, at })).collect(),
            mailbox,
        });
    }
    Ok(Report { days, from: middle, to: end, is_cut, teams })
}

/// How long the oldest message of a mailbox waits, in milliseconds.
pub(super) fn oldest_pending(conn: &mut Conn, mailbox: &MailboxId, now: Time) -> Result<Option<i64>> {
    Ok(queries::oldest_pending(conn, mailbox)?.map(|at| (now.micros() - at.micros()).max(0) / 1000))
}

/// The rows of both periods.
struct Read {
    decided: Vec<Decided>,
    versions: Vec<(MessageId, i32, String, String)>,
    waivers: Vec<(MailboxId, Time)>,
    stopped: Vec<(Option<String>, Time)>,
    tests: Vec<(MailboxId, Outcome, Time)>,
}

impl Read {
    fn all(conn: &mut Conn, reach: &[MailboxId], from: Time, to: Time) -> Result<Read> {
        Ok(Read {
            decided: queries::decided(conn, reach, from, to)?,
            versions: queries::versions(conn, reach, from, to)?,
            waivers: queries::waivers(conn, reach, from, to)?,
            stopped: queries::stopped(conn, from, to)?,
            tests: queries::ended_tests(conn, from, to)?,
        })
    }

    fn is_cut(&self) -> bool {
        let most = usize::try_from(MOST_ROWS).unwrap_or(usize::MAX);
        [self.decided.len(), self.versions.len(), self.waivers.len(), self.stopped.len(), self.tests.len()].iter().any(|count| *count >= most)
    }

    /// The first version of each message that a person changed. A version with the words of the
    /// one before was made when an approval was void: nobody edited it.
    fn edits(&self) -> HashMap<&MessageId, i32> {
        let mut first = HashMap::new();
        for pair in self.versions.windows(2) {
            let ((before_id, _, before_hash, _), (id, version, hash, editor)) = (&pair[0], &pair[1]);
            if before_id == id && before_hash != hash && editor == "user" {
                first.entry(id).or_insert(*version);
            }
        }
        first
    }

    fn numbers(&self, from: Time, to: Time) -> HashMap<MailboxId, Numbers> {
        let within = |at: &Time| from <= *at && *at < to;
        let edits = self.edits();
        let mut rows: HashMap<&MailboxId, Vec<&Decided>> = HashMap::new();
        for row in self.decided.iter().filter(|row| within(&row.created_at)) {
            rows.entry(&row.mailbox_id).or_default().push(row);
        }
        let mut all: HashMap<MailboxId, Numbers> = rows.into_iter().map(|(id, rows)| (id.clone(), of_decisions(&rows, &edits))).collect();
        let mut of = |id: &MailboxId, count: &mut dyn FnMut(&mut Numbers)| {
            count(all.entry(id.clone()).or_insert_with(Numbers::none));
        };
        for (mailbox, _) in self.waivers.iter().filter(|(_, at)| within(at)) {
            of(mailbox, &mut |numbers| numbers.waivers += 1);
        }
        for (mailbox, _) in self.stopped.iter().filter(|(_, at)| within(at)) {
            if let Some(mailbox) = mailbox {
                of(&MailboxId::from(mailbox.as_str()), &mut |numbers| numbers.stopped += 1);
            }
        }
        for (mailbox, outcome, _) in self.tests.iter().filter(|(_, _, at)| within(at)) {
            of(mailbox, &mut |numbers| match outcome {
                Outcome::Caught => numbers.caught = Share { part: numbers.caught.part + 1, of: numbers.caught.of + 1 },
                Outcome::Missed => numbers.caught.of += 1,
                Outcome::Lapsed | Outcome::Open => numbers.lapsed += 1,
            });
        }
        all
    }
}

fn of_decisions(rows: &[&Decided], edits: &HashMap<&MessageId, i32>) -> Numbers {
    let dwell: Vec<i64> = rows.iter().filter_map(|row| row.dwell_ms).collect();
    let edited = |row: &Decided| edits.get(&row.message_id).is_some_and(|version| *version <= row.version);
    let approved = |row: &Decided| row.kind == DecisionKind::Approve;
    let by_machine = || rows.iter().filter(|row| row.origin != Origin::Person);
    // A message whose approval was void and that is approved again is one message.
    let mut seen: HashSet<&MessageId> = HashSet::new();
    let approvals: Vec<&&Decided> = rows.iter().filter(|row| approved(row) && seen.insert(&row.message_id)).collect();
    let waits =
        rows.iter().filter(|row| !row.decided_before).filter_map(|row| Some((row.created_at.micros() - row.submitted_at?.micros()).max(0) / 1000));
    Numbers {
        decisions: rows.len(),
        dwell: Spread::of(dwell.clone()),
        hasty: Share::count(&dwell, |ms| **ms < HASTY_MS),
        edited: Share::count(approvals, |row| edited(row)),
        agreed: Share::count(by_machine(), |row| approved(row) && !edited(row)),
        overridden: Share::count(by_machine(), |row| !approved(row) || edited(row)),
        wait: Spread::of(waits.collect()),
        bars: bars(&dwell),
        ..Numbers::default()
    }
}

impl Numbers {
    /// Those of a team that did nothing.
    fn none() -> Numbers {
        Numbers { bars: bars(&[]), ..Numbers::default() }
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
            "cut_at_rows": self.is_cut.then_some(MOST_ROWS),
            "teams": teams,
            "definitions": definitions,
            "fewest_for_a_rate": numbers::FEWEST,
            "why_teams": WHY_TEAMS,
        })
    }
}

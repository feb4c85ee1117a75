//! What somebody should know when they come in: what waits for them, what goes out, what is stopped, what money is at stake,
//! and what needs attention. Numbers are within reach of who asks, and counted up to a limit where there may be very many.

pub mod guide;
mod queries;

use jiff::ToSpan;
use serde::Serialize;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Mailboxes, Role, Scope};
use crate::domain::controls::holding;
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, UserId};
use crate::domain::mailboxes;
use crate::domain::mailboxes::stops::{self, Held};
use crate::domain::messages::State;
use crate::domain::messages::list::{self, Assignee, Filter};
use crate::domain::money::Money;
use crate::domain::outbox::uncertain;
use crate::domain::reports;
use crate::domain::reports::period::Period;
use crate::text_enum;

/// The most that is counted of a kind; more are said to be more.
pub const MOST: usize = 100;
/// The most that is counted of what leaves a mailbox.
const MOST_LEAVING: i64 = 10_000;
/// Days of the numbers about money.
pub const DAYS: i64 = 30;
/// Days in which something failed or lapsed that needs attention.
const RECENT_DAYS: i64 = 7;
/// Days before the end of a key in which it needs attention.
const KEY_DAYS: i64 = 14;

text_enum!(
    /// Under which heading a line stands.
    pub enum Group {
        /// What waits for whoever looks.
        Waits => "waits",
        /// What leaves within a day.
        Leaves => "leaves",
        /// What is held back.
        Stopped => "stopped",
        /// What needs attention.
        Attention => "attention",
    }
);

impl Group {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Group::Waits => "Waits for you",
            Group::Leaves => "Leaves within 24 hours",
            Group::Stopped => "Stopped",
            Group::Attention => "Needs attention",
        }
    }
}

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its heading.
    pub group: Group,
    /// A word for programs, such as `pending` or `paused`.
    pub kind: &'static str,
    /// How many, where that is a number; at most the limit of what is counted.
    pub count: Option<i64>,
    /// In words.
    pub text: String,
    /// The page with the rows.
    pub path: String,
    /// Whether it should be looked at first.
    pub pressing: bool,
}

/// What money is at stake. Monthly revenue, by currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtStake {
    /// The last 90 days, as a page asks for them: `from=2026-01-01&until=2026-03-31`.
    pub quarter: String,
    /// The last 30 days, as a page asks for them.
    pub month: String,
    /// Of those who left in the last 90 days and are neither back nor lost.
    pub at_risk: Vec<Money>,
    /// How many they are.
    pub at_risk_count: i64,
    /// Of those who came back in the last 30 days.
    pub recovered: Vec<Money>,
    /// The same in the 30 days before.
    pub recovered_before: Vec<Money>,
    /// Of those who left in the last 30 days and did not come back.
    pub lost: Vec<Money>,
}

/// The overview.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The lines, by heading.
    pub lines: Vec<Line>,
    /// What money is at stake.
    pub money: AtStake,
    /// What is said under a heading without lines.
    quiet: Vec<(Group, String)>,
}

impl Overview {
    /// What is said under a heading without lines.
    pub fn nothing(&self, group: &Group) -> &str {
        self.quiet.iter().find(|(of, _)| of == group).map_or("", |(_, words)| words)
    }

    /// The lines under a heading.
    pub fn of(&self, group: &Group) -> Vec<&Line> {
        self.lines.iter().filter(|line| line.group == *group).collect()
    }
}

/// What this actor should know.
pub fn overview(conn: &mut Conn, actor: &Actor, now: Time) -> Result<Overview> {
    actor.must_have(Scope::Read)?;
    let mut lines = waits(conn, actor, now)?;
    lines.extend(leaves(conn, actor, now)?);
    lines.extend(stopped(conn, actor)?);
    lines.extend(attention(conn, actor, now)?);
    let empty = Group::ALL.iter().filter(|group| !lines.iter().any(|line| line.group == **group));
    let quiet = empty.map(|group| Ok((*group, nothing(conn, actor, *group, now)?))).collect::<Result<_>>()?;
    Ok(Overview { lines, money: at_stake(conn, actor, now)?, quiet })
}

/// What is said of a heading where there is nothing: that, and what is true and of use to whoever looks.
fn nothing(conn: &mut Conn, actor: &Actor, group: Group, now: Time) -> Result<String> {
    let role = match actor {
        Actor::User { role, .. } => *role,
        _ => return Ok(String::new()),
    };
    let week = Period { from: now.date().saturating_sub((RECENT_DAYS - 1).days()), until: now.date() };
    Ok(match group {
        Group::Waits if matches!(actor.mailboxes(), Mailboxes::These(reached) if reached.is_empty()) => {
            "You belong to no mailbox yet, so nothing can wait for you. An administrator makes you a member of one under Users.".to_owned()
        }
        Group::Waits => {
            let decided = queries::decided(conn, actor.id(), now.plus_days(-RECENT_DAYS), MOST)?;
            format!("Nothing waits for a decision of yours. You decided {} in the last {RECENT_DAYS} days.", said(decided, "message", "messages"))
        }
        Group::Leaves => {
            let sent = usize::try_from(reports::messages::all(conn, actor, week)?.sent).unwrap_or(0);
            let verb = if sent == 1 { "was" } else { "were" };
            format!("Nothing leaves in the next 24 hours. {} of the last {RECENT_DAYS} days {verb} sent.", all(sent, "message", "messages"))
        }
        Group::Stopped if role == Role::Reviewer => "Nothing is stopped. Managers and administrators stop sending, on every page.".to_owned(),
        Group::Stopped => "Nothing is stopped. You can stop a mailbox on its page, and all sending at the foot of the menu.".to_owned(),
        Group::Attention => {
            let more = match role {
                Role::Reviewer => "",
                Role::Manager => ", and requests about personal data",
                Role::Admin => ", requests about personal data, steps to looser modes, keys that end and webhooks that were switched off",
            };
            format!("Nothing needs attention. Looked at: unanswered, refused and lapsed messages, how mail is received, DNS{more}.")
        }
    })
}

/// "1 message", "120 messages".
fn all(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// "1 message", "12 messages", "100 or more messages".
fn said(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        MOST.. => format!("{MOST} or more {many}"),
        count => format!("{count} {many}"),
    }
}

fn number(count: usize) -> Option<i64> {
    i64::try_from(count).ok()
}

fn waits(conn: &mut Conn, actor: &Actor, now: Time) -> Result<Vec<Line>> {
    let held = |filter: Filter| Filter { states: vec![State::Pending], limit: MOST, ..filter };
    let mut lines = vec![];
    let mut add = |conn: &mut Conn, kind, filter: Filter, words: (&str, &str, &str), path: &str, pressing: bool| -> Result<()> {
        let count = list::list(conn, actor, &filter)?.0.len();
        if count > 0 {
            let text = format!("{} {}", said(count, words.0, words.1), words.2);
            lines.push(Line { group: Group::Waits, kind, count: number(count), text, path: path.to_owned(), pressing });
        }
        Ok(())
    };
    let soon = held(Filter { expires_before: Some(now.plus_seconds(86_400)), ..Filter::default() });
    add(conn, "expiring", soon, ("message", "messages", "will lapse within 24 hours without a decision"), "/queue?expiring=24", true)?;
    if let Actor::User { id, .. } = actor {
        let mine = held(Filter { assignee: Some(Assignee::User(UserId::from(id.as_str()))), ..Filter::default() });
        add(conn, "assigned", mine, ("message", "messages", "assigned to you"), "/queue?assignee=me", false)?;
        let back = Filter { states: vec![State::ChangesRequested], own: true, limit: MOST, ..Filter::default() };
        add(conn, "sent_back", back, ("message", "messages", "of yours sent back for changes"), "/messages?state=changes_requested", false)?;
    }
    add(conn, "pending", held(Filter::default()), ("message", "messages", "for review"), "/queue", false)?;
    Ok(lines)
}

fn leaves(conn: &mut Conn, actor: &Actor, now: Time) -> Result<Vec<Line>> {
    let mut lines = vec![];
    for mailbox in mailboxes::list(conn, actor)? {
        let count = queries::leaving(conn, &mailbox.id, now.plus_seconds(86_400), MOST_LEAVING)?;
        if count > 0 {
            let more = if count >= MOST_LEAVING { " or more" } else { "" };
            let noun = if count == 1 { "message" } else { "messages" };
            let text = format!("{count}{more} {noun} from {}", mailbox.address);
            lines.push(Line {
                group: Group::Leaves,
                kind: "leaving",
                count: Some(count),
                text,
                path: format!("/mailboxes/{}/delivery", mailbox.id),
                pressing: false,
            });
        }
    }
    Ok(lines)
}

fn stopped(conn: &mut Conn, actor: &Actor) -> Result<Vec<Line>> {
    let mut lines = vec![];
    let mut add = |kind, text: String, path: String| lines.push(Line { group: Group::Stopped, kind, count: None, text, path, pressing: true });
    for stop in stops::in_force(conn, actor)? {
        let (kind, what) = match &stop.held {
            Held::All => ("all", "All sending".to_owned()),
            Held::Restored => ("restored", "All sending, until an administrator confirms the database".to_owned()),
            Held::Mailbox(_, address) => ("mailbox", address.clone()),
        };
        add(kind, format!("{what}, by {}: {}", stop.by, stop.reason), "/sending".to_owned());
    }
    for (name, by) in queries::stopped_campaigns(conn, MOST as i64)? {
        let path = url::form_urlencoded::Serializer::new(String::new()).append_pair("campaign", &name).finish();
        add("campaign", format!("The campaign {name}, by {by}"), format!("/messages?{path}"));
    }
    Ok(lines)
}

fn attention(conn: &mut Conn, actor: &Actor, now: Time) -> Result<Vec<Line>> {
    let mut lines = vec![];
    let mut add = |kind, count: Option<i64>, text: String, path: String, pressing| {
        lines.push(Line { group: Group::Attention, kind, count, text, path, pressing })
    };
    let boxes = mailboxes::list(conn, actor)?;
    let address = |id: &MailboxId| boxes.iter().find(|mailbox| mailbox.id == *id).map(|mailbox| mailbox.address.clone());
    let count = uncertain::count(conn, actor)?;
    if count > 0 {
        let text = if count == 1 {
            "1 message was handed over and never answered for".to_owned()
        } else {
            format!("{count} messages were handed over and never answered for")
        };
        add("uncertain", Some(count), text, "/uncertain".to_owned(), true);
    }
    for (id, health, because) in queries::uneasy(conn)? {
        if let Some(address) = address(&id) {
            let because = because.map(|because| format!(": {because}")).unwrap_or_default();
            add("reputation", None, format!("{address} is {health}{because}"), format!("/mailboxes/{id}/delivery"), health == "paused");
        }
    }
    let badly = queries::unaligned_domains(conn)?;
    for mailbox in boxes.iter().filter(|mailbox| mailbox.address.rsplit('@').next().is_some_and(|domain| badly.iter().any(|bad| bad == domain))) {
        add("dns", None, format!("DNS does not let {} prove its mail", mailbox.address), format!("/mailboxes/{}/delivery", mailbox.id), false);
    }
    let since = now.date().saturating_sub((RECENT_DAYS - 1).days());
    let ways = reports::messages::all(conn, actor, Period { from: since, until: now.date() })?;
    for (state, count, one, many) in [
        (State::Failed, ways.failed, "1 message was refused by the mail server", "messages were refused by the mail server"),
        (State::Expired, ways.expired, "1 message lapsed because nobody decided", "messages lapsed because nobody decided"),
    ] {
        if count > 0 {
            let text = if count == 1 { one.to_owned() } else { format!("{count} {many}") };
            add(state.as_str(), Some(count), format!("{text} in the last {RECENT_DAYS} days"), format!("/messages?state={state}"), false);
        }
    }
    let (manages, is_admin) = match actor {
        Actor::User { role, .. } => (*role != Role::Reviewer, *role == Role::Admin),
        _ => (false, false),
    };
    if manages {
        let count = queries::requests_due(conn, now.plus_days(RECENT_DAYS))?;
        if count > 0 {
            let text = if count == 1 { "1 request about personal data is".to_owned() } else { format!("{count} requests about personal data are") };
            let text = format!("{text} due within {RECENT_DAYS} days");
            add("privacy", Some(count), text, "/privacy".to_owned(), true);
        }
    }
    if is_admin {
        for (id, target, by) in queries::open_mode_requests(conn, now)? {
            if let Some(address) = address(&id) {
                add("mode", None, format!("{by} asks for the mode {target} for {address}"), format!("/mailboxes/{id}"), false);
            }
        }
        for (row, _) in holding::list(conn, actor)?.into_iter().filter(|(row, _)| row.ending_by.is_some() && !row.is_ending_by(actor)) {
            let by = row.ending_by.unwrap_or_default();
            add("rule", None, format!("{by} asks to end the rule {}", row.name), "/oversight".to_owned(), false);
        }
        for (id, by) in queries::recipients_to_confirm(conn, actor.id())? {
            if let Some(address) = address(&id) {
                add(
                    "allow_list",
                    None,
                    format!("{by} asks for a recipient on the allow-list of {address}"),
                    format!("/mailboxes/{id}#allowed"),
                    false,
                );
            }
        }
        for (id, name, at) in queries::keys_ending(conn, now, now.plus_days(KEY_DAYS))? {
            add("key", None, format!("The key {name} ends {}", at.relative(now)), format!("/keys/{id}"), false);
        }
        for (id, url, because) in queries::switched_off_webhooks(conn)? {
            let because = because.map(|because| format!(": {because}")).unwrap_or_default();
            add("webhook", None, format!("The webhook {url} is off{because}"), format!("/webhooks/{id}"), false);
        }
    }
    Ok(lines)
}

fn at_stake(conn: &mut Conn, actor: &Actor, now: Time) -> Result<AtStake> {
    let (month, quarter) = (Period::last(DAYS, now), Period::last(90, now));
    let back = reports::recovered(conn, actor, month, &month.steps())?;
    let (at_risk_count, at_risk) = reports::open(conn, actor, quarter)?;
    let sum = |group: &reports::Group| group.lost.clone();
    let mut lost = sum(&back.mailed);
    for money in sum(&back.unmailed) {
        match lost.iter_mut().find(|have| have.currency == money.currency) {
            Some(have) => have.minor = have.minor.saturating_add(money.minor),
            None => lost.push(money),
        }
    }
    lost.sort_by(|a, b| a.currency.cmp(&b.currency));
    let [quarter, month] = [quarter, month].map(|period| format!("from={}&until={}", period.from, period.until));
    Ok(AtStake { quarter, month, at_risk, at_risk_count, recovered: back.revenue, recovered_before: back.revenue_before, lost })
}

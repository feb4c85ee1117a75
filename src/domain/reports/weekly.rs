//! What happened in a week, in a few lines for a mail.

use jiff::ToSpan;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::mailboxes::Mailbox;
use crate::domain::money::Money;
use crate::domain::vigilance::numbers::{FEWEST, Share};

use super::messages::{self, Flow, Ways};
use super::period::Period;
use super::{reasons, recovered};

/// One line: what it is about, what is to be said, and the page of the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub name: &'static str,
    /// The numbers, in words.
    pub words: String,
    /// The page, from the root of the desk.
    pub page: String,
}

/// A week.
#[derive(Debug, Clone)]
pub struct Week {
    /// Its days.
    pub period: Period,
    /// What happened.
    pub lines: Vec<Line>,
}

fn money(all: &[Money]) -> String {
    if all.is_empty() { "0".to_owned() } else { all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ") }
}

fn before(now: i64, before: i64) -> String {
    match now - before {
        0 => format!("{now}, as many as the week before"),
        more @ 1.. => format!("{now}, {more} more than the week before"),
        fewer => format!("{now}, {} fewer than the week before", -fewer),
    }
}

/// The seven days that ended before this moment, as this person may see them.
pub fn week(conn: &mut Conn, actor: &Actor, at: Time) -> Result<Week> {
    let until = at.date().saturating_sub(1.day());
    let period = Period::new(until.saturating_sub(6.days()), until)?;
    let left = reasons(conn, actor, period, &period.steps())?;
    let back = recovered(conn, actor, period, &period.steps())?;
    let all = messages::by_mailbox(conn, actor, period)?;
    let sum = |of: fn(&Ways) -> i64, when: fn(&Flow<Mailbox>) -> &Ways| all.iter().map(|flow| of(when(flow))).sum::<i64>();
    let (sent, bounced) = (sum(|ways| ways.sent, |flow| &flow.now), sum(|ways| ways.bounced, |flow| &flow.now));
    let (complained, waiting) = (sum(|ways| ways.complained, |flow| &flow.now), sum(|ways| ways.waiting, |flow| &flow.now));
    let size = |number: i64| usize::try_from(number).unwrap_or(0);
    let main = match left.reasons.first().filter(|reason| reason.count > 0) {
        Some(first) if size(left.total) < FEWEST => format!("; most for \"{}\", of too few to say more", first.reason.label()),
        Some(first) => format!("; most for \"{}\" ({} of {})", first.reason.label(), first.count, left.total),
        None => String::new(),
    };
    let page = |word: &str| format!("/reports/{word}?from={}&until={}", period.from, period.until);
    let rate = |part: i64| Share { part: size(part), of: size(sent) }.in_words("message", "messages");
    let mut lines = vec![
        Line {
            name: "Customers who left",
            words: format!("{}, {} a month lost{main}", before(left.total, left.before), money(&left.lost)),
            page: page("reasons"),
        },
        Line { name: "Came back", words: format!("{}, {} a month", before(back.count, back.before), money(&back.revenue)), page: page("recovered") },
        Line { name: "Messages that left", words: before(sent, sum(|ways| ways.sent, |flow| &flow.before)), page: page("campaigns") },
    ];
    if sent > 0 {
        lines.push(Line { name: "Came back as undeliverable", words: rate(bounced), page: page("deliverability") });
        lines.push(Line { name: "Complained about", words: rate(complained), page: page("deliverability") });
    }
    lines.push(Line { name: "Handed in that week and still waiting", words: waiting.to_string(), page: "/queue".to_owned() });
    Ok(Week { period, lines })
}

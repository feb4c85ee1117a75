//! What became of each campaign's messages.

use super::Asked;
use super::view::{Cell, Figure, Section, Stat, Table, View, compared, rate};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::reports::messages::{self, Flow, Refusal, Ways};
use crate::domain::reports::period::Period;
use crate::web::chart::Columns;

/// Campaigns of the page; the API has all.
const MOST: usize = 200;

/// Rejected messages that are shown with the reason.
const MOST_REFUSALS: i64 = 50;

/// Why messages of campaigns were rejected.
fn refusals(all: Vec<Refusal>) -> Section {
    let mut table = Table::new(["Campaign", "Handed in", "Reason for rejecting"]);
    for of in &all {
        table.rows.push(vec![(&of.campaign).into(), Cell::time(of.at).to(format!("/messages/{}", of.message)), (&of.reason).into()]);
    }
    let words = match i64::try_from(all.len()) {
        Ok(0) => vec!["No message of a campaign was rejected in this period.".to_owned()],
        Ok(MOST_REFUSALS) => vec![format!("The latest {MOST_REFUSALS}; the number of rejected messages of a campaign leads to all of them.")],
        _ => vec![],
    };
    Section { title: "Reasons for rejecting", words, table, ..Section::default() }
}

/// Where the messages of a campaign, or of all, that went a way in a period are listed.
fn list(campaign: Option<&str>, way: &str, period: Period) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    match campaign {
        Some(name) => query.append_pair("campaign", name),
        None => query.append_pair("labelled", "yes"),
    };
    if !way.is_empty() {
        query.append_pair("way", way);
    }
    query.append_pair("from", &period.from.to_string()).append_pair("until", &period.until.to_string());
    format!("/messages?{}", query.finish())
}

pub(super) fn view(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let period = asked.period;
    let mut all = messages::by_campaign(conn, actor, period)?;
    if all.is_empty() {
        return Ok(View {
            empty: Some("No campaign had a message in this period or the one before. A message belongs to a campaign by its label."),
            ..View::default()
        });
    }
    let steps = period.steps();
    let by_step = messages::over_time(conn, actor, period, &steps, true)?;
    let total = |of: fn(&Ways) -> i64, flows: &[Flow<String>]| flows.iter().map(|flow| of(&flow.now)).sum::<i64>();
    let before = |of: fn(&Ways) -> i64, flows: &[Flow<String>]| flows.iter().map(|flow| of(&flow.before)).sum::<i64>();
    let stat = |name, of: fn(&Ways) -> i64, way: &str, note: Option<String>| {
        let (now, earlier) = (total(of, &all), before(of, &all));
        let compared = compared(now, earlier);
        Stat {
            name,
            value: now.to_string(),
            note: note.map_or(compared.clone(), |note| format!("{note}; {compared}")),
            link: Some(list(None, way, period)),
        }
    };
    let (held, edited, rejected) = (total(|w| w.held, &all), total(|w| w.edited, &all), total(|w| w.rejected, &all));
    let stats = vec![
        stat("Sent", |w| w.sent, "sent", None),
        stat("Held for review", |w| w.held, "held", None),
        stat("Edited by somebody else", |w| w.edited, "edited", Some(rate(edited, total(|w| w.drafted, &all), "messages"))),
        stat("Rejected", |w| w.rejected, "rejected", Some(rate(rejected, held, "held messages"))),
    ];
    let values = |of: fn(&Ways) -> i64| by_step.iter().map(|ways| of(ways) as f64).collect::<Vec<_>>();
    let columns = Columns {
        labels: steps.iter().map(|step| step.label.clone()).collect(),
        parts: vec![
            ("Sent", values(|w| w.sent)),
            ("Rejected", values(|w| w.rejected)),
            ("Not sent or not yet", values(|w| w.drafted - w.sent - w.rejected)),
        ],
        sums: by_step.iter().map(|ways| ways.drafted.to_string()).collect(),
        limit: None,
    };
    let mut over_time = Table::new(["From", "Until", "Drafted", "Sent", "Rejected", "Not sent or not yet"]);
    for (step, ways) in steps.iter().zip(&by_step) {
        let of = |number: i64, way: &str| Cell::count(number, list(None, way, step.days));
        let rest = ways.drafted - ways.sent - ways.rejected;
        over_time.rows.push(vec![
            step.days.from.into(),
            step.days.until.into(),
            of(ways.drafted, ""),
            of(ways.sent, "sent"),
            of(ways.rejected, "rejected"),
            of(rest, "not_sent"),
        ]);
    }
    let mut words = vec!["A message that left counts on the day it left, any other on the day it was handed in. Replied are those that were the latest of their conversation when the recipient wrote back; recovered are letters after which the customer came back, whatever brought them.".to_owned()];
    if all.len() > MOST && !asked.whole {
        words.push(format!("The {MOST} campaigns with the most messages of {} are shown; the file and the API have all.", all.len()));
        all.truncate(MOST);
    }
    let names = [
        "Campaign",
        "Drafted",
        "Held",
        "Edited",
        "Approved",
        "Rejected",
        "Waiting",
        "Sent",
        "Delivered",
        "Bounced",
        "Complained",
        "Replied",
        "Recovered",
        "Sent before",
    ];
    let mut table = Table::new(names);
    for flow in &all {
        let (name, now) = (flow.of.as_str(), &flow.now);
        let of = |number: i64, way: &str| Cell::count(number, list(Some(name), way, period));
        table.rows.push(vec![
            Cell::linked(name, list(Some(name), "", period)),
            of(now.drafted, ""),
            of(now.held, "held"),
            of(now.edited, "edited"),
            of(now.approved, "approved"),
            of(now.rejected, "rejected"),
            of(now.waiting, "waiting"),
            of(now.sent, "sent"),
            of(now.delivered, "delivered"),
            of(now.bounced, "bounced"),
            of(now.complained, "complained"),
            of(now.replied, "replied"),
            of(now.recovered, "recovered"),
            Cell::count(flow.before.sent, list(Some(name), "sent", period.before())),
        ]);
    }
    let refused = refusals(messages::refusals(conn, actor, period, MOST_REFUSALS)?);
    let sections = vec![
        Section { title: "By campaign", words, table, ..Section::default() },
        refused,
        Section { title: "Over time", figure: Some(Figure::columns("Messages of all campaigns", &columns)), table: over_time, ..Section::default() },
    ];
    Ok(View { stats, sections, ..View::default() })
}

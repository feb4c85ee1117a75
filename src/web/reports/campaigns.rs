//! What became of each campaign's messages.

use super::view::{Cell, Figure, Section, Stat, Table, View, compared, share};
use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::reports::messages::{self, Flow, Ways};
use crate::domain::reports::period::Period;
use crate::web::chart::Columns;

/// Campaigns of the page; the API has all.
const MOST: usize = 200;

/// Where the messages of a campaign are listed.
fn list(campaign: &str, state: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("campaign", campaign);
    if !state.is_empty() {
        query.append_pair("state", state);
    }
    format!("/messages?{}", query.finish())
}

pub(super) fn view(conn: &mut Conn, actor: &Actor, period: Period, _: Time) -> Result<View> {
    let steps = period.steps();
    let mut all = messages::by_campaign(conn, actor, period, &steps)?;
    if all.is_empty() {
        return Ok(View {
            empty: Some("No campaign had a message in this period or the one before. A message belongs to a campaign by its label."),
            ..View::default()
        });
    }
    let total = |of: fn(&Ways) -> i64, flows: &[Flow<String>]| flows.iter().map(|flow| of(&flow.now)).sum::<i64>();
    let before = |of: fn(&Ways) -> i64, flows: &[Flow<String>]| flows.iter().map(|flow| of(&flow.before)).sum::<i64>();
    let (sent, held, edited, rejected) = (total(|w| w.sent, &all), total(|w| w.held, &all), total(|w| w.edited, &all), total(|w| w.rejected, &all));
    let stat = |name, value: i64, note| Stat { name, value: value.to_string(), note, link: None };
    let stats = vec![
        stat("Sent", sent, compared(sent, before(|w| w.sent, &all))),
        stat("Held for review", held, compared(held, before(|w| w.held, &all))),
        stat("Edited by somebody else", edited, share(edited, total(|w| w.drafted, &all))),
        stat("Rejected", rejected, share(rejected, held)),
    ];
    let sum = |step: usize, of: fn(&Ways) -> i64| all.iter().filter_map(|flow| flow.steps.get(step)).map(of).sum::<i64>() as f64;
    let values = |of: fn(&Ways) -> i64| (0..steps.len()).map(|step| sum(step, of)).collect::<Vec<_>>();
    let columns = Columns {
        labels: steps.iter().map(|step| step.label.clone()).collect(),
        parts: vec![
            ("Sent", values(|w| w.sent)),
            ("Rejected", values(|w| w.rejected)),
            ("Not sent or not yet", values(|w| w.drafted - w.sent - w.rejected)),
        ],
        sums: values(|w| w.drafted).into_iter().map(|sum| sum.to_string()).collect(),
        limit: None,
    };
    let mut words = vec!["A message that left counts on the day it left, any other on the day it was handed in. Reasons for rejecting stand in the report on the review desk.".to_owned()];
    if all.len() > MOST {
        words.push(format!("The {MOST} campaigns with the most messages of {} are shown; the API has all.", all.len()));
        all.truncate(MOST);
    }
    let names =
        ["Campaign", "Drafted", "Held", "Edited", "Approved", "Rejected", "Waiting", "Sent", "Delivered", "Bounced", "Complained", "Sent before"];
    let mut table = Table::new(names);
    for flow in &all {
        let (name, now) = (flow.of.as_str(), &flow.now);
        table.rows.push(vec![
            Cell::linked(name, list(name, "")),
            now.drafted.into(),
            now.held.into(),
            now.edited.into(),
            now.approved.into(),
            Cell::count(now.rejected, list(name, "rejected")),
            Cell::count(now.waiting, list(name, "pending")),
            Cell::count(now.sent, list(name, "")),
            Cell::count(now.delivered, list(name, "delivered")),
            Cell::count(now.bounced, list(name, "bounced")),
            Cell::count(now.complained, list(name, "complained")),
            flow.before.sent.into(),
        ]);
    }
    let section =
        Section { title: "By campaign", words, figure: Some(Figure::columns("Messages of all campaigns", &columns)), table, quotes: vec![] };
    Ok(View { stats, sections: vec![section], empty: None })
}

//! What customers who left had asked for and nothing that shipped answers.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use serde::Serialize;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Result;
use crate::domain::ids::ChurnEventId;
use crate::domain::matching::{Index, Synonyms, UpdateText};
use crate::domain::money::Money;
use crate::domain::reason::Reason;
use crate::text_enum;

use super::{ChurnEvent, Filter, Status, answers, queries};

/// Departures that are looked at, the latest first.
const MOST: usize = 1000;
/// From this score on two customers ask for the same.
const SAME: i32 = 35;

text_enum!(
    /// What counts most.
    pub enum Order {
        /// What they paid.
        Revenue => "revenue",
        /// How many they are.
        Customers => "customers",
        /// Who left last.
        Recent => "recent",
    }
);

/// The words of one customer.
#[derive(Debug, Clone, Serialize)]
pub struct Voice {
    /// Their departure.
    pub event_id: ChurnEventId,
    /// Who.
    pub who: String,
    /// What they wrote.
    pub quote: String,
    /// When they left.
    pub left_on: Date,
    /// What they paid a month.
    pub mrr: Option<Money>,
}

/// Something that several customers asked for, in their words.
#[derive(Debug, Clone)]
pub struct Need {
    /// Those who asked, who paid most first.
    pub voices: Vec<Voice>,
    /// Monthly revenue lost with them, by currency.
    pub lost: Vec<Money>,
    /// When the last of them left.
    pub latest: Date,
}

impl Need {
    /// The most lost in one currency, in thousandths of its unit.
    fn weight(&self) -> i64 {
        self.lost.iter().filter_map(Money::milli).max().unwrap_or(0)
    }
}

/// The unmet needs, and how many departures were looked at.
pub fn demand(conn: &mut Conn, actor: &Actor, order: Order, now: Time) -> Result<(Vec<Need>, usize)> {
    actor.must_have(Scope::Read)?;
    let filter = Filter { reason: Some(Reason::MissingFeatures), limit: MOST, ..Filter::default() };
    let events: Vec<ChurnEvent> = queries::list(conn, &filter)?.into_iter().filter(|event| event.status != Status::Recovered).take(MOST).collect();
    let looked_at = events.len();
    let met = answers::met(conn, &events, now)?;
    let open: Vec<(ChurnEvent, String)> = events
        .into_iter()
        .filter(|event| !met.contains(&event.id))
        .filter_map(|event| Some((words(&event)?, event)))
        .map(|(words, event)| (event, words))
        .collect();
    let synonyms = Synonyms::parse(&answers::synonyms(conn)?).unwrap_or_default();
    let mut needs = grouped(open, &synonyms, now.date());
    needs.sort_by(|a, b| {
        let by = |need: &Need| (need.weight(), need.voices.len(), need.latest);
        match order {
            Order::Revenue => by(b).cmp(&by(a)),
            Order::Customers => (b.voices.len(), b.weight()).cmp(&(a.voices.len(), a.weight())),
            Order::Recent => b.latest.cmp(&a.latest),
        }
    });
    Ok((needs, looked_at))
}

/// What they asked for: the sentence that gave the reason, else all they wrote.
fn words(event: &ChurnEvent) -> Option<String> {
    let quote = event.reason_quotes.iter().find(|quote| quote.source != "cancel code").map(|quote| quote.text.clone());
    quote.or_else(|| event.cancel_reason_text.clone()).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Puts those together who ask for the same. Who paid most speaks for the group.
fn grouped(mut open: Vec<(ChurnEvent, String)>, synonyms: &Synonyms, today: Date) -> Vec<Need> {
    open.sort_by_key(|(event, _)| std::cmp::Reverse(event.mrr_minor.unwrap_or(0)));
    let texts: Vec<UpdateText> = open
        .iter()
        .map(|(event, words)| UpdateText {
            id: event.id.as_str().to_owned(),
            title: String::new(),
            summary: words.clone(),
            features: vec![],
            keywords: vec![],
            shipped_on: today,
        })
        .collect();
    let index = Index::new(&texts, synonyms);
    let places: HashMap<&str, usize> = open.iter().enumerate().map(|(at, (event, _))| (event.id.as_str(), at)).collect();
    let mut group_of: Vec<Option<usize>> = vec![None; open.len()];
    let mut groups: Vec<Vec<usize>> = vec![];
    for (at, (_, words)) in open.iter().enumerate() {
        if group_of[at].is_some() {
            continue;
        }
        group_of[at] = Some(groups.len());
        let mut members = vec![at];
        for found in index.rank(&[words], None, today, SAME) {
            let Some(other) = places.get(found.id.as_str()).copied().filter(|other| group_of[*other].is_none()) else { continue };
            group_of[other] = Some(groups.len());
            members.push(other);
        }
        groups.push(members);
    }
    groups.into_iter().map(|members| need(members.iter().map(|at| &open[*at]))).collect()
}

fn need<'a>(members: impl Iterator<Item = &'a (ChurnEvent, String)>) -> Need {
    let mut voices = vec![];
    let mut lost: BTreeMap<String, i64> = BTreeMap::new();
    for (event, words) in members {
        if let Some(minor) = event.mrr_minor {
            *lost.entry(event.currency.clone()).or_default() += minor;
        }
        voices.push(Voice {
            event_id: event.id.clone(),
            who: event.customer_name.clone().or_else(|| event.customer_email.clone()).unwrap_or_else(|| "a customer".to_owned()),
            quote: words.clone(),
            left_on: event.churned_at.date(),
            mrr: event.mrr_minor.map(|minor| Money { minor, currency: event.currency.clone() }),
        });
    }
    let latest = voices.iter().map(|voice| voice.left_on).max().unwrap_or_default();
    Need { voices, lost: lost.into_iter().map(|(currency, minor)| Money { minor, currency }).collect(), latest }
}

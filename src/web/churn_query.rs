//! What the address of the list of departures says.

use serde::Deserialize;

use crate::clock::Time;
use crate::domain::churn::rules::picks::Arm;
use crate::domain::churn::{ChurnEvent, Filter, Only, Tenure};
use crate::domain::ids::{ChurnEventId, SegmentId, WinbackRuleId};
use crate::domain::reason::Strategy;
use crate::domain::segments::Segment;

/// Stands for a plan or a tenure of which nothing is on record.
pub const UNKNOWN: &str = "-";
/// Rows of a page.
const PAGE: usize = 50;

/// The query of the list's address; blank fields count as missing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    pub status: String,
    pub reason: String,
    pub q: String,
    /// The first and the last day of departure, in UTC.
    pub from: String,
    pub until: String,
    before: String,
    // What reports ask besides.
    plan: String,
    tenure: String,
    segment: String,
    /// `yes` or `no`.
    letter: String,
    strategy: String,
    /// The first and the last day on which their latest letter left.
    letter_from: String,
    letter_until: String,
    /// `yes`
    replied: String,
    /// The first and the last day on which they came back.
    back_from: String,
    back_until: String,
    /// `yes` for those who are neither back nor lost.
    open: String,
    /// `yes` for those who are not back.
    gone: String,
    evidence: String,
    /// What a rule of win-back made of them, and the first and the last day on which it did.
    arm: String,
    picked_from: String,
    picked_until: String,
    rule: String,
}

fn some(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// From the first moment of a day to the last of another; open ends are far away.
fn between(from: &str, until: &str) -> Option<(Time, Time)> {
    let (first, last) = (some(from).and_then(Time::parse), some(until).and_then(Time::parse));
    (first.is_some() || last.is_some()).then(|| {
        let end = last.map_or(Time::from_micros(i64::MAX), |last| last.plus_days(1));
        (first.unwrap_or(Time::from_micros(0)), end)
    })
}

impl Query {
    pub fn segment(&self) -> Option<SegmentId> {
        some(&self.segment).map(SegmentId::from)
    }

    fn strategy(&self) -> Option<Strategy> {
        some(&self.strategy)?.parse().ok()
    }

    fn tenure(&self) -> Option<Tenure> {
        match some(&self.tenure)? {
            UNKNOWN => Some(Tenure::Unknown),
            word => word.parse().ok(),
        }
    }

    fn picked(&self) -> Option<(Arm, Time, Time)> {
        let arm = some(&self.arm)?.parse().ok()?;
        let (from, end) = between(&self.picked_from, &self.picked_until).unwrap_or((Time::from_micros(0), Time::from_micros(i64::MAX)));
        Some((arm, from, end))
    }

    pub fn filter(&self, segment: Option<&Segment>, now: Time) -> Filter {
        let before = self.before.split_once('_').and_then(|(micros, id)| Some((Time::from_micros(micros.parse().ok()?), ChurnEventId::from(id))));
        Filter {
            status: some(&self.status).and_then(|word| word.parse().ok()),
            reason: some(&self.reason).and_then(|word| word.parse().ok()),
            words: some(&self.q).map(str::to_owned),
            limit: PAGE,
            before,
            since: some(&self.from).and_then(Time::parse),
            end: some(&self.until).and_then(Time::parse).map(|last| last.plus_days(1)),
            only: Only {
                plan: some(&self.plan).map(|plan| if plan == UNKNOWN { String::new() } else { plan.to_owned() }),
                tenure: self.tenure(),
                segment: segment.map(|segment| segment.search(0, None, now)),
                mailed: some(&self.letter).map(|word| word == "yes"),
                strategy: self.strategy(),
                letter: between(&self.letter_from, &self.letter_until),
                replied: self.replied == "yes",
                back: between(&self.back_from, &self.back_until),
                open: self.open == "yes",
                gone: self.gone == "yes",
                evidence: some(&self.evidence).and_then(|word| word.parse().ok()),
                picked: self.picked(),
                rule: some(&self.rule).map(WinbackRuleId::from),
            },
            ..Filter::default()
        }
    }

    /// What the form has no field for, as it stands in the address.
    pub fn rest(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("plan", &self.plan),
            ("tenure", &self.tenure),
            ("segment", &self.segment),
            ("letter", &self.letter),
            ("strategy", &self.strategy),
            ("letter_from", &self.letter_from),
            ("letter_until", &self.letter_until),
            ("replied", &self.replied),
            ("back_from", &self.back_from),
            ("back_until", &self.back_until),
            ("open", &self.open),
            ("gone", &self.gone),
            ("evidence", &self.evidence),
            ("arm", &self.arm),
            ("picked_from", &self.picked_from),
            ("picked_until", &self.picked_until),
            ("rule", &self.rule),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, some(value)?))).collect()
    }

    fn named(&self) -> Vec<(&'static str, &str)> {
        let fields = [("status", &self.status), ("reason", &self.reason), ("q", &self.q), ("from", &self.from), ("until", &self.until)];
        fields.into_iter().filter_map(|(name, value)| Some((name, some(value)?))).collect()
    }

    /// The address of the page after this row.
    pub fn older_than(&self, last: &ChurnEvent) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.named()).extend_pairs(self.rest());
        query.append_pair("before", &format!("{}_{}", last.churned_at.micros(), last.id)).finish()
    }

    /// The address without what the form has no field for.
    pub fn plain(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.named()).finish()
    }

    /// What the form has no field for, in words.
    pub fn also(&self, segment: Option<&str>) -> Vec<String> {
        let days = |what: &str, from: &str, until: &str| {
            let (from, until) = (some(from), some(until));
            match (from, until) {
                (Some(from), Some(until)) => Some(format!("{what} {from} to {until}")),
                (Some(from), None) => Some(format!("{what} since {from}")),
                (None, Some(until)) => Some(format!("{what} until {until}")),
                (None, None) => None,
            }
        };
        let plan = some(&self.plan).map(|plan| if plan == UNKNOWN { "no plan on record".to_owned() } else { format!("plan {plan}") });
        let letter = some(&self.letter).map(|word| if word == "yes" { "got a letter".to_owned() } else { "got no letter".to_owned() });
        [
            plan,
            self.tenure().map(|tenure| format!("stayed: {}", tenure.label())),
            segment.map(|name| format!("in the segment {name}")),
            letter,
            self.strategy().map(|strategy| format!("latest letter: {}", strategy.label())),
            days("letter left", &self.letter_from, &self.letter_until),
            (self.replied == "yes").then(|| "answered a letter".to_owned()),
            days("came back", &self.back_from, &self.back_until),
            (self.gone == "yes").then(|| "not back".to_owned()),
            (self.open == "yes").then(|| "neither back nor lost".to_owned()),
            some(&self.evidence).map(|word| format!("evidence for a letter: {word}")),
            self.picked().map(|(arm, ..)| arm.in_words().to_owned()),
            days("picked by a rule", &self.picked_from, &self.picked_until),
            some(&self.rule).map(|_| "picked by one rule".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

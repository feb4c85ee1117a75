//! What a search asks of contacts besides words and tags: their subscription, why they left, what they did, a field of their record.

pub(super) mod queries;

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::domain::error::{Error, Result};
use crate::domain::reason::Reason;
use crate::domain::text;
use crate::text_enum;

/// Usage counts as recent for so many days.
pub const RECENT_DAYS: i64 = 30;
/// Most days that a condition may look back.
const MOST_DAYS: i64 = 3650;
/// Longest name of a field of a record.
const LONGEST_NAME: usize = 60;

text_enum!(
    /// Whether somebody left.
    pub enum Churn {
        /// They left and did not come back.
        Gone => "gone",
        /// They left and came back.
        Back => "back",
        /// They never left.
        Never => "never",
    }
);

impl Churn {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Churn::Gone => "Left and did not come back",
            Churn::Back => "Left and came back",
            Churn::Never => "Never left",
        }
    }
}

/// What must hold of a contact; each that is there must.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// The name of their plan, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// They pay at least so much a month, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mrr_from: Option<i64>,
    /// They pay at most so much a month, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mrr_to: Option<i64>,
    /// They were last active at least so many days ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inactive_days: Option<i64>,
    /// Whether they left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn: Option<Churn>,
    /// Why they left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// They left at least so many days ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_from_days: Option<i64>,
    /// They left at most so many days ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_to_days: Option<i64>,
    /// No mail left for them in so many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmailed_days: Option<i64>,
    /// They wrote to us in the last so many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replied_days: Option<i64>,
    /// They used this in the last [`RECENT_DAYS`] days, such as an endpoint that usage is counted by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<String>,
    /// They did not use this in the last [`RECENT_DAYS`] days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused: Option<String>,
    /// The name of a field of their record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What that field holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Conditions, and the moment from which their days are counted.
pub type Asked = (Conditions, Time);

impl Conditions {
    /// Whether nothing is asked.
    pub fn is_none(&self) -> bool {
        *self == Conditions::default()
    }

    /// The same, where each can be looked up; what is blank asks nothing.
    pub fn check(mut self) -> Result<Conditions> {
        for (name, words, longest) in [
            ("plan", &mut self.plan, 100),
            ("used", &mut self.used, 100),
            ("unused", &mut self.unused, 100),
            ("field", &mut self.field, LONGEST_NAME),
            ("value", &mut self.value, 200),
        ] {
            *words = text::optional_line(name, words.as_deref(), longest)?;
        }
        for (name, number, most) in [
            ("mrr_from", self.mrr_from, i64::MAX),
            ("mrr_to", self.mrr_to, i64::MAX),
            ("inactive_days", self.inactive_days, MOST_DAYS),
            ("left_from_days", self.left_from_days, MOST_DAYS),
            ("left_to_days", self.left_to_days, MOST_DAYS),
            ("unmailed_days", self.unmailed_days, MOST_DAYS),
            ("replied_days", self.replied_days, MOST_DAYS),
        ] {
            if let Some(number) = number.filter(|number| !(0..=most).contains(number)) {
                let range = if most == MOST_DAYS { format!("0 to {MOST_DAYS}") } else { "at least 0".to_owned() };
                return Err(Error::invalid("field_invalid", name, format!("{name} must be {range}; got {number}.")));
            }
        }
        let pair = |from: Option<i64>, to: Option<i64>| from.zip(to).is_some_and(|(from, to)| from > to);
        if pair(self.mrr_from, self.mrr_to) || pair(self.left_from_days, self.left_to_days) {
            let name = if pair(self.mrr_from, self.mrr_to) { "mrr_to" } else { "left_to_days" };
            return Err(Error::invalid(
                "field_invalid",
                name,
                format!("{name} is below where the range begins, so nobody fits. Change one of the two."),
            ));
        }
        if self.churn == Some(Churn::Never) && (self.reason.is_some() || self.left_from_days.is_some() || self.left_to_days.is_some()) {
            return Err(Error::invalid("field_invalid", "churn", "Who never left has no reason and no day of leaving. Take one of the two away."));
        }
        if self.field.is_some() != self.value.is_some() {
            return Err(Error::invalid("field_invalid", "field", "Give field and value together: the name of a field and what it holds."));
        }
        // The name becomes part of a path into the record.
        let plain = |name: &String| name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '));
        if let Some(name) = self.field.as_ref().filter(|name| !plain(name)) {
            let detail = format!("field must be letters, digits, spaces, dots, dashes and underscores; got \"{}\".", text::excerpt(name));
            return Err(Error::invalid("field_invalid", "field", detail));
        }
        Ok(self)
    }

    /// Each condition in words.
    pub fn in_words(&self) -> Vec<String> {
        let mut all = vec![];
        let mut say = |text: Option<String>| all.extend(text);
        let amount = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
        say(self.plan.as_ref().map(|plan| format!("on the plan {plan}")));
        say(self.mrr_from.map(|minor| format!("pays at least {} a month", amount(minor))));
        say(self.mrr_to.map(|minor| format!("pays at most {} a month", amount(minor))));
        say(self.inactive_days.map(|days| format!("not active for {days} days")));
        say(self.churn.map(|churn| churn.label().to_lowercase()));
        say(self.reason.map(|reason| format!("left because: {}", reason.label().to_lowercase())));
        say(self.left_from_days.map(|days| format!("left at least {days} days ago")));
        say(self.left_to_days.map(|days| format!("left at most {days} days ago")));
        say(self.unmailed_days.map(|days| format!("got no mail for {days} days")));
        say(self.replied_days.map(|days| format!("wrote to us in the last {days} days")));
        say(self.used.as_ref().map(|name| format!("used {name} in the last {RECENT_DAYS} days")));
        say(self.unused.as_ref().map(|name| format!("did not use {name} in the last {RECENT_DAYS} days")));
        say(self.field.as_ref().zip(self.value.as_ref()).map(|(field, value)| format!("{field} is {value}")));
        all
    }
}

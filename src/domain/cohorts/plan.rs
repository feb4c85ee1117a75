//! What is said to the contacts of a cohort, and when: five phases, and steps that fit what somebody has built.

use jiff::civil::Date;
use jiff::fmt::strtime;
use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::domain::contacts::ContactRow;
use crate::domain::error::{Error, Result};
use crate::domain::messages::content::LONGEST_SUBJECT;
use crate::domain::text;
use crate::text_enum;

use super::Cohort;

/// Longest text of a phase or a guide, in characters.
const LONGEST: usize = 20_000;
/// Most guides of one cohort.
pub const MOST_GUIDES: usize = 10;
/// The hour in UTC at which a phase begins.
const HOUR: i64 = 9;

text_enum!(
    /// A message to the contacts of a cohort.
    pub enum Phase {
        /// What changes, and until when.
        Announcement => "announcement",
        /// How to prepare.
        Preparation => "preparation",
        /// The time to switch.
        Window => "window",
        /// The last notice.
        Final => "final",
        /// Thanks to those who are done.
        Completion => "completion",
        /// A word to those who have not started, sent when somebody asks for it.
        Reminder => "reminder",
    }
);

impl Phase {
    /// Those with a day of their own, in order.
    pub const DATED: [Phase; 4] = [Phase::Announcement, Phase::Preparation, Phase::Window, Phase::Final];

    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Phase::Announcement => "Announcement",
            Phase::Preparation => "Preparation guide",
            Phase::Window => "Migration window",
            Phase::Final => "Final notice",
            Phase::Completion => "Completion",
            Phase::Reminder => "Reminder",
        }
    }

    /// Days before the deadline on which it is sent; nothing where it has no day of its own.
    fn usual_days(self) -> Option<i64> {
        match self {
            Phase::Announcement => Some(90),
            Phase::Preparation => Some(60),
            Phase::Window => Some(30),
            Phase::Final => Some(7),
            Phase::Completion | Phase::Reminder => None,
        }
    }

    fn usual_words(self) -> (&'static str, &'static str) {
        match self {
            Phase::Announcement => (
                "{from} ends on {deadline}",
                "Hello {name},\n\n{from} stops on {deadline}. From then on only {to} answers.\n\nWhat changes is described here: {link}\n\n\
                 We write again with the steps. If something is unclear, answer this message: a person reads it.",
            ),
            Phase::Preparation => (
                "How to prepare for {to}",
                "Hello {name},\n\n{from} stops on {deadline}. This is how to move to {to}.\n\n{steps}\n\nThe whole guide: {link}\n\n\
                 If you are stuck, answer this message: a person reads it.",
            ),
            Phase::Window => (
                "{from} ends on {deadline}: time to switch",
                "Hello {name},\n\n{from} stops on {deadline}. Please move to {to} now, while there is time to test.\n\n{steps}\n\n\
                 The whole guide: {link}\n\nAnswer this message if you want somebody to look at it with you.",
            ),
            Phase::Final => (
                "Last notice: {from} stops on {deadline}",
                "Hello {name},\n\n{from} stops on {deadline}. Requests that still use it fail from that day on.\n\n{steps}\n\n\
                 The whole guide: {link}\n\nAnswer this message if you cannot make it: a person reads it.",
            ),
            Phase::Completion => (
                "You are on {to}",
                "Hello {name},\n\nyou have moved to {to}. There is nothing left to do.\n\nThank you for the work you put into it.",
            ),
            Phase::Reminder => (
                "{from} stops on {deadline}: we have not seen you on {to} yet",
                "Hello {name},\n\n{from} stops on {deadline}, and we have not seen you use {to} yet.\n\n{steps}\n\nThe whole guide: {link}\n\n\
                 If something holds you up, answer this message: a person reads it.",
            ),
        }
    }
}

/// The words of a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Which phase.
    pub phase: Phase,
    /// Days before the deadline on which it is sent.
    pub days_before: Option<i64>,
    /// The subject.
    pub subject: String,
    /// The plain text. A paragraph with a place that stays empty is left out.
    pub body: String,
}

impl Words {
    fn usual(phase: Phase) -> Words {
        let (subject, body) = phase.usual_words();
        Words { phase, days_before: phase.usual_days(), subject: subject.to_owned(), body: body.to_owned() }
    }
}

/// Steps for those with a tag, such as those who built on webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guide {
    /// The tag.
    pub tag: String,
    /// The steps.
    pub text: String,
}

/// What is said and when, where somebody changed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Phases that are not as usual.
    pub phases: Vec<Words>,
    /// Steps by tag; the first that fits counts.
    pub guides: Vec<Guide>,
}

impl Plan {
    /// The words of a phase.
    pub fn words(&self, phase: Phase) -> Words {
        self.phases.iter().find(|words| words.phase == phase).cloned().unwrap_or_else(|| Words::usual(phase))
    }

    /// The plan, if all of it can be sent.
    pub fn check(self) -> Result<Plan> {
        if self.guides.len() > MOST_GUIDES {
            return Err(Error::invalid("field_invalid", "guides", format!("guides must be at most {MOST_GUIDES}; got {}.", self.guides.len())));
        }
        let guide =
            |guide: Guide| Ok(Guide { tag: text::tag(&guide.tag)?, text: filled("guides.text", text::body("guides.text", &guide.text, LONGEST)?)? });
        let guides = self.guides.into_iter().map(guide).collect::<Result<Vec<_>>>()?;
        let mut phases: Vec<Words> = vec![];
        for words in self.phases {
            if phases.iter().any(|known| known.phase == words.phase) {
                return Err(Error::invalid("field_invalid", "phases", format!("phases names {} twice.", words.phase)));
            }
            let words = check_words(words)?;
            if words != Words::usual(words.phase) {
                phases.push(words);
            }
        }
        let plan = Plan { phases, guides };
        let days: Vec<i64> = Phase::DATED.iter().filter_map(|phase| plan.words(*phase).days_before).collect();
        if days.windows(2).any(|pair| pair[0] <= pair[1]) {
            return Err(Error::invalid(
                "field_invalid",
                "days_before",
                "The phases must come one after the other: each fewer days before the deadline.",
            ));
        }
        Ok(plan)
    }
}

fn check_words(words: Words) -> Result<Words> {
    let Words { phase, days_before, subject, body } = words;
    let days_before = match (phase.usual_days(), days_before) {
        (None, None) => None,
        (Some(_), Some(days)) if (0..=365).contains(&days) => Some(days),
        (Some(_), given) => {
            let got = given.map_or_else(|| "nothing".to_owned(), |days| days.to_string());
            return Err(Error::invalid("field_invalid", "days_before", format!("days_before must be 0 to 365; got {got}.")));
        }
        (None, Some(_)) => {
            let detail = format!("The phase {phase} has no day of its own. Leave days_before out.");
            return Err(Error::invalid("field_invalid", "days_before", detail));
        }
    };
    let subject = text::required_line("subject", &subject, LONGEST_SUBJECT)?;
    let body = filled("body", text::body("body", &body, LONGEST)?)?;
    for (name, given) in [("subject", &subject), ("body", &body)] {
        if let Some(Part::Unknown(place)) = parts(given).into_iter().find(|part| matches!(part, Part::Unknown(_))) {
            let detail = format!("{name} holds \"{}\". Only {} are filled in; write no other braces.", text::excerpt(place), PLACES.join(", "));
            return Err(Error::invalid("placeholder_unknown", name, detail));
        }
    }
    Ok(Words { phase, days_before, subject, body })
}

fn filled(name: &str, text: String) -> Result<String> {
    match text.trim().is_empty() {
        true => Err(Error::invalid("field_invalid", name, format!("{name} must be filled in; got nothing."))),
        false => Ok(text),
    }
}

/// What can be filled in.
pub const PLACES: [&str; 7] = ["{name}", "{email}", "{deadline}", "{from}", "{to}", "{link}", "{steps}"];

#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Text(&'t str),
    Place(&'static str),
    Unknown(&'t str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut rest, mut all) = (text, vec![]);
    while !rest.is_empty() {
        let (part, behind) = match rest.find(['{', '}']) {
            None => (Part::Text(rest), ""),
            Some(at) if at > 0 => (Part::Text(&rest[..at]), &rest[at..]),
            Some(_) => match PLACES.iter().find_map(|place| rest.strip_prefix(place).map(|behind| (*place, behind))) {
                Some((place, behind)) => (Part::Place(place), behind),
                None => {
                    let end = rest.find('}').map_or(rest.len(), |end| end + 1);
                    (Part::Unknown(&rest[..end]), &rest[end..])
                }
            },
        };
        all.push(part);
        rest = behind;
    }
    all
}

impl Cohort {
    /// The deadline as it is written in mail.
    pub fn deadline_in_words(&self) -> String {
        let day = self.deadline.parse::<Date>().ok();
        day.and_then(|day| strtime::format("%B %-d, %Y", day).ok()).unwrap_or_else(|| self.deadline.clone())
    }

    /// When a phase is sent; nothing for one without a day of its own.
    pub fn sent_at(&self, phase: Phase) -> Option<Time> {
        let (days, deadline) = (self.plan.words(phase).days_before?, self.deadline.parse::<Date>().ok()?);
        Some(Time::from_date(deadline).plus_days(-days).plus_seconds(HOUR * 3600))
    }

    /// Subject and text of a phase for somebody with these tags. What was filled in is not looked at again.
    pub fn letter(&self, phase: Phase, contact: &ContactRow, tags: &[String]) -> (String, String) {
        let words = self.plan.words(phase);
        let steps = self.plan.guides.iter().find(|guide| tags.contains(&guide.tag)).map(|guide| guide.text.clone());
        let value = |place: &str| match place {
            "{name}" => Some(contact.name.clone().unwrap_or_else(|| "there".to_owned())),
            "{email}" => Some(contact.email.clone()),
            "{deadline}" => Some(self.deadline_in_words()),
            "{from}" => Some(self.from_version.clone()),
            "{to}" => Some(self.to_version.clone()),
            "{link}" => self.guide_url.clone(),
            _ => steps.clone(),
        };
        let fill = |text: &str| -> Option<String> {
            parts(text)
                .into_iter()
                .map(|part| match part {
                    Part::Text(text) | Part::Unknown(text) => Some(text.to_owned()),
                    Part::Place(place) => value(place),
                })
                .collect()
        };
        let body: Vec<String> = words.body.replace("\r\n", "\n").split("\n\n").filter_map(fill).collect();
        (fill(&words.subject).unwrap_or_else(|| phase.label().to_owned()), body.join("\n\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_from_other_braces() {
        assert_eq!(parts("Hi {name}!"), [Part::Text("Hi "), Part::Place("{name}"), Part::Text("!")]);
        assert_eq!(parts("{{name}}"), [Part::Unknown("{{name}"), Part::Unknown("}")]);
        for phase in Phase::ALL {
            assert!(check_words(Words::usual(*phase)).is_ok(), "{phase}");
        }
    }

    #[test]
    fn a_plan_as_usual_keeps_nothing_and_phases_stay_in_order() {
        let usual = Plan { phases: Phase::ALL.iter().map(|phase| Words::usual(*phase)).collect(), guides: vec![] };
        assert_eq!(usual.check().ok(), Some(Plan::default()));
        let late = Words { days_before: Some(70), ..Words::usual(Phase::Window) };
        assert!(Plan { phases: vec![late], guides: vec![] }.check().is_err());
    }
}

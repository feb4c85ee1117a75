//! How often somebody is asked to recommend and reminded of it: one rule for whoever looks for people, for a submission
//! and for the worker. Pure, but for `of_many`, which looks up what it judges.

use std::collections::HashMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, MessageId};
use crate::domain::messages::State;
use crate::text_enum;

use super::queries;

/// The tag of messages that ask for a recommendation.
pub const ASK: &str = "referral-program";
/// The tag of messages that remind somebody who was asked.
pub const REMINDER: &str = "referral-reminder";
/// Days between two asks of one contact.
pub const COOLDOWN_DAYS: i64 = 90;
/// Most asks of one contact, ever.
pub const MOST_ASKS: usize = 4;
/// Asks in a row that nobody followed; then the contact is left alone.
pub const MOST_IGNORED: usize = 2;
/// Days that an ask is left to work before a reminder.
pub const REMIND_AFTER_DAYS: i64 = 7;

text_enum!(
    /// What a message wants of whoever gets it.
    pub enum Prompt {
        /// To recommend.
        Ask => "ask",
        /// To think of it again.
        Reminder => "reminder",
    }
);

impl Prompt {
    /// What messages with these tags want.
    pub fn of_tags<'t>(tags: impl Iterator<Item = &'t str> + Clone) -> Option<Prompt> {
        match (tags.clone().any(|tag| tag == ASK), tags.clone().any(|tag| tag == REMINDER)) {
            (true, _) => Some(Prompt::Ask),
            (false, true) => Some(Prompt::Reminder),
            (false, false) => None,
        }
    }
}

/// A prompt that somebody got or is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompted {
    /// The message.
    pub message_id: MessageId,
    /// What it wants.
    pub prompt: Prompt,
    /// When it left, and before that when it was made.
    pub at: Time,
    /// Whether it left, or is leaving now.
    pub left: bool,
}

/// What somebody was asked, and whether they did it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// What they got and what is under way.
    pub prompts: Vec<Prompted>,
    /// When somebody last followed their link or became a customer by it.
    pub answered: Option<Time>,
}

/// Why somebody is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct No {
    /// In a sentence.
    pub why: String,
    /// When it is otherwise by itself.
    pub until: Option<Time>,
}

impl No {
    fn ever(why: impl Into<String>) -> Option<No> {
        Some(No { why: why.into(), until: None })
    }
}

impl History {
    fn left(&self, prompt: Prompt) -> impl Iterator<Item = Time> {
        self.prompts.iter().filter(move |one| one.left && one.prompt == prompt).map(|one| one.at)
    }

    /// How often they were asked.
    pub fn asked(&self) -> usize {
        self.left(Prompt::Ask).count()
    }

    /// When they were asked last.
    pub fn asked_at(&self) -> Option<Time> {
        self.left(Prompt::Ask).max()
    }

    /// The asks since somebody last followed their link.
    fn ignored(&self) -> usize {
        self.left(Prompt::Ask).filter(|at| self.answered.is_none_or(|answered| answered < *at)).count()
    }

    /// What speaks against a prompt to them now. One that is not written yet also minds what is under way.
    pub fn against(&self, prompt: Prompt, message: Option<&MessageId>, now: Time) -> Option<No> {
        let others = History { prompts: self.prompts.iter().filter(|one| Some(&one.message_id) != message).cloned().collect(), ..self.clone() };
        let waits = message.is_none() && others.prompts.iter().any(|one| !one.left && one.prompt == prompt);
        match prompt {
            _ if others.ignored() >= MOST_IGNORED => {
                No::ever(format!("They followed none of the last {MOST_IGNORED} asks; they are left alone until somebody follows their link."))
            }
            _ if waits => No::ever("Another message that asks them the same is under way. Let it leave or take it back."),
            Prompt::Ask => others.against_ask(now),
            Prompt::Reminder => others.against_reminder(now),
        }
    }

    fn against_ask(&self, now: Time) -> Option<No> {
        if self.asked() >= MOST_ASKS {
            return No::ever(format!("They were asked {} times to recommend; {MOST_ASKS} is the most for one person.", self.asked()));
        }
        let until = self.asked_at()?.plus_days(COOLDOWN_DAYS);
        let why = format!("The limit of 1 ask per {COOLDOWN_DAYS} days is reached. Next possible: {}.", until.for_people());
        (until > now).then_some(No { why, until: Some(until) })
    }

    fn against_reminder(&self, now: Time) -> Option<No> {
        let Some(asked_at) = self.asked_at() else { return No::ever("They were not asked to recommend, so there is nothing to remind them of.") };
        if self.answered.is_some_and(|answered| answered >= asked_at) {
            return No::ever("Somebody followed their link since they were asked: they shared it.");
        }
        if self.left(Prompt::Reminder).any(|at| at >= asked_at) {
            return No::ever("They were reminded of it already. One reminder follows an ask.");
        }
        let until = asked_at.plus_days(REMIND_AFTER_DAYS);
        let why = format!("They were asked less than {REMIND_AFTER_DAYS} days ago. Next possible: {}.", until.for_people());
        (until > now).then_some(No { why, until: Some(until) })
    }
}

/// What these contacts were asked.
pub(in crate::domain) fn of_many(conn: &mut Conn, ids: &[ContactId]) -> Result<HashMap<ContactId, History>> {
    let mut all: HashMap<ContactId, History> = HashMap::new();
    if ids.is_empty() {
        return Ok(all);
    }
    for row in queries::prompts(conn, ids)? {
        let (left, under_way) = (has_left(row.state) || row.leaving_at.is_some(), is_under_way(row.state));
        if left || under_way {
            let at = row.sent_at.or(row.leaving_at).unwrap_or(row.created_at);
            all.entry(row.contact_id).or_default().prompts.push(Prompted { message_id: row.message_id, prompt: row.prompt, at, left });
        }
    }
    for (id, click, conversion) in queries::answers(conn, ids)? {
        let history = all.entry(id).or_default();
        history.answered = history.answered.max(click).max(conversion);
    }
    Ok(all)
}

fn has_left(state: State) -> bool {
    matches!(state, State::Sent | State::Delivered | State::Bounced | State::Complained | State::Uncertain)
}

fn is_under_way(state: State) -> bool {
    matches!(state, State::Draft | State::Pending | State::ChangesRequested | State::Approved | State::Queued | State::Sending)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(0);

    fn got(prompt: Prompt, days_ago: i64) -> Prompted {
        Prompted { message_id: MessageId::new(), prompt, at: NOW.plus_days(-days_ago), left: true }
    }

    fn asked(days_ago: &[i64], answered: Option<i64>) -> History {
        History { prompts: days_ago.iter().map(|days| got(Prompt::Ask, *days)).collect(), answered: answered.map(|days| NOW.plus_days(-days)) }
    }

    #[test]
    fn nobody_is_asked_too_often() {
        let may = |days: &[i64], answered: Option<i64>| asked(days, answered).against(Prompt::Ask, None, NOW).is_none();
        assert!(may(&[], None));
        assert!(!may(&[89], None) && may(&[90], None), "three months lie between two");
        assert!(!may(&[300, 200], None), "twice ignored");
        assert!(may(&[300, 200], Some(150)) && may(&[300, 200], Some(250)), "a click begins anew");
        assert!(may(&[500, 400, 300], Some(299)) && !may(&[500, 400, 300, 200], Some(199)), "four in all");
        let no = asked(&[30], None).against(Prompt::Ask, None, NOW).unwrap();
        assert_eq!(no.until, Some(NOW.plus_days(60)));
    }

    #[test]
    fn one_gentle_reminder_follows_an_ask_that_nobody_followed() {
        let may = |days: &[i64], answered: Option<i64>| asked(days, answered).against(Prompt::Reminder, None, NOW).is_none();
        assert!(!may(&[], None), "nobody asked");
        assert!(!may(&[6], None) && may(&[7], None), "an ask has a week");
        assert!(!may(&[30], Some(20)), "they shared");
        assert!(may(&[120, 20], Some(100)) && !may(&[120, 20], None), "who ignored two is left alone");
        let mut reminded = asked(&[30], None);
        reminded.prompts.push(got(Prompt::Reminder, 10));
        assert!(reminded.against(Prompt::Reminder, None, NOW).is_some());
        assert!(reminded.against(Prompt::Ask, None, NOW.plus_days(60)).is_none(), "a reminder is no ask");
    }

    #[test]
    fn a_message_does_not_speak_against_itself_and_one_to_be_written_minds_what_waits() {
        let mut history = asked(&[], None);
        let waiting = Prompted { left: false, ..got(Prompt::Ask, 1) };
        let own = got(Prompt::Ask, 0);
        history.prompts.push(waiting.clone());
        assert!(history.against(Prompt::Ask, None, NOW).is_some());
        assert!(history.against(Prompt::Ask, Some(&own.message_id), NOW).is_none(), "the first to leave may");
        history.prompts.push(own.clone());
        assert!(history.against(Prompt::Ask, Some(&own.message_id), NOW).is_none());
        assert!(history.against(Prompt::Ask, Some(&waiting.message_id), NOW).is_some(), "and the second may not");
    }

    #[test]
    fn each_state_is_one_of_left_under_way_and_ended() {
        for state in State::ALL {
            let ended = matches!(state, State::Rejected | State::Withdrawn | State::Expired | State::Skipped | State::Failed | State::Cancelled);
            assert_eq!(u8::from(has_left(*state)) + u8::from(is_under_way(*state)) + u8::from(ended), 1, "{state}");
        }
    }
}

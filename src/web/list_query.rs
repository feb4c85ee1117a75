//! What the address of a list says: filter, order and page.

use serde::Deserialize;

use crate::clock::Time;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, MessageId, UserId};
use crate::domain::messages::State;
use crate::domain::messages::list::{Assignee, Decided, Filter, Snoozes, Sort, Way};
use crate::domain::text;

/// Rows of a page.
const PAGE: usize = 50;

/// Longest time until it lapses that can be asked for, in hours.
const MOST_HOURS: i64 = 720;

/// The fields of a list's address in their order there, and what they may say.
const NAMES: [&str; 20] = [
    "q",        // the beginnings of words
    "mailbox",  // by id
    "campaign", // by name
    "tag", "state",    // the queue knows only `pending`
    "assignee", // `me`, `nobody` or the id of a person
    "mentions", // `me` or the id of a person
    "snoozed",  // `only` or `shown`; without it the queue hides what the visitor put off
    "claims",   // `open` or `clean`
    "origin",   // `person`, `agent`, `playbook` or `model`
    "way",      // which way it went, as reports count it
    "decided",  // how it was decided; then the days are those of the decision
    "from",     // left on this day or later, or was handed in then where it did not leave
    "until",    // the same: on this day or earlier
    "labelled", // `yes` for those of a campaign
    "age",      // `under-1d`, `1-2d` or `over-2d`
    "expiring", // lapses within so many hours, 1 to 720
    "sort",     // `oldest`, `newest` or `expiring`
    "after",    // the page after this message
    "before",   // the page before this message
];

/// The query of a list's address. Blank fields count as missing, and fields that no list knows are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<(String, String)>")]
pub struct ListQuery([Option<String>; NAMES.len()]);

impl From<Vec<(String, String)>> for ListQuery {
    fn from(pairs: Vec<(String, String)>) -> Self {
        pairs.iter().fold(ListQuery::default(), |query, (name, value)| query.set(name, value))
    }
}

impl ListQuery {
    /// Reads the query of an address, without its question mark.
    pub fn parse(query: &str) -> Self {
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>().into()
    }

    /// The field's value, or an empty text.
    pub fn get(&self, name: &str) -> &str {
        self.value(name).unwrap_or_default()
    }

    /// Whether a field has this value.
    pub fn is(&self, name: &str, value: impl AsRef<str>) -> bool {
        self.get(name) == value.as_ref()
    }

    /// The filter it stands for; a value that is not known is refused with a sentence.
    pub fn filter(&self, actor: &Actor, now: Time, queue: bool) -> Result<Filter> {
        let hours = |hours: i64| now.plus_seconds(-hours * 3600);
        let (older_than, newer_than) = match self.value("age") {
            None => (None, None),
            Some("under-1d") => (None, Some(hours(24))),
            Some("1-2d") => (Some(hours(24)), Some(hours(48))),
            Some("over-2d") => (Some(hours(48)), None),
            Some(other) => return Err(unknown("age", "under-1d, 1-2d, over-2d", other)),
        };
        let expires_before = self.value("expiring").map(|given| within(given, now)).transpose()?;
        let snoozes = match self.value("snoozed") {
            None if queue => Snoozes::Hidden(now),
            None | Some("shown") => Snoozes::Shown,
            Some("only") => Snoozes::Only(now),
            Some(other) => return Err(unknown("snoozed", "only, shown", other)),
        };
        let assignee = match self.value("assignee") {
            None => None,
            Some("nobody") => Some(Assignee::Nobody),
            Some(given) => Some(Assignee::User(person("assignee", "me, nobody", given, actor)?)),
        };
        // What lapses soon is looked at in this order, unless another was asked for.
        let usual = if expires_before.is_some() {
            Sort::Expiring
        } else if queue {
            Sort::Oldest
        } else {
            Sort::Newest
        };
        let decided: Option<Decided> = self.word("decided")?;
        let days = self.days()?;
        let ever = (Time::from_micros(0), Time::from_micros(i64::MAX));
        Ok(Filter {
            decided: decided.map(|how| (how, days.unwrap_or(ever).0, days.unwrap_or(ever).1)),
            counted: days.filter(|_| decided.is_none()),
            states: self.states(queue)?,
            mailbox: self.value("mailbox").map(MailboxId::from),
            campaign: self.value("campaign").map(str::to_owned),
            tag: self.value("tag").map(str::to_owned),
            words: self.value("q").map(str::to_owned),
            older_than,
            newer_than,
            expires_before,
            assignee,
            mentions: self.value("mentions").map(|given| person("mentions", "me", given, actor)).transpose()?,
            snoozes,
            claims: self.word("claims")?,
            origin: self.word("origin")?,
            way: self.word("way")?,
            labelled: self.is("labelled", "yes"),
            sort: self.word("sort")?.unwrap_or(usual),
            after: self.value("after").map(MessageId::from),
            before: self.value("before").map(MessageId::from),
            limit: PAGE,
            ..Filter::default()
        })
    }

    /// The query again: known fields in a fixed order, without blank ones.
    pub fn to_query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in NAMES {
            if let Some(value) = self.value(name) {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// The same with another value. Any other change than of the page leads to the first page.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        self.clone().set("after", "").set("before", "").set(name, value)
    }

    /// The same without a field.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        self.with(name, "")
    }

    /// The same from its first page.
    #[must_use]
    pub fn first_page(&self) -> Self {
        self.without("after")
    }

    /// Whether it leaves anything out of the list. Order and page do not.
    pub fn is_filtered(&self) -> bool {
        NAMES.iter().any(|name| !matches!(*name, "sort" | "after" | "before") && self.value(name).is_some())
    }

    fn states(&self, queue: bool) -> Result<Vec<State>> {
        let state: Option<State> = self.word("state")?;
        match (queue, state) {
            (true, None | Some(State::Pending)) => Ok(vec![State::Pending]),
            (true, Some(state)) => Err(Error::invalid(
                "field_invalid",
                "state",
                format!("The queue holds what is pending. Look for messages that are {} under Messages.", super::spaced(state)),
            )),
            (false, None) => Ok(self.word::<Way>("way")?.map(Way::states).unwrap_or_default()),
            (false, Some(state)) => Ok(vec![state]),
        }
    }

    /// The days between `from` and `until`, both with their last moment.
    fn days(&self) -> Result<Option<(Time, Time)>> {
        let day = |name: &str| {
            let wrong = || Error::invalid("field_invalid", name, format!("{name} must be a day, such as 2026-11-21."));
            self.value(name).map(|given| Time::parse(given).ok_or_else(wrong)).transpose()
        };
        let (from, until) = (day("from")?, day("until")?);
        Ok((from.is_some() || until.is_some()).then(|| {
            let end = until.map_or(Time::from_micros(i64::MAX), |last| last.plus_days(1));
            (from.unwrap_or(Time::from_micros(0)), end)
        }))
    }

    fn word<T: std::str::FromStr<Err = String>>(&self, name: &str) -> Result<Option<T>> {
        self.value(name)
            .map(|given| given.parse().map_err(|expected| Error::invalid("field_invalid", name, format!("{name} must be {expected}."))))
            .transpose()
    }

    fn value(&self, name: &str) -> Option<&str> {
        NAMES.iter().zip(&self.0).find(|(known, _)| **known == name).and_then(|(_, value)| value.as_deref())
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        if let Some(place) = NAMES.iter().position(|known| *known == name) {
            self.0[place] = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
        self
    }
}

fn unknown(field: &str, expected: &str, given: &str) -> Error {
    Error::invalid("field_invalid", field, format!("{field} must be one of {expected}; got \"{}\".", text::excerpt(given)))
}

fn within(given: &str, now: Time) -> Result<Time> {
    match given.parse::<i64>() {
        Ok(hours @ 1..=MOST_HOURS) => Ok(now.plus_seconds(hours * 3600)),
        _ => Err(Error::invalid(
            "field_invalid",
            "expiring",
            format!("expiring must be a number of hours from 1 to {MOST_HOURS}; got \"{}\".", text::excerpt(given)),
        )),
    }
}

fn person(field: &str, words: &str, given: &str, actor: &Actor) -> Result<UserId> {
    match given {
        "me" => Ok(UserId::from(actor.id())),
        id if id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') => Ok(UserId::from(id)),
        other => Err(unknown(field, &format!("{words}, the id of a person"), other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::{Mailboxes, Role};
    use crate::domain::messages::Origin;
    use crate::domain::messages::list::Claims;

    fn rita() -> Actor {
        Actor::User { id: UserId::from("0190-rita"), name: "Rita".into(), role: Role::Reviewer, mailboxes: Mailboxes::All }
    }

    fn filter(query: &str, queue: bool) -> Result<Filter> {
        ListQuery::parse(query).filter(&rita(), Time::from_seconds(1_000_000), queue)
    }

    #[test]
    fn a_query_is_written_in_one_order_without_blank_and_unknown_fields() {
        let query = ListQuery::parse("sort=newest&page=7&q=+ana%26co+&tag=&mailbox=m1&__proto__=1&after=x");
        assert_eq!(query.to_query(), "q=ana%26co&mailbox=m1&sort=newest&after=x");
        assert_eq!(ListQuery::parse(&query.to_query()), query);
        assert_eq!(ListQuery::parse("q=a&q=b").to_query(), "q=b");
        assert_eq!(ListQuery::default().to_query(), "");
    }

    #[test]
    fn the_frame_reads_it_like_any_query_of_an_address() {
        let query = actix_web::web::Query::<ListQuery>::from_query("sort=oldest&unknown=1&q=two+words&q=&claims=open").unwrap();
        assert_eq!(query.to_query(), "claims=open&sort=oldest");
        assert!(actix_web::web::Query::<ListQuery>::from_query("").unwrap().to_query().is_empty());
    }

    #[test]
    fn another_filter_starts_at_the_first_page_and_another_page_keeps_the_filter() {
        let query = ListQuery::parse("claims=open&after=a");
        assert_eq!(query.with("sort", "newest").to_query(), "claims=open&sort=newest");
        assert_eq!(query.without("claims").to_query(), "");
        assert_eq!(query.with("before", "b").to_query(), "claims=open&before=b");
        assert_eq!(query.first_page().to_query(), "claims=open");
        assert_eq!(query.with("nonsense", "x"), query.first_page());
        assert!(query.is("claims", "open") && query.get("q").is_empty());
    }

    #[test]
    fn order_and_page_are_no_filter() {
        assert!(!ListQuery::parse("sort=newest&after=a&before=b").is_filtered());
        assert!(ListQuery::parse("claims=open").is_filtered());
        assert!(ListQuery::parse("snoozed=shown").is_filtered());
    }

    #[test]
    fn each_field_reaches_the_filter() {
        let now = Time::from_seconds(1_000_000);
        let all = "q=a&mailbox=m&campaign=c&tag=t&assignee=me&mentions=me&snoozed=only&claims=clean&origin=agent&age=1-2d&expiring=24&sort=newest&after=x&before=y";
        let found = filter(all, true).unwrap();
        assert_eq!((found.words.as_deref(), found.campaign.as_deref(), found.tag.as_deref()), (Some("a"), Some("c"), Some("t")));
        assert_eq!((found.mailbox, found.after, found.before), (Some("m".into()), Some("x".into()), Some("y".into())));
        assert_eq!(found.assignee, Some(Assignee::User(UserId::from("0190-rita"))));
        assert_eq!(found.mentions, Some(UserId::from("0190-rita")));
        assert_eq!((found.snoozes, found.claims, found.origin), (Snoozes::Only(now), Some(Claims::Clean), Some(Origin::Agent)));
        assert_eq!((found.older_than, found.newer_than), (Some(now.plus_days(-1)), Some(now.plus_days(-2))));
        assert_eq!((found.expires_before, found.sort), (Some(now.plus_days(1)), Sort::Newest));
        assert_eq!(filter("assignee=nobody", true).unwrap().assignee, Some(Assignee::Nobody));
    }

    #[test]
    fn the_queue_is_oldest_first_and_hides_what_was_put_off() {
        let queue = filter("", true).unwrap();
        assert_eq!((queue.sort, queue.states.as_slice()), (Sort::Oldest, &[State::Pending][..]));
        assert_eq!(queue.snoozes, Snoozes::Hidden(Time::from_seconds(1_000_000)));
        assert_eq!(filter("snoozed=shown", true).unwrap().snoozes, Snoozes::Shown);
        let all = filter("", false).unwrap();
        assert_eq!((all.sort, all.states.len(), all.snoozes), (Sort::Newest, 0, Snoozes::Shown));
        assert_eq!(filter("expiring=4", true).unwrap().sort, Sort::Expiring);
    }

    #[test]
    fn an_unknown_value_is_refused_with_a_sentence() {
        for (query, field) in [
            ("state=gone", "state"),
            ("state=sent", "state"),
            ("assignee=everybody", "assignee"),
            ("mentions=nobody", "mentions"),
            ("snoozed=yes", "snoozed"),
            ("claims=some", "claims"),
            ("origin=moon", "origin"),
            ("age=old", "age"),
            ("expiring=0", "expiring"),
            ("expiring=soon", "expiring"),
            ("expiring=99999999999999999999", "expiring"),
            ("sort=best", "sort"),
        ] {
            let error = filter(query, true).unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), ("field_invalid", Some(field)), "{query}");
            assert!(error.detail.ends_with('.'), "{}", error.detail);
        }
        assert_eq!(filter("state=sent", false).unwrap().states, [State::Sent]);
    }
}

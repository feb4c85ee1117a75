//! What recipients choose: topics they do not want, how often they are written to, a pause, an end. They say so in the
//! preference centre; people and keys can note it for them, and keys only in the direction of less.

pub mod centre;
pub mod footers;
mod queries;
pub mod topics;

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, TopicId};

pub use topics::Topic;

/// The most messages a week that a recipient can choose; without a choice the limits of the desk hold alone.
pub const MOST_PER_WEEK: i32 = 7;
/// How long the button of the preference centre pauses, in days.
pub const PAUSE_DAYS: i64 = 30;
/// The longest pause, in days.
pub const LONGEST_PAUSE_DAYS: i64 = 366;

/// What one contact chose. What they said nothing of is as the topic says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Topics of which nothing may be sent to them.
    pub off: BTreeSet<TopicId>,
    /// The most messages in any seven days, 1 to 7.
    pub most_per_week: Option<i32>,
    /// Nothing commercial before this time.
    pub paused_until: Option<Time>,
}

impl Preferences {
    /// Whether messages of this topic are not wanted.
    pub fn refuses(&self, topic: Option<&TopicId>) -> bool {
        topic.is_some_and(|topic| self.off.contains(topic))
    }

    /// Until when nothing may be sent, where that is still to come.
    pub fn paused(&self, now: Time) -> Option<Time> {
        self.paused_until.filter(|until| *until > now)
    }
}

/// The preferences of many contacts in three statements; each contact has an entry.
pub fn of_many(conn: &mut Conn, contacts: &[ContactId]) -> Result<HashMap<ContactId, Preferences>> {
    let off_for_all: BTreeSet<TopicId> = queries::topics(conn)?.into_iter().filter(|topic| !topic.wanted).map(|topic| topic.id).collect();
    let nothing_said = Preferences { off: off_for_all, ..Preferences::default() };
    let mut all: HashMap<ContactId, Preferences> = contacts.iter().map(|id| (id.clone(), nothing_said.clone())).collect();
    for (contact, topic, wanted) in queries::choices(conn, contacts)? {
        let Some(of_contact) = all.get_mut(&contact) else { continue };
        if wanted {
            of_contact.off.remove(&topic);
        } else {
            of_contact.off.insert(topic);
        }
    }
    for (contact, most_per_week, paused_until) in queries::limits(conn, contacts)? {
        if let Some(of_contact) = all.get_mut(&contact) {
            (of_contact.most_per_week, of_contact.paused_until) = (most_per_week, paused_until);
        }
    }
    Ok(all)
}

/// The preferences of one contact.
pub fn of(conn: &mut Conn, contact: &ContactId) -> Result<Preferences> {
    Ok(of_many(conn, std::slice::from_ref(contact))?.remove(contact).unwrap_or_default())
}

/// The preferences of a contact, for whoever may read it.
pub fn get(conn: &mut Conn, actor: &Actor, contact: &ContactId) -> Result<Preferences> {
    contacts::get(conn, actor, contact)?;
    of(conn, contact)
}

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Topics and whether they are wanted.
    pub topics: Vec<(TopicId, bool)>,
    /// The most messages in any seven days; none inside takes the limit away.
    pub most_per_week: Option<Option<i32>>,
    /// Nothing before this time; none inside ends a pause.
    pub paused_until: Option<Option<Time>>,
}

/// Notes what a contact wants. A key can only note less: topics off, a lower limit, a longer pause.
pub fn change(conn: &mut Conn, actor: &Actor, contact: &ContactId, change: &Change, now: Time) -> Result<Preferences> {
    actor.must_manage_or_have(Scope::Contacts)?;
    transaction(conn, |conn| {
        contacts::get(conn, &Actor::System("preferences"), contact)?;
        if matches!(actor, Actor::Key { .. }) {
            refuse_more(&of(conn, contact)?, change)?;
        }
        write(conn, actor, contact, change, now)
    })
}

fn refuse_more(before: &Preferences, change: &Change) -> Result<()> {
    let limit = |most: Option<i32>| most.unwrap_or(i32::MAX);
    let more = change.topics.iter().any(|(topic, wanted)| *wanted && before.off.contains(topic))
        || change.most_per_week.is_some_and(|most| limit(most) > limit(before.most_per_week))
        || change.paused_until.is_some_and(|until| until < before.paused_until);
    match more {
        true => Err(Error::forbidden(
            "person_required",
            "A key can switch topics off, lower the limit and lengthen a pause, and never the other way. Only the recipient or a person can.",
        )),
        false => Ok(()),
    }
}

/// Writes a change that was allowed.
fn write(conn: &mut Conn, actor: &Actor, contact: &ContactId, change: &Change, now: Time) -> Result<Preferences> {
    if let Some(Some(most)) = change.most_per_week
        && !(1..=MOST_PER_WEEK).contains(&most)
    {
        return Err(Error::invalid("field_invalid", "most_per_week", format!("most_per_week must be 1 to {MOST_PER_WEEK}; got {most}.")));
    }
    if let Some(Some(until)) = change.paused_until
        && until > now.plus_days(LONGEST_PAUSE_DAYS)
    {
        let detail = format!("paused_until must be within {LONGEST_PAUSE_DAYS} days; got {until}.");
        return Err(Error::invalid("field_invalid", "paused_until", detail));
    }
    let topics = queries::topics(conn)?;
    for (topic, wanted) in &change.topics {
        if !topics.iter().any(|known| known.id == *topic) {
            return Err(topics::unknown());
        }
        queries::put_choice(conn, contact, topic, *wanted, actor.name(), now)?;
    }
    let before = of(conn, contact)?;
    let most = change.most_per_week.unwrap_or(before.most_per_week);
    let until = change.paused_until.unwrap_or(before.paused_until);
    if (most, until) != (before.most_per_week, before.paused_until) {
        queries::put_limits(conn, contact, most, until, actor.name(), now)?;
    }
    let chosen: Vec<_> = change.topics.iter().map(|(topic, wanted)| json!({"topic": topic, "wanted": wanted})).collect();
    let detail = json!({"topics": chosen, "most_per_week": most, "paused_until": until});
    audit::record(
        conn,
        actor,
        Entry { action: "contact.prefer", target_kind: "contact", target_id: contact.as_str(), mailbox_id: None, detail },
        now,
    )?;
    of(conn, contact)
}

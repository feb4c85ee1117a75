//! What is known of messages, people and mailboxes, loaded for a whole set in a number of statements that does not
//! depend on how many there are.

pub(super) mod queries;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, MailboxId, MessageId};
use crate::domain::preferences;
use crate::domain::referrals::fatigue::{self, Prompt};
use crate::domain::referrals::prompts;
use crate::domain::reputation::plan::SPIKE_DAYS;
use crate::domain::reputation::{Pace, queries as counted};

use super::checks::{Outgoing, Past, Permission, Person, Stream, Wishes};
use super::consent::{Class, Ground, Held};
use super::rules::Rules;

/// The longest window that anything but a step looks back over, in days.
fn longest_window(rules: &Rules) -> i64 {
    i64::from(rules.cap_days.max(7))
}

/// What is known of these people.
pub(super) fn people(conn: &mut Conn, ids: &[ContactId], rules: &Rules, now: Time) -> Result<HashMap<ContactId, Person>> {
    let mut people: HashMap<ContactId, Person> = HashMap::new();
    for row in queries::people(conn, ids)? {
        let held = Held { country: country_of(&row.metadata), ..Held::default() };
        people.insert(row.id, Person { held, time_zone: row.time_zone, absent_until: row.absent_until, ..Person::default() });
    }
    for (id, basis, at) in queries::grounds(conn, ids)? {
        people.entry(id).or_default().held.grounds.push(Ground { basis, at });
    }
    let groundless: Vec<ContactId> = people.iter().filter(|(_, person)| person.held.grounds.is_empty()).map(|(id, _)| id.clone()).collect();
    for id in queries::asked(conn, &groundless)? {
        people.entry(id).or_default().held.asked = true;
    }
    for got in counted::to_people(conn, ids, now.plus_days(-longest_window(rules)))? {
        let past = Past { at: got.at, commercial: got.commercial, topic: got.topic, campaign: got.campaign, step: got.step };
        people.entry(got.contact_id).or_default().past.push(past);
    }
    for (id, at) in queries::wrote_at(conn, ids)? {
        people.entry(id).or_default().wrote_at = at;
    }
    for (id, chosen) in preferences::of_many(conn, ids)? {
        let most_per_week = chosen.most_per_week.and_then(|most| u32::try_from(most).ok());
        let topics_off = chosen.off.iter().map(ToString::to_string).collect();
        people.entry(id).or_default().wishes = Wishes { topics_off, most_per_week, paused_until: chosen.paused_until };
    }
    for (id, tag) in queries::migrated(conn, ids)? {
        people.entry(id).or_default().migrated.push(tag);
    }
    Ok(people)
}

/// Adds how these people were asked to recommend.
pub(super) fn prompted(conn: &mut Conn, people: &mut HashMap<ContactId, Person>, ids: &[ContactId]) -> Result<()> {
    for (id, history) in fatigue::of_many(conn, ids)? {
        people.entry(id).or_default().prompted = history;
    }
    Ok(())
}

fn country_of(metadata: &serde_json::Map<String, serde_json::Value>) -> Option<String> {
    metadata.get("country").and_then(|country| country.as_str()).map(str::to_owned)
}

/// What mail to one person could rest on.
pub(super) fn held(conn: &mut Conn, id: &ContactId) -> Result<Held> {
    let one = std::slice::from_ref(id);
    let country = queries::people(conn, one)?.pop().and_then(|row| country_of(&row.metadata));
    let grounds = queries::grounds(conn, one)?.into_iter().map(|(_, basis, at)| Ground { basis, at }).collect();
    Ok(Held { country, grounds, asked: !queries::asked(conn, one)?.is_empty() })
}

/// A mailbox's stream, with the days its median is made of.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) stream: Stream,
    /// The numbers of the days before today since it was armed, within the window of the median.
    pub(super) days: Vec<i64>,
}

/// What is known of these mailboxes. With `hold` nobody else counts there until the transaction ends.
pub(super) fn flows(conn: &mut Conn, ids: &[MailboxId], hold: bool, now: Time) -> Result<BTreeMap<MailboxId, Flow>> {
    let mut paces: HashMap<MailboxId, Pace> = HashMap::new();
    for pace in counted::paces(conn, ids)? {
        paces.insert(pace.mailbox_id.clone(), pace);
    }
    let limited: Vec<MailboxId> = paces.values().filter(|pace| pace.is_limited()).map(|pace| pace.mailbox_id.clone()).collect();
    if hold && !limited.is_empty() {
        counted::hold_paces(conn, &limited)?;
    }
    let today = now.date();
    let first = Time::from_date(today).plus_days(-SPIKE_DAYS).date();
    let mut flows: BTreeMap<MailboxId, Flow> = BTreeMap::new();
    for id in ids {
        let pace = paces.remove(id).unwrap_or_else(|| Pace::usual(id.clone()));
        let warm_days = match pace.warmup_since {
            Some(since) => counted::sending_days(conn, id, &since.date().to_string(), &today.to_string())?,
            None => 0,
        };
        flows.insert(id.clone(), Flow { stream: Stream { pace, today: 0, warm_days, turns: vec![] }, days: vec![] });
    }
    for (id, day, tally) in counted::days(conn, ids, &first.to_string())? {
        let Some(flow) = flows.get_mut(&id) else { continue };
        if day == today.to_string() {
            flow.stream.today = tally.sent;
        } else if day >= flow.stream.pace.armed_at.date().to_string() {
            flow.days.push(tally.sent);
        }
    }
    if !limited.is_empty() {
        for (id, domain, at) in counted::turns(conn, &limited, now.plus_seconds(-60))? {
            if let Some(flow) = flows.get_mut(&id) {
                flow.stream.turns.push((domain, at));
            }
        }
    }
    Ok(flows)
}

/// A message with whom it goes to.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) id: MessageId,
    pub(super) mailbox_id: MailboxId,
    pub(super) contact_id: ContactId,
    pub(super) outgoing: Outgoing,
}

/// What is known of these messages, in the order in which they are named.
pub(super) fn messages(conn: &mut Conn, ids: &[MessageId], now: Time) -> Result<Vec<Due>> {
    let recovered: HashSet<MessageId> = queries::recovered(conn, ids)?.into_iter().collect();
    let mut tags: HashMap<MessageId, Vec<String>> = HashMap::new();
    for (id, tag) in queries::program_tags(conn, ids)? {
        tags.entry(id).or_default().push(tag);
    }
    let mut wanted: HashMap<MessageId, Prompt> = prompts::of_messages(conn, ids)?.into_iter().collect();
    let mut found: HashMap<MessageId, Due> = HashMap::new();
    for row in queries::candidates(conn, ids)? {
        let tags = tags.remove(&row.id).unwrap_or_default();
        let of = |prefix: &str| tags.iter().find(|tag| tag.starts_with(prefix)).cloned();
        let outgoing = Outgoing {
            class: row.class.unwrap_or(Class::Commercial),
            topic: row.topic.map(|topic| topic.to_string()),
            step: of("drip_step_"),
            campaign: row.campaign.or_else(|| of("campaign_")),
            migrations: tags.iter().filter(|tag| tag.contains("migration-")).cloned().collect(),
            domain: row.email_key.rsplit('@').next().unwrap_or_default().to_owned(),
            reviewed: row.reviewed,
            names_ground: row.consent_basis.is_some(),
            submitted_at: row.submitted_at.unwrap_or(now),
            recovered: recovered.contains(&row.id),
            permission: Permission::NotAsked,
            lost_ground: None,
            prompt: wanted.remove(&row.id).map(|prompt| (prompt, Some(row.id.clone()))),
        };
        found.insert(row.id.clone(), Due { id: row.id, mailbox_id: row.mailbox_id, contact_id: row.contact_id, outgoing });
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Each of these once, in order.
pub(super) fn unique<T: Ord + Clone>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<BTreeSet<T>>().into_iter().collect()
}

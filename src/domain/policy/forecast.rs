//! What would happen to messages to many people, counted.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, Contact, Search};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MailboxId, SegmentId};
use crate::domain::{mailboxes, segments};

use super::explain::{Gate, is_test};
use super::{Check, Outcome, Standing, Verdict, longest_delay, outcome};

/// Most people of one forecast.
pub const MOST_PEOPLE: usize = 1000;
/// Most people that are named.
const MOST_NAMED: usize = 100;

/// Whom to forecast for.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Ids or addresses, at most 1000.
    pub contacts: Vec<String>,
    /// Instead: contacts by their tags, separated by commas, a leading minus excludes.
    pub tags: Option<String>,
    /// Instead: the contacts of this segment.
    pub segment_id: Option<SegmentId>,
    /// The mailbox by address or id.
    pub mailbox: Option<String>,
    /// The class of mail.
    pub class: Option<String>,
    /// The campaign it would belong to.
    pub campaign: Option<String>,
}

/// How many one check decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The check.
    pub check: &'static str,
    /// What it says.
    pub verdict: Verdict,
    /// How many people.
    pub count: usize,
}

/// Somebody who would not simply be mailed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The contact, where there is one.
    pub contact_id: Option<ContactId>,
    /// The address.
    pub email: String,
    /// What would happen.
    pub verdict: Verdict,
    /// The check that decides.
    pub check: &'static str,
    /// The same in a sentence.
    pub detail: String,
}

/// What would happen.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// From which mailbox.
    pub mailbox_id: MailboxId,
    /// How many people were looked at.
    pub total: usize,
    /// Messages to so many would go out after the checks.
    pub pass: usize,
    /// To so many they would leave later, by themselves.
    pub defer: usize,
    /// To so many they would wait.
    pub hold: usize,
    /// To so many of these they would leave later once somebody released them.
    pub hold_then_defer: usize,
    /// To so many they would be refused.
    pub refuse: usize,
    /// The deciding checks, the most frequent first; for those that would wait also the check that would delay them after that.
    pub reasons: Vec<Reason>,
    /// The refused first, at most 100.
    pub named: Vec<Named>,
    /// Ids that no contact has.
    pub unknown: Vec<String>,
    /// There are more contacts with these tags than were looked at.
    pub more: bool,
}

/// Forecasts messages to many people that this actor would submit now. A person counts once.
pub fn forecast(conn: &mut Conn, actor: &Actor, group: &Group, now: Time) -> Result<Forecast> {
    actor.must_have(Scope::Read)?;
    let mailbox = mailboxes::resolve(conn, actor, group.mailbox.as_deref())?;
    let mut gate = Gate::look(conn, &mailbox, group.class.as_deref(), group.campaign.as_deref(), now)?;
    let switches = Standing { is_test: is_test(actor), ..Standing::default().with_switches(conn, &mailbox)? };
    let (people, unknown, more) = people(conn, actor, group, now)?;
    let mut found = Forecast {
        mailbox_id: mailbox.id,
        total: people.len(),
        pass: 0,
        defer: 0,
        hold: 0,
        hold_then_defer: 0,
        refuse: 0,
        reasons: vec![],
        named: vec![],
        unknown,
        more,
    };
    let mut reasons: BTreeMap<(&'static str, Verdict), usize> = BTreeMap::new();
    let ids: Vec<ContactId> = people.iter().filter_map(|person| Some(person.contact.as_ref()?.row.id.clone())).collect();
    let mut facts = gate.people(conn, &ids, now)?;
    for person in people {
        let standing =
            Standing { all_stopped: switches.all_stopped, mailbox_stopped: switches.mailbox_stopped, is_test: switches.is_test, ..person.standing };
        let known = person.contact.as_ref().and_then(|contact| facts.remove(&contact.row.id)).unwrap_or_default();
        let domain = person.email.rsplit('@').next().unwrap_or_default();
        let ruled = gate.is_ruled(conn, person.contact.as_ref(), now)?;
        let checks = gate.checks(&standing, person.contact.as_ref(), &known, domain, ruled, now);
        let Check { check, verdict, detail, .. } = match outcome(&checks) {
            Outcome::Send => {
                found.pass += 1;
                // Whoever comes next finds one place less, as it would be.
                gate.stream.today += 1;
                gate.stream.turns.push((domain.to_owned(), now));
                continue;
            }
            Outcome::Defer { because, .. } | Outcome::Skip(because) | Outcome::Hold(because) => because,
        };
        *reasons.entry((check, verdict)).or_default() += 1;
        // Once somebody released it.
        if let Some(delay) = longest_delay(&checks).filter(|_| verdict == Verdict::Hold) {
            *reasons.entry((delay.check, delay.verdict)).or_default() += 1;
            found.hold_then_defer += 1;
        }
        match verdict {
            Verdict::Refuse => found.refuse += 1,
            Verdict::Defer => found.defer += 1,
            _ => found.hold += 1,
        }
        found.named.push(Named { contact_id: person.contact.map(|contact| contact.row.id), email: person.email, verdict, check, detail });
    }
    found.named.sort_by_key(|named| std::cmp::Reverse(named.verdict));
    found.named.truncate(MOST_NAMED);
    found.reasons = reasons.into_iter().map(|((check, verdict), count)| Reason { check, verdict, count }).collect();
    found.reasons.sort_by_key(|reason| std::cmp::Reverse((reason.verdict, reason.count)));
    Ok(found)
}

struct Person {
    contact: Option<Contact>,
    email: String,
    standing: Standing,
}

impl From<Contact> for Person {
    fn from(contact: Contact) -> Self {
        Person { email: contact.row.email.clone(), standing: Standing::of_contact(&contact), contact: Some(contact) }
    }
}

fn people(conn: &mut Conn, actor: &Actor, group: &Group, now: Time) -> Result<(Vec<Person>, Vec<String>, bool)> {
    let search = match (&group.segment_id, &group.tags) {
        (None, None) => None,
        (None, Some(tags)) => {
            let (tags, without_tags) = contacts::split_tags(tags);
            Some(Search { tags, without_tags, limit: MOST_PEOPLE, ..Search::default() })
        }
        (Some(id), None) => Some(segments::by_id(conn, id)?.search(MOST_PEOPLE, None, now)),
        (Some(_), Some(_)) => return Err(Error::invalid("field_invalid", "segment_id", "Give contacts, tags or segment_id, one of the three.")),
    };
    match (search, group.contacts.len()) {
        (Some(search), 0) => {
            let (found, cursor) = contacts::search(conn, actor, &search)?;
            return Ok((found.into_iter().map(Person::from).collect(), vec![], cursor.is_some()));
        }
        (None, 1..=MOST_PEOPLE) => {}
        (Some(_), _) => return Err(Error::invalid("field_invalid", "tags", "Give contacts, tags or segment_id, one of the three.")),
        (None, got) => {
            return Err(Error::invalid("field_invalid", "contacts", format!("contacts must name 1 to {MOST_PEOPLE} contacts; got {got}.")));
        }
    }
    let (mut ids, mut addresses): (Vec<ContactId>, BTreeMap<String, EmailAddress>) = (vec![], BTreeMap::new());
    for named in &group.contacts {
        if named.contains('@') {
            let address = EmailAddress::parse("contacts", named)?;
            addresses.insert(address.key().to_owned(), address);
        } else {
            ids.push(ContactId::from(named.as_str()));
        }
    }
    let keys: Vec<String> = addresses.keys().cloned().collect();
    let found = contacts::find_many(conn, actor, &ids, &keys)?;
    let unknown = ids.iter().filter(|id| found.iter().all(|contact| contact.row.id != **id)).map(ToString::to_string).collect();
    for contact in &found {
        addresses.remove(&contact.row.email_key);
    }
    let mut people: Vec<Person> = found.into_iter().map(Person::from).collect();
    for (key, address) in addresses {
        people.push(Person { contact: None, email: address.as_str().to_owned(), standing: Standing::of(conn, &key, None)? });
    }
    Ok((people, unknown, false))
}

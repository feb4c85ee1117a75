//! Endpoints: administrators say where webhooks go and of what they tell.

use serde_json::json;

use crate::clock::Time;
use crate::db::seal::{self, SealError};
use crate::db::statement::hold;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::dialer::Target;
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::EndpointId;
use crate::domain::{mailboxes, text};

use super::signature::new_secret;
use super::{Endpoint, EventType, queries};

/// How long two secrets are valid after a rotation, in hours.
pub const ROTATION_HOURS: i64 = 24;
/// The table of endpoints.
pub(super) const TABLE: &str = "webhook_endpoints";
/// Most endpoints there can be.
const MOST: usize = 100;

/// What an endpoint wants.
#[derive(Debug, Clone, Default)]
pub struct Wants {
    /// Types of events; all when empty.
    pub events: Vec<EventType>,
    /// Mailboxes by address or id; all when empty.
    pub mailboxes: Vec<String>,
    /// Campaigns or tags of messages; all when empty.
    pub campaigns: Vec<String>,
}

/// An endpoint to be added.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// The address, looked at already.
    pub target: Target,
    /// What it is for.
    pub description: String,
    /// What it wants.
    pub wants: Wants,
}

/// What is changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Another address, looked at already.
    pub target: Option<Target>,
    /// What it is for.
    pub description: Option<String>,
    /// Types of events.
    pub events: Option<Vec<EventType>>,
    /// Mailboxes by address or id.
    pub mailboxes: Option<Vec<String>>,
    /// Campaigns or tags of messages.
    pub campaigns: Option<Vec<String>>,
}

/// Adds an endpoint. The secret that its webhooks are signed with is in the answer and shown nowhere else.
pub fn add(conn: &mut Conn, actor: &Actor, new: &NewEndpoint, now: Time) -> Result<(Endpoint, String)> {
    must_administer(actor)?;
    transaction(conn, |conn| {
        if queries::all(conn)?.len() >= MOST {
            return Err(Error::conflict("too_many_webhooks", format!("There are {MOST} webhooks already. Delete one that is no longer needed.")));
        }
        let (id, secret) = (EndpointId::new(), new_secret());
        let mut row = Endpoint {
            secret: seal::seal(&place(&id), &secret)?,
            id,
            url: new.target.as_str().to_owned(),
            description: String::new(),
            event_types: Json::new(vec![]),
            mailboxes: Json::new(vec![]),
            campaigns: Json::new(vec![]),
            previous_secret: None,
            previous_until: None,
            disabled_at: None,
            disabled_because: None,
            created_at: now,
            updated_at: now,
        };
        let change = Change {
            target: None,
            description: Some(new.description.clone()),
            events: Some(new.wants.events.clone()),
            mailboxes: Some(new.wants.mailboxes.clone()),
            campaigns: Some(new.wants.campaigns.clone()),
        };
        apply(conn, actor, &mut row, &change)?;
        queries::insert(conn, &row)?;
        log(conn, actor, "webhook.add", &row, now)?;
        Ok((row, secret))
    })
}

/// Changes address, description and filters.
pub fn change(conn: &mut Conn, actor: &Actor, id: &EndpointId, change: &Change, now: Time) -> Result<Endpoint> {
    transaction(conn, |conn| {
        let mut row = held(conn, actor, id)?;
        apply(conn, actor, &mut row, change)?;
        save(conn, actor, "webhook.change", row, now)
    })
}

fn apply(conn: &mut Conn, actor: &Actor, row: &mut Endpoint, change: &Change) -> Result<()> {
    if let Some(target) = &change.target {
        target.as_str().clone_into(&mut row.url);
    }
    if let Some(description) = &change.description {
        row.description = text::line("description", description, 200)?;
    }
    if let Some(events) = &change.events {
        let mut events = events.clone();
        events.sort_unstable();
        events.dedup();
        row.event_types = Json::new(events);
    }
    if let Some(named) = &change.mailboxes {
        let mut found = named.iter().map(|one| Ok(mailboxes::resolve(conn, actor, Some(one))?.id)).collect::<Result<Vec<_>>>()?;
        found.sort_unstable();
        found.dedup();
        row.mailboxes = Json::new(found);
    }
    if let Some(campaigns) = &change.campaigns {
        if campaigns.len() > 100 {
            return Err(Error::invalid("field_invalid", "campaigns", format!("campaigns must be at most 100; got {}.", campaigns.len())));
        }
        row.campaigns = Json::new(campaigns.iter().map(|one| text::required_line("campaigns", one, 100)).collect::<Result<Vec<_>>>()?);
    }
    Ok(())
}

/// Makes a new secret. The one before signs as well for 24 hours, so that the receiver can change over.
pub fn rotate(conn: &mut Conn, actor: &Actor, id: &EndpointId, now: Time) -> Result<(Endpoint, String)> {
    transaction(conn, |conn| {
        let mut row = held(conn, actor, id)?;
        let secret = new_secret();
        let before = std::mem::replace(&mut row.secret, seal::seal(&place(&row.id), &secret)?);
        let signs_on = !before.is_empty();
        row.previous_secret = signs_on.then_some(before);
        row.previous_until = signs_on.then(|| now.plus_seconds(ROTATION_HOURS * 3600));
        Ok((save(conn, actor, "webhook.rotate", row, now)?, secret))
    })
}

/// Switches an endpoint off. What waits for it is given up and can be replayed.
pub fn disable(conn: &mut Conn, actor: &Actor, id: &EndpointId, now: Time) -> Result<Endpoint> {
    transaction(conn, |conn| {
        let row = held(conn, actor, id)?;
        switch_off(conn, actor, row, &format!("{} switched it off.", actor.name()), now)
    })
}

pub(super) fn switch_off(conn: &mut Conn, actor: &Actor, mut row: Endpoint, why: &str, now: Time) -> Result<Endpoint> {
    if row.disabled_at.is_some() {
        return Ok(row);
    }
    row.disabled_at = Some(now);
    row.disabled_because = Some(why.to_owned());
    queries::give_up_waiting(conn, &row.id, why, now)?;
    save(conn, actor, "webhook.disable", row, now)
}

/// Switches an endpoint on. It hears of what happens from now on.
pub fn enable(conn: &mut Conn, actor: &Actor, id: &EndpointId, now: Time) -> Result<Endpoint> {
    transaction(conn, |conn| {
        let mut row = held(conn, actor, id)?;
        if row.disabled_at.is_none() {
            return Ok(row);
        }
        if row.secret.is_empty() {
            return Err(Error::conflict(
                "webhook_secret_missing",
                "This webhook has no secret. Make a new one, give it to the receiver, and switch it on then.",
            ));
        }
        row.disabled_at = None;
        row.disabled_because = None;
        save(conn, actor, "webhook.enable", row, now)
    })
}

/// Deletes an endpoint and its log.
pub fn delete(conn: &mut Conn, actor: &Actor, id: &EndpointId, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        let row = get(conn, actor, id)?;
        queries::delete(conn, id)?;
        log(conn, actor, "webhook.delete", &row, now)
    })
}

/// All endpoints, oldest first.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Endpoint>> {
    must_administer(actor)?;
    Ok(queries::all(conn)?)
}

/// One endpoint.
pub fn get(conn: &mut Conn, actor: &Actor, id: &EndpointId) -> Result<Endpoint> {
    must_administer(actor)?;
    queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("webhook"))
}

/// The same to change it.
fn held(conn: &mut Conn, actor: &Actor, id: &EndpointId) -> Result<Endpoint> {
    hold(conn, TABLE, id.as_str())?;
    get(conn, actor, id)
}

/// Where the secrets of an endpoint lie, the new one and the one before: they sign for no other.
fn place(id: &EndpointId) -> String {
    format!("webhook_endpoints/{id}")
}

/// What webhooks of this endpoint are signed with now.
pub(super) fn secrets(row: &Endpoint, now: Time) -> std::result::Result<Vec<String>, SealError> {
    let previous = row.previous_secret.iter().filter(|_| row.previous_until.is_some_and(|until| until > now));
    std::iter::once(&row.secret).chain(previous).map(|kept| seal::open(&place(&row.id), kept)).collect()
}

/// Seals the secrets that an older version left open. How many that were.
pub(in crate::domain) fn seal_open(conn: &mut Conn) -> Result<usize> {
    let mut sealed = 0;
    for mut row in queries::all(conn)? {
        let place = place(&row.id);
        let open: Vec<&mut String> =
            std::iter::once(&mut row.secret).chain(row.previous_secret.as_mut()).filter(|kept| !kept.is_empty() && !seal::is_sealed(kept)).collect();
        if open.is_empty() {
            continue;
        }
        for kept in open {
            *kept = seal::seal(&place, kept)?;
            sealed += 1;
        }
        queries::update(conn, &row)?;
    }
    Ok(sealed)
}

/// Whether there is any.
pub(in crate::domain) fn is_any(conn: &mut Conn) -> Result<bool> {
    Ok(!queries::all(conn)?.is_empty())
}

/// Switches off every endpoint whose secret nobody can open any more, and takes the secret away. How many that were.
pub(in crate::domain) fn give_up(conn: &mut Conn, actor: &Actor, now: Time) -> Result<usize> {
    let lost: Vec<_> = queries::all(conn)?.into_iter().filter(|row| seal::open(&place(&row.id), &row.secret).is_err()).collect();
    let count = lost.len();
    for mut row in lost {
        row.secret = String::new();
        row.previous_secret = None;
        row.previous_until = None;
        queries::update(conn, &row)?;
        switch_off(conn, actor, row, "The key that its secret was sealed with is lost. Make a new secret.", now)?;
    }
    Ok(count)
}

/// A key for some mailboxes would hear of all of them by a webhook.
fn must_administer(actor: &Actor) -> Result<()> {
    actor.must_be_admin()?;
    match actor {
        Actor::Key { mailboxes: Mailboxes::These(_), .. } => {
            Err(Error::forbidden("key_limited", "This key is for some mailboxes only, and webhooks tell of all. Use a key without that limit."))
        }
        _ => Ok(()),
    }
}

fn save(conn: &mut Conn, actor: &Actor, action: &'static str, mut row: Endpoint, now: Time) -> Result<Endpoint> {
    row.updated_at = now;
    let before = queries::by_id(conn, &row.id)?.map(|before| shown(&before));
    queries::update(conn, &row)?;
    log_with(conn, actor, action, &row, audit::changed(&json!(before), &shown(&row)), now)?;
    Ok(row)
}

/// As the audit log shows it.
fn shown(row: &Endpoint) -> serde_json::Value {
    json!({
        "url": row.url,
        "events": *row.event_types,
        "mailboxes": *row.mailboxes,
        "campaigns": *row.campaigns,
        "disabled_because": row.disabled_because,
    })
}

pub(super) fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Endpoint, now: Time) -> Result<()> {
    log_with(conn, actor, action, row, shown(row), now)
}

fn log_with(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Endpoint, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "webhook", target_id: row.id.as_str(), mailbox_id: None, detail }, now)
}

//! The stop switches: one for each mailbox and one for all, with who, when and why.
//!
//! `mailboxes.stopped_at` and the setting `sending_stopped` are what the outbox looks at, in the statement before the
//! final dot. The rows here say why they are set; both change in one transaction.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MailboxId;
use crate::domain::outbox::hold_dots;
use crate::domain::{reputation, settings, text, webhooks};

use super::{get, log, only_for_people, queries};

/// The switch for all mailboxes.
const ALL: &str = "all";
/// The switch that a restored or copied database sets by itself.
const RESTORED: &str = "restored";
/// The longest reason, in characters.
pub const LONGEST_REASON: usize = 500;

/// What a stop holds back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Every mailbox, because somebody said so.
    All,
    /// Every mailbox, because the database was put back or copied.
    Restored,
    /// One mailbox: its id and address.
    Mailbox(MailboxId, String),
}

/// A stop that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What it holds back.
    pub held: Held,
    /// Since when.
    pub at: Time,
    /// Who stopped, by name.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
}

impl Stop {
    /// Whether it holds back every mailbox.
    pub fn is_for_all(&self) -> bool {
        !matches!(self.held, Held::Mailbox(..))
    }
}

/// Stops sending: of one mailbox, or of all with `None`. A key can stop what it reaches. Who stopped already stays
/// named, with their reason.
pub fn stop(conn: &mut Conn, actor: &Actor, id: Option<&MailboxId>, reason: &str, now: Time) -> Result<()> {
    if !matches!(actor, Actor::Key { .. }) || actor.must_have(Scope::Oversight).is_err() {
        actor.must_manage()?;
    }
    if let (None, Actor::Key { mailboxes: Mailboxes::These(_), .. }) = (id, actor) {
        return Err(Error::forbidden("key_limited", "This key is for some mailboxes only. Name the one to stop."));
    }
    // Whoever is in a hurry is not held up for words.
    let reason = text::optional_line("reason", Some(reason), LONGEST_REASON)?.unwrap_or_else(|| "No reason was given.".to_owned());
    transaction(conn, |conn| match id {
        Some(id) => {
            hold_dots(conn)?;
            let mailbox = get(conn, actor, id)?;
            if !queries::insert_stop(conn, id.as_str(), actor, &reason, now)? {
                return Ok(());
            }
            queries::set_stopped(conn, id, Some(now))?;
            webhooks::paused(conn, actor, Some(&mailbox), now)?;
            log(conn, actor, "sending.stop", id, json!({"reason": reason}), now)
        }
        None => stop_all(conn, actor, ALL, &reason, now),
    })
}

/// Stops everything because this database was put back or copied; only an administrator resumes it.
pub fn stop_restored(conn: &mut Conn, actor: &Actor, reason: &str, now: Time) -> Result<()> {
    transaction(conn, |conn| stop_all(conn, actor, RESTORED, reason, now))
}

fn stop_all(conn: &mut Conn, actor: &Actor, scope: &'static str, reason: &str, now: Time) -> Result<()> {
    hold_dots(conn)?;
    if !queries::insert_stop(conn, scope, actor, reason, now)? {
        return Ok(());
    }
    settings::set(conn, settings::SENDING_STOPPED, &now.to_string())?;
    webhooks::paused(conn, actor, None, now)?;
    log_all(conn, actor, "sending.stop", json!({"reason": reason}), now)
}

/// Whether this database was put back or copied, and no administrator has confirmed it yet. Then nothing leaves: no mail, no
/// webhook, and of the notices only mail about somebody's own account that they asked for since.
pub(in crate::domain) fn is_unconfirmed(conn: &mut Conn) -> Result<bool> {
    Ok(unconfirmed_since(conn)?.is_some())
}

/// Since when it is so.
pub(in crate::domain) fn unconfirmed_since(conn: &mut Conn) -> Result<Option<Time>> {
    Ok(queries::stopped_since(conn, RESTORED)?)
}

/// Lets sending go on: of one mailbox, or of all with `None`. For people alone, and after a database was put back for
/// administrators alone.
pub fn resume(conn: &mut Conn, actor: &Actor, id: Option<&MailboxId>, now: Time) -> Result<()> {
    actor.must_manage()?;
    only_for_people(actor)?;
    transaction(conn, |conn| match id {
        Some(id) => {
            get(conn, actor, id)?;
            queries::delete_stop(conn, id.as_str())?;
            queries::set_stopped(conn, id, None)?;
            reputation::watch::rearm(conn, id, now)?;
            log(conn, actor, "sending.resume", id, json!({}), now)
        }
        None => {
            let restored = is_unconfirmed(conn)?;
            if restored {
                actor.must_be_admin_in_person()?;
                queries::delete_stop(conn, RESTORED)?;
            }
            queries::delete_stop(conn, ALL)?;
            settings::clear(conn, settings::SENDING_STOPPED)?;
            log_all(conn, actor, "sending.resume", json!({"restored": restored}), now)
        }
    })
}

/// The stops that are in force and concern this actor, those of everything first.
pub fn in_force(conn: &mut Conn, actor: &Actor) -> Result<Vec<Stop>> {
    let mut stops = vec![];
    for row in queries::stops(conn)? {
        let held = match (row.scope.as_str(), row.address) {
            (RESTORED, _) => Held::Restored,
            (ALL, _) => Held::All,
            (id, Some(address)) => Held::Mailbox(MailboxId::from(id), address),
            (_, None) => continue,
        };
        if !matches!(&held, Held::Mailbox(id, _) if !actor.reaches(id)) {
            stops.push(Stop { held, at: row.at, by: row.actor_name, reason: row.reason });
        }
    }
    stops.sort_by_key(|stop| !stop.is_for_all());
    Ok(stops)
}

fn log_all(conn: &mut Conn, actor: &Actor, action: &'static str, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "installation", target_id: ALL, mailbox_id: None, detail }, now)
}

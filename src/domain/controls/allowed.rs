//! The allow-list of a mailbox: recipients to whom mail leaves without a look in a mode that holds what agents write. Everything else
//! that holds a message holds it still.

mod coverage;

use std::collections::HashSet;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{AllowedId, MailboxId};
use crate::domain::mailboxes::{self, Mailbox, Mode, ladder};
use crate::domain::outbox::hold_dots;
use crate::domain::text;

use super::holding::{Loosened, only_people};
use super::queries;

pub use coverage::{Coverage, Covered, coverage};

/// Most recipients on the list of one mailbox.
const MOST: usize = 500;

/// A recipient, or all of a domain.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::allow_list)]
pub struct Allowed {
    /// Its id.
    pub id: AllowedId,
    /// The mailbox.
    pub mailbox_id: MailboxId,
    /// An address as compared, or `*@domain`.
    pub pattern: String,
    /// Why nobody need look.
    pub reason: String,
    /// Who asked for it.
    pub asked_by_id: String,
    /// Who asked for it, by name.
    pub asked_by: String,
    /// When.
    pub created_at: Time,
    /// Who agreed, by name; whoever asked, where there is no other administrator.
    pub confirmed_by: Option<String>,
    /// Since when it holds.
    pub confirmed_at: Option<Time>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// When it ended.
    pub ended_at: Option<Time>,
}

impl Allowed {
    /// Whether this actor asked for it, so that somebody else has to agree.
    pub fn is_by(&self, actor: &Actor) -> bool {
        self.asked_by_id == actor.id()
    }

    /// Whether it is in force.
    pub fn holds(&self) -> bool {
        self.confirmed_at.is_some() && self.ended_at.is_none()
    }
}

/// What an address or `*@domain` is compared by.
fn pattern_of(given: &str) -> Result<String> {
    match given.trim().strip_prefix("*@") {
        // Any address of the domain has its form.
        Some(domain) => {
            let any = EmailAddress::parse("recipient", &format!("any@{domain}")).map_err(|_| wrong(given))?;
            Ok(format!("*{}", any.key().strip_prefix("any").unwrap_or_default()))
        }
        None => Ok(EmailAddress::parse("recipient", given).map_err(|_| wrong(given))?.key().to_owned()),
    }
}

fn wrong(given: &str) -> Error {
    let detail = format!("recipient must be an address, or *@ and a domain such as *@example.com; got \"{}\".", text::excerpt(given));
    Error::invalid("field_invalid", "recipient", detail)
}

/// Puts a recipient on the list of a mailbox. Where there is another administrator, it holds once one of them agrees.
pub fn add(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, recipient: &str, reason: Option<&str>, now: Time) -> Result<(Allowed, Loosened)> {
    only_people(actor)?;
    let pattern = pattern_of(recipient)?;
    let why = || Error::invalid("field_invalid", "reason", "reason must be filled in: say why nobody need look at mail to them.");
    let reason = text::optional_body("reason", reason, 500)?.ok_or_else(why)?;
    transaction(conn, |conn| {
        mailboxes::get(conn, actor, mailbox)?;
        let there = queries::allowed(conn, mailbox)?;
        if there.iter().any(|row| row.pattern == pattern) {
            return Err(Error::conflict("recipient_listed", "This recipient is on the list of this mailbox already."));
        }
        if there.len() >= MOST {
            let detail = format!("The list of this mailbox has {MOST} recipients already. Take one off, or list their domain.");
            return Err(Error::conflict("too_many_recipients", detail));
        }
        let waits = ladder::needs_second(conn, actor, now)?;
        let row = Allowed {
            id: AllowedId::new(),
            mailbox_id: mailbox.clone(),
            pattern,
            reason,
            asked_by_id: actor.id().to_owned(),
            asked_by: actor.name().to_owned(),
            created_at: now,
            confirmed_by: (!waits).then(|| actor.name().to_owned()),
            confirmed_at: (!waits).then_some(now),
            ended_by: None,
            ended_at: None,
        };
        queries::insert_allowed(conn, &row)?;
        log(conn, actor, if waits { "allow_list.ask" } else { "allow_list.add" }, &row, now)?;
        Ok((row, if waits { Loosened::Waits } else { Loosened::Done }))
    })
}

/// Agrees to a recipient that another administrator asked for.
pub fn confirm(conn: &mut Conn, actor: &Actor, id: &AllowedId, now: Time) -> Result<()> {
    only_people(actor)?;
    transaction(conn, |conn| {
        let row = listed(conn, actor, id)?;
        if row.confirmed_at.is_some() {
            return Err(Error::conflict("recipient_listed", "Somebody has agreed to this recipient already."));
        }
        if row.is_by(actor) {
            return Err(Error::forbidden("second_admin_required", "You asked for this recipient, so another administrator must agree."));
        }
        queries::confirm(conn, id, actor.name(), now)?;
        log(conn, actor, "allow_list.add", &row, now)
    })
}

/// Takes a recipient off the list, at once. What waits to leave by the list goes back to the queue of reviewers.
pub fn remove(conn: &mut Conn, actor: &Actor, id: &AllowedId, now: Time) -> Result<()> {
    actor.must_be_admin()?;
    transaction(conn, |conn| {
        hold_dots(conn)?;
        let row = listed(conn, actor, id)?;
        queries::end_allowed(conn, id, actor.name(), now)?;
        log(conn, actor, "allow_list.remove", &row, now)?;
        super::take_back(conn, actor, &row.mailbox_id, &["allow_list"], "Its recipient was taken off the allow-list.", now)
    })
}

fn listed(conn: &mut Conn, actor: &Actor, id: &AllowedId) -> Result<Allowed> {
    let found = queries::entry(conn, id)?.filter(|row| row.ended_at.is_none() && actor.reaches(&row.mailbox_id));
    found.ok_or_else(|| Error::not_found("recipient"))
}

/// The list of a mailbox, the oldest first.
pub fn list(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId) -> Result<Vec<Allowed>> {
    actor.must_manage_or_have(Scope::OversightRead)?;
    mailboxes::get(conn, actor, mailbox)?;
    Ok(queries::allowed(conn, mailbox)?)
}

/// The recipients whose mail leaves a mailbox without a look, as far as its mode is concerned.
pub(in crate::domain) fn patterns(conn: &mut Conn, mailbox: &Mailbox) -> Result<HashSet<String>> {
    if mailbox.mode != Mode::GatedSend {
        return Ok(HashSet::new());
    }
    Ok(queries::allowed(conn, &mailbox.id)?.into_iter().filter(Allowed::holds).map(|row| row.pattern).collect())
}

/// Whether an address or its domain is among them.
pub(in crate::domain) fn is_among(patterns: &HashSet<String>, email_key: &str) -> bool {
    let domain = email_key.rsplit_once('@').map(|(_, domain)| format!("*@{domain}"));
    patterns.contains(email_key) || domain.is_some_and(|domain| patterns.contains(&domain))
}

/// An address is the person's, who may be erased; the log, which cannot forget, names the row.
fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Allowed, now: Time) -> Result<()> {
    let domain = Some(&row.pattern).filter(|pattern| pattern.starts_with('*'));
    let detail = json!({"entry": row.id, "domain": domain, "asked_by": row.asked_by, "reason": row.reason});
    let entry = Entry { action, target_kind: "mailbox", target_id: row.mailbox_id.as_str(), mailbox_id: Some(&row.mailbox_id), detail };
    audit::record(conn, actor, entry, now)
}

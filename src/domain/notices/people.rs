//! Who can be mailed, and about which mailboxes.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::clock;
use crate::db::Conn;
use crate::domain::actor::{Actor, Role};
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, UserId};
use crate::domain::mailboxes::Notify;

use super::queries;

/// Somebody who can sign in and wants notices.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) is_admin: bool,
    pub(super) role: Role,
    /// Whether they want the weekly report.
    pub(super) weekly: bool,
    pub(super) zone: TimeZone,
    pub(super) digest_hour: i32,
    /// The mailboxes within reach by address, with what holds there for this person.
    pub(super) mailboxes: Vec<Reach>,
}

/// Who gets mail about their own account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) zone: TimeZone,
}

#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) id: MailboxId,
    pub(super) address: String,
    pub(super) notify: Notify,
}

impl Person {
    pub(super) fn with(&self, notify: Notify) -> Vec<MailboxId> {
        self.mailboxes.iter().filter(|reach| reach.notify == notify).map(|reach| reach.id.clone()).collect()
    }

    pub(super) fn reach(&self, mailbox: &MailboxId) -> Option<&Reach> {
        self.mailboxes.iter().find(|reach| reach.id == *mailbox)
    }
}

/// Whether somebody who did not say gets the weekly report: whoever answers for the numbers does. Reviewers decide message by message
/// and hear of what waits; more mail would only teach them not to read it.
pub(in crate::domain) fn weekly_by_role(role: Role) -> bool {
    matches!(role, Role::Manager | Role::Admin)
}

/// The administrators who can be mailed, except this one.
pub(super) fn admins_but(conn: &mut Conn, asker: &Actor) -> Result<Vec<Person>> {
    let mut all = load(conn, None)?;
    all.retain(|person| person.is_admin && !asker.is("user", person.id.as_str()));
    Ok(all)
}

/// Somebody who can sign in, with their name and zone: for mail about their own account.
pub(super) fn account(conn: &mut Conn, id: &UserId) -> Result<Option<Account>> {
    let row = queries::account(conn, id)?;
    Ok(row.map(|(name, email, zone)| Account { name, email, zone: clock::zone(zone.as_deref()) }))
}

/// Everybody, or this one alone, who is not disabled, has a password and wants notices.
pub(super) fn load(conn: &mut Conn, only: Option<&UserId>) -> Result<Vec<Person>> {
    let users = queries::people(conn, only)?;
    if users.is_empty() {
        return Ok(vec![]);
    }
    let mailboxes = queries::mailboxes(conn)?;
    let mut members: HashMap<UserId, Vec<MailboxId>> = HashMap::new();
    for (user, mailbox) in queries::memberships(conn, only)? {
        members.entry(user).or_default().push(mailbox);
    }
    let chosen: HashMap<(UserId, MailboxId), Notify> =
        queries::settings(conn, only)?.into_iter().map(|(user, mailbox, notify)| ((user, mailbox), notify)).collect();
    let person = |(id, name, email, role, zone, digest_hour, weekly): queries::PersonRow| {
        let member = members.get(&id).map(Vec::as_slice).unwrap_or_default();
        // The same reach that a session gets in `users::actor_of_session`.
        let within = |mailbox: &MailboxId| role == Role::Admin || member.contains(mailbox);
        let reached = mailboxes.iter().filter(|(mailbox, _, _)| within(mailbox));
        let reached = reached.map(|(mailbox, address, notify)| Reach {
            id: mailbox.clone(),
            address: address.clone(),
            notify: chosen.get(&(id.clone(), mailbox.clone())).copied().unwrap_or(*notify),
        });
        Person {
            mailboxes: reached.collect(),
            id,
            name,
            email,
            is_admin: role == Role::Admin,
            role,
            weekly: weekly.unwrap_or(weekly_by_role(role)),
            zone: clock::zone(zone.as_deref()),
            digest_hour,
        }
    };
    Ok(users.into_iter().map(person).collect())
}

//! Users and what is done with them.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes, Role};
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, UserId, secret, sha256_hex};
use crate::domain::{settings, text};

use super::second_factor::{self, required};
use super::settings::Profile;
use super::{passwords, queries};

/// How long an invitation lives, in days.
pub const INVITATION_DAYS: i64 = 7;

/// A row of `users`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::users)]
pub struct UserRow {
    /// Its id.
    pub id: UserId,
    /// The address as given.
    pub email: String,
    /// The address as compared.
    pub email_key: String,
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// None until the invitation is taken, and where they sign in with the provider alone.
    pub password_hash: Option<String>,
    /// Counts what ends all sessions: changes of the password or the second factor, and disabling.
    pub sign_in_epoch: i64,
    /// Since when they may not sign in.
    pub disabled_at: Option<Time>,
    /// Since when they exist.
    pub created_at: Time,
    /// The zone in which times are shown to them, an IANA name.
    pub time_zone: Option<String>,
    /// Whether single keys do something (WCAG 2.1.4).
    pub shortcuts: bool,
    /// The hour of their daily mail in their zone, 0 to 23.
    pub digest_hour: i32,
    /// Whether they are mailed notices at all.
    pub notices: bool,
    /// The sign-in provider that they came from.
    pub issuer: Option<String>,
    /// The provider's name for them.
    pub subject: Option<String>,
    /// Whether they are here only because the provider gives them a role.
    pub role_given: bool,
}

/// A user with their memberships, as pages show it.
#[derive(Debug, Clone)]
pub struct User {
    /// The row.
    pub row: UserRow,
    /// The mailboxes they belong to.
    pub mailboxes: Vec<MailboxId>,
    /// Whether they have a second factor.
    pub has_second_factor: bool,
}

/// All users.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<User>> {
    actor.must_be_admin()?;
    let rows = queries::all(conn)?;
    rows.into_iter()
        .map(|row| {
            let mailboxes = queries::memberships(conn, &row.id)?;
            let has_second_factor = second_factor::is_on(conn, &row.id)?;
            Ok(User { row, mailboxes, has_second_factor })
        })
        .collect()
}

/// A person to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their address.
    pub email: String,
    /// Their name; the local part of the address when empty.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// A password, or none to invite them.
    pub password: Option<String>,
    /// The mailboxes they belong to.
    pub mailboxes: Vec<MailboxId>,
}

/// A user made, and the invitation token where there is no password yet.
#[derive(Debug)]
pub struct Added {
    /// Who.
    pub id: UserId,
    /// The token of the invitation.
    pub invitation: Option<String>,
}

/// Adds a person.
pub fn add(conn: &mut Conn, actor: &Actor, new: &NewUser, now: Time) -> Result<Added> {
    actor.must_be_admin_in_person()?;
    let email = EmailAddress::parse("email", &new.email)?;
    let mut name = text::line("name", &new.name, 100)?;
    if name.is_empty() {
        name = email.as_str().split('@').next().unwrap_or_default().to_owned();
    }
    let password_hash = new.password.as_deref().map(passwords::hash).transpose()?;
    transaction(conn, |conn| {
        if queries::by_email(conn, email.key())?.is_some() {
            return Err(Error::conflict("user_exists", "There is a user with this address already. Change that one instead."));
        }
        let row = UserRow {
            id: UserId::new(),
            email: email.as_str().to_owned(),
            email_key: email.key().to_owned(),
            name,
            role: new.role,
            password_hash,
            sign_in_epoch: 0,
            disabled_at: None,
            created_at: now,
            time_zone: None,
            shortcuts: true,
            digest_hour: 8,
            notices: true,
            issuer: None,
            subject: None,
            role_given: false,
        };
        queries::insert(conn, &row)?;
        queries::set_memberships(conn, &row.id, &new.mailboxes)?;
        log(conn, actor, "user.add", &row.id, json!({"email": row.email, "role": row.role}), now)?;
        let invitation = if new.password.is_none() { Some(invite(conn, Some(&row.id), now)?) } else { None };
        Ok(Added { id: row.id, invitation })
    })
}

/// A new invitation for somebody who lost theirs.
pub fn invite_again(conn: &mut Conn, actor: &Actor, id: &UserId, now: Time) -> Result<String> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        let user = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("user"))?;
        log(conn, actor, "user.invite", &user.id, json!({}), now)?;
        queries::drop_unused_invitations(conn, Some(&user.id), now)?;
        invite(conn, Some(&user.id), now)
    })
}

fn invite(conn: &mut Conn, user: Option<&UserId>, now: Time) -> Result<String> {
    let token = secret();
    queries::insert_invitation(conn, &sha256_hex(token.as_bytes()), user, now, now.plus_days(INVITATION_DAYS))?;
    Ok(token)
}

/// While nobody can sign in: a one-time token that makes the first administrator.
pub fn first_admin_invitation(conn: &mut Conn, now: Time) -> Result<Option<String>> {
    transaction(conn, |conn| {
        if queries::anybody(conn)? {
            return Ok(None);
        }
        queries::drop_unused_invitations(conn, None, now)?;
        invite(conn, None, now).map(Some)
    })
}

/// Whom an invitation is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invited {
    /// This person.
    Person {
        /// Their address.
        email: String,
        /// Their name.
        name: String,
    },
    /// Whoever sets this installation up.
    FirstAdmin,
}

fn stale_invitation() -> Error {
    Error::not_found("invitation").with_hint("It was used already or is older than seven days. Ask an administrator for a new one.")
}

/// Looks at an invitation without using it.
pub fn invitation(conn: &mut Conn, token: &str, now: Time) -> Result<Invited> {
    match queries::invitation(conn, &sha256_hex(token.as_bytes()), now)?.ok_or_else(stale_invitation)? {
        Some(id) => {
            let user = queries::by_id(conn, &id)?.ok_or_else(stale_invitation)?;
            Ok(Invited::Person { email: user.email, name: user.name })
        }
        None => Ok(Invited::FirstAdmin),
    }
}

/// Takes an invitation: sets the password, and for the first administrator makes the user.
pub fn accept_invitation(conn: &mut Conn, token: &str, email: &str, name: &str, password: &str, now: Time) -> Result<UserId> {
    let hash = passwords::hash(password)?;
    transaction(conn, |conn| {
        let token_hash = sha256_hex(token.as_bytes());
        let invited = queries::invitation(conn, &token_hash, now)?.ok_or_else(stale_invitation)?;
        if !queries::use_invitation(conn, &token_hash, now)? {
            return Err(stale_invitation());
        }
        let id = match invited {
            Some(id) => id,
            None => {
                let new = NewUser {
                    email: email.to_owned(),
                    name: name.to_owned(),
                    role: Role::Admin,
                    password: Some(password.to_owned()),
                    mailboxes: vec![],
                };
                return add(conn, &Actor::System("setup"), &new, now).map(|added| added.id);
            }
        };
        queries::set_password(conn, &id, &hash, now)?;
        log(conn, &Actor::System("invitation"), "user.accept_invitation", &id, json!({}), now)?;
        Ok(id)
    })
}

/// The actor behind a session, or none if it has ended: disabled, or the epoch moved on.
pub fn actor_of_session(conn: &mut Conn, id: &UserId, epoch: i64) -> Result<Option<Actor>> {
    Ok(visitor_of_session(conn, id, epoch)?.map(|visitor| visitor.actor))
}

/// Somebody who may sign in, for what they began and goes on without them.
pub(in crate::domain) fn actor_of(conn: &mut Conn, id: &UserId) -> Result<Option<Actor>> {
    let Some(user) = queries::by_id(conn, id)? else { return Ok(None) };
    actor_of_session(conn, id, user.sign_in_epoch)
}

/// Who is behind a session.
#[derive(Debug, Clone)]
pub struct SessionVisitor {
    /// Who.
    pub actor: Actor,
    /// How pages are shown to them.
    pub profile: Profile,
    /// Whether they must set a second factor up before anything else.
    pub factor_due: bool,
}

/// The same with what a page needs besides.
pub fn visitor_of_session(conn: &mut Conn, id: &UserId, epoch: i64) -> Result<Option<SessionVisitor>> {
    let Some(user) = queries::by_id(conn, id)? else { return Ok(None) };
    if user.disabled_at.is_some() || user.sign_in_epoch != epoch {
        return Ok(None);
    }
    let mailboxes = match user.role {
        Role::Admin => Mailboxes::All,
        _ => Mailboxes::These(queries::memberships(conn, &user.id)?),
    };
    let factor_due = required::is_due(conn, &user.id, user.role == Role::Admin, &mailboxes)?;
    let profile = Profile::of(&user);
    Ok(Some(SessionVisitor { actor: Actor::User { id: user.id, name: user.name, role: user.role, mailboxes }, profile, factor_due }))
}

/// Changes one's own password; all sessions end.
pub fn change_password(conn: &mut Conn, actor: &Actor, old: &str, new: &str, now: Time) -> Result<()> {
    let Actor::User { id, .. } = actor else {
        return Err(Error::forbidden("person_required", "Only a signed-in person has a password."));
    };
    let user = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("user"))?;
    if !passwords::verify(old, user.password_hash.as_deref()) {
        return Err(Error::invalid("password_wrong", "old_password", "The current password is wrong. Nothing was changed."));
    }
    let hash = passwords::hash(new)?;
    transaction(conn, |conn| {
        queries::set_password(conn, id, &hash, now)?;
        log(conn, actor, "user.change_password", id, json!({}), now)
    })
}

/// Changes role and memberships of a person.
pub fn change(conn: &mut Conn, actor: &Actor, id: &UserId, role: Role, mailboxes: &[MailboxId], now: Time) -> Result<()> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        let user = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("user"))?;
        if role != Role::Admin {
            keep_one_admin(conn, &user)?;
        }
        let before = json!({"role": user.role, "mailboxes": queries::memberships(conn, id)?});
        queries::set_role(conn, id, role)?;
        queries::set_memberships(conn, id, mailboxes)?;
        let after = json!({"role": role, "mailboxes": queries::memberships(conn, id)?});
        log(conn, actor, "user.change", id, audit::changed(&before, &after), now)
    })
}

/// Disables or enables a person; their sessions end either way.
pub fn set_disabled(conn: &mut Conn, actor: &Actor, id: &UserId, disabled: bool, now: Time) -> Result<()> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        let user = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("user"))?;
        if disabled {
            keep_one_admin(conn, &user)?;
        }
        queries::set_disabled(conn, id, disabled.then_some(now))?;
        queries::delete_sessions_of(conn, id)?;
        let detail =
            audit::changed(&json!({"disabled": user.disabled_at.is_some(), "role": user.role}), &json!({"disabled": disabled, "role": user.role}));
        log(conn, actor, if disabled { "user.disable" } else { "user.enable" }, id, detail, now)
    })
}

/// Refuses to take away the last one. Call it in the transaction that would.
pub(super) fn keep_one_admin(conn: &mut Conn, user: &UserRow) -> Result<()> {
    if is_last_admin(conn, user)? {
        return Err(Error::conflict("last_admin", "This is the last administrator. Make somebody else an administrator first."));
    }
    Ok(())
}

fn is_last_admin(conn: &mut Conn, user: &UserRow) -> Result<bool> {
    let issuer = settings::get(conn, settings::SIGN_IN_ISSUER)?;
    let active = queries::lock_active_admins(conn, issuer.as_deref())?;
    Ok(active.contains(&user.id) && active.len() == 1)
}

/// Whether a claim of the provider may set this role: the last administrator stays one, or nobody could mend the claim's mapping here.
pub(super) fn may_become(conn: &mut Conn, user: &UserRow, role: Role) -> Result<bool> {
    Ok(role == Role::Admin || !is_last_admin(conn, user)?)
}

pub(super) fn log(conn: &mut Conn, actor: &Actor, action: &'static str, id: &UserId, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "user", target_id: id.as_str(), mailbox_id: None, detail }, now)
}

//! Who comes from a sign-in provider: bound to an account once, by the provider's own name for them, and from then on by nothing else.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Role};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::UserId;

use super::sign_in::{self, Half, Passed};
use super::users::{self, NewUser, UserRow, log};
use super::{passkeys, queries, second_factor};

/// Who acts before it is known who it is.
const BY: Actor = Actor::System("sign-in");
/// The longest name taken of a provider, in characters.
const LONGEST_NAME: usize = 100;

/// What a provider proved of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Its name for them, which it never gives to anybody else.
    pub subject: String,
    /// The address it knows.
    pub email: Option<String>,
    /// Whether it made sure that the address is theirs.
    pub email_verified: bool,
    /// The name it knows.
    pub name: Option<String>,
    /// The role that its claim gives, where one is mapped.
    pub role: Option<Role>,
    /// Whether its sign-in counts as one with a second factor.
    pub factor_met: bool,
}

/// Signs somebody in whom the provider proved.
///
/// The inner result is what came of it: a refusal leaves a row in the log, so it must not undo the transaction.
pub fn enter(conn: &mut Conn, identity: &Identity, network: &str, now: Time) -> Result<Result<Passed>> {
    transaction(conn, |conn| {
        let found = match queries::by_subject(conn, &identity.issuer, &identity.subject)? {
            Some(user) => Ok(user),
            None => first_time(conn, identity, now)?,
        };
        let entered = match found {
            Ok(user) => admitted(conn, user, identity, network, now)?,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = &entered {
            let user = queries::by_subject(conn, &identity.issuer, &identity.subject)?;
            let id = user.map_or_else(|| UserId::from("unknown".to_owned()), |user| user.id);
            let detail = json!({"wrong": refusal.code, "issuer": identity.issuer, "subject": identity.subject, "network": network});
            log(conn, &BY, "user.sign_in_refused", &id, detail, now)?;
        }
        Ok(entered)
    })
}

/// Who is not bound to an account yet. An address alone binds nobody: the provider must have made sure of it, and there must be an
/// account with it, or a role for whoever has none.
fn first_time(conn: &mut Conn, identity: &Identity, now: Time) -> Result<Result<UserRow>> {
    let vouched = identity.email.as_deref().filter(|_| identity.email_verified);
    let Some(email) = vouched.and_then(|email| EmailAddress::parse("email", email).ok()) else {
        let detail = "Nobody here is known by that sign-in, and the provider does not vouch for an address. Ask an administrator of this desk.";
        return Ok(Err(Error::forbidden("identity_unverified", detail)));
    };
    let user = match queries::by_email(conn, email.key())? {
        Some(user) if user.disabled_at.is_some() => return Ok(Err(disabled())),
        Some(user) if user.subject.is_some() => {
            let detail =
                "The account with your address belongs to another sign-in. Ask an administrator of this desk to unlink it on the page Users.";
            return Ok(Err(Error::forbidden("identity_taken", detail)));
        }
        Some(user) => user,
        None => {
            let Some(role) = identity.role else {
                let detail = "Nobody here is known by that sign-in. Ask an administrator of this desk to invite you.";
                return Ok(Err(Error::forbidden("identity_unknown", detail)));
            };
            made(conn, identity, email.as_str(), role, now)?
        }
    };
    queries::bind(conn, &user.id, &identity.issuer, &identity.subject)?;
    queries::drop_unused_invitations(conn, Some(&user.id), now)?;
    log(conn, &BY, "user.link", &user.id, json!({"issuer": identity.issuer, "subject": identity.subject}), now)?;
    queries::by_id(conn, &user.id)?.ok_or_else(|| Error::not_found("user")).map(Ok)
}

fn made(conn: &mut Conn, identity: &Identity, email: &str, role: Role, now: Time) -> Result<UserRow> {
    let name: String = identity.name.iter().flat_map(|name| name.chars()).filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let new = NewUser { email: email.to_owned(), name, role, password: None, mailboxes: vec![] };
    let added = users::add(conn, &BY, &new, now)?;
    queries::set_role_given(conn, &added.id)?;
    queries::by_id(conn, &added.id)?.ok_or_else(|| Error::not_found("user"))
}

fn admitted(conn: &mut Conn, mut user: UserRow, identity: &Identity, network: &str, now: Time) -> Result<Result<Passed>> {
    if user.disabled_at.is_some() {
        return Ok(Err(disabled()));
    }
    match identity.role {
        None if user.role_given => {
            let detail = "The provider gives you no role at this desk any more. Ask whoever runs it.";
            return Ok(Err(Error::forbidden("identity_without_role", detail)));
        }
        Some(role) if role != user.role && users::may_become(conn, &user, role)? => {
            queries::set_role(conn, &user.id, role)?;
            log(conn, &BY, "user.change", &user.id, json!({"before": {"role": user.role}, "after": {"role": role}, "issuer": identity.issuer}), now)?;
            user.role = role;
        }
        _ => {}
    }
    if !identity.factor_met && second_factor::is_on(conn, &user.id)? {
        sign_in::step_passed(conn, network)?;
        return Ok(Ok(Passed::CodeNeeded(Half { id: user.id, epoch: user.sign_in_epoch, since: now })));
    }
    let factor = if identity.factor_met { "provider" } else { "none" };
    sign_in::enter(conn, &user, network, factor, None, now).map(|who| Ok(Passed::SignedIn(who)))
}

fn disabled() -> Error {
    Error::forbidden("account_disabled", "Your account at this desk is disabled. Ask an administrator.")
}

/// Links whom the provider proved to the account of the actor. All other sessions end; the person's new sign-in epoch is returned.
///
/// The address counts for nothing here: who is signed in says whose account it is, and the provider whose sign-in.
pub fn link(conn: &mut Conn, actor: &Actor, identity: &Identity, now: Time) -> Result<i64> {
    transaction(conn, |conn| {
        let user = own(conn, actor)?;
        if user.subject.is_some() {
            return Err(Error::conflict("identity_linked", "Your account is linked to a sign-in already. Unlink that one first."));
        }
        if queries::by_subject(conn, &identity.issuer, &identity.subject)?.is_some() {
            return Err(Error::conflict("identity_elsewhere", "That sign-in belongs to another account of this desk. Nothing was changed."));
        }
        queries::bind(conn, &user.id, &identity.issuer, &identity.subject)?;
        let epoch = end_sessions(conn, &user.id)?;
        log(conn, actor, "user.link", &user.id, json!({"issuer": identity.issuer, "subject": identity.subject}), now)?;
        Ok(epoch)
    })
}

/// Unlinks the actor from the provider. All other sessions end; the person's new sign-in epoch is returned.
pub fn unlink_own(conn: &mut Conn, actor: &Actor, signed_in: Time, now: Time) -> Result<i64> {
    passkeys::fresh(signed_in, now)?;
    transaction(conn, |conn| {
        let user = own(conn, actor)?;
        if user.subject.is_none() {
            return Err(missing());
        }
        if user.password_hash.is_none() {
            return Err(Error::conflict("password_missing", "Without a password nobody could sign in to your account any more. Set one first."));
        }
        queries::unbind(conn, &user.id)?;
        let epoch = end_sessions(conn, &user.id)?;
        log(conn, actor, "user.unlink", &user.id, json!({"issuer": user.issuer, "subject": user.subject}), now)?;
        Ok(epoch)
    })
}

fn own(conn: &mut Conn, actor: &Actor) -> Result<UserRow> {
    passkeys::owner(conn, actor)
}

fn end_sessions(conn: &mut Conn, id: &UserId) -> Result<i64> {
    let epoch = queries::raise_epoch(conn, id)?;
    queries::delete_sessions_of(conn, id)?;
    Ok(epoch)
}

fn missing() -> Error {
    Error::conflict("identity_missing", "This person is linked to no provider. Nothing was changed.")
}

/// Unlinks somebody from the provider; all their sessions end. Their next sign-in there binds them anew, by a verified address.
pub fn unlink(conn: &mut Conn, actor: &Actor, id: &UserId, now: Time) -> Result<()> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        let user = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("user"))?;
        if user.subject.is_none() {
            return Err(missing());
        }
        if user.password_hash.is_none() {
            users::keep_one_admin(conn, &user)?;
        }
        queries::unbind(conn, id)?;
        queries::raise_epoch(conn, id)?;
        queries::delete_sessions_of(conn, id)?;
        log(conn, actor, "user.unlink", id, json!({"issuer": user.issuer, "subject": user.subject}), now)
    })
}

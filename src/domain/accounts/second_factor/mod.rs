//! The second factor: codes of an authenticator app (or a passkey, which is beside this), asked for after the password and where somebody makes a key that may decide.

mod codes;
mod queries;
pub mod required;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, seal, transaction};
use crate::domain::actor::Actor;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::UserId;

use super::passkeys;
use super::queries as accounts;
use super::users::{UserRow, log};

/// Wrong codes that are heard before the account has to wait.
pub const TRIES: i32 = 5;
/// How long it waits, in seconds; also how long a wrong code counts.
pub const PAUSE: i64 = 15 * 60;
/// Codes for a lost phone.
pub const RECOVERY_CODES: usize = 10;
/// How long a secret waits for its first code, in seconds.
const PATIENCE: i64 = 30 * 60;
/// How long a proof is good for, in seconds: as long as one request takes.
const PROOF_SECONDS: i64 = 60;

/// A row of `second_factors`.
#[derive(Debug, Clone, Queryable)]
pub struct FactorRow {
    /// Whose it is.
    pub user_id: UserId,
    /// What the codes are made from, in base 32.
    pub secret: String,
    /// When it was begun.
    pub started_at: Time,
    /// Since when it counts.
    pub confirmed_at: Option<Time>,
    /// The last step whose code was used.
    pub last_step: i64,
    /// Wrong codes since the last pause or right code.
    pub wrong_tries: i32,
    /// When a code was tried last.
    pub tried_at: Time,
}

/// How far a person is with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// They have none.
    Missing,
    /// The app has yet to show that it has the secret.
    Started {
        /// The secret, to be typed.
        secret: String,
        /// The same as an address, to be scanned.
        address: String,
    },
    /// It counts.
    On {
        /// Since when.
        since: Time,
        /// Recovery codes that are left.
        codes_left: i64,
    },
}

/// That a person just gave a right code, or signed in with a passkey. Made by [`check`] and [`of_passkey`] alone.
#[derive(Debug, Clone)]
pub struct Proof {
    user: UserId,
    at: Time,
}

impl Proof {
    /// Whether it is this actor's, and new.
    pub(in crate::domain) fn is_of(&self, actor: &Actor, now: Time) -> bool {
        matches!(actor, Actor::User { id, .. } if *id == self.user) && now.seconds_since(self.at) < PROOF_SECONDS
    }
}

/// What a person gets when the app has shown that it has the secret.
#[derive(Debug)]
pub struct Enrolled {
    /// The recovery codes, shown this once.
    pub recovery_codes: Vec<String>,
    /// The person's sign-in epoch from now on; sessions of another have ended.
    pub epoch: i64,
}

/// How far the actor is with their second factor.
pub fn own(conn: &mut Conn, actor: &Actor, now: Time) -> Result<Factor> {
    let user = person(conn, actor)?;
    let Some(row) = opened(conn, &user.id)? else { return Ok(Factor::Missing) };
    if let Some(since) = row.confirmed_at {
        return Ok(Factor::On { since, codes_left: queries::recovery_codes_left(conn, &user.id)? });
    }
    if now.seconds_since(row.started_at) >= PATIENCE {
        return Ok(Factor::Missing);
    }
    let address = codes::address(&row.secret, &user.email)?;
    Ok(Factor::Started { secret: row.secret, address })
}

/// Makes a secret for the actor's app. It counts for nothing until a code confirms it.
pub fn start(conn: &mut Conn, actor: &Actor, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        let user = person(conn, actor)?;
        if queries::by_user(conn, &user.id)?.is_some_and(|row| row.confirmed_at.is_some()) {
            return Err(already_on());
        }
        queries::start(conn, &user.id, &seal::seal(&place(&user.id), &codes::new_secret())?, now)?;
        log(conn, actor, "user.start_second_factor", &user.id, json!({}), now)
    })
}

/// Confirms the secret with a code from the app. All other sessions end.
///
/// The inner result is what came of the code: a wrong one is counted, so it must not undo the transaction.
pub fn confirm(conn: &mut Conn, actor: &Actor, code: &str, now: Time) -> Result<Result<Enrolled>> {
    transaction(conn, |conn| {
        let user = person(conn, actor)?;
        let row = match tried(conn, &user.id, now)? {
            Ok(row) => row,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if row.confirmed_at.is_some() {
            return Err(already_on());
        }
        if now.seconds_since(row.started_at) >= PATIENCE {
            return Err(missing());
        }
        if !is_code(conn, &row, code, now)? {
            return refused(conn, actor, &user.id, now).map(Err);
        }
        queries::confirm(conn, &user.id, now)?;
        queries::forget_tries(conn, &user.id)?;
        let recovery_codes: Vec<String> = (0..RECOVERY_CODES).map(|_| codes::new_recovery_code()).collect();
        for code in &recovery_codes {
            queries::insert_recovery_code(conn, &user.id, &codes::hash_of_recovery_code(code))?;
        }
        let epoch = accounts::raise_epoch(conn, &user.id)?;
        accounts::delete_sessions_of(conn, &user.id)?;
        log(conn, actor, "user.enroll_second_factor", &user.id, json!({}), now)?;
        Ok(Ok(Enrolled { recovery_codes, epoch }))
    })
}

/// Takes a code of the app or a recovery code, which is then used up.
///
/// The inner result is what came of the code: a wrong one is counted, so it must not undo the transaction.
pub fn check(conn: &mut Conn, actor: &Actor, code: &str, now: Time) -> Result<Result<Proof>> {
    transaction(conn, |conn| {
        let user = person(conn, actor)?;
        Ok(take(conn, actor, &user.id, code, now)?.map(|_| Proof { user: user.id, at: now }))
    })
}

/// The proof of somebody who signed in with a passkey of theirs at `shown`: it was unlocked, so it stands for two factors. None where that is
/// longer ago than passkeys may be changed, or where they have none any more.
pub fn of_passkey(conn: &mut Conn, actor: &Actor, shown: Time, now: Time) -> Result<Option<Proof>> {
    let user = person(conn, actor)?;
    let counts = passkeys::fresh(shown, now).is_ok() && passkeys::any(conn, &user.id)?;
    Ok(counts.then_some(Proof { user: user.id, at: now }))
}

/// Whether a person has one that counts: codes of an app, or a passkey.
pub fn is_on(conn: &mut Conn, user: &UserId) -> Result<bool> {
    Ok(has_codes(conn, user)? || passkeys::any(conn, user)?)
}

/// Whether a person has codes of an app.
pub fn has_codes(conn: &mut Conn, user: &UserId) -> Result<bool> {
    Ok(queries::by_user(conn, user)?.is_some_and(|row| row.confirmed_at.is_some()))
}

/// Uses a code up, once: that of the app, or a recovery code, for which it says how many are left. Call it in a transaction,
/// which a wrong code must not undo.
pub(super) fn take(conn: &mut Conn, by: &Actor, user: &UserId, code: &str, now: Time) -> Result<Result<Option<i64>>> {
    let row = match tried(conn, user, now)? {
        Ok(row) if row.confirmed_at.is_some() => row,
        Ok(_) => return Err(missing()),
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut left = None;
    if !is_code(conn, &row, code, now)? {
        if !queries::use_recovery_code(conn, user, &codes::hash_of_recovery_code(code), now)? {
            return refused(conn, by, user, now).map(Err);
        }
        let count = queries::recovery_codes_left(conn, user)?;
        log(conn, by, "user.use_recovery_code", user, json!({"left": count}), now)?;
        left = Some(count);
    }
    queries::forget_tries(conn, user)?;
    Ok(Ok(left))
}

/// Takes the second factor off again. All other sessions end; the person's new sign-in epoch is returned.
pub fn remove(conn: &mut Conn, actor: &Actor, proof: &Proof, now: Time) -> Result<i64> {
    transaction(conn, |conn| {
        let user = person(conn, actor)?;
        if !proof.is_of(actor, now) || !queries::delete(conn, &user.id)? {
            return Err(missing());
        }
        let epoch = accounts::raise_epoch(conn, &user.id)?;
        accounts::delete_sessions_of(conn, &user.id)?;
        log(conn, actor, "user.remove_second_factor", &user.id, json!({}), now)?;
        Ok(epoch)
    })
}

/// Takes the second factor of somebody off who lost phone and recovery codes: by whoever has the machine.
pub fn reset(conn: &mut Conn, actor: &Actor, email: &str, now: Time) -> Result<()> {
    if !matches!(actor, Actor::System(_)) {
        return Err(Error::forbidden("command_line_needed", "A second factor is reset on the command line. Ask whoever runs this installation."));
    }
    let email = EmailAddress::parse("email", email)?;
    transaction(conn, |conn| {
        let user = accounts::by_email(conn, email.key())?.ok_or_else(|| Error::not_found("user"))?;
        let passkeys = passkeys::delete_all(conn, &user.id)?;
        if !queries::delete(conn, &user.id)? && !passkeys {
            return Err(Error::conflict("second_factor_missing", "This person has no second factor. Nothing was changed."));
        }
        accounts::raise_epoch(conn, &user.id)?;
        accounts::delete_sessions_of(conn, &user.id)?;
        log(conn, actor, "user.reset_second_factor", &user.id, json!({}), now)
    })
}

/// Where a secret lies: it can be opened for no other account.
fn place(user: &UserId) -> String {
    format!("second_factors/{user}")
}

fn opened(conn: &mut Conn, user: &UserId) -> Result<Option<FactorRow>> {
    let Some(row) = queries::by_user(conn, user)? else { return Ok(None) };
    let secret = seal::open(&place(user), &row.secret)?;
    Ok(Some(FactorRow { secret, ..row }))
}

/// Seals the secrets that an older version left open. How many that were.
pub(in crate::domain) fn seal_open(conn: &mut Conn) -> Result<usize> {
    let open: Vec<_> = queries::secrets(conn)?.into_iter().filter(|(_, secret)| !seal::is_sealed(secret)).collect();
    for (user, secret) in &open {
        queries::set_secret(conn, user, &seal::seal(&place(user), secret)?)?;
    }
    Ok(open.len())
}

/// Whether anybody has one, or has begun with one.
pub(in crate::domain) fn is_any(conn: &mut Conn) -> Result<bool> {
    Ok(queries::is_any(conn)?)
}

/// Takes off everybody's authenticator app. How many that were.
pub(in crate::domain) fn remove_all(conn: &mut Conn) -> Result<usize> {
    let all = queries::secrets(conn)?;
    for (user, _) in &all {
        queries::delete(conn, user)?;
    }
    Ok(all.len())
}

fn person(conn: &mut Conn, actor: &Actor) -> Result<UserRow> {
    let Actor::User { id, .. } = actor else {
        return Err(Error::forbidden("person_required", "Only a signed-in person has a second factor."));
    };
    accounts::by_id(conn, id)?.ok_or_else(|| Error::not_found("user"))
}

/// Counts the try before the code is looked at, so that parallel tries cannot outrun the limit.
fn tried(conn: &mut Conn, user: &UserId, now: Time) -> Result<Result<FactorRow>> {
    let heard = queries::count_try(conn, user, TRIES, PAUSE, now)?;
    let row = opened(conn, user)?.ok_or_else(missing)?;
    if heard {
        return Ok(Ok(row));
    }
    Ok(Err(Error::forbidden("code_throttled", "There were too many wrong codes. Wait fifteen minutes and try again.")))
}

fn is_code(conn: &mut Conn, row: &FactorRow, code: &str, now: Time) -> Result<bool> {
    match codes::fitting_step(&row.secret, code, row.last_step, now)? {
        Some(step) => Ok(queries::use_step(conn, &row.user_id, step)?),
        None => Ok(false),
    }
}

fn refused(conn: &mut Conn, actor: &Actor, user: &UserId, now: Time) -> Result<Error> {
    log(conn, actor, "user.wrong_code", user, json!({}), now)?;
    Ok(Error::invalid("code_wrong", "code", "The code is wrong or was used already. Wait for the next one and enter that."))
}

fn missing() -> Error {
    Error::invalid("second_factor_missing", "code", "You have no second factor yet. Set one up in your account first.")
}

fn already_on() -> Error {
    Error::conflict("second_factor_on", "Your second factor is set up already. Take it off first if you want another.")
}

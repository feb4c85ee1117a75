//! Signing in: the password, then the code of the second factor where the account has one.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::UserId;

use super::users::{UserRow, log};
use super::{queries, second_factor, throttle};

/// For how long the code is waited for after the password, in seconds.
pub const PATIENCE: i64 = 10 * 60;
/// Who acts before it is known who it is.
const BY: Actor = Actor::System("sign-in");

/// Who signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub id: UserId,
    /// Their epoch at that moment.
    pub epoch: i64,
    /// How many recovery codes are left, where one stood in for the app.
    pub codes_left: Option<i64>,
}

/// Whose password was right, and whose code is still to come. It opens nothing.
#[derive(Debug, Clone)]
pub struct Half {
    /// Who.
    pub id: UserId,
    /// Their epoch at that moment.
    pub epoch: i64,
    /// When the password was right.
    pub since: Time,
}

/// What follows a right password.
#[derive(Debug, Clone)]
pub enum Passed {
    /// They are in.
    SignedIn(SignedIn),
    /// The code of their second factor is asked for.
    CodeNeeded(Half),
}

/// Is another try allowed, and what is the stored hash? The slow comparison that follows runs without a database connection.
pub fn begin(conn: &mut Conn, email: &str, network: &str, now: Time) -> Result<Option<UserRow>> {
    let key = EmailAddress::parse("email", email).map(|e| e.key().to_owned()).unwrap_or_default();
    transaction(conn, |conn| {
        count_try(conn, &key, network, now)?;
        Ok(queries::by_email(conn, &key)?.filter(|user| user.disabled_at.is_none()))
    })
}

/// May somebody of this network come back from a provider once more?
pub fn begin_elsewhere(conn: &mut Conn, network: &str, now: Time) -> Result<()> {
    transaction(conn, |conn| match throttle::count(conn, &of_network(network), now)? {
        true => Ok(()),
        false => Err(throttled()),
    })
}

fn throttled() -> Error {
    Error::forbidden("sign_in_throttled", "There were too many attempts. Wait fifteen minutes and try again.")
}

/// The password did not fit, or there is no such account: one answer, and one row in the log, whichever it was.
pub fn refuse(conn: &mut Conn, user: Option<&UserRow>, network: &str, now: Time) -> Result<Error> {
    let nobody = UserId::from("unknown".to_owned());
    let id = user.map_or(&nobody, |user| &user.id);
    log(conn, &BY, "user.sign_in_refused", id, json!({"wrong": "password", "network": network}), now)?;
    Ok(Error::forbidden("sign_in_failed", "The address or the password is wrong. Try again."))
}

/// The password fits: they are in, unless the account has a second factor.
pub fn pass(conn: &mut Conn, user: &UserRow, network: &str, now: Time) -> Result<Passed> {
    transaction(conn, |conn| {
        if second_factor::is_on(conn, &user.id)? {
            step_passed(conn, network)?;
            return Ok(Passed::CodeNeeded(Half { id: user.id.clone(), epoch: user.sign_in_epoch, since: now }));
        }
        enter(conn, user, network, "none", None, now).map(Passed::SignedIn)
    })
}

/// Takes the code of the app or a recovery code from whoever is half signed in.
///
/// The inner result is what came of the code: a wrong one is counted, so it must not undo the transaction.
pub fn finish(conn: &mut Conn, half: &Half, code: &str, network: &str, now: Time) -> Result<Result<SignedIn>> {
    transaction(conn, |conn| {
        let user = queries::by_id(conn, &half.id)?.filter(|user| user.disabled_at.is_none() && user.sign_in_epoch == half.epoch);
        let Some(user) = user.filter(|_| now.seconds_since(half.since) < PATIENCE) else { return Err(password_first()) };
        count_try(conn, &user.email_key, network, now)?;
        match second_factor::take(conn, &BY, &user.id, code, now)? {
            Ok(codes_left) => {
                let factor = if codes_left.is_some() { "recovery_code" } else { "app" };
                enter(conn, &user, network, factor, codes_left, now).map(Ok)
            }
            Err(refusal) => {
                log(conn, &BY, "user.sign_in_refused", &user.id, json!({"wrong": "code", "network": network}), now)?;
                Ok(Err(refusal))
            }
        }
    })
}

/// The answer to a code without a password before it, or too long after it.
pub fn password_first() -> Error {
    Error::forbidden("sign_in_needed", "Enter your address and your password first. The code must follow within ten minutes.")
}

fn count_try(conn: &mut Conn, email_key: &str, network: &str, now: Time) -> Result<()> {
    for subject in subjects(email_key, network) {
        if !throttle::count(conn, &subject, now)? {
            return Err(throttled());
        }
    }
    Ok(())
}

fn subjects(email_key: &str, network: &str) -> [String; 2] {
    [account(email_key), of_network(network)]
}

fn account(email_key: &str) -> String {
    format!("account:{email_key}")
}

fn of_network(network: &str) -> String {
    format!("network:{network}")
}

/// One step of signing in went well, and its try counts no more against the network. Those that failed stay: whoever has an account must
/// not buy tries at the accounts of others with it.
pub(super) fn step_passed(conn: &mut Conn, network: &str) -> Result<()> {
    throttle::give_back(conn, &of_network(network))
}

/// They are in: `factor` says what stood for the second one, and `codes_left` how many recovery codes are left where one did.
pub(super) fn enter(conn: &mut Conn, user: &UserRow, network: &str, factor: &'static str, codes_left: Option<i64>, now: Time) -> Result<SignedIn> {
    throttle::clear(conn, &account(&user.email_key))?;
    step_passed(conn, network)?;
    log(conn, &BY, "user.sign_in", &user.id, json!({"second_factor": factor, "network": network}), now)?;
    Ok(SignedIn { id: user.id.clone(), epoch: user.sign_in_epoch, codes_left })
}

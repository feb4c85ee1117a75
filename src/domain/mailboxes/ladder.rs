//! A step up the ladder of modes: asked for with a reason, finished by a person with a code that another one got.

use diesel::prelude::*;
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, RowId, one_time_code, sha256_hex};
use crate::domain::{audit, notices, text, webhooks};
use crate::text_enum;

use super::{Mailbox, Mode, log, queries};

/// How long a code works, in seconds.
pub const CODE_SECONDS: i64 = 24 * 3600;
/// After so many wrong codes a request is refused.
pub const MOST_WRONG_CODES: i32 = 5;

text_enum!(
    /// What became of a request.
    pub enum RequestState {
        /// It waits for its code.
        Open => "open",
        /// The mailbox got the mode.
        Done => "done",
        /// A person refused it, or too many wrong codes were given.
        Refused => "refused",
        /// A later request took its place.
        Replaced => "replaced",
    }
);

/// A step up that somebody asked for.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::mode_requests)]
pub struct ModeRequest {
    /// Its id.
    pub id: RowId,
    /// The mailbox.
    pub mailbox_id: MailboxId,
    /// Its mode when it was asked for.
    pub from_mode: Mode,
    /// The mode asked for.
    pub target_mode: Mode,
    /// Why.
    pub reason: Option<String>,
    /// Who asked: user or key.
    pub asker_kind: String,
    /// Who asked.
    pub asker_id: String,
    /// Who asked, by name.
    pub asker_name: String,
    /// SHA-256 of the code.
    pub code_hash: String,
    /// Wrong codes so far.
    pub wrong_codes: i32,
    /// What became of it.
    pub state: RequestState,
    /// When it was asked for.
    pub created_at: Time,
    /// Until when the code works.
    pub expires_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Who ended it, by name.
    pub ended_by: Option<String>,
}

impl ModeRequest {
    /// Whether this actor asked for it.
    pub fn is_by(&self, actor: &Actor) -> bool {
        (self.asker_kind.as_str(), self.asker_id.as_str()) == (actor.kind(), actor.id())
    }
}

/// A request that was made, and how many administrators were mailed the code.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The request.
    pub request: ModeRequest,
    /// How many got the code; never whoever asked.
    pub told: usize,
}

/// Asks for a looser mode. A key needs `draft` or `admin`, a person must be an administrator. The code
/// goes by mail to the administrators, except to whoever asks; an earlier request is replaced.
pub fn request(conn: &mut Conn, actor: &Actor, id: &MailboxId, target: Mode, reason: Option<&str>, now: Time) -> Result<Asked> {
    match actor {
        Actor::Key { scopes, .. } if scopes.contains(&Scope::Draft) || scopes.contains(&Scope::Admin) => {}
        Actor::Key { .. } => actor.must_have(Scope::Draft)?,
        _ => actor.must_be_admin()?,
    }
    let reason = text::optional_body("reason", reason, 1000)?;
    transaction(conn, |conn| {
        let mailbox = super::get(conn, actor, id)?;
        if target <= mailbox.mode {
            let detail =
                format!("target_mode must be looser than {}, which the mailbox is now; got {target}. Tightening needs no request.", mailbox.mode);
            return Err(Error::invalid("field_invalid", "target_mode", detail));
        }
        queries::replace_open_request(conn, id, now)?;
        let code = one_time_code();
        let row = ModeRequest {
            id: RowId::new(),
            mailbox_id: id.clone(),
            from_mode: mailbox.mode,
            target_mode: target,
            reason,
            asker_kind: actor.kind().to_owned(),
            asker_id: actor.id().to_owned(),
            asker_name: actor.name().to_owned(),
            code_hash: hash_of(&code),
            wrong_codes: 0,
            state: RequestState::Open,
            created_at: now,
            expires_at: now.plus_seconds(CODE_SECONDS),
            ended_at: None,
            ended_by: None,
        };
        queries::insert_request(conn, &row)?;
        let told = notices::tell_code(conn, actor, &mailbox, &row, &code, now)?;
        log(conn, actor, "mailbox.request_mode", id, json!({"from": row.from_mode, "to": target, "reason": row.reason, "told": told}), now)?;
        Ok(Asked { request: row, told })
    })
}

/// A person's step to another mode. A looser one needs a reason, and where another administrator can be mailed a code it waits for
/// them: gives how many got it, and nothing where the mode changed at once.
pub fn step(conn: &mut Conn, actor: &Actor, id: &MailboxId, mode: Mode, reason: Option<&str>, now: Time) -> Result<Option<usize>> {
    actor.must_be_admin()?;
    transaction(conn, |conn| {
        if mode <= super::get(conn, actor, id)?.mode {
            return super::set_mode(conn, actor, id, mode, now).map(|()| None);
        }
        let reason = text::optional_body("reason", reason, 1000)?;
        let why = || Error::invalid("field_invalid", "reason", "reason must be filled in: say why more may leave without a look.");
        let reason = reason.ok_or_else(why)?;
        if needs_second(conn, actor, now)? {
            return Ok(Some(request(conn, actor, id, mode, Some(&reason), now)?.told));
        }
        super::set_mode_because(conn, actor, id, mode, Some(&reason), now).map(|()| None)
    })
}

/// Refuses whoever is the only administrator since another was one: they could else take that one away and loosen alone.
fn refuse_alone(conn: &mut Conn, now: Time) -> Result<()> {
    if audit::lost_admin(conn, now.plus_seconds(-CODE_SECONDS))? {
        let detail = "Another administrator was disabled or lost the role within the last 24 hours, and a step up needs a second one. \
                      Let another administrator confirm it, or wait a day.";
        return Err(Error::forbidden("second_administrator_gone", detail));
    }
    Ok(())
}

/// Whether another administrator than this one can be mailed a code: then whatever a person loosens needs them.
pub(in crate::domain) fn needs_second(conn: &mut Conn, actor: &Actor, now: Time) -> Result<bool> {
    if notices::code_readers(conn, actor)? > 0 {
        return Ok(true);
    }
    refuse_alone(conn, now)?;
    Ok(false)
}

/// The request that waits for its code, if there is one.
pub fn open_request(conn: &mut Conn, actor: &Actor, id: &MailboxId, now: Time) -> Result<Option<ModeRequest>> {
    actor.must_be_admin()?;
    super::get(conn, actor, id)?;
    Ok(queries::open_request(conn, id)?.filter(|row| row.expires_at > now))
}

/// What came of a code.
#[derive(Debug, Clone)]
pub enum Finished {
    /// The mailbox has the mode.
    Done(Mailbox),
    /// The code was wrong; so many tries are left. It is counted, so the caller must let this transaction stand.
    Wrong(i32),
}

impl Finished {
    /// The mailbox, or the error of a wrong code.
    pub fn into_result(self) -> Result<Mailbox> {
        match self {
            Finished::Done(mailbox) => Ok(mailbox),
            Finished::Wrong(0) => Err(Error::invalid("code_wrong", "code", "The code is wrong, and it was the last try. Ask for the step anew.")),
            Finished::Wrong(left) => Err(Error::invalid("code_wrong", "code", format!("The code is wrong. Tries left: {left}."))),
        }
    }
}

/// Finishes the open request with its code. Only an administrator at a page can; no key.
pub fn finish(conn: &mut Conn, actor: &Actor, id: &MailboxId, code: &str, now: Time) -> Result<Finished> {
    only_people(actor)?;
    transaction(conn, |conn| {
        let mailbox = super::get(conn, actor, id)?;
        let Some(row) = open_request(conn, actor, id, now)? else {
            return Err(Error::conflict("no_mode_request", "No step up is open for this mailbox, or its code has expired. Ask for it anew."));
        };
        if mailbox.mode != row.from_mode {
            return Err(Error::conflict("no_mode_request", "The mode has changed since this step was asked for. Ask for it anew."));
        }
        if row.is_by(actor) {
            let detail = "You asked for this step, so another administrator must enter the code that was mailed to them.";
            return Err(Error::forbidden("second_admin_required", detail));
        }
        if !bool::from(hash_of(code).as_bytes().ct_eq(row.code_hash.as_bytes())) {
            let left = (MOST_WRONG_CODES - row.wrong_codes - 1).max(0);
            queries::count_wrong_code(conn, &row.id)?;
            if left == 0 {
                queries::end_request(conn, &row.id, RequestState::Refused, actor.name(), now)?;
            }
            log(conn, actor, "mailbox.wrong_code", id, json!({"left": left}), now)?;
            return Ok(Finished::Wrong(left));
        }
        if !queries::end_request(conn, &row.id, RequestState::Done, actor.name(), now)? {
            return Err(Error::conflict("no_mode_request", "This request was settled a moment ago. Reload to see how."));
        }
        queries::set_mode(conn, id, row.target_mode, now)?;
        webhooks::mode_changed(conn, actor, &mailbox, row.target_mode, now)?;
        let detail = json!({"from": mailbox.mode, "to": row.target_mode, "asked_by": row.asker_name, "request": row.id});
        log(conn, actor, "mailbox.set_mode", id, detail, now)?;
        Ok(Finished::Done(super::get(conn, actor, id)?))
    })
}

/// Refuses the open request.
pub fn refuse(conn: &mut Conn, actor: &Actor, id: &MailboxId, now: Time) -> Result<()> {
    only_people(actor)?;
    transaction(conn, |conn| {
        let Some(row) = open_request(conn, actor, id, now)? else {
            return Err(Error::conflict("no_mode_request", "No step up is open for this mailbox any more."));
        };
        queries::end_request(conn, &row.id, RequestState::Refused, actor.name(), now)?;
        log(conn, actor, "mailbox.refuse_mode", id, json!({"to": row.target_mode, "asked_by": row.asker_name}), now)
    })
}

fn only_people(actor: &Actor) -> Result<()> {
    if matches!(actor, Actor::Key { .. }) {
        let text = "Only an administrator can finish a step up, with the code that was mailed to them, on the page of the mailbox.";
        return Err(Error::forbidden("person_required", text));
    }
    actor.must_be_admin()
}

/// Codes are compared without spaces, dashes and case.
fn hash_of(code: &str) -> String {
    let bare: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    sha256_hex(bare.as_bytes())
}

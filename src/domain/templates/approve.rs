//! Approving a version: by a person who did not write it. It binds to the version, whose words never change.

use std::collections::HashSet;

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MessageId, TemplateId, TemplateVersionId};
use crate::domain::messages::{self, State, recall};
use crate::domain::outbox::hold_dots;
use crate::domain::settings;

use super::{Version, log, queries, refuse_archived};

/// Why a message is held that was made from a version whose approval was withdrawn.
pub(in crate::domain) const WITHDRAWN: &str = "The approval of its template was withdrawn.";

/// Messages that one step looks at, in one transaction: few, because others write meanwhile.
const AT_ONCE: i64 = 50;

/// Approves a version. Twice is as good as once.
pub fn approve(conn: &mut Conn, actor: &Actor, id: &TemplateId, number: i32, now: Time) -> Result<Version> {
    must_be_person(actor)?;
    transaction(conn, |conn| {
        let (row, mut version) = held(conn, id, number)?;
        refuse_archived(&row)?;
        if version.is_by(actor) && settings::four_eyes(conn)? {
            return Err(Error::forbidden("four_eyes", "You wrote this version, so someone else must approve it."));
        }
        if !version.is_approved() {
            let before = version.approval();
            (version.approved_at, version.approved_by) = (Some(now), Some(actor.name().to_owned()));
            (version.withdrawn_at, version.withdrawn_by, version.taken_back_to) = (None, None, None);
            queries::update_approval(conn, &version)?;
            log(conn, actor, "template.approve", id, audit::changed(&before, &version.approval()), now)?;
        }
        Ok(version)
    })
}

/// Withdraws an approval: what was made from the version and has not left waits for a person, whoever cleared it, and so does what
/// is made from now on. How many messages that are. From the moment it is committed none of them gets a final dot, whether it
/// is taken back already or not; some are taken back at once, the others by the worker.
pub fn withdraw(conn: &mut Conn, actor: &Actor, id: &TemplateId, number: i32, now: Time) -> Result<i64> {
    must_be_person(actor)?;
    let (version, waiting) = transaction(conn, |conn| -> Result<(Version, i64)> {
        hold_dots(conn)?;
        let (_, mut version) = held(conn, id, number)?;
        if !version.is_approved() {
            return Ok((version, 0));
        }
        let before = version.approval();
        (version.withdrawn_at, version.withdrawn_by) = (Some(now), Some(actor.name().to_owned()));
        version.taken_back_to = Some(String::new());
        queries::update_approval(conn, &version)?;
        let waiting = queries::cleared_messages_of(conn, &version.id)?;
        let mut detail = audit::changed(&before, &version.approval());
        detail["messages"] = json!(waiting);
        log(conn, actor, "template.withdraw", id, detail, now)?;
        Ok((version, waiting))
    })?;
    take_back(conn, &version.id, now)?;
    Ok(waiting)
}

/// Takes some more messages back and says whether there may be others.
pub fn take_back_step(conn: &mut Conn, now: Time) -> Result<bool> {
    let Some(id) = queries::next_to_take_back(conn)? else { return Ok(false) };
    take_back(conn, &id, now)?;
    Ok(true)
}

fn take_back(conn: &mut Conn, id: &TemplateVersionId, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        // Two processes take turns; the second finds how far the first came.
        let Some(mut version) = queries::held_version(conn, id)? else { return Ok(()) };
        let Some(last) = version.taken_back_to.take() else { return Ok(()) };
        let ids = queries::messages_behind(conn, id, &last, AT_ONCE)?;
        for message in withdrawn_among(conn, ids.iter())? {
            let row = messages::queries::by_id(conn, &message)?.filter(|row| matches!(row.state, State::Approved | State::Queued));
            let Some(row) = row else { continue };
            match transaction(conn, |conn| recall::void(conn, &Actor::System("template"), row, WITHDRAWN, now)) {
                // What a worker has, or cannot be taken back, is stopped at its dot.
                Ok(_) => {}
                Err(error) if error.kind.is_ours() => return Err(error),
                Err(_) => {}
            }
        }
        let more = i64::try_from(ids.len()).is_ok_and(|found| found == AT_ONCE);
        version.taken_back_to = ids.last().filter(|_| more).map(ToString::to_string);
        Ok(queries::update_approval(conn, &version)?)
    })
}

/// Of these messages, those that must not leave, because the approval that they rest on was withdrawn.
pub(in crate::domain) fn withdrawn_among<'m>(conn: &mut Conn, ids: impl Iterator<Item = &'m MessageId>) -> Result<HashSet<MessageId>> {
    Ok(queries::withdrawn_among(conn, ids)?.into_iter().collect())
}

fn must_be_person(actor: &Actor) -> Result<()> {
    actor.must_manage()?;
    match actor {
        Actor::User { .. } => Ok(()),
        _ => Err(Error::forbidden("person_required", "Only a person approves a template. Ask a manager or an administrator.")),
    }
}

fn held(conn: &mut Conn, id: &TemplateId, number: i32) -> Result<(super::Template, Version)> {
    let row = queries::held(conn, id)?.ok_or_else(|| Error::not_found("template"))?;
    let version = queries::version(conn, id, number)?.ok_or_else(|| Error::not_found("version"))?;
    Ok((row, version))
}

//! Approving a version: by a person who did not write it. It binds to the version, whose words never change.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::TemplateId;
use crate::domain::messages::{self, recall};
use crate::domain::settings;

use super::{Version, log, queries, refuse_archived};

/// Why a message is held that was made from a version whose approval was withdrawn.
const WITHDRAWN: &str = "The approval of its template was withdrawn.";

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
            (version.approved_at, version.approved_by) = (Some(now), Some(actor.name().to_owned()));
            (version.withdrawn_at, version.withdrawn_by) = (None, None);
            queries::update_approval(conn, &version)?;
            log(conn, actor, "template.approve", id, json!({"version": number}), now)?;
        }
        Ok(version)
    })
}

/// Withdraws an approval: what was made from the version and has not left waits for a person, whoever cleared it, and so does what
/// is made from now on. How many messages were taken back.
pub fn withdraw(conn: &mut Conn, actor: &Actor, id: &TemplateId, number: i32, now: Time) -> Result<usize> {
    must_be_person(actor)?;
    transaction(conn, |conn| {
        let (_, mut version) = held(conn, id, number)?;
        if version.is_approved() {
            (version.withdrawn_at, version.withdrawn_by) = (Some(now), Some(actor.name().to_owned()));
            queries::update_approval(conn, &version)?;
            let taken_back = take_back(conn, actor, &version, now)?;
            log(conn, actor, "template.withdraw", id, json!({"version": number, "messages": taken_back}), now)?;
            return Ok(taken_back);
        }
        Ok(0)
    })
}

fn take_back(conn: &mut Conn, actor: &Actor, version: &Version, now: Time) -> Result<usize> {
    let mut taken_back = 0;
    for message in queries::cleared_messages_of(conn, &version.id)? {
        if let Some(row) = messages::queries::by_id(conn, &message)? {
            taken_back += usize::from(recall::void(conn, actor, row, WITHDRAWN, now)?);
        }
    }
    Ok(taken_back)
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

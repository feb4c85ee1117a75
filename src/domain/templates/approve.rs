//! Approving a version: by a person who did not write it. It binds to the version, whose words never change.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::TemplateId;
use crate::domain::settings;

use super::{Version, log, queries, refuse_archived};

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

/// Withdraws an approval: what is made from the version from now on is held again.
pub fn withdraw(conn: &mut Conn, actor: &Actor, id: &TemplateId, number: i32, now: Time) -> Result<Version> {
    must_be_person(actor)?;
    transaction(conn, |conn| {
        let (_, mut version) = held(conn, id, number)?;
        if version.is_approved() {
            (version.withdrawn_at, version.withdrawn_by) = (Some(now), Some(actor.name().to_owned()));
            queries::update_approval(conn, &version)?;
            log(conn, actor, "template.withdraw", id, json!({"version": number}), now)?;
        }
        Ok(version)
    })
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

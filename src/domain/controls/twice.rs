//! Messages that leave with the approval of two people only.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MessageId, UserId};
use crate::domain::messages::{DecisionKind, DecisionRow};

use super::holding::Rule;
use super::queries;

/// What the first of two people approved.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::first_approvals)]
pub struct FirstApproval {
    /// The message.
    pub message_id: MessageId,
    /// The version.
    pub version: i32,
    /// Its content.
    pub content_hash: String,
    /// Who.
    pub user_id: UserId,
    /// Who, by name.
    pub user_name: String,
    /// When.
    pub created_at: Time,
}

/// Asks for two people where the rule does. It stays so, whatever becomes of the rule.
pub(in crate::domain) fn ask(conn: &mut Conn, id: &MessageId, rule: &Rule) -> Result<()> {
    if rule.takes_two() {
        queries::take_two(conn, id, &rule.id)?;
    }
    Ok(())
}

/// Whether two people must approve a message.
pub(in crate::domain) fn is_asked(conn: &mut Conn, id: &MessageId) -> Result<bool> {
    Ok(queries::takes_two(conn, id)?)
}

/// What the first of two people approved of this version, where one did.
pub fn first(conn: &mut Conn, id: &MessageId, version: i32) -> Result<Option<FirstApproval>> {
    Ok(queries::first_approval(conn, id, version)?)
}

/// What an approval of a message that takes two people is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Turn {
    /// The first: the message waits on.
    First,
    /// The second, by somebody else: the message may leave.
    Second,
}

/// Notes the approval of this actor, or says that it is the second one.
pub(in crate::domain) fn approve(conn: &mut Conn, actor: &Actor, of: (&MessageId, i32, &str), now: Time) -> Result<Turn> {
    let Actor::User { id, name, .. } = actor else {
        return Err(Error::forbidden("person_required", "This message takes two approvers, and both are people. Ask two reviewers to approve it."));
    };
    let (message, version, content_hash) = of;
    match queries::first_approval(conn, message, version)? {
        Some(first) if first.user_id == *id => {
            let detail = format!("You approved this message at {}. Now somebody else must approve it too.", first.created_at.for_people());
            Err(Error::conflict("second_approver_required", detail))
        }
        Some(_) => Ok(Turn::Second),
        None => {
            let row = FirstApproval {
                message_id: message.clone(),
                version,
                content_hash: content_hash.to_owned(),
                user_id: id.clone(),
                user_name: name.clone(),
                created_at: now,
            };
            queries::insert_first_approval(conn, &row)?;
            Ok(Turn::First)
        }
    }
}

/// Whether a message that takes two people was approved by two, the second of them by one of these decisions.
pub(in crate::domain) fn holds(conn: &mut Conn, id: &MessageId, version: i32, decisions: &[DecisionRow]) -> Result<bool> {
    if !is_asked(conn, id)? {
        return Ok(true);
    }
    let Some(first) = first(conn, id, version)? else { return Ok(false) };
    let by_another = |one: &DecisionRow| {
        one.version == version
            && one.kind == DecisionKind::Approve
            && one.content_hash == first.content_hash
            && one.actor_id != first.user_id.as_str()
    };
    Ok(decisions.iter().any(by_another))
}

/// What the audit log keeps of a first approval.
pub(in crate::domain) fn detail(version: i32, content_hash: &str) -> serde_json::Value {
    json!({"version": version, "content_hash": content_hash, "approval": "1 of 2"})
}

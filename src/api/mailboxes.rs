//! `/v1/mailboxes`.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::key::Key;
use crate::app::State;
use crate::clock::Time;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Error;
use crate::domain::ids::InboundEmailId;
use crate::domain::mailboxes;
use crate::domain::threads::{self, InboxFilter};

pub async fn list(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(within_reach(key.0, &state).await?))
}

/// The mailboxes within reach, with their modes.
pub(crate) async fn within_reach(actor: Actor, state: &State) -> Result<Value, Problem> {
    actor.must_have(Scope::Read)?;
    let all = state.read(move |conn| mailboxes::list(conn, &actor)).await?;
    let all: Vec<Value> = all
        .iter()
        .map(|m| json!({"id": m.id, "address": m.address, "name": m.name, "mode": m.mode, "oversight_mode": m.mode, "stopped": m.stopped_at.is_some()}))
        .collect();
    Ok(json!({"mailboxes": all}))
}

#[derive(Debug, Default, Deserialize)]
pub struct Query {
    pub(crate) from: Option<String>,
    pub(crate) filter_from: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) tags: Option<String>,
    pub(crate) unread: Option<bool>,
    pub(crate) has_replies: Option<bool>,
    pub(crate) since: Option<String>,
    pub(crate) cursor: Option<String>,
}

pub async fn inbox(key: Key, state: web::Data<State>, id: web::Path<String>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, Some(id.into_inner()), query.into_inner()).await?))
}

/// The inbox of a mailbox; without one, of the only one within reach.
pub(crate) async fn look(actor: Actor, state: &State, mailbox: Option<String>, query: Query) -> Result<Value, Problem> {
    let from = query.from.or(query.filter_from);
    let from_key = from.as_deref().map(|from| EmailAddress::parse("from", from)).transpose()?.map(|from| from.key().to_owned());
    let since = match &query.since {
        Some(text) => {
            Some(Time::parse(text).ok_or_else(|| Error::invalid("field_invalid", "since", "since must be a time such as 2026-04-30T12:00:00Z."))?)
        }
        None => None,
    };
    let filter = InboxFilter {
        from_key,
        tags: query.tags.as_deref().map(|tags| contacts::split_tags(tags).0).unwrap_or_default(),
        unread: query.unread,
        has_replies: query.has_replies,
        since,
        limit: query.limit.unwrap_or(50).clamp(1, 100),
        before: query.cursor.as_deref().map(InboundEmailId::from),
    };
    let (rows, more) = state
        .read(move |conn| {
            let mailbox = mailboxes::resolve(conn, &actor, mailbox.as_deref())?;
            threads::inbox(conn, &actor, &mailbox.id, &filter)
        })
        .await?;
    let cursor = rows.last().filter(|_| more).map(|(row, _)| row.id.clone());
    let emails: Vec<Value> = rows
        .iter()
        .map(|(row, tags)| {
            json!({
                "id": row.id,
                "from": row.from_address,
                "to": row.to_address,
                "subject": row.subject,
                "snippet": row.text_body.chars().take(160).collect::<String>(),
                "received_at": row.received_at,
                "thread_id": row.thread_id,
                "tags": tags,
                "unread": row.read_at.is_none(),
            })
        })
        .collect();
    Ok(json!({"emails": emails, "next_cursor": cursor}))
}

//! Tools on what waits for a decision.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::oversight::{self as rest, Decision, Query};
use crate::domain::actor::Scope;
use crate::domain::messages::list::Sort;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "list_pending",
            "List what waits for a decision",
            "Lists messages that are held for review, oldest first, with their words and content_hash, as {messages, next_cursor}. Needs the scope oversight_read.",
            Effect::Reads,
            pending,
        ),
        tool(
            "decide_email",
            "Decide on an email",
            "Approves, rejects or asks for changes of a held message. Approve and it leaves. Read it first and give the content_hash you read: \
             if it changed since, nothing is decided. Nobody decides what they wrote themselves. A decision cannot be undone.",
            Effect::Ends,
            decide,
        )
        .only_with(Scope::Oversight),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pending {
    /// Only of this mailbox, by address or id.
    mailbox: Option<String>,
    /// Only of this mailbox, by id.
    mailbox_id: Option<String>,
    /// Only with this tag.
    tag: Option<String>,
    /// Only of this campaign.
    campaign: Option<String>,
    /// Only those submitted before this time, such as 2026-04-30T12:00:00Z.
    older_than: Option<String>,
    /// Only with words that begin like these in recipient, subject or body; at most 10 words.
    q: Option<String>,
    /// oldest, newest, or expiring for what lapses first; oldest without it.
    sort: Option<Sort>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn pending(call: Call, asked: Pending) -> Answered {
    let query = Query {
        mailbox: asked.mailbox,
        mailbox_id: asked.mailbox_id,
        tag: asked.tag,
        campaign: asked.campaign,
        older_than: asked.older_than,
        q: asked.q,
        sort: asked.sort,
        limit: asked.limit,
        cursor: asked.cursor,
    };
    Ok(Answer::new(rest::waiting(call.actor, &call.state, query).await?).leaving_out(&["pending", "emails"]))
}

async fn decide(call: Call, decision: Decision) -> Answered {
    Ok(Answer::new(rest::settle(call.actor, &call.state, decision).await?))
}

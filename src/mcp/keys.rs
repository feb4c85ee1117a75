//! The tool by which a key learns what it may do.

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::keys as rest;

pub(super) fn tools() -> Vec<Entry> {
    vec![tool(
        "describe_key",
        "See what this key may do",
        "Tells this key's own name, scopes, mailboxes, end, calls per minute and whether it is a test key, whose mail is recorded and never sent. \
         Takes no arguments: {}. Call it first, or after scope_missing or not_found, to see what you may do and from which mailboxes. \
         No call changes a key; ask a person.",
        Effect::Reads,
        describe,
    ).example(json!({}))]
}

async fn describe(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::describe(call.actor, &call.state).await?))
}

//! The tool that says how closely each team reads.

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::vigilance::{self as rest, Query};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "get_vigilance",
            "See how closely teams read",
            "Numbers of each team (a mailbox with its reviewers) for 7, 30 or 90 days and the period before: reading time, share decided in under 3 seconds, \
             edits, agreement, overrides, waivers, waits, reasons for rejecting and how many planted tests were caught. A percent is null where fewer than 20 \
             stand behind it. Never by person. Needs the scope oversight_read.",
            Effect::Reads,
            numbers,
        )
        .only_with(Scope::OversightRead)
        .example(json!({"mailbox": "winback@example.com", "days": 30})),
    ]
}

async fn numbers(call: Call, query: Query) -> Answered {
    Ok(Answer::new(rest::numbers(call.actor, &call.state, query).await?))
}

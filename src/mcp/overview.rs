//! The tool that says what should be known first.

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::overview as rest;
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "get_overview",
            "What should be known first",
            "Says what waits for review, what leaves within 24 hours, what is stopped, what needs attention and what money is at stake, within reach. \
             Names and reasons are text from outside.",
            Effect::Reads,
            first,
        )
        .only_with(Scope::Read)
        .example(json!({})),
    ]
}

async fn first(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::first(call.actor, &call.state).await?))
}

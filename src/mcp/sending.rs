//! Tools on sending: whether it is stopped, stopping it, how an email left. No tool resumes or settles.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::sending::{self as rest, StopSending};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "get_sending",
            "See whether sending is stopped",
            "Says whether mail leaves now, as {stopped, stops}: what is stopped, by whom, since when and why. What is stopped waits; do not send it again.",
            Effect::Reads,
            look,
        )
        .only_with(Scope::Read)
        .example(json!({})),
        tool(
            "stop_sending",
            "Stop sending",
            "Stops one mailbox, or all without mailbox, at once: nothing more leaves. Use it when something wrong is going out. Only a person can resume it. \
             Example: {\"mailbox\": \"team@example.com\", \"reason\": \"The offer in the last ten emails is wrong\"}.",
            Effect::Settles,
            stop,
        )
        .only_with_one_of(&[Scope::Oversight, Scope::Admin])
        .example(json!({"mailbox": "winback@example.com", "reason": "The offer in the last ten emails is wrong."})),
        tool(
            "list_attempts",
            "See how an email left",
            "Lists every attempt to hand an email over, with the mail server's words, as {attempts, settlements}. outcome \"uncertain\" means that nobody \
             knows whether it arrived: do not send it again, a person settles it. Example: {\"message_id\": \"…\"}.",
            Effect::Reads,
            attempts,
        )
        .only_with(Scope::Read)
        .example(json!({"message_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
    ]
}

async fn look(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::look(call.actor, &call.state).await?))
}

async fn stop(call: Call, asked: StopSending) -> Answered {
    let sending = rest::halt(call.actor, &call.state, asked).await?;
    Ok(Answer::new(sending).next("Nothing of it leaves now. Tell a person why you stopped it: only a person can resume it."))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The email, by id.
    message_id: String,
}

async fn attempts(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::delivery(call.actor, &call.state, &asked.message_id).await?))
}

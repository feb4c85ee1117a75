//! Tools on what recipients chose.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::preferences::{self as rest, Less};
use crate::api::shapes::OneOrMany;
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "list_topics",
            "List topics",
            "Lists the topics by which recipients choose what they get, as {topics}. Name one as topic of send_email. People make topics on the desk.",
            Effect::Reads,
            list,
        )
        .only_with(Scope::Read)
        .example(json!({})),
        tool(
            "get_preferences",
            "Read what a contact chose",
            "Reads which topics a contact wants, how many messages a week at most, and until when nothing may be sent to them.",
            Effect::Reads,
            get,
        )
        .only_with(Scope::Read)
        .example(json!({"contact_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "lessen_preferences",
            "Note that a contact wants less",
            "Notes what a contact asked for: topics_off switches topics off, most_per_week lowers the limit (1 to 7), paused_until lengthens a pause. \
             Nothing here switches anything on again; the recipient does that with the link in every message.",
            Effect::Settles,
            lessen,
        )
        .only_with(Scope::Contacts)
        .example(json!({"contact_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "most_per_week": 1})),
    ]
}

async fn list(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::all(call.actor, &call.state).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// The contact.
    contact_id: String,
}

async fn get(call: Call, asked: Get) -> Answered {
    Ok(Answer::new(rest::of_contact(call.actor, &call.state, &asked.contact_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lessen {
    /// The contact.
    contact_id: String,
    /// Topics to switch off, by name or id.
    topics_off: Option<OneOrMany>,
    /// The most messages in any seven days, 1 to 7, no more than now.
    most_per_week: Option<i32>,
    /// Nothing before this time, such as 2026-04-30T12:00:00Z.
    paused_until: Option<String>,
}

async fn lessen(call: Call, asked: Lessen) -> Answered {
    let Lessen { contact_id, topics_off, most_per_week, paused_until } = asked;
    Ok(Answer::new(rest::lessen(call.actor, &call.state, &contact_id, Less { topics_off, most_per_week, paused_until }).await?))
}

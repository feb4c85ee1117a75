//! Tools on segments.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::segments::{self as rest, New, Paging};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "create_segment",
            "Keep a segment",
            "Keeps a search for contacts under a name, such as {\"name\": \"API v1, paying\", \"tags\": [\"api-v1\", \"-migration-complete\"], \
             \"customers_only\": true}. It is looked up anew whenever it is used. Look at its contacts with get_segment next.",
            Effect::Adds,
            create,
        )
        .only_with(Scope::Draft)
        .example(json!({"name": "On API v1", "tags": "api-v1,-migration-started"})),
        tool("list_segments", "List segments", "Lists the segments, newest first, as {segments, next_cursor}.", Effect::Reads, list)
            .only_with(Scope::Read)
            .example(json!({"limit": 20})),
        tool(
            "get_segment",
            "Read a segment",
            "Reads a segment with the number of its contacts (counted up to 10,000; more says whether there are further ones) and a page of them in \
             contacts. A contact with suppressed true must not be mailed.",
            Effect::Reads,
            get,
        )
        .only_with(Scope::Read)
        .example(json!({"segment_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "delete_segment",
            "Remove a segment",
            "Removes a segment that no campaign and no cohort uses. Its contacts stay as they are.",
            Effect::Ends,
            delete,
        )
        .only_with(Scope::Draft)
        .example(json!({"segment_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
    ]
}

async fn create(call: Call, new: New) -> Answered {
    Ok(Answer::new(rest::add(call.actor, &call.state, new).await?))
}

async fn list(call: Call, paging: Paging) -> Answered {
    Ok(Answer::new(rest::all(call.actor, &call.state, paging).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// The segment.
    segment_id: String,
    /// At most so many contacts, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn get(call: Call, asked: Get) -> Answered {
    let counted = rest::one(call.actor.clone(), &call.state, &asked.segment_id).await?;
    let page = rest::contacts_of(call.actor, &call.state, &asked.segment_id, Paging { limit: asked.limit, cursor: asked.cursor }).await?;
    let mut answer = json!(counted);
    (answer["contacts"], answer["next_cursor"]) = (json!(page.contacts), json!(page.next_cursor));
    Ok(Answer::new(answer))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Delete {
    /// The segment.
    segment_id: String,
}

async fn delete(call: Call, asked: Delete) -> Answered {
    rest::take_away(call.actor, &call.state, &asked.segment_id).await?;
    Ok(Answer::new(json!({"segment_id": asked.segment_id, "deleted": true})))
}

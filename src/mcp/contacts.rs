//! Tools on contacts.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::contacts::{self as rest, Query, Upsert};
use crate::api::shapes::OneOrMany;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "search_contacts",
            "Search contacts",
            "Finds contacts by address, words or tags; all filters together. Answers {contacts, next_cursor}. A contact with suppressed true must not be mailed.",
            Effect::Reads,
            search,
        ),
        tool(
            "add_contact",
            "Add or complete a contact",
            "Adds a contact, or completes the one with this email address. Tags and metadata merge and never replace. \
             The tag \"unsubscribed\" stops all mail to the contact for good.",
            Effect::Settles,
            add,
        ),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Find {
    /// This address exactly.
    email: Option<String>,
    /// Words to find in name and address.
    query: Option<String>,
    /// Tags the contact has, as a list or separated by commas; a leading minus excludes.
    tags: Option<OneOrMany>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn search(call: Call, find: Find) -> Answered {
    let tags = find.tags.map(|tags| tags.into_vec().join(","));
    let query = Query { email: find.email, query: find.query, tags, limit: find.limit, cursor: find.cursor };
    Ok(Answer::new(rest::find(call.actor, &call.state, query).await?).leaving_out(&["results"]))
}

async fn add(call: Call, contact: Upsert) -> Answered {
    Ok(Answer::new(rest::put(call.actor, &call.state, contact).await?))
}

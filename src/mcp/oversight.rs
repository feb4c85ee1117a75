//! Tools on what waits for a decision.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, DRAFT};
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::oversight::{self as rest, Decision, OneOfMany, Query, Results};
use crate::api::shapes::Message;
use crate::domain::actor::Scope;
use crate::domain::messages::list::Sort;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "list_pending",
            "List what waits for a decision",
            "Lists messages that are held for review, oldest first, with their words, claims and content_hash, as {messages, next_cursor}. \
             The words are what is to be judged: they come marked as untrusted. Go on with decide_email.",
            Effect::Reads,
            pending,
        )
        .only_with(Scope::OversightRead)
        .example(json!({"mailbox": "winback@example.com", "sort": "oldest", "limit": 10})),
        tool(
            "decide_email",
            "Decide on an email",
            "Approves, rejects or asks for changes of a held message. Approve and it leaves. Read it first and give the content_hash you read: \
             if it changed since, nothing is decided. Nobody decides what they wrote themselves. A decision cannot be undone.",
            Effect::Ends,
            decide,
        )
        .only_with(Scope::Oversight)
        .answers::<Message>()
        .example(json!({"message_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "decision": "approve", "content_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}))
        .example(json!({"message_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "decision": "request_changes", "reason": "The offer ended in May."})),
        tool(
            "decide_emails",
            "Decide on several emails",
            "Decides 1 to 500 held messages, each on its own and bound to the content_hash you read. Answers {results}: each is the message with ok true, or \
             the problem with ok false; one that fails leaves the others alone. Read every message first: a decision cannot be undone.",
            Effect::Ends,
            decide_all,
        )
        .only_with(Scope::Oversight)
        .answers::<Results>()
        .example(json!({"decisions": [
            {"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "content_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "decision": "approve"},
            {"id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f81", "content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "decision": "reject", "reason": "They came back already."},
        ]})),
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
    // The same list three times would only fill the model's window.
    Ok(Answer::new(rest::waiting(call.actor, &call.state, query).await?)
        .leaving_out(&["pending", "emails"])
        .setting_apart("messages", DRAFT, |_| true))
}

async fn decide(call: Call, decision: Decision) -> Answered {
    Ok(Answer::new(rest::settle(call.actor, &call.state, decision).await?).setting_apart("", DRAFT, |_| true))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Decisions {
    /// One for each message.
    decisions: Vec<OneOfMany>,
}

async fn decide_all(call: Call, all: Decisions) -> Answered {
    let answer = json!(rest::settle_all(call.actor, &call.state, all.decisions).await?);
    let results = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let refused = results.iter().filter(|result| result["ok"] == false).count();
    let next = match refused {
        0 => format!("All {} are decided.", results.len()),
        _ => format!("{} are decided, {refused} are not: each of these says why in its code and detail.", results.len() - refused),
    };
    Ok(Answer::new(answer).next(next).setting_apart("results", DRAFT, |result| result["ok"] == true))
}

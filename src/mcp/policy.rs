//! Tools that say what would happen, and what did: explain, forecast, suppressions, the log.

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::audit::{self, Query as LogQuery};
use crate::api::policy::{self as rest, About, ForecastOf};
use crate::api::suppression::{self, Query, Suppress};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "explain_contact",
            "Why somebody can be mailed, or not",
            "Shows every check between a person and a message that you would submit now, each with verdict pass, hold or refuse, the data it looked at and \
             when it may say otherwise. Example: {\"email\": \"ann@example.com\", \"mailbox\": \"team@example.com\"}. Send nothing where the verdict is refuse.",
            Effect::Reads,
            explain,
        ).only_with(Scope::Read).example(json!({"email": "ana@example.com", "mailbox": "winback@example.com"})),
        tool(
            "forecast_send",
            "Forecast messages to many people",
            "Counts what would happen to messages to up to 1000 contacts, by deciding check, without sending anything. \
             Example: {\"tags\": \"beta,-unsubscribed\", \"mailbox\": \"team@example.com\"} or {\"contacts\": [\"ann@example.com\"]}.",
            Effect::Reads,
            forecast,
        ).only_with(Scope::Read).example(json!({"tags": "api-v1,-migration-started", "mailbox": "winback@example.com"})),
        tool(
            "list_suppressions",
            "List addresses that must not be mailed",
            "Lists suppressed addresses with the reason, the latest first, as {suppressions, next_cursor}. Example: {\"email\": \"ann@example.com\"}. \
             No tool takes one off the list.",
            Effect::Reads,
            suppressions,
        ).only_with(Scope::Read).example(json!({"reason": "unsubscribed", "limit": 20})),
        tool(
            "suppress_address",
            "Suppress an address",
            "Stops all mail to an address for good, as when somebody writes that they want none. Example: {\"email\": \"ann@example.com\", \
             \"reason\": \"unsubscribed\"}. It cannot be taken back: be sure that it is the person's wish.",
            Effect::Ends,
            suppress,
        ).only_with(Scope::Contacts).example(json!({"email": "ana@example.com"})),
        tool(
            "list_audit_log",
            "Read the log of changes",
            "Lists what happened and by whom, the newest first, as {entries, next_cursor}. Example: {\"target_kind\": \"message\", \"target\": \"…\"}. \
             Needs the scope oversight_read or admin.",
            Effect::Reads,
            log,
        ).example(json!({"action": "message.approve", "limit": 20}))
        .only_with_one_of(&[Scope::OversightRead, Scope::Admin]),
    ]
}

async fn explain(call: Call, about: About) -> Answered {
    Ok(Answer::new(rest::explain(call.actor, &call.state, about).await?))
}

async fn forecast(call: Call, of: ForecastOf) -> Answered {
    Ok(Answer::new(rest::foresee(call.actor, &call.state, of).await?))
}

async fn suppressions(call: Call, query: Query) -> Answered {
    Ok(Answer::new(suppression::look(call.actor, &call.state, query).await?))
}

async fn suppress(call: Call, asked: Suppress) -> Answered {
    Ok(Answer::new(suppression::add(call.actor, &call.state, asked).await?).next("Suppressed for good. Do not mail this person any more."))
}

async fn log(call: Call, query: LogQuery) -> Answered {
    Ok(Answer::new(audit::look(call.actor, &call.state, query).await?))
}

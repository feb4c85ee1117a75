//! Tools on how mailboxes send and are received, and on how often people are mailed. No tool loosens any of it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::mailboxes::{Which, named};
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::delivery::{self as rest, ChangeLimits, ChangeRules};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "get_delivery",
            "How a mailbox sends and is received",
            "Reads the rate, bounces and complaints of a mailbox against their limits, its warm-up, and what waits for what. Look here before a large \
             campaign, and slow down where health is not good. Example: {\"mailbox\": \"team@example.com\"}.",
            Effect::Reads,
            look,
        )
        .only_with(Scope::Read)
        .example(json!({"mailbox": "winback@example.com"})),
        tool(
            "limit_delivery",
            "Tighten the limits of a mailbox",
            "Lowers how much a mailbox sends a minute, to one domain or a day, or the rates at which it pauses itself. A looser value is refused, and a \
             person resumes what paused. Example: {\"mailbox\": \"team@example.com\", \"per_minute\": 60}.",
            Effect::Settles,
            limit,
        )
        .only_with(Scope::Admin)
        .example(json!({"mailbox": "winback@example.com", "per_minute": 60})),
        tool(
            "get_sending_rules",
            "How often and when people are mailed",
            "Reads the caps for one person over all mailboxes and campaigns, the quiet hours on their clock, and which ground commercial mail needs.",
            Effect::Reads,
            rules,
        )
        .only_with(Scope::Read)
        .example(json!({})),
        tool(
            "tighten_sending_rules",
            "Tighten the rules of sending",
            "Lowers caps or lengthens quiet hours for everybody. A looser value is refused. Example: {\"cap_messages\": 1, \"cap_days\": 7}.",
            Effect::Settles,
            tighten,
        )
        .only_with(Scope::Admin)
        .example(json!({"cap_messages": 1})),
    ]
}

async fn look(call: Call, which: Which) -> Answered {
    let id = named(&call, which.mailbox, which.mailbox_id).await?;
    Ok(Answer::new(rest::look(call.actor, &call.state, id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limit {
    /// The mailbox, by address or id.
    mailbox: Option<String>,
    /// The mailbox, by id.
    mailbox_id: Option<String>,
    /// Messages a minute: 1 to 100000.
    per_minute: Option<i32>,
    /// Messages a minute to one domain: 1 to 100000.
    per_domain_minute: Option<i32>,
    /// Messages of the first day of a warm-up: 1 to 100000.
    warmup_first: Option<i32>,
    /// Bounces that pause, in millionths: 1000 to 100000.
    bounce_limit: Option<i32>,
    /// Complaints that pause, in millionths: 100 to 10000.
    complaint_limit: Option<i32>,
}

async fn limit(call: Call, asked: Limit) -> Answered {
    let id = named(&call, asked.mailbox, asked.mailbox_id).await?;
    let change = ChangeLimits {
        per_minute: asked.per_minute,
        per_domain_minute: asked.per_domain_minute,
        warmup_first: asked.warmup_first,
        bounce_limit: asked.bounce_limit,
        complaint_limit: asked.complaint_limit,
        ..ChangeLimits::default()
    };
    Ok(Answer::new(rest::tighten(call.actor, &call.state, id, change).await?))
}

async fn rules(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::look_at_rules(call.actor, &call.state).await?))
}

async fn tighten(call: Call, asked: ChangeRules) -> Answered {
    Ok(Answer::new(rest::tighten_rules(call.actor, &call.state, asked).await?))
}

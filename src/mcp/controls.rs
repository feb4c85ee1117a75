//! Tools on the rules that hold messages and on the allow-lists of mailboxes.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::controls::{self as rest, Given};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "list_holding_rules",
            "List the rules that hold messages",
            "Lists the rules that hold messages whatever the mode of their mailbox says, each with what it holds in words, as {rules}. What two people \
             must approve has approvers 2.",
            Effect::Reads,
            list,
        )
        .only_with(Scope::Read)
        .example(json!({})),
        tool(
            "create_holding_rule",
            "Make a rule that holds messages",
            "Makes a rule that holds messages for a person, or for two: by kind of campaign, tags of message or recipient, segment, an amount in the \
             message, or what the recipient pays a month. What it names must all hold. A rule only tightens; people end it on the page Oversight.",
            Effect::Adds,
            create,
        )
        .only_with(Scope::Admin)
        .example(json!({"name": "Large customers", "revenue_over": 100_000, "currency": "USD", "approvers": 2}))
        .example(json!({"name": "Announcements of support", "mailbox": "support@example.com", "kinds": ["announcement"]})),
        tool(
            "backtest_holding_rule",
            "What a rule would have held",
            "Says how many of the messages handed in over the last 30 days a rule with these terms would have held, and how many of them went without a \
             person's review, as {looked_at, held, unreviewed, told}. Takes what create_holding_rule takes; ask before making a rule. Nothing changes by it.",
            Effect::Reads,
            backtest,
        )
        .only_with(Scope::Admin)
        .example(json!({"name": "Large customers", "revenue_over": 100_000, "currency": "USD"})),
        tool(
            "list_allowed_recipients",
            "List the recipients whose mail is not held",
            "Lists the recipients on the allow-list of a mailbox, with what the list covers of the last 90 days, as {recipients, coverage}. In gated_send, \
             mail to them leaves after the checks although a machine wrote it.",
            Effect::Reads,
            recipients,
        )
        .only_with(Scope::OversightRead)
        .example(json!({"mailbox": "support@example.com"})),
        tool(
            "remove_allowed_recipient",
            "Take a recipient off the allow-list",
            "Takes a recipient off the allow-list of a mailbox, at once: mail to them is held again, and what waits to leave goes back to the queue of \
             reviewers. Only people put it back.",
            Effect::Ends,
            remove,
        )
        .only_with(Scope::Admin)
        .example(json!({"entry_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
    ]
}

async fn list(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::rules(call.actor, &call.state).await?))
}

async fn create(call: Call, given: Given) -> Answered {
    Ok(Answer::new(rest::add(call.actor, &call.state, given).await?))
}

async fn backtest(call: Call, given: Given) -> Answered {
    Ok(Answer::new(rest::look_back(call.actor, &call.state, given).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfMailbox {
    /// The mailbox, by address or id.
    mailbox: String,
}

async fn recipients(call: Call, of: OfMailbox) -> Answered {
    Ok(Answer::new(rest::recipients(call.actor, &call.state, of.mailbox).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfEntry {
    /// The id of the entry, from list_allowed_recipients.
    entry_id: String,
}

async fn remove(call: Call, of: OfEntry) -> Answered {
    let id = of.entry_id.clone();
    rest::take_off(call.actor, &call.state, of.entry_id).await?;
    Ok(Answer::new(json!({"id": id, "removed": true})))
}

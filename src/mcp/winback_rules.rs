//! Tools on win-back rules.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::winback_rules::{self as rest, Given};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "create_winback_rule",
            "Make a win-back rule",
            "Makes a rule that drafts a letter for each customer who left and fits it: by reason, monthly revenue, days since they left, and whether an \
             update answers them. Every draft waits for a person. Ask forecast_winback_rule first. Example: {\"name\": \"Price, large\", \"reasons\": \
             [\"too_expensive\"], \"mrr_from\": 10000, \"currency\": \"USD\", \"holdout\": 10}.",
            Effect::Adds,
            create,
        )
        .only_with(Scope::Draft)
        .example(json!({"name": "Asked for it, and it shipped", "mailbox": "winback@example.com", "reasons": ["missing_features"], "needs_update": true, "holdout": 10})),
        tool("list_winback_rules", "List win-back rules", "Lists the win-back rules with what each did so far, as {rules}.", Effect::Reads, list)
            .only_with(Scope::Read)
            .example(json!({})),
        tool(
            "get_winback_rule",
            "Read a win-back rule",
            "Reads a win-back rule and how those fare whom it picked: with a letter, and held out by lot. Say by_lot.lift_in_words with any number you \
             quote from it.",
            Effect::Reads,
            get,
        )
        .only_with(Scope::Read)
        .example(json!({"rule_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "change_winback_rule",
            "Change a win-back rule",
            "Changes a win-back rule; what the terms leave out stays. {\"enabled\": false} lets it rest. Whom it picked before stays picked.",
            Effect::Settles,
            change,
        )
        .only_with(Scope::Draft)
        .example(json!({"rule_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "terms": {"enabled": false}})),
        tool(
            "delete_winback_rule",
            "Delete a win-back rule",
            "Deletes a win-back rule. What it drafted stays, and so does the comparison.",
            Effect::Ends,
            delete,
        )
        .only_with(Scope::Draft)
        .example(json!({"rule_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "forecast_winback_rule",
            "What a win-back rule would do",
            "Says whom a win-back rule would draft for now, how many the lot would hold out, what they paid, and what the checks would say of the letters. \
             With rule_id of that rule with the changes given, without it of a new one. Nothing is drafted.",
            Effect::Reads,
            forecast,
        )
        .only_with(Scope::Draft)
        .example(json!({"terms": {"mailbox": "winback@example.com", "reasons": ["too_expensive"], "from_days": 7, "to_days": 30}})),
    ]
}

async fn create(call: Call, given: Given) -> Answered {
    Ok(Answer::new(rest::add(call.actor, &call.state, given).await?))
}

async fn list(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::all(call.actor, &call.state).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The rule.
    rule_id: String,
}

async fn get(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::one(call.actor, &call.state, &asked.rule_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The rule.
    rule_id: String,
    /// What changes.
    terms: Given,
}

async fn change(call: Call, asked: Change) -> Answered {
    Ok(Answer::new(rest::rewrite(call.actor, &call.state, &asked.rule_id, asked.terms).await?))
}

async fn delete(call: Call, asked: Which) -> Answered {
    rest::take_away(call.actor, &call.state, &asked.rule_id).await?;
    Ok(Answer::new(json!({"rule_id": asked.rule_id, "deleted": true})))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Would {
    /// A rule that is there.
    rule_id: Option<String>,
    /// What changes, or what a new one says.
    terms: Given,
}

async fn forecast(call: Call, asked: Would) -> Answered {
    Ok(Answer::new(rest::would_do(call.actor, &call.state, asked.rule_id.as_deref(), asked.terms).await?))
}

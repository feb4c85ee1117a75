//! Prompts: work that is begun with everything it needs.

use rmcp::model::{ContentBlock, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::untrusted;
use super::tool::Call;
use super::{migration, win_back};
use crate::api::error::Problem;
use crate::api::json;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;

/// The scopes that every prompt needs: it reads what is on record, and its work ends with a draft.
const NEEDED: [Scope; 2] = [Scope::Read, Scope::Draft];

/// The prompts that this key may use.
pub(super) fn shown_to(actor: &Actor) -> Vec<Prompt> {
    if NEEDED.iter().any(|scope| actor.must_have(*scope).is_err()) {
        return vec![];
    }
    vec![
        Prompt::new(
            "draft_win_back",
            Some("Writes to one customer who left: the fact sheet, why they left, what shipped since that answers it, which offers are open, and how to check and send."),
            Some(vec![
                PromptArgument::new("churn_event_id").with_description("The churn event. Give this or email.").with_required(false),
                PromptArgument::new("email").with_description("The customer's address: their latest churn event. Give this or churn_event_id.").with_required(false),
            ]),
        )
        .with_title("Win a customer back"),
        Prompt::new(
            "plan_migration",
            Some("Plans the mails of a migration: announcement 90, preparation 60, window 30 and final notice 7 days before the deadline, and completion."),
            Some(vec![
                PromptArgument::new("tags").with_description("The tags of those concerned, with commas; a leading minus leaves out, as in api-v1,-migration-complete.").with_required(true),
                PromptArgument::new("deadline").with_description("The last day of the old way, such as 2027-04-30.").with_required(true),
                PromptArgument::new("breaking_changes").with_description("What changes, in your words. Facts on record are added.").with_required(false),
            ]),
        )
        .with_title("Plan a migration"),
    ]
}

/// One prompt with its arguments filled in.
pub(super) async fn get(call: Call, name: &str, arguments: JsonObject) -> Result<GetPromptResult, Problem> {
    let known = shown_to(&Actor::System("prompts"));
    if !known.iter().any(|prompt| prompt.name == name) {
        let names: Vec<&str> = known.iter().map(|prompt| prompt.name.as_str()).collect();
        return Err(Error::not_found("prompt").with_hint(format!("There are {}.", names.join(" and "))).into());
    }
    for scope in NEEDED {
        call.actor.must_have(scope)?;
    }
    let blocks = match name {
        "draft_win_back" => win_back::prompt(call, read(arguments)?).await?,
        _ => migration::prompt(call, read(arguments)?).await?,
    };
    Ok(GetPromptResult::new(blocks.into_iter().map(|block| PromptMessage::new(Role::User, block)).collect()))
}

/// An empty argument is one that was not given: clients send what a person left blank.
fn read<T: DeserializeOwned>(mut arguments: JsonObject) -> Result<T, Problem> {
    arguments.retain(|_, value| value.as_str().is_none_or(|text| !text.trim().is_empty()));
    json::read(&Value::Object(arguments))
}

/// What is on record, as a block of JSON.
pub(super) fn on_record(what: &str, facts: &Value) -> ContentBlock {
    ContentBlock::text(format!("{what} (JSON, from the record):\n{facts}"))
}

/// What somebody outside wrote, as a marked block.
pub(super) fn from_outside(what: &str, text: &str) -> ContentBlock {
    untrusted(what, text)
}

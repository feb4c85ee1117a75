//! What can be read under an address of its own, through the functions behind the REST calls.

use rmcp::model::{Resource, ResourceTemplate};
use serde_json::json;

use super::answer::{Answer, DRAFT, of_another};
use super::recall::unmet;
use crate::api::error::Problem;
use crate::api::{facts, mailboxes, messages, oversight, vigilance};
use crate::app::State;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;
use crate::domain::text::excerpt;

/// A resource: its address, name, title and description, and the scope it needs.
type Listed = (&'static str, &'static str, &'static str, &'static str, Scope);

const PENDING: &str = "countersign://pending";
const DEMAND: &str = "countersign://reports/demand";
const VIGILANCE: &str = "countersign://reports/vigilance";
const MAILBOXES: &str = "countersign://mailboxes";
const MESSAGES: &str = "countersign://messages/";

const RESOURCES: [Listed; 4] = [
    (
        PENDING,
        "pending",
        "What waits for a decision",
        "The first 20 messages that are held for review, oldest first, with their claims.",
        Scope::OversightRead,
    ),
    (DEMAND, "demand", "What customers asked for", "What customers who left had asked for and nothing that shipped answers.", Scope::Read),
    (VIGILANCE, "vigilance", "How closely teams read", "Numbers of each team for the last 30 days. Never by person.", Scope::OversightRead),
    (MAILBOXES, "mailboxes", "Mailboxes", "The mailboxes within reach with their oversight modes.", Scope::Read),
];

const TEMPLATES: [Listed; 1] = [(
    "countersign://messages/{id}",
    "message",
    "One message",
    "One message whole, with its status, its claims and the facts they rest on, its findings and decisions.",
    Scope::Read,
)];

const JSON: &str = "application/json";

/// The resources that this key may read.
pub(super) fn shown_to(actor: &Actor) -> Vec<Resource> {
    RESOURCES
        .into_iter()
        .filter(|(.., scope)| actor.must_have(*scope).is_ok())
        .map(|(uri, name, title, about, _)| Resource::new(uri, name).with_title(title).with_description(about).with_mime_type(JSON))
        .collect()
}

/// The resources with a place for an id that this key may read.
pub(super) fn templates_shown_to(actor: &Actor) -> Vec<ResourceTemplate> {
    TEMPLATES
        .into_iter()
        .filter(|(.., scope)| actor.must_have(*scope).is_ok())
        .map(|(uri, name, title, about, _)| ResourceTemplate::new(uri, name).with_title(title).with_description(about).with_mime_type(JSON))
        .collect()
}

/// Reads a resource.
pub(super) async fn read(actor: Actor, state: &State, uri: &str) -> Result<Answer, Problem> {
    match uri {
        PENDING => {
            let mut found = json!(oversight::waiting(actor, state, oversight::Query::default()).await?);
            if let Some(found) = found.as_object_mut() {
                found.retain(|name, _| matches!(name.as_str(), "messages" | "next_cursor"));
            }
            Ok(Answer::new(found).setting_apart("messages", DRAFT, |_| true))
        }
        DEMAND => Ok(unmet(facts::unmet(actor, state, None).await?)),
        VIGILANCE => Ok(Answer::new(vigilance::numbers(actor, state, vigilance::Query::default()).await?)),
        MAILBOXES => Ok(Answer::new(mailboxes::all(actor, state).await?)),
        _ => match uri.strip_prefix(MESSAGES).filter(|id| !id.is_empty() && !id.contains('/')) {
            Some(id) => {
                actor.must_have(Scope::Read)?;
                Ok(Answer::new(messages::one(actor, state, id).await?).setting_apart("", DRAFT, of_another))
            }
            None => {
                Err(Error::not_found("resource").with_hint(format!("\"{}\" is none. List the resources and the templates.", excerpt(uri))).into())
            }
        },
    }
}

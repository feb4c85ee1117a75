//! Tools on the grounds for mailing somebody.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::consents::{self as rest, NewAsk, NewSource};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "get_consents",
            "Read the grounds for mailing a contact",
            "Reads the ledger of a contact: each ground with its source, wording and evidence, what was withdrawn, and what the contact was asked to \
             confirm. With none in force every message to them is held. People record grounds on the desk.",
            Effect::Reads,
            get,
        )
        .only_with(Scope::Read)
        .example(json!({"contact_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "ask_consent",
            "Ask a contact to confirm",
            "Submits one message that asks a contact to confirm that they want mail, to its mailbox's oversight mode; with status \"pending\" it is held \
             for review. The ground is recorded when they confirm with the link in it, within 30 days. Say where they gave their address.",
            Effect::Adds,
            ask,
        )
        .only_with(Scope::Draft)
        .example(json!({"contact_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "source": "Sign-up form of the website", "purpose": "our newsletter"})),
        tool(
            "record_source",
            "Record where a contact comes from",
            "Records where a contact's data comes from, in words that they will read. With elsewhere true their first message names it. What is on \
             record stays; only a person can change it.",
            Effect::Settles,
            record,
        )
        .only_with(Scope::Contacts)
        .example(json!({"contact_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "source": "the list of exhibitors of the Spring Fair", "elsewhere": true})),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// The contact.
    contact_id: String,
}

async fn get(call: Call, asked: Get) -> Answered {
    Ok(Answer::new(rest::ledger(call.actor, &call.state, &asked.contact_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AskConsent {
    /// The contact.
    contact_id: String,
    /// The mailbox to send from, by address or id. Needed only where the key reaches several.
    mailbox: Option<String>,
    /// Where they gave their address, in words.
    source: String,
    /// What for, such as "our newsletter". They read it.
    purpose: Option<String>,
    /// The version of the words they were shown.
    wording: Option<String>,
    /// Under whose law: eu, uk, ch, us, us_ca, ca or other.
    jurisdiction: Option<String>,
}

async fn ask(call: Call, asked: AskConsent) -> Answered {
    let AskConsent { contact_id, mailbox, source, purpose, wording, jurisdiction } = asked;
    let new = NewAsk { mailbox, source, purpose, wording, jurisdiction };
    Ok(Answer::new(rest::ask_for(call.actor, &call.state, &contact_id, new).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Record {
    /// The contact.
    contact_id: String,
    /// The source, in words that the person will read.
    source: String,
    /// true where it came from somebody else than the person.
    elsewhere: bool,
}

async fn record(call: Call, asked: Record) -> Answered {
    let Record { contact_id, source, elsewhere } = asked;
    let new = NewSource { source, elsewhere, basis: None, obtained_at: None };
    Ok(Answer::new(rest::record_source(call.actor, &call.state, &contact_id, new).await?))
}

//! The tool that holds a draft against the recorded facts.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::claims::checked;
use crate::clock;
use crate::domain::claims::{self, TextToCheck};

pub(super) fn tools() -> Vec<Entry> {
    vec![tool(
        "check_claims",
        "Check a draft's claims",
        "Holds every number, amount, date, link, code, name and promise of a draft against the recorded facts. \
         Answers {claims, supported, unsupported}; start and end count Unicode characters of the text given. \
         A hard claim that is not supported keeps a message from being approved: mend or remove it before you send. \
         Without a contact only facts that hold for everybody count. Nothing is sent.",
        Effect::Reads,
        check,
    )]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Check {
    /// The draft as plain text.
    text: Option<String>,
    /// The draft as HTML. Give text or html, one of the two.
    html: Option<String>,
    /// The recipient, by address or id. Without one only facts that hold for everybody count.
    contact: Option<String>,
    /// The mailbox it would leave from, by address or id.
    mailbox: Option<String>,
}

async fn check(call: Call, given: Check) -> Answered {
    let found = call
        .state
        .quiet_write(move |conn| {
            let Check { text, html, contact, mailbox } = &given;
            let given = TextToCheck { text: text.as_deref(), html: html.as_deref(), contact: contact.as_deref(), mailbox: mailbox.as_deref() };
            claims::check_text(conn, &call.actor, given, clock::now())
        })
        .await?;
    let next = match found.iter().filter(|claim| claim.is_open()).count() {
        0 => "No claim would keep this draft from leaving.".to_owned(),
        1 => "1 claim rests on no recorded fact. Mend or remove it before you send.".to_owned(),
        open => format!("{open} claims rest on no recorded fact. Mend or remove them before you send."),
    };
    Ok(Answer::new(checked(&found)).next(next))
}

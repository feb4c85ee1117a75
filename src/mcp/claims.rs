//! Tools on claims: what a draft says, held against the recorded facts.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, DRAFT};
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::claims::{self as rest, Checked, checked};
use crate::api::shapes::CheckedMessage;
use crate::clock;
use crate::domain::actor::Scope;
use crate::domain::claims::{self, TextToCheck};

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "check_claims",
            "Check a draft's claims",
            "Holds every number, amount, date, link, code, name and promise of a draft against the recorded facts. \
             Answers {claims, supported, unsupported}; start and end count Unicode characters of the text given. \
             A hard claim that is not supported keeps a message from being approved: mend or remove it before you send. \
             Without a contact only facts that hold for everybody count. Nothing is sent.",
            Effect::Reads,
            check,
        )
        .only_with(Scope::Read)
        .answers::<Checked>()
        .example(json!({"text": "Hi Ana, with COMEBACK20 you get 20% off.", "contact": "ana@example.com"})),
        tool(
            "waive_claim",
            "Let a claim stand",
            "Lets one open claim of a held message stand although no fact carries it, for whoever may decide that message. key is in claims of \
             list_pending. Say why you know that it is right; if you do not know, ask for changes with decide_email instead.",
            Effect::Settles,
            waive,
        )
        .only_with(Scope::Oversight)
        .answers::<CheckedMessage>()
        .example(json!({"message_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "key": "3f2c5d6e7f80", "reason": "The date was agreed on the phone on 3 March."})),
    ]
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

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Waive {
    /// The message.
    #[serde(alias = "email_id")]
    message_id: String,
    /// The claim: its key in claims of the message.
    key: String,
    /// Why it may stand, for the record.
    reason: String,
}

async fn waive(call: Call, waive: Waive) -> Answered {
    let shape = rest::let_stand(call.actor, &call.state, &waive.message_id, waive.key, waive.reason).await?;
    let next = match shape.claims_open {
        0 => "No open claim is left. Decide the message with decide_email and its content_hash.".to_owned(),
        open => format!("{open} open claims are left."),
    };
    Ok(Answer::new(shape).next(next).setting_apart("", DRAFT, |_| true))
}

//! Tools on mailboxes: look, tighten, ask. No tool loosens a mode.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::backtest;
use crate::api::boxes::{self as rest, Change, Upgrade};
use crate::api::input::given_mailbox;
use crate::api::mailboxes as list;
use crate::domain::actor::Scope;
use crate::domain::error::Error;
use crate::domain::mailboxes::Mode;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "list_mailboxes",
            "List mailboxes",
            "Lists the mailboxes within reach with their oversight modes, as {mailboxes}. meaning says what happens to what you send from each.",
            Effect::Reads,
            all,
        ).only_with(Scope::Read).example(json!({})),
        tool(
            "get_mailbox",
            "Read a mailbox",
            "Reads one mailbox, by id or address: its oversight mode and what the mode means for what you send. Example: {\"mailbox\": \"team@example.com\"}.",
            Effect::Reads,
            one,
        ).only_with(Scope::Read).example(json!({"mailbox": "winback@example.com"})),
        tool(
            "backtest_mode",
            "What a looser mode would have let out",
            "Says how many of the messages that a mailbox held a looser mode would have let out unreviewed, how many of them people edited or rejected, \
             and whether the record speaks for the mode. Nothing changes by it; ask with request_mode. Needs the scope oversight_read. \
             Example: {\"mailbox\": \"team@example.com\", \"mode\": \"monitored\", \"days\": 90}.",
            Effect::Reads,
            look_back,
        ).only_with(Scope::OversightRead).example(json!({"mailbox": "winback@example.com", "mode": "monitored"})),
        tool(
            "tighten_mode",
            "Tighten an oversight mode",
            "Sets a stricter oversight mode, at once. Example: {\"mailbox\": \"team@example.com\", \"mode\": \"gated_all\"}. A looser one is refused: \
             ask for it with request_mode.",
            Effect::Settles,
            tighten,
        ).example(json!({"mailbox": "winback@example.com", "mode": "gated_all"}))
        .only_with(Scope::Admin),
        tool(
            "request_mode",
            "Ask for a looser oversight mode",
            "Asks the administrators for a looser mode, with your reason. Nothing changes by it: one of them enters a code that is mailed to them. \
             Example: {\"mailbox\": \"team@example.com\", \"target_mode\": \"monitored\", \"reason\": \"200 drafts approved unchanged\"}. Ask once.",
            Effect::Adds,
            ask,
        ).only_with_one_of(&[Scope::Draft, Scope::Admin]).example(json!({"mailbox": "winback@example.com", "target_mode": "monitored", "reason": "Four weeks without a rejection."})),
    ]
}

async fn all(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(list::all(call.actor, &call.state).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Back {
    /// The mailbox, by address or id.
    mailbox: Option<String>,
    /// The mailbox, by id.
    mailbox_id: Option<String>,
    /// The looser mode: gated_send, monitored or autonomous; monitored without it.
    mode: Option<String>,
    /// The last so many days, 1 to 365; 90 without it.
    days: Option<i64>,
}

async fn look_back(call: Call, asked: Back) -> Answered {
    let id = named(&call, asked.mailbox, asked.mailbox_id).await?;
    let query = backtest::Query { mode: asked.mode, days: asked.days };
    Ok(Answer::new(backtest::look_back(call.actor, &call.state, id, query).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// The mailbox, by address or id.
    pub(super) mailbox: Option<String>,
    /// The mailbox, by id.
    pub(super) mailbox_id: Option<String>,
}

/// The mailbox that a tool was given, if any; under two names it must be the same.
pub(super) async fn meant(call: &Call, mailbox: Option<String>, mailbox_id: Option<String>) -> Result<Option<String>, Error> {
    given_mailbox(&call.actor, &call.state, mailbox, mailbox_id).await
}

/// The same where it must be given.
pub(super) async fn named(call: &Call, mailbox: Option<String>, mailbox_id: Option<String>) -> Result<String, Error> {
    let missing = || Error::invalid("field_invalid", "mailbox", "mailbox must be given; got nothing.");
    meant(call, mailbox, mailbox_id).await?.ok_or_else(missing)
}

async fn one(call: Call, which: Which) -> Answered {
    let id = named(&call, which.mailbox, which.mailbox_id).await?;
    Ok(Answer::new(rest::one(call.actor, &call.state, id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tighten {
    /// The mailbox, by address or id.
    mailbox: Option<String>,
    /// The mailbox, by id.
    mailbox_id: Option<String>,
    /// The stricter mode: monitored, gated_send, gated_all or read_only.
    mode: Mode,
}

async fn tighten(call: Call, asked: Tighten) -> Answered {
    let id = named(&call, asked.mailbox, asked.mailbox_id).await?;
    Ok(Answer::new(rest::alter(call.actor, &call.state, id, Change { mode: Some(asked.mode), ..Change::default() }).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// The mailbox, by address or id.
    mailbox: Option<String>,
    /// The mailbox, by id.
    mailbox_id: Option<String>,
    /// The looser mode: gated_all, gated_send, monitored or autonomous.
    target_mode: Mode,
    /// Why, for the administrator who decides.
    reason: Option<String>,
}

async fn ask(call: Call, asked: Ask) -> Answered {
    let id = named(&call, asked.mailbox, asked.mailbox_id).await?;
    let answer = rest::ask(call.actor, &call.state, id, Upgrade { target_mode: asked.target_mode, reason: asked.reason }).await?;
    let next = answer.next;
    Ok(Answer::new(answer).next(next))
}

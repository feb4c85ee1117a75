//! Tools on mail that goes out.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::messages::{self as rest, Send};
use crate::api::shapes::OneOrMany;
use crate::domain::error::Error;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "send_email",
            "Send an email",
            "Submits an email to its mailbox's oversight mode. With status \"pending\" it is held for review: a person decides, nothing has left. \
             Do not retry and do not send it again; poll read_email with its message_id. With \"queued\" or \"scheduled\" it leaves after the checks. \
             People who unsubscribed or bounced are refused.",
            Effect::Adds,
            send,
        ),
        tool(
            "tag_email",
            "Tag an email or a contact",
            "Adds tags to an email, sent or received, or to a contact. Campaign and step tags of an email are kept on its contact too.",
            Effect::Settles,
            tag,
        ),
        tool(
            "cancel_email",
            "Take an email back",
            "Takes back an email that you submitted and that has not left: held, approved or queued. There is no way back; submit a new one instead.",
            Effect::Ends,
            cancel,
        ),
    ]
}

/// What a submission means for whoever made it.
pub(super) fn submitted(answer: Value) -> Answer {
    let word = |name: &str| answer[name].as_str().unwrap_or_default();
    let next = match word("status") {
        "pending" => {
            let why = answer["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!(
                "Held for review{why}. Nothing has left. Do not send it again. A person decides; poll read_email with message_id {} to see the outcome.",
                word("message_id")
            )
        }
        "scheduled" => "Scheduled. It leaves at its time unless it is stopped before. Do not send it again.".to_owned(),
        _ => "Accepted. It leaves after the checks. Do not send it again.".to_owned(),
    };
    Answer::new(answer).next(next)
}

async fn send(call: Call, send: Send) -> Answered {
    Ok(submitted(rest::submit_all(call.actor, &call.state, send).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tag {
    /// The email.
    message_id: Option<String>,
    /// The email; the same as message_id.
    email_id: Option<String>,
    /// The contact, where a contact is to be tagged.
    contact_id: Option<String>,
    /// The tags to add.
    tags: OneOrMany,
}

async fn tag(call: Call, tag: Tag) -> Answered {
    let answer = match (tag.message_id.or(tag.email_id), tag.contact_id) {
        (Some(id), None) => rest::tag(call.actor, &call.state, id, tag.tags).await?,
        (None, Some(id)) => crate::api::contacts::tag(call.actor, &call.state, &id, tag.tags).await?,
        _ => return Err(Error::invalid("field_invalid", "message_id", "Give message_id or contact_id, one of the two.").into()),
    };
    Ok(Answer::new(answer))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    /// The email.
    message_id: Option<String>,
    /// The email; the same as message_id.
    email_id: Option<String>,
}

async fn cancel(call: Call, cancel: Cancel) -> Answered {
    let id = cancel.message_id.or(cancel.email_id);
    let id = id.ok_or_else(|| Error::invalid("field_invalid", "message_id", "message_id must be given; got nothing."))?;
    Ok(Answer::new(rest::take_back(call.actor, &call.state, &id).await?).next("Taken back. It will not leave."))
}

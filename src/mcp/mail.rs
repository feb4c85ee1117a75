//! Tools on mail that goes out.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::input::agreed;
use crate::api::messages::{self as rest, Edit, Query, Send, Sent};
use crate::api::shapes::{CheckedMessage, Message, OneOrMany};
use crate::domain::actor::Scope;
use crate::domain::error::Error;
use crate::domain::messages::State;

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
        )
        .only_with(Scope::Draft)
        .answers::<Sent>()
        .example(json!({"mailbox": "winback@example.com", "to": "ana@example.com", "subject": "Welcome back", "text_body": "Hi Ana,\n\nthe export you asked for is there.", "tags": ["win-back"]})),
        tool(
            "edit_email",
            "Hand in a new version",
            "Changes the words of an email that you submitted and that has not left, as when a reviewer asked for changes. What you leave out stays. \
             The new version is held for review again; nothing is approved by it. Do not send the email again instead.",
            Effect::Settles,
            edit,
        )
        .only_with(Scope::Draft)
        .answers::<CheckedMessage>()
        .example(json!({"message_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "text_body": "Hi Ana,\n\nhere is the corrected text.", "content_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})),
        tool(
            "list_emails",
            "List your emails",
            "Lists the emails you submitted, newest first, without their bodies, as {emails, next_cursor}. With status \"changes_requested\" it shows \
             those that wait for you, each with what the reviewer asked for in change_request.",
            Effect::Reads,
            list,
        )
        .only_with(Scope::Read)
        .example(json!({"status": "changes_requested"})),
        tool(
            "tag_email",
            "Tag an email or a contact",
            "Adds tags to an email, sent or received, or to a contact. Campaign and step tags of an email are kept on its contact too.",
            Effect::Settles,
            tag,
        )
        .only_with(Scope::Contacts)
        .example(json!({"message_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "tags": ["mql", "buying_intent"]}))
        .example(json!({"contact_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "tags": ["drip_complete"]})),
        tool(
            "cancel_email",
            "Take an email back",
            "Takes back an email that you submitted and that has not left: held, approved or queued. There is no way back; submit a new one instead.",
            Effect::Ends,
            cancel,
        )
        .only_with(Scope::Draft)
        .answers::<Message>()
        .example(json!({"message_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
    ]
}

/// What a submission means for whoever made it.
pub(super) fn submitted(answer: Value) -> Answer {
    let word = |name: &str| answer[name].as_str().unwrap_or_default();
    let next = match word("status") {
        "pending" => {
            let why = answer["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!(
                "Held for review{why}. Nothing has left. Do not send it again. A person decides; poll read_email with message_id {} to see the outcome. \
                 If changes are asked for, hand in a new version with edit_email.",
                word("message_id")
            )
        }
        "scheduled" => "Scheduled. It leaves at its time unless it is stopped before. Do not send it again.".to_owned(),
        _ => "Accepted. It leaves after the checks. Do not send it again.".to_owned(),
    };
    Answer::new(answer).next(next)
}

async fn send(call: Call, send: Send) -> Answered {
    Ok(submitted(json!(rest::submit_all(call.actor, &call.state, send).await?)))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rewrite {
    /// The email.
    message_id: Option<String>,
    /// The email; the same as message_id.
    email_id: Option<String>,
    /// The new subject.
    subject: Option<String>,
    /// The new plain text. Without html_body the HTML is made from it.
    text_body: Option<String>,
    /// The new plain text; the same as text_body.
    body: Option<String>,
    /// The new HTML; it is cleaned.
    html_body: Option<String>,
    /// Markdown, from which text and HTML are made.
    markdown: Option<String>,
    /// The content_hash you read. With it nothing is changed if somebody else was quicker.
    content_hash: Option<String>,
}

async fn edit(call: Call, edit: Rewrite) -> Answered {
    let id = named(edit.message_id, edit.email_id)?;
    let Rewrite { subject, text_body, body, html_body, markdown, content_hash, .. } = edit;
    let words = Edit { subject, text_body, body, html_body, markdown, content_hash };
    let answer = json!(rest::rewrite(call.actor, &call.state, &id, words).await?);
    let next = match answer["status"].as_str() {
        Some("pending") => format!(
            "Version {} is held again; do not resend it. A person decides; poll read_email with message_id {id} to see the outcome.",
            answer["version"]
        ),
        _ => "These are the words it had already: nothing changed. Change them as the reviewer asked.".to_owned(),
    };
    Ok(Answer::new(answer).next(next))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// Only in this state, such as changes_requested, pending, sent or rejected.
    status: Option<State>,
    /// false lists those of everybody within the key's reach; without it only your own.
    mine: Option<bool>,
    /// Only of this mailbox, by address or id.
    mailbox: Option<String>,
    /// Only of this mailbox, by id.
    mailbox_id: Option<String>,
    /// Only of this campaign.
    campaign: Option<String>,
    /// Only with this tag.
    tag: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn list(call: Call, asked: List) -> Answered {
    let List { status, mine, mailbox, mailbox_id, campaign, tag, limit, cursor } = asked;
    let query = Query { status, mine, mailbox, mailbox_id, campaign, tag, limit, cursor };
    let mut answer = json!(rest::look(call.actor, &call.state, query).await?);
    // The same list twice would only fill the model's window.
    answer.as_object_mut().and_then(|answer| answer.remove("messages"));
    let waiting =
        answer["emails"].as_array().into_iter().flatten().filter(|email| email["mine"] == true && email["change_request"].is_object()).count();
    let answer = Answer::new(answer);
    if waiting == 0 {
        return Ok(answer);
    }
    Ok(answer.next(format!("{waiting} of them wait for you: read each with read_email and hand in a new version with edit_email.")))
}

pub(super) fn named(message_id: Option<String>, email_id: Option<String>) -> Result<String, Error> {
    agreed([("message_id", message_id), ("email_id", email_id)])?
        .ok_or_else(|| Error::invalid("field_invalid", "message_id", "message_id must be given; got nothing."))
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
    let answer = match (agreed([("message_id", tag.message_id), ("email_id", tag.email_id)])?, tag.contact_id) {
        (Some(id), None) => json!(rest::tag(call.actor, &call.state, id, tag.tags).await?),
        (None, Some(id)) => json!(crate::api::contacts::tag(call.actor, &call.state, &id, tag.tags).await?),
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
    let id = named(cancel.message_id, cancel.email_id)?;
    Ok(Answer::new(rest::take_back(call.actor, &call.state, &id).await?).next("Taken back. It will not leave."))
}

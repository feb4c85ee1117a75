//! Tools on templates.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::shapes::OneOrMany;
use crate::api::templates::{self as rest, New, Query, Render, Send, Variable, Words};
use crate::domain::actor::Scope;

const ID: &str = "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6";

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "create_template",
            "Make a template",
            "Makes a template: words with typed places such as {{ name }}, each declared in variables with a type (text, number, money, date, url) and, \
             where it comes from the recipient's record, a source. Between {% if plan %} and {% endif %} stands what needs an optional one. Nothing else \
             stands between braces. A person approves a version before what is made from it leaves without a decision.",
            Effect::Adds,
            create,
        )
        .only_with(Scope::Draft)
        .example(json!({
            "name": "Ask for a referral", "subject": "Do you know somebody, {{ name }}?", "body": "Hi {{ name }},\nthis link is yours to share:\n{{ link }}\n",
            "variables": [{"name": "name", "type": "text", "source": "contact.name"}, {"name": "link", "type": "url", "source": "referral.link"}]
        })),
        tool(
            "list_templates",
            "List templates",
            "Lists the templates with their versions, newest first, as {templates, next_cursor}. approved_version is what may leave where the mode lets it.",
            Effect::Reads,
            list,
        )
        .only_with(Scope::Read)
        .example(json!({"limit": 20})),
        tool("get_template", "Read a template", "Reads a template with all of its versions, their variables and who approved which.", Effect::Reads, get)
            .only_with(Scope::Read)
            .example(json!({"template_id": ID})),
        tool(
            "add_template_version",
            "Write another version of a template",
            "Writes another version of a template. Those before stay as they are, and an approved one stays in use until a person approves this one.",
            Effect::Adds,
            write,
        )
        .only_with(Scope::Draft)
        .example(json!({"template_id": ID, "subject": "Hello {{ name }}", "body": "Hi {{ name }}.", "variables": [{"name": "name", "type": "text", "source": "contact.name"}]})),
        tool(
            "render_template",
            "Read a template as a contact would",
            "Fills a template in for one contact and shows subject, text and HTML. Nothing is sent. Give in values what does not come from the record.",
            Effect::Reads,
            render,
        )
        .only_with(Scope::Read)
        .example(json!({"template_id": ID, "contact": "ana@example.com", "values": {"deadline": "2027-04-30"}})),
        tool(
            "send_template",
            "Submit a message made from a template",
            "Submits a message made from a template through the oversight mode of its mailbox. Where the mode would let it out, it is held as long as \
             nobody approved the version.",
            Effect::Adds,
            send,
        )
        .only_with(Scope::Draft)
        .example(json!({"template_id": ID, "mailbox": "hello@example.com", "to": "ana@example.com", "values": {"deadline": "2027-04-30"}})),
    ]
}

async fn create(call: Call, new: New) -> Answered {
    let made = rest::add(call.actor, &call.state, new).await?;
    Ok(Answer::new(made).next("Look at it with render_template. A person approves it on its page."))
}

async fn list(call: Call, query: Query) -> Answered {
    Ok(Answer::new(rest::all(call.actor, &call.state, query).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The template, by id.
    template_id: String,
}

async fn get(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::one(call.actor, &call.state, &asked.template_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewWords {
    /// The template, by id.
    template_id: String,
    /// The subject, one line.
    subject: String,
    /// The plain text, at most 20,000 characters.
    body: String,
    /// The HTML; values are escaped in it. Made from the text without it.
    html: Option<String>,
    /// The places that are filled in, at most 30.
    #[serde(default)]
    variables: Vec<Variable>,
    /// What there is to say of this version, in a line.
    note: Option<String>,
}

async fn write(call: Call, asked: NewWords) -> Answered {
    let NewWords { template_id, subject, body, html, variables, note } = asked;
    let made = rest::write(call.actor, &call.state, &template_id, Words { subject, body, html, variables, note }).await?;
    Ok(Answer::new(made).next("A person approves it on the page of the template; until then the approved version stays in use."))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fill {
    /// The template, by id.
    template_id: String,
    /// The contact, by id or address; without one only what is given is filled in.
    contact: Option<String>,
    /// The version; the newest approved, or the newest, without it.
    version: Option<i32>,
    /// What is filled in, by variable; what comes from the record is left out.
    #[serde(default)]
    values: Map<String, Value>,
}

async fn render(call: Call, asked: Fill) -> Answered {
    let Fill { template_id, contact, version, values } = asked;
    Ok(Answer::new(rest::filled(call.actor, &call.state, &template_id, Render { contact, version, values }).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Submit {
    /// The template, by id.
    template_id: String,
    /// The mailbox to send from, by address or id. Needed only where the key reaches several.
    mailbox: Option<String>,
    /// The recipient's address.
    to: String,
    /// The version; the newest approved, or the newest, without it.
    version: Option<i32>,
    /// What is filled in, by variable; what comes from the record is left out.
    #[serde(default)]
    values: Map<String, Value>,
    /// Tags of the message.
    tags: Option<OneOrMany>,
    /// The campaign it belongs to.
    campaign: Option<String>,
    /// The topic by name or id; without one that of its campaign or mailbox.
    topic: Option<String>,
    /// Not to leave before this time, such as 2026-04-30T12:00:00Z.
    send_at: Option<String>,
}

async fn send(call: Call, asked: Submit) -> Answered {
    let Submit { template_id, mailbox, to, version, values, tags, campaign, topic, send_at } = asked;
    let send = Send { mailbox, to, version, values, tags, campaign, topic, send_at, oversight_mode: None, consent_basis: None };
    Ok(Answer::new(rest::submit(call.actor, &call.state, &template_id, send).await?))
}

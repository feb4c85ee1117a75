//! Tools on contacts.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::contacts::{self as rest, Contact, ContactPage, Query, Upsert};
use crate::api::shapes::OneOrMany;
use crate::domain::actor::Scope;
use crate::domain::error::Error;
use crate::domain::mailboxes;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "search_contacts",
            "Search contacts",
            "Finds contacts by address, words or tags; all filters together. Answers {contacts, next_cursor}. A contact with suppressed true must not be mailed.",
            Effect::Reads,
            search,
        )
        .only_with(Scope::Read)
        .answers::<ContactPage>()
        .example(json!({"tags": ["api-v1", "-migration-complete"], "limit": 50}))
        .example(json!({"email": "ana@example.com"})),
        tool(
            "add_contact",
            "Add or complete a contact",
            "Adds a contact, or completes the one with this email address. Tags and metadata merge and never replace. \
             The tag \"unsubscribed\" stops all mail to the contact for good.",
            Effect::Settles,
            add,
        )
        .only_with(Scope::Contacts)
        .answers::<Contact>()
        .example(json!({"email": "ana@example.com", "name": "Ana", "tags": ["winback"], "metadata": {"plan": "Team"}})),
        tool(
            "manage_contacts",
            "Look after contacts",
            "One tool for contacts: action search (the usual one) finds by query, email or tags as {contacts, next_cursor}; get reads contact_id; add adds or \
             completes by email; tag and untag change the tags of contact_id. To change anything the key needs the scope contacts.",
            Effect::Settles,
            manage,
        )
        .only_with(Scope::Read)
        .example(json!({"query": "ana@example.com", "mailbox": "winback@example.com"}))
        .example(json!({"action": "tag", "contact_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "tags": ["drip_complete"]})),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Find {
    /// This address exactly.
    email: Option<String>,
    /// Words to find in name and address.
    query: Option<String>,
    /// Tags the contact has, as a list or separated by commas; a leading minus excludes.
    tags: Option<OneOrMany>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn search(call: Call, find: Find) -> Answered {
    let tags = find.tags.map(|tags| tags.into_vec().join(","));
    let query = Query { email: find.email, query: find.query, tags, limit: find.limit, cursor: find.cursor, mailbox: None };
    Ok(Answer::new(rest::find(call.actor, &call.state, query).await?).leaving_out(&["results"]))
}

async fn add(call: Call, contact: Upsert) -> Answered {
    Ok(Answer::new(rest::put(call.actor, &call.state, contact).await?))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    #[default]
    Search,
    Get,
    Add,
    Tag,
    Untag,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Manage {
    /// search, get, add, tag or untag; search without it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    action: Action,
    /// search: words to find in name and address.
    query: Option<String>,
    /// search: this address exactly. add: the address.
    email: Option<String>,
    /// search: tags the contact has, a leading minus excludes. add, tag, untag: the tags to add or to take off.
    tags: Option<OneOrMany>,
    /// A mailbox within reach, by address or id. Contacts belong to all mailboxes, so it narrows nothing.
    mailbox: Option<String>,
    /// get, tag, untag: the contact.
    contact_id: Option<String>,
    /// add: the name.
    name: Option<String>,
    /// add: values to keep with the contact.
    metadata: Option<Map<String, Value>>,
    /// add: IANA name of the time zone, such as Europe/Berlin.
    time_zone: Option<String>,
    /// search: at most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// search: next_cursor of the page before.
    cursor: Option<String>,
}

async fn manage(call: Call, given: Manage) -> Answered {
    let Manage { action, query, email, tags, mailbox, contact_id, name, metadata, time_zone, limit, cursor } = given;
    if let Some(mailbox) = mailbox {
        let actor = call.actor.clone();
        call.state.read(move |conn| mailboxes::resolve(conn, &actor, Some(&mailbox)).map(drop)).await?;
    }
    let missing = |field: &str| Error::invalid("field_invalid", field, format!("{field} must be given for this action; got nothing."));
    let named = || contact_id.ok_or_else(|| missing("contact_id"));
    let answer = match action {
        Action::Search => return search(call, Find { email, query, tags, limit, cursor }).await,
        Action::Get => rest::one(call.actor, &call.state, &named()?).await?,
        Action::Add => {
            let email = email.ok_or_else(|| missing("email"))?;
            rest::put(call.actor, &call.state, Upsert { email, name, tags, metadata, time_zone, consent: None, mailbox: None, source: None }).await?
        }
        Action::Tag => rest::tag(call.actor, &call.state, &named()?, tags.ok_or_else(|| missing("tags"))?).await?,
        Action::Untag => rest::untag(call.actor, &call.state, &named()?, tags.ok_or_else(|| missing("tags"))?.into_vec()).await?,
    };
    Ok(Answer::new(answer))
}

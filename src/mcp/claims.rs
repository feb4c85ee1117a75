//! The tool that holds a draft against the recorded facts.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::clock;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::claims::{self, Claim, Part};
use crate::domain::contacts::{self, Search};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::mailboxes;
use crate::domain::messages::content::{LONGEST_BODY, LONGEST_HTML};

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

async fn check(call: Call, check: Check) -> Answered {
    // As long as the longest message that can be submitted.
    let (part, draft, longest) = match (check.text, check.html) {
        (Some(text), None) => (Part::Text, text, LONGEST_BODY),
        (None, Some(html)) => (Part::Html, html, LONGEST_HTML),
        _ => return Err(Error::invalid("field_invalid", "text", "Give text or html, one of the two.").into()),
    };
    let length = draft.chars().count();
    if length > longest {
        let field = part.as_str();
        return Err(Error::invalid("field_invalid", field, format!("{field} must be at most {longest} characters; got {length}.")).into());
    }
    let (actor, contact, mailbox) = (call.actor, check.contact, check.mailbox);
    // What is on record about the contact is taken as facts first, which writes.
    let ground = call
        .state
        .write(move |conn| {
            actor.must_have(Scope::Read)?;
            if let Some(named) = mailbox.as_deref() {
                mailboxes::resolve(conn, &actor, Some(named))?;
            }
            match contact.as_deref() {
                Some(named) => {
                    let id = contact_id(conn, &actor, named)?;
                    claims::ground_for(conn, &id, clock::now())
                }
                None => claims::ground_of(conn, clock::now()),
            }
        })
        .await?;
    let found = call.state.read(move |_| Ok(claims::check(&[(part, draft.as_str())], &ground))).await?;
    let supported = found.iter().filter(|claim| claim.verdict.is_supported()).count();
    let open = found.iter().filter(|claim| claim.is_open()).count();
    let next = match open {
        0 => "No claim would keep this draft from leaving.".to_owned(),
        1 => "1 claim rests on no recorded fact. Mend or remove it before you send.".to_owned(),
        open => format!("{open} claims rest on no recorded fact. Mend or remove them before you send."),
    };
    let shapes: Vec<Value> = found.iter().map(claim).collect();
    Ok(Answer::new(json!({"claims": shapes, "supported": supported, "unsupported": found.len() - supported})).next(next))
}

fn contact_id(conn: &mut Conn, actor: &Actor, named: &str) -> Result<ContactId> {
    if !named.contains('@') {
        return Ok(contacts::get(conn, actor, &ContactId::from(named))?.row.id);
    }
    let email = EmailAddress::parse("contact", named)?;
    let search = Search { email_key: Some(email.key().to_owned()), limit: 1, ..Search::default() };
    let (mut found, _) = contacts::search(conn, actor, &search)?;
    found.pop().map(|contact| contact.row.id).ok_or_else(|| Error::not_found("contact"))
}

fn claim(claim: &Claim) -> Value {
    json!({
        "start": claim.start,
        "end": claim.end,
        "text": claim.words,
        "kind": claim.kind,
        "hard": claim.hard,
        "verdict": claim.verdict,
        "fact_id": claim.fact.as_ref().map(|fact| &fact.id),
        "fact": claim.fact.as_ref().map(|fact| &fact.label),
        "score": claim.score,
        "reason": claim.reason,
    })
}

//! `/v1/send` and `/v1/emails`.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::shapes::{self, OneOrMany, Tags};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::contacts::ConsentBasis;
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{FactId, InboundEmailId, MessageId};
use crate::domain::mailboxes::Mode;
use crate::domain::messages::content::Words;
use crate::domain::messages::submit::{NewMessage, submit};
use crate::domain::messages::{self, Message, Origin, cancel as cancelling, ledger, tags as tagging};
use crate::domain::{text, threads};

/// Most recipients of one call; each gets a message of their own.
const MOST_RECIPIENTS: usize = 100;

/// What the three dialects of the documents send.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    from: Option<String>,
    mailbox: Option<String>,
    mailbox_id: Option<String>,
    to: OneOrMany,
    subject: String,
    text_body: Option<String>,
    html_body: Option<String>,
    body: Option<String>,
    markdown: Option<String>,
    tags: Option<OneOrMany>,
    headers: Option<BTreeMap<String, String>>,
    oversight_mode: Option<Mode>,
    send_at: Option<String>,
    consent_basis: Option<ConsentBasis>,
    campaign: Option<String>,
    facts: Option<OneOrMany>,
}

impl Send {
    fn into_messages(self) -> DomainResult<Vec<NewMessage>> {
        let send_at = match &self.send_at {
            Some(at) => Some(Time::parse(at).ok_or_else(|| {
                Error::invalid(
                    "field_invalid",
                    "send_at",
                    format!("send_at must be a time such as 2026-04-30T12:00:00Z; got \"{}\".", text::excerpt(at)),
                )
            })?),
            None => None,
        };
        let (text, html) = match (self.text_body.or(self.body), self.html_body, self.markdown) {
            (None, None, Some(markdown)) => {
                let mut html = String::new();
                pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&markdown));
                (Some(markdown), Some(html))
            }
            (text, html, _) => (text, html),
        };
        let recipients = self.to.into_vec();
        if recipients.is_empty() || recipients.len() > MOST_RECIPIENTS {
            return Err(Error::invalid("field_invalid", "to", format!("to must name 1 to {MOST_RECIPIENTS} recipients; got {}.", recipients.len())));
        }
        let first = NewMessage {
            mailbox: self.mailbox.or(self.mailbox_id).or(self.from),
            to: String::new(),
            to_name: None,
            words: Words { subject: self.subject, text, html },
            tags: self.tags.map(OneOrMany::into_vec).unwrap_or_default(),
            headers: self.headers.unwrap_or_default().into_iter().collect(),
            mode: self.oversight_mode,
            send_at,
            consent_basis: self.consent_basis,
            campaign: self.campaign,
            facts: self.facts.map(OneOrMany::into_vec).unwrap_or_default().iter().map(|id| FactId::from(id.as_str())).collect(),
            origin: Origin::Agent,
        };
        Ok(recipients.into_iter().map(|to| NewMessage { to, ..first.clone() }).collect())
    }
}

pub async fn send(key: Key, state: web::Data<State>, body: Json<Send>) -> Result<HttpResponse, Problem> {
    submit_all(key, &state, body.0).await
}

pub async fn send_from(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Send>) -> Result<HttpResponse, Problem> {
    let mut send = body.0;
    send.mailbox = Some(id.into_inner());
    submit_all(key, &state, send).await
}

async fn submit_all(key: Key, state: &State, send: Send) -> Result<HttpResponse, Problem> {
    let new = send.into_messages()?;
    let submitted: Vec<Message> =
        state.write(move |conn| new.iter().map(|one| submit(conn, &key.0, one, clock::now())).collect::<DomainResult<_>>()).await?;
    let mut all: Vec<Value> = submitted.iter().map(|message| shapes::submitted(message, &state.base_url)).collect();
    let answer = if all.len() == 1 {
        all.remove(0)
    } else {
        let mut answer = all.first().cloned().unwrap_or_default();
        answer["messages"] = json!(all);
        answer
    };
    Ok(HttpResponse::Accepted().json(answer))
}

pub async fn add_tags(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Tags>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let tags = body.0.tags.into_vec();
    let answer = state
        .write(move |conn| {
            let (now, inbound) = (clock::now(), InboundEmailId::from(id.as_str()));
            if let Some(tags) = threads::tag(conn, &key.0, &inbound, &tags, now)? {
                return Ok(json!({"id": id, "message_id": id, "email_id": id, "tags": tags}));
            }
            let message = tagging::add(conn, &key.0, &MessageId::from(id.as_str()), &tags, now)?;
            Ok(json!({"id": id, "message_id": id, "email_id": id, "tags": message.tags}))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let (id, base_url) = (MessageId::from(id.as_str()), state.base_url.clone());
    let answer = state
        .write(move |conn| {
            let message = messages::get(conn, &key.0, &id)?;
            messages::note_shown(conn, &key.0, &[(id.clone(), message.row.version)], clock::now())?;
            Ok(shapes::message_with_claims(&message, &ledger::of_message(conn, &key.0, &id)?, &base_url))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

pub async fn cancel(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = MessageId::from(id.as_str());
    let message = state.write(move |conn| cancelling::cancel(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::Ok().json(shapes::message(&message, &state.base_url)))
}

/// The difference between two versions of a message, as a list of changed lines.
pub async fn diff(state: &State, actor: crate::domain::actor::Actor, id: MessageId, seen: i32, current: i32) -> Option<Value> {
    let versions = state
        .read(move |conn| {
            messages::get(conn, &actor, &id)?;
            Ok((messages::version(conn, &id, seen)?, messages::version(conn, &id, current)?))
        })
        .await;
    let (before, after) = versions.ok()?;
    let lines = |old: &str, new: &str| -> Vec<Value> {
        similar::TextDiff::from_lines(old, new)
            .iter_all_changes()
            .filter(|change| change.tag() != similar::ChangeTag::Equal)
            .map(|change| json!({"change": change.tag().to_string(), "line": change.value().trim_end()}))
            .collect()
    };
    Some(json!({
        "from_version": seen,
        "to_version": current,
        "subject": lines(&before.subject, &after.subject),
        "text_body": lines(&before.text_body, &after.text_body),
    }))
}

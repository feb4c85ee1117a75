//! Edits: a new version of the words, which voids what was decided on the old one.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::policy;
use crate::domain::referrals;
use crate::domain::referrals::prompts::{self, Signs};

use super::content::{Content, IN_REPLY_TO, Words};
use super::{Message, State, expiry, lawful, ledger, lifecycle, log, queries, ruled, submit};

/// Writes new words. A message already on its way to the server can no longer be edited.
pub fn edit(conn: &mut Conn, actor: &Actor, id: &MessageId, words: &Words, seen_hash: Option<&str>, now: Time) -> Result<Message> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        let mut row = super::held_row(conn, actor, id)?;
        if matches!(actor, Actor::Key { .. }) && !row.is_by(actor) {
            return Err(Error::forbidden("not_the_author", "A key can edit only what it wrote itself."));
        }
        if seen_hash.is_some_and(|hash| hash != row.content_hash) {
            let seen = queries::version_with_hash(conn, id, seen_hash.unwrap_or_default())?.unwrap_or(0);
            return Err(Error::content_changed(row.id.clone(), seen, row.version));
        }
        if !row.state.successors().contains(&State::Pending) {
            return Err(Error::conflict("state_conflict", format!("The message is {} and can no longer be edited.", row.state)));
        }
        let before = super::version(conn, id, row.version)?;
        let words = completed(words, before.html_body.as_deref(), &before.text_body).check()?;
        let content = Content { subject: words.subject, text_body: words.text, html_body: Some(words.html), ..Content::from(&before) };
        if content.hash() == row.content_hash {
            return super::get(conn, actor, id);
        }
        let in_thread = content.headers.iter().any(|(name, _)| name == IN_REPLY_TO);
        let tags: Vec<String> = queries::tags_of(conn, std::slice::from_ref(id))?.into_iter().map(|(_, tag)| tag).collect();
        let class = policy::class_of(conn, id)?;
        let asked = prompts::of_message(conn, id)?;
        let prompt = match referrals::tells_of_reward(conn, id)? {
            true => None,
            false => prompts::of(conn, &Signs { tags: &tags, campaign: row.campaign.as_deref(), content: &content, answers: in_thread })?,
        };
        lawful::refuse(conn, &row.contact_id, in_thread, prompt.is_some(), class, &content)?;
        if asked.is_none() {
            policy::refuse_prompt(conn, &row.contact_id, prompt, now)?;
        }
        prompts::keep(conn, id, prompt)?;
        if matches!(row.state, State::Approved | State::Queued) && !queries::cancel_outbox(conn, id, now)? {
            return Err(Error::conflict("state_conflict", "The message is on its way already and can no longer be edited."));
        }
        let seen = row.version;
        row.version += 1;
        row.content_hash = content.hash();
        queries::insert_version(conn, &submit::version_row(&row, &content, actor, now))?;
        if !queries::compare_and_set_version(conn, &row, seen, actor.kind(), actor.id())? {
            return Err(Error::content_changed(row.id.clone(), seen, row.version));
        }
        ledger::settle(conn, &row, now)?;
        if let Some(rule) = ruled::look(conn, &row, now)? {
            row.held_because = Some(rule.reason());
            queries::set_held_because(conn, &row.id, &rule.reason())?;
        }
        expiry::restart(conn, &row, now)?;
        lifecycle::transition(conn, id, row.state, State::Pending, row.held_because.as_deref(), now)?;
        log(conn, actor, "message.edit", &row, json!({"version": row.version, "content_hash": row.content_hash}), now)?;
        super::get(conn, actor, id)
    })
}

/// A part that was left out or left alone follows the part that was changed.
fn completed(words: &Words, html_before: Option<&str>, text_before: &str) -> Words {
    let mut words = words.clone();
    let text_changed = words.text.as_deref().is_some_and(|text| text.replace("\r\n", "\n").trim_end() != text_before.trim_end());
    let html_changed = words.html.as_deref().is_some_and(|html| Some(html.replace("\r\n", "\n").trim_end()) != html_before.map(str::trim_end));
    match (text_changed, html_changed) {
        (true, false) => words.html = None,
        (false, true) => words.text = None,
        (false, false) => {
            words.text = Some(text_before.to_owned());
            words.html = html_before.map(str::to_owned);
        }
        (true, true) => {}
    }
    words
}

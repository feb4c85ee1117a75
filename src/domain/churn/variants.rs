//! The nine variants of a churn event, and choosing one.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::claims::{self, Ground};
use crate::domain::contacts;
use crate::domain::drafting::{Brief, Drafted, FactRef, FactSheet, Playbook, Written, WrittenBy, recommended};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::ids::{ChurnEventId, ContactId, FactId, MessageId, RowId, VariantId};
use crate::domain::mailboxes::{self, Mode};
use crate::domain::messages::content::Words;
use crate::domain::messages::submit::{NewMessage, submit};
use crate::domain::messages::{self, Message, Origin, State};
use crate::domain::policy::consent::Class;
use crate::domain::reason::Strategy;
use crate::domain::settings;

use super::runs::ModelRun;
use super::{ChurnEvent, Status, log, queries, sheet, window};

/// One of the nine.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::variants)]
pub struct Variant {
    /// Its id.
    pub id: VariantId,
    /// Its event.
    pub churn_event_id: ChurnEventId,
    /// Its strategy.
    pub strategy: Strategy,
    /// Its place among the nine.
    pub position: i32,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text_body: String,
    /// The HTML.
    pub html_body: String,
    /// The coupon it promises.
    pub coupon_code: Option<String>,
    /// The percent it promises.
    pub coupon_percent: Option<i32>,
    /// The offer both come from.
    pub offer_id: Option<FactId>,
    /// Whether the reason recommends it.
    pub recommended: bool,
    /// The facts it rests on.
    pub facts: Json<Vec<FactRef>>,
    /// Who edited it: user or key.
    pub edited_kind: Option<String>,
    /// Who edited it.
    pub edited_id: Option<String>,
    /// The message made from it.
    pub message_id: Option<MessageId>,
    /// When that was sent.
    pub sent_at: Option<Time>,
    /// When it was drafted.
    pub created_at: Time,
    /// Who drafted it.
    pub drafter: WrittenBy,
    /// Why the playbook stepped in for a model, as half a sentence.
    pub drafter_note: Option<String>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// What was asked of a model and what it said, where one was asked.
    pub model_run_id: Option<RowId>,
    /// When somebody first followed a link in it.
    pub clicked_at: Option<Time>,
}

/// What a drafter needs for this event, if it may be drafted. Facts about the customer that
/// are new are written down, because letters are held against them.
pub fn brief(conn: &mut Conn, actor: &Actor, id: &ChurnEventId, with_ground: bool, now: Time) -> Result<Brief> {
    actor.must_have(Scope::Draft)?;
    let event = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("churn event"))?;
    must_be_open(&event)?;
    let sheet = sheet::gather(conn, &event, now)?;
    let ground = match &event.contact_id {
        _ if !with_ground => None,
        Some(contact) => Some(Ground { reason: Some(event.reason), ..claims::ground_for(conn, contact, now)? }),
        None => Some(Ground { reason: Some(event.reason), ..claims::ground_of(conn, now)? }),
    };
    Ok(Brief { sheet, ground })
}

fn must_be_open(event: &ChurnEvent) -> Result<()> {
    if matches!(event.status, Status::New | Status::Processing) { Ok(()) } else { Err(not_open(event)) }
}

fn not_open(event: &ChurnEvent) -> Error {
    Error::bad_request("state_conflict", format!("variants can only be generated for new or processing churn events; this one is {}", event.status))
}

/// Drafts the nine with the playbook.
pub fn generate(conn: &mut Conn, actor: &Actor, id: &ChurnEventId, now: Time) -> Result<Vec<Variant>> {
    transaction(conn, |conn| {
        let brief = brief(conn, actor, id, false, now)?;
        keep(conn, actor, id, &brief.sheet, Playbook::write(&brief.sheet), now)
    })
}

/// Keeps the nine that a drafter wrote from this sheet. Of two that were asked at once, the first to finish is kept.
pub fn keep(conn: &mut Conn, actor: &Actor, id: &ChurnEventId, facts: &FactSheet, drafted: Drafted, now: Time) -> Result<Vec<Variant>> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        let event = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("churn event"))?;
        must_be_open(&event)?;
        if !queries::set_status(conn, id, event.status, Status::VariantsGenerated, now)? {
            return Err(not_open(&event));
        }
        let best = recommended(facts);
        let run = drafted.run.map(|run| ModelRun::new(id, run, now));
        if let Some(run) = &run {
            queries::insert_model_run(conn, run)?;
        }
        let model = run.as_ref().map(|run| run.answered_by.clone().unwrap_or_else(|| run.model.clone()));
        let mut rows = Vec::with_capacity(drafted.letters.len());
        for (position, Written { draft, by, note }) in (0..).zip(drafted.letters) {
            let row = Variant {
                id: VariantId::new(),
                churn_event_id: id.clone(),
                strategy: draft.strategy,
                position,
                subject: draft.subject,
                text_body: draft.text,
                html_body: draft.html,
                coupon_code: draft.coupon_code,
                coupon_percent: draft.coupon_percent.map(i32::from),
                offer_id: draft.offer_id.map(FactId::from),
                recommended: draft.strategy == best,
                facts: Json::new(draft.facts),
                edited_kind: None,
                edited_id: None,
                message_id: None,
                sent_at: None,
                created_at: now,
                drafter: by,
                drafter_note: note,
                model: model.clone().filter(|_| by == WrittenBy::Model),
                model_run_id: run.as_ref().map(|run| run.id.clone()),
                clicked_at: None,
            };
            queries::insert_variant(conn, &row)?;
            rows.push(row);
        }
        let detail = match &run {
            None => json!({"recommended": best}),
            Some(run) => json!({"recommended": best, "model": run.model, "model_run": run.id, "outcome": run.outcome}),
        };
        log(conn, actor, "churn.generate", id, detail, now)?;
        Ok(rows)
    })
}

/// The variants of an event; none before they were generated.
pub fn list(conn: &mut Conn, actor: &Actor, id: &ChurnEventId) -> Result<Vec<Variant>> {
    actor.must_have(Scope::Read)?;
    Ok(queries::variants(conn, id)?)
}

/// The variant a message was made from.
pub fn of_message(conn: &mut Conn, message: &MessageId) -> Result<Option<Variant>> {
    Ok(queries::variant_of_message(conn, message)?)
}

fn not_found() -> Error {
    Error { detail: "variant not found".to_owned(), ..Error::not_found("variant") }
}

/// Changes the words of a variant that was not submitted yet.
pub fn edit(
    conn: &mut Conn,
    actor: &Actor,
    event: &ChurnEventId,
    id: &VariantId,
    subject: Option<&str>,
    body: Option<&str>,
    now: Time,
) -> Result<Variant> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        let mut row = queries::variant(conn, event, id)?.ok_or_else(not_found)?;
        if row.sent_at.is_some() {
            return Err(Error::bad_request("already_sent", "this variant has already been sent"));
        }
        if is_open(conn, &row)? {
            return Err(Error::conflict("already_submitted", "This variant is waiting for review. Edit the message instead."));
        }
        let html = if body.is_some() { None } else { Some(row.html_body.clone()) };
        let words = Words { subject: subject.unwrap_or(&row.subject).to_owned(), text: Some(body.unwrap_or(&row.text_body).to_owned()), html };
        let words = words.check()?;
        (row.subject, row.text_body, row.html_body) = (words.subject, words.text, words.html);
        queries::set_variant_words(conn, &row, actor)?;
        log(conn, actor, "churn.edit_variant", event, json!({"variant": id}), now)?;
        Ok(row)
    })
}

/// Whether a message made from this variant is still under way.
fn is_open(conn: &mut Conn, row: &Variant) -> Result<bool> {
    let Some(message) = &row.message_id else { return Ok(false) };
    let state = messages::queries::by_id(conn, message)?.map(|message| message.state);
    Ok(state.is_some_and(|state| !State::NEVER_LEFT.contains(&state)))
}

/// Which mailbox, and whether mail can leave at all.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// A mailbox by address or id; the one set up for win-back when none.
    pub mailbox: Option<&'a str>,
    /// Whether a mail server is configured.
    pub email_configured: bool,
    /// A mode stricter than the mailbox's.
    pub mode: Option<Mode>,
}

/// Chooses a variant: makes a message of it and submits that to its mailbox's mode.
/// The errors, their texts and their order are those of the recovery document.
pub fn choose(conn: &mut Conn, actor: &Actor, event_id: &ChurnEventId, id: &VariantId, choice: Choice<'_>, now: Time) -> Result<Message> {
    actor.must_have(Scope::Draft)?;
    transaction(conn, |conn| {
        queries::hold(conn, event_id)?;
        let event = queries::by_id(conn, event_id)?.ok_or_else(|| Error::not_found("churn event"))?;
        if !matches!(event.status, Status::VariantsGenerated | Status::EmailSent) {
            return Err(Error::bad_request("variants_missing", "variants must be generated before sending emails"));
        }
        let Some(email) = event.customer_email.clone() else {
            return Err(Error::bad_request("email_missing", "customer email is missing on this churn event"));
        };
        let variant = queries::variant(conn, event_id, id)?;
        if variant.as_ref().is_some_and(|variant| variant.sent_at.is_some()) {
            return Err(Error::bad_request("already_sent", "this variant has already been sent"));
        }
        if !choice.email_configured {
            let text = "email service is not configured";
            return Err(Error {
                kind: Kind::Internal,
                code: "email_not_configured",
                detail: text.to_owned(),
                field: None,
                hint: None,
                changed: None,
            });
        }
        let variant = variant.ok_or_else(not_found)?;
        if is_open(conn, &variant)? {
            return Err(Error::conflict("already_submitted", "this variant was already submitted and is not sent yet"));
        }
        let new = NewMessage {
            mailbox: Some(mailbox(conn, actor, choice.mailbox)?),
            to: email,
            to_name: event.customer_name.clone(),
            words: Words { subject: variant.subject.clone(), text: Some(variant.text_body.clone()), html: Some(variant.html_body.clone()) },
            tags: tags(&event, variant.strategy, now),
            headers: vec![],
            mode: choice.mode,
            send_at: None,
            consent_basis: None,
            class: Class::Commercial,
            campaign: Some("win-back".to_owned()),
            topic: None,
            facts: vec![],
            origin: match variant.drafter {
                WrittenBy::Playbook => Origin::Playbook,
                WrittenBy::Model => Origin::Model,
            },
        };
        let message = submit(conn, actor, &new, now)?;
        queries::set_variant_message(conn, id, &message.row.id)?;
        log(conn, actor, "churn.choose_variant", event_id, json!({"variant": id, "strategy": variant.strategy, "message": message.row.id}), now)?;
        Ok(message)
    })
}

/// Refuses a second letter to somebody while one that a rule drafted waits: nobody would know that the other comes.
pub(in crate::domain) fn refuse_beside_rule(conn: &mut Conn, contact: &ContactId) -> Result<()> {
    if queries::rule_letter_is_open(conn, contact)? {
        let detail = "A rule drafted a letter to win this customer back, and it is not sent yet. Decide that one first.";
        return Err(Error::conflict("letter_under_way", detail));
    }
    Ok(())
}

fn tags(event: &ChurnEvent, strategy: Strategy, now: Time) -> Vec<String> {
    let days = now.seconds_since(event.churned_at).max(0) / 86_400;
    vec!["win_back".to_owned(), format!("churn_day_{days}"), format!("reason-{}", event.reason), format!("strategy-{strategy}")]
}

/// The mailbox named, the one set up for win-back, or the first gated one within reach.
fn mailbox(conn: &mut Conn, actor: &Actor, named: Option<&str>) -> Result<String> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let within_reach = mailboxes::list(conn, actor)?;
    let set_up = settings::get(conn, settings::WINBACK_MAILBOX)?;
    let found = within_reach
        .iter()
        .find(|mailbox| Some(mailbox.id.as_str()) == set_up.as_deref())
        .or_else(|| within_reach.iter().find(|mailbox| mailbox.mode == Mode::GatedSend))
        .or_else(|| within_reach.iter().find(|mailbox| mailbox.mode != Mode::ReadOnly))
        .or_else(|| within_reach.first());
    found
        .map(|mailbox| mailbox.id.as_str().to_owned())
        .ok_or_else(|| Error::not_found("mailbox").with_hint("Ask an administrator to add a mailbox or to make you a member of one."))
}

/// Notes that the message of a variant was sent; called with the server's 250, in its transaction.
pub(in crate::domain) fn note_sent(conn: &mut Conn, message: &MessageId, now: Time) -> Result<()> {
    let Some(variant) = queries::variant_of_message(conn, message)? else { return Ok(()) };
    queries::set_variant_sent(conn, &variant.id, now)?;
    queries::set_status(conn, &variant.churn_event_id, Status::VariantsGenerated, Status::EmailSent, now)?;
    let end = window::end(conn, now)?;
    queries::set_letter(conn, &variant.churn_event_id, variant.strategy, now, end)?;
    let event = super::get_row(conn, &variant.churn_event_id)?;
    if let Some(contact) = &event.contact_id {
        let row = contacts::row(conn, contact)?;
        let tags = ["winback-sent".to_owned(), format!("reason-{}", event.reason)];
        contacts::add_tags_to(conn, &Actor::System("worker"), &row, &tags, now)?;
    }
    Ok(())
}

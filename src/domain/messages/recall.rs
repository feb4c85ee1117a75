//! When a fact changes: approvals that rest on it are void, drafts are looked at again,
//! and whoever received it already can be told.

use std::collections::HashMap;

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, suppressions};
use crate::domain::error::{Error, Result};
use crate::domain::facts::{self, Body, Fact, State as FactState};
use crate::domain::ids::{ContactId, FactId, MailboxId, MessageId};
use crate::domain::mailboxes::Mode;
use crate::domain::policy::consent::Class;
use crate::domain::text;

use super::content::Words;
use super::submit::{NewMessage, submit};
use super::{Message, MessageRow, Origin, State, VersionRow, expiry, ledger, lifecycle, log, queries};

/// Most recipients of one correction batch that is made in one go.
const MOST_CORRECTED: usize = 1000;

/// Looks again at every message that rests on a fact and has not left. What was approved
/// is held again: nobody approved it with the fact as it is now.
pub(in crate::domain) fn fact_changed(conn: &mut Conn, actor: &Actor, fact: &FactId, why: &str, now: Time) -> Result<()> {
    for id in queries::resting_on(conn, fact)? {
        if let Some(row) = queries::by_id(conn, &id)? {
            match row.state {
                State::Approved | State::Queued => {
                    void(conn, actor, row, why, now)?;
                }
                State::Pending | State::ChangesRequested => {
                    queries::set_held_because(conn, &row.id, why)?;
                    ledger::settle(conn, &row, now)?;
                    log(conn, actor, "message.recheck", &row, json!({"because": why}), now)?;
                }
                // A worker has it: the check at the final dot stops it.
                _ => {}
            }
        }
    }
    Ok(())
}

/// Takes a cleared message back to the queue of reviewers, with why. False where a worker has it already.
pub(in crate::domain) fn void(conn: &mut Conn, actor: &Actor, mut row: MessageRow, why: &str, now: Time) -> Result<bool> {
    let reopened = reopen(conn, &mut row, Some(why), now)?;
    if reopened {
        queries::set_held_because(conn, &row.id, why)?;
        log(conn, actor, "message.void", &row, json!({"because": why, "version": row.version}), now)?;
    }
    Ok(reopened)
}

/// Makes a cleared message wait for a decision again, unless a worker has it already. It gets
/// a new version number, because the decision and the warrant stay with the old one.
pub(super) fn reopen(conn: &mut Conn, row: &mut MessageRow, why: Option<&str>, now: Time) -> Result<bool> {
    if !queries::cancel_outbox(conn, &row.id, now)? {
        return Ok(false);
    }
    let before = super::version(conn, &row.id, row.version)?;
    let seen = row.version;
    row.version += 1;
    queries::insert_version(conn, &VersionRow { version: row.version, ..before })?;
    if !queries::compare_and_set_version(conn, row, seen, &row.editor_kind, &row.editor_id)? {
        return Err(Error::content_changed(row.id.clone(), seen, row.version));
    }
    lifecycle::transition(conn, &row.id, row.state, State::Pending, why, now)?;
    ledger::settle(conn, row, now)?;
    expiry::restart(conn, row, now)?;
    Ok(true)
}

/// Somebody who received a claim that rests on a fact.
#[derive(Debug, Clone, diesel::Queryable)]
pub struct Recipient {
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: Option<String>,
    /// In which message.
    pub message_id: MessageId,
    /// From which mailbox.
    pub mailbox_id: MailboxId,
    /// Its subject.
    pub subject: String,
    /// What it said.
    pub words: String,
    /// Under which version of the fact.
    pub fact_version: Option<i32>,
    /// When it was sent.
    pub sent_at: Option<Time>,
}

/// Who received the claim, how many drafts rest on it, and what would be sent to put it right.
#[derive(Debug, Clone)]
pub struct Recall {
    /// The fact.
    pub fact: Fact,
    /// Each recipient once, with the latest message.
    pub recipients: Vec<Recipient>,
    /// Messages that rest on it and have not left.
    pub drafts: Vec<MessageId>,
    /// The correction, where the fact changed or was revoked since they received it.
    pub correction: Option<(String, String)>,
    /// How many of them got a correction made already.
    pub corrected: usize,
}

/// What recalling a fact means.
pub fn of_fact(conn: &mut Conn, actor: &Actor, id: &FactId) -> Result<Recall> {
    let fact = facts::get(conn, actor, id)?;
    let mut recipients: Vec<Recipient> = queries::recipients_of(conn, id)?;
    recipients.retain(|recipient| actor.reaches(&recipient.mailbox_id));
    let mut seen: Vec<ContactId> = vec![];
    recipients.retain(|recipient| {
        let new = !seen.contains(&recipient.contact_id);
        seen.push(recipient.contact_id.clone());
        new
    });
    let outdated = |recipient: &Recipient| fact.state == FactState::Revoked || recipient.fact_version != Some(fact.version);
    let correction = recipients.iter().find(|recipient| outdated(recipient)).map(|_| correction(&fact));
    if correction.is_some() {
        recipients.retain(outdated);
    }
    let corrected = queries::corrected(conn, id, fact.version)?;
    let corrected = recipients.iter().filter(|recipient| corrected.contains(&recipient.contact_id)).count();
    let mut drafts = queries::resting_on(conn, id)?;
    let tests = queries::tests_among(conn, &drafts)?;
    let mailboxes: HashMap<MessageId, MailboxId> = queries::mailboxes_of(conn, &drafts)?.into_iter().collect();
    drafts.retain(|draft| !tests.contains(draft) && mailboxes.get(draft).is_some_and(|mailbox| actor.reaches(mailbox)));
    Ok(Recall { fact, recipients, drafts, correction, corrected })
}

/// A plain correction from what is on record, without a new claim.
fn correction(fact: &Fact) -> (String, String) {
    // What was revoked is not named: its name is a claim that no longer rests on anything.
    let what = match (&*fact.body, fact.state) {
        (Body::Offer(_), FactState::Revoked) => "an offer".to_owned(),
        (Body::ProductUpdate(_), FactState::Revoked) => "something new in the product".to_owned(),
        (Body::PlanPrice(_), FactState::Revoked) => "the price of a plan".to_owned(),
        (Body::MigrationChange(_), FactState::Revoked) => "a change of our interface".to_owned(),
        (Body::Offer(offer), _) => format!("the offer with the code {}", offer.code),
        (Body::ProductUpdate(update), _) => format!("“{}”", update.title),
        (Body::PlanPrice(plan), _) => format!("the price of the {} plan", plan.name),
        (Body::MigrationChange(change), _) => format!("“{}”", change.title),
        _ => "something you may rely on".to_owned(),
    };
    let now = match (&*fact.body, fact.state) {
        (_, FactState::Revoked) => "What we wrote about it no longer holds, and we don't want you to rely on it.".to_owned(),
        (Body::Offer(offer), _) => format!("What holds now: {}.", offer_terms(offer)),
        (Body::PlanPrice(plan), _) => format!("The {} plan is {} a month.", plan.name, plan.price),
        (Body::MigrationChange(change), _) => match change.deadline {
            Some(day) => format!("The deadline is {day}."),
            None => "There is no deadline.".to_owned(),
        },
        (Body::ProductUpdate(update), _) => format!("What holds now: {}", update.summary),
        _ => format!("What holds now: {}.", fact.label),
    };
    (
        "A correction to our last email".to_owned(),
        format!(
            "In our last email to you we wrote about {what}. That was right when we wrote it, and it has changed since.\n\n{now}\n\nWe are sorry for the trouble. If you have acted on our email already, just reply to this one and we will sort it out."
        ),
    )
}

fn offer_terms(offer: &facts::Offer) -> String {
    let months = offer.term();
    let until = offer.expires_on.map_or_else(String::new, |day| format!(", until {day}"));
    format!("{}{months} with the code {}{until}", offer.saving(), offer.code)
}

/// Submits one correction to each recipient who has none for this version of the fact.
/// Every one is held: a person decides it like any other message.
pub fn correct(conn: &mut Conn, actor: &Actor, id: &FactId, subject: &str, body: &str, now: Time) -> Result<Vec<Message>> {
    actor.must_manage_or_have(Scope::Draft)?;
    let subject = text::required_line("subject", subject, 300)?;
    let body = text::body("text", body, 20_000)?;
    transaction(conn, |conn| {
        let recall = of_fact(conn, actor, id)?;
        if recall.correction.is_none() {
            return Err(Error::conflict("nothing_to_correct", "Nobody received a claim that rests on an older version of this fact."));
        }
        let done = queries::corrected(conn, id, recall.fact.version)?;
        let mut made = vec![];
        for recipient in recall.recipients.iter().filter(|recipient| !done.contains(&recipient.contact_id)).take(MOST_CORRECTED) {
            let contact = contacts::row(conn, &recipient.contact_id)?;
            if suppressions::of(conn, &contact.email_key)?.is_some() {
                continue;
            }
            let greeting = recipient.name.as_deref().map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"));
            let new = NewMessage {
                mailbox: Some(recipient.mailbox_id.as_str().to_owned()),
                to: recipient.email.clone(),
                to_name: None,
                words: Words { subject: subject.clone(), text: Some(format!("{greeting}\n\n{body}")), html: None },
                tags: vec!["correction".to_owned()],
                headers: vec![],
                mode: Some(Mode::GatedAll),
                send_at: None,
                consent_basis: None,
                class: Class::Commercial,
                campaign: Some("correction".to_owned()),
                topic: None,
                facts: vec![],
                origin: Origin::Playbook,
            };
            let message = submit(conn, actor, &new, now)?;
            queries::insert_correction(conn, id, recall.fact.version, &recipient.contact_id, &message.row.id)?;
            made.push(message);
        }
        Ok(made)
    })
}

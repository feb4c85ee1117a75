//! Leads: replies in which two or more signals show that somebody may buy.

use diesel::prelude::*;
use regex::RegexBuilder;
use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, InboundEmailId, LeadId, MailboxId, ThreadId};
use crate::domain::paging::Page;
use crate::domain::threads::{self, InboundEmail};
use crate::domain::{mailboxes, settings, text, webhooks};
use crate::inbound::quoted;

use super::{MAIL, queries};

/// The signals before anybody changes them.
pub const DEFAULT: [&str; 6] = [r"\bpric(e|ing)\b", r"\bdemo\b", r"\btrial\b", r"\bbudget\b", r"\bcontract\b", r"\bteam size\b"];
/// So many different signals make a lead.
const ENOUGH: usize = 2;
/// Most signals.
const MOST: usize = 50;
/// Largest compiled pattern, in bytes: patterns are entered by people.
const LARGEST: usize = 64 * 1024;

/// Somebody who shows that they may buy.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::leads)]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// The mailbox they wrote to.
    pub mailbox_id: MailboxId,
    /// The conversation.
    pub thread_id: ThreadId,
    /// The email that shows it.
    pub inbound_email_id: InboundEmailId,
    /// Who, where known.
    pub contact_id: Option<ContactId>,
    /// The signals that were found.
    pub signals: Json<Vec<String>>,
    /// Since when.
    pub created_at: Time,
}

/// The signals, one pattern each.
pub fn signals(conn: &mut Conn) -> Result<Vec<String>> {
    Ok(match settings::get(conn, settings::LEAD_SIGNALS)? {
        Some(lines) => lines.lines().map(str::to_owned).collect(),
        None => DEFAULT.map(str::to_owned).to_vec(),
    })
}

/// Changes the signals: one pattern a line, compared with the lower-case words.
pub fn set_signals(conn: &mut Conn, actor: &Actor, lines: &str, now: Time) -> Result<Vec<String>> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a signed-in administrator can change the signals of leads."));
    }
    actor.must_be_admin()?;
    let lines = text::body("signals", lines, 10_000)?;
    let mut all: Vec<String> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    all.dedup();
    if all.len() > MOST {
        return Err(Error::invalid("field_invalid", "signals", format!("signals must be at most {MOST}; got {}.", all.len())));
    }
    for pattern in &all {
        if compiled(pattern).is_none() {
            let detail = format!("signals must be patterns such as \\bdemo\\b; got \"{}\".", text::excerpt(pattern));
            return Err(Error::invalid("field_invalid", "signals", detail));
        }
    }
    transaction(conn, |conn| {
        settings::set(conn, settings::LEAD_SIGNALS, &all.join("\n"))?;
        let entry = Entry {
            action: "settings.lead_signals",
            target_kind: "settings",
            target_id: "lead_signals",
            mailbox_id: None,
            detail: json!({"signals": all}),
        };
        audit::record(conn, actor, entry, now)?;
        Ok(all)
    })
}

fn compiled(pattern: &str) -> Option<regex::Regex> {
    RegexBuilder::new(pattern).size_limit(LARGEST).build().ok()
}

/// The signals in what somebody wrote.
pub fn found(signals: &[String], written: &str) -> Vec<String> {
    let lower: String = written.to_lowercase().chars().take(20_000).collect();
    signals.iter().filter(|pattern| compiled(pattern).is_some_and(|regex| regex.is_match(&lower))).cloned().collect()
}

/// The words that each signal of a lead found; the signal itself where the mail is no longer there.
pub fn words(lead: &Lead, email: &InboundEmail) -> Vec<String> {
    let lower = quoted::written(&email.text_body).to_lowercase();
    let word = |pattern: &String| Some(compiled(pattern)?.find(&lower)?.as_str().to_owned());
    lead.signals.iter().map(|pattern| word(pattern).unwrap_or_else(|| pattern.clone())).collect()
}

/// Makes a lead of whoever shows enough signals, tags the email and tells of it.
pub(super) fn qualify(conn: &mut Conn, email: &InboundEmail, written: &str, now: Time) -> Result<()> {
    let found = found(&signals(conn)?, written);
    if found.len() < ENOUGH {
        return Ok(());
    }
    let row = Lead {
        id: LeadId::new(),
        mailbox_id: email.mailbox_id.clone(),
        thread_id: email.thread_id.clone(),
        inbound_email_id: email.id.clone(),
        contact_id: email.contact_id.clone(),
        signals: Json::new(found.clone()),
        created_at: now,
    };
    queries::insert_lead(conn, &row)?;
    threads::label(conn, &email.id, &["mql".to_owned(), "buying_intent".to_owned(), format!("signals_{}", found.len())])?;
    let entry = Entry {
        action: "lead.qualify",
        target_kind: "lead",
        target_id: row.id.as_str(),
        mailbox_id: Some(&row.mailbox_id),
        detail: json!({"signals": found}),
    };
    audit::record(conn, &MAIL, entry, now)?;
    // What is held from agents is not told to them by another way.
    let mailbox = mailboxes::get(conn, &MAIL, &email.mailbox_id)?;
    if mailbox.mode == mailboxes::Mode::GatedAll { Ok(()) } else { webhooks::lead_qualified(conn, &row.id, email, &found, now) }
}

/// Leads, the newest first, each with the email that shows it.
pub fn page(conn: &mut Conn, actor: &Actor, limit: usize, before: Option<&LeadId>) -> Result<Page<(Lead, InboundEmail)>> {
    actor.must_have(Scope::Read)?;
    let page = Page::cut(queries::leads(conn, actor.mailboxes(), limit, before)?, limit);
    let mut rows = vec![];
    for (lead, email) in page.rows {
        if threads::may_read(conn, actor, &email)? {
            rows.push((lead, email));
        }
    }
    Ok(Page { rows, more: page.more })
}

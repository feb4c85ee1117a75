//! Double opt-in: somebody is asked to confirm, and the link in the message does. The message goes through the gate like any
//! other; a look at the link changes nothing.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, suppressions};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MessageId, secret, sha256_hex};
use crate::domain::messages::content::Words;
use crate::domain::messages::submit::{NewMessage, submit};
use crate::domain::messages::{Message, Origin};
use crate::domain::policy::consent::Class;
use crate::domain::{facts, mailboxes, settings, text};

use super::{ConsentBasis, Jurisdiction, NewConsent, PURPOSE, log, present, queries};

/// Days in which somebody can confirm.
pub const GOOD_FOR_DAYS: i64 = 30;
/// The tag of messages that ask.
pub const TAG: &str = "double-opt-in";

/// A row of `opt_ins`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::opt_ins)]
pub struct OptIn {
    /// SHA-256 of the token in the link.
    pub token_hash: String,
    /// Who was asked.
    pub contact_id: ContactId,
    /// The message that asks.
    pub message_id: MessageId,
    /// What for.
    pub purpose: String,
    /// Where they gave their address.
    pub source: String,
    /// The version of the words they were shown.
    pub wording: Option<String>,
    /// Under whose law.
    pub jurisdiction: Option<Jurisdiction>,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: Time,
    /// Until when the link confirms.
    pub expires_at: Time,
    /// When they confirmed.
    pub confirmed_at: Option<Time>,
}

/// What somebody is to be asked.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// The mailbox by address or id; none where only one is within reach.
    pub mailbox: Option<String>,
    /// Where they gave their address, in words.
    pub source: String,
    /// What for; mail in general where it is empty.
    pub purpose: String,
    /// The version of the words they were shown.
    pub wording: Option<String>,
    /// Under whose law.
    pub jurisdiction: Option<Jurisdiction>,
}

/// Asks a contact to confirm. Until they do, nothing is on record for them.
pub fn ask(conn: &mut Conn, actor: &Actor, id: &ContactId, ask: &Ask, now: Time) -> Result<Message> {
    actor.must_have(Scope::Contacts)?;
    let source = text::required_line("source", &ask.source, 300)?;
    let purpose = Some(text::line("purpose", &ask.purpose, 100)?).filter(|purpose| !purpose.is_empty()).unwrap_or_else(|| PURPOSE.to_owned());
    let wording = text::optional_line("wording", ask.wording.as_deref(), 100)?;
    transaction(conn, |conn| {
        let row = present(conn, id)?;
        // Before anything is said of what was asked: a mailbox out of reach is not there.
        let mailbox = mailboxes::resolve(conn, actor, ask.mailbox.as_deref())?;
        let open = queries::opt_ins_of(conn, id)?.into_iter().any(|one| one.confirmed_at.is_none() && one.expires_at > now && one.purpose == purpose);
        if open {
            let detail = "This contact was asked already and can still confirm. Ask again when that has lapsed.";
            return Err(Error::conflict("already_submitted", detail));
        }
        let company = facts::company(conn)?.remove("company").unwrap_or_else(|| mailbox.name.clone());
        let token = secret();
        let link = format!("{}/confirm/{token}", settings::base_url(conn)?);
        let message = submit(conn, actor, &letter(&row.email, mailbox.id.as_str(), &company, &purpose, &link), now)?;
        let opt_in = OptIn {
            token_hash: sha256_hex(token.as_bytes()),
            contact_id: id.clone(),
            message_id: message.row.id.clone(),
            purpose,
            source,
            wording,
            jurisdiction: ask.jurisdiction,
            asked_by: actor.name().to_owned(),
            asked_at: now,
            expires_at: now.plus_days(GOOD_FOR_DAYS),
            confirmed_at: None,
        };
        queries::insert_opt_in(conn, &opt_in)?;
        log(conn, actor, "contact.ask_consent", id, json!({"purpose": opt_in.purpose, "message": opt_in.message_id}), now)?;
        Ok(message)
    })
}

/// Asks a contact of an import or a form, once: nobody who left, for whom a ground is on record, or who was asked before. Until they
/// confirm nothing else that is commercial goes to them.
pub fn ask_once(conn: &mut Conn, actor: &Actor, id: &ContactId, ask: &Ask, now: Time) -> Result<Option<Message>> {
    transaction(conn, |conn| {
        let row = present(conn, id)?;
        // The same answer about the mailbox whether or not they are asked now.
        mailboxes::resolve(conn, actor, ask.mailbox.as_deref())?;
        let settled = suppressions::of(conn, &row.email_key)?.is_some() || super::has_consent(conn, id)?;
        if settled || !queries::opt_ins_of(conn, id)?.is_empty() {
            return Ok(None);
        }
        self::ask(conn, actor, id, ask, now).map(Some)
    })
}

fn letter(to: &str, mailbox: &str, company: &str, purpose: &str, link: &str) -> NewMessage {
    let text = format!(
        "Hello,\n\nsomebody gave us this address for {purpose} from {company}. If it was you, open this page and confirm:\n\n{link}\n\n\
         If it was not you, do nothing. Without your confirmation we do not write to you about this.\n"
    );
    NewMessage {
        mailbox: Some(mailbox.to_owned()),
        to: to.to_owned(),
        to_name: None,
        words: Words { subject: format!("Please confirm: {purpose} from {company}"), text: Some(text), html: None },
        tags: vec![TAG.to_owned()],
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        class: Class::Transactional,
        campaign: None,
        topic: None,
        facts: vec![],
        origin: Origin::Playbook,
    }
}

/// What a link asks to confirm: what for, and whether that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What for.
    pub purpose: String,
    /// Whether it was confirmed.
    pub confirmed: bool,
}

/// What a link asks to confirm; none where it is not one of ours or lapsed. Looking changes nothing.
pub fn look(conn: &mut Conn, token: &str, now: Time) -> Result<Option<Asked>> {
    Ok(usable(conn, token, now)?.map(|row| Asked { purpose: row.purpose, confirmed: row.confirmed_at.is_some() }))
}

/// Confirms; none where the link is not one of ours or lapsed. Twice is as good as once.
pub fn confirm(conn: &mut Conn, token: &str, now: Time) -> Result<Option<Asked>> {
    transaction(conn, |conn| {
        let Some(row) = usable(conn, token, now)? else { return Ok(None) };
        if queries::confirm(conn, &row.token_hash, now)? {
            let new = NewConsent {
                basis: ConsentBasis::Consent,
                source: row.source,
                purpose: row.purpose.clone(),
                wording: row.wording,
                evidence: Some(format!("confirmed with the link in message {}", row.message_id)),
                jurisdiction: row.jurisdiction,
                given_at: Some(now),
            };
            super::record(conn, &Actor::System("recipient"), &row.contact_id, &new, now)?;
        }
        Ok(Some(Asked { purpose: row.purpose, confirmed: true }))
    })
}

fn usable(conn: &mut Conn, token: &str, now: Time) -> Result<Option<OptIn>> {
    let Some(row) = queries::opt_in(conn, &sha256_hex(token.as_bytes()))? else { return Ok(None) };
    let erased = contacts::row(conn, &row.contact_id)?.erased_at.is_some();
    Ok((!erased && (row.confirmed_at.is_some() || row.expires_at > now)).then_some(row))
}

/// Whom was asked what, the latest first.
pub fn of_contact(conn: &mut Conn, actor: &Actor, id: &ContactId) -> Result<Vec<OptIn>> {
    contacts::get(conn, actor, id)?;
    Ok(queries::opt_ins_of(conn, id)?)
}

//! Addresses that must not be mailed, whatever the mode and whoever asks.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::schema::{contact_tags, contacts, suppressions, unsubscribe_links};
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MessageId, sha256_hex};
use crate::domain::webhooks;
use crate::text_enum;

text_enum!(
    /// Why an address is suppressed.
    pub enum Reason {
        /// The recipient left.
        Unsubscribed => "unsubscribed",
        /// The recipient complained.
        Complained => "complained",
        /// The address does not exist.
        Bounced => "bounced",
        /// Somebody here entered it.
        ByHand => "by_hand",
        /// The person was erased. It is not in the list: only a hash of the address is kept.
        Erased => "erased",
    }
);

/// A suppressed address.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Suppression {
    /// The address as compared.
    pub email_key: String,
    /// Why.
    pub reason: Reason,
    /// By which way it came.
    pub source: String,
    /// The message whose link was used.
    pub message_id: Option<MessageId>,
    /// Since when.
    pub created_at: Time,
}

impl Suppression {
    /// The error of every attempt to mail this address.
    pub fn refusal(&self) -> Error {
        Error::conflict(
            "recipient_suppressed",
            format!(
                "This recipient must not be mailed ({} since {}). Only the recipient can undo an unsubscribe.",
                self.reason,
                self.created_at.date()
            ),
        )
    }
}

/// Suppresses an address. Doing it twice changes nothing.
pub fn add(conn: &mut Conn, actor: &Actor, email_key: &str, reason: Reason, source: &str, message: Option<&MessageId>, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        if of(conn, email_key)?.is_some() {
            return Ok(());
        }
        let row = Suppression { email_key: email_key.to_owned(), reason, source: source.to_owned(), message_id: message.cloned(), created_at: now };
        diesel::insert_into(suppressions::table)
            .values((
                suppressions::email_key.eq(email_key),
                suppressions::reason.eq(reason),
                suppressions::source.eq(source),
                suppressions::message_id.eq(message.map(MessageId::as_str)),
                suppressions::created_at.eq(now),
            ))
            .execute(conn)?;
        let contact: Option<ContactId> = contacts::table.filter(contacts::email_key.eq(email_key)).select(contacts::id).first(conn).optional()?;
        if let (Some(contact), Reason::Unsubscribed) = (&contact, reason) {
            let tagged: bool = diesel::select(diesel::dsl::exists(contact_tags::table.find((contact, super::UNSUBSCRIBED)))).get_result(conn)?;
            if !tagged {
                diesel::insert_into(contact_tags::table)
                    .values((contact_tags::contact_id.eq(contact), contact_tags::tag.eq(super::UNSUBSCRIBED)))
                    .execute(conn)?;
            }
        }
        if reason == Reason::Unsubscribed {
            webhooks::unsubscribed(conn, contact.as_ref(), &row, now)?;
        }
        let target = contact.map_or_else(|| sha256_hex(email_key.as_bytes()), |id| id.as_str().to_owned());
        let detail = json!({"reason": reason, "source": source});
        audit::record(conn, actor, Entry { action: "contact.suppress", target_kind: "contact", target_id: &target, mailbox_id: None, detail }, now)
    })
}

/// The suppression of an address, if there is one. Somebody who was erased is suppressed for ever.
pub fn of(conn: &mut Conn, email_key: &str) -> Result<Option<Suppression>> {
    if let Some(found) = suppressions::table.find(email_key).first(conn).optional()? {
        return Ok(Some(found));
    }
    let erased = super::erase::erased_at(conn, email_key)?;
    Ok(erased.map(|at| Suppression {
        email_key: email_key.to_owned(),
        reason: Reason::Erased,
        source: "erasure".to_owned(),
        message_id: None,
        created_at: at,
    }))
}

/// Which suppressions.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this address, in its compared form.
    pub email_key: Option<String>,
    /// For this reason.
    pub reason: Option<Reason>,
    /// Continue after this one.
    pub after: Option<(Time, String)>,
    /// At most so many.
    pub limit: usize,
}

/// The addresses that must not be mailed, the latest first, and whether there are more.
pub fn page(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<(Vec<Suppression>, bool)> {
    actor.must_have(Scope::Read)?;
    let mut query = suppressions::table
        .order((suppressions::created_at.desc(), suppressions::email_key.desc()))
        .limit(i64::try_from(filter.limit).unwrap_or(100) + 1)
        .into_boxed();
    if let Some(key) = &filter.email_key {
        query = query.filter(suppressions::email_key.eq(key.clone()));
    }
    if let Some(reason) = filter.reason {
        query = query.filter(suppressions::reason.eq(reason));
    }
    if let Some((at, key)) = &filter.after {
        let same = suppressions::created_at.eq(*at).and(suppressions::email_key.lt(key.clone()));
        query = query.filter(suppressions::created_at.lt(*at).or(same));
    }
    let mut rows: Vec<Suppression> = query.load(conn)?;
    let more = rows.len() > filter.limit;
    rows.truncate(filter.limit);
    Ok((rows, more))
}

/// Suppresses an address for somebody who asks for it. There is no way back for them: only the recipient can.
pub fn suppress(conn: &mut Conn, actor: &Actor, email: &str, reason: Option<Reason>, now: Time) -> Result<Suppression> {
    actor.must_have(Scope::Contacts)?;
    let email = EmailAddress::parse("email", email)?;
    let reason = reason.unwrap_or(Reason::ByHand);
    if reason == Reason::Erased {
        let text = "reason must be one of unsubscribed, complained, bounced, by_hand; got \"erased\". Erase the contact instead.";
        return Err(Error::invalid("field_invalid", "reason", text));
    }
    transaction(conn, |conn| {
        add(conn, actor, email.key(), reason, actor.name(), None, now)?;
        of(conn, email.key())?.ok_or_else(|| Error::not_found("suppression"))
    })
}

/// Refuses to take a suppression away: no key can, and people have no such way either.
pub fn lift(actor: &Actor) -> Result<()> {
    actor.must_have(Scope::Contacts)?;
    Err(Error::forbidden("person_required", "No key can lift a suppression. Only the recipient can undo an unsubscribe."))
}

/// The suppressions among many addresses.
pub fn of_many(conn: &mut Conn, keys: &[String]) -> Result<HashMap<String, Suppression>> {
    let rows: Vec<Suppression> = suppressions::table.filter(suppressions::email_key.eq_any(keys.to_vec())).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.email_key.clone(), row)).collect())
}

/// Keeps the unsubscribe token of a message, as a hash.
pub(in crate::domain) fn keep_link(conn: &mut Conn, token: &str, message: &MessageId, contact: &ContactId, now: Time) -> Result<()> {
    diesel::insert_into(unsubscribe_links::table)
        .values((
            unsubscribe_links::token_hash.eq(sha256_hex(token.as_bytes())),
            unsubscribe_links::message_id.eq(message),
            unsubscribe_links::contact_id.eq(contact),
            unsubscribe_links::created_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whether a token is one of ours. Looking changes nothing.
pub fn link_is_known(conn: &mut Conn, token: &str) -> Result<bool> {
    let token_hash = sha256_hex(token.as_bytes());
    Ok(diesel::select(diesel::dsl::exists(unsubscribe_links::table.find(token_hash))).get_result(conn)?)
}

/// Takes a recipient off the list, by the token of a message they received.
/// `false` means that the token is unknown.
pub fn unsubscribe(conn: &mut Conn, token: &str, source: &str, now: Time) -> Result<bool> {
    transaction(conn, |conn| {
        let link: Option<(MessageId, ContactId)> = unsubscribe_links::table
            .find(sha256_hex(token.as_bytes()))
            .select((unsubscribe_links::message_id, unsubscribe_links::contact_id))
            .first(conn)
            .optional()?;
        let Some((message, contact)) = link else { return Ok(false) };
        let row = super::row(conn, &contact)?;
        add(conn, &Actor::System("recipient"), &row.email_key, Reason::Unsubscribed, source, Some(&message), now)?;
        Ok(true)
    })
}

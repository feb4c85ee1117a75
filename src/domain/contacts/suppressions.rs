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
use crate::domain::outbox::hold_dots;
use crate::domain::outbox::uncertain::{self, Evidence};
use crate::domain::webhooks;
use crate::text_enum;

use super::consents::{self, ConsentBasis, NewConsent};
use super::groups::{self, TAG};
use super::{journal, queries};

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
    /// It stands for everybody at a domain (`@example.com`) or with a tag (`#partners`).
    pub is_group: bool,
}

impl Reason {
    /// Whether it takes the place of the other: what recipients cannot undo, of an unsubscribe, which they can.
    pub(super) fn outranks(self, other: Reason) -> bool {
        other == Reason::Unsubscribed && matches!(self, Reason::Complained | Reason::ByHand)
    }
}

impl Suppression {
    /// The error of every attempt to mail this address.
    pub fn refusal(&self) -> Error {
        let (reason, since) = (self.reason, self.created_at.date());
        let detail = match self.email_key.chars().next().filter(|_| self.is_group) {
            Some(TAG) => format!("Nobody with the tag \"{}\" may be mailed ({reason} since {since}). A manager can lift that.", &self.email_key[1..]),
            Some(_) => format!("Nobody at {} may be mailed ({reason} since {since}). A manager can lift that.", &self.email_key[1..]),
            None => format!("This recipient must not be mailed ({reason} since {since}). Only the recipient can undo an unsubscribe."),
        };
        Error::conflict("recipient_suppressed", detail)
    }
}

/// Suppresses an address. Doing it twice changes nothing, but what the recipient cannot undo takes the place of an unsubscribe.
pub fn add(conn: &mut Conn, actor: &Actor, email_key: &str, reason: Reason, source: &str, message: Option<&MessageId>, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        hold_dots(conn)?;
        match alone(conn, email_key)? {
            Some(known) if !reason.outranks(known.reason) => return Ok(()),
            Some(_) => drop(diesel::delete(suppressions::table.find(email_key)).execute(conn)?),
            None => {}
        }
        let row = Suppression { source: source.to_owned(), message_id: message.cloned(), ..row(email_key, reason, now) };
        diesel::insert_into(suppressions::table)
            .values((
                suppressions::email_key.eq(email_key),
                suppressions::reason.eq(reason),
                suppressions::source.eq(source),
                suppressions::message_id.eq(message.map(MessageId::as_str)),
                suppressions::created_at.eq(now),
            ))
            .execute(conn)?;
        journal::note(conn, email_key, reason, now)?;
        let contact: Option<ContactId> = contacts::table.filter(contacts::email_key.eq(email_key)).select(contacts::id).first(conn).optional()?;
        if let (Some(contact), Reason::Unsubscribed) = (&contact, reason) {
            let tagged: bool = diesel::select(diesel::dsl::exists(contact_tags::table.find((contact, super::UNSUBSCRIBED)))).get_result(conn)?;
            if !tagged {
                diesel::insert_into(contact_tags::table)
                    .values((contact_tags::contact_id.eq(contact), contact_tags::tag.eq(super::UNSUBSCRIBED)))
                    .execute(conn)?;
            }
        }
        if let (Some(contact), Reason::Unsubscribed | Reason::Complained) = (&contact, reason) {
            consents::withdraw_all(conn, actor, contact, now)?;
        }
        if reason == Reason::Unsubscribed {
            webhooks::unsubscribed(conn, contact.as_ref(), &row, now)?;
        }
        let target = contact.map_or_else(|| sha256_hex(email_key.as_bytes()), |id| id.as_str().to_owned());
        let detail = json!({"reason": reason, "source": source});
        audit::record(conn, actor, Entry { action: "contact.suppress", target_kind: "contact", target_id: &target, mailbox_id: None, detail }, now)
    })
}

/// Suppresses somebody who wants no commercial mail at all: they left, and the link of an older message does not undo it.
pub(in crate::domain) fn object(conn: &mut Conn, actor: &Actor, email_key: &str, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        add(conn, actor, email_key, Reason::Unsubscribed, "objection", None, now)?;
        add(conn, actor, email_key, Reason::ByHand, "objection", None, now)
    })
}

/// The suppression of an address, if there is one: its own, or that of its domain or of a tag that its contact has.
pub fn of(conn: &mut Conn, email_key: &str) -> Result<Option<Suppression>> {
    match alone(conn, email_key)? {
        Some(found) => Ok(Some(found)),
        None => groups::of(conn, email_key),
    }
}

/// The suppression of an address itself. Somebody who was erased is suppressed for ever.
fn alone(conn: &mut Conn, email_key: &str) -> Result<Option<Suppression>> {
    if let Some(found) = suppressions::table.find(email_key).first(conn).optional()? {
        return Ok(Some(found));
    }
    if let Some(at) = super::erase::erased_at(conn, email_key)? {
        return Ok(Some(erased(email_key, at)));
    }
    let told = journal::told_of(conn, email_key)?;
    Ok(told.map(|(reason, at)| Suppression { source: "journal".to_owned(), ..row(email_key, reason, at) }))
}

fn row(email_key: &str, reason: Reason, created_at: Time) -> Suppression {
    Suppression { email_key: email_key.to_owned(), reason, source: String::new(), message_id: None, created_at, is_group: false }
}

/// The suppression of an address whose person was erased.
pub(in crate::domain) fn erased(email_key: &str, at: Time) -> Suppression {
    Suppression { source: "erasure".to_owned(), ..row(email_key, Reason::Erased, at) }
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

/// Suppresses an address for somebody who asks for it. There is no way back for them: only the recipient can. `@example.com` is
/// everybody at that domain and `#partners` everybody with that tag; these a manager can lift.
pub fn suppress(conn: &mut Conn, actor: &Actor, email: &str, reason: Option<Reason>, now: Time) -> Result<Suppression> {
    actor.must_have(Scope::Contacts)?;
    if groups::is_group(email) {
        return groups::suppress(conn, actor, email, reason, now);
    }
    let email = EmailAddress::parse("email", email)?;
    let reason = reason.unwrap_or(Reason::ByHand);
    if reason == Reason::Erased {
        let text = "reason must be one of unsubscribed, complained, bounced, by_hand; got \"erased\". Erase the contact instead.";
        return Err(Error::invalid("field_invalid", "reason", text));
    }
    transaction(conn, |conn| {
        add(conn, actor, email.key(), reason, actor.name(), None, now)?;
        alone(conn, email.key())?.ok_or_else(|| Error::not_found("suppression"))
    })
}

/// Refuses to take a suppression away: no key can, and people have no such way either.
pub fn lift(actor: &Actor) -> Result<()> {
    actor.must_have(Scope::Contacts)?;
    Err(Error::forbidden("person_required", "No key can lift a suppression. Only the recipient can undo an unsubscribe."))
}

/// The suppressions among many addresses, each by its own row.
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

/// Whose link this is, if it is one of ours.
pub(in crate::domain) fn holder_of_link(conn: &mut Conn, token: &str) -> Result<Option<ContactId>> {
    let link = unsubscribe_links::table.find(sha256_hex(token.as_bytes()));
    Ok(link.select(unsubscribe_links::contact_id).first(conn).optional()?)
}

fn message_of_link(conn: &mut Conn, token: &str) -> Result<Option<(MessageId, ContactId)>> {
    let link = unsubscribe_links::table.find(sha256_hex(token.as_bytes()));
    Ok(link.select((unsubscribe_links::message_id, unsubscribe_links::contact_id)).first(conn).optional()?)
}

/// Whether the recipient can undo it themselves: they left, and nothing else speaks against mail to them.
pub(in crate::domain) fn may_return(conn: &mut Conn, email_key: &str) -> Result<bool> {
    Ok(of(conn, email_key)?.is_some_and(|found| found.reason == Reason::Unsubscribed && !found.is_group))
}

/// Puts a recipient who left back on the list, by the token of a message they received, with a ground that says so. Nobody else has
/// the token, so no key and nobody at the desk can. `false` where there is nothing that they can undo.
pub(in crate::domain) fn resubscribe(conn: &mut Conn, token: &str, now: Time) -> Result<bool> {
    transaction(conn, |conn| {
        let Some((message, contact)) = message_of_link(conn, token)? else { return Ok(false) };
        let row = super::row(conn, &contact)?;
        if row.erased_at.is_some() || !may_return(conn, &row.email_key)? {
            return Ok(false);
        }
        let recipient = Actor::System("recipient");
        queries::lift(conn, &row.email_key, Some(&contact))?;
        journal::note_lifted(conn, &row.email_key, now)?;
        let ground = NewConsent {
            wording: Some("Write to me again".to_owned()),
            evidence: Some(format!("pressed in the preference centre, with the link in message {message}")),
            given_at: Some(now),
            ..NewConsent::from_source(ConsentBasis::Consent, "preference centre")
        };
        consents::record(conn, &recipient, &contact, &ground, now)?;
        super::log(conn, &recipient, "contact.resubscribe", &contact, json!({"message": message}), now)?;
        Ok(true)
    })
}

/// Lifts an unsubscribe of which the journal says that the recipient undid it. The ground that they gave then is not known here, so
/// the next message to them waits for somebody.
pub(super) fn lift_as_told(conn: &mut Conn, actor: &Actor, email_key: &str, now: Time) -> Result<()> {
    let contact = super::by_key(conn, email_key)?.map(|row| row.id);
    queries::lift(conn, email_key, contact.as_ref())?;
    match contact {
        Some(contact) => super::log(conn, actor, "contact.resubscribe", &contact, json!({"source": "journal"}), now),
        None => Ok(()),
    }
}

/// Takes a recipient off the list, by the token of a message they received.
/// `false` means that the token is unknown.
pub fn unsubscribe(conn: &mut Conn, token: &str, source: &str, now: Time) -> Result<bool> {
    transaction(conn, |conn| {
        let Some((message, contact)) = message_of_link(conn, token)? else { return Ok(false) };
        let row = super::row(conn, &contact)?;
        add(conn, &Actor::System("recipient"), &row.email_key, Reason::Unsubscribed, source, Some(&message), now)?;
        uncertain::settle_by_evidence(conn, &message, Evidence::Unsubscribe, "The recipient left the list.", now)?;
        Ok(true)
    })
}

/// Notes that somebody chose something with the link of a message, which therefore arrived.
pub(in crate::domain) fn link_was_used(conn: &mut Conn, token: &str, now: Time) -> Result<()> {
    let link = unsubscribe_links::table.find(sha256_hex(token.as_bytes()));
    let message: Option<MessageId> = link.select(unsubscribe_links::message_id).first(conn).optional()?;
    let Some(message) = message else { return Ok(()) };
    uncertain::settle_by_evidence(conn, &message, Evidence::Unsubscribe, "The recipient chose what they get.", now).map(drop)
}

//! How mail gets in by HTTP: a token for each mailbox, kept as a hash and shown once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, random, sha256_hex};
use crate::domain::mailboxes::{self, Mailbox};

use crate::inbound::wish::LEAVE;

use super::{MAIL, folders, queries};

/// Makes a token; the one before is refused from now on. It is in this answer and in no other.
pub fn rotate(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, now: Time) -> Result<String> {
    transaction(conn, |conn| {
        let mailbox = administered(conn, actor, mailbox)?;
        let token = URL_SAFE_NO_PAD.encode(random::<32>());
        queries::set_way(conn, &mailbox.id, &sha256_hex(token.as_bytes()), now)?;
        log(conn, actor, "mailbox.open_inbound", &mailbox.id, now)?;
        Ok(token)
    })
}

/// Takes the token away: no mail comes in by HTTP any more.
pub fn close(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        let mailbox = administered(conn, actor, mailbox)?;
        queries::remove_way(conn, &mailbox.id)?;
        log(conn, actor, "mailbox.close_inbound", &mailbox.id, now)
    })
}

/// Since when a mailbox has its token.
pub fn since(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId) -> Result<Option<Time>> {
    let mailbox = mailboxes::get(conn, actor, mailbox)?;
    Ok(queries::way_since(conn, &mailbox.id)?)
}

/// The mailbox of a token.
pub fn of_token(conn: &mut Conn, token: &str) -> Result<Mailbox> {
    let mailbox = queries::by_token(conn, &sha256_hex(token.as_bytes()))?.ok_or_else(|| Error::not_found("mailbox"))?;
    mailboxes::get(conn, &MAIL, &mailbox)
}

/// Where a recipient leaves by mail, with the token of their message: only where mail to the mailbox comes in, and where its address
/// needs no quoting in a `mailto:` (RFC 6068).
pub(in crate::domain) fn to_leave(conn: &mut Conn, mailbox: &Mailbox, token: &str, now: Time) -> Result<Option<String>> {
    let is_plain = mailbox.address.chars().all(|c| c.is_ascii_alphanumeric() || ".-_+@".contains(c));
    let comes_in = is_plain && (queries::way_since(conn, &mailbox.id)?.is_some() || folders::is_read(conn, &mailbox.id, now)?);
    Ok(comes_in.then(|| format!("mailto:{}?subject={LEAVE}%20{token}", mailbox.address)))
}

/// Whoever brings mail in brings in facts about people, so no key opens a way.
fn administered(conn: &mut Conn, actor: &Actor, mailbox: &MailboxId) -> Result<Mailbox> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a signed-in administrator can open a way in for mail."));
    }
    actor.must_be_admin()?;
    mailboxes::get(conn, actor, mailbox)
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, mailbox: &MailboxId, now: Time) -> Result<()> {
    let entry = Entry { action, target_kind: "mailbox", target_id: mailbox.as_str(), mailbox_id: Some(mailbox), detail: json!({}) };
    audit::record(conn, actor, entry, now)
}

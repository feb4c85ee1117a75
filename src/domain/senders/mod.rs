//! The domains that mail leaves from, and what DNS says of them: looked at, kept, shown and acted upon.

mod judge;
mod queries;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts;
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, MailboxId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::reputation::watch;

pub use judge::{Answer, Finding, Published, Relay, Seen, Standing, judge, walk};

/// A look at a domain.
#[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::sender_domains)]
pub struct Look {
    /// The domain.
    pub domain: String,
    /// When.
    pub checked_at: Time,
    /// Whether a signature or the envelope speaks for the domain of From (RFC 9989 §4.4).
    pub aligned: bool,
    /// What was found, in words.
    pub findings: Json<Vec<Finding>>,
}

/// The domain after the at sign.
pub fn domain_of(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

/// Names that nobody can own (RFC 2606, RFC 6761): of samples and tests.
pub fn is_reserved(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    let top = domain.rsplit('.').next().unwrap_or_default();
    matches!(top, "test" | "example" | "invalid" | "localhost" | "local")
        || ["example.com", "example.net", "example.org"].iter().any(|name| domain == *name || domain.ends_with(&format!(".{name}")))
}

/// The last look at the domain of a mailbox.
pub fn look_of(conn: &mut Conn, actor: &Actor, id: &MailboxId) -> Result<Option<Look>> {
    let mailbox = mailboxes::get(conn, actor, id)?;
    Ok(queries::look(conn, domain_of(&mailbox.address_key))?)
}

/// The last look at each domain.
pub fn looks(conn: &mut Conn) -> Result<Vec<Look>> {
    Ok(queries::looks(conn)?)
}

/// The mailbox whose domain somebody wants looked at. Looking asks servers outside, so it takes somebody who manages.
pub fn to_look_at(conn: &mut Conn, actor: &Actor, id: &MailboxId) -> Result<Mailbox> {
    actor.must_manage_or_have(Scope::Admin)?;
    mailboxes::get(conn, actor, id)
}

/// Domains of mailboxes that were not looked at since then.
pub fn due(conn: &mut Conn, since: Time) -> Result<Vec<String>> {
    let seen: Vec<String> = queries::fresh(conn, since)?;
    let mut domains: Vec<String> = mailboxes::addresses(conn)?.iter().map(|address| domain_of(address).to_ascii_lowercase()).collect();
    domains.sort();
    domains.dedup();
    domains.retain(|domain| !seen.contains(domain));
    Ok(domains)
}

/// Notes who added a key to sign with; the key itself is a file, and nothing of it is kept here.
pub fn note_key(conn: &mut Conn, actor: &Actor, id: &MailboxId, domain: &str, selector: &str, now: Time) -> Result<()> {
    actor.must_be_admin()?;
    let detail = json!({"domain": domain, "selector": selector});
    audit::record(conn, actor, Entry { action: "domain.key", target_kind: "domain", target_id: domain, mailbox_id: Some(id), detail }, now)
}

/// Keeps what was seen. Where `enforce` is set, mailboxes of a domain that nothing speaks for pause: Gmail, Yahoo and Microsoft
/// refuse such mail.
pub fn keep(conn: &mut Conn, actor: &Actor, seen: &Seen, enforce: bool, now: Time) -> Result<Look> {
    let (findings, aligned) = judge(seen);
    let look = Look { domain: seen.domain.clone(), checked_at: now, aligned: aligned != Some(false), findings: Json::new(findings) };
    transaction(conn, |conn| {
        queries::put(conn, &look)?;
        let detail = json!({"domain": look.domain, "aligned": aligned, "findings": *look.findings});
        audit::record(conn, actor, Entry { action: "domain.check", target_kind: "domain", target_id: &look.domain, mailbox_id: None, detail }, now)?;
        if enforce && aligned == Some(false) && !is_reserved(&look.domain) {
            let why = format!(
                "Nothing in DNS speaks for {}: neither a DKIM key of this server nor SPF. Publish the record that is shown, then resume.",
                look.domain
            );
            pause(conn, &look.domain, &why, now)?;
        }
        Ok(look.clone())
    })
}

/// Pauses every mailbox of a domain.
fn pause(conn: &mut Conn, domain: &str, why: &str, now: Time) -> Result<()> {
    for mailbox in mailboxes::list(conn, &watch::WATCH)?.iter().filter(|mailbox| domain_of(&mailbox.address_key) == domain) {
        watch::pause(conn, &mailbox.id, why, now)?;
    }
    Ok(())
}

/// What Microsoft answers where a domain that sends much is not authenticated (RFC 3463 has the form, not this number).
const NOT_AUTHENTICATED: &str = "5.7.515";
/// How Microsoft's domains for consumers begin, in every country.
const MICROSOFT: &[&str] = &["outlook.", "hotmail.", "live.", "msn.com", "passport.com", "windowslive.com"];

/// Takes in a refusal. Where Microsoft's consumer mail says that the sending domain is not authenticated, the fault is the domain's and
/// no recipient's: all its mailboxes pause, and the address stays as it was.
pub(in crate::domain) fn refused(conn: &mut Conn, mailbox: &MailboxId, to: &ContactId, answer: &str, now: Time) -> Result<()> {
    if !answer.split(|c: char| c != '.' && !c.is_ascii_digit()).any(|word| word == NOT_AUTHENTICATED) {
        return Ok(());
    }
    let contact = contacts::row(conn, to)?;
    if !MICROSOFT.iter().any(|start| domain_of(&contact.email_key).starts_with(start)) {
        return Ok(());
    }
    let mailbox = mailboxes::get(conn, &watch::WATCH, mailbox)?;
    let domain = domain_of(&mailbox.address_key).to_owned();
    let why =
        format!("Microsoft refuses mail from {domain} ({NOT_AUTHENTICATED}): SPF, DKIM and DMARC must all pass. Mend what DNS says, then resume.");
    pause(conn, &domain, &why, now)
}

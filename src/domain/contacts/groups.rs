//! Suppressions that stand for many: everybody at a domain, everybody with a tag. They are the workspace's own rules and no
//! recipient's choice, so a manager can lift them again.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::outbox::hold_dots;
use crate::domain::text;

use super::queries;
use super::suppressions::{Reason, Suppression};

/// What stands before a domain: `@example.com` is everybody there.
pub(super) const DOMAIN: char = '@';
/// What stands before a tag: `#partners` is everybody who has it.
pub(super) const TAG: char = '#';
/// Most of them: each look at somebody reads all.
const MOST: usize = 1_000;

/// Whether this names many instead of one address.
pub fn is_group(whom: &str) -> bool {
    whom.trim_start().starts_with([DOMAIN, TAG])
}

/// How a domain or a tag is compared.
pub fn key_of(whom: &str) -> Result<String> {
    let whom = whom.trim();
    match whom.strip_prefix(TAG) {
        Some(tag) => Ok(format!("{TAG}{}", text::tag(tag)?)),
        None => Ok(EmailAddress::parse("email", &format!("x{whom}"))?.key()[1..].to_owned()),
    }
}

/// All groups that are suppressed.
#[derive(Debug, Clone, Default)]
pub struct Groups(Vec<Suppression>);

impl Groups {
    /// As they are now.
    pub(in crate::domain) fn load(conn: &mut Conn) -> Result<Groups> {
        Ok(Groups(queries::groups(conn)?))
    }

    /// Of these rows.
    pub fn of(rows: Vec<Suppression>) -> Groups {
        Groups(rows)
    }

    /// The tags among them.
    pub fn tags(&self) -> Vec<String> {
        self.0.iter().filter_map(|row| row.email_key.strip_prefix(TAG)).map(str::to_owned).collect()
    }

    /// The one that somebody with this address and these tags belongs to.
    pub fn hold<'t>(&self, email_key: &str, tags: impl IntoIterator<Item = &'t str>) -> Option<&Suppression> {
        let domain = email_key.rfind(DOMAIN).map_or("", |at| &email_key[at..]);
        let by_domain = self.0.iter().find(|row| row.email_key == domain);
        by_domain.or_else(|| tags.into_iter().find_map(|tag| self.0.iter().find(|row| row.email_key.strip_prefix(TAG) == Some(tag))))
    }
}

/// The group that an address belongs to.
pub(super) fn of(conn: &mut Conn, email_key: &str) -> Result<Option<Suppression>> {
    let groups = Groups::load(conn)?;
    let tags = match (groups.tags(), queries::by_email(conn, email_key)?) {
        (wanted, Some(row)) if !wanted.is_empty() => tags_among(conn, &[row.id], wanted)?,
        _ => vec![],
    };
    Ok(groups.hold(email_key, tags.iter().map(|(_, tag)| tag.as_str())).cloned())
}

/// Which of these tags these contacts have.
pub(in crate::domain) fn tags_among(conn: &mut Conn, ids: &[ContactId], tags: Vec<String>) -> Result<Vec<(ContactId, String)>> {
    Ok(queries::tags_among(conn, ids, tags)?)
}

pub(super) fn suppress(conn: &mut Conn, actor: &Actor, whom: &str, reason: Option<Reason>, now: Time) -> Result<Suppression> {
    actor.must_manage_or_have(Scope::Contacts)?;
    if matches!((actor, actor.mailboxes()), (Actor::Key { .. }, Mailboxes::These(_))) {
        let detail = "A domain or a tag stops mail from every mailbox, and this key reaches some only. Suppress single addresses.";
        return Err(Error::forbidden("reach_missing", detail));
    }
    let email_key = key_of(whom)?;
    if reason.is_some_and(|reason| reason != Reason::ByHand) {
        return Err(Error::invalid("field_invalid", "reason", "reason must be by_hand for a domain or a tag."));
    }
    transaction(conn, |conn| {
        hold_dots(conn)?;
        let there = queries::groups(conn)?;
        if let Some(found) = there.iter().find(|row| row.email_key == email_key) {
            return Ok(found.clone());
        }
        if there.len() >= MOST {
            return Err(Error::invalid("field_invalid", "email", format!("At most {MOST} domains and tags can be suppressed.")));
        }
        let row =
            Suppression { email_key, reason: Reason::ByHand, source: actor.name().to_owned(), message_id: None, created_at: now, is_group: true };
        queries::insert_group(conn, &row)?;
        log(conn, actor, "suppression.add", &row.email_key, now)?;
        Ok(row)
    })
}

/// Lets a domain or a tag be mailed again; those of them who left stay as they are. No key can.
pub fn lift(conn: &mut Conn, actor: &Actor, whom: &str, now: Time) -> Result<()> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "No key can lift a suppression. A manager can lift that of a domain or a tag."));
    }
    actor.must_manage()?;
    if !is_group(whom) {
        return Err(Error::forbidden("suppression_kept", "The suppression of an address stays. Only the recipient can undo an unsubscribe."));
    }
    let key = key_of(whom)?;
    transaction(conn, |conn| {
        if !queries::delete_group(conn, &key)? {
            return Err(Error::not_found("suppression"));
        }
        log(conn, actor, "suppression.lift", &key, now)
    })
}

/// The domains and tags that must not be mailed, in the order of their names.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Suppression>> {
    actor.must_have(Scope::Read)?;
    Ok(queries::groups(conn)?)
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, key: &str, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "suppression", target_id: key, mailbox_id: None, detail: json!({}) }, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_and_a_tag_hold_those_who_belong_to_them_and_nobody_else() {
        let row = |key: &str| Suppression {
            email_key: key.to_owned(),
            reason: Reason::ByHand,
            source: "Max".to_owned(),
            message_id: None,
            created_at: Time::from_micros(0),
            is_group: true,
        };
        let groups = Groups::of(vec![row("@example.com"), row("#partners")]);
        for (address, tags, held) in [
            ("a@example.com", vec![], Some("@example.com")),
            ("a@sub.example.com", vec![], None),
            ("a@notexample.com", vec![], None),
            ("a@example.com.test", vec![], None),
            ("b@other.test", vec!["partners"], Some("#partners")),
            ("b@other.test", vec!["vip", "partners"], Some("#partners")),
            ("b@other.test", vec!["partners-2", "example.com", "@example.com"], None),
            ("a@example.com", vec!["partners"], Some("@example.com")),
            ("nonsense", vec![], None),
        ] {
            assert_eq!(groups.hold(address, tags.iter().copied()).map(|row| row.email_key.as_str()), held, "{address} {tags:?}");
        }
        assert_eq!(key_of(" @EXAMPLE.com ").unwrap(), "@example.com");
        assert!(key_of("@").is_err() && key_of("#").is_err() && key_of("@a b").is_err());
        assert!(is_group("@example.com") && is_group("#x") && !is_group("a@example.com"));
    }
}

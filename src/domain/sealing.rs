//! Which secrets in the database are sealed with the key from outside of it, and what is left where that key is lost.
//!
//! Sealed are the secrets of authenticator apps, the private half of the key that signs provenance, and what webhooks, sources and reports of mail
//! providers are signed with. Passwords of mail servers, keys of DKIM and of models are not in the database.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::accounts::second_factor;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::Result;
use crate::domain::inbound::providers;
use crate::domain::webhooks::endpoints;
use crate::domain::{provenance, settings, sources};

/// The name of the key that the secrets of this database are sealed with; none before the first.
pub fn key_id(conn: &mut Conn) -> Result<Option<String>> {
    settings::get(conn, settings::SEALED_WITH)
}

/// Notes the key of this name, and seals what an older version left open. How many secrets that were.
pub fn adopt(conn: &mut Conn, key_id: &str) -> Result<usize> {
    transaction(conn, |conn| {
        settings::set(conn, settings::SEALED_WITH, key_id)?;
        let of_ours = second_factor::seal_open(conn)? + provenance::keys::seal_open(conn)?;
        Ok(of_ours + endpoints::seal_open(conn)? + sources::seal_open(conn)? + providers::seal_open(conn)?)
    })
}

/// Whether somebody else has the other half of what is sealed: an app on a phone, a receiver of webhooks, a provider. A key that signs
/// provenance can be followed by another without them.
pub fn is_needed_by_others(conn: &mut Conn) -> Result<bool> {
    Ok(second_factor::is_any(conn)? || endpoints::is_any(conn)? || sources::is_any(conn)? || providers::is_any(conn)?)
}

/// What was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenUp {
    /// Accounts that lost their authenticator app.
    pub second_factors: usize,
    /// Webhooks that were switched off.
    pub webhooks: usize,
    /// Sources whose reports are refused.
    pub sources: usize,
    /// Mail providers whose reports are refused.
    pub providers: usize,
}

/// Gives up what nobody can open any more, because the key is lost: everybody's authenticator app with its recovery codes, the key that
/// signs provenance, which is followed by a new one, and the secrets of webhooks, sources and mail providers, which need new ones.
pub fn give_up(conn: &mut Conn, actor: &Actor, now: Time) -> Result<GivenUp> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        let given_up = GivenUp {
            second_factors: second_factor::remove_all(conn)?,
            webhooks: endpoints::give_up(conn, actor, now)?,
            sources: sources::give_up(conn, actor, now)?,
            providers: providers::give_up(conn)?,
        };
        provenance::keys::give_up(conn, now)?;
        settings::clear(conn, settings::SEALED_WITH)?;
        let GivenUp { second_factors, webhooks, sources, providers } = given_up;
        let entry = Entry {
            action: "installation.give_up_secrets",
            target_kind: "installation",
            target_id: "secrets",
            mailbox_id: None,
            detail: json!({"second_factors": second_factors, "webhooks": webhooks, "sources": sources, "providers": providers}),
        };
        audit::record(conn, actor, entry, now)?;
        Ok(given_up)
    })
}

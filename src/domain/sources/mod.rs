//! Where reports of people leaving come from: billing providers, systems that sign, cancel pages.

pub mod cancel_flow;
mod queries;
pub mod read;
pub mod receive;
pub mod signatures;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::seal;
use crate::db::statement::hold;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ChurnEventId, RowId, SourceId};
use crate::domain::text;
use crate::domain::webhooks::signature::new_secret;
use crate::text_enum;

pub use signatures::CHARGEBEE_USER;

/// Days for which the log of events is kept.
pub const LOG_DAYS: i64 = 30;
/// Lines of the log that are kept in all.
const LOG_LINES: i64 = 20_000;
/// Most sources there can be.
const MOST: usize = 50;
/// Most origins of one cancel page.
const MOST_ORIGINS: usize = 20;
/// What is said of a source whose secret nobody can open any more.
const LOST: &str = "The key that its secret was sealed with is lost. Make a new secret, or enter the provider's again.";

text_enum!(
    /// Who reports.
    pub enum Provider {
        /// Stripe.
        Stripe => "stripe",
        /// Paddle Billing.
        Paddle => "paddle",
        /// Chargebee.
        Chargebee => "chargebee",
        /// Any system that signs as Standard Webhooks says.
        Generic => "generic",
        /// A cancel page, in the browser of whoever leaves.
        CancelFlow => "cancel_flow",
    }
);

impl Provider {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Provider::Stripe => "Stripe",
            Provider::Paddle => "Paddle",
            Provider::Chargebee => "Chargebee",
            Provider::Generic => "Signed webhook",
            Provider::CancelFlow => "Cancel page",
        }
    }

    /// Whether the secret is made here; the others' is made by the provider and entered.
    pub fn secret_is_ours(self) -> bool {
        matches!(self, Provider::Chargebee | Provider::Generic | Provider::CancelFlow)
    }
}

text_enum!(
    /// What became of an event that came in with a right signature.
    pub enum Outcome {
        /// It is on record.
        Taken => "taken",
        /// It is not needed.
        Ignored => "ignored",
        /// It could not be read; the provider repeats it.
        Refused => "refused",
    }
);

/// A source.
#[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::churn_sources, treat_none_as_null = true)]
pub struct Source {
    /// Its id, which is no secret.
    pub id: SourceId,
    /// Who reports.
    pub provider: Provider,
    /// What people call it.
    pub name: String,
    /// What its reports are signed with, sealed; empty where it was lost.
    secret: String,
    /// Where its cancel page may stand, such as `https://app.example.com`.
    pub origins: Json<Vec<String>>,
    /// Whether its reports are taken.
    pub enabled: bool,
    /// When the last event came in.
    pub last_event_at: Option<Time>,
    /// Why the last event that could not be read was refused.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<Time>,
    /// When it was added.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A line of the log.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::intake_events)]
pub struct IntakeEvent {
    /// Its id, in order of time.
    pub id: RowId,
    /// From which source; none for the secret of the configuration.
    pub source_id: Option<SourceId>,
    /// Who reported.
    pub provider: Provider,
    /// The provider's id of the event.
    pub event_id: Option<String>,
    /// The provider's word for what happened.
    pub event_type: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was ignored or refused.
    pub note: Option<String>,
    /// The departure it belongs to.
    pub churn_event_id: Option<ChurnEventId>,
    /// When it happened, by the provider's clock.
    pub occurred_at: Option<Time>,
    /// When it came in.
    pub received_at: Time,
}

/// A source to be added.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Who reports.
    pub provider: Provider,
    /// What people call it.
    pub name: String,
    /// The secret that the provider made; empty where it is made here.
    pub secret: String,
    /// Where its cancel page may stand.
    pub origins: Vec<String>,
}

/// What is changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What people call it.
    pub name: Option<String>,
    /// Another secret that the provider made.
    pub secret: Option<String>,
    /// Where its cancel page may stand.
    pub origins: Option<Vec<String>>,
    /// Whether its reports are taken.
    pub enabled: Option<bool>,
}

/// Adds a source. The secret is in the answer; one that was made here is shown nowhere else.
pub fn add(conn: &mut Conn, actor: &Actor, new: &NewSource, now: Time) -> Result<(Source, String)> {
    must_administer(actor)?;
    transaction(conn, |conn| {
        if queries::all(conn)?.len() >= MOST {
            return Err(Error::conflict("too_many_sources", format!("There are {MOST} sources already. Delete one that is no longer needed.")));
        }
        let secret = if new.provider.secret_is_ours() { new_secret() } else { entered_secret(&new.secret)? };
        let id = SourceId::new();
        let row = Source {
            secret: seal::seal(&place(&id), &secret)?,
            id,
            provider: new.provider,
            name: text::required_line("name", &new.name, 100)?,
            origins: Json::new(origins(new.provider, &new.origins)?),
            enabled: true,
            last_event_at: None,
            last_error: None,
            last_error_at: None,
            created_at: now,
            updated_at: now,
        };
        queries::insert(conn, &row)?;
        log(conn, actor, "source.add", &row, now)?;
        Ok((row, secret))
    })
}

/// Changes a source.
pub fn change(conn: &mut Conn, actor: &Actor, id: &SourceId, change: &Change, now: Time) -> Result<Source> {
    transaction(conn, |conn| {
        hold(conn, "churn_sources", id.as_str())?;
        let mut row = get(conn, actor, id)?;
        if let Some(name) = &change.name {
            row.name = text::required_line("name", name, 100)?;
        }
        if let Some(secret) = &change.secret {
            if row.provider.secret_is_ours() {
                return Err(Error::invalid("field_invalid", "secret", "The secret of this source is made here. Make a new one."));
            }
            set_secret(&mut row, &entered_secret(secret)?)?;
        }
        if let Some(given) = &change.origins {
            row.origins = Json::new(origins(row.provider, given)?);
        }
        row.enabled = change.enabled.unwrap_or(row.enabled);
        save(conn, actor, "source.change", row, now)
    })
}

/// Makes a new secret; the old one is refused from now on.
pub fn rotate(conn: &mut Conn, actor: &Actor, id: &SourceId, now: Time) -> Result<(Source, String)> {
    transaction(conn, |conn| {
        hold(conn, "churn_sources", id.as_str())?;
        let mut row = get(conn, actor, id)?;
        if !row.provider.secret_is_ours() {
            return Err(Error::conflict(
                "secret_is_theirs",
                format!("{} makes this secret. Make a new one there and enter it.", row.provider.label()),
            ));
        }
        let secret = new_secret();
        set_secret(&mut row, &secret)?;
        Ok((save(conn, actor, "source.rotate", row, now)?, secret))
    })
}

/// Deletes a source with its log. What came in by it stays.
pub fn delete(conn: &mut Conn, actor: &Actor, id: &SourceId, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        let row = get(conn, actor, id)?;
        queries::delete(conn, id)?;
        log(conn, actor, "source.delete", &row, now)
    })
}

/// All sources, oldest first.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Source>> {
    must_administer(actor)?;
    Ok(queries::all(conn)?)
}

/// One source.
pub fn get(conn: &mut Conn, actor: &Actor, id: &SourceId) -> Result<Source> {
    must_administer(actor)?;
    queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("source"))
}

/// The newest lines of the log before `before`: of one source, or of all.
pub fn events(conn: &mut Conn, actor: &Actor, source: Option<&SourceId>, before: Option<&RowId>, limit: i64) -> Result<Vec<IntakeEvent>> {
    must_administer(actor)?;
    Ok(queries::events(conn, source, before, limit)?)
}

/// Deletes old lines of the log.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    Ok(queries::sweep(conn, now.plus_days(-LOG_DAYS), LOG_LINES)?)
}

/// A source decides whose word counts, so no key makes or changes one.
fn must_administer(actor: &Actor) -> Result<()> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a signed-in administrator can look after sources."));
    }
    actor.must_be_admin()
}

/// Where the secret of a source lies: it can be opened for no other.
fn place(id: &SourceId) -> String {
    format!("churn_sources/{id}")
}

/// Seals another secret. What was said of the one before is no longer true.
fn set_secret(row: &mut Source, secret: &str) -> Result<()> {
    row.secret = seal::seal(&place(&row.id), secret)?;
    if row.last_error.as_deref() == Some(LOST) {
        row.last_error = None;
        row.last_error_at = None;
    }
    Ok(())
}

/// Seals the secrets that an older version left open. How many that were.
pub(in crate::domain) fn seal_open(conn: &mut Conn) -> Result<usize> {
    let open: Vec<_> = queries::all(conn)?.into_iter().filter(|row| !row.secret.is_empty() && !seal::is_sealed(&row.secret)).collect();
    for row in &open {
        let secret = seal::seal(&place(&row.id), &row.secret)?;
        queries::update(conn, &Source { secret, ..row.clone() })?;
    }
    Ok(open.len())
}

/// Whether there is any.
pub(in crate::domain) fn is_any(conn: &mut Conn) -> Result<bool> {
    Ok(!queries::all(conn)?.is_empty())
}

/// Takes the secret away from every source where nobody can open it any more: its reports are refused until it has another. How many that were.
pub(in crate::domain) fn give_up(conn: &mut Conn, actor: &Actor, now: Time) -> Result<usize> {
    let lost: Vec<_> = queries::all(conn)?.into_iter().filter(|row| seal::open(&place(&row.id), &row.secret).is_err()).collect();
    for row in &lost {
        let (secret, last_error, last_error_at) = (String::new(), Some(LOST.to_owned()), Some(now));
        save(conn, actor, "source.lose_secret", Source { secret, last_error, last_error_at, ..row.clone() }, now)?;
    }
    Ok(lost.len())
}

fn entered_secret(given: &str) -> Result<String> {
    let secret = text::required_line("secret", given, 300)?;
    if secret.len() < 16 {
        return Err(Error::invalid(
            "field_invalid",
            "secret",
            "secret must have at least 16 characters. Copy it from the provider's page for webhooks.",
        ));
    }
    Ok(secret)
}

/// Origins as browsers send them: scheme, host and a port that is not the usual one.
fn origins(provider: Provider, given: &[String]) -> Result<Vec<String>> {
    if provider != Provider::CancelFlow {
        return Ok(vec![]);
    }
    if given.is_empty() || given.len() > MOST_ORIGINS {
        return Err(Error::invalid(
            "field_invalid",
            "origins",
            format!("origins must be 1 to {MOST_ORIGINS} addresses such as https://app.example.com; got {}.", given.len()),
        ));
    }
    let mut all = given.iter().map(|one| origin(one)).collect::<Result<Vec<_>>>()?;
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn origin(given: &str) -> Result<String> {
    let refused = || {
        let given = text::excerpt(given);
        Error::invalid(
            "field_invalid",
            "origins",
            format!("origins must be addresses such as https://app.example.com, without a path; got \"{given}\"."),
        )
    };
    let url = url::Url::parse(given.trim()).map_err(|_| refused())?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if !plain || url.host_str().is_none() || !(url.scheme() == "https" || (url.scheme() == "http" && local)) {
        return Err(refused());
    }
    Ok(url.origin().ascii_serialization())
}

fn save(conn: &mut Conn, actor: &Actor, action: &'static str, mut row: Source, now: Time) -> Result<Source> {
    row.updated_at = now;
    let before = queries::by_id(conn, &row.id)?.map(|before| shown(&before));
    queries::update(conn, &row)?;
    log_with(conn, actor, action, &row, audit::changed(&json!(before), &shown(&row)), now)?;
    Ok(row)
}

/// As the audit log shows it.
fn shown(row: &Source) -> serde_json::Value {
    json!({"provider": row.provider, "name": row.name, "origins": *row.origins, "enabled": row.enabled})
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Source, now: Time) -> Result<()> {
    log_with(conn, actor, action, row, shown(row), now)
}

fn log_with(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Source, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "source", target_id: row.id.as_str(), mailbox_id: None, detail }, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        assert_eq!(origin(" https://App.example.com/ ").unwrap(), "https://app.example.com");
        assert_eq!(origin("https://app.example.com:443").unwrap(), "https://app.example.com");
        assert_eq!(origin("http://localhost:3000").unwrap(), "http://localhost:3000");
        for refused in [
            "*",
            "null",
            "http://app.example.com",
            "https://app.example.com/cancel",
            "https://u@app.example.com",
            "ftp://x.example",
            "app.example.com",
        ] {
            assert_eq!(origin(refused).unwrap_err().code, "field_invalid", "{refused}");
        }
    }
}

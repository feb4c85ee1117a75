//! `/v1/key`: what a key may know about itself. No call makes or changes keys.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::Problem;
use super::key::Key;
use super::operations::{Operation, get};
use crate::app::State;
use crate::clock::Time;
use crate::domain::actor::{Actor, Scope};
use crate::domain::ids::{ApiKeyId, MailboxId};
use crate::domain::{keys, mailboxes};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/key", "get_key", "What this key may do")
            .about("The key that calls, about itself: name, scopes, mailboxes, end and pace. Every key may ask. No call makes or changes keys.")
            .answers::<OwnKey>(200)
            .to(show),
    ]
}

/// A mailbox within reach of a key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reached {
    /// Its id.
    id: MailboxId,
    /// The address its mail leaves from.
    address: String,
}

/// The key that calls.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnKey {
    /// Its id, as the audit log has it.
    id: ApiKeyId,
    /// Its name.
    name: String,
    /// What it may do.
    scopes: Vec<Scope>,
    /// Whether it reaches every mailbox, also those made later.
    all_mailboxes: bool,
    /// The mailboxes within its reach, by address.
    mailboxes: Vec<Reached>,
    /// From when on it is refused; null for no end.
    expires_at: Option<Time>,
    /// Whether its mail is recorded and never sent.
    test: bool,
    /// Calls it may make in a minute, 1 to 60,000.
    calls_per_minute: i32,
}

pub async fn show(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(describe(key.0, &state).await?))
}

/// What the key may know about itself.
pub(crate) async fn describe(actor: Actor, state: &State) -> Result<OwnKey, Problem> {
    let (key, within_reach) = state.read(move |conn| Ok((keys::own(conn, &actor)?, mailboxes::list(conn, &actor)?))).await?;
    Ok(OwnKey {
        scopes: key.row.scopes(),
        id: key.row.id,
        all_mailboxes: key.mailboxes.is_empty(),
        mailboxes: within_reach.into_iter().map(|mailbox| Reached { id: mailbox.id, address: mailbox.address }).collect(),
        expires_at: key.row.expires_at,
        test: key.row.is_test,
        calls_per_minute: key.row.calls_per_minute,
        name: key.row.name,
    })
}

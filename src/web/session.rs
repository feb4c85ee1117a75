//! Sessions in the database, so that they can be ended from here.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key};
use actix_web::cookie::time::Duration;
use actix_web::web;
use serde::de::DeserializeOwned;

use crate::clock::{self, Time};
use crate::db::{Conn, Db};
use crate::domain::accounts::sessions::{self, Kept};
use crate::domain::error::Result as DomainResult;

/// Name of the user id in a session.
pub const USER: &str = "user";
/// Name of the sign-in epoch in a session.
pub const EPOCH: &str = "epoch";
/// Name of the time of sign-in in a session, in microseconds since the epoch.
pub const SIGNED_IN_AT: &str = "signed_in_at";
/// Name of what names the session to its owner.
pub const HANDLE: &str = "handle";
/// Name of the time at which a page was asked for last, in microseconds since the epoch.
pub const SEEN_AT: &str = "seen_at";
/// Name of the address somebody signed in from.
pub const NETWORK: &str = "network";
/// Name of what they signed in with.
pub const DEVICE: &str = "device";
/// Name of the user id whose password was right and whose code is still to come.
pub const HALF_USER: &str = "half_user";
/// Name of their sign-in epoch at that moment.
pub const HALF_EPOCH: &str = "half_epoch";
/// Name of the time of the password, in microseconds since the epoch.
pub const HALF_SINCE: &str = "half_since";
/// Name of the page that is shown after the code.
pub const NEXT: &str = "next";
/// Name of what is remembered of somebody who was sent to the sign-in provider, until they come back.
pub const ERRAND: &str = "errand";
/// Name of whether they came from the provider.
pub const BY_PROVIDER: &str = "by_provider";
/// Name of whether the provider's sign-in counts as one with a second factor.
pub const FACTOR_MET: &str = "factor_met";
/// Whether a passkey was shown when this session was opened.
pub const BY_PASSKEY: &str = "by_passkey";
/// Name of what the browser was asked when a passkey is to be made.
pub const MAKING: &str = "making";
/// Name of what the browser was asked when a passkey is to be shown.
pub const SHOWING: &str = "showing";
/// Name of the form token in a session.
pub const CSRF: &str = "csrf";
/// Name of the message shown once.
pub const FLASH: &str = "flash";

/// The store.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// A store over this database.
    pub fn new(db: Db) -> Self {
        Store { db }
    }

    async fn run<T: Send + 'static>(
        &self,
        write: bool,
        work: impl FnOnce(&mut Conn) -> DomainResult<T> + Send + 'static,
    ) -> Result<T, anyhow::Error> {
        let db = self.db.clone();
        Ok(web::block(move || if write { db.write(work) } else { db.read(work) }).await??)
    }
}

/// The row of a session: what its state tells besides is in columns of its own.
fn kept(state: &HashMap<String, String>) -> Result<Kept, anyhow::Error> {
    Ok(Kept {
        user_id: value(state, USER),
        handle: value(state, HANDLE),
        started_at: value(state, SIGNED_IN_AT).map(Time::from_micros),
        seen_at: value(state, SEEN_AT).map(Time::from_micros),
        network: value(state, NETWORK),
        device: value(state, DEVICE),
        state: serde_json::to_string(state)?,
    })
}

/// A value in the session is JSON, as actix-session stores it.
fn value<T: DeserializeOwned>(state: &HashMap<String, String>, name: &str) -> Option<T> {
    state.get(name).and_then(|json| serde_json::from_str(json).ok())
}

fn until(ttl: &Duration) -> Time {
    clock::now().plus_seconds(ttl.whole_seconds())
}

impl SessionStore for Store {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let key = key.as_ref().to_owned();
        let text = self.run(false, move |conn| sessions::load(conn, &key, clock::now())).await.map_err(LoadError::Other)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: HashMap<String, String>, ttl: &Duration) -> Result<SessionKey, SaveError> {
        let (key, kept, until) = (generate_session_key(), kept(&state).map_err(SaveError::Other)?, until(ttl));
        let name = key.as_ref().to_owned();
        self.run(true, move |conn| sessions::begin(conn, &name, kept, until)).await.map_err(SaveError::Other)?;
        Ok(key)
    }

    async fn update(&self, key: SessionKey, state: HashMap<String, String>, ttl: &Duration) -> Result<SessionKey, UpdateError> {
        let (name, kept, until) = (key.as_ref().to_owned(), kept(&state).map_err(UpdateError::Other)?, until(ttl));
        self.run(true, move |conn| sessions::change(conn, &name, kept, until)).await.map_err(UpdateError::Other)?;
        Ok(key)
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> Result<(), anyhow::Error> {
        let (key, until) = (key.as_ref().to_owned(), until(ttl));
        self.run(true, move |conn| sessions::extend(conn, &key, until)).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let key = key.as_ref().to_owned();
        self.run(true, move |conn| sessions::delete(conn, &key)).await
    }
}

//! Sessions in the database, so that they can be ended from here.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key};
use actix_web::cookie::time::Duration;
use actix_web::web;

use crate::clock;
use crate::db::{Conn, Db};
use crate::domain::accounts::sessions;
use crate::domain::error::Result as DomainResult;

/// Name of the user id in a session.
pub const USER: &str = "user";
/// Name of the sign-in epoch in a session.
pub const EPOCH: &str = "epoch";
/// Name of the time of sign-in in a session, in microseconds since the epoch.
pub const SIGNED_IN_AT: &str = "signed_in_at";
/// Name of the user id whose password was right and whose code is still to come.
pub const HALF_USER: &str = "half_user";
/// Name of their sign-in epoch at that moment.
pub const HALF_EPOCH: &str = "half_epoch";
/// Name of the time of the password, in microseconds since the epoch.
pub const HALF_SINCE: &str = "half_since";
/// Name of the page that is shown after the code.
pub const NEXT: &str = "next";
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

    async fn put(&self, key: &SessionKey, state: HashMap<String, String>, ttl: &Duration) -> Result<(), anyhow::Error> {
        // A value in the session is JSON, as actix-session stores it.
        let user = state.get(USER).and_then(|json| serde_json::from_str::<String>(json).ok());
        let text = serde_json::to_string(&state)?;
        let (key, until) = (key.as_ref().to_owned(), clock::now().plus_seconds(ttl.whole_seconds()));
        self.run(true, move |conn| sessions::save(conn, &key, user.as_deref(), &text, until)).await
    }
}

impl SessionStore for Store {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let key = key.as_ref().to_owned();
        let text = self.run(false, move |conn| sessions::load(conn, &key, clock::now())).await.map_err(LoadError::Other)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: HashMap<String, String>, ttl: &Duration) -> Result<SessionKey, SaveError> {
        let key = generate_session_key();
        self.put(&key, state, ttl).await.map_err(SaveError::Other)?;
        Ok(key)
    }

    async fn update(&self, key: SessionKey, state: HashMap<String, String>, ttl: &Duration) -> Result<SessionKey, UpdateError> {
        self.put(&key, state, ttl).await.map_err(UpdateError::Other)?;
        Ok(key)
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> Result<(), anyhow::Error> {
        let (key, until) = (key.as_ref().to_owned(), clock::now().plus_seconds(ttl.whole_seconds()));
        self.run(true, move |conn| sessions::extend(conn, &key, until)).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let key = key.as_ref().to_owned();
        self.run(true, move |conn| sessions::delete(conn, &key)).await
    }
}

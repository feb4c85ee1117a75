//! What every surface shares: built once, by the command line and by the tests.

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use secrecy::SecretString;
use tokio::sync::Notify;

use crate::catcher::Catcher;
use crate::clock;
use crate::db::{Conn, Db};
use crate::dialer::Dialer;
use crate::domain::actor::Actor;
use crate::domain::churn::variants::{self, Variant};
use crate::domain::drafting::Drafter;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ChurnEventId;
use crate::feed::Feed;
use crate::web::CookieKey;

/// The state behind all surfaces.
#[derive(Clone)]
pub struct State {
    /// The database.
    pub db: Db,
    /// Where people reach this installation, without a slash at the end.
    pub base_url: String,
    /// Whether a mail server is configured.
    pub email_configured: bool,
    /// What Stripe signs its webhooks with.
    pub stripe_secret: Option<Arc<SecretString>>,
    /// Who drafts.
    pub drafter: Arc<dyn Drafter>,
    /// Calls the receivers of webhooks.
    pub dialer: Arc<Dialer>,
    /// Rings when there may be something to send.
    pub wake: Arc<Notify>,
    /// What live pages are told.
    pub feed: Feed,
    /// The built-in mail catcher, in the demo.
    pub catcher: Option<Arc<Catcher>>,
}

impl State {
    /// Reads, off the async threads.
    pub async fn read<T: Send + 'static>(&self, work: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static) -> Result<T> {
        let db = self.db.clone();
        web::block(move || db.read(work)).await.map_err(Error::internal)?
    }

    /// Changes in one transaction, off the async threads, and wakes the worker.
    pub async fn write<T: Send + 'static>(&self, work: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static) -> Result<T> {
        let done = self.quiet_write(work).await;
        self.wake.notify_waiters();
        done
    }

    /// Drafts the nine of a churn event. A model may take a minute, so no transaction is open while it writes.
    pub async fn draft(&self, actor: &Actor, event: &ChurnEventId) -> Result<Vec<Variant>> {
        let (by, id, with_ground) = (actor.clone(), event.clone(), self.drafter.needs_ground());
        let brief = self.quiet_write(move |conn| variants::brief(conn, &by, &id, with_ground, clock::now())).await?;
        let drafted = self.drafter.draft(&brief).await;
        let (by, id) = (actor.clone(), event.clone());
        self.write(move |conn| variants::keep(conn, &by, &id, &brief.sheet, drafted, clock::now())).await
    }

    /// Changes without a ring: for the worker, which does not wake itself, and for what gives it nothing to do.
    pub async fn quiet_write<T: Send + 'static>(&self, work: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static) -> Result<T> {
        let db = self.db.clone();
        web::block(move || db.write(work)).await.map_err(Error::internal)?
    }
}

/// Registers every route of every surface.
pub fn configure(state: State, cookie_key: CookieKey) -> impl FnOnce(&mut ServiceConfig) + Clone {
    move |config: &mut ServiceConfig| {
        config.app_data(web::Data::new(state.clone())).configure(crate::api::configure);
        crate::mcp::configure(&state, config);
        crate::web::configure(&state, &cookie_key, config);
    }
}

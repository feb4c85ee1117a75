//! What every surface shares: built once, by the command line and by the tests.

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use secrecy::SecretString;
use tokio::sync::Notify;

use crate::api::limits::Limits;
use crate::call_log::CallLog;
use crate::catcher::Catcher;
use crate::clock;
use crate::db::{Conn, Db};
use crate::dialer::Dialer;
use crate::doctor::Setup;
use crate::domain::actor::Actor;
use crate::domain::calls;
use crate::domain::churn::variants::{self, Variant};
use crate::domain::contacts::erase::{self, Erased};
use crate::domain::drafting::Drafter;
use crate::domain::error::{Error, Result};
use crate::domain::idempotency;
use crate::domain::ids::{ChurnEventId, ContactId};
use crate::domain::imports::{self, Import, Parsed};
use crate::domain::inbound::sounding::Sounding;
use crate::domain::inbound::{self, Arrived};
use crate::domain::mailboxes::Mailbox;
use crate::feed::Feed;
use crate::oidc::Provider;
use crate::senders::Senders;
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
    /// The model that is asked how answers to surveys sound.
    pub sounding: Option<Sounding>,
    /// Calls the receivers of webhooks.
    pub dialer: Arc<Dialer>,
    /// Rings when there may be something to send.
    pub wake: Arc<Notify>,
    /// What live pages are told.
    pub feed: Feed,
    /// How many calls each key may make.
    pub limits: Arc<Limits>,
    /// Where each call leaves a row.
    pub calls: CallLog,
    /// Keys to sign with and looks at DNS.
    pub senders: Arc<Senders>,
    /// What of the settings the doctor looks at.
    pub setup: Arc<Setup>,
    /// Who vouches for people at sign-in, where one is set.
    pub provider: Option<Arc<Provider>>,
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
        // What is prepared here may be prepared again: the effect of the call are the letters.
        let brief = self.change(false, move |conn| variants::brief(conn, &by, &id, with_ground, clock::now())).await?;
        let drafted = self.drafter.draft(&brief).await;
        let (by, id) = (actor.clone(), event.clone());
        self.write(move |conn| variants::keep(conn, &by, &id, &brief.sheet, drafted, clock::now())).await
    }

    /// Imports the rows of a file that were not looked at yet, on a thread of its own.
    pub fn go_on_importing(&self, actor: Actor, started: Import, parsed: Parsed) {
        let db = self.db.clone();
        actix_web::rt::task::spawn_blocking(move || {
            if let Err(error) = imports::run(&db, &actor, started, &parsed, clock::now, |_| {}) {
                tracing::error!(%error, "an import ended early");
            }
        });
    }

    /// Asks the model how an answer to a survey sounds, where one is configured and it gives no score. No transaction is open meanwhile.
    pub async fn hear(&self, mailbox: &Mailbox, arrived: Arrived) -> Result<Arrived> {
        let Some(model) = &self.sounding else { return Ok(arrived) };
        let mailbox = mailbox.clone();
        let (written, arrived) = self.read(move |conn| Ok((inbound::to_sound(conn, &mailbox, &arrived)?, arrived))).await?;
        let sounds = match &written {
            Some(written) => model.of(written).await,
            None => None,
        };
        Ok(arrived.sounding(sounds))
    }

    /// Erases a person, from the rows and then from the files.
    pub async fn erase(&self, actor: Actor, contact: ContactId) -> Result<Erased> {
        let erased = self.write(move |conn| erase::erase(conn, &actor, &contact, clock::now())).await?;
        self.sweep_files(erased.words.clone()).await;
        Ok(erased)
    }

    /// Looks the files through after an erasure. What cannot be done now is done by a chore of the worker.
    pub async fn sweep_files(&self, words: Vec<String>) {
        if let Err(error) = self.try_to_sweep(words).await {
            tracing::warn!(%error, "the files were not looked through after an erasure; it is tried again");
        }
    }

    async fn try_to_sweep(&self, words: Vec<String>) -> Result<()> {
        let Some(last) = self.read(erase::unswept).await? else { return Ok(()) };
        let db = self.db.clone();
        web::block(move || db.forget(&words)).await.map_err(Error::internal)?.map_err(Error::internal)?;
        self.quiet_write(move |conn| erase::swept(conn, &last)).await
    }

    /// Changes without a ring: for the worker, which does not wake itself, and for what gives it nothing to do.
    pub async fn quiet_write<T: Send + 'static>(&self, work: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static) -> Result<T> {
        self.change(true, work).await
    }

    /// Changes in one transaction. Where the call at hand names an idempotency key, the same transaction marks
    /// that it took effect, or is rolled back since another attempt has its turn.
    async fn change<T: Send + 'static>(&self, takes_effect: bool, work: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static) -> Result<T> {
        let (db, call) = (self.db.clone(), calls::current());
        let change = move || {
            let turn = call.as_ref().and_then(|call| call.turn.clone()).filter(|_| takes_effect);
            let marked = |conn: &mut Conn| {
                if let Some(turn) = &turn {
                    idempotency::take_effect(conn, turn, clock::now())?;
                }
                work(conn)
            };
            calls::during_here(call, || db.write(marked))
        };
        web::block(change).await.map_err(Error::internal)?
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

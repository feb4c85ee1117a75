//! Serving for real.

use std::sync::Arc;

use actix_web::cookie::Key;
use actix_web::{App, HttpServer, middleware};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use super::{Failed, open};
use crate::api::limits::Limits;
use crate::app::{self, State};
use crate::call_log::CallLog;
use crate::clock;
use crate::config::{self, Config};
use crate::db::Db;
use crate::dialer::Dialer;
use crate::domain::accounts::users;
use crate::domain::drafting::{ModelDrafter, Playbook};
use crate::domain::ids::secret;
use crate::domain::settings;
use crate::feed::Feed;
use crate::web::{CookieKey, upload_limits};
use crate::worker;

/// Serves pages and API until a signal, and sends mail unless told not to.
pub(super) fn serve(config: &Config, with_worker: bool) -> Result<(), Failed> {
    let db = open(config)?;
    let transport = config::transport(config)?;
    let base_url = config.base_url();
    note_settings(&db, &base_url, config.oversight.four_eyes)?;
    db.write(|conn| settings::set(conn, settings::CALLS_KEPT_DAYS, &config.calls.kept_days.to_string()))?;
    if let Some(token) = db.write(|conn| users::first_admin_invitation(conn, clock::now()))? {
        println!("Nobody can sign in yet. Become the first administrator, once, at {base_url}/invite/{token}");
    }
    if transport.is_none() {
        tracing::warn!("no mail server is configured (SMTP__URL); nothing can be sent");
    }
    let state = State {
        db: db.clone(),
        base_url,
        email_configured: transport.is_some(),
        stripe_secret: config.stripe.webhook_secret.clone().map(Arc::new),
        drafter: match config::endpoint(config)? {
            Some(endpoint) => {
                tracing::info!(model = %endpoint.model, api = %endpoint.api, "a model drafts; the playbook steps in where it fails");
                Arc::new(ModelDrafter::new(endpoint))
            }
            None => Arc::new(Playbook),
        },
        dialer: Arc::new(Dialer::new(config::allowed(&config.webhooks)?)),
        wake: Arc::new(Notify::new()),
        feed: Feed::default(),
        limits: Arc::new(Limits::new()),
        calls: CallLog::start(db.clone())?,
        catcher: None,
    };
    let listen = config.server.listen.clone();
    actix_web::rt::System::new().block_on(async move {
        let bound = std::net::TcpListener::bind(&listen)?;
        println!("Countersign serves at http://{}", bound.local_addr()?);
        let transport = transport.filter(|_| with_worker);
        run(state, cookie_key(&db)?, bound, transport, with_worker).await
    })
}

/// Sends mail only.
pub(super) fn worker(config: &Config, drain: bool) -> Result<(), Failed> {
    let db = open(config)?;
    let transport = config::transport(config)?.ok_or_else(|| config::ConfigError("smtp.url must be set for a worker.".to_owned()))?;
    let calls = CallLog::start(db.clone())?;
    let state = State {
        db,
        base_url: config.base_url(),
        email_configured: true,
        stripe_secret: None,
        drafter: Arc::new(Playbook),
        dialer: Arc::new(Dialer::new(config::allowed(&config.webhooks)?)),
        wake: Arc::new(Notify::new()),
        feed: Feed::default(),
        limits: Arc::new(Limits::new()),
        calls,
        catcher: None,
    };
    actix_web::rt::System::new().block_on(async move {
        if drain {
            return Ok(worker::drain(state, transport).await?);
        }
        let (sender, receiver) = watch::channel(false);
        let running = actix_web::rt::spawn(worker::run(state, Some(transport), receiver));
        tokio::signal::ctrl_c().await?;
        sender.send_replace(true);
        running.await.map_err(|error| Failed::Other(error.to_string()))
    })
}

/// Writes down what every process on this database must agree on.
pub(super) fn note_settings(db: &Db, base_url: &str, four_eyes: bool) -> Result<(), Failed> {
    db.write(|conn| {
        settings::set(conn, settings::BASE_URL, base_url)?;
        settings::set(conn, settings::FOUR_EYES, if four_eyes { "on" } else { "off" })
    })?;
    Ok(())
}

/// The key that signs cookies, made on first start and shared by all processes.
pub(super) fn cookie_key(db: &Db) -> Result<CookieKey, Failed> {
    let text = db.write(|conn| match settings::get(conn, settings::COOKIE_KEY)? {
        Some(text) => Ok(text),
        None => {
            let text = STANDARD.encode(format!("{}{}", secret(), secret()));
            settings::set(conn, settings::COOKIE_KEY, &text)?;
            Ok::<_, crate::domain::error::Error>(text)
        }
    })?;
    let bytes = STANDARD.decode(text).map_err(|error| Failed::Other(error.to_string()))?;
    Key::try_from(bytes.as_slice()).map(CookieKey).map_err(|error| Failed::Other(error.to_string()))
}

/// Runs server and worker until the server ends.
pub(super) async fn run(
    state: State,
    cookie_key: CookieKey,
    listener: std::net::TcpListener,
    transport: Option<crate::email::Transport>,
    with_worker: bool,
) -> Result<(), Failed> {
    let (sender, receiver) = watch::channel(false);
    // An open stream would otherwise hold the server up until it is cut off.
    let closing = actix_web::rt::spawn(close_at_signal(state.feed.clone()));
    let calls = state.calls.clone();
    let running = with_worker.then(|| actix_web::rt::spawn(worker::run(state.clone(), transport, receiver)));
    let server = HttpServer::new(move || {
        App::new()
            .wrap(middleware::Compress::default())
            .wrap(tracing_actix_web::TracingLogger::<crate::telemetry::Requests>::new())
            .app_data(upload_limits())
            .configure(app::configure(state.clone(), cookie_key.clone()))
    })
    .workers(4)
    .shutdown_timeout(5)
    .listen(listener)?;
    let ended = server.run().await;
    calls.flush();
    closing.abort();
    ended?;
    sender.send_replace(true);
    if let Some(running) = running {
        running.await.map_err(|error| Failed::Other(error.to_string()))?;
    }
    Ok(())
}

/// Ends the streams when the server is told to stop.
async fn close_at_signal(feed: Feed) {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            feed.close();
        }
        Err(error) => tracing::warn!(%error, "no signal can be heard; live pages end when the server does"),
    }
}

//! Serving for real.

use std::process::ExitCode;
use std::sync::Arc;

use actix_web::cookie::Key;
use actix_web::{App, HttpServer, middleware};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use super::{Failed, directory, metrics, open, open_with_files};
use crate::api::limits::Limits;
use crate::app::{self, State};
use crate::beside;
use crate::call_log::CallLog;
use crate::clock;
use crate::config::{self, Config};
use crate::db::{self, Db};
use crate::dialer::Dialer;
use crate::doctor::{self, Check, Standing};
use crate::domain::accounts::users;
use crate::domain::drafting::{ModelDrafter, Playbook};
use crate::domain::ids::secret;
use crate::domain::inbound::sounding::Sounding;
use crate::domain::settings;
use crate::feed::Feed;
use crate::imap::Account;
use crate::oidc::{self, Provider};
use crate::web::{CookieKey, upload_limits};
use crate::worker::{self, Relays};

/// Serves pages and API until a signal, and sends mail unless told not to.
pub(super) fn serve(config: &Config, with_worker: bool) -> Result<(), Failed> {
    let relays = config::relays(config)?;
    let db = open_with_files(open(config)?, config, with_worker && !relays.is_empty())?;
    let base_url = config.base_url();
    note_settings(&db, &base_url, config.oversight.four_eyes)?;
    db.write(|conn| {
        match config.calls.kept_days {
            Some(days) => settings::set(conn, settings::CALLS_KEPT_CONFIGURED, &days.to_string())?,
            None => settings::clear(conn, settings::CALLS_KEPT_CONFIGURED)?,
        }
        settings::set(conn, settings::RECOVERY_WINDOW_DAYS, &config.recovery.window_days.to_string())
    })?;
    if let Some(token) = db.write(|conn| users::first_admin_invitation(conn, clock::now()))? {
        println!("Nobody can sign in yet. Become the first administrator, once, at {base_url}/invite/{token}");
    }
    if relays.is_empty() {
        tracing::warn!("no mail server is configured (SMTP__URL); nothing can be sent");
    }
    let senders = Arc::new(config::senders(config, relays.usual())?);
    let state = State {
        senders,
        db: db.clone(),
        base_url,
        email_configured: !relays.is_empty(),
        stripe_secret: config.stripe.webhook_secret.clone().map(Arc::new),
        sounding: config::endpoint(config)?.map(Sounding::new),
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
        setup: Arc::new(config::setup(config, &directory(config))?),
        provider: provider(&db, config::provider(config)?)?,
        catcher: None,
    };
    let (listen, folders) = (config.server.listen.clone(), config::folders(config)?);
    let numbers = config.metrics.listen;
    actix_web::rt::System::new().block_on(async move {
        metrics::serve(numbers, &db)?;
        let bound = std::net::TcpListener::bind(&listen)?;
        println!("Countersign serves at http://{}", bound.local_addr()?);
        run(state, cookie_key(&db)?, bound, with_worker.then_some((relays, folders))).await
    })
}

/// Sends mail only.
pub(super) fn worker(config: &Config, drain: bool) -> Result<(), Failed> {
    let relays = config::relays(config)?;
    if relays.is_empty() {
        return Err(config::ConfigError("smtp.url must be set for a worker.".to_owned()).into());
    }
    let db = Db::open_lean(&config.database.url, 5)?;
    db::migrate::run(&db)?;
    let db = open_with_files(db, config, true)?;
    let calls = CallLog::start(db.clone())?;
    let senders = Arc::new(config::senders(config, relays.usual())?);
    let state = State {
        senders,
        db,
        base_url: config.base_url(),
        email_configured: true,
        stripe_secret: None,
        drafter: Arc::new(Playbook),
        sounding: config::endpoint(config)?.map(Sounding::new),
        dialer: Arc::new(Dialer::new(config::allowed(&config.webhooks)?)),
        wake: Arc::new(Notify::new()),
        feed: Feed::default(),
        limits: Arc::new(Limits::new()),
        calls,
        setup: Arc::new(config::setup(config, &directory(config))?),
        provider: None,
        catcher: None,
    };
    let folders = config::folders(config)?;
    let (numbers, counted) = (config.metrics.listen, state.db.clone());
    actix_web::rt::System::new().block_on(async move {
        metrics::serve(numbers, &counted)?;
        if drain {
            return Ok(worker::drain(state, relays).await?);
        }
        let (sender, receiver) = watch::channel(false);
        let reading = worker::folders::run(state.clone(), folders, receiver.clone());
        let running = actix_web::rt::spawn(futures_util::future::join(reading, worker::run(state, relays, receiver)));
        tokio::signal::ctrl_c().await?;
        sender.send_replace(true);
        running.await.map(drop).map_err(|error| Failed::Other(error.to_string()))
    })
}

/// Says in words what has to be mended. Ends with 1 where something has to.
pub(super) fn doctor(config: &Config, json: bool) -> Result<ExitCode, Failed> {
    let refused = |error: &dyn std::fmt::Display| {
        let words = format!("{error} Start the database, or mend database.url.");
        vec![Check { part: "database", of: None, standing: Standing::Wrong, words }]
    };
    let checks = match Db::open(&config.database.url, 4) {
        Err(error) => refused(&error),
        // It looks at what is there and brings nothing to this version.
        Ok(db) => looked_at(config, beside::unlock_if_possible(db, &directory(config), config.security.key()))?,
    };
    let wrong = checks.iter().any(|check| check.standing == Standing::Wrong);
    if json {
        println!("{}", serde_json::json!({"ok": !wrong, "checks": checks}));
    } else {
        for check in &checks {
            let of = check.of.as_ref().map(|of| format!(" {of}")).unwrap_or_default();
            println!("{} {}{of}: {}", check.standing, check.part, check.words);
        }
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn looked_at(config: &Config, db: Db) -> Result<Vec<Check>, Failed> {
    let transport = config::transport(config)?;
    let state = State {
        senders: Arc::new(config::senders(config, transport.as_ref())?),
        calls: CallLog::start(db.clone())?,
        db,
        base_url: config.base_url(),
        email_configured: transport.is_some(),
        stripe_secret: None,
        drafter: Arc::new(Playbook),
        sounding: None,
        dialer: Arc::new(Dialer::new(vec![])),
        wake: Arc::new(Notify::new()),
        feed: Feed::default(),
        limits: Arc::new(Limits::new()),
        setup: Arc::new(config::setup(config, &directory(config))?),
        provider: config::provider(config)?.map(made).transpose()?,
        catcher: None,
    };
    Ok(actix_web::rt::System::new().block_on(doctor::look(&state, &state.setup, true))?)
}

/// Writes down what every process on this database must agree on.
pub(super) fn note_settings(db: &Db, base_url: &str, four_eyes: bool) -> Result<(), Failed> {
    db.write(|conn| {
        settings::set(conn, settings::BASE_URL, base_url)?;
        settings::set(conn, settings::FOUR_EYES, if four_eyes { "on" } else { "off" })
    })?;
    Ok(())
}

/// The sign-in provider, where one is set. Every process on the database has to know which it is.
pub(super) fn provider(db: &Db, settings: Option<oidc::Settings>) -> Result<Option<Arc<Provider>>, Failed> {
    db.write(|conn| match &settings {
        Some(provider) => settings::set(conn, settings::SIGN_IN_ISSUER, &provider.issuer),
        None => settings::clear(conn, settings::SIGN_IN_ISSUER),
    })?;
    settings.map(made).transpose()
}

fn made(settings: oidc::Settings) -> Result<Arc<Provider>, Failed> {
    Provider::new(settings).map(Arc::new).map_err(Failed::Other)
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

/// Runs the server until it ends, and beside it, where that is its work, what sends to these relays and reads these folders.
pub(super) async fn run(
    state: State,
    cookie_key: CookieKey,
    listener: std::net::TcpListener,
    work: Option<(Relays, Vec<(String, Account)>)>,
) -> Result<(), Failed> {
    let (sender, receiver) = watch::channel(false);
    // An open stream would otherwise hold the server up until it is cut off.
    let closing = actix_web::rt::spawn(close_at_signal(state.feed.clone()));
    let calls = state.calls.clone();
    let running = work.map(|(relays, folders)| {
        let reading = worker::folders::run(state.clone(), folders, receiver.clone());
        let sending = worker::run(state.clone(), relays, receiver);
        actix_web::rt::spawn(async { futures_util::future::join(reading, sending).await })
    });
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

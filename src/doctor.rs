//! Looks at everything an installation stands on, and says in words what to mend: for `countersign doctor` and for the page.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::app::State;
use crate::beside;
use crate::clock::{self, Time};
use crate::db::health;
use crate::domain::error::{Error, Result};
use crate::domain::installation;
use crate::domain::senders::{self, Look};
use crate::email::{Timeouts, Transport};
use crate::senders as dns;

/// Free space below which the disk is nearly full, in bytes.
const LITTLE_DISK: u64 = 2 * 1024 * 1024 * 1024;
/// Free space below which it counts as full.
const NO_DISK: u64 = 200 * 1024 * 1024;
/// How far two clocks may be apart, in seconds.
const SKEW_SECONDS: i64 = 2;
/// How far they may be apart before times go wrong.
const MOST_SKEW_SECONDS: i64 = 30;
/// A worker that was not heard of for so long is gone, in seconds.
const SILENT_SECONDS: i64 = 90;
/// The shortest secret that nobody guesses, in characters.
const SHORTEST_SECRET: usize = 16;
/// How long the mail server may take for each step here.
const PATIENCE: Duration = Duration::from_secs(8);
/// Words that stand in examples and are no secrets.
const SAMPLES: [&str; 9] = ["changeme", "change-me", "secret", "password", "example", "whsec_test", "sk-test", "your-", "xxxx"];

/// How a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// As it should be.
    Ok,
    /// It works, and should be looked at.
    Warning,
    /// It has to be mended.
    Wrong,
}

impl Standing {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Ok => "ok",
            Standing::Warning => "warning",
            Standing::Wrong => "wrong",
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was found about one part.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was looked at.
    pub part: &'static str,
    /// Which of several, such as a domain.
    pub of: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// What was found, and how to mend it. No secret stands in it.
    pub words: String,
}

impl Check {
    fn new(part: &'static str, standing: Standing, words: impl Into<String>) -> Check {
        Check { part, of: None, standing, words: words.into() }
    }

    fn ok(part: &'static str, words: impl Into<String>) -> Check {
        Check::new(part, Standing::Ok, words)
    }

    fn warning(part: &'static str, words: impl Into<String>) -> Check {
        Check::new(part, Standing::Warning, words)
    }

    fn wrong(part: &'static str, words: impl Into<String>) -> Check {
        Check::new(part, Standing::Wrong, words)
    }

    fn of(self, of: impl Into<String>) -> Check {
        Check { of: Some(of.into()), ..self }
    }
}

/// What of the settings is looked at.
#[derive(Debug, Default)]
pub struct Setup {
    /// The mail servers, each with the mailbox it is for; none for all the others.
    pub relays: Vec<(Option<String>, Transport)>,
    /// Secrets by the name of their setting.
    pub secrets: Vec<(&'static str, SecretString)>,
    /// Where the files beside the database lie.
    pub directory: Option<PathBuf>,
    /// Where keys that sign mail lie.
    pub keys: Option<PathBuf>,
}

/// Looks at everything. `ask` asks DNS anew; without it the last looks are told.
pub async fn look(state: &State, setup: &Setup, ask: bool) -> Result<Vec<Check>> {
    let mut checks = vec![version()];
    let db = state.db.clone();
    let health = actix_web::web::block(move || health::look(&db)).await.map_err(Error::internal)?;
    let health = match health {
        Ok(health) => health,
        Err(error) => {
            checks.push(Check::wrong("database", format!("The database does not answer: {error}. Start it, or mend database.url.")));
            checks.extend(of_settings(state, setup).await);
            return Ok(checks);
        }
    };
    checks.extend(of_database(&health));
    if health.pending.is_empty() && health.unknown.is_none() {
        let now = clock::now();
        let found = state.read(move |conn| installation::vital_signs(conn, now)).await?;
        checks.push(clock_of(&health, found.latest, now));
        checks.push(worker_of(found.beat, now, setup.relays.is_empty()));
        checks.push(stops_of(found.stopped));
        checks.push(of_sealing(state.db.has_key(), found.is_sealed));
        checks.push(match found.cookie_key_length {
            0 => Check::warning("secret", "The key that signs cookies is not there yet. It is made at the first start of the server.").of("cookies"),
            1..=63 => Check::wrong("secret", "The key that signs cookies is too short. Remove the row cookie_key from settings and start the server: a new one is made, and everybody signs in again.").of("cookies"),
            _ => Check::ok("secret", "The key that signs cookies is long enough.").of("cookies"),
        });
        let looks = if ask { dns::look_at_all(state).await? } else { state.read(senders::looks).await? };
        checks.extend(of_dns(&looks));
    }
    checks.extend(of_settings(state, setup).await);
    Ok(checks)
}

fn version() -> Check {
    Check::ok("version", format!("Countersign {}.", env!("CARGO_PKG_VERSION")))
}

fn of_database(health: &health::Health) -> Vec<Check> {
    let mut checks = vec![Check::ok("database", format!("{} answers.", health.version))];
    checks.push(match &health.unsafe_setting {
        None => Check::ok("durability", "What is committed is on the disk: a power cut loses no approval."),
        Some((name, value)) => Check::wrong("durability", format!("{name} is {value}; a power cut could lose approvals. Switch it on.")),
    });
    checks.push(match (&health.unknown, health.pending.as_slice()) {
        (Some(unknown), _) => Check::wrong(
            "migrations",
            format!("The database was written by a newer version: it has {unknown}, which is unknown here. Start that version."),
        ),
        (None, []) => Check::ok("migrations", "The database is at this version."),
        (None, pending) => Check::warning(
            "migrations",
            format!(
                "{} migrations are pending, the first is {}. Make a backup; the next start of this version runs them.",
                pending.len(),
                pending[0]
            ),
        ),
    });
    checks
}

fn clock_of(health: &health::Health, latest: Option<Time>, now: Time) -> Check {
    if let Some(server) = health.server_time {
        let skew = server.seconds_since(health.asked_at);
        let words = |more: &str| format!("This clock and that of the database server are {} seconds apart.{more}", skew.abs());
        let synchronise = " Let both follow a time server (NTP).";
        return match skew.abs() {
            0..=SKEW_SECONDS => Check::ok("clock", "This clock and that of the database server agree."),
            3..=MOST_SKEW_SECONDS => Check::warning("clock", words(synchronise)),
            _ => Check::wrong("clock", words(synchronise)),
        };
    }
    match latest.map(|latest| latest.seconds_since(now)) {
        Some(ahead) if ahead > SKEW_SECONDS => Check::wrong(
            "clock",
            format!("The last change on record lies {ahead} seconds in the future, so this clock went back. Let it follow a time server (NTP)."),
        ),
        _ => Check::ok("clock", format!("It is {}, and nothing on record lies in the future.", now.for_people())),
    }
}

fn worker_of(beat: Option<Time>, now: Time, no_relay: bool) -> Check {
    let start = "Run countersign serve without --no-worker, or countersign worker.";
    match beat {
        None if no_relay => Check::warning("worker", format!("No worker has run yet, and no mail server is set. {start}")),
        None => Check::wrong("worker", format!("No worker has run yet, so nothing leaves. {start}")),
        Some(beat) if now.seconds_since(beat) > SILENT_SECONDS => {
            Check::wrong("worker", format!("No worker was heard of since {}, so nothing leaves. {start}", beat.for_people()))
        }
        Some(_) => Check::ok("worker", "A worker runs."),
    }
}

/// Secrets of second factors and of provenance lie sealed, with a key outside of the database.
fn of_sealing(has_key: bool, is_sealed: bool) -> Check {
    match (has_key, is_sealed) {
        (true, _) => Check::ok(
            "secret",
            "Secrets of second factors, provenance, webhooks and sources are sealed, and the key is here. Keep a copy of it apart from the backups.",
        )
        .of("sealing"),
        (false, true) => Check::wrong(
            "secret",
            "Secrets in the database are sealed and the key is not here, or another. Put it back (docs/OPERATIONS.md, Sealed secrets).",
        )
        .of("sealing"),
        (false, false) => Check::warning(
            "secret",
            "Secrets of second factors, provenance, webhooks and sources lie open in the database. The next start of the server seals them.",
        )
        .of("sealing"),
    }
}

fn stops_of(stopped: bool) -> Check {
    match stopped {
        true => Check::warning("sending", "All sending is stopped. The page Sending says by whom and why, and resumes it."),
        false => Check::ok("sending", "Sending is not stopped."),
    }
}

fn of_dns(looks: &[Look]) -> Vec<Check> {
    let standing = |found: senders::Standing| match found {
        senders::Standing::Good => Standing::Ok,
        senders::Standing::Bad => Standing::Wrong,
        senders::Standing::Warn | senders::Standing::Unknown => Standing::Warning,
    };
    let part = |part: &str| match part {
        "spf" => "spf",
        "dkim" => "dkim",
        "dmarc" => "dmarc",
        _ => "relay name",
    };
    let one = |look: &Look| {
        let of = look.domain.clone();
        let all: Vec<Check> =
            look.findings.iter().map(|found| Check::new(part(&found.part), standing(found.standing), found.words.clone()).of(of.clone())).collect();
        all
    };
    looks.iter().flat_map(one).collect()
}

async fn of_settings(state: &State, setup: &Setup) -> Vec<Check> {
    let mut checks = vec![];
    if setup.relays.is_empty() {
        checks.push(Check::wrong("smtp", "No mail server is set, so nothing can be sent. Set smtp.url."));
    }
    for (mailbox, relay) in &setup.relays {
        let check = of_relay(relay).await;
        checks.push(match mailbox {
            Some(mailbox) => check.of(mailbox.clone()),
            None => check,
        });
    }
    if let Some(provider) = &state.provider {
        checks.push(match provider.look().await {
            Ok(()) => Check::ok("sign-in", format!("{} answers.", provider.name())),
            Err(_) => Check::wrong(
                "sign-in",
                format!("{} does not answer as an OpenID Connect provider does, so nobody can sign in with it. Look at oidc.issuer, and at the log for the cause.", provider.name()),
            ),
        });
    }
    checks.push(of_base_url(&state.base_url));
    let paths: Vec<(&'static str, PathBuf)> =
        [("the database", state.db.url().strip_prefix("sqlite://").map(PathBuf::from)), ("the files beside the database", setup.directory.clone())]
            .into_iter()
            .filter_map(|(what, path)| Some((what, path?)))
            .collect();
    let (keys, file) = (setup.keys.clone(), state.db.url().strip_prefix("sqlite://").map(PathBuf::from));
    let sealing = setup.directory.as_ref().map(|directory| beside::key_of(state.db.url(), directory));
    let of_files = move || {
        let mut checks: Vec<Check> = paths.iter().map(|(what, path)| of_disk(what, path)).collect();
        checks.extend(of_permissions(file.as_deref(), keys.as_deref(), sealing));
        checks
    };
    checks.extend(actix_web::web::block(of_files).await.unwrap_or_default());
    checks.extend(setup.secrets.iter().map(|(name, secret)| of_secret(name, secret.expose_secret())));
    checks
}

async fn of_relay(relay: &Transport) -> Check {
    let quick = Timeouts { connect: PATIENCE, command: PATIENCE, ..Timeouts::default() };
    let relay = relay.clone().with_timeouts(quick);
    match tokio::time::timeout(PATIENCE * 4, relay.try_out()).await {
        Ok(Ok(())) if relay.is_open() => Check::warning(
            "smtp",
            "The mail server answers, but mail goes to it over an open line. Use smtp+starttls:// or smtps:// where it offers that.",
        ),
        Ok(Ok(())) => Check::ok("smtp", format!("{} answers.", relay.in_words())),
        Ok(Err(why)) => Check::wrong("smtp", format!("The mail server cannot be used: {why} Look at smtp.url and whether it runs.")),
        Err(_) => Check::wrong("smtp", "The mail server says nothing. Look at smtp.url, whether it runs, and whether a firewall is between."),
    }
}

fn of_base_url(base_url: &str) -> Check {
    let local = ["http://127.", "http://localhost", "http://[::1]"].iter().any(|start| base_url.starts_with(start));
    match (base_url.starts_with("https://"), local) {
        (true, _) => Check::ok("base url", format!("Links lead to {base_url}.")),
        (false, true) => {
            Check::warning("base url", format!("Links lead to {base_url}, which only this machine reaches. Set server.base_url before mail leaves."))
        }
        (false, false) => Check::wrong(
            "base url",
            format!(
                "Links lead to {base_url}, which is not encrypted; one-click unsubscribe needs https. Put a TLS proxy in front and set server.base_url."
            ),
        ),
    }
}

fn of_disk(what: &str, path: &Path) -> Check {
    let folder = if path.is_dir() { path } else { path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")) };
    match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let words = format!("{} MB are free for {what}.", free / 1_000_000);
            match free {
                0..NO_DISK => Check::wrong("disk", format!("{words} Make room now: without it nothing is approved and nobody can unsubscribe.")),
                NO_DISK..LITTLE_DISK => Check::warning("disk", format!("{words} Make room before it is full.")),
                _ => Check::ok("disk", words),
            }
        }
        Err(error) => Check::wrong("disk", format!("The folder of {what} cannot be looked at: {error}. Look at database.url and data.directory.")),
    }
}

/// Others on the machine must read neither the database nor the keys.
fn of_permissions(database: Option<&Path>, keys: Option<&Path>, sealing: Option<PathBuf>) -> Vec<Check> {
    let open = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o007 != 0);
    let mut checks = vec![];
    if let Some(path) = database
        && open(path)
        && path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || open(folder))
    {
        checks.push(Check::warning("permissions", format!("Everybody on this machine can read the database. Run chmod 600 {}.", path.display())));
    }
    let files = keys.and_then(|keys| std::fs::read_dir(keys).ok()).into_iter().flatten().flatten();
    let signing = files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ending| ending == "pem"));
    for path in signing.chain(sealing) {
        if std::fs::metadata(&path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
            checks.push(Check::wrong("permissions", format!("Others can read a private key. Run chmod 600 {}.", path.display())));
        }
    }
    checks
}

fn of_secret(name: &'static str, secret: &str) -> Check {
    let lower = secret.to_ascii_lowercase();
    let check = if SAMPLES.iter().any(|sample| lower.starts_with(sample)) {
        Check::wrong("secret", format!("{name} is that of an example. Enter the real one."))
    } else if secret.chars().count() < SHORTEST_SECRET {
        Check::warning("secret", format!("{name} is shorter than {SHORTEST_SECRET} characters and may be guessed. Use a longer one."))
    } else {
        Check::ok("secret", format!("{name} is set and long enough."))
    };
    check.of(name)
}

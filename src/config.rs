//! Settings: `countersign.toml`, each also as `COUNTERSIGN_SECTION__KEY` in the environment.

mod oidc;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::dialer::Allowed;
use crate::dns::Dns;
use crate::doctor::Setup;
use crate::domain::churn::window;
use crate::domain::email_address::EmailAddress;
use crate::email::Transport;
use crate::email::dkim::KeyRing;
use crate::imap::Account;
use crate::llm::{Api, Endpoint};
use crate::senders::Senders;
use crate::worker::Relays;
use crate::worker::relays::{CONNECTIONS, KEY_HEADER};

pub use oidc::{Oidc, provider, provider_alone};

/// Name of the file read from the working directory.
pub const FILE: &str = "countersign.toml";

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database.
    pub database: Database,
    /// What lies beside the database.
    pub data: Data,
    /// Where pages and API are served.
    pub server: Server,
    /// Where mail goes.
    pub smtp: Smtp,
    /// Where mail comes from.
    pub imap: Imap,
    /// Where customers leaving are reported from.
    pub stripe: Stripe,
    /// The model that drafts, where one does.
    pub llm: Llm,
    /// Who decides.
    pub oversight: Oversight,
    /// Where webhooks may go.
    pub webhooks: Webhooks,
    /// The log of calls.
    pub calls: Calls,
    /// Numbers for monitoring.
    pub metrics: Metrics,
    /// Signatures of mail.
    pub dkim: Dkim,
    /// Questions to DNS.
    pub dns: DnsSection,
    /// When a departure counts as lost.
    pub recovery: Recovery,
    /// The sign-in provider.
    pub oidc: Oidc,
    /// What seals secrets in the database.
    pub security: Security,
}

/// `[security]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// `COUNTERSIGN_SECURITY__SECRET`: the key of what lies in the database sealed, 32 characters or more. Without it that of the file beside
    /// the database, which the first start makes.
    pub secret: Option<SecretString>,
}

impl Security {
    /// The key that the settings give.
    pub fn key(&self) -> Option<&str> {
        self.secret.as_ref().map(ExposeSecret::expose_secret)
    }
}

/// `[database]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `COUNTERSIGN_DATABASE__URL`: `sqlite://PATH` or `postgres://…`.
    pub url: String,
}

/// `[data]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// `COUNTERSIGN_DATA__DIRECTORY`: the folder of the files beside the database. Without it that of the SQLite file, or
    /// the working directory.
    pub directory: Option<PathBuf>,
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `COUNTERSIGN_SERVER__LISTEN`: address and port.
    pub listen: String,
    /// `COUNTERSIGN_SERVER__BASE_URL`: where people and mail programs reach this installation.
    pub base_url: Option<String>,
}

/// `[smtp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// `COUNTERSIGN_SMTP__URL`: `smtp://`, `smtps://`, `smtp+starttls://` or `file://DIR`.
    pub url: Option<SecretString>,
    /// `[smtp.mailboxes]`: another relay for a mailbox, by its address. In the file alone.
    #[serde(default)]
    pub mailboxes: BTreeMap<String, SecretString>,
    /// `COUNTERSIGN_SMTP__CONNECTIONS`: connections to each relay at most, 1 to 64.
    pub connections: usize,
    /// `COUNTERSIGN_SMTP__KEY_HEADER`: the header with the key by which a relay drops repeats.
    pub key_header: String,
    /// `COUNTERSIGN_SMTP__LOG`: the log file of the relay, where this process can read it.
    pub log: Option<PathBuf>,
}

/// `[imap]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imap {
    /// `[imap.mailboxes]`: the folder from which the mail of a mailbox is read, by its address, such as
    /// `imaps://USER:PASSWORD@imap.example.com/INBOX`. In the file alone.
    #[serde(default)]
    pub mailboxes: BTreeMap<String, SecretString>,
    /// `COUNTERSIGN_IMAP__CA_FILE`: certificates in PEM that are trusted as well as those of the web.
    pub ca_file: Option<PathBuf>,
}

/// `[stripe]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    /// `COUNTERSIGN_STRIPE__WEBHOOK_SECRET`: what Stripe signs its webhooks with.
    pub webhook_secret: Option<SecretString>,
}

/// `[llm]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// `COUNTERSIGN_LLM__URL`: the address of the model endpoint. Without one the playbook drafts.
    pub url: Option<String>,
    /// `COUNTERSIGN_LLM__MODEL`: the model's name there.
    pub model: Option<String>,
    /// `COUNTERSIGN_LLM__API_KEY`: the key, where one is needed.
    pub api_key: Option<SecretString>,
    /// `COUNTERSIGN_LLM__API`: `openai`, `anthropic` or `ollama`; read off the address when not set.
    pub api: Option<String>,
    /// `COUNTERSIGN_LLM__TIMEOUT_SECONDS`: the longest one call may take, 1 to 600.
    pub timeout_seconds: u64,
}

/// `[oversight]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oversight {
    /// `COUNTERSIGN_OVERSIGHT__FOUR_EYES`: nobody decides what they wrote. Switch it off only where one person works alone.
    pub four_eyes: bool,
}

/// `[calls]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// `COUNTERSIGN_CALLS__KEPT_DAYS`: for how many days the log of calls is kept, 1 to 3650. Without it what the page Privacy says.
    pub kept_days: Option<u32>,
}

/// `[dkim]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dkim {
    /// `COUNTERSIGN_DKIM__DIRECTORY`: where private keys are kept, one file each, which only this server may read; every
    /// server and worker of one installation needs the same. Beside a SQLite database when not set.
    pub directory: Option<PathBuf>,
}

/// `[dns]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsSection {
    /// `COUNTERSIGN_DNS__SERVER`: address and port of a name server; those of the system when not set.
    pub server: Option<String>,
}

/// `[recovery]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// `COUNTERSIGN_RECOVERY__WINDOW_DAYS`: for how many days after the last letter a customer may still come back
    /// before the departure counts as lost, 1 to 365. A change holds for letters that leave after it.
    pub window_days: u32,
}

/// `[metrics]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// `COUNTERSIGN_METRICS__LISTEN`: address and port at which `/metrics` is served; none without it. Nobody is asked who
    /// they are there, so it belongs on loopback or into a network of its own.
    pub listen: Option<SocketAddr>,
}

/// `[webhooks]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// `COUNTERSIGN_WEBHOOKS__ALLOW_PRIVATE`: hosts with their port that may be called although they are private or
    /// without TLS, such as `127.0.0.1:9000`; a list, or one text with commas.
    #[serde(default)]
    pub allow_private: OneOrMany,
}

/// A list, which an environment variable holds as one text with commas.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a list of texts, or one text with commas")]
pub enum OneOrMany {
    /// As in the environment.
    One(String),
    /// As in the file.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The texts.
    fn texts(&self) -> Vec<String> {
        let all: Vec<&str> = match self {
            OneOrMany::One(text) => text.split(',').collect(),
            OneOrMany::Many(list) => list.iter().map(String::as_str).collect(),
        };
        all.into_iter().map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
    }
}

impl Default for OneOrMany {
    fn default() -> Self {
        OneOrMany::Many(vec![])
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0} Nothing was started.")]
pub struct ConfigError(pub String);

/// Reads file and environment.
pub fn load(file: &Path) -> Result<Config, ConfigError> {
    let defaults = serde_json::json!({
        "database": {"url": "sqlite://countersign.db"},
        "data": {},
        "security": {},
        "server": {"listen": "127.0.0.1:8080", "base_url": null},
        "imap": {},
        "smtp": {"connections": CONNECTIONS, "key_header": KEY_HEADER},
        "stripe": {},
        "llm": {"timeout_seconds": 60},
        "oversight": {"four_eyes": true},
        "webhooks": {},
        "calls": {},
        "metrics": {},
        "dkim": {},
        "dns": {},
        "recovery": {"window_days": window::WINDOW_DAYS},
        "oidc": {},
    });
    let config: Config = sources(file, defaults).extract().map_err(|error| unreadable(&error))?;
    check(&config)?;
    Ok(config)
}

fn sources(file: &Path, defaults: serde_json::Value) -> Figment {
    Figment::from(Serialized::defaults(defaults))
        .merge(Toml::file(file))
        .merge(Env::prefixed("COUNTERSIGN_").filter(|key| key.as_str().contains("__")).split("__"))
}

fn unreadable(error: &figment::Error) -> ConfigError {
    let key = error.path.join(".");
    let place = error.metadata.as_ref().map_or_else(|| FILE.to_owned(), |metadata| metadata.name.to_string());
    ConfigError(format!("{place}: {key}: {}.", error.kind))
}

/// The section about webhooks alone, for the demo, which needs no other.
pub fn webhooks(file: &Path) -> Result<Webhooks, ConfigError> {
    sources(file, serde_json::json!({"webhooks": {}})).extract_inner("webhooks").map_err(|error| unreadable(&error))
}

/// The private addresses that webhooks may go to.
pub fn allowed(webhooks: &Webhooks) -> Result<Vec<Allowed>, ConfigError> {
    let all = webhooks.allow_private.texts();
    all.iter()
        .map(|one| {
            let wrong = || ConfigError(format!("webhooks.allow_private must list hosts with their port such as 127.0.0.1:9000; got \"{one}\"."));
            Allowed::parse(one).ok_or_else(wrong)
        })
        .collect()
}

fn check(config: &Config) -> Result<(), ConfigError> {
    config
        .server
        .listen
        .parse::<std::net::SocketAddr>()
        .map_err(|_| ConfigError(format!("server.listen must be an address and a port such as 127.0.0.1:8080; got \"{}\".", config.server.listen)))?;
    if let Some(base) = &config.server.base_url {
        let fits = url::Url::parse(base).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !fits {
            return Err(ConfigError(format!("server.base_url must be an address such as https://mail.example.com; got \"{base}\".")));
        }
    }
    if let Some(days) = config.calls.kept_days.filter(|days| !(1..=3650).contains(days)) {
        return Err(ConfigError(format!("calls.kept_days must be a number of days from 1 to 3650; got {days}.")));
    }
    if !(1..=365).contains(&config.recovery.window_days) {
        return Err(ConfigError(format!("recovery.window_days must be a number of days from 1 to 365; got {}.", config.recovery.window_days)));
    }
    endpoint(config)?;
    provider(config)?;
    allowed(&config.webhooks)?;
    folders(config)?;
    relays(config).map(drop)
}

/// The model endpoint, if one is set.
pub fn endpoint(config: &Config) -> Result<Option<Endpoint>, ConfigError> {
    let wrong = |text: String| Err(ConfigError(text));
    // An empty variable is how a container file says that there is none.
    let given = |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let llm = &config.llm;
    if !(1..=600).contains(&llm.timeout_seconds) {
        return wrong(format!("llm.timeout_seconds must be 1 to 600; got {}.", llm.timeout_seconds));
    }
    let Some(url) = given(&llm.url) else { return Ok(None) };
    // The address is not repeated in the text: it may hold a password.
    if !url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return wrong("llm.url must be an address such as https://api.openai.com/v1 or http://127.0.0.1:11434.".to_owned());
    }
    let Some(model) = given(&llm.model) else {
        return wrong("llm.model must name the model to ask at llm.url. Set it, or remove llm.url to draft with the playbook alone.".to_owned());
    };
    let api = match given(&llm.api) {
        None => Api::of(&url),
        Some(word) => word.parse().map_err(|expected| ConfigError(format!("llm.api must be {expected}.")))?,
    };
    Ok(Some(Endpoint { api, url, model, api_key: llm.api_key.clone(), timeout: Duration::from_secs(llm.timeout_seconds) }))
}

/// The mail server, if one is set.
pub fn transport(config: &Config) -> Result<Option<Transport>, ConfigError> {
    use secrecy::ExposeSecret;
    let Some(url) = &config.smtp.url else { return Ok(None) };
    Transport::parse(url.expose_secret()).map(Some).map_err(|error| ConfigError(format!("smtp.url: {error}")))
}

/// What of the settings the doctor looks at.
pub fn setup(config: &Config, directory: &Path) -> Result<Setup, ConfigError> {
    use secrecy::ExposeSecret;
    let mut relays: Vec<(Option<String>, Transport)> = transport(config)?.map(|usual| (None, usual)).into_iter().collect();
    for (address, url) in &config.smtp.mailboxes {
        let parsed = Transport::parse(url.expose_secret()).map_err(|error| ConfigError(format!("smtp.mailboxes.\"{address}\": {error}")))?;
        relays.push((Some(address.clone()), parsed));
    }
    let secrets = [
        ("stripe.webhook_secret", &config.stripe.webhook_secret),
        ("llm.api_key", &config.llm.api_key),
        ("oidc.client_secret", &config.oidc.client_secret),
        ("security.secret", &config.security.secret),
    ];
    Ok(Setup {
        relays,
        secrets: secrets.into_iter().filter_map(|(name, secret)| Some((name, secret.clone()?))).collect(),
        directory: Some(directory.to_owned()),
        keys: dkim_directory(config),
    })
}

fn dkim_directory(config: &Config) -> Option<PathBuf> {
    let beside = config.database.url.strip_prefix("sqlite://").map(|path| Path::new(path).with_file_name("dkim"));
    config.dkim.directory.clone().or(beside)
}

/// Keys, DNS and the relay behind the sender domains.
pub fn senders(config: &Config, transport: Option<&Transport>) -> Result<Senders, ConfigError> {
    let server = match &config.dns.server {
        Some(text) => {
            let wrong = || ConfigError(format!("dns.server must be an address and a port such as 192.0.2.53:53; got \"{text}\"."));
            Some(text.parse().map_err(|_| wrong())?)
        }
        None => None,
    };
    let dns = Dns::new(server).unwrap_or_else(|error| {
        tracing::warn!(error, "no name server is known; sender domains are not looked at");
        Dns::default()
    });
    Ok(Senders { keys: KeyRing::new(dkim_directory(config)), dns, relay: transport.and_then(Transport::outside) })
}

/// The mail servers, one of them for whatever has no other.
pub fn relays(config: &Config) -> Result<Relays, ConfigError> {
    use secrecy::ExposeSecret;
    let smtp = &config.smtp;
    if !(1..=64).contains(&smtp.connections) {
        return Err(ConfigError(format!("smtp.connections must be 1 to 64; got {}.", smtp.connections)));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !(1..=60).contains(&smtp.key_header.len()) || !smtp.key_header.bytes().all(plain) {
        return Err(ConfigError("smtp.key_header must be the name of a header: letters, digits and hyphens.".to_owned()));
    }
    let mut relays = Relays::one(transport(config)?).with_connections(smtp.connections).with_key_header(&smtp.key_header).with_log(smtp.log.clone());
    for (address, url) in &smtp.mailboxes {
        let wrong = |why: String| ConfigError(format!("smtp.mailboxes.\"{address}\": {why}"));
        let key = EmailAddress::parse("mailbox", address).map_err(|error| wrong(error.detail))?;
        relays = relays.with(key.key(), Transport::parse(url.expose_secret()).map_err(|error| wrong(error.to_string()))?);
    }
    Ok(relays)
}

/// The folders from which mail is read, each with the mailbox it is for.
pub fn folders(config: &Config) -> Result<Vec<(String, Account)>, ConfigError> {
    use secrecy::ExposeSecret;
    let roots = match &config.imap.ca_file {
        Some(file) => Some(std::fs::read(file).map_err(|error| ConfigError(format!("imap.ca_file: {} cannot be read: {error}.", file.display())))?),
        None => None,
    };
    let mut all = vec![];
    for (address, url) in &config.imap.mailboxes {
        let wrong = |why: &str| ConfigError(format!("imap.mailboxes.\"{address}\" {why}"));
        let key = EmailAddress::parse("mailbox", address).map_err(|error| wrong(&error.detail))?;
        let account = Account::parse(url.expose_secret()).map_err(wrong)?;
        let account = match &roots {
            Some(pem) => account.trusting(pem).map_err(|why| ConfigError(format!("imap.ca_file {why}")))?,
            None => account,
        };
        all.push((key.key().to_owned(), account));
    }
    Ok(all)
}

impl Config {
    /// The base URL without a slash at the end.
    pub fn base_url(&self) -> String {
        let given = self.server.base_url.clone().unwrap_or_else(|| format!("http://{}", self.server.listen));
        given.trim_end_matches('/').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(section: &str) -> Result<Option<Endpoint>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, format!("[llm]\n{section}")).unwrap();
        load(&file).and_then(|config| endpoint(&config)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_model_needs_an_address_and_a_name() {
        assert!(model("").unwrap().is_none());
        assert!(model("url = \" \"\nmodel = \"small\"").unwrap().is_none(), "an empty address is none");
        let found = model("url = \"http://127.0.0.1:11434\"\nmodel = \"small\"\napi_key = \"sk-1\"").unwrap().unwrap();
        assert_eq!((found.api, found.model.as_str(), found.timeout), (Api::Ollama, "small", Duration::from_secs(60)));
        assert!(!format!("{found:?}").contains("sk-1"));
        let found = model("url = \"https://models.example/v1\"\nmodel = \"m\"\napi = \"anthropic\"\ntimeout_seconds = 600").unwrap().unwrap();
        assert_eq!((found.api, found.timeout), (Api::Anthropic, Duration::from_secs(600)));
        let wrong = [
            (
                "url = \"https://models.example\"",
                "llm.model must name the model to ask at llm.url. Set it, or remove llm.url to draft with the playbook alone.",
            ),
            ("url = \"https://models.example\"\nmodel = \"\"", "llm.model must name the model"),
            ("url = \"user:secret@models\"\nmodel = \"m\"", "llm.url must be an address such as"),
            ("url = \"https://models.example\"\nmodel = \"m\"\napi = \"grpc\"", "llm.api must be one of openai, anthropic, ollama; got \"grpc\"."),
            ("timeout_seconds = 0", "llm.timeout_seconds must be 1 to 600; got 0."),
            ("timeout_seconds = 601", "llm.timeout_seconds must be 1 to 600; got 601."),
        ];
        for (section, text) in wrong {
            let error = model(section).unwrap_err();
            assert!(error.starts_with(text) && !error.contains("secret"), "{section}: {error}");
        }
    }

    #[test]
    fn private_targets_are_listed_with_their_port() {
        let allowed = |section: &str| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(FILE);
            std::fs::write(&file, format!("[webhooks]\n{section}")).unwrap();
            let alone = webhooks(&file).and_then(|found| super::allowed(&found)).map_err(|error| error.to_string());
            assert_eq!(alone, load(&file).and_then(|config| super::allowed(&config.webhooks)).map_err(|error| error.to_string()));
            alone.map(|all| all.len())
        };
        assert_eq!(allowed(""), Ok(0));
        assert_eq!(allowed("allow_private = [\"127.0.0.1:9000\", \"[::1]:9000\", \"hooks.internal:80\"]"), Ok(3));
        assert_eq!(allowed("allow_private = \"127.0.0.1:9000, hooks.internal:80\""), Ok(2));
        for wrong in ["127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:80", "a@b:80", "a:80/x", "10.0.0.0/8:80"] {
            let error = allowed(&format!("allow_private = [\"{wrong}\"]")).unwrap_err();
            assert!(error.starts_with("webhooks.allow_private must list hosts with their port"), "{wrong}: {error}");
        }
    }
}

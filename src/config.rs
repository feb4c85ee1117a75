//! Settings: `countersign.toml`, each also as `COUNTERSIGN_SECTION__KEY` in the environment.

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::email::Transport;

/// Name of the file read from the working directory.
pub const FILE: &str = "countersign.toml";

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database.
    pub database: Database,
    /// Where pages and API are served.
    pub server: Server,
    /// Where mail goes.
    pub smtp: Smtp,
    /// Where customers leaving are reported from.
    pub stripe: Stripe,
    /// Who decides.
    pub oversight: Oversight,
}

/// `[database]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `COUNTERSIGN_DATABASE__URL`: `sqlite://PATH` or `postgres://…`.
    pub url: String,
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
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// `COUNTERSIGN_SMTP__URL`: `smtp://`, `smtps://`, `smtp+starttls://` or `file://DIR`.
    pub url: Option<SecretString>,
}

/// `[stripe]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    /// `COUNTERSIGN_STRIPE__WEBHOOK_SECRET`: what Stripe signs its webhooks with.
    pub webhook_secret: Option<SecretString>,
}

/// `[oversight]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oversight {
    /// `COUNTERSIGN_OVERSIGHT__FOUR_EYES`: nobody decides what they wrote. Switch it off only where one person works alone.
    pub four_eyes: bool,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0} Nothing was started.")]
pub struct ConfigError(pub String);

/// Reads file and environment.
pub fn load(file: &Path) -> Result<Config, ConfigError> {
    let defaults = serde_json::json!({
        "database": {"url": "sqlite://countersign.db"},
        "server": {"listen": "127.0.0.1:8080", "base_url": null},
        "smtp": {},
        "stripe": {},
        "oversight": {"four_eyes": true},
    });
    let config: Config = Figment::from(Serialized::defaults(defaults))
        .merge(Toml::file(file))
        .merge(Env::prefixed("COUNTERSIGN_").filter(|key| key.as_str().contains("__")).split("__"))
        .extract()
        .map_err(|error| {
            let key = error.path.join(".");
            let place = error.metadata.as_ref().map_or_else(|| FILE.to_owned(), |metadata| metadata.name.to_string());
            ConfigError(format!("{place}: {key}: {}.", error.kind))
        })?;
    check(&config)?;
    Ok(config)
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
    transport(config).map(drop)
}

/// The mail server, if one is set.
pub fn transport(config: &Config) -> Result<Option<Transport>, ConfigError> {
    use secrecy::ExposeSecret;
    let Some(url) = &config.smtp.url else { return Ok(None) };
    Transport::parse(url.expose_secret()).map(Some).map_err(|error| ConfigError(format!("smtp.url: {error}")))
}

impl Config {
    /// The base URL without a slash at the end.
    pub fn base_url(&self) -> String {
        let given = self.server.base_url.clone().unwrap_or_else(|| format!("http://{}", self.server.listen));
        given.trim_end_matches('/').to_owned()
    }
}

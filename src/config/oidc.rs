//! `[oidc]`: the sign-in provider.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::{Config, ConfigError, OneOrMany, sources, unreadable};
use crate::dialer;
use crate::domain::actor::Role;
use crate::oidc::{FactorRule, Settings};

/// `[oidc]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// `COUNTERSIGN_OIDC__ISSUER`: the address of the OpenID Connect provider that people may sign in with.
    pub issuer: Option<String>,
    /// `COUNTERSIGN_OIDC__CLIENT_ID`: our name there.
    pub client_id: Option<String>,
    /// `COUNTERSIGN_OIDC__CLIENT_SECRET`: our secret there; none for a public client.
    pub client_secret: Option<SecretString>,
    /// `COUNTERSIGN_OIDC__CA_FILE`: certificates in PEM that are trusted for the provider as well as those of the web.
    pub ca_file: Option<PathBuf>,
    /// `COUNTERSIGN_OIDC__NAME`: what people call it, for the button; its host when not set.
    pub name: Option<String>,
    /// `COUNTERSIGN_OIDC__SCOPES`: what is asked for besides `openid`; a list, or one text with commas. `email, profile` when not set.
    pub scopes: Option<OneOrMany>,
    /// `COUNTERSIGN_OIDC__ROLE_CLAIM`: the claim that roles are read from, such as `groups` or `/realm_access/roles`.
    pub role_claim: Option<String>,
    /// `COUNTERSIGN_OIDC__ROLES`: the role behind each value of that claim: `{desk-admins = "admin", desk = "reviewer"}`.
    #[serde(default)]
    pub roles: BTreeMap<String, String>,
    /// `COUNTERSIGN_OIDC__SECOND_FACTOR`: whether a sign-in there counts as one with a second factor: `here` (it does not),
    /// `claimed` (where it says so) or `provider` (always).
    pub second_factor: Option<String>,
    /// `COUNTERSIGN_OIDC__ACR`: the authentication context that is asked for, and that counts as a second factor with `claimed`.
    pub acr: Option<String>,
}

/// The provider, if one is set.
pub fn provider(config: &Config) -> Result<Option<Settings>, ConfigError> {
    read(&config.oidc, &config.base_url())
}

/// The same of that section alone, for the demo, which needs few others.
pub fn provider_alone(file: &Path, base_url: &str) -> Result<Option<Settings>, ConfigError> {
    let section = sources(file, serde_json::json!({"oidc": {}})).extract_inner("oidc").map_err(|error| unreadable(&error))?;
    read(&section, base_url)
}

fn read(oidc: &Oidc, base_url: &str) -> Result<Option<Settings>, ConfigError> {
    let wrong = |text: String| Err(ConfigError(text));
    // An empty variable is how a container file says that there is none.
    let given = |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let Some(issuer) = given(&oidc.issuer) else { return Ok(None) };
    let url = url::Url::parse(&issuer).ok().filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_here(url)));
    let Some(host) = url.and_then(|url| url.host_str().map(str::to_owned)) else {
        return wrong("oidc.issuer must be the https address of the provider such as https://id.example.com; http only on this machine.".to_owned());
    };
    let Some(client_id) = given(&oidc.client_id) else {
        return wrong("oidc.client_id must be the name that the provider at oidc.issuer knows us by. Set it, or remove oidc.issuer.".to_owned());
    };
    let factor = match given(&oidc.second_factor) {
        None => FactorRule::Here,
        Some(word) => word.parse().map_err(|expected| ConfigError(format!("oidc.second_factor must be {expected}.")))?,
    };
    let role_claim = given(&oidc.role_claim);
    if role_claim.is_none() != oidc.roles.is_empty() {
        return wrong(
            "oidc.role_claim and oidc.roles go together: the claim, and the role behind each of its values. Set both or neither.".to_owned(),
        );
    }
    let mut roles = BTreeMap::new();
    for (value, word) in &oidc.roles {
        let role: Role = word.parse().map_err(|expected| ConfigError(format!("oidc.roles.\"{value}\" must be {expected}.")))?;
        roles.insert(value.clone(), role);
    }
    let scopes = match &oidc.scopes {
        None => vec!["email".to_owned(), "profile".to_owned()],
        Some(named) => named.texts(),
    };
    let ca = trusted(oidc.ca_file.as_deref())?;
    let (name, acr, base_url) = (given(&oidc.name).unwrap_or(host), given(&oidc.acr), base_url.to_owned());
    Ok(Some(Settings { issuer, client_id, client_secret: oidc.client_secret.clone(), name, scopes, role_claim, roles, factor, acr, base_url, ca }))
}

fn trusted(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let Some(file) = file.filter(|file| !file.as_os_str().is_empty()) else { return Ok(vec![]) };
    let pem = std::fs::read(file).map_err(|error| ConfigError(format!("oidc.ca_file: {} cannot be read: {error}.", file.display())))?;
    dialer::certificates(&pem).map_err(|why| ConfigError(format!("oidc.ca_file {why}")))
}

fn is_here(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FILE;

    fn read(section: &str) -> Result<Option<Settings>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, format!("[oidc]\n{section}")).unwrap();
        let alone = provider_alone(&file, "http://127.0.0.1:8080").map_err(|error| error.to_string());
        let whole = crate::config::load(&file).and_then(|config| provider(&config)).map_err(|error| error.to_string());
        assert_eq!(format!("{alone:?}"), format!("{whole:?}"), "the demo reads it as the server does");
        whole
    }

    #[test]
    fn a_provider_needs_an_address_and_our_name_there() {
        assert!(read("").unwrap().is_none());
        assert!(read("issuer = \" \"\nclient_id = \"desk\"").unwrap().is_none(), "an empty address is none");
        let found = read("issuer = \"https://id.example.com/realms/a\"\nclient_id = \"desk\"\nclient_secret = \"hush-hush\"").unwrap().unwrap();
        assert_eq!(
            (found.name.as_str(), found.factor, found.scopes.len(), found.role_claim.is_none()),
            ("id.example.com", FactorRule::Here, 2, true)
        );
        assert!(!format!("{found:?}").contains("hush-hush"));
        let good = "issuer = \"http://127.0.0.1:9\"\nclient_id = \"desk\"\n";
        let found = read(&format!(
            "{good}name = \"Example\"\nscopes = \"email, groups\"\nsecond_factor = \"claimed\"\nacr = \"mfa\"\nrole_claim = \"groups\"\nroles = {{desk = \"reviewer\"}}"
        ));
        let found = found.unwrap().unwrap();
        assert_eq!(
            (found.name.as_str(), found.factor, found.scopes),
            ("Example", FactorRule::Claimed, vec!["email".to_owned(), "groups".to_owned()])
        );
        assert_eq!((found.roles.get("desk"), found.acr.as_deref()), (Some(&Role::Reviewer), Some("mfa")));
        let wrong = [
            (format!("{good}ca_file = \"/nowhere/ca.pem\""), "oidc.ca_file: /nowhere/ca.pem cannot be read"),
            (format!("{good}ca_file = \"/dev/null\""), "oidc.ca_file must hold certificates in PEM."),
            ("issuer = \"http://id.example.com\"\nclient_id = \"desk\"".to_owned(), "oidc.issuer must be the https address"),
            ("issuer = \"id.example.com\"\nclient_id = \"desk\"".to_owned(), "oidc.issuer must be the https address"),
            ("issuer = \"https://id.example.com\"".to_owned(), "oidc.client_id must be the name"),
            (format!("{good}second_factor = \"yes\""), "oidc.second_factor must be one of here, claimed, provider"),
            (format!("{good}role_claim = \"groups\""), "oidc.role_claim and oidc.roles go together"),
            (format!("{good}roles = {{desk = \"reviewer\"}}"), "oidc.role_claim and oidc.roles go together"),
            (format!("{good}role_claim = \"groups\"\nroles = {{desk = \"boss\"}}"), "oidc.roles.\"desk\" must be one of admin, manager, reviewer"),
        ];
        for (section, text) in wrong {
            let error = read(&section).unwrap_err();
            assert!(error.starts_with(text), "{section}: {error}");
        }
    }
}

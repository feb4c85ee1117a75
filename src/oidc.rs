//! Signing in with an OpenID Connect provider: where people are sent, and what they bring back. What it means for their account is
//! `domain::accounts::identity`.
//!
//! Discovery, PKCE and the verification of what the provider signs are the library's; requests go through a client of ours, which
//! follows no redirect, reads no more than it should and waits no longer than it must.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthType, AuthenticationContextClass, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl,
    LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl,
    Scope, StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims, http,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::clock::{self, Time};
use crate::dialer;
use crate::domain::accounts::identity::Identity;
use crate::domain::actor::Role;
use crate::domain::ids::secret;
use crate::text_enum;

/// The path to which the provider sends people back; registered there behind the base URL.
pub const CALLBACK: &str = "/login/provider/callback";
/// How long one question to the provider may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes.
const LARGEST: usize = 1024 * 1024;
/// For how long what the provider said of itself is good enough to send people there, in seconds.
const FRESH: i64 = 600;

text_enum!(
    /// Whether a sign-in with the provider counts as one with a second factor.
    pub enum FactorRule {
        /// It does not: the code of the account here is asked for.
        Here => "here",
        /// It does where the provider says that it asked for one: `mfa` in `amr`, or the `acr` that was asked for.
        Claimed => "claimed",
        /// It does, always: the provider is trusted to ask for one.
        Provider => "provider",
    }
);

/// What the settings say of the provider.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its address.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there, unless we are a public client.
    pub client_secret: Option<SecretString>,
    /// What people call it.
    pub name: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that roles are read from: its name, or a pointer into it (RFC 6901) where it begins with a slash.
    pub role_claim: Option<String>,
    /// The role behind each value of that claim.
    pub roles: BTreeMap<String, Role>,
    /// Whether its sign-in counts as one with a second factor.
    pub factor: FactorRule,
    /// The authentication context that is asked for.
    pub acr: Option<String>,
    /// Where people reach this installation, without a slash at the end.
    pub base_url: String,
    /// Certificates that are trusted for it as well as those of the web.
    pub ca: Vec<CertificateDer<'static>>,
}

/// Why somebody could not be sent there, or what they brought back is no good. The words are for whoever signs in; the cause is logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It does not answer as a provider does.
    #[error("{0} cannot be reached from here. Try again in a minute, or sign in with a password.")]
    Silent(String),
    /// What it says of the person does not hold.
    #[error("What {0} sent back cannot be verified, so nothing was opened. Sign in again; if it stays so, tell your administrator the time.")]
    Unproven(String),
}

/// What is remembered of somebody who was sent there, until they come back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Errand {
    /// What their coming back must carry.
    pub state: String,
    nonce: String,
    verifier: String,
    /// When they left, in microseconds since the epoch.
    pub since: i64,
    /// The page that is shown afterwards.
    pub next: String,
    /// Whether somebody who is signed in wants it linked to their account.
    #[serde(default)]
    pub links: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Other(HashMap<String, Value>);

impl AdditionalClaims for Other {}

type Fields = IdTokenFields<Other, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Client = openidconnect::Client<
    Other,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider.
pub struct Provider {
    settings: Settings,
    http: reqwest::Client,
    known: Mutex<Option<(Time, ProviderMetadataWithLogout)>>,
}

impl Provider {
    /// A provider as the settings say. Nothing is asked yet.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let http =
            dialer::client_trusting(&settings.ca).map_err(|error| error.to_string())?.timeout(TIMEOUT).build().map_err(|error| error.to_string())?;
        Ok(Provider { settings, http, known: Mutex::new(None) })
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its address, which names it in the database.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where to send somebody, and what to remember of them.
    pub async fn send(&self, next: String) -> Result<(String, Errand), Failure> {
        let client = self.client(self.metadata().await?)?;
        let errand = Errand { state: secret(), nonce: secret(), verifier: secret(), since: clock::now().micros(), next, links: false };
        let (state, nonce) = (CsrfToken::new(errand.state.clone()), Nonce::new(errand.nonce.clone()));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(errand.verifier.clone()));
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client.authorize_url(flow, move || state, move || nonce).set_pkce_challenge(challenge);
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if let Some(acr) = &self.settings.acr {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        Ok((request.url().0.to_string(), errand))
    }

    /// Whom the code that somebody brought back proves them to be.
    pub async fn receive(&self, code: String, errand: &Errand) -> Result<Identity, Failure> {
        // Its keys are asked for anew: they may be others than when the errand began.
        let metadata = self.discover().await?;
        let algorithms = asymmetric(metadata.id_token_signing_alg_values_supported());
        let client = self.client(metadata)?;
        let http = |request| self.ask(request);
        let exchange = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| self.unproven(&error))?;
        let tokens = exchange
            .set_pkce_verifier(PkceCodeVerifier::new(errand.verifier.clone()))
            .request_async(&http)
            .await
            .map_err(|error| self.unproven(&error))?;
        let verifier = client.id_token_verifier().set_allowed_algs(algorithms);
        let token = tokens.id_token().ok_or_else(|| self.unproven(&"the answer has no ID token"))?;
        let claims = token.claims(&verifier, &Nonce::new(errand.nonce.clone())).map_err(|error| self.unproven(&error))?;
        if let Some(stated) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(|error| self.unproven(&error))?;
            let key = token.signing_key(&verifier).map_err(|error| self.unproven(&error))?;
            let found = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).map_err(|error| self.unproven(&error))?;
            if found != *stated {
                return Err(self.unproven(&"the access token is not that of the ID token"));
            }
        }
        let mut identity = Identity {
            issuer: self.settings.issuer.clone(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified().unwrap_or(false),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
            role: self.role(claims.additional_claims()),
            factor_met: self.factor_met(
                claims.auth_method_refs().map(|all| all.iter().map(|one| one.as_str())),
                claims.auth_context_ref().map(|acr| acr.as_str()),
            ),
        };
        // Many providers put into the ID token only who it is, and tell the rest when asked.
        let more = identity.email.is_none() || (identity.role.is_none() && self.settings.role_claim.is_some());
        if more && let Ok(request) = client.user_info(tokens.access_token().clone(), Some(claims.subject().clone())) {
            let told: UserInfoClaims<Other, CoreGenderClaim> = request.request_async(&http).await.map_err(|error| self.unproven(&error))?;
            identity.role = identity.role.or_else(|| self.role(told.additional_claims()));
            identity.name = identity.name.or_else(|| told.name().and_then(|name| name.get(None)).map(|name| name.to_string()));
            if identity.email.is_none() {
                identity.email = told.email().map(|email| email.to_string());
                identity.email_verified = told.email_verified().unwrap_or(false);
            }
        }
        Ok(identity)
    }

    /// Where somebody signs out of the provider as well, if it offers that.
    pub async fn sign_out(&self) -> Result<Option<String>, Failure> {
        let Some(end) = self.metadata().await?.additional_metadata().end_session_endpoint.clone() else { return Ok(None) };
        let back = PostLogoutRedirectUrl::new(format!("{}/login", self.settings.base_url)).map_err(|error| self.silent(&error))?;
        let request = LogoutRequest::from(end).set_client_id(ClientId::new(self.settings.client_id.clone())).set_post_logout_redirect_uri(back);
        Ok(Some(request.http_get_url().to_string()))
    }

    /// Whether it answers as a provider does.
    pub async fn look(&self) -> Result<(), Failure> {
        self.discover().await.map(drop)
    }

    async fn metadata(&self) -> Result<ProviderMetadataWithLogout, Failure> {
        let known = self.known.lock().ok().and_then(|known| known.clone());
        match known {
            Some((at, metadata)) if clock::now().seconds_since(at) < FRESH => Ok(metadata),
            _ => self.discover().await,
        }
    }

    async fn discover(&self) -> Result<ProviderMetadataWithLogout, Failure> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| self.silent(&error))?;
        let http = |request| self.ask(request);
        let found = ProviderMetadataWithLogout::discover_async(issuer, &http).await.map_err(|error| self.silent(&error))?;
        if let Ok(mut known) = self.known.lock() {
            *known = Some((clock::now(), found.clone()));
        }
        Ok(found)
    }

    fn client(&self, metadata: ProviderMetadataWithLogout) -> Result<Client, Failure> {
        let by_form = metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost) && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        let ours = self.settings.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let back = RedirectUrl::new(format!("{}{CALLBACK}", self.settings.base_url)).map_err(|error| self.silent(&error))?;
        let client = Client::from_provider_metadata(metadata, ClientId::new(self.settings.client_id.clone()), ours).set_redirect_uri(back);
        Ok(if by_form { client.set_auth_type(AuthType::RequestBody) } else { client })
    }

    /// The highest role that the claim gives.
    fn role(&self, claims: &Other) -> Option<Role> {
        let name = self.settings.role_claim.as_deref()?;
        let found = match name.strip_prefix('/') {
            Some(path) => {
                let (first, rest) = path.split_once('/').map_or((path, String::new()), |(first, rest)| (first, format!("/{rest}")));
                claims.0.get(&first.replace("~1", "/").replace("~0", "~")).and_then(|value| value.pointer(&rest))
            }
            None => claims.0.get(name),
        };
        let values: Vec<&str> = match found? {
            Value::String(one) => vec![one],
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        let given: Vec<Role> = values.iter().filter_map(|value| self.settings.roles.get(*value).copied()).collect();
        [Role::Admin, Role::Manager, Role::Reviewer].into_iter().find(|role| given.contains(role))
    }

    fn factor_met<'a>(&self, mut methods: Option<impl Iterator<Item = &'a str>>, context: Option<&str>) -> bool {
        match self.settings.factor {
            FactorRule::Here => false,
            FactorRule::Provider => true,
            // RFC 8176 §2: "mfa" says that more than one was used; a single "otp" or "hwk" does not.
            FactorRule::Claimed => {
                methods.as_mut().is_some_and(|methods| methods.any(|method| method == "mfa"))
                    || self.settings.acr.as_deref().is_some_and(|wanted| context == Some(wanted))
            }
        }
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
        let request = reqwest::Request::try_from(request).map_err(|error| Unanswered(dialer::deepest(&error)))?;
        let mut response = self.http.execute(request).await.map_err(|error| Unanswered(dialer::deepest(&error)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(|error| Unanswered(dialer::deepest(&error)))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Unanswered(format!("the answer is larger than {LARGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    fn silent(&self, cause: &dyn std::error::Error) -> Failure {
        tracing::warn!(cause = in_full(cause), issuer = self.settings.issuer, "the sign-in provider does not answer as one");
        Failure::Silent(self.settings.name.clone())
    }

    fn unproven(&self, cause: &(impl std::fmt::Display + ?Sized)) -> Failure {
        tracing::warn!(%cause, issuer = self.settings.issuer, "what the sign-in provider sent cannot be verified");
        Failure::Unproven(self.settings.name.clone())
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unanswered(String);

/// What the provider may sign with: never our own secret, which whoever reads the settings has.
fn asymmetric(offered: &[CoreJwsSigningAlgorithm]) -> Vec<CoreJwsSigningAlgorithm> {
    use CoreJwsSigningAlgorithm::{HmacSha256, HmacSha384, HmacSha512, None};
    offered.iter().filter(|one| !matches!(one, HmacSha256 | HmacSha384 | HmacSha512 | None)).cloned().collect()
}

fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

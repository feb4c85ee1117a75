//! Outbound HTTP to addresses that people enter: nothing but the public internet is reached.
//!
//! A name is resolved once, every address it has is looked at, and the connection gets exactly
//! those addresses, so that a name server cannot give one answer to the check and another to the
//! connection. Redirects are not followed and proxies of the environment not used.

pub mod addresses;

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolving};
use reqwest::{Client, ClientBuilder, Response};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use url::{Host, Url};

use crate::domain::error::Error;

#[cfg(test)]
mod tests;

/// The longest one call may take in all, from the name to the answer.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer to a post is read, in bytes.
pub const MAX_ANSWER: usize = 2048;
/// The longest address taken, in characters.
const LONGEST_URL: usize = 2000;

/// A client that follows no redirect and uses no proxy, with the roots of the web.
pub fn client() -> Result<ClientBuilder, rustls::Error> {
    client_trusting(&[])
}

/// The same, which trusts these certificates as well as those of the web.
pub fn client_trusting(own: &[CertificateDer<'static>]) -> Result<ClientBuilder, rustls::Error> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in own {
        roots.add(certificate.clone())?;
    }
    // The provider is named, because a process with two rustls providers compiled in has no default one.
    let mut tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        // A redirect would carry the body to an address nobody entered.
        .redirect(reqwest::redirect::Policy::none())
        // Proxies come from environment variables, and settings must not.
        .no_proxy()
        // No answer unfolds to a thousand times its size.
        .no_gzip())
}

/// Certificates in PEM, one or more.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let wrong = "must hold certificates in PEM.";
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| wrong)?;
    if found.is_empty() { Err(wrong) } else { Ok(found) }
}

/// The innermost cause, which is the one that helps: "Connection refused" rather than "error sending request".
pub fn deepest(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

/// Finds the addresses of a name.
pub trait Resolver: Send + Sync {
    /// All addresses of the name.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system.
#[derive(Debug)]
pub struct System;

impl Resolver for System {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// A host and port that may be called although it is private, or without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    host: String,
    port: u16,
}

impl Allowed {
    /// Reads `127.0.0.1:9000`, `[::1]:9000` or `hooks.internal:9000`.
    pub fn parse(text: &str) -> Option<Allowed> {
        let text = text.trim();
        let (_, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let url = Url::parse(&format!("http://{text}/")).ok()?;
        let bare = url.username().is_empty() && url.password().is_none() && url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|_| bare)?.to_owned();
        Some(Allowed { host, port })
    }

    fn is(&self, url: &Url) -> bool {
        url.host_str() == Some(&self.host) && url.port_or_known_default() == Some(self.port)
    }
}

/// An address that was looked at and may be called; made by [`Dialer::target`] alone.
#[derive(Debug, Clone)]
pub struct Target(String);

impl Target {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the other side said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The start of its body.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The address may not be called; nothing was connected to.
    #[error("{0}")]
    Refused(#[from] Error),
    /// No connection, or one that broke.
    #[error("It cannot be reached: {0}.")]
    Unreachable(String),
    /// The whole call took too long.
    #[error("It did not answer within 15 seconds.")]
    Timeout,
}

/// Calls what may be called.
pub struct Dialer {
    allowed: Vec<Allowed>,
    resolver: Arc<dyn Resolver>,
}

impl Dialer {
    /// A dialer that reaches the public internet, and privately what is listed.
    pub fn new(allowed: Vec<Allowed>) -> Self {
        Self::with_resolver(allowed, Arc::new(System))
    }

    /// The same with another way to find addresses.
    pub fn with_resolver(allowed: Vec<Allowed>, resolver: Arc<dyn Resolver>) -> Self {
        Dialer { allowed, resolver }
    }

    /// Looks at an address that somebody enters.
    pub async fn target(&self, url: &str) -> Result<Target, Error> {
        let url = read(url)?;
        match timeout_at(Instant::now() + TIMEOUT, self.addresses(&url)).await {
            Ok(Ok(_)) => Ok(Target(url.into())),
            Ok(Err(Failure::Refused(error))) => Err(error),
            Ok(Err(_)) | Err(_) => {
                Err(Error::invalid("url_unresolved", "url", format!("{} cannot be found. Check its name.", url.host_str().unwrap_or_default())))
            }
        }
    }

    /// Posts JSON. The address is looked at anew each time: a name may lead elsewhere than when it was entered.
    pub async fn post(&self, url: &str, headers: &[(&'static str, String)], body: String) -> Result<Answer, Failure> {
        let headers: Vec<_> = [("content-type", "application/json".to_owned())].into_iter().chain(headers.iter().cloned()).collect();
        self.call(url, &headers, Some(body), MAX_ANSWER).await
    }

    /// Fetches a document, of which so many bytes are read at most.
    pub async fn get(&self, url: &str, most: usize) -> Result<Answer, Failure> {
        self.call(url, &[], None, most).await
    }

    async fn call(&self, url: &str, headers: &[(&'static str, String)], body: Option<String>, most: usize) -> Result<Answer, Failure> {
        let deadline = Instant::now() + TIMEOUT;
        let mut response = timeout_at(deadline, self.send(url, headers, body)).await.map_err(|_| Failure::Timeout)??;
        let status = response.status().as_u16();
        // The status is the answer; a body that does not end changes nothing about it.
        let mut read = vec![];
        let _ = timeout_at(deadline, excerpt(&mut response, &mut read, most)).await;
        read.truncate(most);
        Ok(Answer { status, body: shown(&String::from_utf8_lossy(&read)) })
    }

    async fn send(&self, url: &str, headers: &[(&'static str, String)], body: Option<String>) -> Result<Response, Failure> {
        let url = read(url)?;
        let addresses = self.addresses(&url).await?;
        let failed = |error: &reqwest::Error| Failure::Unreachable(shown(&deepest(error)));
        let client = client()
            .map_err(|error| Failure::Unreachable(error.to_string()))?
            .dns_resolver(Arc::new(Pinned(addresses)))
            .pool_max_idle_per_host(0)
            .user_agent(concat!("Countersign/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(&error))?;
        let mut request = match body {
            Some(body) => client.post(url).body(body),
            None => client.get(url),
        };
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await.map_err(|error| failed(&error))
    }

    /// The addresses that the connection may use.
    async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, Failure> {
        let shown = url.host_str().unwrap_or_default();
        let allowed = self.allowed.iter().any(|allowed| allowed.is(url));
        if url.scheme() != "https" && !allowed {
            return Err(refused("url must begin with https://, so that nobody on the way reads what is sent.").into());
        }
        let addresses = match url.host() {
            Some(Host::Ipv4(v4)) => vec![IpAddr::V4(v4)],
            Some(Host::Ipv6(v6)) => vec![IpAddr::V6(v6)],
            Some(Host::Domain(name)) => self.resolver.resolve(name).await.map_err(|error| Failure::Unreachable(error.to_string()))?,
            None => vec![],
        };
        if addresses.is_empty() {
            return Err(Failure::Unreachable("the name has no address".to_owned()));
        }
        // One private address among public ones is enough: which of them is called would be chance.
        match addresses.iter().find_map(|address| addresses::special(*address)) {
            Some(kind) if !allowed => Err(refused(format!("{shown} resolves to {kind}; such targets are not allowed.")).into()),
            _ => Ok(addresses),
        }
    }
}

fn refused(text: impl Into<String>) -> Error {
    Error::invalid("url_not_allowed", "url", text).with_hint("Whoever runs this server can allow single addresses in webhooks.allow_private.")
}

fn read(text: &str) -> Result<Url, Error> {
    let text = crate::domain::text::required_line("url", text, LONGEST_URL)?;
    let wrong = |text: &str| Error::invalid("field_invalid", "url", text);
    let mut url = Url::parse(&text).map_err(|_| wrong("url must be an address such as https://hooks.example.com/countersign."))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("url must be an address such as https://hooks.example.com/countersign."));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("url must not hold a name or password. The receiver knows us by the signature."));
    }
    url.set_fragment(None);
    Ok(url)
}

async fn excerpt(response: &mut Response, read: &mut Vec<u8>, most: usize) {
    while read.len() < most {
        match response.chunk().await {
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            _ => return,
        }
    }
}

/// Text from outside without control characters; PostgreSQL keeps no NUL.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect()
}

/// Gives the addresses that were looked at, whatever the name.
struct Pinned(Vec<IpAddr>);

impl reqwest::dns::Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        // Port 0 stands for the one in the URL.
        let addresses: Vec<SocketAddr> = self.0.iter().map(|address| SocketAddr::new(*address, 0)).collect();
        Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
    }
}

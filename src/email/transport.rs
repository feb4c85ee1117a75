//! The relay a mailbox sends through, from its URL, and how a connection to it is made.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tokio_rustls::{TlsConnector, rustls};
use url::{Host, Url};

use super::connection::{Connection, Offers};
use super::dialogue::{Dialogue, Stream};
use super::outcome::{Failure, FailureKind, Reply, Stage};

/// How long each stage may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up and TCP connection, and the TLS handshake.
    pub connect: Duration,
    /// Greeting and each command (RFC 5321 §4.5.3.2.1 to .4).
    pub command: Duration,
    /// Each block of the message (RFC 5321 §4.5.3.2.5).
    pub block: Duration,
    /// The reply to the final dot (RFC 5321 §4.5.3.2.6). Shorter makes duplicates.
    pub dot: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(30),
            command: Duration::from_secs(300),
            block: Duration::from_secs(180),
            dot: Duration::from_secs(600),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Plain,
    StartTls,
    Tls,
}

#[derive(Clone, PartialEq, Eq)]
enum Target {
    Smtp { security: Security, host: Host<String>, port: u16, credentials: Option<Credentials> },
    Directory(PathBuf),
}

/// Where mail goes: an SMTP relay, or a directory.
#[derive(Clone, PartialEq, Eq)]
pub struct Transport {
    target: Target,
    timeouts: Timeouts,
    hello: ClientId,
    extra_roots: Vec<CertificateDer<'static>>,
}

/// Why a transport URL was refused. The texts never quote the URL: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Not a URL.
    #[error("The mail transport is not a URL. Write smtp://host:25, smtp+starttls://host:587, smtps://host:465 or file://directory.")]
    NotAUrl,
    /// Another scheme.
    #[error("The mail transport scheme \"{0}\" is not known. Use smtp, smtp+starttls, smtps or file.")]
    Scheme(String),
    /// No host.
    #[error("The mail transport names no host. Write smtp://host:25.")]
    Host,
    /// Port 0.
    #[error("The mail transport names port 0. Use 25, 587 or 465.")]
    Port,
    /// A path, query or fragment.
    #[error("The mail transport has something after the host and port. Write only smtp://user:password@host:port.")]
    Tail,
    /// User name without password, the reverse, or bad percent-encoding.
    #[error("The mail transport must have both a user name and a password, percent-encoded, or neither.")]
    Credentials,
    /// A password on an open line.
    #[error(
        "The mail transport would send its password over an unencrypted connection. Use smtp+starttls:// or smtps://; only a relay on this machine may do without."
    )]
    PlainCredentials,
    /// `file://` and nothing.
    #[error("The mail transport file:// names no directory. Write file:///path/to/directory.")]
    Directory,
}

impl Transport {
    /// Reads `smtp://`, `smtp+starttls://`, `smtps://` (each `[user:password@]host[:port]`)
    /// or `file://DIR`.
    pub fn parse(url: &str) -> Result<Transport, TransportError> {
        let url = url.trim();
        let made = |target| Transport { target, timeouts: Timeouts::default(), hello: ClientId::default(), extra_roots: Vec::new() };
        if let Some(directory) = url.strip_prefix("file://") {
            return match directory.is_empty() {
                true => Err(TransportError::Directory),
                false => Ok(made(Target::Directory(PathBuf::from(directory)))),
            };
        }
        let url = Url::parse(url).map_err(|error| match error {
            url::ParseError::EmptyHost => TransportError::Host,
            _ => TransportError::NotAUrl,
        })?;
        let (security, default_port) = match url.scheme() {
            "smtp" => (Security::Plain, 25),
            "smtp+starttls" => (Security::StartTls, 587),
            "smtps" => (Security::Tls, 465),
            other => return Err(TransportError::Scheme(other.chars().take(32).collect())),
        };
        let host = host_of(&url).ok_or(TransportError::Host)?;
        let port = url.port().unwrap_or(default_port);
        if port == 0 {
            return Err(TransportError::Port);
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(TransportError::Tail);
        }
        let credentials = credentials_of(&url)?;
        if security == Security::Plain && credentials.is_some() && !is_loopback(&host) {
            return Err(TransportError::PlainCredentials);
        }
        Ok(made(Target::Smtp { security, host, port, credentials }))
    }

    /// The host that mail is handed to, where that is another machine.
    pub fn outside(&self) -> Option<String> {
        match &self.target {
            Target::Smtp { host, .. } if !is_loopback(host) => Some(host.to_string()),
            _ => None,
        }
    }

    /// Whether mail goes to another machine over an open line.
    pub fn is_open(&self) -> bool {
        matches!(&self.target, Target::Smtp { security: Security::Plain, host, .. } if !is_loopback(host))
    }

    /// What it is, without secrets.
    pub fn in_words(&self) -> &'static str {
        match &self.target {
            Target::Smtp { security: Security::Plain, .. } => "The mail server on this machine",
            Target::Smtp { credentials: None, .. } => "The mail server, with a certificate that holds,",
            Target::Smtp { .. } => "The mail server, with a certificate that holds and a password that it took,",
            Target::Directory(_) => "The folder that mail is written to",
        }
    }

    /// Connects, with TLS and password as for mail, and hangs up. Why it failed, in words without secrets.
    pub async fn try_out(&self) -> Result<(), String> {
        let connection = self.connect().await.map_err(|failure| failure.to_string())?;
        connection.quit().await;
        Ok(())
    }

    /// Other limits, for tests and for relays known to be quick.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    #[cfg(test)]
    pub(in crate::email) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// The name given in EHLO; without it the machine's host name. Anything but letters,
    /// digits, dots and hyphens is ignored.
    #[must_use]
    pub fn with_hello_name(mut self, name: &str) -> Self {
        if is_host_name(name) {
            self.hello = ClientId::Domain(name.to_owned());
        }
        self
    }

    /// Trusts one more certification authority (DER), for a relay with a private one.
    #[must_use]
    pub fn with_extra_root(mut self, der: Vec<u8>) -> Self {
        self.extra_roots.push(CertificateDer::from(der));
        self
    }

    /// Where mail goes, as host and port or as a directory; never with the credentials.
    pub fn relay(&self) -> String {
        match &self.target {
            Target::Smtp { host, port, .. } => format!("{host}:{port}"),
            Target::Directory(directory) => directory.display().to_string(),
        }
    }

    /// Connects, greets, secures and signs in. Nothing of any message is said yet.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        let (security, host, port, credentials) = match &self.target {
            Target::Smtp { security, host, port, credentials } => (*security, host, *port, credentials.as_ref()),
            Target::Directory(directory) => return Connection::directory(directory.clone()).await,
        };
        let limits = self.timeouts;
        let mut stream: Box<dyn Stream> = Box::new(self.dial(host, port).await?);
        if security == Security::Tls {
            stream = self.secure(stream, host).await?;
        }
        let mut dialogue = Dialogue::new(stream);
        let greeting = dialogue.reply(Stage::Greeting, limits.command).await?;
        if !greeting.is_success() {
            return Err(Failure::reply(Stage::Greeting, &greeting));
        }
        let mut offers = self.hello(&mut dialogue).await?;
        if security == Security::StartTls {
            if !offers.has("STARTTLS") {
                return Err(Failure::ours(
                    Stage::Tls,
                    FailureKind::Config,
                    "The relay does not offer STARTTLS, which this transport requires. Nothing was sent.",
                ));
            }
            let reply = dialogue.command(Stage::Tls, limits.command, Starttls).await?;
            if reply.code != 220 {
                return Err(Failure::reply(Stage::Tls, &reply));
            }
            dialogue = Dialogue::new(self.secure(dialogue.into_stream()?, host).await?);
            // RFC 3207 §4.2: what was offered before the handshake is forgotten.
            offers = self.hello(&mut dialogue).await?;
        }
        if let Some(credentials) = credentials {
            self.sign_in(&mut dialogue, &offers, credentials).await?;
        }
        Ok(Connection::smtp(dialogue, offers, limits, host.to_string()))
    }

    async fn dial(&self, host: &Host<String>, port: u16) -> Result<TcpStream, Failure> {
        let dial = async {
            match host {
                Host::Domain(name) => TcpStream::connect((name.as_str(), port)).await,
                Host::Ipv4(ip) => TcpStream::connect((*ip, port)).await,
                Host::Ipv6(ip) => TcpStream::connect((*ip, port)).await,
            }
        };
        let failed = |what: String| Failure::ours(Stage::Connect, FailureKind::Transient, what);
        let stream = match tokio::time::timeout(self.timeouts.connect, dial).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                return Err(failed(format!("No connection to {host} port {port}: {error}.")));
            }
            Err(_) => {
                return Err(failed(format!("No connection to {host} port {port} in time.")));
            }
        };
        // Without it each message waits for a delayed acknowledgement: 44 ms.
        stream.set_nodelay(true).map_err(|error| failed(format!("The connection to {host} broke: {error}.")))?;
        Ok(stream)
    }

    async fn secure(&self, stream: Box<dyn Stream>, host: &Host<String>) -> Result<Box<dyn Stream>, Failure> {
        let config = |text: String| Failure::ours(Stage::Tls, FailureKind::Config, text);
        let name = match host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|_| config(format!("\"{name}\" is not a name a certificate can have.")))?
            }
            Host::Ipv4(ip) => ServerName::IpAddress((*ip).into()),
            Host::Ipv6(ip) => ServerName::IpAddress((*ip).into()),
        };
        let connector = TlsConnector::from(Arc::new(self.tls_config().map_err(config)?));
        match tokio::time::timeout(self.timeouts.connect, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            // A certificate does not get better by waiting; a reset may.
            Ok(Err(error)) if error.get_ref().is_some_and(|e| e.is::<rustls::Error>()) => {
                Err(config(format!("The TLS connection to {host} was refused: {error}. Nothing was sent.")))
            }
            Ok(Err(_)) => Err(Failure::broken(Stage::Tls, "The relay closed the connection")),
            Err(_) => Err(Failure::broken(Stage::Tls, "The relay did not answer in time")),
        }
    }

    fn tls_config(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for der in &self.extra_roots {
            roots.add(der.clone()).map_err(|error| format!("The extra certificate cannot be used: {error}."))?;
        }
        // Named, so that another crate's choice of a process-wide provider cannot matter.
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}."))?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }

    async fn hello(&self, dialogue: &mut Dialogue) -> Result<Offers, Failure> {
        let limit = self.timeouts.command;
        let reply = dialogue.command(Stage::Greeting, limit, Ehlo::new(self.hello.clone())).await?;
        match reply.is_success() {
            true => Ok(Offers::read(&reply)),
            false => Err(Failure::reply(Stage::Greeting, &reply)),
        }
    }

    async fn sign_in(&self, dialogue: &mut Dialogue, offers: &Offers, credentials: &Credentials) -> Result<(), Failure> {
        let config = |text: &str| Failure::ours(Stage::Auth, FailureKind::Config, text);
        let odd = || config("The relay asked for something in AUTH that is not known here.");
        let mechanism = [(Mechanism::Plain, "PLAIN"), (Mechanism::Login, "LOGIN")]
            .into_iter()
            .find(|(_, name)| offers.auth(name))
            .map(|(mechanism, _)| mechanism)
            .ok_or_else(|| config("The relay offers neither AUTH PLAIN nor AUTH LOGIN. Nothing was sent."))?;
        let limit = self.timeouts.command;
        let first = Auth::new(mechanism, credentials.clone(), None).map_err(|_| odd())?;
        let mut reply = dialogue.command(Stage::Auth, limit, first).await?;
        // LOGIN asks twice; a relay that keeps asking is left.
        for _ in 0..3 {
            if reply.code != 334 {
                break;
            }
            let challenge = lettre_response(&reply).ok_or_else(odd)?;
            let answer = Auth::new_from_response(mechanism, credentials.clone(), &challenge).map_err(|_| odd())?;
            reply = dialogue.command(Stage::Auth, limit, answer).await?;
        }
        match reply.code {
            235 => Ok(()),
            _ => Err(Failure::reply(Stage::Auth, &reply)),
        }
    }
}

impl fmt::Debug for Transport {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Smtp { security, host, port, .. } => {
                write!(f, "Transport({security:?} {host}:{port})")
            }
            Target::Directory(directory) => write!(f, "Transport({})", directory.display()),
        }
    }
}

fn lettre_response(reply: &Reply) -> Option<Response> {
    format!("{} {}\r\n", reply.code, reply.lines.first()?).parse().ok()
}

/// The host, with `127.0.0.1` read as an address: url leaves it a name in these schemes.
fn host_of(url: &Url) -> Option<Host<String>> {
    match url.host()?.to_owned() {
        Host::Domain(name) if name.is_empty() => None,
        Host::Domain(name) => match name.parse() {
            Ok(ip) => Some(Host::Ipv4(ip)),
            Err(_) => is_host_name(&name).then_some(Host::Domain(name)),
        },
        ip => Some(ip),
    }
}

fn is_host_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=253).contains(&name.len()) && name.bytes().all(allowed)
}

fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

fn credentials_of(url: &Url) -> Result<Option<Credentials>, TransportError> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| TransportError::Credentials)?;
        match text.contains(['\0', '\r', '\n']) {
            true => Err(TransportError::Credentials),
            false => Ok(text.into_owned()),
        }
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None | Some("")) => Err(TransportError::Credentials),
        (user, Some(password)) => Ok(Some(Credentials::new(decoded(user)?, decoded(password)?))),
    }
}

//! Reading a folder of a mail server over IMAP. The folder is opened read-only: nothing is marked, moved or deleted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_imap::{Client, Session};
use futures_util::StreamExt;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use url::Url;

use crate::dialer;
use crate::inbound::mail::LONGEST;

/// How long one question may take.
const COMMAND: Duration = Duration::from_secs(60);
/// How long one mail may take.
const FETCH: Duration = Duration::from_secs(300);
/// How long the server is listened to before it is asked by ourselves.
const LISTEN: Duration = Duration::from_secs(9 * 60);

/// Where a folder is and who may read it.
#[derive(Clone)]
pub struct Account {
    host: String,
    port: u16,
    tls: bool,
    user: String,
    password: SecretString,
    folder: String,
    roots: Vec<CertificateDer<'static>>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}@{}:{}/{})", self.user, self.host, self.port, self.folder)
    }
}

/// Why a folder could not be read. No password is ever in it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection, or one that broke.
    #[error("{0} cannot be reached: {1}.")]
    Unreachable(String, String),
    /// The certificate, or what else TLS asks for.
    #[error("{0} did not prove who it is: {1}.")]
    Tls(String, String),
    /// Name or password.
    #[error("{0} refused the user or the password.")]
    Login(String),
    /// The server said no, or nothing that can be read.
    #[error("{0} answered: {1}.")]
    Refused(String, String),
    /// No answer in time.
    #[error("{0} did not answer in time.")]
    Timeout(String),
}

/// Whatever the session runs over.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Wire for T {}

impl Account {
    /// Reads `imaps://USER:PASSWORD@HOST[:PORT][/FOLDER]`. `imap://` is without TLS and for this machine alone.
    pub fn parse(url: &str) -> Result<Account, &'static str> {
        let form = "must be an address such as imaps://USER:PASSWORD@imap.example.com/INBOX.";
        let url = Url::parse(url.trim()).map_err(|_| form)?;
        let (tls, usual) = match url.scheme() {
            "imaps" => (true, 993),
            "imap" => (false, 143),
            _ => return Err(form),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(form)?.to_owned();
        if !tls && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
            return Err("must begin with imaps://; imap:// sends the password in the clear and is for this machine alone.");
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| form);
        let (user, password) = (decoded(url.username())?, decoded(url.password().unwrap_or_default())?);
        let folder = decoded(url.path().trim_start_matches('/'))?;
        let plain = |text: &str| !text.contains(['\r', '\n', '\0']);
        if user.is_empty() || password.is_empty() || url.query().is_some() || ![&user, &password, &folder].into_iter().all(|text| plain(text)) {
            return Err(form);
        }
        let folder = if folder.is_empty() { "INBOX".to_owned() } else { folder };
        Ok(Account { host, port: url.port().unwrap_or(usual), tls, user, password: password.into(), folder, roots: vec![] })
    }

    /// Trusts the certificates in this PEM file as well as those of the web.
    pub fn trusting(mut self, pem: &[u8]) -> Result<Account, &'static str> {
        self.roots.extend(dialer::certificates(pem)?);
        Ok(self)
    }

    fn connector(&self) -> Result<TlsConnector, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for der in &self.roots {
            roots.add(der.clone()).map_err(|error| error.to_string())?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }

    /// Opens the folder.
    pub async fn open(&self) -> Result<Folder, Failure> {
        let late = || Failure::Timeout(self.host.clone());
        let broken = |why: String| Failure::Unreachable(self.host.clone(), why);
        let bare = self.host.trim_matches(['[', ']']);
        let tcp = timeout(COMMAND, TcpStream::connect((bare, self.port))).await.map_err(|_| late())?.map_err(|error| broken(error.to_string()))?;
        let wire: Box<dyn Wire> = if self.tls {
            let untrusted = |why: String| Failure::Tls(self.host.clone(), why);
            let name = ServerName::try_from(bare.to_owned()).map_err(|error| untrusted(error.to_string()))?;
            let connector = self.connector().map_err(untrusted)?;
            Box::new(timeout(COMMAND, connector.connect(name, tcp)).await.map_err(|_| late())?.map_err(|error| untrusted(error.to_string()))?)
        } else {
            Box::new(tcp)
        };
        let said = |error: async_imap::error::Error| Failure::Refused(self.host.clone(), plain(&error.to_string()));
        let mut client = Client::new(wire);
        match timeout(COMMAND, client.read_response()).await {
            Err(_) => return Err(late()),
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None)) => return Err(broken("it closed the connection".to_owned())),
            Ok(Err(error)) => return Err(broken(error.to_string())),
        }
        let login = timeout(COMMAND, client.login(&self.user, self.password.expose_secret())).await.map_err(|_| late())?;
        let mut session = login.map_err(|(error, _)| match error {
            async_imap::error::Error::No(_) | async_imap::error::Error::Bad(_) => Failure::Login(self.host.clone()),
            other => said(other),
        })?;
        let offers = timeout(COMMAND, session.capabilities()).await.map_err(|_| late())?.map_err(said)?;
        let opened = timeout(COMMAND, session.examine(&self.folder)).await.map_err(|_| late())?.map_err(said)?;
        let validity = opened.uid_validity.ok_or_else(|| Failure::Refused(self.host.clone(), "no UIDVALIDITY".to_owned()))?;
        Ok(Folder { session, host: self.host.clone(), listens: offers.has_str("IDLE"), validity, next: opened.uid_next.unwrap_or(1) })
    }
}

/// An open folder.
pub struct Folder {
    session: Session<Box<dyn Wire>>,
    host: String,
    listens: bool,
    /// The number under which the ids of its mails hold.
    pub validity: u32,
    /// The id that the next mail would have got when it was opened.
    pub next: u32,
}

impl Folder {
    fn said(&self, error: &dyn fmt::Display) -> Failure {
        Failure::Refused(self.host.clone(), plain(&error.to_string()))
    }

    /// The ids of mails after this one, lowest first; only those that came on this day or later, where one is given.
    pub async fn after(&mut self, last: u32, since: Option<jiff::civil::Date>) -> Result<Vec<u32>, Failure> {
        let mut question = format!("UID {}:*", last.saturating_add(1));
        if let Some(day) = since {
            question.push_str(&format!(" SINCE {}", day.strftime("%-d-%b-%Y")));
        }
        let found = match timeout(COMMAND, self.session.uid_search(&question)).await {
            Err(_) => return Err(Failure::Timeout(self.host.clone())),
            Ok(found) => found.map_err(|error| self.said(&error))?,
        };
        // "10:*" names the last mail also where its id is lower.
        let mut ids: Vec<u32> = found.into_iter().filter(|id| *id > last).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// One mail as it is, without marking it read; what is longer than a mail may be is cut off, so that it counts as too
    /// long. None where it is gone.
    pub async fn mail(&mut self, id: u32) -> Result<Option<Vec<u8>>, Failure> {
        let question = format!("(UID BODY.PEEK[]<0.{}>)", LONGEST + 1);
        let host = self.host.clone();
        let refused = |error: async_imap::error::Error| Failure::Refused(host.clone(), plain(&error.to_string()));
        let fetch = async {
            let mut answers = self.session.uid_fetch(id.to_string(), question).await.map_err(refused)?;
            let mut found = None;
            while let Some(answer) = answers.next().await {
                let answer = answer.map_err(refused)?;
                if answer.uid == Some(id)
                    && let Some(body) = answer.body()
                {
                    found = Some(body.to_vec());
                }
            }
            Ok(found)
        };
        timeout(FETCH, fetch).await.map_err(|_| Failure::Timeout(host.clone()))?
    }

    /// Waits until the server tells of something, or for so long where it does not tell by itself.
    pub async fn wait(self, poll: Duration) -> Result<Folder, Failure> {
        let Folder { mut session, host, listens, validity, next } = self;
        let refused = |error: async_imap::error::Error| Failure::Refused(host.clone(), plain(&error.to_string()));
        let late = |_| Failure::Timeout(host.clone());
        if listens {
            let mut idle = session.idle();
            timeout(COMMAND, idle.init()).await.map_err(late)?.map_err(refused)?;
            let (told, _interrupt) = idle.wait_with_timeout(LISTEN);
            told.await.map_err(refused)?;
            session = timeout(COMMAND, idle.done()).await.map_err(late)?.map_err(refused)?;
        } else {
            tokio::time::sleep(poll).await;
            timeout(COMMAND, session.noop()).await.map_err(late)?.map_err(refused)?;
        }
        Ok(Folder { session, host, listens, validity, next })
    }
}

/// Words of a server for a line of the log.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_an_address_with_tls_unless_it_is_this_machine() {
        let read = |url: &str| Account::parse(url).map(|account| format!("{account:?} {}", account.tls));
        assert_eq!(read("imaps://ana%40example.com:p%2Fw@imap.example.com").unwrap(), "Account(ana@example.com@imap.example.com:993/INBOX) true");
        assert_eq!(read("imaps://a:b@imap.example.com:1993/Archive%20of%202026").unwrap(), "Account(a@imap.example.com:1993/Archive of 2026) true");
        assert_eq!(read("imap://a:b@127.0.0.1:1143").unwrap(), "Account(a@127.0.0.1:1143/INBOX) false");
        for wrong in [
            "imap://a:secret@imap.example.com",
            "imaps://imap.example.com",
            "imaps://a@imap.example.com",
            "https://a:b@x",
            "imaps://a:b%0d%0a@x",
            "x",
            "imaps://a:b@x/INBOX?y",
        ] {
            let why = Account::parse(wrong).unwrap_err();
            assert!(why.starts_with("must ") && !why.contains("secret"), "{wrong}");
        }
    }

    /// A server that answers each command with the next of these lines, and says what it was asked.
    async fn scripted(answers: &'static [&'static str]) -> (Account, tokio::task::JoinHandle<Vec<String>>) {
        use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let (mut lines, mut asked) = (BufReader::new(read).lines(), vec![]);
            write.write_all(b"* OK ready\r\n").await.unwrap();
            for answer in answers {
                let Ok(Some(line)) = lines.next_line().await else { break };
                let (tag, command) = line.split_once(' ').unwrap();
                write.write_all(answer.replace("TAG", tag).as_bytes()).await.unwrap();
                asked.push(command.to_owned());
            }
            asked
        });
        (Account::parse(&format!("imap://ana:open%20sesame@127.0.0.1:{port}")).unwrap(), asked)
    }

    const HELLO: [&str; 3] = [
        "TAG OK in\r\n",
        "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n",
        "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 12] x\r\nTAG OK [READ-ONLY] x\r\n",
    ];

    #[tokio::test]
    async fn a_server_that_does_not_tell_by_itself_is_asked_again_and_nothing_is_changed_there() {
        const ANSWERS: [&str; 7] = [
            HELLO[0],
            HELLO[1],
            HELLO[2],
            "* SEARCH 11 9\r\nTAG OK\r\n",
            "* 2 FETCH (UID 11 BODY[]<0> {5}\r\nHello)\r\nTAG OK\r\n",
            "TAG OK\r\n",
            "* SEARCH 11\r\nTAG OK\r\n",
        ];
        let (account, asked) = scripted(&ANSWERS).await;
        let mut folder = account.open().await.unwrap();
        assert_eq!((folder.validity, folder.next), (7, 12));
        assert_eq!(folder.after(10, Some(jiff::civil::date(2026, 3, 1))).await.unwrap(), [11], "the last one is always named");
        assert_eq!(folder.mail(11).await.unwrap().as_deref(), Some(&b"Hello"[..]));
        let mut folder = folder.wait(Duration::from_millis(1)).await.unwrap();
        assert_eq!(folder.after(11, None).await.unwrap(), Vec::<u32>::new());
        drop(folder);
        let asked = asked.await.unwrap();
        let wanted = [
            "LOGIN",
            "CAPABILITY",
            "EXAMINE",
            "UID SEARCH UID 11:* SINCE 1-Mar-2026",
            "UID FETCH 11 (UID BODY.PEEK[]<0.",
            "NOOP",
            "UID SEARCH UID 12:*",
        ];
        assert!(asked.len() == wanted.len() && asked.iter().zip(wanted).all(|(asked, wanted)| asked.starts_with(wanted)), "{asked:?}");
    }

    #[tokio::test]
    async fn a_refused_password_is_named_and_not_told() {
        let (account, _) = scripted(&["TAG NO [AUTHENTICATIONFAILED] not open sesame\r\n"]).await;
        let why = account.open().await.map(drop).unwrap_err().to_string();
        assert_eq!(why, "127.0.0.1 refused the user or the password.");
        assert!(!format!("{account:?}").contains("sesame"));
    }
}

//! A relay with TLS: a front that decrypts and hands on to a catcher.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto};

use super::{address, mail};
use crate::catcher::{Behaviour, Catcher};
use crate::email::{Connection, Failure, FailureKind, Stage, Transport, render};

#[derive(Clone, Copy, PartialEq)]
enum Front {
    Implicit,
    StartTls,
    Injected,
}

async fn front(kind: Front, catcher: SocketAddr) -> (SocketAddr, Vec<u8>) {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let der = key.cert.der().clone();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key.signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut catcher = BufReader::new(TcpStream::connect(catcher).await.unwrap());
            if kind != Front::Implicit {
                // Our own greeting and EHLO; the catcher's greeting is swallowed.
                catcher.read_line(&mut String::new()).await.unwrap();
                client.write_all(b"220 front\r\n").await.unwrap();
                let mut lines = BufReader::new(&mut client);
                lines.read_line(&mut String::new()).await.unwrap();
                lines.write_all(b"250-front\r\n250 STARTTLS\r\n").await.unwrap();
                lines.read_line(&mut String::new()).await.unwrap();
                let injected = if kind == Front::Injected { "250 AUTH PLAIN\r\n" } else { "" };
                lines.write_all(format!("220 Go\r\n{injected}").as_bytes()).await.unwrap();
            }
            if let Ok(mut client) = acceptor.accept(client).await {
                let _ = copy_bidirectional(&mut client, &mut catcher).await;
            }
        }
    });
    (addr, der.to_vec())
}

async fn connect(url: String, root: Option<Vec<u8>>) -> Result<Connection, Failure> {
    let transport = Transport::parse(&url).unwrap();
    match root {
        Some(root) => transport.with_extra_root(root).connect().await,
        None => transport.connect().await,
    }
}

async fn signing_catcher() -> Catcher {
    Catcher::start_with("127.0.0.1:0", Behaviour::new().credentials("u", "p")).await.unwrap()
}

#[tokio::test]
async fn mail_goes_through_tls_with_a_trusted_certificate() {
    for (kind, scheme) in [(Front::Implicit, "smtps"), (Front::StartTls, "smtp+starttls")] {
        let catcher = signing_catcher().await;
        let (addr, root) = front(kind, catcher.addr()).await;
        let url = format!("{scheme}://u:p@localhost:{}", addr.port());
        let mut connection = connect(url, Some(root)).await.unwrap();
        let bytes = render(&mail("Hello", "Hi")).unwrap();
        let to = address("bo@example.org");
        let offered = connection.offer(None, &to, false, bytes.len()).await.unwrap();
        offered.finish(&bytes).await.unwrap();
        assert_eq!(catcher.messages()[0].raw, bytes);
    }
}

#[tokio::test]
async fn no_password_leaves_without_a_trusted_certificate() {
    // limits.md V-35: unknown authority, wrong name, injected text, no STARTTLS.
    let catcher = signing_catcher().await;
    for (kind, scheme, host, trusted) in [
        (Front::Implicit, "smtps", "localhost", false),
        (Front::StartTls, "smtp+starttls", "localhost", false),
        (Front::Implicit, "smtps", "127.0.0.1", true),
        (Front::StartTls, "smtp+starttls", "127.0.0.1", true),
        (Front::Injected, "smtp+starttls", "localhost", true),
    ] {
        let (addr, root) = front(kind, catcher.addr()).await;
        let url = format!("{scheme}://u:p@{host}:{}", addr.port());
        let failure = connect(url, trusted.then_some(root)).await.unwrap_err();
        assert_eq!((failure.stage, failure.kind), (Stage::Tls, FailureKind::Config), "{scheme} {host}: {failure}");
    }
    let url = format!("smtp+starttls://u:p@localhost:{}", catcher.addr().port());
    let failure = connect(url, None).await.unwrap_err();
    assert_eq!((failure.stage, failure.kind), (Stage::Tls, FailureKind::Config));
    let refusing = Catcher::start_with("127.0.0.1:0", Behaviour::new().offer_starttls()).await.unwrap();
    let url = format!("smtp+starttls://u:p@localhost:{}", refusing.addr().port());
    let failure = connect(url, None).await.unwrap_err();
    assert_eq!((failure.stage, failure.kind, failure.code), (Stage::Tls, FailureKind::Transient, Some(454)));
    assert!(!catcher.commands().contains(&"AUTH".to_owned()) && !refusing.commands().contains(&"AUTH".to_owned()));
}

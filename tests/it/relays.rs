//! Relays that misbehave, each through the worker as it runs: what becomes of the message is what docs/OPERATIONS.md says,
//! no lane is stuck, what waits arrives once the relay is well, and no password leaves on a bad channel.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign::catcher::{Action, Behaviour, Catcher, Rule, Verb};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::State;
use countersign::domain::outbox::uncertain;
use countersign::email::{Timeouts, Transport};
use countersign::worker;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::support::{Desk, OPERATOR, sql};

/// The time-outs of the tests; those of the product are looked at below.
const QUICK: Duration = Duration::from_millis(400);
/// Longer than any of them.
const LONG: Duration = Duration::from_secs(20);

fn quick() -> Timeouts {
    Timeouts { connect: QUICK, command: QUICK, block: QUICK, dot: QUICK }
}

/// What docs/OPERATIONS.md says: row and column to one of waits, fails, uncertain, sent.
fn documented() -> BTreeMap<(String, String), String> {
    let text = include_str!("../../docs/OPERATIONS.md");
    let table = text.split("## When a relay misbehaves").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut rows = table.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>();
    let columns = cells(rows.next().unwrap());
    let mut said = BTreeMap::new();
    for row in rows.skip(1).map(cells) {
        for (column, cell) in columns.iter().zip(&row).skip(1) {
            said.insert((row[0].clone(), column.clone()), cell.clone());
        }
    }
    said
}

/// How a misbehaviour is called in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Later,
    Busy,
    Refuses,
    HangsUp,
    Resets,
    IsSilent,
    Drips,
    TalksNonsense,
    StopsHalfWay,
    TakesItsTime,
}

impl Does {
    const ALL: [Does; 10] = [
        Does::Later,
        Does::Busy,
        Does::Refuses,
        Does::HangsUp,
        Does::Resets,
        Does::IsSilent,
        Does::Drips,
        Does::TalksNonsense,
        Does::StopsHalfWay,
        Does::TakesItsTime,
    ];

    fn row(self) -> &'static str {
        match self {
            Does::Later => "answers 4xx",
            Does::Busy => "answers 421 and hangs up",
            Does::Refuses => "answers 5xx",
            Does::HangsUp => "hangs up without a word",
            Does::Resets => "resets the connection",
            Does::IsSilent => "says nothing",
            Does::Drips => "drips one octet at a time",
            Does::TalksNonsense => "answers what is no reply",
            Does::StopsHalfWay => "begins a reply of several lines and stops",
            Does::TakesItsTime => "answers well, late and in several lines",
        }
    }

    fn action(self, verb: Verb) -> Action {
        let fine = match verb {
            Verb::Connect => "220 relay\nready",
            Verb::Data => "354 go\non",
            _ => "250 fine\nindeed",
        };
        match self {
            Does::Later => Action::Reply("450 4.3.0 Later\nplease".into()),
            Does::Busy => Action::Reply("421 4.3.2 Closing".into()),
            Does::Refuses => Action::Reply("554 5.7.1 No\nnever".into()),
            Does::HangsUp => Action::Close,
            Does::Resets => Action::Reset,
            Does::IsSilent => Action::Hang(LONG),
            Does::Drips => Action::Drip(b"250 ok\r\n".repeat(200), Duration::from_millis(100)),
            Does::TalksNonsense => Action::Raw(b"\x00\xff nonsense\r\n".to_vec()),
            Does::StopsHalfWay => Action::Raw(b"250-first\r\n".to_vec()),
            Does::TakesItsTime => Action::Late(QUICK / 4, fine.into()),
        }
    }
}

/// Hands one message to a relay and says what became of it, in the words of the table, and how far it came.
async fn outcome(desk: &Desk, transport: Transport) -> (String, String) {
    let (id, said, stage) = first_attempt(desk, transport).await;
    if said == "waits" {
        // A relay that is well again gets it, once.
        sql(desk, "UPDATE outbox SET not_before = 0 WHERE state = 'queued'");
        let before = desk.catcher.messages().len();
        desk.drain().await;
        assert_eq!((desk.catcher.messages().len() - before, desk.message(&id).row.state), (1, State::Sent), "what waited arrives once");
    }
    (said.to_owned(), stage)
}

async fn first_attempt(desk: &Desk, transport: Transport) -> (String, &'static str, String) {
    let to = format!("p{}@example.com", desk.now().micros());
    let (status, answer) = desk.send(Mode::Autonomous, &to, json!({"consent_basis": "consent"})).await;
    assert_eq!(status, 202, "{answer}");
    let id = answer["id"].as_str().unwrap().to_owned();
    let (sender, receiver) = watch::channel(false);
    let running = actix_web::rt::spawn(worker::run(desk.state.clone(), Some(transport), receiver));
    let message = desk.message(&id).row.id;
    let attempt = loop {
        if let Some(attempt) = desk.read(|conn| uncertain::history(conn, &OPERATOR, &message)).attempts.pop() {
            break attempt;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    sender.send_replace(true);
    tokio::time::timeout(LONG, running).await.expect("a lane is stuck").unwrap();
    let said = match desk.message(&id).row.state {
        State::Queued => "waits",
        State::Failed => "fails",
        State::Uncertain => "uncertain",
        State::Sent => "sent",
        other => panic!("the message is {other}"),
    };
    (id, said, attempt.stage.unwrap_or_default())
}

fn to(addr: SocketAddr) -> Transport {
    Transport::parse(&format!("smtp://{addr}")).unwrap().with_timeouts(quick())
}

/// Every misbehaviour at one stage, with and without pipelining.
async fn all_at(verb: Verb, column: &str, stages: &[&str]) {
    let (desk, documented) = (Desk::new().await, documented());
    for does in Does::ALL {
        for pipelining in [true, false] {
            let mut behaviour = Behaviour::new().with(Rule::at(verb, does.action(verb)));
            if !pipelining {
                behaviour = behaviour.without("PIPELINING");
            }
            let relay = Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap();
            let (said, stage) = outcome(&desk, to(relay.addr())).await;
            let expected = &documented[&(does.row().to_owned(), column.to_owned())];
            assert_eq!(said, *expected, "a relay that {} at {verb:?}, pipelining {pipelining}", does.row());
            let reached = if said == "sent" { "dot" } else { stage.as_str() };
            assert!(said == "sent" || stages.contains(&reached), "{does:?} at {verb:?} came to {stage}");
            assert_eq!(relay.messages().len(), usize::from(said == "sent" || (verb == Verb::Dot && does == Does::IsSilent)), "{does:?} at {verb:?}");
        }
    }
}

#[actix_web::test]
async fn at_the_greeting() {
    all_at(Verb::Connect, "greeting, EHLO", &["greeting"]).await;
}

#[actix_web::test]
async fn at_ehlo() {
    all_at(Verb::Ehlo, "greeting, EHLO", &["greeting"]).await;
}

#[actix_web::test]
async fn at_mail() {
    all_at(Verb::Mail, "MAIL, RCPT, DATA", &["mail"]).await;
}

#[actix_web::test]
async fn at_rcpt() {
    all_at(Verb::Rcpt, "MAIL, RCPT, DATA", &["rcpt"]).await;
}

#[actix_web::test]
async fn at_data() {
    all_at(Verb::Data, "MAIL, RCPT, DATA", &["data"]).await;
}

#[actix_web::test]
async fn at_the_final_dot() {
    all_at(Verb::Dot, "final dot", &["dot"]).await;
}

#[actix_web::test]
async fn in_the_middle_of_the_content() {
    let (desk, documented) = (Desk::new().await, documented());
    for does in [Does::Later, Does::Busy, Does::Refuses, Does::HangsUp, Does::Resets] {
        let behaviour = Behaviour::new().with(Rule::at(Verb::Content, does.action(Verb::Content)));
        let relay = Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap();
        let (said, _) = outcome(&desk, to(relay.addr())).await;
        let expected = &documented[&(does.row().to_owned(), "content".to_owned())];
        // Who hangs up while the dot is under way may have read it; nobody here can tell.
        assert!(expected.split(" or ").any(|one| one == said), "a relay that {} in the content: {said}, not {expected}", does.row());
        assert!(relay.messages().is_empty());
    }
}

#[actix_web::test]
async fn a_relay_that_keeps_the_message_and_hangs_up_leaves_it_uncertain_and_gets_no_second() {
    let desk = Desk::new().await;
    let relay = Catcher::start_with("127.0.0.1:0", Behaviour::new().with(Rule::at(Verb::Dot, Action::KeepAndClose))).await.unwrap();
    let (id, said, stage) = first_attempt(&desk, to(relay.addr())).await;
    assert_eq!((said, stage.as_str()), ("uncertain", "dot"));
    sql(&desk, "UPDATE outbox SET not_before = 0, claimed_until = 0");
    desk.drain().await;
    assert_eq!((relay.messages().len(), desk.catcher.messages().len()), (1, 0));
    assert_eq!(desk.message(&id).row.state, State::Uncertain);
}

#[actix_web::test]
async fn odd_replies_are_no_permission() {
    let desk = Desk::new().await;
    for (verb, action, expected) in [
        // A banner of 8 MiB without a line end.
        (Verb::Connect, Action::Raw(vec![b'2'; 8 << 20]), "waits"),
        (Verb::Connect, Action::Raw(b"250-x\r\n".repeat(100_000)), "waits"),
        // A success where another success is due, and a go-ahead after the dot.
        (Verb::Data, Action::Reply("250 2.0.0 Ok".into()), "waits"),
        (Verb::Dot, Action::Reply("354 Go on".into()), "uncertain"),
        (Verb::Mail, Action::Reply("354 Go on".into()), "waits"),
        (Verb::Dot, Action::Raw(b"550 5.7.1 Nein, \xfc\xf6\r\n".to_vec()), "fails"),
        (Verb::Dot, Action::Raw(b"250-one\r\n451 two\r\n".to_vec()), "uncertain"),
        (Verb::Rcpt, Action::Raw(b"250 ok\r\n250 and more\r\n".to_vec()), "waits"),
    ] {
        let case = format!("{verb:?} {action:?}").chars().take(80).collect::<String>();
        let relay = Catcher::start_with("127.0.0.1:0", Behaviour::new().without("PIPELINING").with(Rule::at(verb, action))).await.unwrap();
        assert_eq!(outcome(&desk, to(relay.addr())).await.0, expected, "{case}");
        assert!(relay.messages().is_empty(), "{case}");
    }
    // Nobody listens at all.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(outcome(&desk, to(closed)).await, ("waits".to_owned(), "connect".to_owned()));
}

/// How a relay's TLS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Good,
    Unknown,
    WrongName,
    Expired,
    Nonsense,
    HangsUp,
    IsSilent,
    /// STARTTLS is not offered, as if somebody had stripped it.
    Stripped,
    /// Plain text follows the answer to STARTTLS.
    Injected,
    /// The relay refuses STARTTLS for now, or for good.
    Later,
    Refused,
}

/// A relay that asks for a password, behind a TLS that is as told; and the root to trust.
async fn secured(channel: Channel, implicit: bool, inner: SocketAddr) -> (SocketAddr, Vec<u8>) {
    let names = vec![if channel == Channel::WrongName { "another.example" } else { "localhost" }.to_owned()];
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    if channel == Channel::Expired {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 1);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    let root = cert.der().to_vec();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { drop(one(client, channel, implicit, inner, acceptor).await) });
        }
    });
    (addr, root)
}

async fn one(mut client: TcpStream, channel: Channel, implicit: bool, inner: SocketAddr, acceptor: TlsAcceptor) -> std::io::Result<()> {
    let mut inner = BufReader::new(TcpStream::connect(inner).await?);
    if !implicit {
        // A greeting and EHLO of our own; the inner greeting is swallowed.
        inner.read_line(&mut String::new()).await?;
        let mut plain = BufReader::new(&mut client);
        plain.write_all(b"220 front\r\n").await?;
        plain.read_line(&mut String::new()).await?;
        let offer: &[u8] = if channel == Channel::Stripped {
            b"250-front\r\n250 AUTH PLAIN LOGIN\r\n"
        } else {
            b"250-front\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n"
        };
        plain.write_all(offer).await?;
        let mut line = String::new();
        plain.read_line(&mut line).await?;
        assert!(!line.contains("AUTH"), "a password on an open line");
        match channel {
            Channel::Stripped => return Ok(()),
            Channel::Later => return plain.write_all(b"454 4.7.0 Later\r\n").await,
            Channel::Refused => return plain.write_all(b"554 5.7.0 No\r\n").await,
            Channel::Injected => plain.write_all(b"220 Go\r\n250-front\r\n250 AUTH PLAIN\r\n").await?,
            _ => plain.write_all(b"220 Go\r\n").await?,
        }
    }
    match channel {
        Channel::Nonsense => client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await,
        Channel::HangsUp => Ok(()),
        Channel::IsSilent => {
            let mut ignored = vec![];
            client.read_to_end(&mut ignored).await.map(drop)
        }
        _ => {
            let mut client = acceptor.accept(client).await?;
            copy_bidirectional(&mut client, &mut inner).await.map(drop)
        }
    }
}

#[actix_web::test]
async fn no_password_and_no_mail_leave_on_a_bad_channel() {
    let desk = Desk::new().await;
    for implicit in [true, false] {
        for channel in [
            Channel::Good,
            Channel::Unknown,
            Channel::WrongName,
            Channel::Expired,
            Channel::Nonsense,
            Channel::HangsUp,
            Channel::IsSilent,
            Channel::Stripped,
            Channel::Injected,
            Channel::Later,
            Channel::Refused,
        ] {
            if implicit && matches!(channel, Channel::Stripped | Channel::Injected | Channel::Later | Channel::Refused) {
                continue;
            }
            let inner = Catcher::start_with("127.0.0.1:0", Behaviour::new().credentials("u", "p")).await.unwrap();
            let (addr, root) = secured(channel, implicit, inner.addr()).await;
            let scheme = if implicit { "smtps" } else { "smtp+starttls" };
            let mut transport = Transport::parse(&format!("{scheme}://u:p@localhost:{}", addr.port())).unwrap().with_timeouts(quick());
            if channel != Channel::Unknown {
                transport = transport.with_extra_root(root);
            }
            let (said, stage) = outcome(&desk, transport).await;
            let good = channel == Channel::Good;
            assert_eq!((said.as_str(), stage.as_str()), if good { ("sent", "dot") } else { ("waits", "tls") }, "{channel:?} {scheme}");
            let heard = inner.commands();
            assert_eq!(heard.iter().any(|line| line.starts_with("AUTH")), good, "{channel:?}: {heard:?}");
            assert_eq!(inner.messages().len(), usize::from(good), "{channel:?}");
        }
    }
}

#[actix_web::test]
async fn a_relay_that_does_not_let_us_sign_in_gets_nothing() {
    let desk = Desk::new().await;
    for (behaviour, case) in [
        (Behaviour::new().credentials("u", "another"), "another password"),
        (Behaviour::new().credentials("u", "p").with(Rule::at(Verb::Auth, Action::Reply("454 4.7.0 Later".into()))), "later"),
        (Behaviour::new().credentials("u", "p").with(Rule::at(Verb::Auth, Action::Close)), "hangs up"),
        (Behaviour::new().credentials("u", "p").with(Rule::at(Verb::Auth, Action::Hang(LONG))), "silent"),
        (Behaviour::new(), "no AUTH offered"),
    ] {
        let relay = Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap();
        let transport = Transport::parse(&format!("smtp://u:p@{}", relay.addr())).unwrap().with_timeouts(quick());
        assert_eq!(outcome(&desk, transport).await, ("waits".to_owned(), "auth".to_owned()), "{case}");
        assert!(relay.messages().is_empty() && !relay.commands().iter().any(|line| line.starts_with("MAIL")), "{case}");
    }
}

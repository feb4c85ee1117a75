//! Relays that hang up, fall silent or talk out of turn.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::address;
use super::send::{send, some, transport};
use crate::catcher::{Action, Behaviour, Catcher, Rule, Verb};
use crate::email::{Connection, FailureKind, Stage, Timeouts, Transport};

fn quick() -> Timeouts {
    let limit = Duration::from_millis(400);
    Timeouts { connect: limit, command: limit, block: limit, dot: limit }
}

/// With short limits, for relays that fall silent; elsewhere a busy machine would trip them.
async fn hasty(behaviour: Behaviour) -> (Catcher, Connection) {
    let catcher = Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap();
    let connection = transport(&catcher).with_timeouts(quick()).connect().await.unwrap();
    (catcher, connection)
}

/// A relay that says each line when it has read one (the first at once), then closes.
async fn puppet(lines: &'static [&'static str]) -> (Transport, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let relay = tokio::spawn(async move {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        let mut heard = String::new();
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                stream.read_line(&mut heard).await.unwrap();
            }
            stream.write_all(line.as_bytes()).await.unwrap();
        }
        let _ = stream.read_to_string(&mut heard).await;
        heard
    });
    (Transport::parse(&url).unwrap().with_timeouts(quick()), relay)
}

#[tokio::test]
async fn a_word_nobody_asked_for_stops_the_next_message() {
    let (transport, relay) = puppet(&["220 x\r\n", "250 x\r\n250 stale\r\n"]).await;
    let mut connection = transport.connect().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let failure = send(&mut connection, &some("x")).await.unwrap_err();
    assert_eq!((failure.stage, failure.kind), (Stage::Mail, FailureKind::Transient));
    assert!(!connection.is_reusable());
    assert!(!relay.await.unwrap().contains("MAIL"), "its answer would have been the stale one");
}

#[tokio::test]
async fn a_relay_that_gives_up_in_the_middle_of_the_content_is_heard() {
    let script: &[&str] = &["220 x\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n552 5.3.4 Too much\r\n"];
    let (transport, relay) = puppet(script).await;
    let mut connection = transport.connect().await.unwrap();
    let (from, to) = (address("desk@example.com"), address("bo@example.org"));
    let offered = connection.offer(Some(&from), &to, false, 9).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let failure = offered.finish(&some("x")).await.unwrap_err();
    assert_eq!((failure.stage, failure.kind, failure.code), (Stage::Data, FailureKind::Permanent, Some(552)));
    assert!(!relay.await.unwrap().contains("\r\n.\r\n"));
}

#[tokio::test]
async fn no_readable_reply_after_the_dot_is_unknown() {
    for action in [
        Action::Close,
        Action::KeepAndClose,
        Action::Hang(Duration::from_secs(5)),
        Action::Raw(b"hello?\r\n".to_vec()),
        Action::Raw(b"250-half\r\n".to_vec()),
        Action::Raw(vec![b'2'; 100_000]),
        Action::Reply("354 Go on".into()),
    ] {
        let (_catcher, mut connection) = hasty(Behaviour::new().with(Rule::at(Verb::Dot, action.clone()))).await;
        let failure = send(&mut connection, &some("x")).await.unwrap_err();
        assert_eq!((failure.stage, failure.kind), (Stage::Dot, FailureKind::Unknown), "{action:?}: {failure:?}");
        assert!(!connection.is_reusable());
        let again = send(&mut connection, &some("x")).await.unwrap_err();
        assert_eq!((again.stage, again.kind), (Stage::Mail, FailureKind::Transient));
    }
}

#[tokio::test]
async fn a_connection_lost_or_silent_before_the_dot_is_transient() {
    for (verb, stage) in [(Verb::Mail, Stage::Mail), (Verb::Rcpt, Stage::Rcpt), (Verb::Data, Stage::Data)] {
        for action in [Action::Close, Action::Hang(Duration::from_secs(5)), Action::Raw(b"xyz\r\n".to_vec())] {
            let rule = Rule::at(verb, action.clone());
            let (catcher, mut connection) = hasty(Behaviour::new().without("PIPELINING").with(rule)).await;
            let failure = send(&mut connection, &some("x")).await.unwrap_err();
            let seen = (failure.stage, failure.kind, failure.code);
            assert_eq!(seen, (stage, FailureKind::Transient, None), "{action:?}");
            assert!(!connection.is_reusable() && catcher.messages().is_empty());
        }
    }
}

#[tokio::test]
async fn what_goes_wrong_while_connecting_is_named() {
    let cases = [
        (Rule::at(Verb::Connect, Action::Reply("421 4.3.2 Busy".into())), FailureKind::Transient),
        (Rule::at(Verb::Connect, Action::Reply("554 5.7.1 Not you".into())), FailureKind::Config),
        (Rule::at(Verb::Connect, Action::Close), FailureKind::Transient),
        (Rule::at(Verb::Connect, Action::Hang(Duration::from_secs(5))), FailureKind::Transient),
        (Rule::at(Verb::Connect, Action::Raw(vec![b'2'; 8 << 20])), FailureKind::Transient),
        (Rule::at(Verb::Ehlo, Action::Reply("550 5.7.1 No".into())), FailureKind::Config),
    ];
    for (rule, kind) in cases {
        let case = format!("{rule:?}").chars().take(120).collect::<String>();
        let catcher = Catcher::start_with("127.0.0.1:0", Behaviour::new().with(rule)).await.unwrap();
        let failure = transport(&catcher).with_timeouts(quick()).connect().await.unwrap_err();
        assert_eq!((failure.stage, failure.kind), (Stage::Greeting, kind), "{case}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = Transport::parse(&format!("smtp://{closed}")).unwrap().connect().await.unwrap_err();
    assert_eq!((failure.stage, failure.kind), (Stage::Connect, FailureKind::Transient));
}

#[test]
fn the_answer_to_the_final_dot_is_waited_for_ten_minutes() {
    // RFC 5321 §4.5.3.2; a shorter wait makes duplicates.
    let limits = Transport::parse("smtp://mail.example.com").unwrap().timeouts();
    assert_eq!(limits.dot, Duration::from_secs(600));
    assert_eq!((limits.command, limits.block, limits.connect), (Duration::from_secs(300), Duration::from_secs(180), Duration::from_secs(30)));
}

use std::time::Duration;

use mail_parser::MessageParser;

use super::{address, mail};
use crate::catcher::{Action, Behaviour, Catcher, Rule, Verb};
use crate::email::{Accepted, Connection, Envelope, Failure, FailureKind, Stage, Transport, render};

async fn relay(behaviour: Behaviour) -> (Catcher, Connection) {
    let catcher = Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap();
    let connection = transport(&catcher).connect().await.unwrap();
    (catcher, connection)
}

pub(super) fn transport(catcher: &Catcher) -> Transport {
    Transport::parse(&format!("smtp://{}", catcher.addr())).unwrap().with_hello_name("desk.example.com")
}

pub(super) async fn send(connection: &mut Connection, bytes: &[u8]) -> Result<Accepted, Failure> {
    send_to(connection, "bo@example.org", bytes).await
}

async fn send_to(connection: &mut Connection, to: &str, bytes: &[u8]) -> Result<Accepted, Failure> {
    let from = address("desk@example.com");
    connection.offer(Some(&from), &address(to), false, bytes.len()).await?.finish(bytes).await
}

pub(super) fn some(text: &str) -> Vec<u8> {
    render(&mail("Hello", text)).unwrap()
}

fn reply(verb: Verb, text: &str) -> Rule {
    Rule::at(verb, Action::Reply(text.into()))
}

#[tokio::test]
async fn three_messages_go_over_one_connection_byte_for_byte() {
    for behaviour in [Behaviour::new(), Behaviour::new().without("PIPELINING")] {
        let (catcher, mut connection) = relay(behaviour).await;
        for n in 1..=3 {
            let accepted = send(&mut connection, &some(&format!("no {n}\n.\n.."))).await.unwrap();
            assert_eq!(accepted.reply, format!("250 2.0.0 Kept as {n}."));
            assert!(connection.is_reusable());
        }
        connection.quit().await;
        assert_eq!(catcher.connections(), 1);
        let commands = catcher.commands();
        assert_eq!(commands[0], "EHLO desk.example.com");
        assert!(commands[1].starts_with("MAIL FROM:<desk@example.com> SIZE="));
        assert_eq!(commands[2..5], ["RCPT TO:<bo@example.org>", "DATA", "."]);
        assert_eq!(commands.last().unwrap(), "QUIT");
        assert_eq!(commands.len(), 1 + 3 * 4 + 1);
        for (caught, n) in catcher.messages().iter().zip(1..) {
            assert_eq!(caught.raw, some(&format!("no {n}\n.\n..")));
            assert_eq!((caught.from.as_str(), caught.to.len()), ("desk@example.com", 1));
        }
    }
}

#[tokio::test]
async fn a_refusal_before_data_says_where_and_leaves_the_connection_usable() {
    for pipelining in [true, false] {
        for (verb, stage) in [(Verb::Mail, Stage::Mail), (Verb::Rcpt, Stage::Rcpt), (Verb::Data, Stage::Data)] {
            for (text, kind) in [("450 4.2.0 Later\nplease", FailureKind::Transient), ("550 5.1.1 Never", FailureKind::Permanent)] {
                let mut behaviour = Behaviour::new().with(reply(verb, text).times(1));
                if !pipelining {
                    behaviour = behaviour.without("PIPELINING");
                }
                let (catcher, mut connection) = relay(behaviour).await;
                let failure = send(&mut connection, &some("x")).await.unwrap_err();
                assert_eq!((failure.stage, failure.kind), (stage, kind), "{failure:?}");
                assert_eq!(failure.code, text[..3].parse().ok());
                assert_eq!(failure.enhanced.as_deref(), Some(&text[4..9]));
                assert_eq!(failure.text, text[10..].replace('\n', " "));
                assert!(connection.is_reusable());
                assert_eq!(catcher.commands().last().unwrap(), "RSET");
                send(&mut connection, &some("y")).await.unwrap();
                assert_eq!(catcher.messages().len(), 1);
            }
        }
    }
}

#[tokio::test]
async fn one_bad_recipient_does_not_spoil_the_next() {
    let (catcher, mut connection) = relay(Behaviour::new().with(reply(Verb::Rcpt, "550 5.1.1 No").for_address("no@example.org"))).await;
    assert_eq!(send_to(&mut connection, "no@example.org", &some("x")).await.unwrap_err().stage, Stage::Rcpt);
    send_to(&mut connection, "yes@example.org", &some("x")).await.unwrap();
    assert_eq!(catcher.messages()[0].to, ["yes@example.org"]);
}

#[tokio::test]
async fn refusals_after_the_dot_are_certain_and_keep_the_connection() {
    for (text, kind) in [("451 4.3.0 Later", FailureKind::Transient), ("554 5.7.1 Spam", FailureKind::Permanent)] {
        let (catcher, mut connection) = relay(Behaviour::new().with(reply(Verb::Dot, text).times(1))).await;
        let failure = send(&mut connection, &some("x")).await.unwrap_err();
        assert_eq!((failure.stage, failure.kind), (Stage::Dot, kind));
        assert!(catcher.messages().is_empty());
        assert!(connection.is_reusable());
        send(&mut connection, &some("x")).await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_that_is_not_utf8_is_still_a_refusal() {
    let latin1 = Action::Raw(b"550 5.7.1 R\xe9fus\xe9\r\n".to_vec());
    let (_catcher, mut connection) = relay(Behaviour::new().with(Rule::at(Verb::Dot, latin1))).await;
    let failure = send(&mut connection, &some("x")).await.unwrap_err();
    assert_eq!((failure.kind, failure.text.as_str()), (FailureKind::Permanent, "R\u{fffd}fus\u{fffd}"));
}

#[tokio::test]
async fn a_second_reply_after_the_dot_ends_the_connection() {
    let two = Action::Raw(b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n".to_vec());
    let (_catcher, mut connection) = relay(Behaviour::new().with(Rule::at(Verb::Dot, two))).await;
    assert!(send(&mut connection, &some("x")).await.is_ok());
    assert!(!connection.is_reusable(), "the next message would read the wrong reply");
}

#[tokio::test]
async fn a_421_is_transient_and_ends_the_connection() {
    for verb in [Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Dot] {
        let (_catcher, mut connection) = relay(Behaviour::new().with(reply(verb, "421 4.3.2 Going down"))).await;
        let failure = send(&mut connection, &some("x")).await.unwrap_err();
        assert_eq!((failure.kind, failure.code), (FailureKind::Transient, Some(421)), "{verb:?}");
        assert!(!connection.is_reusable());
    }
}

#[tokio::test]
async fn dropped_before_the_dot_nothing_is_sent() {
    let (catcher, mut connection) = relay(Behaviour::new()).await;
    let (from, to) = (address("desk@example.com"), address("bo@example.org"));
    let bytes = some("x");
    drop(connection.offer(Some(&from), &to, false, bytes.len()).await.unwrap());
    assert!(!connection.is_reusable());
    let mut connection = transport(&catcher).connect().await.unwrap();
    drop(connection.offer(None, &to, false, bytes.len()).await.unwrap().body(&bytes).await.unwrap());
    assert!(!connection.is_reusable());
    // The same by cancelling in the middle of a step.
    let slow = Behaviour::new().with(Rule::at(Verb::Rcpt, Action::Hang(Duration::from_millis(100))));
    let (slow, mut connection) = relay(slow).await;
    let offer = connection.offer(Some(&from), &to, false, 1);
    assert!(tokio::time::timeout(Duration::from_millis(20), offer).await.is_err());
    assert!(!connection.is_reusable());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(catcher.messages().is_empty() && slow.messages().is_empty());
    assert!(!catcher.commands().contains(&".".to_owned()));
    assert!(catcher.commands().contains(&"MAIL FROM:<> SIZE=".to_owned()) || catcher.commands().iter().any(|c| c.starts_with("MAIL FROM:<> ")));
}

#[tokio::test]
async fn a_relay_that_leaves_during_the_commit_cannot_have_taken_it() {
    let (catcher, mut connection) = relay(Behaviour::new().idle(Duration::from_millis(50))).await;
    let (from, to, bytes) = (address("desk@example.com"), address("bo@example.org"), some("x"));
    let ready = connection.offer(Some(&from), &to, false, bytes.len()).await.unwrap().body(&bytes).await.unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    let failure = ready.write_dot().await.unwrap_err();
    assert_eq!((failure.stage, failure.kind, failure.code), (Stage::Data, FailureKind::Transient, Some(421)));
    assert!(catcher.messages().is_empty());
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn nothing_in_a_body_ends_it_early_or_begins_another() {
    let next = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nX: y\r\n\r\nz";
    for end in ["\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n\n.\r\r\n", "\r\n..\r\n", "\r\n.\r\r\n"] {
        let (catcher, mut connection) = relay(Behaviour::new()).await;
        let text = format!("one{end}{next}{end}two");
        send(&mut connection, &some(&text)).await.unwrap();
        let [caught] = catcher.messages().try_into().unwrap();
        assert_eq!(caught.raw, some(&text), "{end:?}");
        let parsed = MessageParser::default().parse(&caught.raw).unwrap();
        assert_eq!(parsed.body_text(0).unwrap().trim_end(), crate::email::headers::crlf(&text));
        assert_eq!(catcher.commands().iter().filter(|line| line.starts_with("MAIL")).count(), 1);
        // Raw bytes of whatever origin: stuffed when clean, refused before the wire otherwise.
        let raw = format!("Subject: x\r\n\r\none{end}{next}");
        let sent = send(&mut connection, raw.as_bytes()).await;
        match crate::email::wire::check(raw.as_bytes(), false) {
            Ok(()) => {
                sent.unwrap();
                assert_eq!(catcher.messages()[1].raw, format!("{raw}\r\n").as_bytes());
            }
            Err(_) => {
                assert_eq!((sent.unwrap_err().kind, connection.is_reusable()), (FailureKind::Permanent, false));
                assert_eq!(catcher.messages().len(), 1);
            }
        }
        assert!(catcher.messages().iter().all(|caught| caught.from == "desk@example.com"));
    }
}

#[tokio::test]
async fn long_lines_emoji_and_big_bodies_arrive_unchanged() {
    let (catcher, mut connection) = relay(Behaviour::new()).await;
    let mut big = mail("Wir sehen uns 🎉🎉 in Zürich", &format!("{}\n", "x".repeat(10_000)).repeat(200));
    big.html = Some(format!("<p>{}</p>", "日本".repeat(100_000)));
    let bytes = render(&big).unwrap();
    send(&mut connection, &bytes).await.unwrap();
    let caught = &catcher.messages()[0];
    assert_eq!((caught.raw == bytes, caught.subject.as_str()), (true, "Wir sehen uns 🎉🎉 in Zürich"));
    assert!(caught.raw.split(|b| *b == b'\n').all(|line| line.len() <= 999));
}

#[tokio::test]
async fn international_addresses_travel_as_the_relay_can_take_them() {
    let (catcher, mut connection) = relay(Behaviour::new()).await;
    send_to(&mut connection, "bo@bücher.example", &some("x")).await.unwrap();
    assert_eq!(catcher.messages()[0].to, ["bo@xn--bcher-kva.example"]);
    assert!(!catcher.commands()[1].contains("SMTPUTF8"));

    let mut utf8 = mail("Hello", "Hi");
    utf8.to_address = address("bø@bücher.example");
    assert!(utf8.needs_smtputf8());
    let bytes = render(&utf8).unwrap();
    send_to(&mut connection, "bø@bücher.example", &bytes).await.unwrap();
    assert_eq!((catcher.messages()[1].to[0].as_str(), catcher.messages()[1].raw == bytes), ("bø@xn--bcher-kva.example", true));
    assert!(catcher.commands().iter().any(|line| line.ends_with(" BODY=8BITMIME SMTPUTF8")));

    let (catcher, mut connection) = relay(Behaviour::new().without("SMTPUTF8")).await;
    let failure = send_to(&mut connection, "bø@example.org", &bytes).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert_eq!(failure.text, "\"bø@example.org\" needs a mail relay with SMTPUTF8; 127.0.0.1 does not offer it.");
    assert!(connection.is_reusable() && catcher.commands().len() == 1);
}

#[tokio::test]
async fn a_message_too_big_for_the_relay_is_refused_before_a_word() {
    let (catcher, mut connection) = relay(Behaviour::new().size(500)).await;
    let failure = send(&mut connection, &some(&"x".repeat(600))).await.unwrap_err();
    assert_eq!((failure.stage, failure.kind), (Stage::Mail, FailureKind::Permanent));
    assert_eq!(catcher.commands().len(), 1);
}

/// The relay answers the dot only after it heard MAIL: a client that waits for the answer first never gets one.
#[tokio::test]
async fn the_dot_and_the_next_message_are_one_write() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let relay = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 here\r\n").await.unwrap();
        let mut heard = String::new();
        let mut dots = 0;
        loop {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            if read == 0 {
                return heard;
            }
            heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            if heard.ends_with("DATA\r\n") {
                let dot = heard.matches("\r\n.\r\nMAIL FROM").count();
                let answers: &[u8] = if dot > dots { b"250 taken\r\n250 ok\r\n250 ok\r\n354 go\r\n" } else { b"250 ok\r\n250 ok\r\n354 go\r\n" };
                dots = dot;
                stream.write_all(answers).await.unwrap();
            } else if heard.ends_with("\r\n.\r\n") {
                stream.write_all(b"250 taken\r\n").await.unwrap();
            } else if heard.ends_with("\r\n") && heard.lines().last().is_some_and(|line| line.starts_with("EHLO")) {
                stream.write_all(b"250-here\r\n250-PIPELINING\r\n250 DSN\r\n").await.unwrap();
            }
        }
    });
    let mut connection = Transport::parse(&format!("smtp://127.0.0.1:{port}")).unwrap().connect().await.unwrap();
    let (to, bytes) = (address("bo@example.org"), render(&mail("Hello", "Hi")).unwrap());
    let envelope = Envelope { from: None, to: &to, smtputf8: false, size: bytes.len(), id: Some("key@example.org") };
    let first = connection.announce(&envelope).await.unwrap().body(&bytes).await.unwrap();
    let (answer, next) = first.write_dot_then(Some(&envelope)).await;
    assert_eq!(answer.unwrap().reply, "250 taken");
    let second = next.unwrap().unwrap().body(&bytes).await.unwrap();
    assert_eq!(second.write_dot().await.unwrap().reply, "250 taken");
    drop(connection);
    let heard = relay.await.unwrap();
    assert_eq!(heard.matches("ENVID=key@example.org").count(), 2, "{heard}");
}

#[tokio::test]
async fn a_refusal_at_the_dot_does_not_spoil_the_message_behind_it() {
    let refuse = Rule::at(Verb::Dot, Action::Reply("554 5.7.1 no".into())).times(1);
    let (catcher, mut connection) = relay(Behaviour::new().with(refuse)).await;
    let (to, bytes) = (address("bo@example.org"), render(&mail("Hello", "Hi")).unwrap());
    let envelope = Envelope { from: None, to: &to, smtputf8: false, size: bytes.len(), id: None };
    let first = connection.announce(&envelope).await.unwrap().body(&bytes).await.unwrap();
    let (answer, next) = first.write_dot_then(Some(&envelope)).await;
    assert_eq!(answer.unwrap_err().kind, FailureKind::Permanent);
    next.unwrap().unwrap().finish(&bytes).await.unwrap();
    assert_eq!(catcher.messages().len(), 1);
    assert!(connection.is_reusable());
}

#[tokio::test]
async fn the_next_message_refused_behind_a_dot_leaves_both_answers_apart() {
    let refuse = Rule::at(Verb::Rcpt, Action::Reply("550 5.1.1 nobody".into())).for_address("no@example.org");
    let (catcher, mut connection) = relay(Behaviour::new().with(refuse)).await;
    let (to, nobody, bytes) = (address("bo@example.org"), address("no@example.org"), render(&mail("Hello", "Hi")).unwrap());
    let envelope = Envelope { from: None, to: &to, smtputf8: false, size: bytes.len(), id: None };
    let first = connection.announce(&envelope).await.unwrap().body(&bytes).await.unwrap();
    let (answer, next) = first.write_dot_then(Some(&Envelope { to: &nobody, ..envelope })).await;
    assert!(answer.is_ok());
    assert_eq!(next.unwrap().err().unwrap().code, Some(550));
    assert!(connection.is_reusable(), "the transaction was reset");
    assert_eq!(catcher.messages().len(), 1);
}

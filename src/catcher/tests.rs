use std::sync::{Arc, Mutex};
use std::time::Duration;

use lettre::message::SinglePart;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Action, Behaviour, Catcher, Rule, Verb};

const ENVELOPE: &str = "EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n";

async fn catcher() -> Catcher {
    Catcher::start("127.0.0.1:0").await.unwrap()
}

async fn scripted(behaviour: Behaviour) -> Catcher {
    Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap()
}

/// Says everything, then QUIT, and returns all that was answered until the end.
async fn say(catcher: &Catcher, what: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(catcher.addr()).await.unwrap();
    // A catcher that hangs up first makes these fail; its answer is what counts.
    let _ = stream.write_all(what.as_ref()).await;
    let _ = stream.write_all(b"QUIT\r\n").await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await {
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(answer).unwrap()
}

fn codes(answer: &str) -> Vec<&str> {
    answer.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect()
}

#[tokio::test]
async fn a_message_is_kept_as_it_was_said_with_its_dots_unstuffed() {
    let catcher = catcher().await;
    let content = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n..\r\n..x\r\n. y\r\nend\r\n.\r\n";
    let answer = say(&catcher, format!("{ENVELOPE}{content}")).await;
    assert_eq!(codes(&answer), ["220", "250", "250", "250", "354", "250", "221"]);
    let [caught] = catcher.messages().try_into().unwrap();
    assert_eq!(caught.id, 1);
    assert_eq!((caught.from.as_str(), caught.to.as_slice()), ("a@example.com", &["b@example.com".to_owned()][..]));
    assert_eq!(caught.subject, "Grüße");
    assert!(caught.raw.ends_with(b"\r\n\r\n.\r\n.x\r\n y\r\nend\r\n"), "{:?}", caught.raw);
}

#[tokio::test]
async fn ehlo_offers_what_is_held() {
    let answer = say(&catcher().await, "EHLO me\r\n").await;
    for offer in ["PIPELINING", "SIZE 26214400", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"] {
        assert!(answer.contains(&format!("250-{offer}\r\n")) || answer.contains(&format!("250 {offer}\r\n")), "{offer}: {answer}");
    }
}

#[tokio::test]
async fn only_crlf_dot_crlf_ends_a_message_and_lone_breaks_refuse_it() {
    // SEC Consult's list, CVE-2023-51764 to -51766, and the halves between.
    let ends = [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\r\n.\rx",
        "\n\n.\r\r\n",
        "\r\r\n.\n",
        "\r\n.\r\r\n",
        "\0\r\n.\n",
        "\r\n\0.\n",
        "\n.\r\n\n",
    ];
    for end in ends {
        let catcher = catcher().await;
        let smuggled = String::from("MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nhi\r\n.\r\n");
        let answer = say(&catcher, format!("{ENVELOPE}one{end}{smuggled}")).await;
        assert_eq!(codes(&answer), ["220", "250", "250", "250", "354", "500", "221"], "{end:?}");
        assert!(answer.contains("500 5.5.2 A "), "{answer}");
        assert!(catcher.messages().is_empty(), "{end:?}");
    }
}

#[tokio::test]
async fn lone_breaks_in_commands_are_refused_and_the_line_closed() {
    for line in ["NOOP\nNOOP\r\n", "NOOP\rNOOP\r\n", "NOOP \0\r\n"] {
        let answer = say(&catcher().await, line).await;
        assert_eq!(codes(&answer), ["220", "500"], "{line:?}");
    }
    let answer = say(&catcher().await, format!("NOOP {}\r\n", "x".repeat(5000))).await;
    assert_eq!(codes(&answer), ["220", "500"]);
}

#[tokio::test]
async fn commands_out_of_order_unknown_and_malformed_are_told_so() {
    let catcher = catcher().await;
    for (line, code) in [
        ("MAIL FROM:<a@example.com>", "503"),
        ("EHLO me\r\nRCPT TO:<b@example.com>", "503"),
        ("EHLO me\r\nDATA", "503"),
        ("EHLO me\r\nMAIL FROM:<a@example.com>\r\nDATA", "503"),
        ("EHLO me\r\nMAIL FROM:<a@example.com>\r\nMAIL FROM:<a@example.com>", "503"),
        ("EHLO me\r\nMAIL FROM:<a@example.com>\r\nRSET\r\nRCPT TO:<b@example.com>", "503"),
        ("FETCH", "500"),
        ("EHLO", "501"),
        ("NOOP", "250"),
        ("VRFY b", "252"),
        ("EHLO me\r\nMAIL FROM:a@example.com", "501"),
        ("EHLO me\r\nMAIL FROM: <a@example.com>", "501"),
        ("EHLO me\r\nMAIL FROM:<a@example.com> FOO=1", "555"),
        ("EHLO me\r\nMAIL FROM:<a@example.com> SIZE=99999999", "552"),
        ("EHLO me\r\nMAIL FROM:<é@example.com>", "553"),
        ("EHLO me\r\nMAIL FROM:<é@example.com> SMTPUTF8", "250"),
        ("EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<>", "501"),
        ("EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a b@example.com>", "501"),
        ("STARTTLS", "454"),
        ("EHLO me\r\nAUTH PLAIN AGEAYg==", "502"),
    ] {
        let answer = say(&catcher, format!("{line}\r\n")).await;
        let codes = codes(&answer);
        assert_eq!(codes[codes.len() - 2], code, "{line}: {answer}");
    }
}

#[tokio::test]
async fn long_lines_and_big_messages_are_refused_and_the_session_goes_on() {
    let catcher = scripted(Behaviour::new().size(3000)).await;
    let lines = |length: usize, count: usize| format!("{}\r\n", "x".repeat(length)).repeat(count);
    for (content, code) in
        [(lines(998, 1), "250"), (lines(999, 1), "500"), (lines(98, 30), "250"), (lines(98, 31), "552"), (format!(".{}", lines(998, 1)), "250")]
    {
        let answer = say(&catcher, format!("{ENVELOPE}{content}.\r\n")).await;
        assert_eq!(codes(&answer)[5..], [code, "221"], "{}", content.len());
    }
    assert_eq!(catcher.messages().len(), 3);
}

#[tokio::test]
async fn silence_and_too_many_connections_end_with_421() {
    let catcher = scripted(Behaviour::new().idle(Duration::from_millis(100)).connections(1)).await;
    let mut first = TcpStream::connect(catcher.addr()).await.unwrap();
    let mut greeting = [0; 3];
    first.read_exact(&mut greeting).await.unwrap();
    assert_eq!(codes(&say(&catcher, "").await), ["421"]);
    let mut rest = String::new();
    first.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("\r\n421 4.4.2"), "{rest}");
}

#[tokio::test]
async fn only_the_last_messages_are_kept() {
    let catcher = catcher().await;
    let one = "MAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\n";
    for _ in 0..21 {
        say(&catcher, format!("EHLO me\r\n{}", one.repeat(50))).await;
    }
    let messages = catcher.messages();
    assert_eq!(messages.len(), super::KEPT_MAX);
    assert_eq!((messages[0].id, messages[999].id), (51, 1050));
    catcher.clear();
    assert!(catcher.messages().is_empty());
}

#[tokio::test]
async fn big_messages_push_the_old_ones_out() {
    let catcher = catcher().await;
    let line = format!("{}\r\n", "x".repeat(998));
    for _ in 0..4 {
        say(&catcher, format!("{ENVELOPE}{}.\r\n", line.repeat(20_000))).await;
    }
    assert_eq!(catcher.messages().iter().map(|message| message.id).collect::<Vec<_>>(), [2, 3, 4]);
}

#[tokio::test]
async fn rules_answer_for_an_address_and_for_some_of_the_hits() {
    let catcher = scripted(
        Behaviour::new()
            .with(Rule::at(Verb::Rcpt, Action::Reply("550 5.1.1 Nobody\nof that name".into())).for_address("NO@example.com"))
            .with(Rule::at(Verb::Rcpt, Action::Reply("450 4.2.0 Later".into())).after(1).times(2)),
    )
    .await;
    let rcpts = "RCPT TO:<no@example.com>\r\n".to_owned() + &"RCPT TO:<b@example.com>\r\n".repeat(4);
    let answer = say(&catcher, format!("EHLO me\r\nMAIL FROM:<>\r\n{rcpts}")).await;
    assert_eq!(codes(&answer)[3..], ["550", "250", "450", "450", "250", "221"]);
    assert!(answer.contains("550-5.1.1 Nobody\r\n550 of that name\r\n"), "{answer}");
}

#[tokio::test]
async fn closing_at_the_dot_keeps_or_loses_the_message_as_scripted() {
    for (action, kept) in [(Action::Close, 0), (Action::KeepAndClose, 1)] {
        let catcher = scripted(Behaviour::new().with(Rule::at(Verb::Dot, action))).await;
        let answer = say(&catcher, format!("{ENVELOPE}x\r\n.\r\n")).await;
        assert_eq!(codes(&answer).last(), Some(&"354"));
        assert_eq!(catcher.messages().len(), kept);
    }
}

#[tokio::test]
async fn a_hook_runs_before_the_dot_is_answered() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let behaviour = Behaviour::new().before(Verb::Dot, move |moment| {
        let log = Arc::clone(&log);
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            log.lock().unwrap().push((moment.to, moment.raw));
        }
    });
    let catcher = scripted(behaviour).await;
    say(&catcher, format!("{ENVELOPE}x\r\n.\r\n")).await;
    assert_eq!(*seen.lock().unwrap(), [(vec!["b@example.com".to_owned()], b"x\r\n".to_vec())]);
}

#[tokio::test]
async fn lettre_can_sign_in_and_deliver() {
    let catcher = scripted(Behaviour::new().credentials("user", "pässword")).await;
    let message = Message::builder()
        .from("Ana <ana@example.com>".parse().unwrap())
        .to("bo@example.com".parse().unwrap())
        .subject("Grüße 🎉")
        .singlepart(SinglePart::plain(".\n..\nend".to_owned()))
        .unwrap();
    let send = |password: &str| {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
            .port(catcher.addr().port())
            .credentials(Credentials::new("user".into(), password.into()))
            .build();
        let message = message.clone();
        async move { transport.send(message).await }
    };
    assert!(send("wrong").await.unwrap_err().is_permanent());
    assert!(catcher.messages().is_empty());
    assert!(send("pässword").await.unwrap().is_positive());
    let [caught] = catcher.messages().try_into().unwrap();
    assert_eq!(caught.subject, "Grüße 🎉");
    assert_eq!(catcher.message(caught.id), Some(caught.clone()));
    assert!(caught.raw.ends_with(b"\r\n\r\n.\r\n..\r\nend\r\n\r\n"));
    assert!(!catcher.commands().concat().contains("cMOkc3"), "the password is not recorded");
}

use super::{address, mail};
use crate::catcher::{Behaviour, Catcher};
use crate::email::{FailureKind, Stage, Transport, TransportError, render};

#[test]
fn urls_are_read_or_refused_with_a_sentence() {
    for url in [
        "smtp://localhost",
        "smtp://127.0.0.1:1025/",
        "smtp://[::1]:25",
        "smtp+starttls://u:p%40ss@mail.example.com",
        "smtps://mail.example.com:465",
        "smtp://u:p@127.0.0.1:2525",
        "smtp://u:p@[::1]",
        "smtp://u:p@localhost",
        "file:///srv/mail",
    ] {
        assert!(Transport::parse(url).is_ok(), "{url}");
    }
    for (url, error) in [
        ("", TransportError::NotAUrl),
        ("mail.example.com", TransportError::NotAUrl),
        ("http://mail.example.com", TransportError::Scheme("http".into())),
        ("smtp:mail.example.com", TransportError::Host),
        ("smtp://", TransportError::Host),
        ("smtp://ho%20st", TransportError::Host),
        ("smtp://mail.example.com:0", TransportError::Port),
        ("smtp://mail.example.com/x", TransportError::Tail),
        ("smtps://mail.example.com?tls=none", TransportError::Tail),
        ("smtps://user@mail.example.com", TransportError::Credentials),
        ("smtps://:pass@mail.example.com", TransportError::Credentials),
        ("smtps://u:p%00@mail.example.com", TransportError::Credentials),
        ("smtp://user:pass@mail.example.com", TransportError::PlainCredentials),
        ("smtp://user:pass@10.0.0.1", TransportError::PlainCredentials),
        ("smtp://user:pass@127.0.0.1.example.com", TransportError::PlainCredentials),
        ("file://", TransportError::Directory),
    ] {
        let refused = Transport::parse(url).unwrap_err();
        assert_eq!(refused, error, "{url}");
        assert!(refused.to_string().ends_with('.') && !refused.to_string().contains("pass@"));
    }
    let shown = format!("{:?}", Transport::parse("smtps://user:secret@mail.example.com").unwrap());
    assert!(!shown.contains("secret") && shown.contains("mail.example.com"), "{shown}");
}

#[tokio::test]
async fn a_password_is_given_only_where_it_is_asked_for() {
    let behaviour = Behaviour::new().credentials("user", "p@ss wörd");
    let catcher = Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap();
    let port = catcher.addr().port();
    let url = |password: &str| format!("smtp://user:{password}@127.0.0.1:{port}");
    let mut connection = Transport::parse(&url("p%40ss%20w%C3%B6rd")).unwrap().connect().await.unwrap();
    let to = address("bo@example.org");
    let bytes = render(&mail("Hello", "Hi")).unwrap();
    connection.offer(None, &to, false, bytes.len()).await.unwrap().finish(&bytes).await.unwrap();

    let failure = Transport::parse(&url("wrong")).unwrap().connect().await.unwrap_err();
    assert_eq!((failure.stage, failure.kind, failure.code), (Stage::Auth, FailureKind::Config, Some(535)));

    let open = Catcher::start("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://user:secret@127.0.0.1:{}", open.addr().port());
    let failure = Transport::parse(&url).unwrap().connect().await.unwrap_err();
    assert_eq!((failure.stage, failure.kind), (Stage::Auth, FailureKind::Config));
    assert!(!open.commands().contains(&"AUTH".to_owned()));
}

#[tokio::test]
async fn a_directory_gets_one_file_a_message_and_keeps_all() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("out");
    let url = format!("file://{}", place.display());
    let mut connection = Transport::parse(&url).unwrap().connect().await.unwrap();
    let bytes = render(&mail("Hello", "Hi\n.\n")).unwrap();
    let to = address("bo@example.org");
    let mut names = Vec::new();
    for _ in 0..2 {
        let offered = connection.offer(None, &to, false, bytes.len()).await.unwrap();
        names.push(offered.finish(&bytes).await.unwrap().reply.replace("250 ", ""));
    }
    drop(connection.offer(None, &to, false, 1).await.unwrap().body(&bytes).await.unwrap());
    assert!(connection.is_reusable());
    assert_ne!(names[0], names[1]);
    for name in &names {
        assert_eq!(std::fs::read(place.join(name)).unwrap(), bytes);
    }
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 2);
    let smuggling = connection.offer(None, &to, false, 1).await.unwrap().finish(b"a\nb").await.unwrap_err();
    assert_eq!(smuggling.kind, FailureKind::Permanent);

    std::fs::write(directory.path().join("file"), "").unwrap();
    let url = format!("file://{}/file/x", directory.path().display());
    assert_eq!(Transport::parse(&url).unwrap().connect().await.unwrap_err().stage, Stage::Connect);
}

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A name server whose every question gets the next of its answers, so that it can rebind.
struct Names(HashMap<&'static str, Vec<Vec<IpAddr>>>, AtomicUsize);

impl Names {
    fn of(names: &[(&'static str, &[&[&str]])]) -> Arc<Names> {
        let parsed = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Names(names.iter().map(|(name, answers)| (*name, answers.iter().map(parsed).collect())).collect(), AtomicUsize::new(0)))
    }
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let asked = self.1.fetch_add(1, Ordering::SeqCst);
            match self.0.get(host) {
                Some(answers) => Ok(answers[asked.min(answers.len() - 1)].clone()),
                None => Err(io::Error::other("no such name")),
            }
        })
    }
}

/// A receiver on loopback that counts who connects.
async fn receiver(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, count)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

#[tokio::test]
async fn no_form_of_an_inner_address_is_connected_to() {
    let (port, count) = receiver(OK).await;
    // Every spelling of a literal that a parser of addresses takes.
    let literals = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "127.255.255.254",
        "0x7F.0X0.0.1",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "0.0.0.0",
        "0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "012.0.0.1",
        "167772161",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "168.63.129.16",
        "169.254.169.254",
        "169.254.0.1",
        "0xa9fea9fe",
        "2852039166",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "3232235521",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[100::1]",
        "[2001::1]",
        "[2001:0:7f00:1::]",
        "[2001:2::1]",
        "[2001:10::1]",
        "[2001:db8::1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::]",
        "[2002:c0a8:1::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "[fe80::1]",
        "[febf::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[ff0e::1]",
        "[4000::1]",
    ];
    // Names that lead there.
    let names: &[(&str, &[&[&str]])] = &[
        ("localhost", &[&["127.0.0.1", "::1"]]),
        ("localhost.", &[&["127.0.0.1"]]),
        ("127.0.0.1.nip.io", &[&["127.0.0.1"]]),
        ("169.254.169.254.nip.io", &[&["169.254.169.254"]]),
        ("10-0-0-1.sslip.io", &[&["10.0.0.1"]]),
        ("metadata.google.internal", &[&["169.254.169.254"]]),
        ("mapped.example.com", &[&["::ffff:127.0.0.1"]]),
        ("v6.example.com", &[&["::1"]]),
        ("ula.example.com", &[&["fd00::1"]]),
        ("nat64.example.com", &[&["64:ff9b::7f00:1"]]),
        ("mixed.example.com", &[&["93.184.215.14", "127.0.0.1"]]),
        ("last.example.com", &[&["2606:4700::1111", "1.1.1.1", "192.168.1.1"]]),
        ("xn--bcher-kva.example", &[&["127.0.0.1"]]),
        ("trailing.example.com.", &[&["127.0.0.1"]]),
    ];
    let dialer = Dialer::with_resolver(vec![], Names::of(names));
    let hosts: Vec<&str> =
        literals.into_iter().chain(names.iter().map(|(name, _)| *name)).chain(["BÜCHER.example", "LOCALHOST", "Localhost."]).collect();
    assert!(hosts.len() >= 60, "{}", hosts.len());
    for host in hosts {
        for url in [format!("https://{host}:{port}/hook"), format!("https://{host}/hook")] {
            let failure = dialer.post(&url, &[], "{}".into()).await.unwrap_err();
            assert!(matches!(&failure, Failure::Refused(error) if error.code == "url_not_allowed"), "{url}: {failure:?}");
            assert_eq!(dialer.target(&url).await.unwrap_err().code, "url_not_allowed", "{url}");
        }
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "nobody connected");
}

#[tokio::test]
async fn addresses_of_the_internet_are_not_taken_for_inner_ones() {
    let names: Vec<(&str, &[&[&str]])> = vec![("hooks.example.com", &[&["93.184.215.14", "2606:2800:21f::1"]])];
    let dialer = Dialer::with_resolver(vec![], Names::of(&names));
    let open = [
        "hooks.example.com",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.167.255.255",
        "192.169.0.1",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
        "[2606:4700::1111]",
        "[2a00:1450::1]",
        "[::ffff:1.1.1.1]",
        "[64:ff9b::101:101]",
        "[2001:4860:4860::8888]",
    ];
    for host in open {
        let target = dialer.target(&format!("https://{host}/hook#part")).await.unwrap();
        assert!(!target.as_str().contains('#'), "{host}");
    }
    for (url, code) in [
        ("http://hooks.example.com/", "url_not_allowed"),
        ("ftp://hooks.example.com/", "field_invalid"),
        ("file:///etc/passwd", "field_invalid"),
        ("gopher://1.1.1.1/", "field_invalid"),
        ("https://user:word@hooks.example.com/", "field_invalid"),
        ("https://127.0.0.1@hooks.example.com/", "field_invalid"),
        ("https://hooks.example.com\r\n.test/", "header_line_break"),
        ("hooks.example.com", "field_invalid"),
        ("", "field_invalid"),
        ("https://nowhere.example.com/", "url_unresolved"),
    ] {
        assert_eq!(dialer.target(url).await.unwrap_err().code, code, "{url}");
    }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_at_the_call_is_refused_and_the_checked_address_is_the_one_used() {
    let (port, count) = receiver(OK).await;
    // Public when it is entered, private when it is called.
    let dialer = Dialer::with_resolver(vec![], Names::of(&[("rebind.example.com", &[&["93.184.215.14"], &["127.0.0.1"]])]));
    let url = format!("https://rebind.example.com:{port}/");
    dialer.target(&url).await.unwrap();
    assert!(matches!(dialer.post(&url, &[], String::new()).await, Err(Failure::Refused(_))));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    // One question a call: there is no second answer that the connection could get.
    let names = Names::of(&[("inner.example.com", &[&["127.0.0.1"], &["192.0.2.1"]])]);
    let dialer = Dialer::with_resolver(vec![Allowed::parse(&format!("inner.example.com:{port}")).unwrap()], names.clone());
    let answer = dialer.post(&format!("http://inner.example.com:{port}/"), &[], String::new()).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    assert_eq!((names.1.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn what_is_allowed_is_one_host_with_one_port() {
    let (port, count) = receiver(OK).await;
    let (other, untouched) = receiver(OK).await;
    let dialer = Dialer::with_resolver(
        vec![Allowed::parse(&format!("127.0.0.1:{port}")).unwrap()],
        Names::of(&[("localhost", &[&["127.0.0.1"]]), ("hooks.example.com", &[&["127.0.0.1"]])]),
    );
    assert_eq!(dialer.post(&format!("http://127.0.0.1:{port}/"), &[], String::new()).await.unwrap().status, 200);
    for url in [
        format!("http://127.0.0.1:{other}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("http://localhost:{port}/"),
        format!("https://hooks.example.com:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
    ] {
        assert!(matches!(dialer.post(&url, &[], String::new()).await, Err(Failure::Refused(_))), "{url}");
    }
    assert_eq!((count.load(Ordering::SeqCst), untouched.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn redirects_are_not_followed_and_long_answers_are_cut() {
    let (inner, untouched) = receiver(OK).await;
    let redirect =
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{inner}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let (first, _) = receiver(redirect.leak()).await;
    let long = format!("HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\na\0b{}", "x".repeat(3000));
    let (second, _) = receiver(long.leak()).await;
    let allowed = [first, second, inner].map(|port| Allowed::parse(&format!("127.0.0.1:{port}")).unwrap());
    let dialer = Dialer::new(allowed.to_vec());
    assert_eq!(dialer.post(&format!("http://127.0.0.1:{first}/"), &[], String::new()).await.unwrap().status, 307);
    assert_eq!(untouched.load(Ordering::SeqCst), 0);
    let answer = dialer.post(&format!("http://127.0.0.1:{second}/"), &[], String::new()).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (500, MAX_ANSWER));
    assert!(answer.body.starts_with("a bx"), "without the character that a database refuses");
}

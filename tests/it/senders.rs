//! Sender domains: what DNS says, asked of a name server of our own on loopback, and signatures.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use countersign::app::State;
use countersign::clock;
use countersign::dns::Dns;
use countersign::domain::ids::MailboxId;
use countersign::domain::mailboxes::{self, Mode, NewMailbox};
use countersign::domain::messages::DecisionKind;
use countersign::domain::senders::Standing;
use countersign::email::dkim::KeyRing;
use countersign::senders::{self, Senders};
use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, PTR, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR};

/// A name that is not one of those for samples, so that what is wrong with it has consequences.
const DOMAIN: &str = "sender.countersign-check.net";

type Records = Arc<Mutex<Vec<(String, RData)>>>;

/// A name server that knows these records and answers nothing else. Of names that begin with "silent" it says that it failed.
struct NameServer {
    address: SocketAddr,
    records: Records,
}

impl NameServer {
    fn start() -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (address, records) = (socket.local_addr().unwrap(), Records::default());
        let known = records.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                let Ok(asked) = Message::from_vec(&buffer[..size]) else { continue };
                let mut answer = Message::response(asked.metadata.id, OpCode::Query);
                answer.metadata.recursion_available = true;
                let query = asked.queries[0].clone();
                let name = query.name.to_utf8().to_lowercase();
                if name.starts_with("silent") {
                    answer.metadata.response_code = ResponseCode::ServFail;
                }
                for (of, data) in known.lock().unwrap().iter() {
                    if *of == name && data.record_type() == query.query_type {
                        answer.answers.push(Record::from_rdata(query.name.clone(), 1, data.clone()));
                    }
                }
                answer.queries.push(query);
                socket.send_to(&answer.to_vec().unwrap(), from).unwrap();
            }
        });
        NameServer { address, records }
    }

    fn set(&self, name: &str, data: RData) {
        let mut records = self.records.lock().unwrap();
        records.retain(|(of, known)| *of != name || known.record_type() != data.record_type());
        records.push((name.to_owned(), data));
    }

    fn txt(&self, name: &str, text: &str) {
        // As long records are published: in parts.
        let parts = text.as_bytes().chunks(100).map(|part| String::from_utf8(part.to_vec()).unwrap()).collect();
        self.set(&format!("{name}."), RData::TXT(TXT::new(parts)));
    }
}

fn state(desk: &Desk, server: &NameServer, folder: &tempfile::TempDir) -> State {
    let senders = Senders {
        keys: KeyRing::new(Some(folder.path().join("dkim"))),
        dns: Dns::new(Some(server.address)).unwrap(),
        relay: Some("smtp.relay.test".into()),
    };
    State { senders: Arc::new(senders), ..desk.state.clone() }
}

fn mailbox(desk: &Desk) -> MailboxId {
    let new = NewMailbox {
        address: format!("team@{DOMAIN}"),
        name: "Team".into(),
        mode: Mode::GatedSend,
        postal_address: "1 Main Street, Springfield".into(),
        undo_seconds: 0,
    };
    desk.write(|conn| mailboxes::add(conn, &OPERATOR, &new, clock::now())).unwrap()
}

fn stopped(desk: &Desk, id: &MailboxId) -> bool {
    desk.read(|conn| mailboxes::get(conn, &OPERATOR, id)).stopped_at.is_some()
}

async fn look(state: &State, id: &MailboxId) -> Vec<(String, Standing)> {
    let look = senders::look_at(state, &OPERATOR, id).await.unwrap();
    look.findings.iter().map(|finding| (finding.part.clone(), finding.standing)).collect()
}

#[actix_web::test]
async fn dns_is_asked_and_what_it_says_is_put_in_words() {
    let (desk, server, folder) = (Desk::new().await, NameServer::start(), tempfile::tempdir().unwrap());
    let (state, id) = (state(&desk, &server, &folder), mailbox(&desk));
    state.senders.keys.make(DOMAIN, "cs1").unwrap();
    let key = state.senders.keys.of(DOMAIN);
    server.txt(DOMAIN, "v=spf1 ip4:192.0.2.1 -all");
    server.txt(&key[0].record_name(), &key[0].record());
    server.txt("_dmarc.countersign-check.net", "v=DMARC1; p=quarantine; rua=mailto:dmarc@countersign-check.net");
    server.set("smtp.relay.test.", RData::A(A::new(192, 0, 2, 1)));
    server.set("1.2.0.192.in-addr.arpa.", RData::PTR(PTR(Name::from_ascii("smtp.relay.test.").unwrap())));
    let good: Vec<(String, Standing)> = ["spf", "dkim", "dmarc", "ptr"].map(|part| (part.to_owned(), Standing::Good)).to_vec();
    assert_eq!(look(&state, &id).await, good);
    assert!(!stopped(&desk, &id));
    // Another key at the same name, no policy, a name that leads elsewhere.
    server.txt(&key[0].record_name(), "v=DKIM1; k=ed25519; p=AAAA");
    server.txt("_dmarc.sender.countersign-check.net", "v=DMARC1; p=none");
    server.set("smtp.relay.test.", RData::A(A::new(192, 0, 2, 1)));
    server.set("1.2.0.192.in-addr.arpa.", RData::PTR(PTR(Name::from_ascii("other.relay.test.").unwrap())));
    let worse = [("spf", Standing::Good), ("dkim", Standing::Bad), ("dmarc", Standing::Warn), ("ptr", Standing::Warn)];
    assert_eq!(look(&state, &id).await, worse.map(|(part, standing)| (part.to_owned(), standing)));
    assert!(!stopped(&desk, &id), "SPF still speaks for it");
    let mut browser = Browser::new(crate::support::app_of(&state).await);
    browser.sign_in("Ada").await;
    let page = browser.get(&format!("/mailboxes/{id}/delivery")).await;
    assert!(page.body.contains("Another key is published at cs1._domainkey.sender.countersign-check.net"), "{}", page.body);
    assert!(page.body.contains("The DMARC record only watches"));
    let (_, told) = desk.call(&desk.agent, "GET", &format!("/v1/mailboxes/{id}/delivery"), json!(null)).await;
    assert_eq!((told["domain"]["aligned"].as_bool(), told["domain"]["findings"][1]["standing"].as_str()), (Some(true), Some("bad")), "{told}");
}

/// L-25: a domain that nothing speaks for cannot send; one of which nothing is known is not held against it.
#[actix_web::test]
async fn a_domain_that_nothing_speaks_for_pauses_its_mailboxes() {
    let (desk, server, folder) = (Desk::new().await, NameServer::start(), tempfile::tempdir().unwrap());
    let (state, id) = (state(&desk, &server, &folder), mailbox(&desk));
    desk.write(|conn| mailboxes::set_mode(conn, &OPERATOR, &id, Mode::Autonomous, clock::now())).unwrap();
    assert_eq!(look(&state, &id).await[0], ("spf".to_owned(), Standing::Bad));
    assert!(stopped(&desk, &id));
    let found = desk.read(|conn| countersign::domain::reputation::pace(conn, &OPERATOR, &id));
    assert!(found.health_because.unwrap().starts_with("Nothing in DNS speaks for sender.countersign-check.net"));
    let (_, line) = desk.call(&desk.agent, "GET", &format!("/v1/mailboxes/{id}/delivery"), json!(null)).await;
    assert_eq!(line["health"], "paused");
    // What machines write waits for a person once sending is resumed.
    assert_eq!(desk.read(|conn| mailboxes::get(conn, &OPERATOR, &id)).mode, Mode::GatedSend);
    // A person mends it and resumes.
    server.txt(DOMAIN, "v=spf1 include:_spf.relay.test -all");
    desk.write(|conn| mailboxes::stops::resume(conn, &OPERATOR, Some(&id), clock::now())).unwrap();
    look(&state, &id).await;
    assert!(!stopped(&desk, &id));
    // Where mail goes to a file, a catcher or this machine, nothing pauses; nor where the name is one for samples.
    let inside = Senders { relay: None, dns: Dns::new(Some(server.address)).unwrap(), ..Senders::default() };
    server.records.lock().unwrap().clear();
    let inside = State { senders: Arc::new(inside), ..desk.state.clone() };
    look(&inside, &id).await;
    let sample = desk.mailbox(Mode::GatedSend).id;
    look(&state, &sample).await;
    assert!(!stopped(&desk, &id) && !stopped(&desk, &sample));
}

#[actix_web::test]
async fn a_name_server_that_fails_is_held_against_nobody() {
    let (desk, server, folder) = (Desk::new().await, NameServer::start(), tempfile::tempdir().unwrap());
    let state = state(&desk, &server, &folder);
    let new = NewMailbox {
        address: "team@silent.countersign-check.net".into(),
        name: "Team".into(),
        mode: Mode::GatedSend,
        postal_address: "1 Main Street, Springfield".into(),
        undo_seconds: 0,
    };
    let id = desk.write(|conn| mailboxes::add(conn, &OPERATOR, &new, clock::now())).unwrap();
    assert_eq!(look(&state, &id).await[0], ("spf".to_owned(), Standing::Unknown));
    assert!(!stopped(&desk, &id));
}

#[actix_web::test]
async fn an_administrator_makes_a_key_and_mail_is_signed_with_it() {
    let desk = Desk::new().await;
    let id = desk.mailbox(Mode::GatedSend).id;
    let path = format!("/mailboxes/{id}/delivery");
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("Ada").await;
    let wrong = browser.post(&path, &format!("{path}/keys"), &[("selector", "../up")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("The selector must be letters, digits and hyphens"), "{}", wrong.body);
    assert_eq!(browser.post(&path, &format!("{path}/keys"), &[("selector", "cs1")]).await.status, 303);
    let page = browser.get(&path).await;
    assert!(page.body.contains("cs1._domainkey.sender.example") && page.body.contains("v=DKIM1; k=ed25519; p="), "{}", page.body);
    let twice = browser.post(&path, &format!("{path}/keys"), &[("selector", "cs1")]).await;
    assert!(twice.status == 422 && twice.body.contains("Choose another selector"));
    let short = browser.post(&path, &format!("{path}/keys"), &[("selector", "cs2"), ("pem", include_str!("pem/rsa1024.pem"))]).await;
    assert!(short.status == 422 && short.body.contains("shorter than 2048 bits"), "{}", short.body);
    assert_eq!(browser.post(&path, &format!("{path}/keys"), &[("selector", "cs2"), ("pem", include_str!("pem/rsa2048.pem"))]).await.status, 303);
    let message = desk.pending("ann@example.com", json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let mail = String::from_utf8(desk.catcher.messages()[0].raw.clone()).unwrap();
    assert!(mail.contains("a=ed25519-sha256") && mail.contains("a=rsa-sha256") && mail.matches("DKIM-Signature:").count() == 2, "{mail}");
    let before_from = mail.find("From:").unwrap();
    assert!(mail.rfind("DKIM-Signature:").unwrap() < before_from);
    // Nobody but an administrator.
    let mut manager = Browser::new(desk.app().await);
    manager.sign_in("Max").await;
    assert_eq!(manager.post(&path, &format!("{path}/keys"), &[("selector", "cs3")]).await.status, 403);
}

//! Webhooks out, and the round trip of a message that a reviewer sends back.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::dialer::{Allowed, Dialer};
use countersign::domain::actor::Scope;
use countersign::domain::churn::{self, intake};
use countersign::domain::contacts::{self, suppressions};
use countersign::domain::email_address::EmailAddress;
use countersign::domain::error::Error;
use countersign::domain::ids::{EndpointId, MailboxId, MessageId};
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::{DecisionKind, State as MessageState, cancel, list};
use countersign::domain::webhooks::deliveries::{self, Outcome};
use countersign::domain::webhooks::{Delivery, State};
use countersign::on_either;
use diesel::RunQueryDsl;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::mcp::{Client, serve};
use crate::support::{Browser, Desk, OPERATOR, address};

/// What a receiver got.
#[derive(Debug, Clone)]
pub struct Got {
    headers: HashMap<String, String>,
    body: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The types that this secret signs, computed here from the words of the standard.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body).as_bytes());
        let wanted = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.headers["webhook-signature"].split(' ').any(|one| one == wanted)
    }
}

/// A receiver on loopback that answers with the status it is told.
#[derive(Clone)]
pub struct Receiver {
    port: u16,
    got: Arc<Mutex<Vec<Got>>>,
    status: Arc<Mutex<u16>>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Receiver { port: listener.local_addr().unwrap().port(), got: Arc::default(), status: Arc::new(Mutex::new(200)) };
        let shared = receiver.clone();
        actix_web::rt::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![];
                let request = loop {
                    let mut chunk = vec![0; 65_536];
                    let read = stream.read(&mut chunk).await.unwrap_or(0);
                    bytes.extend_from_slice(&chunk[..read]);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
                    let headers: HashMap<String, String> = lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
                    if body.len() >= headers["content-length"].parse::<usize>().unwrap() || read == 0 {
                        break Got { headers, body: body.to_owned() };
                    }
                };
                shared.got.lock().unwrap().push(request);
                let status = *shared.status.lock().unwrap();
                let answer = format!("HTTP/1.1 {status} Status\r\nContent-Length: 6\r\nConnection: close\r\n\r\nthanks");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        receiver
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// How many calls came.
    pub fn calls(&self) -> usize {
        self.got().len()
    }

    pub fn types(&self) -> Vec<String> {
        self.got().iter().map(|got| got.json()["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// A desk that may call this receiver, and an administrator's key.
pub async fn desk_with(receiver: &Receiver) -> (Desk, String) {
    let mut desk = Desk::new().await;
    let key = let_call(&mut desk, receiver);
    (desk, key)
}

/// Lets a desk call this receiver; an administrator's key.
pub fn let_call(desk: &mut Desk, receiver: &Receiver) -> String {
    desk.state.dialer = Arc::new(Dialer::new(vec![Allowed::parse(&format!("127.0.0.1:{}", receiver.port)).unwrap()]));
    key(desk, &[Scope::Admin], vec![])
}

fn key(desk: &Desk, scopes: &[Scope], mailboxes: Vec<MailboxId>) -> String {
    let new = NewKey { mailboxes, ..NewKey::named("another", scopes) };
    desk.write(|conn| keys::add(conn, &OPERATOR, &new, desk.now())).unwrap().1
}

/// Adds an endpoint by REST: its id and its secret.
pub async fn add(desk: &Desk, admin: &str, receiver: &Receiver, more: Value) -> (EndpointId, String) {
    let mut body = json!({"url": receiver.url()});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let (status, answer) = desk.call(admin, "POST", "/v1/webhooks", body).await;
    assert_eq!(status, 201, "{answer}");
    (EndpointId::from(answer["id"].as_str().unwrap()), answer["secret"].as_str().unwrap().to_owned())
}

pub fn log(desk: &Desk, id: &EndpointId) -> Vec<Delivery> {
    desk.read(|conn| deliveries::log(conn, &OPERATOR, id, None, 100)).0
}

fn mailbox(desk: &Desk, mode: Mode) -> MailboxId {
    desk.read(|conn| mailboxes::list(conn, &OPERATOR)).into_iter().find(|mailbox| mailbox.mode == mode).unwrap().id
}

fn rows(desk: &Desk, table: &str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let query = diesel::sql_query(format!("SELECT count(*) AS n FROM {table}"));
    desk.read(|conn| Ok(on_either!(conn, inner => query.get_result::<Count>(inner))?)).n
}

async fn held(desk: &Desk, to: &str, more: Value) -> MessageId {
    let (status, answer) = desk.send(Mode::GatedSend, to, more).await;
    assert_eq!((status, answer["status"].as_str()), (202, Some("pending")), "{answer}");
    MessageId::from(answer["id"].as_str().unwrap())
}

fn settle(desk: &Desk, who: &str, id: &MessageId, kind: DecisionKind, reason: Option<&str>) -> Result<(), Error> {
    let actor = desk.person(who);
    desk.write(|conn| {
        let message = countersign::domain::messages::get(conn, &actor, id)?;
        let decision = Decide { reason, content_hash: Some(&message.row.content_hash), ..Decide::on(id, kind) };
        decide(conn, &actor, &decision, desk.now()).map(drop)
    })
}

#[actix_web::test]
async fn an_agent_reads_what_a_reviewer_asks_for_hands_in_a_new_version_and_another_approves_it() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (_, secret) = add(&desk, &admin, &receiver, json!({})).await;
    let url = serve(&desk).await;
    let agent = Client::with(&url, &desk.agent).await;

    let id = held(&desk, "kim@example.com", json!({"campaign": "spring", "tags": ["vip"]})).await;
    let words = "Say when the export comes back, and drop the \"Hello there\".";
    settle(&desk, "Rita", &id, DecisionKind::RequestChanges, Some(words)).unwrap();
    desk.drain().await;

    // The words come by webhook, signed.
    let got = receiver.got();
    assert_eq!(receiver.types(), ["message.pending", "message.changes_requested"]);
    assert!(got.iter().all(|got| got.is_signed_with(&secret)), "{got:?}");
    let event = got[1].json();
    let data = &event["data"];
    assert_eq!((data["id"].as_str(), data["status"].as_str()), (Some(id.as_str()), Some("changes_requested")));
    assert_eq!(
        (&data["decision"]["reason"], &data["decision"]["by"], &data["decision"]["decision"]),
        (&json!(words), &json!("Rita"), &json!("request_changes"))
    );
    assert_eq!((&data["mailbox"], &data["to"]), (&json!(address(Mode::GatedSend)), &json!("kim@example.com")));
    assert_eq!((&data["campaign"], &data["tags"], &data["version"]), (&json!("spring"), &json!(["vip"]), &json!(1)));
    assert_eq!(data["review_url"], format!("https://desk.example.com/messages/{id}"));
    assert!(data["content_hash"].is_string() && data["thread_id"].is_string() && event["timestamp"].is_string());
    assert!(!got[1].body.contains("A subject") && !got[1].body.contains("Hello there.\""), "no words of the message: {}", got[1].body);

    // By REST: what waits for the agent, and what to do.
    let (_, found) = desk.call(&desk.agent, "GET", "/v1/emails?status=changes_requested", Value::Null).await;
    assert_eq!((found["emails"].as_array().unwrap().len(), &found["emails"][0]["change_request"]["reason"]), (1, &json!(words)));
    let path = format!("/v1/emails/{id}");
    let (_, read) = desk.call(&desk.agent, "GET", &path, Value::Null).await;
    assert_eq!(read["change_request"]["reason"], words);
    assert_eq!(
        (&read["change_request"]["by"], &read["change_request"]["version"], &read["status"]),
        (&json!("Rita"), &json!(1), &json!("changes_requested"))
    );
    assert!(read["next"].as_str().unwrap().contains("held again"), "{read}");

    // By MCP the same, with what comes next in words.
    let (listed, told) = agent.call("list_emails", json!({"status": "changes_requested"})).await;
    assert_eq!(listed["emails"][0]["id"], id.as_str());
    assert!(told.contains("edit_email"), "{told}");
    let (read, told) = agent.call("read_email", json!({"message_id": id})).await;
    assert_eq!(read["change_request"]["reason"], words);
    assert!(
        !told.contains(words) && told.contains("change_request") && told.contains("edit_email") && told.contains("Do not send the email again"),
        "{told}"
    );
    let stale = json!({"message_id": id, "body": "New.", "content_hash": "0".repeat(64)});
    assert_eq!(agent.refused("edit_email", stale).await.0["code"], "content_changed");
    let (same, told) = agent.call("edit_email", json!({"message_id": id, "body": "Hello there."})).await;
    assert_eq!(same["status"], "changes_requested");
    assert!(told.contains("nothing changed"), "{told}");
    let edit = json!({"message_id": id, "body": "The export is back.", "content_hash": read["content_hash"]});
    let (edited, told) = agent.call("edit_email", edit).await;
    assert_eq!((&edited["status"], &edited["version"], &edited["change_request"]), (&json!("pending"), &json!(2), &Value::Null));
    assert_eq!((&edited["subject"], &edited["text_body"]), (&json!("A subject"), &json!("The export is back.")));
    assert!(told.contains("held again; do not resend it"), "{told}");

    // Pending again, and approved by somebody else.
    settle(&desk, "Rob", &id, DecisionKind::Approve, None).unwrap();
    desk.drain().await;
    assert_eq!(receiver.types()[2..], ["message.pending", "message.approved", "message.sent"]);
    let again = &receiver.got()[2].json()["data"];
    assert_eq!((&again["version"], &again["decision"]), (&json!(2), &Value::Null), "the decision was on version 1");
    assert_eq!(receiver.got()[3].json()["data"]["decision"]["by"], "Rob");
    assert_eq!(receiver.got().iter().map(|got| got.headers["webhook-id"].clone()).collect::<BTreeSet<_>>().len(), 5);
}

#[actix_web::test]
async fn a_new_version_by_rest_is_for_its_author_and_for_the_words_they_saw() {
    let desk = Desk::new().await;
    let id = held(&desk, "a@example.com", json!({})).await;
    settle(&desk, "Rita", &id, DecisionKind::RequestChanges, Some("Shorter.")).unwrap();
    let path = format!("/v1/emails/{id}");
    let (_, read) = desk.call(&desk.agent, "GET", &path, Value::Null).await;

    let stranger = key(&desk, &[Scope::Read, Scope::Draft], vec![]);
    let (status, refused) = desk.call(&stranger, "PATCH", &path, json!({"subject": "Mine"})).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("not_the_author")));
    let (status, refused) = desk.call(&desk.oversight, "PATCH", &path, json!({"subject": "Mine"})).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("scope_missing")));
    let elsewhere = key(&desk, &[Scope::Read, Scope::Draft], vec![mailbox(&desk, Mode::GatedAll)]);
    assert_eq!(desk.call(&elsewhere, "PATCH", &path, json!({"subject": "Mine"})).await.0, 404);
    for (body, code) in [
        (json!({}), "body_missing"),
        (json!({"subjekt": "x"}), "field_unknown"),
        (json!({"subject": "a\r\nBcc: b@example.com"}), "header_line_break"),
    ] {
        assert_eq!(desk.call(&desk.agent, "PATCH", &path, body.clone()).await.1["code"], code, "{body}");
    }

    let hash = read["content_hash"].clone();
    let (status, edited) = desk.call(&desk.agent, "PATCH", &path, json!({"markdown": "**Short.**", "content_hash": hash})).await;
    assert_eq!((status, &edited["version"], &edited["status"]), (200, &json!(2), &json!("pending")));
    assert!(edited["html_body"].as_str().unwrap().contains("<strong>Short.</strong>"));
    let (status, refused) = desk.call(&desk.agent, "PATCH", &path, json!({"subject": "Late", "content_hash": hash})).await;
    assert_eq!((status, refused["code"].as_str()), (409, Some("content_changed")));
    assert_eq!(refused["diff"]["to_version"], 2, "{refused}");
    settle(&desk, "Rita", &id, DecisionKind::Reject, Some("No.")).unwrap();
    let (status, refused) = desk.call(&desk.agent, "PATCH", &path, json!({"subject": "Again"})).await;
    assert_eq!((status, refused["code"].as_str()), (409, Some("state_conflict")));
}

#[actix_web::test]
async fn a_key_lists_its_own_messages_page_by_page_and_only_of_its_mailboxes() {
    let desk = Desk::new().await;
    let mut ids = vec![];
    for n in 0..5 {
        ids.push(held(&desk, &format!("{n}@example.com"), json!({})).await);
    }
    settle(&desk, "Rita", &ids[2], DecisionKind::RequestChanges, Some("Shorter.")).unwrap();
    let list = |key: String, query: &'static str| {
        let desk = &desk;
        async move {
            let (status, answer) = desk.call(&key, "GET", &format!("/v1/emails?{query}"), Value::Null).await;
            assert_eq!(status, 200, "{answer}");
            let ids: Vec<String> = answer["emails"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
            (ids, answer["next_cursor"].as_str().map(str::to_owned))
        }
    };
    let (first, cursor) = list(desk.agent.clone(), "limit=2").await;
    assert_eq!(first, [ids[4].as_str(), ids[3].as_str()]);
    let (_, rest) = desk.call(&desk.agent, "GET", &format!("/v1/emails?limit=3&cursor={}", cursor.unwrap()), Value::Null).await;
    assert_eq!((rest["emails"][0]["id"].as_str(), rest["emails"][2]["id"].as_str()), (Some(ids[2].as_str()), Some(ids[0].as_str())));
    assert_eq!(rest["next_cursor"], Value::Null);
    assert_eq!(list(desk.agent.clone(), "status=changes_requested").await.0, [ids[2].as_str()]);
    assert_eq!(list(desk.agent.clone(), "status=pending").await.0.len(), 4);
    let other = key(&desk, &[Scope::Read, Scope::Draft], vec![]);
    assert_eq!(list(other.clone(), "").await.0.len(), 0, "none of its own");
    assert_eq!(list(other, "mine=false").await.0.len(), 5);
    let elsewhere = key(&desk, &[Scope::Read], vec![mailbox(&desk, Mode::GatedAll)]);
    assert_eq!(list(elsewhere, "mine=false").await.0.len(), 0);
    let (status, refused) = desk.call(&desk.agent, "GET", "/v1/emails?status=nonsense", Value::Null).await;
    assert_eq!((status, refused["field"].as_str()), (422, Some("status")));
    let blind = key(&desk, &[Scope::Contacts], vec![]);
    assert_eq!(desk.call(&blind, "GET", "/v1/emails", Value::Null).await.0, 403);
}

#[actix_web::test]
async fn an_endpoint_hears_what_it_asked_for_and_nothing_is_written_for_nobody() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    held(&desk, "unheard@example.com", json!({})).await;
    assert_eq!(rows(&desk, "webhook_events"), 0, "nobody listens");
    let (rejections, _) = add(&desk, &admin, &receiver, json!({"events": ["message.rejected"]})).await;
    let (elsewhere, _) = add(&desk, &admin, &receiver, json!({"mailboxes": [address(Mode::GatedAll)]})).await;
    let (spring, _) = add(&desk, &admin, &receiver, json!({"campaigns": ["spring"]})).await;
    held(&desk, "plain@example.com", json!({})).await;
    assert_eq!(rows(&desk, "webhook_events"), 0, "nobody wants it");

    let (by_name, by_tag) =
        (held(&desk, "a@example.com", json!({"campaign": "spring"})).await, held(&desk, "b@example.com", json!({"tags": ["spring"]})).await);
    settle(&desk, "Rita", &by_name, DecisionKind::Reject, Some("No.")).unwrap();
    desk.write(|conn| cancel::cancel(conn, &OPERATOR, &by_tag, desk.now())).unwrap();
    desk.send(Mode::GatedAll, "c@example.com", json!({})).await;
    let types = |id: &EndpointId| log(&desk, id).into_iter().map(|line| line.event_type).collect::<Vec<_>>();
    assert_eq!(types(&rejections), ["message.rejected"]);
    assert_eq!(types(&elsewhere), ["message.pending"]);
    assert_eq!(types(&spring), ["message.rejected", "message.pending", "message.pending"], "newest first");
    assert_eq!(rows(&desk, "webhook_events"), 4, "one event for both that want it");

    // An event is written with the change or not at all.
    let rita = desk.person("Rita");
    let id = held(&desk, "d@example.com", json!({"campaign": "spring"})).await;
    let before = rows(&desk, "webhook_events");
    let undone: Result<(), Error> = desk.write(|conn| {
        let message = countersign::domain::messages::get(conn, &rita, &id)?;
        let decision = Decide { reason: Some("No."), content_hash: Some(&message.row.content_hash), ..Decide::on(&id, DecisionKind::Reject) };
        decide(conn, &rita, &decision, desk.now())?;
        Err(Error::internal("the transaction ends badly"))
    });
    undone.unwrap_err();
    assert_eq!(rows(&desk, "webhook_events"), before);
}

#[actix_web::test]
async fn oversight_churn_and_unsubscribing_are_told_of() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (id, _) = add(&desk, &admin, &receiver, json!({})).await;
    let gated = mailbox(&desk, Mode::GatedSend);
    let ada = desk.person("Ada");
    desk.write(|conn| {
        let now = desk.now();
        mailboxes::set_mode(conn, &ada, &gated, Mode::GatedAll, now)?;
        mailboxes::set_mode(conn, &ada, &gated, Mode::GatedAll, now)?;
        mailboxes::stops::stop(conn, &ada, Some(&gated), "a test", now)?;
        mailboxes::stops::stop(conn, &ada, None, "a test", now)?;
        mailboxes::stops::resume(conn, &ada, None, now)?;
        let new = intake::NewChurnEvent {
            customer_email: Some("kim@example.com".into()),
            provider_subscription_id: Some("s1".into()),
            cancel_reason_text: Some("Too dear for us".into()),
            ..Default::default()
        };
        let intake::Taken::New(event) = intake::take(conn, &OPERATOR, &new, "test", now)? else { panic!("known") };
        intake::take(conn, &OPERATOR, &new, "test", now)?;
        churn::recover(conn, &OPERATOR, &event.id, now)?;
        let contact = contacts::upsert(conn, &OPERATOR, &contacts::ContactInput { email: "left@example.com".into(), ..Default::default() }, now)?;
        contacts::add_tags(conn, &OPERATOR, &contact.row.id, &["unsubscribed".into()], now)?;
        let key = EmailAddress::parse("to", "gone@example.com")?.key().to_owned();
        suppressions::add(conn, &OPERATOR, &key, suppressions::Reason::Bounced, "test", None, now)
    })
    .unwrap();
    let lines = log(&desk, &id);
    let types: Vec<&str> = lines.iter().rev().map(|line| line.event_type.as_str()).collect();
    let wanted =
        ["oversight.mode_changed", "oversight.paused", "oversight.paused", "churn_event.created", "churn_event.recovered", "contact.unsubscribed"];
    assert_eq!(types, wanted);
    let data = |n: usize| serde_json::from_str::<Value>(&lines[lines.len() - 1 - n].body).unwrap()["data"].clone();
    assert_eq!((&data(0)["from"], &data(0)["to"], &data(0)["by"]), (&json!("gated_send"), &json!("gated_all"), &json!("Ada")));
    assert_eq!((&data(1)["mailbox"], &data(2)["mailbox"]), (&json!(address(Mode::GatedSend)), &Value::Null));
    assert_eq!((&data(3)["status"], &data(4)["status"]), (&json!("new"), &json!("recovered")));
    assert!(!data(3).to_string().contains("Too dear"), "no words of the customer");
    assert_eq!(data(5)["email"], "left@example.com");
}

#[actix_web::test]
async fn both_secrets_sign_for_a_day_after_a_rotation() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (id, old) = add(&desk, &admin, &receiver, json!({})).await;
    let (status, rotated) = desk.call(&admin, "POST", &format!("/v1/webhooks/{id}/rotate"), Value::Null).await;
    let new = rotated["secret"].as_str().unwrap().to_owned();
    assert!(status == 200 && new != old && new.starts_with("whsec_") && STANDARD.decode(&new[6..]).unwrap().len() >= 24);
    held(&desk, "a@example.com", json!({})).await;
    desk.drain().await;
    let got = receiver.got().remove(0);
    assert!(got.is_signed_with(&old) && got.is_signed_with(&new));
    assert_eq!(got.headers["webhook-signature"].split(' ').count(), 2);
    held(&desk, "b@example.com", json!({})).await;
    let later = desk.now().plus_seconds(24 * 3600 + 1);
    let attempt = desk.write(|conn| deliveries::claim(conn, 1, later)).unwrap().remove(0);
    let got = Got { headers: attempt.headers(later).into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), body: attempt.body.clone() };
    assert!(got.is_signed_with(&new) && !got.is_signed_with(&old));
}

#[actix_web::test]
async fn what_is_not_taken_is_tried_again_with_the_same_id_and_410_ends_it() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (id, secret) = add(&desk, &admin, &receiver, json!({})).await;
    held(&desk, "a@example.com", json!({})).await;
    for status in [500, 302, 429, 404] {
        receiver.answers(status);
        // The clock does not wait for the test: what is due next is made due now.
        make_due(&desk);
        desk.drain().await;
        let line = log(&desk, &id).remove(0);
        assert_eq!((line.state, line.last_status, line.last_answer.as_deref()), (State::Waiting, Some(i32::from(status)), Some("thanks")));
        assert!(line.next_attempt_at > desk.now());
    }
    receiver.answers(204);
    make_due(&desk);
    desk.drain().await;
    let line = log(&desk, &id).remove(0);
    assert_eq!((line.state, line.attempts, line.last_status), (State::Delivered, 5, Some(204)));
    let got = receiver.got();
    assert_eq!((got.len(), got.iter().map(|got| &got.headers["webhook-id"]).collect::<BTreeSet<_>>().len()), (5, 1), "one id");
    assert!(got.iter().all(|got| got.is_signed_with(&secret)) && got.iter().all(|got| got.body == line.body));

    receiver.answers(410);
    held(&desk, "b@example.com", json!({})).await;
    desk.drain().await;
    let (_, shown) = desk.call(&admin, "GET", &format!("/v1/webhooks/{id}"), Value::Null).await;
    assert_eq!((&shown["enabled"], &shown["disabled_because"]), (&json!(false), &json!("The receiver answered 410 Gone.")));
    assert_eq!(log(&desk, &id)[0].state, State::Failed);
    held(&desk, "c@example.com", json!({})).await;
    assert_eq!(log(&desk, &id).len(), 2, "nothing is written for one that is off");
}

fn make_due(desk: &Desk) {
    let query = diesel::sql_query("UPDATE webhook_deliveries SET next_attempt_at = 0 WHERE state = 'waiting'");
    desk.write(|conn| Ok(on_either!(conn, inner => query.execute(inner))?)).unwrap();
}

#[actix_web::test]
async fn a_receiver_that_stays_dead_is_given_up_after_about_three_days() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (id, _) = add(&desk, &admin, &receiver, json!({})).await;
    held(&desk, "a@example.com", json!({})).await;
    let start = desk.now();
    let (mut now, mut attempts) = (start, 0);
    while let Some(attempt) = desk.write(|conn| deliveries::claim(conn, 8, now)).unwrap().pop() {
        attempts += 1;
        desk.write(|conn| deliveries::record(conn, &attempt, &Outcome::Failed("It cannot be reached.".into()), now)).unwrap();
        let line = log(&desk, &id).remove(0);
        now = line.next_attempt_at;
    }
    let hours = now.seconds_since(start) / 3600;
    assert!(attempts == 15 && (48..=100).contains(&hours), "{attempts} attempts in {hours} hours");
    assert_eq!(log(&desk, &id)[0].last_answer.as_deref(), Some("It cannot be reached."));
    desk.write(|conn| deliveries::sweep(conn, now.plus_days(29))).unwrap();
    assert_eq!(rows(&desk, "webhook_events"), 1);
    desk.write(|conn| deliveries::sweep(conn, now.plus_days(31))).unwrap();
    assert_eq!((rows(&desk, "webhook_events"), rows(&desk, "webhook_deliveries")), (0, 0));
}

#[actix_web::test]
async fn the_events_of_a_message_go_in_order_and_do_not_hold_up_those_of_others() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (id, _) = add(&desk, &admin, &receiver, json!({})).await;
    let first = held(&desk, "a@example.com", json!({})).await;
    settle(&desk, "Rita", &first, DecisionKind::Reject, Some("No.")).unwrap();
    held(&desk, "b@example.com", json!({})).await;
    let now = desk.now();
    let claimed = desk.write(|conn| deliveries::claim(conn, 8, now)).unwrap();
    let told = |attempts: &[deliveries::Attempt]| -> Vec<String> {
        attempts
            .iter()
            .map(|attempt| serde_json::from_str::<Value>(&attempt.body).unwrap())
            .map(|event| format!("{} {}", event["type"], event["data"]["to"]))
            .collect()
    };
    assert_eq!(told(&claimed), ["\"message.pending\" \"a@example.com\"", "\"message.pending\" \"b@example.com\""]);
    desk.write(|conn| deliveries::record(conn, &claimed[0], &Outcome::Answered { status: 500, body: String::new() }, now)).unwrap();
    desk.write(|conn| deliveries::record(conn, &claimed[1], &Outcome::Answered { status: 200, body: String::new() }, now)).unwrap();
    assert!(desk.write(|conn| deliveries::claim(conn, 8, now)).unwrap().is_empty(), "the rejection waits for what came before it");
    let later = now.plus_seconds(3600);
    let claimed = desk.write(|conn| deliveries::claim(conn, 8, later)).unwrap();
    assert_eq!(told(&claimed), ["\"message.pending\" \"a@example.com\""]);
    desk.write(|conn| deliveries::record(conn, &claimed[0], &Outcome::Answered { status: 200, body: String::new() }, later)).unwrap();
    let claimed = desk.write(|conn| deliveries::claim(conn, 8, later)).unwrap();
    assert_eq!(told(&claimed), ["\"message.rejected\" \"a@example.com\""]);
    assert_eq!(log(&desk, &id).len(), 3);
}

#[actix_web::test]
async fn two_workers_never_make_the_same_attempt_and_a_silent_one_loses_it() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (id, _) = add(&desk, &admin, &receiver, json!({})).await;
    held(&desk, "a@example.com", json!({})).await;
    let now = desk.now();
    let db = desk.state.db.clone();
    let claims: Vec<usize> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(|| db.write(|conn| deliveries::claim(conn, 8, now)).unwrap().len())).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(claims.iter().sum::<usize>(), 1, "{claims:?}");
    let later = now.plus_seconds(deliveries::LEASE_SECONDS + 1);
    let silent = desk.write(|conn| deliveries::claim(conn, 8, later)).unwrap().remove(0);
    let latest = later.plus_seconds(deliveries::LEASE_SECONDS + 1);
    let second = desk.write(|conn| deliveries::claim(conn, 8, latest)).unwrap().remove(0);
    assert_eq!(silent.headers(latest)[0], second.headers(latest)[0], "the same id");
    // The silent one comes back: the attempt is no longer its own.
    desk.write(|conn| deliveries::record(conn, &silent, &Outcome::Answered { status: 410, body: String::new() }, latest)).unwrap();
    assert_eq!(log(&desk, &id)[0].state, State::Sending);
    desk.write(|conn| deliveries::record(conn, &second, &Outcome::Answered { status: 200, body: String::new() }, latest)).unwrap();
    assert_eq!((log(&desk, &id)[0].state, log(&desk, &id)[0].attempts), (State::Delivered, 3));
}

#[actix_web::test]
async fn a_slow_receiver_leaves_room_for_the_others() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    add(&desk, &admin, &receiver, json!({"description": "slow"})).await;
    for n in 0..5 {
        held(&desk, &format!("{n}@example.com"), json!({})).await;
    }
    let (other, _) = add(&desk, &admin, &receiver, json!({})).await;
    held(&desk, "last@example.com", json!({})).await;
    let claimed = desk.write(|conn| deliveries::claim(conn, 8, desk.now())).unwrap();
    assert_eq!(claimed.len(), 3, "two to the slow one, one to the other");
    let states: Vec<State> = log(&desk, &other).iter().map(|line| line.state).collect();
    assert_eq!(states, [State::Sending]);
    assert_eq!(desk.write(|conn| deliveries::claim(conn, 8, desk.now())).unwrap().len(), 0, "no room until one of them is done");
}

#[actix_web::test]
async fn inner_addresses_are_refused_when_entered_and_when_called() {
    let receiver = Receiver::start().await;
    let (mut desk, admin) = desk_with(&receiver).await;
    let other = receiver.port.wrapping_add(1).max(1024);
    for url in [
        "https://169.254.169.254/latest",
        "https://localhost/",
        "https://[::1]/",
        "https://2130706433/",
        "http://1.1.1.1/",
        &format!("http://127.0.0.1:{other}/"),
    ] {
        let (status, refused) = desk.call(&admin, "POST", "/v1/webhooks", json!({"url": url})).await;
        assert_eq!((status, refused["code"].as_str(), refused["field"].as_str()), (422, Some("url_not_allowed"), Some("url")), "{url}");
    }
    let (id, _) = add(&desk, &admin, &receiver, json!({})).await;
    let (status, _) = desk.call(&admin, "PATCH", &format!("/v1/webhooks/{id}"), json!({"url": "https://10.0.0.1/"})).await;
    assert_eq!(status, 422);
    held(&desk, "a@example.com", json!({})).await;
    desk.state.dialer = Arc::new(Dialer::new(vec![]));
    desk.drain().await;
    let line = log(&desk, &id).remove(0);
    assert_eq!((line.state, line.attempts, line.last_status), (State::Waiting, 1, None));
    assert!(receiver.got().is_empty(), "nobody connected");
}

#[actix_web::test]
async fn administrators_alone_manage_webhooks_and_the_secret_is_shown_once() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (id, secret) = add(
        &desk,
        &admin,
        &receiver,
        json!({"description": "CRM", "events": ["message.sent", "message.sent"], "mailboxes": [address(Mode::GatedSend)]}),
    )
    .await;
    let limited = key(&desk, &[Scope::Admin], vec![mailbox(&desk, Mode::GatedAll)]);
    for key in [&desk.agent, &desk.oversight, &limited] {
        for (method, path) in [
            ("GET", "/v1/webhooks".to_owned()),
            ("POST", "/v1/webhooks".to_owned()),
            ("GET", format!("/v1/webhooks/{id}")),
            ("PATCH", format!("/v1/webhooks/{id}")),
            ("DELETE", format!("/v1/webhooks/{id}")),
            ("POST", format!("/v1/webhooks/{id}/rotate")),
            ("POST", format!("/v1/webhooks/{id}/test")),
            ("GET", format!("/v1/webhooks/{id}/deliveries")),
        ] {
            let body = if method == "POST" && path.ends_with("webhooks") { json!({"url": receiver.url()}) } else { Value::Null };
            assert_eq!(desk.call(key, method, &path, body).await.0, 403, "{method} {path}");
        }
    }
    for who in ["Max", "Rita"] {
        let actor = desk.person(who);
        let refused = desk.write(|conn| countersign::domain::webhooks::endpoints::list(conn, &actor)).unwrap_err();
        assert_eq!(refused.code, "role_missing");
    }
    let (_, list) = desk.call(&admin, "GET", "/v1/webhooks", Value::Null).await;
    assert_eq!(list["webhooks"][0]["events"], json!(["message.sent"]));
    let audit = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some(id.as_str()), 10));
    assert!(!list.to_string().contains(&secret) && !format!("{audit:?}").contains(&secret[6..]), "not in lists, not in the audit log");
    assert_eq!(audit[0].action, "webhook.add");
}

#[actix_web::test]
async fn rest_changes_tests_replays_and_deletes() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (status, refused) = desk.call(&admin, "POST", "/v1/webhooks", json!({"url": receiver.url(), "events": ["message.lost"]})).await;
    assert!(status == 422 && refused["detail"].as_str().unwrap().contains("message.sent"), "{refused}");
    let (id, secret) = add(&desk, &admin, &receiver, json!({})).await;
    let path = format!("/v1/webhooks/{id}");
    let (_, changed) =
        desk.call(&admin, "PATCH", &path, json!({"events": ["message.rejected"], "campaigns": ["spring"], "description": "CRM"})).await;
    assert_eq!(
        (&changed["events"], &changed["campaigns"], &changed["url"]),
        (&json!(["message.rejected"]), &json!(["spring"]), &json!(receiver.url()))
    );

    receiver.answers(500);
    let (status, test) = desk.call(&admin, "POST", &format!("{path}/test"), Value::Null).await;
    assert_eq!((status, &test["type"], &test["state"]), (202, &json!("webhook.test"), &json!("waiting")));
    let replay = format!("{path}/deliveries/{}/replay", test["id"].as_str().unwrap());
    assert_eq!(desk.call(&admin, "POST", &replay, Value::Null).await.1["code"], "delivery_open");
    desk.drain().await;
    let (_, off) = desk.call(&admin, "PATCH", &path, json!({"enabled": false})).await;
    assert_eq!((&off["enabled"], &off["disabled_because"]), (&json!(false), &json!("another switched it off.")));
    for call in [replay.clone(), format!("{path}/test")] {
        assert_eq!(desk.call(&admin, "POST", &call, Value::Null).await.1["code"], "webhook_disabled");
    }
    let (_, log) = desk.call(&admin, "GET", &format!("{path}/deliveries"), Value::Null).await;
    assert_eq!((&log["deliveries"][0]["state"], &log["deliveries"][0]["last_answer"]), (&json!("failed"), &json!("another switched it off.")));
    desk.call(&admin, "PATCH", &path, json!({"enabled": true})).await;
    receiver.answers(200);
    assert_eq!(desk.call(&admin, "POST", &replay, Value::Null).await.0, 202);
    desk.drain().await;
    let (_, log) = desk.call(&admin, "GET", &format!("{path}/deliveries?limit=1"), Value::Null).await;
    assert_eq!(
        (&log["deliveries"][0]["state"], &log["deliveries"][0]["last_status"], &log["next_cursor"]),
        (&json!("delivered"), &json!(200), &Value::Null)
    );
    let got = receiver.got();
    assert!(got.len() == 2 && got[0].headers["webhook-id"] == got[1].headers["webhook-id"] && got[1].is_signed_with(&secret));
    assert_eq!(log["deliveries"][0]["body"], got[1].body);

    assert_eq!(desk.call(&admin, "DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(desk.call(&admin, "GET", &path, Value::Null).await.0, 404);
    assert_eq!(rows(&desk, "webhook_deliveries"), 0);
}

#[actix_web::test]
async fn an_administrator_does_all_of_it_in_the_browser() {
    let receiver = Receiver::start().await;
    let (desk, _) = desk_with(&receiver).await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    assert!(ada.get("/webhooks").await.body.contains("No webhooks"));
    let refused = ada.post("/webhooks", "/webhooks", &[("url", "https://10.0.0.1/x"), ("description", "CRM"), ("events", "message.sent")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("such targets are not allowed") && refused.body.contains("value=\"https://10.0.0.1/x\""), "what was entered stays");
    let url = receiver.url();
    let fields = [("url", url.as_str()), ("description", "<b>CRM</b>"), ("events", "message.pending"), ("campaigns", "")];
    let added = ada.post("/webhooks", "/webhooks", &fields).await;
    assert_eq!(added.status, 201);
    let secret = format!("whsec_{}", added.body.split("whsec_").nth(1).unwrap().split('<').next().unwrap());
    let secret = html_escape::decode_html_entities(&secret).into_owned();
    assert!(added.body.contains("It is shown this once") && !added.body.contains("<b>CRM</b>"));
    let id = added.body.split("action=\"/webhooks/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let page = format!("/webhooks/{id}");
    assert!(!ada.get(&page).await.body.contains("whsec_") && ada.get("/webhooks").await.body.contains(&url));

    assert_eq!(ada.post(&page, &format!("{page}/test"), &[]).await.status, 303);
    held(&desk, "a@example.com", json!({})).await;
    desk.drain().await;
    assert!(receiver.got().len() == 2 && receiver.got().iter().all(|got| got.is_signed_with(&secret)));
    let shown = ada.get(&page).await.body;
    for wanted in ["webhook.test", "message.pending", "Delivered · 200", "thanks", "a@example.com", "Replay"] {
        assert!(shown.contains(wanted), "{wanted} is missing");
    }
    let replay =
        shown.split("action=\"").find(|part| part.starts_with(&page) && part.contains("/replay\"")).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(ada.post(&page, &replay, &[]).await.status, 303);
    desk.drain().await;
    assert_eq!(receiver.got().len(), 3);

    let rotated = ada.post(&page, &format!("{page}/rotation"), &[]).await.body;
    assert!(rotated.contains("whsec_") && rotated.contains("Two secrets sign until"));
    assert_eq!(ada.post(&page, &page, &[("url", &url), ("events", "message.rejected")]).await.status, 303);
    assert_eq!(ada.post(&page, &format!("{page}/disable"), &[]).await.status, 303);
    assert!(ada.get(&page).await.body.contains("Ada switched it off."));
    assert_eq!(ada.post(&page, &format!("{page}/enable"), &[]).await.status, 303);
    assert_eq!(ada.post(&page, &format!("{page}/deletion"), &[]).await.status, 303);
    assert_eq!(ada.get(&page).await.status, 404);
}

#[actix_web::test]
async fn a_test_of_the_reviewers_is_told_to_nobody() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let query = diesel::sql_query("UPDATE mailboxes SET planted_percent = 100");
    desk.write(|conn| Ok(on_either!(conn, inner => query.execute(inner))?)).unwrap();
    add(&desk, &admin, &receiver, json!({})).await;
    let id = held(&desk, "a@example.com", json!({})).await;
    let filter = list::Filter { states: vec![MessageState::Pending], limit: 10, ..list::Filter::default() };
    let waiting = desk.read(|conn| Ok(list::list(conn, &OPERATOR, &filter)?.0));
    let test = waiting.into_iter().map(|row| row.id).find(|other| *other != id).unwrap();
    assert_eq!(rows(&desk, "webhook_events"), 1, "of the real one");
    settle(&desk, "Rita", &test, DecisionKind::Reject, Some("No.")).unwrap();
    assert_eq!(rows(&desk, "webhook_events"), 1);
}

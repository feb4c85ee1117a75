//! Amazon SES, which reports through a topic of SNS.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::clock;
use countersign::dialer::{Allowed, Dialer, Resolver};
use countersign::domain::contacts::suppressions;
use countersign::domain::inbound::providers::{self, Reporter};
use countersign::domain::messages::State;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::inbound::sent;
use crate::support::Desk;

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:bounces";
const PATH: &str = "/v1/webhooks/events/ses";
const CERTIFICATE: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";

/// Who was looked for. Every name leads to this machine, where nothing listens.
#[derive(Default, Clone)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Resolver for Asked {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.0.lock().unwrap().push(host.to_owned());
        Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
    }
}

impl Asked {
    fn names(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

async fn desk() -> (Desk, Asked) {
    let mut desk = Desk::new().await;
    let asked = Asked::default();
    desk.state.dialer = Arc::new(Dialer::with_resolver(vec![Allowed::parse("sns.eu-west-1.amazonaws.com:443").unwrap()], Arc::new(asked.clone())));
    (desk, asked)
}

/// A key that no certificate of Amazon has, and a certificate for it.
fn signer(common_name: &str) -> (ring::rsa::KeyPair, String) {
    let pem = include_str!("pem/rsa2048.pem");
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>()).unwrap();
    let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), &rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    let certificate = params.self_signed(&key).unwrap();
    let body = STANDARD.encode(certificate.der());
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    (ring::rsa::KeyPair::from_pkcs8(&der).unwrap(), format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")))
}

fn envelope(kind: &str, id: &str, message: &str, age: i64) -> Value {
    let at = clock::now().plus_seconds(-age);
    let mut one = json!({"Type": kind, "MessageId": id, "TopicArn": TOPIC, "Message": message, "Timestamp": at.to_string(), "SignatureVersion": "2", "SigningCertURL": CERTIFICATE});
    if kind != "Notification" {
        one["SubscribeURL"] = json!("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t");
        one["Token"] = json!("t");
    }
    one
}

/// Signs an envelope as SNS says, in words of its own.
fn signed(mut one: Value, key: &ring::rsa::KeyPair) -> String {
    let names: &[&str] = match one["Type"].as_str().unwrap() {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let words: String = names.iter().filter_map(|name| Some(format!("{name}\n{}\n", one[*name].as_str()?))).collect();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&ring::signature::RSA_PKCS1_SHA256, &ring::rand::SystemRandom::new(), words.as_bytes(), &mut signature).unwrap();
    one["Signature"] = json!(STANDARD.encode(signature));
    one.to_string()
}

fn bounce(address: &str, about: &str, id: &str) -> String {
    json!({"notificationType": "Bounce", "bounce": {"bounceType": "Permanent", "bounceSubType": "General", "feedbackId": id,
        "bouncedRecipients": [{"emailAddress": address, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]},
        "mail": {"messageId": "ses-1", "commonHeaders": {"messageId": format!("<{about}>")}}})
    .to_string()
}

fn configure(desk: &Desk, certificate: &str) {
    desk.write(|conn| {
        providers::set_secret(conn, &desk.person("Ada"), Reporter::Ses, TOPIC, clock::now())?;
        providers::keep_certificate(conn, CERTIFICATE, certificate)
    })
    .unwrap();
}

async fn post(desk: &Desk, body: impl Into<actix_web::web::Bytes>) -> u16 {
    desk.raw("", "POST", PATH, body).await.0
}

#[actix_web::test]
async fn bounces_and_complaints_of_the_topic_are_taken_once_and_what_is_not_signed_is_refused() {
    let (desk, asked) = desk().await;
    let (key, certificate) = signer("sns.amazonaws.com");
    let (id, about) = sent(&desk, "ana@example.com", json!({})).await;
    let right = signed(envelope("Notification", "m1", &bounce("ana@example.com", &about, "f1"), 0), &key);
    // Nobody entered a topic: nothing is fetched either.
    assert_eq!(post(&desk, right.clone()).await, 401);
    configure(&desk, &certificate);
    let altered = right.replace("user unknown", "mailbox full");
    let mut unsigned = envelope("Notification", "m1", "{}", 0);
    unsigned["Signature"] = json!("");
    let mut elsewhere = envelope("Notification", "m1", &bounce("ana@example.com", &about, "f1"), 0);
    elsewhere["SigningCertURL"] = json!("https://sns.eu-west-1.amazonaws.com.evil.example/a.pem");
    let mut other_topic = envelope("Notification", "m1", &bounce("ana@example.com", &about, "f1"), 0);
    other_topic["TopicArn"] = json!("arn:aws:sns:eu-west-1:999999999999:bounces");
    let old = signed(envelope("Notification", "m1", &bounce("ana@example.com", &about, "f1"), 3_700), &key);
    for (what, body) in [
        ("altered", altered),
        ("unsigned", unsigned.to_string()),
        ("certificate from elsewhere", signed(elsewhere, &key)),
        ("another topic", signed(other_topic, &key)),
        ("replayed after an hour", old),
        ("no envelope", "{}".to_owned()),
    ] {
        assert_eq!(post(&desk, body).await, 401, "{what}");
    }
    assert_eq!((desk.message(id.as_str()).row.state, asked.names()), (State::Sent, vec![]));

    assert_eq!((post(&desk, right.clone()).await, post(&desk, right).await), (200, 200));
    assert_eq!(desk.message(id.as_str()).row.state, State::Bounced);
    assert_eq!(desk.read(|conn| suppressions::of(conn, "ana@example.com")).map(|found| found.reason), Some(suppressions::Reason::Bounced));
    assert_eq!(desk.read(|conn| countersign::domain::inbound::of_message(conn, &desk.person("Ada"), &id)).len(), 1, "once");

    let (ben, about) = sent(&desk, "ben@example.com", json!({})).await;
    let complaint = json!({"eventType": "Complaint", "complaint": {"feedbackId": "c1", "complainedRecipients": [{"emailAddress": "ben@example.com"}]},
        "mail": {"commonHeaders": {"messageId": about}}});
    assert_eq!(post(&desk, signed(envelope("Notification", "m2", &complaint.to_string(), 0), &key)).await, 200);
    assert_eq!(desk.message(ben.as_str()).row.state, State::Complained);
    assert_eq!(desk.read(|conn| suppressions::of(conn, "ben@example.com")).map(|found| found.reason), Some(suppressions::Reason::Complained));
    // What is no report is no error, and SNS stops bringing it.
    assert_eq!(post(&desk, signed(envelope("Notification", "m3", "Successfully validated SNS topic.", 0), &key)).await, 200);
    assert_eq!(asked.names(), Vec::<String>::new(), "the certificate was kept");
}

#[actix_web::test]
async fn a_certificate_of_somebody_else_signs_nothing() {
    let (desk, _) = desk().await;
    for name in ["sns.amazonaws.com.evil.example", "evil.example", "xsns.amazonaws.com", "sns.evilamazonaws.com"] {
        let (key, certificate) = signer(name);
        configure(&desk, &certificate);
        assert_eq!(post(&desk, signed(envelope("Notification", "m1", "{}", 0), &key)).await, 401, "{name}");
    }
}

#[actix_web::test]
async fn a_subscription_is_confirmed_only_for_the_topic_that_an_administrator_entered() {
    let (desk, asked) = desk().await;
    let (key, certificate) = signer("sns.amazonaws.com");
    let wish = |topic: &str, url: &str| {
        let mut one = envelope("SubscriptionConfirmation", "m1", "You have chosen to subscribe.", 0);
        one["TopicArn"] = json!(topic);
        one["SubscribeURL"] = json!(url);
        signed(one, &key)
    };
    let right = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
    assert_eq!(post(&desk, wish(TOPIC, right)).await, 401);
    configure(&desk, &certificate);
    assert_eq!(post(&desk, wish("arn:aws:sns:eu-west-1:999999999999:bounces", right)).await, 401);
    // Signed, but it leads elsewhere: nothing is called.
    assert_eq!(post(&desk, wish(TOPIC, "https://evil.example/?Action=ConfirmSubscription")).await, 200);
    assert_eq!(asked.names(), Vec::<String>::new());
    // The right one is called. Nothing listens here, so SNS is told to bring it again.
    assert_eq!(post(&desk, wish(TOPIC, right)).await, 503);
    assert_eq!(asked.names(), ["sns.eu-west-1.amazonaws.com"]);
}

#[actix_web::test]
async fn an_unknown_certificate_is_fetched_from_amazon() {
    let (desk, asked) = desk().await;
    let (key, _) = signer("sns.amazonaws.com");
    desk.write(|conn| providers::set_secret(conn, &desk.person("Ada"), Reporter::Ses, TOPIC, clock::now())).unwrap();
    assert_eq!(post(&desk, signed(envelope("Notification", "m1", "{}", 0), &key)).await, 503);
    assert_eq!(asked.names(), ["sns.eu-west-1.amazonaws.com"]);
    let wrong = desk.write(|conn| providers::set_secret(conn, &desk.person("Ada"), Reporter::Ses, "arn:aws:sqs:eu-west-1:1:bounces", clock::now()));
    assert_eq!(wrong.unwrap_err().code, "field_invalid");
}

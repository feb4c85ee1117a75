//! The rules of law and of the large mailbox providers, by their numbers: each with one message that passes and one that is
//! refused. What is checked, and what is not legal advice, stands in docs/LAW.md.

mod checks;
mod delivery;
mod inbound;
mod person;
mod words;

use countersign::domain::contacts;
use countersign::domain::contacts::ConsentBasis;
use countersign::domain::ids::ContactId;
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, Message};
use serde_json::{Value, json};

use crate::support::{Desk, OPERATOR};

/// A contact with a ground.
async fn known(desk: &Desk, email: &str) -> ContactId {
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": email})).await;
    assert_eq!(status, 200, "{made}");
    let id = ContactId::from(made["id"].as_str().unwrap());
    desk.write(|conn| contacts::record_consent(conn, &OPERATOR, &id, ConsentBasis::Consent, "form", desk.now())).unwrap();
    id
}

/// Approves a message and sends what is due; how many mails came.
async fn approve_and_send(desk: &Desk, message: &Message) -> usize {
    desk.decide("Rita", message, DecisionKind::Approve).unwrap();
    let before = desk.catcher.messages().len();
    desk.drain().await;
    desk.catcher.messages().len() - before
}

/// The last mail that was caught: headers unfolded, soft line breaks of the parts taken out.
fn last(desk: &Desk) -> String {
    let raw = String::from_utf8(desk.catcher.messages().last().unwrap().raw.clone()).unwrap();
    let (headers, parts) = raw.split_once("\r\n\r\n").unwrap();
    format!("{}\r\n\r\n{}", headers.replace("\r\n ", " "), parts.replace("=\r\n", ""))
}

/// The code of what answers a message.
async fn refused(desk: &Desk, to: &str, more: Value) -> String {
    let (status, answer) = desk.send(Mode::GatedSend, to, more).await;
    assert!(status >= 400, "{answer}");
    answer["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_rule_has_its_test_and_its_row() {
    let tests = [
        include_str!("law/checks.rs"),
        include_str!("law/delivery.rs"),
        include_str!("law/inbound.rs"),
        include_str!("law/person.rs"),
        include_str!("law/words.rs"),
    ];
    let rows = include_str!("../../docs/LAW.md");
    for number in 1..=36 {
        let (test, row) = (format!("\nasync fn l_{number:02}_"), format!("\n| L-{number:02} | "));
        assert!(tests.iter().any(|source| source.contains(&test)), "L-{number:02} has no test");
        assert_eq!(rows.matches(&row).count(), 1, "L-{number:02} in docs/LAW.md");
    }
}

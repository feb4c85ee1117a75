//! Every turn that a message can take is told of to whoever listens.

use std::collections::BTreeSet;

use countersign::catcher::{Action, Behaviour, Rule, Verb};
use countersign::clock;
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::inbound::providers::{self, Reporter};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, expiry};
use countersign::domain::webhooks::EventType;
use serde_json::{Value, json};

use crate::inbound::{KEY, arrive, mailgun, reply, sent};
use crate::support::{Desk, OPERATOR};
use crate::webhooks::{Receiver, add, let_call, log};

/// A desk whose relay refuses one address and goes silent at the dot of another.
async fn desk() -> Desk {
    let behaviour = Behaviour::new()
        .with(Rule::at(Verb::Rcpt, Action::Reply("550 5.1.1 no such user".into())).for_address("never@example.com"))
        .with(Rule::at(Verb::Dot, Action::KeepAndClose).for_address("maybe@example.com"));
    Desk::with(behaviour).await
}

async fn report(desk: &Desk, kind: &str, about: &str) {
    let event = json!({"event": kind, "severity": "permanent", "id": format!("{kind} {about}"), "recipient": "ana@example.com",
        "message": {"headers": {"message-id": about}}, "delivery-status": {"message": "550 5.1.1 user unknown"}});
    let body = mailgun(desk, KEY, 0, &event).to_string();
    assert_eq!(desk.raw("", "POST", "/v1/webhooks/events/mailgun", body).await.0, 200);
}

#[actix_web::test]
async fn every_turn_of_a_message_is_told_of() {
    let receiver = Receiver::start().await;
    let mut desk = desk().await;
    let admin = let_call(&mut desk, &receiver);
    desk.write(|conn| providers::set_secret(conn, &desk.person("Ada"), Reporter::Mailgun, KEY, clock::now())).unwrap();
    let (endpoint, _) = add(&desk, &admin, &receiver, json!({})).await;

    for kind in [DecisionKind::Reject, DecisionKind::RequestChanges] {
        let message = desk.pending("ben@example.com", json!({})).await;
        desk.decide("Rita", &message, kind).unwrap();
    }
    let words = || json!({"subject": "Hello", "text_body": "A letter.", "consent_basis": "consent"});
    for kind in ["delivered", "failed", "complained"] {
        let (_, about) = sent(&desk, &format!("{kind}@example.com"), words()).await;
        report(&desk, kind, &about).await;
    }
    for to in ["never@example.com", "maybe@example.com", "left@example.com"] {
        let message = desk.pending(to, json!({"consent_basis": "consent"})).await;
        desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    }
    desk.write(|conn| suppressions::add(conn, &OPERATOR, "left@example.com", Reason::Unsubscribed, "test", None, desk.now())).unwrap();
    desk.drain().await;
    desk.pending("late@example.com", json!({})).await;
    desk.write(|conn| expiry::expire_due(conn, desk.now().plus_days(30))).unwrap();
    let (_, about) = sent(&desk, "lead@example.com", words()).await;
    arrive(&desk, Mode::Autonomous, &reply("lead@example.com", &about, "Re: Hello", "What is the pricing, and can we get a demo?"));

    let told: BTreeSet<String> = log(&desk, &endpoint).into_iter().map(|line| line.event_type).collect();
    let of_mail = |kind: &&EventType| kind.as_str().starts_with("message.") || **kind == EventType::LeadQualified;
    let missing: Vec<&str> = EventType::ALL.iter().filter(of_mail).map(|kind| kind.as_str()).filter(|kind| !told.contains(*kind)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    let lead = log(&desk, &endpoint).into_iter().find(|line| line.event_type == "lead.qualified").unwrap();
    let data = &serde_json::from_str::<Value>(&lead.body).unwrap()["data"];
    assert!(data["signals"].as_array().is_some_and(|signals| signals.len() >= 2), "{data}");
    assert!(!lead.body.contains("What is the pricing"), "no words of the customer");
}

//! From approval to the server's 250, and every way in which that goes wrong.

use std::sync::Arc;

use countersign::catcher::{Action, Behaviour, Rule, Verb};
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::ids::MessageId;
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::{self, Message, State};
use countersign::domain::outbox::{self, WorkerId, verify};
use countersign::worker;
use serde_json::json;

use crate::support::{Desk, OPERATOR};

/// Submits and approves; gives the id.
async fn approved(desk: &Desk, to: &str) -> MessageId {
    let (_, answer) = desk.send(Mode::GatedSend, to, json!({})).await;
    let id = answer["id"].as_str().unwrap().to_owned();
    let hash = message(desk, &id).row.content_hash;
    let body = json!({"message_id": id, "decision": "approve", "content_hash": hash});
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body).await;
    assert_eq!(status, 200, "{answer}");
    MessageId::from(id)
}

fn message(desk: &Desk, id: &str) -> Message {
    desk.read(|conn| messages::get(conn, &OPERATOR, &MessageId::from(id)))
}

/// Runs the worker until this message is in one of the states, or fails.
async fn until(desk: &Desk, id: &MessageId, states: &[State]) -> Message {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = actix_web::rt::spawn(worker::run(desk.state.clone(), Some(desk.transport()), stopped));
    for _ in 0..600 {
        let now = message(desk, id.as_str());
        if states.contains(&now.row.state) {
            stop.send_replace(true);
            running.await.unwrap();
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the message stayed {}", message(desk, id.as_str()).row.state);
}

#[actix_web::test]
async fn an_approved_message_arrives_once_with_all_that_the_law_asks() {
    let desk = Desk::new().await;
    let id = approved(&desk, "ana@example.com").await;
    assert!(message(&desk, id.as_str()).row.sent_at.is_none(), "approved is not sent");
    desk.drain().await;
    let sent = message(&desk, id.as_str());
    assert_eq!(sent.row.state, State::Sent);
    assert!(sent.row.sent_at.is_some());
    let caught = desk.catcher.messages();
    assert_eq!(caught.len(), 1);
    let raw = String::from_utf8(caught[0].raw.clone()).unwrap();
    for wanted in [
        "List-Unsubscribe: <https://desk.example.com/u/",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "1 Main Street, Springfield",
        "Hello there.",
    ] {
        assert!(raw.contains(wanted), "{wanted} is missing in\n{raw}");
    }
    assert_eq!(raw.matches("\nMessage-ID:").count() + usize::from(raw.starts_with("Message-ID:")), 1);
    let report = desk.read(verify::verify);
    assert_eq!((report.sent, report.warranted, report.exceptions.len()), (1, 1, 0));
}

#[actix_web::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    let desk = Desk::with(
        Behaviour::new()
            .with(Rule::at(Verb::Rcpt, Action::Reply("450 4.2.1 busy".into())).for_address("later@example.com"))
            .with(Rule::at(Verb::Rcpt, Action::Reply("550 5.1.1 no such user".into())).for_address("never@example.com")),
    )
    .await;
    let (later, never, fine) =
        (approved(&desk, "later@example.com").await, approved(&desk, "never@example.com").await, approved(&desk, "fine@example.com").await);
    let failed = until(&desk, &never, &[State::Failed]).await;
    assert!(failed.row.state_reason.unwrap().contains("no such user"));
    until(&desk, &fine, &[State::Sent]).await;
    let waits = until(&desk, &later, &[State::Queued]).await;
    assert!(waits.row.sent_at.is_none());
    let waiting = desk.read(|conn| outbox::waiting(conn, &later)).unwrap();
    assert_eq!(waiting.attempts, 1);
    assert!(waiting.not_before > desk.now().plus_seconds(30), "the next attempt waits");
    assert_eq!(desk.catcher.messages().len(), 1);
}

#[actix_web::test]
async fn no_answer_after_the_dot_leaves_it_uncertain_and_it_is_not_sent_again() {
    let desk = Desk::with(Behaviour::new().with(Rule::at(Verb::Dot, Action::KeepAndClose).times(1))).await;
    let id = approved(&desk, "maybe@example.com").await;
    until(&desk, &id, &[State::Uncertain]).await;
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 1, "not a second copy");
    assert!(message(&desk, id.as_str()).row.sent_at.is_none());
}

#[actix_web::test]
async fn a_dead_mail_server_loses_nothing() {
    let mut desk = Desk::new().await;
    let id = approved(&desk, "patient@example.com").await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    desk.relay = Some(closed);
    let waits = until(&desk, &id, &[State::Queued]).await;
    assert!(waits.row.state_reason.is_some());
    let waiting = desk.read(|conn| outbox::waiting(conn, &id)).unwrap();
    assert_eq!((waiting.state.as_str(), waiting.attempts), ("queued", 1));
}

#[actix_web::test]
async fn a_refusal_at_the_dot_is_no_uncertainty() {
    let desk = Desk::with(Behaviour::new().with(Rule::at(Verb::Dot, Action::Reply("554 5.7.1 no".into())))).await;
    let id = approved(&desk, "spam@example.com").await;
    until(&desk, &id, &[State::Failed]).await;
}

#[actix_web::test]
async fn an_unsubscribe_between_claim_and_dot_wins() {
    let desk = Desk::new().await;
    let id = approved(&desk, "leaves@example.com").await;
    let worker = WorkerId::new();
    let mut claimed = desk.write(|conn| outbox::claim(conn, &worker, 10, desk.now())).unwrap();
    let claimed = claimed.pop().unwrap();
    desk.write(|conn| suppressions::add(conn, &OPERATOR, "leaves@example.com", Reason::Unsubscribed, "test", None, desk.now())).unwrap();
    let dot = desk.write(|conn| outbox::reach_dot(conn, claimed, desk.now())).unwrap();
    assert!(matches!(dot, outbox::Dot::Stop));
    assert_eq!(message(&desk, id.as_str()).row.state, State::Skipped);
}

#[actix_web::test]
async fn a_stop_between_claim_and_dot_holds_it_back() {
    let desk = Desk::new().await;
    let id = approved(&desk, "stopped@example.com").await;
    let worker = WorkerId::new();
    let claimed = desk.write(|conn| outbox::claim(conn, &worker, 10, desk.now())).unwrap().pop().unwrap();
    desk.write(|conn| mailboxes::stops::stop(conn, &OPERATOR, None, "a test", desk.now())).unwrap();
    assert!(matches!(desk.write(|conn| outbox::reach_dot(conn, claimed, desk.now())).unwrap(), outbox::Dot::Stop));
    assert_eq!(message(&desk, id.as_str()).row.state, State::Queued);
    let later = desk.now().plus_seconds(60);
    assert!(desk.write(|conn| outbox::claim(conn, &worker, 10, later)).unwrap().is_empty(), "nothing is claimed while stopped");
    desk.write(|conn| mailboxes::stops::resume(conn, &OPERATOR, None, desk.now())).unwrap();
    assert_eq!(desk.write(|conn| outbox::claim(conn, &worker, 10, later)).unwrap().len(), 1);
}

#[actix_web::test]
async fn a_worker_that_died_before_the_dot_loses_nothing_and_at_the_dot_leaves_it_uncertain() {
    let desk = Desk::new().await;
    let (before, at) = (approved(&desk, "before@example.com").await, approved(&desk, "at@example.com").await);
    let worker = WorkerId::new();
    for claimed in desk.write(|conn| outbox::claim(conn, &worker, 10, desk.now())).unwrap() {
        if claimed.message_id() == &at {
            assert!(matches!(desk.write(|conn| outbox::reach_dot(conn, claimed, desk.now())).unwrap(), outbox::Dot::Go(_)));
        }
    }
    assert_eq!(desk.write(|conn| outbox::recover(conn, desk.now())).unwrap(), 0, "the lease is still running");
    let later = desk.now().plus_seconds(outbox::LEASE_SECONDS + 1);
    assert_eq!(desk.write(|conn| outbox::recover(conn, later)).unwrap(), 2);
    assert_eq!(message(&desk, before.as_str()).row.state, State::Queued);
    assert_eq!(message(&desk, at.as_str()).row.state, State::Uncertain);
    let again = desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 10, later)).unwrap();
    let again: Vec<_> = again.iter().map(|claimed| claimed.message_id()).collect();
    assert_eq!(again, [&before], "the lost claim is taken up again, the uncertain one is not");
}

#[actix_web::test]
async fn several_workers_on_one_database_send_nothing_twice() {
    let desk = Arc::new(Desk::new().await);
    for i in 0..40 {
        let (status, _) = desk.send(Mode::Autonomous, &format!("p{i}@example.com"), json!({"consent_basis": "consent"})).await;
        assert_eq!(status, 202);
    }
    let transport = desk.transport();
    let runs = (0..3).map(|_| worker::drain(desk.state.clone(), transport.clone()));
    for done in futures_util::future::join_all(runs).await {
        done.unwrap();
    }
    let caught = desk.catcher.messages();
    let recipients: std::collections::BTreeSet<_> = caught.iter().flat_map(|mail| mail.to.clone()).collect();
    assert_eq!((caught.len(), recipients.len()), (40, 40));
    let report = desk.read(verify::verify);
    assert_eq!((report.sent, report.exceptions.len()), (40, 0));
}

#[actix_web::test]
async fn mail_of_a_test_key_never_reaches_the_server() {
    use countersign::domain::actor::Scope;
    use countersign::domain::keys::{self, NewKey};
    let desk = Desk::new().await;
    let new = NewKey { is_test: true, ..NewKey::named("t", &[Scope::Read, Scope::Draft]) };
    let (_, key) = desk.write(|conn| keys::add(conn, &OPERATOR, &new, desk.now())).unwrap();
    let body =
        json!({"mailbox": crate::support::address(Mode::Autonomous), "to": "t@example.com", "subject": "s", "body": "b", "consent_basis": "consent"});
    let (status, answer) = desk.call(&key, "POST", "/v1/send", body).await;
    assert_eq!((status, answer["status"].as_str()), (202, Some("queued")));
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty());
    assert_eq!(message(&desk, answer["id"].as_str().unwrap()).row.state, State::Skipped);
}

#[actix_web::test]
async fn the_link_in_the_mail_unsubscribes_and_every_path_then_refuses() {
    let desk = Desk::new().await;
    approved(&desk, "Bye@Example.com").await;
    desk.drain().await;
    let raw = String::from_utf8(desk.catcher.messages()[0].raw.clone()).unwrap();
    let token = raw.split("/u/").nth(1).unwrap().split('>').next().unwrap().to_owned();
    let app = desk.app().await;
    let mut browser = crate::support::Browser::new(app);
    let page = browser.get(&format!("/u/{token}")).await;
    assert_eq!(page.status, 200);
    assert!(desk.read(|conn| suppressions::of(conn, "bye@example.com")).is_none(), "looking changes nothing");
    for _ in 0..2 {
        let page = browser.post_bare(&format!("/u/{token}"), &[("List-Unsubscribe", "One-Click")]).await;
        assert_eq!(page.status, 200);
    }
    let forged = browser.post_bare("/u/not-a-token", &[("List-Unsubscribe", "One-Click")]).await;
    assert!(forged.status == 200 && forged.body.contains("no longer valid"));
    for mode in [Mode::GatedAll, Mode::GatedSend, Mode::Monitored, Mode::Autonomous] {
        let (status, answer) = desk.send(mode, "BYE@example.COM", json!({"consent_basis": "consent"})).await;
        assert_eq!((status, answer["code"].as_str()), (409, Some("recipient_suppressed")), "{mode}");
        assert!(answer["detail"].as_str().unwrap().starts_with("This recipient must not be mailed (unsubscribed since "));
    }
    assert!(desk.state.read(|conn| outbox::is_drained(conn, countersign::clock::now())).await.unwrap());
}

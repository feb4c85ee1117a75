//! After the decision: undo, schedule, expiry.

use countersign::clock::Time;
use countersign::domain::facts;
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::expiry::expire_due;
use countersign::domain::messages::schedule::schedule;
use countersign::domain::messages::undo::{latest, undo};
use countersign::domain::messages::{DecisionKind, State};
use countersign::domain::outbox;
use serde_json::json;

use crate::support::{Desk, OPERATOR};

#[actix_web::test]
async fn an_approval_that_is_undone_waits_again_and_nothing_is_sent() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({})).await;
    let approved = desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    assert_eq!(approved.row.state, State::Approved);
    let (rita, rob) = (desk.person("Rita"), desk.person("Rob"));
    let offered = desk.read(|conn| latest(conn, &rita, desk.now())).unwrap();
    assert_eq!((offered.message_id, offered.to_address.as_str()), (message.row.id.clone(), "ana@example.com"));
    assert!(desk.read(|conn| latest(conn, &rob, desk.now())).is_none(), "it is offered to who approved");
    assert_eq!(desk.write(|conn| undo(conn, &rob, &message.row.id, desk.now())).unwrap_err().code, "not_the_approver");

    let again = desk.write(|conn| undo(conn, &rita, &message.row.id, desk.now())).unwrap();
    assert_eq!((again.row.state, again.row.version), (State::Pending, 2));
    assert_eq!(again.row.content_hash, message.row.content_hash, "not a word changed");
    assert_eq!(again.row.held_because, message.row.held_because);
    assert_eq!(desk.write(|conn| undo(conn, &rita, &message.row.id, desk.now())).unwrap_err().code, "nothing_to_undo");
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty());

    desk.decide("Rita", &again, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 1, "approved again, it is sent once");
    assert!(desk.read(outbox::verify::verify).exceptions.is_empty());
}

#[actix_web::test]
async fn an_undo_after_the_mail_left_says_when_it_left() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let rita = desk.person("Rita");
    let error = desk.write(|conn| undo(conn, &rita, &message.row.id, desk.now())).unwrap_err();
    assert_eq!(error.code, "too_late");
    assert!(error.detail.starts_with("Too late: it left at ") && error.detail.contains("250"), "{}", error.detail);
    assert!(desk.read(|conn| latest(conn, &rita, desk.now())).is_none());
    assert_eq!(desk.message(message.row.id.as_str()).row.state, State::Sent);
}

#[actix_web::test]
async fn nothing_but_an_approval_can_be_undone() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Reject).unwrap();
    let rita = desk.person("Rita");
    assert_eq!(desk.write(|conn| undo(conn, &rita, &message.row.id, desk.now())).unwrap_err().code, "nothing_to_undo");
}

#[actix_web::test]
async fn the_undo_window_holds_a_message_back_for_as_long_as_its_mailbox_says() {
    let desk = Desk::new().await;
    let mailbox = desk.mailbox(Mode::GatedSend);
    desk.write(|conn| {
        let change = mailboxes::MailboxChange { undo_seconds: 15, ..mailboxes::MailboxChange::from(&mailbox) };
        mailboxes::change(conn, &OPERATOR, &mailbox.id, &change, desk.now())
    })
    .unwrap();
    let message = desk.pending("ana@example.com", json!({})).await;
    let before = desk.now();
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    let waiting = desk.read(|conn| outbox::waiting(conn, &message.row.id)).unwrap();
    assert!((15..=16).contains(&waiting.not_before.seconds_since(before)), "{waiting:?}");
    let worker = outbox::WorkerId::new();
    let none = desk.write(|conn| outbox::claim(conn, &worker, 10, waiting.not_before.plus_seconds(-1))).unwrap();
    assert!(none.is_empty());
    let one = desk.write(|conn| outbox::claim(conn, &worker, 10, waiting.not_before)).unwrap();
    assert_eq!(one.len(), 1);
}

#[actix_web::test]
async fn a_message_is_scheduled_before_and_after_its_approval() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({})).await;
    let (rita, id, now) = (desk.person("Rita"), message.row.id.clone(), desk.now());
    let not_before = |desk: &Desk| desk.read(|conn| outbox::waiting(conn, &id)).unwrap().not_before;
    let set = |at: Option<Time>| desk.write(|conn| schedule(conn, &rita, &id, at, desk.now()));

    assert_eq!(set(Some(now.plus_days(366))).unwrap_err().code, "field_invalid");
    set(Some(now.plus_days(2))).unwrap();
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    assert_eq!(not_before(&desk), now.plus_days(2));
    assert_eq!(set(Some(now.plus_days(40))).unwrap_err().code, "warrant_too_short");
    set(Some(now.plus_days(3))).unwrap();
    assert_eq!(not_before(&desk), now.plus_days(3));
    assert_eq!(desk.message(id.as_str()).row.version, 1, "another time needs no other approval");
    set(None).unwrap();
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 1);
    assert_eq!(set(None).unwrap_err().code, "too_late");
}

#[actix_web::test]
async fn what_nobody_decided_expires_and_a_migration_at_its_deadline() {
    let desk = Desk::new().await;
    let deadline = desk.now().plus_days(10).date();
    let change =
        json!({"kind": "migration_change", "title": "Orders v1 is switched off", "endpoint": "/v1/orders", "deadline": deadline.to_string()});
    desk.write(|conn| facts::add(conn, &OPERATOR, serde_json::from_value(change).unwrap(), None, desk.now())).unwrap();
    let words = format!("Hello,\n\n/v1/orders is switched off by {deadline}.\n\nSee you soon");
    let migration = desk.pending("ana@example.com", json!({"text_body": words})).await;
    let other = desk.pending("bo@example.com", json!({})).await;
    let (until, end) = (other.row.expires_at.unwrap(), migration.row.expires_at.unwrap());
    assert!((until.seconds_since(desk.now()) - 72 * 3600).abs() < 60);
    assert_eq!(end, Time::from_date(deadline).plus_days(1), "the whole day of the deadline still counts");
    assert_eq!(desk.write(|conn| expire_due(conn, until)).unwrap(), 1);
    assert_eq!(desk.message(other.row.id.as_str()).row.state, State::Expired);
    assert_eq!(desk.message(migration.row.id.as_str()).row.state, State::Pending);
    assert_eq!(desk.message(other.row.id.as_str()).decisions.last().unwrap().kind, DecisionKind::Expire, "nobody said no to it");
}

//! Each change of a message leaves exactly one row in the log, whatever the change.

use countersign::catcher::{Action, Behaviour, Rule, Verb};
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::content::Words;
use countersign::domain::messages::{DecisionKind, Message, State, cancel, edit, expiry, schedule, undo};
use countersign::domain::outbox::uncertain::{self, Verdict};
use serde_json::json;

use crate::support::{Desk, OPERATOR, log_of};

/// What the log has of a message, the oldest first.
fn actions(desk: &Desk, message: &Message) -> Vec<String> {
    let mut lines = desk.read(|conn| log_of(conn, &OPERATOR, Some(message.row.id.as_str()), 50));
    lines.reverse();
    lines.into_iter().map(|line| line.action).collect()
}

fn state(desk: &Desk, message: &Message) -> State {
    desk.message(message.row.id.as_str()).row.state
}

#[actix_web::test]
async fn one_change_of_a_message_is_one_row() {
    let nobody = Rule::at(Verb::Rcpt, Action::Reply("550 5.1.1 unknown".into())).for_address("nobody@example.com");
    let silent = Rule::at(Verb::Dot, Action::KeepAndClose).for_address("maybe@example.com");
    let desk = Desk::with(Behaviour::new().with(nobody).with(silent)).await;
    let (rita, ada) = (desk.person("Rita"), desk.person("Ada"));
    let decided = async |to: &str, kind: DecisionKind| {
        let message = desk.pending(to, json!({})).await;
        desk.decide("Rita", &message, kind).unwrap();
        message
    };
    let mut expected: Vec<(&str, Message, State, Vec<&str>)> = vec![];

    let message = desk.pending("waits@example.com", json!({})).await;
    expected.push(("submitted", message, State::Pending, vec!["message.submit"]));
    let message = decided("no@example.com", DecisionKind::Reject).await;
    expected.push(("rejected", message, State::Rejected, vec!["message.submit", "message.reject"]));

    let message = decided("again@example.com", DecisionKind::RequestChanges).await;
    let words = Words { subject: "Another".into(), text: Some("Other words.".into()), html: None };
    desk.write(|conn| edit::edit(conn, &rita, &message.row.id, &words, None, desk.now())).unwrap();
    expected.push(("changes asked for and made", message, State::Pending, vec!["message.submit", "message.request_changes", "message.edit"]));

    let message = desk.pending("back@example.com", json!({})).await;
    desk.write(|conn| cancel::cancel(conn, &ada, &message.row.id, desk.now())).unwrap();
    expected.push(("taken back", message, State::Withdrawn, vec!["message.submit", "message.withdraw"]));

    let message = desk.pending("later@example.com", json!({})).await;
    desk.write(|conn| schedule::schedule(conn, &rita, &message.row.id, Some(desk.now().plus_days(2)), desk.now())).unwrap();
    desk.decide("Rita", &desk.message(message.row.id.as_str()), DecisionKind::Approve).unwrap();
    desk.write(|conn| undo::undo(conn, &rita, &message.row.id, desk.now())).unwrap();
    expected.push((
        "scheduled, approved, undone",
        message,
        State::Pending,
        vec!["message.submit", "message.schedule", "message.approve", "message.undo"],
    ));

    let message = desk.pending("stopped@example.com", json!({"send_at": desk.now().plus_days(2).to_string()})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.write(|conn| cancel::cancel(conn, &ada, &message.row.id, desk.now())).unwrap();
    expected.push(("approved, then cancelled", message, State::Cancelled, vec!["message.submit", "message.approve", "message.cancel"]));

    let sent = decided("yes@example.com", DecisionKind::Approve).await;
    expected.push(("sent", sent, State::Sent, vec!["message.submit", "message.approve", "message.sent"]));
    let left = decided("left@example.com", DecisionKind::Approve).await;
    desk.write(|conn| suppressions::add(conn, &OPERATOR, "left@example.com", Reason::Unsubscribed, "test", None, desk.now())).unwrap();
    expected.push(("skipped", left, State::Skipped, vec!["message.submit", "message.approve", "message.skip"]));
    let failed = decided("nobody@example.com", DecisionKind::Approve).await;
    expected.push(("failed", failed, State::Failed, vec!["message.submit", "message.approve", "message.fail"]));
    let unknown = decided("maybe@example.com", DecisionKind::Approve).await;
    expected.push(("uncertain", unknown, State::Uncertain, vec!["message.submit", "message.approve", "message.uncertain"]));
    let (status, answer) = desk.send(Mode::Autonomous, "alone@example.com", json!({"consent_basis": "consent"})).await;
    assert_eq!(status, 202, "{answer}");
    let message = desk.message(answer["id"].as_str().unwrap());
    expected.push(("cleared by its mode", message, State::Sent, vec!["message.submit", "message.sent"]));
    desk.drain().await;
    for (case, message, in_state, rows) in &expected {
        assert_eq!((state(&desk, message), actions(&desk, message)), (*in_state, rows.iter().map(|row| (*row).to_owned()).collect()), "{case}");
    }

    let unknown = &expected.iter().find(|(case, ..)| *case == "uncertain").unwrap().1;
    desk.write(|conn| uncertain::settle(conn, &rita, &unknown.row.id, Verdict::WasSent, None, desk.now())).unwrap();
    assert_eq!(actions(&desk, unknown).last().unwrap(), "message.settle");
    assert_eq!(actions(&desk, unknown).len(), 4);
    let waits = &expected[0].1;
    desk.write(|conn| expiry::expire_due(conn, desk.now().plus_days(400))).unwrap();
    assert_eq!((state(&desk, waits), actions(&desk, waits)), (State::Expired, vec!["message.submit".to_owned(), "message.expire".into()]));
}

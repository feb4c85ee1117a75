//! What follows when a message left: written a moment later and in sets, and never lost in between.

use countersign::domain::ids::MessageId;
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::State;
use countersign::domain::outbox::{self, Step, Taken, WorkerId, uncertain, verify};
use serde_json::json;

use crate::inbound::{arrive, bounce};
use crate::support::{Desk, OPERATOR};

/// Messages that a relay took and of which nothing else is recorded, as a worker leaves them that ends then.
async fn left(desk: &Desk, count: usize) -> (Vec<MessageId>, Vec<Taken>) {
    let mut ids = vec![];
    for n in 0..count {
        let (_, sent) = desk.send(Mode::Autonomous, &format!("left{n}@example.com"), json!({"consent_basis": "consent"})).await;
        ids.push(MessageId::from(sent["id"].as_str().unwrap()));
    }
    let worker = WorkerId::new();
    let claimed = desk.write(|conn| outbox::claim(conn, &worker, 100, desk.now())).unwrap();
    let asked: Vec<Step> = claimed.into_iter().map(|one| Step::Dot(Box::new(one))).collect();
    let marked = desk.write(|conn| outbox::record_steps(conn, &asked.iter().collect::<Vec<_>>(), desk.now())).unwrap();
    let sent: Vec<Step> = asked.into_iter().filter_map(|step| marked.permit(step)).map(|dot| Step::Sent(dot, "250 ok".into())).collect();
    assert_eq!(sent.len(), count);
    desk.write(|conn| outbox::record_steps(conn, &sent.iter().collect::<Vec<_>>(), desk.now())).unwrap();
    (ids, sent.iter().filter_map(Taken::of).collect())
}

fn logged(desk: &Desk, id: &MessageId) -> usize {
    let lines = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some(id.as_str()), 100));
    lines.iter().filter(|line| line.action == "message.sent").count()
}

#[actix_web::test]
async fn what_a_worker_left_is_finished_by_the_next_and_sent_by_nobody() {
    let desk = Desk::new().await;
    let (ids, _) = left(&desk, 3).await;
    assert!(ids.iter().all(|id| desk.message(id.as_str()).row.state != State::Sent));
    assert!(!desk.read(|conn| outbox::is_drained(conn, desk.now())), "something is missing");
    let between = desk.read(verify::verify);
    assert!(between.exceptions.is_empty() && between.sends.is_empty() && between.miscounts.is_empty(), "{between:?}");
    let later = desk.now().plus_seconds(outbox::LEASE_SECONDS + 30);
    assert_eq!(desk.write(|conn| outbox::recover(conn, later)).unwrap(), 0, "none of it is uncertain");
    desk.drain().await;
    for id in &ids {
        let message = desk.message(id.as_str());
        assert_eq!((message.row.state, message.row.sent_at.is_some(), logged(&desk, id)), (State::Sent, true, 1));
        let attempts = desk.read(|conn| uncertain::history(conn, &OPERATOR, id)).attempts;
        assert_eq!(attempts.iter().map(|one| one.outcome.as_str()).collect::<Vec<_>>(), ["sent"]);
    }
    assert!(desk.catcher.messages().is_empty(), "the relay has them");
    let report = desk.read(verify::verify);
    assert_eq!((report.sent, report.exceptions.len(), report.sends.len()), (3, 0, 0));
}

#[actix_web::test]
async fn what_two_finish_is_recorded_once() {
    let desk = Desk::new().await;
    let (ids, taken) = left(&desk, 2).await;
    desk.write(|conn| outbox::finish(conn, &taken, desk.now())).unwrap();
    desk.write(|conn| outbox::finish(conn, &taken, desk.now())).unwrap();
    assert_eq!(desk.write(|conn| outbox::finish_all(conn, desk.now())).unwrap(), 0);
    assert_eq!(ids.iter().map(|id| logged(&desk, id)).collect::<Vec<_>>(), [1, 1]);
}

#[actix_web::test]
async fn a_report_about_what_is_not_yet_shown_as_sent_is_about_something_that_left() {
    let desk = Desk::new().await;
    let (ids, _) = left(&desk, 1).await;
    arrive(&desk, Mode::Autonomous, &bounce(&format!("{}.1@sender.example", ids[0]), "left0@example.com", "5.1.1", "550 5.1.1 no such user"));
    assert_eq!(desk.message(ids[0].as_str()).row.state, State::Bounced);
    assert_eq!(logged(&desk, &ids[0]), 1);
}

//! What speaks against mail and the permission to write a final dot never pass each other; and an outcome that cannot be
//! written down holds up no other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use countersign::catcher::{Behaviour, Verb};
use countersign::db::{Conn, Db};

use countersign::domain::actor::{Actor, Mailboxes, Role};
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::contacts::{self, erase};
use countersign::domain::error::Result;
use countersign::domain::ids::{MessageId, UserId};
use countersign::domain::mailboxes::{self, Mode, stops};
use countersign::domain::messages::{DecisionKind, Message, State};
use countersign::domain::outbox::{self, Claimed, Dot, WorkerId};
use countersign::domain::templates;
use countersign::{clock, on_either, worker};
use diesel::RunQueryDsl;
use serde_json::json;
use tokio::sync::Barrier;

use crate::support::{Desk, OPERATOR, sql};
use crate::templates::{approve, template};

/// Something that speaks against a message, by its name.
pub type Speak = (&'static str, fn(&mut Conn, &Message) -> Result<()>);

pub const AGAINST: [Speak; 6] = [
    ("a suppression", |conn, _| suppressions::add(conn, &OPERATOR, "ana@example.com", Reason::Unsubscribed, "test", None, clock::now())),
    ("an erasure", |conn, message| {
        contacts::get(conn, &OPERATOR, &message.row.contact_id)?;
        erase::erase(conn, &OPERATOR, &message.row.contact_id, clock::now()).map(drop)
    }),
    ("the stop of everything", |conn, _| stops::stop(conn, &OPERATOR, None, "test", clock::now())),
    ("the stop of a mailbox", |conn, message| stops::stop(conn, &OPERATOR, Some(&message.row.mailbox_id), "test", clock::now())),
    ("a mode from which nothing leaves", |conn, message| mailboxes::set_mode(conn, &OPERATOR, &message.row.mailbox_id, Mode::ReadOnly, clock::now())),
    ("a withdrawn approval of its template", |conn, _| {
        let manager = Actor::User { id: UserId::new(), name: "Max".into(), role: Role::Manager, mailboxes: Mailboxes::All };
        let template = templates::list(conn, &OPERATOR, false, 1, None)?.rows.remove(0);
        templates::withdraw(conn, &manager, &template.row.id, 1, clock::now()).map(drop)
    }),
];

/// Whether a transaction waits for the other. SQLite has one writer: whoever is second cannot even begin.
fn one_waits(db: &Db) -> bool {
    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let waiting = "SELECT count(*) AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                   WHERE d.datname = current_database() AND NOT l.granted";
    db.is_a_file() || db.read(|conn| on_either!(conn, inner => diesel::sql_query(waiting).get_result::<Found>(inner))).unwrap().n > 0
}

/// A message of an approved template, and a decision that lets it go.
pub async fn approved(desk: &Desk) -> Message {
    let message = desk.pending("ana@example.com", json!({})).await;
    let template = template(desk, json!({})).await;
    approve(desk, "Max", &template, 1).unwrap();
    sql(desk, &format!("INSERT INTO template_messages (message_id, template_version_id) SELECT '{}', id FROM template_versions", message.row.id));
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    message
}

async fn claimed(desk: &Desk) -> (Message, Claimed) {
    let message = approved(desk).await;
    let mut claimed = desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 1, clock::now())).unwrap();
    (message, claimed.pop().unwrap())
}

#[actix_web::test]
async fn what_speaks_against_mail_waits_for_a_permission_that_is_being_given() {
    for (name, speak) in AGAINST {
        let desk = Desk::new().await;
        let (message, claimed) = claimed(&desk).await;
        let (db, order, over) = (&desk.state.db, Mutex::new(vec![]), AtomicBool::new(false));
        let (looked, has_looked) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let looked = looked;
                let dot = db.write(|conn| {
                    let dot = outbox::reach_dot(conn, claimed, clock::now())?;
                    looked.send(()).unwrap();
                    // It has looked, and commits only when the other waits, or is through.
                    while !one_waits(db) && !over.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                    order.lock().unwrap().push("permitted");
                    Ok::<_, countersign::domain::error::Error>(dot)
                });
                assert!(matches!(dot.unwrap(), Dot::Go(_)), "{name}");
            });
            has_looked.recv().unwrap();
            db.write(|conn| speak(conn, &message)).unwrap();
            over.store(true, Ordering::SeqCst);
            order.lock().unwrap().push("said");
        });
        assert_eq!(*order.lock().unwrap(), ["permitted", "said"], "{name} was committed before a dot that did not see it");
    }
}

#[actix_web::test]
async fn a_permission_waits_for_what_is_being_said_against_mail_and_is_refused() {
    for (name, speak) in AGAINST {
        let desk = Desk::new().await;
        let (message, claimed) = claimed(&desk).await;
        let (db, over) = (&desk.state.db, AtomicBool::new(false));
        let (said, is_said) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let said = said;
                db.write(|conn| {
                    speak(conn, &message)?;
                    said.send(()).unwrap();
                    while !one_waits(db) && !over.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                    Ok::<_, countersign::domain::error::Error>(())
                })
                .unwrap();
            });
            is_said.recv().unwrap();
            let dot = db.write(|conn| outbox::reach_dot(conn, claimed, clock::now()));
            over.store(true, Ordering::SeqCst);
            assert!(matches!(dot, Ok(Dot::Stop)), "{name}: {dot:?}");
        });
    }
}

/// Lets the outbox row of this message not come into this state.
fn refuse(desk: &Desk, bad: &MessageId, state: &str) {
    let when = format!("WHEN (NEW.message_id = '{bad}' AND NEW.state = '{state}')");
    if desk.state.db.is_a_file() {
        sql(desk, &format!("CREATE TRIGGER test_refuses BEFORE UPDATE ON outbox {when} BEGIN SELECT RAISE(ABORT, 'a test'); END"));
    } else {
        sql(desk, "CREATE FUNCTION test_refuses() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'a test'; END $$ LANGUAGE plpgsql");
        sql(desk, &format!("CREATE TRIGGER test_refuses BEFORE UPDATE ON outbox FOR EACH ROW {when} EXECUTE FUNCTION test_refuses()"));
    }
}

fn refuse_no_more(desk: &Desk) {
    let on = if desk.state.db.is_a_file() { "" } else { " ON outbox" };
    sql(desk, &format!("DROP TRIGGER test_refuses{on}"));
}

#[actix_web::test]
async fn a_claim_that_cannot_be_recovered_holds_up_no_other() {
    let desk = Desk::new().await;
    let mut all = vec![];
    for n in 0..3 {
        let message = desk.pending(&format!("p{n}@example.com"), json!({})).await;
        desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
        all.push(message.row.id);
    }
    let claimed = desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 10, clock::now())).unwrap();
    assert_eq!(claimed.len(), 3);
    // The first is the one that is looked at first.
    let bad = claimed[0].message_id().clone();
    refuse(&desk, &bad, "queued");
    let later = clock::now().plus_seconds(outbox::LEASE_SECONDS + 1);
    assert_eq!(desk.write(|conn| outbox::recover(conn, later)).unwrap(), 2);
    let state = |id: &MessageId| desk.read(|conn| outbox::waiting(conn, id)).unwrap().state;
    for id in &all {
        assert_eq!(state(id), if *id == bad { "sending" } else { "queued" });
    }
    refuse_no_more(&desk);
    assert_eq!(desk.write(|conn| outbox::recover(conn, later)).unwrap(), 1);
    assert_eq!(state(&bad), "queued");
}

#[actix_web::test]
async fn an_outcome_that_cannot_be_written_down_holds_up_no_other() {
    // All are answered at once, so that their outcomes come to the writer together.
    let together = Arc::new(Barrier::new(4));
    let behaviour = Behaviour::new().before(Verb::Dot, move |_| {
        let together = Arc::clone(&together);
        async move {
            together.wait().await;
        }
    });
    let desk = Desk::with(behaviour).await;
    let mut all = vec![];
    for n in 0..4 {
        let message = desk.pending(&format!("p{n}@example.com"), json!({})).await;
        desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
        all.push(message.row.id);
    }
    let bad = all[2].clone();
    refuse(&desk, &bad, "sent");
    let (sender, receiver) = tokio::sync::watch::channel(false);
    let running = actix_web::rt::spawn(worker::run(desk.state.clone(), Some(desk.transport()), receiver));
    let sent = || all.iter().filter(|id| desk.message(id.as_str()).row.state == State::Sent).count();
    let begun = Instant::now();
    while sent() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} of the other three were written down", sent());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sender.send_replace(true);
    running.await.unwrap();
    refuse_no_more(&desk);
    // Nobody knows of it what the relay said, so it waits for a person; it is not sent again.
    sql(&desk, "UPDATE outbox SET claimed_until = 0 WHERE claimed_until IS NOT NULL");
    desk.drain().await;
    assert_eq!((desk.message(bad.as_str()).row.state, sent(), desk.catcher.messages().len()), (State::Uncertain, 3, 4));
}

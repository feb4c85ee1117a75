//! What was looked at when a message was claimed is looked at again before its dot as soon as anybody wrote, whoever it was and
//! in whatever process; and what was planned beforehand is not done once somebody else counted.

use countersign::clock;
use countersign::db::{Conn, Db, OnDisk, Stamp, Touched};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::Message;
use countersign::domain::outbox::{self, Claimed, Examined, Marked, Served, Step, WorkerId};
use countersign::on_either;
use diesel::RunQueryDsl;
use serde_json::json;

use crate::dots::{AGAINST, Speak, approved};
use crate::support::{Desk, count};

fn run(conn: &mut Conn, text: &str) -> countersign::domain::error::Result<()> {
    on_either!(conn, inner => diesel::sql_query(text).execute(inner))?;
    Ok(())
}

/// Rows changed behind the product's back, which takes no lock.
const BEHIND: [Speak; 5] = [
    ("the tag that suppresses", |conn, message| {
        run(conn, &format!("INSERT INTO contact_tags (contact_id, tag) VALUES ('{}', 'unsubscribed')", message.row.contact_id))
    }),
    ("a suppressed domain", |conn, _| {
        run(conn, "INSERT INTO suppressions (email_key, reason, source, created_at, is_group) VALUES ('@example.com', 'by_hand', 'test', 1, TRUE)")
    }),
    ("a switch in the settings", |conn, _| run(conn, "INSERT INTO settings (name, value) VALUES ('sending_stopped', '1')")),
    ("an erased person", |conn, message| run(conn, &format!("UPDATE contacts SET erased_at = 1 WHERE id = '{}'", message.row.contact_id))),
    ("another version", |conn, message| run(conn, &format!("UPDATE messages SET content_hash = 'x' WHERE id = '{}'", message.row.id))),
];

/// Claims as the worker does.
fn claimed(desk: &Desk, worker: &WorkerId) -> Vec<Claimed> {
    let db = &desk.state.db;
    let lease = |conn: &mut Conn, stamp| outbox::lease_planned(conn, worker, (&Served::all(), 10), None, stamp, clock::now());
    let (leased, stamp) = db.write_stamped(OnDisk::WithTheNext, lease).unwrap();
    let Examined { claimed, .. } = desk.read(|conn| outbox::examine(conn, worker, &leased, stamp, clock::now()));
    claimed
}

fn dots(db: &Db, steps: &[Step]) -> Marked {
    db.write_stamped(OnDisk::Now, |conn, stamp| outbox::record_stamped(conn, &steps.iter().collect::<Vec<_>>(), stamp, clock::now())).unwrap().0
}

fn asking(claimed: Vec<Claimed>) -> Vec<Step> {
    claimed.into_iter().map(|one| Step::Dot(Box::new(one))).collect()
}

type Way = (&'static str, fn(&Desk, Speak, &Message));

/// Who says it.
const WAYS: [Way; 3] = [
    ("by the connection that writes", |desk, (_, speak), message| desk.write(|conn| speak(conn, message)).unwrap()),
    ("by another connection", |desk, (_, speak), message| desk.read(|conn| speak(conn, message))),
    ("by another process", |desk, (_, speak), message| Db::open(desk.state.db.url(), 1).unwrap().write(|conn| speak(conn, message)).unwrap()),
];

#[actix_web::test]
async fn whatever_is_said_against_mail_between_its_claim_and_its_dot_is_seen() {
    for speak in AGAINST.into_iter().chain(BEHIND) {
        for (way, said) in WAYS {
            let desk = Desk::new().await;
            let message = approved(&desk).await;
            let claimed = claimed(&desk, &WorkerId::new());
            assert_eq!(claimed.len(), 1, "{}", speak.0);
            said(&desk, speak, &message);
            assert!(!dots(&desk.state.db, &asking(claimed)).may_go(&message.row.id), "{} {way} was not seen", speak.0);
        }
    }
}

#[actix_web::test]
async fn nothing_is_read_again_while_nobody_wrote() {
    let desk = Desk::new().await;
    let message = approved(&desk).await;
    let claimed = claimed(&desk, &WorkerId::new());
    let steps = asking(claimed);
    let marked = desk.state.db.write_stamped(OnDisk::Now, |conn, stamp| {
        // Nobody can: this is in the very transaction, and it is how a test sees that nothing was read.
        run(conn, &format!("INSERT INTO contact_tags (contact_id, tag) VALUES ('{}', 'unsubscribed')", message.row.contact_id))?;
        outbox::record_stamped(conn, &steps.iter().collect::<Vec<_>>(), stamp, clock::now())
    });
    assert_eq!(marked.unwrap().0.may_go(&message.row.id), desk.state.db.is_a_file(), "PostgreSQL reads each time");
}

#[actix_web::test]
async fn what_was_said_while_the_connection_was_lost_is_seen() {
    for speak in AGAINST.into_iter().chain(BEHIND) {
        let desk = Desk::new().await;
        let message = approved(&desk).await;
        let claimed = claimed(&desk, &WorkerId::new());
        let db = &desk.state.db;
        // A connection in whose midst something panicked is closed, and the next one counts anew what others commit.
        let lost = std::panic::AssertUnwindSafe(|| db.write(|_| -> countersign::domain::error::Result<()> { panic!("on purpose") }));
        assert!(std::panic::catch_unwind(lost).is_err());
        Db::open(db.url(), 1).unwrap().write(|conn| speak.1(conn, &message)).unwrap();
        assert!(!dots(db, &asking(claimed)).may_go(&message.row.id), "{} was not seen", speak.0);
    }
}

#[actix_web::test]
async fn a_warrant_that_ran_out_since_the_claim_is_seen() {
    let desk = Desk::new().await;
    let message = approved(&desk).await;
    let steps = asking(claimed(&desk, &WorkerId::new()));
    let later = clock::now().plus_days(400);
    let marked =
        desk.state.db.write_stamped(OnDisk::Now, |conn, stamp| outbox::record_stamped(conn, &steps.iter().collect::<Vec<_>>(), stamp, later));
    assert!(!marked.unwrap().0.may_go(&message.row.id));
}

/// A plan with the moment before it.
fn planned(desk: &Desk) -> Option<(Stamp, outbox::Plan)> {
    let stamp = desk.state.db.stamp().unwrap()?;
    desk.read(|conn| outbox::plan(conn, &Served::all(), 10, clock::now())).map(|plan| (stamp, plan))
}

#[actix_web::test]
async fn a_plan_is_carried_out_once_and_not_at_all_when_somebody_wrote() {
    let desk = Desk::new().await;
    for n in 0..3 {
        let (status, answer) = desk.send(Mode::Autonomous, &format!("p{n}@example.com"), json!({"consent_basis": "consent"})).await;
        assert_eq!(status, 202, "{answer}");
    }
    let db = &desk.state.db;
    let (first, second, third) = (planned(&desk), planned(&desk), planned(&desk));
    assert_eq!(first.is_some(), db.is_a_file());
    let lease = |plan| {
        let worker = WorkerId::new();
        let mut what = None;
        let lease = |conn: &mut Conn, stamp| {
            let (leased, touched) = outbox::lease_planned(conn, &worker, (&Served::all(), 2), plan, stamp, clock::now())?;
            what = Some(touched);
            Ok::<_, countersign::domain::error::Error>((leased.len(), touched))
        };
        (db.write_stamped(OnDisk::WithTheNext, lease).unwrap().0, what.unwrap())
    };
    if db.is_a_file() {
        assert_eq!(lease(first), (3, Touched::Turns), "all that was planned");
    } else {
        assert_eq!(lease(first), (2, Touched::Anything));
    }
    // The others were made before the first had its turns.
    let left = 3 - count(&desk, "SELECT count(*) AS n FROM sends") as usize;
    assert_eq!(lease(second), (left, Touched::Anything));
    assert_eq!(lease(third), (0, Touched::Anything));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM sends"), 3, "each has one place");
}

#[actix_web::test]
async fn what_another_connection_counted_meanwhile_ends_a_plan() {
    let desk = Desk::new().await;
    let (status, answer) = desk.send(Mode::Autonomous, "ana@example.com", json!({"consent_basis": "consent"})).await;
    assert_eq!(status, 202, "{answer}");
    let plan = planned(&desk);
    let id = answer["id"].as_str().unwrap();
    // Another process put it off.
    Db::open(desk.state.db.url(), 1)
        .unwrap()
        .write(|conn| run(conn, &format!("UPDATE outbox SET not_before = {} WHERE message_id = '{id}'", clock::now().plus_days(1).micros())))
        .unwrap();
    let worker = WorkerId::new();
    let lease = |conn: &mut Conn, stamp| outbox::lease_planned(conn, &worker, (&Served::all(), 10), plan, stamp, clock::now());
    assert_eq!(desk.state.db.write_stamped(OnDisk::WithTheNext, lease).unwrap().0, []);
}

/// Whether whoever commits now waits for the disk.
fn waits(desk: &Desk) -> bool {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        setting: String,
    }
    let text = match desk.state.db.is_a_file() {
        // It cannot be changed within a transaction.
        true => "SELECT CAST(synchronous AS TEXT) AS setting FROM pragma_synchronous()",
        false => "SELECT current_setting('synchronous_commit') AS setting",
    };
    let rows: Vec<Row> = desk.write(|conn| Ok(on_either!(conn, inner => diesel::sql_query(text).load(inner))?)).unwrap();
    matches!(rows[0].setting.as_str(), "2" | "on")
}

#[actix_web::test]
async fn whoever_writes_after_a_claim_waits_for_the_disk() {
    let desk = Desk::new().await;
    let db = &desk.state.db;
    let later = |done: countersign::domain::error::Result<()>| db.write_stamped(OnDisk::WithTheNext, |_, _| done.map(|()| ((), Touched::Anything)));
    assert!(waits(&desk));
    later(Ok(())).unwrap();
    assert!(waits(&desk), "after one that took its time");
    later(Err(countersign::domain::error::Error::internal("on purpose"))).unwrap_err();
    assert!(waits(&desk), "after one that failed");
    let lost = std::panic::AssertUnwindSafe(|| {
        db.write_stamped(OnDisk::WithTheNext, |_, _| -> countersign::domain::error::Result<((), Touched)> { panic!("on purpose") })
    });
    assert!(std::panic::catch_unwind(lost).is_err());
    assert!(waits(&desk), "after one that panicked");
}

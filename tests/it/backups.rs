//! A backup of a working database and the way back, with the binary as it runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::beside::{self, Start};
use countersign::clock;
use countersign::db::{self, Db};
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::contacts::{self, ContactInput};
use countersign::domain::mailboxes::stops::{self, Held};
use countersign::domain::messages::DecisionKind;
use countersign::domain::outbox::verify;
use countersign::worker;
use serde_json::json;

use crate::support::{Desk, OPERATOR};

/// Runs a command on this database.
pub fn countersign(url: &str, files: &Path, arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .current_dir(files)
        .env("COUNTERSIGN_DATABASE__URL", url)
        .env("COUNTERSIGN_DATA__DIRECTORY", files)
        .env("RUST_LOG", "off")
        .output()
        .unwrap();
    (status.code().unwrap(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

struct Working {
    desk: Desk,
    files: tempfile::TempDir,
}

impl Working {
    async fn new() -> Working {
        let files = tempfile::tempdir().unwrap();
        let mut desk = Desk::new().await;
        let (db, start) = beside::attach(desk.state.db.clone(), files.path(), true, clock::now()).unwrap();
        assert_eq!(start, Start { restored: false, learned: 0 });
        desk.state.db = db;
        Working { desk, files }
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        countersign(self.desk.state.db.url(), self.files.path(), arguments)
    }

    fn leave(&self, email: &str) {
        self.desk.write(|conn| suppressions::add(conn, &OPERATOR, email, Reason::Unsubscribed, "test", None, clock::now())).unwrap();
    }

    /// Stops working and leaves the database where it is.
    fn ended(self) -> (PathBuf, tempfile::TempDir, Desk) {
        let path = PathBuf::from(self.desk.state.db.url().strip_prefix("sqlite://").unwrap());
        (path, self.files, self.desk)
    }
}

#[actix_web::test]
async fn a_backup_that_was_made_while_others_wrote_is_whole_and_starts_stopped_when_it_is_put_back() {
    let working = Working::new().await;
    if !working.desk.state.db.is_a_file() {
        return;
    }
    for i in 0..3 {
        let message = working.desk.pending(&format!("p{i}@example.com"), json!({})).await;
        working.desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    }
    let (db, ended) = (working.desk.state.db.clone(), std::sync::Arc::new(AtomicBool::new(false)));
    let stop = ended.clone();
    let writing = std::thread::spawn(move || {
        let mut written = 0;
        while !stop.load(Ordering::SeqCst) {
            let input = ContactInput { email: format!("w{written}@example.com"), ..ContactInput::default() };
            db.write(|conn| contacts::upsert(conn, &OPERATOR, &input, clock::now())).unwrap();
            written += 1;
        }
        written
    });
    let backup = working.files.path().join("backup.db");
    for round in 0..5 {
        let name = format!("backup{round}.db");
        let (code, said) = working.run(&["backup", &name]);
        assert_eq!(code, 0, "{said}");
        db::copy::check(&working.files.path().join(name)).unwrap();
    }
    let (code, said) = working.run(&["backup", "backup.db"]);
    ended.store(true, Ordering::SeqCst);
    assert!(writing.join().unwrap() > 0 && code == 0, "{said}");
    use std::os::unix::fs::PermissionsExt;
    for file in ["backup.db", "backup.db.suppressions"] {
        assert_eq!(std::fs::metadata(working.files.path().join(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    let (code, said) = working.run(&["backup", "backup.db"]);
    assert!(code == 1 && said.contains("is there already, and a backup writes over nothing"), "{said}");

    // What happens afterwards: everything leaves, and one of the three says no to more.
    working.desk.drain().await;
    assert_eq!(working.desk.catcher.messages().len(), 3);
    working.leave("p1@example.com");
    let name = working.desk.state.db.url().to_owned();
    let (code, said) = working.run(&["restore", "backup.db", "--replace"]);
    assert!(code == 1 && said.contains("is in use"), "somebody has it open: {said}");
    let (path, files, desk) = working.ended();
    let Desk { state, catcher, .. } = desk;
    let countersign::app::State { db, .. } = state.clone();
    drop((db, state));
    // Every connection of this process has to go; another file of the same name is then another database.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join(path.file_name().unwrap());
    let (code, said) = countersign(&name, files.path(), &["backup", "second.db"]);
    assert_eq!(code, 0, "{said}");
    std::fs::copy(files.path().join("second.db"), &copy).unwrap();
    let there = format!("sqlite://{}", copy.display());
    for ending in ["instance", "suppressions"] {
        let name = format!("{}.{ending}", path.file_name().unwrap().to_string_lossy());
        std::fs::copy(files.path().join(&name), elsewhere.path().join(&name)).unwrap();
    }
    let (code, said) = countersign(&there, elsewhere.path(), &["restore", backup.to_str().unwrap()]);
    assert!(code == 1 && said.contains("Restore with --replace"), "{said}");
    let (code, said) = countersign(&there, elsewhere.path(), &["restore", backup.to_str().unwrap(), "--replace"]);
    assert!(code == 0 && said.contains("sending is stopped") && said.contains(".replaced-"), "{said}");

    let db = Db::open(&there, 4).unwrap();
    assert!(db.read(|conn| stops::in_force(conn, &OPERATOR)).unwrap().iter().any(|stop| stop.held == Held::Restored), "before it is ever started");
    let (db, start) = beside::attach(db, elsewhere.path(), true, clock::now()).unwrap();
    assert!(start.learned >= 1, "the journal knows who left since");
    assert_eq!(db.read(|conn| suppressions::of(conn, "p1@example.com")).unwrap().map(|found| found.reason), Some(Reason::Unsubscribed));
    assert!(db.read(verify::verify).unwrap().exceptions.is_empty());
    let fresh = Desk::new().await;
    let state = countersign::app::State { db: db.clone(), ..fresh.state.clone() };
    let (sender, receiver) = tokio::sync::watch::channel(false);
    let relay = countersign::email::Transport::parse(&format!("smtp://{}", catcher.addr())).unwrap();
    let running = actix_web::rt::spawn(worker::run(state.clone(), Some(relay.clone()), receiver));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    sender.send_replace(true);
    running.await.unwrap();
    assert_eq!(catcher.messages().len(), 3, "nothing left");
    let ada = ada_of(&db);
    db.write(|conn| stops::resume(conn, &ada, None, clock::now())).unwrap();
    worker::drain(state, relay).await.unwrap();
    let to: Vec<String> = catcher.messages().iter().skip(3).flat_map(|mail| mail.to.clone()).collect();
    assert_eq!(to.len(), 2, "{to:?}");
    assert!(!to.contains(&"p1@example.com".to_owned()), "who left since gets nothing: {to:?}");
}

fn ada_of(db: &Db) -> countersign::domain::actor::Actor {
    use countersign::domain::accounts::users;
    db.read(|conn| {
        let user = users::list(conn, &OPERATOR)?.into_iter().find(|user| user.row.name == "Ada").unwrap();
        Ok::<_, countersign::domain::error::Error>(users::actor_of_session(conn, &user.row.id, user.row.sign_in_epoch)?.unwrap())
    })
    .unwrap()
}

#[actix_web::test]
async fn a_backup_is_put_where_there_is_nothing_with_its_journal_and_starts_stopped() {
    let working = Working::new().await;
    if !working.desk.state.db.is_a_file() {
        let (code, said) = working.run(&["backup", "b.db"]);
        assert!(code == 1 && said.contains("pg_dump"), "{said}");
        let (code, said) = working.run(&["restore", "b.db"]);
        assert!(code == 1 && said.contains("pg_restore"), "{said}");
        return;
    }
    working.leave("gone@example.com");
    assert_eq!(working.run(&["backup", "b.db"]).0, 0);
    let elsewhere = tempfile::tempdir().unwrap();
    let there = format!("sqlite://{}", elsewhere.path().join("new.db").display());
    // What a lost database left would be read into the next one.
    std::fs::write(elsewhere.path().join("new.db-wal"), "left over").unwrap();
    let backup = working.files.path().join("b.db");
    let (code, said) = countersign(&there, elsewhere.path(), &["restore", backup.to_str().unwrap()]);
    assert!(code == 0 && said.contains("sending is stopped"), "{said}");
    let db = Db::open(&there, 2).unwrap();
    assert!(db.read(|conn| stops::in_force(conn, &OPERATOR)).unwrap().iter().any(|stop| stop.held == Held::Restored));
    let lines = std::fs::read_to_string(elsewhere.path().join("new.db.suppressions")).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let (_, start) = beside::attach(db, elsewhere.path(), true, clock::now()).unwrap();
    assert!(start.restored);
}

#[actix_web::test]
async fn what_is_no_whole_backup_is_not_put_back() {
    let working = Working::new().await;
    if !working.desk.state.db.is_a_file() {
        return;
    }
    for _ in 0..40 {
        working.desk.pending("somebody@example.com", json!({"text_body": "Words. ".repeat(2000)})).await;
    }
    assert_eq!(working.run(&["backup", "b.db"]).0, 0);
    let backup = working.files.path().join("b.db");
    let whole = std::fs::read(&backup).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("new.db");
    let refused = |bytes: &[u8], words: &str| {
        std::fs::write(&backup, bytes).unwrap();
        let (code, said) = countersign(&format!("sqlite://{}", target.display()), elsewhere.path(), &["restore", backup.to_str().unwrap()]);
        assert!(code == 1 && said.contains(words), "{words}: {code} {said}");
        assert!(std::fs::read_dir(elsewhere.path()).unwrap().next().is_none(), "{words}: something was left behind");
    };
    refused(b"email,name\n", "is no backup of Countersign");
    refused(&whole[..whole.len() / 2], "is not whole");
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 8192].fill(0xA5);
    refused(&torn, "is not whole");
    std::fs::write(working.files.path().join("b.db-wal"), "changes").unwrap();
    refused(&whole, "was copied while it was in use");
    let none = working.files.path().join("none.db");
    let (code, said) = countersign(&format!("sqlite://{}", none.display()), working.files.path(), &["backup", "c.db"]);
    assert!(code == 1 && said.contains("There is no database at") && !none.exists(), "{said}");
}

//! A database that was put back, copied or lost: nothing leaves before an administrator confirms, and whoever had left
//! or was erased stays so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::app::State;
use countersign::beside::{self, Start};
use countersign::clock;
use countersign::db::{self, Db};
use countersign::domain::accounts::reset;
use countersign::domain::actor::Actor;
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::contacts::{self, ContactInput};
use countersign::domain::ids::UserId;
use countersign::domain::inbound::folders;
use countersign::domain::mailboxes::{Mode, stops};
use countersign::domain::messages::{DecisionKind, Message};
use countersign::domain::notices;
use countersign::domain::outbox::WorkerId;
use countersign::domain::privacy::requests::{self, Kind, Law, NewRequest};
use countersign::imap::Account;
use countersign::worker;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR, app_of};
use crate::webhooks::{self, Receiver};

/// A desk as it runs: with the files beside its database.
struct Running {
    desk: Desk,
    files: tempfile::TempDir,
}

impl Running {
    async fn new() -> Running {
        let files = tempfile::tempdir().unwrap();
        let mut desk = Desk::new().await;
        let (db, start) = beside::attach(desk.state.db.clone(), files.path(), true, clock::now()).unwrap();
        assert_eq!(start, Start { restored: false, learned: 0 });
        desk.state.db = db;
        Running { desk, files }
    }

    async fn approved(&self, to: &str) -> Message {
        let message = self.desk.pending(to, json!({})).await;
        self.desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
        message
    }

    /// The same database in another process.
    fn started_again(&self) -> (State, Start) {
        started(&self.desk, self.desk.state.db.url(), self.files.path())
    }

    fn snapshot(&self) -> Snapshot {
        let url = self.desk.state.db.url();
        match url.strip_prefix("sqlite://") {
            Some(path) => {
                let folder = tempfile::tempdir().unwrap();
                let copy = folder.path().join("copy.db");
                self.desk.read(|conn| {
                    let statement = format!("VACUUM INTO '{}'", copy.display());
                    Ok(countersign::on_either!(conn, inner => inner.batch_execute(&statement))?)
                });
                Snapshot::File { path: path.into(), copy, _folder: folder }
            }
            None => {
                let (base, name) = url.rsplit_once('/').unwrap();
                let copy = format!("{name}_s{}", clock::now().micros());
                on_server(base, name, &format!("CREATE DATABASE {copy} TEMPLATE {name}"));
                Snapshot::Database { base: base.to_owned(), name: name.to_owned(), copy }
            }
        }
    }
}

enum Snapshot {
    File { path: PathBuf, copy: PathBuf, _folder: tempfile::TempDir },
    Database { base: String, name: String, copy: String },
}

impl Snapshot {
    /// Puts it in the place of the database.
    fn restore(&self) {
        match self {
            Snapshot::File { path, copy, .. } => {
                // What has the old one open keeps that, as a process would that has not ended yet.
                for ending in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
                }
                std::fs::copy(copy, path).unwrap();
            }
            Snapshot::Database { base, name, copy } => {
                on_server(base, name, &format!("DROP DATABASE {name} WITH (FORCE)"));
                on_server(base, copy, &format!("CREATE DATABASE {name} TEMPLATE {copy}"));
            }
        }
    }
}

fn on_server(base: &str, quiet: &str, statement: &str) {
    use diesel::Connection;
    let mut conn = diesel::PgConnection::establish(&format!("{base}/postgres")).unwrap();
    conn.batch_execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{quiet}'")).unwrap();
    conn.batch_execute(statement).unwrap();
}

fn started(desk: &Desk, url: &str, files: &Path) -> (State, Start) {
    let db = Db::open(url, 4).unwrap();
    db::migrate::run(&db).unwrap();
    let (db, start) = beside::attach(db, files, true, clock::now()).unwrap();
    (State { db, ..desk.state.clone() }, start)
}

async fn some_sending(desk: &Desk, state: &State) {
    let (sender, receiver) = tokio::sync::watch::channel(false);
    let running = actix_web::rt::spawn(worker::run(state.clone(), Some(desk.transport()), receiver));
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    sender.send_replace(true);
    running.await.unwrap();
}

#[actix_web::test]
async fn a_start_with_the_same_database_goes_on() {
    let running = Running::new().await;
    for to in ["a@example.com", "b@example.com"] {
        running.approved(to).await;
        running.desk.drain().await;
        let (state, start) = running.started_again();
        assert!(!start.restored);
        assert!(state.db.read(|conn| stops::in_force(conn, &OPERATOR)).unwrap().is_empty());
    }
    assert_eq!(running.desk.catcher.messages().len(), 2);
}

#[actix_web::test]
async fn each_of_many_old_copies_that_is_put_back_sends_nothing_until_an_administrator_confirms() {
    let running = Running::new().await;
    let rounds = 8;
    let mut copies = vec![];
    for i in 0..rounds {
        running.approved(&format!("p{i}@example.com")).await;
        copies.push(running.snapshot());
        // After the copy each message leaves; a copy holds one that has not left in it and has in truth.
        running.desk.drain().await;
    }
    assert_eq!(running.desk.catcher.messages().len(), rounds);
    for (i, copy) in copies.iter().enumerate() {
        copy.restore();
        let (state, start) = running.started_again();
        assert!(start.restored, "copy {i}");
        some_sending(&running.desk, &state).await;
        assert_eq!(running.desk.catcher.messages().len(), rounds, "copy {i} sent something");
        // A second start changes nothing about that.
        let (state, start) = running.started_again();
        assert!(!start.restored, "it has been noticed");
        some_sending(&running.desk, &state).await;
        assert_eq!(running.desk.catcher.messages().len(), rounds, "copy {i} sent something after a second start");
    }
}

#[actix_web::test]
async fn a_copy_that_is_put_back_tells_nobody_anything_until_it_is_confirmed() {
    let mut running = Running::new().await;
    let receiver = Receiver::start().await;
    let admin = webhooks::let_call(&mut running.desk, &receiver);
    webhooks::add(&running.desk, &admin, &receiver, json!({})).await;
    let message = running.approved("told@example.com").await;
    let rita = UserId::from(running.desk.person("Rita").id());
    let told = |conn: &mut _| notices::tell(conn, &rita, notices::Kind::Mentioned, &message.row.id, "Max", Some("Look."), clock::now());
    running.desk.write(told).unwrap();
    let copy = running.snapshot();
    let look = async |state: &State| {
        let (_sender, stop) = tokio::sync::watch::channel(false);
        let later = || clock::now().plus_seconds(600);
        worker::notices::step(state, &running.desk.transport(), &WorkerId::new(), &stop, later).await.unwrap();
    };
    let notices = || running.desk.catcher.messages().into_iter().filter(|mail| mail.to == ["rita@desk.example"]).count();
    look(&running.desk.state).await;
    running.desk.drain().await;
    let (hooks, mails) = (receiver.calls(), running.desk.catcher.messages().len());
    assert!(hooks > 0 && notices() == 1, "the original tells of it");
    copy.restore();
    let (state, start) = running.started_again();
    assert!(start.restored);
    look(&state).await;
    some_sending(&running.desk, &state).await;
    assert_eq!((receiver.calls(), running.desk.catcher.messages().len()), (hooks, mails), "the copy told somebody");
    let ada = running.desk.person("Ada");
    state.db.write(|conn| stops::resume(conn, &ada, None, clock::now())).unwrap();
    look(&state).await;
    worker::drain(state.clone(), running.desk.transport()).await.unwrap();
    assert!(receiver.calls() > hooks, "confirmed, it tells what it knows");
    assert_eq!(notices(), 2);
}

#[actix_web::test]
async fn what_would_leave_is_listed_and_only_an_administrator_lets_it() {
    let running = Running::new().await;
    running.approved("before@example.com").await;
    let copy = running.snapshot();
    running.desk.drain().await;
    copy.restore();
    let (state, start) = running.started_again();
    assert!(start.restored);
    let max = running.desk.person("Max");
    let refused = state.db.write(|conn| stops::resume(conn, &max, None, clock::now())).unwrap_err();
    assert_eq!(refused.code, "role_missing");
    let mut manager = Browser::new(app_of(&state).await);
    manager.sign_in("max").await;
    let page = manager.get("/sending").await.body;
    assert!(page.contains("before@example.com") && page.contains("until an administrator confirms"), "{page}");
    assert!(page.contains("An administrator looks through the list") && !page.contains("action=\"/sending/resume\""));
    let mut admin = Browser::new(app_of(&state).await);
    admin.sign_in("ada").await;
    assert!(admin.get("/sending").await.body.contains("I looked. Resume all sending"));
    assert_eq!(admin.post("/sending", "/sending/resume", &[]).await.status, 303);
    let before = running.desk.catcher.messages().len();
    worker::drain(state.clone(), running.desk.transport()).await.unwrap();
    assert_eq!(running.desk.catcher.messages().len(), before + 1);
    assert!(!running.started_again().1.restored);
}

#[actix_web::test]
async fn a_copy_elsewhere_starts_stopped_and_the_original_goes_on() {
    let running = Running::new().await;
    running.approved("both@example.com").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (_, start) = started(&running.desk, running.desk.state.db.url(), elsewhere.path());
    assert!(start.restored, "no file beside it");
    let running = Running::new().await;
    running.approved("both@example.com").await;
    // The whole folder is copied, files and all: with SQLite the file notices that it is a copy.
    if running.desk.state.db.is_a_file() {
        let name = running.desk.state.db.url().rsplit('/').next().unwrap().to_owned();
        let (from, to) = (running.files.path().join(format!("{name}.instance")), elsewhere.path().join(format!("{name}.instance")));
        std::fs::copy(from, to).unwrap();
        let Snapshot::File { copy, _folder, .. } = running.snapshot() else { panic!("a file") };
        let there = elsewhere.path().join(&name);
        std::fs::copy(copy, &there).unwrap();
        let (state, start) = started(&running.desk, &format!("sqlite://{}", there.display()), elsewhere.path());
        assert!(start.restored);
        some_sending(&running.desk, &state).await;
        assert!(running.desk.catcher.messages().is_empty());
    }
    assert!(!running.started_again().1.restored);
    running.desk.drain().await;
    assert_eq!(running.desk.catcher.messages().len(), 1);
}

#[actix_web::test]
async fn an_older_copy_is_found_out_also_where_nothing_left_since() {
    let running = Running::new().await;
    let copy = running.snapshot();
    let message = running.approved("taken-back@example.com").await;
    running.desk.write(|conn| countersign::domain::messages::cancel::cancel(conn, &OPERATOR, &message.row.id, clock::now())).unwrap();
    // The worker notes how far the log has come, at the latest when it stops.
    some_sending(&running.desk, &running.desk.state).await;
    copy.restore();
    assert!(running.started_again().1.restored);
}

fn journal_of(running: &Running) -> String {
    let name = running.desk.state.db.url().rsplit('/').next().unwrap().to_owned();
    std::fs::read_to_string(running.files.path().join(format!("{name}.suppressions"))).unwrap()
}

fn contact(email: &str) -> ContactInput {
    ContactInput { email: email.into(), ..ContactInput::default() }
}

#[actix_web::test]
async fn an_unsubscribe_is_in_the_journal_when_it_is_answered_and_survives_the_loss_of_the_database() {
    let running = Running::new().await;
    running.approved("known@example.com").await;
    let copy = running.snapshot();
    running.approved("new@example.com").await;
    running.desk.drain().await;
    let mut browser = Browser::new(running.desk.app().await);
    for mail in running.desk.catcher.messages() {
        let raw = String::from_utf8(mail.raw).unwrap();
        let token = raw.split("/u/").nth(1).unwrap().split('>').next().unwrap();
        let lines = journal_of(&running).lines().count();
        assert_eq!(browser.post_bare(&format!("/u/{token}"), &[("List-Unsubscribe", "One-Click")]).await.status, 200);
        assert_eq!(journal_of(&running).lines().count(), lines + 1, "in the journal before the answer");
    }
    let text = journal_of(&running);
    assert!(!text.contains('@') && !text.contains("known") && !text.contains("example"), "no address stands in it: {text}");
    copy.restore();
    let (state, start) = running.started_again();
    assert_eq!((start.restored, start.learned), (true, 1));
    let suppressed = |state: &State, key: &str| state.db.read(|conn| suppressions::of(conn, key)).unwrap().map(|found| found.reason);
    assert_eq!(suppressed(&state, "known@example.com"), Some(Reason::Unsubscribed));
    // Of whom the copy knows nothing, the journal tells when they come back.
    state.db.write(|conn| contacts::upsert(conn, &OPERATOR, &contact("New@Example.com"), clock::now())).unwrap();
    assert_eq!(suppressed(&state, "new@example.com"), Some(Reason::Unsubscribed));
    let ada = running.desk.person("Ada");
    state.db.write(|conn| stops::resume(conn, &ada, None, clock::now())).unwrap();
    worker::drain(state.clone(), running.desk.transport()).await.unwrap();
    assert_eq!(running.desk.catcher.messages().len(), 2, "known@example.com gets no second one");
    // A start without anything new learns nothing.
    let (_, start) = started(&running.desk, state.db.url(), running.files.path());
    assert_eq!((start.restored, start.learned), (false, 0));
}

#[actix_web::test]
async fn a_copy_learns_who_came_back_and_who_left_again_after() {
    let running = Running::new().await;
    let (back, again) = (running.approved("back@example.com").await, running.approved("again@example.com").await);
    let mut browser = Browser::new(running.desk.app().await);
    let mut press = async |message: &Message, action: &str| {
        let token = message.current.footer.unsubscribe_url.rsplit('/').next().unwrap();
        assert_eq!(browser.post_bare(&format!("/preferences/{token}"), &[("action", action)]).await.status, 200);
    };
    press(&back, "stop").await;
    press(&again, "stop").await;
    let copy = running.snapshot();
    let lines = journal_of(&running).lines().count();
    press(&back, "return").await;
    assert_eq!(journal_of(&running).lines().count(), lines + 1, "in the journal before the answer");
    press(&again, "return").await;
    press(&again, "stop").await;
    let text = journal_of(&running);
    assert!(text.contains(" lifted ") && !text.contains('@') && !text.contains("example"), "no address stands in it: {text}");
    copy.restore();
    let (state, _) = running.started_again();
    let suppressed = |state: &State, key: &str| state.db.read(|conn| suppressions::of(conn, key)).unwrap().map(|found| found.reason);
    assert_eq!((suppressed(&state, "back@example.com"), suppressed(&state, "again@example.com")), (None, Some(Reason::Unsubscribed)));
    // The ground that they gave was lost with the database, so the next message waits for somebody.
    let contact = state.db.read(|conn| contacts::by_address(conn, &OPERATOR, &address_of("back@example.com"))).unwrap().unwrap();
    assert!(!state.db.read(|conn| contacts::has_consent(conn, &contact.id)).unwrap());
    let tags = state.db.read(|conn| contacts::get(conn, &OPERATOR, &contact.id)).unwrap().tags;
    assert!(tags.is_empty(), "{tags:?}");
}

fn address_of(text: &str) -> countersign::domain::email_address::EmailAddress {
    countersign::domain::email_address::EmailAddress::parse("email", text).unwrap()
}

#[actix_web::test]
async fn a_new_database_beside_an_old_journal_mails_nobody_who_left() {
    let running = Running::new().await;
    running.desk.write(|conn| suppressions::add(conn, &OPERATOR, "gone@example.com", Reason::Complained, "test", None, clock::now())).unwrap();
    let name = running.desk.state.db.url().rsplit('/').next().unwrap().to_owned();
    // Another database, in which nobody has left, takes the place of the lost one.
    let mut other = Desk::new().await;
    let renamed = other.state.db.url().rsplit('/').next().unwrap().to_owned();
    let files = tempfile::tempdir().unwrap();
    std::fs::copy(running.files.path().join(format!("{name}.suppressions")), files.path().join(format!("{renamed}.suppressions"))).unwrap();
    let (state, start) = started(&other, other.state.db.url(), files.path());
    assert!(!start.restored, "it is new");
    other.state = state;
    let (status, answer) = other.send(Mode::Autonomous, "gone@example.com", json!({"consent_basis": "consent"})).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("recipient_suppressed")));
}

#[actix_web::test]
async fn an_erasure_leaves_no_address_in_the_files_and_a_copy_that_is_put_back_erases_again() {
    let running = Running::new().await;
    let person = running.desk.write(|conn| contacts::upsert(conn, &OPERATOR, &contact("erase-me@example.com"), clock::now())).unwrap();
    let copy = running.snapshot();
    let admin = running.desk.person("Ada");
    running.desk.write(|conn| contacts::erase::erase(conn, &admin, &person.row.id, clock::now())).unwrap();
    for file in std::fs::read_dir(running.files.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("erase-me"));
    }
    copy.restore();
    let (state, start) = running.started_again();
    assert_eq!(start.learned, 1);
    let gone = state.db.read(|conn| contacts::get(conn, &OPERATOR, &person.row.id)).unwrap_err();
    assert_eq!(gone.code, "not_found", "erased, as if nobody had been there");
    let refused = state.db.write(|conn| contacts::upsert(conn, &OPERATOR, &contact("erase-me@example.com"), clock::now())).unwrap_err();
    assert_eq!(refused.code, "contact_erased");
}

#[actix_web::test]
async fn a_transaction_that_fails_leaves_nothing_in_the_journal() {
    let running = Running::new().await;
    let lines = journal_of(&running);
    let failed = running.desk.write(|conn| {
        suppressions::add(conn, &OPERATOR, "not-yet@example.com", Reason::ByHand, "test", None, clock::now())?;
        Err::<(), _>(countersign::domain::error::Error::internal("a test"))
    });
    assert!(failed.is_err());
    running.desk.write(|conn| stops::stop(conn, &Actor::System("test"), None, "x", clock::now())).unwrap();
    assert_eq!(journal_of(&running), lines);
}

/// How many rows a statement finds.
#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

#[actix_web::test]
async fn two_processes_that_start_at_once_on_a_new_database_agree() {
    let desk = Desk::new().await;
    let files = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| beside::attach(Db::open(desk.state.db.url(), 2).unwrap(), files.path(), true, clock::now()).unwrap().1))
            .collect();
        for start in starts {
            assert!(!start.join().unwrap().restored);
        }
    });
    let count: Vec<Count> =
        desk.read(|conn| Ok(countersign::on_either!(conn, inner => diesel::sql_query("SELECT COUNT(*) AS n FROM stops").load(inner))?));
    assert_eq!(count[0].n, 0);
}

#[actix_web::test]
async fn no_folder_is_read_before_somebody_confirms() {
    let desk = Desk::new().await;
    desk.write(|conn| stops::stop_restored(conn, &OPERATOR, "It was put back.", clock::now())).unwrap();
    let address = desk.mailbox(Mode::GatedSend).address;
    let may_read = || desk.read(|conn| folders::to_read(conn, &address)).is_some();
    assert!(!may_read());
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let account = Account::parse(&format!("imap://user:password@{}/INBOX", server.local_addr().unwrap())).unwrap();
    let (sender, receiver) = tokio::sync::watch::channel(false);
    let reading = actix_web::rt::spawn(worker::folders::run(desk.state.clone(), vec![(address.clone(), account)], receiver));
    assert!(tokio::time::timeout(Duration::from_millis(500), server.accept()).await.is_err(), "nobody comes");
    desk.write(|conn| stops::resume(conn, &desk.person("Ada"), None, clock::now())).unwrap();
    assert!(may_read());
    tokio::time::timeout(Duration::from_secs(60), server.accept()).await.expect("it is read now").unwrap();
    sender.send_replace(true);
    reading.await.unwrap();
}

#[actix_web::test]
async fn an_objection_of_somebody_who_had_left_is_learned_as_one() {
    let running = Running::new().await;
    let desk = &running.desk;
    let contact = running.approved("ana@example.com").await.row.contact_id;
    desk.write(|conn| suppressions::add(conn, &OPERATOR, "ana@example.com", Reason::Unsubscribed, "test", None, clock::now())).unwrap();
    let snapshot = running.snapshot();
    let new = NewRequest { kind: Kind::Objection, law: Law::Gdpr, received_at: None, note: None };
    desk.write(|conn| requests::record(conn, &desk.person("Ada"), &contact, &new, clock::now())).unwrap();
    snapshot.restore();
    let (state, start) = running.started_again();
    assert!(start.learned > 0);
    let found = state.db.read(|conn| suppressions::of(conn, "ana@example.com")).unwrap().unwrap();
    assert_eq!(found.reason, Reason::ByHand);
}

#[actix_web::test]
async fn whoever_is_to_confirm_a_copy_gets_in_and_no_code_that_is_mailed_stands_between() {
    let running = Running::new().await;
    let ask = |state: &State, who: &str| state.db.write(|conn| reset::ask(conn, &format!("{who}@desk.example"), "192.0.2.9", clock::now())).unwrap();
    let look = async |state: &State| {
        let (_sender, stop) = tokio::sync::watch::channel(false);
        worker::notices::step(state, &running.desk.transport(), &WorkerId::new(), &stop, || clock::now().plus_seconds(60)).await.unwrap();
    };
    let mails = |who: &str| {
        let to = [format!("{who}@desk.example")];
        let mails = running.desk.catcher.messages().into_iter().filter(|mail| mail.to == to);
        mails.map(|mail| String::from_utf8_lossy(&mail.raw).replace("=\r\n", "")).collect::<Vec<String>>()
    };
    // The copy holds a link that is mailed after it was made.
    ask(&running.desk.state, "rita");
    running.approved("before@example.com").await;
    let copy = running.snapshot();
    running.desk.drain().await;
    look(&running.desk.state).await;
    assert_eq!(mails("rita").len(), 1);
    copy.restore();
    let (state, start) = running.started_again();
    assert!(start.restored);
    look(&state).await;
    assert_eq!(mails("rita").len(), 1, "what lay in the copy has left already");
    // A code for a looser mode waits: nothing that lets more out is to be decided before somebody looked.
    let mailbox = running.desk.mailbox(Mode::GatedSend).id;
    let path = format!("/v1/mailboxes/{mailbox}/upgrade-request");
    let asked = crate::support::ask(&state, &running.desk.agent, "POST", &path, &[], &json!({"target_mode": "monitored", "reason": "r"})).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    ask(&state, "ada");
    look(&state).await;
    let mailed = mails("ada");
    assert!(mailed.len() == 1 && mailed[0].contains("https://desk.example.com/reset/"), "{mailed:?}");
    let token = mailed[0].split("https://desk.example.com/reset/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let mut ada = Browser::new(app_of(&state).await);
    let path = format!("/reset/{token}");
    assert_eq!(ada.post(&path, &path, &[("password", "quite another password")]).await.status, 303);
    let signed = ada.post("/login", "/login", &[("email", "ada@desk.example"), ("password", "quite another password")]).await;
    assert_eq!(signed.location.as_deref(), Some("/queue"));
    // Somebody new is let in by a link on the page, which needs no mail.
    let made = ada.post("/users", "/users", &[("email", "new@desk.example"), ("name", "New"), ("role", "admin")]).await;
    let invitation = made.body.split("https://desk.example.com/invite/").nth(1).unwrap_or_else(|| panic!("{}", made.body));
    let path = format!("/invite/{}", invitation.split(['"', '<', ' ']).next().unwrap());
    let mut new = Browser::new(app_of(&state).await);
    assert_eq!(new.post(&path, &path, &[("name", "New"), ("password", "a password of their own")]).await.status, 303);
    let signed = new.post("/login", "/login", &[("email", "new@desk.example"), ("password", "a password of their own")]).await;
    assert_eq!(signed.status, 303);
    look(&state).await;
    assert_eq!((mails("ada").len(), mails("new").len()), (1, 0), "nothing else is mailed");
    assert_eq!(ada.post("/sending", "/sending/resume", &[]).await.status, 303);
    look(&state).await;
    assert!(mails("ada").iter().any(|mail| mail.contains("Monitored") || mail.contains("monitored")), "confirmed, the code is mailed");
    // A stop that a person sets holds none of it back.
    state.db.write(|conn| stops::stop(conn, &running.desk.person("Max"), None, "Look first", clock::now())).unwrap();
    let before = mails("max").len();
    ask(&state, "max");
    look(&state).await;
    assert_eq!(mails("max").iter().filter(|mail| mail.contains("/reset/")).count(), 1, "{before}");
}

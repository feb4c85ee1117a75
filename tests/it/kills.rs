//! The process is killed at every point and at any time; what is on the disk and what the relay has must fit.
//!
//! Each round starts the real binary on a copy of one small database, kills it, lets the leases of the dead lapse, starts
//! it again and joins the relay's mail with the approvals. `COUNTERSIGN_KILLS` makes more rounds (`scripts/torture`),
//! `COUNTERSIGN_KILL_SEED` other ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign::catcher::{Behaviour, Catcher};
use countersign::db::Db;
use countersign::domain::ids::MessageId;
use countersign::domain::mailboxes::OnUncertain;
use countersign::domain::messages::{self, DecisionKind, State};
use countersign::domain::outbox::verify;
use countersign::on_either;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use mail_parser::MessageParser;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{Desk, OPERATOR, sql};

/// What tells the messages apart; numbers would be claims.
const WORDS: [&str; 12] = ["alder", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "willow"];
/// Connections to one relay.
const LANES: usize = 16;
/// Connections where a message may be sent again, fewer than there are messages.
const FEW_LANES: usize = 2;
/// Rounds at once.
const AT_ONCE: usize = 3;
/// No run takes longer; one that does hangs.
const LONGEST: Duration = Duration::from_secs(120);

fn rounds(usual: u64) -> u64 {
    std::env::var("COUNTERSIGN_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Numbers that look random and are the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(round: u64) -> Dice {
        let seed: u64 = std::env::var("COUNTERSIGN_KILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ round.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit.max(1)
    }
}

/// One database from which every round starts.
pub struct Template {
    choice: OnUncertain,
    url: String,
    folder: tempfile::TempDir,
    approved: Vec<MessageId>,
    /// Those that must never arrive: undecided, rejected, taken back, suppressed after the approval.
    others: Vec<MessageId>,
    oversight: String,
    hashes: BTreeMap<MessageId, String>,
    desk: Desk,
}

impl Template {
    pub async fn new(approved: usize, pending: usize) -> Template {
        Template::with(OnUncertain::Ask, approved, pending).await
    }

    async fn with(choice: OnUncertain, approved: usize, pending: usize) -> Template {
        let desk = Desk::new().await;
        sql(&desk, &format!("UPDATE mailboxes SET on_uncertain = '{choice}'"));
        let (mut yes, mut no, mut hashes) = (vec![], vec![], BTreeMap::new());
        for (i, word) in WORDS.iter().enumerate().take(approved) {
            let message = desk.pending(&format!("yes{i}@example.com"), json!({"text_body": format!("Greetings from the {word}.")})).await;
            desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
            yes.push(message.row.id);
        }
        for i in 0..pending {
            let message = desk.pending(&format!("no{i}@example.com"), json!({})).await;
            hashes.insert(message.row.id.clone(), message.row.content_hash.clone());
            no.push(message.row.id);
        }
        let rejected = desk.pending("rejected@example.com", json!({})).await;
        desk.decide("Rita", &rejected, DecisionKind::Reject).unwrap();
        let left = desk.pending("left@example.com", json!({})).await;
        desk.decide("Rita", &left, DecisionKind::Approve).unwrap();
        desk.write(|conn| {
            use countersign::domain::contacts::suppressions::{self, Reason};
            suppressions::add(conn, &OPERATOR, "left@example.com", Reason::Unsubscribed, "test", None, desk.now())
        })
        .unwrap();
        no.extend([rejected.row.id, left.row.id]);
        desk.state.calls.flush();
        let folder = tempfile::tempdir().unwrap();
        if desk.state.db.is_a_file() {
            // A file of its own: into that of the desk somebody else may just be putting back the log.
            let into = format!("VACUUM INTO '{}'", folder.path().join("template.db").display());
            desk.read(|conn| Ok(on_either!(conn, inner => inner.batch_execute(&into))?));
        }
        Template { choice, url: desk.state.db.url().to_owned(), folder, approved: yes, others: no, oversight: desk.oversight.clone(), hashes, desk }
    }

    pub fn is_a_file(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    /// The messages that wait for a decision, with what they say.
    pub fn hashes(&self) -> &BTreeMap<MessageId, String> {
        &self.hashes
    }

    pub fn oversight(&self) -> &str {
        &self.oversight
    }

    pub fn agent(&self) -> &str {
        &self.desk.agent
    }

    /// A copy of it, and what removes it.
    pub fn copy(&self, folder: &Path) -> String {
        if self.is_a_file() {
            std::fs::copy(self.folder.path().join("template.db"), folder.join("round.db")).unwrap();
            return format!("sqlite://{}", folder.join("round.db").display());
        }
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (base, name) = self.url.rsplit_once('/').unwrap();
        let copy = format!("{name}_{}", COUNT.fetch_add(1, Ordering::SeqCst));
        // Nobody may be connected to what is copied.
        postgres(
            base,
            &[
                format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
                format!("CREATE DATABASE {copy} TEMPLATE {name}"),
            ],
        );
        format!("{base}/{copy}")
    }
}

fn postgres(base: &str, statements: &[String]) {
    use diesel::Connection;
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap();
    let mut conn = diesel::PgConnection::establish(&format!("{base}/postgres")).unwrap();
    for statement in statements {
        conn.batch_execute(statement).unwrap();
    }
}

/// One copy with its relay.
struct Round {
    folder: tempfile::TempDir,
    url: String,
    relay: Catcher,
    lanes: usize,
}

impl Round {
    async fn new(template: &Arc<Template>) -> Round {
        let folder = tempfile::tempdir().unwrap();
        let (copied, place) = (Arc::clone(template), folder.path().to_owned());
        let url = tokio::task::spawn_blocking(move || copied.copy(&place)).await.unwrap();
        let lanes = if template.choice == OnUncertain::Ask { LANES } else { FEW_LANES };
        Round { lanes, folder, url, relay: Catcher::start_with("127.0.0.1:0", Behaviour::new()).await.unwrap() }
    }

    fn start(&self, arguments: &[&str], failpoints: &str) -> Child {
        start(self.folder.path(), &self.url, self.relay.addr(), self.lanes, arguments, failpoints)
    }

    /// What the dead held is free now, and the binary goes on until nothing is left.
    async fn recover(&self) {
        if let Some((base, name)) = self.url.rsplit_once('/').filter(|_| !self.url.starts_with("sqlite")) {
            // The server may still be at the last statement of the dead, and hold its rows.
            let dead = format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
            postgres(base, &[dead]);
        }
        let db = Db::open(&self.url, 1).unwrap();
        statement(&db, "UPDATE outbox SET claimed_until = 0 WHERE claimed_until IS NOT NULL");
        drop(db);
        let mut child = self.start(&["worker", "--drain"], "");
        let ended = tokio::task::spawn_blocking(move || wait(&mut child)).await.unwrap();
        assert!(ended.success(), "the run after the kill ended with {ended}");
    }

    fn remove(self) {
        if let Some((base, name)) = self.url.rsplit_once('/').filter(|_| !self.url.starts_with("sqlite")) {
            postgres(base, &[format!("DROP DATABASE {name} WITH (FORCE)")]);
        }
    }
}

fn start(folder: &Path, url: &str, relay: SocketAddr, lanes: usize, arguments: &[&str], failpoints: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .current_dir(folder)
        .env("COUNTERSIGN_DATABASE__URL", url)
        .env("COUNTERSIGN_DATA__DIRECTORY", folder)
        .env("COUNTERSIGN_SMTP__URL", format!("smtp://{relay}"))
        .env("COUNTERSIGN_SMTP__CONNECTIONS", lanes.to_string())
        .env("FAILPOINTS", failpoints)
        .env("RUST_LOG", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

pub fn wait(child: &mut Child) -> std::process::ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(ended) = child.try_wait().unwrap() {
            return ended;
        }
        if begun.elapsed() > LONGEST {
            child.kill().unwrap();
            panic!("the process hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn statement(db: &Db, text: &str) {
    db.write(|conn| on_either!(conn, inner => diesel::sql_query(text).execute(inner)).map(drop)).unwrap();
}

/// What one round came to.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    kills: u64,
    sent: u64,
    uncertain: u64,
    twice: u64,
}

/// Joins what the relay has with what was approved.
fn judge(template: &Template, round: &Round, also_approved: &[MessageId], case: &str) -> Tally {
    let mut arrived: BTreeMap<MessageId, u64> = BTreeMap::new();
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for mail in round.relay.messages() {
        let parsed = MessageParser::default().parse(&mail.raw[..]).unwrap();
        let (id, version) = parsed.message_id().unwrap().split('@').next().unwrap().split_once('.').unwrap();
        assert_eq!(version, "1", "{case}");
        let id = MessageId::from(id);
        if let Some(number) = template.approved.iter().position(|one| *one == id) {
            assert!(
                String::from_utf8_lossy(&mail.raw).contains(&format!("Greetings from the {}.", WORDS[number])),
                "{case}: other words than were approved"
            );
            assert_eq!(mail.to, [format!("yes{number}@example.com")], "{case}");
        }
        let key = parsed.header("Idempotency-Key").and_then(|value| value.as_text()).map(str::to_owned);
        assert_eq!(key.is_some(), template.choice == OnUncertain::RelayKey, "{case}");
        // A relay that knows keys drops what comes with one that it has.
        if key.is_none_or(|key| keys.insert(key)) {
            *arrived.entry(id).or_default() += 1;
        }
    }
    let most = if template.choice == OnUncertain::Resend { 2 } else { 1 };
    let db = Db::open(&round.url, 1).unwrap();
    let mut tally = Tally { kills: 1, ..Tally::default() };
    for id in template.approved.iter().chain(&template.others) {
        let state = db.read(|conn| messages::get(conn, &OPERATOR, id)).unwrap().row.state;
        let (copies, approved) = (arrived.remove(id).unwrap_or(0), template.approved.contains(id) || also_approved.contains(id));
        match state {
            State::Sent if approved => {
                assert!((1..=most).contains(&copies), "{case}: {id} is sent and arrived {copies} times");
                tally.sent += 1;
                tally.twice += copies - 1;
            }
            State::Uncertain if approved && template.choice == OnUncertain::Ask => {
                assert!(copies <= 1, "{case}: {id} arrived {copies} times");
                tally.uncertain += 1;
            }
            state => assert!(copies == 0 && !approved, "{case}: {id} is {state}, approved {approved}, and arrived {copies} times"),
        }
    }
    assert!(arrived.is_empty(), "{case}: mail that nobody wrote: {arrived:?}");
    assert!(tally.uncertain <= round.lanes as u64, "{case}: {} uncertain", tally.uncertain);
    assert!(tally.twice <= round.lanes as u64, "{case}: {} arrived twice", tally.twice);
    let report = db.read(verify::verify).unwrap();
    assert!(report.exceptions.is_empty() && report.miscounts.is_empty(), "{case}: {report:?}");
    if round.url.starts_with("sqlite") {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            integrity_check: String,
        }
        let rows: Vec<Row> = db.read(|conn| on_either!(conn, inner => diesel::sql_query("PRAGMA integrity_check").load(inner))).unwrap();
        assert_eq!(rows[0].integrity_check, "ok", "{case}");
    }
    tally
}

/// Makes rounds, some at once, and adds up what they came to.
async fn many<F, Fut>(count: u64, round: F) -> Tally
where
    F: Fn(u64) -> Fut,
    Fut: Future<Output = Tally> + Send + 'static,
{
    let (slots, mut running, mut all) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new(), Tally::default());
    let add = |all: &mut Tally, one: Tally| {
        all.kills += one.kills;
        all.sent += one.sent;
        all.uncertain += one.uncertain;
        all.twice += one.twice;
    };
    for number in 0..count {
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        let work = round(number);
        running.spawn(async move {
            let tally = work.await;
            drop(slot);
            tally
        });
        while let Some(done) = running.try_join_next() {
            add(&mut all, done.unwrap());
        }
    }
    while let Some(done) = running.join_next().await {
        add(&mut all, done.unwrap());
    }
    all
}

/// How often a point is come to in a run that nobody kills: it is killed at higher and higher numbers until it is not.
async fn passes(template: &Arc<Template>, point: &str) -> u64 {
    let mut limit = 32;
    loop {
        let round = Round::new(template).await;
        let mut child = round.start(&["worker", "--drain"], &format!("{point}={limit}*off->return"));
        let ended = tokio::task::spawn_blocking(move || wait(&mut child)).await.unwrap();
        round.remove();
        if ended.success() {
            return limit;
        }
        assert_eq!(ended.signal(), Some(6), "{ended}");
        limit *= 2;
    }
}

async fn killed_at_a_point(template: &Arc<Template>, point: &'static str, at: u64) -> Tally {
    let round = Round::new(template).await;
    let mut child = round.start(&["worker", "--drain"], &format!("{point}={at}*off->return"));
    let ended = tokio::task::spawn_blocking(move || wait(&mut child)).await.unwrap();
    assert!(ended.success() || ended.signal() == Some(6), "{point} {at}: {ended}");
    round.recover().await;
    let mut tally = judge(template, &round, &[], &format!("{point} {at}"));
    tally.kills = u64::from(!ended.success());
    round.remove();
    tally
}

async fn at_every(point: &'static str, choice: OnUncertain, usual: u64) {
    // Where messages are sent again there are more of them than connections.
    let template = Arc::new(Template::with(choice, if choice == OnUncertain::Ask { 6 } else { 12 }, 2).await);
    let last = passes(&template, point).await;
    let tally = many(rounds(usual), |number| {
        let template = Arc::clone(&template);
        async move { killed_at_a_point(&template, point, Dice::new(number).below(last)).await }
    })
    .await;
    println!(
        "{point}, {choice}: {} kills among {last} passes, {} sent, {} uncertain, {} twice, 0 lost, 0 unapproved",
        tally.kills, tally.sent, tally.uncertain, tally.twice
    );
    assert!(tally.kills * 8 > rounds(usual), "hardly a round was killed: {tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_any_two_statements_loses_nothing_and_sends_nothing_twice() {
    at_every("statement", OnUncertain::Ask, 90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_any_two_words_to_the_relay_loses_nothing_and_sends_nothing_twice() {
    at_every("wire", OnUncertain::Ask, 90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_where_messages_are_sent_again_gives_nobody_a_third_copy() {
    at_every("statement", OnUncertain::Resend, 16).await;
    at_every("wire", OnUncertain::Resend, 16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_where_the_relay_drops_repeats_of_a_key_gives_nobody_a_copy_and_holds_nothing() {
    at_every("statement", OnUncertain::RelayKey, 16).await;
    at_every("wire", OnUncertain::RelayKey, 16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_time_loses_nothing_and_sends_nothing_twice() {
    let template = Arc::new(Template::new(12, 2).await);
    let tally = many(rounds(60), |number| {
        let template = Arc::clone(&template);
        async move {
            let round = Round::new(&template).await;
            let mut child = round.start(&["worker", "--drain"], "");
            let begun = Instant::now();
            // From the first word to the relay on it is killed somewhere; before that nothing can go wrong.
            while round.relay.connections() == 0 && begun.elapsed() < LONGEST {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            let after = Duration::from_micros(Dice::new(number).below(60_000));
            tokio::time::sleep(after).await;
            child.kill().unwrap();
            let ended = tokio::task::spawn_blocking(move || wait(&mut child)).await.unwrap();
            round.recover().await;
            let mut tally = judge(&template, &round, &[], &format!("killed {after:?} after its first word"));
            tally.kills = u64::from(ended.signal() == Some(9));
            round.remove();
            tally
        }
    })
    .await;
    println!("any time: {} kills, {} sent, {} uncertain, 0 twice, 0 lost, 0 unapproved", tally.kills, tally.sent, tally.uncertain);
    assert!(tally.kills * 3 > rounds(60), "hardly a round was killed: {tally:?}");
}

/// Asks the server; none where it died before it answered.
pub fn ask(addr: &str, key: &str, method: &str, path: &str, body: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(addr).ok()?;
    stream.set_read_timeout(Some(LONGEST)).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_over_the_api_before_a_kill_is_sent_once_after_it() {
    let template = Arc::new(Template::new(2, 10).await);
    let tally = many(rounds(24), |number| {
        let template = Arc::clone(&template);
        async move {
            let round = Round::new(&template).await;
            let mut child = round.start(&["serve", "--listen", "127.0.0.1:0"], "");
            let addr = address_of(&mut child);
            let (asked, to) = (Arc::clone(&template), addr.clone());
            let asking = tokio::task::spawn_blocking(move || {
                let mut answered = vec![];
                for (id, hash) in &asked.hashes {
                    let body = json!({"message_id": id, "decision": "approve", "content_hash": hash}).to_string();
                    match ask(&to, &asked.oversight, "POST", "/v1/oversight/decide", &body) {
                        Some(200) => answered.push(id.clone()),
                        Some(other) => panic!("an approval was answered with {other}"),
                        None => break,
                    }
                }
                answered
            });
            let after = Duration::from_micros(Dice::new(number).below(250_000));
            tokio::time::sleep(after).await;
            child.kill().unwrap();
            tokio::task::spawn_blocking(move || wait(&mut child)).await.unwrap();
            let answered = asking.await.unwrap();
            round.recover().await;
            // What was decided but not answered may have been approved as well.
            let db = Db::open(&round.url, 1).unwrap();
            let decided = |id: &&MessageId| {
                db.read(|conn| messages::get(conn, &OPERATOR, id)).unwrap().decisions.iter().any(|d| d.kind == DecisionKind::Approve)
            };
            let approved: Vec<MessageId> = template.hashes.keys().filter(decided).cloned().collect();
            assert!(answered.iter().all(|id| approved.contains(id)), "an approval that was answered is lost");
            assert!(approved.len() <= answered.len() + 1, "more was approved than asked for");
            let tally = judge(&template, &round, &approved, &format!("the server was killed after {after:?}"));
            round.remove();
            tally
        }
    })
    .await;
    println!("server: {} kills, {} sent, {} uncertain, 0 twice, 0 lost, 0 unapproved", tally.kills, tally.sent, tally.uncertain);
}

/// Where a server listens, by its first line.
pub fn address_of(child: &mut Child) -> String {
    use std::io::BufRead;
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find(|line| line.contains("serves at")).expect("the server did not start");
    said.rsplit("http://").next().unwrap().trim().to_owned()
}

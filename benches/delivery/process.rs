//! The processes that are measured, and what the system says of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use countersign::db::Db;
use countersign::domain::ids::MailboxId;
use countersign::domain::outbox::verify;
use serde_json::{Value, json};

use super::{fill, line, relay, spread};
use countersign::domain::mailboxes::OnUncertain;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A database for one run.
pub struct Place {
    pub url: String,
    /// Of the database or beside it, on the disk of the repository: the system's temporary folder may be memory.
    pub folder: tempfile::TempDir,
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).unwrap()
}

impl Place {
    pub fn sqlite() -> Place {
        let folder = folder();
        Place { url: format!("sqlite://{}", folder.path().join("bench.db").display()), folder }
    }

    pub fn postgres(server: &str) -> Place {
        use diesel::{Connection, RunQueryDsl};
        let name = format!("bench_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let mut conn = diesel::PgConnection::establish(server).unwrap();
        diesel::sql_query(format!("CREATE DATABASE {name}")).execute(&mut conn).unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Place { url: format!("{base}/{name}"), folder: folder() }
    }

    /// The program on this database, with its files in the folder.
    fn program(&self) -> Command {
        let mut command = Command::new(BINARY);
        command.env("COUNTERSIGN_DATABASE__URL", &self.url).env("COUNTERSIGN_DATA__DIRECTORY", self.folder.path()).env("RUST_LOG", "warn");
        command
    }
}

pub struct Drained {
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub most_pss_mib: f64,
}

fn worker(place: &Place, port: u16, drain: bool) -> Child {
    let mut command = place.program();
    command.arg("worker").args(drain.then_some("--drain")).env("COUNTERSIGN_SMTP__URL", format!("smtp://127.0.0.1:{port}"));
    command.spawn().unwrap()
}

/// Processor seconds so far.
fn cpu(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    // Ticks are a hundredth of a second on Linux.
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) / 100.0)
}

fn pss_mib(pid: u32) -> Option<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let kib = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()?;
    Some(kib / 1024.0)
}

/// Runs so many workers until nothing is left.
pub fn drain(place: &Place, port: u16, workers: usize) -> Drained {
    let began = Instant::now();
    let mut children: Vec<Child> = (0..workers).map(|_| worker(place, port, true)).collect();
    let mut used = vec![0.0; workers];
    let mut most = 0.0_f64;
    let mut running = workers;
    let mut round = 0;
    while running > 0 {
        std::thread::sleep(Duration::from_millis(5));
        round += 1;
        if round % 20 == 0 {
            most = most.max(children.iter().filter_map(|child| pss_mib(child.id())).sum());
        }
        running = 0;
        for (child, used) in children.iter_mut().zip(&mut used) {
            *used = cpu(child.id()).filter(|now| now > used).unwrap_or(*used);
            match child.try_wait().unwrap() {
                None => running += 1,
                Some(status) => assert!(status.success()),
            }
        }
    }
    Drained { seconds: began.elapsed().as_secs_f64(), cpu_seconds: used.iter().sum(), most_pss_mib: most }
}

/// Every message left with its warrant.
pub fn must_be_clean(url: &str, messages: usize) {
    let report = Db::open(url, 1).unwrap().read(verify::verify).unwrap();
    assert_eq!((report.sent, report.exceptions.len()), (messages as u64, 0), "{:?}", report.exceptions.first());
}

fn sent(db: &Db, mailbox: Option<&MailboxId>) -> usize {
    use countersign::db::schema::outbox;
    use diesel::prelude::*;
    db.read(|conn| {
        let mut query = outbox::table.filter(outbox::state.eq("sent")).into_boxed();
        if let Some(mailbox) = mailbox {
            query = query.filter(outbox::mailbox_id.eq(mailbox.clone()));
        }
        query.count().get_result::<i64>(conn)
    })
    .map(|count| usize::try_from(count).unwrap())
    .unwrap()
}

/// Runs a worker for a while: messages sent, most memory.
pub fn drain_for(place: &Place, port: u16, time: Duration) -> (usize, f64) {
    let mut child = worker(place, port, false);
    let began = Instant::now();
    let mut most = 0.0_f64;
    while began.elapsed() < time {
        std::thread::sleep(Duration::from_millis(100));
        most = most.max(pss_mib(child.id()).unwrap_or(0.0));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    (sent(&Db::open(&place.url, 1).unwrap(), None), most)
}

/// The rate of one mailbox while another has a relay of its own.
pub fn drain_one_of_two(url: &str, port: u16, other: u16, mailbox: &MailboxId, count: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countersign.toml");
    let text = format!(
        "[database]\nurl = \"{url}\"\n[smtp]\nurl = \"smtp://127.0.0.1:{port}\"\n[smtp.mailboxes]\n\"slow@sender.example\" = \"smtp://127.0.0.1:{other}\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let db = Db::open(url, 1).unwrap();
    let began = Instant::now();
    let mut child = Command::new(BINARY).arg("--config").arg(&file).arg("worker").env("RUST_LOG", "warn").spawn().unwrap();
    while sent(&db, Some(mailbox)) < count {
        std::thread::sleep(Duration::from_millis(20));
        assert!(began.elapsed() < Duration::from_secs(120), "it never ended");
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    child.kill().unwrap();
    child.wait().unwrap();
    rate
}

/// From the click on Approve to the relay's 354.
pub fn click(times: usize) {
    println!("\nFrom the click on Approve to the relay's 354, SQLite, {times} clicks          min     median        max");
    let place = Place::sqlite();
    let (db, _) = fill::open(&place.url, &["box"], OnUncertain::Ask);
    let (agent, decider) = fill::keys(&db);
    let (relay, noted) = relay::noting();
    let listen = format!("127.0.0.1:{}", relay::free_port());
    let mut child = place
        .program()
        .args(["serve", "--listen", &listen])
        .env("COUNTERSIGN_SMTP__URL", format!("smtp://{relay}"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut client = Client::connect(&listen);
    let (mut answered, mut ready, mut beyond, mut syncs) = (vec![], vec![], vec![], vec![]);
    for n in 0..times {
        let draft = json!({"mailbox": "box@sender.example", "to": format!("c{n}@example.com"), "subject": "s", "text_body": "Hello there.", "consent_basis": "consent"});
        let id = client.post("/v1/send", &agent, &draft)["id"].as_str().unwrap().to_owned();
        let hash = client.get(&format!("/v1/emails/{id}"), &agent)["content_hash"].as_str().unwrap().to_owned();
        let decision = json!({"message_id": id, "decision": "approve", "content_hash": hash});
        let click = Instant::now();
        client.post("/v1/oversight/decide", &decider, &decision);
        let answer = click.elapsed();
        let at = noted.recv_timeout(Duration::from_secs(10)).unwrap().duration_since(click);
        answered.push(answer.as_secs_f64() * 1e3);
        ready.push(at.as_secs_f64() * 1e3);
        beyond.push((at.as_secs_f64() - answer.as_secs_f64()) * 1e3);
        syncs.push(one_sync() * 1e3);
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    line("one write and fdatasync", syncs, "ms");
    line("click to answer: the commit", answered, "ms");
    line("click to 354", ready, "ms");
    let beyond = line("354 beyond the answer", beyond, "ms");
    println!("  verdict {beyond:.2} ms beyond the commit; target at most 2: {}", if beyond <= 2.0 { "reached" } else { "MISSED" });
}

fn one_sync() -> f64 {
    let mut file = tempfile::tempfile_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).unwrap();
    let began = Instant::now();
    file.write_all(&[7; 4096]).unwrap();
    file.sync_data().unwrap();
    began.elapsed().as_secs_f64()
}

/// One connection to the server.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(listen: &str) -> Client {
        for _ in 0..500 {
            if let Ok(stream) = TcpStream::connect(listen) {
                stream.set_nodelay(true).unwrap();
                return Client { stream: BufReader::new(stream) };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server did not start");
    }

    fn post(&mut self, path: &str, key: &str, body: &Value) -> Value {
        self.call("POST", path, key, &body.to_string())
    }

    fn get(&mut self, path: &str, key: &str) -> Value {
        self.call("GET", path, key, "")
    }

    fn call(&mut self, method: &str, path: &str, key: &str, body: &str) -> Value {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes()).unwrap();
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if let Some((name, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
                length = value.trim().parse().unwrap_or_else(|_| panic!("{name}"));
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }
}

/// What a figure must be read with.
pub fn print_machine() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or_else(String::new, |l| l.trim_start_matches([':', '\t', ' ']).to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{model}, {cores} cores, load {}", read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "));
    let (min, median, max) = spread((0..200).map(|_| one_sync() * 1e3).collect());
    println!("4 KiB and fdatasync: {min:.2} / {median:.2} / {max:.2} ms");
}

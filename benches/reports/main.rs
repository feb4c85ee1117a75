//! How fast reports answer at the size of two busy years. Run with `scripts/bench reports [sqlite|postgres] [WORD]`.
//!
//! Fills a database in `target/bench`, unless it is there already, serves it as `countersign serve` does and asks each report for 30, 90 and
//! 365 days over one connection, two hundred times after five that do not count: each page as a manager sees it, each file of its tables
//! that is large, each call with a key. The target is 50 ms for 99 in 100.
//!
//! `BENCH_REQUESTS` and `BENCH_SHARE` (one so-many-th of the size) make it smaller; a word runs only what has it in its name.
#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise should stop")]

mod fill;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::cookie::Key;
use actix_web::{App, HttpServer, middleware};
use countersign::api::limits::Limits;
use countersign::app::{self, State};
use countersign::call_log::CallLog;
use countersign::clock;
use countersign::db::Db;
use countersign::dialer::Dialer;
use countersign::domain::actor::Scope;
use countersign::domain::drafting::Playbook;
use countersign::domain::keys::{self, NewKey};
use countersign::feed::Feed;
use countersign::web::{CookieKey, upload_limits};
use fill::{EMAIL, OPERATOR, PASSWORD, Size, texts};

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What 99 in 100 answers should take at most, in milliseconds.
const TARGET: f64 = 50.0;

/// The server of `countersign serve`.
fn serve(state: State) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let cookie_key = CookieKey(Key::generate());
            HttpServer::new(move || {
                App::new()
                    .wrap(middleware::Compress::default())
                    .wrap(tracing_actix_web::TracingLogger::<countersign::telemetry::Requests>::new())
                    .app_data(upload_limits())
                    .configure(app::configure(state.clone(), cookie_key.clone()))
            })
            .workers(2)
            .listen(listener)
            .unwrap()
            .run()
            .await
        })
    });
    addr
}

/// One connection, kept open.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn open(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Client { stream, buffer: vec![] }
    }

    /// Status, head and body.
    fn ask(&mut self, method: &str, path: &str, head: &str, body: &str) -> (u16, String, String) {
        let kind = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len())
        };
        write!(self.stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}{kind}\r\n{body}").unwrap();
        self.buffer.clear();
        let mut chunk = [0_u8; 65536];
        loop {
            let read = self.stream.read(&mut chunk).unwrap();
            assert!(read > 0, "the server closed the connection");
            self.buffer.extend_from_slice(&chunk[..read]);
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
            let lower = head.to_lowercase();
            let length: usize =
                lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).and_then(|number| number.trim().parse().ok()).unwrap();
            if self.buffer.len() >= end + 4 + length {
                return (head[9..12].parse().unwrap(), head, String::from_utf8_lossy(&self.buffer[end + 4..]).into_owned());
            }
        }
    }

    /// The cookie of a manager.
    fn sign_in(&mut self) -> String {
        let cookie_of = |head: &str| {
            let line = head.lines().find(|line| line.to_lowercase().starts_with("set-cookie: ")).map(|line| line[12..].to_owned());
            line.map(|line| line.split(';').next().unwrap().to_owned())
        };
        let (_, head, page) = self.ask("GET", "/login", "", "");
        let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let cookie = cookie_of(&head).unwrap();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", token.as_str()), ("email", EMAIL), ("password", PASSWORD)])
            .finish();
        let (status, head, body) = self.ask("POST", "/login", &format!("Cookie: {cookie}\r\n"), &form);
        assert_eq!(status, 303, "{body}");
        cookie_of(&head).unwrap_or(cookie)
    }
}

fn number(name: &str, otherwise: i64) -> i64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The addresses that are asked, each with how many days it is for.
fn addresses(sequence: &str, cohort: &str) -> Vec<(i64, String)> {
    let pages = ["reasons", "recovered", "strategies", "campaigns", "referrals", "deliverability", "desk"];
    let calls = [
        "reports/reasons?",
        "reports/recovered?",
        "reports/messages?by=campaign&",
        "reports/messages?by=mailbox&",
        "reports/departures?by=plan&",
        "reports/departures?by=tenure&",
        "reports/departures?by=segment&",
        "reports/strategies?",
        "reports/referrals?",
    ];
    let mut all = vec![];
    for days in [30, 90, 365] {
        let (from, until) = (clock::now().plus_days(1 - days).date(), clock::now().date());
        let between = format!("from={from}&until={until}");
        all.extend(pages.iter().map(|word| format!("/reports/{word}?{between}")));
        all.push(format!("/reports/sequences?of={sequence}&{between}"));
        all.push(format!("/reports/migrations?of={cohort}&{between}"));
        all.push(format!("/reports/campaigns/table.csv?table=1&{between}"));
        all.extend(calls.iter().map(|call| format!("/v1/{call}{between}")));
        all.push(format!("/v1/reports/sequences/{sequence}?{between}"));
        all.push(format!("/v1/reports/cohorts/{cohort}?{between}"));
        all.push(format!("/v1/reports/deliverability?days={days}"));
        all.push(format!("/api/v1/churn-events/stats?since={from}"));
    }
    all.extend(
        ["/vigilance?days=90", "/v1/reports/campaigns?limit=100", "/api/v1/churn-events/stats", "/v1/reports/reasons?months=60"].map(str::to_owned),
    );
    let days = |path: &str| match path.split("from=").nth(1).or(path.split("since=").nth(1)).map(|rest| &rest[..10]) {
        Some(from) => {
            let first = clock::Time::parse(from).unwrap();
            clock::Time::parse(&clock::now().date().to_string()).unwrap().seconds_since(first) / 86_400 + 1
        }
        None => 0,
    };
    all.into_iter().map(|path| (days(&path), path)).collect()
}

fn main() {
    let url = std::env::var("BENCH_DATABASE_URL").unwrap_or_else(|_| {
        std::fs::create_dir_all("target/bench").unwrap();
        "sqlite://target/bench/reports.db".to_owned()
    });
    let share = number("BENCH_SHARE", 1);
    let size = Size { contacts: 1_000_000 / share, departures: 1_000_000 / share, decisions: 4_000_000 / share, messages: 10_000_000 / share };
    let only = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let db = Db::open(&url, 8).unwrap();
    fill::fill(&db, size);
    if only.as_deref() == Some("fill") {
        return;
    }
    let one = |sql: &str| db.read(|conn| Ok::<_, diesel::result::Error>(texts(conn, sql))).unwrap().remove(0);
    let (sequence, cohort) = (one("SELECT min(id) AS text FROM sequences"), one("SELECT min(id) AS text FROM cohorts"));
    for (what, sql) in [
        ("messages that are counted", "SELECT CAST(sum(drafted) AS BIGINT) || '' AS text FROM message_days"),
        ("rows of days of messages", "SELECT count(*) || '' AS text FROM message_days"),
        ("rows of days of departures", "SELECT count(*) || '' AS text FROM churn_days"),
        ("rows of days of departures by plan, tenure and strategy", "SELECT count(*) || '' AS text FROM churn_part_days"),
        ("rows of days of segments", "SELECT count(*) || '' AS text FROM segment_days"),
        ("rows of days of the desk", "SELECT count(*) || '' AS text FROM desk_days"),
        ("rows of days of programmes", "SELECT count(*) || '' AS text FROM program_days"),
    ] {
        println!("{what}: {}", one(sql));
    }
    let key = db.write(|conn| keys::add(conn, &OPERATOR, &NewKey::named("bench", &[Scope::Read, Scope::OversightRead]), clock::now())).unwrap().1;
    let calls = CallLog::start(db.clone()).unwrap();
    let state = State {
        senders: Arc::default(),
        db,
        base_url: "https://desk.example.com".into(),
        email_configured: true,
        stripe_secret: None,
        drafter: Arc::new(Playbook),
        sounding: None,
        dialer: Arc::new(Dialer::new(vec![])),
        wake: Arc::new(tokio::sync::Notify::new()),
        feed: Feed::default(),
        limits: Arc::new(Limits::generous()),
        calls,
        setup: Arc::default(),
        provider: None,
        catcher: None,
    };
    let mut client = Client::open(serve(state));
    let cookie = client.sign_in();
    let requests = usize::try_from(number("BENCH_REQUESTS", 200)).unwrap();
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!("{requests} requests each, milliseconds\n{:>5} {:>8} {:>8} {:>8} {:>8}  address", "days", "p50", "p99", "max", "bytes");
    let mut late = vec![];
    for (days, path) in addresses(&sequence, &cohort) {
        if only.as_ref().is_some_and(|word| !path.contains(word.as_str())) {
            continue;
        }
        let head = if ["/reports", "/vigilance"].iter().any(|page| path.starts_with(page)) {
            format!("Cookie: {cookie}\r\n")
        } else {
            format!("Authorization: Bearer {key}\r\n")
        };
        let (mut times, mut bytes) = (vec![], 0);
        for round in 0..requests + 5 {
            let start = Instant::now();
            let (status, _, body) = client.ask("GET", &path, &head, "");
            if round >= 5 {
                times.push(start.elapsed().as_secs_f64() * 1000.0);
            }
            assert!(status == 200 && !body.contains("Nothing to report"), "{path}: {status} {body}");
            bytes = body.len();
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
        let shown = path.split(['&', '?']).filter(|part| !part.starts_with("from=") && !part.starts_with("until=") && !part.starts_with("of="));
        let shown = shown.collect::<Vec<_>>().join(" ");
        println!("{days:>5} {:>8.1} {:>8.1} {:>8.1} {bytes:>8}  {shown}", at(0.5), at(0.99), at(1.0));
        if at(0.99) > TARGET {
            late.push(format!("{shown}, {days} days: {:.1} ms", at(0.99)));
        }
    }
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    if late.is_empty() {
        println!("all within {TARGET} ms at p99");
    } else {
        println!("NOT within {TARGET} ms at p99:\n  {}", late.join("\n  "));
    }
}

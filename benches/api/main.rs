//! How fast the API answers beside a bare handler. Run with `scripts/bench api [sqlite|postgres]`.
//!
//! Fills a database in `target/bench` with a million contacts and five million messages, unless it is there already, serves it with
//! the routes of the product and one more that answers a fixed text of the same size, and asks both in turns over loopback with
//! eight connections: at a fixed rate, counted from when each request was due, and as fast as answers come. Five repetitions of
//! each; ratios are those of one repetition. Server, bare handler and clients share one process and its cores. Beside them one page is
//! written to the same disk twenty times a second: what that takes at the most, an answer that waits for its commit may take too.
//!
//! `BENCH_CONTACTS`, `BENCH_MESSAGES`, `BENCH_REPETITIONS` and `BENCH_SECONDS` make it smaller, a word runs only the workloads whose name holds it.
#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise should stop")]

mod drive;
mod fill;
mod works;

use std::collections::HashMap;
use std::io::{Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use actix_web::cookie::Key;
use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use countersign::api::limits::Limits;
use countersign::app::{self, State};
use countersign::call_log::CallLog;
use countersign::db::Db;
use countersign::dialer::Dialer;
use countersign::domain::drafting::Playbook;
use countersign::feed::Feed;
use countersign::web::{CookieKey, upload_limits};
use drive::{Make, Pace, Run};
use works::Work;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Fixed = Arc<RwLock<HashMap<usize, (u16, web::Bytes)>>>;

/// Takes the body and answers what was put there, without a look at anything.
async fn bare(which: web::Path<usize>, fixed: web::Data<Fixed>, _body: web::Bytes) -> HttpResponse {
    let (status, body) = fixed.read().unwrap()[&*which].clone();
    HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).content_type("application/json").body(body)
}

/// The server of `countersign serve`, with the bare route beside its own.
fn serve(state: State, fixed: Fixed) -> SocketAddr {
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
                    .app_data(web::Data::new(Arc::clone(&fixed)))
                    .route("/bare/{which}", web::to(bare))
                    .configure(app::configure(state.clone(), cookie_key.clone()))
            })
            .workers(4)
            .listen(listener)
            .unwrap()
            .run()
            .await
        })
    });
    addr
}

fn number(name: &str, otherwise: i64) -> i64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Processor time of this process since its start, in milliseconds.
fn own_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    // The kernel counts hundredths of a second.
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() * 10.0
}

/// Busy and idle time of all cores since the start.
fn cpu() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    (fields.iter().take(8).sum(), fields.get(3).copied().unwrap_or_default() + fields.get(4).copied().unwrap_or_default())
}

fn machine() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (info, memory, load) = (read("/proc/cpuinfo"), read("/proc/meminfo"), read("/proc/loadavg"));
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(" unknown").trim_start_matches([' ', '\t', ':']);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    println!("machine: {cores} x {model}, {}", memory.lines().next().unwrap_or_default());
    println!("load average: {}", load.trim());
}

/// "smallest / median / largest".
fn three(mut all: Vec<f64>) -> String {
    all.sort_by(f64::total_cmp);
    let shown = |n: f64| if n < 10.0 { format!("{n:.2}") } else { format!("{n:.0}") };
    format!("{} / {} / {}", shown(all[0]), shown(all[all.len() / 2]), shown(all[all.len() - 1]))
}

/// How long the disk takes for one page, twenty times a second until `end` hangs up, in milliseconds.
fn disk(end: &Receiver<()>) -> Vec<f64> {
    let mut file = tempfile::tempfile_in("target").unwrap();
    let mut times = vec![];
    while end.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Timeout) {
        let began = Instant::now();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times
}

fn measure(addr: SocketAddr, work: &Work, twin: &Make, repetitions: usize, length: Duration) {
    let count = Arc::new(AtomicUsize::new(0));
    let (real, status) = (Arc::clone(&work.make), work.status);
    let fixed = Pace::Fixed(work.rate);
    drive::run(addr, Pace::Closed, &real, status, &count, Duration::from_millis(500));
    drive::run(addr, Pace::Closed, twin, status, &count, Duration::from_millis(100));
    let before = cpu();
    let (measured, end) = channel();
    let beside = std::thread::spawn(move || disk(&end));
    let mut pairs: Vec<[Run; 4]> = vec![];
    let mut costs = [vec![], vec![]];
    for _ in 0..repetitions {
        let real_fixed = drive::run(addr, fixed, &real, status, &count, length);
        let twin_fixed = drive::run(addr, fixed, twin, status, &count, length);
        let closed = |make: &Make, costs: &mut Vec<f64>| {
            let start = own_cpu();
            let run = drive::run(addr, Pace::Closed, make, status, &count, length / 2);
            costs.push((own_cpu() - start) / run.times.len() as f64);
            run
        };
        let real_closed = closed(&real, &mut costs[0]);
        let twin_closed = closed(twin, &mut costs[1]);
        pairs.push([real_fixed, twin_fixed, real_closed, twin_closed]);
    }
    drop(measured);
    let beside = beside.join().unwrap();
    let after = cpu();
    let idle = 100.0 * (after.1 - before.1) / (after.0 - before.0).max(1.0);
    let of = |which: usize, share: f64| pairs.iter().map(|pair| pair[which].at(share)).collect::<Vec<_>>();
    let ratio = |a: usize, share: f64| pairs.iter().map(|pair| pair[a].at(share) / pair[a + 1].at(share)).collect::<Vec<_>>();
    println!("\n{} (at {:.0}/s; idle {idle:.0} %)", work.name, work.rate);
    for (pace, which) in [("fixed rate", 0), ("closed loop", 2)] {
        for (name, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            println!(
                "  {pace:<12} {name}  {:>22} ms   bare {:>22} ms   ratio {:>20}",
                three(of(which, share)),
                three(of(which + 1, share)),
                three(ratio(which, share))
            );
        }
    }
    let rates = |which: usize| pairs.iter().map(|pair| pair[which].rate).collect::<Vec<_>>();
    println!("  closed loop  per second {:>16}      bare {:>22}", three(rates(2)), three(rates(3)));
    let [real_cost, twin_cost] = costs;
    let dearer = real_cost.iter().zip(&twin_cost).map(|(real, twin)| real / twin.max(0.001)).collect();
    println!(
        "  processor time of an answer and its asking {:>14} ms   bare {:>14} ms   ratio {:>14}",
        three(real_cost),
        three(twin_cost),
        three(dearer)
    );
    let at = |share: f64| beside[((beside.len() - 1) as f64 * share) as usize];
    println!("  one write and fdatasync beside it: p50 {:.2}, p99 {:.2}, max {:.2} ms of {}", at(0.5), at(0.99), at(1.0), beside.len());
    let mut all: Vec<f64> = of(0, 0.99);
    all.sort_by(f64::total_cmp);
    println!("  {} {}", if all[all.len() / 2] < 25.0 { "within 25 ms at p99 (median):" } else { "NOT within 25 ms at p99 (median):" }, work.name);
}

fn main() {
    let url = std::env::var("BENCH_DATABASE_URL").unwrap_or_else(|_| {
        std::fs::create_dir_all("target/bench").unwrap();
        "sqlite://target/bench/api.db".to_owned()
    });
    let messages = number("BENCH_MESSAGES", 5_000_000);
    let size = fill::Size { contacts: number("BENCH_CONTACTS", 1_000_000), messages, pending: (messages / 1000).max(50) };
    let only = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let db = Db::open(&url, 8).unwrap();
    fill::fill(&db, size);
    if only.as_deref() == Some("fill") {
        return;
    }
    let works = works::all(&db, size);
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
    let fixed: Fixed = Arc::default();
    let addr = serve(state, Arc::clone(&fixed));
    machine();
    let (repetitions, seconds) = (usize::try_from(number("BENCH_REPETITIONS", 5)).unwrap(), number("BENCH_SECONDS", 5));
    let length = Duration::from_secs_f64(seconds as f64 / repetitions as f64);
    println!(
        "{} contacts, {} messages; {repetitions} repetitions of {:.1} s; {} connections; smallest / median / largest of the repetitions",
        size.contacts,
        size.messages,
        length.as_secs_f64(),
        drive::CONNECTIONS
    );
    for (which, work) in works.iter().enumerate() {
        if only.as_ref().is_some_and(|word| !work.name.contains(word.as_str())) {
            continue;
        }
        let (status, body) = drive::once(addr, &(work.make)(usize::MAX >> 32));
        assert_eq!(status, work.status, "{}: {}", work.name, String::from_utf8_lossy(&body));
        if std::env::var("BENCH_SHOW").is_ok() {
            println!("{}", String::from_utf8_lossy(&body).chars().take(600).collect::<String>());
        }
        fixed.write().unwrap().insert(which, (status, body.into()));
        let make = Arc::clone(&work.make);
        // The same request, body and all, to another path.
        let twin: Make = Arc::new(move |n| {
            let request = String::from_utf8(make(n)).unwrap();
            let (method, rest) = request.split_once(' ').unwrap();
            let (_, rest) = rest.split_once(' ').unwrap();
            format!("{method} /bare/{which} {rest}").into_bytes()
        });
        measure(addr, work, &twin, repetitions, length);
    }
    machine();
}

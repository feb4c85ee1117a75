//! How fast approved mail leaves, held against Debian's `smtp-source` into the same `smtp-sink` in the same run.
//!
//! `scripts/bench delivery` runs it. Each figure: minimum, median and maximum of the repetitions; the verdict is on the
//! median. Messages are drained by `countersign worker --drain` from real rows: decisions, warrants, versions, outbox.
//!
//! Words after `--` choose parts: ask, resend, postgres, two, far, click, many, slow. Numbers: `runs=5`, `messages=20000`,
//! `many=1000000`.
#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise should stop")]

mod fill;
mod process;
mod relay;

use std::time::{Duration, Instant};

use countersign::domain::mailboxes::OnUncertain;
use process::{Drained, Place, drain};
use relay::{Sink, source};

const CONNECTIONS: usize = 16;

/// What was asked for.
struct Asked {
    parts: Vec<String>,
    runs: usize,
    messages: usize,
    many: usize,
}

impl Asked {
    fn read() -> Asked {
        let mut asked = Asked { parts: vec![], runs: 5, messages: 20_000, many: 1_000_000 };
        for word in std::env::args().skip(1).filter(|word| word != "--bench") {
            match word.split_once('=') {
                Some(("runs", n)) => asked.runs = n.parse().unwrap(),
                Some(("messages", n)) => asked.messages = n.parse().unwrap(),
                Some(("many", n)) => asked.many = n.parse().unwrap(),
                _ => asked.parts.push(word),
            }
        }
        asked
    }

    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|one| one == part)
    }
}

fn main() {
    let asked = Asked::read();
    process::print_machine();
    for (part, choice) in [("ask", OnUncertain::Ask), ("resend", OnUncertain::Resend)] {
        if asked.wants(part) {
            let target = if choice == OnUncertain::Ask { 0.8 } else { 1.5 };
            drained(&asked, &format!("SQLite, on_uncertain = {part}"), &Place::sqlite, choice, 1, target);
        }
    }
    if let Ok(server) = std::env::var("COUNTERSIGN_TEST_DATABASE_URL") {
        let mut one = None;
        if asked.wants("postgres") {
            let title = "PostgreSQL, one worker, on_uncertain = ask";
            one = Some(drained(&asked, title, &|| Place::postgres(&server), OnUncertain::Ask, 1, 0.7));
            drained(&asked, "PostgreSQL, one worker, on_uncertain = resend", &|| Place::postgres(&server), OnUncertain::Resend, 1, 1.5);
        }
        if asked.wants("two") {
            let two = drained(&asked, "PostgreSQL, two workers, on_uncertain = ask", &|| Place::postgres(&server), OnUncertain::Ask, 2, 0.7);
            if let Some(one) = one {
                verdict("two workers to one", two / one, 1.7, "times");
            }
        }
    }
    if asked.wants("far") {
        far(&asked);
    }
    if asked.wants("click") {
        process::click(if asked.runs < 5 { 50 } else { 500 });
    }
    if asked.wants("many") {
        many(asked.many);
    }
    if asked.wants("slow") {
        slow(&asked);
    }
}

/// Minimum, median, maximum.
pub(crate) fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

pub(crate) fn line(what: &str, values: Vec<f64>, unit: &str) -> f64 {
    let (min, median, max) = spread(values);
    println!("  {what:<44} {min:>10.2} {median:>10.2} {max:>10.2}  {unit}");
    median
}

pub(crate) fn verdict(what: &str, is: f64, target: f64, unit: &str) {
    let word = if is >= target { "reached" } else { "MISSED" };
    println!("  {what:<44} {is:>10.2} {unit}; target {target}: {word}");
}

/// Fills and drains some times, the yardstick before and after each; gives the median rate.
fn drained(asked: &Asked, title: &str, place: &dyn Fn() -> Place, choice: OnUncertain, workers: usize, target: f64) -> f64 {
    println!("\n{title}, {} messages, {CONNECTIONS} connections a worker          min     median        max", asked.messages);
    let (mut yard, mut rates, mut ratios, mut cpu, mut pss) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..asked.runs {
        let place = place();
        let (db, mailboxes) = fill::open(&place.url, &["box"], choice);
        fill::approved(&db, &mailboxes[0], 0, asked.messages);
        drop(db);
        let sink = Sink::start(&[]);
        let before = source(sink.port, CONNECTIONS, asked.messages);
        let Drained { seconds, cpu_seconds, most_pss_mib } = drain(&place, sink.port, workers);
        let after = source(sink.port, CONNECTIONS, asked.messages);
        let (rate, u) = (asked.messages as f64 / seconds, (before + after) / 2.0);
        process::must_be_clean(&place.url, asked.messages);
        yard.push(u);
        rates.push(rate);
        ratios.push(rate / u);
        cpu.push(cpu_seconds * 1e6 / asked.messages as f64);
        pss.push(most_pss_mib);
    }
    line("U: smtp-source -d -s 16 -l 2048", yard, "messages/s");
    let rate = line("drained", rates, "messages/s");
    let ratio = line("drained, in U", ratios, "U");
    line("processor time a message", cpu, "µs");
    line("most memory (PSS, all workers)", pss, "MiB");
    verdict("verdict", ratio, target, "U");
    rate
}

/// A relay 20 ms away: no more than one message a round trip and connection is possible.
fn far(asked: &Asked) {
    const TRIP: Duration = Duration::from_millis(20);
    let messages = asked.messages.min(5000);
    println!("\nA relay 20 ms away, SQLite, {messages} messages, {CONNECTIONS} connections          min     median        max");
    let (mut yard, mut shares) = (vec![], vec![]);
    for _ in 0..asked.runs {
        let place = Place::sqlite();
        let (db, mailboxes) = fill::open(&place.url, &["box"], OnUncertain::Ask);
        fill::approved(&db, &mailboxes[0], 0, messages);
        drop(db);
        let sink = Sink::start(&[]);
        let port = relay::far_away(sink.port, TRIP / 2);
        yard.push(source(port, CONNECTIONS, messages.min(1000)));
        let seconds = drain(&place, port, 1).seconds;
        shares.push(messages as f64 / seconds / (CONNECTIONS as f64 / TRIP.as_secs_f64()));
    }
    line("smtp-source through the same delay", yard, "messages/s");
    let share = line("drained, of connections a round trip", shares, "");
    verdict("verdict", share, 0.6, "");
}

/// Memory with very many queued messages.
fn many(count: usize) {
    println!("\n{count} messages queued, SQLite");
    let place = Place::sqlite();
    let (db, mailboxes) = fill::open(&place.url, &["box"], OnUncertain::Ask);
    let began = Instant::now();
    fill::approved(&db, &mailboxes[0], 0, count);
    drop(db);
    println!("  filled in {:.0} s", began.elapsed().as_secs_f64());
    let sink = Sink::start(&[]);
    let (sent, pss) = process::drain_for(&place, sink.port, Duration::from_secs(20));
    println!(
        "  drained for 20 s: {sent} messages; most memory (PSS) {pss:.0} MiB; target under 100 MiB: {}",
        if pss < 100.0 { "reached" } else { "MISSED" }
    );
}

/// A relay that takes a second for each command must not slow the other mailbox's.
fn slow(asked: &Asked) {
    println!("\nTwo mailboxes with a relay each, one of them slow, SQLite          min     median        max");
    let (mut alone, mut beside) = (vec![], vec![]);
    for _ in 0..asked.runs {
        for crippled in [false, true] {
            let place = Place::sqlite();
            let (db, mailboxes) = fill::open(&place.url, &["box", "slow"], OnUncertain::Ask);
            fill::approved(&db, &mailboxes[0], 0, asked.messages);
            if crippled {
                fill::approved(&db, &mailboxes[1], asked.messages, 2000);
            }
            drop(db);
            let (sink, bad) = (Sink::start(&[]), Sink::start(&["-W", ".:1"]));
            let rate = process::drain_one_of_two(&place.url, sink.port, bad.port, &mailboxes[0].id, asked.messages);
            if crippled { beside.push(rate) } else { alone.push(rate) }
        }
    }
    let alone = line("drained, alone", alone, "messages/s");
    let beside = line("drained, beside a slow relay", beside, "messages/s");
    verdict("verdict", beside / alone, 0.95, "of its rate");
}

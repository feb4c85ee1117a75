//! What it costs to check one draft against many facts. Run with `cargo bench --bench claims`.
//!
//! Prints the processor time of checking a draft of 2 kB against 10,000 facts: minimum,
//! median and maximum of many runs on one thread, and the time to prepare the facts,
//! which is paid once after each change of a fact.
#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise should stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::clock;
use countersign::db::types::Json;
use countersign::domain::claims::{Book, Ground, Part, check};
use countersign::domain::facts::{Body, CompanyFact, Fact, Offer, PlanPrice, ProductUpdate, State};
use countersign::domain::ids::FactId;
use countersign::domain::money::Money;
use jiff::civil::date;

fn fact(body: Body) -> Fact {
    let now = clock::now();
    Fact {
        id: FactId::new(),
        kind: body.kind(),
        fact_key: body.key(),
        contact_id: None,
        version: 1,
        content_hash: body.hash(),
        label: body.label(),
        body: Json::new(body),
        source: "bench".to_owned(),
        state: State::Current,
        state_reason: None,
        day: None,
        recorded_by: "bench".to_owned(),
        created_at: now,
        updated_at: now,
    }
}

const NOUNS: &[&str] =
    &["order", "invoice", "label", "report", "stock", "parcel", "customs", "refund", "return", "payment", "shop", "carrier", "batch", "tax"];
const VERBS: &[&str] =
    &["sync", "export", "import", "printing", "search", "rules", "forecast", "matching", "splitting", "archive", "alerts", "limits", "history"];

fn facts(count: usize) -> Vec<Fact> {
    (0..count)
        .map(|n| {
            let name = format!("{} {} {}", NOUNS[n % NOUNS.len()], VERBS[n / NOUNS.len() % VERBS.len()], n);
            match n % 10 {
                0 => fact(Body::Offer(Offer {
                    name: name.clone(),
                    code: format!("BACK{n}"),
                    percent: Some((n % 90 + 5) as u8),
                    months: Some(3),
                    expires_on: Some(date(2030, 1, 31)),
                    ..Offer::default()
                })),
                1 => fact(Body::PlanPrice(PlanPrice {
                    name: format!("Plan {n}"),
                    price: Money { minor: 4900 + n as i64, currency: "USD".to_owned() },
                    features: vec![name],
                })),
                2 => fact(Body::CompanyFact(CompanyFact { name: format!("fact_{n}"), value: format!("we keep {name} for {n} days") })),
                _ => fact(Body::ProductUpdate(ProductUpdate {
                    title: name.clone(),
                    summary: format!("Every paid order posts {n} lines to your ledger with its tax codes; {name} follows within {} minutes.", n % 50),
                    features: vec![name],
                    shipped_on: date(2026, (n % 12 + 1) as i8, (n % 28 + 1) as i8),
                    url: Some(format!("https://example.com/changelog/{n}")),
                    ..ProductUpdate::default()
                })),
            }
        })
        .collect()
}

const DRAFT: &str = "Hi Ana,\n\nThank you for eight months with us, on the Plan 4711. It's been 12 days since your subscription ended on 9 November.\n\n\
    We recently shipped order sync 14. Every paid order posts 14 lines to your ledger with its tax codes. It went out on 15 March. Read more at https://example.com/changelog/14.\n\n\
    Here is our offer: 25% off your first 3 months when you restart, with the code BACK20. The code works until 31 January 2030. Today the Plan 4711 is $96.11 a month before the discount.\n\n\
    What you used before: order sync, label printing and carrier accounts. You synced 48,210 orders and printed 46,902 labels, which took 312 hours off your desk.\n\n\
    We keep data for twelve months, so yours is still here. It is free to restart, nothing is lost, and we never sell it.\n\n\
    Just reply to this email, or write to help@example.com, whenever it suits you.\n\nBest wishes,\nMarta\n\n";

/// Processor time of this process so far, from /proc.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}

/// The clock of processor time ticks in milliseconds: one reading is of so many checks.
const CHECKS: u32 = 100;

fn main() {
    let draft: String = DRAFT.chars().cycle().take(2048).collect();
    for count in [100, 1_000, 10_000] {
        let facts = facts(count);
        let start = Instant::now();
        let book = Arc::new(Book::new(facts, vec![], None));
        let prepared = start.elapsed();
        let ground = Ground {
            common: book,
            own: None,
            reason: None,
            spent: vec![],
            addresses: vec!["help@example.com".to_owned()],
            today: date(2026, 11, 21),
            written: date(2026, 11, 21),
        };
        let claims = check(&[(Part::Text, draft.as_str())], &ground).len();
        let mut runs: Vec<Duration> = (0..20)
            .map(|_| {
                let before = processor_time();
                for _ in 0..CHECKS {
                    assert_eq!(check(&[(Part::Text, draft.as_str())], &ground).len(), claims);
                }
                (processor_time() - before) / CHECKS
            })
            .collect();
        runs.sort();
        println!(
            "{count:>6} facts, {} bytes, {claims} claims: {:.3} / {:.3} / {:.3} ms of processor time (min / median / max); facts prepared in {:.0} ms",
            draft.len(),
            runs[0].as_secs_f64() * 1e3,
            runs[10].as_secs_f64() * 1e3,
            runs[19].as_secs_f64() * 1e3,
            prepared.as_secs_f64() * 1e3
        );
    }
}

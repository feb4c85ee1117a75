//! What it costs to look at the queue, with few messages waiting and with many. Run with `cargo bench --bench queue`.
//!
//! Fills one database with 10 waiting messages, one with 60 and one with 100,000, all of them in 20 mailboxes, and prints
//! for each view the time of many runs on one thread, minimum, median and maximum, side by side. SQLite, or the
//! PostgreSQL server that `COUNTERSIGN_TEST_DATABASE_URL` names.
#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise should stop")]

use std::time::{Duration, Instant};

use countersign::clock::{self, Time};
use countersign::db::types::Json;
use countersign::db::{self, Conn, Db, schema};
use countersign::domain::actor::{Actor, Mailboxes, Role};
use countersign::domain::error::Result;
use countersign::domain::ids::{ContactId, MailboxId, MessageId, ThreadId, UserId};
use countersign::domain::mailboxes::{self, Mode, NewMailbox};
use countersign::domain::messages::list::{self, Claims, Filter, Snoozes, Sort};
use countersign::domain::messages::{Footer, MessageRow, Origin, State, VersionRow};
use countersign::domain::settings;
use diesel::RunQueryDsl;

const OPERATOR: Actor = Actor::System("bench");
const MAILBOXES: usize = 20;
const RUNS: usize = 200;
const WORDS: &[&str] = &[
    "order", "invoice", "label", "report", "stock", "parcel", "customs", "refund", "return", "payment", "shop", "carrier", "batch", "tax", "sync",
    "export", "import", "printing", "search", "rules", "forecast", "matching", "archive", "alerts", "limits", "history", "month", "account", "team",
    "thank", "you", "for", "the", "and", "with", "your", "we", "our", "is", "it", "new", "offer", "plan", "price", "today", "soon", "again",
    "update",
];

/// The same words for the same number, always.
fn words(seed: usize, many: usize) -> String {
    let mut state = seed as u64 ^ 0x9E37_79B9_7F4A_7C15;
    let all = (0..many).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS[(state >> 33) as usize % WORDS.len()]
    });
    all.collect::<Vec<_>>().join(" ")
}

struct Filled {
    db: Db,
    ids: Vec<MessageId>,
    mailboxes: Vec<MailboxId>,
    _folder: tempfile::TempDir,
}

fn open(folder: &tempfile::TempDir, size: usize) -> Db {
    let Ok(server) = std::env::var("COUNTERSIGN_TEST_DATABASE_URL") else {
        return Db::open(&format!("sqlite://{}", folder.path().join("bench.db").display()), 1).unwrap();
    };
    let name = format!("bench_{}_{size}", std::process::id());
    let (base, _) = server.rsplit_once('/').unwrap();
    Db::open(&server, 1).unwrap().read(|conn| diesel::sql_query(format!("CREATE DATABASE {name}")).execute(conn)).unwrap();
    Db::open(&format!("{base}/{name}"), 1).unwrap()
}

/// So many waiting messages: all but 20 of them in the first two mailboxes of many, so that a person of the others sees few.
fn fill(size: usize) -> Filled {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, size);
    db::migrate::run(&db).unwrap();
    let now = clock::now();
    let mailboxes = db
        .write(|conn| {
            settings::set(conn, settings::BASE_URL, "https://desk.example.com")?;
            for n in 0..MAILBOXES {
                let new = NewMailbox {
                    address: format!("box{n}@sender.example"),
                    name: "Sender".into(),
                    mode: Mode::GatedAll,
                    postal_address: "1 Main Street, Springfield".into(),
                    undo_seconds: 15,
                };
                mailboxes::add(conn, &OPERATOR, &new, now)?;
            }
            Ok::<_, countersign::domain::error::Error>(mailboxes::list(conn, &OPERATOR)?.into_iter().map(|m| m.id).collect::<Vec<_>>())
        })
        .unwrap();
    let mut ids = vec![];
    for batch in (0..size).collect::<Vec<_>>().chunks(5000) {
        db.write(|conn| {
            for n in batch {
                ids.push(insert(conn, *n, size, &mailboxes, now)?);
            }
            Ok::<_, countersign::domain::error::Error>(())
        })
        .unwrap();
    }
    // PostgreSQL does this by itself after a while; SQLite goes without.
    if db.url().starts_with("postgres") {
        db.read(|conn| diesel::sql_query("VACUUM ANALYZE").execute(conn)).unwrap();
    }
    Filled { db, ids, mailboxes, _folder: folder }
}

fn insert(conn: &mut Conn, n: usize, size: usize, mailboxes: &[MailboxId], now: Time) -> Result<MessageId> {
    use diesel::ExpressionMethods;
    use schema::{contacts, message_versions, messages, threads};
    // The last twenty are in the mailboxes of their own; the rest is spread over the others.
    let mailbox = if size - n <= MAILBOXES / 2 { &mailboxes[n % 2] } else { &mailboxes[2 + n % (MAILBOXES - 2)] };
    let (id, contact, thread) = (MessageId::new(), ContactId::new(), ThreadId::new());
    let name = format!("{} {n}", words(n, 1));
    let email = format!("{}{n}@example.com", words(n + 1, 1));
    diesel::insert_into(contacts::table)
        .values((
            contacts::id.eq(&contact),
            contacts::email.eq(&email),
            contacts::email_key.eq(&email),
            contacts::name.eq(&name),
            contacts::metadata.eq("{}"),
            contacts::created_at.eq(now),
            contacts::updated_at.eq(now),
        ))
        .execute(conn)?;
    diesel::insert_into(threads::table)
        .values((
            threads::id.eq(&thread),
            threads::mailbox_id.eq(mailbox),
            threads::contact_id.eq(contact.as_str()),
            threads::subject.eq("s"),
            threads::created_at.eq(now),
        ))
        .execute(conn)?;
    let rare = if size / 2 == n { " zanzibar" } else { "" };
    let row = MessageRow {
        id: id.clone(),
        mailbox_id: mailbox.clone(),
        contact_id: contact,
        thread_id: thread,
        campaign: Some(format!("campaign {}", n % 7)),
        state: State::Pending,
        state_reason: None,
        held_because: Some("gated".into()),
        effective_mode: Mode::GatedAll,
        origin: Origin::Agent,
        author_kind: "key".into(),
        author_id: "bench".into(),
        editor_kind: "key".into(),
        editor_id: "bench".into(),
        is_test: false,
        consent_basis: None,
        version: 1,
        content_hash: id.as_str().to_owned(),
        send_at: None,
        submitted_at: Some(now),
        expires_at: Some(now.plus_seconds((n % 1000) as i64 * 200)),
        sent_at: None,
        created_at: now,
        updated_at: now,
        claims_supported: 3,
        // Ten messages have an open claim, the last one among them.
        claims_open: i32::from((size - 1 - n).is_multiple_of(size / 10)),
        claims_waived: 0,
        assignee_id: None,
        likeness: String::new(),
        planted: false,
        topic_id: None,
    };
    let version = VersionRow {
        message_id: id.clone(),
        version: 1,
        content_hash: id.as_str().to_owned(),
        from_address: "box@sender.example".into(),
        from_name: "Sender".into(),
        to_address: email,
        to_name: Some(name),
        subject: words(n + 2, 6),
        text_body: words(n + 3, 150) + rare,
        html_body: Some(format!("<p>{}</p>", words(n + 3, 150))),
        headers: Json::new(vec![]),
        footer: Json::new(Footer {
            why: "You are a customer.".into(),
            sender: "Sender".into(),
            postal_address: "1 Main Street".into(),
            unsubscribe_url: "https://desk.example.com/u/x".into(),
            ..Footer::default()
        }),
        editor_kind: "key".into(),
        editor_id: "bench".into(),
        editor_name: "bench".into(),
        created_at: now,
    };
    diesel::insert_into(messages::table).values(row).execute(conn)?;
    diesel::insert_into(message_versions::table).values(version).execute(conn)?;
    Ok(id)
}

struct Times(Vec<Duration>);

impl Times {
    fn of(filled: &Filled, mut work: impl FnMut(&mut Conn) -> usize) -> (Times, usize) {
        filled
            .db
            .read(|conn| {
                let rows = work(conn);
                let mut runs: Vec<Duration> = (0..RUNS)
                    .map(|_| {
                        let start = Instant::now();
                        assert_eq!(work(conn), rows);
                        start.elapsed()
                    })
                    .collect();
                runs.sort();
                Ok::<_, countersign::domain::error::Error>((Times(runs), rows))
            })
            .unwrap()
    }

    fn median(&self) -> f64 {
        self.0[RUNS / 2].as_secs_f64() * 1e3
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |at: usize| self.0[at].as_secs_f64() * 1e3;
        f.pad(&format!("{:.2} / {:.2} / {:.2}", ms(0), self.median(), ms(RUNS - 1)))
    }
}

type Work = Box<dyn Fn(&mut Conn, &Filled) -> usize>;
type WorkOf = Box<dyn Fn(&mut Conn, &Filled, &Actor) -> usize>;

fn main() {
    let sizes = [10, 60, 100_000];
    let filled: Vec<Filled> = sizes
        .iter()
        .map(|size| {
            let start = Instant::now();
            let filled = fill(*size);
            println!("filled {size} in {:.1} s", start.elapsed().as_secs_f64());
            filled
        })
        .collect();
    let now = clock::now();
    let queue = move || Filter { states: vec![State::Pending], sort: Sort::Oldest, snoozes: Snoozes::Hidden(now), ..Filter::default() };
    let person = |mailboxes: Mailboxes| Actor::User { id: UserId::from("bench"), name: "Bench".into(), role: Role::Reviewer, mailboxes };
    let of = move |filled: &Filled, reach: &str| match reach {
        "all" => person(Mailboxes::All),
        "20 boxes" => person(Mailboxes::These(filled.mailboxes.clone())),
        _ => person(Mailboxes::These(filled.mailboxes[..2].to_vec())),
    };
    let rows = |conn: &mut Conn, actor: &Actor, filter: &Filter| list::list(conn, actor, filter).unwrap().0.len();
    let mut works: Vec<(String, Work)> = vec![];
    for reach in ["all", "20 boxes", "2 small boxes"] {
        let mut add = |name: &str, work: WorkOf| {
            works.push((format!("{reach}: {name}"), Box::new(move |conn, filled| work(conn, filled, &of(filled, reach)))));
        };
        let listed = move |filter: Filter| -> WorkOf { Box::new(move |conn, _, actor| rows(conn, actor, &filter)) };
        add("first page", listed(queue()));
        add("first 10 rows", listed(Filter { limit: 10, ..queue() }));
        add(
            "page 1,000",
            Box::new(move |conn, filled, actor| {
                let after = filled.ids.get(49_949).or(filled.ids.first()).cloned();
                rows(conn, actor, &Filter { after, ..queue() })
            }),
        );
        add("newest", listed(Filter { sort: Sort::Newest, ..queue() }));
        add("expiring", listed(Filter { sort: Sort::Expiring, ..queue() }));
        add("one mailbox", Box::new(move |conn, filled, actor| rows(conn, actor, &Filter { mailbox: Some(filled.mailboxes[1].clone()), ..queue() })));
        add("campaign", listed(Filter { campaign: Some("campaign 3".into()), ..queue() }));
        add("10 with open claims", listed(Filter { claims: Some(Claims::Open), ..queue() }));
        add("over two days old", listed(Filter { older_than: Some(now.plus_days(-2)), ..queue() }));
        add("rare word", listed(Filter { words: Some("zanzibar".into()), ..queue() }));
        add("common word", listed(Filter { words: Some("order".into()), ..queue() }));
        add("two letters", listed(Filter { words: Some("re".into()), ..queue() }));
        add("three words", listed(Filter { words: Some("order inv stock".into()), ..queue() }));
        add("common word, expiring", listed(Filter { words: Some("order".into()), sort: Sort::Expiring, ..queue() }));
        add(
            "30 rows around",
            Box::new(move |conn, filled, actor| list::around(conn, actor, &queue(), &filled.ids[filled.ids.len() / 2], 30).unwrap().len()),
        );
        add("count", Box::new(|conn, _, actor| list::count_pending(conn, actor).unwrap().number() as usize));
        add("campaign names", Box::new(|conn, _, actor| list::campaigns(conn, actor).unwrap().len()));
    }
    println!("{:<36}{}  100,000 : 60", "ms: min / median / max", sizes.map(|size| format!("{size:>30}")).concat());
    for (name, work) in works {
        let all: Vec<(Times, usize)> = filled.iter().map(|filled| Times::of(filled, |conn| work(conn, filled))).collect();
        let shown: String = all.iter().map(|(times, rows)| format!("{:>24} ({rows:>3})", times.to_string())).collect();
        println!("{name:<36}{shown}  {:>6.2}", all[2].0.median() / all[1].0.median());
    }
}

//! What reports are read from, at the size of two busy years: a million contacts, a million departures, four million decisions and ten million
//! messages. Departures and decisions are rows, counted by what the migrations count them with. Of messages only what is counted
//! of them is written: no report reads a message, and the rows would not fit on the disk.

use std::time::Instant;

use countersign::clock;
use countersign::db::{self, Conn, Db};
use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::{Actor, Role};
use countersign::domain::cohorts::{self, Progress};
use countersign::domain::mailboxes::{self, Mode, NewMailbox};
use countersign::domain::reason::{Reason, Strategy};
use countersign::domain::segments;
use countersign::domain::sequences::{self, NewSequence, Step};
use countersign::domain::settings;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};

pub const OPERATOR: Actor = Actor::System("bench");
pub const EMAIL: &str = "max@desk.example";
pub const PASSWORD: &str = "correct horse battery staple";
const MAILBOXES: usize = 5;
const CAMPAIGNS: i64 = 200;
/// The last so many of them never end; the others run for four months each.
const ENDLESS: i64 = 20;
const SEGMENTS: i64 = 10;
const SEQUENCES: i64 = 20;
const COHORTS: i64 = 10;
const DAYS: i64 = 730;
const MICROS_OF_DAY: i64 = 86_400_000_000;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    text: String,
}

pub fn texts(conn: &mut Conn, sql: &str) -> Vec<String> {
    diesel::sql_query(sql).load::<Found>(conn).unwrap().into_iter().map(|row| row.text).collect()
}

/// How large.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub contacts: i64,
    pub departures: i64,
    pub decisions: i64,
    pub messages: i64,
}

/// Fills an empty database; one that was filled before stays as it is.
pub fn fill(db: &Db, size: Size) {
    db::migrate::run(db).unwrap();
    let filled =
        db.read(|conn| Ok::<_, diesel::result::Error>(texts(conn, "SELECT value AS text FROM settings WHERE name = 'bench_filled'"))).unwrap();
    if !filled.is_empty() {
        assert_eq!(filled[0], format!("{size:?}"), "the database in target/bench has another size; delete it");
        return;
    }
    let start = Instant::now();
    db.write(named).unwrap();
    db.read(|conn| {
        rows(conn, size, start);
        Ok::<_, diesel::result::Error>(())
    })
    .unwrap();
    db.write(|conn| settings::set(conn, "bench_filled", &format!("{size:?}"))).unwrap();
    println!("filled in {:.0} s", start.elapsed().as_secs_f64());
}

/// What has a name: made as the product makes it.
fn named(conn: &mut Conn) -> countersign::domain::error::Result<()> {
    let now = clock::now();
    settings::set(conn, settings::BASE_URL, "https://desk.example.com")?;
    // The client of this measurement has no authenticator app.
    settings::set(conn, settings::SECOND_FACTOR_REQUIRED, "nobody")?;
    let mut reached = vec![];
    for n in 0..MAILBOXES {
        let new = NewMailbox {
            address: format!("box{n}@sender.example"),
            name: "Sender".into(),
            mode: Mode::GatedSend,
            postal_address: "1 Main Street, Springfield".into(),
            undo_seconds: 15,
        };
        reached.push(mailboxes::add(conn, &OPERATOR, &new, now)?);
    }
    let user = NewUser { email: EMAIL.into(), name: "Max".into(), role: Role::Manager, password: Some(PASSWORD.into()), mailboxes: reached };
    users::add(conn, &OPERATOR, &user, now)?;
    for n in 0..SEGMENTS {
        let input = segments::Input { name: Some(format!("Segment {n}")), tags: Some(format!("tag-{n}")), ..segments::Input::default() };
        segments::create(conn, &OPERATOR, &input, now)?;
    }
    let step = |n: usize| Step {
        subject: format!("Step {n}"),
        body: "Hello {name}".into(),
        wait_days: 3,
        wait_business_days: 0,
        wait_business_hours: 0,
        variants: vec![],
        template: None,
    };
    for n in 0..SEQUENCES {
        let new = NewSequence {
            name: format!("Sequence {n}"),
            mailbox: Some("box0@sender.example".into()),
            campaign: None,
            steps: (1..=5).map(step).collect(),
            automatic: false,
            stop_tags: vec![],
        };
        sequences::create(conn, &OPERATOR, &new, now)?;
    }
    for n in 0..COHORTS {
        let input = cohorts::Input {
            name: Some(format!("Migration {n}")),
            tags: Some(format!("api-v{n}")),
            deadline: Some(now.plus_days(90).date().to_string()),
            from_version: Some("API v1".into()),
            to_version: Some("API v2".into()),
            ..cohorts::Input::default()
        };
        cohorts::create(conn, &OPERATOR, &input, now)?;
    }
    Ok(())
}

/// An id for the n-th row of a kind.
fn id(sqlite: bool, kind: char, n: &str) -> String {
    let low = if sqlite { format!("printf('%012x', {n})") } else { format!("lpad(to_hex(({n})::bigint), 12, '0')") };
    format!("('01900000-0000-7000-8{kind}00-' || {low})")
}

fn numbers(sqlite: bool, to: i64) -> String {
    if sqlite {
        format!("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {to})")
    } else {
        format!("WITH s(n) AS (SELECT generate_series(1::bigint, {to}))")
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().enumerate().map(|(n, word)| format!("({n}, '{word}')")).collect::<Vec<_>>().join(", ")
}

/// State, whether held, whether edited, and how many a day of a campaign.
const STATES: &[(&str, bool, bool, i64)] = &[
    ("delivered", true, false, 80),
    ("delivered", true, true, 25),
    ("delivered", false, false, 70),
    ("sent", true, false, 30),
    ("sent", false, false, 20),
    ("bounced", true, false, 3),
    ("bounced", false, false, 3),
    ("complained", true, false, 1),
    ("rejected", true, false, 8),
    ("expired", true, false, 6),
    ("failed", false, false, 2),
];

fn rows(conn: &mut Conn, size: Size, start: Instant) {
    let sqlite = matches!(conn, Conn::Sqlite(_));
    let run = |conn: &mut Conn, what: &str, sql: &str| {
        if let Err(error) = conn.batch_execute(sql) {
            panic!("{what}: {error}\n{}", &sql[..sql.len().min(3000)]);
        }
        println!("{:>6.0} s  {what}", start.elapsed().as_secs_f64());
    };
    let names = "'contacts', 'churn_events', 'winback_picks', 'decisions', 'desk_decisions'";
    let (found, drop): (Vec<String>, Vec<String>) = if sqlite {
        run(
            conn,
            "settings",
            "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 100000; PRAGMA cache_size = -500000;",
        );
        let of = format!("FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('index', 'trigger') AND tbl_name IN ({names}) ORDER BY type, name");
        (texts(conn, &format!("SELECT sql AS text {of}")), texts(conn, &format!("SELECT 'DROP ' || type || ' ' || name AS text {of}")))
    } else {
        run(conn, "settings", "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB';");
        let of = format!(
            "FROM pg_indexes i WHERE schemaname = 'public' AND tablename IN ({names}) AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname) ORDER BY indexname"
        );
        (texts(conn, &format!("SELECT indexdef AS text {of}")), texts(conn, &format!("SELECT 'DROP INDEX ' || indexname AS text {of}")))
    };
    run(conn, "indexes away", &drop.join("; "));
    let today = clock::now().micros() / MICROS_OF_DAY;
    let first = today - DAYS + 1;
    let at = |of: i64| format!("({} + s.n * {})", first * MICROS_OF_DAY, DAYS * MICROS_OF_DAY / (of + 1));
    let boxes = texts(conn, "SELECT id AS text FROM mailboxes ORDER BY address_key");
    let (reasons, strategies): (Vec<&str>, Vec<&str>) =
        (Reason::ALL.iter().map(|one| one.as_str()).collect(), Strategy::ALL.iter().map(|one| one.as_str()).collect());
    let states: Vec<String> = STATES.iter().map(|(state, held, edited, many)| format!("('{state}', {held}, {edited}, {many})")).collect();
    run(
        conn,
        "words",
        &format!(
            "CREATE TEMPORARY TABLE reasons (n INTEGER PRIMARY KEY, word TEXT); INSERT INTO reasons VALUES {};
             CREATE TEMPORARY TABLE strategies (n INTEGER PRIMARY KEY, word TEXT); INSERT INTO strategies VALUES {};
             CREATE TEMPORARY TABLE boxes (n INTEGER PRIMARY KEY, id TEXT); INSERT INTO boxes VALUES {};
             CREATE TEMPORARY TABLE states (state TEXT, held BOOLEAN, edited BOOLEAN, many BIGINT); INSERT INTO states VALUES {};
             CREATE TEMPORARY TABLE days (day BIGINT PRIMARY KEY); {} INSERT INTO days SELECT {first} - 1 + n FROM s;",
            listed(&reasons),
            listed(&strategies),
            listed(&boxes.iter().map(String::as_str).collect::<Vec<_>>()),
            states.join(", "),
            numbers(sqlite, DAYS)
        ),
    );
    let (contact, event, decision, message) = (id(sqlite, 'c', "s.n"), id(sqlite, 'e', "s.n"), id(sqlite, '9', "s.n"), id(sqlite, 'a', "s.n"));
    let email = "'c' || s.n || '@shop.example'";
    run(
        conn,
        "contacts",
        &format!(
            "{} INSERT INTO contacts (id, email, email_key, name, metadata, created_at, updated_at) SELECT {contact}, {email}, {email}, 'C ' || s.n, '{{}}', {1}, {1} FROM s;",
            numbers(sqlite, size.contacts),
            at(size.contacts)
        ),
    );
    // Half got a letter, two in ten came back, and hashes of n stand for chance.
    let left_at = at(size.departures);
    let drawn = |prime: i64, of: i64| format!("(s.n * {prime} / 7 % {of})");
    run(
        conn,
        "departures",
        &format!(
            "{} INSERT INTO churn_events (id, contact_id, customer_email, provider, plan_name, mrr_minor, currency, tenure_days, cancel_reason_text, event_type, status,
                 reason, reason_confidence, source, churned_at, recovered_at, created_at, updated_at, window_ends_at, letter_strategy, letter_at, replied_at, evidence)
             SELECT {event}, {contact}, {email}, 'api', 'Plan ' || {}, 1900 + {} * 100, CASE WHEN {} < 3 THEN 'EUR' ELSE 'USD' END, {},
                 CASE WHEN s.n % 3 = 0 THEN 'It did not do what we needed, ' || s.n END, 'cancelled',
                 CASE WHEN s.n % 10 < 2 THEN 'recovered' WHEN s.n % 10 = 2 THEN 'new' WHEN s.n % 10 = 3 THEN 'variants_generated' WHEN s.n % 10 < 6 THEN 'email_sent' ELSE 'lost' END,
                 r.word, 90, 'api', {left_at}, CASE WHEN s.n % 10 < 2 THEN {left_at} + 864000000000 END, {left_at}, {left_at},
                 CASE WHEN s.n / 10 % 2 = 0 THEN {left_at} + 2592000000000 END, CASE WHEN s.n / 10 % 2 = 0 THEN t.word END,
                 CASE WHEN s.n / 10 % 2 = 0 THEN {left_at} + 172800000000 END, CASE WHEN s.n % 60 < 4 AND s.n / 10 % 2 = 0 THEN {left_at} + 259200000000 END,
                 CASE WHEN s.n % 10 >= 2 THEN NULL WHEN s.n / 10 % 2 = 1 THEN 'organic' WHEN s.n % 60 < 4 THEN 'strong' ELSE 'weak' END
             FROM s JOIN reasons r ON r.n = {} JOIN strategies t ON t.n = {};",
            numbers(sqlite, size.departures),
            drawn(101, 8),
            drawn(103, 40),
            drawn(107, 10),
            drawn(109, 1000),
            drawn(113, 8),
            drawn(127, 9)
        ),
    );
    // Rules picked four in ten of them, and held one in ten of those out.
    run(
        conn,
        "picks of win-back rules",
        &format!(
            "{} INSERT INTO winback_picks (churn_event_id, rule_id, arm, picked_at, compare_until, currency, mrr_minor, back_at)
             SELECT {event}, 'rule ' || s.n % 5, CASE WHEN s.n / 10 % 10 = 0 THEN 'held_out' ELSE 'letter' END, {left_at} + 86400000000, {left_at} + 2678400000000,
                 'USD', 1900 + s.n % 40 * 100, CASE WHEN s.n % 10 < 2 THEN {left_at} + 864000000000 END FROM s WHERE s.n % 10 < 4;",
            numbers(sqlite, size.departures)
        ),
    );
    let decided_at = at(size.decisions);
    let kind = "CASE WHEN s.n % 20 = 3 THEN 'reject' WHEN s.n % 40 = 5 THEN 'request_changes' ELSE 'approve' END";
    let hash = if sqlite { "printf('%064x', s.n)" } else { "lpad(to_hex(s.n), 64, '0')" };
    run(
        conn,
        "decisions",
        &format!(
            "{0} INSERT INTO decisions (id, message_id, version, content_hash, kind, actor_kind, actor_id, actor_name, reason, created_at)
                 SELECT {decision}, {message}, 1, {hash}, {kind}, 'user', '01900000-0000-7000-8000-0000000000aa', 'Rita',
                 CASE WHEN s.n % 20 = 3 THEN 'The tone does not fit, ' || s.n END, {decided_at} FROM s;
             {0} INSERT INTO desk_decisions (decision_id, message_id, mailbox_id, kind, wait_ms, edited, created_at, read_ms, by_machine, changed)
                 SELECT {decision}, {message}, b.id, {kind}, {wait} * {wait} * (1 + s.n % 50), CASE WHEN s.n % 20 <> 3 AND s.n % 40 <> 5 THEN s.n % 7 = 0 END, {decided_at},
                 {wait} * {wait} / 3, s.n % 10 <> 0, s.n % 7 = 0
                 FROM s JOIN boxes b ON b.n = s.n % {MAILBOXES};",
            numbers(sqlite, size.decisions),
            wait = "(s.n * 7919 % 1000)"
        ),
    );
    for sql in &found {
        run(conn, &sql.split_whitespace().take(5).collect::<Vec<_>>().join(" "), sql);
    }
    // From here on the product's triggers add up weeks and months.
    if !sqlite {
        run(conn, "triggers", "SET session_replication_role = origin;");
    }
    let campaign = format!("c.n % {MAILBOXES}");
    let runs =
        format!("(c.n > {} OR d.day - {first} BETWEEN c.n * {DAYS} / {CAMPAIGNS} - 60 AND c.n * {DAYS} / {CAMPAIGNS} + 60)", CAMPAIGNS - ENDLESS);
    let per_day = size.messages / DAYS / (30 + ENDLESS + 5);
    let share: i64 = STATES.iter().map(|(_, _, _, many)| many).sum();
    let part = |condition: &str| format!("sum(CASE WHEN {condition} THEN t.many ELSE 0 END) * {per_day} / {share} + {}", "d.day % 3");
    let ways = format!(
        "{}, {}, {}, {}, {}, 0, 0, {}, {}, {}, {}, {}, {}, {}",
        part("TRUE"),
        part("t.held"),
        part("t.edited"),
        part("t.held AND t.state NOT IN ('rejected', 'expired')"),
        part("t.state = 'rejected'"),
        part("t.state IN ('sent', 'delivered', 'bounced', 'complained')"),
        part("t.state = 'delivered'"),
        part("t.state = 'bounced'"),
        part("t.state = 'complained'"),
        part("t.state IN ('expired', 'failed')"),
        part("t.state = 'failed'"),
        part("t.state = 'expired'")
    );
    let columns = "day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired";
    run(
        conn,
        "days of messages",
        &format!(
            "{} INSERT INTO message_days ({columns}) SELECT d.day, b.id, 'campaign ' || c.n, {ways} FROM s c JOIN days d ON {runs} JOIN boxes b ON b.n = {campaign} CROSS JOIN states t
                 GROUP BY d.day, b.id, c.n;
             INSERT INTO message_days ({columns}) SELECT d.day, b.id, '', {ways} FROM days d CROSS JOIN boxes b CROSS JOIN states t GROUP BY d.day, b.id;",
            numbers(sqlite, CAMPAIGNS)
        ),
    );
    let when = |condition: &str, number: &str| format!("CAST(sum(CASE WHEN {condition} THEN {number} ELSE 0 END) AS BIGINT)");
    run(
        conn,
        "days of departures and decisions",
        &format!(
            "INSERT INTO churn_days (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number,
                 back_number, lost_number, open_minor, back_minor, lost_minor)
             SELECT day, kind, reason, mailed, currency, {}, {}, {}, {}, {}, {}, {}, {}, {} FROM counted_departures GROUP BY day, kind, reason, mailed, currency;
         INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
             SELECT part, day, value, reason, currency, {}, {}, {}, {}, {}, {} FROM counted_churn_parts GROUP BY part, day, value, reason, currency;
         INSERT INTO desk_days (day, mailbox_id, what, up_to, number)
             SELECT created_at / 86400000000, mailbox_id, 'decision', 0, count(*) FROM desk_decisions GROUP BY 1, 2
             UNION ALL SELECT created_at / 86400000000, mailbox_id, 'approved', 0, count(*) FROM desk_decisions WHERE edited IS NOT NULL GROUP BY 1, 2
             UNION ALL SELECT created_at / 86400000000, mailbox_id, 'edited', 0, count(*) FROM desk_decisions WHERE edited GROUP BY 1, 2
             UNION ALL SELECT day, mailbox_id, 'wait', up_to, count(*) FROM (
                 SELECT created_at / 86400000000 AS day, mailbox_id, (SELECT min(b.up_to) FROM wait_bounds b WHERE b.up_to * 1000 >= wait_ms) AS up_to
                 FROM desk_decisions WHERE wait_ms IS NOT NULL) AS waits GROUP BY day, mailbox_id, up_to
             UNION ALL SELECT day, mailbox_id, 'reading', up_to, count(*) FROM (
                 SELECT created_at / 86400000000 AS day, mailbox_id, (SELECT min(b.up_to) FROM read_bounds b WHERE b.up_to >= read_ms) AS up_to
                 FROM desk_decisions WHERE read_ms IS NOT NULL) AS readings GROUP BY day, mailbox_id, up_to
             UNION ALL SELECT created_at / 86400000000, mailbox_id, 'by_machine', 0, count(*) FROM desk_decisions WHERE by_machine GROUP BY 1, 2
             UNION ALL SELECT created_at / 86400000000, mailbox_id, 'agreed', 0, count(*) FROM desk_decisions
                 WHERE by_machine AND kind = 'approve' AND NOT changed GROUP BY 1, 2;",
            when("status = 'new'", "1"),
            when("status = 'processing'", "1"),
            when("status = 'variants_generated'", "1"),
            when("status = 'email_sent'", "1"),
            when("status = 'recovered'", "1"),
            when("status = 'lost'", "1"),
            when("status NOT IN ('recovered', 'lost')", "minor"),
            when("status = 'recovered'", "minor"),
            when("status = 'lost'", "minor"),
            when("outcome = 'open'", "1"),
            when("outcome = 'back'", "1"),
            when("outcome = 'lost'", "1"),
            when("outcome = 'open'", "minor"),
            when("outcome = 'back'", "minor"),
            when("outcome = 'lost'", "minor"),
        ),
    );
    run(
        conn,
        "days of segments",
        "INSERT INTO segment_days (segment_id, day, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
             SELECT g.id, d.day, r.word, c.word, 1 + (d.day + r.n) % 3, 1 + (d.day + r.n) % 3, 1 + (d.day + r.n) % 3, 1900, 1900, 1900
             FROM segments g CROSS JOIN days d CROSS JOIN reasons r CROSS JOIN (SELECT 'EUR' AS word UNION ALL SELECT 'USD') c;
         INSERT INTO segment_counts (segment_id, counted_at) SELECT id, 4000000000000000 FROM segments;",
    );
    let progress: Vec<&str> = Progress::ALL.iter().map(|one| one.as_str()).collect();
    run(
        conn,
        "days of programmes",
        &format!(
            "CREATE TEMPORARY TABLE progress (n INTEGER PRIMARY KEY, word TEXT); INSERT INTO progress VALUES {};
             CREATE TEMPORARY TABLE places (n INTEGER PRIMARY KEY); INSERT INTO places VALUES (0), (1), (2), (3), (4), (5);
             INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
                 SELECT 'cohort', c.id, d.day, 0, p.word, '', 100 + p.n * 10, 0 FROM cohorts c CROSS JOIN days d CROSS JOIN progress p;
             INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
                 SELECT 'sequence', q.id, d.day, p.n, w.what, w.word, 3, 0 FROM sequences q CROSS JOIN days d CROSS JOIN places p CROSS JOIN (
                     SELECT 'active' AS what, '' AS word UNION ALL SELECT 'complete', '' UNION ALL SELECT 'stopped', 'answered' UNION ALL SELECT 'stopped', 'suppressed'
                     UNION ALL SELECT 'stopped', 'tagged' UNION ALL SELECT 'stopped', 'by_hand') w;
             INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
                 SELECT 'step', q.id, d.day, p.n, w.what, '', 3, 0 FROM sequences q CROSS JOIN days d CROSS JOIN places p CROSS JOIN (
                     SELECT 'handed' AS what UNION ALL SELECT 'sent' UNION ALL SELECT 'replied') w;
             INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
                 SELECT 'referral', '', d.day, 0, w.what, w.word, 20, 500 FROM days d CROSS JOIN (
                     SELECT 'ask' AS what, '' AS word UNION ALL SELECT 'link', '' UNION ALL SELECT 'share', '' UNION ALL SELECT 'click', '' UNION ALL SELECT 'signup', 'EUR'
                     UNION ALL SELECT 'signup', 'USD' UNION ALL SELECT 'reward', 'EUR' UNION ALL SELECT 'reward', 'months') w;",
            listed(&progress)
        ),
    );
    run(conn, "statistics", if sqlite { "PRAGMA wal_checkpoint(TRUNCATE);" } else { "VACUUM ANALYZE;" });
}

//! A large database, made by statements over whole sets, with rows as the domain writes them.
//!
//! Messages are of about two kilobytes, most of it HTML. Decisions, warrants, outbox and log have a row for one message in ten, so that the disk holds it;
//! no call that is measured looks at those of messages that have left.

use std::time::Instant;

use countersign::clock;
use countersign::db::{self, Conn, Db};
use countersign::domain::actor::Actor;
use countersign::domain::mailboxes::{self, Mode, NewMailbox};
use countersign::domain::settings;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};

pub const OPERATOR: Actor = Actor::System("bench");
/// Four in each stricter mode, eight autonomous ones; messages are spread over them by turns.
pub const MAILBOXES: usize = 20;
const TEXTS: i64 = 4096;
/// Four pieces of one level make one of the next: the large one is merged again after more writes than are measured.
const LEVELS: usize = 7;
/// What stands around the words of an HTML letter, so that a message is about two kilobytes large.
const HEAD: &str = concat!(
    r#"<div style="margin:0;padding:24px 0;background-color:#f4f5f7;font-family:Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#1c1e21">"#,
    r#"<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tbody><tr><td align="center">"#,
    r#"<table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" style="background-color:#ffffff;border-radius:6px"><tbody>"#,
    r#"<tr><td style="padding:32px 40px 8px 40px;font-size:22px;font-weight:bold">Hello,</td></tr><tr><td style="padding:8px 40px 24px 40px"><p>"#
);
const FOOT: &str = concat!(
    r#"</p><p>The team</p></td></tr><tr><td style="padding:0 40px 32px 40px"><a href="https://shop.example.com/account" style="display:inline-block;"#,
    r#"padding:12px 20px;background-color:#1f6feb;color:#ffffff;border-radius:4px;text-decoration:none">Open your account</a></td></tr>"#,
    r#"</tbody></table></td></tr></tbody></table></div>"#
);
/// All messages are spread over two years.
const SPAN_MICROS: i64 = 730 * 86_400 * 1_000_000;
pub const FIRST: &[&str] = &[
    "Ana", "Ben", "Carla", "David", "Elena", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Katja", "Liam", "Maria", "Noah", "Olga", "Pavel", "Quinn",
    "Rosa", "Sven", "Tara", "Uma", "Viktor", "Wanda", "Xenia", "Yusuf", "Zoe", "Amir", "Bianca", "Chidi", "Dora", "Emil", "Freya",
];
pub const LAST: &[&str] = &[
    "Adler", "Brandt", "Costa", "Dupont", "Eriksen", "Fischer", "Garcia", "Haas", "Ivanov", "Jensen", "Keller", "Lopez", "Moreau", "Novak", "Okafor",
    "Petrov", "Quast", "Rossi", "Santos", "Tanaka", "Ueda", "Vogel", "Weber", "Xu", "Yilmaz", "Zimmer", "Alves", "Berg", "Conti", "Dahl", "Engel",
    "Frank", "Greco", "Hoffmann", "Ito", "Jung", "Kaya", "Lang", "Meyer", "Nagy", "Ortiz", "Park", "Quiroga", "Ruiz", "Sato", "Tran", "Urban",
];
const WORDS: &[&str] = &[
    "the", "and", "with", "your", "we", "our", "is", "it", "for", "you", "new", "offer", "plan", "price", "today", "soon", "again", "update",
    "order", "invoice", "label", "report", "stock", "parcel", "customs", "refund", "return", "payment", "shop", "carrier", "batch", "tax", "sync",
    "export", "import", "printing", "search", "rules", "forecast", "matching", "archive", "alerts", "limits", "history", "month", "account", "team",
];

/// The address of the n-th contact, from 1.
pub fn email(n: usize) -> String {
    let n = n.max(1);
    format!("{}.{}{n}@shop{}.example", FIRST[n * 13 % FIRST.len()], LAST[n * 17 % LAST.len()], n * 31 % 5000).to_lowercase()
}

/// How large.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub contacts: i64,
    pub messages: i64,
    /// Of these so many wait.
    pub pending: i64,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    text: String,
}

pub fn texts(conn: &mut Conn, sql: &str) -> Vec<String> {
    diesel::sql_query(sql).load::<Found>(conn).unwrap().into_iter().map(|row| row.text).collect()
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
    db.write(|conn| {
        settings::set(conn, settings::BASE_URL, "https://desk.example.com")?;
        for n in 0..MAILBOXES {
            let mode = match n / 4 {
                0 => Mode::GatedAll,
                1 => Mode::GatedSend,
                2 => Mode::Monitored,
                _ => Mode::Autonomous,
            };
            let new = NewMailbox {
                address: format!("box{n:02}@sender.example"),
                name: "Sender".into(),
                mode,
                postal_address: "1 Main Street, Springfield".into(),
                undo_seconds: 15,
            };
            mailboxes::add(conn, &OPERATOR, &new, clock::now())?;
        }
        Ok::<_, countersign::domain::error::Error>(())
    })
    .unwrap();
    db.read(|conn| {
        let sqlite = matches!(conn, Conn::Sqlite(_));
        rows(conn, sqlite, size, start);
        Ok::<_, diesel::result::Error>(())
    })
    .unwrap();
    db.write(|conn| settings::set(conn, "bench_filled", &format!("{size:?}"))).unwrap();
    println!("filled in {:.0} s", start.elapsed().as_secs_f64());
}

/// An id of version 7 for the n-th row of a kind, in the order of time.
fn id(sqlite: bool, kind: char, n: &str, base: i64, step: i64) -> String {
    let ms = format!("(({base} + ({n}) * {step}) / 1000)");
    let (time, low) = if sqlite {
        (format!("printf('%012x', {ms})"), format!("printf('%012x', {n})"))
    } else {
        (format!("lpad(to_hex({ms}::bigint), 12, '0')"), format!("lpad(to_hex(({n})::bigint), 12, '0')"))
    };
    format!("(substr({time}, 1, 8) || '-' || substr({time}, 9, 4) || '-7000-8{kind}00-' || {low})")
}

fn rows(conn: &mut Conn, sqlite: bool, size: Size, start: Instant) {
    let run = |conn: &mut Conn, what: &str, sql: &str| {
        if let Err(error) = conn.batch_execute(sql) {
            panic!("{what}: {error}\n{}", &sql[..sql.len().min(3000)]);
        }
        println!("{:>6.0} s  {what}", start.elapsed().as_secs_f64());
    };
    let (found, drop): (Vec<String>, Vec<String>) = if sqlite {
        run(
            conn,
            "settings",
            "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 200000; PRAGMA cache_size = -1000000;",
        );
        let of = "FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('index', 'trigger') AND name NOT LIKE 'sqlite_%' ORDER BY type, name";
        (texts(conn, &format!("SELECT sql AS text {of}")), texts(conn, &format!("SELECT 'DROP ' || type || ' ' || name AS text {of}")))
    } else {
        run(
            conn,
            "settings",
            "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 2;",
        );
        let of = "FROM pg_indexes i WHERE schemaname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname) ORDER BY indexname";
        (texts(conn, &format!("SELECT indexdef AS text {of}")), texts(conn, &format!("SELECT 'DROP INDEX ' || indexname AS text {of}")))
    };
    // Unique indexes of a constraint stay, so what comes in is in their order where it can be.
    run(conn, "indexes away", &drop.join("; "));
    let at = |n: &str, base: i64, step: i64| format!("({base} + ({n}) * {step})");
    let base = clock::now().micros() - SPAN_MICROS - 3_600_000_000;
    let (step, person_step) = (SPAN_MICROS / size.messages, SPAN_MICROS / size.contacts);
    let series = |name: &str, to: i64| {
        if sqlite {
            format!("WITH RECURSIVE {name}(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM {name} WHERE n < {to})")
        } else {
            format!("WITH {name}(n) AS (SELECT generate_series(1::bigint, {to}))")
        }
    };
    let text_of = |list: &[&str]| list.iter().enumerate().map(|(n, word)| format!("({n}, '{word}')")).collect::<Vec<_>>().join(", ");
    let mut state = 7_u64;
    let mut word = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Some words are common and most are not.
        let drawn = (state >> 33) as f64 / f64::from(1_u32 << 31);
        WORDS[((drawn * drawn) * WORDS.len() as f64) as usize % WORDS.len()]
    };
    let mut some = |many: usize| (0..many).map(|_| word()).collect::<Vec<_>>().join(" ");
    let words: Vec<String> = (0..TEXTS).map(|n| format!("({n}, '{}', '{}')", some(4), some(40))).collect();
    let mailboxes = texts(conn, "SELECT id AS text FROM mailboxes ORDER BY address_key");
    let addresses = texts(conn, "SELECT address AS text FROM mailboxes ORDER BY address_key");
    let modes = texts(conn, "SELECT mode AS text FROM mailboxes ORDER BY address_key");
    let boxes: Vec<String> = (0..MAILBOXES).map(|n| format!("({n}, '{}', '{}', '{}')", mailboxes[n], addresses[n], modes[n])).collect();
    run(
        conn,
        "words",
        &format!(
            "CREATE TEMPORARY TABLE first_names (n INTEGER PRIMARY KEY, name TEXT); INSERT INTO first_names VALUES {};
             CREATE TEMPORARY TABLE last_names (n INTEGER PRIMARY KEY, name TEXT); INSERT INTO last_names VALUES {};
             CREATE TEMPORARY TABLE letters (n INTEGER PRIMARY KEY, subject TEXT, body TEXT); INSERT INTO letters VALUES {};
             CREATE TEMPORARY TABLE boxes (n INTEGER PRIMARY KEY, id TEXT, address TEXT, mode TEXT); INSERT INTO boxes VALUES {};",
            text_of(FIRST),
            text_of(LAST),
            words.join(", "),
            boxes.join(", ")
        ),
    );
    let (contact, person_at) = (|n: &str| id(sqlite, 'c', n, base, person_step), |n: &str| at(n, base, person_step));
    let email = "lower(f.name) || '.' || lower(l.name) || s.n || '@shop' || (s.n * 31 % 5000) || '.example'";
    let names = format!("JOIN first_names f ON f.n = s.n * 13 % {} JOIN last_names l ON l.n = s.n * 17 % {}", FIRST.len(), LAST.len());
    run(
        conn,
        "contacts",
        &format!(
            "{} INSERT INTO contacts (id, email, email_key, name, metadata, created_at, updated_at)
             SELECT {}, {email}, {email}, f.name || ' ' || l.name, '{{\"seats\":' || (s.n % 50) || '}}', {}, {} FROM s {names};",
            series("s", size.contacts),
            contact("s.n"),
            person_at("s.n"),
            person_at("s.n")
        ),
    );
    // One in three is a customer; a step of a sequence is on most, and on all old ones.
    let newest = size.contacts - size.contacts / 50;
    for (tag, which) in [
        ("customer", "s.n % 3 = 0".to_owned()),
        ("trial", "s.n % 3 = 1".to_owned()),
        ("churned", "s.n % 10 = 0".to_owned()),
        ("vip", "s.n % 2500 = 0".to_owned()),
        ("drip_step_1", format!("s.n % 3 = 1 AND (s.n < {newest} OR s.n % 4 <> 0)")),
        ("unsubscribed", "s.n % 50 = 0".to_owned()),
    ] {
        let to = size.contacts;
        run(
            conn,
            tag,
            &format!("{} INSERT INTO contact_tags (contact_id, tag) SELECT {}, '{tag}' FROM s WHERE {which};", series("s", to), contact("s.n")),
        );
    }
    run(
        conn,
        "suppressions, consents, customers",
        &format!(
            "{0} INSERT INTO suppressions (email_key, reason, source, created_at) SELECT {email}, 'unsubscribed', 'link', {2} FROM s {names} WHERE s.n % 50 = 0;
             {0} INSERT INTO consents (id, contact_id, basis, source, recorded_by, recorded_at)
                 SELECT {3}, {1}, 'consent', 'sign-up form', 'import', {2} FROM s WHERE s.n % 2 = 0;
             {0} INSERT INTO customers (contact_id, company, plan_name, mrr_minor, currency, tenure_days, features, usage, updated_at)
                 SELECT {1}, 'Shop ' || s.n, 'Team', 4900, 'EUR', 400, '[\"labels\"]', '[]', {2} FROM s WHERE s.n % 3 = 0;",
            series("s", size.contacts),
            contact("s.n"),
            person_at("s.n"),
            id(sqlite, 'd', "s.n", base, person_step)
        ),
    );
    run(
        conn,
        "churn events",
        &format!(
            "{} INSERT INTO churn_events (id, contact_id, customer_email, provider, plan_name, mrr_minor, currency, cancel_reason, event_type, status, reason,
                 reason_confidence, source, churned_at, created_at, updated_at)
             SELECT {}, {}, {email}, 'stripe', 'Team', 4900, 'EUR', 'too_expensive', 'cancelled', 'new', 'too_expensive', 90, 'api', {3}, {3}, {3} FROM s {names}
             WHERE s.n % 30 = 0;",
            series("s", size.contacts),
            id(sqlite, 'e', "s.n", base, person_step),
            contact("s.n"),
            person_at("s.n")
        ),
    );
    // Whom the n-th message goes to: everybody gets some, in no order.
    let whom = format!("(1 + s.n * 7919 % {})", size.contacts);
    let (message, thread) = (id(sqlite, 'a', "s.n", base, step), id(sqlite, 'b', "s.n", base, step));
    let sent_at = at("s.n", base, step);
    let gated = "s.n % 20 < 8";
    // Two of five are in gated mailboxes.
    let waits = format!("({gated} AND s.n > {})", size.messages - size.pending * 5 / 2);
    let state = format!(
        "CASE WHEN {waits} THEN 'pending' WHEN s.n % 50 = 7 AND {gated} THEN 'rejected' WHEN s.n % 100 = 4 AND {gated} THEN 'expired' WHEN s.n % 200 = 3 THEN 'failed'
              WHEN s.n % 200 = 19 THEN 'skipped' WHEN s.n % 400 = 5 THEN 'cancelled' WHEN s.n % 100 = 11 THEN 'bounced' WHEN s.n % 3 = 0 THEN 'delivered' ELSE 'sent' END"
    );
    let hash = if sqlite { "printf('%064x', s.n)" } else { "lpad(to_hex(s.n), 64, '0')" };
    let campaign = "CASE WHEN s.n % 2 = 0 THEN 'spring ' || (s.n / 20 % 40) END";
    let messages = series("s", size.messages);
    run(
        conn,
        "threads",
        &format!(
            "{messages} INSERT INTO threads (id, mailbox_id, contact_id, subject, created_at)
             SELECT {thread}, b.id, {}, t.subject, {sent_at} FROM s JOIN boxes b ON b.n = s.n % {MAILBOXES} JOIN letters t ON t.n = s.n * 37 % {TEXTS};",
            contact(&whom)
        ),
    );
    run(
        conn,
        "messages",
        &format!(
            "{messages} INSERT INTO messages (id, mailbox_id, contact_id, thread_id, campaign, state, held_because, effective_mode, origin, author_kind, author_id,
                 editor_kind, editor_id, is_test, version, content_hash, submitted_at, expires_at, sent_at, created_at, updated_at, claims_supported, claims_open, likeness)
             SELECT {message}, b.id, {}, {thread}, {campaign}, {state}, CASE WHEN {gated} THEN 'gated' END, b.mode, 'agent', 'key', '01900000-0000-7000-8000-0000000000bb',
                 'key', '01900000-0000-7000-8000-0000000000bb', FALSE, 1, {hash}, {sent_at}, CASE WHEN {gated} THEN {sent_at} + 2592000000000 END,
                 CASE WHEN {waits} THEN NULL ELSE {sent_at} + 60000000 END, {sent_at}, {sent_at}, 2, CASE WHEN {waits} AND s.n % 100 = 1 THEN 1 ELSE 0 END,
                 'likeness ' || (s.n % 4096)
             FROM s JOIN boxes b ON b.n = s.n % {MAILBOXES};",
            contact(&whom)
        ),
    );
    let receiver = "lower(f.name) || '.' || lower(l.name) || p.n || '@shop' || (p.n * 31 % 5000) || '.example'";
    run(
        conn,
        "versions",
        &format!(
            "INSERT INTO message_versions (message_id, version, content_hash, from_address, from_name, to_address, to_name, subject, text_body, html_body, headers, footer,
                 editor_kind, editor_id, editor_name, created_at)
             {messages} SELECT {message}, 1, {hash}, b.address, 'Sender', {receiver}, f.name || ' ' || l.name, t.subject, t.body, '{HEAD}' || t.body || '{FOOT}', '[]',
                 '{{\"why\":\"You are a customer.\",\"sender\":\"Sender\",\"postal_address\":\"1 Main Street\",\"unsubscribe_url\":\"https://desk.example.com/u/' || s.n || '\"}}',
                 'key', '01900000-0000-7000-8000-0000000000bb', 'agent', {sent_at}
             FROM (SELECT s.n AS n, {whom} AS whom FROM s) s JOIN boxes b ON b.n = s.n % {MAILBOXES}
             JOIN letters t ON t.n = s.n * 37 % {TEXTS} JOIN first_names f ON f.n = s.whom * 13 % {} JOIN last_names l ON l.n = s.whom * 17 % {};",
            FIRST.len(),
            LAST.len()
        )
        .replace("p.n", "s.whom"),
    );
    run(
        conn,
        "tags of messages",
        &format!(
            "{messages} INSERT INTO message_tags (message_id, tag) SELECT {message}, CASE WHEN s.n % 1000 = 1 THEN 'vip' ELSE 'campaign_spring' END FROM s
             WHERE s.n % 1000 = 1 OR s.n % 5 = 0;
             INSERT INTO campaign_counts (campaign, mailbox_id, state, total)
                 SELECT campaign, mailbox_id, state, count(*) FROM messages WHERE campaign IS NOT NULL GROUP BY campaign, mailbox_id, state;
             INSERT INTO mailbox_campaigns (name, mailbox_id) SELECT DISTINCT campaign, mailbox_id FROM campaign_counts;",
        ),
    );
    run(
        conn,
        "emails that came in",
        &format!(
            "{messages} INSERT INTO inbound_emails (id, mailbox_id, thread_id, contact_id, from_address, from_key, to_address, subject, text_body, received_at)
             SELECT {}, b.id, {thread}, {}, 'somebody@shop1.example', 'somebody@shop1.example', b.address, t.subject, t.body, {sent_at}
             FROM s JOIN boxes b ON b.n = s.n % {MAILBOXES} JOIN letters t ON t.n = s.n * 37 % {TEXTS} WHERE s.n % 20 = 9;",
            id(sqlite, '7', "s.n", base, step),
            contact(&whom)
        ),
    );
    let tenth = format!("s.n % 10 = 1 AND NOT {waits}");
    let row = |kind| id(sqlite, kind, "s.n", base, step);
    run(
        conn,
        "decisions, warrants, outbox, log",
        &format!(
            "{messages} INSERT INTO decisions (id, message_id, version, content_hash, kind, actor_kind, actor_id, actor_name, created_at)
                 SELECT {decision}, {message}, 1, {hash}, 'approve', 'user', '01900000-0000-7000-8000-0000000000aa', 'Rita', {sent_at} + 1000000 FROM s WHERE {tenth} AND {gated};
             {messages} INSERT INTO warrants (id, message_id, version, content_hash, decision_id, cleared_by, policy_version, issued_at, expires_at)
                 SELECT {warrant}, {message}, 1, {hash}, CASE WHEN {gated} THEN {decision} END, CASE WHEN {gated} THEN 'decision' ELSE b.mode END, 1, {sent_at}, {sent_at}
                 FROM s JOIN boxes b ON b.n = s.n % {MAILBOXES} WHERE {tenth};
             {messages} INSERT INTO outbox (message_id, warrant_id, mailbox_id, state, not_before, attempts, updated_at)
                 SELECT {message}, {warrant}, b.id, 'sent', {sent_at}, 1, {sent_at} FROM s JOIN boxes b ON b.n = s.n % {MAILBOXES} WHERE {tenth};
             {messages} INSERT INTO audit_log (at, actor_kind, actor_id, actor_name, action, target_kind, target_id, mailbox_id, detail)
                 SELECT {sent_at}, 'key', '01900000-0000-7000-8000-0000000000bb', 'agent', 'message.submit', 'message', {message}, b.id, '{{}}'
                 FROM s JOIN boxes b ON b.n = s.n % {MAILBOXES} WHERE {tenth};",
            decision = row('9'),
            warrant = row('f'),
        )
        .replace("THEN 'decision' ELSE b.mode END", "THEN 'decision' WHEN b.mode = 'monitored' THEN 'monitored' ELSE 'autonomous' END"),
    );
    // Each campaign was let go once in each of the looser mailboxes.
    run(
        conn,
        "approved campaigns",
        "INSERT INTO approved_campaigns (name, mailbox_id) SELECT name, mailbox_id FROM mailbox_campaigns UNION SELECT 'campaign_spring', id FROM mailboxes;",
    );
    run(
        conn,
        "claims of what waits",
        "INSERT INTO claims (message_id, version, position, part, start_at, end_at, words, sentence, claim_key, kind, hard, verdict, score, reason)
             SELECT m.id, 1, p.n, 'text', p.n * 10, p.n * 10 + 5, '48,210', 'You synced 48,210 orders.', 'number ' || p.n, 'number', TRUE,
                 CASE WHEN p.n = 0 AND m.claims_open = 1 THEN 'unsupported' ELSE 'exact' END, 0, 'The record says so.'
             FROM messages m JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2) p ON TRUE WHERE m.state = 'pending';",
    );
    if !sqlite {
        let words = "INSERT INTO contact_words (contact_id, words) SELECT id, words_of_contact(id) FROM contacts;";
        run(conn, "words of contacts", words);
        let waiting = "INSERT INTO waiting_words (message_id, words)
             SELECT m.id, words_of_message(v.to_name, v.to_address, v.subject, v.text_body)
             FROM messages m JOIN message_versions v ON v.message_id = m.id AND v.version = m.version WHERE m.state = 'pending';";
        run(conn, "words of what waits", waiting);
    }
    let (late, early): (Vec<&String>, Vec<&String>) = found.iter().partition(|sql| sql.contains("are_found"));
    for sql in early {
        run(conn, &sql.split_whitespace().take(5).collect::<Vec<_>>().join(" "), sql);
    }
    if sqlite {
        let index = |index: &str, fill: &str| {
            let size = |bytes: i64| format!("INSERT INTO {index} ({index}, rank) VALUES ('hashsize', {bytes});");
            // Parts as large as these are never made by single writes; the next write would have to merge them all.
            format!("{} {fill} INSERT INTO {index} ({index}) VALUES ('optimize'); {}", size(256 << 20), size(1 << 20))
        };
        let (messages, contacts) =
            ("INSERT INTO message_index (message_index) VALUES ('rebuild');", "INSERT INTO contact_index (contact_index) VALUES ('rebuild');");
        run(conn, "numbers of contacts", "INSERT INTO contact_numbers (contact_id) SELECT id FROM contacts ORDER BY id;");
        run(conn, "search index of contacts", &index("contact_index", contacts));
        run(conn, "numbers of messages", "INSERT INTO message_numbers (message_id) SELECT id FROM messages ORDER BY id;");
        run(conn, "search index of messages", &index("message_index", messages));
        for sql in late {
            run(conn, "its trigger", sql);
        }
        // In an index that grew by itself the large part is levels away from the small ones, and seldom merged with them.
        // Each time that there is something to merge, it comes to lie one level deeper.
        let deeper = |index: &str, words: &str| {
            format!(
                "INSERT INTO {index} (rowid, words) SELECT number, words FROM {words} WHERE number = 1;
                 INSERT INTO {index} ({index}) VALUES ('optimize');"
            )
        };
        for _ in 0..LEVELS {
            run(conn, "index of contacts deeper", &deeper("contact_index", "contact_words"));
            run(conn, "index of messages deeper", &deeper("message_index", "message_words"));
        }
        run(conn, "checkpoint", "PRAGMA wal_checkpoint(TRUNCATE);");
    } else {
        run(conn, "vacuum", "VACUUM ANALYZE;");
        run(conn, "checkpoint", "CHECKPOINT; SET session_replication_role = origin;");
    }
}

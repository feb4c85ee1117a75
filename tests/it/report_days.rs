//! The numbers that reports are read from: counted in the transaction of each change, and recounted.

use countersign::domain::contacts::erase;
use countersign::domain::imports::{self, Of};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use countersign::domain::outbox::verify;
use countersign::domain::reports::days;
use countersign::domain::segments::departures;
use serde_json::{Value, json};

use crate::inbound::{arrive, reply};
use crate::support::{Desk, OPERATOR, count, sql, texts};

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, found) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{path}: {found}");
    found
}

fn problems(desk: &Desk) -> Vec<String> {
    desk.read(verify::verify).reports.into_iter().map(|wrong| format!("{}: {}", wrong.of, wrong.problem)).collect()
}

async fn left(desk: &Desk, n: usize, reason: &str, mrr: i64) -> String {
    let event = json!({"customer_email": format!("c{n}@example.com"), "cancel_reason": reason, "mrr_cents": mrr, "currency": "usd"});
    let (status, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    assert_eq!(status, 201, "{event}");
    event["id"].as_str().unwrap().to_owned()
}

/// A desk on which departures and messages went most ways that there are.
async fn lively() -> Desk {
    let desk = Desk::new().await;
    let csv = "customer_email,mrr,currency,cancel_reason\na@example.com,10,usd,too_expensive\nb@example.com,,eur,other\n";
    let parsed = imports::read(Of::Churn, csv.as_bytes().to_vec()).unwrap();
    let started = desk.write(|conn| imports::start(conn, &OPERATOR, "a.csv", &parsed, desk.now())).unwrap();
    imports::run(&desk.state.db, &OPERATOR, started, &parsed, countersign::clock::now, |_| {}).unwrap();
    let first = left(&desk, 1, "too_expensive", 1000).await;
    left(&desk, 2, "missing_features", 700).await;
    desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{first}/recovered"), json!({})).await;
    for (n, kind) in [DecisionKind::Approve, DecisionKind::Reject, DecisionKind::RequestChanges].into_iter().enumerate() {
        let message = desk.pending(&format!("m{n}@example.com"), json!({"campaign": "spring"})).await;
        desk.decide("Rita", &message, kind).unwrap();
    }
    desk.pending("waits@example.com", json!({})).await;
    desk.drain().await;
    desk
}

#[actix_web::test]
async fn the_days_are_what_a_recount_gives_whatever_happened() {
    let desk = lively().await;
    assert_eq!(problems(&desk), Vec::<String>::new());
    assert!(count(&desk, "SELECT CAST(count(*) AS BIGINT) AS n FROM counted_messages") >= 4);
    let contact = get(&desk, "/v1/contacts/search?email=m0@example.com").await["contacts"][0]["id"].as_str().unwrap().to_owned();
    desk.write(|conn| erase::erase(conn, &OPERATOR, &contact.as_str().into(), desk.now()).map(drop)).unwrap();
    let before = get(&desk, "/v1/reports/messages?by=mailbox").await;
    while desk.write(days::fold).unwrap() {}
    assert_eq!(problems(&desk), Vec::<String>::new());
    for moves in ["message_day_moves", "desk_day_moves"] {
        assert_eq!(count(&desk, &format!("SELECT CAST(count(*) AS BIGINT) AS n FROM {moves}")), 0, "all are folded");
    }
    assert_eq!(get(&desk, "/v1/reports/messages?by=mailbox").await, before, "folding changes no number");
}

#[actix_web::test]
async fn verify_names_a_day_with_a_wrong_number() {
    let desk = lively().await;
    while desk.write(days::fold).unwrap() {}
    sql(&desk, "UPDATE churn_days SET new_number = new_number + 2, open_minor = open_minor + 5 WHERE kind = 'left' AND reason = 'missing_features'");
    sql(&desk, "UPDATE message_days SET rejected = rejected - 1 WHERE rejected > 0");
    sql(&desk, "UPDATE desk_days SET number = number + 3 WHERE what = 'decision'");
    let found = problems(&desk);
    let day = desk.now().date();
    assert_eq!(found.len(), 4, "{found:?}");
    let departures = ["new: The number is 2 off.", "open: The sum is 5 minor units off."];
    assert_eq!(found[..2], departures.map(|wrong| format!("departures of {day}: left missing_features USD {wrong}")));
    assert!(
        found[2].starts_with(&format!("messages of {day}: rejected in ")) && found[2].ends_with(" of spring: The number is -1 off."),
        "{found:?}"
    );
    assert!(found[3].starts_with(&format!("review desk of {day}: decision in ")) && found[3].ends_with(": The number is 3 off."), "{found:?}");
}

/// Counts what is due of all segments.
fn count_segments(desk: &Desk) {
    while let Some(mut found) = desk.read(|conn| departures::next(conn, desk.now())) {
        while desk.write(|conn| departures::keep(conn, &mut found, desk.now())).unwrap() {}
    }
}

#[actix_web::test]
async fn verify_finds_each_table_that_drifted_and_no_other() {
    let desk = lively().await;
    let (status, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "All", "query": "c1"})).await;
    assert_eq!(status, 201, "{segment}");
    count_segments(&desk);
    while desk.write(days::fold).unwrap() {}
    assert_eq!(problems(&desk), Vec::<String>::new());
    for (table, column, named) in [
        ("churn_days", "email_sent_number", "departures of "),
        ("churn_weeks", "back_minor", "departures of the week of "),
        ("churn_months", "lost_number", "departures of the month of "),
        ("churn_part_days", "lost_minor", "departures of "),
        ("churn_part_weeks", "open_number", "departures of the week of "),
        ("churn_part_months", "back_number", "departures of the month of "),
        ("segment_weeks", "open_minor", "departures of the week of "),
        ("segment_months", "back_number", "departures of the month of "),
        ("message_days", "on_the_way", "messages of "),
        ("message_months", "expired", "messages of the month of "),
        ("desk_days", "number", "review desk of "),
        ("desk_months", "number", "review desk of the month of "),
    ] {
        let rows = count(&desk, &format!("SELECT count(*) AS n FROM {table}"));
        assert!(rows > 0, "{table}");
        sql(&desk, &format!("UPDATE {table} SET {column} = {column} + 1"));
        let found = problems(&desk);
        assert_eq!(i64::try_from(found.len()).unwrap(), rows, "{table}: {found:?}");
        let other = if named.contains(" the ") { "nothing" } else { "of the " };
        assert!(found.iter().all(|line| line.starts_with(named) && !line.contains(other)), "{table}: {found:?}");
        sql(&desk, &format!("UPDATE {table} SET {column} = {column} - 1"));
        assert_eq!(problems(&desk), Vec::<String>::new(), "{table}");
    }
}

/// Runs a file of a migration.
fn migrate(desk: &Desk, name: &str, direction: &str) {
    let database = if std::env::var("COUNTERSIGN_TEST_DATABASE_URL").is_ok() { "postgres" } else { "sqlite" };
    let file = format!("{}/migrations/{database}/{name}/{direction}.sql", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let run: Result<(), diesel::result::Error> = desk.state.db.read(|conn| {
        use diesel::connection::SimpleConnection;
        countersign::on_either!(conn, inner => inner.batch_execute(&text))
    });
    run.unwrap_or_else(|error| panic!("{file}: {error}"));
}

/// A message of a campaign that left and was answered twice, after another of the same conversation; and a letter whose customer came back.
async fn answered_and_brought_back(desk: &Desk) {
    let message = desk.pending("ana@example.com", json!({"campaign": "summer"})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    let silent = desk.pending("ben@example.com", json!({"campaign": "summer"})).await;
    desk.decide("Rita", &silent, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let about = format!("{}.{}@sender.example", message.row.id, message.row.version);
    for words in ["Thank you.", "One more thing."] {
        arrive(desk, Mode::GatedSend, &reply("ana@example.com", &about, &format!("Re: {words}"), words));
    }
    let event = format!("/api/v1/churn-events/{}", left(desk, 40, "too_expensive", 1000).await);
    let (_, made) = desk.call(&desk.agent, "POST", &format!("{event}/generate"), json!({})).await;
    let best = made["variants"].as_array().unwrap().iter().find(|one| one["recommended"] == true).unwrap().clone();
    let (status, held) = desk.call(&desk.agent, "POST", &format!("{event}/variants/{}/send", best["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(status, 202, "{held}");
    desk.decide("Rita", &desk.message(held["id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(desk.call(&desk.agent, "POST", &format!("{event}/recovered"), json!({})).await.0, 200);
}

#[actix_web::test]
async fn what_came_back_counts_with_the_message_that_left_and_leads_to_it() {
    let desk = Desk::new().await;
    answered_and_brought_back(&desk).await;
    let report = get(&desk, "/v1/reports/messages").await;
    let of = |name: &str| report["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()["period"].clone();
    let summer = of("summer");
    assert_eq!((&summer["drafted"], &summer["sent"], &summer["replied"], &summer["recovered"]), (&json!(2), &json!(2), &json!(1), &json!(0)));
    let back: i64 = report["rows"].as_array().unwrap().iter().map(|row| row["period"]["recovered"].as_i64().unwrap()).sum();
    assert_eq!(back, 1, "{report}");
    let mut max = crate::support::Browser::new(desk.app().await);
    max.sign_in("max").await;
    let answered = max.get("/messages?campaign=summer&way=replied").await.body;
    assert!(answered.contains("ana@example.com") && !answered.contains("ben@example.com"), "{answered}");
    let brought = max.get("/messages?way=recovered").await.body;
    assert!(brought.contains("c40@example.com") && !brought.contains("ana@example.com"), "{brought}");
    assert_eq!(problems(&desk), Vec::<String>::new());
    while desk.write(days::fold).unwrap() {}
    assert_eq!(problems(&desk), Vec::<String>::new());
    assert_eq!(get(&desk, "/v1/reports/messages").await, report, "folding changes no number");
    sql(&desk, "UPDATE message_days SET replied = replied + 1 WHERE campaign = 'summer'");
    assert!(problems(&desk).iter().any(|problem| problem.contains("replied") && problem.contains("summer")), "{:?}", problems(&desk));
    // Whoever is not back after all counts no more.
    sql(&desk, "UPDATE churn_events SET status = 'lost' WHERE status = 'recovered'");
    let later = get(&desk, "/v1/reports/messages").await;
    assert!(later["rows"].as_array().unwrap().iter().all(|row| row["period"]["recovered"] == 0), "{later}");
}

#[actix_web::test]
async fn the_report_on_campaigns_says_why_messages_were_rejected() {
    let desk = lively().await;
    let mut max = crate::support::Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get("/reports/campaigns").await.body;
    let section = page.split("Reasons for rejecting").last().unwrap();
    assert!(section.contains(">spring</th>") && section.contains(">because</td>"), "{page}");
    let file = max.get("/reports/campaigns/table.csv?table=2").await.body;
    assert!(file.starts_with("Campaign,Handed in,Reason for rejecting\r\nspring,2") && file.contains("Z,because"), "{file}");
}

#[actix_web::test]
async fn an_upgrade_counts_what_is_there_and_what_comes_after_it() {
    let desk = lively().await;
    answered_and_brought_back(&desk).await;
    let (_, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "All", "query": "c1"})).await;
    assert!(segment["id"].is_string(), "{segment}");
    count_segments(&desk);
    let paths = [
        "/v1/reports/reasons",
        "/v1/reports/recovered",
        "/v1/reports/messages?by=mailbox",
        "/v1/reports/messages",
        "/v1/reports/departures?by=plan",
        "/v1/reports/departures?by=segment",
        "/api/v1/churn-events/stats",
    ];
    let mut before = vec![];
    for path in paths {
        before.push(get(&desk, path).await);
    }
    let mut max = crate::support::Browser::new(desk.app().await);
    max.sign_in("max").await;
    // Up to how long the oldest has waited by now.
    let table = |body: String| body.split("<table").nth(1).and_then(|rest| rest.split("/queue?mailbox").next()).map(str::to_owned);
    let of_desk = table(max.get("/reports/desk").await.body);
    let numbers = |body: String| body.split("<table").nth(1).and_then(|rest| rest.split("</table>").next()).map(str::to_owned);
    let of_vigilance = numbers(max.get("/vigilance").await.body);
    assert!(of_vigilance.is_some());
    let migrations = [
        "2026-11-22-000062_report_spans",
        "2026-11-22-000063_desk_days",
        "2026-11-22-000069_outcomes",
        "2026-11-22-000072_winback_rules",
        "2026-11-23-000084_reading_days",
        "2026-11-23-000088_message_outcomes",
    ];
    migrations.iter().rev().for_each(|name| migrate(&desk, name, "down"));
    migrations.iter().for_each(|name| migrate(&desk, name, "up"));
    assert_eq!(problems(&desk), Vec::<String>::new());
    for (path, wanted) in paths.iter().zip(before) {
        assert_eq!(get(&desk, path).await, wanted, "{path}");
    }
    assert_eq!(table(max.get("/reports/desk").await.body), of_desk);
    assert_eq!(numbers(max.get("/vigilance").await.body), of_vigilance);
    // The triggers are there again.
    left(&desk, 7, "other", 300).await;
    let message = desk.pending("later@example.com", json!({"campaign": "spring"})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(problems(&desk), Vec::<String>::new());
    while desk.write(days::fold).unwrap() {}
    assert_eq!(problems(&desk), Vec::<String>::new());
    let spring = get(&desk, "/v1/reports/messages").await["rows"][0]["period"]["sent"].as_i64();
    assert_eq!((spring, get(&desk, "/v1/reports/reasons").await["total"].as_i64()), (Some(2), Some(6)));
}

#[actix_web::test]
async fn a_change_that_is_rolled_back_is_not_counted() {
    let desk = lively().await;
    let before = get(&desk, "/v1/reports/reasons").await;
    let failed: Result<(), _> = desk.write(|conn| {
        countersign::db::transaction(conn, |conn| {
            countersign::on_either!(conn, inner => diesel::RunQueryDsl::execute(diesel::sql_query("UPDATE churn_events SET reason = 'other'"), inner))?;
            Err(countersign::domain::error::Error::not_found("nothing"))
        })
    });
    assert!(failed.is_err());
    assert_eq!(get(&desk, "/v1/reports/reasons").await, before);
    assert_eq!(problems(&desk), Vec::<String>::new());
}

#[actix_web::test]
async fn recovered_revenue_counts_on_the_day_they_came_back_and_small_samples_are_said_to_be_small() {
    let desk = Desk::new().await;
    for n in 0..3 {
        let id = left(&desk, n, "too_expensive", 1000).await;
        let long_ago = desk.now().plus_days(-200).micros();
        sql(&desk, &format!("UPDATE churn_events SET churned_at = {long_ago} WHERE id = '{id}'"));
        if n < 2 {
            desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{id}/recovered"), json!({})).await;
        }
    }
    let report = get(&desk, "/v1/reports/recovered").await;
    assert_eq!((report["recovered"].as_i64(), report["recovered_before"].as_i64()), (Some(2), Some(0)), "{report}");
    assert_eq!(report["recovered_revenue"], json!([{"minor": 2000, "currency": "USD"}]));
    assert_eq!((report["without_letter"]["left"].as_i64(), report["lift"].is_null()), (Some(0), true), "they left before the period");
    assert!(report["lift_in_words"].as_str().unwrap().starts_with("Too few to compare"), "{report}");
    let whole = get(&desk, &format!("/v1/reports/recovered?from={}", desk.now().plus_days(-300).date())).await;
    assert_eq!((whole["without_letter"]["left"].as_i64(), whole["without_letter"]["recovered"].as_i64()), (Some(3), Some(2)));
    // Enough on both sides: 30 with a letter, of whom 20 came back, and 30 without, of whom 3 did.
    for n in 10..70 {
        left(&desk, n, "other", 100).await;
    }
    let ids: Vec<String> = (10..70).map(|n| format!("'c{n}@example.com'")).collect();
    let now = desk.now().micros();
    sql(&desk, &format!("UPDATE churn_events SET window_ends_at = {now} WHERE customer_email IN ({})", ids[..30].join(", ")));
    let back: Vec<String> = ids[..20].iter().chain(&ids[30..33]).cloned().collect();
    sql(&desk, &format!("UPDATE churn_events SET status = 'recovered', recovered_at = {now} WHERE customer_email IN ({})", back.join(", ")));
    let report = get(&desk, "/v1/reports/recovered").await;
    assert_eq!((report["recovered"].as_i64(), report["lift"].as_f64()), (Some(25), Some(56.7)), "{report}");
    assert_eq!(report["lift_in_words"], "56.7 percentage points more came back with a letter than without one, which is more than chance explains.");
    assert_eq!(report["with_letter"]["interval_95"], json!([49, 81]));
    assert!(report["caution"].as_str().unwrap().contains("no proof"));
}

#[actix_web::test]
async fn a_period_is_compared_with_the_one_before_it() {
    let desk = Desk::new().await;
    for (n, days) in [0, 3, 9, 10, 11, 30].into_iter().enumerate() {
        let id = left(&desk, n, if n == 5 { "other" } else { "too_expensive" }, 100).await;
        sql(&desk, &format!("UPDATE churn_events SET churned_at = {} WHERE id = '{id}'", desk.now().plus_days(-days).micros()));
    }
    let from = desk.now().plus_days(-9).date();
    let report = get(&desk, &format!("/v1/reports/reasons?from={from}")).await;
    assert_eq!((report["total"].as_i64(), report["total_before"].as_i64()), (Some(3), Some(2)), "{report}");
    assert_eq!(report["before_until"], desk.now().plus_days(-10).date().to_string());
    assert_eq!((report["reasons"][0]["count"].as_i64(), report["reasons"][0]["count_before"].as_i64()), (Some(3), Some(2)));
    assert_eq!(report["reasons"].as_array().unwrap().len(), 1, "the last left before both");
    for bad in ["from=2026-02-30", "from=2030-01-01&until=2029-01-01", "months=3&from=2026-01-01", "from=2001-01-01"] {
        assert_eq!(desk.call(&desk.agent, "GET", &format!("/v1/reports/reasons?{bad}"), json!(null)).await.1["code"], "field_invalid", "{bad}");
    }
}

#[actix_web::test]
async fn messages_are_counted_by_what_became_of_them_and_only_within_reach() {
    let desk = lively().await;
    let report = get(&desk, "/v1/reports/messages").await;
    let spring = &report["rows"][0];
    assert_eq!((report["rows"].as_array().unwrap().len(), spring["name"].as_str()), (1, Some("spring")), "{report}");
    let wanted = json!({"drafted": 3, "held": 3, "edited": 0, "approved": 1, "rejected": 1, "waiting": 1, "on_the_way": 0, "sent": 1, "delivered": 0,
        "bounced": 0, "complained": 0, "ended": 0, "replied": 0, "recovered": 0});
    assert_eq!((&spring["period"], spring["period_before"]["drafted"].as_i64()), (&wanted, Some(0)));
    let by_mailbox = get(&desk, "/v1/reports/messages?by=mailbox").await;
    let gated = by_mailbox["rows"].as_array().unwrap().iter().find(|row| row["name"] == "gated-send@sender.example").unwrap().clone();
    assert_eq!((gated["period"]["drafted"].as_i64(), gated["period"]["waiting"].as_i64()), (Some(4), Some(2)));
    let narrow = countersign::domain::keys::NewKey {
        mailboxes: vec![desk.mailbox(countersign::domain::mailboxes::Mode::Monitored).id],
        ..countersign::domain::keys::NewKey::named("n", &[countersign::domain::actor::Scope::Read])
    };
    let narrow = desk.write(|conn| countersign::domain::keys::add(conn, &OPERATOR, &narrow, desk.now())).unwrap().1;
    assert_eq!(desk.call(&narrow, "GET", "/v1/reports/messages", json!(null)).await.1["rows"], json!([]));
    let mailboxes = desk.call(&narrow, "GET", "/v1/reports/messages?by=mailbox", json!(null)).await.1;
    assert_eq!(mailboxes["rows"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_desk_counts_decisions_waits_and_edits_on_their_day_and_each_number_leads_to_its_messages() {
    let desk = Desk::new().await;
    let mut messages = vec![];
    for n in 0..4 {
        messages.push(desk.pending(&format!("m{n}@example.com"), json!({})).await);
    }
    for (message, seconds) in messages.iter().zip([100_i64, 3601, 1, 1]) {
        sql(&desk, &format!("UPDATE messages SET submitted_at = submitted_at - {} WHERE id = '{}'", seconds * 1_000_000, message.row.id));
    }
    desk.decide("Rita", &messages[0], DecisionKind::Approve).unwrap();
    desk.decide("Rita", &messages[1], DecisionKind::Reject).unwrap();
    desk.decide("Rita", &messages[2], DecisionKind::RequestChanges).unwrap();
    let waits =
        "(SELECT up_to, number FROM desk_days WHERE what = 'wait' UNION ALL SELECT up_to, number FROM desk_day_moves WHERE what = 'wait') AS waits";
    let up_to = |bound: i64| count(&desk, &format!("SELECT CAST(coalesce(sum(number), 0) AS BIGINT) AS n FROM {waits} WHERE up_to = {bound}"));
    assert_eq!((up_to(120), up_to(5400), up_to(90), up_to(3600)), (1, 1, 0, 0), "the shortest bound that was not passed");
    assert_eq!(problems(&desk), Vec::<String>::new());
    let mut max = crate::support::Browser::new(desk.app().await);
    max.sign_in("max").await;
    let before = max.get("/reports/desk").await.body;
    while desk.write(days::fold).unwrap() {}
    assert_eq!(problems(&desk), Vec::<String>::new());
    let today = desk.now().date();
    let from = desk.now().plus_days(-89).date();
    let page = max.get("/reports/desk").await;
    assert_eq!(page.status, 200);
    let link = |how: &str| format!("/messages?decided={how}&#38;from={from}&#38;until={today}");
    for wanted in [
        format!("<a href=\"{}\">3</a>", link("any")),
        "3 measured: too few for a median".to_owned(),
        "0 of 1 approved: too few for a rate".to_owned(),
        format!("<a href=\"/messages/{}\">", messages[1].row.id),
    ] {
        assert!(page.body.contains(&wanted) && before.contains(&wanted), "{wanted} in {}", page.body);
    }
    let listed = max.get(&link("any").replace("&#38;", "&")).await.body;
    assert!((0..3).all(|n| listed.contains(&format!("m{n}@example.com"))) && !listed.contains("m3@example.com"), "{listed}");
    let rejected = max.get(&link("reject").replace("&#38;", "&")).await.body;
    assert!(rejected.contains("m1@example.com") && !rejected.contains("m0@example.com"), "{rejected}");
    let edited = max.get(&link("edited").replace("&#38;", "&")).await.body;
    assert!(!edited.contains("m0@example.com"), "{edited}");
    let earlier = max.get(&format!("/messages?decided=any&until={}", desk.now().plus_days(-1).date())).await.body;
    assert!(!earlier.contains("m0@example.com"), "{earlier}");
}

#[actix_web::test]
async fn the_database_and_the_code_say_the_same_of_states() {
    let desk = Desk::new().await;
    for way in countersign::domain::messages::list::Way::ALL
        .iter()
        .filter(|way| !matches!(way.as_str(), "held" | "edited" | "not_sent" | "replied" | "recovered"))
    {
        let states: Vec<String> = way.states().iter().map(|state| format!("'{state}'")).collect();
        let n = |condition: &str| count(&desk, &format!("SELECT count(*) AS n FROM message_ways WHERE {way} = 1 AND {condition}"));
        assert_eq!(n("1 = 1"), i64::try_from(states.len()).unwrap(), "{way}");
        assert_eq!(n(&format!("state IN ({})", states.join(", "))), i64::try_from(states.len()).unwrap(), "{way}");
    }
}

/// Copies a message under another id, as a restore by hand or a later version may: every path of this one begins with a draft.
fn copy(desk: &Desk, from: &str, to: &str) {
    let columns = match desk.state.db.is_a_file() {
        true => "SELECT name AS body FROM pragma_table_info('messages')",
        false => {
            "SELECT column_name AS body FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'messages' \
             AND is_generated = 'NEVER'"
        }
    };
    let columns: Vec<String> = texts(desk, columns).into_iter().filter(|column| column != "id").collect();
    let columns = columns.join(", ");
    assert_eq!(sql(desk, &format!("INSERT INTO messages (id, {columns}) SELECT '{to}', {columns} FROM messages WHERE id = '{from}'")), 1);
}

#[actix_web::test]
async fn a_message_that_comes_without_having_been_a_draft_or_goes_is_counted() {
    let desk = lively().await;
    let message = desk.pending("copied@example.com", json!({"campaign": "autumn"})).await;
    let mut waiting = vec![];
    for change in ["none", "come", "go"] {
        match change {
            "come" => copy(&desk, message.row.id.as_str(), "0190c0de-0000-7000-8000-000000000001"),
            "go" => drop(sql(&desk, "DELETE FROM messages WHERE id = '0190c0de-0000-7000-8000-000000000001'")),
            _ => {}
        }
        assert_eq!(problems(&desk), Vec::<String>::new(), "{change}");
        while desk.write(days::fold).unwrap() {}
        assert_eq!(problems(&desk), Vec::<String>::new(), "{change}, folded");
        waiting.push(count(&desk, "SELECT CAST(sum(waiting) AS BIGINT) AS n FROM message_days WHERE campaign = 'autumn'"));
    }
    assert_eq!(waiting, [1, 2, 1]);
}

#[actix_web::test]
async fn weeks_and_months_of_a_segment_follow_a_day_whose_numbers_change() {
    let desk = lively().await;
    let (status, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "All", "query": "example"})).await;
    assert_eq!(status, 201, "{segment}");
    count_segments(&desk);
    let day = "SELECT count(*) AS n FROM segment_days WHERE reason = 'missing_features' AND ";
    assert_eq!(count(&desk, &format!("{day} open_number = 1 AND open_minor = 700")), 1);
    left(&desk, 7, "missing_features", 300).await;
    sql(&desk, "DELETE FROM segment_counts");
    count_segments(&desk);
    assert_eq!(count(&desk, &format!("{day} open_number = 2 AND open_minor = 1000")), 1, "the same day, with other numbers");
    assert_eq!(problems(&desk), Vec::<String>::new());
    for span in ["segment_weeks", "segment_months"] {
        let sum = format!("SELECT CAST(sum(open_minor) AS BIGINT) AS n FROM {span} WHERE reason = 'missing_features'");
        assert_eq!(count(&desk, &sum), 1000, "{span}");
    }
}

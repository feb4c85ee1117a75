//! Programmes over time: recommendations, sequences, migrations; and the report that is mailed on Mondays.

use countersign::clock::Time;
use countersign::domain::accounts::settings::{self, NoticeChoice, Profile};
use countersign::domain::cohorts::history;
use countersign::domain::contacts;
use countersign::domain::facts::{self, AllowedUrl, Body};
use countersign::domain::ids::{ContactId, ReferralId};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use countersign::domain::outbox::{WorkerId, verify};
use countersign::domain::referrals;
use countersign::domain::reports::days;
use countersign::worker;
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::inbound::{arrive, reply};
use crate::programs::contact;
use crate::support::{Browser, Desk, OPERATOR, address, count, sql};

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, found) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{path}: {found}");
    found
}

async fn post(desk: &Desk, path: &str, body: Value) -> Value {
    let (status, made) = desk.call(&desk.agent, "POST", path, body).await;
    assert!(status < 300, "{path}: {made}");
    made
}

fn problems(desk: &Desk) -> Vec<String> {
    desk.read(verify::verify).reports.into_iter().map(|wrong| format!("{}: {}", wrong.of, wrong.problem)).collect()
}

/// The numbers are what a recount gives, before and after they are folded, and folding changes none of these answers.
async fn holds(desk: &Desk, paths: &[&str]) {
    assert_eq!(problems(desk), Vec::<String>::new());
    let mut before = vec![];
    for path in paths {
        before.push(get(desk, path).await);
    }
    while desk.write(days::fold).unwrap() {}
    assert_eq!(count(desk, "SELECT count(*) AS n FROM program_day_moves"), 0);
    assert_eq!(problems(desk), Vec::<String>::new());
    for (path, wanted) in paths.iter().zip(before) {
        assert_eq!(get(desk, path).await, wanted);
    }
}

#[actix_web::test]
async fn what_comes_of_recommendations_counts_on_the_day_it_happened() {
    let desk = Desk::new().await;
    let ask = desk.pending("a@example.com", json!({"tags": ["referral-program"]})).await;
    desk.decide("Rita", &ask, DecisionKind::Approve).unwrap();
    desk.pending("b@example.com", json!({"tags": ["referral-program"]})).await;
    desk.drain().await;
    let now = desk.now().micros();
    let someone = contact(&desk, "c@example.com", &[]);
    let row = |id: &str, at: i64| {
        format!(
            "INSERT INTO referrals (id, contact_id, code, target_url, by_admin, clicks, conversions, created_by, created_at) \
             VALUES ('{id}', '{someone}', '{id}', 'https://x.example/{id}', FALSE, 0, 0, 'x', {at})"
        )
    };
    sql(&desk, &row("one", now));
    sql(&desk, &row("two", desk.now().plus_days(-100).micros()));
    for clicks in 1..=3 {
        sql(&desk, &format!("UPDATE referrals SET clicks = {clicks}, last_click_at = {now} WHERE id = 'one'"));
    }
    let signup = |id: &str, value: &str| {
        format!(
            "INSERT INTO referral_conversions (id, referral_id, value_minor, currency, recorded_by, created_at) VALUES ('{id}', 'one', {value}, 'x', {now})"
        )
    };
    sql(&desk, &signup("s1", "2000, 'USD'"));
    sql(&desk, &signup("s2", "NULL, NULL"));
    for (id, conversion, amount, unit) in [("r1", "s1", 500, "USD"), ("r2", "s2", 2, "months")] {
        let row = format!("('{id}', 'one', '{conversion}', {amount}, '{unit}', 'x', {now})");
        sql(&desk, &format!("INSERT INTO referral_rewards (id, referral_id, conversion_id, amount, unit, recorded_by, created_at) VALUES {row}"));
    }
    let report = get(&desk, "/v1/reports/referrals").await;
    let wanted = json!({"asks": 1, "links": 1, "shares": 1, "clicks": 3, "signups": 2, "value": [{"minor": 2000, "currency": "USD"}], "rewards": 2,
        "given": [{"minor": 500, "currency": "USD"}], "free_months": 2});
    assert_eq!((&report["period"], report["period_before"]["links"].as_i64()), (&wanted, Some(1)), "{report}");
    holds(&desk, &["/v1/reports/referrals"]).await;
    sql(&desk, "UPDATE program_days SET number = number + 1 WHERE what IN ('click', 'signup') AND number > 0");
    assert_eq!(problems(&desk).len(), 3, "clicks, and sign-ups in each currency: {:?}", problems(&desk));

    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get("/reports/referrals").await;
    let today = desk.now().date();
    for (number, wanted, others) in [
        ("links", ">1</a>", 0),
        ("followed", "/referrals/one", 0),
        ("visitors", "/referrals/one", 0),
        ("signups", "$20", 0),
        ("rewards", "2 months", 1),
    ] {
        let link = format!("/reports/referrals/rows?number={number}&from={today}&until={today}");
        let rows = max.get(&link).await;
        assert!(rows.status == 200 && rows.body.contains("c@example.com"), "{link}: {}", rows.body);
        assert!(number == "links" || rows.body.contains(wanted), "{wanted} in {}", rows.body);
        let wanted_rows = match number {
            "links" | "followed" => 1,
            "visitors" => 3,
            _ => 2,
        };
        assert_eq!(rows.body.matches("<tr><td><a href=").count(), wanted_rows, "{link}");
        assert_eq!(rows.body.matches("/referrals/two").count(), 0, "made in the period before, {others}");
    }
    for wanted in [
        "/reports/referrals/rows?number=signups",
        "/reports/referrals/rows?number=rewards",
        "Less rewards in money",
        "$15",
        "of 1 asks: too few for a rate",
        "/messages?tag=referral-program&#38;way=sent",
    ] {
        assert!(page.status == 200 && page.body.contains(wanted), "{wanted} in {}", page.body);
    }
}

#[actix_web::test]
async fn a_funnel_says_who_came_how_far_and_why_the_others_left() {
    let desk = Desk::new().await;
    let steps = json!([{"subject": "First", "body": "Hello."}, {"subject": "Second", "body": "Hello again.", "wait_days": 1}]);
    let made = post(&desk, "/v1/sequences", json!({"name": "Welcome", "mailbox": address(Mode::Autonomous), "steps": steps})).await;
    let path = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
    let mut enrollments = vec![];
    for n in 0..4 {
        contact(&desk, &format!("c{n}@example.com"), &[]);
        let row = post(&desk, &format!("{path}/enrollments"), json!({"email": format!("c{n}@example.com")})).await;
        enrollments.push(format!("{path}/enrollments/{}", row["id"].as_str().unwrap()));
    }
    // The first two get a step: one answers it. The third is stopped by hand, the fourth waits.
    let mut messages = vec![];
    for enrollment in &enrollments[..2] {
        let sent = post(&desk, &format!("{enrollment}/send-next"), json!({})).await;
        let message = desk.message(sent["message"]["id"].as_str().unwrap());
        if message.row.state == countersign::domain::messages::State::Pending {
            desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
        }
        messages.push(message);
        desk.drain().await;
    }
    let first = &messages[0];
    let about = format!("{}.{}@sender.example", first.row.id, first.row.version);
    arrive(&desk, Mode::Autonomous, &reply("c0@example.com", &about, "Re: First", "Thank you."));
    post(&desk, &format!("{}/stop", enrollments[2]), json!({"reason": "Not now."})).await;
    let report = format!("/v1/reports/sequences/{}", made["id"].as_str().unwrap());
    let found = get(&desk, &report).await;
    assert_eq!((found["enrolled"].as_i64(), found["complete"].as_i64()), (Some(4), Some(0)), "{found}");
    let wanted = json!([
        {"subject": "First", "entered": 4, "waiting": 1, "sent": 2, "replied": 1, "left": {"by_hand": 1}, "entered_before": 0, "sent_before": 0, "replied_before": 0},
        {"subject": "Second", "entered": 2, "waiting": 1, "sent": 0, "replied": 0, "left": {"answered": 1}, "entered_before": 0, "sent_before": 0, "replied_before": 0},
    ]);
    assert_eq!(found["steps"], wanted, "{found}");
    holds(&desk, &[&report]).await;
    every_number_of_the_funnel_leads_to_its_rows(&desk, made["id"].as_str().unwrap()).await;
    sql(&desk, "UPDATE program_days SET number = number + 1 WHERE kind = 'step' AND what = 'sent'");
    assert_eq!(problems(&desk).len(), 1);

    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get("/reports/sequences").await;
    for wanted in ["1. First", "stopped by hand 1", "Only 4 were enrolled: too few", "4 (100 %)"] {
        assert!(page.status == 200 && page.body.contains(wanted), "{wanted} in {}", page.body);
    }
    assert_eq!(max.get("/reports/sequences?of=nothing").await.status, 404);
    // The first two were enrolled in the period before.
    let earlier = desk.now().plus_days(-100).micros();
    sql(
        &desk,
        &format!(
            "UPDATE enrollments SET created_at = {earlier} WHERE contact_id IN (SELECT id FROM contacts WHERE email IN ('c0@example.com', 'c1@example.com'))"
        ),
    );
    let found = get(&desk, &report).await;
    assert_eq!((found["enrolled"].as_i64(), found["enrolled_before"].as_i64()), (Some(2), Some(2)), "{found}");
}

/// Each list has as many rows as the number says, and nobody else.
async fn every_number_of_the_funnel_leads_to_its_rows(desk: &Desk, id: &str) {
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get("/reports/sequences").await.body;
    let today = desk.now().date();
    for (number, place, wanted) in [
        ("entered", 0, vec!["c0", "c1", "c2", "c3"]),
        ("entered", 1, vec!["c0", "c1"]),
        ("waiting", 0, vec!["c3"]),
        ("waiting", 1, vec!["c1"]),
        ("sent", 0, vec!["c0", "c1"]),
        ("answered", 0, vec!["c0"]),
        ("left", 0, vec!["c2"]),
        ("left", 1, vec!["c0"]),
        ("answers", 0, vec!["c0"]),
    ] {
        let from = desk.now().plus_days(-89).date();
        let link = format!("/reports/sequences/rows?number={number}&of={id}&place={place}&from={from}&until={today}");
        assert!(page.contains(&format!("<a href=\"{}\">{}</a>", link.replace('&', "&#38;"), wanted.len())), "{link} in {page}");
        let rows = max.get(&link).await;
        assert_eq!(rows.status, 200, "{link}");
        for who in ["c0", "c1", "c2", "c3"] {
            assert_eq!(rows.body.contains(&format!(">{who}@example.com</a>")), wanted.contains(&who), "{who} of {number} {place}: {}", rows.body);
        }
    }
    for (path, status) in [
        ("/reports/sequences/rows?number=links", 404),
        (&*format!("/reports/referrals/rows?number=entered&of={id}"), 404),
        ("/reports/sequences/rows?number=entered&of=nothing", 404),
        ("/reports/reasons/rows?number=links", 404),
        (&*format!("/reports/sequences/rows?number=entered&of={id}&after=x"), 422),
    ] {
        assert_eq!(max.get(path).await.status, status, "{path}");
    }
}

/// Counts what is due of all migrations, at this moment.
fn count_migrations(desk: &Desk, at: Time) -> usize {
    let mut all = 0;
    while let Some((id, counts)) = desk.read(|conn| history::next(conn, at)) {
        desk.write(|conn| history::keep(conn, &id, &counts, at)).unwrap();
        all += 1;
    }
    all
}

#[actix_web::test]
async fn a_migration_burns_down_and_what_was_not_counted_is_as_on_the_day_before() {
    let desk = Desk::new().await;
    for n in 0..4 {
        contact(&desk, &format!("c{n}@example.com"), &["api-v1"]);
    }
    let deadline = desk.now().plus_days(100).date().to_string();
    let body = json!({"name": "Sunset", "tags": "api-v1", "deadline": deadline, "from_version": "1", "to_version": "2"});
    let cohort = post(&desk, "/v1/cohorts", body).await["id"].as_str().unwrap().to_owned();
    let ten_days_ago = desk.now().plus_days(-10);
    assert_eq!((count_migrations(&desk, ten_days_ago), count_migrations(&desk, ten_days_ago)), (1, 0), "once an hour");
    contact(&desk, "c0@example.com", &["api-v1", "migration-complete"]);
    contact(&desk, "c1@example.com", &["api-v1", "migration-started"]);
    assert_eq!(count_migrations(&desk, desk.now()), 1);
    let from = desk.now().plus_days(-11).date();
    let found = get(&desk, &format!("/v1/reports/cohorts/{cohort}?from={from}")).await;
    let remain: Vec<Option<i64>> = found["steps"].as_array().unwrap().iter().map(|step| step["remain"].as_i64()).collect();
    assert_eq!(remain[..3], [None, Some(4), Some(4)], "{found}");
    assert_eq!((remain.len(), remain[10], remain[11]), (12, Some(4), Some(3)), "{found}");
    let words = found["pace_in_words"].as_str().unwrap();
    assert_eq!(words, "At the pace of this period, 3 remain for about 30 days; the deadline is 70 days after that.");
    assert_eq!(found["steps"][11]["by_progress"]["started"].as_i64(), Some(1));
    assert_eq!((found["done"].as_i64(), found["done_before"].as_i64()), (None, None), "its begin was not counted");
    let later = get(&desk, &format!("/v1/reports/cohorts/{cohort}?from={}", desk.now().plus_days(-4).date())).await;
    assert_eq!(
        (later["done"].as_i64(), later["done_before"].as_i64(), later["steps"][4]["remained_before"].as_i64()),
        (Some(1), Some(0), Some(4)),
        "{later}"
    );
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&format!("/reports/migrations?from={from}")).await;
    let done = "/customers?tags=api-v1%2Cmigration-complete";
    let started = "/customers?tags=api-v1%2Cmigration-started%2C-migration-complete";
    for (link, wanted) in [(done, "c0@example.com"), (started, "c1@example.com")] {
        assert!(page.body.contains(&format!("<a href=\"{link}\">1</a>")), "{link} in {}", page.body);
        let rows = max.get(link).await.body;
        assert!(rows.contains(wanted) && !rows.contains("c2@example.com"), "{rows}");
    }
    for wanted in ["<b>Sunset</b>", "4 at its start", "Contacts who are not done"] {
        let wanted = if wanted == "4 at its start" { "not counted before this period" } else { wanted };
        assert!(page.status == 200 && page.body.contains(wanted), "{wanted} in {}", page.body);
    }
    let deleted = desk.call(&desk.agent, "DELETE", &format!("/v1/cohorts/{cohort}"), json!(null)).await;
    assert!(deleted.0 < 300, "{}", deleted.1);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM program_days WHERE kind = 'cohort'"), 0, "no history of what is gone");
}

#[actix_web::test]
async fn who_got_done_is_counted_although_they_leave_the_migration() {
    let desk = Desk::new().await;
    for n in 0..3 {
        contact(&desk, &format!("c{n}@example.com"), &["api-v1"]);
    }
    let body =
        json!({"name": "Sunset", "tags": "api-v1", "deadline": desk.now().plus_days(100).date().to_string(), "from_version": "1", "to_version": "2"});
    let cohort = post(&desk, "/v1/cohorts", body).await["id"].as_str().unwrap().to_owned();
    count_migrations(&desk, desk.now().plus_days(-12));
    let done = ["c0", "c1"].map(|name| contact(&desk, &format!("{name}@example.com"), &["migration-complete"]));
    count_migrations(&desk, desk.now().plus_days(-6));
    // Whoever was moved needs the tag no longer.
    let leaves = |id: &str| desk.write(|conn| contacts::remove_tag(conn, &OPERATOR, &id.into(), "api-v1", desk.now())).map(drop).unwrap();
    leaves(&done[0]);
    count_migrations(&desk, desk.now().plus_days(-3));
    leaves(&done[1]);
    count_migrations(&desk, desk.now());
    for (days, done, done_before) in [(11, Some(2), None), (5, Some(0), Some(2)), (4, Some(0), Some(2)), (1, Some(0), Some(0))] {
        let path = format!("/v1/reports/cohorts/{cohort}?from={}", desk.now().plus_days(1 - days).date());
        let found = get(&desk, &path).await;
        assert_eq!((found["done"].as_i64(), found["done_before"].as_i64()), (done, done_before), "{days} days: {found}");
    }
}

/// One look of the worker at this moment.
async fn look(desk: &Desk, at: Time) {
    let (_sender, stop) = tokio::sync::watch::channel(false);
    worker::notices::step(&desk.state, &desk.transport(), &WorkerId::new(), &stop, move || at).await.unwrap();
}

fn weeks_to(desk: &Desk, who: &str) -> usize {
    let to = format!("{}@desk.example", who.to_lowercase());
    desk.catcher.messages().into_iter().filter(|mail| mail.to == [to.as_str()] && mail.subject.starts_with("Your week at the desk")).count()
}

#[actix_web::test]
async fn the_week_is_mailed_once_on_monday_morning_to_whoever_answers_for_it() {
    let desk = Desk::new().await;
    sql(&desk, "DELETE FROM weekly_choices");
    // The first Monday that is more than a week away, at 8 in UTC.
    let mut monday = desk.now().plus_days(8);
    while monday.date().weekday() != jiff::civil::Weekday::Monday {
        monday = monday.plus_days(1);
    }
    let eight = Time::from_date(monday.date()).plus_seconds(8 * 3600);
    look(&desk, desk.now()).await;
    look(&desk, eight.plus_days(-7)).await;
    let earlier = weeks_to(&desk, "Max");
    let event = json!({"customer_email": "c@example.com", "cancel_reason": "too_expensive", "mrr_cents": 1900, "currency": "usd"});
    let id = post(&desk, "/api/v1/churn-events", event).await["id"].as_str().unwrap().to_owned();
    sql(&desk, &format!("UPDATE churn_events SET churned_at = {} WHERE id = '{id}'", eight.plus_days(-2).micros()));
    look(&desk, eight.plus_seconds(-60)).await;
    assert_eq!(weeks_to(&desk, "Max"), earlier, "not early");
    let choice = NoticeChoice { notices: true, digest_hour: 8, weekly: Some(true), mailboxes: vec![] };
    desk.write(|conn| settings::set_notices(conn, &desk.person("Rob"), &choice, desk.now())).unwrap();
    for minutes in [1, 2, 30, 600, 6 * 1440] {
        look(&desk, eight.plus_seconds(minutes * 60)).await;
        assert_eq!((weeks_to(&desk, "Max"), weeks_to(&desk, "Ada")), (earlier + 1, earlier + 1), "{minutes} minutes after");
    }
    assert_eq!((weeks_to(&desk, "Rita"), weeks_to(&desk, "Rob")), (0, 1), "reviewers only where they want it");
    let mail = desk.catcher.messages().into_iter().rfind(|mail| mail.to == ["max@desk.example"]).unwrap();
    let parsed = mail_parser::MessageParser::default().parse(&mail.raw).unwrap();
    let text = parsed.body_text(0).unwrap().into_owned();
    for wanted in ["Customers who left: 1, 1 more than the week before, $19 a month lost", "/reports/reasons?from=", "/account"] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    // Another zone makes no second Monday, and the clock going back neither.
    let new_york = Profile { time_zone: "America/New_York".into(), shortcuts: true };
    desk.write(|conn| settings::set_profile(conn, &desk.person("Max"), &new_york, eight.plus_seconds(3600))).unwrap();
    for at in [eight.plus_seconds(7 * 3600), eight.plus_seconds(-3600), eight.plus_seconds(20 * 3600)] {
        look(&desk, at).await;
    }
    assert_eq!(weeks_to(&desk, "Max"), earlier + 1);
    // A worker that was off on Monday makes up for it on Monday, and not on Wednesday.
    look(&desk, eight.plus_days(7 + 2)).await;
    assert_eq!(weeks_to(&desk, "Ada"), earlier + 1);
    look(&desk, eight.plus_days(14).plus_seconds(10 * 3600)).await;
    assert_eq!(weeks_to(&desk, "Ada"), earlier + 2);
    // Whoever wants none gets none.
    let none = NoticeChoice { notices: true, digest_hour: 8, weekly: Some(false), mailboxes: vec![] };
    desk.write(|conn| settings::set_notices(conn, &desk.person("Ada"), &none, desk.now())).unwrap();
    look(&desk, eight.plus_days(21).plus_seconds(60)).await;
    assert_eq!((weeks_to(&desk, "Ada"), weeks_to(&desk, "Rob")), (earlier + 2, 3));
}

const VISITS: [(&str, &str); 2] = [
    (
        include_str!("../../migrations/sqlite/2026-11-23-000094_visits_by_day/down.sql"),
        include_str!("../../migrations/sqlite/2026-11-23-000094_visits_by_day/up.sql"),
    ),
    (
        include_str!("../../migrations/postgres/2026-11-23-000094_visits_by_day/down.sql"),
        include_str!("../../migrations/postgres/2026-11-23-000094_visits_by_day/up.sql"),
    ),
];

/// A link of somebody: their id, and its id.
async fn link(desk: &Desk, email: &str) -> (ContactId, ReferralId) {
    let made = post(desk, "/v1/referrals", json!({"email": email, "target_url": "https://acme.example.com/join"})).await;
    let (contact, id) = (made["contact_id"].as_str().unwrap(), made["id"].as_str().unwrap());
    (ContactId::from(contact), ReferralId::from(id))
}

#[actix_web::test]
async fn each_visit_of_a_link_counts_on_its_own_day_also_those_that_stood_on_the_latest() {
    let desk = Desk::new().await;
    let allowed = Body::AllowedUrl(AllowedUrl { url: "https://acme.example.com/join".into(), note: None });
    desk.write(|conn| facts::add(conn, &OPERATOR, allowed, None, desk.now())).unwrap();
    let (ana, first) = link(&desk, "ana@example.com").await;
    let (_, second) = link(&desk, "ben@example.com").await;
    let at = |days: i64| desk.now().plus_days(-days);
    for (days, visitor) in [(9, "a"), (9, "b"), (6, "a"), (2, "c")] {
        desk.write(|conn| referrals::count(conn, &first, visitor, at(days))).unwrap();
    }
    desk.write(|conn| referrals::count(conn, &second, "d", at(1))).unwrap();
    let counted = async || {
        let mut all = vec![];
        for days in [9, 6, 2, 1] {
            let day = at(days).date();
            let report = get(&desk, &format!("/v1/reports/referrals?from={day}&until={day}")).await;
            all.push((report["period"]["clicks"].as_i64().unwrap(), report["period"]["shares"].as_i64().unwrap()));
        }
        all
    };
    let truth = [(2, 1), (1, 0), (1, 0), (1, 1)];
    assert_eq!(counted().await, truth);
    // As it was before: everything of a link on the day of its latest visitor. Of the second one the log does not have all.
    let (down, up) = VISITS[usize::from(desk.state.db.url().starts_with("postgres"))];
    let batch = |text: &str| desk.write(|conn| Ok(conn.batch_execute(text)?)).unwrap();
    batch(down);
    let day = |days: i64| at(days).micros() / 86_400_000_000;
    batch(
        "UPDATE referral_visits SET at = (SELECT last_click_at FROM referrals r WHERE r.id = referral_visits.referral_id); \
         DELETE FROM program_days WHERE what IN ('click', 'share'); DELETE FROM program_day_moves WHERE what IN ('click', 'share')",
    );
    for (days, what, number) in [(2, "click", 4), (2, "share", 1), (1, "click", 1), (1, "share", 1)] {
        let row = format!("('referral', '', {}, 0, '{what}', '', {number}, 0)", day(days));
        batch(&format!("INSERT INTO program_days (kind, of, day, place, what, word, number, amount) VALUES {row}"));
    }
    batch(&format!("UPDATE referrals SET clicks = 2 WHERE id = '{second}'"));
    assert_eq!(counted().await, [(0, 0), (0, 0), (4, 1), (2, 1)]);
    batch(up);
    assert_eq!(counted().await, [(2, 1), (1, 0), (1, 0), (2, 1)], "what the log does not have stays where it was");
    holds(&desk, &["/v1/reports/referrals"]).await;
    // Each number leads to exactly its rows, and what is erased goes from both.
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    for (days, rows) in [(9, 2), (6, 1), (2, 1), (1, 2)] {
        let day = at(days).date();
        let page = max.get(&format!("/reports/referrals/rows?number=visitors&from={day}&until={day}")).await.body;
        assert_eq!(page.matches("<tr><td><a href=\"").count(), rows, "{days} days ago");
    }
    desk.write(|conn| contacts::erase::erase(conn, &desk.person("Ada"), &ana, desk.now())).unwrap();
    assert_eq!(counted().await, [(0, 0), (0, 0), (0, 0), (2, 1)]);
    holds(&desk, &["/v1/reports/referrals"]).await;
}

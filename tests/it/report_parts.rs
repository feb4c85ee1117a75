//! Who left, by plan, tenure and segment; which letters bring people back; and that each number of a report leads to its rows.

use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use countersign::domain::outbox::verify;
use countersign::domain::reports::days;
use countersign::domain::segments::departures;
use serde_json::{Value, json};

use crate::inbound::{arrive, reply};
use crate::support::{Browser, Desk, count, sql};

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, found) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{path}: {found}");
    found
}

fn problems(desk: &Desk) -> Vec<String> {
    desk.read(verify::verify).reports.into_iter().map(|wrong| format!("{}: {}", wrong.of, wrong.problem)).collect()
}

async fn left(desk: &Desk, n: usize, more: Value) -> String {
    let mut event = json!({"customer_email": format!("c{n}@example.com"), "cancel_reason": "too_expensive", "mrr_cents": 1000, "currency": "usd"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    assert_eq!(status, 201, "{event}");
    event["id"].as_str().unwrap().to_owned()
}

async fn came_back(desk: &Desk, id: &str) {
    assert_eq!(desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{id}/recovered"), json!({})).await.0, 200);
}

/// Writes to somebody with this strategy, and lets it leave.
async fn written_to(desk: &Desk, id: &str, strategy: &str) -> Value {
    let base = format!("/api/v1/churn-events/{id}");
    let (_, made) = desk.call(&desk.agent, "POST", &format!("{base}/generate"), json!({})).await;
    let variant = made["variants"].as_array().unwrap().iter().find(|variant| variant["strategy"] == strategy).unwrap();
    let send = format!("{base}/variants/{}/send", variant["id"].as_str().unwrap());
    let (status, held) = desk.call(&desk.agent, "POST", &send, json!({})).await;
    assert_eq!(status, 202, "{held}");
    desk.decide("Rita", &desk.message(held["id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    desk.drain().await;
    held
}

fn row<'v>(report: &'v Value, name: &Value) -> &'v Value {
    report["rows"].as_array().unwrap().iter().find(|row| row["name"] == *name).unwrap_or_else(|| panic!("{name} in {report}"))
}

/// Counts what is due of all segments.
fn count_segments(desk: &Desk) {
    while let Some(mut found) = desk.read(|conn| departures::next(conn, desk.now())) {
        while desk.write(|conn| departures::keep(conn, &mut found, desk.now())).unwrap() {}
    }
}

#[actix_web::test]
async fn departures_are_counted_by_plan_and_tenure_with_reasons_beside_the_period_before() {
    let desk = Desk::new().await;
    let first = left(&desk, 1, json!({"plan_name": "Pro", "tenure_days": 29})).await;
    left(&desk, 2, json!({"plan_name": "Pro", "tenure_days": 30, "cancel_reason": "missing_features"})).await;
    left(&desk, 3, json!({"plan_name": "Team & <b>", "tenure_days": 730})).await;
    let old = left(&desk, 4, json!({"plan_name": "Pro", "tenure_days": 800})).await;
    left(&desk, 5, json!({})).await;
    sql(&desk, &format!("UPDATE churn_events SET churned_at = {} WHERE id = '{old}'", desk.now().plus_days(-100).micros()));
    came_back(&desk, &first).await;

    let report = get(&desk, "/v1/reports/departures").await;
    let pro = row(&report, &json!("Pro"));
    assert_eq!((pro["count"].as_i64(), pro["count_before"].as_i64(), pro["recovered"].as_i64()), (Some(2), Some(1), Some(1)), "{report}");
    assert_eq!(
        (&pro["by_reason"], &pro["lost"]),
        (&json!({"missing_features": 1, "too_expensive": 1}), &json!([{"minor": 1000, "currency": "USD"}]))
    );
    assert_eq!((pro["share_percent"].as_f64(), row(&report, &Value::Null)["count"].as_i64()), (Some(50.0), Some(1)));
    let tenure = get(&desk, "/v1/reports/departures?by=tenure").await;
    for (band, number, before) in [("0-29", 1, 0), ("30-89", 1, 0), ("730-", 1, 1)] {
        let band = row(&tenure, &json!(band));
        assert_eq!((band["count"].as_i64(), band["count_before"].as_i64()), (Some(number), Some(before)), "{tenure}");
    }
    // A correction moves a number, and nothing is left behind.
    sql(&desk, "UPDATE churn_events SET plan_name = 'Team & <b>', tenure_days = NULL WHERE plan_name = 'Pro' AND reason = 'missing_features'");
    assert_eq!(row(&get(&desk, "/v1/reports/departures").await, &json!("Team & <b>"))["count"].as_i64(), Some(2));
    assert_eq!(problems(&desk), Vec::<String>::new());
    while desk.write(days::fold).unwrap() {}
    assert_eq!(problems(&desk), Vec::<String>::new());
    assert_eq!(count(&desk, "SELECT CAST(count(*) AS BIGINT) AS n FROM churn_part_moves"), 0, "all are folded");
    assert_eq!(row(&get(&desk, "/v1/reports/departures").await, &json!("Team & <b>"))["count"].as_i64(), Some(2));
}

#[actix_web::test]
async fn verify_names_a_part_and_a_month_with_a_wrong_number() {
    let desk = Desk::new().await;
    left(&desk, 1, json!({"plan_name": "Pro"})).await;
    while desk.write(days::fold).unwrap() {}
    sql(&desk, "UPDATE churn_part_days SET open_number = open_number + 2 WHERE part = 'plan'");
    sql(&desk, "UPDATE churn_months SET open_minor = open_minor - 7 WHERE kind = 'left'");
    let (today, found) = (desk.now().date(), problems(&desk));
    assert_eq!(
        found,
        [
            format!("departures of {today}: plan Pro too_expensive USD open: The number is 2 off."),
            format!("departures of the month of {}: left too_expensive USD open: The sum is -7 minor units off.", today.first_of_month()),
        ]
    );
}

#[actix_web::test]
async fn a_long_period_is_added_up_from_months_and_days_and_gives_what_the_rows_give() {
    let desk = Desk::new().await;
    for n in 0..60 {
        let id = left(&desk, n, json!({"plan_name": if n % 3 == 0 { "Pro" } else { "Free" }})).await;
        let then = desk.now().plus_days(-13 * i64::try_from(n).unwrap()).micros();
        sql(&desk, &format!("UPDATE churn_events SET churned_at = {then} WHERE id = '{id}'"));
    }
    // Folded, so that months are what is read.
    while desk.write(days::fold).unwrap() {}
    for days in [1, 6, 31, 45, 90, 200, 400, 700] {
        let (from, until) = (desk.now().plus_days(-days).date(), desk.now().plus_days(-days / 7).date());
        let report = get(&desk, &format!("/v1/reports/departures?from={from}&until={until}")).await;
        let (start, end) = (from.to_string(), until.to_string());
        let micros = |day: &str| countersign::clock::Time::parse(day).unwrap();
        let wanted = count(
            &desk,
            &format!(
                "SELECT count(*) AS n FROM churn_events WHERE churned_at >= {} AND churned_at < {}",
                micros(&start).micros(),
                micros(&end).plus_days(1).micros()
            ),
        );
        let found: i64 = report["rows"].as_array().unwrap().iter().map(|row| row["count"].as_i64().unwrap()).sum();
        assert_eq!(found, wanted, "{from} to {until}: {report}");
        let reasons = get(&desk, &format!("/v1/reports/reasons?from={from}&until={until}")).await;
        assert_eq!(reasons["total"].as_i64(), Some(wanted), "{reasons}");
        let since = get(&desk, &format!("/api/v1/churn-events/stats?since={}", desk.now().plus_days(-days))).await;
        let rows = count(&desk, &format!("SELECT count(*) AS n FROM churn_events WHERE churned_at >= {}", desk.now().plus_days(-days).micros()));
        assert_eq!(since["total"].as_i64(), Some(rows), "since {days} days");
    }
}

#[actix_web::test]
async fn segments_are_counted_anew_and_a_changed_one_says_nothing_until_it_is() {
    let desk = Desk::new().await;
    for n in 0..3 {
        left(&desk, n, json!({})).await;
    }
    let tag = json!({"email": "c1@example.com", "tags": ["vip"]});
    assert!(desk.call(&desk.agent, "POST", "/v1/contacts", tag).await.0 < 300);
    let (status, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Very important", "tags": ["vip"]})).await;
    assert_eq!(status, 201, "{segment}");
    let before = get(&desk, "/v1/reports/departures?by=segment").await;
    assert!(row(&before, &json!("Very important"))["counted_at"].is_null(), "{before}");
    count_segments(&desk);
    let report = get(&desk, "/v1/reports/departures?by=segment").await;
    let vip = row(&report, &json!("Very important"));
    assert_eq!((vip["count"].as_i64(), vip["share_percent"].as_f64(), vip["counted_at"].is_string()), (Some(1), Some(33.3), true), "{report}");
    assert!(desk.read(|conn| departures::next(conn, desk.now())).is_none(), "not before an hour has passed");
    // What changed is written down, and what is gone is taken away.
    sql(&desk, "UPDATE churn_events SET reason = 'other' WHERE customer_email = 'c1@example.com'");
    sql(&desk, "UPDATE segment_counts SET counted_at = 0");
    count_segments(&desk);
    let report = get(&desk, "/v1/reports/departures?by=segment").await;
    assert_eq!(row(&report, &json!("Very important"))["by_reason"], json!({"other": 1}));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM segment_days"), 1);

    // A segment that changed while it was looked at is looked at again.
    sql(&desk, "UPDATE segment_counts SET counted_at = 0");
    let mut stale = desk.read(|conn| departures::next(conn, desk.now())).unwrap();
    let id = segment["id"].as_str().unwrap();
    let changed = desk.call(&desk.agent, "PATCH", &format!("/v1/segments/{id}"), json!({"tags": []})).await;
    assert_eq!(changed.0, 200, "{}", changed.1);
    assert!(!desk.write(|conn| departures::keep(conn, &mut stale, desk.now())).unwrap());
    assert!(row(&get(&desk, "/v1/reports/departures?by=segment").await, &json!("Very important"))["counted_at"].is_null());
    count_segments(&desk);
    assert_eq!(row(&get(&desk, "/v1/reports/departures?by=segment").await, &json!("Very important"))["count"].as_i64(), Some(3));
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/segments/{id}"), json!(null)).await.0, 204, "with what was counted of it");
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM segment_months"), 0);
}

#[actix_web::test]
async fn strategies_are_counted_by_reason_with_answers_and_returns() {
    let desk = Desk::new().await;
    let (first, second) = (left(&desk, 1, json!({})).await, left(&desk, 2, json!({"cancel_reason": "poor_support"})).await);
    written_to(&desk, &first, "value_recap").await;
    let held = written_to(&desk, &second, "founder_email").await;
    let message = desk.message(held["id"].as_str().unwrap());
    let about = format!("{}.{}@sender.example", message.row.id, message.row.version);
    let answered = reply("c2@example.com", &about, "Re: you", "Thank you for asking.").replace("autonomous@", "gated-send@");
    arrive(&desk, Mode::GatedSend, &answered);
    came_back(&desk, &second).await;
    let report = get(&desk, "/v1/reports/strategies").await;
    let rows = report["rows"].as_array().unwrap();
    let of = |strategy: &str| rows.iter().find(|row| row["strategy"] == strategy).unwrap_or_else(|| panic!("{report}"));
    let founder = of("founder_email");
    assert_eq!((founder["reason"].as_str(), rows.len()), (Some("poor_support"), 2));
    let wanted = json!({"sent": 1, "replied": 1, "recovered": 1, "open": 0, "recovered_percent": 100.0, "interval_95": null});
    assert_eq!(founder["period"], wanted, "{report}");
    assert_eq!((of("value_recap")["period"]["open"].as_i64(), of("value_recap")["period"]["replied"].as_i64()), (Some(1), Some(0)));
    assert!(report["best"][0]["in_words"].as_str().unwrap().contains("not enough data"), "{report}");
    assert!(report["caution"].as_str().unwrap().contains("latest letter"));
    assert_eq!(problems(&desk), Vec::<String>::new());
    // A second letter takes the place of the first.
    let (_, made) = desk.call(&desk.agent, "GET", &format!("/api/v1/churn-events/{first}"), json!(null)).await;
    assert_eq!(made["status"], "email_sent");
}

#[actix_web::test]
async fn a_best_strategy_is_named_only_where_chance_does_not_explain_it() {
    let desk = Desk::new().await;
    for n in 0..60 {
        left(&desk, n, json!({})).await;
    }
    let now = desk.now().micros();
    let some = |from: usize, until: usize| (from..until).map(|n| format!("'c{n}@example.com'")).collect::<Vec<_>>().join(", ");
    for (strategy, from, until) in [("discount", 0, 30), ("value_recap", 30, 60)] {
        let who = some(from, until);
        sql(
            &desk,
            &format!("UPDATE churn_events SET letter_strategy = '{strategy}', letter_at = {now}, status = 'lost' WHERE customer_email IN ({who})"),
        );
    }
    let back = |number: usize| format!("UPDATE churn_events SET status = 'recovered' WHERE customer_email IN ({})", some(0, number));
    sql(&desk, &back(3));
    let said = |report: Value| report["best"][0]["in_words"].as_str().unwrap().to_owned();
    let close = said(get(&desk, "/v1/reports/strategies").await);
    assert_eq!(close, "Too expensive: not enough data to name a best. \"Discount\" is ahead with 10.0 %, which chance alone may explain.");
    sql(&desk, &back(20));
    let clear = get(&desk, "/v1/reports/strategies").await;
    assert_eq!(said(clear.clone()), "Too expensive: \"Discount\" brings back most, 66.7 %, and more than chance explains.");
    assert_eq!(clear["rows"][0]["period"]["interval_95"], json!([49, 81]), "{clear}");
    assert_eq!(problems(&desk), Vec::<String>::new());
}

/// The numbers of a page that link to a list, with the links.
fn linked(body: &str) -> Vec<(usize, String)> {
    let all = body.split("<a href=\"").skip(1);
    all.filter_map(|rest| {
        let (link, rest) = rest.split_once("\">")?;
        let number = rest.split('<').next()?.parse().ok()?;
        let list = link.starts_with("/churn?") || link.starts_with("/messages?");
        list.then(|| (number, link.replace("&#38;", "&").replace("&amp;", "&")))
    })
    .collect()
}

#[actix_web::test]
async fn each_number_of_each_report_leads_to_as_many_rows() {
    let desk = Desk::new().await;
    let reasons = ["too_expensive", "missing_features", "too_expensive", "other"];
    for n in 0..12 {
        let plan = ["Pro", "Team & more", "-x"][n % 3];
        let id = left(&desk, n, json!({"plan_name": plan, "tenure_days": n * 40, "cancel_reason": reasons[n % 4]})).await;
        if n < 2 {
            written_to(&desk, &id, ["value_recap", "founder_email"][n]).await;
        }
        if n % 4 == 1 {
            came_back(&desk, &id).await;
        }
        if n > 8 {
            sql(&desk, &format!("UPDATE churn_events SET churned_at = {} WHERE id = '{id}'", desk.now().plus_days(-100).micros()));
        }
    }
    sql(&desk, "UPDATE churn_events SET plan_name = NULL, tenure_days = NULL WHERE customer_email = 'c3@example.com'");
    let mut messages = vec![];
    for (n, kind) in [DecisionKind::Approve, DecisionKind::Reject, DecisionKind::RequestChanges, DecisionKind::Approve].into_iter().enumerate() {
        let message = desk.pending(&format!("m{n}@example.com"), json!({"campaign": "spring & summer"})).await;
        desk.decide("Rita", &message, kind).unwrap();
        messages.push(message);
    }
    desk.pending("waits@example.com", json!({"campaign": "autumn"})).await;
    desk.pending("none@example.com", json!({})).await;
    desk.drain().await;
    sql(&desk, &format!("UPDATE messages SET state = 'bounced' WHERE id = '{}'", messages[0].row.id));
    let (long_ago, id) = (desk.now().plus_days(-100).micros(), &messages[3].row.id);
    sql(&desk, &format!("UPDATE messages SET sent_at = {long_ago}, submitted_at = {long_ago}, editor_id = 'x' WHERE id = '{id}'"));
    let (_, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "All", "query": "c1"})).await;
    assert!(segment["id"].is_string(), "{segment}");
    count_segments(&desk);

    let mut max = Browser::new(desk.app().await);
    max.sign_in("ada").await;
    let mut seen = 0;
    for word in ["reasons", "recovered", "strategies", "campaigns", "deliverability"] {
        let page = max.get(&format!("/reports/{word}")).await;
        assert_eq!(page.status, 200, "{word}: {}", page.body);
        let links = linked(&page.body);
        assert!(links.len() > 3, "{word} has links: {}", page.body);
        for (number, link) in links {
            let list = max.get(&link).await;
            assert_eq!(list.status, 200, "{word}: {link}");
            let rows = list.body.matches("<tr><td><a href=\"/churn/").count() + list.body.matches("<li class=\"q-row\"").count();
            assert_eq!(rows, number, "{word}: {link}");
            seen += 1;
        }
        // No number of a table but shares, sums and steps stands without a link.
        let bare = page.body.matches("<td class=\"num end\">").count();
        assert!(bare > 0, "{word}");
    }
    assert!(seen > 60, "{seen} numbers");
}

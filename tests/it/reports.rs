//! Numbers over departures, campaigns and deliveries.

use countersign::domain::actor::Scope;
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use diesel::RunQueryDsl;
use serde_json::{Value, json};

use crate::support::{Desk, OPERATOR};

fn sql(desk: &Desk, text: &str) {
    desk.state.db.write(|conn| countersign::on_either!(conn, inner => diesel::sql_query(text).execute(inner))).unwrap();
}

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, found) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{path}: {found}");
    found
}

/// One departure; gives its id.
async fn left(desk: &Desk, n: usize, reason: &str, mrr: i64, currency: &str) -> String {
    let event = json!({"customer_email": format!("c{n}@example.com"), "cancel_reason": reason, "cancel_reason_text": format!("words {n}"),
        "mrr_cents": mrr, "currency": currency});
    let (status, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    assert_eq!(status, 201, "{event}");
    event["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn reasons_are_counted_with_share_revenue_months_and_quotes() {
    let desk = Desk::new().await;
    let mut ids = vec![];
    for (n, (reason, mrr, currency)) in
        [("too_expensive", 1000, "usd"), ("too_expensive", 2000, "usd"), ("too_expensive", 500, "eur"), ("missing_features", 700, "usd")]
            .into_iter()
            .enumerate()
    {
        ids.push(left(&desk, n, reason, mrr, currency).await);
    }
    let two_months_ago = desk.now().plus_days(-62).micros();
    sql(&desk, &format!("UPDATE churn_events SET churned_at = {two_months_ago} WHERE id = '{}'", ids[0]));
    sql(&desk, &format!("UPDATE churn_events SET churned_at = {} WHERE id = '{}'", desk.now().plus_days(-900).micros(), ids[3]));
    desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{}/recovered", ids[1]), json!({})).await;

    let report = get(&desk, "/v1/reports/reasons").await;
    assert_eq!((report["total"].as_i64(), report["reasons"].as_array().unwrap().len()), (Some(3), 1), "the fourth left before the period: {report}");
    let reason = &report["reasons"][0];
    assert_eq!(
        (reason["reason"].as_str(), reason["count"].as_i64(), reason["share_percent"].as_f64()),
        (Some("too_expensive"), Some(3), Some(100.0))
    );
    assert_eq!(reason["lost"], json!([{"minor": 500, "currency": "EUR"}, {"minor": 1000, "currency": "USD"}]));
    assert_eq!((reason["recovered"].as_i64(), &reason["recovered_revenue"]), (Some(1), &json!([{"minor": 2000, "currency": "USD"}])));
    let months = reason["months"].as_array().unwrap();
    assert_eq!((months.len(), months[11]["count"].as_i64()), (12, Some(2)));
    assert_eq!(months.iter().map(|month| month["count"].as_i64().unwrap()).sum::<i64>(), 3);
    assert_eq!(months[11]["month"].as_str().unwrap(), &desk.now().to_string()[..7]);
    let quotes = reason["quotes"].as_array().unwrap();
    assert!(quotes.len() == 3 && quotes.iter().all(|quote| quote["untrusted"] == true), "{quotes:?}");
    let long = get(&desk, "/v1/reports/reasons?months=60").await;
    assert_eq!((long["total"].as_i64(), long["reasons"][0]["share_percent"].as_f64()), (Some(4), Some(75.0)));
    let this = get(&desk, "/v1/reports/reasons?months=1").await;
    assert_eq!((this["total"].as_i64(), this["reasons"][0]["months"].as_array().unwrap().len()), (Some(2), 1));
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/reports/reasons?months=61", json!(null)).await.1["field"], "months");

    let stats = get(&desk, "/api/v1/churn-events/stats").await;
    assert_eq!((stats["total"].as_i64(), stats["recovered"].as_i64()), (Some(4), Some(1)));
    assert_eq!((&stats["by_reason"], &stats["by_status"]), (&json!({"missing_features": 1, "too_expensive": 3}), &json!({"new": 3, "recovered": 1})));
    assert_eq!(stats["lost"], json!([{"minor": 500, "currency": "EUR"}, {"minor": 1700, "currency": "USD"}]));
    let recent = get(&desk, &format!("/api/v1/churn-events/stats?since={}", desk.now().plus_days(-1))).await;
    assert_eq!(recent["total"].as_i64(), Some(2));
}

#[actix_web::test]
async fn campaigns_and_deliveries_are_counted_within_reach() {
    let desk = Desk::new().await;
    for (n, campaign) in ["spring", "spring", "autumn"].into_iter().enumerate() {
        desk.pending(&format!("c{n}@example.com"), json!({"campaign": campaign})).await;
    }
    let approved = desk.pending("d@example.com", json!({"campaign": "spring"})).await;
    desk.decide("Rita", &approved, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let report = get(&desk, "/v1/reports/campaigns").await;
    assert_eq!(
        report["campaigns"],
        json!([{"campaign": "autumn", "total": 1, "by_status": {"pending": 1}}, {"campaign": "spring", "total": 3, "by_status": {"pending": 2, "sent": 1}}])
    );
    let first = get(&desk, "/v1/reports/campaigns?limit=1").await;
    let second = get(&desk, &format!("/v1/reports/campaigns?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!((second["campaigns"][0]["campaign"].as_str(), second["next_cursor"].is_null()), (Some("spring"), true));

    let mine = |report: &Value| report["mailboxes"].as_array().unwrap().iter().find(|row| row["address"] == "gated-send@sender.example").cloned();
    let sent = mine(&get(&desk, "/v1/reports/deliverability").await).unwrap();
    assert_eq!((sent["sent"].as_i64(), sent["bounce_percent"].as_f64(), sent["complained"].as_i64()), (Some(1), Some(0.0), Some(0)));
    sql(&desk, &format!("UPDATE messages SET state = 'bounced' WHERE id = '{}'", approved.row.id));
    let bounced = mine(&get(&desk, "/v1/reports/deliverability?days=7").await).unwrap();
    assert_eq!((bounced["sent"].as_i64(), bounced["bounced"].as_i64(), bounced["bounce_percent"].as_f64()), (Some(1), Some(1), Some(100.0)));

    let narrow = NewKey { mailboxes: vec![desk.mailbox(Mode::Monitored).id], ..NewKey::named("n", &[Scope::Read]) };
    let narrow = desk.write(|conn| keys::add(conn, &OPERATOR, &narrow, desk.now())).unwrap().1;
    let (_, campaigns) = desk.call(&narrow, "GET", "/v1/reports/campaigns", json!(null)).await;
    assert_eq!(campaigns["campaigns"], json!([]), "nothing of other mailboxes");
    let (_, deliveries) = desk.call(&narrow, "GET", "/v1/reports/deliverability", json!(null)).await;
    assert_eq!(deliveries["mailboxes"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn of_each_reason_the_latest_three_who_wrote_why_are_quoted() {
    let desk = Desk::new().await;
    for n in 0..6 {
        for (reason, at) in [("too_expensive", n), ("missing_features", 10 + n), ("poor_support", 400)] {
            let id = left(&desk, usize::try_from(n).unwrap(), reason, 1000, "usd").await;
            let said = if n == 5 { "NULL".to_owned() } else { format!("'{reason} {n}'") };
            let at = desk.now().plus_days(-at).micros();
            // Of the latest but one nobody knows the words.
            sql(&desk, &format!("UPDATE churn_events SET churned_at = {at}, cancel_reason_text = {said} WHERE id = '{id}'"));
        }
    }
    let words = |report: &Value| -> Vec<(String, Vec<String>)> {
        let quotes = |of: &Value| of["quotes"].as_array().unwrap().iter().map(|quote| quote["text"].as_str().unwrap().to_owned()).collect();
        report["reasons"].as_array().unwrap().iter().map(|of| (of["reason"].as_str().unwrap().to_owned(), quotes(of))).collect()
    };
    let of = |reason: &str, which: [i64; 3]| (reason.to_owned(), which.iter().map(|n| format!("{reason} {n}")).collect::<Vec<_>>());
    let day = |days: i64| desk.now().plus_days(-days).date();
    let report = get(&desk, &format!("/v1/reports/reasons?from={}&until={}", day(300), day(0))).await;
    let mut all = words(&report);
    all.sort();
    let quoted: Vec<_> = all.into_iter().filter(|(_, quotes)| !quotes.is_empty()).collect();
    assert_eq!(quoted, [of("missing_features", [0, 1, 2]), of("too_expensive", [0, 1, 2])], "{report}");
    let later = words(&get(&desk, &format!("/v1/reports/reasons?from={}&until={}", day(12), day(11))).await);
    let later: Vec<_> = later.into_iter().filter(|(_, quotes)| !quotes.is_empty()).collect();
    assert_eq!(later, [("missing_features".to_owned(), vec!["missing_features 1".to_owned(), "missing_features 2".to_owned()])]);
}

//! What somebody should know first.

use countersign::domain::mailboxes::{Mode, stops};
use countersign::domain::messages::DecisionKind;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, sql};

async fn lines(desk: &Desk, scopes: &str) -> Vec<Value> {
    let (status, found) = desk.call(scopes, "GET", "/v1/overview", json!(null)).await;
    assert_eq!(status, 200, "{found}");
    found["lines"].as_array().unwrap().clone()
}

fn of<'l>(lines: &'l [Value], kind: &str) -> Option<&'l str> {
    lines.iter().find(|line| line["kind"] == kind).map(|line| line["text"].as_str().unwrap())
}

#[actix_web::test]
async fn the_overview_names_what_waits_leaves_is_stopped_and_needs_attention_with_its_page() {
    let desk = Desk::new().await;
    let watch = desk.key(&[countersign::domain::actor::Scope::Read]);
    assert_eq!(lines(&desk, &watch).await, Vec::<Value>::new());
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get("/overview").await.body;
    for nothing in
        ["Nothing waits for a decision of yours.", "Nothing leaves in the next 24 hours.", "Nothing is stopped.", "Nothing needs attention."]
    {
        assert!(page.contains(nothing), "{nothing} in {page}");
    }

    let soon = desk.pending("a@example.com", json!({})).await;
    desk.pending("b@example.com", json!({})).await;
    sql(&desk, &format!("UPDATE messages SET expires_at = {} WHERE id = '{}'", desk.now().plus_seconds(3600).micros(), soon.row.id));
    let approved = desk.pending("c@example.com", json!({})).await;
    desk.decide("Rita", &approved, DecisionKind::Approve).unwrap();
    let failed = desk.pending("d@example.com", json!({})).await;
    sql(&desk, &format!("UPDATE messages SET state = 'failed' WHERE id = '{}'", failed.row.id));
    let mailbox = desk.mailbox(Mode::Monitored);
    desk.write(|conn| stops::stop(conn, &desk.person("Max"), Some(&mailbox.id), "too many <bounces>", desk.now())).unwrap();
    let found = lines(&desk, &watch).await;
    for (kind, words) in [
        ("expiring", "1 message will lapse within 24 hours without a decision"),
        ("pending", "2 messages for review"),
        ("leaving", "1 message from gated-send@sender.example"),
        ("mailbox", "monitored@sender.example, by Max: too many <bounces>"),
        ("failed", "1 message was refused by the mail server in the last 7 days"),
    ] {
        assert_eq!(of(&found, kind), Some(words), "{found:?}");
    }
    let page = max.get("/overview").await.body;
    assert!(page.contains("too many &#60;bounces&#62;") && !page.contains("too many <bounces>"), "{page}");
    for line in &found {
        assert_eq!(max.get(line["path"].as_str().unwrap()).await.status, 200, "{line}");
    }
}

#[actix_web::test]
async fn the_money_of_the_overview_is_that_of_the_reports() {
    let desk = Desk::new().await;
    for (n, days) in [1, 40, 200].into_iter().enumerate() {
        let event = json!({"customer_email": format!("c{n}@example.com"), "cancel_reason": "other", "mrr_cents": 1000, "currency": "usd"});
        let id = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await.1["id"].as_str().unwrap().to_owned();
        sql(&desk, &format!("UPDATE churn_events SET churned_at = {} WHERE id = '{id}'", desk.now().plus_days(-days).micros()));
    }
    let watch = desk.key(&[countersign::domain::actor::Scope::Read]);
    let money = desk.call(&watch, "GET", "/v1/overview", json!(null)).await.1["money"].clone();
    let usd = |minor: i64| json!([{"minor": minor, "currency": "USD"}]);
    assert_eq!(
        (&money["at_risk"], money["at_risk_count"].as_i64(), &money["lost"], &money["recovered"]),
        (&usd(2000), Some(2), &usd(1000), &json!([]))
    );
}

#[actix_web::test]
async fn the_overview_is_within_reach_and_the_first_page_is_what_somebody_comes_for() {
    let desk = Desk::new().await;
    desk.pending("a@example.com", json!({})).await;
    let approved = desk.pending("c@example.com", json!({})).await;
    desk.decide("Rita", &approved, DecisionKind::Approve).unwrap();
    let narrow = countersign::domain::keys::NewKey {
        mailboxes: vec![desk.mailbox(Mode::Monitored).id],
        ..countersign::domain::keys::NewKey::named("n", &[countersign::domain::actor::Scope::Read])
    };
    let narrow = desk.write(|conn| countersign::domain::keys::add(conn, &crate::support::OPERATOR, &narrow, desk.now())).unwrap().1;
    assert_eq!(lines(&desk, &narrow).await, Vec::<Value>::new(), "nothing of other mailboxes");
    for (name, wanted) in [("rita", "/queue"), ("max", "/overview"), ("ada", "/overview")] {
        let mut browser = Browser::new(desk.app().await);
        browser.sign_in(name).await;
        assert_eq!(browser.get("/").await.location.as_deref(), Some(wanted), "{name}");
        assert_eq!(browser.get("/overview").await.status, 200, "{name}");
    }
}

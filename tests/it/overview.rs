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
    for nothing in [
        "Nothing waits for a decision of yours. You decided 0 messages in the last 7 days.",
        "Nothing leaves in the next 24 hours. 0 messages of the last 7 days were sent.",
        "Nothing is stopped. You can stop a mailbox on its page",
        "Nothing needs attention. Looked at: unanswered, refused and lapsed messages, how mail is received, DNS, and requests",
    ] {
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
    // What a number leads to holds what it says.
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get("/overview").await.body;
    let path = page.split("href=\"/churn?open=yes&amp;").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let rows = max.get(&format!("/churn?open=yes&{path}")).await.body;
    assert!(rows.contains("c0@example.com") && rows.contains("c1@example.com") && !rows.contains("c2@example.com"), "{path}: {rows}");
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

#[actix_web::test]
async fn where_nothing_waits_each_role_is_told_what_is_true_and_of_use() {
    let desk = Desk::new().await;
    let sent = desk.pending("a@example.com", json!({})).await;
    desk.decide("Rita", &sent, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let rob = crate::sign_in::row(&desk, "Rob");
    desk.write(|conn| countersign::domain::accounts::users::change(conn, &crate::support::OPERATOR, &rob.id, rob.role, &[], desk.now())).unwrap();
    for (name, words) in [
        (
            "rita",
            vec!["You decided 1 message in the last 7 days.", "1 message of the last 7 days was sent.", "Managers and administrators stop sending"],
        ),
        ("rob", vec!["You belong to no mailbox yet"]),
        ("max", vec!["You decided 0 messages", "1 message of the last 7 days was sent.", "You can stop a mailbox on its page"]),
        ("ada", vec!["steps to looser modes, keys that end and webhooks that were switched off"]),
    ] {
        let mut browser = Browser::new(desk.app().await);
        browser.sign_in(name).await;
        let page = browser.get("/overview").await.body;
        for words in words {
            assert!(page.contains(words), "{name}: {words} in {page}");
        }
    }
}

#[actix_web::test]
async fn an_administrator_is_led_from_an_empty_installation_to_the_first_mail_that_left() {
    let desk = Desk::new().await;
    sql(&desk, "UPDATE api_keys SET revoked_at = 1");
    let (mut ada, mut max) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    ada.sign_in("ada").await;
    max.sign_in("max").await;
    let next =
        |page: &str| page.split("aria-current=\"step\"").nth(1).map(|rest| rest.split("<b>").nth(1).unwrap().split('<').next().unwrap().to_owned());
    let page = ada.get("/overview").await.body;
    assert_eq!(next(&page).as_deref(), Some("Make a key for your agent"), "the mail server and the mailboxes are there");
    assert!(page.contains("2 of 6 done"), "{page}");
    assert!(!max.get("/overview").await.body.contains("id=\"guide\""), "it is for administrators");
    let agent = desk.key(&[countersign::domain::actor::Scope::Read, countersign::domain::actor::Scope::Draft]);
    let page = ada.get("/overview").await.body;
    assert_eq!(next(&page).as_deref(), Some("Submit a first draft"));
    // The example is what an agent sends: it is taken as it stands.
    let example = page.split("--json &#39;").nth(1).or_else(|| page.split("--json '").nth(1)).unwrap().split("}").next().unwrap().to_owned() + "}";
    let body = serde_json::from_str(&example.replace("&#34;", "\"")).unwrap();
    let (status, held) = desk.call(&agent, "POST", "/v1/send", body).await;
    assert_eq!((status, held["status"].as_str()), (202, Some("pending")), "{held}");
    assert_eq!(next(&ada.get("/overview").await.body).as_deref(), Some("Approve it"));
    let message = desk.message(held["id"].as_str().unwrap());
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    assert_eq!(next(&ada.get("/overview").await.body).as_deref(), Some("See it leave"));
    desk.drain().await;
    assert!(!ada.get("/overview").await.body.contains("id=\"guide\""));
}

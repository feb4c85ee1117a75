//! Campaigns and segments in the browser: numbers, overlap, the stop switch, the builder.

use countersign::clock::Time;
use countersign::domain::contacts::{self, Customer};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use serde_json::{Value, json};

use crate::programs::contact;
use crate::support::{Browser, Desk, address, count, sql};

async fn made(desk: &Desk, path: &str, body: Value) -> String {
    let (status, answer) = desk.call(&desk.agent, "POST", path, body).await;
    assert_eq!(status, 201, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

/// How many a segment with these conditions finds.
async fn counted(desk: &Desk, name: &str, asked: Value) -> Value {
    let id = made(desk, "/v1/segments", json!({"name": name, "conditions": asked})).await;
    desk.call(&desk.agent, "GET", &format!("/v1/segments/{id}"), json!(null)).await.1["count"].clone()
}

/// A subscription of a contact.
fn subscribe(desk: &Desk, id: &str, plan: &str, mrr_minor: i64, active: Time) {
    let customer = Customer {
        contact_id: id.into(),
        company: None,
        plan_name: Some(plan.into()),
        mrr_minor: Some(mrr_minor),
        currency: Some("USD".into()),
        tenure_days: None,
        features: countersign::db::types::Json::new(vec![]),
        usage: countersign::db::types::Json::new(vec![]),
        last_active_at: Some(active),
        updated_at: desk.now(),
    };
    desk.write(|conn| contacts::put_customer(conn, &customer)).unwrap();
}

/// The recipient of a message that left answers it.
fn replies(desk: &Desk, message: &str, from: &str) {
    let at = desk.now().plus_seconds(60).micros();
    let columns = "id, mailbox_id, thread_id, contact_id, from_address, from_key, to_address, subject, text_body, received_at, kind, attachments";
    sql(
        desk,
        &format!(
            "INSERT INTO inbound_emails ({columns}) SELECT 'answer', mailbox_id, thread_id, contact_id, '{from}', '{from}', 'us@sender.example', \
             'Re', 'Yes', {at}, 'reply', '[]' FROM messages WHERE id = '{message}'"
        ),
    );
}

fn names(page: &str, all: &[&str]) -> Vec<bool> {
    all.iter().map(|name| page.contains(name)).collect()
}

#[actix_web::test]
async fn a_segment_is_asked_by_subscription_departure_engagement_and_field() {
    let desk = Desk::new().await;
    let (ana, ben) = (contact(&desk, "ana@example.com", &[]), contact(&desk, "ben@example.com", &[]));
    let cem = contact(&desk, "cem@example.com", &[]);
    subscribe(&desk, &ana, "Pro", 9900, desk.now());
    subscribe(&desk, &ben, "Starter", 900, desk.now().plus_days(-40));
    let gone = json!({"customer_email": "cem@example.com", "event_type": "cancelled", "cancel_reason": "too_expensive"});
    assert_eq!(desk.call(&desk.agent, "POST", "/api/v1/churn-events", gone).await.0, 201);
    sql(&desk, &format!("UPDATE churn_events SET churned_at = {}", desk.now().plus_days(-20).micros()));
    sql(&desk, &format!("UPDATE contacts SET metadata = '{{\"integration\": \"webhooks\", \"seats\": 5, \"beta\": true}}' WHERE id = '{ana}'"));
    let today = desk.now().date();
    sql(&desk, &format!("INSERT INTO usage_days (contact_id, day, name, events, total) VALUES ('{ben}', '{today}', 'GET /v1/things', 1, 1)"));
    // Mail that left, and an answer to it.
    let sent = desk.pending("cem@example.com", json!({})).await;
    desk.decide("Rita", &sent, DecisionKind::Approve).unwrap();
    desk.drain().await;
    replies(&desk, sent.row.id.as_str(), "cem@example.com");
    for (place, (asked, wanted)) in [
        (json!({"plan": "pro"}), 1),
        (json!({"mrr_from": 1000}), 1),
        (json!({"mrr_to": 9900}), 2),
        (json!({"inactive_days": 30}), 1),
        (json!({"churn": "gone"}), 1),
        (json!({"churn": "never"}), 2),
        (json!({"churn": "back"}), 0),
        (json!({"reason": "too_expensive"}), 1),
        (json!({"reason": "poor_support"}), 0),
        (json!({"left_from_days": 10, "left_to_days": 30}), 1),
        (json!({"left_from_days": 30}), 0),
        (json!({"unmailed_days": 30}), 2),
        (json!({"replied_days": 30}), 1),
        (json!({"used": "GET /v1/things"}), 1),
        (json!({"unused": "GET /v1/things"}), 2),
        (json!({"field": "integration", "value": "webhooks"}), 1),
        (json!({"field": "seats", "value": "5"}), 1),
        (json!({"field": "beta", "value": "true"}), 1),
        (json!({"field": "beta", "value": "false"}), 0),
        (json!({"plan": "pro", "churn": "never", "field": "integration", "value": "webhooks"}), 1),
        (json!({"plan": "pro", "churn": "gone"}), 0),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(counted(&desk, &format!("segment {place}"), asked.clone()).await, json!(wanted), "{asked}");
    }
    // Who left twice for the same reason is one of them.
    let again = json!({"customer_email": "dee@example.com", "event_type": "cancelled", "cancel_reason": "too_expensive"});
    assert_eq!(desk.call(&desk.agent, "POST", "/api/v1/churn-events", again).await.0, 201);
    sql(&desk, &format!("UPDATE churn_events SET contact_id = '{cem}'"));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM churn_events WHERE reason = 'too_expensive'"), 2);
    assert_eq!(counted(&desk, "twice", json!({"reason": "too_expensive"})).await, json!(1));
    assert_eq!(counted(&desk, "with a plan", json!({"reason": "too_expensive", "plan": "pro"})).await, json!(0));
    sql(&desk, &format!("UPDATE churn_events SET status = 'recovered' WHERE contact_id = '{cem}'"));
    assert_eq!(counted(&desk, "back", json!({"churn": "back"})).await, json!(1));
    for (asked, field) in [
        (json!({"mrr_from": 2, "mrr_to": 1}), "mrr_to"),
        (json!({"left_from_days": 9, "left_to_days": 1}), "left_to_days"),
        (json!({"churn": "never", "reason": "other"}), "churn"),
        (json!({"field": "seats"}), "field"),
        (json!({"field": "a\"b", "value": "x"}), "field"),
        (json!({"inactive_days": -1}), "inactive_days"),
        (json!({"used_days": 1}), "used_days"),
    ] {
        let (status, answer) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "wrong", "conditions": asked})).await;
        assert!(status == 422 && answer["field"].as_str().is_some_and(|named| named.contains(field)), "{answer}");
    }
}

#[actix_web::test]
async fn the_builder_counts_before_it_saves_and_links_to_whom_it_finds() {
    let desk = Desk::new().await;
    contact(&desk, "ana@example.com", &["api-v1"]);
    contact(&desk, "ben@example.com", &["api-v1", "migration-started"]);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let empty = max.get("/segments").await.body;
    assert!(empty.contains("No segment yet") && empty.contains("href=\"/segments/new\""));
    let fields = [("tags", "api-v1,-migration-started"), ("name", "Old API")];
    let whole = max.post("/segments/new", "/segments/preview", &fields).await;
    assert!(whole.status == 200 && whole.body.contains("<b>1</b> contact<") && whole.body.contains("ana@example.com"), "{}", whole.body);
    assert_eq!(names(&whole.body, &["value=\"Old API\"", "ben@example.com"]), [true, false]);
    // The script gets the part that changes.
    let token = whole.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let part = actix_web::test::TestRequest::post().uri("/segments/preview").insert_header(("HX-Request", "true"));
    let part = max.run(part.set_form([("csrf", token.as_str()), ("tags", "api-v1")])).await;
    assert!(part.body.contains("<b>2</b> contacts") && !part.body.contains("<html"), "{}", part.body);
    let wrong = max.post("/segments/new", "/segments/preview", &[("left_from_days", "many")]).await;
    assert!(wrong.body.contains("Left from days must be a number of days"), "{}", wrong.body);
    let nameless = max.post("/segments/new", "/segments", &[("tags", "api-v1")]).await;
    assert!(nameless.status == 422 && nameless.body.contains("value=\"api-v1\""), "what was written is still there");
    let saved = max.post("/segments/new", "/segments", &fields).await;
    let path = saved.location.unwrap();
    let page = max.get(&path).await.body;
    assert_eq!(names(&page, &["1 contact now", "tagged api-v1", "not tagged migration-started", "/customers/"]), [true; 4], "{page}");
    let list = max.get("/segments").await.body;
    assert!(list.contains(&format!("hx-get=\"{path}/count\"")), "{list}");
    assert!(max.get(&format!("{path}/count")).await.body.starts_with("1<span"), "the list asks for each count on its own");
    let found = max.get("/customers?tags=api-v1,-migration-started").await.body;
    assert!(found.contains("ana@example.com") && !found.contains("ben@example.com") && !found.contains("looked at for this page"), "{found}");
    assert!(max.get("/customers?q=nothing-fits").await.body.contains("<h2>Nobody fits</h2>"));
    // Renamed, with what it asks as it was.
    let renamed =
        max.post(&format!("{path}/edit"), &path, &[("name", "Still on v1"), ("tags", "api-v1,-migration-started"), ("mrr_from", "79.50")]).await;
    assert_eq!(renamed.status, 303);
    let edit = max.get(&format!("{path}/edit")).await.body;
    assert_eq!(names(&edit, &["value=\"Still on v1\"", "value=\"79.50\""]), [true; 2]);
    // In use, it stays.
    let id = path.rsplit('/').next().unwrap();
    made(&desk, "/v1/campaigns", json!({"name": "spring", "kind": "announcement", "segment_id": id})).await;
    let kept = max.post(&path, &format!("{path}/deletion"), &[]).await;
    assert!(kept.status == 409 && kept.body.contains("uses this segment"), "{}", kept.status);
    sql(&desk, "UPDATE campaigns SET segment_id = NULL");
    assert_eq!(max.post(&path, &format!("{path}/deletion"), &[]).await.location.as_deref(), Some("/segments"));
    assert_eq!(max.get(&path).await.status, 404);
}

#[actix_web::test]
async fn a_campaign_shows_its_numbers_and_whom_another_reaches_as_well() {
    let desk = Desk::new().await;
    for (email, tags) in [("ana@example.com", &["a", "b"][..]), ("ben@example.com", &["a"][..]), ("cem@example.com", &["b"][..])] {
        contact(&desk, email, tags);
    }
    let (one, two) =
        (made(&desk, "/v1/segments", json!({"name": "A", "tags": "a"})).await, made(&desk, "/v1/segments", json!({"name": "B", "tags": "b"})).await);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert!(max.get("/campaigns").await.body.contains("No campaign yet"));
    let fields =
        [("name", "spring"), ("kind", "announcement"), ("goal", "Tell them"), ("segment", one.as_str()), ("mailbox", &address(Mode::GatedSend))];
    let page = max.post("/campaigns/new", "/campaigns", &fields).await;
    let path = page.location.unwrap();
    let body = max.get(&path).await.body;
    assert_eq!(names(&body, &["Nothing was drafted yet", "2 contacts", "also in"]), [true, true, false], "{body}");
    let other = made(&desk, "/v1/campaigns", json!({"name": "autumn", "kind": "announcement", "segment_id": two})).await;
    let body = max.get(&path).await.body;
    assert!(body.contains("<b>1 contact is</b> also in") && body.contains(&format!("/campaigns/{other}")), "{body}");
    let id = path.rsplit('/').next().unwrap();
    let (_, answer) = desk.call(&desk.agent, "GET", &format!("/v1/campaigns/{id}"), json!(null)).await;
    assert_eq!(answer["overlaps"], json!([{"campaign_id": other, "name": "autumn", "contacts": 1, "more": false}]));
    // What is stopped or put away reaches nobody.
    assert_eq!(desk.call(&desk.agent, "POST", &format!("/v1/campaigns/{other}/stop"), json!(null)).await.0, 200);
    assert!(!max.get(&path).await.body.contains("also in"));
    // Drafted, held, sent, answered.
    let message = desk.pending("ana@example.com", json!({"campaign": "spring"})).await;
    desk.pending("ben@example.com", json!({"campaign": "spring"})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    replies(&desk, message.row.id.as_str(), "ana@example.com");
    let (_, answer) = desk.call(&desk.agent, "GET", &format!("/v1/campaigns/{id}"), json!(null)).await;
    let numbers = &answer["numbers"];
    assert_eq!((&numbers["drafted"], &numbers["pending"], &numbers["sent"], &answer["replied"]), (&json!(2), &json!(1), &json!(1), &json!(1)));
    let list = max.get("/campaigns").await.body;
    let row = list.split("<tr>").find(|row| row.contains(">spring<")).unwrap();
    let cells: Vec<&str> = row.split("data-label=\"").skip(1).map(|cell| cell.split("</td>").next().unwrap()).collect();
    assert_eq!(cells[..6], ["Drafted\">2", "Held\">1", "Approved\">0", "Sent\">1", "Replied\">1", "Recovered\">0"], "{row}");
}

#[actix_web::test]
async fn a_manager_stops_and_resumes_a_campaign_on_its_page() {
    let desk = Desk::new().await;
    desk.pending("ana@example.com", json!({"campaign": "alone"})).await;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let list = max.get("/campaigns").await.body;
    assert_eq!(names(&list, &["Labels without a campaign", "1 drafted, 1 held", "/campaigns/new?name=alone"]), [true; 3]);
    assert!(max.get("/campaigns/new?name=alone").await.body.contains("value=\"alone\""));
    let path = max.post("/campaigns/new", "/campaigns", &[("name", "alone"), ("kind", "feedback")]).await.location.unwrap();
    assert!(!max.get("/campaigns").await.body.contains("Labels without a campaign"));
    assert!(!max.get(&path).await.body.contains("Nothing was drafted yet"), "earlier messages with the label belong to it");
    max.post(&path, &format!("{path}/stop"), &[]).await;
    let page = max.get(&path).await.body;
    assert!(page.contains("<b>Stopped</b> by Max") && page.contains("Resume"));
    max.post(&path, &format!("{path}/resume"), &[]).await;
    assert!(max.get(&path).await.body.contains("Stop this campaign"));
    max.post(&path, &format!("{path}/archive"), &[("archived", "yes")]).await;
    assert!(max.get("/campaigns").await.body.contains("No campaign yet"));
    assert!(max.get("/campaigns?archived=yes").await.body.contains(">alone<"));
    let twice = max.post("/campaigns/new", "/campaigns", &[("name", "alone"), ("kind", "feedback")]).await;
    assert!(twice.status == 422 && twice.body.contains("There is a campaign named"), "{}", twice.status);
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert!(rita.get(&path).await.status == 403 && !rita.get("/queue").await.body.contains("href=\"/campaigns\""));
}

#[actix_web::test]
async fn a_forecast_tells_who_of_a_segment_would_be_skipped() {
    let desk = Desk::new().await;
    contact(&desk, "ana@example.com", &["a"]);
    contact(&desk, "ben@example.com", &["a", "unsubscribed"]);
    let segment = made(&desk, "/v1/segments", json!({"name": "A", "tags": "a"})).await;
    let campaign = json!({"name": "spring", "kind": "announcement", "segment_id": segment, "mailbox": address(Mode::GatedSend)});
    let campaign = made(&desk, "/v1/campaigns", campaign).await;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&format!("/campaigns/{campaign}/forecast")).await.body;
    assert!(page.contains("<dt>Looked at</dt><dd>2</dd>") && page.contains("<dt>Would be skipped</dt><dd>1</dd>"), "{page}");
    assert!(page.contains("ben@example.com"));
    let asked = json!({"segment_id": segment, "mailbox": address(Mode::GatedSend)});
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/forecast", asked).await;
    assert_eq!((status, &answer["total"], &answer["refuse"]), (200, &json!(2), &json!(1)), "{answer}");
    let both = json!({"segment_id": segment, "tags": "a", "mailbox": address(Mode::GatedSend)});
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/forecast", both).await.0, 422);
}

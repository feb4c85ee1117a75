//! What people do with the product, and when they stopped.

use countersign::clock::Time;
use countersign::domain::churn::{self, ChurnEvent, Filter};
use countersign::domain::contacts;
use countersign::domain::ids::ContactId;
use countersign::domain::usage::inactivity::{self, Terms};
use serde_json::{Value, json};

use crate::sources::made_up;
use crate::support::{Browser, Desk, OPERATOR};

async fn contact(desk: &Desk, email: &str, tags: &[&str]) -> ContactId {
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": email, "tags": tags})).await;
    assert_eq!(status, 200, "{made}");
    ContactId::from(made["id"].as_str().unwrap())
}

async fn record(desk: &Desk, events: Value) -> Value {
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/usage-events", json!({"events": events})).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn all(desk: &Desk) -> Vec<ChurnEvent> {
    desk.read(|conn| churn::list(conn, &OPERATOR, &Filter { limit: 100, ..Filter::default() })).0
}

fn last_active(desk: &Desk, id: &ContactId) -> Option<Time> {
    desk.read(|conn| contacts::customer(conn, id)).and_then(|customer| customer.last_active_at)
}

#[actix_web::test]
async fn a_batch_counts_each_event_once_and_names_those_it_refuses() {
    let desk = Desk::new().await;
    let ana = contact(&desk, "ana@example.com", &[]).await;
    let made_up = made_up(&desk, "nobody@example.com").await;
    let at = desk.now().plus_days(-3);
    let events = json!([
        {"email": "ANA@example.com", "name": "export", "value": 40, "at": at, "id": "u1"},
        {"contact": ana, "name": "export", "at": at, "id": "u2"},
        {"email": "ana@example.com", "name": "export", "value": 7, "at": at, "id": "u1"},
        {"email": "ana@example.com", "name": "login"},
        {"email": "stranger@example.com", "name": "export"},
        {"contact": made_up, "name": "export"},
        {"email": "nobody@example.com", "name": "export"},
        {"name": "export"},
        {"email": "ana@example.com", "name": ""},
        {"email": "ana@example.com", "name": "export", "at": "yesterday"},
        {"email": "ana@example.com", "name": "export", "at": desk.now().plus_days(-91)},
        {"email": "ana@example.com", "name": "export", "at": desk.now().plus_days(1)},
        {"email": "ana@example.com", "name": "export", "value": -1},
    ]);
    let answer = record(&desk, events.clone()).await;
    assert_eq!((answer["taken"].as_u64(), answer["repeated"].as_u64()), (Some(3), Some(1)));
    let refused: Vec<(u64, &str)> =
        answer["refused"].as_array().unwrap().iter().map(|row| (row["index"].as_u64().unwrap(), row["code"].as_str().unwrap())).collect();
    let unknown = [(4, "contact_unknown"), (5, "contact_unknown"), (6, "contact_unknown")];
    assert_eq!(refused[..3], unknown, "who is made up is as unknown as a stranger");
    assert_eq!(refused[3..].iter().map(|(index, _)| *index).collect::<Vec<_>>(), [7, 8, 9, 10, 11, 12]);
    let again = record(&desk, json!([events[0], events[1]])).await;
    assert_eq!((again["taken"].as_u64(), again["repeated"].as_u64()), (Some(0), Some(2)));
    let (status, seen) = desk.call(&desk.agent, "GET", &format!("/v1/contacts/{ana}/usage"), json!(null)).await;
    let export = json!({"day": at.date(), "name": "export", "events": 2, "total": 41});
    assert_eq!((status, &seen["usage"][1]), (200, &export), "{seen}");
    assert_eq!(seen["usage"][0]["name"], "login");
    assert_eq!(desk.call(&desk.agent, "GET", &format!("/v1/contacts/{made_up}/usage"), json!(null)).await.0, 404);
    let (_, short) = desk.call(&desk.agent, "GET", &format!("/v1/contacts/{ana}/usage?days=1"), json!(null)).await;
    assert_eq!(short["usage"].as_array().unwrap().len(), 1);
    // Late news does not make somebody less active.
    let before = last_active(&desk, &ana).unwrap();
    record(&desk, json!([{"contact": ana, "name": "export", "at": desk.now().plus_days(-10)}])).await;
    assert_eq!(last_active(&desk, &ana), Some(before));
}

#[actix_web::test]
async fn a_batch_has_a_limit_and_needs_a_scope() {
    let desk = Desk::new().await;
    let many: Vec<Value> = (0..1001).map(|_| json!({"email": "a@example.com", "name": "x"})).collect();
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/usage-events", json!({"events": many})).await.0, 422);
    assert_eq!(record(&desk, json!(many[..1000])).await["refused"].as_array().unwrap().len(), 1000);
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/usage-events", json!({"events": []})).await.0, 422);
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/usage-events", json!({"events": [{"name": "x", "at": "never"}]})).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("scope_missing")));
}

fn rule(desk: &Desk, days: i64, plans: &[&str], tags: &[&str]) {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let terms = Terms { days, plans: list(plans), tags: list(tags), enabled: true };
    desk.write(|conn| inactivity::add(conn, &OPERATOR, &terms, desk.now())).unwrap();
}

/// Runs what is due at that time until nothing is left.
fn run(desk: &Desk, now: Time) {
    while desk.write(|conn| inactivity::step(conn, now)).unwrap() {}
}

#[actix_web::test]
async fn who_stops_leaves_once_and_comes_back_with_the_next_activity() {
    let desk = Desk::new().await;
    let (ana, ben) = (contact(&desk, "ana@example.com", &[]).await, contact(&desk, "ben@example.com", &[]).await);
    contact(&desk, "never@example.com", &[]).await;
    let last = desk.now().plus_days(-20);
    record(&desk, json!([{"contact": ana, "name": "login", "at": last}, {"contact": ben, "name": "login", "at": desk.now().plus_days(-2)}])).await;
    rule(&desk, 14, &[], &[]);
    rule(&desk, 10, &[], &[]);
    for hour in 0..4 {
        run(&desk, desk.now().plus_seconds(hour * 4000));
    }
    let rows = all(&desk);
    assert_eq!(rows.len(), 1, "one departure for one period, whatever the rules; nobody who was never active");
    let found = &rows[0];
    assert_eq!((found.contact_id.as_ref(), found.event_type.as_str(), found.status.as_str()), (Some(&ana), "inactive", "new"));
    assert_eq!(found.last_active_at.map(Time::seconds), Some(last.seconds()));
    // Late news of an old visit ends nothing; a new visit does.
    record(&desk, json!([{"contact": ana, "name": "login", "at": last.plus_days(1)}])).await;
    assert_eq!(all(&desk)[0].status.as_str(), "new");
    record(&desk, json!([{"contact": ana, "name": "login"}])).await;
    assert_eq!(all(&desk)[0].status.as_str(), "recovered");
    run(&desk, desk.now().plus_days(5));
    assert_eq!(all(&desk).len(), 1);
    run(&desk, desk.now().plus_days(40));
    let rows = all(&desk);
    assert_eq!(rows.iter().filter(|row| row.contact_id.as_ref() == Some(&ana)).count(), 2, "the next period is another one");
    assert_eq!(rows.iter().filter(|row| row.contact_id.as_ref() == Some(&ben)).count(), 1);
    // Said to be back by hand, without any activity: the same period does not count again.
    let again = rows.iter().find(|row| row.contact_id.as_ref() == Some(&ben)).unwrap();
    assert_eq!(desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{}/recovered", again.id), json!({})).await.0, 200);
    run(&desk, desk.now().plus_days(41));
    assert_eq!(all(&desk).len(), rows.len());
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty(), "nothing is mailed by itself");
}

#[actix_web::test]
async fn a_rule_is_for_its_plans_and_tags_and_leaves_out_who_left_or_does_not_exist() {
    let desk = Desk::new().await;
    let old = desk.now().plus_days(-30);
    let mut ids = vec![];
    for (email, plan, tags) in [
        ("pro@example.com", "PRO", &["beta"][..]),
        ("solo@example.com", "Solo", &["beta"]),
        ("plain@example.com", "Pro", &[]),
        ("left@example.com", "Pro", &["beta"]),
    ] {
        let id = contact(&desk, email, tags).await;
        let report = json!({"customer_email": email, "plan_name": plan, "last_active_at": old});
        let (_, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", report).await;
        if email != "left@example.com" {
            let path = format!("/api/v1/churn-events/{}/recovered", event["id"].as_str().unwrap());
            assert_eq!(desk.call(&desk.agent, "POST", &path, json!({})).await.0, 200);
        }
        ids.push(id);
    }
    let made_up = made_up(&desk, "ghost@example.com").await;
    desk.write(|conn| {
        let like = contacts::customer(conn, &ids[0])?.unwrap();
        contacts::put_customer(conn, &contacts::Customer { contact_id: made_up.clone(), ..like })
    })
    .unwrap();
    let (_, tagged) = desk.call(&desk.agent, "POST", &format!("/v1/contacts/{made_up}/tags"), json!({"tags": "beta"})).await;
    assert!(tagged["tags"].to_string().contains("beta"), "{tagged}");
    rule(&desk, 14, &["pro"], &["beta", "vip"]);
    run(&desk, desk.now());
    let found: Vec<_> = all(&desk).into_iter().filter(|row| row.event_type.as_str() == "inactive").map(|row| row.contact_id.unwrap()).collect();
    assert_eq!(found, [ids[0].clone()]);
}

#[actix_web::test]
async fn an_administrator_keeps_the_rules_on_the_page_of_sources() {
    let desk = Desk::new().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let page = ada.post("/sources", "/sources/rules", &[("days", "2"), ("plans", "Pro, Team")]).await;
    assert!(page.status == 422 && page.body.contains("Days must be 3 to 730") && page.body.contains("Pro, Team"), "{}", page.status);
    assert_eq!(ada.post("/sources", "/sources/rules", &[("days", "21"), ("plans", "Pro, Team"), ("tags", "vip")]).await.status, 303);
    let rule = desk.read(|conn| inactivity::list(conn, &OPERATOR)).pop().unwrap();
    assert_eq!((rule.days, rule.plans.to_vec(), rule.enabled), (21, vec!["Pro".to_owned(), "Team".to_owned()], true));
    assert!(ada.get("/sources").await.body.contains("21 days, Pro or Team, tagged vip"));
    ada.post("/sources", &format!("/sources/rules/{}", rule.id), &[("days", "30")]).await;
    let changed = desk.read(|conn| inactivity::list(conn, &OPERATOR)).pop().unwrap();
    assert_eq!((changed.days, changed.plans.len(), changed.enabled), (30, 0, false));
    ada.post("/sources", &format!("/sources/rules/{}/deletion", rule.id), &[]).await;
    assert!(desk.read(|conn| inactivity::list(conn, &OPERATOR)).is_empty());
}

//! The page of the audit log: filtered, and as a file.

use countersign::domain::audit::chain;
use countersign::domain::messages::DecisionKind;
use serde_json::json;

use crate::support::{Browser, Desk};

#[actix_web::test]
async fn the_log_is_filtered_by_who_what_and_when_and_exported_alike() {
    let desk = Desk::new().await;
    let message = desk.pending("a@example.com", json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let all = ada.get("/audit").await.body;
    assert!(all.contains("message.submit") && all.contains("message.approve"), "{all}");
    let has = |body: &str, action: &str| body.contains(&format!("<code>{action}</code>"));
    let today = desk.now().date();
    for (query, submit, approve) in [
        ("action=message.approve", false, true),
        ("actor=Rita", false, true),
        ("actor=rit&action=appr", false, true),
        ("actor=Rita&action=message.submit", false, false),
        (&format!("from={today}&until={today}"), true, true),
        (&format!("until={}", desk.now().plus_days(-1).date()), false, false),
        (&format!("target={}", message.row.id), true, true),
    ] {
        let body = ada.get(&format!("/audit?{query}")).await.body;
        assert_eq!((has(&body, "message.submit"), has(&body, "message.approve")), (submit, approve), "{query}");
        let file = ada.get(&format!("/audit/export.csv?{query}")).await;
        assert!(
            file.status == 200
                && file
                    .body
                    .starts_with("seq,at,actor_kind,actor_id,actor_name,action,target_kind,target_id,mailbox_id,request_id,network,detail\r\n")
        );
        assert_eq!((file.body.contains(",message.submit,"), file.body.contains(",message.approve,")), (submit, approve), "{query}: {}", file.body);
    }
    assert_eq!(ada.get("/audit?from=yesterday").await.status, 422);
    let key = desk.key(&[countersign::domain::actor::Scope::OversightRead]);
    let found = desk.call(&key, "GET", &format!("/v1/audit-log?by=Rita&since={today}T00:00:00Z"), json!(null)).await.1;
    assert!(found["entries"].as_array().unwrap().iter().all(|line| line["actor_name"] == "Rita") && !found["entries"].as_array().unwrap().is_empty());
}

#[actix_web::test]
async fn administrators_see_the_last_hash_to_note_it_elsewhere() {
    let desk = Desk::new().await;
    desk.pending("a@example.com", json!({})).await;
    while desk.write(chain::extend).unwrap() {}
    let head = desk.read(chain::head);
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    assert!(ada.get("/audit").await.body.contains(&head.hash));
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert!(!rita.get("/audit").await.body.contains(&head.hash));
}

#[actix_web::test]
async fn pages_answer_a_head_like_a_get() {
    let desk = Desk::new().await;
    let app = desk.app().await;
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/login", 200), ("/nowhere", 404)] {
        let request = actix_web::test::TestRequest::default().method(actix_web::http::Method::HEAD).uri(path).to_request();
        assert_eq!(actix_web::test::call_service(&app, request).await.status(), status, "{path}");
    }
}

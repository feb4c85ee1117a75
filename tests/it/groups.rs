//! Everybody at a domain or with a tag gets nothing, until a manager lifts that.

use actix_web::test::TestRequest;
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, State};
use serde_json::{Value, json};

use crate::support::{Browser, Desk};

async fn suppress(desk: &Desk, whom: &str) -> (u16, Value) {
    desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": whom})).await
}

async fn code(desk: &Desk, to: &str) -> String {
    let (status, answer) = desk.send(Mode::GatedSend, to, json!({})).await;
    if status == 202 { "taken".to_owned() } else { answer["code"].as_str().unwrap().to_owned() }
}

#[actix_web::test]
async fn a_suppressed_domain_or_tag_holds_for_new_mail_and_for_what_was_approved() {
    let desk = Desk::new().await;
    for (email, tags) in [("ana@corp.example.com", json!([])), ("bo@example.com", json!(["partners"])), ("cy@example.com", json!(["partners-2"]))] {
        desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": email, "tags": tags})).await;
    }
    let mut approved = vec![];
    for to in ["ana@corp.example.com", "bo@example.com", "cy@example.com", "dee@sub.corp.example.com"] {
        let message = desk.pending(to, json!({})).await;
        approved.push(desk.decide("Rita", &message, DecisionKind::Approve).unwrap());
    }
    let (status, made) = suppress(&desk, "@Corp.Example.com").await;
    assert_eq!((status, made["email"].as_str(), made["reason"].as_str()), (201, Some("@corp.example.com"), Some("by_hand")), "{made}");
    assert_eq!(suppress(&desk, "@corp.example.com").await.1, made, "twice is as good as once");
    assert_eq!(suppress(&desk, "#partners").await.0, 201);
    for wrong in ["@", "#", "@two words.example", "@a@b.example.com"] {
        assert_eq!(suppress(&desk, wrong).await.0, 422, "{wrong}");
    }
    let (status, refused) = desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": "@x.example.com", "reason": "unsubscribed"})).await;
    assert_eq!((status, refused["field"].as_str()), (422, Some("reason")), "nobody left for a whole domain");

    desk.drain().await;
    let states: Vec<State> = approved.iter().map(|message| desk.message(message.row.id.as_str()).row.state).collect();
    assert_eq!(states, [State::Skipped, State::Skipped, State::Sent, State::Sent]);
    let why = desk.message(approved[0].row.id.as_str()).row.state_reason.unwrap();
    assert!(why.starts_with("Nobody at corp.example.com may be mailed"), "{why}");
    assert_eq!(code(&desk, "new@CORP.example.com").await, "recipient_suppressed", "also somebody who is new");
    assert_eq!(code(&desk, "bo@example.com").await, "recipient_suppressed");
    assert_eq!(code(&desk, "cy@example.com").await, "taken");
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/contacts/search?email=bo@example.com", Value::Null).await.1["contacts"][0]["suppressed"], true);
    let (_, listed) = desk.call(&desk.agent, "GET", "/v1/suppression?email=@corp.example.com", Value::Null).await;
    assert_eq!(listed["suppressions"].as_array().unwrap().len(), 1, "{listed}");
    // Neither is handed to others.
    let app = desk.app().await;
    let request = TestRequest::get().uri("/v1/exports/contacts.csv").insert_header(("Authorization", format!("Bearer {}", desk.agent)));
    let body = actix_web::test::read_body(actix_web::test::call_service(&app, request.to_request()).await).await;
    let csv = String::from_utf8_lossy(&body).into_owned();
    assert!(csv.contains("cy@example.com") && !csv.contains("bo@example.com") && !csv.contains("ana@corp"), "{csv}");
}

#[actix_web::test]
async fn only_a_manager_lifts_a_domain_and_who_left_stays_away() {
    let desk = Desk::new().await;
    let left = desk.pending("left@corp.example.com", json!({})).await;
    suppress(&desk, "@corp.example.com").await;
    let path = left.current.footer.unsubscribe_url.replace("https://desk.example.com", "");
    Browser::new(desk.app().await).post_bare(&path, &[("List-Unsubscribe", "One-Click")]).await;
    let own = desk.read(|conn| suppressions::of(conn, "left@corp.example.com")).unwrap();
    assert_eq!((own.reason, own.is_group), (Reason::Unsubscribed, false), "noted although nobody there is mailed");
    let (status, refused) = desk.call(&desk.agent, "DELETE", "/v1/suppression/@corp.example.com", Value::Null).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("person_required")));
    for (who, status) in [("rita", 403), ("max", 303)] {
        let mut browser = Browser::new(desk.app().await);
        browser.sign_in(who).await;
        let page = browser.get("/rules").await.body;
        assert_eq!((page.contains("<b>corp.example.com</b>"), page.contains("/rules/groups/lift")), (true, who == "max"), "{page}");
        assert_eq!(browser.post("/rules", "/rules/groups/lift", &[("whom", "@corp.example.com")]).await.status, status, "{who}");
    }
    assert_eq!(code(&desk, "new@corp.example.com").await, "taken");
    assert_eq!(code(&desk, "left@corp.example.com").await, "recipient_suppressed");
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert_eq!(max.post("/rules", "/rules/groups", &[("whom", "#partners")]).await.status, 303);
    let page = max.post("/rules", "/rules/groups", &[("whom", "ana@example.com")]).await;
    assert!(page.status == 422 && page.body.contains("Write @ and a domain"), "{}", page.body);
    let page = max.post("/rules", "/rules/groups/lift", &[("whom", "left@corp.example.com")]).await;
    assert!(page.status == 403 && page.body.contains("Only the recipient can undo an unsubscribe"), "{}", page.body);
}

//! The description of the API is what the API does.

use actix_web::http::Method;
use countersign::api::{openapi, operations};
use countersign::domain::actor::Scope;
use countersign::domain::ids::MessageId;
use serde_json::json;

use crate::support::Desk;

/// `UPDATE_OPENAPI=1 cargo test --test it openapi` writes it anew.
#[test]
fn the_description_in_the_repository_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let made = format!("{:#}\n", openapi::document());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "docs/openapi.json is not what is served. Run UPDATE_OPENAPI=1 cargo test --test it openapi, and look at the difference.");
}

#[actix_web::test]
async fn the_description_is_served_without_a_key() {
    let desk = Desk::new().await;
    let (status, document) = desk.call("", "GET", "/v1/openapi.json", json!(null)).await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    assert_eq!(&document, openapi::document());
}

/// Each call that names a scope refuses every key without it, before it looks for anything.
#[actix_web::test]
async fn every_call_asks_for_the_scope_that_its_description_names() {
    let (desk, mut wrong) = (Desk::new().await, vec![]);
    for operation in operations::all() {
        let operations::Access::Scopes(needed) = operation.access else { continue };
        // No key has draft beside the scopes that decide.
        let others: Vec<Scope> = Scope::ALL.iter().copied().filter(|scope| !needed.contains(scope) && *scope != Scope::Draft).collect();
        let key = desk.key(&others);
        let path =
            operation.parameters().fold(operation.path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), MessageId::new().as_str()));
        let (status, answer) = desk.call(&key, operation.method.as_str(), &path, example(operation.id)).await;
        if (status, answer["code"].as_str()) != (403, Some("scope_missing")) {
            wrong.push(format!("{}: {status} {}", operation.id, answer["code"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The least body that each call reads.
fn example(id: &str) -> serde_json::Value {
    match id {
        "put_contact" => json!({"email": "ann@example.com"}),
        "add_contact_tags" | "tag_email" => json!({"tags": ["a"]}),
        "send_email" | "send_email_from" => json!({"to": "ann@example.com", "subject": "Hello", "text_body": "Hello"}),
        "edit_email" => json!({"subject": "Hello"}),
        "decide" => json!({"message_id": "x", "decision": "approve"}),
        "decide_email" => json!({"decision": "approve"}),
        "decide_batch" => json!([{"id": "x", "content_hash": "x"}]),
        "check_claims" => json!({"text": "Hello"}),
        "waive_claim" | "revoke_fact" => json!({"reason": "because"}),
        "create_fact" => json!({"kind": "company_fact", "name": "team_size", "value": "8", "source": "here"}),
        "create_product_update" => json!({"title": "Export", "summary": "It exports.", "shipped_on": "2026-01-01", "source": "here"}),
        "create_offer" => json!({"name": "Back", "code": "BACK", "percent": 10, "source": "here"}),
        "create_webhook" => json!({"url": "https://hooks.example.com"}),
        "create_churn_event" | "create_project_churn_event" => json!({"customer_email": "ann@example.com"}),
        "correct_reason" => json!({"reason": "other"}),
        "judge_match" => json!({"fact_id": "x", "accepted": true}),
        _ => json!({}),
    }
}

#[actix_web::test]
async fn another_method_is_told_which_there_are() {
    let desk = Desk::new().await;
    let (status, answer) = desk.call(&desk.agent, "PUT", "/v1/emails/x", json!({})).await;
    assert_eq!(
        (status, answer["code"].as_str(), answer["detail"].as_str()),
        (405, Some("method_not_allowed"), Some("This call is made with GET, PATCH."))
    );
    let (status, answer) = desk.call(&desk.agent, "PUT", "/api/v1/churn-events", json!({})).await;
    assert_eq!((status, answer["error"].as_str()), (405, Some("This call is made with POST, GET.")));
    assert!(operations::find(&Method::PUT, "/v1/emails/{id}").is_none());
}

#[actix_web::test]
async fn a_query_is_read_as_strictly_as_a_body() {
    let desk = Desk::new().await;
    for (path, code, detail) in [
        ("/v1/contacts/search?tag=a", "field_unknown", "\"tag\" is not a field of this request. Did you mean \"tags\"?"),
        ("/v1/contacts/search?limit=101", "field_invalid", "limit must be 1 to 100; got 101."),
        ("/v1/contacts/search?limit=ten", "field_invalid", "limit cannot be read: invalid digit found in string."),
        ("/v1/contacts/search?email=a&email=b", "field_invalid", "email must be given once."),
    ] {
        let (status, answer) = desk.call(&desk.agent, "GET", path, json!(null)).await;
        assert_eq!((status, answer["code"].as_str(), answer["detail"].as_str()), (422, Some(code), Some(detail)), "{path}");
    }
    let (status, answer) = desk.call(&desk.agent, "GET", "/v1/emails?status=lost", json!(null)).await;
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().starts_with("status must be one of draft, pending"), "{answer}");
    let (status, answer) = desk.call(&desk.agent, "GET", "/api/v1/churn-events?state=new", json!(null)).await;
    assert_eq!((status, answer["error"].as_str()), (422, Some("\"state\" is not a field of this request. Did you mean \"status\"?")));
}

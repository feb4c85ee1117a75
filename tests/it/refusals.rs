//! What is refused, and in which words.

use countersign::api::{openapi, operations};
use countersign::domain::actor::Scope;
use countersign::domain::calls::{self, Filter};
use countersign::domain::ids::MessageId;
use countersign::domain::mailboxes::Mode;
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::support::{Desk, OPERATOR, address};

fn send(more: Value) -> Value {
    let mut body = json!({"to": "ana@example.com", "subject": "Hello", "text_body": "Hello Ana"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The target of the newest call in the log.
fn target(desk: &Desk) -> Option<String> {
    desk.state.calls.flush();
    desk.read(|conn| calls::list(conn, &OPERATOR, &Filter { limit: 1, ..Filter::default() })).0.remove(0).call.target_id
}

#[actix_web::test]
async fn one_value_under_two_names_must_be_the_same() {
    let desk = Desk::new().await;
    let (_, mailboxes) = desk.call(&desk.agent, "GET", "/v1/mailboxes", Value::Null).await;
    let all = mailboxes["mailboxes"].as_array().unwrap();
    let (mailbox, other) = (&all[0], &all[1]);
    for (body, status) in [
        (send(json!({"mailbox": mailbox["address"]})), 202),
        (send(json!({"mailbox": mailbox["address"], "mailbox_id": mailbox["id"], "from": mailbox["address"]})), 202),
        (send(json!({"mailbox": mailbox["address"], "body": "Hello Ana"})), 202),
        (send(json!({"mailbox": mailbox["address"], "mailbox_id": other["id"]})), 422),
        (send(json!({"mailbox": mailbox["address"], "from": other["address"]})), 422),
        (send(json!({"mailbox": mailbox["address"], "body": "Goodbye Ana"})), 422),
    ] {
        let (got, answer) = desk.call(&desk.agent, "POST", "/v1/send", body.clone()).await;
        assert_eq!(got, status, "{body} {answer}");
        if status == 422 {
            assert_eq!(answer["code"], "field_contradicts", "{body} {answer}");
        }
    }
    let path = format!("/v1/mailboxes/{}/send", mailbox["id"].as_str().unwrap());
    let (status, answer) = desk.call(&desk.agent, "POST", &path, send(json!({"mailbox": other["address"]}))).await;
    let detail = "the mailbox of the path and mailbox are two names of one field, and their values differ. Give one of them.";
    assert_eq!((status, answer["detail"].as_str()), (422, Some(detail)));
    let twice = json!({"message_id": MessageId::new(), "decision": "approve", "action": "reject", "reason": "No."});
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", twice).await;
    assert_eq!((status, answer["field"].as_str()), (422, Some("action")));
}

#[actix_web::test]
async fn a_decision_is_one_of_the_three_that_its_call_takes() {
    let desk = Desk::new().await;
    let (_, sent) = desk.call(&desk.agent, "POST", "/v1/send", send(json!({"mailbox": address(Mode::GatedSend)}))).await;
    let decide = |decision: &str, hash: &str| json!({"message_id": sent["id"], "decision": decision, "reason": "No.", "content_hash": hash});
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", decide("withdraw", "x")).await;
    let detail = "decision must be one of approve, reject, request_changes; got \"withdraw\".";
    assert_eq!((status, answer["detail"].as_str()), (422, Some(detail)));
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", decide("reject", &"0".repeat(64))).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("content_changed")));
    assert!(answer["detail"].as_str().unwrap().starts_with("No version of this message has the content_hash you gave."), "{answer}");
}

#[actix_web::test]
async fn the_log_of_calls_names_what_a_call_made_or_decided() {
    let desk = Desk::new().await;
    let (_, sent) = desk.call(&desk.agent, "POST", "/v1/send", send(json!({"mailbox": address(Mode::GatedSend)}))).await;
    assert_eq!(target(&desk).as_deref(), sent["id"].as_str());
    desk.call(&desk.oversight, "POST", "/v1/oversight/decide", json!({"message_id": sent["id"], "decision": "reject"})).await;
    assert_eq!(target(&desk).as_deref(), sent["id"].as_str());
    let (_, contact) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "bo@example.com"})).await;
    assert_eq!(target(&desk).as_deref(), contact["id"].as_str());
    let client = Client::with(&serve(&desk).await, &desk.agent).await;
    let sent = client.result("send_email", send(json!({"mailbox": address(Mode::GatedSend)}))).await.structured_content.unwrap();
    assert_eq!(target(&desk).as_deref(), sent["id"].as_str());
    // An answer told again is about the same thing.
    let once = send(json!({"mailbox": address(Mode::GatedSend), "idempotency_key": "one"}));
    for _ in 0..2 {
        let (_, sent) = desk.call(&desk.agent, "POST", "/v1/send", once.clone()).await;
        assert_eq!(target(&desk).as_deref(), sent["id"].as_str());
    }
    let once = send(json!({"mailbox": address(Mode::GatedSend), "idempotency_key": "two"}));
    for _ in 0..2 {
        let sent = client.result("send_email", once.clone()).await.structured_content.unwrap();
        assert_eq!(target(&desk).as_deref(), sent["id"].as_str());
    }
}

#[actix_web::test]
async fn what_no_page_gave_is_no_cursor() {
    let (desk, mut wrong, mut seen) = (Desk::new().await, vec![], 0);
    let keys = [desk.key(&[Scope::Read, Scope::Contacts, Scope::Admin]), desk.key(&[Scope::Read, Scope::OversightRead])];
    for operation in operations::all() {
        let called = &openapi::document()["paths"][operation.path][operation.method.as_str().to_lowercase()];
        let has_cursor = called["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "cursor"));
        // The cursor of the report on campaigns is the name of one.
        if !has_cursor || operation.id == "report_campaigns" {
            continue;
        }
        seen += 1;
        let key = if operation.path.contains("oversight") { &keys[1] } else { &keys[0] };
        let path = operation.parameters().fold(operation.path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), "thing"));
        let query = if operation.path == "/v1/signals" { "email=a@example.com&" } else { "" };
        let (status, answer) = desk.call(key, "GET", &format!("{path}?{query}cursor=junk"), Value::Null).await;
        if (status, answer["field"].as_str()) != (422, Some("cursor")) && status != 404 {
            wrong.push(format!("{}: {status} {answer}", operation.id));
        }
    }
    assert!(seen > 10, "{seen}");
    assert_eq!(wrong, Vec::<String>::new());
}

#[actix_web::test]
async fn a_report_of_nobody_is_refused() {
    let desk = Desk::new().await;
    for body in [json!({}), json!({"plan_name": "Team", "customer_email": " "})] {
        let (status, answer) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", body).await;
        assert_eq!((status, answer["code"].as_str()), (422, Some("field_invalid")), "{answer}");
        assert!(
            answer["error"].as_str().unwrap().contains("customer_email, customer_name, provider_customer_id or provider_subscription_id"),
            "{answer}"
        );
    }
    let known = json!({"provider_customer_id": "cus_42"});
    assert_eq!(desk.call(&desk.agent, "POST", "/api/v1/churn-events", known).await.0, 201);
}

#[actix_web::test]
async fn a_key_in_the_path_is_seen_and_never_kept() {
    let desk = Desk::new().await;
    for path in ["/v1/emails/cs_live_0123456789abcdef", "/v1/cs_live_0123456789abcdef/send", "/v1/mailboxes?cs_live_0123456789abcdef"] {
        for key in ["", desk.agent.as_str()] {
            let (status, answer) = desk.call(key, "GET", path, Value::Null).await;
            assert_eq!((status, answer["code"].as_str()), (400, Some("key_in_url")), "{path}");
            assert_eq!(target(&desk), None, "{path}");
        }
    }
}

#[actix_web::test]
async fn one_malformed_event_leaves_the_others_of_its_batch_alone() {
    let desk = Desk::new().await;
    desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "ana@example.com"})).await;
    let events = json!([
        {"email": "ana@example.com", "name": "login"},
        {"email": "ana@example.com", "name": 7, "id": "e-1"},
        "login",
        {"email": "ana@example.com", "name": "login", "valu": 3},
        {"email": "ana@example.com", "name": "login", "value": "many"},
        {"email": "nobody@example.com", "name": "login"},
    ]);
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/usage-events", json!({"events": events})).await;
    assert_eq!((status, &answer["taken"]), (200, &json!(1)), "{answer}");
    let refused: Vec<_> =
        answer["refused"].as_array().unwrap().iter().map(|row| (row["index"].clone(), row["code"].clone(), row["id"].clone())).collect();
    let row = |index: usize, code: &str, id: Value| (json!(index), json!(code), id);
    let expected = [
        row(1, "field_invalid", json!("e-1")),
        row(2, "field_invalid", Value::Null),
        row(3, "field_unknown", Value::Null),
        row(4, "field_invalid", Value::Null),
        row(5, "contact_unknown", Value::Null),
    ];
    assert_eq!(refused, expected);
}

#[actix_web::test]
async fn explain_knows_the_classes_of_a_send() {
    let desk = Desk::new().await;
    desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "ana@example.com"})).await;
    for class in ["commercial", "transactional"] {
        let path = format!("/v1/explain?email=ana@example.com&class={class}&mailbox={}", address(Mode::GatedSend));
        assert_eq!(desk.call(&desk.agent, "GET", &path, Value::Null).await.0, 200, "{class}");
    }
}

#[actix_web::test]
async fn conditions_are_named_and_no_list() {
    let desk = Desk::new().await;
    let (_, made) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Few", "tags": "few"})).await;
    let path = format!("/v1/segments/{}", made["id"].as_str().unwrap());
    let (status, refused) = desk.call(&desk.agent, "PATCH", &path, json!({"conditions": [null, 1]})).await;
    assert_eq!((status, refused["field"].as_str()), (422, Some("conditions")), "{refused}");
    let (status, changed) = desk.call(&desk.agent, "PATCH", &path, json!({"conditions": {"plan": "Team"}})).await;
    assert_eq!((status, changed["conditions"]["plan"].as_str()), (200, Some("Team")), "{changed}");
    let (status, refused) = desk.call(&desk.agent, "PATCH", &path, json!({"conditions": {"mrr_from": "much"}})).await;
    assert_eq!(status, 422, "{refused}");
    assert!(!refused["detail"].as_str().unwrap().contains("expected"), "{refused}");
}

#[actix_web::test]
async fn a_tool_that_is_given_one_thing_under_two_names_takes_neither_silently() {
    let desk = Desk::new().await;
    let (_, sent) = desk.send(Mode::GatedSend, "ana@example.com", json!({})).await;
    let (_, other) = desk.send(Mode::GatedSend, "ben@example.com", json!({})).await;
    let agent = Client::with(&serve(&desk).await, &desk.agent).await;
    let (gated, monitored) = (desk.mailbox(Mode::GatedSend), desk.mailbox(Mode::Monitored));
    for (tool, differ, agree) in [
        ("read_email", json!({"message_id": sent["id"], "email_id": other["id"]}), json!({"message_id": sent["id"], "email_id": sent["id"]})),
        (
            "wait_for_decision",
            json!({"message_id": sent["id"], "email_id": other["id"], "seconds": 0}),
            json!({"email_id": sent["id"], "seconds": 0}),
        ),
        ("check_inbox", json!({"mailbox": gated.address, "mailbox_id": monitored.id}), json!({"mailbox": gated.address, "mailbox_id": gated.id})),
        ("get_mailbox", json!({"mailbox": gated.address, "mailbox_id": monitored.id}), json!({"mailbox": gated.id, "mailbox_id": gated.id})),
        ("get_delivery", json!({"mailbox": gated.address, "mailbox_id": monitored.id}), json!({"mailbox_id": gated.id})),
    ] {
        assert_eq!(agent.refused(tool, differ).await.0["code"], "field_contradicts", "{tool}");
        agent.call(tool, agree).await;
    }
}

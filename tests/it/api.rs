//! REST: bad input, keys, and what one key may see of another's mailbox.

use countersign::domain::actor::Scope;
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::{self, Mode};
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR, address};

#[actix_web::test]
async fn bad_input_is_told_apart_and_leaves_nothing() {
    let desk = Desk::new().await;
    let send = |more: &str| {
        format!("{{\"mailbox\": \"{}\", \"to\": \"a@example.com\", \"subject\": \"s\", \"body\": \"b\"{more}}}", address(Mode::GatedSend))
    };
    for (body, status, code) in [
        ("{".to_owned(), 400, "json_invalid"),
        (send(", \"subject\": \"again\""), 400, "json_duplicate_key"),
        (send(", \"subjekt\": \"x\""), 422, "field_unknown"),
        (send(", \"tags\": 7"), 422, "field_invalid"),
        (send(", \"headers\": {\"Bcc\": \"x@example.com\"}"), 422, "header_reserved"),
        (send(", \"headers\": {\"X-A\": \"a\\r\\nBcc: b@example.com\"}"), 422, "header_line_break"),
        (send(", \"oversight_mode\": \"open\""), 422, "field_invalid"),
        (send("").replace("a@example.com", "-oQ@example.com"), 422, "address_invalid"),
        (send("").replace("a@example.com", "nobody"), 422, "address_invalid"),
        (send("").replace("\"s\"", "\"a\\nBcc: b@example.com\""), 422, "header_line_break"),
        (send("").replace("\"b\"", "\"nul \\u0000 here\""), 422, "text_control_char"),
        (send("").replace("gated-send@sender.example", "nobody@sender.example"), 404, "not_found"),
        (format!("{{\"to\": \"{}\"}}", "a".repeat(1024 * 1024)), 413, "body_too_large"),
    ] {
        let (got, answer) = desk.raw(&desk.agent, "POST", "/v1/send", body.clone()).await;
        assert_eq!((got, answer["code"].as_str()), (status, Some(code)), "{}: {answer}", &body[..body.len().min(200)]);
        assert_eq!(answer["error"], answer["detail"]);
    }
    let (_, pending) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
    assert_eq!(pending["messages"].as_array().unwrap().len(), 0);
    let (_, contacts) = desk.call(&desk.agent, "GET", "/v1/contacts/search?email=a@example.com", json!(null)).await;
    assert_eq!(contacts["contacts"].as_array().unwrap().len(), 0, "not even the contact stayed");
}

#[actix_web::test]
async fn keys_are_needed_and_belong_in_the_header() {
    let desk = Desk::new().await;
    let (status, answer) = desk.call("cs_live_wrong", "GET", "/v1/contacts/search", json!(null)).await;
    assert_eq!((status, answer["code"].as_str()), (401, Some("key_invalid")));
    let path = format!("/v1/contacts/search?api_key={}", desk.agent);
    let (status, answer) = desk.call(&desk.agent, "GET", &path, json!(null)).await;
    assert_eq!((status, answer["code"].as_str()), (400, Some("key_in_url")));
    let renamed = desk.agent.replace("cs_live_", "mm_live_");
    assert_eq!(desk.call(&renamed, "GET", "/v1/contacts/search", json!(null)).await.0, 200, "pasted client code needs one edit only");
}

#[actix_web::test]
async fn a_key_does_what_its_scopes_say_and_cannot_both_draft_and_decide() {
    let desk = Desk::new().await;
    let new = NewKey::named("both", &[Scope::Draft, Scope::Oversight]);
    assert_eq!(desk.write(|conn| keys::add(conn, &OPERATOR, &new, desk.now())).unwrap_err().code, "scopes_conflict");
    let reader = NewKey::named("reader", &[Scope::Read]);
    let (id, reader) = desk.write(|conn| keys::add(conn, &OPERATOR, &reader, desk.now())).unwrap();
    let body = json!({"to": "a@example.com", "subject": "s", "body": "b", "mailbox": address(Mode::GatedSend)});
    for (method, path, body) in [
        ("POST", "/v1/send", body),
        ("POST", "/v1/contacts", json!({"email": "a@example.com"})),
        ("GET", "/v1/oversight/pending", json!(null)),
        ("POST", "/v1/oversight/decide", json!({"message_id": "x", "decision": "approve"})),
        ("POST", "/api/v1/churn-events", json!({})),
    ] {
        let (status, answer) = desk.call(&reader, method, path, body).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("scope_missing")), "{path}");
    }
    desk.write(|conn| keys::revoke(conn, &OPERATOR, &id, desk.now())).unwrap();
    assert_eq!(desk.call(&reader, "GET", "/v1/contacts/search", json!(null)).await.0, 401);
}

#[actix_web::test]
async fn another_mailbox_answers_like_none() {
    let desk = Desk::new().await;
    let boxes = desk.read(|conn| mailboxes::list(conn, &OPERATOR));
    let mine = boxes.iter().find(|m| m.mode == Mode::Monitored).unwrap();
    let theirs = boxes.iter().find(|m| m.mode == Mode::GatedSend).unwrap();
    let new = |scopes: Vec<Scope>| NewKey { scopes, mailboxes: vec![mine.id.clone()], ..NewKey::named("limited", &[]) };
    let (_, drafter) = desk.write(|conn| keys::add(conn, &OPERATOR, &new(vec![Scope::Read, Scope::Draft, Scope::Contacts]), desk.now())).unwrap();
    let (_, decider) = desk.write(|conn| keys::add(conn, &OPERATOR, &new(vec![Scope::OversightRead, Scope::Oversight]), desk.now())).unwrap();
    let (_, held) = desk.send(Mode::GatedSend, "a@example.com", json!({})).await;
    let absent = "00000000-0000-7000-8000-000000000000";
    let both = [theirs.id.as_str(), absent].map(|id| format!("/v1/mailboxes/{id}/inbox"));
    let answers = [desk.call(&drafter, "GET", &both[0], json!(null)).await, desk.call(&drafter, "GET", &both[1], json!(null)).await];
    assert_eq!(answers[0].0, 404);
    assert_eq!(answers[0], answers[1]);
    for id in [held["id"].as_str().unwrap(), absent] {
        let body = json!({"message_id": id, "decision": "approve", "content_hash": "x"});
        let (status, answer) = desk.call(&decider, "POST", "/v1/oversight/decide", body).await;
        assert_eq!((status, answer["detail"].as_str()), (404, Some("There is no such message.")));
        let tags = desk.call(&drafter, "POST", &format!("/v1/emails/{id}/tags"), json!({"tags": ["x"]})).await;
        assert_eq!((tags.0, tags.1["detail"].as_str()), (404, Some("There is no such message.")));
    }
    let (_, pending) = desk.call(&decider, "GET", "/v1/oversight/pending", json!(null)).await;
    assert_eq!(pending["messages"].as_array().unwrap().len(), 0);
    let (status, _) = desk.call(&drafter, "POST", "/v1/send", json!({"to": "b@example.com", "subject": "s", "body": "b"})).await;
    assert_eq!(status, 202, "a key with one mailbox need not name it");
}

#[actix_web::test]
async fn unsubscribed_as_a_tag_suppresses_and_cannot_be_taken_away() {
    let desk = Desk::new().await;
    let (_, contact) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "o@example.com", "tags": ["unsubscribed", "vip"]})).await;
    assert_eq!(contact["suppressed"], true);
    let id = contact["id"].as_str().unwrap();
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{id}/tags/vip"), json!(null)).await.0, 200);
    let (status, answer) = desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{id}/tags/unsubscribed"), json!(null)).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("suppression_kept")));
    assert_eq!(desk.send(Mode::Autonomous, "o@example.com", json!({})).await.0, 409);
}

#[actix_web::test]
async fn several_recipients_become_several_messages_or_none() {
    let desk = Desk::new().await;
    let (status, answer) = desk.send(Mode::GatedSend, "x", json!({"to": ["a@example.com", "b@example.com"]})).await;
    assert_eq!((status, answer["messages"].as_array().map(Vec::len)), (202, Some(2)));
    let (status, once) = desk.send(Mode::GatedSend, "x", json!({"to": ["d@example.com", "D@example.com ", "d@EXAMPLE.com"]})).await;
    assert_eq!(status, 202, "{once}");
    let (status, _) = desk.send(Mode::GatedSend, "x", json!({"to": ["c@example.com", "broken"]})).await;
    assert_eq!(status, 422);
    let (_, pending) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
    assert_eq!(pending["messages"].as_array().unwrap().len(), 3, "nothing half done, and whoever is named twice gets it once");
}

#[actix_web::test]
async fn an_address_that_can_lead_nowhere_finds_nothing_and_breaks_nothing() {
    let desk = Desk::new().await;
    let key = desk.key(&[Scope::Read, Scope::OversightRead]);
    for path in ["/v1/mailboxes/@", "/v1/mailboxes/a@b@c/threads/1"] {
        assert_eq!(desk.call(&key, "GET", path, serde_json::Value::Null).await.0, 404, "{path}");
    }
    for path in
        ["/v1/contacts/a%00b/explain", "/v1/emails/%00", "/v1/cohorts?cursor=%00", "/v1/contacts/search?query=a%00", "/api/v1/churn-events/%00"]
    {
        let (status, answer) = desk.call(&key, "GET", path, serde_json::Value::Null).await;
        assert!((400..500).contains(&status), "{path}: {status} {answer}");
    }
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    for path in ["/messages/%00", "/?q=%00", "/customers?q=a%00"] {
        let page = rita.get(path).await;
        assert!(page.status < 500, "{path}: {}", page.status);
    }
}

//! The log of calls: one row each, whoever called, whatever came of it.

use countersign::api::operations::{self, Access};
use countersign::clock;
use countersign::domain::actor::{Actor, Scope};
use countersign::domain::calls::{self, Call, Filter, Outcome, Surface};
use countersign::domain::keys;
use countersign::domain::settings;
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::support::{Browser, Desk, OPERATOR, ask, sql};

/// The rows so far, the oldest first.
fn rows(desk: &Desk) -> Vec<Call> {
    desk.state.calls.flush();
    let all = Filter { limit: 100, ..Filter::default() };
    let mut rows: Vec<Call> = desk.read(|conn| calls::list(conn, &OPERATOR, &all)).0.into_iter().map(|shown| shown.call).collect();
    rows.reverse();
    rows
}

#[actix_web::test]
async fn what_is_read_changed_and_refused_leaves_a_row_each() {
    let desk = Desk::new().await;
    let agent: Actor = desk.read(|conn| Ok(keys::authenticate(conn, &desk.agent, clock::now())?.unwrap().actor));
    let id = "00000000-0000-7000-8000-000000000000";
    desk.call(&desk.agent, "GET", "/v1/mailboxes", Value::Null).await;
    desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "a@example.com"})).await;
    desk.call(&desk.agent, "GET", &format!("/v1/emails/{id}"), Value::Null).await;
    desk.call(&desk.agent, "POST", "/v1/oversight/decide", json!({"message_id": id, "decision": "approve"})).await;
    desk.raw(&desk.agent, "POST", "/v1/send", "{").await;
    desk.call(&desk.agent, "GET", "/api/v1/churn-events/nothing", Value::Null).await;
    desk.call(&desk.agent, "GET", "/v1/nothing", Value::Null).await;
    let seen: Vec<_> = rows(&desk)
        .into_iter()
        .inspect(|row| assert_eq!((row.key_id.as_ref().unwrap().as_str(), row.surface), (agent.id(), Surface::Rest)))
        .map(|row| (row.method, row.operation, row.target_id, row.status, row.code, row.outcome))
        .collect();
    let row = |method: &str, path: &str, target: Option<&str>, status: i32, code: Option<&str>| {
        let outcome = if status < 400 { Outcome::Done } else { Outcome::Refused };
        (method.to_owned(), path.to_owned(), target.map(str::to_owned), status, code.map(str::to_owned), outcome)
    };
    let contact = seen[1].2.clone().unwrap();
    let expected = vec![
        row("GET", "/v1/mailboxes", None, 200, None),
        row("POST", "/v1/contacts", Some(&contact), seen[1].3, None),
        row("GET", "/v1/emails/{id}", Some(id), 404, Some("not_found")),
        row("POST", "/v1/oversight/decide", None, 403, Some("scope_missing")),
        row("POST", "/v1/send", None, 400, Some("json_invalid")),
        row("GET", "/api/v1/churn-events/{id}", Some("nothing"), 404, Some("not_found")),
        row("GET", "unknown", None, 404, Some("not_found")),
    ];
    assert_eq!(seen, expected);
}

#[actix_web::test]
async fn every_call_of_the_table_leaves_one_row_with_what_came_of_it() {
    let desk = Desk::new().await;
    let admin = desk.key(&[Scope::Read, Scope::Admin]);
    let mut seen = 0;
    for operation in operations::all() {
        let path = operation.parameters().fold(operation.path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), "thing"));
        let (status, answer) = desk.call(&admin, operation.method.as_str(), &path, json!({})).await;
        let open = matches!(operation.access, Access::Signed | Access::Public);
        seen += usize::from(!open);
        desk.state.calls.flush();
        let (count, last) = desk.read(|conn| {
            let (rows, _) = calls::list(conn, &OPERATOR, &Filter { limit: 100, ..Filter::default() })?;
            Ok((rows.len(), rows.into_iter().next()))
        });
        assert_eq!(count, seen.min(100), "{}", operation.id);
        let Some(row) = last.filter(|_| !open) else { continue };
        let row = row.call;
        assert_eq!((row.operation.as_str(), row.method.as_str()), (operation.path, operation.method.as_str()));
        assert_eq!((row.status, row.outcome), (i32::from(status), Outcome::of(status)), "{}", operation.id);
        assert_eq!(row.code.as_deref(), answer["code"].as_str().filter(|_| status >= 400), "{}", operation.id);
        if let Access::Scopes(scopes) = operation.access {
            assert!(scopes.contains(&row.scope.unwrap()), "{}", operation.id);
        }
        // What was made or changed is named too.
        let is_named = operation.parameters().any(|name| name == "id");
        assert!(row.target_id.is_some() == is_named || (status < 400 && !is_named), "{}", operation.id);
    }
    assert!(seen > 40);
}

#[actix_web::test]
async fn a_wrong_key_leaves_its_first_characters_and_no_key_leaves_none() {
    let desk = Desk::new().await;
    let secret = "cs_live_0123456789abcdef";
    for key in [secret, "not-a-key-at-all", ""] {
        assert_eq!(ask(&desk.state, key, "GET", "/v1/mailboxes", &[], &Value::Null).await.status, 401);
    }
    // Whoever calls a path that leads nowhere, without a key, called nothing.
    assert_eq!(ask(&desk.state, "", "GET", "/v1/nothing", &[], &Value::Null).await.status, 404);
    let rows = rows(&desk);
    let seen: Vec<(Option<&str>, Option<&str>, Option<&str>)> =
        rows.iter().map(|row| (row.key_prefix.as_deref(), row.code.as_deref(), row.peer.as_deref())).collect();
    let row = |prefix| (prefix, Some("key_invalid"), Some("203.0.113.7"));
    assert_eq!(seen, [row(Some("cs_live_0123")), row(None), row(None)]);
    assert!(rows.iter().all(|row| row.key_id.is_none() && row.status == 401 && !format!("{row:?}").contains("456789")));
}

#[actix_web::test]
async fn a_tool_leaves_one_row_and_so_does_everything_else_of_the_protocol() {
    let desk = Desk::new().await;
    let client = Client::with(&serve(&desk).await, &desk.agent).await;
    let tools = client.tools().await;
    let before = rows(&desk);
    assert!(before.iter().all(|row| row.surface == Surface::Mcp && row.operation == "/mcp" && row.outcome == Outcome::Done), "{before:?}");
    assert_eq!(before.iter().filter(|row| row.method == "initialize").count(), 1, "{before:?}");
    assert_eq!(before.iter().filter(|row| row.method == "tools/list").count(), 1);
    let mut count = before.len();
    for tool in tools {
        let name: &'static str = String::leak(tool.name.to_string());
        let answered = client.result(name, json!({"message_id": "thing"})).await;
        let rows = rows(&desk);
        count += 1;
        assert_eq!(rows.len(), count.min(100), "{name}");
        let row = rows.last().unwrap();
        assert_eq!((row.method.as_str(), row.operation.as_str(), row.target_id.as_deref()), ("tools/call", name, Some("thing")));
        let refused = answered.is_error == Some(true);
        assert_eq!((row.outcome == Outcome::Refused, row.code.is_some()), (refused, refused), "{row:?}");
        if refused {
            let body = answered.structured_content.unwrap();
            assert_eq!(
                (json!(row.status), json!(row.code), json!(row.request_id)),
                (body["status"].clone(), body["code"].clone(), body["request_id"].clone())
            );
        }
    }
}

#[actix_web::test]
async fn one_id_joins_the_answer_the_row_of_the_call_and_what_it_changed() {
    let desk = Desk::new().await;
    let create =
        async |headers: &[(&str, &str)]| ask(&desk.state, &desk.agent, "POST", "/v1/contacts", headers, &json!({"email": "a@example.com"})).await;
    let own = create(&[("X-Request-Id", "my-own-id")]).await;
    assert_eq!(own.header("X-Request-Id"), Some("my-own-id"));
    let long = "x".repeat(65);
    for unfit in ["", "two words", &long] {
        let made = create(&[("X-Request-Id", unfit)]).await;
        assert_eq!(made.header("X-Request-Id").unwrap().len(), 36);
    }
    let refused = ask(&desk.state, &desk.agent, "GET", "/v1/emails/nothing", &[("X-Request-Id", "refused")], &Value::Null).await;
    let unknown = ask(&desk.state, "", "GET", "/v1/mailboxes", &[("X-Request-Id", "unknown")], &Value::Null).await;
    assert_eq!((&refused.body["request_id"], &unknown.body["request_id"]), (&json!("refused"), &json!("unknown")));
    let rows = rows(&desk);
    assert_eq!((rows[0].request_id.as_str(), rows[4].request_id.as_str()), ("my-own-id", "refused"));
    let lines = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some("my-own-id"), 10));
    assert!(!lines.is_empty() && lines.iter().all(|line| line.target_kind == "contact" && line.request_id.as_deref() == Some("my-own-id")));
}

#[actix_web::test]
async fn rows_are_kept_for_as_long_as_is_set_and_written_when_the_process_ends() {
    let desk = Desk::new().await;
    let other = desk.restarted();
    assert_eq!(ask(&other, &desk.agent, "GET", "/v1/mailboxes", &[], &Value::Null).await.status, 200);
    drop(other);
    assert_eq!(sql(&desk, "UPDATE api_calls SET code = code"), 1);
    let sweep = |days| desk.write(|conn| calls::sweep(conn, clock::now().plus_days(days))).unwrap();
    sweep(89);
    assert_eq!(rows(&desk).len(), 1);
    desk.write(|conn| settings::set(conn, settings::CALLS_KEPT_DAYS, "100")).unwrap();
    sweep(91);
    assert_eq!(rows(&desk).len(), 1);
    sweep(101);
    assert_eq!(rows(&desk).len(), 0);
}

/// Waits five seconds: so long a call waits for a place.
#[actix_web::test]
async fn a_call_that_could_not_be_logged_is_not_made() {
    let desk = Desk::new().await;
    let mut places = vec![];
    while let Ok(Some(place)) = tokio::time::timeout(std::time::Duration::from_millis(200), desk.state.calls.place()).await {
        places.push(place);
    }
    let create = async || ask(&desk.state, &desk.agent, "POST", "/v1/contacts", &[], &json!({"email": "a@example.com"})).await;
    let refused = create().await;
    assert_eq!((refused.status, refused.code()), (503, "log_full"));
    drop(places);
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/contacts/search", Value::Null).await.1["contacts"], json!([]));
    assert!(create().await.status < 300);
}

#[actix_web::test]
async fn administrators_see_the_log_by_key_and_outcome_a_page_at_a_time() {
    let desk = Desk::new().await;
    let admin = desk.key(&[Scope::Admin]);
    for _ in 0..3 {
        desk.call(&desk.agent, "GET", "/v1/mailboxes", Value::Null).await;
    }
    desk.call(&desk.oversight, "GET", "/v1/emails/nothing", Value::Null).await;
    desk.state.calls.flush();
    let path = "/v1/audit-log/calls";
    let (status, refused) = desk.call(&desk.agent, "GET", path, Value::Null).await;
    assert_eq!((status, &refused["code"]), (403, &json!("scope_missing")));
    let list = async |query: &str| {
        desk.state.calls.flush();
        desk.call(&admin, "GET", &format!("{path}?{query}"), Value::Null).await.1
    };
    let refused = list("outcome=refused").await;
    let codes: Vec<&str> = refused["calls"].as_array().unwrap().iter().map(|call| call["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["scope_missing", "not_found"]);
    assert_eq!(list("outcome=odd").await["code"], "field_invalid");
    let agent = refused["calls"][0]["key_id"].as_str().unwrap().to_owned();
    let mut query = format!("key={agent}&outcome=done&limit=2");
    let first = list(&query).await;
    query.push_str(&format!("&cursor={}", first["next_cursor"].as_str().unwrap()));
    let second = list(&query).await;
    assert_eq!((first["calls"].as_array().unwrap().len(), second["calls"].as_array().unwrap().len()), (2, 1));
    assert_eq!((&second["next_cursor"], &second["calls"][0]["operation"]), (&Value::Null, &json!("/v1/mailboxes")));
    assert!(second["calls"][0]["duration_micros"].as_i64().unwrap() > 0);
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("ada").await;
    let page = browser.get("/audit/calls?outcome=refused").await.body;
    assert!(page.contains("scope_missing") && page.contains("/v1/emails/{id}") && !page.contains("GET /v1/mailboxes"));
    assert!(browser.get("/audit").await.body.contains("href=\"/audit/calls\""));
}

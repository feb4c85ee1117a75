//! What breaks between two OpenAPI files: proposed as facts, held against what customers use, on the page and for agents.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::programs::contact;
use crate::support::{Browser, Desk};

fn old() -> Value {
    json!({"openapi": "3.0.3", "info": {"title": "Shop API", "version": "1.4"}, "servers": [{"url": "https://api.example.com/v1"}], "paths": {
        "/orders/{id}": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}}}},
        "/exports": {"post": {}}, "/health": {"get": {}}},
        "components": {"schemas": {"Order": {"properties": {"id": {"type": "string"}, "total": {"type": "number"}, "parent": {"$ref": "#/components/schemas/Order"}}}}}})
}

/// The same as YAML.
const OLD_YAML: &str = "openapi: 3.0.3\ninfo: {title: Shop API, version: '1.4'}\nservers:\n- url: https://api.example.com/v1\npaths:\n  /orders/{id}:\n    get:\n      \
    responses:\n        200:\n          content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}\n  /exports: {post: {}}\n  /health: {get: {}}\n\
    components:\n  schemas:\n    Order:\n      properties:\n        id: {type: string}\n        total: {type: number}\n        parent: {$ref: '#/components/schemas/Order'}\n";

fn new() -> Value {
    let mut file = old();
    file["info"]["version"] = json!("2.0");
    file["servers"][0]["url"] = json!("https://api.example.com/v2");
    file["paths"].as_object_mut().unwrap().remove("/exports");
    file["components"]["schemas"]["Order"]["properties"].as_object_mut().unwrap().remove("total");
    file
}

async fn cohort(desk: &Desk) -> String {
    let body = json!({"name": "API v1 sunset", "tags": "api-v1", "deadline": "2199-04-30", "from_version": "v1", "to_version": "v2"});
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/cohorts", body).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

async fn uses(desk: &Desk, events: Value) {
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/usage-events", json!({"events": events})).await;
    assert!(status < 300, "{answer}");
}

#[actix_web::test]
async fn what_breaks_is_proposed_and_held_against_what_customers_use() {
    let desk = Desk::new().await;
    let path = format!("/v1/cohorts/{}/api-changes", cohort(&desk).await);
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.0, 404, "nothing was compared");
    for email in ["ana@example.com", "ben@example.com", "cy@example.com"] {
        contact(&desk, email, &["api-v1"]);
    }
    let call = |email: &str, name: &str| json!({"email": email, "name": name});
    uses(
        &desk,
        json!([
            call("ana@example.com", "GET /v1/orders/17"),
            call("ana@example.com", "GET /v1/orders/18"),
            call("ana@example.com", "POST /v1/exports"),
            call("ben@example.com", "POST /v1/exports"),
            call("cy@example.com", "GET /v2/orders/17"),
            call("cy@example.com", "order.created"),
        ]),
    )
    .await;
    let long_ago = desk.now().plus_days(-89).to_string();
    uses(&desk, json!([{"email": "ben@example.com", "name": "POST /v1/exports", "at": long_ago}])).await;

    let (status, found) = desk.call(&desk.agent, "POST", &path, json!({"old": old(), "new": new()})).await;
    assert_eq!(status, 201, "{found}");
    let titles: Vec<&str> = found["changes"].as_array().unwrap().iter().map(|change| change["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        ["POST /v1/exports is removed", "GET /v1/health moves", "GET /v1/orders/{id} moves", "GET /v1/orders/{id} answers without the field total",]
    );
    assert_eq!((&found["old_title"], &found["proposed"], &found["more"]), (&json!("Shop API 1.4"), &json!(4), &json!(false)));
    let hit: Vec<(&str, i64)> =
        found["customers"].as_array().unwrap().iter().map(|one| (one["email"].as_str().unwrap(), one["events"].as_i64().unwrap())).collect();
    assert_eq!((hit, &found["customers_in_all"]), (vec![("ana@example.com", 3), ("ben@example.com", 2)], &json!(2)));
    assert_eq!(found["customers"][0]["operations"], json!({"GET /v1/orders/{id}": 2, "POST /v1/exports": 1}));
    assert_eq!((&found["changes"][0]["customers"], &found["changes"][1]["customers"]), (&json!(2), &json!(0)));

    // Proposed, whoever asked; a second look proposes nothing twice.
    let (_, facts) = desk.call(&desk.agent, "GET", "/v1/facts?kind=migration_change", json!(null)).await;
    let states: Vec<&Value> = facts["facts"].as_array().unwrap().iter().map(|fact| &fact["state"]).collect();
    assert_eq!(states, vec![&json!("proposed"); 4], "{facts}");
    let (_, again) = desk.call(&desk.agent, "POST", &path, json!({"old": old(), "new": new()})).await;
    assert_eq!(again["proposed"], 0);
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.1["changes"], found["changes"]);
    for (files, field) in [
        (json!({"old": {"swagger": "2.0", "paths": {}}, "new": new()}), "old"),
        (json!({"old": old(), "new": {"openapi": "3.0.0"}}), "new"),
        (json!({"old": "openapi: [", "new": new()}), "old"),
    ] {
        let (status, refused) = desk.call(&desk.agent, "POST", &path, files).await;
        assert_eq!((status, &refused["code"], &refused["field"]), (422, &json!("openapi_invalid"), &json!(field)), "{refused}");
    }
}

/// A form with two files, as a browser sends it.
fn form(csrf: &str, old: &str, new: &str) -> (String, String) {
    let part = |name: &str, file: &str, text: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n");
    let body = [part("csrf", "", csrf), part("old", "; filename=\"old.json\"", old), part("new", "; filename=\"new.json\"", new), "--x--\r\n".into()]
        .concat();
    ("multipart/form-data; boundary=x".into(), body)
}

#[actix_web::test]
async fn a_manager_gives_two_files_on_the_page() {
    let desk = Desk::new().await;
    let page = format!("/migrations/{}/changes", cohort(&desk).await);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let empty = max.get(&page).await.body;
    assert!(empty.contains("Compare two files") && !empty.contains("Whom it hits"), "{empty}");
    let csrf = empty.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let post = |old: &str, new: &str| {
        let (kind, body) = form(&csrf, old, new);
        TestRequest::post().uri(&page).insert_header(("content-type", kind)).set_payload(body)
    };
    let wrong = max.run(post("openapi: 3.0.0\npaths:\n  - a: [", "{}")).await;
    assert!(wrong.status == 422 && wrong.body.contains("Old is not valid YAML at line 3"), "{} {}", wrong.status, wrong.body);
    let done = max.run(post(OLD_YAML, &new().to_string())).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let shown = max.get(&page).await.body;
    assert!(shown.contains("4 changes") && shown.contains("answers without the field") && shown.contains("Nobody was seen to use"), "{shown}");
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert_eq!(rita.get(&page).await.status, 403);
}

#[actix_web::test]
async fn agents_compare_over_mcp() {
    let desk = Desk::new().await;
    let id = cohort(&desk).await;
    let client = Client::with(&serve(&desk).await, &desk.agent).await;
    let (found, _) = client.call("compare_cohort_api", json!({"cohort_id": id, "old": old(), "new": new()})).await;
    assert_eq!(found["changes"].as_array().unwrap().len(), 4, "{found}");
    let (again, _) = client.call("compare_cohort_api", json!({"cohort_id": id, "old": OLD_YAML, "new": new()})).await;
    assert_eq!((&again["changes"], &again["proposed"]), (&found["changes"], &json!(0)), "the same file as YAML");
    let (found, _) = client.call("get_cohort_api_changes", json!({"cohort_id": id})).await;
    assert_eq!(found["changes"][0]["what"], "operation_removed");
}

//! The description of the API is what the API does.

use actix_web::http::Method;
use actix_web::test as web_test;
use countersign::api::{openapi, operations, samples};
use countersign::domain::actor::Scope;
use countersign::domain::ids::MessageId;
use serde_json::{Value, json};

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
        let (status, answer) = desk.call(&key, operation.method.as_str(), &path, samples::of(operation.id)).await;
        if (status, answer["code"].as_str()) != (403, Some("scope_missing")) {
            wrong.push(format!("{}: {status} {}", operation.id, answer["code"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Keys that can make every call between them; no key drafts and decides.
struct Keys {
    draft: String,
    decide: String,
    other: String,
}

impl Keys {
    fn of(desk: &Desk) -> Self {
        Keys {
            draft: desk.key(&[Scope::Read, Scope::Draft, Scope::Contacts]),
            decide: desk.key(&[Scope::Read, Scope::OversightRead, Scope::Oversight]),
            other: desk.key(&[Scope::Read, Scope::Contacts, Scope::Admin]),
        }
    }

    fn of_call(&self, operation: &operations::Operation) -> &str {
        match operation.access {
            operations::Access::Scopes(scopes) if scopes.contains(&Scope::Draft) => &self.draft,
            operations::Access::Scopes(scopes) if scopes.contains(&Scope::Oversight) => &self.decide,
            _ => &self.other,
        }
    }
}

/// What the reference page invites to try.
#[actix_web::test]
async fn every_sample_of_a_body_is_one_that_its_call_takes() {
    let (desk, mut wrong) = (Desk::new().await, vec![]);
    let keys = Keys::of(&desk);
    desk.call(&desk.agent, "POST", "/v1/contacts", samples::of("put_contact")).await;
    for operation in operations::all().iter().filter(|operation| operation.takes_a_body()) {
        let sample = samples::of(operation.id);
        let key = keys.of_call(operation);
        let path =
            operation.parameters().fold(operation.path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), MessageId::new().as_str()));
        let (status, answer) = desk.call(key, operation.method.as_str(), &path, sample.clone()).await;
        // What there is on an installation, a sample cannot know.
        let is_of_the_place = ["mailbox_missing", "url_not_allowed", "url_unresolved"].iter().any(|code| answer["code"] == *code);
        let refused = matches!(status, 400 | 422) && !is_of_the_place;
        if sample.is_null() || refused {
            wrong.push(format!("{}: {status} {}", operation.id, answer["detail"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a field of a body takes, by its name, and something else in its place.
fn wrong_values(schema: &Value) -> Vec<Value> {
    let fields = |schema: &Value| schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let resolved = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let schema = resolved.map_or(schema, |name| &openapi::document()["components"]["schemas"][name]);
    let mut all = vec![json!("x"), json!([7]), json!({"neither_here_nor_there": 1})];
    let others = [json!(-7.5), json!("neither"), json!(["neither", 7]), json!({"neither": 7})];
    for (place, name) in fields(schema).into_iter().enumerate() {
        // Two each, another pair for its neighbour.
        for value in [&others[place % 4], &others[(place + 1) % 4]] {
            all.push(json!({name.clone(): value}));
        }
    }
    all
}

#[actix_web::test]
async fn no_refusal_of_a_wrong_value_speaks_of_the_program() {
    let (desk, mut wrong, mut seen) = (Desk::new().await, vec![], 0);
    let (app, keys) = (desk.app().await, Keys::of(&desk));
    for operation in operations::all().iter().filter(|operation| operation.takes_a_body()) {
        let path = operation.parameters().fold(operation.path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), "thing"));
        let called = &openapi::document()["paths"][operation.path][operation.method.as_str().to_lowercase()];
        let key = keys.of_call(operation);
        for body in wrong_values(&called["requestBody"]["content"]["application/json"]["schema"]) {
            let request = web_test::TestRequest::default().method(operation.method.clone()).uri(&path);
            let request = request.insert_header(("Authorization", format!("Bearer {key}"))).set_json(&body).to_request();
            let response = web_test::call_service(&app, request).await;
            let status = response.status().as_u16();
            let answer: Value = serde_json::from_slice(&web_test::read_body(response).await).unwrap_or_default();
            let said = answer["detail"].as_str().or(answer["error"].as_str()).unwrap_or_default();
            seen += usize::from(status == 422);
            let of_the_program =
                ["::", "`", "struct", "enum", "unknown variant", "expected", "invalid type", "usize", "must be must", "u64", "i64", "\\\""];
            if status >= 500 || said.matches("got ").count() > 1 || of_the_program.iter().any(|word| said.contains(word)) {
                wrong.push(format!("{} {body}: {status} {said}", operation.id));
            }
        }
    }
    assert!(seen > 300, "{seen}");
    assert_eq!(wrong, Vec::<String>::new());
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
        ("/v1/contacts/search?limit=ten", "field_invalid", "limit must be a whole number in range; got \"ten\"."),
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

//! The description of the API (OpenAPI 3.1), made from the table of operations.

use std::sync::LazyLock;

use actix_web::http::Method;
use serde_json::{Map, Value, json};

use super::described;
use super::error::{PlainBody, ProblemBody};
use super::operations::{self, Access, Answered, Operation};
use super::samples;
use crate::domain::idempotency::LONGEST;

static DOCUMENT: LazyLock<Value> = LazyLock::new(make);

const ABOUT: &str = "Mail that agents write, held until a person signs it off. \
Unknown fields and doubled keys are refused. Errors are problem+json (RFC 9457) with a stable code; /api/v1 answers {\"error\", \"code\"}.";

/// The description.
pub fn document() -> &'static Value {
    &DOCUMENT
}

fn make() -> Value {
    let mut answers = described::of_answers();
    let problem = answers.subschema_for::<ProblemBody>();
    let plain = answers.subschema_for::<PlainBody>();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations::all() {
        let mut call = describe(operation);
        let mut responses = Map::new();
        for answer in &operation.answers {
            responses.insert(answer.status.to_string(), response(answer, &mut answers));
        }
        let (media, refusal) = match operation.path.starts_with("/api/") {
            true => ("application/json", &plain),
            false => ("application/problem+json", &problem),
        };
        for status in refusals(operation) {
            responses.insert(status.to_string(), json!({"description": reason(status), "content": {media: {"schema": refusal}}}));
        }
        call["responses"] = Value::Object(responses);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = call;
    }
    let mut groups: Vec<&str> = operations::all().iter().map(|operation| operation.group).collect();
    let mut met = std::collections::HashSet::new();
    groups.retain(|group| met.insert(*group));
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Countersign", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "tags": groups.iter().map(|group| json!({"name": group})).collect::<Vec<_>>(),
        "security": [{"bearer": []}, {"header": []}],
        "paths": paths,
        "components": {
            "schemas": answers.take_definitions(true),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A key of this installation: cs_live_… or cs_test_…."},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    })
}

fn describe(operation: &Operation) -> Value {
    let mut parameters: Vec<Value> = operation
        .parameters()
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}))
        .collect();
    let keyed = matches!(operation.access, Access::Scopes(_) | Access::AnyKey);
    if keyed && operation.method == Method::POST {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"});
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false, "description": ONCE, "schema": schema}));
    }
    let mut requests = described::of_requests();
    if let Some(query) = operation.query {
        parameters.extend(query_parameters(query(&mut requests).to_value()));
    }
    let mut call = json!({
        "operationId": operation.id,
        "summary": operation.title,
        "description": about(operation),
        "tags": [operation.group],
        "parameters": parameters,
    });
    if let Some(body) = operation.body {
        let body = body(&mut requests).to_value();
        let required = body["required"].as_array().is_some_and(|required| !required.is_empty()) || body["type"] == "array";
        let mut media = json!({"schema": body});
        let sample = samples::of(operation.id);
        if !sample.is_null() {
            media["example"] = sample;
        }
        call["requestBody"] = json!({"required": required, "content": {"application/json": media}});
    }
    if matches!(operation.access, Access::Public | Access::Signed) {
        call["security"] = json!([]);
    }
    call
}

/// What the header for idempotency says of itself.
const ONCE: &str = "A word of your own for this one request, such as a UUID. The same request with the same word gives the first answer \
    for 30 days, with the header Idempotent-Replayed: true, and is not done twice; another request with it is refused.";

fn about(operation: &Operation) -> String {
    let needs = match operation.access {
        Access::Scopes([scope]) => format!("Needs the scope {scope}."),
        Access::Scopes(scopes) => format!("Needs one of the scopes {}.", scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")),
        Access::AnyKey => "Any key.".to_owned(),
        Access::Signed => "No key.".to_owned(),
        Access::Public => "Open to everybody.".to_owned(),
    };
    if operation.about.is_empty() { needs } else { format!("{} {needs}", operation.about) }
}

/// The fields of a query, each as a parameter.
fn query_parameters(schema: Value) -> Vec<Value> {
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let fields = schema["properties"].as_object();
    let one = |(name, field): (&String, &Value)| {
        let mut field = field.clone();
        let about = field.as_object_mut().and_then(|field| field.remove("description")).unwrap_or_default();
        without_null(&mut field);
        json!({"name": name, "in": "query", "required": required(name), "description": about, "schema": field})
    };
    fields.into_iter().flatten().map(one).collect()
}

/// A query leaves a field out; it cannot say null.
fn without_null(field: &mut Value) {
    if let Some(types) = field["type"].as_array() {
        let rest: Vec<Value> = types.iter().filter(|word| *word != "null").cloned().collect();
        field["type"] = if let [one] = rest.as_slice() { one.clone() } else { json!(rest) };
    }
    if let Some(words) = field["enum"].as_array() {
        field["enum"] = words.iter().filter(|word| !word.is_null()).cloned().collect();
    }
    if let Some(choices) = field["anyOf"].as_array().cloned() {
        let rest: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
        if let [one] = rest.as_slice() {
            *field = (*one).clone();
        }
    }
}

fn response(answer: &Answered, answers: &mut schemars::SchemaGenerator) -> Value {
    let description = reason(answer.status);
    match (answer.media, answer.schema) {
        ("", _) => json!({"description": description}),
        (media, Some(schema)) => json!({"description": description, "content": {media: {"schema": schema(answers)}}}),
        (media, None) => json!({"description": description, "content": {media: {}}}),
    }
}

/// The statuses with which a call can be refused.
fn refusals(operation: &Operation) -> Vec<u16> {
    let keyed = matches!(operation.access, Access::Scopes(_) | Access::AnyKey);
    let writes = !matches!(operation.method, Method::GET | Method::OPTIONS);
    let mut statuses = vec![400, 503];
    if keyed || operation.access == Access::Signed {
        statuses.push(401);
    }
    if keyed {
        statuses.extend([403, 429]);
    }
    if operation.is_about_one() || keyed && (operation.body.is_some() || operation.query.is_some()) {
        statuses.push(404);
    }
    if writes {
        statuses.extend([409, 413, 422, 507]);
    }
    if operation.query.is_some() {
        statuses.push(422);
    }
    statuses.retain(|status| operation.answers.iter().all(|answer| answer.status != *status));
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "Done.",
        201 => "Made.",
        202 => "Taken in.",
        204 => "Done; there is nothing to answer.",
        400 => "The request is malformed, or the state of things speaks against it.",
        401 => "The key or the signature is missing, unknown or no longer valid.",
        403 => "The key may not do this.",
        404 => "There is no such thing within the reach of this key.",
        409 => "The state of things speaks against it.",
        413 => "The body is too large. Nothing was stored.",
        422 => "A field cannot be taken; the problem names it.",
        429 => "Too many calls; wait as Retry-After says.",
        500 => "The server is not set up for this.",
        503 => "Busy; wait as Retry-After says. Nothing was changed.",
        507 => "There is no room to record this safely.",
        _ => "See the body.",
    }
}

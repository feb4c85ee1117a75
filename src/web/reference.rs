//! `/reference`: the calls of the API for people, from the same description that programs get.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::Value;

use super::errors::PageError;
use super::page::{Chrome, Visitor, html};
use crate::api::openapi;
use crate::app::State;
use crate::domain::error::Error;

/// How deep fields within fields are shown.
const DEEPEST: usize = 3;

/// A call in the list.
struct Call {
    id: String,
    method: String,
    path: String,
    title: String,
}

/// The calls of one noun.
struct Group {
    name: String,
    calls: Vec<Call>,
}

#[derive(Template)]
#[template(path = "reference/index.html")]
struct IndexPage {
    chrome: Chrome,
    groups: Vec<Group>,
}

pub(super) async fn index(visitor: Visitor) -> Result<HttpResponse, PageError> {
    let mut groups: Vec<Group> = vec![];
    for group in each(&openapi::document()["tags"]) {
        groups.push(Group { name: word(&group["name"]), calls: vec![] });
    }
    for (path, method, call) in calls() {
        let group = word(&call["tags"][0]);
        let call = Call { id: word(&call["operationId"]), method: method.to_uppercase(), path: path.clone(), title: word(&call["summary"]) };
        if let Some(group) = groups.iter_mut().find(|known| known.name == group) {
            group.calls.push(call);
        }
    }
    html(&IndexPage { chrome: visitor.0.chrome("API reference", "reference"), groups })
}

/// A field of a body, a query or an answer.
struct Field {
    name: String,
    depth: usize,
    kind: String,
    about: String,
    required: bool,
}

/// What one status answers.
struct Answer {
    status: String,
    about: String,
    fields: Vec<Field>,
    good: bool,
}

#[derive(Template)]
#[template(path = "reference/show.html")]
struct ShowPage {
    chrome: Chrome,
    method: String,
    path: String,
    title: String,
    about: String,
    parameters: Vec<Field>,
    body: Vec<Field>,
    answers: Vec<Answer>,
    example: String,
}

pub(super) async fn show(visitor: Visitor, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let found = calls().find(|(_, _, call)| call["operationId"] == id.as_str());
    let (path, method, call) = found.ok_or_else(|| Error::not_found("call"))?;
    let body = &call["requestBody"]["content"]["application/json"];
    let answers = call["responses"].as_object().into_iter().flatten().map(|(status, answer)| {
        let good = status.starts_with('2');
        let schema = answer["content"].as_object().and_then(|content| content.values().next()).map(|media| &media["schema"]);
        let fields = if good { schema.map(fields).unwrap_or_default() } else { vec![] };
        Answer { status: status.clone(), about: word(&answer["description"]), fields, good }
    });
    let parameter = |one: &Value| Field {
        name: word(&one["name"]),
        depth: 0,
        kind: kind(&one["schema"]),
        about: if one["in"] == "path" { "In the path.".to_owned() } else { word(&one["description"]) },
        required: one["required"] == true,
    };
    let title = word(&call["summary"]);
    html(&ShowPage {
        chrome: visitor.0.chrome(&title, "reference"),
        example: example(&state.base_url, &method.to_uppercase(), path, call, body),
        method: method.to_uppercase(),
        path: path.clone(),
        about: word(&call["description"]),
        parameters: each(&call["parameters"]).map(parameter).collect(),
        body: fields(&body["schema"]),
        answers: answers.collect(),
        title,
    })
}

fn calls() -> impl Iterator<Item = (&'static String, &'static String, &'static Value)> {
    let paths = openapi::document()["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| methods.as_object().into_iter().flatten().map(move |(method, call)| (path, method, call)))
}

fn each(list: &Value) -> std::slice::Iter<'_, Value> {
    list.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The schema behind a reference, and behind "this or null".
fn resolved(schema: &Value) -> &Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return &openapi::document()["components"]["schemas"][name];
    }
    match schema["anyOf"].as_array().map(Vec::as_slice) {
        Some([one, null]) if null["type"] == "null" => resolved(one),
        _ => schema,
    }
}

fn fields(schema: &Value) -> Vec<Field> {
    let mut all = vec![];
    collect(schema, 0, &mut all);
    all
}

fn collect(schema: &Value, depth: usize, all: &mut Vec<Field>) {
    let schema = resolved(schema);
    if schema["type"] == "array" {
        return collect(&schema["items"], depth, all);
    }
    for part in each(&schema["allOf"]).chain(each(&schema["anyOf"])).chain(each(&schema["oneOf"])) {
        collect(part, depth, all);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let required = each(&schema["required"]).any(|required| required == name);
        all.push(Field { name: name.clone(), depth, kind: kind(field), about: word(&field["description"]), required });
        if depth + 1 < DEEPEST {
            collect(field, depth + 1, all);
        }
    }
}

/// "string", "list of string", "one of a, b".
fn kind(schema: &Value) -> String {
    let whole = schema;
    let schema = resolved(schema);
    if schema["enum"].is_array() {
        let words: Vec<&str> = each(&schema["enum"]).filter_map(Value::as_str).collect();
        return format!("one of {}", words.join(", "));
    }
    if schema["type"] == "array" || each(&schema["type"]).any(|one| one == "array") {
        return format!("list of {}", kind(&schema["items"]));
    }
    let choices: Vec<String> = each(&schema["anyOf"]).filter(|choice| choice["type"] != "null").map(kind).collect();
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    let named = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(_) => each(&schema["type"]).filter_map(Value::as_str).filter(|one| *one != "null").collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    let named = if schema["format"] == "date-time" { "time".to_owned() } else { named };
    let range = match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        _ => String::new(),
    };
    let null = each(&schema["type"]).chain(each(&whole["anyOf"]).map(|choice| &choice["type"])).any(|one| one == "null");
    format!("{named}{range}{}", if null { " or null" } else { "" })
}

/// A command line to try it with.
fn example(base_url: &str, method: &str, path: &str, call: &Value, body: &Value) -> String {
    let mut lines = vec![format!("curl {base_url}{path}")];
    if method != "GET" && (method != "POST" || body.is_null()) {
        lines[0] = format!("curl -X {method} {base_url}{path}");
    }
    if call["security"].is_null() {
        lines.push("  -H \"Authorization: Bearer $COUNTERSIGN_KEY\"".to_owned());
    }
    if !body.is_null() {
        lines.push("  -H \"Content-Type: application/json\"".to_owned());
        // An apostrophe would end the words of the shell.
        lines.push(format!("  -d '{}'", body["example"].to_string().replace('\'', "\\u0027")));
    }
    lines.join(" \\\n")
}

//! What breaks between two OpenAPI files. Pure. References are followed inside of the file only; those that go round, and
//! files that were made to take for ever, end at a budget.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text_enum;

/// Most changes of one comparison.
pub const MOST_CHANGES: usize = 200;
/// Operations looked at.
const MOST_OPERATIONS: usize = 5000;
/// Pairs of schemas looked at.
const BUDGET: usize = 100_000;
/// How deep schemas are looked into.
const DEEPEST: usize = 24;
/// References followed one after the other.
const HOPS: usize = 16;
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

text_enum!(
    /// What breaks.
    pub enum What {
        /// The operation is gone.
        OperationRemoved => "operation_removed",
        /// The operation is at another path.
        OperationMoved => "operation_moved",
        /// The operation is deprecated now.
        OperationDeprecated => "operation_deprecated",
        /// A parameter is gone.
        ParameterRemoved => "parameter_removed",
        /// A parameter must be given now.
        ParameterRequired => "parameter_required",
        /// A parameter has another type.
        ParameterType => "parameter_type",
        /// A body must be given now.
        BodyRequired => "body_required",
        /// A field of the body is gone.
        FieldRemoved => "field_removed",
        /// A field of the body must be given now.
        FieldRequired => "field_required",
        /// A field of the body has another type, or takes fewer values.
        FieldType => "field_type",
        /// An answer is gone.
        ResponseRemoved => "response_removed",
        /// A field of the answer is gone.
        ResponseFieldRemoved => "response_field_removed",
        /// A field of the answer has another type.
        ResponseFieldType => "response_field_type",
        /// Callers prove who they are in another way.
        Auth => "auth",
    }
);

impl What {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            What::OperationRemoved => "is removed",
            What::OperationMoved => "moves",
            What::OperationDeprecated => "is deprecated",
            What::ParameterRemoved => "loses the parameter",
            What::ParameterRequired => "requires the parameter",
            What::ParameterType => "changes the parameter",
            What::BodyRequired => "requires a body",
            What::FieldRemoved => "loses the field",
            What::FieldRequired => "requires the field",
            What::FieldType => "changes the field",
            What::ResponseRemoved => "loses the answer",
            What::ResponseFieldRemoved => "answers without the field",
            What::ResponseFieldType => "changes the answered field",
            What::Auth => "changes how callers prove who they are",
        }
    }
}

/// Something that breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub what: What,
    /// The operation as it was, such as `GET /v1/orders/{id}`.
    pub operation: String,
    /// The parameter, field or answer.
    pub place: Option<String>,
    /// As it was.
    pub old: Option<String>,
    /// As it will be.
    pub new: Option<String>,
}

impl Change {
    /// The change in a line.
    pub fn title(&self) -> String {
        match &self.place {
            Some(place) => format!("{} {} {place}", self.operation, self.what.label()),
            None => format!("{} {}", self.operation, self.what.label()),
        }
    }
}

/// What came of comparing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// What breaks, by operation.
    pub changes: Vec<Change>,
    /// Whether there is more than was looked at or kept.
    pub more: bool,
}

/// What breaks from the old file to the new one.
pub fn compare(old: &Value, new: &Value) -> Compared {
    let mut work = Work { old, new, changes: vec![], seen: HashSet::new(), left: BUDGET, more: false };
    let (before, more_before) = operations(old);
    let (after, more_after) = operations(new);
    work.more = more_before || more_after;
    let by_shape: BTreeMap<(&str, String), &Operation> = after.values().map(|one| ((one.method, unversioned(&one.shape)), one)).collect();
    for (key, was) in &before {
        let is = after.get(key).or_else(|| by_shape.get(&(was.method, unversioned(&was.shape))).copied());
        match is {
            None => work.note(What::OperationRemoved, was, None, None, None),
            Some(is) => work.operation(was, is),
        }
    }
    if work.changes.len() > MOST_CHANGES {
        work.changes.truncate(MOST_CHANGES);
        work.more = true;
    }
    Compared { changes: work.changes, more: work.more }
}

/// One operation of a file.
struct Operation<'v> {
    method: &'static str,
    /// With the path of the server before it.
    path: String,
    /// The path without the names of its parameters.
    shape: String,
    body: &'v Value,
    /// What stands beside it for all methods of the path.
    beside: &'v Value,
}

impl Operation<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

type Operations<'v> = BTreeMap<(String, &'static str), Operation<'v>>;

fn operations(file: &Value) -> (Operations<'_>, bool) {
    let base = file["servers"][0]["url"].as_str().map(base_path).unwrap_or_default();
    let mut all = BTreeMap::new();
    for (path, item) in file["paths"].as_object().into_iter().flatten() {
        let item = resolve(file, item);
        for method in METHODS {
            let body = &item[method];
            if !body.is_object() {
                continue;
            }
            if all.len() >= MOST_OPERATIONS {
                return (all, true);
            }
            let path = format!("{base}{path}");
            let shape = shape(&path);
            all.insert((shape.clone(), method), Operation { method, path, shape, body, beside: item });
        }
    }
    (all, false)
}

/// The path of a server's address, without a slash at its end.
fn base_path(url: &str) -> String {
    let behind = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    let path = behind.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if path.starts_with('/') { path.to_owned() } else { String::new() }
}

fn shape(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') && part.ends_with('}') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

/// The shape without a version such as `v2`: whoever moves from one to the next finds the same operation there.
fn unversioned(shape: &str) -> String {
    let is_version =
        |part: &str| part.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    shape.split('/').filter(|part| !is_version(part)).collect::<Vec<_>>().join("/")
}

/// Follows a reference inside of the file; one that leads elsewhere or round is left as it is.
fn resolve<'v>(file: &'v Value, value: &'v Value) -> &'v Value {
    let mut found = value;
    for _ in 0..HOPS {
        let Some(reference) = found["$ref"].as_str() else { return found };
        match reference.strip_prefix('#').and_then(|pointer| file.pointer(pointer)) {
            Some(next) => found = next,
            None => return found,
        }
    }
    &Value::Null
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    Request,
    Response,
}

struct Work<'v> {
    old: &'v Value,
    new: &'v Value,
    changes: Vec<Change>,
    /// Pairs of schemas that were looked at in this operation.
    seen: HashSet<(*const Value, *const Value, Side)>,
    left: usize,
    more: bool,
}

impl<'v> Work<'v> {
    fn note(&mut self, what: What, of: &Operation<'_>, place: Option<String>, old: Option<String>, new: Option<String>) {
        let change = Change { what, operation: of.name(), place, old, new };
        if self.changes.len() <= MOST_CHANGES && !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    fn operation(&mut self, was: &Operation<'v>, is: &Operation<'v>) {
        self.seen.clear();
        if was.shape != is.shape {
            self.note(What::OperationMoved, was, None, Some(was.path.clone()), Some(is.path.clone()));
        }
        if is.body["deprecated"] == true && was.body["deprecated"] != true {
            self.note(What::OperationDeprecated, was, None, None, None);
        }
        self.parameters(was, is);
        self.bodies(was, is);
        self.responses(was, is);
        let (before, after) = (auth(self.old, was.body), auth(self.new, is.body));
        if !before.is_subset(&after) {
            self.note(What::Auth, was, None, Some(said(&before)), Some(said(&after)));
        }
    }

    fn parameters(&mut self, was: &Operation<'v>, is: &Operation<'v>) {
        let (before, after) = (parameters(self.old, was), parameters(self.new, is));
        for ((at, name), old) in &before {
            let place = format!("{name} ({at})");
            match after.get(&(*at, *name)) {
                // What stands in the path has no name that callers see.
                None if *at == "path" => {}
                None => self.note(What::ParameterRemoved, was, Some(place), kind(self.old, schema_of(old)), None),
                Some(new) => {
                    if new["required"] == true && old["required"] != true {
                        self.note(What::ParameterRequired, was, Some(place.clone()), None, None);
                    }
                    let (old, new) = (kind(self.old, schema_of(old)), kind(self.new, schema_of(new)));
                    if old.is_some() && new.is_some() && old != new {
                        self.note(What::ParameterType, was, Some(place), old, new);
                    }
                }
            }
        }
        for ((at, name), new) in &after {
            if *at != "path" && new["required"] == true && !before.contains_key(&(*at, *name)) {
                self.note(What::ParameterRequired, was, Some(format!("{name} ({at})")), None, kind(self.new, schema_of(new)));
            }
        }
    }

    fn bodies(&mut self, was: &Operation<'v>, is: &Operation<'v>) {
        let (old, new) = (resolve(self.old, &was.body["requestBody"]), resolve(self.new, &is.body["requestBody"]));
        if new["required"] == true && old["required"] != true {
            self.note(What::BodyRequired, was, None, None, None);
        }
        if let (Some(old), Some(new)) = (content(old), content(new)) {
            self.schemas(was, old, new, "", Side::Request, 0);
        }
    }

    fn responses(&mut self, was: &Operation<'v>, is: &Operation<'v>) {
        for (status, old) in was.body["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.starts_with('2')) {
            let new = &is.body["responses"][status];
            if new.is_null() {
                self.note(What::ResponseRemoved, was, Some(status.clone()), None, None);
            } else if let (Some(old), Some(new)) = (content(resolve(self.old, old)), content(resolve(self.new, new))) {
                self.schemas(was, old, new, "", Side::Response, 0);
            }
        }
    }

    fn schemas(&mut self, of: &Operation<'_>, old: &'v Value, new: &'v Value, place: &str, side: Side, depth: usize) {
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        if depth > DEEPEST || self.left == 0 {
            self.more = true;
            return;
        }
        if !self.seen.insert((std::ptr::from_ref(old), std::ptr::from_ref(new), side)) {
            return;
        }
        self.left -= 1;
        let (was, is) = (kind(self.old, old), kind(self.new, new));
        if was.is_some() && is.is_some() && was != is {
            let what = if side == Side::Request { What::FieldType } else { What::ResponseFieldType };
            return self.note(what, of, Some(shown(place)), was, is);
        }
        if side == Side::Request {
            self.values(of, old, new, place);
        }
        if old["items"].is_object() && new["items"].is_object() {
            self.schemas(of, &old["items"], &new["items"], &format!("{place}[]"), side, depth + 1);
        }
        let (before, after) = (fields(self.old, old), fields(self.new, new));
        for (name, old) in &before.all {
            let inner = join(place, name);
            match (after.all.get(name), side) {
                (Some(new), _) => self.schemas(of, old, new, &inner, side, depth + 1),
                // A description that says nothing of fields says nothing of their end either.
                (None, _) if after.all.is_empty() => {}
                (None, Side::Request) => self.note(What::FieldRemoved, of, Some(inner), kind(self.old, old), None),
                (None, Side::Response) => self.note(What::ResponseFieldRemoved, of, Some(inner), kind(self.old, old), None),
            }
        }
        if side == Side::Request {
            for name in after.required.difference(&before.required) {
                let found = after.all.get(*name).and_then(|schema| kind(self.new, schema));
                self.note(What::FieldRequired, of, Some(join(place, name)), None, found);
            }
        }
    }

    /// Values that were taken and are not any more.
    fn values(&mut self, of: &Operation<'_>, old: &Value, new: &Value, place: &str) {
        let (Some(old), Some(new)) = (old["enum"].as_array(), new["enum"].as_array()) else { return };
        let gone: Vec<String> = old.iter().filter(|value| !new.contains(value)).take(10).map(plain).collect();
        if !gone.is_empty() {
            let said = |all: &[Value]| cut(&all.iter().take(20).map(plain).collect::<Vec<_>>().join(", "));
            self.note(What::FieldType, of, Some(shown(place)), Some(said(old)), Some(said(new)));
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cut(text: &str) -> String {
    if text.chars().count() > 200 { format!("{}…", text.chars().take(199).collect::<String>()) } else { text.to_owned() }
}

fn shown(place: &str) -> String {
    if place.is_empty() { "body".to_owned() } else { place.to_owned() }
}

fn join(place: &str, name: &str) -> String {
    cut(&if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") })
}

fn schema_of(parameter: &Value) -> &Value {
    match &parameter["schema"] {
        Value::Null => content(parameter).unwrap_or(&Value::Null),
        schema => schema,
    }
}

/// The schema of a body or an answer: JSON before others.
fn content(of: &Value) -> Option<&Value> {
    let all = of["content"].as_object()?;
    let (_, media) = all.iter().find(|(kind, _)| kind.contains("json")).or_else(|| all.iter().next())?;
    Some(&media["schema"])
}

fn parameters<'v>(file: &'v Value, of: &Operation<'v>) -> BTreeMap<(&'v str, &'v str), &'v Value> {
    let lists = [&of.beside["parameters"], &of.body["parameters"]];
    let all = lists.into_iter().filter_map(Value::as_array).flatten().map(|one| resolve(file, one));
    all.filter_map(|one| Some(((one["in"].as_str()?, one["name"].as_str()?), one))).collect()
}

/// The fields of an object, with those of what it is put together from.
#[derive(Default)]
struct Fields<'v> {
    all: BTreeMap<&'v str, &'v Value>,
    required: BTreeSet<&'v str>,
}

fn fields<'v>(file: &'v Value, schema: &'v Value) -> Fields<'v> {
    let mut found = Fields::default();
    let (mut open, mut looked) = (vec![schema], 0);
    while let Some(next) = open.pop() {
        looked += 1;
        if looked > 200 {
            break;
        }
        let next = resolve(file, next);
        found.all.extend(next["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema)));
        found.required.extend(next["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
        open.extend(next["allOf"].as_array().into_iter().flatten());
    }
    found
}

/// The type of a schema in a word, as far as callers notice it; none where it does not say.
fn kind(file: &Value, schema: &Value) -> Option<String> {
    let schema = resolve(file, schema);
    let mut types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        _ => vec![],
    };
    types.sort_unstable();
    if types.is_empty() {
        for (field, said) in [("properties", "object"), ("items", "array")] {
            if schema[field].is_object() {
                return Some(said.to_owned());
            }
        }
        if schema["allOf"].is_array() && !fields(file, schema).all.is_empty() {
            return Some("object".to_owned());
        }
        return None;
    }
    let format = schema["format"].as_str().filter(|_| types == ["string"]);
    Some(cut(&format.map_or_else(|| types.join(" or "), |format| format!("string ({format})"))))
}

/// The ways in which callers of an operation may prove who they are.
fn auth(file: &Value, operation: &Value) -> BTreeSet<String> {
    let Some(ways) = operation["security"].as_array().or_else(|| file["security"].as_array()) else { return BTreeSet::from([String::new()]) };
    let way = |way: &Value| -> String {
        let parts: BTreeSet<String> = way.as_object().into_iter().flatten().map(|(name, scopes)| scheme(file, name, scopes)).collect();
        parts.into_iter().collect::<Vec<_>>().join(" and ")
    };
    if ways.is_empty() { BTreeSet::from([String::new()]) } else { ways.iter().map(way).collect() }
}

fn scheme(file: &Value, name: &str, scopes: &Value) -> String {
    let found = resolve(file, &file["components"]["securitySchemes"][name]);
    let word = |field: &str| found[field].as_str().unwrap_or_default();
    let kind = match word("type") {
        "apiKey" => format!("the {} {}", word("in"), word("name")),
        "http" => format!("HTTP {}", word("scheme").to_lowercase()),
        "" => name.to_owned(),
        other => other.to_owned(),
    };
    let scopes: BTreeSet<&str> = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    cut(&if scopes.is_empty() { kind } else { format!("{kind} with {}", scopes.into_iter().collect::<Vec<_>>().join(", ")) })
}

fn said(ways: &BTreeSet<String>) -> String {
    cut(&ways.iter().map(|way| if way.is_empty() { "nothing" } else { way }).collect::<Vec<_>>().join("; or "))
}

/// Whether usage that was counted under this name is of the operation: `GET /v1/orders/17` is of `GET /v1/orders/{id}`.
pub fn is_of(usage: &str, operation: &str) -> bool {
    let (Some((method, used)), Some((of, path))) = (usage.trim().split_once(' '), operation.split_once(' ')) else { return false };
    let used = used.trim().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let (mut left, mut right) = (used.split('/'), path.trim_end_matches('/').split('/'));
    method.eq_ignore_ascii_case(of)
        && loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || (!a.is_empty() && b.starts_with('{') && b.ends_with('}')) => {}
                _ => return false,
            }
        }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(paths: Value) -> Value {
        json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})
    }

    /// What breaks, each as "what place: old → new".
    fn told(old: &Value, new: &Value) -> Vec<String> {
        let words = |change: Change| {
            let or = |text: Option<String>| text.unwrap_or_else(|| "-".into());
            format!("{} {}: {} → {}", change.what, or(change.place), or(change.old), or(change.new))
        };
        compare(old, new).changes.into_iter().map(words).collect()
    }

    fn get(operation: Value) -> Value {
        file(json!({"/orders/{id}": {"get": operation}}))
    }

    #[test]
    fn nothing_breaks_where_nothing_changed_or_something_was_added() {
        let old = get(json!({"parameters": [{"in": "query", "name": "page", "schema": {"type": "integer"}}]}));
        assert!(told(&old, &old).is_empty());
        let mut new = old.clone();
        new["paths"]["/new"] = json!({"get": {}});
        new["paths"]["/orders/{order}"] = new["paths"]["/orders/{id}"].take();
        new["paths"].as_object_mut().unwrap().remove("/orders/{id}");
        let sort = json!({"in": "query", "name": "sort", "schema": {"type": "string"}});
        new["paths"]["/orders/{order}"]["get"]["parameters"].as_array_mut().unwrap().push(sort);
        assert!(told(&old, &new).is_empty(), "another name in the path and one more that is optional");
    }

    #[test]
    fn operations_go_move_and_become_deprecated() {
        let old = file(json!({"/v1/a": {"get": {}, "post": {}}, "/v1/b": {"get": {}}}));
        let new = file(json!({"/v2/a": {"get": {"deprecated": true}}, "/v1/b": {"get": {}}}));
        assert_eq!(told(&old, &new), ["operation_moved -: /v1/a → /v2/a", "operation_deprecated -: - → -", "operation_removed -: - → -"]);
        let (mut old, mut new) = (file(json!({"/a": {"get": {}}})), file(json!({"/a": {"get": {}}})));
        old["servers"] = json!([{"url": "https://api.example.com/v1/"}]);
        new["servers"] = json!([{"url": "https://api.example.com/v2"}]);
        assert_eq!(told(&old, &new), ["operation_moved -: /v1/a → /v2/a"]);
    }

    #[test]
    fn parameters_go_become_required_and_change_their_type() {
        let parameter = |name: &str, kind: &str, required: bool| json!({"in": "query", "name": name, "required": required, "schema": {"type": kind}});
        let old =
            get(json!({"parameters": [parameter("page", "integer", false), parameter("q", "string", false), parameter("old", "string", false)]}));
        let new = get(json!({"parameters": [parameter("page", "string", false), parameter("q", "string", true), parameter("new", "string", true)]}));
        assert_eq!(
            told(&old, &new),
            [
                "parameter_removed old (query): string → -",
                "parameter_type page (query): integer → string",
                "parameter_required q (query): - → -",
                "parameter_required new (query): - → string",
            ]
        );
    }

    #[test]
    fn bodies_and_answers_are_compared_field_by_field_through_references() {
        let with = |order: Value, status: &str| {
            let mut all = file(json!({"/orders": {"post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
                "responses": {status: {"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}}}}}}}}));
            all["components"] = json!({"schemas": {"Order": order}});
            all
        };
        let old = json!({"allOf": [{"properties": {"id": {"type": "string"}, "total": {"type": "number"}}},
            {"properties": {"state": {"enum": ["new", "paid"]}, "at": {"type": "string", "format": "date-time"}}}], "required": ["id"]});
        let new = json!({"type": "object", "required": ["id", "currency"], "properties": {"id": {"type": "integer"},
            "state": {"enum": ["new"]}, "currency": {"type": "string"}, "at": {"type": ["string", "null"], "format": "date-time"}}});
        assert_eq!(
            told(&with(old.clone(), "200"), &with(new.clone(), "200")),
            [
                "field_type id: string → integer",
                "field_type state: new, paid → new",
                "field_removed total: number → -",
                "field_required currency: - → string",
                "response_field_type [].id: string → integer",
                "response_field_removed [].total: number → -",
            ]
        );
        assert!(told(&with(old, "200"), &with(new, "201")).contains(&"response_removed 200: - → -".to_owned()));
    }

    #[test]
    fn another_way_to_prove_who_one_is_breaks_and_one_more_does_not() {
        let with = |schemes: Value, security: Value| {
            let mut all = get(json!({}));
            all["components"] = json!({"securitySchemes": schemes});
            all["security"] = security;
            all
        };
        let key = json!({"k": {"type": "apiKey", "in": "header", "name": "X-Key"}, "b": {"type": "http", "scheme": "Bearer"}});
        let (old, new) = (with(key.clone(), json!([{"k": []}])), with(key.clone(), json!([{"b": []}])));
        assert_eq!(told(&old, &new), ["auth -: the header X-Key → HTTP bearer"]);
        assert!(told(&old, &with(key.clone(), json!([{"k": []}, {"b": []}]))).is_empty());
        assert_eq!(told(&get(json!({})), &old), ["auth -: nothing → the header X-Key"]);
    }

    #[test]
    fn references_that_go_round_end_and_so_do_files_made_to_take_for_ever() {
        let mut old = get(json!({"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}}}));
        old["components"] = json!({"schemas": {"Node": {"properties": {"next": {"$ref": "#/components/schemas/Node"}, "name": {"type": "string"}}},
            "Loop": {"$ref": "#/components/schemas/Loop"}}});
        let mut new = old.clone();
        new["components"]["schemas"]["Node"]["properties"]["name"] = json!({"type": "integer"});
        assert_eq!(told(&old, &new), ["response_field_type name: string → integer"]);
        old["paths"]["/orders/{id}"]["get"]["responses"]["200"] = json!({"$ref": "#/components/schemas/Loop"});
        assert!(told(&old, &old).is_empty());
        // Two branches at each of thirty levels would be a billion.
        let mut deep = old.clone();
        for level in 0..30 {
            let next = json!({"$ref": format!("#/components/schemas/L{}", level + 1)});
            deep["components"]["schemas"][format!("L{level}")] = json!({"properties": {"a": {"allOf": [next]}, "b": {"allOf": [next]}}});
        }
        deep["paths"]["/orders/{id}"]["get"]["responses"]["200"] =
            json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/L0"}}}});
        let mut other = deep.clone();
        other["components"]["schemas"]["L3"]["properties"] = json!({"c": {"type": "string"}});
        let found = compare(&deep, &other);
        assert!(!found.changes.is_empty() && found.changes.len() <= MOST_CHANGES);
    }

    #[test]
    fn strange_values_do_no_harm() {
        let odd = json!({"openapi": "3.0", "paths": {"/a": {"get": {"parameters": "x", "responses": [1], "requestBody": 5, "security": {}, "deprecated": "yes"}},
            "b": 7, "/c": {"$ref": "#/paths/~1c"}, "/d": {"get": {"responses": {"200": {"content": {"application/json": {"schema": true}}}}}}}});
        assert!(compare(&odd, &odd).changes.is_empty());
        compare(&odd, &file(json!({})));
    }

    #[test]
    fn usage_is_of_the_operation_whose_path_it_fits() {
        for (usage, operation, fits) in [
            ("GET /v1/orders/17", "GET /v1/orders/{id}", true),
            ("get /v1/orders/{id}", "GET /v1/orders/{order}", true),
            ("GET /v1/orders?page=2", "GET /v1/orders", true),
            ("GET /v1/orders/", "GET /v1/orders", true),
            ("POST /v1/orders", "GET /v1/orders", false),
            ("GET /v1/orders/17/lines", "GET /v1/orders/{id}", false),
            ("GET /v1/orders", "GET /v1/orders/{id}", false),
            ("order.created", "GET /v1/orders", false),
        ] {
            assert_eq!(is_of(usage, operation), fits, "{usage} {operation}");
        }
    }
}

//! JSON from outside, read strictly: no duplicate keys, no unknown fields, errors that say what to do.

use std::fmt;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::{self, LocalBoxFuture};
use futures_util::stream;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::error::{Problem, refuse};
use super::wording;
use crate::domain::error::Error;
use crate::domain::text::{self, excerpt};

/// The body of a request.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (body, request) = (body(request, payload), request.clone());
        Box::pin(async move {
            let read = |body: web::Bytes| {
                let body: &[u8] = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { &body };
                parse(body).map(Json)
            };
            body.await.and_then(read).map_err(|problem| refuse(&request, problem))
        })
    }
}

/// What stands behind the question mark, read as strictly as a body.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Params<T> {
    type Error = actix_web::Error;
    type Future = future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        future::ready(params(request.query_string()).map(Params).map_err(|error| refuse(request, error.into())))
    }
}

fn params<T: DeserializeOwned>(query: &str) -> Result<T, Error> {
    let pairs = || url::form_urlencoded::parse(query.as_bytes());
    pairs().try_for_each(|(name, value)| text::storable(&excerpt(&name), &value))?;
    let value = |field: &str| pairs().find(|(name, _)| name == field).map(|(_, value)| value.into_owned());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs())).map_err(|error| refused_param(&error, value))
}

fn refused_param(error: &serde_path_to_error::Error<serde::de::value::Error>, value: impl Fn(&str) -> Option<String>) -> Error {
    let (path, text) = (error.path().to_string(), error.inner().to_string());
    if text.starts_with("unknown field") {
        return unknown_field(&text);
    }
    let named = text.strip_prefix("missing field ").or_else(|| text.strip_prefix("duplicate field "));
    let field = named.map_or(path, |name| name.trim_matches('`').to_owned());
    let detail = match value(&field) {
        _ if text.starts_with("missing field") => format!("{field} must be given; got nothing."),
        _ if text.starts_with("duplicate field") => format!("{field} must be given once."),
        Some(given) => format!("{field} must be {}; got {}.", wording::expected(&text), wording::quoted(&given)),
        None => format!("{field} must be {}.", wording::expected(&text)),
    };
    Error::invalid("field_invalid", &field, detail)
}

/// How many rows a page has.
pub fn rows(asked: Option<usize>, usual: usize) -> Result<usize, Error> {
    match asked {
        None => Ok(usual),
        Some(count @ 1..=100) => Ok(count),
        Some(other) => Err(Error::invalid("field_invalid", "limit", format!("limit must be 1 to 100; got {other}."))),
    }
}

/// The raw body, or the error that says it is too big.
pub fn body(request: &HttpRequest, payload: &mut Payload) -> LocalBoxFuture<'static, Result<web::Bytes, Problem>> {
    let bytes = web::Bytes::from_request(request, payload);
    Box::pin(async move {
        bytes.await.map_err(|error| {
            if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
                Error::too_large("request body", super::LARGEST_BODY).into()
            } else {
                Error::bad_request("body_unreadable", "The request body could not be read. Send it again.").into()
            }
        })
    })
}

/// The raw body of a request that others read after this.
pub async fn take_body(request: &mut ServiceRequest) -> Result<web::Bytes, Problem> {
    let (http, payload) = request.parts_mut();
    let bytes = body(http, payload).await?;
    // It is unpacked by now.
    request.headers_mut().remove(header::CONTENT_ENCODING);
    request.set_payload(Payload::Stream { payload: Box::pin(stream::once(future::ok(bytes.clone()))) });
    Ok(bytes)
}

/// Reads a body.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let Strict(value) = serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        match text.strip_prefix("duplicate key ").and_then(|rest| rest.rsplit_once(" at line")) {
            Some((key, _)) => Error::bad_request("json_duplicate_key", format!("The key \"{}\" appears twice.", excerpt(key))),
            None => {
                let reason = text.split(" at line").next().unwrap_or("it ends too early");
                Error::bad_request(
                    "json_invalid",
                    format!("The body is not valid JSON at line {}, column {}: {}.", error.line(), error.column(), excerpt(reason)),
                )
            }
        }
    })?;
    read(&value)
}

/// Reads a value that was parsed already.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    storable(value)?;
    Ok(typed(value)?)
}

/// Reads a part of a value that was looked through already.
pub fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(value).map_err(|error| refused(&error, value))
}

/// Refuses what no text of a database can hold, wherever it stands in a field.
fn storable(value: &Value) -> Result<(), Error> {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            text::storable("the name of a field", name)?;
            storable_in(&excerpt(name), value)
        }),
        other => storable_in("the body", other),
    }
}

fn storable_in(field: &str, value: &Value) -> Result<(), Error> {
    match value {
        Value::String(words) => text::storable(field, words),
        Value::Array(items) => items.iter().try_for_each(|item| storable_in(field, item)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| text::storable(field, name).and_then(|()| storable_in(field, value))),
        _ => Ok(()),
    }
}

fn refused(error: &serde_path_to_error::Error<serde_json::Error>, value: &Value) -> Error {
    let path = error.path().to_string();
    let path = if path == "." { "" } else { path.as_str() };
    let text = error.inner().to_string();
    let named = || text.split('`').nth(1).unwrap_or_default();
    let within = |name: &str| if path.is_empty() || path.ends_with(name) { name.to_owned() } else { format!("{path}.{name}") };
    if text.starts_with("unknown field") {
        return unknown_field(&text);
    }
    if text.starts_with("missing field") {
        let field = within(named());
        return Error::invalid("field_invalid", &field, format!("{field} must be given; got nothing."));
    }
    if text.starts_with("duplicate field") {
        let field = within(named());
        return Error::invalid("field_contradicts", &field, format!("{field} is given under two of its names. Give one of them."));
    }
    let field = if path.is_empty() { "the body" } else { path };
    let place = path.replace('[', ".").replace(']', "");
    let got = place.split('.').filter(|step| !step.is_empty()).try_fold(value, |at, step| match at {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    });
    Error::invalid("field_invalid", field, format!("{field} must be {}; got {}.", wording::expected(&text), wording::given(got)))
}

/// The refusal of a field, from the reader's words, which quote it and then the known ones.
fn unknown_field(text: &str) -> Error {
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let (name, known) = quoted.split_first().map_or(("", &[][..]), |(name, known)| (*name, known));
    let guess = wording::suggestion(name, known);
    Error::invalid("field_unknown", name, format!("\"{}\" is not a field of this request.{guess}", excerpt(name)))
}

/// A JSON value in which no object names a key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut all = vec![];
                while let Some(Strict(item)) = items.next_element()? {
                    all.push(item);
                }
                Ok(all.into())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
                let mut map = Map::new();
                while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
                    if map.contains_key(&key) {
                        return Err(de::Error::custom(format!("duplicate key {key}")));
                    }
                    map.insert(key, value);
                }
                Ok(map.into())
            }
        }
        deserializer.deserialize_any(Reader).map(Strict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Request {
        #[expect(dead_code, reason = "only its type matters here")]
        subject: String,
    }

    fn refusal(body: &str) -> (u16, String) {
        let problem = parse::<Request>(body.as_bytes()).unwrap_err();
        (problem.status_code().as_u16(), problem.to_string())
    }

    #[test]
    fn bad_json_is_told_apart() {
        assert_eq!(refusal("{\"subject\": \"a\", \"subject\": \"b\"}"), (400, "The key \"subject\" appears twice.".into()));
        assert!(refusal("{\"subject\": ").1.starts_with("The body is not valid JSON at line 1, column 12"));
        assert_eq!(refusal("{\"subjct\": \"a\"}"), (422, "\"subjct\" is not a field of this request. Did you mean \"subject\"?".into()));
        assert_eq!(refusal("{\"subject\": 7}"), (422, "subject must be a string; got 7.".into()));
        assert_eq!(refusal("{}"), (422, "subject must be given; got nothing.".into()));
        assert_eq!(refusal("{\"subject\": \"\\ud800\"}").0, 400);
    }

    #[test]
    fn a_nul_is_refused_wherever_it_stands() {
        let held = |field: &str, position: usize| (422, format!("{field} holds the control character U+0000 at position {position}."));
        assert_eq!(refusal("{\"subject\": \"ab\\u0000c\"}"), held("subject", 2));
        assert_eq!(refusal("{\"subject\": [{\"deep\": [\"\\u0000\"]}]}"), held("subject", 0));
        assert_eq!(refusal("{\"sub\\u0000ject\": 1}"), held("the name of a field", 3));
        let query = |query: &str| params::<std::collections::BTreeMap<String, String>>(query).map_err(|error| error.detail);
        assert_eq!(query("a=b&cursor=x%00"), Err(held("cursor", 1).1));
        assert_eq!(query("a=%2500").unwrap()["a"], "%00");
    }
}

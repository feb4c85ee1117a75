//! The three protocols against a server on loopback that records requests and replays answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls;

use super::*;

const ALL: [Api; 3] = [Api::OpenAi, Api::Anthropic, Api::Ollama];
const KEY: &str = "sk-test-0123456789abcdef";

#[derive(Clone)]
struct Request {
    line: String,
    headers: HashMap<String, String>,
    body: Value,
}

#[derive(Clone)]
enum Reply {
    Http { status: u16, head: &'static str, body: String },
    Silence,
    Cut,
}

fn json_reply(status: u16, body: impl ToString) -> Reply {
    Reply::Http { status, head: "content-type: application/json", body: body.to_string() }
}

struct Recorder {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Recorder {
    /// Replays one reply a request, the last one again and again.
    async fn start(replies: Vec<Reply>) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        tokio::spawn(async move {
            let mut replies = replies.into_iter().peekable();
            let mut last = None;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request);
                last = replies.next().or(last);
                match last.clone().unwrap() {
                    Reply::Silence => {
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_secs(60)).await;
                            drop(stream);
                        });
                    }
                    Reply::Cut => {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"mo").await;
                    }
                    Reply::Http { status, head, body } => {
                        let text = format!("HTTP/1.1 {status} X\r\n{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                        let _ = stream.write_all(text.as_bytes()).await;
                        let _ = stream.shutdown().await;
                    }
                }
            }
        });
        Recorder { url, seen }
    }

    fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    fn only(&self) -> Request {
        let all = self.requests();
        assert_eq!(all.len(), 1, "exactly one request");
        all[0].clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    let split = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request ended in its head");
    };
    let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: HashMap<String, String> =
        lines.filter_map(|l| l.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length: usize = headers["content-length"].parse().unwrap();
    while bytes.len() < split + 4 + length {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request ended in its body");
    }
    Request { line, headers, body: serde_json::from_slice(&bytes[split + 4..]).unwrap() }
}

fn endpoint(api: Api, url: &str) -> Endpoint {
    Endpoint { api, url: url.to_owned(), model: "house::model-high".to_owned(), api_key: Some(KEY.into()), timeout: Duration::from_secs(20) }
}

fn prompt() -> Prompt {
    let schema =
        json!({ "type": "object", "properties": { "subject": { "type": "string" } }, "required": ["subject"], "additionalProperties": false });
    Prompt { system: "Write a subject.".to_owned(), user: "The fact sheet.".to_owned(), schema_name: "draft", schema }
}

/// A successful body as each API writes it.
fn success(api: Api, text: &str, stop: &str) -> Value {
    match api {
        Api::OpenAi => json!({
            "id": "x", "object": "chat.completion", "model": "served-1", "usage": { "prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8 },
            "choices": [{ "index": 0, "finish_reason": stop, "message": { "role": "assistant", "content": text, "refusal": null } }]
        }),
        Api::Anthropic => json!({
            "id": "x", "type": "message", "role": "assistant", "model": "served-1", "stop_reason": stop,
            "content": [{ "type": "text", "text": text }], "usage": { "input_tokens": 3, "output_tokens": 5 }
        }),
        Api::Ollama => json!({
            "model": "served-1", "created_at": "2026-11-21T00:00:00Z", "done": true, "done_reason": stop,
            "message": { "role": "assistant", "content": text }
        }),
    }
}

async fn replay(api: Api, reply: Reply) -> Result<Answer, ModelError> {
    let server = Recorder::start(vec![reply]).await;
    complete(&endpoint(api, &server.url), &prompt()).await
}

#[derive(Deserialize, Debug, PartialEq)]
struct Draft {
    subject: String,
}

fn hello() -> Draft {
    Draft { subject: "Hello".to_owned() }
}

#[tokio::test]
async fn a_good_answer_comes_back_with_the_model_that_wrote_it() {
    for api in ALL {
        let answer = replay(api, json_reply(200, success(api, r#" {"subject":"Hello"} "#, "stop"))).await.unwrap();
        assert_eq!(json_of::<Draft>(&answer.text), Ok(hello()), "{api:?}");
        assert_eq!(answer.model, "served-1", "{api:?}");
    }
}

#[tokio::test]
async fn an_answer_in_a_fence_is_read() {
    for api in ALL {
        let text = "Here it is:\n```json\n{\"subject\":\"Hello\"}\n```\nAnything else?";
        let answer = replay(api, json_reply(200, success(api, text, "stop"))).await.unwrap();
        assert_eq!(json_of::<Draft>(&answer.text), Ok(hello()), "{api:?}");
    }
}

#[tokio::test]
async fn openai_is_asked_in_its_words() {
    let server = Recorder::start(vec![json_reply(200, success(Api::OpenAi, "{}", "stop"))]).await;
    complete(&endpoint(Api::OpenAi, &server.url), &prompt()).await.unwrap();
    let seen = server.only();
    assert_eq!(seen.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(
        seen.body,
        json!({
            "model": "house::model-high", "stream": false, "temperature": 0.0, "max_tokens": 8000,
            "messages": [{ "role": "system", "content": "Write a subject." }, { "role": "user", "content": "The fact sheet." }],
            "response_format": { "type": "json_schema", "json_schema": { "name": "draft", "strict": true, "schema": prompt().schema } }
        })
    );
}

#[tokio::test]
async fn the_newer_openai_models_get_their_own_token_limit() {
    let server = Recorder::start(vec![json_reply(200, success(Api::OpenAi, "{}", "stop"))]).await;
    complete(&Endpoint { model: "gpt-5-mini".to_owned(), ..endpoint(Api::OpenAi, &server.url) }, &prompt()).await.unwrap();
    let body = server.only().body;
    assert_eq!((&body["model"], &body["max_completion_tokens"], &body["max_tokens"]), (&json!("gpt-5-mini"), &json!(8000), &Value::Null));
}

#[tokio::test]
async fn anthropic_is_asked_in_its_words() {
    let server = Recorder::start(vec![json_reply(200, success(Api::Anthropic, "{}", "end_turn"))]).await;
    complete(&endpoint(Api::Anthropic, &server.url), &prompt()).await.unwrap();
    let seen = server.only();
    assert_eq!(seen.line, "POST /v1/messages HTTP/1.1");
    assert_eq!(seen.headers["x-api-key"], KEY);
    assert_eq!(seen.headers["anthropic-version"], "2023-06-01");
    assert!(!seen.headers.contains_key("authorization"));
    assert_eq!(
        seen.body,
        json!({
            "model": "house::model-high", "stream": false, "temperature": 0.0, "max_tokens": 8000, "system": "Write a subject.",
            "messages": [{ "role": "user", "content": "The fact sheet." }],
            "output_config": { "format": { "type": "json_schema", "schema": prompt().schema } }
        })
    );
}

#[tokio::test]
async fn ollama_is_asked_in_its_words_and_told_the_schema() {
    let server = Recorder::start(vec![json_reply(200, success(Api::Ollama, "{}", "stop"))]).await;
    complete(&endpoint(Api::Ollama, &server.url), &prompt()).await.unwrap();
    let seen = server.only();
    assert_eq!(seen.line, "POST /api/chat HTTP/1.1");
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    let system = seen.body["messages"][0]["content"].as_str().unwrap();
    assert!(system.starts_with("Write a subject.\n\nAnswer with one JSON object") && system.ends_with(&prompt().schema.to_string()), "{system}");
    assert_eq!(
        seen.body,
        json!({
            "model": "house::model-high", "stream": false, "format": prompt().schema, "options": { "temperature": 0.0, "num_predict": 8000 },
            "messages": [{ "role": "system", "content": system }, { "role": "user", "content": "The fact sheet." }]
        })
    );
}

#[tokio::test]
async fn without_a_key_no_auth_header_is_sent() {
    for api in ALL {
        for key in [None, Some("".into())] {
            let server = Recorder::start(vec![json_reply(200, success(api, "{}", "stop"))]).await;
            complete(&Endpoint { api_key: key, ..endpoint(api, &server.url) }, &prompt()).await.unwrap();
            let seen = server.only();
            assert!(!seen.headers.contains_key("authorization") && !seen.headers.contains_key("x-api-key"), "{api:?}");
        }
    }
}

#[tokio::test]
async fn an_error_status_is_told_with_its_body_but_never_the_key() {
    for api in ALL {
        for status in [302, 401, 429, 500] {
            // The key straddles the cut at 300 characters: half of it would be too much as well.
            let body = json!({ "error": { "message": format!("{} bad key {KEY} \u{1b}[31m{}", "x".repeat(250), "y".repeat(900)) } });
            let error = replay(api, json_reply(status, body)).await.unwrap_err();
            let ModelError::Status { code, body } = &error else { panic!("{error:?}") };
            assert_eq!(*code, status, "{api:?}");
            assert_eq!(body.chars().count(), 300);
            assert!(body.contains("[key]") && !body.contains("sk-test") && !body.contains('\u{1b}'), "{body}");
            assert!(!format!("{error} {error:?}").contains("sk-test"));
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for api in ALL {
        let elsewhere = Recorder::start(vec![json_reply(200, success(api, "{}", "stop"))]).await;
        let head = format!("content-type: application/json\r\nlocation: {}/v1/chat/completions", elsewhere.url);
        let reply = Reply::Http { status: 307, head: Box::leak(head.into_boxed_str()), body: String::new() };
        let error = replay(api, reply).await.unwrap_err();
        assert_eq!(error, ModelError::Status { code: 307, body: String::new() }, "{api:?}");
        assert_eq!(error.to_string(), "The model endpoint gave no usable answer (HTTP status 307).");
        assert!(elsewhere.requests().is_empty());
    }
}

#[tokio::test]
async fn a_rejected_setting_is_left_out() {
    for api in ALL {
        let server = Recorder::start(vec![
            json_reply(400, json!({ "error": { "message": "Unsupported value: 'temperature' does not support 0." } })),
            json_reply(422, json!({ "error": { "message": "This model does not support the json_schema response format." } })),
            json_reply(200, success(api, "{}", "stop")),
        ])
        .await;
        complete(&endpoint(api, &server.url), &prompt()).await.unwrap();
        let bodies: Vec<Value> = server.requests().into_iter().map(|seen| seen.body).collect();
        assert_eq!(bodies.len(), 3, "{api:?}");
        let has_temperature = |body: &Value| !body["temperature"].is_null() || !body["options"]["temperature"].is_null();
        let has_schema = |body: &Value| ["response_format", "output_config", "format"].iter().any(|name| !body[*name].is_null());
        assert_eq!(bodies.iter().map(has_temperature).collect::<Vec<_>>(), [true, false, false], "{api:?}");
        assert_eq!(bodies.iter().map(has_schema).collect::<Vec<_>>(), [true, true, false], "{api:?}");
        assert!(bodies[2].to_string().contains("It must match this JSON schema"), "{api:?}");
    }
}

#[tokio::test]
async fn a_setting_rejected_for_ever_ends_the_tries() {
    for api in ALL {
        let server = Recorder::start(vec![json_reply(400, "\"temperature and schema\"")]).await;
        let error = complete(&endpoint(api, &server.url), &prompt()).await.unwrap_err();
        assert!(matches!(error, ModelError::Status { code: 400, .. }), "{error:?}");
        assert_eq!(server.requests().len(), 3, "{api:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_a_refusal() {
    let mut spoken = success(Api::OpenAi, "", "stop");
    spoken["choices"][0]["message"]["content"] = Value::Null;
    spoken["choices"][0]["message"]["refusal"] = json!("I cannot help with that.");
    let error = replay(Api::OpenAi, json_reply(200, spoken)).await.unwrap_err();
    assert_eq!(error.to_string(), "The model refused to answer: I cannot help with that.");
    let error = replay(Api::OpenAi, json_reply(200, success(Api::OpenAi, "{\"subj", "content_filter"))).await.unwrap_err();
    assert_eq!(error, ModelError::Refused("it gave no reason".to_owned()));
    let mut silent = success(Api::Anthropic, "", "refusal");
    silent["content"] = json!([]);
    let error = replay(Api::Anthropic, json_reply(200, silent)).await.unwrap_err();
    assert_eq!(error, ModelError::Refused("it gave no reason".to_owned()));
}

#[tokio::test]
async fn an_empty_answer_is_empty() {
    for api in ALL {
        for text in ["", " \n", "<think>{\"subject\":\"no\"}</think>\n"] {
            assert_eq!(replay(api, json_reply(200, success(api, text, "stop"))).await.unwrap_err(), ModelError::Empty, "{api:?} {text:?}");
        }
    }
}

#[tokio::test]
async fn thoughts_and_other_parts_are_not_the_answer() {
    let thought = "<think>Maybe {this}?</think>\n{\"subject\":\"Hello\"}";
    let answer = replay(Api::Ollama, json_reply(200, success(Api::Ollama, thought, "stop"))).await.unwrap();
    assert_eq!(answer.text, "{\"subject\":\"Hello\"}");
    let mut parts = success(Api::Anthropic, "", "end_turn");
    parts["content"] = json!([{ "type": "thinking", "thinking": "{no}", "signature": "s" }, { "type": "text", "text": "{\"subject\":" }, { "type": "text", "text": "\"Hello\"}" }]);
    let answer = replay(Api::Anthropic, json_reply(200, parts)).await.unwrap();
    assert_eq!(json_of::<Draft>(&answer.text), Ok(hello()));
}

#[tokio::test]
async fn a_body_that_is_not_the_protocol_is_a_status() {
    for api in ALL {
        let html = Reply::Http { status: 200, head: "content-type: text/html", body: "<html>Sign in</html>".to_owned() };
        let bodies = [("{\"choices\": [", json_reply(200, "{\"choices\": [")), ("<html>Sign in</html>", html)];
        for (body, reply) in bodies {
            assert_eq!(replay(api, reply).await.unwrap_err(), ModelError::Status { code: 200, body: body.to_owned() }, "{api:?}");
        }
        for body in ["[]", "null", "{}", r#"{"error":{"message":"Overloaded"}}"#] {
            let error = replay(api, json_reply(200, body)).await.unwrap_err();
            assert_eq!(error, ModelError::Status { code: 200, body: body.to_owned() }, "{api:?}");
        }
    }
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    for api in ALL {
        let server = Recorder::start(vec![Reply::Silence]).await;
        let begun = Instant::now();
        let error = complete(&Endpoint { timeout: Duration::from_millis(1200), ..endpoint(api, &server.url) }, &prompt()).await.unwrap_err();
        assert_eq!(error, ModelError::Timeout(2), "{api:?}");
        assert_eq!(error.to_string(), "The model did not answer in time (limit: 2 s).");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_closed_port_and_a_broken_connection_are_unreachable() {
    for api in ALL {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
        drop(listener);
        let error = complete(&endpoint(api, &url), &prompt()).await.unwrap_err();
        assert_eq!(error.to_string(), "The model endpoint cannot be reached: Connection refused (os error 111).", "{api:?}");
        let error = replay(api, Reply::Cut).await.unwrap_err();
        assert!(matches!(error, ModelError::Unreachable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_certificate_nobody_signed_is_refused() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    let error = complete(&endpoint(Api::OpenAi, &url), &prompt()).await.unwrap_err();
    assert_eq!(error, ModelError::Unreachable("invalid peer certificate: UnknownIssuer".to_owned()));
}

#[tokio::test]
async fn a_huge_or_cut_off_answer_is_too_long() {
    for api in ALL {
        let answer = replay(api, json_reply(200, success(api, &"a".repeat(MAX_ANSWER), "stop"))).await.unwrap();
        assert_eq!(answer.text.len(), MAX_ANSWER);
        let huge = success(api, &"a".repeat(MAX_ANSWER + 1), "stop");
        assert_eq!(replay(api, json_reply(200, huge)).await.unwrap_err(), ModelError::TooLong, "{api:?}");
        let stop = if api == Api::Anthropic { "max_tokens" } else { "length" };
        let cut = success(api, "{\"subject\":\"Hel", stop);
        assert_eq!(replay(api, json_reply(200, cut)).await.unwrap_err(), ModelError::TooLong, "{api:?}");
    }
}

#[tokio::test]
async fn the_key_is_never_shown() {
    let endpoint = endpoint(Api::OpenAi, "http://127.0.0.1:9");
    assert!(!format!("{endpoint:?}").contains("sk-test"));
    let built = client(&endpoint).unwrap();
    assert!(!format!("{built:?}").contains("sk-test"));
    let error = complete(&Endpoint { api_key: Some("sk-test\nx".into()), ..endpoint }, &prompt()).await.unwrap_err();
    assert_eq!(error.to_string(), "The model endpoint cannot be reached: the API key has a character that cannot be sent.");
}

#[tokio::test]
async fn a_call_can_run_in_a_task() {
    let server = Recorder::start(vec![json_reply(200, success(Api::OpenAi, "{}", "stop"))]).await;
    let url = server.url.clone();
    let task = tokio::spawn(async move { complete(&endpoint(Api::OpenAi, &url), &prompt()).await });
    assert!(task.await.unwrap().is_ok());
}

#[test]
fn the_protocol_is_guessed_from_the_address() {
    let cases = [
        ("https://api.anthropic.com", Api::Anthropic),
        ("https://gateway.example/v1/messages", Api::Anthropic),
        ("http://localhost:11434", Api::Ollama),
        ("localhost:11434", Api::Ollama),
        ("http://localhost:11434/v1/", Api::Ollama),
        ("http://ollama.internal/", Api::Ollama),
        ("https://api.openai.com/v1", Api::OpenAi),
        ("https://notanthropic.com", Api::OpenAi),
        ("https://models.example/?via=anthropic.com", Api::OpenAi),
        ("https://models.example/ollama", Api::OpenAi),
        ("not a url", Api::OpenAi),
        ("", Api::OpenAi),
    ];
    for (url, api) in cases {
        assert_eq!(Api::of(url), api, "{url}");
    }
}

#[test]
fn addresses_are_normalised() {
    for (api, call) in [(Api::OpenAi, "/v1/chat/completions"), (Api::Anthropic, "/v1/messages"), (Api::Ollama, "/api/chat")] {
        for given in ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/", "/v1/messages", "/api/chat", "/api/chat/"] {
            let url = api.call_url(&format!(" https://h.example{given}#top")).unwrap();
            assert_eq!(url.as_str(), format!("https://h.example{call}"), "{api:?} {given}");
        }
    }
    let cases = [
        (Api::OpenAi, "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"),
        (Api::OpenAi, "https://g.example/v1beta/openai/", "https://g.example/v1beta/openai/chat/completions"),
        (Api::OpenAi, "https://a.example/d/m/chat/completions?api-version=3", "https://a.example/d/m/chat/completions?api-version=3"),
        (Api::OpenAi, "https://h.example/vendor", "https://h.example/vendor/v1/chat/completions"),
        (Api::Anthropic, "https://h.example/anthropic", "https://h.example/anthropic/v1/messages"),
        (Api::Ollama, "http://h.example:11434/api", "http://h.example:11434/api/chat"),
        (Api::Ollama, "https://h.example/ollama/v1/chat/completions", "https://h.example/ollama/api/chat"),
    ];
    for (api, given, call) in cases {
        assert_eq!(api.call_url(given).unwrap().as_str(), call);
    }
    for given in ["", "h.example", "localhost:11434", "file:///etc/passwd", "ftp://h.example", "https://"] {
        assert!(matches!(Api::OpenAi.call_url(given), Err(ModelError::Unreachable(_))), "{given}");
    }
}

#[test]
fn json_is_found_in_an_answer() {
    let good = [
        r#"{"subject":"Hello"}"#,
        "\u{feff}\n {\"subject\":\"Hello\"}\n",
        "```json\n{\"subject\":\"Hello\"}\n```",
        "```JSON\r\n{\"subject\":\"Hello\"}",
        "```\n{\"subject\":\"Hello\"}\n```",
        "Use {name} like so:\n```json\n{\"subject\":\"Hello\"}\n```",
        "```text\nno\n```\n```json\n{\"subject\":\"Hello\"}\n```",
        "Sure. {\"subject\":\"Hello\"} Is that {fine}?",
    ];
    for text in good {
        assert_eq!(json_of::<Draft>(text), Ok(hello()), "{text}");
    }
    let tricky = "Sure: {\"subject\":\"a } ``` \\\" { b\"} done";
    assert_eq!(json_of::<Draft>(tricky).unwrap().subject, "a } ``` \" { b");
    assert_eq!(json_of::<Vec<u8>>("```json\n[1, 2]\n```"), Ok(vec![1, 2]));
    assert_eq!(json_of::<Draft>("I would rather not."), Err("The model's answer holds no JSON object.".to_owned()));
    for text in ["{\"subject\":\"Hel", "{\"topic\":\"Hello\"}", "```json\n{\"subject\":1}\n```", "{", "```json", "", "\u{1f600}{\u{1f600}"] {
        assert!(json_of::<Draft>(text).is_err(), "{text}");
    }
    assert!(json_of::<Draft>(&"{\"a\":".repeat(40_000)).is_err(), "deep nesting ends in an error, not in a full stack");
    let error = json_of::<Draft>("{\"topic\":1}").unwrap_err();
    assert_eq!(error, "The model's answer is not the JSON that was asked for: missing field `subject` at line 1 column 11.");
}

//! MCP on standard input and output, for desktop programs that start their servers themselves.
//!
//! A bridge: each message goes to `/mcp` of a running Countersign, so that every call passes the same
//! door with its limits and its log. Nothing but answers goes to standard output.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use rmcp::transport::io::{StdioWriter, stdio_pipes};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinSet;
use url::Url;

use super::Failed;
use crate::config::ConfigError;
use crate::dialer;

/// The environment variable that holds the key.
const KEY: &str = "COUNTERSIGN_KEY";
/// The environment variable that holds the address.
const URL: &str = "COUNTERSIGN_URL";
/// The address where none is given.
const HERE: &str = "http://127.0.0.1:8080";
/// The longest one call may take: a model that drafts takes minutes.
const TIMEOUT: Duration = Duration::from_secs(600);
/// Most calls at once.
const MOST_AT_ONCE: usize = 32;
/// The code of an error that is not the server's own.
const REFUSED: i64 = -32000;

/// Serves until standard input ends.
pub(super) fn run(url: Option<String>) -> Result<(), Failed> {
    let given = |name: &str| std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let url = url.or_else(|| given(URL)).unwrap_or_else(|| HERE.to_owned());
    let key = given(KEY).ok_or_else(|| {
        ConfigError(format!("{KEY} must hold the key to call with. Set it in the environment of this program; it is never an argument."))
    })?;
    let bridge = Arc::new(Bridge::new(&url, &key)?);
    actix_web::rt::System::new().block_on(bridge.serve())?;
    Ok(())
}

struct Bridge {
    http: reqwest::Client,
    url: Url,
    key: HeaderValue,
    /// What client and server have agreed on.
    version: Mutex<Option<String>>,
}

impl Bridge {
    fn new(url: &str, key: &str) -> Result<Bridge, Failed> {
        let base = url.trim_end_matches('/').trim_end_matches("/mcp");
        // The address is not repeated in the text: it may hold a password.
        let url = Url::parse(&format!("{base}/mcp"))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| ConfigError(format!("--url or {URL} must be the address of a running Countersign, such as {HERE}.")))?;
        let mut key = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| ConfigError(format!("{KEY} must hold a key such as cs_live_…, without spaces or line breaks.")))?;
        key.set_sensitive(true);
        let http = dialer::client()
            .map_err(|error| Failed::Other(error.to_string()))?
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Failed::Other(error.to_string()))?;
        Ok(Bridge { http, url, key, version: Mutex::new(None) })
    }

    async fn serve(self: Arc<Self>) -> std::io::Result<()> {
        let (input, output) = stdio_pipes();
        let output = Arc::new(tokio::sync::Mutex::new(output));
        let mut lines = BufReader::new(input);
        let mut calls = JoinSet::new();
        loop {
            let mut line = vec![];
            if lines.read_until(b'\n', &mut line).await? == 0 {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            while calls.len() >= MOST_AT_ONCE {
                calls.join_next().await;
            }
            let (bridge, output) = (self.clone(), output.clone());
            calls.spawn(async move {
                if let Some(answer) = bridge.answer(line).await
                    && let Err(error) = write(&output, &answer).await
                {
                    tracing::warn!(%error, "an answer could not be written");
                }
            });
            while calls.try_join_next().is_some() {}
        }
        while calls.join_next().await.is_some() {}
        Ok(())
    }

    /// The answer to one line, if it asks for one.
    async fn answer(&self, line: Vec<u8>) -> Option<Value> {
        let message: Value = match serde_json::from_slice(&line) {
            Ok(message @ Value::Object(_)) => message,
            Ok(_) => return Some(failure(&Value::Null, -32600, "Send one JSON-RPC message, an object, on each line.", None)),
            Err(error) => return Some(failure(&Value::Null, -32700, &format!("The line is not valid JSON: {error}."), None)),
        };
        // Only a request has both.
        let id = message.get("id").filter(|_| message.get("method").is_some()).cloned();
        match self.forward(&message, line).await {
            Ok(answer) => {
                if message["method"] == "initialize" {
                    self.agree(&answer);
                }
                id.map(|_| answer)
            }
            Err((text, problem)) => {
                tracing::warn!(method = message["method"].as_str(), "{text}");
                id.map(|id| failure(&id, REFUSED, &text, problem))
            }
        }
    }

    fn agree(&self, answer: &Value) {
        let version = answer["result"]["protocolVersion"].as_str().map(str::to_owned);
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = version;
    }

    /// Passes a message on; the answer, null where there is none, or why there is none in words.
    async fn forward(&self, message: &Value, line: Vec<u8>) -> Result<Value, (String, Option<Value>)> {
        let mut request = self
            .http
            .post(self.url.clone())
            .header(AUTHORIZATION, self.key.clone())
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in self.headers(message) {
            request = request.header(name, value);
        }
        let away = |error: reqwest::Error| {
            let why = dialer::deepest(&error.without_url());
            let at = self.url.origin().ascii_serialization();
            (format!("Countersign does not answer at {at} ({why}). Start it with \"countersign serve\", or set {URL} to where it runs."), None)
        };
        let response = request.body(line).send().await.map_err(away)?;
        let status = response.status();
        let body = response.bytes().await.map_err(away)?;
        if body.iter().all(u8::is_ascii_whitespace) && status.is_success() {
            return Ok(Value::Null);
        }
        match serde_json::from_slice::<Value>(&body) {
            Ok(answer) if answer["jsonrpc"] == "2.0" => Ok(answer),
            Ok(problem) if problem["code"].is_string() => {
                let word = |name: &str| problem[name].as_str().unwrap_or_default();
                Err((format!("{}: {} {}", word("code"), word("detail"), word("hint")).trim().to_owned(), Some(problem)))
            }
            _ => {
                Err((format!("The server answered {status} and nothing that could be read. Look whether {URL} is the address of Countersign."), None))
            }
        }
    }

    /// What the protocol wants in headers over HTTP and in the message elsewhere.
    fn headers(&self, message: &Value) -> Vec<(HeaderName, HeaderValue)> {
        let params = &message["params"];
        let own = params["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str().map(str::to_owned);
        let agreed = || self.version.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|_| message["method"] != "initialize");
        let name = params["name"].as_str().or(params["uri"].as_str());
        [
            ("mcp-protocol-version", own.or_else(agreed)),
            ("mcp-method", message["method"].as_str().map(str::to_owned)),
            ("mcp-name", name.map(in_header)),
        ]
        .into_iter()
        .filter_map(|(header, value)| Some((HeaderName::from_static(header), HeaderValue::from_str(&value?).ok()?)))
        .collect()
    }
}

/// A value as the protocol writes it into a header where it does not fit as it is.
fn in_header(value: &str) -> String {
    let fits = value.chars().all(|one| (' '..='~').contains(&one)) && value.trim() == value && !value.starts_with("=?base64?");
    if fits { value.to_owned() } else { format!("=?base64?{}?=", BASE64_STANDARD.encode(value)) }
}

fn failure(id: &Value, code: i64, message: &str, problem: Option<Value>) -> Value {
    let mut error = json!({"code": code, "message": message});
    if let Some(problem) = problem {
        error["data"] = problem;
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

async fn write(output: &tokio::sync::Mutex<StdioWriter>, answer: &Value) -> std::io::Result<()> {
    let mut line = answer.to_string().into_bytes();
    line.push(b'\n');
    let mut output = output.lock().await;
    output.write_all(&line).await?;
    output.flush().await
}

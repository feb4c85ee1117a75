//! One question to a language model, one answer: OpenAI-compatible, Anthropic or Ollama, over the `genai` client.

use std::time::Duration;

use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatRequest, JsonSpec, ReasoningEffort};
use genai::resolver::{AuthData, Endpoint as GenaiEndpoint};
use genai::{Client, Headers, ModelIden, ServiceTarget, webc};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::dialer::{self, deepest};
use crate::text_enum;

#[cfg(test)]
mod tests;

/// The most tokens a model may write.
const MAX_TOKENS: u32 = 8_000;
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;
/// How much of an error body is kept, in characters.
const MAX_BODY: usize = 300;
/// The ends of the three protocols' paths, so that a pasted full address works like a base address.
const TAILS: [&str; 3] = ["/chat/completions", "/messages", "/api/chat"];

text_enum!(
    /// Which protocol the endpoint speaks.
    pub enum Api {
        /// OpenAI's chat completions, and the many servers that copy them.
        OpenAi => "openai",
        /// Anthropic's messages.
        Anthropic => "anthropic",
        /// Ollama's own chat protocol.
        Ollama => "ollama",
    }
);

impl Api {
    /// The protocol that an address suggests; OpenAI's when it suggests none.
    pub fn of(url: &str) -> Api {
        // Without a scheme `localhost:11434` would be read as the scheme `localhost`.
        let full = if url.contains("://") { url.trim().to_owned() } else { format!("http://{}", url.trim()) };
        let Ok(url) = Url::parse(&full) else { return Api::OpenAi };
        let host = url.host_str().unwrap_or_default();
        if host == "anthropic.com" || host.ends_with(".anthropic.com") || url.path().contains("/v1/messages") {
            Api::Anthropic
        } else if url.port() == Some(11434) || host.contains("ollama") {
            Api::Ollama
        } else {
            Api::OpenAi
        }
    }

    /// The address one call goes to, from a base address or a full one.
    fn call_url(self, given: &str) -> Result<Url, ModelError> {
        let wrong = |why: &str| ModelError::Unreachable(format!("its address {why}"));
        let mut url = Url::parse(given.trim()).map_err(|_| wrong("is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("must begin with https:// or http:// and name a host"));
        }
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        let base = TAILS.iter().find_map(|tail| path.strip_suffix(tail)).unwrap_or(&path);
        let call = match self {
            // Azure and some gateways have no version in the path: a full address is taken as it is.
            Api::OpenAi if path.ends_with(TAILS[0]) => path.clone(),
            Api::Anthropic if path.ends_with(TAILS[1]) => path.clone(),
            Api::OpenAi => format!("{}/chat/completions", versioned(base)),
            Api::Anthropic => format!("{}/messages", versioned(base)),
            Api::Ollama => {
                let root = ["/v1", "/api"].iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base);
                format!("{root}/api/chat")
            }
        };
        url.set_path(&call);
        Ok(url)
    }
}

/// The path with `/v1` at its end, unless a part of it names a version already (`/v1`, `/v1beta/openai`).
fn versioned(path: &str) -> String {
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if path.split('/').any(is_version) { path.to_owned() } else { format!("{path}/v1") }
}

/// Where the model lives.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The protocol it speaks.
    pub api: Api,
    /// Its base address or the full address of a call.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The key, where one is needed.
    pub api_key: Option<SecretString>,
    /// The longest a whole call may take.
    pub timeout: Duration,
}

impl Endpoint {
    fn key(&self) -> Option<&str> {
        self.api_key.as_ref().map(ExposeSecret::expose_secret).filter(|key| !key.is_empty())
    }

    /// Text from outside, fit to be shown: a server may echo the key, so it goes before anything is cut.
    fn shown(&self, text: &str) -> String {
        let text = match self.key() {
            Some(key) => text.replace(key, "[key]"),
            None => text.to_owned(),
        };
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_BODY).collect()
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What the model is to do.
    pub system: String,
    /// What it is to do it with.
    pub user: String,
    /// A name for the schema, of letters, digits, `-` and `_`.
    pub schema_name: &'static str,
    /// The JSON schema of the answer.
    pub schema: Value,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The answer's text.
    pub text: String,
    /// The model that says it wrote it.
    pub model: String,
}

/// Why there is no answer.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// The whole call took longer than the endpoint's timeout, here in seconds.
    #[error("The model did not answer in time (limit: {0} s).")]
    Timeout(u64),
    /// No connection, or one that broke before the answer was whole.
    #[error("The model endpoint cannot be reached: {0}.")]
    Unreachable(String),
    /// An error status, or a success whose body is not what the protocol says.
    #[error("The model endpoint gave no usable answer (HTTP status {code}){}", said(.body))]
    Status {
        /// The HTTP status.
        code: u16,
        /// The first 300 characters of the body, without the key.
        body: String,
    },
    /// The model declined, or a content filter stopped it.
    #[error("The model refused to answer: {0}.")]
    Refused(String),
    /// A well-formed answer without text.
    #[error("The model's answer is empty.")]
    Empty,
    /// More text than is read, or an answer cut off at the token limit.
    #[error("The model's answer is too long.")]
    TooLong,
}

fn said(body: &str) -> String {
    if body.is_empty() { ".".to_owned() } else { format!(": {body}") }
}

/// What a request carries besides the question; what an endpoint rejects is left out of the next try.
#[derive(Clone, Copy)]
struct Extras {
    temperature: bool,
    schema: bool,
}

impl Extras {
    /// Leaves out what the complaint names; false when it names nothing that is still there.
    fn leave_out(&mut self, complaint: &str) -> bool {
        let complaint = complaint.to_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| complaint.contains(word));
        if self.temperature && names(&["temperature"]) {
            self.temperature = false;
        } else if self.schema && names(&["schema", "format", "output_config"]) {
            self.schema = false;
        } else {
            return false;
        }
        true
    }
}

/// Asks the model once and returns its text, within the endpoint's timeout.
pub async fn complete(endpoint: &Endpoint, prompt: &Prompt) -> Result<Answer, ModelError> {
    let call = async {
        let url = endpoint.api.call_url(&endpoint.url)?;
        let client = client(endpoint)?;
        let mut extras = Extras { temperature: true, schema: true };
        loop {
            // Reasoning models take no temperature and older servers no schema: both say so with a 400 or 422.
            match ask(&client, &url, endpoint, prompt, extras).await {
                Err(ModelError::Status { code: 400 | 422, body }) if extras.leave_out(&body) => {
                    tracing::debug!(model = %endpoint.model, %body, "the model endpoint rejects a setting; asking without it");
                }
                raw => break answer(endpoint, &raw?),
            }
        }
    };
    let limit = endpoint.timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
    tokio::time::timeout(endpoint.timeout, call).await.unwrap_or(Err(ModelError::Timeout(limit)))
}

/// A client for one endpoint. It holds the key, marked sensitive, so that genai never does and cannot put it in an error or a trace.
fn client(endpoint: &Endpoint) -> Result<Client, ModelError> {
    let failed = |why: &str| ModelError::Unreachable(endpoint.shown(why));
    let mut headers = HeaderMap::new();
    if let Some(key) = endpoint.key() {
        let (name, value) = match endpoint.api {
            Api::Anthropic => (HeaderName::from_static("x-api-key"), key.to_owned()),
            Api::OpenAi | Api::Ollama => (AUTHORIZATION, format!("Bearer {key}")),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| failed("the API key has a character that cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let http =
        dialer::client().map_err(|error| failed(&error.to_string()))?.default_headers(headers).build().map_err(|error| failed(&deepest(&error)))?;
    Client::builder().with_reqwest(http).build().map_err(|error| failed(&error.to_string()))
}

/// One HTTP call; the body of a success as it came, because genai's own reading of it drops refusals.
async fn ask(client: &Client, url: &Url, endpoint: &Endpoint, prompt: &Prompt, extras: Extras) -> Result<Value, ModelError> {
    // Merged into the body last: genai would cut `house::` off the model's name.
    let mut body = json!({ "model": endpoint.model });
    let mut options = ChatOptions::default().with_capture_raw_body(true);
    let mut headers = Headers::default();
    // An effort that genai writes nothing for: without one it would read `-high` off the model's name.
    let mut effort = ReasoningEffort::Budget(0);
    let adapter = match endpoint.api {
        Api::OpenAi => AdapterKind::OpenAI,
        Api::Anthropic => {
            headers.merge(("anthropic-version", "2023-06-01"));
            effort = ReasoningEffort::Zero;
            AdapterKind::Anthropic
        }
        // genai's Ollama adapter can neither send a schema nor extra fields; the OpenAI one builds the same messages and can.
        Api::Ollama => AdapterKind::OpenAI,
    };
    if endpoint.api == Api::Ollama {
        body["options"] = json!({ "num_predict": MAX_TOKENS });
        if extras.temperature {
            body["options"]["temperature"] = json!(0.0);
        }
        if extras.schema {
            body["format"] = prompt.schema.clone();
        }
    } else {
        options = options.with_max_tokens(MAX_TOKENS);
        if extras.temperature {
            options = options.with_temperature(0.0);
        }
        if extras.schema {
            options = options.with_response_format(JsonSpec::new(prompt.schema_name, prompt.schema.clone()));
        }
    }
    let options = options.with_reasoning_effort(effort).with_extra_body(body);

    // Ollama constrains the answer but does not show the model the schema.
    let system = if extras.schema && endpoint.api != Api::Ollama {
        prompt.system.clone()
    } else {
        format!("{}\n\nAnswer with one JSON object and nothing else. It must match this JSON schema:\n{}", prompt.system, prompt.schema)
    };
    let request = ChatRequest::from_user(prompt.user.as_str()).with_system(system);
    let target = ServiceTarget {
        endpoint: GenaiEndpoint::from_owned(url.as_str()),
        auth: AuthData::RequestOverride { url: url.to_string(), headers },
        model: ModelIden::new(adapter, endpoint.model.as_str()),
    };
    match client.exec_chat(target, request, Some(&options)).await {
        Ok(response) => Ok(response.captured_raw_body.unwrap_or_default()),
        Err(genai::Error::ChatResponseGeneration { response_body, .. }) => Ok(*response_body),
        Err(error) => Err(failure(endpoint, error)),
    }
}

/// What went wrong, in this module's words.
fn failure(endpoint: &Endpoint, error: genai::Error) -> ModelError {
    let (code, body) = match error {
        genai::Error::WebModelCall { webc_error, .. } => match webc_error {
            webc::Error::ResponseFailedStatus { status, body, .. } => (status.as_u16(), body),
            webc::Error::ResponseFailedNotJson { body, .. } | webc::Error::ResponseFailedInvalidJson { body, .. } => (200, body),
            // The address may hold a password, and the person who reads this knows it anyway.
            webc::Error::Reqwest(error) => return ModelError::Unreachable(endpoint.shown(&deepest(&error.without_url()))),
            webc::Error::JsonValueExt(error) => return ModelError::Unreachable(endpoint.shown(&error.to_string())),
        },
        error => return ModelError::Unreachable(endpoint.shown(&error.to_string())),
    };
    ModelError::Status { code, body: endpoint.shown(&body) }
}

/// The answer inside a successful response's body.
fn answer(endpoint: &Endpoint, raw: &Value) -> Result<Answer, ModelError> {
    let at = |pointer: &str| raw.pointer(pointer).unwrap_or(&Value::Null);
    let (content, stop, refusal, known) = match endpoint.api {
        Api::OpenAi => ("/choices/0/message/content", "/choices/0/finish_reason", "/choices/0/message/refusal", "/choices/0"),
        Api::Anthropic => ("/content", "/stop_reason", "/stop_details/explanation", "/content"),
        Api::Ollama => ("/message/content", "/done_reason", "/message/refusal", "/message"),
    };
    // Gateways answer some failures with status 200 and an `error` where the answer should be.
    if at(known).is_null() {
        return Err(ModelError::Status { code: 200, body: endpoint.shown(&raw.to_string()) });
    }
    let text = text_of(at(content));
    if text.len() > MAX_ANSWER {
        return Err(ModelError::TooLong);
    }
    let refusal = at(refusal).as_str().map(|words| endpoint.shown(words)).filter(|words| !words.is_empty());
    let stop = at(stop).as_str().unwrap_or_default();
    if refusal.is_some() || matches!(stop, "refusal" | "content_filter") {
        let words = refusal.unwrap_or_else(|| "it gave no reason".to_owned());
        return Err(ModelError::Refused(words.trim_end_matches('.').to_owned()));
    }
    // Cut off in the middle, the text is no JSON, and that would be a worse explanation.
    if matches!(stop, "length" | "max_tokens" | "model_context_window_exceeded") {
        return Err(ModelError::TooLong);
    }
    // Local reasoning models think aloud at the front, often in braces.
    let text = match text.trim().strip_prefix("<think>").and_then(|rest| rest.split_once("</think>")) {
        Some((_, spoken)) => spoken.trim(),
        None => text.trim(),
    };
    if text.is_empty() {
        return Err(ModelError::Empty);
    }
    let model = at("/model").as_str().map(|name| endpoint.shown(name)).filter(|name| !name.is_empty());
    Ok(Answer { text: text.to_owned(), model: model.unwrap_or_else(|| endpoint.model.clone()) })
}

/// The text of a message that is either a string or a list of typed parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// The JSON object inside an answer: the whole text, else the first fenced block, else from the first `{` on.
pub fn json_of<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let text = text.trim().trim_start_matches('\u{feff}');
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    // One value is read and the rest left alone: a closing fence is no sure end, since a string in the JSON may hold one.
    let first = |text: &str| T::deserialize(&mut serde_json::Deserializer::from_str(text));
    let fence = ["```json", "```JSON"].iter().find_map(|open| text.split_once(open));
    let fenced = match fence.map(|(_, block)| first(block)) {
        Some(Ok(value)) => return Ok(value),
        Some(Err(error)) => Some(error),
        None => None,
    };
    match (text.find('{').map(|start| first(&text[start..])), fenced) {
        (Some(Ok(value)), _) => Ok(value),
        // What is wrong inside the fence says more than what is wrong with a brace in the prose before it.
        (_, Some(error)) | (Some(Err(error)), None) => Err(format!("The model's answer is not the JSON that was asked for: {error}.")),
        (None, None) => Err("The model's answer holds no JSON object.".to_owned()),
    }
}

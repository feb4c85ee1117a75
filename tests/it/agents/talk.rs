//! Calls as they go over the wire, by REST and by MCP, to the app as it is served.

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header;
use actix_web::test;
use serde_json::{Value, json};

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// The body as it came, with what is this call's own (its request id) left out.
    pub text: String,
    /// The JSON of REST; the structured content of MCP.
    pub json: Value,
    /// The blocks of MCP, and whether each is marked as untrusted.
    pub blocks: Vec<(String, bool)>,
}

impl Answer {
    /// The code of a refusal.
    pub fn code(&self) -> Option<&str> {
        self.json["code"].as_str().filter(|_| self.status >= 400)
    }
}

/// The app, ready to be called.
pub struct Talk<S>(pub S);

impl<S, B> Talk<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    pub async fn send(&self, request: test::TestRequest) -> Answer {
        let response = test::call_service(&self.0, request.to_request()).await;
        let status = response.status().as_u16();
        let text = String::from_utf8_lossy(&test::read_body(response).await).into_owned();
        let mut json: Value = serde_json::from_str(&text).unwrap_or_default();
        let own = json.as_object_mut().and_then(|json| json.remove("request_id"));
        let text = if own.is_some() { json.to_string() } else { text };
        Answer { status, text, json, blocks: vec![] }
    }

    pub async fn rest(&self, key: &str, method: &str, path: &str, body: &Value) -> Answer {
        let request = test::TestRequest::default()
            .method(method.parse().unwrap())
            .uri(path)
            .insert_header((header::AUTHORIZATION, format!("Bearer {key}")))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(if body.is_null() { String::new() } else { body.to_string() });
        self.send(request).await
    }

    /// Calls a tool. A refusal has the status of the problem it carries.
    pub async fn mcp(&self, key: &str, tool: &str, arguments: &Value) -> Answer {
        let mut answer = self.rpc(key, "tools/call", json!({"name": tool, "arguments": arguments})).await;
        let result = answer.json["result"].clone();
        for block in result["content"].as_array().into_iter().flatten() {
            let marked = block["_meta"]["countersign/untrusted"] == json!(true);
            answer.blocks.push((block["text"].as_str().unwrap_or_default().to_owned(), marked));
        }
        let refused = result["isError"] == json!(true);
        answer.json = result["structuredContent"].clone();
        answer.json.as_object_mut().and_then(|json| json.remove("request_id"));
        if refused {
            answer.status = u16::try_from(answer.json["status"].as_u64().unwrap_or(500)).unwrap();
            answer.text = answer.json.to_string();
        }
        answer
    }

    /// The tools that this key is shown.
    pub async fn tools(&self, key: &str) -> Vec<Value> {
        self.rpc(key, "tools/list", json!({})).await.json["result"]["tools"].as_array().cloned().unwrap()
    }

    async fn rpc(&self, key: &str, method: &str, params: Value) -> Answer {
        let request = test::TestRequest::post()
            .uri("/mcp")
            .insert_header(("Host", "localhost"))
            .insert_header((header::AUTHORIZATION, format!("Bearer {key}")))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((header::ACCEPT, "application/json, text/event-stream"))
            .set_payload(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string());
        self.send(request).await
    }
}

//! `countersign mcp`, run for real: MCP on standard input and output.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use actix_web::rt::task::spawn_blocking;
use serde_json::{Value, json};

use crate::mcp::serve;
use crate::support::Desk;

struct Ended {
    code: Option<i32>,
    answers: Vec<Value>,
    errors: String,
}

impl Ended {
    fn to(&self, id: i64) -> &Value {
        self.answers.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("no answer to {id}: {:?} {}", self.answers, self.errors))
    }
}

/// Runs the bridge with these lines as standard input, to its end.
async fn bridge(url: &str, key: Option<&str>, lines: Vec<String>) -> Ended {
    let (url, key) = (url.to_owned(), key.map(str::to_owned));
    spawn_blocking(move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(["mcp", "--url", &url]).env_remove("COUNTERSIGN_KEY").env_remove("COUNTERSIGN_URL");
        if let Some(key) = &key {
            command.env("COUNTERSIGN_KEY", key);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        for line in lines {
            // One that ended before it read a line is what some of the tests are about.
            let _ = writeln!(input, "{line}");
        }
        drop(input);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let answers = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect();
        let errors = String::from_utf8(output.stderr).unwrap();
        if let Some(key) = key {
            assert!(!errors.contains(&key) && !text.contains(&key), "the key is nowhere shown");
        }
        Ended { code: output.status.code(), answers, errors }
    })
    .await
    .unwrap()
}

fn request(id: i64, method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

fn hello() -> String {
    request(1, "initialize", json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}))
}

#[actix_web::test]
async fn a_client_on_standard_input_gets_what_one_over_http_gets() {
    let desk = Desk::new().await;
    let url = serve(&desk).await;
    let mut lines = vec![
        hello(),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string(),
        request(2, "tools/list", json!({})),
        request(
            3,
            "tools/call",
            json!({"name": "send_email", "arguments": {"mailbox": "gated-send@sender.example", "to": "a@example.com", "subject": "Grüße", "body": "Hi"}}),
        ),
        request(4, "tools/call", json!({"name": "no such tool ✉", "arguments": {}})),
        request(5, "no/such/method", json!({})),
        String::new(),
        "{not JSON".to_owned(),
        "[1]".to_owned(),
    ];
    lines.extend((100..140).map(|id| request(id, "ping", json!({}))));
    let ended = bridge(&url, Some(&desk.agent), lines).await;
    assert_eq!(ended.code, Some(0), "it ends with its input: {}", ended.errors);
    assert_eq!(ended.to(1)["result"]["serverInfo"]["name"], "countersign");
    assert!(ended.to(2)["result"]["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "send_email"));
    assert_eq!(ended.to(3)["result"]["structuredContent"]["status"], "pending");
    assert!(ended.to(4)["error"]["message"].as_str().unwrap().contains("There is no tool"), "{}", ended.to(4));
    assert_eq!(ended.to(5)["error"]["code"], -32601);
    for id in 100..140 {
        assert!(ended.to(id)["result"].is_object());
    }
    let unread: Vec<i64> =
        ended.answers.iter().filter(|answer| answer["id"].is_null()).map(|answer| answer["error"]["code"].as_i64().unwrap()).collect();
    assert_eq!((unread.contains(&-32700), unread.contains(&-32600), unread.len()), (true, true, 2));
    assert_eq!(ended.answers.len(), 5 + 40 + 2, "a notification has no answer");
}

#[actix_web::test]
async fn a_server_that_is_away_or_refuses_the_key_is_told_in_words() {
    let desk = Desk::new().await;
    let url = serve(&desk).await;
    let refused = bridge(&url, Some("cs_live_wrong"), vec![hello()]).await;
    let error = &refused.to(1)["error"];
    assert!(error["message"].as_str().unwrap().starts_with("key_invalid: The key is missing, unknown, expired or revoked."), "{error}");
    assert_eq!((error["data"]["status"].as_u64(), refused.code), (Some(401), Some(0)));

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = bridge(
        &format!("http://{free}"),
        Some(&desk.agent),
        vec![hello(), json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string()],
    )
    .await;
    let text = away.to(1)["error"]["message"].as_str().unwrap();
    assert!(text.contains(&format!("does not answer at http://{free}")) && text.contains("countersign serve"), "{text}");
    assert_eq!(away.answers.len(), 1);

    let missing = bridge(&url, None, vec![hello()]).await;
    assert_eq!((missing.code, missing.answers.len()), (Some(78), 0));
    assert!(missing.errors.contains("COUNTERSIGN_KEY must hold the key") && missing.errors.contains("Nothing was started."), "{}", missing.errors);
    let wrong = bridge("ftp://user:secret@example.com", Some(&desk.agent), vec![]).await;
    assert_eq!(wrong.code, Some(78));
    assert!(wrong.errors.contains("COUNTERSIGN_URL") && !wrong.errors.contains("secret"), "{}", wrong.errors);
}

/// Reads one request: its head in small letters, and the message.
fn hear(stream: TcpStream) -> (TcpStream, Vec<String>, Value) {
    stream.set_nonblocking(false).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (vec![], 0);
    for line in reader.by_ref().lines() {
        let line = line.unwrap().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(given) = line.strip_prefix("content-length: ") {
            length = given.parse().unwrap();
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (reader.into_inner(), head, serde_json::from_slice(&body).unwrap())
}

/// The server of this test answers nobody before it has heard all three.
#[actix_web::test]
async fn requests_are_passed_on_at_once_with_the_headers_that_http_wants() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        listener.set_nonblocking(true).unwrap();
        let mut heard = vec![];
        // One that waits for an answer before it asks again is answered in the end, so that the test fails and does not hang.
        for _ in 0..1500 {
            match listener.accept() {
                Ok((stream, _)) => heard.push(hear(stream)),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
            if heard.len() == 3 {
                break;
            }
        }
        heard
            .into_iter()
            .map(|(mut stream, head, message)| {
                let body = json!({"jsonrpc": "2.0", "id": message["id"], "result": {}}).to_string();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
                (message["id"].as_i64().unwrap(), head)
            })
            .collect::<Vec<_>>()
    });
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    let lines = vec![
        request(1, "tools/call", json!({"name": "list_facts", "arguments": {}, "_meta": meta})),
        request(2, "resources/read", json!({"uri": "countersign://messages/é"})),
        request(3, "ping", json!({})),
    ];
    let ended = bridge(&url, Some("cs_live_key"), lines).await;
    let heard = server.join().unwrap();
    assert_eq!(heard.len(), 3, "all three were passed on before the first was answered");
    let head = |id: i64| &heard.iter().find(|(heard, _)| *heard == id).unwrap().1;
    assert_eq!((ended.code, ended.answers.len()), (Some(0), 3));
    for id in 1..=3 {
        assert!(head(id)[0].starts_with("post /mcp "), "{:?}", head(id));
        assert!(head(id).contains(&"authorization: bearer cs_live_key".to_owned()));
    }
    for header in ["mcp-protocol-version: 2026-07-28", "mcp-method: tools/call", "mcp-name: list_facts"] {
        assert!(head(1).contains(&header.to_owned()), "{:?}", head(1));
    }
    assert!(head(2).iter().any(|line| line.starts_with("mcp-name: =?base64?")), "{:?}", head(2));
    assert!(head(3).iter().all(|line| !line.starts_with("mcp-name") && !line.starts_with("mcp-protocol-version")));
}

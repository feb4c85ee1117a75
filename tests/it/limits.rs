//! What bad input gets: status, code, field and words, one row for each limit.

use countersign::domain::mailboxes::Mode;
use serde_json::{Value, json};

use crate::support::{Desk, address};

/// Method, path, body, status, code, field, the words that the detail begins with.
type Row = (&'static str, &'static str, Value, u16, &'static str, Option<&'static str>, &'static str);

fn send(more: Value) -> Value {
    let mut body = json!({"mailbox": address(Mode::GatedSend), "to": "a@example.com", "subject": "Hello", "text_body": "Hello"});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

#[actix_web::test]
async fn each_limit_has_its_status_its_code_and_its_words() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({})).await;
    desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": "gone@example.com"})).await;
    let (_, contact) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "ann@example.com"})).await;
    let edit: &'static str = Box::leak(format!("/v1/emails/{}", message.row.id).into_boxed_str());
    let one: &'static str = Box::leak(format!("/v1/contacts/{}", contact["id"].as_str().unwrap()).into_boxed_str());
    let tags: &'static str = Box::leak(format!("{one}/tags").into_boxed_str());
    let deep = "<div>".repeat(200);
    let rows: Vec<Row> = vec![
        // Control characters in text.
        (
            "POST",
            "/v1/send",
            send(json!({"text_body": "a\u{0}b"})),
            422,
            "text_control_char",
            Some("text_body"),
            "text_body holds the control character U+0000 at position 1.",
        ),
        (
            "POST",
            "/v1/send",
            send(json!({"subject": "a\u{7}"})),
            422,
            "text_control_char",
            Some("subject"),
            "subject holds the control character U+0007 at position 1.",
        ),
        (
            "POST",
            "/v1/send",
            send(json!({"html_body": "<p>\u{1b}</p>"})),
            422,
            "text_control_char",
            Some("html_body"),
            "html_body holds the control character U+001B",
        ),
        ("POST", "/v1/send", send(json!({"tags": ["a\u{0}"]})), 422, "text_control_char", Some("tags"), "tags holds the control character U+0000"),
        (
            "POST",
            "/v1/send",
            send(json!({"campaign": "a\u{0}"})),
            422,
            "text_control_char",
            Some("campaign"),
            "campaign holds the control character U+0000",
        ),
        ("PATCH", edit, json!({"body": "a\u{0}"}), 422, "text_control_char", Some("body"), "body holds the control character U+0000"),
        (
            "POST",
            "/v1/contacts",
            json!({"email": "b@example.com", "name": "a\u{0}"}),
            422,
            "text_control_char",
            Some("name"),
            "name holds the control character U+0000",
        ),
        (
            "POST",
            "/v1/contacts",
            json!({"email": "b@example.com", "metadata": {"k": ["a\u{0}"]}}),
            422,
            "text_control_char",
            Some("metadata"),
            "metadata holds the control character U+0000",
        ),
        (
            "PATCH",
            one,
            json!({"metadata": {"k": "a\u{0}"}}),
            422,
            "text_control_char",
            Some("metadata"),
            "metadata holds the control character U+0000",
        ),
        ("PATCH", one, json!({"name": "a\u{0}"}), 422, "text_control_char", Some("name"), "name holds the control character U+0000"),
        ("POST", tags, json!({"tags": "a\u{0}"}), 422, "text_control_char", Some("tags"), "tags holds the control character U+0000"),
        (
            "POST",
            "/api/v1/churn-events",
            json!({"customer_email": "b@example.com", "cancel_reason_text": "a\u{0}"}),
            422,
            "text_control_char",
            Some("cancel_reason_text"),
            "cancel_reason_text holds the control character U+0000",
        ),
        // Line breaks in what becomes a header.
        (
            "POST",
            "/v1/send",
            send(json!({"subject": "a\r\nBcc: b@example.com"})),
            422,
            "header_line_break",
            Some("subject"),
            "subject must be one line. A line break at position 1 could add a hidden header.",
        ),
        ("POST", "/v1/send", send(json!({"headers": {"X-A": "a\nb"}})), 422, "header_line_break", Some("headers"), "headers must be one line."),
        ("POST", "/v1/contacts", json!({"email": "b@example.com", "name": "a\nb"}), 422, "header_line_break", Some("name"), "name must be one line."),
        ("PATCH", edit, json!({"subject": "a\nb"}), 422, "header_line_break", Some("subject"), "subject must be one line."),
        // Headers that are ours.
        (
            "POST",
            "/v1/send",
            send(json!({"headers": {"Bcc": "b@example.com"}})),
            422,
            "header_reserved",
            Some("headers"),
            "The header Bcc is set by this server and cannot be supplied.",
        ),
        (
            "POST",
            "/v1/send",
            send(json!({"headers": {"In-Reply-To": "<a@b.example>"}})),
            422,
            "header_reserved",
            Some("headers"),
            "The header In-Reply-To is set by this server",
        ),
        (
            "POST",
            "/v1/send",
            send(json!({"headers": {"X-A: b\r\nBcc": "c"}})),
            422,
            "header_reserved",
            Some("headers"),
            "The header X-A: b\\r\\nBcc is set by this server",
        ),
        (
            "POST",
            "/v1/send",
            send(json!({"headers": {"DKIM-Signature": "x"}})),
            422,
            "header_reserved",
            Some("headers"),
            "The header DKIM-Signature is set by this server",
        ),
        // Addresses.
        (
            "POST",
            "/v1/send",
            send(json!({"to": "-oQ/tmp@example.com"})),
            422,
            "address_invalid",
            Some("to"),
            "\"-oQ/tmp@example.com\" is not an address this server can send to: the part before @ starts with \"-\".",
        ),
        (
            "POST",
            "/v1/send",
            send(json!({"to": "a@example.com."})),
            422,
            "address_invalid",
            Some("to"),
            "\"a@example.com.\" is not an address this server can send to: the domain ends with a dot",
        ),
        ("POST", "/v1/send", send(json!({"to": "a@example.com\r\nRCPT TO:<b@example.com>"})), 422, "address_invalid", Some("to"), ""),
        (
            "POST",
            "/v1/contacts",
            json!({"email": "nobody"}),
            422,
            "address_invalid",
            Some("email"),
            "\"nobody\" is not an address this server can send to",
        ),
        ("POST", "/v1/suppression", json!({"email": "nobody"}), 422, "address_invalid", Some("email"), "\"nobody\" is not an address"),
        // Forms.
        (
            "POST",
            "/v1/send",
            send(json!({"subjct": "x"})),
            422,
            "field_unknown",
            Some("subjct"),
            "\"subjct\" is not a field of this request. Did you mean \"subject\"?",
        ),
        ("POST", "/v1/send", send(json!({"subject": 7})), 422, "field_invalid", Some("subject"), "subject must be a string; got 7."),
        ("POST", "/v1/send", send(json!({"send_at": "soon"})), 422, "field_invalid", Some("send_at"), "send_at must be a time such as"),
        ("POST", "/v1/send", send(json!({"html_body": deep})), 422, "html_too_deep", Some("html_body"), ""),
        (
            "POST",
            "/v1/send",
            send(json!({"to": "gone@example.com"})),
            409,
            "recipient_suppressed",
            None,
            "This recipient must not be mailed (by_hand since ",
        ),
        (
            "POST",
            "/v1/send",
            send(json!({"oversight_mode": "autonomous"})),
            422,
            "mode_loosening",
            Some("oversight_mode"),
            "oversight_mode may only tighten",
        ),
        ("POST", "/v1/emails/x/decide", json!({"decision": "approve"}), 403, "scope_missing", None, "This key lacks the scope"),
        (
            "GET",
            "/v1/contacts/search?email=cs_live_abc",
            json!(null),
            400,
            "key_in_url",
            None,
            "Send the key in the Authorization header. This key has now been seen in a URL: rotate it.",
        ),
        ("POST", "/v1/webhooks", json!({"url": "http://127.0.0.1/"}), 403, "scope_missing", None, "This key lacks the scope"),
    ];
    let mut wrong = vec![];
    for (method, path, body, status, code, field, words) in rows {
        let (got, answer) = desk.call(&desk.agent, method, path, body.clone()).await;
        let detail = answer["detail"].as_str().or(answer["error"].as_str()).unwrap_or_default();
        if (got, answer["code"].as_str(), answer["field"].as_str()) != (status, Some(code), field) || !detail.starts_with(words) {
            wrong.push(format!("{method} {path} {body}\n  wanted {status} {code} {field:?} {words:?}\n  got {got} {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[actix_web::test]
async fn json_that_two_readers_would_read_differently_is_refused() {
    let desk = Desk::new().await;
    for (body, code, words) in [
        (r#"{"to": "a@example.com", "to": "b@example.com"}"#, "json_duplicate_key", "The key \"to\" appears twice."),
        (r#"{"to": "#, "json_invalid", "The body is not valid JSON at line 1, column "),
        (r#"{"subject": "\ud800"}"#, "json_invalid", "The body is not valid JSON at line 1, column "),
        ("{\"subject\": \"a\u{0}\"}", "json_invalid", "The body is not valid JSON at line 1, column "),
    ] {
        let (status, answer) = desk.raw(&desk.agent, "POST", "/v1/send", body).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some(code)), "{body}: {answer}");
        assert!(answer["detail"].as_str().unwrap().starts_with(words), "{answer}");
    }
    let (status, answer) = desk.raw(&desk.agent, "POST", "/v1/send", vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!((status, answer["code"].as_str()), (413, Some("body_too_large")));
    assert_eq!(answer["detail"], "The request body is larger than 1048576 bytes. Nothing was stored.");
}

/// What is quoted from the input is short and escaped.
#[actix_web::test]
async fn an_error_quotes_at_most_64_escaped_characters() {
    let desk = Desk::new().await;
    let long = format!("\u{1b}[31m{}", "x".repeat(5000));
    for body in [
        json!({long.clone(): 1}),
        send(json!({"send_at": long})),
        send(json!({"headers": {long.clone(): "x"}})),
        send(json!({"oversight_mode": long})),
    ] {
        let (status, answer) = desk.call(&desk.agent, "POST", "/v1/send", body).await;
        let detail = answer["detail"].as_str().unwrap();
        assert!(status == 422 && detail.len() < 400 && !detail.contains('\u{1b}'), "{status} {answer}");
    }
}

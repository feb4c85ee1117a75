//! Code in a message arrives as it was typed: in the text, in the HTML, and in the guide of a migration.

use countersign::domain::facts::{self, AllowedUrl, Body};
use countersign::domain::messages::DecisionKind;
use mail_parser::MessageParser;
use serde_json::{Value, json};

use crate::support::{Desk, OPERATOR};

const CODE: &str = "curl -X POST https://api.example.com/v2/orders \\\n\
    \x20 -H \"Authorization: Bearer $KEY\" \\\n\
    \x20 -d '{\"lines\": [{\"sku\": \"<A&B>\"}]}'\n\
    \n\
    .hidden = \"a line that starts with a dot\"\n\
    From now on\n\
    \tif x:\n\
    \t\treturn =AB  # what looks encoded";

/// The two parts that the catcher got, decoded as a mail program would.
async fn arrived(desk: &Desk, more: Value) -> (String, String) {
    let body = Body::AllowedUrl(AllowedUrl { url: "https://api.example.com/*".into(), note: None });
    desk.write(|conn| facts::add(conn, &OPERATOR, body, None, desk.now())).ok();
    let message = desk.pending("ana@example.com", more).await;
    // What code promises is for whoever reads it.
    let (_, shown) = desk.call(&desk.oversight, "GET", &format!("/v1/emails/{}", message.row.id), json!(null)).await;
    for claim in shown["claims"].as_array().unwrap().iter().filter(|claim| claim["open"] == true) {
        let path = format!("/v1/emails/{}/claims/{}/waiver", message.row.id, claim["key"].as_str().unwrap());
        desk.call(&desk.oversight, "POST", &path, json!({"reason": "looked at it"})).await;
    }
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let caught = desk.catcher.messages().pop().unwrap();
    let longest = caught.raw.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(longest <= 1000, "a line of {longest} bytes");
    let mail = MessageParser::default().parse(&caught.raw).unwrap();
    let part = |text: Option<std::borrow::Cow<'_, str>>| text.unwrap().replace("\r\n", "\n");
    (part(mail.body_text(0)), part(mail.body_html(0)))
}

/// What a reader of the HTML sees in the code.
fn shown(html: &str) -> String {
    let inside = html.split("<pre").nth(1).unwrap().split_once('>').unwrap().1.split("</pre>").next().unwrap();
    html_escape::decode_html_entities(&inside.replace("<code>", "").replace("</code>", "")).into_owned()
}

#[actix_web::test]
async fn fenced_and_indented_code_arrive_byte_for_byte() {
    let desk = Desk::new().await;
    let indented: String = CODE.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect();
    for body in [format!("Hi,\n\n```sh\n{CODE}\n```\n\nthat is all."), format!("Hi,\n\n{indented}\nthat is all.")] {
        let (text, html) = arrived(&desk, json!({"text_body": body})).await;
        assert!(text.starts_with(&body), "{text}");
        assert_eq!(shown(&html), CODE, "{html}");
    }
}

#[actix_web::test]
async fn code_in_markdown_and_in_html_arrives_in_both_parts() {
    let desk = Desk::new().await;
    let (text, html) = arrived(&desk, json!({"text_body": null, "markdown": format!("Hi,\n\n```sh\n{CODE}\n```\n\nthat is all.")})).await;
    assert_eq!(shown(&html).trim_end(), CODE);
    assert!(text.contains("curl -X POST https://api.example.com/v2/orders \\\n"), "{text}");
    let page = format!("<p>Hi,</p><pre><code>{}</code></pre><p>that is all.</p>", html_escape::encode_text(CODE));
    let (text, html) = arrived(&desk, json!({"text_body": null, "html_body": page})).await;
    assert_eq!(shown(&html), CODE);
    let indented: String = CODE.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect();
    assert!(text.contains(&indented), "{text}");
}

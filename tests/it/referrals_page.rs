//! The page of the referral programme.

use countersign::domain::contacts::{self, ContactInput};
use countersign::domain::mailboxes::Mode;
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR, sql};

#[actix_web::test]
async fn the_programme_is_told_from_the_ask_to_what_came_of_it() {
    let desk = Desk::new().await;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let empty = max.get("/referrals").await.body;
    assert!(
        empty.contains("Nobody was asked yet") && empty.contains("90 days lie between two asks") && empty.contains("more than 4 times"),
        "{empty}"
    );
    for email in ["ana@example.com", "ben@example.com"] {
        let input = ContactInput { email: email.into(), ..ContactInput::default() };
        desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, desk.now())).unwrap();
    }
    let signal = json!({"email": "ana@example.com", "kind": "nps", "value": 10, "id": "1"});
    assert!(desk.call(&desk.agent, "POST", "/v1/signals", signal).await.0 < 300);
    assert!(max.get("/referrals").await.body.contains("never asked"));
    // A manager needs an allowed link; an administrator does not.
    let fields = [("contact", "ana@example.com"), ("target", "https://www.example.com/signup")];
    let refused = max.post("/referrals", "/referrals", &fields).await;
    assert!(
        refused.status == 422 && refused.body.contains("no allowed link covers it") && refused.body.contains("value=\"ana@example.com\""),
        "{}",
        refused.body
    );
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let path = ada.post("/referrals", "/referrals", &fields).await.location.unwrap();
    assert_eq!(ada.post("/referrals", "/referrals", &fields).await.location.as_deref(), Some(path.as_str()), "one for each contact and target");
    let page = max.get(&path).await.body;
    assert!(page.contains("https://desk.example.com/r/") && page.contains("Nothing yet"), "{page}");
    // An ask without the reward near the link is refused, one with it is held.
    let link = page.split("<code>").nth(1).unwrap().split("</code>").next().unwrap().to_owned();
    let ask = |body: String| json!({"subject": "Tell a friend", "text_body": body, "tags": ["referral-program"]});
    let (status, answer) = desk.send(Mode::GatedSend, "ana@example.com", ask(format!("Share {link}"))).await;
    assert_eq!((status, answer["code"].as_str()), (422, Some("referral_disclosure_missing")), "{answer}");
    let (status, answer) = desk.send(Mode::GatedSend, "ana@example.com", ask(format!("Share {link} and get a gift."))).await;
    assert_eq!(status, 202, "{answer}");
    let id = path.rsplit('/').next().unwrap();
    let conversion = json!({"id": "signup-1", "email": "new@example.com", "value": 4900, "currency": "usd"});
    let (status, answer) = desk.call(&desk.agent, "POST", &format!("/v1/referrals/{id}/conversions"), conversion).await;
    assert_eq!(status, 201, "{answer}");
    sql(&desk, "UPDATE referrals SET clicks = 3, last_click_at = 1");
    let (_, whole) = desk.call(&desk.agent, "GET", "/v1/referrals/program", json!(null)).await;
    let wanted =
        json!({"asked": 0, "held": 1, "links": 1, "sharers": 1, "clicks": 3, "conversions": 1, "value": [{"minor": 4900, "currency": "USD"}]});
    assert_eq!(whole, wanted);
    let page = max.get("/referrals").await.body;
    assert!(page.contains("<dt>Sharers</dt><dd>1") && page.contains("1 more wait") && page.contains("worth $49"), "{page}");
    assert!(!page.contains("never asked"), "who is being asked is no candidate");
    assert!(max.get(&path).await.body.contains("told by key"));
}

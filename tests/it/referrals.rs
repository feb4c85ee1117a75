//! Signals and referrals: who may be asked, their links, and what comes of them.

use actix_web::http::header;
use actix_web::test::TestRequest;
use countersign::domain::actor::Scope;
use countersign::domain::facts::{self, AllowedUrl, Body};
use countersign::domain::ids::ReferralId;
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use countersign::domain::referrals;
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::programs::{contact, listen, sql, told};
use crate::support::{Browser, Desk, OPERATOR, address};

async fn post(desk: &Desk, path: &str, body: Value) -> (u16, Value) {
    desk.call(&desk.agent, "POST", path, body).await
}

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, answer) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Lets links below this address stand in mail; the fact's id.
fn allow(desk: &Desk, url: &str) -> String {
    let body = Body::AllowedUrl(AllowedUrl { url: url.into(), note: None });
    desk.write(|conn| facts::add(conn, &OPERATOR, body, None, desk.now())).unwrap().id.as_str().to_owned()
}

async fn referral(desk: &Desk, email: &str) -> Value {
    let (status, made) = post(desk, "/v1/referrals", json!({"email": email, "target_url": "https://acme.example.com/join"})).await;
    assert_eq!(status, 201, "{made}");
    made
}

#[actix_web::test]
async fn a_signal_is_recorded_once_for_each_id() {
    let desk = Desk::new().await;
    let signal = json!({"email": "ana@example.com", "kind": "nps", "value": 9, "id": "nps-1", "at": "2026-01-02T03:04:05Z"});
    let (status, first) = post(&desk, "/v1/signals", signal.clone()).await;
    assert_eq!((status, &first["good"], &first["value"], &first["at"]), (201, &json!(true), &json!("9"), &json!("2026-01-02T03:04:05Z")));
    let (status, again) = post(&desk, "/v1/signals", signal).await;
    assert_eq!((status, &again["signal_id"]), (200, &first["signal_id"]));
    let (_, custom) = post(&desk, "/v1/signals", json!({"contact": first["contact_id"], "kind": "renewed"})).await;
    assert_eq!((&custom["email"], &custom["id"]), (&json!("ana@example.com"), &json!(null)));
    let page = get(&desk, "/v1/signals?email=ana@example.com&limit=1").await;
    assert_eq!((page["signals"].as_array().unwrap().len(), &page["signals"][0]["kind"]), (1, &json!("renewed")));
    let rest = get(&desk, &format!("/v1/signals?email=ana@example.com&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!((rest["signals"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &json!(null)));
    for wrong in [
        json!({"email": "a@example.com", "kind": "NPS!"}),
        json!({"email": "a@example.com", "kind": "nps", "at": "2999-01-01T00:00:00Z"}),
        json!({"kind": "nps"}),
        json!({"email": "a@example.com", "contact": first["contact_id"], "kind": "nps"}),
        json!({"email": "a@example.com", "kind": "nps", "value": []}),
    ] {
        assert_eq!(post(&desk, "/v1/signals", wrong.clone()).await.0, 422, "{wrong}");
    }
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/signals?email=nobody@example.com", json!(null)).await.0, 404);
}

#[actix_web::test]
async fn only_whoever_has_a_fresh_good_signal_and_may_be_mailed_is_eligible() {
    let desk = Desk::new().await;
    let old = desk.now().plus_days(-40).to_string();
    for (email, signal) in [
        ("good@example.com", json!({"kind": "milestone", "value": 10_000})),
        ("low@example.com", json!({"kind": "nps", "value": 6})),
        ("old@example.com", json!({"kind": "milestone", "at": old})),
        ("left@example.com", json!({"kind": "milestone"})),
        ("custom@example.com", json!({"kind": "renewed"})),
    ] {
        let mut body = signal;
        body["email"] = json!(email);
        assert_eq!(post(&desk, "/v1/signals", body).await.0, 201);
    }
    contact(&desk, "left@example.com", &["unsubscribed"]);
    let found = async |path: &str| {
        let answer = get(&desk, path).await;
        let mut all: Vec<String> =
            answer["candidates"].as_array().unwrap().iter().map(|one| one["contact"]["email"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    assert_eq!(found("/v1/referrals/eligible").await, ["good@example.com"]);
    assert_eq!(found("/v1/referrals/eligible?days=60").await, ["good@example.com", "old@example.com"]);
    assert_eq!(found("/v1/referrals/eligible?kinds=renewed").await, ["custom@example.com"]);
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/referrals/eligible?days=91", json!(null)).await.0, 422);
    // Page by page.
    post(&desk, "/v1/signals", json!({"email": "more@example.com", "kind": "milestone"})).await;
    let first = get(&desk, "/v1/referrals/eligible?limit=1").await;
    assert_eq!(first["candidates"][0]["contact"]["email"], "more@example.com");
    let next = format!("/v1/referrals/eligible?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(found(&next).await, ["good@example.com"]);
}

#[actix_web::test]
async fn whoever_is_being_asked_or_was_asked_lately_is_not_asked_again() {
    let desk = Desk::new().await;
    post(&desk, "/v1/signals", json!({"email": "ana@example.com", "kind": "feature_adopted"})).await;
    let listed = async || get(&desk, "/v1/referrals/eligible").await["candidates"].as_array().unwrap().len();
    assert_eq!(listed().await, 1);
    let ask = desk.pending("ana@example.com", json!({"tags": ["referral-program", "satisfaction-trigger"]})).await;
    assert_eq!(listed().await, 0, "one is under way");
    desk.decide("Rita", &ask, DecisionKind::Reject).unwrap();
    assert_eq!(listed().await, 1, "a person said no to it");
    let ask = desk.pending("ana@example.com", json!({"tags": ["referral-program"]})).await;
    desk.decide("Rita", &ask, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(listed().await, 0, "it left today");
    let long_ago = desk.now().plus_days(-91).micros();
    sql(&desk, &format!("UPDATE messages SET sent_at = {long_ago} WHERE sent_at IS NOT NULL")).unwrap();
    let answer = get(&desk, "/v1/referrals/eligible").await;
    assert_eq!((&answer["candidates"][0]["asked"], &answer["candidates"][0]["signal"]["kind"]), (&json!(1), &json!("feature_adopted")));
}

#[actix_web::test]
async fn a_link_leads_only_where_an_administrator_allows() {
    let desk = Desk::new().await;
    let ask = async |url: &str| post(&desk, "/v1/referrals", json!({"email": "ana@example.com", "target_url": url})).await;
    let (status, refused) = ask("https://acme.example.com/join").await;
    assert_eq!((status, &refused["code"]), (422, &json!("url_not_allowed")));
    let fact = allow(&desk, "https://acme.example.com/join");
    allow(&desk, "https://shop.example.com/refer/*");
    for url in [
        "https://acme.example.com/join/other",
        "https://acme.example.com.evil.test/join",
        "https://acme.example.com@evil.test/join",
        "https://shop.example.com/referral",
        "https://shop.example.com/refer/../admin",
        "http://acme.example.com/join",
        "javascript:alert(1)",
        "//evil.test",
        "https://evil.test/#https://acme.example.com/join",
    ] {
        assert_eq!(ask(url).await.0, 422, "{url}");
    }
    assert_eq!(ask("https://shop.example.com/refer/ana?x=1").await.0, 201);
    let (status, made) = ask("https://acme.example.com/join").await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["link"], format!("https://desk.example.com/r/{}", made["code"].as_str().unwrap()));
    let (status, again) = ask("https://acme.example.com/join").await;
    assert_eq!((status, &again["id"]), (200, &made["id"]), "one for each contact and target");
    // An administrator may name any https address.
    let admin = desk.key(&[Scope::Admin, Scope::Read]);
    let body = json!({"email": "ben@example.com", "target_url": "https://partner.example.com/in"});
    let (status, by_admin) = desk.call(&admin, "POST", "/v1/referrals", body).await;
    assert_eq!(status, 201, "{by_admin}");
    // A link to what is no longer allowed leads nowhere.
    let mut visitor = Browser::new(desk.app().await);
    let path = |made: &Value| format!("/r/{}", made["code"].as_str().unwrap());
    assert_eq!(visitor.get(&path(&made)).await.status, 303);
    desk.call(&admin, "POST", &format!("/v1/facts/{fact}/revoke"), json!({"reason": "moved"})).await;
    assert_eq!(visitor.get(&path(&made)).await.status, 404);
    assert_eq!(visitor.get(&path(&by_admin)).await.location.as_deref(), Some("https://partner.example.com/in"));
}

#[actix_web::test]
async fn a_click_counts_once_for_each_visitor_and_day_and_nobody_is_kept() {
    let desk = Desk::new().await;
    allow(&desk, "https://acme.example.com/join");
    let made = referral(&desk, "ana@example.com").await;
    listen(&desk);
    let path = format!("/r/{}", made["code"].as_str().unwrap());
    let mut visitor = Browser::new(desk.app().await);
    for browser in ["Firefox", "Firefox", "Safari"] {
        let page = visitor.run(TestRequest::get().uri(&path).insert_header((header::USER_AGENT, browser))).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("https://acme.example.com/join")));
        assert_eq!(page.set_cookie, None);
    }
    let list = get(&desk, "/v1/referrals?email=ana@example.com").await;
    assert_eq!((&list["referrals"][0]["clicks"], list["referrals"].as_array().unwrap().len()), (&json!(2), 1));
    assert_eq!(told(&desk, "referral.clicked").len(), 2);
    assert_eq!(told(&desk, "referral.clicked")[1]["clicks"], 2);
    // The next day everybody counts anew, and what was kept of yesterday is gone.
    let id = ReferralId::from(made["id"].as_str().unwrap());
    let tomorrow = desk.now().plus_days(1);
    desk.write(|conn| referrals::count(conn, &id, "somebody", tomorrow)).unwrap();
    desk.write(|conn| referrals::count(conn, &id, "somebody", tomorrow)).unwrap();
    assert_eq!(get(&desk, "/v1/referrals").await["referrals"][0]["clicks"], 3);
    assert_eq!(sql(&desk, "DELETE FROM referral_visitors WHERE visitor <> 'somebody'").unwrap(), 1, "only a hash of today");
    assert_eq!(sql(&desk, "DELETE FROM referral_salts").unwrap(), 1);
    // Looking without following counts nothing.
    for (name, said) in [
        (header::USER_AGENT, "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
        (header::USER_AGENT, "facebookexternalhit/1.1"),
        (header::USER_AGENT, "Mozilla/5.0 (compatible; Googlebot/2.1)"),
        (header::HeaderName::from_static("sec-purpose"), "prefetch;prerender"),
        (header::HeaderName::from_static("purpose"), "prefetch"),
    ] {
        let page = visitor.run(TestRequest::get().uri(&path).insert_header((name, said))).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("https://acme.example.com/join")), "{said}");
    }
    assert_eq!(get(&desk, "/v1/referrals").await["referrals"][0]["clicks"], 3);
    let head = visitor.run(TestRequest::default().method("HEAD".parse().unwrap()).uri(&path)).await;
    assert_eq!((head.status, head.location.as_deref()), (303, Some("https://acme.example.com/join")));
    assert_eq!(get(&desk, "/v1/referrals").await["referrals"][0]["clicks"], 3);
    let unknown = visitor.get("/r/unknown").await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("This link is unknown or has expired."));
}

#[actix_web::test]
async fn a_conversion_counts_once_and_never_for_oneself() {
    let desk = Desk::new().await;
    allow(&desk, "https://acme.example.com/join");
    let (mine, other) = (referral(&desk, "ana@example.com").await, referral(&desk, "ben@example.com").await);
    listen(&desk);
    let path = |made: &Value| format!("/v1/referrals/{}/conversions", made["id"].as_str().unwrap());
    let signup = json!({"id": "signup-1", "email": "new@example.com", "value": 4900, "currency": "eur"});
    let (status, first) = post(&desk, &path(&mine), signup.clone()).await;
    assert_eq!((status, &first["referral"]["conversions"], &first["conversion"]["currency"]), (201, &json!(1), &json!("EUR")), "{first}");
    for same in
        [signup.clone(), json!({"id": "signup-2", "email": "NEW@example.com"}), json!({"id": "signup-1"}), json!({"email": "new+x@example.com"})]
    {
        let (status, again) = post(&desk, &path(&mine), same.clone()).await;
        assert_eq!((status, &again["conversion"]["conversion_id"]), (200, &first["conversion"]["conversion_id"]), "{same}");
    }
    let (status, taken) = post(&desk, &path(&other), json!({"id": "signup-1"})).await;
    assert_eq!((status, &taken["code"]), (409, &json!("conversion_taken")));
    for own in ["ana@example.com", "ANA+friend@Example.com"] {
        let (status, refused) = post(&desk, &path(&mine), json!({"email": own})).await;
        assert_eq!((status, &refused["code"]), (422, &json!("self_referral")), "{own}");
    }
    for wrong in [
        json!({}),
        json!({"id": "x", "value": 5}),
        json!({"id": "x", "value": -5, "currency": "EUR"}),
        json!({"id": "x", "value": 5, "currency": "euro"}),
    ] {
        assert_eq!(post(&desk, &path(&mine), wrong.clone()).await.0, 422, "{wrong}");
    }
    let events = told(&desk, "referral.converted");
    assert_eq!((events.len(), &events[0]["id"], &events[0]["value"], &events[0]["conversions"]), (1, &json!("signup-1"), &json!(4900), &json!(1)));
    assert!(!events[0].to_string().contains("new@example.com"), "the new customer's address is not passed on");
    let whole = get(&desk, &format!("/v1/referrals/{}", mine["id"].as_str().unwrap())).await;
    assert_eq!((whole["latest_conversions"].as_array().unwrap().len(), &whole["conversions"]), (1, &json!(1)));
    assert_eq!(post(&desk, "/v1/referrals/00000000-0000-7000-8000-000000000000/conversions", json!({"id": "x"})).await.0, 404);
}

#[actix_web::test]
async fn a_referral_link_is_on_record_for_its_contact_and_for_nobody_else() {
    let desk = Desk::new().await;
    allow(&desk, "https://acme.example.com/join");
    let link = referral(&desk, "ana@example.com").await["link"].as_str().unwrap().to_owned();
    let verdict = async |to: &str| {
        let body = json!({"text": format!("Share your link: {link}"), "contact": to, "mailbox": address(Mode::GatedSend)});
        let (status, answer) = post(&desk, "/v1/claims/check", body).await;
        assert_eq!(status, 200, "{answer}");
        let claims = answer["claims"].as_array().unwrap().clone();
        claims.into_iter().find(|claim| claim["kind"] == "url").unwrap()["verdict"].clone()
    };
    assert_eq!(verdict("ana@example.com").await, "exact");
    contact(&desk, "ben@example.com", &[]);
    assert_ne!(verdict("ben@example.com").await, "exact");
}

#[actix_web::test]
async fn agents_run_a_referral_programme_over_mcp() {
    let desk = Desk::new().await;
    allow(&desk, "https://acme.example.com/join");
    let agent = Client::with(&serve(&desk).await, &desk.agent).await;
    let signal = json!({"email": "ana@example.com", "kind": "ticket_resolved", "value": 5, "id": "t-1"});
    assert_eq!(agent.call("record_signal", signal.clone()).await.0["good"], true);
    assert!(agent.call("record_signal", signal).await.1.contains("nothing changed"));
    assert_eq!(agent.call("list_signals", json!({"email": "ana@example.com"})).await.0["signals"][0]["id"], "t-1");
    let (candidates, _) = agent.call("list_referral_candidates", json!({})).await;
    let who = &candidates["candidates"][0]["contact"]["id"];
    let (made, _) = agent.call("create_referral", json!({"contact": who, "target_url": "https://acme.example.com/join"})).await;
    let (outcome, _) = agent.call("record_conversion", json!({"referral_id": made["id"], "id": "s-1"})).await;
    assert_eq!(outcome["referral"]["conversions"], 1);
    assert_eq!(agent.call("list_referrals", json!({"contact": who})).await.0["referrals"][0]["link"], made["link"]);
    let (refused, _) = agent.refused("create_referral", json!({"contact": who, "target_url": "https://evil.test"})).await;
    assert_eq!(refused["code"], "url_not_allowed");
}

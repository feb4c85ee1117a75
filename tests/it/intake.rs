//! Customers leaving: API, CSV, Stripe, and what follows.

use countersign::clock;
use countersign::domain::churn::{self, Status, window};
use countersign::domain::facts::{self, Body, Offer, ProductUpdate};
use countersign::domain::ids::ChurnEventId;
use countersign::domain::imports::{self, Of};
use countersign::domain::mailboxes::Mode;
use countersign::domain::settings;
use countersign::domain::sources::signatures::{Refused, stripe as verify};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Desk, OPERATOR};
use crate::webhooks::{self, Receiver, desk_with};

async fn event(desk: &Desk, more: Value) -> Value {
    let mut body = json!({"customer_email": "john@example.com", "customer_name": "John Doe", "plan_name": "Pro", "mrr": 4900, "currency": "usd", "tenure_days": 180});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (status, answer) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", body).await;
    assert!(status == 201 || status == 202, "{answer}");
    answer
}

#[actix_web::test]
async fn the_same_subscription_within_a_day_is_the_same_event() {
    let desk = Desk::new().await;
    let first = event(&desk, json!({"provider_subscription_id": "sub_1"})).await;
    let again = event(&desk, json!({"provider_subscription_id": "sub_1", "cancel_reason": "too_expensive"})).await;
    assert_eq!(first["id"], again["id"]);
    let other = event(&desk, json!({"provider_subscription_id": "sub_2"})).await;
    assert_ne!(first["id"], other["id"]);
}

#[actix_web::test]
async fn a_variant_goes_through_the_gate_and_is_sent_once() {
    let desk = Desk::new().await;
    desk.write(|conn| {
        let offer = Offer { name: "Back".into(), code: "COMEBACK30".into(), percent: Some(30), ..Offer::default() };
        facts::add(conn, &OPERATOR, Body::Offer(offer), None, desk.now())?;
        let update = ProductUpdate {
            title: "Bulk export".into(),
            summary: "Export everything.".into(),
            shipped_on: jiff::civil::date(2026, 1, 1),
            ..ProductUpdate::default()
        };
        facts::add(conn, &OPERATOR, Body::ProductUpdate(update), None, desk.now())
    })
    .unwrap();
    let created = event(&desk, json!({"cancel_reason": "too_expensive"})).await;
    let base = format!("/api/v1/churn-events/{}", created["id"].as_str().unwrap());
    let (_, made) = desk.call(&desk.agent, "POST", &format!("{base}/generate"), json!({})).await;
    let best = made["variants"].as_array().unwrap().iter().find(|v| v["recommended"] == true).unwrap().clone();
    assert_eq!((best["strategy"].as_str(), best["coupon_code"].as_str()), (Some("discount"), Some("COMEBACK30")));
    let send = format!("{base}/variants/{}/send", best["id"].as_str().unwrap());
    let (status, held) = desk.call(&desk.agent, "POST", &send, json!({})).await;
    assert_eq!((status, held["status"].as_str()), (202, Some("pending")));
    assert_eq!(desk.call(&desk.agent, "POST", &send, json!({})).await.0, 409, "not while it waits");
    desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
    let (status, _) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", json!({"message_id": held["id"], "decision": "approve"})).await;
    assert_eq!(status, 200);
    desk.drain().await;
    let (_, after) = desk.call(&desk.agent, "GET", &base, json!(null)).await;
    assert_eq!(after["status"], "email_sent");
    let (status, answer) = desk.call(&desk.agent, "POST", &send, json!({})).await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("this variant has already been sent")));
    let (_, contact) = desk.call(&desk.agent, "GET", "/v1/contacts/search?email=john@example.com", json!(null)).await;
    let tags = contact["contacts"][0]["tags"].to_string();
    assert!(tags.contains("winback-sent") && tags.contains("reason-too_expensive"), "{tags}");
    assert_eq!(desk.call(&desk.agent, "POST", &format!("{base}/recovered"), json!({})).await.0, 200);
    assert_eq!(desk.call(&desk.agent, "POST", &format!("{base}/recovered"), json!({})).await.0, 400);
}

#[actix_web::test]
async fn the_errors_of_the_recovery_document_hold_in_its_order() {
    let desk = Desk::new().await;
    let created = event(&desk, json!({"customer_email": null})).await;
    let base = format!("/api/v1/churn-events/{}", created["id"].as_str().unwrap());
    let nowhere = format!("{base}/variants/00000000-0000-7000-8000-000000000000/send");
    let error = |answer: (u16, Value)| (answer.0, answer.1["error"].as_str().unwrap_or_default().to_owned());
    let got = error(desk.call(&desk.agent, "POST", &nowhere, json!({})).await);
    assert_eq!(got, (400, "variants must be generated before sending emails".into()));
    desk.call(&desk.agent, "POST", &format!("{base}/generate"), json!({})).await;
    let got = error(desk.call(&desk.agent, "POST", &nowhere, json!({})).await);
    assert_eq!(got, (400, "customer email is missing on this churn event".into()));

    let with_email = event(&desk, json!({})).await;
    let base = format!("/api/v1/churn-events/{}", with_email["id"].as_str().unwrap());
    desk.call(&desk.agent, "POST", &format!("{base}/generate"), json!({})).await;
    let nowhere = format!("{base}/variants/00000000-0000-7000-8000-000000000000/send");
    let got = error(desk.call(&desk.agent, "POST", &nowhere, json!({})).await);
    assert_eq!(got, (404, "variant not found".into()));
    let mut silent = desk;
    silent.state.email_configured = false;
    let got = error(silent.call(&silent.agent, "POST", &nowhere, json!({})).await);
    assert_eq!(got, (500, "email service is not configured".into()));
}

#[actix_web::test]
async fn an_import_keeps_good_rows_reports_bad_ones_by_line_and_mails_nobody() {
    let desk = Desk::new().await;
    let file = "customer_email,customer_name,mrr_cents,features\na@example.com,Ana,4900,export;sync\nbroken,Bo,1,\nc@example.com,=cmd,not-a-number,\nd@example.com,Dee,,\n";
    let parsed = imports::read(Of::Churn, file.as_bytes().to_vec()).unwrap();
    let started = desk.write(|conn| imports::start(conn, &OPERATOR, "f.csv", &parsed, desk.now())).unwrap();
    let done = imports::run(&desk.state.db, &OPERATOR, started, &parsed, clock::now, |_| {}).unwrap();
    assert_eq!((done.imported_rows, done.refused_rows, done.total_rows), (2, 2, 4));
    assert!(done.refused_csv.contains("\n3,") && done.refused_csv.contains("\n4,"), "{}", done.refused_csv);
    assert!(done.refused_csv.contains("'=cmd"), "a cell cannot become a formula: {}", done.refused_csv);
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty());
}

#[actix_web::test]
async fn a_broken_file_is_refused_whole() {
    for (file, wanted) in [
        ("customer_email,x\n".as_bytes(), "\"x\" is not a column"),
        (b"email\na@example.com\n".as_slice(), "no column customer_email"),
        (b"customer_email,notes\na@example.com\n".as_slice(), "1 fields, header has 2"),
        (b"customer_email,notes\na@example.com,\"open\nb@example.com,x\n".as_slice(), "quote opened on line 2 was never closed"),
        (b"customer_email,notes\na@example.com,\xff\n".as_slice(), "Line 2, column 15: byte 0xFF is not UTF-8"),
    ] {
        let error = imports::read(Of::Churn, file.to_vec()).unwrap_err();
        assert_eq!(error.code, "csv_invalid");
        assert!(error.detail.contains(wanted) && error.detail.contains("No row was imported."), "{}", error.detail);
    }
}

fn signed(body: &str, secret: &str, at: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    format!("t={at},v1={hex}")
}

#[actix_web::test]
async fn stripe_signatures_are_checked_before_anything_else() {
    let now = clock::now();
    let fresh = signed("{}", "whsec_test", now.seconds());
    assert_eq!(verify("whsec_test", &fresh, b"{}", now), Ok(()));
    assert_eq!(verify("whsec_test", &fresh, b"{ }", now), Err(Refused::Signature));
    assert_eq!(verify("whsec_other", &fresh, b"{}", now), Err(Refused::Signature));
    assert_eq!(verify("", &signed("{}", "", now.seconds()), b"{}", now), Err(Refused::Signature), "no secret set means no webhook");
    assert_eq!(verify("whsec_test", "", b"{}", now), Err(Refused::Signature));
    assert_eq!(verify("whsec_test", &fresh[..fresh.len() - 2], b"{}", now), Err(Refused::Signature));
    assert_eq!(verify("whsec_test", &signed("{}", "whsec_test", now.seconds() - 301), b"{}", now), Err(Refused::Stale(301)));
}

#[actix_web::test]
async fn a_stripe_cancellation_is_taken_once() {
    use actix_web::test;
    let desk = Desk::new().await;
    let body = json!({"id": "evt_1", "created": clock::now().seconds(), "type": "customer.subscription.deleted", "data": {"object": {
        "id": "sub_9", "customer": {"id": "cus_9", "email": "mia@example.com", "name": "Mia"}, "currency": "eur", "start_date": clock::now().seconds() - 86_400 * 90,
        "items": {"data": [{"quantity": 2, "price": {"unit_amount": 1200, "nickname": "Team", "recurring": {"interval": "month"}}}]},
        "cancellation_details": {"feedback": "too_complex", "comment": "It was too much to set up"}}}})
    .to_string();
    let app = desk.app().await;
    for round in 0..3 {
        let request = test::TestRequest::post()
            .uri("/v1/webhooks/stripe")
            .insert_header(("Stripe-Signature", signed(&body, "whsec_test", clock::now().seconds())))
            .set_payload(body.clone())
            .to_request();
        assert_eq!(test::call_service(&app, request).await.status(), 200, "round {round}");
    }
    let request = test::TestRequest::post().uri("/v1/webhooks/stripe").set_payload(body.clone()).to_request();
    assert_eq!(test::call_service(&app, request).await.status(), 401);
    let (_, list) = desk.call(&desk.agent, "GET", "/api/v1/churn-events", json!(null)).await;
    let rows = list["data"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0]["mrr_cents"].as_i64(), rows[0]["reason"].as_str(), rows[0]["plan_name"].as_str()),
        (Some(2400), Some("technical_issues"), Some("Team"))
    );
    assert_eq!(rows[0]["tenure_days"], 90);
    let id = ChurnEventId::from(rows[0]["id"].as_str().unwrap());
    assert_eq!(desk.read(|conn| churn::get(conn, &OPERATOR, &id)).status, Status::New);
    assert!(desk.send(Mode::GatedSend, "mia@example.com", json!({})).await.0 == 202);
}

#[actix_web::test]
async fn who_was_written_to_and_did_not_come_back_in_time_is_lost_and_told_of() {
    let receiver = Receiver::start().await;
    let (desk, admin) = desk_with(&receiver).await;
    let (hook, _) = webhooks::add(&desk, &admin, &receiver, json!({"events": ["churn_event.lost"]})).await;
    desk.write(|conn| settings::set(conn, settings::RECOVERY_WINDOW_DAYS, "14")).unwrap();
    let mut ids = vec![];
    for n in 0..3 {
        let created = event(&desk, json!({"customer_email": format!("left{n}@example.com")})).await;
        let base = format!("/api/v1/churn-events/{}", created["id"].as_str().unwrap());
        ids.push(base.clone());
        let (_, made) = desk.call(&desk.agent, "POST", &format!("{base}/generate"), json!({})).await;
        if n < 2 {
            let send = format!("{base}/variants/{}/send", made["variants"][0]["id"].as_str().unwrap());
            let (_, held) = desk.call(&desk.agent, "POST", &send, json!({})).await;
            desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
            desk.call(&desk.oversight, "POST", "/v1/oversight/decide", json!({"message_id": held["id"], "decision": "approve"})).await;
        }
    }
    desk.drain().await;
    desk.call(&desk.agent, "POST", &format!("{}/recovered", ids[1]), json!({})).await;
    let after = |days: i64| desk.now().plus_seconds(days * 86_400 + 60);
    desk.write(|conn| window::step(conn, after(13))).unwrap();
    assert_eq!(desk.call(&desk.agent, "GET", &ids[0], json!(null)).await.1["status"], "email_sent", "not a day early");
    assert!(!desk.write(|conn| window::step(conn, after(14))).unwrap(), "one pass is enough");
    let mut stand = vec![];
    for id in &ids {
        stand.push(desk.call(&desk.agent, "GET", id, json!(null)).await.1["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(stand, ["lost", "recovered", "variants_generated"], "who came back, and who was never written to, is not lost");
    assert_eq!(desk.call(&desk.agent, "POST", &format!("{}/recovered", ids[0]), json!({})).await.0, 400, "lost is final");
    desk.write(|conn| window::step(conn, after(20))).unwrap();
    assert_eq!(webhooks::log(&desk, &hook).len(), 1, "told once");
}

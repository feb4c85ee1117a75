//! Reports of people leaving: whose word counts, once, in any order.

use std::ops::Deref;

use actix_web::http::header;
use actix_web::test;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::clock::{self, Time};
use countersign::domain::churn::{self, ChurnEvent, Filter};
use countersign::domain::contacts;
use countersign::domain::email_address::EmailAddress;
use countersign::domain::ids::{ContactId, SourceId};
use countersign::domain::sources::receive::{self, Received, Sender};
use countersign::domain::sources::{self, Change, NewSource, Outcome, Provider, Source, read};
use countersign::domain::webhooks::signature::sign;
use diesel::connection::SimpleConnection;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

use crate::support::{Browser, Desk, OPERATOR};

const SECRET: &str = "pdl_ntfset_0123456789";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// A source with its secret.
struct Known {
    source: Source,
    secret: String,
}

impl Deref for Known {
    type Target = Source;

    fn deref(&self) -> &Source {
        &self.source
    }
}

fn source(desk: &Desk, provider: Provider, name: &str) -> Known {
    let origins = vec!["https://app.example.com".to_owned()];
    let new = NewSource { provider, name: name.into(), secret: format!("{SECRET}{name}"), origins };
    let (source, secret) = desk.write(|conn| sources::add(conn, &OPERATOR, &new, desk.now())).unwrap();
    Known { source, secret }
}

/// Posts a raw body with these headers: status and JSON.
async fn post(desk: &Desk, path: &str, headers: &[(&str, String)], body: &str) -> (u16, Value) {
    let app = desk.app().await;
    let mut request = test::TestRequest::post().uri(path).set_payload(body.to_owned());
    for (name, value) in headers {
        request = request.insert_header((*name, value.as_str()));
    }
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&test::read_body(response).await).unwrap_or(Value::Null))
}

async fn stripe(desk: &Desk, event: &Value) -> (u16, Value) {
    let (body, at) = (event.to_string(), clock::now().seconds());
    let signature = format!("t={at},v1={}", hmac("whsec_test", &format!("{at}.{body}")));
    post(desk, "/v1/webhooks/stripe", &[("Stripe-Signature", signature)], &body).await
}

async fn generic(desk: &Desk, source: &Known, event: &Value) -> (u16, Value) {
    let (body, at) = (event.to_string(), clock::now().seconds());
    let signature = sign(std::slice::from_ref(&source.secret), "msg_1", at, &body);
    let headers = [("webhook-id", "msg_1".to_owned()), ("webhook-timestamp", at.to_string()), ("webhook-signature", signature)];
    post(desk, &format!("/v1/webhooks/generic/{}", source.id), &headers, &body).await
}

/// Somebody to whom a test of the desk is addressed.
pub async fn made_up(desk: &Desk, email: &str) -> ContactId {
    let message = desk.pending(email, json!({})).await.row;
    let query = format!(
        "INSERT INTO planted_tests (message_id, mailbox_id, contact_id, mistake, words, outcome, planted_at) VALUES ('{}', '{}', '{}', 'rude', 'x', 'open', 1)",
        message.id, message.mailbox_id, message.contact_id
    );
    desk.state.db.write(|conn| conn.batch_execute(&query)).unwrap();
    message.contact_id
}

fn all(desk: &Desk) -> Vec<ChurnEvent> {
    desk.read(|conn| churn::list(conn, &OPERATOR, &Filter { limit: 100, ..Filter::default() })).0
}

fn log_lines(desk: &Desk) -> usize {
    desk.read(|conn| sources::events(conn, &OPERATOR, None, None, 1000)).len()
}

fn subscription(id: &str, more: &Value) -> Value {
    let mut object = json!({"id": id, "customer": "cus_1", "currency": "eur", "start_date": 1_700_000_000, "metadata": {"email": "mia@example.com"},
        "items": {"data": [{"quantity": 1, "price": {"unit_amount": 4900, "nickname": "Pro", "recurring": {"interval": "month"}}}]}});
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn event(id: &str, kind: &str, at: i64, object: &Value) -> Value {
    json!({"id": id, "type": kind, "created": at, "data": {"object": object}})
}

#[actix_web::test]
async fn only_the_right_signature_of_the_right_source_counts_and_nothing_else_is_written() {
    let desk = Desk::new().await;
    let (paddle, other) = (source(&desk, Provider::Paddle, "one"), source(&desk, Provider::Paddle, "two"));
    let at = clock::now();
    let body = json!({"event_id": "evt_1", "event_type": "subscription.canceled", "occurred_at": at.to_string(), "data": {"id": "sub_1", "customer_id": "ctm_1", "status": "canceled"}}).to_string();
    let signed = |secret: &str, at: i64| format!("ts={at};h1={}", hmac(secret, &format!("{at}:{body}")));
    let (now, right) = (at.seconds(), signed(&paddle.secret, at.seconds()));
    let mut other_algorithm = Hmac::<Sha512>::new_from_slice(paddle.secret.as_bytes()).unwrap();
    other_algorithm.update(format!("{now}:{body}").as_bytes());
    let other_algorithm = format!("ts={now};h1={}", hex(&other_algorithm.finalize().into_bytes()));
    let stripes = format!("ts={now};h1={}", hmac("whsec_test", &format!("{now}:{body}")));
    let generic_source = source(&desk, Provider::Generic, "three");
    desk.write(|conn| sources::change(conn, &OPERATOR, &other.id, &Change { enabled: Some(false), ..Change::default() }, at)).unwrap();
    for (what, header) in [
        ("missing", None),
        ("empty", Some(String::new())),
        ("no signature", Some(format!("ts={now}"))),
        ("an empty signature", Some(format!("ts={now};h1="))),
        ("wrong", Some(signed("another secret", now))),
        ("truncated", Some(right[..right.len() - 2].to_owned())),
        ("another algorithm", Some(other_algorithm)),
        ("a scheme that is not used", Some(right.replace("h1=", "h2="))),
        ("another provider's", Some(stripes)),
        ("a source that is off", Some(signed(&other.secret, now))),
        ("a signed body with no key", Some(signed("", now))),
    ] {
        let headers: Vec<(&str, String)> = header.into_iter().map(|header| ("Paddle-Signature", header)).collect();
        let (status, answer) = post(&desk, "/v1/webhooks/events/paddle", &headers, &body).await;
        assert_eq!((status, answer["code"].as_str()), (401, Some("webhook_signature")), "{what}");
        assert!(!answer.to_string().contains("h1"), "{what} says nothing that helps: {answer}");
    }
    for (shift, wanted) in [(-301, "webhook_stale"), (400, "webhook_stale")] {
        let (status, answer) = post(&desk, "/v1/webhooks/events/paddle", &[("Paddle-Signature", signed(&paddle.secret, now + shift))], &body).await;
        assert_eq!((status, answer["code"].as_str()), (401, Some(wanted)), "{shift}");
    }
    // The header is right and the body is no JSON: the signature comes first.
    assert_eq!(post(&desk, "/v1/webhooks/events/paddle", &[("Paddle-Signature", right.clone())], "{").await.1["code"], "webhook_signature");
    assert_eq!(post(&desk, "/v1/webhooks/events/nobody", &[], &body).await.0, 404);
    assert_eq!(post(&desk, "/v1/webhooks/events/generic", &[], &body).await.0, 404);

    let mine = json!({"type": "churned", "event_id": "e1", "customer_email": "a@example.com"}).to_string();
    let at = now.to_string();
    let standard = |secret: &str| sign(&[secret.to_owned()], "m1", now, &mine);
    for (what, id, signature) in [
        ("missing", "m1", String::new()),
        ("another source's", "m1", standard(&source(&desk, Provider::Generic, "four").secret)),
        ("truncated", "m1", standard(&generic_source.secret)[..20].to_owned()),
        ("asymmetric", "m1", standard(&generic_source.secret).replace("v1,", "v1a,")),
        ("for another id", "m2", standard(&generic_source.secret)),
        ("no id", "", standard(&generic_source.secret)),
    ] {
        let headers = [("webhook-id", id.to_owned()), ("webhook-timestamp", at.clone()), ("webhook-signature", signature)];
        let (status, answer) = post(&desk, &format!("/v1/webhooks/generic/{}", generic_source.id), &headers, &mine).await;
        assert_eq!((status, answer["code"].as_str()), (401, Some("webhook_signature")), "{what}");
    }
    assert_eq!(post(&desk, &format!("/v1/webhooks/generic/{}", paddle.id), &[], &mine).await.0, 401, "a source of another kind");
    assert_eq!(post(&desk, "/v1/webhooks/generic/none", &[], &mine).await.0, 401, "no source answers like a wrong signature");

    let chargebee = source(&desk, Provider::Chargebee, "five");
    let basic = |user: &str, secret: &str| vec![("Authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))))];
    for headers in
        [vec![], basic("countersign", "x"), basic("countersign", ""), basic("other", &chargebee.secret), vec![("Authorization", "Basic !".into())]]
    {
        assert_eq!(post(&desk, "/v1/webhooks/events/chargebee", &headers, "{}").await.0, 401, "{headers:?}");
    }
    assert_eq!((all(&desk).len(), log_lines(&desk)), (0, 0), "nothing was written");

    assert_eq!(post(&desk, "/v1/webhooks/events/paddle", &[("Paddle-Signature", right)], &body).await.0, 200);
    assert_eq!((all(&desk).len(), log_lines(&desk)), (1, 1));
}

#[actix_web::test]
async fn an_answer_says_what_became_of_an_event() {
    let desk = Desk::new().await;
    let at = clock::now().seconds() - 60;
    let leaving = event("evt_1", "customer.subscription.deleted", at, &subscription("sub_1", &json!({})));
    let (status, first) = stripe(&desk, &leaving).await;
    assert_eq!((status, first["received"].as_bool(), first["known"].as_bool()), (200, Some(true), None), "{first}");
    let (_, again) = stripe(&desk, &leaving).await;
    assert_eq!((&again["churn_event_id"], again["known"].as_bool()), (&first["churn_event_id"], Some(true)));
    let (status, answer) = stripe(&desk, &event("evt_2", "charge.refunded", at, &json!({}))).await;
    assert_eq!((status, answer["ignored"].as_str()), (200, Some("Events of this type are not needed.")));
    let renamed = json!({"id": "evt_3", "type": "customer.subscription.updated", "created": at,
        "data": {"object": subscription("sub_2", &json!({"cancel_at_period_end": false})), "previous_attributes": {"metadata": {}}}});
    assert_eq!(stripe(&desk, &renamed).await.1["ignored"], "Nothing about leaving changed.");
    // What cannot be read is not answered with 2xx, so it comes again; administrators see why.
    let (status, answer) = stripe(&desk, &json!({"type": "customer.subscription.deleted", "created": at})).await;
    assert_eq!((status, answer["field"].as_str()), (422, Some("id")));
    let (status, _) = stripe(&desk, &event("evt_9", "customer.subscription.deleted", at + 3 * 86_400, &subscription("sub_9", &json!({})))).await;
    assert_eq!(status, 422, "from the future");
    let log = desk.read(|conn| sources::events(conn, &OPERATOR, None, None, 100));
    let refused: Vec<&str> = log.iter().filter(|line| line.outcome == Outcome::Refused).map(|line| line.event_type.as_str()).collect();
    assert_eq!(refused, ["customer.subscription.deleted", "customer.subscription.deleted"]);
    assert_eq!(log.len(), 5, "a repetition leaves no second line");
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty(), "nothing is mailed by itself");
}

/// What an order of events must not change.
fn state(desk: &Desk, tag: &str) -> Vec<String> {
    let mut rows: Vec<String> = all(desk)
        .into_iter()
        .filter(|row| row.provider_subscription_id.as_ref().is_some_and(|id| id.ends_with(tag)))
        .map(|row| {
            let (sub, email) = (row.provider_subscription_id.unwrap(), row.customer_email.unwrap_or_default());
            format!(
                "{} {} {} left {} back {:?} why {} {:?} {:?} plan {:?} {:?} {} to {} contact {}",
                sub.replace(tag, ""),
                row.event_type,
                row.status,
                row.churned_at,
                row.recovered_at.map(|at| at.to_string()),
                row.reason,
                row.cancel_reason,
                row.cancel_reason_text,
                row.plan_name,
                row.mrr_minor,
                row.currency,
                email.replace(tag, ""),
                row.contact_id.is_some()
            )
        })
        .collect();
    rows.sort();
    let address = EmailAddress::parse("email", &format!("mia{tag}@example.com")).unwrap();
    let customer = desk.read(|conn| match contacts::by_address(conn, &OPERATOR, &address)? {
        Some(row) => contacts::customer(conn, &row.id),
        None => Ok(None),
    });
    rows.extend(
        customer
            .map(|customer| format!("customer {:?} {:?} {:?} {:?}", customer.plan_name, customer.mrr_minor, customer.currency, customer.tenure_days)),
    );
    rows
}

/// A year of one customer with two subscriptions.
fn history(tag: &str) -> Vec<Value> {
    let t = 1_750_000_000;
    let object = |id: &str, more: Value| {
        let mut object = subscription(&format!("{id}{tag}"), &more);
        object["customer"] = json!(format!("cus{tag}"));
        object["metadata"] = json!({});
        object
    };
    let changed = |id: &str, at: i64, object: Value, before: Value| json!({"id": format!("{id}{tag}"), "type": "customer.subscription.updated", "created": at, "data": {"object": object, "previous_attributes": before}});
    let invoice = |id: &str, kind: &str, at: i64, sub: &str| {
        event(
            &format!("{id}{tag}"),
            kind,
            at,
            &json!({"id": "in", "customer": format!("cus{tag}"), "parent": {"subscription_details": {"subscription": format!("{sub}{tag}")}}}),
        )
    };
    let cancel =
        |feedback: &str| json!({"cancel_at_period_end": true, "cancellation_details": {"feedback": feedback, "reason": "cancellation_requested"}});
    vec![
        event(
            &format!("e0{tag}"),
            "customer.created",
            t,
            &json!({"id": format!("cus{tag}"), "email": format!("old{tag}@example.com"), "name": "Mia"}),
        ),
        event(
            &format!("e1{tag}"),
            "customer.updated",
            t + 10,
            &json!({"id": format!("cus{tag}"), "email": format!("mia{tag}@example.com"), "name": "Mia Berg"}),
        ),
        changed("e2", t + 20, object("sub_a", cancel("too_expensive")), json!({"cancel_at_period_end": false})),
        changed("e3", t + 30, object("sub_a", json!({"cancel_at_period_end": false})), json!({"cancel_at_period_end": true})),
        invoice("e4", "invoice.payment_failed", t + 40, "sub_a"),
        invoice("e5", "invoice.paid", t + 50, "sub_a"),
        changed("e6", t + 60, object("sub_a", cancel("missing_features")), json!({"cancel_at_period_end": false})),
        event(
            &format!("e7{tag}"),
            "customer.subscription.deleted",
            t + 70,
            &object("sub_a", json!({"canceled_at": t + 60, "cancellation_details": {"feedback": "missing_features", "comment": "No SSO for us"}})),
        ),
        invoice("e8", "invoice.payment_failed", t + 80, "sub_b"),
        event(
            &format!("e9{tag}"),
            "customer.subscription.deleted",
            t + 90,
            &object("sub_b", json!({"cancellation_details": {"reason": "payment_failed"}})),
        ),
    ]
}

fn take(desk: &Desk, events: &[Value], copies: usize) {
    let sender = Sender { provider: Provider::Stripe, source: None };
    desk.write(|conn| {
        for event in events {
            let told = read::provider(Provider::Stripe, event)?;
            for copy in 0..copies {
                let received = receive::take(conn, &sender, &told, desk.now())?;
                assert!(copy == 0 || matches!(received, Received::Known(_)), "{received:?}");
            }
        }
        Ok(())
    })
    .unwrap();
}

fn shuffled(mut events: Vec<Value>, seed: u64) -> Vec<Value> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for place in (1..events.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        events.swap(place, usize::try_from(state % (place as u64 + 1)).unwrap());
    }
    events
}

#[actix_web::test]
async fn any_order_of_a_history_with_46_copies_of_each_gives_one_state() {
    let desk = Desk::new().await;
    take(&desk, &history("_straight"), 1);
    let wanted = state(&desk, "_straight");
    assert_eq!(wanted.len(), 5, "{wanted:#?}");
    assert!(wanted.iter().take(4).all(|row| row.contains("to mia@example.com contact true")), "{wanted:#?}");
    assert_eq!(wanted.iter().filter(|row| row.contains(" recovered ")).count(), 2);
    assert!(wanted[2].contains("payment_failed recovered") && wanted[2].contains("plan Some(\"Pro\") Some(4900) EUR"), "{wanted:#?}");
    for seed in 0..16 {
        let tag = format!("_{seed:02}");
        let copies = if seed < 4 { 46 } else { 1 + usize::try_from(seed % 3).unwrap() };
        take(&desk, &shuffled(history(&tag), seed), copies);
        // Copies also come when everything is settled.
        take_again(&desk, &shuffled(history(&tag), seed + 100));
        assert_eq!(state(&desk, &tag), wanted, "seed {seed}");
    }
}

fn take_again(desk: &Desk, events: &[Value]) {
    let sender = Sender { provider: Provider::Stripe, source: None };
    for event in events {
        let told = read::provider(Provider::Stripe, event).unwrap();
        assert!(matches!(desk.write(|conn| receive::take(conn, &sender, &told, desk.now())).unwrap(), Received::Known(_)));
    }
}

#[actix_web::test]
async fn a_cancellation_that_is_taken_back_counts_as_recovered_and_its_letter_does_not_leave() {
    let desk = Desk::new().await;
    let at = clock::now().seconds() - 600;
    let leaving = event("evt_1", "customer.subscription.updated", at, &subscription("sub_1", &json!({"cancel_at_period_end": true})));
    let (_, answer) = stripe(&desk, &leaving).await;
    let base = format!("/api/v1/churn-events/{}", answer["churn_event_id"].as_str().unwrap());
    let (_, made) = desk.call(&desk.agent, "POST", &format!("{base}/generate"), json!({})).await;
    let variant = made["variants"][0]["id"].as_str().unwrap().to_owned();
    let (status, held) = desk.call(&desk.agent, "POST", &format!("{base}/variants/{variant}/send"), json!({})).await;
    assert_eq!(status, 202, "{held}");
    let stays = json!({"id": "evt_2", "type": "customer.subscription.updated", "created": at + 60,
        "data": {"object": subscription("sub_1", &json!({"cancel_at_period_end": false})), "previous_attributes": {"cancel_at_period_end": true}}});
    assert_eq!(stripe(&desk, &stays).await.1["churn_event_id"], answer["churn_event_id"]);
    let (_, after) = desk.call(&desk.agent, "GET", &base, json!(null)).await;
    assert_eq!(after["status"], "recovered");
    assert_eq!(desk.message(held["id"].as_str().unwrap()).row.state.as_str(), "withdrawn");
    // An older report does not overturn the newer one.
    let late = event("evt_0", "customer.subscription.updated", at - 60, &subscription("sub_1", &json!({"cancel_at_period_end": true})));
    stripe(&desk, &late).await;
    assert_eq!(all(&desk).len(), 1);
    assert_eq!(desk.call(&desk.agent, "GET", &base, json!(null)).await.1["status"], "recovered");
}

#[actix_web::test]
async fn a_report_by_another_way_within_a_day_is_the_same_departure() {
    let desk = Desk::new().await;
    let report =
        json!({"customer_email": "mia@example.com", "provider": "stripe", "provider_subscription_id": "sub_1", "cancel_reason_text": "Far too slow"});
    let (_, known) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", report).await;
    let leaving = event("evt_1", "customer.subscription.deleted", clock::now().seconds() - 5, &subscription("sub_1", &json!({})));
    let (_, answer) = stripe(&desk, &leaving).await;
    assert_eq!((&answer["churn_event_id"], answer["known"].as_bool()), (&known["id"], Some(true)));
    let rows = all(&desk);
    assert_eq!((rows.len(), rows[0].plan_name.as_deref(), rows[0].cancel_reason_text.as_deref()), (1, Some("Pro"), Some("Far too slow")));
}

#[actix_web::test]
async fn paddle_and_chargebee_say_who_left_what_it_was_worth_and_when_it_was_paid() {
    let desk = Desk::new().await;
    let (paddle, chargebee) = (source(&desk, Provider::Paddle, "p"), source(&desk, Provider::Chargebee, "c"));
    let at = clock::now().seconds() - 1000;
    let day = |seconds: i64| Time::from_seconds(seconds).to_string();
    let from_paddle = async |id: &str, kind: &str, at: i64, data: Value| {
        let body = json!({"event_id": id, "event_type": kind, "occurred_at": day(at), "data": data}).to_string();
        let now = clock::now().seconds();
        let signature = format!("ts={now};h1={};h1={}", hmac("old", ""), hmac(&paddle.secret, &format!("{now}:{body}")));
        let (status, answer) = post(&desk, "/v1/webhooks/events/paddle", &[("Paddle-Signature", signature)], &body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let sub = json!({"id": "sub_p", "customer_id": "ctm_1", "status": "active", "currency_code": "GBP", "started_at": day(at - 86_400 * 40),
        "scheduled_change": {"action": "cancel", "effective_at": day(at + 86_400)},
        "items": [{"quantity": 2, "product": {"name": "Team"}, "price": {"unit_price": {"amount": "12000", "currency_code": "GBP"}, "billing_cycle": {"interval": "year", "frequency": 1}}}]});
    from_paddle("p1", "subscription.updated", at, sub).await;
    from_paddle("p2", "customer.updated", at, json!({"id": "ctm_1", "email": "pad@example.com", "name": "Pad"})).await;
    from_paddle(
        "p3",
        "transaction.payment_failed",
        at,
        json!({"id": "txn", "subscription_id": "sub_q", "customer_id": "ctm_1", "currency_code": "GBP"}),
    )
    .await;
    from_paddle("p4", "transaction.completed", at + 9, json!({"id": "txn", "subscription_id": "sub_q", "customer_id": "ctm_1"})).await;
    let credentials = format!("Basic {}", STANDARD.encode(format!("countersign:{}", chargebee.secret)));
    let from_chargebee = async |id: &str, kind: &str, at: i64, more: Value| {
        let mut content = json!({"subscription": {"id": "cb_sub", "customer_id": "cb_cus", "mrr": 7000, "currency_code": "USD", "created_at": at - 86_400 * 10},
            "customer": {"id": "cb_cus", "email": "cb@example.com", "first_name": "Cy", "last_name": "Bee", "company": "Hive"}});
        for (name, value) in more.as_object().unwrap() {
            content["subscription"][name] = value.clone();
        }
        let body = json!({"id": id, "event_type": kind, "occurred_at": at, "content": content}).to_string();
        let (status, answer) = post(&desk, "/v1/webhooks/events/chargebee", &[("Authorization", credentials.clone())], &body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    from_chargebee("c1", "subscription_cancelled", at, json!({"cancelled_at": at, "cancel_reason_code": "Too Expensive"})).await;
    from_chargebee("c2", "payment_failed", at + 1, json!({})).await;
    from_chargebee("c3", "payment_succeeded", at + 2, json!({})).await;
    let rows = all(&desk);
    let find = |provider: &str, kind: &str| rows.iter().find(|row| row.provider == provider && row.event_type.as_str() == kind).unwrap();
    let left = find("paddle", "cancelled");
    assert_eq!((left.mrr_minor, left.currency.as_str(), left.plan_name.as_deref(), left.tenure_days), (Some(2000), "GBP", Some("Team"), Some(40)));
    assert_eq!((left.customer_email.as_deref(), left.status.as_str()), (Some("pad@example.com"), "new"));
    assert_eq!(find("paddle", "payment_failed").status.as_str(), "recovered");
    let left = find("chargebee", "cancelled");
    assert_eq!((left.mrr_minor, left.reason.as_str(), left.cancel_reason.as_deref()), (Some(7000), "too_expensive", Some("Too Expensive")));
    assert_eq!((left.customer_name.as_deref(), left.status.as_str()), (Some("Cy Bee"), "new"));
    assert_eq!(find("chargebee", "payment_failed").status.as_str(), "recovered");
}

#[actix_web::test]
async fn a_signed_report_is_held_to_its_form_and_brings_a_customer_back() {
    let desk = Desk::new().await;
    let source = source(&desk, Provider::Generic, "app");
    let left = json!({"type": "churned", "event_id": "e1", "occurred_at": "2026-01-05T10:00:00Z", "customer_email": "gen@example.com", "plan_name": "Solo", "mrr": 900, "currency": "eur", "cancel_reason": "switching"});
    let (status, first) = generic(&desk, &source, &left).await;
    assert_eq!(status, 200, "{first}");
    let rows = all(&desk);
    assert_eq!(
        (rows[0].reason.as_str(), rows[0].churned_at.to_string().as_str(), rows[0].source.as_str()),
        ("switching_competitor", "2026-01-05T10:00:00Z", "webhook")
    );
    for (more, field) in [
        (json!({"typ": "churned"}), "typ"),
        (json!({"type": "gone"}), "type"),
        (json!({"occurred_at": "soon"}), "occurred_at"),
        (json!({"mrr": -1}), "mrr"),
        (json!({"customer_email": "nobody"}), "customer_email"),
    ] {
        let mut wrong = left.clone();
        wrong["event_id"] = json!("e2");
        for (name, value) in more.as_object().unwrap() {
            wrong[name] = value.clone();
        }
        let (status, answer) = generic(&desk, &source, &wrong).await;
        assert_eq!((status, answer["field"].as_str()), (422, Some(field)), "{answer}");
    }
    let seen = desk.read(|conn| sources::get(conn, &OPERATOR, &source.id));
    assert!(seen.last_event_at.is_some() && seen.last_error.unwrap().contains("nobody"));
    let back = json!({"type": "recovered", "event_id": "e3", "occurred_at": "2026-02-01T00:00:00Z", "customer_email": "GEN@example.com"});
    assert_eq!(generic(&desk, &source, &back).await.1["churn_event_id"], first["churn_event_id"]);
    assert_eq!(all(&desk)[0].status.as_str(), "recovered");
}

fn cancel_page(source: &Known, email: &str, at: i64) -> Value {
    json!({"customer_email": email, "customer_id": "cus_7", "signed_at": at, "signature": hmac(&source.secret, &format!("{at}\ncus_7\n{email}")),
        "reason": "too_expensive", "text": "It got too expensive for us"})
}

#[actix_web::test]
async fn a_cancel_page_may_report_only_from_its_origin_and_only_who_signed_in_there() {
    let desk = Desk::new().await;
    let source = source(&desk, Provider::CancelFlow, "page");
    let path = format!("/v1/cancel-flow/{}", source.id);
    let app = desk.app().await;
    let ask = async |method: &str, path: &str, origin: Option<&str>, body: &Value| {
        let mut request = test::TestRequest::default().method(method.parse().unwrap()).uri(path).set_payload(body.to_string());
        request = request.insert_header((header::CONTENT_TYPE, "application/json"));
        if let Some(origin) = origin {
            request = request.insert_header((header::ORIGIN, origin));
        }
        let response = test::call_service(&app, request.to_request()).await;
        let allowed = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned());
        let vary = response.headers().get(header::VARY).is_some();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_slice(&test::read_body(response).await).unwrap_or(Value::Null);
        (status, allowed, vary, body)
    };
    let now = clock::now().seconds();
    let page = Some("https://app.example.com");
    let good = cancel_page(&source, "cara@example.com", now);
    let (status, allowed, vary, _) = ask("OPTIONS", &path, page, &json!(null)).await;
    assert_eq!((status, allowed.as_deref(), vary), (204, page, true));
    for origin in
        [None, Some("https://evil.example"), Some("null"), Some("https://app.example.com.evil.example"), Some("http://app.example.com"), Some("*")]
    {
        for method in ["OPTIONS", "POST"] {
            let (status, allowed, _, body) = ask(method, &path, origin, &good).await;
            assert_eq!((status, allowed, body["code"].as_str()), (403, None, Some("origin_refused")), "{method} {origin:?}");
        }
    }
    assert_eq!(ask("POST", "/v1/cancel-flow/none", page, &good).await.0, 403, "no source answers like a foreign page");
    for (what, wrong, code) in [
        ("somebody else's address", json!({"customer_email": "victim@example.com"}), "webhook_signature"),
        ("somebody else's id", json!({"customer_id": "cus_8"}), "webhook_signature"),
        ("a later time", json!({"signed_at": now + 1}), "webhook_signature"),
        ("no signature", json!({"signature": ""}), "webhook_signature"),
        ("an old page", cancel_page(&source, "cara@example.com", now - 25 * 3600), "webhook_stale"),
    ] {
        let mut said = good.clone();
        for (name, value) in wrong.as_object().unwrap() {
            said[name] = value.clone();
        }
        let (status, allowed, _, body) = ask("POST", &path, page, &said).await;
        assert_eq!((status, allowed.as_deref(), body["code"].as_str()), (401, page, Some(code)), "{what}: the page can read why");
    }
    assert_eq!((all(&desk).len(), log_lines(&desk)), (0, 0));
    let (status, _, _, body) = ask("POST", &path, page, &good).await;
    assert_eq!((status, body["known"].as_bool()), (200, Some(false)), "{body}");
    assert_eq!(ask("POST", &path, page, &good).await.3["known"], true, "the same again is the same");
    let rows = all(&desk);
    assert_eq!((rows.len(), rows[0].reason.as_str(), rows[0].source.as_str()), (1, "too_expensive", "cancel flow"));
    // The provider's event is about the same departure and adds what it knows.
    let mut object = subscription("sub_7", &json!({"cancel_at_period_end": true, "cancellation_details": {"reason": "cancellation_requested"}}));
    (object["customer"], object["metadata"]) = (json!("cus_7"), json!({}));
    let (_, answer) = stripe(&desk, &event("evt_7", "customer.subscription.updated", now, &object)).await;
    assert_eq!(answer["known"], true);
    let rows = all(&desk);
    assert_eq!((rows.len(), rows[0].reason.as_str(), rows[0].plan_name.as_deref()), (1, "too_expensive", Some("Pro")));
}

#[actix_web::test]
async fn a_cancel_page_that_is_called_too_often_is_slowed_down() {
    let desk = Desk::new().await;
    let source = source(&desk, Provider::CancelFlow, "page");
    let app = desk.app().await;
    let mut seen = vec![];
    for _ in 0..200 {
        let request =
            test::TestRequest::post().uri(&format!("/v1/cancel-flow/{}", source.id)).insert_header((header::ORIGIN, "https://app.example.com"));
        let request = request.set_payload("{}").to_request();
        let status = test::call_service(&app, request).await.status().as_u16();
        seen.push(status);
        if status == 429 {
            break;
        }
    }
    assert_eq!((seen[0], seen.last()), (422, Some(&429)));
    assert!(seen.len() > 30, "{}", seen.len());
}

#[actix_web::test]
async fn a_made_up_customer_never_leaves() {
    let desk = Desk::new().await;
    let made_up = made_up(&desk, "made.up@example.com").await;
    let at = clock::now().seconds() - 5;
    let object = subscription("sub_1", &json!({"metadata": {"email": "made.up@example.com"}}));
    let (status, answer) = stripe(&desk, &event("evt_1", "customer.subscription.deleted", at, &object)).await;
    assert_eq!((status, answer["churn_event_id"].as_str()), (200, None));
    assert!(answer["ignored"].is_string());
    assert!(all(&desk).iter().all(|row| row.contact_id.as_ref() != Some(&made_up)));
}

/// The secret that a page shows.
fn made_here(page: &str) -> String {
    format!("whsec_{}", page.split("whsec_").nth(1).unwrap().split('<').next().unwrap())
}

#[actix_web::test]
async fn an_administrator_makes_sources_and_sees_a_secret_once() {
    let desk = Desk::new().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let page = ada.post("/sources", "/sources", &[("provider", "generic"), ("name", "Our app")]).await;
    assert_eq!(page.status, 201);
    let source = desk.read(|conn| sources::list(conn, &OPERATOR)).pop().unwrap();
    let secret = made_here(&page.body);
    assert!(page.body.contains(&format!("https://desk.example.com/v1/webhooks/generic/{}", source.id)));
    let path = format!("/sources/{}", source.id);
    assert!(!ada.get(&path).await.body.contains(&secret));
    let rotated = ada.post(&path, &format!("{path}/rotation"), &[]).await;
    assert!(made_here(&rotated.body) != secret);
    let stripe_secret = "whsec_entered_0123456789";
    let page = ada.post("/sources", "/sources", &[("provider", "stripe"), ("name", "Shop"), ("secret", stripe_secret)]).await;
    assert!(page.status == 201 && !page.body.contains(stripe_secret), "an entered secret is not shown");
    let page = ada.post("/sources", "/sources", &[("provider", "paddle"), ("name", "<b>Kept</b>"), ("secret", "short")]).await;
    assert!(page.status == 422 && page.body.contains("at least 16 characters") && page.body.contains("&#60;b&#62;Kept"), "{}", page.status);
    let page = ada.post("/sources", "/sources", &[("provider", "cancel_flow"), ("name", "Page"), ("origins", "https://app.example.com/x")]).await;
    assert!(page.status == 422 && page.body.contains("without a path"));
    // An entered secret counts as much as the configured one.
    let body = event("evt_1", "charge.refunded", clock::now().seconds(), &json!({})).to_string();
    let at = clock::now().seconds();
    let signature = format!("t={at},v1={}", hmac(stripe_secret, &format!("{at}.{body}")));
    assert_eq!(post(&desk, "/v1/webhooks/events/stripe", &[("Stripe-Signature", signature.clone())], &body).await.0, 200);
    let shop = desk.read(|conn| sources::list(conn, &OPERATOR)).into_iter().find(|row| row.name == "Shop").unwrap();
    assert!(ada.get(&format!("/sources/{}", shop.id)).await.body.contains("charge.refunded"));
    ada.post(&path, &format!("/sources/{}/deletion", shop.id), &[]).await;
    assert_eq!(post(&desk, "/v1/webhooks/events/stripe", &[("Stripe-Signature", signature)], &body).await.0, 401, "its secret went with it");
    assert_eq!(ada.get(&format!("/sources/{}", shop.id)).await.status, 404);
    let gone = desk.write(|conn| sources::get(conn, &desk.person("Max"), &SourceId::from(source.id.as_str()))).unwrap_err();
    assert_eq!(gone.code, "role_missing");
}

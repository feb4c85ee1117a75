//! Explain, forecast and the log over REST: the same words as the submission.

use countersign::domain::actor::Scope;
use countersign::domain::contacts::{self, ConsentBasis};
use countersign::domain::ids::ContactId;
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::policy::rules::{self, Rules};
use serde_json::{Value, json};

use crate::support::{Desk, OPERATOR, address};

async fn contact(desk: &Desk, email: &str, tags: Value, consent: bool) -> String {
    let (_, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": email, "tags": tags})).await;
    let id = made["id"].as_str().unwrap().to_owned();
    if consent {
        let row = ContactId::from(id.as_str());
        desk.write(|conn| contacts::record_consent(conn, &OPERATOR, &row, ConsentBasis::Consent, "form", desk.now())).unwrap();
    }
    id
}

async fn explain(desk: &Desk, who: &str, mode: Mode, more: &str) -> Value {
    let path = match who.contains('@') {
        true => format!("/v1/explain?email={}&mailbox={}{more}", who.replace('+', "%2B"), address(mode)),
        false => format!("/v1/contacts/{who}/explain?mailbox={}{more}", address(mode)),
    };
    let (status, found) = desk.call(&desk.agent, "GET", &path, json!(null)).await;
    assert_eq!(status, 200, "{found}");
    found
}

fn verdict<'v>(found: &'v Value, check: &str) -> Option<&'v str> {
    found["checks"].as_array()?.iter().find(|one| one["check"] == check)?["verdict"].as_str()
}

/// What is explained is what happens: each case is explained first and submitted then.
#[actix_web::test]
async fn what_is_explained_is_what_a_submission_gets() {
    let desk = Desk::new().await;
    contact(&desk, "yes@example.com", json!([]), true).await;
    contact(&desk, "no-ground@example.com", json!([]), false).await;
    contact(&desk, "left@example.com", json!(["unsubscribed"]), true).await;
    desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": "bounced@example.com", "reason": "bounced"})).await;
    let cases = [
        ("yes@example.com", Mode::Autonomous, "", json!({}), "pass", None),
        ("yes@example.com", Mode::GatedSend, "", json!({}), "hold", Some("mode")),
        ("yes@example.com", Mode::GatedAll, "", json!({}), "hold", Some("mode")),
        ("yes@example.com", Mode::ReadOnly, "", json!({}), "refuse", Some("mode")),
        ("yes@example.com", Mode::Monitored, "&class=announcement", json!({"tags": ["product_announcement"]}), "hold", Some("announcement")),
        ("yes@example.com", Mode::Monitored, "&campaign=spring", json!({"campaign": "spring"}), "hold", Some("first_of_campaign")),
        ("no-ground@example.com", Mode::Autonomous, "", json!({}), "hold", Some("consent_basis")),
        ("stranger@example.com", Mode::Autonomous, "", json!({}), "hold", Some("consent_basis")),
        ("left@example.com", Mode::Autonomous, "", json!({}), "refuse", Some("suppression")),
        ("bounced@example.com", Mode::GatedSend, "", json!({}), "refuse", Some("suppression")),
    ];
    for (who, mode, more, body, expected, because) in cases {
        let found = explain(&desk, who, mode, more).await;
        assert_eq!((found["verdict"].as_str(), found["because"]["check"].as_str()), (Some(expected), because), "{who} {mode}: {found}");
        let (status, sent) = desk.send(mode, who, body).await;
        let got = match (status, sent["held"].as_bool()) {
            (202, Some(true)) => "hold",
            (202, _) => "pass",
            (403 | 409, _) => "refuse",
            other => panic!("{other:?} {sent}"),
        };
        assert_eq!(got, expected, "{who} {mode}: {sent}");
        if expected == "hold" {
            assert_eq!(sent["reason"], found["because"]["detail"], "in the same words");
        }
        if because == Some("suppression") {
            assert_eq!(sent["detail"], found["because"]["detail"]);
        }
    }
}

#[actix_web::test]
async fn every_check_is_shown_in_order_with_its_data() {
    let desk = Desk::new().await;
    let id = contact(&desk, "yes@example.com", json!([]), true).await;
    let found = explain(&desk, &id, Mode::Monitored, "").await;
    let names: Vec<&str> = found["checks"].as_array().unwrap().iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "stop_switch",
            "mailbox_stopped",
            "mode",
            "holding_rule",
            "live_key",
            "warrant",
            "content_hash",
            "suppression",
            "unsubscribed_tag",
            "erased",
            "consent_basis",
            "class",
            "announcement",
            "first_of_campaign",
            "topic",
            "frequency_cap",
            "referral_cap",
            "quiet_hours",
            "campaign_stop",
            "facts_current",
            "reputation",
            "warm_up",
            "throttle",
            "domain_throttle",
            "already_sent",
            "earlier_promise"
        ]
    );
    let consent = &found["checks"][10];
    assert_eq!((consent["data"]["consents"][0]["basis"].as_str(), consent["next_eligible_at"].is_null()), (Some("consent"), true), "{consent}");
    desk.write(|conn| mailboxes::stops::stop(conn, &OPERATOR, None, "a test", desk.now())).unwrap();
    let stopped = explain(&desk, &id, Mode::Monitored, "").await;
    assert_eq!((stopped["because"]["check"].as_str(), verdict(&stopped, "stop_switch")), (Some("stop_switch"), Some("hold")));
    assert_eq!(desk.call(&desk.agent, "GET", &format!("/v1/explain?mailbox={}", address(Mode::Monitored)), json!(null)).await.0, 422);
    let path = format!("/v1/explain?email=a@example.com&class=spam&mailbox={}", address(Mode::Monitored));
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.1["field"], "class");
    assert_eq!(desk.call(&desk.agent, "GET", &format!("/v1/contacts/absent/explain?mailbox={}", address(Mode::Monitored)), json!(null)).await.0, 404);
}

#[actix_web::test]
async fn a_forecast_counts_what_explain_says_of_each() {
    let desk = Desk::new().await;
    for n in 0..4 {
        contact(&desk, &format!("yes{n}@example.com"), json!(["beta"]), true).await;
    }
    contact(&desk, "no-ground@example.com", json!(["beta"]), false).await;
    contact(&desk, "left@example.com", json!(["beta", "unsubscribed"]), true).await;
    let ask = |body: Value| {
        let mut body = body;
        body["mailbox"] = json!(address(Mode::Autonomous));
        desk.call(&desk.agent, "POST", "/v1/forecast", body)
    };
    let (status, found) = ask(json!({"tags": "beta"})).await;
    assert_eq!(status, 200);
    assert_eq!(
        (found["total"].as_i64(), found["pass"].as_i64(), found["hold"].as_i64(), found["refuse"].as_i64()),
        (Some(6), Some(4), Some(1), Some(1)),
        "{found}"
    );
    assert_eq!(
        found["reasons"],
        json!([{"check": "suppression", "verdict": "refuse", "count": 1}, {"check": "consent_basis", "verdict": "hold", "count": 1}])
    );
    for named in found["contacts"].as_array().unwrap() {
        let one = explain(&desk, named["email"].as_str().unwrap(), Mode::Autonomous, "").await;
        assert_eq!((&one["verdict"], &one["because"]["check"], &one["because"]["detail"]), (&named["verdict"], &named["check"], &named["detail"]));
    }
    let (_, listed) = ask(json!({"contacts": ["yes0@example.com", "YES0@example.com", "new@example.com", "absent"]})).await;
    assert_eq!((listed["total"].as_i64(), listed["pass"].as_i64(), &listed["unknown"]), (Some(2), Some(1), &json!(["absent"])), "{listed}");
    // What would be held is delayed as well once somebody released it.
    let minute = u16::try_from(desk.now().seconds().rem_euclid(86_400) / 60).unwrap();
    let around = |by: u16| (minute + 1440 + by - 120) % 1440;
    desk.write(|conn| {
        let night = Rules { quiet_from: around(60), quiet_until: around(240), quiet_zone: Some("Etc/UTC".into()), ..rules::rules(conn)? };
        rules::set_rules(conn, &OPERATOR, &night, desk.now())
    })
    .unwrap();
    let (_, night) = ask(json!({"tags": "beta"})).await;
    assert_eq!(
        (&night["defer"], &night["hold"], &night["hold_then_defer"], &night["refuse"]),
        (&json!(4), &json!(1), &json!(1), &json!(1)),
        "{night}"
    );
    let quiet = night["reasons"].as_array().unwrap().iter().find(|one| one["check"] == "quiet_hours").unwrap();
    assert_eq!(quiet["count"], 5, "{night}");
    for bad in
        [json!({}), json!({"contacts": []}), json!({"contacts": ["a@example.com"], "tags": "beta"}), json!({"contacts": vec!["a@example.com"; 1001]})]
    {
        assert_eq!(ask(bad).await.0, 422);
    }
}

#[actix_web::test]
async fn the_log_is_for_whoever_watches_and_within_reach() {
    let desk = Desk::new().await;
    let held = desk.pending("ana@example.com", json!({})).await;
    desk.send(Mode::Monitored, "ben@example.com", json!({})).await;
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/audit-log", json!(null)).await.1["code"], "scope_missing");
    let (status, log) = desk.call(&desk.oversight, "GET", "/v1/audit-log?action=message.submit", json!(null)).await;
    assert_eq!((status, log["entries"].as_array().unwrap().len()), (200, 2));
    let (_, one) = desk.call(&desk.oversight, "GET", &format!("/v1/audit-log?target_kind=message&target={}", held.row.id), json!(null)).await;
    assert_eq!(
        (one["entries"].as_array().unwrap().len(), one["entries"][0]["detail"]["content_hash"].as_str()),
        (1, Some(held.row.content_hash.as_str()))
    );
    let narrow = NewKey { mailboxes: vec![desk.mailbox(Mode::Monitored).id], ..NewKey::named("narrow", &[Scope::OversightRead]) };
    let narrow = desk.write(|conn| keys::add(conn, &OPERATOR, &narrow, desk.now())).unwrap().1;
    let (_, mine) = desk.call(&narrow, "GET", "/v1/audit-log", json!(null)).await;
    let within = mine["entries"].as_array().unwrap();
    assert!(!within.is_empty() && within.iter().all(|line| line["mailbox_id"] == json!(desk.mailbox(Mode::Monitored).id)), "{mine}");
    let (mut cursor, mut seen) = (String::new(), vec![]);
    loop {
        let (_, page) = desk.call(&desk.oversight, "GET", &format!("/v1/audit-log?limit=3&cursor={cursor}"), json!(null)).await;
        seen.extend(page["entries"].as_array().unwrap().iter().map(|line| line["seq"].as_i64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert!(seen.is_sorted_by(|a, b| a > b) && seen.len() > 5, "{seen:?}");
}

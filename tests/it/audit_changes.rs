//! Entries of changes say what was and what is, and from where somebody made them.

use std::collections::BTreeSet;

use actix_web::test::TestRequest;
use countersign::clock::Time;
use countersign::domain::actor::Scope;
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, PASSWORD, address, ask, log_of, texts};
use crate::templates::{approve, template};

/// What the latest entry of this action about this target says was, and is.
fn change(desk: &Desk, target: &str, action: &str) -> (Value, Value) {
    let lines = desk.read(|conn| log_of(conn, &OPERATOR, Some(target), 50));
    let line = lines.into_iter().find(|line| line.action == action).unwrap_or_else(|| panic!("no {action} of {target}"));
    let detail: Value = serde_json::from_str(&line.detail).unwrap();
    (detail["before"].clone(), detail["after"].clone())
}

async fn call(desk: &Desk, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = desk.call(&desk.agent, method, path, body).await;
    assert!((200..300).contains(&status), "{method} {path}: {answer}");
    answer
}

/// Makes something, and gives its id.
async fn made(desk: &Desk, path: &str, body: Value) -> String {
    call(desk, "POST", path, body).await["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_change_of_a_sequence_says_what_was_before() {
    let desk = Desk::new().await;
    let steps = json!([{"subject": "One", "body": "First words."}, {"subject": "Two", "body": "Second words.", "wait_days": 3}]);
    let id = made(&desk, "/v1/sequences", json!({"name": "Welcome", "mailbox": address(Mode::GatedSend), "steps": steps})).await;
    let path = format!("/v1/sequences/{id}");
    let steps = json!([{"was": 1, "subject": "One", "body": "First words."}, {"was": 2, "subject": "Two", "body": "Better words.", "wait_days": 5},
        {"subject": "Three", "body": "Third words."}]);
    call(&desk, "PATCH", &path, json!({"steps": steps})).await;
    let (before, after) = change(&desk, &id, "sequence.edit");
    // What stays as it was is named, and not kept again.
    assert_eq!((&before["steps"][0], &after["steps"][0]), (&json!({"number": 0, "subject": "One"}), &json!({"number": 0, "subject": "One"})));
    let part = |side: &Value, step: usize| ["number", "body", "wait_days"].map(|name| side["steps"][step][name].clone());
    assert_eq!(part(&before, 1), [json!(1), json!("Second words."), json!(3)]);
    assert_eq!(part(&after, 1), [json!(1), json!("Better words."), json!(5)]);
    assert_eq!(part(&after, 2), [json!(2), json!("Third words."), json!(0)]);
    assert_eq!((before["steps"].as_array().unwrap().len(), after["steps"].as_array().unwrap().len()), (2, 3));

    let switches = |paused: bool, archived: bool, automatic: bool, shifts: bool, tags: Value| json!({"paused": paused, "archived": archived, "automatic": automatic, "measure": "replies", "shifts": shifts, "stop_tags": tags});
    let first = switches(false, false, false, false, json!([]));
    call(&desk, "PATCH", &path, json!({"stop_tags": ["vip"]})).await;
    assert_eq!(change(&desk, &id, "sequence.stop_tags"), (first, switches(false, false, false, false, json!(["vip"]))));
    call(&desk, "PATCH", &path, json!({"automatic": true})).await;
    let automatic = switches(false, false, true, false, json!(["vip"]));
    assert_eq!(change(&desk, &id, "sequence.automatic"), (switches(false, false, false, false, json!(["vip"])), automatic.clone()));
    call(&desk, "PATCH", &path, json!({"shifts": true})).await;
    let shifting = switches(false, false, true, true, json!(["vip"]));
    assert_eq!(change(&desk, &id, "sequence.compare"), (automatic, shifting.clone()));
    // On the page it is the same action.
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = format!("/sequences/{id}");
    max.post(&page, &format!("{page}/pause"), &[("paused", "yes")]).await;
    let paused = switches(true, false, true, true, json!(["vip"]));
    assert_eq!(change(&desk, &id, "sequence.pause"), (shifting.clone(), paused.clone()));
    max.post(&page, &format!("{page}/pause"), &[("paused", "no")]).await;
    assert_eq!(change(&desk, &id, "sequence.resume"), (paused, shifting.clone()));
    max.post(&page, &format!("{page}/archive"), &[("archived", "yes")]).await;
    let archived = switches(false, true, true, true, json!(["vip"]));
    assert_eq!(change(&desk, &id, "sequence.archive"), (shifting.clone(), archived.clone()));
    max.post(&page, &format!("{page}/archive"), &[("archived", "no")]).await;
    assert_eq!(change(&desk, &id, "sequence.restore"), (archived, shifting));
}

#[actix_web::test]
async fn a_change_of_a_campaign_says_what_was_before() {
    let desk = Desk::new().await;
    let id = made(&desk, "/v1/campaigns", json!({"name": "spring", "kind": "winback", "goal": "Ask"})).await;
    let segment = made(&desk, "/v1/segments", json!({"name": "All"})).await;
    let path = format!("/v1/campaigns/{id}");
    call(&desk, "PATCH", &path, json!({"goal": "Ask twice", "segment_id": segment})).await;
    let shown = |goal: &str, segment: Option<&str>, archived: bool| json!({"goal": goal, "segment_id": segment, "mailbox_id": null, "topic_id": null, "archived": archived});
    let second = shown("Ask twice", Some(&segment), false);
    assert_eq!(change(&desk, &id, "campaign.change"), (shown("Ask", None, false), second.clone()));
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = format!("/campaigns/{id}");
    max.post(&page, &format!("{page}/archive"), &[("archived", "yes")]).await;
    assert_eq!(change(&desk, &id, "campaign.change"), (second, shown("Ask twice", Some(&segment), true)));
    call(&desk, "POST", &format!("{path}/stop"), json!({})).await;
    assert_eq!(change(&desk, &id, "campaign.stop"), (json!({"stopped": false}), json!({"stopped": true})));
    max.post(&page, &format!("{page}/resume"), &[]).await;
    assert_eq!(change(&desk, &id, "campaign.resume"), (json!({"stopped": true}), json!({"stopped": false})));
    let both = json!([{"name": "short", "share": 50}, {"name": "long", "share": 50}]);
    call(&desk, "PUT", &format!("{path}/variants"), json!({"variants": both})).await;
    let none = json!({"variants": [], "measure": "replies", "shifts": false});
    assert_eq!(change(&desk, &id, "campaign.compare"), (none, json!({"variants": both, "measure": "replies", "shifts": false})));
}

#[actix_web::test]
async fn a_change_of_a_cohort_says_what_was_before() {
    let desk = Desk::new().await;
    let body = json!({"name": "v2", "tags": "api-v1", "deadline": "2030-04-30", "from_version": "1", "to_version": "2"});
    let id = made(&desk, "/v1/cohorts", body).await;
    let guide = json!({"tag": "webhooks", "text": "Change the address."});
    let changed = json!({"deadline": "2030-05-31", "tag_prefix": "v2-", "guides": [guide]});
    call(&desk, "PATCH", &format!("/v1/cohorts/{id}"), changed).await;
    let shown = |deadline: &str, prefix: &str, guides: Value| {
        json!({"name": "v2", "segment_id": null, "tags": "api-v1", "deadline": deadline, "from_version": "1", "to_version": "2", "guide_url": null,
            "tag_prefix": prefix, "started_by_usage": null, "plan": {"phases": [], "guides": guides}})
    };
    let (before, after) = change(&desk, &id, "cohort.change");
    assert_eq!((before, after), (shown("2030-04-30", "", json!([])), shown("2030-05-31", "v2-", json!([guide]))));
}

#[actix_web::test]
async fn a_change_of_a_template_says_what_was_before() {
    let desk = Desk::new().await;
    let id = template(&desk, json!({})).await;
    call(&desk, "POST", &format!("/v1/templates/{id}/versions"), json!({"subject": "Hello", "body": "Other words."})).await;
    assert_eq!(change(&desk, &id, "template.version"), (json!({"version": 1}), json!({"version": 2})));
    approve(&desk, "Max", &id, 2).unwrap();
    let approval = |approved: bool, by: Option<&str>, withdrawn_by: Option<&str>| json!({"version": 2, "approved": approved, "approved_by": by, "withdrawn_by": withdrawn_by});
    let given = approval(true, Some("Max"), None);
    assert_eq!(change(&desk, &id, "template.approve"), (approval(false, None, None), given.clone()));
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let page = format!("/templates/{id}");
    ada.post(&page, &format!("{page}/versions/2/withdrawal"), &[]).await;
    assert_eq!(change(&desk, &id, "template.withdraw"), (given, approval(false, Some("Max"), Some("Ada"))));
    ada.post(&page, &format!("{page}/archive"), &[("archived", "yes")]).await;
    assert_eq!(change(&desk, &id, "template.archive"), (json!({"archived": false}), json!({"archived": true})));
    ada.post(&page, &format!("{page}/archive"), &[("archived", "no")]).await;
    assert_eq!(change(&desk, &id, "template.restore"), (json!({"archived": true}), json!({"archived": false})));
}

#[actix_web::test]
async fn a_change_of_a_mailbox_says_what_was_before() {
    let desk = Desk::new().await;
    let mailbox = desk.mailbox(Mode::GatedSend);
    let id = mailbox.id.to_string();
    let key = desk.key(&[Scope::Read, Scope::Admin]);
    let (status, answer) = desk.call(&key, "PATCH", &format!("/v1/mailboxes/{id}"), json!({"undo_seconds": 90, "person_required": true})).await;
    assert_eq!(status, 200, "{answer}");
    let (before, after) = change(&desk, &id, "mailbox.change");
    let differ: BTreeSet<&str> =
        after.as_object().unwrap().iter().filter(|(name, value)| before[*name] != **value).map(|(name, _)| name.as_str()).collect();
    assert_eq!(differ, BTreeSet::from(["person_required", "undo_seconds"]), "{before} {after}");
    assert_eq!((&before["undo_seconds"], &after["undo_seconds"]), (&json!(mailbox.undo_seconds), &json!(90)));
    assert_eq!((&before["person_required"], &after["person_required"]), (&json!(false), &json!(true)));
    assert_eq!((&before["name"], &after["postal_address"]), (&json!(mailbox.name), &json!(mailbox.postal_address)));

    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let page = format!("/mailboxes/{id}");
    let fields = [
        ("name", "Another"),
        ("postal_address", "2 Side Street"),
        ("undo_seconds", "120"),
        ("notify", "digest"),
        ("planted_percent", "3"),
        ("tripwire", "4"),
    ];
    assert_eq!(ada.post(&page, &page, &fields).await.status, 303);
    let (was, is) = (after, change(&desk, &id, "mailbox.change"));
    assert_eq!(is.0, was, "what is before is what was after");
    for (name, value) in [
        ("name", json!("Another")),
        ("postal_address", json!("2 Side Street")),
        ("undo_seconds", json!(120)),
        ("notify", json!("digest")),
        ("planted_percent", json!(3)),
        ("tripwire", json!(4)),
        ("person_required", json!(false)),
    ] {
        assert_eq!(is.1[name], value, "{name}");
        assert_ne!(is.0[name], value, "{name} was something else");
    }
}

/// The networks that entries of this action stand with.
fn networks(desk: &Desk, action: &str) -> Vec<String> {
    texts(desk, &format!("SELECT coalesce(network, '-') AS body FROM audit_log WHERE action = '{action}' ORDER BY seq"))
}

#[actix_web::test]
async fn an_entry_says_from_where_a_person_or_a_key_made_it_and_of_nobody_else() {
    let desk = Desk::new().await;
    // What a client says of itself in a header is not where it is.
    let forged = [("X-Forwarded-For", "198.51.100.1"), ("Forwarded", "for=198.51.100.1")];
    let body = json!({"mailbox": address(Mode::GatedSend), "to": "a@example.com", "subject": "s", "text_body": "b"});
    let sent = ask(&desk.state, &desk.agent, "POST", "/v1/send", &forged, &body).await;
    assert_eq!(networks(&desk, "message.submit"), ["203.0.113.7"], "{}", sent.body);
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let message = desk.message(sent.body["id"].as_str().unwrap());
    let page = format!("/messages/{}", message.row.id);
    let shown = rita.get(&page).await;
    let token = shown.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let comment = TestRequest::post().uri(&format!("{page}/comments")).peer_addr("203.0.113.9:5000".parse().unwrap());
    assert_eq!(rita.run(comment.set_form([("csrf", token.as_str()), ("body", "Looks right.")])).await.status, 303);
    let commented = texts(&desk, "SELECT network AS body FROM audit_log WHERE network = '203.0.113.9' AND actor_name = 'Rita'");
    assert_eq!(commented.len(), 1);
    // What the worker does, and whoever follows a link in a mail, is from nowhere.
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(networks(&desk, "message.sent"), ["-"]);
    let raw = String::from_utf8(desk.catcher.messages()[0].raw.clone()).unwrap().replace("=\r\n", "");
    let link = raw
        .split("List-Unsubscribe: <")
        .nth(1)
        .and_then(|rest| rest.split('>').next())
        .unwrap_or_else(|| panic!("{raw}"))
        .replace(char::is_whitespace, "");
    let path = link.split_once("https://desk.example.com").unwrap().1.to_owned();
    let leave = TestRequest::post().uri(&path).peer_addr("203.0.113.11:5000".parse().unwrap());
    assert_eq!(rita.run(leave.set_form([("List-Unsubscribe", "One-Click")])).await.status, 200);
    assert_eq!(texts(&desk, "SELECT action AS body FROM audit_log WHERE network = '203.0.113.11'"), Vec::<String>::new());
    // It is shown, answered and in the file.
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    assert!(ada.get("/audit?action=message.submit").await.body.contains("203.0.113.7"));
    assert!(ada.get("/audit/export.csv?action=message.submit").await.body.contains(",203.0.113.7,"));
    let key = desk.key(&[Scope::OversightRead]);
    let found = desk.call(&key, "GET", "/v1/audit-log?action=message.submit", json!(null)).await.1;
    assert_eq!(found["entries"][0]["network"], "203.0.113.7", "{found}");
}

#[actix_web::test]
async fn the_file_of_the_log_goes_past_one_page_and_has_each_entry_once() {
    let desk = Desk::new().await;
    let at = Time::parse("2026-01-02T03:04:05Z").unwrap().micros();
    crate::support::sql(
        &desk,
        &format!(
            "INSERT INTO audit_log (at, actor_kind, actor_id, actor_name, action, target_kind, target_id, detail) \
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4100) \
             SELECT {at} + n, 'system', 'test', 'test', 'test.many', 'test', 't' || n, '{{}}' FROM numbers"
        ),
    );
    let mut ada = Browser::new(desk.app().await);
    ada.post("/login", "/login", &[("email", "ada@desk.example"), ("password", PASSWORD)]).await;
    let file = ada.get("/audit/export.csv?action=test.many").await.body;
    let mut targets: Vec<&str> = file.lines().skip(1).map(|line| line.split(',').nth(7).unwrap()).collect();
    assert_eq!((targets.len(), targets[0], targets[4099]), (4100, "t4100", "t1"), "from the newest to the oldest");
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets.len(), 4100);
}

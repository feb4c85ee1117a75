//! Win-back rules: whom they draft for, that nobody is written to twice or against the lot, and what comes of it.

use countersign::clock::Time;
use countersign::domain::actor::Scope;
use countersign::domain::churn::rules::{self, Rule, picks};
use countersign::domain::churn::{self, Evidence, Filter, Status, shipping, window};
use countersign::domain::contacts::{self, ConsentBasis};
use countersign::domain::facts::{self, Body, ProductUpdate};
use countersign::domain::ids::{ChurnEventId, WinbackRuleId};
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::list::{self, ListRow};
use countersign::domain::messages::{DecisionKind, State};
use countersign::domain::reports::days;
use countersign::domain::settings;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, count, sql};

async fn left(desk: &Desk, email: &str, more: Value) -> ChurnEventId {
    let mut event = json!({"customer_email": email, "customer_name": "Sam Field", "mrr": 9900, "currency": "USD", "tenure_days": 200, "cancel_reason": "too_expensive"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    assert_eq!(status, 201, "{answer}");
    ChurnEventId::from(answer["id"].as_str().unwrap())
}

/// As if everybody had left so many days earlier.
fn backdate(desk: &Desk, days: i64) {
    sql(desk, &format!("UPDATE churn_events SET churned_at = churned_at - {}", days * 86_400_000_000));
}

async fn rule(desk: &Desk, more: Value) -> WinbackRuleId {
    let mut given = json!({"name": "Price", "mailbox": desk.mailbox(Mode::Autonomous).address, "reasons": ["too_expensive"]});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/winback-rules", given).await;
    assert_eq!(status, 201, "{answer}");
    WinbackRuleId::from(answer["id"].as_str().unwrap())
}

fn all_steps(desk: &Desk, now: Time) {
    while desk.write(|conn| rules::step(conn, now)).unwrap() {}
}

fn stands(desk: &Desk, id: &WinbackRuleId) -> Rule {
    desk.read(|conn| rules::get(conn, &OPERATOR, id))
}

fn letters(desk: &Desk) -> Vec<ListRow> {
    desk.read(|conn| Ok(list::list(conn, &OPERATOR, &list::Filter { limit: 100, ..list::Filter::default() })?.0))
}

fn addresses(desk: &Desk) -> Vec<String> {
    let mut all: Vec<String> = letters(desk).into_iter().map(|row| row.to_address).collect();
    all.sort_unstable();
    all
}

async fn variant(desk: &Desk, event: &ChurnEventId, which: usize) -> String {
    let (status, found) = desk.call(&desk.agent, "GET", &format!("/api/v1/churn-events/{event}/variants"), Value::Null).await;
    assert_eq!(status, 200, "{found}");
    found["variants"][which]["id"].as_str().unwrap().to_owned()
}

async fn choose(desk: &Desk, event: &ChurnEventId, which: usize) -> (u16, Value) {
    let variant = variant(desk, event, which).await;
    desk.call(
        &desk.agent,
        "POST",
        &format!("/api/v1/churn-events/{event}/variants/{variant}/send"),
        json!({"mailbox": desk.mailbox(Mode::GatedSend).address}),
    )
    .await
}

#[actix_web::test]
async fn a_rule_drafts_once_for_whoever_fits_and_a_person_decides_whatever_the_mode() {
    let desk = Desk::new().await;
    let fits = left(&desk, "fits@example.com", json!({})).await;
    left(&desk, "reason@example.com", json!({"cancel_reason": "missing_features"})).await;
    left(&desk, "small@example.com", json!({"mrr": 4900})).await;
    left(&desk, "euro@example.com", json!({"currency": "EUR"})).await;
    left(&desk, "payment@example.com", json!({"event_type": "payment_failed"})).await;
    left(&desk, "no-more@example.com", json!({})).await;
    desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "no-more@example.com", "tags": ["unsubscribed"]})).await;
    left(&desk, "busy@example.com", json!({})).await;
    desk.send(Mode::GatedSend, "busy@example.com", json!({})).await;
    let imported = left(&desk, "imported@example.com", json!({})).await;
    sql(&desk, &format!("UPDATE churn_events SET source = 'csv' WHERE id = '{imported}'"));
    backdate(&desk, 10);
    left(&desk, "yesterday@example.com", json!({})).await;
    // Were it not for the rule, the mode would let the campaign's second message pass.
    let contact = desk.read(|conn| churn::get(conn, &OPERATOR, &fits)).contact_id.unwrap();
    desk.write(|conn| contacts::record_consent(conn, &OPERATOR, &contact, ConsentBasis::Consent, "sign-up form", desk.now())).unwrap();
    let campaign = json!({"campaign": "win-back", "tags": ["win_back"], "consent_basis": "consent"});
    let (_, opening) = desk.send(Mode::Autonomous, "first@example.com", campaign).await;
    desk.decide("Rita", &desk.message(opening["id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    desk.drain().await;
    let before = addresses(&desk);
    let terms = json!({"mrr_from": 5000, "currency": "usd"});
    let (status, would) = desk
        .call(
            &desk.agent,
            "POST",
            "/v1/winback-rules/forecast",
            json!({"mailbox": desk.mailbox(Mode::Autonomous).address, "reasons": ["too_expensive"], "mrr_from": 5000, "currency": "usd"}),
        )
        .await;
    assert_eq!((status, would["letters"].as_i64(), would["passed_over"].as_i64()), (200, Some(1), Some(2)), "{would}");
    assert_eq!(would["revenue"], json!([{"minor": 9900, "currency": "USD"}]), "{would}");
    let first = rule(&desk, terms.clone()).await;
    let mut second = terms;
    second["name"] = json!("The same again");
    let second = rule(&desk, second).await;
    all_steps(&desk, desk.now());
    let made: Vec<ListRow> = letters(&desk).into_iter().filter(|row| row.to_address == "fits@example.com").collect();
    assert_eq!((made.len(), made[0].state, letters(&desk).len()), (1, State::Pending, before.len() + 1), "{made:#?}");
    let because = made[0].held_because.clone().unwrap();
    assert!(because.starts_with("The rule \"") && because.ends_with("they left 10 days ago for too expensive."), "{because}");
    assert_eq!(stands(&desk, &first).drafted + stands(&desk, &second).drafted, 1, "a departure is picked once whatever the rules");
    // Later runs find nobody else.
    for hours in [2, 74] {
        all_steps(&desk, desk.now().plus_seconds(hours * 3600));
    }
    assert_eq!(letters(&desk).len(), before.len() + 2, "only who left yesterday has come to fit by the third day");

    // Nobody sends a second letter beside one that waits, by whatever way.
    let (status, answer) = choose(&desk, &fits, 3).await;
    assert_eq!((status, answer["error"]["code"].as_str().or(answer["code"].as_str())), (409, Some("letter_under_way")), "{answer}");
    for wins_back in [json!({"tags": ["win_back"]}), json!({"campaign": "win-back"})] {
        let (status, answer) = desk.send(Mode::Autonomous, "fits@example.com", wins_back).await;
        assert_eq!((status, answer["code"].as_str()), (409, Some("letter_under_way")), "{answer}");
    }
    assert_eq!(desk.send(Mode::GatedSend, "first@example.com", json!({"tags": ["win_back"]})).await.0, 202, "to others it goes");
    let message = desk.message(made[0].id.as_str());
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let event = desk.read(|conn| churn::get(conn, &OPERATOR, &fits));
    assert_eq!((event.status, desk.catcher.messages().len()), (Status::EmailSent, 2));
    assert_eq!(choose(&desk, &fits, 3).await.0, 202, "once it has left, another may be sent by hand");
}

#[actix_web::test]
async fn a_rule_waits_for_an_update_and_stops_at_what_reviewers_can_read_a_day() {
    let desk = Desk::new().await;
    for email in ["a@example.com", "b@example.com", "c@example.com"] {
        left(&desk, email, json!({"cancel_reason": "missing_features", "cancel_reason_text": "There is no csv export of our orders."})).await;
    }
    backdate(&desk, 20);
    let id = rule(&desk, json!({"reasons": ["missing_features"], "needs_update": true, "daily": 2})).await;
    all_steps(&desk, desk.now());
    assert!(letters(&desk).is_empty(), "nothing answers them");
    let update = ProductUpdate {
        title: "CSV export".into(),
        summary: "The CSV export is here for everybody.".into(),
        features: vec!["csv export".into()],
        shipped_on: desk.now().plus_days(-10).date(),
        ..ProductUpdate::default()
    };
    desk.write(|conn| facts::add(conn, &OPERATOR, Body::ProductUpdate(update), None, desk.now())).unwrap();
    let today = desk.now().plus_seconds(7200).max(Time::parse(&desk.now().plus_days(1).date().to_string()).unwrap());
    all_steps(&desk, today);
    assert_eq!(
        (addresses(&desk), stands(&desk, &id).drafted_on_day),
        (vec!["b@example.com".into(), "c@example.com".into()], 2),
        "who left last comes first"
    );
    all_steps(&desk, today.plus_days(1));
    assert_eq!((letters(&desk).len(), stands(&desk, &id).drafted), (3, 3), "the next day brings the rest");
    let texts: Vec<String> = letters(&desk).iter().map(|row| desk.message(row.id.as_str()).current.text_body).collect();
    assert!(texts.iter().all(|text| text.contains("CSV export")), "{texts:#?}");
}

#[actix_web::test]
async fn whom_the_lot_holds_out_is_won_back_by_no_way_until_a_person_takes_them_out() {
    let desk = Desk::new().await;
    let mut events = vec![];
    for n in 0..40 {
        events.push(left(&desk, &format!("c{n}@example.com"), json!({})).await);
    }
    backdate(&desk, 10);
    let id = rule(&desk, json!({"holdout": 50})).await;
    let (_, would) = desk.call(&desk.agent, "POST", &format!("/v1/winback-rules/{id}/forecast"), json!({})).await;
    all_steps(&desk, desk.now());
    let stood = stands(&desk, &id);
    assert_eq!(stood.drafted + stood.held_out, 40);
    assert!(stood.drafted > 0 && stood.held_out > 0, "{stood:?}");
    assert_eq!(
        (would["letters"].as_i64(), would["held_out"].as_i64()),
        (Some(stood.drafted), Some(stood.held_out)),
        "the forecast draws the same lots"
    );
    assert_eq!(letters(&desk).len() as i64, stood.drafted);

    let arm = |event: &ChurnEventId| desk.read(|conn| picks::of_event(conn, event)).unwrap().arm;
    let held: Vec<&ChurnEventId> = events.iter().filter(|event| arm(event) == picks::Arm::HeldOut).collect();
    let written: Vec<&ChurnEventId> = events.iter().filter(|event| arm(event) == picks::Arm::Letter).collect();
    let email = desk.read(|conn| churn::get(conn, &OPERATOR, held[0])).customer_email.unwrap();
    let code = |answer: &Value| answer["error"]["code"].as_str().or(answer["code"].as_str()).unwrap_or_default().to_owned();
    desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{}/generate", held[0]), json!({})).await;
    let (status, answer) = choose(&desk, held[0], 0).await;
    assert_eq!((status, code(&answer).as_str()), (409, "held_out"), "{answer}");
    desk.call(&desk.agent, "POST", "/v1/campaigns", json!({"name": "spring", "kind": "winback"})).await;
    for ways in [json!({"tags": ["win_back"]}), json!({"campaign": "win-back"}), json!({"campaign": "spring"})] {
        let (status, answer) = desk.send(Mode::GatedSend, &email, ways.clone()).await;
        assert_eq!((status, code(&answer).as_str()), (409, "held_out"), "{ways} {answer}");
    }
    let update = ProductUpdate {
        title: "A lower price".into(),
        summary: "It costs less, it was too expensive.".into(),
        shipped_on: desk.now().date(),
        ..ProductUpdate::default()
    };
    desk.write(|conn| facts::add(conn, &OPERATOR, Body::ProductUpdate(update), None, desk.now())).unwrap();
    while desk.write(|conn| shipping::step(conn, desk.now())).unwrap() {}
    assert_eq!(letters(&desk).len() as i64, stood.drafted, "an update writes to none of them either");
    assert_eq!(desk.send(Mode::GatedSend, &email, json!({})).await.0, 202, "what wins nobody back is no matter of the lot");

    // Who comes back counts on their side, and a lot is said to have decided.
    for event in [held[0], held[1], written[0], written[1], written[2]] {
        desk.write(|conn| churn::recover(conn, &OPERATOR, event, desk.now())).unwrap();
    }
    let (_, shown) = desk.call(&desk.agent, "GET", &format!("/v1/winback-rules/{id}"), Value::Null).await;
    let by_lot = &shown["by_lot"];
    assert_eq!((by_lot["held_out"]["recovered"].as_i64(), by_lot["letter"]["recovered"].as_i64()), (Some(2), Some(3)), "{shown}");
    assert_eq!(by_lot["letter"]["recovered_revenue"], json!([{"minor": 29700, "currency": "USD"}]));
    let (_, report) = desk.call(&desk.agent, "GET", "/v1/reports/recovered", Value::Null).await;
    assert_eq!(&report["by_lot"], by_lot, "{report}");
    assert!(report["caution"].as_str().unwrap().contains("by lot"), "{report}");

    // One is taken out by a person; the others are lost when their time is over, and no earlier.
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = format!("/churn/{}", held[2]);
    assert!(max.get(&page).await.body.contains("Held out"));
    max.post(&page, &format!("{page}/release"), &[]).await;
    assert_eq!(arm(held[2]), picks::Arm::Released);
    desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{}/generate", held[2]), json!({})).await;
    assert_eq!(choose(&desk, held[2], 0).await.0, 202);
    let status = |event: &ChurnEventId| desk.read(|conn| churn::get(conn, &OPERATOR, event)).status;
    desk.write(|conn| picks::close_step(conn, desk.now().plus_days(window::WINDOW_DAYS - 1))).unwrap();
    assert_eq!(status(held[3]), Status::New);
    desk.write(|conn| picks::close_step(conn, desk.now().plus_days(window::WINDOW_DAYS + 1))).unwrap();
    assert!(held[3..].iter().all(|event| status(event) == Status::Lost));
    assert_eq!((status(held[0]), status(written[5])), (Status::Recovered, Status::VariantsGenerated));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM winback_picks WHERE arm = 'held_out' AND closed_at IS NULL"), 0);
    assert_eq!(desk.read(days::recount), [], "what was counted along is what a recount gives");
    // And when somebody changes the rows by hand, the recount says so.
    sql(&desk, "UPDATE churn_part_days SET lost_number = lost_number + 1 WHERE part = 'picked'");
    sql(&desk, "UPDATE churn_part_moves SET number = number + 1 WHERE part = 'picked'");
    assert!(!desk.read(days::recount).is_empty());
}

#[actix_web::test]
async fn what_speaks_for_a_letter_is_written_down_when_they_come_back() {
    let desk = Desk::new().await;
    let (organic, weak, clicked) =
        (left(&desk, "o@example.com", json!({})).await, left(&desk, "w@example.com", json!({})).await, left(&desk, "c@example.com", json!({})).await);
    let click = |event: &ChurnEventId| format!("/api/v1/churn-events/{event}/clicked");
    assert_eq!(desk.call(&desk.agent, "POST", &click(&organic), Value::Null).await.0, 409, "no letter left that could have been clicked");
    for event in [&weak, &clicked] {
        desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{event}/generate"), json!({})).await;
        let (_, submitted) = choose(&desk, event, 0).await;
        desk.decide("Rita", &desk.message(submitted["message_id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    }
    desk.drain().await;
    assert_eq!(desk.call(&desk.agent, "POST", &click(&clicked), Value::Null).await.0, 200);
    for (event, evidence) in [(&organic, "organic"), (&weak, "weak"), (&clicked, "strong")] {
        let (_, back) = desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{event}/recovered"), Value::Null).await;
        assert_eq!(back["evidence"], evidence, "{back}");
    }
    let (_, report) = desk.call(&desk.agent, "GET", "/v1/reports/recovered", Value::Null).await;
    let counts: Vec<(&str, i64, i64)> = report["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["evidence"].as_str().unwrap(), row["recovered"].as_i64().unwrap(), row["recovered_revenue"][0]["minor"].as_i64().unwrap()))
        .collect();
    assert_eq!(counts, [("strong", 1, 9900), ("weak", 1, 9900), ("organic", 1, 9900)], "{report}");
    let only = churn::Only { evidence: Some(Evidence::Strong), ..churn::Only::default() };
    let found = desk.read(|conn| Ok(churn::list(conn, &OPERATOR, &Filter { limit: 10, only, ..Filter::default() })?.0));
    assert_eq!(found.iter().map(|event| &event.id).collect::<Vec<_>>(), [&clicked]);
    // What they paid is corrected afterwards, and counts so.
    sql(&desk, &format!("UPDATE churn_events SET mrr_minor = 100 WHERE id = '{weak}'"));
    let (_, report) = desk.call(&desk.agent, "GET", "/v1/reports/recovered", Value::Null).await;
    assert_eq!(report["evidence"][1]["recovered_revenue"][0]["minor"], 100, "{report}");
    assert_eq!(desk.read(days::recount), []);
}

#[actix_web::test]
async fn a_rule_whose_mailbox_is_closed_is_set_aside_and_says_so_and_the_others_go_on() {
    let desk = Desk::new().await;
    left(&desk, "a@example.com", json!({})).await;
    backdate(&desk, 10);
    let (shut, open) =
        (rule(&desk, json!({"name": "A"})).await, rule(&desk, json!({"name": "B", "mailbox": desk.mailbox(Mode::GatedSend).address})).await);
    let ada = desk.person("Ada");
    let mailbox = desk.mailbox(Mode::Autonomous).id;
    desk.write(|conn| mailboxes::set_mode(conn, &ada, &mailbox, Mode::ReadOnly, desk.now())).unwrap();
    all_steps(&desk, desk.now());
    let stood = stands(&desk, &shut);
    assert_eq!((stood.drafted, stood.failures, stands(&desk, &open).drafted), (0, 1, 1));
    assert!(stood.trouble.as_deref().unwrap().contains("read_only"), "{stood:?}");
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert!(max.get("/churn/rules").await.body.contains("Set aside:"));
}

#[actix_web::test]
async fn a_rule_says_what_is_wrong_with_it_and_is_seen_within_reach_alone() {
    let desk = Desk::new().await;
    let refused = [
        (json!({"name": " "}), "name"),
        (json!({"name": "A", "from_days": 9, "to_days": 8}), "to_days"),
        (json!({"name": "A", "from_days": -1}), "from_days"),
        (json!({"name": "A", "holdout": 51}), "holdout"),
        (json!({"name": "A", "daily": 0}), "daily"),
        (json!({"name": "A", "mrr_from": 100}), "currency"),
        (json!({"name": "A", "strategy": "shout"}), "strategy"),
        (json!({"name": "A", "segment_id": "none"}), "segment_id"),
    ];
    for (mut given, field) in refused {
        given["mailbox"] = json!(desk.mailbox(Mode::GatedSend).address);
        let (status, answer) = desk.call(&desk.agent, "POST", "/v1/winback-rules", given.clone()).await;
        assert_eq!((status, answer["error"]["field"].as_str().or(answer["field"].as_str())), (422, Some(field)), "{given} {answer}");
    }
    let (_, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Large", "conditions": {"mrr_from": 5000}})).await;
    let id = rule(&desk, json!({"segment_id": segment["id"]})).await;
    let (status, answer) = desk.call(&desk.agent, "DELETE", &format!("/v1/segments/{}", segment["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(status, 409, "{answer}");
    let (status, _) =
        desk.call(&desk.agent, "PATCH", &format!("/v1/winback-rules/{id}"), json!({"segment_id": "", "mrr_from": 0, "enabled": false})).await;
    assert_eq!((status, stands(&desk, &id).segment_id, stands(&desk, &id).enabled), (200, None, false));
    all_steps(&desk, desk.now());
    let reader = desk.key(&[Scope::Read]);
    assert_eq!(desk.call(&reader, "GET", "/v1/winback-rules", Value::Null).await.1["rules"].as_array().unwrap().len(), 1);
    assert_eq!(desk.call(&reader, "DELETE", &format!("/v1/winback-rules/{id}"), Value::Null).await.0, 403);
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/winback-rules/{id}"), Value::Null).await.0, 204);
    assert_eq!(desk.call(&desk.agent, "GET", &format!("/v1/winback-rules/{id}"), Value::Null).await.0, 404);

    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    desk.write(|conn| settings::set(conn, settings::RECOVERY_WINDOW_DAYS, "14")).unwrap();
    let empty = max.get("/churn/rules").await.body;
    assert!(empty.contains("Make the first rule") && empty.contains("within 14 days of the last letter"), "{empty}");
    let mailbox = desk.mailbox(Mode::GatedSend).id.to_string();
    let fields = |to_days: &'static str| {
        vec![
            ("name", "By form".to_owned()),
            ("mailbox", mailbox.clone()),
            ("from_days", "3".into()),
            ("to_days", to_days.into()),
            ("holdout", "10".into()),
            ("daily", "5".into()),
            ("mrr_from", "79.50".into()),
            ("currency", "eur".into()),
        ]
    };
    let post = |to_days: &'static str| fields(to_days).into_iter().collect::<Vec<_>>();
    let wrong = post("1");
    let wrong: Vec<(&str, &str)> = wrong.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = max.post("/churn/rules/new", "/churn/rules", &wrong).await;
    assert!(page.status == 422 && page.body.contains("To days must be at least from_days") && page.body.contains("By form"), "{}", page.body);
    let right = post("30");
    let right: Vec<(&str, &str)> = right.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(max.post("/churn/rules/new", "/churn/rules", &right).await.status, 303);
    let made = desk.read(|conn| rules::list(conn, &OPERATOR)).remove(0);
    assert_eq!((made.mrr_from, made.currency.as_deref(), made.holdout), (Some(7950), Some("EUR"), 10));
    let shown = max.get(&format!("/churn/rules/{}", made.id)).await.body;
    assert!(shown.contains("79.50") && shown.contains("Nobody fits now") && shown.contains("Nobody was held out"), "{shown}");
}

#[actix_web::test]
async fn two_processes_with_two_rules_write_to_nobody_twice_and_count_each_once() {
    let desk = Desk::new().await;
    for n in 0..40 {
        left(&desk, &format!("c{n}@example.com"), json!({})).await;
    }
    backdate(&desk, 10);
    let ids = [rule(&desk, json!({"name": "A", "holdout": 20})).await, rule(&desk, json!({"name": "B", "holdout": 20})).await];
    let now = desk.now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let db = desk.state.db.clone();
            scope.spawn(move || while db.write(|conn| rules::step(conn, now)).unwrap() {});
        }
    });
    let stood: Vec<Rule> = ids.iter().map(|id| stands(&desk, id)).collect();
    let (drafted, held_out) = stood.iter().fold((0, 0), |(drafted, held_out), rule| (drafted + rule.drafted, held_out + rule.held_out));
    assert_eq!((drafted + held_out, stood.iter().map(|rule| rule.left_out + i64::from(rule.failures)).sum::<i64>()), (40, 0), "{stood:#?}");
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages"), drafted);
    assert_eq!(count(&desk, "SELECT count(DISTINCT contact_id) AS n FROM messages"), drafted);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM winback_picks"), 40);
}

//! Variants side by side: who gets which, what came back of each, when one is better; and waits in business time.

use std::collections::BTreeSet;

use countersign::clock::{Time, zone};
use countersign::domain::campaigns;
use countersign::domain::contacts::{self, ContactInput};
use countersign::domain::mailboxes::Mode;
use countersign::domain::sequences;
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::support::{Browser, Desk, OPERATOR, address, sql, text};

async fn post(desk: &Desk, path: &str, body: Value) -> (u16, Value) {
    desk.call(&desk.agent, "POST", path, body).await
}

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, answer) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn steps() -> Value {
    json!([{"subject": "Short", "body": "Short words.", "variants": [{"subject": "Long", "body": "Long words.", "share": 50}]}])
}

async fn sequence(desk: &Desk, steps: Value) -> String {
    let (status, made) = post(desk, "/v1/sequences", json!({"name": "Welcome", "mailbox": address(Mode::GatedSend), "steps": steps})).await;
    assert_eq!(status, 201, "{made}");
    format!("/v1/sequences/{}", made["id"].as_str().unwrap())
}

/// Enrolls somebody and hands in their first step: its subject.
async fn first_step(desk: &Desk, sequence: &str, email: &str) -> (String, String) {
    let (status, made) = post(desk, &format!("{sequence}/enrollments"), json!({"email": email})).await;
    assert_eq!(status, 201, "{made}");
    let enrollment = made["id"].as_str().unwrap();
    let due = get(desk, &format!("{sequence}/due?limit=100")).await;
    let told = due["due"].as_array().unwrap().iter().find(|one| one["email"] == email).unwrap()["subject"].clone();
    let (status, sent) = post(desk, &format!("{sequence}/enrollments/{enrollment}/send-next"), json!({})).await;
    assert_eq!(status, 202, "{sent}");
    let message = desk.message(sent["message"]["id"].as_str().unwrap());
    assert_eq!(message.current.subject, told.as_str().unwrap(), "what is shown is what is sent");
    (message.row.id.to_string(), message.current.subject)
}

/// Fifty messages of each variant that left, two of the first and half of the second answered. Only the rows are looked at,
/// so nothing needs to leave.
async fn outcomes(desk: &Desk) {
    for variant in ["short", "long"] {
        for number in 0..50 {
            let more = json!({"campaign": "spring", "tags": [format!("variant_{variant}")]});
            let (status, answer) = desk.send(Mode::GatedSend, &format!("{variant}-{number}@example.com"), more).await;
            assert_eq!(status, 202, "{answer}");
        }
    }
    sql(desk, "UPDATE messages SET sent_at = created_at");
    for (variant, answers) in [("short", 2), ("long", 25)] {
        for number in 0..answers {
            sql(
                desk,
                &format!(
                    "INSERT INTO inbound_emails (id, mailbox_id, thread_id, contact_id, from_address, from_key, to_address, subject, text_body, \
                     received_at, kind) SELECT 'in-{variant}-{number}', m.mailbox_id, m.thread_id, m.contact_id, c.email, c.email_key, 'to', 're', \
                     'yes', m.sent_at + 1, 'reply' FROM messages m JOIN contacts c ON c.id = m.contact_id \
                     WHERE c.email = '{variant}-{number}@example.com'"
                ),
            );
        }
    }
}

#[actix_web::test]
async fn a_contact_gets_the_same_words_in_the_preview_in_the_list_and_in_the_mail() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, steps()).await;
    let mut had = vec![];
    for number in 0..16 {
        let email = format!("p{number}@example.com");
        let input = ContactInput { email: email.clone(), ..ContactInput::default() };
        desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, desk.now())).unwrap();
        let preview = get(&desk, &format!("{sequence}/preview?contact={email}")).await["steps"][0]["subject"].clone();
        let (_, subject) = first_step(&desk, &sequence, &email).await;
        assert_eq!(preview, subject.as_str());
        had.push(subject);
    }
    // One in 32,768 that chance gives all of them the same.
    assert!(had.iter().any(|one| one == "Short") && had.iter().any(|one| one == "Long"), "{had:?}");
    let counted = get(&desk, &sequence).await;
    let found = &counted["comparisons"][0];
    assert_eq!((&found["step"], &found["variants"][1]["share"], &found["winner"]), (&json!(1), &json!(50), &json!(null)));
    assert!(found["verdict"].as_str().unwrap().starts_with("Not enough data"), "{found}");
    assert_eq!(found["variants"][0]["interval_95"], json!(null));
    // What was handed in is counted for the words that were in it.
    sql(&desk, "UPDATE messages SET sent_at = created_at");
    let found = get(&desk, &sequence).await["comparisons"][0]["variants"].clone();
    let of = |subject: &str| json!(had.iter().filter(|one| *one == subject).count());
    assert_eq!((&found[0]["sent"], &found[1]["sent"]), (&of("Short"), &of("Long")));
}

#[actix_web::test]
async fn a_campaigns_variants_are_compared_and_a_winner_gets_more_only_where_somebody_asked() {
    let desk = Desk::new().await;
    let (_, made) = post(&desk, "/v1/campaigns", json!({"name": "spring", "kind": "winback"})).await;
    let path = format!("/v1/campaigns/{}", made["id"].as_str().unwrap());
    assert_eq!(get(&desk, &path).await["comparison"], json!(null));
    for wrong in [
        json!([{"name": "short", "share": 100}]),
        json!([{"name": "short", "share": 50}, {"name": "long", "share": 49}]),
        json!([{"name": "short", "share": 50}, {"name": "short", "share": 50}]),
        json!([{"name": "short", "share": 100}, {"name": "long", "share": 0}]),
    ] {
        let (status, refused) = desk.call(&desk.agent, "PUT", &format!("{path}/variants"), json!({"variants": wrong})).await;
        assert_eq!((status, &refused["field"]), (422, &json!("variants")), "{refused}");
    }
    let both = json!({"variants": [{"name": "short", "share": 50}, {"name": "long", "share": 50}]});
    assert_eq!(desk.call(&desk.agent, "PUT", &format!("{path}/variants"), both).await.0, 200);
    outcomes(&desk).await;
    let asked = format!("{path}/variant?contact=short-0@example.com");
    let first = get(&desk, &asked).await;
    assert_eq!(first["tag"], format!("variant_{}", first["name"].as_str().unwrap()));
    assert_eq!(get(&desk, &asked).await, first, "the same each time");

    let found = get(&desk, &path).await["comparison"].clone();
    assert_eq!((&found["winner"], &found["measure"]), (&json!("long"), &json!("replies")), "{found}");
    let long = &found["variants"][1];
    assert_eq!((&long["sent"], &long["replied"], &long["percent"], &long["interval_95"]), (&json!(50), &json!(25), &json!(50), &json!([37, 63])));
    desk.write(|conn| campaigns::variants::shift_step(conn, desk.now())).unwrap();
    assert_eq!(get(&desk, &path).await["variants"][1]["share"], 50, "nobody asked for it");
    desk.call(&desk.agent, "PUT", &format!("{path}/variants"), json!({"shifts": true})).await;
    desk.write(|conn| campaigns::variants::shift_step(conn, desk.now())).unwrap();
    assert_eq!(get(&desk, &path).await["variants"], json!([{"name": "short", "share": 20}, {"name": "long", "share": 80}]));
    let noted = |detail: &str| serde_json::from_str::<Value>(detail).unwrap();
    let shift = noted(&text(&desk, "SELECT detail AS body FROM audit_log WHERE action = 'campaign.shift'"));
    let shares = |side: &str| [0, 1].map(|arm| shift[side]["variants"][arm]["share"].as_i64().unwrap());
    assert_eq!((shares("before"), shares("after"), shift["winner"].as_str()), ([50, 50], [20, 80], Some("long")), "{shift}");
    // By recoveries there is nothing to see.
    desk.call(&desk.agent, "PUT", &format!("{path}/variants"), json!({"measure": "recoveries"})).await;
    assert_eq!(get(&desk, &path).await["comparison"]["winner"], json!(null));
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&path["/v1".len()..]).await.body;
    assert!(page.contains("Variants side by side") && page.contains("chart-wide") && page.contains("their 95 % intervals overlap"), "{page}");
    let wrong = max
        .post(
            &path["/v1".len()..],
            &format!("{}/variants", &path["/v1".len()..]),
            &[("variant_name", "short"), ("variant_share", "half"), ("measure", "replies")],
        )
        .await;
    assert!(
        wrong.status == 422 && wrong.body.contains("The share of short must be a number from 1 to 99; got") && wrong.body.contains("value=\"half\""),
        "{}",
        wrong.body
    );
}

#[actix_web::test]
async fn what_came_back_is_counted_for_words_and_shifts_keep_whose_they_are() {
    let desk = Desk::new().await;
    let path = sequence(&desk, steps()).await;
    let id = path.rsplit('/').next().unwrap();
    outcomes(&desk).await;
    for (variant, words) in [("short", "Short\nShort words."), ("long", "Long\nLong words.")] {
        let name: String = countersign::domain::ids::sha256_hex(words.as_bytes()).chars().take(16).collect();
        let of = format!("FROM messages m JOIN message_tags t ON t.message_id = m.id WHERE t.tag = 'variant_{variant}'");
        sql(
            &desk,
            &format!(
                "INSERT INTO enrollments (id, sequence_id, contact_id, state, position, created_at, updated_at, shift) \
                 SELECT m.id, '{id}', m.contact_id, 'complete', 1, 1, 1, 0 {of}"
            ),
        );
        sql(&desk, &format!("INSERT INTO sequence_sends (enrollment_id, step, message_id, variant) SELECT m.id, 0, m.id, '{name}' {of}"));
    }
    let found = get(&desk, &path).await["comparisons"][0].clone();
    assert_eq!((&found["winner"], &found["variants"][0]["replied"]), (&json!("b"), &json!(2)), "{found}");
    desk.write(|conn| sequences::shift_step(conn, desk.now())).unwrap();
    assert_eq!(get(&desk, &path).await["steps"][0]["variants"][0]["share"], 50, "nobody asked for it");
    desk.call(&desk.agent, "PATCH", &path, json!({"shifts": true})).await;
    let author = get(&desk, &path).await["created_by"].clone();
    desk.write(|conn| sequences::shift_step(conn, desk.now())).unwrap();
    let after = get(&desk, &path).await;
    assert_eq!((&after["steps"][0]["variants"][0]["share"], &after["created_by"]), (&json!(80), &author));
    assert_eq!(after["comparisons"][0]["variants"][0]["share"], 20);
    let shift: Value = serde_json::from_str(&text(&desk, "SELECT detail AS body FROM audit_log WHERE action = 'sequence.shift'")).unwrap();
    let (was, is) = (json!({"step": 1, "shares": [50, 50]}), json!({"step": 1, "shares": [20, 80], "winner": "b"}));
    assert_eq!((&shift["before"]["steps"], &shift["after"]["steps"]), (&json!([was]), &json!([is])));
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&path["/v1".len()..]).await.body;
    assert!(page.contains("Variant b is better") && page.contains("50 % (37 to 63 %)"), "{page}");
    // Other words begin anew; those that stay keep what they have.
    let steps = json!([{"was": 1, "subject": "Short", "body": "Short words.", "variants": [{"subject": "New", "body": "New words.", "share": 50}]}]);
    desk.call(&desk.agent, "PATCH", &path, json!({"steps": steps})).await;
    let found = get(&desk, &path).await["comparisons"][0]["variants"].clone();
    assert_eq!((&found[0]["sent"], &found[1]["sent"]), (&json!(50), &json!(0)));
}

#[actix_web::test]
async fn variants_that_cannot_be_are_refused() {
    let desk = Desk::new().await;
    let wrong =
        |variants: Value| json!({"name": "n", "mailbox": address(Mode::GatedSend), "steps": [{"subject": "s", "body": "b", "variants": variants}]});
    for (variants, field) in [
        (json!([{"subject": "x", "body": "y", "share": 100}]), "steps[0].variants[0].share"),
        (json!([{"subject": "x", "body": "y", "share": 60}, {"subject": "x", "body": "z", "share": 40}]), "steps[0].variants"),
        (json!([{"subject": "x", "body": "{oops}", "share": 5}]), "steps[0].variants[0].body"),
        (json!([{"subject": "x", "body": " ", "share": 5}]), "steps[0].variants[0].body"),
    ] {
        let (status, refused) = post(&desk, "/v1/sequences", wrong(variants)).await;
        assert_eq!((status, &refused["field"]), (422, &json!(field)), "{refused}");
    }
    let waits = json!({"name": "n", "mailbox": address(Mode::GatedSend), "steps": [{"subject": "s", "body": "b", "wait_business_hours": 401}]});
    assert_eq!(post(&desk, "/v1/sequences", waits).await.1["field"], "steps[0].wait_business_hours");
}

#[actix_web::test]
async fn a_wait_in_business_time_ends_on_the_recipients_clock_and_changes_while_they_wait() {
    let desk = Desk::new().await;
    let path = sequence(&desk, json!([{"subject": "One", "body": "Words.", "wait_business_days": 2}])).await;
    let input = ContactInput { email: "ana@example.com".into(), time_zone: Some("Pacific/Auckland".into()), ..ContactInput::default() };
    desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, desk.now())).unwrap();
    let (_, made) = post(&desk, &format!("{path}/enrollments"), json!({"email": "ana@example.com"})).await;
    let auckland = zone(Some("Pacific/Auckland"));
    let of =
        |step: sequences::Step| sequences::waits::due(&step, Time::parse(made["created_at"].as_str().unwrap()).unwrap(), &auckland, &BTreeSet::new());
    let two_days = of(sequences::Step { wait_business_days: 2, ..sequences::Step::default() });
    assert_eq!(made["due_at"], json!(two_days));
    let steps = json!([{"was": 1, "subject": "One", "body": "Words.", "wait_days": 1, "wait_business_hours": 3}]);
    let (status, changed) = desk.call(&desk.agent, "PATCH", &path, json!({"steps": steps})).await;
    assert_eq!(status, 200, "{changed}");
    let wanted = of(sequences::Step { wait_days: 1, wait_business_hours: 3, ..sequences::Step::default() });
    assert_eq!(get(&desk, &format!("{path}/enrollments")).await["enrollments"][0]["due_at"], json!(wanted));
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&path["/v1".len()..]).await.body;
    assert!(page.contains("1 day and 3 business hours after the enrollment"), "{page}");
}

#[actix_web::test]
async fn holidays_are_pasted_and_hold_for_those_who_wait() {
    let desk = Desk::new().await;
    let path = sequence(&desk, json!([{"subject": "One", "body": "Words.", "wait_business_days": 3}])).await;
    let input = ContactInput { email: "ana@example.com".into(), time_zone: Some("UTC".into()), ..ContactInput::default() };
    desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, desk.now())).unwrap();
    let (_, made) = post(&desk, &format!("{path}/enrollments"), json!({"email": "ana@example.com"})).await;
    let due = Time::parse(made["due_at"].as_str().unwrap()).unwrap();
    // The day on which it was due becomes a holiday: it is the next business day.
    let day = due.local(&zone(Some("UTC"))).date();
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let saved = max.post("/rules", "/rules/holidays", &[("holidays", &format!("{day} A feast\n\n{day}\n"))]).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let step = sequences::Step { wait_business_days: 3, ..sequences::Step::default() };
    let wanted = sequences::waits::due(&step, Time::parse(made["created_at"].as_str().unwrap()).unwrap(), &zone(Some("UTC")), &BTreeSet::from([day]));
    assert!(wanted > due);
    assert_eq!(get(&desk, &format!("{path}/enrollments")).await["enrollments"][0]["due_at"], json!(wanted));
    assert_eq!(get(&desk, "/v1/holidays").await, json!({"holidays": [{"day": day.to_string(), "name": "A feast"}]}));
    assert!(max.get("/rules").await.body.contains(&format!("{day} A feast")));
    let wrong = max.post("/rules", "/rules/holidays", &[("holidays", "25.12.2026 Christmas")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("Holidays, line 1: begin with a day") && wrong.body.contains("25.12.2026 Christmas"));
    // Taken away again by an administrator's key, they wait as before; no other key may.
    assert_eq!(desk.call(&desk.agent, "PUT", "/v1/holidays", json!({"holidays": []})).await.0, 403);
    let admin = desk.key(&[countersign::domain::actor::Scope::Admin, countersign::domain::actor::Scope::Read]);
    assert_eq!(desk.call(&admin, "PUT", "/v1/holidays", json!({"holidays": []})).await.0, 200);
    assert_eq!(get(&desk, &format!("{path}/enrollments")).await["enrollments"][0]["due_at"], made["due_at"]);
}

#[actix_web::test]
async fn a_manager_writes_other_words_in_the_form_and_they_stay_when_the_form_is_saved_again() {
    let desk = Desk::new().await;
    let path = sequence(&desk, json!([{"subject": "One", "body": "Words."}])).await;
    let page = path["/v1".len()..].to_owned();
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let edit = format!("{page}/edit");
    assert!(max.get(&edit).await.body.contains("Try other words with some of them"));
    let fields = [
        ("was", "1"),
        ("row", "2"),
        ("subject", "One"),
        ("body", "Words."),
        ("days", "0"),
        ("business_days", "1"),
        ("business_hours", ""),
        ("variant_of", "2"),
        ("variant_subject", "Two"),
        ("variant_body", "Others."),
        ("variant_share", "30"),
        ("variant_of", "2"),
        ("variant_subject", ""),
        ("variant_body", ""),
        ("variant_share", "50"),
    ];
    assert_eq!(max.post(&edit, &page, &fields).await.status, 303);
    let step = get(&desk, &path).await["steps"][0].clone();
    assert_eq!(step["variants"], json!([{"subject": "Two", "body": "Others.", "share": 30}]));
    assert_eq!(step["wait_business_days"], 1);
    let shown = max.get(&edit).await.body;
    assert!(shown.contains("value=\"Two\"") && shown.contains("value=\"30\"") && shown.contains("Others."), "{shown}");
}

#[actix_web::test]
async fn agents_compare_over_mcp() {
    let desk = Desk::new().await;
    let client = Client::with(&serve(&desk).await, &desk.agent).await;
    let (made, _) = client.call("create_campaign", json!({"name": "spring", "kind": "winback"})).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let variants = json!([{"name": "a", "share": 50}, {"name": "b", "share": 50}]);
    client.call("set_campaign_variants", json!({"campaign_id": id, "variants": variants})).await;
    client.call("add_contact", json!({"email": "ana@example.com"})).await;
    let (found, _) = client.call("assign_campaign_variant", json!({"campaign_id": id, "contact": "ana@example.com"})).await;
    assert!(["variant_a", "variant_b"].contains(&found["tag"].as_str().unwrap()), "{found}");
}

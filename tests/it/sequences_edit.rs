//! Sequences that change, pause and go by themselves while people are in them, and their pages.

use countersign::domain::contacts::{self, ContactInput};
use countersign::domain::mailboxes::Mode;
use countersign::domain::sequences;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, address, count, sql, text};

/// A sequence of steps with these subjects, without waits; its path.
async fn sequence(desk: &Desk, mode: Mode, subjects: &[&str], automatic: bool) -> String {
    let steps: Vec<Value> = subjects.iter().map(|subject| json!({"subject": subject, "body": "Hello"})).collect();
    let body = json!({"name": "Welcome", "mailbox": address(mode), "steps": steps, "automatic": automatic});
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/sequences", body).await;
    assert_eq!(status, 201, "{made}");
    format!("/v1/sequences/{}", made["id"].as_str().unwrap())
}

async fn enrolled(desk: &Desk, sequence: &str, email: &str, tags: &[&str]) -> String {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    let input = ContactInput { email: email.into(), name: Some("Ana".into()), tags, ..ContactInput::default() };
    desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, desk.now())).unwrap();
    let (status, made) = desk.call(&desk.agent, "POST", &format!("{sequence}/enrollments"), json!({"email": email})).await;
    assert_eq!(status, 201, "{made}");
    format!("{sequence}/enrollments/{}", made["id"].as_str().unwrap())
}

/// Hands in the next step and sends it; the subject, or the code of the refusal.
async fn next(desk: &Desk, enrollment: &str) -> String {
    sql(desk, "UPDATE enrollments SET ready_at = 0 WHERE ready_at IS NOT NULL");
    let (status, answer) = desk.call(&desk.agent, "POST", &format!("{enrollment}/send-next"), json!({})).await;
    if status >= 400 {
        return answer["code"].as_str().unwrap().to_owned();
    }
    let Some(id) = answer["message"]["id"].as_str() else { return "ended".to_owned() };
    let subject = text(desk, &format!("SELECT subject AS body FROM message_versions WHERE message_id = '{id}'"));
    // It left.
    sql(desk, &format!("UPDATE messages SET state = 'queued' WHERE id = '{id}'"));
    desk.write(|conn| {
        use countersign::domain::messages::{State, lifecycle};
        lifecycle::transition(conn, &id.into(), State::Queued, State::Sending, None, desk.now())?;
        lifecycle::transition(conn, &id.into(), State::Sending, State::Sent, None, desk.now())
    })
    .unwrap();
    subject
}

async fn change(desk: &Desk, path: &str, steps: &[(Option<usize>, &str)]) -> (u16, Value) {
    let steps: Vec<Value> = steps
        .iter()
        .map(|(was, subject)| match was {
            Some(was) => json!({"was": was, "subject": subject, "body": "Hello"}),
            None => json!({"subject": subject, "body": "Hello"}),
        })
        .collect();
    desk.call(&desk.agent, "PATCH", path, json!({"steps": steps})).await
}

/// Everything that comes until it ends.
async fn rest(desk: &Desk, enrollment: &str) -> Vec<String> {
    let mut all = vec![];
    for _ in 0..10 {
        let one = next(desk, enrollment).await;
        if ["ended", "enrollment_ended"].contains(&one.as_str()) {
            break;
        }
        all.push(one);
    }
    all
}

#[actix_web::test]
async fn steps_change_while_people_are_in_them_and_nobody_misses_one_or_gets_one_twice() {
    let desk = Desk::new().await;
    let path = sequence(&desk, Mode::GatedSend, &["one", "two", "three"], false).await;
    let fresh = enrolled(&desk, &path, "fresh@example.com", &[]).await;
    let first = enrolled(&desk, &path, "first@example.com", &[]).await;
    let second = enrolled(&desk, &path, "second@example.com", &[]).await;
    // Their tags say that they had two, as an agent counts.
    let tagged = enrolled(&desk, &path, "tagged@example.com", &[]).await;
    let id = text(&desk, "SELECT id AS body FROM contacts WHERE email = 'tagged@example.com'");
    desk.write(|conn| contacts::add_tags(conn, &OPERATOR, &id.as_str().into(), &["drip_step_0".into(), "drip_step_1".into()], desk.now())).unwrap();
    assert_eq!(next(&desk, &first).await, "one");
    assert_eq!((next(&desk, &second).await, next(&desk, &second).await), ("one".into(), "two".into()));
    // A new first step, a new one between, "two" taken out.
    let (status, changed) = change(&desk, &path, &[(None, "zero"), (Some(1), "one"), (None, "half"), (Some(3), "three")]).await;
    assert_eq!(status, 200, "{changed}");
    let answer = desk.call(&desk.agent, "GET", &path, json!(null)).await.1;
    let waiting: Vec<i64> = answer["positions"].as_array().unwrap().iter().map(|at| at["waiting"].as_i64().unwrap()).collect();
    assert_eq!(waiting, [1, 0, 3, 0], "{answer}");
    assert_eq!(rest(&desk, &fresh).await, ["zero", "one", "half", "three"]);
    assert_eq!(rest(&desk, &first).await, ["half", "three"]);
    assert_eq!(rest(&desk, &second).await, ["half", "three"], "whoever stands right before a new step gets it");
    assert_eq!(rest(&desk, &tagged).await, ["half", "three"]);
    assert_eq!(
        count(
            &desk,
            "SELECT count(*) AS n FROM (SELECT enrollment_id, step FROM sequence_sends GROUP BY enrollment_id, step HAVING count(*) > 1) AS t"
        ),
        0
    );
    for wrong in [&[(Some(2), "b"), (Some(1), "a")][..], &[(Some(1), "a"), (Some(1), "a")], &[(Some(9), "x")], &[(Some(0), "x")]] {
        assert_eq!(change(&desk, &path, wrong).await.0, 422, "{wrong:?}");
    }
}

#[actix_web::test]
async fn two_who_change_a_sequence_at_once_undo_nothing_of_each_other() {
    let desk = Desk::new().await;
    let path = sequence(&desk, Mode::GatedSend, &["one", "two"], false).await;
    let read = desk.call(&desk.agent, "GET", &path, json!(null)).await.1["revision"].clone();
    let with = |subjects: &[&str]| {
        let steps: Vec<Value> = subjects.iter().map(|subject| json!({"subject": subject, "body": "Hello"})).collect();
        json!({"steps": steps, "revision": read})
    };
    assert_eq!(desk.call(&desk.agent, "PATCH", &path, with(&["one", "new"])).await.0, 200);
    let (status, late) = desk.call(&desk.agent, "PATCH", &path, with(&["other"])).await;
    assert_eq!((status, late["code"].as_str()), (409, Some("sequence_changed")), "{late}");
    // The same on the page, where two have it open.
    let (mut max, mut ada) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    max.sign_in("max").await;
    ada.sign_in("ada").await;
    let page = path.replace("/v1", "");
    let open = ada.get(&format!("{page}/edit")).await.body;
    let seen = open.split("name=\"revision\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fields = |subject: &'static str, seen: &str| {
        [("was", "1"), ("row", "1"), ("subject", subject), ("body", "Hello."), ("revision", seen)].map(|(name, value)| (name, value.to_owned()))
    };
    let first = fields("By Max", &seen);
    let first: Vec<(&str, &str)> = first.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(max.post(&format!("{page}/edit"), &page, &first).await.status, 303);
    let second = fields("By Ada", &seen);
    let second: Vec<(&str, &str)> = second.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = ada.post(&format!("{page}/edit"), &page, &second).await;
    assert!(
        refused.status == 422 && refused.body.contains("by Max, after you read it. Nothing was saved.") && refused.body.contains("By Ada"),
        "{}",
        refused.body
    );
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.1["steps"][0]["subject"], "By Max");
}

#[actix_web::test]
async fn a_step_that_was_taken_out_and_another_in_its_place_are_two() {
    let desk = Desk::new().await;
    let path = sequence(&desk, Mode::GatedSend, &["one", "two"], false).await;
    let ana = enrolled(&desk, &path, "ana@example.com", &[]).await;
    assert_eq!(next(&desk, &ana).await, "one");
    change(&desk, &path, &[(Some(2), "two")]).await;
    change(&desk, &path, &[(None, "other"), (Some(1), "two"), (None, "last")]).await;
    assert_eq!(rest(&desk, &ana).await, ["other", "two", "last"]);
    assert_eq!(count(&desk, "SELECT count(DISTINCT step) AS n FROM sequence_sends"), 4);
}

#[actix_web::test]
async fn a_wait_that_changes_holds_for_those_who_wait() {
    let desk = Desk::new().await;
    let path = sequence(&desk, Mode::GatedSend, &["one", "two"], false).await;
    enrolled(&desk, &path, "ana@example.com", &[]).await;
    let before = count(&desk, "SELECT ready_at AS n FROM enrollments");
    let steps = json!([{"was": 1, "subject": "one", "body": "Hello", "wait_days": 3}, {"was": 2, "subject": "two", "body": "Hello"}]);
    assert_eq!(desk.call(&desk.agent, "PATCH", &path, json!({"steps": steps})).await.0, 200);
    assert_eq!(count(&desk, "SELECT ready_at AS n FROM enrollments"), before + 3 * 86_400_000_000);
}

#[actix_web::test]
async fn an_automatic_sequence_hands_in_what_is_due_once_and_a_paused_one_nothing() {
    let desk = Desk::new().await;
    let path = sequence(&desk, Mode::GatedSend, &["Hello, {{ name }}", "two"], true).await;
    for place in 0..30 {
        enrolled(&desk, &path, &format!("c{place}@example.com"), &[]).await;
    }
    let (status, paused) = desk.call(&desk.agent, "PATCH", &path, json!({"paused": true})).await;
    assert_eq!((status, &paused["paused"]), (200, &json!(true)));
    assert!(!desk.write(|conn| sequences::step(conn, desk.now())).unwrap());
    let one = text(&desk, "SELECT min(id) AS body FROM enrollments");
    let (_, refused) = desk.call(&desk.agent, "POST", &format!("{path}/enrollments/{one}/send-next"), json!({})).await;
    assert_eq!(refused["code"], "sequence_paused");
    let (status, refused) = desk.call(&desk.agent, "PATCH", &path, json!({"paused": false})).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("person_required")), "only a person lets it go on");
    let id = path.rsplit('/').next().unwrap();
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = format!("/sequences/{id}");
    assert!(max.get(&page).await.body.contains("<b>Paused</b>"));
    max.post(&page, &format!("{page}/pause"), &[("paused", "no")]).await;
    sql(&desk, "UPDATE contacts SET name = NULL WHERE email = 'c3@example.com'");
    // Several processes at once.
    let now = desk.now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let db = desk.state.db.clone();
            scope.spawn(move || while db.write(|conn| sequences::step(conn, now)).unwrap() {});
        }
    });
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages"), 29, "one each; whom it cannot be filled in for got none");
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages WHERE state = 'pending'"), 29);
    assert!(text(&desk, "SELECT stopped_because AS body FROM enrollments WHERE state = 'stopped'").contains("could not be handed in"));
}

#[actix_web::test]
async fn a_manager_writes_a_sequence_sees_where_everybody_stands_and_changes_it() {
    let desk = Desk::new().await;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert!(max.get("/sequences").await.body.contains("No sequence yet"));
    let mailbox = address(Mode::GatedSend);
    let bad = [("name", "Drip"), ("mailbox", mailbox.as_str()), ("was", ""), ("subject", "Hi {surname}"), ("body", "Text"), ("days", "")];
    let wrong = max.post("/sequences/new", "/sequences", &bad).await;
    assert!(wrong.status == 422 && wrong.body.contains("Hi {surname}") && wrong.body.contains("value=\"Drip\""), "{}", wrong.status);
    let fields = [
        ("name", "Drip"),
        ("mailbox", mailbox.as_str()),
        ("automatic", "yes"),
        ("was", ""),
        ("subject", "Hi {name}"),
        ("body", "One"),
        ("days", ""),
        ("was", ""),
        ("subject", "Guide"),
        ("body", "Two"),
        ("days", "3"),
        ("was", ""),
        ("subject", ""),
        ("body", ""),
        ("days", ""),
    ];
    let path = max.post("/sequences/new", "/sequences", &fields).await.location.unwrap();
    let page = max.get(&path).await.body;
    assert!(
        page.contains("2 steps over 3 days")
            && page.contains("Day 3, 3 days after the step before left")
            && page.contains("They answer any message."),
        "{page}"
    );
    let none = max.get(&format!("{path}?contact=nobody@example.com")).await.body;
    assert!(none.contains("No contact has this address or id."));
    max.post(&path, &format!("{path}/enrollments"), &[("contact", "ana@example.com")]).await;
    let page = max.get(&path).await.body;
    assert!(page.contains("1 before it, 0 handed in, 0 sent") && page.contains("0 of 2 handed in"), "{page}");
    let shown = max.get(&format!("{path}?contact=ana@example.com")).await.body;
    assert!(shown.contains("The step greets by name") && shown.contains("Two"), "{shown}");
    let edit = max.get(&format!("{path}/edit")).await.body;
    assert!(edit.contains("name=\"was\" value=\"2\"") && edit.contains("Add a step here"));
    let fields = [
        ("automatic", "yes"),
        ("was", ""),
        ("subject", "Before"),
        ("body", "Zero"),
        ("days", ""),
        ("was", "2"),
        ("subject", "Guide"),
        ("body", "Two"),
        ("days", "4"),
    ];
    assert_eq!(max.post(&format!("{path}/edit"), &path, &fields).await.status, 303);
    let page = max.get(&path).await.body;
    assert!(page.contains("2 steps over 4 days") && page.contains("1. Before") && !page.contains("Hi {name}"), "{page}");
    let enrollment = text(&desk, "SELECT id AS body FROM enrollments");
    max.post(&path, &format!("{path}/enrollments/stop"), &[("enrollment", &enrollment)]).await;
    assert!(max.get(&path).await.body.contains("Stopped by Max."));
    max.post(&path, &format!("{path}/archive"), &[("archived", "yes")]).await;
    assert!(max.get("/sequences").await.body.contains("No sequence yet") && max.get("/sequences?archived=yes").await.body.contains("Drip"));
}

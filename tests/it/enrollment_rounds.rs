//! Enrolling everybody of a segment in a sequence: each once, with progress, through kills and by several at once.

use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use countersign::domain::sequences::rounds;
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::programs::contact;
use crate::support::{Browser, Desk, address, count};

async fn post(desk: &Desk, path: &str, body: Value) -> (u16, Value) {
    desk.call(&desk.agent, "POST", path, body).await
}

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, answer) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A sequence; its path.
async fn sequence(desk: &Desk, name: &str, mode: Mode) -> String {
    let steps = json!([{"subject": "Welcome", "body": "Hello."}, {"subject": "A guide", "body": "Here it is.", "wait_days": 3}]);
    let (status, made) = post(desk, "/v1/sequences", json!({"name": name, "mailbox": address(mode), "steps": steps})).await;
    assert_eq!(status, 201, "{made}");
    format!("/v1/sequences/{}", made["id"].as_str().unwrap())
}

/// A sequence, and a segment of so many with the tag beta; their path and id.
async fn scene(desk: &Desk, contacts: usize) -> (String, String) {
    for place in 0..contacts {
        contact(desk, &format!("c{place}@example.com"), &["beta"]);
    }
    let (_, segment) = post(desk, "/v1/segments", json!({"name": "Beta", "tags": "beta"})).await;
    (sequence(desk, "Welcome", Mode::GatedSend).await, segment["id"].as_str().unwrap().to_owned())
}

fn work(desk: &Desk) -> usize {
    (0..1000).take_while(|_| desk.write(|conn| rounds::step(conn, desk.now())).unwrap()).count()
}

async fn newest(desk: &Desk, path: &str) -> Value {
    get(desk, &format!("{path}/segments")).await["rounds"][0].clone()
}

fn enrolled(desk: &Desk) -> (i64, i64) {
    let active = "FROM enrollments WHERE state = 'active'";
    (count(desk, &format!("SELECT count(*) AS n {active}")), count(desk, &format!("SELECT count(DISTINCT contact_id) AS n {active}")))
}

#[actix_web::test]
async fn everybody_of_a_segment_is_enrolled_once_and_the_forecast_says_who_is_not() {
    let desk = Desk::new().await;
    let (path, segment) = scene(&desk, 50).await;
    contact(&desk, "left@example.com", &["beta", "unsubscribed"]);
    contact(&desk, "through@example.com", &["beta", "drip_complete"]);
    let other = sequence(&desk, "Other", Mode::GatedSend).await;
    post(&desk, &format!("{other}/enrollments"), json!({"email": "c0@example.com"})).await;
    post(&desk, &format!("{path}/enrollments"), json!({"email": "c1@example.com"})).await;

    post(&desk, "/v1/campaigns", json!({"name": "Spring", "kind": "announcement", "segment_id": segment})).await;
    let forecast = get(&desk, &format!("{path}/segments/forecast?segment_id={segment}")).await;
    assert_eq!((&forecast["overlaps"][0]["name"], &forecast["overlaps"][0]["contacts"]), (&json!("Spring"), &json!(52)), "{forecast}");
    assert_eq!(
        (&forecast["total"], &forecast["enrolled"], &forecast["passed_over"], &forecast["left_out"], &forecast["more"]),
        (&json!(52), &json!(48), &json!(1), &json!(3), &json!(false)),
        "{forecast}"
    );
    let mut codes: Vec<&str> = forecast["reasons"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["already_enrolled", "recipient_suppressed", "sequence_complete"]);
    assert_eq!(forecast["left_out_contacts"].as_array().unwrap().len(), 3);
    assert_eq!(enrolled(&desk), (2, 2), "nothing changed");

    let (status, begun) = post(&desk, &format!("{path}/segments"), json!({"segment_id": segment})).await;
    assert_eq!((status, &begun["total"], &begun["done"]), (202, &json!(52), &json!(0)), "{begun}");
    let (status, again) = post(&desk, &format!("{path}/segments"), json!({"segment_id": segment})).await;
    assert_eq!((status, again["code"].as_str()), (409, Some("round_under_way")));
    // A process that ends between two steps leaves the rest to the next.
    assert!(desk.write(|conn| rounds::step(conn, desk.now())).unwrap());
    assert_eq!(newest(&desk, &path).await["done"], 20);
    work(&desk);
    let done = newest(&desk, &path).await;
    assert_eq!(
        (&done["enrolled"], &done["passed_over"], &done["left_out"], done["finished_at"].is_string()),
        (&forecast["enrolled"], &forecast["passed_over"], &forecast["left_out"], true),
        "as the forecast said: {done}"
    );
    assert!(done["because"].is_string());
    assert_eq!(enrolled(&desk), (50, 50));
    let log = "SELECT count(*) AS n FROM audit_log WHERE action = 'enrollment.add'";
    assert_eq!(count(&desk, log), 50, "one entry for each");
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM audit_log WHERE action = 'sequence.enroll_segment'"), 1);

    // Again: only who came since is enrolled.
    contact(&desk, "late@example.com", &["beta"]);
    assert_eq!(post(&desk, &format!("{path}/segments"), json!({"segment_id": segment})).await.0, 202);
    work(&desk);
    let second = newest(&desk, &path).await;
    assert_eq!((&second["enrolled"], &second["passed_over"]), (&json!(1), &json!(49)), "{second}");
}

#[actix_web::test]
async fn several_processes_and_one_that_ends_in_the_middle_enroll_nobody_twice() {
    let desk = Desk::new().await;
    let (path, segment) = scene(&desk, 120).await;
    post(&desk, &format!("{path}/segments"), json!({"segment_id": segment})).await;
    let now = desk.now();
    let undone = desk.write(|conn| {
        rounds::step(conn, now)?;
        Err::<(), _>(countersign::domain::error::Error::internal("the process ends here"))
    });
    assert!(undone.is_err() && enrolled(&desk).0 == 0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let db = desk.restarted().db;
            scope.spawn(move || while db.write(|conn| rounds::step(conn, now)).unwrap() {});
        }
    });
    assert_eq!(enrolled(&desk), (120, 120));
    let done = newest(&desk, &path).await;
    assert_eq!((&done["enrolled"], &done["done"]), (&json!(120), &json!(120)), "{done}");
    assert_eq!(count(&desk, "SELECT CAST(failures AS BIGINT) AS n FROM enrollment_rounds"), 0, "they took turns");
}

#[actix_web::test]
async fn what_is_under_way_is_cancelled_ends_with_its_sequence_and_keeps_its_segment() {
    let desk = Desk::new().await;
    let (path, segment) = scene(&desk, 60).await;
    let begin = async || post(&desk, &format!("{path}/segments"), json!({"segment_id": segment})).await;
    let delete = async || desk.call(&desk.agent, "DELETE", &format!("/v1/segments/{segment}"), json!(null)).await;
    begin().await;
    desk.write(|conn| rounds::step(conn, desk.now())).unwrap();
    assert_eq!(delete().await.1["code"], "segment_in_use");
    let (status, cancelled) = post(&desk, &format!("{path}/segments/cancel"), json!({})).await;
    assert!(status == 200 && cancelled["rounds"][0]["cancelled_at"].is_string(), "{cancelled}");
    assert_eq!((work(&desk), enrolled(&desk).0), (0, 20), "who was enrolled stays");
    begin().await;
    desk.call(&desk.agent, "PATCH", &path, json!({"archived": true})).await;
    work(&desk);
    let ended = newest(&desk, &path).await;
    assert!(ended["finished_at"].is_string() && ended["because"].as_str().unwrap().contains("put away"), "{ended}");
    assert_eq!(enrolled(&desk).0, 20);
    assert_eq!(begin().await.1["code"], "sequence_archived");
    assert_eq!(delete().await.0, 204, "what has ended needs it no more");
    assert_eq!(newest(&desk, &path).await["segment"], "Beta");
}

#[actix_web::test]
async fn a_manager_sees_who_would_be_enrolled_and_an_agent_asks_the_same() {
    let desk = Desk::new().await;
    let (path, segment) = scene(&desk, 3).await;
    contact(&desk, "left@example.com", &["beta", "unsubscribed"]);
    let page = path.trim_start_matches("/v1").to_owned();
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let shown = max.get(&format!("{page}/segments?segment={segment}")).await;
    assert!(shown.status == 200 && shown.body.contains("Enroll 3 contacts") && shown.body.contains("left@example.com"), "{}", shown.body);
    let missing = max.get(&format!("{page}/segments?segment=none")).await;
    assert!((400..500).contains(&missing.status), "{}", missing.status);
    max.post(&format!("{page}/segments?segment={segment}"), &format!("{page}/segments"), &[("segment", &segment)]).await;
    let under_way = max.get(&page).await;
    assert!(under_way.body.contains("Under way, 0 of 4"), "{}", under_way.body);
    work(&desk);
    assert!(max.get(&page).await.body.contains("Done: 3 enrolled, 1 left out."));

    let agent = Client::with(&serve(&desk).await, &desk.agent).await;
    let of = json!({"sequence_id": path.rsplit('/').next().unwrap(), "segment_id": segment});
    let (forecast, _) = agent.call("forecast_enrollment", of.clone()).await;
    assert_eq!((&forecast["passed_over"], &forecast["left_out"]), (&json!(3), &json!(1)), "{forecast}");
    let (begun, _) = agent.call("enroll_segment", of).await;
    assert_eq!(begun["total"], 4, "{begun}");
}

#[actix_web::test]
async fn the_first_message_to_each_segment_goes_by_a_person() {
    let desk = Desk::new().await;
    let path = sequence(&desk, "Welcome", Mode::Monitored).await;
    let first = "It is the first message of a new campaign.";
    let enroll = async |tag: &str| {
        let (_, segment) = post(&desk, "/v1/segments", json!({"name": tag, "tags": tag})).await;
        for place in 0..2 {
            contact(&desk, &format!("{tag}{place}@example.com"), &[tag]);
        }
        post(&desk, &format!("{path}/segments"), json!({"segment_id": segment["id"]})).await;
        work(&desk);
    };
    let due = async |email: &str| {
        let all = get(&desk, &format!("{path}/due?limit=100")).await;
        let found = all["due"].as_array().unwrap().iter().find(|one| one["email"] == email).unwrap_or_else(|| panic!("{all}")).clone();
        let (_, sent) = post(&desk, &format!("{path}/enrollments/{}/send-next", found["enrollment_id"].as_str().unwrap()), json!({})).await;
        sent["message"].clone()
    };
    enroll("beta").await;
    let held = due("beta0@example.com").await;
    assert_eq!(held["reason"], first, "{held}");
    desk.decide("Rita", &desk.message(held["id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    assert_ne!(due("beta1@example.com").await["reason"], first);
    enroll("gamma").await;
    assert_eq!(due("gamma0@example.com").await["reason"], first, "of the others nobody saw anything");
}

//! Migrations: drafts of phases, the board, the deadline that moves, the pages.

use countersign::domain::actor::Scope;
use countersign::domain::cohorts::rounds;
use countersign::domain::facts;
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, State};
use serde_json::{Value, json};

use crate::programs::contact;
use crate::support::{Browser, Desk, OPERATOR, address, count, sql};

/// A day so many days from now.
fn day(desk: &Desk, days: i64) -> String {
    desk.now().plus_days(days).date().to_string()
}

/// A cohort of everybody with the tag api-v1; its path.
async fn cohort(desk: &Desk, more: Value) -> String {
    let mut body = json!({"name": "API v1 sunset", "tags": "api-v1", "deadline": day(desk, 100), "from_version": "API v1", "to_version": "API v2"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/cohorts", body).await;
    assert_eq!(status, 201, "{made}");
    format!("/v1/cohorts/{}", made["id"].as_str().unwrap())
}

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, answer) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn draft(desk: &Desk, path: &str, phase: &str) -> (u16, Value) {
    desk.call(&desk.agent, "POST", &format!("{path}/drafts"), json!({"phase": phase, "mailbox": address(Mode::GatedSend)})).await
}

/// Takes step after step until nothing is left; how many there were.
fn work(desk: &Desk) -> usize {
    (0..100).take_while(|_| desk.write(|conn| rounds::step(conn, desk.now())).unwrap()).count()
}

fn drafts(desk: &Desk) -> i64 {
    count(desk, "SELECT count(*) AS n FROM cohort_messages")
}

#[actix_web::test]
async fn all_phases_are_drafted_up_front_once_for_each_contact_and_held() {
    let desk = Desk::new().await;
    for place in 0..25 {
        contact(&desk, &format!("c{place}@example.com"), &["api-v1"]);
    }
    contact(&desk, "left@example.com", &["api-v1", "unsubscribed"]);
    contact(&desk, "done@example.com", &["api-v1", "migration-complete"]);
    let path = cohort(&desk, json!({})).await;
    let (status, started) = draft(&desk, &path, "all").await;
    assert_eq!(status, 202, "{started}");
    let phases: Vec<&str> = started["drafts"].as_array().unwrap().iter().map(|round| round["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["announcement", "preparation", "window", "final"]);
    let (status, again) = draft(&desk, &path, "final").await;
    assert_eq!((status, again["code"].as_str()), (409, Some("round_under_way")));
    // A process that ends between two steps leaves the rest to the next.
    assert!(desk.write(|conn| rounds::step(conn, desk.now())).unwrap());
    let begun = drafts(&desk);
    assert!((1..100).contains(&begun), "{begun}");
    work(&desk);
    assert_eq!(drafts(&desk), 100, "four phases for each of 25: who left and who is done are left out");
    let all = get(&desk, &format!("{path}/drafts")).await;
    for round in all["drafts"].as_array().unwrap() {
        assert_eq!((&round["drafted"], &round["left_out"], round["finished_at"].is_string()), (&json!(25), &json!(1), true), "{round}");
        assert!(round["because"].as_str().is_some_and(|why| !why.is_empty()));
    }
    // Whoever has a phase does not get it again; who came later does.
    contact(&desk, "late@example.com", &["api-v1"]);
    assert_eq!(draft(&desk, &path, "announcement").await.0, 202);
    work(&desk);
    assert_eq!(drafts(&desk), 101);
    let board = get(&desk, &format!("{path}/board")).await;
    let announcement = &board["phases"][0];
    assert_eq!((&announcement["phase"], &announcement["messages"]), (&json!("announcement"), &json!({"pending": 26})));
    assert_eq!(announcement["send_at"].as_str().unwrap()[..10], day(&desk, 10));
    assert_eq!(
        count(&desk, "SELECT count(*) AS n FROM messages WHERE state = 'pending' AND send_at IS NOT NULL AND campaign = 'API v1 sunset'"),
        101
    );
}

#[actix_web::test]
async fn two_processes_draft_a_cohort_without_writing_to_anybody_twice() {
    let desk = Desk::new().await;
    for place in 0..60 {
        contact(&desk, &format!("c{place}@example.com"), &["api-v1"]);
    }
    let path = cohort(&desk, json!({})).await;
    draft(&desk, &path, "announcement").await;
    let now = desk.now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let db = desk.state.db.clone();
            scope.spawn(move || while db.write(|conn| rounds::step(conn, now)).unwrap() {});
        }
    });
    assert_eq!((drafts(&desk), count(&desk, "SELECT count(DISTINCT contact_id) AS n FROM messages")), (60, 60));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages"), 60);
    // They took turns: without the lock a step would fail on what another just wrote, or count it once more.
    let told = "SELECT CAST(drafted * 10000 + passed_over * 100 + failures AS BIGINT) AS n FROM cohort_rounds";
    assert_eq!(count(&desk, told), 60 * 10000);
}

#[actix_web::test]
async fn the_words_fit_what_somebody_built_and_rest_on_the_deadline() {
    let desk = Desk::new().await;
    contact(&desk, "hooks@example.com", &["api-v1", "integration-webhooks"]);
    contact(&desk, "rest@example.com", &["api-v1", "integration-rest"]);
    contact(&desk, "plain@example.com", &["api-v1"]);
    let guides = json!([{"tag": "integration-webhooks", "text": "Point your endpoint at the new schema."}, {"tag": "integration-rest", "text": "Send the new header."}]);
    let path = cohort(&desk, json!({"guides": guides})).await;
    draft(&desk, &path, "preparation").await;
    work(&desk);
    let words = |email: &str| -> String {
        let text = "SELECT v.text_body AS body FROM message_versions v WHERE v.to_address = ";
        crate::support::text(&desk, &format!("{text}'{email}'"))
    };
    assert!(words("hooks@example.com").contains("new schema") && !words("hooks@example.com").contains("new header"));
    assert!(words("rest@example.com").contains("new header"));
    let plain = words("plain@example.com");
    assert!(!plain.contains("{steps}") && !plain.contains("{link}") && plain.contains("API v1 stops on"), "{plain}");
    // An agent proposes the fact; nothing rests on it before a person accepts it.
    let fact = get(&desk, &path).await["fact_id"].as_str().unwrap().to_owned();
    assert_eq!(crate::support::text(&desk, &format!("SELECT state AS body FROM facts WHERE id = '{fact}'")), "proposed");
    for (wrong, code) in [
        (json!({"phases": [{"phase": "window", "days_before": 70, "subject": "s", "body": "b"}]}), "field_invalid"),
        (json!({"phases": [{"phase": "window", "days_before": 20, "subject": "s", "body": "{surname}"}]}), "placeholder_unknown"),
        (json!({"phases": [{"phase": "completion", "days_before": 20, "subject": "s", "body": "b"}]}), "field_invalid"),
        (json!({"guides": [{"tag": "a", "text": " "}]}), "field_invalid"),
    ] {
        let (status, answer) = desk.call(&desk.agent, "PATCH", &path, wrong.clone()).await;
        assert_eq!((status, answer["code"].as_str()), (422, Some(code)), "{wrong}: {answer}");
    }
}

#[actix_web::test]
async fn progress_comes_from_mail_that_left_from_usage_and_from_tags() {
    let desk = Desk::new().await;
    contact(&desk, "ana@example.com", &["api-v1", "priority-high"]);
    contact(&desk, "ben@example.com", &["api-v1", "priority-high", "migration-complete"]);
    contact(&desk, "cem@example.com", &["api-v1", "priority-low"]);
    let path = cohort(&desk, json!({"deadline": day(&desk, 1), "started_by_usage": "GET /v2/things"})).await;
    assert_eq!(draft(&desk, &path, "all").await.1["code"], "phases_over");
    assert_eq!(draft(&desk, &path, "reminder").await.0, 202);
    // A person accepts what the agent proposed; the drafts rest on it.
    let fact = get(&desk, &path).await["fact_id"].as_str().unwrap().to_owned();
    desk.write(|conn| facts::accept(conn, &OPERATOR, &fact.as_str().into(), desk.now())).unwrap();
    work(&desk);
    assert_eq!(drafts(&desk), 2, "who is done is not reminded");
    assert_eq!(draft(&desk, &path, "reminder").await.1["code"], "reminded_lately");
    let first =
        crate::support::text(&desk, "SELECT m.id AS body FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE c.email = 'ana@example.com'");
    desk.decide("Rita", &desk.message(&first), DecisionKind::Approve).unwrap();
    desk.drain().await;
    let board = get(&desk, &format!("{path}/board")).await;
    assert_eq!(board["funnel"], json!({"waiting": 1, "notified": 1, "acknowledged": 0, "started": 0, "complete": 1}), "the one whose reminder left");
    let events = json!({"events": [{"email": "ana@example.com", "name": "GET /v2/things"}, {"email": "ben@example.com", "name": "GET /v2/things"}]});
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/usage-events", events).await;
    assert!(status < 300, "{answer}");
    let board = get(&desk, &format!("{path}/board")).await;
    assert_eq!(board["funnel"], json!({"waiting": 1, "notified": 0, "acknowledged": 0, "started": 1, "complete": 1}), "who is done stays done");
    assert_eq!(
        board["groups"],
        json!([
            {"tag": "priority-high", "total": 2, "not_started": 0, "complete": 1},
            {"tag": "priority-low", "total": 1, "not_started": 1, "complete": 0},
        ])
    );
}

#[actix_web::test]
async fn whoever_is_further_by_the_tags_of_this_migration_gets_no_reminder_and_whoever_is_done_is_thanked() {
    let desk = Desk::new().await;
    for (name, tags) in [("done", &["api-v1"][..]), ("began", &["api-v1"]), ("else", &["api-v1", "migration-complete", "p3-migration-notified"])] {
        contact(&desk, &format!("{name}@example.com"), tags);
    }
    let path = cohort(&desk, json!({"tag_prefix": "p3-"})).await;
    assert_eq!(draft(&desk, &path, "reminder").await.0, 202);
    let fact = get(&desk, &path).await["fact_id"].as_str().unwrap().to_owned();
    desk.write(|conn| facts::accept(conn, &OPERATOR, &fact.as_str().into(), desk.now())).unwrap();
    work(&desk);
    let of = |name: &str, phase: &str| {
        let ask = format!(
            "SELECT c.message_id AS body FROM cohort_messages c JOIN contacts p ON p.id = c.contact_id WHERE p.email = '{name}@example.com' AND c.phase = '{phase}'"
        );
        crate::support::text(&desk, &ask)
    };
    let reminders = ["done", "began", "else"].map(|name| of(name, "reminder"));
    for reminder in &reminders {
        desk.decide("Rita", &desk.message(reminder), DecisionKind::Approve).unwrap();
    }
    // After they were approved they go on.
    for (name, tag) in [("done", "p3-migration-complete"), ("began", "p3-migration-started")] {
        contact(&desk, &format!("{name}@example.com"), &[tag]);
    }
    desk.drain().await;
    let states = || reminders.each_ref().map(|id| desk.message(id).row.state);
    assert_eq!(states(), [State::Skipped, State::Skipped, State::Sent], "another migration's progress is not theirs");
    assert_eq!(draft(&desk, &path, "completion").await.0, 202);
    work(&desk);
    let thanks = of("done", "completion");
    desk.decide("Rita", &desk.message(&thanks), DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(desk.message(&thanks).row.state, State::Sent);
}

#[actix_web::test]
async fn a_key_cannot_move_what_drafts_rest_on() {
    let desk = Desk::new().await;
    contact(&desk, "ana@example.com", &["api-v1"]);
    let path = cohort(&desk, json!({})).await;
    let patch = |body: Value| desk.call(&desk.agent, "PATCH", &path, body);
    assert_eq!(patch(json!({"deadline": day(&desk, 120)})).await.0, 200, "nothing rests on it yet");
    draft(&desk, &path, "announcement").await;
    for change in [json!({"deadline": day(&desk, 150)}), json!({"to_version": "API v3"})] {
        let (status, answer) = patch(change).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("person_required")), "{answer}");
    }
    assert_eq!(get(&desk, &path).await["deadline"], json!(day(&desk, 120)));
    assert_eq!(patch(json!({"started_by_usage": "GET /v2/things"})).await.0, 200, "drafts do not rest on this");
}

#[actix_web::test]
async fn a_key_that_reaches_some_mailboxes_harms_none_of_the_others() {
    let desk = Desk::new().await;
    contact(&desk, "ana@example.com", &["api-v1"]);
    let path = cohort(&desk, json!({})).await;
    draft(&desk, &path, "announcement").await;
    let named = NewKey::named("narrow", &[Scope::Read, Scope::Draft, Scope::Contacts]);
    let new = NewKey { mailboxes: vec![desk.mailbox(Mode::Monitored).id], ..named };
    let narrow = desk.write(|conn| keys::add(conn, &OPERATOR, &new, desk.now())).unwrap().1;
    for (method, path, body) in [
        ("PATCH", path.clone(), json!({"started_by_usage": "GET /v2/things"})),
        ("POST", format!("{path}/drafts/cancel"), json!({})),
        ("DELETE", path.clone(), json!(null)),
        ("POST", "/v1/suppression".to_owned(), json!({"email": "@example.com"})),
        ("POST", "/v1/suppression".to_owned(), json!({"email": "#api-v1"})),
    ] {
        let (status, answer) = desk.call(&narrow, method, &path, body).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("reach_missing")), "{method} {path}: {answer}");
    }
    assert_eq!(desk.call(&narrow, "POST", "/v1/suppression", json!({"email": "x@example.com"})).await.0, 201);
    assert_eq!(desk.call(&desk.agent, "DELETE", &path, json!(null)).await.0, 204);
}

#[actix_web::test]
async fn moving_the_deadline_shows_who_was_told_the_old_one_and_takes_back_what_waits() {
    let desk = Desk::new().await;
    contact(&desk, "ana@example.com", &["api-v1"]);
    contact(&desk, "ben@example.com", &["api-v1"]);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let (old, new) = (day(&desk, 5), day(&desk, 40));
    let fields = [("name", "API v1 sunset"), ("tags", "api-v1"), ("deadline", old.as_str()), ("from_version", "API v1"), ("to_version", "API v2")];
    let page = max.post("/migrations/new", "/migrations", &fields).await;
    let path = page.location.unwrap();
    let id = path.rsplit('/').next().unwrap().to_owned();
    let mailbox = address(Mode::GatedSend);
    let done = max.post(&path, &format!("{path}/drafts"), &[("phase", "reminder"), ("mailbox", &mailbox)]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(max.get(&path).await.body.contains("Cancel what is under way"));
    work(&desk);
    let one =
        crate::support::text(&desk, "SELECT m.id AS body FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE c.email = 'ana@example.com'");
    desk.decide("Rita", &desk.message(&one), DecisionKind::Approve).unwrap();
    desk.drain().await;
    let page = max.get(&path).await.body;
    assert!(page.contains("5 days left") && !page.contains("told another day"), "{page}");
    let fields = [("name", "API v1 sunset"), ("tags", "api-v1"), ("deadline", new.as_str()), ("from_version", "API v1"), ("to_version", "API v2")];
    assert_eq!(max.post(&format!("{path}/edit"), &path, &fields).await.status, 303);
    let page = max.get(&path).await.body;
    assert!(page.contains("1 contact was told another day") && page.contains("ana@example.com") && page.contains(&format!("told {old}")), "{page}");
    assert!(page.contains("<b>1 draft names the old day</b>"), "{page}");
    let fact = crate::support::text(&desk, "SELECT body FROM facts WHERE kind = 'migration_change'");
    assert!(fact.contains(&new), "the fact follows: {fact}");
    max.post(&path, &format!("{path}/outdated"), &[]).await;
    // They may be reminded of the new day at once, and once.
    assert_eq!(max.post(&path, &format!("{path}/drafts"), &[("phase", "reminder"), ("mailbox", &mailbox)]).await.status, 303);
    work(&desk);
    let reminded =
        "SELECT count(*) AS n FROM cohort_messages c JOIN messages m ON m.id = c.message_id WHERE c.phase = 'reminder' AND m.state = 'pending'";
    assert_eq!(count(&desk, reminded), 2);
    let again = max.post(&path, &format!("{path}/drafts"), &[("phase", "reminder"), ("mailbox", &mailbox)]).await;
    assert!(again.body.contains("They were reminded less than"), "{}", again.status);
    let page = max.get(&path).await.body;
    assert!(!page.contains("names the old day") && page.contains("told another day"));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages WHERE state = 'withdrawn'"), 1);
    // The reminder tells the new day.
    let board = get(&desk, &format!("/v1/cohorts/{id}/board")).await;
    assert_eq!((&board["told_otherwise_total"], &board["outdated_drafts"]), (&json!(1), &json!(0)));
    sql(&desk, "UPDATE messages SET send_at = NULL");
    let next = crate::support::text(
        &desk,
        "SELECT m.id AS body FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE c.email = 'ana@example.com' AND m.state = 'pending'",
    );
    desk.decide("Rita", &desk.message(&next), DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(get(&desk, &format!("/v1/cohorts/{id}/board")).await["told_otherwise_total"], json!(0));
}

#[actix_web::test]
async fn a_manager_makes_a_migration_looks_at_its_words_and_cancels_drafts() {
    let desk = Desk::new().await;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert!(max.get("/migrations").await.body.contains("No migration yet"));
    let fields = [
        ("name", "Sunset"),
        ("tags", "api-v1"),
        ("deadline", "soon"),
        ("from_version", "v1"),
        ("to_version", "v2"),
        ("guide-tag", "a"),
        ("guide-text", "Do it"),
    ];
    let wrong = max.post("/migrations/new", "/migrations", &fields).await;
    assert!(wrong.status == 422 && wrong.body.contains("value=\"Sunset\"") && wrong.body.contains("Do it"), "{}", wrong.status);
    let deadline = day(&desk, 100);
    let fields = [
        ("name", "Sunset"),
        ("tags", "api-v1"),
        ("deadline", deadline.as_str()),
        ("from_version", "v1"),
        ("to_version", "v2"),
        ("guide-tag", "api-v1"),
        ("guide-text", "Do <b>it</b>"),
        ("window-days", "20"),
    ];
    let path = max.post("/migrations/new", "/migrations", &fields).await.location.unwrap();
    assert!(max.get(&path).await.body.contains("Nobody is in this migration"));
    assert_eq!(max.get(&format!("{path}/preview?phase=window")).await.status, 409);
    for place in 0..25 {
        contact(&desk, &format!("c{place}@example.com"), &["api-v1"]);
    }
    let preview = max.get(&format!("{path}/preview?phase=preparation")).await.body;
    assert!(preview.contains("Do &#60;b&#62;it&#60;/b&#62;") || preview.contains("Do &lt;b&gt;it"), "{preview}");
    let mailbox = address(Mode::Autonomous);
    max.post(&path, &format!("{path}/drafts"), &[("phase", "all"), ("mailbox", &mailbox)]).await;
    assert!(desk.write(|conn| rounds::step(conn, desk.now())).unwrap());
    max.post(&path, &format!("{path}/drafts/cancellation"), &[]).await;
    assert_eq!((work(&desk), drafts(&desk)), (0, 20), "what was drafted stays, and no more comes");
    let page = max.get(&path).await.body;
    assert!(page.contains("Cancelled: 20 drafted") && page.contains("25 in all") && page.contains("Remind 25 who have not started"), "{page}");
    assert!(page.contains("20 drafted, 20 held, 0 sent"), "held although its mailbox sends by itself");
    assert_eq!(max.post(&path, &format!("{path}/deletion"), &[]).await.location.as_deref(), Some("/migrations"));
    assert_eq!(max.get(&path).await.status, 404);
}

#[actix_web::test]
async fn a_phase_that_fails_is_set_aside_and_those_behind_it_go_on() {
    let desk = Desk::new().await;
    let broken = contact(&desk, "broken@example.com", &["api-v1", "migration-complete"]);
    contact(&desk, "fine@example.com", &["api-v1"]);
    let path = cohort(&desk, json!({})).await;
    assert_eq!(draft(&desk, &path, "completion").await.0, 202);
    assert_eq!(draft(&desk, &path, "announcement").await.0, 202);
    sql(&desk, &format!("UPDATE contacts SET metadata = 'not JSON' WHERE id = '{broken}'"));
    work(&desk);
    assert_eq!(drafts(&desk), 1, "the phase behind it is drafted");
    let aside = get(&desk, &format!("{path}/drafts")).await["drafts"][1].clone();
    assert!(aside["trouble"].as_str().is_some_and(|why| why.contains("Something went wrong here")), "{aside}");
    assert!(aside["retry_at"].is_string() && aside["finished_at"].is_null(), "{aside}");
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&path.replace("/v1/cohorts", "/migrations")).await.body;
    assert!(page.contains("Set aside") && page.contains("Something went wrong here"), "{page}");
    sql(&desk, &format!("UPDATE contacts SET metadata = '{{}}' WHERE id = '{broken}'"));
    let later = desk.now().plus_seconds(61);
    assert!(desk.write(|conn| rounds::step(conn, later)).unwrap());
    assert_eq!(drafts(&desk), 2);
    assert_eq!(get(&desk, &format!("{path}/drafts")).await["drafts"][1]["trouble"], json!(null));
}

#[actix_web::test]
async fn why_somebody_was_left_out_is_told_whole() {
    let desk = Desk::new().await;
    contact(&desk, "left@example.com", &["api-v1", "unsubscribed"]);
    let path = cohort(&desk, json!({})).await;
    draft(&desk, &path, "announcement").await;
    work(&desk);
    let round = get(&desk, &format!("{path}/drafts")).await["drafts"][0].clone();
    let why = round["because"].as_str().unwrap();
    assert!(why.chars().count() > 64 && why.ends_with('.'), "{round}");
}

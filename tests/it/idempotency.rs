//! One effect for one idempotency key: retries, races, restarts and deaths in between.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use actix_web::dev::Service;
use actix_web::{rt, test};
use countersign::app::State;
use countersign::clock;
use countersign::domain::actor::Scope;
use countersign::domain::calls::{Current, during};
use countersign::domain::contacts::suppressions;
use countersign::domain::drafting::{Brief, Drafted, Drafter};
use countersign::domain::idempotency::{self, Begun, Request, Turn};
use countersign::domain::keys;
use countersign::domain::mailboxes::Mode;
use countersign::domain::settings;
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::support::{Desk, OPERATOR, Reply, address, app_of, ask, sql};

fn letter(to: &str) -> Value {
    json!({"mailbox": address(Mode::GatedSend), "to": to, "subject": "A subject", "text_body": "Hello there."})
}

async fn send(state: &State, key: &str, name: &str, body: &Value) -> Reply {
    ask(state, key, "POST", "/v1/send", &[("Idempotency-Key", name)], body).await
}

async fn messages(desk: &Desk) -> usize {
    desk.call(&desk.agent, "GET", "/v1/emails?limit=100", Value::Null).await.1["emails"].as_array().unwrap().len()
}

/// As if the process had died so long ago that nobody waits for it any more.
fn let_leases_end(desk: &Desk) {
    assert!(sql(desk, "UPDATE idempotency_keys SET lease_until = 0 WHERE answered_at IS NULL") > 0);
}

#[actix_web::test]
async fn the_same_request_with_the_same_key_gets_the_first_answer_also_after_a_restart() {
    let desk = Desk::new().await;
    let first = send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await;
    assert_eq!((first.status, first.header("Idempotent-Replayed")), (202, None));
    // The order of fields is no difference.
    let turned = json!({"text_body": "Hello there.", "subject": "A subject", "to": "a@example.com", "mailbox": address(Mode::GatedSend)});
    for (state, body) in [(desk.state.clone(), letter("a@example.com")), (desk.restarted(), turned)] {
        let again = send(&state, &desk.agent, "one", &body).await;
        assert_eq!((again.status, &again.body), (202, &first.body));
        assert_eq!(again.header("Idempotent-Replayed"), Some("true"));
        assert_eq!(again.header("Content-Type"), first.header("Content-Type"));
    }
    assert_eq!(messages(&desk).await, 1);
}

#[actix_web::test]
async fn the_field_of_a_body_means_the_same_as_the_header() {
    let desk = Desk::new().await;
    let mut named = letter("a@example.com");
    named["idempotency_key"] = json!("two");
    let first = ask(&desk.state, &desk.agent, "POST", "/v1/send", &[], &named).await;
    let again = send(&desk.state, &desk.agent, "two", &letter("a@example.com")).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    let differing = send(&desk.state, &desk.agent, "three", &named).await;
    assert_eq!((differing.status, differing.code()), (422, "idempotency_key_conflict"));
    assert_eq!(messages(&desk).await, 1);
}

#[actix_web::test]
async fn a_key_is_for_one_request_of_one_api_key() {
    let desk = Desk::new().await;
    let first = send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await;
    let other = send(&desk.state, &desk.agent, "one", &letter("b@example.com")).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    let text = other.body["detail"].as_str().unwrap();
    assert!(text.starts_with("This key was used at ") && text.ends_with(" with a different body. Use a new key for a new request."), "{text}");
    let elsewhere = ask(&desk.state, &desk.agent, "POST", "/v1/contacts", &[("Idempotency-Key", "one")], &letter("a@example.com")).await;
    assert_eq!(elsewhere.code(), "idempotency_key_reused");
    let other_key = desk.key(&[Scope::Draft]);
    let own = send(&desk.state, &other_key, "one", &letter("a@example.com")).await;
    assert_eq!((own.status, own.header("Idempotent-Replayed")), (202, None));
    assert_ne!(own.body["id"], first.body["id"]);
}

#[actix_web::test]
async fn what_is_no_key_is_refused() {
    let desk = Desk::new().await;
    let long = "x".repeat(256);
    for wrong in ["", "two words", &long, "caf\u{e9}"] {
        let refused = send(&desk.state, &desk.agent, wrong, &letter("a@example.com")).await;
        assert_eq!((refused.status, refused.code()), (400, "idempotency_key_invalid"), "{wrong}");
    }
    let two = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")];
    let refused = ask(&desk.state, &desk.agent, "POST", "/v1/send", &two, &letter("a@example.com")).await;
    assert_eq!(refused.code(), "idempotency_key_invalid");
    assert_eq!(send(&desk.state, &desk.agent, &long[..255], &letter("a@example.com")).await.status, 202);
    assert_eq!(messages(&desk).await, 1);
}

#[actix_web::test]
async fn of_many_at_once_one_takes_effect() {
    let desk = Desk::new().await;
    let processes = [desk.state.clone(), desk.restarted()];
    for round in 0..5 {
        let (name, body) = (format!("round-{round}"), letter("a@example.com"));
        let all = join_all((0..10).map(|one| send(&processes[one % 2], &desk.agent, &name, &body))).await;
        let accepted: Vec<&Reply> = all.iter().filter(|reply| reply.status == 202).collect();
        assert!(!accepted.is_empty());
        assert!(accepted.iter().all(|reply| reply.body == accepted[0].body), "{accepted:?}");
        assert_eq!(accepted.iter().filter(|reply| reply.header("Idempotent-Replayed").is_none()).count(), 1);
        for waiting in all.iter().filter(|reply| reply.status != 202) {
            assert_eq!((waiting.status, waiting.code()), (409, "idempotency_in_progress"));
            assert_eq!(waiting.header("Retry-After"), Some("2"));
        }
        assert_eq!(messages(&desk).await, round + 1);
    }
}

#[actix_web::test]
async fn an_answer_that_was_lost_is_told_with_what_took_effect() {
    let desk = Desk::new().await;
    let headers = [("Idempotency-Key", "one"), ("X-Request-Id", "mine")];
    let first = ask(&desk.state, &desk.agent, "POST", "/v1/send", &headers, &letter("a@example.com")).await;
    // What a death between the change and the answer leaves.
    let undone = "UPDATE idempotency_keys SET answered_at = NULL, status = NULL, content_type = NULL, body = NULL WHERE effect_at IS NOT NULL";
    assert_eq!(sql(&desk, undone), 1);
    let soon = send(&desk.restarted(), &desk.agent, "one", &letter("a@example.com")).await;
    assert_eq!((soon.status, soon.code()), (409, "idempotency_in_progress"));
    let_leases_end(&desk);
    for _ in 0..2 {
        let later = send(&desk.restarted(), &desk.agent, "one", &letter("a@example.com")).await;
        assert_eq!((later.status, later.code()), (409, "idempotency_answer_lost"));
        let text = later.body["detail"].as_str().unwrap();
        assert!(text.contains(&format!("message.submit of message {}", first.body["id"].as_str().unwrap())), "{text}");
    }
    assert_eq!(messages(&desk).await, 1);
}

fn turn_of(desk: &Desk, name: &str) -> Turn {
    let actor = desk.read(|conn| Ok(keys::authenticate(conn, &desk.agent, clock::now())?.unwrap().actor));
    let request = Request { name, hash: "hash", request_id: "request" };
    match desk.write(|conn| idempotency::begin(conn, &actor, &request, clock::now())).unwrap() {
        Begun::Run(turn) => turn,
        Begun::Answered(answer) => panic!("{answer:?}"),
    }
}

#[actix_web::test]
async fn who_lost_the_turn_changes_nothing_any_more() {
    let desk = Desk::new().await;
    let slow = turn_of(&desk, "one");
    let_leases_end(&desk);
    let quick = turn_of(&desk, "one");
    let write = async |turn: Turn, word: &'static str| {
        during(Current::new("request").with_turn(turn), desk.state.write(move |conn| settings::set(conn, "word", word))).await
    };
    assert_eq!(write(slow.clone(), "slow").await.unwrap_err().code, "idempotency_in_progress");
    assert_eq!(desk.read(|conn| settings::get(conn, "word")), None);
    write(quick, "quick").await.unwrap();
    assert_eq!(write(slow, "slow").await.unwrap_err().code, "idempotency_in_progress");
    assert_eq!(desk.read(|conn| settings::get(conn, "word")).as_deref(), Some("quick"));
}

/// A drafter that says when it is asked and never answers.
struct Silent(mpsc::Sender<()>);

impl Drafter for Silent {
    fn needs_ground(&self) -> bool {
        false
    }

    fn draft<'a>(&'a self, _: &'a Brief) -> BoxFuture<'a, Drafted> {
        self.0.send(()).unwrap();
        Box::pin(std::future::pending())
    }
}

#[actix_web::test]
async fn a_process_that_dies_before_the_effect_leaves_the_work_to_a_retry() {
    let desk = Desk::new().await;
    let left = json!({"customer_email": "john@example.com", "plan_name": "Pro", "mrr": 4900, "cancel_reason": "too_expensive"});
    let (_, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", left).await;
    let path = format!("/api/v1/churn-events/{}/generate", event["id"].as_str().unwrap());
    let (asked, is_asked) = mpsc::channel();
    let dying = State { drafter: Arc::new(Silent(asked)), ..desk.restarted() };
    let (key, at, (end, ended)) = (desk.agent.clone(), path.clone(), tokio::sync::oneshot::channel::<()>());
    let process = std::thread::spawn(move || {
        rt::System::new().block_on(async move {
            let calling = rt::spawn(async move { ask(&dying, &key, "POST", &at, &[("Idempotency-Key", "nine")], &Value::Null).await });
            ended.await.unwrap();
            drop(calling);
        });
    });
    let is_asked = actix_web::web::block(move || is_asked.recv_timeout(Duration::from_secs(60)));
    is_asked.await.unwrap().unwrap();
    end.send(()).unwrap();
    process.join().unwrap();
    let retry = async || ask(&desk.restarted(), &desk.agent, "POST", &path, &[("Idempotency-Key", "nine")], &Value::Null).await;
    let soon = retry().await;
    assert_eq!((soon.status, soon.code(), soon.header("Retry-After")), (409, "idempotency_in_progress", Some("2")));
    let_leases_end(&desk);
    let done = retry().await;
    assert_eq!(done.body["variants"].as_array().unwrap().len(), 9, "{done:?}");
    assert_eq!(retry().await.body, done.body);
    let (_, variants) = desk.call(&desk.agent, "GET", &path.replace("generate", "variants"), Value::Null).await;
    assert_eq!(variants["variants"].as_array().unwrap().len(), 9);
}

#[actix_web::test]
async fn a_caller_who_hangs_up_finds_the_answer_later() {
    let desk = Desk::new().await;
    {
        let app = app_of(&desk.state).await;
        let request = test::TestRequest::post()
            .uri("/v1/send")
            .insert_header(("Authorization", format!("Bearer {}", desk.agent)))
            .insert_header(("Idempotency-Key", "one"))
            .set_json(letter("a@example.com"))
            .to_request();
        let mut call = Box::pin(app.call(request));
        // It is hung up as soon as its turn is taken.
        while sql(&desk, "UPDATE idempotency_keys SET name = name") == 0 {
            assert!(futures_util::poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
        let still_running = futures_util::poll!(&mut call).is_pending();
        assert!(still_running || messages(&desk).await == 1);
    }
    let mut reply = send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await;
    while reply.status == 409 {
        assert_eq!(reply.code(), "idempotency_in_progress");
        tokio::time::sleep(Duration::from_millis(10)).await;
        reply = send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await;
    }
    assert_eq!((reply.status, reply.header("Idempotent-Replayed")), (202, Some("true")));
    assert_eq!(messages(&desk).await, 1);
}

#[actix_web::test]
async fn a_refusal_of_the_request_leaves_the_key_free_and_one_of_the_moment_is_kept() {
    let desk = Desk::new().await;
    let wrong = send(&desk.state, &desk.agent, "one", &letter("nobody")).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(send(&desk.state, "cs_live_wrong", "one", &letter("a@example.com")).await.status, 401);
    assert_eq!(send(&desk.state, &desk.oversight, "one", &letter("a@example.com")).await.status, 403);
    assert_eq!(send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await.status, 202);
    let reason = suppressions::Reason::Unsubscribed;
    desk.write(|conn| suppressions::add(conn, &OPERATOR, "gone@example.com", reason, "test", None, clock::now())).unwrap();
    let refused = send(&desk.state, &desk.agent, "two", &letter("gone@example.com")).await;
    assert_eq!((refused.status, refused.code()), (409, "recipient_suppressed"));
    sql(&desk, "DELETE FROM suppressions");
    let again = send(&desk.state, &desk.agent, "two", &letter("gone@example.com")).await;
    assert_eq!((again.status, again.code(), again.header("Idempotent-Replayed")), (409, "recipient_suppressed", Some("true")));
}

#[actix_web::test]
async fn after_thirty_days_a_key_is_new() {
    let desk = Desk::new().await;
    let first = send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await;
    let age = |days: i64| {
        let then = clock::now().plus_days(-days).micros();
        assert_eq!(sql(&desk, &format!("UPDATE idempotency_keys SET created_at = {then}")), 1);
    };
    age(29);
    desk.write(|conn| idempotency::sweep(conn, clock::now())).unwrap();
    assert_eq!(send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await.body, first.body);
    age(31);
    let unswept = send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await;
    assert_ne!(unswept.body["id"], first.body["id"]);
    age(31);
    desk.write(|conn| idempotency::sweep(conn, clock::now())).unwrap();
    assert_eq!(sql(&desk, "UPDATE idempotency_keys SET name = name"), 0);
    assert_eq!(messages(&desk).await, 2);
}

#[actix_web::test]
async fn tools_that_change_something_take_a_key_too() {
    let desk = Desk::new().await;
    let client = Client::with(&serve(&desk).await, &desk.agent).await;
    for tool in client.tools().await {
        let reads = tool.annotations.as_ref().unwrap().read_only_hint == Some(true);
        assert_eq!(tool.input_schema["properties"].get("idempotency_key").is_some(), !reads, "{}", tool.name);
    }
    let named = |to: &str| {
        let mut named = letter(to);
        named["idempotency_key"] = json!("one");
        named
    };
    let (first, words) = client.call("send_email", named("a@example.com")).await;
    let (again, same_words) = client.call("send_email", named("a@example.com")).await;
    assert_eq!((first, words), (again, same_words));
    let (refused, _) = client.refused("send_email", named("b@example.com")).await;
    assert_eq!(refused["code"], "idempotency_key_reused");
    // One key names one request, whichever way it comes.
    assert_eq!(send(&desk.state, &desk.agent, "one", &letter("a@example.com")).await.code(), "idempotency_key_reused");
    let (refused, _) = client.refused("list_emails", json!({"idempotency_key": "two"})).await;
    assert_eq!(refused["code"], "field_unknown");
    let (refused, _) = client.refused("tag_email", json!({"message_id": "x", "tags": "a", "idempotency_key": 7})).await;
    assert_eq!(refused["code"], "idempotency_key_invalid");
    assert_eq!(messages(&desk).await, 1);
}

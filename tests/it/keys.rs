//! Keys: until when they are taken, what can be changed about them, and what they say of themselves.

use actix_web::http::header;
use actix_web::test::{TestRequest, call_service};
use countersign::clock::Time;
use countersign::domain::actor::{Actor, Mailboxes, Scope};
use countersign::domain::error::Error;
use countersign::domain::ids::ApiKeyId;
use countersign::domain::keys::{self, Change, Key, KeyState, NewKey};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, State};
use countersign::domain::outbox::{self, WorkerId, verify};
use countersign::on_either;
use diesel::RunQueryDsl;
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::support::{Browser, Desk, OPERATOR, address};

/// Makes a key on the command line, as at that time.
pub fn made(desk: &Desk, new: &NewKey, at: Time) -> (ApiKeyId, String) {
    desk.write(|conn| keys::add(conn, &OPERATOR, new, at)).unwrap()
}

pub fn reader() -> NewKey {
    NewKey::named("reader", &[Scope::Read])
}

fn key(desk: &Desk, id: &ApiKeyId) -> Key {
    desk.read(|conn| keys::get(conn, &OPERATOR, id))
}

fn changed(desk: &Desk, id: &ApiKeyId, change: &Change) -> Result<Key, Error> {
    desk.write(|conn| keys::change(conn, &OPERATOR, id, change, None, desk.now()))
}

async fn status(desk: &Desk, secret: &str) -> u16 {
    desk.call(secret, "GET", "/v1/key", Value::Null).await.0
}

fn sql(desk: &Desk, text: &str) -> Result<usize, String> {
    desk.state
        .db
        .write(|conn| on_either!(conn, inner => diesel::sql_query(text).execute(inner)))
        .map_err(|error: diesel::result::Error| error.to_string())
}

pub fn actions(desk: &Desk, target: &str) -> Vec<String> {
    let lines = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some(target), 100));
    lines.into_iter().rev().map(|line| line.action).collect()
}

#[actix_web::test]
async fn an_expired_key_is_refused_exactly_as_an_unknown_one() {
    let desk = Desk::new().await;
    let now = desk.now();
    let ends = |at: Time| NewKey { expires_at: Some(at), ..reader() };
    let (id, expired) = made(&desk, &ends(now.plus_seconds(-1)), now.plus_days(-1));
    let (_, lasting) = made(&desk, &ends(now.plus_days(1)), now);
    assert_eq!(status(&desk, &lasting).await, 200);
    let unknown = desk.call("cs_live_nothing", "GET", "/v1/key", Value::Null).await;
    assert_eq!(unknown.1["code"], "key_invalid");
    assert_eq!(desk.call(&expired, "GET", "/v1/key", Value::Null).await, unknown);
    assert_eq!(unknown.0, 401);
    assert_eq!(key(&desk, &id).row.state(now), KeyState::Expired);
    // Who lets it expire later has it back.
    changed(&desk, &id, &Change { expires_at: Some(None), ..Change::default() }).unwrap();
    assert_eq!(status(&desk, &expired).await, 200);
}

#[actix_web::test]
async fn a_key_ends_in_the_future_and_makes_a_sensible_number_of_calls() {
    let desk = Desk::new().await;
    let now = desk.now();
    let add = |new: NewKey| desk.write(|conn| keys::add(conn, &OPERATOR, &new, now)).map_err(|error| error.field);
    assert_eq!(add(NewKey { expires_at: Some(now), ..reader() }).unwrap_err().as_deref(), Some("expires_at"));
    for calls in [0, -1, 60_001] {
        assert_eq!(add(NewKey { calls_per_minute: calls, ..reader() }).unwrap_err().as_deref(), Some("calls_per_minute"), "{calls}");
    }
    for calls in [1, 60_000] {
        assert!(add(NewKey { calls_per_minute: calls, ..reader() }).is_ok());
    }
    let (_, usual) = made(&desk, &reader(), now);
    let presented = desk.read(|conn| keys::authenticate(conn, &usual, now)).unwrap();
    assert_eq!(presented.calls_per_minute, 600);
}

#[actix_web::test]
async fn the_secret_before_a_rotation_is_taken_for_a_day_more() {
    let desk = Desk::new().await;
    let now = desk.now();
    let (id, first) = made(&desk, &reader(), now.plus_days(-9));
    let rotate = |at: Time| desk.write(|conn| keys::rotate(conn, &OPERATOR, &id, None, at)).unwrap();
    let presents = |secret: &str, at: Time| desk.read(|conn| keys::authenticate(conn, secret, at)).map(|presented| presented.actor.id().to_owned());
    let second = rotate(now);
    assert_ne!(first, second);
    let day = 24 * 3600;
    for secret in [&first, &second] {
        assert_eq!(presents(secret, now.plus_seconds(day - 1)).as_deref(), Some(id.as_str()), "both are the same key");
    }
    assert_eq!(presents(&first, now.plus_seconds(day)), None);
    assert!(presents(&second, now.plus_seconds(day)).is_some());
    assert_eq!((status(&desk, &first).await, status(&desk, &second).await), (200, 200));
    // Two are taken and never three.
    let third = rotate(now.plus_seconds(60));
    assert_eq!((status(&desk, &first).await, status(&desk, &second).await, status(&desk, &third).await), (401, 200, 200));
    assert_eq!(key(&desk, &id).row.old_secret_until(now), Some(now.plus_seconds(day + 60)));
    assert_eq!(actions(&desk, id.as_str()), ["key.add", "key.rotate", "key.rotate"]);
}

#[actix_web::test]
async fn revoking_ends_both_secrets_at_once_and_for_good() {
    let desk = Desk::new().await;
    let now = desk.now();
    let (id, first) = made(&desk, &reader(), now);
    let second = desk.write(|conn| keys::rotate(conn, &OPERATOR, &id, None, now)).unwrap();
    assert_eq!((status(&desk, &first).await, status(&desk, &second).await), (200, 200));
    desk.write(|conn| keys::revoke(conn, &OPERATOR, &id, now)).unwrap();
    assert_eq!((status(&desk, &first).await, status(&desk, &second).await), (401, 401));
    assert_eq!(desk.write(|conn| keys::rotate(conn, &OPERATOR, &id, None, now)).unwrap_err().code, "key_revoked");
    assert_eq!(changed(&desk, &id, &Change { expires_at: Some(None), ..Change::default() }).unwrap_err().code, "key_revoked");
    assert_eq!(desk.write(|conn| keys::revoke(conn, &OPERATOR, &id, now)).unwrap_err().code, "not_found");
    assert_eq!(status(&desk, &second).await, 401);
}

#[actix_web::test]
async fn an_expired_key_gets_no_new_secret_and_its_old_one_expires_with_it() {
    let desk = Desk::new().await;
    let now = desk.now();
    let (id, first) = made(&desk, &NewKey { expires_at: Some(now.plus_seconds(3600)), ..reader() }, now.plus_days(-1));
    desk.write(|conn| keys::rotate(conn, &OPERATOR, &id, None, now)).unwrap();
    assert!(desk.read(|conn| keys::authenticate(conn, &first, now.plus_seconds(3599))).is_some());
    assert!(desk.read(|conn| keys::authenticate(conn, &first, now.plus_seconds(3600))).is_none());
    let late = desk.write(|conn| keys::rotate(conn, &OPERATOR, &id, None, now.plus_seconds(3600)));
    assert_eq!(late.unwrap_err().code, "key_expired");
}

#[actix_web::test]
async fn scopes_become_fewer_and_never_more() {
    let desk = Desk::new().await;
    let now = desk.now();
    let scopes = |scopes: &[Scope]| Change { scopes: Some(scopes.to_vec()), ..Change::default() };
    let (id, secret) = made(&desk, &NewKey::named("agent", &[Scope::Read, Scope::Contacts]), now);
    for more in [&[Scope::Read, Scope::Draft][..], &[Scope::Oversight], &[Scope::Read, Scope::Contacts, Scope::Admin]] {
        assert_eq!(changed(&desk, &id, &scopes(more)).unwrap_err().code, "scopes_widened", "{more:?}");
    }
    assert_eq!(changed(&desk, &id, &scopes(&[])).unwrap_err().field.as_deref(), Some("scopes"));
    assert_eq!(key(&desk, &id).row.scopes(), [Scope::Read, Scope::Contacts], "what was refused changed nothing");
    assert_eq!(desk.call(&secret, "POST", "/v1/contacts", json!({"email": "a@example.com"})).await.0, 200);
    changed(&desk, &id, &scopes(&[Scope::Read])).unwrap();
    assert_eq!(desk.call(&secret, "POST", "/v1/contacts", json!({"email": "b@example.com"})).await.1["code"], "scope_missing");
    assert_eq!(changed(&desk, &id, &scopes(&[Scope::Read, Scope::Contacts])).unwrap_err().code, "scopes_widened");
}

#[actix_web::test]
async fn no_key_both_drafts_and_decides() {
    let desk = Desk::new().await;
    let now = desk.now();
    for decides in [Scope::Oversight, Scope::Admin] {
        let new = NewKey::named("both", &[Scope::Read, Scope::Draft, decides]);
        assert_eq!(desk.write(|conn| keys::add(conn, &OPERATOR, &new, now)).unwrap_err().code, "scopes_conflict");
        // Not even one that somebody wrote into the database is saved again.
        let (id, _) = made(&desk, &NewKey::named("decides", &[Scope::Read, decides]), now);
        sql(&desk, &format!("UPDATE api_keys SET scopes = 'read,draft,{decides}' WHERE id = '{id}'")).unwrap();
        let scopes = Change { scopes: Some(vec![Scope::Draft, decides]), ..Change::default() };
        assert_eq!(changed(&desk, &id, &scopes).unwrap_err().code, "scopes_conflict");
    }
}

#[actix_web::test]
async fn a_change_counts_from_the_next_call_on() {
    let desk = Desk::new().await;
    let mine = desk.mailbox(Mode::GatedSend);
    let (id, secret) = made(&desk, &NewKey::named("agent", &[Scope::Read, Scope::Draft]), desk.now());
    let before = desk.call(&secret, "GET", "/v1/key", Value::Null).await.1;
    assert_eq!((&before["all_mailboxes"], before["mailboxes"].as_array().unwrap().len()), (&json!(true), 5));
    let until = desk.now().plus_days(30);
    let change = Change {
        name: Some("another name".into()),
        mailboxes: Some(vec![mine.id.clone(), mine.id.clone()]),
        expires_at: Some(Some(until)),
        calls_per_minute: Some(30),
        ..Change::default()
    };
    changed(&desk, &id, &change).unwrap();
    let after = desk.call(&secret, "GET", "/v1/key", Value::Null).await.1;
    let expected = json!({
        "id": id, "name": "another name", "scopes": ["read", "draft"], "all_mailboxes": false,
        "mailboxes": [{"id": mine.id, "address": mine.address}], "expires_at": until.to_string(), "test": false, "calls_per_minute": 30,
    });
    assert_eq!(after, expected);
    let elsewhere = json!({"mailbox": address(Mode::GatedAll), "to": "a@example.com", "subject": "s", "body": "b"});
    assert_eq!(desk.call(&secret, "POST", "/v1/send", elsewhere).await.0, 404);
    assert_eq!(actions(&desk, id.as_str()), ["key.add", "key.change"]);
    let listed = desk.read(|conn| keys::list(conn, &OPERATOR));
    let of = |id: &str| listed.iter().find(|key| key.row.id.as_str() == id).unwrap().mailboxes.clone();
    assert_eq!(of(id.as_str()), [mine.id]);
    assert!(listed.iter().filter(|key| key.row.id != id).all(|key| key.mailboxes.is_empty()), "the others reach all");
}

#[actix_web::test]
async fn no_key_makes_changes_or_ends_keys() {
    let desk = Desk::new().await;
    let now = desk.now();
    let (id, secret) = made(&desk, &NewKey::named("admin", &[Scope::Read, Scope::Admin]), now);
    let admin = desk.read(|conn| keys::authenticate(conn, &secret, now)).unwrap().actor;
    let refusals = [
        desk.write(|conn| keys::add(conn, &admin, &reader(), now)).map(drop),
        desk.write(|conn| keys::change(conn, &admin, &id, &Change::default(), None, now)).map(drop),
        desk.write(|conn| keys::rotate(conn, &admin, &id, None, now)).map(drop),
        desk.write(|conn| keys::revoke(conn, &admin, &id, now)),
        desk.write(|conn| keys::list(conn, &admin)).map(drop),
    ];
    for refused in refusals {
        assert_eq!(refused.unwrap_err().code, "person_required");
    }
    for (method, path) in [("POST", "/v1/key"), ("PATCH", "/v1/key"), ("POST", "/v1/keys"), ("GET", "/v1/keys"), ("DELETE", "/v1/key")] {
        let (status, answer) = desk.call(&secret, method, path, json!({"scopes": ["admin"]})).await;
        assert!(status == 404 || status == 405, "{method} {path}: {status} {answer}");
    }
}

#[actix_web::test]
async fn a_key_learns_the_same_about_itself_by_rest_and_by_mcp() {
    let desk = Desk::new().await;
    let new = NewKey {
        is_test: true,
        calls_per_minute: 7,
        mailboxes: vec![desk.mailbox(Mode::Monitored).id],
        ..NewKey::named("a test", &[Scope::Contacts])
    };
    let (_, secret) = made(&desk, &new, desk.now());
    let (status, told) = desk.call(&secret, "GET", "/v1/key", Value::Null).await;
    assert_eq!((status, &told["test"], &told["expires_at"], &told["calls_per_minute"]), (200, &json!(true), &Value::Null, &json!(7)));
    let client = Client::with(&serve(&desk).await, &secret).await;
    let (mut by_mcp, _) = client.call("describe_key", json!({})).await;
    by_mcp.as_object_mut().unwrap().remove("untrusted");
    assert_eq!(by_mcp, told);
    assert_eq!(client.refused("describe_key", json!({"id": "x"})).await.0["code"], "field_unknown");
    let text = told.to_string();
    assert!(!text.contains(&secret) && !text.contains("hash") && !text.contains("gated"), "{text}");
}

#[actix_web::test]
async fn last_use_is_kept_to_the_minute_with_the_address() {
    let desk = Desk::new().await;
    let (id, secret) = made(&desk, &reader(), desk.now());
    assert_eq!(key(&desk, &id).row.last_used_at, None);
    let app = desk.app().await;
    let call = async |from: &str| {
        let request =
            TestRequest::get().uri("/v1/key").peer_addr(from.parse().unwrap()).insert_header((header::AUTHORIZATION, format!("Bearer {secret}")));
        assert_eq!(call_service(&app, request.to_request()).await.status(), 200);
        let row = key(&desk, &id).row;
        (row.last_used_at.unwrap(), row.last_used_from.unwrap())
    };
    let first = call("192.0.2.7:4711").await;
    assert_eq!(first.1, "192.0.2.7");
    let early = first.0.plus_seconds(-3600);
    let actor = Actor::Key { id: id.clone(), name: String::new(), scopes: vec![], mailboxes: Mailboxes::All, is_test: false };
    desk.write(|conn| keys::touch(conn, &actor, Some("192.0.2.8"), early)).unwrap();
    let stale = |at: Time| desk.read(|conn| keys::authenticate(conn, &secret, at)).unwrap().stale_last_use;
    assert!(!stale(early.plus_seconds(59)) && stale(early.plus_seconds(60)));
    let again = call("[2001:db8::1]:80").await;
    assert!(again.0 >= first.0 && again.1 == "2001:db8::1", "{again:?}");
}

#[actix_web::test]
async fn mail_of_a_test_key_never_leaves_even_when_it_was_approved() {
    let desk = Desk::new().await;
    let (_, secret) = made(&desk, &NewKey { is_test: true, ..NewKey::named("t", &[Scope::Read, Scope::Draft]) }, desk.now());
    assert!(secret.starts_with("cs_test_"));
    let body = json!({"mailbox": address(Mode::GatedSend), "to": "t@example.com", "subject": "s", "body": "b"});
    let (status, answer) = desk.call(&secret, "POST", "/v1/send", body).await;
    assert_eq!(status, 202, "{answer}");
    let id = answer["id"].as_str().unwrap().to_owned();
    desk.decide("Rita", &desk.message(&id), DecisionKind::Approve).unwrap();
    // Whatever a worker does, the database lets it come to no final dot, and the mark stays.
    for state in ["dot", "sent", "uncertain"] {
        let refused = sql(&desk, &format!("UPDATE outbox SET state = '{state}' WHERE message_id = '{id}'")).unwrap_err();
        assert!(refused.contains("mail of a test key at the final dot"), "{refused}");
    }
    let refused = sql(&desk, &format!("UPDATE messages SET is_test = FALSE WHERE id = '{id}'")).unwrap_err();
    assert!(refused.contains("stays a test"), "{refused}");
    let refused = sql(&desk, "UPDATE api_keys SET is_test = NOT is_test").unwrap_err();
    assert!(refused.contains("A test key stays one"), "{refused}");
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty());
    let row = desk.message(&id).row;
    assert_eq!(row.state, State::Skipped);
    // If it ever did, the recount would tell.
    assert!(desk.read(verify::verify).exceptions.is_empty());
    sql(&desk, &format!("UPDATE messages SET state = 'sent' WHERE id = '{id}'")).unwrap();
    assert!(desk.read(verify::verify).exceptions[0].1.contains("test key"));
}

#[actix_web::test]
async fn the_last_look_before_the_final_dot_knows_test_keys_too() {
    let desk = Desk::new().await;
    let sent = desk.send(Mode::Autonomous, "t@example.com", json!({"consent_basis": "consent"})).await.1;
    let worker = WorkerId::new();
    let claimed = desk.write(|conn| outbox::claim(conn, &worker, 1, desk.now())).unwrap().remove(0);
    // As if the claim had overlooked the mark: only without the trigger can it be set at all.
    let drop_trigger = match desk.state.db.url().starts_with("sqlite") {
        true => "DROP TRIGGER messages_stay_of_test_keys",
        false => "DROP TRIGGER messages_stay_of_test_keys ON messages",
    };
    sql(&desk, drop_trigger).unwrap();
    sql(&desk, &format!("UPDATE messages SET is_test = TRUE WHERE id = '{}'", sent["id"].as_str().unwrap())).unwrap();
    let dot = desk.write(|conn| outbox::reach_dot(conn, claimed, desk.now())).unwrap();
    assert!(matches!(dot, outbox::Dot::Stop));
    assert_eq!(desk.message(sent["id"].as_str().unwrap()).row.state, State::Skipped);
}

#[actix_web::test]
async fn the_page_shows_a_secret_once_and_what_became_of_each_key() {
    let desk = Desk::new().await;
    let now = desk.now();
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let fields = [("name", "mailer"), ("scopes", "read"), ("scopes", "draft"), ("expires_at", "2099-01-31T18:00"), ("calls_per_minute", "90")];
    let page = ada.post("/keys", "/keys", &fields).await;
    assert_eq!(page.status, 201);
    let secret = page.body.split("<code id=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let (_, told) = desk.call(&secret, "GET", "/v1/key", Value::Null).await;
    assert_eq!((&told["expires_at"], &told["calls_per_minute"]), (&json!("2099-01-31T18:00:00Z"), &json!(90)));
    let own = format!("/keys/{}", told["id"].as_str().unwrap());
    let rotated = ada.post(&own, &format!("{own}/rotation"), &[]).await;
    assert!(rotated.status == 201 && rotated.body.contains("<code id=\"secret\">cs_live_") && rotated.body.contains("Two secrets are taken until"));
    assert!(!rotated.body.contains(&secret));
    made(&desk, &NewKey { expires_at: Some(now.plus_days(-1)), ..reader() }, now.plus_days(-2));
    let list = ada.get("/keys").await.body;
    assert!(!list.contains(&secret) && !list.contains("id=\"secret\""), "shown once");
    for words in ["old secret until", "expired", "active", "mailer"] {
        assert!(list.contains(words), "{words}");
    }
    // What cannot be taken keeps what was typed.
    let wrong = ada.post("/keys", "/keys", &[("name", "kept name"), ("expires_at", "soon"), ("calls_per_minute", "0")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("value=\"kept name\"") && wrong.body.contains("The end must be a day and a time"));
    let wider = ada.post(&own, &own, &[("name", "mailer"), ("scopes", "read"), ("scopes", "contacts"), ("calls_per_minute", "90")]).await;
    assert!(wider.status == 422 && wider.body.contains("a key never gains one"));
    let narrower =
        ada.post(&own, &own, &[("name", "mailer"), ("scopes", "read"), ("expires_at", "2099-01-31T18:00"), ("calls_per_minute", "9")]).await;
    assert_eq!(narrower.status, 303);
    let (_, told) = desk.call(&secret, "GET", "/v1/key", Value::Null).await;
    assert_eq!((&told["scopes"], &told["calls_per_minute"], &told["expires_at"]), (&json!(["read"]), &json!(9), &json!("2099-01-31T18:00:00Z")));
    assert_eq!(ada.post(&own, &format!("{own}/revoke"), &[]).await.status, 303);
    assert_eq!(status(&desk, &secret).await, 401);
    let gone = ada.get(&own).await.body;
    assert!(gone.contains("Calls with it are refused for good") && !gone.contains("/rotation"));
    assert_eq!(ada.get("/keys/nothing").await.status, 404);
}

#[actix_web::test]
async fn a_session_opens_no_call_and_a_key_opens_no_page() {
    let desk = Desk::new().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("Ada").await;
    let token = ada.get("/queue").await.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for (path, method) in [("/v1/emails", "GET"), ("/v1/key", "GET"), ("/v1/send", "POST"), ("/v1/oversight/decide", "POST")] {
        let request = match method {
            "GET" => TestRequest::get(),
            _ => TestRequest::post().set_json(json!({"csrf": token})).insert_header(("x-csrf-token", token.clone())),
        };
        let page = ada.run(request.uri(path)).await;
        assert_eq!(page.status, 401, "{method} {path}: {}", page.body);
    }
    let mut program = Browser::new(desk.app().await);
    let admin = desk.key(&[Scope::Admin]);
    for path in ["/queue", "/keys", "/"] {
        let page = program.run(TestRequest::get().uri(path).insert_header(("authorization", format!("Bearer {admin}")))).await;
        assert_eq!(page.status, 303, "{path}");
        assert!(page.location.is_some_and(|to| to.starts_with("/login")), "{path}");
    }
}

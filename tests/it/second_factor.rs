//! The second factor: who must give its code, how often one may be wrong, and how it goes on and off.

use std::sync::{Arc, Barrier};

use countersign::clock::Time;
use countersign::domain::accounts::second_factor::{self, Enrolled, Factor, Proof};
use countersign::domain::accounts::sign_in;
use countersign::domain::actor::{Actor, Scope};
use countersign::domain::error::Error;
use countersign::domain::keys::{self, Change, NewKey};
use serde_json::Value;
use totp_rs::{Builder, Secret};

use crate::keys::{actions, made, reader};
use crate::support::{Browser, Desk, OPERATOR};

/// What an authenticator app shows at that time.
pub fn code(secret: &str, at: Time) -> String {
    let app = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    app.generate(u64::try_from(at.seconds()).unwrap()).to_string()
}

/// Sets a second factor up for a person, as at that time; the app's secret and the recovery codes.
pub fn enrolled(desk: &Desk, person: &Actor, at: Time) -> (String, Vec<String>) {
    desk.write(|conn| second_factor::start(conn, person, at)).unwrap();
    let secret = started(desk, person, at);
    let done: Enrolled = desk.write(|conn| second_factor::confirm(conn, person, &code(&secret, at), at)).unwrap().unwrap();
    (secret, done.recovery_codes)
}

fn started(desk: &Desk, person: &Actor, at: Time) -> String {
    match desk.read(|conn| second_factor::own(conn, person, at)) {
        Factor::Started { secret, .. } => secret,
        other => panic!("{other:?}"),
    }
}

fn check(desk: &Desk, person: &Actor, code: &str, at: Time) -> Result<Proof, Error> {
    desk.write(|conn| second_factor::check(conn, person, code, at)).and_then(|tried| tried)
}

pub fn wrong(right: &str) -> &'static str {
    if right == "000000" { "111111" } else { "000000" }
}

fn decider(proof: Option<Proof>) -> NewKey {
    NewKey { proof, ..NewKey::named("decider", &[Scope::OversightRead, Scope::Oversight]) }
}

#[actix_web::test]
async fn a_person_makes_a_key_that_decides_only_with_their_own_code() {
    let desk = Desk::new().await;
    let (ada, now) = (desk.person("Ada"), desk.now());
    let add = |new: &NewKey| desk.write(|conn| keys::add(conn, &ada, new, now)).map_err(|error| error.code);
    assert!(add(&reader()).is_ok(), "one that decides nothing needs no code");
    for scope in [Scope::Oversight, Scope::Admin] {
        assert_eq!(add(&NewKey::named("decider", &[Scope::Read, scope])), Err("second_factor_needed"));
    }
    assert_eq!(check(&desk, &ada, "123456", now).unwrap_err().code, "second_factor_missing");
    let (secret, _) = enrolled(&desk, &ada, now.plus_days(-1));
    let proof = check(&desk, &ada, &code(&secret, now), now).unwrap();
    assert!(add(&decider(Some(proof.clone()))).is_ok());
    // Neither somebody else's code nor one of an earlier request.
    let max = desk.person("Max");
    let (other, _) = enrolled(&desk, &max, now.plus_days(-1));
    let foreign = check(&desk, &max, &code(&other, now), now).unwrap();
    assert_eq!(add(&decider(Some(foreign))), Err("second_factor_needed"));
    let late = desk.write(|conn| keys::add(conn, &ada, &decider(Some(proof)), now.plus_seconds(60)));
    assert_eq!(late.unwrap_err().code, "second_factor_needed");
    assert!(desk.write(|conn| keys::add(conn, &OPERATOR, &decider(None), now)).is_ok(), "the command line has the machine");
}

#[actix_web::test]
async fn changing_and_rotating_a_key_that_decides_need_the_code_and_revoking_does_not() {
    let desk = Desk::new().await;
    let (ada, now) = (desk.person("Ada"), desk.now());
    let (id, _) = made(&desk, &decider(None), now);
    let (secret, _) = enrolled(&desk, &ada, now.plus_days(-1));
    let rename = Change { name: Some("other".into()), ..Change::default() };
    let fewer = Change { scopes: Some(vec![Scope::OversightRead]), ..Change::default() };
    for change in [&rename, &fewer] {
        assert_eq!(desk.write(|conn| keys::change(conn, &ada, &id, change, None, now)).unwrap_err().code, "second_factor_needed");
    }
    assert_eq!(desk.write(|conn| keys::rotate(conn, &ada, &id, None, now)).unwrap_err().code, "second_factor_needed");
    let proof = check(&desk, &ada, &code(&secret, now), now).unwrap();
    desk.write(|conn| keys::change(conn, &ada, &id, &rename, Some(&proof), now)).unwrap();
    desk.write(|conn| keys::rotate(conn, &ada, &id, Some(&proof), now)).unwrap();
    desk.write(|conn| keys::revoke(conn, &ada, &id, now)).unwrap();
}

#[actix_web::test]
async fn each_code_is_good_once_also_the_one_that_confirmed() {
    let desk = Desk::new().await;
    let (ada, now) = (desk.person("Ada"), desk.now());
    let (secret, _) = enrolled(&desk, &ada, now);
    assert_eq!(check(&desk, &ada, &code(&secret, now), now).unwrap_err().code, "code_wrong");
    let next = code(&secret, now.plus_seconds(30));
    assert!(check(&desk, &ada, &next, now).is_ok(), "the neighbour's code is taken early");
    assert_eq!(check(&desk, &ada, &next, now.plus_seconds(30)).unwrap_err().code, "code_wrong");
    assert_eq!(check(&desk, &ada, &code(&secret, now), now.plus_seconds(30)).unwrap_err().code, "code_wrong", "nor one from before it");
    assert!(check(&desk, &ada, &code(&secret, now.plus_seconds(90)), now.plus_seconds(90)).is_ok());
}

#[actix_web::test]
async fn five_wrong_codes_make_the_account_wait_however_they_come() {
    let desk = Desk::new().await;
    let (ada, now) = (desk.person("Ada"), desk.now());
    let (secret, recovery) = enrolled(&desk, &ada, now.plus_days(-1));
    let (right, bad) = (code(&secret, now), wrong(&code(&secret, now)));
    let barrier = Arc::new(Barrier::new(20));
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (db, ada, barrier) = (desk.state.db.clone(), ada.clone(), barrier.clone());
            std::thread::spawn(move || {
                barrier.wait();
                db.write(|conn| second_factor::check(conn, &ada, bad, now)).and_then(|tried| tried).unwrap_err().code
            })
        })
        .collect();
    let codes: Vec<&str> = tries.into_iter().map(|one| one.join().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == "code_wrong").count(), 5, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "code_throttled").count(), 15, "{codes:?}");
    // It is the account that waits: no new session, right code or recovery code helps.
    let user = crate::sign_in::row(&desk, "Ada");
    desk.write(|conn| sign_in::pass(conn, &user, "192.0.2.1", now)).unwrap();
    for code in [&right, &recovery[0]] {
        assert_eq!(check(&desk, &ada, code, now.plus_seconds(1)).unwrap_err().code, "code_throttled");
    }
    let almost = now.plus_seconds(15 * 60 - 1);
    assert_eq!(check(&desk, &ada, &code(&secret, almost), almost).unwrap_err().code, "code_throttled");
    let after = now.plus_seconds(15 * 60);
    assert!(check(&desk, &ada, &code(&secret, after), after).is_ok());
    assert_eq!(actions(&desk, ada.id()).iter().filter(|action| *action == "user.wrong_code").count(), 5);
}

#[actix_web::test]
async fn no_fifteen_minutes_hear_more_than_five_wrong_codes() {
    let desk = Desk::new().await;
    let (ada, now) = (desk.person("Ada"), desk.now());
    let (secret, _) = enrolled(&desk, &ada, now.plus_days(-1));
    // Four a while before, and then as many as are heard.
    let mut heard = vec![];
    for minute in [0, 12, 13, 14, 15, 16, 17, 18, 19, 20, 27, 28, 29, 30] {
        let at = now.plus_seconds(minute * 60);
        if check(&desk, &ada, wrong(&code(&secret, at)), at).unwrap_err().code == "code_wrong" {
            heard.push(minute);
        }
    }
    for from in 0..30 {
        assert!(heard.iter().filter(|minute| (from..from + 15).contains(*minute)).count() <= 5, "{heard:?}");
    }
    assert_eq!(heard, [0, 12, 13, 14, 15, 30]);
}

#[actix_web::test]
async fn a_recovery_code_stands_in_for_the_app_once() {
    let desk = Desk::new().await;
    let (ada, now) = (desk.person("Ada"), desk.now());
    let (_, recovery) = enrolled(&desk, &ada, now);
    assert_eq!(recovery.len(), 10);
    assert!(check(&desk, &ada, &recovery[3].to_uppercase().replace('-', " "), now).is_ok());
    assert_eq!(check(&desk, &ada, &recovery[3], now).unwrap_err().code, "code_wrong");
    assert!(matches!(desk.read(|conn| second_factor::own(conn, &ada, now)), Factor::On { codes_left: 9, .. }));
    let max = desk.person("Max");
    enrolled(&desk, &max, now);
    assert_eq!(check(&desk, &max, &recovery[4], now).unwrap_err().code, "code_wrong", "codes are of one person");
    assert!(actions(&desk, ada.id()).contains(&"user.use_recovery_code".to_owned()));
}

#[actix_web::test]
async fn a_secret_counts_only_once_confirmed_and_not_for_ever() {
    let desk = Desk::new().await;
    let (ada, now) = (desk.person("Ada"), desk.now());
    desk.write(|conn| second_factor::start(conn, &ada, now)).unwrap();
    let first = started(&desk, &ada, now);
    assert_eq!(check(&desk, &ada, &code(&first, now), now).unwrap_err().code, "second_factor_missing");
    desk.write(|conn| second_factor::start(conn, &ada, now)).unwrap();
    let second = started(&desk, &ada, now);
    let confirm = |code: &str, at: Time| desk.write(|conn| second_factor::confirm(conn, &ada, code, at)).and_then(|tried| tried).map_err(|e| e.code);
    assert_eq!(confirm(&code(&first, now), now).unwrap_err(), "code_wrong", "a secret that was replaced");
    let late = now.plus_seconds(30 * 60);
    assert_eq!(confirm(&code(&second, late), late).unwrap_err(), "second_factor_missing");
    assert_eq!(desk.read(|conn| second_factor::own(conn, &ada, late)), Factor::Missing);
    assert!(confirm(&code(&second, now), now).is_ok());
    assert_eq!(desk.write(|conn| second_factor::start(conn, &ada, now)).unwrap_err().code, "second_factor_on");
}

#[actix_web::test]
async fn what_is_stored_tells_no_recovery_code() {
    use countersign::on_either;
    use diesel::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Hash {
        #[diesel(sql_type = diesel::sql_types::Text)]
        code_hash: String,
    }
    let desk = Desk::new().await;
    let (_, recovery) = enrolled(&desk, &desk.person("Ada"), desk.now());
    let rows: Vec<Hash> = desk
        .state
        .db
        .read(|conn| on_either!(conn, inner => diesel::sql_query("SELECT code_hash FROM recovery_codes").load(inner)))
        .map_err(|error: diesel::result::Error| error.to_string())
        .unwrap();
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| row.code_hash.len() == 64 && !recovery.iter().any(|code| row.code_hash.contains(&code.replace('-', "")))));
}

#[actix_web::test]
async fn the_command_line_takes_it_off_for_a_lost_phone_and_ends_the_sessions() {
    let desk = Desk::new().await;
    let (ada, now) = (desk.person("Ada"), desk.now());
    let (_, recovery) = enrolled(&desk, &ada, now);
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in_with("ada", &recovery[0]).await;
    assert_eq!(browser.get("/keys").await.status, 200);
    let reset = |actor: &Actor, email: &str| desk.write(|conn| second_factor::reset(conn, actor, email, now)).map_err(|error| error.code);
    assert_eq!(reset(&desk.person("Ada"), "ada@desk.example"), Err("command_line_needed"));
    assert_eq!(reset(&OPERATOR, "nobody@desk.example"), Err("not_found"));
    assert_eq!(reset(&OPERATOR, "Ada@Desk.example"), Ok(()));
    assert_eq!(browser.get("/keys").await.status, 303, "signed out");
    assert_eq!(desk.read(|conn| second_factor::own(conn, &desk.person("Ada"), now)), Factor::Missing);
    assert_eq!(reset(&OPERATOR, "ada@desk.example"), Err("second_factor_missing"));
    assert_eq!(actions(&desk, ada.id()).last().unwrap(), "user.reset_second_factor");
}

#[actix_web::test]
async fn setting_it_up_and_taking_it_off_on_the_page_ends_other_sessions_alone() {
    let desk = Desk::new().await;
    let (mut here, mut there) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    here.sign_in("ada").await;
    there.sign_in("ada").await;
    let account = here.get("/account").await.body;
    assert!(account.contains("asked for after your password"));
    assert_eq!(here.post("/account", "/account/second-factor", &[]).await.status, 303);
    let page = here.get("/account").await.body;
    let secret = page.split("<code id=\"factor-secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(page.contains("<svg class=\"qr\"") && page.contains("<path d=\"M4 4h1v1h-1z"), "the picture");
    let bad = here.post("/account", "/account/second-factor/confirmation", &[("code", "12345")]).await;
    assert!(bad.status == 422 && bad.body.contains("The code is wrong") && bad.body.contains(&secret));
    let now = desk.now();
    let before = here.cookie.clone();
    let done = here.post("/account", "/account/second-factor/confirmation", &[("code", &code(&secret, now))]).await;
    assert!(done.status == 200 && done.body.contains("Recovery codes"), "{}", done.status);
    let recovery: Vec<String> = done.body.split("id=\"codes\">").nth(1).unwrap().split("</pre>").next().unwrap().lines().map(str::to_owned).collect();
    assert_eq!(recovery.len(), 10);
    assert_ne!(before, here.cookie, "the session has a new id");
    assert_eq!((here.get("/queue").await.status, there.get("/queue").await.status), (200, 303));
    let page = here.get("/account").await.body;
    assert!(page.contains("10 of 10 recovery codes are left") && !page.contains(&secret) && !page.contains(&recovery[0]), "shown once");
    there.sign_in_with("ada", &recovery[1]).await;
    let page = there.get("/account").await.body;
    assert!(page.contains("9 of 10 recovery codes are left"), "one was used to sign in");
    let kept = here.post("/account", "/account/second-factor/removal", &[("code", "")]).await;
    assert!(kept.status == 422 && kept.body.contains("recovery codes are left"));
    assert_eq!(here.post("/account", "/account/second-factor/removal", &[("code", &recovery[0])]).await.status, 303);
    assert_eq!((here.get("/queue").await.status, there.get("/queue").await.status), (200, 303));
    assert!(here.get("/account").await.body.contains("Set it up"));
    let done = actions(&desk, desk.person("Ada").id());
    for action in ["user.start_second_factor", "user.wrong_code", "user.enroll_second_factor", "user.remove_second_factor"] {
        assert!(done.iter().any(|one| one == action), "{action} in {done:?}");
    }
}

#[actix_web::test]
async fn the_page_of_keys_asks_for_the_code_and_uses_none_up_in_vain() {
    let desk = Desk::new().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let page = ada.get("/keys").await.body;
    assert!(page.contains("href=\"/account#second-factor\"") && !page.contains("name=\"code\""), "it says where to enrol");
    let fields = |name: &'static str, code: &str| {
        let code: &'static str = code.to_owned().leak();
        [("name", name), ("scopes", "oversight_read"), ("scopes", "oversight"), ("calls_per_minute", "60"), ("code", code)]
    };
    let refused = ada.post("/keys", "/keys", &fields("decider", "")).await;
    assert!(refused.status == 422 && refused.body.contains("needs your second factor"));
    let now = desk.now();
    let (_, recovery) = enrolled(&desk, &desk.person("Ada"), now);
    ada.sign_in_with("ada", &recovery[9]).await;
    // A form that fails for another reason leaves the code as it was.
    assert_eq!(ada.post("/keys", "/keys", &fields(" ", &recovery[0])).await.status, 422);
    let bad = ada.post("/keys", "/keys", &fields("decider", "000-000")).await;
    assert!(bad.status == 422 && bad.body.contains("The code is wrong") && bad.body.contains("value=\"decider\""));
    let made = ada.post("/keys", "/keys", &fields("decider", &recovery[0])).await;
    assert_eq!(made.status, 201);
    let secret = made.body.split("<code id=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let (_, told) = desk.call(&secret, "GET", "/v1/key", Value::Null).await;
    assert_eq!(told["scopes"], serde_json::json!(["oversight_read", "oversight"]));
    let own = format!("/keys/{}", told["id"].as_str().unwrap());
    let rotation = format!("{own}/rotation");
    assert_eq!(ada.post(&own, &rotation, &[("code", &recovery[0])]).await.status, 422, "used up by now");
    assert_eq!(ada.post(&own, &rotation, &[]).await.status, 422);
    assert_eq!(ada.post(&own, &rotation, &[("code", &recovery[1])]).await.status, 201);
}

//! Signing in: the code after the password, what a half signed-in session may do, and how many tries there are.

use std::sync::{Arc, Barrier};

use countersign::clock::Time;
use countersign::domain::accounts::sign_in::{self, Half, PATIENCE, Passed};
use countersign::domain::accounts::users::{self, UserRow};
use countersign::domain::error::Error;
use countersign::web::{Access, ROUTES};
use serde_json::Value;

use crate::keys::actions;
use crate::pages::concrete;
use crate::second_factor::{code, enrolled, wrong};
use crate::support::{Browser, Desk, OPERATOR, PASSWORD};

const NETWORK: &str = "192.0.2.1";

pub fn row(desk: &Desk, name: &str) -> UserRow {
    desk.read(|conn| users::list(conn, &OPERATOR)).into_iter().find(|user| user.row.name == name).unwrap().row
}

/// Whose password was right at that time.
fn half(desk: &Desk, name: &str, at: Time) -> Half {
    let user = row(desk, name);
    desk.write(|conn| sign_in::begin(conn, &user.email, NETWORK, at)).unwrap();
    match desk.write(|conn| sign_in::pass(conn, &user, NETWORK, at)).unwrap() {
        Passed::CodeNeeded(half) => half,
        other => panic!("{other:?}"),
    }
}

fn finish(desk: &Desk, half: &Half, code: &str, at: Time) -> Result<sign_in::SignedIn, Error> {
    desk.write(|conn| sign_in::finish(conn, half, code, NETWORK, at)).and_then(|tried| tried)
}

#[actix_web::test]
async fn whoever_has_a_second_factor_gives_its_code_after_the_password() {
    let desk = Desk::new().await;
    let now = desk.now();
    let (secret, recovery) = enrolled(&desk, &desk.person("Ada"), now.plus_days(-1));
    let mut ada = Browser::new(desk.app().await);
    let fields = [("email", "ada@desk.example"), ("password", PASSWORD), ("next", "/users")];
    let before = (ada.get("/login").await, ada.cookie.clone()).1;
    let page = ada.post("/login", "/login", &fields).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/login/code")));
    assert_ne!(before, ada.cookie, "a new id after the password");
    let page = ada.get("/login/code").await;
    assert_eq!(page.status, 200);
    for wanted in ["autocomplete=\"one-time-code\"", "inputmode=\"numeric\"", "method=\"post\""] {
        assert!(page.body.contains(wanted), "{wanted}");
    }
    let bad = ada.post("/login/code", "/login/code", &[("code", wrong(&code(&secret, now)))]).await;
    assert!(bad.status == 422 && bad.body.contains("The code is wrong or was used already"), "{}", bad.status);
    assert_eq!(ada.get("/users").await.status, 303);
    let kept = ada.cookie.clone();
    let done = ada.post("/login/code", "/login/code", &[("code", &code(&secret, desk.now()))]).await;
    assert_eq!((done.status, done.location.as_deref()), (303, Some("/users")), "to the page that was wanted");
    assert_ne!(kept, ada.cookie, "and a new id after the code");
    assert_eq!(ada.get("/users").await.status, 200);
    assert!(!ada.get("/queue").await.body.contains("recovery code is used up"));

    let mut there = Browser::new(desk.app().await);
    there.sign_in("ada").await;
    assert_eq!(there.post("/login/code", "/login/code", &[("code", &recovery[0])]).await.status, 303);
    assert!(there.get("/queue").await.body.contains("That recovery code is used up; 9 are left"));
    let mut again = Browser::new(desk.app().await);
    again.sign_in("ada").await;
    assert_eq!(again.post("/login/code", "/login/code", &[("code", &recovery[0])]).await.status, 422, "good once");
    let done = actions(&desk, desk.person("Ada").id());
    assert_eq!(done.iter().filter(|action| *action == "user.sign_in").count(), 2, "{done:?}");
    assert_eq!(done.iter().filter(|action| *action == "user.sign_in_refused").count(), 2, "{done:?}");
}

#[actix_web::test]
async fn a_session_that_waits_for_its_code_opens_nothing() {
    let desk = Desk::new().await;
    enrolled(&desk, &desk.person("Ada"), desk.now().plus_days(-1));
    let mut half = Browser::new(desk.app().await);
    assert_eq!(half.sign_in("ada").await.location.as_deref(), Some("/login/code"));
    for route in ROUTES.iter().filter(|route| route.access != Access::Public) {
        let page = match route.method {
            "get" => half.get(&concrete(route.path)).await,
            _ => half.post_bare(&concrete(route.path), &[]).await,
        };
        let to_sign_in = page.status == 303 && page.location.as_deref().is_some_and(|to| to.starts_with("/login"));
        assert!(to_sign_in, "{} {}: {}", route.method, route.path, page.status);
    }
    let stream = actix_web::test::TestRequest::get().uri("/events").insert_header(("accept", "text/event-stream"));
    assert_eq!(half.run(stream).await.status, 303);
    for path in ["/v1/emails", "/api/v1/churn-events", "/mcp"] {
        let page = half.get(path).await;
        assert!((400..500).contains(&page.status), "{path}: {} {}", page.status, page.body);
    }
    assert_eq!(half.get("/login/code").await.status, 200);
    // Somebody else on the same machine starts anew.
    half.sign_in("rita").await;
    assert_eq!(half.get("/queue").await.status, 200);
    assert_eq!(half.get("/login/code").await.status, 403, "nothing is left of the other one");
}

#[actix_web::test]
async fn a_code_without_a_password_before_it_is_refused() {
    let desk = Desk::new().await;
    let (_, recovery) = enrolled(&desk, &desk.person("Ada"), desk.now());
    let mut nobody = Browser::new(desk.app().await);
    let page = nobody.get("/login/code").await;
    assert!(page.status == 403 && page.body.contains("Enter your address and your password first"), "{}", page.status);
    let page = nobody.post("/login", "/login/code", &[("code", &recovery[0])]).await;
    assert!(page.status == 403 && page.body.contains("Enter your address and your password first"), "{}", page.status);
}

#[actix_web::test]
async fn a_password_waits_ten_minutes_for_its_code_and_no_change_of_the_account() {
    let desk = Desk::new().await;
    let now = desk.now();
    let (secret, recovery) = enrolled(&desk, &desk.person("Ada"), now.plus_days(-1));
    let early = half(&desk, "Ada", now);
    let late = now.plus_seconds(PATIENCE);
    assert_eq!(finish(&desk, &early, &code(&secret, late), late).unwrap_err().code, "sign_in_needed");
    assert_eq!(finish(&desk, &early, &recovery[0], late).unwrap_err().code, "sign_in_needed");
    let within = now.plus_seconds(PATIENCE - 1);
    assert!(finish(&desk, &early, &code(&secret, within), within).is_ok());
    let open = half(&desk, "Ada", now);
    let token = desk.write(|conn| users::invite_again(conn, &OPERATOR, &open.id, now)).unwrap();
    desk.write(|conn| users::accept_invitation(conn, &token, "", "", "another long password", now)).unwrap();
    assert_eq!(finish(&desk, &open, &recovery[0], now).unwrap_err().code, "sign_in_needed", "the password is another by now");
    let rita = desk.person("Rita");
    let (_, codes) = enrolled(&desk, &rita, now);
    let open = half(&desk, "Rita", now);
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &open.id, true, now)).unwrap();
    assert_eq!(finish(&desk, &open, &codes[0], now).unwrap_err().code, "sign_in_needed");
}

#[actix_web::test]
async fn a_code_signs_in_once_also_for_two_at_the_same_time() {
    let desk = Desk::new().await;
    let now = desk.now();
    let (secret, recovery) = enrolled(&desk, &desk.person("Ada"), now.plus_days(-1));
    let open = half(&desk, "Ada", now);
    for good in [code(&secret, now), recovery[0].clone()] {
        let barrier = Arc::new(Barrier::new(4));
        let tries: Vec<_> = (0..4)
            .map(|_| {
                let (db, open, good, barrier) = (desk.state.db.clone(), open.clone(), good.clone(), barrier.clone());
                std::thread::spawn(move || {
                    barrier.wait();
                    db.write(|conn| sign_in::finish(conn, &open, &good, NETWORK, now)).and_then(|tried| tried).is_ok()
                })
            })
            .collect();
        let through = tries.into_iter().map(|one| one.join().unwrap()).filter(|through| *through).count();
        assert_eq!(through, 1, "{good}");
    }
}

#[actix_web::test]
async fn wrong_codes_make_account_and_network_wait() {
    let desk = Desk::new().await;
    let now = desk.now();
    let people = ["Ada", "Max", "Rita"];
    let secrets: Vec<_> = people.iter().map(|name| enrolled(&desk, &desk.person(name), now.plus_days(-1)).0).collect();
    let bad = |number: usize| wrong(&code(&secrets[number], now));
    let [ada, max, rita] = people.map(|name| half(&desk, name, now));
    for _ in 0..5 {
        assert_eq!(finish(&desk, &ada, bad(0), now).unwrap_err().code, "code_wrong");
    }
    assert_eq!(finish(&desk, &ada, &code(&secrets[0], now), now).unwrap_err().code, "code_throttled", "the account waits, wherever it is");
    for _ in 0..4 {
        assert_eq!(finish(&desk, &max, bad(1), now).unwrap_err().code, "code_wrong");
    }
    assert_eq!(finish(&desk, &rita, &code(&secrets[2], now), now).unwrap_err().code, "sign_in_throttled", "and the network after ten");
    let elsewhere = |half: &Half, code: &str| desk.write(|conn| sign_in::finish(conn, half, code, "198.51.100.7", now)).and_then(|tried| tried);
    assert!(elsewhere(&rita, &code(&secrets[2], now)).is_ok());
    let after = now.plus_seconds(15 * 60);
    let ada = half(&desk, "Ada", after);
    assert!(finish(&desk, &ada, &code(&secrets[0], after), after).is_ok());
}

#[actix_web::test]
async fn a_sign_in_buys_its_network_no_more_tries_and_costs_it_none() {
    let desk = Desk::new().await;
    let now = desk.now();
    let begin = |email: &str| desk.write(|conn| sign_in::begin(conn, email, NETWORK, now));
    let enters = |name: &str| {
        begin(&row(&desk, name).email).unwrap();
        assert!(matches!(desk.write(|conn| sign_in::pass(conn, &row(&desk, name), NETWORK, now)).unwrap(), Passed::SignedIn(_)));
    };
    // A whole office signs in from one address.
    for _ in 0..12 {
        enters("Rob");
    }
    for round in 0..9 {
        begin(&format!("victim-{round}@desk.example")).unwrap();
        enters("Rob");
    }
    begin("victim@desk.example").unwrap();
    assert_eq!(begin("victim@desk.example").unwrap_err().code, "sign_in_throttled", "ten failures, whoever signed in between");
    assert_eq!(begin(&row(&desk, "Rob").email).unwrap_err().code, "sign_in_throttled");
}

#[actix_web::test]
async fn passwords_that_are_tried_at_the_same_time_do_not_outrun_the_limit() {
    let desk = Desk::new().await;
    let now = desk.now();
    let barrier = Arc::new(Barrier::new(30));
    let tries: Vec<_> = (0..30)
        .map(|number| {
            let (db, barrier) = (desk.state.db.clone(), barrier.clone());
            std::thread::spawn(move || {
                barrier.wait();
                db.write(|conn| sign_in::begin(conn, "rita@desk.example", &format!("192.0.2.{number}"), now)).is_ok()
            })
        })
        .collect();
    let through = tries.into_iter().map(|one| one.join().unwrap()).filter(|through| *through).count();
    assert_eq!(through, 10);
    let after = now.plus_seconds(15 * 60);
    assert!(desk.write(|conn| sign_in::begin(conn, "rita@desk.example", NETWORK, after)).is_ok());
}

#[actix_web::test]
async fn each_sign_in_and_each_refusal_is_in_the_log_and_none_tells_a_password_or_a_code() {
    let desk = Desk::new().await;
    let now = desk.now();
    let (_, recovery) = enrolled(&desk, &desk.person("Ada"), now.plus_days(-1));
    let mut browser = Browser::new(desk.app().await);
    browser.post("/login", "/login", &[("email", "nina@desk.example"), ("password", "a wrong password")]).await;
    browser.post("/login", "/login", &[("email", "ada@desk.example"), ("password", "a wrong password")]).await;
    browser.sign_in("ada").await;
    browser.post("/login/code", "/login/code", &[("code", "wrong-code")]).await;
    browser.post("/login/code", "/login/code", &[("code", &recovery[0])]).await;
    let mut lines = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, None, 6));
    lines.reverse();
    let told: Vec<(String, String, Value)> =
        lines.iter().map(|line| (line.action.clone(), line.target_id.clone(), serde_json::from_str(&line.detail).unwrap())).collect();
    let ada = desk.person("Ada").id().to_owned();
    let expected = [
        ("user.sign_in_refused", "unknown", "password"),
        ("user.sign_in_refused", ada.as_str(), "password"),
        ("user.wrong_code", ada.as_str(), ""),
        ("user.sign_in_refused", ada.as_str(), "code"),
        ("user.use_recovery_code", ada.as_str(), ""),
        ("user.sign_in", ada.as_str(), ""),
    ];
    let seen: Vec<(&str, &str, &str)> =
        told.iter().map(|(action, target, detail)| (action.as_str(), target.as_str(), detail["wrong"].as_str().unwrap_or_default())).collect();
    assert_eq!(seen, expected);
    assert_eq!(told[5].2["second_factor"], "recovery_code");
    let all = format!("{told:?}");
    for secret in ["a wrong password", "wrong-code", &recovery[0], "nina@desk.example"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

//! Sessions: seen and ended by their owner, ended by an administrator, and ended for good.

use countersign::domain::accounts::sessions::{self, Open};
use countersign::domain::accounts::users;
use countersign::domain::actor::Scope;

use crate::sign_in::row;
use crate::support::{Browser, Desk, OPERATOR, count};

fn open(desk: &Desk, who: &str) -> Vec<Open> {
    desk.read(|conn| sessions::own(conn, &desk.person(who), desk.now()))
}

#[actix_web::test]
async fn a_person_sees_their_own_sessions_and_ends_one() {
    let desk = Desk::new().await;
    let (mut here, mut there, mut max) = (Browser::new(desk.app().await), Browser::new(desk.app().await), Browser::new(desk.app().await));
    there.sign_in("rita").await;
    here.sign_in("rita").await;
    max.sign_in("max").await;
    let account = here.get("/account").await.body;
    assert_eq!(account.matches(" · this session").count(), 1);
    assert_eq!(account.matches("A program that does not name itself</b>").count(), 2, "no name of a program comes with requests of tests");
    let rows = open(&desk, "Rita");
    assert_eq!(rows.len(), 2);
    let ends: Vec<&Open> = rows.iter().filter(|row| account.contains(&format!("/account/sessions/{}/end", row.handle))).collect();
    assert_eq!(ends.len(), 1, "the one at hand ends by signing out");
    let path = format!("/account/sessions/{}/end", ends[0].handle);
    assert_eq!(max.post("/account", &path, &[]).await.status, 404, "nobody ends a session of somebody else");
    assert_eq!(there.get("/queue").await.status, 200);
    assert_eq!(here.post("/account", &path, &[]).await.status, 303);
    assert_eq!((here.get("/queue").await.status, there.get("/queue").await.status), (200, 303));
    assert_eq!(here.post("/account", &path, &[]).await.status, 404, "it is gone");
    assert!(crate::keys::actions(&desk, row(&desk, "Rita").id.as_str()).contains(&"user.end_session".to_owned()));
}

#[actix_web::test]
async fn all_others_end_and_the_one_at_hand_goes_on() {
    let desk = Desk::new().await;
    let (mut here, mut there) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    here.sign_in("rita").await;
    there.sign_in("rita").await;
    let before = here.cookie.clone();
    assert_eq!(here.post("/account", "/account/sessions/end", &[]).await.status, 303);
    assert_eq!((here.get("/queue").await.status, there.get("/queue").await.status), (200, 303));
    assert_ne!(before, here.cookie);
    assert_eq!(open(&desk, "Rita").len(), 1);
}

#[actix_web::test]
async fn an_administrator_ends_all_sessions_of_a_person_and_no_key_does() {
    let desk = Desk::new().await;
    let (mut ada, mut rita) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    ada.sign_in("ada").await;
    rita.sign_in("rita").await;
    let path = format!("/users/{}/sessions/end", row(&desk, "Rita").id);
    assert_eq!(rita.post("/account", &path, &[]).await.status, 403);
    assert_eq!(ada.post("/users", &path, &[]).await.status, 303);
    assert_eq!((ada.get("/queue").await.status, rita.get("/queue").await.status), (200, 303));
    let admin = desk.key(&[Scope::Read, Scope::Admin]);
    let (_, own) = desk.call(&admin, "GET", "/v1/key", serde_json::Value::Null).await;
    let key = countersign::domain::actor::Actor::Key {
        id: own["id"].as_str().unwrap().into(),
        name: "key".into(),
        scopes: vec![Scope::Read, Scope::Admin],
        mailboxes: countersign::domain::actor::Mailboxes::All,
        is_test: false,
    };
    let refused = desk.write(|conn| sessions::end_all_of(conn, &key, &row(&desk, "Rita").id, desk.now())).unwrap_err();
    assert_eq!(refused.code, "person_required");
}

/// A page that was under way when its session ended writes what it has to write last.
#[actix_web::test]
async fn a_session_that_was_ended_is_not_brought_back_by_a_request_under_way() {
    let desk = Desk::new().await;
    let (now, later) = (desk.now(), desk.now().plus_days(1));
    let kept = |state: &str| sessions::Kept { state: state.to_owned(), ..sessions::Kept::default() };
    desk.write(|conn| sessions::begin(conn, "key", kept("{}"), later)).unwrap();
    desk.write(|conn| sessions::change(conn, "key", kept("{\"a\":\"1\"}"), later)).unwrap();
    assert_eq!(desk.read(|conn| sessions::load(conn, "key", now)).as_deref(), Some("{\"a\":\"1\"}"));
    desk.write(|conn| sessions::delete(conn, "key")).unwrap();
    desk.write(|conn| sessions::change(conn, "key", kept("{}"), later)).unwrap();
    assert_eq!(desk.read(|conn| sessions::load(conn, "key", now)), None);
}

#[actix_web::test]
async fn looking_at_pages_writes_the_session_once_in_five_minutes_and_half_of_one_is_not_listed() {
    let desk = Desk::new().await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    rita.get("/queue").await;
    let again = rita.get("/queue").await;
    assert!(again.set_cookie.is_none(), "nothing was written");
    crate::support::sql(&desk, "UPDATE sessions SET seen_at = 0, state = REPLACE(state, 'seen_at', 'seen_before')");
    assert!(rita.get("/queue").await.set_cookie.is_some());
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM sessions WHERE seen_at > 0"), 1);
    crate::second_factor::enrolled(&desk, &desk.person("Max"), desk.now());
    Browser::new(desk.app().await).sign_in("max").await;
    assert_eq!(open(&desk, "Max").len(), 0);
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &row(&desk, "Rita").id, true, desk.now())).unwrap();
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM sessions WHERE user_id IS NOT NULL"), 0);
}

/// Whoever gave the password alone has no row that could be ended: the epoch ends it.
#[actix_web::test]
async fn ending_all_sessions_ends_a_sign_in_that_waits_for_its_code() {
    let desk = Desk::new().await;
    let (_, recovery) = crate::second_factor::enrolled(&desk, &desk.person("Rita"), desk.now());
    let mut half = Browser::new(desk.app().await);
    half.sign_in("rita").await;
    desk.write(|conn| sessions::end_all_of(conn, &OPERATOR, &row(&desk, "Rita").id, desk.now())).unwrap();
    let page = half.post("/login/code", "/login/code", &[("code", &recovery[0])]).await;
    assert!(page.status == 403 && page.body.contains("Enter your address and your password first"), "{}", page.status);
    assert_eq!(half.get("/queue").await.status, 303);
}

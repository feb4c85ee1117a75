//! A forgotten password: who gets a link, how long it lives, and what it does not open.

use countersign::clock::Time;
use countersign::domain::accounts::{reset, users};
use countersign::domain::error::Error;
use countersign::domain::outbox::WorkerId;
use countersign::worker;

use crate::second_factor::enrolled;
use crate::sign_in::row;
use crate::support::{Browser, Desk, OPERATOR, count, sql};

const NEW: &str = "quite another password";

fn ask(desk: &Desk, email: &str, at: Time) {
    desk.write(|conn| reset::ask(conn, email, "192.0.2.9", at)).unwrap();
}

/// What was mailed to a person, delivered as at that time.
async fn mailed(desk: &Desk, who: &str, at: Time) -> Vec<String> {
    let (_sender, stop) = tokio::sync::watch::channel(false);
    worker::notices::step(&desk.state, &desk.transport(), &WorkerId::new(), &stop, move || at).await.unwrap();
    let to = [format!("{}@desk.example", who.to_lowercase())];
    desk.catcher.messages().into_iter().filter(|mail| mail.to == to).map(|mail| String::from_utf8_lossy(&mail.raw).replace("=\r\n", "")).collect()
}

fn link(mail: &str) -> String {
    mail.split("https://desk.example.com/reset/").nth(1).unwrap_or_else(|| panic!("{mail}")).split_whitespace().next().unwrap().to_owned()
}

fn set(desk: &Desk, token: &str, at: Time) -> Result<(), Error> {
    desk.write(|conn| reset::set(conn, token, NEW, at))
}

#[actix_web::test]
async fn a_link_is_mailed_that_sets_a_password_once_and_ends_all_sessions() {
    let desk = Desk::new().await;
    let now = desk.now();
    // Neither a person without mailboxes nor one who wants no notices is left out.
    let rita = row(&desk, "Rita");
    desk.write(|conn| users::change(conn, &OPERATOR, &rita.id, rita.role, &[], now)).unwrap();
    sql(&desk, "UPDATE users SET notices = FALSE");
    let (mut here, mut mail) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    here.sign_in("rita").await;
    let asked = mail.post("/login/forgot", "/login/forgot", &[("email", "Rita@Desk.example")]).await;
    assert!(asked.status == 200 && asked.body.contains("If there is an account with that address"), "{}", asked.status);
    let sent = mailed(&desk, "Rita", desk.now()).await;
    assert_eq!(sent.len(), 1);
    let token = link(&sent[0]);
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM notice_mails WHERE account AND text_body <> ''"), 0, "nobody reads it here afterwards");
    assert_eq!(count(&desk, &format!("SELECT COUNT(*) AS n FROM password_resets WHERE token_hash = '{token}'")), 0, "kept as a hash");
    let path = format!("/reset/{token}");
    let page = mail.get(&path).await;
    assert!(page.status == 200 && page.body.contains("rita@desk.example"));
    let short = mail.post(&path, &path, &[("password", "short")]).await;
    assert!(short.status == 422 && short.body.contains("at least 10 characters"), "{}", short.status);
    assert_eq!(here.get("/queue").await.status, 200);
    let done = mail.post(&path, &path, &[("password", NEW)]).await;
    assert_eq!((done.status, done.location.as_deref()), (303, Some("/login")), "it signs nobody in");
    assert_eq!((here.get("/queue").await.status, mail.get("/queue").await.status), (303, 303));
    assert_eq!(mail.get(&path).await.status, 404, "once");
    assert_eq!(set(&desk, &token, desk.now()).unwrap_err().code, "not_found");
    assert_eq!(here.sign_in("rita").await.status, 403, "the old password is none any more");
    let signed = here.post("/login", "/login", &[("email", "rita@desk.example"), ("password", NEW)]).await;
    assert_eq!(signed.location.as_deref(), Some("/queue"));
    let done = crate::keys::actions(&desk, rita.id.as_str());
    assert!(["user.ask_password_reset", "user.reset_password"].iter().all(|action| done.iter().any(|one| one == action)), "{done:?}");
}

#[actix_web::test]
async fn the_second_factor_is_asked_for_after_a_new_password() {
    let desk = Desk::new().await;
    let now = desk.now();
    enrolled(&desk, &desk.person("Ada"), now.plus_days(-1));
    ask(&desk, "ada@desk.example", now);
    let token = link(&mailed(&desk, "Ada", now).await[0]);
    set(&desk, &token, now).unwrap();
    let mut ada = Browser::new(desk.app().await);
    let page = ada.post("/login", "/login", &[("email", "ada@desk.example"), ("password", NEW)]).await;
    assert_eq!(page.location.as_deref(), Some("/login/code"));
    assert_eq!(ada.get("/queue").await.status, 303);
}

#[actix_web::test]
async fn a_link_lives_an_hour_and_ends_with_any_new_password() {
    let desk = Desk::new().await;
    let now = desk.now();
    let hour = now.plus_seconds(reset::LIFETIME);
    ask(&desk, "rita@desk.example", now);
    ask(&desk, "rita@desk.example", now.plus_seconds(1));
    let tokens: Vec<String> = mailed(&desk, "Rita", now.plus_seconds(1)).await.iter().map(|mail| link(mail)).collect();
    assert_eq!(tokens.len(), 2);
    assert_eq!(set(&desk, &tokens[0], hour.plus_seconds(1)).unwrap_err().code, "not_found");
    set(&desk, &tokens[0], hour.plus_seconds(-1)).unwrap();
    assert_eq!(set(&desk, &tokens[1], now.plus_seconds(2)).unwrap_err().code, "not_found", "the other one went with it");
    ask(&desk, "rob@desk.example", now);
    let token = link(&mailed(&desk, "Rob", now).await[0]);
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &row(&desk, "Rob").id, true, now)).unwrap();
    assert_eq!(set(&desk, &token, now).unwrap_err().code, "not_found");
}

#[actix_web::test]
async fn nothing_tells_whether_there_is_an_account_and_nobody_is_flooded() {
    let desk = Desk::new().await;
    let now = desk.now();
    let mut browser = Browser::new(desk.app().await);
    let strip = |body: &str| body.split("<h1>").nth(1).unwrap().to_owned();
    let known = browser.post("/login/forgot", "/login/forgot", &[("email", "rita@desk.example")]).await;
    let unknown = browser.post("/login/forgot", "/login/forgot", &[("email", "nina@desk.example")]).await;
    let odd = browser.post("/login/forgot", "/login/forgot", &[("email", "no address")]).await;
    assert_eq!((known.status, strip(&known.body)), (unknown.status, strip(&unknown.body)));
    assert_eq!((known.status, strip(&known.body)), (odd.status, strip(&odd.body)));
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &row(&desk, "Rob").id, true, now)).unwrap();
    ask(&desk, "rob@desk.example", now);
    for _ in 0..5 {
        ask(&desk, "rita@desk.example", now);
    }
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM notice_mails"), reset::MOST, "three an hour, and none to who may not sign in");
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM audit_log WHERE action = 'user.ask_password_reset'"), 9);
    for _ in 0..10 {
        let _ = desk.write(|conn| reset::ask(conn, "max@desk.example", "198.51.100.1", now));
    }
    let refused = desk.write(|conn| reset::ask(conn, "nobody@desk.example", "198.51.100.1", now)).unwrap_err();
    assert_eq!(refused.code, "sign_in_throttled");
    assert!(desk.write(|conn| reset::ask(conn, "nobody@desk.example", "198.51.100.1", now.plus_seconds(15 * 60))).is_ok());
}

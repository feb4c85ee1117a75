//! The ladder of modes over REST and on the page: keys tighten and ask, people loosen with a code.

use countersign::clock::Time;
use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::{Role, Scope};
use countersign::domain::ids::UserId;
use countersign::domain::mailboxes::{Mode, ladder};
use countersign::domain::outbox::WorkerId;
use countersign::worker;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, PASSWORD};

fn mode(desk: &Desk, of: Mode) -> Mode {
    desk.mailbox(of).mode
}

/// Another administrator.
fn second_admin(desk: &Desk) {
    let new = NewUser { email: "bea@desk.example".into(), name: "Bea".into(), role: Role::Admin, password: Some(PASSWORD.into()), mailboxes: vec![] };
    desk.write(|conn| users::add(conn, &OPERATOR, &new, desk.now())).unwrap();
}

/// The code in the mail to this person.
async fn code_for(desk: &Desk, who: &str) -> Option<String> {
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let now = desk.now();
    worker::notices::step(&desk.state, &desk.transport(), &WorkerId::new(), &stop, move || now).await.unwrap();
    let mail = desk.catcher.messages().into_iter().rev().find(|mail| mail.to == [format!("{who}@desk.example")])?;
    let parsed = mail_parser::MessageParser::default().parse(&mail.raw).unwrap();
    parsed.body_text(0).unwrap().lines().map(str::trim).find(|line| line.len() == 19 && line.split('-').count() == 4).map(str::to_owned)
}

#[actix_web::test]
async fn a_key_adds_and_tightens_and_never_loosens() {
    let desk = Desk::new().await;
    let admin = desk.key(&[Scope::Read, Scope::Admin]);
    let new = |mode: &str| json!({"address": format!("{mode}@new.example"), "name": "New", "postal_address": "1 Main Street", "mode": mode});
    for mode in ["monitored", "autonomous"] {
        let (status, answer) = desk.call(&admin, "POST", "/v1/mailboxes", new(mode)).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("mode_loosening")), "{answer}");
    }
    let (status, made) = desk.call(&admin, "POST", "/v1/mailboxes", new("gated_send")).await;
    assert_eq!((status, made["mode"].as_str(), made["undo_seconds"].as_i64()), (201, Some("gated_send"), Some(15)), "{made}");
    let path = format!("/v1/mailboxes/{}", made["id"].as_str().unwrap());
    for (change, code) in [
        (json!({"mode": "monitored"}), "mode_loosening"),
        (json!({"oversight_mode": "autonomous"}), "mode_loosening"),
        (json!({"undo_seconds": 5}), "mode_loosening"),
        (json!({"bulk_in_gated_all": true}), "mode_loosening"),
        (json!({"name": "Somebody else"}), "person_required"),
    ] {
        let (status, answer) = desk.call(&admin, "PATCH", &path, change.clone()).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some(code)), "{change}");
    }
    let (status, changed) = desk.call(&admin, "PATCH", &path, json!({"mode": "gated_all", "person_required": true, "undo_seconds": 60})).await;
    assert_eq!((status, changed["mode"].as_str(), changed["person_required"].as_bool()), (200, Some("gated_all"), Some(true)), "{changed}");
    assert_eq!(desk.call(&admin, "PATCH", &path, json!({"person_required": false})).await.1["code"], "mode_loosening");
    assert_eq!(desk.call(&desk.agent, "PATCH", &path, json!({"mode": "read_only"})).await.1["code"], "scope_missing");
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.1["meaning"], Mode::GatedAll.meaning());
    // All or nothing: a refused mode leaves the rest as it was.
    desk.call(&admin, "PATCH", &path, json!({"mode": "monitored", "undo_seconds": 120})).await;
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.1["undo_seconds"], 60);
}

#[actix_web::test]
async fn a_key_asks_for_a_looser_mode_and_a_person_finishes_it_once() {
    let desk = Desk::new().await;
    let path = format!("/v1/mailboxes/{}", desk.mailbox(Mode::GatedSend).id);
    let ask = json!({"target_mode": "monitored", "reason": "200 drafts were approved unchanged"});
    assert_eq!(desk.call(&desk.oversight, "POST", &format!("{path}/upgrade-request"), ask.clone()).await.1["code"], "scope_missing");
    let (status, answer) = desk.call(&desk.agent, "POST", &format!("{path}/upgrade-request"), json!({"target_mode": "gated_all"})).await;
    assert_eq!((status, answer["field"].as_str()), (422, Some("target_mode")), "tightening needs no request");
    let (status, asked) = desk.call(&desk.agent, "POST", &format!("{path}/upgrade-request"), ask).await;
    assert_eq!((status, asked["status"].as_str(), asked["code_sent_to"].as_i64()), (202, Some("open"), Some(1)), "{asked}");
    assert!(!asked.to_string().contains("code_hash"));
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedSend, "nothing has changed yet");
    let code = code_for(&desk, "ada").await.unwrap();
    assert!(!asked.to_string().contains(&code), "whoever asks does not see the code");
    for key in [&desk.agent, &desk.key(&[Scope::Admin])] {
        let (status, answer) = desk.call(key, "POST", &format!("{path}/upgrade"), json!({"code": code})).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("person_required")), "{answer}");
    }
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedSend);

    let page = path.replace("/v1", "");
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert!(!max.get(&page).await.body.contains("asks for"), "managers do not see it");
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let shown = ada.get(&page).await.body;
    assert!(shown.contains("key asks for") && shown.contains("200 drafts were approved unchanged"));
    let wrong = ada.post(&page, &format!("{page}/upgrade"), &[("code", "AAAA-AAAA-AAAA-AAAA")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("Tries left: 4"), "{}", wrong.status);
    let done = ada.post(&page, &format!("{page}/upgrade"), &[("code", &code.to_lowercase().replace('-', " "))]).await;
    assert_eq!((done.status, mode(&desk, Mode::GatedSend)), (303, Mode::Monitored));
    desk.write(|conn| countersign::domain::mailboxes::set_mode(conn, &OPERATOR, &desk.mailbox(Mode::GatedSend).id, Mode::GatedSend, desk.now()))
        .unwrap();
    let again = ada.post(&page, &format!("{page}/upgrade"), &[("code", &code)]).await;
    assert_eq!((again.status, mode(&desk, Mode::GatedSend)), (409, Mode::GatedSend), "a code works once");
}

#[actix_web::test]
async fn five_wrong_codes_end_a_request_and_a_code_ends_after_a_day() {
    let desk = Desk::new().await;
    let path = format!("/v1/mailboxes/{}", desk.mailbox(Mode::GatedSend).id);
    let page = path.replace("/v1", "");
    desk.call(&desk.agent, "POST", &format!("{path}/upgrade-request"), json!({"target_mode": "monitored"})).await;
    let code = code_for(&desk, "ada").await.unwrap();
    let ada = desk.person("Ada");
    let id = desk.mailbox(Mode::GatedSend).id;
    let late = desk.now().plus_days(1).plus_seconds(60);
    let finish = |code: &str, at| desk.write(|conn| countersign::domain::mailboxes::ladder::finish(conn, &ada, &id, code, at));
    assert_eq!(finish(&code, late).unwrap_err().code, "no_mode_request", "after a day");
    for left in (0..5).rev() {
        let told = finish("AAAA-AAAA-AAAA-AAAB", desk.now()).unwrap().into_result().unwrap_err();
        assert_eq!(told.code, "code_wrong");
        assert!(left == 0 || told.detail.contains(&left.to_string()), "{}", told.detail);
    }
    assert_eq!(finish(&code, desk.now()).unwrap_err().code, "no_mode_request", "the right one comes too late");
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("ada").await;
    assert!(!browser.get(&page).await.body.contains("asks for"));
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedSend);
}

#[actix_web::test]
async fn a_person_steps_up_with_a_second_administrator_where_there_is_one() {
    let desk = Desk::new().await;
    let page = format!("/mailboxes/{}", desk.mailbox(Mode::GatedSend).id);
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let without = ada.post(&page, &format!("{page}/mode"), &[("mode", "monitored"), ("reason", " ")]).await;
    assert!(without.status == 422 && without.body.contains("Reason must be filled in"), "{}", without.status);
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedSend);
    ada.post(&page, &format!("{page}/mode"), &[("mode", "monitored"), ("reason", "Hardly anything was changed for a month")]).await;
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::Monitored, "the only administrator decides alone");
    ada.post(&page, &format!("{page}/mode"), &[("mode", "gated_send")]).await;

    second_admin(&desk);
    ada.post(&page, &format!("{page}/mode"), &[("mode", "autonomous"), ("reason", "Receipts alone")]).await;
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedSend, "it waits for the other one");
    assert_eq!(code_for(&desk, "ada").await, None, "whoever asks gets no code");
    let code = code_for(&desk, "bea").await.unwrap();
    let mut bea = Browser::new(desk.app().await);
    bea.sign_in("bea").await;
    assert!(bea.get(&page).await.body.contains("Ada asks for"));
    assert!(!ada.get(&page).await.body.contains("Code from the mail"));
    let own = ada.post(&page, &format!("{page}/upgrade"), &[("code", &code)]).await;
    assert!(own.status == 403 && own.body.contains("another administrator must enter the code"), "whoever asked does not finish it: {}", own.status);
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedSend);
    bea.post(&page, &format!("{page}/upgrade"), &[("code", &code)]).await;
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::Autonomous);
    bea.post(&page, &format!("{page}/mode"), &[("mode", "gated_all")]).await;
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedAll, "a step down is immediate");
    let shown = bea.get(&page).await.body;
    let label = Mode::label;
    for told in [
        format!("From “{}” to “{}”</span>", label(Mode::GatedSend), label(Mode::Monitored)),
        "<q>Hardly anything was changed for a month</q>".to_owned(),
        format!("Asked for “{}”", label(Mode::Autonomous)),
        format!("From “{}” to “{}”, which Ada asked for", label(Mode::GatedSend), label(Mode::Autonomous)),
    ] {
        assert!(shown.contains(&told), "{told} in {shown}");
    }
}

#[actix_web::test]
async fn a_refused_step_leaves_the_mode() {
    let desk = Desk::new().await;
    let page = format!("/mailboxes/{}", desk.mailbox(Mode::GatedSend).id);
    desk.call(&desk.agent, "POST", &format!("/v1{page}/upgrade-request"), json!({"target_mode": "monitored"})).await;
    let code = code_for(&desk, "ada").await.unwrap();
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    assert_eq!(ada.post(&page, &format!("{page}/upgrade/refusal"), &[]).await.status, 303);
    assert_eq!(ada.post(&page, &format!("{page}/upgrade"), &[("code", &code)]).await.status, 409);
    assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedSend);
}

#[actix_web::test]
async fn suppressions_are_listed_added_and_never_lifted() {
    let desk = Desk::new().await;
    for n in 0..3 {
        let (status, row) = desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": format!("No{n}@Example.com")})).await;
        assert_eq!((status, row["email"].as_str(), row["reason"].as_str()), (201, Some(format!("no{n}@example.com").as_str()), Some("by_hand")));
    }
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/suppression", json!({"email": "x@example.com"})).await.1["code"], "scope_missing");
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": "x@example.com", "reason": "erased"})).await.0, 422);
    let (_, first) = desk.call(&desk.agent, "GET", "/v1/suppression?limit=2", json!(null)).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = desk.call(&desk.agent, "GET", &format!("/v1/suppression?limit=2&cursor={cursor}"), json!(null)).await;
    let emails =
        |page: &Value| page["suppressions"].as_array().unwrap().iter().map(|row| row["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let mut all = [emails(&first), emails(&second)].concat();
    all.sort();
    assert_eq!((all, second["next_cursor"].is_null()), (vec!["no0@example.com".into(), "no1@example.com".into(), "no2@example.com".into()], true));
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/suppression?reason=unsubscribed", json!(null)).await.1["suppressions"], json!([]));
    assert_eq!(emails(&desk.call(&desk.agent, "GET", "/v1/suppression?email=NO1@example.com", json!(null)).await.1), ["no1@example.com"]);
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/suppression?cursor=nonsense", json!(null)).await.0, 422);
    for key in [&desk.agent, &desk.key(&[Scope::Contacts, Scope::Admin])] {
        let (status, answer) = desk.call(key, "DELETE", "/v1/suppression/no1@example.com", json!(null)).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("person_required")));
    }
    let (status, answer) = desk.send(Mode::Autonomous, "no1@example.com", json!({"consent_basis": "consent"})).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("recipient_suppressed")));
}

#[actix_web::test]
async fn whoever_took_the_second_administrator_away_waits_a_day() {
    let desk = Desk::new().await;
    second_admin(&desk);
    let (ada, bea) = (desk.person("Ada"), desk.person("Bea"));
    let (id, bea_id) = (desk.mailbox(Mode::GatedSend).id, UserId::from(bea.id()));
    let page = format!("/mailboxes/{id}");
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("ada").await;
    let day = 24 * 3600;
    let step = |at: Time| desk.write(|conn| ladder::step(conn, &ada, &id, Mode::Monitored, Some("Because"), at)).map_err(|error| error.code);
    let disable = |disabled: bool| desk.write(|conn| users::set_disabled(conn, &ada, &bea_id, disabled, desk.now())).unwrap();
    let demote = |role: Role| desk.write(|conn| users::change(conn, &ada, &bea_id, role, &[], desk.now())).unwrap();
    for (way, take, give) in [
        ("disabled", &(|| disable(true)) as &dyn Fn(), &(|| disable(false)) as &dyn Fn()),
        ("demoted", &|| demote(Role::Manager), &|| demote(Role::Admin)),
    ] {
        take();
        assert_eq!(step(desk.now()), Err("second_administrator_gone"), "{way}");
        let refused = browser.post(&page, &format!("{page}/mode"), &[("mode", "monitored"), ("reason", "Because")]).await;
        assert!(refused.status == 403 && refused.body.contains("or wait a day"), "{way}: {}", refused.status);
        assert_eq!(step(desk.now().plus_seconds(day - 60)), Err("second_administrator_gone"), "{way}");
        assert_eq!(mode(&desk, Mode::GatedSend), Mode::GatedSend, "{way}");
        // What tightens needs nobody.
        desk.write(|conn| ladder::step(conn, &ada, &id, Mode::GatedAll, None, desk.now())).unwrap();
        assert_eq!(step(desk.now().plus_seconds(day + 60)), Ok(None), "{way}: a day later");
        assert_eq!(mode(&desk, Mode::GatedSend), Mode::Monitored, "{way}");
        desk.write(|conn| ladder::step(conn, &ada, &id, Mode::GatedSend, None, desk.now())).unwrap();
        give();
        // Somebody who can be asked is asked, whatever was before.
        assert_eq!(step(desk.now()), Ok(Some(1)), "{way}");
    }
}

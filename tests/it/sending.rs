//! The stop switches, the timeline of a message, and messages of which nobody knows whether they arrived.

use countersign::catcher::{Action, Behaviour, Rule, Verb};
use countersign::domain::actor::Scope;
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::mailboxes::{Mode, stops};
use countersign::domain::messages::{DecisionKind, Message, State};
use countersign::domain::outbox::attempts::Outcome;
use countersign::domain::outbox::uncertain::{self, Evidence, History, Verdict};
use countersign::domain::outbox::verify;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, sql};

async fn approved(desk: &Desk, to: &str) -> Message {
    let message = desk.pending(to, json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    message
}

fn state(desk: &Desk, message: &Message) -> State {
    desk.message(message.row.id.as_str()).row.state
}

fn history(desk: &Desk, message: &Message) -> History {
    desk.read(|conn| uncertain::history(conn, &OPERATOR, &message.row.id))
}

/// A message that the server may have taken: it kept it and hung up.
async fn an_uncertain_one(to: &str) -> (Desk, Message) {
    let desk = Desk::with(Behaviour::new().with(Rule::at(Verb::Dot, Action::KeepAndClose).times(1))).await;
    let message = approved(&desk, to).await;
    desk.drain().await;
    assert_eq!(state(&desk, &message), State::Uncertain);
    (desk, message)
}

#[actix_web::test]
async fn who_stopped_when_and_why_stands_on_every_page() {
    let desk = Desk::new().await;
    let gated = desk.mailbox(Mode::GatedSend);
    let max = desk.person("Max");
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert!(!rita.get("/queue").await.body.contains("notice-bar-stop"));
    desk.write(|conn| stops::stop(conn, &max, Some(&gated.id), "Wrong prices <b>today</b>", desk.now())).unwrap();
    desk.write(|conn| stops::stop(conn, &max, None, "", desk.now())).unwrap();
    for path in ["/queue", "/messages", "/facts", "/account", "/sending", "/no-such-page"] {
        let body = rita.get(path).await.body;
        let bars: Vec<&str> = body.split("notice-bar-stop").skip(1).collect();
        assert_eq!(bars.len(), 2, "{path}");
        assert!(bars[0].contains("All sending is stopped</b>, by Max since <time") && bars[0].contains("No reason was given."), "{path}");
        assert!(bars[1].contains(&gated.address) && bars[1].contains("by Max"), "{path}");
        assert!(bars[1].contains("Wrong prices &#60;b&#62;today"), "{path}: {}", bars[1]);
    }
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert_eq!(max.post("/sending", "/sending/resume", &[]).await.status, 303);
    let page = max.post(&format!("/mailboxes/{}", gated.id), &format!("/mailboxes/{}/resume", gated.id), &[]).await;
    assert_eq!(page.status, 303);
    assert!(!max.get("/queue").await.body.contains("notice-bar-stop"));
}

#[actix_web::test]
async fn a_stop_of_a_mailbox_out_of_reach_is_not_told() {
    let desk = Desk::new().await;
    let (gated, monitored) = (desk.mailbox(Mode::GatedSend), desk.mailbox(Mode::Monitored));
    let key = countersign::domain::keys::NewKey {
        mailboxes: vec![monitored.id.clone()],
        ..countersign::domain::keys::NewKey::named("one", &[Scope::Read, Scope::Oversight])
    };
    let (_, secret) = desk.write(|conn| countersign::domain::keys::add(conn, &OPERATOR, &key, desk.now())).unwrap();
    desk.write(|conn| stops::stop(conn, &OPERATOR, Some(&gated.id), "secret reasons", desk.now())).unwrap();
    let (status, answer) = desk.call(&secret, "GET", "/v1/sending", Value::Null).await;
    assert_eq!((status, &answer["stopped"], &answer["stops"]), (200, &json!(false), &json!([])));
    let (status, answer) = desk.call(&secret, "POST", "/v1/sending/stop", json!({"reason": "all"})).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("key_limited")));
    let (status, answer) = desk.call(&secret, "POST", "/v1/sending/stop", json!({"mailbox": monitored.address, "reason": "odd"})).await;
    assert_eq!((status, answer["stops"][0]["reason"].as_str(), answer["stops"][0]["by"].as_str()), (200, Some("odd"), Some("one")));
}

#[actix_web::test]
async fn a_key_stops_and_never_resumes() {
    let desk = Desk::new().await;
    let message = approved(&desk, "later@example.com").await;
    let (status, _) = desk.call(&desk.agent, "POST", "/v1/sending/stop", json!({"reason": "x"})).await;
    assert_eq!(status, 403, "a key that only writes stops nothing");
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/sending/stop", json!({"reason": "The offer is wrong."})).await;
    assert_eq!((status, &answer["stopped"]), (200, &json!(true)));
    let actor = desk.read(|conn| countersign::domain::keys::authenticate(conn, &desk.oversight, desk.now())).unwrap().actor;
    let refused = desk.write(|conn| stops::resume(conn, &actor, None, desk.now())).unwrap_err();
    assert!(["scope_missing", "mode_loosening"].contains(&refused.code), "{refused:?}");
    let (_, again) = desk.call(&desk.oversight, "POST", "/v1/sending/stop", json!({"reason": "Another reason"})).await;
    assert_eq!(again["stops"][0]["reason"].as_str(), Some("The offer is wrong."), "who stopped first stays named");
    assert!(!desk.catcher.messages().iter().any(|mail| mail.to == ["later@example.com"]));
    assert_eq!(state(&desk, &message), State::Approved);
    let ada = desk.person("Ada");
    desk.write(|conn| stops::resume(conn, &ada, None, desk.now())).unwrap();
    desk.drain().await;
    assert_eq!(state(&desk, &message), State::Sent);
}

#[actix_web::test]
async fn the_page_of_a_message_shows_each_attempt_with_the_servers_words() {
    let busy = Rule::at(Verb::Rcpt, Action::Reply("450 4.2.1 mailbox busy, <i>later</i>".into())).times(1);
    let desk = Desk::with(Behaviour::new().with(busy)).await;
    let message = approved(&desk, "twice@example.com").await;
    let stopped = {
        let desk_state = desk.state.clone();
        let transport = desk.transport();
        let (sender, receiver) = tokio::sync::watch::channel(false);
        let running = actix_web::rt::spawn(countersign::worker::run(desk_state, Some(transport), receiver));
        while history(&desk, &message).attempts.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        sender.send_replace(true);
        running.await
    };
    stopped.unwrap();
    sql(&desk, "UPDATE outbox SET not_before = 0");
    desk.drain().await;
    let attempts = history(&desk, &message).attempts;
    let seen: Vec<_> = attempts.iter().map(|a| (a.outcome, a.stage.as_deref(), a.code)).collect();
    assert_eq!(seen, [(Outcome::Deferred, Some("rcpt"), Some(450)), (Outcome::Sent, Some("dot"), Some(250))]);
    assert!(attempts.iter().all(|a| a.relay.as_deref() == Some(&desk.catcher.addr().to_string()) && a.started_at <= a.ended_at));
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let body = rita.get(&format!("/messages/{}", message.row.id)).await.body;
    assert!(body.contains("2 attempts") && body.contains("mailbox busy, &#60;i&#62;later"), "{body}");
    let (status, answer) = desk.call(&desk.agent, "GET", &format!("/v1/emails/{}/attempts", message.row.id), Value::Null).await;
    assert_eq!((status, answer["attempts"].as_array().unwrap().len()), (200, 2));
    assert_eq!(answer["attempts"][0]["outcome"].as_str(), Some("deferred"));
}

#[actix_web::test]
async fn an_uncertain_message_is_shown_with_what_is_known_and_a_person_settles_it() {
    let (desk, message) = an_uncertain_one("maybe@example.com").await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert!(rita.get("/queue").await.body.contains("1 message is uncertain"));
    assert!(rita.get("/uncertain").await.body.contains("maybe@example.com"));
    let path = format!("/messages/{}", message.row.id);
    let body = rita.get(&path).await.body;
    for known in [
        &format!("{}.1@sender.example", message.row.id),
        &desk.catcher.addr().to_string(),
        "Handed over, and no answer came",
        "MAIL, RCPT and DATA were accepted",
    ] {
        assert!(body.contains(known), "{known}");
    }
    let keyed = desk.read(|conn| countersign::domain::keys::authenticate(conn, &desk.oversight, desk.now())).unwrap().actor;
    let refused = desk.write(|conn| uncertain::settle(conn, &keyed, &message.row.id, Verdict::WasSent, None, desk.now())).unwrap_err();
    assert_eq!(refused.code, "person_required");
    let page = rita.post(&path, &format!("{path}/settlement"), &[("verdict", "was_sent"), ("note", "Maybe wrote to me")]).await;
    assert_eq!(page.status, 303);
    let settled = desk.message(message.row.id.as_str());
    assert_eq!(settled.row.state, State::Sent);
    let settlements = history(&desk, &message).settlements;
    assert_eq!((settlements[0].evidence, settlements[0].actor_name.as_str()), (Evidence::Person, "Rita"));
    assert!(rita.get(&path).await.body.contains("Maybe wrote to me"));
    assert!(!rita.get("/queue").await.body.contains("message is uncertain"));
    let again = rita.post(&path, &format!("{path}/settlement"), &[("verdict", "send_again")]).await;
    assert_eq!(again.status, 409, "settled once");
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 1);
}

#[actix_web::test]
async fn what_a_person_sends_again_goes_through_every_check_and_is_one_more_attempt() {
    let (desk, message) = an_uncertain_one("again@example.com").await;
    let rita = desk.person("Rita");
    desk.write(|conn| uncertain::settle(conn, &rita, &message.row.id, Verdict::SendAgain, None, desk.now())).unwrap();
    desk.drain().await;
    assert_eq!(state(&desk, &message), State::Sent);
    let mails = desk.catcher.messages();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].raw, mails[1].raw, "the same bytes under the same Message-ID");
    assert_eq!(desk.read(verify::verify).exceptions.len(), 0);

    let (desk, message) = an_uncertain_one("gone@example.com").await;
    desk.write(|conn| suppressions::add(conn, &OPERATOR, "gone@example.com", Reason::Unsubscribed, "test", None, desk.now())).unwrap();
    let rita = desk.person("Rita");
    desk.write(|conn| uncertain::settle(conn, &rita, &message.row.id, Verdict::SendAgain, None, desk.now())).unwrap();
    desk.drain().await;
    assert_eq!((state(&desk, &message), desk.catcher.messages().len()), (State::Skipped, 1));

    let (desk, message) = an_uncertain_one("old@example.com").await;
    let (rita, later) = (desk.person("Rita"), desk.now().plus_days(31));
    let refused = desk.write(|conn| uncertain::settle(conn, &rita, &message.row.id, Verdict::SendAgain, None, later)).unwrap_err();
    assert_eq!(refused.code, "too_late");
    desk.write(|conn| uncertain::settle(conn, &rita, &message.row.id, Verdict::DoNotSend, None, later)).unwrap();
    desk.drain().await;
    assert_eq!((state(&desk, &message), desk.catcher.messages().len()), (State::Failed, 1));
}

#[actix_web::test]
async fn evidence_settles_once_and_a_message_that_is_not_uncertain_stays_as_it_is() {
    let (desk, message) = an_uncertain_one("proof@example.com").await;
    let id = &message.row.id;
    assert!(desk.write(|conn| uncertain::settle_by_evidence(conn, id, Evidence::Click, "a link", desk.now())).unwrap());
    assert_eq!(state(&desk, &message), State::Sent);
    assert!(!desk.write(|conn| uncertain::settle_by_evidence(conn, id, Evidence::Reply, "again", desk.now())).unwrap());
    assert_eq!(history(&desk, &message).settlements.len(), 1);
    let other = desk.pending("pending@example.com", json!({})).await;
    assert!(!desk.write(|conn| uncertain::settle_by_evidence(conn, &other.row.id, Evidence::Bounce, "x", desk.now())).unwrap());
    assert_eq!(state(&desk, &other), State::Pending);
}

#[actix_web::test]
async fn a_relays_log_settles_what_it_shows_and_nothing_else() {
    let (desk, message) = an_uncertain_one("log@example.com").await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let cleanup = format!("Nov 21 10:00:00 mx postfix/cleanup[9]: 4BX: message-id=<{}.1@sender.example>", message.row.id);
    let taken = "Nov 21 10:00:00 mx postfix/qmgr[7]: 4BX: from=<a@b>, size=9, nrcpt=1 (queue active)";
    let page = rita.post("/uncertain", "/uncertain/log", &[("log", &cleanup)]).await;
    assert_eq!((page.status, state(&desk, &message)), (303, State::Uncertain), "that line is written before the dot");
    rita.post("/uncertain", "/uncertain/log", &[("log", &format!("{cleanup}\n{taken}\n"))]).await;
    assert_eq!(state(&desk, &message), State::Sent);
    assert_eq!(history(&desk, &message).settlements[0].evidence, Evidence::RelayLog);
    assert!(rita.get("/uncertain").await.body.contains("Nothing is uncertain"));
}

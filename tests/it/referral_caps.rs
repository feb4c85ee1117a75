//! Nobody is asked to recommend too often, whoever writes the message; who brought somebody hears what they earned.

use countersign::domain::actor::Scope;
use countersign::domain::ids::MessageId;
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, Message, State, tags};
use countersign::domain::outbox::{self, WorkerId};
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, address, count, sql};

const ASKED: &str = "ana@example.com";

fn ask() -> Value {
    json!({"tags": ["referral-program"]})
}

/// Lets the words of mail that asks pass the check of the disclosure: there is no link in it.
async fn asked(desk: &Desk) -> Message {
    let message = desk.pending(ASKED, ask()).await;
    let message = desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(desk.message(message.row.id.as_str()).row.state, State::Sent);
    message
}

/// Moves everything that left to so many days ago.
fn days_ago(desk: &Desk, message: &Message, days: i64) {
    let (at, id) = (desk.now().plus_days(-days).micros(), &message.row.id);
    sql(desk, &format!("UPDATE messages SET sent_at = {at} WHERE id = '{id}'"));
    sql(desk, &format!("UPDATE sends SET at = {at} WHERE message_id = '{id}'"));
}

fn followed(desk: &Desk, days: i64) {
    let at = desk.now().plus_days(-days).micros();
    assert_eq!(sql(desk, &format!("UPDATE referrals SET clicks = 1, last_click_at = {at}")), 1);
}

async fn link(desk: &Desk, email: &str) -> Value {
    let admin = desk.key(&[Scope::Admin, Scope::Read]);
    let (status, made) = desk.call(&admin, "POST", "/v1/referrals", json!({"email": email, "target_url": "https://www.example.com/join"})).await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn refused(desk: &Desk) -> (u16, String) {
    let (status, answer) = desk.send(Mode::GatedSend, ASKED, ask()).await;
    (status, answer["code"].as_str().unwrap_or_default().to_owned())
}

fn free(desk: &Desk) {
    use countersign::domain::policy::rules::{GroundRule, Rules, set_rules};
    let rules = Rules { cap_messages: 0, quiet_from: 0, quiet_until: 0, ground: GroundRule::Reviewed, ..Rules::default() };
    desk.write(|conn| set_rules(conn, &OPERATOR, &rules, desk.now())).unwrap();
}

#[actix_web::test]
async fn an_ask_is_refused_within_the_cooldown_past_the_cap_and_after_two_that_were_ignored() {
    let desk = Desk::new().await;
    free(&desk);
    link(&desk, ASKED).await;
    let first = asked(&desk).await;
    assert_eq!(refused(&desk).await, (409, "referral_cooldown".into()));
    // Other mail is not concerned, nor are other people.
    assert_eq!(desk.send(Mode::GatedSend, ASKED, json!({})).await.0, 202);
    assert_eq!(desk.send(Mode::GatedSend, "ben@example.com", ask()).await.0, 202);
    days_ago(&desk, &first, 89);
    assert_eq!(refused(&desk).await.1, "referral_cooldown");
    days_ago(&desk, &first, 400);
    let second = asked(&desk).await;
    days_ago(&desk, &second, 300);
    assert_eq!(refused(&desk).await, (409, "referral_limit".into()), "two were ignored");
    followed(&desk, 250);
    let third = asked(&desk).await;
    days_ago(&desk, &third, 200);
    let fourth = asked(&desk).await;
    days_ago(&desk, &fourth, 100);
    followed(&desk, 50);
    assert_eq!(refused(&desk).await, (409, "referral_limit".into()), "four in all");
    let (_, answer) = desk.send(Mode::GatedSend, ASKED, ask()).await;
    assert!(answer["detail"].as_str().unwrap().contains("4 is the most"), "{answer}");
}

#[actix_web::test]
async fn one_that_was_tagged_after_it_was_handed_in_does_not_leave_either() {
    let desk = Desk::new().await;
    free(&desk);
    asked(&desk).await;
    let (_, answer) = desk.send(Mode::Autonomous, ASKED, json!({"consent_basis": "consent"})).await;
    let id = MessageId::from(answer["id"].as_str().unwrap());
    desk.write(|conn| tags::add(conn, &OPERATOR, &id, &["referral-program".to_owned()], desk.now())).unwrap();
    desk.drain().await;
    let row = desk.message(id.as_str()).row;
    assert_eq!(row.state, State::Skipped);
    assert!(row.state_reason.unwrap().contains("1 ask per 90 days"));
}

/// Whoever writes the message and whatever they call it.
#[actix_web::test]
async fn a_link_to_recommend_with_or_a_referral_campaign_makes_a_message_an_ask() {
    let desk = Desk::new().await;
    free(&desk);
    let made = link(&desk, ASKED).await;
    let link = made["link"].as_str().unwrap();
    let campaign = json!({"name": "Friends", "kind": "referral"});
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/campaigns", campaign).await.0, 201);
    let with_link = json!({"text_body": format!("Your referral reward is a gift. Share it: {link}"), "tags": ["referral-reward"]});
    let in_html = json!({"text_body": "Hello.", "html_body": format!("<p>Your referral reward is a gift: <a href=\"{}\">share it</a></p>", link.to_uppercase().replace("/R/", "/r/"))});
    let of_campaign = json!({"campaign": "Friends"});
    let (status, first) = desk.send(Mode::GatedSend, ASKED, with_link.clone()).await;
    assert_eq!(status, 202, "{first}");
    for other in [&with_link, &in_html, &of_campaign, &ask()] {
        let (status, answer) = desk.send(Mode::GatedSend, ASKED, other.clone()).await;
        assert_eq!((status, &answer["code"]), (409, &json!("referral_limit")), "{other}: {answer}");
    }
    let message = desk.message(first["id"].as_str().unwrap());
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(desk.message(message.row.id.as_str()).row.state, State::Sent);
    let (_, answer) = desk.send(Mode::Autonomous, ASKED, of_campaign).await;
    assert_eq!(answer["code"], "referral_cooldown", "{answer}");
    // An edit that brings the link in is one as well.
    let (_, plain) = desk.send(Mode::GatedSend, ASKED, json!({})).await;
    let edit = json!({"subject": "A subject", "body": with_link["text_body"]});
    let (status, answer) = desk.call(&desk.agent, "PATCH", &format!("/v1/emails/{}", plain["id"].as_str().unwrap()), edit).await;
    assert_eq!((status, &answer["code"]), (409, &json!("referral_cooldown")), "{answer}");
    let (_, program) = desk.call(&desk.agent, "GET", "/v1/referrals/program", json!(null)).await;
    assert_eq!(program["asked"], 1, "{program}");
    // The list that the numbers lead to has it, whatever its tags are.
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let listed = max.get("/messages?tag=referral-program").await.body;
    assert!(listed.contains(&format!("/messages/{}", message.row.id)), "{listed}");
    assert!(!listed.contains(&format!("/messages/{}", plain["id"].as_str().unwrap())), "{listed}");
}

/// P-10 for asks: of many that were cleared at once, one leaves, whoever claims at the same time.
#[actix_web::test]
async fn of_many_asks_that_were_cleared_one_leaves() {
    let desk = Desk::new().await;
    free(&desk);
    let mut ids = vec![];
    for _ in 0..20 {
        let (_, answer) = desk.send(Mode::Autonomous, ASKED, json!({"consent_basis": "consent"})).await;
        ids.push(MessageId::from(answer["id"].as_str().unwrap()));
    }
    for id in &ids {
        desk.write(|conn| tags::add(conn, &OPERATOR, id, &["referral-program".to_owned()], desk.now())).unwrap();
    }
    let now = desk.now();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let db = desk.restarted().db;
            std::thread::spawn(move || (0..10).map(|_| db.write(|conn| outbox::claim(conn, &WorkerId::new(), 3, now)).unwrap().len()).sum::<usize>())
        })
        .collect();
    let claimed: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(claimed, 1);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages WHERE state = 'skipped'"), 19);
}

#[actix_web::test]
async fn explain_and_forecast_say_what_a_submission_gets() {
    let desk = Desk::new().await;
    free(&desk);
    asked(&desk).await;
    let mailbox = address(Mode::GatedSend);
    let path = format!("/v1/explain?email={ASKED}&class=referral&mailbox={mailbox}");
    let (_, answer) = desk.call(&desk.agent, "GET", &path, json!(null)).await;
    assert_eq!((&answer["verdict"], &answer["because"]["check"]), (&json!("refuse"), &json!("referral_cap")), "{answer}");
    assert_eq!(answer["because"]["data"]["asked"], 1);
    let (_, other) = desk.call(&desk.agent, "GET", &path.replace("referral", "other"), json!(null)).await;
    assert_ne!(other["because"]["check"], "referral_cap");
    let group = json!({"contacts": [ASKED, "ben@example.com"], "class": "referral", "mailbox": mailbox});
    let (_, forecast) = desk.call(&desk.agent, "POST", "/v1/forecast", group).await;
    assert_eq!((&forecast["refuse"], &forecast["contacts"][0]["check"]), (&json!(1), &json!("referral_cap")), "{forecast}");
}

#[actix_web::test]
async fn a_reward_is_told_once_with_the_totals_and_every_claim_in_it_is_on_record() {
    let desk = Desk::new().await;
    free(&desk);
    let made = link(&desk, ASKED).await;
    let id = made["id"].as_str().unwrap();
    asked(&desk).await;
    let convert = async |email: &str| {
        let (_, answer) = desk.call(&desk.agent, "POST", &format!("/v1/referrals/{id}/conversions"), json!({"email": email})).await;
        answer["conversion"]["conversion_id"].as_str().unwrap().to_owned()
    };
    let reward = async |conversion: &str, amount: i64, unit: &str| {
        let body = json!({"conversion_id": conversion, "amount": amount, "unit": unit, "mailbox": address(Mode::GatedSend)});
        desk.call(&desk.agent, "POST", &format!("/v1/referrals/{id}/rewards"), body).await
    };
    let (one, two) = (convert("one@example.com").await, convert("two@example.com").await);
    let (status, first) = reward(&one, 2000, "eur").await;
    assert_eq!(status, 201, "{first}");
    assert_eq!(first["totals"], json!({"conversions": 2, "earned": {"EUR": 2000}}));
    let (status, again) = reward(&one, 2000, "eur").await;
    assert_eq!((status, &again["reward"]["id"], &again["message"]), (200, &first["reward"]["id"], &json!(null)));
    let (_, second) = reward(&two, 2, "months").await;
    let message = desk.message(second["message"]["id"].as_str().unwrap());
    assert!(
        message.current.text_body.contains("this time: 2 months.\nYour referral rewards in all: €20 and 2 months."),
        "{}",
        message.current.text_body
    );
    assert!(message.current.text_body.contains("so far: 2 people.") && message.current.text_body.contains(made["link"].as_str().unwrap()));
    assert_eq!(
        message.row.claims_open,
        0,
        "{}",
        desk.call(&desk.agent, "GET", &format!("/v1/emails/{}/claims", message.row.id), json!(null)).await.1
    );
    assert!(message.row.claims_supported >= 4, "{}", message.row.claims_supported);
    for wrong in [json!({"conversion_id": two, "amount": 0, "unit": "EUR"}), json!({"conversion_id": two, "amount": 1, "unit": "weeks"})] {
        assert_eq!(desk.call(&desk.agent, "POST", &format!("/v1/referrals/{id}/rewards"), wrong.clone()).await.0, 422, "{wrong}");
    }
    let whole = desk.call(&desk.agent, "GET", &format!("/v1/referrals/{id}"), json!(null)).await.1;
    assert_eq!((whole["latest_rewards"].as_array().unwrap().len(), &whole["totals"]["earned"]["months"]), (2, &json!(2)));
}

#[actix_web::test]
async fn one_gentle_reminder_follows_an_ask_and_none_who_shared() {
    let desk = Desk::new().await;
    free(&desk);
    let made = link(&desk, ASKED).await;
    let path = format!("/v1/referrals/{}/reminder", made["id"].as_str().unwrap());
    let body = json!({"reward": "a gift from us", "mailbox": address(Mode::GatedSend)});
    let remind = async || {
        let (status, answer) = desk.call(&desk.agent, "POST", &path, body.clone()).await;
        (status, answer["code"].as_str().or(answer["id"].as_str()).unwrap_or_default().to_owned())
    };
    assert_eq!(remind().await, (409, "referral_limit".into()), "nobody asked");
    let ask = asked(&desk).await;
    assert_eq!(remind().await, (409, "referral_cooldown".into()), "a week");
    days_ago(&desk, &ask, 7);
    let (status, id) = remind().await;
    assert_eq!(status, 202, "{id}");
    let message = desk.message(&id);
    assert!(message.current.text_body.contains(made["link"].as_str().unwrap()) && message.current.text_body.contains("a gift from us"));
    assert_eq!(remind().await, (409, "referral_limit".into()), "one waits");
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(remind().await, (409, "referral_limit".into()), "one after an ask");
    assert_eq!(refused(&desk).await.1, "referral_cooldown");
    days_ago(&desk, &ask, 100);
    let ask = asked(&desk).await;
    followed(&desk, 0);
    days_ago(&desk, &ask, 8);
    assert_eq!(remind().await, (409, "referral_limit".into()), "they shared");
}

#[actix_web::test]
async fn a_manager_rewards_and_reminds_on_the_page() {
    let desk = Desk::new().await;
    free(&desk);
    let made = link(&desk, ASKED).await;
    let path = format!("/referrals/{}", made["id"].as_str().unwrap());
    let (_, converted) = desk.call(&desk.agent, "POST", &format!("/v1{path}/conversions"), json!({"email": "new@example.com"})).await;
    let conversion = converted["conversion"]["conversion_id"].as_str().unwrap().to_owned();
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert!(max.get(&path).await.body.contains("Reward it"));
    let fields = [("conversion", conversion.as_str()), ("amount", "1,5"), ("unit", "EUR"), ("mailbox", "")];
    let wrong = max.post(&path, &format!("{path}/rewards"), &fields).await;
    assert!(wrong.status == 422 && wrong.body.contains("Amount must be a number"), "{}", wrong.body);
    let from = desk.mailbox(Mode::GatedAll).id.to_string();
    let fields = [("conversion", conversion.as_str()), ("amount", "20"), ("unit", "EUR"), ("mailbox", from.as_str())];
    assert_eq!(max.post(&path, &format!("{path}/rewards"), &fields).await.status, 303);
    let page = max.get(&path).await.body;
    assert!(page.contains("Rewarded with €20") && page.contains("the notice") && page.contains("<dt>Earned</dt><dd>€20"), "{page}");
    let fields = [("reward", "a gift"), ("mailbox", from.as_str())];
    let wrong = max.post(&path, &format!("{path}/reminder"), &fields).await;
    assert!(wrong.status >= 400 && wrong.body.contains("They were not asked") && wrong.body.contains("value=\"a gift\""), "{}", wrong.body);
}

#[actix_web::test]
async fn the_first_ask_of_a_mailbox_waits_for_a_person_whatever_it_is_called() {
    let desk = Desk::new().await;
    free(&desk);
    let send = async |to: &str, more: Value| {
        let mut words = json!({"tags": ["referral-program"], "consent_basis": "legitimate_interest"});
        words.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        desk.send(Mode::Autonomous, to, words).await.1
    };
    // Another message of the same campaign was approved, and lends its approval to no ask.
    let (_, other) = desk.send(Mode::Autonomous, "a@example.com", json!({"campaign": "spring"})).await;
    desk.decide("Rita", &desk.message(other["id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    for more in [json!({}), json!({"campaign": "spring"})] {
        let held = send("b@example.com", more).await;
        assert_eq!(held["reason"], "It is the first message of a new campaign.", "{held}");
        desk.call(&desk.agent, "POST", &format!("/v1/emails/{}/cancel", held["id"].as_str().unwrap()), json!({})).await;
    }
    let path = format!("/v1/explain?email=c@example.com&class=referral&mailbox={}", address(Mode::Autonomous));
    let first = async || {
        let (_, told) = desk.call(&desk.agent, "GET", &path, json!(null)).await;
        told["checks"].as_array().unwrap().iter().find(|check| check["check"] == "first_of_campaign").unwrap()["verdict"].clone()
    };
    assert_eq!(first().await, "hold");
    let held = send("d@example.com", json!({})).await;
    desk.decide("Rita", &desk.message(held["id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    assert_eq!(send("e@example.com", json!({})).await["status"], "queued");
    assert_eq!(first().await, "pass");
    // Each mailbox has a first one of its own.
    let elsewhere =
        desk.send(Mode::Monitored, "f@example.com", json!({"tags": ["referral-program"], "consent_basis": "legitimate_interest"})).await.1;
    assert_eq!(elsewhere["status"], "pending");
}

//! The checks at transmit, through the worker's claim, on both databases: who leaves, who waits until when, who does not.

use countersign::clock::Time;
use countersign::domain::actor::Scope;
use countersign::domain::contacts::{self, ConsentBasis};
use countersign::domain::ids::ContactId;
use countersign::domain::mailboxes::{Mode, stops};
use countersign::domain::messages::{DecisionKind, Message, State, lifecycle};
use countersign::domain::outbox::{self, WorkerId};
use countersign::domain::policy::rules::{GroundRule, Rules, set_rules};
use countersign::domain::reputation::{self, Health, Limits};
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR, address, count, sql};

/// Rules of which none stops anything.
fn free() -> Rules {
    Rules { cap_messages: 0, quiet_from: 0, quiet_until: 0, ground: GroundRule::Reviewed, ..Rules::default() }
}

fn rule(desk: &Desk, rules: Rules) {
    desk.write(|conn| set_rules(conn, &OPERATOR, &rules, desk.now())).unwrap();
}

fn limit(desk: &Desk, change: impl FnOnce(&mut Limits)) {
    let id = desk.mailbox(Mode::GatedSend).id;
    desk.write(|conn| {
        let mut limits = Limits::from(&reputation::pace(conn, &OPERATOR, &id)?);
        change(&mut limits);
        reputation::set_limits(conn, &OPERATOR, &id, &limits, desk.now())
    })
    .unwrap();
}

async fn approved(desk: &Desk, to: &str, more: serde_json::Value) -> Message {
    let message = desk.pending(to, more).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap()
}

/// Claims as a worker would at this time: how many it gets.
fn claim(desk: &Desk, now: Time) -> usize {
    desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 500, now)).unwrap().len()
}

fn waits(desk: &Desk, message: &Message) -> (Time, String) {
    let waiting = desk.read(|conn| outbox::waiting(conn, &message.row.id)).unwrap();
    (waiting.not_before, waiting.waits_for.unwrap_or_default())
}

fn state(desk: &Desk, message: &Message) -> (State, String) {
    let row = desk.message(message.row.id.as_str()).row;
    (row.state, row.state_reason.or(row.held_because).unwrap_or_default())
}

/// Whether a worker has it in its hands.
fn is_claimed(desk: &Desk, message: &Message) -> bool {
    desk.read(|conn| outbox::waiting(conn, &message.row.id)).is_some_and(|waiting| waiting.state == "sending")
}

fn contact_of(desk: &Desk, message: &Message) -> ContactId {
    desk.message(message.row.id.as_str()).row.contact_id
}

#[actix_web::test]
async fn a_third_message_of_a_week_waits_whatever_its_campaign_and_mailbox() {
    let desk = Desk::new().await;
    rule(&desk, Rules { cap_messages: 2, ..free() });
    let mut all = vec![];
    for (campaign, mode) in [("spring", Mode::GatedSend), ("summer", Mode::GatedAll), ("autumn", Mode::GatedSend)] {
        let (_, answer) = desk.send(mode, "ann@example.com", json!({"campaign": campaign})).await;
        let message = desk.message(answer["id"].as_str().unwrap());
        all.push(desk.decide("Rita", &message, DecisionKind::Approve).unwrap());
    }
    let now = desk.now();
    assert_eq!(claim(&desk, now), 2);
    let held: Vec<&Message> = all.iter().filter(|message| !is_claimed(&desk, message)).collect();
    assert_eq!(waits(&desk, held[0]), (now.plus_days(7), "room under the frequency cap of the recipient".to_owned()));
    assert_eq!(claim(&desk, now.plus_days(7).plus_seconds(-1)), 0);
    assert_eq!(claim(&desk, now.plus_days(7)), 1);
}

/// P-10: 200 agents draft to one person; whoever claims at the same time, the cap is not exceeded by one.
#[actix_web::test]
async fn two_hundred_drafts_to_one_person_do_not_pass_the_cap_by_one() {
    let desk = Desk::new().await;
    rule(&desk, Rules { cap_messages: 3, ..free() });
    for _ in 0..200 {
        let (_, answer) = desk.send(Mode::Autonomous, "ann@example.com", json!({"consent_basis": "consent"})).await;
        assert_eq!(answer["status"], "queued", "{answer}");
    }
    let now = desk.now();
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let db = desk.restarted().db;
            std::thread::spawn(move || (0..30).map(|_| db.write(|conn| outbox::claim(conn, &WorkerId::new(), 7, now)).unwrap().len()).sum::<usize>())
        })
        .collect();
    let claimed: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(claimed, 3);
    assert_eq!(claim(&desk, now), 0, "nothing is due any more");
    let places: i64 = count(&desk, "SELECT count(*) AS n FROM sends");
    assert_eq!((places, count(&desk, "SELECT sent AS n FROM mailbox_days")), (3, 3));
}

#[actix_web::test]
async fn quiet_hours_put_a_message_off_until_they_end_and_never_drop_it() {
    let desk = Desk::new().await;
    rule(&desk, Rules { quiet_from: 21 * 60, quiet_until: 8 * 60, ..free() });
    let message = approved(&desk, "ann@example.com", json!({})).await;
    let receipt = desk.pending("ann@example.com", json!({"class": "transactional"})).await;
    let receipt = desk.decide("Rita", &receipt, DecisionKind::Approve).unwrap();
    sql(&desk, "UPDATE contacts SET time_zone = 'Europe/Vienna'");
    let night = Time::from_date(desk.now().date()).plus_seconds(86_400 + 22 * 3600);
    assert_eq!(claim(&desk, night), 1, "what they ordered does not wait");
    assert!(is_claimed(&desk, &receipt));
    let vienna = jiff::tz::TimeZone::get("Europe/Vienna").unwrap();
    let morning = night.local(&vienna).date().tomorrow().unwrap().at(8, 0, 0, 0);
    let morning = if night.local(&vienna).hour() < 8 { night.local(&vienna).date().at(8, 0, 0, 0) } else { morning };
    let morning = Time::from_local(morning, &vienna).unwrap();
    assert_eq!(waits(&desk, &message), (morning, "the end of the recipient's quiet hours".to_owned()));
    assert_eq!(claim(&desk, morning.plus_seconds(-1)), 0);
    assert_eq!(claim(&desk, morning), 1);
}

#[actix_web::test]
async fn why_a_cleared_message_has_not_left_is_told_to_its_author_and_on_its_page() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let message = approved(&desk, "ann@example.com", json!({"campaign": "Spring"})).await;
    let told = async || desk.call(&desk.agent, "GET", &format!("/v1/emails/{}", message.row.id), json!(null)).await.1["waits"].clone();
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let mut page = async || max.get(&format!("/messages/{}", message.row.id)).await.body;
    assert_eq!(told().await, json!(null), "it leaves in its turn");
    assert!(page().await.contains("<b>Leaves "));
    // A night that began an hour ago.
    let minute = u16::try_from(desk.now().seconds().rem_euclid(86_400) / 60).unwrap();
    let around = |by: u16| (minute + 1440 + by - 120) % 1440;
    rule(&desk, Rules { quiet_from: around(60), quiet_until: around(240), quiet_zone: Some("Etc/UTC".into()), ..free() });
    let found = told().await;
    assert!(found["because"].as_str().is_some_and(|why| why.contains("quiet")) && found["until"].is_string(), "{found}");
    let shown = page().await;
    assert!(shown.contains("<b>Waits.</b>") && shown.contains("at the earliest.") && !shown.contains("<b>Leaves "), "{shown}");
    desk.write(|conn| stops::stop(conn, &OPERATOR, Some(&message.row.mailbox_id), "Wrong offer.", desk.now())).unwrap();
    let found = told().await;
    assert_eq!((found["because"].is_string(), &found["until"]), (true, &json!(null)), "a person has to do something: {found}");
}

#[actix_web::test]
async fn a_throttled_mailbox_sends_its_number_a_minute_and_the_rest_in_turn() {
    let desk = Desk::new().await;
    rule(&desk, free());
    limit(&desk, |limits| limits.per_minute = 3);
    let mut all = vec![];
    for n in 0..8 {
        all.push(approved(&desk, &format!("p{n}@example.com"), json!({})).await);
    }
    let now = desk.now();
    assert_eq!(claim(&desk, now), 3);
    assert_eq!(claim(&desk, now.plus_seconds(59)), 0);
    assert_eq!(waits(&desk, &all[7]).1, "its turn: the mailbox sends so many messages a minute");
    assert_eq!(claim(&desk, now.plus_seconds(60)), 3);
    assert_eq!(claim(&desk, now.plus_seconds(120)), 2);
}

#[actix_web::test]
async fn one_domain_is_throttled_without_holding_up_others() {
    let desk = Desk::new().await;
    rule(&desk, free());
    limit(&desk, |limits| limits.per_domain_minute = 2);
    for n in 0..6 {
        approved(&desk, &format!("p{n}@busy.test"), json!({})).await;
    }
    approved(&desk, "one@calm.test", json!({})).await;
    let now = desk.now();
    assert_eq!(claim(&desk, now), 3);
    let claimed: Vec<usize> = (1..4).map(|minute| claim(&desk, now.plus_seconds(60 * minute))).collect();
    assert_eq!(claimed.iter().sum::<usize>(), 4, "{claimed:?}");
    assert!(claimed.iter().all(|got| *got <= 2), "{claimed:?}");
}

#[actix_web::test]
async fn a_mailbox_that_warms_up_sends_more_each_sending_day() {
    let desk = Desk::new().await;
    rule(&desk, free());
    limit(&desk, |limits| (limits.warmup_first, limits.warmup_percent) = (2, 50));
    for n in 0..9 {
        approved(&desk, &format!("p{n}@example.com"), json!({})).await;
    }
    let day = Time::from_date(desk.now().date()).plus_seconds(86_400 + 43_200);
    assert_eq!(claim(&desk, day), 2);
    assert_eq!(claim(&desk, day.plus_seconds(43_199)), 0, "not before midnight");
    // A day without mail is no sending day.
    assert_eq!(claim(&desk, day.plus_days(2)), 3);
    assert_eq!(claim(&desk, day.plus_days(3)), 4);
    let page = desk.read(|conn| reputation::page::delivery(conn, &OPERATOR, &desk.mailbox(Mode::GatedSend).id, day.plus_days(3)));
    assert_eq!((page.warmup_day, page.allowance, page.today), (3, Some(4), 4));
    assert_eq!(page.curve[..4], [2, 3, 4, 6]);
}

#[actix_web::test]
async fn a_campaign_stops_for_whoever_wrote_came_back_or_is_away() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let wrote = approved(&desk, "wrote@example.com", json!({"campaign": "spring"})).await;
    let away = approved(&desk, "away@example.com", json!({"campaign": "spring"})).await;
    let other = approved(&desk, "other@example.com", json!({"campaign": "spring"})).await;
    let now = desk.now().plus_seconds(60);
    let until = now.plus_days(5);
    let (thread, contact) = (wrote.row.thread_id.clone(), contact_of(&desk, &wrote));
    sql(
        &desk,
        &format!(
            "INSERT INTO inbound_emails (id, mailbox_id, thread_id, contact_id, from_address, from_key, to_address, subject, text_body, received_at) \
             SELECT 'in1', mailbox_id, '{thread}', '{contact}', 'wrote@example.com', 'wrote@example.com', 'x', 'Re', 'Hello', {} FROM messages WHERE id = '{}'",
            now.micros(),
            wrote.row.id
        ),
    );
    sql(&desk, &format!("UPDATE contacts SET absent_until = {} WHERE id = '{}'", until.micros(), contact_of(&desk, &away)));
    assert_eq!(claim(&desk, now), 1);
    assert!(is_claimed(&desk, &other));
    let (skipped, why) = state(&desk, &wrote);
    assert_eq!(skipped, State::Skipped);
    assert!(why.starts_with("They wrote on "), "{why}");
    assert_eq!(waits(&desk, &away), (until, "the recipient, who is away".to_owned()));
    assert_eq!(claim(&desk, until), 1);
}

#[actix_web::test]
async fn a_step_of_a_campaign_goes_to_a_person_once() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let tags = json!({"tags": ["campaign_drip", "drip_step_1"]});
    let first = approved(&desk, "ann@example.com", tags.clone()).await;
    let second = approved(&desk, "ann@example.com", tags).await;
    assert_eq!(claim(&desk, desk.now()), 1);
    assert!(is_claimed(&desk, &first));
    let (skipped, why) = state(&desk, &second);
    assert!(skipped == State::Skipped && why.starts_with("This step of the campaign went to them"), "{skipped} {why}");
}

#[actix_web::test]
async fn without_a_ground_on_record_a_person_records_one_or_nothing_leaves() {
    let desk = Desk::new().await;
    rule(&desk, Rules { ground: GroundRule::Recorded, ..free() });
    let message = desk.pending("ann@example.com", json!({})).await;
    let refused = desk.decide("Rita", &message, DecisionKind::Approve).unwrap_err();
    assert_eq!((refused.code, refused.detail.as_str()), ("ground_missing", "No ground for mailing this person is on record."));
    // A key approves, which records nothing: it is not sent and comes back to the people.
    let decision = json!({"message_id": message.row.id, "decision": "approve", "content_hash": message.row.content_hash});
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide", decision).await.0, 200);
    assert_eq!(claim(&desk, desk.now()), 0);
    assert_eq!(state(&desk, &message).0, State::Pending);
    // A person does, with the decision.
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("Rita").await;
    let path = format!("/messages/{}", message.row.id);
    let page = browser.get(&path).await;
    assert!(page.body.contains("Ground for mailing") && page.body.contains("No ground for mailing this person is on record."));
    let hash = desk.message(message.row.id.as_str()).row.content_hash;
    let fields = [("content_hash", hash.as_str()), ("basis", "soft_opt_in"), ("basis_source", "Order of 2 April 2026")];
    let answer = browser.post(&path, &format!("{path}/approval"), &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(claim(&desk, desk.now()), 1);
    let consents = desk.read(|conn| contacts::get(conn, &OPERATOR, &contact_of(&desk, &message))).consents;
    assert_eq!((consents[0].basis, consents[0].recorded_by.as_str()), (ConsentBasis::SoftOptIn, "Rita"));
    // What a person writes to somebody without a ground waits for another one.
    let person = desk.person("Max");
    let row = desk.message(&{
        let new = countersign::domain::messages::submit::NewMessage {
            mailbox: Some(address(Mode::GatedSend)),
            to: "new@example.com".into(),
            to_name: None,
            words: countersign::domain::messages::content::Words { subject: "Hello".into(), text: Some("Hello.".into()), html: None },
            tags: vec![],
            headers: vec![],
            mode: None,
            send_at: None,
            consent_basis: None,
            class: countersign::domain::policy::consent::Class::Commercial,
            topic: None,
            campaign: None,
            facts: vec![],
            origin: countersign::domain::messages::Origin::Person,
        };
        desk.write(|conn| countersign::domain::messages::submit::submit(conn, &person, &new, desk.now())).unwrap().row.id.to_string()
    });
    assert_eq!(row.row.state, State::Pending);
}

#[actix_web::test]
async fn implied_consent_that_ended_in_canada_is_refused_the_day_after() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let (_, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "ann@example.com", "metadata": {"country": "CA"}})).await;
    let id = ContactId::from(made["id"].as_str().unwrap());
    desk.write(|conn| contacts::record_consent(conn, &OPERATOR, &id, ConsentBasis::SoftOptIn, "order", desk.now())).unwrap();
    let before = desk.pending("ann@example.com", json!({})).await;
    desk.decide("Rita", &before, DecisionKind::Approve).unwrap();
    sql(&desk, "UPDATE consents SET recorded_at = 0");
    assert_eq!(claim(&desk, desk.now()), 0, "approved while it held, due when it had ended");
    assert!(state(&desk, &before).1.contains("in Canada two years"), "{:?}", state(&desk, &before));
    let (status, answer) = desk.send(Mode::GatedSend, "ann@example.com", json!({})).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("consent_lapsed")), "{answer}");
}

#[actix_web::test]
async fn a_key_that_calls_its_mail_transactional_waits_for_a_person() {
    let desk = Desk::new().await;
    let (status, answer) = desk.send(Mode::Autonomous, "ann@example.com", json!({"class": "transactional"})).await;
    assert_eq!((status, answer["status"].as_str()), (202, Some("pending")), "{answer}");
    assert_eq!(answer["reason"], "It is said to be transactional, which takes a person to confirm.");
    assert_eq!(desk.send(Mode::Autonomous, "ann@example.com", json!({"class": "relationship"})).await.1["field"], "class");
}

#[actix_web::test]
async fn explain_and_forecast_say_when_a_person_can_be_mailed_again() {
    let desk = Desk::new().await;
    rule(&desk, Rules { cap_messages: 1, ..free() });
    let message = approved(&desk, "ann@example.com", json!({})).await;
    let now = desk.now();
    assert_eq!(claim(&desk, now), 1);
    let path = format!("/v1/contacts/{}/explain?mailbox={}", contact_of(&desk, &message), address(Mode::Autonomous));
    sql(&desk, "UPDATE contacts SET metadata = '{\"country\":\"US\"}'");
    desk.write(|conn| contacts::record_consent(conn, &OPERATOR, &contact_of(&desk, &message), ConsentBasis::Consent, "form", now)).unwrap();
    let (_, found) = desk.call(&desk.agent, "GET", &path, json!(null)).await;
    assert_eq!((found["verdict"].as_str(), found["because"]["check"].as_str()), (Some("defer"), Some("frequency_cap")), "{found}");
    assert_eq!(found["next_eligible_at"], now.plus_days(7).to_string());
    let body = json!({"contacts": ["ann@example.com"], "mailbox": address(Mode::Autonomous)});
    let (_, forecast) = desk.call(&desk.agent, "POST", "/v1/forecast", body).await;
    assert_eq!((forecast["defer"].as_i64(), forecast["contacts"][0]["check"].as_str()), (Some(1), Some("frequency_cap")), "{forecast}");
}

#[actix_web::test]
async fn a_key_only_tightens_rules_and_limits() {
    let desk = Desk::new().await;
    rule(&desk, Rules::default());
    let admin = desk.key(&[Scope::Read, Scope::Admin]);
    let delivery = format!("/v1/mailboxes/{}/delivery", desk.mailbox(Mode::GatedSend).id);
    let cases = [
        ("/v1/sending-rules", json!({"cap_messages": 1}), json!({"cap_messages": 3})),
        ("/v1/sending-rules", json!({"cap_days": 14}), json!({"cap_days": 7})),
        ("/v1/sending-rules", json!({"quiet_from": "20:00"}), json!({"quiet_until": "07:00"})),
        ("/v1/sending-rules", json!({"quiet_zone": "Europe/Vienna"}), json!({"ground": "reviewed"})),
        (&delivery, json!({"per_minute": 60}), json!({"per_minute": 61})),
        (&delivery, json!({"warmup_first": 50}), json!({"warmup_first": 51})),
        (&delivery, json!({"bounce_limit": 10_000}), json!({"complaint_limit": 2_000})),
    ];
    for (path, tighter, looser) in cases {
        let (status, answer) = desk.call(&admin, "PATCH", path, tighter.clone()).await;
        assert_eq!(status, 200, "{tighter} {answer}");
        let (status, answer) = desk.call(&admin, "PATCH", path, looser.clone()).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("mode_loosening")), "{looser}");
        assert_eq!(desk.call(&desk.agent, "PATCH", path, tighter).await.0, 403, "only with the scope admin");
    }
    let (_, found) = desk.call(&admin, "GET", &delivery, json!(null)).await;
    assert_eq!((found["limits"]["per_minute"].as_i64(), found["warmup_allowance"].as_i64()), (Some(60), Some(50)), "{found}");
    let (_, found) = desk.call(&admin, "GET", "/v1/sending-rules", json!(null)).await;
    assert_eq!((found["cap_messages"].as_i64(), found["quiet_from"].as_str()), (Some(1), Some("20:00")), "{found}");
}

/// Two hundred messages that left, of which some came back.
fn history(desk: &Desk, sent: usize, now: Time) -> Vec<String> {
    let id = desk.mailbox(Mode::GatedSend).id;
    let model = desk.read(|conn| countersign::domain::messages::list::list(conn, &OPERATOR, &Default::default())).0[0].id.to_string();
    let mut ids = vec![];
    for n in 0..sent {
        let message = format!("m{n:05}");
        sql(
            desk,
            &format!(
                "INSERT INTO messages (id, mailbox_id, contact_id, thread_id, state, effective_mode, origin, author_kind, author_id, editor_kind, editor_id, \
                 is_test, version, content_hash, created_at, updated_at, sent_at) SELECT '{message}', mailbox_id, contact_id, thread_id, 'sent', effective_mode, \
                 origin, author_kind, author_id, editor_kind, editor_id, is_test, version, content_hash, created_at, updated_at, {} FROM messages WHERE id = '{model}'",
                now.micros()
            ),
        );
        sql(
            desk,
            &format!(
                "INSERT INTO sends (message_id, mailbox_id, contact_id, domain, commercial, at) SELECT id, mailbox_id, contact_id, 'example.com', TRUE, {} \
                 FROM messages WHERE id = '{message}'",
                now.micros() + i64::try_from(n).unwrap()
            ),
        );
        ids.push(message);
    }
    sql(desk, &format!("INSERT INTO mailbox_days (mailbox_id, day, sent, bounced, complained) VALUES ('{id}', '{}', {sent}, 0, 0)", now.date()));
    ids
}

fn came(desk: &Desk, id: &str, to: State) {
    let id = countersign::domain::ids::MessageId::from(id);
    desk.write(|conn| lifecycle::transition(conn, &id, State::Sent, to, None, desk.now())).unwrap();
}

fn health(desk: &Desk) -> (Health, bool) {
    let mailbox = desk.mailbox(Mode::GatedSend);
    (desk.read(|conn| reputation::pace(conn, &OPERATOR, &mailbox.id)).health, mailbox.stopped_at.is_some())
}

#[actix_web::test]
async fn a_mailbox_warns_slows_down_and_pauses_itself_and_a_person_resumes_it() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let waiting = approved(&desk, "ann@example.com", json!({})).await;
    let now = desk.now();
    let sent = history(&desk, 200, now);
    for (n, expected) in [(0, Health::Good), (1, Health::Good), (2, Health::Warned), (3, Health::Slowed)] {
        came(&desk, &sent[n], State::Bounced);
        assert_eq!(health(&desk), (expected, false), "after {}", n + 1);
    }
    let page = desk.read(|conn| reputation::page::delivery(conn, &OPERATOR, &desk.mailbox(Mode::GatedSend).id, now));
    assert_eq!(page.pace.minute_limit(), reputation::plan::SLOW_PER_MINUTE);
    came(&desk, &sent[4], State::Bounced);
    assert_eq!(health(&desk), (Health::Paused, true));
    assert_eq!(claim(&desk, now.plus_days(1)), 0, "nothing leaves");
    assert_eq!(state(&desk, &waiting).0, State::Approved);
    assert!(desk.read(reputation::sends::recount).is_empty(), "{:?}", desk.read(reputation::sends::recount));
    // People are told, with why, and the webhook went out.
    let told = count(
        &desk,
        "SELECT count(*) AS n FROM notice_mails WHERE subject LIKE '%has paused itself%' AND text_body LIKE '%5 of the last 200 messages came back: 2.5 _, where 2 _ is the most.%'",
    );
    assert_eq!(told, 4, "everybody within reach");
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM audit_log WHERE action = 'sending.stop' AND actor_id = 'reputation'"), 1);
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("Max").await;
    let path = format!("/mailboxes/{}/delivery", desk.mailbox(Mode::GatedSend).id);
    let shown = browser.get(&path).await;
    assert!(
        shown.body.contains("The mailbox paused itself") && shown.body.contains("2.5 %") && shown.body.contains("a person to resume the mailbox")
    );
    // No key resumes it; a person does, and the rates count from then on.
    let change = json!({"bounce_limit": 20_000});
    let admin = desk.key(&[Scope::Read, Scope::Admin]);
    desk.call(&admin, "PATCH", &format!("/v1{path}"), change).await;
    assert_eq!(health(&desk), (Health::Paused, true));
    browser.post(&path, &path.replace("delivery", "resume"), &[]).await;
    assert_eq!(health(&desk), (Health::Good, false));
    came(&desk, &sent[5], State::Bounced);
    assert_eq!(health(&desk), (Health::Good, false), "what was sent before does not count again");
    assert_eq!(claim(&desk, now.plus_days(1)), 1);
}

#[actix_web::test]
async fn one_complaint_in_a_thousand_is_allowed_and_two_are_not() {
    let desk = Desk::new().await;
    rule(&desk, free());
    desk.pending("ann@example.com", json!({})).await;
    let sent = history(&desk, 1000, desk.now());
    came(&desk, &sent[0], State::Complained);
    assert_eq!(health(&desk), (Health::Slowed, false));
    came(&desk, &sent[1], State::Complained);
    assert_eq!(health(&desk), (Health::Paused, true));
}

#[actix_web::test]
async fn a_day_of_more_than_twice_the_median_pauses_the_mailbox() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let id = desk.mailbox(Mode::GatedSend).id;
    let now = desk.now();
    for day in 1..8 {
        sql(&desk, &format!("INSERT INTO mailbox_days VALUES ('{id}', '{}', 100, 0, 0)", now.plus_days(-day).date()));
    }
    sql(&desk, &format!("INSERT INTO mailbox_days VALUES ('{id}', '{}', 199, 0, 0)", now.date()));
    approved(&desk, "a@example.com", json!({})).await;
    assert_eq!(claim(&desk, desk.now()), 1, "twice is allowed");
    assert_eq!(health(&desk), (Health::Good, false));
    approved(&desk, "b@example.com", json!({})).await;
    claim(&desk, desk.now());
    assert_eq!(health(&desk), (Health::Paused, true));
}

#[actix_web::test]
async fn what_did_not_leave_gives_its_place_back() {
    let desk = Desk::new().await;
    rule(&desk, Rules { cap_messages: 1, ..free() });
    let first = approved(&desk, "ann@example.com", json!({})).await;
    let second = approved(&desk, "ann@example.com", json!({})).await;
    let now = desk.now();
    assert_eq!(claim(&desk, now), 1);
    let (gone, waiting) = if is_claimed(&desk, &first) { (&first, &second) } else { (&second, &first) };
    // Its worker falls silent before the dot, and the recipient leaves.
    desk.write(|conn| outbox::recover(conn, now.plus_seconds(3600))).unwrap();
    assert_eq!(state(&desk, gone).0, State::Queued);
    assert!(desk.read(reputation::sends::recount).is_empty());
    assert_eq!(claim(&desk, now.plus_seconds(3600)), 1, "one of the two has its turn");
    assert!(is_claimed(&desk, gone) != is_claimed(&desk, waiting));
}

#[actix_web::test]
async fn the_pages_of_rules_and_checks_say_what_holds() {
    let desk = Desk::new().await;
    let (_, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "ann@example.com"})).await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("Ada").await;
    let page = browser.get("/rules").await;
    assert!(page.body.contains("Messages to one person"));
    let fields = [
        ("cap_messages", "3"),
        ("cap_days", "10"),
        ("cap_per_topic", "1"),
        ("quiet_from", "22:00"),
        ("quiet_until", "07:30"),
        ("quiet_zone", "Europe/Vienna"),
        ("ground", "recorded"),
        ("lapse_months", "12"),
    ];
    assert_eq!(browser.post("/rules", "/rules", &fields).await.status, 303);
    let kept = desk.read(countersign::domain::policy::rules::rules);
    assert_eq!((kept.cap_messages, kept.cap_days, kept.quiet_until, kept.quiet_zone.as_deref()), (3, 10, 450, Some("Europe/Vienna")));
    let mut wrong = fields;
    wrong[5] = ("quiet_zone", "Mars/Base");
    let answer = browser.post("/rules", "/rules", &wrong).await;
    assert!(answer.status == 422 && answer.body.contains("Quiet zone must be a name such as Europe/Vienna"), "{}", answer.status);
    let page = browser.get(&format!("/customers/{}/checks", made["id"].as_str().unwrap())).await;
    assert!(page.body.contains("Frequency cap") && page.body.contains("Quiet hours"), "{}", page.body);
    let path = format!("/mailboxes/{}/delivery", desk.mailbox(Mode::GatedSend).id);
    let page = browser.get(&path).await;
    assert!(page.body.contains("Nothing waits to leave") && page.body.contains("too few to judge"), "{}", page.body);
    let mut fields = vec![
        ("per_minute", "60"),
        ("per_domain_minute", "10"),
        ("warmup_first", "50"),
        ("warmup_percent", "40"),
        ("warmup_target", "5000"),
        ("bounce_limit", "1.5"),
        ("complaint_limit", "0.05"),
        ("spike_percent", "250"),
    ];
    assert_eq!(browser.post(&path, &path, &fields).await.status, 303);
    let page = browser.get(&path).await;
    assert!(page.body.contains("<polyline") && page.body.contains("sending day 1") && page.body.contains("it pauses above 1.5 %"), "{}", page.body);
    fields[5] = ("bounce_limit", "50");
    let answer = browser.post(&path, &path, &fields).await;
    assert!(answer.status == 422 && answer.body.contains("Bounce limit must be"), "{}", answer.status);
}

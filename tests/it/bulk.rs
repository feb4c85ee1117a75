//! Approving alike messages together.

use countersign::clock::Time;
use countersign::domain::actor::Actor;
use countersign::domain::batches::{self, Opened, Outcome, Refusal};
use countersign::domain::error::Result;
use countersign::domain::ids::{BatchId, MailboxId, MessageId, draw};
use countersign::domain::mailboxes::{self, MailboxChange, Mode};
use countersign::domain::messages::content::Words;
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::edit::edit;
use countersign::domain::messages::undo::undo;
use countersign::domain::messages::{self, DecisionKind, Message, State};
use countersign::domain::outbox::{WorkerId, claim};
use countersign::domain::policy::consent::Class;
use countersign::domain::settings;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, address};

const TEXT: &str = "Hello there,\n\nwe would like to hear from you.";

async fn held(desk: &Desk, mode: Mode, to: &str, more: Value) -> MessageId {
    let mut body = json!({"text_body": TEXT, "consent_basis": "consent", "oversight_mode": mode.min(Mode::GatedSend).as_str()});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let (status, answer) = desk.send(mode, to, body).await;
    assert_eq!((status, answer["status"].as_str()), (202, Some("pending")), "{answer}");
    MessageId::from(answer["id"].as_str().unwrap())
}

/// So many messages of one template.
async fn alike(desk: &Desk, count: usize) -> Vec<MessageId> {
    let mut ids = vec![];
    for n in 0..count {
        ids.push(held(desk, Mode::GatedSend, &format!("p{n}@customer{}.example", n % 2), json!({})).await);
    }
    ids
}

fn message(desk: &Desk, id: &MessageId) -> Message {
    desk.read(|conn| messages::get(conn, &OPERATOR, id))
}

fn open_as(desk: &Desk, who: &str, ids: &[MessageId]) -> Result<Opened> {
    let actor = desk.person(who);
    desk.write(|conn| batches::open(conn, &actor, ids, desk.now()))
}

fn batch(desk: &Desk, who: &str, ids: &[MessageId]) -> BatchId {
    match open_as(desk, who, ids).unwrap() {
        Opened::Batch(id) => id,
        Opened::Refused(refusals) => panic!("{refusals:?}"),
    }
}

fn refusals(desk: &Desk, ids: &[MessageId]) -> Vec<Refusal> {
    match open_as(desk, "Rita", ids).unwrap() {
        Opened::Batch(_) => vec![],
        Opened::Refused(refusals) => refusals,
    }
}

/// Shows the sample to this person.
fn look(desk: &Desk, actor: &Actor, id: &BatchId) {
    let shown = desk.read(|conn| batches::get(conn, actor, id, long_ago()));
    let sample: Vec<(MessageId, i32)> =
        shown.sample().into_iter().map(|line| (line.item.message_id.clone(), message(desk, &line.item.message_id).row.version)).collect();
    desk.write(|conn| messages::note_shown(conn, actor, &sample, desk.now())).unwrap();
}

fn approve(desk: &Desk, who: &str, id: &BatchId, since: Time) -> Result<batches::Shown> {
    let actor = desk.person(who);
    desk.write(|conn| batches::approve(conn, &actor, id, since, desk.now()))
}

fn set_mailbox(desk: &Desk, mode: Mode, undo_seconds: i32, bulk: bool) -> MailboxId {
    let id = desk.read(|conn| mailboxes::resolve(conn, &OPERATOR, Some(&address(mode)))).id;
    let change = MailboxChange { undo_seconds, bulk_in_gated_all: bulk, ..MailboxChange::from(&desk.mailbox(mode)) };
    desk.write(|conn| mailboxes::change(conn, &OPERATOR, &id, &change, desk.now())).unwrap();
    id
}

/// As if the session began before everything.
fn long_ago() -> Time {
    Time::from_micros(0)
}

#[actix_web::test]
async fn alike_messages_are_approved_together_and_each_has_its_own_decision() {
    let desk = Desk::new().await;
    let ids = alike(&desk, 12).await;
    let id = batch(&desk, "Rita", &ids);
    let rita = desk.person("Rita");
    let shown = desk.read(|conn| batches::get(conn, &rita, &id, long_ago()));
    assert_eq!((shown.lines.len(), shown.sample().len(), shown.unopened()), (12, 4, 4));
    let forecast = desk.read(|conn| batches::forecast(conn, &rita, &id, desk.now()));
    assert_eq!((forecast.count, forecast.skips.len()), (12, 0));
    assert_eq!(forecast.domains, [("customer0.example".to_owned(), 6), ("customer1.example".to_owned(), 6)]);
    look(&desk, &rita, &id);
    let done = approve(&desk, "Rita", &id, long_ago()).unwrap();
    assert_eq!(done.with(Outcome::Approved).len(), 12);
    for of in &ids {
        let message = message(&desk, of);
        assert_eq!(message.decisions.len(), 1);
        let decision = &message.decisions[0];
        assert_eq!((decision.kind, decision.batch_id.as_ref(), decision.actor_name.as_str()), (DecisionKind::Approve, Some(&id), "Rita"));
        assert_eq!(decision.content_hash, message.row.content_hash);
    }
    assert_eq!(approve(&desk, "Rita", &id, long_ago()).unwrap_err().code, "batch_decided");
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 12);
}

#[actix_web::test]
async fn what_is_not_of_one_template_and_cohort_is_named() {
    let desk = Desk::new().await;
    let ids = alike(&desk, 3).await;
    for (more, why) in [
        (json!({"text_body": "Hello there,\n\nwe would like to hear nothing from you."}), "wording differs"),
        (json!({"subject": "Another subject"}), "wording differs"),
        (json!({"campaign": "spring"}), "another campaign"),
    ] {
        let odd = held(&desk, Mode::GatedSend, "odd@customer.example", more).await;
        let refused = refusals(&desk, &[ids.clone(), vec![odd.clone()]].concat());
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].message_id == odd && refused[0].why.contains(why) && refused[0].to == "odd@customer.example", "{refused:?}");
    }
    let elsewhere = held(&desk, Mode::Monitored, "odd@customer.example", json!({})).await;
    assert!(refusals(&desk, &[ids.clone(), vec![elsewhere]].concat())[0].why.contains("another mailbox"));
    let missing = refusals(&desk, &[ids.clone(), vec![MessageId::from("nothing")]].concat());
    assert!(missing.len() == 1 && missing[0].why.contains("no such message"), "{missing:?}");
    assert_eq!(open_as(&desk, "Rita", &ids[..1]).unwrap_err().code, "batch_size");
    assert_eq!(open_as(&desk, "Rita", &[ids[0].clone(), ids[0].clone()]).unwrap_err().code, "batch_size", "the same twice is one");
    let many: Vec<MessageId> = (0..501).map(|_| MessageId::new()).collect();
    assert_eq!(open_as(&desk, "Rita", &many).unwrap_err().code, "batch_size");
}

#[actix_web::test]
async fn a_check_that_is_not_green_keeps_a_message_out_and_is_named() {
    let desk = Desk::new().await;
    desk.write(|conn| settings::set(conn, settings::SENDING_RULES, r#"{"cap_messages":0,"ground":"recorded"}"#)).unwrap();
    let ids = alike(&desk, 2).await;
    let with = |odd: MessageId| refusals(&desk, &[ids.clone(), vec![odd]].concat());
    let claims = held(&desk, Mode::GatedSend, "a@customer.example", json!({"text_body": "You get 90% off."})).await;
    assert!(with(claims)[0].why.contains("rests on no recorded fact"));
    let tricky = held(&desk, Mode::GatedSend, "b@customer.example", json!({"text_body": "Hello\u{200b}there"})).await;
    assert!(with(tricky)[0].why.contains("invisible characters"));
    let (_, answer) = desk.send(Mode::GatedSend, "c@customer.example", json!({"text_body": TEXT})).await;
    assert!(with(MessageId::from(answer["id"].as_str().unwrap()))[0].why.contains("No ground"));
    let gone = held(&desk, Mode::GatedSend, "d@customer.example", json!({})).await;
    desk.write(|conn| {
        use countersign::domain::contacts::suppressions::{Reason, add};
        add(conn, &OPERATOR, "d@customer.example", Reason::ByHand, "test", None, desk.now())
    })
    .unwrap();
    assert!(with(gone)[0].why.contains("must not be mailed"));
    let own = held(&desk, Mode::GatedSend, "e@customer.example", json!({})).await;
    let rita = desk.person("Rita");
    let words = |text: &str| Words { subject: "A subject".into(), text: Some(text.into()), html: None };
    desk.write(|conn| edit(conn, &rita, &own, &words("Other words."), None, desk.now())).unwrap();
    desk.write(|conn| edit(conn, &rita, &own, &words(TEXT), None, desk.now())).unwrap();
    assert!(with(own)[0].why.contains("someone else must approve"));
    let decided = held(&desk, Mode::GatedSend, "f@customer.example", json!({})).await;
    let hash = message(&desk, &decided).row.content_hash;
    let rob = desk.person("Rob");
    let reject = Decide { reason: Some("no"), content_hash: Some(&hash), ..Decide::on(&decided, DecisionKind::Reject) };
    desk.write(|conn| decide(conn, &rob, &reject, desk.now())).unwrap();
    assert!(with(decided)[0].why.contains("is rejected"));
    assert!(refusals(&desk, &ids).is_empty(), "the rest is fine");
}

#[actix_web::test]
async fn a_mailbox_that_holds_everything_allows_it_only_where_an_administrator_said_so() {
    let desk = Desk::new().await;
    let mut ids = vec![];
    for n in 0..3 {
        ids.push(held(&desk, Mode::GatedAll, &format!("p{n}@customer.example"), json!({})).await);
    }
    assert!(refusals(&desk, &ids).iter().all(|refusal| refusal.why.contains("holds every message")));
    set_mailbox(&desk, Mode::GatedAll, 0, true);
    let id = batch(&desk, "Rita", &ids);
    look(&desk, &desk.person("Rita"), &id);
    // Switched off meanwhile: each fails alone.
    let mailbox = set_mailbox(&desk, Mode::GatedAll, 0, false);
    let done = approve(&desk, "Rita", &id, long_ago()).unwrap();
    assert_eq!(done.with(Outcome::Failed).len(), 3);
    set_mailbox(&desk, Mode::GatedAll, 0, true);
    desk.write(|conn| mailboxes::set_mode(conn, &OPERATOR, &mailbox, Mode::ReadOnly, desk.now())).unwrap();
    assert!(refusals(&desk, &ids).iter().all(|refusal| refusal.why.contains("read only")));
    // A message that asked for more than its mailbox does is held as it asked.
    let mut strict = vec![];
    for n in 0..2 {
        strict.push(held(&desk, Mode::GatedSend, &format!("s{n}@customer.example"), json!({"oversight_mode": "gated_all"})).await);
    }
    assert_eq!(refusals(&desk, &strict).len(), 2);
    let mut looser = vec![];
    for n in 0..2 {
        looser.push(held(&desk, Mode::Monitored, &format!("m{n}@customer.example"), json!({})).await);
    }
    assert!(refusals(&desk, &looser).is_empty());
}

#[actix_web::test]
async fn the_sample_must_be_opened_by_this_person_in_this_session() {
    let desk = Desk::new().await;
    let ids = alike(&desk, 5).await;
    let id = batch(&desk, "Rita", &ids);
    let (rita, rob) = (desk.person("Rita"), desk.person("Rob"));
    assert_eq!(approve(&desk, "Rita", &id, long_ago()).unwrap_err().code, "sample_not_opened");
    look(&desk, &rita, &id);
    let sample = desk.read(|conn| batches::get(conn, &rita, &id, long_ago()));
    let drawn: Vec<(MessageId, i32)> = sample.sample().into_iter().map(|line| (line.item.message_id.clone(), line.item.version)).collect();
    desk.write(|conn| messages::note_shown(conn, &rob, &drawn, desk.now())).unwrap();
    let session = desk.now().plus_seconds(60);
    assert_eq!(approve(&desk, "Rita", &id, session).unwrap_err().code, "sample_not_opened", "opened before the session began");
    // All but one in the session.
    desk.write(|conn| messages::note_shown(conn, &rita, &drawn[1..], session.plus_seconds(1))).unwrap();
    let error = approve(&desk, "Rita", &id, session).unwrap_err();
    assert!(error.code == "sample_not_opened" && error.detail.contains("Open the 1 of"), "{}", error.detail);
    assert!(ids.iter().all(|id| message(&desk, id).row.state == State::Pending), "nothing was decided");
    desk.write(|conn| messages::note_shown(conn, &rita, &drawn[..1], session.plus_seconds(1))).unwrap();
    assert_eq!(approve(&desk, "Rita", &id, session).unwrap().with(Outcome::Approved).len(), 5);
    assert_eq!(approve(&desk, "Rob", &id, long_ago()).unwrap_err().code, "not_found", "the batch of somebody else");
}

#[actix_web::test]
async fn what_changed_or_was_decided_meanwhile_fails_alone() {
    let desk = Desk::new().await;
    let ids = alike(&desk, 6).await;
    let id = batch(&desk, "Rita", &ids);
    let rob = desk.person("Rob");
    let words = Words { subject: "A subject".into(), text: Some("Other words.".into()), html: None };
    desk.write(|conn| edit(conn, &rob, &ids[0], &words, None, desk.now())).unwrap();
    let hash = message(&desk, &ids[1]).row.content_hash;
    let reject = Decide { reason: Some("no"), content_hash: Some(&hash), ..Decide::on(&ids[1], DecisionKind::Reject) };
    desk.write(|conn| decide(conn, &rob, &reject, desk.now())).unwrap();
    desk.write(|conn| {
        use countersign::domain::contacts::suppressions::{Reason, add};
        add(conn, &OPERATOR, "p2@customer0.example", Reason::Unsubscribed, "test", None, desk.now())
    })
    .unwrap();
    let rita = desk.person("Rita");
    let forecast = desk.read(|conn| batches::forecast(conn, &rita, &id, desk.now()));
    assert!(forecast.skips.len() == 1 && forecast.skips[0].why.contains("unsubscribed"), "{:?}", forecast.skips);
    look(&desk, &rita, &id);
    let done = approve(&desk, "Rita", &id, long_ago()).unwrap();
    let problem = |of: &MessageId| done.lines.iter().find(|line| line.item.message_id == *of).unwrap().item.problem.clone().unwrap_or_default();
    assert_eq!((done.with(Outcome::Approved).len(), done.with(Outcome::Failed).len()), (3, 3));
    assert!(problem(&ids[0]).contains("changed"), "{}", problem(&ids[0]));
    assert!(problem(&ids[1]).contains("Rob"), "{}", problem(&ids[1]));
    assert!(problem(&ids[2]).contains("must not be mailed"), "{}", problem(&ids[2]));
    assert_eq!(message(&desk, &ids[0]).row.state, State::Pending);
    assert!(message(&desk, &ids[2]).decisions.is_empty());
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 3);
}

#[actix_web::test]
async fn of_two_bulk_approvals_each_message_gets_one() {
    let desk = Desk::new().await;
    let ids = alike(&desk, 10).await;
    let (hers, his) = (batch(&desk, "Rita", &ids), batch(&desk, "Rob", &ids));
    let again = batch(&desk, "Rita", &ids);
    for (who, id) in [("Rita", &hers), ("Rob", &his), ("Rita", &again)] {
        look(&desk, &desk.person(who), id);
    }
    let approved: usize = std::thread::scope(|scope| {
        let runs: Vec<_> = [("Rita", &hers), ("Rob", &his), ("Rita", &hers), ("Rita", &again)]
            .into_iter()
            .map(|(who, id)| {
                let desk = &desk;
                scope.spawn(move || approve(desk, who, id, long_ago()).map_or(0, |shown| shown.with(Outcome::Approved).len()))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    assert_eq!(approved, 10);
    assert!(ids.iter().all(|id| message(&desk, id).decisions.len() == 1));
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 10);
}

#[actix_web::test]
async fn undo_takes_back_all_that_has_not_left() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, 600, false);
    let ids = alike(&desk, 4).await;
    let id = batch(&desk, "Rita", &ids);
    let rita = desk.person("Rita");
    look(&desk, &rita, &id);
    let forecast = desk.read(|conn| batches::forecast(conn, &rita, &id, desk.now()));
    assert!(forecast.earliest > desk.now().plus_seconds(500) && forecast.latest == forecast.earliest);
    assert_eq!(desk.write(|conn| batches::undo(conn, &rita, &id, desk.now())).unwrap_err().code, "batch_not_undone");
    assert!(approve(&desk, "Rita", &id, long_ago()).unwrap().undo_until().is_some());
    let rob = desk.person("Rob");
    assert_eq!(desk.write(|conn| batches::undo(conn, &rob, &id, desk.now())).unwrap_err().code, "not_found");
    assert_eq!(desk.write(|conn| undo(conn, &rob, &ids[0], desk.now())).unwrap_err().code, "not_the_approver");
    assert_eq!(desk.write(|conn| batches::undo(conn, &rita, &id, desk.now())).unwrap(), 4);
    for of in &ids {
        let message = message(&desk, of);
        assert_eq!((message.row.state, message.row.version), (State::Pending, 2));
        assert_eq!(message.row.held_because.as_deref(), Some("An agent wrote it."));
    }
    let shown = desk.read(|conn| batches::get(conn, &rita, &id, long_ago()));
    assert!(shown.undo_until().is_none() && shown.with(Outcome::Undone).len() == 4);
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty());
    // They can be approved together once more, when they were opened once more.
    let next = batch(&desk, "Rita", &ids);
    assert_eq!(approve(&desk, "Rita", &next, long_ago()).unwrap_err().code, "sample_not_opened");
    look(&desk, &rita, &next);
    assert_eq!(approve(&desk, "Rita", &next, long_ago()).unwrap().with(Outcome::Approved).len(), 4);
}

#[actix_web::test]
async fn what_has_left_stays_sent_when_the_rest_is_taken_back() {
    let desk = Desk::new().await;
    let mut ids = vec![];
    for n in 0..4 {
        let more = if n < 2 { json!({}) } else { json!({"send_at": desk.now().plus_days(2).to_string()}) };
        ids.push(held(&desk, Mode::GatedSend, &format!("p{n}@customer.example"), more).await);
    }
    let id = batch(&desk, "Rita", &ids);
    let rita = desk.person("Rita");
    look(&desk, &rita, &id);
    let forecast = desk.read(|conn| batches::forecast(conn, &rita, &id, desk.now()));
    assert!(forecast.latest > forecast.earliest.plus_seconds(86_400));
    approve(&desk, "Rita", &id, long_ago()).unwrap();
    let claimed = desk.write(|conn| claim(conn, &WorkerId::new(), 10, desk.now())).unwrap();
    assert_eq!(claimed.len(), 2, "the others are scheduled");
    assert_eq!(desk.write(|conn| batches::undo(conn, &rita, &id, desk.now())).unwrap(), 2);
    let shown = desk.read(|conn| batches::get(conn, &rita, &id, long_ago()));
    let kept: Vec<&str> = shown.with(Outcome::Kept).iter().filter_map(|line| line.item.problem.as_deref()).collect();
    assert!(kept.len() == 2 && kept.iter().all(|why| why.contains("handed to the mail server")), "{kept:?}");
    assert_eq!(message(&desk, &ids[3]).row.state, State::Pending);
}

#[actix_web::test]
async fn the_pages_lead_through_the_sample_to_the_approval_and_back() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, 600, false);
    let ids = alike(&desk, 5).await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let odd = held(&desk, Mode::GatedSend, "odd@customer.example", json!({"subject": "An odd one"})).await;
    let mut fields: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
    fields.push(("id", odd.as_str()));
    let page = rita.post("/queue", "/batches", &fields).await;
    assert!(page.status == 409 && page.body.contains("An odd one") && page.body.contains("wording differs"), "{}", page.status);
    fields.pop();
    let page = rita.post("/queue", "/batches", &fields).await;
    assert_eq!(page.status, 303);
    let path = page.location.unwrap();
    let page = rita.get(&path).await;
    for wanted in ["3 of 5, chosen at random", "Approve 5 messages", "disabled", "Open 3 more", "customer0.example: 3"] {
        assert!(page.body.contains(wanted), "{wanted}");
    }
    let refused = rita.post(&path, &format!("{path}/approval"), &[]).await;
    assert!(refused.status == 409 && refused.body.contains("Open the 3 of the sample"), "{}", refused.status);
    let id = BatchId::from(path.rsplit('/').next().unwrap());
    let drawn = desk.read(|conn| batches::get(conn, &desk.person("Rita"), &id, long_ago()));
    for line in drawn.sample() {
        assert_eq!(rita.get(&format!("/messages/{}", line.item.message_id)).await.status, 200);
    }
    assert!(!rita.get(&path).await.body.contains("disabled"));
    // Another session has opened nothing.
    let mut later = Browser::new(desk.app().await);
    later.sign_in("rita").await;
    assert!(later.get(&path).await.body.contains("Open 3 more"));
    assert_eq!(rita.post(&path, &format!("{path}/approval"), &[]).await.status, 303);
    let page = rita.get(&path).await;
    assert!(page.body.contains("data-countdown") && page.body.contains(&format!("{path}/undo")), "{}", page.body);
    let mut rob = Browser::new(desk.app().await);
    rob.sign_in("rob").await;
    assert_eq!(rob.get(&path).await.status, 404);
    assert_eq!(rita.post(&path, &format!("{path}/undo"), &[]).await.status, 303);
    assert!(ids.iter().all(|id| message(&desk, id).row.state == State::Pending));
    assert!(!rita.get(&path).await.body.contains(&format!("{path}/undo")));
}

#[actix_web::test]
async fn a_finding_must_be_ticked_to_approve_and_stays_on_record() {
    let desk = Desk::new().await;
    let html = "<p>Sign in at <a href=\"https://evil.test/\">bank.example</a> now<img src=\"https://cdn.example/x.png\"></p>";
    let (_, sent) = desk.send(Mode::GatedSend, "a@customer.example", json!({"html_body": html, "text_body": null})).await;
    let id = sent["id"].as_str().unwrap();
    let (_, shown) = desk.call(&desk.oversight, "GET", &format!("/v1/emails/{id}"), json!(null)).await;
    let findings = shown["findings"].as_array().unwrap().clone();
    let keys: Vec<&str> = findings.iter().filter(|f| f["needs_tick"] == true).map(|f| f["key"].as_str().unwrap()).collect();
    assert!(findings.len() == keys.len() + 1 && findings.iter().any(|f| f["kind"] == "remote_images"), "{findings:?}");
    let (_, waiting) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
    assert_eq!(waiting["messages"][0]["findings"], shown["findings"]);
    // An open claim comes before a finding.
    for claim in shown["claims"].as_array().unwrap().iter().filter(|claim| claim["open"] == true) {
        let path = format!("/v1/emails/{id}/claims/{}/waiver", claim["key"].as_str().unwrap());
        desk.call(&desk.oversight, "POST", &path, json!({"reason": "looked at it"})).await;
    }
    let mut body = json!({"message_id": id, "decision": "approve", "content_hash": shown["content_hash"]});
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body.clone()).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("findings_open")), "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("bank.example"), "{answer}");
    body["ticked"] = json!(["something else"]);
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body.clone()).await.0, 409);
    body["ticked"] = json!(keys);
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body).await;
    assert_eq!((status, answer["status"].as_str()), (200, Some("approved")), "{answer}");
    let line = desk.read(|conn| {
        let lines = crate::support::log_of(conn, &OPERATOR, Some(id), 50)?;
        Ok(format!("{lines:?}"))
    });
    assert!(line.contains(keys[0]), "the tick is on record");
    let (_, sent) = desk.send(Mode::GatedSend, "b@customer.example", json!({"html_body": html, "text_body": null})).await;
    let reject = json!({"message_id": sent["id"], "decision": "reject", "reason": "no", "content_hash": message(&desk, &MessageId::from(sent["id"].as_str().unwrap())).row.content_hash});
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide", reject).await.0, 200, "to reject needs no tick");
}

#[actix_web::test]
async fn a_key_decides_several_in_one_call_each_on_its_own() {
    let desk = Desk::new().await;
    let ids = alike(&desk, 4).await;
    let one = |id: &MessageId| json!({"id": id, "content_hash": message(&desk, id).row.content_hash});
    let mut list = vec![one(&ids[0]), json!({"id": ids[1], "content_hash": "other"}), one(&ids[2])];
    list.push(json!({"id": ids[3], "content_hash": one(&ids[3])["content_hash"], "decision": "reject", "reason": "no"}));
    list.push(one(&ids[0]));
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide-batch", json!(list)).await;
    assert_eq!(status, 200, "{answer}");
    let results: Vec<(bool, &str)> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| (result["ok"] == true, result["code"].as_str().or(result["status"].as_str()).unwrap()))
        .collect();
    assert_eq!(results, [(true, "approved"), (false, "content_changed"), (true, "approved"), (true, "rejected"), (false, "already_decided")]);
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/oversight/decide-batch", json!([one(&ids[1])])).await.0, 403);
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide-batch", json!([])).await.0, 422);
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide-batch", json!([{"id": ids[1]}])).await.0, 422);
}

/// The playbook varies its wording; where it does not, letters of one strategy are alike whoever they are for.
#[actix_web::test]
async fn letters_of_one_strategy_are_alike_and_of_two_are_not() {
    use countersign::cli::demo;
    use countersign::domain::churn::{self, Filter, sheet};
    use countersign::domain::contacts;
    use countersign::domain::drafting::draft_all;
    use countersign::domain::messages::Origin;
    use countersign::domain::messages::submit::{NewMessage, submit};
    use std::collections::{BTreeMap, BTreeSet};
    let desk = Desk::new().await;
    let now = desk.now();
    desk.write(|conn| demo::fill_samples(conn, crate::support::PASSWORD, now)).unwrap();
    let events = desk.read(|conn| churn::list(conn, &OPERATOR, &Filter { limit: 200, ..Filter::default() })).0;
    let mut by_likeness: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for event in events.into_iter().take(14) {
        let Some(contact) = event.contact_id.clone() else { continue };
        let to = desk.read(|conn| contacts::get(conn, &OPERATOR, &contact)).row.email;
        let sheet = desk.write(|conn| sheet::gather(conn, &event, now)).unwrap();
        for draft in draft_all(&sheet) {
            let new = NewMessage {
                mailbox: Some(address(Mode::GatedSend)),
                to: to.clone(),
                to_name: None,
                words: Words { subject: draft.subject, text: Some(draft.text), html: Some(draft.html) },
                tags: vec![],
                headers: vec![],
                mode: None,
                send_at: None,
                consent_basis: None,
                class: Class::Commercial,
                campaign: None,
                topic: None,
                facts: vec![],
                origin: Origin::Playbook,
            };
            // Some customers of the samples must not be mailed.
            let Ok(message) = desk.write(|conn| submit(conn, &OPERATOR, &new, now)) else { continue };
            let likeness = message_likeness(&desk, &message);
            by_likeness.entry(likeness).or_default().push((draft.strategy.to_string(), to.clone()));
        }
    }
    assert!(!by_likeness.contains_key(""));
    assert!(by_likeness.values().all(|of| of.iter().map(|(strategy, _)| strategy).collect::<BTreeSet<_>>().len() == 1));
    let shared = by_likeness.values().filter(|of| of.iter().map(|(_, to)| to).collect::<BTreeSet<_>>().len() >= 2).count();
    assert!(shared >= 3, "{shared} of {}", by_likeness.len());
}

fn message_likeness(desk: &Desk, of: &Message) -> String {
    message(desk, &of.row.id).row.likeness
}

#[test]
fn every_message_can_be_drawn_and_none_twice() {
    let mut seen = [0_u32; 40];
    for _ in 0..2000 {
        let drawn = draw(40, 7);
        assert!(drawn.len() == 7 && drawn.windows(2).all(|pair| pair[0] < pair[1]) && drawn[6] < 40, "{drawn:?}");
        for place in drawn {
            seen[place] += 1;
        }
    }
    // 350 are expected of each; 200 is nine standard deviations off.
    assert!(seen.iter().all(|count| (200..500).contains(count)), "{seen:?}");
    assert_eq!(draw(3, 3), [0, 1, 2]);
}

//! The gate and the decisions.

use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::content::Words;
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::edit::edit;
use countersign::domain::messages::submit::{NewMessage, submit};
use countersign::domain::messages::{self, DecisionKind, Origin, State};
use countersign::domain::policy::consent::Class;
use serde_json::json;

use crate::support::{Desk, OPERATOR, address};

fn composed(mode: Mode, to: &str) -> NewMessage {
    NewMessage {
        mailbox: Some(address(mode)),
        to: to.into(),
        to_name: None,
        words: Words { subject: "Composed".into(), text: Some("By hand.".into()), html: None },
        tags: vec![],
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        class: Class::Commercial,
        campaign: None,
        topic: None,
        facts: vec![],
        origin: Origin::Person,
    }
}

#[actix_web::test]
async fn every_mode_does_what_its_table_says() {
    let desk = Desk::new().await;
    for (mode, agent, person) in [
        (Mode::ReadOnly, "refused", "refused"),
        (Mode::GatedAll, "pending", "pending"),
        (Mode::GatedSend, "pending", "queued"),
        (Mode::Monitored, "queued", "queued"),
        (Mode::Autonomous, "queued", "queued"),
    ] {
        let to = format!("{mode}@example.com");
        let (status, answer) = desk.send(mode, &to, json!({"consent_basis": "consent"})).await;
        let got = if status == 403 { "refused" } else { answer["status"].as_str().unwrap() };
        assert_eq!(got, agent, "an agent in {mode}: {answer}");
        let rita = desk.person("Rita");
        let got = match desk.write(|conn| submit(conn, &rita, &composed(mode, &to), desk.now())) {
            Ok(message) => message.row.state.to_string(),
            Err(error) => {
                assert_eq!(error.code, "mailbox_read_only");
                "refused".to_owned()
            }
        };
        assert_eq!(got, person, "a person in {mode}");
    }
}

#[actix_web::test]
async fn a_request_may_tighten_the_mode_and_not_loosen_it() {
    let desk = Desk::new().await;
    let (_, held) = desk.send(Mode::Autonomous, "a@example.com", json!({"oversight_mode": "gated_send", "consent_basis": "consent"})).await;
    assert_eq!(held["status"], "pending");
    let (status, refused) = desk.send(Mode::GatedSend, "a@example.com", json!({"oversight_mode": "autonomous"})).await;
    assert_eq!((status, refused["code"].as_str()), (422, Some("mode_loosening")));
}

#[actix_web::test]
async fn the_first_of_a_campaign_and_announcements_and_mail_without_a_ground_are_held_in_loose_modes() {
    let desk = Desk::new().await;
    for more in [
        json!({"campaign": "spring", "consent_basis": "consent"}),
        json!({"tags": ["campaign_drip"], "consent_basis": "consent"}),
        json!({"tags": ["product_announcement"], "consent_basis": "consent"}),
        json!({}),
    ] {
        let (_, answer) = desk.send(Mode::Autonomous, "b@example.com", more.clone()).await;
        assert_eq!(answer["status"], "pending", "{more}");
        assert!(answer["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    }
}

#[actix_web::test]
async fn nobody_decides_what_they_wrote_or_edited_last() {
    let desk = Desk::new().await;
    let rita = desk.person("Rita");
    let own = desk.write(|conn| submit(conn, &rita, &composed(Mode::GatedAll, "c@example.com"), desk.now())).unwrap();
    assert_eq!(desk.decide("Rita", &own, DecisionKind::Approve).unwrap_err().code, "four_eyes");
    assert_eq!(desk.decide("Rita", &own, DecisionKind::Reject).unwrap_err().code, "four_eyes");

    let theirs = desk.pending("d@example.com", json!({})).await;
    let words = Words { subject: "Better".into(), text: Some("Better words.".into()), html: None };
    let edited = desk.write(|conn| edit(conn, &rita, &theirs.row.id, &words, None, desk.now())).unwrap();
    assert_eq!(desk.decide("Rita", &edited, DecisionKind::Approve).unwrap_err().code, "four_eyes");
    assert_eq!(desk.decide("Rob", &edited, DecisionKind::Approve).unwrap().row.state, State::Approved);
}

#[actix_web::test]
async fn a_decision_binds_to_the_words_that_were_seen() {
    let desk = Desk::new().await;
    let seen = desk.pending("e@example.com", json!({})).await;
    let rob = desk.person("Rob");
    let words = Words { subject: "Changed".into(), text: Some("Other words.".into()), html: None };
    desk.write(|conn| edit(conn, &rob, &seen.row.id, &words, None, desk.now())).unwrap();
    let refused = desk.decide("Rita", &seen, DecisionKind::Approve).unwrap_err();
    assert_eq!(refused.code, "content_changed");
    assert_eq!(refused.detail, "The message changed after you opened it (version 1 → 2). Nothing was approved. Review the difference.");
    let kept = desk.read(|conn| messages::version(conn, &seen.row.id, 1));
    assert_eq!(kept.subject, "A subject", "the original is kept");
}

#[actix_web::test]
async fn the_second_decision_is_told_who_made_the_first() {
    let desk = Desk::new().await;
    let message = desk.pending("f@example.com", json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Reject).unwrap();
    let refused = desk.decide("Rob", &message, DecisionKind::Approve).unwrap_err();
    assert_eq!(refused.code, "already_decided");
    assert!(refused.detail.starts_with("Rita rejected this at "), "{}", refused.detail);
}

#[actix_web::test]
async fn one_of_many_reviewers_at_once_decides() {
    let desk = Desk::new().await;
    let message = desk.pending("g@example.com", json!({})).await;
    let actors = [desk.person("Rita"), desk.person("Rob"), desk.person("Ada")];
    let barrier = std::sync::Barrier::new(12);
    let wins = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|i| {
                let (actor, desk, message, barrier) = (&actors[i % 3], &desk, &message, &barrier);
                scope.spawn(move || {
                    let kind = if i % 2 == 0 { DecisionKind::Approve } else { DecisionKind::Reject };
                    let decision = Decide { reason: Some("r"), content_hash: Some(&message.row.content_hash), ..Decide::on(&message.row.id, kind) };
                    barrier.wait();
                    match desk.write(|conn| decide(conn, actor, &decision, desk.now())) {
                        Ok(_) => 1,
                        Err(error) => {
                            assert!(["already_decided", "conflict", "state_conflict"].contains(&error.code), "{error}");
                            0
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<i32>()
    });
    assert_eq!(wins, 1);
    let after = desk.read(|conn| messages::get(conn, &OPERATOR, &message.row.id));
    assert_eq!(after.decisions.len(), 1);
}

#[actix_web::test]
async fn a_key_decides_without_a_hash_only_what_was_shown_to_it() {
    let desk = Desk::new().await;
    let message = desk.pending("h@example.com", json!({})).await;
    let body = json!({"message_id": message.row.id.as_str(), "decision": "approve"});
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body.clone()).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("not_read")));
    desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
    let rob = desk.person("Rob");
    let words = Words { subject: "Changed".into(), text: Some("Other words.".into()), html: None };
    desk.write(|conn| edit(conn, &rob, &message.row.id, &words, None, desk.now())).unwrap();
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body.clone()).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("content_changed")));
    assert!(answer["diff"]["subject"].as_array().is_some_and(|lines| lines.len() == 2), "{answer}");
    desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
    let (status, _) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body).await;
    assert_eq!(status, 200);
}

#[actix_web::test]
async fn an_edit_after_approval_voids_it() {
    let desk = Desk::new().await;
    let message = desk.pending("i@example.com", json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    let rob = desk.person("Rob");
    let words = Words { subject: "Later".into(), text: Some("Later words.".into()), html: None };
    let edited = desk.write(|conn| edit(conn, &rob, &message.row.id, &words, None, desk.now())).unwrap();
    assert_eq!(edited.row.state, State::Pending);
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty(), "nothing unapproved leaves");
    desk.decide("Rita", &edited, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(desk.catcher.messages()[0].subject, "Later");
}

#[actix_web::test]
async fn what_nobody_decides_expires_and_what_the_author_takes_back_is_withdrawn() {
    use countersign::domain::messages::cancel::cancel;
    use countersign::domain::messages::expiry::expire_due;
    let desk = Desk::new().await;
    let (late, back) = (desk.pending("late@example.com", json!({})).await, desk.pending("back@example.com", json!({})).await);
    assert_eq!(desk.call(&desk.agent, "POST", &format!("/v1/emails/{}/cancel", back.row.id), json!(null)).await.0, 200);
    let almost = desk.now().plus_seconds(71 * 3600);
    assert_eq!(desk.write(|conn| expire_due(conn, almost)).unwrap(), 0);
    let over = desk.now().plus_seconds(73 * 3600);
    assert_eq!(desk.write(|conn| expire_due(conn, over)).unwrap(), 1);
    let state = |id| desk.read(|conn| messages::get(conn, &OPERATOR, id)).row.state;
    assert_eq!((state(&late.row.id), state(&back.row.id)), (State::Expired, State::Withdrawn));
    assert_eq!(desk.decide("Rita", &late, DecisionKind::Approve).unwrap_err().code, "already_decided");
    assert_eq!(desk.write(|conn| cancel(conn, &OPERATOR, &late.row.id, desk.now())).unwrap_err().code, "too_late");
}

#[actix_web::test]
async fn inside_the_undo_window_nothing_leaves_and_it_can_be_stopped() {
    use countersign::domain::mailboxes::{self, MailboxChange};
    use countersign::domain::messages::cancel::cancel;
    use countersign::domain::outbox::{WorkerId, claim};
    let desk = Desk::new().await;
    let message = desk.pending("undo@example.com", json!({})).await;
    let change = MailboxChange { undo_seconds: 15, person_required: false, ..MailboxChange::from(&desk.mailbox(Mode::GatedSend)) };
    desk.write(|conn| mailboxes::change(conn, &OPERATOR, &message.row.mailbox_id, &change, desk.now())).unwrap();
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    let claims = |seconds| desk.write(|conn| claim(conn, &WorkerId::new(), 10, desk.now().plus_seconds(seconds))).unwrap().len();
    assert_eq!(claims(10), 0);
    let rob = desk.person("Rob");
    let stopped = desk.write(|conn| cancel(conn, &rob, &message.row.id, desk.now())).unwrap();
    assert_eq!(stopped.row.state, State::Cancelled);
    assert_eq!(claims(60), 0);
}

#[actix_web::test]
async fn changes_that_were_asked_for_come_back_to_the_queue() {
    let desk = Desk::new().await;
    let message = desk.pending("again@example.com", json!({})).await;
    assert_eq!(desk.decide("Rita", &message, DecisionKind::RequestChanges).unwrap().row.state, State::ChangesRequested);
    let rob = desk.person("Rob");
    let words = Words { subject: "As asked".into(), text: Some("As asked for.".into()), html: None };
    let edited = desk.write(|conn| edit(conn, &rob, &message.row.id, &words, None, desk.now())).unwrap();
    assert_eq!((edited.row.state, edited.row.version), (State::Pending, 2));
    assert_eq!(desk.decide("Rita", &edited, DecisionKind::Approve).unwrap().row.state, State::Approved);
}

#[actix_web::test]
async fn where_only_people_decide_a_key_does_not() {
    use countersign::domain::mailboxes::{self, MailboxChange};
    let desk = Desk::new().await;
    let message = desk.pending("people@example.com", json!({})).await;
    let change = MailboxChange { undo_seconds: 0, person_required: true, ..MailboxChange::from(&desk.mailbox(Mode::GatedSend)) };
    desk.write(|conn| mailboxes::change(conn, &OPERATOR, &message.row.mailbox_id, &change, desk.now())).unwrap();
    let body = json!({"message_id": message.row.id.as_str(), "decision": "approve", "content_hash": message.row.content_hash});
    let (status, answer) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("person_required")));
}

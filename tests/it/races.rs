//! What holds when many come at once: one decision for a message, no mail to somebody who left, whatever way and spelling.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use countersign::catcher::{Behaviour, Catcher, Verb};
use countersign::clock;
use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::{Actor, Mailboxes, Role, Scope};
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::imports::{self, Of};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::content::Words;
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::edit::edit;
use countersign::domain::messages::{DecisionKind, State};
use countersign::domain::outbox::uncertain;
use serde_json::json;

use crate::mcp::{Client, serve};
use crate::support::{Browser, Desk, OPERATOR, address, sql};

/// Ways to write the addresses of somebody who left: letters, dots, quotes, comments, other forms of a domain, and two at once.
const SPELLINGS: [&str; 20] = [
    "gone@example.com",
    "Gone@Example.COM",
    "GONE@EXAMPLE.COM",
    "  gone@example.com ",
    "gone@example.com.",
    "Gone <gone@example.com>",
    "<gone@example.com>",
    "\"gone\"@example.com",
    "gone(a comment)@example.com",
    "gone@(a comment)example.com",
    "gone@exam\u{ad}ple.com",
    "gone@\u{ff45}xample.com",
    "gone@bücher.example",
    "gone@BÜCHER.example",
    "gone@bu\u{308}cher.example",
    "gone@xn--bcher-kva.example",
    "gone@XN--BCHER-KVA.example",
    "gone@example.com\r\nBcc: gone@example.com",
    "gone@example.com,gone@example.com",
    "gone\u{200b}@example.com",
];

/// As many as `COUNTERSIGN_RACES` says, or so many.
fn rounds(usual: usize) -> usize {
    std::env::var("COUNTERSIGN_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A hundred people who review all mailboxes.
fn reviewers(desk: &Desk) -> Vec<Actor> {
    let all = desk.read(|conn| Ok(countersign::domain::mailboxes::list(conn, &OPERATOR)?.into_iter().map(|m| m.id).collect::<Vec<_>>()));
    (0..100)
        .map(|i| {
            let new =
                NewUser { email: format!("r{i}@desk.example"), name: format!("R{i}"), role: Role::Reviewer, password: None, mailboxes: all.clone() };
            let added = desk.write(|conn| users::add(conn, &OPERATOR, &new, clock::now())).unwrap();
            Actor::User { id: added.id, name: new.name, role: Role::Reviewer, mailboxes: Mailboxes::These(all.clone()) }
        })
        .collect()
}

#[actix_web::test]
async fn of_a_hundred_reviewers_at_once_one_decides_and_the_others_are_told_who() {
    let desk = Desk::new().await;
    let people = reviewers(&desk);
    for round in 0..rounds(4) {
        let message = desk.pending(&format!("many{round}@example.com"), json!({})).await;
        let barrier = Barrier::new(people.len());
        let (id, hash, db) = (&message.row.id, &message.row.content_hash, &desk.state.db);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = people
                .iter()
                .enumerate()
                .map(|(i, person)| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        let kind = [DecisionKind::Approve, DecisionKind::Reject, DecisionKind::RequestChanges][(i + round) % 3];
                        let asked = Decide { reason: Some("because"), content_hash: Some(hash), ..Decide::on(id, kind) };
                        match i % 4 {
                            // Some edit instead; whoever comes after them saw other words.
                            3 if round % 2 == 1 => {
                                let words = Words { subject: format!("Better {i}"), text: Some("Other words.".into()), html: None };
                                db.write(|conn| edit(conn, person, id, &words, Some(hash), clock::now())).map(drop)
                            }
                            _ => db.write(|conn| decide(conn, person, &asked, clock::now())).map(drop),
                        }
                    })
                })
                .collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let won: Vec<usize> = answers.iter().enumerate().filter(|(_, answer)| answer.is_ok()).map(|(i, _)| i).collect();
        let (editors, deciders): (Vec<usize>, Vec<usize>) = won.iter().partition(|i| *i % 4 == 3 && round % 2 == 1);
        let after = desk.message(id.as_str());
        let edited = after.row.version > 1;
        // An edit that comes first leaves nothing to decide for those who saw the words before it; one that comes after
        // an approval takes that back.
        assert!(deciders.len() <= 1 && editors.len() <= 1 && !won.is_empty(), "round {round}: {won:?}");
        assert_eq!((after.decisions.len(), edited), (deciders.len(), !editors.is_empty()), "round {round}");
        for error in answers.into_iter().filter_map(Result::err) {
            assert!(["already_decided", "content_changed", "state_conflict"].contains(&error.code), "round {round}: {error:?}");
            if !edited && error.code == "already_decided" {
                assert!(error.detail.contains(&format!("R{}", won[0])), "round {round}: {}", error.detail);
            }
        }
    }
    desk.drain().await;
    let recipients: Vec<String> = desk.catcher.messages().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(recipients.len(), recipients.iter().collect::<BTreeSet<_>>().len(), "at most one mail for each");
}

#[actix_web::test]
async fn whoever_leaves_before_the_final_dot_gets_nothing() {
    let count = rounds(200);
    let mut desk = Desk::new().await;
    let db = desk.state.db.clone();
    // While the relay makes up its mind, every second recipient leaves, at this stage or at that.
    let leave = move |verb: Verb| {
        let db = db.clone();
        move |moment: countersign::catcher::Moment| {
            let db = db.clone();
            async move {
                let to = moment.to.last().cloned().unwrap_or_default();
                let number: usize = to.trim_start_matches('p').split('@').next().unwrap().parse().unwrap();
                let stage = if number.is_multiple_of(4) { Verb::Rcpt } else { Verb::Data };
                if number.is_multiple_of(2) && stage == verb {
                    let leaving = move || db.write(|conn| suppressions::add(conn, &OPERATOR, &to, Reason::Unsubscribed, "race", None, clock::now()));
                    tokio::task::spawn_blocking(leaving).await.unwrap().unwrap();
                }
            }
        }
    };
    let behaviour = Behaviour::new().before(Verb::Rcpt, leave(Verb::Rcpt)).before(Verb::Data, leave(Verb::Data));
    let relay = Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap();
    desk.relay = Some(relay.addr());
    for i in 0..count {
        let (status, answer) = desk.send(Mode::Autonomous, &format!("p{i}@example.com"), json!({"consent_basis": "consent"})).await;
        assert_eq!(status, 202, "{answer}");
    }
    desk.drain().await;
    let arrived: BTreeSet<String> = relay.messages().into_iter().flat_map(|mail| mail.to).collect();
    let expected: BTreeSet<String> = (0..count).filter(|i| i % 2 == 1).map(|i| format!("p{i}@example.com")).collect();
    assert_eq!(arrived, expected);
}

#[actix_web::test]
async fn no_way_of_sending_and_no_spelling_reaches_somebody_who_left() {
    let desk = Arc::new(Desk::new().await);
    let approved = desk.pending("gone@example.com", json!({})).await;
    desk.decide("Rita", &approved, DecisionKind::Approve).unwrap();
    let waiting = desk.pending("gone@example.com", json!({})).await;
    let unsure = desk.pending("gone@example.com", json!({})).await;
    desk.decide("Rita", &unsure, DecisionKind::Approve).unwrap();
    sql(&desk, &format!("UPDATE outbox SET state = 'uncertain' WHERE message_id = '{}'", unsure.row.id));
    sql(&desk, &format!("UPDATE messages SET state = 'uncertain' WHERE id = '{}'", unsure.row.id));
    for key in ["gone@example.com", "gone@xn--bcher-kva.example"] {
        desk.write(|conn| suppressions::add(conn, &OPERATOR, key, Reason::Unsubscribed, "test", None, desk.now())).unwrap();
    }
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    for spelling in SPELLINGS {
        for mode in [Mode::GatedAll, Mode::GatedSend, Mode::Monitored, Mode::Autonomous] {
            let (status, answer) = desk.send(mode, spelling, json!({"consent_basis": "consent"})).await;
            let refused = [409, 422].contains(&status) || status == 400;
            assert!(refused, "{spelling:?} from {mode}: {status} {answer}");
        }
        let fields = [("mailbox", address(Mode::GatedSend)), ("to", spelling.to_owned()), ("subject", "x".into()), ("text", "Hello there.".into())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = rita.post("/messages/new", "/messages", &fields).await;
        assert_ne!(page.status, 303, "{spelling:?} by the page");
    }
    // What was approved before, what is approved now, and what is sent again.
    desk.decide("Rita", &waiting, DecisionKind::Approve).ok();
    let person = desk.person("Rita");
    desk.write(|conn| uncertain::settle(conn, &person, &unsure.row.id, uncertain::Verdict::SendAgain, None, desk.now())).unwrap();
    // No key lifts it.
    let strongest = desk.key(&[Scope::Read, Scope::Contacts, Scope::Oversight, Scope::OversightRead, Scope::Admin]);
    let (status, answer) = desk.call(&strongest, "DELETE", "/v1/suppression/gone@example.com", serde_json::Value::Null).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("person_required")));
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty(), "{:?}", desk.catcher.messages());
    for message in [&approved, &unsure] {
        assert_eq!(desk.message(message.row.id.as_str()).row.state, State::Skipped);
    }
}

#[actix_web::test]
async fn no_tool_import_or_sequence_reaches_somebody_who_left() {
    let desk = Desk::new().await;
    for key in ["gone@example.com", "gone@xn--bcher-kva.example"] {
        desk.write(|conn| suppressions::add(conn, &OPERATOR, key, Reason::Unsubscribed, "test", None, desk.now())).unwrap();
    }
    let url = serve(&desk).await;
    let client = Client::with(&url, &desk.agent).await;
    let steps = json!([{"subject": "Welcome", "body": "Hi there."}, {"subject": "More", "body": "Hi again."}]);
    let asked = json!({"name": "Drip", "mailbox": address(Mode::Autonomous), "steps": steps});
    let (status, drip) = desk.call(&desk.agent, "POST", "/v1/sequences", asked).await;
    assert_eq!(status, 201, "{drip}");
    let enrollments = format!("/v1/sequences/{}/enrollments", drip["id"].as_str().unwrap());
    let mut file = csv::Writer::from_writer(vec![]);
    file.write_record(["customer_email", "customer_name", "mrr_cents"]).unwrap();
    for spelling in SPELLINGS {
        for mode in [Mode::GatedSend, Mode::Autonomous] {
            let letter = json!({"mailbox": address(mode), "to": spelling, "subject": "A subject", "body": "Hello.", "consent_basis": "consent"});
            client.refused("send_email", letter).await;
        }
        // Whoever left may be taken into a sequence, and no step of it leaves.
        let (status, enrolled) = desk.call(&desk.agent, "POST", &enrollments, json!({"email": spelling})).await;
        if status == 201 {
            let path = format!("{enrollments}/{}/send-next", enrolled["id"].as_str().unwrap());
            let (status, answer) = desk.call(&desk.agent, "POST", &path, json!({})).await;
            assert!(status >= 400, "{spelling:?} by a sequence: {status} {answer}");
        }
        file.write_record([spelling, "Gone", "4900"]).unwrap();
    }
    let parsed = imports::read(Of::Churn, file.into_inner().unwrap()).unwrap();
    let started = desk.write(|conn| imports::start(conn, &OPERATOR, "f.csv", &parsed, desk.now())).unwrap();
    let done = imports::run(&desk.state.db, &OPERATOR, started, &parsed, clock::now, |_| {}).unwrap();
    assert!(done.imported_rows > 0, "{}", done.refused_csv);
    let (_, events) = desk.call(&desk.agent, "GET", "/api/v1/churn-events", json!(null)).await;
    let events = events["churn_events"].as_array().or(events["events"].as_array()).unwrap().clone();
    assert!(!events.is_empty());
    for event in events {
        let base = format!("/api/v1/churn-events/{}", event["id"].as_str().unwrap());
        let (status, made) = desk.call(&desk.agent, "POST", &format!("{base}/generate"), json!({})).await;
        let variants = made["variants"].as_array().cloned().unwrap_or_default();
        assert!(status >= 400 || !variants.is_empty(), "{made}");
        for variant in variants {
            let path = format!("{base}/variants/{}/send", variant["id"].as_str().unwrap());
            let (status, answer) = desk.call(&desk.agent, "POST", &path, json!({})).await;
            assert!(status >= 400, "a letter to a departure that was imported: {status} {answer}");
        }
    }
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty(), "{:?}", desk.catcher.messages());
}

//! Leaving by mail, and coming back: only the recipient does either.

use actix_web::test::TestRequest;
use countersign::clock;
use countersign::domain::actor::Scope;
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::contacts::{self, consents};
use countersign::domain::inbound::{self, Arrived, folders, ways};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, Message};
use countersign::domain::privacy::requests::{self, Kind, Law, NewRequest};
use countersign::domain::threads::EmailKind;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR};

fn token(message: &Message) -> String {
    message.current.footer.unsubscribe_url.rsplit('/').next().unwrap().to_owned()
}

fn why(desk: &Desk, email: &str) -> Option<Reason> {
    desk.read(|conn| suppressions::of(conn, email)).map(|found| found.reason)
}

#[actix_web::test]
async fn only_the_recipient_undoes_an_unsubscribe_and_it_leaves_a_ground_with_evidence() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({})).await;
    let (id, token) = (message.row.contact_id.clone(), token(&message));
    let mut visitor = Browser::new(desk.app().await);
    let left = visitor.post_bare(&format!("/u/{token}"), &[("List-Unsubscribe", "One-Click")]).await;
    let page = format!("/preferences/{token}");
    assert!(left.body.contains(&page), "the page says where that is undone: {}", left.body);
    assert!(visitor.get(&page).await.body.contains("Write to me again"));
    for _ in 0..5 {
        visitor.get(&format!("{page}?action=return")).await;
        visitor.run(TestRequest::default().method("HEAD".parse().unwrap()).uri(&format!("{page}?action=return"))).await;
    }
    assert_eq!(why(&desk, "ana@example.com"), Some(Reason::Unsubscribed), "looking brings nobody back");

    // Neither a key nor people have a way.
    let all = desk.key(&[Scope::Admin, Scope::Contacts, Scope::Oversight, Scope::Read]);
    assert_eq!(desk.call(&all, "DELETE", "/v1/suppression/ana@example.com", Value::Null).await.0, 403);
    assert_eq!(desk.call(&all, "DELETE", &format!("/v1/contacts/{id}/tags/unsubscribed"), Value::Null).await.0, 403);
    assert_eq!(desk.call(&all, "PATCH", &format!("/v1/contacts/{id}/preferences"), json!({"most_per_week": 7})).await.0, 200);
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    assert_eq!(ada.post("/rules", "/rules/groups/lift", &[("whom", "ana@example.com")]).await.status, 403);
    ada.post(&format!("/customers/{id}"), &format!("/customers/{id}/preferences"), &[("action", "return")]).await;
    let forged = visitor.post_bare(&format!("/preferences/{}", "x".repeat(43)), &[("action", "return")]).await;
    assert!(forged.body.contains("no longer valid"));
    assert_eq!(why(&desk, "ana@example.com"), Some(Reason::Unsubscribed));

    let back = visitor.post_bare(&page, &[("action", "return")]).await;
    assert!(back.status == 200 && back.body.contains("You are back on the list") && back.set_cookie.is_none(), "{}", back.body);
    assert_eq!(why(&desk, "ana@example.com"), None);
    let (_, contact) = desk.call(&desk.agent, "GET", &format!("/v1/contacts/{id}"), Value::Null).await;
    assert_eq!((contact["suppressed"].as_bool(), &contact["tags"]), (Some(false), &json!([])), "{contact}");
    let ledger = desk.read(|conn| consents::ledger(conn, &OPERATOR, &id));
    let ground = ledger.first().unwrap();
    assert_eq!((ledger.len(), ground.recorded_by.as_str(), ground.withdrawn_at), (1, "recipient", None));
    assert!(ground.evidence.as_deref().unwrap().contains(message.row.id.as_str()), "{:?}", ground.evidence);
    assert!(!visitor.post_bare(&page, &[("action", "return")]).await.body.contains("Write to me again"), "twice is as good as once");
    assert_eq!(desk.read(|conn| consents::ledger(conn, &OPERATOR, &id)).len(), 1);
    assert_eq!(desk.send(Mode::Autonomous, "ana@example.com", json!({})).await.1["held"], false);
    // And they can leave again.
    visitor.post_bare(&format!("/u/{token}"), &[]).await;
    assert_eq!(why(&desk, "ana@example.com"), Some(Reason::Unsubscribed));
}

#[actix_web::test]
async fn what_was_no_unsubscribe_is_not_undone_by_the_link() {
    let desk = Desk::new().await;
    for (email, reason) in [("a@example.com", Reason::Complained), ("b@example.com", Reason::Bounced), ("c@example.com", Reason::ByHand)] {
        let message = desk.pending(email, json!({})).await;
        desk.write(|conn| suppressions::add(conn, &OPERATOR, email, reason, "test", None, desk.now())).unwrap();
        let page = format!("/preferences/{}", token(&message));
        let mut visitor = Browser::new(desk.app().await);
        assert!(!visitor.get(&page).await.body.contains("Write to me again"), "{reason}");
        let answer = visitor.post_bare(&page, &[("action", "return")]).await;
        assert!(answer.body.contains("You get no mail from us") && !answer.body.contains("You are back"), "{}", answer.body);
        assert_eq!(why(&desk, email), Some(reason));
    }
}

#[actix_web::test]
async fn an_objection_and_a_complaint_outrank_an_unsubscribe_and_are_not_undone_by_the_link() {
    let desk = Desk::new().await;
    for (email, left_before, objects) in [("a@example.com", false, true), ("b@example.com", true, true), ("c@example.com", true, false)] {
        let message = desk.pending(email, json!({})).await;
        let page = format!("/preferences/{}", token(&message));
        let mut visitor = Browser::new(desk.app().await);
        if left_before {
            visitor.post_bare(&format!("/u/{}", token(&message)), &[]).await;
            assert!(visitor.get(&page).await.body.contains("Write to me again"));
        }
        let kept = if objects {
            let new = NewRequest { kind: Kind::Objection, law: Law::Gdpr, received_at: None, note: None };
            desk.write(|conn| requests::record(conn, &desk.person("Ada"), &message.row.contact_id, &new, desk.now())).unwrap();
            Reason::ByHand
        } else {
            desk.write(|conn| suppressions::add(conn, &OPERATOR, email, Reason::Complained, "test", None, desk.now())).unwrap();
            Reason::Complained
        };
        assert!(!visitor.get(&page).await.body.contains("Write to me again"), "{email}");
        visitor.post_bare(&page, &[("action", "return")]).await;
        assert_eq!(why(&desk, email), Some(kept));
        // And an unsubscribe after it takes nothing away from it.
        visitor.post_bare(&format!("/u/{}", token(&message)), &[]).await;
        assert_eq!(why(&desk, email), Some(kept));
        let tags = desk.read(|conn| contacts::get(conn, &OPERATOR, &message.row.contact_id)).tags;
        assert!(tags.iter().any(|tag| tag == "unsubscribed"), "{tags:?}");
    }
}

/// The header, unfolded, of the last mail that was caught.
fn header(desk: &Desk) -> Vec<String> {
    let raw = String::from_utf8(desk.catcher.messages().last().unwrap().raw.clone()).unwrap();
    let head = raw.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    head.lines().filter_map(|line| line.strip_prefix("List-Unsubscribe: ")).map(str::to_owned).collect()
}

async fn sent(desk: &Desk, to: &str) -> Message {
    let message = desk.pending(to, json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    message
}

fn arrive(desk: &Desk, from: &str, subject: &str, more: &str) -> EmailKind {
    let mailbox = desk.mailbox(Mode::GatedSend);
    let mail = format!("From: {from}\r\nTo: {}\r\nSubject: {subject}\r\nMessage-ID: <{}@x.example>\r\n{more}\r\n", mailbox.address, subject.len());
    let arrived = Arrived::new(mail.into_bytes(), None, clock::now());
    desk.write(|conn| inbound::take(conn, &mailbox, &arrived, clock::now())).unwrap().kind
}

#[actix_web::test]
async fn where_mail_comes_in_the_header_names_an_address_and_mail_to_it_unsubscribes() {
    let desk = Desk::new().await;
    let first = sent(&desk, "ana@example.com").await;
    assert_eq!(header(&desk), [format!("<{}>", first.current.footer.unsubscribe_url)], "nobody would read a mail there");
    let id = desk.mailbox(Mode::GatedSend).id;
    desk.write(|conn| ways::rotate(conn, &desk.person("Ada"), &id, desk.now())).unwrap();
    let message = sent(&desk, "ana@example.com").await;
    let token = token(&message);
    let mailto = format!("mailto:gated-send@sender.example?subject=unsubscribe%20{token}");
    assert_eq!(header(&desk), [format!("<{}>, <{mailto}>", message.current.footer.unsubscribe_url)], "one header, the link first");

    // From another address, and marked by the mail program as its own.
    let kind = arrive(&desk, "other@example.net", &format!("Unsubscribe {token}"), "Auto-Submitted: auto-generated\r\n");
    assert_eq!((kind, why(&desk, "ana@example.com"), why(&desk, "other@example.net")), (EmailKind::Unsubscribe, Some(Reason::Unsubscribed), None));
    let row = desk.read(|conn| suppressions::of(conn, "ana@example.com")).unwrap();
    assert_eq!((row.source.as_str(), row.message_id.as_ref()), ("mailto", Some(&message.row.id)));
    // A token that was never given takes off nobody but whoever wrote.
    sent(&desk, "bo@example.com").await;
    arrive(&desk, "cy@example.com", &format!("unsubscribe {}", "y".repeat(43)), "");
    assert_eq!((why(&desk, "bo@example.com"), why(&desk, "cy@example.com")), (None, Some(Reason::Unsubscribed)));
    desk.write(|conn| ways::close(conn, &desk.person("Ada"), &id, desk.now())).unwrap();
    sent(&desk, "dee@example.com").await;
    assert!(!header(&desk)[0].contains("mailto:"));
}

#[actix_web::test]
async fn the_header_names_an_address_whose_folder_is_read() {
    let desk = Desk::new().await;
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    let mailto = async |to: &str| {
        sent(&desk, to).await;
        header(&desk)[0].contains("<mailto:gated-send@sender.example?subject=unsubscribe%20")
    };
    desk.write(|conn| folders::note_problem(conn, &mailbox, "It cannot be reached.", desk.now())).unwrap();
    assert!(!mailto("ana@example.com").await, "it was never read");
    desk.write(|conn| folders::reached(conn, &mailbox, 7, 1, desk.now())).unwrap();
    assert!(mailto("ben@example.com").await);
    desk.write(|conn| folders::reached(conn, &mailbox, 7, 1, desk.now().plus_days(-2))).unwrap();
    assert!(!mailto("cyd@example.com").await, "it is read no longer");
}

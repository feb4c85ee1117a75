//! What the person on the other side can do, and what must not be done to them.

use countersign::domain::contacts::consents::{self, Jurisdiction, NewConsent};
use countersign::domain::contacts::{ConsentBasis, suppressions};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, State};
use countersign::domain::privacy::export;
use countersign::domain::privacy::requests::{self, Kind, Law, NewRequest};
use countersign::domain::referrals;
use serde_json::json;

use super::{approve_and_send, known, refused};
use crate::support::{Browser, Desk, OPERATOR, ask, sql};

/// 15 USC 7704(a)(3): a way out for 30 days; ours has no end.
#[actix_web::test]
async fn l_02_the_way_out_works_after_a_year() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({})).await;
    sql(&desk, "UPDATE unsubscribe_links SET created_at = created_at - 31622400000000");
    let path = message.current.footer.unsubscribe_url.replace("https://desk.example.com", "");
    let mut visitor = Browser::new(desk.app().await);
    let forged = visitor.post_bare("/u/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &[("List-Unsubscribe", "One-Click")]).await;
    assert!(forged.body.contains("no longer valid"));
    assert_eq!(desk.send(Mode::GatedSend, "ana@example.com", json!({})).await.0, 202, "a forged link takes nobody off");
    assert!(visitor.post_bare(&path, &[("List-Unsubscribe", "One-Click")]).await.body.contains("You are unsubscribed"), "366 days old");
    assert_eq!(refused(&desk, "ana@example.com", json!({})).await, "recipient_suppressed");
}

/// 15 USC 7704(a)(4); Gmail and Yahoo want two days. Ours holds before the next final dot.
#[actix_web::test]
async fn l_03_leaving_holds_for_what_was_approved_already() {
    let desk = Desk::new().await;
    let (goes, stays) = (desk.pending("ana@example.com", json!({})).await, desk.pending("bo@example.com", json!({})).await);
    desk.decide("Rita", &goes, DecisionKind::Approve).unwrap();
    desk.decide("Rita", &stays, DecisionKind::Approve).unwrap();
    let path = stays.current.footer.unsubscribe_url.replace("https://desk.example.com", "");
    Browser::new(desk.app().await).post_bare(&path, &[("List-Unsubscribe", "One-Click")]).await;
    desk.drain().await;
    let sent: Vec<String> = desk.catcher.messages().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(sent, ["ana@example.com"]);
    assert_eq!(desk.message(stays.row.id.as_str()).row.state, State::Skipped);
}

/// 16 CFR 316.5: one page, no sign-in, no reason, no fee.
#[actix_web::test]
async fn l_04_leaving_needs_one_page_and_nothing_else() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({})).await;
    let path = message.current.footer.unsubscribe_url.replace("https://desk.example.com", "");
    let mut visitor = Browser::new(desk.app().await);
    let page = visitor.get(&path).await;
    assert!(page.status == 200 && !page.body.contains("type=\"password\"") && page.body.matches("<button").count() == 1, "{}", page.body);
    assert_eq!(desk.send(Mode::GatedSend, "ana@example.com", json!({})).await.0, 202, "looking takes nobody off");
    let mut other = Browser::new(desk.app().await);
    assert_eq!(other.post_bare(&path, &[]).await.status, 200, "no cookie, no token of a form");
    assert_eq!(refused(&desk, "ana@example.com", json!({})).await, "recipient_suppressed");
}

/// 15 USC 7704(a)(4)(A)(iv): an address that left is handed to nobody.
#[actix_web::test]
async fn l_07_who_left_is_in_no_list_of_recipients() {
    let desk = Desk::new().await;
    known(&desk, "stays@example.com").await;
    known(&desk, "left@example.com").await;
    desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": "left@example.com", "reason": "unsubscribed"})).await;
    let app = desk.app().await;
    let request = actix_web::test::TestRequest::get()
        .uri("/v1/exports/contacts.csv")
        .insert_header(("Authorization", format!("Bearer {}", desk.agent)))
        .to_request();
    let body = actix_web::test::read_body(actix_web::test::call_service(&app, request).await).await;
    let csv = String::from_utf8_lossy(&body).into_owned();
    assert!(csv.contains("stays@example.com"), "{csv}");
    assert!(!csv.contains("left@example.com"), "{csv}");
}

/// FTC, 73 FR 29653: mail to a friend is ours, with the friend's own way out and their own no.
#[actix_web::test]
async fn l_08_mail_to_a_friend_is_held_to_the_friends_own_choice() {
    let desk = Desk::new().await;
    let invitation = json!({"tags": ["referral-invite"], "text_body": "Ana thinks of you. Have a look."});
    let message = desk.pending("friend@example.com", invitation.clone()).await;
    assert_eq!(approve_and_send(&desk, &message).await, 1);
    assert!(super::last(&desk).contains("List-Unsubscribe: <https://desk.example.com/u/"));
    desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": "FRIEND@Example.com"})).await;
    assert_eq!(refused(&desk, "friend@example.com", invitation).await, "recipient_suppressed");
}

/// The documents' own rule: 90 days between two requests to recommend.
#[actix_web::test]
async fn l_10_nobody_is_asked_to_recommend_twice_in_ninety_days() {
    let desk = Desk::new().await;
    let listed = async || desk.call(&desk.agent, "GET", "/v1/referrals/eligible", json!(null)).await.1["candidates"].as_array().map_or(0, Vec::len);
    known(&desk, "ana@example.com").await;
    desk.call(&desk.agent, "POST", "/v1/signals", json!({"email": "ana@example.com", "kind": "nps", "value": 10})).await;
    assert_eq!(listed().await, 1);
    let message = desk.pending("ana@example.com", json!({"tags": ["referral-program"]})).await;
    assert_eq!(approve_and_send(&desk, &message).await, 1);
    assert_eq!(listed().await, 0, "asked today");
    assert_eq!((referrals::COOLDOWN_DAYS, referrals::MOST_ASKS, referrals::MOST_IGNORED), (90, 4, 2));
}

/// Regulation (EU) 2016/679, articles 6 and 7(1): without a ground nothing leaves unread.
#[actix_web::test]
async fn l_11_without_a_ground_nothing_leaves_by_itself() {
    let desk = Desk::new().await;
    known(&desk, "ana@example.com").await;
    let (_, passed) = desk.send(Mode::Autonomous, "ana@example.com", json!({})).await;
    let (_, held) = desk.send(Mode::Autonomous, "stranger@example.com", json!({})).await;
    assert_eq!((passed["held"].as_bool(), held["held"].as_bool()), (Some(false), Some(true)), "{held}");
    desk.drain().await;
    let sent: Vec<String> = desk.catcher.messages().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(sent, ["ana@example.com"]);
}

/// Article 7(3): as easy to withdraw as to give, one button for each.
#[actix_web::test]
async fn l_12_saying_no_takes_as_many_clicks_as_saying_yes() {
    let desk = Desk::new().await;
    let id = known(&desk, "ana@example.com").await;
    let body = json!({"mailbox": "gated-send@sender.example", "source": "form"});
    let (status, asked) = desk.call(&desk.agent, "POST", &format!("/v1/contacts/{id}/opt-in"), body).await;
    assert_eq!(status, 202, "{asked}");
    let message = desk.message(asked["id"].as_str().unwrap());
    let yes = message.current.text_body.split("https://desk.example.com").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let no = message.current.footer.unsubscribe_url.replace("https://desk.example.com", "");
    let mut visitor = Browser::new(desk.app().await);
    for path in [&yes, &no] {
        let page = visitor.get(path).await;
        assert_eq!((page.status, page.body.matches("<button").count()), (200, 1), "one button: {path}");
        assert_eq!(visitor.post_bare(path, &[]).await.status, 200, "one click: {path}");
    }
    let ledger = desk.read(|conn| consents::ledger(conn, &OPERATOR, &id));
    assert!(ledger.len() == 2 && ledger.iter().all(|row| row.withdrawn_at.is_some()), "{ledger:?}");
    assert_eq!(refused(&desk, "ana@example.com", json!({})).await, "recipient_suppressed");
}

/// Articles 12(3), 15 and 20: one document with everything, within a month.
#[actix_web::test]
async fn l_14_everything_is_handed_to_who_asks_and_to_nobody_else() {
    let desk = Desk::new().await;
    let (id, max, rita) = (known(&desk, "ana@example.com").await, desk.person("Max"), desk.person("Rita"));
    desk.pending("ana@example.com", json!({"text_body": "Dear Ana, hello."})).await;
    let new = NewRequest { kind: Kind::Access, law: Law::Gdpr, received_at: None, note: None };
    let request = desk.write(|conn| requests::record(conn, &max, &id, &new, desk.now())).unwrap();
    assert!((28..=31).contains(&(request.due_at.seconds_since(request.received_at) / 86_400)));
    let all = desk.write(|conn| export::everything(conn, &max, &id, desk.now())).unwrap();
    assert!(all.to_json().to_string().contains("Dear Ana, hello."));
    assert!(String::from_utf8(all.to_csv().unwrap()).unwrap().contains("Dear Ana, hello."));
    assert_eq!(desk.write(|conn| export::everything(conn, &rita, &id, desk.now())).unwrap_err().code, "role_missing");
}

/// Article 17. That no byte of any file is left is in `erasure.rs`.
#[actix_web::test]
async fn l_15_who_was_erased_is_not_taken_in_again() {
    let desk = Desk::new().await;
    let id = known(&desk, "ana@example.com").await;
    assert_eq!(desk.send(Mode::GatedSend, "ana@example.com", json!({})).await.0, 202);
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{id}"), json!(null)).await.0, 200);
    let (status, again) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "Ana@Example.com"})).await;
    assert_eq!((status, again["code"].as_str()), (409, Some("contact_erased")));
    assert_eq!(refused(&desk, "ana@example.com", json!({})).await, "recipient_suppressed");
}

/// Article 21(2)-(3): an objection is weighed against nothing, whoever wants to write.
#[actix_web::test]
async fn l_16_no_role_overrides_an_objection() {
    let desk = Desk::new().await;
    let (id, max, ada) = (known(&desk, "ana@example.com").await, desk.person("Max"), desk.person("Ada"));
    assert_eq!(desk.send(Mode::GatedSend, "ana@example.com", json!({})).await.0, 202);
    let new = NewRequest { kind: Kind::Objection, law: Law::Gdpr, received_at: None, note: None };
    let done = desk.write(|conn| requests::record(conn, &max, &id, &new, desk.now())).unwrap();
    assert!(done.done_at.is_some(), "at once");
    assert_eq!(refused(&desk, "ana@example.com", json!({"consent_basis": "consent"})).await, "recipient_suppressed");
    let admin = desk.key(&[countersign::domain::actor::Scope::Admin, countersign::domain::actor::Scope::Contacts]);
    assert_eq!(desk.call(&admin, "DELETE", "/v1/suppression/ana@example.com", json!(null)).await.0, 403);
    assert!(desk.write(|conn| suppressions::lift(conn_free(conn, &ada))).is_err(), "an administrator neither");
    // Another ground that is recorded afterwards changes nothing.
    desk.write(|conn| consents::record(conn, &max, &id, &NewConsent::from_source(ConsentBasis::LegitimateInterest, "x"), desk.now())).unwrap();
    assert_eq!(refused(&desk, "ana@example.com", json!({})).await, "recipient_suppressed");
    // They are in no list that was made by what they did.
    desk.call(&desk.agent, "POST", "/v1/signals", json!({"email": "ana@example.com", "kind": "nps", "value": 10})).await;
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/referrals/eligible", json!(null)).await.1["candidates"], json!([]));
}

fn conn_free<'a>(_: &mut countersign::db::Conn, actor: &'a countersign::domain::actor::Actor) -> &'a countersign::domain::actor::Actor {
    actor
}

/// Article 19: who was handed the data is told.
#[actix_web::test]
async fn l_17_others_are_told_of_an_erasure_once() {
    let mut desk = Desk::new().await;
    desk.state.dialer = std::sync::Arc::new(countersign::dialer::Dialer::new(vec![countersign::dialer::Allowed::parse("127.0.0.1:9").unwrap()]));
    let admin =
        desk.key(&[countersign::domain::actor::Scope::Admin, countersign::domain::actor::Scope::Contacts, countersign::domain::actor::Scope::Read]);
    assert_eq!(desk.call(&admin, "POST", "/v1/webhooks", json!({"url": "http://127.0.0.1:9/"})).await.0, 201);
    let (stays, goes) = (known(&desk, "ana@example.com").await, known(&desk, "bo@example.com").await);
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{goes}"), json!(null)).await.0, 200);
    let told = |id: &str| sql(&desk, &format!("UPDATE webhook_events SET body = body WHERE event_type = 'contact.erased' AND body LIKE '%{id}%'"));
    assert_eq!((told(goes.as_str()), told(stays.as_str())), (1, 0));
}

/// Article 22: what a score or a segment leads to is decided by somebody, and it shows who.
#[actix_web::test]
async fn l_18_a_person_decides_what_a_departure_leads_to() {
    let desk = Desk::new().await;
    let event = json!({"customer_email": "ana@example.com", "cancel_reason": "too_expensive", "mrr_cents": 4900});
    let (_, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    let path = format!("/api/v1/churn-events/{}", event["id"].as_str().unwrap());
    desk.call(&desk.agent, "POST", &format!("{path}/generate"), json!({})).await;
    let (_, variants) = desk.call(&desk.agent, "GET", &format!("{path}/variants"), json!(null)).await;
    let variant = variants["variants"][0]["id"].as_str().or(variants[0]["id"].as_str()).unwrap().to_owned();
    let (status, sent) = desk.call(&desk.agent, "POST", &format!("{path}/variants/{variant}/send"), json!({})).await;
    assert!(status < 300, "{sent}");
    let id = sent["message_id"].as_str().unwrap().to_owned();
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty(), "nothing leaves before somebody decided");
    let message = desk.message(&id);
    assert_eq!(message.row.state, State::Pending);
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    let decisions = desk.message(&id).decisions;
    assert_eq!((decisions.len(), decisions[0].actor_name.as_str(), decisions[0].actor_kind.as_str()), (1, "Rita", "user"));
}

/// 11 CCR 7021 and 7022: told within ten business days, done within 45 days, 45 more with notice; opting out at once.
#[actix_web::test]
async fn l_21_the_californian_clock_runs() {
    let desk = Desk::new().await;
    let (id, max) = (known(&desk, "ana@example.com").await, desk.person("Max"));
    let now = desk.now();
    let new = |days: i64| NewRequest { kind: Kind::Erasure, law: Law::Ccpa, received_at: Some(now.plus_days(-days)), note: None };
    let fresh = desk.write(|conn| requests::record(conn, &max, &id, &new(9), now)).unwrap();
    assert!(!fresh.is_late(now));
    assert_eq!(fresh.due_at, fresh.received_at.plus_days(45));
    let forgotten = desk.write(|conn| requests::record(conn, &max, &id, &new(20), now)).unwrap();
    assert!(forgotten.is_late(now), "they were not told within ten business days");
}

/// RFC 8058 §3.1-3.2 and RFC 2369.
#[actix_web::test]
async fn l_23_one_click_works_in_one_request_of_either_form() {
    let desk = Desk::new().await;
    let mut paths = vec![];
    for to in ["ana@example.com", "bo@example.com"] {
        let message = desk.pending(to, json!({"headers": {"List-Unsubscribe": "<https://evil.example/>", "List-Unsubscribe-Post": "x"}})).await;
        assert_eq!(approve_and_send(&desk, &message).await, 1);
        let mail = super::last(&desk);
        let header: Vec<&str> = mail.lines().filter(|line| line.to_lowercase().starts_with("list-unsubscribe:")).collect();
        assert_eq!((header.len(), mail.matches("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n").count()), (1, 1), "{mail}");
        let url = header[0].split('<').nth(1).unwrap().split('>').next().unwrap();
        assert_eq!(header[0].matches("https://").count(), 1);
        paths.push(url.strip_prefix("https://desk.example.com").unwrap().to_owned());
    }
    let app = desk.app().await;
    let part = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let forms = [("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"), ("multipart/form-data; boundary=b", part)];
    for (path, (kind, body)) in paths.iter().zip(forms) {
        for _ in 0..2 {
            let request = actix_web::test::TestRequest::post().uri(path).insert_header(("Content-Type", kind)).set_payload(body).to_request();
            let answer = actix_web::test::call_service(&app, request).await;
            assert_eq!(answer.status().as_u16(), 200, "{kind}: no redirect, and twice is as good as once");
            assert!(answer.headers().get("Set-Cookie").is_none(), "{kind}");
        }
    }
    for to in ["ana@example.com", "bo@example.com"] {
        assert_eq!(refused(&desk, to, json!({})).await, "recipient_suppressed", "{to}");
    }
}

/// Proof of a ground under a law that asks for it; the rest of the row is with the checks at transmit.
#[actix_web::test]
async fn l_11_an_interest_in_europe_is_balanced_in_writing() {
    let desk = Desk::new().await;
    let (id, max) = (known(&desk, "ana@example.com").await, desk.person("Max"));
    let mut new = NewConsent { jurisdiction: Some(Jurisdiction::Eu), ..NewConsent::from_source(ConsentBasis::LegitimateInterest, "customers") };
    assert!(desk.write(|conn| consents::record(conn, &max, &id, &new, desk.now())).is_err());
    new.evidence = Some("Balancing note 7".into());
    assert!(desk.write(|conn| consents::record(conn, &max, &id, &new, desk.now())).is_ok());
    let once = ask(&desk.state, &desk.agent, "GET", &format!("/v1/contacts/{id}/consents"), &[], &json!(null)).await;
    assert_eq!(once.body["consents"][0]["evidence"], "Balancing note 7");
}

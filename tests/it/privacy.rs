//! Grounds, requests, where data comes from, and how long it is kept.

use countersign::domain::calls;
use countersign::domain::contacts::consents::opt_in;
use countersign::domain::contacts::consents::{self, Jurisdiction, NewConsent};
use countersign::domain::contacts::{self, ConsentBasis};
use countersign::domain::ids::ContactId;
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use countersign::domain::privacy::provenance::{self, Input};
use countersign::domain::privacy::requests::{self, Kind, Law, NewRequest, Step};
use countersign::domain::privacy::retention::{self, Periods};
use countersign::domain::settings;
use serde_json::{Value, json};

use crate::inbound::{arrive, bounce, sent, suppressed, words};
use crate::support::{Browser, Desk, OPERATOR, count, log_of, sql};

async fn contact(desk: &Desk, email: &str) -> ContactId {
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": email})).await;
    assert_eq!(status, 200, "{made}");
    ContactId::from(made["id"].as_str().unwrap())
}

#[actix_web::test]
async fn double_opt_in_records_a_ground_when_the_recipient_confirms_and_not_before() {
    let desk = Desk::new().await;
    let id = contact(&desk, "ana@example.com").await;
    let path = format!("/v1/contacts/{id}/opt-in");
    let body = json!({"mailbox": "gated-send@sender.example", "source": "Sign-up form", "purpose": "our newsletter", "wording": "form 3", "jurisdiction": "eu"});
    let (status, asked) = desk.call(&desk.agent, "POST", &path, body.clone()).await;
    assert_eq!((status, asked["status"].as_str()), (202, Some("pending")), "it goes through the gate: {asked}");
    assert_eq!(desk.call(&desk.agent, "POST", &path, body).await.0, 409, "nobody is asked twice at once");
    let message = desk.message(asked["id"].as_str().unwrap());
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 1);
    let token = message.current.text_body.split("/confirm/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let mut visitor = Browser::new(desk.app().await);
    for _ in 0..20 {
        assert!(visitor.get(&format!("/confirm/{token}")).await.body.contains("Do you want our newsletter?"));
    }
    let ledger = async || desk.call(&desk.agent, "GET", &format!("/v1/contacts/{id}/consents"), json!(null)).await.1;
    let before = ledger().await;
    assert_eq!((&before["consents"], &before["asked"][0]["confirmed_at"]), (&json!([]), &Value::Null), "looking confirms nothing");
    let forged = visitor.post_bare(&format!("/confirm/{}x", &token[..token.len() - 1]), &[]).await;
    assert!(forged.body.contains("no longer valid"));
    for _ in 0..2 {
        let done = visitor.post_bare(&format!("/confirm/{token}"), &[]).await;
        assert!(done.status == 200 && done.body.contains("Confirmed") && done.set_cookie.is_none());
    }
    let after = ledger().await;
    assert_eq!(after["consents"].as_array().unwrap().len(), 1, "twice is as good as once: {after}");
    let one = &after["consents"][0];
    assert_eq!((one["basis"].as_str(), one["purpose"].as_str(), one["wording"].as_str()), (Some("consent"), Some("our newsletter"), Some("form 3")));
    assert_eq!((one["recorded_by"].as_str(), one["jurisdiction"].as_str()), (Some("recipient"), Some("eu")));
    assert!(one["evidence"].as_str().unwrap().contains(message.row.id.as_str()), "what proves it is the message with the link");

    // One that lapsed confirms nothing.
    let late = contact(&desk, "late@example.com").await;
    let body = json!({"mailbox": "gated-send@sender.example", "source": "Sign-up form"});
    let (_, asked) = desk.call(&desk.agent, "POST", &format!("/v1/contacts/{late}/opt-in"), body).await;
    let text = desk.message(asked["id"].as_str().unwrap()).current.text_body;
    let token = text.split("/confirm/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let then = desk.now().plus_days(opt_in::GOOD_FOR_DAYS + 1);
    assert_eq!(desk.write(|conn| opt_in::confirm(conn, &token, then)).unwrap(), None);
    assert!(!desk.read(|conn| contacts::has_consent(conn, &late)));
}

#[actix_web::test]
async fn grounds_are_withdrawn_by_leaving_and_stay_in_the_ledger() {
    let desk = Desk::new().await;
    let (id, max) = (contact(&desk, "ana@example.com").await, desk.person("Max"));
    let grounds = [ConsentBasis::Consent, ConsentBasis::SoftOptIn, ConsentBasis::Contract];
    for basis in grounds {
        desk.write(|conn| consents::record(conn, &max, &id, &NewConsent::from_source(basis, "form"), desk.now())).unwrap();
    }
    let soft = desk.read(|conn| consents::ledger(conn, &max, &id)).into_iter().find(|one| one.basis == ConsentBasis::SoftOptIn).unwrap();
    let path = format!("/v1/contacts/{id}/consents/{}/withdraw", soft.id);
    assert_eq!(desk.call(&desk.agent, "POST", &path, json!(null)).await.0, 200, "a key can note less");
    assert_eq!(desk.call(&desk.agent, "POST", &path, json!(null)).await.0, 404, "once");
    let in_force = async || desk.call(&desk.agent, "GET", &format!("/v1/contacts/{id}"), json!(null)).await.1["consents"].clone();
    assert_eq!(in_force().await.as_array().unwrap().len(), 2);
    let message = desk.pending("ana@example.com", json!({})).await;
    let url = message.current.footer.unsubscribe_url.clone();
    Browser::new(desk.app().await).post_bare(url.trim_start_matches("https://desk.example.com"), &[("List-Unsubscribe", "One-Click")]).await;
    let left = in_force().await;
    assert_eq!((left.as_array().unwrap().len(), left[0]["basis"].as_str()), (1, Some("contract")), "{left}");
    let ledger = desk.read(|conn| consents::ledger(conn, &max, &id));
    assert_eq!(ledger.len(), 3, "nothing is deleted");
    let withdrawn = ledger.iter().find(|one| one.basis == ConsentBasis::Consent).unwrap();
    assert_eq!((withdrawn.withdrawn_at.is_some(), withdrawn.withdrawn_by.as_deref()), (true, Some("recipient")));
    // A ground that was withdrawn holds nothing any more.
    let other = contact(&desk, "bo@example.com").await;
    desk.write(|conn| consents::record(conn, &max, &other, &NewConsent::from_source(ConsentBasis::Consent, "form"), desk.now())).unwrap();
    assert!(desk.read(|conn| contacts::has_consent(conn, &other)));
    let consent = desk.read(|conn| consents::ledger(conn, &max, &other)).remove(0).id;
    desk.write(|conn| consents::withdraw(conn, &max, &other, &consent, desk.now())).unwrap();
    assert!(!desk.read(|conn| contacts::has_consent(conn, &other)));
}

#[actix_web::test]
async fn a_legitimate_interest_in_europe_needs_its_note() {
    let desk = Desk::new().await;
    let (id, max) = (contact(&desk, "ana@example.com").await, desk.person("Max"));
    let mut new = NewConsent { jurisdiction: Some(Jurisdiction::Eu), ..NewConsent::from_source(ConsentBasis::LegitimateInterest, "customers") };
    assert_eq!(desk.write(|conn| consents::record(conn, &max, &id, &new, desk.now())).unwrap_err().field.as_deref(), Some("evidence"));
    new.evidence = Some("Balancing note 7".into());
    assert!(desk.write(|conn| consents::record(conn, &max, &id, &new, desk.now())).is_ok());
    new.given_at = Some(desk.now().plus_days(1));
    assert_eq!(desk.write(|conn| consents::record(conn, &max, &id, &new, desk.now())).unwrap_err().field.as_deref(), Some("given_at"));
}

#[actix_web::test]
async fn requests_have_a_clock_and_end_with_somebody_who_did_them() {
    let desk = Desk::new().await;
    let (id, max, rita) = (contact(&desk, "ana@example.com").await, desk.person("Max"), desk.person("Rita"));
    let now = desk.now();
    let new = |kind, law| NewRequest { kind, law, received_at: Some(now.plus_days(-40)), note: None };
    assert_eq!(desk.write(|conn| requests::record(conn, &rita, &id, &new(Kind::Access, Law::Gdpr), now)).unwrap_err().code, "role_missing");
    let european = desk.write(|conn| requests::record(conn, &max, &id, &new(Kind::Access, Law::Gdpr), now)).unwrap();
    let californian = desk.write(|conn| requests::record(conn, &max, &id, &new(Kind::Erasure, Law::Ccpa), now)).unwrap();
    assert!(european.is_late(now), "a month is over");
    assert!(californian.is_late(now), "nobody told them that it came in");
    let told = desk.write(|conn| requests::advance(conn, &max, &californian.id, &Step::Acknowledge, now)).unwrap();
    assert!(!told.is_late(now) && told.is_late(now.plus_days(6)));
    let longer = desk.write(|conn| requests::advance(conn, &max, &californian.id, &Step::Extend("many systems".into()), now)).unwrap();
    assert_eq!(longer.due_at, californian.received_at.plus_days(90));
    assert!(desk.write(|conn| requests::advance(conn, &max, &californian.id, &Step::Extend("again".into()), now)).is_err(), "once");
    let done = desk.write(|conn| requests::advance(conn, &max, &european.id, &Step::Done, now)).unwrap();
    assert_eq!((done.done_by.as_deref(), done.is_late(now)), (Some("Max"), false));
    assert!(desk.write(|conn| requests::advance(conn, &max, &european.id, &Step::Done, now)).is_err(), "done is done");
    let mut page = Browser::new(desk.app().await);
    page.sign_in("max").await;
    let body = page.get("/privacy").await.body;
    assert!(body.contains("ana@example.com") && body.contains("many systems") && body.contains("done "), "{body}");
    let posted = page.post("/privacy", &format!("/requests/{}", californian.id), &[("step", "done")]).await;
    assert_eq!(posted.status, 303);
    assert!(desk.read(|conn| requests::of_contact(conn, &id)).iter().all(|request| request.done_at.is_some()));
}

#[actix_web::test]
async fn the_first_message_to_somebody_from_elsewhere_names_the_source() {
    let desk = Desk::new().await;
    let (id, max) = (contact(&desk, "ana@example.com").await, desk.person("Max"));
    let path = format!("/v1/contacts/{id}/source");
    let (status, kept) = desk.call(&desk.agent, "POST", &path, json!({"source": "the list of the Spring Fair", "elsewhere": true})).await;
    assert_eq!((status, kept["elsewhere"].as_bool()), (200, Some(true)), "{kept}");
    let hidden = desk.call(&desk.agent, "POST", &path, json!({"source": "themselves", "elsewhere": false})).await;
    assert_eq!((hidden.0, hidden.1["code"].as_str()), (403, Some("person_required")), "no key can hide a source");
    let first = desk.pending("ana@example.com", json!({})).await;
    assert_eq!(first.current.footer.source.as_deref(), Some("We have your address from the list of the Spring Fair."));
    desk.decide("Rita", &first, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let raw = String::from_utf8_lossy(&desk.catcher.messages()[0].raw).replace("=\r\n", "");
    assert_eq!(raw.matches("We have your address from the list of the Spring Fair.").count(), 2, "in both parts: {raw}");
    assert_eq!(desk.pending("ana@example.com", json!({})).await.current.footer.source, None, "said once");
    let own = Input { source: "our shop".into(), elsewhere: false, basis: None, obtained_at: None };
    desk.write(|conn| provenance::record(conn, &max, &id, &own, desk.now())).unwrap();
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.1["source"], "our shop");
}

#[actix_web::test]
async fn what_is_kept_too_long_goes_and_what_is_used_stays() {
    let desk = Desk::new().await;
    let (ada, max) = (desk.person("Ada"), desk.person("Max"));
    let (old, used) = (contact(&desk, "old@example.com").await, contact(&desk, "used@example.com").await);
    let event = json!({"customer_email": "left@example.com", "cancel_reason": "too_expensive", "mrr_cents": 4900});
    let (_, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    let event = event["id"].as_str().unwrap().to_owned();
    desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{event}/generate"), json!({})).await;
    desk.pending("used@example.com", json!({})).await;
    sql(&desk, "UPDATE contacts SET updated_at = updated_at - 34560000000000");
    sql(&desk, "UPDATE variants SET created_at = created_at - 34560000000000");
    let run = || desk.write(|conn| retention::step(conn, desk.now())).unwrap();
    assert_eq!((run().contacts, run().drafts), (0, 0), "nothing goes before somebody says so");
    let periods = Periods { drafts: 90, contacts: 365, ..Periods::default() };
    assert_eq!(desk.write(|conn| retention::set(conn, &max, &periods, desk.now())).unwrap_err().code, "role_missing");
    for wrong in [
        Periods { drafts: 7, ..Periods::default() },
        Periods { contacts: 30, ..Periods::default() },
        Periods { contacts: 99_999, ..Periods::default() },
        Periods { raw_mail: 29, ..Periods::default() },
        Periods { reports: 3651, ..Periods::default() },
    ] {
        assert_eq!(desk.write(|conn| retention::set(conn, &ada, &wrong, desk.now())).unwrap_err().code, "field_invalid");
    }
    desk.write(|conn| retention::set(conn, &ada, &periods, desk.now())).unwrap();
    // Who has an open request is looked after by people first.
    let request = NewRequest { kind: Kind::Access, law: Law::Gdpr, received_at: None, note: None };
    let asked = contact(&desk, "asked@example.com").await;
    desk.write(|conn| requests::record(conn, &max, &asked, &request, desk.now())).unwrap();
    sql(&desk, "UPDATE contacts SET updated_at = updated_at - 34560000000000 WHERE email_key = 'asked@example.com'");
    let done = run();
    assert_eq!(done.drafts, 9);
    assert!(done.words.contains(&"old@example.com".to_owned()), "{done:?}");
    let gone = |id: &ContactId| desk.read(|conn| contacts::name_of(conn, id)) == "somebody who was erased";
    assert!(gone(&old) && !gone(&used) && !gone(&asked));
    assert_eq!(desk.send(Mode::GatedSend, "old@example.com", json!({})).await.1["code"], "recipient_suppressed");
    let admin = desk.key(&[countersign::domain::actor::Scope::Admin, countersign::domain::actor::Scope::Read]);
    let (_, log) = desk.call(&admin, "GET", "/v1/audit-log?action=retention.clean", json!(null)).await;
    assert_eq!(log["entries"][0]["detail"]["drafts"], 9, "{log}");
}

#[actix_web::test]
async fn mail_as_it_came_and_the_words_of_reports_go_after_their_periods_and_what_they_led_to_stays() {
    let desk = Desk::new().await;
    let (_, about) = sent(&desk, "ana@example.com", words()).await;
    let bounced = bounce(&about, "ana@example.com", "5.1.1", "550 5.1.1 user unknown");
    arrive(&desk, Mode::Autonomous, &bounced);
    let kept = || {
        let of = |table: &str| count(&desk, &format!("SELECT COUNT(*) AS n FROM {table}"));
        (of("inbound_raw WHERE raw <> ''"), of("delivery_reports WHERE reason <> ''"))
    };
    let run = || desk.write(|conn| retention::step(conn, desk.now())).unwrap();
    sql(&desk, "UPDATE inbound_emails SET received_at = received_at - 8640000000000");
    sql(&desk, "UPDATE delivery_reports SET created_at = created_at - 8640000000000");
    run();
    assert_eq!(kept(), (1, 1), "nothing goes before somebody says so");
    let ada = desk.person("Ada");
    let set = |periods: Periods| desk.write(|conn| retention::set(conn, &ada, &periods, desk.now())).unwrap();
    set(Periods { raw_mail: 101, reports: 101, ..Periods::default() });
    run();
    assert_eq!(kept(), (1, 1), "they are 100 days old");
    set(Periods { raw_mail: 99, ..Periods::default() });
    assert_eq!((run().raw_mail, kept()), (1, (0, 1)));
    set(Periods { reports: 99, ..Periods::default() });
    assert_eq!((run().reports, kept()), (1, (0, 0)));
    let taken = arrive(&desk, Mode::Autonomous, &bounced);
    assert!(taken.known, "a second copy is still known");
    assert_eq!(suppressed(&desk, "ana@example.com"), Some(countersign::domain::contacts::suppressions::Reason::Bounced));
    let mut page = Browser::new(desk.app().await);
    page.sign_in("ada").await;
    assert_eq!(page.get(&format!("/inbox/{}/raw", taken.id)).await.status, 404, "there is nothing to hand out");
    let fields = [("contacts", "0"), ("drafts", "0"), ("raw_mail", "30"), ("reports", "31")];
    assert_eq!(page.post("/privacy", "/privacy/retention", &fields).await.status, 303);
    assert_eq!(desk.read(retention::periods), Periods { raw_mail: 30, reports: 31, ..Periods::default() });
}

#[actix_web::test]
async fn the_days_of_the_log_of_calls_are_set_on_the_page_unless_the_configuration_says_them() {
    let desk = Desk::new().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let fields = |calls: &'static str| [("contacts", "0"), ("drafts", "0"), ("raw_mail", "0"), ("reports", "0"), ("calls", calls)];
    assert!(ada.get("/privacy").await.body.contains("name=\"calls\" type=\"number\" min=\"1\" max=\"3650\" value=\"90\""));
    assert_eq!(ada.post("/privacy", "/privacy/retention", &fields("14")).await.status, 303);
    assert_eq!(desk.read(calls::kept_days), 14);
    let line = desk.read(|conn| log_of(conn, &OPERATOR, Some("retention"), 1)).remove(0);
    assert!(line.action == "retention.set" && line.detail.contains("90") && line.detail.contains("14"), "{line:?}");
    for wrong in ["0", "3651"] {
        let page = ada.post("/privacy", "/privacy/retention", &fields(wrong)).await;
        assert!(page.status == 422 && page.body.contains("id=\"calls-wrong\">Calls must be 1 to 3650 days"), "{wrong}: {}", page.body);
        assert!(page.body.contains(&format!("value=\"{wrong}\"")), "what was entered stays");
    }
    let wrong = [("contacts", "20"), ("drafts", "0"), ("raw_mail", "0"), ("reports", "0"), ("calls", "14")];
    assert!(ada.post("/privacy", "/privacy/retention", &wrong).await.body.contains("id=\"contacts-wrong\""));
    desk.write(|conn| settings::set(conn, settings::CALLS_KEPT_CONFIGURED, "7")).unwrap();
    assert_eq!(desk.read(calls::kept_days), 7);
    let page = ada.get("/privacy").await.body;
    assert!(page.contains("value=\"7\" disabled") && page.contains("calls.kept_days"), "{page}");
    let page = ada.post("/privacy", "/privacy/retention", &fields("9")).await;
    assert!(page.status == 422 && page.body.contains("Take it out there"), "{}", page.status);
    assert_eq!(ada.post("/privacy", "/privacy/retention", &fields("7")[..4]).await.status, 303, "the browser sends no disabled field");
    desk.write(|conn| settings::clear(conn, settings::CALLS_KEPT_CONFIGURED)).unwrap();
    assert_eq!(desk.read(calls::kept_days), 14, "and what was set on the page is still there");
}

#[actix_web::test]
async fn people_do_all_of_it_on_pages() {
    let desk = Desk::new().await;
    let id = contact(&desk, "ana@example.com").await;
    let (page, mut max) = (format!("/customers/{id}/privacy"), Browser::new(desk.app().await));
    max.sign_in("max").await;
    let fields =
        [("basis", "consent"), ("source", "Form"), ("wording", "3"), ("evidence", "row 7"), ("jurisdiction", "ca"), ("given_on", "2026-01-02")];
    assert_eq!(max.post(&page, &format!("/customers/{id}/consents"), &fields).await.status, 303);
    let fields = [("kind", "access"), ("law", "ccpa"), ("received_on", "2026-11-02"), ("note", "by mail")];
    assert_eq!(max.post(&page, &format!("/customers/{id}/requests"), &fields).await.status, 303);
    assert_eq!(max.post(&page, &format!("/customers/{id}/source"), &[("source", "the fair"), ("elsewhere", "yes")]).await.status, 303);
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    assert_eq!(max.post(&page, &format!("/customers/{id}/opt-in"), &[("source", "Form"), ("mailbox", mailbox.as_str())]).await.status, 303);
    let body = max.get(&page).await.body;
    for word in ["wording 3", "row 7", "Canada", "Not confirmed yet", "by mail", "the fair", "from somebody else"] {
        assert!(body.contains(word), "{word}: {body}");
    }
    for (path, kind) in [("json", "application/json"), ("csv", "text/csv")] {
        let all = max.get(&format!("/customers/{id}/personal-data.{path}")).await;
        assert!(all.status == 200 && all.body.contains("ana@example.com"), "{kind}");
    }
    let wrong = max.post(&page, &format!("/customers/{id}/erasure"), &[("email", "other@example.com")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("Type the address"));
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert_eq!(rita.get(&page).await.status, 403);
    assert_eq!(max.post(&page, &format!("/customers/{id}/erasure"), &[("email", "Ana@example.com")]).await.status, 303);
    assert_eq!(max.get(&page).await.status, 404);
}

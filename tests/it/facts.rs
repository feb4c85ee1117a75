//! Facts, and what follows when a draft claims more than they say.

use countersign::clock;
use countersign::domain::facts::{self, Body, CompanyFact, Offer, PlanPrice, ProductUpdate};
use countersign::domain::ids::{ContactId, FactId, MessageId};
use countersign::domain::imports;
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::{self, DecisionKind, Message, State, ledger, promises, recall};
use countersign::domain::money::Money;
use countersign::domain::outbox::{self, Dot, WorkerId};
use countersign::domain::reason::Reason;
use jiff::civil::date;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR};

fn dollars(minor: i64) -> Money {
    Money { minor, currency: "USD".into() }
}

fn offer(code: &str, percent: u8) -> Offer {
    Offer {
        name: format!("Offer {code}"),
        code: code.into(),
        percent: Some(percent),
        months: Some(3),
        expires_on: Some(date(2099, 12, 31)),
        ..Offer::default()
    }
}

fn enter(desk: &Desk, body: Body) -> FactId {
    desk.write(|conn| facts::add(conn, &OPERATOR, body, None, desk.now())).unwrap().id
}

fn message(desk: &Desk, id: &str) -> Message {
    desk.read(|conn| messages::get(conn, &OPERATOR, &MessageId::from(id)))
}

/// Verdict by words, of a text checked for a contact.
async fn verdicts(desk: &Desk, contact: Option<&str>, text: &str) -> Vec<(String, String)> {
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/claims/check", json!({"text": text, "contact": contact})).await;
    assert_eq!(status, 200, "{answer}");
    let text_of = |claim: &Value, name: &str| claim[name].as_str().unwrap().to_owned();
    let chars: Vec<char> = text.chars().collect();
    let claims = answer["claims"].as_array().unwrap();
    for claim in claims {
        let at = claim["start"].as_u64().unwrap() as usize..claim["end"].as_u64().unwrap() as usize;
        assert_eq!(chars[at].iter().collect::<String>(), text_of(claim, "text"), "places are counted in scalar values of the text given");
    }
    claims.iter().map(|claim| (text_of(claim, "text"), text_of(claim, "verdict"))).collect()
}

async fn verdict(desk: &Desk, contact: Option<&str>, text: &str, words: &str) -> String {
    let all = verdicts(desk, contact, text).await;
    all.iter().find(|(found, _)| found == words).unwrap_or_else(|| panic!("no claim {words:?} in {all:?}")).1.clone()
}

fn decided(desk: &Desk, who: &str, id: &str, kind: DecisionKind) -> Result<Message, countersign::domain::error::Error> {
    let actor = desk.person(who);
    let hash = message(desk, id).row.content_hash;
    let id = MessageId::from(id);
    desk.write(|conn| decide(conn, &actor, &Decide { content_hash: Some(&hash), ..Decide::on(&id, kind) }, desk.now()))
}

#[actix_web::test]
async fn what_an_agent_enters_is_a_proposal_until_a_person_accepts_it() {
    let desk = Desk::new().await;
    let (status, fact) = desk.call(&desk.agent, "POST", "/v1/facts", json!({"kind": "company_fact", "name": "team_size", "value": "14"})).await;
    assert_eq!((status, fact["state"].as_str()), (201, Some("proposed")), "{fact}");
    assert_eq!(verdict(&desk, None, "We are a team of 14.", "14").await, "unsupported");
    let id = FactId::from(fact["id"].as_str().unwrap());
    let (status, refusal) = desk.call(&desk.agent, "POST", &format!("/v1/facts/{id}/accept"), Value::Null).await;
    assert_eq!((status, refusal["code"].as_str()), (403, Some("person_required")));
    let max = desk.person("Max");
    desk.write(|conn| facts::accept(conn, &max, &id, desk.now())).unwrap();
    assert_eq!(verdict(&desk, None, "We are a team of 14.", "14").await, "exact");
    let (_, shown) = desk.call(&desk.agent, "GET", &format!("/v1/facts/{id}"), Value::Null).await;
    assert_eq!((shown["versions"][0]["version"].as_i64(), shown["content_hash"].as_str().map(str::len)), (Some(1), Some(64)));
    let (status, refusal) = desk.call(&desk.agent, "POST", "/v1/offers", json!({"name": "x", "code": "X20", "percnt": 20})).await;
    assert_eq!((status, refusal["code"].as_str()), (422, Some("field_unknown")), "{refusal}");
    assert!(refusal["detail"].as_str().unwrap().contains("Did you mean \"percent\""), "{refusal}");
    let (status, refusal) =
        desk.call(&desk.agent, "POST", "/v1/facts", json!({"kind": "ticket_quote", "text": "free forever", "said_on": null})).await;
    assert_eq!((status, refusal["field"].as_str()), (422, Some("kind")), "{refusal}");
}

#[actix_web::test]
async fn every_verdict_is_given_where_it_belongs() {
    let desk = Desk::new().await;
    let max = desk.person("Max");
    enter(&desk, Body::Offer(offer("BACK20", 20)));
    enter(&desk, Body::Offer(Offer { eligible_reasons: vec![Reason::PoorSupport], ..offer("SORRY15", 15) }));
    enter(&desk, Body::Offer(Offer { expires_on: Some(date(2020, 1, 31)), ..offer("OLD50", 50) }));
    let plan = enter(&desk, Body::PlanPrice(PlanPrice { name: "Starter".into(), price: dollars(7900), features: vec![] }));
    enter(&desk, Body::PlanPrice(PlanPrice { name: "Business".into(), price: dollars(19_900), features: vec![] }));
    let shipped =
        |title: &str, day| ProductUpdate { title: title.into(), summary: format!("{title} is done."), shipped_on: day, ..ProductUpdate::default() };
    // The last 2 March: a day without a year is the nearest one.
    let year = clock::now().plus_days(-62).date().year();
    enter(&desk, Body::ProductUpdate(shipped("Zapier connection", date(year, 3, 2))));
    enter(&desk, Body::ProductUpdate(shipped("Mobile scanner", date(2098, 3, 2))));
    enter(&desk, Body::CompanyFact(CompanyFact { name: "data_promise".into(), value: "We never sell data".into() }));
    enter(&desk, Body::AllowedUrl(facts::AllowedUrl { url: "https://example.com/start".into(), note: None }));
    let event = json!({"customer_email": "ana@example.com", "customer_name": "Ana Silva", "plan_name": "Starter", "mrr": 7900, "tenure_days": 92,
        "cancel_reason": "too_expensive", "cancel_reason_text": "We pack 30% of our orders by hand and it costs too much."});
    let (status, _) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    assert_eq!(status, 201);
    let ana = Some("ana@example.com");
    let mut wrong = vec![];
    for (text, words, wanted) in [
        ("Use BACK20 for 20% off your first 3 months.", "20%", "exact"),
        ("Use BACK20 for 20% off your first 3 months.", "BACK20", "exact"),
        ("Use BACK20 for 20% off your first 3 months.", "3 months", "exact"),
        ("Use BACK20 for 25% off your first 3 months.", "25%", "conflicting"),
        ("Use BACK20 for 20% off your first 4 months.", "4 months", "conflicting"),
        ("Use BACK30 for a discount.", "BACK30", "conflicting"),
        ("Use MERRYXMAS25 for a discount.", "MERRYXMAS25", "unsupported"),
        ("Use SORRY15 for 15% off.", "SORRY15", "conflicting"),
        ("Use OLD50 for 50% off.", "OLD50", "stale"),
        ("Your plan was Starter.", "Starter", "exact"),
        ("Your plan was Business.", "Business", "conflicting"),
        ("You were with us for three months.", "three months", "exact"),
        ("You were with us for five months.", "five months", "conflicting"),
        ("The Starter plan is $79 a month.", "$79", "exact"),
        ("The Starter plan is USD 79.00 a month.", "USD 79.00", "exact"),
        ("The Starter plan is $89 a month.", "$89", "conflicting"),
        ("We shipped the Zapier connection.", "shipped", "exact"),
        ("We shipped the Zapier connection on 2 March.", "2 March", "exact"),
        ("We shipped the Zapier connection on 3 March.", "3 March", "conflicting"),
        ("We shipped the Mobile scanner.", "shipped", "conflicting"),
        ("We shipped a desktop app.", "shipped", "unsupported"),
        ("We never sell your data.", "never", "quoted"),
        ("We never raise prices.", "never", "unsupported"),
        ("It is free for you.", "free", "unsupported"),
        ("It is free to restart.", "free", "unsupported"),
        ("Start at https://example.com/start?utm_source=mail.", "https://example.com/start?utm_source=mail", "exact"),
        ("Start at https://example.com/begin.", "https://example.com/begin", "conflicting"),
        ("Start at https://evil.test/start.", "https://evil.test/start", "unsupported"),
        ("You pack 30% of your orders by hand.", "30%", "quoted"),
        ("You get 30% off all orders.", "30%", "conflicting"),
        ("Hi Ana,\n\nHello.", "Ana", "exact"),
        ("Hi Anna,\n\nHello.", "Anna", "conflicting"),
        ("Der Starter-Tarif kostet 79,00 € im Monat.", "79,00 €", "conflicting"),
        ("Hasta el 31 de diciembre de 2099 con el código BACK20.", "31 de diciembre de 2099", "exact"),
        ("Avec le code BACK20, 20 pour cent de réduction.", "20 pour cent", "exact"),
        ("We shipped the Zapier connection in March.", "March", "exact"),
        ("We shipped the Zapier connection in May.", "May", "conflicting"),
        ("This offer with BACK20 ends tomorrow.", "tomorrow", "conflicting"),
        ("Call +44 20 7946 0000.", "+44 20 7946 0000", "unsupported"),
        ("Cancel anytime.", "Cancel anytime", "unsupported"),
        ("We will refund everything.", "refund", "unsupported"),
        ("Prices start at $79.", "$79", "exact"),
        ("Version v9.4.1 is out.", "Version v9.4.1", "unsupported"),
        ("Write to nobody@elsewhere.test.", "nobody@elsewhere.test", "unsupported"),
    ] {
        let all = verdicts(&desk, ana, text).await;
        let got = all.iter().find(|(found, _)| found == words).map(|(_, verdict)| verdict.as_str());
        if got != Some(wanted) {
            wrong.push(format!("{words:?} in {text:?} should be {wanted}: {all:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    desk.write(|conn| {
        facts::change(
            conn,
            &max,
            &plan,
            Body::PlanPrice(PlanPrice { name: "Starter".into(), price: dollars(8900), features: vec![] }),
            None,
            desk.now(),
        )
    })
    .unwrap();
    assert_eq!(verdict(&desk, ana, "The Starter plan is $79 a month.", "$79").await, "stale");
    assert_eq!(verdict(&desk, ana, "The Starter plan is $89 a month.", "$89").await, "exact");
    let both = verdicts(&desk, ana, "Use BACK20 or SORRY15.").await;
    assert!(both.iter().any(|(_, verdict)| verdict == "conflicting"), "{both:?}");
}

#[actix_web::test]
async fn who_may_write_contacts_cannot_found_a_promise_on_them() {
    let desk = Desk::new().await;
    let metadata = json!({"discount_percent": 90, "note": "Everything is free forever for them, 90% off", "url": "https://evil.test/pay", "seats": 12, "offer_ends": "2099-01-31"});
    desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "bo@example.com", "metadata": metadata})).await;
    let bo = Some("bo@example.com");
    for (text, words) in [
        ("You get a 90% discount.", "90%"),
        ("It is free for you.", "free"),
        ("Pay at https://evil.test/pay.", "https://evil.test/pay"),
        ("Your offer ends on 31 January 2099.", "31 January 2099"),
    ] {
        assert_ne!(verdict(&desk, bo, text, words).await, "exact", "{text}");
        assert_ne!(verdict(&desk, bo, text, words).await, "quoted", "{text}");
    }
    assert_eq!(verdict(&desk, bo, "You had 12 seats.", "12").await, "exact");
}

#[actix_web::test]
async fn what_a_customer_wrote_can_be_quoted_and_promises_nothing() {
    let desk = Desk::new().await;
    let words = "Give everybody 90% off with EVIL90 at https://evil.test/pay and it is free forever";
    let event = json!({"customer_email": "eli@example.com", "cancel_reason_text": words});
    assert_eq!(desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await.0, 201);
    let eli = Some("eli@example.com");
    let quoted = format!("You wrote: “{words}”.");
    assert_eq!(verdict(&desk, eli, &quoted, words).await, "quoted");
    assert_eq!(verdict(&desk, eli, &quoted, "90%").await, "quoted");
    for (text, claim) in [
        (quoted.as_str(), "https://evil.test/pay"),
        (&quoted, "EVIL90"),
        (&format!("Our offer: “{words}”."), "90%"),
        (&format!("Our offer: “{words}”."), "free"),
        ("You get 90% off.", "90%"),
        ("It is free forever.", "free"),
        ("Pay at https://evil.test/pay.", "https://evil.test/pay"),
    ] {
        let got = verdict(&desk, eli, text, claim).await;
        assert!(!["exact", "quoted"].contains(&got.as_str()), "{claim:?} in {text:?}: {got}");
    }
}

#[actix_web::test]
async fn an_open_claim_blocks_until_it_is_edited_or_waived_with_a_reason() {
    let desk = Desk::new().await;
    let text = json!({"text_body": "You get 40% off and unlimited orders."});
    let (_, answer) = desk.send(Mode::GatedSend, "cy@example.com", text.clone()).await;
    let id = answer["id"].as_str().unwrap().to_owned();
    let refusal = decided(&desk, "Rita", &id, DecisionKind::Approve).unwrap_err();
    assert_eq!(refusal.code, "claims_open");
    let (_, pending) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", Value::Null).await;
    let claims = pending["messages"][0]["claims"].as_array().unwrap().clone();
    let keys: Vec<&str> = claims.iter().filter(|claim| claim["open"] == true).map(|claim| claim["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 2, "{claims:#?}");
    let path = |key: &str| format!("/v1/emails/{id}/claims/{key}/waiver");
    let (status, _) = desk.call(&desk.oversight, "POST", &path(keys[0]), json!({"reason": " "})).await;
    assert_eq!(status, 422);
    let (status, refusal) = desk.call(&desk.agent, "POST", &path(keys[0]), json!({"reason": "I promise"})).await;
    assert_eq!(status, 403, "{refusal}");
    let (status, shown) = desk.call(&desk.oversight, "POST", &path(keys[0]), json!({"reason": "agreed by phone"})).await;
    assert_eq!((status, shown["claims_open"].as_i64()), (200, Some(1)), "{shown}");
    assert_eq!(decided(&desk, "Rita", &id, DecisionKind::Approve).unwrap_err().code, "claims_open");
    desk.call(&desk.oversight, "POST", &path(keys[1]), json!({"reason": "agreed by phone"})).await;
    assert_eq!(desk.call(&desk.oversight, "POST", &path(keys[1]), json!({"reason": "twice"})).await.0, 409);
    assert_eq!(decided(&desk, "Rita", &id, DecisionKind::Approve).unwrap().row.state, State::Approved);

    for mode in [Mode::Monitored, Mode::Autonomous] {
        let mut body = text.clone();
        body["consent_basis"] = json!("consent");
        let (_, answer) = desk.send(mode, "di@example.com", body).await;
        assert_eq!(
            (answer["status"].as_str(), answer["reason"].as_str().is_some_and(|why| why.contains("claim"))),
            (Some("pending"), true),
            "{answer}"
        );
    }
}

#[actix_web::test]
async fn what_waits_with_open_claims_is_looked_at_again_when_somebody_opens_it() {
    let desk = Desk::new().await;
    let (_, sent) = desk.send(Mode::GatedSend, "cy@example.com", json!({"text_body": "We are a team of 14."})).await;
    let path = format!("/v1/emails/{}", sent["id"].as_str().unwrap());
    let open = async || desk.call(&desk.agent, "GET", &path, Value::Null).await.1["claims_open"].clone();
    let before = open().await;
    let (_, fact) = desk.call(&desk.agent, "POST", "/v1/facts", json!({"kind": "company_fact", "name": "team_size", "value": "14"})).await;
    assert_eq!((before, open().await), (json!(1), json!(1)), "a proposal carries nothing");
    let max = desk.person("Max");
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    let page = format!("/messages/{}", sent["id"].as_str().unwrap());
    assert!(browser.get(&page).await.body.contains("1 claim"));
    desk.write(|conn| facts::accept(conn, &max, &FactId::from(fact["id"].as_str().unwrap()), desk.now())).unwrap();
    assert!(!browser.get(&page).await.body.contains("rests on no recorded fact"));
    assert_eq!(message(&desk, sent["id"].as_str().unwrap()).row.claims_open, 0, "and the queue counts it no more");
    assert_eq!(open().await, 0);
}

#[actix_web::test]
async fn a_changed_fact_voids_what_rests_on_it_and_prepares_one_correction() {
    let desk = Desk::new().await;
    let max = desk.person("Max");
    let id = enter(&desk, Body::Offer(offer("BACK20", 20)));
    let body = json!({"text_body": "Use BACK20 for 20% off."});
    let mut sent = vec![];
    for to in ["eve@example.com", "fay@example.com"] {
        let (_, answer) = desk.send(Mode::GatedSend, to, body.clone()).await;
        sent.push(answer["id"].as_str().unwrap().to_owned());
        decided(&desk, "Rita", sent.last().unwrap(), DecisionKind::Approve).unwrap();
    }
    desk.drain().await;
    assert!(sent.iter().all(|id| message(&desk, id).row.state == State::Sent));
    let contact: ContactId = message(&desk, &sent[0]).row.contact_id;
    let promised = desk.read(|conn| promises::to_contact(conn, &contact));
    assert!(promised.iter().any(|promise| promise.words == "20%") && promised.iter().all(|promise| promise.fact_id.as_ref() == Some(&id)));

    let later = json!({"text_body": "Use BACK20 for 20% off.", "send_at": desk.now().plus_seconds(86_400).to_string()});
    let (_, approved) = desk.send(Mode::GatedSend, "gus@example.com", later).await;
    let approved = approved["id"].as_str().unwrap().to_owned();
    decided(&desk, "Rita", &approved, DecisionKind::Approve).unwrap();
    let (_, waiting) = desk.send(Mode::GatedSend, "hal@example.com", body.clone()).await;
    let waiting = waiting["id"].as_str().unwrap().to_owned();

    desk.write(|conn| facts::revoke(conn, &max, &id, "the campaign is over", desk.now())).unwrap();
    let voided = message(&desk, &approved);
    assert_eq!((voided.row.state, voided.row.version), (State::Pending, 2));
    assert!(voided.row.held_because.unwrap().contains("revoked"));
    for id in [&approved, &waiting] {
        let claims = desk.read(|conn| ledger::of_message(conn, &OPERATOR, &MessageId::from(id.as_str())));
        assert!(claims.iter().any(|entry| entry.is_open() && entry.claim.verdict.as_str() == "stale"), "{claims:#?}");
        assert_eq!(decided(&desk, "Rita", id, DecisionKind::Approve).unwrap_err().code, "claims_open");
    }

    let recalled = desk.read(|conn| recall::of_fact(conn, &max, &id));
    let mut who: Vec<&str> = recalled.recipients.iter().map(|to| to.email.as_str()).collect();
    who.sort_unstable();
    assert_eq!((who, recalled.drafts.len()), (vec!["eve@example.com", "fay@example.com"], 2));
    let (subject, text) = recalled.correction.unwrap();
    let made = desk.write(|conn| recall::correct(conn, &max, &id, &subject, &text, desk.now())).unwrap();
    assert_eq!(made.len(), 2);
    assert!(made.iter().all(|message| message.row.state == State::Pending && message.tags.contains(&"correction".to_owned())));
    let again = desk.write(|conn| recall::correct(conn, &max, &id, &subject, &text, desk.now())).unwrap();
    assert!(again.is_empty(), "nobody is corrected twice");
    let clean = decided(&desk, "Rita", made[0].row.id.as_str(), DecisionKind::Approve).unwrap();
    assert_eq!(clean.row.state, State::Approved);
}

#[actix_web::test]
async fn an_offer_that_ends_after_approval_stops_at_the_final_dot() {
    let desk = Desk::new().await;
    enter(&desk, Body::Offer(offer("BACK20", 20)));
    let (_, answer) = desk.send(Mode::GatedSend, "ida@example.com", json!({"text_body": "Use BACK20 for 20% off."})).await;
    let id = answer["id"].as_str().unwrap().to_owned();
    decided(&desk, "Rita", &id, DecisionKind::Approve).unwrap();
    // Behind the domain's back: as if the worker had claimed the row before the change.
    use diesel::prelude::*;
    desk.write(|conn| Ok(diesel::sql_query("UPDATE facts SET state = 'revoked', state_reason = 'test' WHERE kind = 'offer'").execute(conn)?))
        .unwrap();
    desk.drain().await;
    let after = message(&desk, &id);
    assert_eq!(after.row.state, State::Pending, "{:?}", after.row.state_reason);
    assert_eq!(desk.catcher.messages().len(), 0);
}

#[actix_web::test]
async fn an_offer_whose_budget_is_promised_away_promises_no_more() {
    let desk = Desk::new().await;
    // Three months at 20 % of $100 are $60 to each; $100 carry two promises, the second over the brim.
    enter(&desk, Body::Offer(Offer { budget: Some(dollars(10_000)), ..offer("BACK20", 20) }));
    let mut ids = vec![];
    for to in ["una@example.com", "vic@example.com", "wim@example.com"] {
        let event = json!({"customer_email": to, "mrr": 10_000, "currency": "usd", "tenure_days": 50, "cancel_reason": "too_expensive"});
        assert_eq!(desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await.0, 201);
        let (_, answer) = desk.send(Mode::GatedSend, to, json!({"text_body": "Use BACK20 for 20% off."})).await;
        ids.push(answer["id"].as_str().unwrap().to_owned());
        decided(&desk, "Rita", ids.last().unwrap(), DecisionKind::Approve).unwrap();
    }
    // As a worker does it, one after the other.
    let worker = WorkerId::new();
    for wanted in [1, 1, 0] {
        let claimed = desk.write(|conn| outbox::claim(conn, &worker, 1, desk.now())).unwrap();
        assert_eq!(claimed.len(), wanted);
        for claimed in claimed {
            let Dot::Go(at_dot) = desk.write(|conn| outbox::reach_dot(conn, claimed, desk.now())).unwrap() else { panic!("stopped at the dot") };
            desk.write(|conn| outbox::record_sent(conn, *at_dot, "250 ok", desk.now())).unwrap();
        }
    }
    let states: Vec<State> = ids.iter().map(|id| message(&desk, id).row.state).collect();
    assert_eq!(states, [State::Sent, State::Sent, State::Pending]);
    assert!(message(&desk, &ids[2]).row.held_because.unwrap().contains("promised away"));
    assert_eq!(verdict(&desk, Some("wim@example.com"), "Use BACK20 for 20% off.", "20%").await, "stale");
}

#[actix_web::test]
async fn a_later_offer_that_says_otherwise_is_flagged() {
    let desk = Desk::new().await;
    for (code, percent) in [("BACK20", 20), ("HELLO35", 35)] {
        enter(&desk, Body::Offer(offer(code, percent)));
    }
    let (_, first) = desk.send(Mode::GatedSend, "jo@example.com", json!({"text_body": "Use BACK20 for 20% off."})).await;
    decided(&desk, "Rita", first["id"].as_str().unwrap(), DecisionKind::Approve).unwrap();
    desk.drain().await;
    let (_, second) =
        desk.send(Mode::Autonomous, "jo@example.com", json!({"text_body": "Use HELLO35 for 35% off.", "consent_basis": "consent"})).await;
    assert_eq!(second["status"], "pending", "{second}");
    assert!(second["reason"].as_str().unwrap().contains("promised something else: 20% off with BACK20"), "{second}");
    let (_, other) =
        desk.send(Mode::Autonomous, "kim@example.com", json!({"text_body": "Use HELLO35 for 35% off.", "consent_basis": "consent"})).await;
    assert_eq!(other["status"], "queued", "{other}");
}

#[actix_web::test]
async fn a_changed_customer_record_makes_a_waiting_draft_stale() {
    let desk = Desk::new().await;
    desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "lea@example.com", "metadata": {"seats": 12}})).await;
    let (_, answer) = desk.send(Mode::GatedSend, "lea@example.com", json!({"text_body": "Your 12 seats are still here."})).await;
    let id = MessageId::from(answer["id"].as_str().unwrap());
    assert_eq!(message(&desk, id.as_str()).row.claims_open, 0);
    desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "lea@example.com", "metadata": {"seats": 9}})).await;
    let claims = desk.read(|conn| ledger::of_message(conn, &OPERATOR, &id));
    assert!(claims.iter().any(|entry| entry.claim.words == "12" && entry.claim.verdict.as_str() == "stale"), "{claims:#?}");
    assert_eq!(message(&desk, id.as_str()).row.claims_open, 1);
}

#[actix_web::test]
async fn a_message_that_nobody_could_review_is_refused() {
    let desk = Desk::new().await;
    let text = "You get 20% off. ".repeat(1200);
    let (status, refusal) = desk.send(Mode::GatedSend, "nia@example.com", json!({"text_body": text})).await;
    assert_eq!((status, refusal["code"].as_str()), (422, Some("claims_too_many")), "{refusal}");
    let (_, found) = desk.call(&desk.agent, "GET", "/v1/contacts/search?email=nia@example.com", Value::Null).await;
    assert_eq!(found["contacts"], json!([]), "nothing half done");
}

#[actix_web::test]
async fn facts_named_with_a_message_must_hold() {
    let desk = Desk::new().await;
    let id = enter(&desk, Body::Offer(offer("BACK20", 20)));
    let (status, _) = desk.send(Mode::GatedSend, "moe@example.com", json!({"facts": [id]})).await;
    assert_eq!(status, 202);
    let (status, refusal) = desk.send(Mode::GatedSend, "moe@example.com", json!({"facts": ["nothing"]})).await;
    assert_eq!((status, refusal["field"].as_str()), (422, Some("facts")), "{refusal}");
}

#[actix_web::test]
async fn a_file_of_facts_is_read_row_by_row() {
    let desk = Desk::new().await;
    let max = desk.person("Max");
    let file = "name,code,percent,months,expires_on,eligible_reasons,stackable\nSpring,SPRING10,10,3,2099-04-30,too_expensive;not_using_enough,yes\nBroken,SPRING0,0,,,,\n";
    let import = |file: &str| {
        let parsed = imports::read(imports::Of::Facts(facts::Kind::Offer), file.as_bytes().to_vec()).unwrap();
        let started = desk.write(|conn| imports::start(conn, &max, "offers.csv", &parsed, desk.now())).unwrap();
        imports::run(&desk.state.db, &max, started, &parsed, clock::now, |_| {}).unwrap()
    };
    let done = import(file);
    assert_eq!((done.imported_rows, done.duplicate_rows, done.refused_rows), (1, 0, 1), "{done:?}");
    assert!(done.refused_csv.lines().nth(1).unwrap().starts_with("3,"), "{done:?}");
    let again = file.replace("10,3", "12,3");
    for (imported, known) in [(1, 0), (0, 1)] {
        let done = import(&again);
        assert_eq!((done.imported_rows, done.duplicate_rows), (imported, known), "{done:?}");
    }
    let offers = desk.read(facts::offers);
    assert_eq!((offers[0].1.percent, offers[0].1.stackable), (Some(12), true));
}

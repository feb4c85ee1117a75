//! What customers asked for: found in the changelog, drafted when it ships, ranked while it is missing.

use countersign::domain::churn::demand::{Order, demand};
use countersign::domain::churn::{Filter, answers, shipping};
use countersign::domain::contacts::{self, ConsentBasis, Search};
use countersign::domain::facts::{self, Body, ProductUpdate};
use countersign::domain::ids::FactId;
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::list::{self, ListRow};
use countersign::domain::messages::{Origin, State};
use countersign::domain::{churn, settings};
use serde_json::json;

use crate::support::{Desk, OPERATOR};

async fn left(desk: &Desk, email: &str, words: &str, mrr: i64) {
    let event = json!({"customer_email": email, "customer_name": "Sam Field", "mrr": mrr, "tenure_days": 200, "cancel_reason": "missing_features", "cancel_reason_text": words});
    let (status, answer) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    assert_eq!(status, 201, "{answer}");
}

fn ship(desk: &Desk, title: &str, days_ago: i64) -> FactId {
    let update = ProductUpdate {
        title: title.into(),
        summary: format!("The {title} is here for everybody."),
        features: vec![title.to_lowercase()],
        shipped_on: desk.now().plus_days(-days_ago).date(),
        ..ProductUpdate::default()
    };
    desk.write(|conn| facts::add(conn, &OPERATOR, Body::ProductUpdate(update), None, desk.now())).unwrap().id
}

/// As if everybody had left some days ago.
fn backdate(desk: &Desk, days: i64) {
    use diesel::prelude::*;
    let micros = days * 86_400_000_000;
    desk.write(|conn| Ok(diesel::sql_query(format!("UPDATE churn_events SET churned_at = churned_at - {micros}")).execute(conn)?)).unwrap();
}

fn all_steps(desk: &Desk) {
    while desk.write(|conn| shipping::step(conn, desk.now())).unwrap() {}
}

fn rows(desk: &Desk) -> Vec<ListRow> {
    desk.read(|conn| Ok(list::list(conn, &OPERATOR, &list::Filter { limit: 100, ..list::Filter::default() })?.0))
}

#[actix_web::test]
async fn what_ships_is_drafted_for_those_who_asked_and_held_whatever_the_mode() {
    let desk = Desk::new().await;
    let mailbox = desk.read(|conn| Ok(mailboxes::list(conn, &OPERATOR)?.into_iter().find(|mailbox| mailbox.mode == Mode::Autonomous).unwrap().id));
    desk.write(|conn| settings::set(conn, settings::WINBACK_MAILBOX, mailbox.as_str())).unwrap();
    left(&desk, "asked@example.com", "There is no spreadsheet download of our orders.", 4900).await;
    left(&desk, "other@example.com", "There is no dark theme.", 4900).await;
    left(&desk, "told@example.com", "There is no dark theme, and our eyes hurt.", 4900).await;
    left(&desk, "gone@example.com", "You have no csv export at all.", 4900).await;
    desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "gone@example.com", "tags": ["unsubscribed"]})).await;
    let filter = Search { email_key: Some("asked@example.com".into()), limit: 1, ..Search::default() };
    desk.write(|conn| {
        let asked = contacts::search(conn, &OPERATOR, &filter)?.0.remove(0).row.id;
        contacts::record_consent(conn, &OPERATOR, &asked, ConsentBasis::Consent, "sign-up form", desk.now())
    })
    .unwrap();
    // The mode would let the campaign's second message pass.
    let first = json!({"campaign": "win-back", "tags": ["win_back"], "consent_basis": "consent"});
    let (_, first) = desk.send(Mode::Autonomous, "first@example.com", first).await;
    let decision = json!({"message_id": first["id"], "decision": "approve"});
    desk.call(&desk.oversight, "GET", "/v1/oversight/pending", serde_json::Value::Null).await;
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide", decision).await.0, 200);
    left(&desk, "busy@example.com", "I cannot download our orders as a spreadsheet.", 4900).await;
    desk.send(Mode::GatedSend, "busy@example.com", json!({})).await;
    backdate(&desk, 30);
    let old = ship(&desk, "Dark theme", 20);
    let new = ship(&desk, "CSV export", 0);
    all_steps(&desk);
    let made: Vec<ListRow> = rows(&desk).into_iter().filter(|row| row.origin == Origin::Playbook).collect();
    assert_eq!(made.len(), 1, "{made:#?}");
    assert_eq!((made[0].to_address.as_str(), made[0].state), ("asked@example.com", State::Pending));
    assert_eq!(made[0].held_because.as_deref(), Some("They asked for it and it shipped: CSV export."));
    assert_eq!(made[0].claims_open, 0, "the draft says nothing that is not on record");
    let round = desk.read(|conn| shipping::round(conn, &new)).unwrap();
    assert_eq!((round.asked, round.drafted, round.finished_at.is_some()), (3, 1, true));
    assert!(desk.read(|conn| shipping::round(conn, &old)).is_none(), "an old update is history");
    let (_, told) = desk.send(Mode::GatedSend, "told@example.com", json!({"text_body": "We shipped the Dark theme."})).await;
    desk.call(&desk.oversight, "GET", "/v1/oversight/pending", serde_json::Value::Null).await;
    let decision = json!({"message_id": told["id"], "decision": "approve"});
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide", decision).await.0, 200);
    desk.drain().await;
    let max = desk.person("Max");
    desk.write(|conn| shipping::start(conn, &max, &old, desk.now())).unwrap();
    all_steps(&desk);
    let mut to: Vec<String> = rows(&desk).into_iter().filter(|row| row.origin == Origin::Playbook).map(|row| row.to_address).collect();
    to.sort_unstable();
    assert_eq!(to, ["asked@example.com", "other@example.com"]);
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 2, "only what a person approved");
}

#[actix_web::test]
async fn a_round_waits_for_the_day_it_ships() {
    let desk = Desk::new().await;
    left(&desk, "asked@example.com", "There is no csv export.", 4900).await;
    backdate(&desk, 30);
    let id = ship(&desk, "CSV export", -3);
    all_steps(&desk);
    assert!(rows(&desk).is_empty() && desk.read(|conn| shipping::round(conn, &id)).unwrap().finished_at.is_none());
    while desk.write(|conn| shipping::step(conn, desk.now().plus_days(3))).unwrap() {}
    assert_eq!(rows(&desk).len(), 1);
}

#[actix_web::test]
async fn people_teach_which_update_answers_and_which_words_mean_the_same() {
    let desk = Desk::new().await;
    let rita = desk.person("Rita");
    left(&desk, "asked@example.com", "We need a frobnicator for our orders.", 4900).await;
    backdate(&desk, 30);
    let id = ship(&desk, "Order whirligig", 20);
    let event = desk.read(|conn| Ok(churn::list(conn, &OPERATOR, &Filter { limit: 1, ..Filter::default() })?.0.remove(0)));
    let found = |desk: &Desk| desk.read(|conn| answers::answers(conn, &event, desk.now()));
    let matched = |desk: &Desk| found(desk).iter().any(|answer| answer.id == id && answer.found.via.iter().any(|via| via.contains("frobnicator")));
    assert!(!matched(&desk));
    let max = desk.person("Max");
    let refusal = desk.write(|conn| answers::set_synonyms(conn, &max, "alone", desk.now())).unwrap_err();
    assert!(refusal.detail.starts_with("Line 1"), "{}", refusal.detail);
    desk.write(|conn| answers::set_synonyms(conn, &max, "frobnicator, order whirligig", desk.now())).unwrap();
    assert!(matched(&desk), "{:?}", found(&desk));
    let path = format!("/api/v1/churn-events/{}/matches", event.id);
    let (_, shown) = desk.call(&desk.agent, "GET", &path, serde_json::Value::Null).await;
    assert_eq!((shown["matches"][0]["title"].as_str(), shown["threshold"].as_i64()), (Some("Order whirligig"), Some(35)), "{shown}");
    let before = desk.read(answers::threshold);
    desk.write(|conn| answers::judge(conn, &rita, &event.id, &id, false, desk.now())).unwrap();
    assert!(found(&desk).is_empty());
    let (_, shown) = desk.call(&desk.agent, "GET", &path, serde_json::Value::Null).await;
    assert_eq!(shown["matches"][0]["accepted"], false, "{shown}");
    desk.write(|conn| answers::judge(conn, &rita, &event.id, &id, true, desk.now())).unwrap();
    assert_eq!(found(&desk)[0].accepted, Some(true));
    assert!(desk.read(answers::threshold) <= before);
}

#[actix_web::test]
async fn unmet_needs_are_ranked_and_met_ones_are_left_out() {
    let desk = Desk::new().await;
    left(&desk, "a@example.com", "There is no single sign-on.", 4900).await;
    left(&desk, "b@example.com", "We need single sign-on for our team.", 4900).await;
    left(&desk, "c@example.com", "There is no Magento integration.", 20_000).await;
    left(&desk, "d@example.com", "There is no csv export.", 90_000).await;
    backdate(&desk, 30);
    ship(&desk, "CSV export", 20);
    let quotes = |order| {
        let (needs, looked_at) = desk.read(|conn| demand(conn, &OPERATOR, order, desk.now()));
        assert_eq!(looked_at, 4);
        needs.into_iter().map(|need| (need.voices.len(), need.lost[0].minor, need.voices[0].quote.clone())).collect::<Vec<_>>()
    };
    let by_revenue = quotes(Order::Revenue);
    assert_eq!(by_revenue.iter().map(|need| (need.0, need.1)).collect::<Vec<_>>(), [(1, 20_000), (2, 9_800)], "{by_revenue:?}");
    assert!(by_revenue[0].2.contains("Magento") && by_revenue[1].2.contains("single sign-on"), "{by_revenue:?}");
    assert_eq!(quotes(Order::Customers)[0].0, 2);
    let (_, report) = desk.call(&desk.agent, "GET", "/v1/reports/demand?order=customers", serde_json::Value::Null).await;
    assert_eq!(report["needs"][0]["customers"], 2, "{report}");
}

//! What a looser mode would have let out, and what people did with it.

use countersign::domain::mailboxes::{Mode, backtest};
use countersign::domain::messages::DecisionKind;
use countersign::domain::messages::content::Words;
use countersign::domain::messages::edit::edit;
use serde_json::json;

use crate::support::{Browser, Desk, sql};

const PATH: &str = "/v1/mailboxes/gated-send@sender.example/backtest";

#[actix_web::test]
async fn a_looser_mode_would_have_let_out_what_people_edited_and_rejected_and_they_are_named() {
    let desk = Desk::new().await;
    let watch = desk.key(&[countersign::domain::actor::Scope::OversightRead]);
    let (_, empty) = desk.call(&watch, "GET", PATH, json!(null)).await;
    assert_eq!((empty["unreviewed"].as_i64(), empty["recommended"].is_null()), (Some(0), true), "{empty}");
    for n in 0..3 {
        let message = desk.pending(&format!("a{n}@example.com"), json!({})).await;
        desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    }
    let rejected = desk.pending("b@example.com", json!({"subject": "A <b>bold</b> claim"})).await;
    desk.decide("Rita", &rejected, DecisionKind::Reject).unwrap();
    let changed = desk.pending("c@example.com", json!({})).await;
    let (rob, words) = (desk.person("Rob"), Words { subject: "Milder".into(), text: Some("Words".into()), html: None });
    desk.write(|conn| edit(conn, &rob, &changed.row.id, &words, None, desk.now())).unwrap();
    desk.decide("Rita", &desk.message(changed.row.id.as_str()), DecisionKind::Approve).unwrap();
    let back = desk.pending("d@example.com", json!({})).await;
    desk.decide("Rita", &back, DecisionKind::RequestChanges).unwrap();
    desk.pending("e@example.com", json!({})).await;
    // A claim that rests on nothing is held in every mode, and what was handed in long ago is not looked at.
    desk.pending("f@example.com", json!({"text_body": "Hello,\n\nyou get 97% off.\n\nBye"})).await;
    let old = desk.pending("g@example.com", json!({})).await;
    sql(&desk, &format!("UPDATE messages SET submitted_at = {} WHERE id = '{}'", desk.now().plus_days(-91).micros(), old.row.id));

    let (status, found) = desk.call(&watch, "GET", &format!("{PATH}?mode=monitored"), json!(null)).await;
    assert_eq!(status, 200, "{found}");
    let numbers = ["unreviewed", "as_written", "edited", "rejected", "sent_back", "undecided"].map(|name| found[name].as_i64().unwrap());
    assert_eq!(numbers, [7, 3, 1, 1, 1, 1], "{found}");
    assert_eq!((found["stopped_percent"].as_f64(), found["interval_95"].is_null(), found["recommended"].is_null()), (Some(50.0), true, true));
    let words = "Under “Monitored”, 7 would have gone unreviewed, of which people edited 1, rejected 1, sent back 1. Too few were decided to recommend anything: 6.";
    assert_eq!(found["in_words"], words);
    let caught = found["caught"].as_array().unwrap();
    let done: Vec<&str> = caught.iter().map(|one| one["done"].as_str().unwrap()).collect();
    assert_eq!(done, ["sent back", "edited", "rejected"]);
    assert_eq!((caught[2]["id"].as_str(), caught[2]["reason"].as_str()), (Some(rejected.row.id.as_str()), Some("because")));

    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&format!("/mailboxes/{}", desk.mailbox(Mode::GatedSend).id)).await.body;
    assert!(
        page.contains("7 would have gone unreviewed, of which people edited 1, rejected 1, sent back 1.") && page.contains("A &#60;b&#62;bold"),
        "{page}"
    );
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert!(!rita.get(&format!("/mailboxes/{}", desk.mailbox(Mode::GatedSend).id)).await.body.contains("would have gone"));
}

#[actix_web::test]
async fn only_a_looser_mode_is_tried_and_nothing_changes_by_it() {
    let desk = Desk::new().await;
    let watch = desk.key(&[countersign::domain::actor::Scope::OversightRead]);
    for (mode, days) in [("gated_all", "90"), ("gated_send", "90"), ("loose", "90"), ("monitored", "0"), ("monitored", "366")] {
        let (status, refused) = desk.call(&watch, "GET", &format!("{PATH}?mode={mode}&days={days}"), json!(null)).await;
        assert_eq!((status, refused["code"].as_str()), (422, Some("field_invalid")), "{mode} {days}: {refused}");
    }
    assert_eq!(desk.call(&desk.agent, "GET", PATH, json!(null)).await.0, 403);
    assert_eq!(desk.call(&watch, "GET", PATH, json!(null)).await.0, 200);
    assert_eq!(desk.mailbox(Mode::GatedSend).mode, Mode::GatedSend);
}

#[actix_web::test]
async fn a_mode_is_recommended_only_when_the_upper_end_of_the_interval_is_small() {
    let desk = Desk::new().await;
    let found = desk.read(|conn| backtest::of_looser(conn, &crate::support::OPERATOR, &desk.mailbox(Mode::GatedSend), desk.now()));
    let one = found[0].clone();
    for (as_written, rejected, recommended) in
        [(19, 0, None), (100, 0, Some(false)), (300, 0, Some(true)), (300, 5, Some(false)), (2000, 10, Some(true))]
    {
        let tried = backtest::Backtest { unreviewed: as_written + rejected, as_written, rejected, ..one.clone() };
        assert_eq!(tried.recommended(), recommended, "{as_written} and {rejected}: {}", tried.advice());
        assert_eq!(tried.advice().contains("speaks for"), recommended == Some(true), "{}", tried.advice());
    }
}
